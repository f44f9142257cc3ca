"""Counts and latencies over a window, of the traces and rows that the caller may see.

Whoever holds `grant:manage` over `/` is told of the whole context, in numbers only. Imports
`reading`, `work` and `models`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spectron_adapters.local.scope_catalog import ReadableSets
from spectron_adapters.local.tracing.reading import readable_traces
from spectron_adapters.local.work import Work
from spectron_adapters.models import TraceStatsResponse
from spectron_adapters.scopes import Region, ScopeSet

__all__ = ["HOUR", "Window", "read_statistics"]

HOUR = 3600 * 1_000_000
"""Microseconds of an hour."""

_EVERYTHING = Region.parse("/*")


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is counted.

    Attributes:
        since: First instant, microseconds.
        until: Last instant.
    """

    since: int
    until: int

    @property
    def hours(self) -> int:
        """Its length, rounded up; at least 1."""
        return max(1, -((self.since - self.until) // HOUR))


def read_statistics(work: Work, window: Window, lens: ScopeSet | None) -> TraceStatsResponse:
    """The statistics of a window.

    A read counts as one query. Contradictions are conflicts of stored values noted by a write;
    an entity is churned when one of its values was superseded.

    Args:
        work: In a read transaction.
        window: Only what happened in it.
        lens: Only traces and rows that it lets through; a scope outside the region is zeros.
    """
    counted = _count_traces(work, window, lens)
    rows = _Rows(work, _countable(work, lens), window)
    return TraceStatsResponse.model_validate(
        {
            "totalQueries": counted["queries"],
            "avgLatencyMs": counted["latency"],
            "cacheHits": counted["cache_hits"],
            "cacheHitRate": _ratio(counted["cache_hits"], counted["queries"]),
            "responseTracesTotal": counted["responses"],
            "responseTracesCached": counted["responses_cached"],
            "windowHours": window.hours,
            "tierCounts": {
                "direct": counted["direct"],
                "hybrid": counted["hybrid"],
                "fullContext": counted["full_context"],
            },
            "contradiction": {
                "contradictions": rows.contradictions(),
                "reconciliations": counted["decisions"],
                "contradictionRate": _share(rows.contradictions(), counted["decisions"]),
            },
            "retrieval": {
                "traces": counted["queries"],
                "avgCandidateSet": counted["candidates"],
                "maxCandidateSet": counted["most_candidates"],
            },
            "supersession": rows.supersession(),
            "sourceKindDistribution": rows.source_kinds(),
        }
    )


_QUERY = "kind = 'retrieval'"
_CANDIDATES = "coalesce(json_extract(details, '$.retrievedCount'), 0)"
_COUNTS = {
    "queries": f"count(*) FILTER (WHERE {_QUERY})",
    "latency": f"round(avg(latency_ms) FILTER (WHERE {_QUERY}), 3)",
    "cache_hits": f"count(*) FILTER (WHERE {_QUERY} AND (cached OR tier = 'cache'))",
    "responses": "count(*) FILTER (WHERE kind = 'response')",
    "responses_cached": "count(*) FILTER (WHERE kind = 'response' AND cached)",
    "decisions": "count(*) FILTER (WHERE kind = 'decision'"
    " AND coalesce(json_extract(details, '$.forgotten'),"
    " json_extract(details, '$.lifecycle')) IS NULL)",
    "direct": f"count(*) FILTER (WHERE {_QUERY} AND tier = 'direct')",
    "hybrid": f"count(*) FILTER (WHERE {_QUERY} AND tier = 'hybrid')",
    "full_context": f"count(*) FILTER (WHERE {_QUERY} AND tier = 'full_context')",
    "candidates": f"round(avg({_CANDIDATES}) FILTER (WHERE {_QUERY}), 3)",
    "most_candidates": f"max({_CANDIDATES}) FILTER (WHERE {_QUERY})",
}


def _count_traces(work: Work, window: Window, lens: ScopeSet | None) -> Mapping[str, float]:
    readable = readable_traces(work, lens, numbers_only=True)
    row = work.connection.execute(
        f"SELECT {', '.join(_COUNTS.values())} FROM trace WHERE {readable.condition}"  # noqa: S608  # constant parts
        " AND created_at >= :since AND created_at <= :until",
        {**readable.parameters, "since": window.since, "until": window.until},
    ).fetchone()
    return {name: value or 0 for name, value in zip(_COUNTS, row, strict=True)}


def _countable(work: Work, lens: ScopeSet | None) -> ReadableSets:
    if not work.caller.manages_everything:
        return work.readable(lens)
    return work.catalog.readable(
        work.connection, work.context_id, _EVERYTHING, lens, remember=not work.writable
    )


def _ratio(part: float, whole: float) -> float:
    return round(part / whole, 6) if whole else 0.0


def _share(part: float, whole: float) -> float:
    """A ratio of at most 1: conflicts may be noted by decisions that the caller does not see."""
    return min(1.0, _ratio(part, whole))


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of the graph that were written in the window."""

    work: Work
    readable: ReadableSets
    window: Window

    def contradictions(self) -> int:
        """Conflicts that reconciliation noted; they name the entity that they are about."""
        return int(self._row("SELECT count(*) FROM uncertainty WHERE name_id IS NOT NULL AND")[0])

    def supersession(self) -> dict[str, object]:
        """Values that were replaced, and how many entities that touched."""
        events, entities = self._row(
            "SELECT count(*), count(DISTINCT name_id) FROM attribute WHERE supersedes IS NOT NULL"
            " AND"
        )
        return {
            "supersessionEvents": events,
            "entitiesChurned": entities,
            "churnPerEntity": _ratio(events, entities),
        }

    def source_kinds(self) -> list[dict[str, object]]:
        """Where facts came from, the most frequent first."""
        counts: dict[str, int] = {}
        for table in ("attribute", "relation"):
            for kind, count in self._rows(
                f"SELECT source_kind, count(*) FROM {table} WHERE",  # noqa: S608  # constant names
                "GROUP BY source_kind",
            ):
                counts[kind] = counts.get(kind, 0) + count
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return [{"kind": kind, "count": count} for kind, count in ordered]

    def _row(self, selection: str) -> tuple[int, ...]:
        return self._rows(selection)[0]

    def _rows(self, selection: str, ending: str = "") -> list[tuple[Any, ...]]:
        return self.work.connection.execute(
            f"{selection} context_id = :context AND system_from >= :since"
            f" AND system_from <= :until AND {self.readable.condition} {ending}",
            {
                "context": self.work.context_id,
                "since": self.window.since,
                "until": self.window.until,
                "readable": self.readable.parameter,
            },
        ).fetchall()
