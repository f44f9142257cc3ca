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

from spectron_adapters.local.access import operator_keys, principals
from spectron_adapters.local.access.authentication import Authenticator
from spectron_adapters.local.access.callers import ADMIN, Caller
from spectron_adapters.local.access.grants import Grants, checked_grants
from spectron_adapters.local.access.keys import KeyUses
from spectron_adapters.local.access.strictness import check_strict
from spectron_adapters.local.bodies import parse_body
from spectron_adapters.local.calls import Answer, Call, Handler, Parts
from spectron_adapters.local.exchange import Request, Response
from spectron_adapters.local.extraction.model_statements import ModelStatements
from spectron_adapters.local.extraction.plain_statements import PlainStatements
from spectron_adapters.local.extraction.statements import Extractor, ExtractorFunction, as_extractor
from spectron_adapters.local.idempotency import InFlight, Reservation
from spectron_adapters.local.instants import Clock, IdSource, SortableIds, now_from, utc_now
from spectron_adapters.local.language.models import (
    LanguageModel,
    as_embedder,
    as_language_model,
)
from spectron_adapters.local.management.context_settings import find_context
from spectron_adapters.local.management.contexts import add_context, own_context
from spectron_adapters.local.management.plane import ManagementCall, ManagementGate
from spectron_adapters.local.problems import (
    Problem,
    bad_request,
    internal,
    not_found,
    unprocessable,
)
from spectron_adapters.local.routes.data_plane import DATA_PLANE
from spectron_adapters.local.routes.management import MANAGEMENT_PLANE
from spectron_adapters.local.routes.table import MANAGEMENT, decode
from spectron_adapters.local.scope_catalog import ScopeCatalog
from spectron_adapters.local.search.vectors import VectorModel
from spectron_adapters.local.storage.database import ClosedError, Database, Synchronous
from spectron_adapters.local.tracing.traces import ReadTraces
from spectron_adapters.local.work import UPLOAD_LIMIT, Settings

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
        require_key: Whether every request must carry a key, as over HTTP; else one without is
            the administrator's.
        management_key: Opens the management plane to whoever presents it. Without one, the plane
            is closed where a key is required, and open where none is.
        upload_limit: Most bytes of an uploaded document.

    Raises:
        ValueError: A context id or an option outside its values, or embeddings without numpy.
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
        require_key: bool = False,
        management_key: str | None = None,
        upload_limit: int = UPLOAD_LIMIT,
    ) -> None:
        _check_options(context, synchronous, confidence_floor)
        self._context = context
        self._clock = clock or utc_now
        self._database = Database(_file(path), synchronous=synchronous, busy_timeout=busy_timeout)
        language_model = None if llm is None else as_language_model(llm)
        self._parts = Parts(
            database=self._database,
            catalog=ScopeCatalog(),
            ids=ids or SortableIds(),
            settings=Settings(
                auto_register_scopes=auto_register_scopes,
                confidence_floor=confidence_floor,
                extractor=_extractor(extractor, language_model),
                embedder=None if embeddings is None else VectorModel(as_embedder(embeddings)),
                language_model=language_model,
                upload_limit=upload_limit,
            ),
            read_traces=ReadTraces(),
            key_uses=KeyUses(),
        )
        self._parts.documents.attach(self._parts, self._clock)
        self._authenticator = Authenticator(
            self._database, self._parts.key_uses, require_key=require_key
        )
        self._gate = ManagementGate(self._authenticator, management_key)
        self._in_flight = InFlight()
        self._has_context = False

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
        self._parts.documents.resume()

    def close(self) -> None:
        """Store what waits and close the database; memory without a file is gone.

        May be repeated; requests raise afterwards.
        """
        self._parts.documents.stop()
        if self._database.is_open:
            try:
                with self._database.write() as connection:
                    self._parts.read_traces.store(connection)
                    self._parts.key_uses.store(connection)
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
        regions = _regions(grants)
        self._make_context()
        now = now_from(self._clock)
        with self._database.write() as connection:
            context_id = operator_keys.required_context(connection, self._context).context_id
            principals.put(connection, context_id, name, grants=regions, kind=kind, now=now)

    def ensure_key(self, api_key: str | None = None) -> str | None:
        """See that the context's administrator has a key.

        May be repeated, at every start and by every process. A key given here stands under one
        name, so another one given later replaces it.

        Args:
            api_key: The key's text, which an operator chose; None makes one if there is none.

        Returns:
            The text of a key that was made, to be shown once; None when nothing was.

        Raises:
            ValueError: The key is blank or holds white space, or the context was deleted.
            Problem: The database cannot be used.
        """
        self._make_context()
        return operator_keys.ensure_key(
            self._database,
            self._authenticator,
            self._context,
            api_key,
            now=now_from(self._clock),
        )

    def create_key(
        self,
        principal: str = ADMIN.principal,
        *,
        name: str | None = None,
        grants: Mapping[str, str | Sequence[str]] | None = None,
        ttl_seconds: int | None = None,
    ) -> str:
        """Make a key of a principal of the engine's own context.

        Args:
            principal: Its id; the administrator by default.
            name: Unique in the context; the key's id by default.
            grants: Patterns by verb, within the principal's own; all of them by default.
            ttl_seconds: Seconds until it expires; never by default.

        Returns:
            The key, which is kept nowhere and cannot be shown again.

        Raises:
            ValueError: A verb is unknown, a pattern malformed, the lifetime shorter than a second,
                or the context was deleted.
            Problem: The principal does not exist, the name is taken, or the grants go beyond the
                principal's.
        """
        self._make_context()
        return operator_keys.create_key(
            self._database,
            self._context,
            principal,
            name=name,
            grants=None if grants is None else _regions(grants),
            ttl_seconds=ttl_seconds,
            now=now_from(self._clock),
        )

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
            return _problem_response(_logged(error, request), request.path)
        return answer.response()

    def _answer(self, request: Request) -> Answer:
        if not request.path.startswith(_PREFIX):
            raise not_found("routes begin with /api/v1/")
        first, *segments = request.path[len(_PREFIX) :].rstrip("/").split("/")
        if first == "health" and not segments and request.method == "GET":
            self._database.open()
            return Answer(200, {"ok": True})
        if first in MANAGEMENT:
            return self._manage(request, [first, *segments])
        return self._serve(request, decode(first), segments)

    def _manage(self, request: Request, segments: list[str]) -> Answer:
        now = now_from(self._clock)
        self._make_context()
        self._gate.check(request.headers, now=now)
        match = MANAGEMENT_PLANE.match(request.method, segments)
        request.notes["route"] = match.route
        call = ManagementCall(
            parts=self._parts,
            now=now,
            parameters=match.parameters,
            query=_read_query(request.query),
            payload=_payload(request),
        )
        return match.handler(call)

    def _serve(self, request: Request, context: str, segments: list[str]) -> Answer:
        match = DATA_PLANE.match(request.method, segments)
        request.notes["route"] = match.route
        now = now_from(self._clock)
        identified = self._authenticator.identify(
            self._checked_name(context), request.headers, now=now
        )
        request.notes["context"] = identified.context.name
        request.notes["principal"] = identified.caller.principal
        payload = _payload(request)
        call = Call(
            parts=self._parts,
            context=identified.context,
            caller=identified.caller,
            now=now,
            parameters=match.parameters,
            query=_read_query(request.query),
            payload=payload,
            request=request,
            reservation=_reservation(
                request, identified.context.context_id, identified.caller, payload
            ),
        )
        check_strict(call.caller, match.route, call.payload, call.query)
        self._parts.documents.resume()
        return self._run(call, match.handler)

    def _run(self, call: Call, handler: Handler) -> Answer:
        if call.reservation is None:
            return handler(call)
        with self._in_flight.claim(call.reservation):
            return call.replay() or handler(call)

    def _checked_name(self, name: str) -> str:
        if not _CONTEXT_ID.fullmatch(name) or name in _RESERVED:
            raise unprocessable(
                "a context id has lower-case letters, digits and hyphens, and is no reserved word"
            )
        if name == self._context:
            self._make_context()
        return name

    def _make_context(self) -> None:
        """Make the engine's own context where it is missing; once, lest a deleted one return."""
        if self._has_context:
            return
        with self._database.read() as connection:
            found = find_context(connection, self._context)
        if found is None:
            now = now_from(self._clock)
            with self._database.write() as connection:
                if find_context(connection, self._context) is None:
                    add_context(connection, own_context(connection, self._context), now=now)
        self._has_context = True


