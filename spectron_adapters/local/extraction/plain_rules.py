"""The rules of the deterministic extractor: which predicate states which fact.

A predicate is a clause without its subject, its verb in the first person ("live in Leeds"). Each
rule must match the whole predicate and each captured piece must pass a check of `vocabulary`;
otherwise nothing is noted. Imports `local` modules and the standard library only.
"""

from __future__ import annotations

import re
from calendar import month_name
from collections.abc import Callable
from dataclasses import dataclass, replace

from spectron_adapters.local.extraction.readings import LIKELY, Reading
from spectron_adapters.local.extraction.relative_dates import DATE_PHRASE, resolve
from spectron_adapters.local.extraction.statements import EntityRef, MemoryCategory
from spectron_adapters.local.extraction.vocabulary import (
    DEMONYMS,
    KIN,
    LANGUAGES,
    PETS,
    SINGLE_KIN,
    as_name,
    as_occupation,
    as_organisation,
    as_place,
    as_thing,
    items_of,
)

__all__ = ["note_kin", "note_possessive", "note_predicate"]

Match = re.Match[str]
_COUNT = r"(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_POSSESSIONS = re.compile(rf",? and (?={_COUNT} |an? )|, (?={_COUNT} |an? )", re.IGNORECASE)
_ORDINARY_AGE = range(1, 121)


@dataclass(frozen=True, slots=True)
class Rule:
    """A predicate's form and what it states.

    Attributes:
        pattern: Must match the whole predicate.
        note: Notes the finding; False if the captured words do not fit.
        dated: The words that say when belong to the finding, so the predicate is matched whole.
        event: It tells of something that happened, which a past date may date.
        deniable: Its denial is a statement as well.
    """

    pattern: re.Pattern[str]
    note: Callable[[Reading, Match], bool]
    dated: bool = False
    event: bool = False
    deniable: bool = False


def note_predicate(reading: Reading, predicate: str, *, dated: bool) -> bool:
    """Note what a predicate states about the subject.

    Args:
        reading: Subject and circumstances.
        predicate: With the verb in the first person.
        dated: Try the rules that want the predicate with its dates, or the others.

    Returns:
        Whether something was noted.
    """
    for rule in _BY_VERB.get(predicate.partition(" ")[0].casefold(), ()):
        if rule.dated != dated or (reading.negated and not rule.deniable):
            continue
        if reading.times.moment is not None and not (rule.event or dated):
            continue
        found = rule.pattern.fullmatch(predicate)
        if found is not None and rule.note(reading, found):
            return True
    return False


_NETWORKS = frozenset(
    ("twitter", "facebook", "instagram", "tiktok", "linkedin", "reddit", "discord", "slack")
) | frozenset(("whatsapp", "snapchat", "youtube", "mastodon", "bluesky", "strava", "tinder"))
"""What people join without working there."""
_NOT_WORKPLACES = re.compile(
    r".*\b(?:team|group|hurry|rush|field|job|role|way|place|pair|vacuum|shift|environment|state"
    r"|while|living|bit|lot|reason|salary|wage|world|manner|style|mess|bubble|context)",
    re.IGNORECASE,
)
_NOT_WORK_TOWNS = frozenset(("python", "java", "rust", "excel", "javascript", "typescript", "ruby"))
_PROPER_KINDS = re.compile(
    r".*\b(?:author|writer|singer|actor|actress|director|artist|painter|team|club|band|group|player"
    r"|restaurant|caf\u00e9|cafe|place|city|town|country|book|novel|film|movie|song|album|show"
    r"|series"
    r"|character|poet|composer|teacher|uncle|aunt|cousin|shop|store|bar|pub)",
    re.IGNORECASE,
)
_DESCRIPTION = re.compile(
    r"(?:closed|open|dead|alive|coming|going|gone|great|good|bad|better|best|amazing|awesome|sick"
    r"|beautiful|busy|late|early|funny|fun|delicious|cheap|expensive|broken|lost|new|old|hard|easy"
    r"|different|simple|almost|still|already|always|never|probably|under|from|in|on|at|by"
    r"|with)\b.*",
    re.IGNORECASE,
)


# --- where and from where -------------------------------------------------------------------------


