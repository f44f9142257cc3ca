"""The keys of a context: stored, found, listed, rotated, deleted.

Functions take an open transaction and decide nothing about who may call them. Imports
`principals`, `key_secrets`, `grants`, `problems` and the standard library.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import dataclass, field, replace
from typing import Any

from spectron_adapters.local.access import grants as grant_rules
from spectron_adapters.local.access.callers import UsedKey
from spectron_adapters.local.access.grants import Grants, grants_text, read_grants
from spectron_adapters.local.access.key_secrets import NewKey
from spectron_adapters.local.access.principals import StoredPrincipal, from_row
from spectron_adapters.local.instants import to_text
from spectron_adapters.local.problems import Problem, bad_request, conflict, not_found
from spectron_adapters.scopes import GrantPattern

__all__ = [
    "KeyTerms",
    "KeyUses",
    "StoredKey",
    "delete",
    "expiry",
    "find",
    "find_by_digest",
    "find_by_id",
    "has_chosen",
    "list_keys",
    "mint",
    "missing",
    "name_taken",
    "opaque_salt",
    "prune_tokens",
    "renewed",
    "required",
    "rotate",
]

_NAME_LENGTH_MAX = 512
_LATEST_INSTANT = 253_402_300_799_000_000
_SECOND = 1_000_000
_COLUMNS = (
    "p.id, p.context_id, p.name, p.display_name, p.kind, p.grants, NULL,"
    " k.key_id, k.context_id, k.name, k.origin, k.kind, k.grants, k.floor, k.strict, k.opaque,"
    " k.salt, k.digest, k.created_at, k.last_used_at, k.valid_until"
)
_FROM = f"SELECT {_COLUMNS} FROM api_key AS k JOIN principal AS p ON p.id = k.principal_id"  # noqa: S608  # constant columns


@dataclass(frozen=True, slots=True)
class KeyTerms:
    """What a new key may do, and for how long.

    Attributes:
        name: Unique in the context; None takes the key's id.
        origin: self, flat, principal, token or operator: who asked for it.
        kind: agent or supervisor; None for keys of neither sort.
        grants: What it attenuates its principal's grants to; None inherits them.
        floor: The subtree that confines it.
        strict: Whether a lens outside the region is refused instead of read as empty.
        valid_until: Microseconds; None for ever.
    """

    name: str | None
    origin: str
    kind: str | None = None
    grants: Grants | None = None
    floor: str | None = None
    strict: bool = False
    valid_until: int | None = None


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as it is stored, with the principal that it is bound to; holds no secret."""

    key_id: str
    context_id: int
    name: str
    origin: str
    kind: str | None
    grants: Grants | None
    floor: str | None
    is_strict: bool
    is_opaque: bool
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)
    created_at: int
    last_used_at: int | None
    valid_until: int | None
    principal: StoredPrincipal

    def is_live(self, now: int) -> bool:
        """Whether it has not expired."""
        return self.valid_until is None or now < self.valid_until

    @property
    def expires(self) -> str | None:
        """When it expires, as text; None never."""
        return None if self.valid_until is None else to_text(self.valid_until)

    @property
    def last_used(self) -> str | None:
        """When it was last used, as text, to the minute; None never."""
        return None if self.last_used_at is None else to_text(self.last_used_at)

    @property
    def regions(self) -> Grants:
        """What it may do: its principal's grants, within its own, within its floor."""
        held = self.principal.grants
        if self.grants is not None:
            held = grant_rules.intersect(held, self.grants)
        return held if self.floor is None else grant_rules.confined(held, GrantPattern(self.floor))

    @property
    def used(self) -> UsedKey:
        """The key as a caller carries it."""
        return UsedKey(
            key_id=self.key_id,
            name=self.name,
            kind=self.kind,
            strict=self.is_strict,
            grants=self.grants,
            floor=self.floor,
            valid_until=self.valid_until,
        )


def _stored(row: tuple[Any, ...]) -> StoredKey:
    bound, key = row[:7], row[7:]
    return StoredKey(
        key_id=key[0],
        context_id=key[1],
        name=key[2],
        origin=key[3],
        kind=key[4],
        grants=None if key[5] is None else read_grants(key[5]),
        floor=key[6],
        is_strict=bool(key[7]),
        is_opaque=bool(key[8]),
        salt=key[9],
        digest=key[10],
        created_at=key[11],
        last_used_at=key[12],
        valid_until=key[13],
        principal=from_row(bound),
    )


def _one(connection: sqlite3.Connection, condition: str, *values: object) -> StoredKey | None:
    row = connection.execute(f"{_FROM} WHERE {condition}", values).fetchone()
    return None if row is None else _stored(row)


def find_by_id(connection: sqlite3.Connection, key_id: str) -> StoredKey | None:
    """A key that was made here, in whichever context."""
    return _one(connection, "k.key_id = ? AND NOT k.opaque", key_id)


def find_by_digest(
    connection: sqlite3.Connection, context_id: int | None, digest: bytes
) -> StoredKey | None:
    """An opaque key; None as context looks in all of them."""
    condition = "k.opaque AND k.digest = ? AND (? IS NULL OR k.context_id = ?)"
    return _one(connection, condition, digest, context_id, context_id)


def has_chosen(connection: sqlite3.Connection, context: str) -> bool:
    """Whether an operator chose a key for a context, whatever became of its text."""
    row = connection.execute(
        "SELECT 1 FROM api_key AS k JOIN context AS c ON c.id = k.context_id"
        " WHERE c.name = ? AND (k.opaque OR k.origin = 'operator') LIMIT 1",
        (context,),
    ).fetchone()
    return row is not None


def find(connection: sqlite3.Connection, context_id: int, name: str) -> StoredKey | None:
    """A key by its name."""
    return _one(connection, "k.context_id = ? AND k.name = ?", context_id, name)


