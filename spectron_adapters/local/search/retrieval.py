"""Lexical recall: candidates from the full-text index, scored in the application.

Runs inside a transaction that the engine owns. Imports no client and no adapter.
"""

from __future__ import annotations

import math
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final, Literal

from spectron_adapters.local.search.index import (
    SEARCH_SCHEMA,
    IndexRow,
    add_rows,
    close_rows,
    merge_index,
    remove_rows,
)
from spectron_adapters.local.search.ranking import (
    LENT_BY,
    Statistics,
    conversation_scores,
    inverse_document_frequency,
    plain_scores,
    reciprocal_rank_fusion,
)
from spectron_adapters.local.search.reading import (
    Postings,
    Row,
    RowFilter,
    readable_rows,
    readable_rows_at,
    readable_statistics,
    row_texts,
)
from spectron_adapters.local.search.text import Query, parse_query

__all__ = [
    "SEARCH_SCHEMA", "IndexRow", "Question", "Ranking", "RowFilter", "Scored", "SearchResult",
    "add_rows", "ask", "close_rows", "merge_index", "reciprocal_rank_fusion",
    "remove_rows", "search", "shown",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scored:
    """A row that answers a query."""

    row_id: int
    kind: str
    target_id: int
    score: float
    text: str
    occurred_at: int


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first, and what the trace records of them."""

    hits: list[Scored]
    retrieved_count: int
    top_scores: list[float]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rows with scores of 0 to 1, best first; equal scores put the newer, then the lower id first.

    Everything in it passed the filter; nothing was cut off but by the size of the pool.
    """

    rows: list[Row]
    scores: Mapping[int, float]

    @classmethod
    def of(cls, rows: Sequence[Row], scores: Mapping[int, float]) -> Ranking:
        """Put rows in order."""
        return cls(sorted(rows, key=lambda row: (-scores[row.id], -row.known_from, row.id)), scores)

    @property
    def best(self) -> float:
        """The highest score; 0 when there is nothing."""
        return self.scores[self.rows[0].id] if self.rows else 0.0

    @property
    def ids(self) -> list[int]:
        """Of the rows, in order."""
        return [row.id for row in self.rows]


def shown(
    connection: sqlite3.Connection,
    ranking: Ranking,
    *,
    k: int,
    kinds: frozenset[str] | None = None,
) -> SearchResult:
    """Take the first hits of a ranking.

    Args:
        connection: In the transaction that ranked.
        ranking: Rows in order.
        k: Number of hits at most.
        kinds: Only these are shown; they keep the scores they have among all.
    """
    rows = [row for row in ranking.rows if kinds is None or row.kind in kinds][: max(k, 0)]
    if not rows:
        return SearchResult([], len(ranking.rows) if k > 0 else 0, [])
    texts = row_texts(connection, [row.id for row in rows])
    hits = [
        Scored(
            row.id, row.kind, row.target_id, ranking.scores[row.id], texts[row.id], row.known_from
        )
        for row in rows
    ]
    return SearchResult(hits, len(ranking.rows), [hit.score for hit in hits[:_TOP_SCORES]])


_EMPTY: Final = SearchResult(hits=[], retrieved_count=0, top_scores=[])
# Rows kept per term, the newest. A term with more says little about which row is meant; its
# other rows become candidates through rarer terms.
POSTINGS_PER_TERM: Final = 5_000
# Candidates whose neighbours are read as well, though they match nothing themselves: an answer
# often repeats no word of its question.
EXPANDED: Final = 32
_TOP_SCORES: Final = 10
_COPIED: Final = 4


def search(
    connection: sqlite3.Connection,
    query: str,
    row_filter: RowFilter,
    *,
    k: int,
    mode: Literal["hybrid", "bm25"] = "hybrid",
    pool: int = 256,
) -> SearchResult:
    """Find the rows that answer a question best among those that may be read.

    Args:
        connection: Inside a transaction of the caller's.
        query: Any text. Words are matched by stem; operators mean nothing.
        row_filter: Scopes, kinds, times and labels; nothing outside is returned, lends score or
            enters a statistic.
        k: Number of hits at most.
        mode: `bm25` scores each row by its own words alone. `hybrid` also weighs its place in
            the conversation, its speaker and what is asked, and may return a turn beside a
            match that holds no word of the query.
        pool: Number of candidates scored at most.

    Returns:
        Hits with scores of 0 to 1, best first; equal scores put the newer, then the lower id
        first.
    """
    question = ask(connection, query, row_filter)
    return _EMPTY if question is None else question.rank(k=k, mode=mode, pool=pool)


def ask(
    connection: sqlite3.Connection, query: str, row_filter: RowFilter, *, wordless: bool = False
) -> Question | None:
    """Read which rows hold the words of a query; None when it has no words, or there are no rows.

    What was read can be ranked with several pools.

    Args:
        connection: Inside a transaction of the caller's.
        query: Any text.
        row_filter: What may be read.
        wordless: Whether a query without words is a question as well, for other evidence.
    """
    parsed = parse_query(query)
    row_count, total_length = readable_statistics(connection, row_filter)
    if not row_count or not (parsed.terms or wordless):
        return None
    matches = _matches(Postings.of(connection, row_filter), parsed.terms, row_count)
    statistics = Statistics(idf=matches.idf, average_length=max(total_length / row_count, 1.0))
    return Question(connection, row_filter, parsed, matches, statistics, matches.by_weight())


@dataclass(frozen=True, slots=True)
class Question:
    """A query with the rows that hold its words, of which the best are still to be found."""

    connection: sqlite3.Connection
    row_filter: RowFilter
    parsed: Query
    matches: _Matches
    statistics: Statistics
    row_ids: Sequence[int]

    def rank(self, *, k: int, mode: Literal["hybrid", "bm25"], pool: int) -> SearchResult:
        """Score the candidates; see `search`."""
        return shown(self.connection, self.ranked(mode=mode, pool=pool), k=k)

    def ranked(
        self,
        *,
        mode: Literal["hybrid", "bm25"],
        pool: int,
        evidence: Mapping[int, float] | None = None,
    ) -> Ranking:
        """All candidates with their scores, best first.

        Args:
            mode: As in `search`.
            pool: Number of candidates by words at most.
            evidence: What else speaks for rows, 0 to 1 by row id (see `conversation_scores`);
                these are candidates too, if the filter lets them through.
        """
        # A copy may stand beside the answer, so it lends its score before it is left out.
        every = replace(self.row_filter, include_duplicates=True)
        rows = _candidates(self.connection, self.row_ids, every, pool)
        if mode == "bm25":
            scores = plain_scores(rows, self.matches.held(rows), self.statistics)
            return Ranking.of(self._without_copies(rows), scores)
        given = evidence or {}
        more = _unread(self.connection, rows, given, self.row_filter)
        rows += more
        expanded = rows[:EXPANDED] + more[:EXPANDED]
        rows += _neighbours(self.connection, expanded, rows, every)
        scores = self._scores(rows, given)
        return Ranking.of(self._without_copies(rows), scores)

    def _without_copies(self, rows: list[Row]) -> list[Row]:
        copies = {row.id for row in rows if row.duplicate_of is not None}
        if not copies or self.row_filter.include_duplicates:
            return rows
        kept = {row.id for row in readable_rows(self.connection, sorted(copies), self.row_filter)}
        return [row for row in rows if row.id not in copies or row.id in kept]

    def _scores(self, rows: Sequence[Row], evidence: Mapping[int, float]) -> dict[int, float]:
        return conversation_scores(
            rows,
            self.matches.held(rows),
            self.parsed,
            self.statistics,
            session_id=self.row_filter.session_id,
            evidence=evidence,
        )


@dataclass(frozen=True, slots=True)
class _Matches:
    """Which rows hold which terms of the question: a bit mask by row id."""

    masks: dict[int, int]
    idf: dict[str, float]

    def terms_of(self, mask: int) -> tuple[str, ...]:
        return tuple(term for bit, term in enumerate(self.idf) if mask >> bit & 1)

    def by_weight(self) -> list[int]:
        """The row ids, those that hold the most of the question's weight first, then newest."""
        groups: dict[int, list[int]] = defaultdict(list)
        for row_id, mask in self.masks.items():
            groups[mask].append(row_id)
        weights: dict[float, list[int]] = defaultdict(list)
        for mask, row_ids in groups.items():
            weights[math.fsum(self.idf[term] for term in self.terms_of(mask))] += row_ids
        return [
            row_id
            for weight in sorted(weights, reverse=True)
            for row_id in sorted(weights[weight], reverse=True)
        ]

    def held(self, rows: Sequence[Row]) -> dict[int, tuple[str, ...]]:
        """The terms that each row holds."""
        masks = {row.id: self.masks.get(row.id, 0) for row in rows}
        terms = {mask: self.terms_of(mask) for mask in set(masks.values())}
        return {row_id: terms[mask] for row_id, mask in masks.items()}


def _matches(postings: Postings, terms: Sequence[str], row_count: int) -> _Matches:
    found = {term: postings.read(term) for term in terms}
    idf = {term: inverse_document_frequency(row_count, len(rows)) for term, rows in found.items()}
    masks: dict[int, int] = {}
    for position, row_ids in enumerate(_bounded(tuple(found.values()))):
        bit = 1 << position
        for row_id in row_ids:
            masks[row_id] = masks.get(row_id, 0) | bit
    return _Matches(masks, idf)


def _bounded(found: Sequence[Sequence[int]]) -> Iterable[Iterable[int]]:
    """Cut the lists of very common terms to the rows that may become candidates.

    Those are the newest rows of each, the rows that hold a rarer term, and, when every term is
    common, the rows that hold them all.
    """
    common = [rows for rows in found if len(rows) > POSTINGS_PER_TERM]
    if not common:
        return found
    kept = set(chain.from_iterable(rows for rows in found if len(rows) <= POSTINGS_PER_TERM))
    if not kept:
        kept = set(common[0]).intersection(*common[1:])
    kept.update(*(sorted(rows)[-POSTINGS_PER_TERM:] for rows in common))
    return [kept.intersection(rows) for rows in found]


def _candidates(
    connection: sqlite3.Connection, row_ids: Sequence[int], row_filter: RowFilter, pool: int
) -> list[Row]:
    """Read the first rows that pass the filter, up to the size of the pool, in order.

    Near-duplicates do not fill the pool, up to three for every other row.
    """
    rows: list[Row] = []
    start, size, originals = 0, pool, 0
    while start < len(row_ids) and originals < pool and len(rows) < _COPIED * pool:
        batch = row_ids[start : start + size]
        readable = {row.id: row for row in readable_rows(connection, batch, row_filter)}
        for row in (readable[row_id] for row_id in batch if row_id in readable):
            if originals < pool and len(rows) < _COPIED * pool:
                rows.append(row)
                originals += row.duplicate_of is None
        start, size = start + size, 2 * size
    return rows


def _unread(
    connection: sqlite3.Connection,
    rows: Sequence[Row],
    evidence: Mapping[int, float],
    row_filter: RowFilter,
) -> list[Row]:
    """Read the rows for which there is other evidence than words, the strongest first."""
    missing = evidence.keys() - {row.id for row in rows}
    if not missing:
        return []
    found = readable_rows(connection, sorted(missing), row_filter)
    return sorted(found, key=lambda row: (-evidence[row.id], -row.known_from, row.id))


def _neighbours(
    connection: sqlite3.Connection,
    expanded: Iterable[Row],
    rows: Sequence[Row],
    row_filter: RowFilter,
) -> list[Row]:
    """Read the turns around the best candidates that are not candidates themselves."""
    places = {
        (row.session_id, row.seq + distance)
        for row in expanded
        if row.session_id is not None and row.seq is not None
        for distance in LENT_BY
    }
    if not places:
        return []
    present = {row.id for row in rows}
    near = readable_rows_at(connection, sorted(places), row_filter)
    return [row for row in near if row.id not in present]
