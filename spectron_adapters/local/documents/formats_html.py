"""HTML: its words in reading order, a section for every heading.

Imports `formats`, `formats_text` and the standard library.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

from spectron_adapters.local.documents.formats import Extracted, TextBuilder
from spectron_adapters.local.documents.formats_text import decode

__all__ = ["read_html"]

_UNREAD: Final = frozenset({"script", "style", "template", "noscript", "title", "svg", "textarea"})
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_BLOCK_NAMES: Final = (
    "address article aside blockquote body caption dd details dialog div dl dt fieldset figcaption "
    "figure footer form header hr html legend li main nav ol p pre section summary table tbody "
    "tfoot thead tr ul h1 h2 h3 h4 h5 h6"
)
_BLOCKS: Final = frozenset(_BLOCK_NAMES.split())
_CELLS: Final = frozenset({"td", "th"})
_PIECE: Final = 64 * 1024
_DECLARED: Final = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE
)
_DECLARED_WITHIN: Final = 4096
_SPACES: Final = re.compile(r"[ \t\r\n\f]+")


def read_html(content: bytes, charset: str | None) -> Extracted:
    """A page's text: scripts and styles left out, entities resolved, blocks on lines of their own.

    The charset is the type's, else the page's own, else UTF-8.
    """
    if charset is None:
        declared = _DECLARED.search(content[:_DECLARED_WITHIN])
        charset = declared[1].decode() if declared else None
    text = decode(content, charset)
    reader = _Reader()
    start = 0
    while start < len(text):
        # A tag or comment without end is looked at again with every piece, so they grow with it.
        piece = max(_PIECE, len(reader.rawdata))
        reader.feed(text[start : start + piece])
        start += piece
    reader.close()
    return reader.builder.extracted()


class _Reader(HTMLParser):
    """Writes what a reader sees into a builder."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.builder = TextBuilder()
        self._unread: str | None = None
        self._preformatted = 0
        self._pending = ""
        self._heading: tuple[int, int] | None = None
        self._heading_words: list[str] = []

    def feed(self, data: str) -> None:
        self.builder.deadline.check()
        super().feed(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.builder.deadline.check()
        if self._unread:
            return
        if tag in _UNREAD:
            self._unread = tag
        elif tag == "br":
            self._break("\n")
        elif tag in _CELLS:
            self._break(" | ")
        elif tag in _BLOCKS:
            self._open_block(tag)

    def _open_block(self, tag: str) -> None:
        self._break("\n" if tag in ("li", "tr", "dt", "dd") else "\n\n")
        self._preformatted += tag == "pre"
        if tag in _HEADINGS:
            self._flush()
            self._heading, self._heading_words = (_HEADINGS[tag], self.builder.length), []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # XHTML may write <script/>, which must not silence the rest of the page.
        if tag not in _UNREAD:
            self.handle_starttag(tag, attrs)
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._unread:
            self._unread = None if tag == self._unread else self._unread
            return
        if tag in _HEADINGS and self._heading is not None:
            level, start = self._heading
            self.builder.heading("".join(self._heading_words), level, start=start)
            self._heading = None
        if tag == "pre" and self._preformatted:
            self._preformatted -= 1
        if tag in _BLOCKS:
            self._break("\n" if tag in ("li", "tr", "dt", "dd") else "\n\n")

    def handle_data(self, data: str) -> None:
        self.builder.deadline.check()
        if self._unread:
            return
        text = data if self._preformatted else _SPACES.sub(" ", data)
        if not text.strip():
            self._pending = self._pending or (" " if self.builder.length else "")
            return
        if text.startswith(" ") and not self._preformatted:
            self._pending, text = self._pending or " ", text.lstrip(" ")
        self._flush()
        kept = text if self._preformatted else text.rstrip(" ")
        self.builder.add(kept)
        if self._heading is not None:
            self._heading_words.append(f" {kept}")
        if kept != text:
            self._pending = " "

    def _break(self, mark: str) -> None:
        """Have the next words begin apart; the greatest distance asked for counts."""
        order = ("", " ", " | ", "\n", "\n\n")
        if self.builder.length and order.index(mark) > order.index(self._pending):
            self._pending = mark

    def _flush(self) -> None:
        pending = self._pending if self.builder.length else ""
        self._pending = ""
        if pending:
            self.builder.add(pending)
