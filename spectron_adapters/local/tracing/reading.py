"""Reading traces: which of them a caller may see, one by one, as a list, and as an audit.

A trace repeats what somebody asked, so it is shown to nobody but

* the principal who made it, or for whom it was made; a delegated caller sees what the same two
  did together;
* whoever holds `grant:manage` over all that it touched.

Either way all that it touched must lie within the caller's read region. An audit holds no
content: with `grant:manage` over `/` it shows the whole context. Imports `work`, `traces`,
`calls` and `models`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spectron_adapters.local.calls import Call
from spectron_adapters.local.instants import to_text
from spectron_adapters.local.problems import not_found
from spectron_adapters.local.work import Work
from spectron_adapters.models import AuditResponse, AuditRow, TraceListResponse, TraceRecord
from spectron_adapters.scopes import Clause, Region, Scope, ScopeSet, passes_lens

__all__ = [
    "AuditFilter",
    "ReadableTraces",
    "audit",
    "flush_traces",
    "get_trace",
    "list_traces",
    "readable_traces",
]

_EVERYTHING = Region.parse("/*")
_Row = Sequence[object]


def flush_traces(call: Call) -> None:
    """Store the traces of reads that still wait, so that they can be read."""
    if call.parts.read_traces.are_waiting:
        with call.parts.database.write() as connection:
            call.parts.read_traces.store(connection)


# --- who may see what ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReadableTraces:
    """SQL over the table `trace` for what a caller may see, with its parameters."""

    condition: str
    parameters: Mapping[str, object]


def readable_traces(
    work: Work, lens: ScopeSet | None = None, *, numbers_only: bool = False
) -> ReadableTraces:
    """The traces that the caller may see.

    Args:
        work: In a transaction.
        lens: Only traces of reads and writes that concern it.
        numbers_only: Nothing of their content is shown, so that who manages everything sees
            all of them.
    """
    everything = work.caller.manages_everything and (
        numbers_only or work.caller.region("memory:read").contains(_EVERYTHING)
    )
    if everything and lens is None:
        return ReadableTraces("context_id = :context", {"context": work.context_id})
    touched = [pair for pair in _touched(work) if lens is None or _concerns(*pair, lens)]
    managed = touched if everything else [pair for pair in touched if _manages(work, pair[0])]
    mine = [pair for pair in touched if _reads(work, pair[0])]
    return ReadableTraces(
        "context_id = :context AND ((coalesce(region, ''), coalesce(lens, '')) IN"
        f" ({_PAIRS.format(':managed')}) OR ({_made_by(work)}"
        f" AND (coalesce(region, ''), coalesce(lens, '')) IN ({_PAIRS.format(':mine')})))",
        {
            "context": work.context_id,
            "principal": work.caller.principal,
            "target": work.caller.target,
            "managed": json.dumps(managed),
            "mine": json.dumps(mine),
        },
    )


_PAIRS = "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each({})"


def _made_by(work: Work) -> str:
    if work.caller.target is None:
        return "(principal = :principal OR target = :principal)"
    return "(principal = :principal AND target = :target)"


def _touched(work: Work) -> list[tuple[str, str]]:
    """What the context's traces touched, each region and lens once."""
    return work.connection.execute(
        "SELECT DISTINCT coalesce(region, ''), coalesce(lens, '') FROM trace WHERE context_id = ?",
        (work.context_id,),
    ).fetchall()


def _reads(work: Work, region: str) -> bool:
    return bool(region) and work.caller.region("memory:read").contains(_region(region))


def _manages(work: Work, region: str) -> bool:
    if region in ("", "[]"):  # unknown, or nothing: neither lies within any part of the tree
        return False
    manageable = work.caller.region("grant:manage")
    return manageable.contains(_region(region)) and _reads(work, region)


def _region(text: str) -> Region:
    return Region.parse(json.loads(text))


def _concerns(region: str, lens: str, wanted: ScopeSet) -> bool:
    """Whether a trace's own lens, or else what it could touch, involves the lens of a request."""
    if lens:
        clauses = ScopeSet.parse(json.loads(lens)).clauses
    else:
        nodes = json.loads(region) if region else ["/*"]
        clauses = tuple[Clause, ...]((Scope(node),) for node in nodes)
    return passes_lens(clauses, _EVERYTHING, wanted)


# --- traces -------------------------------------------------------------------------------------

