"""Looking for what should not be there: duplicates, contradictions, injected orders, lost rows.

Reports only; whatever is found stays. Everything lies within the caller's read region, each pair
on both sides; rows without a scope, which nobody may read, are counted for those alone who manage
the whole tree. The work is bounded: the newest rows are looked at. Imports `work`, `similarity`,
`injection`, `hits` and `models`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from spectron_adapters.local.knowledge.fact_reading import VALID_NOW
from spectron_adapters.local.knowledge.fact_rows import entity_id
from spectron_adapters.local.recall.hits import hits_of
from spectron_adapters.local.search.retrieval import Scored
from spectron_adapters.local.upkeep.injection import find_injection
from spectron_adapters.local.upkeep.similarity import similar_pairs
from spectron_adapters.local.work import Work
from spectron_adapters.models import FsckReport, FsckRequest

__all__ = ["run_checks"]

NAMES_MAX = 10_000
"""Most entities that are compared with each other, the newest."""
ROWS_MAX = 100_000
"""Most rows that are read for injected orders, the newest."""
FINDINGS_MAX = 1000
"""Most findings of one check."""

_LOOSE_TYPES = frozenset({"other", "unknown"})
_SAMPLES = 5

_Finding = dict[str, object]


def run_checks(work: Work, request: FsckRequest) -> FsckReport:
    """Run one check, or all.

    Args:
        work: In a read transaction.
        request: Which check; `max_results` counts for each, and is 1000 at the most.

    Returns:
        The findings. `total` counts them before they are cut to `max_results`; of injected
        orders, no more than 1000 rows and 1000 standing orders.

    Source: `POST /fsck`.
    """
    found = {
        name: check(work, request) if request.check in (None, name) else []
        for name, check in _CHECKS.items()
    }
    unscoped = None
    if request.check is None and work.caller.manages_everything:
        unscoped = _unscoped(work)
    most = min(request.max_results, FINDINGS_MAX)
    return FsckReport.model_validate(
        {
            **{name: findings[:most] for name, findings in found.items()},
            "total": sum(map(len, found.values())) + len(unscoped or ()),
            **({} if unscoped is None else {"unscopedContent": unscoped}),
        }
    )


# --- duplicates ---------------------------------------------------------------------------------


def _duplicates(work: Work, request: FsckRequest) -> list[_Finding]:
    """Live entities of one type, or of a loose one, whose names are alike; the likest first."""
    readable = work.readable()
    rows = work.connection.execute(
        "SELECT DISTINCT n.type, n.name FROM (SELECT name_id, id FROM entity"  # noqa: S608  # constant parts
        f" WHERE context_id = :context AND {VALID_NOW} AND {readable.condition}"
        " ORDER BY id DESC LIMIT :most) AS e JOIN entity_name AS n ON n.id = e.name_id"
        " ORDER BY n.type, n.name",
        {**_parameters(work, readable.parameter), "most": NAMES_MAX},
    ).fetchall()
    findings: list[tuple[float, str, str]] = []
    for first, second, alike in similar_pairs(
        [name for _, name in rows], request.duplicate_threshold
    ):
        types = {rows[first][0], rows[second][0]}
        if len(types) == 1 or types & _LOOSE_TYPES:
            findings.append((alike, entity_id(*rows[first]), entity_id(*rows[second])))
    findings.sort(key=lambda finding: (-finding[0], finding[1:]))
    return [
        {"entityA": first, "entityB": second, "similarity": round(alike, 4)}
        for alike, first, second in findings
    ]


# --- contradictions -----------------------------------------------------------------------------


def _contradictions(work: Work, _: FsckRequest) -> list[_Finding]:
    """Keys with several live values in one scope set; those of `context` may have several."""
    readable = work.readable()
    rows = work.connection.execute(
        "SELECT n.type, n.name, a.key, a.value FROM attribute AS a"  # noqa: S608  # constant parts
        " JOIN entity_name AS n ON n.id = a.name_id JOIN (SELECT name_id, key, scope_set_id"
        f"  FROM attribute WHERE context_id = :context AND {VALID_NOW} AND {readable.condition}"
        "  AND category <> 'context' GROUP BY name_id, key, scope_set_id"
        "  HAVING count(DISTINCT value) > 1 LIMIT :most) AS chain"
        " ON chain.name_id = a.name_id AND chain.key = a.key"
        "  AND chain.scope_set_id = a.scope_set_id"
        " WHERE a.valid_from <= :now AND (a.valid_until IS NULL OR a.valid_until > :now)"
        "  AND a.category <> 'context'"
        " ORDER BY n.type, n.name, a.key, a.known_from, a.id",
        {**_parameters(work, readable.parameter), "most": ROWS_MAX},
    )
    values: dict[tuple[str, str], dict[str, None]] = {}
    for entity_type, name, key, value in rows:
        values.setdefault((entity_id(entity_type, name), key), {})[value] = None
    return [
        {"entity": entity, "key": key, "values": list(found)}
        for (entity, key), found in values.items()
    ]


# --- injected orders ----------------------------------------------------------------------------


def _injection(work: Work, _: FsckRequest) -> list[_Finding]:
    """Live rows whose text tries to give orders to a model, newest first."""
    readable = work.readable()
    parameters = {**_parameters(work, readable.parameter), "most": ROWS_MAX}
    rows = work.connection.execute(
        "SELECT id, kind, target_id, text, known_from FROM search_row"  # noqa: S608  # constant parts
        " WHERE context_id = :context AND (known_until IS NULL OR known_until > :now)"
        f" AND {readable.condition} ORDER BY id DESC LIMIT :most",
        parameters,
    )
    found = [(row, injected) for row in rows if (injected := find_injection(row[3]))]
    findings = [
        _injected(hit.id, row[1], injected)
        for row, injected in found[:FINDINGS_MAX]
        for hit in hits_of(work, [Scored(row[0], row[1], row[2], 0.0, row[3], row[4])])
    ]
    orders = work.connection.execute(
        "SELECT key_id, description FROM instruction WHERE context_id = :context"  # noqa: S608  # constant parts
        f" AND (known_until IS NULL OR known_until > :now) AND {readable.condition}"
        " ORDER BY id DESC LIMIT :most",
        parameters,
    )
    return (
        findings
        + [
            _injected(f"instruction:{key}", "instruction", injected)
            for key, description in orders
            if (injected := find_injection(description))
        ][:FINDINGS_MAX]
    )


def _injected(row_id: str, kind: str, injected: tuple[str, str]) -> _Finding:
    pattern, snippet = injected
    return {"rowId": row_id, "kind": kind, "pattern": pattern, "snippet": snippet}


# --- rows of nobody -----------------------------------------------------------------------------

_TABLES = {
    "entity": "e.id",
    "attribute": "e.key_id",
    "relation": "e.key_id",
    "instruction": "e.key_id",
    "uncertainty": "e.id",
    "turn": "e.key",
    "session": "e.name",
    "document": "e.key",
}


def _unscoped(work: Work) -> list[_Finding]:
    """Rows whose scope set has no clause, by table, with a few ids and no content."""
    findings: list[_Finding] = []
    for table, key in _TABLES.items():
        rows = work.connection.execute(
            f"SELECT {key} FROM {table} AS e LEFT JOIN scope_set AS s ON s.id = e.scope_set_id"  # noqa: S608  # constant names
            " WHERE e.context_id = ? AND (s.id IS NULL OR s.canonical IN ('[]', '[[]]'))",
            (work.context_id,),
        ).fetchall()
        if rows:
            samples = [f"{table}:{row[0]}" for row in rows[:_SAMPLES]]
            findings.append({"table": table, "count": len(rows), "sampleIds": samples})
    return findings


def _parameters(work: Work, readable: str) -> dict[str, object]:
    return {"context": work.context_id, "now": work.now, "readable": readable}


_CHECKS: Mapping[str, Callable[[Work, FsckRequest], Sequence[_Finding]]] = {
    "duplicates": _duplicates,
    "contradictions": _contradictions,
    "injection": _injection,
}
