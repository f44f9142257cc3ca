"""Every method of the documented SDK and every endpoint of the service, argument by argument.

One table: how a method is called, and what must go out. It is checked by performing each call
in both worlds against a transport that records, and by signature. Where the vendor's client
knows the same call, its request must be the same.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from datetime import datetime, timezone
from operator import attrgetter
from typing import Any

import pytest

from spectron_adapters import AsyncSpectron, Spectron
from spectron_adapters._sync_send import Surface
from spectron_adapters.models import DocumentFilter, MessageItem, Triple
from tests.unit.loopback import KEY, Recorder, World, settle

NOON = datetime(2026, 1, 15, 12, tzinfo=timezone.utc)
NOON_TEXT = "2026-01-15T12:00:00Z"
TRIPLE = {"entity": {"type": "person", "name": "Alice"}, "key": "city", "value": "Leeds"}
TIMES = {"as_of": NOON, "at_instant": NOON, "valid_from": NOON, "valid_until": NOON_TEXT}
TIMES_QUERY = (
    "asOf=2026-01-15T12%3A00%3A00Z&atInstant=2026-01-15T12%3A00%3A00Z"
    "&validFrom=2026-01-15T12%3A00%3A00Z&validUntil=2026-01-15T12%3A00%3A00Z"
)


@dataclass(frozen=True)
class Case:
    """A call and the request that it must send."""

    method: str
    sent: str
    args: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    answer: Any = None
    vendor: bool = True

    @property
    def id(self) -> str:
        return f"{self.method}({', '.join(map(repr, self.args))}{', …' * bool(self.options)})"


def case(method: str, sent: str, *args: Any, body: Any = None, **options: Any) -> Case:
    answer = options.pop("answer", None)
    vendor = options.pop("vendor", True)
    return Case(method, sent, args, options, body, answer, vendor)


CASES = [
    # --- memory verbs
    case("remember", "POST /facts", "Alice moved.", body={"text": "Alice moved."}),
    case(
        "remember",
        "POST /facts",
        "Alice moved.",
        infer="none",
        session_id="s/1",
        scopes=["org/acme", ["org/acme", "user/alice"]],
        role="assistant",
        memory_category="knowledge",
        labels=["team=core"],
        body={
            "text": "Alice moved.",
            "infer": "none",
            "session_id": "s/1",
            "scopes": [["org/acme"], ["org/acme", "user/alice"]],
            "role": "assistant",
            "memory_category": "knowledge",
            "labels": ["team=core"],
        },
    ),
    case(
        "remember",
        "POST /facts",
        infer="triples",
        triples=[TRIPLE],
        body={"infer": "triples", "triples": [TRIPLE]},
    ),
    case(
        "remember",
        "POST /facts",
        infer="triples",
        triples=[Triple.model_validate(TRIPLE)],
        labels={"team": "core"},
        observed_at=NOON,
        body={
            "infer": "triples",
            "triples": [TRIPLE],
            "labels": ["team=core"],
            "observed_at": NOON_TEXT,
        },
        vendor=False,
    ),
    case(
        "remember_many",
        "POST /facts/batch",
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}],
        session_id="s",
        scopes="org/acme",
        extract="per_message",
        infer="none",
        labels=["a=b"],
        body={
            "messages": [
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello"},
            ],
            "session_id": "s",
            "scopes": [["org/acme"]],
            "extract": "per_message",
            "infer": "none",
            "labels": ["a=b"],
        },
    ),
    case(
        "remember_many",
        "POST /facts/batch",
        [MessageItem(role="user", content="Hi", ts=NOON_TEXT)],
        observed_at=NOON_TEXT,
        body={
            "messages": [{"role": "user", "content": "Hi", "ts": NOON_TEXT}],
            "observed_at": NOON_TEXT,
        },
        vendor=False,
    ),
    case("recall", "POST /query", "Where?", body={"query": "Where?"}),
    case(
        "recall",
        "POST /query",
        "Where?",
        k=3,
        mode="bm25",
        include=["facts"],
        lens="org/acme/*",
        scope_view="merged",
        labels=["a=b"],
        as_of=NOON_TEXT,
        at_instant=NOON_TEXT,
        valid_from=NOON_TEXT,
        valid_until=NOON_TEXT,
        session_id="s",
        location={"near": {"lat": 1.5, "lng": 2.5, "radiusKm": 3.0}},
        source="app",
        body={
            "query": "Where?",
            "k": 3,
            "mode": "bm25",
            "include": ["facts"],
            "lens": [["org/acme/*"]],
            "scopeView": "merged",
            "labels": ["a=b"],
            "asOf": NOON_TEXT,
            "atInstant": NOON_TEXT,
            "validFrom": NOON_TEXT,
            "validUntil": NOON_TEXT,
            "sessionId": "s",
            "location": {"near": {"lat": 1.5, "lng": 2.5, "radiusKm": 3.0}},
            "source": "app",
        },
    ),
    case(
        "recall",
        "POST /query",
        "Where?",
        include_duplicates=True,
        location={"within": "POLYGON((0 0,1 1,1 0,0 0))"},
        body={
            "query": "Where?",
            "includeDuplicates": True,
            "location": {"within": "POLYGON((0 0,1 1,1 0,0 0))"},
        },
        vendor=False,
    ),
    case("forget", "POST /forget", "my address", body={"query": "my address"}),
    case("forget", "POST /forget", "it", purge=True, body={"query": "it", "purge": True}),
    case(
        "forget",
        "POST /forget",
        "it",
        dry_run=True,
        body={"query": "it", "dryRun": True},
        vendor=False,
    ),
    case("chat", "POST /chat", "Hello", body={"message": "Hello"}),
    case(
        "chat",
        "POST /chat",
        "Hello",
        session_id="s",
        scopes="org/acme",
        model="m",
        bypass_cache=True,
        labels=["a=b"],
        body={
            "message": "Hello",
            "sessionId": "s",
            "scopes": [["org/acme"]],
            "model": "m",
            "bypassCache": True,
            "labels": ["a=b"],
        },
    ),
    case("consolidate", "POST /consolidate"),
    case(
        "consolidate",
        "POST /consolidate",
        dry_run=True,
        fact_limit=5,
        observation_limit=2,
        body={"dryRun": True, "factLimit": 5, "observationLimit": 2},
    ),
    case("reflect", "POST /reflect", "Why?", body={"query": "Why?"}),
    case("reflect", "POST /reflect", "Why?", persist=True, body={"query": "Why?", "persist": True}),
    case("elaborate", "POST /elaborate"),
    case(
        "elaborate",
        "POST /elaborate",
        entity_ref="entity:person/alice",
        budget=3,
        dry_run=True,
        sweep=True,
        body={"entityRef": "entity:person/alice", "budget": 3, "dryRun": True, "sweep": True},
    ),
    case("query_context", "POST /context", "", body={"query": ""}),
    case(
        "query_context",
        "POST /context",
        "plans",
        k=7,
        lens=["a", "b"],
        scope_view="crossTeam",
        labels=["a=b"],
        body={
            "query": "plans",
            "k": 7,
            "lens": [["a"], ["b"]],
            "scopeView": "crossTeam",
            "labels": ["a=b"],
        },
    ),
    case(
        "query_context",
        "POST /context",
        "plans",
        as_of=NOON,
        body={"query": "plans", "asOf": NOON_TEXT},
        vendor=False,
    ),
    case("inspect", "GET /inspect?ref=entity%3Aperson%2Falice", "entity:person/alice"),
    case("inspect", f"GET /inspect?ref=trace%3A1&{TIMES_QUERY}", "trace:1", **TIMES, vendor=False),
    case("state", "GET /state"),
    case("profile", "GET /profile"),
    case("whoami", "GET /me"),
    case("audit", "GET /audit"),
    case(
        "audit",
        "GET /audit?principal=p&key=k&kind=decision&since=2026-01-15T12%3A00%3A00Z"
        "&until=2026-01-15T12%3A00%3A00Z&limit=5",
        principal="p",
        key="k",
        kind="decision",
        since=NOON_TEXT,
        until=NOON_TEXT,
        limit=5,
    ),
    case("providers", "GET /providers", vendor=False),
    # --- documents
    case("documents.get", "GET /documents/doc%3A1", "doc:1"),
    case("documents.delete", "DELETE /documents/a%2Fb%20c", "a/b c"),
    case("documents.list", "GET /documents"),
    case(
        "documents.list",
        "GET /documents?status=ready&mimeType=text%2Fplain&page=0&pageSize=5",
        status="ready",
        mime_type="text/plain",
        page=0,
        page_size=5,
        vendor=False,
    ),
    case("documents.query", "POST /documents/query", "q", body={"query": "q"}),
    case(
        "documents.query",
        "POST /documents/query",
        "q",
        k=4,
        mode="hybrid",
        threshold=0.5,
        expand_graph=False,
        filter={"documentIds": ["doc:1"], "mimeType": ["text/plain"]},
        body={
            "query": "q",
            "k": 4,
            "mode": "hybrid",
            "threshold": 0.5,
            "expandGraph": False,
            "filter": {"documentIds": ["doc:1"], "mimeType": ["text/plain"]},
        },
    ),
    case(
        "documents.query",
        "POST /documents/query",
        "q",
        mode="graph",
        vector_weight=0.7,
        rrf_k=30.0,
        graph_alpha=0.2,
        graph_depth=2,
        expand_graph=True,
        graph_edges=["section_match", "document_link"],
        use_hyde=True,
        decompose_query=True,
        use_reranker=True,
        filter=DocumentFilter(document_ids=["doc:1"]),
        location={"within": "POINT(0 0)"},
        lens=[["a", "b"]],
        include_duplicates=True,
        body={
            "query": "q",
            "mode": "graph",
            "vectorWeight": 0.7,
            "rrfK": 30.0,
            "graphAlpha": 0.2,
            "graphDepth": 2,
            "expandGraph": True,
            "graph_edges": ["section_match", "document_link"],
            "useHyde": True,
            "decomposeQuery": True,
            "useReranker": True,
            "filter": {"documentIds": ["doc:1"]},
            "location": {"within": "POINT(0 0)"},
            "lens": [["a", "b"]],
            "includeDuplicates": True,
        },
        vendor=False,
    ),
    case("documents.fetch_raw", "GET /documents/d/raw", "d", vendor=False),
    case("documents.reprocess", "PUT /documents/d", "d"),
    case("documents.recompute_links", "POST /documents/recompute-links"),
    case("documents.chunks", "GET /documents/d/chunks", "d"),
    case(
        "documents.chunks",
        "GET /documents/d/chunks?page=2&pageSize=7",
        "d",
        page=2,
        page_size=7,
        vendor=False,
    ),
    case("documents.keywords.list", "GET /documents/keywords"),
    case(
        "documents.keywords.list",
        "GET /documents/keywords?q=cat&minDocumentCount=2&sort=-document_count&page=1&pageSize=9",
        q="cat",
        min_document_count=2,
        sort="-document_count",
        page=1,
        page_size=9,
        vendor=False,
    ),
    case("documents.keywords.get", "GET /documents/keywords/BIG%20CAT", "BIG CAT"),
    case(
        "documents.keywords.search",
        "POST /documents/keywords/search",
        "cats",
        k=2,
        threshold=0.3,
        body={"query": "cats", "k": 2, "threshold": 0.3},
    ),
    case("documents.keywords.for_document", "GET /documents/d/keywords", "d"),
    # --- sessions
    case("sessions.create", "POST /sessions"),
    case(
        "sessions.create",
        "POST /sessions",
        scopes=["a"],
        metadata={"topic": ["x", 1, None]},
        body={"scopes": [["a"]], "metadata": {"topic": ["x", 1, None]}},
    ),
    case("sessions.get", "GET /sessions/s", "s", vendor=False),
    case("sessions.list", "GET /sessions", vendor=False),
    case("sessions.delete", "DELETE /sessions/a%25b", "a%b"),
    case("sessions.context", "POST /sessions/s/context", "s", "plans", body={"query": "plans"}),
    case("sessions.turns", "GET /sessions/s/turns", "s"),
    case("sessions.turns", "GET /sessions/s/turns?limit=5&offset=10", "s", limit=5, offset=10),
    # --- entities
    case("entities.list", "GET /entities"),
    case("entities.list", "GET /entities?type=person", entity_type="person"),
    case("entities.list", "GET /entities?limit=5&offset=10", limit=5, offset=10, vendor=False),
    case("entities.get", "GET /entities/person/a%2Fb", "person", "a/b"),
    case(
        "entities.get",
        f"GET /entities/person/a?{TIMES_QUERY}",
        "person",
        "a",
        **TIMES,
        vendor=False,
    ),
    case("entities.delete", "DELETE /entities/person/%2E%2E", "person", "..", vendor=False),
    case("entities.delete", "DELETE /entities/person/alice", "person", "alice"),
    case("entities.history", "GET /entities/person/alice/history/city", "person", "alice", "city"),
    case(
        "entities.history",
        f"GET /entities/person/a/history/city?{TIMES_QUERY}",
        "person",
        "a",
        "city",
        **TIMES,
        vendor=False,
    ),
    # --- access control
    case("scopes.register", "POST /scopes", "org/acme", body={"path": "org/acme"}),
    case(
        "scopes.register",
        "POST /scopes",
        "org/acme",
        display_name="Acme",
        description="All of it",
        body={"path": "org/acme", "displayName": "Acme", "description": "All of it"},
    ),
    case("scopes.list", "GET /scopes", answer=[]),
    case("scopes.delete", "DELETE /scopes?path=org%2Facme", "org/acme"),
    case("scopes.forget", "POST /scopes/forget", "org/acme", body={"path": "org/acme"}),
    case("principals.list", "GET /principals", answer=[]),
    case("principals.get", "GET /principals/principal%3Aalice", "principal:alice"),
    case(
        "principals.create",
        "POST /principals",
        "Alice",
        external_id="u1",
        kind="human",
        grants={"memory:read": ["org/acme/*"]},
        body={
            "displayName": "Alice",
            "externalId": "u1",
            "kind": "human",
            "grants": {"memory:read": ["org/acme/*"]},
        },
        vendor=False,
    ),
    case(
        "principals.grant",
        "POST /principals/p/grants",
        "p",
        "org/acme/*",
        ["memory:read", "memory:write"],
        body={"path": "org/acme/*", "verbs": ["memory:read", "memory:write"]},
    ),
    case(
        "principals.revoke",
        "DELETE /principals/p/grants",
        "p",
        "org/acme",
        ["memory:forget"],
        body={"path": "org/acme", "verbs": ["memory:forget"]},
    ),
    case(
        "principals.effective",
        "GET /principals/p/effective?path=org%2Facme&asOf=2026-01-15T12%3A00%3A00Z",
        "p",
        "org/acme",
        as_of=NOON_TEXT,
    ),
    case("keys.create", "POST /keys"),
    case(
        "keys.create",
        "POST /keys?ttlSeconds=60",
        name="laptop",
        grants={"memory:read": ["org/acme"]},
        ttl_seconds=60,
        body={"name": "laptop", "grants": {"memory:read": ["org/acme"]}},
    ),
    case("keys.list", "GET /keys", answer=[]),
    case("keys.delete", "DELETE /keys/laptop", "laptop"),
    case("keys.rotate", "POST /keys/laptop/rotate?ttlSeconds=60", "laptop", ttl_seconds=60),
    # --- observability and maintenance
    case("traces.list", "GET /traces?limit=5", limit=5),
    case("traces.get", "GET /traces/t", "t"),
    case("traces.stats", "GET /traces/stats"),
    case(
        "traces.stats",
        "GET /traces/stats?scope=org%2Facme&since=2026-01-15T12%3A00%3A00Z&windowHours=48",
        scope="org/acme",
        since=NOON,
        window_hours=48,
        vendor=False,
    ),
    case(
        "traces.stats", "GET /traces/stats?scope%5Borg%5D=acme", scope={"org": "acme"}, vendor=False
    ),
    case("lifecycle.decay", "POST /lifecycle/decay"),
    case("lifecycle.expire", "POST /lifecycle/expire"),
    case("lifecycle.fsck", "POST /fsck"),
    case(
        "lifecycle.fsck",
        "POST /fsck",
        check="duplicates",
        duplicate_threshold=0.9,
        max_results=5,
        body={"check": "duplicates", "duplicateThreshold": 0.9, "maxResults": 5},
    ),
]

SDK_REFERENCE = {
    "": "remember remember_many recall forget chat consolidate reflect elaborate query_context "
    "inspect state whoami profile audit health",
    "documents": "upload get delete list query fetch_raw reprocess recompute_links chunks",
    "documents.keywords": "list get search for_document",
    "sessions": "create delete context turns",
    "entities": "list get delete history",
    "scopes": "register list delete forget",
    "principals": "list get grant revoke effective",
    "keys": "create list delete rotate",
    "traces": "list get stats",
    "lifecycle": "decay expire fsck",
}
REFERENCE_METHODS = [
    f"{namespace}.{name}".lstrip(".")
    for namespace, names in SDK_REFERENCE.items()
    for name in names.split()
]
NOT_IN_THE_TABLE = {"health", "documents.upload"}
"""Shaped otherwise, so tested by themselves: outside the context, and multipart."""


def clients() -> tuple[Spectron, AsyncSpectron]:
    transport = Recorder().transport
    return (
        Spectron("acme", "http://memory.test", KEY, transport=transport),
        AsyncSpectron("acme", "http://memory.test", KEY, transport=transport),
    )


async def perform(world: World, call: Case, **more: Any) -> Recorder:
    recorder = Recorder(answer=call.answer) if call.answer is not None else Recorder()
    client = world.client(transport=recorder.transport)
    await settle(attrgetter(call.method)(client)(*call.args, **call.options, **more))
    return recorder


@pytest.mark.parametrize("call", CASES, ids=lambda call: call.id)
async def test_each_call_sends_exactly_its_documented_request(world: World, call: Case) -> None:
    recorder = await perform(world, call)
    request = recorder.request
    verb, _, target = call.sent.partition(" ")
    assert request.method == verb
    assert request.url.raw_path.decode() == f"/api/v1/acme{target}"
    assert recorder.json == call.body
    headers = dict(request.headers)
    writes_facts = target.startswith("/facts")
    assert len(headers.pop("idempotency-key", "")) == (64 if writes_facts else 0)
    if call.body is None:
        assert headers.pop("content-length", "0") == "0"
    else:
        assert headers.pop("content-length") == str(len(recorder.bodies[-1]))
        assert headers.pop("content-type") == "application/json"
    assert headers == {
        "host": "memory.test",
        "accept": "*/*" if target.endswith("/raw") else "application/json",
        "accept-encoding": "gzip, deflate",
        "user-agent": "spectron-adapters",
        "authorization": f"Bearer {KEY}",
    }


@pytest.mark.parametrize("call", CASES, ids=lambda call: call.id)
async def test_each_call_takes_a_principal_to_act_for(world: World, call: Case) -> None:
    recorder = await perform(world, call, on_behalf_of="principal:alice")
    assert recorder.request.headers["x-spectron-on-behalf-of"] == "principal:alice"


@pytest.mark.parametrize("method", REFERENCE_METHODS)
def test_each_method_of_the_sdk_reference_exists_in_both_worlds(method: str) -> None:
    blocking, native = clients()
    assert callable(attrgetter(method)(blocking))
    assert callable(attrgetter(method)(native))
    assert method in NOT_IN_THE_TABLE or any(call.method == method for call in CASES)


def public_methods(client: object) -> list[str]:
    """Every public method of a client and its namespaces, by dotted name."""
    found = []
    for name in dir(client):
        if name.startswith("_"):
            continue
        value = getattr(client, name)
        if inspect.ismethod(value):
            found.append(name)
        elif isinstance(value, Surface):
            found += [f"{name}.{inner}" for inner in public_methods(value)]
    return found


def test_every_public_method_is_in_the_table() -> None:
    blocking, _ = clients()
    own = {"close", "scoped", "as_async", "as_sync", "from_config", "from_env", "local"}
    called = {call.method for call in CASES}
    assert set(public_methods(blocking)) - own == called | NOT_IN_THE_TABLE


@pytest.mark.parametrize("method", public_methods(clients()[0]))
def test_both_worlds_have_the_same_signatures(method: str) -> None:
    blocking, native = clients()
    mine = str(inspect.signature(attrgetter(method)(blocking)))
    theirs = str(inspect.signature(attrgetter(method.replace("close", "aclose"))(native)))
    if method in {"as_async", "as_sync"}:
        assert mine == theirs
    else:
        spelt = {"Async": "", "Pending[ChatResponse]": "ChatResponse"}
        for word, ours in spelt.items():
            theirs = theirs.replace(word, ours)
        assert mine == theirs


@pytest.mark.parametrize("call", CASES, ids=lambda call: call.id)
def test_only_the_first_arguments_are_positional(call: Case) -> None:
    for client in clients():
        parameters = inspect.signature(attrgetter(call.method)(client)).parameters
        assert {parameters[name].kind for name in call.options} <= {inspect.Parameter.KEYWORD_ONLY}


class SentError(Exception):
    """What the vendor's client was about to send."""


