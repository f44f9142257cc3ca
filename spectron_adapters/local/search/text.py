"""Text analysis for lexical search: what is indexed, and how a query is read.

Text becomes a list of terms: compatibility-normalised, case-folded, without accents, stemmed.
Scripts written without spaces are cut into single characters and pairs. Stop words are indexed,
so that a query of nothing else still finds something, and left out of every other query.

Pure: no I/O, no state but a cache of stems. Imports nothing of the project but the stemmer.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from spectron_adapters.local.search.stemming import stem

_FUNCTION_WORDS: Final = """
    a about above after again against all also am an and any are aren't as at be because been
    before being below between both but by can can't cannot could couldn't did didn't do does
    doesn't doing don't down during each either else ever few for from further get gets getting
    got had hadn't has hasn't have haven't having he he'd he'll he's her here here's hers herself
    him himself his how how's i i'd i'll i'm i've if in into is isn't it it'd it'll it's its
    itself just let let's like may me might more most much must my myself neither no nor not of
    off on once only or other ought our ours ourselves out over own please quite rather really
    same shall she she'd she'll she's should shouldn't since so some such than that that's the
    their theirs them themselves then there there's these they they'd they'll they're they've
    this those through to too under until up upon us very was wasn't we we'd we'll we're we've
    were weren't what what's when when's where where's whether which while who who's whom whose
    why why's will with won't would wouldn't yes yet you you'd you'll you're you've your yours
    yourself yourselves
    arent cant couldnt didnt doesnt dont hadnt hasnt havent hes im isnt ive shes shouldnt thats
    theyre theyve wasnt werent whats wont wouldnt youre youve
    """
STOP_WORDS: Final = frozenset(_FUNCTION_WORDS.split())

_MONTH_NAMES: Final = (
    "january february march april may june july august september october november december"
)
_MONTHS: Final = tuple(_MONTH_NAMES.split())
_TIME_NAMES: Final = """
    january february april june july august september october november december
    jan feb apr jun jul aug sep sept oct nov dec
    monday tuesday wednesday thursday friday saturday sunday
    yesterday today tonight tomorrow ago week weeks weekend weekends month months year years day
    days recently lately morning afternoon evening night summer winter spring autumn fall
    christmas easter birthday anniversary decade decades hour hours minutes soon
