"""Several processes on one file, and processes that die while they write."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone

import httpx
import pytest

from spectron_adapters.local import open_transport

WRITER = """
import json, sys
from spectron_adapters.local.engine import Engine
from spectron_adapters.local.exchange import Request

path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
engine = Engine(path)
for number in range(count):
    text = f"{name} says {number}"
    batch = {"messages": [{"role": "user", "content": text}], "infer": "none", "session_id": "s"}
    body = json.dumps(batch).encode()
    answer = engine.handle(Request("POST", "/api/v1/default/facts/batch", body=body))
    assert answer.status == 200, answer.body
    print(text, flush=True)
"""


@pytest.fixture(autouse=True)
def _after_everything(clock):
    """The writers use the machine's clock; who reads here reads later."""
    clock.now = datetime.now(timezone.utc) + timedelta(days=1)


def start(path, name, count):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name, str(count)],
        stdout=subprocess.PIPE,
        text=True,
    )


def transcript(make_memory, path):
    turns = []
    for memory in make_memory(path):
        while page := memory.turns(limit=500, after=turns[-1]["seq"] if turns else 0):
            turns += page
        found = memory.recall(turns[-1]["content"], k=50)
        assert turns[-1]["content"] in found
    return turns


def test_two_processes_write_to_one_session_without_loss(make_memory, tmp_path):
    path = tmp_path / "memory.db"
    writers = [start(path, name, 60) for name in ("ada", "bob")]
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    turns = transcript(make_memory, path)
    assert [turn["seq"] for turn in turns] == list(range(1, 121))
    for name in ("ada", "bob"):
        own = [turn["content"] for turn in turns if turn["content"].startswith(name)]
        assert own == [f"{name} says {number}" for number in range(60)]


def test_a_killed_process_loses_nothing_that_was_acknowledged(make_memory, tmp_path):
    path = tmp_path / "memory.db"
    acknowledged = []
    for attempt in range(3):
        writer = start(path, f"writer{attempt}", 100_000)
        assert writer.stdout is not None
        lines = [writer.stdout.readline().strip() for _ in range(15)]
        time.sleep(0.01 * attempt)
        os.kill(writer.pid, signal.SIGKILL)
        lines += writer.stdout.read().split("\n")[:-1]
        writer.stdout.close()
        writer.wait(timeout=30)
        acknowledged += lines
    turns = transcript(make_memory, path)
    contents = [turn["content"] for turn in turns]
    assert [turn["seq"] for turn in turns] == list(range(1, len(turns) + 1))
    assert len(contents) == len(set(contents))
    assert [content for content in contents if content in set(acknowledged)] == acknowledged
    assert len(contents) - len(acknowledged) <= 3  # one write each may have died unannounced


def test_one_process_sees_at_once_what_another_wrote(make_memory, tmp_path):
    path = tmp_path / "memory.db"
    for memory in make_memory(path):
        assert memory.recall("ada", lens="user/x") == []
        writer = start(path, "ada", 1)
        writer.communicate(timeout=60)
        assert memory.contents() == ["ada says 0"]
        assert memory.recall("ada") == ["ada says 0"]


def test_a_scope_that_another_engine_adds_is_seen_by_a_view_computed_before(make_memory, tmp_path):
    path = tmp_path / "memory.db"
    for memory in make_memory(path):
        memory.engine.add_principal("alice", grants={"memory:read": "user/alice/*"})
        alice = memory.acting_for("alice")
        assert alice.recall("note") == []
        for other in make_memory(path):
            other.say("note one", scopes="user/alice")
            other.say("note two", "t", scopes="user/bob")
        assert alice.recall("note") == ["note one"]


def test_a_forked_child_goes_on_with_the_parents_asynchronous_transport(tmp_path):
    transport = open_transport(tmp_path / "memory.db")
    body = {"text": "note", "infer": "none", "session_id": "s"}

    async def note() -> int:
        request = httpx.Request("POST", "http://memory/api/v1/default/facts", json=body)
        return (await transport.handle_async_request(request)).status_code

    assert asyncio.run(note()) == 200
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # a child that hangs fails instead of waiting for its parent
        os._exit(0 if asyncio.run(note()) == 200 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert asyncio.run(note()) == 200
    transport.close()
    with sqlite3.connect(tmp_path / "memory.db") as connection:
        assert connection.execute("SELECT count(*) FROM turn").fetchone() == (3,)
    connection.close()


BUSY_AND_CLOSED = """
import json, sys, threading, time
from spectron_adapters.local.engine import Engine
from spectron_adapters.local.exchange import Request
from spectron_adapters.local.storage.database import ClosedError

acknowledged = []

def work(engine, number):
    for turn in range(10_000):
        fact = {"text": f"n{number} {turn} z", "infer": "none", "session_id": "s"}
        for path, body in (("facts", fact), ("query", {"query": "z"})):
            request = Request("POST", f"/api/v1/default/{path}", body=json.dumps(body).encode())
            try:
                answer = engine.handle(request)
            except ClosedError:
                return
            assert answer.status == 200, answer.body
            if path == "facts":
                acknowledged.append(1)

for _ in range(5):
    engine = Engine(sys.argv[1])
    threads = [threading.Thread(target=work, args=(engine, number)) for number in range(6)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    engine.close()
    for thread in threads:
        thread.join()
print(len(acknowledged))
"""


def test_closing_amid_calls_neither_hangs_nor_loses_nor_fails_them(tmp_path):
    path = tmp_path / "memory.db"
    arguments = [sys.executable, "-c", BUSY_AND_CLOSED, str(path)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    with sqlite3.connect(path) as connection:
        (count,) = connection.execute("SELECT count(*) FROM turn").fetchone()
    connection.close()
    assert count == int(done.stdout) > 0
