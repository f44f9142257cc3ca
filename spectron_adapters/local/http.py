"""The engine as an httpx transport, for sync and async clients alike.

The only module of `local` that imports httpx.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx

from spectron_adapters.local.engine import Engine
from spectron_adapters.local.exchange import Request, Response, close_events
from spectron_adapters.local.extraction.statements import Extractor, ExtractorFunction
from spectron_adapters.local.instants import Clock
from spectron_adapters.local.storage.database import Synchronous

__all__ = ["LocalTransport", "open_transport"]

_WORKERS = 8


class LocalTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers an httpx client from an engine in the process.

    Threads and event loops may share it. Asynchronous requests run on a bounded pool of worker
    threads, for the disk would block the event loop; the pool is made with the first of them.

    Args:
        engine: Is closed with the transport.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._lock = threading.Lock()
        self._workers: ThreadPoolExecutor | None = None
        self._process = os.getpid()

    def __repr__(self) -> str:
        return f"LocalTransport({self.engine!r})"

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer in the calling thread."""
        request.read()
        return _to_httpx(self.engine.handle(_from_httpx(request)), request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer on a worker thread."""
        await request.aread()
        loop = asyncio.get_running_loop()
        pool, value = self._pool(), _from_httpx(request)
        response = await loop.run_in_executor(pool, self.engine.handle, value)
        if response.events is None:
            return _to_httpx(response, request)
        stream = _EventsOnThreads(response.events, pool)
        return httpx.Response(
            response.status, headers=dict(response.headers), stream=stream, request=request
        )

    def _pool(self) -> ThreadPoolExecutor:
        if self._process != os.getpid():
            # A fork takes the pool along, but none of its threads.
            self._lock, self._workers, self._process = threading.Lock(), None, os.getpid()
        with self._lock:
            if self._workers is None:
                self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="spectron-local")
            return self._workers

    def close(self) -> None:
        """Finish what is under way and close the engine; may be repeated."""
        with self._lock:
            workers, self._workers = self._workers, None
        if workers is not None and self._process == os.getpid():
            workers.shutdown(wait=True)
        self.engine.close()

    async def aclose(self) -> None:
        """Like `close`, without blocking the event loop."""
        await asyncio.get_running_loop().run_in_executor(None, self.close)


def _from_httpx(request: httpx.Request) -> Request:
    path, _, query = request.url.raw_path.partition(b"?")
    return Request(
        method=request.method.upper(),
        path=path.decode("ascii"),
        query=query.decode("ascii"),
        headers=dict(request.headers),
        body=request.content,
    )


class _Events(httpx.SyncByteStream):
    """A stream of events, read in the reader's thread."""

    def __init__(self, events: Iterator[bytes]) -> None:
        self._events = events

    def __iter__(self) -> Iterator[bytes]:
        return self._events

    def close(self) -> None:
        close_events(self._events)


class _EventsOnThreads(httpx.AsyncByteStream):
    """A stream of events, each made on a worker thread."""

    def __init__(self, events: Iterator[bytes], pool: ThreadPoolExecutor) -> None:
        self._events = events
        self._pool = pool

    async def __aiter__(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        while (
            event := await loop.run_in_executor(self._pool, next, self._events, None)
        ) is not None:
            yield event

    async def aclose(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._pool, close_events, self._events)


def _to_httpx(response: Response, request: httpx.Request) -> httpx.Response:
    if response.events is not None:
        stream = _Events(response.events)
        return httpx.Response(
            response.status, headers=dict(response.headers), stream=stream, request=request
        )
    return httpx.Response(
        response.status,
        headers=dict(response.headers),
        content=response.body,
        request=request,
    )


def open_transport(
    path: str | os.PathLike[str] | None,
    *,
    context: str = "default",
    embeddings: object = None,
    llm: object = None,
    extractor: Extractor | ExtractorFunction | None = None,
    clock: Clock | None = None,
    synchronous: Synchronous = "FULL",
    auto_register_scopes: bool = True,
) -> LocalTransport:
    """A transport over an engine of its own. The file is opened with the first request.

    Args:
        path: The database file, made when it does not exist; None keeps memory in the process,
            for as long as the transport is open.
        context: The context, made when it does not exist.
        embeddings: Embeddings of LangChain or LlamaIndex, or a function from texts to vectors;
            None searches by words alone.
        llm: A language model of LangChain or LlamaIndex, or a function from messages to text,
            which reads statements, chats and reflects; None does without.
        extractor: What reads statements from turns; None takes the language model, or without
            one plain English statements.
        clock: Returns the current time as an aware datetime.
        synchronous: `FULL`: an acknowledged write survives a power cut. `NORMAL`: faster, and a
            power cut may take the last writes.
        auto_register_scopes: Whether a write registers the scopes that it names, or is refused.

    Raises:
        ValueError: An option outside its values.
        TypeError: A model or extractor that is none.
    """
    return LocalTransport(
        Engine(
            path,
            context=context,
            embeddings=embeddings,
            llm=llm,
            extractor=extractor,
            clock=clock,
            synchronous=synchronous,
            auto_register_scopes=auto_register_scopes,
        )
    )
