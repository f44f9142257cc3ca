"""Traces of what was read and written.

A write's trace is part of its transaction. A read never waits for a writer, so its trace and
the importance that it lends to what it recalled are kept in a bounded buffer, and stored with
the next write, with a full buffer when nobody is writing, before traces are read, and at closing.
A crash may lose the last reads' traces, never a write's. Imports `work` and the standard library.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from spectron_adapters.local.work import Work

__all__ = ["ReadTraces", "Trace", "redact_traces", "store_trace"]

KEPT_TRACES = 10_000
"""Newest traces kept in a database."""

_BUFFERED_MAX = 4096
_FLUSH_FROM = 256
_PRUNE_EVERY = 64
_IMPORTANCE_GAIN = 1.1


@dataclass(frozen=True, slots=True)
class Trace:
    """How one read or write came about; holds ids and counts, no content but the query."""

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

    @classmethod
    def decision(cls, work: Work, *, rows_touched: int, turns: int) -> Trace:
        """The trace of a reconciliation."""
        return cls(
            key=work.new_id(),
            context_id=work.context_id,
            kind="decision",
            principal=work.caller.principal,
            target=work.caller.target,
            created_at=work.now,
            rows_touched=rows_touched,
            details={"turns": turns},
        )


_INSERT = """
INSERT INTO trace (key, context_id, kind, principal, target, lens, query, tier, reason, latency_ms,
  rows_touched, details, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def store_trace(work: Work, trace: Trace) -> None:
    """Store a trace within the request's own transaction."""
    _insert(work.connection, [trace])


def _insert(connection: sqlite3.Connection, traces: Sequence[Trace]) -> None:
    last = 0
    for trace in traces:
        details = (
            {**trace.details, "rows": list(trace.recalled)} if trace.recalled else trace.details
        )
        cursor = connection.execute(
            _INSERT,
            (
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
                json.dumps(details),
                trace.created_at,
            ),
        )
        last = int(cursor.lastrowid or 0)
        if last % _PRUNE_EVERY == 0:
            connection.execute("DELETE FROM trace WHERE id <= ?", (last - KEPT_TRACES,))


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

    def store(self, connection: sqlite3.Connection) -> None:
        """Store what waits, in the transaction given; it must commit."""
        if not self._waiting:
            return
        with self._lock:
            traces = list(self._waiting)
            self._waiting.clear()
        _insert(connection, traces)
        recalled = [(row_id,) for trace in traces for row_id in trace.recalled]
        connection.executemany(
            f"UPDATE search_row SET importance = min(1.0, importance * {_IMPORTANCE_GAIN})"  # noqa: S608  # a constant
            " WHERE id = ? AND importance < 1.0",
            recalled,
        )


def redact_traces(connection: sqlite3.Connection, context_id: int, row_ids: Sequence[int]) -> None:
    """Remove the queries that found rows which are being erased: they may repeat their words."""
    connection.execute(
        "UPDATE trace SET query = '' WHERE context_id = :context AND query <> '' AND EXISTS ("
        " SELECT 1 FROM json_each(details, '$.rows') WHERE value IN"
        "  (SELECT value FROM json_each(:rows)))",
        {"context": context_id, "rows": json.dumps(list(row_ids))},
    )
