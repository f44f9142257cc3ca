"""Attempts to read or write another's memory through one shared LangChain adapter."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory

from spectron_adapters import Spectron
from spectron_adapters.errors import ScopeResolutionError
from spectron_adapters.langchain import (
    SpectronChatMessageHistory,
    SpectronMemory,
    SpectronRetriever,
)

TEMPLATE = "org/{org_id}/user/{user_id}"

# Each is a person of its own, however much it resembles another or tries to be more than one.
PEOPLE = [
    "alice",
    "Alice",
    "alice ",
    "alice/admin",
    "alice%2Fadmin",
    "alice~",
    "al",
    "alice@example.org",
    "*",
    "/*",
    "..",
    ".",
    "../bob",
    "%2e%2e",
    "{user_id}",
    "{org_id}",
    "bob",
    "bob\x00",
    "b\u200bob",
    "\u0430lice",
    "\uff41\uff4c\uff49\uff43\uff45",
    "org/acme",
    "acme",
    "alice,bob",
    '["alice","bob"]',
    "principal:admin",
    "' OR 1=1 --",
    "s1",
    "NOT",
]

BLANKS = [
    "",
    " ",
    "\t\n",
    "\u200b",
    None,
    [],
    {},
    ["alice"],
    {"alice": 1},
    True,
    1.5,
    b"alice",
    object(),
]


@pytest.fixture
def client() -> Iterator[Spectron]:
    with Spectron.local() as opened:
        yield opened


def of(user: object, session: object = "1", org: object = "acme") -> dict[str, Any]:
    return {"configurable": {"org_id": org, "user_id": user, "session_id": session}}


def echo(given: Any) -> AIMessage:
    """A model that says how much it was told, and what."""
    messages: list[BaseMessage] = given.to_messages()
    return AIMessage(" | ".join(str(message.content) for message in messages))


def conversation(client: Spectron) -> Runnable:
    factory = SpectronChatMessageHistory.factory(client, scopes=TEMPLATE)
    prompt = ChatPromptTemplate([MessagesPlaceholder("history"), ("human", "{input}")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return RunnableWithMessageHistory(
            prompt | RunnableLambda(echo),
            factory,
            input_messages_key="input",
            history_messages_key="history",
            history_factory_config=factory.history_factory_config,
        )


def secret(number: int) -> str:
    return f"secret{number}x"


def leaks(text: str, own: int) -> list[int]:
    return [n for n in range(len(PEOPLE)) if n != own and secret(n) in text]


# --- histories -----------------------------------------------------------------------------------


def test_people_with_one_session_id_never_see_each_other(client: Spectron) -> None:
    chain = conversation(client)
    for number, person in enumerate(PEOPLE):
        chain.invoke({"input": secret(number)}, of(person))
    for number, person in enumerate(PEOPLE):
        heard = str(chain.invoke({"input": "what was it?"}, of(person)).content)
        assert secret(number) in heard
        assert leaks(heard, number) == []
    assert len(client.sessions.list().sessions) == len(PEOPLE)


async def test_people_at_the_same_time_never_see_each_other(client: Spectron) -> None:
    chain = conversation(client)

    async def person(number: int) -> str:
        for _ in range(3):
            await chain.ainvoke({"input": secret(number)}, of(PEOPLE[number]))
        return str((await chain.ainvoke({"input": "and?"}, of(PEOPLE[number]))).content)

    heard = await asyncio.gather(*(person(number) for number in range(len(PEOPLE))))
    for number, text in enumerate(heard):
        assert text.count(secret(number)) >= 3
        assert leaks(text, number) == []


def test_people_in_threads_never_see_each_other(client: Spectron) -> None:
    chain = conversation(client)

    def person(number: int) -> str:
        for _ in range(2):
            chain.invoke({"input": secret(number)}, of(PEOPLE[number]))
        return str(chain.invoke({"input": "and?"}, of(PEOPLE[number])).content)

    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(person, range(len(PEOPLE))))
    for number, text in enumerate(heard):
        assert secret(number) in text
        assert leaks(text, number) == []


def test_two_organisations_with_one_user_name_never_meet(client: Spectron) -> None:
    chain = conversation(client)
    chain.invoke({"input": secret(0)}, of("alice", org="acme"))
    chain.invoke({"input": secret(1)}, of("alice", org="beta"))
    chain.invoke({"input": secret(2)}, of("user/alice", org="acme"))
    heard = str(chain.invoke({"input": "?"}, of("alice", org="acme")).content)
    assert secret(0) in heard
    assert secret(1) not in heard
    assert secret(2) not in heard


@pytest.mark.parametrize("session", ["1", "1~", "1/2", "..", "*", "1 ", "{session_id}", "%31"])
def test_sessions_that_resemble_each_other_stay_apart(client: Spectron, session: str) -> None:
    chain = conversation(client)
    chain.invoke({"input": "other"}, of("alice", "one"))
    chain.invoke({"input": "mine"}, of("alice", session))
    heard = str(chain.invoke({"input": "?"}, of("alice", session)).content)
    assert heard == "mine | mine | ?"


@pytest.mark.parametrize("value", BLANKS)
@pytest.mark.parametrize("name", ["org_id", "user_id", "session_id"])
def test_a_blank_identity_never_reaches_the_service(
    client: Spectron, name: str, value: object
) -> None:
    chain = conversation(client)
    chain.invoke({"input": secret(0)}, of("alice"))
    before = [session.id for session in client.sessions.list().sessions]
    config = of("alice")
    config["configurable"][name] = value
    with pytest.raises(ScopeResolutionError, match=name):
        chain.invoke({"input": "x"}, config)
    assert [session.id for session in client.sessions.list().sessions] == before


# --- recall --------------------------------------------------------------------------------------


def remember_all(client: Spectron) -> None:
    for number, person in enumerate(PEOPLE):
        SpectronChatMessageHistory(
            client, "1", scopes=TEMPLATE, variables={"org_id": "acme", "user_id": person}
        ).add_user_message(f"The password is {secret(number)}.")


def recalled(retriever: SpectronRetriever, person: object) -> str:
    documents = retriever.invoke("password", of(person), k=50)
    return "\n".join(document.page_content for document in documents)


def test_a_shared_retriever_recalls_for_each_alone(client: Spectron) -> None:
    remember_all(client)
    retriever = SpectronRetriever(client=client, scopes=TEMPLATE)
    for number, person in enumerate(PEOPLE):
        text = recalled(retriever, person)
        assert secret(number) in text
        assert leaks(text, number) == []


async def test_a_shared_retriever_recalls_for_all_at_once(client: Spectron) -> None:
    remember_all(client)
    retriever = SpectronRetriever(client=client, scopes=TEMPLATE)
    answers = await asyncio.gather(
        *(retriever.ainvoke("password", of(person), k=50) for person in PEOPLE * 3)
    )
    for place, documents in enumerate(answers):
        text = "\n".join(document.page_content for document in documents)
        assert secret(place % len(PEOPLE)) in text
        assert leaks(text, place % len(PEOPLE)) == []


def test_a_shared_retriever_in_threads_recalls_for_each_alone(client: Spectron) -> None:
    remember_all(client)
    retriever = SpectronRetriever(client=client, scopes=TEMPLATE)
    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda person: recalled(retriever, person), PEOPLE * 2))
    for place, text in enumerate(texts):
        assert secret(place % len(PEOPLE)) in text
        assert leaks(text, place % len(PEOPLE)) == []


@pytest.mark.parametrize("value", BLANKS)
@pytest.mark.parametrize("name", ["org_id", "user_id"])
def test_a_blank_identity_recalls_nothing_and_says_so(
    client: Spectron, name: str, value: object
) -> None:
    retriever = SpectronRetriever(client=client, scopes=TEMPLATE)
    config = of("alice")
    config["configurable"][name] = value
    with pytest.raises(ScopeResolutionError, match=name):
        retriever.invoke("password", config)


def test_nothing_of_one_run_is_left_for_the_next(client: Spectron) -> None:
    remember_all(client)
    retriever = SpectronRetriever(client=client, scopes=TEMPLATE)
    before = dict(retriever.__dict__), dict(retriever.__pydantic_private__ or {})
    retriever.invoke("password", of("alice"), k=7, labels=["a=b"])
    with pytest.raises(ScopeResolutionError):
        retriever.invoke("password")
    with pytest.raises(ScopeResolutionError):
        retriever.invoke("password", {"configurable": {"org_id": "acme"}})
    assert (dict(retriever.__dict__), dict(retriever.__pydantic_private__ or {})) == before


# --- memory --------------------------------------------------------------------------------------


async def test_a_shared_memory_keeps_people_apart(client: Spectron) -> None:
    memory = SpectronMemory(client=client, scopes=TEMPLATE)

    async def talk(given: dict[str, Any]) -> str:
        await memory.asave_context({"input": f"The password is {given['own']}."}, {"output": "ok"})
        await asyncio.sleep(0)
        return str((await memory.aload_memory_variables({"input": "password"}))["history"])

    run = RunnableLambda(lambda given: "sync is not used here", afunc=talk)
    for session in ("1", "2"):
        heard = await asyncio.gather(
            *(
                run.ainvoke({"own": secret(number)}, of(person, session))
                for number, person in enumerate(PEOPLE)
            )
        )
        for number, text in enumerate(heard):
            assert secret(number) in text
            assert leaks(text, number) == []


def test_a_shared_memory_without_identity_raises_even_after_use(client: Spectron) -> None:
    memory = SpectronMemory(client=client, scopes=TEMPLATE)
    load = RunnableLambda(lambda text: memory.load_memory_variables({"input": text}))
    assert load.invoke("x", of("alice")) == {"history": ""}
    with pytest.raises(ScopeResolutionError):
        load.invoke("x")
    with pytest.raises(ScopeResolutionError):
        memory.load_memory_variables({"input": "x"})


# --- functions that choose the scope -------------------------------------------------------------


@pytest.mark.parametrize("value", ["", " ", "\t\n", "\u200b", None])
def test_a_function_given_a_blank_identity_never_names_everybodys_region(
    client: Spectron, value: object
) -> None:
    """`org/acme/user/` would recall what every user said."""
    remember_all(client)
    config = of("alice")
    config["configurable"]["user_id"] = value
    for chosen in ({"scopes": user_region}, {"lens": user_region}):
        retriever = SpectronRetriever(client=client, **chosen)
        assert secret(0) in recalled(retriever, "alice")
        with pytest.raises(ScopeResolutionError):
            retriever.invoke("password", config)
        memory = SpectronMemory(client=client, session_id="9", **chosen)
        load = RunnableLambda(lambda text, memory=memory: memory.load_memory_variables({"i": text}))
        with pytest.raises(ScopeResolutionError):
            load.invoke("password", config)


def user_region(variables: Mapping[str, object]) -> str:
    return f"org/acme/user/{variables['user_id']}"
