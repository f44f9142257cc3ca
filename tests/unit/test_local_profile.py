"""The profile: identity, preferences and context of what the caller may read."""

from __future__ import annotations

import pytest

from spectron_adapters.local.extraction.statements import (
    AttributeStatement,
    EntityRef,
    Statements,
)

ALICE, BOB = "org/acme/user/alice", "org/acme/user/bob"


def pairs(entries):
    return {(entry["key"], entry["value"]) for entry in entries}


@pytest.fixture
def scripted(make_memory):
    """Reads `category key=value` as said of the user, not curated."""

    def read(text):
        category, _, rest = text.partition(" ")
        key, _, value = rest.partition("=")
        user = EntityRef("person", "user")
        return Statements(attributes=(AttributeStatement(user, key, value, category),))

    yield from make_memory(extractor=read)


def test_what_was_said_stands_under_its_category(scripted):
    scripted.tell("identity name=Ada")
    scripted.tell("knowledge likes=tea")
    scripted.tell("context mood=fine")
    shown = scripted.get("/profile")
    assert pairs(shown["static"]) == {("name", "Ada")}
    assert pairs(shown["preferences"]) == {("likes", "tea")}
    assert pairs(shown["dynamic"]) == {("mood", "fine")}
    assert pairs(shown["selfFacts"]) == {("name", "Ada"), ("likes", "tea"), ("mood", "fine")}
    assert shown["instructions"] == []


def test_what_was_curated_is_static_whatever_its_category(memory):
    entity = {"type": "person", "name": "Ada"}
    triple = {"entity": entity, "key": "mood", "value": "fine", "memory_category": "context"}
    memory.post("/facts", {"infer": "triples", "triples": [triple]})
    memory.relate("Ada", "knows", "Bob")
    shown = memory.get("/profile")
    assert pairs(shown["static"]) == {("mood", "fine"), ("knows", "Bob")}
    assert shown["preferences"] == shown["dynamic"] == []
    assert {entry["entity"] for entry in shown["static"]} == {"entity:person/ada"}


def test_only_live_facts_count_and_the_most_important_come_first(scripted):
    scripted.tell("knowledge likes=tea")
    scripted.clock.forward(days=1)
    scripted.tell("knowledge likes=coffee")
    scripted.tell("knowledge plays=chess")
    for _ in range(3):
        scripted.recall("plays chess")
    scripted.tell("context mood=fine")
    shown = scripted.get("/profile")["preferences"]
    assert [(entry["key"], entry["value"]) for entry in shown] == [
        ("plays", "chess"),
        ("likes", "coffee"),
    ]


def test_standing_orders_are_part_of_it(memory):
    memory.tell("Always answer in French.", "s")
    (order,) = memory.get("/profile")["instructions"]
    assert set(order) == {"id", "label", "description"}


def test_the_same_fact_of_several_scopes_is_told_once(memory):
    memory.put("Ada", "home", "Lyon", scopes="team/a")
    memory.put("Ada", "home", "Lyon", scopes="team/b")
    assert len(memory.get("/profile")["static"]) == 1
    assert memory.get("/profile", lens="team/c")["static"] == []
    assert memory.refused("GET", "/profile", lens="")["status"] == 400


def test_facts_about_the_caller_are_told_apart(two_users):
    alice, _ = two_users
    alice.put("Alice", "home", "Lyon")
    alice.put("Carol", "home", "Rome")
    shown = alice.get("/profile")
    assert pairs(shown["selfFacts"]) == {("home", "Lyon")}
    assert pairs(shown["static"]) == {("home", "Lyon"), ("home", "Rome")}


def test_nobody_sees_another_users_profile(two_users):
    alice, bob = two_users
    alice.put("Alice", "home", "Lyon")
    before = alice.ask("GET", "/profile").body
    bob.put("Wolfram", "metal", "tungsten")
    bob.put("Alice", "debt", "tungsten")
    bob.relate("Alice", "owes", "Tungstenia")
    bob.tell("I live in Tungstenia.", "b")
    bob.tell("Always answer in tungsten.", "b")
    assert alice.ask("GET", "/profile").body == before
    for lens in (BOB, "/*", "org/acme"):
        assert "ungsten" not in alice.ask("GET", "/profile", lens=lens).body.decode()


def test_how_another_user_writes_a_name_does_not_show(memory, two_users):
    alice, bob = two_users
    alice.relate("Alice", "knows", "carol")
    bob.put("CAROL THE GREAT", "age", "7")
    bob.put("CaRoL", "age", "7")
    assert pairs(alice.get("/profile")["static"]) == {("knows", "carol")}


def test_who_may_read_nothing_has_an_empty_profile(memory):
    memory.put("user", "home", "Lyon")
    memory.engine.add_principal("nobody", grants={})
    shown = memory.acting_for("nobody").get("/profile")
    assert shown["static"] == shown["selfFacts"] == shown["instructions"] == []
