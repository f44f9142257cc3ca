"""The first process: replays the conversations, closes the file, starts the second, sums up."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import BaseModel

from spectron_adapters import Spectron
from spectron_adapters.demo.plan import Plan
from spectron_adapters.demo.replay import Stored, replay
from spectron_adapters.demo.report import Answer, Check, Findings, Report
from spectron_adapters.demo.screen import Screen, open_screen
from spectron_adapters.demo.transcript import Transcript
from spectron_adapters.errors import SpectronError

__all__ = ["Summary", "run_demo"]


class Summary(BaseModel):
    """The whole run, as `--json` prints it.

    Attributes:
        ok: Whether every claim holds.
        transcript: What was replayed.
        file: Where the memories are kept; None if they are gone.
        users: Who spoke, as `org/user`.
        sessions: How many.
        turns: How many were to be stored.
        answered: How many questions brought back some of what was expected.
        recall: Mean share of the evidence among the first ten memories.
        seconds: How long everything took.
        checks: Every claim.
        answers: Every answer.
    """

    ok: bool
    transcript: str
    file: str | None
    users: list[str]
    sessions: int
    turns: int
    answered: int
    recall: float | None
    seconds: float
    checks: list[Check]
    answers: list[Answer]


def run_demo(
    *,
    transcript: Path | None = None,
    database: Path | None = None,
    ask: Sequence[str] = (),
    questions: int = 40,
    as_json: bool = False,
) -> bool:
    """Replay, restart, ask, isolate, read elsewhere.

    Args:
        transcript: A file to replay; None for the built-in conversations.
        database: A new file to keep; None for one that is removed at the end.
        ask: Questions that every user asks in place of the transcript's.
        questions: How many to ask per user at most.
        as_json: Whether to print one JSON document in place of everything else.

    Returns:
        Whether everything held.

    Raises:
        TranscriptError: The transcript cannot be read or asked about; nothing was written.
    """
    started = time.monotonic()
    screen = open_screen(silent=as_json)
    with TemporaryDirectory(prefix="spectron-demo-") as folder:
        plan = Plan(
            database=database or Path(folder, "demo.db"),
            report=Path(folder, "report.json"),
            transcript=transcript,
            ask=tuple(ask),
            limit=questions,
            silent=as_json,
        )
        told = plan.read_transcript()
        plan.choose_questions(told)
        _announce(told, plan, screen)
        findings = Findings(screen)
        if _store(plan, told, findings):
            _reopen(plan, findings)
    summary = _summary(told, database, findings.report, time.monotonic() - started)
    if as_json:
        sys.stdout.write(f"{summary.model_dump_json(indent=2)}\n")
        sys.stdout.flush()
    else:
        _conclude(summary, screen)
    return summary.ok


def _announce(transcript: Transcript, plan: Plan, screen: Screen) -> None:
    users = ", ".join(user.user for user in transcript.users)
    screen.line(("spectronctl demo", "bold"), f"  {transcript.source}")
    screen.line((f"users {users}; memory in {plan.database}", "dim"))


def _store(plan: Plan, transcript: Transcript, findings: Findings) -> bool:
    """Replay everything into a new file, and close it."""
    findings.step(1, "Replay: conversations go in through LangChain")
    started = time.monotonic()
    claim = f"{transcript.turn_count} turns of {len(transcript.conversations)} sessions are stored"
    try:
        with (
            Spectron.local(plan.database) as client,
            findings.screen.progress("replaying", transcript.turn_count) as advance,
        ):
            stored = replay(client, transcript, advance)
    except SpectronError as error:
        findings.failed(claim, expected="every write acknowledged", found=str(error))
        return False
    findings.passed(claim, _by_class(stored, time.monotonic() - started))
    return True


def _by_class(stored: Stored, seconds: float) -> str:
    return (
        f"{stored.by_history} by SpectronChatMessageHistory, {stored.by_memory} by SpectronMemory, "
        f"{seconds:.1f} s"
    )


def _reopen(plan: Plan, findings: Findings) -> None:
    """Have another process open the file, and take over what it finds."""
    sys.stdout.flush()
    done = subprocess.run(  # noqa: S603  # this interpreter, a module of this package
        [sys.executable, "-m", "spectron_adapters.demo", plan.model_dump_json()],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "PYTHONSAFEPATH": "1",
        },
        check=False,
    )
    if plan.report.exists():
        report = Report.model_validate_json(plan.report.read_text("utf-8"))
        findings.report.checks += report.checks
        findings.report.answers += report.answers
        findings.report.recall = report.recall
    if done.returncode:
        findings.failed(
            "the second process comes to its end",
            expected="exit code 0",
            found=f"exit code {done.returncode}",
        )


def _summary(
    transcript: Transcript, database: Path | None, report: Report, seconds: float
) -> Summary:
    return Summary(
        ok=bool(report.checks) and all(check.holds for check in report.checks),
        transcript=transcript.source,
        file=str(database) if database else None,
        users=[f"{user.org}/{user.user}" for user in transcript.users],
        sessions=len(transcript.conversations),
        turns=transcript.turn_count,
        answered=sum(bool(answer.found) for answer in report.answers),
        recall=report.recall,
        seconds=round(seconds, 2),
        checks=report.checks,
        answers=report.answers,
    )


def _conclude(summary: Summary, screen: Screen) -> None:
    figures = [
        f"{summary.turns} turns",
        f"{summary.sessions} sessions",
        f"{len(summary.answers)} questions",
        *([f"recall@10 {summary.recall:.3f}"] if summary.recall is not None else []),
        f"{summary.seconds:.1f} s",
    ]
    screen.line()
    screen.line(("  ·  ".join(figures), "bold"))
    if summary.file:
        screen.line(f"kept in {summary.file}: Spectron.local({summary.file!r}) opens it")
    if not summary.ok:
        broken = sum(not check.holds for check in summary.checks)
        screen.line((f"{broken} of {len(summary.checks)} claims do not hold", "bold red"))
