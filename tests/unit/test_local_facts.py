"""Remembering: what is stored, answered and refused."""

from __future__ import annotations

import json

import pytest

from spectron_adapters.local.engine import Engine
from spectron_adapters.local.extraction.statements import Statements


def test_a_text_is_stored_word_for_word_and_found(memory):
    answer = memory.say("  I adore hiking in the Alps\n", scopes="org/acme/user/alice")
    assert answer["mode"] == "none"
    assert answer["sessionId"] == "s"
    assert memory.contents() == ["  I adore hiking in the Alps\n"]
    (hit,) = memory.query("hiking")["hits"]
    assert hit["id"] == answer["chunkId"]
    assert hit["source"] == "memory_chunk"
    assert hit["scopes"] == [["org/acme/user/alice"]]
    assert hit["sessionId"] == "s"
    assert hit["role"] == "user"
    assert "extraction" not in answer


def test_saying_ok_twice_stores_it_twice(memory):
    memory.say("ok")
    memory.say("ok")
    assert memory.contents() == ["ok", "ok"]
    assert [turn["seq"] for turn in memory.turns()] == [1, 2]


def test_without_a_session_one_is_created_for_each_write(memory):
    first, second = memory.say("one", session=None), memory.say("two", session=None)
    assert first["sessionId"] != second["sessionId"]
    assert memory.contents(first["sessionId"]) == ["one"]


def test_a_statement_becomes_an_attribute_with_its_source(memory):
    answer = memory.tell("My name is Alice. I live in Lyon.")
    told = {item["key"]: item["value"] for item in answer["extraction"]["attributes"]}
    assert told["name"] == "Alice"
    assert any("lyon" in value.casefold() for value in told.values())
    user = next(item for item in answer["extraction"]["entities"] if item["entityType"] == "person")
    shown = memory.get(f"/entities/{user['id'].removeprefix('entity:')}")
    source = shown["attributes"][0]["source"]
    assert source == {"kind": "turn", "ref": answer["turnId"], "sessionId": "s"}


def test_the_extraction_always_has_every_list(memory):
    extraction = memory.tell("Hm.")["extraction"]
    for name in ("entities", "attributes", "relations", "instructions", "uncertainties"):
        assert extraction[name] == []
    assert extraction["corrections"] == []


def test_triples_make_attributes_and_relations(memory):
    answer = memory.post(
        "/facts",
        {
            "infer": "triples",
            "triples": [
                {
                    "entity": {"type": "human", "name": "Ada  Lovelace"},
                    "key": "born",
                    "value": 1815,
                },
                {
                    "entity": {"type": "person", "name": "ada lovelace"},
                    "key": "worked_with",
                    "target": {"type": "person", "name": "Charles Babbage"},
                },
            ],
        },
    )
    extraction = answer["extraction"]
    assert [item["id"] for item in extraction["entities"]] == [
        "entity:person/ada_lovelace",
        "entity:person/charles_babbage",
    ]
    assert extraction["attributes"][0]["value"] == "1815"
    assert extraction["relations"] == [
        {
            "subject": "person/ada_lovelace",
            "label": "worked_with",
            "object": "person/charles_babbage",
            "memoryCategory": "knowledge",
        }
    ]
    shown = memory.get("/entities/person/Ada%20Lovelace")
    assert shown["entity"]["name"] == "Ada  Lovelace"
    assert shown["relations"][0]["object"] == "entity:person/charles_babbage"


def test_triples_leave_no_message_in_the_transcript(memory):
    answer = memory.put("Ada", "likes", "tea", session_id="s")
    assert answer["turnId"].startswith("turn:")
    assert memory.contents() == []
    memory.say("hello")
    assert [turn["seq"] for turn in memory.turns()] == [1]


def test_a_preview_says_what_would_be_stored_and_stores_nothing(memory):
    answer = memory.post(
        "/facts",
        {"text": "I live in Lyon.", "infer": "preview", "session_id": "new", "scopes": "org/x"},
    )
    assert answer["preview"] is True
    assert answer["sessionId"] == "new"
    assert answer["extraction"]["attributes"]
    assert memory.get("/sessions")["sessions"] == []
    assert memory.get("/scopes") == []
    assert memory.get("/entities")["entities"] == []
    assert memory.recall("Lyon") == []


def test_a_preview_without_a_session_names_none(memory):
    assert memory.post("/facts", {"text": "I live in Lyon.", "infer": "preview"})["sessionId"] == ""


def test_a_preview_of_a_correction_names_what_it_would_correct(memory):
    memory.tell("I live in Lyon.")
    body = {"text": "I live in Paris.", "infer": "preview", "session_id": "s"}
    (correction,) = memory.post("/facts", body)["extraction"]["corrections"]
    assert (correction["oldValue"], correction["newValue"]) == ("Lyon", "Paris")
    assert memory.recall("lives in", include=["facts"], k=50) != []
    assert all("Paris" not in text for text in memory.recall("where do I live", k=50))


