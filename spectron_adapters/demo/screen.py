"""What the demonstration shows: plain lines, which a terminal with `rich` colours.

Plain lines hold not one control character, whatever the conversations hold.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Literal, TextIO

__all__ = ["Part", "Screen", "Style", "open_screen", "shortened"]

Style = Literal["bold", "bold cyan", "green", "bold red", "dim", "yellow"]
Part = str | tuple[str, Style]

_WIDTHS = range(60, 101)
_SILENCE = 5.0
_INVISIBLE = frozenset(["Cc", "Cf", "Cs", "Zl", "Zp"])
_ASCII = str.maketrans({"✓": "+", "✗": "!", "·": "-", "…": "~", "—": "-"})


def shortened(text: str, width: int) -> str:
    """Return the text on one line of at most `width` columns."""
    line = " ".join(_calm(text).split())
    if _columns(line) <= width:
        return line
    while line and _columns(line) > width - 1:
        line = line[:-1]
    return f"{line.rstrip()}…"


def _calm(text: str) -> str:
    """Replace what would command a terminal, or hide from its reader."""
    return "".join(" " if unicodedata.category(each) in _INVISIBLE else each for each in text)


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


class Screen:
    """Writes plain lines.

    Attributes:
        width: Columns to fill.

    Args:
        stream: Where to.
        silent: Say nothing, as when a program reads the result.
    """

    def __init__(self, stream: TextIO, *, silent: bool = False) -> None:
        self.width = min(
            max(shutil.get_terminal_size((_WIDTHS[-1], 24)).columns, _WIDTHS[0]), _WIDTHS[-1]
        )
        self._stream = stream
        self._silent = silent

    def line(self, *parts: Part) -> None:
        """Write one line of plain and styled parts, whatever characters they hold."""
        if not self._silent:
            pairs = ((part, None) if isinstance(part, str) else part for part in parts)
            self._write([(_calm(text), style) for text, style in pairs])

    def _write(self, parts: Sequence[tuple[str, Style | None]]) -> None:
        line = "".join(text for text, _ in parts)
        encoding = self._stream.encoding or "utf-8"
        try:
            line.encode(encoding)
        except UnicodeEncodeError:
            line = line.translate(_ASCII).encode(encoding, "replace").decode(encoding)
        try:
            self._stream.write(f"{line}\n")
            self._stream.flush()
        except BrokenPipeError:
            # The reader has gone: the run goes on, and its exit code still counts.
            self._silent = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator[Callable[[], None]]:
        """Show how far a loop has come; call what it yields once per item."""
        done, spoken = 0, time.monotonic()

        def advance() -> None:
            nonlocal done, spoken
            done += 1
            if time.monotonic() - spoken >= _SILENCE:
                spoken = time.monotonic()
                self.line(f"  {label} {done}/{total}")

        yield advance


def open_screen(*, silent: bool = False) -> Screen:
    """Return a screen on standard output, coloured where that is possible."""
    if silent or not _takes_colour(sys.stdout):
        return Screen(sys.stdout, silent=silent)
    screen: Screen = import_module("spectron_adapters.demo.terminal").Terminal(sys.stdout)
    return screen


def _takes_colour(stream: TextIO) -> bool:
    speaks_unicode = (stream.encoding or "").casefold().startswith("utf")
    return stream.isatty() and speaks_unicode and find_spec("rich") is not None
