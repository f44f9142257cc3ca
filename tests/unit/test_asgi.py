"""The ASGI application by itself: what it makes of scopes, bodies, streams and departures."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from spectron_adapters.local.engine import Engine
from spectron_adapters.local.exchange import Request, Response
from spectron_adapters.local.server import SpectronApp, app_from_env, create_app, streaming
from spectron_adapters.local.server.reading import BodyLimits
from spectron_adapters.local.server.request_log import JsonLines

KEY = "an-api-key-of-the-tests"
PLANE_KEY = "a-management-key-of-the-tests"
BEARER = (b"authorization", f"Bearer {KEY}".encode())


class Answer:
    """What an application sent."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    async def __call__(self, message: dict[str, Any]) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return self.messages[0]["status"]

    @property
    def headers(self) -> dict[str, str]:
        return {
            name.decode(): value.decode("latin-1") for name, value in self.messages[0]["headers"]
        }

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.messages[1:])

    @property
    def problem(self) -> Any:
        assert self.headers["content-type"] == "application/problem+json"
        problem = json.loads(self.body)
        assert problem["status"] == self.status
        return problem


def scope(
    method: str = "GET",
    path: str | bytes = "/api/v1/default/me",
    *,
    query: bytes = b"",
    headers: list[tuple[bytes, bytes]] | None = None,
) -> dict[str, Any]:
    raw = path.encode() if isinstance(path, str) else path
    return {
        "type": "http",
        "method": method,
        "path": raw.decode("latin-1"),
        "raw_path": raw,
        "query_string": query,
        "headers": [BEARER] if headers is None else headers,
    }


def body_of(*pieces: bytes, then: str = "wait") -> Callable[[], Any]:
    """ASGI's `receive` for a body in pieces; afterwards it waits, or the client leaves."""
    left = list(pieces)

    async def receive() -> dict[str, Any]:
        if left:
            piece = left.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(left)}
        if then == "wait":
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    return receive


async def send(
    app: SpectronApp, request: dict[str, Any], *pieces: bytes, then: str = "wait"
) -> Answer:
    answer = Answer()
    await app(request, body_of(*(pieces or (b"",)), then=then), answer)
    return answer


async def until(holds: Callable[[], object]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it never came true")


@pytest.fixture
async def app() -> AsyncIterator[SpectronApp]:
    made = create_app(api_key=KEY, management_key=PLANE_KEY)
    yield made
    await made.aclose()


class Scripted(Engine):
    """An engine that answers what it is told to."""

    def __init__(self, answer: Callable[[Request], Response]) -> None:
        super().__init__()
        self.answer = answer
        self.requests: list[Request] = []

    def handle(self, request: Request) -> Response:
        self.requests.append(request)
        return self.answer(request)


# --- from scope to request ------------------------------------------------------------------------


async def test_what_was_sent_reaches_the_engine_as_it_was_sent():
    engine = Scripted(lambda _: Response.json(200, {}))
    app = SpectronApp(engine)
    headers = [BEARER, (b"X-Name", b"Zo\xc3\xab"), (b"x-odd", b"\xff"), (b"X-Name", b"b")]
    request = scope("post", "/api/v1/default/entities/a%2Fb", query=b"a=%20&b", headers=headers)
    await send(app, request, b'{"te', b'xt": 1}')
    await app.aclose()
    (seen,) = engine.requests
    assert (seen.method, seen.path) == ("POST", "/api/v1/default/entities/a%2Fb")
    assert seen.query == "a=%20&b"
    assert seen.headers["x-name"] == "Zoë, b"
    assert seen.headers["x-odd"] == "\xff"
    assert seen.body == b'{"text": 1}'


async def test_servers_without_raw_paths_and_with_queries_in_them_are_understood():
    engine = Scripted(lambda _: Response.json(200, {}))
    app = SpectronApp(engine)
    await send(app, {**scope(), "path": "/api/v1/default/é x", "raw_path": None})
    await send(app, {**scope(), "raw_path": b"/api/v1/default/me?k=1"})
    await app.aclose()
    assert [seen.path for seen in engine.requests] == [
        "/api/v1/default/%C3%A9%20x",
        "/api/v1/default/me",
    ]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (scope(path=b"/api/v1/default/\xc3\xa9"), 400),
        (scope(query=b"\xc3"), 400),
        (scope(path="/api/v1/default/" + "x" * 50_000), 414),
        (scope(path=""), 404),
        (scope(path="/"), 404),
        (scope(path="/api/v1"), 404),
        (scope(path="/api/v1/"), 404),
        (scope(path="/mcp"), 404),
        (scope("BREW"), 405),
        (scope("HEAD"), 405),
        (scope("OPTIONS"), 405),
        (scope("POST", "/api/v1/health"), 405),
        (scope(headers=[]), 401),
        (scope(headers=[(b"authorization", KEY.encode())]), 401),
        (scope(headers=[(b"authorization", b"Bearer ")]), 401),
        (scope(headers=[BEARER, BEARER]), 401),
        (scope(path="/api/v1/other/me"), 401),
        (scope(path="/api/v1/Not%20Valid/me"), 422),
    ],
    ids=lambda value: (
        str(value) if isinstance(value, int) else value["raw_path"][:30].decode("latin-1")
    ),
)
async def test_what_cannot_be_answered_gets_a_problem_document(app, request_, status):
    answer = await send(app, request_)
    assert answer.status == status
    assert answer.problem["detail"]
    if status == 405:
        assert answer.headers["allow"] == "GET"
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/api/v1/health", "/api/v1/health/", "/api/v1/openapi.json"])
async def test_health_and_the_document_need_no_key(app, path):
    answer = await send(app, scope(path=path, headers=[]))
    assert answer.status == 200
    assert json.loads(answer.body)


