"""Vectors of rows: their tables, how rows get them, and exact search among readable rows.

An embedder is slow, so that no transaction waits for it: rows are stored first and get their
vectors afterwards. Imports the filter of rows, and numpy only where vectors are computed with;
whoever gives no embedder needs no numpy. Knows nothing of ranking by words.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from spectron_adapters.local.search.reading import (
    Row,
    RowFilter,
    readable_rows,
    readable_scope_sets,
)
from spectron_adapters.local.search.vector_model import EmbeddingError, QueryVector, VectorModel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers: TypeAlias = NDArray[np.float32]

__all__ = [
    "VECTOR_SCHEMA",
    "EmbeddingError",
    "Nearest",
    "QueryVector",
    "VectorModel",
    "catch_up",
    "forget_vectors",
    "nearest",
    "reindex",
    "vector_scores",
    "vector_shares",
]

_logger = logging.getLogger("spectron_adapters.local")

VECTOR_SCHEMA: Final = """
CREATE TABLE vector_model (
  id            INTEGER PRIMARY KEY,
  name          TEXT NOT NULL,
  dimensions    INTEGER NOT NULL,
  last_used     INTEGER NOT NULL,
  done_to       INTEGER NOT NULL,
  backlog_from  INTEGER NOT NULL,
  backlog_to    INTEGER NOT NULL,
  UNIQUE (name, dimensions)
);
CREATE TABLE search_vector (
  scope_set_id  INTEGER NOT NULL,
  row_id        INTEGER NOT NULL,
  model_id      INTEGER NOT NULL,
  vector        BLOB NOT NULL,
  PRIMARY KEY (scope_set_id, row_id)
) WITHOUT ROWID;
CREATE TABLE vector_gap (
  row_id    INTEGER PRIMARY KEY,
  attempts  INTEGER NOT NULL
);
"""
"""One vector a row, L2-normalised, float16, beside the others of its scope set.

