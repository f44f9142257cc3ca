"""Asking an engine with a key, in any context, and managing it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from spectron_adapters.local.engine import Engine
from spectron_adapters.local.exchange import Request, Response
from tests.unit.conftest import Clock, Memory


class Keyed(Memory):
    """The verbs of `Memory`, with a key of some context."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        key: str | None,
        *,
        context: str = "default",
        target: str | None = None,
    ) -> None:
        super().__init__(engine, clock)
        self.key = key
        self.context = context
        self.target = target

    def acting_for(self, principal: str) -> Keyed:
        return Keyed(self.engine, self.clock, self.key, context=self.context, target=principal)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        /,
        *,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
        **query: object,
    ) -> Response:
        sent = dict(headers or {})
        if self.key is not None:
            sent["authorization"] = f"Bearer {self.key}"
        if self.target is not None:
            sent["x-spectron-on-behalf-of"] = self.target
        content = b"" if body is None else json.dumps(body).encode()
        return self.engine.handle(
            Request(
                method,
                f"/api/v1/{self.context}{path}",
                urlencode(query),
                sent,
                content if raw is None else raw,
            )
        )

    def status(self, method: str, path: str, body: object = None, /, **query: object) -> int:
        return self.ask(method, path, body, **query).status


class Operator(Keyed):
    """The management plane; `key` is a management key."""

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        /,
        *,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
        **query: object,
    ) -> Response:
        sent = dict(headers or {})
        if self.key is not None:
            sent.setdefault("authorization", f"Bearer {self.key}")
        content = (b"" if body is None else json.dumps(body).encode()) if raw is None else raw
        return self.engine.handle(
            Request(method, f"/api/v1{path}", urlencode(query), sent, content)
        )

    def patch(self, path: str, body: object) -> Any:
        return self._read(self.ask("PATCH", path, body))

    def new_context(self, name: str, **config: object) -> Any:
        body = {"namespace": "acme", "database": name, "config": config}
        return self.post(f"/contexts/{name}", body)

    def enter(self, context: str, name: str = "app", /, **terms: object) -> Keyed:
        """Mint a flat key of a context and use it."""
        body = {"name": name, "principal": "agent", **terms}
        minted = self.post(f"/contexts/{context}/keys", body)
        return Keyed(self.engine, self.clock, minted["key"], context=context)

    def administer(self, context: str) -> Keyed:
        """Mint a key of a context's administrator and use it."""
        minted = self.post(f"/contexts/{context}/principals/admin/keys/root")
        return Keyed(self.engine, self.clock, minted["key"], context=context)
