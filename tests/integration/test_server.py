"""`spectronctl serve` as its operator and its clients meet it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.integration.served import API_KEY, MANAGEMENT_KEY, Served, command, environment, served

SECRET_TEXT = "The vault opens with plum-marmalade-77."


def say(client: httpx.Client, text: str, session: str = "s") -> None:
    body = {"messages": [{"role": "user", "content": text}], "infer": "none", "session_id": session}
    answer = client.post("/facts/batch", json=body)
    assert answer.status_code == 200, answer.text


def contents(client: httpx.Client, session: str = "s") -> list[str]:
    turns, after = [], 0
    while page := client.get(
        f"/sessions/{session}/turns", params={"limit": 500, "after": after}
    ).json()["turns"]:
        turns += page
        after = page[-1]["seq"]
    return [turn["content"] for turn in turns]


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served() as running:
        yield running


# --- starting and stopping ------------------------------------------------------------------------


def test_a_first_start_shows_its_secrets_once_and_a_restart_says_that_keys_persist(tmp_path):
    path = str(tmp_path / "memory.db")
    with served("--db", path, variables={}) as first:
        key = first.told["api_key"]
        assert key.startswith("sp-")
        assert first.told["management_key"]
        with first.client() as client:
            say(client, "kept")
        assert first.stop() == 0
        assert key not in first.log
        assert first.told["management_key"] not in first.log
    done = subprocess.Popen(
        command("--db", path), stdout=subprocess.PIPE, text=True, env=environment()
    )
    lines = [done.stdout.readline() for _ in range(4)]
    done.terminate()
    lines += done.communicate()[0].splitlines()
    assert done.returncode == 0
    shown = "".join(lines)
    assert "API keys: those of the file" in shown
    assert key not in shown
    with served("--db", path, variables={}) as again:
        assert again.told["api_key"] is None
        again.api_key = key
        with again.client() as client:
            assert contents(client) == ["kept"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_requests_finish_and_exits_with_0(tmp_path, how):
    path = str(tmp_path / "memory.db")
    with served("--db", path, "--synchronous", "NORMAL") as running:
        acknowledged: list[str] = []
        refused = threading.Event()

        def write(name: int) -> None:
            with running.client() as client:
                for number in range(10_000):
                    text = f"{name}-{number}"
                    try:
                        say(client, text, session=f"s{name}")
                    except (httpx.TransportError, AssertionError):
                        refused.set()
                        return
                    acknowledged.append(text)

        with ThreadPoolExecutor(4) as pool:
            for name in range(4):
                pool.submit(write, name)
            while len(acknowledged) < 40:
                time.sleep(0.01)
            assert running.stop(how) == 0
        assert refused.is_set()
        assert not [line for line in running.lines if line.get("status") == 500]
    with served("--db", path) as again, again.client() as client:
        stored = {text for name in range(4) for text in contents(client, f"s{name}")}
        assert set(acknowledged) <= stored


def test_a_port_in_use_is_an_error_with_exit_code_1():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "spectron_adapters.cli", "serve", "--port", port],
            capture_output=True,
            text=True,
            env=environment(),
            timeout=30,
        )
    assert done.returncode == 1
    assert done.stderr == (
        f"spectronctl serve: port {port} of 127.0.0.1 is in use; choose another with --port, "
        "or 0 for a free one\n"
    )


@pytest.mark.parametrize(
    ("options", "variables", "message"),
    [
        (["--workers", "2"], {}, "--workers needs --db"),
        (["--api-key", "short"], {}, "api_key must have 8 or more"),
        (["--api-key", "with a blank"], {}, "api_key must not hold blanks"),
        ([], {"SPECTRON_API_KEY": "same-key-1", "SPECTRON_MANAGEMENT_KEY": "same-key-1"}, "differ"),
        (["--context", "Not Allowed"], {}, "no context id"),
        (["--port", "65536"], {}, "must be a port"),
    ],
)
def test_what_cannot_be_served_is_refused_before_anything_listens(options, variables, message):
    done = subprocess.run(
        command(*options), capture_output=True, text=True, env=environment(**variables), timeout=30
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_file_that_is_no_database_is_left_alone(tmp_path):
    precious = tmp_path / "precious.db"
    precious.write_text("my thesis, " * 1000)
    done = subprocess.run(
        command("--db", str(precious)),
        capture_output=True,
        text=True,
        env=environment(),
        timeout=30,
    )
    assert done.returncode == 1
    assert "precious.db" in done.stderr
    assert "Traceback" not in done.stderr
    assert precious.read_text() == "my thesis, " * 1000


def test_without_uvicorn_the_extra_is_named():
    script = (
        "import sys; sys.modules['uvicorn'] = None;"
        "from spectron_adapters.cli import main; sys.exit(main(['serve']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment()
    )
    assert done.returncode == 2
    assert "pip install 'spectron-adapters[server]'" in done.stderr


# --- several workers ------------------------------------------------------------------------------


def test_two_workers_over_one_file_lose_no_write_and_a_dead_one_is_replaced(tmp_path):
    path = str(tmp_path / "memory.db")
    written: list[str] = []
    with served("--db", path, "--workers", "2", "--synchronous", "NORMAL") as running:

        def write(number: int) -> None:
            # A connection each, so that any worker may get it.
            with running.client() as client:
                say(client, f"note {number}")
            written.append(f"note {number}")

        def answering() -> set[int]:
            return {line["pid"] for line in running.lines if line["event"] == "request"}

        def write_until(holds: Callable[[set[int]], bool]) -> None:
            with ThreadPoolExecutor(8) as pool:
                for _ in range(60):
                    list(pool.map(write, range(len(written), len(written) + 16)))
                    if holds(answering()):
                        return
                    time.sleep(0.2)  # a worker that starts needs the processor as well
            pytest.fail("the other worker never answered")

        write_until(lambda pids: len(pids) == 2)
        first, _ = answering()
        os.kill(first, signal.SIGKILL)
        time.sleep(0.1)
        write_until(lambda pids: len(pids) == 3)
        with running.client() as client:
            assert sorted(contents(client)) == sorted(written)
        assert running.stop() == 0
    with served("--db", path) as again, again.client() as client:
        assert sorted(contents(client)) == sorted(written)


def test_workers_end_with_the_process_that_started_them(tmp_path):
    with served("--db", str(tmp_path / "memory.db"), "--workers", "2") as running:
        with running.client() as client:
            assert client.get("/me").status_code == 200
        running.stop(signal.SIGKILL)
        for _ in range(200):
            try:
                httpx.get(f"{running.endpoint}/api/v1/health", timeout=5)
            except httpx.ConnectError:
                return
            except httpx.TransportError:
                pass  # one of them is just closing
            time.sleep(0.05)
    pytest.fail("somebody still answers")


# --- the log --------------------------------------------------------------------------------------


def test_the_log_has_one_line_for_each_request_without_content_or_secrets(tmp_path):
    with served("--db", str(tmp_path / "memory.db")) as running:
        with running.client() as client:
            say(client, SECRET_TEXT, session="diary-plum")
            client.post("/query", json={"query": "plum-marmalade"})
            client.get("/sessions/diary-plum/turns", params={"limit": 7})
            client.get("/entities/person/plum-marmalade")
            client.post("/query", content=b'{"query": "plum-marmalade-broken')
            client.post("/plum-marmalade")
            client.get("/me", headers={"authorization": "Bearer plum-wrong-key"})
            client.get("/me", headers={"x-spectron-on-behalf-of": "plum-nobody"})
        httpx.get(f"{running.endpoint}/api/v1/plum-context/me")
        running.stop()
        for word in ("plum", "marmalade", API_KEY, MANAGEMENT_KEY, "limit=7"):
            assert word not in running.log
        lines = [line for line in running.lines if line["event"] == "request"]
    seen = [(line["method"], line["route"], line["status"]) for line in lines]
    assert seen == [
        ("POST", "POST facts/batch", 200),
        ("POST", "POST query", 200),
        ("GET", "GET sessions/{id}/turns", 200),
        ("GET", "GET entities/{type}/{name}", 404),
        ("POST", "POST query", 400),
        ("POST", None, 404),
        ("GET", "GET me", 401),
        ("GET", "GET me", 403),
        ("GET", "GET me", 401),
    ]
    assert lines[0]["context"] == "default"
    assert lines[0]["principal"] == "admin"
    assert lines[1]["trace_id"]
    assert all(line["ms"] >= 0 and len(line["request_id"]) == 16 for line in lines)
    assert len({line["request_id"] for line in lines}) == len(lines)


# --- clients that misbehave -----------------------------------------------------------------------


def raw(server: Served, data: bytes, *, wait: float = 10) -> bytes:
    """Send bytes as they are, and return all that comes back until the server closes."""
    host, port = server.endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=wait) as connection:
        connection.sendall(data)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received


@pytest.mark.parametrize(
    "data",
    [
        b"NONSENSE\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 80_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
    ids=["no-http", "length", "bytes-in-path", "header", "tls"],
)
def test_what_is_no_http_is_refused_with_a_problem_document(server, data):
    received = raw(server, data)
    assert received.startswith(b"HTTP/1.1 400 ")
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == 400


@pytest.mark.parametrize(
    "path",
    [
        "/../../../etc/passwd",
        "/sessions/%2e%2e%2f%2e%2e/turns",
        "/sessions/a%2Fb%2Fc/turns",
        "/sessions/%00/turns",
        "/entities/person/%FF%FE",
        "/entities/person/%E2%80",
        "/entities/person/%",
        "/entities/person/%zz",
        "/entities//",
        "/entities/person/" + "x" * 30_000,
        "/sessions/" + "%F0%9F%A6%8A" * 500,
        "/entities?type=%FF",
        "/entities?lens=%5B%5B%22",
        "/query;x=1",
        "//facts",
    ],
)
def test_tricks_with_paths_get_an_answer_of_the_contract(server, path):
    target = f"/api/v1/default{path}"
    request = (
        f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        f"Authorization: Bearer {API_KEY}\r\n\r\n"
    )
    received = raw(server, request.encode())
    status = int(received.split(b" ", 2)[1])
    assert status in (200, 400, 401, 404, 405), received[:300]
    if status != 200:
        body = json.loads(received.partition(b"\r\n\r\n")[2])
        assert body["status"] == status
        assert "/etc" not in body["detail"] or status == 404


def test_two_keys_in_one_request_are_no_key(server):
    with server.client() as client:
        headers = [("authorization", f"Bearer {API_KEY}"), ("authorization", "Bearer other-key")]
        answer = httpx.get(f"{server.endpoint}/api/v1/default/me", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert client.get("/me").status_code == 200


def test_a_body_over_the_limit_is_refused_and_the_connection_stays_usable(server):
    with server.client() as client:
        answer = client.post("/facts", content=b" " * (60 * 1024 * 1024))
        assert answer.status_code == 413
        assert answer.json()["type"].endswith("/payload-too-large")
        assert client.get("/me").status_code == 200


def test_a_body_without_declared_length_is_counted_while_it_arrives(server):
    def endless():
        for _ in range(20):
            yield b" " * 1024 * 1024

    with server.client() as client:
        assert client.post("/facts", content=endless()).status_code == 413


def test_a_body_without_a_key_is_not_read(server):
    target = f"{server.endpoint}/api/v1/default/facts"
    answer = httpx.post(target, content=b"{" * (60 * 1024 * 1024), timeout=30)
    assert answer.status_code == 401


def test_two_hundred_requests_at_once_are_all_answered(server):
    limits = httpx.Limits(max_connections=200)
    with server.client(limits=limits) as client, ThreadPoolExecutor(200) as pool:

        def ask(number: int) -> int:
            return client.post("/query", json={"query": f"note {number}"}).status_code

        assert list(pool.map(ask, range(200))) == [200] * 200


def test_a_client_that_leaves_harms_nobody(server):
    host, port = server.endpoint.removeprefix("http://").split(":")
    head = (
        "POST /api/v1/default/facts HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n"
        f"Authorization: Bearer {API_KEY}\r\n\r\n"
    )
    for _ in range(30):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(head.encode() + b'{"text": "half')
    with server.client() as client:
        assert client.get("/me").status_code == 200
        assert "half" not in json.dumps(
            client.post("/query", json={"query": "half"}).json()["hits"]
        )


IMPATIENT = """
import sys
from spectron_adapters.local.server import connections, create_app, serving
from spectron_adapters.local.server.reading import BodyLimits

