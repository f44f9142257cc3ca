"""Scores and fusion: pure functions over rows that were already read.

The constants were chosen on recorded two-person conversations with known evidence turns; each
names what it is for. Imports no storage, no client and no adapter.

Recall of evidence within ten hits on those conversations, step upon step: BM25 over stems 0.59,
with speaker and date among the terms 0.63, flat saturation and length 0.64, neighbours 0.73,
session 0.74, named speaker 0.76, words of time and questions 0.77, coverage and answers 0.79.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from spectron_adapters.local.search.reading import Row
from spectron_adapters.local.search.text import QUESTION, TIME, Query, analyse, words

Key = TypeVar("Key", bound=Hashable)

# BM25 as commonly set, for the plain leg.
PLAIN_K1: Final = 1.2
PLAIN_B: Final = 0.75
# Turns and facts are short: a repeated word says little, and a long turn is not padded.
K1: Final = 0.7
B: Final = 0.2
# What a turn receives from the turns before and after it, as shares of their own scores.
# Replies lean on what came before, so the past lends more.
LENT_BY: Final = {-1: 0.4, -2: 0.3, 1: 0.3, 2: 0.2}
# Added to the share of the turn just before when that was a question: this is its answer.
LENT_BY_QUESTION: Final = 0.3
# The weight of the session as a whole, against the best single row: the right conversation
# comes before a lucky word elsewhere.
SESSION_SHARE: Final = 0.4
SESSION_K1: Final = 1.2
# Rows by (or, without a speaker, about) a person whom the question names.
NAMED_FACTOR: Final = 1.5
# Rows with words of time, when the question asks for a time.
WHEN_FACTOR: Final = 1.2
# An entity's own row says no more than that it exists; what is known of it has rows of its own.
ENTITY_FACTOR: Final = 0.25
# Rows that ask rather than tell.
QUESTION_FACTOR: Final = 0.8
# The service ranks assistant replies below what users said. Small: it decides between rows
# that answer about equally well.
ASSISTANT_FACTOR: Final = 0.9
# The session that the caller is in. A hint: less than one matching word.
CURRENT_SESSION_FACTOR: Final = 1.1
# A row that holds every term of the question once scores 1 / (1 + this).
HALF_SCORE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the readable rows say about the question's terms."""

    idf: Mapping[str, float]
    average_length: float

    @property
    def ideal(self) -> float:
        """The score of a row of average length that holds every term once."""
        return sum(self.idf.values())


def inverse_document_frequency(row_count: int, holding: int) -> float:
    """Return the weight of a term that `holding` of `row_count` rows contain; positive.

    Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009, with the one
    added inside the logarithm that keeps frequent terms from counting against a row.
    """
    holding = min(holding, row_count)
    return math.log1p((row_count - holding + 0.5) / (holding + 0.5))


def _bm25(row: Row, held: Sequence[str], statistics: Statistics, k1: float, b: float) -> float:
    if not held:
        return 0.0
    norm = k1 * (1 - b + b * row.length / statistics.average_length)
    terms = row.terms.split(" ")
    total = 0.0
    for term in held:
        frequency = terms.count(term)
        total += statistics.idf[term] * frequency / (frequency + norm)
    return total * (k1 + 1)


def scaled(score: float, ideal: float) -> float:
    """Map a score of zero or more to the range 0 to 1, keeping order."""
    return score / (score + HALF_SCORE * ideal) if score else 0.0


def plain_scores(
    rows: Iterable[Row], held: Mapping[int, Sequence[str]], statistics: Statistics
) -> dict[int, float]:
    """Score rows by BM25 alone.

    Args:
        rows: Matching rows.
        held: The terms of the question that each row holds, by row id.
        statistics: Term weights and mean length over what the caller may read.

    Returns:
        Scores of 0 to 1 by row id.
    """
    ideal = statistics.ideal
    return {
        row.id: scaled(_bm25(row, held[row.id], statistics, PLAIN_K1, PLAIN_B), ideal)
        for row in rows
    }


def conversation_scores(
    rows: Collection[Row],
    held: Mapping[int, Sequence[str]],
    query: Query,
    statistics: Statistics,
    *,
    session_id: int | None = None,
    evidence: Mapping[int, float] | None = None,
) -> dict[int, float]:
    """Score rows by their words, their place in the conversation, and who says them.

    Args:
        rows: Matching rows, and rows beside them that may match nothing.
        held: The terms of the question that each row holds, by row id; absent means none.
        query: The question.
        statistics: Term weights and mean length over what the caller may read.
        session_id: The session that the caller is in; its rows rank slightly higher.
        evidence: What else speaks for rows, by row id, as shares of the best score that words
            alone give; it is lent to neighbours as that is.

    Returns:
        Scores of 0 to 1 by row id.
    """
    own = _own_scores(rows, held, statistics)
    ideal = statistics.ideal or 1.0
    if evidence:
        unit = max(own.values(), default=0.0) or ideal
        own = {row_id: score + unit * evidence.get(row_id, 0.0) for row_id, score in own.items()}
    lent = _lent(rows, own)
    session = _session_shares(rows, held, own, statistics)
    named = _named(rows, query)
    scores: dict[int, float] = {}
    for row in rows:
        factor = _factor(row, query, session_id)
        if named.concern(row, held.get(row.id, ())):
            factor *= NAMED_FACTOR
        total = own[row.id] + lent.get(row.id, 0.0) + session.get(row.id, 0.0)
        scores[row.id] = scaled(total * factor, ideal)
    return scores


