"""Properties of extraction over arbitrary text."""

from __future__ import annotations

import re
import time
import unicodedata
from datetime import datetime, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spectron_adapters.local.extraction.plain_statements import PlainStatements
from spectron_adapters.local.extraction.statements import (
    KnownNames,
    Statements,
    Utterance,
    as_extractor,
    normalise_name,
)

SAID_AT = datetime(2025, 3, 12, 15, 30, tzinfo=timezone.utc)
WORDS = (
    "I i'm my we live lives in Rome rome Ann at Acme work works as a nurse love like tea and , . ! ? ; : - "
    "not no longer don't since 2019 last week yesterday name is Bob actually always answer French "
    "\u2019 \u201c \" ' ( ) never stop meant but moved from to have two kids dog named called favourite "
    "colour allergic 5 May deadline I've been for years dog, one sister Ann called isn't it Could you wait > ` \n \U0001f600 <b> </b> the The was born on"
).split(" ")
texts = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join),
    st.lists(st.sampled_from(WORDS), max_size=60).map("".join),
)
turns = st.builds(
    Utterance,
    role=st.sampled_from(["user", "assistant", "system", "tool"]),
    text=texts,
    said_at=st.sampled_from([None, SAID_AT]),
    speaker=st.one_of(st.none(), st.text(max_size=10)),
)


def read(utterances: list[Utterance]) -> Statements:
    return as_extractor(PlainStatements()).extract(utterances, KnownNames())


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(turns, max_size=4))
def test_any_text_is_read_without_error_and_always_the_same(utterances: list[Utterance]) -> None:
    found = read(utterances)
    assert found == read(utterances)
    for items in (found.attributes, found.relations, found.instructions, found.uncertainties):
        numbers = [item.utterance for item in items]
        assert numbers == sorted(numbers)
        assert all(utterances[number].role == "user" for number in numbers)


def plain(text: str) -> str:
    """Letters and digits only, contractions and typography aside."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(turns)
def test_nothing_is_invented(utterance: Utterance) -> None:
    found = read([utterance])
    said = plain(utterance.text)
    for attribute in found.attributes:
        stated = re.sub(r" \(\d{4}-[\d/-]+\)$", "", attribute.value)
        counted = attribute.key.startswith("number_of_") and stated == "one"
        assert plain("a" if counted else stated) in said
    for relation in found.relations:
        assert plain(relation.object.name) in said
    for order in found.instructions:
        assert plain(order.description) in said
    names = {"user", plain(utterance.speaker or "")}
    assert all(
        plain(mention.name) in said or plain(mention.name) in names for mention in found.entities
    )


@settings(max_examples=200)
@given(st.text(max_size=60))
def test_a_normalised_name_is_stable(name: str) -> None:
    try:
        once = normalise_name(name)
    except ValueError:
        assert not any(character.isalnum() for character in unicodedata.normalize("NFKC", name))
        return
    assert normalise_name(once) == once
    assert normalise_name(f"  {name.upper().lower()}? ") == normalise_name(name.upper().lower())


LENGTH = 200_000
HOSTILE = [
    "a", "I ", "I live in ", "'\"", '"I live in Rome. ', "<a><b>", "<a ", "(", "[S1] ", " - ", ", ", "I like a, ",
    ".", "\n", " ", "`", "\U0001f602", "I like a and ", "Ann Bob Cat lives in ", "not a, not a ", "a.b.", "1", ": a",
    "'a", "hi, ", "please just and call me ", "for a ", "<aaaaaaaaaaaaaaaaa", "my a-", "since 2019 ", "\u0301", "~~~",
    "My email is a.a.a.a.a.a.a.a@", "I moved from a to a from a to ", "Always use tea. Stop using tea. ", "I live in Rome. I meant Oslo. ",
    "always use ", "I meant not a, ", "\t\u00a0", "my my ", "my sister, Ann, ", "it: ", "me: I live in Rome ",
    "Tom (1) ", "I am a nurse of of at at in in from from ", "my is not my is not ", "I live in Rome, can you ",
    "I am a a-year-old ", "with my a Ann ", "I live at 1 A, ", "and I am Ann, ",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_reading_a_long_hostile_text_takes_time_in_proportion_to_its_length(piece: str) -> None:
    """Eight times the text may take 24 times as long; the square would take 64 times.

    A regular expression's backtracking cannot be counted, hence processor time. Differences below
    half a second tell nothing, and a loaded machine is measured again.
    """
    for _ in range(3):
        short = seconds_for(piece, LENGTH // 8)
        long = seconds_for(piece, LENGTH)
        if long <= max(24 * short, 0.5):
            return
    pytest.fail(f"{LENGTH // 8} characters took {short:.2f} s, {LENGTH} took {long:.2f} s")


def seconds_for(piece: str, length: int) -> float:
    text = piece * (length // len(piece))
    started = time.process_time()
    PlainStatements().extract([Utterance("user", text, SAID_AT)], KnownNames())
    return time.process_time() - started
