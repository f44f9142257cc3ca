"""What an operator has done to a context's memory as a whole: fading, and indexing anew.

Imports `lifecycle`, `search`, `plane` and models.
"""

from __future__ import annotations

import logging
import sqlite3
import threading

from spectron_adapters.local.calls import Answer
from spectron_adapters.local.management.plane import ManagementCall
from spectron_adapters.local.problems import Problem
from spectron_adapters.local.search.vectors import VectorModel, reindex
from spectron_adapters.local.storage.database import ClosedError, Database
from spectron_adapters.local.upkeep.lifecycle import decay
from spectron_adapters.models import ManagedLifecycleResponse

__all__ = ["decay_context", "reindex_context"]

_logger = logging.getLogger("spectron_adapters.local")


def decay_context(call: ManagementCall) -> Answer:
    """Let importance fade. Source: POST /api/v1/contexts/{id}/lifecycle/decay."""

    def step(connection: sqlite3.Connection) -> Answer:
        affected = decay(call.work(connection, call.context(connection)))
        return Answer.of(200, ManagedLifecycleResponse(affected=affected))

    return call.write(step)


def reindex_context(call: ManagementCall) -> Answer:
    """Build the word index anew at once, and the vectors, if there are any, beside later requests.

    Both are shared by all contexts of a database, so all of them are built anew; `affected` says
    how many rows this context has. Source: POST /api/v1/contexts/{id}/lifecycle/reindex.
    """

    def step(connection: sqlite3.Connection) -> Answer:
        context_id = call.context(connection).context_id
        connection.execute("INSERT INTO search_index (search_index) VALUES ('rebuild')")
        (affected,) = connection.execute(
            "SELECT count(*) FROM search_row WHERE context_id = ?", (context_id,)
        ).fetchone()
        return Answer.of(200, ManagedLifecycleResponse(affected=affected, job_id=call.new_id()))

    answer = call.write(step)
    model = call.parts.settings.embedder
    if isinstance(model, VectorModel):
        threading.Thread(
            target=_embed_anew,
            args=(call.parts.database, model),
            name="spectron-reindex",
            daemon=True,
        ).start()
    return answer


def _embed_anew(database: Database, model: VectorModel) -> None:
    try:
        reindex(database, model)
    except (Problem, ClosedError, sqlite3.DatabaseError) as error:
        _logger.warning("indexing anew stopped: %s", type(error).__name__)
