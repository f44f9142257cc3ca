"""Requests and responses of the service, shared by the clients and the local engine.

One class per body. Responses tolerate what a newer server adds: unknown fields are kept,
camelCase and snake_case are both read, and only a missing identifier is an error. Nested
graph and extraction payloads stay plain dicts, as in the vendor's own "slim" models.
Requests are checked before anything is sent, and once more by the engine.

Imports pydantic, `errors` and `scopes` only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AliasChoices,
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)
from pydantic.alias_generators import to_camel

K_MAX = 50
"""Largest answer size of recall, context and document queries."""

TURNS_PAGE_MAX = 500
"""Largest page of session turns and entities."""

InferMode: TypeAlias = Literal["full", "triples", "preview", "none"]
RecallMode: TypeAlias = Literal["hybrid", "vector", "bm25", "graph"]
DocumentQueryMode: TypeAlias = Literal["hybrid", "vector", "bm25", "hybrid_graph", "graph"]
IncludeFamily: TypeAlias = Literal["facts", "passages"]
ScopeView: TypeAlias = Literal["strict", "crossTeam", "merged"]
Role: TypeAlias = Literal["user", "assistant", "system", "tool"]
ExtractStrategy: TypeAlias = Literal["whole_conversation", "per_message"]
AuditKind: TypeAlias = Literal["decision", "retrieval", "response"]
FsckCheck: TypeAlias = Literal["duplicates", "contradictions", "injection"]
GraphEdge: TypeAlias = Literal[
    "knowledge_has_keyword", "section_match", "document_link", "document_summary"
]
Verb: TypeAlias = Literal[
    "memory:read",
    "memory:write",
    "memory:forget",
    "scope:read",
    "scope:create",
    "scope:delete",
    "grant:manage",
]
_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)?", re.ASCII
)
PrincipalKind: TypeAlias = Literal["human", "agent", "service", "unknown"]
FlatKeyKind: TypeAlias = Literal["agent", "supervisor"]
JsonObject: TypeAlias = dict[str, Any]  # Any: nested payloads are the server's to shape
WireScopes: TypeAlias = list[list[str]]


def _as_rfc3339(value: object) -> object:
    """Accept an aware datetime or an RFC 3339 string; keep the string as it was given."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            msg = (
                "the datetime has no time zone; give it one, for example datetime.now(timezone.utc)"
            )
            raise ValueError(msg)
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, str):
        parse_timestamp(value)
    return value


def parse_timestamp(text: str) -> datetime:
    """The instant of an RFC 3339 string.

    Args:
        text: For example `2026-01-15T10:00:00Z`; a zone is required, fractions may be given.

    Returns:
        An aware datetime.

    Raises:
        ValueError: Not RFC 3339, or without a time zone.
    """
    found = _RFC_3339.fullmatch(text)
    problem = f"{text!r} is not an RFC 3339 time such as 2026-01-15T10:00:00Z"
    if found is None:
        raise ValueError(problem)
    if found[3] is None:
        problem = f"{text!r} has no time zone; append Z for UTC"
        raise ValueError(problem)
    # Python 3.10 reads neither "Z" nor fractions of other lengths than 3 and 6.
    offset = "+00:00" if found[3] in "Zz" else found[3]
    try:
        return datetime.fromisoformat(f"{found[1]}.{found[2] or '0':0<6.6}{offset}")
    except ValueError:
        raise ValueError(problem) from None


def format_timestamp(moment: datetime) -> str:
    """An aware datetime as the RFC 3339 string that the service writes, in its own offset."""
    return str(_as_rfc3339(moment))


Timestamp: TypeAlias = Annotated[str, BeforeValidator(_as_rfc3339)]


def _check_label(value: object) -> object:
    if isinstance(value, str):
        key, equals, _ = value.partition("=")
        if not equals or not key.strip():
            msg = f"label {value!r} is not of the form key=value"
            raise ValueError(msg)
        if key.startswith("_"):
            msg = f"label key {key!r} starts with '_', which is reserved"
            raise ValueError(msg)
    return value


Label: TypeAlias = Annotated[str, BeforeValidator(_check_label)]
AnswerSize: TypeAlias = Annotated[int, Field(ge=1, le=K_MAX, strict=True)]


# --- bases ------------------------------------------------------------------------------------


class Response(BaseModel):
    """Base of the data plane's answers: camelCase on the wire, snake_case in Python."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="allow", defer_build=True
    )


class ManagementResponse(BaseModel):
    """Base of the management plane's answers: snake_case on the wire."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(
            validation_alias=lambda name: AliasChoices(name, to_camel(name))
        ),
        populate_by_name=True,
        extra="allow",
        defer_build=True,
    )


