"""Checks that decide whether words can be a name, a place, an occupation, something one likes.

Imports the word lists and the standard library only.
"""

from __future__ import annotations

import re

from spectron_adapters.local.extraction.gazetteer import EMPLOYERS, PLACES
from spectron_adapters.local.extraction.word_lists import (
    DEMONYMS,
    GIVEN_NAMES,
    HEADS,
    NOT_PEOPLE,
    NOT_TOWNS,
    words,
)

__all__ = [
    "NUMBER",
    "as_name",
    "as_occupation",
    "as_organisation",
    "as_person",
    "as_place",
    "as_product",
    "as_thing",
    "is_joke_name",
    "items_of",
]

_NOT_NAMES = (
    words(
        "a an the i you he she it we they me him her us them my your his our their this that these "
        "those here there not no yes now so too very really just still also only always never ever "
        "sorry sure glad happy sad tired busy back home done fine good great okay ok well ready "
        "excited single married divorced engaged and or but in on at of to from with about for by "
        "as is are was were been being be am do does did has have had everyone everybody someone "
        "somebody nobody anyone nothing something everything people life work love god mom mum dad "
        "mother father grandma grandpa who what which when where why how all both most many some "
        "any each every monday tuesday wednesday thursday friday saturday sunday january february "
        "april june july august september october november december today tomorrow yesterday "
        "tonight thanks thank please hi hello hey wow oh yeah yep nope congrats congratulations "
        "enough unknown private secret important hard easy long short common unusual spelled spelt "
        "pronounced irrelevant mud mine yours changed different going trying looking feeling team "
        "sir madam sick ill siamese awful cute adorable alive awake dead gone like christmas "
        "easter lol will would can could should may might must if unless maybe perhaps because "
        "while one two three four five none blessed proud lucky supposed named called complicated "
        "taken it's classified confidential misspelled misspelt misleading wrong missing written "
        "listed registered stored saved used catholic christian protestant orthodox muslim jewish "
        "hindu buddhist sikh atheist agnostic republican democrat conservative liberal socialist "
        "marxist communist european african asian latino latina hispanic aries taurus gemini leo "
        "virgo libra scorpio sagittarius capricorn aquarius pisces introvert extrovert gay bi "
        "straight vegan vegetarian ltd inc legend off out up down over away names hidden stupid "
        "boring weird rare ugly pretty foreign funny silly ridiculous"
    )
    | DEMONYMS
)
_PARTICLES = words("de da di del della der den van von la le du el al bin ibn ben af av dos y")
_PLACE_PARTICLES = words(
    "de la le les of upon on am an der den sur du del los las san el the in and"
)
_NOT_PLACES = words(
    "a an my your his her their our its this that these those it peace fear hope harmony pain "
    "style luxury poverty denial hell heaven sin isolation constant squalor exile comfort misery "
    "person general particular fact love trouble town house home here there two three one someone "
    "everyone awe darkness silence solitude moment now past present future dreams somewhere "
    "anywhere nowhere everywhere another many several some any no same old different big small "
    "better alone together apart not way mindset world limbo bed another's hiding debt shock "
    "monday tuesday wednesday thursday friday saturday sunday january february march april may "
    "june july august september october november december spring summer autumn winter him them us "
    "me you what where which being i and or but with tears charge need agony bad good summary case "
    "time year years mars venus jupiter saturn pluto narnia hogwarts wonderland neverland atlantis "
    "gotham line class school college university uni church jail prison hospital work accounting "
    "finance marketing sales hr tech retail healthcare education"
)
_NAME_WORD = r"[^\W\d_](?:[^\W_]|['.\-](?=[^\W_]))*\.?"
_NAME = re.compile(rf"{_NAME_WORD}(?: {_NAME_WORD}){{0,4}}")
_ORGANISATION_WORD = r"(?:[^\W_](?:[^\W_]|['.&\-+/](?=[^\W_]))*[.!]?|&)"
_ORGANISATION = re.compile(rf"{_ORGANISATION_WORD}(?: {_ORGANISATION_WORD}){{0,6}}")
_PARTICLES_OF_ORGANISATIONS = words("of the and for & de la")

