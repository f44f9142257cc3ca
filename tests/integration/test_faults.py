"""Bad input, great numbers and faults: an answer by the contract, no traceback, no hang."""

from __future__ import annotations

import contextlib
import gzip
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from spectron_adapters.local.engine import Engine
from tests.integration.served import API_KEY, Served, served
from tests.unit.conftest import Clock, Memory

# Far above what the requests take on a busy machine, far below what they took when their time
# grew with the square of the numbers.
PATIENCE = 3.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served("--db", str(tmp_path_factory.mktemp("faults") / "memory.db")) as running:
        yield running
        assert "Traceback" not in running.log


@pytest.fixture(scope="module")
def client(server: Served) -> Iterator[httpx.Client]:
    with server.client() as opened:
        yield opened


@pytest.fixture
def memory() -> Iterator[Memory]:
    clock = Clock()
    engine = Engine(clock=clock)
    yield Memory(engine, clock)
    engine.close()


def timed(action: Callable[[], Any], *, within: float = PATIENCE) -> Any:
    started = time.perf_counter()
    answer = action()
    assert time.perf_counter() - started < within
    return answer


def problem(answer: httpx.Response, status: int) -> Any:
    """The document of a refusal."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert 0 < len(told["detail"]) < 1000
    return told


# --- ten thousand scopes --------------------------------------------------------------------------

SCOPES = 10_000


def path_of(number: int) -> str:
    return f"org/o{number % 100}/user/u{number}"


@pytest.fixture(scope="module")
def crowd() -> Iterator[Memory]:
    """Everybody has a scope; every second one is a person with a town, the others said something."""
    clock = Clock()
    engine = Engine(clock=clock)
    memory = Memory(engine, clock)
    for number in range(SCOPES):
        scopes = path_of(number)
        if number % 2:
            memory.say(f"note {number}", None, scopes=scopes)
        else:
            memory.put(f"Person {number}", "city", f"Town {number % 50}", scopes=scopes)
    halves = [f"org/o{number}/*" for number in range(50)]
    engine.add_principal("half", grants={"memory:read": halves, "scope:read": halves})
    single = [f"{path_of(number)}/*" for number in range(0, 1000, 2)]
    engine.add_principal("five hundred", grants={"memory:read": single, "scope:read": single})
    yield memory
    engine.close()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/entities"),
        ("GET", "/scopes"),
        ("GET", "/state"),
        ("GET", "/profile"),
        ("GET", "/sessions"),
        ("GET", "/traces/stats"),
        ("GET", "/audit"),
        ("POST", "/fsck"),
    ],
)
@pytest.mark.parametrize("caller", [None, "half", "five hundred"])
def test_ten_thousand_scopes_are_listed_and_checked_in_bounded_time(crowd, caller, method, path):
    memory = crowd if caller is None else crowd.acting_for(caller)
    answer = timed(lambda: memory.ask(method, path))
    assert answer.status == 200, answer.body
    listed = json.loads(answer.body)
    people = {None: SCOPES // 2, "half": SCOPES // 4, "five hundred": 500}[caller]
    if path == "/entities":
        assert len(listed["entities"]) == people
    if path == "/scopes" and caller == "five hundred":
        assert {node["path"] for node in listed} == {f"{path_of(n)}/" for n in range(0, 1000, 2)}


# Each of ten entries is involved by many sets, or by none, or lies deep below what exists.
LENSES = {
    "own paths": [[path_of(10 * n + m) for m in range(10)] for n in range(500)],
    "shallow first": [["org", *(path_of(3 * n + m) for m in range(9))] for n in range(500)],
    "nowhere": [["/", "org", *(f"no/o{n}/u{m}" for m in range(8))] for n in range(500)],
    "deep": [["/", "org", *(f"org/o1/user/u{n}/a/{m}" for m in range(8))] for n in range(500)],
    "shallow strangers": [[f"s{n}-{m}" for m in range(9)] + ["org"] for n in range(500)],
}


@pytest.mark.parametrize("shape", LENSES)
@pytest.mark.parametrize("caller", [None, "half", "five hundred"])
def test_a_lens_of_five_hundred_clauses_is_judged_in_bounded_time(crowd, caller, shape):
    memory = crowd if caller is None else crowd.acting_for(caller)
    body = {"query": "Town 8", "lens": LENSES[shape], "k": 50}
    found = timed(lambda: memory.post("/query", body))
    # Nobody's scope involves two users at once, so these clauses let nothing through.
    assert found["hits"] == []
    reachable = [*LENSES[shape], [path_of(8)]]
    hits = timed(lambda: memory.post("/query", {**body, "lens": reachable}))["hits"]
    assert {hit["text"] for hit in hits} == {"Person 8 (person)", "Person 8 · city: Town 8"}


def test_a_subtree_of_ten_thousand_scopes_is_forgotten_in_bounded_time(crowd):
    assert timed(lambda: crowd.post("/forget", {"query": "Person 8", "dryRun": True}))
    removed = timed(lambda: crowd.post("/scopes/forget", {"path": "org/o98"}))
    assert sum(value for value in removed.values() if isinstance(value, int)) >= SCOPES // 100
    assert crowd.refused("GET", "/entities/person/Person 98")["status"] == 404


def test_a_path_or_a_selector_without_end_is_refused_in_a_few_words(client):
    deep = "/".join("a" * 2000)
    assert client.post("/query", json={"query": "x", "lens": deep}).status_code == 200
    for path in ("/".join("a" * 100_000), "x" * 1_000_000):
        problem(client.post("/query", json={"query": "x", "lens": path}), 400)
        problem(client.post("/scopes", json={"path": path}), 400)
        problem(client.post("/facts", json={"text": "x", "infer": "none", "scopes": path}), 400)
    many = [[f"s{number}"] for number in range(10_001)]
    told = problem(client.post("/query", json={"query": "x", "lens": many}), 400)
    assert "10001 paths; at most 10000" in told["detail"]
    problem(client.post("/facts", json={"text": "x", "infer": "none", "scopes": many}), 400)


# --- great numbers of facts -----------------------------------------------------------------------


def test_a_value_that_changes_thousands_of_times_costs_the_same_each_time(memory):
    entity = {"type": "service", "name": "Counter"}
    for first in range(0, 4000, 1000):
        triples = [
            {"entity": entity, "key": "count", "value": number}
            for number in range(first, first + 1000)
        ]
        timed(
            lambda triples=triples: memory.post("/facts", {"infer": "triples", "triples": triples})
        )
    history = memory.get("/entities/service/Counter/history/count")["history"]
    assert [row["value"] for row in history] == [str(number) for number in range(3999, -1, -1)]
    (live,) = memory.get("/entities/service/Counter")["attributes"]
    assert live["value"] == "3999"


def test_messages_read_one_by_one_cost_the_same_each_time(memory):
    names = [f"{first}{second}{third}" for first in "KLM" for second in "aeiou" for third in "bdfg"]
    messages = [
        {"role": "user", "content": f"My sister is called {name}{ending}."}
        for name in names
        for ending in ("an", "in", "on", "un", "ar", "ir", "or", "ur", "al", "il", "ol", "ul")
        for _ in range(3)
    ]
    body = {"messages": messages, "extract": "per_message", "session_id": "s"}
    answer = timed(lambda: memory.post("/facts/batch", body), within=6)
    assert len(answer["extractions"]) == len(messages) == 2160
    assert any(told["entities"] for told in answer["extractions"][-3:])


def test_names_of_a_megabyte_do_not_slow_down_what_follows(memory):
    long = "x" * 1_000_000
    entity = {"type": "person", "name": long}
    for triple in (
        {"entity": entity, "key": "k", "value": "v"},
        {"entity": {"type": long, "name": "n"}, "key": long, "value": long},
    ):
        memory.post("/facts", {"infer": "triples", "triples": [triple]})
    messages = [{"role": "user", "content": f"note {number}"} for number in range(400)]
    timed(lambda: memory.post("/facts/batch", {"messages": messages, "extract": "per_message"}))


def test_ten_thousand_messages_and_ten_thousand_triples_are_one_request(client):
    messages = [{"role": "user", "content": f"note {number}"} for number in range(10_000)]
    stored = client.post(
        "/facts/batch", json={"messages": messages, "infer": "none", "session_id": "long"}
    )
    assert len(stored.json()["turnIds"]) == 10_000
    page = client.get("/sessions/long/turns", params={"limit": 500, "offset": 9_900}).json()
    assert [turn["content"] for turn in page["turns"]][-1] == "note 9999"


# --- bodies ---------------------------------------------------------------------------------------

NO_JSON = {
    "half": b'{"query": "x"',
    "two": b'{"query": "x"}{"query": "y"}',
    "single quotes": b"{'query': 'x'}",
    "byte order mark": b'\xef\xbb\xbf{"query": "x"}',
    "UTF-16": '{"query": "x"}'.encode("utf-16"),
    "NUL": b"\x00",
    "half a surrogate pair": b'{"query": "\\ud800"}',
    "a surrogate in bytes": b'{"query": "\xed\xa0\x80"}',
    "depth": b'{"query": "x", "a": ' + b"[" * 200_000,
    "closed depth": b'{"query": "x", "a": ' + b'[{"b":' * 50_000 + b"1" + b"}]" * 50_000 + b"}",
    "not a number": b'{"query": "x", "k": NaN}',
    "infinity": b'{"query": "x", "a": -Infinity}',
    "infinity in digits": b'{"query": "x", "a": 1e400}',
    "digits": b'{"query": "x", "k": ' + b"9" * 5000 + b"}",
    "a list": b"[]",
    "null": b"null",
    "two lenses": b'{"query": "x", "lens": ["a"], "lens": null}',
    "two names inside": b'{"query": "x", "location": {"within": "a", "within": "b"}}',
    "form": b"query=x",
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON)
@pytest.mark.parametrize("path", ["/query", "/sessions"])
def test_what_is_no_clear_json_is_refused(client, path, body):
    told = problem(client.post(path, content=body), 400)
    assert "body" in told["detail"]


def test_nothing_that_was_stored_makes_an_answer_that_is_no_json(client):
    """Parsers of other languages know neither `Infinity` nor half a surrogate pair."""
    for metadata in (b"1e400", b'{"a": [-1e999]}', b'"\\udfff"'):
        problem(client.post("/sessions", content=b'{"metadata": ' + metadata + b"}"), 400)
    odd = {"metadata": {"a": ["\0", 1e308, 10**300, "\U0010ffff\ufffe", "\u202e"]}}
    made = client.post("/sessions", json=odd)
    assert made.status_code == 201
    assert client.get(f"/sessions/{made.json()['id']}").json()["metadata"] == odd["metadata"]
    json.loads(client.get("/sessions").content, parse_constant=pytest.fail)


def test_a_compressed_body_is_not_taken_for_text(client):
    packed = gzip.compress(b'{"query": "x"}' + b" " * 10_000_000)
    headers = {"content-encoding": "gzip"}
    told = problem(client.post("/query", content=packed, headers=headers), 415)
    assert "uncompressed" in told["detail"]
    form = {"content-type": "multipart/form-data; boundary=b", **headers}
    problem(client.post("/documents", content=packed, headers=form), 415)
    plain = {"content-encoding": "identity"}
    assert client.post("/query", json={"query": "x"}, headers=plain).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=other", b"--b\r\n\r\nx\r\n--b--"),
        ("multipart/form-data; boundary=" + "b" * 5000, b"x"),
        ("application/json", b'{"file": "x"}'),
        ("text/plain", b"x"),
    ],
)
def test_an_upload_in_another_shape_is_refused(client, content_type, body):
    problem(client.post("/documents", content=body, headers={"content-type": content_type}), 400)


def test_a_form_is_no_body_of_another_route(client):
    told = problem(client.post("/query", files={"query": ("q", b"x")}), 400)
    assert "query" in told["detail"]


def test_unknown_fields_are_ignored_and_override_no_method(client):
    body = {"query": "x", "unknown": {"deep": [1]}, "_method": "DELETE", "__proto__": {"k": 1}}
    entity = {"type": "person", "name": "Override"}
    triples = [{"entity": entity, "key": "k", "value": "v", "extra": 1}]
    assert client.post("/facts", json={"infer": "triples", "triples": triples}).status_code == 200
    assert client.post("/query", json=body).status_code == 200
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        headers = {name: "DELETE"}
        assert client.get("/entities/person/Override", headers=headers).status_code == 200
        problem(client.post("/entities/person/Override", json=body, headers=headers), 405)
    assert client.get("/entities/person/Override?_method=DELETE").status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/entities?limit=1e9", 400),
        ("/entities?limit=99999999999999999999", 400),
        ("/entities?limit=%00", 400),
        ("/entities?limit=-1", 200),
        ("/entities?limit=999999999&limit=x", 200),
        ("/entities?offset=999999999999999999", 200),
        ("/entities/person/Nobody?asOf=10000-01-01T00:00:00Z", 400),
        ("/entities/person/Nobody?asOf=0001-01-01T00:00:00Z", 404),
        ("/entities/person/Nobody?asOf=9999-12-31T23:59:59.999999Z", 404),
        ("/entities?lens=", 400),
        ("/entities?lens=%5B%5D", 400),
        ("/entities?lens=%5B%5B%5B%5B", 400),
        ("/documents?page=-1", 200),
        ("/documents?pageSize=0", 200),
        ("/documents?page=999999999999999999&pageSize=999999999999999999", 200),
        ("/documents?page=1e9", 400),
        ("/documents/keywords?minDocumentCount=-1&q=%25%00", 200),
        ("/traces?limit=-5", 200),
        ("/audit?since=yesterday", 400),
        ("/audit?since=9999-12-31T23:59:59Z&until=0001-01-01T00:00:00Z", 200),
        ("/entities/person/" + "%41" * 13_000, 404),
        ("/traces/" + "t" * 40_000, 404),
        ("/documents/..%2f..%2fetc%2fpasswd/raw", 404),
        ("/documents/%00/raw", 404),
        ("/sessions/" + "s" * 60_000, 414),
    ],
)
def test_numbers_times_and_names_at_their_ends_are_answered(client, path, status):
    # As it stands: httpx would tidy the path up.
    raw = f"{client.base_url.raw_path.decode().rstrip('/')}{path}".encode()
    answer = client.send(httpx.Request("GET", client.base_url, headers=client.headers,
                                       extensions={"target": raw}))  # fmt: skip
    if status == 200:
        assert answer.status_code == 200, answer.text
    else:
        problem(answer, status)


@pytest.mark.parametrize("seconds", ["0", "-1", "1.5", "x", "", "9" * 30])
def test_a_key_without_a_sensible_lifetime_is_not_made(client, seconds):
    name = f"lifetime {seconds}"
    problem(client.post("/keys", params={"ttlSeconds": seconds}, json={"name": name}), 400)
    assert name not in {key["name"] for key in client.get("/keys").json()}


def test_a_lifetime_beyond_the_calendar_ends_with_it(client):
    made = client.post("/keys", params={"ttlSeconds": "9" * 18}, json={"name": "long-lived"})
    assert made.json()["validUntil"].startswith("9999-")


# --- what is stored and comes back ----------------------------------------------------------------


def upload(client: httpx.Client, name: str, content: bytes, kind: str = "text/plain") -> str:
    answer = client.post("/documents", files={"file": (name, content, kind)})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\folder\\notes.txt", "notes.txt"),
        ("a\r\nX-Evil: 1.txt", "aX-Evil%3A%201.txt"),
        ('quoted".txt', "quoted%22.txt"),
        ("\U0001f98a.txt", "%F0%9F%A6%8A.txt"),
        ("page.html", "page.html"),
    ],
)
def test_a_stored_name_neither_leaves_its_folder_nor_its_header(client, name, kept):
    document = upload(client, name, f"<script>alert(1)</script> {name}".encode(), "text/html")
    raw = client.get(f"/documents/{document}/raw")
    assert raw.status_code == 200
    assert raw.headers["content-disposition"] == f"attachment; filename*=UTF-8''{kept}"
    assert raw.headers["x-content-type-options"] == "nosniff"
    assert "x-evil" not in raw.headers


@pytest.mark.parametrize(
    "kind", ["text/plain\r\nX-Evil: 1", "text/plain\nX-Evil: 1", "text/plain\0", "text/*", "é/é"]
)
def test_a_media_type_that_would_end_its_header_is_refused(client, kind):
    files = {
        "metadata": (None, json.dumps({"mimeType": kind}), "application/json"),
        "file": ("notes", b"words"),
    }
    problem(client.post("/documents", files=files), 400)


# --- connections ----------------------------------------------------------------------------------


def raw_answer(server: Served, data: bytes) -> bytes:
    host, port = server.endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65536), b""))


BODY = b'{"query": "x"}'
HEAD = (
    b"POST /api/v1/default/query HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    b"Authorization: Bearer " + API_KEY.encode() + b"\r\n"
)


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\ne\r\n" + BODY + b"\r\n0\r\n\r\n", 200),
        (b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n" + BODY + b"\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n3\r\n{}}garbage\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        (b"Content-Length: 3\r\nContent-Length: 14\r\n\r\n" + BODY, 400),
        (b"Content-Length: -3\r\n\r\n" + BODY, 400),
        (b"Expect: 100-continue\r\nContent-Length: 14\r\n\r\n" + BODY, 100),
    ],
    ids=["chunks", "no length", "long chunk", "packed", "two lengths", "negative", "expect"],
)
def test_bodies_however_framed_get_an_answer(server, rest, status):
    answer = raw_answer(server, HEAD + rest)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer[:200]
    assert status != 100 or b"HTTP/1.1 200 OK" in answer
    if status == 400:
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == 400


LARGE = 10_800_000
UNREAD = """
import sys
from spectron_adapters.local.server import connections, create_app, serving
from spectron_adapters.local.server.reading import BodyLimits

