"""Idempotency keys: the same request again gets the first one's answer.

Records hold hashes of key and request. What an answer says of extracted facts is kept apart, so
that a purge can remove it. Imports `problems` and the standard library.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from spectron_adapters.local.problems import bad_request, conflict

__all__ = ["ANSWER_SCHEMA", "InFlight", "Replay", "Reservation"]

ANSWER_SCHEMA = "ALTER TABLE idempotency ADD COLUMN region TEXT;"
"""`region` is what the caller could read and write: what an answer may tell of."""

WINDOW = 24 * 60 * 60 * 1_000_000
"""Microseconds for which a key is remembered."""

_KEY_LENGTH_MAX = 1024
_SECRET = 0


@dataclass(frozen=True, slots=True)
class Replay:
    """A stored answer."""

    status: int
    payload: object
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reservation:
    """One request's claim on a key.

    Attributes:
        context_id: Keys of different contexts are different.
        caller: So are keys of different callers.
        key: Hash of the key.
        request: Hash of method, path and parsed body.
    """

    context_id: int
    caller: str
    key: bytes
    request: bytes

    @classmethod
    def of(
        cls, context_id: int, caller: str, key: str, *, method: str, path: str, payload: object
    ) -> Reservation:
        """The claim that a request's header makes.

        Raises:
            Problem: 400, the key is blank or too long.
        """
        if not key.strip() or len(key) > _KEY_LENGTH_MAX:
            raise bad_request(f"Idempotency-Key must have 1 to {_KEY_LENGTH_MAX} characters")
        body = json.dumps(payload, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        request = f"{method}\0{path}\0{body}".encode()
        return cls(context_id, caller, _hash(key.encode()), _hash(request))

    def find(self, connection: sqlite3.Connection, *, now: int) -> Replay | None:
        """The stored answer, if the key was used within the window.

        Raises:
            Problem: 409, the key was used for another request.
        """
        row = connection.execute(
            "SELECT request, status, body, extraction, headers FROM idempotency"
            " WHERE context_id = ? AND caller = ? AND key = ? AND created_at > ?",
            (self.context_id, self.caller, self.key, now - WINDOW),
        ).fetchone()
        if row is None:
            return None
        request, status, body, extraction, headers = row
        if request != self.request:
            raise conflict("the Idempotency-Key was used for another request; use a new key")
        if status == _SECRET:
            raise conflict(
                "this request was answered with a secret, which is shown once and kept nowhere; "
                "if the answer was lost, rotate or delete the key that it made"
            )
        payload = json.loads(body)
        if extraction is not None:
            payload.update(json.loads(extraction))
        return Replay(status, payload, json.loads(headers))

    def store(
        self,
        connection: sqlite3.Connection,
        *,
        now: int,
        status: int,
        payload: object,
        headers: Mapping[str, str],
        region: str,
        secret: bool = False,
    ) -> None:
        """Keep an answer for repetitions, and drop those whose time is over.

        Of an answer that holds a secret nothing is kept but that it was given. `region` is the
        text of the patterns within which lies all that the answer may tell of.
        """
        body, extraction = (None, None) if secret else _split(payload)
        connection.execute(
            "INSERT OR REPLACE INTO idempotency (context_id, caller, key, request, status, body,"
            " extraction, headers, created_at, region) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.context_id,
                self.caller,
                self.key,
                self.request,
                _SECRET if secret else status,
                json.dumps(body, ensure_ascii=False),
                None if extraction is None else json.dumps(extraction, ensure_ascii=False),
                json.dumps(dict(headers)),
                now,
                region,
            ),
        )
        connection.execute("DELETE FROM idempotency WHERE created_at <= ?", (now - WINDOW,))


def _hash(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=16).digest()


def _split(payload: object) -> tuple[object, dict[str, object] | None]:
    """An answer without, and with nothing but, what it says of extracted facts."""
    if not isinstance(payload, dict):
        return payload, None
    told = {name: payload[name] for name in ("extraction", "extractions") if name in payload}
    return {name: value for name, value in payload.items() if name not in told}, told or None


class InFlight:
    """The claims of requests under way in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._claims: set[tuple[int, str, bytes]] = set()

    @contextmanager
    def claim(self, reservation: Reservation) -> Iterator[None]:
        """Hold a key for the time of a request.

        Raises:
            Problem: 409, another request holds it.
        """
        claim = (reservation.context_id, reservation.caller, reservation.key)
        with self._lock:
            if claim in self._claims:
                raise conflict(
                    "a request with this Idempotency-Key is under way; repeat it when that one "
                    "has been answered"
                )
            self._claims.add(claim)
        try:
            yield
        finally:
            with self._lock:
                self._claims.discard(claim)
