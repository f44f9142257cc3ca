"""httpx's own transport, several times: pools that do not collapse under many calls at once.

Also how an origin is reached, by certificates and proxies that the environment sets. Nothing is
opened before the first request. Imports httpx only.
"""

from __future__ import annotations

import ssl
import threading
import urllib.request
import weakref
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

SHARDS = 12
CONNECTIONS_PER_SHARD = 8
KEEPALIVE_SECONDS = 4.0
"""Below the five seconds after which common servers close an idle connection."""


# --- what the environment says ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Route:
    """How an origin is reached: certificates to trust, and a proxy if one applies."""

    tls: ssl.SSLContext
    proxy: str | None = field(default=None, repr=False)


def route_to(origin: str) -> Route:
    """The way to an origin, as the environment sets it.

    `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, `SSL_CERT_FILE` and `SSL_CERT_DIR`
    mean what they mean to httpx.
    """
    parts = urlsplit(origin)
    # Reading the certificates takes tens of milliseconds, and plain HTTP needs none.
    if parts.scheme == "https":
        tls = httpx.create_ssl_context()
    else:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return Route(tls, _proxy_for(parts.scheme, parts.netloc))


def _proxy_for(scheme: str, host: str) -> str | None:
    proxies = urllib.request.getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


# --- pools that do not collapse -----------------------------------------------------------------


class _Shards:
    """Chooses among small pools.

    httpcore walks all connections and all waiting requests of a pool for each request, so one
    pool slows down with the square of what is in flight. Small pools, filled in order, keep the
    walk short, and a single caller always meets the same warm connection.
    """

    def __init__(self) -> None:
        self._in_flight = [0] * SHARDS
        # Reentrant: the collector may give a place back while the same thread takes one.
        self._lock = threading.RLock()

    def take(self) -> int:
        with self._lock:
            loads = self._in_flight
            free = next((i for i, load in enumerate(loads) if load < CONNECTIONS_PER_SHARD), None)
            shard = loads.index(min(loads)) if free is None else free
            loads[shard] += 1
            return shard

    def give_back(self, shard: int) -> None:
        with self._lock:
            self._in_flight[shard] -= 1


_LIMITS = httpx.Limits(
    max_connections=CONNECTIONS_PER_SHARD,
    max_keepalive_connections=CONNECTIONS_PER_SHARD,
    keepalive_expiry=KEEPALIVE_SECONDS,
)


class _SyncReleasing(httpx.SyncByteStream):
    """A response's stream that gives its place back when it is closed."""

    def __init__(self, stream: httpx.SyncByteStream, release: Callable[[], None]) -> None:
        self._stream = stream
        self._release = weakref.finalize(self, release)

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            self._release()


class _AsyncReleasing(httpx.AsyncByteStream):
    """The same for an event loop."""

    def __init__(self, stream: httpx.AsyncByteStream, release: Callable[[], None]) -> None:
        self._stream = stream
        self._release = weakref.finalize(self, release)

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        async for chunk in self._stream:
            yield chunk

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._release()


class ShardedTransport(httpx.BaseTransport):
    """httpx's own transport, several times."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._shards = _Shards()
        self._pools: dict[int, httpx.HTTPTransport] = {}
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send through the first pool with a free place."""
        shard = self._shards.take()
        try:
            response = self._pool(shard).handle_request(request)
        except BaseException:
            self._shards.give_back(shard)
            raise
        stream = response.stream
        assert isinstance(stream, httpx.SyncByteStream)  # noqa: S101 - what the transport returns
        response.stream = _SyncReleasing(stream, lambda: self._shards.give_back(shard))
        return response

    def _pool(self, shard: int) -> httpx.HTTPTransport:
        with self._lock:
            if shard not in self._pools:
                self._pools[shard] = httpx.HTTPTransport(
                    verify=self._route.tls, proxy=self._route.proxy, limits=_LIMITS
                )
            return self._pools[shard]

    def close(self) -> None:
        """Close every pool."""
        for pool in self._pools.values():
            pool.close()


class AsyncShardedTransport(httpx.AsyncBaseTransport):
    """The same for an event loop."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._shards = _Shards()
        self._pools: dict[int, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send through the first pool with a free place."""
        shard = self._shards.take()
        try:
            response = await self._pool(shard).handle_async_request(request)
        except BaseException:
            self._shards.give_back(shard)
            raise
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - what the transport returns
        response.stream = _AsyncReleasing(stream, lambda: self._shards.give_back(shard))
        return response

    def _pool(self, shard: int) -> httpx.AsyncHTTPTransport:
        if shard not in self._pools:
            self._pools[shard] = httpx.AsyncHTTPTransport(
                verify=self._route.tls, proxy=self._route.proxy, limits=_LIMITS
            )
        return self._pools[shard]

    async def aclose(self) -> None:
        """Close every pool."""
        for pool in self._pools.values():
            await pool.aclose()
