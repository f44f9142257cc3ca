"""Nobody sees another's memory: every route is tried against two users of one organisation."""

from __future__ import annotations

import json

import pytest

from spectron_adapters.local.exchange import Request
from spectron_adapters.local.extraction.statements import Statements

ALICE, BOB = "org/acme/user/alice", "org/acme/user/bob"
SECRET = "tungsten"


@pytest.fixture
def bobs_secret(two_users):
    """Alice, who looks for what Bob keeps."""
    alice, bob = two_users
    bob.say(f"my {SECRET} is here", "bobs-session")
    bob.put("Wolfram", "metal", SECRET, session_id="bobs-session")
    bob.relate("Wolfram", "hides", "Tungstenia")
    return alice


def test_what_is_said_is_read_by_its_owner(two_users):
    alice, bob = two_users
    bob.say(f"my {SECRET} is here", "b")
    assert bob.recall(SECRET) == [f"my {SECRET} is here"]
    assert bob.query(SECRET)["hits"][0]["scopes"] == [[BOB]]
    assert alice.recall(SECRET) == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/query", {"query": SECRET}),
        ("POST", "/query", {"query": SECRET, "lens": BOB}),
        ("POST", "/query", {"query": SECRET, "lens": "/*"}),
        ("POST", "/query", {"query": SECRET, "lens": "/"}),
        ("POST", "/query", {"query": SECRET, "lens": "org/acme"}),
        ("POST", "/query", {"query": SECRET, "scopeView": "crossTeam"}),
        ("POST", "/query", {"query": SECRET, "scopeView": "merged", "includeDuplicates": True}),
        ("POST", "/query", {"query": SECRET, "sessionId": "bobs-session"}),
        ("POST", "/query", {"query": SECRET, "asOf": "2030-01-01T00:00:00Z"}),
        ("POST", "/query", {"query": SECRET, "atInstant": "2030-01-01T00:00:00Z"}),
        ("POST", "/query", {"query": "Wolfram metal", "mode": "bm25"}),
        ("POST", "/context", {"query": SECRET}),
        ("POST", "/context", {"query": ""}),
        ("GET", "/sessions", None),
        ("GET", "/entities", None),
        ("GET", "/entities/person/wolfram/history/metal", None),
        ("GET", "/scopes", None),
        ("GET", "/me", None),
    ],
)
def test_a_read_shows_nothing_of_another_user(bobs_secret, method, path, body):
    response = bobs_secret.ask(method, path, body)
    assert response.status == 200
    shown = response.body.decode().casefold()
    asked = json.dumps(body or "").casefold()
    for word in (SECRET, "wolfram", "tungstenia", "bobs-session", "user/bob"):
        assert word not in shown or word in asked
    answer = json.loads(response.body)
    if path == "/query":
        assert answer["hits"] == answer["seedEntities"] == []
        assert answer["trace"]["retrievedCount"] == 0
        assert answer["trace"]["topScores"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/sessions/{}", None),
        ("GET", "/sessions/{}/turns", None),
        ("POST", "/sessions/{}/context", {"query": SECRET}),
        ("DELETE", "/sessions/{}", None),
    ],
)
def test_anothers_session_and_one_that_never_was_look_the_same(bobs_secret, method, path, body):
    real = bobs_secret.refused(method, path.format("bobs-session"), body)
    never = bobs_secret.refused(method, path.format("never"), body)
    assert real["status"] == never["status"] == 404
    assert real["detail"].replace("bobs-session", "never") == never["detail"]


def test_anothers_entity_and_one_that_never_was_look_the_same(bobs_secret):
    real = bobs_secret.refused("GET", "/entities/person/wolfram")
    never = bobs_secret.refused("GET", "/entities/person/nobody")
    assert real["detail"].replace("wolfram", "nobody") == never["detail"]


