"""The LlamaIndex retriever: nodes that cite, filters that are honoured or refused, isolation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextvars import ContextVar

import httpx
import pytest
from llama_index.core import QueryBundle
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import MetadataMode, NodeRelationship
from llama_index.core.vector_stores.types import MetadataFilter, MetadataFilters

from spectron_adapters import AsyncSpectron, ScopeResolutionError, Spectron, SpectronConfig
from spectron_adapters.llama_index import SpectronRetriever

ALICE = "org/acme/user/alice"


@pytest.fixture
def client() -> Iterator[Spectron]:
    with Spectron.local() as client:
        for user, drink in (("alice", "green tea"), ("bob", "black tea")):
            scope = f"org/acme/user/{user}"
            client.remember(
                f"I drink {drink} in the morning.",
                infer="none",
                scopes=scope,
                session_id=f"session of {user}",
                labels=["topic=drinks"],
                observed_at="2026-01-15T10:00:00Z",
            )
            client.remember("I water the garden at noon.", infer="none", scopes=scope)
        yield client


async def both(retriever: BaseRetriever, query: str | QueryBundle) -> list[dict[str, object]]:
    """The nodes, once the sync and the async method have given the same ones."""
    plain = await asyncio.to_thread(retriever.retrieve, query)
    native = await retriever.aretrieve(query)
    assert [n.node_id for n in plain] == [n.node_id for n in native]
    return [{"text": n.get_content(), "score": n.score, **n.node.metadata} for n in plain]


async def test_nodes_carry_what_a_citation_needs(client: Spectron):
    retriever = SpectronRetriever(client, scopes=ALICE)
    nodes = retriever.retrieve("What tea in the morning?")
    node = nodes[0].node
    assert node.get_content() == "I drink green tea in the morning."
    assert node.node_id == node.metadata["id"]
    assert node.metadata["kind"] == "memory_chunk"
    assert node.metadata["occurred_at"].startswith("2026-01-15T10:00:00")
    assert node.metadata["trace_id"]
    assert node.relationships[NodeRelationship.SOURCE].node_id == "session of alice"
    assert 0 < (nodes[0].score or 0) <= 1
    assert node.node_id not in node.get_content(MetadataMode.LLM)
    assert [n.node_id for n in retriever.retrieve("What tea in the morning?")] == [
        n.node_id for n in nodes
    ]


async def test_a_query_engine_cites_memories(client: Spectron):
    retriever = SpectronRetriever(client, scopes=ALICE, top_k=1)
    engine = RetrieverQueryEngine.from_args(retriever, llm=MockLLM())
    answer = await engine.aquery("What tea in the morning?")
    assert [n.get_content() for n in answer.source_nodes] == ["I drink green tea in the morning."]
    assert "green tea" in str(answer)


async def test_retrieval_events_are_emitted(client: Spectron):
    seen: list[str] = []

    class Recorder(BaseEventHandler):
        def handle(self, event: object, **kwargs: object) -> None:
            seen.append(type(event).__name__)

    dispatcher = get_dispatcher()
    recorder = Recorder()
    dispatcher.add_event_handler(recorder)
    try:
        await SpectronRetriever(client, scopes=ALICE).aretrieve("tea")
    finally:
        dispatcher.event_handlers.remove(recorder)
    assert {"RetrievalStartEvent", "RetrievalEndEvent"} <= set(seen)


async def test_selectors_narrow(client: Spectron):
    assert len(await both(SpectronRetriever(client, scopes=ALICE, top_k=1), "tea garden")) == 1
    assert await both(SpectronRetriever(client, scopes=ALICE, labels="topic=other"), "tea") == []
    early = SpectronRetriever(client, scopes=ALICE, as_of="2026-01-01T00:00:00Z")
    assert await both(early, "tea") == []


async def test_metadata_filters_become_labels(client: Spectron):
    def retriever(value: str) -> SpectronRetriever:
        filters = MetadataFilters(filters=[MetadataFilter(key="topic", value=value)])
        return SpectronRetriever(client, scopes=ALICE, filters=filters)

    found = await both(retriever("drinks"), "tea garden")
    assert [node["text"] for node in found] == ["I drink green tea in the morning."]
    assert await both(retriever("plants"), "tea garden") == []


@pytest.mark.parametrize(
    "filters",
    [
        MetadataFilters(filters=[MetadataFilter(key="a", value=1, operator=">")]),
        MetadataFilters(filters=[MetadataFilter(key="a", value="x", operator="!=")]),
        MetadataFilters(filters=[MetadataFilter(key="a", value=["x"], operator="in")]),
        MetadataFilters(filters=[MetadataFilter(key="a", value=1.5)]),
        MetadataFilters(filters=[MetadataFilter(key="a", value=None)]),
        MetadataFilters(filters=[MetadataFilter(key="a", value="x")], condition="not"),
        MetadataFilters(
            filters=[MetadataFilter(key="a", value="x"), MetadataFilter(key="b", value="y")],
            condition="or",
        ),
        MetadataFilters(
            filters=[
                MetadataFilters(
                    filters=[
                        MetadataFilter(key="a", value="x"),
                        MetadataFilter(key="b", value="y"),
                    ],
                    condition="or",
                )
            ]
        ),
    ],
)
def test_filters_that_cannot_be_honoured_are_refused(client: Spectron, filters: MetadataFilters):
    with pytest.raises(ValueError, match="honoured"):
        SpectronRetriever(client, scopes=ALICE, filters=filters)


@pytest.mark.parametrize(
    "option", [{"labels": "a=b"}, {"as_of": "2026-01-01T00:00:00Z"}, {"include": "facts"}]
)
def test_document_queries_refuse_what_they_would_ignore(client: Spectron, option: dict[str, str]):
    with pytest.raises(ValueError, match="cannot filter"):
        SpectronRetriever(client, source="documents", scopes=ALICE, **option)


async def test_passages_of_documents():
    requests: list[dict[str, object]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(json.loads(request.content))
        chunk = {
            "id": "chunk:1",
            "document": "document:7",
            "text": "Boil the water.",
            "position": 3,
        }
        passage = {
            "score": 0.8,
            "chunk": {**chunk, "charStart": 10, "charEnd": 25, "section": "Method"},
            "document": {"id": "document:7", "title": "Tea", "source": "upload"},
        }
        return httpx.Response(200, json={"queryMs": 1, "results": [passage]})

    client = Spectron("ctx", "http://service", "key", transport=httpx.MockTransport(answer))
    filters = MetadataFilters(
        filters=[
            MetadataFilter(key="document_id", value=["document:7", "document:8"], operator="in")
        ]
    )
    retriever = SpectronRetriever(client, source="documents", scopes=ALICE, filters=filters)
    [found] = retriever.retrieve("tea")
    assert requests[0]["filter"] == {"documentIds": ["document:7", "document:8"]}
    assert requests[0]["lens"] == [[ALICE]]
    assert (found.node_id, found.score, found.get_content()) == ("chunk:1", 0.8, "Boil the water.")
    assert (found.node.start_char_idx, found.node.end_char_idx) == (10, 25)
    assert found.node.relationships[NodeRelationship.SOURCE].node_id == "document:7"
    assert found.node.metadata["section"] == "Method"


async def test_embedding_strings_of_a_bundle_are_searched_for(client: Spectron):
    bundle = QueryBundle("no such words", custom_embedding_strs=["green", "tea"])
    found = await both(SpectronRetriever(client, scopes=ALICE, top_k=1), bundle)
    assert found[0]["text"] == "I drink green tea in the morning."


class TestIsolation:
    async def test_one_retriever_serves_many_users_at_once(self, client: Spectron):
        user: ContextVar[str] = ContextVar("user")
        retriever = SpectronRetriever(
            client, scopes="org/acme/user/{user_id}", variables=lambda: {"user_id": user.get()}
        )

        async def ask(name: str) -> set[str]:
            user.set(name)
            return {n.get_content() for n in await retriever.aretrieve("tea in the morning")}

        names = ["alice", "bob", "Alice", "alice/admin", "*", "..", "al"] * 4
        for name, found in zip(names, await asyncio.gather(*map(ask, names)), strict=True):
            drinks = {text for text in found if "tea" in text}
            expected = {"alice": "green tea", "bob": "black tea"}.get(name)
            assert all(expected is not None and expected in text for text in drinks), name
            assert bool(drinks) == (expected is not None)

    @pytest.mark.parametrize("value", [None, "", "  ", "\u200b"])
    def test_a_missing_or_blank_variable_raises(self, client: Spectron, value: object):
        for variables in ({"user_id": value}, {}, None):
            retriever = SpectronRetriever(
                client, scopes="org/acme/user/{user_id}", variables=variables
            )
            with pytest.raises(ScopeResolutionError, match="user_id"):
                retriever.retrieve("tea")

    @pytest.mark.parametrize("name", ["scopes", "lens"])
    @pytest.mark.parametrize("blank", ["", " ", [], [[]]])
    def test_a_blank_selector_never_means_everything(
        self, client: Spectron, name: str, blank: object
    ):
        with pytest.raises(ValueError, match=name):
            SpectronRetriever(client, **{name: blank})

    def test_a_lens_does_not_reach_another_user(self, client: Spectron):
        found = SpectronRetriever(client, lens="org/acme/user/bob/*").retrieve("tea")
        assert {n.get_content() for n in found} == {"I drink black tea in the morning."}


async def test_an_async_client_serves_both_methods():
    async with AsyncSpectron.local() as client:
        await client.remember("I drink tea.", infer="none", scopes=ALICE)
        found = await both(SpectronRetriever(client, scopes=ALICE), "tea")
        assert [node["text"] for node in found] == ["I drink tea."]


@pytest.mark.parametrize(
    ("option", "value"),
    [("top_k", 0), ("top_k", 51), ("mode", "semantic"), ("source", "web"), ("include", "turns")],
)
def test_arguments_are_checked_at_once(client: Spectron, option: str, value: object):
    with pytest.raises(ValueError, match=option):
        SpectronRetriever(client, scopes=ALICE, **{option: value})


def test_what_is_no_client_is_refused():
    with pytest.raises(TypeError, match="client is a Spectron or an AsyncSpectron, not"):
        SpectronRetriever(SpectronConfig(endpoint="memory:"))  # type: ignore[arg-type]


async def test_retrievers_of_llama_index_over_ours_find_the_same(client: Spectron):
    ours = [SpectronRetriever(client, scopes=ALICE, mode=mode) for mode in ("hybrid", "bm25")]
    fusion = QueryFusionRetriever(ours, llm=MockLLM(), num_queries=1, mode="reciprocal_rerank")
    found = await both(fusion, "tea in the morning")
    assert found[0]["text"] == "I drink green tea in the morning."
    assert len({node["id"] for node in found}) == len(found)


async def test_a_configuration_is_used_where_nothing_nearer_is_chosen():
    config = SpectronConfig(endpoint="memory:", scopes="user/{user_id}", top_k=1, mode="bm25")
    with Spectron.from_config(config) as client:
        for text in ("Alice has tea.", "Alice likes tea."):
            client.remember(text, scopes="user/alice", infer="none")
        alice = {"user_id": "alice"}
        assert len(await both(SpectronRetriever(client, variables=alice), "tea")) == 1
        assert len(await both(SpectronRetriever(client, variables=alice, top_k=2), "tea")) == 2
        assert await both(SpectronRetriever(client, variables={"user_id": "bob"}), "tea") == []
        with pytest.raises(ScopeResolutionError, match="user_id"):
            SpectronRetriever(client).retrieve("tea")
