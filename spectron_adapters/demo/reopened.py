"""The second process: opens the file that another one wrote, asks, and compares.

What it finds is written where the plan says; its exit code tells only whether it came to an end.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import chain

from spectron_adapters import Spectron
from spectron_adapters.demo.asking import Asker
from spectron_adapters.demo.isolation import leaks
from spectron_adapters.demo.plan import Plan
from spectron_adapters.demo.reading import (
    differences,
    foreign_sessions,
    read_langchain,
    read_llama_index,
    unlisted_sessions,
)
from spectron_adapters.demo.report import Findings
from spectron_adapters.demo.screen import open_screen
from spectron_adapters.demo.transcript import Question, Transcript
from spectron_adapters.demo.verdicts import check_answers, check_prompts
from spectron_adapters.errors import SpectronError

__all__ = ["examine", "main"]

_SHOWN = 12
"""How many answers to show at most, from everywhere among the questions."""


def main(plan_text: str) -> None:
    """Carry out a plan."""
    plan = Plan.model_validate_json(plan_text)
    findings = Findings(open_screen(silent=plan.silent))
    transcript = plan.read_transcript()
    try:
        with Spectron.local(plan.database) as client:
            examine(client, transcript, plan.choose_questions(transcript), findings)
    except SpectronError as error:
        findings.failed("memory answers", expected="an answer", found=str(error))
    finally:
        plan.report.write_text(findings.report.model_dump_json(), "utf-8")


def examine(
    client: Spectron, transcript: Transcript, questions: Sequence[Question], findings: Findings
) -> None:
    """Compare and ask everything, and note what was found."""
    turns = f"{transcript.turn_count} messages of {len(transcript.conversations)} sessions"
    findings.step(2, "Restart: another process opens the file")
    findings.expect_no(
        "differences",
        differences(client, transcript, read_langchain),
        "SpectronChatMessageHistory has every message, word for word",
        f"{turns}, process {os.getpid()}",
    )
    findings.step(3, "Ask: memories with citation, known time, score and id")
    asker = Asker(client, transcript)
    leaked = _ask(asker, transcript, questions, findings)
    asked = list(zip(questions, findings.report.answers, strict=True))
    check_answers(asked, findings)
    check_prompts(asker, asked, findings)
    findings.step(4, "Ask the same as another user of the organisation")
    findings.expect_no(
        "memories", leaked, f"{len(questions)} questions bring back nothing of the first user"
    )
    findings.expect_no(
        "sessions",
        foreign_sessions(client, transcript),
        "nobody sees a session in which they did not speak",
    )
    findings.step(5, "Read the same histories through LlamaIndex")
    findings.expect_no(
        "differences",
        chain(
            unlisted_sessions(client, transcript),
            differences(client, transcript, read_llama_index),
        ),
        "SpectronChatStore has what LangChain wrote, message by message",
        turns,
    )


def _ask(
    asker: Asker, transcript: Transcript, questions: Sequence[Question], findings: Findings
) -> list[str]:
    """Ask every question, as its user and as another one; return what the other one was told."""
    leaked: list[str] = []
    stride = -(-len(questions) // _SHOWN)
    with findings.screen.progress("asking", len(questions)) as advance:
        for number, question in enumerate(questions):
            answer = asker.ask(question)
            findings.answer(answer, shown=number % stride == 0)
            leaked.extend(leaks(asker, transcript, question, answer))
            advance()
    findings.screen.line()
    return leaked
