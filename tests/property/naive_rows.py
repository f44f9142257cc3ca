"""What the naive service keeps: rows with their scopes and their times, and what they mean.

Times are whole hours since the start; an end of None is open.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.property.scope_reference import Clauses

CONFIDENCE_FLOOR = 0.7


@dataclass(eq=False)
class Row:
    """Anything that is stored, with where it belongs and when it held on each clock.

    `known` is when it became known, `begins` when it became true, `written` when it was stored.
    """

    kind: str
    clauses: Clauses
    labels: frozenset[str]
    known: int
    begins: int
    written: int
    turn: Turn | None = None
    known_end: int | None = None
    valid_end: int | None = None
    system_end: int | None = None

    @property
    def text(self) -> str:
        """What search finds a row by."""
        return ""

    def holds(self, token: str) -> bool:
        return token in words(self.text)

    def is_open(self, now: int) -> bool:
        return self.known_end is None or self.known_end > now

    def end(self, *, known: int, system: int) -> None:
        """An earlier end stays."""
        self.known_end = earlier(self.known_end, known)
        self.valid_end = earlier(self.valid_end, known)
        self.system_end = earlier(self.system_end, system)


@dataclass(eq=False)
class Entity(Row):
    name: str = ""
    updated: int = 0

    @property
    def text(self) -> str:
        return f"{self.name} (person)"


@dataclass(eq=False)
class Fact(Row):
    name: str = ""
    key: str = ""
    value: str = ""
    is_curated: bool = True
    confidence: float = 1.0
    successor: Fact | None = None

    @property
    def text(self) -> str:
        return f"{self.name} · {self.key}: {self.value}"


@dataclass(eq=False)
class Relation(Row):
    subject: str = ""
    label: str = ""
    target: str = ""

    @property
    def text(self) -> str:
        return f"{self.subject} · {self.label} · {self.target}"


@dataclass(eq=False)
class Chunk(Row):
    @property
    def text(self) -> str:
        return self.turn.content if self.turn else ""


@dataclass(eq=False)
class Turn:
    """What was said in a session; `seq` is None for a write without words."""

    session: Session
    content: str
    clauses: Clauses
    known: int
    seq: int | None
    is_hidden: bool = False


@dataclass(eq=False)
class Session:
    name: str
    clauses: Clauses
    last_seq: int = 0
    is_deleted: bool = False


@dataclass(frozen=True)
class Clocks:
    """The temporal parameters of a read."""

    as_of: int | None = None
    at_instant: int | None = None
    valid_from: int | None = None
    valid_until: int | None = None

    @property
    def given(self) -> dict[str, int]:
        named = {
            "asOf": self.as_of,
            "atInstant": self.at_instant,
            "validFrom": self.valid_from,
            "validUntil": self.valid_until,
        }
        return {name: value for name, value in named.items() if value is not None}


@dataclass
class Claim:
    """What somebody states of an entity."""

    name: str
    key: str
    value: str
    confidence: float = 1.0
    is_curated: bool = True


@dataclass
class RefusalError(Exception):
    """The status of a request that is refused."""

    status: int


@dataclass
class Forgotten:
    """What a forget request means."""

    rows: list[Row]
    turns: list[Turn]

    @property
    def count(self) -> int:
        return len(self.rows) + len(self.turns)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def same(first: Clauses, second: Clauses) -> bool:
    """Are two scope sets equal, whatever the order of their clauses and paths?"""
    return as_sets(first) == as_sets(second)


def as_sets(clauses: Clauses) -> set[frozenset[str]]:
    return {frozenset(path.strip("/") for path in clause) for clause in clauses}


def names_of(row: Row) -> Iterable[str]:
    if isinstance(row, Relation):
        return (row.subject, row.target)
    return (row.name,) if isinstance(row, Entity | Fact) else ()


def belongs(row: Row, found: Sequence[Row]) -> bool:
    """Is a row erased with others: of the chain of a fact, or about an entity?"""
    return any(
        same(row.clauses, other.clauses) and (is_about(row, other) or is_of_one_chain(row, other))
        for other in found
    )


def is_about(row: Row, entity: Row) -> bool:
    return (
        isinstance(entity, Entity)
        and isinstance(row, Fact | Relation)
        and entity.name in names_of(row)
    )


def is_of_one_chain(first: Row, second: Row) -> bool:
    return (
        isinstance(first, Fact)
        and isinstance(second, Fact)
        and (first.name, first.key) == (second.name, second.key)
    )


def outweighs(new: Fact, old: Fact) -> bool:
    floor = max(CONFIDENCE_FLOOR, old.confidence)
    return new.is_curated == old.is_curated and new.confidence >= floor


def supersede(old: Fact, new: Fact, now: int) -> None:
    old.successor = new
    old.end(known=new.known, system=max(now, new.known))


def subtree(path: str) -> str:
    return f"{path.removesuffix('*').strip('/')}/*"


def earlier(first: int | None, second: int) -> int:
    return second if first is None else min(first, second)


def within(start: int, end: int | None, when: int) -> bool:
    return start <= when and (end is None or end > when)
