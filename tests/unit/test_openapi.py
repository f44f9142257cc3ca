"""The OpenAPI document: complete, accurate, and a generator driven by it finds no fault."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from spectron_adapters.local.routes.data_plane import DATA_PLANE
from spectron_adapters.local.routes.management import MANAGEMENT_PLANE
from spectron_adapters.local.server import SpectronApp, create_app, openapi
from spectron_adapters.local.server.openapi import openapi_document, undescribed_routes

schemathesis = pytest.importorskip("schemathesis")

KEY = "an-api-key-of-the-tests"
PLANE_KEY = "a-management-key-of-the-tests"
DOCUMENT = openapi_document()
SERVED: list[SpectronApp] = []


async def served_now(scope: Any, receive: Any, send: Any) -> None:
    """Whatever application stands now where the generator sends; it starts and stops nothing."""
    if scope["type"] == "http":
        await SERVED[0](scope, receive, send)
        return
    for event in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{event}.complete"})


SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
SCHEMA.app = served_now
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}
EXAMPLES = 6
NOT_HERE = {
    "POST /api/v1/{context}/scope-grants",
    "GET /api/v1/{context}/inspect",
    "POST /api/v1/{context}/query",
    "POST /api/v1/{context}/documents/query",
}
"""Where an engine without models may answer 501."""


# --- completeness ---------------------------------------------------------------------------------


def test_every_route_is_described_and_nothing_else() -> None:
    assert undescribed_routes() == set()
    paths = {
        f"{method.upper()} {path}"
        for path, methods in DOCUMENT["paths"].items()
        for method in methods
    }
    data = {route.replace(" ", " /api/v1/{context}/") for route in DATA_PLANE.routes}
    plane = {route.replace(" ", " /api/v1/") for route in MANAGEMENT_PLANE.routes}
    open_to_all = {"GET /api/v1/health", "GET /api/v1/openapi.json"}
    assert paths == data | plane | open_to_all


def test_a_route_without_description_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    described = dict(openapi.OPERATIONS)
    del described["POST facts"]
    monkeypatch.setattr(openapi, "_PLANES", ((DATA_PLANE, described),))
    assert undescribed_routes() == {"POST facts"}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_operations_are_named_once_and_need_a_key_unless_they_are_open() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))
    open_to_all = {path for _, path, operation in operations() if operation["security"] == []}
    assert open_to_all == {"/api/v1/health", "/api/v1/openapi.json"}
    schemes = set(DOCUMENT["components"]["securitySchemes"])
    assert all(set(way) <= schemes for _, _, item in operations() for way in item["security"])


def test_every_reference_leads_somewhere() -> None:
    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for item in value.values():
                yield from references(item)
        elif isinstance(value, list):
            for item in value:
                yield from references(item)

    for reference in set(references(DOCUMENT)):
        place: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("RememberRequest", {"text": "a", "scopes": "org/a"}, {"text": 1}),
        ("RememberRequest", {"text": "a", "scopes": [["a", "b"], "c"]}, {"scopes": []}),
        ("RecallRequest", {"query": "a", "lens": ["a"], "k": 50}, {"query": "a", "k": 51}),
        ("RecallRequest", {"query": "", "mode": "graph"}, {"query": "a", "mode": "hybrid_graph"}),
        ("DocumentQueryRequest", {"query": "a", "graph_edges": []}, {"graph_edges": ["x"]}),
        ("CreateContextRequest", {"namespace": "a", "database": "b"}, {"namespace": "a"}),
        ("RememberResponse", {"mode": "full", "sessionId": "s"}, {"mode": "full"}),
        ("RecallResponse", None, {"hits": []}),
        ("Problem", None, {"status": 400}),
    ],
)
def test_schemas_accept_what_is_meant_and_refuse_the_rest(name: str, good: Any, bad: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    validator = jsonschema.Draft202012Validator(schema)
    assert good is None or validator.is_valid(good)
    assert not validator.is_valid(bad)


# --- a generator driven by the document -----------------------------------------------------------


KNOWN = {
    "context": "default",
    "type": "person",
    "name": "alice",
    "key": "city",
    "normalised": "FOG",
    "pid": "admin",
}


class Service:
    """The application with something in it, made anew when a request has locked everybody out."""

    def __init__(self) -> None:
        self.app: SpectronApp | None = None
        self.known: dict[str, dict[str, str]] = {}

    def call(self, method: str, path: str, **parts: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://memory") as client:
                headers = {"authorization": f"Bearer {KEY}", **parts.pop("headers", {})}
                return await client.request(method, path, headers=headers, **parts)

        return asyncio.run(ask())

    def ready(self) -> SpectronApp:
        if self.app is None or self.call("GET", "/api/v1/default/me").status_code != 200:
            self.close()
            self.app = create_app(api_key=KEY, management_key=PLANE_KEY)
            self._fill()
        assert self.app is not None
        return self.app

    def _fill(self) -> None:
        def post(path: str, **parts: Any) -> Any:
            answer = self.call("POST", f"/api/v1/default{path}", **parts)
            assert answer.status_code in (200, 201, 202), answer.text
            return answer.json()

        post("/facts", json={"text": "The fog bell rings at nine.", "session_id": "s"})
        entity = {"type": "person", "name": "Alice"}
        for city in ("Oslo", "Bergen"):
            triples = [{"entity": entity, "key": "city", "value": city}]
            post("/facts", json={"infer": "triples", "triples": triples})
        trace = post("/query", json={"query": "bell"})["trace"]["traceId"]
        text = b"# Fog\n\nThe fog bell is heard for nine miles. The fog bell is loud."
        document = post("/documents", files={"file": ("fog.md", text, "text/markdown")})["id"]
        post("/keys", json={"name": "spare"})
        self.known = {
            "sessions": {"id": "s"},
            "traces": {"id": trace},
            "documents": {"id": document},
            "principals": {"id": "admin"},
            "contexts": {"id": "default", "name": "spare"},
            "keys": {"name": "spare"},
        }

    def named(self, path: str) -> dict[str, str]:
        """What is there, for the parameters of a path."""
        family = path.removeprefix("/api/v1/").removeprefix("{context}/").partition("/")[0]
        return {**KNOWN, **self.known.get(family, {})}

    def close(self) -> None:
        if self.app is not None:
            asyncio.run(self.app.aclose())


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.close()


@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_generated_requests_get_what_the_document_says(service: Service, label: str) -> None:
    operation = OPERATIONS[label]
    is_management = "{context}" not in operation.path
    headers = {"authorization": f"Bearer {PLANE_KEY if is_management else KEY}"}
    documented = set(operation.definition.raw["responses"])

    @seed(20261122)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), at_home=st.booleans())
    def run(case: Any, at_home: bool) -> None:
        SERVED[:] = [service.ready()]
        named = service.named(operation.path) if at_home and operation.method != "delete" else KNOWN
        given_names = dict(case.path_parameters or {})
        case.path_parameters = {
            name: named[name] if at_home or name == "context" else quote(str(value), safe="%")
            for name, value in given_names.items()
            if name in named or not at_home
        } | {name: str(value) for name, value in given_names.items() if name not in named}
        case.headers = {}  # a principal to act for would hide everything else behind a 403
        answer = case.call(headers=headers)
        may_lack = answer.status_code == 501 and label in NOT_HERE
        assert answer.status_code < 500 or may_lack, answer.text
        assert str(answer.status_code) in documented or answer.status_code in (405, 414), (
            answer.text
        )
        assert "Traceback" not in answer.text
        checks = schemathesis.checks
        case.validate_response(
            answer,
            checks=[
                checks.CHECKS.get_one("content_type_conformance"),
                checks.CHECKS.get_one("response_schema_conformance"),
            ],
        )

    run()


# --- beyond the document --------------------------------------------------------------------------


JUNK_BODIES = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(
        [
            b"null",
            b"[]",
            b'"text"',
            b"{",
            b'{"text": "\\ud800"}',
            b'{"text": NaN}',
            b"[" * 5000,
            b'{"a": ' * 5000,
            b"\xef\xbb\xbf{}",
            b"\x00",
            b'{"text": 1e999}',
            b'{"k": 1' + b"0" * 5000 + b"}",
        ]
    ),
)
JUNK = st.fixed_dictionaries(
    {
        "method": st.sampled_from("GET POST PUT PATCH DELETE HEAD OPTIONS TRACE BREW".split()),
        "route": st.sampled_from([*DATA_PLANE.routes, *MANAGEMENT_PLANE.routes]),
        "segment": st.sampled_from(
            ["%2e%2e", "%00", "%FF", "a%2Fb", "x" * 3000, "%E2%80%8B", "doc:1", "%"]
        ),
        "query": st.sampled_from(
            [
                "",
                "limit=-1",
                "limit=1e9",
                "lens=[[",
                "asOf=never",
                "page=%FF",
                "&&==",
                f"k={'9' * 30}",
            ]
        ),
        "body": JUNK_BODIES,
        "media_type": st.sampled_from(
            [
                "application/json",
                "text/plain",
                "multipart/form-data",
                "multipart/form-data; boundary=x",
                "",
            ]
        ),
    }
)


@seed(20261122)
@settings(max_examples=150, deadline=None, database=None, phases=[Phase.generate])
@given(junk=JUNK)
def test_junk_never_breaks_anything(service: Service, junk: dict[str, Any]) -> None:
    service.ready()
    _, _, pattern = junk["route"].partition(" ")
    is_management = junk["route"] in MANAGEMENT_PLANE.routes
    parts = [junk["segment"] if part.startswith("{") else part for part in pattern.split("/")]
    path = "/".join(["/api/v1" if is_management else "/api/v1/default", *parts])
    headers = {
        "authorization": f"Bearer {PLANE_KEY if is_management else KEY}",
        "content-type": junk["media_type"],
    }
    answer = service.call(
        junk["method"], f"{path}?{junk['query']}", content=junk["body"], headers=headers
    )
    assert answer.status_code < 500 or answer.status_code == 501, answer.text
    if answer.status_code >= 400 and junk["method"] != "HEAD":
        assert answer.headers["content-type"] == "application/problem+json"
        assert json.loads(answer.text)["status"] == answer.status_code
        assert "Traceback" not in answer.text
