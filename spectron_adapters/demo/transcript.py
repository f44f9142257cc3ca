"""What the demonstration replays and asks: turns, conversations, questions.

Values only; nothing here reads a file, a framework, a client or the engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

__all__ = ["Conversation", "Earlier", "Question", "Role", "Transcript", "Turn", "User"]

Role = Literal["user", "assistant", "system"]


@dataclass(frozen=True, slots=True, order=True)
class User:
    """Somebody whose conversations are remembered, as a scope template sees them."""

    org: str
    user: str

    def variables(self) -> dict[str, str]:
        """Return the values for the variables of `org/{org_id}/user/{user_id}`."""
        return {"org_id": self.org, "user_id": self.user}


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation.

    Attributes:
        role: Who speaks.
        content: What is said; never blank.
        ts: When it was said, with its time zone.
        ref: Where the file has it (`line 12`, or the turn's own id); unique per user.
        name: The speaker's name, where the format has one.
    """

    role: Role
    content: str
    ts: datetime
    ref: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """One session of one user, turns in the order in which they were said."""

    user: User
    session: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Earlier:
    """What the same question was answered with at an earlier time.

    Attributes:
        as_of: The time to go back to.
        expected: A phrase of what was known then, and is no longer so.
        is_fact: Whether it was kept as a fact, so that the fact's history must show it.
    """

    as_of: datetime
    expected: str
    is_fact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something to ask once everything is stored.

    A question with neither `expected` nor `evidence` is asked for its answer alone.

    Attributes:
        user: Who asks.
        text: The question.
        expected: A phrase that one of the recalled memories must hold; case is ignored.
        evidence: `ref` of every turn that answers it, where the format knows them.
        earlier: What the answer used to be.
    """

    user: User
    text: str
    expected: str | None = None
    evidence: tuple[str, ...] = ()
    earlier: Earlier | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """Everything that a file holds.

    Attributes:
        source: What messages call the file.
        conversations: In the order in which the file begins them.
        questions: Those that came with the file.
    """

    source: str
    conversations: tuple[Conversation, ...]
    questions: tuple[Question, ...] = ()

    @property
    def users(self) -> tuple[User, ...]:
        """Everybody with a conversation, in order of appearance."""
        return tuple(dict.fromkeys(each.user for each in self.conversations))

    @property
    def turn_count(self) -> int:
        """Number of turns of all conversations."""
        return sum(len(each.turns) for each in self.conversations)

    def of(self, user: User) -> tuple[Conversation, ...]:
        """Return the conversations of one user."""
        return tuple(each for each in self.conversations if each.user == user)

    def turns_of(self, user: User) -> Iterator[Turn]:
        """Yield every turn of one user, session after session."""
        for each in self.of(user):
            yield from each.turns
