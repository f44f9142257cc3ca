"""Forgetting by words, and erasing whole scopes.

A row matches when it holds at least three quarters of the query's content words, compared as
recall compares them (stems, no stop words, no words of command such as "forget everything
about"): all of one, two or three words, three of four, four of five. A query of nothing but stop
words matches nothing. What was said goes with what was read from it: the turns that a matching
fact was read from, whole; and when erasing, the whole chain of the fact. A row that several
scopes own together (an OR of clauses) is one row: who may forget it forgets it for all of them.

Imports `work`, `fact_rows`, `retrieval`, `text` and the standard library.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from spectron_adapters.local.extraction.statements import normalise_name
from spectron_adapters.local.fact_rows import Closing, close_many, close_search_rows, search_ids
from spectron_adapters.local.idempotency import forget_answers
from spectron_adapters.local.scope_catalog import ReadableSets
from spectron_adapters.local.search.reading import Postings
from spectron_adapters.local.search.retrieval import RowFilter, remove_rows
from spectron_adapters.local.search.text import STOP_WORDS, parse_query, words
from spectron_adapters.local.traces import redact_traces
from spectron_adapters.local.work import Work
from spectron_adapters.scopes import Scope, ScopeSet

__all__ = ["COVERAGE", "Forgotten", "close_matches", "erase", "erase_scope", "find_matches"]

COVERAGE = 0.75
"""Share of a query's content words that a row must hold to be forgotten."""

_COMMAND = re.compile(
    r"^\s*(?:please\s+)?(?:forget|delete|erase|remove|drop)\b"
    r"(?:\s+(?:everything|anything|all|that|what))*"
    r"(?:\s+(?:you|we)\s+(?:know|knew|said|remember|have))?"
    r"(?:\s+(?:about|on|of|regarding))?\s+",
    re.IGNORECASE,
)
_KINDS = frozenset({"entity", "attribute", "relation", "memory_chunk"})
_FACTS = ("attribute", "relation", "entity")


@dataclass(slots=True)
class Forgotten:
    """The rows to forget, by table."""

    attribute: set[int] = field(default_factory=set)
    relation: set[int] = field(default_factory=set)
    entity: set[int] = field(default_factory=set)
    turn: set[int] = field(default_factory=set)

    @property
    def count(self) -> int:
        """How many rows these are."""
        return len(self.attribute) + len(self.relation) + len(self.entity) + len(self.turn)

    def of(self, kind: str) -> set[int]:
        """The rows of a table."""
        sets = {
            "attribute": self.attribute,
            "relation": self.relation,
            "entity": self.entity,
            "turn": self.turn,
        }
        return sets[kind]


# --- matching -----------------------------------------------------------------------------------


def find_matches(work: Work, query: str, *, purge: bool, lens: ScopeSet | None = None) -> Forgotten:
    """The rows within the forget region that a query means.

    Args:
        work: In a transaction.
        query: What to forget, in words.
        lens: Only rows in the subtrees that it names.
        purge: Whether to look at rows that have ended as well, and to take whole chains.

    Raises:
        Problem: 403, `memory:forget` is granted nowhere.
    """
    region = work.removable(lens)
    found = Forgotten()
    terms = _content_terms(query)
    for kind, target_id in _matching_rows(work, terms, region, ended=purge):
        found.of("turn" if kind == "memory_chunk" else kind).add(target_id)
    if purge:
        _add_chains(work, found, region)
    _add_turns(work, found, region)
    return found


def _content_terms(query: str) -> tuple[str, ...]:
    meant = _COMMAND.sub("", query, count=1)
    if STOP_WORDS.issuperset(words(meant)):
        return ()
    return parse_query(meant).terms


def _matching_rows(
    work: Work, terms: Sequence[str], region: ReadableSets, *, ended: bool
) -> list[tuple[str, int]]:
    if region.ids is not None and not region.ids:
        return []
    chosen = RowFilter(
        context_id=work.context_id,
        scope_set_ids=region.ids,
        excluded_scope_set_ids=region.excluded,
        kinds=_KINDS,
        now=work.now,
    )
    postings = Postings.of(work.connection, chosen)
    held = Counter(row_id for term in terms for row_id in postings.read(term))
    needed = math.ceil(COVERAGE * len(terms))
    rows = work.connection.execute(
        "SELECT DISTINCT kind, target_id FROM search_row"  # noqa: S608  # constant parts
        " WHERE id IN (SELECT value FROM json_each(:rows)) AND context_id = :context"
        " AND kind IN (SELECT value FROM json_each(:kinds))"
        " AND (:ended OR known_until IS NULL OR known_until > :now)"
        f" AND {region.condition}",
        {
            "rows": json.dumps([row_id for row_id, count in held.items() if count >= needed]),
            "context": work.context_id,
            "kinds": json.dumps(sorted(_KINDS)),
            "ended": ended,
            "now": work.now,
            "readable": region.parameter,
        },
    )
    return rows.fetchall()


