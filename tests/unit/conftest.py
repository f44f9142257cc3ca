"""The engine in the process, asked as a client would ask it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from spectron_adapters.local.engine import Engine
from spectron_adapters.local.exchange import Request, Response

READ_WRITE_FORGET = ("memory:read", "memory:write", "memory:forget")


class Clock:
    """Stands still until moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> str:
        """Move on and return the new time as text."""
        self.now += timedelta(**span)
        return self.text

    @property
    def text(self) -> str:
        return self.now.isoformat().replace("+00:00", "Z")


class Memory:
    """An engine with the verbs that the tests use; `caller` is a principal to act for."""

    def __init__(self, engine: Engine, clock: Clock, caller: str | None = None) -> None:
        self.engine = engine
        self.clock = clock
        self.caller = caller

    def acting_for(self, principal: str) -> Memory:
        return Memory(self.engine, self.clock, principal)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        /,
        *,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
        **query: object,
    ) -> Response:
        sent = dict(headers or {})
        if self.caller is not None:
            sent["x-spectron-on-behalf-of"] = self.caller
        content = b"" if body is None else json.dumps(body).encode()
        return self.engine.handle(
            Request(
                method,
                f"/api/v1/default{path}",
                urlencode(query),
                sent,
                content if raw is None else raw,
            )
        )

    def get(self, path: str, /, **query: object) -> Any:
        return self._read(self.ask("GET", path, **query))

    def post(self, path: str, body: object = None, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._read(self.ask("POST", path, body, headers=named))

    def delete(self, path: str, /, **query: object) -> None:
        response = self.ask("DELETE", path, **query)
        assert response.status == 204, response.body

    def refused(self, method: str, path: str, body: object = None, /, **query: object) -> Any:
        """The problem document of a request that must fail."""
        response = self.ask(method, path, body, **query)
        problem = json.loads(response.body)
        assert response.status >= 400, problem
        assert response.headers["content-type"] == "application/problem+json"
        assert problem["status"] == response.status
        assert problem["message"] == problem["detail"]
        return problem

    @staticmethod
    def _read(response: Response) -> Any:
        assert response.status in (200, 201), response.body
        return json.loads(response.body)

    # --- verbs ----------------------------------------------------------------------------------

    def say(self, text: str, session: str | None = "s", **fields: object) -> Any:
        """Remember a text as it is."""
        return self.post("/facts", _body(text=text, infer="none", session_id=session, **fields))

    def tell(self, text: str, session: str | None = "s", **fields: object) -> Any:
        """Remember a text with what it states."""
        return self.post("/facts", _body(text=text, session_id=session, **fields))

    def put(self, name: str, key: str, value: str, **fields: object) -> Any:
        """Remember one attribute of a person, curated."""
        entity = {"type": "person", "name": name}
        triples = [{"entity": entity, "key": key, "value": value}]
        return self.post("/facts", _body(infer="triples", triples=triples, **fields))

    def relate(self, subject: str, label: str, target: str, **fields: object) -> Any:
        """Remember one relation of two persons."""
        triple = {
            "entity": {"type": "person", "name": subject},
            "key": label,
            "target": {"type": "person", "name": target},
        }
        return self.post("/facts", _body(infer="triples", triples=[triple], **fields))

    def recall(self, query: str, **fields: object) -> list[str]:
        """The texts that a recall returns."""
        return [hit["text"] for hit in self.query(query, **fields)["hits"]]

    def query(self, query: str, **fields: object) -> Any:
        return self.post("/query", {"query": query, **fields})

    def turns(self, session: str = "s", **query: object) -> list[Any]:
        return self.get(f"/sessions/{quote(session, safe='')}/turns", **query)["turns"]

    def contents(self, session: str = "s", **query: object) -> list[str]:
        return [turn["content"] for turn in self.turns(session, **query)]

    def values(self, name: str, key: str, **query: object) -> list[str]:
        """The values of one key that an entity shows."""
        response = self.ask("GET", f"/entities/person/{quote(name, safe='')}", **query)
        if response.status == 404:
            return []
        shown = json.loads(response.body)["attributes"]
        return [item["value"] for item in shown if item["key"] == key]

    def history(self, name: str, key: str, **query: object) -> list[Any]:
        path = f"/entities/person/{quote(name, safe='')}/history/{quote(key, safe='')}"
        return self.get(path, **query)["history"]

    def forget(self, query: str, **fields: object) -> int:
        return self.post("/forget", {"query": query, **fields})["deleted"]


def _body(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(clock: Clock) -> Iterator[Memory]:
    """An engine without a file."""
    engine = Engine(clock=clock)
    yield Memory(engine, clock)
    engine.close()


@pytest.fixture
def two_users(memory: Memory) -> tuple[Memory, Memory]:
    """Alice and Bob of one organisation, each confined to a subtree of their own."""
    for name in ("alice", "bob"):
        grants = dict.fromkeys(READ_WRITE_FORGET, f"org/acme/user/{name}/*")
        memory.engine.add_principal(name, grants=grants)
    return memory.acting_for("alice"), memory.acting_for("bob")


@pytest.fixture
def make_memory(clock: Clock) -> Callable[..., Iterator[Memory]]:
    """Engines with options of their own, closed once they have been used."""

    def make(path: Path | None = None, **options: Any) -> Iterator[Memory]:
        engine = Engine(path, clock=clock, **options)
        yield Memory(engine, clock)
        engine.close()

    return make