def _location(
    reading: Reading, key: str, text: str, category: MemoryCategory, **more: bool
) -> bool:
    place = as_place(text, caseless=reading.caseless)
    if place is None:
        return False
    reading.attribute(
        key, place, category, event=more.get("event", False), negated=more.get("negated")
    )
    reading.notebook.mention(EntityRef("location", place), "knowledge")
    return True


def _lives(reading: Reading, found: Match) -> bool:
    if reading.times.transient:
        return _location(reading, "current_location", found[1], "context")
    return _location(reading, "lives_in", found[1], "knowledge")


def _has_lived(reading: Reading, found: Match) -> bool:
    """The perfect tense speaks of the present only together with a duration."""
    return _lasts(reading) and _lives(reading, found)


def _lasts(reading: Reading) -> bool:
    return reading.times.since is not None or bool(reading.times.vague)


def _moved(reading: Reading, found: Match) -> bool:
    left = found["left"] or found["left_after"]
    if as_place(found["to"], caseless=reading.caseless) is None:
        return False
    if left:
        _location(reading, "lives_in", left, "knowledge", negated=True, event=True)
    return _location(reading, "lives_in", found["to"], "knowledge", event=True)


def _lived(reading: Reading, found: Match) -> bool:
    return _location(reading, "lives_in", found[1], "knowledge", negated=True)


def _origin(reading: Reading, found: Match) -> bool:
    return _location(reading, "origin", found[1], "identity")


def _grew_up(reading: Reading, found: Match) -> bool:
    return _location(reading, "grew_up_in", found[1], "identity")


def _is_in(reading: Reading, found: Match) -> bool:
    if not (reading.times.now or reading.times.transient or found["verb"].casefold() != "in"):
        return False
    return _location(reading, "current_location", found["place"], "context")


# --- work and study -------------------------------------------------------------------------------


def _employer(reading: Reading, text: str, **more: bool) -> bool:
    name = as_organisation(text, caseless=reading.caseless)
    if name is None:
        return False
    reading.attribute("works_at", name, event=more.get("event", False), negated=more.get("negated"))
    reading.notebook.mention(EntityRef("organisation", name), "knowledge")
    return True


def _works(reading: Reading, found: Match) -> bool:
    place = found["place"]
    if place and as_place(place, caseless=reading.caseless) is None:
        return False
    role = found["role"]
    if role and as_occupation(role) is None:
        return False
    if not _employer(reading, found["employer"]):
        return False
    return not role or reading.attribute("occupation", role, "identity")


def _has_worked(reading: Reading, found: Match) -> bool:
    return _lasts(reading) and _works(reading, found)


def _joined(reading: Reading, found: Match) -> bool:
    if found["role"] and as_occupation(found["role"]) is None:
        return False
    if not found["role"] and found["employer"].casefold() in _NETWORKS:
        return False
    if not _employer(reading, found["employer"], event=True):
        return False
    if found["role"]:
        reading.attribute("occupation", found["role"], "identity", event=True)
    return True


def _left(reading: Reading, found: Match) -> bool:
    if reading.caseless or found[1].casefold() in _NETWORKS:
        return False
    return _employer(reading, found[1], negated=True, event=True)


def _workplace(reading: Reading, found: Match) -> bool:
    if as_thing(found[1]) is None or _NOT_WORKPLACES.fullmatch(found[1]):
        return False
    return reading.attribute("workplace", found[1])


def _field(reading: Reading, found: Match) -> bool:
    text = found[1]
    if text in ("IT", "HR", "PR"):
        return reading.attribute("field_of_work", text)
    if text[0].isupper() and not text.isupper() and not reading.caseless:
        town = text.casefold() not in _NOT_WORK_TOWNS
        return town and _location(reading, "works_in", text, "knowledge")
    thing = as_thing(text)
    if thing is None or re.search(
        r"\b(?:the|a|an|in|with|of|for|on|shifts?|pairs?|teams?)\b", text
    ):
        return False
    return reading.attribute("field_of_work", thing)