def _add_chains(work: Work, found: Forgotten, region: ReadableSets) -> None:
    """Add the whole chains of matching attributes, and everything about matching entities."""
    found.attribute.update(
        _select(
            work,
            region,
            "SELECT id FROM attribute WHERE (name_id, key, scope_set_id) IN (SELECT name_id, key,"
            " scope_set_id FROM attribute WHERE id IN (SELECT value FROM json_each(:ids)))"
            " OR (name_id, scope_set_id) IN (SELECT name_id, scope_set_id FROM entity WHERE id IN"
            " (SELECT value FROM json_each(:entities)))",
            ids=found.attribute,
            entities=found.entity,
        )
    )
    found.relation.update(
        _select(
            work,
            region,
            "SELECT id FROM relation WHERE EXISTS (SELECT 1 FROM entity WHERE id IN"
            " (SELECT value FROM json_each(:entities)) AND entity.scope_set_id ="
            " relation.scope_set_id AND name_id IN (subject_id, object_id))",
            ids=found.relation,
            entities=found.entity,
        )
    )


def _add_turns(work: Work, found: Forgotten, region: ReadableSets) -> None:
    """Add the turns that the facts were read from, as far as they may be forgotten."""
    for kind in ("attribute", "relation"):
        found.turn.update(
            _select(
                work,
                region,
                f"SELECT turn.id FROM {kind} AS fact JOIN turn ON turn.id = fact.turn_id"  # noqa: S608  # constant names
                " WHERE fact.id IN (SELECT value FROM json_each(:ids)) AND turn.seq IS NOT NULL"
                f" AND turn.hidden_at IS NULL AND turn.{region.condition}",
                ids=found.of(kind),
            )
        )


def _select(
    work: Work,
    region: ReadableSets,
    sql: str,
    *,
    ids: Iterable[int],
    entities: Iterable[int] = (),
) -> list[int]:
    rows = work.connection.execute(
        sql,
        {
            "ids": json.dumps(sorted(ids)),
            "entities": json.dumps(sorted(entities)),
            "readable": region.parameter,
        },
    )
    return [row[0] for row in rows]


# --- ending -------------------------------------------------------------------------------------


def close_matches(work: Work, found: Forgotten) -> None:
    """End rows now: current reads no longer show them, reads of earlier times do."""
    closing = Closing(work.now, work.now, work.now)
    for kind in _FACTS:
        close_many(work, kind, sorted(found.of(kind)), closing)
    turns = sorted(found.turn)
    close_search_rows(work, "memory_chunk", turns, closing)
    _count_gaps(work, turns)
    for statement in _HIDE.split(";"):
        work.connection.execute(statement, {"now": work.now, "turns": json.dumps(turns)})


_HIDE = """
UPDATE turn SET hidden_at = :now
  WHERE id IN (SELECT value FROM json_each(:turns)) AND hidden_at IS NULL;
UPDATE instruction SET known_until = :now
  WHERE turn_id IN (SELECT value FROM json_each(:turns)) AND known_until IS NULL;
UPDATE uncertainty SET resolved_at = :now
  WHERE turn_id IN (SELECT value FROM json_each(:turns)) AND resolved_at IS NULL
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


def erase(work: Work, found: Forgotten) -> None:
    """Delete rows with all that repeats their words. The file is cleaned by the caller."""
    _add_orphans(work, found, _texts_of(work, found))
    names = _names_of(work, found)
    _erase_rows(work, found)
    _erase_unused_names(work, names)


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
    forget_answers(work.connection, work.context_id)
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

    Returns:
        How many rows of entities, facts, sessions and turns these were.
    """
    sets = json.dumps(_sets_touching(work, scope))
    within = "scope_set_id IN (SELECT value FROM json_each(?))"
    found = Forgotten()
    for kind in ("attribute", "relation", "entity", "turn"):
        rows = work.connection.execute(f"SELECT id FROM {kind} WHERE {within}", (sets,))  # noqa: S608  # constant names
        found.of(kind).update(row[0] for row in rows)
    names = _names_of(work, found)
    forgotten = found.count
    _erase_rows(work, found)
    leftover = work.connection.execute(
        f"SELECT id FROM search_row WHERE {within}",  # noqa: S608  # constant parts
        (sets,),
    )
    remove_rows(work.connection, [row[0] for row in leftover])
    for table in ("instruction", "uncertainty", "session"):
        deleted = work.connection.execute(f"DELETE FROM {table} WHERE {within}", (sets,))  # noqa: S608  # constant names
        forgotten += deleted.rowcount
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