def required(connection: sqlite3.Connection, context_id: int, name: str) -> StoredKey:
    """A key that must exist.

    Raises:
        Problem: 404.
    """
    found = find(connection, context_id, name)
    if found is None:
        raise missing()
    return found


def missing() -> Problem:
    """404: absent, or somebody else's; which of them is not told."""
    return not_found("there is no such key here")


def name_taken() -> Problem:
    """409: names are unique in a context."""
    return conflict("a key with this name exists; choose another, or rotate it")


def list_keys(
    connection: sqlite3.Connection, context_id: int, *, principal: StoredPrincipal | None = None
) -> list[StoredKey]:
    """The keys of a context, or of one of its principals, in the order of their making."""
    rows = connection.execute(
        f"{_FROM} WHERE k.context_id = ? AND (? IS NULL OR p.id = ?) ORDER BY k.id",
        (context_id, *((None if principal is None else principal.row_id,) * 2)),
    )
    return [_stored(row) for row in rows]


def opaque_salt(connection: sqlite3.Connection) -> bytes:
    """The salt that the database's opaque keys share."""
    (salt,) = connection.execute("SELECT salt FROM opaque_key_salt").fetchone()
    return bytes(salt)


def expiry(now: int, ttl_seconds: int | None, *, limit: int | None) -> int | None:
    """When a key expires that is minted now.

    Args:
        now: Microseconds.
        ttl_seconds: What is asked for; None for ever.
        limit: The context's `max_token_ttl_seconds`, which shortens whatever is asked for.

    Returns:
        Microseconds; None for ever.
    """
    spans = [span for span in (ttl_seconds, limit) if span is not None]
    return min(now + min(spans) * _SECOND, _LATEST_INSTANT) if spans else None


def renewed(key: StoredKey, now: int, ttl_seconds: int | None, *, limit: int | None) -> int | None:
    """When a rotated key expires: as before, unless another time is asked for.

    The context's limit shortens either, for a new secret is a new key to whoever holds it.
    """
    latest = expiry(now, ttl_seconds, limit=limit)
    if ttl_seconds is not None or key.valid_until is None:
        return latest
    return key.valid_until if latest is None else min(latest, key.valid_until)


def mint(
    connection: sqlite3.Connection,
    principal: StoredPrincipal,
    new: NewKey,
    terms: KeyTerms,
    *,
    now: int,
) -> StoredKey:
    """Store a new key of a principal.

    Raises:
        Problem: 400, the grants go beyond the principal's, or the name cannot be used; 403, the
            principal is `principal:system`; 409, the name is taken.
    """
    principal.check_mutable()
    name = new.key_id if terms.name is None else terms.name
    if not name.strip() or len(name) > _NAME_LENGTH_MAX:
        raise bad_request(f"a key's name must have 1 to {_NAME_LENGTH_MAX} characters")
    if terms.grants is not None and not grant_rules.contains(principal.grants, terms.grants):
        raise bad_request(
            "grants: a key cannot do more than its principal; leave out what the principal lacks"
        )
    if find(connection, principal.context_id, name) is not None:
        raise name_taken()
    connection.execute(
        "INSERT INTO api_key (key_id, context_id, principal_id, name, origin, kind, grants, floor,"
        " strict, opaque, salt, digest, created_at, valid_until)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            new.key_id,
            principal.context_id,
            principal.row_id,
            name,
            terms.origin,
            terms.kind,
            None if terms.grants is None else grants_text(terms.grants),
            terms.floor,
            terms.strict,
            new.opaque,
            new.salt,
            new.digest,
            now,
            terms.valid_until,
        ),
    )
    return required(connection, principal.context_id, name)


def rotate(
    connection: sqlite3.Connection, key: StoredKey, new: NewKey, *, valid_until: int | None
) -> StoredKey:
    """Give a key another secret; id, binding, grants and floor stay, the old secret is dead."""
    connection.execute(
        "UPDATE api_key SET opaque = ?, salt = ?, digest = ?, valid_until = ? WHERE key_id = ?",
        (new.opaque, new.salt, new.digest, valid_until, key.key_id),
    )
    return replace(
        key, is_opaque=new.opaque, salt=new.salt, digest=new.digest, valid_until=valid_until
    )


def delete(connection: sqlite3.Connection, key: StoredKey) -> None:
    """Delete a key, which stops working at once."""
    connection.execute("DELETE FROM api_key WHERE key_id = ?", (key.key_id,))


def prune_tokens(connection: sqlite3.Connection, context_id: int, *, now: int) -> None:
    """Drop access tokens that have expired: each was named by its id, and nobody lists them."""
    connection.execute(
        "DELETE FROM api_key WHERE context_id = ? AND origin = 'token' AND valid_until <= ?",
        (context_id, now),
    )


class KeyUses:
    """When keys were last used: kept until somebody writes, so that no read waits for a writer.

    Threads share it. A crash may lose the last uses.
    """

    _PRECISION = 60 * _SECOND

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, int] = {}

    def note(self, key: StoredKey, now: int) -> None:
        """Remember a use, unless one of the last minute is known."""
        known = self._waiting.get(key.key_id, key.last_used_at)
        if known is not None and known <= now < known + self._PRECISION:
            return
        with self._lock:
            self._waiting[key.key_id] = now

    def store(self, connection: sqlite3.Connection) -> None:
        """Store what waits, in the transaction given; it must commit."""
        if not self._waiting:
            return
        with self._lock:
            uses, self._waiting = self._waiting, {}
        connection.execute(
            "UPDATE api_key SET last_used_at = used.value"
            " FROM json_each(?) AS used WHERE key_id = used.key",
            (json.dumps(uses),),
        )
