"""The transcript that comes with the package, and what to ask about it.

Ines and Tomas work for the same publisher. Both have a sister, a dog, a flight and a deadline,
and each has a secret from the other, so that a leak between them could not go unseen.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from importlib import resources

from spectron_adapters.demo.loading import read_jsonl
from spectron_adapters.demo.transcript import Earlier, Question, Transcript, User

__all__ = ["built_in_transcript"]

_INES = User("alder-finch", "ines")
_TOMAS = User("alder-finch", "tomas")


def built_in_transcript() -> Transcript:
    """Return the package's own transcript with its questions."""
    data = resources.files("spectron_adapters") / "demo_transcript.jsonl"
    transcript = read_jsonl(data.read_text("utf-8"), "the built-in transcript")
    return replace(transcript, questions=_QUESTIONS)


def _earlier(month: int, day: int, expected: str, *, is_fact: bool = False) -> Earlier:
    return Earlier(datetime(2026, month, day, 12, tzinfo=timezone.utc), expected, is_fact)


_QUESTIONS = (
    Question(
        user=_INES,
        text="Where do I live?",
        expected="Porto",
        earlier=_earlier(3, 1, "Ghent", is_fact=True),
    ),
    Question(
        user=_INES,
        text="What is my occupation?",
        expected="art director",
        earlier=_earlier(2, 1, "map designer", is_fact=True),
    ),
    Question(
        user=_INES,
        text="What is my favourite tea?",
        expected="rooibos",
        earlier=_earlier(6, 1, "jasmine", is_fact=True),
    ),
    Question(
        user=_INES,
        text="When is the coastal atlas due?",
        expected="3 July",
        earlier=_earlier(4, 1, "12 June"),
    ),
    Question(
        user=_INES,
        text="When is my sister's wedding?",
        expected="19 September",
        earlier=_earlier(8, 1, "5 September"),
    ),
    Question(user=_INES, text="Which flight did I take to Lisbon?", expected="KF 318"),
    Question(user=_INES, text="What are we planning for Tomas?", expected="surprise party"),
    Question(
        user=_TOMAS,
        text="Where do I live?",
        expected="Bremen",
        earlier=_earlier(6, 1, "Leipzig", is_fact=True),
    ),
    Question(
        user=_TOMAS,
        text="What is my favourite coffee?",
        expected="flat white",
        earlier=_earlier(6, 1, "cortado", is_fact=True),
    ),
    Question(
        user=_TOMAS,
        text="When are the proofs of the railway guide due?",
        expected="14 May",
        earlier=_earlier(3, 1, "30 April"),
    ),
    Question(user=_TOMAS, text="What does my sister do?", expected="paediatrician"),
    Question(user=_TOMAS, text="Where did I apply for a job?", expected="Meridian Press"),
)
