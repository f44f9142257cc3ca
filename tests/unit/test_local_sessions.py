"""Sessions: created, listed, paged from both ends."""

from __future__ import annotations

import pytest

from spectron_adapters.local.exchange import Request


def test_a_session_keeps_its_scopes_and_metadata(memory):
    metadata = {"title": "Trip", "n": [1, None, {"x": "é"}]}
    created = memory.post("/sessions", {"scopes": "org/acme", "metadata": metadata})
    assert created["scopes"] == [["org/acme"]]
    assert created["createdAt"] == memory.clock.text
    assert memory.get(f"/sessions/{created['id']}") == created
    assert created["metadata"] == metadata
    assert memory.get("/sessions")["sessions"] == [created]


def test_a_session_may_be_created_without_a_body(memory):
    response = memory.ask("POST", "/sessions")
    assert response.status == 201
    assert b'"scopes":[["/"]]' in response.body


def test_a_pinned_session_lends_its_scopes(memory):
    session = memory.post("/sessions", {"scopes": [["org/acme", "team/x"]]})["id"]
    memory.say("note", session)
    (hit,) = memory.query("note")["hits"]
    assert hit["scopes"] == [["org/acme", "team/x"]]


@pytest.fixture
def ten(memory):
    messages = [{"role": "user", "content": f"turn {n}"} for n in range(1, 11)]
    body = {"messages": messages, "infer": "none", "session_id": "s"}
    memory.post("/facts/batch", body)
    return memory


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, range(1, 11)),
        ({"limit": 3}, range(1, 4)),
        ({"limit": 3, "offset": 4}, range(5, 8)),
        ({"offset": 8}, range(9, 11)),
        ({"offset": 10}, ()),
        ({"offset": 99}, ()),
        ({"order": "desc", "limit": 2}, (10, 9)),
        ({"order": "desc", "limit": 2, "offset": 3}, (7, 6)),
        ({"order": "desc", "offset": 99}, ()),
        ({"after": 7}, range(8, 11)),
        ({"after": 7, "limit": 2}, (8, 9)),
        ({"before": 3}, (1, 2)),
        ({"before": 9, "order": "desc", "limit": 2}, (8, 7)),
        ({"after": 3, "before": 6}, (4, 5)),
        ({"after": 2, "offset": 2, "limit": 2}, (5, 6)),
        ({"limit": 0}, (1,)),
        ({"limit": 100_000}, range(1, 11)),
        ({"offset": -4, "limit": 1}, (1,)),
    ],
)
def test_pages_of_a_transcript(ten, query, expected):
    assert [turn["seq"] for turn in ten.turns(**query)] == list(expected)


@pytest.mark.parametrize(
    "query", [{"limit": "many"}, {"offset": "1.5"}, {"order": "random"}, {"after": ""}]
)
def test_a_page_that_makes_no_sense_is_refused(ten, query):
    assert ten.refused("GET", "/sessions/s/turns", **query)["status"] == 400


def test_a_page_holds_at_most_500_turns(memory):
    messages = [{"role": "user", "content": "x"}] * 510
    memory.post("/facts/batch", {"messages": messages, "infer": "none", "session_id": "s"})
    assert len(memory.turns(limit=1000)) == 500
    assert len(memory.turns()) == 100


