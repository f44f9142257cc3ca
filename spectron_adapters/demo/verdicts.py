"""What the answers must have shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spectron_adapters.demo.asking import ANSWER_SIZE, Asker, holds
from spectron_adapters.demo.report import Answer, Findings
from spectron_adapters.demo.transcript import Question
from spectron_adapters.prompting import is_memory_block

__all__ = ["check_answers", "check_prompts"]

Asked = Sequence[tuple[Question, Answer]]

_LEAST_RECALL = 0.5
"""Plain word search brings back more of the evidence; less means that something is broken."""

_ENOUGH = 20
"""So many questions make that a fair demand; fewer must bring back something."""


def check_answers(asked: Asked, findings: Findings) -> None:
    """Check that answers came, and that what they used to be is still known."""
    if told := [pair for pair in asked if pair[0].expected]:
        findings.expect_no("misses", _missed(told), f"{len(told)} questions are answered")
    if shares := [answer.found or 0.0 for question, answer in asked if question.evidence]:
        _check_recall(shares, findings)
    if earlier := [pair for pair in asked if pair[0].earlier]:
        claim = f"{len(earlier)} of them had another answer, which as_of still gives"
        findings.expect_no("lost answers", _lost(earlier), claim)
    if facts := [
        (each, answer) for each, answer in earlier if each.earlier and each.earlier.is_fact
    ]:
        claim = f"{len(facts)} facts were superseded, and their history says by when"
        findings.expect_no("gaps", _forgotten(facts), claim)


def check_prompts(asker: Asker, asked: Asked, findings: Findings) -> None:
    """Check that each user's first question puts its answer into a prompt."""
    first = {question.user: (question, answer) for question, answer in reversed(asked)}
    findings.expect_no(
        "misses",
        _unprompted(asker, list(first.values())),
        "SpectronMemory gives a prompt the same, fenced and cited",
    )


def _check_recall(shares: Sequence[float], findings: Findings) -> None:
    recall = sum(shares) / len(shares)
    findings.report.recall = recall
    claim = f"evidence recall@{ANSWER_SIZE} over {len(shares)} questions is {recall:.3f}"
    least = _LEAST_RECALL if len(shares) >= _ENOUGH else 0.001
    if recall >= least:
        findings.passed(claim)
    else:
        findings.failed(claim, expected=f"at least {least}", found=f"{recall:.3f}")


def _missed(asked: Asked) -> Iterator[str]:
    for question, answer in asked:
        if not answer.found:
            came = repr(answer.cited.text) if answer.cited else "nothing"
            yield f"{answer.user} asks {question.text!r}: {came} without {question.expected!r}"


def _lost(asked: Asked) -> Iterator[str]:
    for question, answer in asked:
        if question.earlier and answer.cited_then is None:
            when = f"{question.earlier.as_of:%Y-%m-%d}"
            yield f"{question.text!r} as of {when}: no {question.earlier.expected!r}"


def _forgotten(asked: Asked) -> Iterator[str]:
    for question, answer in asked:
        phrase = question.earlier.expected if question.earlier else ""
        if not any(holds(prior.value, phrase) for prior in answer.prior):
            values = ", ".join(prior.value for prior in answer.prior) or "nothing"
            yield f"{question.text!r}: the history has {values}, not {phrase!r}"


def _unprompted(asker: Asker, asked: Asked) -> Iterator[str]:
    for question, answer in asked:
        block = asker.prompt_block(question.user, question.text)
        fenced = is_memory_block(block) and "[S1]" in block
        if answer.recalled and not (fenced and holds(block, question.expected or "")):
            yield f"{answer.user} asks {question.text!r}: {block!r}"
