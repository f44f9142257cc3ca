# Generated from _async_documents.py by tests/unasync.py; edit that file.
"""The documents of a client, their passages and keywords.

Each method builds one call and awaits its answer. Imports private modules and models; no client.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from spectron_adapters._answers import model_reader, read_bytes, read_nothing
from spectron_adapters._arguments import (
    Defaults,
    Labels,
    Time,
    count_argument,
    nested_argument,
    optional_text,
    query_pairs,
    request_body,
)
from spectron_adapters._sync_send import Sender, Surface
from spectron_adapters._multipart import UploadSource, file_part
from spectron_adapters._network import on_the_spot
from spectron_adapters.models import (
    ChunkPage,
    Document,
    DocumentFilter,
    DocumentKeywordsResponse,
    DocumentPage,
    DocumentQueryMode,
    DocumentQueryRequest,
    DocumentQueryResponse,
    GraphEdge,
    KeyDetail,
    KeywordDetail,
    KeywordPage,
    KeywordSearchRequest,
    KeywordSearchResponse,
    LocationFilter,
    Principal,
    RecomputeLinksResponse,
    ScopeNode,
    UploadMetadata,
    UploadResponse,
)
from spectron_adapters.scopes import ScopeLike

# Inside a class with a method `list`, `list[...]` would mean that method.
ScopeNodes: TypeAlias = list[ScopeNode]
Principals: TypeAlias = list[Principal]
KeyDetails: TypeAlias = list[KeyDetail]
Grants: TypeAlias = Mapping[str, Sequence[str]]


class DocumentKeywords(Surface):
    """The keyword index of the documents: `client.documents.keywords`."""

    def list(
        self,
        *,
        q: str | None = None,
        min_document_count: int | None = None,
        sort: str | None = None,
        page: int | None = None,
        page_size: int | None = None,
        on_behalf_of: str | None = None,
    ) -> KeywordPage:
        """A page of the keywords that the caller's documents hold.

        Args:
            q: Part of the keyword, upper or lower case.
            min_document_count: Only keywords of at least so many documents.
            sort: `text` or `document_count`; `-` in front sorts downwards.
            page: Number of the page, from 0.
            page_size: Rows of a page; 20 by default, the service returns at most 100.
            on_behalf_of: Principal to act for.

        Returns:
            The page, with the total number of rows.

        Raises:
            SpectronAPIError: The service refused, or was not reached.

        Source: `GET /documents/keywords`
        """
        method = "documents.keywords.list"
        query = query_pairs(
            {
                "q": optional_text(method, "q", q),
                "minDocumentCount": count_argument(
                    method, "min_document_count", min_document_count, least=0
                ),
                "sort": optional_text(method, "sort", sort),
                "page": count_argument(method, "page", page, least=0),
                "pageSize": count_argument(method, "page_size", page_size, least=1),
            }
        )
        return self._send(
            method,
            "GET",
            "/documents/keywords",
            model_reader(KeywordPage),
            query=query,
            on_behalf_of=on_behalf_of,
        )

    def get(self, normalised: str, *, on_behalf_of: str | None = None) -> KeywordDetail:
        """A keyword with the documents that hold it.

        Args:
            normalised: The keyword's normalised form; case does not matter.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronNotFoundError: No document of the caller holds it.

        Source: `GET /documents/keywords/{normalised}`
        """
        return self._send(
            "documents.keywords.get",
            "GET",
            "/documents/keywords/{normalised}",
            model_reader(KeywordDetail),
            names={"normalised": normalised},
            on_behalf_of=on_behalf_of,
        )

    def search(
        self,
        query: str,
        *,
        k: int | None = None,
        threshold: float | None = None,
        on_behalf_of: str | None = None,
    ) -> KeywordSearchResponse:
        """The keywords nearest to a query, best first.

        Args:
            query: What to look for.
            k: Size of the answer, 1 to 50; 10 by default.
            threshold: Least score of a result.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronAPIError: The service refused, or was not reached.

        Source: `POST /documents/keywords/search`
        """
        body = request_body(
            "documents.keywords.search",
            KeywordSearchRequest,
            {"query": query, "k": k, "threshold": threshold},
        )
        return self._send(
            "documents.keywords.search",
            "POST",
            "/documents/keywords/search",
            model_reader(KeywordSearchResponse),
            body=body,
            on_behalf_of=on_behalf_of,
            safety="read",
        )

    def for_document(
        self, doc_id: str, *, on_behalf_of: str | None = None
    ) -> DocumentKeywordsResponse:
        """The keywords of one document, with their scores.

        Args:
            doc_id: The document's id.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronNotFoundError: Absent, or not visible to the caller.

        Source: `GET /documents/{doc_id}/keywords`
        """
        return self._send(
            "documents.keywords.for_document",
            "GET",
            "/documents/{doc_id}/keywords",
            model_reader(DocumentKeywordsResponse),
            names={"doc_id": doc_id},
            on_behalf_of=on_behalf_of,
        )


class Documents(Surface):
    """Documents and their passages: `client.documents`.

    Attributes:
        keywords: The keyword index.
    """

    def __init__(self, sender: Sender, prefix: str, defaults: Defaults) -> None:
        super().__init__(sender, prefix, defaults)
        self.keywords = DocumentKeywords(sender, prefix, defaults)

    def upload(
        self,
        file: UploadSource,
        *,
        title: str | None = None,
        source: str | None = None,
        mime_type: str | None = None,
        filename: str | None = None,
        scopes: ScopeLike | None = None,
        labels: Labels | None = None,
        observed_at: Time | None = None,
        on_behalf_of: str | None = None,
    ) -> UploadResponse:
        """Store a document; it is searchable once its status is `ready`.

        The file is streamed, never held in memory as a whole, and sent once: an upload is not
        repeated after a failure.

        Args:
            file: A path, the bytes themselves, or a file opened in binary mode, which is read
                from where it stands and stays open.
            title: Shown with its passages; the filename by default.
            source: Where the document comes from.
            mime_type: Media type; guessed from the filename by default.
            filename: Name of the file; the path's own by default.
            scopes: Where the document belongs; the key's default region by default.
            labels: Labels of the document and its passages.
            observed_at: When its content became known; the time of the upload by default.
            on_behalf_of: Principal to act for.

        Returns:
            The document's id and status; `deduplicated` when these bytes were stored before.

        Raises:
            SpectronValidationError: Too large, or of a type that cannot be read.
            SpectronScopeError: The scope lies outside the caller's write region.
            OSError: The file cannot be read.

        Source: `POST /documents`
        """
        method = "documents.upload"
        metadata = request_body(
            method,
            UploadMetadata,
            {
                "title": title,
                "source": source,
                "mime_type": mime_type,
                "filename": filename,
                "scopes": self._scopes(method, scopes),
                "labels": self._labels(method, labels),
                "observed_at": observed_at,
            },
            optional=True,
        )
        part = on_the_spot(file_part, method, file, filename=filename, mime_type=mime_type)
        call = self._call(
            method, "POST", "/documents", model_reader(UploadResponse), on_behalf_of=on_behalf_of
        )
        return self._sender.upload(call, part, metadata)

    def get(self, doc_id: str, *, on_behalf_of: str | None = None) -> Document:
        """A document's status and description.

        Args:
            doc_id: The document's id.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronNotFoundError: Absent, or not visible to the caller.

        Source: `GET /documents/{doc_id}`
        """
        return self._send(
            "documents.get",
            "GET",
            "/documents/{doc_id}",
            model_reader(Document),
            names={"doc_id": doc_id},
            on_behalf_of=on_behalf_of,
        )

    def delete(self, doc_id: str, *, on_behalf_of: str | None = None) -> None:
        """Erase a document with its passages and stored bytes.

        Args:
            doc_id: The document's id.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronNotFoundError: Absent, or not visible to the caller.

        Source: `DELETE /documents/{doc_id}`
        """
        self._send(
            "documents.delete",
            "DELETE",
            "/documents/{doc_id}",
            read_nothing,
            names={"doc_id": doc_id},
            on_behalf_of=on_behalf_of,
        )

    def list(
        self,
        *,
        status: str | None = None,
        mime_type: str | None = None,
        page: int | None = None,
        page_size: int | None = None,
        on_behalf_of: str | None = None,
    ) -> DocumentPage:
        """A page of the documents that the caller may see.

        Args:
            status: Only documents of this status, such as `ready` or `failed`.
            mime_type: Only documents of this media type.
            page: Number of the page, from 0.
            page_size: Rows of a page; 20 by default, the service returns at most 100.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronAPIError: The service refused, or was not reached.

        Source: `GET /documents`
        """
        method = "documents.list"
        query = query_pairs(
            {
                "status": optional_text(method, "status", status),
                "mimeType": optional_text(method, "mime_type", mime_type),
                "page": count_argument(method, "page", page, least=0),
                "pageSize": count_argument(method, "page_size", page_size, least=1),
            }
        )
        return self._send(
            method,
            "GET",
            "/documents",
            model_reader(DocumentPage),
            query=query,
            on_behalf_of=on_behalf_of,
        )

    def query(
        self,
        query: str,
        *,
        k: int | None = None,
        mode: DocumentQueryMode | None = None,
        threshold: float | None = None,
        vector_weight: float | None = None,
        rrf_k: float | None = None,
        graph_alpha: float | None = None,
        graph_depth: int | None = None,
        expand_graph: bool | None = None,
        graph_edges: Sequence[GraphEdge] | None = None,
        use_hyde: bool | None = None,
        decompose_query: bool | None = None,
        use_reranker: bool | None = None,
        filter: Mapping[str, Any] | DocumentFilter | None = None,
        location: Mapping[str, Any] | LocationFilter | None = None,
        lens: ScopeLike | None = None,
        include_duplicates: bool | None = None,
        on_behalf_of: str | None = None,
    ) -> DocumentQueryResponse:
        """Passages of documents that answer a query, best first.

        Args:
            query: What to look for.
            k: Size of the answer, 1 to 50; 10 by default.
            mode: `hybrid` by default, `vector`, `bm25`, `hybrid_graph` or `graph`.
            threshold: Least score of a result.
            vector_weight: Weight of the vector ranking in the fusion, from 0.
            rrf_k: Constant of the reciprocal rank fusion; 60 by default.
            graph_alpha: Weight of graph evidence, from 0.
            graph_depth: Hops through the graph, from 0.
            expand_graph: Whether neighbours in the graph are added.
            graph_edges: Kinds of edges to follow; all by default.
            use_hyde: Search with a made-up answer; ignored where no model is configured.
            decompose_query: Split the question; ignored where no model is configured.
            use_reranker: Rerank the best; ignored where no model is configured.
            filter: Only some documents (`document_ids`) or media types (`mime_type`).
            location: A circle (`near`) or an area (`within`).
            lens: What the read is narrowed to; never widens.
            include_duplicates: Whether near-duplicates are returned too.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronValidationError: The service refused an argument.

        Source: `POST /documents/query`
        """
        method = "documents.query"
        body = request_body(
            method,
            DocumentQueryRequest,
            {
                "query": query,
                "k": k,
                "mode": mode,
                "threshold": threshold,
                "vector_weight": vector_weight,
                "rrf_k": rrf_k,
                "graph_alpha": graph_alpha,
                "graph_depth": graph_depth,
                "expand_graph": expand_graph,
                "graph_edges": graph_edges,
                "use_hyde": use_hyde,
                "decompose_query": decompose_query,
                "use_reranker": use_reranker,
                "filter": nested_argument(method, "filter", DocumentFilter, filter),
                "location": nested_argument(method, "location", LocationFilter, location),
                "lens": self._lens(method, lens),
                "include_duplicates": include_duplicates,
            },
        )
        return self._send(
            method,
            "POST",
            "/documents/query",
            model_reader(DocumentQueryResponse),
            body=body,
            on_behalf_of=on_behalf_of,
            safety="read",
        )

    def fetch_raw(self, doc_id: str, *, on_behalf_of: str | None = None) -> bytes:
        """The bytes of a document as they were uploaded.

        Args:
            doc_id: The document's id.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronNotFoundError: Absent, or not visible to the caller.

        Source: `GET /documents/{doc_id}/raw`
        """
        call = self._call(
            "documents.fetch_raw",
            "GET",
            "/documents/{doc_id}/raw",
            read_bytes,
            names={"doc_id": doc_id},
            on_behalf_of=on_behalf_of,
            headers={"Accept": "*/*"},
            largest_answer=None,
        )
        return self._sender.send(call)

    def reprocess(
        self,
        doc_id: str,
        *,
        file: UploadSource | None = None,
        mime_type: str | None = None,
        filename: str | None = None,
        on_behalf_of: str | None = None,
    ) -> UploadResponse:
        """Read a document anew, from its stored bytes or from other ones.

        Args:
            doc_id: The document's id.
            file: Bytes that replace the stored ones, as for `upload`; the stored ones by
                default.
            mime_type: Media type of the new file.
            filename: Name of the new file.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronNotFoundError: Absent, or not visible to the caller.
            ValueError: `mime_type` or `filename` without `file`.

        Source: `PUT /documents/{doc_id}`
        """
        method = "documents.reprocess"
        call = self._call(
            method,
            "PUT",
            "/documents/{doc_id}",
            model_reader(UploadResponse),
            names={"doc_id": doc_id},
            on_behalf_of=on_behalf_of,
        )
        if file is not None:
            part = on_the_spot(file_part, method, file, filename=filename, mime_type=mime_type)
            return self._sender.upload(call, part, None)
        if mime_type is not None or filename is not None:
            msg = f"{method}(): mime_type and filename describe a file; give file as well"
            raise ValueError(msg)
        return self._sender.send(call)

    def recompute_links(self, *, on_behalf_of: str | None = None) -> RecomputeLinksResponse:
        """Compute the links between documents anew.

        Args:
            on_behalf_of: Principal to act for.

        Raises:
            SpectronScopeError: The caller may not write.

        Source: `POST /documents/recompute-links`
        """
        return self._send(
            "documents.recompute_links",
            "POST",
            "/documents/recompute-links",
            model_reader(RecomputeLinksResponse),
            on_behalf_of=on_behalf_of,
        )

    def chunks(
        self,
        doc_id: str,
        *,
        page: int | None = None,
        page_size: int | None = None,
        on_behalf_of: str | None = None,
    ) -> ChunkPage:
        """A page of a document's passages, in their order.

        Args:
            doc_id: The document's id.
            page: Number of the page, from 0.
            page_size: Rows of a page; 20 by default, the service returns at most 100.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronNotFoundError: Absent, or not visible to the caller.

        Source: `GET /documents/{doc_id}/chunks`
        """
        method = "documents.chunks"
        query = query_pairs(
            {
                "page": count_argument(method, "page", page, least=0),
                "pageSize": count_argument(method, "page_size", page_size, least=1),
            }
        )
        return self._send(
            method,
            "GET",
            "/documents/{doc_id}/chunks",
            model_reader(ChunkPage),
            names={"doc_id": doc_id},
            query=query,
            on_behalf_of=on_behalf_of,
        )
