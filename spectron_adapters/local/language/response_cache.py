"""Earlier replies, used again while nothing that they rest on has changed.

An entry belongs to one caller, region, lens, model and state of instructions: no other request can
find it. It is used for the same question, by its words or by the angle between embeddings, within
an hour, when all that it cites is still valid and readable and recall finds nothing newer.
Imports `work` and `models`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spectron_adapters.local.forgetting.stored_answers import Erased
from spectron_adapters.local.search.text import analyse
from spectron_adapters.local.tracing.traces import region_text
from spectron_adapters.local.work import Work
from spectron_adapters.models import Citation
from spectron_adapters.scopes import ScopeSet

if TYPE_CHECKING:  # whatever erases imports this module, long before there are requests
    from spectron_adapters.local.language.sources import Source

__all__ = ["CachedReply", "Question", "find_reply", "forget_responses", "keep_reply", "view_of"]

SIMILARITY = 0.92
"""Least cosine of two questions that count as one."""
AGE_SECONDS = 3600
"""Longest time that a reply is kept."""

_MICROSECONDS = 1_000_000
_ENTRIES_MAX = 100


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and who asks.

    Attributes:
        view: From `view_of`.
        text: The message.
        embedder: Name of the embedding model; None compares words.
        vector: The message's embedding.
    """

    view: bytes
    text: str
    embedder: str | None = None
    vector: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class CachedReply:
    """A reply that may be given again.

    Attributes:
        reply: The words.
        citations: What it cites.
        rows: Search rows of the citations.
        scopes: What the reply carries, narrowed by all that it drew on.
        trace_key: The trace of the reply when it was first given.
    """

    reply: str
    citations: list[Citation]
    rows: list[int]
    scopes: ScopeSet
    trace_key: str


def view_of(
    work: Work, lens: ScopeSet | None, *, model: str, background: Sequence[Sequence[str]]
) -> bytes:
    """A digest of all but the question that a reply depends on.

    Args:
        work: Its caller and region.
        lens: Narrows the region.
        model: Name of the language model.
        background: Instructions and profile.
    """
    region = work.caller.region("memory:read")
    parts = [
        work.caller.identity,
        sorted(str(pattern) for pattern in region.patterns),
        None if lens is None else lens.canonical,
        model,
        [list(lines) for lines in background],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).digest()


def find_reply(
    work: Work, question: Question, lens: ScopeSet | None, sources: Sequence[Source]
) -> CachedReply | None:
    """The newest reply to the same question that still holds.

    Args:
        work: In a transaction.
        question: What is asked.
        lens: As of the request.
        sources: What recall finds now.
    """
    rows = work.connection.execute(
        "SELECT question, embedder, vector, reply, citations, cited, scopes, last_row,"
        " trace_key"
        " FROM response_cache WHERE context_id = ? AND view = ? AND created_at > ?"
        " AND created_at <= ? ORDER BY created_at DESC, id DESC LIMIT ?",
        (work.context_id, question.view, _oldest(work), work.now, _ENTRIES_MAX),
    )
    for asked, embedder, vector, reply, citations, cited, scopes, last_row, key in rows.fetchall():
        if (
            _is_same(question, asked, embedder, vector)
            and not any(_is_news(source, last_row) for source in sources)
            and _is_current(work, json.loads(cited), lens)
        ):
            told = [Citation.model_validate(item) for item in json.loads(citations)]
            drawn_on = [row for row, _ in json.loads(cited)]
            return CachedReply(reply, told, drawn_on, ScopeSet.parse(json.loads(scopes)), key)
    return None


def _oldest(work: Work) -> int:
    return work.now - AGE_SECONDS * _MICROSECONDS


def _is_same(question: Question, asked: str, embedder: str | None, vector: str | None) -> bool:
    terms = analyse(question.text)
    if " ".join(terms) == asked:
        return True
    if question.vector is None or vector is None or embedder != question.embedder:
        return False
    # Embeddings hardly tell 2019 from 2020.
    if _figures(terms) != _figures(asked.split()):
        return False
    return _cosine(question.vector, json.loads(vector)) >= SIMILARITY


def _figures(terms: Sequence[str]) -> list[str]:
    return [term for term in terms if any(map(str.isdigit, term))]


def _cosine(first: Sequence[float], second: Sequence[float]) -> float:
    if len(first) != len(second):
        return 0.0
    lengths = math.hypot(*first) * math.hypot(*second)
    return sum(map(float.__mul__, first, second)) / lengths if lengths else 0.0


def _is_news(source: Source, last_row: int) -> bool:
    """Whether a source is newer than a reply and says something."""
    return source.row_id > last_row and source.role != "assistant" and not source.is_question


def _is_current(work: Work, cited: Sequence[tuple[int, str]], lens: ScopeSet | None) -> bool:
    """Whether every cited row is what it was, valid now, and readable."""
    readable = work.readable(lens)
    rows = work.connection.execute(
        "SELECT id, text FROM search_row WHERE id IN (SELECT value FROM json_each(:rows))"  # noqa: S608  # constant parts
        " AND context_id = :context AND valid_from <= :now"
        " AND (valid_until IS NULL OR valid_until > :now)"
        f" AND (known_until IS NULL OR known_until > :now) AND {readable.condition}",
        {
            "rows": json.dumps([row_id for row_id, _ in cited]),
            "context": work.context_id,
            "now": work.now,
            "readable": readable.parameter,
        },
    )
    texts = {row_id: _digest(text) for row_id, text in rows}
    return all(texts.get(row_id) == digest for row_id, digest in cited)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def keep_reply(
    work: Work,
    question: Question,
    reply: str,
    sources: Sequence[Source],
    *,
    scopes: ScopeSet,
    trace_key: str,
) -> None:
    """Keep a reply for an hour; one that cites nothing is not kept, for nothing would end it.

    Args:
        work: In the write transaction that stores the turns.
        question: What was asked.
        reply: The words.
        sources: What it cites.
        scopes: What it carries.
        trace_key: Its trace.
    """
    connection = work.connection
    connection.execute(
        "DELETE FROM response_cache WHERE context_id = ? AND created_at <= ?",
        (work.context_id, _oldest(work)),
    )
    if not sources:
        return
    ids = json.dumps([source.row_id for source in sources])
    rows = connection.execute(
        "SELECT id, text FROM search_row WHERE id IN (SELECT value FROM json_each(?))", (ids,)
    )
    cited = [(row_id, _digest(text)) for row_id, text in rows]
    citations = [source.citation.model_dump(by_alias=True, exclude_none=True) for source in sources]
    connection.execute(
        "INSERT INTO response_cache (context_id, view, question, embedder, vector, reply,"
        " citations, cited, scopes, region, last_row, trace_key, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT max(id) FROM search_row), ?, ?)",
        (
            work.context_id,
            question.view,
            " ".join(analyse(question.text)),
            question.embedder,
            None if question.vector is None else json.dumps(list(question.vector)),
            reply,
            json.dumps(citations),
            json.dumps(cited),
            scopes.canonical,
            region_text(work.caller.region("memory:read").patterns),
            trace_key,
            work.now,
        ),
    )


def forget_responses(work: Work, erased: Erased) -> None:
    """Erase the kept replies to all who could read what is being erased.

    Args:
        work: In the write transaction that erases.
        erased: What it erases.
    """
    rows = work.connection.execute(
        "SELECT id, region FROM response_cache WHERE context_id = ?", (work.context_id,)
    ).fetchall()
    work.connection.executemany(
        "DELETE FROM response_cache WHERE id = ?",
        [(row_id,) for row_id, region in rows if erased.may_be_told_in(region)],
    )
