"""Reading the full-text index within what a caller may read.

Every condition on a row stands here, once: scope, clocks, labels, kind. Knows nothing of
ranking; imports no client and no adapter.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple


@dataclass(frozen=True, slots=True)
class RowFilter:
    """What a caller may read, and what of it they ask for."""

    context_id: int
    scope_set_ids: frozenset[int] | None
    kinds: frozenset[str]
    now: int
    excluded_scope_set_ids: frozenset[int] = frozenset()
    as_of: int | None = None
    at_instant: int | None = None
    valid_from: int | None = None
    valid_until: int | None = None
    labels: frozenset[str] = frozenset()
    session_id: int | None = None
    include_duplicates: bool = False

    @property
    def reads_nothing(self) -> bool:
        """Whether nothing lies within the caller's region and lens."""
        return self.scope_set_ids is not None and not self.scope_set_ids


class Row(NamedTuple):
    """A readable row, as ranking needs it."""

    id: int
    kind: str
    target_id: int
    session_id: int | None
    seq: int | None
    role: str | None
    speaker: str | None
    terms: str
    length: int
    features: int
    known_from: int
    duplicate_of: int | None = None


_ROW_COLUMNS: Final = (
    "id, kind, target_id, session_id, seq, role, speaker, terms, length, features, known_from,"
    " duplicate_of"
)
# Up to this many scope sets are read one by one, each from its own place in the index (about
# 50 µs for each set and term); more are picked by join from all that the context says of a term.
SCOPE_SETS_ONE_BY_ONE: Final = 256
# Reading a whole context this way pays only for fewer sets, for it picks nothing.
CONTEXT_SETS_ONE_BY_ONE: Final = 64
# Sets per statement: every step of an OR costs each of its lists.
_SETS_PER_STATEMENT: Final = 8


def readable_statistics(connection: sqlite3.Connection, row_filter: RowFilter) -> tuple[int, int]:
    """Return the number of rows in the readable scopes and the sum of their lengths."""
    where, values = _scope_conditions(row_filter)
    sql = (
        "SELECT coalesce(sum(row_count), 0), coalesce(sum(total_length), 0)"  # noqa: S608
        f" FROM search_statistic WHERE {' AND '.join(where)}"
    )
    count, total = connection.execute(sql, values).fetchone()
    return int(count), int(total)


_MATCHING: Final = "SELECT rowid FROM search_index WHERE search_index MATCH ?"
_MATCHING_JOINED: Final = """
SELECT search_index.rowid FROM search_index
CROSS JOIN search_row ON search_row.id = search_index.rowid
WHERE search_index MATCH ? AND scope_set_id IN (SELECT value FROM json_each(?))
"""


@dataclass(frozen=True, slots=True)
class Postings:
    """Reads which rows of the readable scopes hold a term."""

    connection: sqlite3.Connection
    sql: str
    expressions: tuple[str, ...]
    """Full-text expressions, with `?` where the term goes; no row matches two of them."""
    values: tuple[str, ...] = ()

    @classmethod
    def of(cls, connection: sqlite3.Connection, row_filter: RowFilter) -> Postings:
        """Choose the cheapest way that keeps to the readable scopes."""
        context, allowed = row_filter.context_id, row_filter.scope_set_ids
        most = SCOPE_SETS_ONE_BY_ONE
        if allowed is None:
            allowed, most = _scope_sets(connection, context), CONTEXT_SETS_ONE_BY_ONE
        allowed -= row_filter.excluded_scope_set_ids
        if len(allowed) <= most:
            tokens = [f'"?={context}.{number}"' for number in sorted(allowed)]
            starts = range(0, len(tokens), _SETS_PER_STATEMENT)
            groups = (tokens[start : start + _SETS_PER_STATEMENT] for start in starts)
            return cls(connection, _MATCHING, tuple(" OR ".join(group) for group in groups))
        everything = f'"?={context}." *'
        if row_filter.scope_set_ids is not None:
            ids = json.dumps(sorted(allowed))
            return cls(connection, _MATCHING_JOINED, (everything,), (ids,))
        excluded = [f'"?={context}.{n}"' for n in sorted(row_filter.excluded_scope_set_ids)]
        if excluded:
            everything = f"({everything}) NOT ({' OR '.join(excluded)})"
        return cls(connection, _MATCHING, (everything,))

    def read(self, term: str) -> list[int]:
        """Return the ids of the rows that hold an analysed term, in no particular order."""
        return [
            row_id
            for expression in self.expressions
            for (row_id,) in self.connection.execute(
                self.sql, (expression.replace("?", term), *self.values)
            )
        ]


def readable_scope_sets(connection: sqlite3.Connection, row_filter: RowFilter) -> frozenset[int]:
    """Return the scope sets that may be read, of those that hold any row."""
    allowed = row_filter.scope_set_ids
    if allowed is None:
        allowed = _scope_sets(connection, row_filter.context_id)
    return allowed - row_filter.excluded_scope_set_ids


def _scope_sets(connection: sqlite3.Connection, context_id: int) -> frozenset[int]:
    sql = "SELECT scope_set_id FROM search_statistic WHERE context_id = ?"
    return frozenset(number for (number,) in connection.execute(sql, (context_id,)))


def row_texts(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, str]:
    """Return the text of rows that `readable_rows` let through."""
    sql = "SELECT id, text FROM search_row WHERE id IN (SELECT value FROM json_each(?))"
    return dict(connection.execute(sql, (json.dumps(list(ids)),)).fetchall())


