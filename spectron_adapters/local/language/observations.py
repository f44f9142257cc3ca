"""Repeated facts of one scope set merged into observations, without a language model.

A value that several turns state becomes one lasting attribute of the source kind `consolidation`,
with the number of its proofs. Where values disagree, a newer one that is proven by more turns
supersedes the others; curated values and keys of passing context are left alone. Imports `pool`,
`proofs`, `fact_rows` and `work`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from spectron_adapters.local.knowledge.fact_rows import (
    Closing,
    FactRows,
    attribute_text,
    search_ids,
)
from spectron_adapters.local.language.pool import LiveFact
from spectron_adapters.local.language.proofs import count_proofs, fact_digest
from spectron_adapters.local.work import Work

__all__ = ["Change", "apply_change", "find_changes"]

SOURCE = "consolidation"
_PROOFS_MIN = 2


@dataclass(frozen=True, slots=True)
class Change:
    """What consolidation would do about one entity and key.

    Attributes:
        kind: `create`, `update` or `supersede`.
        facts: Rows with the proven value, oldest first.
        losers: Older rows with other values.
        proof_count: How many turns state the value.
    """

    kind: Literal["create", "update", "supersede"]
    facts: Sequence[LiveFact]
    losers: Sequence[LiveFact]
    proof_count: int

    @property
    def newest(self) -> LiveFact:
        """The latest statement of the value."""
        return max(self.facts, key=lambda fact: (fact.known_from, fact.id))

    @property
    def observation(self) -> LiveFact | None:
        """The row that an earlier consolidation made, if there is one."""
        made = [fact for fact in self.facts if fact.source_kind == SOURCE]
        return made[-1] if made else None


@dataclass(frozen=True, slots=True)
class _Cluster:
    """Live rows of one key with one value, and what proves it."""

    facts: Sequence[LiveFact]
    proof_count: int

    @property
    def latest(self) -> tuple[int, int]:
        return max((fact.known_from, fact.id) for fact in self.facts)


def find_changes(work: Work, facts: Sequence[LiveFact]) -> list[Change]:
    """What is to be done about the facts of one scope set.

    Args:
        work: In a transaction.
        facts: Live, all of one scope set.
    """
    keys: dict[tuple[int, str], list[LiveFact]] = defaultdict(list)
    for fact in facts:
        if not fact.is_curated:
            keys[fact.name_id, fact.key].append(fact)
    changes = []
    for same_key in keys.values():
        clusters = _clusters(work, same_key)
        winner = _winner(clusters)
        if winner is None:
            changes += [_change(work, cluster, ()) for cluster in clusters]
        else:
            losers = [fact for other in clusters if other is not winner for fact in other.facts]
            changes.append(_change(work, winner, losers))
    return [change for change in changes if change is not None]


def _clusters(work: Work, facts: Sequence[LiveFact]) -> list[_Cluster]:
    values: dict[bytes, list[LiveFact]] = defaultdict(list)
    for fact in facts:
        values[fact_digest(fact.entity_key, fact.key, fact.value)].append(fact)
    return [
        _Cluster(same, max(1, count_proofs(work, same[0].scope_set_id, digest)))
        for digest, same in values.items()
    ]


def _winner(clusters: Sequence[_Cluster]) -> _Cluster | None:
    """The newest value, when every other one is proven by fewer turns; None when none wins."""
    if len(clusters) < 2:  # noqa: PLR2004  # nothing to compare
        return None
    if any(fact.category == "context" for cluster in clusters for fact in cluster.facts):
        return None
    newest = max(clusters, key=lambda cluster: cluster.latest)
    others = [cluster.proof_count for cluster in clusters if cluster is not newest]
    return newest if newest.proof_count > max(others) else None


def _change(work: Work, cluster: _Cluster, losers: Sequence[LiveFact]) -> Change | None:
    if losers:
        return Change("supersede", cluster.facts, losers, cluster.proof_count)
    created = Change("create", cluster.facts, (), cluster.proof_count)
    made = created.observation
    if made is None:
        return created if cluster.proof_count >= _PROOFS_MIN else None
    if cluster.proof_count > _counted_proofs(work, made) or len(cluster.facts) > 1:
        return Change("update", cluster.facts, (), cluster.proof_count)
    return None


def _counted_proofs(work: Work, fact: LiveFact) -> int:
    """How many proofs an observation is known to have; one that a model made has itself."""
    row = work.connection.execute(
        "SELECT proof_count FROM observation WHERE attribute_id = ? AND key_id = ?",
        (fact.id, fact.key_id),
    ).fetchone()
    return 1 if row is None else int(row[0])


# --- writing ------------------------------------------------------------------------------------


def apply_change(work: Work, change: Change) -> tuple[str, int]:
    """Make or keep the observation, and close what it replaces.

    Args:
        work: In a write transaction whose caller may write to the facts' scope set.
        change: From `find_changes` in the same transaction.

    Returns:
        The public id of the observation, and how many rows were made or closed.
    """
    newest = change.newest
    rows = FactRows(work, newest.scope_set_id, labels=_common_labels(work, change.facts))
    made = change.observation
    row_id, key_id = (made.id, made.key_id) if made else _insert(work, rows, change)
    for fact in (*change.facts, *change.losers):
        if fact.id != row_id:
            _supersede(work, rows, fact, by=row_id, newest=newest)
    work.connection.execute(
        "INSERT OR REPLACE INTO observation (attribute_id, key_id, proof_count) VALUES (?, ?, ?)",
        (row_id, key_id, change.proof_count),
    )
    if change.losers:
        _settle(work, newest)
    rows.flush()
    return f"attribute:{key_id}", rows.rows_touched


def _insert(work: Work, rows: FactRows, change: Change) -> tuple[int, str]:
    newest, key_id = change.newest, work.new_id()
    lasting = any(fact.category == "identity" for fact in change.facts)
    category = "identity" if lasting else "knowledge"
    cursor = work.connection.execute(
        "INSERT INTO attribute (key_id, context_id, name_id, scope_set_id, key, value, category,"
        " confidence, source_kind, turn_id, principal, known_from, valid_from, system_from,"
        " supersedes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            key_id,
            work.context_id,
            newest.name_id,
            newest.scope_set_id,
            newest.key,
            newest.value,
            category,
            max(fact.confidence for fact in change.facts),
            SOURCE,
            newest.turn_id,
            work.caller.target or work.caller.principal,
            newest.known_from,
            newest.valid_from,
            work.now,
            newest.id,
        ),
    )
    new = int(cursor.lastrowid or 0)
    rows.index(
        "attribute",
        new,
        attribute_text(newest.display_name, newest.key, newest.value),
        category=category,
        known_from=newest.known_from,
        valid_from=newest.valid_from,
    )
    return new, key_id


def _supersede(work: Work, rows: FactRows, fact: LiveFact, *, by: int, newest: LiveFact) -> None:
    work.connection.execute("UPDATE attribute SET superseded_by = ? WHERE id = ?", (by, fact.id))
    start = max(fact.valid_from, newest.valid_from)
    known = max(fact.known_from, newest.known_from)
    rows.close("attribute", fact.id, Closing(start, known, work.now))


def _settle(work: Work, fact: LiveFact) -> None:
    """What was unclear about the key is settled."""
    work.connection.execute(
        "UPDATE uncertainty SET resolved_at = ? WHERE scope_set_id = ? AND name_id = ?"
        " AND about = ? AND resolved_at IS NULL",
        (work.now, fact.scope_set_id, fact.name_id, f"{fact.display_name} · {fact.key}"),
    )


def _common_labels(work: Work, facts: Sequence[LiveFact]) -> frozenset[str]:
    """Labels that all the merged rows have."""
    held = [
        {
            row[0]
            for row in work.connection.execute(
                "SELECT label FROM search_label WHERE row_id IN (SELECT value FROM json_each(?))",
                (json.dumps(search_ids(work, "attribute", [fact.id])),),
            )
        }
        for fact in facts
    ]
    return frozenset(set.intersection(*held))
