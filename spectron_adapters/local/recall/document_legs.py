"""What documents add to recall: passages that share a keyword, and siblings of a section.

Without documents each answers at once. Imports `documents`, `work` and `search`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from spectron_adapters.local.documents.keywords import normalise_keyword
from spectron_adapters.local.recall.hits import PASSAGE_KINDS
from spectron_adapters.local.scope_catalog import ReadableSets
from spectron_adapters.local.search.reading import Row, RowFilter, readable_targets
from spectron_adapters.local.search.retrieval import Ranking
from spectron_adapters.local.search.text import words
from spectron_adapters.local.work import Work

__all__ = ["keyword_bridges", "published", "section_siblings"]

_WORDS_MAX = 64
_KEYWORD_WORDS_MAX = 4
_PASSAGES_MAX = 64
_PASSAGES_PER_DOCUMENT = 8
_SIBLINGS_MAX = 10


def published(work: Work, ranking: Ranking) -> Ranking:
    """Leave out passages of documents that are not ready, or no longer as they were."""
    passages = [row for row in ranking.rows if row.kind in PASSAGE_KINDS]
    if not passages:
        return ranking
    shown = _published(work, passages)
    rows = [row for row in ranking.rows if row.kind not in PASSAGE_KINDS or row.id in shown]
    return Ranking(rows, ranking.scores)


_PUBLISHED = (
    "SELECT r.id FROM search_row AS r"
    " LEFT JOIN document_chunk AS c ON r.kind = 'chunk' AND c.id = r.target_id"
    " LEFT JOIN document_section AS s ON r.kind = 'section' AND s.id = r.target_id"
    " JOIN document AS d ON d.id = coalesce(c.document_id, s.document_id)"
    "  AND d.published_version = coalesce(c.version, s.version)"
    " WHERE r.id IN (SELECT value FROM json_each(?))"
)


def _published(work: Work, rows: Sequence[Row]) -> set[int]:
    ids = json.dumps([row.id for row in rows])
    return {row_id for (row_id,) in work.connection.execute(_PUBLISHED, (ids,))}


# --- keyword bridges ----------------------------------------------------------------------------

_BRIDGED = """
SELECT c.id, near.score FROM (
  SELECT d.id, d.published_version, max(k.score) AS score FROM document_keyword AS k
  JOIN document AS d ON d.id = k.document_id
  WHERE k.normalised IN (SELECT value FROM json_each(:keywords)) AND d.context_id = :context
    AND d.published_version IS NOT NULL AND d.{readable}
  GROUP BY d.id ORDER BY score DESC, d.id LIMIT :most
) AS near JOIN document_chunk AS c ON c.document_id = near.id
  AND c.version = near.published_version AND c.position < :each
ORDER BY near.score DESC, c.id LIMIT :most
"""


def keyword_bridges(work: Work, query: str, chosen: RowFilter) -> Ranking:
    """Rank how documents begin that have a keyword of which the question speaks.

    Args:
        work: In a transaction.
        query: The question.
        chosen: Only what passes is found.

    Returns:
        Passages with scores of 0 to 1, those of the best keyword first.
    """
    if work.connection.execute("SELECT 1 FROM document_keyword LIMIT 1").fetchone() is None:
        return Ranking([], {})
    readable = ReadableSets(chosen.scope_set_ids, chosen.excluded_scope_set_ids)
    found = work.connection.execute(
        _BRIDGED.format(readable=readable.condition),
        {
            "keywords": json.dumps(_keywords(query)),
            "context": work.context_id,
            "readable": readable.parameter,
            "most": _PASSAGES_MAX,
            "each": _PASSAGES_PER_DOCUMENT,
        },
    ).fetchall()
    best = max((score for _, score in found), default=0.0)
    weights = {chunk: score / best if best else 0.0 for chunk, score in found}
    rows = readable_targets(work.connection, "chunk", sorted(weights), chosen)
    return Ranking.of(rows, {row.id: weights[row.target_id] for row in rows})


def _keywords(query: str) -> list[str]:
    """Every stretch of a question that may be a keyword."""
    spoken = words(query)[:_WORDS_MAX]
    return sorted(
        {
            normalise_keyword(" ".join(spoken[start : start + length]))
            for length in range(1, _KEYWORD_WORDS_MAX + 1)
            for start in range(len(spoken) - length + 1)
        }
    )


# --- siblings -----------------------------------------------------------------------------------

_SIBLINGS = """
SELECT other.id, own.id FROM document_chunk AS own
JOIN document_chunk AS other ON other.document_id = own.document_id
  AND other.version = own.version AND other.section IS own.section AND other.id <> own.id
WHERE own.id IN (SELECT value FROM json_each(?))
  AND abs(other.position - own.position) <= 10
ORDER BY abs(other.position - own.position), other.position
"""


def section_siblings(
    work: Work, ranking: Ranking, hits: Sequence[int], chosen: RowFilter
) -> Ranking:
    """Passages of the same sections as some hits, beside the best hit first.

    Args:
        work: In a transaction.
        ranking: Where the hits come from.
        hits: Row ids, best first.
        chosen: Only what passes is found.

    Returns:
        At most ten, none of them a hit, each with half the score of the hit beside it.
    """
    own = {row.target_id: row.id for row in ranking.rows if row.kind == "chunk"}
    own = {chunk: row_id for chunk, row_id in own.items() if row_id in set(hits)}
    if not own:
        return Ranking([], {})
    beside: dict[int, float] = {}
    for other, chunk in work.connection.execute(_SIBLINGS, (json.dumps(sorted(own)),)):
        beside[other] = max(ranking.scores[own[chunk]] / 2, beside.get(other, 0.0))
    for chunk in own:
        beside.pop(chunk, None)
    rows = readable_targets(work.connection, "chunk", sorted(beside), chosen)
    found = Ranking.of(rows, {row.id: beside[row.target_id] for row in rows})
    return Ranking(published(work, found).rows[:_SIBLINGS_MAX], found.scores)