_NOT_MODIFIERS = words(
    "a an the my your his her our their terrible bad good great awful lousy former ex wannabe "
    "aspiring would-be big huge better worse best worst born natural real hopeless frustrated "
    "failed future not fellow such same only pretty decent amateur first next new it that this "
    "proud happy excited lucky nervous crazy total complete true kind sort type of and or to for "
    "in on with by as i you he she we they more less one fast slow careful safe sloppy horrible "
    "mediocre strong avid quick keen lifelong back-seat armchair no any living walking half part "
    "regular recovering compulsive self-proclaimed so-called rocket hard role harsh free hobby "
    "fake"
)

_NOT_THINGS = words(
    "i you he she it we they me him her us them my your his its our their mine yours ours this "
    "that these those there here who whom whose which what when where why how is are was were am "
    "be been has have had do does did can could will would shall should may might must if because "
    "while like than then so as not no nothing anything everything something someone everyone "
    "nobody everybody one ones being able both all any each every another such same other others "
    "myself yourself getting seeing hearing having knowing thinking talking lol too also but just "
    "even more let stuff things thing way idea vibe vibes part fact job look sound feel feeling "
    "lot bit either neither yes please sorry again up down back out off over seem seems kinda "
    "really very much well soon today tomorrow yesterday tonight ya u ur y'all em it's"
)
_NOT_AT_EITHER_END = words("a an the some to of in on at for with from by and or about")
_NOT_LAST = words(
    "safe good nice warm cosy cozy big small quiet new old great beautiful fun healthy strong "
    "happy long short young better best bad first last next only own"
)
"""Adjectives with which a description breaks off at a comma: "a safe, quiet place"."""
_SHARED_THINGS = words(
    "beach sea ocean mountains outdoors theatre theater cold rain snow countryside city heat sun "
    "cinema gym opera ballet internet dark wilderness desert forest beatles smiths cure"
)
_UNIT_NUMBER = "one|two|three|four|five|six|seven|eight|nine"
NUMBER = (
    rf"(?:\d{{1,3}}|{_UNIT_NUMBER}|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen"
    rf"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty(?:[- ](?:{_UNIT_NUMBER}))?)"
)
"""A number up to three digits or ninety-nine in words, as a regular expression."""
_THING = re.compile(
    r"[^\W_](?:[^\W_]|['&+.\-/#](?=[\w+#]))*[+#]*(?: (?:&|[^\W_](?:[^\W_]"
    r"|['&+.\-/#](?=[\w+#]))*[+#]*))*"
)
_FIXED_PAIRS = re.compile(
    r"\b(?:mac(?:aroni)? and cheese|fish and chips|rock (?:and|'n') roll|salt and vinegar|r and b"
    r"|bed and breakfasts?|peanut butter and jelly|bread and butter|gin and tonics?"
    r"|dungeons and dragons|drum and bass|arts and crafts|black and white \w+|country and western"
    r"|rhythm and blues|ham and cheese|sweet and sour \w+|cookies and cream)\b",
    re.IGNORECASE,
)
_COMMA = re.compile(r"\s*,\s*(?:(?:and|or)\s+)?", re.IGNORECASE)
_CONJUNCTION = re.compile(r"\s+(?:and|or)\s+", re.IGNORECASE)
_LONGEST_THING = 6
_LONGEST_OCCUPATION = 5


def _plain(token: str) -> str:
    return token.casefold().strip(".,!'\"")


def _shows_case(token: str) -> bool:
    return token[:1].isupper() or not token[:1].islower()


def as_name(text: str, *, caseless: bool, stated: bool = False) -> str | None:
    """The text if it is written like a person's name of up to five words.

    Args:
        text: Candidate.
        caseless: The surrounding text uses no capitals: only common first names are names then.
        stated: The text says that it is a name ("my name is"), so that any two words may be one.
    """
    text = text.strip()
    if not _NAME.fullmatch(text):
        return None
    tokens = text.split()
    if any(_plain(token) in _NOT_NAMES for token in tokens):
        return None
    if caseless:
        short = len(tokens) <= 2  # noqa: PLR2004  # first and last name
        return text if short and (stated or _plain(tokens[0]) in GIVEN_NAMES) else None
    if not tokens[0][0].isupper() or not tokens[-1][0].isupper():
        return None
    if all(token[0].isupper() or _plain(token) in _PARTICLES for token in tokens):
        return text
    return None


