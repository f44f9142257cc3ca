"""What the OpenAPI document says of the management plane's routes. Imports `models`."""

from __future__ import annotations

from collections.abc import Mapping

from spectron_adapters import models as m
from spectron_adapters.local.server.operations import Operation, array_of, ttl_parameter

__all__ = ["MANAGEMENT_OPERATIONS"]

_TTL = ttl_parameter("ttl_seconds")
_VERBS = {
    "type": "object",
    "properties": {"verbs": array_of(m.VerbDescription)},
    "required": ["verbs"],
}
_CONTEXTS = {
    "type": "object",
    "properties": {"contexts": array_of(m.Context)},
    "required": ["contexts"],
}
_CONTEXT_WITH_ID = {
    "allOf": [
        {"$ref": "#/components/schemas/CreateContextRequest"},
        {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
    ]
}

MANAGEMENT_OPERATIONS: Mapping[str, Operation] = {
    "GET verbs": Operation("The verbs that grants may name.", {200: _VERBS}),
    "GET migrations": Operation("Versions of the contexts' schemas.", {200: m.MigrationsResponse}),
    # --- contexts
    "POST contexts": Operation(
        "Create a context.", {201: m.Context}, _CONTEXT_WITH_ID, refusals=(409,)
    ),
    "GET contexts": Operation("List contexts.", {200: _CONTEXTS}),
    "POST contexts/{id}": Operation(
        "Create a context.", {201: m.Context}, m.CreateContextRequest, refusals=(409,)
    ),
    "GET contexts/{id}": Operation("One context.", {200: m.Context}, refusals=(404,)),
    "PATCH contexts/{id}": Operation(
        "Merge into a context's configuration.",
        {200: m.Context},
        m.PatchContextRequest,
        refusals=(404,),
    ),
    "DELETE contexts/{id}": Operation(
        "Drop a context, its data and its keys.", {204: None}, refusals=(404,)
    ),
    # --- keys
    "POST contexts/{id}/keys": Operation(
        "Mint an agent's or a supervisor's key; its secret is shown once.",
        {201: m.ManagedKey},
        m.CreateFlatKeyRequest,
        query=(_TTL,),
        refusals=(404, 409),
    ),
    "GET contexts/{id}/keys": Operation(
        "List a context's keys.", {200: array_of(m.ManagedKeyDetail)}, refusals=(404,)
    ),
    "DELETE contexts/{id}/keys/{name}": Operation("Revoke a key.", {204: None}, refusals=(404,)),
    "POST contexts/{id}/keys/{name}/rotate": Operation(
        "A new secret for a key; the old one dies at once.",
        {200: m.ManagedKey},
        query=(_TTL,),
        refusals=(404,),
    ),
    # --- principals and their keys
    "POST contexts/{id}/principals": Operation(
        "Create a principal, or get the one with this external id.",
        {201: m.ManagedPrincipal, 200: m.ManagedPrincipal},
        m.CreateManagedPrincipalRequest,
        refusals=(404, 409),
    ),
    "GET contexts/{id}/principals": Operation(
        "List principals.", {200: array_of(m.ManagedPrincipal)}, refusals=(404,)
    ),
    "GET contexts/{id}/principals/{pid}": Operation(
        "One principal.", {200: m.ManagedPrincipal}, refusals=(404,)
    ),
    "PATCH contexts/{id}/principals/{pid}": Operation(
        "Change a principal.",
        {200: m.ManagedPrincipal},
        m.PatchPrincipalRequest,
        refusals=(404, 409),
    ),
    "DELETE contexts/{id}/principals/{pid}": Operation(
        "Delete a principal and its keys.", {204: None}, refusals=(404,)
    ),
    "POST contexts/{id}/principals/{pid}/keys/{name}": Operation(
        "Mint a key for a principal; its secret is shown once.",
        {201: m.ManagedKey},
        m.PrincipalKeyRequest,
        body_required=False,
        query=(_TTL,),
        refusals=(404, 409),
    ),
    "GET contexts/{id}/principals/{pid}/keys": Operation(
        "List a principal's keys.", {200: array_of(m.ManagedKeyDetail)}, refusals=(404,)
    ),
    "DELETE contexts/{id}/principals/{pid}/keys/{name}": Operation(
        "Revoke a principal's key.", {204: None}, refusals=(404,)
    ),
    "POST contexts/{id}/principals/{pid}/keys/{name}/rotate": Operation(
        "A new secret for a principal's key.",
        {200: m.ManagedKey},
        query=(_TTL,),
        refusals=(404,),
    ),
    "POST contexts/{id}/access-tokens": Operation(
        "A short-lived key for an external identity.",
        {201: m.AccessToken},
        m.CreateAccessTokenRequest,
        refusals=(404,),
    ),
    # --- upkeep
    "POST contexts/{id}/lifecycle/decay": Operation(
        "Let importance fade in a context.", {200: m.ManagedLifecycleResponse}, refusals=(404,)
    ),
    "POST contexts/{id}/lifecycle/reindex": Operation(
        "Index a context anew.", {200: m.ManagedLifecycleResponse}, refusals=(404,)
    ),
}
