"""Streamed replies: chunks as they come, errors at the opening, connections that end in time."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any

import pytest

from spectron_adapters import (
    AsyncChatStream,
    AsyncSpectron,
    ChatStream,
    SpectronAPIError,
    SpectronConnectionError,
    SpectronRateLimitError,
    SpectronResponseError,
    SpectronServerError,
)
from tests.unit.loopback import (
    KEY,
    Loopback,
    Reply,
    World,
    chunks_of,
    closed_port,
    settle,
    stream,
    words,
)

HELLO = (
    'event: delta\ndata: {"delta": "Hel", "sessionId": "s"}\n\n',
    'data: {"token": "lo"}\n\n',
    'event: done\ndata: {"done": true, "reply": "Hello", "traceId": "t", "session_id": "s"}\n\n',
)


async def opened(stream: Any) -> Any:
    """Enter a stream of either world."""
    return await stream.__aenter__() if hasattr(stream, "__aenter__") else stream.__enter__()


async def closed(stream: Any) -> None:
    """Leave a stream of either world."""
    if hasattr(stream, "__aexit__"):
        await stream.__aexit__(None, None, None)
    else:
        stream.__exit__(None, None, None)


async def next_of(chunks: Any) -> Any:
    return await chunks.__anext__() if hasattr(chunks, "__anext__") else next(chunks)


async def test_a_reply_comes_in_chunks(wired: World, loopback: Loopback) -> None:
    loopback.play(stream(*HELLO))
    chat = wired.client(loopback.endpoint).chat("Hi", stream=True, model="m")
    assert isinstance(chat, AsyncChatStream if wired.is_async else ChatStream)
    chunks = await opened(chat)
    received = await chunks_of(chunks)
    await closed(chat)
    assert words(received) == "Hello"
    assert [chunk.done for chunk in received] == [False, False, True]
    assert received[0].session_id == "s"
    assert (received[-1].trace_id, received[-1].session_id) == ("t", "s")
    assert received[-1].raw["reply"] == "Hello"
    seen = loopback.seen[0]
    assert seen.json == {"message": "Hi", "stream": True, "model": "m"}
    assert seen.headers["accept"] == "text/event-stream"


async def test_chunks_arrive_before_the_reply_is_finished(wired: World, loopback: Loopback) -> None:
    loopback.play(stream(*HELLO, pause=10))
    chat = wired.client(loopback.endpoint).chat("Hi", stream=True)
    started = time.monotonic()
    await opened(chat)
    assert (await next_of(chat)).delta == "Hel"
    assert time.monotonic() - started < 10  # before the second piece leaves
    await closed(chat)


async def test_a_stream_is_iterated_without_a_context_too(wired: World, loopback: Loopback) -> None:
    loopback.play(stream(*HELLO))
    client = wired.client(loopback.endpoint)
    for _ in range(3):
        assert words(await chunks_of(client.chat("Hi", stream=True))) == "Hello"
    assert loopback.connections <= 3


async def test_a_stream_may_be_awaited_before_it_is_iterated(loopback: Loopback) -> None:
    loopback.play(stream(*HELLO))
    async with AsyncSpectron("acme", loopback.endpoint, KEY) as client:
        received = [chunk async for chunk in await client.chat("Hi", stream=True)]
    assert words(received) == "Hello"


async def test_a_pause_longer_than_the_timeout_is_waited_out(
    wired: World, loopback: Loopback
) -> None:
    loopback.play(stream(*HELLO, pause=0.3))
    client = wired.client(loopback.endpoint, timeout=0.1, deadline=0.2)
    assert words(await chunks_of(client.chat("Hi", stream=True))) == "Hello"


async def test_leaving_early_closes_the_connection(wired: World, loopback: Loopback) -> None:
    loopback.play(stream(*HELLO[:2] * 2000, pause=0.01), Reply(body={"reply": "r"}))
    client = wired.client(loopback.endpoint)
    chat = client.chat("Hi", stream=True)
    await opened(chat)
    await next_of(chat)
    started = time.monotonic()
    await closed(chat)
    assert time.monotonic() - started < 20  # of the 40 that the stream would take
    assert await chunks_of(chat) == []


@pytest.mark.parametrize("place", ["context", "first chunk"])
async def test_a_refusal_is_raised_when_the_stream_is_opened(
    wired: World, loopback: Loopback, place: str
) -> None:
    loopback.play(Reply(429, {"detail": "quota"}, headers={"Retry-After": "7"}))
    chat = wired.client(loopback.endpoint).chat("Hi", stream=True)
    with pytest.raises(SpectronRateLimitError, match="quota") as failure:
        await (opened(chat) if place == "context" else next_of(chat))
    assert failure.value.retry_after == 7
    assert len(loopback.seen) == 1


async def test_nobody_listening_is_noticed_when_the_stream_is_opened(wired: World) -> None:
    with pytest.raises(SpectronConnectionError, match="cannot reach"):
        await opened(wired.client(closed_port()).chat("Hi", stream=True))


def test_a_wrong_argument_is_noticed_at_the_call(world: World) -> None:
    with pytest.raises(ValueError, match=r"chat\(\): message"):
        world.client().chat("", stream=True)


async def test_an_error_within_the_reply_is_raised(wired: World, loopback: Loopback) -> None:
    problem = 'event: error\ndata: {"status": 503, "detail": "model gone", "traceId": "t"}\n\n'
    loopback.play(stream(HELLO[0], problem))
    chat = wired.client(loopback.endpoint).chat("Hi", stream=True)
    await opened(chat)
    assert (await next_of(chat)).delta == "Hel"
    with pytest.raises(SpectronServerError, match="model gone") as failure:
        await next_of(chat)
    assert (failure.value.status_code, failure.value.trace_id) == (503, "t")
    await closed(chat)


async def test_a_connection_that_breaks_within_the_reply_is_an_error(
    wired: World, loopback: Loopback
) -> None:
    loopback.play(stream(HELLO[0], cut=True))
    chat = wired.client(loopback.endpoint).chat("Hi", stream=True)
    await opened(chat)
    await next_of(chat)
    with pytest.raises(SpectronConnectionError):
        await next_of(chat)
    assert len(loopback.seen) == 1


async def test_a_reply_without_a_last_frame_ends_normally(wired: World, loopback: Loopback) -> None:
    loopback.play(stream(HELLO[0], 'data: {"delta": "p"}'))
    received = await chunks_of(wired.client(loopback.endpoint).chat("Hi", stream=True))
    assert words(received) == "Help"
    assert not received[-1].done


async def test_compressed_replies_are_read(wired: World, loopback: Loopback) -> None:
    loopback.play(Reply(body="".join(HELLO).encode(), compressed=True))
    assert (
        words(await chunks_of(wired.client(loopback.endpoint).chat("Hi", stream=True))) == "Hello"
    )


async def test_broken_compression_of_a_reply_is_named(wired: World, loopback: Loopback) -> None:
    loopback.play(Reply(body=b"nonsense", headers={"Content-Encoding": "gzip"}))
    with pytest.raises(SpectronResponseError, match="broken compression"):
        await chunks_of(wired.client(loopback.endpoint).chat("Hi", stream=True))


async def test_a_forgotten_stream_gives_its_connection_back(
    wired: World, loopback: Loopback
) -> None:
    client = wired.client(loopback.endpoint)
    loopback.play(stream(*HELLO[:2] * 50, pause=0.02))
    for _ in range(3):
        await next_of(client.chat("Hi", stream=True))
        gc.collect()
        await asyncio.sleep(0.05)
    loopback.play(Reply(body={}))
    await settle(client.state())


async def test_many_open_streams_leave_room_for_calls(wired: World, loopback: Loopback) -> None:
    client = wired.client(loopback.endpoint, timeout=2.0)
    loopback.play(stream(*HELLO[:2] * 20, pause=0.1))
    chats = [client.chat("Hi", stream=True) for _ in range(20)]
    for chat in chats:
        await opened(chat)
    loopback.play(Reply(body={"principalId": "p"}))
    assert (await settle(client.whoami())).principal_id == "p"
    for chat in chats:
        await closed(chat)


async def test_a_cancelled_stream_closes(loopback: Loopback) -> None:
    loopback.play(stream(*HELLO[:2] * 100, pause=0.05))
    async with AsyncSpectron("acme", loopback.endpoint, KEY) as client:

        async def listen() -> None:
            async with client.chat("Hi", stream=True) as chunks:
                async for _ in chunks:
                    pass

        task = asyncio.create_task(listen())
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        loopback.play(Reply(body={}))
        await client.state()


async def test_the_plain_reply_holds_its_citations(wired: World, loopback: Loopback) -> None:
    citation = {"marker": "[S1]", "id": "x", "kind": "turn", "snippet": "…", "documentTitle": "T"}
    loopback.play(Reply(body={"reply": "r [S1]", "sessionId": "s", "citations": [citation]}))
    reply = await settle(wired.client(loopback.endpoint).chat("Hi"))
    assert reply.citations[0].document_title == "T"


async def test_chat_is_never_repeated(wired: World, loopback: Loopback) -> None:
    loopback.play(Reply(503, {"detail": "busy"}, headers={"Retry-After": "0"}))
    client = wired.client(loopback.endpoint)
    with pytest.raises(SpectronAPIError):
        await settle(client.chat("Hi"))
    with pytest.raises(SpectronAPIError):
        await opened(client.chat("Hi", stream=True))
    assert len(loopback.seen) == 2