A model has dealt with the rows up to `done_to`, save those from `backlog_from` (excluded) to
`backlog_to` (included), which were there before it, and those in `vector_gap`, which it failed
to embed. Half precision moves a cosine by less than 0.001, which changes the order of rows that
are about equally near; single precision would double the file.
"""

NEW_PER_REQUEST: Final = 2_048
"""New rows embedded by one request at most; what is beyond waits for the next."""
BACKLOG_PER_WRITE: Final = 256
BACKLOG_PER_READ: Final = 64
BATCH: Final = 64
"""Texts given to an embedder at once."""
_GAPS_PER_REQUEST: Final = 4
_ATTEMPTS_MAX: Final = 12
_ROWS_AT_ONCE: Final = 8_192
# Chosen with embeddings of word fragments, of latent topics, and of noise, on recorded
# conversations: recall is that of words alone, or better. Unrelated rows stay below two standard
# deviations, mostly; one at five or more counts half of the best match by words.
_NOISE: Final = 2.0
_RANGE: Final = 3.0
_WEIGHT: Final = 0.5
_TAIL: Final = 0.001
# Cosines of unrelated texts differ at least by so much, however few there are to tell.
_LEAST_SPREAD: Final = 0.05


class Transactions(Protocol):
    """A database, as far as vectors are concerned."""

    def read(self) -> AbstractContextManager[sqlite3.Connection]:
        """A transaction that reads."""
        ...

    def write(self) -> AbstractContextManager[sqlite3.Connection]:
        """A transaction that writes."""
        ...


# --- search -------------------------------------------------------------------------------------


def vector_scores(
    connection: sqlite3.Connection,
    embedding: QueryVector,
    row_filter: RowFilter,
    *,
    limit: int,
) -> list[tuple[int, float]]:
    """Find the rows nearest to a question: all readable rows are compared, none approximately.

    Args:
        connection: Inside a transaction of the caller's.
        embedding: The question.
        row_filter: Scopes, kinds, times and labels; only what passes is counted or returned.
        limit: Number of rows at most.

    Returns:
        Row ids with cosines of -1 to 1, nearest first; equal ones put the newer row first.
    """
    near = nearest(connection, embedding, row_filter, limit=limit)
    return [(row.id, score) for row, score in zip(near.rows, near.cosines, strict=True)]


@dataclass(frozen=True, slots=True)
class Nearest:
    """The readable rows nearest to a question, nearest first.

    Attributes:
        rows: The rows.
        cosines: Of each, -1 to 1.
        prominence: By how many standard deviations each is nearer than the other rows that the
            caller may read; what is far off for one model is near for another.
    """

    rows: list[Row]
    cosines: list[float]
    prominence: list[float]


def nearest(
    connection: sqlite3.Connection, embedding: QueryVector, row_filter: RowFilter, *, limit: int
) -> Nearest:
    """Like `vector_scores`, with the rows themselves and how much each stands out."""
    import numpy as np  # noqa: PLC0415  # an extra

    ids: list[int] = []
    parts: list[Numbers] = []
    for row_ids, vectors in _stored_vectors(connection, embedding, row_filter):
        matrix = np.frombuffer(b"".join(vectors), dtype="<f2").reshape(len(row_ids), -1)
        ids += row_ids
        parts.append(matrix.astype(np.float32) @ embedding.numbers)
    if not ids or limit <= 0:
        return Nearest([], [], [])
    scores = np.concatenate(parts)
    order = np.lexsort((-np.asarray(ids), -scores))
    found = _first_readable(connection, row_filter, ids, order, limit)
    places = [place for place, _ in found]
    return Nearest(
        [row for _, row in found],
        scores[places].clip(-1.0, 1.0).tolist(),
        _prominence(scores, places),
    )


def vector_shares(near: Nearest, *, every: bool) -> dict[int, float]:
    """How much vectors speak for rows, as shares of the best score that words alone give.

    A row counts by how far it stands out, so that an embedder that tells nothing apart changes
    little.

    Args:
        near: The nearest rows.
        every: Whether rows that do not stand out are found as well, after all that words find.
    """
    shares = {
        row.id: _WEIGHT * min(max((prominence - _NOISE) / _RANGE, 0.0), 1.0)
        for row, prominence in zip(near.rows, near.prominence, strict=True)
    }
    if not every:
        return {row_id: share for row_id, share in shares.items() if share}
    return {
        row.id: shares[row.id] + _TAIL / rank
        for rank, (row, cosine) in enumerate(zip(near.rows, near.cosines, strict=True), 1)
        if cosine > 0
    }


def _prominence(scores: Numbers, places: Sequence[int]) -> list[float]:
    """How far each of some scores lies above the others, in their standard deviations."""
    import numpy as np  # noqa: PLC0415  # an extra

    # In order, for sums depend on it: the numbers of scope sets tell which was there first.
    every = np.sort(scores.astype(np.float64))
    others = max(len(every) - 1, 1)
    chosen = scores[list(places)].astype(np.float64)
    means = (every.sum() - chosen) / others
    squares = ((every**2).sum() - chosen**2) / others
    spread = np.sqrt(np.maximum(squares - means**2, 0.0))
    prominence: list[float] = ((chosen - means) / np.maximum(spread, _LEAST_SPREAD)).tolist()
    return prominence


def _first_readable(
    connection: sqlite3.Connection,
    row_filter: RowFilter,
    ids: Sequence[int],
    order: NDArray[np.intp],
    limit: int,
) -> list[tuple[int, Row]]:
    """The first rows in order that pass the whole filter, with their places."""
    found: list[tuple[int, Row]] = []
    start, size = 0, limit
    while start < len(order) and len(found) < limit:
        places: list[int] = order[start : start + size].tolist()
        rows = readable_rows(connection, [ids[place] for place in places], row_filter)
        passing = {row.id: row for row in rows}
        found += [(place, passing[ids[place]]) for place in places if ids[place] in passing]
        start, size = start + size, 2 * size
    return found[:limit]


def _stored_vectors(
    connection: sqlite3.Connection, embedding: QueryVector, row_filter: RowFilter
) -> Iterator[tuple[list[int], list[bytes]]]:
    model = connection.execute(
        "SELECT id FROM vector_model WHERE name = ? AND dimensions = ?",
        (embedding.model, len(embedding.numbers)),
    ).fetchone()
    if model is None:
        return
    rows = connection.execute(
        "SELECT row_id, vector FROM search_vector"
        " WHERE scope_set_id IN (SELECT value FROM json_each(?)) AND model_id = ?",
        (json.dumps(sorted(readable_scope_sets(connection, row_filter))), model[0]),
    )
    while batch := rows.fetchmany(_ROWS_AT_ONCE):
        yield [row[0] for row in batch], [row[1] for row in batch]


# --- giving rows their vectors ------------------------------------------------------------------

_Part: TypeAlias = Literal["new", "backlog", "gap"]


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rows to embed: id, scope set, text, and the text with its speaker."""

    part: _Part
    rows: list[tuple[int, int, str, str]]


