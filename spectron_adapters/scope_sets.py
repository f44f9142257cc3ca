"""Scope paths and sets of them: the vocabulary in which memory is addressed.

A path is a place in one tree (`org/acme/user/alice`); a set combines paths in disjunctive
normal form: any of its clauses, each of which asks for all of its paths. Pure values
without I/O. Imports the standard library only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard

__all__ = [
    "Clause",
    "PathNode",
    "Scope",
    "ScopeLike",
    "ScopeSet",
    "is_blank",
    "located_clauses",
    "scope_selector",
]

# Written out instead of asked from `unicodedata`, so that no upgrade of Python moves anybody's
# memory to another path: control characters, separators of lines, and what Unicode lets a
# renderer ignore (zero width, direction marks, fillers, variation selectors, tags).
HIDDEN_CHARACTERS = (
    r"\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_BLANK = re.compile(rf"[\s{HIDDEN_CHARACTERS}]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

PATH_MAX = 4096
"""Most characters of a path."""


def is_blank(text: str) -> bool:
    """Whether nothing of a text can be seen: empty, white space, zero-width characters."""
    return _BLANK.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, order=True, init=False, repr=False)
class PathNode:
    """A node of the scope tree, or the whole subtree below it: what scopes and grants share.

    Attributes:
        segments: The parts between the slashes; empty for the root.
        subtree: True when the text ended in `/*`.
    """

    segments: tuple[str, ...]
    subtree: bool

    def __init__(self, path: str) -> None:
        segments, subtree = _parse_path(path)
        object.__setattr__(self, "segments", segments)
        object.__setattr__(self, "subtree", subtree)

    @property
    def path(self) -> str:
        """The node's path without leading or trailing slash and without `/*`; the root is `/`."""
        return "/".join(self.segments) or "/"

    def covers(self, other: PathNode) -> bool:
        """Whether everything that `other` names lies within this.

        A plain path covers itself alone, neither its children nor its subtree; `path/*` covers
        the node and all that is below it.
        """
        if self.subtree:
            return other.segments[: len(self.segments)] == self.segments
        return self.segments == other.segments and not other.subtree

    def __str__(self) -> str:
        """The canonical text: `org/acme`, `org/acme/*`, `/`, `/*`."""
        if not self.subtree:
            return self.path
        return "/".join((*self.segments, "*")) if self.segments else "/*"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


def _parse_path(path: object) -> tuple[tuple[str, ...], bool]:
    if not isinstance(path, str):
        raise TypeError(f"a scope path is a string, not {type(path).__name__}")
    if is_blank(path):
        raise ValueError("a scope path is blank; None means that none is given")
    if len(path) > PATH_MAX:
        raise ValueError(f"a scope path has {len(path)} characters; it may have {PATH_MAX}")
    if _CONTROL.search(path):
        raise ValueError(f"scope path {path!r} holds a control character or a lone surrogate")
    subtree = path == "*" or path.endswith("/*")
    node = path[:-1] if subtree else path
    if node in ("", "/"):
        return (), subtree
    segments = tuple(node.removeprefix("/").removesuffix("/").split("/"))
    for segment in segments:
        _check_segment(segment, path)
    return segments, subtree


def _check_segment(segment: str, path: str) -> None:
    if is_blank(segment):
        raise ValueError(f"scope path {path!r} has an empty or blank segment")
    if segment in (".", ".."):
        raise ValueError(f"scope path {path!r} has a dot segment; paths are never relative")
    if "*" in segment:
        raise ValueError(
            f"scope path {path!r}: '*' may only stand alone as the last segment, as in 'org/acme/*'"
        )
    if "{" in segment or "}" in segment:
        raise ValueError(
            f"scope path {path!r} has braces; a path with variables is a ScopeTemplate"
        )
    if segment != segment.strip():
        raise ValueError(f"scope path {path!r} has white space at the edge of a segment")


class Scope(PathNode):
    """One place in the scope tree, such as `org/acme/user/alice`.

    Paths are case-sensitive and compared character by character: `Alice`, `alice` and its
    full-width look-alike are three places. Leading and trailing slashes may be left out.
    `path/*` is the whole subtree; that narrows reads and cannot be written to.

    Combine scopes with `&` (all of them) and `|` (any of them) into a `ScopeSet`.

    Args:
        path: Segments separated by `/`, or `/` for the root.

    Raises:
        ValueError: The path is blank, or has an empty, blank or dot segment, white space at
            the edge of a segment, a control character, a misplaced `*`, or a brace.

    Examples:
        >>> str(Scope("/org/acme/"))
        'org/acme'
        >>> print((Scope("org/acme") & Scope("team/x")) | Scope("user/alice"))
        [["org/acme","team/x"],["user/alice"]]
    """

    __slots__ = ()

    def __and__(self, other: Scope | ScopeSet) -> ScopeSet:
        """Both at once."""
        return ScopeSet(((self,),)) & other

    def __or__(self, other: Scope | ScopeSet) -> ScopeSet:
        """Either of them."""
        return ScopeSet(((self,),)) | other


Clause: TypeAlias = tuple[Scope, ...]


