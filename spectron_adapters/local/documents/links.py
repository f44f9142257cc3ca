"""How documents hang together: shared keywords, alike headings, alike beginnings.

Computed from what a caller may read whenever it is asked for, so that an edge never tells of a
document that the caller may not see. Pure but for one query; imports `keywords` and the search's
analysis of text.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, get_args

from spectron_adapters.local.documents.keywords import word_likeness
from spectron_adapters.local.scope_catalog import ReadableSets
from spectron_adapters.local.search.text import STOP_WORDS, analyse, words
from spectron_adapters.local.work import Work
from spectron_adapters.models import GraphEdge

__all__ = [
    "EDGE_KINDS",
    "Edge",
    "Features",
    "edges_between",
    "features_of",
    "neighbours_of",
    "summary_terms",
]

EDGE_KINDS: Final[tuple[GraphEdge, ...]] = get_args(GraphEdge)
"""Every kind of edge."""
_SUMMARY_CHARACTERS: Final = 2_000
_SUMMARY_TERMS: Final = 40
_HEADINGS_READ: Final = 16
_HEADING_ALIKE: Final = 0.6
_SUMMARY_ALIKE: Final = 0.3
_LINKED: Final = 0.2
_NEIGHBOURS_READ: Final = 64

Terms: TypeAlias = "Mapping[str, float]"


@dataclass(frozen=True, slots=True)
class Features:
    """What links a document to others.

    Attributes:
        id: The document's row.
        title: The document's title.
        keywords: Scores by normalised form.
        headings: Its headings, the first ones.
        terms: Weights of the stems that its beginning holds; of length 1.
    """

    id: int
    title: str
    keywords: Mapping[str, float]
    headings: Sequence[str]
    terms: Terms


@dataclass(frozen=True, slots=True)
class Edge:
    """One reason why two documents belong together.

    Attributes:
        kind: What they share.
        neighbour: The other document's row.
        label: The shared keyword, the other's heading, or the other's title.
        weight: 0 to 1.
    """

    kind: str
    neighbour: int
    label: str
    weight: float


def summary_terms(text: str) -> str:
    """The most frequent stems of how a text begins, as JSON: counts by stem."""
    found = [word for word in words(text[:_SUMMARY_CHARACTERS]) if word not in STOP_WORDS]
    counts = Counter(term for word in found for term in analyse(word))
    return json.dumps(dict(counts.most_common(_SUMMARY_TERMS)), ensure_ascii=False)


def features_of(work: Work, ids: Collection[int], readable: ReadableSets) -> dict[int, Features]:
    """The features of documents that may be read, by row; the others are left out."""
    parameters = {
        "ids": json.dumps(sorted(ids)),
        "context": work.context_id,
        "readable": readable.parameter,
        "most": _HEADINGS_READ,
    }
    rows = work.connection.execute(
        "SELECT id, title, summary_terms FROM document WHERE context_id = :context"  # noqa: S608  # constant parts
        " AND published_version IS NOT NULL AND id IN (SELECT value FROM json_each(:ids))"
        f" AND {readable.condition}",
        parameters,
    ).fetchall()
    parameters["ids"] = json.dumps([row[0] for row in rows])
    keywords: dict[int, dict[str, float]] = defaultdict(dict)
    for document, normalised, score in work.connection.execute(
        "SELECT document_id, normalised, score FROM document_keyword"
        " WHERE document_id IN (SELECT value FROM json_each(:ids))",
        parameters,
    ):
        keywords[document][normalised] = score
    headings: dict[int, list[str]] = defaultdict(list)
    for document, heading in work.connection.execute(
        "SELECT s.document_id, s.heading FROM document_section AS s JOIN document AS d"
        " ON d.id = s.document_id AND d.published_version = s.version"
        " WHERE s.document_id IN (SELECT value FROM json_each(:ids)) AND s.level > 0"
        " AND s.position <= :most ORDER BY s.document_id, s.position",
        parameters,
    ):
        headings[document].append(heading)
    return {
        row_id: Features(row_id, title, keywords[row_id], headings[row_id], _unit(terms))
        for row_id, title, terms in rows
    }


def _unit(terms: str | None) -> Terms:
    counts: dict[str, float] = json.loads(terms or "{}")
    length = math.sqrt(sum(count * count for count in counts.values()))
    return {term: count / length for term, count in counts.items()} if length else {}


def neighbours_of(work: Work, seeds: Iterable[Features], readable: ReadableSets) -> set[int]:
    """Rows of documents that may be read and share a keyword or a heading with some.

    The ones with the most in common; a bounded number.
    """
    seeds = list(seeds)
    own = {seed.id for seed in seeds}
    parameters = {
        "keywords": json.dumps(sorted({word for seed in seeds for word in seed.keywords})),
        "headings": json.dumps(sorted({text for seed in seeds for text in seed.headings})),
        "own": json.dumps(sorted(own)),
        "context": work.context_id,
        "readable": readable.parameter,
        "most": _NEIGHBOURS_READ,
    }
    rows = work.connection.execute(
        "SELECT id FROM ("  # noqa: S608  # constant parts
        " SELECT document_id AS near FROM document_keyword"
        "  WHERE normalised IN (SELECT value FROM json_each(:keywords))"
        " UNION ALL SELECT document_id FROM document_section"
        "  WHERE heading IN (SELECT value FROM json_each(:headings)) AND level > 0"
        ") JOIN document ON id = near WHERE context_id = :context"
        " AND published_version IS NOT NULL AND id NOT IN (SELECT value FROM json_each(:own))"
        f" AND {readable.condition} GROUP BY id ORDER BY count(*) DESC, id LIMIT :most",
        parameters,
    )
    return {row[0] for row in rows}


def edges_between(one: Features, other: Features, kinds: Collection[str]) -> list[Edge]:
    """Why the other document belongs to one, strongest first."""
    found = [edge for kind in EDGE_KINDS if kind in kinds for edge in _FINDERS[kind](one, other)]
    return sorted(found, key=lambda edge: -edge.weight)


def _shared_keywords(one: Features, other: Features) -> Iterator[Edge]:
    best = max((*one.keywords.values(), *other.keywords.values()), default=0.0)
    for keyword in sorted(one.keywords.keys() & other.keywords.keys()):
        weight = math.sqrt(one.keywords[keyword] * other.keywords[keyword]) / best
        yield Edge("knowledge_has_keyword", other.id, keyword, _rounded(weight))


def _alike_headings(one: Features, other: Features) -> Iterator[Edge]:
    scored = (
        (word_likeness(mine, theirs), theirs) for mine in one.headings for theirs in other.headings
    )
    weight, heading = max(scored, default=(0.0, ""))
    if weight >= _HEADING_ALIKE:
        yield Edge("section_match", other.id, heading, _rounded(weight))


def _keyword_overlap(one: Features, other: Features) -> Iterator[Edge]:
    """Source: Szymkiewicz and Simpson's overlap coefficient."""
    smaller = min(len(one.keywords), len(other.keywords))
    weight = len(one.keywords.keys() & other.keywords.keys()) / smaller if smaller else 0.0
    if weight >= _LINKED:
        yield Edge("document_link", other.id, other.title, _rounded(weight))


def _alike_summaries(one: Features, other: Features) -> Iterator[Edge]:
    weight = sum(share * other.terms.get(term, 0.0) for term, share in one.terms.items())
    if weight >= _SUMMARY_ALIKE:
        yield Edge("document_summary", other.id, other.title, _rounded(weight))


def _rounded(weight: float) -> float:
    return round(min(weight, 1.0), 4)


_FINDERS: Final = {
    "knowledge_has_keyword": _shared_keywords,
    "section_match": _alike_headings,
    "document_link": _keyword_overlap,
    "document_summary": _alike_summaries,
}
