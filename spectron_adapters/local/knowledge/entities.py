"""Entities, their attributes and relations, as the caller may see them.

An entity is stored once per scope set and put together from the visible rows only, so that
neither its existence nor anything about it leaks. Imports `work`, `moments`, `fact_rows`,
`fact_reading` and `models`.
"""

from __future__ import annotations

from spectron_adapters.local.extraction.statements import normalise_name, normalise_type
from spectron_adapters.local.forgetting.sharing import give_up_shares
from spectron_adapters.local.knowledge.fact_reading import (
    VALID_NOW,
    attributes_where,
    entities_where,
    relations_where,
)
from spectron_adapters.local.knowledge.fact_rows import Closing, close_many, entity_id, find_name
from spectron_adapters.local.moments import Moment
from spectron_adapters.local.problems import bad_request, not_found
from spectron_adapters.local.work import Work, subtrees
from spectron_adapters.models import EntityHistoryResponse, EntityListResponse, EntityResponse
from spectron_adapters.scopes import ScopeSet

__all__ = ["delete_entity", "get_entity", "list_entities", "normalised", "read_history"]


def normalised(entity_type: str, name: str) -> tuple[str, str]:
    """Type and name as entities are looked up by.

    Raises:
        Problem: 400, the name has no letters or digits.
    """
    try:
        return normalise_type(entity_type), normalise_name(name)
    except ValueError as error:
        raise bad_request(f"entity {error}") from None


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
    page = (
        "name_id IN (SELECT id FROM entity_name AS n WHERE context_id = :context"  # noqa: S608  # constant parts
        " AND (:type IS NULL OR type = :type) AND EXISTS (SELECT 1 FROM entity"
        f"  WHERE name_id = n.id AND {VALID_NOW} AND {readable.check})"
        " ORDER BY type, name LIMIT :names OFFSET :offset)"
    )
    parameters = {
        "type": None if entity_type is None else normalise_type(entity_type),
        "now": work.now,
        "names": limit,
        "offset": offset,
    }
    found = entities_where(work, readable, f"{VALID_NOW} AND {page}", parameters)
    return EntityListResponse(entities=found)


def get_entity(
    work: Work, entity_type: str, name: str, moment: Moment, *, lens: ScopeSet | None
) -> EntityResponse:
    """An entity with its attributes and relations, as far as a lens lets them through.

    Raises:
        Problem: 404, no visible row of it exists at the time asked for.
    """
    key = normalised(entity_type, name)
    readable = work.readable(lens)
    parameters = {"name_id": find_name(work, key), **moment.parameters}
    existing = f"name_id = :name_id AND {moment.existence_condition}"
    found = entities_where(work, readable, existing, parameters)
    if not found:
        raise not_found(f"there is no {entity_id(*key)[:200]} that this caller may read")
    own = "(subject_id = :name_id OR object_id = :name_id)"
    return EntityResponse(
        entity=found[0],
        attributes=attributes_where(
            work,
            readable,
            f"name_id = :name_id AND {moment.condition()}",
            parameters,
            order="a.key, a.known_from, a.id",
        ),
        relations=relations_where(
            work, readable, f"{own} AND {moment.condition(relation=True)}", parameters
        ),
    )


def read_history(
    work: Work, entity_type: str, name: str, key: str, moment: Moment, *, lens: ScopeSet | None
) -> EntityHistoryResponse:
    """The chain of one key, newest first; closed and superseded rows included."""
    name_id = find_name(work, normalised(entity_type, name))
    if name_id is None:
        return EntityHistoryResponse()
    return EntityHistoryResponse(
        history=attributes_where(
            work,
            work.readable(lens),
            f"name_id = :name_id AND key = :key AND {moment.history_condition}",
            {"name_id": name_id, "key": key, **moment.parameters},
            order="a.known_from DESC, a.id DESC",
        )
    )


def delete_entity(work: Work, entity_type: str, name: str, *, lens: ScopeSet | None) -> None:
    """End an entity's live rows within the forget region; earlier states stay readable.

    A lens confines it to the subtrees that it names. Rows that others own as well stay theirs.

    Raises:
        Problem: 403, `memory:forget` is granted nowhere.
    """
    readable = work.removable(lens)
    name_id = find_name(work, normalised(entity_type, name))
    if name_id is None:
        return
    found: dict[str, set[int]] = {}
    for kind, mine in _OWN_ROWS.items():
        rows = work.connection.execute(
            f"SELECT id FROM {kind} WHERE {mine} AND {readable.condition}"  # noqa: S608  # constant parts
            " AND (known_until IS NULL OR known_until > :now)",
            {"name_id": name_id, "readable": readable.parameter, "now": work.now},
        )
        found[kind] = {row[0] for row in rows}
    give_up_shares(work, found, subtrees(lens), erase=False)
    for kind, row_ids in found.items():
        close_many(work, kind, sorted(row_ids), Closing(work.now, work.now, work.now))


_OWN_ROWS = {
    "attribute": "name_id = :name_id",
    "relation": "(subject_id = :name_id OR object_id = :name_id)",
    "entity": "name_id = :name_id",
}
