"""Plain text and Markdown, and how bytes become text.

Imports `formats` and the standard library.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

from spectron_adapters.local.documents.formats import Extracted, TextBuilder, UnreadableError

__all__ = ["decode", "read_markdown", "read_plain"]

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LINE_BREAKS: Final = re.compile(r"\r\n?")
# Codecs of names in the network, whose time grows with the square of the length.
_NO_CHARSETS: Final = frozenset({"punycode", "idna"})


def decode(content: bytes, charset: str | None) -> str:
    """The text of bytes: by their byte order mark, else in the charset given, else UTF-8.

    Args:
        content: The bytes.
        charset: Name of the charset, where the type gives one.

    Returns:
        The text, its lines ended by one line feed.

    Raises:
        UnreadableError: The charset is unknown, or the bytes are not in it.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _LINE_BREAKS.sub("\n", _decode(content[len(mark) :], encoding))
    return _LINE_BREAKS.sub("\n", _decode(content, charset or "utf-8"))


def _decode(content: bytes, charset: str) -> str:
    try:
        return content.decode("" if codecs.lookup(charset).name in _NO_CHARSETS else charset)
    except UnicodeDecodeError as error:
        raise UnreadableError(
            f"the file is not {charset} at byte {error.start}; upload it with its charset, for "
            "example text/plain; charset=windows-1252"
        ) from None
    except (LookupError, ValueError):
        raise UnreadableError(
            f"{charset[:40]!r} is no charset known here; give one such as utf-8"
        ) from None


def read_plain(content: bytes, charset: str | None) -> Extracted:
    """Plain text: itself."""
    builder = TextBuilder()
    builder.add(decode(content, charset))
    return builder.extracted()


_ATX: Final = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*")
_SETEXT: Final = re.compile(r" {0,3}(=+|-+)[ \t]*")
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})([^\n]*)")
# What may not be the text of a heading that a line below marks: lists, quotes, code, tables.
_NO_TITLE: Final = re.compile(r"\s*$|\s{4,}|\t|\s*(?:[-*+]\s|\d+[.)]\s|>|\||#{1,6}\s)")


def read_markdown(content: bytes, charset: str | None) -> Extracted:
    """Markdown as it is written, with a section for every heading outside code."""
    builder = TextBuilder()
    fence, previous, previous_start = "", "", 0
    for line in decode(content, charset).splitlines(keepends=True):
        start = builder.length
        builder.add(line)
        bare = line.rstrip("\n")
        if fence:
            fence = "" if _closes(fence, bare) else fence
            previous = ""
        elif (opening := _FENCE.fullmatch(bare)) and _opens(opening):
            fence, previous = opening[1], ""
        else:
            _note_heading(builder, bare, start, previous, previous_start)
            previous, previous_start = bare, start
    return builder.extracted()


def _opens(opening: re.Match[str]) -> bool:
    return not (opening[1].startswith("`") and "`" in opening[2])


def _closes(fence: str, line: str) -> bool:
    mark = line.strip()
    return len(mark) >= len(fence) and set(mark) == {fence[0]}


def _note_heading(
    builder: TextBuilder, line: str, start: int, previous: str, previous_start: int
) -> None:
    if (atx := _ATX.fullmatch(line)) is not None:
        builder.heading(atx[2] or "", len(atx[1]), start=start)
    elif (setext := _SETEXT.fullmatch(line)) is not None and not _NO_TITLE.match(previous):
        builder.heading(previous, 1 if setext[1].startswith("=") else 2, start=previous_start)
