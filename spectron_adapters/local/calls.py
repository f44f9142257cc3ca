"""A routed request: what a handler is given, and what it gives back.

Imports storage, access, idempotency, traces and `work`; knows no route and no verb.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from pydantic import BaseModel

from spectron_adapters.local.access.callers import Caller
from spectron_adapters.local.exchange import Request, Response
from spectron_adapters.local.idempotency import Reservation
from spectron_adapters.local.instants import IdSource
from spectron_adapters.local.scope_catalog import ScopeCatalog
from spectron_adapters.local.storage import ClosedError, Database
from spectron_adapters.local.traces import ReadTraces, Trace
from spectron_adapters.local.work import Settings, Work

__all__ = ["Answer", "Call", "Handler", "Parts", "body_of"]

_logger = logging.getLogger("spectron_adapters.local")

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler answers.

    Attributes:
        status: HTTP status.
        payload: Sent as JSON; None for an empty body.
        headers: Further headers.
        content: Sent as it is instead of a payload; its content type stands in the headers.
        events: Server-sent events, encoded, instead of a payload; closed when the reader leaves.
    """

    status: int
    payload: object
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    events: Iterator[bytes] | None = None

    @classmethod
    def of(cls, status: int, model: BaseModel, *, trace_id: str | None = None) -> Answer:
        """A response model, with the id of its trace."""
        headers = {} if trace_id is None else {"x-trace-id": trace_id}
        return cls(status, body_of(model), headers)

    def response(self) -> Response:
        """The answer as it is sent."""
        if self.events is not None:
            headers = {"content-type": "text/event-stream", "cache-control": "no-store"}
            return Response(self.status, {**headers, **self.headers}, b"", self.events)
        if self.content is not None:
            headers = {"content-length": str(len(self.content)), **self.headers}
            return Response(self.status, headers, self.content)
        return Response.json(self.status, self.payload, headers=self.headers)


def body_of(model: BaseModel) -> dict[str, object]:
    """A response as it goes on the wire."""
    return model.model_dump(by_alias=True, exclude_none=True)


@dataclass(frozen=True, slots=True)
class Parts:
    """What all requests of an engine share."""

    database: Database
    catalog: ScopeCatalog
    ids: IdSource
    settings: Settings
    read_traces: ReadTraces


@dataclass(frozen=True, slots=True)
class Call:
    """One request, routed and authenticated.

    Attributes:
        parts: The engine's.
        context_id: The context of the path.
        caller: Who asks.
        now: Microseconds; the request's only time.
        parameters: Decoded segments of the path.
        query: Query parameters, the first of each name.
        payload: The JSON body; empty for a form.
        request: As it arrived.
        reservation: The request's idempotency key, if it has one.
    """

    parts: Parts
    context_id: int
    caller: Caller
    now: int
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    payload: Mapping[str, object]
    request: Request
    reservation: Reservation | None = None

    @property
    def settings(self) -> Settings:
        """What the operator decided."""
        return self.parts.settings

    def read(self, step: Callable[[Work], _Result]) -> _Result:
        """Run a step on one state of the database."""
        with self.parts.database.read() as connection:
            return step(self._work(connection, writable=False))

    def replay(self) -> Answer | None:
        """The stored answer to an earlier request with the same key, if there is one.

        Asked before work that need not be repeated; `write` asks again in its transaction.
        """
        if self.reservation is None:
            return None
        with self.parts.database.read() as connection:
            found = self.reservation.find(connection, now=self.now)
        return None if found is None else Answer(found.status, found.payload, found.headers)

    def write(
        self,
        step: Callable[[Work], Answer],
        *,
        keep: bool = True,
    ) -> Answer:
        """Run a step that changes the database: all of it is kept, or nothing.

        The idempotency record is part of the transaction: a repetition gets the stored answer.

        Args:
            step: Called once, or not at all for a repetition.
            keep: False rolls back in any case: a preview.
        """
        with self.parts.database.write(keep=keep) as connection:
            work = self._work(connection, writable=True)
            if not keep:
                return step(work)
            if self.reservation is None:
                answer = step(work)
                self.parts.read_traces.store(connection)
                return answer
            replayed = self.reservation.find(connection, now=self.now)
            if replayed is not None:
                return Answer(replayed.status, replayed.payload, replayed.headers)
            answer = step(work)
            self.reservation.store(
                connection,
                now=self.now,
                status=answer.status,
                payload=answer.payload,
                headers=answer.headers,
            )
            self.parts.read_traces.store(connection)
            return answer

    def _work(self, connection: sqlite3.Connection, *, writable: bool) -> Work:
        parts = self.parts
        return Work(
            connection,
            self.context_id,
            self.caller,
            self.now,
            writable,
            parts.catalog,
            parts.ids,
            parts.settings,
        )

    def trace_read(self, trace: Trace) -> None:
        """Keep the trace of a read; stores what waits when much waits and nobody is writing."""
        if not self.parts.read_traces.add(trace):
            return
        try:
            with self.parts.database.write_if_free() as connection:
                if connection is not None:
                    self.parts.read_traces.store(connection)
        except (sqlite3.DatabaseError, ClosedError) as error:
            _logger.warning("traces of reads were not stored: %s", type(error).__name__)


Handler: TypeAlias = Callable[[Call], Answer]
