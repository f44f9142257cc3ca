"""The LlamaIndex chat store, compared with LlamaIndex's own where that defines behaviour."""

from __future__ import annotations

import asyncio
import base64
import pickle
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.storage.chat_store import SimpleChatStore
from llama_index.core.storage.chat_store.base import BaseChatStore

from spectron_adapters import AsyncSpectron, ScopeResolutionError, Spectron, SpectronConfig
from spectron_adapters.llama_index import SpectronChatStore
from spectron_adapters.prompting import render_context, with_memory
from spectron_adapters.scopes import ScopeSet, session_key

ALICE = "org/acme/user/alice"


@pytest.fixture
def client() -> Iterator[Spectron]:
    with Spectron.local() as client:
        yield client


@pytest.fixture(params=["simple", "spectron", "spectron-purge"])
def any_store(request: pytest.FixtureRequest, client: Spectron) -> BaseChatStore:
    if request.param == "simple":
        return SimpleChatStore()
    return SpectronChatStore(client=client, scopes=ALICE, purge=request.param.endswith("purge"))


@pytest.fixture
def store(client: Spectron) -> SpectronChatStore:
    return SpectronChatStore(client=client, scopes=ALICE)


def said(*texts: str) -> list[ChatMessage]:
    return [ChatMessage(role="user", content=text) for text in texts]


def texts(messages: list[ChatMessage] | None) -> list[str | None]:
    return [message.content for message in messages or []]


class TestAsLlamaIndexsOwn:
    """The same calls on `SimpleChatStore` and on ours give the same answers."""

    def test_an_unknown_key_has_no_messages(self, any_store: BaseChatStore):
        assert any_store.get_messages("nobody") == []
        assert any_store.delete_messages("nobody") is None
        assert any_store.delete_message("nobody", 0) is None
        assert any_store.delete_last_message("nobody") is None
        assert any_store.get_keys() == []

    def test_equal_messages_are_kept_as_often_as_they_are_added(self, any_store: BaseChatStore):
        for message in said("ok", "ok", "ok"):
            any_store.add_message("k", message)
        assert texts(any_store.get_messages("k")) == ["ok", "ok", "ok"]

    def test_setting_replaces(self, any_store: BaseChatStore):
        any_store.set_messages("k", said("a", "b"))
        any_store.set_messages("k", said("c"))
        any_store.add_message("k", said("d")[0])
        assert texts(any_store.get_messages("k")) == ["c", "d"]

    @pytest.mark.parametrize("idx", [0, 1, 2, 3, -1, -4])
    def test_deleting_at_every_position(self, any_store: BaseChatStore, idx: int):
        any_store.set_messages("k", said("a", "b", "c", "d"))
        expected = ["a", "b", "c", "d"]
        deleted = any_store.delete_message("k", idx)
        assert deleted is not None
        assert deleted.content == expected.pop(idx)
        assert texts(any_store.get_messages("k")) == expected

    def test_a_position_behind_the_end_deletes_nothing(self, any_store: BaseChatStore):
        any_store.set_messages("k", said("a"))
        assert any_store.delete_message("k", 1) is None
        assert texts(any_store.get_messages("k")) == ["a"]

    def test_deleting_the_last_again_and_again(self, any_store: BaseChatStore):
        any_store.set_messages("k", said("a", "b"))
        last = [any_store.delete_last_message("k"), any_store.delete_last_message("k")]
        assert [message.content for message in last if message] == ["b", "a"]
        assert any_store.get_messages("k") == []

    def test_deleting_a_key_gives_its_messages_and_removes_it(self, any_store: BaseChatStore):
        any_store.set_messages("k", said("a", "b"))
        any_store.set_messages("other", said("c"))
        assert texts(any_store.delete_messages("k")) == ["a", "b"]
        assert any_store.get_keys() == ["other"]
        any_store.add_message("k", said("new")[0])
        assert texts(any_store.get_messages("k")) == ["new"]

    def test_inserting_into_nothing(self, any_store: BaseChatStore):
        any_store.add_message("k", said("a")[0], idx=-1)  # type: ignore[call-arg]
        assert texts(any_store.get_messages("k")) == ["a"]

    @pytest.mark.parametrize("idx", [0, 1, 3, 9, -1, -9])
    def test_inserting_at_a_position(self, any_store: BaseChatStore, idx: int):
        any_store.set_messages("k", said("a", "b", "c"))
        expected = ["a", "b", "c"]
        expected.insert(idx, "x")
        any_store.add_message("k", said("x")[0], idx=idx)  # type: ignore[call-arg]
        assert texts(any_store.get_messages("k")) == expected

    async def test_the_async_twins(self, any_store: BaseChatStore):
        await any_store.aset_messages("k", said("a", "b", "c"))
        await any_store.async_add_message("k", said("d")[0])
        assert texts(await any_store.aget_messages("k")) == ["a", "b", "c", "d"]
        deleted = await any_store.adelete_message("k", 1)
        last = await any_store.adelete_last_message("k")
        assert [m.content for m in (deleted, last) if m] == ["b", "d"]
        assert await any_store.aget_keys() == ["k"]
        assert texts(await any_store.adelete_messages("k")) == ["a", "c"]
        assert await any_store.adelete_messages("k") is None
        assert await any_store.aget_keys() == []

    def test_a_memory_buffer_over_it(self, any_store: BaseChatStore):
        memory = ChatMemoryBuffer.from_defaults(
            chat_store=any_store, chat_store_key="k", token_limit=1000
        )
        memory.put_messages(said("a", "b"))
        assert texts(memory.get()) == ["a", "b"]
        memory.reset()
        assert memory.get_all() == []


