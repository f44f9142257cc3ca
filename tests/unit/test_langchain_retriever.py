"""The LangChain retriever, on the engine in the process."""

from __future__ import annotations

import asyncio
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

import httpx
import pytest
from blockbuster import blockbuster_ctx
from langchain_classic.retrievers import (
    ContextualCompressionRetriever,
    EnsembleRetriever,
    MergerRetriever,
    MultiQueryRetriever,
)
from langchain_classic.retrievers.document_compressors import LLMChainFilter
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.load import dumpd, dumps
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import (
    ConfigurableField,
    RunnableLambda,
    RunnableParallel,
    RunnablePassthrough,
)
from langchain_core.tools import create_retriever_tool

from spectron_adapters import Spectron, SpectronConfig
from spectron_adapters.errors import ScopeResolutionError
from spectron_adapters.langchain import SpectronChatMessageHistory, SpectronRetriever
from spectron_adapters.models import DocumentQueryResponse, RecallResponse

TEMPLATE = "org/{org_id}/user/{user_id}"
ALICE = {"configurable": {"org_id": "acme", "user_id": "alice"}}
BOB = {"configurable": {"org_id": "acme", "user_id": "bob"}}


@pytest.fixture(scope="module")
def client() -> Iterator[Spectron]:
    with Spectron.local() as opened:
        remember = opened.remember
        remember("Alice drinks green tea.", scopes="org/acme/user/alice", infer="none")
        remember("Bob drinks black tea.", scopes="org/acme/user/bob", infer="none")
        remember("The tea kitchen is on floor two.", scopes="org/acme", infer="none")
        remember("Carol of Beta sells tea.", scopes="org/beta/user/carol", infer="none")
        remember(
            "In March the tea was cold.",
            scopes="org/acme/user/alice",
            infer="none",
            labels=["season=spring"],
            observed_at="2024-03-01T00:00:00Z",
        )
        yield opened


@pytest.fixture
def retriever(client: Spectron) -> SpectronRetriever:
    return SpectronRetriever(client=client, scopes=TEMPLATE, top_k=50)


ALICES = {
    "Alice drinks green tea.",
    "In March the tea was cold.",
    "The tea kitchen is on floor two.",
}
BOBS = {"Bob drinks black tea.", "The tea kitchen is on floor two."}


def found(documents: list[Document]) -> set[str]:
    return {document.page_content for document in documents}


# --- who asks ------------------------------------------------------------------------------------


def test_the_call_decides_whose_memory_is_read(retriever: SpectronRetriever) -> None:
    assert found(retriever.invoke("tea", ALICE)) == ALICES
    assert found(retriever.invoke("tea", BOB)) == BOBS
    assert found(retriever.invoke("tea", ALICE)) == ALICES


async def test_the_async_call_decides_whose_memory_is_read(retriever: SpectronRetriever) -> None:
    assert found(await retriever.ainvoke("tea", ALICE)) == ALICES
    assert found(await retriever.ainvoke("tea", BOB)) == BOBS


def test_without_configuration_a_template_raises(retriever: SpectronRetriever) -> None:
    with pytest.raises(ScopeResolutionError, match="org_id"):
        retriever.invoke("tea")


async def test_without_configuration_a_template_raises_asynchronously(
    retriever: SpectronRetriever,
) -> None:
    with pytest.raises(ScopeResolutionError, match="user_id"):
        await retriever.ainvoke("tea", {"configurable": {"org_id": "acme"}})


def test_batches_read_each_for_its_own_user(retriever: SpectronRetriever) -> None:
    answers = retriever.batch(["tea"] * 6, [ALICE, BOB] * 3)
    assert [found(answer) for answer in answers] == [ALICES, BOBS] * 3


async def test_async_batches_read_each_for_its_own_user(retriever: SpectronRetriever) -> None:
    answers = await retriever.abatch(["tea"] * 6, [ALICE, BOB] * 3)
    assert [found(answer) for answer in answers] == [ALICES, BOBS] * 3


