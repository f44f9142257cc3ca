"""Text analysis: what two texts must share to find each other, and how questions are read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectron_adapters.local.search import text
from spectron_adapters.local.search.stemming import porter2, stem
from spectron_adapters.local.search.text import (
    LONGEST_WORD,
    MOST_TERMS,
    QUESTION,
    TIME,
    analyse,
    features,
    index_terms,
    parse_query,
)

DAY = 86_400_000_000


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the gardens", "a garden"),
        ("she bought it", "buying"),
        ("children", "a child"),
        ("my mum", "his mother"),
        ("CAFÉ", "cafe"),
        ("cafe\u0301", "café"),
        ("Straße", "STRASSE"),
        ("\uff26\uff55\uff4c\uff4c width", "full"),
        ("ﬁnance", "finance"),
        ("Nadia\u2019s boat", "nadia"),
        ("O\u2019Brien", "o'brien"),
        ("1,200,000 coins", "1200000"),
        ("on the 21st", "21"),
        ("due 2031-03-09", "9 March 2031"),
        ("call 555-0199", "0199"),
        ("write to Ada@Example.org.", "ada@example.org"),
        ("write to ada@example.org", "example"),
        ("C++ and F#", "c++"),
        ("snake_case_name", "case"),
        ("self-taught", "taught"),
        ("東京都に住む", "東京"),
        ("서울에서 만나요", "서울"),
        ("ฉันชอบกาแฟ", "กาแฟ"),
        ("हिन्दी भाषा", "हिन्दी"),
        ("party 🎉 tonight", "🎉"),
    ],
)
def test_a_text_is_found_by_another_form_of_its_word(one: str, other: str) -> None:
    """The query's terms all stand among the text's."""
    assert parse_query(other).terms
    assert set(parse_query(other).terms) <= set(analyse(one))


@pytest.mark.parametrize(
    ("one", "other"), [("university", "universe"), ("C", "C++"), ("東京", "京東"), ("3.5", "35")]
)
def test_different_words_stay_apart(one: str, other: str) -> None:
    """The query's terms are not all among the text's."""
    assert not set(parse_query(other).terms) <= set(analyse(one))


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("caresses", "caress"), ("ties", "tie"), ("cries", "cri"), ("gas", "gas"),
        ("gaps", "gap"), ("agreed", "agre"), ("proceed", "proceed"), ("hopping", "hop"),
        ("hoping", "hope"), ("luxuriated", "luxuri"), ("dying", "die"), ("evening", "evening"),
        ("adding", "add"), ("falling", "fall"), ("by", "by"), ("say", "say"), ("cry", "cri"),
        ("rational", "ration"), ("generously", "generous"), ("organization", "organiz"),
        ("university", "universiti"), ("geologist", "geolog"), ("hopefulness", "hope"),
        ("formality", "formal"), ("adoption", "adopt"), ("communism", "communism"),
        ("youth", "youth"), ("skies", "sky"), ("rolling", "roll"), ("possibly", "possibl"),
        ("relate", "relat"), ("hate", "hate"), ("controllable", "control"), ("pasted", "paste"),
    ],
)  # fmt: skip
def test_porter2_gives_the_published_stem(word: str, expected: str) -> None:
    """Each rule of the algorithm is met by at least one word."""
    assert porter2(word) == expected


@settings(max_examples=300)
@given(
    st.from_regex(r"\A[a-z]{1,9}(s|ed|ing|eed|ly|ational|ization|fulness|ment|ive|ies|ogist)?\Z")
)
def test_porter2_agrees_with_the_reference_implementation(word: str) -> None:
    """Generated words, with the endings that the rules know."""
    reference = pytest.importorskip("snowballstemmer").stemmer("english")
    assert porter2(word) == reference.stemWord(word)


@given(st.text())
def test_terms_are_single_tokens_whatever_the_text(value: str) -> None:
    """No space, quote, NUL or equals sign reaches the index, and no term is empty or endless."""
    for term in [*analyse(value), *parse_query(value).terms]:
        assert term
        assert not set(term) & set(' "\0=*()^')
        assert len(term) <= 2 * LONGEST_WORD


@given(st.text())
def test_every_text_is_found_by_itself(value: str) -> None:
    """A query's terms always stand among the terms of the same text."""
    assert set(parse_query(value).terms) <= set(analyse(value))