A_TEXT = st.sampled_from("xyz")
A_PLACE = st.integers(-4, 6)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), A_TEXT),
        st.tuples(st.just("insert"), A_TEXT, A_PLACE),
        st.tuples(st.just("set"), st.lists(A_TEXT, max_size=5)),
        st.tuples(st.just("set"), st.integers(0, 3), st.lists(A_TEXT, max_size=2)),
        st.tuples(st.just("delete"), A_PLACE),
        st.tuples(st.just("delete last")),
        st.tuples(st.just("delete all")),
    ),
    max_size=12,
)


def perform(store: BaseChatStore, operation: str, *given: object) -> object:
    """One operation; its answer, with None wherever there was nothing to delete."""
    standing = store.get_messages("k")
    answer: object = None
    match operation, *given:
        case "add", str(text):
            store.add_message("k", said(text)[0])
        case "insert", str(text), int(idx):
            store.add_message("k", said(text)[0], idx)  # type: ignore[call-arg]
        case "set", [*wanted]:
            store.set_messages("k", said(*wanted))
        case "set", int(kept), [*wanted]:
            store.set_messages("k", [*standing[:kept], *said(*wanted)])
        case "delete", int(idx) if -len(standing) <= idx < len(standing):
            answer = store.delete_message("k", idx)
        case "delete last", *_ if standing:
            answer = store.delete_last_message("k")
        case "delete all", *_:
            answer = store.delete_messages("k") or None
    return answer


@settings(max_examples=30, deadline=None)
@given(operations=OPERATIONS, purge=st.booleans())
def test_any_sequence_of_operations_leaves_what_llama_indexs_own_store_has(
    operations: list[tuple[str, ...]], purge: bool
):
    with Spectron.local() as client:
        theirs, ours = SimpleChatStore(), SpectronChatStore(client=client, purge=purge)
        for operation in operations:
            assert perform(ours, *operation) == perform(theirs, *operation)
            assert ours.get_messages("k") == theirs.get_messages("k")


def test_every_async_method_is_native():
    own = SpectronChatStore.__dict__
    inherited = [
        name
        for name, value in vars(BaseChatStore).items()
        if asyncio.iscoroutinefunction(value) and name not in own
    ]
    assert inherited == []


def test_rich_messages_come_back_as_they_were(store: SpectronChatStore, tmp_path: Path):
    picture = base64.b64encode(b"\x89PNG not really")
    messages = [
        ChatMessage(role="system", content="Be brief."),
        ChatMessage(role="user", blocks=[TextBlock(text="look"), ImageBlock(image=picture)]),
        ChatMessage(role="user", blocks=[AudioBlock(audio=b"UklGRg==", format="wav")]),
        ChatMessage(
            role="assistant",
            blocks=[
                ThinkingBlock(content="hm"),
                ToolCallBlock(tool_call_id="1", tool_name="add", tool_kwargs={"a": 1}),
            ],
        ),
        ChatMessage(role="tool", content="2", additional_kwargs={"tool_call_id": "1"}),
        ChatMessage(role="assistant", content=""),
    ]
    store.set_messages("k", messages)
    assert [m.model_dump() for m in store.get_messages("k")] == [m.model_dump() for m in messages]


