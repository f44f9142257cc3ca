"""Rules about people and animals: who somebody is, their family, friends and pets.

Imports `local` modules and the standard library only.
"""

from __future__ import annotations

import re

from spectron_adapters.local.extraction.readings import LIKELY, PLAIN, Reading
from spectron_adapters.local.extraction.rules import Match, Rule, RulesByVerb, apply_rules, rule
from spectron_adapters.local.extraction.statements import EntityRef, MemoryCategory
from spectron_adapters.local.extraction.vocabulary import NUMBER, as_name, is_joke_name, items_of
from spectron_adapters.local.extraction.word_lists import (
    BREEDS,
    DEMONYMS,
    KIN,
    LANGUAGES,
    PETS,
    PLURAL_KIN,
    SINGLE_KIN,
    words,
)

__all__ = ["POSSESSIVES", "PREDICATES", "is_animal", "kin_label", "note_kin"]

_COUNT = r"(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_POSSESSIONS = re.compile(rf",? and (?={_COUNT} |an? )|, (?={_COUNT} |an? )", re.IGNORECASE)
_ORDINARY_AGE = range(1, 121)
_PLAIN_AGE = range(10, 100)
_COUNTED = words(
    "child son daughter sister brother sibling grandchild grandson granddaughter niece nephew "
    "stepson stepdaughter goddaughter godson"
) | (PETS - {"mouse", "rat", "duck", "fish", "bird", "pup"})
"""What people count when they tell what they have."""
_PLURALS = {
    "child": "children",
    "grandchild": "grandchildren",
    "puppy": "puppies",
    "pony": "ponies",
}


# --- who one is -----------------------------------------------------------------------------------


def _named(reading: Reading, found: Match) -> bool:
    name = as_name(found[1], caseless=reading.caseless, stated=True)
    return name is not None and reading.attribute("name", name, "identity")


def _called(reading: Reading, found: Match) -> bool:
    name = as_name(found[1], caseless=reading.caseless)
    return name is not None and reading.attribute("name", name, "identity")


def _named_part(reading: Reading, found: Match) -> bool:
    key = {"last": "surname", "family": "surname", "sur": "surname"}.get(found["which"].casefold())
    name = as_name(found["name"], caseless=reading.caseless, stated=True)
    if name is None:
        return False
    return reading.attribute(key or f"{found['which'].casefold()}_name", name, "identity")


def _preferred_name(reading: Reading, found: Match) -> bool:
    name = as_name(found[1], caseless=reading.caseless)
    return name is not None and reading.attribute("preferred_name", name, "identity")


def _aged(reading: Reading, found: Match) -> bool:
    years = found["years"]
    if years.isdecimal() and int(years) not in _ORDINARY_AGE:
        return False
    bare = not found["unit"]  # bare numbers may be times
    if bare and not (years.isdecimal() and int(years) in _PLAIN_AGE):
        return False
    return reading.attribute("age", years, "identity")


def _turned(reading: Reading, found: Match) -> bool:
    if found[1].isdecimal() and int(found[1]) not in _ORDINARY_AGE:
        return False
    return reading.attribute("age", found[1], "identity", event=True)


def _nationality(reading: Reading, found: Match) -> bool:
    word = found[1]
    if word.casefold() not in DEMONYMS or (word.islower() and not reading.caseless):
        return False
    return reading.attribute("nationality", word, "identity")


def _status(reading: Reading, found: Match) -> bool:
    return reading.attribute("relationship_status", found[1], "identity", event=True)


def _handedness(reading: Reading, found: Match) -> bool:
    return reading.attribute("handedness", found[1], "identity")


def _married_to(reading: Reading, found: Match) -> bool:
    name = as_name(found[1], caseless=reading.caseless)
    if name is None:
        return False
    reading.attribute("spouse", name, "identity", event=True)
    reading.notebook.mention(EntityRef("person", name), "identity")
    return True


def _native_language(reading: Reading, found: Match) -> bool:
    if found[1].casefold() not in LANGUAGES:
        return False
    return reading.attribute("native_language", found[1], "identity")


def _email(reading: Reading, found: Match) -> bool:
    return reading.attribute("email", found[1].rstrip("."), "identity")


