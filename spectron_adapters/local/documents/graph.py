"""Ranking by links between documents: those that others lead to rise, neighbours come along.

Only documents that the caller may read, and that the lens lets through, take part or are named.
Imports `links`, `reading`, `search` and `work`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from spectron_adapters.local.documents.links import (
    Edge,
    Features,
    edges_between,
    features_of,
    neighbours_of,
)
from spectron_adapters.local.documents.reading import PassagePlace, passage_places
from spectron_adapters.local.scope_catalog import ReadableSets
from spectron_adapters.local.search.reading import RowFilter, readable_rows
from spectron_adapters.local.work import Work

__all__ = ["Found", "GraphOptions", "linked_pairs", "ranked_by_graph"]

_ALPHA: Final = 0.3
_DEPTH: Final = 1
_DEPTH_MAX: Final = 3
_DECAY: Final = 0.5
_DOCUMENTS_MAX: Final = 32
_EVIDENCE_MAX: Final = 5
_PASSAGES_OF_NEIGHBOUR: Final = 2
_PAIRS_DOCUMENTS_MAX: Final = 2_000
_PAIRS_MAX: Final = 20_000

Evidence: TypeAlias = "Mapping[str, object]"


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that answers.

    Attributes:
        place: Where it stands.
        score: 0 to 1.
        evidence: What links its document to others that answer.
        expanded: Whether it was reached by a link alone.
    """

    place: PassagePlace
    score: float
    evidence: Sequence[Evidence] = ()
    expanded: bool = False


@dataclass(frozen=True, slots=True)
class GraphOptions:
    """How links count.

    Attributes:
        kinds: Edges to follow.
        alpha: Share of the links in the score, 0 to 1.
        depth: Hops, for expansion.
        expand: Whether neighbours are added.
    """

    kinds: frozenset[str]
    alpha: float
    depth: int
    expand: bool

    @classmethod
    def of(
        cls, kinds: Collection[str], *, alpha: float | None, depth: int | None, expand: bool
    ) -> GraphOptions:
        """Options with their defaults and limits."""
        return cls(
            frozenset(kinds),
            min(_ALPHA if alpha is None else alpha, 1.0),
            min(_DEPTH if depth is None else depth, _DEPTH_MAX),
            expand,
        )


def ranked_by_graph(
    work: Work,
    found: Sequence[Found],
    options: GraphOptions,
    chosen: RowFilter,
) -> list[Found]:
    """Weigh passages by how densely their documents are linked to others that answer.

    Args:
        work: In a transaction.
        found: Passages that answer, best first.
        options: How links count.
        chosen: What may be found: region and lens.

    Returns:
        Passages with scores of 0 to 1, best first, neighbours among them if asked for.
    """
    scores: dict[int, float] = {}
    for each in found:
        scores.setdefault(each.place.document, each.score)
    near = features_of(work, list(scores)[:_DOCUMENTS_MAX], _readable(chosen))
    edges = {row_id: _edges(near, row_id, options.kinds) for row_id in near}
    density = _density(edges, scores)
    ranked = [
        replace(
            each,
            score=(1 - options.alpha) * each.score
            + options.alpha * density.get(each.place.document, 0.0) * each.score,
            evidence=_evidence(edges.get(each.place.document, ()), near),
        )
        for each in found
    ]
    if options.expand and options.depth:
        ranked += _expanded(work, ranked, near, options, chosen)
    return sorted(ranked, key=lambda each: (-each.score, -each.place.document, each.place.position))


def _readable(chosen: RowFilter) -> ReadableSets:
    return ReadableSets(chosen.scope_set_ids, chosen.excluded_scope_set_ids)


def _edges(near: Mapping[int, Features], row_id: int, kinds: Collection[str]) -> list[Edge]:
    own = near[row_id]
    return [
        edge
        for other in near.values()
        if other.id != row_id
        for edge in edges_between(own, other, kinds)
    ]


def _density(edges: Mapping[int, Sequence[Edge]], scores: Mapping[int, float]) -> dict[int, float]:
    """How strongly others that answer lead to each document: 0 to 1, 1 for the strongest."""
    sums = {
        row_id: sum(edge.weight * scores.get(edge.neighbour, 0.0) for edge in found)
        for row_id, found in edges.items()
    }
    best = max(sums.values(), default=0.0)
    return {row_id: total / best for row_id, total in sums.items()} if best else {}


def _evidence(edges: Sequence[Edge], near: Mapping[int, Features]) -> list[Evidence]:
    """The strongest edges; several kinds to one document are summed up as `hybrid_graph`."""
    kinds: dict[int, dict[str, float]] = defaultdict(dict)
    for edge in edges:
        kinds[edge.neighbour].setdefault(edge.kind, edge.weight)
    several = [
        Edge("hybrid_graph", neighbour, near[neighbour].title, _combined(weights.values()))
        for neighbour, weights in kinds.items()
        if len(weights) > 1
    ]
    strongest = sorted((*several, *edges), key=lambda edge: -edge.weight)[:_EVIDENCE_MAX]
    return [
        {"edgeKind": edge.kind, "neighbourLabel": edge.label, "weight": edge.weight}
        for edge in strongest
    ]


