"""What a run finds: claims with what was expected and what came, and every answer.

As JSON this is the command's `--json` output, and what the second process hands to the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import islice

from pydantic import BaseModel

from spectron_adapters.demo.screen import Screen, Style, shortened

__all__ = ["Answer", "Check", "Findings", "Prior", "Recalled", "Report"]


_FEW = 3


class Check(BaseModel):
    """A claim that holds, or does not.

    Attributes:
        claim: What is said to be so.
        holds: Whether it is.
        expected: If it does not hold, what should have come.
        found: If it does not hold, what came instead.
    """

    claim: str
    holds: bool
    expected: str = ""
    found: str = ""


class Recalled(BaseModel):
    """A memory that came back.

    Attributes:
        marker: How an answer cites it; `[S1]` is the best.
        id: The service's.
        kind: `memory_chunk`, `attribute` and so on.
        text: What it says.
        score: 0 to 1, higher is better.
        known_at: When it became known.
        scopes: Whose it is; empty if the service did not say.
    """

    marker: str
    id: str
    kind: str
    text: str
    score: float
    known_at: datetime
    scopes: list[str] = []


class Prior(BaseModel):
    """A value that has been superseded.

    Attributes:
        id: The service's, of the superseded fact.
        entity: Whom the fact is about.
        key: Which fact it is.
        value: What held.
        known_at: When it became known.
        until: When the next value took its place.
    """

    id: str
    entity: str
    key: str
    value: str
    known_at: datetime
    until: datetime


class Answer(BaseModel):
    """A question, and what came back.

    Attributes:
        user: Who asked.
        question: In their words.
        recalled: Best first.
        cited: The memory that answers: the first with what was expected, else the best.
        found: Share of what was expected that came back, 0 to 1; None if nothing was.
        prior: Superseded values of the fact that answers, newest first.
        as_of: An earlier time that was asked about as well.
        cited_then: The memory that answered at that time; None if none did, or if anything that
            became known later came back as well.
    """

    user: str
    question: str
    recalled: list[Recalled]
    cited: Recalled | None = None
    found: float | None = None
    prior: list[Prior] = []
    as_of: datetime | None = None
    cited_then: Recalled | None = None


class Report(BaseModel):
    """What a process found, in the order in which it did.

    Attributes:
        checks: Every claim.
        answers: Every answer.
        recall: Mean share of the evidence that came back; None if no question has evidence.
    """

    checks: list[Check] = []
    answers: list[Answer] = []
    recall: float | None = None


class Findings:
    """Collects a report and shows it as it grows.

    Attributes:
        screen: Where it is shown.
        report: What was found so far.
    """

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.report = Report()

    def step(self, number: int, title: str) -> None:
        """Begin a step of the run."""
        self.screen.line()
        self.screen.line((f"{number}  {title}", "bold cyan"))

    def passed(self, claim: str, detail: str = "") -> None:
        """Note a claim that holds, and what else there is to say."""
        self.report.checks.append(Check(claim=claim, holds=True))
        self.screen.line("   ", ("✓ ", "green"), claim, (f"  {detail}" if detail else "", "dim"))

    def failed(self, claim: str, *, expected: str, found: str) -> None:
        """Note a claim that does not hold, what should have come, and what came."""
        self.report.checks.append(Check(claim=claim, holds=False, expected=expected, found=found))
        self.screen.line("   ", (f"✗ {claim}", "bold red"))
        self.screen.line("     expected  ", expected)
        self.screen.line("     came      ", (found, "bold red"))

    def expect_no(self, what: str, troubles: Iterable[str], claim: str, detail: str = "") -> None:
        """Note a claim that holds if nothing speaks against it.

        Args:
            what: What would speak against it is called.
            troubles: What does speak against it.
            claim: What is said to be so.
            detail: What else there is to say if it holds.
        """
        found = list(islice(troubles, _FEW + 1))
        if found:
            more = "; and more" if len(found) > _FEW else ""
            self.failed(claim, expected=f"no {what}", found="; ".join(found[:_FEW]) + more)
        else:
            self.passed(claim, detail)

    def answer(self, answer: Answer, *, shown: bool) -> None:
        """Note an answer; show it if wanted."""
        self.report.answers.append(answer)
        if shown:
            self._show(answer)

    def _show(self, answer: Answer) -> None:
        line, width = self.screen.line, self.screen.width
        part = answer.found is not None and 0 < answer.found < 1
        line(
            "   ",
            (f"{answer.user}  ", "dim"),
            (shortened(answer.question, width - 30), "bold"),
            (f"  {answer.found:.0%} of the evidence" if part else "", "dim"),
        )
        if answer.cited is None:
            line("     ", ("nothing came back", "dim" if answer.found is None else "bold red"))
            return
        style: Style = "bold red" if answer.found == 0 else "yellow"
        line("     ", (f"{answer.cited.marker} ", style), shortened(answer.cited.text, width - 11))
        line("          ", (_whence(answer.cited), "dim"))
        for prior in answer.prior:
            line("     ", ("was  ", "dim"), prior.value, (f"  {_span(prior)}", "dim"))
        if answer.as_of and answer.cited_then:
            said = shortened(answer.cited_then.text, width - 30)
            line("     ", (f"on {_day(answer.as_of)}  ", "dim"), said)


def _whence(recalled: Recalled) -> str:
    return f"{_day(recalled.known_at)} · score {recalled.score:.2f} · {recalled.id}"


def _span(prior: Prior) -> str:
    return f"{_day(prior.known_at)} to {_day(prior.until)} · superseded · {prior.id}"


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %Y}"