async def test_streams_carry_the_user(retriever: SpectronRetriever) -> None:
    assert [found(part) for part in retriever.stream("tea", ALICE)] == [ALICES]
    assert [found(part) async for part in retriever.astream("tea", BOB)] == [BOBS]


def test_a_bound_configuration_is_honoured(retriever: SpectronRetriever) -> None:
    bound = retriever.with_config(configurable={"org_id": "acme", "user_id": "alice"})
    assert found(bound.invoke("tea")) == ALICES
    assert len(retriever.bind(k=1).invoke("tea", BOB)) == 1


async def test_a_chain_hands_its_configuration_down(retriever: SpectronRetriever) -> None:
    chain = (
        RunnableParallel(context=retriever, question=RunnablePassthrough())
        | RunnableLambda(lambda given: found(given["context"]))
    ).with_config(tags=["test"])
    assert chain.invoke("tea", ALICE) == ALICES
    assert await chain.ainvoke("tea", BOB) == BOBS
    assert chain.batch(["tea", "tea"], [ALICE, BOB]) == [ALICES, BOBS]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="ambient configuration needs Python 3.11")
async def test_a_function_inside_a_chain_hands_the_ambient_configuration_down(
    retriever: SpectronRetriever,
) -> None:
    async def ask(query: str) -> set[str]:
        return found(await retriever.ainvoke(query))

    chain = RunnableLambda(lambda query: found(retriever.invoke(query)), afunc=ask)
    assert chain.invoke("tea", ALICE) == ALICES
    assert await chain.ainvoke("tea", BOB) == BOBS


@pytest.mark.skipif(sys.version_info < (3, 11), reason="ambient configuration needs Python 3.11")
async def test_a_retriever_tool_reads_for_the_run_and_not_for_the_model(
    retriever: SpectronRetriever,
) -> None:
    tool = create_retriever_tool(retriever, "memory", "What is known.")
    assert "green" in tool.invoke({"query": "green tea"}, ALICE)
    assert "green" not in await tool.ainvoke({"query": "green tea"}, BOB)
    forged = {"query": "tea", "org_id": "beta", "user_id": "carol", "scopes": "org/beta"}
    assert "Carol" not in tool.invoke(forged, ALICE)
    assert set(tool.args) == {"query"}


async def test_a_configuration_with_other_values_replaces_the_ambient_one(
    retriever: SpectronRetriever,
) -> None:
    inner = RunnableLambda(lambda query: retriever.invoke(query, {"configurable": {"x": 1}}))
    with pytest.raises(ScopeResolutionError, match="org_id"):
        inner.invoke("tea", ALICE)


def test_selectors_in_the_configuration_are_ignored(retriever: SpectronRetriever) -> None:
    forged = {**ALICE["configurable"], "scopes": "org/beta", "lens": "/*", "top_k": 1}
    assert found(retriever.invoke("tea", {"configurable": forged})) == ALICES


def test_values_of_the_constructor_fill_what_the_run_leaves_open(client: Spectron) -> None:
    retriever = SpectronRetriever(client=client, scopes=TEMPLATE, variables={"org_id": "acme"})
    assert found(retriever.invoke("tea", {"configurable": {"user_id": "bob"}})) == BOBS
    with pytest.raises(ScopeResolutionError, match="user_id"):
        retriever.invoke("tea")


def test_a_function_for_values_is_asked_for_every_call(client: Spectron) -> None:
    users = iter(["alice", "bob"])
    retriever = SpectronRetriever(
        client=client, scopes=TEMPLATE, variables=lambda: {"org_id": "acme", "user_id": next(users)}
    )
    assert found(retriever.invoke("tea")) == ALICES
    assert found(retriever.invoke("tea")) == BOBS