def _combined(weights: Iterable[float]) -> float:
    """That at least one of the signals is right, taken as independent."""
    remaining = 1.0
    for weight in weights:
        remaining *= 1 - weight
    return round(1 - remaining, 4)


# --- neighbours ---------------------------------------------------------------------------------


def _expanded(
    work: Work,
    ranked: Sequence[Found],
    near: Mapping[int, Features],
    options: GraphOptions,
    chosen: RowFilter,
) -> list[Found]:
    """Passages of documents that links lead to, hop by hop."""
    reached: dict[int, float] = {}
    for each in ranked:
        reached[each.place.document] = max(each.score, reached.get(each.place.document, 0.0))
    answering = set(reached)
    readable = _readable(chosen)
    frontier = dict(near)
    added: dict[int, tuple[float, Edge, Features]] = {}
    for _ in range(options.depth):
        nearest = neighbours_of(work, frontier.values(), readable) - set(reached)
        beyond = features_of(work, nearest, readable)
        for other in beyond.values():
            best = _strongest(frontier, other, options.kinds, reached)
            if best is not None:
                added[other.id] = best
                reached[other.id] = best[0]
        frontier = {row_id: item for row_id, item in beyond.items() if row_id in added}
    return _neighbour_passages(work, added, answering, chosen)


def _strongest(
    frontier: Mapping[int, Features],
    other: Features,
    kinds: Collection[str],
    reached: Mapping[int, float],
) -> tuple[float, Edge, Features] | None:
    """The best way to a document: what it is worth, the edge back, and where it leads from."""
    ways = [
        (_DECAY * edge.weight * reached.get(item.id, 0.0), edge, item)
        for item in frontier.values()
        for edge in edges_between(other, item, kinds)[:1]
    ]
    best = max(ways, key=lambda way: way[0], default=None)
    return best if best is not None and best[0] > 0 else None


def _neighbour_passages(
    work: Work,
    added: Mapping[int, tuple[float, Edge, Features]],
    answering: Collection[int],
    chosen: RowFilter,
) -> list[Found]:
    rows = work.connection.execute(
        "SELECT r.id FROM document AS d JOIN document_chunk AS c"
        " ON c.document_id = d.id AND c.version = d.published_version AND c.position < :most"
        " JOIN search_row AS r ON r.kind = 'chunk' AND r.target_id = c.id"
        " WHERE d.id IN (SELECT value FROM json_each(:ids))",
        {
            "ids": json.dumps([row_id for row_id in added if row_id not in answering]),
            "most": _PASSAGES_OF_NEIGHBOUR,
        },
    ).fetchall()
    ids = [row[0] for row in rows]
    passing = [row.id for row in readable_rows(work.connection, ids, chosen)]
    found = []
    for place in passage_places(work, passing).values():
        score, edge, source = added[place.document]
        evidence = _evidence([edge], {source.id: source})
        found.append(Found(place, score, evidence, expanded=True))
    return found


def linked_pairs(work: Work) -> int:
    """How many links there are between documents of the caller: pairs, once for each kind.

    Of very many documents, the newest are looked at.
    """
    readable = work.readable()
    rows = work.connection.execute(
        "SELECT id FROM document WHERE context_id = :context AND published_version IS NOT NULL"  # noqa: S608  # constant parts
        f" AND {readable.condition} ORDER BY id DESC LIMIT :most",
        {
            "context": work.context_id,
            "readable": readable.parameter,
            "most": _PAIRS_DOCUMENTS_MAX,
        },
    )
    near = features_of(work, [row[0] for row in rows], readable)
    kinds = ("section_match", "document_link", "document_summary", "knowledge_has_keyword")
    pairs: set[tuple[int, int, str]] = set()
    for one, other in sorted(_candidate_pairs(near), reverse=True)[:_PAIRS_MAX]:
        for edge in edges_between(near[one], near[other], kinds):
            pairs.add((one, other, edge.kind))
    return len(pairs)


def _candidate_pairs(near: Mapping[int, Features]) -> set[tuple[int, int]]:
    """Pairs that share a keyword, a heading or a frequent word of their beginnings."""
    holders: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row_id, item in near.items():
        signs = [("k", word) for word in item.keywords]
        signs += [("h", heading.casefold()) for heading in item.headings]
        signs += [("t", term) for term in sorted(item.terms, key=lambda t: (-item.terms[t], t))[:3]]
        for sign in signs:
            holders[sign].append(row_id)
    return {
        (min(one, other), max(one, other))
        for held in holders.values()
        for place, one in enumerate(held[:_DOCUMENTS_MAX])
        for other in held[place + 1 : _DOCUMENTS_MAX]
    }
