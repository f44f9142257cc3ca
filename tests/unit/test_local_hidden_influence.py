"""What others do in scopes that a caller may not read changes none of the caller's answers."""

from __future__ import annotations

import pytest

from tests.unit.conftest import READ_WRITE_FORGET
from tests.unit.document_uploads import upload

ALICE, BOB, ORG = "org/acme/user/alice", "org/acme/user/bob", "org/acme"


@pytest.fixture
def users(memory):
    """Alice, who reads what the organisation shares, and Bob, who does not."""
    own = dict.fromkeys(READ_WRITE_FORGET, f"{ALICE}/*")
    memory.engine.add_principal("alice", grants={**own, "memory:read": [f"{ALICE}/*", ORG]})
    memory.engine.add_principal("bob", grants=dict.fromkeys(READ_WRITE_FORGET, f"{BOB}/*"))
    return memory.acting_for("alice"), memory.acting_for("bob")


def triple(name, key, value):
    return {"entity": {"type": "person", "name": name}, "key": key, "value": value}


def relation(name, key, other):
    target = {"type": "person", "name": other}
    return {"entity": {"type": "person", "name": name}, "key": key, "target": target}


def store(memory, *triples, **fields):
    return memory.post("/facts", {"infer": "triples", "triples": [*triples], **fields})


def test_a_repeated_request_does_not_tell_that_somebody_else_purged(users):
    alice, bob = users
    body = {"infer": "triples", "triples": [triple("Zed", "city", "Rome")]}
    first = alice.post("/facts", body, idempotency_key="one")
    bob.post("/facts", body, idempotency_key="one")
    assert bob.forget("Zed", purge=True) > 0
    assert alice.post("/facts", body, idempotency_key="one") == first
    assert first["extraction"]["attributes"]
    assert bob.post("/facts", body, idempotency_key="one")["extraction"]["attributes"] == []


def test_who_could_read_what_is_purged_is_not_told_of_it_again(users, memory):
    alice, _ = users
    body = {"infer": "triples", "triples": [triple("Zed", "city", "Rome")]}
    alice.post("/facts", body, idempotency_key="one")
    assert memory.forget("Zed", purge=True) > 0
    assert alice.post("/facts", body, idempotency_key="one")["extraction"]["attributes"] == []


def test_a_kept_reply_does_not_tell_that_somebody_else_purged(make_memory):
    for memory in make_memory(llm=lambda prompt: "Zed lives in Rome. [S1]"):
        for name, scope in (("alice", ALICE), ("bob", BOB)):
            memory.engine.add_principal(name, grants=dict.fromkeys(READ_WRITE_FORGET, f"{scope}/*"))
        alice, bob = memory.acting_for("alice"), memory.acting_for("bob")
        for who in (alice, bob):
            store(who, triple("Zed", "city", "Rome"))
            who.post("/chat", {"message": "Where does Zed live?"})
        bob.forget("Zed", purge=True)
        replied = alice.post("/chat", {"message": "Where does Zed live?"})
        assert alice.get(f"/traces/{replied['traceId']}")["cached"] is True
        memory.forget("Zed", purge=True)
        replied = alice.post("/chat", {"message": "Where does Zed live?"})
        assert alice.get(f"/traces/{replied['traceId']}")["cached"] is False


def test_the_traces_of_others_push_out_none(users, monkeypatch):
    monkeypatch.setattr("spectron_adapters.local.tracing.traces.KEPT_TRACES", 100)
    alice, bob = users
    alice.query("tungsten")
    for number in range(300):
        bob.query(f"question {number}")
    assert [trace["queryText"] for trace in alice.get("/traces")["traces"]] == ["tungsten"]
    assert alice.get("/traces/stats")["totalQueries"] == 1
    assert 100 <= bob.get("/traces/stats")["totalQueries"] <= 164