def test_a_run_of_langgraph_reads_for_its_context(retriever: SpectronRetriever) -> None:
    graph_module = pytest.importorskip("langgraph.graph")

    @dataclass
    class Context:
        org_id: str
        user_id: str

    def ask(state: dict) -> dict:
        return {"answer": sorted(found(retriever.invoke(state["query"])))}

    from typing import TypedDict

    class State(TypedDict):
        query: str
        answer: list[str]

    graph = graph_module.StateGraph(State, context_schema=Context)
    graph.add_node("ask", ask)
    graph.add_edge(graph_module.START, "ask")
    run = graph.compile()
    query = {"query": "tea", "answer": []}
    assert set(run.invoke(query, context=Context("acme", "bob"))["answer"]) == BOBS
    forged = {"configurable": {"user_id": "alice"}}
    assert set(run.invoke(query, forged, context=Context("acme", "bob"))["answer"]) == BOBS
    assert set(run.invoke(query, ALICE)["answer"]) == ALICES


async def test_one_retriever_serves_many_users_at_once(retriever: SpectronRetriever) -> None:
    users = [ALICE, BOB] * 20
    answers = await asyncio.gather(*(retriever.ainvoke("tea", user) for user in users))
    assert [found(answer) for answer in answers] == [ALICES, BOBS] * 20


async def test_the_loop_is_never_blocked_by_the_adapter(retriever: SpectronRetriever) -> None:
    with blockbuster_ctx("spectron_adapters.langchain"):
        assert found(await retriever.ainvoke("tea", ALICE)) == ALICES


# --- choices of a call ---------------------------------------------------------------------------


def test_a_call_may_choose_everything(retriever: SpectronRetriever) -> None:
    def ask(**choices: object) -> set[str]:
        return found(retriever.invoke("tea", ALICE, **choices))

    assert len(ask(k=1)) == 1
    assert len(ask(top_k=2)) == 2
    assert len(ask(k=2, top_k=2)) == 2
    assert ask(lens="org/beta/user/carol") == {"Carol of Beta sells tea."}
    assert ask(scopes="org/acme/user/bob") == BOBS
    assert ask(lens="org/acme/user/{user_id}/*") == ALICES - {"The tea kitchen is on floor two."}
    assert ask(labels=["season=spring"]) == {"In March the tea was cold."}
    assert ask(labels={"season": "winter"}) == set()
    assert ask(as_of="2024-04-01T00:00:00Z") == {"In March the tea was cold."}
    assert ask(as_of=datetime(2024, 2, 1, tzinfo=timezone.utc)) == set()
    assert ask(mode="bm25") == ALICES
    assert ask(include="passages") == set()
    assert ask(scope_view="strict") == ALICES


async def test_an_async_call_may_choose_as_well(retriever: SpectronRetriever) -> None:
    documents = await retriever.ainvoke("tea", BOB, k=1, labels=[], mode="bm25")
    assert len(documents) == 1


def test_choices_of_one_call_do_not_stay(retriever: SpectronRetriever) -> None:
    retriever.invoke("tea", ALICE, k=1, lens="org/beta")
    assert found(retriever.invoke("tea", ALICE)) == ALICES


@pytest.mark.parametrize(
    ("choices", "error"),
    [
        ({"k": 0}, ValueError),
        ({"k": 51}, ValueError),
        ({"k": 2, "top_k": 3}, ValueError),
        ({"k": "3"}, TypeError),
        ({"top_k": True}, TypeError),
        ({"mode": "fuzzy"}, ValueError),
        ({"include": ["everything"]}, ValueError),
        ({"lens": ""}, ValueError),
        ({"lens": []}, ValueError),
        ({"scopes": [""]}, ValueError),
        ({"labels": ["spring"]}, ValueError),
        ({"as_of": "yesterday"}, ValueError),
        ({"as_of": datetime(2024, 1, 1)}, ValueError),
        ({"scope_view": "all"}, ValueError),
        ({"on_behalf_of": ""}, ValueError),
        ({"scope": "org/beta"}, TypeError),
        ({"limit": 3}, TypeError),
    ],
)
def test_a_wrong_choice_is_refused(
    retriever: SpectronRetriever, client: Spectron, choices: dict, error: type[Exception]
) -> None:
    with pytest.raises(error, match=next(iter(choices)) if error is TypeError else None):
        retriever.invoke("tea", ALICE, **choices)
    if error is ValueError:
        with pytest.raises(ValueError):
            SpectronRetriever(client=client, **choices)


