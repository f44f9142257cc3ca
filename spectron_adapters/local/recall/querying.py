"""Recall: what is asked, which legs answer it, and the answer on the wire.

Imports `calls`, `search`, `hits`, the legs (`graph_hops`, `document_legs`, `direct_lookup`),
`traces` and `models`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from spectron_adapters.local.bodies import check_instant, check_labels, parse_selector
from spectron_adapters.local.calls import Answer, Call
from spectron_adapters.local.problems import Problem, not_implemented
from spectron_adapters.local.recall.direct_lookup import direct_rows
from spectron_adapters.local.recall.document_legs import (
    keyword_bridges,
    published,
    section_siblings,
)
from spectron_adapters.local.recall.graph_hops import HOPS, rank_hops
from spectron_adapters.local.recall.hits import PASSAGE_KINDS, Shown, hits_of, hits_shown
from spectron_adapters.local.recall.locations import check_location
from spectron_adapters.local.recall.seeds import Seed, find_seeds
from spectron_adapters.local.scope_catalog import ReadableSets
from spectron_adapters.local.search.retrieval import (
    Question,
    Ranking,
    RowFilter,
    Scored,
    SearchResult,
    ask,
    shown,
)
from spectron_adapters.local.search.vectors import (
    BACKLOG_PER_READ,
    EmbeddingError,
    Nearest,
    QueryVector,
    VectorModel,
    nearest,
    vector_shares,
)
from spectron_adapters.local.tracing.traces import Trace
from spectron_adapters.local.work import Work
from spectron_adapters.models import (
    RecallHit,
    RecallMode,
    RecallRequest,
    RecallResponse,
    RecallTrace,
)
from spectron_adapters.scopes import ScopeSet

__all__ = [
    "FACT_KINDS",
    "PASSAGE_KINDS",
    "Recalled",
    "Shown",
    "embed_question",
    "hits_of",
    "hits_shown",
    "look_up",
    "query",
    "row_filter",
    "trace_of",
]

_logger = logging.getLogger("spectron_adapters.local")

FACT_KINDS = frozenset({"entity", "attribute", "relation", "memory_chunk"})

_POOL = 256
_THIN_SCORE = 0.40
# So many rows that hold words of the question need no others to fill an answer.
_ENOUGH = 64
_GRAPH_SHARE = 0.3
_KEYWORD_SHARE = 0.2
_LEXICAL = "lexical search over the caller's rows"
_ONE_LEG = {
    "bm25": "words alone (BM25)",
    "vector": "vectors alone",
    "graph": "hops from the entities that the question names",
}
_CLASSIFICATIONS = {"direct": "direct_lookup"}


@dataclass(frozen=True, slots=True)
class Recalled:
    """What a search found, and how.

    Attributes:
        result: Hits, best first.
        tier: direct, hybrid or full_context.
        reason: Why this tier, and what was searched.
        siblings: Passages of the same sections as the hits.
        seeds: Ids of the entities that the question names.
    """

    result: SearchResult
    tier: str
    reason: str
    siblings: Sequence[Scored] = ()
    seeds: Sequence[str] = ()

    @classmethod
    def of(
        cls,
        work: Work,
        ranking: Ranking,
        chosen: RowFilter,
        *,
        k: int,
        kinds: frozenset[str] | None,
        tier: str = "hybrid",
        reason: str,
        seeds: Sequence[Seed],
    ) -> Recalled:
        """The first hits of a ranking, with what stands in the same sections."""
        result = shown(work.connection, ranking, k=k, kinds=kinds)
        siblings: list[Scored] = []
        if any(hit.kind == "chunk" for hit in result.hits):
            ids = [hit.row_id for hit in result.hits]
            near = section_siblings(work, ranking, ids, chosen)
            siblings = shown(work.connection, near, k=len(near.rows)).hits
        return cls(result, tier, reason, siblings, [seed.id for seed in seeds])


def query(call: Call, request: RecallRequest) -> Answer:
    """Recall. Source: POST /query.

    The tier `cache` is never used here: an answer kept from earlier could show what was forgotten
    since. Rows have no place on the globe, so a location keeps none of them.
    """
    lens = parse_selector(request.lens, field="lens", subtrees=True)
    labels = check_labels(request.labels)
    check_location(request.location)
    embedding = _embedding(call, request)
    started = time.perf_counter()

    def look(work: Work) -> tuple[Recalled, list[RecallHit], list[RecallHit]]:
        recalled = look_up(
            work,
            request.query,
            _filter_of(work, request, lens, labels),
            k=request.k,
            mode=request.mode,
            embedding=embedding,
            kinds=_shown_kinds(request),
        )
        return recalled, hits_of(work, recalled.result.hits), hits_of(work, recalled.siblings)

    recalled, hits, siblings = call.read(look)
    elapsed = _milliseconds(started)
    trace = trace_of(call, request.query, lens, recalled, elapsed, source=request.source)
    call.trace_read(trace)
    response = RecallResponse(
        hits=hits,
        context_hits=siblings or None,
        tier=recalled.tier,
        classification_kind=_CLASSIFICATIONS.get(recalled.tier, recalled.tier),
        seed_entities=list(recalled.seeds),
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


def _embedding(call: Call, request: RecallRequest) -> QueryVector | None:
    """The question's vector, if the mode has use for it.

    Raises:
        Problem: 501, `vector` is asked for without an embedder; 503, the embedder failed.
    """
    if request.mode in ("bm25", "graph"):
        return None
    embedding = embed_question(call, request.query)
    if request.mode == "vector" and embedding is None and request.query.strip():
        if not isinstance(call.settings.embedder, VectorModel):
            raise not_implemented(
                "mode 'vector' needs embeddings, which this engine was not given; pass embeddings= "
                "to it, or use 'hybrid', 'bm25' or 'graph'"
            )
        raise Problem(
            503, "unavailable", "the embedding model failed; try again, or use mode 'hybrid'"
        )
    return embedding


def _milliseconds(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)


def _shown_kinds(request: RecallRequest) -> frozenset[str]:
    """The kinds that a response shows; what it does not show is ranked all the same."""
    if request.location is not None:
        return frozenset()
    wanted = set(request.include or ("facts", "passages"))
    return (FACT_KINDS if "facts" in wanted else frozenset()) | (
        PASSAGE_KINDS if "passages" in wanted else frozenset()
    )


def _filter_of(
    work: Work, request: RecallRequest, lens: ScopeSet | None, labels: frozenset[str]
) -> RowFilter:
    return row_filter(
        work,
        lens,
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
    """The session that ranks higher; one that the caller may not read is none."""
    row = work.connection.execute(
        "SELECT id, scope_set_id FROM session"
        " WHERE context_id = ? AND name = ? AND deleted_at IS NULL",
        (work.context_id, name),
    ).fetchone()
    return int(row[0]) if row is not None and work.readable().allows(row[1]) else None


def look_up(
    work: Work,
    text: str,
    chosen: RowFilter,
    *,
    k: int,
    mode: RecallMode = "hybrid",
    embedding: QueryVector | None = None,
    kinds: frozenset[str] | None = None,
) -> Recalled:
    """Search in the way that a mode names.

    `hybrid` scores rows by their words and their place in the conversation; vectors, hops through
    the graph and keywords of documents add shares of the best such score. Plain reciprocal ranks
    would let a weak leg push out what a strong one found: with embeddings of word fragments they
    cost a sixth of the recall. A thin answer is sought again, deeper, with twice the pool. What
    is asked of one key of one entity comes first of all.

    Args:
        work: In a transaction.
        text: The question.
        chosen: What the caller may read, and what of it is wanted.
        k: Most hits.
        mode: hybrid, bm25, vector or graph.
        embedding: The question's vector (see `embed_question`); needed by `vector`.
        kinds: Kinds of rows to show; the others are ranked all the same.
    """
    if chosen.reads_nothing:
        reason = "nothing lies within the caller's region and lens"
        return Recalled(SearchResult([], 0, []), "hybrid", reason)
    search = _Search(work, text, chosen, embedding)
    if mode != "hybrid":
        ranking = published(work, search.leg(mode))
        return Recalled.of(
            work,
            ranking,
            chosen,
            k=k,
            kinds=kinds,
            reason=_ONE_LEG[mode],
            seeds=search.seeds,
        )
    ranking, tier, reason = search.hybrid()
    direct = direct_rows(work, text, search.seeds, chosen)
    if direct:
        first = {row.id: 1.0 for row in direct}
        rest = [row for row in ranking.rows if row.id not in first]
        ranking = Ranking([*direct, *rest], {**ranking.scores, **first})
        tier, reason = "direct", f"looked up under {search.seeds[0].id}"
    return Recalled.of(
        work, ranking, chosen, k=k, kinds=kinds, tier=tier, reason=reason, seeds=search.seeds
    )


@dataclass(frozen=True)
class _Search:
    """One question and its legs."""

    work: Work
    text: str
    chosen: RowFilter
    embedding: QueryVector | None

    @cached_property
    def seeds(self) -> list[Seed]:
        """The entities that the question names."""
        readable = ReadableSets(self.chosen.scope_set_ids, self.chosen.excluded_scope_set_ids)
        return find_seeds(self.work, self.text, readable, as_of=self.chosen.as_of)

    @cached_property
    def question(self) -> Question | None:
        """Which rows hold its words."""
        return ask(self.work.connection, self.text, self.chosen, wordless=True)

    def leg(self, mode: RecallMode) -> Ranking:
        """One leg by itself, with its own scores."""
        if mode == "graph":
            return rank_hops(self.work, self.text, self.seeds, self.chosen)
        if mode == "vector":
            near = self._near(_POOL)
            cosines = zip(near.rows, near.cosines, strict=True)
            return Ranking(near.rows, {row.id: max(cosine, 0.0) for row, cosine in cosines})
        if self.question is None:
            return Ranking([], {})
        return self.question.ranked(mode="bm25", pool=_POOL)

    def hybrid(self) -> tuple[Ranking, str, str]:
        """All legs; with twice the pool and another hop when the answer is thin."""
        if self.question is None:
            return Ranking([], {}), "hybrid", _LEXICAL
        ranking, reason = self._fused(self.question, _POOL, HOPS)
        best = ranking.best
        if best >= _THIN_SCORE or len(ranking.rows) < _POOL:
            return ranking, "hybrid", reason
        ranking, _ = self._fused(self.question, 2 * _POOL, HOPS + 1)
        return (
            ranking,
            "full_context",
            f"best score {best:.2f} was low; the pool was doubled",
        )

    def _fused(self, question: Question, pool: int, hops: int) -> tuple[Ranking, str]:
        evidence: dict[int, float] = {}
        legs = [_LEXICAL]
        for name, leg in self._legs(pool, hops, few=len(question.row_ids) < _ENOUGH):
            if leg:
                legs.append(name)
            for row_id, share in leg.items():
                evidence[row_id] = evidence.get(row_id, 0.0) + share
        ranking = question.ranked(mode="hybrid", pool=pool, evidence=evidence)
        return published(self.work, ranking), ", with ".join(legs)

    def _legs(
        self, pool: int, hops: int, *, few: bool
    ) -> Iterator[tuple[str, Mapping[int, float]]]:
        """What speaks for rows beside their words, as shares of the best score."""
        if self.embedding is not None:
            yield "vectors", vector_shares(self._near(pool), every=few)
        if self.seeds:
            graph = rank_hops(self.work, self.text, self.seeds, self.chosen, hops=hops)
            yield "the graph", _shares(graph, _GRAPH_SHARE)
        bridges = keyword_bridges(self.work, self.text, self.chosen)
        yield "keywords of documents", _shares(bridges, _KEYWORD_SHARE)

    def _near(self, limit: int) -> Nearest:
        if self.embedding is None:
            return Nearest([], [], [])
        return nearest(self.work.connection, self.embedding, self.chosen, limit=limit)


def _shares(leg: Ranking, weight: float) -> dict[int, float]:
    return {row.id: weight * leg.scores[row.id] for row in leg.rows}


# --- embeddings ---------------------------------------------------------------------------------


def embed_question(call: Call, text: str) -> QueryVector | None:
    """The vector of a question, computed before the transaction that searches with it.

    Rows that have no vector yet get theirs before it is searched with, a few at each read.

    Returns:
        None without an embedder, for a blank question, and when the embedder failed.
    """
    model = call.settings.embedder
    if not isinstance(model, VectorModel) or not text.strip():
        return None
    try:
        vector = model.query(text)
    except EmbeddingError as error:
        _logger.warning("a question was not embedded (%s); its words are searched", error)
        return None
    call.embed_new_rows(new=BACKLOG_PER_READ, backlog=BACKLOG_PER_READ, proven=True)
    return vector


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
