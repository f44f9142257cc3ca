"""Rows that several owners share: an OR of clauses, of which one owner takes back his own.

Who forgets such a row gives up his share of it, its history included; the row moves to the scope
set of the clauses that are left, so that the others keep it as it is and nobody sees more than
before. Imports `work`, `search` and `scopes`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from spectron_adapters.local.knowledge.fact_rows import search_ids
from spectron_adapters.local.search.retrieval import IndexRow, add_rows, remove_rows
from spectron_adapters.local.tracing.traces import redact_traces
from spectron_adapters.local.work import Work
from spectron_adapters.scopes import ScopeSet, passes_lens

__all__ = ["give_up_shares", "left_to_others"]

_SEARCH_KINDS = {"turn": "memory_chunk"}


def give_up_shares(
    work: Work, found: Mapping[str, set[int]], lens: ScopeSet | None, *, erase: bool
) -> None:
    """Move the rows that others own as well out of the caller's reach, and out of `found`.

    Args:
        work: In a write transaction.
        found: Rows to forget by table, all within the caller's forget region; what remains is
            the caller's alone.
        lens: The subtrees that the request is confined to, as `work.removable` takes it.
        erase: Whether traces that found the rows lose their words.
    """
    for table, row_ids in found.items():
        for target, moving in _shared(work, table, row_ids, lens).items():
            if table == "entity":
                _move_entities(work, moving, target)
            else:
                _move(work, table, moving, target, erase=erase)
            row_ids.difference_update(moving)


def _shared(
    work: Work, table: str, row_ids: Iterable[int], lens: ScopeSet | None
) -> dict[int, list[int]]:
    """The rows that have other owners, by the scope set that is left to those."""
    rows = work.connection.execute(
        f"SELECT id, scope_set_id FROM {table} WHERE id IN (SELECT value FROM json_each(?))",  # noqa: S608  # constant names
        (json.dumps(sorted(row_ids)),),
    ).fetchall()
    left = {scope_set_id: left_to_others(work, scope_set_id, lens) for _, scope_set_id in rows}
    targets = {origin: work.intern(scopes) for origin, scopes in left.items() if scopes}
    moving: dict[int, list[int]] = defaultdict(list)
    for row_id, origin in rows:
        if origin in targets:
            moving[targets[origin]].append(row_id)
    return moving


def left_to_others(work: Work, scope_set_id: int, lens: ScopeSet | None) -> ScopeSet | None:
    """The clauses of a set that are not the caller's to forget; None when all are.

    Args:
        work: In a transaction.
        scope_set_id: The set.
        lens: The subtrees that the request is confined to.
    """
    region = work.caller.region("memory:forget")
    clauses = work.catalog.clauses(work.connection, scope_set_id)
    kept = tuple(clause for clause in clauses if not passes_lens((clause,), region, lens))
    return ScopeSet(kept) if kept else None


# --- moving -------------------------------------------------------------------------------------


def _move(work: Work, table: str, row_ids: Sequence[int], target: int, *, erase: bool) -> None:
    if table in ("attribute", "relation"):
        _copy_entities(work, table, row_ids, target)
    moved = {"target": target, "rows": json.dumps(row_ids)}
    within = "IN (SELECT value FROM json_each(:rows))"
    if table == "attribute":
        work.connection.execute(_MOVE_QUESTIONS, moved)
    work.connection.execute(
        f"UPDATE {table} SET scope_set_id = :target WHERE id {within}",  # noqa: S608  # constant names
        moved,
    )
    if table == "turn":
        for read_from_it in ("instruction", "uncertainty"):
            work.connection.execute(
                f"UPDATE {read_from_it} SET scope_set_id = :target WHERE turn_id {within}",  # noqa: S608  # constant names
                moved,
            )
    old = search_ids(work, _SEARCH_KINDS.get(table, table), row_ids)
    if erase:
        redact_traces(work.connection, work.context_id, old)
    _index_again(work, old, target)


_MOVE_QUESTIONS = """
UPDATE uncertainty SET scope_set_id = :target WHERE EXISTS (
  SELECT 1 FROM attribute AS a WHERE a.id IN (SELECT value FROM json_each(:rows))
    AND a.name_id = uncertainty.name_id AND a.scope_set_id = uncertainty.scope_set_id
    AND substr(uncertainty.about, -length(' · ' || a.key)) = ' · ' || a.key)
