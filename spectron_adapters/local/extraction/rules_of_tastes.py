"""Rules about tastes, skills and health: what somebody likes, avoids, speaks, plays, cannot stand.

Imports `local` modules and the standard library only.
"""

from __future__ import annotations

import re
from dataclasses import replace

from spectron_adapters.local.extraction.readings import Reading
from spectron_adapters.local.extraction.rules import Match, Rule, RulesByVerb, rule
from spectron_adapters.local.extraction.statements import MemoryCategory
from spectron_adapters.local.extraction.vocabulary import as_organisation, as_thing, items_of
from spectron_adapters.local.extraction.word_lists import CONDITIONS, DIETS, LANGUAGES, PLAYED

__all__ = ["IS_FAVOURITE", "POSSESSIVES", "PREDICATES"]

_PROPER_KINDS = re.compile(
    r".*\b(?:author|writer|singer|actor|actress|director|artist|painter|team|club|band|group|player"
    r"|restaurant|caf\u00e9|cafe|place|city|town|country|book|novel|film|movie|song|album|show"
    r"|series|character|poet|composer|teacher|uncle|aunt|cousin|shop|store|bar|pub)",
    re.IGNORECASE,
)
_DESCRIPTION = re.compile(
    r"(?:closed|open|dead|alive|coming|going|gone|great|good|bad|better|best|amazing|awesome|sick"
    r"|beautiful|busy|late|early|funny|fun|delicious|cheap|expensive|broken|lost|new|old|hard|easy"
    r"|different|simple|almost|still|already|always|never|probably|under|from|in|on|at|by"
    r"|with|cold|hot|ready|missing|here|there|available|sold|finished|on|off|up|down)\b.*",
    re.IGNORECASE,
)
_LONGEST_FAVOURITE = 60
_LONGEST_FOOD = 3


# --- likes and dislikes ---------------------------------------------------------------------------


def _many(reading: Reading, label: str, text: str, category: MemoryCategory = "knowledge") -> bool:
    """Note one relation for each member of an enumeration, or nothing if one does not fit."""
    items = items_of(text.removeprefix("both "), plain=label == "allergic_to")
    things = [as_thing(item) for item in items]
    if None in things or (len(items) > 1 and text[:4].casefold() == "the "):
        return False
    if " or " in text and not reading.negated and label in ("likes", "prefers", "hobby"):
        return False
    for thing in things:
        if thing is not None:
            reading.relation(label, reading.entity(thing, "topic"), category)
    return True


def _likes(reading: Reading, found: Match) -> bool:
    if reading.negated and not reading.times.ended:
        denied = replace(reading, negated=False)
        return _many(denied, "dislikes", found[1]) and _many(reading, "likes", found[1])
    return _many(reading, "likes", found[1])


def _has_liked(reading: Reading, found: Match) -> bool:
    """The perfect tense speaks of the present with "always" or a duration."""
    return bool(found["always"] or reading.times.lasts) and _many(reading, "likes", found["what"])


def _no_longer_likes(reading: Reading, found: Match) -> bool:
    return _many(replace(reading, negated=True), "likes", found[1])


def _dislikes(reading: Reading, found: Match) -> bool:
    if not _many(reading, "dislikes", found[1]):
        return False
    return reading.negated or _many(replace(reading, negated=True), "likes", found[1])


def _prefers(reading: Reading, found: Match) -> bool:
    return _many(reading, "prefers", found[1])


def _hobby(reading: Reading, found: Match) -> bool:
    return _many(reading, "hobby", found[1])


def _collects(reading: Reading, found: Match) -> bool:
    return found[1].endswith("s") and _many(reading, "collects", found[1])


def _supports(reading: Reading, found: Match) -> bool:
    name = as_organisation(found[1], caseless=False)
    return name is not None and reading.relation("supports", reading.entity(name, "organisation"))


def _favourite(reading: Reading, found: Match) -> bool:
    kind, value = found["kind"].casefold(), found["value"]
    if not re.fullmatch(r"\d{1,4}|The .+|A (?-i:[A-Z]).+", value):
        value = as_thing(re.sub(r"^an? ", "", value)) or ""
    if not value or len(value) > _LONGEST_FAVOURITE or as_thing(kind) is None:
        return False
    if _DESCRIPTION.fullmatch(value):
        return False
    if _PROPER_KINDS.fullmatch(kind) and value[0].islower() and not reading.caseless:
        return False
    if re.search(r"\b(?:part|way|one|memory|moment|time|thing|of|is|are)\b", kind):
        return False
    return reading.attribute(_favourite_key(reading, kind), value)


