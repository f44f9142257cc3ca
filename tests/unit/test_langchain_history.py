"""The LangChain chat history, on the engine in the process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import httpx
import pytest
from blockbuster import blockbuster_ctx
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory

from spectron_adapters import AsyncSpectron, Spectron, SpectronConfig
from spectron_adapters.errors import ScopeResolutionError, SpectronResponseError
from spectron_adapters.langchain import SpectronChatMessageHistory
from spectron_adapters.local import open_transport
from spectron_adapters.models import RecallHit
from spectron_adapters.prompting import render_memory
from spectron_adapters.scopes import ScopeSet, session_key

ALICE = "org/acme/user/alice"
BLOCK = render_memory(
    [RecallHit(id="1", score=0.9, source="attribute", text="Alice lives in Lisbon.")],
    max_tokens=500,
).text


@pytest.fixture
def client() -> Iterator[Spectron]:
    with Spectron.local() as opened:
        yield opened


def history(client: Spectron | AsyncSpectron, session_id: str = "1", **options):
    return SpectronChatMessageHistory(client, session_id, **{"scopes": ALICE, **options})


def texts(messages: list[BaseMessage]) -> list[str]:
    return [str(message.content) for message in messages]


EVERY_KIND: list[BaseMessage] = [
    SystemMessage("Be brief.", id="s-1"),
    HumanMessage("What is the weather in Kraków? 🌦", name="alice", id="h-1"),
    HumanMessage(
        [
            {"type": "text", "text": "And this?"},
            {"type": "image", "base64": "aGVsbG8=", "mime_type": "image/png"},
        ]
    ),
    AIMessage(
        "",
        id="a-1",
        tool_calls=[{"name": "weather", "args": {"city": "Kraków", "days": 2}, "id": "call-1"}],
        invalid_tool_calls=[
            {
                "name": "map",
                "args": "{",
                "id": "call-2",
                "error": "no JSON",
                "type": "invalid_tool_call",
            }
        ],
        usage_metadata={"input_tokens": 5, "output_tokens": 7, "total_tokens": 12},
        response_metadata={"model_name": "test", "finish_reason": "tool_calls"},
    ),
    ToolMessage(
        "12 degrees", tool_call_id="call-1", name="weather", artifact={"raw": [1, 2.5, None]}
    ),
    ToolMessage("timeout", tool_call_id="call-2", status="error"),
    AIMessage("It is 12 degrees.", additional_kwargs={"refusal": None}),
    AIMessageChunk("partial", id="a-2"),
    FunctionMessage("42", name="answer"),
    ChatMessage("As the critic says.", role="critic"),
    RemoveMessage(id="h-1"),
]


# --- what is stored ------------------------------------------------------------------------------


def test_every_kind_of_message_comes_back_whole_and_in_order(client: Spectron) -> None:
    history(client).add_messages(EVERY_KIND)
    assert history(client).messages == EVERY_KIND
    assert [type(message) for message in history(client).messages] == [
        type(message) for message in EVERY_KIND
    ]


async def test_async_methods_store_and_read_the_same_messages(client: Spectron) -> None:
    await history(client).aadd_messages(EVERY_KIND)
    assert await history(client).aget_messages() == EVERY_KIND
    assert history(client.as_async()).messages == EVERY_KIND


def test_convenience_methods_of_langchain_work(client: Spectron) -> None:
    chat = history(client)
    chat.add_user_message("hello")
    chat.add_ai_message("hi")
    chat.add_message(SystemMessage("be kind"))
    assert chat.messages == [HumanMessage("hello"), AIMessage("hi"), SystemMessage("be kind")]
    assert str(chat) == "Human: hello\nAI: hi\nSystem: be kind"


def test_saying_the_same_twice_stores_it_twice(client: Spectron) -> None:
    chat = history(client)
    chat.add_messages([HumanMessage("ok")])
    chat.add_messages([HumanMessage("ok")])
    chat.add_messages([HumanMessage("ok"), HumanMessage("ok")])
    assert texts(chat.messages) == ["ok"] * 4


@pytest.mark.parametrize(
    "text",
    ["", " ", "\n", "\x1e", 'x\x1e{"v":1}', "\x00", "{braces} {0} {{x}}", "a\u2028b", "\ud800"],
)
def test_awkward_texts_come_back_exactly(client: Spectron, text: str) -> None:
    chat = history(client)
    chat.add_messages([HumanMessage(text), AIMessage(text)])
    assert texts(chat.messages) == [text, text]


def test_a_message_that_cannot_be_stored_stops_the_whole_batch(client: Spectron) -> None:
    chat = history(client)
    bad = ToolMessage("x", tool_call_id="1", artifact={"open": object()})
    with pytest.raises(ValueError, match="artifact"):
        chat.add_messages([HumanMessage("first"), bad])
    assert chat.messages == []


@pytest.mark.parametrize("wrong", [["hi"], [("human", "hi")], HumanMessage("hi"), "hi"])
def test_what_is_no_message_is_refused_with_all_that_comes_with_it(
    client: Spectron, wrong: object
) -> None:
    with pytest.raises(TypeError, match="messages are LangChain messages"):
        history(client).add_messages([HumanMessage("first"), *wrong])
    with pytest.raises(TypeError, match="messages are LangChain messages"):
        history(client).add_messages(wrong)
    assert history(client).messages == []


def test_adding_nothing_creates_nothing(client: Spectron) -> None:
    history(client).add_messages([])
    assert [session.id for session in client.sessions.list().sessions] == []


def test_messages_are_fresh_objects_each_time(client: Spectron) -> None:
    chat = history(client)
    original = HumanMessage("hello", additional_kwargs={"list": [1]})
    chat.add_messages([original])
    original.additional_kwargs["list"].append(2)
    first = chat.messages
    first[0].additional_kwargs["list"].append(3)
    first.clear()
    assert chat.messages[0].additional_kwargs == {"list": [1]}


def test_messages_cannot_be_assigned(client: Spectron) -> None:
    with pytest.raises(AttributeError, match="add_messages"):
        history(client).messages = []


def test_recalled_memory_is_never_stored_again(client: Spectron) -> None:
    chat = history(client)
    chat.add_messages(
        [
            SystemMessage(BLOCK),
            SystemMessage(f"Be brief.\n\n{BLOCK}"),
            HumanMessage([{"type": "text", "text": f"Hello\n\n{BLOCK}"}]),
            AIMessage(BLOCK, tool_calls=[{"name": "f", "args": {}, "id": "1"}]),
            ToolMessage(BLOCK, tool_call_id="1"),
        ]
    )
    assert [message.content for message in chat.messages] == [
        "Be brief.",
        [{"type": "text", "text": "Hello"}],
        "",
        "",
    ]
    assert not client.recall("Lisbon", lens=ALICE).hits


def test_a_content_block_that_held_only_memory_is_left_out(client: Spectron) -> None:
    image = {"type": "image", "url": "https://a.example/b"}
    history(client).add_messages(
        [
            HumanMessage([{"type": "text", "text": BLOCK}, {"type": "text", "text": "Hi."}, image]),
            HumanMessage([{"type": "text", "text": BLOCK}]),
        ]
    )
    assert history(client).messages == [HumanMessage([{"type": "text", "text": "Hi."}, image])]


def test_given_times_are_the_known_times(client: Spectron) -> None:
    said = datetime(2024, 5, 1, 9, 30, tzinfo=timezone(timedelta(hours=2)))
    chat = history(client, message_time=lambda message: said)
    chat.add_messages([HumanMessage("The harbour opens in May.")])
    (hit,) = client.recall("harbour", lens=ALICE).hits
    assert datetime.fromisoformat(str(hit.occurred_at).replace("Z", "+00:00")) == said
    assert not client.recall("harbour", lens=ALICE, as_of="2024-04-30T00:00:00Z").hits


def test_times_may_be_missing_for_some_messages(client: Spectron) -> None:
    times = {"old": "2020-01-01T00:00:00Z"}
    chat = history(client, message_time=lambda message: times.get(str(message.content)))
    chat.add_messages([HumanMessage("old"), HumanMessage("new")])
    known = {hit.text: str(hit.occurred_at) for hit in client.recall("old new", lens=ALICE).hits}
    assert known["old"].startswith("2020-01-01")
    assert not known["new"].startswith("2020-01-01")


def test_a_time_without_zone_is_refused_before_anything_is_sent(client: Spectron) -> None:
    chat = history(client, message_time=lambda message: datetime(2024, 1, 1))
    with pytest.raises(ValueError, match="time zone"):
        chat.add_messages([HumanMessage("x")])
    assert chat.messages == []


def test_labels_are_put_on_what_is_stored(client: Spectron) -> None:
    history(client, labels={"app": "shop"}).add_messages([HumanMessage("The parcel is late.")])
    assert client.recall("parcel", lens=ALICE, labels=["app=shop"]).hits
    assert not client.recall("parcel", lens=ALICE, labels=["app=other"]).hits


def test_facts_are_extracted_on_request_only(client: Spectron) -> None:
    history(client, "plain").add_messages([HumanMessage("My name is Alice.")])
    assert client.entities.list().entities == []
    history(client, "learned", infer="full").add_messages([HumanMessage("My name is Alice.")])
    assert client.entities.list().entities != []
    assert texts(history(client, "learned").messages) == ["My name is Alice."]


# --- requests ------------------------------------------------------------------------------------


class Wire(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The engine in the process, with a record of who asked it for what."""

    def __init__(self) -> None:
        self.engine = open_transport(None)
        self.seen: list[tuple[str, str, str, int]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._note("sync", request)
        return self.engine.handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._note("async", request)
        return await self.engine.handle_async_request(request)

    def _note(self, world: str, request: httpx.Request) -> None:
        route = request.url.path.removeprefix("/api/v1/default").partition("/sessions/")
        self.seen.append((world, request.method, route[0] or "/sessions", threading.get_ident()))

    def taken(self) -> list[tuple[str, str, str]]:
        """What was asked since the last look, all of it from this thread."""
        assert {seen[3] for seen in self.seen} <= {threading.get_ident()}
        taken, self.seen = [seen[:3] for seen in self.seen], []
        return taken


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.engine.close()


@pytest.mark.parametrize("kind", [Spectron, AsyncSpectron])
async def test_each_method_is_native_and_takes_as_few_requests_as_it_can(
    wire: Wire, kind: type[Spectron | AsyncSpectron]
) -> None:
    chat = history(kind("default", "https://memory.invalid", transport=wire), page_size=10)
    chat.add_messages(EVERY_KIND)
    assert wire.taken() == [("sync", "POST", "/facts/batch")]
    await chat.aadd_messages(EVERY_KIND)
    assert wire.taken() == [("async", "POST", "/facts/batch")]
    assert len(chat.messages) == 2 * len(EVERY_KIND)
    assert wire.taken() == [("sync", "GET", "/sessions")] * 3
    assert len(await chat.aget_messages()) == 2 * len(EVERY_KIND)
    assert wire.taken() == [("async", "GET", "/sessions")] * 3
    await chat.aclear()
    assert wire.taken() == [("async", "DELETE", "/sessions")]
    chat.clear()
    assert wire.taken() == [("sync", "DELETE", "/sessions")]
    chat.add_messages([])
    await chat.aadd_messages([])
    assert wire.taken() == []


def test_making_histories_asks_the_service_nothing(wire: Wire) -> None:
    client = Spectron("default", "https://memory.invalid", transport=wire)
    history(client)
    SpectronChatMessageHistory.factory(client, scopes=ALICE)("1")
    assert wire.taken() == []


# --- pages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 6, 7, 8, 14, 15])
def test_every_page_is_read(client: Spectron, count: int) -> None:
    chat = history(client, page_size=7)
    chat.add_messages([HumanMessage(str(number)) for number in range(count)])
    assert texts(chat.messages) == [str(number) for number in range(count)]


def test_more_than_one_full_page_of_the_service_is_read(client: Spectron) -> None:
    chat = history(client)
    chat.add_messages([HumanMessage(str(number)) for number in range(1203)])
    assert texts(chat.messages) == [str(number) for number in range(1203)]


def test_reading_is_complete_while_another_writer_appends(client: Spectron) -> None:
    chat = history(client, page_size=3)
    chat.add_messages([HumanMessage(str(number)) for number in range(30)])
    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(
            lambda: [history(client).add_messages([HumanMessage(f"new {n}")]) for n in range(20)]
        )
        readings = [texts(chat.messages) for _ in range(10)]
        writing.result()
    expected = [*map(str, range(30)), *(f"new {number}" for number in range(20))]
    for reading in [*readings, texts(chat.messages)]:
        assert reading == expected[: len(reading)]
        assert len(reading) >= 30
    assert texts(chat.messages) == expected


def test_writers_at_the_same_time_lose_nothing_and_keep_batches_together(client: Spectron) -> None:
    def write(writer: int) -> None:
        for turn in range(10):
            history(client).add_messages(
                [HumanMessage(f"{writer}-{turn}?"), AIMessage(f"{writer}-{turn}!")]
            )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    said = texts(history(client).messages)
    assert len(said) == 80
    for question, answer in zip(said[::2], said[1::2], strict=True):
        assert question.rstrip("?") == answer.rstrip("!")
    for writer in range(4):
        mine = [text for text in said if text.startswith(f"{writer}-") and text.endswith("?")]
        assert mine == [f"{writer}-{turn}?" for turn in range(10)]


async def test_async_writers_at_the_same_time_lose_nothing(client: Spectron) -> None:
    chats = [history(client) for _ in range(16)]
    await asyncio.gather(
        *(chat.aadd_messages([HumanMessage(str(n))]) for n, chat in enumerate(chats))
    )
    assert sorted(texts(await chats[0].aget_messages()), key=int) == [str(n) for n in range(16)]


async def test_the_loop_is_never_blocked_by_the_adapter(client: Spectron) -> None:
    with blockbuster_ctx("spectron_adapters.langchain"):
        chat = history(client)
        await chat.aadd_messages(EVERY_KIND)
        assert await chat.aget_messages() == EVERY_KIND
        await chat.aclear()


# --- sessions ------------------------------------------------------------------------------------


def test_an_unknown_session_is_empty(client: Spectron) -> None:
    assert history(client, "never used").messages == []


def test_a_cleared_session_is_empty_and_usable(client: Spectron) -> None:
    chat = history(client)
    chat.add_messages([HumanMessage("before")])
    chat.clear()
    assert chat.messages == []
    chat.clear()
    chat.add_messages([HumanMessage("after")])
    assert texts(chat.messages) == ["after"]


async def test_a_session_cleared_asynchronously_is_empty_and_usable(client: Spectron) -> None:
    chat = history(client)
    await chat.aadd_messages([HumanMessage("before")])
    await chat.aclear()
    await chat.aclear()
    assert await chat.aget_messages() == []
    await chat.aadd_messages([HumanMessage("after")])
    assert texts(await chat.aget_messages()) == ["after"]


def test_clearing_touches_neither_other_sessions_nor_other_scopes(client: Spectron) -> None:
    bob = "org/acme/user/bob"
    for session, scopes in [("1", ALICE), ("2", ALICE), ("1", bob)]:
        history(client, session, scopes=scopes).add_messages([HumanMessage(session + scopes)])
    history(client, "1").clear()
    assert history(client, "1").messages == []
    assert texts(history(client, "2").messages) == ["2" + ALICE]
    assert texts(history(client, "1", scopes=bob).messages) == ["1" + bob]


def test_the_service_knows_the_session_by_a_name_of_its_scope(client: Spectron) -> None:
    chat = history(client, "tour/1")
    assert chat.session_id == "tour/1"
    assert chat.session_key == session_key("tour/1", ScopeSet.parse(ALICE))
    assert SpectronChatMessageHistory(client, "tour/1").session_key == "tour%2F1"
    assert ALICE in repr(chat)


def test_edits_made_by_another_framework_are_applied(client: Spectron) -> None:
    from spectron_adapters.transcripts import delete_edit

    chat = history(client)
    chat.add_messages([HumanMessage("keep"), HumanMessage("drop"), HumanMessage("keep too")])
    turns = client.sessions.turns(chat.session_key).turns
    edit = delete_edit([turns[1].id])
    client.remember_many(
        [{"role": edit.role, "content": edit.content}],
        session_id=chat.session_key,
        scopes=ALICE,
        infer="none",
    )
    assert texts(chat.messages) == ["keep", "keep too"]


def test_a_damaged_message_names_its_turn(client: Spectron) -> None:
    chat = history(client)
    client.remember_many(
        [{"role": "user", "content": 'cut\x1e{"v":1,"fw":"langchain","m":{"ty'}],
        session_id=chat.session_key,
        scopes=ALICE,
        infer="none",
    )
    (turn,) = client.sessions.turns(chat.session_key).turns
    with pytest.raises(SpectronResponseError, match=turn.id):
        _ = chat.messages


# --- arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize("session_id", ["", " ", "\u200b"])
def test_a_blank_session_is_refused(client: Spectron, session_id: str) -> None:
    with pytest.raises(ValueError, match="blank"):
        history(client, session_id)


@pytest.mark.parametrize("scopes", ["", " ", [], [""], [[]], "a//b", "org/*"])
def test_a_blank_or_malformed_scope_is_refused(client: Spectron, scopes: object) -> None:
    with pytest.raises(ValueError):
        history(client, scopes=scopes)


@pytest.mark.parametrize("page_size", [0, 501, -1, True, 2.0, "7"])
def test_an_impossible_page_size_is_refused(client: Spectron, page_size: object) -> None:
    with pytest.raises(ValueError, match="page_size"):
        history(client, page_size=page_size)


@pytest.mark.parametrize("infer", ["triples", "preview", "", None])
def test_modes_that_do_not_store_messages_are_refused(client: Spectron, infer: object) -> None:
    with pytest.raises(ValueError, match="infer"):
        history(client, infer=infer)


def test_a_template_is_filled_once_when_the_history_is_made(client: Spectron) -> None:
    template = "org/{org_id}/user/{user_id}"
    chat = history(client, scopes=template, variables={"org_id": "acme", "user_id": "alice"})
    assert chat.session_key == history(client).session_key
    with pytest.raises(ScopeResolutionError, match="user_id"):
        history(client, scopes=template, variables={"org_id": "acme"})


def test_a_clients_scope_is_the_default(client: Spectron) -> None:
    scoped = client.scoped(scopes=ALICE)
    assert SpectronChatMessageHistory(scoped, "1").session_key == history(client).session_key


# --- RunnableWithMessageHistory ------------------------------------------------------------------

TEMPLATE = "org/{org_id}/user/{user_id}"


def conversation(factory, replies: list[str]) -> RunnableWithMessageHistory:
    prompt = ChatPromptTemplate([MessagesPlaceholder("history"), ("human", "{input}")])
    with pytest.warns(DeprecationWarning, match="RunnableWithMessageHistory"):
        return RunnableWithMessageHistory(
            prompt | FakeListChatModel(responses=replies),
            factory,
            input_messages_key="input",
            history_messages_key="history",
            history_factory_config=factory.history_factory_config,
        )


def run_config(**configurable: object) -> dict:
    return {"configurable": configurable}


def test_the_factory_serves_the_wrapper_with_several_fields(client: Spectron) -> None:
    factory = SpectronChatMessageHistory.factory(client, scopes=TEMPLATE)
    assert [spec.id for spec in factory.history_factory_config] == [
        "session_id",
        "org_id",
        "user_id",
    ]
    chain = conversation(factory, ["Hello, Alice.", "You are Alice."])
    mine = run_config(org_id="acme", user_id="alice", session_id="1")
    chain.invoke({"input": "I am Alice."}, mine)
    chain.invoke({"input": "Who am I?"}, mine)
    assert texts(history(client).messages) == [
        "I am Alice.",
        "Hello, Alice.",
        "Who am I?",
        "You are Alice.",
    ]


def test_the_factory_serves_the_wrapper_with_the_session_alone(client: Spectron) -> None:
    factory = SpectronChatMessageHistory.factory(client, scopes=ALICE)
    chain = conversation(factory, ["Hi."])
    chain.invoke({"input": "Hello."}, run_config(session_id="1"))
    assert texts(history(client).messages) == ["Hello.", "Hi."]


async def test_the_wrapper_works_asynchronously_and_streaming(client: Spectron) -> None:
    factory = SpectronChatMessageHistory.factory(client.as_async(), scopes=TEMPLATE)
    chain = conversation(factory, ["one", "two", "three"])
    mine = run_config(org_id="acme", user_id="alice", session_id="1")
    await chain.ainvoke({"input": "1"}, mine)
    assert (
        "".join([str(chunk.content) async for chunk in chain.astream({"input": "2"}, mine)])
        == "two"
    )
    assert "".join(str(chunk.content) for chunk in chain.stream({"input": "3"}, mine)) == "three"
    assert texts(history(client).messages) == ["1", "one", "2", "two", "3", "three"]


def test_a_configured_template_announces_its_variables() -> None:
    config = SpectronConfig(
        endpoint="memory:", scopes=TEMPLATE, lens="org/{org_id}/team/{team_id}", labels=["app=shop"]
    )
    with Spectron.from_config(config) as configured:
        factory = SpectronChatMessageHistory.factory(configured)
        names = [spec.id for spec in factory.history_factory_config]
        assert names == ["session_id", "org_id", "user_id"]
        made = factory("1", org_id="acme", user_id="alice")
        made.add_user_message("hello")
        assert ALICE in repr(made)
        assert configured.recall("hello", lens=ALICE, labels=["app=shop"]).hits


def test_the_wrapper_stores_whole_messages_without_a_history_key(client: Spectron) -> None:
    factory = SpectronChatMessageHistory.factory(client, scopes=ALICE)
    call = AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "1"}], id="a")
    result = ToolMessage("4", tool_call_id="1")
    with pytest.warns(DeprecationWarning, match="RunnableWithMessageHistory"):
        chain = RunnableWithMessageHistory(RunnableLambda(lambda messages: [call, result]), factory)
    chain.invoke([HumanMessage("2 + 2?")], run_config(session_id="1"))
    chain.invoke([HumanMessage("again")], run_config(session_id="1"))
    expected = [HumanMessage("2 + 2?"), call, result, HumanMessage("again"), call, result]
    assert history(client).messages == expected


