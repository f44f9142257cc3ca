"""Requests drawn at random: what a curious caller asks, and what others do meanwhile.

The caller guesses the ids, names, keys and words of others. The contract itself tells of a
session id, key name, display name or external identity that is taken (contract 3.4, 3.5), so that
nothing is written under those; everything else is tried.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import quote

from spectron_adapters.local.routes.data_plane import DATA_PLANE
from tests.property.attack_worlds import ALICE, BOB, ORG, Step

NAMES = ("zed", "Amy", "quinn", "Rio", "user", "Tungsten")
KEYS = ("city", "job", "likes", "pet", "employer")
VALUES = ("Paris", "Rome", "tea and toast", "amy", "rio", "tungsten")
LENSES = (
    None,
    None,
    ALICE,
    ORG,
    BOB,
    f"{ALICE}/*",
    f"{BOB}/*",
    [[ALICE], [BOB]],
    [[ALICE, BOB]],
    "org/beta",
    "/",
)
LABELS = (None, None, None, ["kind=x"], ["kind=secret"])
SESSIONS = ("a-1", "a-2", "a-11", "bob-1", "bob-2", "org-1")
NOTES = (
    b"# Sailing\n\nZed sails the tungsten boat to Rome every summer weekend.\n\n## Food\n\nAmy likes tea.",
    b"# Sailing\n\nRio keeps the tungsten boat near Paris in winter.\n\n## Food\n\nQuinn likes toast.",
    b"Keyword extraction of tungsten filaments. Tungsten filaments glow. zed is job sailor",
)
_ID_FIELDS = {"traceId": "trace", "sessionId": "session"}
QUESTIONS = (
    "where does zed live?", "what is the city of Amy?", "tungsten", "who knows Rio", "tea and toast",
    "what is my name?", "sailing boat tungsten Rome", "who likes tea", "hello", "the", "",
)  # fmt: skip


class Steps:
    """Draws steps.

    Args:
        random: The same numbers draw the same steps.
        whose: Whose ids are tried most: everybody's are known, as if they had been guessed.
    """

    def __init__(self, random: Random, whose: str = "caller") -> None:
        self.random = random
        self.whose = whose
        self.ids: dict[tuple[str, str], list[str]] = {}

    def learn(self, whose: str, told: Any) -> None:
        """Remember the ids in an answer."""
        if isinstance(told, dict):
            for name, value in told.items():
                kind = _ID_FIELDS.get(name)
                if isinstance(value, str) and value.startswith("document:"):
                    kind = "document"
                if kind is not None and isinstance(value, str) and value:
                    self.ids.setdefault((whose, kind), []).append(value)
                self.learn(whose, value)
        elif isinstance(told, list):
            for item in told:
                self.learn(whose, item)

    def of_caller(self) -> Step:
        """A request to any route."""
        r = self.random
        # Half of them write or search: the worlds must hold something to be told of.
        route = r.choice(_FREQUENT) if r.random() < 0.5 else r.choice(DATA_PLANE.routes)
        return self.step(route)

    def step(self, route: str) -> Step:
        method, _, pattern = route.partition(" ")
        return _ANY[route](self, method, pattern)

    # --- parts ------------------------------------------------------------------------------------

    def text(self) -> str:
        r = self.random
        name, other = r.choice(NAMES), r.choice(NAMES)
        return r.choice(
            (
                f"{name} is {r.choice(KEYS)} {r.choice(VALUES)}",
                f"{name} knows {other}",
                f"always answer {name} politely",
                f"{name} sailed the tungsten boat to {r.choice(VALUES)} and had {r.choice(VALUES)}",
            )
        )

    def triple(self) -> dict[str, object]:
        r = self.random
        made: dict[str, object] = {
            "entity": {"type": "person", "name": r.choice(NAMES)},
            "key": r.choice(KEYS),
        }
        if r.random() < 0.5:
            return {
                **made,
                "value": r.choice(VALUES),
                "memory_category": r.choice(("identity", "knowledge", "context")),
            }
        return {**made, "target": {"type": "person", "name": r.choice(NAMES)}}

    def times(self) -> dict[str, str]:
        r = self.random
        if r.random() < 0.6:
            return {}
        name = r.choice(("asOf", "atInstant", "validFrom", "validUntil"))
        return {name: f"2026-01-{r.randint(1, 12):02d}T00:00:{r.randint(0, 59):02d}Z"}

    def lens(self) -> dict[str, object]:
        lens = self.random.choice(LENSES)
        return {} if lens is None else {"lens": lens}

    def labels(self) -> dict[str, object]:
        labels = self.random.choice(LABELS)
        return {} if labels is None else {"labels": labels}

    def guessed(self, kind: str) -> str:
        """An id of one's own, of somebody else's, or of nobody's; without its table."""
        r = self.random
        whose = r.choice((self.whose, self.whose, "caller", "bob", "admin", "nobody"))
        known = self.ids.get((whose, kind))
        return r.choice(known).removeprefix("document:") if known else f"nobody-{r.randint(1, 9)}"

    def idempotent(self) -> dict[str, str]:
        r = self.random
        return {"idempotency-key": f"key-{r.randint(1, 4)}"} if r.random() < 0.3 else {}


