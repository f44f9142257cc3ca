"""Connections: which httpx transport carries a request, and how long it lives.

`AsyncConnections` keeps one pool per running event loop, `SyncConnections` one per process;
both also carry a transport or an httpx client that the user brought. Proxies and certificates
come from the environment, read at construction; nothing is opened before the first request.
Imports httpx, and the aiohttp transport where it is installed.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import threading
import weakref
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
)
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

import httpx
from typing_extensions import ParamSpec

from spectron_adapters._httpx_transport import (
    AsyncShardedTransport,
    Route,
    ShardedTransport,
    route_to,
)
from spectron_adapters._multipart import MultipartBody
from spectron_adapters.errors import SpectronError

if TYPE_CHECKING:
    from spectron_adapters.local.extraction.statements import Extractor, ExtractorFunction

_P = ParamSpec("_P")
_T = TypeVar("_T")
_S_co = TypeVar("_S_co", covariant=True)

AsyncStream: TypeAlias = AsyncGenerator[_T, None]
SyncStream: TypeAlias = Generator[_T, None, None]

Pending: TypeAlias = Coroutine[Any, Any, _T]
"""What an async method that is no coroutine function returns."""


class ClientClosedError(SpectronError, RuntimeError):
    """A client was used after it was closed."""

    def __init__(self) -> None:
        super().__init__("this client is closed; create a new one")


def async_transport_kind(route: Route) -> Callable[[Route], httpx.AsyncBaseTransport]:
    """The aiohttp transport where the extra `fast` is installed, else httpx's own."""
    if route.proxy is not None and not route.proxy.startswith("http"):
        return AsyncShardedTransport  # aiohttp speaks to no SOCKS proxy
    if importlib.util.find_spec("httpx_aiohttp") is None:
        return AsyncShardedTransport
    from spectron_adapters._aiohttp_transport import FastTransport  # noqa: PLC0415 - optional

    return FastTransport


# --- connections --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """An engine in the process, as the transport of either world."""

    blocking: httpx.BaseTransport
    native: httpx.AsyncBaseTransport


def open_engine(
    path: str | None,
    *,
    context: str,
    embeddings: object = None,
    llm: object = None,
    extractor: Extractor | ExtractorFunction | None = None,
    clock: Callable[[], datetime] | None = None,
) -> LocalEngine:
    """An engine over a file, or without one in memory.

    The engine is imported here and not before, so that a client of a service never loads it.
    """
    from spectron_adapters.local import open_transport  # noqa: PLC0415 - loaded on demand

    transport = open_transport(
        path, context=context, embeddings=embeddings, llm=llm, extractor=extractor, clock=clock
    )
    return LocalEngine(transport, transport)


class SyncConnections:
    """Sends requests of one blocking client; safe for several threads."""

    def __init__(
        self,
        origin: str,
        *,
        transport: httpx.BaseTransport | None = None,
        http_client: httpx.Client | None = None,
        engine: LocalEngine | None = None,
        sibling: AsyncConnections | None = None,
    ) -> None:
        self._origin = origin
        self._sibling = sibling
        self._borrowed = sibling is not None
        self.given = transport
        self.http_client = http_client
        self.engine = engine
        self._lock = threading.Lock()
        self._closed = False
        self._process = os.getpid()
        self._pool: httpx.BaseTransport | None = None
        brings_own = transport is not None or http_client is not None or engine is not None
        self._route = None if brings_own else route_to(origin)

    def send(self, request: httpx.Request) -> httpx.Response:
        """The response with its stream still open."""
        if self._closed:
            raise ClientClosedError
        if self.http_client is not None:
            return self.http_client.send(
                _merged(self.http_client, request), stream=True, follow_redirects=False
            )
        try:
            return self._transport().handle_request(request)
        except RuntimeError:
            if self._closed:  # while the engine worked
                raise ClientClosedError from None
            raise

    def _transport(self) -> httpx.BaseTransport:
        if self.given is not None:
            return self.given
        if self.engine is not None:
            return self.engine.blocking
        pool = self._pool
        return pool if pool is not None and self._process == os.getpid() else self._open_pool()

    def _open_pool(self) -> httpx.BaseTransport:
        with self._lock:
            # A forked child shares the parent's sockets and must not speak on them.
            if self._pool is None or self._process != os.getpid():
                assert self._route is not None  # noqa: S101 - set where no transport was given
                self._process = os.getpid()
                self._pool = ShardedTransport(self._route)
                # A client that nobody closed leaves no open socket behind.
                weakref.finalize(self, self._pool.close)
            return self._pool

    def sibling(self) -> AsyncConnections:
        """The connections of the other world: made once, and closed with these.

        Raises:
            TypeError: The user brought something that only one world can use.
        """
        given = sibling_transport(self, httpx.AsyncBaseTransport)
        with self._lock:
            if self._sibling is None:
                self._sibling = AsyncConnections(
                    self._origin, transport=given, engine=self.engine, sibling=self
                )
            return self._sibling

    def close(self) -> None:
        """Close what was opened here; the engine and the sibling with the client made first."""
        with self._lock:
            was_closed, self._closed = self._closed, True
            pool, self._pool = self._pool, None
        if was_closed:
            return
        if self._sibling is not None and not self._borrowed:
            self._sibling.abandon()
        if self.engine is not None and not self._borrowed:
            self.engine.blocking.close()
        if pool is not None and self._process == os.getpid():
            pool.close()


