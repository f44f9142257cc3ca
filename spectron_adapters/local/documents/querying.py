"""Asking documents: legs of ranking, their fusion, the answer as the wire shows it.

Models are asked before the transaction; one that fails is done without. Imports `calls`,
`search`, `reading`, `graph`, `traces` and `models`.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from spectron_adapters.local.bodies import parse_selector
from spectron_adapters.local.calls import Answer, Call
from spectron_adapters.local.documents.graph import Found, GraphOptions, ranked_by_graph
from spectron_adapters.local.documents.links import EDGE_KINDS
from spectron_adapters.local.documents.reading import PassagePlace, passage_places
from spectron_adapters.local.documents.storage import document_key
from spectron_adapters.local.language.questions import hypothetical_answer, sub_questions
from spectron_adapters.local.problems import Problem, not_implemented
from spectron_adapters.local.search.retrieval import (
    Question,
    RowFilter,
    ask,
    reciprocal_rank_fusion,
)
from spectron_adapters.local.search.vectors import (
    EmbeddingError,
    QueryVector,
    VectorModel,
    vector_scores,
)
from spectron_adapters.local.tracing.traces import Trace
from spectron_adapters.local.work import Work
from spectron_adapters.models import (
    DocumentFilter,
    DocumentQueryHit,
    DocumentQueryRequest,
    DocumentQueryResponse,
)
from spectron_adapters.scopes import ScopeSet

__all__ = ["query_documents"]

_logger = logging.getLogger("spectron_adapters.local")

_KINDS: Final = frozenset({"chunk", "section"})
_POOL: Final = 256
_RRF_K: Final = 60.0
_VECTOR_WEIGHT: Final = 0.5
_SECTION_FACTOR: Final = 0.8
_TOP_SCORES: Final = 10


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question with what models made of it.

    Attributes:
        questions: The question, and the parts of it.
        vectors: Of what is compared with passages.
        lens: What the read is narrowed to.
    """

    questions: Sequence[str]
    vectors: Sequence[QueryVector]
    lens: ScopeSet | None


def query_documents(call: Call, request: DocumentQueryRequest) -> Answer:
    """Find passages that answer a question. Source: POST /documents/query."""
    started = time.perf_counter()
    asked = _asked(call, request)

    def look(work: Work) -> list[Found]:
        return _look_up(work, request, asked)

    found = call.read(look) if _is_answerable(request) else []
    elapsed = round((time.perf_counter() - started) * 1000)
    trace = _trace(call, request, asked.lens, found, elapsed)
    call.trace_read(trace)
    response = DocumentQueryResponse(query_ms=elapsed, results=[_hit(each) for each in found])
    return Answer.of(200, response, trace_id=trace.key)


def _is_answerable(request: DocumentQueryRequest) -> bool:
    """Whether anything can be found: documents have no place on the map."""
    return request.location is None and bool(request.query.strip())


def _asked(call: Call, request: DocumentQueryRequest) -> _Asked:
    embedder: object = call.settings.embedder
    model = call.settings.language_model
    if request.mode == "vector" and embedder is None:
        raise not_implemented(
            "mode 'vector' needs embeddings, which this engine was not given; use 'hybrid' or "
            "'bm25', or open the engine with embeddings="
        )
    lens = parse_selector(request.lens, field="lens", subtrees=True)
    parts = sub_questions(model, request.query) if request.decompose_query else []
    questions = [request.query, *parts]
    if request.mode == "bm25" or not isinstance(embedder, VectorModel):
        return _Asked(questions, [], lens)
    imagined = hypothetical_answer(model, request.query) if request.use_hyde else None
    compared = questions if imagined is None else [*questions, imagined]
    vectors = [vector for text in compared if (vector := _embedded(embedder, text)) is not None]
    if request.mode == "vector" and not vectors:
        raise Problem(
            503, "unavailable", "the question could not be embedded; try again, or use mode 'bm25'"
        )
    return _Asked(questions, vectors, lens)


def _embedded(embedder: VectorModel, text: str) -> QueryVector | None:
    try:
        return embedder.query(text)
    except EmbeddingError as error:
        _logger.warning("a question was not embedded (%s)", error)
        return None


