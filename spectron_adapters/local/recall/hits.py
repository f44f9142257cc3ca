"""Search results as hits on the wire, with what the caller may be told of where they stand.

Imports `work`, `ingestion`, `documents` for the places of passages, and `models`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from spectron_adapters.local.conversation.ingestion import chunk_id
from spectron_adapters.local.documents.reading import PassagePlace, passage_places
from spectron_adapters.local.instants import to_text
from spectron_adapters.local.search.retrieval import Scored
from spectron_adapters.local.work import Work
from spectron_adapters.models import RecallHit

__all__ = ["PASSAGE_KINDS", "Shown", "hits_of", "hits_shown"]

PASSAGE_KINDS: Final = frozenset({"chunk", "section"})
"""Kinds of rows that come from documents."""

_PLACES = {
    "memory_chunk": (
        "SELECT r.id, t.key, r.part, s.name, r.role, r.scope_set_id, r.seq FROM search_row AS r"
        " JOIN turn AS t ON t.id = r.target_id"
    ),
    "entity": (
        "SELECT r.id, n.type, n.name, NULL, NULL, r.scope_set_id, NULL FROM search_row AS r"
        " JOIN entity AS e ON e.id = r.target_id JOIN entity_name AS n ON n.id = e.name_id"
    ),
    "attribute": (
        "SELECT r.id, a.key_id, NULL, s.name, NULL, r.scope_set_id, NULL FROM search_row AS r"
        " JOIN attribute AS a ON a.id = r.target_id LEFT JOIN turn AS t ON t.id = a.turn_id"
    ),
    "relation": (
        "SELECT r.id, x.key_id, NULL, s.name, NULL, r.scope_set_id, NULL FROM search_row AS r"
        " JOIN relation AS x ON x.id = r.target_id LEFT JOIN turn AS t ON t.id = x.turn_id"
    ),
}
_SESSION_OF = {
    "memory_chunk": "t.session_id",
    "entity": "NULL",
    "attribute": "t.session_id",
    "relation": "t.session_id",
}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a row stands: its public id, its scope set, and what else a hit says of it."""

    id: str
    scope_set_id: int
    extras: Mapping[str, object]


# A relation is an attribute whose value is an entity; the contract has no hits of its own for it.
_SOURCES = {"relation": "attribute"}


def hits_of(work: Work, found: Sequence[Scored]) -> list[RecallHit]:
    """Search results as hits, best first; one entity of several scopes is one hit."""
    places = _places(work, found)
    shown: dict[int, list[list[str]]] = {}
    hits: dict[str, RecallHit] = {}
    for scored in found:
        place = places.get(scored.row_id)
        if place is None or place.id in hits:
            continue
        if place.scope_set_id not in shown:
            shown[place.scope_set_id] = work.visible_scopes(place.scope_set_id)
        hits[place.id] = _hit(scored, place, shown[place.scope_set_id])
    return list(hits.values())


def _hit(scored: Scored, place: _Place, scopes: list[list[str]]) -> RecallHit:
    return RecallHit.model_validate(
        {
            "id": place.id,
            "score": scored.score,
            "source": _SOURCES.get(scored.kind, scored.kind),
            "text": scored.text,
            "occurredAt": to_text(scored.occurred_at),
            "scopes": scopes,
            **{name: value for name, value in place.extras.items() if value is not None},
        }
    )


def _places(work: Work, found: Sequence[Scored]) -> Mapping[int, _Place]:
    by_kind: dict[str, list[int]] = {}
    readable = work.readable()
    for scored in found:
        by_kind.setdefault(scored.kind, []).append(scored.row_id)
    passages = [row for kind in PASSAGE_KINDS for row in by_kind.pop(kind, [])]
    places = _passages(work, passages) if passages else {}
    for kind, row_ids in by_kind.items():
        rows = work.connection.execute(
            f"{_PLACES[kind]} LEFT JOIN session AS s"  # noqa: S608  # constant parts
            f" ON s.id = {_SESSION_OF[kind]} AND s.{readable.condition}"
            " WHERE r.id IN (SELECT value FROM json_each(:rows))",
            {"rows": json.dumps(row_ids), "readable": readable.parameter},
        )
        places.update({row[0]: _memory(kind, *row[1:]) for row in rows})
    return places


def _memory(  # noqa: PLR0917  # the columns of a row
    kind: str,
    key: str,
    part: object,
    session: str | None,
    role: str | None,
    scope_set_id: int,
    seq: int | None,
) -> _Place:
    extras = {"sessionId": session, "role": role, "seq": None if session is None else seq}
    return _Place(_hit_id(kind, key, part), scope_set_id, extras)


def _hit_id(kind: str, key: str, part: object) -> str:
    if kind == "memory_chunk":
        return chunk_id(key, int(str(part)))
    if kind == "entity":
        return f"entity:{key}/{part}"
    return f"{kind}:{key}"


def _passages(work: Work, row_ids: Sequence[int]) -> dict[int, _Place]:
    return {
        row_id: _Place(place.id, place.scope_set_id, _document_extras(place))
        for row_id, place in passage_places(work, row_ids).items()
    }


def _document_extras(place: PassagePlace) -> dict[str, object]:
    return {
        "documentId": place.document_id,
        "documentTitle": place.title,
        "section": place.section,
        "position": place.position,
        "positionPercent": place.position_percent,
    }


@dataclass(frozen=True, slots=True)
class Shown:
    """A hit for a reader: what was said, when, and by whom or in which document."""

    kind: str
    text: str
    occurred_at: int
    who: str


def hits_shown(work: Work, found: Sequence[Scored]) -> list[Shown]:
    """Search results with their speakers or documents, in the order given."""
    rows = work.connection.execute(
        "SELECT id, coalesce(speaker, role, kind) FROM search_row"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps([scored.row_id for scored in found]),),
    )
    names = dict(rows.fetchall())
    passages = [scored.row_id for scored in found if scored.kind in PASSAGE_KINDS]
    if passages:
        names.update(
            (row_id, place.title) for row_id, place in passage_places(work, passages).items()
        )
    return [
        Shown(scored.kind, scored.text, scored.occurred_at, names.get(scored.row_id, ""))
        for scored in found
    ]