class AsyncConnections:
    """Sends requests of one async client, on a pool of the running event loop."""

    def __init__(
        self,
        origin: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        http_client: httpx.AsyncClient | None = None,
        engine: LocalEngine | None = None,
        sibling: SyncConnections | None = None,
    ) -> None:
        self._origin = origin
        self._sibling = sibling
        self._borrowed = sibling is not None
        self.given = transport
        self.http_client = http_client
        self.engine = engine
        self._lock = threading.Lock()
        self._closed = False
        self._pools = _Pools()
        self._new_transport: Callable[[], httpx.AsyncBaseTransport] | None = None
        if transport is None and http_client is None and engine is None:
            # Here and not with the first call: certificates and aiohttp come from the disk.
            route = route_to(origin)
            self._new_transport = partial(async_transport_kind(route), route)

    async def send(self, request: httpx.Request) -> httpx.Response:
        """The response with its stream still open."""
        if self._closed:
            raise ClientClosedError
        if self.http_client is not None:
            return await self.http_client.send(
                _merged(self.http_client, request), stream=True, follow_redirects=False
            )
        if self.given is not None:
            return await self.given.handle_async_request(request)
        if self.engine is not None:
            try:
                return await self.engine.native.handle_async_request(request)
            except RuntimeError:
                if self._closed:  # while the engine worked
                    raise ClientClosedError from None
                raise
        pool = self._pools.of_this_loop() or await self._open_pool()
        return await pool.transport.handle_async_request(request)

    async def _open_pool(self) -> _LoopPool:
        assert self._new_transport is not None  # noqa: S101 - set where nothing was given
        pool = _LoopPool(self._new_transport(), self._pools)
        await pool.start()
        self._pools.add(pool)
        return pool

    def sibling(self) -> SyncConnections:
        """The connections of the other world: made once, and closed with these.

        Raises:
            TypeError: The user brought something that only one world can use.
        """
        given = sibling_transport(self, httpx.BaseTransport)
        with self._lock:
            if self._sibling is None:
                self._sibling = SyncConnections(
                    self._origin, transport=given, engine=self.engine, sibling=self
                )
            return self._sibling

    def abandon(self) -> None:
        """Refuse further requests; pools are closed on their own loops."""
        self._closed = True
        self._pools.clear()

    async def aclose(self) -> None:
        """Close what was opened here; the engine and the sibling with the client made first."""
        with self._lock:
            was_closed, self._closed = self._closed, True
        if was_closed:
            return
        if self._sibling is not None and not self._borrowed:
            self._sibling.close()
        pool = self._pools.of_this_loop()
        # Pools of other loops are closed on their own loop once nothing refers to them.
        self._pools.clear()
        if self.engine is not None and not self._borrowed:
            await self.engine.native.aclose()
        if pool is not None:
            await pool.aclose()


