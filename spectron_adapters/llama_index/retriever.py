"""Recall and document search as a LlamaIndex retriever whose nodes can be cited.

Imports llama-index-core and the library's public modules; never `local`, never another framework.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import (
    NodeRelationship,
    NodeWithScore,
    ObjectType,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.core.vector_stores.types import MetadataFilters

from spectron_adapters import AsyncSpectron, Spectron
from spectron_adapters.llama_index.metadata_filters import document_filter, labels_of
from spectron_adapters.llama_index.variables import Variables, resolve
from spectron_adapters.messages import visible_text
from spectron_adapters.models import (
    DocumentQueryHit,
    DocumentQueryResponse,
    IncludeFamily,
    RecallHit,
    RecallMode,
    RecallResponse,
    ScopeView,
)
from spectron_adapters.selectors import (
    ScopeSource,
    Selection,
    Selectors,
    check_for_documents,
    document_arguments,
    recall_arguments,
)
from spectron_adapters.transcripts import check_client

__all__ = ["SpectronRetriever"]

# Ids, traces and scopes are for citing; neither a prompt nor an embedding should hold them.
_CITATION_ONLY = ["id", "kind", "scopes", "session_id", "trace_id", "document_id", "position"]


class SpectronRetriever(BaseRetriever):
    """Memories, or passages of documents, as nodes with scores.

    Node ids are the service's own, stable and unique, so that `source_nodes` of an answer cite
    memories. Scope and lens are resolved for each call; one retriever serves many users at once
    and keeps nothing between calls. Async retrieval is native. A hit without visible text is left
    out.

    Args:
        client: Either client; each method uses its own kind.
        source: `recall` searches facts and turns, `documents` searches passages of documents.
        scopes: Whose memory; reads follow it unless `lens` is given. May hold variables.
        lens: What to read. May hold variables.
        variables: Values for the templates: a mapping, or a function called for each retrieval.
        labels: Labels that rows must carry, all of them (`recall` only).
        filters: LlamaIndex metadata filters: for `recall` equalities, which become labels; for
            `documents` the keys `document_id` and `mime_type`.
        top_k: How many nodes, 1 to 50; default 5.
        mode: `hybrid`, `vector`, `bm25` or `graph`.
        include: `facts`, `passages` or both (`recall` only).
        as_of: Known time of the read (`recall` only); default now.
        scope_view: `strict`, `crossTeam` or `merged` (`recall` only).
        on_behalf_of: Principal that reads act for. May hold one variable.
        callback_manager: LlamaIndex's own.
        verbose: Whether LlamaIndex prints recursive retrieval.

    Raises:
        ValueError: An argument is blank, malformed, out of range, or cannot be honoured.
        TypeError: `client` is no client.

    Source: `POST /query`, `POST /documents/query`.
    """

    def __init__(
        self,
        client: Spectron | AsyncSpectron,
        *,
        source: Literal["recall", "documents"] = "recall",
        scopes: ScopeSource | None = None,
        lens: ScopeSource | None = None,
        variables: Variables | None = None,
        labels: str | Sequence[str] | Mapping[str, str] | None = None,
        filters: MetadataFilters | None = None,
        top_k: int | None = None,
        mode: RecallMode | None = None,
        include: IncludeFamily | Sequence[IncludeFamily] | None = None,
        as_of: str | datetime | None = None,
        scope_view: ScopeView | None = None,
        on_behalf_of: str | None = None,
        callback_manager: CallbackManager | None = None,
        verbose: bool = False,
    ) -> None:
        check_client(client)
        if source not in ("recall", "documents"):
            raise ValueError(f"source is 'recall' or 'documents', not {source!r}")
        chosen = Selectors(
            scopes=scopes,
            lens=lens,
            labels=labels,
            top_k=top_k,
            mode=mode,
            include=include,
            as_of=as_of,
            scope_view=scope_view,
            on_behalf_of=on_behalf_of,
        )
        self._client = client
        self._source = source
        self._selectors = chosen.over(client.selectors)
        self._variables = variables
        self._filter_labels = labels_of(filters) if source == "recall" else ()
        self._document_filter = document_filter(filters) if source == "documents" else None
        if source == "documents":
            check_for_documents(self._selectors)
        super().__init__(callback_manager=callback_manager, verbose=verbose)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        selection = self._select()
        client, query = self._client.as_sync(), _query_text(query_bundle)
        if self._source == "documents":
            return _passage_nodes(
                client.documents.query(
                    query, **document_arguments(selection), filter=self._document_filter
                )
            )
        return _memory_nodes(client.recall(query, **recall_arguments(selection)))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        selection = self._select()
        client, query = self._client.as_async(), _query_text(query_bundle)
        if self._source == "documents":
            return _passage_nodes(
                await client.documents.query(
                    query, **document_arguments(selection), filter=self._document_filter
                )
            )
        return _memory_nodes(await client.recall(query, **recall_arguments(selection)))

    def _select(self) -> Selection:
        """What this call reads; labels that filters ask for are asked for as well."""
        selection = resolve(self._selectors, self._variables)
        labels = dict.fromkeys((*selection.labels, *self._filter_labels))
        return replace(selection, labels=tuple(labels))


def _query_text(bundle: QueryBundle) -> str:
    """The text to search for; the service embeds it itself, so given vectors are not sent."""
    return "\n".join(bundle.embedding_strs) or bundle.query_str


def _memory_nodes(answer: RecallResponse) -> list[NodeWithScore]:
    nodes = [_memory_node(hit, answer.trace.trace_id) for hit in answer.hits]
    return [node for node in nodes if node.text.strip()]


def _memory_node(hit: RecallHit, trace_id: str) -> NodeWithScore:
    extra = hit.model_extra or {}
    metadata = {
        "id": hit.id,
        "kind": hit.source,
        "occurred_at": hit.occurred_at,
        "role": extra.get("role"),
        "scopes": extra.get("scopes"),
        "session_id": extra.get("sessionId"),
        "trace_id": trace_id or None,
    }
    node = _node(hit.id, visible_text(hit.text), metadata)
    if metadata["session_id"]:
        node.relationships[NodeRelationship.SOURCE] = RelatedNodeInfo(
            node_id=str(metadata["session_id"]), node_type=ObjectType.DOCUMENT
        )
    return NodeWithScore(node=node, score=hit.score)


def _passage_nodes(answer: DocumentQueryResponse) -> list[NodeWithScore]:
    return [_passage_node(hit) for hit in answer.results]


def _passage_node(hit: DocumentQueryHit) -> NodeWithScore:
    chunk, document = hit.chunk, hit.document
    document_id = str(document.get("id") or chunk.get("document") or "")
    metadata = {
        "id": chunk.get("id"),
        "kind": "chunk",
        "document_id": document_id or None,
        "title": document.get("title"),
        "source": document.get("source"),
        "section": chunk.get("section"),
        "position": chunk.get("position"),
    }
    node = _node(str(chunk.get("id", "")), str(chunk.get("text", "")), metadata)
    node.start_char_idx, node.end_char_idx = chunk.get("charStart"), chunk.get("charEnd")
    if document_id:
        node.relationships[NodeRelationship.SOURCE] = RelatedNodeInfo(
            node_id=document_id,
            node_type=ObjectType.DOCUMENT,
            metadata={"title": document.get("title")} if document.get("title") else {},
        )
    return NodeWithScore(node=node, score=hit.score)


def _node(node_id: str, text: str, metadata: Mapping[str, object]) -> TextNode:
    return TextNode(
        id_=node_id,
        text=text,
        metadata={name: value for name, value in metadata.items() if value is not None},
        excluded_llm_metadata_keys=_CITATION_ONLY,
        excluded_embed_metadata_keys=_CITATION_ONLY,
    )
