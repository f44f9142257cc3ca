"""Working on documents in the background: from stored bytes to searchable passages.

A daemon thread, started when there is work and gone when there is none. It claims documents from
the database, so that several processes over one file never work on the same one at a time, and
one takes over what another left behind. Every stage is committed by itself; the passages appear
with the last. Imports the parts of documents, `work` and `storage`; no route.
"""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from spectron_adapters.local.documents.chunking import passages_of, sections_of
from spectron_adapters.local.documents.fact_extraction import extract_facts
from spectron_adapters.local.documents.formats import Extracted, UnreadableError
from spectron_adapters.local.documents.indexing import (
    drop_passages,
    index_next,
    store_passages,
    store_sections,
)
from spectron_adapters.local.documents.jobs import (
    ATTEMPTS_MAX,
    Claim,
    claim_next,
    is_waiting,
    release,
)
from spectron_adapters.local.documents.keyword_rows import read_keywords, store_keywords
from spectron_adapters.local.documents.links import summary_terms
from spectron_adapters.local.documents.media_types import MediaType
from spectron_adapters.local.documents.readers import read_document
from spectron_adapters.local.documents.storage import COLUMNS, StoredDocument, raw_bytes
from spectron_adapters.local.instants import Clock, IdSource, now_from
from spectron_adapters.local.problems import Problem
from spectron_adapters.local.scope_catalog import ScopeCatalog
from spectron_adapters.local.search.vectors import VectorModel, catch_up
from spectron_adapters.local.storage.database import ClosedError, Database
from spectron_adapters.local.work import Settings

__all__ = ["DocumentWorker"]

_logger = logging.getLogger("spectron_adapters.local")

_Result = TypeVar("_Result")

_ROWS_AT_ONCE: Final = 256
_PAUSE: Final = 0.5
_CLOSING_SECONDS: Final = 10.0
_DIED = (
    "reading this document ended its process several times; it may be damaged. Upload it in "
    "another format"
)
_FAILED = "the document could not be processed ({}); reprocess it, or upload it in another format"


class _Abandoned(Exception):  # noqa: N818  # no error: somebody else has the document now
    """The claim is no longer this worker's, or the engine is closing."""


class EngineParts(Protocol):
    """What the worker needs of what an engine's requests share."""

    @property
    def database(self) -> Database:
        """The database."""
        ...

    @property
    def catalog(self) -> ScopeCatalog:
        """Its scope sets."""
        ...

    @property
    def ids(self) -> IdSource:
        """Where ids come from."""
        ...

    @property
    def settings(self) -> Settings:
        """What the operator decided."""
        ...


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What the worker shares with the engine's requests."""

    database: Database
    catalog: ScopeCatalog
    ids: IdSource
    settings: Settings
    clock: Clock


class DocumentWorker:
    """Works on the documents of one engine.

    Threads share it. After a fork, the child has a worker of its own once it needs one. It does
    nothing before it was attached to an engine.
    """

    def __init__(self) -> None:
        self._begin()

    def attach(self, parts: EngineParts, clock: Clock) -> None:
        """Work for an engine; called once, before any request."""
        self._parts = WorkerParts(parts.database, parts.catalog, parts.ids, parts.settings, clock)

    def _begin(self) -> None:
        self._process = os.getpid()
        self._name = f"{self._process}-{secrets.token_hex(8)}"
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._asked = threading.Event()
        self._stopping = threading.Event()
        self._looked = False

    def resume(self) -> None:
        """Take up what an earlier process left unfinished; looks once."""
        if self._process != os.getpid():
            self._begin()
        if self._looked or self._stopping.is_set():
            return
        self._looked = True
        with self._parts.database.read() as connection:
            waiting = is_waiting(connection)
        if waiting:
            self.wake()

    def wake(self) -> None:
        """There may be work: have a thread look for it."""
        if self._process != os.getpid():
            self._begin()
        with self._lock:
            self._asked.set()
            if self._thread is None and not self._stopping.is_set():
                self._thread = threading.Thread(
                    target=self._run, name="spectron-documents", daemon=True
                )
                self._thread.start()

    def stop(self) -> None:
        """Finish the stage under way and give back the document; what remains is done later."""
        if self._process != os.getpid():
            return
        with self._lock:
            self._stopping.set()
            self._asked.set()
            thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        thread.join(_CLOSING_SECONDS)
        if thread.is_alive():
            self._give_back()

    # --- the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while True:
                self._asked.clear()
                if not self._is_needed():
                    break
                if not self._work_once():
                    # Another process has the rest; it may die, or need long.
                    self._asked.wait(_PAUSE)
        finally:
            with self._lock:
                self._thread = None
            if self._asked.is_set():
                self.wake()

    def _is_needed(self) -> bool:
        if self._stopping.is_set():
            return False
        try:
            with self._parts.database.read() as connection:
                return is_waiting(connection)
        except (Problem, ClosedError, sqlite3.Error):
            return False

    def _work_once(self) -> bool:
        """Work on one document; false when there is none to be had."""
        try:
            with self._parts.database.write() as connection:
                claim = claim_next(connection, self._name)
            if claim is None:
                return False
            _Run(self._parts, claim, self._stopping).finish_document()
        except _Abandoned:
            self._give_back()
        except ClosedError:
            self._stopping.set()
        except (Problem, sqlite3.Error) as problem:
            # The disk is full, or somebody writes for too long: nothing is wrong with the document.
            _logger.warning("a document has to wait: %s", type(problem).__name__)
            self._give_back()
            return False
        return True

    def _give_back(self) -> None:
        try:
            with self._parts.database.write() as connection:
                release(connection, self._name)
        except (Problem, ClosedError, sqlite3.Error):
            return  # the claim ends with the process, or with its lease


