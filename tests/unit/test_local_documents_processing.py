"""Processing in the background: several processes, processes that die, engines that close."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone

import pytest

from spectron_adapters import Spectron
from spectron_adapters.local.documents import jobs, processing, readers
from tests.unit.document_uploads import finished, found, send, upload

TEXT = "The zebra sleeps at noon. " * 400

WORKER = """
import sys, time
from spectron_adapters import Spectron
from spectron_adapters.local.documents import processing

path, seconds = sys.argv[1], float(sys.argv[2])
read = processing.read_document

def slow(content, media_type):
    print("reading", content[:20].decode(), flush=True)
    time.sleep(seconds)
    return read(content, media_type)

processing.read_document = slow
with Spectron.local(path) as client:
    for line in sys.stdin:
        if line.strip():
            client.documents.upload(line.encode(), filename="a.txt")
            print("uploaded", flush=True)
        else:
            client.documents.list()
"""


def start(path, *, seconds):
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(path), str(seconds)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def tell(process, line):
    process.stdin.write(line + "\n")
    process.stdin.flush()


def until(condition, *, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def rows(path, sql):
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


@pytest.fixture(autouse=True)
def _after_everything(clock):
    """Other processes use the machine's clock; who reads here reads later."""
    clock.now = datetime.now(timezone.utc) + timedelta(days=1)


@pytest.fixture
def gate(monkeypatch):
    """Holds every reader until it is opened; knows what was read."""

    class Gate:
        def __init__(self):
            self.opened = threading.Event()
            self.entered = threading.Event()
            self.count = 0

        def read(self, content, media_type):
            self.count += 1
            self.entered.set()
            assert self.opened.wait(20)
            return readers.read_document(content, media_type)

    made = Gate()
    monkeypatch.setattr(processing, "read_document", made.read)
    yield made
    made.opened.set()


def test_an_upload_is_answered_before_it_is_read(memory, gate):
    accepted = json.loads(send(memory, TEXT).body)
    assert accepted["status"] == "queued"
    assert gate.entered.wait(10)
    shown = memory.get(f"/documents/{accepted['id']}")
    assert shown["status"] == "extracting"
    assert shown["processingStartedAt"]
    assert "processingCompletedAt" not in shown
    assert found(memory, "zebra") == memory.recall("zebra") == []
    gate.opened.set()
    assert finished(memory, accepted["id"])["processingCompletedAt"]
    assert found(memory, "zebra") != []


def test_stages_come_in_their_order(memory, monkeypatch):
    seen = []
    original = processing._Run._set_status

    def note(self, connection, status):
        seen.append(status)
        original(self, connection, status)

    monkeypatch.setattr(processing._Run, "_set_status", note)
    upload(memory, TEXT)
    assert seen == ["extracting", "chunking", "embedding", "keywording"]


def test_the_thread_leaves_when_there_is_nothing_to_do(memory):
    upload(memory, TEXT)
    until(lambda: not any(t.name == "spectron-documents" for t in threading.enumerate()))
    upload(memory, TEXT + "More.")


def test_closing_ends_the_stage_and_the_next_opening_does_the_rest(make_memory, tmp_path, gate):
    path = tmp_path / "memory.db"
    for memory in make_memory(path):
        document = json.loads(send(memory, TEXT).body)["id"]
        assert gate.entered.wait(10)
        closing = threading.Thread(target=memory.engine.close)
        closing.start()
        gate.opened.set()
        closing.join(20)
        assert not closing.is_alive()
    assert rows(path, "SELECT status FROM document") != [("ready",)]
    assert rows(path, "SELECT worker FROM document_job") == [(None,)]
    for memory in make_memory(path):
        memory.engine.open()
        until(lambda: rows(path, "SELECT status FROM document") == [("ready",)])
        assert finished(memory, document)["chunkCount"] > 1
        assert (
            len(rows(path, "SELECT id FROM search_row WHERE kind = 'chunk'"))
            == finished(memory, document)["chunkCount"]
        )


def test_a_stage_that_takes_too_long_does_not_hold_up_closing(
    make_memory, tmp_path, gate, monkeypatch
):
    monkeypatch.setattr(processing, "_CLOSING_SECONDS", 0.05)
    path = tmp_path / "memory.db"
    for memory in make_memory(path):
        send(memory, TEXT)
        assert gate.entered.wait(10)
        memory.engine.close()
    assert rows(path, "SELECT worker, attempts FROM document_job") == [(None, 0)]
    gate.opened.set()
    until(lambda: not any(t.name == "spectron-documents" for t in threading.enumerate()))
    assert rows(path, "SELECT count(*) FROM document_chunk") == [(0,)]


