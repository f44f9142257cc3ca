"""Looking up one thing by its reference, in every spelling, at every time, by everybody."""

from __future__ import annotations

import json
import time

import pytest

SECRET = "tungsten"


@pytest.fixture
def known(memory, clock):
    """Ada moved once and knows two people."""
    memory.put("Ada", "home", "Lyon", observed_at="2020-01-01T00:00:00Z")
    memory.put("Ada", "home", "Paris", observed_at="2022-01-01T00:00:00Z")
    memory.relate("Ada", "knows", "Bob")
    memory.relate("Ada", "knows", "Eve")
    return memory


def look(memory, ref, **query):
    return memory.get("/inspect", ref=ref, **query)


def test_an_entity_shows_its_facts(known):
    shown = look(known, "entity:person/Ada")
    assert shown["kind"] == "entity"
    assert shown["entity"]["id"] == "entity:person/ada"
    assert [row["value"] for row in shown["attributes"]] == ["Paris"]
    assert len(shown["relations"]) == 2


def test_an_attribute_shows_its_current_value_and_its_history_newest_first(known):
    shown = look(known, "attribute:person/ada/home")
    assert shown["kind"] == "attribute"
    assert shown["current"]["value"] == "Paris"
    assert [row["value"] for row in shown["history"]] == ["Paris", "Lyon"]
    assert shown["history"][1]["supersededBy"] == shown["current"]["id"]


def test_an_attribute_whose_last_value_ended_has_a_history_only(known, clock):
    clock.forward(days=1)
    known.delete("/entities/person/ada")
    shown = look(known, "attribute:person/ada/home")
    assert "current" not in shown
    assert len(shown["history"]) == 2


@pytest.mark.parametrize(
    "ref",
    [
        "relation:person/ada/knows/person/bob",
        "relation:entity:person/ada/knows/entity:person/bob",
        "relation:person/ada-[knows]->person/bob",
        "relation:entity:person/Ada-[knows]->entity:person/Bob",
    ],
)
def test_a_relation_is_found_in_either_spelling(known, ref):
    shown = look(known, ref)
    assert shown["kind"] == "relation"
    (match,) = shown["matches"]
    assert (match["subject"], match["label"], match["object"]) == (
        "entity:person/ada",
        "knows",
        "entity:person/bob",
    )


def test_a_relation_that_is_not_there_has_no_matches(known):
    assert look(known, "relation:person/ada/hates/person/bob")["matches"] == []
    assert look(known, "relation:person/zoe/knows/person/bob")["matches"] == []


def test_names_may_hold_slashes_and_keys_when_encoded(memory):
    memory.put("Ada/Grace", "price/kg", "3")
    memory.relate("Ada/Grace", "knows", "Bob/Eve")
    assert look(memory, "entity:person/Ada/Grace")["entity"]["name"] == "Ada/Grace"
    assert look(memory, "entity:person/Ada%2FGrace")["entity"]["name"] == "Ada/Grace"
    assert look(memory, "attribute:person/Ada/Grace/price%2Fkg")["current"]["value"] == "3"
    assert len(look(memory, "relation:person/Ada/Grace/knows/person/Bob/Eve")["matches"]) == 1


def test_references_are_read_at_the_time_asked_for(known):
    then = {"asOf": "2021-01-01T00:00:00Z"}
    assert look(known, "entity:person/ada", **then)["attributes"][0]["value"] == "Lyon"
    shown = look(known, "attribute:person/ada/home", **then)
    assert shown["current"]["value"] == "Lyon"
    assert [row["value"] for row in shown["history"]] == ["Lyon"]
    assert look(known, "relation:person/ada/knows/person/bob", **then)["matches"] == []
    valid = {"atInstant": "2021-01-01T00:00:00Z"}
    assert look(known, "attribute:person/ada/home", **valid)["current"]["value"] == "Lyon"
    early = {"asOf": "2019-01-01T00:00:00Z"}
    assert known.refused("GET", "/inspect", ref="entity:person/ada", **early)["status"] == 404


def test_a_trace_is_found_by_its_reference_at_once(known):
    trace_id = known.query("Ada")["trace"]["traceId"]
    shown = look(known, f"trace:{trace_id}")
    assert shown["kind"] == "trace"
    assert shown["trace"]["queryText"] == "Ada"


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "entity",
        "entity:",
        "entity: ",
        ":person/ada",
        "entity:ada",
        "entity:/ada",
        "entity:person/",
        "entity:person/???",
        "attribute:person/ada",
        "relation:person/ada/knows/person",
        "relation:ada-[knows]->bob",
        "relation:" + "/".join("abcdefghij" * 20),
        "entity:person/" + "x" * 5000,
    ],
)
def test_a_malformed_reference_is_refused(known, ref):
    assert known.refused("GET", "/inspect", ref=ref)["status"] == 400


