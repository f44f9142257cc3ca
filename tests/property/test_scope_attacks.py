"""Nobody can tell from any answer what they may not read, and nobody changes it.

The same requests of one caller go to two worlds; in one of them others are busy between them. The
answers must be the same to the byte, but for the machine's speed, and so must be what a language
model is told on the caller's behalf. The other way round: what others see is the same to the byte
whether the caller attacked it or not.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random

import pytest
from typing_extensions import Self

from spectron_adapters.local.exchange import Request
from tests.property.attack_steps import NOTES, Steps
from tests.property.attack_worlds import BOB, CALLERS, ORG, Step, World

LENGTH = 45
"""Requests of a caller."""


def set_up() -> list[Step]:
    """What an operator wrote for all of the organisation, and what Alice and Bob begin with."""
    said = ["Zed is city Rome", "Amy knows Rio", "always sail politely", "zed is job sailor"]
    steps = [
        Step("POST", "/facts", {"text": text, "scopes": ORG, "session_id": "org-1"}, who="admin")
        for text in said
    ]
    steps.append(Step("POST", "/documents", {"scopes": ORG}, file=NOTES[0], who="admin"))
    for who, session in (("caller", "a-1"), ("bob", "bob-1")):
        steps += [
            Step("POST", "/facts", {"text": text, "session_id": session}, who=who) for text in said
        ]
    return steps


def hidden_step(drawn: Steps) -> Step:
    """Something that others do where the caller may read nothing."""
    random = drawn.random
    step = drawn.step(random.choice(_HIDDEN))
    body = dict(step.body) if isinstance(step.body, dict) else step.body
    path = step.path.replace("/sessions/a-", "/sessions/bob-").replace("caller-", "bob-")
    where = random.random()
    if isinstance(body, dict):
        _moved(body, "org/beta" if where > 0.8 and step.path in _ANYWHERE else BOB)
        for name in ("session_id", "sessionId"):
            if name in body:
                body[name] = random.choice(("bob-1", "bob-2", "a-12"))
    if where > 0.8 and step.path in _ANYWHERE:
        # Who reads and writes everything would share the caller's document by its bytes.
        file = None if step.file is None else step.file + b"\n\nBeta."
        return Step(step.method, path, body, {}, step.headers, file, "admin")
    if where > 0.65:
        return Step(step.method, path, body, {}, step.headers, step.file, "admin", "other")
    return Step(step.method, path, body, {}, step.headers, step.file, "bob")


def _moved(body: dict[str, object], scope: str) -> None:
    if "scopes" in body or scope != BOB:
        body["scopes"] = scope
    if "path" in body:
        body["path"] = f"{BOB}/x"
    if "lens" in body:
        body["lens"] = BOB
    body.pop("displayName", None) if "verbs" in body else None


_ANYWHERE = frozenset({"/facts", "/facts/batch", "/documents", "/sessions"})
"""What an operator does elsewhere; his reads would lend importance to what all may read."""
_HIDDEN = (
    "POST facts", "POST facts", "POST facts/batch", "POST documents", "POST chat", "POST query",
    "POST sessions", "POST sessions/{id}/turns", "POST forget", "POST forget", "POST scopes",
    "POST scopes/forget", "POST consolidate", "POST elaborate", "POST reflect",
    "POST lifecycle/decay", "POST lifecycle/expire", "DELETE entities/{type}/{name}",
    "DELETE sessions/{id}", "DELETE documents/{id}", "PUT documents/{id}",
)  # fmt: skip


def open_world(caller: str, *, model: bool) -> World:
    world = World(caller, model=model)
    body = json.dumps({"namespace": "acme", "database": "other"}).encode()
    made = world.engine.handle(Request("POST", "/api/v1/contexts/other", "", {}, body))
    assert made.status == 201, made.body
    for step in set_up():
        world.clock.forward(seconds=1)
        assert world.run(step).status in (200, 202, 403)
    return world


class Duel:
    """A quiet world and a busy one, and what happens in them.

    Args:
        caller: Which of `CALLERS` asks.
        seed: Decides everything.
        model: Whether there is a language model.
    """

    def __init__(self, caller: str, seed: int, *, model: bool) -> None:
        self.random = Random(seed)
        self.mine = Steps(self.random)
        self.theirs = Steps(self.random, "bob")
        self.quiet, self.busy = (open_world(caller, model=model) for _ in range(2))
        for who in ("caller", "bob", "admin"):
            for step in (Step("GET", "/traces", who=who), Step("GET", "/documents", who=who)):
                self.learn(who, self.busy.ask(step)[2])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.quiet.close()
        self.busy.close()

    def learn(self, whose: str, told: object) -> None:
        self.mine.learn(whose, told)
        self.theirs.learn(whose, told)

    def forward(self, **span: float) -> None:
        for world in (self.quiet, self.busy):
            world.clock.forward(**span)

    def disturb(self, step: Step) -> None:
        """Something happens in the busy world only."""
        self.forward(seconds=1)
        self.learn(step.who, self.busy.ask(step)[2])

    def both(self, step: Step) -> tuple[object, object]:
        """The answers of the quiet and of the busy world."""
        self.forward(seconds=1)
        told, leaked = self.quiet.ask(step), self.busy.ask(step)
        self.learn(step.who, leaked[2])
        return told, leaked


def check_nothing_is_told(caller: str, seed: int) -> None:
    """Compare what the caller is told while others are busy, and while they are not."""
    with Duel(caller, seed, model=seed % 2 == 0) as duel:
        for _ in range(LENGTH):
            for _ in range(duel.random.choice((0, 1, 1, 2))):
                duel.disturb(hidden_step(duel.theirs))
            duel.forward(hours=duel.random.choice((0, 0, 0, 30)))
            step = duel.mine.of_caller()
            told, leaked = duel.both(step)
            assert told == leaked, f"{step}\n{told}\n{leaked}"
        assert duel.quiet.model.told.get("caller") == duel.busy.model.told.get("caller")


@pytest.mark.parametrize("caller", CALLERS)
def test_no_answer_tells_of_what_others_do(caller):
    for seed in range(2):
        check_nothing_is_told(caller, seed)


def view(world: World) -> Sequence[object]:
    """All that Bob can read, in every way there is."""
    paths = ("/state", "/profile", "/entities", "/sessions", "/documents", "/documents/keywords",
             "/traces", "/audit", "/traces/stats", "/scopes", "/keys", "/me", "/principals",
             "/sessions/bob-1/turns", "/sessions/bob-2/turns")  # fmt: skip
    steps = [Step("GET", path, who="bob") for path in paths]
    for name in ("zed", "amy", "rio"):
        steps.append(Step("GET", f"/entities/person/{name}", who="bob"))
        steps += [
            Step("GET", f"/entities/person/{name}/history/{key}", who="bob")
            for key in ("city", "job")
        ]
    for question in ("zed tungsten", "who knows Rio", "boat"):
        for mode in ("hybrid", "vector", "bm25", "graph"):
            body = {"query": question, "mode": mode, "k": 50, "includeDuplicates": True}
            steps.append(Step("POST", "/query", body, who="bob"))
    steps += [
        Step("POST", "/documents/query", {"query": "tungsten", "mode": "hybrid_graph"}, who="bob"),
        Step("POST", "/context", {"query": ""}, who="bob"),
        Step("POST", "/fsck", {}, who="bob"),
    ]
    return [world.ask(step) for step in steps]


def check_nothing_is_changed(caller: str, seed: int) -> None:
    """Compare what Bob sees when the caller attacked, and when they did not."""
    with Duel(caller, seed, model=False) as duel:
        for _ in range(8):
            duel.both(hidden_step(duel.theirs))
        for _ in range(LENGTH):
            duel.disturb(duel.mine.of_caller())
        for told, leaked in zip(view(duel.quiet), view(duel.busy), strict=True):
            assert told == leaked


@pytest.mark.parametrize("caller", CALLERS)
def test_nothing_of_others_is_changed(caller):
    check_nothing_is_changed(caller, 0)


# --- what is bounded ------------------------------------------------------------------------------

BOUNDS = {
    "search.retrieval.POSTINGS_PER_TERM": 3,
    "search.retrieval.EXPANDED": 2,
    "recall.querying._POOL": 4,
    "recall.querying._ENOUGH": 2,
    "recall.context_block._NEWEST_MAX": 3,
    "recall.context_block._INSTRUCTIONS_MAX": 2,
    "recall.graph_hops._FACTS_PER_HOP": 3,
    "recall.graph_hops._NAMES_PER_HOP": 2,
    "recall.seeds._SEEDS_MAX": 1,
    "recall.direct_lookup._KEYS_MAX": 2,
    "knowledge.known_names._NEWEST": 2,
    "recall.document_legs._PASSAGES_MAX": 2,
    "documents.querying._POOL": 3,
    "documents.graph._DOCUMENTS_MAX": 2,
    "documents.graph._PAIRS_DOCUMENTS_MAX": 2,
    "documents.links._NEIGHBOURS_READ": 1,
    "language.sources.WINDOW_TURNS": 2,
    "language.sources._LINES_MAX": 2,
    "language.response_cache._ENTRIES_MAX": 1,
    "language.consolidation._FACTS_DEFAULT": 3,
    "language.elaboration._FACTS_MAX": 3,
    "language.elaboration._ENTITIES_MAX": 4,
    "knowledge.state.STATE_MAX": 3,
    "knowledge.profile.PROFILE_MAX": 3,
    "upkeep.checks.NAMES_MAX": 3,
    "upkeep.checks.ROWS_MAX": 4,
    "tracing.traces.KEPT_TRACES": 3,
    "tracing.traces._PRUNE_EVERY": 2,
}
"""Limits of how much is looked at, so small here that every one of them is reached."""


@pytest.fixture
def tight(monkeypatch):
    for name, bound in BOUNDS.items():
        monkeypatch.setattr(f"spectron_adapters.local.{name}", bound)


@pytest.mark.parametrize("caller", ["full", "agent"])
def test_hidden_rows_push_no_visible_one_out_of_what_is_bounded(caller, tight):
    for seed in range(3):
        check_nothing_is_told(caller, seed)