def test_a_document_deleted_while_it_is_read_stays_deleted(memory, gate):
    document = json.loads(send(memory, TEXT).body)["id"]
    assert gate.entered.wait(10)
    memory.delete(f"/documents/{document}")
    gate.opened.set()
    assert upload(memory, "Other.")["status"] == "queued"
    assert memory.get("/documents")["total"] == 1
    assert memory.recall("zebra") == []


def test_bytes_replaced_while_the_old_ones_are_read_win(memory, gate):
    document = json.loads(send(memory, TEXT).body)["id"]
    assert gate.entered.wait(10)
    replaced = send(memory, "The lion is awake.", method="PUT", path=f"/documents/{document}")
    assert replaced.status == 202
    gate.opened.set()
    assert finished(memory, document)["version"] == 2
    assert memory.recall("zebra") == []
    assert found(memory, "lion") != []


def test_until_the_new_version_is_ready_the_old_one_answers(memory, gate):
    gate.opened.set()
    document = upload(memory, TEXT)["id"]
    gate.opened.clear()
    gate.entered.clear()
    send(memory, "The lion is awake.", method="PUT", path=f"/documents/{document}")
    assert gate.entered.wait(10)
    assert found(memory, "zebra") != []
    assert memory.get(f"/documents/{document}/chunks")["total"] > 1
    gate.opened.set()
    finished(memory, document)
    assert found(memory, "zebra") == []
    assert memory.get(f"/documents/{document}/chunks")["total"] == 1


def test_a_killed_process_leaves_its_document_to_the_next(make_memory, tmp_path):
    path = tmp_path / "memory.db"
    process = start(path, seconds=60)
    tell(process, TEXT)
    assert {process.stdout.readline().split()[0] for _ in range(2)} == {"uploaded", "reading"}
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)
    assert rows(path, "SELECT status FROM document") == [("extracting",)]
    for memory in make_memory(path):
        (document,) = memory.get("/documents")["documents"]
        assert finished(memory, document["id"])["chunkCount"] > 1
        assert len(found(memory, "zebra", k=50)) > 0


def test_a_running_engine_takes_over_when_the_other_process_dies(make_memory, tmp_path):
    path = tmp_path / "memory.db"
    for memory in make_memory(path):
        upload(memory, "Own words.")
        process = start(path, seconds=60)
        tell(process, TEXT)
        assert {process.stdout.readline().split()[0] for _ in range(2)} == {"uploaded", "reading"}
        document = memory.get("/documents")["documents"][0]["id"]
        assert memory.get(f"/documents/{document}")["status"] == "extracting"
        process.kill()
        process.communicate(timeout=20)
        assert finished(memory, document)["status"] == "ready"


def test_two_processes_never_read_the_same_document(tmp_path):
    path = tmp_path / "memory.db"
    processes = [start(path, seconds=0.15) for _ in range(2)]
    for number in range(6):
        tell(processes[number % 2], f"document {number} about zebras")
    until(
        lambda: (
            path.exists()
            and rows(path, "SELECT name FROM sqlite_schema WHERE name = 'document'")
            and rows(path, "SELECT count(*) FROM document WHERE status = 'ready'") == [(6,)]
        )
    )
    said = [process.communicate(timeout=30)[0].splitlines() for process in processes]
    read = [line for lines in said for line in lines if line.startswith("reading")]
    assert sorted(read) == [f"reading document {number} about zeb" for number in range(6)]
    assert rows(path, "SELECT count(*) FROM document_chunk") == [(6,)]
    assert rows(path, "SELECT count(*) FROM document_job") == [(0,)]


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.1])
def test_a_kill_at_any_moment_leaves_a_document_that_becomes_whole(make_memory, tmp_path, delay):
    path = tmp_path / "memory.db"
    process = start(path, seconds=0)
    tell(process, TEXT * 20)
    process.stdout.readline()
    time.sleep(delay)
    process.kill()
    process.communicate(timeout=20)
    for memory in make_memory(path):
        for document in memory.get("/documents")["documents"]:
            shown = finished(memory, document["id"])
            chunks = memory.get(f"/documents/{document['id']}/chunks", pageSize=100)
            assert chunks["total"] == shown["chunkCount"]
            (indexed,) = rows(path, "SELECT count(*) FROM search_row WHERE kind = 'chunk'")
            assert indexed[0] == shown["chunkCount"]


