"""Sessions and their turns: finding, creating, appending, paging, deleting.

Imports `work`, `problems`, `instants`, `scope_nodes`, `models` and `scopes`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from spectron_adapters.local.instants import to_text
from spectron_adapters.local.problems import bad_request, forbidden, not_found
from spectron_adapters.local.scope_catalog import ReadableSets
from spectron_adapters.local.scope_nodes import check_registered
from spectron_adapters.local.work import Work
from spectron_adapters.models import (
    CreateSessionRequest,
    Session,
    SessionListResponse,
    Turn,
    TurnListResponse,
)
from spectron_adapters.scopes import ScopeSet

__all__ = [
    "Destination",
    "NewTurn",
    "StoredSession",
    "StoredTurn",
    "TurnPage",
    "append_turns",
    "create_session",
    "delete_session",
    "enter_session",
    "get_session",
    "list_sessions",
    "list_turns",
    "readable_session",
    "resolve_destination",
    "session_scopes",
    "turn_id",
]

_NAME_LENGTH_MAX = 1024


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A live session."""

    id: int
    name: str
    scope_set_id: int
    created_at: int
    metadata: str | None
    last_seq: int
    hidden_turns: int


_COLUMNS = "id, name, scope_set_id, created_at, metadata, last_seq, hidden_turns"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a write goes.

    Attributes:
        session: The session, if it exists.
        name: Its id; None has one created.
        scopes: What the new rows carry.
    """

    session: StoredSession | None
    name: str | None
    scopes: ScopeSet


@dataclass(frozen=True, slots=True)
class NewTurn:
    """A turn to append; `silent` ones hold a place for provenance and are no message."""

    role: str
    content: str
    known_at: int
    silent: bool = False


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """A turn just appended."""

    id: int
    key: str
    seq: int | None
    known_at: int


@dataclass(frozen=True, slots=True)
class TurnPage:
    """Which turns to list.

    Attributes:
        limit: Most turns, 1 to 500.
        offset: How many to pass over, from the end of the order that is read first.
        descending: Newest first.
        after: Only turns with a greater `seq`.
        before: Only turns with a smaller `seq`.
    """

    limit: int
    offset: int = 0
    descending: bool = False
    after: int | None = None
    before: int | None = None


def turn_id(key: str) -> str:
    """The public id of a turn."""
    return f"turn:{key}"


def _find(work: Work, name: str) -> StoredSession | None:
    row = work.connection.execute(
        f"SELECT {_COLUMNS} FROM session"  # noqa: S608  # constant columns
        " WHERE context_id = ? AND name = ? AND deleted_at IS NULL",
        (work.context_id, name),
    ).fetchone()
    return None if row is None else StoredSession(*row)


def session_scopes(work: Work, session: StoredSession) -> ScopeSet:
    """The scopes that a session belongs to.

    Raises:
        Problem: 403, it belongs to none, which only damage can bring about.
    """
    clauses = work.catalog.clauses(work.connection, session.scope_set_id)
    if not clauses:
        raise forbidden("the session belongs to no scope, so nobody may write to it")
    return ScopeSet(clauses)


def _writable_scopes(work: Work, session: StoredSession) -> ScopeSet:
    """The scopes of a session that the caller may write to, all of them.

    Raises:
        Problem: 403, without naming scopes that the caller may know nothing of.
    """
    scopes = session_scopes(work, session)
    if work.caller.required_region("memory:write").outside(scopes):
        raise forbidden(
            f"session {session.name!r} lies outside the region of memory:write; use another "
            "session, or ask for a grant"
        )
    return scopes


def _check_name(name: str) -> None:
    if not name.strip():
        raise bad_request("session_id is blank; leave it out to have a session created")
    if len(name) > _NAME_LENGTH_MAX:
        raise bad_request(f"session_id is longer than {_NAME_LENGTH_MAX} characters")


def resolve_destination(
    work: Work, *, session_id: str | None, scopes: ScopeSet | None
) -> Destination:
    """Decide where a write goes, and refuse what the caller may not write to.

    Args:
        work: In a read or write transaction.
        session_id: The session that the request pins.
        scopes: The scopes that the request names; else the session's count, else the caller's
            default write region.

    Raises:
        Problem: 400 for a blank session id, 403 outside the write region, 422 for a scope that
            is not registered.
    """
    session = pinned = None
    if session_id is not None:
        _check_name(session_id)
        session = _find(work, session_id)
    if session is not None:
        pinned = _writable_scopes(work, session)
    if scopes is not None:
        work.caller.check_targets(scopes, "memory:write")
        check_registered(work, scopes.scopes)
    elif pinned is not None:
        scopes = pinned
    else:
        scopes = work.caller.required_region("memory:write").default_write_scopes()
    if scopes is None:
        raise forbidden("memory:write is granted nowhere; ask for a grant")
    return Destination(session, session_id, scopes)


def enter_session(work: Work, destination: Destination) -> StoredSession:
    """The destination's session, created when it does not exist."""
    if destination.session is not None:
        return destination.session
    return _insert(work, destination.name, work.intern(destination.scopes), metadata=None)


