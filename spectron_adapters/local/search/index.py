"""The full-text index in SQL: its tables, how rows enter, close and leave.

Runs inside transactions that its caller owns. Knows nothing of ranking; imports no client and
no adapter.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from spectron_adapters.local.search import text as analysis
from spectron_adapters.local.search.duplicates import find_originals, fingerprint, forget_rows
from spectron_adapters.local.search.vectors import forget_vectors

SEARCH_SCHEMA: Final = """
CREATE TABLE search_row (
  id            INTEGER PRIMARY KEY,
  context_id    INTEGER NOT NULL,
  kind          TEXT NOT NULL,
  target_id     INTEGER NOT NULL,
  scope_set_id  INTEGER NOT NULL,
  session_id    INTEGER,
  seq           INTEGER,
  part          INTEGER NOT NULL DEFAULT 0,
  role          TEXT,
  known_from    INTEGER NOT NULL,
  known_until   INTEGER,
  valid_from    INTEGER NOT NULL,
  valid_until   INTEGER,
  system_from   INTEGER NOT NULL,
  system_until  INTEGER,
  importance    REAL NOT NULL DEFAULT 0.5,
  duplicate_of  INTEGER,
  features      INTEGER NOT NULL DEFAULT 0,
  length        INTEGER NOT NULL,
  speaker       TEXT,
  terms         TEXT NOT NULL,
  text          TEXT NOT NULL
);
CREATE INDEX search_row_target ON search_row (kind, target_id);
CREATE INDEX search_row_place ON search_row (session_id, seq) WHERE session_id IS NOT NULL;
CREATE INDEX search_row_duplicate ON search_row (duplicate_of) WHERE duplicate_of IS NOT NULL;
CREATE TABLE search_label (
  row_id  INTEGER NOT NULL,
  label   TEXT NOT NULL,
  PRIMARY KEY (row_id, label)
) WITHOUT ROWID;
CREATE TABLE search_statistic (
  context_id    INTEGER NOT NULL,
  scope_set_id  INTEGER NOT NULL,
  row_count     INTEGER NOT NULL,
  total_length  INTEGER NOT NULL,
  PRIMARY KEY (context_id, scope_set_id)
) WITHOUT ROWID;
CREATE VIEW search_document AS
  SELECT
    id,
    replace(terms, ' ', '=' || context_id || '.' || scope_set_id || ' ')
      || '=' || context_id || '.' || scope_set_id AS terms
  FROM search_row;
CREATE VIRTUAL TABLE search_index USING fts5(
  terms, content='search_document', content_rowid='id', columnsize=0, detail=none,
  tokenize="ascii tokenchars '=@.,+#-_:/'"
);
"""
"""DDL without triggers; no statement holds a semicolon.

The index holds each term together with its row's context and scope set, `term=context.set`: what
one scope says of a term lies in one place, whatever the size of the others, and the beginning
`term=context.` covers the context. It keeps neither positions nor column sizes (scores are
computed in the application) and reads its text through a view, so that it can be rebuilt and
verified. A row's scope never changes; a row that moves is removed and added.
"""


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One thing that recall can return. Times are microseconds since 1970, UTC."""

    context_id: int
    kind: str
    target_id: int
    scope_set_id: int
    text: str
    known_from: int
    valid_from: int
    system_from: int
    known_until: int | None = None
    valid_until: int | None = None
    system_until: int | None = None
    session_id: int | None = None
    seq: int | None = None
    part: int = 0
    role: str | None = None
    speaker: str | None = None
    importance: float = 0.5
    duplicate_of: int | None = None
    labels: frozenset[str] = frozenset()


_INSERT_ROW: Final = """
INSERT INTO search_row (
  id, context_id, kind, target_id, scope_set_id, session_id, seq, part, role, known_from,
  known_until, valid_from, valid_until, system_from, system_until, importance, duplicate_of,
  features, length, speaker, terms, text
) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
"""
_COUNT_ROWS: Final = """
INSERT INTO search_statistic (context_id, scope_set_id, row_count, total_length)
VALUES (?, ?, ?, ?)
ON CONFLICT (context_id, scope_set_id) DO UPDATE SET
  row_count = row_count + excluded.row_count,
  total_length = total_length + excluded.total_length
"""


def _scoped_terms(terms: str, context_id: int, scope_set_id: int) -> str:
    """What `search_document` says of a row."""
    suffix = f"={context_id}.{scope_set_id}"
    return terms.replace(" ", f"{suffix} ") + suffix


