"""The registry of contexts: made, listed, changed.

Functions take an open transaction. Imports `configurations`, `principals`, `problems`, models.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spectron_adapters.local.access import principals
from spectron_adapters.local.access.grants import everywhere
from spectron_adapters.local.access.principals import NewPrincipal
from spectron_adapters.local.instants import to_text
from spectron_adapters.local.management.configurations import merged
from spectron_adapters.local.problems import conflict, unprocessable
from spectron_adapters.models import Context, CreateContextRequest, PatchContextRequest

__all__ = [
    "NewContext",
    "add_context",
    "create_context",
    "get_context",
    "list_contexts",
    "own_context",
    "patch_context",
]

OWN_NAMESPACE = "local"
"""Namespace of contexts that an engine makes for itself."""
RESERVED_NAMESPACE = "spectron"
"""Where the service keeps its own data; no context may be bound to it."""


@dataclass(frozen=True, slots=True)
class NewContext:
    """What a context is made of.

    Attributes:
        config: Without provider keys.
        providers: Names of the providers whose keys were given.
    """

    name: str
    namespace: str
    database: str
    description: str | None = None
    config: Mapping[str, object] = field(default_factory=dict, repr=False)
    providers: tuple[str, ...] = ()


def own_context(connection: sqlite3.Connection, name: str) -> NewContext:
    """A context that an engine makes for itself, with a database that no other is bound to."""
    (taken,) = connection.execute(
        "SELECT count(*) FROM context_setting WHERE namespace = ? AND database_name = ?",
        (OWN_NAMESPACE, name),
    ).fetchone()
    return NewContext(name, OWN_NAMESPACE, f"{name} {secrets.token_hex(4)}" if taken else name)


def add_context(connection: sqlite3.Connection, new: NewContext, *, now: int) -> int:
    """Register a context with its reserved principals.

    Its number is one that no context ever had, so that nothing kept elsewhere under the number
    of a deleted context can ever mean this one.

    Returns:
        The number.

    Raises:
        Problem: 409, the id, or namespace and database, are taken.
    """
    _check_free(connection, new)
    connection.execute("INSERT OR IGNORE INTO context_counter (id, last) VALUES (1, 0)")
    (context_id,) = connection.execute(
        "UPDATE context_counter SET last = 1 + max(last,"
        " (SELECT coalesce(max(id), 0) FROM context)) RETURNING last"
    ).fetchone()
    connection.execute(
        "INSERT INTO context (id, name, created_at) VALUES (?, ?, ?)", (context_id, new.name, now)
    )
    connection.execute(
        "INSERT INTO context_setting (context_id, namespace, database_name, description, config,"
        " providers, enforcement_blocked) VALUES (?, ?, ?, ?, ?, ?, 0)",
        (
            context_id,
            new.namespace,
            new.database,
            new.description,
            json.dumps(new.config, ensure_ascii=False),
            json.dumps(sorted(new.providers), ensure_ascii=False),
        ),
    )
    principals.add_reserved(connection, context_id, now=now)
    return int(context_id)


def _check_free(connection: sqlite3.Connection, new: NewContext) -> None:
    if connection.execute("SELECT 1 FROM context WHERE name = ?", (new.name,)).fetchone():
        raise conflict("a context with this id exists; choose another id, or patch it")
    bound = connection.execute(
        "SELECT 1 FROM context_setting WHERE namespace = ? AND database_name = ?",
        (new.namespace, new.database),
    ).fetchone()
    if bound:
        raise conflict("this namespace and database are bound to another context; choose others")


# --- reading ------------------------------------------------------------------------------------

_SELECT = """
SELECT c.id, c.name, s.namespace, s.database_name, s.description, s.config, s.providers,
  s.enforcement_blocked, c.created_at
FROM context AS c JOIN context_setting AS s ON s.context_id = c.id
"""


def list_contexts(connection: sqlite3.Connection) -> list[Context]:
    """Every context, by id."""
    return [_shown(row) for row in connection.execute(f"{_SELECT} ORDER BY c.name")]


def get_context(connection: sqlite3.Connection, context_id: int) -> Context:
    """One context as operators see it."""
    row = connection.execute(f"{_SELECT} WHERE c.id = ?", (context_id,)).fetchone()
    return _shown(row)


def _shown(row: tuple[Any, ...]) -> Context:
    config, providers = json.loads(row[5]), json.loads(row[6])
    return Context(
        id=row[1],
        namespace=row[2],
        database=row[3],
        description=row[4],
        config={**config, "providers_configured": providers} if providers else config,
        enforcement_blocked=bool(row[7]),
        created_at=to_text(row[8]),
    )


# --- changing -----------------------------------------------------------------------------------


def create_context(
    connection: sqlite3.Connection,
    name: str,
    request: CreateContextRequest,
    *,
    principal_id: str,
    now: int,
) -> Context:
    """Register what an operator asks for, with its first administrator if one is named.

    Args:
        connection: In a write transaction.
        name: Its checked id.
        request: The rest.
        principal_id: Id for the administrator.
        now: Microseconds.

    Raises:
        Problem: 400 for a malformed configuration; 409, the id, or namespace and database, are
            taken; 422, the namespace is reserved.
    """
    if request.namespace == RESERVED_NAMESPACE:
        raise unprocessable(f"namespace {RESERVED_NAMESPACE!r} is reserved; choose another")
    config, providers = merged({}, (), request.config or {})
    new = NewContext(
        name, request.namespace, request.database, request.description, config, providers
    )
    context_id = add_context(connection, new, now=now)
    if request.admin_external_id is not None:
        display_name = request.admin_display_name or request.admin_external_id
        administrator = NewPrincipal(
            display_name, everywhere(), kind="human", external_id=request.admin_external_id
        )
        principals.create(connection, context_id, principal_id, administrator, now=now)
    return get_context(connection, context_id)


def patch_context(
    connection: sqlite3.Connection, context_id: int, request: PatchContextRequest
) -> Context:
    """Change parts of a context; requests that begin afterwards see it.

    Raises:
        Problem: 400, the configuration is malformed.
    """
    (text, names) = connection.execute(
        "SELECT config, providers FROM context_setting WHERE context_id = ?", (context_id,)
    ).fetchone()
    config, providers = merged(json.loads(text), json.loads(names), request.config or {})
    blocked = request.enforcement_blocked
    connection.execute(
        "UPDATE context_setting SET config = ?, providers = ?,"
        " enforcement_blocked = coalesce(?, enforcement_blocked) WHERE context_id = ?",
        (
            json.dumps(config, ensure_ascii=False),
            json.dumps(providers, ensure_ascii=False),
            blocked,
            context_id,
        ),
    )
    return get_context(connection, context_id)
