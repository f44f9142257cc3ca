"""The same request again gets the first one's answer, and nothing twice."""

from __future__ import annotations

import json
import threading

import pytest

from spectron_adapters.local.extraction.statements import Statements

BODY = {"text": "note", "infer": "none", "session_id": "s"}


def test_a_repetition_is_answered_alike_and_stored_once(memory):
    first = memory.post("/facts", BODY, idempotency_key="k")
    reordered = dict(reversed(BODY.items()))
    assert memory.post("/facts", reordered, idempotency_key="k") == first
    assert memory.contents() == ["note"]


def test_a_repetition_keeps_extraction_trace_and_status(memory):
    body = {"text": "I live in Lyon."}
    first = memory.ask("POST", "/facts", body, headers={"idempotency-key": "k"})
    again = memory.ask("POST", "/facts", body, headers={"idempotency-key": "k"})
    assert json.loads(first.body) == json.loads(again.body)
    assert first.headers["x-trace-id"] == again.headers["x-trace-id"]
    created = memory.ask("POST", "/sessions", {}, headers={"idempotency-key": "new"})
    repeated = memory.ask("POST", "/sessions", {}, headers={"idempotency-key": "new"})
    assert created.status == repeated.status == 201
    assert created.body == repeated.body


def test_a_repeated_deletion_succeeds_again(memory):
    memory.say("note")
    headers = {"idempotency-key": "k"}
    assert memory.ask("DELETE", "/sessions/s", headers=headers).status == 204
    assert memory.ask("DELETE", "/sessions/s", headers=headers).status == 204


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/facts", {**BODY, "text": "other"}),
        ("/facts/batch", {"messages": [{"role": "user", "content": "note"}], "infer": "none"}),
    ],
)
def test_a_key_used_for_another_request_is_a_conflict(memory, path, body):
    memory.post("/facts", BODY, idempotency_key="k")
    response = memory.ask("POST", path, body, headers={"idempotency-key": "k"})
    assert response.status == 409
    assert memory.contents() == ["note"]


def test_a_failed_attempt_releases_the_key(memory):
    bad = {**BODY, "labels": [f"k{i}=v" for i in range(40)]}
    assert memory.ask("POST", "/facts", bad, headers={"idempotency-key": "k"}).status == 409
    memory.post("/facts", BODY, idempotency_key="k")


def test_a_key_is_forgotten_after_a_day_of_the_engines_clock(memory, clock):
    memory.post("/facts", BODY, idempotency_key="k")
    clock.forward(hours=23, minutes=59)
    memory.post("/facts", BODY, idempotency_key="k")
    assert len(memory.contents()) == 1
    clock.forward(minutes=2)
    memory.post("/facts", BODY, idempotency_key="k")
    assert len(memory.contents()) == 2


def test_a_key_survives_a_new_process(make_memory, tmp_path):
    answers = []
    for _ in range(2):
        for memory in make_memory(tmp_path / "memory.db"):
            answers.append(memory.post("/facts", BODY, idempotency_key="k"))
            assert len(memory.contents()) == 1
    assert answers[0] == answers[1]


def test_a_key_in_flight_is_a_conflict_and_the_first_attempt_counts(make_memory):
    started, go_on = threading.Event(), threading.Event()

    def slow(text):
        started.set()
        assert go_on.wait(timeout=10)
        return Statements()

    body = {"text": "note", "session_id": "s"}
    for memory in make_memory(extractor=slow):
        first = threading.Thread(
            target=lambda memory=memory: memory.post("/facts", body, idempotency_key="k")
        )
        first.start()
        assert started.wait(timeout=10)
        second = memory.ask("POST", "/facts", body, headers={"idempotency-key": "k"})
        assert second.status == 409
        assert memory.say("meanwhile", "other")  # a slow extractor holds up nobody
        go_on.set()
        first.join(timeout=10)
        assert memory.contents() == ["note"]
        memory.post("/facts", body, idempotency_key="k")
        assert memory.contents() == ["note"]


@pytest.mark.parametrize("key", ["", "  ", "k" * 2000])
def test_a_key_that_is_none_is_refused(memory, key):
    assert memory.ask("POST", "/facts", BODY, headers={"idempotency-key": key}).status == 400


def test_a_preview_uses_up_no_key(memory):
    body = {"text": "I live in Lyon.", "session_id": "s"}
    memory.post("/facts", {**body, "infer": "preview"}, idempotency_key="k")
    memory.post("/facts", body, idempotency_key="k")
    assert memory.contents() == ["I live in Lyon."]
