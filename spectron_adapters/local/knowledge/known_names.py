"""What an extractor is told of the names in use.

Only rows of the scope set that is being written are told: what one user calls things must not
shape what is stored for another. Imports `work`, `extraction` and `scopes`.
"""

from __future__ import annotations

from dataclasses import replace

from spectron_adapters.local.extraction.statements import (
    EntityRef,
    KnownAttribute,
    KnownNames,
    Statements,
)
from spectron_adapters.local.work import Work
from spectron_adapters.scopes import ScopeSet

__all__ = ["known_names", "known_with"]

_NEWEST = 200
_NAME_MAX = 200
_VALUE_MAX = 2000


def known_names(work: Work, scopes: ScopeSet) -> KnownNames:
    """The newest names, keys, labels, instructions and attributes of a scope set.

    What is too long to be said in a sentence is left out: it would cost every turn its time.
    """
    scope_set_id = work.catalog.find(work.connection, work.context_id, scopes)
    if scope_set_id is None:
        return KnownNames()
    entities = _rows(
        work,
        "SELECT n.type, e.display_name FROM entity AS e JOIN entity_name AS n ON n.id = e.name_id"
        " WHERE e.scope_set_id = :scopes AND e.known_until IS NULL"
        " AND length(e.display_name) <= :name_max ORDER BY e.id DESC LIMIT :newest",
        scope_set_id,
    )
    attributes = _rows(
        work,
        "SELECT n.type, e.display_name, a.key, a.value FROM attribute AS a"
        " JOIN entity_name AS n ON n.id = a.name_id"
        " JOIN entity AS e ON e.name_id = a.name_id AND e.scope_set_id = a.scope_set_id"
        "  AND e.known_until IS NULL"
        " WHERE a.scope_set_id = :scopes AND a.known_until IS NULL"
        " AND length(e.display_name) <= :name_max AND length(a.key) <= :name_max"
        " AND length(a.value) <= :value_max ORDER BY a.id DESC LIMIT :newest",
        scope_set_id,
    )
    labels = _rows(
        work,
        "SELECT label FROM relation WHERE scope_set_id = :scopes AND known_until IS NULL"
        " AND length(label) <= :name_max ORDER BY id DESC LIMIT :newest",
        scope_set_id,
    )
    instructions = _rows(
        work,
        "SELECT label FROM instruction WHERE scope_set_id = :scopes AND known_until IS NULL"
        " AND length(label) <= :name_max ORDER BY id DESC LIMIT :newest",
        scope_set_id,
    )
    return KnownNames(
        entities=tuple(EntityRef(*row) for row in entities),
        keys=tuple(dict.fromkeys(row[2] for row in attributes)),
        labels=tuple(dict.fromkeys(row[0] for row in labels)),
        instructions=tuple(row[0] for row in instructions),
        attributes=tuple(
            KnownAttribute(EntityRef(row[0], row[1]), row[2], row[3]) for row in attributes
        ),
    )


def _rows(work: Work, sql: str, scope_set_id: int) -> list[tuple[str, ...]]:
    """The newest rows, oldest first."""
    parameters = {
        "scopes": scope_set_id,
        "newest": _NEWEST,
        "name_max": _NAME_MAX,
        "value_max": _VALUE_MAX,
    }
    rows = work.connection.execute(sql, parameters).fetchall()
    return rows[::-1]


def known_with(known: KnownNames, statements: Statements) -> KnownNames:
    """The newest names in use once statements have been stored."""
    attributes = [item for item in statements.attributes if not item.negated]
    changed = {(item.entity.key, item.key) for item in statements.attributes}
    kept = [item for item in known.attributes if (item.entity.key, item.key) not in changed]
    told = [KnownAttribute(item.entity, item.key, item.value) for item in attributes]
    revoked = {item.label for item in statements.instructions if item.revoked}
    given = [item.label for item in statements.instructions if not item.revoked]
    return replace(
        known,
        entities=(
            *known.entities,
            *(EntityRef(item.type, item.name) for item in statements.entities),
        )[-_NEWEST:],
        keys=tuple(dict.fromkeys([*known.keys, *(item.key for item in attributes)]))[-_NEWEST:],
        labels=tuple(
            dict.fromkeys([*known.labels, *(item.label for item in statements.relations)])
        )[-_NEWEST:],
        instructions=tuple(
            label for label in (*known.instructions, *given) if label not in revoked
        )[-_NEWEST:],
        attributes=(*kept, *told)[-_NEWEST:],
    )
