"""The deterministic extractor's precision and recall on the labelled sentences, and their scoring."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.extraction import (
    PARTS,
    Labelled,
    Outcome,
    Part,
    figures,
    judge,
    load,
    normal,
    part_of,
)

RECALL_FLOOR = {"development": 0.97, "held-out": 0.9}


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return judge(load())


@pytest.mark.parametrize("part", PARTS)
def test_precision_is_at_least_95_percent_and_recall_above_its_floor(
    part: Part, outcomes: list[Outcome]
) -> None:
    found = figures(part_of(outcomes, part))
    assert found.precision >= 0.95
    assert found.recall >= RECALL_FLOOR[part]


@pytest.mark.parametrize("part", PARTS)
def test_hardly_any_trap_springs(part: Part, outcomes: list[Outcome]) -> None:
    found = figures(part_of(outcomes, part))
    assert found.sprung <= 0.02 * found.traps


def test_the_labelled_file_is_large_and_at_least_half_of_it_are_traps() -> None:
    sentences = load()
    assert len(sentences) >= 300
    assert sum(not sentence.expect for sentence in sentences) >= len(sentences) / 2
    for part in PARTS:
        assert sum(sentence.part == part for sentence in sentences) >= len(sentences) * 0.4


def test_every_label_is_a_fact_and_no_sentence_comes_twice() -> None:
    sentences = load()
    for sentence in sentences:
        for fact in (*sentence.expect, *sentence.allow):
            assert normal(fact)
    assert len({sentence.id for sentence in sentences}) == len(sentences)
    assert len({replace(sentence, id="") for sentence in sentences}) == len(sentences)


def judged(expect: tuple[str, ...], allow: tuple[str, ...] = ()) -> Outcome:
    text = "I live in Rome and my sister is called Ida."
    return judge([Labelled("x-1", text, expect, allow)])[0]


def test_a_fact_counts_as_right_wrong_or_missed() -> None:
    outcome = judged(("lives_in = Rome", "works_at = Acme"))
    assert outcome.right == ("person/user: lives_in = Rome",)
    assert outcome.wrong == ("person/user: sister > person/Ida",)
    assert outcome.missed == ("works_at = Acme",)
    found = figures([outcome])
    assert (found.precision, found.recall) == (0.5, 0.5)


@pytest.mark.parametrize(
    "label",
    ["not lives_in = Rome", "lives_in = Oslo", "lives_in = Rome @2020-01-01", "person/Ida: lives_in = Rome"],
)  # fmt: skip
def test_denial_value_date_and_subject_must_agree(label: str) -> None:
    assert judged((label,)).missed == (label,)


def test_what_is_allowed_is_neither_right_nor_wrong() -> None:
    outcome = judged(("lives_in = rome",), ("sister > person/Ida",))
    assert (len(outcome.right), outcome.wrong, outcome.missed) == (1, (), ())


def test_a_trap_springs_if_anything_is_read() -> None:
    found = figures([judged(())])
    assert (found.traps, found.sprung, found.precision, found.recall) == (1, 1, 0.0, 1.0)


def test_a_label_that_is_no_fact_is_refused() -> None:
    with pytest.raises(ValueError, match="not a fact"):
        normal("lives in Rome")
