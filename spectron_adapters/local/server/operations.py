"""What the OpenAPI document says of each route: summary, body, parameters, answers.

A table to be read beside the service's contract. Imports `models`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, get_args

from pydantic import BaseModel

from spectron_adapters import models as m
from spectron_adapters.models import AuditKind, JsonObject

__all__ = ["OPERATIONS", "Described", "Operation", "Parameter", "array_of", "ttl_parameter"]

Described: TypeAlias = "type[BaseModel] | JsonObject | None"
"""A body: a model, a JSON schema, or nothing."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter.

    Attributes:
        name: As it is sent.
        schema: Its JSON schema.
        description: What it does.
        required: Whether the route refuses to do without.
    """

    name: str
    schema: JsonObject
    description: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One route.

    Attributes:
        summary: One line.
        answers: Bodies by status.
        body: What is sent as JSON.
        body_required: Whether an absent body is refused.
        query: Its parameters.
        refusals: Statuses beyond those that every route of its plane has.
        form: The multipart form that may be sent: its schema.
        streams: Whether the answer may be server-sent events.
        media_types: Answers of 200 that are not JSON, by media type.
    """

    summary: str
    answers: Mapping[int, Described]
    body: type[BaseModel] | JsonObject | None = None
    body_required: bool = True
    query: tuple[Parameter, ...] = ()
    refusals: tuple[int, ...] = ()
    form: JsonObject | None = None
    streams: bool = False
    media_types: Mapping[str, JsonObject] = field(default_factory=dict)


def array_of(model: type[BaseModel]) -> JsonObject:
    """The schema of a bare list of models."""
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{model.__name__}"}}


def ttl_parameter(name: str) -> Parameter:
    """The lifetime of a minted secret, under the name that the plane has for it."""
    return Parameter(name, {"type": "integer", "minimum": 1}, "Lifetime of the secret in seconds.")


_TEXT: JsonObject = {"type": "string"}
_COUNT: JsonObject = {"type": "integer", "minimum": 0}
_TIME: JsonObject = {"type": "string", "format": "date-time"}
_ANY: JsonObject = {"type": "object"}

_LENS = Parameter("lens", _TEXT, "One scope path, or scopes as JSON: narrows what is read.")
_LIMIT = Parameter("limit", _COUNT, "Most rows; clamped to 500.")
_OFFSET = Parameter("offset", _COUNT, "Rows to skip.")
_PAGES = (
    Parameter("page", _COUNT, "Counts from zero."),
    Parameter("pageSize", _COUNT, "Rows of a page; clamped to 100."),
)
_MOMENT = (
    Parameter("asOf", _TIME, "What was known then."),
    Parameter("atInstant", _TIME, "What held then."),
    Parameter("validFrom", _TIME, "Rows that hold from then or later."),
    Parameter("validUntil", _TIME, "Rows that ended then or before."),
)
_TTL = ttl_parameter("ttlSeconds")
_SCOPE_PATH = Parameter("path", _TEXT, "The scope.", required=True)

_UPLOAD: JsonObject = {
    "type": "object",
    "properties": {
        "metadata": {"$ref": "#/components/schemas/UploadMetadata"},
        "file": {"type": "string", "format": "binary"},
    },
    "required": ["file"],
}
_TURN: JsonObject = {
    "type": "object",
    "properties": {
        "role": {"enum": list(get_args(m.Role))},
        "content": {"type": "string", "minLength": 1},
    },
    "required": ["role", "content"],
}
_BYTES: Mapping[str, JsonObject] = {"*/*": {"schema": {"type": "string", "format": "binary"}}}

