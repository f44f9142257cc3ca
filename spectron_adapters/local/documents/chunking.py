"""From a document's text to passages and to what is shown of its sections.

A passage never reaches over a heading. Imports `passages`, `formats`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from spectron_adapters.local.documents.formats import Extracted, Section
from spectron_adapters.local.search.passages import passage_spans

__all__ = ["Passage", "SectionRow", "passages_of", "sections_of"]

_LEAD_CHARACTERS: Final = 240
_CHARACTERS_PER_TOKEN: Final = 4
_SENTENCE_END: Final = re.compile(r"(?<=[.!?\u2026])\s|[\u3002\uff01\uff1f]")


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage: `text[start:end]` of the document's text."""

    position: int
    start: int
    end: int
    section: str | None
    text: str

    @property
    def token_count(self) -> int:
        """About how many tokens a language model counts."""
        return -(-len(self.text) // _CHARACTERS_PER_TOKEN)


@dataclass(frozen=True, slots=True)
class SectionRow:
    """A section as search finds it.

    Attributes:
        heading: The heading; the document's title for the document as a whole.
        level: 1 for the highest heading; 0 for the document as a whole.
        start: Where it begins in the text.
        end: Where it ends.
        first_chunk: Position of its first passage.
        text: What is searched and shown: the heading and how the section begins.
    """

    heading: str
    level: int
    start: int
    end: int
    first_chunk: int
    text: str


def passages_of(extracted: Extracted) -> Iterator[Passage]:
    """The passages of a document, in order."""
    position = 0
    for start, end, heading in _stretches(extracted):
        for first, last in passage_spans(extracted.text, start=start, end=end):
            yield Passage(position, first, last, heading, extracted.text[first:last])
            position += 1


def _stretches(extracted: Extracted) -> Iterator[tuple[int, int, str | None]]:
    sections = extracted.sections
    preamble = sections[0].start if sections else len(extracted.text)
    yield 0, preamble, None
    for section in sections:
        yield section.start, section.end, section.heading


def sections_of(
    extracted: Extracted, title: str, passages: list[tuple[int, int]]
) -> Iterator[SectionRow]:
    """The rows of a document's sections; first the document itself, under its title.

    Args:
        extracted: What was read.
        title: The document's.
        passages: Start and position of every passage, in order.
    """
    if passages and title.strip():
        yield SectionRow(title, 0, 0, len(extracted.text), 0, title)
    index = 0
    for section in extracted.sections:
        while index < len(passages) and passages[index][0] < section.start:
            index += 1
        if index < len(passages) and passages[index][0] < section.end:
            yield SectionRow(
                section.heading,
                section.level,
                section.start,
                section.end,
                passages[index][1],
                _shown(extracted.text, section),
            )


def _shown(text: str, section: Section) -> str:
    """The heading, and the first sentences below it."""
    body = text[section.start : min(section.end, section.start + 4 * _LEAD_CHARACTERS)].strip()
    first, _, rest = body.partition("\n")
    below = rest.strip() if section.heading in " ".join(first.split()) else body
    lead = " ".join(below.split())
    if len(lead) > _LEAD_CHARACTERS:
        ends = [found.end() for found in _SENTENCE_END.finditer(lead, 0, _LEAD_CHARACTERS)]
        lead = lead[: ends[-1] if ends else _LEAD_CHARACTERS].rstrip()
    return f"{section.heading}\n{lead}" if lead else section.heading
