"""Rules about places: where somebody lives, is, comes from, was born.

Imports `local` modules and the standard library only.
"""

from __future__ import annotations

import re

from spectron_adapters.local.extraction.readings import LIKELY, Reading
from spectron_adapters.local.extraction.relative_dates import DATE_PHRASE
from spectron_adapters.local.extraction.rules import Match, Rule, RulesByVerb, rule
from spectron_adapters.local.extraction.statements import EntityRef, MemoryCategory
from spectron_adapters.local.extraction.vocabulary import as_place

__all__ = ["POSSESSIVES", "PREDICATES", "note_place"]

_NAMED_PLACE = re.compile(
    r"(?:an?|the) (?:[\w-]+ ){0,3}(?:village|town|city|suburb|hamlet|island|place|neighbourhood"
    r"|neighborhood|district) (?:called|named) (.+?)(?: in .+)?",
    re.IGNORECASE,
)


def note_place(
    reading: Reading,
    key: str,
    text: str,
    category: MemoryCategory = "knowledge",
    *,
    event: bool = False,
    negated: bool | None = None,
    confidence: float = 1.0,
) -> bool:
    """Note a place of the subject under a key, and mention it.

    Returns:
        Whether the text is the proper name of a place.
    """
    named = _NAMED_PLACE.fullmatch(text)
    place = as_place(named[1] if named else text, caseless=reading.caseless)
    if place is None:
        return False
    reading.attribute(key, place, category, event=event, negated=negated, confidence=confidence)
    reading.notebook.mention(EntityRef("location", place), "knowledge")
    return True


def _lives(reading: Reading, found: Match) -> bool:
    if reading.times.transient:
        return note_place(reading, "current_location", found[1], "context")
    return note_place(reading, "lives_in", found[1])


def _has_lived(reading: Reading, found: Match) -> bool:
    """The perfect tense speaks of the present only together with a duration."""
    return reading.times.lasts and _lives(reading, found)


def _lives_and_works(reading: Reading, found: Match) -> bool:
    return note_place(reading, "lives_in", found[1]) and note_place(reading, "works_in", found[1])


def _lives_near(reading: Reading, found: Match) -> bool:
    return note_place(reading, "lives_near", found[1])


def _moved(reading: Reading, found: Match) -> bool:
    left = found["left"] or found["left_after"]
    if as_place(found["to"], caseless=reading.caseless) is None:
        return False
    if left:
        note_place(reading, "lives_in", left, negated=True, event=True)
    return note_place(reading, "lives_in", found["to"], event=True)


def _lived(reading: Reading, found: Match) -> bool:
    return note_place(reading, "lives_in", found[1], negated=True, event=True)


def _origin(reading: Reading, found: Match) -> bool:
    return note_place(reading, "origin", found[1], "identity")


def _grew_up(reading: Reading, found: Match) -> bool:
    return note_place(reading, "grew_up_in", found[1], "identity")


def _is_in(reading: Reading, found: Match) -> bool:
    if not (reading.times.now or reading.times.transient or found["verb"].casefold() != "in"):
        return False
    return note_place(reading, "current_location", found["place"], "context")


def _born(reading: Reading, found: Match) -> bool:
    if found["place"] and not note_place(reading, "birthplace", found["place"], "identity"):
        return False
    if found["date"]:
        reading.attribute("birth_date", found["date"], "identity")
    return bool(found["place"] or found["date"])


def _address(reading: Reading, found: Match) -> bool:
    return reading.attribute("address", found[1])


def _home(reading: Reading, found: Match) -> bool:
    return note_place(reading, "lives_in", found[1], confidence=LIKELY)


_MOVED = r"(?:moved|relocated)"
_ADDRESS = r"(\d{1,5}[a-z]? (?-i:[A-Z])[\w' .-]{2,40}(?:, [\w' .-]{2,40}){0,3})"

PREDICATES: RulesByVerb = {
    "live reside": (
        rule(r"(?:live|reside) in (.+)", _lives, deniable=True),
        rule(r"live and work in (.+)", _lives_and_works),
        rule(
            r"live (?:just |right )?(?:near|outside(?: of)?|close to|not far from) (.+)",
            _lives_near,
        ),
        rule(rf"live at {_ADDRESS}", _address),
    ),
    "moved relocated": (
        rule(
            rf"{_MOVED}(?: back| over| out| here| down| up)?(?: from (?P<left>.+?))? to (?P<to>.+?)"
            r"(?: from (?P<left_after>.+?))?(?: (?:for (?:work|a \w+ job|my job|a job|college"
            r"|school|love|university)))?",
            _moved,
            event=True,
        ),
        rule(rf"{_MOVED} (?:away from|out of) (.+)", _lived, event=True),
    ),
    "grew": (rule(r"grew up in (.+)", _grew_up, event=True),),
    "come": (rule(r"come from (.+)", _origin),),
    "used": (rule(r"used to (?:live|reside) in (.+)", _lived, event=True),),
    "have": (
        rule(r"have (?:lived|been living|been based) in (.+)", _has_lived),
        rule(
            rf"have {_MOVED}(?: back| over)?(?: from (?P<left>.+?))? to (?P<to>.+?)"
            r"(?P<left_after>(?!))?",
            _moved,
            event=True,
        ),
    ),
    "was": (
        rule(
            r"was born(?: (?:and raised )?in (?P<place>(?!(?:19|20)\d\d|the \w*[0-9]).+?))?"
            rf"(?: (?:in|on) (?P<date>{DATE_PHRASE}))?",
            _born,
            dated=True,
        ),
        rule(
            rf"was born (?:in|on) (?P<date>{DATE_PHRASE})(?: in (?P<place>.+))?", _born, dated=True
        ),
        rule(r"was (?:raised|brought up) in (.+)", _grew_up),
    ),
    "am": (
        rule(r"am (?:(?:originally|actually) )?from (.+)", _origin, deniable=True),
        rule(r"am (?:(?:living|based|located|residing) in) (.+)", _lives, deniable=True),
        rule(r"am (?P<verb>visiting|staying in|in) (?P<place>.+)", _is_in, event=True),
    ),
}

POSSESSIVES: tuple[Rule, ...] = (
    rule(r"(?:home|house|flat|apartment|family home) is in (.+)", _home),
    rule(r"(?:hometown|home town|home city|home country) is (.+)", _origin),
    rule(rf"(?:new |current |home )?address is {_ADDRESS}", _address),
)
