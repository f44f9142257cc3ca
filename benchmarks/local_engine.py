"""The local engine against plain SQLite, in one run: writing a fact, writing a batch, recall.

    python -m benchmarks.local_engine [--facts N] [--users N] [--json FILE]

The peer of writing is one `INSERT` of the same text into a bare table with the same settings (WAL,
`synchronous=FULL`); the peer of recall is FTS5 over the same texts, ranked by its own `rank` and
filtered by scope in a join. Runs alternate between engine and peer, so that both meet the same
machine. Times are medians; only the ratios mean anything elsewhere.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path

from spectron_adapters import Spectron

BATCH = 100
SCHEMA = """
    PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
    CREATE TABLE fact (id INTEGER PRIMARY KEY, user INTEGER, text TEXT);
    CREATE INDEX fact_user ON fact (user);
    CREATE VIRTUAL TABLE fact_text USING fts5(text, content='fact', content_rowid='id');
    CREATE TABLE bare (id INTEGER PRIMARY KEY, user INTEGER, text TEXT);
"""
SEARCH = """
    SELECT fact.id, fact.text FROM fact_text JOIN fact ON fact.id = fact_text.rowid
    WHERE fact_text MATCH ? AND fact.user = ? ORDER BY fact_text.rank LIMIT 10
"""


@dataclass(frozen=True)
class Row:
    """One figure: medians in milliseconds, and how many times the peer's the engine's is."""

    figure: str
    engine_ms: float
    peer: str
    peer_ms: float

    @property
    def ratio(self) -> float:
        """Engine over peer."""
        return self.engine_ms / self.peer_ms


def sentences(seed: int) -> Iterator[str]:
    """Texts of 12 words whose frequencies fall like those of a language (Zipf)."""
    chance = random.Random(seed)
    words = [f"word{n}" for n in range(20_000)]
    weights = list(accumulate(1 / (n + 10) for n in range(len(words))))
    while True:
        yield " ".join(chance.choices(words, cum_weights=weights, k=12))


def alternate(runs: int, ours: Callable[[], object], theirs: Callable[[], object]) -> list[float]:
    """Medians of both in milliseconds, measured in turns."""
    times: list[list[float]] = [[], []]
    for _ in range(runs):
        for kind, action in enumerate((ours, theirs)):
            start = time.perf_counter()
            action()
            times[kind].append((time.perf_counter() - start) * 1000)
    return [statistics.median(values) for values in times]


def measure(facts: int, users: int, folder: Path) -> list[Row]:
    """All figures over stores of one size."""
    with (
        Spectron.local(folder / "engine.db") as client,
        closing(sqlite3.connect(folder / "peer.db", isolation_level=None)) as peer,
    ):
        peer.executescript(SCHEMA)
        fill(client, peer, facts, users)
        return [write_one(client, peer), write_batch(client, peer), recall(client, peer, users)]


def fill(client: Spectron, peer: sqlite3.Connection, facts: int, users: int) -> None:
    """The same facts into both, spread evenly over the users."""
    texts = sentences(1)
    for start in range(0, facts, BATCH):
        user = start // BATCH % users
        batch = [next(texts) for _ in range(min(BATCH, facts - start))]
        client.remember_many(
            [{"role": "user", "content": text} for text in batch],
            infer="none",
            scopes=f"org/acme/user/u{user}",
        )
        peer.execute("BEGIN")
        for text in batch:
            row = peer.execute("INSERT INTO fact (user, text) VALUES (?, ?)", (user, text))
            peer.execute("INSERT INTO fact_text (rowid, text) VALUES (?, ?)", (row.lastrowid, text))
        peer.execute("COMMIT")


def write_one(client: Spectron, peer: sqlite3.Connection) -> Row:
    """One acknowledged fact."""
    texts = sentences(2)
    insert = "INSERT INTO bare (user, text) VALUES (1, ?)"
    ours, theirs = alternate(
        300,
        lambda: client.remember(next(texts), infer="none", scopes="org/acme/user/u1"),
        lambda: peer.execute(insert, (next(texts),)),
    )
    return Row("write one fact", ours, "bare SQLite insert", theirs)


def write_batch(client: Spectron, peer: sqlite3.Connection) -> Row:
    """One acknowledged batch of 100 turns."""
    texts = sentences(3)

    def bare() -> None:
        peer.execute("BEGIN")
        peer.executemany(
            "INSERT INTO bare (user, text) VALUES (1, ?)", [(next(texts),) for _ in range(BATCH)]
        )
        peer.execute("COMMIT")

    def engine() -> None:
        items = [{"role": "user", "content": next(texts)} for _ in range(BATCH)]
        client.remember_many(items, infer="none", scopes="org/acme/user/u1")

    ours, theirs = alternate(30, engine, bare)
    return Row(f"write {BATCH} turns", ours, "bare SQLite inserts", theirs)


def recall(client: Spectron, peer: sqlite3.Connection, users: int) -> Row:
    """Ten hits for one user, for queries of eight words."""
    queries = (" ".join(text.split()[:8]) for text in sentences(4))
    chance = random.Random(5)

    def engine() -> None:
        client.recall(next(queries), k=10, lens=f"org/acme/user/u{chance.randrange(users)}")

    def joined() -> None:
        match = " OR ".join(next(queries).split())
        peer.execute(SEARCH, (match, chance.randrange(users))).fetchall()

    ours, theirs = alternate(200, engine, joined)
    return Row("recall for one user", ours, "FTS5, scope by join", theirs)


def main() -> None:
    """Measure, print a table, and write it as JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--facts", type=int, default=20_000)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(options.facts, options.users, Path(folder))
    print(f"{options.facts:,} facts of {options.users} users\n")
    for row in rows:
        print(
            f"{row.figure:20} {row.engine_ms:8.3f} ms   {row.peer:20} {row.peer_ms:8.3f} ms   "
            f"{row.ratio:6.2f}x"
        )
    if options.json:
        figures = [{**asdict(row), "ratio": row.ratio} for row in rows]
        options.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
