"""`spectronctl`, the command line.

Every subcommand is one `Command`: what it is called, which arguments it takes, what it does. Exit
codes: 0 all well, 1 something failed or did not hold, 2 the command cannot run as typed, 130
interrupted. Imports public names; a framework only inside the command that needs it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from spectron_adapters.errors import SpectronError

__all__ = ["COMMANDS", "Command", "UsageError", "main"]

_OK, _FAILED, _USAGE, _INTERRUPTED = 0, 1, 2, 130


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `spectronctl`.

    Args:
        arguments: What was typed after the program's name; `sys.argv` unless given.

    Returns:
        The exit code.

    Raises:
        SystemExit: With 2 for wrong arguments, with 0 after `--help` and `--version`.
    """
    parsed = _parser().parse_args(arguments)
    command: Command = parsed.command
    try:
        return command.run(parsed)
    except UsageError as error:
        return _complain(command, error, _USAGE)
    except SpectronError as error:
        return _complain(command, error, _FAILED)
    except KeyboardInterrupt:
        return _complain(command, "interrupted", _INTERRUPTED)
    except BrokenPipeError:
        # The reader has gone; without this, the interpreter complains again while closing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED


def _complain(command: Command, trouble: object, code: int) -> int:
    print(f"spectronctl {command.name}: {trouble}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spectronctl",
        description="Lasting memory for LangChain, LangGraph and LlamaIndex.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"spectronctl {version('spectron-adapters')}"
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        subparser = subparsers.add_parser(
            command.name, help=command.summary, description=command.summary, allow_abbrev=False
        )
        command.add_arguments(subparser)
        subparser.set_defaults(command=command)
    return parser


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError("must be a whole number, 1 or more")
    return number


def _text(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be blank")
    return text


def _new_file(text: str) -> Path:
    path = Path(text)
    if path.exists():
        raise argparse.ArgumentTypeError(f"{path} exists; name a new file")
    if not path.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"{path.parent} is not a folder")
    return path


def _add_demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--transcript",
        type=Path,
        metavar="FILE",
        help="replay this instead of the built-in conversations: JSONL with role, content, ts, "
        "session and user on every line, or LoCoMo's JSON",
    )
    parser.add_argument(
        "--db",
        type=_new_file,
        metavar="FILE",
        help="keep the memories in this new file (default: a temporary one)",
    )
    parser.add_argument(
        "--ask",
        type=_text,
        action="append",
        default=[],
        metavar="QUESTION",
        help="ask this, as every user, instead of the transcript's questions; may be repeated",
    )
    parser.add_argument(
        "--questions",
        type=_positive,
        default=40,
        metavar="N",
        help="ask at most this many questions per user (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")


def _run_demo(arguments: argparse.Namespace) -> int:
    _require(
        ("langchain_core", "langchain"),
        ("langchain_classic", "langchain-classic"),
        ("llama_index.core", "llama-index"),
    )
    from spectron_adapters.demo.loading import TranscriptError  # noqa: PLC0415
    from spectron_adapters.demo.run import run_demo  # noqa: PLC0415  # loads the frameworks

    try:
        holds = run_demo(
            transcript=arguments.transcript,
            database=arguments.db,
            ask=arguments.ask,
            questions=arguments.questions,
            as_json=arguments.json,
        )
    except TranscriptError as error:
        raise UsageError(error) from error
    return _OK if holds else _FAILED


def _require(*packages: tuple[str, str]) -> None:
    """Check that packages are installed, each given with the extra that installs it."""
    missing = [extra for package, extra in packages if not _is_installed(package)]
    if missing:
        raise UsageError(
            "needs packages that are not installed: "
            f"pip install 'spectron-adapters[{','.join(missing)}]'"
        )


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # the package above it
        return False


COMMANDS = (
    Command(
        name="demo",
        summary="Replay conversations, restart, recall them with citations, and keep users apart.",
        add_arguments=_add_demo_arguments,
        run=_run_demo,
    ),
)


if __name__ == "__main__":
    raise SystemExit(main())
