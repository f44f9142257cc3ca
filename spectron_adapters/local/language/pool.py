"""The live facts that reflection, elaboration and consolidation work on, by scope set.

Facts of two scope sets are never put together: what follows from them would belong to neither.
Imports `work`, `fact_rows` and `scopes`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from spectron_adapters.local.knowledge.fact_rows import AUTHORITATIVE, attribute_text
from spectron_adapters.local.work import Work
from spectron_adapters.scopes import ScopeSet

__all__ = [
    "DERIVED_CONFIDENCE",
    "LiveFact",
    "by_scope_set",
    "live_facts",
    "may_write_to",
    "numbered",
]

DERIVED_CONFIDENCE = 0.6
"""Most confidence of what a model derives; below the floor, so that it supersedes nothing."""

_DERIVED = frozenset({"reflect", "consolidation", "elaboration"})


@dataclass(frozen=True, slots=True)
class LiveFact:
    """An attribute that holds now."""

    id: int
    key_id: str
    scope_set_id: int
    name_id: int
    entity_type: str
    name: str
    display_name: str
    key: str
    value: str
    category: str
    confidence: float
    source_kind: str
    turn_id: int | None
    known_from: int
    valid_from: int

    @property
    def entity_key(self) -> tuple[str, str]:
        """Normalised type and name."""
        return self.entity_type, self.name

    @property
    def is_curated(self) -> bool:
        """Whether somebody curated it, rather than said it."""
        return self.source_kind in AUTHORITATIVE

    @property
    def is_derived(self) -> bool:
        """Whether a model made it up from other facts, so that nothing more may rest on it."""
        return self.source_kind in _DERIVED and self.confidence <= DERIVED_CONFIDENCE

    @property
    def text(self) -> str:
        """As search shows it."""
        return attribute_text(self.display_name, self.key, self.value)


def live_facts(
    work: Work, lens: ScopeSet | None, *, limit: int, name_id: int | None = None
) -> list[LiveFact]:
    """The newest attributes that the caller may read and that hold now, oldest first.

    Args:
        work: In a transaction.
        lens: Only what it lets through.
        limit: Most facts.
        name_id: Only facts about this entity.
    """
    readable = work.readable(lens)
    rows = work.connection.execute(
        "SELECT a.id, a.key_id, a.scope_set_id, a.name_id, n.type, n.name,"  # noqa: S608  # constant parts
        " coalesce((SELECT display_name FROM entity AS e WHERE e.name_id = a.name_id"
        "  AND e.scope_set_id = a.scope_set_id AND e.known_until IS NULL), n.name),"
        " a.key, a.value, a.category, a.confidence, a.source_kind, a.turn_id, a.known_from,"
        " a.valid_from FROM (SELECT * FROM attribute WHERE context_id = :context"
        "  AND superseded_by IS NULL AND (known_until IS NULL OR known_until > :now)"
        "  AND valid_from <= :now AND (valid_until IS NULL OR valid_until > :now)"
        f"  AND (:name_id IS NULL OR name_id = :name_id) AND {readable.condition}"
        "  ORDER BY id DESC LIMIT :limit) AS a JOIN entity_name AS n ON n.id = a.name_id"
        " ORDER BY a.id",
        {
            "context": work.context_id,
            "now": work.now,
            "name_id": name_id,
            "readable": readable.parameter,
            "limit": limit,
        },
    )
    return [LiveFact(*row) for row in rows]


def by_scope_set(facts: Iterable[LiveFact]) -> dict[int, list[LiveFact]]:
    """Facts by the scope set that they carry."""
    groups: dict[int, list[LiveFact]] = defaultdict(list)
    for fact in facts:
        groups[fact.scope_set_id].append(fact)
    return dict(groups)


def may_write_to(work: Work, scope_set_id: int) -> bool:
    """Whether the caller may write rows with exactly this scope set."""
    clauses = work.catalog.clauses(work.connection, scope_set_id)
    region = work.caller.region("memory:write")
    return bool(region) and bool(clauses) and not region.outside(ScopeSet(clauses))


def numbered(facts: Sequence[LiveFact]) -> dict[str, LiveFact]:
    """Facts under the names that a language model knows them by: F1, F2 and so on."""
    return {f"F{number}": fact for number, fact in enumerate(facts, 1)}
