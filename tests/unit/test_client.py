"""The clients against a real server: attempts, failures, answers, views, siblings, secrets."""

from __future__ import annotations

import asyncio
import copy
import gzip
import io
import json
import logging
import pickle
import shutil
import ssl
import subprocess
import time
import traceback
from datetime import datetime
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from spectron_adapters import (
    AsyncSpectron,
    ScopeResolutionError,
    ScopeSet,
    Spectron,
    SpectronAPIError,
    SpectronAuthError,
    SpectronConfig,
    SpectronConflictError,
    SpectronConnectionError,
    SpectronError,
    SpectronNotFoundError,
    SpectronRateLimitError,
    SpectronResponseError,
    SpectronScopeError,
    SpectronServerError,
    SpectronTimeoutError,
    SpectronValidationError,
    _httpx_transport,
    _network,
)
from tests.unit.loopback import ANYTHING, KEY, Loopback, Recorder, Reply, World, closed_port, settle

PROBLEM = {"title": "Nope", "status": 500, "detail": "the store is down"}
FAILED = Reply(503, PROBLEM)
FINE = Reply(body=ANYTHING)


# --- construction -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"context": ""}, "context is blank"),
        ({"endpoint": ""}, "no endpoint is set"),
        ({"endpoint": None}, "no endpoint is set"),
        ({"endpoint": "memory.test"}, "no known scheme"),
        ({"endpoint": "https://user:pw@memory.test"}, "user name or password"),
        ({"api_key": ""}, "api_key is blank"),
        ({"api_key": None}, "no API key is set"),
        ({"timeout": 0}, "timeout must be a positive number"),
        ({"timeout": float("nan")}, "timeout must be a positive number"),
        ({"max_retries": -1}, "max_retries must be 0 or more"),
        ({"deadline": -1.0}, "deadline must be a positive number"),
        ({"on_behalf_of": " "}, "on_behalf_of is blank"),
        ({"on_behalf_of": "a\r\nX-Evil: 1"}, "on_behalf_of holds a line break"),
        ({"headers": {"X-A": "a\nb"}}, "header 'X-A' holds a line break"),
        ({"headers": {"X A": "a"}}, "not a header's name"),
        ({"headers": {"Content-Length": "3"}}, "set by the client itself"),
        ({"idempotency": "never"}, "idempotency must be one of unique, derived"),
    ],
)
def test_a_wrong_constructor_argument_is_refused_at_once(
    world: World, options: dict[str, Any], complaint: str
) -> None:
    given = {"endpoint": "http://memory.test", **options}
    with pytest.raises(ValueError, match=complaint):
        world.client(**given)


@pytest.mark.parametrize(
    "options",
    [
        {"context": 3},
        {"timeout": "30"},
        {"max_retries": 1.5},
        {"max_retries": True},
        {"api_key": 3},
    ],
)
def test_a_constructor_argument_of_the_wrong_type_is_refused(
    world: World, options: dict[str, Any]
) -> None:
    with pytest.raises(TypeError):
        world.client(**options)


def test_a_broken_key_is_refused_without_being_shown(world: World) -> None:
    with pytest.raises(ValueError, match="api_key holds a line break") as refusal:
        world.client(api_key="sp-1-secret\n")
    assert "secret" not in everything_in(refusal.value)


def test_transport_and_client_of_ones_own_exclude_each_other(world: World) -> None:
    with pytest.raises(ValueError, match="either transport or http_client"):
        world.client(transport=Recorder().transport, http_client=httpx.Client())


def test_construction_opens_no_connection(world: World) -> None:
    world.client(closed_port())


async def test_trailing_slashes_of_the_endpoint_are_dropped(world: World) -> None:
    recorder = Recorder()
    await settle(world.client("http://memory.test/base//", transport=recorder.transport).state())
    assert str(recorder.request.url) == "http://memory.test/base/api/v1/acme/state"


