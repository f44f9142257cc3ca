"""The engine as an ASGI application, without a framework.

Requests become `exchange.Request`s and are answered on a bounded pool of threads, so that the
event loop never waits for the disk. Imports the engine and its own package; no web server.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any
from urllib.parse import quote

from spectron_adapters.local.engine import Engine
from spectron_adapters.local.exchange import Request, Response
from spectron_adapters.local.problems import (
    Problem,
    StorageProblem,
    bad_request,
    internal,
    method_not_allowed,
    not_found,
)
from spectron_adapters.local.server.openapi import openapi_text
from spectron_adapters.local.server.reading import (
    BodyLimits,
    BudgetShare,
    ClientGoneError,
    MemoryBudget,
    Receive,
    read_body,
)
from spectron_adapters.local.server.request_log import log_request
from spectron_adapters.local.server.streaming import Send, send_response
from spectron_adapters.local.storage.database import ClosedError

__all__ = ["SpectronApp"]

_logger = logging.getLogger("spectron_adapters.server")

_HEALTH = "/api/v1/health"
_OPENAPI = "/api/v1/openapi.json"
_TARGET_LENGTH_MAX = 48 * 1024
_PATH_CHARACTERS = "/%:@!$&'()*+,;=-._~"
_CREDENTIALS = ("authorization", "api-key")


class SpectronApp:
    """An ASGI 3 application that answers from an engine.

    Handles `http` and `lifespan`; a `websocket` is closed. The engine is opened when the server
    starts, and closed with it.

    Args:
        engine: Should require keys, for whoever reaches the port can send requests.
        on_start: Called once before the first request is answered, on a thread.
        threads: How many requests are worked on at once; more wait.
        waiting: How many requests may be under way, waiting ones included; more get 503.
        limits: How large and how slow bodies may be.
        grace: Seconds that requests may take to finish when the server stops.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        on_start: Callable[[], object] | None = None,
        threads: int = 16,
        waiting: int = 1000,
        limits: BodyLimits | None = None,
        grace: float = 10.0,
    ) -> None:
        self.engine = engine
        self._on_start = on_start
        self._start_lock = threading.Lock()
        self._threads = threads
        self._waiting = waiting
        self._limits = limits or BodyLimits()
        self._grace = grace
        self._budget = MemoryBudget(self._limits.total)
        self._under_way = 0
        self._stopping = False

    def __repr__(self) -> str:
        return f"SpectronApp({self.engine!r})"

    # Made with the first request: threads do not survive the fork of a server's workers.
    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads, thread_name_prefix="spectron-server")

    @cached_property
    def _health_pool(self) -> ThreadPoolExecutor:
        """One thread for who asks whether the server lives, however busy the others are."""
        return ThreadPoolExecutor(1, thread_name_prefix="spectron-health")

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection's scope, as ASGI has it."""
        if scope["type"] == "http":
            await self._exchange(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})

    # --- starting and stopping ------------------------------------------------------------------

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await asyncio.to_thread(self._start)
        except (Problem, ValueError) as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    def _start(self) -> None:
        with self._start_lock:
            self.engine.open()
            if self._on_start is not None:
                self._on_start()
                self._on_start = None

    async def aclose(self) -> None:
        """Let what is under way finish, for a while, and close the engine."""
        self._stopping = True
        closing = threading.Thread(target=self._finish, name="spectron-closing", daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, self._grace)
        await asyncio.to_thread(self.engine.close)

    def _finish(self) -> None:
        for pool in (self._pool, self._health_pool):
            pool.shutdown(wait=True, cancel_futures=True)

    # --- one request ----------------------------------------------------------------------------

    async def _exchange(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        notes = {"request_id": secrets.token_hex(8)}
        self._under_way += 1
        try:
            response = await self._answer(scope, receive, notes)
            # Many clients that read slowly must not fill the memory with answers.
            with self._budget.share() as share:
                response = _held(response, share, scope["path"])
                stayed = await send_response(
                    response,
                    request_id=notes["request_id"],
                    receive=receive,
                    send=send,
                    pool=self._pool,
                )
        except ClientGoneError:
            response, stayed = None, False
        finally:
            self._under_way -= 1
        log_request(
            method=scope["method"],
            response=response,
            stayed=stayed,
            seconds=time.perf_counter() - started,
            notes=notes,
        )

    async def _answer(
        self, scope: Mapping[str, Any], receive: Receive, notes: dict[str, str]
    ) -> Response:
        path = "/api/v1/"
        try:
            self._check_load()
            path = _path(scope)
            return await self._routed(scope, path, receive, notes)
        except Problem as problem:
            return _problem_response(problem, path)
        except ClosedError:
            stopping = StorageProblem.busy("the server is stopping; try again")
            return _problem_response(stopping, path)
        except ClientGoneError:
            raise
        except Exception as error:  # noqa: BLE001  # the boundary: nothing else may escape
            _logger.error("request %s failed with %s", notes["request_id"], type(error).__name__)  # noqa: TRY400  # the error's words may repeat memories
            return _problem_response(internal(notes["request_id"]), path)

    def _check_load(self) -> None:
        if self._under_way > self._waiting:
            raise StorageProblem.busy("too many requests are under way; try again")

    async def _routed(
        self, scope: Mapping[str, Any], path: str, receive: Receive, notes: dict[str, str]
    ) -> Response:
        method = scope["method"].upper()
        if path.rstrip("/") in (_HEALTH, _OPENAPI):
            return await self._open_to_all(method, path.rstrip("/"), notes)
        if not path.startswith("/api/v1/"):
            raise not_found("routes begin with /api/v1/")
        headers = _headers(scope)
        with self._budget.share() as share:
            body = b""
            if any(name in headers for name in _CREDENTIALS):
                is_form = headers.get("content-type", "").lower().startswith("multipart/")
                body = await read_body(
                    receive,
                    headers,
                    limit=self._limits.largest(is_form=is_form),
                    limits=self._limits,
                    share=share,
                )
            # A request without a key is refused whatever its body says.
            request = Request(method, path, _query(scope), headers, body, notes)
            return await self._handled(request, self._pool)

    async def _open_to_all(self, method: str, path: str, notes: dict[str, str]) -> Response:
        notes["route"] = f"GET {path.rpartition('/')[2]}"
        if method != "GET":
            raise method_not_allowed(method, ["GET"])
        if path == _OPENAPI:
            return Response.encoded(200, openapi_text())
        return await self._handled(Request("GET", path), self._health_pool)

    async def _handled(self, request: Request, pool: ThreadPoolExecutor) -> Response:
        if self._stopping:
            raise ClosedError("the server is stopping")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, self._handle, request)

    def _handle(self, request: Request) -> Response:
        if self._on_start is not None:  # a server without lifespan
            self._start()
        return self.engine.handle(request)


