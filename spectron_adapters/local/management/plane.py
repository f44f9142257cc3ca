"""The management plane's requests: who may make them, and what their handlers are given.

Imports `authentication`, `calls`, `work`, the route table and the registry's reading.
"""

from __future__ import annotations

import hmac
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from spectron_adapters.local.access.authentication import Authenticator
from spectron_adapters.local.access.callers import SYSTEM
from spectron_adapters.local.access.key_secrets import fingerprint
from spectron_adapters.local.calls import Answer, Parts
from spectron_adapters.local.management.context_settings import ContextConfig, find_context
from spectron_adapters.local.problems import Problem, forbidden, unauthorized
from spectron_adapters.local.work import Work

__all__ = ["ManagementCall", "ManagementGate", "ManagementHandler", "context_not_found"]

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class ManagementCall:
    """One request of an operator, routed and let in.

    Attributes:
        parts: The engine's.
        now: Microseconds; the request's only time.
        parameters: Decoded segments of the path.
        query: Query parameters, the first of each name.
        payload: The JSON body.
    """

    parts: Parts
    now: int
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    payload: Mapping[str, object] = field(repr=False)

    def read(self, step: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Run a step on one state of the database."""
        with self.parts.database.read() as connection:
            return step(connection)

    def write(self, step: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Run a step that changes the database: all of it is kept, or nothing."""
        with self.parts.database.write() as connection:
            answer = step(connection)
            self.parts.read_traces.store(connection)
            self.parts.key_uses.store(connection)
            return answer

    def context(self, connection: sqlite3.Connection) -> ContextConfig:
        """The context that the path names.

        Raises:
            Problem: 404.
        """
        found = find_context(connection, self.parameters["id"])
        if found is None:
            raise context_not_found()
        return found

    def work(self, connection: sqlite3.Connection, context: ContextConfig) -> Work:
        """A write transaction's work in a context, on behalf of the service itself."""
        parts = self.parts
        return Work(
            connection=connection,
            context_id=context.context_id,
            caller=SYSTEM,
            now=self.now,
            writable=True,
            catalog=parts.catalog,
            ids=parts.ids,
            settings=parts.settings,
        )

    def new_id(self) -> str:
        """A new sortable id."""
        return self.parts.ids(self.now)


ManagementHandler: TypeAlias = Callable[[ManagementCall], Answer]


def context_not_found() -> Problem:
    """404: no context of this id."""
    return Problem(404, "context-not-found", "there is no context with this id")


class ManagementGate:
    """Who may manage.

    Args:
        authenticator: Tells a data key from a wrong one.
        management_key: What must be presented; None lets nobody in who must present a key.

    Raises:
        ValueError: The key is blank or holds white space.
    """

    def __init__(self, authenticator: Authenticator, management_key: str | None) -> None:
        self._authenticator = authenticator
        self._process_key = os.urandom(32)
        self._digest = None if management_key is None else self._mark(_checked(management_key))

    def check(self, headers: Mapping[str, str], *, now: int) -> None:
        """Let a request pass, or refuse it.

        A request without any key passes in the process, where it is the administrator's.

        Raises:
            Problem: 401, no management key, or a wrong one; 403, a key of a context.
        """
        tokens = _presented(headers)
        if not tokens and not self._authenticator.require_key:
            return
        if any(self._is_management_key(token) for token in tokens):
            return
        if any(self._authenticator.is_data_key(token, now=now) for token in tokens):
            raise forbidden("a context's key does not manage contexts; use the management key")
        raise unauthorized("the management key is missing or wrong")

    def _is_management_key(self, token: str) -> bool:
        return self._digest is not None and hmac.compare_digest(self._mark(token), self._digest)

    def _mark(self, token: str) -> bytes:
        return fingerprint(token, key=self._process_key)


def _checked(management_key: str) -> str:
    if not management_key.strip() or management_key != management_key.strip():
        raise ValueError("the management key is blank or has white space at its ends")
    return management_key


def _presented(headers: Mapping[str, str]) -> Sequence[str]:
    """The keys that a request carries, as a bearer and under `API-KEY`.

    A header that holds none counts as a wrong key, not as an absent one.
    """
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    given = [token if scheme.lower() == "bearer" else "", headers.get("api-key", "")]
    tokens = [text.strip() for text in given if text.strip()]
    return tokens or ([""] if "authorization" in headers or "api-key" in headers else [])
