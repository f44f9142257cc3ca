"""Which turns state a fact: what consolidation counts.

A statement of a value that is stored already makes no new row, so its turn is noted here, as a
digest that holds no words. Imports `work` and `extraction`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from spectron_adapters.local.extraction.statements import Statements
from spectron_adapters.local.work import Work

__all__ = ["count_proofs", "fact_digest", "record_proofs"]


def fact_digest(entity_key: tuple[str, str], key: str, value: str) -> bytes:
    """What tells facts apart: entity, key and value, without case and spacing.

    Args:
        entity_key: Normalised type and name.
        key: The attribute's key.
        value: Its value, as written.
    """
    words = " ".join(value.casefold().split())
    return hashlib.sha256(json.dumps([*entity_key, key, words]).encode()).digest()


def record_proofs(
    work: Work, scope_set_id: int, statements: Statements, turn_ids: Sequence[int | None]
) -> None:
    """Note which turns state the attributes.

    Args:
        work: In the write transaction that stores the statements.
        scope_set_id: What the rows carry.
        statements: As reconciled; denials prove nothing.
        turn_ids: The turn of each utterance.
    """
    facts = [
        (
            scope_set_id,
            fact_digest(item.entity.key, item.key, item.value),
            turn_ids[item.utterance],
        )
        for item in statements.attributes
        if not item.negated
    ]
    work.connection.executemany(
        "INSERT OR REPLACE INTO proof (scope_set_id, fact, turn_id, turn_key)"
        " SELECT ?, ?, id, key FROM turn WHERE id = ?",
        facts,
    )


def count_proofs(work: Work, scope_set_id: int, fact: bytes) -> int:
    """How many turns state a fact that were neither forgotten nor erased."""
    (count,) = work.connection.execute(
        "SELECT count(*) FROM proof JOIN turn ON turn.id = proof.turn_id"
        " AND turn.key = proof.turn_key AND turn.hidden_at IS NULL"
        " WHERE proof.scope_set_id = ? AND proof.fact = ?",
        (scope_set_id, fact),
    ).fetchone()
    return int(count)