def _occupation(reading: Reading, found: Match) -> bool:
    role = as_occupation(found["role"])
    if role is None:
        return False
    groups = found.groupdict()
    employer, place = groups.get("employer"), groups.get("place")
    if place and as_place(place, caseless=reading.caseless) is None:
        return False
    if employer:
        key, name = "works_at", as_organisation(employer, caseless=reading.caseless)
        if role.casefold().split()[-1] in ("student", "undergraduate"):
            key = "studies_at"
        if name is not None:
            reading.attribute(key, name)
            reading.notebook.mention(EntityRef("organisation", name), "knowledge")
        elif not re.match(r"(?:a|an|the|my|our)\b", employer, re.IGNORECASE):
            return False
    return reading.attribute("occupation", role, "identity")


def _works_as(reading: Reading, found: Match) -> bool:
    if _occupation(reading, found):
        return True
    role = as_thing(found["role"])
    if role is None or found["employer"] or found["place"] or len(role.split()) > 3:  # noqa: PLR2004
        return False
    return reading.attribute("occupation", role, "identity", confidence=LIKELY)


def _was_occupation(reading: Reading, found: Match) -> bool:
    role = as_occupation(found["role"])
    return role is not None and reading.attribute("occupation", role, "identity", negated=True)


def _studies(reading: Reading, found: Match) -> bool:
    subject, school = found["subject"], found["school"]
    name = as_organisation(school, caseless=reading.caseless) if school else None
    if (school and name is None) or (subject and not _is_discipline(subject)):
        return False
    if subject:
        reading.attribute("studies", subject)
    if name:
        reading.attribute("studies_at", name)
        reading.notebook.mention(EntityRef("organisation", name), "knowledge")
    return bool(subject or name)


def _is_discipline(text: str) -> bool:
    return as_thing(text) is not None and not _MANNER.fullmatch(text)


_MANNER = re.compile(
    r"(?:hard|harder|well|alone|abroad|online|together|daily|regularly)\b.*"
    r"|.*\b(?:at|in|with|for)\b.*",
    re.IGNORECASE,
)


def _graduated(reading: Reading, found: Match) -> bool:
    name = as_organisation(found[1], caseless=reading.caseless)
    if name is None:
        return False
    return reading.relation(
        "graduated_from", reading.entity(name, "organisation"), "identity", event=True
    )


# --- who one is -----------------------------------------------------------------------------------


def _named(reading: Reading, found: Match) -> bool:
    name = as_name(found[1], caseless=reading.caseless)
    return name is not None and reading.attribute("name", name, "identity")


def _aged(reading: Reading, found: Match) -> bool:
    years = found["years"]
    if years.isdecimal() and int(years) not in _ORDINARY_AGE:
        return False
    if not found["unit"] and not 10 <= int(years) < 100:  # noqa: PLR2004  # bare numbers may be times
        return False
    return reading.attribute("age", years, "identity")


def _turned(reading: Reading, found: Match) -> bool:
    if int(found[1]) not in _ORDINARY_AGE:
        return False
    return reading.attribute("age", found[1], "identity", event=True)


def _born(reading: Reading, found: Match) -> bool:
    noted = False
    if found["place"]:
        noted = _location(reading, "birthplace", found["place"], "identity")
        if not noted:
            return False
    if found["date"]:
        noted = reading.attribute("birth_date", found["date"], "identity")
    return noted


def _nationality(reading: Reading, found: Match) -> bool:
    word = found[1]
    if word.casefold() not in DEMONYMS or (word.islower() and not reading.caseless):
        return False
    return reading.attribute("nationality", word, "identity")


def _diet(reading: Reading, found: Match) -> bool:
    return reading.attribute("diet", found[1])


def _employment(reading: Reading, found: Match) -> bool:
    return reading.attribute("employment_status", found[1], "identity")


def _no_longer_likes(reading: Reading, found: Match) -> bool:
    return _many(replace(reading, negated=True), "likes", found[1])


def _status(reading: Reading, found: Match) -> bool:
    return reading.attribute("relationship_status", found[1], "identity", event=True)


def _condition(reading: Reading, found: Match) -> bool:
    return reading.relation("has_condition", reading.entity(found[1], "concept"), "identity")


