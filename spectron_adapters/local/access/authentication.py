"""From a request's headers to its context and caller, in the process and over HTTP alike.

Every refusal is the same 401: which of context, id, secret or expiry was wrong is told to nobody,
and a wrong key costs one hash whatever is wrong with it. Slow hashing happens outside any
transaction. Imports `keys`, `principals`, `callers` and `management.context_settings`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from spectron_adapters.local.access import keys, principals
from spectron_adapters.local.access.callers import ADMIN, Caller, delegation_target, refused
from spectron_adapters.local.access.key_secrets import KeyHasher, split_key
from spectron_adapters.local.access.keys import KeyUses, StoredKey
from spectron_adapters.local.management.context_settings import ContextConfig, find_context
from spectron_adapters.local.problems import Problem, forbidden
from spectron_adapters.local.storage.database import Database

__all__ = ["Authenticator", "Identified", "bearer"]


@dataclass(frozen=True, slots=True)
class Identified:
    """Whose request it is.

    Attributes:
        context: The context, as it is configured now.
        caller: Who asks.
    """

    context: ContextConfig
    caller: Caller


@dataclass(frozen=True, slots=True)
class _Found:
    """What one state of the database says of a request."""

    context: ContextConfig | None
    salt: bytes
    key: StoredKey | None


class Authenticator:
    """Decides who calls.

    Args:
        database: Where keys are.
        uses: Told of every key used.
        require_key: Whether a request without a key is refused; else it is the administrator's.
    """

    def __init__(self, database: Database, uses: KeyUses, *, require_key: bool) -> None:
        self.hasher = KeyHasher()
        self.require_key = require_key
        self._database = database
        self._uses = uses

    def identify(self, context: str, headers: Mapping[str, str], *, now: int) -> Identified:
        """Context and caller of a request on the data plane.

        Args:
            context: The context's id.
            headers: By lower-case name.
            now: Microseconds.

        Raises:
            Problem: 401, alike for whatever is wrong with context or key; 403, the delegation
                target is unknown; 400, the delegation header is malformed.
        """
        if not self.require_key and not self._counts(context, headers):
            with self._database.read() as connection:
                found = find_context(connection, context)
            if found is None:
                raise refused()
            return Identified(found, self._delegated(found, ADMIN, headers))
        found, key = self._check(context, bearer(headers), now=now)
        self._uses.note(key, now)
        return Identified(found, self._delegated(found, _caller(key), headers))

    def _counts(self, context: str, headers: Mapping[str, str]) -> bool:
        """Whether a request in the process carries a key that decides who calls.

        A key of a service's, left over in the settings of whoever tries things out, cannot be one
        of these: it does not look like a key made here, and no operator chose any for the context.
        """
        if "authorization" not in headers:
            return False
        if split_key(bearer(headers)) is not None:
            return True
        with self._database.read() as connection:
            return keys.has_chosen(connection, context)

    def is_data_key(self, token: str, *, now: int) -> bool:
        """Whether a text is a live key of any context."""
        found = self._look_up(None, token)
        key = self._verified(found, token, context_id=None)
        return key is not None and key.is_live(now)

    def _check(self, context: str, token: str, *, now: int) -> tuple[ContextConfig, StoredKey]:
        found = self._look_up(context, token)
        at = found.context
        key = self._verified(found, token, context_id=-1 if at is None else at.context_id)
        if at is None or key is None or key.context_id != at.context_id or not key.is_live(now):
            raise refused()
        return at, key

    def _look_up(self, context: str | None, token: str) -> _Found:
        parts = split_key(token)
        with self._database.read() as connection:
            return _Found(
                context=None if context is None else find_context(connection, context),
                salt=keys.opaque_salt(connection),
                key=None if parts is None else keys.find_by_id(connection, parts[0]),
            )

    def _verified(self, found: _Found, token: str, *, context_id: int | None) -> StoredKey | None:
        """The key that a token proves to be; costs one hash, or none for a key seen before."""
        parts = split_key(token)
        if found.key is not None and parts is not None:
            proven = self.hasher.matches(parts[1], found.key.salt, found.key.digest)
            return found.key if proven else None
        digest = self.hasher.digest(token, found.salt)
        with self._database.read() as connection:
            key = keys.find_by_digest(connection, context_id, digest)
        if key is not None:
            self.hasher.remember(token, found.salt, digest)
        return key

    def opens_for_administrator(self, context: str, token: str, *, now: int) -> bool:
        """Whether a text is a live key of a context's administrator."""
        try:
            return self._check(context, token, now=now)[1].principal.name == ADMIN.principal
        except Problem:
            return False

    def _delegated(
        self, context: ContextConfig, caller: Caller, headers: Mapping[str, str]
    ) -> Caller:
        target = delegation_target(headers)
        if target is None:
            return caller
        with self._database.read() as connection:
            return _acting_for(connection, context, caller, target)


def _caller(key: StoredKey) -> Caller:
    principal = key.principal
    return Caller(
        principal=principal.name,
        display_name=principal.display_name,
        kind=principal.kind,
        grants=principal.grants,
        regions=key.regions,
        key=key.used,
    )


def _acting_for(
    connection: sqlite3.Connection, context: ContextConfig, caller: Caller, target: str
) -> Caller:
    found = principals.find(connection, context.context_id, target)
    if found is None:
        raise forbidden("the principal to act on behalf of is unknown in this context")
    return caller.acting_for(found.name, found.grants)


def bearer(headers: Mapping[str, str]) -> str:
    """The key that a request carries.

    Raises:
        Problem: 401, it carries none, or not as a bearer.
    """
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise refused()
    return token.strip()
