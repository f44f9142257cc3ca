"""How statements meet what is stored: every row of the table, on every clock."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from spectron_adapters.local.engine import Engine
from spectron_adapters.local.extraction.statements import (
    AttributeStatement,
    EntityRef,
    Instruction,
    RelationStatement,
    Statements,
)

ADA = EntityRef("person", "Ada")


def read_script(text: str) -> Statements:
    """Reads `key=value@confidence`, `key!=value`, `label->name`, `label!->name`, `!order`."""
    if text.startswith("!"):
        label, _, description = text[1:].partition(":")
        return Statements(instructions=(Instruction(label, description, revoked=not description),))
    negated = "!" in text
    text = text.replace("!", "")
    if "->" in text:
        label, name = text.split("->")
        return Statements(
            relations=(RelationStatement(ADA, label, EntityRef("person", name), negated=negated),)
        )
    key, _, rest = text.partition("=")
    value, _, confidence = rest.partition("@")
    return Statements(
        attributes=(
            AttributeStatement(
                ADA, key, value, confidence=float(confidence or 0.9), negated=negated
            ),
        )
    )


@pytest.fixture
def scripted(clock, make_memory: Callable):
    yield from make_memory(extractor=read_script)


def live(memory, key="home", **query):
    return sorted(memory.values("Ada", key, **query))


def test_an_equal_value_makes_no_new_row(scripted):
    scripted.tell("home=Lyon")
    again = scripted.tell("home=Lyon")["extraction"]
    assert again["attributes"] == again["corrections"] == []
    assert len(scripted.history("Ada", "home")) == 1


def test_a_surer_value_supersedes_and_both_rows_are_linked(scripted, clock):
    scripted.tell("home=Lyon")
    then = clock.forward(days=1)
    extraction = scripted.tell("home=Paris")["extraction"]
    assert extraction["corrections"] == [
        {"entityId": "entity:person/ada", "key": "home", "oldValue": "Lyon", "newValue": "Paris"}
    ]
    new, old = scripted.history("Ada", "home")
    assert (old["value"], new["value"]) == ("Lyon", "Paris")
    assert old["validUntil"] == new["validFrom"] == then
    assert old["supersededBy"] == new["id"]
    assert new["supersedes"] == old["id"]
    assert "validUntil" not in new
    assert live(scripted) == ["Paris"]


@pytest.mark.parametrize("text", ["home=Paris@0.6", "home=Paris@0.85"])
def test_a_value_less_sure_than_the_floor_or_the_old_one_stands_beside_it(scripted, text):
    scripted.tell("home=Lyon")
    extraction = scripted.tell(text)["extraction"]
    assert live(scripted) == ["Lyon", "Paris"]
    assert extraction["corrections"] == []
    assert len(extraction["uncertainties"]) == 1


def test_a_sure_value_settles_a_disagreement(scripted):
    scripted.tell("home=Lyon")
    scripted.tell("home=Paris@0.6")
    extraction = scripted.tell("home=Rome@0.95")["extraction"]
    assert live(scripted) == ["Rome"]
    assert len(extraction["corrections"]) == 1


def test_said_against_curated_leaves_the_curated_value(scripted):
    scripted.put("Ada", "home", "Lyon")
    extraction = scripted.tell("home=Paris@1.0")["extraction"]
    assert live(scripted) == ["Lyon", "Paris"]
    assert "curated" in extraction["uncertainties"][0]["reason"]
    assert all("supersededBy" not in row for row in scripted.history("Ada", "home"))


def test_curated_against_said_keeps_both(scripted):
    scripted.tell("home=Paris")
    extraction = scripted.put("Ada", "home", "Lyon", session_id="s")["extraction"]
    assert live(scripted) == ["Lyon", "Paris"]
    assert len(extraction["uncertainties"]) == 1


def test_curated_values_supersede_each_other(scripted):
    scripted.put("Ada", "home", "Lyon")
    scripted.put("Ada", "home", "Paris")
    assert live(scripted) == ["Paris"]


def test_chains_of_different_scopes_do_not_meet(scripted):
    scripted.put("Ada", "home", "Lyon", scopes="team/a")
    extraction = scripted.put("Ada", "home", "Paris", scopes="team/b")["extraction"]
    assert extraction["corrections"] == extraction["uncertainties"] == []
    assert live(scripted) == ["Lyon", "Paris"]


def test_a_denial_closes_the_matching_value_without_a_successor(scripted, clock):
    scripted.tell("home=Lyon")
    then = clock.forward(days=1)
    scripted.tell("home!=lyon")
    assert live(scripted) == []
    (row,) = scripted.history("Ada", "home")
    assert row["validUntil"] == then
    assert "supersededBy" not in row
    assert scripted.recall("Ada home Lyon", include=["facts"]) != []  # the turns remain
    hits = scripted.query("Ada home Lyon")["hits"]
    assert all(hit["source"] != "attribute" for hit in hits)


def test_a_denial_of_another_value_closes_nothing(scripted):
    scripted.tell("home=Lyon")
    scripted.tell("home!=Paris")
    assert live(scripted) == ["Lyon"]


def test_a_denial_does_not_close_what_became_known_later(scripted, clock):
    before = clock.text
    clock.forward(days=10)
    scripted.tell("home=Lyon")
    scripted.tell("home!=Lyon", observed_at=before)
    assert live(scripted) == ["Lyon"]


def test_a_denial_leaves_a_curated_value_and_says_so(scripted):
    scripted.put("Ada", "home", "Lyon")
    extraction = scripted.tell("home!=Lyon")["extraction"]
    assert live(scripted) == ["Lyon"]
    assert len(extraction["uncertainties"]) == 1


def test_a_relation_is_stored_once_and_denied_once(scripted, clock):
    scripted.tell("knows->Bob")
    assert scripted.tell("knows->bob")["extraction"]["relations"] == []
    scripted.tell("knows->Eve")
    clock.forward(days=1)
    scripted.tell("knows!->Bob")
    shown = scripted.get("/entities/person/ada")["relations"]
    assert [item["object"] for item in shown] == ["entity:person/eve"]
    earlier = scripted.get("/entities/person/ada", asOf="2026-01-01T12:00:00Z")["relations"]
    assert [item["object"] for item in earlier] == ["entity:person/bob", "entity:person/eve"]


def test_an_instruction_replaces_its_namesake_and_can_be_revoked(scripted, clock):
    scripted.tell("!style:answer briefly")
    scripted.tell("note=1")
    clock.forward(days=1)
    scripted.tell("!style:answer at length")
    assert "- answer at length" in scripted.post("/context", {"query": ""})["context"]
    assert "briefly" not in scripted.post("/context", {"query": ""})["context"]
    clock.forward(days=1)
    scripted.tell("!style:")
    assert "Instructions" not in scripted.post("/context", {"query": ""})["context"]


def test_a_backfilled_value_takes_its_place_in_the_past(scripted):
    scripted.tell("home=Lyon", observed_at="2020-01-01T00:00:00Z")
    scripted.tell("home=Rome", observed_at="2024-01-01T00:00:00Z")
    extraction = scripted.tell("home=Paris", observed_at="2022-01-01T00:00:00Z")["extraction"]
    assert extraction["corrections"] == []
    rome, paris, lyon = scripted.history("Ada", "home")
    assert [rome["value"], paris["value"], lyon["value"]] == ["Rome", "Paris", "Lyon"]
    assert lyon["supersededBy"] == paris["id"]
    assert paris["supersedes"] == lyon["id"]
    assert paris["supersededBy"] == rome["id"]
    assert rome["supersedes"] == paris["id"]
    assert paris["validUntil"] == rome["validFrom"]
    assert lyon["validUntil"] == paris["validFrom"]
    assert live(scripted) == ["Rome"]
    years = {"2021": ["Lyon"], "2023": ["Paris"], "2025": ["Rome"], "2019": []}
    for year, values in years.items():
        assert live(scripted, asOf=f"{year}-01-01T00:00:00Z") == values


def test_a_value_older_than_the_first_one_becomes_the_first(scripted):
    scripted.tell("home=Rome", observed_at="2024-01-01T00:00:00Z")
    scripted.tell("home=Lyon", observed_at="2020-01-01T00:00:00Z")
    assert live(scripted) == ["Rome"]
    assert live(scripted, asOf="2021-01-01T00:00:00Z") == ["Lyon"]
    assert live(scripted, atInstant="2021-01-01T00:00:00Z") == ["Lyon"]
    entity = scripted.get("/entities/person/ada")["entity"]
    assert entity["createdAt"] == "2020-01-01T00:00:00Z"


def test_the_system_clock_shows_what_the_database_held(scripted, clock):
    scripted.put("Ada", "home", "Lyon", observed_at="2020-01-01T00:00:00Z")
    first = clock.forward(hours=1)
    clock.forward(hours=1)
    scripted.put("Ada", "home", "Paris", observed_at="2021-01-01T00:00:00Z")
    second = clock.forward(hours=1)
    assert scripted.recall("Ada home", atInstant=first) == ["Ada · home: Lyon", "Ada (person)"]
    assert "Ada · home: Paris" in scripted.recall("Ada home", atInstant=second)
    assert "Ada · home: Lyon" not in scripted.recall("Ada home", atInstant=second)
    assert scripted.recall("Ada home", atInstant="2025-01-01T00:00:00Z") == []


def test_a_fact_is_known_from_its_very_instant_and_gone_from_its_end(scripted):
    scripted.put("Ada", "home", "Lyon", observed_at="2020-01-01T00:00:00Z")
    scripted.put("Ada", "home", "Paris", observed_at="2022-01-01T00:00:00Z")
    for clock in ("asOf", "atInstant"):
        assert live(scripted, **{clock: "2019-12-31T23:59:59.999999Z"}) == []
        assert live(scripted, **{clock: "2020-01-01T00:00:00Z"}) == ["Lyon"]
        assert live(scripted, **{clock: "2021-12-31T23:59:59.999999Z"}) == ["Lyon"]
        assert live(scripted, **{clock: "2022-01-01T00:00:00Z"}) == ["Paris"]
    scripted.clock.forward(days=1)
    scripted.delete("/entities/person/ada")
    assert live(scripted, asOf=scripted.clock.text) == []
    assert live(scripted, asOf="2026-01-01T12:00:00Z") == ["Paris"]


def test_recall_follows_the_known_clock(scripted):
    scripted.put("Ada", "home", "Lyon", observed_at="2020-01-01T00:00:00Z")
    scripted.put("Ada", "home", "Paris", observed_at="2022-01-01T00:00:00Z")
    assert "Ada · home: Lyon" in scripted.recall("Ada home", asOf="2021-01-01T00:00:00Z")
    assert "Ada · home: Paris" not in scripted.recall("Ada home", asOf="2021-01-01T00:00:00Z")
    now = scripted.recall("Ada home")
    assert "Ada · home: Paris" in now
    assert "Ada · home: Lyon" not in now


def test_bounds_of_validity_select_rows_by_their_own_interval(scripted):
    scripted.put("Ada", "home", "Lyon", observed_at="2020-01-01T00:00:00Z")
    scripted.put("Ada", "home", "Paris", observed_at="2022-01-01T00:00:00Z")
    assert live(scripted, validFrom="2021-01-01T00:00:00Z") == ["Paris"]
    assert live(scripted, validUntil="2023-01-01T00:00:00Z") == ["Lyon"]
    assert live(scripted, validFrom="2019-01-01T00:00:00Z") == ["Lyon", "Paris"]
    hits = scripted.recall("Ada home", validUntil="2023-01-01T00:00:00Z")
    assert hits == ["Ada · home: Lyon"]


def test_a_stated_future_waits_and_the_present_lasts_until_then(make_memory, clock):
    def moving(text):
        start = None if text == "Lyon" else clock.now.replace(month=6)
        return Statements(attributes=(AttributeStatement(ADA, "home", text, valid_from=start),))

    for memory in make_memory(extractor=moving):
        memory.tell("Lyon")
        clock.forward(days=1)
        memory.tell("Paris")
        assert live(memory) == ["Lyon"]
        assert live(memory, atInstant="2026-07-01T00:00:00Z") == ["Paris"]
        clock.forward(days=200)
        assert live(memory) == ["Paris"]


def test_a_correction_before_a_stated_future_replaces_both(make_memory, clock):
    def moving(text):
        start = clock.now.replace(month=6) if text == "Paris" else None
        return Statements(attributes=(AttributeStatement(ADA, "home", text, valid_from=start),))

    for memory in make_memory(extractor=moving):
        memory.tell("Lyon")
        clock.forward(days=1)
        memory.tell("Paris")
        clock.forward(days=1)
        memory.tell("Rome")
        assert live(memory) == ["Rome"]
        assert live(memory, atInstant="2026-07-01T00:00:00Z") == ["Rome"]


def test_a_past_that_ended_does_not_replace_the_present(make_memory, clock):
    def past(text):
        if text == "Lyon":
            return Statements(attributes=(AttributeStatement(ADA, "home", text),))
        start, end = clock.now.replace(year=2010), clock.now.replace(year=2015)
        return Statements(
            attributes=(AttributeStatement(ADA, "home", text, valid_from=start, valid_until=end),)
        )

    for memory in make_memory(extractor=past):
        memory.tell("Lyon")
        memory.tell("Paris")
        assert live(memory) == ["Lyon"]
        assert live(memory, atInstant="2012-01-01T00:00:00Z") == ["Paris"]


def test_the_confidence_floor_is_the_operators(make_memory):
    for memory in make_memory(extractor=read_script, confidence_floor=0.95):
        memory.tell("home=Lyon@0.9")
        memory.tell("home=Paris@0.9")
        assert live(memory) == ["Lyon", "Paris"]


def test_options_outside_their_values_are_refused():
    with pytest.raises(ValueError, match="confidence_floor"):
        Engine(confidence_floor=1.5)
    with pytest.raises(ValueError, match="context"):
        Engine(context="Not A Context")
    with pytest.raises(ValueError, match="synchronous"):
        Engine(synchronous="OFF")
    with pytest.raises(ValueError, match="path"):
        Engine(":memory:")


def test_a_decision_is_traced(scripted):
    response = scripted.ask("POST", "/facts", {"text": "home=Lyon", "session_id": "s"})
    assert response.headers["x-trace-id"]
    assert json.loads(response.body)["extraction"]["attributes"]


# --- what is open, and what settles it ----------------------------------------------------------


def unknowns(memory):
    return [item["about"] for item in memory.get("/state")["unknowns"]]


def test_a_disagreement_is_open_until_one_value_is_left(scripted):
    scripted.tell("home=Lyon")
    scripted.tell("home=Paris@0.6")
    assert unknowns(scripted) == ["Ada · home"]
    scripted.tell("home=Rome@0.95")
    assert unknowns(scripted) == []


@pytest.mark.parametrize("settle", ["deny", "forget", "purge"])
def test_a_disagreement_ends_with_one_of_its_values(scripted, settle):
    scripted.tell("home=Lyon")
    scripted.tell("phone=1")
    scripted.tell("home=Paris@0.6")
    scripted.tell("phone=2@0.6")
    if settle == "deny":
        scripted.tell("home!=Paris")
    else:
        scripted.forget("Ada home Paris", purge=settle == "purge")
    assert live(scripted) == ([] if settle == "purge" else ["Lyon"])
    assert "Ada · home" not in unknowns(scripted)


def test_settling_one_key_leaves_the_others_open(scripted):
    scripted.tell("home=Lyon")
    scripted.tell("second home=Nice")
    scripted.tell("home=Paris@0.6")
    scripted.tell("second home=Cannes@0.6")
    scripted.tell("second home=Rome@0.95")
    assert unknowns(scripted) == ["Ada · home"]


def test_values_of_context_stand_side_by_side_without_a_question(make_memory):
    def read(text):
        value, _, confidence = text.partition("@")
        return Statements(
            attributes=(
                AttributeStatement(
                    ADA, "doing", value, "context", confidence=float(confidence or 0.9)
                ),
            )
        )

    for memory in make_memory(extractor=read):
        memory.tell("packing")
        memory.tell("phoning@0.6")
        assert live(memory, "doing") == ["packing", "phoning"]
        assert unknowns(memory) == []
        memory.put("Ada", "doing", "sleeping")
        assert len(unknowns(memory)) == 1


def test_a_relation_of_another_scope_is_another_relation(scripted):
    scripted.relate("Ada", "knows", "Bob", scopes="team/a")
    scripted.relate("Ada", "knows", "Bob", scopes="team/b")
    assert len(scripted.get("/entities/person/ada")["relations"]) == 2
    assert len(scripted.get("/entities/person/ada", lens="team/a")["relations"]) == 1


def test_a_revoked_order_is_kept_for_reads_of_earlier_times(scripted, clock):
    scripted.tell("!style:answer briefly")
    then = clock.text
    clock.forward(days=1)
    scripted.tell("!style:")
    assert scripted.get("/state")["instructions"] == []
    earlier = scripted.post("/context", {"query": "", "asOf": then})["context"]
    assert "answer briefly" in earlier


def test_a_less_sure_value_of_the_past_stands_beside_and_supersedes_nothing(scripted):
    scripted.tell("home=Rome", observed_at="2024-01-01T00:00:00Z")
    extraction = scripted.tell("home=Paris@0.6", observed_at="2022-01-01T00:00:00Z")["extraction"]
    assert extraction["corrections"] == []
    assert live(scripted) == ["Paris", "Rome"]
    assert unknowns(scripted) == ["Ada · home"]


def test_the_same_value_of_the_past_makes_no_new_row(scripted):
    scripted.tell("home=Rome", observed_at="2024-01-01T00:00:00Z")
    scripted.tell("home=Rome", observed_at="2022-01-01T00:00:00Z")
    assert len(scripted.history("Ada", "home")) == 1


def test_a_denial_below_the_floor_closes_nothing_and_is_noted(make_memory):
    def read(text):
        return Statements(
            attributes=(
                AttributeStatement(
                    ADA, "home", "Lyon", confidence=0.9 if text == "yes" else 0.5,
                    negated=text != "yes",
                ),
            )
        )  # fmt: skip

    for memory in make_memory(extractor=read):
        memory.tell("yes")
        assert len(memory.tell("no")["extraction"]["uncertainties"]) == 1
        assert live(memory) == ["Lyon"]
