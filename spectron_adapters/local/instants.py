"""Instants and identifiers: integer microseconds since 1970 (UTC), and sortable ids.

The clock and the source of randomness are injected. Imports the standard library and `models`.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import TypeAlias

from spectron_adapters.models import parse_timestamp

__all__ = [
    "Clock",
    "IdSource",
    "SortableIds",
    "from_datetime",
    "now_from",
    "parse_instant",
    "to_datetime",
    "to_text",
    "utc_now",
]

Clock: TypeAlias = Callable[[], datetime]
IdSource: TypeAlias = Callable[[int], str]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_ALPHABET = b"0123456789abcdefghjkmnpqrstvwxyz"
_TO_ALPHABET = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _ALPHABET)


def utc_now() -> datetime:
    """The clock of the machine."""
    return datetime.now(timezone.utc)


def from_datetime(moment: datetime) -> int:
    """Microseconds of an aware datetime.

    Raises:
        ValueError: It has no time zone.
    """
    if moment.utcoffset() is None:
        raise ValueError(f"{moment!r} has no time zone; use datetime.now(timezone.utc)")
    return (moment - _EPOCH) // _MICROSECOND


def now_from(clock: Clock) -> int:
    """The clock's time in microseconds.

    Raises:
        TypeError: The clock returned something else than a datetime.
        ValueError: The clock's datetime has no time zone.
    """
    moment = clock()
    if not isinstance(moment, datetime):
        raise TypeError(f"the clock returned {type(moment).__name__}, not an aware datetime")
    return from_datetime(moment)


def parse_instant(text: str | None) -> int | None:
    """Microseconds of an RFC 3339 string; None stays None.

    Raises:
        ValueError: Not RFC 3339, without a time zone, or outside the years 1 to 9999 in UTC.
    """
    if text is None:
        return None
    instant = from_datetime(parse_timestamp(text))
    try:
        to_datetime(instant)
    except OverflowError:
        raise ValueError(f"{text!r} lies outside the years 1 to 9999 in UTC") from None
    return instant


def to_datetime(instant: int) -> datetime:
    """The aware datetime (UTC) of an instant."""
    return _EPOCH + timedelta(microseconds=instant)


def to_text(instant: int) -> str:
    """The RFC 3339 string of an instant, in UTC, with fractions only where there are some."""
    return to_datetime(instant).isoformat().replace("+00:00", "Z")


class SortableIds:
    """Ids of 26 characters that sort by time and cannot be guessed (48 bits time, 80 random)."""

    def __init__(self, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._random_bytes = random_bytes

    def __call__(self, instant: int) -> str:
        """A new id for something that happens at an instant."""
        milliseconds = max(instant // 1000, 0) & ((1 << 48) - 1)
        number = milliseconds << 80 | int.from_bytes(self._random_bytes(10), "big")
        # Four groups of 40 bits are 32 characters; the first six stand for leading zeros.
        encoded = base64.b32encode(number.to_bytes(20, "big"))[6:]
        return encoded.translate(_TO_ALPHABET).decode("ascii")