def test_a_message_that_cannot_be_kept_is_refused_and_nothing_is_lost(store: SpectronChatStore):
    store.add_message("k", said("before")[0])
    bad = ChatMessage(role="user", content="x", additional_kwargs={"thing": object()})
    with pytest.raises(ValueError, match="thing"):
        store.set_messages("k", [*said("a"), bad])
    assert texts(store.get_messages("k")) == ["before"]


@pytest.mark.parametrize("wrong", ["hi", ("user", "hi"), None])
def test_what_is_no_message_is_refused_and_nothing_is_lost(store: SpectronChatStore, wrong: object):
    store.add_message("k", said("first")[0])
    with pytest.raises(TypeError, match="messages are ChatMessages"):
        store.add_message("k", wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="messages are ChatMessages"):
        store.set_messages("k", [*said("second"), wrong])  # type: ignore[list-item]
    assert texts(store.get_messages("k")) == ["first"]


def test_returned_messages_are_copies(store: SpectronChatStore):
    store.add_message("k", said("a")[0])
    store.get_messages("k")[0].content = "changed"
    assert texts(store.get_messages("k")) == ["a"]


def test_a_recalled_block_is_not_stored(store: SpectronChatStore):
    block = render_context("## Facts\n- likes tea", max_tokens=200)
    store.add_message("k", ChatMessage(role="system", content=with_memory("Be brief.", block)))
    assert texts(store.get_messages("k")) == ["Be brief."]


@pytest.mark.parametrize("key", ["a@b.org", "a/b", "..", "100%", "schlüssel", "a~b", "🙂", "a b"])
def test_any_text_is_a_key(store: SpectronChatStore, key: str):
    store.add_message(key, said("x")[0])
    assert store.get_keys() == [key]
    assert texts(store.get_messages(key)) == ["x"]


@pytest.mark.parametrize("key", ["", "  ", "\u200b"])
def test_a_blank_key_is_refused(store: SpectronChatStore, key: str):
    with pytest.raises(ValueError, match="blank"):
        store.get_messages(key)


def test_the_history_survives_a_restart(tmp_path: Path):
    path = tmp_path / "memory.db"
    with Spectron.local(path) as client:
        store = SpectronChatStore(client=client, scopes=ALICE)
        store.set_messages("k", said("a", "b", "c"))
        store.delete_message("k", 1)
    with Spectron.local(path) as client:
        store = SpectronChatStore(client=client, scopes=ALICE)
        assert texts(store.get_messages("k")) == ["a", "c"]


def test_a_purged_message_leaves_the_transcript(client: Spectron):
    store = SpectronChatStore(client=client, scopes=ALICE, purge=True)
    store.set_messages("k", said("keep", "secret"))
    store.delete_message("k", 1)
    turns = [t for s in client.sessions.list().sessions for t in client.sessions.turns(s.id).turns]
    assert [turn.content for turn in turns] == ["keep"]


def test_more_messages_than_a_page(store: SpectronChatStore):
    many = said(*(f"message {n}" for n in range(1203)))
    store.set_messages("k", many)
    assert texts(store.get_messages("k")) == texts(many)


def test_writers_in_threads_lose_nothing(store: SpectronChatStore):
    def write(name: str) -> None:
        for n in range(15):
            store.add_message("k", said(f"{name}{n}")[0])

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = texts(store.get_messages("k"))
    assert sorted(found) == sorted(f"{name}{n}" for name in "abcd" for n in range(15))
    for name in "abcd":
        assert [t for t in found if t and t[0] == name] == [f"{name}{n}" for n in range(15)]


async def test_deletions_and_additions_at_once_lose_nothing(store: SpectronChatStore):
    await store.aset_messages("k", said("old"))
    await asyncio.gather(
        store.adelete_message("k", 0),
        *(store.async_add_message("k", message) for message in said(*"abcdefgh")),
    )
    assert sorted(filter(None, texts(await store.aget_messages("k")))) == list("abcdefgh")


