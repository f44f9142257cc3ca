"""What is meant by words of forgetting: the rows that a query names, within the forget region.

A row matches when it holds at least three quarters of the query's content words, compared as
recall compares them (stems, no stop words, no words of command such as "forget everything
about"): all of one, two or three words, three of four, four of five. A query of nothing but stop
words matches nothing. What was said goes with what was read from it: the turns that a matching
fact was read from, whole; and when erasing, the whole chain of the fact, and the metadata of
sessions that match. Documents are not forgotten by words, only with their scope or one by one.

Imports `work`, `sharing`, `retrieval`, `text`, `traces` and the standard library.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from spectron_adapters.local.forgetting.sharing import left_to_others
from spectron_adapters.local.scope_catalog import ReadableSets
from spectron_adapters.local.search.reading import Postings
from spectron_adapters.local.search.retrieval import RowFilter
from spectron_adapters.local.search.text import STOP_WORDS, analyse, parse_query, words
from spectron_adapters.local.tracing.reading import readable_traces
from spectron_adapters.local.tracing.traces import empty_traces
from spectron_adapters.local.work import Work, subtrees
from spectron_adapters.scopes import ScopeSet

__all__ = ["COVERAGE", "Forgotten", "find_matches", "redact_questions"]

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


@dataclass(slots=True)
class Forgotten:
    """The rows to forget, by table."""

    attribute: set[int] = field(default_factory=set)
    relation: set[int] = field(default_factory=set)
    entity: set[int] = field(default_factory=set)
    turn: set[int] = field(default_factory=set)
    session: set[int] = field(default_factory=set)

    @property
    def count(self) -> int:
        """How many rows these are; of a session, its metadata."""
        return sum(map(len, self.tables.values())) + len(self.session)

    @property
    def tables(self) -> dict[str, set[int]]:
        """The rows that end or are erased, by table."""
        return {
            "attribute": self.attribute,
            "relation": self.relation,
            "entity": self.entity,
            "turn": self.turn,
        }

    def of(self, kind: str) -> set[int]:
        """The rows of a table."""
        return self.tables[kind]


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
        found.session.update(_matching_sessions(work, terms, region, lens))
    _add_turns(work, found, region)
    return found


def _matching_sessions(
    work: Work, terms: Sequence[str], region: ReadableSets, lens: ScopeSet | None
) -> list[int]:
    """Sessions of nobody else whose metadata holds enough of the terms."""
    rows = work.connection.execute(
        "SELECT id, metadata, scope_set_id FROM session WHERE context_id = :context"  # noqa: S608  # constant parts
        f" AND metadata IS NOT NULL AND {region.condition}",
        {"context": work.context_id, "readable": region.parameter},
    ).fetchall()
    return [
        session
        for session, metadata, scope_set_id in rows
        if _holds(_words_of(json.loads(metadata)), terms)
        and left_to_others(work, scope_set_id, subtrees(lens)) is None
    ]


def _words_of(value: object) -> str:
    """All texts of a JSON value."""
    if isinstance(value, dict):
        return " ".join(f"{name} {_words_of(item)}" for name, item in value.items())
    if isinstance(value, list):
        return " ".join(map(_words_of, value))
    return str(value)


def _holds(text: str, terms: Sequence[str]) -> bool:
    """Whether a text holds enough of the terms to be meant by them."""
    if not terms:
        return False
    held = set(analyse(text))
    return sum(term in held for term in terms) >= math.ceil(COVERAGE * len(terms))


def redact_questions(work: Work, query: str) -> None:
    """Empty the caller's traces whose question holds what is being erased, found or not."""
    terms, readable = _content_terms(query), readable_traces(work)
    rows = work.connection.execute(
        f"SELECT id, query FROM trace WHERE query <> '' AND {readable.condition}",  # noqa: S608  # constant parts
        readable.parameters,
    ).fetchall()
    empty_traces(work.connection, [row[0] for row in rows if _holds(row[1], terms)])


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
