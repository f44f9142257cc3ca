"""The state of working memory: live rows by category, for whoever may read them."""

from __future__ import annotations

import json

import pytest

from spectron_adapters.local.knowledge import state

ALICE, BOB = "org/acme/user/alice", "org/acme/user/bob"


def put(memory, key, value, category):
    """Remember one curated attribute of Ada in a category."""
    entity = {"type": "person", "name": "Ada"}
    triple = {"entity": entity, "key": key, "value": value, "memory_category": category}
    memory.post("/facts", {"infer": "triples", "triples": [triple]})


def values(shown, category):
    return [row["value"] for row in shown[category]["attributes"]]


def test_live_rows_stand_under_their_category(memory):
    put(memory, "name", "Ada", "identity")
    put(memory, "likes", "tea", "knowledge")
    put(memory, "mood", "fine", "context")
    memory.relate("Ada", "knows", "Bob")
    shown = memory.get("/state")
    assert values(shown, "identity") == ["Ada"]
    assert values(shown, "knowledge") == ["tea"]
    assert values(shown, "context") == ["fine"]
    assert [row["object"] for row in shown["knowledge"]["relations"]] == ["entity:person/bob"]
    entities = [row["id"] for part in shown.values() if isinstance(part, dict)
                for row in part["entities"]]  # fmt: skip
    assert sorted(entities) == ["entity:person/ada", "entity:person/bob"]
    assert set(shown) == {"identity", "knowledge", "context", "instructions", "unknowns"}


def test_superseded_and_forgotten_rows_are_not_live(memory):
    memory.put("Ada", "home", "Lyon")
    memory.clock.forward(days=1)
    memory.put("Ada", "home", "Paris")
    memory.put("Eve", "home", "Rome")
    memory.forget("Eve home Rome")
    assert values(memory.get("/state"), "knowledge") == ["Paris"]


def test_orders_and_open_questions_are_part_of_it(memory):
    memory.tell("Always answer in French.", "s")
    memory.tell("I live in Lyon.", "s")
    entity = {"type": "person", "name": "user"}
    triple = {"entity": entity, "key": "lives_in", "value": "Rome"}
    memory.post("/facts", {"infer": "triples", "triples": [triple]})
    shown = memory.get("/state")
    (order,) = shown["instructions"]
    assert order["id"].startswith("instruction:")
    assert order["label"]
    assert "French" in order["description"]
    (unknown,) = shown["unknowns"]
    assert "lives_in" in unknown["about"]
    assert "curated" in unknown["reason"]
    assert unknown["resolved"] is False


def test_it_may_be_posted(memory):
    memory.put("Ada", "home", "Lyon")
    assert memory.post("/state") == memory.post("/state", {}) == memory.get("/state")


def test_one_entity_of_several_scopes_is_told_once(memory):
    memory.put("Ada", "home", "Lyon", scopes="team/a")
    memory.put("ADA", "phone", "1", scopes="team/b")
    entities = memory.get("/state")["knowledge"]["entities"]
    assert [entity["id"] for entity in entities] == ["entity:person/ada"]
    assert values(memory.get("/state", lens="team/a"), "knowledge") == ["Lyon"]
    assert values(memory.post("/state", {"lens": "team/b"}), "knowledge") == ["1"]
    assert values(memory.get("/state", lens="team/c"), "knowledge") == []


def test_a_blank_lens_is_refused(memory):
    assert memory.refused("GET", "/state", lens="")["status"] == 400
    assert memory.refused("POST", "/state", {"lens": []})["status"] == 400


def test_nobody_sees_another_users_state(two_users, memory):
    alice, bob = two_users
    before = alice.ask("GET", "/state").body
    bob.put("Wolfram", "metal", "tungsten")
    bob.tell("Always answer in tungsten.", "b")
    bob.tell("I live in Lyon.", "b")
    bob.put("user", "lives_in", "Rome")
    assert alice.ask("GET", "/state").body == before
    for lens in (BOB, "/*", "org/acme"):
        shown = alice.ask("GET", "/state", lens=lens).body.decode()
        assert "ungsten" not in shown
        assert "Lyon" not in shown
    alice.put("Wolfram", "age", "7")
    shown = alice.get("/state")
    assert values(shown, "knowledge") == ["7"]
    assert shown["unknowns"] == shown["instructions"] == []


def test_organisation_rows_are_part_of_a_members_state(memory):
    memory.put("Acme", "motto", "onward", scopes="org/acme")
    memory.put("Bob", "pin", "0000", scopes=BOB)
    memory.engine.add_principal("alice", grants={"memory:read": ["org/acme", f"{ALICE}/*"]})
    assert values(memory.acting_for("alice").get("/state"), "knowledge") == ["onward"]


def test_who_may_read_nothing_sees_nothing(memory):
    memory.put("Ada", "home", "Lyon")
    memory.engine.add_principal("nobody", grants={})
    shown = memory.acting_for("nobody").get("/state")
    empty = {"entities": [], "attributes": [], "relations": []}
    assert shown["identity"] == shown["knowledge"] == shown["context"] == empty


def test_a_large_state_is_cut_and_says_so(memory, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(state, "STATE_MAX", 3)
    for number in range(5):
        memory.put("Ada", f"key{number}", "x")
    shown = json.loads(memory.ask("GET", "/state").body)
    assert [row["key"] for row in shown["knowledge"]["attributes"]] == ["key2", "key3", "key4"]
    assert shown["truncated"] is True