def test_writing_into_anothers_session_or_scope_is_refused(bobs_secret):
    pinned = {"text": "x", "infer": "none", "session_id": "bobs-session"}
    assert bobs_secret.refused("POST", "/facts", pinned)["status"] == 403
    for scopes in (BOB, [[ALICE, BOB]], [[ALICE], [BOB]], "org/acme", "/", f"{ALICE}x"):
        problem = bobs_secret.refused(
            "POST", "/facts", {"text": "x", "infer": "none", "scopes": scopes}
        )
        assert problem["status"] == 403
        created = bobs_secret.refused("POST", "/sessions", {"scopes": scopes})
        assert created["status"] == 403


def test_forgetting_and_deleting_reach_only_ones_own(memory, bobs_secret):
    for purge in (False, True):
        assert bobs_secret.forget(SECRET, purge=purge) == 0
        assert bobs_secret.forget(SECRET, purge=purge, dryRun=True) == 0
    bobs_secret.delete("/entities/person/wolfram")
    assert bobs_secret.refused("POST", "/scopes/forget", {"path": BOB})["status"] == 403
    assert bobs_secret.refused("POST", "/scopes/forget", {"path": "org/acme"})["status"] == 403
    assert len(memory.acting_for("bob").recall(SECRET)) == 2
    assert memory.acting_for("bob").values("wolfram", "metal") == [SECRET]


def test_what_a_rehearsal_saw_is_not_remembered_for_other_scopes(memory):
    """A rolled back write hands the ids of its scope sets to the next ones."""
    memory.engine.add_principal(
        "alice", grants={"memory:read": "user/alice", "memory:write": ["user/alice", "user/bob"]}
    )
    alice = memory.acting_for("alice")
    alice.say("mine", scopes="user/alice")
    body = {"text": "I live in Lyon.", "infer": "preview", "scopes": [["user/alice"], ["user/x"]]}
    memory.acting_for("alice").ask("POST", "/facts", body)
    memory.post("/facts", body)
    memory.say("note of bob", "b", scopes="user/bob")
    assert alice.recall("note mine") == ["mine"]


def test_scopes_that_look_alike_are_different(memory):
    for scope in ("user/al", "user/alice", "user/Alice", "user/alice/x", "user/\u0430lice"):
        memory.say(f"note of {scope}", scopes=scope)
    memory.engine.add_principal("node", grants={"memory:read": "user/alice"})
    memory.engine.add_principal("tree", grants={"memory:read": "user/alice/*"})
    assert memory.acting_for("node").recall("note") == ["note of user/alice"]
    seen = set(memory.acting_for("tree").recall("note"))
    assert seen == {"note of user/alice", "note of user/alice/x"}


def test_percent_and_underscore_are_no_wildcards(memory):
    memory.say("note of one", scopes="user/a_b")
    memory.say("note of two", scopes="user/axb")
    memory.engine.add_principal("under", grants={"memory:read": "user/a_b/*"})
    assert memory.acting_for("under").recall("note") == ["note of one"]


def test_all_paths_of_a_clause_are_needed(memory):
    memory.say("joint note", scopes=[["org/acme", "user/alice"]])
    memory.engine.add_principal("acme", grants={"memory:read": "org/acme"})
    memory.engine.add_principal("both", grants={"memory:read": ["org/acme", "user/alice"]})
    assert memory.acting_for("acme").recall("joint") == []
    assert memory.acting_for("both").recall("joint") == ["joint note"]


def test_a_hit_tells_only_the_clauses_that_the_caller_may_see(memory, two_users):
    alice, _ = two_users
    memory.say("shared note", "shared", scopes=[[ALICE], [BOB]])
    (hit,) = alice.query("shared")["hits"]
    assert hit["scopes"] == [[ALICE]]
    (session,) = alice.get("/sessions")["sessions"]
    assert session["scopes"] == [[ALICE]]


def test_turns_of_another_scope_inside_a_shared_session_stay_hidden(memory, two_users):
    alice, _ = two_users
    memory.say("for both", "shared", scopes=[[ALICE], [BOB]])
    memory.say("for bob", "shared", scopes=BOB)
    memory.say("for both again", "shared")
    assert alice.contents("shared") == ["for both", "for both again"]
    assert alice.contents("shared", order="desc", limit=1) == ["for both again"]
    assert alice.contents("shared", offset=1) == ["for both again"]
    assert "for bob" not in alice.post("/sessions/shared/context", {"query": "for"})["context"]


