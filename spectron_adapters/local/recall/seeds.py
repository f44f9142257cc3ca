"""Which known entities a question names. Imports `work`, `fact_rows` and `extraction`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from spectron_adapters.local.extraction.statements import normalise_name
from spectron_adapters.local.knowledge.fact_rows import entity_id
from spectron_adapters.local.scope_catalog import ReadableSets
from spectron_adapters.local.search.text import words
from spectron_adapters.local.work import Work

__all__ = ["Seed", "find_seeds"]

_NAME_WORDS_MAX = 4
_SEEDS_MAX = 10
_WORDS_MAX = 64
_FIRST_PERSON = frozenset({"i", "i'm", "i've", "i'd", "i'll", "me", "my", "mine", "myself"})
_SPEAKER = "user"


@dataclass(frozen=True, slots=True)
class Seed:
    """An entity that a question names.

    Attributes:
        name_id: Its name's row.
        type: Normalised type.
        name: Normalised name.
    """

    name_id: int
    type: str
    name: str

    @property
    def id(self) -> str:
        """The entity's public id."""
        return entity_id(self.type, self.name)


def find_seeds(
    work: Work, query: str, readable: ReadableSets, *, as_of: int | None = None
) -> list[Seed]:
    """The readable entities whose name occurs in a question, longest name first.

    A question in the first person names `person/user`, of whom plain statements are kept.

    Args:
        work: In a transaction.
        query: The question.
        readable: What the caller may read.
        as_of: The time whose entities are meant; None means the live ones.
    """
    names = _names(query)
    if not names:
        return []
    rows = work.connection.execute(
        "SELECT DISTINCT n.id, n.type, n.name FROM entity_name AS n JOIN entity ON name_id = n.id"  # noqa: S608  # constant parts
        " WHERE n.context_id = :context AND n.name IN (SELECT value FROM json_each(:names))"
        " AND CASE WHEN :as_of IS NULL THEN known_until IS NULL"
        "  ELSE known_from <= :as_of AND (known_until IS NULL OR known_until > :as_of) END"
        f" AND {readable.condition}"
        " ORDER BY length(n.name) DESC, n.name, n.type LIMIT :limit",
        {
            "context": work.context_id,
            "names": json.dumps(names),
            "as_of": as_of,
            "readable": readable.parameter,
            "limit": _SEEDS_MAX,
        },
    )
    return [Seed(*row) for row in rows]


def _names(query: str) -> Sequence[str]:
    """Every stretch of a question that may be a name, normalised."""
    try:
        spoken = normalise_name(query).split("_")[:_WORDS_MAX]
    except ValueError:
        return []
    names = {
        "_".join(spoken[start : start + length])
        for length in range(1, _NAME_WORDS_MAX + 1)
        for start in range(len(spoken) - length + 1)
    }
    if not _FIRST_PERSON.isdisjoint(words(query)):
        names.add(_SPEAKER)
    return sorted(names)
