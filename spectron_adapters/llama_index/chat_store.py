"""Sessions of Spectron as a LlamaIndex chat store.

Imports llama-index-core and the library's public modules; never `local`, never another framework.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal, cast

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.storage.chat_store.base import BaseChatStore
from pydantic import (
    ConfigDict,
    Field,
    SkipValidation,
    field_serializer,
    field_validator,
    model_validator,
)

from spectron_adapters import AsyncSpectron, Spectron
from spectron_adapters.llama_index.variables import Variables, resolve
from spectron_adapters.messages import (
    EncodedTurn,
    Role,
    llama_index_from_turn,
    llama_index_to_turn,
)
from spectron_adapters.models import SessionListResponse, Turn
from spectron_adapters.prompting import strip_memory_from_dump
from spectron_adapters.scopes import ScopeSet, ScopeTemplate, session_key, session_name
from spectron_adapters.selectors import ScopeSource, Selection, Selectors
from spectron_adapters.transcripts import Transcript, delete_edit, insert_edit, replacement

__all__ = ["SpectronChatStore"]

_PROMPTING = (MessageRole.USER, MessageRole.SYSTEM, MessageRole.DEVELOPER)


class SpectronChatStore(BaseChatStore):
    """Chat messages by key; a key is a session of Spectron within the store's scope.

    Every kind of message and block comes back as it was stored. Writing only ever appends, in one
    request: deleting a message, inserting one or replacing a history adds an edit, which readers
    apply. So a crash loses nothing, and writers that work at the same time lose nothing. An edited
    message leaves the history at once; its text stays recallable until it is forgotten
    (`client.forget`), unless the store was made with `purge=True`.

    Sync methods use the sync client and async methods the async one, whichever was given.

    Args:
        client: Either client. Never part of a dump or pickle: give it anew to `from_dict`, or set
            `store.client` after unpickling.
        scopes: Where the sessions live: two users may both have a key `1`. May hold variables.
            Default: the client's.
        variables: Values for the template: a mapping, or a function called for each operation.
        labels: `key=value` pairs put on every message. Default: the client's.
        infer: `none` stores messages only; `full` also has the service extract facts.
        on_behalf_of: Principal that requests act for. May hold one variable.
        purge: Rewrite the session where an edit would do, so that nothing of what was deleted
            stays in the transcript. The service can only delete a session as a whole, so this
            takes two requests: a crash between them loses the session, and what others add
            meanwhile is lost too. What stays is stored, and may be recalled, once more; a key
            without messages is gone.

    Raises:
        ValueError: An argument is blank, malformed or unknown.

    Source: `POST /facts/batch`, `GET` and `DELETE /sessions/{id}…`.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        arbitrary_types_allowed=True, extra="forbid", validate_assignment=True
    )

    client: Spectron | AsyncSpectron | None = Field(default=None, exclude=True, repr=False)
    scopes: Annotated[ScopeSource | None, SkipValidation] = None
    variables: Annotated[Variables | None, SkipValidation] = Field(
        default=None, exclude=True, repr=False
    )
    labels: Annotated[str | Sequence[str] | Mapping[str, str] | None, SkipValidation] = None
    infer: Literal["none", "full"] = "none"
    on_behalf_of: str | None = None
    purge: bool = False

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex stores a dump."""
        return "SpectronChatStore"

    @model_validator(mode="before")
    @classmethod
    def _without_class_name(cls, data: object) -> object:
        """A dump as arguments: LlamaIndex writes the name of the class into every dump."""
        if not isinstance(data, Mapping):
            return data
        return {name: value for name, value in data.items() if name != "class_name"}

    @field_validator("scopes", mode="plain")
    @classmethod
    def _check_scopes(cls, value: ScopeSource | None) -> ScopeSource | None:
        return Selectors(scopes=value).scopes

    @field_validator("labels", mode="plain")
    @classmethod
    def _check_labels(cls, value: object) -> tuple[str, ...] | None:
        return Selectors(labels=value).labels  # type: ignore[arg-type]  # checked there

    @field_validator("on_behalf_of", mode="plain")
    @classmethod
    def _check_principal(cls, value: str | None) -> str | None:
        return Selectors(on_behalf_of=value).on_behalf_of

    @field_serializer("scopes")
    def _dump_scopes(self, value: ScopeSource | None) -> list[list[str]] | None:
        """The template as lists; a dump without its scopes would be read as another store."""
        if value is None:
            return None
        if isinstance(value, ScopeTemplate):
            return [[path.text for path in clause] for clause in value.clauses]
        raise ValueError("scopes is a function, which cannot be dumped; use a template instead")

    def __getstate__(self) -> dict[str, object]:
        """A pickle without the client, and without a function that gives variables."""
        kept = None if callable(self.variables) else self.variables
        bare = self.model_copy(update={"client": None, "variables": kept})
        return super(SpectronChatStore, bare).__getstate__()

    # --- reading -----------------------------------------------------------------------------

    def get_messages(self, key: str) -> list[ChatMessage]:
        """The messages of a key, oldest first; an unknown key has none."""
        return _messages(self._transcript(key).read() or ())

    async def aget_messages(self, key: str) -> list[ChatMessage]:
        """The messages of a key, oldest first; an unknown key has none."""
        return _messages(await self._transcript(key).aread() or ())

    def get_keys(self) -> list[str]:
        """The keys of this store's scope, in the order in which the service lists sessions."""
        selection = self._selection()
        view = self._any_client.as_sync().scoped(lens=selection.lens)
        sessions = view.sessions.list(on_behalf_of=selection.on_behalf_of)
        return _keys(sessions, selection.scopes)

    async def aget_keys(self) -> list[str]:
        """The keys of this store's scope, in the order in which the service lists sessions."""
        selection = self._selection()
        view = self._any_client.as_async().scoped(lens=selection.lens)
        sessions = await view.sessions.list(on_behalf_of=selection.on_behalf_of)
        return _keys(sessions, selection.scopes)

    # --- adding and replacing ----------------------------------------------------------------

    def add_message(self, key: str, message: ChatMessage, idx: int | None = None) -> None:
        """Append a message, or insert it before the message at `idx` as `list.insert` does."""
        transcript, turns = self._transcript(key), _encoded([message])
        standing = [] if idx is None else transcript.read() or []
        transcript.append(_placed(turns, standing, idx))

    async def async_add_message(
        self, key: str, message: ChatMessage, idx: int | None = None
    ) -> None:
        """Append a message, or insert it before the message at `idx` as `list.insert` does."""
        transcript, turns = self._transcript(key), _encoded([message])
        standing = [] if idx is None else await transcript.aread() or []
        await transcript.aappend(_placed(turns, standing, idx))

    def set_messages(self, key: str, messages: list[ChatMessage]) -> None:
        """Replace the history of a key; messages with which both begin are not stored again."""
        transcript, wanted = self._transcript(key), _encoded(messages)
        if self.purge:
            self._rewrite(transcript, wanted)
        else:
            transcript.append(replacement(transcript.read() or (), wanted))

    async def aset_messages(self, key: str, messages: list[ChatMessage]) -> None:
        """Replace the history of a key; messages with which both begin are not stored again."""
        transcript, wanted = self._transcript(key), _encoded(messages)
        if self.purge:
            await self._arewrite(transcript, wanted)
        else:
            await transcript.aappend(replacement(await transcript.aread() or (), wanted))

    # --- deleting ----------------------------------------------------------------------------

    def delete_messages(self, key: str) -> list[ChatMessage] | None:
        """Delete a key with its session; its messages, or None if there is no such key."""
        transcript = self._transcript(key)
        standing = transcript.read()
        if standing is None:
            return None
        transcript.delete()
        return _messages(standing)

    async def adelete_messages(self, key: str) -> list[ChatMessage] | None:
        """Delete a key with its session; its messages, or None if there is no such key."""
        transcript = self._transcript(key)
        standing = await transcript.aread()
        if standing is None:
            return None
        await transcript.adelete()
        return _messages(standing)

    def delete_message(self, key: str, idx: int) -> ChatMessage | None:
        """Delete one message; it, or None if the key has no message at `idx`.

        Args:
            key: The session.
            idx: Position from 0; negative ones count from the end.
        """
        transcript = self._transcript(key)
        standing = transcript.read() or []
        if not -len(standing) <= idx < len(standing):
            return None
        deleted = standing.pop(idx)
        if self.purge:
            self._rewrite(transcript, _as_written(standing), _times(standing))
        else:
            transcript.append([delete_edit([deleted.id])])
        return _message(deleted)

    async def adelete_message(self, key: str, idx: int) -> ChatMessage | None:
        """Delete one message; it, or None if the key has no message at `idx`.

        Args:
            key: The session.
            idx: Position from 0; negative ones count from the end.
        """
        transcript = self._transcript(key)
        standing = await transcript.aread() or []
        if not -len(standing) <= idx < len(standing):
            return None
        deleted = standing.pop(idx)
        if self.purge:
            await self._arewrite(transcript, _as_written(standing), _times(standing))
        else:
            await transcript.aappend([delete_edit([deleted.id])])
        return _message(deleted)

    def delete_last_message(self, key: str) -> ChatMessage | None:
        """Delete the newest message; it, or None if the key has none."""
        return self.delete_message(key, -1)

    async def adelete_last_message(self, key: str) -> ChatMessage | None:
        """Delete the newest message; it, or None if the key has none."""
        return await self.adelete_message(key, -1)

    # --- the session behind a key ------------------------------------------------------------

    def _rewrite(
        self, transcript: Transcript, turns: Sequence[EncodedTurn], times: Sequence[str | None] = ()
    ) -> None:
        transcript.delete()
        transcript.append(turns, times)

    async def _arewrite(
        self, transcript: Transcript, turns: Sequence[EncodedTurn], times: Sequence[str | None] = ()
    ) -> None:
        await transcript.adelete()
        await transcript.aappend(turns, times)

    def _transcript(self, key: str) -> Transcript:
        selection = self._selection()
        return Transcript(
            client=self._any_client,
            session_id=session_key(key, selection.scopes),
            scopes=selection.scopes,
            labels=selection.labels,
            infer=self.infer,
            on_behalf_of=selection.on_behalf_of,
        )

    def _selection(self) -> Selection:
        """Where the sessions are; they are listed there too, whatever a client recalls from."""
        own = Selectors(scopes=self.scopes, labels=self.labels, on_behalf_of=self.on_behalf_of)
        chosen = own.over(self._any_client.selectors)
        if chosen.scopes is not None:
            chosen = replace(chosen, lens=None)
        return resolve(chosen, self.variables)

    @property
    def _any_client(self) -> Spectron | AsyncSpectron:
        if self.client is None:
            raise ValueError(
                "this SpectronChatStore has no client: give client=… (a dump or pickle never "
                "holds one; set store.client after unpickling)"
            )
        return self.client


