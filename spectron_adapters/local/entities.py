"""Entities, their attributes and relations, as the caller may see them.

An entity is stored once per scope set and put together from the visible rows only, so that
neither its existence nor anything about it leaks. Imports `work`, `moments`, `fact_rows`, `models`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter

from spectron_adapters.local.extraction.statements import normalise_name, normalise_type
from spectron_adapters.local.fact_rows import Closing, close_many, entity_id, find_name
from spectron_adapters.local.instants import to_text
from spectron_adapters.local.moments import Moment
from spectron_adapters.local.problems import bad_request, not_found
from spectron_adapters.local.scope_catalog import ReadableSets
from spectron_adapters.local.sessions import turn_id
from spectron_adapters.local.work import Work
from spectron_adapters.models import (
    AttributeDetail,
    EntityDetail,
    EntityHistoryResponse,
    EntityListResponse,
    EntityResponse,
    RelationDetail,
)
from spectron_adapters.scopes import ScopeSet

__all__ = ["delete_entity", "get_entity", "list_entities", "read_history"]

_ENTITY_COLUMNS = (
    "n.type, n.name, e.display_name, e.category, e.known_from, e.updated_at,"
    " (SELECT max(importance) FROM search_row WHERE kind = 'entity' AND target_id = e.id)"
)
_ATTRIBUTE_COLUMNS = (
    "a.key_id, n.type, n.name, a.key, a.value, a.category, a.known_from, a.valid_from,"
    " a.valid_until, older.key_id, newer.key_id, a.source_kind, turn.key, session.name,"
    " (SELECT max(importance) FROM search_row WHERE kind = 'attribute' AND target_id = a.id)"
)
_RELATION_COLUMNS = (
    "r.key_id, s.type, s.name, r.label, o.type, o.name, r.category, r.known_from, r.valid_from,"
    " r.valid_until, r.source_kind, turn.key, session.name"
)
_Row = Sequence[object]


def _normalised(entity_type: str, name: str) -> tuple[str, str]:
    try:
        return normalise_type(entity_type), normalise_name(name)
    except ValueError as error:
        raise bad_request(f"entity {error}") from None


# --- listing ------------------------------------------------------------------------------------


def list_entities(
    work: Work, lens: ScopeSet | None, *, entity_type: str | None, limit: int, offset: int
) -> EntityListResponse:
    """The live entities that the caller may read, by type then name.

    Args:
        work: In a read transaction.
        lens: Only what it lets through.
        entity_type: Only this type; synonyms are understood.
        limit: Most entities; negative for all.
        offset: How many to pass over.
    """
    readable = work.readable(lens)
    rows = work.connection.execute(
        f"WITH page AS (SELECT id, type, name FROM entity_name AS n WHERE context_id = :context"  # noqa: S608  # constant parts
        " AND (:type IS NULL OR type = :type) AND EXISTS (SELECT 1 FROM entity"
        f"  WHERE name_id = n.id AND {_VALID_NOW} AND {readable.condition})"
        " ORDER BY type, name LIMIT :limit OFFSET :offset)"
        f" SELECT {_ENTITY_COLUMNS} FROM page AS n JOIN entity AS e ON e.name_id = n.id"
        f" WHERE {_VALID_NOW} AND {readable.condition} ORDER BY n.type, n.name, e.updated_at",
        {
            "context": work.context_id,
            "type": None if entity_type is None else normalise_type(entity_type),
            "now": work.now,
            "readable": readable.parameter,
            "limit": limit,
            "offset": offset,
        },
    )
    merged = [_merged(list(group)) for _, group in groupby(rows, key=itemgetter(0, 1))]
    return EntityListResponse(entities=merged)


_VALID_NOW = "valid_from <= :now AND (valid_until IS NULL OR valid_until > :now)"


def _merged(rows: Sequence[_Row]) -> EntityDetail:
    """One entity from its visible rows, oldest change first: the last one names it."""
    latest = rows[-1]
    return EntityDetail(
        id=entity_id(str(latest[0]), str(latest[1])),
        entity_type=str(latest[0]),
        name=str(latest[2]),
        memory_category=str(latest[3]),
        importance=max(_number(row[6]) for row in rows),
        created_at=to_text(min(_whole(row[4]) for row in rows)),
        updated_at=to_text(max(_whole(row[5]) for row in rows)),
    )


# --- one entity ---------------------------------------------------------------------------------


def get_entity(
    work: Work, entity_type: str, name: str, moment: Moment, *, lens: ScopeSet | None
) -> EntityResponse:
    """An entity with its attributes and relations, as far as a lens lets them through.

    Raises:
        Problem: 404, no visible row of it exists at the time asked for.
    """
    key = _normalised(entity_type, name)
    name_id = find_name(work, key)
    readable = work.readable(lens)
    rows = [] if name_id is None else _entity_rows(work, name_id, readable, moment)
    if name_id is None or not rows:
        raise not_found(f"there is no {entity_id(*key)} that this caller may read")
    return EntityResponse(
        entity=_merged(rows),
        attributes=_attributes(
            work,
            readable,
            f"name_id = :name_id AND {moment.condition()}",
            {"name_id": name_id, **moment.parameters},
            order="a.key, a.known_from, a.id",
        ),
        relations=_relations(work, name_id, readable, moment),
    )


def _entity_rows(
    work: Work, name_id: int, readable: ReadableSets, moment: Moment
) -> list[tuple[object, ...]]:
    return work.connection.execute(
        f"SELECT {_ENTITY_COLUMNS} FROM entity AS e JOIN entity_name AS n ON n.id = e.name_id"  # noqa: S608  # constant parts
        f" WHERE name_id = :name_id AND {moment.existence_condition} AND {readable.condition}"
        " ORDER BY e.updated_at, e.id",
        {"name_id": name_id, "readable": readable.parameter, **moment.parameters},
    ).fetchall()


def _attributes(
    work: Work,
    readable: ReadableSets,
    condition: str,
    parameters: dict[str, object],
    *,
    order: str,
) -> list[AttributeDetail]:
    rows = work.connection.execute(
        f"SELECT {_ATTRIBUTE_COLUMNS}"  # noqa: S608  # constant parts
        f" FROM (SELECT * FROM attribute WHERE {condition} AND {readable.condition}) AS a"
        " JOIN entity_name AS n ON n.id = a.name_id"
        " LEFT JOIN attribute AS older ON older.id = a.supersedes"
        " LEFT JOIN attribute AS newer ON newer.id = a.superseded_by"
        f"{_source_of('a', readable)} ORDER BY {order}",
        {"readable": readable.parameter, **parameters},
    )
    return [_attribute(row) for row in rows]


def _attribute(row: _Row) -> AttributeDetail:
    return AttributeDetail(
        id=f"attribute:{row[0]}",
        entity=entity_id(str(row[1]), str(row[2])),
        key=str(row[3]),
        value=str(row[4]),
        memory_category=str(row[5]),
        importance=_number(row[14]),
        created_at=to_text(_whole(row[6])),
        valid_from=_text(row[7]),
        valid_until=_text(row[8]),
        supersedes=_reference("attribute", row[9]),
        superseded_by=_reference("attribute", row[10]),
        source=_source(row[11], row[12], row[13]),
    )


def _relations(
    work: Work, name_id: int, readable: ReadableSets, moment: Moment
) -> list[RelationDetail]:
    rows = work.connection.execute(
        f"SELECT {_RELATION_COLUMNS} FROM (SELECT * FROM relation"  # noqa: S608  # constant parts
        "  WHERE (subject_id = :name_id OR object_id = :name_id)"
        f" AND {moment.condition(relation=True)} AND {readable.condition}) AS r"
        " JOIN entity_name AS s ON s.id = r.subject_id JOIN entity_name AS o ON o.id = r.object_id"
        f"{_source_of('r', readable)} ORDER BY r.label, r.known_from, r.id",
        {"name_id": name_id, "readable": readable.parameter, **moment.parameters},
    )
    return [_relation(row) for row in rows]


def _relation(row: _Row) -> RelationDetail:
    return RelationDetail.model_validate(
        {
            "id": f"relation:{row[0]}",
            "subject": entity_id(str(row[1]), str(row[2])),
            "label": row[3],
            "object": entity_id(str(row[4]), str(row[5])),
            "memoryCategory": row[6],
            "createdAt": to_text(_whole(row[7])),
            "validFrom": _text(row[8]),
            "validUntil": _text(row[9]),
            "source": _source(row[10], row[11], row[12]),
        }
    )


def _source_of(table: str, readable: ReadableSets) -> str:
    """Joins to the turn a fact was read from, and to its session if the caller may read that."""
    return (
        f" LEFT JOIN turn ON turn.id = {table}.turn_id"
        f" LEFT JOIN session ON session.id = turn.session_id AND session.{readable.condition}"
    )


def _source(kind: object, turn_key: object, session: object) -> dict[str, object]:
    source: dict[str, object] = {"kind": kind}
    if turn_key is not None:
        source["ref"] = turn_id(str(turn_key))
    if session is not None:
        source["sessionId"] = session
    return source


# --- history and deletion -----------------------------------------------------------------------


def read_history(
    work: Work, entity_type: str, name: str, key: str, moment: Moment, *, lens: ScopeSet | None
) -> EntityHistoryResponse:
    """The chain of one key, newest first; closed and superseded rows included."""
    name_id = find_name(work, _normalised(entity_type, name))
    if name_id is None:
        return EntityHistoryResponse()
    readable = work.readable(lens)
    return EntityHistoryResponse(
        history=_attributes(
            work,
            readable,
            f"name_id = :name_id AND key = :key AND {moment.history_condition}",
            {"name_id": name_id, "key": key, **moment.parameters},
            order="a.known_from DESC, a.id DESC",
        )
    )


def delete_entity(work: Work, entity_type: str, name: str, *, lens: ScopeSet | None) -> None:
    """End an entity's live rows within the forget region; earlier states stay readable.

    A lens confines it to the subtrees that it names.

    Raises:
        Problem: 403, `memory:forget` is granted nowhere.
    """
    readable = work.removable(lens)
    name_id = find_name(work, _normalised(entity_type, name))
    if name_id is None:
        return
    closing = Closing(work.now, work.now, work.now)
    for kind, mine in _OWN_ROWS.items():
        rows = work.connection.execute(
            f"SELECT id FROM {kind} WHERE {mine} AND {readable.condition}"  # noqa: S608  # constant parts
            " AND (known_until IS NULL OR known_until > :now)",
            {"name_id": name_id, "readable": readable.parameter, "now": work.now},
        )
        close_many(work, kind, _ids(rows), closing)


_OWN_ROWS = {
    "entity": "name_id = :name_id",
    "attribute": "name_id = :name_id",
    "relation": "(subject_id = :name_id OR object_id = :name_id)",
}


def _ids(rows: Iterable[Sequence[int]]) -> list[int]:
    return [row[0] for row in rows]


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _text(instant: object) -> str | None:
    return to_text(instant) if isinstance(instant, int) else None


def _reference(table: str, key: object) -> str | None:
    return None if key is None else f"{table}:{key}"
