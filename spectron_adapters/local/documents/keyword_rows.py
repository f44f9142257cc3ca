"""Keywords as rows: stored with their document, counted over what a caller may read.

Imports `keywords`, `storage`, `work`, `models` and the embedder's type.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from spectron_adapters.local.documents.keywords import (
    Keyword,
    cosine,
    keywords_of,
    normalise_keyword,
    packed,
    similarity,
    unpacked,
)
from spectron_adapters.local.documents.storage import document_id, find_document
from spectron_adapters.local.language.models import Embedder
from spectron_adapters.local.problems import bad_request, not_found
from spectron_adapters.local.work import Work
from spectron_adapters.models import (
    DocumentKeyword,
    DocumentKeywordsResponse,
    KeywordDetail,
    KeywordPage,
    KeywordSearchHit,
    KeywordSearchResponse,
)
from spectron_adapters.models import Keyword as KeywordModel

__all__ = [
    "KeywordListing",
    "document_keywords",
    "embed_question",
    "get_keyword",
    "list_keywords",
    "read_keywords",
    "search_keywords",
    "store_keywords",
]

_logger = logging.getLogger("spectron_adapters.local")

_ID_PREFIX: Final = "keyword:"
_LEAST: Final = 0.2
_ORDERS: Final = {
    "text": "k.normalised",
    "-text": "k.normalised DESC",
    "document_count": "count(*), k.normalised",
    "-document_count": "count(*) DESC, k.normalised",
}


@dataclass(frozen=True, slots=True)
class StoredKeyword:
    """A keyword with its vector, where there is an embedder."""

    keyword: Keyword
    model: str | None
    vector: bytes | None


def read_keywords(text: str, embedder: Embedder | None) -> list[StoredKeyword]:
    """The keywords of a text with their vectors; a failing embedder costs the vectors only."""
    found = keywords_of(text)
    if embedder is None or not found:
        return [StoredKeyword(keyword, None, None) for keyword in found]
    try:
        vectors = embedder.embed_texts([keyword.text for keyword in found])
    except Exception as error:  # noqa: BLE001  # a foreign model may fail in any way
        _logger.warning("keywords were not embedded (%s)", type(error).__name__)
        return [StoredKeyword(keyword, None, None) for keyword in found]
    return [
        StoredKeyword(keyword, embedder.name, packed(vector))
        for keyword, vector in zip(found, vectors, strict=True)
    ]


def store_keywords(
    connection: sqlite3.Connection, document: int, keywords: Sequence[StoredKeyword]
) -> None:
    """Replace the keywords of a document."""
    connection.execute("DELETE FROM document_keyword WHERE document_id = ?", (document,))
    connection.executemany(
        "INSERT INTO document_keyword (document_id, normalised, text, score, model, vector)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                document,
                row.keyword.normalised,
                row.keyword.text,
                row.keyword.score,
                row.model,
                row.vector,
            )
            for row in keywords
        ],
    )


# --- reading ------------------------------------------------------------------------------------

_VISIBLE: Final = (
    " FROM document_keyword AS k JOIN document AS d ON d.id = k.document_id"
    " WHERE d.context_id = :context AND d.published_version IS NOT NULL AND d."
)


@dataclass(frozen=True, slots=True)
class KeywordListing:
    """What to list.

    Attributes:
        q: Part of the keyword, in any case.
        least: Least number of documents.
        sort: `text` or `document_count`; `-` in front sorts downwards.
        page: From 0.
        page_size: Rows of a page.
    """

    q: str = ""
    least: int = 0
    sort: str = "text"
    page: int = 0
    page_size: int = 20


def _parameters(work: Work) -> dict[str, object]:
    return {"context": work.context_id, "readable": work.readable().parameter}


def list_keywords(work: Work, listing: KeywordListing) -> KeywordPage:
    """A page of the keywords of the caller's documents; each counts those documents only.

    Raises:
        Problem: 400, the order is unknown.
    """
    order = _ORDERS.get(listing.sort)
    if order is None:
        raise bad_request(f"sort must be one of {', '.join(_ORDERS)}")
    grouped = (
        f"SELECT k.normalised, min(k.text), count(*){_VISIBLE}{work.readable().condition}"
        " AND instr(k.normalised, :q) > 0 GROUP BY k.normalised HAVING count(*) >= :least"
    )
    parameters = {
        **_parameters(work),
        "q": normalise_keyword(listing.q),
        "least": listing.least,
        "size": listing.page_size,
        "start": listing.page * listing.page_size,
    }
    (total,) = work.connection.execute(f"SELECT count(*) FROM ({grouped})", parameters).fetchone()  # noqa: S608  # constant parts
    rows = work.connection.execute(
        f"{grouped} ORDER BY {order} LIMIT :size OFFSET :start", parameters
    ).fetchall()
    return KeywordPage(
        keywords=[_shown(*row) for row in rows],
        page=listing.page,
        page_size=listing.page_size,
        total=total,
    )


def _shown(normalised: str, text: str, count: int) -> KeywordModel:
    return KeywordModel(
        id=_ID_PREFIX + normalised, text=text, normalised=normalised, document_count=count
    )


def get_keyword(work: Work, name: str) -> KeywordDetail:
    """A keyword with the documents that hold it, highest score first.

    Raises:
        Problem: 404, no document of the caller holds it.
    """
    bare = name[len(_ID_PREFIX) :] if name.lower().startswith(_ID_PREFIX) else name
    rows = work.connection.execute(
        f"SELECT d.key, d.title, k.score, k.text{_VISIBLE}{work.readable().condition}"
        " AND k.normalised = :normalised ORDER BY k.score DESC, d.id",
        {**_parameters(work), "normalised": normalise_keyword(bare)},
    ).fetchall()
    if not rows:
        raise not_found(f"no document of the caller holds the keyword {bare[:80]!r}")
    shown = _shown(normalise_keyword(bare), min(row[3] for row in rows), len(rows))
    documents = [
        {"id": document_id(key), "title": title, "score": score} for key, title, score, _ in rows
    ]
    return KeywordDetail(**shown.model_dump(), documents=documents)


def document_keywords(work: Work, name: str) -> DocumentKeywordsResponse:
    """The keywords of one document, highest score first.

    Raises:
        Problem: 404, the document is not visible.
    """
    document = find_document(work, name)
    rows = work.connection.execute(
        "SELECT normalised, text, score FROM document_keyword WHERE document_id = ?"
        " ORDER BY score DESC, normalised",
        (document.id,),
    )
    return DocumentKeywordsResponse(
        keywords=[
            DocumentKeyword(id=_ID_PREFIX + row[0], normalised=row[0], text=row[1], score=row[2])
            for row in rows
        ]
    )


def embed_question(embedder: Embedder | None, query: str) -> tuple[str, Sequence[float]] | None:
    """The model's name and the query's vector; None without a model, or when it fails."""
    if embedder is None:
        return None
    try:
        return embedder.name, embedder.embed_query(query)
    except Exception as error:  # noqa: BLE001  # a foreign model may fail in any way
        _logger.warning("a question was not embedded (%s)", type(error).__name__)
        return None


def search_keywords(
    work: Work,
    query: str,
    vector: tuple[str, Sequence[float]] | None,
    *,
    k: int,
    threshold: float | None,
) -> KeywordSearchResponse:
    """The keywords nearest to a query, best first.

    Args:
        work: In a transaction.
        query: What to look for.
        vector: Model and vector of the query; None compares spellings alone.
        k: Most results.
        threshold: Least score; 0.2 by default.

    Returns:
        Scores of 0 to 1: the greater of likeness in spelling and nearness in meaning.
    """
    started = time.perf_counter()
    wanted = normalise_keyword(query)
    rows = work.connection.execute(
        "SELECT k.normalised, min(k.text), count(*),"
        f" max(CASE WHEN k.model = :model THEN k.vector END){_VISIBLE}"
        f"{work.readable().condition} GROUP BY k.normalised",
        {**_parameters(work), "model": vector and vector[0]},
    )
    least = _LEAST if threshold is None else threshold
    scored = [(_score(wanted, row[0], vector, row[3]), row[0], row[1], row[2]) for row in rows]
    best = sorted((row for row in scored if row[0] >= least), key=lambda row: (-row[0], row[1]))
    return KeywordSearchResponse(
        query_ms=round((time.perf_counter() - started) * 1000),
        results=[
            KeywordSearchHit(**_shown(*found).model_dump(), score=round(score, 4))
            for score, *found in best[:k]
        ],
    )


def _score(
    wanted: str,
    normalised: str,
    vector: tuple[str, Sequence[float]] | None,
    stored: bytes | None,
) -> float:
    spelling = similarity(wanted, normalised)
    if vector is None or stored is None:
        return spelling
    return max(spelling, cosine(vector[1], unpacked(stored)))
