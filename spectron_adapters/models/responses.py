"""Bodies with which the data plane answers; unknown fields are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from spectron_adapters.models.values import JsonObject, Response, WireScopes

# --- memory verbs: responses ------------------------------------------------------------------


class ExtractionResult(Response):
    """What extraction stored, or would store; the lists hold plain dicts."""

    turn_id: str = ""
    entities: list[JsonObject] = Field(default_factory=list)
    attributes: list[JsonObject] = Field(default_factory=list)
    relations: list[JsonObject] = Field(default_factory=list)
    instructions: list[JsonObject] = Field(default_factory=list)
    uncertainties: list[JsonObject] = Field(default_factory=list)
    corrections: list[JsonObject] = Field(default_factory=list)


class RememberResponse(Response):
    """Answer of `POST /facts`."""

    mode: str
    session_id: str
    turn_id: str | None = None
    chunk_id: str | None = None
    preview: bool | None = None
    extraction: ExtractionResult | None = None


class RememberBatchResponse(Response):
    """Answer of `POST /facts/batch`; `turn_ids` in the order of the messages."""

    session_id: str
    turn_ids: list[str] = Field(default_factory=list)
    extractions: list[ExtractionResult] = Field(default_factory=list)


class RecallHit(Response):
    """One recalled row; `score` lies in 0..1, higher is better."""

    id: str
    score: float = 0.0
    source: str = ""
    text: str = ""
    occurred_at: str | None = None


class RecallTrace(Response):
    """How a recall was answered."""

    trace_id: str = ""
    resolution_tier: str = ""
    tier_reason: str = ""
    retrieved_count: int = 0
    latency_ms: int = 0
    top_scores: list[float] = Field(default_factory=list)


class RecallResponse(Response):
    """Answer of `POST /query`, best hit first; `context_hits` do not count towards `k`."""

    hits: list[RecallHit] = Field(default_factory=list)
    context_hits: list[RecallHit] | None = None
    tier: str = ""
    classification_kind: str = ""
    seed_entities: list[str] = Field(default_factory=list)
    query_ms: int = 0
    trace: RecallTrace = Field(default_factory=RecallTrace)


class ContextQueryResponse(Response):
    """Answer of `POST /context`: a Markdown block."""

    context: str = ""
    query_ms: int = 0
    tier: str = ""


class Citation(Response):
    """A source that a reply names by its marker, such as `[S1]`."""

    marker: str = ""
    id: str = ""
    kind: str = ""
    snippet: str = ""
    score: float = 0.0
    occurred_at: str | None = None
    role: str | None = None
    document_title: str | None = None
    position_percent: int | None = None


class ChatResponse(Response):
    """Answer of `POST /chat`."""

    reply: str
    session_id: str = ""
    trace_id: str = ""
    memory_updates: ExtractionResult | None = None
    citations: list[Citation] = Field(default_factory=list)


class ChatChunk(Response):
    """One frame of a streamed chat; the last one has `done` and the whole answer in `raw`."""

    delta: str = ""
    trace_id: str | None = None
    session_id: str | None = None
    done: bool = False
    raw: JsonObject = Field(default_factory=dict)


class ForgetResponse(Response):
    """Answer of `POST /forget`: how many rows were, or would be, forgotten."""

    deleted: int = 0


class ReflectResponse(Response):
    """Answer of `POST /reflect`."""

    reflection: str = ""
    evidence: list[str] = Field(default_factory=list)
    persisted_attributes: list[JsonObject] = Field(default_factory=list)
    trace_id: str = ""


class ElaborateOutcome(Response):
    """What elaboration found for one entity."""

    entity_name: str = ""
    entity_type: str = ""
    dry_run: bool = False
    relations_emitted: int = 0
    trace_id: str = ""
    proposed_relations: list[JsonObject] = Field(default_factory=list)


class ElaborateResponse(Response):
    """Answer of `POST /elaborate`."""

    relations_emitted: int = 0
    outcomes: list[ElaborateOutcome] = Field(default_factory=list)


class ConsolidateOutcome(Response):
    """One observation that consolidation created, updated or superseded."""

    entity_name: str = ""
    key: str = ""
    value: str = ""
    kind: str = ""
    proof_count: int = 0
    observation_id: str | None = None
    rationale: str | None = None
    persisted: bool | None = None


class ConsolidateResponse(Response):
    """Answer of `POST /consolidate`."""

    created: int = 0
    updated: int = 0
    superseded: int = 0
    dry_run: bool = False
    trace_id: str = ""
    outcomes: list[ConsolidateOutcome] = Field(default_factory=list)


class StateResponse(Response):
    """Snapshot of working memory by category; rows stay plain dicts."""

    identity: JsonObject = Field(default_factory=dict)
    knowledge: JsonObject = Field(default_factory=dict)
    context: JsonObject = Field(default_factory=dict)
    instructions: list[JsonObject] = Field(default_factory=list)
    unknowns: list[JsonObject] = Field(default_factory=list)


class ProfileEntry(Response):
    """A key with its value."""

    key: str = ""
    value: str = ""


class ProfileResponse(Response):
    """Answer of `GET /profile`."""

    static: list[ProfileEntry] = Field(default_factory=list)
    dynamic: list[ProfileEntry] = Field(default_factory=list)
    preferences: list[ProfileEntry] = Field(default_factory=list)
    instructions: list[JsonObject] = Field(default_factory=list)
    self_facts: list[ProfileEntry] | None = None


class WhoamiResponse(Response):
    """Answer of `GET /me`."""

    principal_id: str
    display_name: str = ""
    kind: str = ""
    enforce: bool = False
    grants: dict[str, list[str]] = Field(default_factory=dict)
    token_grants: dict[str, list[str]] | None = None
    effective_grants: dict[str, list[str]] = Field(default_factory=dict)
    delegated_principal_id: str | None = None


class HealthResponse(Response):
    """Answer of `GET /api/v1/health`; an empty 200 counts as healthy."""

    ok: bool = True


# --- documents: responses ---------------------------------------------------------------------


class UploadResponse(Response):
    """Answer of `POST /documents`; the document is searchable once its status is `ready`."""

    id: str
    status: str = ""
    content_hash: str = ""
    deduplicated: bool = False
    observed_at: str | None = None


class Document(Response):
    """A stored document."""

    id: str
    title: str = ""
    source: str = ""
    mime_type: str = ""
    content_hash: str = ""
    size_bytes: int = 0
    status: str = ""
    version: int = 0
    created_at: str = ""
    updated_at: str = ""
    error: str | None = None
    processing_started_at: str | None = None
    processing_completed_at: str | None = None
    chunk_count: int | None = None
    keyword_count: int | None = None
    language: str | None = None
    observed_at: str | None = None


def _lift_page(data: object) -> object:
    """Read `page` as a number or as an object with its own fields."""
    if isinstance(data, Mapping) and isinstance(data.get("page"), Mapping):
        page = data["page"]
        number = page.get("page", page.get("number", 0))
        return {**page, **data, "page": number}
    return data


class Page(Response):
    """Base of paged lists; `page` counts from zero."""

    page: int = 0
    page_size: int = 0
    total: int = 0

    @model_validator(mode="before")
    @classmethod
    def _page_number_or_object(cls, data: object) -> object:
        return _lift_page(data)


class DocumentPage(Page):
    """Answer of `GET /documents`."""

    documents: list[Document] = Field(default_factory=list)


class Chunk(Response):
    """A passage of a document; `char_start` and `char_end` count characters of its text."""

    id: str
    document: str = ""
    text: str = ""
    position: int = 0
    char_start: int = 0
    char_end: int = 0
    section: str | None = None
    token_count: int | None = None


class ChunkPage(Page):
    """Answer of `GET /documents/{id}/chunks`."""

    chunks: list[Chunk] = Field(default_factory=list)


class DocumentQueryHit(Response):
    """One passage found by `documents.query`; chunk and document stay plain dicts."""

    score: float = 0.0
    chunk: JsonObject = Field(default_factory=dict)
    document: JsonObject = Field(default_factory=dict)
    graph_evidence: list[JsonObject] | None = None
    graph_expansion: bool | None = None


class DocumentQueryResponse(Response):
    """Answer of `POST /documents/query`, best first."""

    query_ms: int = 0
    results: list[DocumentQueryHit] = Field(default_factory=list)


class RecomputeLinksResponse(Response):
    """Answer of `POST /documents/recompute-links`."""

    links_emitted: int = 0


class Keyword(Response):
    """A keyword and in how many documents it occurs."""

    id: str
    text: str = ""
    normalised: str = ""
    document_count: int = 0


class KeywordPage(Page):
    """Answer of `GET /documents/keywords`."""

    keywords: list[Keyword] = Field(default_factory=list)


class KeywordDetail(Keyword):
    """Answer of `GET /documents/keywords/{normalised}`."""

    documents: list[JsonObject] = Field(default_factory=list)


class KeywordSearchHit(Keyword):
    """A keyword near to the query."""

    score: float = 0.0


class KeywordSearchResponse(Response):
    """Answer of `POST /documents/keywords/search`, best first."""

    query_ms: int = 0
    results: list[KeywordSearchHit] = Field(default_factory=list)


class DocumentKeyword(Response):
    """A keyword of one document."""

    id: str
    text: str = ""
    normalised: str = ""
    score: float = 0.0


class DocumentKeywordsResponse(Response):
    """Answer of `GET /documents/{id}/keywords`."""

    keywords: list[DocumentKeyword] = Field(default_factory=list)


# --- sessions and entities: responses ---------------------------------------------------------


class Session(Response):
    """A conversation; `scopes` say where it belongs."""

    id: str
    scopes: WireScopes = Field(default_factory=list)
    created_at: str = ""
    metadata: Any = None  # any JSON value, by contract


class SessionListResponse(Response):
    """Answer of `GET /sessions`."""

    sessions: list[Session] = Field(default_factory=list)


class Turn(Response):
    """One message of a session; `seq` starts at 1 and gives the order."""

    id: str
    session: str = ""
    role: str = ""
    content: str = ""
    seq: int = 0
    created_at: str = ""


class TurnListResponse(Response):
    """Answer of `GET /sessions/{id}/turns`, oldest first."""

    turns: list[Turn] = Field(default_factory=list)


class SessionContextResponse(Response):
    """Answer of `POST /sessions/{id}/context`."""

    context: str = ""


class EntityDetail(Response):
    """An entity of the knowledge graph."""

    id: str
    entity_type: str = ""
    name: str = ""
    memory_category: str = ""
    importance: float = 0.0
    created_at: str = ""
    updated_at: str = ""


class AttributeDetail(Response):
    """A dated value of an entity; the chain of a key is linked by supersession."""

    id: str
    entity: str = ""
    key: str = ""
    value: str = ""
    memory_category: str = ""
    importance: float = 0.0
    created_at: str = ""
    valid_from: str | None = None
    valid_until: str | None = None
    supersedes: str | None = None
    superseded_by: str | None = None
    source: JsonObject | None = None


class RelationDetail(Response):
    """A dated relation between two entities."""

    id: str
    subject: str = ""
    label: str = ""
    object_: str = Field(default="", alias="object")
    memory_category: str = ""
    created_at: str = ""
    valid_from: str | None = None
    valid_until: str | None = None
    source: JsonObject | None = None


class EntityResponse(Response):
    """Answer of `GET /entities/{type}/{name}`."""

    entity: EntityDetail
    attributes: list[AttributeDetail] = Field(default_factory=list)
    relations: list[RelationDetail] = Field(default_factory=list)


class EntityListResponse(Response):
    """Answer of `GET /entities`, by type then name."""

    entities: list[EntityDetail] = Field(default_factory=list)


class EntityHistoryResponse(Response):
    """Answer of `GET /entities/{type}/{name}/history/{key}`, newest first."""

    history: list[AttributeDetail] = Field(default_factory=list)


# --- access control, observability, maintenance: responses ------------------------------------


class ScopeNode(Response):
    """A registered scope path; a tombstoned one keeps its facts."""

    path: str
    display_name: str | None = None
    description: str | None = None
    created_at: str = ""
    tombstoned_at: str | None = None


class ForgetScopeResponse(Response):
    """Answer of `POST /scopes/forget`: rows erased."""

    forgotten: int = 0


class Principal(Response):
    """Who a key acts as, with its grants per verb."""

    id: str
    display_name: str = ""
    kind: str = ""
    grants: dict[str, list[str]] = Field(default_factory=dict)


class EffectiveGrants(Response):
    """What a principal may do at one path."""

    path: str
    verbs: list[str] = Field(default_factory=list)
    as_of: str | None = None


class MintedKey(Response):
    """A key with its secret, which is shown this once."""

    id: str
    key: str = Field(repr=False)
    valid_until: str | None = None


class KeyDetail(Response):
    """A key without its secret."""

    id: str
    name: str = ""
    created_at: str = ""
    grants: dict[str, list[str]] | None = None
    last_used_at: str | None = None
    valid_until: str | None = None


class TraceRecord(Response):
    """How one read, write or reply came about."""

    id: str
    query_text: str = ""
    resolution_tier: str = ""
    tier_reason: str = ""
    latency_ms: int = 0
    cached: bool = False
    created_at: str = ""
    parent: JsonObject | None = None
    retrievals: list[JsonObject] | None = None


class TraceListResponse(Response):
    """Answer of `GET /traces`, newest first."""

    traces: list[TraceRecord] = Field(default_factory=list)


class TraceStatsResponse(Response):
    """Answer of `GET /traces/stats`; nested signals stay plain dicts."""

    total_queries: int = 0
    avg_latency_ms: float = 0.0
    cache_hits: int = 0
    cache_hit_rate: float = 0.0
    response_traces_total: int = 0
    response_traces_cached: int = 0
    window_hours: int = 0
    tier_counts: JsonObject = Field(default_factory=dict)
    contradiction: JsonObject = Field(default_factory=dict)
    retrieval: JsonObject = Field(default_factory=dict)
    supersession: JsonObject = Field(default_factory=dict)
    source_kind_distribution: list[JsonObject] = Field(default_factory=list)


class AuditRow(Response):
    """One access or decision."""

    trace_id: str = ""
    kind: str = ""
    created_at: str = ""
    principal: str | None = None
    model: str | None = None
    cost: float = 0.0
    latency_ms: int = 0
    rows_touched: int = 0


class AuditResponse(Response):
    """Answer of `GET /audit`."""

    rows: list[AuditRow] = Field(default_factory=list)


class LifecycleResponse(Response):
    """Answer of the lifecycle routes: rows touched."""

    affected: int = 0


class FsckReport(Response):
    """Answer of `POST /fsck`; findings stay plain dicts."""

    total: int = 0
    duplicates: list[JsonObject] = Field(default_factory=list)
    contradictions: list[JsonObject] = Field(default_factory=list)
    injection: list[JsonObject] = Field(default_factory=list)
    unscoped_content: list[JsonObject] | None = None


class ProvidersResponse(Response):
    """Answer of `GET /providers`."""

    providers: list[JsonObject] = Field(default_factory=list)
