"""Removing a context with everything that belongs to it, in whichever table it lies.

What belongs to a context is read from the schema: tables with a `context_id`, and tables whose
rows refer to theirs. So a new table is emptied without being named here; one that can be reached
neither way must be kept in step by what owns it, as the full-text index is by the search. Imports
`search` and the standard library.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from spectron_adapters.local.search.retrieval import remove_rows

__all__ = ["drop_context"]

_OWNER = "context"
_INDEXED = "search_row"


@dataclass(frozen=True, slots=True)
class _Table:
    """A table, and what it says of whose its rows are.

    Attributes:
        columns: Its columns.
        parents: Referring column, table and column referred to.
    """

    name: str
    columns: frozenset[str]
    parents: tuple[tuple[str, str, str], ...]


def drop_context(connection: sqlite3.Connection, context_id: int) -> None:
    """Delete a context with all its rows, in the transaction given."""
    rows = connection.execute(
        f"SELECT id FROM {_INDEXED} WHERE context_id = ?",  # noqa: S608  # a constant
        (context_id,),
    )
    remove_rows(connection, [row[0] for row in rows])
    conditions = _conditions(_tables(connection))
    for name, condition in reversed(conditions.items()):
        connection.execute(f'DELETE FROM "{name}" WHERE {condition}', {"context": context_id})  # noqa: S608  # names of the schema
    connection.execute(f"DELETE FROM {_OWNER} WHERE id = ?", (context_id,))  # noqa: S608  # a constant


def _tables(connection: sqlite3.Connection) -> dict[str, _Table]:
    names = [
        name
        for name, kind in connection.execute(
            "SELECT name, type FROM pragma_table_list WHERE schema = 'main'"
        )
        if kind == "table" and name != _OWNER and not name.startswith("sqlite_")
    ]
    return {name: _read_table(connection, name) for name in names}


def _read_table(connection: sqlite3.Connection, name: str) -> _Table:
    columns = connection.execute("SELECT name FROM pragma_table_info(?)", (name,))
    parents = connection.execute(
        'SELECT "from", "table", coalesce("to", \'id\') FROM pragma_foreign_key_list(?)', (name,)
    )
    return _Table(name, frozenset(row[0] for row in columns), tuple(parents.fetchall()))


def _conditions(tables: dict[str, _Table]) -> dict[str, str]:
    """Which rows of each table are the context's; a table stands after those it refers to."""
    found = {
        name: "context_id = :context"
        for name, table in tables.items()
        if "context_id" in table.columns
    }
    grew = True
    while grew:
        grew = False
        for name, table in tables.items():
            via = [parent for parent in table.parents if parent[1] in found and name not in found]
            if via:
                column, owner, target = via[0]
                found[name] = (
                    f'"{column}" IN (SELECT "{target}" FROM "{owner}" WHERE {found[owner]})'  # noqa: S608  # names of the schema
                )
                grew = True
    return found
