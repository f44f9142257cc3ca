"""Sessions, entities, traces and maintenance of a client.

Each method builds one call and awaits its answer. The blocking twin `_sync_resources.py` is
generated from this file by `tests/unasync.py`. Imports private modules and models; no client.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from spectron_adapters._answers import model_reader, read_nothing
from spectron_adapters._arguments import (
    Time,
    count_argument,
    lens_query,
    optional_text,
    query_pairs,
    request_body,
    scope_query,
    temporal_query,
    time_argument,
)
from spectron_adapters._async_send import AsyncSurface
from spectron_adapters.models import (
    CreateSessionRequest,
    EntityHistoryResponse,
    EntityListResponse,
    EntityResponse,
    FsckCheck,
    FsckReport,
    FsckRequest,
    KeyDetail,
    LifecycleResponse,
    Principal,
    ScopeNode,
    Session,
    SessionContextRequest,
    SessionContextResponse,
    SessionListResponse,
    TraceListResponse,
    TraceRecord,
    TraceStatsResponse,
    TurnListResponse,
)
from spectron_adapters.scopes import ScopeLike

# Inside a class with a method `list`, `list[...]` would mean that method.
ScopeNodes: TypeAlias = list[ScopeNode]
Principals: TypeAlias = list[Principal]
KeyDetails: TypeAlias = list[KeyDetail]
Grants: TypeAlias = Mapping[str, Sequence[str]]


class AsyncSessions(AsyncSurface):
    """Conversations and their turns: `client.sessions`."""

    async def create(
        self,
        *,
        scopes: ScopeLike | None = None,
        metadata: object = None,
        on_behalf_of: str | None = None,
    ) -> Session:
        """Open a session; writing to an unknown session id opens one as well.

        Args:
            scopes: Where the session belongs; the key's default region by default.
            metadata: Any JSON value, kept with the session.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronScopeError: The scope lies outside the caller's write region.

        Source: `POST /sessions`
        """
        method = "sessions.create"
        body = request_body(
            method,
            CreateSessionRequest,
            {"scopes": self._scopes(method, scopes), "metadata": metadata},
            optional=True,
        )
        return await self._send(
            method,
            "POST",
            "/sessions",
            model_reader(Session),
            body=body,
            on_behalf_of=on_behalf_of,
        )

    async def get(self, session_id: str, *, on_behalf_of: str | None = None) -> Session:
        """A session's scopes and metadata.

        Args:
            session_id: The session's id.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronNotFoundError: Absent, or not visible to the caller.

        Source: `GET /sessions/{session_id}`
        """
        return await self._send(
            "sessions.get",
            "GET",
            "/sessions/{session_id}",
            model_reader(Session),
            names={"session_id": session_id},
            on_behalf_of=on_behalf_of,
        )

    async def list(self, *, on_behalf_of: str | None = None) -> SessionListResponse:
        """The sessions that the caller may see.

        Args:
            on_behalf_of: Principal to act for.

        Raises:
            SpectronAPIError: The service refused, or was not reached.

        Source: `GET /sessions`
        """
        return await self._send(
            "sessions.list",
            "GET",
            "/sessions",
            model_reader(SessionListResponse),
            query=self._reading_lens("sessions.list"),
            on_behalf_of=on_behalf_of,
        )

    async def delete(self, session_id: str, *, on_behalf_of: str | None = None) -> None:
        """Remove a session and its turns; facts that were extracted from it stay.

        Args:
            session_id: The session's id.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronNotFoundError: Absent, or not visible to the caller.

        Source: `DELETE /sessions/{session_id}`
        """
        await self._send(
            "sessions.delete",
            "DELETE",
            "/sessions/{session_id}",
            read_nothing,
            names={"session_id": session_id},
            on_behalf_of=on_behalf_of,
        )

    async def context(
        self, session_id: str, query: str, *, on_behalf_of: str | None = None
    ) -> SessionContextResponse:
        """What the session's scope knows about a query, with its recent turns, as text.

        Args:
            session_id: The session's id.
            query: What the context is for.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronNotFoundError: Absent, or not visible to the caller.

        Source: `POST /sessions/{session_id}/context`
        """
        return await self._send(
            "sessions.context",
            "POST",
            "/sessions/{session_id}/context",
            model_reader(SessionContextResponse),
            names={"session_id": session_id},
            body=request_body("sessions.context", SessionContextRequest, {"query": query}),
            on_behalf_of=on_behalf_of,
            safety="read",
        )

    async def turns(
        self,
        session_id: str,
        *,
        limit: int | None = None,
        offset: int | None = None,
        on_behalf_of: str | None = None,
    ) -> TurnListResponse:
        """The turns of a session, oldest first.

        Args:
            session_id: The session's id.
            limit: Most turns to return; 100 by default, the service returns at most 500.
            offset: Turns to skip, from 0.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronNotFoundError: Absent, or not visible to the caller.

        Source: `GET /sessions/{session_id}/turns`
        """
        method = "sessions.turns"
        query = query_pairs(
            {
                "limit": count_argument(method, "limit", limit, least=1),
                "offset": count_argument(method, "offset", offset, least=0),
            }
        )
        return await self._send(
            method,
            "GET",
            "/sessions/{session_id}/turns",
            model_reader(TurnListResponse),
            names={"session_id": session_id},
            query=query,
            on_behalf_of=on_behalf_of,
        )


class AsyncEntities(AsyncSurface):
    """The entities of the knowledge graph: `client.entities`.

    Times narrow what is shown: `as_of` to what was known then, `at_instant` to what held then,
    `valid_from` and `valid_until` to rows that begin after or end before. In the process a view
    sees its own lens; the service has no lens here, only the key and `on_behalf_of` narrow.
    """

    async def list(
        self,
        *,
        entity_type: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        on_behalf_of: str | None = None,
    ) -> EntityListResponse:
        """The entities that the caller may see, by type and then name.

        Args:
            entity_type: Only entities of this type.
            limit: Most entities to return; all by default, the service returns at most 500.
            offset: Entities to skip, from 0.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronAPIError: The service refused, or was not reached.

        Source: `GET /entities`
        """
        method = "entities.list"
        query = query_pairs(
            {
                "type": optional_text(method, "entity_type", entity_type),
                "limit": count_argument(method, "limit", limit, least=1),
                "offset": count_argument(method, "offset", offset, least=0),
            }
        )
        return await self._send(
            method,
            "GET",
            "/entities",
            model_reader(EntityListResponse),
            query={**query, **self._reading_lens(method)},
            on_behalf_of=on_behalf_of,
        )

    async def get(
        self,
        entity_type: str,
        entity_name: str,
        *,
        as_of: Time | None = None,
        at_instant: Time | None = None,
        valid_from: Time | None = None,
        valid_until: Time | None = None,
        on_behalf_of: str | None = None,
    ) -> EntityResponse:
        """An entity with its attributes and relations.

        Args:
            entity_type: The entity's type.
            entity_name: The entity's name, in any spelling that normalises to it.
            as_of: Only what was known at this time.
            at_instant: Only what held at this time.
            valid_from: Only rows whose validity begins at this time or later.
            valid_until: Only rows whose validity ends at this time or earlier.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronNotFoundError: Absent, or not visible to the caller.

        Source: `GET /entities/{entity_type}/{entity_name}`
        """
        method = "entities.get"
        return await self._send(
            method,
            "GET",
            "/entities/{entity_type}/{entity_name}",
            model_reader(EntityResponse),
            names={"entity_type": entity_type, "entity_name": entity_name},
            query={
                **temporal_query(method, as_of, at_instant, valid_from, valid_until),
                **self._reading_lens(method),
            },
            on_behalf_of=on_behalf_of,
        )

    async def delete(
        self, entity_type: str, entity_name: str, *, on_behalf_of: str | None = None
    ) -> None:
        """Forget an entity: its live rows end now, its history stays.

        Args:
            entity_type: The entity's type.
            entity_name: The entity's name.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronScopeError: The caller may not forget here.
            ValueError: The view is narrowed to scopes, and the service would not be; see `forget`.

        Source: `DELETE /entities/{entity_type}/{entity_name}`
        """
        self._refuse_wider("entities.delete", on_behalf_of)
        await self._send(
            "entities.delete",
            "DELETE",
            "/entities/{entity_type}/{entity_name}",
            read_nothing,
            names={"entity_type": entity_type, "entity_name": entity_name},
            query=lens_query(self._removal_lens("entities.delete")),
            on_behalf_of=on_behalf_of,
        )

    async def history(
        self,
        entity_type: str,
        entity_name: str,
        key: str,
        *,
        as_of: Time | None = None,
        at_instant: Time | None = None,
        valid_from: Time | None = None,
        valid_until: Time | None = None,
        on_behalf_of: str | None = None,
    ) -> EntityHistoryResponse:
        """Every value that an entity's key has had, newest first.

        Args:
            entity_type: The entity's type.
            entity_name: The entity's name.
            key: The attribute's key.
            as_of: Only what was known at this time.
            at_instant: Only what held at this time.
            valid_from: Only rows whose validity begins at this time or later.
            valid_until: Only rows whose validity ends at this time or earlier.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronAPIError: The service refused, or was not reached.

        Source: `GET /entities/{entity_type}/{entity_name}/history/{key}`
        """
        method = "entities.history"
        return await self._send(
            method,
            "GET",
            "/entities/{entity_type}/{entity_name}/history/{key}",
            model_reader(EntityHistoryResponse),
            names={"entity_type": entity_type, "entity_name": entity_name, "key": key},
            query={
                **temporal_query(method, as_of, at_instant, valid_from, valid_until),
                **self._reading_lens(method),
            },
            on_behalf_of=on_behalf_of,
        )


class AsyncTraces(AsyncSurface):
    """How reads, writes and replies came about: `client.traces`."""

    async def list(
        self, *, limit: int | None = None, on_behalf_of: str | None = None
    ) -> TraceListResponse:
        """The latest traces in the caller's region, newest first.

        Args:
            limit: Most traces to return; 50 by default, the service returns at most 500.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronAPIError: The service refused, or was not reached.

        Source: `GET /traces`
        """
        return await self._send(
            "traces.list",
            "GET",
            "/traces",
            model_reader(TraceListResponse),
            query=query_pairs({"limit": count_argument("traces.list", "limit", limit, least=1)}),
            on_behalf_of=on_behalf_of,
        )

    async def get(self, trace_id: str, *, on_behalf_of: str | None = None) -> TraceRecord:
        """One trace, of a decision, a retrieval or a reply.

        Args:
            trace_id: The trace's id.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronNotFoundError: Absent, or not visible to the caller.

        Source: `GET /traces/{trace_id}`
        """
        return await self._send(
            "traces.get",
            "GET",
            "/traces/{trace_id}",
            model_reader(TraceRecord),
            names={"trace_id": trace_id},
            on_behalf_of=on_behalf_of,
        )

    async def stats(
        self,
        *,
        scope: str | Mapping[str, str] | None = None,
        since: Time | None = None,
        window_hours: int | None = None,
        on_behalf_of: str | None = None,
    ) -> TraceStatsResponse:
        """Counts and latencies over a window.

        Args:
            scope: Only traces of this path, or of these pairs (`{"org": "acme"}`).
            since: Only traces since this time.
            window_hours: Length of the window in hours, from 1; 24 by default.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronAPIError: The service refused, or was not reached.

        Source: `GET /traces/stats`
        """
        method = "traces.stats"
        query = scope_query(method, scope)
        query |= query_pairs(
            {
                "since": time_argument(method, "since", since),
                "windowHours": count_argument(method, "window_hours", window_hours, least=1),
            }
        )
        return await self._send(
            method,
            "GET",
            "/traces/stats",
            model_reader(TraceStatsResponse),
            query=query,
            on_behalf_of=on_behalf_of,
        )


class AsyncLifecycle(AsyncSurface):
    """Ageing and checking: `client.lifecycle`."""

    async def decay(self, *, on_behalf_of: str | None = None) -> LifecycleResponse:
        """Lower the importance of what has not been recalled lately.

        Args:
            on_behalf_of: Principal to act for.

        Returns:
            How many rows were touched.

        Raises:
            SpectronScopeError: The caller may not write.

        Source: `POST /lifecycle/decay`
        """
        return await self._age("decay", "/lifecycle/decay", on_behalf_of)

    async def expire(self, *, on_behalf_of: str | None = None) -> LifecycleResponse:
        """End rows whose time is over.

        Args:
            on_behalf_of: Principal to act for.

        Returns:
            How many rows were touched.

        Raises:
            SpectronScopeError: The caller may not write.

        Source: `POST /lifecycle/expire`
        """
        return await self._age("expire", "/lifecycle/expire", on_behalf_of)

    async def _age(self, kind: str, route: str, on_behalf_of: str | None) -> LifecycleResponse:
        return await self._send(
            f"lifecycle.{kind}",
            "POST",
            route,
            model_reader(LifecycleResponse),
            on_behalf_of=on_behalf_of,
        )

    async def fsck(
        self,
        *,
        check: FsckCheck | None = None,
        duplicate_threshold: float | None = None,
        max_results: int | None = None,
        on_behalf_of: str | None = None,
    ) -> FsckReport:
        """Look for duplicates, contradictions and injected instructions; change nothing.

        Args:
            check: One of `duplicates`, `contradictions`, `injection`; all by default.
            duplicate_threshold: Similarity from which rows count as duplicates, 0 to 1; 0.95
                by default.
            max_results: Most findings to return, from 1; 100 by default.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronAPIError: The service refused, or was not reached.

        Source: `POST /fsck`
        """
        body = request_body(
            "lifecycle.fsck",
            FsckRequest,
            {
                "check": check,
                "duplicate_threshold": duplicate_threshold,
                "max_results": max_results,
            },
            optional=True,
        )
        return await self._send(
            "lifecycle.fsck",
            "POST",
            "/fsck",
            model_reader(FsckReport),
            body=body,
            on_behalf_of=on_behalf_of,
            safety="read",
        )
