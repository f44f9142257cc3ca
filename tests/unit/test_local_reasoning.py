"""Reflect, elaborate and consolidate: what they derive, and that scopes are never crossed."""

from __future__ import annotations

import json

import pytest

from spectron_adapters.local.exchange import Request
from spectron_adapters.local.language.models import as_language_model
from spectron_adapters.local.language.questions import hypothetical_answer, sub_questions

SECRET = "tungsten"
ALICE, BOB = "org/acme/user/alice", "org/acme/user/bob"


class Model:
    """A language model that reads nothing from turns and gives prepared answers to the rest."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def __call__(self, messages):
        if messages[0]["content"].startswith("You read facts"):
            return "{}"
        self.asked.append(messages)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, str) else json.dumps(answer)

    @property
    def words(self):
        return json.dumps(self.asked)


def says(text):
    """An extractor: `X key value` about a person, one statement to a turn; else nothing."""
    words = text.split()
    if len(words) < 3 or words[0] == "say":
        return {}
    entity = {"type": "person", "name": words[0]}
    return {"triples": [{"entity": entity, "key": words[1], "value": " ".join(words[2:])}]}


@pytest.fixture
def engine_with(make_memory):
    opened = []

    def make(*answers, **options):
        model = Model(*answers) if answers else None
        steps = make_memory(llm=model, extractor=says, **options)
        opened.append(steps)
        return next(steps), model

    yield make
    for steps in opened:
        next(steps, None)


@pytest.fixture
def plain(engine_with):
    """An engine without a language model."""
    return engine_with()[0]


def two_of(memory):
    for name in ("alice", "bob"):
        grants = dict.fromkeys(
            ("memory:read", "memory:write", "memory:forget"), f"org/acme/user/{name}/*"
        )
        memory.engine.add_principal(name, grants=grants)
    return memory.acting_for("alice"), memory.acting_for("bob")


def rows(memory, sql):
    with memory.engine._database.read() as connection:
        return connection.execute(sql).fetchall()


# --- reflect ----------------------------------------------------------------------------------------


def test_without_a_model_a_reflection_lists_the_facts_by_entity(plain):
    plain.tell("Ada city Lyon", "a")
    plain.tell("Ada sport climbing", "b")
    answer = plain.post("/reflect", {"query": "Ada city sport"})
    line = next(line for line in answer["reflection"].split("\n") if line.startswith("- Ada:"))
    assert "city: Lyon" in line
    assert "sport: climbing" in line
    assert any(item.startswith("attribute:") for item in answer["evidence"])
    assert answer["persistedAttributes"] == []
    assert answer["traceId"]


def test_a_reflection_on_nothing_says_so(engine_with):
    memory, model = engine_with({"reflection": "I invent."})
    answer = memory.post("/reflect", {"query": "quarks"})
    assert answer["reflection"] == "I have nothing stored about that."
    assert answer["evidence"] == []
    assert model.asked == []


INSIGHT = {
    "reflection": "Ada climbs near Lyon [S1][S2][S9].",
    "insights": [
        {"entityId": "person/Ada", "key": "hobby_place", "value": "Alps", "evidence": ["S1", "[S2]"],
         "confidence": 1.0, "scopes": [["/"]], "id": "attribute:1"},
        {"entityId": "person/Ada", "key": "invented", "value": "x", "evidence": []},
        {"entityId": "person/Ada", "key": "invented", "value": "y", "evidence": ["S99"]},
    ],
}  # fmt: skip


def test_a_models_reflection_cites_its_evidence(engine_with):
    memory, _ = engine_with(INSIGHT)
    memory.put("Ada", "city", "Lyon")
    memory.put("Ada", "sport", "climbing")
    answer = memory.post("/reflect", {"query": "Ada"})
    assert answer["reflection"] == "Ada climbs near Lyon [S1][S2]."
    assert len(answer["evidence"]) == 2
    assert answer["persistedAttributes"] == []
    assert memory.values("Ada", "hobby_place") == []


def test_a_persisted_insight_is_of_low_trust_and_says_where_it_comes_from(engine_with):
    memory, _ = engine_with(INSIGHT)
    memory.put("Ada", "city", "Lyon", scopes=ALICE)
    memory.put("Ada", "sport", "climbing", scopes=ALICE)
    answer = memory.post("/reflect", {"query": "Ada city sport", "persist": True})
    (stored,) = answer["persistedAttributes"]
    assert (stored["entityId"], stored["key"]) == ("entity:person/ada", "hobby_place")
    (row,) = rows(memory, "SELECT source_kind, confidence, canonical FROM attribute JOIN scope_set"
                          " ON scope_set.id = scope_set_id WHERE key = 'hobby_place'")  # fmt: skip
    assert row[0] == "reflect"
    assert row[1] < 0.7
    assert json.loads(row[2]) == [[ALICE]]
    assert rows(memory, "SELECT * FROM attribute WHERE key = 'invented'") == []


def test_an_insight_supersedes_nothing(engine_with):
    insight = {"entityId": "person/Ada", "key": "city", "value": "Nice", "evidence": ["S1"]}
    memory, _ = engine_with({"reflection": "x", "insights": [insight]})
    memory.tell("Ada city Lyon")
    memory.post("/reflect", {"query": "Ada city", "persist": True})
    assert sorted(memory.values("Ada", "city")) == ["Lyon", "Nice"]


def test_what_is_not_persisted_may_draw_on_all_that_the_caller_may_read(engine_with):
    evidence = [f"S{number}" for number in range(1, 9)]
    insight = {"entityId": "person/Ada", "key": "k", "value": "v", "evidence": evidence}
    memory, model = engine_with({"reflection": "x [S1]", "insights": [insight]})
    memory.put("Ada", "city", "Lyon", scopes=ALICE)
    memory.put("Ada", "sport", "climbing", scopes=[[ALICE, BOB]])
    memory.post("/reflect", {"query": "Ada city sport"})
    assert len(model.asked) == 1
    assert "Lyon" in model.words
    assert "climbing" in model.words
    assert memory.values("Ada", "k") == []


def test_what_is_stored_for_one_scope_comes_from_a_prompt_without_the_others(engine_with):
    """A model that mixes what it sees cannot put Bob's words into what Alice's scope holds."""

    class Mixing(Model):
        def __call__(self, messages):
            if messages[0]["content"].startswith("You read facts"):
                return "{}"
            seen = messages[-1]["content"]
            value = " ".join(word for word in ("Lyon", SECRET) if word in seen)
            insight = {
                "entityId": "person/Ada",
                "key": "mix",
                "value": value or "-",
                "evidence": [f"S{number}" for number in range(1, 9)],
            }
            return json.dumps({"reflection": "x", "insights": [insight]})

    memory, _ = engine_with({})
    memory.put("Ada", "city", "Lyon", scopes=ALICE)
    memory.put("Ada", "metal", SECRET, scopes=BOB)
    memory.engine._parts.settings.language_model._function = Mixing({})
    answer = memory.post("/reflect", {"query": "Ada city metal", "persist": True})
    assert sorted(item["value"] for item in answer["persistedAttributes"]) == ["Lyon", SECRET]
    for scope, value in ((ALICE, "Lyon"), (BOB, SECRET)):
        assert memory.values("Ada", "mix", lens=scope) == [value]


def test_persisting_needs_the_right_to_write(engine_with):
    memory, model = engine_with(INSIGHT)
    memory.put("Ada", "city", "Lyon", scopes=ALICE)
    memory.engine.add_principal("reader", grants={"memory:read": "/*"})
    memory.engine.add_principal(
        "elsewhere", grants={"memory:read": "/*", "memory:write": "org/other"}
    )
    reader = memory.acting_for("reader")
    assert reader.refused("POST", "/reflect", {"query": "Ada", "persist": True})["status"] == 403
    assert model.asked == []
    assert reader.post("/reflect", {"query": "Ada"})["evidence"]
    body = {"query": "Ada", "persist": True}
    assert memory.acting_for("elsewhere").post("/reflect", body)["persistedAttributes"] == []


def test_a_key_of_an_agent_may_not_persist_reflections(engine_with):
    memory, _ = engine_with(INSIGHT)
    memory.put("Ada", "city", "Lyon")
    manage = "/api/v1/contexts/default/keys"
    for kind, status in (("agent", 403), ("supervisor", 200)):
        body = {"name": kind, "principal": kind}
        key = mint(memory, manage, body)
        headers = {"authorization": f"Bearer {key}"}
        asked = {"query": "Ada city", "persist": True}
        assert memory.ask("POST", "/reflect", asked, headers=headers).status == status
        asked["persist"] = False
        assert memory.ask("POST", "/reflect", asked, headers=headers).status == 200


def mint(memory, path, body):
    request = Request("POST", path, "", {}, json.dumps(body).encode())
    response = memory.engine.handle(request)
    assert response.status == 201, response.body
    return json.loads(response.body)["key"]


@pytest.mark.parametrize("answer", ["nonsense", RuntimeError("down"), {"reflection": 3}, {}])
def test_a_model_that_cannot_reflect_is_replaced_by_the_list(engine_with, answer):
    memory, _ = engine_with(answer)
    memory.put("Ada", "city", "Lyon")
    told = memory.post("/reflect", {"query": "Ada city", "persist": True})
    assert "city: Lyon" in told["reflection"]
    assert told["persistedAttributes"] == []


def test_a_reflection_shows_nothing_of_another_user(engine_with):
    memory, model = engine_with({"reflection": "All I see [S1][S2][S3].", "insights": []})
    alice, bob = two_of(memory)
    bob.tell(f"Wolfram metal {SECRET}", "b")
    alice.tell("Ada metal iron")
    for query in ("metal", "Wolfram metal", SECRET):
        answer = alice.post("/reflect", {"query": query, "persist": True})
        shown = (model.words + json.dumps(answer)).replace(query, "")
        model.asked.clear()
        assert SECRET not in shown
        assert "Wolfram" not in shown
        assert ("iron" in shown) == ("metal" in query)


def test_a_lens_narrows_a_reflection(plain):
    plain.put("Ada", "city", "Lyon", scopes=ALICE)
    plain.put("Ada", "city", "Nice", scopes=BOB)
    told = plain.post("/reflect", {"query": "Ada city", "lens": ALICE})["reflection"]
    assert "Lyon" in told
    assert "Nice" not in told


@pytest.mark.parametrize("body", [{}, {"query": ""}, {"query": " "}, {"query": "x", "lens": []}])
def test_a_reflection_that_cannot_be_made_is_refused(plain, body):
    assert plain.refused("POST", "/reflect", body)["status"] == 400


# --- elaborate --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reference", ["entity:person/Ada", "person:ADA", "person/ada", "people:Ada"]
)
def test_a_value_that_names_an_entity_becomes_a_relation(plain, reference):
    plain.put("Ada", "mentor", "Ben")
    plain.put("Ben", "city", "Lyon")
    answer = plain.post("/elaborate", {"entityRef": reference})
    assert answer["relationsEmitted"] == 1
    (outcome,) = answer["outcomes"]
    assert outcome["entityName"] == "Ada"
    assert outcome["entityType"] == "person"
    assert outcome["relationsEmitted"] == 1
    assert outcome["proposedRelations"] == [
        {"subject": "person/ada", "label": "mentor", "object": "person/ben"}
    ]
    (relation,) = plain.get("/entities/person/ada")["relations"]
    assert relation["source"]["kind"] == "elaboration"
    assert outcome["traceId"]
    again = plain.post("/elaborate", {"entityRef": reference})
    assert again == {"relationsEmitted": 0, "outcomes": []}


def test_a_sweep_goes_over_all_entities_within_its_budget(plain):
    for name in ("Ada", "Eve", "Ian"):
        plain.put(name, "mentor", "Ben")
    plain.put("Ben", "city", "Lyon")
    assert plain.post("/elaborate", {"sweep": True, "budget": 2})["relationsEmitted"] == 2
    assert plain.post("/elaborate")["relationsEmitted"] == 1


def test_a_dry_run_proposes_and_stores_nothing(plain):
    plain.put("Ada", "mentor", "Ben")
    plain.put("Ben", "city", "Lyon")
    answer = plain.post("/elaborate", {"dryRun": True})
    assert answer["relationsEmitted"] == 0
    assert answer["outcomes"][0]["dryRun"] is True
    assert len(answer["outcomes"][0]["proposedRelations"]) == 1
    assert plain.get("/entities/person/ada")["relations"] == []


def test_a_name_that_two_entities_share_names_neither(plain):
    plain.put("Ada", "mentor", "Ben")
    plain.put("Ben", "city", "Lyon")
    entity = {"type": "project", "name": "Ben"}
    plain.post(
        "/facts", {"infer": "triples", "triples": [{"entity": entity, "key": "k", "value": "v"}]}
    )
    assert plain.post("/elaborate")["relationsEmitted"] == 0


def test_relations_of_a_value_that_no_longer_holds_are_closed(plain):
    plain.put("Ada", "mentor", "Ben")
    plain.put("Ben", "city", "Lyon")
    plain.put("Eve", "city", "Lyon")
    plain.post("/elaborate")
    plain.clock.forward(days=1)
    plain.put("Ada", "mentor", "Eve")
    plain.post("/elaborate")
    shown = plain.get("/entities/person/ada")["relations"]
    assert [relation["object"] for relation in shown] == ["entity:person/eve"]


def test_an_entity_of_another_scope_is_no_end_of_a_relation(plain):
    plain.put("Ada", "mentor", "Ben", scopes=ALICE)
    plain.put("Ben", "city", "Lyon", scopes=BOB)
    assert plain.post("/elaborate") == {"relationsEmitted": 0, "outcomes": []}


def test_elaboration_reads_and_writes_within_ones_own_region(plain):
    alice, bob = two_of(plain)
    bob.put("Ada", "mentor", "Ben")
    bob.put("Ben", "city", "Lyon")
    assert alice.post("/elaborate") == {"relationsEmitted": 0, "outcomes": []}
    real = alice.refused("POST", "/elaborate", {"entityRef": "person/Ada"})
    never = alice.refused("POST", "/elaborate", {"entityRef": "person/Nobody"})
    assert real["status"] == never["status"] == 404
    assert real["detail"].replace("ada", "nobody") == never["detail"]
    plain.engine.add_principal("mixed", grants={"memory:read": "/*", "memory:write": ALICE})
    answer = plain.acting_for("mixed").post("/elaborate")
    assert answer["relationsEmitted"] == 0
    assert len(answer["outcomes"][0]["proposedRelations"]) == 1
    assert bob.get("/entities/person/ada")["relations"] == []
    assert bob.post("/elaborate")["relationsEmitted"] == 1


def test_elaboration_needs_the_right_to_write(plain):
    plain.engine.add_principal("reader", grants={"memory:read": "/*"})
    for body in ({}, {"dryRun": True}):
        assert plain.acting_for("reader").refused("POST", "/elaborate", body)["status"] == 403


@pytest.mark.parametrize("reference", ["Ada", "", "entity:", "person/", "/Ada", "person:!!"])
def test_a_reference_that_names_no_entity_is_refused(plain, reference):
    assert plain.refused("POST", "/elaborate", {"entityRef": reference})["status"] == 400


def test_a_models_relations_stay_between_entities_of_their_scope(engine_with):
    proposals = [
        {"subject": "person/Ada", "label": "learns_from", "object": "person/Ben", "evidence": "F1"},
        {"subject": "person/Ada", "label": "knows", "object": "person/Wolfram", "evidence": "F1"},
        {"subject": "person/Ada", "label": "knows", "object": "person/Mallory", "evidence": "F1"},
        {"subject": "person/Ada", "label": "invented", "object": "person/Ben", "evidence": "F77"},
        {"subject": "person/Ada", "label": "self", "object": "person/Ada", "evidence": "F1",
         "scopes": [["/"]]},
    ]  # fmt: skip
    memory, model = engine_with({"relations": proposals})
    alice, bob = two_of(memory)
    bob.put("Wolfram", "metal", SECRET)
    bob.put("Bert", "metal", SECRET)
    alice.put("Ada", "mood", "thankful to Ben")
    alice.put("Ben", "city", "Lyon")
    answer = alice.post("/elaborate")
    assert answer["relationsEmitted"] == 1
    assert SECRET not in model.words
    assert "Wolfram" not in model.words
    (relation,) = alice.get("/entities/person/ada")["relations"]
    assert (relation["label"], relation["object"]) == ("learns_from", "entity:person/ben")
    assert bob.get("/entities/person/wolfram")["relations"] == []
    model.asked.clear()
    memory.post("/elaborate")
    assert len(model.asked) == 2
    for messages in model.asked:
        text = json.dumps(messages)
        assert (SECRET in text) != ("thankful" in text)


# --- consolidate ------------------------------------------------------------------------------------


def test_a_value_stated_by_several_turns_becomes_an_observation(plain):
    for text in ("Ada city Lyon", "Ada city  lyon", "Ada city Lyon"):
        plain.tell(text, memory_category="context")
        plain.clock.forward(hours=1)
    answer = plain.post("/consolidate")
    (outcome,) = answer["outcomes"]
    assert (answer["created"], answer["updated"], answer["superseded"]) == (1, 0, 0)
    assert (outcome["entityName"], outcome["key"], outcome["kind"]) == ("Ada", "city", "create")
    assert outcome["proofCount"] == 3
    assert outcome["persisted"] is True
    (shown,) = plain.get("/entities/person/ada")["attributes"]
    assert shown["id"] == outcome["observationId"]
    assert shown["memoryCategory"] == "knowledge"
    assert shown["source"]["kind"] == "consolidation"
    assert len(plain.history("Ada", "city")) > 1
    assert plain.recall("Ada city Lyon")
    assert answer["traceId"]


def test_consolidating_twice_changes_nothing_and_new_proofs_are_counted(plain):
    plain.tell("Ada city Lyon")
    plain.tell("Ada city Lyon")
    first = plain.post("/consolidate")["outcomes"][0]
    assert plain.post("/consolidate")["outcomes"] == []
    plain.tell("Ada city Lyon")
    answer = plain.post("/consolidate")
    assert (answer["created"], answer["updated"]) == (0, 1)
    assert answer["outcomes"][0]["proofCount"] == 3
    assert answer["outcomes"][0]["observationId"] == first["observationId"]
    assert plain.values("Ada", "city") == ["Lyon"]


def test_a_fact_said_once_is_left_alone(plain):
    plain.tell("Ada city Lyon")
    plain.put("Ben", "city", "Nice")
    plain.put("Ben", "city", "Nice")
    answer = plain.post("/consolidate")
    assert answer["outcomes"] == []
    assert answer["traceId"]


def test_a_newer_value_that_is_proven_more_supersedes(make_memory):
    def unsure(text):
        told = says(text)
        for triple in told.get("triples", ()):
            triple["confidence"] = 0.5
        return told

    steps = make_memory(extractor=unsure)
    memory = next(steps)
    memory.tell("Ada city Lyon")
    for _ in range(2):
        memory.clock.forward(days=1)
        memory.tell("Ada city Nice")
    assert sorted(memory.values("Ada", "city")) == ["Lyon", "Nice"]
    answer = memory.post("/consolidate")
    assert (answer["superseded"], answer["created"]) == (1, 0)
    assert answer["outcomes"][0]["value"] == "Nice"
    assert answer["outcomes"][0]["proofCount"] == 2
    assert memory.values("Ada", "city") == ["Nice"]
    assert memory.values("Ada", "city", asOf="2026-01-01T12:00:00Z") == ["Lyon"]
    memory.clock.forward(days=1)
    memory.tell("Ada city Lyon")
    assert memory.post("/consolidate")["superseded"] == 0
    next(steps, None)


def test_a_curated_value_is_never_touched(plain):
    plain.put("Ada", "city", "Lyon")
    for _ in range(3):
        plain.clock.forward(days=1)
        plain.tell("Ada city Nice")
    plain.post("/consolidate")
    assert sorted(plain.values("Ada", "city")) == ["Lyon", "Nice"]


def test_a_dry_run_says_what_it_would_do_and_does_nothing(plain):
    plain.tell("Ada city Lyon")
    plain.tell("Ada city Lyon")
    answer = plain.post("/consolidate", {"dryRun": True})
    assert answer["dryRun"] is True
    assert answer["created"] == 1
    assert answer["outcomes"][0]["persisted"] is False
    assert "observationId" not in answer["outcomes"][0]
    assert rows(plain, "SELECT * FROM attribute WHERE source_kind = 'consolidation'") == []
    assert plain.post("/consolidate")["created"] == 1


def test_forgotten_turns_prove_nothing(plain):
    plain.tell("Ada city Lyon", "a")
    plain.tell("Ada city Lyon", "b")
    plain.forget("Ada city Lyon")
    plain.tell("Ada city Lyon", "c")
    assert plain.post("/consolidate")["outcomes"] == []


def test_proofs_hold_no_words(plain):
    plain.tell(f"Ada metal {SECRET}")
    assert SECRET not in str(rows(plain, "SELECT * FROM proof"))


def test_facts_of_two_scopes_are_never_merged(plain):
    plain.tell("Ada city Lyon", None, scopes=ALICE)
    plain.tell("Ada city Lyon", None, scopes=BOB)
    assert plain.post("/consolidate")["outcomes"] == []
    plain.tell("Ada city Lyon", None, scopes=BOB)
    answer = plain.post("/consolidate")
    assert [outcome["proofCount"] for outcome in answer["outcomes"]] == [2]
    found = rows(plain, "SELECT canonical FROM attribute JOIN scope_set ON scope_set.id ="
                        " scope_set_id WHERE source_kind = 'consolidation'")  # fmt: skip
    assert [json.loads(row[0]) for row in found] == [[[BOB]]]


def test_groups_that_may_only_be_read_come_back_as_previews(plain):
    for scope in (ALICE, BOB):
        for _ in range(2):
            plain.tell("Ada city Lyon", None, scopes=scope)
    plain.engine.add_principal("mixed", grants={"memory:read": "/*", "memory:write": ALICE})
    plain.engine.add_principal("reader", grants={"memory:read": BOB})
    plain.engine.add_principal("nobody", grants={"memory:write": BOB})
    shown = plain.acting_for("reader").post("/consolidate")
    assert [outcome["persisted"] for outcome in shown["outcomes"]] == [False]
    assert shown["created"] == 0
    assert plain.acting_for("nobody").post("/consolidate")["outcomes"] == []
    answer = plain.acting_for("mixed").post("/consolidate")
    assert sorted(outcome["persisted"] for outcome in answer["outcomes"]) == [False, True]
    assert answer["created"] == 1


def test_consolidation_tells_nothing_of_another_user(plain):
    alice, bob = two_of(plain)
    for _ in range(2):
        bob.tell(f"Wolfram metal {SECRET}", "b")
    assert alice.post("/consolidate")["outcomes"] == []
    assert rows(plain, "SELECT * FROM attribute WHERE source_kind = 'consolidation'") == []


@pytest.mark.parametrize("body", [{"factLimit": 0}, {"observationLimit": -1}, {"dryRun": "maybe"}])
def test_limits_that_make_no_sense_are_refused(plain, body):
    assert plain.refused("POST", "/consolidate", body)["status"] == 400


def test_the_number_of_outcomes_is_bounded(plain):
    for name in ("Ada", "Ben", "Eve"):
        plain.tell(f"{name} city Lyon")
        plain.tell(f"{name} city Lyon")
    assert plain.post("/consolidate", {"observationLimit": 2})["created"] == 2
    assert plain.post("/consolidate")["created"] == 1


def test_a_models_observations_need_two_facts_of_their_own_scope(engine_with):
    observation = {"entityId": "person/Ada", "key": "life", "value": "lives by the sea"}
    memory, model = engine_with(
        {"observations": [
            {**observation, "evidence": ["F1", "F2"], "rationale": "both", "scopes": [["/"]]},
            {**observation, "key": "one", "evidence": ["F1", "F1", "F99"]},
            {**observation, "entityId": "person/Wolfram", "key": "two", "evidence": ["F1", "F2"]},
        ]}
    )  # fmt: skip
    alice, bob = two_of(memory)
    bob.tell(f"Wolfram metal {SECRET}", "b")
    bob.tell("Wolfram city Kiruna", "b")
    alice.tell("Ada city Nice")
    alice.tell("Ada sport sailing")
    answer = alice.post("/consolidate")
    (outcome,) = answer["outcomes"]
    assert (outcome["key"], outcome["proofCount"], outcome["kind"]) == ("life", 2, "create")
    assert outcome["rationale"] == "both"
    assert alice.values("Ada", "life") == ["lives by the sea"]
    assert SECRET not in model.words
    assert bob.values("Ada", "life") == []
    assert alice.post("/consolidate")["outcomes"] == []


def test_a_faulty_answer_is_repaired_once(engine_with):
    good = {"observations": []}
    memory, model = engine_with("nonsense", good)
    memory.tell("Ada city Nice")
    memory.tell("Ada sport sailing")
    assert memory.post("/consolidate")["outcomes"] == []
    assert len(model.asked) == 2
    memory, model = engine_with(RuntimeError("down"))
    memory.tell("Ada city Nice")
    memory.tell("Ada city Nice")
    assert memory.post("/consolidate")["created"] == 1


# --- questions --------------------------------------------------------------------------------------


def test_a_model_helps_a_question_and_fails_in_silence():
    assert (
        hypothetical_answer(as_language_model(lambda _: " It is blue. "), "code?") == "It is blue."
    )
    model = as_language_model(Model({"questions": ["Who?", "", "Who?", "Where?", "both?"]}))
    assert sub_questions(model, "Both?") == ["Who?", "Where?"]
    for failing in (Model(RuntimeError("down")), Model("")):
        assert hypothetical_answer(as_language_model(failing), "code?") is None
        assert sub_questions(as_language_model(failing), "code?") == []
    assert hypothetical_answer(None, "code?") is None
    assert sub_questions(None, "code?") == []