def test_what_is_no_client_is_refused() -> None:
    config = SpectronConfig(endpoint="memory:")
    for wrong in (config, "memory:", None):
        with pytest.raises(TypeError, match="client is a Spectron or an AsyncSpectron"):
            SpectronChatMessageHistory(wrong, "1")
        with pytest.raises(TypeError, match="client is a Spectron or an AsyncSpectron"):
            SpectronChatMessageHistory.factory(wrong)


def test_wrong_options_are_refused_when_the_factory_is_made(client: Spectron) -> None:
    with pytest.raises(ValueError, match="infer"):
        SpectronChatMessageHistory.factory(client, infer="triples")
    with pytest.raises(ValueError, match="page_size"):
        SpectronChatMessageHistory.factory(client, page_size=0)
    with pytest.raises(ValueError, match="blank"):
        SpectronChatMessageHistory.factory(client, scopes="")


def test_the_session_may_be_called_otherwise_and_be_part_of_the_scope(client: Spectron) -> None:
    factory = SpectronChatMessageHistory.factory(
        client, scopes="user/{user_id}/thread/{thread_id}", session_field="thread_id"
    )
    assert [spec.id for spec in factory.history_factory_config] == ["thread_id", "user_id"]
    made = factory(thread_id="7", user_id="alice")
    assert made.session_id == "7"
    assert "user/alice/thread/7" in repr(made)


