"""The engine as an httpx transport, its routes and its refusals."""

from __future__ import annotations

import asyncio
import threading
import time

import httpx
import pytest

from spectron_adapters.local import LocalTransport, open_transport

BASE = "http://memory/api/v1/default"


@pytest.fixture
def transport():
    opened = open_transport(None)
    yield opened
    opened.close()


@pytest.fixture
def client(transport):
    return httpx.Client(transport=transport, base_url=BASE)


def test_health_needs_no_context(transport):
    answer = httpx.Client(transport=transport).get("http://memory/api/v1/health")
    assert answer.json() == {"ok": True}


def test_sync_and_async_clients_share_one_memory(transport, client):
    async def ask():
        async with httpx.AsyncClient(transport=_Shared(transport), base_url=BASE) as other:
            return (await other.post("/query", json={"query": "hiking"})).json()

    client.post("/facts", json={"text": "I adore hiking", "infer": "none"})
    assert asyncio.run(ask())["hits"][0]["text"] == "I adore hiking"
    assert asyncio.run(ask())["hits"][0]["text"] == "I adore hiking"


class _Shared(httpx.AsyncBaseTransport):
    """Leaves the transport open when one of its clients closes."""

    def __init__(self, transport: LocalTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request):
        return await self._transport.handle_async_request(request)


async def test_many_calls_at_once_lose_nothing_and_leave_the_loop_free(tmp_path):
    transport = open_transport(tmp_path / "memory.db")
    longest = 0.0

    async def watch():
        nonlocal longest
        while True:
            started = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - started)

    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        watcher = asyncio.create_task(watch())
        answers = await asyncio.gather(
            *(
                client.post(
                    "/facts",
                    json={"text": f"note {number}", "infer": "none", "session_id": "s"},
                )
                for number in range(64)
            )
        )
        watcher.cancel()
        turns = (await client.get("/sessions/s/turns")).json()["turns"]
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(turn["seq"] for turn in turns) == list(range(1, 65))
    assert {turn["content"] for turn in turns} == {f"note {number}" for number in range(64)}
    assert longest < 1.0


def test_threads_may_share_a_client(client):
    def work(number):
        for step in range(5):
            client.post(
                "/facts", json={"text": f"{number}-{step}", "infer": "none", "session_id": "s"}
            )

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    turns = client.get("/sessions/s/turns").json()["turns"]
    assert len(turns) == 40
    for number in range(8):
        own = [turn["content"] for turn in turns if turn["content"].startswith(f"{number}-")]
        assert own == [f"{number}-{step}" for step in range(5)]


def test_segments_are_decoded_after_routing(client):
    name = "a/b*c%2F d?é#"
    encoded = "a%2Fb%2Ac%252F%20d%3F%C3%A9%23"
    client.post("/facts", json={"text": "hello", "infer": "none", "session_id": name})
    turns = client.get(f"/sessions/{encoded}/turns").json()["turns"]
    assert turns[0]["session"] == name
    triples = [{"entity": {"type": "person", "name": "x/y"}, "key": "a/b", "value": "v"}]
    client.post("/facts", json={"infer": "triples", "triples": triples})
    assert client.get("/entities/person/x%2Fy").json()["entity"]["name"] == "x/y"
    history = client.get("/entities/person/x%2Fy/history/a%2Fb").json()["history"]
    assert history[0]["value"] == "v"


def test_what_is_no_text_once_decoded_is_refused(client):
    assert client.get("/sessions/%FF/turns").status_code == 400
    assert client.get("/entities?type=%FF").status_code == 400


def test_in_the_process_the_management_plane_is_the_administrators(transport):
    client = httpx.Client(transport=transport, base_url="http://memory/api/v1")
    assert [item["id"] for item in client.get("/contexts").json()["contexts"]] == ["default"]
    assert client.get("/verbs").json()["verbs"][0]["name"] == "memory:read"
    assert client.get("/contexts/x/keys").status_code == 404
    assert client.put("/contexts/x").status_code in (404, 405)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("PATCH", "/facts", 405),
        ("GET", "/sessions//turns", 404),
        ("GET", "/entities/person", 404),
        ("POST", "/query?x=1", 400),
    ],
)
def test_unknown_routes_and_empty_bodies_are_refused(transport, method, path, status):
    request = httpx.Request(method, f"{BASE}{path}")
    answer = transport.handle_request(request)
    assert answer.status_code == status


