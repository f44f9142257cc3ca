"""The engine: one function from request to response, over one database.

Assembles storage, access, idempotency and the routes. Imports no httpx: `local.http` turns it
into a transport.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qsl

from spectron_adapters.local.access.callers import (
    ADMIN,
    Caller,
    delegated,
    delegation_target,
    store_principal,
)
from spectron_adapters.local.bodies import parse_body
from spectron_adapters.local.calls import Answer, Call, Handler, Parts
from spectron_adapters.local.exchange import Request, Response
from spectron_adapters.local.extraction.plain_statements import PlainStatements
from spectron_adapters.local.extraction.statements import Extractor, ExtractorFunction, as_extractor
from spectron_adapters.local.idempotency import InFlight, Reservation
from spectron_adapters.local.instants import Clock, IdSource, SortableIds, now_from, utc_now
from spectron_adapters.local.language.models import as_embedder, as_language_model
from spectron_adapters.local.problems import (
    Problem,
    bad_request,
    internal,
    not_found,
    not_implemented,
    unauthorized,
    unprocessable,
)
from spectron_adapters.local.routes.data_plane import DATA_PLANE
from spectron_adapters.local.routes.table import MANAGEMENT, decode
from spectron_adapters.local.scope_catalog import ScopeCatalog
from spectron_adapters.local.storage import ClosedError, Database, Synchronous
from spectron_adapters.local.traces import ReadTraces
from spectron_adapters.local.work import Settings

__all__ = ["Engine"]

_logger = logging.getLogger("spectron_adapters.local")

_PREFIX = "/api/v1/"
_CONTEXT_ID = re.compile(r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?")
_RESERVED = frozenset({*MANAGEMENT, "health"})
CONFIDENCE_FLOOR = 0.7
"""Confidence from which a statement may supersede another."""


class Engine:
    """A Spectron service in the process; threads and event loops may share it.

    Args:
        path: The database file; None keeps memory in the process only.
        context: The context that is made when it does not exist.
        embeddings: What turns texts into vectors; None searches by words alone.
        llm: The language model that reads statements, chats and reflects; None does without.
        extractor: What reads statements from turns; None takes the language model, or without
            one plain English statements.
        clock: Returns the current time as an aware datetime.
        ids: Makes an id from an instant in microseconds.
        synchronous: `FULL`, or `NORMAL`, which may lose the last writes in a power cut.
        auto_register_scopes: Whether a write registers the scopes that it names.
        confidence_floor: From which confidence on a statement may supersede, 0 to 1.
        busy_timeout: Seconds to wait for another process's write.

    Raises:
        ValueError: A context id or an option outside its values.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        context: str = "default",
        embeddings: object = None,
        llm: object = None,
        extractor: Extractor | ExtractorFunction | None = None,
        clock: Clock | None = None,
        ids: IdSource | None = None,
        synchronous: Synchronous = "FULL",
        auto_register_scopes: bool = True,
        confidence_floor: float = CONFIDENCE_FLOOR,
        busy_timeout: float = 10.0,
    ) -> None:
        _check_options(context, synchronous, confidence_floor)
        self._context = context
        self._clock = clock or utc_now
        self._database = Database(_file(path), synchronous=synchronous, busy_timeout=busy_timeout)
        self._parts = Parts(
            database=self._database,
            catalog=ScopeCatalog(),
            ids=ids or SortableIds(),
            settings=Settings(
                auto_register_scopes=auto_register_scopes,
                confidence_floor=confidence_floor,
                extractor=as_extractor(extractor or PlainStatements()),
                embedder=None if embeddings is None else as_embedder(embeddings),
                language_model=None if llm is None else as_language_model(llm),
            ),
            read_traces=ReadTraces(),
        )
        self._in_flight = InFlight()
        self._context_ids: dict[str, int] = {}

    @property
    def path(self) -> Path | None:
        """The database file; None when memory stays in the process."""
        return self._database.path

    def __repr__(self) -> str:
        place = "in memory" if self.path is None else str(self.path)
        return f"<Engine {place}, context {self._context!r}>"

    def open(self) -> None:
        """Open or create the database now, instead of at the first request.

        Raises:
            Problem: The file cannot be used; it was left as it is.
        """
        self._database.open()

    def close(self) -> None:
        """Store what waits and close the database; memory without a file is gone.

        May be repeated; requests raise afterwards.
        """
        if self._database.is_open:
            try:
                with self._database.write() as connection:
                    self._parts.read_traces.store(connection)
            except Problem as problem:
                _logger.warning("traces of reads were not stored: %s", problem.detail)
        self._database.close()

    def add_principal(
        self,
        name: str,
        *,
        grants: Mapping[str, str | Sequence[str]],
        kind: str = "human",
    ) -> None:
        """Create a principal on whose behalf requests may be made, or replace its grants.

        Args:
            name: Its id, without the table prefix.
            grants: Patterns by verb.
            kind: human, agent, service or unknown; never affects access.

        Raises:
            ValueError: The name cannot be used, a verb is unknown or a pattern malformed.
        """
        context_id = self._context_id(self._context)
        now = now_from(self._clock)
        with self._database.write() as connection:
            store_principal(connection, context_id, name, grants=grants, kind=kind, now=now)

    # --- requests -------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """Answer a request. Refusals and failures are problem documents.

        Raises:
            RuntimeError: The engine was closed.
        """
        try:
            answer = self._answer(request)
        except Problem as problem:
            return _problem_response(problem, request.path)
        except ClosedError:
            raise
        except Exception as error:  # noqa: BLE001  # the boundary: nothing else may escape
            return _problem_response(_logged(error), request.path)
        return answer.response()

    def _answer(self, request: Request) -> Answer:
        if not request.path.startswith(_PREFIX):
            raise not_found("routes begin with /api/v1/")
        first, *segments = request.path[len(_PREFIX) :].rstrip("/").split("/")
        if first == "health" and not segments and request.method == "GET":
            self._database.open()
            return Answer(200, {"ok": True})
        if first in MANAGEMENT:
            raise not_implemented(
                f"{request.method} /{first} is not built into the local engine; use a Spectron "
                "service for it"
            )
        match = DATA_PLANE.match(request.method, segments)
        context_id = self._context_id(decode(first))
        payload = {} if request.is_form else parse_body(request.body)
        caller = self._caller(context_id, request.headers)
        call = Call(
            parts=self._parts,
            context_id=context_id,
            caller=caller,
            now=now_from(self._clock),
            parameters=match.parameters,
            query=_read_query(request.query),
            payload=payload,
            request=request,
            reservation=_reservation(request, context_id, caller.identity, payload),
        )
        return self._run(call, match.handler)

    def _run(self, call: Call, handler: Handler) -> Answer:
        if call.reservation is None:
            return handler(call)
        with self._in_flight.claim(call.reservation):
            return call.replay() or handler(call)

    def _caller(self, context_id: int, headers: Mapping[str, str]) -> Caller:
        target = delegation_target(headers)
        if target is None:
            return ADMIN
        with self._database.read() as connection:
            return delegated(connection, context_id, target)

    def _context_id(self, name: str) -> int:
        known = self._context_ids.get(name)
        if known is not None:
            return known
        if not _CONTEXT_ID.fullmatch(name) or name in _RESERVED:
            raise unprocessable(
                "a context id has lower-case letters, digits and hyphens, and is no reserved word"
            )
        found = self._find_context(name)
        if found is None:
            raise unauthorized("the context does not exist here, or the key is not for it")
        self._context_ids[name] = found
        return found

    def _find_context(self, name: str) -> int | None:
        sql = "SELECT id FROM context WHERE name = ?"
        with self._database.read() as connection:
            row = connection.execute(sql, (name,)).fetchone()
        if row is None and name == self._context:
            with self._database.write() as connection:
                connection.execute(
                    "INSERT OR IGNORE INTO context (name, created_at) VALUES (?, ?)",
                    (name, now_from(self._clock)),
                )
                row = connection.execute(sql, (name,)).fetchone()
        return None if row is None else int(row[0])


def _file(path: str | os.PathLike[str] | None) -> Path | None:
    if path is None:
        return None
    if not str(path).strip() or str(path).startswith(":"):
        raise ValueError(
            f"path {str(path)!r} names no file; use None to keep memory in the process"
        )
    return Path(path).expanduser().absolute()


def _check_options(context: str, synchronous: str, confidence_floor: float) -> None:
    if not _CONTEXT_ID.fullmatch(context) or context in _RESERVED:
        raise ValueError(
            f"context {context!r} is no context id: lower-case letters, digits, hyphens and "
            "underscores, and no reserved word"
        )
    if synchronous not in ("FULL", "NORMAL"):
        raise ValueError(f"synchronous is 'FULL' or 'NORMAL', not {synchronous!r}")
    if not 0 <= confidence_floor <= 1:
        raise ValueError(f"confidence_floor lies within 0 and 1, not {confidence_floor}")


def _read_query(query: str) -> dict[str, str]:
    """Query parameters, the first of each name."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict")
    except ValueError:
        raise bad_request("the query string is not UTF-8 once decoded") from None
    return dict(reversed(pairs))


def _reservation(
    request: Request, context_id: int, identity: str, payload: Mapping[str, object]
) -> Reservation | None:
    key = request.headers.get("idempotency-key")
    if key is None or request.method == "GET" or request.is_form:
        return None
    return Reservation.of(
        context_id,
        identity,
        key,
        method=request.method,
        path=f"{request.path}?{request.query}",
        payload=payload,
    )


def _problem_response(problem: Problem, path: str) -> Response:
    return Response.json(
        problem.status,
        problem.document(path),
        headers=problem.headers,
        media_type="application/problem+json",
    )


def _logged(error: Exception) -> Problem:
    """Log where an unexpected error happened, without its words, which may repeat memories."""
    request_id = secrets.token_hex(8)
    place = "".join(traceback.format_tb(error.__traceback__))
    _logger.error("request %s failed with %s\n%s", request_id, type(error).__name__, place)
    return internal(request_id)
