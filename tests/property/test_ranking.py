"""Recall against an exhaustive reading of the same rows, and the algebra of fusion."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectron_adapters.local.engine import Engine
from spectron_adapters.local.exchange import Request
from spectron_adapters.local.search import reading
from spectron_adapters.local.search.duplicates import DUPLICATE_SCHEMA
from spectron_adapters.local.search.retrieval import (
    SEARCH_SCHEMA,
    IndexRow,
    RowFilter,
    add_rows,
    close_rows,
    reciprocal_rank_fusion,
    remove_rows,
    search,
)
from spectron_adapters.local.search.text import index_terms, parse_query
from spectron_adapters.local.search.vectors import VECTOR_SCHEMA

WORDS = ("amber", "birch", "cedar", "delta", "ember", "the", "is", "fjord?")
LABELS = ("a=1", "b=2")
UTC = timezone.utc
NOW = 50
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
times = st.integers(0, 100)
ends = st.none() | times
rows = st.builds(
    IndexRow,
    context_id=st.integers(1, 2),
    kind=st.sampled_from(["memory_chunk", "attribute", "chunk"]),
    target_id=st.integers(0, 9),
    scope_set_id=st.integers(1, 4),
    text=texts,
    known_from=times,
    valid_from=times,
    system_from=times,
    known_until=ends,
    valid_until=ends,
    system_until=ends,
    session_id=st.none() | st.integers(0, 1),
    seq=st.integers(0, 5),
    part=st.integers(0, 1),
    role=st.sampled_from([None, "user", "assistant"]),
    speaker=st.sampled_from([None, "Amber", "Noor"]),
    duplicate_of=st.none() | st.just(1),
    labels=st.frozensets(st.sampled_from(LABELS)),
)
filters = st.builds(
    RowFilter,
    context_id=st.integers(1, 2),
    scope_set_ids=st.none() | st.frozensets(st.integers(1, 4)),
    kinds=st.frozensets(st.sampled_from(["memory_chunk", "attribute", "chunk"]), min_size=1),
    now=st.just(NOW),
    excluded_scope_set_ids=st.frozensets(st.integers(1, 4), max_size=1),
    as_of=ends,
    at_instant=ends,
    valid_from=ends,
    valid_until=ends,
    labels=st.frozensets(st.sampled_from(LABELS), max_size=2),
    session_id=st.none() | st.integers(0, 1),
    include_duplicates=st.booleans(),
)


def in_scope(row: IndexRow, row_filter: RowFilter) -> bool:
    """Whether the caller may read the row at all."""
    allowed = row_filter.scope_set_ids
    return (
        row.context_id == row_filter.context_id
        and (allowed is None or row.scope_set_id in allowed)
        and row.scope_set_id not in row_filter.excluded_scope_set_ids
    )


def passes(row: IndexRow, row_filter: RowFilter) -> bool:
    """The filter, said once more as plainly as possible, without duplicates."""
    if not in_scope(row, row_filter) or row.kind not in row_filter.kinds:
        return False
    return row_filter.labels <= row.labels and in_time(row, row_filter)


def shown_of(
    connection: sqlite3.Connection, by_id: dict[int, IndexRow], row_filter: RowFilter
) -> set[int]:
    """The rows that pass; of near-duplicates that pass only the oldest, unless all are wanted."""
    passing = {row_id for row_id, row in by_id.items() if passes(row, row_filter)}
    if row_filter.include_duplicates:
        return passing
    originals = dict(connection.execute("SELECT id, coalesce(duplicate_of, id) FROM search_row"))
    return {
        row_id
        for row_id in passing
        if row_id == originals[row_id]
        or not any(
            other == originals[row_id] or (originals[other] == originals[row_id] and other < row_id)
            for other in passing - {row_id}
        )
    }


def open_at(start: int, end: int | None, moment: int) -> bool:
    """Whether a span holds a moment, its end excluded."""
    return start <= moment and (end is None or moment < end)


def in_time(row: IndexRow, row_filter: RowFilter) -> bool:
    """The clocks that the filter names; validity now when it names none."""
    checks: list[bool] = []
    if row_filter.as_of is not None:
        if row.kind == "chunk":
            checks.append(row.valid_until is None or row_filter.as_of < row.valid_until)
        else:
            checks.append(open_at(row.known_from, row.known_until, row_filter.as_of))
    if row_filter.at_instant is not None:
        checks.append(open_at(row.system_from, row.system_until, row_filter.at_instant))
    if row_filter.valid_from is not None:
        checks.append(row.valid_from >= row_filter.valid_from)
    if row_filter.valid_until is not None:
        checks.append(row.valid_until is not None and row.valid_until <= row_filter.valid_until)
    return all(checks) if checks else open_at(row.valid_from, row.valid_until, NOW)


def matches(row: IndexRow, query: str) -> bool:
    """Whether the row holds a term of the query."""
    held = index_terms(row.text, row.speaker, row.known_from)[0].split(" ")
    return not set(held).isdisjoint(parse_query(query).terms)


def beside(row: IndexRow, other: IndexRow) -> bool:
    """Whether two rows are at most two turns apart in one session."""
    if row.session_id is None or row.session_id != other.session_id:
        return False
    return row.seq is not None and other.seq is not None and abs(row.seq - other.seq) <= 2


def database(stored: list[IndexRow]) -> tuple[sqlite3.Connection, list[int]]:
    """A fresh index with these rows."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(SEARCH_SCHEMA + DUPLICATE_SCHEMA + VECTOR_SCHEMA)
    return connection, add_rows(connection, stored)