def as_place(text: str, *, caseless: bool) -> str | None:
    """The text if it is a well-known place, or written like a place's name, with its region."""
    text = text.strip()
    parts = [part.strip() for part in text.split(",")]
    if all(part.casefold() in PLACES for part in parts):
        return text
    if caseless:
        return text if len(parts) > 1 and parts[-1].casefold() in PLACES else None
    if len(parts) > 3 or not all(_NAME.fullmatch(part) for part in parts):  # noqa: PLR2004
        return None
    return text if all(_is_place_part(part.split()) for part in parts) else None


def _is_place_part(tokens: list[str]) -> bool:
    if tokens[0].casefold() in ("building", "room", "apartment", "flat", "block", "unit", "house"):
        return False
    if any(_plain(token) in NOT_TOWNS for token in tokens):
        return False
    if tokens[0].casefold() == "the":
        tokens = tokens[1:]
    # a capital makes a common word part of a name: "Cape Town"
    common = [token for token in tokens if len(tokens) == 1 or not token[0].isupper()]
    if not tokens or any(_plain(token) in _NOT_PLACES for token in common):
        return False
    capitals = [token[0].isupper() or not token[0].islower() for token in tokens]
    return (
        capitals[0]
        and capitals[-1]
        and all(
            capital or _plain(token) in _PLACE_PARTICLES
            for token, capital in zip(tokens, capitals, strict=True)
        )
    )


def as_organisation(text: str, *, caseless: bool) -> str | None:
    """The text if it is written like the proper name of an organisation, or a well-known one."""
    text = text.strip()
    if not _ORGANISATION.fullmatch(text) or not any(character.isalpha() for character in text):
        return None
    tokens = text.split()
    article = tokens[0].casefold() == "the"
    names = tokens[1:] if article else tokens
    lowered = [_plain(token) for token in names]
    if not names or _NOT_ORGANISATIONS.intersection(lowered):
        return None
    if len(names) == 1 and lowered[0] in _INSTITUTIONS:
        return None
    if caseless:
        known = " ".join(names).casefold() in EMPLOYERS
        kind = lowered[-1] in _KINDS_OF_ORGANISATION and not _COMMON_KINDS.intersection(lowered)
        return text if known or (len(names) > 1 and kind) else None
    if not _shows_case(names[0]) or lowered[0] in _NOT_NAMES - DEMONYMS:
        return None
    named = (
        _shows_case(name) or word in _PARTICLES_OF_ORGANISATIONS
        for name, word in zip(names, lowered, strict=True)
    )
    return text if all(named) else None


_KINDS_OF_ORGANISATION = words(
    "inc ltd corp gmbh plc llc university hospital airlines council bank school college institute"
)
_COMMON_KINDS = words(
    "high middle primary elementary secondary law medical business art grad graduate state public "
    "private boarding night city community technical vocational nursing cooking"
)
_INSTITUTIONS = words("school college university uni hospital church")
_NOT_ORGANISATIONS = words(
    "a an my your his her their our its this that these those it home night nights once least "
    "peanuts tips charity pleasure hire nobody pennies exposure justice results commission god "
    "knocks first last all work myself himself herself themselves someone another free fun money "
    "hours weekends living day days years months minimum present heart different several some many "
    "two three four five peace i you we they him them me us being what where which not same big "
    "small local because and/or if monday tuesday wednesday thursday friday saturday sunday"
)


_HEAD_ENDINGS = re.compile(
    r"(?!gate|goal|peace|trouble|match|time|home)\w{3,}(?:ologist|ographer|ician|wright|keeper|maker)"
)
_TITLES = words("mr mrs ms miss mx dr prof professor sir dame sister father")