def test_the_end_of_a_long_transcript_costs_no_more_than_its_beginning(memory):
    """Counted in steps of SQLite's virtual machine, which do not depend on the machine."""
    for size, session in ((1_000, "short"), (20_000, "long")):
        for _ in range(size // 1000):
            messages = [{"role": "user", "content": "x"}] * 1000
            body = {"messages": messages, "infer": "none", "session_id": session}
            memory.post("/facts/batch", body)
    costs = {}
    for session, end in (("short", 980), ("long", 19_980)):
        costs[session, "desc"] = steps(memory, f"{session}/turns", "order=desc&limit=20")
        costs[session, "offset"] = steps(memory, f"{session}/turns", f"offset={end}&limit=20")
        costs[session, "after"] = steps(memory, f"{session}/turns", f"after={end}&limit=20")
    for way in ("desc", "offset", "after"):
        assert costs["long", way] <= 1.5 * costs["short", way]


def steps(memory, path, query):
    taken = 0

    def count():
        nonlocal taken
        taken += 1

    with memory.engine._database.read() as connection:
        connection.set_progress_handler(count, 1)
    try:
        answer = memory.engine.handle(Request("GET", f"/api/v1/default/sessions/{path}", query))
        assert answer.body.count(b'"seq"') == 20
    finally:
        with memory.engine._database.read() as connection:
            connection.set_progress_handler(None, 0)
    return taken


def test_context_of_a_session_is_recall_and_its_last_turns(ten):
    ten.say("I adore hiking in the Alps", "other", scopes="elsewhere/x")
    ten.say('shown\x1e{"v":1,"fw":"langchain","m":{"secret":"hidden"}}')
    block = ten.post("/sessions/s/context", {"query": "turn 3"})["context"]
    assert "turn 3" in block
    assert "## Recent turns" in block
    assert block.rstrip().endswith("user: shown")
    assert "hidden" not in block
    same = ten.get("/sessions/s/context", query="turn 3")["context"]
    assert same == block
    assert ten.refused("POST", "/sessions/s/context", {})["status"] == 400


def test_a_session_answers_to_its_id_with_the_table_before_it(memory):
    memory.say("one", "s")
    memory.say("two", "session:t")
    memory.say("three", "t")
    assert memory.contents("session:s") == ["one"]
    assert memory.contents("session:t") == ["two"]
    memory.delete("/sessions/session%3As")
    assert memory.ask("GET", "/sessions/s").status == 404


# --- pages of sessions, lenses, and the older way to append ------------------------------------


def test_sessions_are_listed_in_pages_that_say_whether_more_follow(memory):
    for number in range(5):
        memory.say("x", f"session {number}")
    names = [f"session {number}" for number in range(5)]
    assert [item["id"] for item in memory.get("/sessions")["sessions"]] == names
    first = memory.get("/sessions", limit=2)
    assert [item["id"] for item in first["sessions"]] == names[:2]
    assert first["page"] == {"limit": 2, "offset": 0, "hasMore": True}
    last = memory.get("/sessions", limit=2, offset=4)
    assert [item["id"] for item in last["sessions"]] == names[4:]
    assert last["page"]["hasMore"] is False
    assert memory.get("/sessions", limit=100_000)["page"]["limit"] == 500
    assert memory.refused("GET", "/sessions", limit="all")["status"] == 400


def test_pages_of_sessions_count_only_what_the_caller_may_read(two_users):
    alice, bob = two_users
    for number in range(3):
        bob.say("x", f"his {number}")
        alice.say("x", f"hers {number}")
    page = alice.get("/sessions", limit=3)
    assert [item["id"] for item in page["sessions"]] == ["hers 0", "hers 1", "hers 2"]
    assert page["page"]["hasMore"] is False
    assert alice.get("/sessions", limit=1, offset=3)["sessions"] == []


def test_a_lens_narrows_the_turns_of_a_session(memory):
    memory.say("for all", "s", scopes="org/acme")
    memory.say("for alice", "s", scopes="org/acme/user/alice")
    memory.say("for bob", "s", scopes="org/acme/user/bob")
    assert memory.contents("s", lens="org/acme/user/alice") == ["for all", "for alice"]
    assert memory.contents("s", lens="org/acme/user/alice", offset=1) == ["for alice"]
    assert memory.contents("s", lens="org/acme/user/bob/*") == ["for bob"]
    assert memory.contents("s", lens="org/beta") == []
    assert memory.refused("GET", "/sessions/s/turns", lens="")["status"] == 400


def test_a_turn_may_be_appended_the_older_way(memory):
    extraction = memory.post("/sessions/s/turns", {"role": "user", "content": "I live in Lyon."})
    assert extraction["turnId"] == memory.turns("s")[0]["id"]
    assert [row["value"] for row in extraction["attributes"]] == ["Lyon"]
    assert extraction["corrections"] == []
    assert memory.values("user", "lives_in") == ["Lyon"]
    for body in ({}, {"role": "user"}, {"content": "x"}, {"role": "user", "content": ""}):
        assert memory.refused("POST", "/sessions/s/turns", body)["status"] == 400
    problem = memory.refused("POST", "/sessions/s/turns", {"role": "king", "content": "x"})
    assert problem["status"] == 400
    assert len(memory.turns("s")) == 1


def test_a_turn_appended_the_older_way_is_stored_once(memory):
    body = {"role": "user", "content": "I live in Lyon."}
    first = memory.post("/sessions/s/turns", body, idempotency_key="k")
    assert memory.post("/sessions/s/turns", body, idempotency_key="k") == first
    assert len(memory.turns("s")) == 1
    memory.forget("Lyon", purge=True)
    again = memory.post("/sessions/s/turns", body, idempotency_key="k")
    assert again["turnId"] == first["turnId"]
    assert again["attributes"] == again["entities"] == []


def test_nobody_appends_to_anothers_session_nor_learns_of_its_scope(two_users):
    alice, bob = two_users
    bob.say("x", "bobs")
    body = {"role": "user", "content": "x"}
    problem = alice.refused("POST", "/sessions/bobs/turns", body)
    assert problem["status"] == 403
    assert "user/bob" not in problem["detail"]
    pinned = {"text": "x", "infer": "none", "session_id": "bobs"}
    assert "user/bob" not in alice.refused("POST", "/facts", pinned)["detail"]
    assert bob.contents("bobs") == ["x"]


def test_what_may_be_read_but_not_written_is_refused_without_naming_its_owners(memory, two_users):
    alice, _ = two_users
    memory.say("x", "shared", scopes=[["org/acme/user/alice"], ["org/acme/user/bob"]])
    for method, path, body in (
        ("DELETE", "/sessions/shared", None),
        ("POST", "/facts", {"text": "x", "infer": "none", "session_id": "shared"}),
    ):
        problem = alice.refused(method, path, body)
        assert problem["status"] == 403
        assert "user/bob" not in problem["detail"]
