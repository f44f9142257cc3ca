"""What a clause says about others than the speaker: "my sister Jane lives in Rome", "Bob works at".

A capitalised word counts as a person only if something says so: the speaker's tie to them, a common
first name, a title, or earlier talk of them. Imports `local` modules and the standard library only.
"""

from __future__ import annotations

import re
from dataclasses import replace

from spectron_adapters.local.extraction.plain_rules import note_predicate
from spectron_adapters.local.extraction.readings import LIKELY, PLAIN, Reading
from spectron_adapters.local.extraction.relative_dates import DATE_PHRASE
from spectron_adapters.local.extraction.rules_of_people import is_animal, kin_label, note_kin
from spectron_adapters.local.extraction.vocabulary import as_name, as_person
from spectron_adapters.local.extraction.word_lists import CAPITAL

__all__ = ["note_about_another", "note_in_passing", "subject_of"]

_NAME_WORD = rf"{CAPITAL}[\w'-]*\.?"
_KIN = r"(?P<kin>(?:[a-zé-]+ )?[a-zé-]+)"
_NAME = rf"(?P<name>{_NAME_WORD}(?: {_NAME_WORD}){{0,2}})"
_POSSESSED = re.compile(rf"(?i:my|our) {_KIN} {_NAME}(?: (?P<rest>[a-z].*))?")
_NO_MORE = re.compile(r"(?:died|passed|left (?:me|us)|used to|is (?:dead|no longer my|not my))\b")
_VERBS = (
    "is|was|lives|works|has|loves|likes|enjoys|hates|dislikes|prefers|speaks|studies|moved|joined"
    "|left|does|owns|drives|grew|turned|graduated|no longer|used|started|quit|plays|teaches"
    "|collects|supports|just|also|currently|now|recently|retired"
)
_PREDICATE = re.compile(rf"(?P<verb>{_VERBS})\b(?: (?P<rest>.+))?")
_THIRD = re.compile(rf"{_NAME} (?P<predicate>(?:{_VERBS})\b.*)")
_THEIR_BIRTHDAY = re.compile(
    rf"({_NAME_WORD}(?: {_NAME_WORD})?)'s birthday is (?:on |in )?({DATE_PHRASE})", re.IGNORECASE
)
_BASE_FORMS = {
    "is": "am",
    "lives": "live",
    "works": "work",
    "has": "have",
    "loves": "love",
    "likes": "like",
    "enjoys": "enjoy",
    "hates": "hate",
    "dislikes": "dislike",
    "prefers": "prefer",
    "speaks": "speak",
    "studies": "study",
    "does": "do",
    "owns": "own",
    "drives": "drive",
    "plays": "play",
    "teaches": "teach",
    "collects": "collect",
    "supports": "support",
}
_IS_KIN = re.compile(r"is (?:also )?(?:my|our) (?:new )?([a-zé-]+(?: [a-zé-]+)?)", re.IGNORECASE)
_LOOSE_TIES = frozenset(("friend", "best_friend", "manager", "mentor", "teammate", "doctor"))
"""What things are said to be as well: "Coffee is my best friend"."""
_IN_PASSING = re.compile(
    rf"\b(?:with|of|from|by|about|to|for|and|than|love|miss|meet|met|visit|visiting) (?:my|our) "
    rf"{_KIN} (?P<name>{_NAME_WORD}(?: {_NAME_WORD})?)(?='s |[ ,]|\Z)"
)


def note_about_another(reading: Reading, text: str, *, dated: bool) -> bool:
    """Note what a clause states about somebody whom it names.

    Args:
        reading: The speaker and the circumstances.
        text: The clause, in a turn that uses capitals.
        dated: Try the rules that want the clause with its dates, or the others.

    Returns:
        Whether something was noted.
    """
    if reading.caseless:
        return False
    if dated and (birthday := _THEIR_BIRTHDAY.fullmatch(text)):
        return _note_birthday(reading, birthday)
    if possessed := _POSSESSED.fullmatch(text):
        return _note_possessed(reading, possessed, dated=dated)
    third = _THIRD.fullmatch(text)
    if third is None:
        return False
    if not dated and (kin := _IS_KIN.fullmatch(third["predicate"])):
        certain = kin_label(kin[1]) not in _LOOSE_TIES or _person(reading, third["name"])
        return bool(certain) and note_kin(reading, kin[1], third["name"])
    name = _person(reading, third["name"])
    return name is not None and _note_predicate_of(
        reading, name, third["predicate"], dated=dated, confidence=LIKELY
    )


def note_in_passing(reading: Reading, text: str) -> None:
    """Note the name of "my husband Matteo" where a clause is about something else."""
    if reading.caseless:
        return
    for found in _IN_PASSING.finditer(text):
        name = _person(reading, found["name"].removesuffix("'s"))
        if name is not None:
            note_kin(replace(reading, confidence=LIKELY), found["kin"], name)


def subject_of(text: str) -> str:
    """The other person who is a clause's subject, in the clause's words, or ""."""
    if found := _POSSESSED.match(text):
        return text[: found.end("name")]
    found = _THIRD.match(text)
    return found["name"] if found else ""


def _person(reading: Reading, name: str) -> str | None:
    return as_person(name, known=_is_known(reading, name))


def _is_known(reading: Reading, name: str) -> bool:
    return as_name(name, caseless=False) is not None and reading.notebook.is_person(name)


def _note_birthday(reading: Reading, found: re.Match[str]) -> bool:
    name = _person(reading, found[1])
    return name is not None and reading.attribute(
        "birthday", found[2], "identity", entity=reading.entity(name, "person")
    )


def _note_possessed(reading: Reading, found: re.Match[str], *, dated: bool) -> bool:
    """Note the tie, and what is said of a person; the tie holds whatever else the clause says."""
    kin, name = found["kin"], as_name(found["name"].removesuffix("'s"), caseless=False)
    rest, animal = found["rest"] or "", is_animal(kin)
    if name is None or not (kin_label(kin) or animal) or name.isupper() or _NO_MORE.match(rest):
        return False
    noted = False
    if rest and not animal and not found["name"].endswith("'s"):
        noted = _note_predicate_of(reading, name, rest, dated=dated, confidence=PLAIN)
    if dated and not noted:
        return False
    return note_kin(reading, kin, name) or noted


def _note_predicate_of(
    reading: Reading, name: str, text: str, *, dated: bool, confidence: float
) -> bool:
    words = text.split(" ", 1)
    adverb = words[0] if words[0] in ("just", "also", "currently", "now", "recently") else ""
    found = _PREDICATE.fullmatch(words[1] if adverb and len(words) > 1 else text)
    if found is None:
        return False
    verb, rest = _BASE_FORMS.get(found["verb"], found["verb"]), found["rest"] or ""
    if verb == "no longer":
        word, _, after = rest.partition(" ")
        rest = f"{_BASE_FORMS.get(word, word)} {after}"
    predicate = f"{adverb} {verb} {rest}".strip()
    other = replace(reading, subject=reading.entity(name, "person"), confidence=confidence)
    return note_predicate(other, predicate, dated=dated)
