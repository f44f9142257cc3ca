"""All rules of the deterministic extractor, and where in a clause each kind of rule looks.

A predicate is a clause without its subject, its verb in the first person ("live in Leeds"); a
possessive is what follows "my" or "our". Each rule must match all of it, and each captured piece
must pass a check of `vocabulary`; otherwise nothing is noted. The rules themselves are in the
`rules_of_*` modules. Imports `local` modules and the standard library only.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace

from spectron_adapters.local.extraction import (
    rules_of_people,
    rules_of_places,
    rules_of_tastes,
    rules_of_things,
    rules_of_work,
)
from spectron_adapters.local.extraction.readings import Reading
from spectron_adapters.local.extraction.rules import Rule, apply_rules
from spectron_adapters.local.extraction.vocabulary import NUMBER

__all__ = ["note_possessive", "note_predicate"]

_FAMILIES = (rules_of_people, rules_of_places, rules_of_work, rules_of_tastes, rules_of_things)
_BY_VERB: dict[str, list[Rule]] = defaultdict(list)
for _family in _FAMILIES:
    for _verbs, _rules in _family.PREDICATES.items():
        for _verb in _verbs.split():
            _BY_VERB[_verb].extend(_rules)
_POSSESSIVES = tuple(item for family in _FAMILIES for item in family.POSSESSIVES)
_WHOLE_CLAUSES = (rules_of_things.TITLED, rules_of_tastes.IS_FAVOURITE)
_OWN = re.compile(r"(my|our|the) (.+)", re.IGNORECASE)
_OWN_DENIED = re.compile(
    r"((?:my|our) [^,]+?) (is|are) (?:not|no longer) (?:really |actually )?(.+)", re.IGNORECASE
)

_ADVERBS = re.compile(
    r"(?:(?:also|just|really|absolutely|totally|definitely|actually|still|truly|certainly"
    r"|officially|simply|both|do(?= (?:love|like|enjoy|hate|live|work|have|speak|own|prefer|play))"
    r"|honestly|quite|especially|particularly|generally|mostly|usually"
    r"|mainly|personally|already|always|often|sometimes|much|all"
    r"|(?P<now>currently|now|presently)|(?P<vague>recently)|(?P<last>finally)) )",
    re.IGNORECASE,
)
_MOST_ADVERBS = 3
_TWO_THINGS = re.compile(r"am (an? .+?),? and (an? .+)", re.IGNORECASE)
_AGED_THING = re.compile(rf"am an? ({NUMBER})[- ]years?[- ]old(?: (from .+)| (.+))?", re.IGNORECASE)
_AUXILIARY = re.compile(r"(?:am|have) ", re.IGNORECASE)
_DENIED = re.compile(
    r"(?:do not|does not|am no longer|is no longer|am not|is not|are not|was not|no longer|not)"
    r"(?: (?:really|actually|particularly|even))? ",
    re.IGNORECASE,
)


def note_predicate(reading: Reading, predicate: str, *, dated: bool) -> bool:
    """Note what a predicate states about the subject; adverbs and denial are taken off.

    Args:
        reading: Subject and circumstances.
        predicate: With the verb in the first person.
        dated: Try the rules that want the predicate with its dates, or the others.

    Returns:
        Whether something was noted.
    """
    reading, predicate = _without_adverbs(reading, predicate)
    has_been = reading.times.since and predicate[:10].casefold() == "have been "
    if has_been and _note(reading, f"am {predicate[10:]}", dated=dated):
        return True  # "I have been a nurse since 2019"
    denied = _DENIED.match(predicate)
    if denied is None:
        return _note(reading, predicate, dated=dated)
    words, rest = denied[0].casefold(), predicate[denied.end() :]
    if words.startswith(("am", "is", "are", "was")):
        rest = f"am {rest}"
    ended = reading.times.ended or "no longer" in words
    denial = replace(reading, times=replace(reading.times, ended=ended), negated=True)
    return _note(denial, rest, dated=dated)


def _note(reading: Reading, predicate: str, *, dated: bool) -> bool:
    if parts := _parts_of(predicate):
        noted = [_note(reading, part, dated=dated) for part in parts]
        return any(noted)
    candidates = _BY_VERB.get(predicate.partition(" ")[0].casefold(), ())
    return apply_rules(candidates, reading, predicate, dated=dated)


def _parts_of(predicate: str) -> list[str]:
    """Predicates that say apart what one says at once: "am a mother of two and a baker"."""
    if two := _TWO_THINGS.fullmatch(predicate):
        return [f"am {two[1]}", f"am {two[2]}"]
    if aged := _AGED_THING.fullmatch(predicate):
        more = aged[2] or (f"a {aged[3]}" if aged[3] else "")
        return [f"am {aged[1]} years old", *([f"am {more}"] if more else [])]
    return []


def _without_adverbs(reading: Reading, predicate: str) -> tuple[Reading, str]:
    times = reading.times
    for _ in range(_MOST_ADVERBS):
        lead = _AUXILIARY.match(predicate)
        start = lead.end() if lead else 0
        adverb = _ADVERBS.match(predicate, start)
        if adverb is None or predicate[:7].casefold() == "do not ":
            break
        if adverb[0].casefold() == "always " and lead is not None:
            break  # "have always loved"
        predicate = predicate[:start] + predicate[adverb.end() :]
        if adverb["now"]:
            times = replace(times, now=True)
        if adverb["vague"]:
            times = replace(times, vague="recently")
    return replace(reading, times=times), predicate


def note_possessive(reading: Reading, text: str, *, dated: bool) -> bool:
    """Note what "my ... is ..." or "our ... is ..." states about the speaker.

    Args:
        reading: The speaker and the circumstances.
        text: The clause.
        dated: Try the rules that want the clause with its dates, or the others.

    Returns:
        Whether something was noted.
    """
    if apply_rules(_WHOLE_CLAUSES, reading, text, dated=dated):
        return True
    if denied := _OWN_DENIED.fullmatch(text):
        reading, text = replace(reading, negated=True), f"{denied[1]} {denied[2]} {denied[3]}"
    own = _OWN.fullmatch(text)
    if own is None:
        return False
    the = own[1].casefold() == "the"
    candidates = (rules_of_things.SCHEDULED,) if the else _POSSESSIVES
    return apply_rules(candidates, reading, own[2], dated=dated)