def catch_up(
    database: Transactions,
    model: VectorModel,
    *,
    new: int = NEW_PER_REQUEST,
    backlog: int = BACKLOG_PER_WRITE,
    proven: bool = False,
) -> int:
    """Embed rows that have no vector of the current model: new ones first, then older ones.

    Call it outside transactions. A failing embedder is logged and raises nothing: the rows stay
    searchable by their words, and later calls try again.

    Args:
        database: Whose rows.
        model: The current model. Vectors of another are replaced and never compared with.
        new: New rows at most.
        backlog: Older rows at most.
        proven: Whether the model answered just now. Rows that it failed to embed are tried again
            only when it does answer, so that one text that it refuses is told from an outage.

    Returns:
        How many rows got their vectors.
    """
    with model.catching_up:
        done = 0
        parts: tuple[tuple[_Part, int], ...] = (("new", new), ("backlog", backlog))
        for part, limit in parts:
            embedded = _work_off(database, model, part, limit)
            if embedded is None:
                return done
            done += embedded
        if done or proven:
            done += _fill_gaps(database, model)
        return done


def reindex(database: Transactions, model: VectorModel) -> int:
    """Embed everything anew, and return how many rows got their vectors.

    May take long. Rows that have vectors keep them until they get their new ones.
    """
    with database.write() as connection:
        connection.execute(
            "UPDATE vector_model SET backlog_from = 0, backlog_to = done_to WHERE name = ?",
            (model.name,),
        )
        connection.execute("DELETE FROM vector_gap")
    return catch_up(database, model, new=2**62, backlog=2**62)


def _work_off(database: Transactions, model: VectorModel, part: _Part, limit: int) -> int | None:
    """Embed batches of one part; None when the embedder failed."""
    done = 0
    while done < limit:
        with database.read() as connection:
            batch = _next_batch(connection, model.name, part, min(BATCH, limit - done))
        if not batch.rows:
            break
        if not _embed(database, model, batch):
            return None
        done += len(batch.rows)
    return done


def _fill_gaps(database: Transactions, model: VectorModel) -> int:
    done = 0
    for _ in range(_GAPS_PER_REQUEST):
        with database.read() as connection:
            batch = _gaps(connection)
        if not batch.rows or not _embed(database, model, batch):
            break
        done += len(batch.rows)
    return done


def _embed(database: Transactions, model: VectorModel, batch: _Batch) -> bool:
    try:
        dimensions, vectors = model.packed([row[3] for row in batch.rows])
    except EmbeddingError as error:
        _logger.warning(
            "embedding %d rows failed (%s); they are found by their words, and tried again later",
            len(batch.rows),
            error,
        )
        with database.write() as connection:
            _note_failure(connection, model.name, batch)
        return False
    with database.write() as connection:
        _store(connection, model.name, dimensions, batch, vectors)
    return True


_NEXT: Final = """
SELECT id, scope_set_id, text, coalesce(speaker || ': ', '') || text FROM search_row
WHERE id > ? AND id <= ? ORDER BY id LIMIT ?
"""


def _next_batch(connection: sqlite3.Connection, name: str, part: _Part, limit: int) -> _Batch:
    done_to, backlog_from, backlog_to = _state(connection, name)
    bounds = (done_to, 2**62) if part == "new" else (backlog_from, backlog_to)
    return _Batch(part, connection.execute(_NEXT, (*bounds, limit)).fetchall())


def _state(connection: sqlite3.Connection, name: str) -> tuple[int, int, int]:
    current = connection.execute(
        "SELECT name, done_to, backlog_from, backlog_to FROM vector_model"
        " ORDER BY last_used DESC LIMIT 1"
    ).fetchone()
    if current is None or current[0] != name:
        return _first_state(connection)
    return current[1], current[2], current[3]


