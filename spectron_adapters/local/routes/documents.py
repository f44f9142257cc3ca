"""Routes of documents, their chunks and keywords."""

from __future__ import annotations

from collections.abc import Mapping

from spectron_adapters.local.bodies import read_number, validate
from spectron_adapters.local.calls import Answer, Call, Handler
from spectron_adapters.local.documents import keyword_rows, querying, reading, uploads
from spectron_adapters.local.documents.graph import linked_pairs
from spectron_adapters.local.routes.table import LARGE
from spectron_adapters.local.work import Work
from spectron_adapters.models import (
    DocumentQueryRequest,
    KeywordSearchRequest,
    RecomputeLinksResponse,
)

__all__ = ["ROUTES"]

_PAGE_SIZE = 20
_PAGE_SIZE_MAX = 100
_PAGE_MAX = LARGE // _PAGE_SIZE_MAX


def _page(query: Mapping[str, str]) -> tuple[int, int]:
    """Number and size of the page that is asked for."""
    number = read_number(query, "page", default=0, minimum=0, maximum=_PAGE_MAX)
    size = read_number(
        query, "pageSize", "page_size", default=_PAGE_SIZE, minimum=1, maximum=_PAGE_SIZE_MAX
    )
    return number, size


def _list(call: Call) -> Answer:
    page, size = _page(call.query)
    listing = reading.Listing(
        status=call.query.get("status") or None,
        mime_type=call.query.get("mimeType") or call.query.get("mime_type") or None,
        page=page,
        page_size=size,
    )
    return Answer.of(200, call.read(lambda work: reading.list_documents(work, listing)))


def _get(call: Call) -> Answer:
    document = call.read(lambda work: reading.get_document(work, call.parameters["id"]))
    if document.status not in ("ready", "failed"):
        # Whoever waits for it takes it over when the process that had it is gone.
        call.parts.documents.wake()
    return Answer.of(200, document)


def _raw(call: Call) -> Answer:
    raw = call.read(lambda work: reading.fetch_raw(work, call.parameters["id"]))
    return Answer(200, None, raw.headers, content=raw.content)


def _chunks(call: Call) -> Answer:
    page, size = _page(call.query)
    return Answer.of(
        200,
        call.read(
            lambda work: reading.list_chunks(work, call.parameters["id"], page=page, page_size=size)
        ),
    )


def _document_keywords(call: Call) -> Answer:
    return Answer.of(
        200, call.read(lambda work: keyword_rows.document_keywords(work, call.parameters["id"]))
    )


def _keywords(call: Call) -> Answer:
    page, size = _page(call.query)
    listing = keyword_rows.KeywordListing(
        q=call.query.get("q", ""),
        least=read_number(
            call.query, "minDocumentCount", "min_document_count",
            default=0, minimum=0, maximum=LARGE,
        ),
        sort=call.query.get("sort") or "text",
        page=page,
        page_size=size,
    )  # fmt: skip
    return Answer.of(200, call.read(lambda work: keyword_rows.list_keywords(work, listing)))


def _keyword(call: Call) -> Answer:
    name = call.parameters["normalised"]
    return Answer.of(200, call.read(lambda work: keyword_rows.get_keyword(work, name)))


def _search_keywords(call: Call) -> Answer:
    request = validate(KeywordSearchRequest, call.payload)
    vector = keyword_rows.embed_question(call.settings.embedder, request.query)
    return Answer.of(
        200,
        call.read(
            lambda work: keyword_rows.search_keywords(
                work, request.query, vector, k=request.k, threshold=request.threshold
            )
        ),
    )


def _recompute_links(call: Call) -> Answer:
    call.caller.required_region("memory:write")

    def count(work: Work) -> int:
        return linked_pairs(work)

    return Answer.of(200, RecomputeLinksResponse(links_emitted=call.read(count)))


def _query(call: Call) -> Answer:
    return querying.query_documents(call, validate(DocumentQueryRequest, call.payload))


ROUTES: Mapping[str, Handler] = {
    "POST documents": uploads.upload,
    "GET documents": _list,
    "GET documents/{id}": _get,
    "DELETE documents/{id}": uploads.delete_document,
    "PUT documents/{id}": uploads.reprocess,
    "GET documents/{id}/raw": _raw,
    "GET documents/{id}/chunks": _chunks,
    "GET documents/{id}/keywords": _document_keywords,
    "GET documents/keywords": _keywords,
    "GET documents/keywords/{normalised}": _keyword,
    "POST documents/keywords/search": _search_keywords,
    "POST documents/query": _query,
    "POST documents/recompute-links": _recompute_links,
}
