"""Traces, their statistics and the audit: what they tell, and to whom."""

from __future__ import annotations

import pytest

ALICE, BOB = "org/acme/user/alice", "org/acme/user/bob"
SECRET = "tungsten"


@pytest.fixture
def asked(two_users):
    """Alice and Bob, who both have said and asked something."""
    alice, bob = two_users
    alice.say("the cat sat on the mat", "a")
    bob.say(f"my {SECRET} is here", "b")
    bob.put("Wolfram", "metal", SECRET)
    alice.recall("cat")
    bob.recall(SECRET)
    return alice, bob


def queries(memory, **query):
    return [trace["queryText"] for trace in memory.get("/traces", **query)["traces"]]


def test_a_read_leaves_a_trace_that_can_be_fetched_at_once(memory):
    memory.say("the cat sat", "s")
    answer = memory.query("cat")
    for trace_id in (answer["trace"]["traceId"], f"trace:{answer['trace']['traceId']}"):
        trace = memory.get(f"/traces/{trace_id}")
        assert trace["id"] == answer["trace"]["traceId"]
        assert trace["queryText"] == "cat"
        assert trace["resolutionTier"] == answer["tier"]
        assert trace["tierReason"]
        assert trace["cached"] is False
        assert trace["createdAt"] == memory.clock.text
        assert trace["kind"] == "retrieval"


def test_traces_are_listed_newest_first_and_bounded(memory):
    for number in range(5):
        memory.recall(f"question {number}")
    assert queries(memory) == [f"question {number}" for number in range(4, -1, -1)]
    assert queries(memory, limit=2) == ["question 4", "question 3"]
    assert queries(memory, limit=100_000) == queries(memory)
    assert memory.refused("GET", "/traces", limit="many")["status"] == 400


def test_a_write_leaves_a_decision_without_words(memory):
    response = memory.ask("POST", "/facts", {"text": "I live in Lyon.", "session_id": "s"})
    trace = memory.get(f"/traces/{response.headers['x-trace-id']}")
    assert trace["kind"] == "decision"
    assert trace["queryText"] == ""
    assert trace["rowsTouched"] >= 3
    assert "Lyon" not in str(trace)


def test_an_unknown_trace_and_anothers_look_the_same(asked):
    alice, bob = asked
    real = bob.get("/traces")["traces"][0]["id"]
    shown = alice.refused("GET", f"/traces/{real}")
    never = alice.refused("GET", "/traces/never")
    assert shown["status"] == never["status"] == 404
    assert shown["detail"].replace(real, "never") == never["detail"]


def test_nobody_sees_what_another_asked(asked, memory):
    alice, bob = asked
    assert queries(alice) == ["cat"]
    assert queries(bob) == [SECRET, ""]
    assert SECRET in queries(memory)
    assert "cat" in queries(memory)
    for path in ("/traces", "/audit", "/traces/stats"):
        assert SECRET not in alice.ask("GET", path).body.decode()


def test_reading_all_of_a_scope_is_not_enough_to_see_what_was_asked_in_it(asked, memory):
    """It takes grant:manage over it as well."""
    memory.engine.add_principal("reader", grants={"memory:read": "/*"})
    memory.engine.add_principal("manager", grants={"grant:manage": "/*"})
    lead = {"memory:read": f"{BOB}/*", "grant:manage": "org/acme/*"}
    memory.engine.add_principal("lead", grants=lead)
    assert queries(memory.acting_for("reader")) == []
    assert queries(memory.acting_for("manager")) == []
    assert queries(memory.acting_for("lead")) == [SECRET, ""]


def test_a_read_that_could_see_more_than_a_manager_is_none_of_his_business(asked, memory):
    lead = {"memory:read": f"{BOB}/*", "grant:manage": f"{BOB}/*"}
    memory.engine.add_principal("lead", grants=lead)
    memory.recall("something about everybody")
    assert "something about everybody" not in queries(memory.acting_for("lead"))


