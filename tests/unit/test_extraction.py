"""Types, normalisation and the admission of a caller's own extractor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

import pytest

from spectron_adapters.local.extraction.plain_statements import PlainStatements
from spectron_adapters.local.extraction.statements import (
    ENTITY_TYPES,
    AttributeStatement,
    EntityMention,
    EntityRef,
    Extractor,
    Instruction,
    KnownNames,
    RelationStatement,
    Statements,
    Uncertainty,
    Utterance,
    as_extractor,
    normalise_name,
    normalise_type,
    read_triples,
)

USER = {"type": "person", "name": "Ada"}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        *((name, name) for name in ENTITY_TYPES),
        ("Company", "organisation"),
        ("org", "organisation"),
        ("ORGANIZATION", "organisation"),
        (" City ", "location"),
        ("place", "location"),
        ("unknown", "unknown"),
        ("spaceship", "other"),
        ("", "other"),
    ],
)
def test_entity_types_fold_to_the_fixed_list(word: str, expected: str) -> None:
    assert normalise_type(word) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ada  Lovelace!", "ada_lovelace"),
        ("  ADA-Lovelace ", "ada_lovelace"),
        ("Stra\u00dfe 7", "strasse_7"),
        ("\uff21\uff24\uff21", "ada"),
        ("cafe\u0301", "caf\u00e9"),
        ("\u0939\u093f\u0928\u094d\u0926\u0940", "\u0939\u093f\u0928\u094d\u0926\u0940"),
        ("C_3_PO", "c_3_po"),
    ],
)
def test_names_are_compared_by_letters_and_digits(name: str, expected: str) -> None:
    assert normalise_name(name) == expected


@pytest.mark.parametrize("name", ["", "   ", "!!!", "\U0001f600", "__", "\u0301"])
def test_a_name_without_letters_or_digits_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no letters or digits"):
        normalise_name(name)


def test_an_entity_is_identified_by_normalised_type_and_name() -> None:
    assert EntityRef("Company", "ACME Ltd.").key == EntityRef("org", "acme ltd").key


def test_an_utterance_needs_a_known_role() -> None:
    with pytest.raises(ValueError, match="role must be one of user, assistant"):
        Utterance("robot", "hi")  # type: ignore[arg-type]  # the wrong role is the point


def test_an_utterance_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Utterance("user", "hi", datetime(2025, 1, 1))  # naive is the point


# --- triples --------------------------------------------------------------------------------------


def test_triples_become_attributes_and_relations() -> None:
    found = read_triples(
        [
            {"entity": USER, "key": "lives_in", "value": "Rome", "memory_category": "context"},
            {"entity": USER, "key": "likes", "target": {"type": "hobby", "name": "Chess"}},
        ]
    )
    assert found == Statements(
        entities=(EntityMention("person", "Ada", "context"), EntityMention("topic", "Chess")),
        attributes=(
            AttributeStatement(EntityRef("person", "Ada"), "lives_in", "Rome", "context", 1.0),
        ),
        relations=(
            RelationStatement(
                EntityRef("person", "Ada"), "likes", EntityRef("topic", "Chess"), confidence=1.0
            ),
        ),
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(3, "3"), (True, "true"), (1.5, "1.5"), (["a", "\u00e9"], '["a", "\u00e9"]'), ("", "")],
)
def test_values_are_written_as_text(value: object, text: str) -> None:
    (attribute,) = read_triples([{"entity": USER, "key": "k", "value": value}]).attributes
    assert attribute.value == text


def test_a_value_wins_over_a_target() -> None:
    target = {"type": "topic", "name": "Chess"}
    found = read_triples([{"entity": USER, "key": "k", "value": "v", "target": target}])
    assert (len(found.attributes), found.relations) == (1, ())


def test_times_are_read_from_text_or_given_as_they_are() -> None:
    since = datetime(2024, 5, 1, tzinfo=timezone.utc)
    (attribute,) = read_triples(
        [
            {
                "entity": USER,
                "key": "k",
                "value": "v",
                "valid_from": "2024-05-01T00:00:00Z",
                "valid_until": since,
            }
        ]
    ).attributes
    assert attribute.valid_from == attribute.valid_until == since


@pytest.mark.parametrize(
    ("triple", "error", "message"),
    [
        ({}, ValueError, r"triples\[0\] has no entity"),
        ("text", TypeError, r"triples\[0\] must be a mapping, not str"),
        ({"entity": USER}, ValueError, "has no key"),
        ({"entity": USER, "key": "k"}, ValueError, "needs a value or a target"),
        ({"entity": USER, "key": "k", "value": None}, ValueError, "needs a value or a target"),
        ({"entity": USER, "key": " ", "value": "v"}, ValueError, "key is blank"),
        ({"entity": USER, "key": 3, "value": "v"}, TypeError, "key must be a string"),
        ({"entity": "Ada", "key": "k", "value": "v"}, TypeError, "entity must be a mapping"),
        ({"entity": {"type": "person"}, "key": "k", "value": "v"}, ValueError, "has no name"),
        (
            {"entity": {"type": "person", "name": "!!!"}, "key": "k", "value": "v"},
            ValueError,
            r"triples\[0\].entity.name has no letters",
        ),
        ({"entity": USER, "key": "k", "vaule": "v"}, ValueError, "unknown fields: vaule"),
        (
            {"entity": USER, "key": "k", "value": "v", "memory_category": "episodic"},
            ValueError,
            "must be one of identity, knowledge, context",
        ),
        ({"entity": USER, "key": "k", "value": "v", "confidence": 2}, ValueError, "within 0 and 1"),
        ({"entity": USER, "key": "k", "value": "v", "confidence": "1"}, TypeError, "be a number"),
        ({"entity": USER, "key": "k", "value": "v", "negated": 1}, TypeError, "true or false"),
        ({"entity": USER, "key": "k", "value": "v", "valid_from": "soon"}, ValueError, "RFC 3339"),
        (
            {"entity": USER, "key": "k", "value": "v", "valid_from": "2024-05-01"},
            ValueError,
            "time zone",
        ),
        ({"entity": USER, "key": "k", "value": float("nan")}, TypeError, "plain JSON"),
        ({"entity": USER, "key": "k", "value": object()}, TypeError, "plain JSON"),
    ],
)
def test_a_malformed_triple_is_refused_with_its_place(
    triple: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        read_triples([triple])


@pytest.mark.parametrize("triples", ["text", {"entity": USER}, None, 3])
def test_triples_must_be_a_list(triples: object) -> None:
    with pytest.raises(TypeError, match="triples must be a list"):
        read_triples(triples)


# --- extractors -----------------------------------------------------------------------------------


def test_the_plain_extractor_is_an_extractor() -> None:
    assert isinstance(PlainStatements(), Extractor)
    admitted = as_extractor(PlainStatements())
    (name,) = admitted.extract([Utterance("user", "My name is Ada.")], KnownNames()).attributes
    assert name.value == "Ada"


def test_admitting_twice_changes_nothing() -> None:
    admitted = as_extractor(PlainStatements())
    assert as_extractor(admitted) is admitted


def test_a_function_is_called_for_each_user_turn_and_its_triples_keep_the_turn() -> None:
    seen = []

    def echo(text: str) -> dict[str, object]:
        seen.append(text)
        return {
            "triples": [{"entity": USER, "key": "said", "value": text}],
            "instructions": [{"label": "l", "description": text, "revoked": True}],
            "uncertainties": [{"about": "said", "reason": "why"}],
        }

    turns = [Utterance("user", "one"), Utterance("assistant", "two"), Utterance("user", "three")]
    found = as_extractor(echo).extract(turns, KnownNames())
    assert seen == ["one", "three"]
    assert [(item.value, item.utterance) for item in found.attributes] == [("one", 0), ("three", 2)]
    assert found.instructions[1] == Instruction("l", "three", revoked=True, utterance=2)
    assert found.uncertainties[0] == Uncertainty("said", "why", 0)
    assert [mention.name for mention in found.entities] == ["Ada"]
    assert found.attributes[0].confidence == 0.9


def test_a_function_may_return_statements() -> None:
    statement = AttributeStatement(EntityRef("person", "Ada"), "k", "v")
    turns = [Utterance("system", "x"), Utterance("user", "y")]
    found = as_extractor(lambda _text: Statements(attributes=(statement,))).extract(
        turns, KnownNames()
    )
    assert [item.utterance for item in found.attributes] == [1]


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (None, TypeError, "must return a mapping or Statements, not NoneType"),
        ([], TypeError, "not list"),
        ({"facts": []}, ValueError, "unknown fields facts; allowed: instructions, triples"),
        ({"triples": [{"key": "k"}]}, ValueError, r"triples\[0\] has no entity"),
        ({"instructions": [{"label": "x"}]}, ValueError, r"instructions\[0\] has no description"),
        ({"uncertainties": "x"}, TypeError, "uncertainties must be a list"),
    ],
)
def test_a_function_with_a_wrong_result_is_refused(
    result: object, error: type[Exception], message: str
) -> None:
    extractor = as_extractor(lambda _text: result)  # type: ignore[arg-type,return-value]  # wrong on purpose
    with pytest.raises(error, match=message):
        extractor.extract([Utterance("user", "hi")], KnownNames())


class Returning:
    def __init__(self, statements: object) -> None:
        self.statements = statements

    def extract(self, utterances: Sequence[Utterance], known: KnownNames) -> Statements:
        return self.statements  # type: ignore[return-value]  # wrong on purpose in some tests


ADA = EntityRef("person", "Ada")


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        ({}, TypeError, "must return Statements, not dict"),
        (
            Statements(attributes=(AttributeStatement(ADA, "k", "v", utterance=1),)),
            ValueError,
            r"attributes\[0\].utterance is 1, of 1",
        ),
        (
            Statements(attributes=(AttributeStatement(ADA, "k", "v", confidence=7),)),
            ValueError,
            "within 0 and 1",
        ),
        (
            Statements(attributes=(AttributeStatement(ADA, "k", "v", "episodic"),)),
            ValueError,
            "memory_category",
        ),  # type: ignore[arg-type]  # wrong on purpose
        (
            Statements(relations=(RelationStatement(ADA, "k", EntityRef("topic", "!")),)),
            ValueError,
            r"relations\[0\]: name has no letters",
        ),
        (Statements(entities=(EntityMention("topic", "?"),)), ValueError, r"entities\[0\]: name"),
        (
            Statements(
                attributes=(AttributeStatement(ADA, "k", "v", valid_from=datetime(2024, 1, 1)),)
            ),
            ValueError,
            "time zone",
        ),
        (
            Statements(instructions=(Instruction("l", "d", utterance=-1),)),
            ValueError,
            r"instructions\[0\]",
        ),
    ],
)
def test_an_extractor_with_a_wrong_result_is_refused(
    result: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        as_extractor(Returning(result)).extract([Utterance("user", "hi")], KnownNames())


@pytest.mark.parametrize("source", [None, 3, "text", {"extract": 1}])
def test_what_is_neither_extractor_nor_function_is_refused(source: object) -> None:
    with pytest.raises(TypeError, match="extractor must have a method"):
        as_extractor(source)  # type: ignore[arg-type]  # wrong on purpose


def test_a_class_instead_of_an_instance_is_refused() -> None:
    with pytest.raises(TypeError, match=r"PlainStatements\(\)"):
        as_extractor(PlainStatements)  # type: ignore[arg-type]  # wrong on purpose


async def _asynchronous(_text: str) -> dict[str, object]:
    return {}


class _Asynchronous:
    async def extract(self, utterances: Sequence[Utterance], known: KnownNames) -> Statements:
        return Statements()


@pytest.mark.parametrize("source", [_asynchronous, _Asynchronous()])
def test_an_asynchronous_extractor_is_refused_at_once(source: object) -> None:
    with pytest.raises(TypeError, match="must be synchronous"):
        as_extractor(source)  # type: ignore[arg-type]  # wrong on purpose


def test_a_function_that_turns_out_asynchronous_is_refused_without_a_warning() -> None:
    extractor = as_extractor(lambda text: _asynchronous(text))  # type: ignore[arg-type,return-value]  # noqa: PLW0108  # hides the coroutine
    with pytest.raises(TypeError, match="must be synchronous"):
        extractor.extract([Utterance("user", "hi")], KnownNames())