def _married_to(reading: Reading, found: Match) -> bool:
    name = as_name(found[1], caseless=reading.caseless)
    if name is None:
        return False
    reading.attribute("spouse", name, "identity", event=True)
    reading.notebook.mention(EntityRef("person", name), "identity")
    return True


def _children(reading: Reading, found: Match) -> bool:
    return reading.attribute("number_of_children", found[1], "identity")


def _allergic(reading: Reading, found: Match) -> bool:
    if re.search(r"\b(?:\w+days?|bad|work|working|mornings|people|you|stupid\w*)\b", found[1]):
        return False
    return _many(reading, "allergic_to", found[1], "identity")


# --- tastes and skills ----------------------------------------------------------------------------


def _many(reading: Reading, label: str, text: str, category: MemoryCategory = "knowledge") -> bool:
    """Note one relation for each member of an enumeration, or nothing if one does not fit."""
    items = items_of(text, plain=label == "allergic_to")
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


def _dislikes(reading: Reading, found: Match) -> bool:
    if not _many(reading, "dislikes", found[1]):
        return False
    return reading.negated or _many(replace(reading, negated=True), "likes", found[1])


def _avoids(reading: Reading, found: Match) -> bool:
    return reading.negated and _many(replace(reading, negated=False), "avoids", found[1])


def _prefers(reading: Reading, found: Match) -> bool:
    return _many(reading, "prefers", found[1])


def _speaks(reading: Reading, found: Match) -> bool:
    languages = items_of(
        re.sub(r"\b(?:both|fluent|fluently|some|a little|a bit of) ?", "", found[1]), plain=True
    )
    if not languages or any(language.casefold() not in LANGUAGES for language in languages):
        return False
    for language in languages:
        reading.relation("speaks", reading.entity(language, "topic"))
    return True


def _learning(reading: Reading, found: Match) -> bool:
    text = found[1]
    if text.casefold() not in LANGUAGES and not found[0].casefold().startswith(
        "am learning to play"
    ):
        return False
    return as_thing(text) is not None and reading.relation(
        "learning", reading.entity(text, "topic")
    )


def _owns(reading: Reading, found: Match) -> bool:
    name = as_organisation(found[1], caseless=False)
    return name is not None and reading.relation("owns", reading.entity(name, "product"))


def _preparing(reading: Reading, found: Match) -> bool:
    thing = re.sub(r"^(?:an?|the|my|our) ", "", found[1])
    return as_thing(thing) is not None and reading.attribute("preparing_for", thing, "context")


def _working_on(reading: Reading, found: Match) -> bool:
    name = as_organisation(found[1], caseless=False)
    if name is None or reading.caseless:
        return False
    return reading.relation("works_on", reading.entity(name, "project"))


# --- family and animals ---------------------------------------------------------------------------


def note_kin(reading: Reading, kin: str, name: str) -> bool:
    """Note that the subject's wife, sister, manager ... has a name.

    Returns:
        Whether the words are a kind of person and a name.
    """
    word = " ".join(kin.casefold().split())
    person = as_name(name, caseless=reading.caseless)
    if person is None:
        return False
    category: MemoryCategory = "identity"
    if word in SINGLE_KIN:
        reading.attribute(SINGLE_KIN[word], person, category)
        reading.notebook.mention(EntityRef("person", person), category)
        return True
    if word in KIN:
        return reading.relation(KIN[word], EntityRef("person", person), category)
    return word in PETS and _pet(reading, word, person)


def _pet(reading: Reading, kind: str, name: str) -> bool:
    animal = reading.entity(name, "other")
    reading.relation("has_pet", animal, "identity")
    if kind not in ("pup", "doggo"):
        reading.attribute("species", kind, "identity", entity=animal, negated=False)
    return True


def _has_several(reading: Reading, found: Match) -> bool:
    """Note each of "two kids, a dog named Rex and a cat"."""
    parts = _POSSESSIONS.split(found[1])
    noted = [note_predicate(reading, f"have {part}", dated=False) for part in parts]
    return any(noted)


# --- what the subject has: "my ... is ..." --------------------------------------------------------


_PLURAL_KIN = {
    "kids": "child",
    "children": "child",
    "sons": "son",
    "daughters": "daughter",
    "sisters": "sister",
    "brothers": "brother",
    "dogs": "dog",
    "cats": "cat",
}


