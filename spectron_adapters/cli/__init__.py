"""`spectronctl`, the command line.

Every subcommand is one `Command`: what it is called, which arguments it takes, what it does. Exit
codes: 0 all well, 1 something failed or did not hold, 2 the command cannot run as typed, 130
interrupted. Imports public names; a framework or a web server only inside the command that needs
it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from spectron_adapters.cli.command import FAILED, INTERRUPTED, USAGE, Command, UsageError
from spectron_adapters.cli.contexts import CONTEXTS
from spectron_adapters.cli.demo import DEMO
from spectron_adapters.cli.keys import KEYS
from spectron_adapters.cli.serve import SERVE
from spectron_adapters.errors import SpectronError

__all__ = ["COMMANDS", "Command", "UsageError", "main"]

COMMANDS: tuple[Command, ...] = (DEMO, SERVE, CONTEXTS, KEYS)


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
        return _complain(command, error, USAGE)
    except SpectronError as error:
        return _complain(command, error, FAILED)
    except KeyboardInterrupt:
        return _complain(command, "interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader has gone; without this, the interpreter complains again while closing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


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
