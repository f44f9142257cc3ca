"""What hangs together with the entities that a question names, hop by hop.

Every step goes through rows that pass the request's filter: a relation, an attribute or an entity
that the caller may not read leads nowhere. Imports `work`, `seeds`, `search` and `extraction`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from spectron_adapters.local.extraction.statements import normalise_name
from spectron_adapters.local.recall.seeds import Seed
from spectron_adapters.local.scope_catalog import ReadableSets
from spectron_adapters.local.search.reading import Row, RowFilter, readable_targets
from spectron_adapters.local.search.retrieval import Ranking
from spectron_adapters.local.search.text import parse_query
from spectron_adapters.local.work import Work

__all__ = ["HOPS", "rank_hops"]

HOPS = 2
"""Steps from a named entity; a thin answer takes one more."""
_DECAY = 0.5
# A fact that holds no word of the question counts half; an entity's bare row and the turn that a
# fact was read from count less than the fact.
_LEAST_RELEVANCE = 0.5
_ENTITY_SHARE = 0.25
_TURN_SHARE = 0.6
_LONGEST_NAME = 100
_FACTS_PER_HOP = 512
_NAMES_PER_HOP = 64


@dataclass(slots=True)
class _Found:
    """Rows by id, with the best weight of each."""

    terms: frozenset[str]
    rows: dict[int, Row] = field(default_factory=dict)
    weights: dict[int, float] = field(default_factory=dict)

    def add(self, row: Row, weight: float) -> None:
        held = self.terms.intersection(row.terms.split(" "))
        share = len(held) / len(self.terms) if self.terms else 0.0
        weight *= _LEAST_RELEVANCE + (1 - _LEAST_RELEVANCE) * share
        self.rows[row.id] = row
        self.weights[row.id] = max(weight, self.weights.get(row.id, 0.0))


@dataclass(frozen=True, slots=True)
class _Fact:
    """A readable fact: its row, the names at its ends, and the turn that it was read from."""

    row: Row
    ends: tuple[int, ...]
    value: str | None
    turn_id: int | None


def rank_hops(
    work: Work, query: str, seeds: Sequence[Seed], chosen: RowFilter, *, hops: int = HOPS
) -> Ranking:
    """Rank what is known of the named entities, and of what they are related to.

    Args:
        work: In a transaction.
        query: The question; facts that hold more of its words come first.
        seeds: The entities that it names.
        chosen: Only what passes is found, or led through.
        hops: Steps at most.

    Returns:
        Rows with scores of 0 to 1, halved with every hop; nothing without seeds.
    """
    names = {term for seed in seeds for term in parse_query(seed.name.replace("_", " ")).terms}
    found = _Found(frozenset(parse_query(query).terms) - names)
    frontier = _frontier(work, chosen, {seed.name_id: 1.0 for seed in seeds})
    seen = set(frontier)
    for _ in range(hops):
        if not frontier:
            break
        reached = _hop(work, chosen, frontier, found)
        beyond = {
            name_id: weight * _DECAY for name_id, weight in reached.items() if name_id not in seen
        }
        frontier = _frontier(work, chosen, beyond)
        seen.update(frontier)
    return Ranking.of(list(found.rows.values()), found.weights)


@dataclass(frozen=True, slots=True)
class _Entity:
    """An entity that may be led through: its weight, and its rows."""

    weight: float
    rows: list[Row]


def _frontier(work: Work, chosen: RowFilter, weights: Mapping[int, float]) -> dict[int, _Entity]:
    """The heaviest of some entities, of those that pass the filter."""
    rows = _entities(work, chosen, weights.keys())
    # Names are shared by all scopes, so that their numbers tell who used them first.
    oldest = {name_id: min(row.id for row in found) for name_id, found in rows.items()}
    heaviest = sorted(rows, key=lambda name_id: (-weights[name_id], oldest[name_id]))
    return {
        name_id: _Entity(weights[name_id], rows[name_id]) for name_id in heaviest[:_NAMES_PER_HOP]
    }


def _hop(
    work: Work, chosen: RowFilter, frontier: Mapping[int, _Entity], found: _Found
) -> dict[int, float]:
    """Collect what is known of some entities; returns the weights of what they lead to."""
    reached: dict[int, float] = {}
    turns: dict[int, float] = {}
    for entity in frontier.values() if not chosen.labels else ():
        for row in entity.rows:
            found.add(row, entity.weight * _ENTITY_SHARE)
    facts = _facts(work, chosen, frontier.keys())
    bridges = _named_by(work, {fact.value for fact in facts if fact.value})
    for fact in facts:
        weight = max(frontier[end].weight for end in fact.ends if end in frontier)
        found.add(fact.row, weight)
        for end in (*fact.ends, *bridges.get(fact.value or "", ())):
            reached[end] = max(weight, reached.get(end, 0.0))
        if fact.turn_id is not None:
            turns[fact.turn_id] = max(weight, turns.get(fact.turn_id, 0.0))
    for row in readable_targets(work.connection, "memory_chunk", sorted(turns), chosen):
        found.add(row, turns[row.target_id] * _TURN_SHARE)
    return reached


def _entities(work: Work, chosen: RowFilter, name_ids: Collection[int]) -> dict[int, list[Row]]:
    """The rows of entities that pass the filter, by name."""
    names = dict(
        work.connection.execute(
            "SELECT id, name_id FROM entity WHERE name_id IN (SELECT value FROM json_each(?))",
            (json.dumps(sorted(name_ids)),),
        ).fetchall()
    )
    rows: dict[int, list[Row]] = {}
    unlabelled = replace(chosen, labels=frozenset())  # labels choose facts, not names
    for row in readable_targets(work.connection, "entity", sorted(names), unlabelled):
        rows.setdefault(names[row.target_id], []).append(row)
    return rows


_ATTRIBUTES = (
    "SELECT id, name_id, NULL, value, turn_id FROM attribute"
    " WHERE name_id IN (SELECT value FROM json_each(:names))"
)
_RELATIONS = (
    "SELECT id, subject_id, object_id, NULL, turn_id FROM relation"
    " WHERE (subject_id IN (SELECT value FROM json_each(:names))"
    " OR object_id IN (SELECT value FROM json_each(:names)))"
)


def _facts(work: Work, chosen: RowFilter, name_ids: Iterable[int]) -> list[_Fact]:
    readable = ReadableSets(chosen.scope_set_ids, chosen.excluded_scope_set_ids)
    facts: list[_Fact] = []
    for kind, sql in (("attribute", _ATTRIBUTES), ("relation", _RELATIONS)):
        stored = work.connection.execute(
            f"{sql} AND {readable.condition} ORDER BY id DESC LIMIT :most",
            {
                "names": json.dumps(sorted(name_ids)),
                "readable": readable.parameter,
                "most": _FACTS_PER_HOP,
            },
        ).fetchall()
        by_id = {row[0]: row[1:] for row in stored}
        for row in readable_targets(work.connection, kind, sorted(by_id), chosen):
            subject, target, value, turn_id = by_id[row.target_id]
            ends = (subject,) if target is None else (subject, target)
            facts.append(_Fact(row, ends, value, turn_id))
    return facts


def _named_by(work: Work, values: Collection[str]) -> dict[str, list[int]]:
    """The entity names that values spell, which lets `employer: Acme` lead to Acme.

    Whether the caller may read an entity of that name is decided where it is reached.
    """
    spelled: dict[str, list[str]] = {}
    for value in values:
        if len(value) <= _LONGEST_NAME:
            try:
                spelled.setdefault(normalise_name(value), []).append(value)
            except ValueError:
                continue
    names: dict[str, list[int]] = {}
    for name_id, name in work.connection.execute(
        "SELECT id, name FROM entity_name WHERE context_id = ?"
        " AND name IN (SELECT value FROM json_each(?))",
        (work.context_id, json.dumps(sorted(spelled))),
    ):
        for value in spelled[name]:
            names.setdefault(value, []).append(name_id)
    return names
