"""JSON, JSON lines and tables: every value with its name, so that words find it.

Imports `formats`, `formats_text` and the standard library.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Final

from spectron_adapters.local.documents.formats import Extracted, TextBuilder, UnreadableError
from spectron_adapters.local.documents.formats_text import decode

__all__ = ["read_csv", "read_json", "read_json_lines", "read_tsv"]

_NAMES_SHOWN: Final = 8
_DELIMITERS: Final = ",;\t|"


def read_json(content: bytes, charset: str | None) -> Extracted:
    """One line per value: `path.to.name: value`."""
    builder = TextBuilder()
    for line in _lines(_parsed(decode(content, charset), place="")):
        builder.add(f"{line}\n")
    return builder.extracted()


def read_json_lines(content: bytes, charset: str | None) -> Extracted:
    """One paragraph per record, with one line per value."""
    builder = TextBuilder()
    for number, line in enumerate(decode(content, charset).split("\n"), 1):
        if line.strip():
            for text in _lines(_parsed(line, place=f" in line {number}")):
                builder.add(f"{text}\n")
            builder.add("\n")
    return builder.extracted()


def _parsed(text: str, *, place: str) -> object:
    try:
        return json.loads(text)
    except RecursionError:
        raise UnreadableError(f"the JSON{place} is nested too deeply") from None
    except json.JSONDecodeError as error:
        where = place or f" in line {error.lineno}, column {error.colno}"
        raise UnreadableError(f"the file is not JSON{where}: {error.msg}") from None
    except ValueError:
        raise UnreadableError(f"the JSON{place} holds a number that is too long") from None


def _lines(value: object) -> Iterator[str]:
    """Each leaf with the names that lead to it, in the order of the file."""
    stack: list[tuple[tuple[str, ...], object]] = [((), value)]
    while stack:
        path, item = stack.pop()
        if isinstance(item, dict):
            named = [((*path, str(name))[-_NAMES_SHOWN:], inner) for name, inner in item.items()]
            stack.extend(reversed(named))
        elif isinstance(item, list):
            stack.extend((path, inner) for inner in reversed(item))
        else:
            text = _shown(item)
            yield f"{'.'.join(path)}: {text}" if path else text


def _shown(leaf: object) -> str:
    return leaf if isinstance(leaf, str) else json.dumps(leaf)


def read_csv(content: bytes, charset: str | None) -> Extracted:
    """One paragraph per row, `column: value` on each line; the first row names the columns."""
    text = decode(content, charset)
    first = text.split("\n", 1)[0]
    return _table(text, max(_DELIMITERS, key=first.count))


def read_tsv(content: bytes, charset: str | None) -> Extracted:
    """Like `read_csv`, with tabs between the columns."""
    return _table(decode(content, charset), "\t")


def _table(text: str, delimiter: str) -> Extracted:
    builder = TextBuilder()
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names: list[str] | None = None
    try:
        for row in rows:
            if names is None:
                names = [name.strip() for name in row] if any(row) else None
            elif any(cell.strip() for cell in row):
                builder.add(_row(names, row))
    except csv.Error as error:
        raise UnreadableError(
            f"the table cannot be read at line {rows.line_num}: {error}"
        ) from None
    if names and not builder.length:
        builder.add(" | ".join(names))
    return builder.extracted()


def _row(names: list[str], row: list[str]) -> str:
    lines = [
        f"{(names[place] if place < len(names) else '') or f'column {place + 1}'}: {cell.strip()}"
        for place, cell in enumerate(row)
        if cell.strip()
    ]
    return "\n".join(lines) + "\n\n"