def test_unknown_arguments_of_the_constructor_are_refused(client: Spectron) -> None:
    with pytest.raises(ValueError, match="scope"):
        SpectronRetriever(client=client, scope="org/acme")
    with pytest.raises(ValueError, match="client"):
        SpectronRetriever(client="https://example.org")


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("top_k", 1, 1),
        ("k", 2, 2),
        ("scopes", "org/acme/user/bob", 2),
        ("lens", "org/beta/*", 1),
        ("labels", ["season=spring"], 1),
        ("mode", "bm25", 3),
        ("include", ["passages"], 0),
        ("as_of", "2024-04-01T00:00:00Z", 1),
        ("scope_view", "strict", 3),
        ("on_behalf_of", "principal:admin", 3),
    ],
)
def test_every_choice_can_be_a_configurable_field(
    retriever: SpectronRetriever, field: str, value: object, expected: int
) -> None:
    run = retriever.configurable_fields(**{field: ConfigurableField(id=f"my_{field}")})
    config = {"configurable": {**ALICE["configurable"], f"my_{field}": value}}
    assert len(run.invoke("tea", config)) == expected
    assert len(run.invoke("tea", ALICE)) == 3
    assert f"my_{field}" in {spec.id for spec in run.config_specs}


def test_the_scopes_may_be_a_function_of_the_variables(client: Spectron) -> None:
    retriever = SpectronRetriever(
        client=client, scopes=lambda variables: f"org/acme/user/{variables['user_id'].lower()}"
    )
    assert found(retriever.invoke("tea", {"configurable": {"user_id": "BOB"}})) == BOBS
    with pytest.raises(ScopeResolutionError, match="user_id"):
        retriever.invoke("tea")


def test_a_subclass_may_have_fields_of_its_own(client: Spectron) -> None:
    class Polite(SpectronRetriever):
        greeting: str = "hello"

    polite = Polite(client=client, scopes="org/acme/user/bob", greeting="good day", k=1)
    assert polite.greeting == "good day"
    assert len(polite.invoke("tea")) == polite.k == polite.top_k == 1


def test_a_wrong_configurable_value_is_refused(retriever: SpectronRetriever) -> None:
    run = retriever.configurable_fields(lens=ConfigurableField(id="lens"))
    with pytest.raises(ValueError, match="lens"):
        run.invoke("tea", {"configurable": {**ALICE["configurable"], "lens": ""}})


def test_a_configuration_is_used_where_nothing_nearer_is_chosen(client: Spectron) -> None:
    config = SpectronConfig(endpoint="memory:", scopes=TEMPLATE, top_k=1, mode="bm25")
    with Spectron.from_config(config) as configured:
        for text in ("Alice has tea.", "Alice likes tea."):
            configured.remember(text, scopes="org/acme/user/alice", infer="none")
        retriever = SpectronRetriever(client=configured)
        assert len(retriever.invoke("tea", ALICE)) == 1
        assert len(retriever.invoke("tea", ALICE, k=2)) == 2
        assert len(SpectronRetriever(client=configured, k=2).invoke("tea", ALICE)) == 2
        assert retriever.invoke("tea", BOB) == []
        with pytest.raises(ScopeResolutionError, match="org_id"):
            retriever.invoke("tea")


def test_no_labels_means_none_even_where_the_client_has_some(client: Spectron) -> None:
    scoped = client.scoped(scopes="org/acme/user/alice", labels=["season=spring"])
    assert found(SpectronRetriever(client=scoped).invoke("tea")) == {"In March the tea was cold."}
    assert found(SpectronRetriever(client=scoped, labels=[]).invoke("tea")) == ALICES
    assert found(SpectronRetriever(client=scoped).invoke("tea", None, labels=[])) == ALICES