# --- arguments ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "args", "options", "complaint"),
    [
        ("remember", (), {}, r"remember\(\): .*needs a text that is not blank"),
        ("remember", (" ",), {}, r"remember\(\): .*needs a text"),
        ("remember", ("x",), {"infer": "all"}, r"remember\(\): infer: input should be .*got 'all'"),
        ("remember", ("x",), {"scopes": []}, r"remember\(\): .*scopes"),
        ("remember", ("x",), {"scopes": ""}, r"remember\(\): .*scopes"),
        ("remember", ("x",), {"scopes": "org/acme/*"}, r"remember\(\): .*scopes"),
        ("remember", ("x",), {"labels": ["nokey"]}, r"remember\(\): labels\[0\]: .*key=value"),
        ("remember", ("x",), {"observed_at": "today"}, r"remember\(\): observed_at: .*RFC 3339"),
        ("remember", ("x",), {"observed_at": datetime(2026, 1, 1)}, "no time zone"),
        ("remember", ("x",), {"idempotency_key": ""}, "idempotency_key is blank"),
        ("remember", ("x",), {"on_behalf_of": ""}, r"remember\(\): on_behalf_of is blank"),
        ("remember", (), {"infer": "triples"}, "non-empty list of triples"),
        (
            "remember",
            (),
            {"infer": "triples", "triples": [{"entity": {}, "ky": "a"}]},
            r"triples\[0\] has no field 'ky'",
        ),
        ("remember_many", ([],), {}, r"remember_many\(\): items: .*at least 1"),
        (
            "remember_many",
            ([{"role": "user", "text": "x"}],),
            {},
            r"remember_many\(\): items\[0\] has no field 'text'",
        ),
        ("remember_many", ([{"role": "boss", "content": "x"}],), {}, r"items\[0\]\.role: "),
        ("recall", ("q",), {"k": 0}, r"recall\(\): k: .*greater than or equal to 1, got 0"),
        ("recall", ("q",), {"k": 51}, r"recall\(\): k: .*less than or equal to 50, got 51"),
        ("recall", ("q",), {"mode": "magic"}, r"recall\(\): mode: .*got 'magic'"),
        ("recall", ("q",), {"include": ["all"]}, r"recall\(\): include\[0\]"),
        ("recall", ("q",), {"lens": [""]}, "lens"),
        ("recall", ("q",), {"as_of": "2026-01-01"}, r"recall\(\): as_of: "),
        ("recall", ("q",), {"location": {"near": None}}, "exactly one of near and within"),
        ("recall", ("q",), {"location": {"nearby": {}}}, "location has no field 'nearby'"),
        ("query_context", ("q",), {"scope_view": "all"}, r"query_context\(\): scope_view: "),
        ("chat", ("",), {}, r"chat\(\): message: "),
        ("forget", ("",), {}, r"forget\(\): query: "),
        ("inspect", (" ",), {}, r"inspect\(\): ref is blank"),
        ("audit", (), {"kind": "all"}, r"audit\(\): kind must be one of decision"),
        ("audit", (), {"limit": 0}, r"audit\(\): limit must be at least 1, got 0"),
        ("audit", (), {"since": "yesterday"}, r"audit\(\): since: "),
        ("documents.get", ("",), {}, r"documents\.get\(\): doc_id is blank"),
        ("documents.list", (), {"page": -1}, "page must be at least 0"),
        ("documents.query", ("q",), {"filter": {"ids": []}}, "filter has no field 'ids'"),
        ("documents.query", ("q",), {"graph_edges": ["hybrid_graph"]}, "graph_edges"),
        ("documents.reprocess", ("d",), {"filename": "a.txt"}, "give file as well"),
        ("documents.upload", ("/nowhere/at-all.txt",), {}, "there is no file at"),
        ("documents.upload", (b"x",), {"mime_type": "text\nplain"}, "not a media type"),
        ("sessions.turns", ("s",), {"limit": 0}, "limit must be at least 1"),
        ("entities.get", ("person", "\ud800"), {}, "lone surrogate"),
        ("principals.grant", ("p", "a", ["read"]), {}, r"principals\.grant\(\): verbs\[0\]: "),
        ("principals.grant", ("p", "a", []), {}, r"principals\.grant\(\): verbs: "),
        ("keys.create", (), {"ttl_seconds": 0}, "ttl_seconds must be at least 1"),
        ("lifecycle.fsck", (), {"check": "all"}, r"lifecycle\.fsck\(\): check: "),
    ],
)
async def test_a_wrong_value_raises_before_anything_is_sent(
    world: World, method: str, args: tuple[Any, ...], options: dict[str, Any], complaint: str
) -> None:
    recorder = Recorder()
    with pytest.raises(ValueError, match=complaint) as refusal:
        await settle(_method(world.client(transport=recorder.transport), method)(*args, **options))
    assert recorder.requests == []
    assert "pydantic" not in "".join(traceback.format_exception_only(refusal.value))


@pytest.mark.parametrize(
    ("method", "args", "options", "complaint"),
    [
        ("remember", (3,), {}, r"remember\(\): text: .*string, got int"),
        ("remember", ("x",), {"labels": "a=b"}, "labels must be a list"),
        ("remember", ("x",), {"scopes": 3}, "scopes"),
        ("remember", (), {"infer": "triples", "triples": {"entity": {}}}, "triples must be a list"),
        ("remember_many", ("hello",), {}, r"remember_many\(\): items must be a list"),
        ("recall", ("q",), {"k": "3"}, r"recall\(\): k: .*integer, got str"),
        ("recall", ("q",), {"k": True}, r"recall\(\): k: "),
        ("recall", (None,), {}, r"recall\(\): query: "),
        ("documents.get", (3,), {}, r"documents\.get\(\): doc_id must be a string, got int"),
        ("documents.list", (), {"page": "0"}, "page must be a whole number"),
        ("documents.upload", (io.StringIO("text"),), {}, "opened in binary mode"),
        ("documents.upload", (3,), {}, "a path, bytes or a file"),
        ("sessions.create", (), {"metadata": object()}, "not serialisable as JSON"),
        ("keys.create", (), {"grants": {"memory:read": "org/*"}}, "must be a list of patterns"),
    ],
)
async def test_a_wrong_type_raises_before_anything_is_sent(
    world: World, method: str, args: tuple[Any, ...], options: dict[str, Any], complaint: str
) -> None:
    recorder = Recorder()
    call = _method(world.client(transport=recorder.transport), method)
    if args == (None,):
        with pytest.raises((TypeError, ValueError), match=complaint):
            await settle(call(*args, **options))
    else:
        with pytest.raises(TypeError, match=complaint):
            await settle(call(*args, **options))
    assert recorder.requests == []


async def test_refused_content_is_not_repeated_in_the_message(world: World) -> None:
    client = world.client(transport=Recorder().transport)
    with pytest.raises(ValueError, match="role") as refusal:
        await settle(client.remember_many([{"role": "x" * 500, "content": "my pin is 1234"}]))
    assert "1234" not in str(refusal.value)
    assert len(str(refusal.value)) < 300


def _method(client: Any, name: str) -> Any:
    for part in name.split("."):
        client = getattr(client, part)
    return client


# --- attempts -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("swift_retries")
@pytest.mark.parametrize("failure", [FAILED, Reply(500), Reply(502, b"<html>"), Reply(cut=True)])
async def test_reads_are_repeated_after_failures(
    wired: World, loopback: Loopback, failure: Reply
) -> None:
    loopback.play(failure, failure, failure, FINE)
    state = await settle(wired.client(loopback.endpoint).state())
    assert state.identity == {}
    assert len(loopback.seen) == 4


@pytest.mark.usefixtures("swift_retries")
async def test_a_call_gives_up_after_its_last_attempt(wired: World, loopback: Loopback) -> None:
    loopback.play(FAILED)
    with pytest.raises(SpectronServerError, match="the store is down") as failure:
        await settle(wired.client(loopback.endpoint, max_retries=2).state())
    assert failure.value.status_code == 503
    assert len(loopback.seen) == 3


