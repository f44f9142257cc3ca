"""What bodies are made of: closed sets, times, labels, and the bases of requests and answers."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AliasChoices, AliasGenerator, BaseModel, BeforeValidator, ConfigDict, Field
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


Timestamp: TypeAlias = Annotated[
    str, BeforeValidator(_as_rfc3339), Field(json_schema_extra={"format": "date-time"})
]


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


Label: TypeAlias = Annotated[
    str, BeforeValidator(_check_label), Field(json_schema_extra={"pattern": "^[^_=\\s][^=]*="})
]
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
