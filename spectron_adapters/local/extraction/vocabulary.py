"""Word lists and value checks of the deterministic extractor. Imports the standard library only."""

from __future__ import annotations

import re

__all__ = [
    "DEMONYMS",
    "KIN",
    "LANGUAGES",
    "PETS",
    "SINGLE_KIN",
    "as_name",
    "as_occupation",
    "as_organisation",
    "as_place",
    "as_thing",
    "items_of",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SINGLE_KIN = {
    "wife": "wife",
    "husband": "husband",
    "spouse": "spouse",
    "partner": "partner",
    "girlfriend": "girlfriend",
    "boyfriend": "boyfriend",
    "fiancé": "fiance",
    "fiance": "fiance",
    "fiancée": "fiancee",
    "fiancee": "fiancee",
    "mother": "mother",
    "mom": "mother",
    "mum": "mother",
    "father": "father",
    "dad": "father",
    "manager": "manager",
    "boss": "manager",
    "line manager": "manager",
    "supervisor": "supervisor",
    "landlord": "landlord",
    "best friend": "best_friend",
}
"""People of whom one has one at a time, with the attribute key: a new name supersedes."""

KIN = {
    word: word.replace(" ", "_")
    for word in _words(
        "sister brother son daughter child cousin uncle aunt niece nephew grandmother grandfather "
        "grandma grandpa grandson granddaughter friend colleague coworker co-worker roommate "
        "flatmate neighbour neighbor teammate twin mentor stepson stepdaughter"
    )
} | {
    f"{modifier} {word}": word
    for modifier in ("older", "younger", "little", "big", "elder", "eldest", "oldest", "youngest")
    for word in ("sister", "brother", "son", "daughter", "child")
}
KIN |= {"co-worker": "colleague", "coworker": "colleague", "neighbor": "neighbour"}
"""People of whom one may have several, with the relation label."""

PETS = _words(
    "dog cat puppy kitten hamster rabbit bunny parrot horse pony goldfish fish turtle tortoise "
    "guinea-pig snake lizard bird budgie ferret pup doggo"
)

LANGUAGES = _words(
    "english french german spanish italian portuguese dutch swedish norwegian danish finnish "
    "icelandic polish czech slovak hungarian romanian bulgarian greek turkish russian ukrainian "
    "serbian croatian slovenian lithuanian latvian estonian arabic hebrew persian farsi urdu hindi "
    "bengali punjabi tamil telugu marathi gujarati kannada malayalam sinhala nepali chinese "
    "mandarin "
    "cantonese japanese korean vietnamese thai khmer lao burmese malay indonesian tagalog filipino "
    "swahili amharic yoruba igbo hausa zulu xhosa afrikaans irish welsh gaelic catalan basque "
    "galician maltese albanian macedonian georgian armenian latin esperanto asl bsl"
)

DEMONYMS = (
    LANGUAGES
    - _words(
        "farsi hindi punjabi tamil mandarin cantonese swahili hebrew latin esperanto asl bsl zulu "
        "yoruba gaelic urdu bengali tagalog telugu marathi gujarati kannada malayalam"
    )
) | _words(
    "american canadian british scottish australian austrian swiss belgian brazilian mexican "
    "argentinian argentine chilean colombian peruvian venezuelan cuban jamaican egyptian moroccan "
    "algerian tunisian nigerian ghanaian kenyan ethiopian indian pakistani bangladeshi israeli "
    "iranian iraqi syrian lebanese jordanian palestinian taiwanese singaporean malaysian bosnian "
    "kiwi"
)

_NOT_NAMES = (
    _words(
        "a an the i you he she it we they me him her us them my your his our their this that these "
        "those here there not no yes now so too very really just still also only always never ever "
        "sorry sure glad happy sad tired busy back home done fine good great okay ok well ready "
        "excited "
        "single married divorced engaged and or but in on at of to from with about for by as is "
        "are was "
        "were been being be am do does did has have had everyone everybody someone somebody nobody "
        "anyone nothing something everything people life work love god mom mum dad mother father "
        "grandma grandpa who what which when where why how all both most many some any each every "
        "monday tuesday wednesday thursday friday saturday sunday january february april june july "
        "august september october november december today tomorrow yesterday tonight thanks thank "
        "please "
        "hi hello hey wow oh yeah yep nope congrats congratulations enough unknown private secret "
        "important hard easy long short common unusual spelled spelt pronounced irrelevant mud "
        "mine "
        "yours changed different being going trying looking feeling team sir madam "
        "sick ill siamese awful cute adorable alive awake dead gone like christmas easter lol "
        "will would can could should may might must "
        "if unless maybe perhaps because while one two three four five none blessed proud lucky "
        "supposed named called complicated taken it's classified none confidential"
    )
    | DEMONYMS
)
_PARTICLES = _words("de da di del della der den van von la le du el al bin ibn ben af av dos y")
_PLACE_PARTICLES = _words(
    "de la le les of upon on am an der den sur du del los las san el the in and"
)
_NOT_PLACES = _words(
    "a an my your his her their our its this that these those it peace fear hope harmony pain "
    "style luxury poverty denial hell heaven sin isolation constant squalor exile comfort misery "
    "person general particular fact love trouble town house home here there two three one someone "
    "everyone awe darkness silence solitude moment now past present future dreams somewhere "
    "anywhere nowhere everywhere another many several some any no same old different big small "
    "better alone together apart not way mindset world limbo bed another's hiding debt shock "
    "monday tuesday wednesday thursday friday saturday sunday january february march april may "
    "june "
    "july august september october november december spring summer autumn winter him her them us "
    "me "
    "you what where which being i and or but with tears charge need agony bad good summary case "
    "time "
    "line person class school college university uni church bed jail prison hospital work "
    "accounting finance marketing sales it hr tech retail healthcare education"
)
_PLACES_WITH_ARTICLE = _words(
    "uk us usa netherlands philippines bahamas gambia maldives hague bronx"
)
_NAME_WORD = r"[^\W\d_](?:[^\W_]|['.\-](?=[^\W_]))*\.?"
_NAME = re.compile(rf"{_NAME_WORD}(?: {_NAME_WORD}){{0,4}}")
_ORGANISATION_WORD = r"(?:[^\W_](?:[^\W_]|['.&\-+/](?=[^\W_]))*[.!]?|&)"
_ORGANISATION = re.compile(rf"{_ORGANISATION_WORD}(?: {_ORGANISATION_WORD}){{0,6}}")
_PARTICLES_OF_ORGANISATIONS = _words("of the and for & de la")

_HEADS = _words(
    "accountant actor actress actuary administrator advisor adviser analyst anaesthetist animator "
    "apprentice archaeologist architect archivist artist assistant associate astronaut astronomer "
    "attorney auditor author baker banker barber barista bartender biochemist biologist blogger "
    "bookkeeper botanist bricklayer broker builder butcher buyer caregiver carer carpenter cashier "
    "ceo cfo chef chemist choreographer cio ciso clerk coach coder columnist comedian composer "
    "conductor consultant contractor cook coo counselor counsellor courier cto curator cyclist "
    "dancer dentist dermatologist designer detective developer dietitian director dj doctor "
    "driver ecologist economist editor educator electrician engineer entrepreneur epidemiologist "
    "estate-agent executive farmer filmmaker firefighter fisherman florist founder freelancer "
    "gardener geneticist geographer geologist goldsmith graphic-designer hairdresser historian "
    "illustrator inspector instructor interpreter investigator investor janitor jeweller "
    "journalist "
    "judge kindergarten-teacher lawyer lecturer librarian lifeguard linguist locksmith machinist "
    "magician manager marketer mathematician mechanic meteorologist midwife miner musician nanny "
    "neurologist neuroscientist nurse nutritionist officer optician optometrist painter paralegal "
    "paramedic pastor pathologist pediatrician paediatrician pharmacist philosopher photographer "
    "physician physicist physiotherapist pianist pilot planner plumber poet policeman policewoman "
    "politician porter postdoc potter priest principal producer professor programmer psychiatrist "
    "psychologist publisher radiologist ranger realtor receptionist recruiter referee reporter "
    "researcher rheumatologist sailor salesman salesperson saleswoman scientist sculptor secretary "
    "singer solicitor sociologist soldier statistician stylist supervisor surgeon surveyor tailor "
    "teacher technician technologist therapist trader trainer translator treasurer tutor "
    "undergraduate veterinarian vet vicar violinist waiter waitress weaver welder writer zoologist "
    "student freelancer housewife homemaker retiree pensioner lead intern vp president "
    "chairman chairwoman dean headteacher barrister councillor senator"
)
_NOT_MODIFIERS = _words(
    "a an the my your his her our their terrible bad good great awful lousy former ex wannabe "
    "aspiring would-be big huge better worse best worst born natural real hopeless frustrated "
    "failed future not fellow such same only pretty decent amateur first next new it that this "
    "proud happy excited lucky nervous crazy total complete true kind sort type of and or to for "
    "in on with by as i you he she we they more less great one fast slow careful safe sloppy "
    "horrible mediocre strong avid quick keen lifelong back-seat armchair"
)

_NOT_THINGS = _words(
    "i you he she it we they me him her us them my your his its our their mine yours ours this "
    "that "
    "these those there here who whom whose which what when where why how is are was were am be "
    "been "
    "has have had do does did can could will would shall should may might must if because while "
    "than then so as not no nothing anything everything something someone everyone nobody "
    "everybody "
    "one ones being able both all any each every another such same other others myself yourself "
    "getting seeing hearing having knowing thinking talking lol too also but just even more "
    "let stuff things thing way idea vibe vibes part fact job look sound feel feeling lot bit "
    "either neither yes please sorry again up down back out off over seem seems "
    "kinda really very much well soon today tomorrow yesterday tonight thinking ya u ur y'all em "
    "it's"
)
_NOT_AT_EITHER_END = _words("a an the some to of in on at for with from by and or about")
_SHARED_THINGS = _words(
    "beach sea ocean mountains outdoors theatre theater cold rain snow countryside city heat sun "
    "cinema gym opera ballet internet dark wilderness desert forest beatles smiths cure"
)
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


def as_name(text: str, *, caseless: bool) -> str | None:
    """The text if it is written like a person's name of up to five words.

    Args:
        text: Candidate.
        caseless: The surrounding text uses no capitals: up to two words are taken without.
    """
    text = text.strip()
    if not _NAME.fullmatch(text):
        return None
    tokens = text.split()
    if any(_plain(token) in _NOT_NAMES for token in tokens):
        return None
    if caseless:
        return text if len(tokens) <= 2 else None  # noqa: PLR2004  # first and last name
    if not tokens[0][0].isupper() or not tokens[-1][0].isupper():
        return None
    if all(token[0].isupper() or _plain(token) in _PARTICLES for token in tokens):
        return text
    return None


def as_place(text: str, *, caseless: bool) -> str | None:
    """The text if it is written like the proper name of a place, with its region if given."""
    text = text.strip()
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > 3 or not all(_NAME.fullmatch(part) for part in parts):  # noqa: PLR2004
        return None
    if not all(_is_place_part(part.split(), caseless=caseless) for part in parts):
        return None
    return text


def _is_place_part(tokens: list[str], *, caseless: bool) -> bool:
    if tokens[0].casefold() in ("building", "room", "apartment", "flat", "block", "unit", "house"):
        return False
    if tokens[0].casefold() == "the":
        tokens = tokens[1:]
        if caseless and " ".join(tokens).casefold() not in _PLACES_WITH_ARTICLE:
            return False
    # a capital makes a common word part of a name: "Cape Town"
    common = [token for token in tokens if len(tokens) == 1 or not token[0].isupper() or caseless]
    if not tokens or any(_plain(token) in _NOT_PLACES for token in common):
        return False
    if caseless:
        return len(tokens) <= 3  # noqa: PLR2004  # "san juan capistrano"
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
    """The text if it is written like the proper name of an organisation."""
    text = text.strip()
    if not _ORGANISATION.fullmatch(text) or not any(character.isalpha() for character in text):
        return None
    tokens = text.split()
    article = tokens[0].casefold() == "the"
    names = tokens[1:] if article else tokens
    words = [_plain(token) for token in names]
    if not names or _NOT_ORGANISATIONS.intersection(words):
        return None
    if len(names) == 1 and words[0] in _INSTITUTIONS:
        return None
    if caseless:
        return text if len(names) <= 2 and not article else None  # noqa: PLR2004
    if not _shows_case(names[0]) or words[0] in _NOT_NAMES:
        return None
    named = (
        _shows_case(name) or word in _PARTICLES_OF_ORGANISATIONS
        for name, word in zip(names, words, strict=True)
    )
    return text if all(named) else None


_INSTITUTIONS = _words("school college university uni hospital church")
_NOT_ORGANISATIONS = _words(
    "a an my your his her their our its this that these those it home night nights once least "
    "first last all work myself himself herself themselves someone another free fun money hours "
    "weekends living day days years months minimum present heart different several some many two "
    "three four five peace i you we they him them me us being what where which not same big small "
    "local because and/or if monday tuesday wednesday thursday friday saturday sunday"
)


def as_occupation(text: str) -> str | None:
    """The text, up to five words, if its last word is an occupation and the rest qualifies it."""
    tokens = text.strip().split()
    if not 0 < len(tokens) <= _LONGEST_OCCUPATION:
        return None
    head = _plain(tokens[-1])
    if head not in _HEADS or any(_plain(token) in _NOT_MODIFIERS for token in tokens):
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
    words = [_plain(token) for token in tokens]
    if words[0] == "the" and (len(words) == 1 or " ".join(words[1:]) not in _SHARED_THINGS):
        return None
    if words[0] in _NOT_AT_EITHER_END - {"the"} or words[-1] in _NOT_AT_EITHER_END:
        return None
    if any(word in _NOT_THINGS for word in words):
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
_BINDERS = _words("with of between from for in on about at to like through during")