def test_a_clients_defaults_are_used_where_nothing_else_is_chosen(client: Spectron) -> None:
    scoped = client.scoped(scopes="org/acme/user/bob")
    assert found(SpectronRetriever(client=scoped).invoke("tea")) == BOBS
    nearer = SpectronRetriever(client=scoped, scopes="org/acme/user/alice")
    assert found(nearer.invoke("tea")) == ALICES


def wrappers(retriever: SpectronRetriever) -> list[BaseRetriever]:
    keep = LLMChainFilter.from_llm(FakeListChatModel(responses=["YES"]))
    rewrite = FakeListChatModel(responses=["tea\ngreen tea"])
    return [
        EnsembleRetriever(retrievers=[retriever, retriever], weights=[0.5, 0.5], id_key="id"),
        MergerRetriever(retrievers=[retriever, retriever]),
        MultiQueryRetriever.from_llm(retriever, rewrite),
        ContextualCompressionRetriever(base_compressor=keep, base_retriever=retriever),
    ]


@pytest.mark.parametrize("number", range(4))
def test_retrievers_of_langchain_over_ours_read_for_the_run(
    retriever: SpectronRetriever, number: int
) -> None:
    run = RunnablePassthrough() | wrappers(retriever)[number]
    assert found(run.invoke("tea", ALICE)) == ALICES
    assert found(run.invoke("tea", BOB)) == BOBS
    with pytest.raises(ScopeResolutionError):
        run.invoke("tea")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="ambient configuration needs Python 3.11")
@pytest.mark.parametrize("number", range(4))
async def test_retrievers_of_langchain_over_ours_read_asynchronously_for_the_run(
    retriever: SpectronRetriever, number: int
) -> None:
    run = RunnablePassthrough() | wrappers(retriever)[number]
    alice, bob = await asyncio.gather(run.ainvoke("tea", ALICE), run.ainvoke("tea", BOB))
    assert (found(alice), found(bob)) == (ALICES, BOBS)


# --- documents -----------------------------------------------------------------------------------


def test_documents_come_best_first_with_stable_metadata(retriever: SpectronRetriever) -> None:
    documents = retriever.invoke("green tea", ALICE)
    assert documents[0].page_content == "Alice drinks green tea."
    scores = [document.metadata["score"] for document in documents]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    for document in documents:
        assert document.id == document.metadata["id"]
        assert set(document.metadata) >= {
            "id", "kind", "score", "occurred_at", "scopes", "trace_id",
            "document_id", "title", "section", "position",
        }  # fmt: skip
        assert document.metadata["kind"] == "memory_chunk"
        assert document.metadata["trace_id"]
        datetime.fromisoformat(document.metadata["occurred_at"].replace("Z", "+00:00"))
    json.dumps([document.metadata for document in documents])
    assert [document.id for document in retriever.invoke("green tea", ALICE)] == [
        document.id for document in documents
    ]


def test_message_envelopes_are_never_shown(client: Spectron) -> None:
    scope = "org/acme/user/envelope"
    SpectronChatMessageHistory(client, "1", scopes=scope).add_messages(
        [
            HumanMessage([{"type": "text", "text": "Look at the lighthouse."}], name="eve"),
            AIMessage("", tool_calls=[{"name": "lighthouse", "args": {"a": 1}, "id": "1"}]),
            HumanMessage("lighthouse " * 2000, id="long"),
        ]
    )
    documents = SpectronRetriever(client=client, lens=f"{scope}/*", k=50).invoke("lighthouse")
    assert documents
    for document in documents:
        assert document.page_content.strip()
        assert "\x1e" not in document.page_content
        assert '"fw"' not in document.page_content


