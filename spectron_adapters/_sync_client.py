# Generated from _async_client.py by tests/unasync.py; edit that file.
"""The client: the ways to make one, its views and its sibling.

The blocking twin `_async_client.py` is generated from this file by `tests/unasync.py`. Imports
private modules, `config` and models; the engine in the process only when an endpoint asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from os import PathLike, fspath
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

import httpx
from pydantic import SecretStr
from typing_extensions import Self, Unpack

from spectron_adapters._arguments import (
    Defaults,
    Labels,
    labels_argument,
    optional_text,
)
from spectron_adapters._sync_access import Keys, PrincipalGrants, ScopeTree
from spectron_adapters._sync_documents import Documents
from spectron_adapters._sync_resources import (
    Entities,
    Lifecycle,
    Sessions,
    Traces,
)
from spectron_adapters._sync_send import Sender
from spectron_adapters._sync_verbs import Verbs
from spectron_adapters._network import (
    SyncConnections,
    LocalEngine,
    open_engine,
)
from spectron_adapters._settings import Settings, checked_settings
from spectron_adapters._wire import IdempotencyMode, check_header
from spectron_adapters.config import (
    ConfigOptions,
    Endpoint,
    ScopeSource,
    Selectors,
    SpectronConfig,
)
from spectron_adapters.scopes import ScopeLike, ScopeSet, ScopeTemplate

if TYPE_CHECKING:
    from spectron_adapters._async_client import AsyncSpectron
    from spectron_adapters.local.extraction.statements import Extractor, ExtractorFunction


class Spectron(Verbs):
    """Memory of one context, over HTTP or in the process.

    Safe to share: several tasks, threads and event loops may use one client at once, and it
    remembers no user. Nothing is opened before the first call of a service's client; an engine
    in the process opens its file here.

    Args:
        context: Id of the context.
        endpoint: `https://HOST`, `http://HOST`, `local:PATH` (a file) or `memory:` (nothing on
            disk).
        api_key: The context's key. Not needed in the process, nor with a `transport` or an
            `http_client` of one's own.
        timeout: Seconds to wait for a connection, for each piece of an answer and of a request;
            a streamed reply may pause as long as it likes.
        max_retries: How often a failed call is repeated at most; only reads and writes with an
            idempotency key are repeated.
        transport: An httpx transport to send with; it stays its owner's to close.
        http_client: An httpx client to send with: its own headers, authentication and proxies
            apply, and it stays its owner's to close.
        on_behalf_of: Principal that every call acts for, unless the call names another.
        headers: Headers of every request.
        deadline: Seconds that one call may take in total, repetitions and pauses included;
            `timeout` times the number of possible attempts by default.
        idempotency: `unique` makes two equal calls two writes; `derived` collapses equal calls
            within a bucket of 30 seconds into one.

    Attributes:
        documents: Documents, their passages and keywords.
        sessions: Conversations and their turns.
        entities: Entities of the knowledge graph.
        scopes: The tree of scope paths.
        principals: Principals and their grants.
        keys: Keys of the calling principal.
        traces: How reads and writes came about.
        lifecycle: Ageing and checking.

    Raises:
        ValueError: An argument is missing, blank or out of range.
        TypeError: An argument has the wrong type.

    Examples:
        >>> def example() -> str:
        ...     with Spectron.local() as memory:
        ...         memory.remember("Alice lives in Leeds.")
        ...         found = memory.recall("Where does Alice live?")
        ...         return found.hits[0].text
    """

    def __init__(
        self,
        context: str,
        endpoint: str | Endpoint,
        api_key: str | SecretStr | None = None,
        timeout: float = 30.0,
        max_retries: int = 3,
        *,
        transport: httpx.BaseTransport | None = None,
        http_client: httpx.Client | None = None,
        on_behalf_of: str | None = None,
        headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
        idempotency: IdempotencyMode = "unique",
    ) -> None:
        if transport is not None and http_client is not None:
            msg = "give either transport or http_client, not both"
            raise ValueError(msg)
        settings = checked_settings(
            context=_given_context(context),
            endpoint=endpoint,
            api_key=api_key,
            key_required=transport is None and http_client is None,
            timeout=timeout,
            max_retries=max_retries,
            deadline=deadline,
            headers=headers,
            idempotency=idempotency,
        )
        engine = None
        if transport is None and http_client is None:
            engine = _engine_for(settings)
        self._begin(
            settings,
            SyncConnections(
                settings.origin, transport=transport, http_client=http_client, engine=engine
            ),
            _checked_defaults(on_behalf_of=on_behalf_of),
        )

    @classmethod
    def _made(
        cls,
        settings: Settings,
        connections: SyncConnections,
        defaults: Defaults,
        *,
        is_view: bool = False,
    ) -> Self:
        """A client of parts that are checked already; a view closes nothing."""
        client = cls.__new__(cls)
        cls._begin(client, settings, connections, defaults, is_view=is_view)
        return client

    def _begin(
        self,
        settings: Settings,
        connections: SyncConnections,
        defaults: Defaults,
        *,
        is_view: bool = False,
    ) -> None:
        self._settings = settings
        self._connections = connections
        self._is_view = is_view
        sender = Sender(connections, settings)
        super().__init__(sender, settings.prefix, defaults)
        parts = (sender, settings.prefix, defaults)
        self._idempotency = settings.idempotency
        self.documents = Documents(*parts)
        self.sessions = Sessions(*parts)
        self.entities = Entities(*parts)
        self.scopes = ScopeTree(*parts)
        self.principals = PrincipalGrants(*parts)
        self.keys = Keys(*parts)
        self.traces = Traces(*parts)
        self.lifecycle = Lifecycle(*parts)

    # --- making, viewing, closing ---------------------------------------------------------------

    @classmethod
    def local(
        cls,
        path: str | PathLike[str] | None = None,
        *,
        context: str = "default",
        embeddings: object = None,
        llm: object = None,
        extractor: Extractor | ExtractorFunction | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> Self:
        """A client over an engine in this process: no server, key or network.

        The engine closes with this client, whatever siblings and views share it.

        Args:
            path: File that keeps the memory; None keeps it in the process only.
            context: Id of the context.
            embeddings: Embeddings of LangChain or LlamaIndex, or a function from texts to
                vectors (needs the extra `vectors`); None searches by words alone.
            llm: A language model of LangChain or LlamaIndex, or a function from messages to
                text, which extracts facts, chats and reflects. None reads plain English
                statements by rules, and answers with what it finds, word for word.
            extractor: Extracts facts instead of either.
            clock: Callable that gives the time; the system's by default.
        """
        endpoint = "memory:" if path is None else Endpoint("local", fspath(path))
        settings = checked_settings(
            context=_given_context(context),
            endpoint=endpoint,
            api_key=None,
            key_required=False,
        )
        engine = open_engine(
            None if path is None else fspath(path),
            context=context,
            embeddings=embeddings,
            llm=llm,
            extractor=extractor,
            clock=clock,
        )
        return cls._made(settings, SyncConnections(settings.origin, engine=engine), Defaults())

    @classmethod
    def from_config(cls, config: SpectronConfig) -> Self:
        """A client of a configuration, with its scopes, lens, labels and principal as defaults.

        Templates with variables are for adapters to fill: a call that would need such a default
        and gives no scope of its own raises instead of reaching further.

        Args:
            config: Endpoint, context and key; see `SpectronConfig`.

        Raises:
            ValueError: The endpoint is missing, or a service's context or key.
        """
        connection = config.connection()
        settings = checked_settings(
            context=connection.context,
            endpoint=connection.endpoint,
            api_key=connection.api_key,
            key_required=True,
            timeout=connection.timeout,
            max_retries=connection.max_retries,
            selectors=config.selectors,
        )
        defaults = Defaults(
            scopes=_constant(config.scopes),
            lens=_constant(config.lens),
            labels=config.labels,
            on_behalf_of=config.on_behalf_of,
        )
        connections = SyncConnections(settings.origin, engine=_engine_for(settings))
        return cls._made(settings, connections, defaults)

    @classmethod
    def from_env(
        cls, environ: Mapping[str, str] | None = None, **overrides: Unpack[ConfigOptions]
    ) -> Self:
        """A client of the environment's configuration, read now.

        Args:
            environ: The variables; those of the process by default.
            **overrides: Arguments of `SpectronConfig`, which beat their variables.

        Raises:
            ValueError: A variable is missing or cannot be read.
        """
        return cls.from_config(SpectronConfig.from_env(environ, **overrides))

    def scoped(
        self,
        *,
        scopes: ScopeLike | None = None,
        lens: ScopeLike | None = None,
        labels: Labels | None = None,
        on_behalf_of: str | None = None,
        session_id: str | None = None,
    ) -> Self:
        """A view of this client with defaults for what calls leave out.

        Views are cheap, share the client's connections, and hold no state of their own; closing
        one does nothing. What a call gives beats the view, and a view of a view beats the one
        it was made from. The service has no lens for `state`, `profile`, `inspect`, `reflect`,
        entities and turns: there only `on_behalf_of` and the key narrow. The engine in the process
        narrows entities, sessions and forgetting by the view as well.

        Args:
            scopes: Where writes go; without a lens, reads are narrowed to it as well.
            lens: What reads are narrowed to.
            labels: Labels of writes, and filter of reads.
            on_behalf_of: Principal that calls act for.
            session_id: Session of writes, chats and recalls.

        Raises:
            ValueError: A value is blank or malformed.
            TypeError: A value has the wrong type.
        """
        nearer = _checked_defaults(
            scopes=scopes,
            lens=lens,
            labels=labels,
            on_behalf_of=on_behalf_of,
            session_id=session_id,
        )
        defaults = self._defaults.overlaid(nearer)
        return self._made(self._settings, self._connections, defaults, is_view=True)

    def as_sync(self) -> Spectron:
        """This client."""
        return self

    def as_async(self) -> AsyncSpectron:
        """The sibling over the same configuration and the same engine, with the same defaults.

        Cheap: its connections are made once, and closed with the client that was made first;
        closing the sibling itself does nothing, as with a view.

        Raises:
            TypeError: This client sends with an `http_client`, or a transport of one world only.
        """
        from spectron_adapters._async_client import AsyncSpectron  # noqa: PLC0415 - they know each other

        return AsyncSpectron._made(  # noqa: SLF001 - its twin
            self._settings, self._connections.sibling(), self._defaults, is_view=True
        )

    @property
    def defaults(self) -> Defaults:
        """What calls of this view fill in where they say nothing."""
        return self._defaults

    @property
    def selectors(self) -> Selectors:
        """What adapters of this view write and ask for where neither call nor adapter says it.

        The view's defaults over the configuration that the client was made from.
        """
        return Selectors(
            scopes=self._defaults.scopes,
            lens=self._defaults.lens,
            labels=self._defaults.labels,
            on_behalf_of=self._defaults.on_behalf_of,
        ).over(self._settings.selectors)

    @property
    def context(self) -> str:
        """Id of the context."""
        return self._settings.context

    @property
    def endpoint(self) -> str:
        """Where memory lives, as it was given."""
        return str(self._settings.endpoint)

    def close(self) -> None:
        """Close the connections; a call afterwards raises. Closing a view does nothing."""
        if not self._is_view:
            self._sender.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(context={self.context!r}, endpoint={self.endpoint!r})"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """The client itself: frameworks copy what they hold, and connections have no copy."""
        return self

    def __reduce__(self) -> NoReturn:
        msg = (
            f"{type(self).__name__} holds connections and a key and is not pickled; pickle a "
            "SpectronConfig, which leaves the key out, and call from_config where it is needed"
        )
        raise TypeError(msg)


def _given_context(context: object) -> str:
    """The context as it was given; None is not taken for the management plane."""
    if not isinstance(context, str):
        msg = f"context must be a string, got {type(context).__name__}"
        raise TypeError(msg)
    return context


def _constant(source: ScopeSource | None) -> ScopeSource | None:
    """A template without variables as the set that it is."""
    if isinstance(source, ScopeTemplate) and not source.variables:
        return source.resolve({})
    return source


def _engine_for(settings: Settings) -> LocalEngine | None:
    if settings.endpoint.is_remote:
        return None
    return open_engine(settings.endpoint.location or None, context=settings.context)


def _checked_defaults(
    *,
    scopes: ScopeLike | None = None,
    lens: ScopeLike | None = None,
    labels: Labels | None = None,
    on_behalf_of: str | None = None,
    session_id: str | None = None,
) -> Defaults:
    """A view's defaults, refused now instead of at the first call."""
    checked = labels_argument("scoped", labels)
    return Defaults(
        scopes=None if scopes is None else ScopeSet.parse(scopes, field="scopes", subtrees=False),
        lens=None if lens is None else ScopeSet.parse(lens, field="lens"),
        labels=None if checked is None else tuple(checked),
        on_behalf_of=None if on_behalf_of is None else check_header("on_behalf_of", on_behalf_of),
        session_id=optional_text("scoped", "session_id", session_id),
    )
