"""One request's hold on the database: its transaction, its caller, its time.

Every verb of the engine takes a `Work`. Imports access, catalog, instants and extraction types.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from spectron_adapters.local.access.callers import Caller
from spectron_adapters.local.extraction.statements import Extractor
from spectron_adapters.local.instants import IdSource
from spectron_adapters.local.language.models import Embedder, LanguageModel
from spectron_adapters.local.scope_catalog import ReadableSets, ScopeCatalog
from spectron_adapters.models import Verb
from spectron_adapters.scopes import Scope, ScopeSet

__all__ = ["UPLOAD_LIMIT", "Settings", "Work"]

UPLOAD_LIMIT = 50 * 1024 * 1024
"""Most bytes of an uploaded document, unless the operator decides otherwise."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator decides.

    Attributes:
        auto_register_scopes: Whether a write registers the paths that it names.
        confidence_floor: From which confidence on a statement may supersede, 0 to 1.
        extractor: What reads statements from turns.
        embedder: What turns texts into vectors; None searches by words alone.
        language_model: Reads, chats and reflects; None does without.
        upload_limit: Most bytes of an uploaded document.
    """

    auto_register_scopes: bool
    confidence_floor: float
    extractor: Extractor
    embedder: Embedder | None = None
    language_model: LanguageModel | None = None
    upload_limit: int = UPLOAD_LIMIT


@dataclass(frozen=True, slots=True)
class Work:
    """A transaction on behalf of a caller.

    Attributes:
        connection: In a transaction that the engine owns.
        context_id: The only context that may be touched.
        caller: Who asks.
        now: The request's time in microseconds; the same throughout.
        writable: Whether this is a write transaction.
    """

    connection: sqlite3.Connection
    context_id: int
    caller: Caller
    now: int
    writable: bool
    catalog: ScopeCatalog
    ids: IdSource
    settings: Settings

    def new_id(self) -> str:
        """A new sortable id."""
        return self.ids(self.now)

    def readable(self, lens: ScopeSet | None = None, *, verb: Verb = "memory:read") -> ReadableSets:
        """The scope sets within the region of a verb, narrowed by a lens."""
        return self.catalog.readable(
            self.connection,
            self.context_id,
            self.caller.region(verb),
            lens,
            remember=not self.writable,
        )

    def removable(self, lens: ScopeSet | None = None) -> ReadableSets:
        """The scope sets whose rows the caller may end or erase.

        A lens means the subtrees of its entries: what lies above them, as the facts of a whole
        organisation do, belongs to others as well.

        Raises:
            Problem: 403, `memory:forget` is granted nowhere.
        """
        self.caller.required_region("memory:forget")
        return self.readable(subtrees(lens), verb="memory:forget")

    def intern(self, scopes: ScopeSet) -> int:
        """The id of a scope set, stored when new."""
        return self.catalog.intern(self.connection, self.context_id, scopes)

    def visible_scopes(self, scope_set_id: int) -> list[list[str]]:
        """The clauses of a set that the caller may be told of."""
        region = self.caller.region("memory:read")
        return self.catalog.visible_wire(self.connection, scope_set_id, region)


def subtrees(lens: ScopeSet | None) -> ScopeSet | None:
    """A lens that lets through what lies in the subtrees of its entries, and nothing above."""
    if lens is None:
        return None
    return ScopeSet(
        tuple(
            tuple(Scope(f"/{'/'.join((*scope.segments, '*'))}") for scope in clause)
            for clause in lens.clauses
        )
    )
