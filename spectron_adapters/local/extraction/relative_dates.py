"""English date phrases resolved to spans of time: "last week", "2019", "5 May", "two years ago".

Only phrases whose bounds are certain are resolved; "a few years ago" is recognised but stays open.
Imports the standard library only.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal

__all__ = ["DATE_PHRASE", "DURATION", "VAGUE_TIME", "Span", "duration_start", "resolve"]

Direction = Literal["past", "future"]

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NUMBER_WORDS = "one two three four five six seven eight nine ten eleven twelve"
_COUNTS = {word: number for number, word in enumerate(_NUMBER_WORDS.split(), 1)}
_COUNTS |= {"a": 1, "an": 1, "fifteen": 15, "twenty": 20, "thirty": 30}

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_WEEKDAY = r"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
_UNIT = r"(?:day|week|month|year)"
_COUNT = (
    r"(?:\d{1,2}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen"
    r"|twenty|thirty)"
)
_YEAR = r"(?:19|20)\d\d"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"

DATE_PHRASE = (
    rf"(?:\d{{4}}-\d\d-\d\d|(?:the )?{_DAY} (?:of )?{_MONTH}(?:,? {_YEAR})?"
    rf"|{_MONTH} (?:the )?{_DAY}(?:,? {_YEAR})?|{_MONTH}(?: of)?,? {_YEAR}|{_MONTH}|{_YEAR}"
    rf"|(?:last|this|next) (?:{_UNIT}|weekend|{_WEEKDAY}|{_MONTH})|{_WEEKDAY}"
    rf"|{_COUNT} {_UNIT}s? ago|in {_COUNT} {_UNIT}s?"
    r"|the day before yesterday|the day after tomorrow|yesterday|today|tonight|tomorrow)"
)
"""A phrase that `resolve` understands, as a regular expression without anchors."""

DURATION = rf"(?:(?:the )?(?:last|past) )?{_COUNT} {_UNIT}s?"
"""How long: the words after "for" in "for three years"."""

VAGUE_TIME = (
    r"(?:(?:a few|a couple(?: of)?|several|some|many|about|around|almost|nearly|over|more than"
    rf"|roughly|a good) (?:{_COUNT} )?{_UNIT}s?(?: ago| now)?"
    r"|a (?:long )?(?:while|time)(?: ago| back)?|(?:ages|years|months|weeks)(?: ago)?|recently"
    r"|lately|the other day"
    r"|(?:last|this|next) (?:spring|summer|autumn|fall|winter)|some time ago|not long ago"
    r"|i was \w+|(?:my )?childhood|forever|birth)"
)
"""Words that say when without saying exactly when."""

_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_DAY_MONTH = re.compile(
    rf"(?:the )?(\d{{1,2}})(?:st|nd|rd|th)? (?:of )?({_MONTH})(?:,? ({_YEAR}))?"
)
_MONTH_DAY = re.compile(rf"({_MONTH}) (?:the )?(\d{{1,2}})(?:st|nd|rd|th)?(?:,? ({_YEAR}))?")
_MONTH_YEAR = re.compile(rf"({_MONTH})(?:(?: of)?,? ({_YEAR}))?")
_ONLY_YEAR = re.compile(rf"({_YEAR})")
_AGO = re.compile(rf"({_COUNT}) ({_UNIT})s? ago")
_AHEAD = re.compile(rf"in ({_COUNT}) ({_UNIT})s?")
_NAMED = re.compile(rf"(?:(last|this|next) )?({_UNIT}|weekend|{_WEEKDAY}|{_MONTH})")
_LENGTH = re.compile(rf"(?:(?:the )?(?:last|past) )?({_COUNT}) ({_UNIT})s?")
_DAY_WORDS = {
    "the day before yesterday": -2,
    "yesterday": -1,
    "today": 0,
    "tonight": 0,
    "tomorrow": 1,
    "the day after tomorrow": 2,
}


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time.

    Attributes:
        start: First instant, inclusive.
        end: First instant after it.
        fixed: The phrase names the same span whenever it is said ("5 May 2024").
    """

    start: datetime
    end: datetime
    fixed: bool = False

    @property
    def label(self) -> str:
        """ISO 8601: the day, month or year, else first and last day joined by a slash."""
        first, last = self.start.date(), (self.end - timedelta(days=1)).date()
        if first == last:
            return first.isoformat()
        if self.end == _shift(self.start, "month", 1) and first.day == 1:
            return first.isoformat()[:7]
        if self.end == _shift(self.start, "year", 1) and first.timetuple().tm_yday == 1:
            return first.isoformat()[:4]
        return f"{first.isoformat()}/{last.isoformat()}"


def resolve(phrase: str, said_at: datetime | None, *, direction: Direction = "past") -> Span | None:
    """The span that a date phrase means when said at a given time.

    Args:
        phrase: A phrase of the form `DATE_PHRASE`, any case.
        said_at: When it was said, with a time zone; None resolves only fixed dates, in UTC.
        direction: Which May a bare "May" or "Friday" means.

    Returns:
        The span in the time zone of `said_at`, or None if its bounds are not certain.
    """
    words = " ".join(phrase.casefold().split())
    try:
        fixed = _resolve_fixed(words, said_at)
        if fixed is not None or said_at is None:
            return fixed
        midnight = said_at.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        return _resolve_relative(words, midnight, direction)
    except (ValueError, OverflowError):
        return None


