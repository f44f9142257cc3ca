"""Histories read back through both frameworks and held against what was said.

Imports the adapters of LangChain and LlamaIndex and the public root.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import TypeAlias

from spectron_adapters import Spectron
from spectron_adapters.demo.replay import SCOPES
from spectron_adapters.demo.transcript import Transcript, User
from spectron_adapters.langchain import SpectronChatMessageHistory
from spectron_adapters.llama_index import SpectronChatStore

__all__ = [
    "Line",
    "differences",
    "foreign_sessions",
    "read_langchain",
    "read_llama_index",
    "unlisted_sessions",
]

Line: TypeAlias = tuple[str, object, object]
"""Role, text and speaker's name of one message."""

Reader: TypeAlias = Callable[[Spectron, User, str], list[Line]]

_ROLES = {"human": "user", "ai": "assistant"}


def read_langchain(client: Spectron, user: User, session: str) -> list[Line]:
    """Read a session through `SpectronChatMessageHistory`."""
    history = SpectronChatMessageHistory(client, session, scopes=SCOPES, variables=user.variables())
    return [
        (_ROLES.get(message.type, message.type), message.content, message.name)
        for message in history.messages
    ]


def read_llama_index(client: Spectron, user: User, session: str) -> list[Line]:
    """Read a session through `SpectronChatStore`."""
    messages = _chat_store(client, user).get_messages(session)
    return [
        (message.role.value, message.content, message.additional_kwargs.get("name"))
        for message in messages
    ]


def differences(client: Spectron, transcript: Transcript, read: Reader) -> Iterator[str]:
    """Yield every message that is not what was said, where it was said."""
    for conversation in transcript.conversations:
        said = [(turn.role, turn.content, turn.name) for turn in conversation.turns]
        came = read(client, conversation.user, conversation.session)
        place = f"{conversation.user.user}, session {conversation.session}"
        for number, (wanted, got) in enumerate(zip_longest(said, came), start=1):
            if wanted != got:
                yield f"{place}, message {number}: {got} in place of {wanted}"


def foreign_sessions(client: Spectron, transcript: Transcript) -> Iterator[str]:
    """Yield every session that somebody sees who never spoke in one of that name."""
    names = {each.session for each in transcript.conversations}
    for user, own in _sessions(transcript).items():
        seen = {name for name in names - own if read_langchain(client, user, name)}
        listed = set(_chat_store(client, user).get_keys())
        yield from (f"{user.user}: session {name}" for name in sorted(seen | listed - own))


def unlisted_sessions(client: Spectron, transcript: Transcript) -> Iterator[str]:
    """Yield every session that `SpectronChatStore` does not list to its user."""
    for user, own in _sessions(transcript).items():
        missing = own.difference(_chat_store(client, user).get_keys())
        yield from (f"{user.user}, session {name} is not listed" for name in sorted(missing))


def _sessions(transcript: Transcript) -> dict[User, set[str]]:
    return {user: {each.session for each in transcript.of(user)} for user in transcript.users}


def _chat_store(client: Spectron, user: User) -> SpectronChatStore:
    return SpectronChatStore(client=client, scopes=SCOPES, variables=user.variables())