async def test_a_websocket_is_closed(app):
    answer = Answer()

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    await app({"type": "websocket", "path": "/", "headers": []}, receive, answer)
    assert [message["type"] for message in answer.messages] == ["websocket.close"]


# --- starting and stopping ------------------------------------------------------------------------


async def test_the_lifespan_opens_and_closes_the_engine(tmp_path):
    path = tmp_path / "memory.db"
    app = create_app(path, api_key=KEY)
    assert not path.exists()
    messages = asyncio.Queue()
    answer = Answer()
    running = asyncio.create_task(app({"type": "lifespan"}, messages.get, answer))
    await messages.put({"type": "lifespan.startup"})
    await until(lambda: answer.messages)
    assert path.exists()
    assert (await send(app, scope())).status == 200
    await messages.put({"type": "lifespan.shutdown"})
    await running
    assert [message["type"] for message in answer.messages] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    stopped = await send(app, scope())
    assert stopped.status == 503
    assert stopped.headers["retry-after"] == "1"


async def test_a_file_that_cannot_be_used_fails_the_start_and_says_why(tmp_path):
    path = tmp_path / "memory.db"
    path.write_text("no database " * 100)
    answer = Answer()

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    await create_app(path, api_key=KEY)({"type": "lifespan"}, receive, answer)
    (message,) = answer.messages
    assert message["type"] == "lifespan.startup.failed"
    assert "memory.db" in message["message"]


async def test_a_server_without_lifespan_still_knows_its_key(app):
    assert (await send(app, scope())).status == 200


def test_the_factory_takes_its_settings_from_the_environment(monkeypatch, tmp_path):
    for name in ("SPECTRON_API_KEY", "SPECTRON_MANAGEMENT_KEY", "SPECTRON_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("SPECTRON_DB", raising=False)
    with pytest.raises(ValueError, match="SPECTRON_DB is not set"):
        app_from_env()
    monkeypatch.setenv("SPECTRON_DB", str(tmp_path / "memory.db"))
    monkeypatch.setenv("SPECTRON_API_KEY", KEY)
    monkeypatch.setenv("SPECTRON_AUTO_REGISTER_SCOPES", "perhaps")
    with pytest.raises(ValueError, match="SPECTRON_AUTO_REGISTER_SCOPES"):
        app_from_env()
    monkeypatch.setenv("SPECTRON_AUTO_REGISTER_SCOPES", "false")
    app = app_from_env()
    assert app.engine.path == tmp_path / "memory.db"
    assert KEY not in repr(app)


# --- bodies ---------------------------------------------------------------------------------------


def limited(**limits: Any) -> SpectronApp:
    engine = Scripted(lambda request: Response.json(200, {"bytes": len(request.body)}))
    return SpectronApp(engine, limits=BodyLimits(**limits))


async def test_bodies_up_to_the_limit_pass_and_no_byte_more():
    app = limited(json=10, form=20)
    facts = scope("POST", "/api/v1/default/facts")
    assert json.loads((await send(app, facts, b"12345", b"67890")).body) == {"bytes": 10}
    assert (await send(app, facts, b"12345", b"678901")).status == 413
    form = [BEARER, (b"content-type", b"multipart/form-data; boundary=x")]
    documents = scope("POST", "/api/v1/default/documents", headers=form)
    assert (await send(app, documents, b"1" * 20)).status == 200
    assert (await send(app, documents, b"1" * 21)).status == 413
    await app.aclose()


async def test_a_declared_length_over_the_limit_is_refused_before_anything_is_read():
    app = limited(json=10)
    read = []

    async def receive() -> dict[str, Any]:
        read.append(1)
        return {"type": "http.request", "body": b"", "more_body": True}

    answer = Answer()
    await app(scope("POST", headers=[BEARER, (b"content-length", b"11")]), receive, answer)
    assert answer.status == 413
    assert read == []
    await app.aclose()


async def test_a_body_that_arrives_too_slowly_is_refused_and_its_connection_closed():
    app = limited(patience=0.1, rate=1_000_000)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.03)
        return {"type": "http.request", "body": b"x", "more_body": True}

    answer = Answer()
    started = time.monotonic()
    await app(scope("POST"), receive, answer)
    assert 0.05 < time.monotonic() - started < 5
    assert answer.problem["status"] == 408
    assert answer.headers["connection"] == "close"
    await app.aclose()


