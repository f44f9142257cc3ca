"""Grants, visibility and lenses: who may read a record, and which records a read asks for.

The same functions decide in the local engine and explain a decision to a person. Pure values
without I/O. Imports the standard library and `scope_sets`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, Union

from spectron_adapters.scope_sets import Clause, PathNode, Scope, ScopeLike, ScopeSet

__all__ = [
    "ClauseExplanation",
    "Explanation",
    "GrantLike",
    "GrantPattern",
    "Involvement",
    "LensFilter",
    "PathExplanation",
    "RecordLike",
    "Region",
    "explain",
    "involvement",
    "is_visible",
    "passes_lens",
]

Involvement: TypeAlias = Literal["equal", "ancestor", "descendant", "subtree"]


class GrantPattern(PathNode):
    """What one entry of a grant covers: a node alone, or a node and all that is below it.

    `org/acme` is that node only; `org/acme/*` the node and every descendant; `*` and `/*`
    are everything.

    Raises:
        ValueError: The pattern is blank or malformed, or `*` stands elsewhere.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, value: str | GrantPattern | Mapping[str, str]) -> GrantPattern:
        """The pattern that a text, or a mapping such as `{"org": "acme"}`, stands for.

        Args:
            value: A pattern; or names and values of segments, read in order, which mean the
                subtree: `{"org": "acme"}` is `org/acme/*`.

        Raises:
            ValueError: Blank or malformed; an empty mapping, which would mean everything.
        """
        if isinstance(value, GrantPattern):
            return value
        if isinstance(value, Mapping):
            return cls(_subtree_of_items(value))
        return cls(value)

    def intersect(self, other: GrantPattern) -> GrantPattern | None:
        """What both cover; None when they have nothing in common."""
        if other.covers(self):
            return self
        return other if self.covers(other) else None


def _subtree_of_items(items: Mapping[str, str]) -> str:
    parts = [part for item in items.items() for part in item]
    if not parts:
        raise ValueError("a grant given as a mapping needs at least one item; '/*' is everything")
    for part in parts:
        if not part or "/" in part or "*" in part:
            raise ValueError(f"a grant's mapping has single segments only, not {part!r}")
    return "/".join((*parts, "*"))


GrantLike: TypeAlias = Union[
    "Region", GrantPattern, str, Sequence[str | GrantPattern | Mapping[str, str]]
]


_Place: TypeAlias = tuple[tuple[str, ...], bool]


@dataclass(frozen=True, slots=True, repr=False)
class Region:
    """The part of the tree that one verb may touch: what any of its patterns covers.

    A region without patterns covers nothing.

    Attributes:
        patterns: Sorted, without repetition. A pattern inside another one is kept, for it
            belongs to the default write scopes.
    """

    patterns: tuple[GrantPattern, ...]
    _places: Mapping[_Place, GrantPattern] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        patterns = tuple(sorted(set(self.patterns)))
        places = {(pattern.segments, pattern.subtree): pattern for pattern in patterns}
        object.__setattr__(self, "patterns", patterns)
        object.__setattr__(self, "_places", places)

    @classmethod
    def parse(cls, value: GrantLike) -> Region:
        """The region of one pattern or of a list of them; an empty list covers nothing.

        Raises:
            ValueError: A pattern is blank or malformed.
            TypeError: The value is neither a pattern nor a list of them.
        """
        if isinstance(value, Region):
            return value
        if isinstance(value, (str, GrantPattern)):
            return cls((GrantPattern.parse(value),))
        if not isinstance(value, Sequence):
            raise TypeError(f"a grant is a pattern or a list of them, not {type(value).__name__}")
        return cls(tuple(GrantPattern.parse(item) for item in value))

    def covers(self, scope: str | PathNode) -> bool:
        """Whether one of the patterns covers a path, or the whole of a subtree."""
        return self.covering(scope) is not None

    def covering(self, scope: str | PathNode) -> GrantPattern | None:
        """The first pattern that covers a path, or None."""
        node = Scope(scope) if isinstance(scope, str) else scope
        line = _line(node.segments)
        above = (self._places.get((place, True)) for place in line[:-1])
        at = (self._places.get((line[-1], subtree)) for subtree in (node.subtree, True))
        return next((pattern for pattern in (*above, *at) if pattern is not None), None)

    def contains(self, other: Region) -> bool:
        """Whether `other` grants nothing beyond this region."""
        return all(self.covers(pattern) for pattern in other.patterns)

    def outside(self, scopes: ScopeSet) -> tuple[Scope, ...]:
        """The scopes of a write that this region does not cover, sorted; empty when all are."""
        return tuple(scope for scope in scopes.scopes if not self.covers(scope))

    def intersect(self, other: Region) -> Region:
        """What both cover: attenuated keys, floors and delegation."""
        mine = (pattern for pattern in self.patterns if other.covers(pattern))
        theirs = (pattern for pattern in other.patterns if self.covers(pattern))
        return Region((*mine, *theirs))

    def default_write_scopes(self) -> ScopeSet | None:
        """Where a write without scopes goes: any of the patterns' nodes; None without patterns."""
        if not self.patterns:
            return None
        return ScopeSet(tuple((Scope(pattern.path),) for pattern in self.patterns))

    def __bool__(self) -> bool:
        """False when nothing is covered."""
        return bool(self.patterns)

    def __str__(self) -> str:
        """The patterns, separated by ` + `."""
        return " + ".join(map(str, self.patterns)) or "(nothing)"

    def __repr__(self) -> str:
        return f"Region.parse({[str(pattern) for pattern in self.patterns]!r})"