def test_what_the_service_says_of_a_passage_reaches_the_metadata(client: Spectron) -> None:
    from spectron_adapters.langchain.retriever import _memories, _passages

    (passage,) = _passages(
        DocumentQueryResponse.model_validate(
            {
                "results": [
                    {
                        "score": 0.5,
                        "chunk": {
                            "id": "chunk:1", "document": "document:1", "text": "Tea is hot.",
                            "section": "Drinks", "position": 3, "charStart": 10, "charEnd": 21,
                        },
                        "document": {"id": "document:1", "title": "Menu", "source": "menu.pdf"},
                        "graphEvidence": [{"edgeKind": "section_match", "weight": 1}],
                    }
                ]
            }
        )
    )  # fmt: skip
    assert (passage.id, passage.page_content) == ("chunk:1", "Tea is hot.")
    assert passage.metadata == {
        "id": "chunk:1",
        "kind": "chunk",
        "score": 0.5,
        "occurred_at": None,
        "scopes": None,
        "trace_id": None,
        "document_id": "document:1",
        "title": "Menu",
        "section": "Drinks",
        "position": 3,
        "source": "menu.pdf",
        "char_start": 10,
        "char_end": 21,
        "graph_evidence": [{"edgeKind": "section_match", "weight": 1}],
    }
    hit, enveloped = _memories(
        RecallResponse.model_validate(
            {
                "hits": [
                    {
                        "id": "chunk:1", "score": 1, "source": "chunk", "text": "Tea is hot.",
                        "scopes": [["org/acme"]], "document": "document:1",
                        "documentTitle": "Menu", "section": "Drinks", "position": 3,
                    },
                    {"id": "chunk:2", "score": 0.5, "source": "chunk", "text": " "},
                    {"id": "chunk:3", "score": 0.4, "source": "memory_chunk",
                     "text": 'Cold.\x1e{"v":1,"fw":"langchain","m":{}}'},
                    {"id": "chunk:4", "score": 0.3, "source": "memory_chunk",
                     "text": '\x1e{"v":1,"fw":"langchain","m":{}}'},
                ]
            }
        )
    )  # fmt: skip
    assert hit.metadata["scopes"] == [["org/acme"]]
    assert hit.metadata["document_id"] == "document:1"
    assert hit.metadata["title"] == "Menu"
    assert enveloped.page_content == "Cold."


@pytest.mark.parametrize(
    "choice",
    [
        {"labels": ["a=b"]},
        {"include": ["facts"]},
        {"as_of": "2024-01-01T00:00:00Z"},
        {"scope_view": "merged"},
    ],
)
def test_filters_that_documents_do_not_have_are_refused(client: Spectron, choice: dict) -> None:
    name = next(iter(choice))
    with pytest.raises(ValueError, match=name):
        SpectronRetriever(client=client, source="documents", **choice)
    retriever = SpectronRetriever(client=client, source="documents")
    with pytest.raises(ValueError, match=name):
        retriever.invoke("tea", None, **choice)
    if name == "labels":
        labelled = SpectronRetriever(client=client.scoped(labels=["a=b"]), source="documents")
        with pytest.raises(ValueError, match="labels"):
            labelled.invoke("tea")


def test_document_options_are_checked(client: Spectron) -> None:
    with pytest.raises(ValueError, match="document_options"):
        SpectronRetriever(client=client, document_options={"threshold": 0.5})
    with pytest.raises(ValueError, match="treshold"):
        SpectronRetriever(client=client, source="documents", document_options={"treshold": 0.5})
    options = {"threshold": 0.5, "filter": {"document_ids": ["document:1"]}}
    made = SpectronRetriever(client=client, source="documents", document_options=options)
    assert made.document_options == options


