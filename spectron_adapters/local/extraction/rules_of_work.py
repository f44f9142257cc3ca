"""Rules about work and study: occupation, employer, field, school.

Imports `local` modules and the standard library only.
"""

from __future__ import annotations

import re

from spectron_adapters.local.extraction.gazetteer import FIELDS
from spectron_adapters.local.extraction.readings import LIKELY, PLAIN, Reading
from spectron_adapters.local.extraction.rules import Match, Rule, RulesByVerb, rule
from spectron_adapters.local.extraction.rules_of_places import note_place
from spectron_adapters.local.extraction.statements import EntityRef
from spectron_adapters.local.extraction.vocabulary import (
    as_occupation,
    as_organisation,
    as_place,
    as_thing,
)

__all__ = ["POSSESSIVES", "PREDICATES"]

_NETWORKS = frozenset(
    ("twitter", "facebook", "instagram", "tiktok", "linkedin", "reddit", "discord", "slack")
) | frozenset(("whatsapp", "snapchat", "youtube", "mastodon", "bluesky", "strava", "tinder"))
"""What people join without working there."""
_NOT_WORKPLACES = re.compile(
    r".*\b(?:team|group|hurry|rush|field|job|role|way|place|pair|vacuum|shift|environment|state"
    r"|while|living|bit|lot|reason|salary|wage|world|manner|style|mess|bubble|context|company)",
    re.IGNORECASE,
)
_NOT_WORK_TOWNS = frozenset(("python", "java", "rust", "excel", "javascript", "typescript", "ruby"))
_NAMED_EMPLOYER = re.compile(r"(?:an?|the) (?:[\w-]+ ){1,4}(?:called|named) (.+)", re.IGNORECASE)
_OTHERS = re.compile(r"(?:an?|the|my|our)\b", re.IGNORECASE)
_POSSESSIVE_END = re.compile(r"\S+['\u2019]s", re.IGNORECASE)
_HEADS_OF_OTHERS = re.compile(
    r"(?:deputy |acting |regional |global )?(?:head|chief|chair)", re.IGNORECASE
)
_AT_THE_TOP = frozenset(("ceo", "cto", "cfo", "coo", "cio", "chairman", "chairwoman", "president"))
_LONGEST_FIELD = 3
_LONGEST_UNKNOWN_ROLE = 3


# --- employers ------------------------------------------------------------------------------------


def _employer_name(reading: Reading, text: str) -> str | None:
    """The organisation's name; of "a company called Doist" the last word."""
    named = _NAMED_EMPLOYER.fullmatch(text)
    return as_organisation(named[1] if named else text, caseless=reading.caseless)


def _employer(
    reading: Reading, text: str, *, key: str = "works_at", event: bool = False, ended: bool = False
) -> bool:
    name = _employer_name(reading, text)
    if name is None:
        return False
    reading.attribute(key, name, event=event, negated=True if ended else None)
    reading.notebook.mention(EntityRef("organisation", name), "knowledge")
    return True


def _works(reading: Reading, found: Match) -> bool:
    place, role = found["place"], found["role"]
    if place and as_place(place, caseless=reading.caseless) is None:
        return False
    if role and _any_role(role) is None:
        return False
    if not _employer(reading, found["employer"]):
        return False
    return not role or _note_role(reading, role)


def _any_role(text: str) -> str | None:
    """What somebody is said to work as: a known occupation, or any short noun phrase."""
    role = as_occupation(text) or (None if _NO_ROLE.search(text) else as_thing(text))
    return role if role and len(role.split()) <= _LONGEST_UNKNOWN_ROLE + 1 else None


_NO_ROLE = re.compile(
    r"(?:team|group|pair|couple|unit|whole|hobby|favou?r|joke|slave|robot|machine|test)\Z",
    re.IGNORECASE,
)


def _note_role(reading: Reading, text: str, *, event: bool = False) -> bool:
    confidence = PLAIN if as_occupation(text) else LIKELY
    return reading.attribute("occupation", text, "identity", confidence=confidence, event=event)


def _has_worked(reading: Reading, found: Match) -> bool:
    """The perfect tense speaks of the present only together with a duration."""
    return reading.times.lasts and _works(reading, found)


def _has_been_at(reading: Reading, found: Match) -> bool:
    if not reading.times.lasts or _POSSESSIVE_END.fullmatch(found[1]):
        return False
    return _employer(reading, found[1])


def _joined(reading: Reading, found: Match) -> bool:
    role, employer = found["role"], found["employer"]
    if role and _any_role(role) is None:
        return False
    if not role and employer.casefold() in _NETWORKS:
        return False
    if not _employer(reading, employer, event=True):
        return False
    return not role or _note_role(reading, role, event=True)


def _left(reading: Reading, found: Match) -> bool:
    if reading.caseless or found[1].casefold() in _NETWORKS:
        return False
    return _employer(reading, found[1], ended=True, event=True)


