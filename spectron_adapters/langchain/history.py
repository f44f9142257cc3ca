"""A LangChain chat history whose sessions live in Spectron.

One object is one session of one scope; it holds no messages, so any number of objects and
processes may read and write the same session. Imports langchain-core and the library's public
modules; never `local`, never another framework.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage, message_to_dict, messages_from_dict
from langchain_core.runnables import ConfigurableFieldSpec
from typing_extensions import Self

from spectron_adapters import AsyncSpectron, Spectron
from spectron_adapters.langchain.run_config import (
    Variables,
    resolve_variable,
    variable_sources,
)
from spectron_adapters.messages import EncodedTurn, langchain_from_turn, langchain_to_turn
from spectron_adapters.models import TURNS_PAGE_MAX, Turn, format_timestamp
from spectron_adapters.prompting import strip_memory_from_dump
from spectron_adapters.scopes import session_key
from spectron_adapters.selectors import ScopeSource, Selection, Selectors
from spectron_adapters.transcripts import Transcript, check_client, check_options

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
        check_options(infer=self.infer, page_size=self.page_size)


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
        TypeError: `client` is no client.

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
        check_client(client)
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
        self._session_id = session_id
        self._message_time = options.message_time
        self._transcript = Transcript(
            client=client,
            session_id=session_key(session_id, selection.scopes),
            scopes=selection.scopes,
            labels=selection.labels,
            infer=options.infer,
            on_behalf_of=selection.on_behalf_of,
            page_size=options.page_size,
        )

    @property
    def session_id(self) -> str:
        """The session's name, as given."""
        return self._session_id

    @property
    def session_key(self) -> str:
        """The session's name in the service: unique for session id and scopes together."""
        return self._transcript.session_id

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
            TypeError: `scopes` is a function, whose variables cannot be announced; or `client` is
                no client.
        """
        check_client(client)
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
        return _messages(self._transcript.read())

    # LangChain's guidelines ask for a property where its class declares a variable.
    @messages.setter
    def messages(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, _messages: list[BaseMessage]
    ) -> None:
        raise AttributeError("messages cannot be assigned; use add_messages(…) and clear()")

    async def aget_messages(self) -> list[BaseMessage]:
        """All messages, oldest first, as `messages` gives them."""
        return _messages(await self._transcript.aread())

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Append messages in one request: all are stored, in this order, or none.

        Args:
            messages: Any messages; none sends no request.

        Raises:
            ValueError: A message holds something that cannot be stored (the field is named), or
                `message_time` returned no usable time. Nothing was written.
            TypeError: Something else than a message was given. Nothing was written.
            SpectronAPIError: The service refused or was not reached.

        Source: `POST /facts/batch`.
        """
        turns, times = self._encoded(messages)
        self._transcript.append(turns, times)

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Append messages, as `add_messages` does."""
        turns, times = self._encoded(messages)
        await self._transcript.aappend(turns, times)

    def clear(self) -> None:
        """Delete the session's messages; it can be used again at once.

        What the service learned from them stays: facts and recallable passages are removed by
        `client.forget` and `client.scopes.forget`, not by this.

        Source: `DELETE /sessions/{id}`.
        """
        self._transcript.delete()

    async def aclear(self) -> None:
        """Delete the session's messages, as `clear` does."""
        await self._transcript.adelete()

    def _encoded(
        self, messages: Sequence[BaseMessage]
    ) -> tuple[list[EncodedTurn], list[str | None]]:
        """What to store, and when each was said."""
        encoded = [(_encode(message), self._said_at(message)) for message in messages]
        kept = [(turn, said_at) for turn, said_at in encoded if turn is not None]
        return [turn for turn, _ in kept], [said_at for _, said_at in kept]

    def _said_at(self, message: BaseMessage) -> str | None:
        said_at = self._message_time(message) if self._message_time else None
        return format_timestamp(said_at) if isinstance(said_at, datetime) else said_at

    def __repr__(self) -> str:
        """Session and scopes; messages stay in the service."""
        scopes = self._transcript.scopes
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
    if not isinstance(message, BaseMessage):
        raise TypeError(
            f"messages are LangChain messages such as HumanMessage, not {type(message).__name__}; "
            "add_messages takes a list of them"
        )
    dump = message_to_dict(message)
    own = strip_memory_from_dump(dump)
    if message.type in ("human", "system") and dump != own and not _content(own):
        return None
    return langchain_to_turn(own)


def _content(dump: Mapping[str, object]) -> object:
    data = dump["data"]
    return data.get("content") if isinstance(data, Mapping) else None


def _messages(turns: Sequence[Turn] | None) -> list[BaseMessage]:
    return messages_from_dict(
        [langchain_from_turn(turn.content, role=turn.role, turn_id=turn.id) for turn in turns or ()]
    )
