"""Facts from documents, read by a language model.

Without one nothing is read: rules for what people say of themselves would take a document's "I"
for the user. What a document says of whoever uploaded it, and what it orders, is left out for the
same reason. Imports `extraction`, `reconciliation`, `known_names`, `passages` and `storage`.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from spectron_adapters.local.access.callers import Caller
from spectron_adapters.local.documents.storage import StoredDocument, expire_facts
from spectron_adapters.local.extraction.statements import (
    USER,
    EntityRef,
    KnownNames,
    Statements,
    Utterance,
)
from spectron_adapters.local.instants import now_from, to_datetime
from spectron_adapters.local.knowledge.fact_rows import Origin
from spectron_adapters.local.knowledge.known_names import known_names
from spectron_adapters.local.knowledge.reconciliation import Reconciler
from spectron_adapters.local.management.context_settings import find_context
from spectron_adapters.local.search.passages import passage_spans
from spectron_adapters.local.tracing.traces import Trace, store_trace
from spectron_adapters.local.work import Work
from spectron_adapters.scopes import ScopeSet

if TYPE_CHECKING:
    from spectron_adapters.local.documents.processing import WorkerParts

__all__ = ["extract_facts"]

_logger = logging.getLogger("spectron_adapters.local")

Step: TypeAlias = "Callable[[Callable[[sqlite3.Connection], None]], None]"

_WINDOW_CHARACTERS: Final = 6_000
_WINDOWS_MAX: Final = 200
_FACTS: Final = ("attribute", "relation")


def extract_facts(
    parts: WorkerParts,
    document: StoredDocument,
    text: str,
    step: Step,
    set_status: Callable[[sqlite3.Connection, str], None],
) -> None:
    """Store what a document states, window by window; a failing model costs its window only.

    Args:
        parts: The worker's.
        document: The document.
        text: What was read from it.
        step: Commits something as long as the claim holds.
        set_status: Notes the stage.
    """
    if parts.settings.language_model is None or not _is_allowed(parts, document):
        return

    def begin(connection: sqlite3.Connection) -> None:
        set_status(connection, "extracting_nodes")
        expire_facts(_work(parts, document, connection), document.id)

    step(begin)
    spans = passage_spans(text, limit=_WINDOW_CHARACTERS)
    for _, (start, end) in zip(range(_WINDOWS_MAX), spans, strict=False):
        statements = _read(parts, document, text[start:end])
        if statements is not None:
            step(partial(_store, parts, document, statements))


def _is_allowed(parts: WorkerParts, document: StoredDocument) -> bool:
    """Whether the operator lets a language model read for this context."""
    with parts.database.read() as connection:
        row = connection.execute(
            "SELECT name FROM context WHERE id = ?", (document.context_id,)
        ).fetchone()
        context = None if row is None else find_context(connection, row[0])
    return (
        context is not None and context.llm_extraction_enabled and not context.enforcement_blocked
    )


def _work(parts: WorkerParts, document: StoredDocument, connection: sqlite3.Connection) -> Work:
    nobody = Caller(document.principal, document.principal, "service", {}, {})
    return Work(
        connection,
        document.context_id,
        nobody,
        now_from(parts.clock),
        True,  # noqa: FBT003  # a plain record
        parts.catalog,
        parts.ids,
        parts.settings,
    )


def _known_at(document: StoredDocument) -> int:
    return document.created_at if document.observed_at is None else document.observed_at


def _read(parts: WorkerParts, document: StoredDocument, text: str) -> Statements | None:
    with parts.database.read() as connection:
        work = _work(parts, document, connection)
        clauses = parts.catalog.clauses(connection, document.scope_set_id)
        known = known_names(work, ScopeSet(clauses)) if clauses else KnownNames()
    speaker = f"document {document.title}"
    said = Utterance("user", text, to_datetime(_known_at(document)), speaker)
    try:
        found = parts.settings.extractor.extract([said], known)
    except Exception as error:  # noqa: BLE001  # a foreign extractor may fail in any way
        _logger.warning("extraction from a document failed (%s)", type(error).__name__)
        return None
    return _third_person(found, speaker)


def _third_person(found: Statements, speaker: str) -> Statements:
    """What is said of others than the one who speaks, and neither orders nor doubts."""
    selves = {_key(USER), _key(EntityRef("person", speaker))}
    return replace(
        found,
        entities=tuple(
            item for item in found.entities if _key(EntityRef(item.type, item.name)) not in selves
        ),
        attributes=tuple(item for item in found.attributes if _key(item.entity) not in selves),
        relations=tuple(
            item for item in found.relations if not selves & {_key(item.subject), _key(item.object)}
        ),
        instructions=(),
        uncertainties=(),
    )


def _key(entity: EntityRef) -> str:
    try:
        return entity.key[1]
    except ValueError:
        return ""


def _store(
    parts: WorkerParts,
    document: StoredDocument,
    statements: Statements,
    connection: sqlite3.Connection,
) -> None:
    work = _work(parts, document, connection)
    row = connection.execute(
        "SELECT scope_set_id FROM document WHERE id = ?", (document.id,)
    ).fetchone()
    before = {kind: _last(connection, kind) for kind in _FACTS}
    reconciler = Reconciler(
        work,
        row[0],
        [Origin("document", None, _known_at(document))],
        labels=frozenset(),
    )
    reconciler.apply(statements)
    for kind in _FACTS:
        # Nobody else writes within this transaction, so that all new rows are the document's.
        connection.execute(
            "INSERT OR REPLACE INTO document_fact (document_id, kind, fact_id, key_id)"  # noqa: S608  # constant names
            f" SELECT ?, ?, id, key_id FROM {kind} WHERE id > ?",
            (document.id, kind, before[kind]),
        )
    trace = Trace.decision(work, rows_touched=reconciler.rows_touched, turns=0)
    store_trace(work, replace(trace, details={**trace.details, "document": document.public_id}))


def _last(connection: sqlite3.Connection, kind: str) -> int:
    (last,) = connection.execute(f"SELECT coalesce(max(id), 0) FROM {kind}").fetchone()  # noqa: S608  # constant names
    return int(last)
