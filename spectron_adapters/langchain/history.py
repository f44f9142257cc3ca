"""A LangChain chat history whose sessions live in Spectron.

One object is one session of one scope; it holds no messages, so any number of objects and
processes may read and write the same session. Imports langchain-core and the library's public
modules; never `local`, never another framework.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage, message_to_dict, messages_from_dict
from langchain_core.runnables import ConfigurableFieldSpec
from typing_extensions import Self

from spectron_adapters import AsyncSpectron, Spectron
from spectron_adapters.errors import SpectronNotFoundError
from spectron_adapters.langchain.run_config import (
    Variables,
    resolve_variable,
    variable_sources,
)
from spectron_adapters.messages import EncodedTurn, langchain_from_turn, langchain_to_turn
from spectron_adapters.models import TURNS_PAGE_MAX, MessageItem, Turn, format_timestamp
from spectron_adapters.prompting import strip_memory_from_dump
from spectron_adapters.scopes import session_key
from spectron_adapters.selectors import ScopeSource, Selection, Selectors
from spectron_adapters.transcripts import replay

__all__ = ["HistoryFactory", "HistoryOptions", "MessageTime", "SpectronChatMessageHistory"]

MessageTime: TypeAlias = Callable[[BaseMessage], str | datetime | None]
"""When a message was said: an aware datetime, RFC 3339 text, or None for "now"."""

_SESSION_FIELD = "session_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryOptions:
    """How a history stores and reads messages; see `SpectronChatMessageHistory`."""

    infer: Literal["none", "full"] = "none"
    message_time: MessageTime | None = None
    page_size: int = TURNS_PAGE_MAX

    def __post_init__(self) -> None:
        if self.infer not in ("none", "full"):
            raise ValueError(f"infer is 'none' or 'full' for messages, not {self.infer!r}")
        if type(self.page_size) is not int or not 1 <= self.page_size <= TURNS_PAGE_MAX:
            raise ValueError(
                f"page_size is an integer from 1 to {TURNS_PAGE_MAX}, not {self.page_size!r}"
            )


class SpectronChatMessageHistory(BaseChatMessageHistory):
    """The messages of one session, whole and in order, kept by Spectron.

    Every kind of message comes back as it was added: tool calls, content blocks, ids, artifacts.
    Adding appends in one request, so that all of its messages are stored or none, and writers
    that work at the same time lose nothing; equal messages are stored as often as they are added.
    Memory blocks that were recalled into a message are taken out before it is stored.

    Sync methods use the sync client and async methods the async one, whichever was given; no
    thread is borrowed.

    Args:
        client: Either client.
        session_id: The session's name within its scope: two users may both have a session `1`.
        scopes: Where the session lives; may hold variables. Default: the client's, else the key's
            own region, which all who use that key share.
        variables: Values for the template, after LangGraph's `runtime.context` and the ambient
            run configuration. They are read once, here: this object belongs to one session.
        labels: `key=value` pairs put on every message. Default: the client's.
        infer: `none` stores messages only; they can be recalled word by word. `full` also has
            the service extract facts, which uses its language model.
        on_behalf_of: Principal that requests act for. Default: the client's.
        message_time: When each message was said, for replaying old conversations; called with the
            very object that is added. Default: now.
        page_size: Messages for each read request, 1 to 500. All pages are read in any case.

    Raises:
        ScopeResolutionError: A variable of `scopes` is missing or blank.
        ValueError: The session id is blank, or another argument is out of range.

    Source: `POST /facts/batch`, `GET` and `DELETE /sessions/{id}…`.
    """

    def __init__(
        self,
        client: Spectron | AsyncSpectron,
        session_id: str,
        *,
        scopes: ScopeSource | None = None,
        variables: Variables | None = None,
        labels: str | Sequence[str] | Mapping[str, str] | None = None,
        infer: Literal["none", "full"] = "none",
        on_behalf_of: str | None = None,
        message_time: MessageTime | None = None,
        page_size: int = TURNS_PAGE_MAX,
    ) -> None:
        chosen = Selectors(scopes=scopes, labels=labels, on_behalf_of=on_behalf_of)
        selectors = _of_writes(chosen.over(client.selectors))
        selection = selectors.resolve(*variable_sources(variables))
        options = HistoryOptions(infer=infer, message_time=message_time, page_size=page_size)
        self._begin(client, session_id, selection, options)

    @classmethod
    def from_selection(
        cls,
        client: Spectron | AsyncSpectron,
        session_id: str,
        selection: Selection,
        *,
        options: HistoryOptions,
    ) -> Self:
        """A session whose scopes, labels and principal are resolved already; nothing is added.

        Args:
            client: Either client.
            session_id: As in the constructor.
            selection: What `Selectors.resolve` returned.
            options: How messages are stored and read.
        """
        history = cls.__new__(cls)
        history._begin(client, session_id, selection, options)  # noqa: SLF001 - of this class
        return history

    def _begin(
        self,
        client: Spectron | AsyncSpectron,
        session_id: str,
        selection: Selection,
        options: HistoryOptions,
    ) -> None:
        self._client = client
        self._session_id = session_id
        self._session_key = session_key(session_id, selection.scopes)
        self._selection = selection
        self._options = options

    @property
    def session_id(self) -> str:
        """The session's name, as given."""
        return self._session_id

    @property
    def session_key(self) -> str:
        """The session's name in the service: unique for session id and scopes together."""
        return self._session_key

    @classmethod
    def factory(
        cls,
        client: Spectron | AsyncSpectron,
        *,
        scopes: ScopeSource | None = None,
        session_field: str = _SESSION_FIELD,
        variables: Mapping[str, object] | None = None,
        labels: str | Sequence[str] | Mapping[str, str] | None = None,
        infer: Literal["none", "full"] = "none",
        on_behalf_of: str | None = None,
        message_time: MessageTime | None = None,
        page_size: int = TURNS_PAGE_MAX,
    ) -> HistoryFactory:
        """What `RunnableWithMessageHistory` needs to serve every user and session at once.

        Pass the result as `get_session_history` and its `history_factory_config` under the same
        name; each call then says `config={"configurable": {"session_id": …, "user_id": …}}`. The
        wrapper itself logs a write that failed, and goes on; a read that failed raises.

        Args:
            client: Either client.
            scopes: Where sessions live; its variables become fields of the configuration.
            session_field: The configuration's field for the session, such as `thread_id`.
            variables: Values for some variables; these are fixed, and no configuration changes
                them.
            labels: As in the constructor.
            infer: As in the constructor.
            on_behalf_of: As in the constructor; its variable becomes a field as well.
            message_time: As in the constructor.
            page_size: As in the constructor.

        Raises:
            ValueError: An argument is malformed.
            TypeError: `scopes` is a function, whose variables cannot be announced.
        """
        options = HistoryOptions(infer=infer, message_time=message_time, page_size=page_size)
        chosen = Selectors(scopes=scopes, labels=labels, on_behalf_of=on_behalf_of)
        selectors = _of_writes(chosen.over(client.selectors))

        def build(session_id: str, selection: Selection) -> SpectronChatMessageHistory:
            return cls.from_selection(client, session_id, selection, options=options)

        return HistoryFactory(build, selectors, session_field, dict(variables or {}))

    @property
    def messages(self) -> list[BaseMessage]:
        """All messages, oldest first: new objects with every reading. Add with `add_messages`.

        Raises:
            SpectronResponseError: A stored message is damaged; the turn is named.
            SpectronAPIError: The service refused or was not reached.

        Source: `GET /sessions/{id}/turns`.
        """
        sessions = self._client.as_sync().sessions
        pages = _TurnPages(self._options.page_size)
        try:
            while not pages.complete:
                answer = sessions.turns(
                    self._session_key,
                    limit=self._options.page_size,
                    offset=pages.offset,
                    on_behalf_of=self._selection.on_behalf_of,
                )
                pages.add(answer.turns)
        except SpectronNotFoundError:
            return []
        return pages.messages()

    # LangChain's guidelines ask for a property where its class declares a variable.
    @messages.setter
    def messages(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, _messages: list[BaseMessage]
    ) -> None:
        raise AttributeError("messages cannot be assigned; use add_messages(…) and clear()")

    async def aget_messages(self) -> list[BaseMessage]:
        """All messages, oldest first, as `messages` gives them."""
        sessions = self._client.as_async().sessions
        pages = _TurnPages(self._options.page_size)
        try:
            while not pages.complete:
                answer = await sessions.turns(
                    self._session_key,
                    limit=self._options.page_size,
                    offset=pages.offset,
                    on_behalf_of=self._selection.on_behalf_of,
                )
                pages.add(answer.turns)
        except SpectronNotFoundError:
            return []
        return pages.messages()

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Append messages in one request: all are stored, in this order, or none.

        Args:
            messages: Any messages; none sends no request.

        Raises:
            ValueError: A message holds something that cannot be stored (the field is named), or
                `message_time` returned no usable time. Nothing was written.
            SpectronAPIError: The service refused or was not reached.

        Source: `POST /facts/batch`.
        """
        if items := self._items(messages):
            self._client.as_sync().remember_many(
                items,
                session_id=self._session_key,
                scopes=self._selection.scopes,
                infer=self._options.infer,
                labels=self._selection.labels,
                on_behalf_of=self._selection.on_behalf_of,
            )

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Append messages, as `add_messages` does."""
        if items := self._items(messages):
            await self._client.as_async().remember_many(
                items,
                session_id=self._session_key,
                scopes=self._selection.scopes,
                infer=self._options.infer,
                labels=self._selection.labels,
                on_behalf_of=self._selection.on_behalf_of,
            )

    def clear(self) -> None:
        """Delete the session's messages; it can be used again at once.

        What the service learned from them stays: facts and recallable passages are removed by
        `client.forget` and `client.scopes.forget`, not by this.

        Source: `DELETE /sessions/{id}`.
        """
        with suppress(SpectronNotFoundError):
            self._client.as_sync().sessions.delete(
                self._session_key, on_behalf_of=self._selection.on_behalf_of
            )

    async def aclear(self) -> None:
        """Delete the session's messages, as `clear` does."""
        with suppress(SpectronNotFoundError):
            await self._client.as_async().sessions.delete(
                self._session_key, on_behalf_of=self._selection.on_behalf_of
            )

    def _items(self, messages: Sequence[BaseMessage]) -> list[MessageItem]:
        encoded = [(message, _encode(message)) for message in messages]
        return [
            MessageItem(role=turn.role, content=turn.content, ts=self._said_at(message))
            for message, turn in encoded
            if turn is not None
        ]

    def _said_at(self, message: BaseMessage) -> str | None:
        message_time = self._options.message_time
        said_at = message_time(message) if message_time else None
        return format_timestamp(said_at) if isinstance(said_at, datetime) else said_at

    def __repr__(self) -> str:
        """Session and scopes; messages stay in the service."""
        scopes = self._selection.scopes
        return f"{type(self).__name__}(session_id={self._session_id!r}, scopes={scopes!r})"