def test_a_missing_reference_is_refused(known):
    assert "ref" in known.refused("GET", "/inspect")["detail"]


def test_kinds_that_nobody_knows_are_not_implemented(known):
    problem = known.refused("GET", "/inspect", ref="planet:mars")
    assert problem["status"] == 501
    assert "planet" in problem["detail"]


@pytest.mark.parametrize(
    "ref",
    ["entity:person/nobody", "attribute:person/ada/never", "trace:never", "document:never"],
)
def test_what_does_not_exist_is_not_found(known, ref):
    assert known.refused("GET", "/inspect", ref=ref)["status"] == 404


@pytest.mark.parametrize("lens", [None, "org/acme/user/bob", "/*", "org/acme"])
def test_nothing_of_another_user_is_shown(two_users, lens):
    alice, bob = two_users
    bob.put("Wolfram", "metal", SECRET)
    bob.relate("Wolfram", "hides", "Tungstenia")
    trace = bob.query(SECRET)["trace"]["traceId"]
    query = {} if lens is None else {"lens": lens}
    for ref in ("entity:person/wolfram", "attribute:person/wolfram/metal", f"trace:{trace}"):
        real = alice.ask("GET", "/inspect", ref=ref, **query)
        never = alice.ask("GET", "/inspect", ref=ref[:-1] + "x", **query)
        assert real.status == never.status == 404
        told, silent = json.loads(real.body)["detail"], json.loads(never.body)["detail"]
        place, other = ref.partition(":")[2], (ref[:-1] + "x").partition(":")[2]
        assert told.replace(place, other) == silent
    for ref in (
        "relation:person/wolfram/hides/person/tungstenia",
        "relation:person/wolfram-[hides]->person/tungstenia",
    ):
        assert look(alice, ref, **query) == {"kind": "relation", "matches": []}


def test_of_a_shared_entity_each_user_sees_his_own_history(two_users):
    alice, bob = two_users
    alice.put("Carol", "phone", "111")
    bob.put("Carol", "phone", "222")
    bob.put("Carol", "phone", "333")
    shown = look(alice, "attribute:person/carol/phone")
    assert [row["value"] for row in shown["history"]] == ["111"]
    assert shown["current"]["value"] == "111"


def test_a_lens_narrows_what_is_inspected(memory):
    memory.put("Ada", "home", "Lyon", scopes="team/a")
    memory.put("Ada", "home", "Paris", scopes="team/b")
    shown = look(memory, "attribute:person/ada/home", lens="team/a")
    assert [row["value"] for row in shown["history"]] == ["Lyon"]
    problem = memory.refused("GET", "/inspect", ref="entity:person/ada", lens="team/c")
    assert problem["status"] == 404


@pytest.fixture
def uploaded(two_users):
    """Alice, who uploaded a document and waited for it, Bob, and the document's id."""
    alice, bob = two_users
    form = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="sea.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\nThe house stands by the sea.\r\n--x--\r\n"
    )
    headers = {"content-type": "multipart/form-data; boundary=x"}
    stored = json.loads(alice.ask("POST", "/documents", headers=headers, raw=form).body)
    deadline = time.monotonic() + 20
    while look(alice, stored["id"])["document"]["status"] not in ("ready", "failed"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return alice, bob, stored["id"]


def test_documents_and_their_passages_are_found_by_reference(uploaded):
    alice, _, name = uploaded
    shown = look(alice, name)
    assert shown["kind"] == "document"
    assert shown["document"]["status"] == "ready"
    key = name.partition(":")[2]
    passage = look(alice, f"passage:{key}/0")
    assert passage["kind"] == "passage"
    assert passage["passage"]["text"] == "The house stands by the sea."
    assert alice.refused("GET", "/inspect", ref=f"passage:{key}/1")["status"] == 404
    assert alice.refused("GET", "/inspect", ref=f"passage:{key}/{'9' * 40}")["status"] == 404
    for ref in (f"passage:{key}", f"passage:{key}/x", f"passage:{key}/-1", "passage:/0"):
        assert alice.refused("GET", "/inspect", ref=ref)["status"] == 400


def test_documents_of_another_user_look_like_none(uploaded):
    _, bob, name = uploaded
    key = name.partition(":")[2]
    for ref, other in (
        (f"document:{key}", "document:never"),
        (f"passage:{key}/0", "passage:never/0"),
    ):
        real = bob.refused("GET", "/inspect", ref=ref)
        never = bob.refused("GET", "/inspect", ref=other)
        assert real["status"] == never["status"] == 404
        assert real["detail"].replace(key, "never") == never["detail"]