class _Run:
    """One claimed document, from the beginning."""

    def __init__(self, parts: WorkerParts, claim: Claim, stopping: threading.Event) -> None:
        self._parts = parts
        self._claim = claim
        self._stopping = stopping

    def finish_document(self) -> None:
        """Bring the document to `ready` or `failed`.

        Raises:
            _Abandoned: Somebody else has it, or the engine is closing.
        """
        try:
            document, extracted = self._extract()
            self._chunk(document, extracted)
            self._embed(document)
            self._keyword(document, extracted)
        except UnreadableError as error:
            self._fail(str(error))
        except (_Abandoned, Problem, ClosedError, sqlite3.Error):
            raise
        except Exception as error:  # noqa: BLE001  # parsers and models may fail in any way
            _logger.warning("a document failed with %s", type(error).__name__)
            self._fail(_FAILED.format(type(error).__name__))

    def _step(self, step: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Commit something, if the claim still holds."""
        if self._stopping.is_set():
            raise _Abandoned
        with self._parts.database.write() as connection:
            if not self._claim.renew(connection):
                raise _Abandoned
            return step(connection)

    def _set_status(self, connection: sqlite3.Connection, status: str) -> None:
        connection.execute(
            "UPDATE document SET status = ?, updated_at = ? WHERE id = ?",
            (status, now_from(self._parts.clock), self._claim.document_id),
        )

    # --- stages ---------------------------------------------------------------------------------

    def _extract(self) -> tuple[StoredDocument, Extracted]:
        if self._claim.attempts > ATTEMPTS_MAX:
            raise UnreadableError(_DIED)
        self._step(self._start)
        with self._parts.database.read() as connection:
            document = self._document(connection)
            content = raw_bytes(connection, document.id)
        return document, read_document(content, MediaType.parse(document.content_type))

    def _document(self, connection: sqlite3.Connection) -> StoredDocument:
        row = connection.execute(
            f"SELECT {COLUMNS} FROM document WHERE id = ?",  # noqa: S608  # constant columns
            (self._claim.document_id,),
        ).fetchone()
        if row is None:
            raise _Abandoned
        return StoredDocument(*row)

    def _start(self, connection: sqlite3.Connection) -> None:
        """Note the beginning, and remove what an interrupted run has left."""
        (published,) = connection.execute(
            "SELECT published_version FROM document WHERE id = ?", (self._claim.document_id,)
        ).fetchone()
        drop_passages(connection, self._claim.document_id, keep=published)
        self._set_status(connection, "extracting")
        connection.execute(
            "UPDATE document SET processing_started_at = ?, processing_completed_at = NULL,"
            " error = NULL WHERE id = ?",
            (now_from(self._parts.clock), self._claim.document_id),
        )

    def _chunk(self, document: StoredDocument, extracted: Extracted) -> None:
        self._step(lambda connection: self._set_status(connection, "chunking"))
        passages = list(passages_of(extracted))
        starts = [(passage.start, passage.position) for passage in passages]
        sections = list(sections_of(extracted, document.title, starts))

        def store(connection: sqlite3.Connection) -> None:
            store_passages(connection, document.id, self._claim.version, passages)
            store_sections(connection, document.id, self._claim.version, sections)

        self._step(store)

    def _embed(self, document: StoredDocument) -> None:
        self._step(lambda connection: self._set_status(connection, "embedding"))
        for kind in ("chunk", "section"):
            last = 0
            while (after := self._index_batch(document, kind, last)) is not None:
                last = after
        model: object = self._parts.settings.embedder
        if isinstance(model, VectorModel):
            while catch_up(self._parts.database, model):
                self._step(lambda _: None)

    def _index_batch(self, document: StoredDocument, kind: str, after: int) -> int | None:
        return self._step(
            lambda connection: index_next(
                connection,
                document.id,
                self._claim.version,
                kind,
                after=after,
                limit=_ROWS_AT_ONCE,
            )
        )

    def _keyword(self, document: StoredDocument, extracted: Extracted) -> None:
        self._step(lambda connection: self._set_status(connection, "keywording"))
        keywords = read_keywords(extracted.text, self._parts.settings.embedder)
        terms = summary_terms(extracted.text)
        extract_facts(self._parts, document, extracted.text, self._step, self._set_status)

        def publish(connection: sqlite3.Connection) -> None:
            now = now_from(self._parts.clock)
            drop_passages(connection, document.id, keep=self._claim.version)
            store_keywords(connection, document.id, keywords)
            connection.execute(
                "UPDATE document SET status = 'ready', error = NULL, published_version = :version,"
                " chunk_count = (SELECT count(*) FROM document_chunk WHERE document_id = :id),"
                " keyword_count = :keywords, summary_terms = :terms, updated_at = :now,"
                " processing_completed_at = :now WHERE id = :id",
                {
                    "version": self._claim.version,
                    "keywords": len(keywords),
                    "terms": terms,
                    "now": now,
                    "id": document.id,
                },
            )
            self._claim.finish(connection)

        self._step(publish)

    def _fail(self, reason: str) -> None:
        def step(connection: sqlite3.Connection) -> None:
            document_id, now = self._claim.document_id, now_from(self._parts.clock)
            drop_passages(connection, document_id)
            store_keywords(connection, document_id, [])
            connection.execute(
                "UPDATE document SET status = 'failed', error = ?, published_version = NULL,"
                " chunk_count = NULL, keyword_count = NULL, summary_terms = NULL, updated_at = ?,"
                " processing_completed_at = ? WHERE id = ?",
                (reason, now, now, document_id),
            )
            self._claim.finish(connection)

        self._step(step)
