"""What is read from a file: one text, and the sections in it.

Every reader builds its text with a `TextBuilder`, which keeps to a size and a time. Imports the
standard library only; the readers import this module.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = [
    "SECTIONS_MAX",
    "TEXT_MAX",
    "Deadline",
    "Extracted",
    "Section",
    "TextBuilder",
    "UnreadableError",
    "clean",
]

TEXT_MAX: Final = 60_000_000
"""Most characters that are read from one file."""
SECTIONS_MAX: Final = 10_000
"""Most sections of one file; later headings are text."""
_HEADING_MAX: Final = 300
_SECONDS: Final = 120.0
# NUL ends texts in C, and half of a surrogate pair cannot be stored.
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_SPACES: Final = re.compile(r"\s+")


class UnreadableError(ValueError):
    """The file cannot be read; the message says why to whoever uploaded it."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands below it, up to the next heading.

    Attributes:
        heading: On one line.
        level: 1 for the highest.
        start: Where its heading begins in the text.
        end: Where the next section begins, or the text ends.
    """

    heading: str
    level: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Extracted:
    """A file's text, and its sections in order, which do not overlap."""

    text: str
    sections: tuple[Section, ...] = ()


def clean(text: str) -> str:
    """A text that can be stored, character for character."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


class Deadline:
    """Ends a reader that takes too long; asked again and again while it reads."""

    def __init__(
        self, seconds: float = _SECONDS, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def check(self) -> None:
        """Raise when the time is over.

        Raises:
            UnreadableError: It is.
        """
        if self._clock() > self._end:
            raise UnreadableError("reading the file took too long; split it and upload the parts")


class TextBuilder:
    """Collects a text and its sections, within a size and a time.

    Args:
        deadline: When to give up.
    """

    def __init__(self, deadline: Deadline | None = None) -> None:
        self.deadline = deadline or Deadline()
        self.length = 0
        self._pieces: list[str] = []
        self._headings: list[tuple[str, int, int]] = []

    def add(self, text: str) -> None:
        """Append text.

        Raises:
            UnreadableError: The text is too long by now, or reading took too long.
        """
        self.deadline.check()
        self.length += len(text)
        if self.length > TEXT_MAX:
            raise UnreadableError(
                f"the file holds more than {TEXT_MAX} characters of text; split it and upload "
                "the parts"
            )
        self._pieces.append(text)

    def heading(self, heading: str, level: int, *, start: int | None = None) -> None:
        """Begin a section, where the text ends now or at a place that was passed already."""
        heading = _SPACES.sub(" ", heading).strip()[:_HEADING_MAX]
        if heading and len(self._headings) < SECTIONS_MAX:
            self._headings.append((heading, level, self.length if start is None else start))

    def extracted(self) -> Extracted:
        """What was collected."""
        ends = [start for _, _, start in self._headings[1:]] + [self.length]
        sections = tuple(
            Section(clean(heading), level, start, end)
            for (heading, level, start), end in zip(self._headings, ends, strict=False)
        )
        return Extracted(clean("".join(self._pieces)), sections)
