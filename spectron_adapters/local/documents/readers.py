"""The reader of each media type.

Imports the formats; PDF and DOCX load their parsers only when a file needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from spectron_adapters.local.documents import media_types
from spectron_adapters.local.documents.formats import Extracted, UnreadableError
from spectron_adapters.local.documents.formats_data import (
    read_csv,
    read_json,
    read_json_lines,
    read_tsv,
)
from spectron_adapters.local.documents.formats_html import read_html
from spectron_adapters.local.documents.formats_office import read_docx, read_pdf
from spectron_adapters.local.documents.formats_text import read_markdown, read_plain
from spectron_adapters.local.documents.media_types import MediaType

__all__ = ["read_document"]

Reader: TypeAlias = Callable[[bytes, "str | None"], Extracted]

_READERS: Final[Mapping[str, Reader]] = {
    media_types.PLAIN: read_plain,
    media_types.MARKDOWN: read_markdown,
    media_types.HTML: read_html,
    media_types.JSON: read_json,
    media_types.JSON_LINES: read_json_lines,
    media_types.CSV: read_csv,
    media_types.TSV: read_tsv,
    media_types.PDF: read_pdf,
    media_types.DOCX: read_docx,
}


def read_document(content: bytes, media_type: MediaType) -> Extracted:
    """A file's text and sections.

    Args:
        content: The file.
        media_type: Its type, which `check_ingestible` let through.

    Raises:
        UnreadableError: It cannot be read; the message says why.
    """
    reader = _READERS.get(media_type.reader or "")
    if reader is None:
        raise UnreadableError(f"{media_type.name} cannot be read")
    try:
        return reader(content, media_type.charset)
    except ImportError:
        raise UnreadableError(
            f"{media_type.name} needs a package that is not installed; "
            "pip install 'spectron-adapters[documents]'"
        ) from None
    except MemoryError:
        raise UnreadableError("the file needs more memory than there is") from None
