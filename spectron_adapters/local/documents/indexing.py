"""Passages and sections of a document, in their tables and in the search.

Search may hold rows of a version that is not published yet; nothing shows them before. Runs in
transactions that its caller owns. Imports `search`, `chunking` and the standard library.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from spectron_adapters.local.documents.chunking import Passage, SectionRow
from spectron_adapters.local.search.retrieval import IndexRow, add_rows, remove_rows

__all__ = [
    "drop_passages",
    "index_next",
    "reindex_passages",
    "store_passages",
    "store_sections",
]

_IMPORTANCE: Final = 0.5
_TABLES: Final = {"chunk": "document_chunk", "section": "document_section"}
# A section of one passage would be found twice, once as that passage.
_FOUND: Final = {
    "chunk": "TRUE",
    "section": "(row.level = 0 OR EXISTS (SELECT 1 FROM document_chunk AS second"
    " WHERE second.document_id = row.document_id AND second.version = row.version"
    " AND second.position = row.first_chunk + 1 AND second.char_start < row.char_end))",
}


def store_passages(
    connection: sqlite3.Connection, document: int, version: int, passages: Iterable[Passage]
) -> None:
    """Store passages of a version."""
    connection.executemany(
        "INSERT INTO document_chunk (document_id, version, position, char_start, char_end, section,"
        " token_count, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                document, version, passage.position, passage.start, passage.end, passage.section,
                passage.token_count, passage.text,
            )
            for passage in passages
        ),
    )  # fmt: skip


def store_sections(
    connection: sqlite3.Connection, document: int, version: int, sections: Iterable[SectionRow]
) -> None:
    """Store sections of a version."""
    connection.executemany(
        "INSERT INTO document_section (document_id, version, position, heading, level, char_start,"
        " char_end, first_chunk, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                document, version, position, section.heading, section.level, section.start,
                section.end, section.first_chunk, section.text,
            )
            for position, section in enumerate(sections)
        ),
    )  # fmt: skip


def index_next(
    connection: sqlite3.Connection,
    document: int,
    version: int,
    kind: str,
    *,
    after: int,
    limit: int,
) -> int | None:
    """Have the next passages or sections of a version found by search.

    Args:
        connection: In a write transaction.
        document: The document's row.
        version: The version.
        kind: `chunk` or `section`.
        after: The last row that search holds already; 0 to begin.
        limit: Most rows.

    Returns:
        The last row that search holds now; None when it held them all.
    """
    rows = connection.execute(
        f"SELECT id FROM {_TABLES[kind]} AS row WHERE document_id = ? AND version = ? AND id > ?"  # noqa: S608  # constant parts
        f" AND {_FOUND[kind]} ORDER BY id LIMIT ?",
        (document, version, after, limit),
    )
    ids = [row[0] for row in rows]
    _add_to_search(connection, document, kind, ids)
    return ids[-1] if ids else None


def reindex_passages(connection: sqlite3.Connection, document: int) -> None:
    """Put what search holds of a document into its present scopes."""
    for kind in _TABLES:
        held = _searched(connection, kind, _rows_of(connection, document, kind))
        remove_rows(connection, [row_id for row_id, _ in held])
        _add_to_search(connection, document, kind, sorted(target_id for _, target_id in held))


def _add_to_search(
    connection: sqlite3.Connection, document: int, kind: str, ids: Sequence[int]
) -> None:
    context_id, scope_set_id, labels, created_at, now = connection.execute(
        "SELECT context_id, scope_set_id, labels, created_at, updated_at FROM document"
        " WHERE id = ?",
        (document,),
    ).fetchone()
    rows = connection.execute(
        f"SELECT id, text FROM {_TABLES[kind]} WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608  # constant names
        " ORDER BY id",
        (json.dumps(list(ids)),),
    ).fetchall()
    new = [
        IndexRow(
            context_id=context_id,
            kind=kind,
            target_id=target_id,
            scope_set_id=scope_set_id,
            text=text,
            known_from=created_at,
            valid_from=created_at,
            system_from=now,
            importance=_IMPORTANCE,
            labels=frozenset(json.loads(labels)),
        )
        for target_id, text in rows
    ]
    if new:
        add_rows(connection, new)


def drop_passages(
    connection: sqlite3.Connection, document: int, *, keep: int | None = None
) -> tuple[int, list[int]]:
    """Erase passages and sections of a document from tables and search.

    Args:
        connection: In a write transaction.
        document: The document's row.
        keep: A version that stays; None erases every one.

    Returns:
        How many passages went, and the ids that search knew them by.
    """
    gone: list[int] = []
    count = 0
    for kind, table in _TABLES.items():
        ids = _rows_of(connection, document, kind, keep=keep)
        held = [row_id for row_id, _ in _searched(connection, kind, ids)]
        remove_rows(connection, held)
        connection.execute(
            f"DELETE FROM {table} WHERE document_id = ? AND version IS NOT ?",  # noqa: S608  # constant names
            (document, keep),
        )
        gone += held
        count += len(ids) if kind == "chunk" else 0
    return count, gone


def _rows_of(
    connection: sqlite3.Connection, document: int, kind: str, *, keep: int | None = None
) -> list[int]:
    rows = connection.execute(
        f"SELECT id FROM {_TABLES[kind]} WHERE document_id = ? AND version IS NOT ?",  # noqa: S608  # constant names
        (document, keep),
    )
    return [row[0] for row in rows]


def _searched(
    connection: sqlite3.Connection, kind: str, target_ids: Sequence[int]
) -> list[tuple[int, int]]:
    return connection.execute(
        "SELECT id, target_id FROM search_row WHERE kind = ?"
        " AND target_id IN (SELECT value FROM json_each(?))",
        (kind, json.dumps(list(target_ids))),
    ).fetchall()