def _held(response: Response, share: BudgetShare, path: str) -> Response:
    """The answer, or a refusal when those that wait for their readers fill the memory."""
    try:
        share.take(len(response.body))
    except StorageProblem as problem:
        return _problem_response(problem, path)
    return response


def _path(scope: Mapping[str, Any]) -> str:
    """The path as it was sent, still encoded.

    Raises:
        Problem: 400, it cannot be meant; 414, it is too long.
    """
    raw: bytes | None = scope.get("raw_path")
    if raw is None:
        raw = quote(scope["path"], safe=_PATH_CHARACTERS).encode("ascii")
    raw = raw.partition(b"?")[0]
    if len(raw) + len(scope.get("query_string", b"")) > _TARGET_LENGTH_MAX:
        raise Problem(
            414,
            "uri-too-long",
            f"path and query are longer than {_TARGET_LENGTH_MAX} bytes; send a body instead",
        )
    return _ascii(raw, "path")


def _query(scope: Mapping[str, Any]) -> str:
    return _ascii(scope.get("query_string", b""), "query string")


def _ascii(raw: bytes, part: str) -> str:
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        raise bad_request(
            f"the {part} holds bytes outside ASCII; percent-encode its UTF-8"
        ) from None


def _headers(scope: Mapping[str, Any]) -> dict[str, str]:
    """Headers by lower-case name; a repeated one is joined, so that two keys are no key."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), _text(raw_value)
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _problem_response(problem: Problem, path: str) -> Response:
    return Response.json(
        problem.status,
        problem.document(path),
        headers=problem.headers,
        media_type="application/problem+json",
    )
