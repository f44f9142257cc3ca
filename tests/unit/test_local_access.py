"""Regions in force: generated grants, keys, floors, lenses and delegation, held to a naive telling.

Everything goes through `Engine.handle` with real keys; the expectation is computed by
`tests.property.scope_reference`, which shares no code with the library.
"""

from __future__ import annotations

import itertools
import json
import random
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spectron_adapters.local.access.grants import intersect
from spectron_adapters.local.engine import Engine
from spectron_adapters.scopes import Region
from tests.property import scope_reference as naive
from tests.unit.conftest import Clock
from tests.unit.keyed import Keyed, Operator

PATHS = [
    "/", "org", "org/acme", "org/acme/user/alice", "org/acme/user/bob", "org/acmes", "org/beta",
    "team", "team/x", "user/alice",
]  # fmt: skip
PATTERNS = [*PATHS, "/*", *(f"{path}/*" for path in PATHS[1:])]
RECORDS = [
    [["org/acme"]],
    [["org/acme/user/alice"]],
    [["org/acme/user/bob"]],
    [["org/acme", "user/alice"]],
    [["org/acme/user/alice"], ["org/acme/user/bob"]],
    [["org/acmes"]],
    [["org/beta"]],
    [["/"]],
    [["team/x", "org/beta"], ["user/alice"]],
]


