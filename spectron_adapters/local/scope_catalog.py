"""The distinct scope sets of a database, and which of them a caller may read.

Rows point at scope sets by id, so access is decided on the few distinct sets and not on rows.
Imports `scopes` and the standard library.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from spectron_adapters.scopes import (
    Clause,
    GrantPattern,
    LensFilter,
    Region,
    Scope,
    ScopeSet,
    is_visible,
)

__all__ = ["ReadableSets", "ScopeCatalog"]

_CACHED_VIEWS = 512
_CACHED_SETS = 4096
_EVERYTHING = Region.parse("/*")


@dataclass(frozen=True, slots=True)
class ReadableSets:
    """The scope sets that a grant and a lens let through.

    Attributes:
        ids: Their ids; None when all are, but those in `excluded`.
        excluded: Sets without clauses, which nobody may read.
    """

    ids: frozenset[int] | None
    excluded: frozenset[int] = frozenset()

    def allows(self, scope_set_id: int) -> bool:
        """Whether a row with this scope set may be read."""
        if scope_set_id in self.excluded:
            return False
        return self.ids is None or scope_set_id in self.ids

    @property
    def condition(self) -> str:
        """SQL over the column `scope_set_id`, with the parameter `:readable`."""
        negated = "NOT " if self.ids is None else ""
        return f"scope_set_id {negated}IN (SELECT value FROM json_each(:readable))"  # noqa: S608  # a constant

    @property
    def check(self) -> str:
        """The same for rows that are found by something else, such as many names.

        An index over names and scope sets would be asked for every pair of the two.
        """
        return f"+{self.condition}"

    @property
    def parameter(self) -> str:
        """The value of `:readable`."""
        return json.dumps(sorted(self.excluded if self.ids is None else self.ids))


class ScopeCatalog:
    """Scope sets by id and by content, with the views computed so far.

    Threads share it. It holds nothing that a transaction has not committed: within a write
    transaction nothing is remembered, for a rollback would hand the same ids to other sets.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._views: OrderedDict[tuple[object, ...], ReadableSets] = OrderedDict()
        self._clauses: OrderedDict[int, tuple[Clause, ...]] = OrderedDict()

    def find(self, connection: sqlite3.Connection, context_id: int, scopes: ScopeSet) -> int | None:
        """The id of a set, or None when no row has carried it yet."""
        row = connection.execute(
            "SELECT id FROM scope_set WHERE context_id = ? AND canonical = ?",
            (context_id, scopes.canonical),
        ).fetchone()
        return None if row is None else int(row[0])

    def intern(self, connection: sqlite3.Connection, context_id: int, scopes: ScopeSet) -> int:
        """The id of a set, which is stored when it is new."""
        known = self.find(connection, context_id, scopes)
        if known is not None:
            return known
        cursor = connection.execute(
            "INSERT INTO scope_set (context_id, canonical) VALUES (?, ?)",
            (context_id, scopes.canonical),
        )
        new = int(cursor.lastrowid or 0)
        connection.executemany(
            "INSERT INTO scope_set_path (context_id, path, scope_set_id) VALUES (?, ?, ?)",
            [(context_id, scope.path, new) for scope in scopes.scopes],
        )
        return new

    def clauses(self, connection: sqlite3.Connection, scope_set_id: int) -> tuple[Clause, ...]:
        """The clauses of a stored set."""
        (text,) = connection.execute(
            "SELECT canonical FROM scope_set WHERE id = ?", (scope_set_id,)
        ).fetchone()
        return _read_clauses(text)

    def visible_wire(
        self, connection: sqlite3.Connection, scope_set_id: int, region: Region
    ) -> list[list[str]]:
        """The clauses of a set that a region covers whole: what a caller may be told of it."""
        return [
            [str(scope) for scope in clause]
            for clause in self.clauses(connection, scope_set_id)
            if clause and all(region.covers(scope) for scope in clause)
        ]

    def readable(
        self,
        connection: sqlite3.Connection,
        context_id: int,
        region: Region,
        lens: ScopeSet | None,
        *,
        remember: bool,
    ) -> ReadableSets:
        """The sets that a region and a lens let through.

        Args:
            connection: In a transaction.
            context_id: Sets of one context only.
            region: What the caller may read.
            lens: What the read asks for.
            remember: Whether the transaction sees committed rows only, so that the answer may be
                kept for as long as no set is added.
        """
        (version,) = connection.execute(
            "SELECT max(id) FROM scope_set WHERE context_id = ?", (context_id,)
        ).fetchone()
        key = (context_id, region.patterns, lens, version)
        with self._lock:
            known = self._views.get(key)
            if known is not None:
                self._views.move_to_end(key)
                return known
        view = self._compute(connection, context_id, region, lens)
        if remember:
            with self._lock:
                self._views[key] = view
                while len(self._views) > _CACHED_VIEWS:
                    self._views.popitem(last=False)
        return view

    def _compute(
        self,
        connection: sqlite3.Connection,
        context_id: int,
        region: Region,
        lens: ScopeSet | None,
    ) -> ReadableSets:
        if lens is None and region.covers(_EVERYTHING.patterns[0]):
            return ReadableSets(None, _unreadable(connection, context_id))
        nodes: Sequence[Scope | GrantPattern] = region.patterns
        if lens is not None:
            nodes = sorted({_deepest(entries) for entries in lens.clauses})
        candidates = _candidates(connection, context_id, nodes)
        lens_filter = None if lens is None else LensFilter(lens)
        allowed = frozenset(
            scope_set_id
            for scope_set_id, text in candidates
            if _lets_through(_read_clauses(text), region, lens_filter)
        )
        return ReadableSets(allowed)


def _deepest(entries: Clause) -> Scope:
    """The entry of a lens clause, all of which must be involved, that the fewest sets involve."""
    return max(entries, key=lambda entry: len(entry.segments))


def _lets_through(
    clauses: tuple[Clause, ...], region: Region, lens_filter: LensFilter | None
) -> bool:
    if lens_filter is None:
        return is_visible(clauses, region)
    return lens_filter.passes(clauses, region)


def _read_clauses(text: str) -> tuple[Clause, ...]:
    return tuple(tuple(Scope(path) for path in clause) for clause in json.loads(text))


def _unreadable(connection: sqlite3.Connection, context_id: int) -> frozenset[int]:
    """Sets with no clause, or none but empty ones: rows that carry them are nobody's."""
    rows = connection.execute(
        "SELECT id FROM scope_set WHERE context_id = ? AND canonical IN ('[]', '[[]]')",
        (context_id,),
    )
    return frozenset(row[0] for row in rows)


def _candidates(
    connection: sqlite3.Connection, context_id: int, nodes: Sequence[Scope | GrantPattern]
) -> list[tuple[int, str]]:
    """Sets with a path on the line of some node: above it, itself, or below it."""
    found: dict[int, str] = {}
    for node in nodes:
        above = ["/", *("/".join(node.segments[:end]) for end in range(1, len(node.segments) + 1))]
        below = "" if not node.segments else node.path + "/"
        rows = connection.execute(
            "SELECT id, canonical FROM scope_set WHERE id IN ("
            " SELECT scope_set_id FROM scope_set_path WHERE context_id = :context"
            "  AND path IN (SELECT value FROM json_each(:above))"
            " UNION SELECT scope_set_id FROM scope_set_path WHERE context_id = :context"
            "  AND path >= :below AND path < :after)",
            {
                "context": context_id,
                "above": json.dumps(above),
                "below": below,
                "after": below[:-1] + "0" if below else chr(0x10FFFF),
            },
        )
        found.update(rows.fetchall())
    return list(found.items())
