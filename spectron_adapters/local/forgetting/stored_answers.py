"""What stored answers to repeated requests still say after something was erased.

An answer keeps ids, counts and times, so that a repetition still gets them; all that may repeat
words is emptied, for those who could read or write what was erased; the others must not learn
that anything was. Imports `work` and `scopes`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cached_property

from spectron_adapters.local.work import Work
from spectron_adapters.scopes import Clause, Region, is_visible

__all__ = ["Erased", "empty_answers"]

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


class Erased:
    """Rows that are being erased, by the scope sets that they carry.

    Args:
        work: In the write transaction that erases them.
        scope_set_ids: Theirs.
    """

    def __init__(self, work: Work, scope_set_ids: Iterable[int]) -> None:
        self._work = work
        self._ids = frozenset(scope_set_ids)
        self._known: dict[str, bool] = {}

    @cached_property
    def _sets(self) -> list[tuple[Clause, ...]]:
        work = self._work
        return [work.catalog.clauses(work.connection, each) for each in sorted(self._ids)]

    def may_be_told_in(self, region: str | None) -> bool:
        """Whether an answer may tell of them, given the text of its caller's region.

        One whose region is not known may tell of anything.
        """
        if region is None:
            return True
        if region not in self._known:
            within = Region.parse(json.loads(region))
            self._known[region] = any(is_visible(clauses, within) for clauses in self._sets)
        return self._known[region]


def empty_answers(work: Work, erased: Erased) -> None:
    """Empty what stored answers tell of memories: the caller's own, and those of whom it concerns.

    Args:
        work: In the write transaction that erases.
        erased: What it erases.
    """
    context_id = work.context_id
    found = work.connection.execute(
        "SELECT caller, key, body, extraction, region FROM idempotency WHERE context_id = ?",
        (context_id,),
    ).fetchall()
    rows = [
        row[:4] for row in found if row[0] == work.caller.identity or erased.may_be_told_in(row[4])
    ]
    work.connection.executemany(
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
