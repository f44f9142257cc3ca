"""Sending an answer: at once, or event by event while its source runs on worker threads.

Imports `exchange` and the standard library.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Executor
from http import HTTPStatus
from typing import Any, TypeAlias

from spectron_adapters.local.exchange import Response, close_events
from spectron_adapters.local.problems import internal
from spectron_adapters.local.server.reading import Message, Receive

__all__ = ["Send", "send_response"]

Send: TypeAlias = Callable[[Message], Awaitable[None]]

_logger = logging.getLogger("spectron_adapters.server")

_KEEP_ALIVE_SECONDS = 15.0
_PIECE_BYTES = 256 * 1024
_KEEP_ALIVE = b": still working\n\n"
_BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
_NOT_IN_A_HEADER = dict.fromkeys((*range(32), 127), " ")


async def send_response(
    response: Response, *, request_id: str, receive: Receive, send: Send, pool: Executor
) -> bool:
    """Send an answer; its events, if it has any, are closed in every case.

    Args:
        response: What to send.
        request_id: Goes along as a header.
        receive: Tells that the client left.
        send: ASGI's.
        pool: Where the next event is made.

    Returns:
        Whether the client stayed until the end.
    """
    start = {
        "type": "http.response.start",
        "status": response.status,
        "headers": _headers(response, request_id),
    }
    if response.events is None:
        await send(start)
        await _send_whole(response.body, send)
        return True
    source = _Source(response.events, request_id)
    left = asyncio.ensure_future(_left(receive))
    try:
        await send(start)
        return await _send_events(source, left, send, pool)
    finally:
        left.cancel()
        _close_soon(source, pool)


async def _send_whole(body: bytes, send: Send) -> None:
    """Piece by piece, so that the connection sees whether its client still reads."""
    for begin in range(0, len(body) - _PIECE_BYTES, _PIECE_BYTES):
        await send(_piece(body[begin : begin + _PIECE_BYTES]))
    last = max(len(body) - 1, 0) // _PIECE_BYTES * _PIECE_BYTES
    await send({"type": "http.response.body", "body": body[last:]})


async def _send_events(
    source: _Source, left: asyncio.Future[None], send: Send, pool: Executor
) -> bool:
    loop = asyncio.get_running_loop()
    while True:
        upcoming = loop.run_in_executor(pool, source.next)
        while not await _is_done(upcoming, left):
            await send(_piece(_KEEP_ALIVE))
        if left.done():
            return False
        event = upcoming.result()
        if event is None:
            await send({"type": "http.response.body", "body": b""})
            return True
        await send(_piece(event))


async def _is_done(upcoming: asyncio.Future[bytes | None], left: asyncio.Future[None]) -> bool:
    """Wait a while for the next event, or for the client to leave; whether either happened."""
    waiting: set[asyncio.Future[Any]] = {upcoming, left}
    done, _ = await asyncio.wait(
        waiting, timeout=_KEEP_ALIVE_SECONDS, return_when=asyncio.FIRST_COMPLETED
    )
    return bool(done)


def _close_soon(source: _Source, pool: Executor) -> None:
    # Not awaited: the task may be cancelled already, and the source may be at work for long.
    try:
        pool.submit(source.close)
    except RuntimeError:  # the pool is being shut down
        source.close()


def _piece(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Source:
    """Events that one thread at a time asks for, or closes."""

    def __init__(self, events: Iterator[bytes], request_id: str) -> None:
        self._events = events
        self._request_id = request_id
        self._lock = threading.Lock()
        self._closed = False

    def next(self) -> bytes | None:
        """The next event, or None at the end; a failure becomes the last event."""
        with self._lock:
            if self._closed:
                return None
            try:
                return next(self._events, None)
            except Exception as error:  # noqa: BLE001  # the boundary: the status was sent already
                self._closed = True
                _logger.error("stream %s failed with %s", self._request_id, type(error).__name__)  # noqa: TRY400  # the error's words may repeat memories
                return _error_event(self._request_id)

    def close(self) -> None:
        """End the events once whoever is asking has its answer."""
        with self._lock:
            self._closed = True
            try:
                close_events(self._events)
            except Exception as error:  # noqa: BLE001  # nobody is left to be told
                _logger.error(  # noqa: TRY400  # the error's words may repeat memories
                    "closing stream %s failed with %s", self._request_id, type(error).__name__
                )


def _error_event(request_id: str) -> bytes:
    document = json.dumps(internal(request_id).document(""), separators=(",", ":"))
    return f"event: error\ndata: {document}\n\n".encode()


def _headers(response: Response, request_id: str) -> list[tuple[bytes, bytes]]:
    named = {
        "x-request-id": request_id,
        "x-content-type-options": "nosniff",
        **{name.lower(): value for name, value in response.headers.items()},
    }
    if response.status == HTTPStatus.UNAUTHORIZED:
        named.setdefault("www-authenticate", "Bearer")
    if response.status in _BODILESS:
        named.pop("content-length", None)
    return [(name.encode("ascii"), _header_value(value)) for name, value in named.items()]


def _header_value(value: str) -> bytes:
    return value.translate(_NOT_IN_A_HEADER).strip().encode("latin-1", "replace")
