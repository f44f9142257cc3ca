"""Ending rows, and erasing rows and whole scopes with all that repeats their words.

Of a row that several scopes own together (an OR of clauses) the caller gives up his share, and
the others keep it; forgetting a whole scope erases it for all of them.

Imports `work`, `matching`, `fact_rows`, `sharing`, `documents`, `traces` and the standard
library.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from spectron_adapters.local.documents.erasing import erase_documents
from spectron_adapters.local.extraction.statements import normalise_name
from spectron_adapters.local.forgetting.matching import Forgotten
from spectron_adapters.local.forgetting.sharing import give_up_shares
from spectron_adapters.local.forgetting.stored_answers import Erased, empty_answers
from spectron_adapters.local.knowledge.fact_rows import (
    Closing,
    close_many,
    close_search_rows,
    search_ids,
)
from spectron_adapters.local.language.response_cache import forget_responses
from spectron_adapters.local.search.retrieval import remove_rows
from spectron_adapters.local.tracing.traces import redact_scope, redact_traces
from spectron_adapters.local.work import Work, subtrees
from spectron_adapters.scopes import Scope, ScopeSet

__all__ = ["close_matches", "end_rows", "erase", "erase_scope"]

_FACTS = ("attribute", "relation", "entity")


# --- ending -------------------------------------------------------------------------------------


def close_matches(work: Work, found: Forgotten, lens: ScopeSet | None = None) -> None:
    """End rows now: current reads no longer show them, reads of earlier times do.

    Args:
        work: In a write transaction.
        found: Rows within the forget region and the lens.
        lens: As `find_matches` was given it.
    """
    give_up_shares(work, found.tables, subtrees(lens), erase=False)
    end_rows(work, found)


def end_rows(work: Work, found: Forgotten) -> None:
    """End rows now that belong to the caller alone, and what was read from them."""
    closing = Closing(work.now, work.now, work.now)
    for kind in _FACTS:
        close_many(work, kind, sorted(found.of(kind)), closing)
    turns = sorted(found.turn)
    close_search_rows(work, "memory_chunk", turns, closing)
    _count_gaps(work, turns)
    for statement in _HIDE.split(";"):
        work.connection.execute(
            statement,
            {
                "now": work.now,
                "turns": json.dumps(turns),
                "attributes": json.dumps(sorted(found.attribute)),
            },
        )


_HIDE = """
UPDATE turn SET hidden_at = :now
  WHERE id IN (SELECT value FROM json_each(:turns)) AND hidden_at IS NULL;
UPDATE instruction SET known_until = :now
  WHERE turn_id IN (SELECT value FROM json_each(:turns)) AND known_until IS NULL;
UPDATE uncertainty SET resolved_at = :now
  WHERE turn_id IN (SELECT value FROM json_each(:turns)) AND resolved_at IS NULL;
UPDATE uncertainty SET resolved_at = :now WHERE resolved_at IS NULL AND EXISTS (
  SELECT 1 FROM attribute AS gone WHERE gone.id IN (SELECT value FROM json_each(:attributes))
    AND gone.name_id = uncertainty.name_id AND gone.scope_set_id = uncertainty.scope_set_id
    AND substr(uncertainty.about, -length(' · ' || gone.key)) = ' · ' || gone.key
    AND (SELECT count(*) FROM attribute AS kept WHERE kept.name_id = gone.name_id
      AND kept.scope_set_id = gone.scope_set_id AND kept.key = gone.key
      AND kept.superseded_by IS NULL AND (kept.known_until IS NULL OR kept.known_until > :now)
    ) <= 1)
