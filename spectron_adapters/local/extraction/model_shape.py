"""The JSON that a language model answers with when it reads turns, checked field by field.

The names are those of the service's own extractions. Nothing here says where a statement is
stored or who may read it: a model cannot choose that. Imports `statements`, `instants` and
pydantic.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from typing import Annotated

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from spectron_adapters.local.extraction.statements import (
    EntityRef,
    MemoryCategory,
    normalise_name,
    normalise_type,
)
from spectron_adapters.models import parse_timestamp

__all__ = [
    "EntityName",
    "ModelAttribute",
    "ModelExtraction",
    "ModelRelation",
    "Shape",
    "Word",
    "Words",
    "read_entity",
]

_NAME_MAX = 200
_VALUE_MAX = 4000
_LIST_MAX = 300
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")


def read_entity(value: object) -> EntityRef:
    """An entity written as `type/name`, `entity:type/name` or an object with type and name.

    Raises:
        ValueError: It is none of these, or the name has no letters or digits.
    """
    if isinstance(value, dict):
        entity_type, name = value.get("type", value.get("entityType")), value.get("name")
    elif isinstance(value, str):
        entity_type, _, name = value.removeprefix("entity:").partition("/")
    else:
        raise ValueError("an entity is written as type/name")  # noqa: TRY004  # pydantic's way
    if not isinstance(entity_type, str) or not isinstance(name, str) or not entity_type.strip():
        raise ValueError("an entity is written as type/name")
    if len(name) > _NAME_MAX:
        raise ValueError(f"the name is longer than {_NAME_MAX} characters")
    normalise_name(name)
    return EntityRef(normalise_type(entity_type), " ".join(name.split()))


def _read_instant(value: object) -> datetime | None:
    """A time or date; a date without a time begins at midnight UTC."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError("a time is text, such as 2026-01-15 or 2026-01-15T10:00:00Z")  # noqa: TRY004  # pydantic's way
    date = _DATE.fullmatch(value.strip())
    if date is not None:
        year, month, day = (int(part or 1) for part in date.groups())
        return datetime(year, month, day, tzinfo=timezone.utc)
    read = _read_time(value.strip())
    if read.utcoffset() is None:
        return read.replace(tzinfo=timezone.utc)
    try:
        return read.astimezone(timezone.utc)
    except OverflowError:
        raise ValueError("the time lies outside the years 1 to 9999") from None


def _read_time(text: str) -> datetime:
    try:
        return parse_timestamp(text)
    except ValueError:
        return datetime.fromisoformat(text)  # without a zone, which is then UTC


def _as_text(value: object) -> object:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _read_category(value: object) -> object:
    known = ("identity", "knowledge", "context")
    return value.strip().lower() if isinstance(value, str) and value.strip() else known[1]


EntityName = Annotated[EntityRef, BeforeValidator(read_entity)]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=_NAME_MAX)]
Words = Annotated[
    str,
    BeforeValidator(_as_text),
    StringConstraints(strip_whitespace=True, min_length=1, max_length=_VALUE_MAX),
]
_Phrase = Annotated[str, StringConstraints(strip_whitespace=True, max_length=_NAME_MAX)]
_Instant = Annotated[datetime | None, BeforeValidator(_read_instant)]
_Category = Annotated[MemoryCategory, BeforeValidator(_read_category)]
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Shape(BaseModel):
    """Base of what a model answers.

    Unknown fields are passed over: a scope, a principal, an id mean nothing here.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        arbitrary_types_allowed=True,
    )


class ModelEntity(Shape):
    """An entity that was spoken of."""

    name: Word
    entity_type: Word = Field(validation_alias=AliasChoices("entityType", "type"))
    memory_category: _Category = "knowledge"

    @property
    def ref(self) -> EntityRef:
        """The entity, its type from the fixed list."""
        return EntityRef(normalise_type(self.entity_type), " ".join(self.name.split()))


class _Statement(Shape):
    memory_category: _Category = "knowledge"
    confidence: _Share = 0.8
    negated: bool = False
    when: _Phrase | None = None
    valid_from: _Instant = None
    valid_until: _Instant = None
    turn: int | None = None


class ModelAttribute(_Statement):
    """`entity.key = value`; `when` quotes the words that date it."""

    entity_id: EntityName = Field(validation_alias=AliasChoices("entityId", "entity"))
    key: Word
    value: Words


class ModelRelation(_Statement):
    """`subject -[label]-> object`."""

    subject: EntityName
    label: Word
    object: EntityName


class ModelInstruction(Shape):
    """A standing order."""

    label: Word
    description: Words
    revoked: bool = False
    turn: int | None = None


class ModelUncertainty(Shape):
    """Something left open."""

    about: Words
    reason: Words
    turn: int | None = None


class ModelCorrection(Shape):
    """A value that replaces another one."""

    entity_id: EntityName = Field(validation_alias=AliasChoices("entityId", "entity"))
    key: Word
    new_value: Words
    turn: int | None = None


class ModelExtraction(Shape):
    """The whole answer; absent lists are empty."""

    entities: list[ModelEntity] = Field(default_factory=list, max_length=_LIST_MAX)
    attributes: list[ModelAttribute] = Field(default_factory=list, max_length=_LIST_MAX)
    relations: list[ModelRelation] = Field(default_factory=list, max_length=_LIST_MAX)
    instructions: list[ModelInstruction] = Field(default_factory=list, max_length=_LIST_MAX)
    uncertainties: list[ModelUncertainty] = Field(default_factory=list, max_length=_LIST_MAX)
    corrections: list[ModelCorrection] = Field(default_factory=list, max_length=_LIST_MAX)