def test_fixed_variables_need_no_field_and_cannot_be_changed(client: Spectron) -> None:
    factory = SpectronChatMessageHistory.factory(
        client, scopes=TEMPLATE, variables={"org_id": "acme"}
    )
    assert [spec.id for spec in factory.history_factory_config] == ["session_id", "user_id"]
    assert ALICE in repr(factory("1", user_id="alice"))
    with pytest.raises(TypeError, match="org_id"):
        factory("1", user_id="alice", org_id="other")


@pytest.mark.parametrize("missing", ["session_id", "org_id", "user_id"])
def test_a_missing_field_raises_and_stores_nothing(client: Spectron, missing: str) -> None:
    factory = SpectronChatMessageHistory.factory(client, scopes=TEMPLATE)
    given = {"session_id": "1", "org_id": "acme", "user_id": "alice"}
    del given[missing]
    chain = conversation(factory, ["no"])
    with pytest.raises(ValueError, match=missing):
        chain.invoke({"input": "hi"}, run_config(**given))
    with pytest.raises(ScopeResolutionError, match=missing):
        factory(**given)
    assert client.sessions.list().sessions == []


@pytest.mark.parametrize("name", ["session_id", "org_id", "user_id"])
@pytest.mark.parametrize("value", ["", " ", None, "\u200b", [], {}, True, 1.5])
def test_a_blank_or_odd_field_raises_and_stores_nothing(
    client: Spectron, name: str, value: object
) -> None:
    factory = SpectronChatMessageHistory.factory(client, scopes=TEMPLATE)
    chain = conversation(factory, ["no"])
    given = {"session_id": "1", "org_id": "acme", "user_id": "alice", name: value}
    with pytest.raises(ScopeResolutionError, match=name):
        chain.invoke({"input": "hi"}, run_config(**given))
    assert client.sessions.list().sessions == []


def test_a_scopes_function_cannot_announce_its_variables(client: Spectron) -> None:
    with pytest.raises(TypeError, match="template"):
        SpectronChatMessageHistory.factory(client, scopes=lambda variables: ALICE)


@pytest.mark.parametrize("session_field", ["", "session id", "org_id"])
def test_an_impossible_session_field_is_refused(client: Spectron, session_field: str) -> None:
    with pytest.raises(ValueError, match="session_field"):
        SpectronChatMessageHistory.factory(
            client, scopes=TEMPLATE, session_field=session_field, variables={"org_id": "acme"}
        )