"""


def _count_gaps(work: Work, turns: Sequence[int]) -> None:
    """Note in the sessions that their transcripts have gaps."""
    work.connection.execute(
        "UPDATE session SET hidden_turns = hidden_turns + 1 WHERE id IN"
        " (SELECT session_id FROM turn WHERE seq IS NOT NULL"
        "  AND id IN (SELECT value FROM json_each(?)))",
        (json.dumps(turns),),
    )


# --- erasing ------------------------------------------------------------------------------------


def erase(work: Work, found: Forgotten, lens: ScopeSet | None = None) -> None:
    """Delete rows with all that repeats their words. The file is cleaned by the caller.

    Args:
        work: In a write transaction.
        found: Rows within the forget region and the lens.
        lens: As `find_matches` was given it.
    """
    work.connection.execute(
        "UPDATE session SET metadata = NULL WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(found.session)),),
    )
    _add_orphans(work, found, _texts_of(work, found))
    _forget_answers(work, Erased(work, _sets_of(work, found)))
    give_up_shares(work, found.tables, subtrees(lens), erase=True)
    names = _names_of(work, found)
    _erase_rows(work, found)
    _erase_unused_names(work, names)


def _sets_of(work: Work, found: Forgotten) -> set[int]:
    tables = {**found.tables, "session": found.session}
    return {
        row[0]
        for table, row_ids in tables.items()
        for row in work.connection.execute(
            f"SELECT DISTINCT scope_set_id FROM {table}"  # noqa: S608  # constant names
            " WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(sorted(row_ids)),),
        )
    }


def _forget_answers(work: Work, erased: Erased) -> None:
    empty_answers(work, erased)
    forget_responses(work, erased)


def _texts_of(work: Work, found: Forgotten) -> list[str]:
    texts = []
    for kind, table in (("memory_chunk", "turn"), *((kind, kind) for kind in _FACTS)):
        rows = work.connection.execute(
            "SELECT text FROM search_row WHERE kind = ? AND target_id IN"
            " (SELECT value FROM json_each(?))",
            (kind, json.dumps(sorted(found.of(table)))),
        )
        texts += [row[0] for row in rows]
    return texts


def _add_orphans(work: Work, found: Forgotten, texts: Iterable[str]) -> None:
    """Add entities that nothing but erased words mentions."""
    erased = "_".join(["", *(_normalised(text) for text in texts), ""])
    rows = work.connection.execute(
        "SELECT e.id, n.name FROM entity AS e JOIN entity_name AS n ON n.id = e.name_id"
        " WHERE e.scope_set_id IN (SELECT scope_set_id FROM turn WHERE id IN"
        "  (SELECT value FROM json_each(:turns)) UNION SELECT scope_set_id FROM attribute"
        "  WHERE id IN (SELECT value FROM json_each(:attributes)))"
        " AND NOT EXISTS (SELECT 1 FROM attribute AS a WHERE a.name_id = e.name_id"
        "  AND a.scope_set_id = e.scope_set_id"
        "  AND a.id NOT IN (SELECT value FROM json_each(:attributes)))"
        " AND NOT EXISTS (SELECT 1 FROM relation AS r"
        "  WHERE e.name_id IN (r.subject_id, r.object_id) AND r.scope_set_id = e.scope_set_id"
        "  AND r.id NOT IN (SELECT value FROM json_each(:relations)))",
        {
            "turns": json.dumps(sorted(found.turn)),
            "attributes": json.dumps(sorted(found.attribute)),
            "relations": json.dumps(sorted(found.relation)),
        },
    )
    found.entity.update(row[0] for row in rows if f"_{row[1]}_" in erased)


def _normalised(text: str) -> str:
    try:
        return normalise_name(text)
    except ValueError:
        return ""


def _erase_rows(work: Work, found: Forgotten) -> None:
    turns = sorted(found.turn)
    row_ids = search_ids(work, "memory_chunk", turns)
    for kind in _FACTS:
        row_ids += search_ids(work, kind, sorted(found.of(kind)))
    remove_rows(work.connection, row_ids)
    redact_traces(work.connection, work.context_id, row_ids)
    _count_gaps(work, turns)
    for statement in _ERASE.split(";"):
        work.connection.execute(
            statement,
            {
                "turns": json.dumps(turns),
                "attributes": json.dumps(sorted(found.attribute)),
                "relations": json.dumps(sorted(found.relation)),
                "entities": json.dumps(sorted(found.entity)),
            },
        )


_ERASE = """
DELETE FROM instruction WHERE turn_id IN (SELECT value FROM json_each(:turns));
DELETE FROM uncertainty WHERE turn_id IN (SELECT value FROM json_each(:turns))
  OR (name_id, scope_set_id) IN (
    SELECT name_id, scope_set_id FROM attribute
      WHERE id IN (SELECT value FROM json_each(:attributes))
    UNION SELECT name_id, scope_set_id FROM entity
      WHERE id IN (SELECT value FROM json_each(:entities)));
DELETE FROM observation WHERE attribute_id IN (SELECT value FROM json_each(:attributes));
DELETE FROM document_fact WHERE (kind = 'attribute'
  AND fact_id IN (SELECT value FROM json_each(:attributes)))
  OR (kind = 'relation' AND fact_id IN (SELECT value FROM json_each(:relations)));
