"""A service on a port, its contexts and its callers, for tests that speak plain HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from spectron_adapters.local.engine import Engine
from tests.congruence.served_engine import on_a_port

MANAGEMENT_KEY = "the-operators-key"
DATA_VERBS = ("memory:read", "memory:write", "memory:forget")
ALL_VERBS = (*DATA_VERBS, "scope:read", "scope:create", "scope:delete", "grant:manage")


def granted(*patterns: str, verbs: Sequence[str] = DATA_VERBS) -> dict[str, list[str]]:
    """The same patterns for several verbs."""
    return {verb: list(patterns) for verb in verbs}


class Host:
    """A running service with its management plane."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.contexts = 0

    def manage(self, method: str, path: str, body: object = None) -> Any:
        """A request to the management plane that must succeed."""
        headers = {"authorization": f"Bearer {MANAGEMENT_KEY}"}
        response = self.http.request(method, f"/api/v1/{path}", json=body, headers=headers)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def context(self) -> Context:
        """A new context with nothing in it."""
        self.contexts += 1
        name = f"table-{self.contexts}"
        self.manage("POST", f"contexts/{name}", {"namespace": "tests", "database": name})
        return Context(self, name)


class Context:
    """One context; makes callers with a principal and a key each."""

    def __init__(self, host: Host, name: str) -> None:
        self.host = host
        self.name = name
        self.everyone = 0

    def caller(
        self,
        grants: Mapping[str, Sequence[str]],
        *,
        key_grants: Mapping[str, Sequence[str]] | None = None,
    ) -> Caller:
        """A new principal with these grants, and its key."""
        self.everyone += 1
        name = f"caller {self.everyone}"
        body = {"display_name": name, "grants": grants}
        made = self.host.manage("POST", f"contexts/{self.name}/principals", body)
        path = f"contexts/{self.name}/principals/{quote(made['id'])}/keys/{quote(name)}"
        key = self.host.manage("POST", path, {"grants": key_grants} if key_grants else None)
        return Caller(self, made["id"], key["key"])

    def flat_caller(self, **fields: object) -> Caller:
        """A new key of the flat kind, with the principal that comes with it."""
        self.everyone += 1
        body = {"name": f"flat {self.everyone}", "principal": "supervisor", **fields}
        key = self.host.manage("POST", f"contexts/{self.name}/keys", body)
        return Caller(self, key["principal_id"], key["key"])

    def administrator(self) -> Caller:
        """Somebody who may do everything everywhere."""
        return self.caller(granted("/*", verbs=ALL_VERBS))


class Caller:
    """A principal with its key; `headers` go with every request."""

    def __init__(
        self, context: Context, principal: str, key: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.context = context
        self.principal = principal
        self.key = key
        self.headers = dict(headers or {})

    def on_behalf_of(self, principal: str, header: str = "X-Spectron-On-Behalf-Of") -> Caller:
        return Caller(self.context, self.principal, self.key, {header: principal})

    def ask(self, method: str, path: str, body: object = None, /, **query: str) -> httpx.Response:
        """A request to the data plane, whatever comes of it."""
        return self.context.host.http.request(
            method,
            f"/api/v1/{self.context.name}/{path}",
            json=body,
            params=query,
            headers={"authorization": f"Bearer {self.key}", **self.headers},
        )

    def get(self, path: str, /, **query: str) -> Any:
        return read(self.ask("GET", path, **query))

    def post(self, path: str, body: object = None) -> Any:
        return read(self.ask("POST", path, body))

    # --- verbs ------------------------------------------------------------------------------------

    def put(self, name: str, value: str, scopes: object = None, **fields: object) -> httpx.Response:
        """Write one value of a person of this name."""
        triple = {"entity": {"type": "person", "name": name}, "key": "note", "value": value}
        body = {"infer": "triples", "triples": [triple], **fields}
        return self.ask("POST", "facts", body if scopes is None else {**body, "scopes": scopes})

    def recalled(self, query: str, **fields: object) -> list[str]:
        """The attributes that a recall shows."""
        body = {"query": query, "k": 50, "includeDuplicates": True, **fields}
        hits = self.post("query", body)["hits"]
        return [hit["text"] for hit in hits if hit["source"] == "attribute"]

    def knows(self, name: str, **query: str) -> bool:
        """Whether an entity of this name may be read."""
        response = self.ask("GET", f"entities/person/{quote(name)}", **query)
        assert response.status_code in (200, 404), response.text
        return response.status_code == 200


def read(response: httpx.Response) -> Any:
    """The body of an answer that is no refusal."""
    assert response.is_success, response.text
    return response.json() if response.content else None


@contextmanager
def hosted(path: Path, **options: Any) -> Iterator[Host]:
    """A service over a file until the end of the block."""
    engine = Engine(path, require_key=True, management_key=MANAGEMENT_KEY, **options)
    with on_a_port(engine) as endpoint, httpx.Client(base_url=endpoint, timeout=30) as http:
        yield Host(http)
