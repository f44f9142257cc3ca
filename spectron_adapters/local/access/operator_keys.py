"""Keys that whoever runs the engine makes without one: the administrator's, and for programs.

Imports `authentication`, `keys`, `principals`, `management.context_settings`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from spectron_adapters.local.access import keys, principals
from spectron_adapters.local.access.authentication import Authenticator
from spectron_adapters.local.access.callers import ADMIN
from spectron_adapters.local.access.grants import Grants
from spectron_adapters.local.access.key_secrets import NewKey
from spectron_adapters.local.access.keys import KeyTerms, StoredKey
from spectron_adapters.local.management.context_settings import ContextConfig, find_context
from spectron_adapters.local.storage.database import Database

__all__ = ["create_key", "ensure_key", "required_context"]

_NAME = "operator"


def required_context(connection: sqlite3.Connection, name: str) -> ContextConfig:
    """The engine's own context.

    Raises:
        ValueError: It was deleted.
    """
    found = find_context(connection, name)
    if found is None:
        raise ValueError(f"the context {name!r} was deleted")
    return found


def create_key(
    database: Database,
    context: str,
    principal: str,
    *,
    name: str | None,
    grants: Grants | None,
    ttl_seconds: int | None,
    now: int,
) -> str:
    """A new key of a principal.

    Returns:
        Its text, which is kept nowhere.

    Raises:
        ValueError: The lifetime is shorter than a second, or the context was deleted.
        Problem: 400, 403, 404 or 409, as for whoever else mints keys.
    """
    if ttl_seconds is not None and ttl_seconds < 1:
        raise ValueError(f"ttl_seconds is 1 or more, not {ttl_seconds}")
    new = NewKey.make()
    with database.write() as connection:
        at = required_context(connection, context)
        owner = principals.required(connection, at.context_id, principal)
        until = keys.expiry(now, ttl_seconds, limit=at.max_token_ttl_seconds)
        terms = KeyTerms(name, origin="operator", grants=grants, valid_until=until)
        keys.mint(connection, owner, new, terms, now=now)
    return new.text


def ensure_key(
    database: Database, authenticator: Authenticator, context: str, text: str | None, *, now: int
) -> str | None:
    """See that the administrator has a key; one that is given replaces one given before.

    Args:
        database: Where keys are.
        authenticator: Knows whether a text is a key already.
        context: The context's id.
        text: What the operator chose; None makes a key if there is none.
        now: Microseconds.

    Returns:
        The text of a key that was made; None when nothing was.

    Raises:
        ValueError: The text cannot be a key, or the context does not exist.
    """
    if text is not None:
        if not text or any(map(str.isspace, text)):
            raise ValueError("an API key is not blank and holds no white space")
        if authenticator.opens_for_administrator(context, text, now=now):
            return None
    with database.read() as connection:
        known = _administrator_keys(connection, context)
        salt = keys.opaque_salt(connection)
    if text is None and _some_live(known, now):
        return None
    new = NewKey.make() if text is None else NewKey.chosen(text, salt)
    with database.write() as connection:
        known = _administrator_keys(connection, context)
        if text is None and _some_live(known, now):
            return None
        _put(connection, context, known, new, now=now)
    return None if text is not None else new.text


def _administrator_keys(connection: sqlite3.Connection, context: str) -> Mapping[str, StoredKey]:
    context_id = required_context(connection, context).context_id
    admin = principals.required(connection, context_id, ADMIN.principal)
    return {key.name: key for key in keys.list_keys(connection, context_id, principal=admin)}


def _some_live(known: Mapping[str, StoredKey], now: int) -> bool:
    return any(key.is_live(now) for key in known.values())


def _put(
    connection: sqlite3.Connection,
    context: str,
    known: Mapping[str, StoredKey],
    new: NewKey,
    *,
    now: int,
) -> None:
    context_id = required_context(connection, context).context_id
    if _NAME in known:
        keys.delete(connection, known[_NAME])
    taken = keys.find(connection, context_id, _NAME) is not None
    terms = KeyTerms(None if taken else _NAME, origin="operator")
    admin = principals.required(connection, context_id, ADMIN.principal)
    keys.mint(connection, admin, new, terms, now=now)
