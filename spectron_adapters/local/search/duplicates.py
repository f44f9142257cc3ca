"""Near-duplicates: fingerprints of texts, and the oldest row that says the same.

Turns and passages are compared within their scope set only, so that nobody learns of a text
that they may not read. Runs inside transactions that its caller owns; imports the analysis of
text and nothing else of the project.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

from spectron_adapters.local.search.text import TIME

__all__ = ["DUPLICATE_SCHEMA", "Fingerprint", "find_originals", "fingerprint", "forget_rows"]

DUPLICATE_SCHEMA: Final = """
CREATE TABLE search_fingerprint (
  row_id        INTEGER PRIMARY KEY,
  scope_set_id  INTEGER NOT NULL,
  fingerprint   INTEGER NOT NULL,
  is_short      INTEGER NOT NULL
);
CREATE TABLE search_band (
  band    INTEGER NOT NULL,
  row_id  INTEGER NOT NULL,
  PRIMARY KEY (band, row_id)
) WITHOUT ROWID;
"""
"""Fingerprints of the rows that are nobody's duplicate, and where to look for similar ones.

A band is a quarter of a fingerprint behind its scope set's number: what one scope set holds lies
in one place, so that a batch for one user touches few pages.
"""

FINGERPRINTED: Final = frozenset({"memory_chunk", "chunk"})
"""Kinds of rows that may be duplicates: what was said, and passages of documents."""
DISTANCE: Final = 3
"""Bits in which the fingerprints of near-duplicates may differ."""
SHORT: Final = 24
"""With fewer terms, texts are duplicates only when their terms are the same: one that differs
says something else, and moves a fingerprint by more than the distance anyway."""
SHORTEST: Final = 3
"""With fewer terms, a text means what stands before it ("Yes.") and is nobody's duplicate."""

_LANES: Final = 64
_SIGN: Final = 1 << 63
# One counter of 8 bits for each bit of the fingerprint, all in one number: adding the numbers of
# all terms counts every bit at once, of so many terms as fit a counter.
_SPREAD: Final = tuple(
    sum(1 << (8 * bit) for bit in range(8) if byte >> bit & 1) for byte in range(256)
)
_COUNTED: Final = 255


class Fingerprint(NamedTuple):
    """What a text says, in 64 bits (signed, as SQLite stores them)."""

    bits: int
    is_short: bool

    def bands(self, scope_set_id: int) -> list[int]:
        """Where similar texts of a scope set are found; one shared place is enough."""
        start, bits = scope_set_id << 18, self.bits
        if self.is_short:
            return [start | bits & 0xFFFF]
        return [
            start | bits & 0xFFFF,
            start | 0x10000 | bits >> 16 & 0xFFFF,
            start | 0x20000 | bits >> 32 & 0xFFFF,
            start | 0x30000 | bits >> 48 & 0xFFFF,
        ]

    def resembles(self, other: Fingerprint) -> bool:
        """Whether two texts are near-duplicates."""
        if self.is_short or other.is_short:
            return self == other
        return ((self.bits ^ other.bits) % (1 << 64)).bit_count() <= DISTANCE


def fingerprint(
    kind: str, terms: Sequence[str], *, said_by: str, day: int, features: int
) -> Fingerprint | None:
    """Reduce a text to what near-duplicates share.

    Args:
        kind: The row's kind; rows of two kinds are never duplicates of one another.
        terms: Analysed terms of the text alone, without speaker and date.
        said_by: Context, role and speaker: the same words of another person say something else.
        day: Number of the day on which it was said. It counts when the text holds words of time,
            for "I ran today" said twice is two runs.
        features: The text's feature bits.

    Returns:
        The fingerprint; None when the row cannot be a duplicate.

    Source: Charikar, "Similarity Estimation Techniques from Rounding Algorithms", STOC 2002.
    """
    if kind not in FINGERPRINTED or len(terms) < SHORTEST:
        return None
    mask = _mask(kind, said_by, day if features & TIME else None)
    if len(terms) < SHORT:
        return Fingerprint(_signed(_hash(" ".join(terms)) ^ mask), is_short=True)
    return Fingerprint(_signed(_simhash(terms) ^ mask), is_short=False)


@lru_cache(maxsize=4_096)
def _mask(kind: str, said_by: str, day: int | None) -> int:
    return _hash(f"{kind}\0{said_by}\0{day}")


def _simhash(terms: Sequence[str]) -> int:
    if len(terms) <= _COUNTED:
        counts = sum(map(_lanes, terms)).to_bytes(_LANES, "big")
        return int(counts.translate(_majority(len(terms))), 2)
    parts = (terms[start : start + _COUNTED] for start in range(0, len(terms), _COUNTED))
    counted = zip(*(sum(map(_lanes, part)).to_bytes(_LANES, "big") for part in parts), strict=True)
    return int("".join("1" if 2 * sum(counts) > len(terms) else "0" for counts in counted), 2)