def add_rows(connection: sqlite3.Connection, rows: Sequence[IndexRow]) -> list[int]:
    """Store rows and index their text, speaker and date.

    Returns:
        The new rows' ids, in the order given.
    """
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM search_row").fetchone()
    read = [analysis.read_row(row.text, row.speaker, row.known_from) for row in rows]
    originals = _originals(connection, rows, read, last)
    stored: list[tuple[object, ...]] = []
    indexed: list[tuple[int, str]] = []
    labels: list[tuple[int, str]] = []
    counts: dict[tuple[int, int], tuple[int, int]] = {}
    for row_id, (row, (terms, length, bits, _)) in enumerate(
        zip(rows, read, strict=True), last + 1
    ):
        stored.append((
            row_id, row.context_id, row.kind, row.target_id, row.scope_set_id, row.session_id,
            row.seq, row.part, row.role, row.known_from, row.known_until, row.valid_from,
            row.valid_until, row.system_from, row.system_until, row.importance,
            originals.get(row_id, row.duplicate_of), bits, length, row.speaker, terms, row.text,
        ))  # fmt: skip
        indexed.append((row_id, _scoped_terms(terms, row.context_id, row.scope_set_id)))
        labels.extend((row_id, label) for label in sorted(row.labels))
        count, total = counts.get((row.context_id, row.scope_set_id), (0, 0))
        counts[row.context_id, row.scope_set_id] = (count + 1, total + length)
    connection.executemany(_INSERT_ROW, stored)
    connection.executemany("INSERT INTO search_index (rowid, terms) VALUES (?, ?)", indexed)
    connection.executemany("INSERT INTO search_label (row_id, label) VALUES (?, ?)", labels)
    connection.executemany(_COUNT_ROWS, [(*key, *value) for key, value in counts.items()])
    return list(range(last + 1, last + 1 + len(rows)))


def _originals(
    connection: sqlite3.Connection,
    rows: Sequence[IndexRow],
    read: Sequence[analysis.RowTerms],
    last: int,
) -> dict[int, int]:
    """Which of the new rows repeat an older row, by id; what a caller has decided stays."""
    new = []
    for row_id, (row, terms) in enumerate(zip(rows, read, strict=True), last + 1):
        if row.duplicate_of is None:
            found = fingerprint(
                row.kind,
                terms.own,
                said_by=f"{row.context_id} {row.role} {row.speaker}",
                day=row.known_from // analysis.MICROSECONDS_OF_A_DAY,
                features=terms.features,
            )
            if found is not None:
                new.append((row_id, row.scope_set_id, found))
    return find_originals(connection, new) if new else {}


def remove_rows(connection: sqlite3.Connection, ids: Sequence[int]) -> None:
    """Erase rows and their index entries; unknown ids are ignored.

    The words leave the file once `merge_index` has rewritten the index under
    `PRAGMA secure_delete = ON` and the log was checkpointed.
    """
    rows = connection.execute(
        "SELECT id, context_id, scope_set_id, length, terms FROM search_row"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(ids)),),
    ).fetchall()
    connection.executemany(
        "INSERT INTO search_index (search_index, rowid, terms) VALUES ('delete', ?, ?)",
        [(row[0], _scoped_terms(row[4], row[1], row[2])) for row in rows],
    )
    connection.executemany(_COUNT_ROWS, [(row[1], row[2], -1, -row[3]) for row in rows])
    present = [(row[0],) for row in rows]
    connection.executemany("DELETE FROM search_label WHERE row_id = ?", present)
    forget_rows(connection, [row[0] for row in rows])
    connection.executemany("DELETE FROM search_row WHERE id = ?", present)
    connection.execute("DELETE FROM search_statistic WHERE row_count <= 0")
    forget_vectors(connection, [(row[2], row[0]) for row in rows])


def close_rows(
    connection: sqlite3.Connection,
    ids: Sequence[int],
    *,
    valid_until: int | None = None,
    known_until: int | None = None,
    system_until: int | None = None,
) -> None:
    """End rows on the clocks given. A row that already ended earlier keeps its end."""
    connection.executemany(
        """
        UPDATE search_row SET
          valid_until = coalesce(min(valid_until, :valid), :valid, valid_until),
          known_until = coalesce(min(known_until, :known), :known, known_until),
          system_until = coalesce(min(system_until, :system), :system, system_until)
        WHERE id = :id
        """,
        [
            {"id": row_id, "valid": valid_until, "known": known_until, "system": system_until}
            for row_id in ids
        ],
    )


def merge_index(connection: sqlite3.Connection) -> None:
    """Rewrite the full-text index as one segment, without what was removed."""
    connection.execute("INSERT INTO search_index (search_index) VALUES ('optimize')")
