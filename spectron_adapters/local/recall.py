"""Recall: the question, the filter, the hits as the wire shows them.

Imports `calls`, `retrieval`, `work`, `fact_rows`, `traces` and `models`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from spectron_adapters.local.bodies import check_instant, check_labels, parse_selector
from spectron_adapters.local.calls import Answer, Call
from spectron_adapters.local.ingestion import chunk_id
from spectron_adapters.local.instants import to_text
from spectron_adapters.local.problems import not_implemented
from spectron_adapters.local.search.retrieval import RowFilter, Scored, SearchResult, ask
from spectron_adapters.local.seeds import seed_entities
from spectron_adapters.local.traces import Trace
from spectron_adapters.local.work import Work
from spectron_adapters.models import (
    RecallHit,
    RecallRequest,
    RecallResponse,
    RecallTrace,
)
from spectron_adapters.scopes import ScopeSet

__all__ = [
    "Recalled",
    "Shown",
    "hits_of",
    "hits_shown",
    "look_up",
    "query",
    "row_filter",
    "trace_of",
]

SearchMode: TypeAlias = Literal["hybrid", "bm25"]

FACT_KINDS = frozenset({"entity", "attribute", "relation", "memory_chunk"})
PASSAGE_KINDS = frozenset({"chunk", "section"})

_POOL = 256
_THIN_SCORE = 0.40
_LEXICAL = "lexical search over the caller's rows"


@dataclass(frozen=True, slots=True)
class Recalled:
    """What a search found, and how."""

    result: SearchResult
    tier: str
    reason: str


def query(call: Call, request: RecallRequest) -> Answer:
    """Recall. Source: POST /query."""
    if request.mode in ("vector", "graph"):
        raise not_implemented(
            f"mode {request.mode!r} needs {'embeddings' if request.mode == 'vector' else 'a graph'}"
            ", which this engine does not have; use 'hybrid' or 'bm25'"
        )
    if request.location is not None:
        raise not_implemented("location filters are not built into this engine; leave it out")
    mode: SearchMode = "bm25" if request.mode == "bm25" else "hybrid"
    lens = parse_selector(request.lens, field="lens", subtrees=True)
    labels = check_labels(request.labels)
    started = time.perf_counter()

    def look(work: Work) -> tuple[Recalled, list[RecallHit], list[str]]:
        chosen = _filter_of(work, request, lens, labels)
        recalled = look_up(work, request.query, chosen, k=request.k, mode=mode)
        hits = hits_of(work, recalled.result.hits)
        return recalled, hits, seed_entities(work, request.query, lens)

    recalled, hits, seeds = call.read(look)
    elapsed = _milliseconds(started)
    trace = trace_of(call, request.query, lens, recalled, elapsed, source=request.source)
    call.trace_read(trace)
    response = RecallResponse(
        hits=hits,
        tier=recalled.tier,
        classification_kind=recalled.tier,
        seed_entities=seeds,
        query_ms=elapsed,
        trace=RecallTrace(
            trace_id=trace.key,
            resolution_tier=recalled.tier,
            tier_reason=recalled.reason,
            retrieved_count=recalled.result.retrieved_count,
            latency_ms=elapsed,
            top_scores=recalled.result.top_scores,
        ),
    )
    return Answer.of(200, response, trace_id=trace.key)


def _milliseconds(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)


def _filter_of(
    work: Work, request: RecallRequest, lens: ScopeSet | None, labels: frozenset[str]
) -> RowFilter:
    wanted = set(request.include or ("facts", "passages"))
    kinds = (FACT_KINDS if "facts" in wanted else frozenset()) | (
        PASSAGE_KINDS if "passages" in wanted else frozenset()
    )
    return row_filter(
        work,
        lens,
        kinds=kinds,
        labels=labels,
        as_of=check_instant(request.as_of, "asOf"),
        at_instant=check_instant(request.at_instant, "atInstant"),
        valid_from=check_instant(request.valid_from, "validFrom"),
        valid_until=check_instant(request.valid_until, "validUntil"),
        session_id=request.session_id,
        include_duplicates=request.include_duplicates,
    )


def row_filter(
    work: Work,
    lens: ScopeSet | None,
    *,
    kinds: frozenset[str] = FACT_KINDS | PASSAGE_KINDS,
    labels: frozenset[str] = frozenset(),
    as_of: int | None = None,
    at_instant: int | None = None,
    valid_from: int | None = None,
    valid_until: int | None = None,
    session_id: str | None = None,
    include_duplicates: bool = False,
) -> RowFilter:
    """What the caller may read, and what of it a request asks for."""
    readable = work.readable(lens)
    return RowFilter(
        context_id=work.context_id,
        scope_set_ids=readable.ids,
        excluded_scope_set_ids=readable.excluded,
        kinds=kinds,
        now=work.now,
        as_of=as_of,
        at_instant=at_instant,
        valid_from=valid_from,
        valid_until=valid_until,
        labels=labels,
        session_id=None if session_id is None else _session_number(work, session_id),
        include_duplicates=include_duplicates,
    )


def _session_number(work: Work, name: str) -> int | None:
    row = work.connection.execute(
        "SELECT id FROM session WHERE context_id = ? AND name = ? AND deleted_at IS NULL",
        (work.context_id, name),
    ).fetchone()
    return None if row is None else int(row[0])


def look_up(work: Work, text: str, chosen: RowFilter, *, k: int, mode: SearchMode) -> Recalled:
    """Search; with twice the pool when the first answer is thin."""
    nothing = SearchResult(hits=[], retrieved_count=0, top_scores=[])
    if chosen.scope_set_ids is not None and not chosen.scope_set_ids:
        return Recalled(nothing, "hybrid", "nothing lies within the caller's region and lens")
    question = ask(work.connection, text, chosen)
    if question is None:
        return Recalled(nothing, "hybrid", _LEXICAL)
    result = question.rank(k=k, mode=mode, pool=_POOL)
    best = result.top_scores[0] if result.top_scores else 0.0
    if best >= _THIN_SCORE or result.retrieved_count < _POOL:
        return Recalled(result, "hybrid", _LEXICAL)
    result = question.rank(k=k, mode=mode, pool=2 * _POOL)
    return Recalled(result, "full_context", f"best score {best:.2f} was low; the pool was doubled")


def trace_of(
    call: Call,
    text: str,
    lens: ScopeSet | None,
    recalled: Recalled,
    elapsed: int,
    *,
    source: str | None = None,
) -> Trace:
    """The trace of a recall."""
    result = recalled.result
    return Trace(
        key=call.parts.ids(call.now),
        context_id=call.context_id,
        kind="retrieval",
        principal=call.caller.principal,
        target=call.caller.target,
        created_at=call.now,
        query=text,
        lens=None if lens is None else lens.canonical,
        tier=recalled.tier,
        reason=recalled.reason,
        latency_ms=elapsed,
        rows_touched=len(result.hits),
        details={
            "retrievedCount": result.retrieved_count,
            "topScores": result.top_scores,
            **({} if source is None else {"source": source}),
        },
        recalled=[hit.row_id for hit in result.hits],
    )


# --- hits ---------------------------------------------------------------------------------------

_PLACES = {
    "memory_chunk": (
        "SELECT r.id, t.key, r.part, s.name, r.role, r.scope_set_id, r.seq FROM search_row AS r"
        " JOIN turn AS t ON t.id = r.target_id"
    ),
    "entity": (
        "SELECT r.id, n.type, n.name, NULL, NULL, r.scope_set_id, NULL FROM search_row AS r"
        " JOIN entity AS e ON e.id = r.target_id JOIN entity_name AS n ON n.id = e.name_id"
    ),
    "attribute": (
        "SELECT r.id, a.key_id, NULL, s.name, NULL, r.scope_set_id, NULL FROM search_row AS r"
        " JOIN attribute AS a ON a.id = r.target_id LEFT JOIN turn AS t ON t.id = a.turn_id"
        ""
    ),
    "relation": (
        "SELECT r.id, x.key_id, NULL, s.name, NULL, r.scope_set_id, NULL FROM search_row AS r"
        " JOIN relation AS x ON x.id = r.target_id LEFT JOIN turn AS t ON t.id = x.turn_id"
        ""
    ),
}
_SESSION_OF = {
    "memory_chunk": "t.session_id",
    "entity": "NULL",
    "attribute": "t.session_id",
    "relation": "t.session_id",
}
_Place = tuple[object, ...]
_SCOPE_SET = 4


def hits_of(work: Work, found: Sequence[Scored]) -> list[RecallHit]:
    """Search results as hits, best first; one entity of several scopes is one hit."""
    places = _places(work, found)
    shown: dict[object, list[list[str]]] = {}
    hits: dict[str, RecallHit] = {}
    for scored in found:
        place = places.get(scored.row_id)
        if place is None:
            continue
        scope_set_id = place[_SCOPE_SET]
        if scope_set_id not in shown:
            shown[scope_set_id] = work.visible_scopes(int(str(scope_set_id)))
        hit = _hit(scored, place, shown[scope_set_id])
        if hit.id not in hits:
            hits[hit.id] = hit
    return list(hits.values())


@dataclass(frozen=True, slots=True)
class Shown:
    """A hit for a reader: what was said, when, and by whom."""

    kind: str
    text: str
    occurred_at: int
    who: str


def hits_shown(work: Work, found: Sequence[Scored]) -> list[Shown]:
    """Search results with their speakers, in the order given."""
    rows = work.connection.execute(
        "SELECT id, coalesce(speaker, role, kind) FROM search_row"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps([scored.row_id for scored in found]),),
    )
    names = dict(rows.fetchall())
    return [
        Shown(scored.kind, scored.text, scored.occurred_at, names.get(scored.row_id, ""))
        for scored in found
    ]


def _places(work: Work, found: Sequence[Scored]) -> Mapping[int, _Place]:
    by_kind: dict[str, list[int]] = {}
    readable = work.readable()
    for scored in found:
        by_kind.setdefault(scored.kind, []).append(scored.row_id)
    places: dict[int, _Place] = {}
    for kind, row_ids in by_kind.items():
        if kind in _PLACES:
            rows = work.connection.execute(
                f"{_PLACES[kind]} LEFT JOIN session AS s"  # noqa: S608  # constant parts
                f" ON s.id = {_SESSION_OF[kind]} AND s.{readable.condition}"
                " WHERE r.id IN (SELECT value FROM json_each(:rows))",
                {"rows": json.dumps(row_ids), "readable": readable.parameter},
            )
            places.update({row[0]: row[1:] for row in rows})
    return places


def _hit(scored: Scored, place: _Place, scopes: list[list[str]]) -> RecallHit:
    key, part, session, role, _, seq = place
    extras = {
        "scopes": scopes,
        "sessionId": session,
        "role": role,
        "seq": seq,
    }
    return RecallHit.model_validate(
        {
            "id": _hit_id(scored.kind, str(key), part),
            "score": scored.score,
            "source": scored.kind,
            "text": scored.text,
            "occurredAt": to_text(scored.occurred_at),
            **{name: value for name, value in extras.items() if value is not None},
        }
    )


def _hit_id(kind: str, key: str, part: object) -> str:
    if kind == "memory_chunk":
        return chunk_id(key, int(str(part)))
    if kind == "entity":
        return f"entity:{key}/{part}"
    return f"{kind}:{key}"