def _encoded(messages: Iterable[ChatMessage]) -> list[EncodedTurn]:
    """The turns to store, without recalled memory; a prompt that was nothing else has none."""
    turns = []
    for message in messages:
        if not isinstance(message, ChatMessage):
            raise TypeError(f"messages are ChatMessages, not {type(message).__name__}")
        dump = message.model_dump()
        own = strip_memory_from_dump(dump)
        if own == dump or own["blocks"] or message.role not in _PROMPTING:
            turns.append(llama_index_to_turn(own))
    return turns


def _message(turn: Turn) -> ChatMessage:
    dump = llama_index_from_turn(turn.content, role=turn.role, turn_id=turn.id)
    return ChatMessage.model_validate(dump)


def _messages(turns: Iterable[Turn]) -> list[ChatMessage]:
    return [_message(turn) for turn in turns]


def _as_written(turns: Iterable[Turn]) -> list[EncodedTurn]:
    return [EncodedTurn(cast("Role", turn.role), turn.content) for turn in turns]


def _times(turns: Iterable[Turn]) -> list[str | None]:
    return [turn.created_at or None for turn in turns]


def _placed(
    turns: Sequence[EncodedTurn], standing: Sequence[Turn], idx: int | None
) -> Sequence[EncodedTurn]:
    """The turns, after an edit that gives them the place where `list.insert` would put them."""
    if idx is None or not turns or not standing or idx >= len(standing):
        return turns
    follower = standing[max(idx, -len(standing))]
    return [insert_edit(follower.id), *turns]


def _keys(listing: SessionListResponse, scopes: ScopeSet | None) -> list[str]:
    names = (session_name(session.id, scopes) for session in listing.sessions)
    return [name for name in names if name is not None]
