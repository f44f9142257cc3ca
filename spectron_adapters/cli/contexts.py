"""`spectronctl contexts`: create, list, get, update and delete contexts."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

from spectron_adapters import SyncSpectronManagement
from spectron_adapters.cli.command import (
    FAILED,
    OK,
    UsageError,
    group,
    positive,
    say,
    show,
    text,
)
from spectron_adapters.cli.operator import add_connection, managed
from spectron_adapters.models import Context

__all__ = ["CONTEXTS"]

_MODELS = ("extraction", "response", "reflection", "reconciliation")


def _add_id(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=text, metavar="ID", help="the context")
    add_connection(parser)


def _add_configuration(parser: argparse.ArgumentParser) -> None:
    for task in _MODELS:
        parser.add_argument(
            f"--model-{task}", type=text, metavar="MODEL", help="for example openai/gpt-4o-mini"
        )
    parser.add_argument("--token-limit", type=positive, metavar="N", help="a soft limit of tokens")
    parser.add_argument(
        "--retention-days", type=positive, metavar="N", help="how long data is kept"
    )
    parser.add_argument(
        "--provider",
        type=_provider,
        action="append",
        default=[],
        metavar="NAME=VARIABLE",
        help="a provider, with the environment variable that holds its key; may be repeated",
    )
    parser.add_argument(
        "--config", type=_json_object, default={}, metavar="JSON", help="any further configuration"
    )


def _provider(typed: str) -> tuple[str, str]:
    name, equals, variable = typed.partition("=")
    if not (name and equals and variable):
        raise argparse.ArgumentTypeError("must be NAME=VARIABLE, such as openai=OPENAI_API_KEY")
    if not os.environ.get(variable):
        raise argparse.ArgumentTypeError(
            f"what follows {name}= names no environment variable; give its name, not the key"
        )
    return name, os.environ[variable]


def _json_object(typed: str) -> dict[str, Any]:
    try:
        found = json.loads(typed)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError("must be a JSON object")
    return found


def _configuration(arguments: argparse.Namespace) -> dict[str, Any] | None:
    """The configuration that was typed; None when nothing was."""
    config = dict(arguments.config)
    models = {task: getattr(arguments, f"model_{task}") for task in _MODELS}
    given = {task: model for task, model in models.items() if model is not None}
    if given:
        config["models"] = {**config.get("models", {}), **given}
    for name in ("token_limit", "retention_days"):
        if getattr(arguments, name) is not None:
            config[name] = getattr(arguments, name)
    if arguments.provider:
        config["providers"] = {**config.get("providers", {}), **dict(arguments.provider)}
    return config or None


def _show(context: Context, *, as_json: bool) -> None:
    if as_json:
        show(context.model_dump(exclude_none=True))
        return
    say(f"{context.id}: namespace {context.namespace}, database {context.database}")
    say(f"  created {context.created_at or 'at an unknown time'}")
    if context.enforcement_blocked:
        say("  calls that need a language model are blocked")
    for name, value in sorted(context.config.items()):
        say(f"  {name}: {json.dumps(value, ensure_ascii=False)}")


# --- create -------------------------------------------------------------------------------------


def _add_create(parser: argparse.ArgumentParser) -> None:
    _add_id(parser)
    parser.add_argument("--namespace", type=text, required=True, help="of its database")
    parser.add_argument("--database", type=text, required=True, help="its name")
    parser.add_argument("--description", type=text, help="what it is for")
    _add_configuration(parser)


def _create(admin: SyncSpectronManagement, arguments: argparse.Namespace) -> int:
    made = admin.contexts.create(
        arguments.id,
        namespace=arguments.namespace,
        database=arguments.database,
        config=_configuration(arguments),
        description=arguments.description,
    )
    _show(made, as_json=arguments.json)
    return OK


# --- list, get ----------------------------------------------------------------------------------


def _list(admin: SyncSpectronManagement, arguments: argparse.Namespace) -> int:
    contexts = admin.contexts.list()
    if arguments.json:
        show([context.model_dump(exclude_none=True) for context in contexts])
        return OK
    for context in contexts:
        say(f"{context.id}\t{context.namespace}/{context.database}\t{context.created_at}")
    return OK


def _get(admin: SyncSpectronManagement, arguments: argparse.Namespace) -> int:
    _show(admin.contexts.get(arguments.id), as_json=arguments.json)
    return OK


# --- update -------------------------------------------------------------------------------------


def _add_update(parser: argparse.ArgumentParser) -> None:
    _add_id(parser)
    _add_configuration(parser)
    parser.add_argument(
        "--enforcement-blocked",
        choices=("true", "false"),
        help="whether calls that need a language model are refused",
    )


def _update(admin: SyncSpectronManagement, arguments: argparse.Namespace) -> int:
    blocked = arguments.enforcement_blocked
    config = _configuration(arguments)
    if config is None and blocked is None:
        raise UsageError("nothing to change was given; see --help")
    changed = admin.contexts.patch(
        arguments.id,
        config=config,
        enforcement_blocked=None if blocked is None else blocked == "true",
    )
    _show(changed, as_json=arguments.json)
    return OK


# --- delete -------------------------------------------------------------------------------------


def _add_delete(parser: argparse.ArgumentParser) -> None:
    _add_id(parser)
    parser.add_argument(
        "--yes", action="store_true", help="do not ask; scripts are not asked either"
    )


def _delete(admin: SyncSpectronManagement, arguments: argparse.Namespace) -> int:
    if not arguments.yes and sys.stdin.isatty() and sys.stdout.isatty():
        typed = input(f"This erases all data and keys of {arguments.id}. Type its id to go on: ")
        if typed.strip() != arguments.id:
            say("Nothing was deleted.")
            return FAILED
    admin.contexts.delete(arguments.id)
    if arguments.json:
        show({"deleted": arguments.id})
    else:
        say(f"{arguments.id} is deleted, with its data and its keys")
    return OK


CONTEXTS = group(
    "contexts",
    "Create, list, show, change and delete contexts.",
    (
        managed("create", "Create a context with its own database.", _add_create, _create),
        managed("list", "List the contexts of a deployment.", add_connection, _list),
        managed("get", "Show a context and its configuration.", _add_id, _get),
        managed("update", "Merge into a context's configuration.", _add_update, _update),
        managed("delete", "Drop a context with its data and keys, for good.", _add_delete, _delete),
    ),
)
