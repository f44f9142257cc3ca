"""Corrections that name a value but not what it is: "not Berlin, Munich", "I meant Thursday".

Imports `local` modules and the standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from spectron_adapters.local.extraction.readings import Reading
from spectron_adapters.local.extraction.relative_dates import DATE_PHRASE
from spectron_adapters.local.extraction.rules_of_things import note_day
from spectron_adapters.local.extraction.statements import (
    AttributeStatement,
    KnownAttribute,
    normalise_name,
)
from spectron_adapters.local.extraction.vocabulary import as_name
from spectron_adapters.local.extraction.word_lists import GIVEN_NAMES

__all__ = ["note_correction"]

_RECENT = 50
"""How many statements of the conversation a correction looks back over."""
_OPENING = (
    r"\W*(?:(?:no|nope|sorry|actually|correction|wait|oops|i mean|i meant|it's|it is|that's"
    r"|that is|rather|make (?:that|it)|should be)\W+)*"
)
_VALUE = r"[^,]{1,60}?"
_SWAPPED = (
    rf"{_OPENING}not (?:in |at )?(?P<old>{_VALUE})(?:,? but|,|\s*[-\u2014])\s*"
    rf"(?:rather |it's |it is |in |at )?(?P<new>{_VALUE})"
)
_NAMED_FIRST = rf"{_OPENING}(?P<new>{_VALUE}),? (?:and )?not (?P<old>{_VALUE})"
_TAKEN_BACK = (
    r"\W*(?:(?:no|oh|sorry)\W+)?(?:wait|sorry|scratch that|correction|make that|oops|i mean"
    rf"|rather)(?:\W+(?:no|i mean))?\W+(?P<new>{_VALUE})(?P<old>(?!))?"
)
_MEANT = (
    r"\W*(?:(?:no|sorry|actually|correction|wait|oops)\W+)*i meant(?: to (?:say|write))? "
    rf"(?P<new>{_VALUE})(?P<old>(?!))?"
)
_FORMS = tuple(
    re.compile(form, re.IGNORECASE) for form in (_SWAPPED, _NAMED_FIRST, _TAKEN_BACK, _MEANT)
)
_DAY = re.compile(DATE_PHRASE, re.IGNORECASE)
_MEANING = re.compile(r" \(\d{4}-[\d/-]+\)\Z")
"""What `note_day` adds to a day that depends on today."""

Target = AttributeStatement | KnownAttribute


def note_correction(reading: Reading, text: str) -> bool:
    """Note the right value of the attribute that a sentence corrects.

    Args:
        reading: The speaker and the circumstances.
        text: The sentence.

    Returns:
        Whether the sentence is a correction, of an attribute that is certain, by a value that can
        stand in its place.
    """
    for form in _FORMS:
        found = form.fullmatch(text)
        if found is not None and _replace(reading, found["old"], found["new"].strip()):
            return True
    return False


def _replace(reading: Reading, old: str | None, new: str) -> bool:
    target = _corrected(reading, old)
    if target is None:
        return False
    category = target.memory_category if isinstance(target, AttributeStatement) else "knowledge"
    if _DAY.fullmatch(_MEANING.sub("", target.value)) and _DAY.fullmatch(new):
        return note_day(reading, target.key, new, category, entity=target.entity)
    if not _alike(target.value, new, caseless=reading.caseless):
        return False
    return reading.attribute(target.key, new, category, entity=target.entity)


def _corrected(reading: Reading, old: str | None) -> Target | None:
    """The one attribute with the value to be corrected; without a value, the latest said."""
    notebook = reading.notebook
    said = [item for item in notebook.attributes[-_RECENT:] if not item.negated]
    if old is None:
        own = [item for item in said if item.entity == reading.subject]
        return own[-1] if own else None
    return _only_one([*notebook.known.attributes, *said], _folded(old))


def _only_one(candidates: Sequence[Target], wanted: str) -> Target | None:
    matching = {
        (_folded(item.entity.name), item.key): item
        for item in candidates
        if _folded(_MEANING.sub("", item.value)) == wanted
    }
    return next(iter(matching.values())) if len(matching) == 1 else None


def _alike(old: str, new: str, *, caseless: bool) -> bool:
    """Whether a value can stand where another stood: both numbers or both written as names."""
    if old.isdecimal() or new.isdecimal():
        return old.isdecimal() and new.isdecimal()
    if not any(character.isalnum() for character in new):
        return False
    if _is_given_name(new) and not _is_given_name(old):
        return False  # "Sorry, Tom" speaks to somebody
    same_case = caseless or old[:1].isupper() == new[:1].isupper()
    return same_case and as_name(new, caseless=caseless or not old[:1].isupper()) is not None


def _is_given_name(text: str) -> bool:
    return text.casefold().partition(" ")[0] in GIVEN_NAMES


def _folded(text: str) -> str:
    try:
        return normalise_name(text)
    except ValueError:
        return ""