def _is_now_at(reading: Reading, found: Match) -> bool:
    """Somebody is "at" many places; after "I used to work at Oracle" it is the new employer."""
    before = reading.notebook.attributes[-1:]
    left = [
        item
        for item in before
        if item.key == "works_at" and item.negated and item.utterance == reading.utterance
    ]
    return bool(left) and _employer(reading, found["employer"])


def _belongs_to(reading: Reading, found: Match) -> bool:
    return _employer(reading, found["employer"])


def _workplace(reading: Reading, found: Match) -> bool:
    if as_thing(found[1]) is None or _NOT_WORKPLACES.fullmatch(found[1]):
        return False
    return reading.attribute("workplace", found[1])


def _field(reading: Reading, found: Match) -> bool:
    text = found[1]
    if text in ("IT", "HR", "PR"):
        return reading.attribute("field_of_work", text)
    if text[0].isupper() and not text.isupper() and not reading.caseless:
        return text.casefold() not in _NOT_WORK_TOWNS and note_place(reading, "works_in", text)
    return _is_field(text) and reading.attribute("field_of_work", text)


def _is_field(text: str) -> bool:
    tokens = text.casefold().split()
    return len(tokens) <= _LONGEST_FIELD and tokens[-1] in FIELDS and as_thing(text) is not None


def _field_and_employer(reading: Reading, found: Match) -> bool:
    if not _employer(reading, found["employer"]):
        return False
    field = re.sub(r"^the | (?:department|team|division)$", "", found["field"])
    if _is_field(field) or (field != found["field"] and as_thing(field)):
        reading.attribute("field_of_work", field)
    return True


def _own_company(reading: Reading, found: Match) -> bool:
    name = as_organisation(found[1], caseless=False)
    return name is not None and reading.relation("company", reading.entity(name, "organisation"))


def _founded(reading: Reading, found: Match) -> bool:
    name = as_organisation(found[1], caseless=False)
    if name is None:
        return False
    return reading.relation("founded", reading.entity(name, "organisation"), event=True)


# --- occupations ----------------------------------------------------------------------------------


def _the_occupation(reading: Reading, found: Match) -> bool:
    """Of "the driver", only what is an office in itself or has its place: "the driver tonight"."""
    whose = found["of"] or found["employer"] or " " in found["role"]
    if not whose and found["role"].casefold() not in _AT_THE_TOP:
        return False
    if found["of"] and found["role"].casefold() in ("captain", "driver", "leader", "host"):
        return False
    return _occupation(reading, found)


def _occupation(reading: Reading, found: Match) -> bool:
    parts = found.groupdict()
    role = _role_of(parts["role"], parts.get("of"))
    if role is None or not _note_circumstances(reading, role, parts):
        return False
    return reading.attribute("occupation", role, "identity")


def _role_of(text: str, of: str | None) -> str | None:
    """The occupation, together with its field: "head of marketing", but "CFO" of a company."""
    heads_others = _HEADS_OF_OTHERS.fullmatch(text) is not None
    role = text if heads_others else as_occupation(text)
    if role is None or (heads_others and not of):
        return None
    if of is None:
        return role
    if re.match(r"(?:my|your|his|her|their|this|that|these|those|life)\b", of, re.IGNORECASE):
        return None
    written = of.islower() or of.isupper()
    a_field = written and not _OTHERS.match(of) and len(of.split()) <= _LONGEST_FIELD
    if a_field and as_thing(of):
        return f"{role} of {of}"
    return None if heads_others else role


def _note_circumstances(reading: Reading, role: str, parts: dict[str, str | None]) -> bool:
    """Note where somebody of this occupation works, lives and comes from."""
    head = role.casefold().split()[-1]
    learns = head in ("student", "undergraduate")
    place, employer, of = parts.get("place"), parts.get("employer"), parts.get("of")
    if (
        place
        and as_place(place, caseless=reading.caseless) is None
        and not (learns and place.islower() and _is_discipline(place))
    ):
        return False
    if (home := parts.get("home")) and not note_place(reading, "origin", home, "identity"):
        return False
    if (base := parts.get("base")) and not note_place(reading, "lives_in", base):
        return False
    if employer is None and of and head in _AT_THE_TOP:
        _employer(reading, of)
    if not employer:
        return True
    key = "studies_at" if learns else "works_at"
    return _employer(reading, employer, key=key) or _OTHERS.match(employer) is not None


def _works_as(reading: Reading, found: Match) -> bool:
    if _occupation(reading, found):
        return True
    role, employer, place = found["role"], found["employer"], found["place"]
    if _any_role(role) is None or len(role.split()) > _LONGEST_UNKNOWN_ROLE:
        return False
    if place and as_place(place, caseless=reading.caseless) is None:
        return False
    if employer and not _employer(reading, employer):
        return False
    return _note_role(reading, role)


