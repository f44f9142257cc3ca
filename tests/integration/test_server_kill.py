"""A server killed again and again while it is written to loses nothing that it acknowledged.

The servers are forked from a process that has everything imported and holds the listening socket,
but never the database: so each one begins by recovering the file, and begins within milliseconds.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from spectron_adapters.local.engine import Engine
from spectron_adapters.local.exchange import Request
from tests.integration.served import API_KEY

KILLS = 50
IN_THE_BEGINNING = 10
"""Kills that do not wait for the new server's first acknowledgement."""

NURSERY = """
import os, sys
from spectron_adapters.local.server import create_app
from spectron_adapters.local.server.serving import listen, serve

path, api_key = sys.argv[1:]
listener = listen("127.0.0.1", 0)
print(listener.getsockname()[1], flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        serve(create_app(path, api_key=api_key), listener, log_level="error")
        os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
"""


class Nursery:
    """Starts one server after another on the same port."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdout is not None
        self._told = process.stdout
        self.port = int(self._told.readline())

    def start(self) -> int:
        """The next server's process id; the one before must be dead."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._told.readline())


@contextmanager
def nursery(path: Path) -> Iterator[Nursery]:
    process = subprocess.Popen(
        [sys.executable, "-c", NURSERY, str(path), API_KEY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield Nursery(process)


class Writer(threading.Thread):
    """Writes one item after another; repeats each, with its key, until it is acknowledged."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__(name=name, daemon=True)
        self.acknowledged: list[str] = []
        self.stopping = threading.Event()
        self.refusals: list[str] = []
        headers = {"authorization": f"Bearer {API_KEY}"}
        base = f"http://127.0.0.1:{port}/api/v1/default"
        self._client = httpx.Client(base_url=base, headers=headers, timeout=10, verify=False)

    def run(self) -> None:
        with self._client:
            number = 0
            while not self.stopping.is_set():
                item = f"{self.name}-{number}"
                if self._write(item):
                    self.acknowledged.append(item)
                    number += 1

    def _write(self, item: str) -> bool:
        try:
            answer = self._client.post("/facts", json=self.body(item), headers=key_of(item))
        except httpx.TransportError:
            return False
        if answer.status_code not in (200, 503):
            self.refusals.append(answer.text)
        return answer.status_code == 200

    def body(self, item: str) -> dict[str, object]:
        return {"text": item, "infer": "none", "session_id": self.name}


class TripleWriter(Writer):
    """Writes attributes instead of turns."""

    def body(self, item: str) -> dict[str, object]:
        entity = {"type": "person", "name": self.name}
        return {"infer": "triples", "triples": [{"entity": entity, "key": item, "value": item}]}


def key_of(item: str) -> dict[str, str]:
    return {"idempotency-key": f"key of {item}"}


def kill_under_load(path: Path, moments: random.Random) -> list[Writer]:
    """Kill one server after another while three threads write; the writers, stopped."""
    with nursery(path) as parent:
        server = parent.start()
        writers = [
            Writer("ada", parent.port),
            Writer("bob", parent.port),
            TripleWriter("carol", parent.port),
        ]
        for writer in writers:
            writer.start()
        for number in range(KILLS):
            before = total(writers)
            while number >= IN_THE_BEGINNING and total(writers) == before:
                time.sleep(0.001)
            time.sleep(moments.uniform(0.02, 0.3 if number < IN_THE_BEGINNING else 0.1))
            os.kill(server, signal.SIGKILL)
            server = parent.start()
        for writer in writers:
            writer.stopping.set()
        for writer in writers:
            writer.join(timeout=30)
            assert not writer.is_alive()
        os.kill(server, signal.SIGKILL)
    return writers


def total(writers: list[Writer]) -> int:
    return sum(len(writer.acknowledged) for writer in writers)


def turns_of(engine: Engine, session: str) -> list[str]:
    found: list[str] = []
    while True:
        query = f"limit=500&offset={len(found)}"
        page = ask(engine, f"/sessions/{session}/turns", query)["turns"]
        if not page:
            return found
        found += [turn["content"] for turn in page]


def ask(engine: Engine, path: str, query: str = "") -> dict[str, list[dict[str, str]]]:
    answer = engine.handle(Request("GET", f"/api/v1/default{path}", query))
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fifty_kills_under_load_lose_no_acknowledged_write_and_double_none(tmp_path):
    path = tmp_path / "memory.db"
    writers = kill_under_load(path, random.Random(20261122))
    assert [writer.refusals for writer in writers] == [[], [], []]
    assert total(writers) > KILLS
    assert all(writer.acknowledged for writer in writers)

    engine = Engine(path)
    for writer in writers[:2]:
        stored = turns_of(engine, writer.name)
        # What was under way at the end may be there; nothing is there twice.
        assert stored[: len(writer.acknowledged)] == writer.acknowledged
        assert len(stored) <= len(writer.acknowledged) + 1
    carol = ask(engine, "/entities/person/carol")
    values = sorted(item["value"] for item in carol["attributes"])
    assert set(writers[2].acknowledged) <= set(values)
    assert len(values) == len(set(values)) <= len(writers[2].acknowledged) + 1
    engine.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
