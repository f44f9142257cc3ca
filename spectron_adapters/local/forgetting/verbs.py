"""The verbs that forget: what is asked for, in which transaction, and what is cleaned up after.

Imports `calls`, `matching`, `erasing`, `scope_nodes`, `traces` and `models`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spectron_adapters.local.calls import Answer, Call
from spectron_adapters.local.forgetting.erasing import close_matches, erase, erase_scope
from spectron_adapters.local.forgetting.matching import Forgotten, find_matches, redact_questions
from spectron_adapters.local.problems import forbidden
from spectron_adapters.local.scope_nodes import parse_node
from spectron_adapters.local.tracing.traces import Trace, region_text, store_trace
from spectron_adapters.local.work import Work
from spectron_adapters.models import (
    ForgetRequest,
    ForgetResponse,
    ForgetScopeRequest,
    ForgetScopeResponse,
)
from spectron_adapters.scopes import GrantPattern, ScopeSet

__all__ = ["forget", "forget_scope"]


def forget(call: Call, request: ForgetRequest, lens: ScopeSet | None) -> Answer:
    """Forget what a query means, within a lens if there is one. Source: POST /forget."""

    def find(work: Work) -> Forgotten:
        return find_matches(work, request.query, purge=request.purge, lens=lens)

    if request.dry_run:
        return Answer.of(200, ForgetResponse(deleted=call.read(find).count))

    def step(work: Work) -> Answer:
        found = find(work)
        count = found.count
        if request.purge:
            call.parts.read_traces.store(work.connection)
            redact_questions(work, request.query)
            erase(work, found, lens)
            call.parts.database.mark_erasure(work.connection)
        else:
            close_matches(work, found, lens)
        return _receipt(
            work,
            "purge" if request.purge else "forget",
            count,
            ForgetResponse(deleted=count),
            region=call.caller.region("memory:forget").patterns,
        )

    answer = call.write(step)
    if request.purge:
        call.parts.database.erase_removed()
    return answer


def forget_scope(call: Call, request: ForgetScopeRequest) -> Answer:
    """Erase everything in a scope's subtree. Source: POST /scopes/forget."""
    scope = parse_node(request.path)
    subtree = GrantPattern("/".join((*scope.segments, "*")) if scope.segments else "/*")
    if not call.caller.region("memory:forget").covers(subtree):
        raise forbidden(
            f"this needs memory:forget over the whole subtree {subtree}; ask for a grant"
        )

    def step(work: Work) -> Answer:
        call.parts.read_traces.store(work.connection)
        count = erase_scope(work, scope)
        call.parts.database.mark_erasure(work.connection)
        response = ForgetScopeResponse(forgotten=count)
        return _receipt(work, "scope", count, response, region=[subtree])

    answer = call.write(step)
    call.parts.database.erase_removed()
    return answer


def _receipt(
    work: Work,
    what: str,
    count: int,
    response: ForgetResponse | ForgetScopeResponse,
    *,
    region: Sequence[GrantPattern],
) -> Answer:
    """The answer, with a trace that says how much was forgotten and by whom, and not what."""
    trace = replace(
        Trace.decision(work, rows_touched=count, turns=0),
        details={"forgotten": what},
        region=region_text(region),
    )
    store_trace(work, trace)
    return Answer.of(200, response, trace_id=trace.key)