class _Pools:
    """The pools of one client, by event loop."""

    def __init__(self) -> None:
        self._by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopPool]
        self._by_loop = weakref.WeakKeyDictionary()
        self._lock = threading.RLock()

    def of_this_loop(self) -> _LoopPool | None:
        return self._by_loop.get(asyncio.get_running_loop())

    def add(self, pool: _LoopPool) -> None:
        with self._lock:
            for loop in [loop for loop in self._by_loop if loop.is_closed()]:
                del self._by_loop[loop]
            self._by_loop[asyncio.get_running_loop()] = pool

    def drop(self) -> None:
        with self._lock:
            self._by_loop.pop(asyncio.get_running_loop(), None)

    def clear(self) -> None:
        with self._lock:
            self._by_loop.clear()

    def __len__(self) -> int:
        return len(self._by_loop)


class _LoopPool:
    """A transport that ends with its event loop.

    The transport lives inside a suspended async generator. An event loop closes the generators
    that were started on it when it shuts down (`asyncio.run` does), and when nothing refers to
    one any more, from whichever thread; so connections never outlive their loop, and a client
    that nobody closed leaves no open socket behind.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, pools: _Pools) -> None:
        self.transport = transport
        self._life = _lifetime(transport, weakref.ref(pools))

    async def start(self) -> None:
        await self._life.__anext__()

    async def aclose(self) -> None:
        await self._life.aclose()


async def _lifetime(
    transport: httpx.AsyncBaseTransport, pools: weakref.ref[_Pools]
) -> AsyncStream[None]:
    try:
        yield
    finally:
        if (its_pools := pools()) is not None:
            its_pools.drop()
        await transport.aclose()


def _merged(client: httpx.Client | httpx.AsyncClient, request: httpx.Request) -> httpx.Request:
    """The request with the headers and cookies that a user's own client adds."""
    content: Any = (
        request.read() if isinstance(request.stream, httpx.ByteStream) else request.stream
    )
    return client.build_request(
        request.method,
        request.url,
        headers=request.headers,
        content=content,
        extensions=request.extensions,
    )


def sibling_transport(connections: SyncConnections | AsyncConnections, kind: type[_T]) -> _T | None:
    """The transport that a sibling may share; None when the user brought none.

    Raises:
        TypeError: The user brought something that only one world can use.
    """
    if connections.http_client is not None:
        msg = "this client sends with an http_client; make its sibling with one of its own"
        raise TypeError(msg)
    given = connections.given
    if given is not None and not isinstance(given, kind):
        msg = f"{type(given).__name__} is no httpx.{kind.__name__}; make the sibling with one"
        raise TypeError(msg)
    return given


# --- what differs between the worlds besides connections ----------------------------------------


async def off_loop(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Run something that reads the disk beside the event loop."""
    return await asyncio.to_thread(function, *args, **kwargs)


def on_the_spot(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Run it here."""
    return function(*args, **kwargs)


class AsyncUploadStream(httpx.AsyncByteStream):
    """An upload's bytes, read from the disk beside the event loop."""

    def __init__(self, body: MultipartBody) -> None:
        self.headers = body.headers()
        self._body = body

    async def __aiter__(self) -> AsyncStream[bytes]:
        yield self._body.head
        while chunk := await asyncio.to_thread(self._body.read):
            yield chunk
        yield self._body.tail


class SyncUploadStream(httpx.SyncByteStream):
    """The same for a blocking client."""

    def __init__(self, body: MultipartBody) -> None:
        self.headers = body.headers()
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self._body.head
        while chunk := self._body.read():
            yield chunk
        yield self._body.tail


def async_body(response: httpx.Response) -> AsyncIterable[bytes]:
    """A response's bytes, decompressed; straight from the transport where they are plain."""
    stream = response.stream
    if "content-encoding" in response.headers or not isinstance(stream, httpx.AsyncByteStream):
        return response.aiter_bytes()
    return stream


def sync_body(response: httpx.Response) -> Iterable[bytes]:
    """The same for a blocking client."""
    stream = response.stream
    if "content-encoding" in response.headers or not isinstance(stream, httpx.SyncByteStream):
        return response.iter_bytes()
    return stream


parsed_url = lru_cache(maxsize=512)(httpx.URL)
"""Addresses repeat, and parsing one costs as much as sending a byte."""


class _Openable(Protocol[_S_co]):
    async def __aenter__(self) -> _S_co: ...


class AwaitOpens:
    """Lets `await` open a stream, as in `async for chunk in await client.chat(…, stream=True)`."""

    def __await__(self: _Openable[_S_co]) -> Generator[Any, None, _S_co]:
        """Open the stream."""
        return self.__aenter__().__await__()
