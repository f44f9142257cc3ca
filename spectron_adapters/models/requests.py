"""Bodies that the data plane takes; checked before anything is sent, and again by the engine."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from spectron_adapters.models.values import (
    AnswerSize,
    CamelRequest,
    DocumentQueryMode,
    ExtractStrategy,
    FsckCheck,
    GraphEdge,
    IncludeFamily,
    InferMode,
    Label,
    PrincipalKind,
    RecallMode,
    Role,
    ScopeView,
    SnakeRequest,
    Timestamp,
    Verb,
    WireScopes,
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
