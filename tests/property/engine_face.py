"""Asks an engine as a client would, for tests that compare it with `naive_service`.

Hours of the naive service become instants, and back; a refusal is its status.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, urlencode

from spectron_adapters.local.engine import Engine
from spectron_adapters.local.exchange import Request, Response
from tests.property.naive_rows import Clocks
from tests.property.scope_reference import Clauses

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def at(hour: int) -> str:
    """An hour of the naive service as the wire writes it."""
    return (START + timedelta(hours=hour)).isoformat().replace("+00:00", "Z")


def hour(text: str | None) -> int | None:
    """The hour of a time on the wire."""
    if text is None:
        return None
    passed = datetime.fromisoformat(text.replace("Z", "+00:00")) - START
    return int(passed.total_seconds() // 3600)


class RefusedError(Exception):
    """An answer of 400 or more."""

    def __init__(self, response: Response) -> None:
        self.status = response.status
        super().__init__(f"{response.status} {response.body.decode()}")


class EngineFace:
    """One engine; `caller` names the principal who asks.

    Args:
        engine: Answers.
        keys: The key of each principal; without keys the administrator asks on the caller's
            behalf.
        acting: Who asks on behalf of a principal, with a key of his own.
    """

    def __init__(
        self,
        engine: Engine,
        keys: Mapping[str, str] | None = None,
        acting: Mapping[str, str] | None = None,
    ) -> None:
        self.engine = engine
        self.keys = keys
        self.acting = acting or {}

    def ask(
        self,
        caller: str,
        method: str,
        path: str,
        body: object = None,
        /,
        *,
        headers: Mapping[str, str] | None = None,
        **query: object,
    ) -> Any:
        """What a request answers, or `RefusedError`."""
        given = {name: str(value) for name, value in query.items() if value is not None}
        response = self.engine.handle(
            Request(
                method,
                f"/api/v1/default{path}",
                urlencode(given),
                self._headers(caller) | dict(headers or {}),
                b"" if body is None else json.dumps(body).encode(),
            )
        )
        if response.status >= 400:
            raise RefusedError(response)
        return json.loads(response.body) if response.body else None

    def _headers(self, caller: str) -> dict[str, str]:
        if self.keys is None:
            return {} if caller == "admin" else {"x-spectron-on-behalf-of": caller}
        asking = self.acting.get(caller, caller)
        sent = {"authorization": f"Bearer {self.keys[asking]}"}
        return sent if asking == caller else {**sent, "x-spectron-on-behalf-of": caller}

    # --- reads ------------------------------------------------------------------------------------

    def recall(
        self,
        caller: str,
        query: str,
        *,
        lens: Clauses | None = None,
        clocks: Clocks | None = None,
        labels: Sequence[str] = (),
        mode: str = "bm25",
        k: int = 50,
    ) -> Any:
        """The whole answer of a query."""
        body = {"query": query, "k": k, "mode": mode, "includeDuplicates": True}
        body |= {name: at(value) for name, value in (clocks or Clocks()).given.items()}
        if lens is not None:
            body["lens"] = lens
        if labels:
            body["labels"] = list(labels)
        return self.ask(caller, "POST", "/query", body)

    def entity(
        self, caller: str, name: str, *, lens: Clauses | None = None, clocks: Clocks | None = None
    ) -> Any:
        """An entity with what is said of it."""
        when = {key: at(value) for key, value in (clocks or Clocks()).given.items()}
        return self.ask(
            caller, "GET", f"/entities/person/{quote(name, safe='')}", lens=as_text(lens), **when
        )


def as_text(lens: Clauses | None) -> str | None:
    """A lens as a query parameter."""
    return None if lens is None else json.dumps(lens)
