"""The principals and keys of a context, as its operator manages them.

An operator is bound by no grant, but a key never exceeds its principal, and the context's limit
shortens every key. Imports `keys`, `principals`, `grants`, `plane`, `problems` and models.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace

from spectron_adapters.local.access import keys, principals
from spectron_adapters.local.access.grants import (
    EVERYTHING,
    Grants,
    checked_grants,
    everywhere,
    parse_floor,
    patterns_of,
)
from spectron_adapters.local.access.key_secrets import NewKey
from spectron_adapters.local.access.keys import KeyTerms, StoredKey
from spectron_adapters.local.access.principals import NewPrincipal, StoredPrincipal
from spectron_adapters.local.calls import Answer, body_of
from spectron_adapters.local.instants import to_text
from spectron_adapters.local.management.context_settings import ContextConfig
from spectron_adapters.local.management.plane import ManagementCall
from spectron_adapters.models import (
    AccessToken,
    CreateAccessTokenRequest,
    CreateFlatKeyRequest,
    CreateManagedPrincipalRequest,
    ManagedKey,
    ManagedKeyDetail,
    ManagedPrincipal,
    PatchPrincipalRequest,
)

__all__ = [
    "create_access_token",
    "create_flat_key",
    "create_principal",
    "create_principal_key",
    "delete_key",
    "delete_principal",
    "list_keys",
    "patch_principal",
    "rotate_key",
    "shown_principal",
]


def _given(grants: Mapping[str, object] | None) -> Grants | None:
    return None if grants is None else checked_grants(grants)


# --- principals ---------------------------------------------------------------------------------


def shown_principal(principal: StoredPrincipal) -> ManagedPrincipal:
    """A principal as operators see it."""
    return ManagedPrincipal(
        id=f"principal:{principal.name}",
        display_name=principal.display_name,
        external_id=principal.external_id,
        kind=principal.kind,
        grants=patterns_of(principal.grants),
    )


def create_principal(call: ManagementCall, request: CreateManagedPrincipalRequest) -> Answer:
    """A new principal; with an external id that exists, that one, unchanged."""
    new = NewPrincipal(
        request.display_name,
        _given(request.grants) or {},
        request.kind or "unknown",
        request.external_id,
    )

    def step(connection: sqlite3.Connection) -> Answer:
        context_id = call.context(connection).context_id
        principal, is_new = principals.create_or_get(
            connection, context_id, call.new_id(), new, now=call.now
        )
        return Answer.of(201 if is_new else 200, shown_principal(principal))

    return call.write(step)


def _principal_of(call: ManagementCall, connection: sqlite3.Connection) -> StoredPrincipal:
    context = call.context(connection)
    return principals.required(connection, context.context_id, call.parameters["pid"])


def patch_principal(call: ManagementCall, request: PatchPrincipalRequest) -> Answer:
    """Change a principal; grants replace the old ones."""
    grants = _given(request.grants)

    def step(connection: sqlite3.Connection) -> Answer:
        principal = principals.update(
            connection,
            _principal_of(call, connection),
            display_name=request.display_name,
            kind=request.kind,
        )
        if grants is not None:
            principal = principals.set_grants(connection, principal, grants, now=call.now)
        return Answer.of(200, shown_principal(principal))

    return call.write(step)


def delete_principal(call: ManagementCall) -> Answer:
    """Delete a principal with its keys."""

    def step(connection: sqlite3.Connection) -> Answer:
        principals.delete(connection, _principal_of(call, connection))
        return Answer(204, None)

    return call.write(step)


# --- keys ---------------------------------------------------------------------------------------


def _minted(status: int, key: StoredKey, new: NewKey) -> Answer:
    answer = ManagedKey(
        id=key.key_id,
        name=key.name,
        key=new.text,
        principal=key.kind,
        principal_id=f"principal:{key.principal.name}",
        valid_until=key.expires,
    )
    return replace(Answer.of(status, answer), secret=True)


def _expiry(call: ManagementCall, context: ContextConfig, ttl_seconds: int | None) -> int | None:
    return keys.expiry(call.now, ttl_seconds, limit=context.max_token_ttl_seconds)


def create_flat_key(
    call: ManagementCall, request: CreateFlatKeyRequest, ttl_seconds: int | None
) -> Answer:
    """A key with a principal of its own, which may read, write and forget inside the floor."""
    floor = EVERYTHING if request.scope_floor is None else parse_floor(request.scope_floor)
    new = NewKey.make()
    terms = KeyTerms(
        name=request.name,
        origin="flat",
        kind=request.principal,
        grants=_given(request.grants),
        floor=None if request.scope_floor is None else str(floor),
        strict=request.strict or False,
    )
    held = everywhere("memory:read", "memory:write", "memory:forget", "scope:read", pattern=floor)

    def step(connection: sqlite3.Connection) -> Answer:
        context = call.context(connection)
        if keys.find(connection, context.context_id, request.name) is not None:
            raise keys.name_taken()
        bound = NewPrincipal(f"{request.name} (key {new.key_id})", held, kind="agent")
        principal = principals.create(
            connection, context.context_id, f"key-{new.key_id}", bound, now=call.now
        )
        until = _expiry(call, context, ttl_seconds)
        key = keys.mint(connection, principal, new, replace(terms, valid_until=until), now=call.now)
        return _minted(201, key, new)

    return call.write(step)


def create_principal_key(
    call: ManagementCall, grants: Mapping[str, object] | None, ttl_seconds: int | None
) -> Answer:
    """A further key of a principal."""
    new = NewKey.make()
    terms = KeyTerms(call.parameters["name"], origin="principal", grants=_given(grants))

    def step(connection: sqlite3.Connection) -> Answer:
        principal = _principal_of(call, connection)
        until = _expiry(call, call.context(connection), ttl_seconds)
        key = keys.mint(connection, principal, new, replace(terms, valid_until=until), now=call.now)
        return _minted(201, key, new)

    return call.write(step)


def create_access_token(call: ManagementCall, request: CreateAccessTokenRequest) -> Answer:
    """A short-lived key for an external identity, whose grants are asserted anew."""
    grants = _given(request.grants)
    new = NewKey.make()

    def step(connection: sqlite3.Connection) -> Answer:
        context = call.context(connection)
        name = request.display_name or request.external_id
        if request.display_name is None and principals.is_taken(
            connection, context.context_id, name
        ):
            name = f"{name} ({new.key_id})"
        wanted = NewPrincipal(name, grants or {}, "human", request.external_id)
        keys.prune_tokens(connection, context.context_id, now=call.now)
        principal, is_new = principals.create_or_get(
            connection, context.context_id, call.new_id(), wanted, now=call.now
        )
        if grants is not None and not is_new:
            principal = principals.set_grants(connection, principal, grants, now=call.now)
        until = _expiry(call, context, request.ttl_seconds)
        terms = KeyTerms(None, origin="token", valid_until=until)
        key = keys.mint(connection, principal, new, terms, now=call.now)
        answer = AccessToken(
            id=key.key_id,
            key=new.text,
            principal_id=f"principal:{principal.name}",
            valid_until=key.expires,
        )
        return replace(Answer.of(201, answer), secret=True)

    return call.write(step)


def list_keys(call: ManagementCall) -> Answer:
    """The keys of a context, or of the principal that the path names; no secrets."""

    def step(connection: sqlite3.Connection) -> list[StoredKey]:
        owner = _principal_of(call, connection) if "pid" in call.parameters else None
        return keys.list_keys(connection, call.context(connection).context_id, principal=owner)

    return Answer(200, [body_of(_detail(key)) for key in call.read(step)])


def _detail(key: StoredKey) -> ManagedKeyDetail:
    return ManagedKeyDetail(
        id=key.key_id,
        name=key.name,
        created_at=to_text(key.created_at),
        grants=None if key.grants is None else patterns_of(key.grants),
        principal_id=f"principal:{key.principal.name}",
        last_used_at=key.last_used,
        valid_until=key.expires,
    )


def _key_of(call: ManagementCall, connection: sqlite3.Connection) -> StoredKey:
    """The key that the path names.

    Raises:
        Problem: 404, absent, or another principal's than the path says.
    """
    context_id = call.context(connection).context_id
    key = keys.required(connection, context_id, call.parameters["name"])
    if "pid" in call.parameters:
        owner = principals.required(connection, context_id, call.parameters["pid"])
        if key.principal.row_id != owner.row_id:
            raise keys.missing()
    return key


def delete_key(call: ManagementCall) -> Answer:
    """Delete a key, with the principal that was made for it alone."""

    def step(connection: sqlite3.Connection) -> Answer:
        key = _key_of(call, connection)
        keys.delete(connection, key)
        is_only = not keys.list_keys(connection, key.context_id, principal=key.principal)
        if key.origin == "flat" and is_only:
            principals.delete(connection, key.principal)
        return Answer(204, None)

    return call.write(step)


def rotate_key(call: ManagementCall, ttl_seconds: int | None) -> Answer:
    """Give a key another secret; the old one dies at once."""
    new = NewKey.make(call.read(lambda connection: _key_of(call, connection)).key_id)

    def step(connection: sqlite3.Connection) -> Answer:
        key = _key_of(call, connection)
        if key.key_id != new.key_id:
            raise keys.missing()
        limit = call.context(connection).max_token_ttl_seconds
        until = keys.renewed(key, call.now, ttl_seconds, limit=limit)
        return _minted(200, keys.rotate(connection, key, new, valid_until=until), new)

    return call.write(step)