def _favourite_key(reading: Reading, kind: str) -> str:
    """`favourite_<kind>`, in whichever spelling the store already has."""
    british = "favourite_" + re.sub(r"\W+", "_", kind.replace("color", "colour")).strip("_")
    american = british.replace("avourite", "avorite").replace("colour", "color")
    known = reading.notebook.known.keys
    return american if american in known and british not in known else british


# --- skills ---------------------------------------------------------------------------------------


def _speaks(reading: Reading, found: Match) -> bool:
    text = re.sub(
        r"\b(?:both|fluent|fluently|native|some|a little(?: bit of)?|a bit of|basic) ?",
        "",
        found[1],
    )
    languages = items_of(text, plain=True)
    if not languages or any(language.casefold() not in LANGUAGES for language in languages):
        return False
    for language in languages:
        reading.relation("speaks", reading.entity(language, "topic"))
    return True


def _learning(reading: Reading, found: Match) -> bool:
    text = found["what"]
    if not found["play"] and text.casefold() not in LANGUAGES:
        return False
    return as_thing(text) is not None and reading.relation(
        "learning", reading.entity(text, "topic")
    )


def _plays(reading: Reading, found: Match) -> bool:
    things = [re.sub(r"^the ", "", item) for item in items_of(found[1], plain=True)]
    if any(thing.casefold().split()[-1:] != [_played(thing)] for thing in things):
        return False
    for thing in things:
        reading.relation("plays", reading.entity(thing, "topic"))
    return True


def _played(thing: str) -> str | None:
    """The game or instrument at the end of "a little jazz guitar" without anything in between."""
    last = thing.casefold().split()[-1:]
    return last[0] if last and last[0] in PLAYED and as_thing(thing) is not None else None


# --- health and food ------------------------------------------------------------------------------


def _avoids(reading: Reading, found: Match) -> bool:
    return reading.negated and _eats_no(replace(reading, negated=False), found)


def _eats_no(reading: Reading, found: Match) -> bool:
    if len(found[1].split()) > _LONGEST_FOOD and " and " not in found[1] and "," not in found[1]:
        return False
    if _MANNER_OF_EATING.search(found[1]):
        return False
    return _many(reading, "avoids", found[1])


_MANNER_OF_EATING = re.compile(
    r"\A(?:alone|much|well|properly|enough|early|late|out|another|like)\b"
    r"|\b(?:after|before|at|in|on|during|with|for|when|from)\b",
    re.IGNORECASE,
)


def _allergic(reading: Reading, found: Match) -> bool:
    if re.search(
        r"\b(?:\w+days?|bad|work|working|mornings|people|you|stupid\w*|nonsense|drama"
        r"|bullshit|idiots|effort|exercise|commitment|responsibility|fun|boredom|meetings)\b",
        found[1],
    ):
        return False
    return _many(reading, "allergic_to", found[1], "identity")


def _diet(reading: Reading, found: Match) -> bool:
    return found[1].casefold() in DIETS and reading.attribute("diet", found[1], event=True)


def _condition(reading: Reading, found: Match) -> bool:
    return reading.relation("has_condition", reading.entity(found[1], "concept"), "identity")


def _known_condition(reading: Reading, found: Match) -> bool:
    return found[1].casefold() in CONDITIONS and reading.relation(
        "has_condition", reading.entity(found[1], "concept"), "identity", event=True
    )


_FAN = r"(?:big|huge|massive|real|lifelong|total|great|keen|avid|die-hard)"
_LIKE = r"(?:love|like|enjoy|adore)"
_CLUB = (
    r"((?-i:[A-Z])[\w' .&-]{1,40} (?:FC|AFC|CF|SC|RC|United|City|Rovers|Wanderers|Athletic|Town"
    r"|Albion|Hotspur|Rangers|Villa|Palace|Celtic|Madrid))"
)

