"""A routed request: what a handler is given, and what it gives back.

Imports storage, access, idempotency, traces and `work`; knows no route and no verb.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar

from pydantic import BaseModel

from spectron_adapters.local.access.callers import Caller, refused
from spectron_adapters.local.access.keys import KeyUses
from spectron_adapters.local.documents.processing import DocumentWorker
from spectron_adapters.local.exchange import Request, Response
from spectron_adapters.local.idempotency import Reservation
from spectron_adapters.local.instants import IdSource
from spectron_adapters.local.management.context_settings import ContextConfig
from spectron_adapters.local.problems import StorageProblem
from spectron_adapters.local.scope_catalog import ScopeCatalog
from spectron_adapters.local.search.vectors import (
    BACKLOG_PER_WRITE,
    NEW_PER_REQUEST,
    VectorModel,
    catch_up,
)
from spectron_adapters.local.storage.database import ClosedError, Database
from spectron_adapters.local.tracing.traces import ReadTraces, Trace, located, region_text
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
        secret: Whether it holds what is shown once; it is not kept for repetitions then.
    """

    status: int
    payload: object = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    events: Iterator[bytes] | None = None
    secret: bool = False

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
    key_uses: KeyUses
    documents: DocumentWorker = field(default_factory=DocumentWorker)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, routed and authenticated.

    Attributes:
        parts: The engine's.
        context: The context of the path, as it is configured now.
        caller: Who asks.
        now: Microseconds; the request's only time.
        parameters: Decoded segments of the path.
        query: Query parameters, the first of each name.
        payload: The JSON body; empty for a form.
        request: As it arrived.
        reservation: The request's idempotency key, if it has one.
    """

    parts: Parts
    context: ContextConfig
    caller: Caller
    now: int
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    payload: Mapping[str, object] = field(repr=False)
    request: Request
    reservation: Reservation | None = None

    @property
    def context_id(self) -> int:
        """The context's row."""
        return self.context.context_id

    @property
    def settings(self) -> Settings:
        """What the operator decided, for the engine and for this context."""
        floor = self.context.confidence_floor
        if floor is None:
            return self.parts.settings
        return replace(self.parts.settings, confidence_floor=floor)

    def refuse_when_blocked(self) -> None:
        """Refuse a request that needs a language model, if the operator blocked the context.

        Called first by `/chat`, `/facts` and `/facts/batch` with `infer=full`, `/reflect` and
        `/consolidate`.

        Raises:
            Problem: 429, with `retry_after: null`.
        """
        self.context.refuse_when_blocked()

    def read(self, step: Callable[[Work], _Result]) -> _Result:
        """Run a step on one state of the database."""
        with self.parts.database.read() as connection:
            return step(self._work(connection, writable=False))

    def read_settled(self, step: Callable[[Work], _Result]) -> _Result:
        """Like `read`, once the importance that earlier reads lent is stored.

        For steps that show importance or order by it: it must not tell whether anybody has
        written since.
        """
        if self.parts.read_traces.are_waiting:
            self.store_waiting()
        return self.read(step)

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
            self._check_context(connection)
            work = self._work(connection, writable=True)
            if not keep:
                return step(work)
            answer = self._answer_once(work, step)
            self.parts.read_traces.store(connection)
            self.parts.key_uses.store(connection)
        self.embed_new_rows()
        return answer

    def embed_new_rows(
        self,
        *,
        new: int = NEW_PER_REQUEST,
        backlog: int = BACKLOG_PER_WRITE,
        proven: bool = False,
    ) -> None:
        """Give rows their vectors, if there is an embedder; what fails is tried again later.

        Args:
            new: New rows at most.
            backlog: At most so many of those that were there before the embedder was.
            proven: Whether the embedder answered just now.
        """
        model = self.parts.settings.embedder
        if not isinstance(model, VectorModel):
            return
        try:
            catch_up(self.parts.database, model, new=new, backlog=backlog, proven=proven)
        except (StorageProblem, ClosedError) as error:
            _logger.warning("vectors were not stored: %s", type(error).__name__)

    def _check_context(self, connection: sqlite3.Connection) -> None:
        """Refuse to write into a context that was deleted since the request began."""
        known = connection.execute("SELECT 1 FROM context WHERE id = ?", (self.context_id,))
        if known.fetchone() is None:
            raise refused()

    def _answer_once(self, work: Work, step: Callable[[Work], Answer]) -> Answer:
        reservation = self.reservation
        if reservation is None:
            return step(work)
        replayed = reservation.find(work.connection, now=self.now)
        if replayed is not None:
            return Answer(replayed.status, replayed.payload, replayed.headers)
        answer = step(work)
        reservation.store(
            work.connection,
            now=self.now,
            status=answer.status,
            payload=answer.payload,
            headers=answer.headers,
            secret=answer.secret,
            region=self._told_region(),
        )
        return answer

    def _told_region(self) -> str:
        """What an answer may tell of: all that the caller may read or write."""
        regions = [self.caller.region(verb) for verb in ("memory:read", "memory:write")]
        return region_text(pattern for region in regions for pattern in region.patterns)

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
            self.settings,
        )

    def trace_read(self, trace: Trace) -> None:
        """Keep the trace of a read; stores what waits when much waits and nobody is writing."""
        if self.parts.read_traces.add(located(trace, self.caller)):
            self.store_waiting()

    def store_waiting(self) -> None:
        """Store what reads left behind, unless somebody is writing."""
        try:
            with self.parts.database.write_if_free() as connection:
                if connection is not None:
                    self.parts.read_traces.store(connection)
                    self.parts.key_uses.store(connection)
        except (sqlite3.DatabaseError, ClosedError) as error:
            _logger.warning("traces of reads were not stored: %s", type(error).__name__)


Handler: TypeAlias = Callable[[Call], Answer]