def _insert(
    work: Work, name: str | None, scope_set_id: int, *, metadata: str | None
) -> StoredSession:
    name = name or work.new_id()
    cursor = work.connection.execute(
        "INSERT INTO session (context_id, name, scope_set_id, created_at, metadata)"
        " VALUES (?, ?, ?, ?, ?)",
        (work.context_id, name, scope_set_id, work.now, metadata),
    )
    return StoredSession(int(cursor.lastrowid or 0), name, scope_set_id, work.now, metadata, 0, 0)


def append_turns(
    work: Work, session: StoredSession, turns: Sequence[NewTurn], *, scope_set_id: int
) -> list[StoredTurn]:
    """Append turns in order; each gets the session's next `seq`, silent ones get none."""
    spoken = sum(not turn.silent for turn in turns)
    (last,) = work.connection.execute(
        "UPDATE session SET last_seq = last_seq + ? WHERE id = ? RETURNING last_seq",
        (spoken, session.id),
    ).fetchone()
    seq = last - spoken
    stored = []
    for turn in turns:
        if not turn.silent:
            seq += 1
        key, place = work.new_id(), None if turn.silent else seq
        cursor = work.connection.execute(
            "INSERT INTO turn (key, context_id, session_id, seq, scope_set_id, role, content,"
            " known_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key,
                work.context_id,
                session.id,
                place,
                scope_set_id,
                turn.role,
                turn.content,
                turn.known_at,
            ),
        )
        stored.append(StoredTurn(int(cursor.lastrowid or 0), key, place, turn.known_at))
    return stored


def create_session(work: Work, request: CreateSessionRequest, scopes: ScopeSet | None) -> Session:
    """Create a session under a new id.

    Raises:
        Problem: 403 outside the write region, 422 for a scope that is not registered.
    """
    destination = resolve_destination(work, session_id=None, scopes=scopes)
    metadata = None
    if request.metadata is not None:
        metadata = json.dumps(request.metadata, ensure_ascii=False)
    session = _insert(work, None, work.intern(destination.scopes), metadata=metadata)
    return _shown(work, session)


def readable_session(work: Work, session_id: str) -> StoredSession:
    """A session that the caller may read.

    Raises:
        Problem: 404, it does not exist or is not visible.
    """
    session = _find(work, session_id) or _find(work, session_id.removeprefix("session:"))
    if session is None or not work.readable().allows(session.scope_set_id):
        raise not_found(f"there is no session {session_id!r} that this caller may read")
    return session


def get_session(work: Work, session_id: str) -> Session:
    """One session.

    Raises:
        Problem: 404, it does not exist or is not visible.
    """
    return _shown(work, readable_session(work, session_id))


