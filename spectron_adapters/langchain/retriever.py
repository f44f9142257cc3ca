"""A LangChain retriever over what Spectron remembers, or over the documents it holds.

One instance serves many users at once: whose memory a call reads is decided by that call's run
configuration, and nothing of it stays on the instance. Imports langchain-core and the library's
public modules; never `local`, never another framework.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Literal, TypeAlias, TypeVar

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever, LangSmithRetrieverParams
from langchain_core.runnables import RunnableConfig, RunnableSerializable, ensure_config
from langchain_core.runnables.utils import AnyConfigurableField
from pydantic import ConfigDict, Field, SkipValidation, model_validator, with_config
from typing_extensions import Self, TypedDict, override

from spectron_adapters import AsyncSpectron, Spectron
from spectron_adapters.langchain.run_config import Variables, variable_sources
from spectron_adapters.messages import visible_text
from spectron_adapters.models import (
    DocumentQueryHit,
    DocumentQueryResponse,
    GraphEdge,
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

__all__ = ["DocumentQueryOptions", "SpectronRetriever"]

Labels: TypeAlias = str | Sequence[str] | Mapping[str, str]
Include: TypeAlias = IncludeFamily | Sequence[IncludeFamily]
Source: TypeAlias = Literal["recall", "documents"]

_CHOICES = frozenset(field.name for field in fields(Selectors)) | {"k"}
_Value = TypeVar("_Value")


@with_config(ConfigDict(extra="forbid"))
class DocumentQueryOptions(TypedDict, total=False):
    """Further fields of `documents.query`, with its defaults where left out.

    Attributes:
        threshold: Least score of a passage.
        vector_weight: Weight of vectors against words, 0 or more.
        rrf_k: Constant of reciprocal rank fusion, above 0.
        graph_alpha: Weight of the graph.
        graph_depth: Hops in the graph.
        expand_graph: Whether neighbours in the graph join the results.
        graph_edges: Kinds of edges to follow.
        use_hyde: Whether to search with a hypothetical answer.
        decompose_query: Whether to split the question.
        use_reranker: Whether to rerank.
        filter: `{"document_ids": […], "mime_type": […]}`.
        location: `{"near": {"lat": …, "lng": …, "radius_km": …}}` or `{"within": WKT}`.
        include_duplicates: Whether near-duplicates are returned too.
    """

    threshold: float
    vector_weight: float
    rrf_k: float
    graph_alpha: float
    graph_depth: int
    expand_graph: bool
    graph_edges: list[GraphEdge]
    use_hyde: bool
    decompose_query: bool
    use_reranker: bool
    filter: dict[str, list[str]]
    location: dict[str, Any]  # Any: a circle or an area
    include_duplicates: bool


class SpectronRetriever(BaseRetriever):
    """Recalls memories, or passages of documents, as LangChain documents, best first.

    Scope and lens may hold variables (`org/{org_id}/user/{user_id}`), filled for each call from,
    nearest first: LangGraph's `runtime.context`, `config["configurable"]` (given or ambient), and
    `variables`. A missing or blank one raises before anything is asked. Every choice may also be
    given with a call (`retriever.invoke(query, k=3, lens=…)`), or be made a configurable field.

    LangChain's retrievers over other retrievers (`MultiQueryRetriever`,
    `ContextualCompressionRetriever`, `MergerRetriever`) do not pass their configuration on. Run
    them inside a runnable (`RunnablePassthrough() | wrapper`), or give `variables` a function.
    `MultiQueryRetriever` drops a repeated document only when score and trace are equal too.

    Each document carries the service's id and, in its metadata: `id`, `kind`, `score` (0 to 1,
    higher is better), `occurred_at`, `scopes`, `trace_id`, `document_id`, `title`, `section`,
    `position`; None where the service did not say. A hit without visible text is left out.

    Args:
        client: Either client; each method uses its own kind. Never dumped.
        source: `recall` asks memory (facts, turns, passages), `documents` the documents alone.
        scopes: Whose memory it is; what is read unless `lens` is given. Default: the client's,
            else all that the key may read.
        lens: What to read: a path reads with its ancestors and descendants, `path/*` its subtree.
        labels: `key=value` pairs, all of which a memory must carry.
        top_k: How many documents, 1 to 50. Default: the client's, else 5.
        k: The same, by LangChain's name.
        mode: `hybrid`, `vector`, `bm25` or `graph`.
        include: `facts`, `passages` or both.
        as_of: Known time: only what was known then.
        scope_view: `strict`, `crossTeam` or `merged`.
        on_behalf_of: Principal that requests act for; may hold one variable.
        variables: Values for the templates, or a function that returns them for each call.
        document_options: Further fields of a document query.
        name: LangChain's name of the runnable.
        tags: LangChain's tags of every run.
        metadata: LangChain's metadata of every run.

    Raises:
        ValueError: An argument is malformed, out of range, unknown, or not possible with the
            source: documents have no labels, families, known time or scope view.

    Source: `POST /query`, `POST /documents/query`.

    Examples:
        >>> from spectron_adapters import Spectron
        >>> client = Spectron.local()
        >>> _ = client.remember("Alice drinks green tea.", scopes="user/alice", infer="none")
        >>> retriever = SpectronRetriever(client=client, scopes="user/{user_id}", k=3)
        >>> documents = retriever.invoke("tea", {"configurable": {"user_id": "alice"}})
        >>> documents[0].page_content
        'Alice drinks green tea.'
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    client: Spectron | AsyncSpectron = Field(exclude=True, repr=False)
    source: Source = "recall"
    scopes: SkipValidation[ScopeSource | None] = None
    lens: SkipValidation[ScopeSource | None] = None
    labels: SkipValidation[Labels | None] = None
    top_k: SkipValidation[int | None] = None
    mode: SkipValidation[RecallMode | None] = None
    include: SkipValidation[Include | None] = None
    as_of: SkipValidation[str | datetime | None] = None
    scope_view: SkipValidation[ScopeView | None] = None
    on_behalf_of: SkipValidation[str | None] = None
    variables: SkipValidation[Variables | None] = Field(default=None, exclude=True, repr=False)
    document_options: DocumentQueryOptions | None = None

    def __init__(
        self,
        *,
        client: Spectron | AsyncSpectron,
        source: Source = "recall",
        scopes: ScopeSource | None = None,
        lens: ScopeSource | None = None,
        labels: Labels | None = None,
        top_k: int | None = None,
        k: int | None = None,
        mode: RecallMode | None = None,
        include: Include | None = None,
        as_of: str | datetime | None = None,
        scope_view: ScopeView | None = None,
        on_behalf_of: str | None = None,
        variables: Variables | None = None,
        document_options: DocumentQueryOptions | None = None,
        name: str | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,  # Any: as LangChain declares it
        **others: Any,  # noqa: ANN401 - fields of subclasses; unknown ones are refused
    ) -> None:
        others |= {
            "client": client,
            "source": source,
            "scopes": scopes,
            "lens": lens,
            "labels": labels,
            "top_k": _one_of(top_k, k),
            "mode": mode,
            "include": include,
            "as_of": as_of,
            "scope_view": scope_view,
            "on_behalf_of": on_behalf_of,
            "variables": variables,
            "document_options": document_options,
        }
        super().__init__(name=name, tags=tags, metadata=metadata, **others)

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        chosen = self._own_selectors()
        if self.source == "documents":
            check_for_documents(chosen)
        elif self.document_options is not None:
            raise ValueError("document_options belong to source='documents'")
        return self

    @property
    def k(self) -> int | None:
        """`top_k` by LangChain's name."""
        return self.top_k

    @override
    def configurable_fields(
        self, **kwargs: AnyConfigurableField
    ) -> RunnableSerializable[str, list[Document]]:
        """Make fields configurable for each run; `k` is `top_k`.

        Args:
            **kwargs: `ConfigurableField`s by field name.
        """
        named = {("top_k" if name == "k" else name): field for name, field in kwargs.items()}
        return super().configurable_fields(**named)

    @override
    def invoke(
        self, input: str, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Document]:
        """Find documents for a query.

        Args:
            input: What to look for.
            config: The run's configuration; its `configurable` fills the variables.
            **kwargs: Choices of this call by the names of the constructor: `k` or `top_k`,
                `scopes`, `lens`, `labels`, `mode`, `include`, `as_of`, `scope_view`,
                `on_behalf_of`.

        Returns:
            Documents, best first.

        Raises:
            ScopeResolutionError: A variable is missing or blank; nothing was asked.
            ValueError: A choice is malformed or out of range; nothing was asked.
            SpectronAPIError: The service refused or was not reached.
        """
        config = ensure_config(config)
        return super().invoke(input, config, run_config=config, **kwargs)

    @override
    async def ainvoke(
        self, input: str, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Document]:
        """Find documents for a query, as `invoke` does."""
        config = ensure_config(config)
        return await super().ainvoke(input, config, run_config=config, **kwargs)

    @override
    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        run_config: RunnableConfig | None = None,
        **choices: Any,
    ) -> list[Document]:
        selection = self._select(run_config, choices)
        client = self.client.as_sync()
        if self.source == "documents":
            options = self.document_options or {}
            return _passages(
                client.documents.query(query, **document_arguments(selection), **options)
            )
        return _memories(client.recall(query, **recall_arguments(selection)))

    @override
    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,
        run_config: RunnableConfig | None = None,
        **choices: Any,
    ) -> list[Document]:
        selection = self._select(run_config, choices)
        client = self.client.as_async()
        if self.source == "documents":
            options = self.document_options or {}
            return _passages(
                await client.documents.query(query, **document_arguments(selection), **options)
            )
        return _memories(await client.recall(query, **recall_arguments(selection)))

    def _select(self, config: RunnableConfig | None, choices: Mapping[str, Any]) -> Selection:
        """What one call reads: its own choices, then this retriever's, then the client's."""
        chosen = _call_selectors(choices).over(self._own_selectors()).over(self.client.selectors)
        selection = chosen.resolve(*variable_sources(self.variables, config))
        if self.source == "documents":
            check_for_documents(selection)
        return selection

    def _own_selectors(self) -> Selectors:
        return Selectors(
            scopes=self.scopes,
            lens=self.lens,
            labels=self.labels,
            top_k=self.top_k,
            mode=self.mode,
            include=self.include,
            as_of=self.as_of,
            scope_view=self.scope_view,
            on_behalf_of=self.on_behalf_of,
        )

    @override
    def _get_ls_params(self, **kwargs: Any) -> LangSmithRetrieverParams:
        return LangSmithRetrieverParams(
            ls_retriever_name="spectron", ls_vector_store_provider="spectron"
        )