def test_forgetting_a_scope_counts_no_rows_that_the_caller_may_not_read(users, memory):
    alice, _ = users
    alice.say("the boat is red")
    shared = [[ALICE, BOB]]
    memory.say("the boat is secret", "both", scopes=shared)
    store(memory, triple("Boat", "colour", "red"), scopes=shared)
    told = alice.post("/scopes/forget", {"path": ALICE})
    assert told["forgotten"] == 2  # a session and a turn
    assert memory.recall("boat") == []


def test_a_document_does_not_tell_that_it_is_shared(users, memory, clock):
    alice, _ = users
    owned = upload(alice, "the tungsten boat")["id"]
    shown = alice.get(f"/documents/{owned}")
    clock.forward(hours=1)
    assert upload(memory, "the tungsten boat", scopes=BOB)["id"] == owned
    assert memory.get(f"/documents/{owned}") == shown == alice.get(f"/documents/{owned}")
    clock.forward(hours=1)
    bob = memory.acting_for("bob")
    bob.delete(f"/documents/{owned}")
    assert alice.get(f"/documents/{owned}") == shown


@pytest.mark.parametrize("hidden", [triple("Zed", "job", "cook"), relation("Zed", "knows", "Rio")])
def test_attributes_and_relations_stand_in_an_order_of_their_own(users, hidden):
    alice, bob = users
    store(bob, hidden)
    store(bob, {**hidden, "key": "likes"})
    store(alice, relation("Zed", "knows", "Amy"), triple("Zed", "city", "Rome"))
    assert [entry["key"] for entry in alice.get("/profile")["static"]] == ["city", "knows"]


def test_a_session_that_may_not_be_read_is_no_hint(users, memory):
    alice, _ = users
    memory.say("a plan of the boat", "secret", scopes=BOB)
    memory.say("the tungsten boat sails", "secret", scopes=ALICE)
    unhinted = alice.query("tungsten boat", mode="hybrid")["hits"]
    assert alice.query("tungsten boat", mode="hybrid", sessionId="secret")["hits"] == unhinted
    assert not {"sessionId", "seq"} & unhinted[0].keys()


@pytest.mark.parametrize("first", ["Quinn", "Rio"])
def test_who_was_first_to_use_a_name_does_not_decide_what_is_left_out(users, first, monkeypatch):
    monkeypatch.setattr("spectron_adapters.local.recall.graph_hops._NAMES_PER_HOP", 1)
    alice, bob = users
    store(bob, triple(first, "city", "Rome"))
    store(alice, relation("Zed", "knows", "Quinn"), relation("Zed", "knows", "Rio"))
    store(alice, triple("Quinn", "likes", "tea"), triple("Rio", "likes", "toast"))
    found = [hit["text"] for hit in alice.query("Zed", mode="graph")["hits"]]
    assert "Quinn · likes: tea" in found
    assert "Rio · likes: toast" not in found


def test_importance_does_not_tell_that_somebody_else_wrote(users):
    alice, bob = users
    shown = []
    store(alice, triple("Zed", "city", "Rome"))
    for busy in (False, True):
        alice.query("Zed city")
        if busy:
            bob.say("nothing of note")
        (attribute,) = alice.get("/entities/person/zed")["attributes"]
        shown.append(round(attribute["importance"], 6))
    assert shown == [0.88, 0.968]


def test_decay_does_not_tell_that_somebody_else_wrote(users, clock):
    alice, bob = users
    shown = set()
    for name, busy in (("Zed", False), ("Amy", True)):
        store(alice, {**triple(name, "city", "Rome"), "memory_category": "knowledge"})
        for _ in range(4):
            alice.query(f"{name} city")
        if busy:
            bob.say("nothing of note")
        clock.forward(days=1)
        alice.post("/lifecycle/decay")
        shown.add(round(alice.get(f"/entities/person/{name}")["attributes"][0]["importance"], 6))
        assert alice.forget(name, purge=True) > 0
    assert shown == {0.995}
