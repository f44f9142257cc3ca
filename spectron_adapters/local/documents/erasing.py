"""Erasing documents, so that no word of them is left.

Runs in the transaction of a request, which cleans the file afterwards. Imports `storage`,
`indexing`, `traces` and the cache of replies.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final

from spectron_adapters.local.documents.indexing import drop_passages
from spectron_adapters.local.documents.storage import StoredDocument, expire_facts
from spectron_adapters.local.forgetting.stored_answers import Erased
from spectron_adapters.local.language.response_cache import forget_responses
from spectron_adapters.local.tracing.traces import redact_traces
from spectron_adapters.local.work import Work
from spectron_adapters.scopes import ScopeSet, is_visible

__all__ = ["erase", "erase_documents", "remaining_scopes"]


def erase(work: Work, row_ids: Sequence[int]) -> int:
    """Delete documents with passages, keywords, bytes and claims; facts read from them end.

    The file is cleaned by the caller, as after every purge.

    Returns:
        How many documents and passages these were.
    """
    forgotten = 0
    sets = work.connection.execute(
        "SELECT DISTINCT scope_set_id FROM document WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(row_ids)),),
    ).fetchall()
    for row_id in row_ids:
        expire_facts(work, row_id)
        passages, search_ids = drop_passages(work.connection, row_id)
        redact_traces(work.connection, work.context_id, search_ids)
        for statement in _ERASE.split(";"):
            work.connection.execute(statement, (row_id,))
        forgotten += 1 + passages
    if row_ids:
        forget_responses(work, Erased(work, [row[0] for row in sets]))
    return forgotten


_ERASE: Final = """
DELETE FROM document_fact WHERE document_id = ?;
DELETE FROM document_keyword WHERE document_id = ?;
DELETE FROM document_piece WHERE document_id = ?;
DELETE FROM document_job WHERE document_id = ?;
DELETE FROM document WHERE id = ?
"""


def erase_documents(work: Work, scope_set_ids: Iterable[int]) -> int:
    """Delete every document of some scope sets: what forgetting a whole scope asks for.

    Args:
        work: In a write transaction of a caller who may forget all of it.
        scope_set_ids: Whose documents go, whatever other clauses the sets have.

    Returns:
        How many documents and passages these were.
    """
    rows = work.connection.execute(
        "SELECT id FROM document WHERE scope_set_id IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(scope_set_ids)),),
    ).fetchall()
    return erase(work, [row[0] for row in rows])


def remaining_scopes(work: Work, document: StoredDocument) -> ScopeSet | None:
    """What a document keeps when the caller takes away what is theirs to remove.

    Returns:
        The clauses outside the caller's region of `memory:forget`; None when nothing is left.

    Raises:
        Problem: 404, nothing of it may be removed by the caller and they may not know it either.
    """
    region = work.caller.region("memory:forget")
    clauses = work.catalog.clauses(work.connection, document.scope_set_id)
    kept = tuple(clause for clause in clauses if not is_visible((clause,), region))
    return ScopeSet(kept) if kept else None
