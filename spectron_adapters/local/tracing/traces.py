"""Traces of what was read and written.

A write's trace is part of its transaction. A read never waits for a writer, so its trace and
the importance that it lends to what it recalled are kept in a bounded buffer, and stored with
the next write, with a full buffer when nobody is writing, before traces are read, and at closing.
A crash may lose the last reads' traces, never a write's. Imports `work`, `callers` and
`scopes`.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from spectron_adapters.local.access.callers import Caller
from spectron_adapters.local.work import Work
from spectron_adapters.scopes import GrantPattern, Region, Scope, ScopeSet

__all__ = [
    "ReadTraces",
    "Trace",
    "empty_traces",
    "located",
    "redact_scope",
    "redact_traces",
    "region_text",
    "store_trace",
]

KEPT_TRACES = 10_000
"""Newest traces kept of what one principal did, for one target, in one region.

Whoever may read one of these may read all of them: nobody's traces push out another's.
"""

_BUFFERED_MAX = 4096
_FLUSH_FROM = 256
_PRUNE_EVERY = 64
_IMPORTANCE_GAIN = 1.1


@dataclass(frozen=True, slots=True)
class Trace:
    """How one read, write or reply came about; holds ids and counts, no content but the query.

    Attributes:
        key: Its id.
        context_id: The context.
        kind: `retrieval`, `decision` or `response`.
        principal: Who asked.
        target: On whose behalf.
        created_at: Microseconds.
        query: The question or message, word for word; erased with what it found or cites.
        lens: Canonical text of the lens.
        tier: How it was resolved.
        reason: Why so.
        latency_ms: Milliseconds.
        rows_touched: Rows read or written.
        details: Counts and the like, as JSON; no content.
        recalled: Search rows that a read returned; they gain importance.
        region: What it touched, as `region_text` writes it; None is filled in by `located`.
        parent: Key of the response trace that this retrieval served.
        model: Language model that answered.
        cost: What the model charged, in the unit that it reports.
        cached: Whether an earlier answer was used again.
        reused_from: Key of the trace whose answer was used again.
        sources: Search rows that a reply cites; they do not gain importance.
    """

    key: str
    context_id: int
    kind: str
    principal: str
    target: str | None
    created_at: int
    query: str = ""
    lens: str | None = None
    tier: str = ""
    reason: str = ""
    latency_ms: int = 0
    rows_touched: int = 0
    details: Mapping[str, object] = field(default_factory=dict)
    recalled: Sequence[int] = ()
    region: str | None = None
    parent: str | None = None
    model: str | None = None
    cost: float = 0.0
    cached: bool = False
    reused_from: str | None = None
    sources: Sequence[int] = ()

    @classmethod
    def decision(
        cls, work: Work, *, rows_touched: int, turns: int, scopes: ScopeSet | None = None
    ) -> Trace:
        """The trace of a reconciliation.

        Args:
            work: In the write transaction.
            rows_touched: Rows made or closed.
            turns: Turns that it read.
            scopes: Where it wrote; None counts as anywhere in the caller's write region.
        """
        return cls(
            key=work.new_id(),
            context_id=work.context_id,
            kind="decision",
            principal=work.caller.principal,
            target=work.caller.target,
            created_at=work.now,
            rows_touched=rows_touched,
            details={"turns": turns},
            region=None if scopes is None else region_text(scopes.scopes),
        )


def region_text(nodes: Iterable[Scope | GrantPattern]) -> str:
    """Patterns as a trace stores them: a sorted JSON list."""
    return json.dumps(sorted({str(node) for node in nodes}), ensure_ascii=False)


def located(trace: Trace, caller: Caller) -> Trace:
    """A trace that says what it touched: all that its caller could read, or write."""
    if trace.region is not None:
        return trace
    region = caller.region("memory:write" if trace.kind == "decision" else "memory:read")
    return replace(trace, region=region_text(region.patterns))


_COLUMNS = (
    "key, context_id, kind, principal, target, lens, query, tier, reason, latency_ms,"
    " rows_touched, details, created_at, region, parent, model, cost, cached, reused_from"
)
_SAME_MAKER = "context_id = ? AND principal = ? AND target IS ? AND region IS ?"
_INSERT = (
    f"INSERT INTO trace ({_COLUMNS}, number) VALUES ({', '.join('?' * 19)},"  # noqa: S608  # constants
    f" (SELECT coalesce(max(number), 0) + 1 FROM trace WHERE {_SAME_MAKER})) RETURNING number"
)


def store_trace(work: Work, trace: Trace) -> None:
    """Store a trace within the request's own transaction."""
    _insert(work.connection, [located(trace, work.caller)])


