"""Routes of the management plane: contexts, their principals and keys, upkeep.

Each handler has a `ManagementCall`. Imports the management package and models.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping

from spectron_adapters.local.access import principals
from spectron_adapters.local.access.grants import VERBS
from spectron_adapters.local.bodies import validate
from spectron_adapters.local.calls import Answer, body_of
from spectron_adapters.local.management import contexts, credentials, upkeep
from spectron_adapters.local.management.dropping import drop_context
from spectron_adapters.local.management.plane import (
    ManagementCall,
    ManagementHandler,
)
from spectron_adapters.local.problems import bad_request, unprocessable
from spectron_adapters.local.routes.access import read_ttl
from spectron_adapters.local.routes.table import MANAGEMENT, RouteTable
from spectron_adapters.local.storage.schema import LATEST
from spectron_adapters.models import (
    CreateAccessTokenRequest,
    CreateContextRequest,
    CreateFlatKeyRequest,
    CreateManagedPrincipalRequest,
    MigrationsResponse,
    PatchContextRequest,
    PatchPrincipalRequest,
    PrincipalKeyRequest,
    Verb,
    VerbDescription,
)

__all__ = ["MANAGEMENT_PLANE"]

_CONTEXT_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,126}[a-z0-9])?")
_RESERVED = frozenset({*MANAGEMENT, "health"})
_VERBS: Mapping[Verb, str] = {
    "memory:read": "Read what lies in a scope.",
    "memory:write": "Store facts, sessions and documents in a scope.",
    "memory:forget": "Forget and erase what lies in a scope.",
    "scope:read": "See the scope itself.",
    "scope:create": "Register scopes.",
    "scope:delete": "Tombstone scopes.",
    "grant:manage": "Manage principals and their grants over a scope.",
}


def _verbs(call: ManagementCall) -> Answer:  # noqa: ARG001  # the same for everybody
    shown = [body_of(VerbDescription(name=verb, description=_VERBS[verb])) for verb in VERBS]
    return Answer(200, {"verbs": shown})


def _migrations(call: ManagementCall) -> Answer:
    def step(connection: sqlite3.Connection) -> Answer:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        found = [{"id": item.id, "version": version} for item in contexts.list_contexts(connection)]
        return Answer.of(200, MigrationsResponse(latest=LATEST, contexts=found))

    return call.read(step)


# --- contexts -----------------------------------------------------------------------------------


def _create_context(call: ManagementCall) -> Answer:
    request = validate(CreateContextRequest, call.payload)
    name = _new_context_id(call)
    return call.write(
        lambda connection: Answer.of(
            201,
            contexts.create_context(
                connection, name, request, principal_id=call.new_id(), now=call.now
            ),
        )
    )


def _new_context_id(call: ManagementCall) -> str:
    name = call.parameters.get("id", call.payload.get("id"))
    if not isinstance(name, str):
        raise bad_request("id: the body must name the new context")
    if not _CONTEXT_ID.fullmatch(name) or name in _RESERVED:
        raise unprocessable(
            "a context id has up to 128 lower-case letters, digits and hyphens, begins and ends "
            "with a letter or digit, and is no reserved word"
        )
    return name


def _list_contexts(call: ManagementCall) -> Answer:
    return Answer(200, {"contexts": [body_of(item) for item in call.read(contexts.list_contexts)]})


def _get_context(call: ManagementCall) -> Answer:
    return call.read(
        lambda connection: Answer.of(
            200, contexts.get_context(connection, call.context(connection).context_id)
        )
    )


def _patch_context(call: ManagementCall) -> Answer:
    request = validate(PatchContextRequest, call.payload)
    return call.write(
        lambda connection: Answer.of(
            200,
            contexts.patch_context(connection, call.context(connection).context_id, request),
        )
    )


def _delete_context(call: ManagementCall) -> Answer:
    database = call.parts.database

    def step(connection: sqlite3.Connection) -> Answer:
        context = call.context(connection)
        call.parts.read_traces.store(connection)
        drop_context(connection, context.context_id)
        database.mark_erasure(connection)
        return Answer(204, None)

    answer = call.write(step)
    database.erase_removed()
    return answer


# --- principals and keys ------------------------------------------------------------------------


def _create_principal(call: ManagementCall) -> Answer:
    request = validate(CreateManagedPrincipalRequest, call.payload)
    return credentials.create_principal(call, request)


def _list_principals(call: ManagementCall) -> Answer:
    def step(connection: sqlite3.Connection) -> Answer:
        found = principals.list_principals(connection, call.context(connection).context_id)
        return Answer(200, [body_of(credentials.shown_principal(item)) for item in found])

    return call.read(step)


def _get_principal(call: ManagementCall) -> Answer:
    def step(connection: sqlite3.Connection) -> Answer:
        context_id = call.context(connection).context_id
        found = principals.required(connection, context_id, call.parameters["pid"])
        return Answer.of(200, credentials.shown_principal(found))

    return call.read(step)


def _patch_principal(call: ManagementCall) -> Answer:
    return credentials.patch_principal(call, validate(PatchPrincipalRequest, call.payload))


def _create_flat_key(call: ManagementCall) -> Answer:
    request = validate(CreateFlatKeyRequest, call.payload)
    ttl_seconds = read_ttl(call.query) if request.ttl_seconds is None else request.ttl_seconds
    return credentials.create_flat_key(call, request, ttl_seconds)


def _create_principal_key(call: ManagementCall) -> Answer:
    request = validate(PrincipalKeyRequest, call.payload)
    return credentials.create_principal_key(call, request.grants, read_ttl(call.query))


def _rotate_key(call: ManagementCall) -> Answer:
    return credentials.rotate_key(call, read_ttl(call.query))


def _create_access_token(call: ManagementCall) -> Answer:
    request = validate(CreateAccessTokenRequest, call.payload)
    return credentials.create_access_token(call, request)


_KEYS = "contexts/{id}/keys"
_PRINCIPALS = "contexts/{id}/principals"
_OWN_KEYS = _PRINCIPALS + "/{pid}/keys"

ROUTES: Mapping[str, ManagementHandler] = {
    "GET verbs": _verbs,
    "GET migrations": _migrations,
    "GET contexts": _list_contexts,
    "POST contexts": _create_context,
    "POST contexts/{id}": _create_context,
    "GET contexts/{id}": _get_context,
    "PATCH contexts/{id}": _patch_context,
    "DELETE contexts/{id}": _delete_context,
    f"GET {_PRINCIPALS}": _list_principals,
    f"POST {_PRINCIPALS}": _create_principal,
    f"GET {_PRINCIPALS}/{{pid}}": _get_principal,
    f"PATCH {_PRINCIPALS}/{{pid}}": _patch_principal,
    f"DELETE {_PRINCIPALS}/{{pid}}": credentials.delete_principal,
    f"GET {_KEYS}": credentials.list_keys,
    f"POST {_KEYS}": _create_flat_key,
    f"DELETE {_KEYS}/{{name}}": credentials.delete_key,
    f"POST {_KEYS}/{{name}}/rotate": _rotate_key,
    f"GET {_OWN_KEYS}": credentials.list_keys,
    f"POST {_OWN_KEYS}/{{name}}": _create_principal_key,
    f"DELETE {_OWN_KEYS}/{{name}}": credentials.delete_key,
    f"POST {_OWN_KEYS}/{{name}}/rotate": _rotate_key,
    "POST contexts/{id}/access-tokens": _create_access_token,
    "POST contexts/{id}/lifecycle/decay": upkeep.decay_context,
    "POST contexts/{id}/lifecycle/reindex": upkeep.reindex_context,
}

MANAGEMENT_PLANE = RouteTable((ROUTES,))