OPERATIONS: Mapping[str, Operation] = {
    # --- memory verbs
    "POST facts": Operation(
        "Remember a text or triples.",
        {200: m.RememberResponse},
        m.RememberRequest,
        refusals=(409, 429),
    ),
    "POST facts/batch": Operation(
        "Remember a conversation.",
        {200: m.RememberBatchResponse},
        m.RememberManyRequest,
        refusals=(409, 429),
    ),
    "POST query": Operation(
        "Recall what is remembered, best first.",
        {200: m.RecallResponse},
        m.RecallRequest,
        refusals=(501,),
    ),
    "POST context": Operation(
        "Recall as one block of Markdown.", {200: m.ContextQueryResponse}, m.ContextQueryRequest
    ),
    "POST chat": Operation(
        "Answer from memory, and remember the turn.",
        {200: m.ChatResponse},
        m.ChatRequest,
        refusals=(429,),
        streams=True,
    ),
    "POST forget": Operation(
        "Forget what a query describes.", {200: m.ForgetResponse}, m.ForgetRequest
    ),
    "POST reflect": Operation(
        "Think about what is remembered.",
        {200: m.ReflectResponse},
        m.ReflectRequest,
        refusals=(429,),
    ),
    "POST elaborate": Operation(
        "Find relations that are implied.",
        {200: m.ElaborateResponse},
        m.ElaborateRequest,
        body_required=False,
        refusals=(404, 429),
    ),
    "POST consolidate": Operation(
        "Draw observations from facts.",
        {200: m.ConsolidateResponse},
        m.ConsolidateRequest,
        body_required=False,
        refusals=(429,),
    ),
    "GET inspect": Operation(
        "Look at one thing by its reference.",
        {200: {"type": "object", "properties": {"kind": _TEXT}, "required": ["kind"]}},
        query=(
            Parameter("ref", _TEXT, "For example `entity:person/alice`.", required=True),
            *_MOMENT,
        ),
        refusals=(404, 501),
    ),
    "GET state": Operation("Working memory by category.", {200: m.StateResponse}),
    "POST state": Operation("Working memory by category.", {200: m.StateResponse}),
    "GET profile": Operation("What is known of the user.", {200: m.ProfileResponse}),
    "GET me": Operation("Who the caller is.", {200: m.WhoamiResponse}),
    "GET audit": Operation(
        "Accesses and decisions.",
        {200: m.AuditResponse},
        query=(
            Parameter("principal", _TEXT, "Only this one's."),
            Parameter("key", _TEXT, "Another name of `principal`."),
            Parameter("kind", {"enum": list(get_args(AuditKind))}, "Only this kind."),
            Parameter("since", _TIME, "From then on."),
            Parameter("until", _TIME, "Until then."),
            _LIMIT,
        ),
    ),
    "GET providers": Operation("Language models that can be chosen.", {200: m.ProvidersResponse}),
    # --- documents
    "POST documents": Operation(
        "Upload a document.",
        {202: m.UploadResponse},
        form=_UPLOAD,
        refusals=(409, 413, 415),
    ),
    "GET documents": Operation(
        "List documents.",
        {200: m.DocumentPage},
        query=(
            Parameter("status", _TEXT, "Only those with this status."),
            Parameter("mimeType", _TEXT, "Only those of this type."),
            *_PAGES,
        ),
    ),
    "GET documents/{id}": Operation("One document.", {200: m.Document}, refusals=(404,)),
    "PUT documents/{id}": Operation(
        "Process a document again, or replace its bytes.",
        {202: m.UploadResponse},
        body_required=False,
        form=_UPLOAD,
        refusals=(404, 409, 413, 415),
    ),
    "DELETE documents/{id}": Operation(
        "Delete a document and its chunks.", {204: None}, refusals=(404,)
    ),
    "GET documents/{id}/raw": Operation(
        "The stored bytes.", {200: None}, media_types=_BYTES, refusals=(404,)
    ),
    "GET documents/{id}/chunks": Operation(
        "The passages of a document.", {200: m.ChunkPage}, query=_PAGES, refusals=(404,)
    ),
    "GET documents/{id}/keywords": Operation(
        "The keywords of a document.", {200: m.DocumentKeywordsResponse}, refusals=(404,)
    ),
    "POST documents/query": Operation(
        "Search the passages of documents.",
        {200: m.DocumentQueryResponse},
        m.DocumentQueryRequest,
        refusals=(501,),
    ),
    "POST documents/recompute-links": Operation(
        "Link documents anew.", {200: m.RecomputeLinksResponse}
    ),
    "GET documents/keywords": Operation(
        "List keywords.",
        {200: m.KeywordPage},
        query=(
            Parameter("q", _TEXT, "Part of the keyword."),
            Parameter("minDocumentCount", _COUNT, "Only those in as many documents."),
            Parameter(
                "sort",
                {"enum": ["text", "-text", "document_count", "-document_count"]},
                "`-` sorts downwards.",
            ),
            *_PAGES,
        ),
    ),
    "GET documents/keywords/{normalised}": Operation(
        "A keyword and its documents.", {200: m.KeywordDetail}, refusals=(404,)
    ),
    "POST documents/keywords/search": Operation(
        "Keywords near to a query.", {200: m.KeywordSearchResponse}, m.KeywordSearchRequest
    ),
    # --- sessions and entities
    "POST sessions": Operation(
        "Open a session.", {201: m.Session}, m.CreateSessionRequest, body_required=False
    ),
    "GET sessions": Operation("List sessions.", {200: m.SessionListResponse}, query=(_LENS,)),
    "GET sessions/{id}": Operation("One session.", {200: m.Session}, refusals=(404,)),
    "DELETE sessions/{id}": Operation(
        "Delete a session and its transcript; facts stay.", {204: None}, refusals=(404,)
    ),
    "GET sessions/{id}/turns": Operation(
        "The transcript of a session.",
        {200: m.TurnListResponse},
        query=(
            _LIMIT,
            _OFFSET,
            Parameter("order", {"enum": ["asc", "desc"]}, "Oldest first unless `desc`."),
            Parameter("after", _COUNT, "Turns after this `seq`."),
            Parameter("before", _COUNT, "Turns before this `seq`."),
        ),
        refusals=(404,),
    ),
    "POST sessions/{id}/turns": Operation(
        "Append a turn.", {200: m.ExtractionResult}, _TURN, refusals=(404, 409, 429)
    ),
    "POST sessions/{id}/context": Operation(
        "Recall in the session's scope, with recent turns.",
        {200: m.SessionContextResponse},
        m.SessionContextRequest,
        refusals=(404,),
    ),
    "GET sessions/{id}/context": Operation(
        "Recall in the session's scope, with recent turns.",
        {200: m.SessionContextResponse},
        query=(Parameter("query", _TEXT, "What to recall.", required=True),),
        refusals=(404,),
    ),
    "GET entities": Operation(
        "List entities by type and name.",
        {200: m.EntityListResponse},
        query=(Parameter("type", _TEXT, "Only this type."), _LIMIT, _OFFSET, _LENS),
    ),
    "GET entities/{type}/{name}": Operation(
        "One entity with what is known of it.",
        {200: m.EntityResponse},
        query=(*_MOMENT, _LENS),
        refusals=(404,),
    ),
    "DELETE entities/{type}/{name}": Operation(
        "End what is known of an entity.", {204: None}, query=(_LENS,)
    ),
    "GET entities/{type}/{name}/history/{key}": Operation(
        "All values of one key, newest first.",
        {200: m.EntityHistoryResponse},
        query=(*_MOMENT, _LENS),
    ),
    # --- access control
    "POST scopes": Operation(
        "Register a scope and its ancestors.", {201: m.ScopeNode}, m.RegisterScopeRequest
    ),
    "GET scopes": Operation("Scopes within the caller's grants.", {200: array_of(m.ScopeNode)}),
    "DELETE scopes": Operation(
        "Mark a scope as gone; its facts stay.",
        {204: None},
        query=(_SCOPE_PATH,),
        refusals=(404,),
    ),
    "POST scopes/forget": Operation(
        "Erase everything below a scope.", {200: m.ForgetScopeResponse}, m.ForgetScopeRequest
    ),
    "POST scope-grants": Operation(
        "Not part of the service: always 501.", {}, _ANY, body_required=False, refusals=(501,)
    ),
    "GET principals": Operation("List principals.", {200: array_of(m.Principal)}),
    "POST principals": Operation(
        "Create a principal.",
        {201: m.Principal},
        m.CreatePrincipalRequest,
        refusals=(409,),
    ),
    "GET principals/{id}": Operation("One principal.", {200: m.Principal}, refusals=(404,)),
    "POST principals/{id}/grants": Operation(
        "Grant verbs on a pattern.", {200: m.Principal}, m.GrantRequest, refusals=(404,)
    ),
    "DELETE principals/{id}/grants": Operation(
        "Revoke verbs on a pattern.", {200: m.Principal}, m.GrantRequest, refusals=(404,)
    ),
    "GET principals/{id}/effective": Operation(
        "What a principal may do at a path.",
        {200: m.EffectiveGrants},
        query=(_SCOPE_PATH, _MOMENT[0]),
        refusals=(404,),
    ),
    "POST keys": Operation(
        "Mint a key for oneself; its secret is shown once.",
        {201: m.MintedKey},
        m.CreateKeyRequest,
        body_required=False,
        query=(_TTL,),
        refusals=(409,),
    ),
    "GET keys": Operation(
        "The caller's key, or all for administrators.", {200: array_of(m.KeyDetail)}
    ),
    "DELETE keys/{name}": Operation("Revoke a key.", {204: None}, refusals=(404,)),
    "POST keys/{name}/rotate": Operation(
        "A new secret for a key; the old one dies at once.",
        {200: m.MintedKey},
        query=(_TTL,),
        refusals=(404,),
    ),
    # --- observability and maintenance
    "GET traces": Operation("Traces, newest first.", {200: m.TraceListResponse}, query=(_LIMIT,)),
    "GET traces/stats": Operation(
        "Statistics of traces.",
        {200: m.TraceStatsResponse},
        query=(
            Parameter("scope", _TEXT, "Only this scope; also as `scope[key]=value`."),
            Parameter("since", _TIME, "From then on."),
            Parameter("windowHours", _COUNT, "How far back, in hours; 24 unless given."),
        ),
    ),
    "GET traces/{id}": Operation("One trace.", {200: m.TraceRecord}, refusals=(404,)),
    "POST lifecycle/decay": Operation("Let importance fade.", {200: m.LifecycleResponse}),
    "POST lifecycle/expire": Operation("Close what has lapsed.", {200: m.LifecycleResponse}),
    "POST fsck": Operation(
        "Report duplicates, contradictions and injections.",
        {200: m.FsckReport},
        m.FsckRequest,
        body_required=False,
    ),
}