@pytest.mark.usefixtures("swift_retries")
@pytest.mark.parametrize("method", ["remember", "remember_many"])
async def test_one_logical_write_keeps_its_key_through_all_attempts(
    wired: World, loopback: Loopback, method: str
) -> None:
    loopback.play(FAILED, Reply(cut=True), FINE)
    client = wired.client(loopback.endpoint)
    argument = "x" if method == "remember" else [{"role": "user", "content": "x"}]
    await settle(getattr(client, method)(argument))
    keys = [seen.headers["idempotency-key"] for seen in loopback.seen]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert len({seen.body for seen in loopback.seen}) == 1


async def test_equal_writes_are_two_writes_unless_asked_otherwise(world: World) -> None:
    recorder = Recorder()
    client = world.client(transport=recorder.transport)
    for _ in range(2):
        await settle(client.remember("ok"))
    first, second = (request.headers["idempotency-key"] for request in recorder.requests)
    assert first != second


async def test_derived_keys_collapse_equal_writes_of_one_bucket(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    recorder = Recorder()
    client = world.client(transport=recorder.transport, idempotency="derived")
    for text in ("ok", "ok", "no"):
        await settle(client.remember(text))
    first, second, third = (request.headers["idempotency-key"] for request in recorder.requests)
    assert first == second != third


async def test_the_callers_own_key_is_sent_as_it_is(world: World) -> None:
    recorder = Recorder()
    await settle(world.client(transport=recorder.transport).remember("x", idempotency_key="mine-1"))
    assert recorder.request.headers["idempotency-key"] == "mine-1"


@pytest.mark.usefixtures("swift_retries")
@pytest.mark.parametrize("failure", [FAILED, Reply(cut=True), Reply(500)])
@pytest.mark.parametrize(
    ("method", "args"),
    [
        ("forget", ("x",)),
        ("chat", ("x",)),
        ("recall", ("x",)),
        ("reflect", ("x",)),
        ("documents.delete", ("d",)),
        ("documents.upload", (b"x",)),
        ("scopes.register", ("a",)),
    ],
)
async def test_other_calls_are_sent_once(
    world: World, loopback: Loopback, method: str, args: tuple[Any, ...], failure: Reply
) -> None:
    loopback.play(failure)
    with pytest.raises(SpectronAPIError):
        await settle(_method(world.client(loopback.endpoint), method)(*args))
    assert len(loopback.seen) == 1


@pytest.mark.usefixtures("swift_retries")
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 501])
async def test_refusals_are_final(world: World, loopback: Loopback, status: int) -> None:
    loopback.play(Reply(status, {"detail": "no"}))
    with pytest.raises(SpectronAPIError) as failure:
        await settle(world.client(loopback.endpoint).state())
    assert failure.value.status_code == status
    assert len(loopback.seen) == 1


@pytest.mark.usefixtures("swift_retries")
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("method", ["state", "recall", "remember"])
async def test_a_wish_of_the_service_to_wait_is_kept(
    world: World, loopback: Loopback, status: int, method: str
) -> None:
    loopback.play(Reply(status, PROBLEM, headers={"Retry-After": "0.2"}), FINE)
    client = world.client(loopback.endpoint)
    started = time.monotonic()
    await settle(client.state() if method == "state" else getattr(client, method)("x"))
    assert time.monotonic() - started >= 0.2
    assert len(loopback.seen) == 2


async def test_a_wish_beyond_the_deadline_fails_at_once(world: World, loopback: Loopback) -> None:
    loopback.play(Reply(429, {"detail": "slow down", "retry_after": 3600}))
    started = time.monotonic()
    with pytest.raises(SpectronRateLimitError, match="slow down") as failure:
        await settle(world.client(loopback.endpoint, deadline=60.0).state())
    assert failure.value.retry_after == 3600
    assert len(loopback.seen) == 1
    assert time.monotonic() - started < 30  # not until the deadline


@pytest.mark.usefixtures("swift_retries")
async def test_attempts_end_with_the_deadline(wired: World, loopback: Loopback) -> None:
    loopback.play(Reply(body=ANYTHING, delay=0.4))
    client = wired.client(loopback.endpoint, timeout=0.1, max_retries=50, deadline=0.35)
    with pytest.raises(SpectronTimeoutError):
        await settle(client.state())
    assert 2 <= len(loopback.seen) <= 5  # of the 51 that max_retries allows


async def test_a_dripping_answer_ends_with_the_deadline(wired: World, loopback: Loopback) -> None:
    loopback.play(Reply(pieces=(b" ",) * 400, pause=0.05))
    client = wired.client(loopback.endpoint, max_retries=0, timeout=0.3)
    started = time.monotonic()
    with pytest.raises(SpectronTimeoutError):
        await settle(client.state())
    assert time.monotonic() - started < 10  # of the 20 that the answer would take


# --- failures -----------------------------------------------------------------------------------


async def test_nobody_listening_is_a_connection_error(wired: World) -> None:
    endpoint = closed_port()
    with pytest.raises(
        SpectronConnectionError, match=r"cannot reach .*is the service running\?"
    ) as e:
        await settle(wired.client(endpoint, max_retries=0).state())
    assert type(e.value) is SpectronConnectionError
    assert e.value.status_code == 0
    assert endpoint in str(e.value)


async def test_a_name_that_does_not_resolve_is_a_connection_error(wired: World) -> None:
    with pytest.raises(SpectronConnectionError, match=r"cannot reach http://nowhere.invalid"):
        await settle(wired.client("http://nowhere.invalid", max_retries=0).state())


async def test_a_silent_service_is_a_timeout(wired: World, loopback: Loopback) -> None:
    loopback.play(Reply(body=ANYTHING, delay=0.5))
    client = wired.client(loopback.endpoint, timeout=0.1, max_retries=0)
    with pytest.raises(SpectronTimeoutError, match=r"did not answer GET /state within 0.1 s"):
        await settle(client.state())