async def test_a_large_body_that_keeps_arriving_earns_its_time():
    app = limited(patience=0.1, rate=10)
    pieces = [b"12345"] * 10

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.03)
        return {"type": "http.request", "body": pieces.pop(), "more_body": bool(pieces)}

    answer = Answer()
    await app(scope("POST"), receive, answer)
    assert json.loads(answer.body) == {"bytes": 50}
    await app.aclose()


async def test_bodies_together_are_bounded_and_room_comes_back():
    gate = threading.Event()
    engine = Scripted(lambda _: gate.wait(10) and Response.json(200, {}))
    app = SpectronApp(engine, limits=BodyLimits(total=15))
    first = asyncio.create_task(send(app, scope("POST"), b"1234567890"))
    await until(lambda: engine.requests)
    refused = await send(app, scope("POST"), b"1234567890")
    assert refused.problem["status"] == 503
    gate.set()
    assert (await first).status == 200
    assert (await send(app, scope("POST"), b"1234567890")).status == 200
    await app.aclose()


async def test_a_client_that_leaves_in_the_middle_of_its_body_gets_no_answer(caplog):
    caplog.set_level(logging.INFO, "spectron_adapters.server")
    app = limited()
    answer = Answer()
    left = [{"type": "http.request", "body": b"half", "more_body": True}]

    async def receive() -> dict[str, Any]:
        return left.pop() if left else {"type": "http.disconnect"}

    await app(scope("POST"), receive, answer)
    await app.aclose()
    assert answer.messages == []
    assert json.loads(caplog.messages[-1])["status"] == 499


async def test_without_a_key_no_body_is_read(app):
    async def receive() -> dict[str, Any]:
        pytest.fail("the body was asked for")

    answer = Answer()
    await app(scope("POST", "/api/v1/default/facts", headers=[]), receive, answer)
    assert answer.status == 401


# --- many at once ---------------------------------------------------------------------------------


async def test_the_loop_goes_on_while_the_engine_works_and_health_is_answered():
    gate = threading.Event()

    def slow(request: Request) -> Response:
        if not request.path.endswith("health"):
            gate.wait(10)
        return Response.json(200, {})

    app = SpectronApp(Scripted(slow), threads=2, waiting=5)
    slow_ones = [asyncio.create_task(send(app, scope())) for _ in range(5)]
    await asyncio.sleep(0.05)
    refused = await send(app, scope())
    assert refused.problem["status"] == 503
    gate.set()
    assert [(await task).status for task in slow_ones] == [200] * 5
    assert (await send(app, scope())).status == 200
    await app.aclose()


async def test_health_does_not_wait_for_busy_threads():
    gate = threading.Event()

    def slow(request: Request) -> Response:
        if not request.path.endswith("health"):
            gate.wait(10)
        return Response.json(200, {"ok": True})

    app = SpectronApp(Scripted(slow), threads=1)
    busy = asyncio.create_task(send(app, scope()))
    await asyncio.sleep(0.05)
    health = await asyncio.wait_for(send(app, scope(path="/api/v1/health")), 5)
    assert health.status == 200
    assert not busy.done()
    gate.set()
    await busy
    await app.aclose()


# --- answers --------------------------------------------------------------------------------------


async def test_headers_cannot_be_split_and_types_are_not_guessed():
    odd = {"content-type": "text/html\r\nset-cookie: a=b", "x-name": "Zoë ✓"}
    app = SpectronApp(Scripted(lambda _: Response(200, odd, b"<b>")))
    answer = await send(app, scope())
    await app.aclose()
    assert answer.headers["content-type"] == "text/html  set-cookie: a=b"
    assert answer.headers["x-name"] == "Zoë ?"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers


