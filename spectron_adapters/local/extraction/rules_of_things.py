"""Rules about things and days: what somebody owns, works on, calls their project, has planned.

Imports `local` modules and the standard library only.
"""

from __future__ import annotations

import re
from calendar import month_name
from dataclasses import replace

from spectron_adapters.local.extraction.readings import LIKELY, Reading
from spectron_adapters.local.extraction.relative_dates import DATE_PHRASE, resolve
from spectron_adapters.local.extraction.rules import Match, Rule, RulesByVerb, rule
from spectron_adapters.local.extraction.rules_of_people import kin_label
from spectron_adapters.local.extraction.statements import EntityRef, MemoryCategory
from spectron_adapters.local.extraction.vocabulary import as_organisation, as_product, as_thing
from spectron_adapters.local.extraction.word_lists import OWNABLE, words

__all__ = ["POSSESSIVES", "PREDICATES", "SCHEDULED", "TITLED", "note_day"]


# --- things ---------------------------------------------------------------------------------------


def _owns(reading: Reading, found: Match) -> bool:
    name = _belonging(found[1]) or as_organisation(found[1], caseless=False)
    return name is not None and reading.relation("owns", reading.entity(name, "product"))


def _has(reading: Reading, found: Match) -> bool:
    """Of what one can merely have, only what is surely a thing: "I have a feeling"."""
    name = _belonging(found[1])
    return name is not None and reading.relation(
        "owns", reading.entity(name, "product"), confidence=LIKELY
    )


def _belonging(text: str) -> str | None:
    """A named product ("MacBook Pro", "red Vespa") or one of the things that people own."""
    tokens = text.split()
    if product := as_product(text):
        return product
    if as_thing(text) is None or len(tokens) > _LONGEST_BELONGING:
        return None
    if tokens[0].casefold() in _BORROWED:
        return None
    if " ".join(tokens[-2:]).casefold() in OWNABLE or tokens[-1].casefold() in OWNABLE:
        return text
    coloured = len(tokens) > 1 and tokens[0].casefold() in _LOOKS
    return text if coloured and all(token[0].isupper() for token in tokens[1:]) else None


_LONGEST_BELONGING = 4
_BORROWED = words("toy model company rental hire hired rented dream virtual")
_LOOKS = words(
    "red blue green yellow black white grey gray silver orange purple pink brown beige old new "
    "vintage used second-hand"
)


def _is_model(reading: Reading, found: Match) -> bool:
    name = as_organisation(found[1], caseless=False)
    return name is not None and reading.relation("owns", reading.entity(name, "product"))


def _working_on(reading: Reading, found: Match) -> bool:
    name = as_organisation(found[1], caseless=False)
    if name is None or reading.caseless:
        return False
    return reading.relation("works_on", reading.entity(name, "project"))


def _preparing(reading: Reading, found: Match) -> bool:
    thing = re.sub(r"^(?:an?|the|my|our) ", "", found[1])
    return as_thing(thing) is not None and reading.attribute("preparing_for", thing, "context")


def _titled(reading: Reading, found: Match) -> bool:
    kind = found["kind"].casefold()
    name = as_organisation(found["name"], caseless=reading.caseless)
    if name is None:
        return False
    own = found["own"].casefold() != "the"
    if kind in ("project", "app", "product", "tool"):
        entity = reading.entity(name, "project" if kind == "project" else "product")
        if own:
            return reading.relation("works_on", entity)
        return reading.attribute("name", name, entity=entity)
    label = kind if kind in ("team", "band") else "company"
    return own and reading.relation(label, reading.entity(name, "organisation"))


TITLED = rule(
    r"(?P<own>my|our|the) (?P<kind>project|company|business|startup|start-up|team|app|product|tool"
    r"|band) is (?:called|named) (?P<name>.+)",
    _titled,
)
"""A clause that tells what a project, a company or a product is called."""


# --- days -----------------------------------------------------------------------------------------


