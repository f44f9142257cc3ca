"""`spectronctl demo`."""

from __future__ import annotations

import argparse
from pathlib import Path

from spectron_adapters.cli.command import (
    FAILED,
    OK,
    Command,
    UsageError,
    add_json,
    new_file,
    positive,
    require,
    text,
)

__all__ = ["DEMO"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--transcript",
        type=Path,
        metavar="FILE",
        help="replay this instead of the built-in conversations: JSONL with role, content, ts, "
        "session and user on every line, or LoCoMo's JSON",
    )
    parser.add_argument(
        "--db",
        type=new_file,
        metavar="FILE",
        help="keep the memories in this new file (default: a temporary one)",
    )
    parser.add_argument(
        "--ask",
        type=text,
        action="append",
        default=[],
        metavar="QUESTION",
        help="ask this, as every user, instead of the transcript's questions; may be repeated",
    )
    parser.add_argument(
        "--questions",
        type=positive,
        default=40,
        metavar="N",
        help="ask at most this many questions per user (default: %(default)s)",
    )
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    require(
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
    return OK if holds else FAILED


DEMO = Command(
    name="demo",
    summary="Replay conversations, restart, recall them with citations, and keep users apart.",
    add_arguments=_add_arguments,
    run=_run,
)