# --- looking up ---------------------------------------------------------------------------------


def _look_up(work: Work, request: DocumentQueryRequest, asked: _Asked) -> list[Found]:
    readable = work.readable(asked.lens)
    chosen = RowFilter(
        context_id=work.context_id,
        scope_set_ids=readable.ids,
        excluded_scope_set_ids=readable.excluded,
        kinds=_KINDS,
        now=work.now,
        # The original of a duplicate may lie in a document that the filter leaves out.
        include_duplicates=request.include_duplicates or request.filter is not None,
    )
    if chosen.scope_set_ids is not None and not chosen.scope_set_ids:
        return []
    allowed = None if request.filter is None else _allowed_rows(work, request.filter)
    scores = _fused(request, _legs(work, request, asked, chosen, allowed))
    found = _passages(work, scores)
    if not request.include_duplicates:
        found = _without_repetitions(work, found, allowed)
    options = _graph_options(request)
    if options is not None:
        found = ranked_by_graph(work, found, options, chosen)
    least = request.threshold
    kept = [
        each
        for each in found
        if (least is None or each.score >= least)
        and (allowed is None or each.place.row_id in allowed)
    ]
    return kept[: request.k]


def _allowed_rows(work: Work, chosen: DocumentFilter) -> frozenset[int]:
    """The search rows of the documents that a filter names."""
    readable = work.readable()
    keys = None if chosen.document_ids is None else [document_key(i) for i in chosen.document_ids]
    types = None if chosen.mime_type is None else [text.lower() for text in chosen.mime_type]
    rows = work.connection.execute(
        "WITH chosen AS (SELECT id FROM document WHERE context_id = :context"  # noqa: S608  # constant parts
        " AND (:keys IS NULL OR key IN (SELECT value FROM json_each(:keys)))"
        " AND (:types IS NULL OR mime_type IN (SELECT value FROM json_each(:types)))"
        f" AND {readable.condition})"
        " SELECT r.id FROM chosen JOIN document_chunk AS c ON c.document_id = chosen.id"
        " JOIN search_row AS r ON r.kind = 'chunk' AND r.target_id = c.id"
        " UNION ALL SELECT r.id FROM chosen JOIN document_section AS s"
        " ON s.document_id = chosen.id"
        " JOIN search_row AS r ON r.kind = 'section' AND r.target_id = s.id",
        {
            "context": work.context_id,
            "keys": None if keys is None else json.dumps(keys),
            "types": None if types is None else json.dumps(types),
            "readable": readable.parameter,
        },
    )
    return frozenset(row[0] for row in rows)


def _legs(
    work: Work,
    request: DocumentQueryRequest,
    asked: _Asked,
    chosen: RowFilter,
    allowed: frozenset[int] | None,
) -> tuple[list[Mapping[int, float]], list[Mapping[int, float]]]:
    """The rankings by words and by meaning: scores by row, best first."""
    by_words: list[Mapping[int, float]] = []
    if request.mode != "vector":
        mode: Literal["hybrid", "bm25"] = "bm25" if request.mode == "bm25" else "hybrid"
        for text in asked.questions:
            question = ask(work.connection, text, chosen)
            if question is not None:
                ranked = _narrowed(question, allowed).rank(k=_POOL, mode=mode, pool=_POOL)
                by_words.append({hit.row_id: hit.score for hit in ranked.hits})
    by_meaning: list[Mapping[int, float]] = []
    for vector in asked.vectors:
        near = vector_scores(
            work.connection, vector, chosen, limit=_POOL if allowed is None else 4 * _POOL
        )
        by_meaning.append(
            {row: (1 + score) / 2 for row, score in near if allowed is None or row in allowed}
        )
    return by_words, by_meaning


def _narrowed(question: Question, allowed: frozenset[int] | None) -> Question:
    if allowed is None:
        return question
    return replace(question, row_ids=[row_id for row_id in question.row_ids if row_id in allowed])