def _possessed_names(reading: Reading, found: Match) -> bool:
    names = [as_name(name, caseless=reading.caseless) for name in items_of(found[2], plain=True)]
    if None in names:
        return False
    word = _PLURAL_KIN[found[1].casefold()]
    return all(note_kin(reading, word, name) for name in names if name is not None)


def _possessed_name(reading: Reading, found: Match) -> bool:
    return note_kin(reading, found["kin"], found["name"])


def _preferred_name(reading: Reading, found: Match) -> bool:
    name = as_name(found[1], caseless=reading.caseless)
    return name is not None and reading.attribute("preferred_name", name, "identity")


def _favourite(reading: Reading, found: Match) -> bool:
    kind, value = found["kind"].casefold(), found["value"]
    thing = value if re.fullmatch(r"\d{1,4}|(?:The|A) .+", value) else as_thing(value)
    if thing is None or len(thing) > _LONGEST_FAVOURITE or as_thing(kind) is None:
        return False
    if _DESCRIPTION.fullmatch(thing):
        return False
    if _PROPER_KINDS.fullmatch(kind) and thing[0].islower() and not reading.caseless:
        return False
    if re.search(r"\b(?:part|way|one|memory|moment|time|thing|of|is|are)\b", kind):
        return False
    return reading.attribute(_favourite_key(reading, kind), thing)


def _favourite_key(reading: Reading, kind: str) -> str:
    """`favourite_<kind>`, in whichever spelling the store already has."""
    british = "favourite_" + re.sub(r"\W+", "_", kind.replace("color", "colour")).strip("_")
    american = british.replace("avourite", "avorite").replace("colour", "color")
    known = reading.notebook.known.keys
    return american if american in known and british not in known else british


_LONGEST_FAVOURITE = 60


def _profession(reading: Reading, found: Match) -> bool:
    role = as_occupation(found[1])
    return role is not None and reading.attribute("occupation", role, "identity")


def _hobby(reading: Reading, found: Match) -> bool:
    return _many(reading, "hobby", found[1])


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
_NAMED_DAY = re.compile(
    r"(?:the )?\d{1,2}\D.*|(?!in |last |this |next )[a-z]{3,9}\.? (?:the )?\d.*", re.IGNORECASE
)
"""A day of the year, whichever year: "5 May", "May 5th"."""


def _pronouns(reading: Reading, found: Match) -> bool:
    return reading.attribute("pronouns", found[1], "identity")


def _scheduled(reading: Reading, found: Match) -> bool:
    return _day(reading, re.sub(r"\W+", "_", found["what"].casefold()), found["date"])


def _birthday(reading: Reading, found: Match) -> bool:
    return _day(reading, "birthday", found[1], "identity")


def _day(reading: Reading, key: str, phrase: str, category: MemoryCategory = "knowledge") -> bool:
    """Note a date in the speaker's words; what depends on today is followed by its meaning."""
    if _NAMED_DAY.fullmatch(phrase) or (key == "birthday" and phrase.title() in month_name):
        return reading.attribute(key, phrase, category)
    span = resolve(phrase, reading.said_at, direction="future")
    if span is None:
        return _undated(reading, key, phrase)
    value = phrase if span.fixed else f"{phrase} ({span.label})"
    return reading.attribute(key, value, category)


def _undated(reading: Reading, key: str, phrase: str) -> bool:
    vague = replace(reading, times=replace(reading.times, vague=phrase))
    vague.note_vague_time(key)
    return True


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
    if not own:
        return False
    entity = reading.entity(name, "organisation")
    return reading.relation("team" if kind == "team" else "company", entity)


def _rule(pattern: str, note: Callable[[Reading, Match], bool], **more: bool) -> Rule:
    return Rule(re.compile(pattern, re.IGNORECASE), note, **more)


_ROLE = r"(?P<role>[^\s,]+(?: [^\s,]+){0,4}?)"
_AT = r"(?: (?:at|for|with) (?P<employer>.+?))?(?: in (?P<place>.+))?"
_EMPLOYER = r" (?P<employer>.+?)(?: as (?:an? |the )?(?P<role>.+?))?(?: in (?P<place>.+))?"
_KIN_WORD = r"(?P<kin>(?:[a-zé]+[- ])?[a-zé-]+)"

