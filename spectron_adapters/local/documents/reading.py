"""Documents and their passages as the wire shows them.

Imports `storage`, `work`, `models` and `instants`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from spectron_adapters.local.documents.storage import (
    COLUMNS,
    StoredDocument,
    document_id,
    find_document,
    raw_bytes,
)
from spectron_adapters.local.instants import to_text
from spectron_adapters.local.work import Work
from spectron_adapters.models import Chunk, ChunkPage, Document, DocumentPage

__all__ = [
    "Listing",
    "PassagePlace",
    "RawDocument",
    "fetch_raw",
    "get_document",
    "list_chunks",
    "list_documents",
    "passage_places",
    "shown_document",
]


@dataclass(frozen=True, slots=True)
class Listing:
    """Which documents to list.

    Attributes:
        status: Only this status, in any case.
        mime_type: Only this media type.
        page: From 0.
        page_size: Rows of a page.
    """

    status: str | None = None
    mime_type: str | None = None
    page: int = 0
    page_size: int = 20


@dataclass(frozen=True, slots=True)
class RawDocument:
    """A file as it was uploaded, with the headers that go with it."""

    content: bytes
    headers: dict[str, str]


def shown_document(document: StoredDocument) -> Document:
    """A document as the wire shows it."""
    return Document(
        id=document.public_id,
        title=document.title,
        source=document.source,
        mime_type=document.mime_type,
        content_hash=document.content_hash,
        size_bytes=document.size_bytes,
        status=document.status,
        version=document.version,
        created_at=to_text(document.created_at),
        updated_at=to_text(document.updated_at),
        error=document.error,
        processing_started_at=_time(document.processing_started_at),
        processing_completed_at=_time(document.processing_completed_at),
        chunk_count=document.chunk_count,
        keyword_count=document.keyword_count,
        observed_at=_time(document.observed_at),
    )


def _time(instant: int | None) -> str | None:
    return None if instant is None else to_text(instant)


def get_document(work: Work, name: str) -> Document:
    """A document's status and description.

    Raises:
        Problem: 404, it is not visible.
    """
    return shown_document(find_document(work, name))


def list_documents(work: Work, listing: Listing) -> DocumentPage:
    """A page of the caller's documents, newest first."""
    readable = work.readable()
    where = (
        f" FROM document WHERE context_id = :context AND {readable.condition}"
        " AND (:status IS NULL OR status = :status) AND (:mime IS NULL OR mime_type = :mime)"
    )
    parameters = {
        "context": work.context_id,
        "readable": readable.parameter,
        "status": listing.status and listing.status.strip().lower(),
        "mime": listing.mime_type and listing.mime_type.partition(";")[0].strip().lower(),
        "size": listing.page_size,
        "start": listing.page * listing.page_size,
    }
    (total,) = work.connection.execute(f"SELECT count(*){where}", parameters).fetchone()
    rows = work.connection.execute(
        f"SELECT {COLUMNS}{where} ORDER BY id DESC LIMIT :size OFFSET :start", parameters
    )
    return DocumentPage(
        documents=[shown_document(StoredDocument(*row)) for row in rows],
        page=listing.page,
        page_size=listing.page_size,
        total=total,
    )


def fetch_raw(work: Work, name: str) -> RawDocument:
    """The bytes of a document, as a download in its own type.

    Raises:
        Problem: 404, it is not visible.
    """
    document = find_document(work, name)
    headers = {
        "content-type": document.content_type,
        "content-disposition": f"attachment; filename*=UTF-8''{quote(document.filename, safe='')}",
        "x-content-type-options": "nosniff",
    }
    return RawDocument(raw_bytes(work.connection, document.id), headers)


def chunk_id(key: str, version: int, position: int) -> str:
    """The public id of a passage."""
    return f"chunk:{key}-{version}-{position}"


def section_id(key: str, version: int, position: int) -> str:
    """The public id of a section."""
    return f"section:{key}-{version}-{position}"


