"""`spectronctl keys`: mint, list, revoke and rotate the keys of a context."""

from __future__ import annotations

import argparse

from spectron_adapters import SyncSpectronManagement
from spectron_adapters.cli.command import OK, group, positive, say, show, text
from spectron_adapters.cli.operator import add_connection, managed
from spectron_adapters.models import ManagedKey

__all__ = ["KEYS"]


def _add_context(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("context", type=text, metavar="CONTEXT", help="the context's id")
    add_connection(parser)


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("context", type=text, metavar="CONTEXT", help="the context's id")
    parser.add_argument("name", type=text, metavar="NAME", help="the key's name")
    add_connection(parser)


def _add_lifetime(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ttl-seconds", type=positive, metavar="N", help="how long it works from now on"
    )


def _add_create(parser: argparse.ArgumentParser) -> None:
    _add_name(parser)
    parser.add_argument(
        "--principal",
        choices=("agent", "supervisor"),
        default="agent",
        help="a supervisor may also persist reflections (default: %(default)s)",
    )
    parser.add_argument("--scope-floor", type=text, metavar="PATH", help="confines it to a subtree")
    parser.add_argument(
        "--grant",
        type=_grant,
        action="append",
        default=[],
        metavar="VERB=PATTERN",
        help="for example memory:read=org/acme/*; may be repeated (default: what its kind may do)",
    )
    parser.add_argument(
        "--strict", action="store_true", help="reads outside its region fail instead of being empty"
    )
    _add_lifetime(parser)


def _grant(typed: str) -> tuple[str, str]:
    verb, equals, pattern = typed.partition("=")
    if not (verb and equals and pattern):
        raise argparse.ArgumentTypeError("must be VERB=PATTERN, such as memory:read=org/acme/*")
    return verb, pattern


def _show_secret(key: ManagedKey, *, as_json: bool) -> int:
    if as_json:
        show(key.model_dump(exclude_none=True))
        return OK
    say(f"{key.name or key.id}: {key.key}")
    say("This secret is shown only now; keep it safe.")
    if key.valid_until:
        say(f"It works until {key.valid_until}.")
    return OK


def _create(admin: SyncSpectronManagement, arguments: argparse.Namespace) -> int:
    grants: dict[str, list[str]] = {}
    for verb, pattern in arguments.grant:
        grants.setdefault(verb, []).append(pattern)
    made = admin.keys.create(
        arguments.context,
        arguments.name,
        principal=arguments.principal,
        scope_floor=arguments.scope_floor,
        grants=grants or None,
        strict=arguments.strict or None,
        ttl_seconds=arguments.ttl_seconds,
    )
    return _show_secret(made, as_json=arguments.json)


def _list(admin: SyncSpectronManagement, arguments: argparse.Namespace) -> int:
    found = admin.keys.list(arguments.context)
    if arguments.json:
        show([key.model_dump(exclude_none=True) for key in found])
        return OK
    for key in found:
        until = f"until {key.valid_until}" if key.valid_until else "without end"
        say(f"{key.name or key.id}\t{key.principal_id or ''}\t{key.created_at}\t{until}")
    return OK


def _delete(admin: SyncSpectronManagement, arguments: argparse.Namespace) -> int:
    admin.keys.delete(arguments.context, arguments.name)
    if arguments.json:
        show({"deleted": arguments.name})
    else:
        say(f"{arguments.name} is revoked")
    return OK


def _add_rotate(parser: argparse.ArgumentParser) -> None:
    _add_name(parser)
    _add_lifetime(parser)


def _rotate(admin: SyncSpectronManagement, arguments: argparse.Namespace) -> int:
    rotated = admin.keys.rotate(
        arguments.context, arguments.name, ttl_seconds=arguments.ttl_seconds
    )
    return _show_secret(rotated, as_json=arguments.json)


KEYS = group(
    "keys",
    "Mint, list, revoke and rotate the keys of a context.",
    (
        managed("create", "Mint a key; its secret is shown once.", _add_create, _create),
        managed("list", "List keys, without their secrets.", _add_context, _list),
        managed("delete", "Revoke a key; it stops working at once.", _add_name, _delete),
        managed("rotate", "Give a key a new secret.", _add_rotate, _rotate),
    ),
)