def _line(segments: tuple[str, ...]) -> list[tuple[str, ...]]:
    """From the root down to a node."""
    return [segments[:end] for end in range(len(segments) + 1)]


RecordLike: TypeAlias = ScopeLike | Sequence[Clause]


def _record_clauses(record: RecordLike) -> tuple[Clause, ...]:
    """A record's clauses; none at all, or an empty one, is possible and grants nothing."""
    if isinstance(record, ScopeSet):
        return record.clauses
    if isinstance(record, (str, Scope)):
        return ScopeSet.parse(record, field="record").clauses
    kept = [item for item in record if isinstance(item, (str, Scope, ScopeSet)) or len(item)]
    return ScopeSet.parse(kept, field="record").clauses if kept else ()


def involvement(path: Scope, entry: Scope) -> Involvement | None:
    """How a record's path touches one entry of a lens, or None.

    A plain entry is touched by the same path, its ancestors and its descendants; `L/*` only
    by `L` and what is below it.
    """
    if entry.subtree:
        return "subtree" if entry.covers(path) else None
    shared = min(len(path.segments), len(entry.segments))
    if path.segments[:shared] != entry.segments[:shared]:
        return None
    if len(path.segments) == len(entry.segments):
        return "equal"
    return "ancestor" if len(path.segments) == shared else "descendant"


def _clause_visible(clause: Clause, region: Region) -> bool:
    return all(region.covers(path) for path in clause)


class LensFilter:
    """What a lens lets through, prepared once for many records.

    The time that a record takes does not grow with the number of the lens's entries, but for
    one subset test per clause: sets of entries are bits of whole numbers.

    Args:
        lens: What the read asks for.
    """

    __slots__ = ("_above", "_answers", "_at", "_wanted")

    def __init__(self, lens: ScopeSet) -> None:
        self._at: dict[tuple[str, ...], int] = {}
        self._above: dict[tuple[str, ...], int] = {}
        self._answers: dict[int, bool] = {}
        bits = {entry: 1 << number for number, entry in enumerate(lens.scopes)}
        for entry, bit in bits.items():
            _add_bit(self._at, entry.segments, bit)
            for place in () if entry.subtree else _line(entry.segments)[:-1]:
                _add_bit(self._above, place, bit)
        self._wanted = {sum(bits[entry] for entry in entries) for entries in lens.clauses}

    def passes(self, clauses: Iterable[Clause], region: Region) -> bool:
        """Whether some clause that a region covers whole involves every entry of a lens clause."""
        return any(self._involves(clause) for clause in clauses if _clause_visible(clause, region))

    def _involves(self, clause: Clause) -> bool:
        touched = 0
        for path in clause:
            touched |= self._above.get(path.segments, 0)
            for place in _line(path.segments):
                touched |= self._at.get(place, 0)
        if touched not in self._answers:
            self._answers[touched] = any(wanted & touched == wanted for wanted in self._wanted)
        return self._answers[touched]


def _add_bit(found: dict[tuple[str, ...], int], place: tuple[str, ...], bit: int) -> None:
    found[place] = found.get(place, 0) | bit


def is_visible(record: RecordLike, grant: GrantLike) -> bool:
    """Whether a reader may see a record at all.

    Args:
        record: The clauses stored on the record; none at all is possible.
        grant: The reader's `memory:read` patterns.

    Returns:
        True when at least one clause has all its paths covered. A record without clauses is
        visible to nobody.
    """
    region = Region.parse(grant)
    return any(_clause_visible(clause, region) for clause in _record_clauses(record))


def passes_lens(record: RecordLike, grant: GrantLike, lens: ScopeLike | None) -> bool:
    """Whether a read with a lens returns a record.

    Args:
        record: The clauses stored on the record.
        grant: The reader's `memory:read` patterns.
        lens: What the read asks for; None asks for everything that is visible.

    Returns:
        True when, for some clause of the lens, some visible clause of the record involves
        every entry. A lens narrows and never widens: what is not visible does not pass.
    """
    if lens is None:
        return is_visible(record, grant)
    wanted = ScopeSet.parse(lens, field="lens")
    return LensFilter(wanted).passes(_record_clauses(record), Region.parse(grant))


