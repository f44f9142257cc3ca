"""What an extractor receives and returns, and how a caller's own extractor is admitted.

The engine hands `Utterance`s to an `Extractor` and reconciles the `Statements` that come back. The
extractor is injected: the deterministic `PlainStatements` by default, else any object with an
`extract` method, or a plain function from text to triples. This module holds the types, the
normalisation of entity types and names, and the validation of foreign results. It imports the
standard library only.
"""

from __future__ import annotations

import inspect
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol, TypeAlias, cast, get_args, runtime_checkable

__all__ = [
    "ENTITY_TYPES",
    "MEMORY_CATEGORIES",
    "UNKNOWN_TYPE",
    "USER",
    "AttributeStatement",
    "EntityMention",
    "EntityRef",
    "Extractor",
    "Instruction",
    "KnownAttribute",
    "KnownNames",
    "MemoryCategory",
    "RelationStatement",
    "Role",
    "Statements",
    "Uncertainty",
    "Utterance",
    "as_extractor",
    "normalise_name",
    "normalise_type",
    "read_triples",
]

MemoryCategory: TypeAlias = Literal["identity", "knowledge", "context"]
Role: TypeAlias = Literal["user", "assistant", "system", "tool"]

MEMORY_CATEGORIES: tuple[MemoryCategory, ...] = get_args(MemoryCategory)
ROLES: tuple[Role, ...] = get_args(Role)
ENTITY_TYPES = (
    "person",
    "organisation",
    "project",
    "location",
    "topic",
    "product",
    "policy",
    "concept",
    "event",
    "agent",
    "service",
    "other",
)
UNKNOWN_TYPE = "unknown"

_TYPE_SYNONYMS = {
    "organisation": "organization company org business corporation corp firm employer institution "
    "team agency school university government",
    "person": "people human user individual contact customer employee",
    "location": "place city country region town address site geo",
    "project": "initiative programme program repository repo",
    "topic": "subject theme interest hobby",
    "product": "item goods device tool software app application",
    "policy": "rule regulation guideline law",
    "concept": "idea notion",
    "event": "meeting appointment occasion incident",
    "agent": "assistant bot ai",
    "service": "api",
}
_SYNONYM_TO_TYPE = {word: kind for kind, words in _TYPE_SYNONYMS.items() for word in words.split()}
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")


def normalise_type(entity_type: str) -> str:
    """The entity type of the fixed list that a free word stands for.

    Args:
        entity_type: Any word; case and surrounding space do not matter.

    Returns:
        One of `ENTITY_TYPES`, `unknown` for the placeholder itself, `other` for foreign words.
    """
    word = _NOT_ALPHANUMERIC.sub("_", unicodedata.normalize("NFKC", entity_type).casefold())
    word = word.strip("_")
    if word in ENTITY_TYPES or word == UNKNOWN_TYPE:
        return word
    return _SYNONYM_TO_TYPE.get(word, "other")


def normalise_name(name: str) -> str:
    """The form of a name by which entities are looked up: `Ada  Lovelace!` is `ada_lovelace`.

    Unicode NFKC, case folded, every run of characters that are neither letters, marks nor digits
    becomes one underscore, trimmed. Idempotent.

    Args:
        name: Display name of an entity.

    Returns:
        The normalised name, never empty.

    Raises:
        ValueError: The name has no letters or digits, so no two such names could be told apart.
    """
    if name.isascii():
        normalised = _NOT_ALPHANUMERIC.sub("_", name.lower()).strip("_")
    else:
        folded = unicodedata.normalize("NFKC", name).casefold()
        # Case folding can leave a form that NFKC would compose again; twice is stable.
        folded = unicodedata.normalize("NFKC", folded).casefold()
        normalised = unicodedata.normalize("NFKC", "".join(_name_characters(folded))).strip("_")
    if not any(character.isalnum() for character in normalised):
        raise ValueError(f"name has no letters or digits: {name[:80]!r}")
    return normalised


