"""Sessions of Spectron as a LlamaIndex chat store.

Imports llama-index-core and the library's public modules; never `local`, never another framework.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, ClassVar, Literal, cast

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.storage.chat_store.base import BaseChatStore
from pydantic import ConfigDict, Field, SkipValidation, field_serializer, field_validator

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
from spectron_adapters.transcripts import Transcript, delete_edit, insert_edit, replace_edit

__all__ = ["SpectronChatStore"]


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
        purge: Rewrite the session physically where an edit would do: nothing of what was deleted
            stays in the transcript. Takes two requests, between which a crash loses the session.

    Raises:
        ValueError: An argument is blank or malformed.

    Source: `POST /facts/batch`, `GET` and `DELETE /sessions/{id}…`.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(arbitrary_types_allowed=True)

    client: Annotated[Spectron | AsyncSpectron | None, SkipValidation] = Field(
        default=None, exclude=True, repr=False
    )
    scopes: Annotated[ScopeSource | None, SkipValidation] = None
    variables: Annotated[Variables | None, SkipValidation] = Field(
        default=None, exclude=True, repr=False
    )
    labels: tuple[str, ...] | None = None
    infer: Literal["none", "full"] = "none"
    on_behalf_of: str | None = None
    purge: bool = False

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex stores a dump."""
        return "SpectronChatStore"

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
        sessions = self._any_client.as_sync().sessions
        return _keys(sessions.list(on_behalf_of=selection.on_behalf_of), selection.scopes)

    async def aget_keys(self) -> list[str]:
        """The keys of this store's scope, in the order in which the service lists sessions."""
        selection = self._selection()
        sessions = self._any_client.as_async().sessions
        return _keys(await sessions.list(on_behalf_of=selection.on_behalf_of), selection.scopes)

    # --- adding and replacing ----------------------------------------------------------------

    def add_message(self, key: str, message: ChatMessage, idx: int | None = None) -> None:
        """Append a message, or insert it before the message at `idx` as `list.insert` does."""
        transcript, turn = self._transcript(key), _encode(message)
        standing = [] if idx is None else transcript.read() or []
        transcript.append(_placed(turn, standing, idx))

    async def async_add_message(
        self, key: str, message: ChatMessage, idx: int | None = None
    ) -> None:
        """Append a message, or insert it before the message at `idx` as `list.insert` does."""
        transcript, turn = self._transcript(key), _encode(message)
        standing = [] if idx is None else await transcript.aread() or []
        await transcript.aappend(_placed(turn, standing, idx))

    def set_messages(self, key: str, messages: list[ChatMessage]) -> None:
        """Replace the history of a key, in one request unless `purge` is set."""
        self._replace(self._transcript(key), [_encode(message) for message in messages])

    async def aset_messages(self, key: str, messages: list[ChatMessage]) -> None:
        """Replace the history of a key, in one request unless `purge` is set."""
        await self._areplace(self._transcript(key), [_encode(message) for message in messages])

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
            self._replace(transcript, _as_written(standing))
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
            await self._areplace(transcript, _as_written(standing))
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

    def _replace(self, transcript: Transcript, turns: Sequence[EncodedTurn]) -> None:
        if self.purge:
            transcript.delete()
            transcript.append(turns)
        else:
            transcript.append([replace_edit(), *turns])

    async def _areplace(self, transcript: Transcript, turns: Sequence[EncodedTurn]) -> None:
        if self.purge:
            await transcript.adelete()
            await transcript.aappend(turns)
        else:
            await transcript.aappend([replace_edit(), *turns])

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
        chosen = Selectors(scopes=self.scopes, labels=self.labels, on_behalf_of=self.on_behalf_of)
        return resolve(chosen.over(self._any_client.selectors), self.variables)

    @property
    def _any_client(self) -> Spectron | AsyncSpectron:
        if self.client is None:
            raise ValueError(
                "this SpectronChatStore has no client: give client=… (a dump or pickle never "
                "holds one; set store.client after unpickling)"
            )
        return self.client


def _encode(message: ChatMessage) -> EncodedTurn:
    return llama_index_to_turn(strip_memory_from_dump(message.model_dump()))


def _message(turn: Turn) -> ChatMessage:
    dump = llama_index_from_turn(turn.content, role=turn.role, turn_id=turn.id)
    return ChatMessage.model_validate(dump)


def _messages(turns: Iterable[Turn]) -> list[ChatMessage]:
    return [_message(turn) for turn in turns]


def _as_written(turns: Iterable[Turn]) -> list[EncodedTurn]:
    return [EncodedTurn(cast("Role", turn.role), turn.content) for turn in turns]


def _placed(turn: EncodedTurn, standing: Sequence[Turn], idx: int | None) -> list[EncodedTurn]:
    """The turn, after an edit that gives it the place where `list.insert` would put it."""
    if idx is None or idx >= len(standing):
        return [turn]
    follower = standing[max(idx, -len(standing))]
    return [insert_edit(follower.id), turn]


def _keys(listing: SessionListResponse, scopes: ScopeSet | None) -> list[str]:
    names = (session_name(session.id, scopes) for session in listing.sessions)
    return [name for name in names if name is not None]
