"""Writing rows of the graph together with their search rows.

New and closed rows are collected and written to the index at the end, new ones first, so that a
row made and closed by one request is both. Imports `work`, `retrieval` and `extraction`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from spectron_adapters.local.conversation.ingestion import CATEGORY_IMPORTANCE
from spectron_adapters.local.extraction.statements import EntityRef
from spectron_adapters.local.search.retrieval import IndexRow, add_rows, close_rows
from spectron_adapters.local.work import Work

__all__ = [
    "Closing",
    "FactRows",
    "Origin",
    "attribute_text",
    "close_many",
    "close_search_rows",
    "entity_id",
    "entity_text",
    "find_name",
    "relation_text",
    "search_ids",
]

_INDEXED_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Origin:
    """Where statements come from.

    Attributes:
        kind: `turn`, `upsert` and so on, as in an attribute's `source`.
        turn_id: The turn; None for what was said in none.
        known_at: Their known time.
    """

    kind: str
    turn_id: int | None
    known_at: int

    @property
    def is_authoritative(self) -> bool:
        """Whether somebody curated it, rather than said it."""
        return self.kind in AUTHORITATIVE


AUTHORITATIVE = frozenset({"document", "upsert"})


@dataclass(frozen=True, slots=True)
class Closing:
    """When a row ends on each clock; None leaves a clock as it is."""

    valid_until: int | None
    known_until: int | None
    system_until: int | None


@dataclass(frozen=True, slots=True)
class KeptEntity:
    """An entity within one scope set."""

    name_id: int
    public_id: str
    display_name: str
    is_new: bool


def entity_id(entity_type: str, name: str) -> str:
    """The public id of an entity, from its normalised type and name."""
    return f"entity:{entity_type}/{name}"


def entity_text(display_name: str, entity_type: str) -> str:
    """What a hit shows of an entity."""
    return f"{display_name} ({entity_type})"


def attribute_text(display_name: str, key: str, value: str) -> str:
    """What a hit shows of an attribute: readable, and searchable by name, key and value."""
    return f"{display_name} · {key.replace('_', ' ')}: {value}"[:_INDEXED_CHARACTERS]


def relation_text(subject: str, label: str, target: str) -> str:
    """What a hit shows of a relation."""
    return f"{subject} · {label.replace('_', ' ')} · {target}"[:_INDEXED_CHARACTERS]


def find_name(work: Work, key: tuple[str, str]) -> int | None:
    """The number of a normalised type and name, if any row has used it."""
    row = work.connection.execute(
        "SELECT id FROM entity_name WHERE context_id = ? AND name = ? AND type = ?",
        (work.context_id, key[1], key[0]),
    ).fetchone()
    return None if row is None else int(row[0])


def search_ids(work: Work, kind: str, target_ids: Sequence[int]) -> list[int]:
    """The search rows of some rows of a kind."""
    rows = work.connection.execute(
        "SELECT id FROM search_row WHERE kind = ?"
        " AND target_id IN (SELECT value FROM json_each(?))",
        (kind, json.dumps(list(target_ids))),
    )
    return [row[0] for row in rows]


class FactRows:
    """The rows that one request writes to one scope set."""

    def __init__(self, work: Work, scope_set_id: int, *, labels: frozenset[str]) -> None:
        self._work = work
        self.scope_set_id = scope_set_id
        self._labels = labels
        self._new: list[IndexRow] = []
        self._closed: list[tuple[str, int, Closing]] = []
        self.rows_touched = 0

    def index(
        self,
        kind: str,
        target_id: int,
        text: str,
        *,
        category: str,
        known_from: int,
        valid_from: int,
        ends: Closing = Closing(None, None, None),
    ) -> None:
        """Have a new row found by search."""
        self.rows_touched += 1
        self._new.append(
            IndexRow(
                context_id=self._work.context_id,
                kind=kind,
                target_id=target_id,
                scope_set_id=self.scope_set_id,
                text=text,
                known_from=known_from,
                valid_from=valid_from,
                system_from=self._work.now,
                known_until=ends.known_until,
                valid_until=ends.valid_until,
                system_until=ends.system_until,
                importance=CATEGORY_IMPORTANCE.get(category, CATEGORY_IMPORTANCE["context"]),
                labels=self._labels,
            )
        )

    def close(self, kind: str, target_id: int, closing: Closing) -> None:
        """End a row; an earlier end stays."""
        self.rows_touched += 1
        self._work.connection.execute(_CLOSE[kind], (*_pairs(closing), target_id))
        self._closed.append((kind, target_id, closing))

    def flush(self) -> None:
        """Write the index."""
        if self._new:
            add_rows(self._work.connection, self._new)
            self._new.clear()
        for kind, target_id, closing in self._closed:
            close_search_rows(self._work, kind, [target_id], closing)
        self._closed.clear()

    def keep_entity(
        self, entity: EntityRef, category: str, known_at: int, *, valid_from: int
    ) -> KeptEntity:
        """The live entity of this scope set, made when there is none.

        A statement about an earlier time moves the entity's beginning back.
        """
        entity_type, name = entity.key
        name_id = self._keep_name(entity_type, name)
        public_id = entity_id(entity_type, name)
        row = self._work.connection.execute(
            "SELECT id, display_name, known_from, updated_at, valid_from FROM entity"
            " WHERE name_id = ? AND scope_set_id = ? AND known_until IS NULL",
            (name_id, self.scope_set_id),
        ).fetchone()
        if row is None:
            self._insert_entity(entity, name_id, category, known_at=known_at, valid_from=valid_from)
            return KeptEntity(name_id, public_id, entity.name, is_new=True)
        if known_at < row[2] or known_at > row[3] or valid_from < row[4]:
            self._stretch(row[0], known_at, valid_from)
        return KeptEntity(name_id, public_id, row[1], is_new=False)

    def _keep_name(self, entity_type: str, name: str) -> int:
        known = find_name(self._work, (entity_type, name))
        if known is not None:
            return known
        cursor = self._work.connection.execute(
            "INSERT INTO entity_name (context_id, type, name) VALUES (?, ?, ?)",
            (self._work.context_id, entity_type, name),
        )
        return int(cursor.lastrowid or 0)

    def _insert_entity(
        self,
        entity: EntityRef,
        name_id: int,
        category: str,
        *,
        known_at: int,
        valid_from: int,
    ) -> None:
        cursor = self._work.connection.execute(
            "INSERT INTO entity (context_id, name_id, scope_set_id, display_name, category,"
            " known_from, valid_from, system_from, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._work.context_id,
                name_id,
                self.scope_set_id,
                entity.name,
                category,
                known_at,
                valid_from,
                self._work.now,
                known_at,
            ),
        )
        self.index(
            "entity",
            int(cursor.lastrowid or 0),
            entity_text(entity.name, entity.key[0]),
            category=category,
            known_from=known_at,
            valid_from=valid_from,
        )

    def _stretch(self, entity_row: int, known_at: int, valid_from: int) -> None:
        self._work.connection.execute(
            "UPDATE entity SET known_from = min(known_from, :at),"
            " valid_from = min(valid_from, :start), updated_at = max(updated_at, :at)"
            " WHERE id = :id",
            {"at": known_at, "start": valid_from, "id": entity_row},
        )
        self._work.connection.execute(
            "UPDATE search_row SET known_from = min(known_from, :at),"
            " valid_from = min(valid_from, :start) WHERE kind = 'entity' AND target_id = :id",
            {"at": known_at, "start": valid_from, "id": entity_row},
        )


def close_many(work: Work, kind: str, target_ids: Sequence[int], closing: Closing) -> None:
    """End rows of one kind, in their table and in the index; an earlier end stays."""
    ends = _pairs(closing)
    work.connection.executemany(_CLOSE[kind], [(*ends, target_id) for target_id in target_ids])
    close_search_rows(work, kind, target_ids, closing)


def close_search_rows(work: Work, kind: str, target_ids: Sequence[int], closing: Closing) -> None:
    """End what the index holds of some rows."""
    close_rows(
        work.connection,
        search_ids(work, kind, target_ids),
        valid_until=closing.valid_until,
        known_until=closing.known_until,
        system_until=closing.system_until,
    )


def _pairs(closing: Closing) -> tuple[int | None, ...]:
    ends = (closing.valid_until, closing.known_until, closing.system_until)
    return tuple(end for each in ends for end in (each, each))


_ENDS = ", ".join(
    f"{column} = coalesce(min({column}, ?), ?, {column})"
    for column in ("valid_until", "known_until", "system_until")
)
_CLOSE = {
    table: f"UPDATE {table} SET {_ENDS} WHERE id = ?"  # noqa: S608  # constant names
    for table in ("attribute", "relation", "entity")
}