def note_day(
    reading: Reading,
    key: str,
    phrase: str,
    category: MemoryCategory = "knowledge",
    *,
    hour: str = "",
    entity: EntityRef | None = None,
) -> bool:
    """Note a date in the speaker's words; what depends on today is followed by its meaning.

    Args:
        reading: Whose day it is, and the circumstances.
        key: What happens on the day.
        phrase: A date phrase.
        category: Of the attribute.
        hour: The words that say at what time, if any.
        entity: Whose day it is instead.
    """
    stated = f"{phrase}{hour}"
    if _NAMED_DAY.fullmatch(phrase) or (key == "birthday" and phrase.title() in month_name):
        return reading.attribute(key, stated, category, entity=entity)
    span = resolve(phrase, reading.said_at, direction="future")
    if span is None:
        vague = replace(reading, times=replace(reading.times, vague=phrase))
        vague.note_vague_time(key)
        return True
    value = stated if span.fixed else f"{stated} ({span.label})"
    return reading.attribute(key, value, category, entity=entity)


_NAMED_DAY = re.compile(
    r"(?:the )?\d{1,2}\D.*|(?!in |last |this |next )[a-z]{3,9}\.? (?:the )?\d.*", re.IGNORECASE
)
"""A day of the year, whichever year: "5 May", "May 5th"."""


def _scheduled(reading: Reading, found: Match) -> bool:
    key = re.sub(r"\W+", "_", found["what"].casefold())
    return note_day(reading, key, found["date"], hour=found["hour"] or "")


def _birthday(reading: Reading, found: Match) -> bool:
    return note_day(reading, "birthday", found[1], "identity")


def _birthday_of_kin(reading: Reading, found: Match) -> bool:
    label = kin_label(found["kin"])
    return label is not None and note_day(reading, f"{label}s_birthday", found["date"], "identity")


_EVENT = (
    r"(?:deadline|exam|examination|test|quiz|interview|appointment|flight|wedding|surgery|operation"
    r"|graduation|meeting|due date|anniversary|defen[cs]e|viva|presentation|conference|race"
    r"|marathon|trip|vacation|holiday|party|recital|concert|check-?up|audition|ceremony|hearing"
    r"|scan|start date|last day|first day|move-in date|baptism|funeral|reunion|match|tournament)"
)
_HOUR = r"(?P<hour> at (?:\d{1,2}(?:[:.]\d\d)?(?: ?[ap]\.?m\.?)?(?: o'clock)?|noon|midnight))?"
_ITS_DATE = rf"(?P<date>{DATE_PHRASE}){_HOUR}"

SCHEDULED = rule(
    rf"(?P<what>(?:[\w-]+ ){{0,2}}?{_EVENT}) is (?:due |scheduled for |set for |booked for )?"
    rf"(?:on |in )?{_ITS_DATE}",
    _scheduled,
    dated=True,
)
"""What "my", "our" or "the" may precede: "exam is next Friday"."""

PREDICATES: RulesByVerb = {
    "own": (rule(r"own an? (.+)", _owns, deniable=True),),
    "drive ride": (rule(r"(?:drive|ride) an? (?!uber\b|lyft\b)(.+)", _is_model),),
    "have": (rule(r"have an? (.+)", _has, deniable=True),),
    "am": (
        rule(r"am (?:preparing|training|studying) for (.+)", _preparing),
        rule(
            r"am working on (?:(?:an?|the|my|our) [\w' -]+ (?:called|named) "
            r"|(?:the |a |our )?(?-i:project |app )?)(.+)",
            _working_on,
        ),
    ),
}

POSSESSIVES: tuple[Rule, ...] = (
    rule(
        r"(?:new )?(?:car|bike|bicycle|motorbike|phone|laptop|computer|camera|tablet|van) is an? "
        r"(.+)",
        _is_model,
    ),
    rule(rf"birthday is (?:on |in )?({DATE_PHRASE})", _birthday, dated=True),
    rule(
        rf"(?P<kin>(?:[a-zé-]+ )?[a-zé-]+)'s birthday is (?:on |in )?(?P<date>{DATE_PHRASE})",
        _birthday_of_kin,
        dated=True,
    ),
    SCHEDULED,
)