def _extractor(
    given: Extractor | ExtractorFunction | None, language_model: LanguageModel | None
) -> Extractor:
    if given is None and language_model is not None:
        return ModelStatements(language_model)
    return as_extractor(given or PlainStatements())


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


def _regions(grants: Mapping[str, object]) -> Grants:
    try:
        return checked_grants(grants)
    except Problem as problem:
        raise ValueError(problem.detail) from None


def _payload(request: Request) -> dict[str, object]:
    """The JSON body; empty for a form."""
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise Problem(
            415,
            "unsupported-media-type",
            f"a body in the encoding {encoding[:40]!r} cannot be read; send it uncompressed",
        )
    return {} if request.is_form else parse_body(request.body)


def _read_query(query: str) -> dict[str, str]:
    """Query parameters, the first of each name."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict")
    except ValueError:
        raise bad_request("the query string is not UTF-8 once decoded") from None
    return dict(reversed(pairs))


def _reservation(
    request: Request, context_id: int, caller: Caller, payload: Mapping[str, object]
) -> Reservation | None:
    key = request.headers.get("idempotency-key")
    if key is None or request.method == "GET" or request.is_form:
        return None
    return Reservation.of(
        context_id,
        caller.identity,
        key,
        method=request.method,
        path=f"{request.path}?{request.query}\0{caller.authority}",
        payload=payload,
    )


def _problem_response(problem: Problem, path: str) -> Response:
    return Response.json(
        problem.status,
        problem.document(path),
        headers=problem.headers,
        media_type="application/problem+json",
    )


def _logged(error: Exception, request: Request) -> Problem:
    """Log where an unexpected error happened, without its words, which may repeat memories."""
    request_id = request.notes.get("request_id") or secrets.token_hex(8)
    place = "".join(traceback.format_tb(error.__traceback__))
    _logger.error("request %s failed with %s\n%s", request_id, type(error).__name__, place)
    return internal(request_id)
