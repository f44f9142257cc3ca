"""PDF and DOCX, through pypdf and python-docx (extra `documents`).

Both are imported when a file needs them. Files that would unpack to far more than they are get
refused before that. Imports `formats` and the standard library.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from spectron_adapters.local.documents.formats import (
    Deadline,
    Extracted,
    TextBuilder,
    UnreadableError,
)

if TYPE_CHECKING:
    from docx.table import Table
    from docx.text.paragraph import Paragraph
    from pypdf import PdfReader

__all__ = ["read_docx", "read_pdf"]

_PAGES_MAX: Final = 20_000
_OUTLINE_MAX: Final = 10_000
_UNPACKED_MAX: Final = 256 * 1024 * 1024
_RATIO_MAX: Final = 200
_RATIO_FROM: Final = 8 * 1024 * 1024
_MEMBERS_MAX: Final = 10_000


def read_pdf(content: bytes, charset: str | None) -> Extracted:  # noqa: ARG001  # every reader's
    """A PDF's text page by page; its bookmarks are the sections.

    Raises:
        UnreadableError: It is damaged, encrypted, or holds no text.
    """
    builder = TextBuilder()
    try:
        reader = _opened_pdf(content)
        headings = _bookmarks(reader, builder.deadline)
        for number, page in enumerate(reader.pages):
            for heading, level in headings.get(number, ()):
                builder.heading(heading, level)
            text = page.extract_text().strip()
            builder.add(f"{text}\n\n" if text else "")
    except UnreadableError:
        raise
    except Exception as error:  # noqa: BLE001  # a damaged PDF makes the parser fail in any way
        raise UnreadableError(
            f"the PDF is damaged or was cut short ({type(error).__name__}); upload it again"
        ) from None
    if not builder.length:
        raise UnreadableError("the PDF holds no text; scanned pages need to be recognised first")
    return builder.extracted()


def _opened_pdf(content: bytes) -> PdfReader:
    from pypdf import PdfReader  # noqa: PLC0415  # an extra

    if b"%PDF-" not in content[:1024]:
        raise UnreadableError("the file does not begin like a PDF")
    reader = PdfReader(io.BytesIO(content), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        raise UnreadableError("the PDF is encrypted with a password; upload it without one")
    if not len(reader.pages):
        raise UnreadableError("the PDF is damaged or was cut short: it has no pages")
    if len(reader.pages) > _PAGES_MAX:
        raise UnreadableError(f"the PDF has more than {_PAGES_MAX} pages; split it")
    return reader


def _bookmarks(reader: PdfReader, deadline: Deadline) -> Mapping[int, list[tuple[str, int]]]:
    """Headings and their levels by page; none when the outline is damaged."""
    found: dict[int, list[tuple[str, int]]] = {}
    try:
        for count, (item, level) in enumerate(_outline(reader.outline, 1)):
            deadline.check()
            number = reader.get_destination_page_number(item)
            if count >= _OUTLINE_MAX:
                break
            if number is not None and number >= 0 and item.title:
                found.setdefault(number, []).append((str(item.title), level))
    except UnreadableError:
        raise
    except Exception:  # noqa: BLE001  # the text counts, whatever became of the outline
        return {}
    return found


def _outline(items: list[Any], level: int) -> Iterator[tuple[Any, int]]:
    for item in items:
        if isinstance(item, list):
            yield from _outline(item, level + 1)
        else:
            yield item, level


def read_docx(content: bytes, charset: str | None) -> Extracted:  # noqa: ARG001  # every reader's
    """A DOCX's paragraphs and tables in order; paragraphs of heading styles begin sections.

    Raises:
        UnreadableError: It is damaged, no DOCX, or unpacks to far too much.
    """
    _check_package(content)
    builder = TextBuilder()
    try:
        for block in _blocks(content):
            _add_block(builder, block)
    except UnreadableError:
        raise
    except Exception as error:  # noqa: BLE001  # a damaged package makes the parser fail in any way
        raise UnreadableError(
            f"the DOCX is damaged or no DOCX ({type(error).__name__}); upload it again"
        ) from None
    return builder.extracted()


def _check_package(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            members = package.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise UnreadableError("the file is damaged or no DOCX: it is no ZIP package") from None
    unpacked = sum(member.file_size for member in members)
    bomb = unpacked > _RATIO_FROM and unpacked > _RATIO_MAX * len(content)
    if bomb or unpacked > _UNPACKED_MAX or len(members) > _MEMBERS_MAX:
        raise UnreadableError(
            f"the DOCX would unpack to {unpacked} bytes in {len(members)} files, which is too much"
        )
    if "word/document.xml" not in {member.filename for member in members}:
        raise UnreadableError("the file is a ZIP package, but no DOCX")


def _blocks(content: bytes) -> Iterator[Paragraph | Table]:
    import docx  # noqa: PLC0415  # an extra

    yield from docx.Document(io.BytesIO(content)).iter_inner_content()


def _add_block(builder: TextBuilder, block: Paragraph | Table) -> None:
    rows = getattr(block, "rows", None)
    if rows is not None:
        for row in rows:
            builder.add(" | ".join(cell.text.strip() for cell in row.cells) + "\n")
        builder.add("\n")
        return
    text = str(getattr(block, "text", "")).strip()
    if not text:
        return
    level = _heading_level(block)
    if level is not None:
        builder.heading(text, level)
    builder.add(f"{text}\n\n")


def _heading_level(block: object) -> int | None:
    style = getattr(getattr(block, "style", None), "name", None) or ""
    if style == "Title":
        return 1
    kind, _, number = style.partition(" ")
    if kind.lower() != "heading" or not number.isdecimal():
        return None
    return min(max(int(number), 1), 9)
