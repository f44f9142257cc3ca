"""The principals of a context: found, made, changed and deleted.

Functions take an open transaction and decide nothing about who may call them. Imports `grants`,
`problems` and the standard library.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from typing import Any

from spectron_adapters.local.access.grants import Grants, everywhere, grants_text, read_grants
from spectron_adapters.local.problems import bad_request, conflict, forbidden, not_found

__all__ = [
    "NewPrincipal",
    "StoredPrincipal",
    "add_reserved",
    "bare_id",
    "create",
    "create_or_get",
    "delete",
    "find",
    "from_row",
    "grants_at",
    "is_taken",
    "list_principals",
    "put",
    "required",
    "set_grants",
    "update",
]

_ADMIN, _SYSTEM = "admin", "system"
_NAME_LENGTH_MAX = 512
_COLUMNS = "p.id, p.context_id, p.name, p.display_name, p.kind, p.grants, i.external_id"
_FROM = (
    f"SELECT {_COLUMNS} FROM principal AS p"  # noqa: S608  # constant columns
    " LEFT JOIN principal_identity AS i ON i.principal_id = p.id WHERE p.context_id = ?"
)


@dataclass(frozen=True, slots=True)
class StoredPrincipal:
    """A principal as it is stored.

    Attributes:
        row_id: Its row.
        name: Its id, without the table prefix.
        external_id: The identity in the operator's own system.
    """

    row_id: int
    context_id: int
    name: str
    display_name: str
    kind: str
    grants: Grants
    external_id: str | None

    @property
    def is_reserved(self) -> bool:
        """Whether every context has it, so that it cannot be deleted."""
        return self.name in (_ADMIN, _SYSTEM)

    def check_mutable(self) -> None:
        """Refuse to change what nobody may change.

        Raises:
            Problem: 403.
        """
        if self.name == _SYSTEM:
            raise forbidden("principal:system belongs to the service and cannot be changed")


@dataclass(frozen=True, slots=True)
class NewPrincipal:
    """What a principal is made of."""

    display_name: str
    grants: Grants
    kind: str = "unknown"
    external_id: str | None = None


def bare_id(text: str) -> str:
    """A principal's id without the table prefix."""
    return text.removeprefix("principal:")


def from_row(row: tuple[Any, ...]) -> StoredPrincipal:
    """A principal of the columns that every query selects in one order."""
    row_id, context_id, name, display_name, kind, grants, external_id = row
    return StoredPrincipal(
        row_id, context_id, name, display_name, kind, read_grants(grants), external_id
    )


def find(connection: sqlite3.Connection, context_id: int, name: str) -> StoredPrincipal | None:
    """A principal by its id, with or without the table prefix."""
    row = connection.execute(f"{_FROM} AND p.name = ?", (context_id, bare_id(name))).fetchone()
    return None if row is None else from_row(row)


def required(connection: sqlite3.Connection, context_id: int, name: str) -> StoredPrincipal:
    """A principal that must exist.

    Raises:
        Problem: 404.
    """
    found = find(connection, context_id, name)
    if found is None:
        raise not_found("there is no such principal in this context")
    return found


def list_principals(connection: sqlite3.Connection, context_id: int) -> list[StoredPrincipal]:
    """All of a context, in the order in which they were made."""
    return [from_row(row) for row in connection.execute(f"{_FROM} ORDER BY p.id", (context_id,))]


def _find_external(
    connection: sqlite3.Connection, context_id: int, external_id: str
) -> StoredPrincipal | None:
    row = connection.execute(f"{_FROM} AND i.external_id = ?", (context_id, external_id)).fetchone()
    return None if row is None else from_row(row)


def create(
    connection: sqlite3.Connection, context_id: int, name: str, new: NewPrincipal, *, now: int
) -> StoredPrincipal:
    """A new principal.

    Args:
        connection: In a write transaction.
        context_id: The context.
        name: A new id.
        new: What it is made of.
        now: Microseconds.

    Raises:
        Problem: 400 for a blank name; 409, the display name is taken.
    """
    _check_display_name(connection, context_id, new.display_name, but=None)
    connection.execute(
        "INSERT INTO principal (context_id, name, display_name, kind, grants, created_at)"
        " VALUES (?, ?, ?, ?, '{}', ?)",
        (context_id, name, new.display_name, new.kind, now),
    )
    made = required(connection, context_id, name)
    if new.external_id is not None:
        _check_text("external_id", new.external_id)
        connection.execute(
            "INSERT INTO principal_identity (context_id, external_id, principal_id)"
            " VALUES (?, ?, ?)",
            (context_id, new.external_id, made.row_id),
        )
    return set_grants(connection, replace(made, external_id=new.external_id), new.grants, now=now)


def create_or_get(
    connection: sqlite3.Connection, context_id: int, name: str, new: NewPrincipal, *, now: int
) -> tuple[StoredPrincipal, bool]:
    """The principal of an external identity, unchanged if it exists, and whether it is new.

    Without an external identity it is always a new one.

    Raises:
        Problem: 400 for a blank name; 409, the display name is taken.
    """
    if new.external_id is not None:
        known = _find_external(connection, context_id, new.external_id)
        if known is not None:
            return known, False
    return create(connection, context_id, name, new, now=now), True