connections.UNREAD_SECONDS = 1.0
app = create_app(api_key=sys.argv[1])
app._budget._free = 24_000_000
listener = serving.listen("127.0.0.1", 0)
print(listener.getsockname()[1], flush=True)
serving.serve(app, listener)
"""


def test_answers_that_nobody_reads_block_nobody_and_are_given_up():
    with subprocess.Popen(
        [sys.executable, "-c", UNREAD, API_KEY], stdout=subprocess.PIPE, text=True
    ) as process:
        port = int(process.stdout.readline())
        base = f"http://127.0.0.1:{port}/api/v1/default"
        headers = {"authorization": f"Bearer {API_KEY}"}
        try:
            with httpx.Client(base_url=base, headers=headers, timeout=30) as client:
                document = upload(
                    client, "page.html", b"<!--" + b"x" * LARGE + b"--> few words", "text/html"
                )
                stalled = [_asking(port, f"/documents/{document}/raw") for _ in range(2)]
                time.sleep(0.5)
                assert timed(lambda: client.get("/me")).status_code == 200
                refused = client.get(f"/documents/{document}/raw")
                assert refused.status_code == 503
                assert "memory" in refused.json()["detail"]
                time.sleep(1.5)
                assert all(_received(connection) < LARGE for connection in stalled)
                assert len(client.get(f"/documents/{document}/raw").content) > LARGE
        finally:
            process.terminate()
        assert process.wait(timeout=20) == 0


def _asking(port: int, path: str) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", port))
    head = (
        f"GET /api/v1/default{path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        f"Authorization: Bearer {API_KEY}\r\n\r\n"
    )
    connection.sendall(head.encode())
    return connection


def _received(connection: socket.socket) -> int:
    """Bytes that were on their way when the server let go of a connection."""
    received = 0
    with connection, contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(1 << 20):
            received += len(piece)
    return received


def test_many_uploads_at_once_are_all_taken_in_little_memory(server):
    def peak() -> int:
        lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

    before = peak()
    limits = httpx.Limits(max_connections=100)
    with server.client(limits=limits) as many, ThreadPoolExecutor(100) as pool:

        def send(number: int) -> str:
            return upload(many, "same.txt", b"%d " % number + b"x" * 500_000)

        documents = list(pool.map(send, range(100)))
    assert len(set(documents)) == 100
    assert (peak() - before) / 1024 < 400


# --- faults ---------------------------------------------------------------------------------------

FULL = """
import json, resource, signal, sys, time
from spectron_adapters.local.engine import Engine
from spectron_adapters.local.exchange import Request