def _fused(
    request: DocumentQueryRequest,
    legs: tuple[Sequence[Mapping[int, float]], Sequence[Mapping[int, float]]],
) -> dict[int, float]:
    """One score of 0 to 1 for each row: a single ranking's own, else by reciprocal ranks.

    Each kind of ranking, words or meaning, has a weight.
    """
    by_words, by_meaning = legs
    if len(by_words) + len(by_meaning) == 1:
        return dict((*by_words, *by_meaning)[0])
    constant = _RRF_K if request.rrf_k is None else request.rrf_k
    share = _VECTOR_WEIGHT if request.vector_weight is None else min(request.vector_weight, 1.0)
    if not by_words or not by_meaning:
        share = 1.0 if by_meaning else 0.0
    fused: dict[int, float] = {}
    for rankings, weight in ((by_words, 1 - share), (by_meaning, share)):
        scores = reciprocal_rank_fusion([list(ranking) for ranking in rankings], k=constant)
        for row_id, score in scores.items():
            fused[row_id] = fused.get(row_id, 0.0) + weight * score
    return fused


def _passages(work: Work, scores: Mapping[int, float]) -> list[Found]:
    """The passages behind rows; a section stands for its first passage, at a lower score."""
    places = passage_places(work, list(scores))
    best: dict[int, Found] = {}
    for row_id, place in places.items():
        score = scores[row_id] * (1.0 if place.id == place.chunk_id else _SECTION_FACTOR)
        known = best.get(place.chunk)
        if known is None or score > known.score:
            best[place.chunk] = Found(place, score)
    return sorted(best.values(), key=_order)


def _without_repetitions(
    work: Work, found: Sequence[Found], allowed: frozenset[int] | None
) -> list[Found]:
    """Leave out passages that nearly repeat one that the filter lets through."""
    rows = work.connection.execute(
        "SELECT target_id, duplicate_of FROM search_row WHERE kind = 'chunk'"
        " AND target_id IN (SELECT value FROM json_each(?)) AND duplicate_of IS NOT NULL",
        (json.dumps([each.place.chunk for each in found]),),
    )
    repeating = {chunk for chunk, original in rows if allowed is None or original in allowed}
    return [each for each in found if each.place.chunk not in repeating]


def _order(found: Found) -> tuple[float, int, int]:
    return -found.score, -found.place.document, found.place.position


def _graph_options(request: DocumentQueryRequest) -> GraphOptions | None:
    """How the graph counts; None when it is not asked for."""
    asked = request.mode in ("hybrid_graph", "graph") or request.graph_edges is not None
    if not (asked or request.expand_graph):
        return None
    kinds = frozenset(EDGE_KINDS if request.graph_edges is None else request.graph_edges)
    return GraphOptions.of(
        kinds,
        alpha=request.graph_alpha,
        depth=request.graph_depth,
        expand=request.expand_graph,
    )


# --- showing ------------------------------------------------------------------------------------


def _hit(found: Found) -> DocumentQueryHit:
    place: PassagePlace = found.place
    section = {} if place.section is None else {"section": place.section}
    return DocumentQueryHit(
        score=round(found.score, 6),
        chunk={
            "id": place.chunk_id,
            "document": place.document_id,
            "text": place.text,
            **section,
            "position": place.position,
            "charStart": place.char_start,
            "charEnd": place.char_end,
        },
        document={"id": place.document_id, "title": place.title, "source": place.source},
        graph_evidence=[dict(each) for each in found.evidence] or None,
        graph_expansion=found.expanded or None,
    )


def _trace(
    call: Call,
    request: DocumentQueryRequest,
    lens: ScopeSet | None,
    found: Sequence[Found],
    elapsed: int,
) -> Trace:
    scores = [each.score for each in found[:_TOP_SCORES]]
    return Trace(
        key=call.parts.ids(call.now),
        context_id=call.context_id,
        kind="retrieval",
        principal=call.caller.principal,
        target=call.caller.target,
        created_at=call.now,
        query=request.query,
        lens=None if lens is None else lens.canonical,
        tier="hybrid",
        reason=f"passages of documents, mode {request.mode}",
        latency_ms=elapsed,
        rows_touched=len(found),
        details={"retrievedCount": len(found), "topScores": scores, "source": "documents"},
        recalled=[each.place.row_id for each in found],
    )