def _was_occupation(reading: Reading, found: Match) -> bool:
    role = as_occupation(found["role"])
    return role is not None and reading.attribute("occupation", role, "identity", negated=True)


def _became(reading: Reading, found: Match) -> bool:
    role = _role_of(found["role"], found["of"])
    return role is not None and reading.attribute("occupation", role, "identity", event=True)


def _homemaker(reading: Reading, found: Match) -> bool:
    return reading.attribute("occupation", found[1], "identity")


def _profession(reading: Reading, found: Match) -> bool:
    role = as_occupation(found[1])
    return role is not None and reading.attribute("occupation", role, "identity")


def _job_title(reading: Reading, found: Match) -> bool:
    title = found[1]
    if title.istitle() or title.isupper() or as_occupation(title):
        return _any_role(title) is not None and reading.attribute("occupation", title, "identity")
    return False


def _employment(reading: Reading, found: Match) -> bool:
    return reading.attribute("employment_status", found[1], "identity", event=True)


# --- study ----------------------------------------------------------------------------------------


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
    r"|(?:people|hours|nights|maps|faces)"
    r"|.*\b(?:at|in|with|for|training|need|love|trouble|disguise|hell|heaven)\b.*",
    re.IGNORECASE,
)


def _graduated(reading: Reading, found: Match) -> bool:
    name = as_organisation(found[1], caseless=reading.caseless)
    if name is None:
        return False
    return reading.relation(
        "graduated_from", reading.entity(name, "organisation"), "identity", event=True
    )


def _teaches(reading: Reading, found: Match) -> bool:
    subject, school = found["subject"], found["school"]
    if subject and (as_thing(subject) is None or len(subject.split()) > _LONGEST_FIELD):
        return False
    if school and not _employer(reading, school) and not _OTHERS.match(school):
        return False
    if not subject:
        return bool(school)
    return reading.relation("teaches", reading.entity(subject, "topic"))


_ROLE = r"(?P<role>[^\s,]+(?: [^\s,]+){0,4}?)"
_OF = r"(?: of (?P<of>.+?))?"
_AT = r"(?: (?:over |out )?(?:at|for|with) (?P<employer>.+?))?(?: in (?P<place>.+))?"
_AS_ROLE = r"(?: as (?:an? |the |their )?(?P<role>.+?))?"
_EMPLOYER = rf" (?P<employer>.+?){_AS_ROLE}(?: in (?P<place>.+))?"
_MANNER_OF_WORK = (
    r"(?: (?:nights|days|weekends|shifts|part[- ]time|full[- ]time|remotely|freelance|mostly"
    r"|from home))?"
)
_NEW_JOB = r"(?:working|a new job|my new job|a job|work|my job|my new role)"
_COMPANY = (
    r"(?:company|startup|start-up|business|shop|store|bakery|caf\u00e9|cafe|restaurant|bar|pub"
    r"|studio|agency|salon|farm|gallery|consultancy|charity|brewery|bookshop|hotel)"
)
_DONE_FOR = r"(?:marketing|sales|accounting|bookkeeping|pr|hr|it|legal|design|research|support)"
_PARENT = r"(?:mum|mom|dad|parent|mother|father)"

_WHO_ONE_IS = (
    rf"{_ROLE}(?: by (?:trade|profession|training))?{_OF}(?: from (?P<home>.+?))?"
    rf"(?: (?:based|living) in (?P<base>.+?))?{_AT}"
    r"(?: (?:working|specialising|specializing|focusing) (?:on|in|with) .+)?"
)

