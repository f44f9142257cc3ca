"""Routes of what is known: entities and their history, references, state, profile."""

from __future__ import annotations

from collections.abc import Mapping

from spectron_adapters.local.bodies import lens_of, read_lens, read_number
from spectron_adapters.local.calls import Answer, Call, Handler
from spectron_adapters.local.knowledge import entities, inspection, profile, state
from spectron_adapters.local.moments import read_moment
from spectron_adapters.local.problems import bad_request
from spectron_adapters.local.routes.table import LARGE
from spectron_adapters.local.work import Work
from spectron_adapters.models import TURNS_PAGE_MAX

__all__ = ["ROUTES"]


def _list_entities(call: Call) -> Answer:
    unlimited = -1
    limit = read_number(
        call.query, "limit", default=TURNS_PAGE_MAX, minimum=1, maximum=TURNS_PAGE_MAX
    )
    offset = read_number(call.query, "offset", default=0, minimum=0, maximum=LARGE)
    lens = read_lens(call.query)
    return Answer.of(
        200,
        call.read_settled(
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
        call.read_settled(
            lambda work: entities.get_entity(work, named["type"], named["name"], moment, lens=lens)
        ),
    )


def _entity_history(call: Call) -> Answer:
    moment, lens = read_moment(call.query, now=call.now), read_lens(call.query)
    named = call.parameters
    return Answer.of(
        200,
        call.read_settled(
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


def _inspect(call: Call) -> Answer:
    moment, lens = read_moment(call.query, now=call.now), read_lens(call.query)
    if "ref" not in call.query:
        raise bad_request("query parameter ref is missing; it names what to inspect")
    return Answer(200, inspection.inspect(call, call.query["ref"], moment, lens))


def _state(call: Call) -> Answer:
    lens = read_lens(call.query) or lens_of(call.payload)
    return Answer.of(200, call.read_settled(lambda work: state.read_state(work, lens)))


def _profile(call: Call) -> Answer:
    lens = read_lens(call.query)
    return Answer.of(200, call.read_settled(lambda work: profile.read_profile(work, lens)))


ROUTES: Mapping[str, Handler] = {
    "GET entities": _list_entities,
    "GET entities/{type}/{name}": _get_entity,
    "DELETE entities/{type}/{name}": _delete_entity,
    "GET entities/{type}/{name}/history/{key}": _entity_history,
    "GET inspect": _inspect,
    "GET state": _state,
    "POST state": _state,
    "GET profile": _profile,
}