def test_whoever_acts_for_somebody_without_rights_sees_nothing_of_theirs(memory):
    """Anybody may name anybody in the delegation header: nothing may come of it."""
    memory.engine.add_principal("empty", grants={})
    memory.acting_for("empty").recall("what is the password?")
    assert queries(memory.acting_for("empty")) == ["what is the password?"]
    memory.engine.add_principal("other", grants={"grant:manage": "/*"})
    assert queries(memory.acting_for("other")) == []


def test_a_shrunken_grant_hides_older_traces(asked, memory):
    alice, _ = asked
    memory.engine.add_principal("alice", grants={"memory:read": f"{ALICE}/small/*"})
    assert queries(alice) == []


def test_the_audit_is_flat_and_filtered(asked, memory):
    rows = memory.get("/audit")["rows"]
    assert [row["kind"] for row in rows] == ["retrieval", "retrieval", "decision"]
    assert {row["principal"] for row in rows} == {"principal:admin"}
    assert [row["onBehalfOf"] for row in rows] == [
        "principal:bob",
        "principal:alice",
        "principal:bob",
    ]
    assert all(row["traceId"] and row["createdAt"] and row["cost"] == 0 for row in rows)
    assert len(memory.get("/audit", kind="decision")["rows"]) == 1
    assert len(memory.get("/audit", principal="bob")["rows"]) == 2
    assert len(memory.get("/audit", key="principal:alice")["rows"]) == 1
    assert len(memory.get("/audit", limit=1)["rows"]) == 1
    now = memory.clock.text
    later = memory.clock.forward(hours=1)
    assert len(memory.get("/audit", since=now)["rows"]) == 3
    assert memory.get("/audit", until=now)["rows"] == []
    assert memory.get("/audit", since=later)["rows"] == []
    assert SECRET not in memory.ask("GET", "/audit").body.decode()


@pytest.mark.parametrize("query", [{"kind": "x"}, {"principal": " "}, {"since": "yesterday"}])
def test_a_malformed_audit_is_refused(memory, query):
    assert memory.refused("GET", "/audit", **query)["status"] == 400


def test_an_audit_shows_a_user_his_own_rows_only(asked):
    alice, bob = asked
    assert len(alice.get("/audit")["rows"]) == 1
    assert len(bob.get("/audit")["rows"]) == 2
    assert alice.get("/audit", principal="bob")["rows"] == []


def test_statistics_count_what_happened(memory):
    memory.tell("I live in Lyon.", "s")
    memory.clock.forward(minutes=1)
    memory.tell("I live in Paris.", "s")
    memory.put("user", "lives_in", "Rome")
    memory.recall("Lyon")
    memory.recall("nothing at all")
    shown = memory.get("/traces/stats")
    assert shown["totalQueries"] == 2
    assert shown["tierCounts"] == {"direct": 0, "hybrid": 2, "fullContext": 0}
    assert shown["cacheHits"] == shown["cacheHitRate"] == shown["responseTracesTotal"] == 0
    assert shown["windowHours"] == 24
    assert shown["contradiction"]["reconciliations"] == 3
    assert shown["retrieval"]["traces"] == 2
    assert shown["retrieval"]["maxCandidateSet"] >= shown["retrieval"]["avgCandidateSet"] > 0
    assert shown["supersession"] == {
        "supersessionEvents": 1,
        "entitiesChurned": 1,
        "churnPerEntity": 1.0,
    }
    assert {item["kind"] for item in shown["sourceKindDistribution"]} == {"turn", "upsert"}


def test_contradictions_are_counted_among_reconciliations(memory):
    memory.tell("I live in Lyon.", "s")
    entity = {"type": "person", "name": "user"}
    triple = {"entity": entity, "key": "lives_in", "value": "Rome"}
    memory.post("/facts", {"infer": "triples", "triples": [triple]})
    shown = memory.get("/traces/stats")["contradiction"]
    assert shown == {"contradictions": 1, "reconciliations": 2, "contradictionRate": 0.5}


