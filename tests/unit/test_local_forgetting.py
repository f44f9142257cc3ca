"""Forgotten means forgotten: what goes, what stays, and what is left on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

ALICE = "org/acme/user/alice"


def raw_bytes(path: Path) -> bytes:
    """Everything that the database keeps on disk, log included."""
    return b"".join(file.read_bytes() for file in path.parent.iterdir() if file.is_file())


@pytest.fixture
def filled(memory):
    memory.tell("I live in Lyon.", "s", observed_at="2025-01-01T00:00:00Z")
    memory.put("Ada", "address", "12 Rue Garibaldi", observed_at="2025-01-01T00:00:00Z")
    memory.put("Ada", "colour", "green", observed_at="2025-01-01T00:00:00Z")
    memory.say("The weather was fine", "s", observed_at="2025-01-01T00:00:00Z")
    return memory


def test_forgetting_takes_what_is_meant_and_nothing_else(filled):
    assert filled.forget("my address") == 1
    assert filled.values("Ada", "address") == []
    assert filled.values("Ada", "colour") == ["green"]
    assert filled.contents() == ["I live in Lyon.", "The weather was fine"]


@pytest.mark.parametrize(
    "query", ["forget my address", "Please forget everything about Ada's address", "Address"]
)
def test_words_of_command_do_not_count(filled, query):
    assert filled.forget(query, dryRun=True) == 1


@pytest.mark.parametrize(
    "query", ["it", "forget it", "everything", "Forget everything about me", "?"]
)
def test_a_query_without_content_forgets_nothing(filled, query):
    assert filled.forget(query, dryRun=True) == 0


def test_most_of_the_words_must_occur(filled):
    assert filled.forget("Ada's garden address", dryRun=True) == 0
    assert filled.forget("Ada address Garibaldi kitchen", dryRun=True) == 1


@pytest.mark.parametrize("purge", [False, True])
def test_a_dry_run_counts_the_same_and_changes_nothing(filled, purge):
    def shown():
        entities = [entity["id"] for entity in filled.get("/entities")["entities"]]
        return filled.turns(), entities, filled.recall("Lyon")

    before = shown()
    counted = filled.forget("Lyon", dryRun=True, purge=purge)
    assert shown() == before
    assert counted == filled.forget("Lyon", purge=purge) > 0
    assert filled.forget("Lyon", purge=purge) == 0


def test_what_is_forgotten_is_hidden_now_and_visible_at_earlier_times(filled):
    filled.forget("Lyon")
    assert all("Lyon" not in text for text in filled.recall("live in Lyon", k=50))
    assert filled.values("user", "lives_in") == []
    assert "I live in Lyon." not in filled.contents()
    assert "Lyon" not in filled.post("/context", {"query": ""})["context"]
    assert "Lyon" not in filled.post("/sessions/s/context", {"query": "Lyon"})["context"]
    earlier = "2025-06-01T00:00:00Z"
    assert filled.values("user", "lives_in", asOf=earlier) == ["Lyon"]
    assert "I live in Lyon." in filled.recall("live Lyon", asOf=earlier, k=50)
    (row,) = filled.history("user", "lives_in")
    assert row["validUntil"] == filled.clock.text


def test_what_is_forgotten_may_be_learned_again(filled):
    filled.forget("Lyon")
    filled.clock.forward(days=1)
    filled.tell("I live in Lyon.")
    assert filled.values("user", "lives_in") == ["Lyon"]
    assert len(filled.history("user", "lives_in")) == 2


def test_a_purge_leaves_no_trace_in_any_read(filled):
    filled.tell("I live in Paris.")
    filled.forget("Lyon", purge=True)
    for query in ({}, {"asOf": "2025-06-01T00:00:00Z"}, {"atInstant": filled.clock.text}):
        assert filled.recall("Lyon live", k=50, **query) == filled.recall(
            "Lyon live", k=50, **query
        )
        assert all("Lyon" not in text for text in filled.recall("Lyon live", k=50, **query))
    assert filled.history("user", "lives_in") == []
    assert all("Lyon" not in content for content in filled.contents())
    assert "entity:location/lyon" not in {e["id"] for e in filled.get("/entities")["entities"]}


def test_a_gap_in_a_transcript_does_not_confuse_its_pages(memory):
    for number in range(10):
        memory.say("swordfish" if number == 4 else f"turn {number}")
    memory.forget("swordfish", purge=True)
    assert [turn["seq"] for turn in memory.turns()] == [1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert memory.contents(limit=3, offset=3) == ["turn 3", "turn 5", "turn 6"]
    assert memory.contents(order="desc", limit=2, offset=5) == ["turn 3", "turn 2"]
    memory.say("next")
    assert memory.turns(order="desc", limit=1)[0]["seq"] == 11


def test_purged_bytes_are_gone_from_the_file_and_its_log(make_memory, tmp_path):
    path = tmp_path / "memory.db"
    for memory in make_memory(path):
        for number in range(300):
            memory.say(f"filler number {number} about gardens", "filler")
        body = {"text": "My name is Zyxwvut. I live in Qwertzuiop.", "session_id": "s"}
        first = memory.post("/facts", body, idempotency_key="key")
        memory.put("Zyxwvut", "pin", "47114711", session_id="s")
        memory.recall("where does Zyxwvut keep 47114711, Qwertzuiop?")
        assert b"yxwvut" in raw_bytes(path)
        assert memory.forget("Zyxwvut", purge=True) >= 3
        assert memory.forget("Qwertzuiop", purge=True) >= 0
        left = raw_bytes(path).lower()
        for word in (b"zyxwvut", b"yxwvut", b"47114711", b"qwertzuiop", b"wertzuiop"):
            assert word not in left
        assert len(memory.turns("filler", limit=500)) == 300
        assert memory.recall("gardens")
        again = memory.post("/facts", body, idempotency_key="key")
        assert again["turnId"] == first["turnId"]
        assert again["extraction"]["attributes"] == []
        assert memory.recall("Zyxwvut") == []


def test_an_open_reader_delays_the_cleaning_and_the_next_write_makes_up_for_it(
    make_memory, tmp_path
):
    path = tmp_path / "memory.db"
    for memory in make_memory(path, busy_timeout=0.1):
        memory.say("zyxwvut is here")
        database = memory.engine._database
        with database.read() as connection:
            connection.execute("SELECT count(*) FROM turn").fetchone()
            memory.forget("zyxwvut", purge=True)
            assert b"yxwvut" in raw_bytes(path)
        memory.say("next")
        assert b"yxwvut" not in raw_bytes(path)


def test_erasing_a_scope_takes_its_subtree_and_leaves_the_rest(make_memory, tmp_path):
    path = tmp_path / "memory.db"
    for memory in make_memory(path):
        for scope in ("org/acme", "org/acme/user/alice", "org/acmeplus", "org/beta"):
            memory.tell(f"I live in {scope.replace('/', '').title()}.", scope, scopes=scope)
        memory.say("shared qqqqqq", "shared", scopes=[["org/beta"], [ALICE]])
        assert memory.post("/scopes/forget", {"path": "org/acme"})["forgotten"] >= 6
        names = [session["id"] for session in memory.get("/sessions")["sessions"]]
        assert names == ["org/acmeplus", "org/beta"]
        texts = memory.recall("live shared qqqqqq", k=50)
        assert {"I live in Orgacmeplus.", "I live in Orgbeta."} <= set(texts)
        assert not any("Orgacmeuser" in text or "shared" in text for text in texts)
        assert "org/acme/" in [node["path"] for node in memory.get("/scopes")]
        left = raw_bytes(path).lower()
        assert b"orgacmeuseralice" not in left
        assert b"qqqqqq" not in left


def test_erasing_a_scope_needs_a_path(memory):
    assert memory.refused("POST", "/scopes/forget", {})["status"] == 400
    assert memory.refused("POST", "/scopes/forget", {"path": "org/*"})["status"] == 400


def test_deleting_an_entity_ends_its_facts_and_its_past_stays(filled):
    filled.relate("Ada", "knows", "Bob", observed_at="2025-01-01T00:00:00Z")
    filled.delete("/entities/person/ADA")
    filled.delete("/entities/person/ada")
    filled.delete("/entities/person/never")
    assert filled.refused("GET", "/entities/person/ada")["status"] == 404
    assert filled.get("/entities/person/bob")["relations"] == []
    assert filled.values("Ada", "colour", asOf="2025-06-01T00:00:00Z") == ["green"]
    assert all("Ada" not in text for text in filled.recall("Ada colour green", k=50))
    filled.clock.forward(days=1)
    filled.put("Ada", "colour", "red")
    assert filled.values("Ada", "colour") == ["red"]
    assert filled.values("Ada", "address") == []


def test_deleting_a_session_hides_its_words_and_keeps_its_facts(make_memory, tmp_path):
    path = tmp_path / "memory.db"
    for memory in make_memory(path):
        memory.tell("I live in Lyon.", "s")
        memory.delete("/sessions/s")
        assert memory.refused("GET", "/sessions/s/turns")["status"] == 404
        assert memory.refused("DELETE", "/sessions/s")["status"] == 404
        assert memory.values("user", "lives_in") == ["Lyon"]
        assert "I live in Lyon." in memory.recall("Lyon live", k=10)
        memory.say("a new beginning", "s")
        assert memory.contents("s") == ["a new beginning"]
        assert memory.turns("s")[0]["seq"] == 1


# --- what several own ---------------------------------------------------------------------------

BOB = "org/acme/user/bob"
SHARED = [[ALICE], [BOB]]


@pytest.fixture
def shared(memory, two_users):
    """Alice and Bob, who own a sentence and a fact together, and each something alone."""
    alice, bob = two_users
    memory.say("the wedding is in Lyon", "plans", scopes=SHARED)
    memory.put("Wedding", "city", "Lyon", scopes=SHARED)
    alice.put("Alice", "hobby", "chess")
    bob.put("Wedding", "gift", "teapot")
    return alice, bob


@pytest.mark.parametrize("purge", [False, True])
def test_one_owner_forgets_and_the_other_keeps(shared, memory, purge):
    alice, bob = shared
    before = bob.values("Wedding", "city"), bob.recall("wedding Lyon"), bob.contents("plans")
    counted = alice.forget("wedding Lyon", purge=purge, dryRun=True)
    assert alice.forget("wedding Lyon", purge=purge) == counted > 0
    assert alice.values("Wedding", "city") == []
    left = [] if purge else ["Wedding (person)"]  # "Lyon" is no word of the entity's own
    assert alice.recall("wedding Lyon") == left
    assert alice.contents("plans") == []
    assert alice.history("Wedding", "city") == []
    assert "Lyon" not in alice.ask("GET", "/state").body.decode()
    assert (bob.values("Wedding", "city"), bob.recall("wedding Lyon")) == before[:2]
    assert bob.contents("plans") == before[2]
    assert "user/alice" not in str(bob.query("wedding Lyon"))
    assert bob.get("/entities/person/wedding")["entity"]["name"] == "Wedding"
    assert sorted(row["key"] for row in bob.get("/entities/person/wedding")["attributes"]) == [
        "city",
        "gift",
    ]
    assert alice.forget("wedding Lyon", purge=purge) == 0
    assert bob.forget("wedding Lyon", purge=purge) > 0
    assert all("Lyon" not in text for text in bob.recall("wedding Lyon"))


def test_the_other_owner_still_supersedes_his_value(shared, memory):
    alice, bob = shared
    alice.forget("wedding Lyon")
    bob.put("Wedding", "city", "Rome")
    assert bob.values("Wedding", "city") == ["Rome"]
    assert alice.values("Wedding", "city") == []


def test_deleting_a_shared_entity_takes_ones_own_share(shared, memory):
    alice, bob = shared
    alice.delete("/entities/person/wedding")
    assert alice.refused("GET", "/entities/person/wedding")["status"] == 404
    assert sorted(row["key"] for row in bob.get("/entities/person/wedding")["attributes"]) == [
        "city",
        "gift",
    ]
    assert alice.values("Alice", "hobby") == ["chess"]


def test_a_lens_decides_whose_share_is_given_up(shared, memory):
    alice, bob = shared
    memory.forget("wedding Lyon", lens=BOB)
    assert bob.values("Wedding", "city") == []
    assert alice.values("Wedding", "city") == ["Lyon"]
    memory.forget("wedding Lyon")
    assert alice.values("Wedding", "city") == []


def test_what_needs_two_grants_together_belongs_to_whoever_holds_both(memory):
    memory.say("joint note", "j", scopes=[["org/acme", "user/alice"]])
    memory.engine.add_principal(
        "acme", grants={"memory:read": "org/acme", "memory:forget": "org/acme"}
    )
    assert memory.acting_for("acme").forget("joint note", purge=True) == 0
    both = ["org/acme", "user/alice"]
    memory.engine.add_principal("both", grants={"memory:read": both, "memory:forget": both})
    assert memory.acting_for("both").forget("joint note", purge=True) == 1
    assert memory.recall("joint note") == []


def test_labels_and_importance_move_along(memory, two_users):
    alice, bob = two_users
    body = {"text": "the wedding is in Lyon", "infer": "none", "labels": ["kind=plan"]}
    memory.post("/facts", {**body, "scopes": SHARED, "session_id": "p"})
    alice.forget("wedding Lyon")
    assert bob.recall("wedding", labels=["kind=plan"]) == ["the wedding is in Lyon"]
    assert bob.recall("wedding", labels=["kind=other"]) == []


# --- what else repeats the words ----------------------------------------------------------------


def test_metadata_of_sessions_is_erased_with_what_it_mentions(memory, two_users):
    alice, bob = two_users
    hers = alice.post("/sessions", {"metadata": {"title": "about zyxwvut", "tags": ["a"]}})["id"]
    his = bob.post("/sessions", {"metadata": {"title": "about zyxwvut"}})["id"]
    assert alice.forget("zyxwvut") == 0
    assert alice.forget("zyxwvut", purge=True, dryRun=True) == 1
    assert alice.forget("zyxwvut", purge=True) == 1
    assert "metadata" not in alice.get(f"/sessions/{hers}")
    assert bob.get(f"/sessions/{his}")["metadata"]


def test_metadata_of_a_shared_session_stays_with_its_other_owner(memory, two_users):
    alice, bob = two_users
    body = {"scopes": SHARED, "metadata": {"title": "about zyxwvut"}}
    session = memory.post("/sessions", body)["id"]
    assert alice.forget("zyxwvut", purge=True) == 0
    assert bob.get(f"/sessions/{session}")["metadata"]
    assert memory.forget("zyxwvut", purge=True) == 1
    assert "metadata" not in bob.get(f"/sessions/{session}")


@pytest.mark.parametrize("purge", [False, True])
def test_open_questions_about_a_shared_fact_go_with_it(memory, two_users, purge):
    alice, bob = two_users
    memory.tell("I live in Lyon.", "s", scopes=SHARED)
    entity = {"type": "person", "name": "user"}
    triple = {"entity": entity, "key": "lives_in", "value": "Rome"}
    memory.post("/facts", {"infer": "triples", "triples": [triple], "scopes": SHARED})
    assert len(alice.get("/state")["unknowns"]) == 1
    alice.forget("Lyon", purge=purge)
    alice.forget("Rome", purge=purge)
    assert alice.get("/state")["unknowns"] == []
    assert len(bob.get("/state")["unknowns"]) == 1


def test_questions_about_what_is_purged_are_emptied_though_they_found_nothing(memory, two_users):
    alice, bob = two_users
    alice.say("the cat sat", "a")
    alice.recall("where is zyxwvut?")
    bob.recall("where is zyxwvut?")
    alice.forget("zyxwvut", purge=True)
    assert "zyxwvut" not in alice.ask("GET", "/traces").body.decode()
    assert "zyxwvut" in bob.ask("GET", "/traces").body.decode()


def test_erasing_a_scope_empties_the_traces_of_those_within_it(memory, two_users):
    alice, bob = two_users
    alice.recall("zyxwvut of hers")
    bob.recall("zyxwvut of his")
    memory.post("/scopes/forget", {"path": ALICE})
    asked = [trace["queryText"] for trace in memory.get("/traces")["traces"]]
    assert "zyxwvut of hers" not in asked
    assert "zyxwvut of his" in asked


def test_erasing_a_scope_takes_its_documents_and_sessions(make_memory, tmp_path):
    path = tmp_path / "memory.db"
    for memory in make_memory(path):
        memory.post("/sessions", {"scopes": ALICE, "metadata": {"title": "zyxwvut"}})
        memory.say("zyxwvut is here", "a", scopes=ALICE)
        memory.say("the cat sat", "b", scopes=BOB)
        form = (
            b'--x\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n'
            b'{"scopes": "' + ALICE.encode() + b'"}\r\n--x\r\nContent-Disposition: form-data;'
            b' name="file"; filename="zyxwvut.txt"\r\nContent-Type: text/plain\r\n\r\n'
            b"zyxwvut lives in a house by the sea.\r\n--x--\r\n"
        )
        headers = {"content-type": "multipart/form-data; boundary=x"}
        response = memory.ask("POST", "/documents", headers=headers, raw=form)
        assert response.status == 202, response.body
        assert memory.post("/scopes/forget", {"path": ALICE})["forgotten"] >= 3
        assert memory.get("/documents")["documents"] == []
        assert b"zyxwvut" not in raw_bytes(path).lower()
        assert memory.recall("zyxwvut") == []
        assert memory.recall("cat") == ["the cat sat"]


def test_stored_answers_keep_ids_and_lose_words(memory):
    body = {"metadata": {"title": "about zyxwvut"}}
    first = memory.post("/sessions", body, idempotency_key="k")
    memory.forget("zyxwvut", purge=True)
    again = memory.post("/sessions", body, idempotency_key="k")
    assert again["id"] == first["id"]
    assert again["createdAt"] == first["createdAt"]
    assert "zyxwvut" not in str(again)


def test_repeated_sentences_are_forgotten_together(memory):
    for _ in range(3):
        memory.say("my cat is called Zyxwvut and sleeps all day", "s")
    assert memory.forget("Zyxwvut") == 3
    assert memory.contents("s") == []
    assert memory.recall("Zyxwvut") == []