def test_stop_words_count_only_when_there_is_nothing_else() -> None:
    """They are dropped beside content, kept alone."""
    assert parse_query("what is the harbour like").terms == ("harbour",)
    assert parse_query("who are you").terms == ("who", "are", "you")
    assert parse_query(" \0 ?! … ").terms == ()


@pytest.mark.parametrize("query", ["in May", "what did May say", "8 may", "may 2031", "last may"])
def test_may_counts_as_a_month_or_a_name(query: str) -> None:
    """Where it is written as one, it is no stop word."""
    assert "may" in parse_query(query).terms


def test_may_is_otherwise_a_stop_word() -> None:
    """Asking leave is not asking about spring."""
    assert parse_query("may I use the boat").terms == ("use", "boat")


@pytest.mark.parametrize(
    "query", ["When was it?", "What year did he leave", "how long has she sung", "which day"]
)
def test_questions_about_time_are_recognised(query: str) -> None:
    """By their asking words."""
    assert parse_query(query).asks_when


@pytest.mark.parametrize("query", ["Whenever", "what colour", "how are you", "years ago"])
def test_other_questions_do_not_ask_for_a_time(query: str) -> None:
    """A word of time alone is no question about it."""
    assert not parse_query(query).asks_when


def test_a_very_long_question_is_read_by_its_longest_words() -> None:
    """The number of terms is bounded; order of mention is kept."""
    short = [f"q{i}" for i in range(100)]
    query = " ".join([*short, "lighthouse", *short])
    terms = parse_query(query).terms
    assert len(terms) == MOST_TERMS
    assert stem("lighthouse") in terms


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Where is it?", QUESTION),
        ('He asked: "where?"', QUESTION),
        ("どこですか\uff1f", QUESTION),
        ("Really? No.", 0),
        ("I left yesterday.", TIME),
        ("It was in 1998", TIME),
        ("Were you there last week?", QUESTION | TIME),
        ("You may march on", 0),
        ("", 0),
    ],
)
def test_features_tell_questions_and_times(value: str, expected: int) -> None:
    """A question is what ends by asking; a time is a word or a year."""
    assert features(value) == expected


def test_a_row_is_also_indexed_by_speaker_and_date() -> None:
    """Both stand among its terms; its length counts words that mean something."""
    terms, length, bits = index_terms("I was there yesterday", "Nadia Okoro", 19_000 * DAY)
    assert terms.split(" ") == [
        "i", "was", "there", "yesterday", "nadia", "okoro", "8", "januari", "2022",
    ]  # fmt: skip
    assert length == 6
    assert bits == TIME


def test_dates_before_1970_are_indexed_too() -> None:
    """A letter of 1969 was written on the last day of that year."""
    assert index_terms("x", None, -1)[0] == "x 31 decemb 1969"


def test_dates_outside_the_calendar_are_left_out() -> None:
    """Nothing fails on an absurd clock."""
    assert index_terms("x", None, 2**62)[0] == "x"


def test_endless_words_are_cut_and_cost_little() -> None:
    """A megabyte without spaces is one term, and a page of Chinese is all of its pairs."""
    assert analyse("a" * 1_000_000) == ["a" * LONGEST_WORD]
    assert len(analyse("漢字" * 500)) == 1999
    assert analyse("a@" * 100_000)


def test_the_module_keeps_no_text_but_its_caches() -> None:
    """Words are remembered up to a bound."""
    assert text._terms.cache_info().maxsize is not None
