"""The deterministic extractor: plain English statements, no language model.

It reads what users say outright about themselves, and about people they name, in English; of every
other language and of everything that is asked, imagined, hedged, quoted, reported, joked or coded
it says nothing. It prefers silence to a wrong fact: a clause counts only if one rule accounts for
all of its words.

What one has one of is an attribute, so that a new value supersedes the old one: `name`,
`preferred_name`, `age`, `birthday`, `birth_date`, `birthplace`, `origin`, `grew_up_in`,
`nationality`, `pronouns`, `email`, `phone`, `native_language`, `occupation`, `works_at`,
`workplace`, `works_in`, `field_of_work`, `studies`, `studies_at`, `lives_in`, `diet`,
`relationship_status`, `number_of_children`, `favourite_<kind>`, single people (`wife`, `mother`,
`manager`, ...), dates (`deadline`, `exam`, ...), and, as passing context, `current_location` and
`preparing_for`. What one may have many of is a relation, so that nothing supersedes anything:
`likes`, `dislikes`, `prefers`, `avoids`, `speaks`, `learning`, `allergic_to`, `has_condition`,
`hobby`, `has_pet`, `owns`, `works_on`, `team`, `company`, `graduated_from`, and people (`sister`,
`friend`, ...).

Values are the speaker's words; a relative date in a value is followed by the day it means, in
brackets. Imports `local` modules and the standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from spectron_adapters.local.extraction.clauses import Sentence, clauses_of, sentences_of
from spectron_adapters.local.extraction.plain_rules import note_kin, note_possessive, note_predicate
from spectron_adapters.local.extraction.readings import LIKELY, Notebook, Reading, Times
from spectron_adapters.local.extraction.relative_dates import DATE_PHRASE
from spectron_adapters.local.extraction.standing_orders import called, standing_order
from spectron_adapters.local.extraction.statements import (
    USER,
    AttributeStatement,
    EntityRef,
    KnownAttribute,
    KnownNames,
    Statements,
    Utterance,
    normalise_name,
)
from spectron_adapters.local.extraction.vocabulary import as_name

__all__ = ["PlainStatements"]

_LONGEST_CLAUSE = 200
_RECENT = 50
"""How many statements of the conversation a correction or revocation looks back over."""
_DISCOURSE = re.compile(
    r"(?:hi|hello|hey|heya|good (?:morning|evening|afternoon)|well|so|oh|ah|yes|yeah|yep|no|nope"
    r"|ok|okay|actually"
    r"|and|also|but|by the way|btw|fyi|just so you know|for the record|for your information"
    r"|to be clear"
    r"|in fact|honestly|frankly|to be honest|tbh|sorry|wait|oops|i mean|plus|anyway|besides"
    r"|as you know|you know"
    r"|remember that|remember|note that|correction|update|ps|p\.s|note|sure|thanks|thank you"
    r"|right|see|again|then"
    r"|now|nowadays|these days|currently|at the moment|right now|at present|personally|fun fact"
    r"|there|the thing is"
    r"|truth is|of course|clearly|obviously|unfortunately|sadly|luckily|fortunately"
    r"|apart from that|about me)\b[,:]?\s+",
    re.IGNORECASE,
)
_NOW = re.compile(
    r"(?:now|nowadays|these days|currently|at the moment|right now|at present)\b", re.IGNORECASE
)
_MOST_PREFACES = 5

_ADVERBS = re.compile(
    r"(?:(?:also|just|really|absolutely|totally|definitely|actually|still|truly|certainly"
    r"|officially|simply"
    r"|both|do|honestly|quite|especially|particularly|generally|mostly|usually|mainly|personally"
    r"|already"
    r"|(?P<now>currently|now|presently)|(?P<vague>recently)|(?P<last>finally)) )",
    re.IGNORECASE,
)
_MOST_ADVERBS = 3
_AUXILIARY = re.compile(r"(?:am|have) ", re.IGNORECASE)
_DENIED = re.compile(
    r"(?:do not|does not|am no longer|is no longer|am not|is not|are not|was not|no longer|not)"
    r"(?: (?:really|actually|particularly|even))? ",
    re.IGNORECASE,
)

_FIRST = re.compile(r"(I|we) (.+)", re.IGNORECASE)
_POSSESSED = re.compile(r"(?i:my|our) ((?:[a-zé]+[- ])?[a-zé-]+),? (.+)")
_NAME_WORD = r"[A-Z][\w'-]*\.?"  # a word of a name
_THIRD = re.compile(
    rf"({_NAME_WORD}(?: {_NAME_WORD}){{0,2}}) "
    r"(is|was|lives|works|has|loves|likes|enjoys|hates|dislikes|prefers|speaks|studies|moved"
    r"|joined|left|does"
    r"|owns|drives|grew|turned|graduated|no longer|used|started|quit)\b(?: (.+))?"
)
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
}
_IS_KIN = re.compile(r"am (?:my|our) ([a-zé]+(?:[- ][a-zé]+)?)", re.IGNORECASE)
_WE_STATE = re.compile(
    r"(?:live|moved|relocated|have (?:\w+ )?(?:kids|children|child)|have (?:an?) )\b", re.IGNORECASE
)
_GREETING = re.compile(
    r"^\W*(?:hi|hello|hey|good (?:morning|evening|afternoon)|greetings|nice to meet you)\b",
    re.IGNORECASE,
)
_I_AM = re.compile(
    r"(?:I am|this is|the name is) (.+?)(?: (?:here|speaking|from (?P<from>.+)))?", re.IGNORECASE
)
_NOUN_LIKE = re.compile(r"(?:love|like|work|study|hate)\b", re.IGNORECASE)
_SWAPPED = re.compile(
    r"\W*(?:(?:no|sorry|actually|correction|wait|oops|i mean|i meant|it's|it is|that's|that is"
    r"|rather)\W+)*not (?:in )?(?P<old>[^,]{1,60}?)"
    r"(?:,? but|,|\s*[-\u2014])\s*(?:rather |it's |it is |in )?(?P<new>[^,]{1,60}?)",
    re.IGNORECASE,
)
_MEANT = re.compile(
    r"\W*(?:(?:no|sorry|actually|correction|wait|oops)\W+)*i meant(?: to say)? (?P<new>[^,]{1,60}?)"
    r"(?:,? not (?P<old>[^,]{1,60}))?",
    re.IGNORECASE,
)


class PlainStatements:
    """Reads plain English statements of users: names, places, work, family, tastes, orders.

    Deterministic and without state; one instance may serve any number of threads.
    """

    def extract(self, utterances: Sequence[Utterance], known: KnownNames) -> Statements:
        """Read what the user's turns state.

        Args:
            utterances: Consecutive turns, oldest first; only those of the role `user` are read.
                "I" is the `speaker` where one is given, else the entity `person/user`.
            known: Names in use. A thing keeps the type that the store gave it; live instructions
                and attributes are what revocations and corrections refer to.

        Returns:
            Statements in the order of the text, with confidence 0.9 where said outright and 0.75
            where implied. Denials are statements with `negated`.
        """
        notebook = Notebook(known)
        for index, utterance in enumerate(utterances):
            if utterance.role == "user":
                _Turn(notebook, utterance, index).read()
        return notebook.statements()


class _Turn:
    """One user turn on its way into the notebook."""

    def __init__(self, notebook: Notebook, utterance: Utterance, index: int) -> None:
        self._notebook = notebook
        self._utterance = utterance
        self._speaker = _speaker(utterance)
        self._index = index
        self._greeted = bool(_GREETING.search(utterance.text[:40]))

    def read(self) -> None:
        """Note the turn's standing orders, and its statements unless it is material to work on."""
        sentences = list(sentences_of(self._utterance.text))
        orders = [self._order(sentence) for sentence in sentences]
        material = any(
            sentence.kind == "material" and not order
            for sentence, order in zip(sentences, orders, strict=True)
        )
        for sentence, order in zip(sentences, orders, strict=True):
            if order or material:
                continue
            if sentence.kind == "fiction":
                break
            if sentence.kind == "asserted":
                self._read_sentence(sentence)

    def _order(self, sentence: Sentence) -> bool:
        if sentence.question or len(sentence.text) > _LONGEST_CLAUSE:
            return False
        given = [order.label for order in self._notebook.instructions[-_RECENT:]]
        live = [*self._notebook.known.instructions, *given]
        order = standing_order(
            sentence.text, live=live, caseless=sentence.caseless, utterance=self._index
        )
        if order is None:
            return False
        self._notebook.note_instruction(order)
        if name := called(sentence.text, caseless=sentence.caseless):
            self._reading(sentence).attribute("preferred_name", name, "identity")
        return True

    def _reading(self, sentence: Sentence) -> Reading:
        return Reading(
            notebook=self._notebook,
            subject=self._speaker,
            utterance=self._index,
            said_at=self._utterance.said_at,
            caseless=sentence.caseless,
        )

    def _read_sentence(self, sentence: Sentence) -> None:
        if self._read_correction(sentence):
            return
        subject, opening, done = "", Times(), False
        for clause in clauses_of(sentence.text):
            if clause.shares_subject and (
                not subject or (not done and _NOUN_LIKE.match(clause.text))
            ):
                continue
            shared = f"{subject} " if clause.shares_subject else ""
            done = False
            for text in filter(None, (clause.listing, clause.text)):
                if len(shared + text) <= _LONGEST_CLAUSE and not done:
                    done = self._read_clause(shared + text, sentence, opening)
            if not shared:
                subject = _subject_words(clause.text)
            rest, opening = Times().opening(clause.text, self._utterance.said_at)
            opening = opening if not rest else Times()

    def _read_clause(self, text: str, sentence: Sentence, opening: Times) -> bool:
        text, now = _without_preface(text)
        text, times = opening.opening(text, self._utterance.said_at)
        if now:
            times = replace(times, now=True)
        reading = replace(self._reading(sentence), times=times)
        if self._read_whole(reading, text, dated=True):
            return True
        text, times = times.closing(text, self._utterance.said_at)
        return self._read_whole(replace(reading, times=times), text, dated=False)

    def _read_whole(self, reading: Reading, text: str, *, dated: bool) -> bool:
        if note_possessive(reading, text, dated=dated):
            return True
        if not dated and self._greeted and self._introduction(reading, text):
            return True
        if found := _FIRST.fullmatch(text):
            if found[1].casefold() == "we":
                if not _WE_STATE.match(found[2]):
                    return False
                reading = replace(reading, confidence=LIKELY)
            predicate = re.sub(r"^are\b", "am", found[2])
            return _note(reading, predicate, dated=dated)
        return self._about_another(reading, text, dated=dated)

    def _introduction(self, reading: Reading, text: str) -> bool:
        found = _I_AM.fullmatch(text)
        name = as_name(found[1], caseless=False) if found else None
        if name is None or reading.caseless:
            return False
        return reading.attribute("name", name, "identity", confidence=LIKELY)

    def _about_another(self, reading: Reading, text: str, *, dated: bool) -> bool:
        if dated and (birthday := _THEIR_BIRTHDAY.fullmatch(text)):
            name = as_name(birthday[1], caseless=False)
            person = reading.entity(name, "person") if name else None
            return person is not None and reading.attribute(
                "birthday", birthday[2], "identity", entity=person
            )
        possessed = _POSSESSED.fullmatch(text)
        third = _THIRD.fullmatch(possessed[2] if possessed else text)
        if third is None:
            return False
        name = as_name(third[1], caseless=False)
        if name is None or reading.caseless:
            return False
        predicate = _first_person(third[2], third[3] or "")
        other = replace(reading, subject=reading.entity(name, "person"), confidence=LIKELY)
        if possessed:
            noted = _note(replace(other, confidence=0.9), predicate, dated=dated)
            return noted and note_kin(reading, possessed[1], name)
        if not dated and (kin := _IS_KIN.fullmatch(predicate)):
            return note_kin(reading, kin[1], name)
        return _note(other, predicate, dated=dated)

    def _read_correction(self, sentence: Sentence) -> bool:
        found = _SWAPPED.fullmatch(sentence.text) or _MEANT.fullmatch(sentence.text)
        if found is None:
            return False
        new = found["new"].strip()
        target = self._corrected(found["old"])
        if target is None or not _alike(target.value, new):
            return False
        reading = self._reading(sentence)
        category = target.memory_category if isinstance(target, AttributeStatement) else "knowledge"
        return reading.attribute(target.key, new, category, entity=target.entity)

    def _corrected(self, old: str | None) -> AttributeStatement | KnownAttribute | None:
        """The one attribute with the value to be corrected; without a value, the latest said."""
        said = [item for item in self._notebook.attributes[-_RECENT:] if not item.negated]
        if old is None:
            own = [item for item in said if item.entity == self._speaker]
            return own[-1] if own else None
        wanted = _folded(old)
        candidates: list[AttributeStatement | KnownAttribute] = [
            *self._notebook.known.attributes,
            *said,
        ]
        matching = {
            (_folded(item.entity.name), item.key): item
            for item in candidates
            if _folded(item.value) == wanted
        }
        return next(iter(matching.values())) if len(matching) == 1 else None


