"""The faster async transport, on `httpx-aiohttp` (extra `fast`).

Keeps that package's session and streams and sends requests itself: addresses go out exactly as
they are encoded, sessions hold no cookies, and every failure is an httpx error of its kind.
Imports httpx, httpx_aiohttp and aiohttp; only `_network` imports this module.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterable, Generator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, TypedDict

import aiohttp
import httpx
import yarl
from httpx_aiohttp import AiohttpTransport

if TYPE_CHECKING:
    from spectron_adapters._httpx_transport import Route

CONNECTIONS = 100
KEEPALIVE_SECONDS = 4.0
CHUNK_SIZE = 64 * 1024


class _ProxyArguments(TypedDict, total=False):
    proxy: str
    proxy_headers: dict[str, str]


class FastTransport(AiohttpTransport):
    """One aiohttp session of one event loop."""

    def __init__(self, route: Route) -> None:
        proxy = httpx.Proxy(route.proxy) if route.proxy is not None else None
        super().__init__(verify=route.tls, proxy=proxy)
        self._session: aiohttp.ClientSession | None = None

    def _open_session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=CONNECTIONS, keepalive_timeout=KEEPALIVE_SECONDS, ssl=self.ssl_context
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        # It would send a DELETE again on its own when a connection breaks.
        session._retry_connection = False  # noqa: SLF001 - there is no public switch
        return session

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; its stream stays open until the response is closed."""
        if self._session is None:
            self._session = self._open_session()
        with _as_httpx_errors():
            response = await self._session.request(
                request.method,
                _yarl_url(str(request.url)),
                headers=_headers_of(request),
                data=_body_of(request),
                allow_redirects=False,
                timeout=_timeout_of(request),
                **_proxy_arguments(self.proxy),
            )
        return httpx.Response(
            response.status, headers=response.raw_headers, stream=_Stream(response), request=request
        )

    async def aclose(self) -> None:
        """Close the session and its connections."""
        if self._session is not None:
            await self._session.close()


class _Stream(httpx.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        with _as_httpx_errors():
            async for chunk in self._response.content.iter_any():
                yield chunk

    async def aclose(self) -> None:
        # A finished response returns its connection to the pool; an unfinished one closes it.
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


@contextmanager
def _as_httpx_errors() -> Generator[None, None, None]:
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        failure: httpx.TransportError = httpx.ConnectTimeout(str(error))
    except (asyncio.TimeoutError, TimeoutError) as error:
        failure = httpx.ReadTimeout(str(error))
    except (aiohttp.ClientHttpProxyError, aiohttp.ClientProxyConnectionError) as error:
        failure = httpx.ProxyError(str(error))
    except aiohttp.ClientConnectorError as error:
        failure = httpx.ConnectError(str(error))
    except (aiohttp.ClientError, OSError) as error:
        failure = httpx.ReadError(str(error) or "the server closed the connection")
    else:
        return
    raise failure


def _headers_of(request: httpx.Request) -> list[tuple[str, str]]:
    # aiohttp frames the body itself; a length that is given it keeps.
    return [
        (name.decode("ascii"), value.decode("latin-1"))
        for name, value in request.headers.raw
        if name.lower() != b"transfer-encoding"
    ]


def _body_of(request: httpx.Request) -> bytes | AsyncIterable[bytes] | None:
    stream = request.stream
    if isinstance(stream, httpx.ByteStream):
        return request.read() or None
    assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - an async client's request
    return stream


@lru_cache(maxsize=512)
def _yarl_url(url: str) -> yarl.URL:
    return yarl.URL(url, encoded=True)


def _timeout_of(request: httpx.Request) -> aiohttp.ClientTimeout:
    seconds = request.extensions.get("timeout", {})
    return aiohttp.ClientTimeout(
        total=None,
        connect=seconds.get("pool"),
        sock_connect=seconds.get("connect"),
        sock_read=seconds.get("read"),
    )


def _proxy_arguments(proxy: httpx.Proxy | None) -> _ProxyArguments:
    if proxy is None:
        return {}
    headers = dict(proxy.headers)
    if proxy.raw_auth is not None:
        # aiohttp renames it to Proxy-Authorization, for plain requests and for tunnels.
        headers["Authorization"] = f"Basic {b64encode(b':'.join(proxy.raw_auth)).decode()}"
    return {"proxy": str(proxy.url), "proxy_headers": headers}