"""
TIME_WORDS: Final = frozenset(_TIME_NAMES.split())
"""Words that date something; `may` and `march` mostly do not."""

MOST_TERMS: Final = 48
"""A longer question is read by its longest words, which are its rarest on the whole."""
MICROSECONDS_OF_A_DAY: Final = 86_400_000_000
LONGEST_WORD: Final = 64
"""Words are known by their first characters, this many."""
QUESTION: Final = 1
"""Feature bit: the text ends by asking."""
TIME: Final = 2
"""Feature bit: the text holds words or figures of time."""

_CLOSING: Final = " \t\r\n\"')]}*_!\u2019\u201d"
_APOSTROPHES: Final = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u2032\uff07", "'"))
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_EMAIL: Final = r"[a-z0-9][\w.+-]{0,63}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
_NUMBER: Final = r"\d+(?:[.,:/-]\d+)+"
_LANGUAGE: Final = r"\b[a-z](?:\+\+|#)(?!\w)"
_ASCII: Final = re.compile(rf"{_NUMBER}|{_LANGUAGE}|[a-z0-9]+(?:'[a-z]+)*")
_UNICODE: Final = re.compile(
    rf"{_NUMBER}|{_LANGUAGE}|[{_UNSPACED}]+"
    rf"|(?:(?![{_UNSPACED}])(?:[^\W_]|[\u0300-\u036f\u0591-\u05bd\u064b-\u0652\u0900-\u0dff]))+"
    rf"(?:'[^\W_{_UNSPACED}]+)*"
    "|[\u2600-\u27bf\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff]"
)
_WITH_EMAIL: Final = (
    re.compile(f"{_EMAIL}|{_ASCII.pattern}"),
    re.compile(f"{_EMAIL}|{_UNICODE.pattern}"),
)
_ISO_DATE: Final = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)")
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_ORDINAL: Final = re.compile(r"(\d+)(?:st|nd|rd|th)")
_YEAR: Final = re.compile(r"\b(?:19|20)\d\d\b")
_UNSPACED_RUN: Final = re.compile(f"[{_UNSPACED}]+")


def words(text: str) -> list[str]:
    """Return the words of a text in order, case-folded, before stemming."""
    if text.isascii():
        text = text.lower()
        pattern = _WITH_EMAIL[0] if "@" in text else _ASCII
    else:
        text = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES)
        text = unicodedata.normalize("NFKC", text.casefold())
        pattern = _WITH_EMAIL[1] if "@" in text else _UNICODE
    return pattern.findall(text)


def analyse(text: str) -> list[str]:
    """Return the terms to index for a text, in order, stop words included."""
    return _analyse(words(text))


def _analyse(found: list[str]) -> list[str]:
    expand = _expand if max(map(len, found), default=0) > LONGEST_WORD else _terms
    return [term for word in found for term in expand(word)]


def _expand(word: str) -> tuple[str, ...]:
    if len(word) <= LONGEST_WORD:
        return _terms(word)
    if _UNSPACED_RUN.match(word):
        return (*word, *_pairs(word))
    return _terms(word[:LONGEST_WORD])


@lru_cache(maxsize=65_536)
def _terms(word: str) -> tuple[str, ...]:
    if word.isascii() and word.isalpha():
        return (stem(word),)
    if _UNSPACED_RUN.match(word):
        return (*word, *_pairs(word))
    if "@" in word:
        return (word, *map(_plain, re.findall(r"[^\W_]+", word)))
    if word[0].isdigit():
        return _number(word)
    return (_plain(word),)


def _plain(word: str) -> str:
    for ending in ("'s", "'"):
        word = word.removesuffix(ending)
    word = word.replace("'", "")
    if not word.isascii():
        decomposed = unicodedata.normalize("NFD", word)
        bare = "".join(c for c in decomposed if not "\u0300" <= c <= "\u036f")
        word = unicodedata.normalize("NFC", bare) or word
    return stem(word) if word.isascii() and word.isalpha() else word


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)]


def _number(word: str) -> tuple[str, ...]:
    if ordinal := _ORDINAL.fullmatch(word):
        return (ordinal[1].lstrip("0") or "0",)
    if date := _ISO_DATE.fullmatch(word):
        month = int(date[2])
        name = stem(_MONTHS[month - 1]) if month in range(1, 13) else str(month)
        return (word, date[1], name, str(int(date[3])))
    if _THOUSANDS.fullmatch(word):
        return (word.replace(",", ""),)
    parts = tuple(part for part in re.split("[,:/-]", word) if part)
    return (word, *parts) if len(parts) > 1 else (word,)


def features(text: str) -> int:
    """Return the feature bits of a text: `QUESTION`, `TIME`."""
    return _features(text, words(text))


def _features(text: str, found: list[str]) -> int:
    bits = QUESTION if text.rstrip(_CLOSING).endswith(("?", "\uff1f", "\u061f")) else 0
    if not TIME_WORDS.isdisjoint(found) or _YEAR.search(text):
        bits |= TIME
    return bits


@dataclass(frozen=True, slots=True)
class Query:
    """A question as the index understands it."""

    terms: tuple[str, ...]
    """Distinct terms, in order of first mention; stop words only when there is nothing else."""
    names: frozenset[str]
    """The words that may name somebody, case-folded: all but stop words."""
    asks_when: bool


_WHEN: Final = re.compile(
    r"\b(?:when|how long|(?:what|which) (?:date|day|month|year|time|week|season))\b"
)
# Stop words that are also a month or a name: they count when written as one.
_CAPITALISED: Final = re.compile(r"(?<=[^\s.?!]\s)(?:May|Will)\b")
_IN_MAY: Final = re.compile(r"\b(?:in|last|next|since|until|of|this) may\b|\bmay \d|\d may\b")


def parse_query(text: str) -> Query:
    """Read a question: its terms, the names in it, and whether it asks for a time."""
    found = words(text)
    plain = " ".join(found)
    kept = {word.lower() for word in _CAPITALISED.findall(text)}
    if _IN_MAY.search(plain):
        kept.add("may")
    content = [word for word in found if word not in STOP_WORDS or word in kept]
    terms = dict.fromkeys(term for word in content or found for term in _query_terms(word))
    return Query(
        terms=_heaviest(tuple(terms)),
        names=frozenset(content),
        asks_when=_WHEN.search(plain) is not None,
    )


def _heaviest(terms: tuple[str, ...]) -> tuple[str, ...]:
    if len(terms) <= MOST_TERMS:
        return terms
    longest = frozenset(sorted(terms, key=len, reverse=True)[:MOST_TERMS])
    return tuple(term for term in terms if term in longest)


def _query_terms(word: str) -> tuple[str, ...]:
    if len(word) > 1 and _UNSPACED_RUN.match(word):
        return tuple(_pairs(word))
    return _expand(word)


def index_terms(text: str, speaker: str | None, known_at: int) -> tuple[str, int, int]:
    """Return what the index holds for a row: its text, speaker and date.

    Args:
        text: What the row says.
        speaker: Name of the one who says it, when known.
        known_at: When it was said, microseconds since 1970, UTC.

    Returns:
        The terms joined by spaces, the number of words that are not stop words, and the
        text's feature bits.
    """
    row = read_row(text, speaker, known_at)
    return row.terms, row.length, row.features


class RowTerms(NamedTuple):
    """What the index holds for a row, and which of its terms are the text's own."""

    terms: str
    length: int
    features: int
    own: list[str]


def read_row(text: str, speaker: str | None, known_at: int) -> RowTerms:
    """Like `index_terms`, with the text's own terms besides: without speaker and date."""
    found = words(text)
    own = _analyse(found)
    terms = own + analyse(speaker) if speaker else own
    terms = [*terms, *_date_terms(known_at // MICROSECONDS_OF_A_DAY)]
    length = len(terms) - sum(map(STOP_WORDS.__contains__, found))
    return RowTerms(" ".join(terms), length, _features(text, found), own)


@lru_cache(maxsize=4_096)
def _date_terms(day: int) -> tuple[str, ...]:
    try:
        date = dt.date(1970, 1, 1) + dt.timedelta(days=day)
    except OverflowError:
        return ()
    return (str(date.day), stem(_MONTHS[date.month - 1]), str(date.year))