_VERB_RULES: dict[str, tuple[Rule, ...]] = {
    "live reside": (_rule(r"(?:live|reside) in (.+)", _lives, deniable=True),),
    "moved relocated": (
        _rule(
            r"(?:moved|relocated)(?: back| over| out| here| down| up)?(?: from "
            r"(?P<left>.+?))? to (?P<to>.+?)"
            r"(?: from (?P<left_after>.+?))?(?: (?:for (?:work|a \w+ job|my job|a job|college"
            r"|school|love|university)))?",
            _moved,
            event=True,
        ),
    ),
    "grew": (_rule(r"grew up in (.+)", _grew_up, event=True),),
    "come": (_rule(r"come from (.+)", _origin),),
    "used": (
        _rule(r"used to (?:live|reside) in (.+)", _lived, event=True),
        _rule(r"used to work (?:at|for) (.+)", _left, event=True),
        _rule(r"used to (?:like|love|enjoy) (.+)", _no_longer_likes, event=True),
        _rule(rf"used to (?:be|work as) an? {_ROLE}", _was_occupation, event=True),
    ),
    "work": (
        _rule(r"work as (?:an? |the )?(?P<role>.+?)" + _AT, _works_as, deniable=True),
        _rule(r"work (?:at|for)" + _EMPLOYER, _works, deniable=True),
        _rule(r"work (?:at|in|for) an? (.+)", _workplace, deniable=True),
        _rule(r"work in (.+)", _field, deniable=True),
    ),
    "joined": (
        _rule(
            r"joined (?P<employer>.+?)(?: as (?:an? |the |their )?(?P<role>.+))?",
            _joined,
            event=True,
        ),
    ),
    "started": (
        _rule(
            r"started (?:at|(?:working|a new job|my new job|a job|work|my job) (?:at|for|with)) "
            r"(?P<employer>.+?)"
            r"(?: as (?:an? |the )?(?P<role>.+))?",
            _joined,
            event=True,
        ),
    ),
    "left quit resigned": (
        _rule(
            r"(?:left|quit|resigned from)(?: (?:my|the) (?:job|position|role) (?:at|with))? (.+)",
            _left,
            event=True,
        ),
    ),
    "study": (
        _rule(
            r"study(?: (?!at\b)(?P<subject>.+?))?(?: at (?P<school>.+))?", _studies, deniable=True
        ),
    ),
    "graduated": (_rule(r"graduated from (.+)", _graduated, event=True),),
    "retired": (_rule(r"(retired)", _employment, event=True),),
    "turned": (_rule(r"turned (\d{1,3})(?: years old)?", _turned, event=True),),
    "speak": (_rule(r"speak (.+?)(?: fluently)?", _speaks, deniable=True),),
    "love like enjoy adore": (_rule(r"(?:love|like|enjoy|adore) (.+)", _likes, deniable=True),),
    "prefer": (
        _rule(r"prefer (.+?)(?: (?:to|over|rather than|instead of) .+)?", _prefers, deniable=True),
    ),
    "hate dislike detest loathe": (
        _rule(r"(?:hate|dislike|detest|loathe) (.+)", _dislikes, deniable=True),
    ),
    "can": (_rule(r"can not (?:stand|bear) (.+)", _dislikes),),
    "have": (
        _rule(rf"have ((?:{_COUNT}|an?) .+?(?:,| and) (?:{_COUNT}|an?) .+)", _has_several),
        _rule(rf"have ({_COUNT}|an?) (?:\w+ )?(?:kids?|child|children)", _children),
        _rule(
            r"have an? (?:\w+ )?(?P<kin>[a-z-]+) (?:who is |that is )?(?:called|named) "
            r"(?P<name>.+)",
            _possessed_name,
        ),
        _rule(r"have (?:lived|been living|been based) in (.+)", _has_lived),
        _rule(r"have (?:worked|been working|been) (?:at|with)" + _EMPLOYER, _has_worked),
        _rule(
            r"have (?:moved|relocated)(?: from (?P<left>.+?))? to (?P<to>.+?)(?P<left_after>(?!))?",
            _moved,
            event=True,
        ),
        _rule(
            r"have (?:just )?joined (?P<employer>.+?)(?: as (?:an? |the |their )?(?P<role>.+))?",
            _joined,
            event=True,
        ),
        _rule(r"have (?:just )?(?:left|quit) (.+)", _left, event=True),
        _rule(
            r"have (asthma|epilepsy|adhd|dyslexia|celiac disease|coeliac disease"
            r"|type [12] diabetes|diabetes)",
            _condition,
        ),
    ),
    "own drive": (_rule(r"(?:own|drive) an? (.+)", _owns, deniable=True),),
    "got": (_rule(r"got (married|engaged|divorced)", _status, event=True),),
    "eat drink": (_rule(r"(?:eat|drink) (.+)", _avoids, deniable=True),),
    "go": (_rule(r"go by (.+)", _preferred_name),),
    "was": (
        _rule(
            rf"was born(?: (?:and raised )?in (?P<place>(?!(?:19|20)\d\d|the \w*[0-9]).+?))?(?: "
            rf"(?:in|on) (?P<date>{DATE_PHRASE}))?",
            _born,
            dated=True,
        ),
        _rule(
            rf"was born (?:in|on) (?P<date>{DATE_PHRASE})(?: in (?P<place>.+))?", _born, dated=True
        ),
        _rule(r"was (?:raised|brought up) in (.+)", _grew_up),
        _rule(r"was (?:laid off|fired|let go|made redundant) (?:from|by) (.+)", _left, event=True),
    ),
    "am": (
        _rule(r"am (?P<years>\d{1,3})(?P<unit> years? old| yo|y/o)?", _aged),
        _rule(r"am (?P<years>\w+)(?P<unit> years? old)", _aged),
        _rule(r"am (?:called|named) (.+)", _named),
        _rule(r"am (retired|unemployed|self-employed|freelance)", _employment, deniable=True),
        _rule(r"am (?:(?:originally|actually) )?from (.+)", _origin, deniable=True),
        _rule(r"am (?:(?:living|based|located|residing) in) (.+)", _lives, deniable=True),
        _rule(r"am (?P<verb>visiting|staying in|in) (?P<place>.+)", _is_in, event=True),
        _rule(r"am (?:working|employed) (?:at|by|for)" + _EMPLOYER, _works, deniable=True),
        _rule(r"am working as an? (?P<role>.+?)" + _AT, _occupation),
        _rule(
            rf"am (?:an? |the |one of the )?{_ROLE}(?: by (?:trade|profession|training))?(?: of "
            rf"(?P<of>.+?))?{_AT}",
            _occupation,
            deniable=True,
        ),
        _rule(
            r"am (?:an? |strictly |a strict )?(vegetarian|vegan|pescatarian|pescetarian"
            r"|flexitarian|gluten[- ]free)",
            _diet,
            deniable=True,
        ),
        _rule(
            r"am (?:happily |newly |recently )?(married|divorced|widowed|engaged|single|a widow"
            r"|a widower)",
            _status,
            event=True,
        ),
        _rule(
            r"am (?:an? )?(diabetic|type [12] diabetic|coeliac|celiac|lactose[- ]intolerant"
            r"|gluten[- ]intolerant|colou?r[- ]?blind|dyslexic|asthmatic|epileptic|left-handed"
            r"|autistic)",
            _condition,
            deniable=True,
        ),
        _rule(r"am (?:\w+ly )?allergic to (.+)", _allergic, deniable=True),
        _rule(r"am (?:happily )?married to (.+)", _married_to, event=True),
        _rule(r"am (?:\w+ )?fluent in (.+)", _speaks, deniable=True),
        _rule(r"am an? (?:native )?(\w+) speaker", _speaks),
        _rule(r"am learning (?:to (?:speak|play) (?:the )?)?(.+)", _learning, deniable=True),
        _rule(r"am (?:an? )?(?:(?:big|huge|massive) )?(?:fan of|into) (.+)", _likes, deniable=True),
        _rule(r"am (?:fond of|keen on) (.+)", _likes, deniable=True),
        _rule(
            r"am studying(?: (?!at\b|for\b)(?P<subject>.+?))?(?: at (?P<school>.+))?",
            _studies,
            deniable=True,
        ),
        _rule(r"am (?:preparing|training|studying) for (.+)", _preparing),
        _rule(
            r"am working on (?:an? |the )?(?:project |app )?(?:called |named )?(.+)", _working_on
        ),
        _rule(r"am an? (\w+)(?: citizen| national)", _nationality, deniable=True),
        _rule(r"am (?:an? )?(\w+)", _nationality, deniable=True),
    ),
}
_BY_VERB = {verb: rules for verbs, rules in _VERB_RULES.items() for verb in verbs.split()}

