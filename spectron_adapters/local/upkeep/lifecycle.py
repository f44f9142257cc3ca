"""Ageing: importance that fades, and rows whose time is over.

Both touch only rows that belong to nobody but the caller: every clause of their scope set lies
within the write region. What a session said (turns and their passages) does not age. Imports
`work`, `fact_rows`, `forgetting` and the standard library.
"""

from __future__ import annotations

import json

from spectron_adapters.local.extraction.statements import MEMORY_CATEGORIES
from spectron_adapters.local.forgetting.erasing import end_rows
from spectron_adapters.local.forgetting.matching import Forgotten
from spectron_adapters.local.knowledge.fact_rows import Closing, close_many
from spectron_adapters.local.scope_catalog import ReadableSets
from spectron_adapters.local.work import Work

__all__ = ["CONTEXT_TTL", "DECAY_PER_DAY", "decay", "expire"]

DAY = 24 * 3600 * 1_000_000
"""Microseconds of a day."""

DECAY_PER_DAY = {"knowledge": 0.995, "context": 0.95}
"""What importance is multiplied with for each day, by memory category; identity does not fade."""

CONTEXT_TTL = 7 * DAY
"""Microseconds after which a fact of category `context` ends, counted from its known time."""

_FACTS = ("attribute", "relation", "entity")


def decay(work: Work) -> int:
    """Let importance fade for the time since it last did; rows written since then for their own.

    Twice at the same instant fades once.

    Args:
        work: In a write transaction.

    Returns:
        How many rows became less important.

    Raises:
        Problem: 403, `memory:write` is granted nowhere.

    Source: `POST /lifecycle/decay`.
    """
    own = _own_sets(work)
    work.connection.create_function("faded", 3, _faded, deterministic=True)
    touched = 0
    for category, factor in DECAY_PER_DAY.items():
        for kind in _FACTS:
            touched += _fade(work, own, kind, category, factor)
    work.connection.execute(
        "INSERT INTO lifecycle_run (context_id, scope_set_id, decayed_at)"
        " SELECT :context, value, :now FROM json_each(:readable) WHERE true"
        " ON CONFLICT (context_id, scope_set_id) DO UPDATE"
        "  SET decayed_at = max(decayed_at, excluded.decayed_at)",
        {"context": work.context_id, "now": work.now, "readable": own.parameter},
    )
    return touched


def _faded(importance: float, factor: float, microseconds: int) -> float:
    return float(importance * factor ** (microseconds / DAY))


def _fade(work: Work, own: ReadableSets, kind: str, category: str, factor: float) -> int:
    """Multiply the importance of one kind's rows of a category."""
    since = (
        "max(system_from, coalesce((SELECT decayed_at FROM lifecycle_run AS run"
        " WHERE run.context_id = :context AND run.scope_set_id = search_row.scope_set_id), 0))"
    )
    # Categories outside the three, which only foreign rows have, age like `context`.
    same = "category NOT IN (SELECT value FROM json_each(:others))"
    others = [other for other in MEMORY_CATEGORIES if other != category]
    if category != "context":
        same, others = "category = :category", []
    changed = work.connection.execute(
        f"UPDATE search_row SET importance = faded(importance, :factor, :now - {since})"  # noqa: S608  # constant parts
        f" WHERE kind = :kind AND importance > 0 AND {since} < :now"
        f" AND target_id IN (SELECT id FROM {kind} WHERE {same} AND {own.condition}"
        "  AND (known_until IS NULL OR known_until > :now))",
        {
            "context": work.context_id,
            "category": category,
            "others": json.dumps(others),
            "factor": factor,
            "kind": kind,
            "now": work.now,
            "readable": own.parameter,
        },
    )
    return changed.rowcount


def expire(work: Work, *, retention_days: int | None = None) -> int:
    """End facts of category `context` past their time to live, and rows whose validity lapsed.

    Earlier states stay readable with `asOf`. An entity ends only when nothing is known of it any
    more.

    Args:
        work: In a write transaction.
        retention_days: Days after which every fact and turn ends, whatever its category, as the
            context's configuration says; None keeps them.

    Returns:
        How many rows were ended.

    Raises:
        Problem: 403, `memory:write` is granted nowhere.

    Source: `POST /lifecycle/expire`.
    """
    own = _own_sets(work)
    ended = 0
    if retention_days is not None:
        then = work.now - retention_days * DAY
        old = Forgotten(turn=_old_turns(work, own, then))
        end_rows(work, old)
        ended = old.count + _end_older(work, own, then, category=None)
    ended += _end_older(work, own, work.now - CONTEXT_TTL, category="context")
    for kind in _FACTS:
        lapsed = _lapsed(work, own, kind)
        close_many(work, kind, lapsed, Closing(None, None, work.now))
        ended += len(lapsed)
    return ended


def _old_turns(work: Work, own: ReadableSets, then: int) -> set[int]:
    return _ids(
        work,
        own,
        "SELECT id FROM turn WHERE known_at <= :then AND hidden_at IS NULL AND seq IS NOT NULL",
        then=then,
    )


def _end_older(work: Work, own: ReadableSets, then: int, *, category: str | None) -> int:
    """End live facts that were known before an instant, then entities of which none is left."""
    old = Forgotten()
    for kind in _FACTS:
        condition = "known_from <= :then" if kind != "entity" else _NOTHING_KNOWN
        old.of(kind).update(
            _ids(
                work,
                own,
                f"SELECT id FROM {kind} WHERE (:category IS NULL OR category = :category)"  # noqa: S608  # constant parts
                " AND system_until IS NULL AND (known_until IS NULL OR known_until > :now)"
                f" AND {condition}",
                then=then,
                category=category,
            )
        )
        closing = Closing(work.now, work.now, work.now)
        close_many(work, kind, sorted(old.of(kind)), closing)
    return old.count


_NOTHING_KNOWN = (
    "updated_at <= :then"
    " AND NOT EXISTS (SELECT 1 FROM attribute AS a WHERE a.name_id = entity.name_id"
    "  AND a.scope_set_id = entity.scope_set_id AND a.system_until IS NULL)"
    " AND NOT EXISTS (SELECT 1 FROM relation AS r"
    "  WHERE entity.name_id IN (r.subject_id, r.object_id)"
    "  AND r.scope_set_id = entity.scope_set_id AND r.system_until IS NULL)"
)


def _lapsed(work: Work, own: ReadableSets, kind: str) -> list[int]:
    """Rows that ended by themselves, as stated, and are still kept as current."""
    sql = f"SELECT id FROM {kind} WHERE valid_until <= :now AND system_until IS NULL"  # noqa: S608  # constant names
    return sorted(_ids(work, own, sql))


def _ids(work: Work, own: ReadableSets, sql: str, **parameters: object) -> set[int]:
    rows = work.connection.execute(
        f"{sql} AND {own.condition}",
        {"now": work.now, "readable": own.parameter, **parameters},
    )
    return {row[0] for row in rows}


def _own_sets(work: Work) -> ReadableSets:
    """The scope sets all of whose clauses lie within the caller's write region."""
    region = work.caller.required_region("memory:write")
    writable = work.readable(verb="memory:write")
    rows = work.connection.execute(
        "SELECT id FROM scope_set WHERE context_id = ?", (work.context_id,)
    ).fetchall()
    return ReadableSets(
        frozenset(
            row[0]
            for row in rows
            if writable.allows(row[0])
            and all(
                region.covers(scope)
                for clause in work.catalog.clauses(work.connection, row[0])
                for scope in clause
            )
        )
    )
