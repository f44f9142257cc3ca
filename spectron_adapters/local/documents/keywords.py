"""Keywords of a text, and how near two of them are.

Imports the search's own words and stop words, and the standard library.
"""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from spectron_adapters.local.search.stemming import stem
from spectron_adapters.local.search.text import STOP_WORDS, words

__all__ = [
    "KEYWORDS_MAX",
    "Keyword",
    "cosine",
    "keywords_of",
    "normalise_keyword",
    "packed",
    "similarity",
    "unpacked",
    "word_likeness",
]

KEYWORDS_MAX: Final = 5
"""Most keywords of a document."""
SCORE_MIN: Final = 0.8
"""Least score of a keyword."""
# Prepositions and fillers that end a phrase, though a question may search for them.
_MORE_STOP_WORDS: Final = """
    across along although among around behind beside besides despite except inside near onto
    outside per regarding toward towards unless via whereas within without however therefore
    thus hence also etc eg ie
"""
_ENDS_PHRASE: Final = STOP_WORDS.union(_MORE_STOP_WORDS.split())
_WORDS_MAX: Final = 4
_READ_CHARACTERS: Final = 2_000_000
_SHORTEST: Final = 2
_LONGEST: Final = 40
# Where a phrase ends besides stop words.
_BREAKS: Final = re.compile(r"[^\w\s'\u2019@.+#/-]+|[.](?=\s|$)|\n|\s[-/]+\s|\d+[.)]\s|[-=_*]{3,}")
_FORM: Final = re.compile(r"[^\w+#@.'-]+")


@dataclass(frozen=True, slots=True)
class Keyword:
    """A phrase that says what a text is about.

    Attributes:
        normalised: Upper-case, words separated by one space.
        text: As it is shown, lower-case.
        score: How much its words belong together, from 1; unbounded.
    """

    normalised: str
    text: str
    score: float


def normalise_keyword(text: str) -> str:
    """The form under which a keyword is known."""
    return " ".join(_FORM.sub(" ", text).upper().split())


def keywords_of(text: str) -> list[Keyword]:
    """The keywords of a text, best first.

    A candidate is a run of words without stop words or punctuation, of at most four words; a
    word scores its degree in candidates over its frequency, a candidate the sum of its words.
    Candidates that occur more often, then those that come first, win among equals.

    Args:
        text: Any text; of a very long one, its beginning is read.

    Returns:
        At most five, with scores from 0.8.

    Source: Rose, Engel, Cramer and Cowley, "Automatic Keyword Extraction from Individual
    Documents", in Text Mining: Applications and Theory, 2010.
    """
    counts = Counter(_candidates(text[:_READ_CHARACTERS]))
    frequency: Counter[str] = Counter()
    degree: Counter[str] = Counter()
    for phrase, count in counts.items():
        for word in phrase:
            frequency[word] += count
            degree[word] += count * len(phrase)
    scores = {
        phrase: math.fsum(degree[word] / frequency[word] for word in phrase) for phrase in counts
    }
    ranked = sorted(counts, key=lambda phrase: (-scores[phrase], -counts[phrase]))
    return _distinct(ranked, scores)


def _distinct(
    ranked: Sequence[tuple[str, ...]], scores: dict[tuple[str, ...], float]
) -> list[Keyword]:
    found: dict[str, Keyword] = {}
    for phrase in ranked:
        shown = " ".join(phrase)
        normalised = normalise_keyword(shown)
        if scores[phrase] >= SCORE_MIN and normalised:
            found.setdefault(normalised, Keyword(normalised, shown, round(scores[phrase], 4)))
        if len(found) == KEYWORDS_MAX:
            break
    return list(found.values())


def _candidates(text: str) -> Iterator[tuple[str, ...]]:
    for piece in _BREAKS.split(text):
        run: list[str] = []
        for word in (*words(piece), ""):
            if word not in _ENDS_PHRASE and _is_fit(word):
                run.append(word)
                continue
            if 0 < len(run) <= _WORDS_MAX:
                yield tuple(run)
            run = []


def _is_fit(word: str) -> bool:
    return _SHORTEST <= len(word) <= _LONGEST and not word[0].isdigit()


# --- nearness -----------------------------------------------------------------------------------


def similarity(one: str, other: str) -> float:
    """How much two keywords look alike: 0 to 1, 1 for the same.

    The greater of the share of common stems and the share of common runs of three characters.
    """
    if one == other:
        return 1.0
    return max(word_likeness(one, other), _dice(_trigrams(one), _trigrams(other)))


def word_likeness(one: str, other: str) -> float:
    """The share of common stems of two short texts, without stop words: 0 to 1."""
    return _dice(_stems(one), _stems(other))


def _dice(one: frozenset[str], other: frozenset[str]) -> float:
    """Source: Dice, "Measures of the Amount of Ecologic Association Between Species", 1945."""
    total = len(one) + len(other)
    return 2 * len(one & other) / total if total else 0.0


@lru_cache(maxsize=65_536)
def _stems(text: str) -> frozenset[str]:
    return frozenset(stem(word) for word in words(text) if word not in STOP_WORDS)


@lru_cache(maxsize=65_536)
def _trigrams(text: str) -> frozenset[str]:
    padded = f"  {text.casefold()} "
    return frozenset(padded[place : place + 3] for place in range(len(padded) - 2))


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of two vectors, -1 to 1; 0 when they cannot be compared."""
    if len(one) != len(other):
        return 0.0
    product = math.fsum(a * b for a, b in zip(one, other, strict=True))
    norm = math.sqrt(math.fsum(a * a for a in one) * math.fsum(b * b for b in other))
    return product / norm if norm else 0.0


def packed(vector: Sequence[float]) -> bytes:
    """A vector as it is stored."""
    return array("f", vector).tobytes()


def unpacked(content: bytes) -> Sequence[float]:
    """A stored vector."""
    return array("f", content)
