"""What a reply may draw on: recalled rows with markers, recent turns, standing instructions.

Everything is read within the caller's region and a lens. Imports `recall`, `sessions`, `work` and
`messages`, whose envelope hides what is not text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from spectron_adapters.local.conversation.sessions import StoredSession
from spectron_adapters.local.instants import to_datetime
from spectron_adapters.local.recall.hits import hits_of
from spectron_adapters.local.recall.querying import Recalled, look_up, row_filter
from spectron_adapters.local.search.retrieval import Scored
from spectron_adapters.local.search.text import QUESTION, analyse, features
from spectron_adapters.local.search.vectors import QueryVector
from spectron_adapters.local.work import Work
from spectron_adapters.messages import visible_text
from spectron_adapters.models import Citation, RecallHit
from spectron_adapters.scopes import ScopeSet

__all__ = [
    "MarkerFilter",
    "Said",
    "Source",
    "cited",
    "find_sources",
    "identity_lines",
    "instruction_lines",
    "recent_turns",
    "same_words",
    "shown_sources",
    "without_markers",
]

WINDOW_TURNS = 10
"""Most turns of a session that a reply looks back on."""
WINDOW_CHARACTERS = 8000
"""Most characters of them."""
_LINES_MAX = 20
_SNIPPET = 400
_MARKERS = re.compile(r"\[\s*S\d{1,9}(?:\s*[,;]\s*S\d{1,9})*\s*\]")
_MARKER_BEGUN = re.compile(r"\[\s*(?:S\d{0,9}[\s,;]*)*\Z")
_MARKER = re.compile(r"S\d+")
_HELD_MAX = 60


@dataclass(frozen=True, slots=True)
class Source:
    """A recalled row that a reply may cite.

    Attributes:
        marker: `S1`, `S2` and so on, best first.
        row_id: Its search row.
        scope_set_id: What the row carries.
        hit: As recall shows it.
        who: Who said it, or what kind of row it is.
        occurred_at: Known time in microseconds.
    """

    marker: str
    row_id: int
    scope_set_id: int
    hit: RecallHit
    who: str
    occurred_at: int

    @property
    def role(self) -> str | None:
        """Role of the turn that it was said in."""
        role = (self.hit.model_extra or {}).get("role")
        return role if isinstance(role, str) else None

    @property
    def is_question(self) -> bool:
        """Whether somebody only asked."""
        return self.hit.source == "memory_chunk" and bool(features(self.hit.text) & QUESTION)

    @property
    def citation(self) -> Citation:
        """As a reply lists it."""
        extra = self.hit.model_extra or {}
        return Citation(
            marker=f"[{self.marker}]",
            id=self.hit.id,
            kind=self.hit.source,
            snippet=_line(self.hit.text)[:_SNIPPET],
            score=self.hit.score,
            occurred_at=self.hit.occurred_at,
            role=self.role,
            document_title=extra.get("documentTitle"),
            position_percent=extra.get("positionPercent"),
        )


@dataclass(frozen=True, slots=True)
class Said:
    """A turn of the window."""

    turn_id: int
    role: str
    text: str


def same_words(first: str, second: str) -> bool:
    """Whether two texts differ in case, spacing and punctuation at most."""
    return analyse(first) == analyse(second)


def find_sources(
    work: Work,
    text: str,
    lens: ScopeSet | None,
    *,
    k: int,
    session: StoredSession | None = None,
    window: Sequence[Said] = (),
    embedding: QueryVector | None = None,
    admit: Callable[[int], bool] = lambda _: True,
) -> tuple[Recalled, list[Source]]:
    """Recall for a text; the text itself and what the window shows are no sources.

    Args:
        work: In a transaction.
        text: The question.
        lens: Only what it lets through.
        k: Most rows to recall.
        session: Whose turns the question continues.
        window: Turns that are shown already.
        embedding: The text's vector (see `embed_question`).
        admit: Whether rows of a scope set may be drawn on.

    Returns:
        What the search found, for its trace, and the sources, best first.
    """
    name = None if session is None else session.name
    chosen = row_filter(work, lens, session_id=name)
    recalled = look_up(work, text, chosen, k=k, embedding=embedding)
    shown = {turn.turn_id for turn in window}
    found = [
        scored
        for scored in recalled.result.hits
        if scored.kind != "memory_chunk"
        or (scored.target_id not in shown and not same_words(scored.text, text))
    ]
    return recalled, _sources(work, found, admit)


def _sources(work: Work, found: Sequence[Scored], admit: Callable[[int], bool]) -> list[Source]:
    rows = work.connection.execute(
        "SELECT id, coalesce(speaker, role, kind), scope_set_id FROM search_row"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps([scored.row_id for scored in found]),),
    )
    told = {row[0]: (str(row[1]), int(row[2])) for row in rows}
    sources: dict[str, Source] = {}
    for scored in found:
        for hit in hits_of(work, [scored]):
            who, scope_set_id = told[scored.row_id]
            if hit.id not in sources and admit(scope_set_id):
                title = (hit.model_extra or {}).get("documentTitle")
                marker = f"S{len(sources) + 1}"
                sources[hit.id] = Source(
                    marker, scored.row_id, scope_set_id, hit, title or who, scored.occurred_at
                )
    return list(sources.values())


def shown_sources(sources: Sequence[Source]) -> list[dict[str, str]]:
    """Sources as a language model reads them."""
    return [
        {
            "marker": f"[{source.marker}]",
            "kind": source.hit.source,
            "who": source.who,
            "when": to_datetime(source.occurred_at).date().isoformat(),
            "text": without_markers(source.hit.text),
        }
        for source in sources
    ]


def recent_turns(
    work: Work,
    session: StoredSession,
    lens: ScopeSet | None,
    *,
    admit: Callable[[int], bool] = lambda _: True,
) -> list[Said]:
    """The last turns of a session that the caller may read, oldest first.

    At most ten turns and 8,000 characters; of the turn that exceeds them, the end.
    """
    readable = work.readable(lens)
    rows = work.connection.execute(
        "SELECT id, role, content, scope_set_id FROM turn WHERE session_id = :session AND seq > 0"  # noqa: S608  # constant parts
        f" AND hidden_at IS NULL AND {readable.condition} ORDER BY seq DESC LIMIT :limit",
        {"session": session.id, "readable": readable.parameter, "limit": WINDOW_TURNS},
    )
    turns: list[Said] = []
    budget = WINDOW_CHARACTERS
    for turn_id, role, content, scope_set_id in rows:
        if not admit(scope_set_id):
            continue
        text = visible_text(content)[-budget:]
        budget -= len(text)
        if text.strip():
            turns.append(Said(turn_id, role, text))
        if budget <= 0:
            break
    return turns[::-1]


def instruction_lines(
    work: Work, lens: ScopeSet | None, *, admit: Callable[[int], bool] = lambda _: True
) -> list[str]:
    """Standing instructions, newest first."""
    readable = work.readable(lens)
    rows = work.connection.execute(
        "SELECT description, scope_set_id FROM instruction"  # noqa: S608  # constant parts
        " WHERE context_id = :context AND known_from <= :now"
        f" AND (known_until IS NULL OR known_until > :now) AND {readable.condition}"
        " ORDER BY known_from DESC, id DESC LIMIT :limit",
        {
            "context": work.context_id,
            "now": work.now,
            "readable": readable.parameter,
            "limit": _LINES_MAX,
        },
    )
    return [_line(text) for text, scope_set_id in rows if admit(scope_set_id)]


def identity_lines(
    work: Work, lens: ScopeSet | None, *, admit: Callable[[int], bool] = lambda _: True
) -> list[str]:
    """Who is who: the newest live facts of the category `identity`."""
    readable = work.readable(lens)
    rows = work.connection.execute(
        "SELECT text, scope_set_id FROM search_row WHERE kind = 'attribute' AND target_id IN ("  # noqa: S608  # constant parts
        " SELECT id FROM attribute WHERE context_id = :context AND category = 'identity'"
        "  AND valid_from <= :now AND (valid_until IS NULL OR valid_until > :now)"
        f"  AND (known_until IS NULL OR known_until > :now) AND {readable.condition}"
        "  ORDER BY id DESC LIMIT :limit) ORDER BY id",
        {
            "context": work.context_id,
            "now": work.now,
            "readable": readable.parameter,
            "limit": _LINES_MAX,
        },
    )
    return [_line(text) for text, scope_set_id in rows if admit(scope_set_id)]


def _line(text: str) -> str:
    return " ".join(text.split())


# --- markers ------------------------------------------------------------------------------------


def cited(text: str, sources: Sequence[Source]) -> list[Source]:
    """The sources whose markers a text holds, in the order of the sources."""
    named = {name for found in _MARKERS.findall(text) for name in _MARKER.findall(found)}
    return [source for source in sources if source.marker in named]


def without_markers(text: str) -> str:
    """A stored text without what looks like markers: those of another reply mean other sources."""
    return _MARKERS.sub("", text)


class MarkerFilter:
    """Passes text on piece by piece, without markers that no source has.

    Args:
        markers: Those that exist: `S1`, `S2` and so on.
    """

    def __init__(self, markers: Collection[str]) -> None:
        self._markers = frozenset(markers)
        self._held = ""

    def feed(self, piece: str) -> str:
        """What may be shown now; the beginning of a marker waits for its end."""
        text = _MARKERS.sub(self._known, self._held + piece)
        begun = _MARKER_BEGUN.search(text, max(len(text) - _HELD_MAX, 0))
        end = len(text) if begun is None else begun.start()
        self._held = text[end:]
        return text[:end]

    def flush(self) -> str:
        """What still waits, at the end."""
        held, self._held = self._held, ""
        return held

    def _known(self, found: re.Match[str]) -> str:
        names = [name for name in _MARKER.findall(found[0]) if name in self._markers]
        return f"[{', '.join(names)}]" if names else ""
