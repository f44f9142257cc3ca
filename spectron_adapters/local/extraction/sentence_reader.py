"""How the deterministic extractor reads a sentence: clause by clause, each knowing the one before.

A clause may share the subject of the one before ("... and work in Leeds"), go on where it broke off
("I'm Nadia, 27, from Casablanca") or say what is right instead ("my manager isn't Olga, it's
Piotr"). Imports `local` modules and the standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from spectron_adapters.local.extraction.clauses import Clause
from spectron_adapters.local.extraction.other_people import (
    note_about_another,
    note_in_passing,
    subject_of,
)
from spectron_adapters.local.extraction.plain_rules import note_possessive, note_predicate
from spectron_adapters.local.extraction.readings import LIKELY, Reading, Times
from spectron_adapters.local.extraction.vocabulary import as_name, as_person

__all__ = ["SentenceReader"]

_LONGEST_CLAUSE = 200
_GREETING_WORDS = (
    r"hi|hiya|hello|hey|heya|good (?:morning|evening|afternoon)|thanks|thank you|well|so|oh|ah|yes"
    r"|yeah|yep|no|nope|ok|okay|sure|right|see|there|sorry|wait|oops"
)
_LINKS = (
    r"and|also|but|plus|anyway|besides|again|then|actually|apart from that|by the way|btw|fyi"
    r"|just so you know|for the record|for your information|for context|for reference|as a reminder"
    r"|to be clear|in fact|i mean|correction|update|ps|p\.s|fun fact|about me|the thing is"
    r"|the point is|truth is|as you know|you know"
)
_STANCES = (
    r"honestly|frankly|to be honest|tbh|personally|basically|of course|clearly|obviously"
    r"|unfortunately|sadly|luckily|fortunately|professionally|by (?:profession|trade|training)"
    r"|for a living|in my (?:free|spare) time|at home|on weekends"
)
_PRESENT_TIMES = r"now|nowadays|these days|currently|at the moment|right now|at present"
_REMINDERS = (
    r"(?:please )?(?:remember|note|be aware|keep in mind|bear in mind|do not forget)(?: that)?"
    r"|you should know(?: that)?"
)
_ADMISSIONS = (
    r"(?:i (?:just |recently )?(?:found out|learned|learnt|discovered|realised|realized)"
    r"|i can confirm|i must say|i have to say|i admit)(?: that)?(?= (?:i|my)\b)"
)
_GROUNDS = (
    r"(?:since|because|as|now that|although|though|while)(?= (?:my|i (?:am|have|live|work|love|like"
    r"|hate|speak|own|moved|do not))\b)"
)
_DISCOURSE = re.compile(
    rf"(?:{_GREETING_WORDS}|{_LINKS}|{_STANCES}|{_REMINDERS}|{_ADMISSIONS}|{_GROUNDS}"
    rf"|{_PRESENT_TIMES})\b[,:]?\s+",
    re.IGNORECASE,
)
"""What may precede a statement without changing it."""
_NOW = re.compile(rf"(?:{_PRESENT_TIMES})\b", re.IGNORECASE)
_MOST_PREFACES = 5
_FIRST = re.compile(r"(I|we) (.+)", re.IGNORECASE)
_WE_STATE = re.compile(
    r"(?:live|moved|relocated|own|(?:just )?got (?:married|engaged|divorced)"
    r"|are (?:based|married|engaged|from|vegan|vegetarian)|have an? "
    r"|have (?:\w+ )?(?:kids|children|child|sons|daughters|dogs|cats))\b",
    re.IGNORECASE,
)
_CALLED_BY_OTHERS = re.compile(
    r"(?:everyone|everybody|people|most people|(?:my )?friends|(?:my )?family)"
    r"(?: (?:usually|all|just|mostly|always))? calls? me (.+)",
    re.IGNORECASE,
)
_REACHED_AT = re.compile(
    r"you can (?:reach|email|contact|write to) me (?:at|on) (\S+@\S+)", re.IGNORECASE
)
_I_AM = re.compile(r"(?:I am|this is|it is) (.+?)(?: (?:here|speaking|from .+))?", re.IGNORECASE)
_HERE = re.compile(r"(.+) (?:here|speaking)", re.IGNORECASE)
_THE_NAME = re.compile(r"the name is (.+)", re.IGNORECASE)
_GOES_ON = re.compile(r"(?:and )?(?:I|my|we|our) ", re.IGNORECASE)
_ELLIPSIS = re.compile(
    r"(?:and )?(\d{2}(?: years old)?|from .+|(?:based|living|working|studying) .+|married|single"
    r"|engaged|divorced|vegan|vegetarian|an? .+)",
    re.IGNORECASE,
)
_AS_ROLE = re.compile(r"as (an? .+)", re.IGNORECASE)
_PRESENT = re.compile(
    r"I (?:often |usually |always |never |also |really |sometimes )?(?:am|do|have|need|want|work"
    r"|know|love|like|find|use|spend|get|can|travel|start|deal|see|try|prefer|hate|enjoy)\b",
    re.IGNORECASE,
)
_DENIED_VALUE = re.compile(
    r"((?:my|our) .+?) (?:(is|are) (?:not|no longer)|used to be) (?:called |named )?.+",
    re.IGNORECASE,
)
_INSTEAD = re.compile(
    r"(?:now )?(?:it|he|she|that|they) (?:is|are) (?:now )?(?:called |named )?(.+)", re.IGNORECASE
)
_NOUN_LIKE = re.compile(r"(?:love|like|work|study|hate|play|drive)\b", re.IGNORECASE)


class SentenceReader:
    """Notes what the clauses of one sentence state.

    Args:
        reading: The speaker and the circumstances of the sentence.
        greeted: The turn opens with a greeting, so that "I'm Noor" introduces somebody.
    """

    def __init__(self, reading: Reading, *, greeted: bool) -> None:
        self._reading = reading
        self._greeted = greeted
        self._introduced = False
        self._denied = ""

    def read(self, clauses: Sequence[Clause]) -> None:
        """Note what the clauses state, in order."""
        subject, opening, done = "", Times(), False
        for number, clause in enumerate(clauses):
            following = clauses[number + 1].text if number + 1 < len(clauses) else ""
            if clause.shares_subject and (
                not subject or (not done and _NOUN_LIKE.match(clause.text))
            ):
                continue
            shared = f"{subject} " if clause.shares_subject else ""
            done = False
            for text in filter(None, (clause.listing, clause.text)):
                if len(shared + text) <= _LONGEST_CLAUSE and not done:
                    done = self._read_clause(shared + text, opening, following)
            if not shared:
                subject = _subject_words(clause.text)
            rest, opening = Times().opening(clause.text, self._reading.said_at)
            opening = opening if not rest else Times()

    def _read_clause(self, text: str, opening: Times, following: str) -> bool:
        text, now = _without_preface(text)
        text, times = opening.opening(text, self._reading.said_at)
        if now:
            times = replace(times, now=True)
        text = self._completed(text, following)
        reading = replace(self._reading, times=times)
        introduced, self._introduced = self._introduced, False
        noted = self._read_whole(reading, text, dated=True)
        if not noted:
            core, times = times.closing(text, self._reading.said_at)
            noted = self._read_whole(replace(reading, times=times), core, dated=False)
        noted = noted or self._introduction(reading, text, following)
        self._introduced = self._introduced or (introduced and noted)
        note_in_passing(reading, text)
        return noted

    def _completed(self, text: str, following: str) -> str:
        """The clause with what it leaves out: its subject, or what it corrects."""
        if self._introduced and (found := _ELLIPSIS.fullmatch(text)):
            return f"I am {found[1]}"
        if (found := _AS_ROLE.fullmatch(text)) and _PRESENT.match(following):
            return f"I am {found[1]}"
        if self._denied and (found := _INSTEAD.fullmatch(text)):
            return f"{self._denied} {found[1]}"
        denied = _DENIED_VALUE.fullmatch(text)
        self._denied = f"{denied[1]} {denied[2] or 'is'}" if denied else ""
        return text

    def _read_whole(self, reading: Reading, text: str, *, dated: bool) -> bool:
        if note_possessive(reading, text, dated=dated):
            return True
        if found := _FIRST.fullmatch(text):
            if found[1].casefold() == "we":
                if not _WE_STATE.match(found[2]):
                    return False
                reading = replace(reading, confidence=LIKELY)
            predicate = re.sub(r"^are\b", "am", found[2])
            noted = note_predicate(reading, predicate, dated=dated)
            self._introduced = noted and re.match(r"am \d", predicate) is not None
            return noted
        if not dated and self._names_speaker(reading, text):
            return True
        return note_about_another(reading, text, dated=dated)

    def _names_speaker(self, reading: Reading, text: str) -> bool:
        if found := _CALLED_BY_OTHERS.fullmatch(text):
            name = as_name(found[1], caseless=reading.caseless)
            return name is not None and reading.attribute("preferred_name", name, "identity")
        if found := _THE_NAME.fullmatch(text):
            name = as_name(found[1], caseless=False)
            return name is not None and reading.attribute("name", name, "identity")
        if found := _REACHED_AT.fullmatch(text):
            return reading.attribute("email", found[1].rstrip("."), "identity")
        return False

    def _introduction(self, reading: Reading, text: str, following: str) -> bool:
        """Note "I'm Noor" as a name after a greeting, or where the sentence goes on about "I"."""
        greeting = self._greeted and (_I_AM.fullmatch(text) or _HERE.fullmatch(text))
        goes_on = bool(_GOES_ON.match(following) or _ELLIPSIS.fullmatch(following))
        found = greeting or (_FIRST.match(text) and goes_on and _I_AM.fullmatch(text))
        if not found or reading.caseless:
            return False
        name = as_name(found[1], caseless=False) if greeting else as_person(found[1])
        if name is None:
            return False
        self._introduced = True
        return reading.attribute("name", name, "identity", confidence=LIKELY)


def _without_preface(text: str) -> tuple[str, bool]:
    now = False
    for _ in range(_MOST_PREFACES):
        found = _DISCOURSE.match(text)
        if found is None:
            break
        now = now or _NOW.match(text) is not None
        text = text[found.end() :]
    return text, now


def _subject_words(text: str) -> str:
    """The subject of a clause, for the next one to share."""
    plain, _ = _without_preface(text)
    found = _FIRST.match(plain)
    return found[1] if found else subject_of(plain)
