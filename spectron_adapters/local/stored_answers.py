"""What stored answers to repeated requests still say after something was erased.

An answer keeps ids, counts and times, so that a repetition still gets them; all that may repeat
words is emptied. Imports the standard library.
"""

from __future__ import annotations

import json
import sqlite3

__all__ = ["empty_answers"]

_KEPT = frozenset({
    "affected", "bridgesEmitted", "chunkId", "contentHash", "createdAt", "created", "deduplicated",
    "deleted", "dryRun", "forgotten", "id", "linksEmitted", "mode", "observedAt", "path",
    "preview", "principalId", "queryMs", "relationsEmitted", "sessionId", "status", "superseded",
    "tombstonedAt", "traceId", "turnId", "turnIds", "updated", "validUntil",
})  # fmt: skip
"""Fields of answers that hold no words of what was remembered."""

_LISTS = frozenset({
    "attributes", "corrections", "entities", "instructions", "relations", "uncertainties",
})  # fmt: skip
"""Lists of an extraction, which are always there."""


def empty_answers(connection: sqlite3.Connection, context_id: int) -> None:
    """Empty what the stored answers of a context tell of memories."""
    rows = connection.execute(
        "SELECT caller, key, body, extraction FROM idempotency WHERE context_id = ?",
        (context_id,),
    ).fetchall()
    connection.executemany(
        "UPDATE idempotency SET body = ?, extraction = ?"
        " WHERE context_id = ? AND caller = ? AND key = ?",
        [
            (_emptied(body), _emptied(extraction), context_id, caller, key)
            for caller, key, body, extraction in rows
        ],
    )


def _emptied(text: str | None) -> str | None:
    return None if text is None else json.dumps(_without_words(json.loads(text)))


def _without_words(value: object) -> object:
    """Texts become empty; objects keep their fields and lists of objects their length."""
    if isinstance(value, str):
        return ""
    if isinstance(value, list):
        return [_without_words(item) for item in value if not isinstance(item, str)]
    if isinstance(value, dict):
        return {
            name: item if name in _KEPT else [] if name in _LISTS else _without_words(item)
            for name, item in value.items()
        }
    return value
