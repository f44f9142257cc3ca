"""Routes of traces, audit, lifecycle and checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar, get_args

from spectron_adapters.local.bodies import read_instant, read_lens, read_number, validate
from spectron_adapters.local.calls import Answer, Call, Handler
from spectron_adapters.local.problems import bad_request
from spectron_adapters.local.tracing import reading, statistics
from spectron_adapters.local.tracing.statistics import HOUR, Window
from spectron_adapters.local.tracing.traces import Trace, store_trace
from spectron_adapters.local.upkeep import checks, lifecycle
from spectron_adapters.local.work import Work
from spectron_adapters.models import AuditKind, FsckRequest, LifecycleResponse
from spectron_adapters.scopes import ScopeSet

__all__ = ["ROUTES"]

_TRACES, _TRACES_MAX = 50, 500
_HOURS, _HOURS_MAX = 24, 24 * 366 * 100

_Result = TypeVar("_Result")


def _read_traces(call: Call, step: Callable[[Work], _Result]) -> _Result:
    reading.flush_traces(call)
    return call.read(step)


def _limit(call: Call) -> int:
    return read_number(call.query, "limit", default=_TRACES, minimum=1, maximum=_TRACES_MAX)


def _list_traces(call: Call) -> Answer:
    limit = _limit(call)
    return Answer.of(200, _read_traces(call, lambda work: reading.list_traces(work, limit=limit)))


def _get_trace(call: Call) -> Answer:
    trace_id = call.parameters["id"]
    return Answer.of(200, _read_traces(call, lambda work: reading.get_trace(work, trace_id)))


def _statistics(call: Call) -> Answer:
    window, lens = _window(call), _scope_of(call.query)
    return Answer.of(
        200,
        _read_traces(call, lambda work: statistics.read_statistics(work, window, lens)),
    )


def _window(call: Call) -> Window:
    """The window of a request: since a time, or some hours back, whichever is shorter."""
    since = read_instant(call.query, "since")
    hours = read_number(
        call.query, "windowHours", "window_hours", default=_HOURS, minimum=1, maximum=_HOURS_MAX
    )
    start = call.now - hours * HOUR
    if since is not None:
        is_bounded = "windowHours" in call.query or "window_hours" in call.query
        start = max(since, start) if is_bounded else since
    return Window(start, call.now)


def _scope_of(query: Mapping[str, str]) -> ScopeSet | None:
    """The scope of statistics: `scope`, or the pairs of `scope[org]=acme` read in order."""
    prefix = "scope["
    pairs = [
        (name.removeprefix(prefix).removesuffix("]"), value)
        for name, value in [*query.items()][::-1]  # the engine reads parameters backwards
        if name.startswith(prefix) and name.endswith("]")
    ]
    if not pairs:
        return read_lens(query)
    parts = [part for pair in pairs for part in pair]
    if any(not part.strip() or "/" in part or "*" in part for part in parts):
        raise bad_request("query parameters scope[…] hold single segments: scope[org]=acme")
    return read_lens({"scope": "/".join(parts)})


def _audit(call: Call) -> Answer:
    kind = call.query.get("kind")
    if kind is not None and kind not in get_args(AuditKind):
        known = ", ".join(get_args(AuditKind))
        raise bad_request(f"query parameter kind: {kind[:40]!r} is none of {known}")
    wanted = reading.AuditFilter(
        limit=_limit(call),
        principal=_principal(call.query),
        kind=kind,
        since=read_instant(call.query, "since"),
        until=read_instant(call.query, "until"),
    )
    return Answer.of(200, _read_traces(call, lambda work: reading.audit(work, wanted)))


def _principal(query: Mapping[str, str]) -> str | None:
    name = next((name for name in ("principal", "key") if name in query), None)
    if name is None:
        return None
    principal = query[name].removeprefix("principal:").strip()
    if not principal:
        raise bad_request(f"query parameter {name} is blank; leave it out for every principal")
    return principal


def _decay(call: Call) -> Answer:
    return _age(call, "decay", lifecycle.decay)


def _expire(call: Call) -> Answer:
    days = call.context.retention_days
    return _age(call, "expire", lambda work: lifecycle.expire(work, retention_days=days))


def _age(call: Call, what: str, step: Callable[[Work], int]) -> Answer:
    """Run a step of the lifecycle, with a trace that says how much it touched."""

    def run(work: Work) -> Answer:
        affected = step(work)
        trace = Trace.decision(work, rows_touched=affected, turns=0)
        store_trace(work, replace(trace, details={"lifecycle": what}))
        return Answer.of(200, LifecycleResponse(affected=affected), trace_id=trace.key)

    call.store_waiting()
    return call.write(run)


def _check(call: Call) -> Answer:
    request = validate(FsckRequest, call.payload)
    return Answer.of(200, call.read(lambda work: checks.run_checks(work, request)))


ROUTES: Mapping[str, Handler] = {
    "GET traces": _list_traces,
    "GET traces/stats": _statistics,
    "GET traces/{id}": _get_trace,
    "GET audit": _audit,
    "POST lifecycle/decay": _decay,
    "POST lifecycle/expire": _expire,
    "POST fsck": _check,
}
