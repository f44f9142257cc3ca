"""Date phrases and the spans they mean."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from spectron_adapters.local.extraction.relative_dates import duration_start, resolve

SAID_AT = datetime(2024, 3, 31, 22, 15, tzinfo=timezone(timedelta(hours=-5)))  # a Sunday


@pytest.mark.parametrize(
    ("phrase", "start", "end"),
    [
        ("today", "2024-03-31", "2024-04-01"),
        ("Yesterday", "2024-03-30", "2024-03-31"),
        ("the day before yesterday", "2024-03-29", "2024-03-30"),
        ("tomorrow", "2024-04-01", "2024-04-02"),
        ("last week", "2024-03-18", "2024-03-25"),
        ("this week", "2024-03-25", "2024-04-01"),
        ("next week", "2024-04-01", "2024-04-08"),
        ("last weekend", "2024-03-23", "2024-03-25"),
        ("last month", "2024-02-01", "2024-03-01"),
        ("next month", "2024-04-01", "2024-05-01"),
        ("last year", "2023-01-01", "2024-01-01"),
        ("last friday", "2024-03-29", "2024-03-30"),
        ("next Friday", "2024-04-05", "2024-04-06"),
        ("Sunday", "2024-03-24", "2024-03-25"),
        ("last October", "2023-10-01", "2023-11-01"),
        ("October", "2023-10-01", "2023-11-01"),
        ("3 days ago", "2024-03-28", "2024-03-29"),
        ("two weeks ago", "2024-03-17", "2024-03-24"),
        ("a month ago", "2024-02-01", "2024-03-01"),
        ("two years ago", "2022-01-01", "2023-01-01"),
        ("in three months", "2024-06-01", "2024-07-01"),
        ("2019", "2019-01-01", "2020-01-01"),
        ("March 2021", "2021-03-01", "2021-04-01"),
        ("5 May 2021", "2021-05-05", "2021-05-06"),
        ("May 5th, 2021", "2021-05-05", "2021-05-06"),
        ("the 5th of May", "2023-05-05", "2023-05-06"),
        ("2021-05-05", "2021-05-05", "2021-05-06"),
    ],
)
def test_a_phrase_means_a_span_of_days(phrase: str, start: str, end: str) -> None:
    span = resolve(phrase, SAID_AT)
    assert span is not None
    assert (span.start.date().isoformat(), span.end.date().isoformat()) == (start, end)
    assert span.start.utcoffset() == SAID_AT.utcoffset()


@pytest.mark.parametrize(
    ("phrase", "start"),
    [("Friday", "2024-04-05"), ("5 May", "2024-05-05"), ("2 January", "2025-01-02")],
)
def test_a_bare_day_may_lie_ahead(phrase: str, start: str) -> None:
    span = resolve(phrase, SAID_AT, direction="future")
    assert span is not None
    assert span.start.date().isoformat() == start


@pytest.mark.parametrize(
    "phrase",
    [
        "a few years ago",
        "recently",
        "31 June",
        "last summer",
        "0000-01-01",
        "week",
        "99 years hence",
        "",
    ],
)
def test_an_uncertain_phrase_stays_open(phrase: str) -> None:
    assert resolve(phrase, SAID_AT) is None


@pytest.mark.parametrize("phrase", ["yesterday", "last week", "5 May", "March", "two years ago"])
def test_a_relative_phrase_needs_the_time_of_speaking(phrase: str) -> None:
    assert resolve(phrase, None) is None


def test_a_fixed_date_is_marked_as_such() -> None:
    fixed, relative = resolve("5 May 2021", SAID_AT), resolve("yesterday", SAID_AT)
    assert fixed is not None
    assert fixed.fixed
    assert relative is not None
    assert not relative.fixed


@pytest.mark.parametrize(
    ("length", "start"),
    [
        ("three years", "2021-03-31"),
        ("a month", "2024-02-29"),
        ("the last 2 weeks", "2024-03-17"),
        ("one day", "2024-03-30"),
    ],
)
def test_a_duration_counts_back_from_the_time_of_speaking(length: str, start: str) -> None:
    began = duration_start(length, SAID_AT)
    assert began is not None
    assert began.date().isoformat() == start


@pytest.mark.parametrize("length", ["ages", "a few years", "", "years"])
def test_an_uncertain_duration_has_no_start(length: str) -> None:
    assert duration_start(length, SAID_AT) is None


def test_counting_back_before_the_calendar_begins_is_uncertain() -> None:
    first = datetime(3, 1, 1, tzinfo=timezone.utc)
    assert resolve("twenty years ago", first) is None
    assert duration_start("twenty years", first) is None