PREDICATES: RulesByVerb = {
    "work": (
        rule(
            rf"work{_MANNER_OF_WORK} as (?:an? |the )?{_ROLE}{_OF}{_AT}", _works_as, deniable=True
        ),
        rule(rf"work{_MANNER_OF_WORK} (?:at|for){_EMPLOYER}", _works, deniable=True),
        rule(r"work (?:at|in|for) an? (.+)", _workplace, deniable=True),
        rule(r"work in (?P<field>.+?) (?:at|for) (?P<employer>.+)", _field_and_employer),
        rule(r"work in (.+)", _field, deniable=True),
    ),
    "make earn": (
        rule(rf"(?:make|earn) (?:my|a) living as (?:an? )?{_ROLE}{_OF}{_AT}", _works_as),
    ),
    "used": (
        rule(r"used to work (?:at|for) (.+)", _left, event=True),
        rule(rf"used to (?:be|work as) an? {_ROLE}", _was_occupation, event=True),
    ),
    "joined": (rule(rf"joined (?P<employer>.+?){_AS_ROLE}", _joined, event=True),),
    "started": (
        rule(
            rf"started (?:at|{_NEW_JOB} (?:at|for|with)) (?P<employer>.+?){_AS_ROLE}",
            _joined,
            event=True,
        ),
    ),
    "got landed": (
        rule(
            rf"(?:got|landed) (?:an? (?:new )?job|hired|employed) (?:at|by|with) "
            rf"(?P<employer>.+?){_AS_ROLE}",
            _joined,
            event=True,
        ),
        rule(rf"got (?:promoted to|a job as an?) {_ROLE}{_OF}", _became, event=True),
        rule(r"got (?:laid off|fired|let go) (?:from|by) (.+)", _left, event=True),
    ),
    "left quit resigned stopped": (
        rule(
            r"(?:left|quit|resigned from)(?: (?:my|the) (?:job|position|role) (?:at|with))? (.+)",
            _left,
            event=True,
        ),
        rule(r"stopped working (?:at|for|with) (.+)", _left, event=True),
    ),
    "became": (rule(rf"became (?:an? |the ){_ROLE}{_OF}", _became, event=True),),
    "manage lead supervise oversee coordinate": (
        rule(
            r"(?:manage|lead|supervise|oversee|coordinate) (?:the|an?|our|their) [\w' -]+? "
            r"(?:at|for) (?P<employer>.+)",
            _belongs_to,
        ),
    ),
    "do": (rule(rf"do (?:\w+ )?{_DONE_FOR} (?:at|for) (?P<employer>.+)", _belongs_to),),
    "run own": (
        rule(rf"(?:run|own) an? (?:[\w-]+ ){{0,3}}{_COMPANY} (?:called|named) (.+)", _own_company),
    ),
    "founded co-founded": (rule(r"(?:co-?)?founded (.+)", _founded, event=True),),
    "teach": (
        rule(r"teach(?: (?!at\b)(?P<subject>.+?))?(?: (?:at|in) (?P<school>.+))?", _teaches),
    ),
    "study": (
        rule(
            r"study(?: (?!at\b)(?P<subject>.+?))?(?: at (?P<school>.+))?", _studies, deniable=True
        ),
    ),
    "major": (rule(r"major in (?P<subject>.+?)(?: at (?P<school>.+))?", _studies),),
    "graduated": (rule(r"graduated from (.+)", _graduated, event=True),),
    "retired": (rule(r"(retired)", _employment, event=True),),
    "have": (
        rule(
            rf"have (?:worked|been working){_MANNER_OF_WORK} (?:at|with|for){_EMPLOYER}",
            _has_worked,
        ),
        rule(r"have been at (.+)", _has_been_at),
        rule(rf"have (?:just )?joined (?P<employer>.+?){_AS_ROLE}", _joined, event=True),
        rule(rf"have been hired (?:by|at) (?P<employer>.+?){_AS_ROLE}", _joined, event=True),
        rule(r"have (?:just )?(?:left|quit) (.+)", _left, event=True),
        rule(rf"have (?:just )?been promoted to {_ROLE}{_OF}", _became, event=True),
    ),
    "was": (
        rule(r"was (?:laid off|fired|let go|made redundant) (?:from|by) (.+)", _left, event=True),
        rule(rf"was (?:just )?hired (?:by|at) (?P<employer>.+?){_AS_ROLE}", _joined, event=True),
        rule(rf"was (?:just )?promoted to {_ROLE}{_OF}", _became, event=True),
    ),
    "am": (
        rule(
            r"am (retired|unemployed|self[- ]employed|freelance|freelancing)",
            _employment,
            deniable=True,
        ),
        rule(r"am (?:working|employed) (?:at|by|for)" + _EMPLOYER, _works, deniable=True),
        rule(rf"am (?:working|employed) as an? {_ROLE}{_OF}{_AT}", _works_as),
        rule(
            r"am (?:on|in) (?:the|an?) [\w -]+? (?:team|department|group|division) (?:at|of) "
            r"(?P<employer>.+)",
            _belongs_to,
        ),
        rule(r"am (?:at|with) (?P<employer>.+)", _is_now_at),
        rule(rf"am an? ((?:stay-at-home|full-time) {_PARENT})", _homemaker),
        rule(rf"am (?:an? |one of the )?{_WHO_ONE_IS}", _occupation, deniable=True),
        rule(rf"am the {_WHO_ONE_IS}", _the_occupation, deniable=True),
        rule(
            r"am (?:studying|majoring in)(?: (?!at\b|for\b)(?P<subject>.+?))?"
            r"(?: at (?P<school>.+))?",
            _studies,
            deniable=True,
        ),
    ),
}

POSSESSIVES: tuple[Rule, ...] = (
    rule(r"(?:job|profession|occupation) is (?:an? )?(.+)", _profession),
    rule(r"(?:new |current )?(?:job title|title|role|position) is (.+)", _job_title),
    rule(r"(?:new |current )?employer is (?P<employer>.+)", _belongs_to),
)