def ask(method, path, body=b"", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = engine.handle(Request(method, "/api/v1/default" + path, "", named, body))
    return answer.status, json.loads(answer.body)

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
engine = Engine(sys.argv[1])
assert ask("POST", "/facts", b'{"infer": "none", "text": "before"}')[0] == 200
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
words = b" ".join(b"word%d" % number for number in range(60_000))
form = (b'--b\\r\\nContent-Disposition: form-data; name="file"; filename="a.txt"\\r\\n\\r\\n'
        + words + b"\\r\\n--b--\\r\\n")
status, answer = ask("POST", "/documents", form, content_type="multipart/form-data; boundary=b")
time.sleep(1.0)
full = ask("GET", "/documents")
found = ask("POST", "/query", b'{"query": "before"}')
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
deadline = time.monotonic() + 20
while time.monotonic() < deadline:
    documents = ask("GET", "/documents")[1]["documents"]
    if all(document["status"] in ("ready", "failed") for document in documents):
        break
    time.sleep(0.1)
after = ask("POST", "/facts", b'{"infer": "none", "text": "after"}')[0]
engine.close()
print(json.dumps([status, full[1]["total"], len(found[1]["hits"]), after,
                  [document["status"] for document in documents]]))
"""


@pytest.mark.parametrize(
    ("room", "status", "documents"), [(700_000, 500, []), (1_200_000, 202, ["ready"])]
)
def test_a_full_disk_loses_nothing_and_work_goes_on_once_there_is_room(
    tmp_path, room, status, documents
):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "memory.db"), str(room)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout) == [status, len(documents), 1, 200, documents]


def test_a_clock_that_runs_backwards_loses_nothing_and_hides_nothing(memory):
    memory.say("first", "s")
    memory.put("Zed", "city", "Rome")
    memory.clock.forward(days=-400)
    memory.say("second", "s")
    memory.put("Zed", "city", "Oslo")
    memory.clock.forward(days=800)
    turns = memory.get("/sessions/s/turns")["turns"]
    assert [turn["content"] for turn in turns] == ["first", "second"]
    history = memory.get("/entities/person/Zed/history/city")["history"]
    assert {row["value"] for row in history} == {"Rome", "Oslo"}
    assert memory.get("/entities/person/Zed")["attributes"]
    assert memory.post("/fsck", {})["total"] == 0


def test_two_servers_over_one_file_serve_two_contexts_that_share_nothing(tmp_path):
    path = str(tmp_path / "memory.db")
    with (
        served("--db", path, "--context", "one") as one,
        served("--db", path, "--context", "two") as two,
        one.client() as first,
        two.client() as second,
    ):
        for client, text in ((first, "lemon"), (second, "walnut")):
            body = {"text": text, "infer": "none", "session_id": "s"}
            assert client.post("/facts", json=body).status_code == 200
        for client, text in ((first, "lemon"), (second, "walnut")):
            (turn,) = client.get("/sessions/s/turns").json()["turns"]
            assert turn["content"] == text
            hits = client.post("/query", json={"query": "lemon walnut"}).json()["hits"]
            assert [hit["text"] for hit in hits] == [text]


def test_a_server_killed_in_the_middle_of_documents_finishes_them_after_its_restart(tmp_path):
    path = str(tmp_path / "memory.db")
    content = b" ".join(b"word%d" % number for number in range(80_000))
    documents = []
    for delay in (0.05, 0.7):
        with served("--db", path) as running, running.client() as client:
            documents.append(upload(client, "large.txt", b"%f " % delay + content))
            time.sleep(delay)
            running.stop(signal.SIGKILL)
    with served("--db", path) as running, running.client() as client:
        deadline = time.monotonic() + 25
        while time.monotonic() < deadline:
            shown = [client.get(f"/documents/{document}").json() for document in documents]
            if all(document["status"] == "ready" for document in shown):
                break
            time.sleep(0.1)
        assert [document["status"] for document in shown] == ["ready"] * 2
        chunks = {client.get(f"/documents/{name}/chunks").json()["total"] for name in documents}
        assert len(chunks) == 1