def _facts(s: Steps, method: str, path: str) -> Step:
    r = s.random
    body: dict[str, object] = {"infer": r.choice(("full", "full", "none", "preview", "triples"))}
    if body["infer"] == "triples":
        body["triples"] = [s.triple() for _ in range(r.randint(1, 3))]
    else:
        body["text"] = s.text()
    return Step(method, f"/{path}", {**body, **_place(s)}, headers=s.idempotent())


def _place(s: Steps) -> dict[str, object]:
    r = s.random
    placed = s.labels()
    if r.random() < 0.5:
        placed["session_id"] = r.choice(("a-1", "a-2", "a-11"))
    if r.random() < 0.3:
        placed["scopes"] = r.choice((ALICE, f"{ALICE}/x", [[ALICE], [f"{ALICE}/x"]], BOB, ORG))
    if r.random() < 0.3:
        placed["observed_at"] = f"2026-01-{r.randint(1, 12):02d}T00:00:00Z"
    return placed


def _batch(s: Steps, method: str, path: str) -> Step:
    messages = [
        {"role": s.random.choice(("user", "assistant")), "content": s.text()} for _ in range(3)
    ]
    how = s.random.choice(("whole_conversation", "per_message"))
    return Step(
        method,
        f"/{path}",
        {"messages": messages, "extract": how, **_place(s)},
        headers=s.idempotent(),
    )


def _query(s: Steps, method: str, path: str) -> Step:
    r = s.random
    body: dict[str, object] = {
        "query": r.choice(QUESTIONS),
        "k": r.choice((1, 5, 50)),
        "mode": r.choice(("hybrid", "hybrid", "vector", "bm25", "graph")),
        "includeDuplicates": r.random() < 0.3,
        **s.lens(), **s.labels(), **s.times(),
    }  # fmt: skip
    if r.random() < 0.3:
        body["sessionId"] = r.choice(SESSIONS)
    return Step(method, f"/{path}", body)


def _context(s: Steps, method: str, path: str) -> Step:
    return Step(method, f"/{path}", {"query": s.random.choice(QUESTIONS), **s.lens(), **s.labels()})


def _forget(s: Steps, method: str, path: str) -> Step:
    r = s.random
    body = {
        "query": r.choice((*NAMES, "tungsten boat", "likes tea")),
        "purge": r.random() < 0.3,
        "dryRun": r.random() < 0.5,
        **s.lens(),
    }
    return Step(method, f"/{path}", body)