def list_chunks(work: Work, name: str, *, page: int, page_size: int) -> ChunkPage:
    """A page of a document's passages in order; none before it was first `ready`.

    Raises:
        Problem: 404, the document is not visible.
    """
    document = find_document(work, name)
    rows = work.connection.execute(
        "SELECT position, char_start, char_end, section, token_count, text FROM document_chunk"
        " WHERE document_id = ? AND version = ? ORDER BY position LIMIT ? OFFSET ?",
        (document.id, document.published_version, page_size, page * page_size),
    )
    version = document.published_version or 0
    return ChunkPage(
        chunks=[
            Chunk(
                id=chunk_id(document.key, version, row[0]),
                document=document.public_id,
                position=row[0],
                char_start=row[1],
                char_end=row[2],
                section=row[3],
                token_count=row[4],
                text=row[5],
            )
            for row in rows
        ],
        page=page,
        page_size=page_size,
        total=document.chunk_count or 0,
    )


# --- passages that search found ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PassagePlace:
    """Where a passage or section that search found stands; a section as its first passage.

    Attributes:
        row_id: The search row.
        id: Public id of what was found.
        chunk: The passage's row.
        chunk_id: Public id of the passage.
        document: The document's row.
        document_id: Public id of the document.
        title: The document's.
        source: The document's.
        section: Heading above the passage.
        position: Number of the passage, from 0.
        count: Passages of the document.
        char_start: Where it begins in the document's text.
        char_end: Where it ends.
        scope_set_id: What the document carries.
        text: The passage's.
    """

    row_id: int
    id: str
    chunk: int
    chunk_id: str
    document: int
    document_id: str
    title: str
    source: str
    section: str | None
    position: int
    count: int
    char_start: int
    char_end: int
    scope_set_id: int
    text: str

    @property
    def position_percent(self) -> int:
        """How far into the document it stands, 0 to 100."""
        return round(100 * self.position / max(self.count - 1, 1))


_PLACES: Final = (
    "SELECT r.id, r.kind, coalesce(s.position, c.position), c.id, c.position, c.version, d.id,"
    " d.key, d.title, d.source, c.section, d.chunk_count, c.char_start, c.char_end,"
    " d.scope_set_id, c.text FROM search_row AS r"
    " LEFT JOIN document_section AS s ON r.kind = 'section' AND s.id = r.target_id"
    " JOIN document_chunk AS c ON c.id = CASE r.kind WHEN 'chunk' THEN r.target_id ELSE"
    "  (SELECT id FROM document_chunk WHERE document_id = s.document_id"
    "   AND version = s.version AND position = s.first_chunk) END"
    " JOIN document AS d ON d.id = c.document_id AND d.published_version = c.version"
    " WHERE r.id IN (SELECT value FROM json_each(:rows)) AND r.kind IN ('chunk', 'section')"
    " AND d.context_id = :context AND d."
)


def passage_places(work: Work, row_ids: Sequence[int]) -> dict[int, PassagePlace]:
    """The places of search rows of the kinds `chunk` and `section`, by row.

    Rows of other kinds, of documents that the caller may not read, and of versions that are not
    published are left out.
    """
    readable = work.readable()
    rows = work.connection.execute(
        _PLACES + readable.condition,
        {
            "rows": json.dumps(list(row_ids)),
            "context": work.context_id,
            "readable": readable.parameter,
        },
    )
    return {row[0]: _place(row) for row in rows}


def _place(row: tuple[object, ...]) -> PassagePlace:
    (row_id, kind, own, chunk, position, version, document, key, title, source, section, count,
     start, end, scope_set_id, text) = row  # fmt: skip
    make = section_id if kind == "section" else chunk_id
    return PassagePlace(
        row_id=_int(row_id),
        id=make(str(key), _int(version), _int(own)),
        chunk=_int(chunk),
        chunk_id=chunk_id(str(key), _int(version), _int(position)),
        document=_int(document),
        document_id=document_id(str(key)),
        title=str(title),
        source=str(source),
        section=None if section is None else str(section),
        position=_int(position),
        count=_int(count),
        char_start=_int(start),
        char_end=_int(end),
        scope_set_id=_int(scope_set_id),
        text=str(text),
    )


def _int(value: object) -> int:
    return int(str(value or 0))
