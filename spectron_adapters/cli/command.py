"""What a subcommand is made of: its declaration, its argument types, its way to speak.

Imports the standard library only.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

__all__ = [
    "FAILED",
    "INTERRUPTED",
    "OK",
    "USAGE",
    "Command",
    "UsageError",
    "add_json",
    "group",
    "new_file",
    "positive",
    "require",
    "say",
    "show",
    "text",
]

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


class UsageError(ValueError):
    """The command cannot run as typed; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Command:
    """One subcommand.

    Attributes:
        name: What is typed.
        summary: One line for the overview.
        add_arguments: Declares its arguments.
        run: Does it, and returns the exit code.
    """

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def group(name: str, summary: str, commands: Sequence[Command]) -> Command:
    """A command whose next word chooses among commands of its own."""

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        choices = parser.add_subparsers(metavar="ACTION", required=True)
        for command in commands:
            subparser = choices.add_parser(
                command.name, help=command.summary, description=command.summary, allow_abbrev=False
            )
            command.add_arguments(subparser)
            subparser.set_defaults(action=command)

    def run(arguments: argparse.Namespace) -> int:
        action: Command = arguments.action
        return action.run(arguments)

    return Command(name, summary, add_arguments, run)


def say(line: str) -> None:
    """Write a line at once, even into a pipe."""
    print(line, flush=True)


def show(document: object) -> None:
    """Write one JSON document."""
    say(json.dumps(document, ensure_ascii=False, indent=2))


def add_json(parser: argparse.ArgumentParser) -> None:
    """Declare `--json`."""
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")


def positive(typed: str) -> int:
    """The type of arguments that are counts."""
    number = int(typed) if typed.isascii() and typed.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError("must be a whole number, 1 or more")
    return number


def text(typed: str) -> str:
    """The type of arguments that must say something."""
    if not typed.strip():
        raise argparse.ArgumentTypeError("must not be blank")
    return typed


def new_file(typed: str) -> Path:
    """The type of arguments that name a file to be made."""
    path = Path(typed)
    if path.exists():
        raise argparse.ArgumentTypeError(f"{path} exists; name a new file")
    if not path.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"{path.parent} is not a folder")
    return path


def require(*packages: tuple[str, str]) -> None:
    """Check that packages are installed, each given with the extra that installs it.

    Raises:
        UsageError: Naming the extras that are missing.
    """
    missing = [extra for package, extra in packages if not _is_installed(package)]
    if missing:
        raise UsageError(
            "needs packages that are not installed: "
            f"pip install 'spectron-adapters[{','.join(missing)}]'"
        )


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ModuleNotFoundError, ValueError):  # the package above it, or one that is blocked
        return False