def _check_text(field: str, text: str) -> None:
    if not text.strip():
        raise bad_request(f"{field} is blank")
    if len(text) > _NAME_LENGTH_MAX:
        raise bad_request(f"{field} is longer than {_NAME_LENGTH_MAX} characters")


def _check_display_name(
    connection: sqlite3.Connection, context_id: int, display_name: str, *, but: int | None
) -> None:
    _check_text("display_name", display_name)
    if is_taken(connection, context_id, display_name, but=but):
        raise conflict("a principal with this display name exists; choose another")


def is_taken(
    connection: sqlite3.Connection, context_id: int, display_name: str, *, but: int | None = None
) -> bool:
    """Whether a principal of a context, other than one, has a display name."""
    row = connection.execute(
        "SELECT 1 FROM principal WHERE context_id = ? AND display_name = ? AND id IS NOT ?",
        (context_id, display_name, but),
    ).fetchone()
    return row is not None


def set_grants(
    connection: sqlite3.Connection, principal: StoredPrincipal, grants: Grants, *, now: int
) -> StoredPrincipal:
    """Replace a principal's grants; what they were before stays known for `grants_at`.

    Raises:
        Problem: 403, it is `principal:system`.
    """
    principal.check_mutable()
    text = grants_text(grants)
    connection.execute("UPDATE principal SET grants = ? WHERE id = ?", (text, principal.row_id))
    connection.execute(
        "INSERT OR REPLACE INTO grant_version (context_id, principal_id, since, grants)"
        " VALUES (?, ?, ?, ?)",
        (principal.context_id, principal.row_id, now, text),
    )
    return replace(principal, grants=read_grants(text))


def grants_at(
    connection: sqlite3.Connection, principal: StoredPrincipal, instant: int | None
) -> Grants:
    """What a principal was granted at an instant; now, when there is none."""
    if instant is None:
        return principal.grants
    row = connection.execute(
        "SELECT grants FROM grant_version WHERE principal_id = ? AND since <= ?"
        " ORDER BY since DESC LIMIT 1",
        (principal.row_id, instant),
    ).fetchone()
    return {} if row is None else read_grants(row[0])


def update(
    connection: sqlite3.Connection,
    principal: StoredPrincipal,
    *,
    display_name: str | None,
    kind: str | None,
) -> StoredPrincipal:
    """Change what people see of a principal; None leaves it.

    Raises:
        Problem: 403 for `principal:system`; 409, the display name is taken.
    """
    principal.check_mutable()
    if display_name is not None:
        _check_display_name(connection, principal.context_id, display_name, but=principal.row_id)
    changed = replace(
        principal,
        display_name=principal.display_name if display_name is None else display_name,
        kind=principal.kind if kind is None else kind,
    )
    connection.execute(
        "UPDATE principal SET display_name = ?, kind = ? WHERE id = ?",
        (changed.display_name, changed.kind, principal.row_id),
    )
    return changed


def delete(connection: sqlite3.Connection, principal: StoredPrincipal) -> None:
    """Delete a principal with its keys, which stop working at once.

    Raises:
        Problem: 403, it is reserved.
    """
    if principal.is_reserved:
        raise forbidden(f"principal:{principal.name} is reserved and cannot be deleted")
    for table in ("api_key", "principal_identity", "grant_version"):
        connection.execute(f"DELETE FROM {table} WHERE principal_id = ?", (principal.row_id,))  # noqa: S608  # constant names
    connection.execute("DELETE FROM principal WHERE id = ?", (principal.row_id,))


def put(
    connection: sqlite3.Connection,
    context_id: int,
    name: str,
    *,
    grants: Grants,
    kind: str,
    now: int,
) -> StoredPrincipal:
    """A principal by its id: made if it does not exist, with these grants in any case.

    Raises:
        ValueError: The id is blank or reserved.
    """
    if bare_id(name) in (_ADMIN, _SYSTEM) or not bare_id(name).strip():
        raise ValueError(f"{name!r} cannot be used as a principal's id")
    known = find(connection, context_id, name)
    if known is None:
        new = NewPrincipal(bare_id(name), grants, kind)
        return create(connection, context_id, bare_id(name), new, now=now)
    return set_grants(connection, known, grants, now=now)


def add_reserved(connection: sqlite3.Connection, context_id: int, *, now: int) -> None:
    """The two principals that every context has; both may do everything."""
    text = grants_text(everywhere())
    for name, display_name in ((_ADMIN, "Administrator"), (_SYSTEM, "System")):
        connection.execute(
            "INSERT INTO principal (context_id, name, display_name, kind, grants, created_at)"
            " VALUES (?, ?, ?, 'service', ?, ?)",
            (context_id, name, display_name, text, now),
        )
        connection.execute(
            "INSERT INTO grant_version (context_id, principal_id, since, grants)"
            " SELECT context_id, id, created_at, grants FROM principal"
            " WHERE context_id = ? AND name = ?",
            (context_id, name),
        )