def _first_state(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Where a model begins: the newest rows count as new, the others are its backlog."""
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM search_row").fetchone()
    older = max(0, last - NEW_PER_REQUEST)
    return older, 0, older


def _gaps(connection: sqlite3.Connection) -> _Batch:
    """Rows that failed, the fewest attempts first; in ever smaller batches, to single one out."""
    (attempts,) = connection.execute(
        "SELECT min(attempts) FROM vector_gap WHERE attempts < ?", (_ATTEMPTS_MAX,)
    ).fetchone()
    if attempts is None:
        return _Batch("gap", [])
    rows = connection.execute(
        "SELECT id, scope_set_id, text, coalesce(speaker || ': ', '') || text FROM vector_gap"
        " JOIN search_row ON id = row_id WHERE attempts = ? ORDER BY row_id LIMIT ?",
        (attempts, max(1, BATCH >> attempts)),
    )
    return _Batch("gap", rows.fetchall())


def _note_failure(connection: sqlite3.Connection, name: str, batch: _Batch) -> None:
    """Pass over rows that could not be embedded, so that one of them cannot hold up the others."""
    current = _current(connection)
    if current is None or current[1] != name:
        _adopt(connection, name, dimensions=0)
    connection.executemany(
        "INSERT INTO vector_gap (row_id, attempts) VALUES (?, 1) ON CONFLICT (row_id)"
        " DO UPDATE SET attempts = attempts + 1",
        [(row[0],) for row in batch.rows],
    )
    _advance(connection, name, batch)


def _advance(connection: sqlite3.Connection, name: str, batch: _Batch) -> None:
    column = {"new": "done_to", "backlog": "backlog_from", "gap": None}[batch.part]
    if column is None:
        return
    connection.execute(
        f"UPDATE vector_model SET {column} = max({column}, ?) WHERE id ="  # noqa: S608  # constant names
        " (SELECT id FROM vector_model WHERE name = ? ORDER BY last_used DESC LIMIT 1)",
        (batch.rows[-1][0], name),
    )


def _store(
    connection: sqlite3.Connection,
    name: str,
    dimensions: int,
    batch: _Batch,
    vectors: Sequence[bytes],
) -> None:
    current = _current(connection)
    if current is not None and current[1:] == (name, dimensions):
        model_id = current[0]
        counts = True
    else:
        model_id = _adopt(connection, name, dimensions)
        # Where a model begins, its first batch was the beginning of the new rows.
        counts = batch.part == "new" and (current is None or current[1] != name)
    present = dict(
        connection.execute(
            "SELECT id, text FROM search_row WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps([row[0] for row in batch.rows]),),
        ).fetchall()
    )
    # A row may have been erased meanwhile, and its number given to another.
    kept = [
        (row[1], row[0], model_id, vector)
        for row, vector in zip(batch.rows, vectors, strict=True)
        if present.get(row[0]) == row[2]
    ]
    connection.executemany(
        "INSERT OR REPLACE INTO search_vector (scope_set_id, row_id, model_id, vector)"
        " VALUES (?, ?, ?, ?)",
        kept,
    )
    connection.executemany(
        "DELETE FROM vector_gap WHERE row_id = ?", [(row[0],) for row in batch.rows]
    )
    if counts:
        _advance(connection, name, batch)


def _current(connection: sqlite3.Connection) -> tuple[int, str, int] | None:
    """Number, name and dimensions of the model that was used last."""
    current: tuple[int, str, int] | None = connection.execute(
        "SELECT id, name, dimensions FROM vector_model ORDER BY last_used DESC LIMIT 1"
    ).fetchone()
    return current


def _adopt(connection: sqlite3.Connection, name: str, dimensions: int) -> int:
    """Make a model the current one, which begins anew: rows lose their other vectors as it goes."""
    done_to, backlog_from, backlog_to = _first_state(connection)
    (model_id,) = connection.execute(
        "INSERT INTO vector_model (name, dimensions, last_used, done_to, backlog_from, backlog_to)"
        " SELECT ?, ?, coalesce(max(last_used), 0) + 1, ?, ?, ? FROM vector_model WHERE true"
        " ON CONFLICT (name, dimensions) DO UPDATE SET last_used = excluded.last_used,"
        " done_to = excluded.done_to, backlog_from = 0, backlog_to = excluded.backlog_to"
        " RETURNING id",
        (name, dimensions, done_to, backlog_from, backlog_to),
    ).fetchone()
    connection.execute("DELETE FROM vector_gap")
    return int(model_id)


def forget_vectors(connection: sqlite3.Connection, rows: Sequence[tuple[int, int]]) -> None:
    """Erase the vectors of rows that were erased.

    Args:
        connection: In the transaction that erased the rows.
        rows: Scope set and id of each.
    """
    connection.executemany("DELETE FROM search_vector WHERE scope_set_id = ? AND row_id = ?", rows)
    connection.executemany("DELETE FROM vector_gap WHERE row_id = ?", [(row[1],) for row in rows])
    # The numbers of the last rows will be given again.
    connection.execute(
        "UPDATE vector_model SET done_to = min(done_to, last), backlog_from ="
        " min(backlog_from, last), backlog_to = min(backlog_to, last)"
        " FROM (SELECT coalesce(max(id), 0) AS last FROM search_row)"
    )