def test_the_window_of_statistics(memory):
    memory.recall("old")
    then = memory.clock.forward(hours=30)
    memory.recall("new")
    assert memory.get("/traces/stats")["totalQueries"] == 1
    assert memory.get("/traces/stats", windowHours=48)["totalQueries"] == 2
    memory.clock.forward(hours=2)
    assert memory.get("/traces/stats", since=then)["totalQueries"] == 1
    assert memory.get("/traces/stats", since=then)["windowHours"] == 2
    assert memory.get("/traces/stats", since=then, windowHours=1)["totalQueries"] == 0
    assert memory.refused("GET", "/traces/stats", windowHours="x")["status"] == 400


def test_statistics_do_not_depend_on_others(asked, memory):
    alice, bob = asked
    before = alice.ask("GET", "/traces/stats").body
    for number in range(5):
        bob.tell(f"I live in Town{number}.", "b")
        bob.recall("town")
    assert alice.ask("GET", "/traces/stats").body == before
    assert alice.get("/traces/stats", scope=BOB)["totalQueries"] == 0
    assert alice.get("/traces/stats", scope=BOB)["sourceKindDistribution"] == []
    assert alice.get("/traces/stats", scope="org/acme")["totalQueries"] == 1


def test_a_manager_of_everything_is_told_numbers_of_the_whole_context(asked, memory):
    memory.engine.add_principal("manager", grants={"grant:manage": "/*"})
    manager = memory.acting_for("manager")
    shown = manager.get("/traces/stats")
    assert shown["totalQueries"] == 2
    assert shown["sourceKindDistribution"] == [{"kind": "upsert", "count": 1}]
    assert manager.get("/traces/stats", scope=ALICE)["totalQueries"] == 1
    pairs = {"scope[org]": "acme", "scope[user]": "bob"}
    assert manager.get("/traces/stats", **pairs)["sourceKindDistribution"]
    assert len(manager.get("/audit")["rows"]) == 3


@pytest.mark.parametrize("query", [{"scope": ""}, {"scope[org]": ""}, {"scope[org]": "a/b"}])
def test_a_blank_scope_of_statistics_is_refused(memory, query):
    assert memory.refused("GET", "/traces/stats", **query)["status"] == 400


def test_a_purge_leaves_the_trace_and_takes_its_words(memory):
    memory.say("my tungsten is here", "s")
    trace_id = memory.query("tungsten")["trace"]["traceId"]
    memory.forget("tungsten", purge=True)
    trace = memory.get(f"/traces/{trace_id}")
    assert trace["queryText"] == ""
    assert trace["kind"] == "retrieval"


def test_a_purge_leaves_no_name_in_why_a_read_was_answered(memory):
    memory.put("Zyxwvut", "home", "Lyon")
    memory.recall("Zyxwvut home")
    assert "zyxwvut" in memory.ask("GET", "/traces").body.decode().casefold()
    memory.forget("Zyxwvut", purge=True)
    assert "zyxwvut" not in memory.ask("GET", "/traces").body.decode().casefold()
    assert len(memory.get("/audit", kind="retrieval")["rows"]) == 1


def test_a_reply_and_the_reads_that_served_it_name_each_other(make_memory):
    for memory in make_memory(llm=lambda prompt: "The cat sat. [S1]"):
        memory.say("the cat sat on the mat", "s")
        reply = memory.post("/chat", {"message": "where is the cat?"})
        response = memory.get(f"/traces/{reply['traceId']}")
        assert response["kind"] == "response"
        (retrieval,) = response["retrievals"]
        single = memory.get(f"/traces/{retrieval['id']}")
        assert single["parent"]["id"] == reply["traceId"]
        shown = memory.get("/traces/stats")
        assert shown["responseTracesTotal"] == 1
        assert shown["totalQueries"] == 1
        kinds = [row["kind"] for row in memory.get("/audit")["rows"]]
        assert set(kinds) >= {"response", "retrieval"}


def test_old_traces_are_dropped_in_each_context_for_itself(memory, monkeypatch):
    monkeypatch.setattr("spectron_adapters.local.tracing.traces.KEPT_TRACES", 100)
    for number in range(300):
        memory.recall(f"q{number}")
    shown = queries(memory, limit=500)
    assert 100 <= len(shown) <= 164
    assert shown[0] == "q299"