def _name_characters(text: str) -> Iterator[str]:
    """Letters, digits and the marks on them; one underscore for each run of anything else."""
    gap = True  # a mark at the start is on nothing
    for character in text:
        if character.isalnum() or (not gap and unicodedata.category(character)[0] == "M"):
            gap = False
            yield character
        elif not gap:
            gap = True
            yield "_"


@dataclass(frozen=True, slots=True)
class EntityRef:
    """An entity by type and display name.

    Attributes:
        type: One of `ENTITY_TYPES` or `unknown`.
        name: Name as written; `normalise_name(name)` identifies it.
    """

    type: str
    name: str

    @property
    def key(self) -> tuple[str, str]:
        """Identity: normalised type and normalised name."""
        return normalise_type(self.type), normalise_name(self.name)


USER = EntityRef("person", "user")
"""Whom first-person statements are about when the speaker has no name."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One turn as said.

    Attributes:
        role: Who speaks.
        text: The words.
        said_at: When, with a time zone; anchors "yesterday". None leaves relative dates open.
        speaker: Name of the person who speaks, where known; "I" is then this person.
    """

    role: Role
    text: str
    said_at: datetime | None = None
    speaker: str | None = None

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f"role must be one of {', '.join(ROLES)}, not {self.role!r}")
        if self.said_at is not None and self.said_at.utcoffset() is None:
            raise ValueError("said_at needs a time zone, for example datetime(..., tzinfo=UTC)")


@dataclass(frozen=True, slots=True)
class KnownAttribute:
    """A live attribute that the speaker may be correcting."""

    entity: EntityRef
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class KnownNames:
    """What the store already calls things, so that an extractor can reuse the same names.

    Attributes:
        entities: Existing entities that the caller may read.
        keys: Existing attribute keys.
        labels: Existing relation labels.
        instructions: Labels of live instructions, oldest first; what "stop doing that" revokes.
        attributes: Live attributes, oldest first; what "no, I meant Lyon" corrects.
    """

    entities: Sequence[EntityRef] = ()
    keys: Sequence[str] = ()
    labels: Sequence[str] = ()
    instructions: Sequence[str] = ()
    attributes: Sequence[KnownAttribute] = ()


@dataclass(frozen=True, slots=True)
class EntityMention:
    """An entity that was spoken of."""

    type: str
    name: str
    memory_category: MemoryCategory = "knowledge"


@dataclass(frozen=True, slots=True)
class AttributeStatement:
    """`entity.key = value`, or its denial.

    Attributes:
        entity: Whom or what it is about.
        key: Attribute name, one live value each: a new value supersedes the old one.
        value: The value, in the speaker's words.
        memory_category: Category of contract 4.3.
        confidence: 0 to 1; from 0.7 on the engine lets the statement supersede.
        negated: The statement denies the value: live rows that match are closed, none is made.
        valid_from: Since when it holds, where stated.
        valid_until: Until when, where stated; of a denial, when the fact ended.
        utterance: Index of the utterance it was read from.
    """

    entity: EntityRef
    key: str
    value: str
    memory_category: MemoryCategory = "knowledge"
    confidence: float = 0.9
    negated: bool = False
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    utterance: int = 0


@dataclass(frozen=True, slots=True)
class RelationStatement:
    """`subject -[label]-> object`, or its denial; one label may lead to many objects.

    Attributes:
        subject: Where the relation starts.
        label: What relates them.
        object: Where it ends.
        memory_category: Category of contract 4.3.
        confidence: 0 to 1.
        negated: The relation is denied: live rows that match are closed, none is made.
        valid_from: Since when it holds, where stated.
        valid_until: Until when, where stated.
        utterance: Index of the utterance it was read from.
    """

    subject: EntityRef
    label: str
    object: EntityRef
    memory_category: MemoryCategory = "knowledge"
    confidence: float = 0.9
    negated: bool = False
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    utterance: int = 0


