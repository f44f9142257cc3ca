"""What can be said of a database file before SQLite opens it.

Reading the first hundred bytes keeps damaged, foreign and newer files byte-identical, without
the side files that opening would create. Imports the standard library and `problems` only.
"""

from __future__ import annotations

import os
from pathlib import Path

from spectron_adapters.local.problems import StorageProblem
from spectron_adapters.local.storage.schema import APPLICATION_ID, LATEST

__all__ = ["check_file", "check_versions"]

_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100


def check_file(path: Path) -> None:
    """Refuse what this engine must not open; a missing or empty file is fine.

    Raises:
        StorageProblem: The file is damaged, foreign, of a newer release, or not writable.
    """
    folder = path.parent
    if not folder.is_dir():
        raise StorageProblem(f"the folder {folder} does not exist; create it or choose another")
    if path.is_dir():
        raise StorageProblem(f"{path} is a folder; give the path of a database file")
    if path.exists() and not path.is_file():
        raise StorageProblem(f"{path} is a device or a pipe; give the path of a database file")
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise StorageProblem(
            f"{path} is read-only for this process; the engine needs to write the file and its "
            "folder"
        )
    if path.exists():
        _check_header(path)


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    size = path.stat().st_size
    if size == 0:
        return
    if header[:16] != _MAGIC:
        raise StorageProblem(
            f"{path} is not a database, or its beginning is damaged; it was left as it is. "
            "Choose another path or restore a copy"
        )
    if len(header) < _HEADER_BYTES or _is_cut_off(path, header, size):
        raise StorageProblem(
            f"{path} is damaged: it is shorter than it should be; it was left as it is. "
            "Restore a copy"
        )
    version = int.from_bytes(header[60:64], "big")
    application = int.from_bytes(header[68:72], "big")
    check_versions(path, version=version, application=application)


def _is_cut_off(path: Path, header: bytes, size: int) -> bool:
    """Whether pages are missing that no write-ahead log can still bring back."""
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size > 0:
        return False
    page_size = int.from_bytes(header[16:18], "big")
    page_size = 65536 if page_size == 1 else page_size
    pages = int.from_bytes(header[28:32], "big")
    is_count_current = header[24:28] == header[92:96]
    return is_count_current and size < pages * page_size


def check_versions(path: Path | str, *, version: int, application: int) -> None:
    """Refuse a schema that is newer, or another program's.

    Raises:
        StorageProblem: The file was not written by this library, or by a newer release.
    """
    if application != APPLICATION_ID and (application or version):
        raise StorageProblem(
            f"{path} belongs to another program (application id {application:#x}); it was left as "
            "it is. Choose another path"
        )
    if version > LATEST:
        raise StorageProblem(
            f"{path} has schema {version}, this release knows up to {LATEST}; it was left as it "
            "is. Install a newer spectron-adapters"
        )