class TestIsolation:
    """Two users of one organisation, who use the same keys."""

    USERS = ("alice", "Alice", "alice/admin", "a\u0301lice", "bob", "..", "*", "al", "\uff41lice")

    def test_one_store_serves_many_users_and_mixes_none(self, client: Spectron):
        user: ContextVar[str] = ContextVar("user")
        store = SpectronChatStore(
            client=client,
            scopes="org/acme/user/{user_id}",
            variables=lambda: {"user_id": user.get()},
        )
        for name in self.USERS:
            user.set(name)
            store.add_message("1", said(f"secret of {name}")[0])
        for name in self.USERS:
            user.set(name)
            assert texts(store.get_messages("1")) == [f"secret of {name}"]
            assert store.get_keys() == ["1"]

    def test_deleting_touches_nobody_elses_key(self, client: Spectron):
        stores = [SpectronChatStore(client=client, scopes=f"org/acme/user/{u}") for u in "ab"]
        for store in stores:
            store.add_message("1", said("mine")[0])
        stores[0].delete_messages("1")
        assert stores[0].get_messages("1") == []
        assert texts(stores[1].get_messages("1")) == ["mine"]

    @pytest.mark.parametrize("value", [None, "", " ", "\u200b", 3.5, True])
    def test_a_missing_or_blank_user_raises(self, client: Spectron, value: object):
        store = SpectronChatStore(
            client=client, scopes="org/acme/user/{user_id}", variables={"user_id": value}
        )
        with pytest.raises(ScopeResolutionError, match="user_id"):
            store.add_message("1", said("x")[0])
        assert client.sessions.list().sessions == []

    @pytest.mark.parametrize("scopes", ["", " ", [], [""], "org//x", "org/*/user"])
    def test_a_bad_scope_is_refused_at_once(self, client: Spectron, scopes: object):
        with pytest.raises(ValueError, match="scope"):
            SpectronChatStore(client=client, scopes=scopes)

    def test_a_forged_key_does_not_open_another_users_session(self, client: Spectron):
        alice = SpectronChatStore(client=client, scopes=ALICE)
        alice.add_message("1", said("secret")[0])
        bob = SpectronChatStore(client=client, scopes="org/acme/user/bob")
        for session in client.sessions.list().sessions:
            assert bob.get_messages(session.id) == []
            assert bob.delete_messages(session.id) is None
        assert texts(alice.get_messages("1")) == ["secret"]


class TestSerialisation:
    def test_a_dump_keeps_the_scopes_and_no_client(self, client: Spectron):
        store = SpectronChatStore(client=client, scopes=["org/{org_id}", ["a", "b"]], purge=True)
        dump = store.to_dict()
        assert "client" not in dump
        again = SpectronChatStore.from_dict(dump, client=client, variables={"org_id": "acme"})
        assert again.scopes == store.scopes
        assert again.purge

    def test_a_pickle_has_no_client_and_says_so(self, store: SpectronChatStore):
        again = pickle.loads(pickle.dumps(store))
        with pytest.raises(ValueError, match="client"):
            again.get_messages("k")
        again.client = store.client
        again.add_message("k", said("x")[0])
        assert texts(store.get_messages("k")) == ["x"]

    def test_a_function_cannot_be_dumped(self, client: Spectron):
        store = SpectronChatStore(client=client, scopes=lambda variables: ALICE)
        with pytest.raises(ValueError, match="function"):
            store.to_dict()

    def test_nothing_secret_is_shown(self):
        client = Spectron("ctx", "http://localhost:9", "sp-1-very-secret")
        store = SpectronChatStore(client=client, scopes=ALICE)
        assert "very-secret" not in f"{store!r} {store} {store.to_json()}"


async def test_an_async_client_serves_sync_and_async_methods():
    async with AsyncSpectron.local() as client:
        store = SpectronChatStore(client=client, scopes=ALICE)
        await store.async_add_message("k", said("a")[0])
        assert texts(await asyncio.to_thread(store.get_messages, "k")) == ["a"]


def test_an_unknown_argument_is_refused(client: Spectron):
    """A misspelt `scopes` would otherwise open everybody's sessions."""
    with pytest.raises(ValueError, match="scope\n"):
        SpectronChatStore(client=client, scope=ALICE)  # type: ignore[call-arg]


