"""What another user is told when they ask somebody else's questions: nothing of that person's."""

from __future__ import annotations

from collections.abc import Iterator

from spectron_adapters import ScopeTemplate
from spectron_adapters.demo.asking import Asker, folded, holds
from spectron_adapters.demo.replay import SCOPES
from spectron_adapters.demo.report import Answer, Recalled
from spectron_adapters.demo.transcript import Question, Transcript, User

__all__ = ["leaks", "other_user"]

_SCOPES = ScopeTemplate(SCOPES)


def other_user(transcript: Transcript, user: User) -> User:
    """Return the next user of the same organisation, or a newcomer if there is no other."""
    colleagues = [each for each in transcript.users if each.org == user.org]
    if len(colleagues) == 1:
        return User(user.org, f"not-{user.user}")
    return colleagues[(colleagues.index(user) + 1) % len(colleagues)]


def leaks(
    asker: Asker, transcript: Transcript, question: Question, answer: Answer
) -> Iterator[str]:
    """Yield what another user is told of the asker's memory when asking the same.

    Args:
        asker: Who asks for them.
        transcript: What everybody said.
        question: The first user's question.
        answer: What the first user was told.
    """
    other = other_user(transcript, question.user)
    own_words = "\n".join(folded(turn.content) for turn in transcript.turns_of(other))
    secrets = {each.id for each in answer.recalled if each.kind != "entity"}
    theirs = {scope.path for scope in _SCOPES.resolve(question.user.variables()).scopes}
    for told in asker.recall(other, question.text):
        is_secret = told.id in secrets or not theirs.isdisjoint(told.scopes)
        if is_secret or not _is_own(told, own_words, question.expected):
            yield f"{other.user} is told {told.id}: {told.text!r}"


def _is_own(told: Recalled, own_words: str, secret: str | None) -> bool:
    """Whether a memory says only what the other user's conversations do."""
    if told.kind == "memory_chunk" and folded(told.text) not in own_words:
        return False
    return secret is None or not holds(told.text, secret) or folded(secret) in own_words