@dataclass(frozen=True, slots=True)
class Instruction:
    """A standing order to the assistant.

    Attributes:
        label: Short name; a new instruction with the label of a live one replaces it.
        description: The order in the speaker's words.
        revoked: The order with this label is withdrawn.
        utterance: Index of the utterance it was read from.
    """

    label: str
    description: str
    revoked: bool = False
    utterance: int = 0


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Something that the text leaves open.

    Attributes:
        about: What is unclear, for example the attribute key.
        reason: Why.
        utterance: Index of the utterance it was read from.
    """

    about: str
    reason: str
    utterance: int = 0


@dataclass(frozen=True, slots=True)
class Statements:
    """All that was read from the utterances, each list in the order of the utterances."""

    entities: tuple[EntityMention, ...] = ()
    attributes: tuple[AttributeStatement, ...] = ()
    relations: tuple[RelationStatement, ...] = ()
    instructions: tuple[Instruction, ...] = ()
    uncertainties: tuple[Uncertainty, ...] = ()


@runtime_checkable
class Extractor(Protocol):
    """Reads statements from utterances. Called inside a request: no waiting on event loops."""

    def extract(self, utterances: Sequence[Utterance], known: KnownNames) -> Statements:
        """Read what the utterances state.

        Args:
            utterances: Consecutive turns, oldest first, of all roles.
            known: Names already in use.

        Returns:
            The statements; all empty if the text states nothing.
        """
        ...


ExtractorFunction: TypeAlias = Callable[[str], "Mapping[str, object] | Statements"]


def as_extractor(source: Extractor | ExtractorFunction) -> Extractor:
    """Admit an extractor object or a function as an `Extractor` whose results are checked.

    A function takes the text of one user turn and returns `Statements`, or a mapping with any of
    the lists `triples` (each `{"entity": {"type", "name"}, "key", "value" or "target"}`, optionally
    `memory_category`, `confidence`, `negated`, `valid_from`, `valid_until`), `instructions`
    (`{"label", "description", "revoked"?}`) and `uncertainties` (`{"about", "reason"}`). It is not
    called for turns of other roles.

    Args:
        source: The extractor or function.

    Returns:
        An extractor that raises `TypeError` or `ValueError` on a result of the wrong shape.

    Raises:
        TypeError: It is neither, or it is asynchronous.
    """
    if isinstance(source, CheckedExtractor | FunctionExtractor):
        return source
    if isinstance(source, type):
        raise TypeError(f"extractor is a class; pass an instance: {source.__name__}()")
    method = getattr(source, "extract", None)
    if callable(method):
        _refuse_asynchronous(method)
        return CheckedExtractor(cast("Extractor", source))
    if callable(source):
        _refuse_asynchronous(source)
        return FunctionExtractor(source)
    raise TypeError(
        "extractor must have a method extract(utterances, known) or be a function from text to a "
        f"mapping of triples, not {type(source).__name__}"
    )


class CheckedExtractor:
    """An extractor object whose results are checked before the engine acts on them."""

    def __init__(self, extractor: Extractor) -> None:
        self._extractor = extractor

    def extract(self, utterances: Sequence[Utterance], known: KnownNames) -> Statements:
        """Read statements through the wrapped extractor and check them.

        Raises:
            TypeError: The result is not a `Statements`.
            ValueError: A statement points outside the utterances, or its content is not allowed.
        """
        statements = self._extractor.extract(utterances, known)
        if not isinstance(statements, Statements):
            raise TypeError(f"extract() must return Statements, not {_type_name(statements)}")
        _check_statements(statements, count=len(utterances))
        return statements


class FunctionExtractor:
    """A function from text to triples, called once for each user turn."""

    def __init__(self, function: ExtractorFunction) -> None:
        self._function = function

    def extract(self, utterances: Sequence[Utterance], known: KnownNames) -> Statements:  # noqa: ARG002  # the protocol's
        """Call the function on each user turn and join what it returns.

        Raises:
            TypeError: A result is no mapping and no `Statements`, or a field has a wrong type.
            ValueError: A field is missing, unknown or out of range.
        """
        parts = [
            self._read(utterance.text, index=index)
            for index, utterance in enumerate(utterances)
            if utterance.role == "user"
        ]
        return _join(parts)

    def _read(self, text: str, *, index: int) -> Statements:
        result: object = self._function(text)
        if inspect.iscoroutine(result):
            result.close()
            raise TypeError(_ASYNCHRONOUS)
        if isinstance(result, Statements):
            _check_statements(result, count=1)
            return _moved(result, index=index)
        if isinstance(result, Mapping):
            return _read_mapping(result, index=index)
        raise TypeError(
            f"the extractor function must return a mapping or Statements, not {_type_name(result)}"
        )


_ASYNCHRONOUS = "extractor must be synchronous: it runs inside the engine's transaction"
_TRIPLE_FIELDS = frozenset(
    ("entity", "key", "value", "target", "memory_category", "memoryCategory")
) | frozenset(("confidence", "negated", "valid_from", "valid_until"))
_MAPPING_FIELDS = frozenset(("triples", "instructions", "uncertainties"))
_ENTITY_FIELDS = frozenset(("type", "name"))
_INSTRUCTION_FIELDS = frozenset(("label", "description", "revoked"))
_UNCERTAINTY_FIELDS = frozenset(("about", "reason"))
_ZULU = re.compile(r"[zZ]$")


def read_triples(
    triples: object,
    *,
    confidence: float = 1.0,
    default_category: MemoryCategory = "knowledge",
    utterance: int = 0,
    where: str = "triples",
) -> Statements:
    """Validate triples as a caller or model supplies them and turn them into statements.

    A triple with `value` becomes an attribute, one with only `target` a relation labelled `key`.
    Values that are not strings are written as JSON would write them (`true`, `3`).

    Args:
        triples: A list of mappings.
        confidence: Confidence of a triple that states none, 0 to 1.
        default_category: Category of a triple that states none.
        utterance: Index given to the statements.
        where: How errors name the list.

    Returns:
        Statements with every entity mentioned once, in order of first mention.

    Raises:
        TypeError: A field has the wrong type.
        ValueError: A field is missing, unknown, blank or out of range.
    """
    read = [
        _read_triple(
            _Fields(triple, where=f"{where}[{number}]", allowed=_TRIPLE_FIELDS),
            confidence=confidence,
            default_category=default_category,
            utterance=utterance,
        )
        for number, triple in enumerate(_items(triples, where))
    ]
    return Statements(
        entities=_mentions(read),
        attributes=tuple(item for item in read if isinstance(item, AttributeStatement)),
        relations=tuple(item for item in read if isinstance(item, RelationStatement)),
    )


def _read_triple(
    fields: _Fields, *, confidence: float, default_category: MemoryCategory, utterance: int
) -> AttributeStatement | RelationStatement:
    entity, key = fields.entity("entity"), fields.text("key")
    category = fields.category(default_category)
    stated = fields.confidence(confidence)
    negated = fields.flag("negated")
    start, end = fields.time("valid_from"), fields.time("valid_until")
    value = fields.value()
    if value is not None:
        return AttributeStatement(
            entity, key, value, category, stated, negated, start, end, utterance
        )
    if not fields.has("target"):
        raise ValueError(f"{fields.where} needs a value or a target")
    target = fields.entity("target")
    return RelationStatement(entity, key, target, category, stated, negated, start, end, utterance)


def _mentions(
    statements: Iterable[AttributeStatement | RelationStatement],
) -> tuple[EntityMention, ...]:
    """Every entity of the statements once, in order of first mention."""
    mentions: dict[tuple[str, str], EntityMention] = {}
    for statement in statements:
        if isinstance(statement, AttributeStatement):
            named: tuple[EntityRef, ...] = (statement.entity,)
        else:
            named = (statement.subject, statement.object)
        for entity in named:
            mention = EntityMention(entity.type, entity.name, statement.memory_category)
            mentions.setdefault(entity.key, mention)
    return tuple(mentions.values())


def _read_mapping(result: Mapping[str, object], *, index: int) -> Statements:
    unknown = sorted(str(name) for name in result if name not in _MAPPING_FIELDS)
    if unknown:
        raise ValueError(
            f"the extractor returned unknown fields {', '.join(unknown)}; "
            f"allowed: {', '.join(sorted(_MAPPING_FIELDS))}"
        )
    statements = read_triples(result.get("triples", ()), confidence=0.9, utterance=index)
    instructions = []
    for number, item in enumerate(_items(result.get("instructions", ()), "instructions")):
        fields = _Fields(item, where=f"instructions[{number}]", allowed=_INSTRUCTION_FIELDS)
        instructions.append(
            Instruction(
                fields.text("label"), fields.text("description"), fields.flag("revoked"), index
            )
        )
    uncertainties = []
    for number, item in enumerate(_items(result.get("uncertainties", ()), "uncertainties")):
        fields = _Fields(item, where=f"uncertainties[{number}]", allowed=_UNCERTAINTY_FIELDS)
        uncertainties.append(Uncertainty(fields.text("about"), fields.text("reason"), index))
    return replace(statements, instructions=tuple(instructions), uncertainties=tuple(uncertainties))


class _Fields:
    """One mapping of a foreign result, read field by field with errors that name the place."""

    def __init__(self, source: object, *, where: str, allowed: frozenset[str]) -> None:
        if not isinstance(source, Mapping):
            raise TypeError(f"{where} must be a mapping, not {_type_name(source)}")
        unknown = sorted(str(name) for name in source if name not in allowed)
        if unknown:
            raise ValueError(f"{where} has unknown fields: {', '.join(unknown)}")
        self.where = where
        self._source = source

    def has(self, name: str) -> bool:
        return self._source.get(name) is not None

    def text(self, name: str) -> str:
        value = self._source.get(name)
        if value is None:
            raise ValueError(f"{self.where} has no {name}")
        if not isinstance(value, str):
            raise TypeError(f"{self.where}.{name} must be a string, not {_type_name(value)}")
        if not value.strip():
            raise ValueError(f"{self.where}.{name} is blank")
        return value.strip()

    def value(self) -> str | None:
        value = self._source.get("value")
        if value is None or isinstance(value, str):
            return value
        try:
            return json.dumps(value, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError):
            raise TypeError(
                f"{self.where}.value must be a string or plain JSON, not {_type_name(value)}"
            ) from None

    def entity(self, name: str) -> EntityRef:
        place = f"{self.where}.{name}"
        if not self.has(name):
            raise ValueError(f"{self.where} has no {name}")
        fields = _Fields(self._source[name], where=place, allowed=_ENTITY_FIELDS)
        entity = EntityRef(normalise_type(fields.text("type")), fields.text("name"))
        try:
            normalise_name(entity.name)
        except ValueError as error:
            raise ValueError(f"{place}.{error}") from None
        return entity

    def category(self, default: MemoryCategory) -> MemoryCategory:
        value = self._source.get("memory_category", self._source.get("memoryCategory"))
        if value is None:
            return default
        for category in MEMORY_CATEGORIES:
            if value == category:
                return category
        raise ValueError(
            f"{self.where}.memory_category must be one of {', '.join(MEMORY_CATEGORIES)}, "
            f"not {value!r}"
        )

    def confidence(self, default: float) -> float:
        value = self._source.get("confidence")
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{self.where}.confidence must be a number, not {_type_name(value)}")
        if not 0 <= value <= 1:
            raise ValueError(f"{self.where}.confidence must be within 0 and 1, not {value}")
        return float(value)

    def flag(self, name: str) -> bool:
        value = self._source.get(name, False)
        if not isinstance(value, bool):
            raise TypeError(f"{self.where}.{name} must be true or false, not {_type_name(value)}")
        return value

    def time(self, name: str) -> datetime | None:
        value = self._source.get(name)
        if value is None:
            return None
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(_ZULU.sub("+00:00", value.strip()))
            except ValueError:
                raise ValueError(f"{self.where}.{name} is not an RFC 3339 time") from None
        if not isinstance(value, datetime):
            raise TypeError(f"{self.where}.{name} must be a time, not {_type_name(value)}")
        if value.utcoffset() is None:
            raise ValueError(f"{self.where}.{name} needs a time zone")
        return value


def _items(source: object, where: str) -> Sequence[object]:
    if isinstance(source, str | bytes) or not isinstance(source, Sequence):
        raise TypeError(f"{where} must be a list, not {_type_name(source)}")
    return source


def _check_statements(statements: Statements, *, count: int) -> None:
    for place, statement in _all_statements(statements):
        if not 0 <= statement.utterance < count:
            raise ValueError(f"{place}.utterance is {statement.utterance}, of {count} utterances")
        if isinstance(statement, AttributeStatement | RelationStatement):
            _check_fact(statement, place)
    for number, mention in enumerate(statements.entities):
        _check_entity(EntityRef(mention.type, mention.name), f"entities[{number}]")
        _check_category(mention.memory_category, f"entities[{number}]")


def _check_fact(statement: AttributeStatement | RelationStatement, place: str) -> None:
    _check_category(statement.memory_category, place)
    if not 0 <= statement.confidence <= 1:
        raise ValueError(f"{place}.confidence must be within 0 and 1, not {statement.confidence}")
    for name, time in (("from", statement.valid_from), ("until", statement.valid_until)):
        if time is not None and time.utcoffset() is None:
            raise ValueError(f"{place}.valid_{name} needs a time zone")
    if isinstance(statement, AttributeStatement):
        _check_entity(statement.entity, place)
    else:
        _check_entity(statement.subject, place)
        _check_entity(statement.object, place)


def _check_category(category: str, place: str) -> None:
    if category not in MEMORY_CATEGORIES:
        raise ValueError(
            f"{place}.memory_category must be one of {', '.join(MEMORY_CATEGORIES)}, "
            f"not {category!r}"
        )


def _check_entity(entity: EntityRef, place: str) -> None:
    try:
        normalise_name(entity.name)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _all_statements(
    statements: Statements,
) -> Iterator[tuple[str, AttributeStatement | RelationStatement | Instruction | Uncertainty]]:
    for number, attribute in enumerate(statements.attributes):
        yield f"attributes[{number}]", attribute
    for number, relation in enumerate(statements.relations):
        yield f"relations[{number}]", relation
    for number, instruction in enumerate(statements.instructions):
        yield f"instructions[{number}]", instruction
    for number, uncertainty in enumerate(statements.uncertainties):
        yield f"uncertainties[{number}]", uncertainty


def _moved(statements: Statements, *, index: int) -> Statements:
    """The statements of one utterance, attributed to the utterance `index`."""
    return replace(
        statements,
        attributes=tuple(replace(item, utterance=index) for item in statements.attributes),
        relations=tuple(replace(item, utterance=index) for item in statements.relations),
        instructions=tuple(replace(item, utterance=index) for item in statements.instructions),
        uncertainties=tuple(replace(item, utterance=index) for item in statements.uncertainties),
    )


def _join(parts: Sequence[Statements]) -> Statements:
    mentions: dict[tuple[str, str], EntityMention] = {}
    for mention in (mention for part in parts for mention in part.entities):
        mentions.setdefault(EntityRef(mention.type, mention.name).key, mention)
    return Statements(
        entities=tuple(mentions.values()),
        attributes=tuple(item for part in parts for item in part.attributes),
        relations=tuple(item for part in parts for item in part.relations),
        instructions=tuple(item for part in parts for item in part.instructions),
        uncertainties=tuple(item for part in parts for item in part.uncertainties),
    )


def _refuse_asynchronous(function: object) -> None:
    call = getattr(function, "__call__", None)  # noqa: B004  # the method, not callability
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call):
        raise TypeError(_ASYNCHRONOUS)


def _type_name(value: object) -> str:
    return type(value).__name__