def test_what_kills_its_reader_again_and_again_is_given_up(make_memory, tmp_path, monkeypatch):
    path = tmp_path / "memory.db"
    monkeypatch.setattr(processing.DocumentWorker, "wake", lambda self: None)
    for memory in make_memory(path):
        send(memory, TEXT)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE document_job SET attempts = ?", (jobs.ATTEMPTS_MAX,))
    connection.commit()
    connection.close()
    monkeypatch.undo()
    for memory in make_memory(path):
        (document,) = memory.get("/documents")["documents"]
        shown = finished(memory, document["id"], status="failed")
        assert "ended its process several times" in shown["error"]


def test_an_unexpected_failure_ends_the_document_and_not_the_worker(memory, monkeypatch, caplog):
    def fail(content, media_type):
        raise RuntimeError(f"cannot read {content!r}")

    monkeypatch.setattr(processing, "read_document", fail)
    document = json.loads(send(memory, "Confidential.").body)["id"]
    error = finished(memory, document, status="failed")["error"]
    assert error.startswith("the document could not be processed (RuntimeError)")
    assert "Confidential" not in error + caplog.text
    monkeypatch.undo()
    upload(memory, "Fine.")


def test_a_claim_lasts_until_its_lease_or_its_process_ends(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(jobs.time, "time", lambda: now[0])
    connection = sqlite3.connect(":memory:")
    connection.executescript(
        "CREATE TABLE document (id INTEGER PRIMARY KEY, version INTEGER);"
        "CREATE TABLE document_job (document_id INTEGER PRIMARY KEY, attempts INTEGER NOT NULL,"
        " worker TEXT, process TEXT, lease_until REAL);"
        "INSERT INTO document VALUES (1, 1);"
    )
    jobs.enqueue(connection, 1)
    first = jobs.claim_next(connection, "one")
    assert first is not None
    assert jobs.claim_next(connection, "two") is None
    now[0] += jobs.LEASE_SECONDS - 1
    assert first.renew(connection)
    now[0] += jobs.LEASE_SECONDS - 1
    assert jobs.claim_next(connection, "two") is None
    now[0] += 2
    second = jobs.claim_next(connection, "two")
    assert second is not None
    assert second.attempts == 2
    assert not first.renew(connection)
    assert second.renew(connection)
    connection.execute("UPDATE document SET version = 2")
    assert not second.renew(connection)
    jobs.release(connection, "two")
    third = jobs.claim_next(connection, "three")
    assert third is not None
    assert third.attempts == 2
    now[0] -= 10_000  # the clock was wrong
    assert jobs.claim_next(connection, "four") is not None
    connection.execute(
        "UPDATE document_job SET process = 'elsewhere 1', lease_until = ?", (now[0] + 1,)
    )
    assert jobs.claim_next(connection, "five") is None
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(20)
    here = jobs._this_process().rpartition(" ")[0]
    connection.execute("UPDATE document_job SET process = ?", (f"{here} {gone.pid}",))
    assert (jobs.claim_next(connection, "six") is not None) is (os.name == "posix")
    connection.close()


def test_a_client_without_a_file_processes_as_well():
    with Spectron.local() as client:
        document = client.documents.upload(b"# Zoo\nThe zebra sleeps.", filename="a.md")
        until(lambda: client.documents.get(document.id).status == "ready")
        assert client.recall("zebra").hits


def test_many_threads_upload_at_once(memory):
    answers = []

    def work(number):
        answers.append(send(memory, f"Document {number} about zebras.", title=str(number)))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    documents = {json.loads(answer.body)["id"] for answer in answers}
    assert len(documents) == 12
    for document in documents:
        finished(memory, document)
    assert set(found(memory, "zebras", k=50)) == {str(number) for number in range(12)}


def test_a_document_of_many_passages_is_indexed_whole(memory, monkeypatch):
    monkeypatch.setattr(processing, "_ROWS_AT_ONCE", 7)
    text = "\n\n".join(f"Passage {number}: " + "word " * 150 for number in range(60))
    document = upload(memory, text)["id"]
    assert finished(memory, document)["chunkCount"] == 60
    assert found(memory, "passage 59", k=1) != []