def _clause_involves(clause: Clause, entries: Clause) -> bool:
    return all(any(involvement(path, entry) for path in clause) for entry in entries)


@dataclass(frozen=True, slots=True)
class PathExplanation:
    """One path of a record's clause.

    Attributes:
        path: The path.
        covered_by: The pattern of the grant that covers it, or None.
        involvements: How it touches each entry of the lens, in the lens's order.
    """

    path: Scope
    covered_by: GrantPattern | None
    involvements: tuple[Involvement | None, ...]


@dataclass(frozen=True, slots=True)
class ClauseExplanation:
    """One clause of a record.

    Attributes:
        paths: Its paths.
        visible: Whether the grant covers all of them.
        lens_clauses: Positions of the lens clauses all of whose entries it involves.
    """

    paths: tuple[PathExplanation, ...]
    visible: bool
    lens_clauses: tuple[int, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """Why a reader gets a record or not; printing it gives a truth table.

    Attributes:
        region: The reader's grant.
        lens: The lens, or None.
        clauses: One explanation per clause of the record.
        visible: As `is_visible` says.
        kept: As `passes_lens` says.
    """

    region: Region
    lens: ScopeSet | None
    clauses: tuple[ClauseExplanation, ...]
    visible: bool
    kept: bool

    def __str__(self) -> str:
        """The truth table: one line per path, one column per entry of the lens."""
        return _render(self)

    __repr__ = __str__


def explain(record: RecordLike, grant: GrantLike, lens: ScopeLike | None = None) -> Explanation:
    """Why a record is visible and kept, or is not.

    Args:
        record: The clauses stored on the record.
        grant: The reader's `memory:read` patterns.
        lens: What the read asks for; None asks for everything that is visible.

    Returns:
        The decision with its reasons; `print` it to see them as a table.

    Examples:
        >>> print(explain("org/acme", "org/acme/*", "org/acme/user/alice"))
        grant: org/acme/*
        lens:  [["org/acme/user/alice"]]
        clause  path      covered by  org/acme/user/alice
        1       org/acme  org/acme/*  ancestor
        clause 1: visible; involves lens clause 1
        visible: yes, kept: yes
    """
    region = Region.parse(grant)
    wanted = None if lens is None else ScopeSet.parse(lens, field="lens")
    stored = _record_clauses(record)
    return Explanation(
        region=region,
        lens=wanted,
        clauses=tuple(_explain_clause(clause, region, wanted) for clause in stored),
        visible=is_visible(record, region),
        kept=passes_lens(record, region, wanted),
    )


def _explain_clause(clause: Clause, region: Region, lens: ScopeSet | None) -> ClauseExplanation:
    entries = lens.scopes if lens else ()
    return ClauseExplanation(
        paths=tuple(
            PathExplanation(
                path, region.covering(path), tuple(involvement(path, entry) for entry in entries)
            )
            for path in clause
        ),
        visible=_clause_visible(clause, region),
        lens_clauses=tuple(
            index
            for index, wanted in enumerate(lens.clauses if lens else ())
            if _clause_involves(clause, wanted)
        ),
    )


def _render(explanation: Explanation) -> str:
    lines = [f"grant: {explanation.region}"]
    if explanation.lens is not None:
        lines.append(f"lens:  {explanation.lens}")
    lines += _table(explanation)
    for number, clause in enumerate(explanation.clauses, 1):
        lines.append(f"clause {number}: {_verdict(clause, explanation.lens)}")
    if not explanation.clauses:
        lines.append("the record has no clauses, so nobody sees it")
    answer = {True: "yes", False: "no"}
    lines.append(f"visible: {answer[explanation.visible]}, kept: {answer[explanation.kept]}")
    return "\n".join(lines)


def _table(explanation: Explanation) -> list[str]:
    entries = explanation.lens.scopes if explanation.lens else ()
    rows = [["clause", "path", "covered by", *map(str, entries)]]
    for number, clause in enumerate(explanation.clauses, 1):
        for path in clause.paths:
            touched = (touch or "-" for touch in path.involvements)
            rows.append([str(number), str(path.path), str(path.covered_by or "nothing"), *touched])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
        if len(rows) > 1
    ]


def _verdict(clause: ClauseExplanation, lens: ScopeSet | None) -> str:
    seen = "visible" if clause.visible else "not visible, for not every path is covered"
    if lens is None:
        return seen
    numbers = ", ".join(str(index + 1) for index in clause.lens_clauses)
    return f"{seen}; involves {f'lens clause {numbers}' if numbers else 'no clause of the lens'}"