@lru_cache(maxsize=_COUNTED + 1)
def _majority(of: int) -> bytes:
    """For each count the digit of its bit: whether most terms have it."""
    return bytes(ord("1") if 2 * count > of else ord("0") for count in range(256))


@lru_cache(maxsize=65_536)
def _lanes(term: str) -> int:
    number = _hash(term)
    return sum(_SPREAD[number >> (8 * byte) & 0xFF] << (64 * byte) for byte in range(8))


def _hash(text: str) -> int:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _signed(bits: int) -> int:
    return bits - (1 << 64) if bits & _SIGN else bits


# --- the table ----------------------------------------------------------------------------------

_SIMILAR: Final = """
SELECT band, row_id, fingerprint, is_short
FROM (SELECT value AS place FROM json_each(?)) CROSS JOIN search_band ON band = place
JOIN search_fingerprint USING (row_id)
"""


def find_originals(
    connection: sqlite3.Connection, new: Sequence[tuple[int, int, Fingerprint]]
) -> dict[int, int]:
    """Note new rows, and find the oldest row that each repeats.

    Args:
        connection: In a write transaction.
        new: Row id, scope set and fingerprint of each, oldest first.

    Returns:
        The ids of originals, by the ids of their duplicates.
    """
    places = {row_id: found.bands(scope_set_id) for row_id, scope_set_id, found in new}
    known = _known(connection, {band for bands in places.values() for band in bands})
    originals: dict[int, int] = {}
    kept: list[tuple[int, int, Fingerprint]] = []
    for row_id, scope_set_id, found in new:
        similar = [
            other
            for band in places[row_id]
            for other, known_as in known.get(band, ())
            if found.resembles(known_as)
        ]
        if similar:
            originals[row_id] = min(similar)
            continue
        kept.append((row_id, scope_set_id, found))
        for band in places[row_id]:
            known.setdefault(band, []).append((row_id, found))
    _store(connection, kept)
    return originals


def _known(
    connection: sqlite3.Connection, bands: set[int]
) -> dict[int, list[tuple[int, Fingerprint]]]:
    known: dict[int, list[tuple[int, Fingerprint]]] = {}
    for band, row_id, bits, is_short in connection.execute(_SIMILAR, (json.dumps(list(bands)),)):
        known.setdefault(band, []).append((row_id, Fingerprint(bits, bool(is_short))))
    return known


def _store(connection: sqlite3.Connection, rows: Sequence[tuple[int, int, Fingerprint]]) -> None:
    connection.executemany(
        "INSERT INTO search_fingerprint (row_id, scope_set_id, fingerprint, is_short)"
        " VALUES (?, ?, ?, ?)",
        [(row_id, scope_set_id, row.bits, row.is_short) for row_id, scope_set_id, row in rows],
    )
    connection.executemany(
        "INSERT INTO search_band (band, row_id) VALUES (?, ?)",
        sorted((band, row_id) for row_id, scope, row in rows for band in row.bands(scope)),
    )


def forget_rows(connection: sqlite3.Connection, ids: Sequence[int]) -> None:
    """Forget rows that are being erased; the oldest duplicate of each takes its place."""
    gone = json.dumps(list(ids))
    rows = connection.execute(
        "SELECT row_id, scope_set_id, fingerprint, is_short FROM search_fingerprint"
        " WHERE row_id IN (SELECT value FROM json_each(?))",
        (gone,),
    ).fetchall()
    connection.executemany(
        "DELETE FROM search_band WHERE band = ? AND row_id = ?",
        [
            (band, row_id)
            for row_id, scope_set_id, bits, is_short in rows
            for band in Fingerprint(bits, bool(is_short)).bands(scope_set_id)
        ],
    )
    connection.executemany(
        "DELETE FROM search_fingerprint WHERE row_id = ?", [(row[0],) for row in rows]
    )
    heirs = dict(
        connection.execute(
            "SELECT duplicate_of, min(id) FROM search_row"
            " WHERE duplicate_of IN (SELECT value FROM json_each(:gone))"
            " AND id NOT IN (SELECT value FROM json_each(:gone)) GROUP BY duplicate_of",
            {"gone": gone},
        ).fetchall()
    )
    _inherit(connection, rows, heirs)


def _inherit(
    connection: sqlite3.Connection,
    rows: Sequence[tuple[int, int, int, int]],
    heirs: dict[int, int],
) -> None:
    for original, heir in heirs.items():
        connection.execute("UPDATE search_row SET duplicate_of = NULL WHERE id = ?", (heir,))
        connection.execute(
            "UPDATE search_row SET duplicate_of = ? WHERE duplicate_of = ?", (heir, original)
        )
    _store(
        connection,
        [
            (heirs[row_id], scope_set_id, Fingerprint(bits, bool(is_short)))
            for row_id, scope_set_id, bits, is_short in rows
            if row_id in heirs
        ],
    )
