"""What is being read and what has been read: the deterministic extractor's working state.

`Times` takes the words that say when off the end of a clause; `Notebook` collects statements in
order; `Reading` is one predicate about one subject, through which a rule notes what it found.
Imports `local` modules and the standard library only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime

from spectron_adapters.local.extraction.relative_dates import (
    DATE_PHRASE,
    DURATION,
    VAGUE_TIME,
    Span,
    duration_start,
    resolve,
)
from spectron_adapters.local.extraction.statements import (
    AttributeStatement,
    EntityMention,
    EntityRef,
    Instruction,
    KnownNames,
    MemoryCategory,
    RelationStatement,
    Statements,
    Uncertainty,
    normalise_name,
)

__all__ = ["LIKELY", "PLAIN", "Notebook", "Reading", "Times"]

PLAIN = 0.9
"""Confidence of what is said outright."""
LIKELY = 0.75
"""Confidence of what the words imply."""

_TAIL_LENGTH = 60
_LONGEST_TAIL = 4
_RELATIVE = (
    r"(?:last|this|next) \w+|\w+ (?:day|week|month|year)s? ago|yesterday|today|tonight|tomorrow"
    r"|the day before yesterday|\d{4}-\d\d-\d\d"
)
_TAIL = re.compile(
    rf",? (?:(?:ever )?(?P<bound>since|as of|starting|until|till) (?P<limit>{DATE_PHRASE}"
    rf"|{VAGUE_TIME})"
    rf"|for (?P<length>{DURATION}|{VAGUE_TIME}|now|the \w+)"
    rf"|(?:back )?(?:in|on|during|this past) (?P<dated>{DATE_PHRASE}|{VAGUE_TIME})"
    rf"|(?:around|about) (?P<about>{DATE_PHRASE})"
    rf"|(?P<relative>{_RELATIVE}|{VAGUE_TIME})"
    r"|(?P<now>now|right now|just now|currently|these days|nowadays|at the moment|at present"
    r"|presently|for the moment)"
    r"|(?P<ended>any ?more|any longer)"
    r"|at all|after all|(?:on|at) (?:the )?weekends|every (?:other )?\w+|most (?:days|weekends)"
    r"|in my (?:free|spare) time|at home|most of all|by now|all my life"
    r"|too|as well|actually|though|by the way|btw|fyi|very much|a lot|so much|you know|of course"
    r"|anyway"
    r"|already|still|again|myself|either|the most|more than anything|also|instead|all the time"
    r"|with (?:my|our) (?:\w+ )?\w+(?: and (?:our |my )?\w+)?|together|for a living|full[- ]time"
    r"|part[- ]time)\Z",
    re.IGNORECASE,
)
_OPENING = re.compile(
    rf"(?:(?P<bound>since|as of) )?(?:in |on |back in )?(?P<phrase>{DATE_PHRASE})(?:,? |\Z)",
    re.IGNORECASE,
)
_TRANSIENT = re.compile(
    r"(?:this|next) (?:week|weekend|month)|today|tonight|tomorrow", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Times:
    """When a clause says that something holds.

    Attributes:
        since: Start of a state.
        until: End of a state.
        moment: The span that dates an event.
        transient: The words place it in the current days only.
        now: "now", "currently".
        ended: "any more".
        vague: The words that say when, if they cannot be resolved.
    """

    since: datetime | None = None
    until: datetime | None = None
    moment: Span | None = None
    transient: bool = False
    now: bool = False
    ended: bool = False
    vague: str = ""

    @property
    def lasts(self) -> bool:
        """Whether a duration or a beginning is stated."""
        return self.since is not None or bool(self.vague)

    def opening(self, text: str, said_at: datetime | None) -> tuple[str, Times]:
        """Take a date off the front: "in 2019 I moved ..."."""
        found = _OPENING.match(text)
        if found is None:
            return text, self
        span = resolve(found["phrase"], said_at)
        rest = text[found.end() :]
        if span is None:
            return rest, replace(self, vague=found["phrase"])
        if found["bound"]:
            return rest, replace(self, since=span.start)
        return rest, replace(self, moment=span)

    def closing(self, text: str, said_at: datetime | None) -> tuple[str, Times]:
        """Take words that say when, and words that say nothing, off the end."""
        times = self
        for _ in range(_LONGEST_TAIL):
            start = max(0, len(text) - _TAIL_LENGTH)
            found = _TAIL.search(text, start)
            if found is None:
                break
            times = times._with_tail(found, said_at)
            text = text[: found.start()]
        return text.rstrip(" ,"), times

    def _with_tail(self, found: re.Match[str], said_at: datetime | None) -> Times:
        if found["bound"]:
            return self._bounded(found["bound"].casefold(), found["limit"], said_at)
        if found["length"]:
            return self._lasting(found["length"], said_at)
        phrase = found["dated"] or found["relative"]
        if phrase:
            return self._happening(phrase, said_at)
        return replace(
            self,
            now=self.now or bool(found["now"]),
            ended=self.ended or bool(found["ended"]),
            vague=found["about"] or self.vague,
        )

    def _happening(self, phrase: str, said_at: datetime | None) -> Times:
        span = resolve(phrase, said_at)
        if span is None:
            return replace(self, vague=phrase)
        transient = _TRANSIENT.fullmatch(phrase) is not None
        return replace(self, moment=span, transient=transient)

    def _bounded(self, word: str, phrase: str, said_at: datetime | None) -> Times:
        until = word in ("until", "till")
        span = resolve(phrase, said_at, direction="future" if until else "past")
        if span is None:
            return replace(self, vague=phrase)
        if until:
            return replace(self, until=span.end, transient=True)
        return replace(self, since=span.start)

    def _lasting(self, length: str, said_at: datetime | None) -> Times:
        if length.casefold() == "now":
            return replace(self, now=True)
        if length.casefold().startswith("the ") and not re.search(r"\d|last|past", length):
            return replace(self, transient=True)
        since = duration_start(length, said_at)
        return replace(self, since=since) if since else replace(self, vague=length)


@dataclass(slots=True)
class Notebook:
    """Statements as they are found; saying again what already stands adds nothing."""

    known: KnownNames
    mentions: dict[tuple[str, str], EntityMention] = field(default_factory=dict)
    attributes: list[AttributeStatement] = field(default_factory=list)
    relations: list[RelationStatement] = field(default_factory=list)
    instructions: list[Instruction] = field(default_factory=list)
    uncertainties: dict[Uncertainty, None] = field(default_factory=dict)
    _standing: dict[tuple[object, ...], object] = field(default_factory=dict)
    _types: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entity in self.known.entities:
            if any(character.isalnum() for character in entity.name):
                self._types.setdefault(normalise_name(entity.name), entity.type)

    def mention(self, entity: EntityRef, category: MemoryCategory) -> None:
        """Note an entity, once, with the category of its first mention."""
        self._types.setdefault(normalise_name(entity.name), entity.type)
        self.mentions.setdefault(entity.key, EntityMention(entity.type, entity.name, category))

    def note_attribute(self, statement: AttributeStatement) -> None:
        """Note a value, unless it is what was last said of this key."""
        if self._is_news(statement, statement.entity.key, statement.key):
            self.attributes.append(statement)

    def note_relation(self, statement: RelationStatement) -> None:
        """Note a relation, unless it is what was last said of these two."""
        if self._is_news(statement, statement.subject.key, statement.label, statement.object.key):
            self.relations.append(statement)

    def note_instruction(self, instruction: Instruction) -> None:
        """Note a standing order, unless it is what was last said of its subject."""
        if self._is_news(instruction, "instruction", instruction.label):
            self.instructions.append(instruction)

    def _is_news(self, statement: object, *about: object) -> bool:
        news = self._standing.get(about) != statement
        self._standing[about] = statement
        return news

    def typed(self, name: str, default: str) -> EntityRef:
        """The entity of this name, under the type that the store already uses for it."""
        return EntityRef(self._types.get(normalise_name(name), default), name)

    def is_person(self, name: str) -> bool:
        """Whether the store or the conversation knows a person of this name."""
        return self._types.get(normalise_name(name)) == "person"

    def statements(self) -> Statements:
        """All that was noted."""
        return Statements(
            tuple(self.mentions.values()),
            tuple(self.attributes),
            tuple(self.relations),
            tuple(self.instructions),
            tuple(self.uncertainties),
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """One predicate about one subject.

    Attributes:
        notebook: Where findings go.
        subject: Whom the predicate is about.
        utterance: Index of the turn.
        said_at: When it was said.
        times: When the predicate holds.
        caseless: Capitals tell nothing.
        negated: The predicate is denied.
        confidence: Of whatever follows from this subject.
    """

    notebook: Notebook
    subject: EntityRef
    utterance: int
    said_at: datetime | None
    times: Times = Times()
    caseless: bool = False
    negated: bool = False
    confidence: float = PLAIN

    def attribute(
        self,
        key: str,
        value: str,
        category: MemoryCategory = "knowledge",
        *,
        entity: EntityRef | None = None,
        confidence: float = PLAIN,
        event: bool = False,
        negated: bool | None = None,
    ) -> bool:
        """Note an attribute of the subject (or `entity`); an event starts at its moment."""
        about = entity or self.subject
        denied = self.negated if negated is None else negated
        since, until = self._validity(event=event, denied=denied)
        self.notebook.mention(about, category)
        statement = AttributeStatement(
            entity=about,
            key=key,
            value=value,
            memory_category=category,
            confidence=min(confidence, self.confidence),
            negated=denied,
            valid_from=since,
            valid_until=until,
            utterance=self.utterance,
        )
        self.notebook.note_attribute(statement)
        self.note_vague_time(key)
        return True

    def relation(
        self,
        label: str,
        target: EntityRef,
        category: MemoryCategory = "knowledge",
        *,
        subject: EntityRef | None = None,
        confidence: float = PLAIN,
        event: bool = False,
        negated: bool | None = None,
    ) -> bool:
        """Note a relation of the subject to a target."""
        about = subject or self.subject
        denied = self.negated if negated is None else negated
        since, until = self._validity(event=event, denied=denied)
        self.notebook.mention(about, category)
        self.notebook.mention(target, category)
        statement = RelationStatement(
            subject=about,
            label=label,
            object=target,
            memory_category=category,
            confidence=min(confidence, self.confidence),
            negated=denied,
            valid_from=since,
            valid_until=until,
            utterance=self.utterance,
        )
        self.notebook.note_relation(statement)
        self.note_vague_time(label)
        return True

    def entity(self, name: str, default: str) -> EntityRef:
        """The entity of this name, typed as the store types it."""
        return self.notebook.typed(name, default)

    def _validity(self, *, event: bool, denied: bool) -> tuple[datetime | None, datetime | None]:
        start = self.times.since
        if start is None and event and self.times.moment is not None:
            start = self.times.moment.start
        return (None, start) if denied else (start, self.times.until)

    def note_vague_time(self, about: str) -> None:
        """Note that the words which say when could not be resolved."""
        if self.times.vague:
            reason = f"cannot tell when {self.times.vague!r} is"
            self.notebook.uncertainties.setdefault(Uncertainty(about, reason, self.utterance))
