"""Rows of the graph as the wire shows them: entities put together, attributes, relations.

Conditions are SQL over one table's columns, made of constants; what may be read is always part of
them. Imports `work`, `fact_rows`, `sessions` and `models`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from spectron_adapters.local.conversation.sessions import turn_id
from spectron_adapters.local.instants import to_text
from spectron_adapters.local.knowledge.fact_rows import entity_id
from spectron_adapters.local.scope_catalog import ReadableSets
from spectron_adapters.local.work import Work
from spectron_adapters.models import AttributeDetail, EntityDetail, RelationDetail

__all__ = [
    "VALID_NOW",
    "attributes_where",
    "entities_where",
    "relations_where",
]

VALID_NOW = "valid_from <= :now AND (valid_until IS NULL OR valid_until > :now)"
"""Rows that hold at the request's time, the parameter `:now`."""

# A read as of a time does not even tell that something became known later.
_ENTITY_COLUMNS = (
    "n.type, n.name, e.display_name, e.category, e.known_from,"
    " CASE WHEN e.updated_at > :as_of THEN coalesce((SELECT max(known_from) FROM attribute"
    "  WHERE name_id = e.name_id AND scope_set_id = e.scope_set_id AND known_from <= :as_of),"
    "  e.known_from) ELSE e.updated_at END AS updated_at,"
    " (SELECT max(importance) FROM search_row WHERE kind = 'entity' AND target_id = e.id)"
)
_ATTRIBUTE_COLUMNS = (
    "a.key_id, n.type, n.name, a.key, a.value, a.category, a.known_from, a.valid_from,"
    " CASE WHEN a.system_until IS NOT NULL AND a.known_until > :as_of THEN NULL"
    "  ELSE a.valid_until END, older.key_id,"
    " CASE WHEN newer.known_from > :as_of THEN NULL ELSE newer.key_id END, a.source_kind,"
    " turn.key, session.name,"
    " (SELECT max(importance) FROM search_row WHERE kind = 'attribute' AND target_id = a.id)"
)
_RELATION_COLUMNS = (
    "r.key_id, s.type, s.name, r.label, o.type, o.name, r.category, r.known_from, r.valid_from,"
    " CASE WHEN r.system_until IS NOT NULL AND r.known_until > :as_of THEN NULL"
    "  ELSE r.valid_until END, r.source_kind, turn.key, session.name"
)
_Row = Sequence[object]


# --- entities -----------------------------------------------------------------------------------


def entities_where(
    work: Work,
    readable: ReadableSets,
    condition: str,
    parameters: Mapping[str, object],
    *,
    limit: int = -1,
) -> list[EntityDetail]:
    """Entities by type then name, each put together from its rows within the condition.

    Args:
        work: In a transaction.
        readable: What the caller may read of it.
        condition: Over the columns of `entity`.
        parameters: Of the condition.
        limit: Most rows to read; negative for all.
    """
    rows = work.connection.execute(
        f"SELECT {_ENTITY_COLUMNS} FROM (SELECT * FROM entity WHERE context_id = :context"  # noqa: S608  # constant parts
        f" AND {condition} AND {readable.check} ORDER BY id DESC LIMIT :limit) AS e"
        " JOIN entity_name AS n ON n.id = e.name_id ORDER BY n.type, n.name, updated_at, e.id",
        {
            "context": work.context_id,
            "as_of": None,
            "readable": readable.parameter,
            "limit": limit,
            **parameters,
        },
    )
    return [_merged(list(group)) for _, group in groupby(rows, key=itemgetter(0, 1))]


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


# --- attributes ---------------------------------------------------------------------------------


def attributes_where(
    work: Work,
    readable: ReadableSets,
    condition: str,
    parameters: Mapping[str, object],
    *,
    order: str,
    limit: int = -1,
) -> list[AttributeDetail]:
    """Attributes within a condition.

    Args:
        work: In a transaction.
        readable: What the caller may read of them.
        condition: Over the columns of `attribute`.
        parameters: Of the condition.
        order: Columns of `a` (the attribute) and `n` (its entity's name).
        limit: Most rows to read, the newest; negative for all.
    """
    rows = work.connection.execute(
        f"SELECT {_ATTRIBUTE_COLUMNS}"  # noqa: S608  # constant parts
        f" FROM (SELECT * FROM attribute WHERE context_id = :context AND {condition}"
        f"  AND {readable.condition} ORDER BY id DESC LIMIT :limit) AS a"
        " JOIN entity_name AS n ON n.id = a.name_id"
        " LEFT JOIN attribute AS older ON older.id = a.supersedes"
        " LEFT JOIN attribute AS newer ON newer.id = a.superseded_by"
        f"{_source_of('a', readable)} ORDER BY {order}",
        {
            "context": work.context_id,
            "as_of": None,
            "readable": readable.parameter,
            "limit": limit,
            **parameters,
        },
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


# --- relations ----------------------------------------------------------------------------------


def relations_where(
    work: Work,
    readable: ReadableSets,
    condition: str,
    parameters: Mapping[str, object],
    *,
    limit: int = -1,
) -> list[RelationDetail]:
    """Relations within a condition over the columns of `relation`, by label.

    Args:
        work: In a transaction.
        readable: What the caller may read of them.
        condition: Over the columns of `relation`.
        parameters: Of the condition.
        limit: Most rows to read, the newest; negative for all.
    """
    rows = work.connection.execute(
        f"SELECT {_RELATION_COLUMNS} FROM (SELECT * FROM relation"  # noqa: S608  # constant parts
        f"  WHERE context_id = :context AND {condition} AND {readable.condition}"
        "  ORDER BY id DESC LIMIT :limit) AS r"
        " JOIN entity_name AS s ON s.id = r.subject_id JOIN entity_name AS o ON o.id = r.object_id"
        f"{_source_of('r', readable)} ORDER BY r.label, r.known_from, r.id",
        {
            "context": work.context_id,
            "as_of": None,
            "readable": readable.parameter,
            "limit": limit,
            **parameters,
        },
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
    """Joins to the turn that a fact was read from and to its session, if they may be read."""
    return (
        f" LEFT JOIN turn ON turn.id = {table}.turn_id AND turn.{readable.condition}"
        f" LEFT JOIN session ON session.id = turn.session_id AND session.{readable.condition}"
    )


def _source(kind: object, turn_key: object, session: object) -> dict[str, object]:
    source: dict[str, object] = {"kind": kind}
    if turn_key is not None:
        source["ref"] = turn_id(str(turn_key))
    if session is not None:
        source["sessionId"] = session
    return source


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _text(instant: object) -> str | None:
    return to_text(instant) if isinstance(instant, int) else None


def _reference(table: str, key: object) -> str | None:
    return None if key is None else f"{table}:{key}"
