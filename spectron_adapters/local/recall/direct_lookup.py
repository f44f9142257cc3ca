"""Questions that ask for one key of one entity: "where does Alice live", "what is my name".

Looked up only when it is certain what is meant: one entity named, one of its keys, and every other
word of the question explained by that key. Imports `work`, `seeds` and `search`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from spectron_adapters.local.recall.seeds import Seed
from spectron_adapters.local.scope_catalog import ReadableSets
from spectron_adapters.local.search.reading import Row, RowFilter, readable_targets
from spectron_adapters.local.search.text import STOP_WORDS, analyse, parse_query, words
from spectron_adapters.local.work import Work

__all__ = ["direct_rows"]

_VALUES_MAX = 3
_KEYS_MAX = 256
# Words that ask for a key, beside those of the key's own name; by stem when compared.
_SYNONYMS = {
    "lives_in": "live lives living home hometown city town residence reside resides based located",
    "city": "live lives living home town residence reside resides based",
    "residence": "live lives living home city town reside resides",
    "home": "live lives living city town residence reside resides",
    "location": "live lives living located based city town place",
    "works_at": "work works working employer company employed employment job workplace",
    "employer": "work works working company employed workplace",
    "company": "work works working employer employed workplace",
    "workplace": "work works working employer company employed",
    "occupation": "job profession work role occupation living title",
    "job": "occupation profession work role living title",
    "role": "job occupation profession position title",
    "name": "name named called",
    "preferred_name": "nickname called",
    "age": "age old aged years",
    "birth_date": "birthday born birth birthdate date",
    "birthday": "born birth birthdate date",
    "birthplace": "born birth place",
    "nationality": "nationality citizenship citizen",
    "spouse": "spouse married marry partner wife husband",
    "studies_at": "study studies studying university college school",
    "studies": "study studying major subject",
    "email": "email mail e-mail address",
    "phone": "phone telephone number mobile",
    "diet": "diet eat eats",
}
# The question words that a key answers; most keys answer "what" and "who".
_ASKED_WITH = {
    "birth_date": frozenset({"when", "what"}),
    "birthday": frozenset({"when", "what"}),
    "birthplace": frozenset({"where", "what"}),
    "lives_in": frozenset({"where", "what"}),
    "city": frozenset({"where", "what"}),
    "residence": frozenset({"where", "what"}),
    "home": frozenset({"where", "what"}),
    "location": frozenset({"where", "what"}),
    "works_at": frozenset({"where", "what", "who", "whom"}),
    "employer": frozenset({"where", "what", "who", "whom"}),
    "company": frozenset({"where", "what", "who", "whom"}),
    "workplace": frozenset({"where", "what"}),
    "occupation": frozenset({"what"}),
    "studies_at": frozenset({"where", "what"}),
    "age": frozenset({"how", "what"}),
    "number_of_children": frozenset({"how", "what"}),
}
_WHAT_OR_WHO = frozenset({"what", "who", "whom"})
_QUESTION_WORDS = frozenset({"when", "where", "who", "whom", "what", "why", "how", "which"})
# They add nothing to what is asked; all others must be explained by the key.
_EMPTY_WORDS = frozenset({"tell", "know", "say", "currently", "current", "now", "user", "remember"})
# Another time, a company, a denial: something else is asked than what is on record now.
_OTHERWISE_WORDS = (
    "with before after until since ago used previously formerly earlier not never would will could "
    "should if why doesn't don't didn't isn't wasn't won't can't"
)
_OTHERWISE = frozenset(_OTHERWISE_WORDS.split())
_FOR_A_LIVING = re.compile(r"\b(?:do|does|did)\b(.*)\bfor a living\b", re.IGNORECASE)


def direct_rows(work: Work, query: str, seeds: Sequence[Seed], chosen: RowFilter) -> list[Row]:
    """The attributes that answer a question by themselves, newest first; mostly none.

    Args:
        work: In a transaction.
        query: The question.
        seeds: The readable entities that it names.
        chosen: Only what passes is looked up.
    """
    named = _one(seeds)
    if named is None or not _OTHERWISE.isdisjoint(words(query)):
        return []
    query = _FOR_A_LIVING.sub(r"\1 occupation", query)
    asked = _asked(query, named)
    if not asked:
        return []
    rows, keys = _attributes(work, named, chosen)
    meant = _meant(asked, frozenset(words(query)) & _QUESTION_WORDS, set(keys.values()))
    found = [row for row in rows if keys[row.target_id] == meant]
    if not 0 < len(found) <= _VALUES_MAX:
        return []
    return sorted(found, key=lambda row: (-row.known_from, row.id))


def _one(seeds: Sequence[Seed]) -> Seed | None:
    """The only entity named; a name within another's is not meant."""
    if not seeds:
        return None
    longest = set(seeds[0].name.split("_"))
    others = [seed for seed in seeds[1:] if not set(seed.name.split("_")) < longest]
    return None if others else seeds[0]


def _asked(query: str, named: Seed) -> frozenset[str]:
    """The stems of a question that are neither the entity's name nor empty."""
    own = set(named.name.split("_")) | _EMPTY_WORDS
    kept = [
        word
        for word in words(query)
        if word not in STOP_WORDS and word.removesuffix("'s") not in own
    ]
    return frozenset(term for word in kept for term in parse_query(word).terms)


def _attributes(work: Work, named: Seed, chosen: RowFilter) -> tuple[list[Row], dict[int, str]]:
    """The entity's attributes that pass the filter, and the key of each."""
    readable = ReadableSets(chosen.scope_set_ids, chosen.excluded_scope_set_ids)
    keys = dict(
        work.connection.execute(
            "SELECT id, key FROM attribute WHERE name_id = :name"  # noqa: S608  # constant parts
            f" AND {readable.condition} ORDER BY id DESC LIMIT :most",
            {"name": named.name_id, "readable": readable.parameter, "most": _KEYS_MAX},
        ).fetchall()
    )
    return readable_targets(work.connection, "attribute", sorted(keys), chosen), keys


def _meant(asked: frozenset[str], how: frozenset[str], keys: set[str]) -> str | None:
    """The only key that explains every word asked with; None when none does, or several do."""
    explaining = [key for key in sorted(keys) if _explains(key, asked, how)]
    exact = [key for key in explaining if asked == _stems(key.replace("_", " "))]
    for candidates in (exact, explaining):
        if len(candidates) == 1:
            return candidates[0]
    return None


def _explains(key: str, asked: frozenset[str], how: frozenset[str]) -> bool:
    if not how <= _ASKED_WITH.get(key, _WHAT_OR_WHO) | {"which"}:
        return False
    return asked <= _stems(key.replace("_", " ")) | _stems(_SYNONYMS.get(key, ""))


def _stems(text: str) -> frozenset[str]:
    return frozenset(
        term for word in text.split() if word not in STOP_WORDS for term in analyse(word)
    )
