"""The database file: created, shared, refused when it must not be touched."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from spectron_adapters import Spectron
from spectron_adapters.local.engine import Engine
from spectron_adapters.local.exchange import Request
from spectron_adapters.local.problems import StorageProblem
from spectron_adapters.local.storage import schema
from spectron_adapters.local.storage.database import Database
from spectron_adapters.local.storage.schema import APPLICATION_ID, LATEST


@pytest.fixture
def path(tmp_path):
    return tmp_path / "memory.db"


@pytest.fixture
def database(path):
    opened = Database(path)
    yield opened
    opened.close()


def put(database, name):
    with database.write() as connection:
        connection.execute("INSERT INTO context (name, created_at) VALUES (?, 0)", (name,))


def names(database):
    with database.read() as connection:
        return [row[0] for row in connection.execute("SELECT name FROM context ORDER BY id")]


def snapshot(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_nothing_is_opened_before_the_first_transaction(path):
    engine = Engine(path)
    assert not path.exists()
    engine.close()
    assert not path.exists()


def test_a_new_file_carries_the_librarys_mark_and_version(path, database):
    database.open()
    header = path.read_bytes()[:100]
    assert int.from_bytes(header[60:64], "big") == LATEST
    assert int.from_bytes(header[68:72], "big") == APPLICATION_ID


def test_what_was_written_is_there_after_reopening(path, database):
    put(database, "a")
    database.close()
    again = Database(path)
    assert names(again) == ["a"]
    again.close()


def test_a_failed_transaction_leaves_nothing(database):
    put(database, "a")

    def fail():
        with database.write() as connection:
            connection.execute("INSERT INTO context (name, created_at) VALUES ('b', 0)")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert names(database) == ["a"]
    put(database, "c")


def test_a_rehearsal_leaves_nothing(database):
    with database.write(keep=False) as connection:
        connection.execute("INSERT INTO context (name, created_at) VALUES ('b', 0)")
    assert names(database) == []


def test_readers_do_not_wait_for_a_writer(database):
    put(database, "a")
    with database.write() as connection:
        connection.execute("INSERT INTO context (name, created_at) VALUES ('b', 0)")
        seen = []
        reader = threading.Thread(target=lambda: seen.append(names(database)))
        reader.start()
        reader.join(timeout=5)
        assert seen == [["a"]]


def test_a_reader_sees_one_state_throughout(database):
    put(database, "a")
    with database.read() as connection:
        before = connection.execute("SELECT count(*) FROM context").fetchone()
        writer = threading.Thread(target=put, args=(database, "b"))
        writer.start()
        writer.join(timeout=5)
        assert connection.execute("SELECT count(*) FROM context").fetchone() == before
    assert names(database) == ["a", "b"]


def test_reading_cannot_write(database):
    with pytest.raises(StorageProblem), database.read() as connection:
        connection.execute("INSERT INTO context (name, created_at) VALUES ('b', 0)")


@pytest.mark.parametrize("where", ["file", "memory"])
def test_many_threads_write_without_loss(path, where):
    database = Database(path if where == "file" else None)
    threads = [
        threading.Thread(target=lambda n=n: [put(database, f"{n}-{i}") for i in range(10)])
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names(database))) == 80
    database.close()


def test_a_write_gives_up_when_another_process_writes_for_too_long(path):
    database = Database(path, busy_timeout=0.05)
    database.open()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageProblem, match="another process") as caught:
        put(database, "a")
    assert caught.value.headers == {"Retry-After": "1"}
    with database.write_if_free() as connection:
        assert connection is None
    other.execute("ROLLBACK")
    other.close()
    put(database, "a")
    database.close()


def test_a_closed_database_says_so(database):
    database.open()
    database.close()
    database.close()
    with pytest.raises(RuntimeError, match="closed"):
        names(database)


def damaged(path):
    path.write_bytes(b"This is no database at all. " * 100)


def cut_off(path):
    _make(path)
    path.write_bytes(path.read_bytes()[:8192])


def cut_in_the_header(path):
    path.write_bytes(b"SQLite format 3\x00" + b"\x10\x00")


def newer(path):
    _make(path)
    _set(path, f"PRAGMA user_version = {LATEST + 1}")


def newer_in_the_log(path):
    """A newer release raised the version, and has not copied its log into the file yet."""
    _make(path)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute(f"PRAGMA user_version = {LATEST + 1}")
    kept = {file: file.read_bytes() for file in path.parent.iterdir()}
    connection.close()
    for file, content in kept.items():
        file.write_bytes(content)


def anothers(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE customers (name TEXT)")
    connection.commit()
    connection.close()


def anothers_with_a_mark(path):
    anothers(path)
    _set(path, "PRAGMA application_id = 77")


def _make(path):
    database = Database(path)
    put(database, "a")
    database.close()


def _set(path, pragma):
    connection = sqlite3.connect(path)
    connection.execute(pragma)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (damaged, "not a database"),
        (cut_off, "shorter"),
        (cut_in_the_header, "shorter"),
        (newer, "newer spectron-adapters"),
        (newer_in_the_log, "newer spectron-adapters"),
        (anothers, "another program"),
        (anothers_with_a_mark, "another program"),
    ],
)
def test_a_file_that_must_not_be_touched_is_refused_and_stays_as_it_is(path, spoil, said):
    spoil(path)
    before = snapshot(path.parent)
    database = Database(path)
    for attempt in (database.open, lambda: names(database), lambda: put(database, "b")):
        with pytest.raises(StorageProblem, match=said):
            attempt()
    database.close()
    if spoil is not newer_in_the_log:  # closing a log copies it into the file, as it should
        assert snapshot(path.parent) == before


def test_an_empty_file_becomes_a_database(path):
    path.touch()
    database = Database(path)
    put(database, "a")
    database.close()
    assert path.stat().st_size > 0


def test_a_missing_folder_and_a_folder_as_path_are_named(tmp_path):
    with pytest.raises(StorageProblem, match="does not exist"):
        Database(tmp_path / "missing" / "memory.db").open()
    with pytest.raises(StorageProblem, match="is a folder"):
        Database(tmp_path).open()


def test_damage_inside_the_file_is_told_when_it_is_met(path):
    database = Database(path)
    for number in range(300):
        put(database, f"context-{number}" + "x" * 100)
    database.close()
    content = bytearray(path.read_bytes())
    for page in range(0, len(content), 4096):
        if b"context-150x" in content[page : page + 4096]:
            content[page : page + 4096] = b"\xff" * 4096
    path.write_bytes(content)
    again = Database(path)
    with pytest.raises(StorageProblem, match="damaged"):
        names(again)
    again.close()


def test_a_full_disk_is_told_and_the_stored_rows_stay(path):
    engine = Engine(path)
    engine.open()
    with engine._database.write() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 10}")
    answers = []
    for number in range(200):
        body = b'{"infer":"none","session_id":"s","text":"%s %d"}' % (b"words " * 150, number)
        answers.append(engine.handle(Request("POST", "/api/v1/default/facts", body=body)))
    kept = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status != 200]
    assert kept
    assert refused
    assert all(b"is full" in answer.body and answer.status == 507 for answer in refused)
    turns = engine.handle(Request("GET", "/api/v1/default/sessions/s/turns", "limit=500"))
    assert turns.body.count(b'"seq"') == len(kept)
    engine.close()


def test_a_disk_that_is_full_at_opening_is_told(path, monkeypatch):
    real = sqlite3.connect

    def connect(*arguments, **options):
        connection = real(*arguments, **options)
        connection.execute("PRAGMA max_page_count = 3")
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect)
    database = Database(path)
    with pytest.raises(StorageProblem, match="full"):
        database.open()
    monkeypatch.undo()
    put(database, "a")
    assert names(database) == ["a"]
    database.close()


FORKING = """
import os, sys
from pathlib import Path
from spectron_adapters.local.storage.database import Database