def _insert(connection: sqlite3.Connection, traces: Sequence[Trace]) -> None:
    for trace in traces:
        maker = (trace.context_id, trace.principal, trace.target, trace.region)
        ((number,),) = connection.execute(_INSERT, (*_values(trace), *maker)).fetchall()
        if number % _PRUNE_EVERY == 0:
            connection.execute(
                f"DELETE FROM trace WHERE {_SAME_MAKER} AND number <= ?",  # noqa: S608  # constants
                (*maker, number - KEPT_TRACES),
            )


def _values(trace: Trace) -> tuple[object, ...]:
    rows = {"rows": trace.recalled, "sources": trace.sources}
    found = {name: list(row_ids) for name, row_ids in rows.items() if row_ids}
    return (
        trace.key,
        trace.context_id,
        trace.kind,
        trace.principal,
        trace.target,
        trace.lens,
        trace.query,
        trace.tier,
        trace.reason,
        trace.latency_ms,
        trace.rows_touched,
        json.dumps({**trace.details, **found}),
        trace.created_at,
        trace.region,
        trace.parent,
        trace.model,
        trace.cost,
        trace.cached,
        trace.reused_from,
    )


class ReadTraces:
    """The traces of reads that wait to be stored; threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Trace] = deque(maxlen=_BUFFERED_MAX)

    def add(self, trace: Trace) -> bool:
        """Keep a trace for later.

        Returns:
            Whether so many wait that storing them is due.
        """
        with self._lock:
            self._waiting.append(trace)
            return len(self._waiting) >= _FLUSH_FROM

    @property
    def are_waiting(self) -> bool:
        """Whether anything waits to be stored."""
        return bool(self._waiting)

    def store(self, connection: sqlite3.Connection) -> None:
        """Store what waits, in the transaction given; it must commit."""
        if not self._waiting:
            return
        with self._lock:
            traces = list(self._waiting)
            self._waiting.clear()
        contexts = {row[0] for row in connection.execute("SELECT id FROM context")}
        traces = [trace for trace in traces if trace.context_id in contexts]  # else deleted since
        _insert(connection, traces)
        recalled = [(row_id,) for trace in traces for row_id in trace.recalled]
        connection.executemany(
            f"UPDATE search_row SET importance = min(1.0, importance * {_IMPORTANCE_GAIN})"  # noqa: S608  # a constant
            " WHERE id = ? AND importance < 1.0",
            recalled,
        )


def redact_traces(connection: sqlite3.Connection, context_id: int, row_ids: Sequence[int]) -> None:
    """Empty the traces that found or cite rows which are being erased.

    Their queries may repeat the rows' words, and the rows' numbers will mean other rows.
    """
    found = connection.execute(
        "SELECT id FROM trace WHERE context_id = :context AND EXISTS ("
        " SELECT 1 FROM json_each(details, '$.rows') WHERE value IN"
        "  (SELECT value FROM json_each(:rows))"
        " UNION ALL SELECT 1 FROM json_each(details, '$.sources') WHERE value IN"
        "  (SELECT value FROM json_each(:rows)))",
        {"context": context_id, "rows": json.dumps(list(row_ids))},
    ).fetchall()
    empty_traces(connection, [row[0] for row in found])


def redact_scope(work: Work, scope: Scope) -> None:
    """Empty the traces of those who could touch nothing but a subtree that is being erased."""
    erased = GrantPattern("/".join((*scope.segments, "*")) if scope.segments else "/*")
    rows = work.connection.execute(
        "SELECT id, region FROM trace WHERE context_id = ? AND query <> '' AND region IS NOT NULL",
        (work.context_id,),
    ).fetchall()
    within: dict[str, bool] = {}
    for _, region in rows:
        if region not in within:
            patterns = Region.parse(json.loads(region)).patterns
            within[region] = any(erased.covers(pattern) for pattern in patterns)
    empty_traces(work.connection, [row_id for row_id, region in rows if within[region]])


def empty_traces(connection: sqlite3.Connection, trace_ids: Sequence[int]) -> None:
    """Leave of some traces what holds no words: who, when, how, and how much."""
    connection.execute(
        "UPDATE trace SET query = '', reason = '',"
        " details = json_remove(details, '$.rows', '$.sources', '$.source')"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(trace_ids)),),
    )
