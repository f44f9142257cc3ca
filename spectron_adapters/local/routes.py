"""Every route of the contract: which are answered, and by what.

Paths are matched segment by segment while still encoded, then decoded, so that a name may hold a
slash. Imports the verbs, `bodies` and `models`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

from spectron_adapters.local import (
    context_block,
    entities,
    facts,
    recall,
    removal,
    scope_nodes,
    sessions,
)
from spectron_adapters.local.bodies import (
    lens_of,
    parse_selector,
    read_lens,
    read_number,
    validate,
)
from spectron_adapters.local.calls import Answer, Call, body_of
from spectron_adapters.local.moments import read_moment
from spectron_adapters.local.problems import bad_request, not_found, not_implemented
from spectron_adapters.local.work import Work
from spectron_adapters.models import (
    TURNS_PAGE_MAX,
    ContextQueryRequest,
    CreateSessionRequest,
    ForgetRequest,
    ForgetScopeRequest,
    RecallRequest,
    RegisterScopeRequest,
    RememberManyRequest,
    RememberRequest,
    SessionContextRequest,
)

__all__ = ["Match", "match_route"]

Handler: TypeAlias = Callable[[Call], Answer]

_LARGE = 10**18 - 1


# --- memory -------------------------------------------------------------------------------------


def _remember(call: Call) -> Answer:
    return facts.remember(call, validate(RememberRequest, call.payload))


def _remember_many(call: Call) -> Answer:
    if call.payload.get("infer") == "triples":
        raise bad_request("a batch takes no triples; send them with POST /facts")
    return facts.remember_many(call, validate(RememberManyRequest, call.payload))


def _query(call: Call) -> Answer:
    return recall.query(call, validate(RecallRequest, call.payload))


def _query_context(call: Call) -> Answer:
    return context_block.query_context(call, validate(ContextQueryRequest, call.payload))


def _forget(call: Call) -> Answer:
    return removal.forget(call, validate(ForgetRequest, call.payload), lens_of(call.payload))


def _whoami(call: Call) -> Answer:
    return Answer.of(200, call.caller.shown)


# --- entities -----------------------------------------------------------------------------------


def _list_entities(call: Call) -> Answer:
    unlimited = -1
    limit = read_number(
        call.query, "limit", default=TURNS_PAGE_MAX, minimum=1, maximum=TURNS_PAGE_MAX
    )
    offset = read_number(call.query, "offset", default=0, minimum=0, maximum=_LARGE)
    lens = read_lens(call.query)
    return Answer.of(
        200,
        call.read(
            lambda work: entities.list_entities(
                work,
                lens,
                entity_type=call.query.get("type"),
                limit=limit if "limit" in call.query else unlimited,
                offset=offset,
            )
        ),
    )


def _get_entity(call: Call) -> Answer:
    moment, lens = read_moment(call.query, now=call.now), read_lens(call.query)
    named = call.parameters
    return Answer.of(
        200,
        call.read(
            lambda work: entities.get_entity(work, named["type"], named["name"], moment, lens=lens)
        ),
    )


def _entity_history(call: Call) -> Answer:
    moment, lens = read_moment(call.query, now=call.now), read_lens(call.query)
    named = call.parameters
    return Answer.of(
        200,
        call.read(
            lambda work: entities.read_history(
                work, named["type"], named["name"], named["key"], moment, lens=lens
            )
        ),
    )


def _delete_entity(call: Call) -> Answer:
    lens = read_lens(call.query)

    def delete(work: Work) -> Answer:
        entities.delete_entity(work, call.parameters["type"], call.parameters["name"], lens=lens)
        return Answer(204, None)

    return call.write(delete)


# --- sessions -----------------------------------------------------------------------------------


def _create_session(call: Call) -> Answer:
    request = validate(CreateSessionRequest, call.payload)
    scopes = parse_selector(request.scopes, field="scopes")
    return call.write(lambda work: Answer.of(201, sessions.create_session(work, request, scopes)))


def _list_sessions(call: Call) -> Answer:
    lens = read_lens(call.query)
    return Answer.of(200, call.read(lambda work: sessions.list_sessions(work, lens)))


def _get_session(call: Call) -> Answer:
    session_id = call.parameters["id"]
    return Answer.of(200, call.read(lambda work: sessions.get_session(work, session_id)))


def _delete_session(call: Call) -> Answer:
    def delete(work: Work) -> Answer:
        sessions.delete_session(work, call.parameters["id"])
        return Answer(204, None)

    return call.write(delete)


def _list_turns(call: Call) -> Answer:
    page = _turn_page(call.query)
    session_id = call.parameters["id"]
    return Answer.of(200, call.read(lambda work: sessions.list_turns(work, session_id, page)))


def _session_context(call: Call) -> Answer:
    payload = call.payload or ({"query": call.query["query"]} if "query" in call.query else {})
    request = validate(SessionContextRequest, payload)
    return context_block.session_context(call, call.parameters["id"], request)


def _turn_page(query: Mapping[str, str]) -> sessions.TurnPage:
    order = query.get("order", "asc").lower()
    if order not in ("asc", "desc"):
        raise bad_request(f"query parameter order: {order[:40]!r} is neither asc nor desc")
    after = read_number(query, "after", default=-1, minimum=0, maximum=_LARGE)
    before = read_number(query, "before", default=-1, minimum=0, maximum=_LARGE)
    return sessions.TurnPage(
        limit=read_number(query, "limit", default=100, minimum=1, maximum=TURNS_PAGE_MAX),
        offset=read_number(query, "offset", default=0, minimum=0, maximum=_LARGE),
        descending=order == "desc",
        after=after if "after" in query else None,
        before=before if "before" in query else None,
    )


# --- scopes -------------------------------------------------------------------------------------


def _register_scope(call: Call) -> Answer:
    request = validate(RegisterScopeRequest, call.payload)
    return call.write(lambda work: Answer.of(201, scope_nodes.register_node(work, request)))


def _list_scopes(call: Call) -> Answer:
    return Answer(200, [body_of(node) for node in call.read(scope_nodes.list_nodes)])


def _delete_scope(call: Call) -> Answer:
    if "path" not in call.query:
        raise bad_request("query parameter path is missing; it names the scope to delete")

    def delete(work: Work) -> Answer:
        scope_nodes.delete_node(work, call.query["path"])
        return Answer(204, None)

    return call.write(delete)


def _forget_scope(call: Call) -> Answer:
    return removal.forget_scope(call, validate(ForgetScopeRequest, call.payload))


# --- the table ----------------------------------------------------------------------------------

_ANSWERED: Mapping[str, Handler] = {
    "POST facts": _remember,
    "POST facts/batch": _remember_many,
    "POST query": _query,
    "POST context": _query_context,
    "POST forget": _forget,
    "GET me": _whoami,
    "GET entities": _list_entities,
    "GET entities/{type}/{name}": _get_entity,
    "DELETE entities/{type}/{name}": _delete_entity,
    "GET entities/{type}/{name}/history/{key}": _entity_history,
    "POST sessions": _create_session,
    "GET sessions": _list_sessions,
    "GET sessions/{id}": _get_session,
    "DELETE sessions/{id}": _delete_session,
    "GET sessions/{id}/turns": _list_turns,
    "POST sessions/{id}/context": _session_context,
    "GET sessions/{id}/context": _session_context,
    "POST scopes": _register_scope,
    "GET scopes": _list_scopes,
    "DELETE scopes": _delete_scope,
    "POST scopes/forget": _forget_scope,
}

_NOT_BUILT = """
POST chat; POST reflect; POST elaborate; POST consolidate; GET inspect; GET state; POST state;
GET profile; GET audit; GET providers;
POST documents; GET documents; POST documents/query; POST documents/recompute-links;
GET documents/keywords; POST documents/keywords/search; GET documents/keywords/{normalised};
GET documents/{id}; DELETE documents/{id}; PUT documents/{id}; GET documents/{id}/raw;
GET documents/{id}/chunks; GET documents/{id}/keywords;
POST sessions/{id}/turns;
POST scope-grants; GET principals; POST principals; GET principals/{id};
POST principals/{id}/grants; DELETE principals/{id}/grants; GET principals/{id}/effective;
POST keys; GET keys; DELETE keys/{name}; POST keys/{name}/rotate;
GET traces; GET traces/stats; GET traces/{id};
POST lifecycle/decay; POST lifecycle/expire; POST fsck
"""
MANAGEMENT = ("contexts", "verbs", "migrations")
"""First segments below `/api/v1` that are no context."""


@dataclass(frozen=True, slots=True)
class Match:
    """What a path means.

    Attributes:
        handler: Answers it; None when the engine does not.
        route: Method and pattern, for messages.
        parameters: Decoded segments by name.
    """

    handler: Handler | None
    route: str
    parameters: Mapping[str, str]


_Pattern: TypeAlias = "tuple[str, tuple[str, ...], Handler | None]"


def _table() -> list[_Pattern]:
    """Routes with fixed segments come first, so that `traces/stats` is no trace's id."""
    routes: dict[str, Handler | None] = dict(_ANSWERED)
    for route in _NOT_BUILT.replace("\n", " ").split(";"):
        routes.setdefault(route.strip(), None)
    patterns = []
    for route, handler in routes.items():
        method, _, path = route.partition(" ")
        patterns.append((method, tuple(path.split("/")), handler))
    return sorted(patterns, key=lambda item: sum(part.startswith("{") for part in item[1]))