def test_a_batch_keeps_order_roles_and_times(memory):
    answer = memory.post(
        "/facts/batch",
        {
            "messages": [
                {"role": "user", "content": "first", "ts": "2023-05-07T13:56:00Z"},
                {"role": "assistant", "content": "second", "ts": "2023-05-07T15:57:30+02:00"},
                {"role": "tool", "content": "third"},
            ],
            "session_id": "s",
            "infer": "none",
        },
    )
    turns = memory.turns()
    assert [turn["id"] for turn in turns] == answer["turnIds"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "tool"]
    assert [turn["createdAt"] for turn in turns] == [
        "2023-05-07T13:56:00Z",
        "2023-05-07T13:57:30Z",
        memory.clock.text,
    ]
    assert answer["extractions"] == []


@pytest.mark.parametrize(("strategy", "count"), [("whole_conversation", 1), ("per_message", 2)])
def test_a_batch_extracts_once_or_per_message(memory, strategy, count):
    messages = [
        {"role": "user", "content": "I live in Lyon."},
        {"role": "user", "content": "I live in Paris."},
    ]
    answer = memory.post("/facts/batch", {"messages": messages, "extract": strategy})
    assert len(answer["extractions"]) == count
    corrections = [item for each in answer["extractions"] for item in each["corrections"]]
    assert [item["newValue"] for item in corrections] == ["Paris"]


def test_each_fact_of_a_batch_is_known_from_its_own_message(memory):
    messages = [
        {"role": "user", "content": "I live in Lyon.", "ts": "2024-01-01T00:00:00Z"},
        {"role": "user", "content": "I live in Paris.", "ts": "2025-01-01T00:00:00Z"},
    ]
    memory.post("/facts/batch", {"messages": messages})
    assert memory.values("user", "lives_in") == ["Paris"]
    assert memory.values("user", "lives_in", asOf="2024-06-01T00:00:00Z") == ["Lyon"]


def test_an_envelope_is_kept_and_only_its_text_is_indexed(memory):
    envelope = '{"v":1,"fw":"langchain","m":{"type":"human","data":{"zebra":"giraffe"}}}'
    content = f"I adore hiking\x1e{envelope}"
    memory.say(content)
    assert memory.contents() == [content]
    assert memory.recall("hiking") == ["I adore hiking"]
    assert memory.recall("giraffe") == []


def test_a_turn_without_visible_text_is_kept_and_not_indexed(memory):
    answer = memory.say('\x1e{"v":1,"fw":"text","m":{"text":""}}')
    assert "chunkId" not in answer
    assert len(memory.contents()) == 1
    assert memory.recall("text") == []


def test_a_long_text_is_found_by_its_passages(memory):
    paragraphs = [f"Paragraph {number} speaks of topic{number}. " * 15 for number in range(8)]
    answer = memory.say("\n\n".join(paragraphs))
    (first, *_) = memory.query("topic5", k=3)["hits"]
    assert "topic5" in first["text"]
    assert len(first["text"]) <= 1000
    assert first["id"].startswith(answer["chunkId"])
    assert memory.contents() == ["\n\n".join(paragraphs)]


def test_a_category_outside_the_three_counts_as_context(memory):
    answer = memory.tell("I live in Lyon.", memory_category="episodic")
    assert {item["memoryCategory"] for item in answer["extraction"]["attributes"]} == {"context"}


def test_a_failing_extractor_costs_no_turn(caplog):
    def fail(text: str) -> Statements:
        raise RuntimeError(f"cannot read {text}")

    engine = Engine(extractor=fail)
    from spectron_adapters.local.exchange import Request

    body = json.dumps({"text": "my secret", "session_id": "s"}).encode()
    response = engine.handle(Request("POST", "/api/v1/default/facts", body=body))
    assert response.status == 200
    assert json.loads(response.body)["extraction"]["attributes"] == []
    turns = engine.handle(Request("GET", "/api/v1/default/sessions/s/turns"))
    assert b"my secret" in turns.body
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text
    engine.close()


