"""What type checkers must see on both clients. Checked, never run."""

from __future__ import annotations

from pathlib import Path

from typing_extensions import assert_type

from spectron_adapters import (
    AsyncChatStream,
    AsyncSpectron,
    ChatStream,
    Spectron,
    SpectronConfig,
    SpectronManagement,
    SyncSpectronManagement,
)
from spectron_adapters.models import (
    ChatChunk,
    ChatResponse,
    Context,
    DocumentPage,
    HealthResponse,
    JsonObject,
    KeyDetail,
    ManagedKey,
    Principal,
    RecallHit,
    RecallResponse,
    RememberBatchResponse,
    RememberResponse,
    ScopeNode,
    TurnListResponse,
    UploadResponse,
)


async def native(client: AsyncSpectron, path: Path) -> None:
    assert_type(await client.remember("x", scopes=["a", ["b", "c"]]), RememberResponse)
    assert_type(
        await client.remember_many([{"role": "user", "content": "x"}]), RememberBatchResponse
    )
    recalled = await client.recall("q", k=3, mode="bm25", include=["facts"])
    assert_type(recalled, RecallResponse)
    assert_type(recalled.hits, list[RecallHit])
    assert_type(await client.chat("Hi"), ChatResponse)
    assert_type(await client.chat("Hi", stream=False), ChatResponse)
    assert_type(client.chat("Hi", stream=True), AsyncChatStream)
    async with client.chat("Hi", stream=True) as chunks:
        assert_type(chunks, AsyncChatStream)
        async for chunk in chunks:
            assert_type(chunk, ChatChunk)
    async for chunk in client.chat("Hi", stream=True):
        assert_type(chunk, ChatChunk)
    async for chunk in await client.chat("Hi", stream=True):
        assert_type(chunk, ChatChunk)
    assert_type(await client.inspect("trace:1"), JsonObject)
    assert_type(await client.health(), HealthResponse)
    assert_type(await client.documents.upload(path), UploadResponse)
    assert_type(await client.documents.list(), DocumentPage)
    assert_type(await client.documents.fetch_raw("d"), bytes)
    assert_type(await client.documents.delete("d"), None)
    assert_type(await client.sessions.turns("s"), TurnListResponse)
    assert_type(await client.scopes.list(), list[ScopeNode])
    assert_type(await client.principals.list(), list[Principal])
    assert_type(await client.keys.list(), list[KeyDetail])
    assert_type(client.scoped(scopes="a"), AsyncSpectron)
    assert_type(client.as_sync(), Spectron)
    assert_type(client.as_async(), AsyncSpectron)
    async with AsyncSpectron.local() as entered:
        assert_type(entered, AsyncSpectron)
    assert_type(AsyncSpectron.from_env(), AsyncSpectron)


def blocking(client: Spectron, path: Path, config: SpectronConfig) -> None:
    assert_type(client.remember("x", labels={"a": "b"}), RememberResponse)
    assert_type(client.remember_many([{"role": "user", "content": "x"}]), RememberBatchResponse)
    assert_type(client.recall("q").hits[0].score, float)
    assert_type(client.chat("Hi"), ChatResponse)
    assert_type(client.chat("Hi", stream=True), ChatStream)
    with client.chat("Hi", stream=True) as chunks:
        assert_type(chunks, ChatStream)
        for chunk in chunks:
            assert_type(chunk, ChatChunk)
    assert_type([chunk.delta for chunk in client.chat("Hi", stream=True)], list[str])
    assert_type(client.documents.upload(b"x", title="t"), UploadResponse)
    with path.open("rb") as file:
        assert_type(client.documents.upload(file), UploadResponse)
    assert_type(client.scopes.list(), list[ScopeNode])
    assert_type(client.as_async(), AsyncSpectron)
    assert_type(client.as_sync(), Spectron)
    assert_type(Spectron.from_config(config), Spectron)
    assert_type(Spectron.local(path).scoped(lens="a"), Spectron)


def refused(client: Spectron) -> None:
    client.recall("q", mode="magic")  # type: ignore[arg-type]  # a closed set of words
    client.recall("q", 3)  # type: ignore[call-arg]  # only the query is positional
    client.chat("Hi", stream="yes")  # type: ignore[call-overload]  # neither True nor False
    client.principals.grant("p", "a", ["read"])  # type: ignore[list-item]  # not a verb


async def operators(admin: SpectronManagement, twin: SyncSpectronManagement) -> None:
    assert_type(await admin.contexts.list(), list[Context])
    assert_type(await admin.contexts.create("a", namespace="n", database="d"), Context)
    assert_type(await admin.contexts.update("a", config={}), Context)
    assert_type(await admin.principals.keys.create("a", "p", "k"), ManagedKey)
    assert_type(twin.contexts.list(), list[Context])
    assert_type(twin.keys.rotate("a", "k"), ManagedKey)
