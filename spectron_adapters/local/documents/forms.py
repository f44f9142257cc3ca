"""Multipart forms: cut at their boundary without copying the file.

Strict about bodies that were damaged or cut short, in time that grows with the body's length.
Imports `problems` and the standard library.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser

from spectron_adapters.local.problems import Problem, bad_request

__all__ = ["Part", "UploadForm", "read_form"]

_HEADERS_MAX = 16 * 1024
_PARTS_MAX = 64
_METADATA_MAX = 1024 * 1024
_BOUNDARY_MAX = 70
_BARE_FIELDS = frozenset({"title", "source", "scopes", "scope"})
_SCOPE_FIELDS = frozenset({"scopes", "scope"})
# What browsers write for characters that would end the quoted name.
_ESCAPED_IN_NAMES = re.compile(r"%(22|5C|0D|0A|09)", re.IGNORECASE)
_NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f]")
_PLAIN_ENCODINGS = frozenset({"", "binary", "8bit", "7bit"})


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form.

    Attributes:
        name: The field's name.
        filename: Last part of the file's name; None for a plain field.
        content_type: As the part gives it, or an empty text.
        content: A view of the body's bytes.
    """

    name: str
    filename: str | None
    content_type: str
    content: memoryview


@dataclass(frozen=True, slots=True)
class UploadForm:
    """What an upload holds.

    Attributes:
        file: The document.
        metadata: Its description: the JSON part, over bare form fields.
    """

    file: Part
    metadata: Mapping[str, object]


def read_form(body: bytes, content_type: str) -> UploadForm:
    """Read an upload: a part `file`, and a JSON part `metadata` before or after it.

    Args:
        body: The whole body.
        content_type: The request's header, which names the boundary.

    Raises:
        Problem: 400, the form is damaged or cut short, or lacks its file.
    """
    parts = list(_parts(body, _boundary(content_type)))
    return UploadForm(_file_of(parts), _metadata_of(parts))


def _file_of(parts: Sequence[Part]) -> Part:
    files = [part for part in parts if part.name == "file"]
    if len(files) != 1:
        named = ", ".join(sorted({repr(part.name[:40]) for part in parts})) or "none"
        raise bad_request(
            f"the form has {len(files)} parts 'file' and needs one; its parts are: {named}"
        )
    return files[0]


def _metadata_of(parts: Sequence[Part]) -> dict[str, object]:
    bare = {part.name: _bare_value(part) for part in parts if part.name in _BARE_FIELDS}
    described = [part for part in parts if part.name == "metadata"]
    if len(described) > 1:
        raise bad_request(f"the form has {len(described)} parts 'metadata'; send at most one")
    return bare | (_json_object(described[0]) if described else {})


def _bare_value(part: Part) -> object:
    text = _text_of(part)
    if part.name in _SCOPE_FIELDS and text.lstrip().startswith(("[", '"')):
        return _parsed(text, part.name)
    return text


def _json_object(part: Part) -> dict[str, object]:
    text = _text_of(part)
    value = _parsed(text, part.name) if text.strip() else {}
    if not isinstance(value, dict):
        raise bad_request(f"the part 'metadata' must be a JSON object, not {type(value).__name__}")
    return value


def _parsed(text: str, name: str) -> object:
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        reason = "half of a surrogate pair" if isinstance(error, UnicodeError) else "not JSON"
        raise bad_request(f"the part {name!r} cannot be read: {reason}") from None
    return value


def _text_of(part: Part) -> str:
    if len(part.content) > _METADATA_MAX:
        raise bad_request(f"the part {part.name!r} is longer than {_METADATA_MAX} bytes")
    try:
        return bytes(part.content).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise bad_request(f"the part {part.name!r} is not UTF-8") from None


# --- cutting ------------------------------------------------------------------------------------


def _boundary(content_type: str) -> bytes:
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_boundary("")
    if not boundary or len(boundary) > _BOUNDARY_MAX or not boundary.isascii():
        raise bad_request(
            "the Content-Type of a form names its boundary, 1 to 70 ASCII characters: "
            "multipart/form-data; boundary=..."
        )
    return boundary.encode()


def _parts(body: bytes, boundary: bytes) -> Iterator[Part]:
    delimiter = b"\r\n--" + boundary
    if body.startswith(delimiter[2:]):
        position = len(delimiter) - 2
    elif body.startswith(delimiter):
        position = len(delimiter)
    else:
        raise bad_request("the form does not begin with the boundary that its Content-Type names")
    view = memoryview(body)
    for number in range(_PARTS_MAX + 1):
        start = _after_delimiter(body, position)
        if start is None:
            return
        if number == _PARTS_MAX:
            break
        end = _next_delimiter(body, delimiter, start)
        yield _part(body, view, start, end)
        position = end + len(delimiter)
    raise bad_request(f"the form has more than {_PARTS_MAX} parts")


def _after_delimiter(body: bytes, position: int) -> int | None:
    """Where the part begins; None after the last one."""
    if body.startswith(b"--", position):
        return None
    while body[position : position + 1] in (b" ", b"\t"):
        position += 1
    if not body.startswith(b"\r\n", position):
        raise _cut_short()
    return position + 2


def _next_delimiter(body: bytes, delimiter: bytes, start: int) -> int:
    """Where the part that begins at `start` ends; a longer token is content."""
    # The blank line of a part without headers and content is its delimiter's own line break.
    position = max(start - 2, 0)
    while (position := body.find(delimiter, position)) >= 0:
        following = body[position + len(delimiter) : position + len(delimiter) + 2]
        if following[:1] in (b"\r", b" ", b"\t") or following == b"--":
            return position
        position += len(delimiter)
    raise _cut_short()


def _cut_short() -> Problem:
    return bad_request(
        "the form ends before its closing boundary: the upload was cut short; send it again"
    )


def _part(body: bytes, view: memoryview, start: int, end: int) -> Part:
    blank = body.find(b"\r\n\r\n", start, min(end + 2, start + _HEADERS_MAX))
    if blank < 0:
        raise bad_request("a part of the form has no blank line after its headers")
    try:
        headers = HeaderParser().parsestr(body[start:blank].decode("utf-8"))
    except UnicodeDecodeError:
        raise bad_request("the headers of a part of the form are not UTF-8") from None
    name = headers.get_param("name", header="content-disposition")
    if not isinstance(name, str) or not name:
        raise bad_request("a part of the form has no name in its Content-Disposition")
    encoding = str(headers.get("content-transfer-encoding", "")).strip().lower()
    if encoding not in _PLAIN_ENCODINGS:
        raise bad_request(f"the part {name[:40]!r} must be sent as it is, not as {encoding[:40]!r}")
    return Part(
        name, _filename(headers), str(headers.get("content-type", "")), view[blank + 4 : end]
    )


def _filename(headers: Message) -> str | None:
    name = headers.get_filename()
    if name is None:
        return None
    name = _ESCAPED_IN_NAMES.sub(lambda found: chr(int(found[1], 16)), name)
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    return _NOT_IN_NAMES.sub("", name).strip() or None
