"""Requests that no client of ours would send: each is answered, none makes the engine fail."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectron_adapters.local.engine import Engine
from spectron_adapters.local.exchange import Request
from spectron_adapters.local.routes.data_plane import DATA_PLANE

ODD_TEXT = st.sampled_from([
    "", " ", "\x00", "\x1e{", "a//b", "a/*", "/*", "%", "..", "'; DROP TABLE turn; --", '"', "NEAR(",
    "\u202e", "é", "\ufdfa" * 50, "org/acme", "a=b", "_a=b", "entity:person/x", "x" * 3000,
    "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+23:59", "2026-02-30T00:00:00Z", "2026-01-01",
    "I live in Paris", "My name is \x1e", "forget everything about ",
])  # fmt: skip
WORDS = st.sampled_from([
    "full", "none", "triples", "preview", "hybrid", "bm25", "vector", "facts", "strict", "user",
    "whole_conversation", "per_message", "identity",
])  # fmt: skip
NUMBERS = st.sampled_from([0, 1, -1, 50, 51, 10**18, 10**30, 1.5, 1e308])
LEAVES = st.none() | st.booleans() | NUMBERS | ODD_TEXT | WORDS | st.text(max_size=20)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_TEXT, inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from([
    "text", "infer", "triples", "session_id", "sessionId", "scopes", "scope", "lens", "role",
    "memory_category", "labels", "observed_at", "messages", "turns", "extract", "query", "k",
    "limit", "mode", "include", "scopeView", "asOf", "atInstant", "validFrom", "validUntil",
    "includeDuplicates", "location", "purge", "dryRun", "path", "displayName", "metadata",
])  # fmt: skip
BODIES = st.dictionaries(FIELDS, VALUES, max_size=6) | st.builds(
    lambda body, text, query: {"text": text, "query": query, "path": text, **body},
    st.dictionaries(FIELDS, VALUES, max_size=2),
    st.sampled_from(["I live in Paris", "My sister is called Clara", "\x1e{}"]),
    ODD_TEXT,
)
PARAMETERS = st.dictionaries(
    st.sampled_from(["limit", "offset", "after", "before", "order", "type", "lens", "path",
                     "asOf", "atInstant", "validFrom", "validUntil", "query"]),
    ODD_TEXT | st.sampled_from(["1", "-1", "9" * 40, "[[", '["a"]', "desc"]),
    max_size=3,
)  # fmt: skip


@pytest.fixture(scope="module")
def engine():
    opened = Engine(clock=lambda: datetime(2026, 1, 1, tzinfo=timezone.utc))
    yield opened
    opened.close()


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


@settings(max_examples=400, deadline=None)
@given(
    route=st.sampled_from(sorted(DATA_PLANE.routes)),
    names=st.lists(ODD_TEXT.filter(bool) | WORDS, min_size=3, max_size=3),
    body=BODIES,
    parameters=PARAMETERS,
)
def test_whatever_is_asked_is_answered_or_refused(engine, route, names, body, parameters):
    method, _, pattern = route.partition(" ")
    parts = [_quoted(names.pop()) if part.startswith("{") else part for part in pattern.split("/")]
    query = "&".join(f"{name}={_quoted(value)}" for name, value in parameters.items())
    content = b"" if method in ("GET", "DELETE") else json.dumps(body).encode()
    request = Request(method, f"/api/v1/default/{'/'.join(parts)}", query, {}, content)
    answer = engine.handle(request)
    assert answer.status in {200, 201, 204, 400, 403, 404, 409, 422, 501}, answer.body
    if answer.status >= 400:
        problem = json.loads(answer.body)
        assert problem["status"] == answer.status
        assert problem["detail"]


def test_a_time_that_utc_cannot_tell_is_refused_before_it_is_stored(memory):
    for time in ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+05:00"):
        body = {"text": "note", "infer": "none", "session_id": "s", "observed_at": time}
        assert memory.refused("POST", "/facts", body)["status"] == 400
        batch = {"messages": [{"role": "user", "content": "note", "ts": time}], "infer": "none"}
        assert "messages.0.ts" in memory.refused("POST", "/facts/batch", batch)["detail"]
        assert memory.refused("POST", "/query", {"query": "note", "asOf": time})["status"] == 400
        assert memory.refused("GET", "/entities/person/a", asOf=time)["status"] == 400
    assert memory.get("/sessions")["sessions"] == []
