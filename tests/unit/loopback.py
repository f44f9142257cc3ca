"""A real server on the loopback interface that misbehaves on demand, and the two worlds.

`Loopback` answers what a test scripts: late, in pieces, compressed, elsewhere, or not at all.
`World` makes clients of one kind, so that a test is written once and run on every kind.
"""

from __future__ import annotations

import contextlib
import gzip
import inspect
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from spectron_adapters import (
    AsyncSpectron,
    Spectron,
    SpectronManagement,
    SyncSpectronManagement,
)

KEY = "sp-1-very-secret"

ANYTHING: dict[str, Any] = {
    "id": "x",
    "key": "sp-2-new",
    "mode": "full",
    "sessionId": "s",
    "reply": "r",
    "principalId": "p",
    "path": "org/acme/",
    "entity": {"id": "entity:person/alice"},
}
"""An answer that holds every required field there is, so that any call can read it."""


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class Reply:
    """What the server does with a request.

    `delay` seconds pass first. `pieces` are sent as chunks, `pause` seconds apart. `cut` closes
    the connection: before the answer, or after the pieces without ending them.
    """

    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    pieces: tuple[bytes, ...] | None = None
    pause: float = 0.0
    cut: bool = False
    compressed: bool = False

    def content(self) -> bytes:
        raw = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        raw = b"" if self.body is None else raw
        return gzip.compress(raw) if self.compressed else raw


def stream(*frames: str, **options: Any) -> Reply:
    """Server-sent events, one piece each."""
    pieces = tuple(frame.encode() for frame in frames)
    return Reply(pieces=pieces, headers={"Content-Type": "text/event-stream"}, **options)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        self.server.loopback.connections += 1
        self.number = self.server.loopback.connections
        with contextlib.suppress(ConnectionError, TimeoutError):
            super().handle()

    def _answer(self) -> None:
        loopback = self.server.loopback
        body = self._body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, self.path, headers, body, self.number)
        reply = loopback.reply_to(seen)
        time.sleep(reply.delay)
        if reply.cut and reply.pieces is None:
            self.close_connection = True
            return
        self.send_response(reply.status)
        self._send(reply)

    def _send(self, reply: Reply) -> None:
        content = reply.content()
        headers = {"Content-Type": "application/json", **reply.headers}
        if reply.compressed:
            headers["Content-Encoding"] = "gzip"
        if reply.pieces is not None:
            headers["Transfer-Encoding"] = "chunked"
        elif reply.status != 204:
            headers.setdefault("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if reply.pieces is None:
            self.wfile.write(content)
            return
        for piece in reply.pieces:
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.flush()
            time.sleep(reply.pause)
        if reply.cut:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the base's names

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    loopback: Loopback


class Loopback:
    """A server that plays a script, then repeats its last reply."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.connections = 0
        self._script: list[Reply | Callable[[Seen], Reply]] = [Reply(body=ANYTHING)]
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.loopback = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def play(self, *replies: Reply | Callable[[Seen], Reply]) -> None:
        """The replies to come, in order; the last one stays."""
        self._script = list(replies)

    def reply_to(self, seen: Seen) -> Reply:
        with self._lock:
            self.seen.append(seen)
            step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        return step(seen) if callable(step) else step

    def speak_tls(self, certificate: Path, key: Path) -> None:
        """Wrap every connection from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        listening = self._server.socket
        self._server.socket = context.wrap_socket(listening, server_side=True)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def closed_port() -> str:
    """An endpoint at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


class Recorder:
    """A transport of both worlds that keeps requests and answers always the same."""

    def __init__(self, answer: object = ANYTHING, status: int = 200) -> None:
        self.requests: list[httpx.Request] = []
        self.bodies: list[bytes] = []
        self._answer, self._status = answer, status
        self.transport = httpx.MockTransport(self._handle)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.bodies.append(request.content)
        content = b"" if self._answer is None else json.dumps(self._answer).encode()
        return httpx.Response(self._status, content=content)

    @property
    def request(self) -> httpx.Request:
        return self.requests[-1]

    @property
    def json(self) -> Any:
        return json.loads(self.bodies[-1]) if self.bodies[-1] else None


@dataclass
class World:
    """Makes clients of one kind and closes them afterwards."""

    name: str
    clients: list[Any] = field(default_factory=list)

    @property
    def is_async(self) -> bool:
        return self.name != "sync"

    def client(self, endpoint: str = "http://memory.test", **options: Any) -> Any:
        options.setdefault("api_key", KEY)
        context = options.pop("context", "acme")
        return self.keep(
            (AsyncSpectron if self.is_async else Spectron)(context, endpoint, **options)
        )

    def admin(self, base_url: str = "http://memory.test", **options: Any) -> Any:
        options.setdefault("api_key", KEY)
        kind = SpectronManagement if self.is_async else SyncSpectronManagement
        return self.keep(kind(base_url, **options))

    def keep(self, client: Any) -> Any:
        self.clients.append(client)
        return client

    async def close(self) -> None:
        for client in self.clients:
            await settle(client.aclose() if hasattr(client, "aclose") else client.close())


async def settle(value: Any) -> Any:
    """What an async method's coroutine gives, or what a blocking one gave."""
    return await value if inspect.iscoroutine(value) else value


async def chunks_of(chunks: Any) -> list[Any]:
    """Everything that a stream of either world yields."""
    if hasattr(chunks, "__aiter__"):
        return [chunk async for chunk in chunks]
    return list(chunks)


def words(deltas: Iterable[Any]) -> str:
    """The text of a streamed reply."""
    return "".join(chunk.delta for chunk in deltas)