DELETE FROM proof WHERE turn_id IN (SELECT value FROM json_each(:turns));
DELETE FROM attribute WHERE id IN (SELECT value FROM json_each(:attributes));
DELETE FROM relation WHERE id IN (SELECT value FROM json_each(:relations));
DELETE FROM entity WHERE id IN (SELECT value FROM json_each(:entities));
UPDATE attribute SET turn_id = NULL WHERE turn_id IN (SELECT value FROM json_each(:turns));
UPDATE relation SET turn_id = NULL WHERE turn_id IN (SELECT value FROM json_each(:turns));
DELETE FROM turn WHERE id IN (SELECT value FROM json_each(:turns))
"""


def _names_of(work: Work, found: Forgotten) -> set[int]:
    rows = work.connection.execute(
        "SELECT name_id FROM attribute WHERE id IN (SELECT value FROM json_each(:attributes))"
        " UNION SELECT name_id FROM entity WHERE id IN (SELECT value FROM json_each(:entities))"
        " UNION SELECT subject_id FROM relation"
        "  WHERE id IN (SELECT value FROM json_each(:relations))"
        " UNION SELECT object_id FROM relation"
        "  WHERE id IN (SELECT value FROM json_each(:relations))",
        {
            "attributes": json.dumps(sorted(found.attribute)),
            "entities": json.dumps(sorted(found.entity)),
            "relations": json.dumps(sorted(found.relation)),
        },
    )
    return {row[0] for row in rows}


def _erase_unused_names(work: Work, names: Iterable[int]) -> None:
    work.connection.execute(
        "DELETE FROM entity_name WHERE id IN (SELECT value FROM json_each(?))"
        " AND NOT EXISTS (SELECT 1 FROM entity WHERE name_id = entity_name.id)"
        " AND NOT EXISTS (SELECT 1 FROM attribute WHERE name_id = entity_name.id)"
        " AND NOT EXISTS (SELECT 1 FROM uncertainty WHERE name_id = entity_name.id)"
        " AND NOT EXISTS (SELECT 1 FROM relation WHERE subject_id = entity_name.id)"
        " AND NOT EXISTS (SELECT 1 FROM relation WHERE object_id = entity_name.id)",
        (json.dumps(sorted(names)),),
    )


# --- whole scopes -------------------------------------------------------------------------------


def erase_scope(work: Work, scope: Scope) -> int:
    """Delete every row with a clause that touches a scope's subtree.

    What others own as well goes for all of them, even what the caller may not read.

    Returns:
        How many rows of entities, facts, sessions, turns, documents and passages these were, of
        those within the caller's forget region.
    """
    touching = _sets_touching(work, scope)
    _forget_answers(work, Erased(work, touching))
    region = work.removable()
    told = [each for each in touching if region.allows(each)]
    forgotten = _erase_sets(work, told)
    _erase_sets(work, [each for each in touching if not region.allows(each)])
    redact_scope(work, scope)
    return forgotten


def _erase_sets(work: Work, scope_set_ids: Sequence[int]) -> int:
    """Delete every row that carries one of some scope sets; returns how many."""
    sets = json.dumps(list(scope_set_ids))
    within = "scope_set_id IN (SELECT value FROM json_each(?))"
    found = Forgotten()
    for kind in ("attribute", "relation", "entity", "turn"):
        rows = work.connection.execute(f"SELECT id FROM {kind} WHERE {within}", (sets,))  # noqa: S608  # constant names
        found.of(kind).update(row[0] for row in rows)
    names = _names_of(work, found)
    forgotten = found.count + erase_documents(work, scope_set_ids)
    _erase_rows(work, found)
    leftover = work.connection.execute(
        f"SELECT id FROM search_row WHERE {within}",  # noqa: S608  # constant parts
        (sets,),
    )
    remove_rows(work.connection, [row[0] for row in leftover])
    for table in ("instruction", "uncertainty", "session"):
        deleted = work.connection.execute(f"DELETE FROM {table} WHERE {within}", (sets,))  # noqa: S608  # constant names
        forgotten += deleted.rowcount
    for table in ("proof", "lifecycle_run"):
        work.connection.execute(f"DELETE FROM {table} WHERE {within}", (sets,))  # noqa: S608  # constant names
    _erase_unused_names(work, names)
    return forgotten


def _sets_touching(work: Work, scope: Scope) -> list[int]:
    below = "" if not scope.segments else scope.path + "/"
    rows = work.connection.execute(
        "SELECT DISTINCT scope_set_id FROM scope_set_path WHERE context_id = :context"
        " AND (path = :path OR (path >= :below AND path < :after))",
        {
            "context": work.context_id,
            "path": scope.path,
            "below": below,
            "after": below[:-1] + "0" if below else chr(0x10FFFF),
        },
    )
    return [row[0] for row in rows]
