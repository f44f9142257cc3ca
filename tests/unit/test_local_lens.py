"""A lens narrows what the service itself has no lens for: forgetting, entities, sessions."""

from __future__ import annotations

import json

import pytest

ALICE, BOB = "org/acme/user/alice", "org/acme/user/bob"
LOOK_ALIKES = ["org/acme/user/alice2", "org/acme/user/Alice", "org/acme-corp/user/alice"]
SHARED = ["org/acme", "/"]


@pytest.fixture
def house(memory):
    """An administrator's engine in which many owners keep a word of the same kind."""
    for number, scope in enumerate([ALICE, f"{ALICE}/admin", BOB, *LOOK_ALIKES, *SHARED]):
        memory.say(f"address of {scope}", f"s{number}", scopes=scope)
        memory.put("Home", "address", f"street of {scope}", scopes=scope, session_id=f"t{number}")
    return memory


def _owners(memory) -> set[str]:
    hits = memory.query("address", k=50)["hits"]
    return {hit["scopes"][0][0] for hit in hits if hit["source"] == "memory_chunk"}


def _homes(memory, **query) -> set[str]:
    return {value.removeprefix("street of ") for value in memory.values("Home", "address", **query)}


@pytest.mark.parametrize("purge", [False, True])
def test_forgetting_through_a_lens_leaves_every_other_owner_alone(house, purge):
    counted = house.forget("address", lens=ALICE, purge=purge, dryRun=True)
    assert house.forget("address", lens=[[ALICE]], purge=purge) == counted > 0
    left = {BOB, *LOOK_ALIKES, *SHARED}
    assert _owners(house) == left
    assert _homes(house) == left
    assert house.forget("address", lens=ALICE) == 0


def test_forgetting_through_a_lens_of_several_clauses_takes_each(house):
    house.forget("address", lens=[ALICE, BOB])
    assert _owners(house) == {*LOOK_ALIKES, *SHARED}


def test_forgetting_through_a_lens_of_one_clause_needs_all_of_it(memory):
    memory.say("address in both", "a", scopes=[[ALICE, "project/x"]])
    memory.say("address in one", "b", scopes=ALICE)
    assert memory.forget("address", lens=[[ALICE, "project/x"]]) == 1
    assert memory.recall("address") == ["address in one"]


def test_a_lens_never_widens_what_a_caller_may_forget(two_users):
    alice, bob = two_users
    bob.say("address of bob", "b")
    for lens in (BOB, "org/acme", "org/acme/*", "/", "/*"):
        assert alice.forget("address", lens=lens) == 0
    assert bob.recall("address") == ["address of bob"]


@pytest.mark.parametrize("lens", ["", [], [[]], [""], " ", {}, 5, "a/*/b", "a//b"])
def test_a_blank_or_malformed_lens_forgets_nothing(memory, lens):
    memory.say("address")
    assert memory.refused("POST", "/forget", {"query": "address", "lens": lens})["status"] == 400
    assert memory.recall("address") == ["address"]


def test_the_older_names_of_a_lens_narrow_as_well(house):
    assert house.forget("address", scopes=ALICE, dryRun=True) == house.forget(
        "address", lens=ALICE, dryRun=True
    )


def test_an_entity_shows_through_a_lens_what_recall_would_show(house):
    assert _homes(house, lens=json.dumps([[BOB]])) == {BOB, *SHARED}
    assert _homes(house, lens=BOB) == {BOB, *SHARED}
    assert _homes(house, lens=f"{BOB}/*") == {BOB}
    assert len(house.history("Home", "address", lens=f"{BOB}/*")) == 1


def test_an_entity_outside_a_lens_is_absent(memory):
    memory.put("Bea", "home", "Lyon", scopes=BOB)
    path = "/entities/person/bea"
    assert memory.refused("GET", path, lens=json.dumps([[ALICE]]))["status"] == 404
    assert memory.get("/entities", lens=ALICE)["entities"] == []
    assert memory.history("Bea", "home", lens=ALICE) == []
    memory.delete(path, lens=ALICE)
    assert memory.values("Bea", "home") == ["Lyon"]


def test_deleting_an_entity_through_a_lens_leaves_the_shared_and_the_others(house):
    house.delete("/entities/person/home", lens=json.dumps([[ALICE]]))
    assert _homes(house) == {BOB, *LOOK_ALIKES, *SHARED}


@pytest.mark.parametrize("lens", ["", "[]", "[[]]", "[", '{"a":1}', "[5]", "[" * 100_000, '"'])
def test_a_lens_that_cannot_be_read_is_refused_as_a_parameter(memory, lens):
    memory.put("Bea", "home", "Lyon")
    for method in ("GET", "DELETE"):
        assert memory.refused(method, "/entities/person/bea", lens=lens)["status"] == 400
    assert memory.values("Bea", "home") == ["Lyon"]


def test_sessions_are_listed_through_a_lens(memory):
    for name, scope in (("a", ALICE), ("b", BOB), ("c", "org/acme")):
        memory.say("hello", name, scopes=scope)
    shown = memory.get("/sessions", lens=json.dumps([[ALICE]]))["sessions"]
    assert [session["id"] for session in shown] == ["a", "c"]
