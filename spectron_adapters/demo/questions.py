"""Which questions a run asks: the caller's, the file's, or some made from the transcript."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from spectron_adapters.demo.transcript import Question, Transcript

__all__ = ["questions_for"]

_FEWEST_WORDS = 6


def questions_for(
    transcript: Transcript, *, ask: Sequence[str] = (), limit: int
) -> tuple[Question, ...]:
    """Choose what to ask.

    Args:
        transcript: What was replayed.
        ask: Questions that every user asks; when given, nothing else is asked.
        limit: How many questions to take per user, spread evenly over the conversations. They are
            the file's; for a file without any, users repeat statements of their own, and each
            must find itself again.

    Returns:
        The questions, user by user.
    """
    if ask:
        return tuple(Question(user=user, text=text) for user in transcript.users for text in ask)
    pool = transcript.questions or tuple(_statements(transcript))
    return tuple(
        question
        for user in transcript.users
        for question in _spread([each for each in pool if each.user == user], limit)
    )


def _statements(transcript: Transcript) -> Iterator[Question]:
    """Yield what users said once, at some length, and not as a question."""
    for user in transcript.users:
        said = Counter(turn.content for turn in transcript.turns_of(user))
        for turn in transcript.turns_of(user):
            long_enough = len(turn.content.split()) >= _FEWEST_WORDS
            if (
                turn.role == "user"
                and long_enough
                and "?" not in turn.content
                and said[turn.content] == 1
            ):
                yield Question(user=user, text=turn.content, evidence=(turn.ref,))


def _spread(questions: Sequence[Question], limit: int) -> Iterator[Question]:
    """Yield at most `limit` of the questions, at even distances."""
    count = min(limit, len(questions))
    return (questions[index * len(questions) // count] for index in range(count))