def put(name):
    with database.write() as connection:
        connection.execute("INSERT INTO context (name, created_at) VALUES (?, 0)", (name,))

def names():
    with database.read() as connection:
        return [row[0] for row in connection.execute("SELECT name FROM context ORDER BY id")]

database = Database(Path(sys.argv[1]))
put("parent")
assert names() == ["parent"]
child = os.fork()
if child == 0:
    put("child")
    os._exit(0 if names() == ["parent", "child"] else 1)
assert os.waitpid(child, 0)[1] == 0
put("parent again")
assert names() == ["parent", "child", "parent again"]
database.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_after_a_fork_the_child_opens_connections_of_its_own(path):
    done = subprocess.run([sys.executable, "-c", FORKING, str(path)], timeout=60, check=False)
    assert done.returncode == 0


def test_an_engine_that_nobody_closes_leaves_no_open_file(path):
    database = Database(path)
    put(database, "a")
    handles = database._handles
    del database
    deadline = time.monotonic() + 5
    while handles.opened and time.monotonic() < deadline:
        time.sleep(0.01)
    assert handles.opened == []


def test_a_pipe_is_refused_instead_of_waited_for(path):
    os.mkfifo(path)
    database = Database(path)
    with pytest.raises(StorageProblem, match="pipe"):
        database.open()


def test_what_repetition_cannot_cure_says_so_and_what_it_can_does_not(path):
    path.write_bytes(b"something else entirely" * 100)
    engine = Engine(path)
    answer = engine.handle(Request("GET", "/api/v1/default/sessions"))
    assert answer.status == 500
    assert answer.headers["X-Should-Retry"] == "false"
    assert b"storage-unusable" in answer.body
    full, busy = StorageProblem.full("full"), StorageProblem.busy("busy")
    assert (full.status, full.headers["X-Should-Retry"]) == (507, "false")
    assert (busy.status, busy.headers) == (503, {"Retry-After": "1"})


@pytest.mark.parametrize("replaced", [False, True])
def test_a_write_to_a_file_that_was_taken_away_is_refused(path, replaced):
    database = Database(path)
    put(database, "before")
    path.unlink()
    if replaced:
        path.write_bytes(b"")
    with pytest.raises(StorageProblem, match="removed or replaced"):
        put(database, "lost")
    database.close()
    assert path.exists() is replaced
    assert not replaced or path.read_bytes() == b""


def test_a_database_without_its_tables_is_told_as_damaged(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE context (id INTEGER)")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {LATEST}")
    connection.close()
    database = Database(path)
    with pytest.raises(StorageProblem, match="damaged"):
        database.open()


def test_a_file_of_the_first_version_gains_what_the_whole_service_needs(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in schema._MIGRATIONS[0].split(";"):
            connection.execute(statement)
        connection.execute("INSERT INTO context (name, created_at) VALUES ('default', 7)")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
    with Spectron.local(path) as client:
        client.remember("I live in Porto.")
        assert client.recall("Where do I live?").tier == "direct"
        assert [found.id for found in client.principals.list()] == [
            "principal:admin",
            "principal:system",
        ]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (LATEST,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
