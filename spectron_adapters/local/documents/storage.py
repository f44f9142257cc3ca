"""Documents as rows: finding, storing, moving between scopes; ending the facts read from them.

Runs in transactions that a request or the worker owns. Imports `work`, `problems`, `fact_rows`,
`indexing` and `jobs`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from spectron_adapters.local.documents.indexing import reindex_passages
from spectron_adapters.local.documents.jobs import enqueue
from spectron_adapters.local.knowledge.fact_rows import Closing, close_many
from spectron_adapters.local.problems import not_found
from spectron_adapters.local.work import Work
from spectron_adapters.scopes import ScopeSet

__all__ = [
    "NewDocument",
    "StoredDocument",
    "describe_anew",
    "document_id",
    "document_key",
    "expire_facts",
    "find_document",
    "find_same",
    "insert_document",
    "move_document",
    "raw_bytes",
    "replace_bytes",
]

PIECE: Final = 1024 * 1024
"""Bytes of a file in one row."""
_PREFIXES: Final = frozenset({"doc", "document"})


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document's row, without its bytes; times in microseconds."""

    id: int
    key: str
    scope_set_id: int
    title: str
    source: str
    filename: str
    mime_type: str
    content_type: str
    content_hash: str
    size_bytes: int
    labels: str
    principal: str
    status: str
    error: str | None
    version: int
    published_version: int | None
    chunk_count: int | None
    keyword_count: int | None
    observed_at: int | None
    created_at: int
    updated_at: int
    processing_started_at: int | None
    processing_completed_at: int | None
    context_id: int

    @property
    def public_id(self) -> str:
        """Its id on the wire."""
        return document_id(self.key)


COLUMNS: Final = (
    "id, key, scope_set_id, title, source, filename, mime_type, content_type, content_hash,"
    " size_bytes, labels, principal, status, error, version, published_version, chunk_count,"
    " keyword_count, observed_at, created_at, updated_at, processing_started_at,"
    " processing_completed_at, context_id"
)


@dataclass(frozen=True, slots=True)
class NewDocument:
    """An upload, checked.

    Attributes:
        title: Shown with its passages.
        source: Where it comes from.
        filename: The file's name.
        mime_type: Type and subtype.
        content_type: With parameters, as it is sent back.
        content_hash: As the wire shows it.
        digest: What equal bytes have in common, whatever packages are installed.
        content: The bytes.
        labels: On the document and its passages.
        observed_at: When its content became known.
    """

    title: str
    source: str
    filename: str
    mime_type: str
    content_type: str
    content_hash: str
    digest: bytes
    content: memoryview
    labels: frozenset[str] = frozenset()
    observed_at: int | None = None


def document_id(key: str) -> str:
    """The public id of a document."""
    return f"document:{key}"


def document_key(name: str) -> str:
    """The key in an id: `document:<key>`, `doc:<key>`, or the key itself."""
    table, colon, key = name.partition(":")
    return key if colon and table.lower() in _PREFIXES else name


def find_document(work: Work, name: str) -> StoredDocument:
    """A document that the caller may read.

    Raises:
        Problem: 404, it does not exist, or not for the caller.
    """
    row = work.connection.execute(
        f"SELECT {COLUMNS} FROM document WHERE context_id = ? AND key = ?",  # noqa: S608  # constant
        (work.context_id, document_key(name)),
    ).fetchone()
    if row is None or not work.readable().allows(row[2]):
        raise not_found(f"document {name[:80]!r} does not exist or is not visible to the caller")
    return StoredDocument(*row)


def find_same(work: Work, digest: bytes) -> Iterator[StoredDocument]:
    """The documents with the same bytes that the caller may read, oldest first."""
    rows = work.connection.execute(
        f"SELECT {COLUMNS} FROM document WHERE context_id = ? AND digest = ? ORDER BY id",  # noqa: S608  # constant
        (work.context_id, digest),
    ).fetchall()
    readable = work.readable()
    return (StoredDocument(*row) for row in rows if readable.allows(row[2]))