class HistoryFactory:
    """Makes the history of each call for `RunnableWithMessageHistory`.

    Made by `SpectronChatMessageHistory.factory`. Its signature has exactly the fields of
    `history_factory_config`, which is what the wrapper asks of it.

    Attributes:
        history_factory_config: The session's field, then the variables of the scope template.
    """

    def __init__(
        self,
        build: Callable[[str, Selection], SpectronChatMessageHistory],
        selectors: Selectors,
        session_field: str,
        variables: Mapping[str, object],
    ) -> None:
        if callable(selectors.scopes):
            raise TypeError(
                "a factory announces its variables, which a scopes function cannot: give a "
                "template such as 'org/{org_id}/user/{user_id}'"
            )
        if not session_field.isidentifier() or session_field in variables:
            raise ValueError(f"session_field is a free variable name, not {session_field!r}")
        wanted = sorted(selectors.variables - set(variables) - {session_field})
        self._build = build
        self._selectors = selectors
        self._variables = variables
        self._session_field = session_field
        self.history_factory_config = [_spec(name) for name in (session_field, *wanted)]
        self.__signature__ = inspect.Signature(
            [
                inspect.Parameter(spec.id, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=str)
                for spec in self.history_factory_config
            ],
            return_annotation=SpectronChatMessageHistory,
        )

    def __call__(self, *args: object, **values: object) -> SpectronChatMessageHistory:
        """The history of one session.

        Args:
            *args: Values in the order of `history_factory_config`.
            **values: Values by name.

        Raises:
            ScopeResolutionError: A value is missing, None, blank, or neither text, integer nor
                UUID.
            TypeError: A name is unknown or given twice.
        """
        given = self.__signature__.bind_partial(*args, **values).arguments
        sources = [("variables", self._variables), ('config["configurable"]', given)]
        session_id = resolve_variable(self._session_field, sources)
        return self._build(session_id, self._selectors.resolve(*sources))


