"""Cutting long texts at paragraphs and sentences, so that a hit is a passage and not a book.

Imports the standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["PASSAGE_CHARACTERS", "passage_spans", "split_passages"]

PASSAGE_CHARACTERS = 1000
"""Length that a passage may reach before the text is cut."""

# What a cut may follow, best first: a blank line, a line, a sentence, a word.
_BOUNDARIES = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"(?<=[.!?\u2026])[\"')\]\u201d\u2019]*\s+|(?<=[\u3002\uff01\uff1f])"),
    re.compile(r"\s+"),
)


def split_passages(text: str, *, limit: int = PASSAGE_CHARACTERS) -> list[str]:
    """Cut a text into passages.

    Args:
        text: Any text.
        limit: Most characters of a passage, at least 1.

    Returns:
        Passages in order, none blank, none longer than the limit; nothing but white space at the
        cuts is lost. A short text is one passage, unchanged; a blank one none.
    """
    if len(text) <= limit:
        return [text] if text.strip() else []
    return [text[start:end] for start, end in passage_spans(text, limit=limit)]


def passage_spans(
    text: str, *, start: int = 0, end: int | None = None, limit: int = PASSAGE_CHARACTERS
) -> Iterator[tuple[int, int]]:
    """Where the passages of a stretch of text begin and end.

    Args:
        text: Any text.
        start: Where the stretch begins.
        end: Where it ends; the text's end by default.
        limit: Most characters of a passage, at least 1.

    Returns:
        Offsets into the text, in order, without white space at either side; none for a blank
        stretch.
    """
    stop = len(text) if end is None else end
    while start < stop:
        # White space at the front must not use up the passage.
        while start < stop and text[start].isspace():
            start += 1
        cut = stop if stop - start <= limit else _cut(text, start, limit)
        last = cut
        while last > start and text[last - 1].isspace():
            last -= 1
        if last > start:
            yield start, last
        start = cut


def _cut(text: str, start: int, limit: int) -> int:
    """Where to end a passage: at the last good boundary of its second half, else at the limit."""
    window = text[start : start + limit]
    for boundary in _BOUNDARIES:
        ends = [found.end() for found in boundary.finditer(window, limit // 2)]
        if ends:
            return start + ends[-1]
    return start + limit