def insert_document(work: Work, new: NewDocument, scopes: ScopeSet) -> str:
    """Store an upload and have it worked on; its key is returned."""
    key = work.new_id()
    cursor = work.connection.execute(
        "INSERT INTO document (key, context_id, scope_set_id, title, source, filename, mime_type,"
        " content_type, content_hash, digest, size_bytes, labels, principal, status, version,"
        " observed_at, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', 1, ?, ?, ?)",
        (
            key, work.context_id, work.intern(scopes), new.title, new.source, new.filename,
            new.mime_type, new.content_type, new.content_hash, new.digest, len(new.content),
            json.dumps(sorted(new.labels)), work.caller.target or work.caller.principal,
            new.observed_at, work.now, work.now,
        ),
    )  # fmt: skip
    row_id = int(cursor.lastrowid or 0)
    _store_bytes(work.connection, row_id, new.content)
    enqueue(work.connection, row_id)
    return key


def replace_bytes(work: Work, document: StoredDocument, new: NewDocument | None) -> None:
    """Have a document read anew, from other bytes if there are any, as its next version."""
    work.connection.execute(
        "UPDATE document SET status = 'queued', error = NULL, version = version + 1,"
        " processing_started_at = NULL, processing_completed_at = NULL, updated_at = ?"
        " WHERE id = ?",
        (work.now, document.id),
    )
    if new is not None:
        work.connection.execute(
            "UPDATE document SET filename = ?, mime_type = ?, content_type = ?, content_hash = ?,"
            " digest = ?, size_bytes = ? WHERE id = ?",
            (
                new.filename, new.mime_type, new.content_type, new.content_hash, new.digest,
                len(new.content), document.id,
            ),
        )  # fmt: skip
        work.connection.execute("DELETE FROM document_piece WHERE document_id = ?", (document.id,))
        _store_bytes(work.connection, document.id, new.content)
    enqueue(work.connection, document.id)


def describe_anew(
    work: Work,
    document: StoredDocument,
    *,
    title: str | None,
    source: str | None,
    labels: frozenset[str] | None,
    observed_at: int | None,
) -> None:
    """Change what is said of a document that is about to be read anew; None leaves as it is."""
    work.connection.execute(
        "UPDATE document SET title = coalesce(?, title), source = coalesce(?, source),"
        " labels = coalesce(?, labels), observed_at = coalesce(?, observed_at) WHERE id = ?",
        (
            title,
            source,
            None if labels is None else json.dumps(sorted(labels)),
            observed_at,
            document.id,
        ),
    )


def _store_bytes(connection: sqlite3.Connection, row_id: int, content: memoryview) -> None:
    connection.executemany(
        "INSERT INTO document_piece (document_id, position, content) VALUES (?, ?, ?)",
        (
            (row_id, position, content[start : start + PIECE])
            for position, start in enumerate(range(0, len(content), PIECE))
        ),
    )


def raw_bytes(connection: sqlite3.Connection, row_id: int) -> bytes:
    """The bytes of a document."""
    rows = connection.execute(
        "SELECT content FROM document_piece WHERE document_id = ? ORDER BY position", (row_id,)
    )
    return b"".join(content for (content,) in rows)


# --- scopes -------------------------------------------------------------------------------------


def move_document(work: Work, document: StoredDocument, scopes: ScopeSet) -> None:
    """Give a document another scope set; what search holds of it moves along.

    Nothing of it changes for those who share it, who may not be told of one another.
    """
    scope_set_id = work.intern(scopes)
    if scope_set_id == document.scope_set_id:
        return
    work.connection.execute(
        "UPDATE document SET scope_set_id = ? WHERE id = ?",
        (scope_set_id, document.id),
    )
    reindex_passages(work.connection, document.id)


# --- facts --------------------------------------------------------------------------------------


def expire_facts(work: Work, row_id: int) -> None:
    """End the facts that were read from a document; history keeps them."""
    closing = Closing(work.now, work.now, work.now)
    for kind in ("attribute", "relation"):
        rows = work.connection.execute(
            f"SELECT f.fact_id FROM document_fact AS f JOIN {kind} AS row ON row.id = f.fact_id"  # noqa: S608  # constant names
            " AND row.key_id = f.key_id WHERE f.document_id = ? AND f.kind = ?",
            (row_id, kind),
        ).fetchall()
        close_many(work, kind, [row[0] for row in rows], closing)
    work.connection.execute("DELETE FROM document_fact WHERE document_id = ?", (row_id,))