PREDICATES: RulesByVerb = {
    "love like enjoy adore": (rule(rf"{_LIKE} (.+)", _likes, deniable=True),),
    "prefer": (
        rule(
            r"prefer (.+?)(?: (?:to(?! (?:be|have|get|do|stay|come|go)\b)|over|rather than"
            r"|instead of) .+)?",
            _prefers,
            deniable=True,
        ),
    ),
    "hate dislike detest loathe despise": (
        rule(r"(?:hate|dislike|detest|loathe|despise) (.+)", _dislikes, deniable=True),
    ),
    "can": (
        rule(r"can not (?:stand|bear) (.+)", _dislikes),
        rule(r"can not (?:eat|drink|have|tolerate) (.+)", _eats_no),
        rule(r"can speak (.+?)(?: fluently)?", _speaks),
        rule(r"can play (.+)", _plays),
    ),
    "used": (rule(rf"used to {_LIKE} (.+)", _no_longer_likes, event=True),),
    "speak": (rule(r"speak (.+?)(?: fluently)?", _speaks, deniable=True),),
    "play": (
        rule(r"play (.+?)(?: (?:in|for|with) (?:an?|the|my|our) .+)?", _plays, deniable=True),
    ),
    "collect": (rule(r"collect (.+)", _collects, deniable=True),),
    "support": (rule(rf"support {_CLUB}", _supports),),
    "eat drink": (
        rule(r"(?:eat|drink) (.+)", _avoids, deniable=True),
        rule(r"eat (.+)", _diet),
    ),
    "became went": (rule(r"(?:became|went) (?:an? )?(.+)", _diet, event=True),),
    "never": (rule(r"never (?:eat|drink|touch) (.+)", _eats_no),),
    "avoid": (rule(r"avoid (?:eating |drinking )?(.+)", _eats_no),),
    "stopped": (rule(r"stopped (?:eating|drinking) (.+)", _eats_no),),
    "follow keep stick": (
        rule(r"(?:follow|keep to|stick to) an? (?:strict )?(.+) diet", _diet),
        rule(r"keep (kosher|halal)", _diet),
    ),
    "suffer": (rule(r"suffer from (.+)", _known_condition),),
    "have": (
        rule(
            r"have (?:(?P<always>always) )?(?:loved|liked|enjoyed|adored) (?P<what>.+)", _has_liked
        ),
        rule(
            r"have an? (?:(?:severe|bad|mild|serious|strong|slight|terrible) )?(.+) allergy",
            _allergic,
        ),
        rule(r"have (.+)", _known_condition),
        rule(r"have been diagnosed with (.+)", _known_condition),
    ),
    "was": (rule(r"was (?:recently |just )?diagnosed with (.+)", _known_condition, event=True),),
    "am": (
        rule(r"am (?:an? |strictly |a strict )?([\w -]+)", _diet, deniable=True),
        rule(
            r"am (?:an? )?(diabetic|type [12] diabetic|coeliac|celiac|lactose[- ]intolerant"
            r"|gluten[- ]intolerant|colou?r[- ]?blind|dyslexic|asthmatic|epileptic|autistic)",
            _condition,
            deniable=True,
        ),
        rule(r"am (?:\w+ly )?allergic to (.+)", _allergic, deniable=True),
        rule(r"am (?:\w+ )?fluent in (.+)", _speaks, deniable=True),
        rule(r"am an? (?:native )?(\w+) speaker", _speaks),
        rule(
            r"am learning (?:to speak |(?P<play>(?:how )?to play (?:the )?))?(?P<what>.+)",
            _learning,
            deniable=True,
        ),
        rule(rf"am (?:an? )?(?:{_FAN} )?(?:fan of|into) (.+)", _likes, deniable=True),
        rule(
            r"am (?:fond of|keen on|obsessed with|crazy about|passionate about|mad about) (.+)",
            _likes,
            deniable=True,
        ),
        rule(
            rf"am an? (?:{_FAN} )?(?!{_FAN} )(.+) (?:fan|lover|enthusiast|aficionado|buff)",
            _likes,
            deniable=True,
        ),
    ),
}

POSSESSIVES: tuple[Rule, ...] = (
    rule(
        r"(?:all[- ]time )?(?:favou?rite|fav|fave) (?P<kind>\w+(?: \w+){0,2}?) (?:is|are) "
        r"(?P<value>.+)",
        _favourite,
        deniable=True,
    ),
    rule(r"(?:hobby|hobbies) (?:is|are|include) (.+)", _hobby),
)
IS_FAVOURITE = rule(
    r"(?P<value>.+) (?:is|are) (?:also )?my (?:all[- ]time |absolute )?(?:favou?rite|fav|fave) "
    r"(?P<kind>\w+(?: \w+){0,2})",
    _favourite,
)
"""A clause whose subject is the favourite."""
