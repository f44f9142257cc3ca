"""Turns into the transcript and into the search index, one transaction's worth.

Imports `work`, `sessions`, `passages`, `retrieval` and `messages`, whose envelope hides what is
not text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spectron_adapters.errors import SpectronResponseError
from spectron_adapters.local.conversation.sessions import (
    Destination,
    NewTurn,
    StoredSession,
    StoredTurn,
    append_turns,
    enter_session,
)
from spectron_adapters.local.search.passages import split_passages
from spectron_adapters.local.search.retrieval import IndexRow, add_rows
from spectron_adapters.local.work import Work
from spectron_adapters.messages import SEPARATOR, portable_from_turn, visible_text

__all__ = ["CATEGORY_IMPORTANCE", "IncomingTurn", "Ingested", "chunk_id", "ingest", "read_turn"]

CATEGORY_IMPORTANCE = {"identity": 1.0, "knowledge": 0.8, "context": 0.5}
"""Importance that a new row starts with, by memory category."""

_PEOPLE = frozenset({"user", "assistant"})


@dataclass(frozen=True, slots=True)
class IncomingTurn:
    """A turn as it arrives.

    Attributes:
        role: Who speaks.
        content: Stored word for word.
        text: The part that people read, which is indexed and extracted.
        speaker: The speaker's name, where the content gives one.
        known_at: When it was said.
    """

    role: str
    content: str
    text: str
    speaker: str | None
    known_at: int


@dataclass(frozen=True, slots=True)
class Ingested:
    """What one request stored.

    Attributes:
        session: The session.
        scope_set_id: What the rows carry.
        turns: In the order given.
    """

    session: StoredSession
    scope_set_id: int
    turns: list[StoredTurn]


def read_turn(role: str, content: str, known_at: int) -> IncomingTurn:
    """Take apart what a client sends as one turn."""
    if SEPARATOR not in content:
        return IncomingTurn(role, content, content, None, known_at)
    return IncomingTurn(role, content, visible_text(content), _speaker(role, content), known_at)


def _speaker(role: str, content: str) -> str | None:
    if role not in _PEOPLE:
        return None
    try:
        return portable_from_turn(content, role=role, turn_id="").name or None
    except SpectronResponseError:
        return None  # the words count, whatever became of the envelope


def chunk_id(turn_key: str, part: int) -> str:
    """The public id of a passage of a turn."""
    return f"memory_chunk:{turn_key}" if part == 0 else f"memory_chunk:{turn_key}-{part}"


def ingest(
    work: Work,
    destination: Destination,
    turns: Sequence[IncomingTurn],
    *,
    labels: frozenset[str] = frozenset(),
    category: str | None = None,
) -> Ingested:
    """Append turns to their session and make their words searchable.

    Args:
        work: In a write transaction.
        destination: Checked by `resolve_destination` in the same transaction.
        turns: In order; one without content is kept for provenance only.
        labels: On every passage.
        category: Memory category, which decides the importance to start with.
    """
    session = enter_session(work, destination)
    scope_set_id = work.intern(destination.scopes)
    new = [
        NewTurn(turn.role, turn.content, turn.known_at, silent=not turn.content) for turn in turns
    ]
    stored = append_turns(work, session, new, scope_set_id=scope_set_id)
    importance = CATEGORY_IMPORTANCE.get(category or "", CATEGORY_IMPORTANCE["context"])
    rows = [
        IndexRow(
            context_id=work.context_id,
            kind="memory_chunk",
            target_id=kept.id,
            scope_set_id=scope_set_id,
            text=passage,
            known_from=turn.known_at,
            valid_from=turn.known_at,
            system_from=work.now,
            session_id=session.id,
            seq=kept.seq,
            part=part,
            role=turn.role,
            speaker=turn.speaker,
            importance=importance,
            labels=labels,
        )
        for turn, kept in zip(turns, stored, strict=True)
        for part, passage in enumerate(split_passages(turn.text))
    ]
    if rows:
        add_rows(work.connection, rows)
    return Ingested(session, scope_set_id, stored)