def duration_start(phrase: str, said_at: datetime | None) -> datetime | None:
    """When something began that has lasted for a stated duration.

    Args:
        phrase: A duration of the form `DURATION`.
        said_at: When it was said.

    Returns:
        The start of the day so long ago, or None if it cannot be known.
    """
    found = _LENGTH.fullmatch(" ".join(phrase.casefold().split()))
    if found is None or said_at is None:
        return None
    midnight = said_at.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    try:
        return _shift(midnight, found[2], -_count(found[1]))
    except (ValueError, OverflowError):
        return None


def _resolve_fixed(words: str, said_at: datetime | None) -> Span | None:
    zone = said_at.tzinfo if said_at is not None else timezone.utc
    if found := _ISO.fullmatch(words):
        return _day(datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=zone), fixed=True)
    if found := _ONLY_YEAR.fullmatch(words):
        start = datetime(int(found[1]), 1, 1, tzinfo=zone)
        return Span(start, _shift(start, "year", 1), fixed=True)
    if (found := _MONTH_YEAR.fullmatch(words)) and found[2]:
        start = datetime(int(found[2]), _month_number(found[1]), 1, tzinfo=zone)
        return Span(start, _shift(start, "month", 1), fixed=True)
    day, month, year = _day_month(words)
    if year:
        return _day(datetime(int(year), _month_number(month), int(day), tzinfo=zone), fixed=True)
    return None


def _day_month(words: str) -> tuple[str, str, str]:
    if found := _DAY_MONTH.fullmatch(words):
        return found[1], found[2], found[3] or ""
    if found := _MONTH_DAY.fullmatch(words):
        return found[2], found[1], found[3] or ""
    return "", "", ""


def _resolve_relative(words: str, midnight: datetime, direction: Direction) -> Span | None:
    if words in _DAY_WORDS:
        return _day(midnight + timedelta(days=_DAY_WORDS[words]))
    for pattern, sign in ((_AGO, -1), (_AHEAD, 1)):
        if found := pattern.fullmatch(words):
            return _coarse(_shift(midnight, found[2], sign * _count(found[1])), found[2])
    day, month, _ = _day_month(words)
    if day:
        start = midnight.replace(month=_month_number(month), day=int(day))
        return _day(_nearest_year(start, midnight, direction))
    if found := _NAMED.fullmatch(words):
        return _named(found[1] or "", found[2], midnight, direction)
    return None


def _named(which: str, name: str, midnight: datetime, direction: Direction) -> Span | None:
    if name in _WEEKDAYS:
        return _weekday(which, _WEEKDAYS.index(name), midnight, direction)
    step = {"last": -1, "this": 0, "next": 1}.get(which)
    monday = midnight - timedelta(days=midnight.weekday())
    if name == "weekend" and step is not None:
        start = monday + timedelta(days=5 + 7 * step)
        return Span(start, start + timedelta(days=2))
    if name == "week" and step is not None:
        start = monday + timedelta(days=7 * step)
        return Span(start, start + timedelta(days=7))
    if name in ("month", "year") and step is not None:
        first = midnight.replace(day=1) if name == "month" else midnight.replace(month=1, day=1)
        start = _shift(first, name, step)
        return Span(start, _shift(start, name, 1))
    if name in ("day", "week", "month", "year", "weekend"):
        return None
    start = midnight.replace(month=_month_number(name), day=1)
    if which != "this":
        towards: Direction = "future" if which == "next" else "past" if which else direction
        start = _nearest_year(start, midnight, towards)
    return Span(start, _shift(start, "month", 1))


def _weekday(which: str, index: int, midnight: datetime, direction: Direction) -> Span | None:
    ahead = (index - midnight.weekday()) % 7
    if which == "this":
        monday = midnight - timedelta(days=midnight.weekday())
        return _day(monday + timedelta(days=index))
    if which == "next" or (not which and direction == "future"):
        return _day(midnight + timedelta(days=ahead or 7))
    return _day(midnight - timedelta(days=(7 - ahead) % 7 or 7))


def _nearest_year(start: datetime, midnight: datetime, direction: Direction) -> datetime:
    if direction == "past" and start > midnight:
        return start.replace(year=start.year - 1)
    if direction == "future" and start < midnight.replace(day=1):
        return start.replace(year=start.year + 1)
    return start


def _coarse(start: datetime, unit: str) -> Span:
    """The whole month or year of a date counted in months or years: "2 years ago" is no day."""
    if unit == "year":
        start = start.replace(month=1, day=1)
    elif unit == "month":
        start = start.replace(day=1)
    return Span(start, _shift(start, unit, 1))


def _shift(start: datetime, unit: str, count: int) -> datetime:
    if unit == "day":
        return start + timedelta(days=count)
    if unit == "week":
        return start + timedelta(weeks=count)
    months = start.year * 12 + start.month - 1 + count * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    last_day = calendar.monthrange(year, month + 1)[1]
    return start.replace(year=year, month=month + 1, day=min(start.day, last_day))


def _day(start: datetime, *, fixed: bool = False) -> Span:
    return Span(start, start + timedelta(days=1), fixed)


def _count(word: str) -> int:
    return int(word) if word.isdecimal() else _COUNTS[word]


def _month_number(word: str) -> int:
    return _MONTHS.index(word[:3]) + 1