def test_an_entity_that_two_users_know_is_two_entities(two_users):
    alice, bob = two_users
    alice.put("Carol", "phone", "111", observed_at="2020-01-01T00:00:00Z")
    bob.put("CAROL", "phone", "222", memory_category="identity")
    shown = alice.get("/entities/person/carol")
    assert shown["entity"]["name"] == "Carol"
    assert shown["entity"]["updatedAt"] == "2020-01-01T00:00:00Z"
    assert shown["entity"]["memoryCategory"] == "knowledge"
    assert [item["value"] for item in shown["attributes"]] == ["111"]
    assert bob.get("/entities/person/carol")["entity"]["name"] == "CAROL"
    alice.delete("/entities/person/carol")
    assert bob.values("Carol", "phone") == ["222"]


def test_known_names_of_one_user_do_not_reach_the_extractor_of_another(make_memory):
    seen = []

    class Spy:
        def extract(self, utterances, known):
            seen.append([entity.name for entity in known.entities])
            return Statements()

    for memory in make_memory(extractor=Spy()):
        memory.put("Wolfram", "metal", SECRET, scopes=BOB)
        memory.put("Ada", "home", "Lyon", scopes=ALICE)
        memory.tell("hello", "a", scopes=ALICE)
        memory.tell("hello", "b", scopes=BOB)
        assert seen == [["Ada"], ["Wolfram"]]


def test_a_lens_never_widens(two_users):
    alice, bob = two_users
    alice.say("note of alice", "a")
    bob.say("note of bob", "b")
    for lens in (None, "/", "/*", "org/acme/*", "org", ALICE, [[ALICE], [BOB]]):
        assert alice.recall("note", lens=lens) == ["note of alice"]
    assert alice.recall("note", lens=BOB) == []
    assert alice.recall("note", lens=[[ALICE, BOB]]) == []
    assert alice.recall("note", lens="org/beta") == []


def test_organisation_wide_facts_reach_a_users_lens_and_other_users_do_not(memory):
    memory.say("note for all", scopes="org/acme")
    memory.say("note of alice", "a", scopes=ALICE)
    memory.say("note of bob", "b", scopes=BOB)
    assert set(memory.recall("note", lens=ALICE)) == {"note for all", "note of alice"}
    assert memory.recall("note", lens=f"{ALICE}/*") == ["note of alice"]
    assert len(memory.recall("note", lens="org/acme")) == 3
    assert len(memory.recall("note")) == 3


def test_a_blank_lens_is_refused_and_never_means_everything(memory):
    for lens in ("", [], [""], [[]], [[""]], "  "):
        assert memory.refused("POST", "/query", {"query": "x", "lens": lens})["status"] == 400


def test_an_idempotency_key_belongs_to_its_caller(two_users):
    alice, bob = two_users
    body = {"text": "note", "infer": "none"}
    first = alice.post("/facts", body, idempotency_key="k")
    second = bob.post("/facts", body, idempotency_key="k")
    assert first["turnId"] != second["turnId"]
    assert len(bob.recall("note")) == 1


def test_scores_do_not_depend_on_what_others_wrote(two_users):
    alice, bob = two_users
    for text in ("the cat sat", "the dog ran", "a bird flew over the house"):
        alice.say(text, "a")
    before = alice.query("cat")["hits"]
    for number in range(40):
        bob.say(f"cat cat cat {number}", "b")
    assert [hit["score"] for hit in alice.query("cat")["hits"]] == [hit["score"] for hit in before]


def test_a_principal_without_grants_reads_nothing_and_writes_nothing(memory):
    memory.say("note")
    memory.engine.add_principal("nobody", grants={})
    nobody = memory.acting_for("nobody")
    assert nobody.recall("note") == []
    assert nobody.get("/sessions")["sessions"] == []
    assert nobody.get("/scopes") == []
    assert nobody.refused("POST", "/facts", {"text": "x", "infer": "none"})["status"] == 403
    assert nobody.refused("POST", "/forget", {"query": "note"})["status"] == 403
    assert nobody.refused("POST", "/scopes", {"path": "x"})["status"] == 403
    assert nobody.refused("DELETE", "/entities/person/x")["status"] == 403