class Filled:
    """One engine with a note in each of the records' scopes, asked through many keys."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.engine = Engine(clock=self.clock, require_key=True, management_key="manage-me")
        self.numbers = itertools.count()
        root = Keyed(self.engine, self.clock, self.engine.create_key())
        for number, record in enumerate(RECORDS):
            root.say(f"note {number}", f"session {number}", scopes=record)
            root.put(
                f"person {number}",
                "code",
                f"value {number}",
                scopes=record,
                session_id=f"session {number}",
            )
        self.root = root

    def principal(self, **grants: list[str]) -> str:
        name = f"p{next(self.numbers)}"
        verbs = {f"memory:{verb}": patterns for verb, patterns in grants.items()}
        self.engine.add_principal(name, grants=verbs)
        return name

    def caller(self, principal: str, **options: object) -> Keyed:
        return Keyed(self.engine, self.clock, self.engine.create_key(principal, **options))  # type: ignore[arg-type]  # as given


@pytest.fixture(scope="module")
def filled():
    made = Filled()
    yield made
    made.engine.close()


def seen(caller, lens=None):
    """Which records a caller is told of, by every way of reading; all ways must agree."""
    fields = {} if lens is None else {"lens": lens}
    hits = caller.query("note person code value", k=50, **fields)["hits"]
    recalled = {int(number) for hit in hits for number in re.findall(r"\d+", hit["text"])}
    sent = {} if lens is None else {"lens": json.dumps(lens)}
    sessions = {int(item["id"].split()[-1]) for item in caller.get("/sessions", **sent)["sessions"]}
    entities = {
        int(item["name"].split()[-1]) for item in caller.get("/entities", **sent)["entities"]
    }
    assert recalled == sessions == entities
    if lens is None:
        turns = {
            n
            for n in range(len(RECORDS))
            if caller.status("GET", f"/sessions/session%20{n}/turns") == 200
        }
        people = {n for n in range(len(RECORDS)) if caller.values(f"person {n}", "code")}
        assert turns == people == recalled
    return recalled


def visible(*regions):
    """Records with a clause whose every path each of the regions covers."""
    return {
        number
        for number, record in enumerate(RECORDS)
        if any(
            all(naive.region_covers(region, path) for region in regions for path in clause)
            for clause in record
        )
    }


patterns = st.lists(st.sampled_from(PATTERNS), max_size=3)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    read=patterns,
    lens=st.lists(
        st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2), min_size=1, max_size=2
    ),
)
def test_a_principal_reads_what_its_grants_and_the_lens_let_through(filled, read, lens):
    caller = filled.caller(filled.principal(read=read))
    assert seen(caller) == visible(read)
    expected = {n for n, record in enumerate(RECORDS) if naive.kept(record, read, lens)}
    assert seen(caller, lens) == expected


@settings(max_examples=40)
@given(mine=patterns, theirs=patterns)
def test_intersections_are_what_both_cover(mine, theirs):
    one, other = {"memory:read": Region.parse(mine)}, {"memory:read": Region.parse(theirs)}
    both = [str(item) for item in intersect(one, other)["memory:read"].patterns]
    for path in [*PATHS, "org/acme/user/alice/deep", "elsewhere"]:
        expected = naive.region_covers(mine, path) and naive.region_covers(theirs, path)
        assert naive.region_covers(both, path) == expected


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(read=patterns, target=patterns, choice=st.randoms(use_true_random=False))
def test_keys_and_delegation_only_ever_narrow(filled, read, target, choice):
    key_grants = narrowed(choice, read)
    principal, other = filled.principal(read=read), filled.principal(read=target)
    caller = filled.caller(principal, grants={"memory:read": key_grants})
    assert seen(caller) == visible(key_grants)
    assert seen(caller.acting_for(other)) == visible(key_grants, target)
    filled.engine.add_principal(principal, grants={"memory:read": []})
    assert seen(caller) == set()


def narrowed(choice: random.Random, granted: list[str]) -> list[str]:
    """Patterns that a principal with some grants may give to a key."""
    allowed = [
        pattern
        for pattern in PATTERNS
        if any(
            naive.pattern_covers(own, pattern.removesuffix("/*"))
            for own in granted
            if own.endswith("/*")
        )
        or pattern in granted
    ]
    return choice.sample(allowed, k=min(len(allowed), 2))


@pytest.mark.parametrize("floor", ["org/acme", "org/acme/user/alice", "team", "user", "org/acm"])
def test_a_floor_confines_reads_writes_and_forgetting(filled, floor):
    operator = Operator(filled.engine, filled.clock, "manage-me")
    agent = operator.enter("default", f"floor {floor}", scope_floor=floor)
    assert seen(agent) == visible([f"{floor}/*"])
    for path in PATHS:
        body = {"text": "late", "infer": "preview", "scopes": path}
        inside = naive.pattern_covers(f"{floor}/*", path)
        assert agent.status("POST", "/facts", body) == (200 if inside else 403)
    answer = agent.post("/forget", {"query": "note", "dryRun": True})
    widest = filled.root.post("/forget", {"query": "note", "dryRun": True})
    assert answer["deleted"] < widest["deleted"]
    for path in ("/", "org", "team/y", "/*"):
        if not naive.pattern_covers(f"{floor}/*", path):
            assert agent.status("POST", "/scopes/forget", {"path": path}) in (400, 403)


# --- delegation ---------------------------------------------------------------------------------

HEADERS = ["x-spectron-on-behalf-of", "x-memory-on-behalf-of", "x-agent-memory-on-behalf-of"]


@pytest.fixture
def agent_and_alice(memory, clock):
    engine = memory.engine
    engine.add_principal(
        "agent", grants={"memory:read": ["org/acme/*"], "memory:write": ["org/acme/user/bob/*"]}
    )
    alice = ["org/acme/user/alice/*", "org/beta/*"]
    engine.add_principal("alice", grants={"memory:read": alice, "memory:write": alice})
    return Keyed(engine, clock, engine.create_key("agent"))


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("name", ["alice", "principal:alice"])
def test_every_name_of_the_header_delegates(agent_and_alice, header, name):
    me = json.loads(agent_and_alice.ask("GET", "/me", headers={header: name}).body)
    assert me["delegatedPrincipalId"] == "principal:alice"
    assert me["principalId"] == "principal:agent"
    assert me["effectiveGrants"] == {"memory:read": ["org/acme/user/alice/*"]}
    body = {"text": "x", "infer": "none"}
    assert agent_and_alice.ask("POST", "/facts", body, headers={header: name}).status == 403


def test_delegation_to_nobody_or_to_two_is_refused(agent_and_alice):
    for name, status in {
        "nobody": 403,
        "": 400,
        " ": 400,
        "principal:": 400,
        "../alice": 403,
    }.items():
        for header in HEADERS:
            assert agent_and_alice.ask("GET", "/me", headers={header: name}).status == status
    both = {HEADERS[0]: "alice", HEADERS[1]: "agent"}
    assert agent_and_alice.ask("GET", "/me", headers=both).status == 400
    same = {HEADERS[0]: "alice", HEADERS[1]: "principal:alice"}
    assert agent_and_alice.ask("GET", "/me", headers=same).status in (200, 400)


def test_a_principal_of_another_context_is_no_target(agent_and_alice):
    operator = Operator(agent_and_alice.engine, agent_and_alice.clock, None)
    operator.new_context("other")
    stranger = operator.enter("other", principal="supervisor")
    assert stranger.acting_for("alice").status("GET", "/me") == 403
    assert stranger.acting_for("admin").status("GET", "/me") == 200


def test_idempotency_keys_belong_to_caller_and_target(agent_and_alice, clock):
    engine = agent_and_alice.engine
    root = Keyed(engine, clock, None)
    body = {"text": "note", "infer": "none"}
    answers = [
        caller.post("/facts", body, idempotency_key="same")["turnId"]
        for caller in (root, agent_and_alice, root.acting_for("alice"), root.acting_for("admin"))
    ]
    assert len(set(answers)) == 4
    narrow = Keyed(
        engine, clock, engine.create_key("agent", grants={"memory:read": ["org/acme/*"]})
    )
    headers = {"idempotency-key": "same"}
    assert narrow.ask("POST", "/facts", body, headers=headers).status == 409


def test_a_stored_answer_is_not_for_who_lost_a_grant_since(memory, clock):
    engine = memory.engine
    engine.add_principal("alice", grants=dict.fromkeys(("memory:read", "memory:write"), "user/a/*"))
    alice = Keyed(engine, clock, engine.create_key("alice"))
    body = {"text": "I live in Lyon."}
    first = alice.post("/facts", body, idempotency_key="k")
    assert alice.post("/facts", body, idempotency_key="k") == first
    engine.add_principal("alice", grants={})
    answer = alice.ask("POST", "/facts", body, headers={"idempotency-key": "k"})
    assert answer.status in (403, 409)
    assert b"Lyon" not in answer.body
