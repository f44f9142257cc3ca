"""The SQLite database: one file in WAL mode, or the process's memory.

One writer at a time, readers that never wait, and sqlite3's errors as `StorageProblem`s. Knows
no table but those that say how to open and how to erase. Imports `database_file`, `schema`,
`problems` and `retrieval`.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from spectron_adapters.local.problems import StorageProblem
from spectron_adapters.local.search.retrieval import merge_index
from spectron_adapters.local.storage.database_file import check_file, check_versions
from spectron_adapters.local.storage.schema import LATEST, migrate

__all__ = ["ClosedError", "Database", "Synchronous"]

Synchronous = Literal["FULL", "NORMAL"]

_logger = logging.getLogger("spectron_adapters.local")

_PAGE_CACHE_KIB = 8192
_LOG_SIZE_LIMIT = 64 * 1024 * 1024
_STATEMENTS = 256
_CLOSED = "this engine is closed; open another transport"


class ClosedError(RuntimeError):
    """The database was closed by its owner."""


class _Handles:
    """The open connections of one process.

    A connection is closed by nobody but its user: sqlite3 may hold Python's lock while it waits
    for a running statement, which waits for Python's lock.
    """

    def __init__(self) -> None:
        self.process = os.getpid()
        self.closed = threading.Event()
        self.writer: sqlite3.Connection | None = None
        self.file: tuple[int, int] | None = None
        self.readers: list[sqlite3.Connection] = []
        self.opened: list[sqlite3.Connection] = []
        self.write_lock = threading.Lock()
        self.pool_lock = threading.Lock()

    @contextmanager
    def writing(self, *, wait: bool = True) -> Iterator[bool]:
        """Hold the only right to use the writer; false when somebody else has it.

        Raises:
            ClosedError: It was closed meanwhile.
        """
        if not self.write_lock.acquire(blocking=wait):
            yield False
            return
        try:
            if self.closed.is_set():
                raise ClosedError(_CLOSED)
            yield True
        finally:
            if self.closed.is_set():
                self._close_writer()
            self.write_lock.release()

    def give_back(self, connection: sqlite3.Connection) -> None:
        """Keep a reader for the next read, or close it when nobody will come."""
        with self.pool_lock:
            if not self.closed.is_set():
                self.readers.append(connection)
                return
        self.discard(connection)

    def discard(self, connection: sqlite3.Connection) -> None:
        """Close a connection that its user is done with."""
        with self.pool_lock:
            self.opened.remove(connection)
        connection.close()

    def close(self, *, patience: float = 0.0) -> None:
        """Close what nobody uses, and have the rest closed by its users.

        Args:
            patience: Seconds to wait for a write under way.
        """
        if self.process != os.getpid():
            return  # connections do not survive a fork, not even to be closed
        with self.pool_lock:
            self.closed.set()
            idle, self.readers = self.readers, []
        for connection in idle:
            self.discard(connection)
        if self.write_lock.acquire(timeout=patience):
            try:
                self._close_writer()
            finally:
                self.write_lock.release()

    def _close_writer(self) -> None:
        if self.writer is not None:
            self.discard(self.writer)
            self.writer = None


class Database:
    """Transactions on one database.

    Nothing is opened before the first transaction. Threads may share the object; several
    processes may open the same file. After a fork the child opens connections of its own.

    Args:
        path: The file; None keeps everything in memory, for as long as this object lives.
        synchronous: `FULL` makes a committed write survive a power cut; `NORMAL` is faster and
            may lose the last writes then, yet never damages the file.
        busy_timeout: Seconds to wait for another process's write.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        synchronous: Synchronous = "FULL",
        busy_timeout: float = 10.0,
    ) -> None:
        self.path = path
        self._synchronous = synchronous
        self._busy_timeout = busy_timeout
        self._closed = False
        self._erase_pending = False
        self._handles = _Handles()
        self._finalizer = weakref.finalize(self, self._handles.close)

    @property
    def _name(self) -> str:
        return "the database in memory" if self.path is None else str(self.path)

    @property
    def is_open(self) -> bool:
        """Whether there is anything to close."""
        return not self._closed and self._handles.writer is not None

    def open(self) -> None:
        """Open, create or migrate the database now instead of at the first transaction.

        Raises:
            StorageProblem: The file cannot be used; it was left as it is.
        """
        with self._explained():
            handles = self._current_handles()
            with handles.writing():
                self._writer(handles)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A transaction that sees one state of the database throughout.

        In a file it neither waits for writers nor makes them wait. In memory there is one
        connection, so it takes its turn.

        Raises:
            StorageProblem: The database cannot be used.
        """
        if self.path is None:
            with self._turn(immediate=False) as connection:
                yield connection
            return
        with self._explained():
            handles = self._current_handles()
            connection = self._take_reader(handles)
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                _end(connection, "ROLLBACK")
                handles.give_back(connection)

    @contextmanager
    def write(self, *, keep: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction that commits at its end, or rolls back when its body raises.

        Args:
            keep: False rolls back in any case: a rehearsal.

        Raises:
            StorageProblem: The database cannot be used, or another process did not finish its
                own write in time. Nothing was changed.
        """
        with self._turn(keep=keep) as connection:
            yield connection

    @contextmanager
    def write_if_free(self) -> Iterator[sqlite3.Connection | None]:
        """Like `write`, but None when somebody else is writing: never waits."""
        handles = self._current_handles()
        with handles.writing(wait=False) as free:
            connection = self._writer(handles) if free else None
            if connection is None or not _begin_at_once(connection, self._busy_timeout):
                yield None
                return
            with _committed(connection, keep=True):
                yield connection

    @contextmanager
    def _turn(self, *, keep: bool = True, immediate: bool = True) -> Iterator[sqlite3.Connection]:
        with self._explained():
            handles = self._current_handles()
            with handles.writing():
                connection = self._writer(handles)
                self._check_place(handles)
                connection.execute("BEGIN IMMEDIATE" if immediate else "BEGIN")
                with _committed(connection, keep=keep):
                    yield connection
                if self._erase_pending and immediate:
                    self._empty_log(connection, patience=0.0)

    def erase_removed(self) -> None:
        """Overwrite what was deleted: in the index, the file and the log.

        Called after a purge committed. If readers elsewhere hold the log open for longer than
        the busy timeout, the rest happens with the next write or opening.
        """
        with self._explained():
            handles = self._current_handles()
            with handles.writing():
                connection = self._writer(handles)
                self._empty_log(connection, patience=self._busy_timeout)
                if self._erase_pending:
                    _logger.warning(
                        "erased rows stay in the log of %s until its readers finish", self._name
                    )

    def mark_erasure(self, connection: sqlite3.Connection) -> None:
        """Rewrite the index without what was removed, and note that the log must be emptied.

        Part of the purge's own transaction, so that a crash cannot forget it.
        """
        merge_index(connection)
        connection.execute("INSERT OR IGNORE INTO pending_erasure (id) VALUES (1)")
        self._erase_pending = True

    def close(self) -> None:
        """Close every connection; the database cannot be used afterwards. May be repeated."""
        self._closed = True
        self._handles.close(patience=self._busy_timeout)

    # --- connections ----------------------------------------------------------------------------

    def _current_handles(self) -> _Handles:
        if self._closed:
            raise ClosedError(_CLOSED)
        if self._handles.process != os.getpid() and self.path is not None:
            # The parent's connections must not be used here, nor closed: SQLite forbids both.
            self._inherited = self._handles
            self._handles = _Handles()
            self._finalizer = weakref.finalize(self, self._handles.close)
        return self._handles

    def _writer(self, handles: _Handles) -> sqlite3.Connection:
        if handles.writer is None:
            connection = self._connect(handles, cached_kib=4 * _PAGE_CACHE_KIB)
            try:
                self._prepare(connection)
            except BaseException:
                handles.discard(connection)
                raise
            handles.writer = connection
            handles.file = self._file_number()
        return handles.writer

    def _file_number(self) -> tuple[int, int] | None:
        if self.path is None:
            return None
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _check_place(self, handles: _Handles) -> None:
        """Refuse to write to a file that nobody will find again."""
        if self._file_number() != handles.file:
            raise StorageProblem(
                f"{self.path} was removed or replaced while it was open; nothing of this request "
                "was stored. Open it anew"
            )

    def _take_reader(self, handles: _Handles) -> sqlite3.Connection:
        with handles.pool_lock:
            if handles.readers:
                return handles.readers.pop()
        if handles.writer is None:
            with handles.writing():
                self._writer(handles)
        connection = self._connect(handles, cached_kib=_PAGE_CACHE_KIB)
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _connect(self, handles: _Handles, *, cached_kib: int) -> sqlite3.Connection:
        if self.path is not None and handles.writer is None:
            check_file(self.path)
        connection = sqlite3.connect(
            ":memory:" if self.path is None else self.path,
            timeout=self._busy_timeout,
            isolation_level=None,
            check_same_thread=False,  # the pool hands a connection to one thread at a time
            cached_statements=_STATEMENTS,
        )
        with handles.pool_lock:
            handles.opened.append(connection)
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute(f"PRAGMA cache_size = -{cached_kib}")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Create or migrate the schema, then switch to the write-ahead log."""
        version = self._checked_version(connection)
        if version < LATEST:
            with _committed(_begun(connection), keep=True):
                version = self._checked_version(connection)
                if version < LATEST:
                    _refuse_foreign_tables(connection, self._name, version=version)
                    migrate(connection, version=version)
        if self.path is not None:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA journal_size_limit = {_LOG_SIZE_LIMIT}")
        pending = connection.execute("SELECT 1 FROM pending_erasure").fetchone()
        if pending:
            self._empty_log(connection, patience=0.0)

    def _checked_version(self, connection: sqlite3.Connection) -> int:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        check_versions(self._name, version=version, application=application)
        return int(version)

    def _empty_log(self, connection: sqlite3.Connection, *, patience: float) -> None:
        self._erase_pending = not _truncate_log(connection, patience, self._busy_timeout)
        if not self._erase_pending:
            connection.execute("DELETE FROM pending_erasure")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise _explain(error, self._name) from error


def _begun(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute("BEGIN IMMEDIATE")
    return connection


def _begin_at_once(connection: sqlite3.Connection, busy_timeout: float) -> bool:
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(busy_timeout * 1000)}")
    return True


@contextmanager
def _committed(connection: sqlite3.Connection, *, keep: bool) -> Iterator[None]:
    try:
        yield
        connection.execute("COMMIT" if keep else "ROLLBACK")
    except BaseException:
        _end(connection, "ROLLBACK")
        raise


def _end(connection: sqlite3.Connection, statement: str) -> None:
    # A full disk or a damaged page ends a transaction by itself.
    if connection.in_transaction:
        connection.execute(statement)


def _truncate_log(connection: sqlite3.Connection, patience: float, busy_timeout: float) -> bool:
    """Copy the log into the file and cut it to nothing; False when readers prevented it."""
    deadline = time.monotonic() + patience
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy or time.monotonic() >= deadline:
                return not busy
            time.sleep(0.005)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(busy_timeout * 1000)}")


def _refuse_foreign_tables(connection: sqlite3.Connection, name: str, *, version: int) -> None:
    foreign = connection.execute("SELECT name FROM sqlite_schema LIMIT 1").fetchone()
    if version == 0 and foreign:
        raise StorageProblem(
            f"{name} is another program's database (it has a table {foreign[0]!r}); it was left as "
            "it is. Choose another path"
        )


_DAMAGE = ("malformed", "not a database", "no such table", "no such column")


def _explain(error: sqlite3.DatabaseError, name: str) -> Exception:
    """A problem that says what to do, for errors that come from outside; else the error."""
    text = str(error)
    if "locked" in text or "busy" in text:
        return StorageProblem.busy(
            f"{name} is being written by another process for too long; try again"
        )
    if "full" in text:
        return StorageProblem.full(
            f"the disk that holds {name} is full; nothing of this request was stored. "
            "Free space and try again"
        )
    if "readonly" in text or "read-only" in text:
        return StorageProblem(f"{name} is read-only; the engine needs to write it")
    if any(sign in text for sign in _DAMAGE):
        return StorageProblem(f"{name} is damaged ({text}); restore a copy")
    if "unable to open" in text or "disk I/O" in text:
        return StorageProblem(f"{name} cannot be used ({text}); check the path and its rights")
    return error
