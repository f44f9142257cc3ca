"""The first half: conversations go in through LangChain, as an application would send them.

Imports langchain-core, the LangChain adapters and the public root.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from spectron_adapters import Spectron
from spectron_adapters.demo.transcript import Conversation, Role, Transcript, Turn
from spectron_adapters.langchain import SpectronChatMessageHistory, SpectronMemory

__all__ = ["SCOPES", "Stored", "replay"]

SCOPES = "org/{org_id}/user/{user_id}"
"""Whose memory it is. The values come with every call, never from an instance."""

_MESSAGES: dict[Role, type[BaseMessage]] = {
    "user": HumanMessage,
    "assistant": AIMessage,
    "system": SystemMessage,
}


@dataclass(frozen=True, slots=True)
class Stored:
    """How many turns went in, and by which class.

    Attributes:
        by_history: Through `SpectronChatMessageHistory`.
        by_memory: Through `SpectronMemory`.
    """

    by_history: int
    by_memory: int


def _message_of(turn: Turn) -> BaseMessage:
    """Return a turn as LangChain has it."""
    return _MESSAGES[turn.role](turn.content, name=turn.name)


def replay(client: Spectron, transcript: Transcript, advance: Callable[[], None]) -> Stored:
    """Store every turn, at the time at which it was said.

    Every second exchange goes through `SpectronMemory` if it is plain (a user's turn and one
    reply, speakers without names), everything else through `SpectronChatMessageHistory`; both
    write to the same sessions.

    Args:
        client: Where to.
        transcript: What to store.
        advance: Called after every turn.
    """
    by_history = by_memory = 0
    for conversation in transcript.conversations:
        for number, exchange in enumerate(_exchanges(conversation.turns)):
            if number % 2 and _is_plain(exchange):
                _save_context(client, conversation, exchange)
                by_memory += len(exchange)
            else:
                _add_messages(client, conversation, exchange)
                by_history += len(exchange)
            for _ in exchange:
                advance()
    return Stored(by_history, by_memory)


def _exchanges(turns: Sequence[Turn]) -> Iterator[list[Turn]]:
    """Cut a conversation before every turn of the user."""
    exchange: list[Turn] = []
    for turn in turns:
        if turn.role == "user" and exchange:
            yield exchange
            exchange = []
        exchange.append(turn)
    yield exchange


def _is_plain(exchange: Sequence[Turn]) -> bool:
    roles = [turn.role for turn in exchange]
    return roles == ["user", "assistant"] and not any(turn.name for turn in exchange)


def _save_context(client: Spectron, conversation: Conversation, exchange: Sequence[Turn]) -> None:
    said, answered = exchange
    times = {"human": said.ts, "ai": answered.ts}
    memory = SpectronMemory(
        client=client,
        session_id=conversation.session,
        scopes=SCOPES,
        variables=conversation.user.variables(),
        infer="full",
        message_time=lambda message: times[message.type],
    )
    memory.save_context({"input": said.content}, {"output": answered.content})


def _add_messages(client: Spectron, conversation: Conversation, exchange: Sequence[Turn]) -> None:
    messages = [_message_of(turn) for turn in exchange]
    times = {id(message): turn.ts for message, turn in zip(messages, exchange, strict=True)}
    history = SpectronChatMessageHistory(
        client,
        conversation.session,
        scopes=SCOPES,
        variables=conversation.user.variables(),
        infer="full",
        message_time=lambda message: times[id(message)],
    )
    history.add_messages(messages)
