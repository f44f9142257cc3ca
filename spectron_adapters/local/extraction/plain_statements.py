"""The deterministic extractor: plain English statements, no language model.

It reads what users say outright about themselves, and about people they name, in English; of every
other language and of everything that is asked, imagined, hedged, quoted, reported, joked or coded
it says nothing. It prefers silence to a wrong fact: a clause counts only if one rule accounts for
all of its words.

What one has one of is an attribute, so that a new value supersedes the old one: `name`, `surname`,
`middle_name`, `maiden_name`, `preferred_name`, `age`, `birthday`, `birth_date`, `birthplace`,
`origin`, `grew_up_in`, `nationality`, `pronouns`, `handedness`, `email`, `phone`, `address`,
`native_language`, `occupation`, `employment_status`, `works_at`, `workplace`, `works_in`,
`field_of_work`, `studies`, `studies_at`, `lives_in`, `lives_near`, `diet`, `relationship_status`,
`number_of_<relatives or animals>`, `favourite_<kind>`, single people (`wife`, `mother`, `manager`,
`dentist`, ...) and their `<person>s_birthday`, dates (`deadline`, `exam`, ...), and, as passing
context, `current_location` and `preparing_for`. What one may have many of is a relation, so that
nothing supersedes anything: `likes`, `dislikes`, `prefers`, `avoids`, `speaks`, `learning`,
`plays`, `teaches`, `collects`, `supports`, `allergic_to`, `has_condition`, `hobby`, `has_pet`,
`owns`, `works_on`, `team`, `band`, `company`, `founded`, `graduated_from`, and people (`sister`,
`friend`, ...).

Values are the speaker's words ("a dog" counts as `one`); a relative date in a value is followed by
the day it means, in brackets. Imports `local` modules and the standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from spectron_adapters.local.extraction.clauses import Sentence, clauses_of, sentences_of
from spectron_adapters.local.extraction.corrections import note_correction
from spectron_adapters.local.extraction.readings import Notebook, Reading
from spectron_adapters.local.extraction.sentence_reader import SentenceReader
from spectron_adapters.local.extraction.standing_orders import called, standing_order
from spectron_adapters.local.extraction.statements import (
    USER,
    EntityRef,
    KnownNames,
    Statements,
    Utterance,
)

__all__ = ["PlainStatements"]

_LONGEST_ORDER = 200
_RECENT = 50
"""How many orders of the conversation a revocation looks back over."""
_GREETING = re.compile(
    r"^\W*(?:hi|hiya|hello|hey|good (?:morning|evening|afternoon)|greetings|nice to meet you)\b",
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
        if sentence.question or sentence.partial or len(sentence.text) > _LONGEST_ORDER:
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

    def _read_sentence(self, sentence: Sentence) -> None:
        reading = self._reading(sentence)
        if not note_correction(reading, sentence.text):
            clauses = list(clauses_of(sentence.text))
            SentenceReader(reading, greeted=self._greeted).read(clauses)

    def _reading(self, sentence: Sentence) -> Reading:
        return Reading(
            notebook=self._notebook,
            subject=self._speaker,
            utterance=self._index,
            said_at=self._utterance.said_at,
            caseless=sentence.caseless,
        )


def _speaker(utterance: Utterance) -> EntityRef:
    if utterance.speaker and any(character.isalnum() for character in utterance.speaker):
        return EntityRef("person", utterance.speaker.strip())
    return USER
