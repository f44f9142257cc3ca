"""Routes of access control: who one is, principals, keys, providers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from spectron_adapters.local.access import administration, self_service
from spectron_adapters.local.bodies import read_instant, read_number, validate
from spectron_adapters.local.calls import Answer, Call, Handler, body_of
from spectron_adapters.local.problems import bad_request, not_implemented
from spectron_adapters.local.routes.table import LARGE
from spectron_adapters.local.work import Work
from spectron_adapters.models import (
    CreateKeyRequest,
    CreatePrincipalRequest,
    GrantRequest,
    Principal,
    ProvidersResponse,
)

__all__ = ["ROUTES", "read_ttl"]


def _whoami(call: Call) -> Answer:
    return Answer.of(200, call.caller.shown)


def _scope_grants(call: Call) -> Answer:  # noqa: ARG001  # every caller is told the same
    raise not_implemented("grants belong to principals; use POST /principals/{id}/grants")


def _providers(call: Call) -> Answer:
    model = call.settings.language_model
    if model is None:
        return Answer.of(200, ProvidersResponse())
    provider, slash, name = model.name.partition("/")
    item = {"name": provider if slash else "in-process", "models": [name if slash else provider]}
    return Answer.of(200, ProvidersResponse(providers=[item]))


# --- principals ---------------------------------------------------------------------------------


def _list_principals(call: Call) -> Answer:
    return Answer(200, [body_of(item) for item in call.read(administration.list_visible)])


def _get_principal(call: Call) -> Answer:
    name = call.parameters["id"]
    return Answer.of(200, call.read(lambda work: administration.get(work, name)))


def _create_principal(call: Call) -> Answer:
    request = validate(CreatePrincipalRequest, call.payload)

    def create(work: Work) -> Answer:
        principal, is_new = administration.create(work, request)
        return Answer.of(201 if is_new else 200, principal)

    return call.write(create)


def _change_grants(call: Call, change: Callable[[Work, str, GrantRequest], Principal]) -> Answer:
    request = validate(GrantRequest, call.payload)
    name = call.parameters["id"]
    return call.write(lambda work: Answer.of(200, change(work, name, request)))


def _grant(call: Call) -> Answer:
    return _change_grants(call, administration.grant)


def _revoke(call: Call) -> Answer:
    return _change_grants(call, administration.revoke)


def _effective(call: Call) -> Answer:
    if "path" not in call.query:
        raise bad_request("query parameter path is missing; it names the scope that is asked about")
    name, path = call.parameters["id"], call.query["path"]
    as_of = read_instant(call.query, "asOf", "as_of")
    return Answer.of(200, call.read(lambda work: administration.effective(work, name, path, as_of)))


# --- keys ---------------------------------------------------------------------------------------


def read_ttl(query: Mapping[str, str]) -> int | None:
    """The lifetime of a key among the query parameters, in seconds; None for none.

    Raises:
        Problem: 400, it is no whole number from 1.
    """
    name = next((name for name in ("ttlSeconds", "ttl_seconds") if name in query), None)
    if name is None:
        return None
    seconds = read_number(query, name, default=0, minimum=0, maximum=LARGE)
    if seconds < 1:
        raise bad_request(f"query parameter {name}: a key lives for 1 second at least")
    return seconds


def _create_key(call: Call) -> Answer:
    request = validate(CreateKeyRequest, call.payload)
    return self_service.create(call, request, read_ttl(call.query))


def _list_keys(call: Call) -> Answer:
    return Answer(200, [body_of(key) for key in self_service.list_shown(call)])


def _delete_key(call: Call) -> Answer:
    return self_service.delete(call, call.parameters["name"])


def _rotate_key(call: Call) -> Answer:
    return self_service.rotate(call, call.parameters["name"], read_ttl(call.query))


ROUTES: Mapping[str, Handler] = {
    "GET me": _whoami,
    "GET providers": _providers,
    "POST scope-grants": _scope_grants,
    "GET principals": _list_principals,
    "POST principals": _create_principal,
    "GET principals/{id}": _get_principal,
    "POST principals/{id}/grants": _grant,
    "DELETE principals/{id}/grants": _revoke,
    "GET principals/{id}/effective": _effective,
    "GET keys": _list_keys,
    "POST keys": _create_key,
    "DELETE keys/{name}": _delete_key,
    "POST keys/{name}/rotate": _rotate_key,
}