def as_person(text: str, *, known: bool = False) -> str | None:
    """The text if it is written like a name and something says that the name is a person's.

    A capital alone says little: "Data lives in Postgres". What does are a title or a common first
    name.

    Args:
        text: Candidate, in a text that uses capitals.
        known: The person has been spoken of before.
    """
    name = as_name(text, caseless=False)
    if name is None or known:
        return name
    tokens = [_plain(token) for token in name.split()]
    titled = tokens[0] in _TITLES and len(tokens) > 1
    return name if titled or tokens[0].partition("-")[0] in GIVEN_NAMES else None


def is_joke_name(text: str) -> bool:
    """Whether a name is one that only jokes give to people: "my therapist is called Netflix"."""
    return text.casefold().partition(" ")[0] in NOT_PEOPLE


def as_product(text: str) -> str | None:
    """The text if it is written like the name of a product: "Volvo V60", "2014 Honda Civic".

    One capitalised word is not enough, nor are the papers and pains that capitals adorn.
    """
    name = as_organisation(text, caseless=False)
    tokens = name.split() if name else []
    if len(tokens) < 2 or _plain(tokens[0]) in DEMONYMS:  # noqa: PLR2004
        return None
    return None if _plain(tokens[-1]) in _NOT_PRODUCTS or tokens[0] == "Plan" else name


_NOT_PRODUCTS = words(
    "degree card belt visa diploma certificate licence license account subscription membership "
    "passport phd mba ba bsc msc call meeting problem question issue interview class exam test "
    "resolution junk addiction background accent name day friend teacher manager boss idea plan b "
    "a"
)


def as_occupation(text: str) -> str | None:
    """The text, up to five words, if its last word is an occupation and the rest qualifies it."""
    tokens = text.strip().split()
    if not 0 < len(tokens) <= _LONGEST_OCCUPATION:
        return None
    head = _plain(tokens[-1])
    if head not in HEADS and not _HEAD_ENDINGS.fullmatch(head):
        return None
    if any(_plain(token) in _NOT_MODIFIERS or token.endswith("'s") for token in tokens):
        return None
    if not all(re.fullmatch(r"[^\W_][\w'\-/&+#.]*", token) for token in tokens):
        return None
    return " ".join(tokens)


def as_thing(text: str) -> str | None:
    """The text if it can be something one likes: up to six words, none pointing elsewhere."""
    text = text.strip()
    tokens = text.split()
    if not 0 < len(tokens) <= _LONGEST_THING or not _THING.fullmatch(text):
        return None
    lowered = [_plain(token) for token in tokens]
    if lowered[0] == "the" and (len(lowered) == 1 or " ".join(lowered[1:]) not in _SHARED_THINGS):
        return None
    if lowered[0] in _NOT_AT_EITHER_END - {"the"} or lowered[-1] in _NOT_AT_EITHER_END:
        return None
    if lowered[-1] in _NOT_LAST or any(word in _NOT_THINGS for word in lowered):
        return None
    return text if any(character.isalpha() for character in text) else None


def items_of(text: str, *, plain: bool = False) -> list[str]:
    """The members of an enumeration: "tea, milk and water".

    Set phrases stay whole, and so does a pair whose "and" may bind more tightly ("trips with
    friends and family", "crime and science-fiction novels").

    Args:
        text: The enumeration.
        plain: Every "and" separates, as between languages or allergens.
    """
    held = _FIXED_PAIRS.sub(lambda found: found[0].replace(" and ", "\1"), text)
    found = []
    for part in _COMMA.split(held):
        items = _CONJUNCTION.split(part)
        bound = len(items) == _PAIR and not plain and _is_bound(*items, alone=part == held)
        found.extend([part] if bound else items)
    return [item.replace("\1", " and ").strip() for item in found]


def _is_bound(first: str, second: str, *, alone: bool) -> bool:
    if any(_plain(token) in _BINDERS for token in first.split()):
        return True
    return alone and len(first.split()) == 1 and len(second.split()) > 1 and second.endswith("s")


_PAIR = 2
_BINDERS = words("with of between from for in on about at to like through during")
