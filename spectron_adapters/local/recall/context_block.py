"""Context as a Markdown block: what is known now, and what was said.

Imports `querying`, `sessions`, `work` and `messages`, whose envelope hides what is not text.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence

from spectron_adapters.local.bodies import check_instant, check_labels, parse_selector
from spectron_adapters.local.calls import Answer, Call
from spectron_adapters.local.conversation.sessions import (
    StoredSession,
    readable_session,
    session_scopes,
)
from spectron_adapters.local.instants import to_datetime
from spectron_adapters.local.recall.hits import PASSAGE_KINDS, hits_shown
from spectron_adapters.local.recall.querying import (
    Recalled,
    embed_question,
    look_up,
    row_filter,
    trace_of,
)
from spectron_adapters.local.scope_catalog import ReadableSets
from spectron_adapters.local.search.retrieval import RowFilter, Scored, SearchResult
from spectron_adapters.local.work import Work
from spectron_adapters.messages import visible_text
from spectron_adapters.models import (
    ContextQueryRequest,
    ContextQueryResponse,
    SessionContextRequest,
    SessionContextResponse,
)
from spectron_adapters.scopes import ScopeSet

__all__ = ["query_context", "session_context"]

_FACTS = frozenset({"attribute", "relation"})
_RECENT_TURNS = 10
_RECENT_CHARACTERS = 8000
_INSTRUCTIONS_MAX = 20
_NEWEST_MAX = 500
_SESSION_K = 10


def query_context(call: Call, request: ContextQueryRequest) -> Answer:
    """Recall as one Markdown block; without a query, what matters most. Source: POST /context."""
    lens = parse_selector(request.lens, field="lens", subtrees=True)
    labels = check_labels(request.labels)
    as_of = check_instant(request.as_of, "asOf")
    embedding = embed_question(call, request.query)
    started = time.perf_counter()

    def look(work: Work) -> tuple[Recalled, str]:
        chosen = row_filter(work, lens, labels=labels, as_of=as_of)
        if request.query.strip():
            recalled = look_up(work, request.query, chosen, k=request.k, embedding=embedding)
        else:
            recalled = _most_important(work, chosen, k=request.k)
        shown = _sections(work, recalled.result.hits)
        orders = [] if labels else _instructions(work, lens, as_of)
        return recalled, _joined([("Instructions", orders), *shown])

    read = call.read if request.query.strip() else call.read_settled
    recalled, block = read(look)
    elapsed = round((time.perf_counter() - started) * 1000)
    trace = trace_of(call, request.query, lens, recalled, elapsed)
    call.trace_read(trace)
    response = ContextQueryResponse(context=block, query_ms=elapsed, tier=recalled.tier)
    return Answer.of(200, response, trace_id=trace.key)


def session_context(call: Call, session_id: str, request: SessionContextRequest) -> Answer:
    """Recall within a session's scope, and its last turns.

    Source: POST /sessions/{id}/context.
    """
    embedding = embed_question(call, request.query)
    started = time.perf_counter()

    def look(work: Work) -> tuple[ScopeSet, Recalled, str]:
        session = readable_session(work, session_id)
        lens = session_scopes(work, session)
        chosen = row_filter(work, lens, session_id=session.name)
        if request.query.strip():
            recalled = look_up(work, request.query, chosen, k=_SESSION_K, embedding=embedding)
        else:
            recalled = _most_important(work, chosen, k=_SESSION_K)
        shown = _sections(work, recalled.result.hits)
        recent = ("Recent turns", _recent_turns(work, session))
        return lens, recalled, _joined([*shown, recent])

    read = call.read if request.query.strip() else call.read_settled
    lens, recalled, block = read(look)
    elapsed = round((time.perf_counter() - started) * 1000)
    trace = trace_of(call, request.query, lens, recalled, elapsed)
    call.trace_read(trace)
    return Answer.of(200, SessionContextResponse(context=block), trace_id=trace.key)


def _most_important(work: Work, chosen: RowFilter, *, k: int) -> Recalled:
    """The newest facts of the highest importance: what a profile would say."""
    readable = ReadableSets(chosen.scope_set_ids, chosen.excluded_scope_set_ids)
    rows = work.connection.execute(
        "SELECT id, kind, target_id, importance, text, known_from FROM ("  # noqa: S608  # constant parts
        " SELECT * FROM search_row WHERE context_id = :context"
        "  AND kind IN ('attribute', 'relation')"
        f" AND {_MOMENT} AND {readable.condition}"
        " AND (SELECT count(*) FROM search_label WHERE row_id = search_row.id"
        "  AND label IN (SELECT value FROM json_each(:labels))) = :label_count"
        " ORDER BY id DESC LIMIT :newest)"
        " ORDER BY importance DESC, known_from DESC, id DESC LIMIT :k",
        {
            "context": work.context_id,
            "readable": readable.parameter,
            "labels": json.dumps(sorted(chosen.labels)),
            "label_count": len(chosen.labels),
            "as_of": chosen.as_of,
            "now": work.now,
            "newest": _NEWEST_MAX,
            "k": k,
        },
    )
    hits = [Scored(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows]
    result = SearchResult(hits, len(hits), [hit.score for hit in hits[:10]])
    return Recalled(result, "hybrid", "no query: the most important of the newest facts")


_MOMENT = (
    "CASE WHEN :as_of IS NULL"
    " THEN valid_from <= :now AND (valid_until IS NULL OR valid_until > :now)"
    " ELSE known_from <= :as_of AND (known_until IS NULL OR known_until > :as_of) END"
)


# --- rendering ----------------------------------------------------------------------------------


def _sections(work: Work, found: Sequence[Scored]) -> list[tuple[str, list[str]]]:
    facts = [hit for hit in found if hit.kind in _FACTS]
    rest = [hit for hit in hits_shown(work, found) if hit.kind not in _FACTS | {"entity"}]
    said = [hit for hit in rest if hit.kind not in PASSAGE_KINDS]
    read = [hit for hit in rest if hit.kind in PASSAGE_KINDS]
    sections = [
        ("Facts", [f"{_line(hit.text)} ({_date(hit.occurred_at)})" for hit in facts]),
        ("Memories", [f"{_date(hit.occurred_at)}, {hit.who}: {_line(hit.text)}" for hit in said]),
        ("Documents", [f"{_line(hit.who)}: {_line(hit.text)}" for hit in read]),
    ]
    return [section for section in sections if section[1]]


def _joined(sections: Iterable[tuple[str, list[str]]]) -> str:
    """Sections with their lines as lists; an empty section is left out."""
    return "\n\n".join(
        "\n".join([f"## {title}", *(f"- {line}" for line in lines)])
        for title, lines in sections
        if lines
    )


def _line(text: str) -> str:
    """One line, so that a memory cannot begin a section of its own."""
    return " ".join(text.split())


def _date(instant: int) -> str:
    return to_datetime(instant).date().isoformat()


def _instructions(work: Work, lens: ScopeSet | None, as_of: int | None) -> list[str]:
    readable = work.readable(lens)
    rows = work.connection.execute(
        "SELECT description FROM instruction WHERE context_id = :context"  # noqa: S608  # constant parts
        f" AND known_from <= :at AND (known_until IS NULL OR known_until > :at)"
        f" AND {readable.condition} ORDER BY known_from DESC, id DESC LIMIT :limit",
        {
            "context": work.context_id,
            "at": work.now if as_of is None else as_of,
            "readable": readable.parameter,
            "limit": _INSTRUCTIONS_MAX,
        },
    )
    return [_line(row[0]) for row in rows]


def _recent_turns(work: Work, session: StoredSession) -> list[str]:
    readable = work.readable()
    rows = work.connection.execute(
        "SELECT role, content, known_at FROM turn WHERE session_id = :session AND seq > 0"  # noqa: S608  # constant parts
        f" AND hidden_at IS NULL AND {readable.condition} ORDER BY seq DESC LIMIT :limit",
        {"session": session.id, "readable": readable.parameter, "limit": _RECENT_TURNS},
    )
    lines: list[str] = []
    budget = _RECENT_CHARACTERS
    for role, content, known_at in rows:
        text = _line(visible_text(content))
        budget -= len(text)
        if budget < 0:
            break
        if text:
            lines.append(f"{_date(known_at)}, {role}: {text}")
    return lines[::-1]