def test_what_is_no_client_is_refused():
    with pytest.raises(ValueError, match="Spectron"):
        SpectronChatStore(client="https://memory.example")  # type: ignore[arg-type]


def test_a_dump_can_be_validated_as_it_is(store: SpectronChatStore):
    assert SpectronChatStore.model_validate(store.model_dump()).scopes == store.scopes


async def test_a_client_of_a_template_lists_the_keys_of_each_user():
    config = SpectronConfig(endpoint="memory:", scopes="org/{org_id}/user/{user_id}")
    with Spectron.from_config(config) as client:
        alice, bob = (
            SpectronChatStore(client=client, variables={"org_id": "acme", "user_id": user})
            for user in ("alice", "bob")
        )
        alice.set_messages("1", said("Hello."))
        assert alice.get_keys() == await alice.aget_keys() == ["1"]
        assert bob.get_keys() == await bob.aget_keys() == []
        with pytest.raises(ScopeResolutionError, match="'org_id'"):
            SpectronChatStore(client=client).get_keys()


async def test_a_lens_for_recall_neither_hides_keys_nor_wants_its_variables():
    config = SpectronConfig(endpoint="memory:", scopes="user/{user_id}", lens="kb/{topic}/*")
    with Spectron.from_config(config) as client:
        store = SpectronChatStore(client=client, variables={"user_id": "alice"})
        store.add_message("1", said("Hello.")[0])
        assert store.get_keys() == await store.aget_keys() == ["1"]


def test_a_store_lists_the_keys_of_its_own_scope_on_any_view(client: Spectron):
    SpectronChatStore(client=client, scopes=ALICE).set_messages("1", said("Hello."))
    view = client.scoped(scopes="org/acme/user/bob", session_id="9")
    assert SpectronChatStore(client=view, scopes=ALICE).get_keys() == ["1"]


def test_setting_a_longer_history_stores_only_what_is_new(
    client: Spectron, store: SpectronChatStore
):
    """Memories that set the history after every turn would fill recall with copies."""
    history = said("elephant one", "elephant two")
    store.set_messages("k", history)
    for text in ("elephant three", "elephant four"):
        history = [*history, *said(text)]
        store.set_messages("k", history)
    assert texts(store.get_messages("k")) == [message.content for message in history]
    recalled = [hit.text for hit in client.recall("elephant", k=50, lens=ALICE).hits]
    assert sorted(recalled) == ["elephant four", "elephant one", "elephant three", "elephant two"]


async def test_setting_at_the_same_time_leaves_one_history_whole(store: SpectronChatStore):
    store.set_messages("k", said("a", "b"))
    wanted = [said("a", "b", "c"), said("a", "x"), said("y"), []]
    await asyncio.gather(*(store.aset_messages("k", messages) for messages in wanted))
    assert texts(store.get_messages("k")) in [texts(messages) for messages in wanted]


@pytest.mark.parametrize("role", ["user", "system"])
def test_a_message_that_was_nothing_but_memory_is_not_stored(store: SpectronChatStore, role: str):
    block = render_context("Alice lives in Lisbon.", max_tokens=300)
    store.set_messages("k", [ChatMessage(role=role, content=block.text), *said("Hello.")])
    store.add_message("k", ChatMessage(role=role, content=block.text), idx=0)
    store.add_message("k", ChatMessage(role=role, content=""))
    assert texts(store.get_messages("k")) == ["Hello.", ""]


def test_purging_keeps_the_times_of_what_stays(client: Spectron):
    store = SpectronChatStore(client=client, scopes=ALICE, purge=True)
    session = session_key("k", ScopeSet.parse(ALICE))
    client.remember_many(
        [
            {"role": "user", "content": text, "ts": f"2024-05-0{day}T10:00:00Z"}
            for day, text in enumerate(("Hello.", "Wrong.", "Bye."), start=1)
        ],
        session_id=session,
        scopes=ALICE,
        infer="none",
    )
    before = client.sessions.turns(session).turns
    store.delete_message("k", 1)
    after = client.sessions.turns(session).turns
    assert [turn.content for turn in after] == ["Hello.", "Bye."]
    assert [turn.created_at for turn in after] == [before[0].created_at, before[2].created_at]