"""

_INDEXED = (
    "context_id, kind, target_id, text, known_from, valid_from, system_from, known_until,"
    " valid_until, system_until, session_id, seq, part, role, speaker, importance"
)


def _index_again(work: Work, row_ids: Sequence[int], target: int, *, remove: bool = True) -> None:
    """Enter search rows under another scope set, with their labels."""
    names = _INDEXED.replace(",", " ").split()
    rows = work.connection.execute(
        f"SELECT id, {_INDEXED} FROM search_row WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608  # constant names
        " ORDER BY id",
        (json.dumps(row_ids),),
    ).fetchall()
    labels: dict[int, set[str]] = defaultdict(set)
    for row_id, label in work.connection.execute(
        "SELECT row_id, label FROM search_label WHERE row_id IN (SELECT value FROM json_each(?))",
        (json.dumps(row_ids),),
    ):
        labels[row_id].add(label)
    if remove:
        remove_rows(work.connection, row_ids)
    again = [
        IndexRow(
            **dict(zip(names, values, strict=True)),
            scope_set_id=target,
            labels=frozenset(labels[row_id]),
        )
        for row_id, *values in rows
    ]
    if again:
        add_rows(work.connection, again)


# --- entities -----------------------------------------------------------------------------------


def _move_entities(work: Work, row_ids: Sequence[int], target: int) -> None:
    """Move entities, or let them go where the others have the same one already."""
    _copy_rows(work, "SELECT value FROM json_each(:rows)", {"rows": json.dumps(row_ids)}, target)
    remove_rows(work.connection, search_ids(work, "entity", row_ids))
    work.connection.executemany("DELETE FROM entity WHERE id = ?", [(row,) for row in row_ids])


_NAMES = {
    "attribute": "SELECT name_id, scope_set_id FROM attribute WHERE id IN"
    " (SELECT value FROM json_each(:rows))",
    "relation": "SELECT subject_id, scope_set_id FROM relation WHERE id IN"
    " (SELECT value FROM json_each(:rows)) UNION SELECT object_id, scope_set_id FROM relation"
    " WHERE id IN (SELECT value FROM json_each(:rows))",
}


def _copy_entities(work: Work, table: str, row_ids: Sequence[int], target: int) -> None:
    """Give the others the entities that the facts are about."""
    selection = (
        "SELECT id FROM entity WHERE known_until IS NULL"  # noqa: S608  # constant parts
        f" AND (name_id, scope_set_id) IN ({_NAMES[table]})"
    )
    _copy_rows(work, selection, {"rows": json.dumps(row_ids)}, target)


_ENTITY = (
    "context_id, name_id, display_name, category, known_from, known_until, valid_from,"
    " valid_until, system_from, system_until, updated_at"
)


def _copy_rows(work: Work, selection: str, parameters: Mapping[str, object], target: int) -> None:
    originals = work.connection.execute(
        f"SELECT id FROM entity AS e WHERE id IN ({selection}) AND NOT EXISTS (SELECT 1 FROM entity"  # noqa: S608  # constant parts
        " WHERE name_id = e.name_id AND scope_set_id = :target AND known_until IS NULL)"
        " ORDER BY id",
        {**parameters, "target": target},
    ).fetchall()
    for (original,) in originals:
        cursor = work.connection.execute(
            f"INSERT OR IGNORE INTO entity (scope_set_id, {_ENTITY})"  # noqa: S608  # constant names
            f" SELECT ?, {_ENTITY} FROM entity WHERE id = ?",
            (target, original),
        )
        if cursor.rowcount == 0:  # an older one of the same name was copied just now
            continue
        _index_again(work, search_ids(work, "entity", [original]), target, remove=False)
        work.connection.execute(
            "UPDATE search_row SET target_id = ? WHERE kind = 'entity' AND target_id = ?"
            " AND scope_set_id = ?",
            (cursor.lastrowid, original, target),
        )
