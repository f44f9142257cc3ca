"""Which media types can be read, and how an upload's type is found.

Imports `problems` and the standard library.
"""

from __future__ import annotations

import importlib.util
import mimetypes
import re
from dataclasses import dataclass
from email.message import Message
from pathlib import PurePosixPath
from typing import Final

from spectron_adapters.local.problems import Problem, bad_request

__all__ = ["CSV", "DOCX", "HTML", "JSON", "JSON_LINES", "MARKDOWN", "PDF", "PLAIN", "TSV",
    "MediaType", "check_ingestible", "find_media_type"]  # fmt: skip

PLAIN: Final = "text/plain"
MARKDOWN: Final = "text/markdown"
HTML: Final = "text/html"
JSON: Final = "application/json"
JSON_LINES: Final = "application/x-ndjson"
CSV: Final = "text/csv"
TSV: Final = "text/tab-separated-values"
PDF: Final = "application/pdf"
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

_READABLE: Final = (PLAIN, MARKDOWN, HTML, JSON, JSON_LINES, CSV, TSV, PDF, DOCX)
_SYNONYMS: Final = {
    "text/x-markdown": MARKDOWN,
    "application/xhtml+xml": HTML,
    "text/json": JSON,
    "application/jsonl": JSON_LINES,
    "application/jsonlines": JSON_LINES,
    "application/x-jsonlines": JSON_LINES,
    "application/ndjson": JSON_LINES,
    "application/csv": CSV,
    "application/x-pdf": PDF,
}
_BY_ENDING: Final = {
    ".txt": PLAIN, ".text": PLAIN, ".log": PLAIN, ".rst": PLAIN, ".md": MARKDOWN,
    ".markdown": MARKDOWN, ".html": HTML, ".htm": HTML, ".xhtml": HTML, ".json": JSON,
    ".jsonl": JSON_LINES, ".ndjson": JSON_LINES, ".csv": CSV, ".tsv": TSV, ".pdf": PDF,
    ".docx": DOCX,
}  # fmt: skip
_UNTOLD: Final = frozenset({"", "application/octet-stream", "binary/octet-stream"})
# Text by name, but not what a reader would call text.
_NO_PLAIN_TEXT: Final = frozenset({"text/rtf", "text/richtext", "text/calendar", "text/vcard"})
_NEEDED: Final = {PDF: ("pypdf", "pypdf"), DOCX: ("docx", "python-docx")}
_TOKEN: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")
_LENGTH_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class MediaType:
    """An upload's type.

    Attributes:
        name: Type and subtype, lower-case: `text/plain`.
        full: With its parameters, as it is sent back.
    """

    name: str
    full: str

    @classmethod
    def parse(cls, text: str) -> MediaType:
        """Read a header's value.

        Raises:
            Problem: 400, it is no media type.
        """
        text = text.strip()
        name = text.partition(";")[0].strip().lower()
        if not _TOKEN.fullmatch(name) or len(text) > _LENGTH_MAX or not _is_plain(text):
            raise bad_request(f"{text[:60]!r} is not a media type such as text/plain")
        return cls(name, text)

    @property
    def charset(self) -> str | None:
        """The parameter `charset`, if it is there."""
        header = Message()
        header["content-type"] = self.full
        charset = header.get_param("charset")
        return charset if isinstance(charset, str) and charset else None

    @property
    def reader(self) -> str | None:
        """Which of the readable types it is read as; None when it cannot be read."""
        name = _SYNONYMS.get(self.name, self.name)
        if name in _READABLE:
            return name
        return PLAIN if name.startswith("text/") and name not in _NO_PLAIN_TEXT else None


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def find_media_type(given: str | None, of_part: str, filename: str | None) -> MediaType:
    """The type of an upload: as the metadata say, else the file part, else the file's name.

    Raises:
        Problem: 400, what was given is no media type.
    """
    for text in (given or "", of_part):
        if text.partition(";")[0].strip().lower() not in _UNTOLD:
            return MediaType.parse(text)
    ending = PurePosixPath(filename or "").suffix.lower()
    guessed = _BY_ENDING.get(ending) or mimetypes.guess_type(f"file{ending}")[0]
    return MediaType.parse(guessed or "application/octet-stream")


def check_ingestible(media_type: MediaType) -> None:
    """Refuse what cannot be read here.

    Raises:
        Problem: 415, naming what can be read, or the package that is missing.
    """
    reader = media_type.reader
    if reader is None:
        raise _unsupported(
            f"{media_type.name} cannot be read; these can: {', '.join(_READABLE)}, and other "
            "text/* as plain text. Give mimeType when the type was guessed wrongly"
        )
    if reader in _NEEDED:
        module, package = _NEEDED[reader]
        if importlib.util.find_spec(module) is None:
            raise _unsupported(
                f"{media_type.name} needs the package {package}, which is not installed; "
                "pip install 'spectron-adapters[documents]'"
            )


def _unsupported(detail: str) -> Problem:
    return Problem(415, "unsupported-media-type", detail)
