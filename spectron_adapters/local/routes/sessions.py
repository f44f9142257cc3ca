"""Routes of sessions and their transcripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from spectron_adapters.local.bodies import (
    check_instant,
    parse_selector,
    read_lens,
    read_number,
    validate,
)
from spectron_adapters.local.calls import Answer, Call, Handler
from spectron_adapters.local.conversation import sessions
from spectron_adapters.local.conversation.ingestion import read_turn
from spectron_adapters.local.knowledge import facts
from spectron_adapters.local.problems import bad_request
from spectron_adapters.local.recall import context_block
from spectron_adapters.local.routes.table import LARGE
from spectron_adapters.local.work import Work
from spectron_adapters.models import (
    TURNS_PAGE_MAX,
    CreateSessionRequest,
    MessageItem,
    SessionContextRequest,
)

__all__ = ["ROUTES"]

_PAGE = 100
"""Turns of a page, unless the request says otherwise."""


def _create_session(call: Call) -> Answer:
    request = validate(CreateSessionRequest, call.payload)
    scopes = parse_selector(request.scopes, field="scopes")
    return call.write(lambda work: Answer.of(201, sessions.create_session(work, request, scopes)))


def _list_sessions(call: Call) -> Answer:
    lens = read_lens(call.query)
    limit = None
    if "limit" in call.query:
        limit = read_number(call.query, "limit", default=_PAGE, minimum=1, maximum=TURNS_PAGE_MAX)
    offset = read_number(call.query, "offset", default=0, minimum=0, maximum=LARGE)
    return Answer.of(
        200,
        call.read(lambda work: sessions.list_sessions(work, lens, limit=limit, offset=offset)),
    )


def _get_session(call: Call) -> Answer:
    session_id = call.parameters["id"]
    return Answer.of(200, call.read(lambda work: sessions.get_session(work, session_id)))


def _delete_session(call: Call) -> Answer:
    def delete(work: Work) -> Answer:
        sessions.delete_session(work, call.parameters["id"])
        return Answer(204, None)

    return call.write(delete)


def _list_turns(call: Call) -> Answer:
    page, lens = _turn_page(call.query), read_lens(call.query)
    session_id = call.parameters["id"]
    return Answer.of(200, call.read(lambda work: sessions.list_turns(work, session_id, page, lens)))


def _append_turn(call: Call) -> Answer:
    """The older way to remember one message: as `POST facts` with the session pinned."""
    message = validate(MessageItem, call.payload)
    call.refuse_when_blocked()
    known_at = check_instant(message.ts, "ts")
    turn = read_turn(message.role, message.content, call.now if known_at is None else known_at)
    plan = facts.WritePlan(
        session_id=call.parameters["id"],
        scopes=None,
        turns=[turn],
        labels=frozenset(),
        category=None,
    )
    plan = replace(plan, groups=facts.read_statements(call, plan, [(0,)]))

    def store(work: Work) -> Answer:
        stored = facts.store_plan(work, plan)
        return Answer.of(200, stored.extractions[0], trace_id=stored.trace_id)

    return call.write(store)


def _session_context(call: Call) -> Answer:
    payload = call.payload or ({"query": call.query["query"]} if "query" in call.query else {})
    request = validate(SessionContextRequest, payload)
    return context_block.session_context(call, call.parameters["id"], request)


def _turn_page(query: Mapping[str, str]) -> sessions.TurnPage:
    order = query.get("order", "asc").lower()
    if order not in ("asc", "desc"):
        raise bad_request(f"query parameter order: {order[:40]!r} is neither asc nor desc")
    after = read_number(query, "after", default=-1, minimum=0, maximum=LARGE)
    before = read_number(query, "before", default=-1, minimum=0, maximum=LARGE)
    return sessions.TurnPage(
        limit=read_number(query, "limit", default=_PAGE, minimum=1, maximum=TURNS_PAGE_MAX),
        offset=read_number(query, "offset", default=0, minimum=0, maximum=LARGE),
        descending=order == "desc",
        after=after if "after" in query else None,
        before=before if "before" in query else None,
    )


ROUTES: Mapping[str, Handler] = {
    "POST sessions": _create_session,
    "GET sessions": _list_sessions,
    "GET sessions/{id}": _get_session,
    "DELETE sessions/{id}": _delete_session,
    "GET sessions/{id}/turns": _list_turns,
    "POST sessions/{id}/turns": _append_turn,
    "POST sessions/{id}/context": _session_context,
    "GET sessions/{id}/context": _session_context,
}
