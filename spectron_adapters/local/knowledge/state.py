"""Working memory as it stands: live rows by category, standing orders, open questions.

Imports `fact_reading`, `work` and `models`.
"""

from __future__ import annotations

from spectron_adapters.local.calls import body_of
from spectron_adapters.local.extraction.statements import MEMORY_CATEGORIES
from spectron_adapters.local.knowledge.fact_reading import (
    VALID_NOW,
    attributes_where,
    entities_where,
    relations_where,
)
from spectron_adapters.local.scope_catalog import ReadableSets
from spectron_adapters.local.work import Work
from spectron_adapters.models import (
    AttributeDetail,
    EntityDetail,
    RelationDetail,
    StateResponse,
)
from spectron_adapters.scopes import ScopeSet

__all__ = ["live_instructions", "read_state"]

STATE_MAX = 5000
"""Most rows of each kind in a state, the newest; with more, the answer says `truncated`."""

_Row = EntityDetail | AttributeDetail | RelationDetail


def read_state(work: Work, lens: ScopeSet | None) -> StateResponse:
    """The live rows that the caller may read, merged over all visible scope sets.

    Args:
        work: In a read transaction.
        lens: Only what it lets through.
    """
    readable = work.readable(lens)
    now = {"now": work.now}
    kinds: dict[str, list[_Row]] = {
        "entities": [*entities_where(work, readable, VALID_NOW, now, limit=STATE_MAX)],
        "attributes": [
            *attributes_where(
                work,
                readable,
                VALID_NOW,
                now,
                order="n.type, n.name, a.key, a.known_from, a.id",
                limit=STATE_MAX,
            )
        ],
        "relations": [*relations_where(work, readable, VALID_NOW, now, limit=STATE_MAX)],
    }
    sections: dict[str, object] = {
        category: {
            kind: [body_of(row) for row in rows if _category(row) == category]
            for kind, rows in kinds.items()
        }
        for category in MEMORY_CATEGORIES
    }
    truncated = any(len(rows) == STATE_MAX for rows in kinds.values())
    return StateResponse.model_validate(
        {
            **sections,
            "instructions": live_instructions(work, readable),
            "unknowns": _unknowns(work, readable),
            **({"truncated": True} if truncated else {}),
        }
    )


def _category(row: _Row) -> str:
    """Categories outside the three, which only foreign rows have, count as `context`."""
    return row.memory_category if row.memory_category in MEMORY_CATEGORIES else "context"


def live_instructions(work: Work, readable: ReadableSets) -> list[dict[str, object]]:
    """Standing orders that were not revoked, newest first."""
    rows = work.connection.execute(
        "SELECT key_id, label, description FROM instruction WHERE context_id = :context"  # noqa: S608  # constant parts
        " AND known_from <= :now AND (known_until IS NULL OR known_until > :now)"
        f" AND {readable.condition} ORDER BY known_from DESC, id DESC LIMIT :limit",
        _parameters(work, readable),
    )
    return [
        {"id": f"instruction:{key}", "label": label, "description": description}
        for key, label, description in rows
    ]


def _unknowns(work: Work, readable: ReadableSets) -> list[dict[str, object]]:
    """What is open, newest first; the same question of several turns counts once."""
    rows = work.connection.execute(
        "SELECT about, reason FROM uncertainty WHERE context_id = :context"  # noqa: S608  # constant parts
        f" AND resolved_at IS NULL AND known_from <= :now AND {readable.condition}"
        " GROUP BY about, reason ORDER BY max(known_from) DESC, max(id) DESC LIMIT :limit",
        _parameters(work, readable),
    )
    return [{"about": about, "reason": reason, "resolved": False} for about, reason in rows]


def _parameters(work: Work, readable: ReadableSets) -> dict[str, object]:
    return {
        "context": work.context_id,
        "now": work.now,
        "readable": readable.parameter,
        "limit": STATE_MAX,
    }