@pytest.mark.parametrize(
    "reply", [Reply(cut=True), Reply(pieces=(b'{"identity"',), cut=True)], ids=["before", "within"]
)
async def test_a_connection_that_breaks_is_a_connection_error(
    wired: World, loopback: Loopback, reply: Reply
) -> None:
    loopback.play(reply)
    with pytest.raises(SpectronConnectionError) as failure:
        await settle(wired.client(loopback.endpoint, max_retries=0).state())
    assert type(failure.value) is SpectronConnectionError


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, SpectronValidationError),
        (401, SpectronAuthError),
        (403, SpectronScopeError),
        (404, SpectronNotFoundError),
        (409, SpectronConflictError),
        (413, SpectronValidationError),
        (415, SpectronValidationError),
        (418, SpectronAPIError),
        (422, SpectronValidationError),
        (429, SpectronRateLimitError),
        (500, SpectronServerError),
        (501, SpectronServerError),
    ],
)
async def test_each_status_has_its_error(
    wired: World, loopback: Loopback, status: int, error: type[SpectronAPIError]
) -> None:
    loopback.play(Reply(status, {"detail": "because"}, headers={"X-Trace-Id": "t-1"}))
    with pytest.raises(SpectronAPIError) as failure:
        await settle(wired.client(loopback.endpoint, max_retries=0).state())
    assert type(failure.value) is error
    assert failure.value.message == "because"
    assert failure.value.trace_id == "t-1"
    assert failure.value.body == {"detail": "because"}