def _of_writes(selectors: Selectors) -> Selectors:
    """The choices without the lens: turns are read by session, and its variables are not needed."""
    return replace(selectors, lens=None)


def _spec(name: str) -> ConfigurableFieldSpec:
    return ConfigurableFieldSpec(
        id=name,
        annotation=str,
        name=name.replace("_", " ").capitalize(),
        description=f"Value of {name!r} for this call; required and never blank.",
        is_shared=True,
    )


def _encode(message: BaseMessage) -> EncodedTurn | None:
    """The turn to store, without recalled memory; None when the message was nothing else."""
    dump = message_to_dict(message)
    own = strip_memory_from_dump(dump)
    if message.type in ("human", "system") and dump != own and not _content(own):
        return None
    return langchain_to_turn(own)


def _content(dump: Mapping[str, object]) -> object:
    data = dump["data"]
    return data.get("content") if isinstance(data, Mapping) else None


class _TurnPages:
    """The pages of a session, read while others may append to it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._turns: dict[str, Turn] = {}
        self.offset = 0
        self.complete = False

    def add(self, page: Sequence[Turn]) -> None:
        """Take the next page; a short one is the last."""
        self._turns.update((turn.id, turn) for turn in page)
        self.offset += len(page)
        self.complete = len(page) < self._size

    def messages(self) -> list[BaseMessage]:
        """The messages that the turns stand for, once deletions and the like are applied."""
        return messages_from_dict(
            [
                langchain_from_turn(turn.content, role=turn.role, turn_id=turn.id)
                for turn in replay(self._turns.values())
            ]
        )