async def test_documents_are_asked_for_with_lens_and_options() -> None:
    asked: list[tuple[str, dict]] = []

    def service(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.path, json.loads(request.content)))
        chunk = {"id": "chunk:1", "text": "Tea is hot.", "position": 0}
        return httpx.Response(200, json={"results": [{"score": 0.7, "chunk": chunk}]})

    client = Spectron("acme", "https://memory.invalid", transport=httpx.MockTransport(service))
    retriever = SpectronRetriever(
        client=client,
        source="documents",
        scopes=TEMPLATE,
        k=3,
        mode="graph",
        document_options={"threshold": 0.5, "filter": {"document_ids": ["document:1"]}},
    )
    expected = {
        "query": "tea",
        "k": 3,
        "mode": "graph",
        "threshold": 0.5,
        "filter": {"documentIds": ["document:1"]},
        "lens": [["org/acme/user/alice"]],
    }
    assert found(retriever.invoke("tea", ALICE)) == {"Tea is hot."}
    assert found(await retriever.ainvoke("tea", ALICE)) == {"Tea is hot."}
    assert asked == [("/api/v1/acme/documents/query", expected)] * 2


# --- LangChain's surroundings --------------------------------------------------------------------


class Recorder(BaseCallbackHandler):
    def __init__(self) -> None:
        self.started: list[dict] = []
        self.failed: list[BaseException] = []

    def on_retriever_start(self, serialized, query, **given):
        self.started.append(given)

    def on_retriever_error(self, error, **given):
        self.failed.append(error)


def test_runs_are_traced_with_names_and_tags_and_without_identity(client: Spectron) -> None:
    recorder = Recorder()
    retriever = SpectronRetriever(
        client=client, scopes=TEMPLATE, tags=["memory"], metadata={"app": "shop"}
    )
    retriever.invoke("tea", {**ALICE, "callbacks": [recorder], "tags": ["run"]})
    (start,) = recorder.started
    assert set(start["tags"]) >= {"memory", "run"}
    assert start["metadata"]["ls_retriever_name"] == "spectron"
    assert start["metadata"]["app"] == "shop"
    assert "user_id" not in start["metadata"]


def test_a_missing_variable_is_traced_as_an_error_of_the_run(retriever: SpectronRetriever) -> None:
    recorder = Recorder()
    with pytest.raises(ScopeResolutionError):
        retriever.invoke("tea", {"callbacks": [recorder]})
    assert [type(error) for error in recorder.failed] == [ScopeResolutionError]


def test_nothing_of_the_client_is_shown_or_dumped() -> None:
    secret = "sp-1-verysecret"
    with Spectron("acme", "https://memory.invalid", secret) as client:
        retriever = SpectronRetriever(client=client, scopes=TEMPLATE, name="memory")
        shown = [repr(retriever), str(retriever), dumps(retriever), str(dumpd(retriever))]
        shown.append(str(retriever.model_dump()))
        assert not SpectronRetriever.is_lc_serializable()
        assert all(secret not in text for text in shown)
        assert "client" not in retriever.model_dump()
        assert secret.encode() not in _pickled(retriever)


def _pickled(value: object) -> bytes:
    try:
        return pickle.dumps(value)
    except Exception as error:
        return repr(error).encode()


def test_the_package_imports_no_other_framework_and_names_missing_extras() -> None:
    script = """
import importlib.abc, sys

class Without(importlib.abc.MetaPathFinder):
    def __init__(self, name): self.name = name
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == self.name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

without_classic = Without("langchain_classic")
sys.meta_path.insert(0, without_classic)
sys.modules["langchain_classic"] = None
import spectron_adapters.langchain as adapters
from spectron_adapters.langchain import *
assert SpectronRetriever and SpectronChatMessageHistory
assert not {"llama_index", "langgraph", "langchain"} & set(sys.modules)
try:
    adapters.SpectronMemory
except ImportError as error:
    assert "langchain-classic" in str(error) and "spectron-adapters[" in str(error), error
else:
    raise AssertionError("imported without langchain-classic")
try:
    adapters.Unknown
except AttributeError:
    pass
else:
    raise AssertionError("unknown name")

for name in [name for name in sys.modules if name.startswith(("spectron", "langchain"))]:
    del sys.modules[name]
sys.modules["langchain_core"] = None
try:
    import spectron_adapters.langchain
except ImportError as error:
    assert "langchain-core" in str(error) and "spectron-adapters[langchain]" in str(error), error
else:
    raise AssertionError("imported without langchain-core")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