def _phone(reading: Reading, found: Match) -> bool:
    digits = sum(character.isdecimal() for character in found[1])
    return digits >= _SHORTEST_PHONE and reading.attribute("phone", found[1].strip(), "identity")


_SHORTEST_PHONE = 6


def _pronouns(reading: Reading, found: Match) -> bool:
    return reading.attribute("pronouns", found[1], "identity")


# --- family and animals ---------------------------------------------------------------------------


def kin_label(kin: str) -> str | None:
    """The key or label under which somebody's wife, sister, manager ... is kept, if it has one."""
    word = _kin_word(kin)
    return SINGLE_KIN.get(word) or KIN.get(word)


def is_animal(kind: str) -> bool:
    """Whether a word, or the last of two, is a kind of pet: "golden retriever"."""
    last = kind.casefold().split()[-1]
    return last in PETS or last in BREEDS


def _kin_word(kin: str) -> str:
    return " ".join(kin.casefold().split())


def note_kin(reading: Reading, kin: str, name: str, *, stated: bool = False) -> bool:
    """Note that the subject's wife, sister, manager, dog ... has a name.

    Args:
        reading: The subject and the circumstances.
        kin: What they are to the subject.
        name: What follows.
        stated: The words say that it is a name ("is called").

    Returns:
        Whether the words are a kind of person or pet and a name.
    """
    word = _kin_word(kin)
    person = as_name(name, caseless=reading.caseless, stated=stated)
    if person is None or is_joke_name(person):
        return False
    category: MemoryCategory = "identity"
    if word in SINGLE_KIN:
        reading.attribute(SINGLE_KIN[word], person, category)
        reading.notebook.mention(EntityRef("person", person), category)
        return True
    if word in KIN:
        return reading.relation(KIN[word], EntityRef("person", person), category)
    return is_animal(word) and _pet(reading, word, person)


def _pet(reading: Reading, kind: str, name: str) -> bool:
    animal = reading.entity(name, "other")
    reading.relation("has_pet", animal, "identity")
    if kind not in ("pup", "doggo") and not reading.negated:
        reading.attribute("species", kind, "identity", entity=animal, negated=False)
    return True


def _possessed_name(reading: Reading, found: Match) -> bool:
    return note_kin(reading, found["kin"], found["name"])


def _possessed_stated_name(reading: Reading, found: Match) -> bool:
    return note_kin(reading, found["kin"], found["name"], stated=True)


def _possessed_names(reading: Reading, found: Match) -> bool:
    stated = bool(found["stated"] or found["called"])
    names = [
        as_name(name, caseless=reading.caseless, stated=stated)
        for name in items_of(found["names"], plain=True)
    ]
    if None in names:
        return False
    word = PLURAL_KIN[found["kin"].casefold()]
    return all(note_kin(reading, word, name, stated=stated) for name in names if name is not None)


def _has_several(reading: Reading, found: Match) -> bool:
    """Note each of "two kids, a dog named Rex and a cat"."""
    parts = _POSSESSIONS.split(found[1])
    noted = [
        apply_rules(PREDICATES["have"], reading, f"have {part}", dated=False) for part in parts
    ]
    return any(noted)


def _number_of(reading: Reading, found: Match) -> bool:
    count, noun = found["count"].casefold(), found["noun"].casefold()
    word = PLURAL_KIN.get(noun, noun)
    word = "child" if word == "kid" else word
    if word not in _COUNTED:
        return False
    key = f"number_of_{_PLURALS.get(word, word + 's')}".replace(" ", "_").replace("-", "_")
    if count in ("a", "an"):
        return reading.attribute(key, "one", "identity", confidence=LIKELY)
    return reading.attribute(key, found["count"], "identity", confidence=PLAIN)


def _parent_of(reading: Reading, found: Match) -> bool:
    return reading.attribute("number_of_children", found[1], "identity")


_KIN_WORD = r"(?P<kin>(?:[a-zé-]+ )?[a-zé-]+)"
_ADJECTIVES = (
    r"(?:(?:little|small|young|old|older|younger|teenage|grown-up|grown|adult|twin|lovely"
    r"|beautiful|big|adorable|black|white|ginger|tabby|rescue|elderly|amazing|great|wonderful"
    r"|pet|sweet|cute) )?"
)
_STATUS = r"(married|divorced|widowed|engaged|single|separated|in a relationship)"
_PLURAL = "|".join(sorted(PLURAL_KIN, key=len, reverse=True))