async def test_a_redirect_is_refused_and_names_the_host(wired: World, loopback: Loopback) -> None:
    loopback.play(Reply(307, headers={"Location": "https://user:pw@elsewhere.test/api"}))
    with pytest.raises(SpectronAPIError, match=r"redirected to elsewhere.test") as failure:
        await settle(wired.client(loopback.endpoint).state())
    assert failure.value.status_code == 307
    assert len(loopback.seen) == 1
    assert "pw" not in str(failure.value)


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[1, 2", b"\xff\xfe", b'"text"', b"[]"])
async def test_an_answer_that_does_not_fit_names_the_route(
    world: World, loopback: Loopback, body: bytes
) -> None:
    loopback.play(Reply(body=body))
    with pytest.raises(SpectronResponseError, match="GET /me") as failure:
        await settle(world.client(loopback.endpoint).whoami())
    assert "hello" not in str(failure.value)


async def test_a_missing_identifier_is_named(world: World) -> None:
    client = world.client(
        transport=Recorder({"hits": [{"score": 1.0, "text": "pin 1234"}]}).transport
    )
    with pytest.raises(SpectronResponseError, match=r"POST /query .*hits\.0\.id") as failure:
        await settle(client.recall("q"))
    assert "1234" not in str(failure.value)


async def test_compressed_answers_are_read(wired: World, loopback: Loopback) -> None:
    loopback.play(Reply(body={"context": "é" * 1000}, compressed=True))
    answer = await settle(wired.client(loopback.endpoint).query_context("q"))
    assert answer.context == "é" * 1000


async def test_broken_compression_is_named(wired: World, loopback: Loopback) -> None:
    loopback.play(Reply(body=b"not gzip", headers={"Content-Encoding": "gzip"}))
    with pytest.raises(SpectronResponseError, match="broken compression"):
        await settle(wired.client(loopback.endpoint, max_retries=0).state())


async def test_an_answer_that_never_ends_is_cut_off(
    wired: World, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = gzip.compress(b" " * 3_000_000)
    loopback.play(Reply(body=bomb, headers={"Content-Encoding": "gzip"}))
    client = wired.client(loopback.endpoint)
    method = client.documents.fetch_raw
    assert len(await settle(method("d"))) == 3_000_000
    monkeypatch.setattr("spectron_adapters._wire.ANSWER_LIMIT", 1_000_000)
    call = client._call(
        "state", "GET", "/state", lambda answer, name: None, largest_answer=1_000_000
    )
    with pytest.raises(SpectronResponseError, match="more than 1000000 bytes"):
        await settle(client._sender.send(call))


# --- tolerance ----------------------------------------------------------------------------------


async def test_newer_and_older_answers_are_read(world: World) -> None:
    answer = {
        "hits": [{"id": "a", "score": None, "text": "x", "occurred_at": "2026", "brandNew": 1}],
        "contextHits": None,
        "tier": "escalated",
        "trace": None,
        "actions": [1],
    }
    found = await settle(world.client(transport=Recorder(answer).transport).recall("q"))
    assert found.hits[0].occurred_at == "2026"
    assert found.hits[0].score == 0.0
    assert found.tier == "escalated"


@pytest.mark.parametrize(
    "call",
    [
        ("sessions.list", (), "sessions", "sessions"),
        ("sessions.turns", ("s",), "turns", "turns"),
        ("entities.list", (), "entities", "entities"),
        ("documents.list", (), "documents", "documents"),
        ("traces.list", (), "traces", "traces"),
        ("scopes.list", (), "scopes", None),
        ("principals.list", (), "principals", None),
        ("keys.list", (), "keys", None),
    ],
)
@pytest.mark.parametrize("shape", ["bare", "envelope", "page"])
async def test_lists_come_bare_or_in_an_envelope(
    world: World, call: tuple[str, tuple[str, ...], str, str | None], shape: str
) -> None:
    method, args, envelope, rows = call
    row = {"id": "1", "path": "p", "object": "o"}
    answers: dict[str, Any] = {
        "bare": [row],
        "envelope": {envelope: [row]},
        "page": {envelope: [row], "page": {"hasMore": False, "number": 0}},
    }
    client = world.client(transport=Recorder(answers[shape]).transport)
    answer = await settle(_method(client, method)(*args))
    assert len(getattr(answer, rows) if rows else answer) == 1


async def test_an_empty_answer_is_an_empty_object(world: World) -> None:
    client = world.client(transport=Recorder(None).transport)
    assert (await settle(client.forget("x"))).deleted == 0
    assert (await settle(client.documents.delete("d"))) is None
    assert await settle(client.keys.list()) == []


async def test_health_takes_whatever_a_healthy_service_says(
    world: World, loopback: Loopback
) -> None:
    for body in (b"", b"OK", b"[]", b'{"ok": true}'):
        loopback.play(Reply(body=body))
        assert (await settle(world.client(loopback.endpoint).health())).ok


async def test_inspect_gives_the_object_as_it_is(world: World) -> None:
    answer = {"kind": "attribute", "current": None, "history": []}
    client = world.client(transport=Recorder(answer).transport)
    assert await settle(client.inspect("attribute:person/alice/city")) == answer


# --- views --------------------------------------------------------------------------------------


async def test_a_view_fills_in_what_a_call_leaves_out(world: World) -> None:
    recorder = Recorder()
    view = world.client(transport=recorder.transport).scoped(
        scopes="org/acme/user/alice",
        labels={"team": "core"},
        on_behalf_of="alice",
        session_id="s-1",
    )
    await settle(view.remember("x"))
    assert recorder.json == {
        "text": "x",
        "scopes": [["org/acme/user/alice"]],
        "labels": ["team=core"],
        "session_id": "s-1",
    }
    assert recorder.request.headers["x-spectron-on-behalf-of"] == "alice"
    await settle(view.recall("q"))
    assert recorder.json == {
        "query": "q",
        "lens": [["org/acme/user/alice"]],
        "labels": ["team=core"],
        "sessionId": "s-1",
    }
    await settle(view.documents.query("q"))
    assert recorder.json == {"query": "q", "lens": [["org/acme/user/alice"]]}
    await settle(view.sessions.create())
    assert recorder.json == {"scopes": [["org/acme/user/alice"]]}
    await settle(view.state())
    assert recorder.request.headers["x-spectron-on-behalf-of"] == "alice"


async def test_an_explicit_argument_beats_the_view(world: World) -> None:
    recorder = Recorder()
    view = world.client(transport=recorder.transport).scoped(
        scopes="a", lens="b", labels=["k=v"], on_behalf_of="p", session_id="s"
    )
    await settle(view.recall("q", lens="c", labels=[], session_id="t", on_behalf_of="o"))
    assert recorder.json == {"query": "q", "lens": [["c"]], "labels": [], "sessionId": "t"}
    assert recorder.request.headers["x-spectron-on-behalf-of"] == "o"


async def test_the_nearest_view_wins(world: World) -> None:
    recorder = Recorder()
    outer = world.client(transport=recorder.transport).scoped(scopes="a", lens="b", session_id="s")
    inner = outer.scoped(lens="c")
    assert inner.defaults.scopes == ScopeSet.parse("a")
    assert inner.defaults.lens == ScopeSet.parse("c")
    assert inner.defaults.session_id == "s"
    assert outer.defaults.lens == ScopeSet.parse("b")


async def test_nearer_scopes_are_not_read_through_a_farther_lens(world: World) -> None:
    recorder = Recorder()
    view = world.client(transport=recorder.transport).scoped(lens="org/acme/*")
    await settle(view.scoped(scopes="org/acme/user/alice").recall("q"))
    assert recorder.json["lens"] == [["org/acme/user/alice"]]


@pytest.mark.parametrize(
    "options",
    [{"scopes": []}, {"scopes": " "}, {"lens": ""}, {"session_id": ""}, {"on_behalf_of": ""}],
)
def test_a_blank_default_is_refused(world: World, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        world.client(transport=Recorder().transport).scoped(**options)


async def test_closing_a_view_leaves_the_client_open(world: World, loopback: Loopback) -> None:
    client = world.client(loopback.endpoint)
    view = client.scoped(scopes="a")
    await settle(view.aclose() if world.is_async else view.close())
    await settle(client.state())
    await settle(view.state())


async def test_forgetting_through_a_narrowed_view_is_refused(world: World) -> None:
    recorder = Recorder()
    client = world.client(transport=recorder.transport)
    with pytest.raises(ValueError, match="narrowed to scopes"):
        await settle(client.scoped(scopes="org/acme/user/alice").forget("everything"))
    with pytest.raises(ValueError, match="narrowed to scopes"):
        await settle(client.scoped(lens="org/acme").entities.delete("person", "alice"))
    assert recorder.requests == []
    await settle(client.scoped(scopes="a", on_behalf_of="alice").forget("it"))
    await settle(client.scoped(session_id="s").forget("it"))
    assert len(recorder.requests) == 2


# --- ways to make a client ----------------------------------------------------------------------


def test_a_client_of_a_configuration_has_its_defaults() -> None:
    config = SpectronConfig(
        endpoint="https://memory.test",
        context="acme",
        api_key=KEY,
        scopes="org/acme",
        labels=["a=b"],
        on_behalf_of="alice",
        timeout=3,
    )
    with Spectron.from_config(config) as client:
        assert client.context == "acme"
        assert client.endpoint == "https://memory.test"
        assert client.defaults.scopes == ScopeSet.parse("org/acme")
        assert client.defaults.labels == ("a=b",)
        assert client.defaults.on_behalf_of == "alice"


async def test_an_unfilled_template_never_reaches_further(world: World) -> None:
    config = SpectronConfig(
        endpoint="memory:", scopes="org/{org_id}", on_behalf_of="principal:{user_id}"
    )
    client = world.keep((AsyncSpectron if world.is_async else Spectron).from_config(config))
    with pytest.raises(ScopeResolutionError, match="org_id"):
        await settle(client.recall("q", on_behalf_of="a"))
    with pytest.raises(ScopeResolutionError, match="org_id"):
        await settle(client.remember("x", on_behalf_of="a"))
    with pytest.raises(ScopeResolutionError, match="user_id"):
        await settle(client.state())


def test_a_client_of_the_environment_reads_what_it_is_given() -> None:
    environ = {"SPECTRON_ENDPOINT": "https://memory.test", "SPECTRON_API_KEY": KEY}
    with Spectron.from_env(environ, context="acme") as client:
        assert (client.context, client.endpoint) == ("acme", "https://memory.test")
    with pytest.raises(ValueError, match="no endpoint is set"):
        Spectron.from_env({})


async def test_a_local_client_needs_nothing(world: World, tmp_path: Path) -> None:
    kind = AsyncSpectron if world.is_async else Spectron
    path = tmp_path / "memory.db"
    for client in (kind.local(path), kind("default", f"local:{path}")):
        world.keep(client)
        assert client.endpoint == f"local:{path}"
        await settle(client.remember("Alice lives in Leeds.", scopes="org/acme"))
        found = await settle(client.recall("Where does Alice live?"))
        assert any("Leeds" in hit.text for hit in found.hits)
    assert world.keep(kind.local()).endpoint == "memory:"


async def test_siblings_share_one_engine_which_closes_with_the_first(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    blocking = Spectron.local(path)
    native = blocking.scoped(scopes="org/acme").as_async()
    assert native.defaults.scopes == ScopeSet.parse("org/acme")
    assert native.as_async() is native
    blocking.remember("Alice lives in Leeds.", scopes="org/acme")
    async with native:
        found = await native.recall("Where does Alice live?")
    assert any("Leeds" in hit.text for hit in found.hits)
    assert native.as_sync().sessions.list().sessions, "closing a sibling closes nothing"
    blocking.close()
    for action in (native.as_sync().health, blocking.health, native.health):
        with pytest.raises(SpectronError, match="closed"):
            await settle(action())
    assert not path.with_name("memory.db-wal").exists(), "the engine closed its file"


async def test_asking_for_a_sibling_again_opens_nothing(loopback: Loopback) -> None:
    async with AsyncSpectron("acme", loopback.endpoint, KEY) as native:
        for _ in range(5):
            native.as_sync().state()
        assert len({seen.connection for seen in loopback.seen}) == 1


async def test_siblings_of_a_service_have_the_same_configuration(loopback: Loopback) -> None:
    with Spectron("acme", loopback.endpoint, KEY, headers={"X-App": "1"}) as blocking:
        async with blocking.as_async() as native:
            await native.state()
            blocking.state()
    first, second = loopback.seen
    assert first.target == second.target
    assert first.headers["x-app"] == second.headers["x-app"] == "1"
    assert first.headers["authorization"] == second.headers["authorization"]


def test_what_only_one_world_can_use_has_no_sibling() -> None:
    class OnlySync(httpx.BaseTransport):
        pass

    with pytest.raises(TypeError, match=r"OnlySync is no httpx\.AsyncBaseTransport"):
        Spectron("a", "http://memory.test", KEY, transport=OnlySync()).as_async()
    with httpx.Client() as own:
        client = Spectron("a", "http://memory.test", KEY, http_client=own)
        with pytest.raises(TypeError, match="http_client"):
            client.as_async()


# --- closing ------------------------------------------------------------------------------------


async def test_a_closed_client_says_so(wired: World, loopback: Loopback) -> None:
    client = wired.client(loopback.endpoint)
    await settle(client.state())
    for _ in range(2):
        await settle(client.aclose() if wired.is_async else client.close())
    with pytest.raises(SpectronError, match="this client is closed"):
        await settle(client.state())


async def test_a_transport_of_ones_own_stays_open(world: World) -> None:
    class Own(httpx.MockTransport):
        closed = False

        def close(self) -> None:
            self.closed = True

        async def aclose(self) -> None:
            self.closed = True

    transport = Own(lambda request: httpx.Response(200, json={}))
    client = world.client(transport=transport)
    await settle(client.aclose() if world.is_async else client.close())
    assert not transport.closed


async def test_connections_are_kept_alive(wired: World, loopback: Loopback) -> None:
    client = wired.client(loopback.endpoint)
    for _ in range(5):
        await settle(client.state())
    assert loopback.connections == 1


async def test_a_client_of_ones_own_is_used_as_it_is(world: World, loopback: Loopback) -> None:
    kind = httpx.AsyncClient if world.is_async else httpx.Client
    own = kind(headers={"X-Mine": "1"}, auth=("me", "pw"), follow_redirects=True)
    client = world.client(loopback.endpoint, http_client=own, api_key=None)
    loopback.play(FINE, Reply(301, headers={"Location": "/elsewhere"}))
    await settle(client.remember("x"))
    seen = loopback.seen[0]
    assert seen.headers["x-mine"] == "1"
    assert seen.headers["authorization"].startswith("Basic ")
    assert seen.json == {"text": "x"}
    with pytest.raises(SpectronAPIError, match="redirected"):
        await settle(client.state())
    await settle(client.aclose() if world.is_async else client.close())
    assert not own.is_closed
    await settle(own.aclose() if world.is_async else own.close())


async def test_uploads_go_through_a_client_of_ones_own(world: World, loopback: Loopback) -> None:
    kind = httpx.AsyncClient if world.is_async else httpx.Client
    own = kind()
    client = world.client(loopback.endpoint, http_client=own)
    await settle(client.documents.upload(b"data", filename="a.txt"))
    assert b"data" in loopback.seen[0].body
    await settle(own.aclose() if world.is_async else own.close())


# --- uploads ------------------------------------------------------------------------------------


def parts_of(content_type: str, body: bytes) -> dict[str, Message]:
    """The parts of a multipart body by name, in their order."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + body)
    found = message.get_payload()
    assert isinstance(found, list)
    return {str(part.get_param("name", header="content-disposition")): part for part in found}


def content_of(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


@pytest.mark.parametrize("kind", ["path", "text path", "bytes", "view", "file", "pipe"])
async def test_a_document_is_uploaded_from_anything_that_holds_bytes(
    wired: World, loopback: Loopback, tmp_path: Path, kind: str
) -> None:
    data = bytes(range(256)) * 1024
    path = tmp_path / "notes.bin"
    path.write_bytes(data)

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.source = io.BytesIO(data)

        def read(self, size: int = -1) -> bytes:
            return self.source.read(size)

        def tell(self) -> int:
            raise OSError("not seekable")

    with path.open("rb") as file:
        source: Any = {
            "path": path,
            "text path": str(path),
            "bytes": data,
            "view": memoryview(data),
            "file": file,
            "pipe": Pipe(),
        }[kind]
        await settle(wired.client(loopback.endpoint).documents.upload(source, title="Notes"))
        assert not file.closed
    seen = loopback.seen[0]
    parts = parts_of(seen.headers["content-type"], seen.body)
    assert list(parts) == ["metadata", "file"]
    assert parts["metadata"].get_content_type() == "application/json"
    assert json.loads(content_of(parts["metadata"])) == {"title": "Notes"}
    assert content_of(parts["file"]) == data
    named = kind in {"path", "text path", "file"}
    assert parts["file"].get_filename() == ("notes.bin" if named else "upload")
    assert ("content-length" in seen.headers) == (kind != "pipe")


async def test_an_upload_says_everything_about_its_file(wired: World, loopback: Loopback) -> None:
    client = wired.client(loopback.endpoint).scoped(scopes="org/acme")
    await settle(
        client.documents.upload(
            b"x",
            title="T",
            source="web",
            mime_type="text/markdown",
            filename='na"me\r\nü.md',
            labels={"a": "b"},
            observed_at="2026-01-01T00:00:00Z",
        )
    )
    seen = loopback.seen[0]
    parts = parts_of(seen.headers["content-type"], seen.body)
    assert json.loads(content_of(parts["metadata"])) == {
        "title": "T",
        "source": "web",
        "mimeType": "text/markdown",
        "filename": 'na"me\r\nü.md',
        "scopes": [["org/acme"]],
        "labels": ["a=b"],
        "observedAt": "2026-01-01T00:00:00Z",
    }
    assert parts["file"].get_content_type() == "text/markdown"
    assert 'filename="na%22me%0D%0Aü.md"'.encode() in seen.body


async def test_an_upload_is_read_from_where_the_file_stands(
    wired: World, loopback: Loopback
) -> None:
    file = io.BytesIO(b"headbody")
    file.seek(4)
    await settle(wired.client(loopback.endpoint).documents.upload(file))
    parts = parts_of(loopback.seen[0].headers["content-type"], loopback.seen[0].body)
    assert list(parts) == ["file"]
    assert content_of(parts["file"]) == b"body"


async def test_new_bytes_replace_a_document(wired: World, loopback: Loopback) -> None:
    client = wired.client(loopback.endpoint)
    await settle(client.documents.reprocess("d", file=b"new", filename="n.txt"))
    seen = loopback.seen[0]
    assert (seen.method, seen.target) == ("PUT", "/api/v1/acme/documents/d")
    parts = parts_of(seen.headers["content-type"], seen.body)
    assert content_of(parts["file"]) == b"new"
    assert parts["file"].get_content_type() == "text/plain"


async def test_a_large_file_is_never_whole_in_memory(
    wired: World, loopback: Loopback, tmp_path: Path
) -> None:
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(20_000_000)
    sizes: list[int] = []
    real = _network.MultipartBody.read

    def watched(body: _network.MultipartBody) -> bytes:
        piece = real(body)
        sizes.append(len(piece))
        return piece

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_network.MultipartBody, "read", watched)
        await settle(wired.client(loopback.endpoint).documents.upload(path))
    assert sum(sizes) == 20_000_000
    assert max(sizes) <= 1_000_000
    assert len(loopback.seen[0].body) > 20_000_000


class Slow(io.BytesIO):
    """A file that takes its time."""

    def read(self, size: int | None = -1) -> bytes:
        time.sleep(0.05)
        return super().read(size)


async def test_a_long_transfer_is_not_cut_off_by_the_deadline(
    wired: World, loopback: Loopback
) -> None:
    client = wired.client(loopback.endpoint, deadline=0.1, timeout=0.3)
    await settle(client.documents.upload(Slow(b"x" * 400_000)))
    loopback.play(Reply(pieces=(b"x" * 10,) * 6, pause=0.05))
    assert await settle(client.documents.fetch_raw("d")) == b"x" * 60


class Shrinking(io.BytesIO):
    """A file that loses its second half while it is read."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(size) if self.tell() < 100_000 else b""


async def test_a_file_that_shrinks_is_not_taken_for_an_outage(
    wired: World, loopback: Loopback
) -> None:
    with pytest.raises(ValueError, match="became shorter"):
        await settle(wired.client(loopback.endpoint).documents.upload(Shrinking(b"x" * 200_000)))


async def test_a_refused_upload_closes_the_file(
    wired: World, loopback: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x")
    opened = []
    real = Path.open

    def watched(self: Path, *args: Any, **options: Any) -> Any:
        file = real(self, *args, **options)
        opened.append(file)
        return file

    monkeypatch.setattr(Path, "open", watched)
    loopback.play(Reply(413, {"detail": "too large"}))
    with pytest.raises(SpectronValidationError, match="too large"):
        await settle(wired.client(loopback.endpoint).documents.upload(path))
    assert [file.closed for file in opened] == [True]


async def test_stored_bytes_come_back_as_they_are(wired: World, loopback: Loopback) -> None:
    loopback.play(Reply(body=b"\x00\xff{", headers={"Content-Type": "application/pdf"}))
    assert await settle(wired.client(loopback.endpoint).documents.fetch_raw("d")) == b"\x00\xff{"


# --- secrets ------------------------------------------------------------------------------------


def everything_in(error: BaseException) -> str:
    """An error with all that hangs on it, as a crash reporter would show it."""
    seen: list[str] = []
    todo: list[BaseException | None] = [error]
    while todo:
        current = todo.pop()
        if current is not None:
            seen += [repr(current), str(current), repr(vars(current))]
            request = getattr(current, "_request", None)
            seen += [repr(request.headers.raw)] if request is not None else []
            todo += [current.__cause__, current.__context__]
    return "\n".join(seen)


@pytest.mark.parametrize("how", ["refused", "silent", "cut", "unauthorised"])
async def test_no_error_holds_the_key(wired: World, loopback: Loopback, how: str) -> None:
    endpoint = closed_port() if how == "refused" else loopback.endpoint
    replies = {
        "silent": Reply(delay=0.3),
        "cut": Reply(cut=True),
        "unauthorised": Reply(401, {"detail": "no"}),
    }
    loopback.play(replies.get(how, FINE))
    client = wired.client(endpoint, timeout=0.1, max_retries=0)
    with pytest.raises(SpectronAPIError) as failure:
        await settle(client.state())
    assert "secret" not in everything_in(failure.value)
    assert "secret" not in repr(pickle.loads(pickle.dumps(failure.value)))


def test_a_client_shows_context_and_endpoint_only(world: World) -> None:
    client = world.client("https://memory.test")
    name = type(client).__name__
    assert repr(client) == f"{name}(context='acme', endpoint='https://memory.test')"
    assert "secret" not in repr(vars(client))


def test_a_client_is_not_pickled(world: World) -> None:
    with pytest.raises(TypeError, match=r"pickle a SpectronConfig.*from_config"):
        pickle.dumps(world.client())


def test_copies_of_a_client_are_the_client(world: World) -> None:
    client = world.client()
    assert copy.copy(client) is client
    assert copy.deepcopy({"client": client})["client"] is client


async def test_the_log_holds_routes_and_neither_key_nor_content(
    world: World, loopback: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="spectron_adapters")
    client = world.client(loopback.endpoint)
    await settle(client.remember("my pin is 1234", on_behalf_of="alice"))
    await settle(client.entities.get("person", "Alice Smith"))
    text = "\n".join(
        record.getMessage() for record in caplog.records if record.name == "spectron_adapters"
    )
    assert "POST /facts: 200 in " in text
    assert "GET /entities/{entity_type}/{entity_name}: 200" in text
    assert not any(word in text for word in ("secret", "1234", "Smith", "alice"))


# --- environment --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "origin", "proxy"),
    [
        ({}, "https://memory.test", None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "https://memory.test", "http://proxy:3128"),
        ({"HTTPS_PROXY": "proxy:3128"}, "https://memory.test", "http://proxy:3128"),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "http://memory.test", None),
        ({"ALL_PROXY": "http://proxy:3128"}, "http://memory.test", "http://proxy:3128"),
        ({"ALL_PROXY": "http://p", "NO_PROXY": "memory.test"}, "http://memory.test", None),
        ({"ALL_PROXY": "http://p", "NO_PROXY": ".test"}, "http://memory.test:9090", None),
        ({"ALL_PROXY": "http://p", "NO_PROXY": "*"}, "http://memory.test", None),
        ({"ALL_PROXY": "http://p", "NO_PROXY": "127.0.0.1"}, "http://127.0.0.1:9090", None),
    ],
)
def test_proxies_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], origin: str, proxy: str | None
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name.lower(), value)
    assert _httpx_transport.route_to(origin).proxy == proxy


async def test_requests_go_through_the_proxy(
    wired: World, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", loopback.endpoint.replace("//", "//user:pass@"))
    await settle(wired.client("http://memory.test").state())
    seen = loopback.seen[0]
    assert seen.target == "http://memory.test/api/v1/acme/state"
    assert seen.headers["proxy-authorization"].startswith("Basic ")


def test_a_certificate_file_of_the_environment_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "ca.pem"
    broken.write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(broken))
    with pytest.raises(ssl.SSLError):
        _httpx_transport.route_to("https://memory.test")
    monkeypatch.delenv("SSL_CERT_FILE")
    assert _httpx_transport.route_to("https://memory.test").tls.verify_mode is ssl.CERT_REQUIRED


@pytest.fixture
def certified(loopback: Loopback, tmp_path: Path) -> tuple[str, Path]:
    """The server behind TLS, and the certificate that it signed itself."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout {key} -out {certificate}"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    loopback.speak_tls(certificate, key)
    return loopback.endpoint.replace("http://127.0.0.1", "https://localhost"), certificate


async def test_certificates_are_verified(
    wired: World, certified: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, certificate = certified
    with pytest.raises(SpectronConnectionError, match=r"(?i)certificate.verify.failed"):
        await settle(wired.client(endpoint, max_retries=0).state())
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert (await settle(wired.client(endpoint).whoami())).principal_id == "p"


async def test_addresses_arrive_exactly_as_encoded(wired: World, loopback: Loopback) -> None:
    client = wired.client(loopback.endpoint)
    await settle(client.entities.get("person", "a/b:c d%2F..é"))
    await settle(client.entities.get("person", ".."))
    targets = [seen.target for seen in loopback.seen]
    assert targets == [
        "/api/v1/acme/entities/person/a%2Fb%3Ac%20d%252F..%C3%A9",
        "/api/v1/acme/entities/person/%2E%2E",
    ]


async def test_cookies_are_not_kept(wired: World, loopback: Loopback) -> None:
    loopback.play(Reply(body=ANYTHING, headers={"Set-Cookie": "a=b"}))
    client = wired.client(loopback.endpoint)
    await settle(client.state())
    await settle(client.state())
    assert "cookie" not in loopback.seen[1].headers


async def test_awaiting_time_is_not_spent_in_the_event_loop(loopback: Loopback) -> None:
    loopback.play(Reply(body=ANYTHING, delay=0.2))
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    async with AsyncSpectron("acme", loopback.endpoint, KEY) as client:
        await client.state()
    ticking.cancel()
    assert ticks > 5


async def test_an_answer_that_says_so_is_not_repeated(world: World) -> None:
    """A damaged file stays damaged, however often it is asked."""
    seen: list[httpx.Request] = []

    def damaged(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(500, headers={"X-Should-Retry": "false"}, json={"detail": "damaged"})

    client = world.client(transport=httpx.MockTransport(damaged))
    with pytest.raises(SpectronError, match="damaged"):
        await settle(client.health())
    assert len(seen) == 1
