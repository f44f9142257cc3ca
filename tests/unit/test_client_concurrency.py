"""One client in many hands: tasks, event loops, threads, cancellation, forks, and no leaks."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx

from spectron_adapters import AsyncSpectron, Spectron, _httpx_transport, _network
from tests.unit.loopback import ANYTHING, KEY, Loopback, Reply, Seen

FINE = Reply(body=ANYTHING)


@pytest.fixture(params=["httpx", "aiohttp"])
def native(
    request: pytest.FixtureRequest, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> AsyncSpectron:
    """An async client on each kind of connection; the test closes it, or leaves it open."""
    if request.param == "httpx":
        monkeypatch.setattr(
            _network, "async_transport_kind", lambda _: _httpx_transport.AsyncShardedTransport
        )
    else:
        pytest.importorskip("httpx_aiohttp")
    return AsyncSpectron("acme", loopback.endpoint, KEY)


def echo(seen: Seen) -> Reply:
    """An answer that names the question, so that mixed-up answers show."""
    return Reply(body={"context": seen.json["query"]}, delay=0.01)


async def test_64_calls_at_once_get_their_own_answers(
    native: AsyncSpectron, loopback: Loopback
) -> None:
    loopback.play(echo)
    async with native:
        answers = await asyncio.gather(*(native.query_context(f"q{n}") for n in range(64)))
    assert [answer.context for answer in answers] == [f"q{n}" for n in range(64)]
    assert loopback.connections <= 64


async def test_more_calls_than_connections_wait_their_turn(
    native: AsyncSpectron, loopback: Loopback
) -> None:
    loopback.play(echo)
    async with native:
        answers = await asyncio.gather(*(native.query_context(f"q{n}") for n in range(300)))
    assert [answer.context for answer in answers] == [f"q{n}" for n in range(300)]
    assert loopback.connections <= 100


def test_one_client_lives_through_several_event_loops(
    native: AsyncSpectron, loopback: Loopback
) -> None:
    for _ in range(3):
        assert asyncio.run(native.whoami()).principal_id == "p"
    asyncio.run(native.aclose())
    assert loopback.connections == 3


def test_a_loop_that_ends_leaves_no_open_connection(native: AsyncSpectron) -> None:
    # Warnings are errors here, so a socket that is left open fails the test.
    asyncio.run(native.whoami())
    gc.collect()


def test_a_client_that_nobody_closed_leaves_no_open_connection(
    native: AsyncSpectron, loopback: Loopback
) -> None:
    async def use_and_forget() -> None:
        client = AsyncSpectron("acme", loopback.endpoint, KEY)
        await client.whoami()
        del client
        gc.collect()
        await asyncio.sleep(0.05)

    asyncio.run(use_and_forget())
    blocking = Spectron("acme", loopback.endpoint, KEY)
    blocking.whoami()
    del blocking
    gc.collect()


def test_pools_of_ended_loops_are_dropped(native: AsyncSpectron) -> None:
    for _ in range(3):
        asyncio.run(native.whoami())
    gc.collect()
    assert len(native._connections._pools) == 0


def test_loops_of_several_threads_use_one_client_at_once(
    native: AsyncSpectron, loopback: Loopback
) -> None:
    loopback.play(echo)

    async def ask(thread: int) -> list[str]:
        questions = [f"t{thread}q{n}" for n in range(8)]
        answers = await asyncio.gather(*map(native.query_context, questions))
        assert [answer.context for answer in answers] == questions
        return questions

    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(lambda thread: asyncio.run(ask(thread)), range(8)))
    assert len(done) == 8
    asyncio.run(native.aclose())


def test_closing_in_one_loop_closes_the_connections_of_others(native: AsyncSpectron) -> None:
    ready, leave = threading.Event(), threading.Event()

    async def elsewhere() -> None:
        await native.whoami()
        ready.set()
        await asyncio.to_thread(leave.wait, 5)
        assert len(native._connections._pools) == 0

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(asyncio.run, elsewhere())
        ready.wait(5)
        asyncio.run(native.aclose())
        leave.set()
        running.result(5)


def test_threads_share_one_blocking_client(loopback: Loopback) -> None:
    loopback.play(echo)
    with Spectron("acme", loopback.endpoint, KEY) as client, ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(lambda n: client.query_context(f"q{n}").context, range(200)))
    assert answers == [f"q{n}" for n in range(200)]
    assert loopback.connections <= 40


async def test_a_cancelled_call_does_not_poison_the_pool(
    native: AsyncSpectron, loopback: Loopback
) -> None:
    loopback.play(Reply(body=ANYTHING, delay=0.3))
    async with native:
        tasks = [asyncio.create_task(native.state()) for _ in range(40)]
        await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
        loopback.play(echo)
        answers = await asyncio.gather(*(native.query_context(f"q{n}") for n in range(40)))
    assert [answer.context for answer in answers] == [f"q{n}" for n in range(40)]


async def test_a_call_that_waits_between_attempts_can_be_cancelled(
    native: AsyncSpectron, loopback: Loopback
) -> None:
    loopback.play(Reply(503, headers={"Retry-After": "20"}))
    async with native:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(native.state(), 0.2)


async def test_nothing_blocks_the_event_loop(
    native: AsyncSpectron, loopback: Loopback, tmp_path: Path
) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"x" * 1_000_000)
    async with native:
        with blockbuster_ctx(scanned_modules=["spectron_adapters"]):
            await native.whoami()
            await native.documents.upload(path)
            async for _ in native.chat("Hi", stream=True):
                pass
    assert len(loopback.seen) == 3


async def test_failures_give_their_places_back(native: AsyncSpectron, loopback: Loopback) -> None:
    loopback.play(Reply(cut=True))
    async with native:
        outcomes = await asyncio.gather(
            *(native.forget(f"q{n}") for n in range(200)), return_exceptions=True
        )
        assert all(isinstance(outcome, Exception) for outcome in outcomes)
        loopback.play(FINE)
        assert (await native.whoami()).principal_id == "p"


async def test_views_for_many_users_at_once_do_not_mix(
    native: AsyncSpectron, loopback: Loopback
) -> None:
    def whose(seen: Seen) -> Reply:
        return Reply(body={"context": seen.json["lens"][0][0]}, delay=0.005)

    loopback.play(whose)

    async def ask(user: int) -> str:
        view = native.scoped(scopes=f"org/acme/user/{user}")
        return (await view.query_context("q")).context

    async with native:
        seen = await asyncio.gather(*map(ask, range(64)))
    assert seen == [f"org/acme/user/{user}" for user in range(64)]


def test_the_first_pool_is_filled_before_the_next() -> None:
    shards = _httpx_transport._Shards()
    taken = [shards.take() for _ in range(_httpx_transport.CONNECTIONS_PER_SHARD + 1)]
    assert taken == [0] * _httpx_transport.CONNECTIONS_PER_SHARD + [1]
    shards.give_back(0)
    assert shards.take() == 0
    everything = [shards.take() for _ in range(500)]
    assert set(everything) <= set(range(_httpx_transport.SHARDS))
    spread = [everything.count(shard) for shard in range(_httpx_transport.SHARDS)]
    assert max(spread) - min(spread) <= _httpx_transport.CONNECTIONS_PER_SHARD + 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_does_not_speak_on_the_parents_connection(loopback: Loopback) -> None:
    with Spectron("acme", loopback.endpoint, KEY) as client:
        client.whoami()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 0 if client.whoami().principal_id == "p" else 1
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        client.whoami()
    connections: list[Any] = [seen.connection for seen in loopback.seen]
    assert connections[0] == connections[2]
    assert connections[1] != connections[0]


def test_closing_amid_calls_raises_nothing_but_our_own_error(tmp_path: Path) -> None:
    client = Spectron.local(tmp_path / "memory.db")
    client.remember("The kettle is on.", infer="none")
    raised: list[BaseException] = []

    def ask() -> None:
        try:
            while True:
                client.recall("kettle")
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    client.close()
    for thread in threads:
        thread.join(10)
    assert len(raised) == len(threads)
    assert {type(error).__name__ for error in raised} == {"ClientClosedError"}