@pytest.fixture(params=["one by one", "whole context"], scope="module")
def way_of_reading(request: pytest.FixtureRequest) -> Iterator[None]:
    """Scope sets read from their own places, or picked from all of the context."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "whole context":
            patch.setattr(reading, "SCOPE_SETS_ONE_BY_ONE", 0)
            patch.setattr(reading, "CONTEXT_SETS_ONE_BY_ONE", 0)
        yield


@pytest.mark.usefixtures("way_of_reading")
@settings(max_examples=100, deadline=None)
@given(st.lists(rows, max_size=25), filters, texts)
def test_recall_equals_an_exhaustive_scan(
    stored: list[IndexRow], row_filter: RowFilter, query: str
) -> None:
    """Plain: exactly the readable matches. Full: those, and readable turns beside any match."""
    connection, ids = database(stored)
    by_id = dict(zip(ids, stored, strict=True))
    readable = shown_of(connection, by_id, row_filter)
    passing = {row_id for row_id, row in by_id.items() if passes(row, row_filter)}
    matching = {row_id for row_id in passing if matches(by_id[row_id], query)}
    near = {
        row_id
        for row_id in readable
        if any(beside(by_id[row_id], by_id[other]) for other in matching)
    }
    plain = search(connection, query, row_filter, k=99, mode="bm25").hits
    full = search(connection, query, row_filter, k=99, mode="hybrid").hits
    connection.close()
    assert {hit.row_id for hit in plain} == matching & readable
    assert {hit.row_id for hit in full} == (matching & readable) | near
    for hits in (plain, full):
        assert len({hit.row_id for hit in hits}) == len(hits)
        assert all(0 <= hit.score <= 1 for hit in hits)
        keys = [(-hit.score, -hit.occurred_at, hit.row_id) for hit in hits]
        assert keys == sorted(keys)


@pytest.mark.usefixtures("way_of_reading")
@settings(max_examples=60, deadline=None)
@given(st.lists(rows, max_size=12), st.lists(rows, max_size=40), filters, texts)
def test_unreadable_rows_leave_no_trace(
    stored: list[IndexRow], foreign: list[IndexRow], row_filter: RowFilter, query: str
) -> None:
    """Hits, scores and counts are the same with and without rows of other scopes."""
    hidden = [row for row in foreign if not in_scope(row, row_filter)]
    connection, _ = database(stored)
    before = [search(connection, query, row_filter, k=99, mode=m) for m in ("bm25", "hybrid")]
    add_rows(connection, hidden)
    after = [search(connection, query, row_filter, k=99, mode=m) for m in ("bm25", "hybrid")]
    connection.close()
    assert after == before


@settings(max_examples=60, deadline=None)
@given(st.lists(rows, min_size=1, max_size=15), filters, texts, st.data())
def test_removing_rows_equals_never_having_had_them(
    stored: list[IndexRow], row_filter: RowFilter, query: str, data: st.DataObject
) -> None:
    """Scores included; and the index agrees with its rows afterwards."""
    stored = [replace(row, duplicate_of=None) for row in stored]
    gone = data.draw(st.sets(st.integers(0, len(stored) - 1)))
    kept = [row for n, row in enumerate(stored) if n not in gone]
    connection, ids = database(stored)
    remove_rows(connection, [ids[n] for n in gone])
    fresh, _ = database(kept)
    pruned = search(connection, query, row_filter, k=99)
    never = search(fresh, query, row_filter, k=99)
    connection.execute("INSERT INTO search_index (search_index) VALUES ('integrity-check')")
    connection.close()
    fresh.close()
    assert [(hit.text, hit.score) for hit in pruned.hits] == [
        (hit.text, hit.score) for hit in never.hits
    ]


@settings(max_examples=60, deadline=None)
@given(rows, ends, ends, ends)
def test_closing_twice_keeps_the_earliest_end(
    row: IndexRow, valid: int | None, known: int | None, system: int | None
) -> None:
    """On each clock, in whatever order."""
    connection, ids = database([row])
    close_rows(connection, ids, valid_until=valid, known_until=known, system_until=system)
    close_rows(connection, ids, valid_until=valid)
    closed = connection.execute(
        "SELECT valid_until, known_until, system_until FROM search_row"
    ).fetchone()
    connection.close()
    pairs = ((row.valid_until, valid), (row.known_until, known), (row.system_until, system))
    assert closed == tuple(
        min((end for end in pair if end is not None), default=None) for pair in pairs
    )


rankings = st.lists(st.lists(st.integers(0, 9), max_size=8), max_size=5)


@given(rankings, st.randoms())
def test_fusion_does_not_depend_on_the_order_of_rankings(
    legs: list[list[int]], random: Random
) -> None:
    """The same items with the very same scores."""
    shuffled = list(legs)
    random.shuffle(shuffled)
    assert reciprocal_rank_fusion(shuffled) == reciprocal_rank_fusion(legs)


@given(rankings)
def test_fused_scores_lie_between_0_and_1(legs: list[list[int]]) -> None:
    """Every item of every ranking has one; 1 is leading all of them."""
    fused = reciprocal_rank_fusion(legs)
    assert set(fused) == {item for leg in legs for item in leg}
    for item, score in fused.items():
        assert 0 < score <= 1
        assert (score == 1) == all(leg and leg[0] == item for leg in legs)


@given(st.lists(st.integers(), unique=True), st.integers(1, 100))
def test_fusing_one_ranking_keeps_its_order(leg: list[int], k: int) -> None:
    """Scores fall along it, and a repetition changes nothing."""
    fused = reciprocal_rank_fusion([leg], k=k)
    assert sorted(leg, key=lambda item: -fused[item]) == leg
    assert reciprocal_rank_fusion([leg + leg], k=k) == fused


# --- the whole engine ---------------------------------------------------------------------------

NAMES = ("Ada", "Ben", "Cleo")
facts_told = st.one_of(
    st.tuples(st.just("say"), texts, st.sampled_from(("s1", "s2"))),
    st.tuples(st.just("put"), st.sampled_from(NAMES), st.sampled_from(("amber", *NAMES))),
    st.tuples(st.just("relate"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
)


class Letters:
    """Vectors that count letters: cheap, deterministic, and different for every test text."""

    name = "letters"

    def embed_texts(self, given: Sequence[str]) -> list[list[float]]:
        return [[float(text.lower().count(letter)) for letter in "abcdefgij"] for text in given]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_texts([text])[0]


def tell(engine: Engine, who: str, told: Sequence[tuple[str, str, str]]) -> None:
    """Store what somebody says, in their own scope and sessions."""
    for verb, first, second in told:
        if verb == "say":
            body = {"text": first, "infer": "none", "session_id": f"{who} {second}"}
        else:
            triple = {"entity": {"type": "person", "name": first}, "key": "knows"}
            triple |= (
                {"value": second}
                if verb == "put"
                else {"target": {"type": "person", "name": second}}
            )
            body = {"infer": "triples", "triples": [triple], "session_id": f"{who} facts"}
        ask(engine, who, "facts", body)


def ask(engine: Engine, who: str, path: str, body: dict[str, object]) -> dict[str, Any]:
    """One request of a principal."""
    headers = {"x-spectron-on-behalf-of": who}
    content = json.dumps(body).encode()
    response = engine.handle(Request("POST", f"/api/v1/default/{path}", "", headers, content))
    assert response.status == 200, response.body
    answer: dict[str, Any] = json.loads(response.body)
    return answer


def told_of(answer: dict[str, Any]) -> object:
    """Everything in an answer but times and the trace's own id."""
    trace = {name: answer["trace"][name] for name in ("retrievedCount", "topScores", "tierReason")}
    hits = [{**hit, "id": "", "occurredAt": ""} for hit in answer["hits"]]
    return hits, answer.get("contextHits"), answer["tier"], answer["seedEntities"], trace


@settings(max_examples=12, deadline=None)
@given(
    st.lists(facts_told, max_size=6),
    st.lists(facts_told, min_size=1, max_size=8),
    st.one_of(texts, st.sampled_from(["What of Ada?", "Whom does Ben know?", "amber Cleo"])),
)
def test_what_others_store_changes_nothing_of_an_answer(
    own: list[tuple[str, str, str]], others: list[tuple[str, str, str]], query: str
) -> None:
    """In no mode: hits, order, scores, named entities, counts; with others before or after."""
    answers = []
    for before, after in (((), ()), (others, ()), ((), others)):
        engine = Engine(embeddings=Letters(), clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
        for who in ("alice", "bob"):
            grants = dict.fromkeys(("memory:read", "memory:write"), f"org/acme/user/{who}/*")
            engine.add_principal(who, grants=grants)
        tell(engine, "bob", before)
        tell(engine, "alice", own)
        tell(engine, "bob", after)
        answers.append(
            [
                told_of(ask(engine, "alice", "query", {"query": query, "mode": mode, "k": 50}))
                for mode in ("hybrid", "vector", "graph", "bm25")
            ]
        )
        engine.close()
    assert answers[1] == answers[0]
    assert answers[2] == answers[0]