connections.HEAD_SECONDS = 0.5
app = create_app(api_key=sys.argv[1])
app._limits = BodyLimits(patience=0.5)
listener = serving.listen("127.0.0.1", 0)
print(listener.getsockname()[1], flush=True)
serving.serve(app, listener)
"""


HALVES = {
    "nothing": (b"", None),
    "half a head": (b"GET /api/v1/health HTTP/1.1\r\nHost:", None),
    "half a second head": (b"GET /api/v1/health HTTP/1.1\r\nHost: a\r\n\r\nGET /api", 200),
    "half a body": (
        b"POST /api/v1/default/facts HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n"
        b"Authorization: Bearer " + API_KEY.encode() + b"\r\n\r\n{",
        408,
    ),
    "half a body without a key": (
        b"POST /api/v1/default/facts HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{",
        401,
    ),
}


def test_who_sends_half_a_request_is_not_waited_for():
    with subprocess.Popen(
        [sys.executable, "-c", IMPATIENT, API_KEY], stdout=subprocess.PIPE, text=True
    ) as process:
        port = int(process.stdout.readline())

        def answer(half: str) -> bytes:
            with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
                connection.sendall(HALVES[half][0])
                return b"".join(iter(lambda: connection.recv(65536), b""))

        with ThreadPoolExecutor(len(HALVES)) as pool:
            answers = dict(zip(HALVES, pool.map(answer, HALVES), strict=True))
        process.terminate()
        assert process.wait(timeout=20) == 0
    for half, (_, status) in HALVES.items():
        expected = f"HTTP/1.1 {status} ".encode() if status else b""
        assert answers[half].startswith(expected), half
        assert bool(answers[half]) == bool(status), half


def test_the_vendors_headers_and_ours_open_the_management_plane(server):
    for headers in ({"api-key": MANAGEMENT_KEY}, {"authorization": f"Bearer {MANAGEMENT_KEY}"}):
        answer = httpx.get(f"{server.endpoint}/api/v1/contexts", headers=headers)
        assert answer.status_code == 200, answer.text
        assert [item["id"] for item in answer.json()["contexts"]] == ["default"]
    assert httpx.get(f"{server.endpoint}/api/v1/contexts").status_code == 401
    data_key = {"authorization": f"Bearer {API_KEY}"}
    assert httpx.get(f"{server.endpoint}/api/v1/contexts", headers=data_key).status_code == 403


def test_health_and_the_openapi_document_need_no_key(server):
    assert httpx.get(f"{server.endpoint}/api/v1/health").json() == {"ok": True}
    document = httpx.get(f"{server.endpoint}/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")


def test_the_database_file_of_the_server_can_be_opened_in_the_process(tmp_path: Path):
    from spectron_adapters import Spectron

    path = tmp_path / "memory.db"
    with served("--db", str(path)) as running, running.client() as client:
        say(client, "written over HTTP")
        with Spectron.local(path) as local:
            assert [turn.content for turn in local.sessions.turns("s").turns] == [
                "written over HTTP"
            ]