class CamelRequest(BaseModel):
    """Base of bodies that the wire writes in camelCase; unknown names are ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", defer_build=True
    )


class SnakeRequest(BaseModel):
    """Base of bodies that the wire writes in snake_case; camelCase is read as well."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(
            validation_alias=lambda name: AliasChoices(name, to_camel(name))
        ),
        populate_by_name=True,
        extra="ignore",
        defer_build=True,
    )


# --- memory verbs: requests -------------------------------------------------------------------


class EntityKey(SnakeRequest):
    """An entity by its type and name."""

    type: str = Field(min_length=1)
    name: str = Field(min_length=1)


def _as_text(value: object) -> object:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    msg = f"a triple's value must be text or a number, got {type(value).__name__}"
    raise TypeError(msg)


class Triple(SnakeRequest):
    """A fact given by the caller: an attribute (`value`) or a relation (`target`)."""

    entity: EntityKey
    key: str = Field(min_length=1)
    value: Annotated[str | None, BeforeValidator(_as_text)] = None
    target: EntityKey | None = None
    memory_category: Literal["identity", "knowledge", "context"] | None = None

    @model_validator(mode="after")
    def _attribute_or_relation(self) -> Triple:
        if self.value is None and self.target is None:
            msg = "a triple needs either a value (attribute) or a target (relation)"
            raise ValueError(msg)
        return self


class RememberRequest(SnakeRequest):
    """Body of `POST /facts`."""

    text: str | None = None
    infer: InferMode = "full"
    triples: list[Triple] | None = None
    session_id: str | None = None
    scopes: WireScopes | None = Field(
        default=None, validation_alias=AliasChoices("scopes", "scope")
    )
    role: Role = "user"
    memory_category: str | None = None
    labels: list[Label] | None = None
    observed_at: Timestamp | None = None

    @model_validator(mode="after")
    def _fields_of_the_mode(self) -> RememberRequest:
        if self.infer == "triples":
            if not self.triples:
                msg = "infer='triples' needs a non-empty list of triples"
                raise ValueError(msg)
        elif not (self.text and self.text.strip()):
            msg = f"infer={self.infer!r} needs a text that is not blank"
            raise ValueError(msg)
        return self


class MessageItem(SnakeRequest):
    """One message of a batch; `ts` dates the turn."""

    role: Role
    content: str = Field(min_length=1)
    ts: Timestamp | None = None


class RememberManyRequest(SnakeRequest):
    """Body of `POST /facts/batch`."""

    messages: list[MessageItem] = Field(
        min_length=1, validation_alias=AliasChoices("messages", "turns")
    )
    session_id: str | None = None
    scopes: WireScopes | None = Field(
        default=None, validation_alias=AliasChoices("scopes", "scope")
    )
    extract: ExtractStrategy = "whole_conversation"
    infer: Literal["full", "preview", "none"] = "full"
    labels: list[Label] | None = None
    observed_at: Timestamp | None = None


class NearLocation(CamelRequest):
    """A circle on the globe."""

    lat: float = Field(ge=-90, le=90)
    lng: float = Field(ge=-180, le=180)
    radius_km: float = Field(gt=0)


class LocationFilter(CamelRequest):
    """Either `near` (a circle) or `within` (WKT), not both."""

    near: NearLocation | None = None
    within: str | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> LocationFilter:
        if (self.near is None) == (self.within is None):
            msg = "a location filter needs exactly one of near and within"
            raise ValueError(msg)
        return self


class RecallRequest(CamelRequest):
    """Body of `POST /query`."""

    query: str
    k: AnswerSize = Field(default=10, validation_alias=AliasChoices("k", "limit"))
    mode: RecallMode = "hybrid"
    include: list[IncludeFamily] | None = None
    lens: WireScopes | None = Field(
        default=None, validation_alias=AliasChoices("lens", "scopes", "scope")
    )
    scope_view: ScopeView = Field(
        default="strict", validation_alias=AliasChoices("scopeView", "scope_view")
    )
    labels: list[Label] | None = None
    as_of: Timestamp | None = None
    at_instant: Timestamp | None = None
    valid_from: Timestamp | None = None
    valid_until: Timestamp | None = None
    session_id: str | None = None
    include_duplicates: bool = False
    location: LocationFilter | None = None
    source: str | None = None


