"""`spectronctl serve`: the engine on a port."""

from __future__ import annotations

import argparse
import json
import os
import secrets
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from spectron_adapters.cli.command import (
    OK,
    Command,
    UsageError,
    add_json,
    positive,
    require,
    say,
    text,
)
from spectron_adapters.errors import SpectronError

if TYPE_CHECKING:
    from spectron_adapters.local.server import ServerSettings

__all__ = ["SERVE"]

_API_KEY, _MANAGEMENT_KEY = "SPECTRON_API_KEY", "SPECTRON_MANAGEMENT_KEY"


def _port(typed: str) -> int:
    if not (typed.isascii() and typed.isdecimal()) or int(typed) > 65535:  # noqa: PLR2004  # 16 bits
        raise argparse.ArgumentTypeError("must be a port, 0 to 65535")
    return int(typed)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--db",
        type=text,
        metavar="FILE",
        help="the database file, made when it does not exist; without one, everything is gone "
        "when the server stops",
    )
    parser.add_argument("--host", type=text, default="127.0.0.1", help="(default: %(default)s)")
    parser.add_argument(
        "--port", type=_port, default=9090, help="0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--context",
        type=text,
        default="default",
        metavar="NAME",
        help="made when it does not exist (default: %(default)s)",
    )
    _add_secrets(parser)
    _add_manners(parser)
    add_json(parser)


def _add_secrets(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--api-key",
        type=text,
        metavar="KEY",
        help="a key for the context's administrator; arguments can be seen by other users of the "
        f"machine, so prefer ${_API_KEY} (default: one is made at the first start)",
    )
    parser.add_argument(
        "--management-key",
        type=text,
        metavar="KEY",
        help=f"opens the management plane; prefer ${_MANAGEMENT_KEY} (default: a new one at each "
        "start)",
    )


def _add_manners(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers",
        type=positive,
        default=1,
        metavar="N",
        help="processes over the one file (default: %(default)s)",
    )
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="of the JSON lines on standard error (default: %(default)s)",
    )
    parser.add_argument(
        "--synchronous",
        choices=("FULL", "NORMAL"),
        default="FULL",
        help="NORMAL is faster and may lose the last writes in a power cut (default: %(default)s)",
    )
    parser.add_argument(
        "--no-auto-register-scopes",
        action="store_true",
        help="refuse writes to scopes that were not registered",
    )
    parser.add_argument(
        "--upload-limit",
        type=positive,
        default=50 * 1024 * 1024,
        metavar="BYTES",
        help="most bytes of an uploaded document (default: %(default)s)",
    )


def _settings(arguments: argparse.Namespace) -> ServerSettings:
    from spectron_adapters.local.server import ServerSettings  # noqa: PLC0415  # loads the engine

    if arguments.db is None and arguments.workers > 1:
        raise UsageError("--workers needs --db: processes share nothing but a file")
    try:
        return ServerSettings(
            path=arguments.db,
            context=arguments.context,
            api_key=arguments.api_key or os.environ.get(_API_KEY) or None,
            management_key=arguments.management_key or os.environ.get(_MANAGEMENT_KEY) or None,
            synchronous=arguments.synchronous,
            auto_register_scopes=not arguments.no_auto_register_scopes,
            upload_limit=arguments.upload_limit,
        )
    except ValueError as error:
        raise UsageError(error) from error


def _run(arguments: argparse.Namespace) -> int:
    require(("uvicorn", "server"))
    from spectron_adapters.local.server import serving  # noqa: PLC0415  # loads uvicorn
    from spectron_adapters.local.server.workers import serve_with_workers  # noqa: PLC0415  # too

    settings = _settings(arguments)
    made = None if settings.management_key else f"mk-{secrets.token_urlsafe(32)}"
    settings = replace(settings, management_key=settings.management_key or made)
    try:
        listener = serving.listen(arguments.host, arguments.port)
        app, first_key = serving.prepare(settings)
        announce = partial(
            _announce, arguments, listener.getsockname(), settings, first_key=first_key, made=made
        )
        if arguments.workers == 1:
            serving.serve(app, listener, on_ready=announce, log_level=arguments.log_level)
            return OK
        app.engine.close()
        serve_with_workers(
            settings,
            listener,
            workers=arguments.workers,
            on_ready=announce,
            log_level=arguments.log_level,
        )
    except serving.ServingError as error:
        raise SpectronError(str(error)) from error
    except ValueError as error:
        raise UsageError(error) from error
    return OK


def _announce(
    arguments: argparse.Namespace,
    address: tuple[str, int],
    settings: ServerSettings,
    *,
    first_key: str | None,
    made: str | None,
) -> None:
    """Say where the service is, and the secrets that nobody else knows."""
    host, port = address[:2]
    endpoint = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    if arguments.json:
        told = {"endpoint": endpoint, "context": settings.context}
        say(json.dumps({**told, "api_key": first_key, "management_key": made}))
        return
    say(f"Spectron serves context {settings.context!r} at {endpoint}")
    say(f"  memory: {settings.path or 'in this process only; gone when it stops'}")
    if first_key is not None:
        say(f"  API key, shown only now: {first_key}")
    elif settings.api_key is None:
        say("  API keys: those of the file; mint another with spectronctl keys create")
    if made is not None:
        say(f"  management key, for this run: {made}")
    say(f"Connect with Spectron({settings.context!r}, {endpoint!r}, API_KEY). Stop with Ctrl+C.")


SERVE = Command(
    name="serve",
    summary="Serve a memory on a port, for other processes and languages.",
    add_arguments=_add_arguments,
    run=_run,
)
