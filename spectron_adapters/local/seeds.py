"""Which known entities a question names. Imports `work`, `extraction` and `scopes`."""

from __future__ import annotations

import json

from spectron_adapters.local.extraction.statements import normalise_name
from spectron_adapters.local.fact_rows import entity_id
from spectron_adapters.local.work import Work
from spectron_adapters.scopes import ScopeSet

__all__ = ["seed_entities"]

_NAME_WORDS_MAX = 4
_SEEDS_MAX = 10
_WORDS_MAX = 64


def seed_entities(work: Work, query: str, lens: ScopeSet | None) -> list[str]:
    """The ids of live, readable entities whose name occurs in a question, longest name first."""
    try:
        words = normalise_name(query).split("_")[:_WORDS_MAX]
    except ValueError:
        return []
    names = {
        "_".join(words[start : start + length])
        for length in range(1, _NAME_WORDS_MAX + 1)
        for start in range(len(words) - length + 1)
    }
    readable = work.readable(lens)
    rows = work.connection.execute(
        "SELECT DISTINCT n.type, n.name FROM entity_name AS n JOIN entity ON name_id = n.id"  # noqa: S608  # constant parts
        " WHERE n.context_id = :context AND n.name IN (SELECT value FROM json_each(:names))"
        f" AND known_until IS NULL AND {readable.condition}"
        " ORDER BY length(n.name) DESC, n.name, n.type LIMIT :limit",
        {
            "context": work.context_id,
            "names": json.dumps(sorted(names)),
            "readable": readable.parameter,
            "limit": _SEEDS_MAX,
        },
    )
    return [entity_id(*row) for row in rows]