def _speaker(utterance: Utterance) -> EntityRef:
    if utterance.speaker and any(character.isalnum() for character in utterance.speaker):
        return EntityRef("person", utterance.speaker.strip())
    return USER


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
    for pattern in (_FIRST, _THIRD):
        if found := pattern.match(plain):
            return found[1]
    return ""


def _first_person(verb: str, rest: str) -> str:
    return f"{_BASE_FORMS.get(verb, verb)} {rest}".strip()


def _note(reading: Reading, predicate: str, *, dated: bool) -> bool:
    """Take adverbs and denial off a predicate and note what it states."""
    times = reading.times
    for _ in range(_MOST_ADVERBS):
        lead = _AUXILIARY.match(predicate)
        start = lead.end() if lead else 0
        adverb = _ADVERBS.match(predicate, start)
        if adverb is None or predicate[:7].casefold() == "do not ":
            break
        predicate = predicate[:start] + predicate[adverb.end() :]
        if adverb["now"]:
            times = replace(times, now=True)
        if adverb["vague"]:
            times = replace(times, vague="recently")
    if times.since and predicate[:10].casefold() == "have been ":
        # "I have been a nurse since 2019" says what one is
        state = f"am {predicate[10:]}"
        return note_predicate(replace(reading, times=times), state, dated=dated)
    denied = _DENIED.match(predicate)
    if denied is None:
        return note_predicate(replace(reading, times=times), predicate, dated=dated)
    words = denied[0].casefold()
    rest = predicate[denied.end() :]
    if words.startswith(("am", "is", "are", "was")):
        rest = f"am {rest}"
    ended = times.ended or "no longer" in words
    denial = replace(reading, times=replace(times, ended=ended), negated=True)
    return note_predicate(denial, rest, dated=dated)


def _alike(old: str, new: str) -> bool:
    """Whether a value can stand where another stood: both numbers or both written as names."""
    if old.isdecimal() or new.isdecimal():
        return old.isdecimal() and new.isdecimal()
    if not any(character.isalnum() for character in new):
        return False
    return (
        old[:1].isupper() == new[:1].isupper()
        and as_name(new, caseless=not old[:1].isupper()) is not None
    )


def _folded(text: str) -> str:
    try:
        return normalise_name(text)
    except ValueError:
        return ""