async def test_an_answer_without_body_declares_no_length():
    app = SpectronApp(Scripted(lambda _: Response.json(204, None)))
    answer = await send(app, scope("DELETE"))
    await app.aclose()
    assert answer.status == 204
    assert "content-length" not in answer.headers


async def test_what_the_engine_raises_becomes_a_500_without_its_words(caplog):
    def fail(_: Request) -> Response:
        raise ZeroDivisionError("plum jam")

    app = SpectronApp(Scripted(fail))
    answer = await send(app, scope())
    await app.aclose()
    assert answer.problem["status"] == 500
    assert answer.headers["x-request-id"] in answer.problem["detail"]
    assert "plum" not in answer.body.decode() + caplog.text


# --- streams --------------------------------------------------------------------------------------


class Events:
    """A source of events that tells whether it was closed."""

    def __init__(self, *events: bytes | Exception, endless: bool = False) -> None:
        self.closed = threading.Event()
        self.asked = threading.Event()
        self._events = list(events)
        self._endless = endless

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.asked.set()
        if not self._events:
            if self._endless:
                time.sleep(0.005)
                return b": more\n\n"
            raise StopIteration
        event = self._events.pop(0)
        if isinstance(event, Exception):
            raise event
        return event

    def close(self) -> None:
        self.closed.set()


def streaming_app(events: Events) -> SpectronApp:
    headers = {"content-type": "text/event-stream"}
    return SpectronApp(Scripted(lambda _: Response(200, headers, b"", events)), threads=2)


async def test_events_are_sent_one_by_one_and_their_source_is_closed():
    events = Events(b"data: 1\n\n", b"data: 2\n\n")
    app = streaming_app(events)
    answer = await send(app, scope("POST"))
    bodies = [(message["body"], message.get("more_body", False)) for message in answer.messages[1:]]
    assert bodies == [(b"data: 1\n\n", True), (b"data: 2\n\n", True), (b"", False)]
    assert "content-length" not in answer.headers
    assert await asyncio.to_thread(events.closed.wait, 5)
    await app.aclose()


async def test_a_reader_who_leaves_ends_the_stream_and_frees_its_thread():
    events = Events(endless=True)
    app = streaming_app(events)
    for _ in range(3):
        events.closed.clear()
        await asyncio.wait_for(send(app, scope("POST"), then="leave"), 5)
        assert await asyncio.to_thread(events.closed.wait, 5)
    app.engine.answer = lambda _: Response.json(200, {})
    assert (await asyncio.wait_for(send(app, scope()), 5)).status == 200
    await app.aclose()


async def test_a_cancelled_request_closes_its_source():
    events = Events(endless=True)
    app = streaming_app(events)
    running = asyncio.create_task(send(app, scope("POST")))
    await asyncio.to_thread(events.asked.wait, 5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await asyncio.to_thread(events.closed.wait, 5)
    await app.aclose()


async def test_a_stream_that_fails_ends_with_an_error_event_without_its_words(caplog):
    events = Events(b"data: 1\n\n", RuntimeError("plum jam"))
    app = streaming_app(events)
    answer = await send(app, scope("POST"))
    await app.aclose()
    last = answer.messages[-2]["body"].decode()
    assert last.startswith("event: error\ndata: {")
    assert json.loads(last.partition("data: ")[2])["status"] == 500
    assert "plum" not in answer.body.decode() + caplog.text


async def test_a_silent_stream_is_kept_alive(monkeypatch):
    monkeypatch.setattr(streaming, "_KEEP_ALIVE_SECONDS", 0.02)

    def slow() -> Iterator[bytes]:
        time.sleep(0.1)
        yield b"data: 1\n\n"

    app = SpectronApp(
        Scripted(lambda _: Response(200, {"content-type": "text/event-stream"}, b"", slow()))
    )
    answer = await send(app, scope("POST"))
    await app.aclose()
    assert answer.body.startswith(b": ")
    assert answer.body.endswith(b"data: 1\n\n")


# --- the log --------------------------------------------------------------------------------------


def test_other_records_become_json_lines_that_keep_errors_words_to_themselves():
    try:
        int("plum jam")
    except ValueError as error:
        told = (type(error), error, error.__traceback__)
    record = logging.LogRecord("some.where", logging.ERROR, __file__, 1, "it %s", ("broke",), told)
    line = JsonLines().format(record)
    fields = json.loads(line)
    assert fields["message"] == "it broke"
    assert fields["error"] == "ValueError"
    assert "test_asgi.py" in fields["at"][0]
    assert "plum" not in line
    assert "\n" not in line
