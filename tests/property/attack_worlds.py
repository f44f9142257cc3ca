"""Two worlds that one caller cannot tell apart, unless something leaks.

A world is an engine with an injected clock, embedder and language model. Ids depend on whose
request is answered, so that what others do changes none of the caller's. Some callers may read
`org/acme`, which an operator wrote; what lies under `org/acme/user/bob`, in `org/beta` and in
another context is hidden from all of them.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from spectron_adapters.local.engine import Engine
from spectron_adapters.local.exchange import Request, Response
from tests.unit.conftest import Clock
from tests.unit.document_uploads import FORM, form, part

ALICE, BOB, ORG = "org/acme/user/alice", "org/acme/user/bob", "org/acme"
VERBS = (
    "memory:read", "memory:write", "memory:forget", "scope:read", "scope:create", "scope:delete",
    "grant:manage",
)  # fmt: skip
CALLERS = ("full", "attenuated", "floor", "strict", "delegated", "agent")
_TIMES = frozenset({"queryMs", "latencyMs", "avgLatencyMs"})
_SECRET = re.compile(r"sp-[A-Za-z0-9_-]+")
_KEY_ID = re.compile(r"key[- ][a-z0-9]{16}")


class Embedder:
    """Sixteen counts of words; deterministic, and alike for alike texts."""

    name = "words-16"

    def embed_texts(self, texts: Sequence[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        counts = [0.0] * 16
        for word in re.findall(r"\w+", text.lower()):
            counts[hashlib.sha256(word.encode()).digest()[0] % 16] += 1.0
        return counts


class Model:
    """Notes what it is told while somebody's request is answered, and cites what it was shown."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.told: dict[str, list[object]] = {}

    def __call__(self, messages: list[dict[str, str]]) -> str:
        task, shown = messages[0]["content"], messages[-1]["content"]
        self.told.setdefault(self.world.acting, []).append(messages)
        if task.startswith("You read facts"):
            return "{}"
        if task.startswith("You reflect"):
            insight = {
                "entityId": "person/zed",
                "key": "habit",
                "value": "sails",
                "evidence": ["S1"],
            }
            return json.dumps({"reflection": "So it is. [S1]", "insights": [insight]})
        if task.startswith("You find"):
            return json.dumps({"relations": [], "observations": []})
        return f"I see {len(shown)} letters. [S1] [S2]"


def says(text: str) -> dict[str, object]:
    """An extractor: `X is key value` about a person, `X knows Y`, `always …` as an order."""
    words = text.split()
    if words[:1] == ["always"]:
        return {"instructions": [{"label": words[1], "description": text}]}
    if words[1:2] == ["knows"]:
        ends = [{"type": "person", "name": words[place]} for place in (0, 2)]
        return {"triples": [{"entity": ends[0], "key": "knows", "target": ends[1]}]}
    if words[1:2] == ["is"] and len(words) > 3:
        entity = {"type": "person", "name": words[0]}
        triple = {"entity": entity, "key": words[2], "value": " ".join(words[3:])}
        return {"triples": [triple]}
    return {}


@dataclass(frozen=True)
class Step:
    """A request, or an upload when there are bytes; `who` is one of the world's keys."""

    method: str
    path: str
    body: object = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    file: bytes | None = None
    who: str = "caller"
    context: str = "default"

    def request(self, headers: Mapping[str, str]) -> Request:
        content = b"" if self.body is None else json.dumps(self.body).encode()
        sent = {**headers, **self.headers}
        if self.file is not None:
            described = part("metadata", json.dumps(self.body or {}), kind="application/json")
            content = form(described, part("file", self.file, filename="notes.md"))
            sent |= FORM
        path = f"/api/v1/{self.context}{self.path}"
        return Request(self.method, path, urlencode(self.query), sent, content)


class World:
    """An engine, the keys of those who use it, and whose turn it is.

    Args:
        caller: Which of `CALLERS` asks.
        model: Whether there is a language model beside the embedder.
    """

    def __init__(self, caller: str, *, model: bool) -> None:
        self.clock, self.acting = Clock(), "set-up"
        self.counts: Counter[str] = Counter()
        self.model = Model(self)
        self.engine = Engine(
            clock=self.clock,
            ids=self._new_id,
            embeddings=Embedder(),
            llm=self.model if model else None,
            extractor=says,
        )
        self.headers = self._keys(caller)

    def _new_id(self, _: int) -> str:
        self.counts[self.acting] += 1
        return f"{self.acting}-{self.counts[self.acting]:05d}"

    def _keys(self, caller: str) -> dict[str, dict[str, str]]:
        own = {verb: [f"{ALICE}/*"] for verb in VERBS}
        self.engine.add_principal("alice", grants={**own, "memory:read": [f"{ALICE}/*", ORG]})
        self.engine.add_principal("bob", grants={verb: [f"{BOB}/*"] for verb in VERBS})
        if caller == "attenuated":
            key = self.engine.create_key("alice", name="own", grants=own)
        elif caller in ("floor", "agent"):
            key = self._minted(caller)
        elif caller == "delegated":
            key = self.engine.create_key(name="own")
        else:
            key = self.engine.create_key("alice", name="own")
            if caller == "strict":
                with self.engine._database.write() as connection:
                    connection.execute("UPDATE api_key SET strict = 1 WHERE name = 'own'")
        bob = self.engine.create_key("bob", name="bob-key")
        asking = {"authorization": f"Bearer {key}"}
        if caller == "delegated":
            asking["x-spectron-on-behalf-of"] = "alice"
        return {"caller": asking, "bob": {"authorization": f"Bearer {bob}"}, "admin": {}}

    def _minted(self, caller: str) -> str:
        terms: dict[str, object] = {"scope_floor": ALICE}
        kind = "agent" if caller == "agent" else "supervisor"
        answer = self.engine.handle(
            Request(
                "POST",
                "/api/v1/contexts/default/keys",
                "",
                {},
                json.dumps({"name": "own", "principal": kind, **terms}).encode(),
            )
        )
        return str(json.loads(answer.body)["key"])

    def run(self, step: Step) -> Response:
        """Ask, and wait until documents are read."""
        self.acting = step.who
        response = self.engine.handle(step.request(self.headers[step.who]))
        if response.events is not None:
            response = Response(response.status, response.headers, b"".join(response.events))
        if step.path.startswith("/documents"):
            self._settle()
        return response

    def _settle(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with self.engine._database.read() as connection:
                if connection.execute("SELECT 1 FROM document_job").fetchone() is None:
                    return
            time.sleep(0.002)
        raise AssertionError("documents are not finished")

    def ask(self, step: Step) -> tuple[int, dict[str, str], Any]:
        """What the caller is told, without what depends on the machine's speed."""
        response = self.run(step)
        kept = {k: v for k, v in response.headers.items() if k != "content-length"}
        return response.status, kept, _told(response.body)

    def close(self) -> None:
        self.engine.close()


def _told(body: bytes) -> Any:
    text = _SECRET.sub("sp-secret", body.decode("utf-8", "replace"))
    text = _KEY_ID.sub("key-id", text)
    text = re.sub(r'"(queryMs|latencyMs)":\d+', r'"\1":0', text)
    try:
        told = _without_times(json.loads(text)) if text else None
    except ValueError:
        return text
    if isinstance(told, dict) and told.get("key") == "sp-secret":
        told["id"] = "…"  # made with the secret
    return told


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        unseen = _TIMES | ({"id"} if "lastUsedAt" in value else set())  # a key's id is drawn
        return {name: _without_times(item) for name, item in value.items() if name not in unseen}
    return [_without_times(item) for item in value] if isinstance(value, list) else value