class VendorTransport:
    """Stands where the vendor's client sends, and goes no further."""

    def request(self, method: str, path: str, **parts: Any) -> Any:
        raise SentError(method, path, parts.get("json"), parts.get("params") or {})


@pytest.mark.parametrize("call", [call for call in CASES if call.vendor], ids=lambda call: call.id)
def test_the_vendor_sends_the_same(call: Case) -> None:
    vendor = pytest.importorskip("surrealdb_memory")
    client = vendor.Memory("acme", transport=VendorTransport())
    with pytest.raises(SentError) as sent:
        attrgetter(call.method)(client)(*call.args, **call.options)
    method, path, body, params = sent.value.args
    recorder = Recorder(answer=call.answer) if call.answer is not None else Recorder()
    ours = Spectron("acme", "http://memory.test", KEY, transport=recorder.transport)
    attrgetter(call.method)(ours)(*call.args, **call.options)
    request = recorder.request
    assert request.method == method
    assert request.url.raw_path.decode().partition("?")[0] == path
    assert recorder.json == body
    given = {name: str(value) for name, value in params.items() if value is not None}
    assert dict(request.url.params) == given


async def test_health_stands_outside_the_context(world: World) -> None:
    recorder = Recorder(answer=None)
    health = await settle(world.client(transport=recorder.transport).health())
    assert health.ok
    assert recorder.request.url.raw_path == b"/api/v1/health"


async def test_a_context_is_one_encoded_segment(world: World) -> None:
    recorder = Recorder()
    client = world.client(transport=recorder.transport, context="a/../b c")
    await settle(client.state())
    assert recorder.request.url.raw_path == b"/api/v1/a%2F..%2Fb%20c/state"