@dataclass(frozen=True, slots=True, repr=False)
class ScopeSet:
    """Any of several clauses, each of which asks for all of its scopes.

    Canonical: repeated scopes and clauses are dropped, both are sorted, so that equal sets
    are equal, have equal hashes and one text. A wider clause does not absorb a narrower one
    (`a` and `a & b` stay two), for on a stored record each clause is an owner.

    Attributes:
        clauses: At least one clause of at least one scope, sorted.

    Raises:
        ValueError: No clause, or an empty one.
    """

    clauses: tuple[Clause, ...]

    def __post_init__(self) -> None:
        if not self.clauses or not all(self.clauses):
            raise ValueError("a scope set has at least one clause and no empty clause")
        canonical = sorted({tuple(sorted(set(clause))) for clause in self.clauses})
        object.__setattr__(self, "clauses", tuple(canonical))

    @classmethod
    def parse(cls, value: ScopeLike, *, field: str = "scopes", subtrees: bool = True) -> ScopeSet:
        """The set that a loosely written value means.

        Args:
            value: One path; a list of paths, any of which will do; lists inside the list,
                all of whose paths are asked for; `Scope` and `ScopeSet` wherever a path may
                stand. `["a", ["b", "c"]]` is a or (b and c).
            field: The argument's name, for messages.
            subtrees: False refuses `path/*`, which only a lens can use.

        Returns:
            The canonical set. Parsing it again, or its wire form, gives the same set.

        Raises:
            ValueError: Something is blank, empty or malformed; the message names the place.
            TypeError: Something is neither a path nor a list of them.
        """
        parsed = value if isinstance(value, ScopeSet) else cls(tuple(_clauses(value, field)))
        if not subtrees:
            _refuse_subtrees(parsed, field)
        return parsed

    @property
    def canonical(self) -> str:
        """One text per set, and one set per text: the wire form as compact JSON."""
        return json.dumps(self.to_wire(), ensure_ascii=False, separators=(",", ":"))

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Every scope that occurs, once, sorted."""
        return tuple(sorted({scope for clause in self.clauses for scope in clause}))

    def to_wire(self) -> list[list[str]]:
        """The selector as the service takes it: outer list any, inner lists all."""
        return [[str(scope) for scope in clause] for clause in self.clauses]

    def __and__(self, other: Scope | ScopeSet) -> ScopeSet:
        """What satisfies both: every clause of one joined with every clause of the other."""
        right = _operand(other)
        if right is None:
            return NotImplemented
        return ScopeSet(tuple(mine + theirs for mine in self.clauses for theirs in right))

    def __or__(self, other: Scope | ScopeSet) -> ScopeSet:
        """What satisfies either: the clauses of both."""
        right = _operand(other)
        if right is None:
            return NotImplemented
        return ScopeSet(self.clauses + right)

    def __str__(self) -> str:
        """The canonical text."""
        return self.canonical

    def __repr__(self) -> str:
        return f"ScopeSet.parse({self.to_wire()!r})"


ScopeLike: TypeAlias = (
    str | Scope | ScopeSet | Sequence[str | Scope | ScopeSet | Sequence[str | Scope]]
)


def _operand(other: object) -> tuple[Clause, ...] | None:
    if isinstance(other, ScopeSet):
        return other.clauses
    return ((other,),) if isinstance(other, Scope) else None


def _refuse_subtrees(scopes: ScopeSet, field: str) -> None:
    for scope in scopes.scopes:
        if scope.subtree:
            raise ValueError(
                f"{field}: {str(scope)!r} names a subtree; memory is written to a node, "
                f"as in {scope.path!r}. Only a lens takes '/*'."
            )


Located: TypeAlias = tuple[object, str]


def located_clauses(value: object, field: str) -> Iterator[tuple[Located, ...]]:
    """The clauses of a loosely written value; each entry comes with its place, for messages.

    Raises:
        ValueError: A list is empty.
        TypeError: Something is neither a path nor a list of them.
    """
    if _stands_alone(value):
        yield from _single(value, field)
        return
    for index, item in enumerate(_items(value, field)):
        place = f"{field}[{index}]"
        if _stands_alone(item):
            yield from _single(item, place)
        else:
            yield tuple((entry, f"{place}[{i}]") for i, entry in enumerate(_items(item, place)))


def _stands_alone(value: object) -> TypeGuard[str | Scope | ScopeSet]:
    return isinstance(value, (str, Scope, ScopeSet))


def _single(value: str | Scope | ScopeSet, place: str) -> Iterator[tuple[Located, ...]]:
    if isinstance(value, ScopeSet):
        for clause in value.clauses:
            yield tuple((scope, place) for scope in clause)
    else:
        yield ((value, place),)


def _items(value: object, place: str) -> Sequence[object]:
    if not isinstance(value, Sequence):
        raise TypeError(f"{place} is a path or a list of paths, not {type(value).__name__}")
    if not value:
        raise ValueError(f"{place} is empty; None means that none is given")
    return value


def _clauses(value: object, field: str) -> Iterator[Clause]:
    for clause in located_clauses(value, field):
        yield tuple(_scope(entry, place) for entry, place in clause)


def _scope(value: object, place: str) -> Scope:
    if isinstance(value, Scope):
        return value
    try:
        return Scope(value)  # type: ignore[arg-type]  # the constructor refuses other types
    except (TypeError, ValueError) as error:
        raise type(error)(f"{place}: {error}") from None


def scope_selector(value: ScopeLike | None, *, field: str) -> list[list[str]] | None:
    """The wire form of an optional selector of a client verb.

    Args:
        value: What the caller gave; None leaves the field out, so that the key's default
            region applies.
        field: The argument's name. Only `lens` takes `path/*`.

    Returns:
        Any of the outer list, all of an inner one, in the caller's order and without repetition
        inside a clause; None when None was given.

    Raises:
        ValueError: The value is blank or malformed: a blank scope never means a default.
        TypeError: The value is neither a path nor a list of them.
    """
    if value is None:
        return None
    clauses = [
        tuple(dict.fromkeys(_scope(entry, place) for entry, place in clause))
        for clause in located_clauses(value, field)
    ]
    if field != "lens":
        _refuse_subtrees(ScopeSet(tuple(clauses)), field)
    return [[str(scope) for scope in clause] for clause in clauses]
