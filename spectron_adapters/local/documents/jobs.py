"""Who works on which document: claims with a lease, kept in the database.

A claim ends with its lease, which the machine's clock counts, or with the process that holds it.
Every write of a worker asks first whether the claim is still its own. Imports the standard
library only.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["ATTEMPTS_MAX", "Claim", "claim_next", "enqueue", "is_waiting", "release"]

LEASE_SECONDS: Final = 300.0
"""How long a claim holds when its process lives but says nothing."""
ATTEMPTS_MAX: Final = 5
"""How often a document is begun before it counts as one that kills its reader."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on one version of a document.

    Attributes:
        document_id: The document's row.
        version: The version that was asked for.
        worker: Who holds the claim.
        attempts: How often it was begun, this time included.
    """

    document_id: int
    version: int
    worker: str
    attempts: int

    def renew(self, connection: sqlite3.Connection) -> bool:
        """Hold the claim for another lease; false when it is no longer this worker's."""
        changed = connection.execute(
            "UPDATE document_job SET lease_until = :until WHERE document_id = :document"
            " AND worker = :worker AND EXISTS (SELECT 1 FROM document WHERE id = :document"
            "  AND version = :version)",
            {
                "until": time.time() + LEASE_SECONDS,
                "document": self.document_id,
                "worker": self.worker,
                "version": self.version,
            },
        )
        return changed.rowcount == 1

    def finish(self, connection: sqlite3.Connection) -> None:
        """The document is done."""
        connection.execute("DELETE FROM document_job WHERE document_id = ?", (self.document_id,))


def enqueue(connection: sqlite3.Connection, document_id: int) -> None:
    """Have a document worked on; whoever works on it already loses the claim."""
    connection.execute(
        "INSERT INTO document_job (document_id, attempts) VALUES (?, 0)"
        " ON CONFLICT (document_id) DO UPDATE SET attempts = 0, worker = NULL, process = NULL,"
        " lease_until = NULL",
        (document_id,),
    )


def is_waiting(connection: sqlite3.Connection) -> bool:
    """Whether any document is unfinished, claimed or not."""
    return connection.execute("SELECT 1 FROM document_job LIMIT 1").fetchone() is not None


def claim_next(connection: sqlite3.Connection, worker: str) -> Claim | None:
    """Take the oldest document that nobody works on, in a write transaction."""
    rows = connection.execute(
        "SELECT j.document_id, d.version, j.attempts, j.process, j.lease_until"
        " FROM document_job AS j JOIN document AS d ON d.id = j.document_id"
        " ORDER BY j.document_id"
    )
    free = next((row for row in rows if _is_free(row[3], row[4])), None)
    rows.close()
    if free is None:
        return None
    document_id, version, attempts = free[:3]
    connection.execute(
        "UPDATE document_job SET worker = ?, process = ?, lease_until = ?,"
        " attempts = attempts + 1 WHERE document_id = ?",
        (worker, _this_process(), time.time() + LEASE_SECONDS, document_id),
    )
    return Claim(document_id, version, worker, attempts + 1)


def release(connection: sqlite3.Connection, worker: str) -> None:
    """Give back what a worker holds; the attempt does not count, for nothing went wrong."""
    connection.execute(
        "UPDATE document_job SET worker = NULL, process = NULL, lease_until = NULL,"
        " attempts = attempts - 1 WHERE worker = ?",
        (worker,),
    )


def _is_free(process: str | None, lease_until: float | None) -> bool:
    if process is None or lease_until is None:
        return True
    remaining = lease_until - time.time()
    # A lease from a clock that ran ahead must not last for ever.
    return not 0 < remaining <= 2 * LEASE_SECONDS or _is_gone(process)


def _this_process() -> str:
    return f"{_machine()} {os.getpid()}"


def _is_gone(process: str) -> bool:
    """Whether a process of this machine has ended; of others only their lease tells."""
    machine, _, number = process.rpartition(" ")
    if os.name != "posix" or machine != _machine():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError):
        return False
    return False


def _machine() -> str:
    """Where process numbers mean what they mean here: host, start of the system, container."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip())
    with contextlib.suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)