def list_sessions(
    work: Work, lens: ScopeSet | None, *, limit: int | None = None, offset: int = 0
) -> SessionListResponse:
    """The sessions that the caller may read and a lens lets through, oldest first.

    Args:
        work: In a read transaction.
        lens: Only what it lets through.
        limit: Most sessions; None for all, which is what clients without pages expect.
        offset: How many to pass over.

    Returns:
        The sessions; with a limit, `page` says whether more follow.
    """
    readable = work.readable(lens)
    rows = work.connection.execute(
        f"SELECT {_COLUMNS} FROM session WHERE context_id = :context AND deleted_at IS NULL"  # noqa: S608  # constant parts
        f" AND {readable.condition} ORDER BY id LIMIT :most OFFSET :offset",
        {
            "context": work.context_id,
            "readable": readable.parameter,
            "most": -1 if limit is None else limit + 1,
            "offset": offset,
        },
    ).fetchall()
    shown = [_shown(work, StoredSession(*row)) for row in rows[:limit]]
    if limit is None:
        return SessionListResponse(sessions=shown)
    page = {"limit": limit, "offset": offset, "hasMore": len(rows) > limit}
    return SessionListResponse.model_validate({"sessions": shown, "page": page})


def _shown(work: Work, session: StoredSession) -> Session:
    return Session(
        id=session.name,
        scopes=work.visible_scopes(session.scope_set_id),
        created_at=to_text(session.created_at),
        metadata=None if session.metadata is None else json.loads(session.metadata),
    )


def list_turns(
    work: Work, session_id: str, page: TurnPage, lens: ScopeSet | None = None
) -> TurnListResponse:
    """A page of a transcript.

    Args:
        work: In a read transaction.
        session_id: The session.
        page: Which turns.
        lens: Only turns that it lets through.

    Raises:
        Problem: 404, the session does not exist or is not visible.
    """
    session = readable_session(work, session_id)
    readable = work.readable(lens)
    after, before, offset = _bounds(session, page, readable)
    order = "DESC" if page.descending else "ASC"
    rows = work.connection.execute(
        "SELECT key, role, content, seq, known_at FROM turn"  # noqa: S608  # constant parts
        " WHERE session_id = :session AND seq > :after AND seq < :before AND hidden_at IS NULL"
        f" AND {readable.condition} ORDER BY seq {order} LIMIT :limit OFFSET :offset",
        {
            "session": session.id,
            "after": after,
            "before": before,
            "readable": readable.parameter,
            "limit": page.limit,
            "offset": offset,
        },
    )
    turns = [
        Turn(
            id=turn_id(row[0]),
            session=session.name,
            role=row[1],
            content=row[2],
            seq=row[3],
            created_at=to_text(row[4]),
        )
        for row in rows
    ]
    return TurnListResponse(turns=turns)


def _bounds(session: StoredSession, page: TurnPage, readable: ReadableSets) -> tuple[int, int, int]:
    """Limits of `seq`, and what remains to be passed over by counting.

    Without gaps the offset is arithmetic, so that the end of a long transcript costs no more
    than its beginning.
    """
    after = page.after or 0
    before = session.last_seq + 1 if page.before is None else min(page.before, session.last_seq + 1)
    reads_everything = readable.ids is None and not readable.excluded
    if page.offset == 0 or session.hidden_turns or not reads_everything:
        return after, before, page.offset
    if page.descending:
        return after, before - page.offset, 0
    return after + page.offset, before, 0


def delete_session(work: Work, session_id: str) -> None:
    """Delete a session and the words of its transcript; facts and passages stay.

    Raises:
        Problem: 404 if the caller may not read it, 403 if they may not write it.
    """
    session = readable_session(work, session_id)
    _writable_scopes(work, session)
    work.connection.execute("UPDATE turn SET content = '' WHERE session_id = ?", (session.id,))
    work.connection.execute(
        "UPDATE session SET deleted_at = ?, metadata = NULL WHERE id = ?", (work.now, session.id)
    )