def _own_scores(
    rows: Iterable[Row], held: Mapping[int, Sequence[str]], statistics: Statistics
) -> dict[int, float]:
    """BM25 of each row, times the root of the share of the question's weight that it holds.

    A row with more of the question so beats one that holds a rare word of it often.
    """
    ideal = statistics.ideal
    coverage = {
        terms: math.sqrt(sum(statistics.idf[term] for term in terms) / ideal)
        for terms in set(map(tuple, held.values()))
    }
    own: dict[int, float] = {}
    for row in rows:
        terms = tuple(held.get(row.id, ()))
        own[row.id] = coverage[terms] * _bm25(row, terms, statistics, K1, B) if terms else 0.0
    return own


def _lent(rows: Collection[Row], own: Mapping[int, float]) -> dict[int, float]:
    """What the turns around each row lend it; a turn in several parts lends its best part."""
    best: dict[int, float] = {}
    asking: set[int] = set()
    # One number for session and turn: neighbours differ by their distance.
    places = {
        row.id: row.session_id << 32 | row.seq
        for row in rows
        if row.session_id is not None and row.seq is not None
    }
    for row in rows:
        if (place := places.get(row.id)) is not None:
            best[place] = max(best.get(place, 0.0), own[row.id])
            if row.features & QUESTION:
                asking.add(place)
    lent: dict[int, float] = {}
    for row_id, place in places.items():
        total = 0.0
        for distance, share in LENT_BY.items():
            if score := best.get(place + distance):
                total += share * score
        if place - 1 in asking:
            total += LENT_BY_QUESTION * best[place - 1]
        lent[row_id] = total
    return lent


def _session_shares(
    rows: Iterable[Row],
    held: Mapping[int, Sequence[str]],
    own: Mapping[int, float],
    statistics: Statistics,
) -> dict[int, float]:
    """The score of each row's session; a row outside sessions is a session of its own."""
    groups = {
        row.id: ("row", row.id) if row.session_id is None else ("session", row.session_id)
        for row in rows
    }
    holding: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    for row_id, group in groups.items():
        for term in held.get(row_id, ()):
            holding[group][term] += 1
    scores = {
        group: sum(
            statistics.idf[term] * number * (SESSION_K1 + 1) / (number + SESSION_K1)
            for term, number in terms.items()
        )
        for group, terms in holding.items()
    }
    best = max(scores.values(), default=0.0)
    if not best:
        return {}
    unit = SESSION_SHARE * max(own.values()) / best
    return {row_id: unit * scores.get(group, 0.0) for row_id, group in groups.items()}


@dataclass(frozen=True, slots=True)
class _Named:
    """Whom the question names, among those who speak in the rows."""

    speakers: frozenset[str]
    terms: frozenset[str]

    def concern(self, row: Row, held: Sequence[str]) -> bool:
        if row.speaker:
            return row.speaker in self.speakers
        return not self.terms.isdisjoint(held)


def _named(rows: Iterable[Row], query: Query) -> _Named:
    found = {
        speaker: query.names.intersection(words(speaker))
        for speaker in {row.speaker for row in rows if row.speaker}
    }
    return _Named(
        speakers=frozenset(speaker for speaker, names in found.items() if names),
        terms=frozenset(term for names in found.values() for term in analyse(" ".join(names))),
    )


def _factor(row: Row, query: Query, session_id: int | None) -> float:
    factor = 1.0
    if query.asks_when and row.features & TIME:
        factor *= WHEN_FACTOR
    if row.kind == "entity":
        factor *= ENTITY_FACTOR
    if row.features & QUESTION:
        factor *= QUESTION_FACTOR
    if row.role == "assistant":
        factor *= ASSISTANT_FACTOR
    if session_id is not None and row.session_id == session_id:
        factor *= CURRENT_SESSION_FACTOR
    return factor


def reciprocal_rank_fusion(rankings: Iterable[Sequence[Key]], *, k: float = 60) -> dict[Key, float]:
    """Fuse rankings of the same kind of thing into one score each.

    Args:
        rankings: Rankings, best first. Their order does not matter, nor do repetitions within
            one: the first mention counts.
        k: Damping of the first ranks, positive.

    Returns:
        Scores of 0 to 1 by item, 1 for what leads every ranking, in order of first mention.

    Source: Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and
    individual Rank Learning Methods", SIGIR 2009.
    """
    if k <= 0:
        raise ValueError(f"k must be positive, not {k}")
    ranks: dict[Key, list[int]] = {}
    count = 0
    for ranking in rankings:
        count += 1
        for rank, item in enumerate(dict.fromkeys(ranking), 1):
            ranks.setdefault(item, []).append(rank)
    return {
        item: math.fsum((k + 1) / (k + rank) for rank in found) / count
        for item, found in ranks.items()
    }