_ROWS_AT: Final = """
SELECT {columns} FROM (
  SELECT json_extract(value, '$[0]') AS place_session, json_extract(value, '$[1]') AS place_seq
  FROM json_each(:places)
) CROSS JOIN search_row ON session_id = place_session AND seq = place_seq
WHERE {where}
"""


def readable_rows_at(
    connection: sqlite3.Connection,
    places: Iterable[tuple[int, int]],
    row_filter: RowFilter,
) -> list[Row]:
    """Return the rows at places in conversations, given as (session, turn), that may be read."""
    where, values = _conditions(row_filter)
    values["places"] = json.dumps(list(places))
    sql = _ROWS_AT.format(columns=_ROW_COLUMNS, where=where)
    return list(map(Row._make, connection.execute(sql, values)))


def _scope_conditions(row_filter: RowFilter) -> tuple[list[str], dict[str, object]]:
    where = ["context_id = :context"]
    values: dict[str, object] = {"context": row_filter.context_id}
    if row_filter.scope_set_ids is not None:
        where.append("scope_set_id IN (SELECT value FROM json_each(:allowed))")
        values["allowed"] = json.dumps(sorted(row_filter.scope_set_ids))
    if row_filter.excluded_scope_set_ids:
        where.append("scope_set_id NOT IN (SELECT value FROM json_each(:excluded))")
        values["excluded"] = json.dumps(sorted(row_filter.excluded_scope_set_ids))
    return where, values


def _conditions(row_filter: RowFilter) -> tuple[str, dict[str, object]]:
    """Return everything a row must satisfy to be seen, as SQL with named parameters."""
    where, values = _scope_conditions(row_filter)
    where.append("kind IN (SELECT value FROM json_each(:kinds))")
    values["kinds"] = json.dumps(sorted(row_filter.kinds))
    clocks, times = _clock_conditions(row_filter)
    where += clocks
    if row_filter.labels:
        values["labels"] = json.dumps(sorted(row_filter.labels))
        values["label_count"] = len(row_filter.labels)
    every = " AND ".join([*where, *_label_conditions(row_filter, "search_row")])
    if not row_filter.include_duplicates:
        older = " AND ".join([*where, *_label_conditions(row_filter, "older")])
        every += f" AND {_NO_OLDER_COPY.format(passes=older)}"
    return every, values | times


# Of near-duplicates the oldest that passes the filter is shown; it need not be the oldest of all.
_NO_OLDER_COPY: Final = (
    "(duplicate_of IS NULL OR NOT EXISTS (SELECT 1 FROM search_row AS older"
    " WHERE older.id = search_row.duplicate_of AND +older.id <> search_row.id AND {passes})"
    " AND NOT EXISTS (SELECT 1 FROM search_row AS older"
    " WHERE older.duplicate_of = search_row.duplicate_of AND +older.id < search_row.id"
    " AND {passes}))"
)


def _label_conditions(row_filter: RowFilter, table: str) -> list[str]:
    if not row_filter.labels:
        return []
    count = (
        f"(SELECT count(*) FROM search_label WHERE row_id = {table}.id"  # noqa: S608  # constant names
        " AND label IN (SELECT value FROM json_each(:labels)))"
    )
    return [f"{count} = :label_count"]


def _clock_conditions(row_filter: RowFilter) -> tuple[list[str], dict[str, object]]:
    where: list[str] = []
    values: dict[str, object] = {}
    if row_filter.as_of is not None:
        where.append(
            "CASE WHEN kind IN ('chunk', 'section')"
            " THEN valid_until IS NULL OR valid_until > :as_of"
            " ELSE known_from <= :as_of AND (known_until IS NULL OR known_until > :as_of) END"
        )
        values["as_of"] = row_filter.as_of
    if row_filter.at_instant is not None:
        where.append("system_from <= :at AND (system_until IS NULL OR system_until > :at)")
        values["at"] = row_filter.at_instant
    if row_filter.valid_from is not None:
        where.append("valid_from >= :valid_from")
        values["valid_from"] = row_filter.valid_from
    if row_filter.valid_until is not None:
        where.append("valid_until <= :valid_until")
        values["valid_until"] = row_filter.valid_until
    if not where:
        where.append("valid_from <= :now AND (valid_until IS NULL OR valid_until > :now)")
        values["now"] = row_filter.now
    return where, values


def readable_targets(
    connection: sqlite3.Connection, kind: str, target_ids: Sequence[int], row_filter: RowFilter
) -> list[Row]:
    """Return the rows of some things of one kind that the filter lets through, in any order."""
    where, values = _conditions(row_filter)
    values |= {"kind": kind, "targets": json.dumps(list(target_ids))}
    sql = (
        f"SELECT {_ROW_COLUMNS} FROM search_row WHERE kind = :kind"  # noqa: S608  # constant parts only
        f" AND target_id IN (SELECT value FROM json_each(:targets)) AND {where}"
    )
    return list(map(Row._make, connection.execute(sql, values)))


def readable_rows(
    connection: sqlite3.Connection, ids: Sequence[int], row_filter: RowFilter
) -> list[Row]:
    """Return those of the given rows that the filter lets through, in no particular order."""
    where, values = _conditions(row_filter)
    sql = (
        f"SELECT {_ROW_COLUMNS} FROM search_row"  # noqa: S608  # constant parts only
        f" WHERE id IN (SELECT value FROM json_each(:ids)) AND {where}"
    )
    values["ids"] = json.dumps(list(ids))
    return list(map(Row._make, connection.execute(sql, values)))