def test_an_unknown_context_is_masked(transport):
    answer = httpx.Client(transport=transport).get("http://memory/api/v1/other/sessions")
    assert answer.status_code == 401
    answer = httpx.Client(transport=transport).get("http://memory/api/v1/Not%20One/sessions")
    assert answer.status_code == 422


def test_a_mode_that_needs_a_model_says_why(client):
    answer = client.post("/query", json={"query": "x", "mode": "vector"})
    assert answer.status_code == 501
    assert "vector" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"query": "x", "mode": "magic"},
        {"query": "x", "k": 0},
        {"query": "x", "k": 51},
        {"query": "x", "k": "10"},
        {"query": "x", "include": ["dreams"]},
        {"query": "x", "scopeView": "everything"},
        {"query": "x", "asOf": "then"},
        {"query": "x", "labels": ["_x=1"]},
        {},
    ],
)
def test_a_bad_question_is_refused(client, body):
    assert client.post("/query", json=body).status_code == 400


def test_a_repeated_question_is_answered_without_waiting_for_writers(tmp_path):
    transport = open_transport(tmp_path / "memory.db")
    client = httpx.Client(transport=transport, base_url=BASE)
    client.post("/facts", json={"text": "I adore hiking", "infer": "none"})
    with transport.engine._database.write() as connection:
        connection.execute("INSERT INTO context (name, created_at) VALUES ('x', 0)")
        answers = []
        reader = threading.Thread(
            target=lambda: [
                answers.append(client.post("/query", json={"query": "hiking"})) for _ in range(400)
            ]
        )
        reader.start()
        reader.join(timeout=30)
        assert len(answers) == 400
    transport.close()


def test_traces_of_reads_are_stored_with_the_next_write_and_lend_importance(transport, client):
    client.post("/facts", json={"text": "I adore hiking", "infer": "none"})
    answer = client.post("/query", json={"query": "hiking", "source": "test"})
    trace_id = answer.json()["trace"]["traceId"]
    assert answer.headers["x-trace-id"] == trace_id
    client.post("/facts", json={"text": "next", "infer": "none"})
    with transport.engine._database.read() as connection:
        row = connection.execute(
            "SELECT kind, query, principal FROM trace WHERE key = ?", (trace_id,)
        ).fetchone()
        best = connection.execute("SELECT max(importance) FROM search_row").fetchone()
    assert row == ("retrieval", "hiking", "admin")
    assert best[0] == pytest.approx(0.55)


def test_traces_that_wait_are_stored_at_closing(tmp_path):
    path = tmp_path / "memory.db"
    for expected in (0, 1):
        transport = open_transport(path)
        client = httpx.Client(transport=transport, base_url=BASE)
        client.post("/query", json={"query": "hiking"})
        with transport.engine._database.read() as connection:
            (count,) = connection.execute("SELECT count(*) FROM trace").fetchone()
        assert count == expected
        transport.close()


def test_an_unexpected_failure_tells_only_where_to_look(transport, client, monkeypatch, caplog):
    def fail(*arguments, **options):
        raise ValueError(f"cannot read {client.base_url}")

    monkeypatch.setattr("spectron_adapters.local.recall.querying.ask", fail)
    answer = client.post("/query", json={"query": "x"})
    assert answer.status_code == 500
    assert "cannot read" not in answer.text
    request_id = answer.json()["detail"].rsplit(" ", 1)[1]
    assert request_id in caplog.text
    assert str(client.base_url) not in caplog.text


def test_a_closed_transport_says_so(transport, client):
    client.get("/me")
    transport.close()
    transport.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.get("/sessions")


@pytest.mark.parametrize("option", ["embeddings", "llm", "extractor"])
def test_what_is_no_model_is_refused_at_once(option):
    with pytest.raises(TypeError, match=option):
        open_transport(None, **{option: object()})


def test_a_file_that_cannot_be_used_is_told_as_a_problem(tmp_path):
    path = tmp_path / "memory.db"
    path.write_bytes(b"no database" * 1000)
    transport = open_transport(path)
    answer = httpx.Client(transport=transport, base_url=BASE).get("/sessions")
    assert answer.status_code == 500
    assert answer.headers["x-should-retry"] == "false"
    assert "not a database" in answer.json()["detail"]
    transport.close()
    assert path.read_bytes() == b"no database" * 1000