PREDICATES: RulesByVerb = {
    "have": (
        rule(rf"have ((?:{_COUNT}|an?) .+?(?:,| and) (?:{_COUNT}|an?) .+)", _has_several),
        rule(rf"have (?P<count>{_COUNT}|an?) {_ADJECTIVES}(?P<noun>[a-z-]+(?: pig)?)", _number_of),
        rule(
            r"have an? (?:[\w-]+ ){0,2}?(?P<kin>(?:[a-z-]+ )?[a-z-]+) (?:who is |that is )?"
            r"(?:called|named) (?P<name>.+)",
            _possessed_stated_name,
        ),
        rule(
            r"have an? (?P<kin>(?:[a-z-]+ )?[a-z-]+) whose name is (?P<name>.+)",
            _possessed_stated_name,
        ),
    ),
    "own": (rule(rf"own (?P<count>{_COUNT}) {_ADJECTIVES}(?P<noun>[a-z-]+)", _number_of),),
    "turned": (rule(rf"turned ({NUMBER})(?: years old)?", _turned, event=True),),
    "go": (rule(r"go by (.+)", _preferred_name),),
    "prefer like": (rule(r"(?:prefer|like) (?:to be called|being called) (.+)", _preferred_name),),
    "got": (rule(r"got (married|engaged|divorced)", _status, event=True),),
    "am": (
        rule(rf"am (?P<years>{NUMBER})(?P<unit> years? old| years? of age| yo|y/o)?", _aged),
        rule(r"am (?:called|named) (.+)", _called),
        rule(rf"am (?:happily |newly |recently )?{_STATUS}", _status, event=True, deniable=True),
        rule(r"am an? (widow|widower)", _status),
        rule(r"am (?:happily )?married to (.+)", _married_to, event=True),
        rule(
            rf"am an? (?:\w+ )?(?:mum|mom|dad|mother|father|parent) (?:of|to) ({_COUNT})"
            r"(?: (?:kids|children|boys|girls))?",
            _parent_of,
        ),
        rule(r"am (?:an? )?((?:left|right)-?handed|ambidextrous)", _handedness),
        rule(r"am an? (\w+)(?: citizen| national)", _nationality, deniable=True),
        rule(r"am (?:an? )?(\w+)", _nationality, deniable=True),
    ),
}

POSSESSIVES: tuple[Rule, ...] = (
    rule(r"(?:full |first |real |actual )?name is (.+)", _named),
    rule(r"(?P<which>last|family|maiden|middle) name is (?P<name>.+)", _named_part),
    rule(r"(?P<which>sur)name is (?P<name>.+)", _named_part),
    rule(
        r"(?:friends(?: all)?(?: usually)? call me|nickname(?: at \w+)? is|preferred name is) (.+)",
        _preferred_name,
    ),
    rule(r"nationality is (\w+)", _nationality),
    rule(r"(?:native language|mother tongue|first language) is (\w+)", _native_language),
    rule(
        r"(?:new |current |work |personal )?e-?mail(?: address)? is "
        r"([\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}\.?)",
        _email,
    ),
    rule(
        r"(?:new |current |work )?(?:(?:phone|mobile|cell|telephone)(?: number)?|number) is "
        r"(\+?[\d (./-]{6,20}\d)",
        _phone,
    ),
    rule(r"pronouns are (\w+(?:/\w+){1,2})", _pronouns),
    rule(rf"{_KIN_WORD}(?:'s|s')? name is (?P<name>.+)", _possessed_stated_name, deniable=True),
    rule(rf"{_KIN_WORD} is (?:called|named) (?P<name>.+)", _possessed_stated_name, deniable=True),
    rule(rf"{_KIN_WORD} is (?P<name>.+)", _possessed_name, deniable=True),
    rule(
        rf"(?:two |three |four )?(?P<kin>{_PLURAL})(?:'s?)?(?P<stated> names)? are "
        r"(?P<called>called |named )?(?P<names>.+)",
        _possessed_names,
    ),
)