def _one_of(top_k: _Value | None, k: _Value | None) -> _Value | None:
    if top_k is not None and k is not None and top_k != k:
        raise ValueError(f"k and top_k mean the same: give one of them, not {k!r} and {top_k!r}")
    return k if top_k is None else top_k


def _call_selectors(choices: Mapping[str, Any]) -> Selectors:
    unknown = sorted(set(choices) - _CHOICES)
    if unknown:
        known = ", ".join(sorted(_CHOICES))
        raise TypeError(f"a call has no argument {unknown[0]!r}; it takes {known}")
    named = {name: value for name, value in choices.items() if name != "k"}
    named["top_k"] = _one_of(choices.get("top_k"), choices.get("k"))
    return Selectors(**named)


def _memories(answer: RecallResponse) -> list[Document]:
    found = [_memory(hit, answer.trace.trace_id) for hit in answer.hits]
    return [document for document in found if document.page_content.strip()]


def _memory(hit: RecallHit, trace_id: str) -> Document:
    said = hit.model_extra or {}
    return _document(
        hit.id,
        visible_text(hit.text),
        kind=hit.source,
        score=hit.score,
        occurred_at=hit.occurred_at,
        scopes=said.get("scopes"),
        trace_id=trace_id or None,
        document_id=said.get("documentId", said.get("document")),
        title=said.get("documentTitle", said.get("title")),
        section=said.get("section"),
        position=said.get("position"),
    )


def _passages(answer: DocumentQueryResponse) -> list[Document]:
    found = [_passage(hit) for hit in answer.results]
    return [document for document in found if document.page_content.strip()]


def _passage(hit: DocumentQueryHit) -> Document:
    chunk, document = hit.chunk, hit.document
    return _document(
        str(chunk.get("id", "")),
        str(chunk.get("text", "")),
        kind="chunk",
        score=hit.score,
        document_id=document.get("id", chunk.get("document")),
        title=document.get("title"),
        section=chunk.get("section"),
        position=chunk.get("position"),
        source=document.get("source"),
        char_start=chunk.get("charStart"),
        char_end=chunk.get("charEnd"),
        **({"graph_evidence": hit.graph_evidence} if hit.graph_evidence else {}),
    )


_METADATA = (
    "id",
    "kind",
    "score",
    "occurred_at",
    "scopes",
    "trace_id",
    "document_id",
    "title",
    "section",
    "position",
)


def _document(id: str, text: str, **said: object) -> Document:
    """A document whose metadata always has the same keys, and more where there is more to say."""
    metadata = {**dict.fromkeys(_METADATA), "id": id or None, **said}
    return Document(id=id or None, page_content=text, metadata=metadata)
