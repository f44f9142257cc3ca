"""A session's turns as the conversation that they stand for, read and written through a client.

Turns are only ever appended. Deleting a message, inserting one or replacing a whole history is
itself a turn, an *edit*: no text, and an envelope `{"v":1,"fw":"spectron","m":{"edit":…}}`. An edit
travels in the same request as the messages it makes room for, so a crash loses nothing and two
writers never overwrite one another. `replay` applies the edits; readers that do not know them see
a system turn without text.

What the chat histories and chat stores of every framework have in common. Imports pydantic and the
library's public modules; never a framework, never `local`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError
from typing_extensions import TypedDict

from spectron_adapters import AsyncSpectron, Spectron
from spectron_adapters.errors import SpectronNotFoundError, SpectronResponseError
from spectron_adapters.messages import SEPARATOR, EncodedTurn
from spectron_adapters.models import TURNS_PAGE_MAX, MessageItem, Turn
from spectron_adapters.scopes import ScopeSet

__all__ = [
    "Transcript",
    "check_client",
    "check_options",
    "delete_edit",
    "insert_edit",
    "is_edit",
    "replace_edit",
    "replacement",
    "replay",
]

_OPENING = SEPARATOR + '{"v":1,"fw":"spectron","m":'


class _Delete(BaseModel):
    edit: Literal["delete"] = "delete"
    turns: list[str]


class _Replace(BaseModel):
    edit: Literal["replace"] = "replace"
    keep: list[str] = Field(default_factory=list)


class _Insert(BaseModel):
    edit: Literal["insert"] = "insert"
    before: str


class _Envelope(BaseModel):
    m: Annotated[_Delete | _Replace | _Insert, Field(discriminator="edit")]


def delete_edit(turn_ids: Sequence[str]) -> EncodedTurn:
    """The turn that takes messages out of the conversation.

    Args:
        turn_ids: Ids of the turns to leave out; unknown ones are ignored on reading.
    """
    return _edit(_Delete(turns=list(turn_ids)))


def replace_edit(keep: Sequence[str] = ()) -> EncodedTurn:
    """The turn after which the conversation starts anew.

    Args:
        keep: Ids of the turns with which it starts, in their order; what else stood before is left
            out. Turns that stay need not be written, and recalled, a second time.
    """
    return _edit(_Replace(keep=list(keep)))


def replacement(standing: Sequence[Turn], wanted: Sequence[EncodedTurn]) -> list[EncodedTurn]:
    """What to append so that the conversation becomes the wanted one.

    Args:
        standing: The conversation as it was read.
        wanted: The conversation as it should be.

    Returns:
        An edit that keeps the turns with which both begin, and the turns after them.
    """
    pairs = zip(standing, wanted, strict=False)
    same = list(takewhile(lambda pair: _says(pair[0], pair[1]), pairs))
    return [replace_edit([turn.id for turn, _ in same]), *wanted[len(same) :]]


def _says(turn: Turn, wanted: EncodedTurn) -> bool:
    return (turn.role, turn.content) == (wanted.role, wanted.content)


def insert_edit(before: str) -> EncodedTurn:
    """The turn that gives the message after it a place inside the conversation.

    Args:
        before: Id of the turn that the next message precedes; if that turn is gone by the time of
            reading, the message stands at the end.
    """
    return _edit(_Insert(before=before))


def is_edit(turn: Turn) -> bool:
    """Whether a turn edits the conversation instead of being part of it."""
    return turn.role == "system" and turn.content.startswith(_OPENING)


def replay(turns: Iterable[Turn]) -> list[Turn]:
    """The messages that are left once every edit has been applied.

    Args:
        turns: All turns of one session, in any order.

    Returns:
        The turns of the conversation, in its order; no edits among them.

    Raises:
        SpectronResponseError: An edit is damaged; it names the turn.
    """
    conversation: list[Turn] = []
    seen: dict[str, Turn] = {}
    deleted: set[str] = set()
    before: str | None = None
    for turn in sorted(turns, key=lambda turn: turn.seq):
        if not is_edit(turn):
            seen[turn.id] = turn
            conversation.insert(_place(conversation, before), turn)
            before = None
            continue
        edit = _read(turn)
        if isinstance(edit, _Replace):
            conversation = [seen[turn_id] for turn_id in edit.keep if turn_id in seen]
        elif isinstance(edit, _Insert):
            before = edit.before
        else:
            deleted.update(edit.turns)
    return [turn for turn in conversation if turn.id not in deleted]


def _place(conversation: Sequence[Turn], before: str | None) -> int:
    if before is None:
        return len(conversation)
    return next(
        (place for place, turn in enumerate(conversation) if turn.id == before), len(conversation)
    )


def _edit(edit: _Delete | _Replace | _Insert) -> EncodedTurn:
    return EncodedTurn("system", f"{_OPENING}{edit.model_dump_json()}}}")


def _read(turn: Turn) -> _Delete | _Replace | _Insert:
    try:
        return _Envelope.model_validate_json(turn.content[len(SEPARATOR) :]).m
    except ValidationError:
        raise SpectronResponseError(
            f"turn {turn.id} of session {turn.session!r} is a damaged edit of the conversation: "
            "its envelope cannot be read"
        ) from None


def check_client(client: object) -> None:
    """Refuse what is no client, before its first use would.

    Raises:
        TypeError: It is neither a `Spectron` nor an `AsyncSpectron`.
    """
    if not isinstance(client, (Spectron, AsyncSpectron)):
        raise TypeError(
            f"client is a Spectron or an AsyncSpectron, not {type(client).__name__}; make one with "
            "Spectron(…), Spectron.from_config(…) or Spectron.local(…)"
        )


def check_options(*, infer: str, page_size: int) -> None:
    """Refuse what no transcript can work with, before one is needed.

    Raises:
        ValueError: `infer` is neither `none` nor `full`, or `page_size` is not within 1..500.
    """
    if infer not in ("none", "full"):
        raise ValueError(f"infer is 'none' or 'full' for messages, not {infer!r}")
    if type(page_size) is not int or not 1 <= page_size <= TURNS_PAGE_MAX:
        raise ValueError(f"page_size is an integer from 1 to {TURNS_PAGE_MAX}, not {page_size!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """One session, through either client; plain methods use the sync one, `a…` the async one.

    Attributes:
        client: Either client.
        session_id: The service's id of the session, as `scopes.session_key` gives it.
        scopes: Where turns are written; None leaves it to the key's default region.
        labels: `key=value` pairs put on every turn.
        infer: `none` stores turns only, `full` has facts extracted from them.
        on_behalf_of: Principal that requests act for.
        page_size: Turns for each read request, 1 to 500.
    """

    client: Spectron | AsyncSpectron
    session_id: str
    scopes: ScopeSet | None = None
    labels: tuple[str, ...] = ()
    infer: Literal["none", "full"] = "none"
    on_behalf_of: str | None = None
    page_size: int = TURNS_PAGE_MAX

    def __post_init__(self) -> None:
        check_options(infer=self.infer, page_size=self.page_size)

    def read(self) -> list[Turn] | None:
        """The conversation, oldest first, whatever its length; None if there is no such session."""
        sessions = self.client.as_sync().sessions
        turns: list[Turn] = []
        try:
            while len(turns) % self.page_size == 0:
                page = sessions.turns(self.session_id, **self._page(len(turns)))
                if not page.turns:
                    break
                turns += page.turns
        except SpectronNotFoundError:
            return None
        return replay(turns)

    async def aread(self) -> list[Turn] | None:
        """The conversation, oldest first, whatever its length; None if there is no such session."""
        sessions = self.client.as_async().sessions
        turns: list[Turn] = []
        try:
            while len(turns) % self.page_size == 0:
                page = await sessions.turns(self.session_id, **self._page(len(turns)))
                if not page.turns:
                    break
                turns += page.turns
        except SpectronNotFoundError:
            return None
        return replay(turns)

    def append(self, turns: Sequence[EncodedTurn], times: Sequence[str | None] = ()) -> None:
        """Append turns in one request: all of them are stored, in this order, or none.

        Args:
            turns: What to append; nothing is sent when there is none.
            times: When each was said, RFC 3339 or None for now; empty for all now.
        """
        if turns:
            self.client.as_sync().remember_many(_items(turns, times), **self._place)

    async def aappend(self, turns: Sequence[EncodedTurn], times: Sequence[str | None] = ()) -> None:
        """Append turns in one request: all of them are stored, in this order, or none.

        Args:
            turns: What to append; nothing is sent when there is none.
            times: When each was said, RFC 3339 or None for now; empty for all now.
        """
        if turns:
            await self.client.as_async().remember_many(_items(turns, times), **self._place)

    def delete(self) -> None:
        """Delete the session with its turns; nothing happens if there is none."""
        sessions = self.client.as_sync().sessions
        with suppress(SpectronNotFoundError):
            sessions.delete(self.session_id, on_behalf_of=self.on_behalf_of)

    async def adelete(self) -> None:
        """Delete the session with its turns; nothing happens if there is none."""
        sessions = self.client.as_async().sessions
        with suppress(SpectronNotFoundError):
            await sessions.delete(self.session_id, on_behalf_of=self.on_behalf_of)

    def _page(self, offset: int) -> _Page:
        return _Page(limit=self.page_size, offset=offset, on_behalf_of=self.on_behalf_of)

    @property
    def _place(self) -> _Place:
        return _Place(
            session_id=self.session_id,
            scopes=self.scopes,
            infer=self.infer,
            labels=self.labels,
            on_behalf_of=self.on_behalf_of,
        )


class _Page(TypedDict):
    limit: int
    offset: int
    on_behalf_of: str | None


class _Place(TypedDict):
    session_id: str
    scopes: ScopeSet | None
    infer: Literal["none", "full"]
    labels: tuple[str, ...]
    on_behalf_of: str | None


def _items(turns: Sequence[EncodedTurn], times: Sequence[str | None]) -> list[MessageItem]:
    return [
        MessageItem(role=turn.role, content=turn.content, ts=time)
        for turn, time in zip(turns, times or [None] * len(turns), strict=True)
    ]
