"""A profile: what matters of what is known, in four sections.

`static` is identity and whatever was curated, `preferences` is knowledge, `dynamic` is context,
each with the most important first; `selfFacts` is what concerns the caller: the speaker ("user")
and the person who has the caller's id or display name. Imports `work`, `state` and `models`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spectron_adapters.local.extraction.statements import normalise_name
from spectron_adapters.local.knowledge.fact_reading import VALID_NOW
from spectron_adapters.local.knowledge.fact_rows import AUTHORITATIVE, entity_id
from spectron_adapters.local.knowledge.state import live_instructions
from spectron_adapters.local.scope_catalog import ReadableSets
from spectron_adapters.local.work import Work
from spectron_adapters.models import ProfileEntry, ProfileResponse
from spectron_adapters.scopes import ScopeSet

__all__ = ["read_profile"]

PROFILE_MAX = 1000
"""Most facts in a profile, the most important ones."""

_SPEAKER = "user"
_SECTIONS = {"identity": "static", "knowledge": "preferences", "context": "dynamic"}


@dataclass(frozen=True, slots=True)
class _Fact:
    entity_type: str
    name: str
    key: str
    value: str
    category: str
    source_kind: str

    @property
    def section(self) -> str:
        if self.source_kind in AUTHORITATIVE:
            return "static"
        return _SECTIONS.get(self.category, "dynamic")

    @property
    def shown(self) -> ProfileEntry:
        return ProfileEntry.model_validate(
            {"key": self.key, "value": self.value, "entity": entity_id(self.entity_type, self.name)}
        )


def read_profile(work: Work, lens: ScopeSet | None) -> ProfileResponse:
    """The profile that the caller's visible facts give.

    Entries name their entity beside key and value; a relation's key is its label and its value
    the object's name. The same fact in several scope sets is told once.

    Args:
        work: In a read transaction.
        lens: Only what it lets through.
    """
    readable = work.readable(lens)
    facts = _facts(work, readable)
    people = _own_names(work)
    mine = [fact for fact in facts if fact.entity_type == "person" and fact.name in people]
    return ProfileResponse(
        static=_shown(fact for fact in facts if fact.section == "static"),
        preferences=_shown(fact for fact in facts if fact.section == "preferences"),
        dynamic=_shown(fact for fact in facts if fact.section == "dynamic"),
        instructions=live_instructions(work, readable),
        self_facts=_shown(mine),
    )


def _shown(facts: Iterable[_Fact]) -> list[ProfileEntry]:
    told = {(fact.entity_type, fact.name, fact.key, fact.value): fact for fact in facts}
    return [fact.shown for fact in told.values()]


def _own_names(work: Work) -> frozenset[str]:
    """Normalised names of the caller; of the principal acted for, when there is one."""
    caller = work.caller
    names = [caller.principal, caller.display_name] if caller.target is None else [caller.target]
    return frozenset({_SPEAKER, *filter(None, map(_normalised, names))})


def _normalised(name: str) -> str:
    """Empty for an id of nothing but signs: no person is called so."""
    try:
        return normalise_name(name)
    except ValueError:
        return ""


def _facts(work: Work, readable: ReadableSets) -> list[_Fact]:
    live = f"context_id = :context AND {VALID_NOW} AND {readable.condition}"
    rows = work.connection.execute(
        "SELECT n.type, n.name, fact.key, fact.value, fact.category, fact.source_kind FROM ("  # noqa: S608  # constant parts
        " SELECT a.name_id, a.key, a.value, a.category, a.source_kind, a.known_from, 1 AS part,"
        f"  a.id, {_importance('attribute', 'a')} AS importance"
        f"  FROM (SELECT * FROM attribute WHERE {live}) AS a"
        " UNION ALL SELECT r.subject_id, r.label, coalesce((SELECT display_name FROM entity"
        f"   WHERE name_id = r.object_id AND {live} ORDER BY updated_at DESC LIMIT 1), o.name),"
        f"  r.category, r.source_kind, r.known_from, 0, r.id, {_importance('relation', 'r')}"
        f"  FROM (SELECT * FROM relation WHERE {live}) AS r"
        "  JOIN entity_name AS o ON o.id = r.object_id"
        ") AS fact JOIN entity_name AS n ON n.id = fact.name_id"
        " ORDER BY fact.importance DESC, fact.known_from DESC, fact.part DESC, fact.id DESC"
        " LIMIT :limit",
        {
            "context": work.context_id,
            "now": work.now,
            "readable": readable.parameter,
            "limit": PROFILE_MAX,
        },
    )
    return [_Fact(*row) for row in rows]


def _importance(kind: str, table: str) -> str:
    found = f"SELECT max(importance) FROM search_row WHERE kind = '{kind}'"  # noqa: S608  # constant names
    return f"coalesce(({found} AND target_id = {table}.id), 0)"