_COLUMNS = (
    "key, kind, query, tier, reason, latency_ms, cached, created_at, principal, target, model,"
    " cost, rows_touched, parent, reused_from"
)
_PARENT, _REUSED = 13, 14


def list_traces(work: Work, *, limit: int) -> TraceListResponse:
    """The newest traces in the caller's region, newest first."""
    rows = _select(work, readable_traces(work), "1", {}, limit=limit)
    return TraceListResponse(traces=[_record(row) for row in rows])


def get_trace(work: Work, trace_id: str) -> TraceRecord:
    """One trace, with the reply that it served, or the retrievals that served it.

    Raises:
        Problem: 404, it does not exist or is not visible.
    """
    readable = readable_traces(work)
    key = trace_id.rpartition(":")[2]
    found = _select(work, readable, "key = :key", {"key": key}, limit=1)
    if not found:
        raise not_found(f"there is no trace {trace_id[:200]!r} that this caller may read")
    row = found[0]
    parents = _select(work, readable, "key = :key", {"key": row[_PARENT]}, limit=1)
    reused = _select(work, readable, "key = :key", {"key": row[_REUSED]}, limit=1)
    served = _select(work, readable, "parent = :key", {"key": key}, limit=-1)
    further: dict[str, object] = {}
    if parents:
        further["parent"] = _wire(parents[0])
    if reused:
        further["reusedFrom"] = row[_REUSED]
    if served or row[1] == "response":
        further["retrievals"] = [_wire(each) for each in reversed(served)]
    return TraceRecord.model_validate({**_wire(row), **further})


def _select(
    work: Work,
    readable: ReadableTraces,
    condition: str,
    parameters: Mapping[str, object],
    *,
    limit: int,
) -> list[tuple[object, ...]]:
    return work.connection.execute(
        f"SELECT {_COLUMNS} FROM trace WHERE {readable.condition} AND {condition}"  # noqa: S608  # constant parts
        " ORDER BY created_at DESC, id DESC LIMIT :limit",
        {**readable.parameters, **parameters, "limit": limit},
    ).fetchall()


def _record(row: _Row) -> TraceRecord:
    return TraceRecord.model_validate(_wire(row))


def _wire(row: _Row) -> dict[str, object]:
    key, kind, query, tier, reason, latency, cached, created_at, *rest = row
    principal, target, model, cost, touched = rest[:5]
    shown = {
        "id": key,
        "kind": kind,
        "queryText": query,
        "resolutionTier": tier,
        "tierReason": reason,
        "latencyMs": latency,
        "cached": bool(cached),
        "createdAt": to_text(int(str(created_at))),
        "principal": _principal(principal),
        "onBehalfOf": _principal(target),
        "model": model,
        "cost": cost,
        "rowsTouched": touched,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _principal(name: object) -> str | None:
    return None if name is None else f"principal:{name}"


# --- audit --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows of an audit are wanted.

    Attributes:
        limit: Most rows.
        principal: Made by it, or on its behalf; an id without the table's prefix.
        kind: `decision`, `retrieval` or `response`.
        since: From this instant on, microseconds.
        until: Before this instant.
    """

    limit: int
    principal: str | None = None
    kind: str | None = None
    since: int | None = None
    until: int | None = None


def audit(work: Work, wanted: AuditFilter) -> AuditResponse:
    """Who did what and when, newest first; nothing of what was said."""
    rows = _select(
        work,
        readable_traces(work, numbers_only=True),
        "(:by IS NULL OR principal = :by OR target = :by) AND (:kind IS NULL OR kind = :kind)"
        " AND (:since IS NULL OR created_at >= :since)"
        " AND (:until IS NULL OR created_at < :until)",
        {
            "by": wanted.principal,
            "kind": wanted.kind,
            "since": wanted.since,
            "until": wanted.until,
        },
        limit=wanted.limit,
    )
    return AuditResponse(rows=[_audit_row(_wire(row)) for row in rows])


def _audit_row(shown: Mapping[str, object]) -> AuditRow:
    kept = {name: shown[name] for name in _AUDITED if name in shown}
    return AuditRow.model_validate({**kept, "traceId": shown["id"]})


_AUDITED = (
    "kind",
    "createdAt",
    "principal",
    "onBehalfOf",
    "model",
    "cost",
    "latencyMs",
    "rowsTouched",
)