def test_labels_filter_and_are_capped(memory):
    memory.say("I adore hiking", labels=["topic=sport", "year=2026"])
    memory.say("I adore hiking too")
    assert memory.recall("hiking", labels=["topic=sport"]) == ["I adore hiking"]
    assert memory.recall("hiking", labels=["topic=sport", "year=2025"]) == []
    body = {"text": "x", "infer": "none", "labels": [f"k{i}=v" for i in range(33)]}
    assert memory.refused("POST", "/facts", body)["status"] == 409
    body["labels"] = ["k=v"] * 40
    assert memory.post("/facts", body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "text"),
        ({"text": "  "}, "text"),
        ({"text": "x", "infer": "guess"}, "infer"),
        ({"text": "x", "role": "robot"}, "role"),
        ({"text": "x", "labels": ["_internal=1"]}, "reserved"),
        ({"text": "x", "labels": ["novalue"]}, "key=value"),
        ({"text": "x", "observed_at": "yesterday"}, "RFC 3339"),
        ({"text": "x", "observed_at": "2024-01-01T00:00:00"}, "time zone"),
        ({"text": "x", "session_id": " "}, "session_id"),
        ({"text": "x", "scopes": []}, "scopes"),
        ({"text": "x", "scopes": [[]]}, "scopes"),
        ({"text": "x", "scopes": ""}, "scopes"),
        ({"text": "x", "scopes": "a//b"}, "scopes"),
        ({"text": "x", "scopes": "org/*"}, "org/*"),
        ({"text": "x", "scopes": 7}, "scopes"),
        ({"infer": "triples"}, "triples"),
        (
            {"infer": "triples", "triples": [{"entity": {"type": "p", "name": "x"}, "key": "k"}]},
            "value",
        ),
        (
            {
                "infer": "triples",
                "triples": [{"entity": {"type": "p", "name": "!!"}, "key": "k", "value": "v"}],
            },
            "letters",
        ),
        (
            {
                "infer": "triples",
                "triples": [
                    {
                        "entity": {"type": "p", "name": "x"},
                        "key": "k",
                        "value": "v",
                        "memory_category": "episodic",
                    }
                ],
            },
            "memory_category",
        ),
    ],
)
def test_a_bad_request_says_what_is_wrong_and_stores_nothing(memory, body, said):
    problem = memory.refused("POST", "/facts", body)
    assert problem["status"] == 400
    assert said in problem["detail"]
    assert memory.get("/sessions")["sessions"] == []


@pytest.mark.parametrize(
    "raw",
    [b"{", b"[]", b'"text"', b'{"text": NaN}', b"\xff{}", b'{"text": "\\ud800", "infer": "none"}'],
)
def test_a_body_that_is_no_json_object_is_refused(memory, raw):
    response = memory.ask("POST", "/facts", raw=raw)
    assert response.status == 400


def test_a_deeply_nested_body_is_refused(memory):
    assert memory.ask("POST", "/facts", raw=b"[" * 200_000).status == 400


def test_a_batch_takes_no_triples(memory):
    body = {"messages": [{"role": "user", "content": "x"}], "infer": "triples"}
    assert memory.refused("POST", "/facts/batch", body)["status"] == 400


def test_both_casings_and_the_aliases_are_read(memory):
    body = {"turns": [{"role": "user", "content": "hello"}], "sessionId": "s", "scope": "org/x"}
    memory.post("/facts/batch", {**body, "infer": "none"})
    assert memory.contents() == ["hello"]
    assert memory.get("/sessions/s")["scopes"] == [["org/x"]]


def test_the_text_may_hold_anything_that_is_text(memory):
    odd = "NUL \x00, quotes \"'`, emoji 👩‍👩‍👧, rtl \u202e, ''; DROP TABLE turn; --"
    memory.say(odd)
    assert memory.contents() == [odd]
    for query in ('"', "'", "AND OR NOT", "*", "NEAR(", "\x00", "()", "scope:x", "="):
        memory.query(query)


def test_a_triple_whose_value_is_no_text_is_refused_and_not_a_failure(memory):
    entity = {"type": "person", "name": "Ada"}
    for value in ({"a": 1}, [1, 2]):
        triples = [{"entity": entity, "key": "home", "value": value}]
        problem = memory.refused("POST", "/facts", {"infer": "triples", "triples": triples})
        assert problem["status"] == 400
        assert problem["type"].endswith("/validation-error")


def test_a_null_field_counts_as_absent(memory):
    nothing = dict.fromkeys(("session_id", "scopes", "role", "labels", "observed_at", "infer"))
    memory.post("/facts", {"text": "apples", **nothing})
    nothing = dict.fromkeys(("k", "mode", "include", "lens", "scopeView", "asOf", "source"))
    assert memory.recall("apples", **nothing) == ["apples"]
    assert memory.recall("apples", lens=None, scopes="elsewhere/*") == []


def test_a_preview_of_a_batch_names_no_turn(memory):
    messages = [{"role": "user", "content": "I live in Oslo"}]
    answer = memory.post("/facts/batch", {"messages": messages, "infer": "preview"})
    assert answer["turnIds"] == []
    assert [item["turnId"] for item in answer["extractions"]] == [""]
    assert answer["extractions"][0]["attributes"]