def _read(s: Steps, method: str, path: str) -> Step:
    """A plain read: lens, times, pages and filters as query parameters."""
    r = s.random
    query = dict(s.times())
    for name, value in s.lens().items():
        query[name] = value if isinstance(value, str) else json.dumps(value)
    if r.random() < 0.3:
        query["limit"] = str(r.choice((1, 2, 500)))
    if r.random() < 0.3:
        query["offset"] = "1"
    if r.random() < 0.3:
        query["type"] = "person"
    if r.random() < 0.3:
        query |= {"page": "1", "pageSize": "1"}
    if r.random() < 0.3:
        query |= {
            "sort": r.choice(("text", "-document_count")),
            "q": r.choice(("TUNG", "sail", "")),
        }
    if r.random() < 0.3:
        query |= {"principal": r.choice(("bob", "alice", "admin"))}
    if "principals" in path:
        query["path"] = r.choice((ALICE, BOB, ORG))
    if path == "inspect":
        query["ref"] = _ref(s)
    return Step(method, f"/{_filled(s, path)}", {} if method == "POST" else None, query)


def _ref(s: Steps) -> str:
    r = s.random
    name, key = quote(r.choice(NAMES)), r.choice(KEYS)
    return r.choice(
        (
            f"entity:person/{name}",
            f"attribute:person/{name}/{key}",
            f"relation:person/{name}/{key}/person/{r.choice(NAMES)}",
            f"relation:person/{name}-[knows]->person/{r.choice(NAMES)}",
            "trace:" + s.guessed("trace"),
            "document:" + s.guessed("document"),
            "passage:" + s.guessed("document") + "/0",
        )
    )


def _filled(s: Steps, path: str) -> str:
    """A path with its places filled in."""
    r = s.random
    ids: dict[str, Callable[[], str]] = {
        "sessions/{id}": lambda: r.choice((*SESSIONS, s.guessed("session"))),
        "documents/{id}": lambda: r.choice(("document:", "doc:", "")) + s.guessed("document"),
        "traces/{id}": lambda: s.guessed("trace"),
        "principals/{id}": lambda: r.choice(("alice", "bob", "hidden-1", "system", "admin")),
        "keys/{name}": lambda: r.choice(("bob-key", "hidden-key", "admin-key")),
        "keywords/{normalised}": lambda: quote(
            r.choice(("TUNGSTEN FILAMENTS", "SAILING", "FOOD", "BOB"))
        ),
    }
    for start, choose in ids.items():
        if start in path:
            path = path.replace(start, f"{start.partition('/')[0]}/{choose()}")
    for place, names in (("{type}", ("person", "other")), ("{name}", NAMES), ("{key}", KEYS)):
        path = path.replace(place, quote(r.choice(names)))
    return path


def _upload(s: Steps, method: str, path: str) -> Step:
    r = s.random
    body: dict[str, object] = {"title": r.choice(("Notes", "Log")), **s.labels()}
    if method == "POST" and r.random() < 0.3:
        body["scopes"] = r.choice((ALICE, BOB, f"{ALICE}/x"))
    return Step(method, f"/{_filled(s, path)}", body, file=r.choice(NOTES))


def _ask_documents(s: Steps, method: str, path: str) -> Step:
    r = s.random
    body: dict[str, object] = {
        "query": r.choice(QUESTIONS),
        "mode": r.choice(("hybrid", "vector", "bm25", "hybrid_graph")),
        "expandGraph": r.random() < 0.5,
        "includeDuplicates": r.random() < 0.3,
        **s.lens(),
    }
    if r.random() < 0.3:
        body["filter"] = {"documentIds": [s.guessed("document") for _ in range(3)]}
    return Step(method, f"/{path}", body)