def test_acting_for_somebody_unknown_is_refused(memory):
    stranger = memory.acting_for("stranger")
    assert stranger.refused("POST", "/query", {"query": "x"})["status"] == 403
    assert memory.acting_for(" ").refused("GET", "/me")["status"] == 400
    memory.engine.add_principal("alice", grants={"memory:read": "user/alice"})
    for header in ("x-memory-on-behalf-of", "x-agent-memory-on-behalf-of"):
        named = memory.ask("GET", "/me", headers={header: "principal:alice"})
        assert json.loads(named.body)["delegatedPrincipalId"] == "principal:alice"


def test_rows_without_clauses_are_nobodys(memory):
    memory.say("orphaned note", scopes=ALICE)
    memory.put("Ada", "home", "Lyon", scopes=ALICE)
    with memory.engine._database.write() as connection:
        connection.execute("UPDATE scope_set SET canonical = '[]'")
        connection.execute("DELETE FROM scope_set_path")
    memory.say("another note", "other", scopes=BOB)
    assert memory.recall("note") == ["another note"]
    assert memory.recall("Ada home") == []
    assert memory.get("/entities")["entities"] == []
    assert memory.post("/context", {"query": "orphaned"})["context"] == ""
    assert memory.forget("orphaned note", purge=True) == 0
    session = {"text": "x", "infer": "none", "session_id": "s"}
    assert memory.refused("POST", "/facts", session)["status"] == 403


def test_writes_without_scopes_go_to_the_default_region(memory, two_users):
    alice, _ = two_users
    session = alice.say("note", session=None)["sessionId"]
    assert alice.get(f"/sessions/{session}")["scopes"] == [[ALICE]]
    session = memory.say("note", session=None)["sessionId"]
    assert memory.get(f"/sessions/{session}")["scopes"] == [["/"]]


def test_a_scope_must_be_registered_unless_the_operator_registers_it(make_memory):
    for memory in make_memory(auto_register_scopes=False):
        body = {"text": "x", "infer": "none", "scopes": "org/acme"}
        problem = memory.refused("POST", "/facts", body)
        assert problem["status"] == 422
        assert "org/acme" in problem["detail"]
        memory.post("/scopes", {"path": "/org/acme", "displayName": "Acme"})
        memory.post("/facts", body)
        assert [node["path"] for node in memory.get("/scopes")] == ["org/", "org/acme/"]
        memory.delete("/scopes", path="org/acme")
        assert memory.refused("POST", "/facts", body)["status"] == 422
        assert len(memory.recall("x")) == 1
        assert memory.get("/scopes")[1]["tombstonedAt"]
        node = memory.post("/scopes", {"path": "org/acme"})
        assert node["displayName"] == "Acme"
        assert "tombstonedAt" not in node
        memory.post("/facts", body)


def test_a_scope_pattern_cannot_be_registered(memory):
    for path in ("org/*", "*", "a//b", "", "org/{user}"):
        assert memory.refused("POST", "/scopes", {"path": path})["status"] == 400


def test_another_context_is_another_world(memory):
    memory.say("note")
    response = memory.engine.handle(Request("GET", "/api/v1/other/sessions"))
    assert response.status == 401


def test_who_may_write_but_not_read_is_told_nothing_of_what_was_there(memory):
    memory.engine.add_principal("clerk", grants={"memory:write": "org/acme"})
    clerk = memory.acting_for("clerk")
    memory.tell("I live in Paris", "a", scopes="org/acme")
    for infer in ("preview", "full"):
        for text in ("I live in Paris", "I live in Rome"):
            told = clerk.tell(text, "b", scopes="org/acme", infer=infer)["extraction"]
            assert {name: value for name, value in told.items() if value and name != "turnId"} == {}
    assert memory.values("user", "lives_in") == ["Rome"]
