# Generated from _async_verbs.py by tests/unasync.py; edit that file.
"""The memory verbs of a client.

Each verb builds one call and awaits its answer. Imports private modules and models; no client.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, overload

from spectron_adapters._answers import model_reader, read_health, read_nothing, read_object
from spectron_adapters._arguments import (
    Labels,
    Time,
    choice_argument,
    count_argument,
    nested_argument,
    nested_arguments,
    optional_text,
    query_pairs,
    request_body,
    temporal_query,
    text_argument,
    time_argument,
)
from spectron_adapters._sync_send import ChatStream, Surface
from spectron_adapters._wire import Call, IdempotencyMode, check_header, idempotency_key
from spectron_adapters.models import (
    AuditKind,
    AuditResponse,
    ChatRequest,
    ChatResponse,
    ConsolidateRequest,
    ConsolidateResponse,
    ContextQueryRequest,
    ContextQueryResponse,
    ElaborateRequest,
    ElaborateResponse,
    ExtractStrategy,
    ForgetRequest,
    ForgetResponse,
    HealthResponse,
    IncludeFamily,
    InferMode,
    JsonObject,
    LocationFilter,
    MessageItem,
    ProfileResponse,
    ProvidersResponse,
    RecallMode,
    RecallRequest,
    RecallResponse,
    ReflectRequest,
    ReflectResponse,
    RememberBatchResponse,
    RememberManyRequest,
    RememberRequest,
    RememberResponse,
    Role,
    ScopeView,
    StateResponse,
    Triple,
    WhoamiResponse,
)
from spectron_adapters.scopes import ScopeLike


class Verbs(Surface):
    """What memory can be asked to do."""

    _idempotency: IdempotencyMode = "unique"

    # --- writing --------------------------------------------------------------------------------

    def remember(
        self,
        text: str | None = None,
        *,
        infer: InferMode | None = None,
        triples: Sequence[Mapping[str, Any] | Triple] | None = None,
        session_id: str | None = None,
        scopes: ScopeLike | None = None,
        role: Role | None = None,
        memory_category: str | None = None,
        labels: Labels | None = None,
        observed_at: Time | None = None,
        idempotency_key: str | None = None,
        on_behalf_of: str | None = None,
    ) -> RememberResponse:
        """Store one text, or facts given as triples; the next read sees them.

        Args:
            text: What was said. Needed unless `infer` is `triples`.
            infer: `full` by default: a model extracts facts; `triples` stores those given;
                `preview` shows what would be stored; `none` stores the text alone.
            triples: Facts: `{"entity": {"type", "name"}, "key", "value" or "target"}`.
            session_id: Session that the text belongs to; a new one by default.
            scopes: Where the facts belong; the key's default region by default.
            role: Who said it: `user` by default, `assistant`, `system` or `tool`.
            memory_category: `identity`, `knowledge` or `context`; decided by content by default.
            labels: `key=value` labels of the facts.
            observed_at: When this became known; now by default.
            idempotency_key: Key under which repeating this call has no second effect; a new one
                by default, which covers the client's own repetitions.
            on_behalf_of: Principal to act for.

        Returns:
            The session, and what was extracted.

        Raises:
            SpectronScopeError: The scope lies outside the caller's write region.
            SpectronConflictError: The idempotency key was used for another request.

        Source: `POST /facts`
        """
        body = request_body(
            "remember",
            RememberRequest,
            {
                "text": text,
                "infer": infer,
                "triples": nested_arguments("remember", "triples", Triple, triples),
                "session_id": self._session(session_id),
                "scopes": self._scopes("remember", scopes),
                "role": role,
                "memory_category": memory_category,
                "labels": self._labels("remember", labels),
                "observed_at": observed_at,
            },
        )
        call = self._call(
            "remember",
            "POST",
            "/facts",
            model_reader(RememberResponse),
            body=body,
            on_behalf_of=on_behalf_of,
            safety="repeatable",
            headers=self._key_header("remember", "/facts", body, idempotency_key),
        )
        return self._sender.send(call)

    def remember_many(
        self,
        items: Sequence[Mapping[str, Any] | MessageItem],
        *,
        session_id: str | None = None,
        scopes: ScopeLike | None = None,
        extract: ExtractStrategy | None = None,
        infer: Literal["full", "preview", "none"] | None = None,
        labels: Labels | None = None,
        observed_at: Time | None = None,
        idempotency_key: str | None = None,
        on_behalf_of: str | None = None,
    ) -> RememberBatchResponse:
        """Store several messages of one session in order, all or none.

        Args:
            items: Messages: `{"role", "content"}`, with `ts` as the time that they were said.
            session_id: Session that they belong to; a new one by default.
            scopes: Where the facts belong; the key's default region by default.
            extract: `whole_conversation` by default, or `per_message`.
            infer: `full` by default, `preview` or `none`.
            labels: `key=value` labels of the facts.
            observed_at: When this became known; the messages' own times by default.
            idempotency_key: Key under which repeating this call has no second effect.
            on_behalf_of: Principal to act for.

        Returns:
            The ids of the turns in the order of the messages, and what was extracted.

        Raises:
            SpectronScopeError: The scope lies outside the caller's write region.
            SpectronConflictError: The idempotency key was used for another request.

        Source: `POST /facts/batch`
        """
        method = "remember_many"
        body = request_body(
            method,
            RememberManyRequest,
            {
                "messages": nested_arguments(method, "items", MessageItem, items),
                "session_id": self._session(session_id),
                "scopes": self._scopes(method, scopes),
                "extract": extract,
                "infer": infer,
                "labels": self._labels(method, labels),
                "observed_at": observed_at,
            },
            renamed={"messages": "items"},
        )
        call = self._call(
            method,
            "POST",
            "/facts/batch",
            model_reader(RememberBatchResponse),
            body=body,
            on_behalf_of=on_behalf_of,
            safety="repeatable",
            headers=self._key_header(method, "/facts/batch", body, idempotency_key),
        )
        return self._sender.send(call)

    def forget(
        self,
        query: str,
        *,
        purge: bool = False,
        dry_run: bool = False,
        on_behalf_of: str | None = None,
    ) -> ForgetResponse:
        """Forget what matches a query, within the caller's forget region.

        In the process a view forgets within its own lens. The service has no lens for this, so
        there a view with scopes refuses, unless it also acts for a principal, whose grants
        confine it.

        Args:
            query: What to forget.
            purge: Erase the rows and their history instead of ending them now.
            dry_run: Only count.
            on_behalf_of: Principal to act for.

        Returns:
            How many rows were, or would be, forgotten.

        Raises:
            SpectronScopeError: The caller may not forget.
            ValueError: The view is narrowed to scopes, and forgetting would not be.

        Source: `POST /forget`
        """
        self._refuse_wider("forget", on_behalf_of)
        body = request_body(
            "forget",
            ForgetRequest,
            {
                "query": query,
                "purge": purge or None,
                "dry_run": dry_run or None,
                "lens": self._removal_lens("forget"),
            },
        )
        return self._send(
            "forget",
            "POST",
            "/forget",
            model_reader(ForgetResponse),
            body=body,
            on_behalf_of=on_behalf_of,
        )

    # --- reading --------------------------------------------------------------------------------

    def recall(
        self,
        query: str,
        *,
        k: int | None = None,
        mode: RecallMode | None = None,
        include: Sequence[IncludeFamily] | None = None,
        lens: ScopeLike | None = None,
        scope_view: ScopeView | None = None,
        labels: Labels | None = None,
        as_of: Time | None = None,
        at_instant: Time | None = None,
        valid_from: Time | None = None,
        valid_until: Time | None = None,
        session_id: str | None = None,
        include_duplicates: bool | None = None,
        location: Mapping[str, Any] | LocationFilter | None = None,
        source: str | None = None,
        on_behalf_of: str | None = None,
    ) -> RecallResponse:
        """What memory holds about a query.

        Args:
            query: A question or a few words.
            k: Size of the answer, 1 to 50; 10 by default.
            mode: `hybrid` by default, `vector`, `bm25` or `graph`.
            include: `facts`, `passages`; both by default.
            lens: What the read is narrowed to; never widens.
            scope_view: `strict` by default, `crossTeam` or `merged`.
            labels: Only rows that carry all of these.
            as_of: Only what was known at this time.
            at_instant: The store as it was at this time.
            valid_from: Only rows whose validity begins at this time or later.
            valid_until: Only rows whose validity ends at this time or earlier.
            session_id: The conversation that asks; a hint for the ranking.
            include_duplicates: Whether near-duplicates are returned too.
            location: A circle (`near`) or an area (`within`).
            source: Recorded on the trace.
            on_behalf_of: Principal to act for.

        Returns:
            Hits, best first, with scores from 0 to 1; `context_hits` come on top of `k`.

        Raises:
            SpectronValidationError: The service refused an argument.

        Source: `POST /query`
        """
        body = request_body(
            "recall",
            RecallRequest,
            {
                "query": query,
                "k": k,
                "mode": mode,
                "include": include,
                "lens": self._lens("recall", lens),
                "scope_view": scope_view,
                "labels": self._labels("recall", labels),
                "as_of": as_of,
                "at_instant": at_instant,
                "valid_from": valid_from,
                "valid_until": valid_until,
                "session_id": self._session(session_id),
                "include_duplicates": include_duplicates,
                "location": nested_argument("recall", "location", LocationFilter, location),
                "source": source,
            },
        )
        return self._send(
            "recall",
            "POST",
            "/query",
            model_reader(RecallResponse),
            body=body,
            on_behalf_of=on_behalf_of,
            safety="read",
        )

    def query_context(
        self,
        query: str,
        *,
        k: int | None = None,
        lens: ScopeLike | None = None,
        scope_view: ScopeView | None = None,
        labels: Labels | None = None,
        as_of: Time | None = None,
        on_behalf_of: str | None = None,
    ) -> ContextQueryResponse:
        """What memory holds about a query, composed into one Markdown block.

        Args:
            query: What the context is for; may be empty.
            k: Most rows to use, 1 to 50; 10 by default.
            lens: What the read is narrowed to; never widens.
            scope_view: `strict` by default, `crossTeam` or `merged`.
            labels: Only rows that carry all of these.
            as_of: Only what was known at this time.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronValidationError: The service refused an argument.

        Source: `POST /context`
        """
        body = request_body(
            "query_context",
            ContextQueryRequest,
            {
                "query": query,
                "k": k,
                "lens": self._lens("query_context", lens),
                "scope_view": scope_view,
                "labels": self._labels("query_context", labels),
                "as_of": as_of,
            },
        )
        return self._send(
            "query_context",
            "POST",
            "/context",
            model_reader(ContextQueryResponse),
            body=body,
            on_behalf_of=on_behalf_of,
            safety="read",
        )

    @overload
    def chat(
        self,
        message: str,
        *,
        stream: Literal[False] = False,
        session_id: str | None = None,
        scopes: ScopeLike | None = None,
        model: str | None = None,
        bypass_cache: bool = False,
        labels: Labels | None = None,
        on_behalf_of: str | None = None,
    ) -> ChatResponse: ...

    @overload
    def chat(
        self,
        message: str,
        *,
        stream: Literal[True],
        session_id: str | None = None,
        scopes: ScopeLike | None = None,
        model: str | None = None,
        bypass_cache: bool = False,
        labels: Labels | None = None,
        on_behalf_of: str | None = None,
    ) -> ChatStream: ...

    def chat(
        self,
        message: str,
        *,
        stream: bool = False,
        session_id: str | None = None,
        scopes: ScopeLike | None = None,
        model: str | None = None,
        bypass_cache: bool = False,
        labels: Labels | None = None,
        on_behalf_of: str | None = None,
    ) -> ChatResponse | ChatStream:
        """A reply of the service's model, grounded in memory; both turns are stored.

        Args:
            message: What the user says.
            stream: Whether the reply comes in chunks, as it is written.
            session_id: The conversation; a new one by default.
            scopes: Where the turns belong; the key's default region by default.
            model: Model that replies; the context's by default.
            bypass_cache: Whether an earlier reply may not be reused.
            labels: `key=value` labels of what is stored.
            on_behalf_of: Principal to act for.

        Returns:
            The reply with its citations; with `stream`, a context manager that iterates over
            chunks and closes the connection when it is left.

        Raises:
            SpectronRateLimitError: The context's quota is used up.

        Source: `POST /chat`
        """
        body = request_body(
            "chat",
            ChatRequest,
            {
                "message": message,
                "stream": stream or None,
                "session_id": self._session(session_id),
                "scopes": self._scopes("chat", scopes),
                "model": model,
                "bypass_cache": bypass_cache or None,
                "labels": self._labels("chat", labels),
            },
        )
        if stream:
            opening = self._call(
                "chat",
                "POST",
                "/chat",
                read_nothing,
                body=body,
                on_behalf_of=on_behalf_of,
                headers={"Accept": "text/event-stream"},
            )
            return ChatStream(self._sender, opening)
        return self._send(
            "chat",
            "POST",
            "/chat",
            model_reader(ChatResponse),
            body=body,
            on_behalf_of=on_behalf_of,
        )

    def inspect(
        self,
        ref: str,
        *,
        as_of: Time | None = None,
        at_instant: Time | None = None,
        valid_from: Time | None = None,
        valid_until: Time | None = None,
        on_behalf_of: str | None = None,
    ) -> JsonObject:
        """One object of memory by its reference, as the service shows it.

        Args:
            ref: `entity:<type>/<name>`, `attribute:<type>/<name>/<key>`, `relation:…`,
                `trace:<id>` or `document:<id>`.
            as_of: Only what was known at this time.
            at_instant: Only what held at this time.
            valid_from: Only rows whose validity begins at this time or later.
            valid_until: Only rows whose validity ends at this time or earlier.
            on_behalf_of: Principal to act for.

        Returns:
            An object whose `kind` says what it is.

        Raises:
            SpectronNotFoundError: Absent, or not visible to the caller.

        Source: `GET /inspect`
        """
        query = {"ref": text_argument("inspect", "ref", ref)}
        query |= temporal_query("inspect", as_of, at_instant, valid_from, valid_until)
        return self._send(
            "inspect", "GET", "/inspect", read_object, query=query, on_behalf_of=on_behalf_of
        )

    def state(self, *, on_behalf_of: str | None = None) -> StateResponse:
        """Working memory by category.

        Args:
            on_behalf_of: Principal to act for.

        Raises:
            SpectronAPIError: The service refused, or was not reached.

        Source: `GET /state`
        """
        return self._send(
            "state", "GET", "/state", model_reader(StateResponse), on_behalf_of=on_behalf_of
        )

    def profile(self, *, on_behalf_of: str | None = None) -> ProfileResponse:
        """What is known about the caller's user, as keys and values.

        Args:
            on_behalf_of: Principal to act for.

        Raises:
            SpectronAPIError: The service refused, or was not reached.

        Source: `GET /profile`
        """
        return self._send(
            "profile", "GET", "/profile", model_reader(ProfileResponse), on_behalf_of=on_behalf_of
        )

    def whoami(self, *, on_behalf_of: str | None = None) -> WhoamiResponse:
        """The calling principal and its grants.

        Args:
            on_behalf_of: Principal to act for.

        Raises:
            SpectronAuthError: The key is not valid.

        Source: `GET /me`
        """
        return self._send(
            "whoami", "GET", "/me", model_reader(WhoamiResponse), on_behalf_of=on_behalf_of
        )

    # --- thinking -------------------------------------------------------------------------------

    def reflect(
        self, query: str, *, persist: bool = False, on_behalf_of: str | None = None
    ) -> ReflectResponse:
        """A conclusion that the service's model draws from memory.

        Args:
            query: What to think about.
            persist: Whether the conclusion is stored.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronScopeError: The key may not persist reflections.

        Source: `POST /reflect`
        """
        body = request_body("reflect", ReflectRequest, {"query": query, "persist": persist or None})
        return self._send(
            "reflect",
            "POST",
            "/reflect",
            model_reader(ReflectResponse),
            body=body,
            on_behalf_of=on_behalf_of,
        )

    def elaborate(
        self,
        *,
        entity_ref: str | None = None,
        budget: int | None = None,
        dry_run: bool = False,
        sweep: bool = False,
        on_behalf_of: str | None = None,
    ) -> ElaborateResponse:
        """Look for relations that memory implies but does not state.

        Args:
            entity_ref: `entity:<type>/<name>`; without it, entities are swept.
            budget: Most model calls, from 1.
            dry_run: Only propose.
            sweep: Whether all entities are visited.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronScopeError: The caller may not write.

        Source: `POST /elaborate`
        """
        body = request_body(
            "elaborate",
            ElaborateRequest,
            {
                "entity_ref": entity_ref,
                "budget": budget,
                "dry_run": dry_run or None,
                "sweep": sweep or None,
            },
            optional=True,
        )
        return self._send(
            "elaborate",
            "POST",
            "/elaborate",
            model_reader(ElaborateResponse),
            body=body,
            on_behalf_of=on_behalf_of,
        )

    def consolidate(
        self,
        *,
        dry_run: bool = False,
        fact_limit: int | None = None,
        observation_limit: int | None = None,
        on_behalf_of: str | None = None,
    ) -> ConsolidateResponse:
        """Condense many facts into few observations.

        Args:
            dry_run: Only propose.
            fact_limit: Most facts to read, from 1.
            observation_limit: Most observations to write, from 1.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronRateLimitError: The context's quota is used up.

        Source: `POST /consolidate`
        """
        body = request_body(
            "consolidate",
            ConsolidateRequest,
            {
                "dry_run": dry_run or None,
                "fact_limit": fact_limit,
                "observation_limit": observation_limit,
            },
            optional=True,
        )
        return self._send(
            "consolidate",
            "POST",
            "/consolidate",
            model_reader(ConsolidateResponse),
            body=body,
            on_behalf_of=on_behalf_of,
        )

    # --- watching -------------------------------------------------------------------------------

    def audit(
        self,
        *,
        principal: str | None = None,
        key: str | None = None,
        kind: AuditKind | None = None,
        since: Time | None = None,
        until: Time | None = None,
        limit: int | None = None,
        on_behalf_of: str | None = None,
    ) -> AuditResponse:
        """Who read and wrote what, and at what cost.

        Args:
            principal: Only this principal.
            key: Only this principal; the service's other name for it.
            kind: `decision`, `retrieval` or `response`; all by default.
            since: From this time.
            until: Up to this time.
            limit: Most rows to return; 50 by default, the service returns at most 500.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronAPIError: The service refused, or was not reached.

        Source: `GET /audit`
        """
        query = query_pairs(
            {
                "principal": optional_text("audit", "principal", principal),
                "key": optional_text("audit", "key", key),
                "kind": choice_argument("audit", "kind", kind, get_args(AuditKind)),
                "since": time_argument("audit", "since", since),
                "until": time_argument("audit", "until", until),
                "limit": count_argument("audit", "limit", limit, least=1),
            }
        )
        return self._send(
            "audit",
            "GET",
            "/audit",
            model_reader(AuditResponse),
            query=query,
            on_behalf_of=on_behalf_of,
        )

    def providers(self, *, on_behalf_of: str | None = None) -> ProvidersResponse:
        """The model providers that the context reaches.

        Args:
            on_behalf_of: Principal to act for.

        Raises:
            SpectronAPIError: The service refused, or was not reached.

        Source: `GET /providers`
        """
        return self._send(
            "providers",
            "GET",
            "/providers",
            model_reader(ProvidersResponse),
            on_behalf_of=on_behalf_of,
        )

    def health(self) -> HealthResponse:
        """Whether the service is up; needs no key.

        Raises:
            SpectronAPIError: It is not, or was not reached.

        Source: `GET /api/v1/health`
        """
        call = Call("GET", "/api/v1/health", "/api/v1/health", read_health, safety="repeatable")
        return self._sender.send(call)

    # --- what verbs share -----------------------------------------------------------------------

    def _session(self, given: str | None) -> str | None:
        return self._defaults.session_id if given is None else given

    def _key_header(
        self, method: str, route: str, body: bytes | None, given: str | None
    ) -> dict[str, str]:
        """The idempotency key of one logical call; its repetitions reuse it."""
        if given is not None:
            key = check_header(f"{method}(): idempotency_key", given)
        else:
            mode = self._idempotency
            key = idempotency_key(mode, "POST", self._prefix + route, body or b"")
        return {"Idempotency-Key": key}
