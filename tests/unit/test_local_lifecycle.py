"""Ageing: what fades, what ends, and that neither reaches beyond the write region."""

from __future__ import annotations

import json

import pytest

from spectron_adapters.local.exchange import Request
from spectron_adapters.local.extraction.statements import (
    AttributeStatement,
    EntityRef,
    Statements,
)

ALICE, BOB = "org/acme/user/alice", "org/acme/user/bob"


def put(memory, key, category, *, scopes=None, observed_at=None):
    """Remember one curated attribute of Ada in a category."""
    entity = {"type": "person", "name": "Ada"}
    triple = {"entity": entity, "key": key, "value": key, "memory_category": category}
    body = {"infer": "triples", "triples": [triple]}
    optional = {"scopes": scopes, "observed_at": observed_at}
    memory.post("/facts", body | {name: value for name, value in optional.items() if value})


def importance(memory, **query):
    rows = memory.get("/entities/person/ada", **query)["attributes"]
    return {row["key"]: row["importance"] for row in rows}


def decay(memory):
    return memory.post("/lifecycle/decay")["affected"]


def expire(memory):
    return memory.post("/lifecycle/expire")["affected"]


@pytest.fixture
def aged(memory):
    for category in ("identity", "knowledge", "context"):
        put(memory, category, category)
    return memory


def test_importance_fades_by_category(aged, clock):
    assert importance(aged) == {"identity": 1.0, "knowledge": 0.8, "context": 0.5}
    clock.forward(days=2)
    assert decay(aged) == 2
    shown = importance(aged)
    assert shown["identity"] == 1.0
    assert shown["knowledge"] == pytest.approx(0.8 * 0.995**2)
    assert shown["context"] == pytest.approx(0.5 * 0.95**2)


def test_importance_fades_once_for_the_same_time_however_often_it_is_asked(aged, clock):
    clock.forward(days=1)
    assert decay(aged) == 2
    once = importance(aged)
    assert decay(aged) == 0
    assert importance(aged) == once
    for _ in range(9):
        clock.forward(days=1)
        decay(aged)
    assert importance(aged)["context"] == pytest.approx(0.5 * 0.95**10)


def test_a_row_fades_from_when_it_was_written(aged, clock):
    clock.forward(days=10)
    decay(aged)
    put(aged, "late", "context")
    assert decay(aged) == 0
    clock.forward(days=1)
    decay(aged)
    assert importance(aged)["late"] == pytest.approx(0.5 * 0.95)
    assert importance(aged)["context"] == pytest.approx(0.5 * 0.95**11)


def test_a_clock_that_goes_back_raises_nothing(aged, clock):
    clock.forward(days=1)
    decay(aged)
    before = importance(aged)
    clock.forward(days=-3)
    assert decay(aged) == 0
    clock.forward(days=3)
    assert importance(aged) == before


def test_what_was_said_does_not_fade(memory, clock):
    memory.say("the cat sat", "s")
    clock.forward(days=100)
    assert decay(memory) == 0


def test_context_ends_after_a_week_and_stays_in_the_past(aged, clock):
    then = clock.text
    clock.forward(days=6)
    assert expire(aged) == 0
    clock.forward(days=2)
    assert expire(aged) == 1
    assert set(importance(aged)) == {"identity", "knowledge"}
    assert set(importance(aged, asOf=then)) == {"identity", "knowledge", "context"}
    (row,) = aged.history("Ada", "context")
    assert row["validUntil"] == clock.text
    assert all("context: context" not in text for text in aged.recall("Ada context"))
    assert expire(aged) == 0


def test_context_is_counted_from_its_known_time(memory):
    put(memory, "old", "context", observed_at="2020-01-01T00:00:00Z")
    put(memory, "new", "context")
    assert expire(memory) == 1
    assert set(importance(memory)) == {"new"}


def test_an_entity_of_context_ends_with_the_last_that_is_known_of_it(memory, clock):
    put(memory, "mood", "context")
    clock.forward(days=8)
    assert expire(memory) == 2
    assert memory.get("/entities")["entities"] == []
    put(memory, "mood", "context")
    assert importance(memory) == {"mood": 0.5}


def test_rows_whose_validity_lapsed_are_ended(make_memory, clock):
    def read(text):
        until = clock.now.replace(month=2)
        ada = EntityRef("person", "Ada")
        return Statements(
            attributes=(AttributeStatement(ada, "visiting", text, valid_until=until),)
        )

    for memory in make_memory(extractor=read):
        memory.tell("Lyon")
        assert expire(memory) == 0
        clock.forward(days=60)
        assert memory.values("Ada", "visiting") == []
        assert expire(memory) == 1
        assert expire(memory) == 0
        assert memory.values("Ada", "visiting", asOf="2026-01-15T00:00:00Z") == ["Lyon"]


def test_ageing_needs_the_right_to_write(memory):
    memory.engine.add_principal("reader", grants={"memory:read": "/*"})
    reader = memory.acting_for("reader")
    for path in ("/lifecycle/decay", "/lifecycle/expire"):
        assert reader.refused("POST", path)["status"] == 403


def test_ageing_stays_within_the_callers_own_rows(memory, two_users, clock):
    alice, bob = two_users
    put(alice, "mine", "context")
    put(bob, "his", "context")
    put(memory, "shared", "context", scopes=[[ALICE], [BOB]])
    put(memory, "joint", "context", scopes=[[ALICE, "project/x"]])
    put(memory, "everybody", "context", scopes="org/acme")
    clock.forward(days=8)
    untouched = {key: value for key, value in importance(memory).items() if key != "mine"}
    assert decay(alice) >= 1
    assert {k: v for k, v in importance(memory).items() if k != "mine"} == untouched
    assert importance(alice)["mine"] < 0.5
    assert expire(alice) == 2  # the attribute and her entity
    assert set(importance(memory)) == {"his", "shared", "joint", "everybody"}
    clock.forward(days=1)
    assert decay(alice) == 0


def test_ageing_leaves_a_trace_with_a_count_and_no_words(aged, clock):
    clock.forward(days=2)
    response = aged.ask("POST", "/lifecycle/decay")
    trace = aged.get(f"/traces/{response.headers['x-trace-id']}")
    assert trace["rowsTouched"] == 2
    assert trace["queryText"] == ""
    assert aged.get("/traces/stats")["contradiction"]["reconciliations"] == 0


def configure(memory, **config):
    """Change the context's configuration, as an operator does."""
    body = json.dumps({"config": config}).encode()
    response = memory.engine.handle(
        Request("PATCH", "/api/v1/contexts/default", "", {"content-type": "application/json"}, body)
    )
    assert response.status == 200, response.body


def test_what_is_older_than_the_retention_of_the_context_ends(memory, two_users, clock):
    alice, bob = two_users
    configure(memory, retention_days=30)
    then = clock.text
    alice.tell("I live in Lyon.", "a")
    bob.tell("I live in Rome.", "b")
    clock.forward(days=29)
    alice.say("the cat sat", "a")
    assert expire(alice) == 0
    clock.forward(days=1)
    assert expire(alice) >= 2
    assert alice.values("user", "lives_in") == []
    assert alice.contents("a") == ["the cat sat"]
    assert alice.recall("Lyon") == []
    assert alice.values("user", "lives_in", asOf=then) == ["Lyon"]
    assert bob.values("user", "lives_in") == ["Rome"]
    assert bob.contents("b") == ["I live in Rome."]
    assert expire(alice) == 0
