"""Uploads as multipart bodies, framed without reading the file into memory.

The JSON part `metadata` comes before the part `file`. Opens files from paths and closes those
that it opened; a file object stays its owner's. Imports the standard library only.
"""

from __future__ import annotations

import io
import mimetypes
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, TypeAlias
from urllib.parse import quote

if TYPE_CHECKING:
    from typing_extensions import Self

UploadSource: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]"
"""A path, the bytes themselves, or a binary file object, read from where it stands."""

CHUNK_SIZE = 64 * 1024
DEFAULT_FILENAME = "upload"
DEFAULT_MIME_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class FilePart:
    """What an upload sends as its file, before it is opened."""

    source: UploadSource
    filename: str
    mime_type: str


def file_part(
    method: str, source: UploadSource, *, filename: str | None, mime_type: str | None
) -> FilePart:
    """Name and type of an upload, from the arguments or from the file's own name.

    Raises:
        TypeError: Neither a path, bytes nor a binary file object.
        ValueError: The path names no file, or the name cannot be sent.
    """
    own_name = _own_name(method, source)
    name = filename or own_name or DEFAULT_FILENAME
    guessed = mimetypes.guess_type(name)[0] or DEFAULT_MIME_TYPE
    chosen = mime_type or guessed
    if not chosen.isascii() or not chosen.isprintable():
        msg = f"{method}(): mime_type {chosen[:40]!r} is not a media type such as text/plain"
        raise ValueError(msg)
    return FilePart(source, name, chosen)


def _own_name(method: str, source: object) -> str | None:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return None
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        if not path.is_file():
            msg = f"{method}(): there is no file at {str(path)!r}"
            raise ValueError(msg)
        return path.name
    if isinstance(source, io.TextIOBase) or not callable(getattr(source, "read", None)):
        msg = (
            f"{method}(): file must be a path, bytes or a file opened in binary mode, "
            f"got {type(source).__name__}"
        )
        raise TypeError(msg)
    name = getattr(source, "name", None)
    return Path(name).name if isinstance(name, str) else None


class MultipartBody:
    """A multipart body that is read once, chunk by chunk; a context that closes its file.

    Attributes:
        content_type: The header's value, with the boundary.
        length: Size of the whole body in bytes; None when the file cannot tell its size.
        failure: What went wrong while the file was read, if anything did.
    """

    def __init__(self, part: FilePart | None, metadata: bytes | None) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._head = _head(boundary, part, metadata)
        self._tail = f"\r\n--{boundary}--\r\n".encode() if part else f"--{boundary}--\r\n".encode()
        self._file, self._owned = _opened(part.source) if part else (io.BytesIO(), True)
        size = _remaining(self._file)
        self.length = None if size is None else len(self._head) + size + len(self._tail)
        self._left = size
        self.failure: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, when it was opened here."""
        if self._owned:
            self._file.close()

    def headers(self) -> dict[str, str]:
        """Type and length of the body; without a length it is sent in chunks."""
        framing = (
            {"Transfer-Encoding": "chunked"}
            if self.length is None
            else {"Content-Length": str(self.length)}
        )
        return {"Content-Type": self.content_type, **framing}

    def read(self) -> bytes:
        """The next piece of the file; empty at its end.

        Raises:
            ValueError: The file got shorter while it was sent, or is not binary.
        """
        try:
            return self._read()
        except Exception as error:
            self.failure = error
            raise

    def _read(self) -> bytes:
        wanted = CHUNK_SIZE if self._left is None else min(CHUNK_SIZE, self._left)
        chunk: object = self._file.read(wanted)  # what a user's file gives is not certain
        if not isinstance(chunk, bytes):
            msg = f"the file's read() gave {type(chunk).__name__} instead of bytes"
            raise TypeError(msg)
        if self._left is None:
            return chunk
        self._left -= len(chunk)
        if self._left and not chunk:
            msg = "the file became shorter while it was being uploaded"
            raise ValueError(msg)
        return chunk

    @property
    def head(self) -> bytes:
        """Everything before the file's bytes."""
        return self._head

    @property
    def tail(self) -> bytes:
        """Everything after the file's bytes."""
        return self._tail


def _head(boundary: str, part: FilePart | None, metadata: bytes | None) -> bytes:
    head = b""
    if metadata is not None:
        head += (
            f"--{boundary}\r\n"
            'Content-Disposition: form-data; name="metadata"\r\n'
            "Content-Type: application/json\r\n\r\n"
        ).encode()
        head += metadata + b"\r\n"
    if part is not None:
        head += (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{_quoted(part.filename)}"\r\n'
            f"Content-Type: {part.mime_type}\r\n\r\n"
        ).encode()
    return head


def _quoted(filename: str) -> str:
    """The name as browsers write it: UTF-8, with quotes and line breaks percent-encoded."""
    safe = filename.encode("utf-8", errors="replace").decode()
    return "".join(quote(c) if c in '"\\' or not c.isprintable() else c for c in safe)


def _opened(source: UploadSource) -> tuple[IO[bytes], bool]:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return io.BytesIO(bytes(source)), True
    if isinstance(source, (str, os.PathLike)):
        return Path(source).open("rb"), True
    return source, False


def _remaining(file: IO[bytes]) -> int | None:
    """Bytes between the file's position and its end; None when it cannot seek."""
    try:
        start = file.tell()
        end = file.seek(0, os.SEEK_END)
        file.seek(start)
    except (AttributeError, OSError):
        return None
    return max(0, end - start)