_TABLE = _table()


def match_route(method: str, segments: Sequence[str]) -> Match:
    """Find the route of a request.

    Args:
        method: Upper-case.
        segments: Encoded segments after the context.

    Raises:
        Problem: 404, no such route; 400, a segment is not UTF-8.
    """
    for known, pattern, handler in _TABLE:
        if known == method and len(pattern) == len(segments) and _fits(pattern, segments):
            return Match(handler, f"{method} /{'/'.join(pattern)}", _decoded(pattern, segments))
    raise not_found(f"there is no route {method} /{'/'.join(segments)[:200]}")


def _fits(pattern: Sequence[str], segments: Sequence[str]) -> bool:
    return all(
        bool(segment) if part.startswith("{") else part == segment
        for part, segment in zip(pattern, segments, strict=True)
    )


def _decoded(pattern: Sequence[str], segments: Sequence[str]) -> dict[str, str]:
    return {
        part.strip("{}"): decode(segment)
        for part, segment in zip(pattern, segments, strict=True)
        if part.startswith("{")
    }


def decode(segment: str) -> str:
    """A percent-encoded segment.

    Raises:
        Problem: 400, it is not UTF-8.
    """
    try:
        return unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        raise bad_request("a segment of the path is not UTF-8 once decoded") from None


def refuse_unbuilt(match: Match) -> Handler:
    """The handler of a route.

    Raises:
        Problem: 501, the contract has the route and this engine does not.
    """
    if match.handler is None:
        raise not_implemented(
            f"{match.route} is not built into the local engine; use a Spectron service for it"
        )
    return match.handler