def _think(s: Steps, method: str, path: str) -> Step:
    """Chat, reflect, elaborate, consolidate, keyword search, checks, a session's context."""
    r = s.random
    body: dict[str, object] = {
        "query": r.choice(QUESTIONS),
        "message": r.choice(QUESTIONS[:-1]),
        "persist": r.random() < 0.5,
        "dryRun": r.random() < 0.3,
        **s.lens(),
    }
    if path == "chat":
        body |= {"stream": r.random() < 0.2, **s.labels()}
        body.pop("lens", None)
        if r.random() < 0.6:
            body["sessionId"] = r.choice(("a-1", "a-2", "a-11"))
    if path == "elaborate" and r.random() < 0.5:
        body["entityRef"] = f"entity:person/{r.choice(NAMES)}"
    headers = s.idempotent() if path in ("chat", "reflect") else {}
    return Step(method, f"/{_filled(s, path)}", body, headers=headers)


def _session(s: Steps, method: str, path: str) -> Step:
    body: dict[str, object] = {"metadata": {"about": s.text()}}
    if s.random.random() < 0.3:
        body["scopes"] = s.random.choice((ALICE, BOB))
    return Step(method, f"/{path}", body)


def _turn(s: Steps, method: str, _: str) -> Step:
    session = s.random.choice(("a-1", "a-2", "a-11"))
    return Step(method, f"/sessions/{session}/turns", {"role": "user", "content": s.text()})


def _scope(s: Steps, method: str, path: str) -> Step:
    node = s.random.choice((ALICE, f"{ALICE}/x", f"{ALICE}/y", BOB, f"{BOB}/x", ORG, "org/beta"))
    if method == "DELETE":
        return Step(
            method, f"/{path}", query={"path": f"{ALICE}/y" if node.startswith(ALICE) else node}
        )
    return Step(method, f"/{path}", {"path": node, "displayName": "A node"})


def _principal(s: Steps, method: str, path: str) -> Step:
    r = s.random
    body: dict[str, object] = {
        "path": r.choice((f"{ALICE}/x", BOB, "/*")),
        "verbs": ["memory:read"],
    }
    if path == "principals":
        number = r.randint(1, 9999)
        grants = {"memory:read": [r.choice((ALICE, BOB))]}
        body = {"displayName": f"mine-{number}", "externalId": f"mine-{number}", "grants": grants}
    return Step(method, f"/{_filled(s, path)}", body)


def _key(s: Steps, method: str, path: str) -> Step:
    body = {"name": f"mine-{s.random.randint(1, 9999)}"} if path == "keys" else None
    return Step(method, f"/{_filled(s, path)}", body)


_MAKERS: dict[Callable[[Steps, str, str], Step], tuple[str, ...]] = {
    _facts: ("POST facts",),
    _batch: ("POST facts/batch",),
    _query: ("POST query",),
    _context: ("POST context",),
    _forget: ("POST forget",),
    _upload: ("POST documents", "PUT documents/{id}"),
    _ask_documents: ("POST documents/query",),
    _think: (
        "POST chat", "POST reflect", "POST elaborate", "POST consolidate", "POST fsck",
        "POST documents/keywords/search", "POST sessions/{id}/context",
        "POST lifecycle/decay", "POST lifecycle/expire", "POST documents/recompute-links",
    ),
    _session: ("POST sessions",),
    _turn: ("POST sessions/{id}/turns",),
    _scope: ("POST scopes", "DELETE scopes", "POST scopes/forget"),
    _principal: ("POST principals", "POST principals/{id}/grants", "DELETE principals/{id}/grants"),
    _key: ("POST keys", "DELETE keys/{name}", "POST keys/{name}/rotate"),
}  # fmt: skip
_ANY: dict[str, Callable[[Steps, str, str], Step]] = {
    **dict.fromkeys(DATA_PLANE.routes, _read),
    **{route: make for make, routes in _MAKERS.items() for route in routes},
}
_FREQUENT = (
    "POST facts", "POST facts", "POST facts/batch", "POST query", "POST query", "POST context",
    "POST chat", "POST documents", "POST documents/query", "GET entities/{type}/{name}",
    "GET state", "GET profile",
)  # fmt: skip