_POSSESSIVE_RULES = (
    _rule(r"(?:full |first )?name is (.+)", _named),
    _rule(r"(?:friends call me|nickname is|preferred name is) (.+)", _preferred_name),
    _rule(rf"{_KIN_WORD}(?:'s|s'?)? name is (?P<name>.+)", _possessed_name),
    _rule(rf"{_KIN_WORD} is (?:called |named )?(?P<name>.+)", _possessed_name),
    _rule(
        r"(?:all[- ]time )?favou?rite (?P<kind>\w+(?: \w+){0,2}?) (?:is|are) (?P<value>.+)",
        _favourite,
    ),
    _rule(
        rf"(?:two |three |four )?({'|'.join(_PLURAL_KIN)})(?:'s?)?(?: names)? are (?:called "
        rf"|named )?(.+)",
        _possessed_names,
    ),
    _rule(r"(?:job|profession|occupation) is (?:an? )?(.+)", _profession),
    _rule(rf"birthday is (?:on |in )?({DATE_PHRASE})", _birthday, dated=True),
    _rule(r"(?:hobby|hobbies) (?:is|are|include) (.+)", _hobby),
    _rule(r"(?:native language|mother tongue|first language) is (\w+)", _native_language),
    _rule(r"e-?mail(?: address)? is ([\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}\.?)", _email),
    _rule(r"(?:phone|mobile|cell|telephone)(?: number)? is (\+?[\d (./-]{6,20}\d)", _phone),
    _rule(r"pronouns are (\w+(?:/\w+){1,2})", _pronouns),
    _rule(
        rf"(?P<what>(?:\w+ )?(?:deadline|exam|interview|appointment|flight|wedding|surgery"
        rf"|graduation|meeting|due date"
        rf"|anniversary)) is (?:due |scheduled for |set for |on )?(?P<date>{DATE_PHRASE})",
        _scheduled,
        dated=True,
    ),
)
_TITLED = _rule(
    r"(?P<own>my|our|the) (?P<kind>project|company|startup|start-up|team|app|product|tool"
    r"|band) is (?:called|named) (?P<name>.+)",
    _titled,
)
_IS_FAVOURITE = _rule(
    r"(?P<value>.+) (?:is|are) (?:also )?my (?:all[- ]time |absolute )?favou?rite (?P<kind>\w+"
    r"(?: \w+){0,2})",
    _favourite,
)
_OWN = re.compile(r"(my|our|the) (.+)", re.IGNORECASE)


def note_possessive(reading: Reading, text: str, *, dated: bool) -> bool:
    """Note what "my ... is ..." or "our ... is ..." states about the speaker.

    Args:
        reading: The speaker and the circumstances.
        text: The clause.
        dated: Try the rules that want the clause with its dates, or the others.

    Returns:
        Whether something was noted.
    """
    if reading.negated:
        return False
    titled = None if dated else _TITLED.pattern.fullmatch(text)
    if titled is not None:
        return _titled(reading, titled)
    favourite = None if dated else _IS_FAVOURITE.pattern.fullmatch(text)
    if favourite is not None:
        return _favourite(reading, favourite)
    own = _OWN.fullmatch(text)
    if own is None:
        return False
    the = own[1].casefold() == "the"
    for rule in _POSSESSIVE_RULES:
        if rule.dated == dated and (not the or rule.note is _scheduled):
            found = rule.pattern.fullmatch(own[2])
            if found is not None and rule.note(reading, found):
                return True
    return False