class ContextQueryRequest(CamelRequest):
    """Body of `POST /context`; `as_of` is read by servers that know it."""

    query: str
    k: AnswerSize = Field(default=10, validation_alias=AliasChoices("k", "limit"))
    lens: WireScopes | None = Field(
        default=None, validation_alias=AliasChoices("lens", "scopes", "scope")
    )
    labels: list[Label] | None = None
    scope_view: ScopeView = Field(
        default="strict", validation_alias=AliasChoices("scopeView", "scope_view")
    )
    as_of: Timestamp | None = None


class ChatRequest(CamelRequest):
    """Body of `POST /chat`."""

    message: str = Field(min_length=1)
    session_id: str | None = None
    scopes: WireScopes | None = Field(
        default=None, validation_alias=AliasChoices("scopes", "scope")
    )
    model: str | None = None
    bypass_cache: bool = False
    stream: bool = False
    labels: list[Label] | None = None


class ForgetRequest(CamelRequest):
    """Body of `POST /forget`; only the local engine knows a `lens` here."""

    query: str = Field(min_length=1)
    purge: bool = False
    dry_run: bool = False
    lens: WireScopes | None = None


class ReflectRequest(CamelRequest):
    """Body of `POST /reflect`."""

    query: str = Field(min_length=1)
    persist: bool = False


class ElaborateRequest(CamelRequest):
    """Body of `POST /elaborate`."""

    entity_ref: str | None = None
    budget: int | None = Field(default=None, ge=1)
    dry_run: bool = False
    sweep: bool = False


class ConsolidateRequest(CamelRequest):
    """Body of `POST /consolidate`."""

    dry_run: bool = False
    fact_limit: int | None = Field(default=None, ge=1)
    observation_limit: int | None = Field(default=None, ge=1)


# --- documents, sessions, scopes, keys: requests ----------------------------------------------


class UploadMetadata(CamelRequest):
    """The JSON part `metadata` of `POST /documents`."""

    title: str | None = None
    source: str | None = None
    mime_type: str | None = None
    filename: str | None = None
    scopes: WireScopes | None = Field(
        default=None, validation_alias=AliasChoices("scopes", "scope")
    )
    labels: list[Label] | None = None
    observed_at: Timestamp | None = None


class DocumentFilter(CamelRequest):
    """Restricts a document query to some documents or media types."""

    document_ids: list[str] | None = None
    mime_type: list[str] | None = None


class DocumentQueryRequest(CamelRequest):
    """Body of `POST /documents/query`; `graph_edges` stays snake_case on the wire."""

    query: str
    k: AnswerSize = Field(default=10, validation_alias=AliasChoices("k", "limit"))
    mode: DocumentQueryMode = "hybrid"
    threshold: float | None = None
    vector_weight: float | None = Field(default=None, ge=0)
    rrf_k: float | None = Field(default=None, gt=0)
    graph_alpha: float | None = Field(default=None, ge=0)
    graph_depth: int | None = Field(default=None, ge=0)
    expand_graph: bool = False
    graph_edges: list[GraphEdge] | None = Field(
        default=None,
        validation_alias=AliasChoices("graph_edges", "graphEdges"),
        serialization_alias="graph_edges",
    )
    use_hyde: bool = False
    decompose_query: bool = False
    use_reranker: bool = False
    filter: DocumentFilter | None = None
    location: LocationFilter | None = None
    lens: WireScopes | None = Field(
        default=None, validation_alias=AliasChoices("lens", "scopes", "scope")
    )
    include_duplicates: bool = False


class KeywordSearchRequest(CamelRequest):
    """Body of `POST /documents/keywords/search`."""

    query: str = Field(min_length=1)
    k: AnswerSize = Field(default=10, validation_alias=AliasChoices("k", "limit"))
    threshold: float | None = None


class CreateSessionRequest(CamelRequest):
    """Body of `POST /sessions`."""

    scopes: WireScopes | None = Field(
        default=None, validation_alias=AliasChoices("scopes", "scope")
    )
    metadata: Any = None  # any JSON value, by contract


class SessionContextRequest(CamelRequest):
    """Body of `POST /sessions/{id}/context`."""

    query: str


class RegisterScopeRequest(CamelRequest):
    """Body of `POST /scopes`."""

    path: str = Field(min_length=1)
    display_name: str | None = None
    description: str | None = None


class ForgetScopeRequest(CamelRequest):
    """Body of `POST /scopes/forget`."""

    path: str = Field(min_length=1)


class GrantRequest(CamelRequest):
    """Body of `POST` and `DELETE /principals/{id}/grants`."""

    path: str = Field(min_length=1)
    verbs: list[Verb] = Field(min_length=1)


class CreatePrincipalRequest(CamelRequest):
    """Body of `POST /principals`."""

    display_name: str = Field(min_length=1)
    external_id: str | None = None
    kind: PrincipalKind | None = None
    grants: dict[str, list[str]] | None = None


class CreateKeyRequest(CamelRequest):
    """Body of `POST /keys`."""

    name: str | None = None
    grants: dict[str, list[str]] | None = None


class FsckRequest(CamelRequest):
    """Body of `POST /fsck`."""

    check: FsckCheck | None = None
    duplicate_threshold: float = Field(default=0.95, ge=0, le=1)
    max_results: int = Field(default=100, ge=1)


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


# --- management plane -------------------------------------------------------------------------


class CreateContextRequest(SnakeRequest):
    """Body of `POST /api/v1/contexts/{id}`."""

    namespace: str = Field(min_length=1)
    database: str = Field(min_length=1)
    config: JsonObject | None = None
    description: str | None = None
    admin_external_id: str | None = None
    admin_display_name: str | None = None


class PatchContextRequest(SnakeRequest):
    """Body of `PATCH /api/v1/contexts/{id}`; a null inside `config` clears its key."""

    config: JsonObject | None = None
    enforcement_blocked: bool | None = None


class CreateFlatKeyRequest(SnakeRequest):
    """Body of `POST /api/v1/contexts/{id}/keys`; `scope_floor` is a path or key/value pairs."""

    name: str = Field(min_length=1)
    principal: FlatKeyKind
    scope_floor: dict[str, str] | str | None = None
    grants: dict[str, list[str | dict[str, str]]] | None = None
    strict: bool | None = None
    ttl_seconds: int | None = Field(default=None, ge=1)


class CreateManagedPrincipalRequest(SnakeRequest):
    """Body of `POST /api/v1/contexts/{id}/principals`."""

    display_name: str = Field(min_length=1)
    external_id: str | None = None
    kind: PrincipalKind | None = None
    grants: dict[str, list[str | dict[str, str]]] | None = None


class PatchPrincipalRequest(SnakeRequest):
    """Body of `PATCH /api/v1/contexts/{id}/principals/{pid}`."""

    display_name: str | None = Field(default=None, min_length=1)
    kind: PrincipalKind | None = None
    grants: dict[str, list[str | dict[str, str]]] | None = None


class PrincipalKeyRequest(SnakeRequest):
    """Body of `POST /api/v1/contexts/{id}/principals/{pid}/keys/{name}`."""

    grants: dict[str, list[str | dict[str, str]]] | None = None


class CreateAccessTokenRequest(SnakeRequest):
    """Body of `POST /api/v1/contexts/{id}/access-tokens`."""

    external_id: str = Field(min_length=1)
    ttl_seconds: int = Field(ge=1)
    display_name: str | None = None
    grants: dict[str, list[str | dict[str, str]]] | None = None


class Context(ManagementResponse):
    """A context: the unit of isolation, with its own data, keys and configuration."""

    id: str
    namespace: str = ""
    database: str = ""
    config: JsonObject = Field(default_factory=dict)
    created_at: str = ""
    description: str | None = None
    enforcement_blocked: bool = False


class ManagedKey(ManagementResponse):
    """A key minted by the management plane; `key` is its secret, shown this once."""

    id: str
    key: str = Field(default="", repr=False)
    name: str = ""
    principal: str | None = None
    principal_id: str | None = None
    valid_until: str | None = None


class ManagedKeyDetail(ManagementResponse):
    """A key as the management plane lists it, without its secret."""

    id: str
    name: str = ""
    created_at: str = ""
    grants: dict[str, list[str]] | None = None
    principal_id: str | None = None
    last_used_at: str | None = None
    valid_until: str | None = None


class ManagedPrincipal(ManagementResponse):
    """A principal as the management plane shows it."""

    id: str
    display_name: str = ""
    external_id: str | None = None
    kind: str = ""
    grants: dict[str, list[str]] = Field(default_factory=dict)


class AccessToken(ManagementResponse):
    """A short-lived key for one external identity; `key` is shown this once."""

    id: str
    key: str = Field(repr=False)
    principal_id: str = ""
    valid_until: str | None = None


class ManagedLifecycleResponse(ManagementResponse):
    """Answer of the management plane's lifecycle routes."""

    affected: int = 0
    job_id: str | None = None


class MigrationsResponse(ManagementResponse):
    """Answer of `GET /api/v1/migrations`; the vendor leaves its shape open."""

    latest: int | None = None
    contexts: list[JsonObject] = Field(default_factory=list)
    dlq: list[JsonObject] = Field(default_factory=list)


class VerbDescription(ManagementResponse):
    """A verb that grants may name."""

    name: str
    description: str = ""
