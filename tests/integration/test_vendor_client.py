"""The vendor's own client against our server in another process: every one of its methods.

Each test has a context of its own, made and given a key through the management plane.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.served import Served, served
from tests.unit.loopback import chunks_of, settle

vendor = pytest.importorskip("surrealdb_memory")

GUIDE = """# Night watch

The lighthouse keeper polishes the great lens every evening. Polishing the great lens takes an hour.

## Storms

In a storm the lighthouse keeper rings the fog bell. The fog bell is heard for nine miles.
"""
NUMBERS = count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served() as running:
        yield running


@pytest.fixture(params=["sync", "async"])
async def memory(request: pytest.FixtureRequest, server: Served) -> AsyncIterator[Any]:
    """A vendor's client with an administrator's key to a new context."""
    context = f"vendor-{next(NUMBERS)}"
    headers = {"authorization": f"Bearer {server.management_key}"}
    base = f"{server.endpoint}/api/v1/contexts/{context}"
    async with httpx.AsyncClient(headers=headers, timeout=30, verify=False) as plane:
        made = await plane.post(base, json={"namespace": "vendor", "database": context})
        assert made.status_code == 201, made.text
        minted = await plane.post(f"{base}/principals/admin/keys/vendor")
        assert minted.status_code == 201, minted.text
    kind = vendor.Memory if request.param == "sync" else vendor.AsyncMemory
    client = kind(context, endpoint=server.endpoint, api_key=minted.json()["key"])
    yield client
    await settle(client.close())


# --- memory verbs ---------------------------------------------------------------------------------


async def test_remembering_recalling_and_forgetting(memory: Any) -> None:
    told = await settle(memory.remember("Alice works at Acme.", session_id="s", role="user"))
    assert told.mode == "full"
    assert told.session_id == "s"
    assert told.turn_id
    literal = await settle(memory.remember("The tea is ready.", infer="none", session_id="s"))
    assert literal.chunk_id
    shown = await settle(memory.remember("Bob lives in Leeds.", infer="preview"))
    assert shown.preview
    triple = {"entity": {"type": "person", "name": "Carol"}, "key": "city", "value": "Oslo"}
    stored = await settle(memory.remember(infer="triples", triples=[triple]))
    assert stored.extraction.attributes[0]["value"] == "Oslo"

    batch = [
        {"role": "user", "content": "My bicycle is green."},
        {"role": "assistant", "content": "A fine colour."},
    ]
    many = await settle(memory.remember_many(batch, session_id="s", infer="none"))
    assert len(many.turn_ids) == 2

    found = await settle(memory.recall("Which colour is the bicycle?", k=5))
    assert "My bicycle is green." in [hit.text for hit in found.hits]
    assert found.tier
    block = await settle(memory.query_context("bicycle"))
    assert "green" in block.context

    assert (await settle(memory.forget("My bicycle is green."))).deleted >= 1
    after = await settle(memory.recall("Which colour is the bicycle?"))
    assert "My bicycle is green." not in [hit.text for hit in after.hits]
    assert isinstance((await settle(memory.forget("tea", purge=True))).deleted, int)


async def test_chatting_at_once_and_as_a_stream(memory: Any) -> None:
    await settle(memory.remember("The meeting room is called Fjord.", session_id="c"))
    answer = await settle(memory.chat("What is the meeting room called?", session_id="c"))
    assert answer.reply
    assert answer.session_id == "c"
    assert answer.trace_id
    chunks = await chunks_of(
        await settle(memory.chat("And what is it called?", session_id="c", stream=True))
    )
    assert chunks[-1].done
    assert chunks[-1].session_id == "c"
    said = "".join(chunk.delta for chunk in chunks[:-1])
    assert said == chunks[-1].raw["reply"]
    turns = (await settle(memory.sessions.turns("c"))).turns
    assert [turn.role for turn in turns] == ["user", "user", "assistant", "user", "assistant"]


async def test_thinking_about_what_is_known(memory: Any) -> None:
    for city in ("Leeds", "York"):
        await settle(memory.remember(f"Alice visited {city}.", session_id="s"))
    thought = await settle(memory.reflect("What does Alice do?"))
    assert isinstance(thought.reflection, str)
    assert isinstance(thought.evidence, list)
    drawn = await settle(memory.consolidate(dry_run=True))
    assert drawn.dry_run
    found = await settle(memory.elaborate(dry_run=True, sweep=True))
    assert found.relations_emitted >= 0


async def test_what_is_known_can_be_looked_at(memory: Any) -> None:
    triple = {"entity": {"type": "person", "name": "Carol"}, "key": "city", "value": "Oslo"}
    await settle(
        memory.remember(
            infer="triples", triples=[{**triple, "memory_category": "identity"}], session_id="s"
        )
    )
    seen = await settle(memory.inspect("entity:person/carol"))
    assert seen["kind"] == "entity"
    assert [item["value"] for item in seen["attributes"]] == ["Oslo"]
    state = await settle(memory.state())
    assert [item["value"] for item in state.identity["attributes"]] == ["Oslo"]
    profile = await settle(memory.profile())
    assert "Oslo" in [entry.value for entry in profile.static]
    me = await settle(memory.whoami())
    assert me.principal_id == "principal:admin"
    assert "memory:read" in me.effective_grants
    rows = (await settle(memory.audit(limit=10))).rows
    assert "decision" in {row.kind for row in rows}
    assert isinstance(await settle(memory.health()), dict)


# --- documents ------------------------------------------------------------------------------------


async def ready(memory: Any, doc_id: str) -> Any:
    """The document once it has been processed."""
    for _ in range(200):
        document = await settle(memory.documents.get(doc_id))
        assert document.status != "failed", document
        if document.status == "ready":
            return document
        await asyncio.sleep(0.05)
    pytest.fail(f"the document stays {document.status}")


async def test_documents_from_upload_to_deletion(memory: Any) -> None:
    uploaded = await settle(
        memory.documents.upload(
            GUIDE.encode(),
            filename="night.md",
            content_type="text/markdown",
            title="Night watch",
            source="tower",
        )
    )
    assert not uploaded.deduplicated
    assert uploaded.content_hash.startswith("blake3:")
    document = await ready(memory, uploaded.id)
    assert document.title == "Night watch"
    again = await settle(
        memory.documents.upload(GUIDE.encode(), filename="night.md", content_type="text/markdown")
    )
    assert again.deduplicated
    assert again.id == uploaded.id

    listed = await settle(memory.documents.list(status="ready"))
    assert [item.id for item in listed.documents] == [uploaded.id]
    assert await settle(memory.documents.fetch_raw(uploaded.id)) == GUIDE.encode()
    chunks = (await settle(memory.documents.chunks(uploaded.id))).chunks
    assert "fog bell" in " ".join(chunk.text for chunk in chunks)
    found = await settle(memory.documents.query("Who rings the fog bell?", k=3))
    assert "fog bell" in found.results[0].chunk["text"]
    links = await settle(memory.documents.recompute_links())
    assert links.links_emitted >= 0

    repeated = await settle(memory.documents.reprocess(uploaded.id))
    assert repeated.id == uploaded.id
    await ready(memory, uploaded.id)

    await settle(memory.documents.delete(uploaded.id))
    with pytest.raises(vendor.MemoryNotFoundError):
        await settle(memory.documents.get(uploaded.id))


async def test_keywords_of_documents(memory: Any) -> None:
    uploaded = await settle(
        memory.documents.upload(GUIDE.encode(), filename="night.md", content_type="text/markdown")
    )
    await ready(memory, uploaded.id)
    own = (await settle(memory.documents.keywords.for_document(uploaded.id))).keywords
    assert own
    known = (await settle(memory.documents.keywords.list(page_size=50))).keywords
    assert {item.normalised for item in own} == {item.normalised for item in known}
    one = await settle(memory.documents.keywords.get(own[0].normalised.lower()))
    assert one.normalised == own[0].normalised
    assert [item["id"] for item in one.documents] == [uploaded.id]
    near = await settle(memory.documents.keywords.search(own[0].text, k=3))
    assert own[0].normalised in {item.normalised for item in near.results}


# --- sessions and entities ------------------------------------------------------------------------


async def test_sessions(memory: Any) -> None:
    session = await settle(memory.sessions.create(metadata={"topic": ["tea", 1, None]}))
    await settle(memory.remember("The kettle is blue.", session_id=session.id, infer="none"))
    turns = (await settle(memory.sessions.turns(session.id, limit=10, offset=0))).turns
    assert [turn.content for turn in turns] == ["The kettle is blue."]
    block = await settle(memory.sessions.context(session.id, "kettle"))
    assert "blue" in block.context
    await settle(memory.sessions.delete(session.id))
    with pytest.raises(vendor.MemoryNotFoundError):
        await settle(memory.sessions.turns(session.id))


async def test_entities(memory: Any) -> None:
    for city in ("Oslo", "Bergen"):
        triple = {"entity": {"type": "person", "name": "A/B C"}, "key": "city", "value": city}
        await settle(memory.remember(infer="triples", triples=[triple]))
    listed = (await settle(memory.entities.list(entity_type="person"))).entities
    assert [item.name for item in listed] == ["A/B C"]
    one = await settle(memory.entities.get("person", "A/B C"))
    assert [item.value for item in one.attributes] == ["Bergen"]
    history = (await settle(memory.entities.history("person", "A/B C", "city"))).history
    assert [item.value for item in history] == ["Bergen", "Oslo"]
    await settle(memory.entities.delete("person", "A/B C"))
    with pytest.raises(vendor.MemoryNotFoundError):
        await settle(memory.entities.get("person", "A/B C"))


# --- access control -------------------------------------------------------------------------------


async def test_scopes(memory: Any) -> None:
    node = await settle(memory.scopes.register("org/acme/user/alice", display_name="Alice"))
    assert node.path.strip("/") == "org/acme/user/alice"
    paths = {item.path.strip("/") for item in await settle(memory.scopes.list())}
    assert {"org/acme", "org/acme/user/alice"} <= paths
    await settle(memory.remember("Kept in a scope.", infer="none", scopes=["org/acme/user/alice"]))
    await settle(memory.scopes.delete("org/acme/user/alice"))
    hits = (await settle(memory.recall("Kept in a scope"))).hits
    assert "Kept in a scope." in [hit.text for hit in hits]
    assert (await settle(memory.scopes.forget("org/acme"))).forgotten >= 1
    assert (await settle(memory.recall("Kept in a scope"))).hits == []


async def test_principals(memory: Any) -> None:
    everybody = {item.id for item in await settle(memory.principals.list())}
    assert {"principal:admin", "principal:system"} <= everybody
    one = await settle(memory.principals.get("principal:admin"))
    assert "/*" in one.grants["memory:read"]
    with pytest.raises(vendor.MemoryScopeError):
        await settle(memory.principals.grant("system", "org/acme/*", ["memory:read"]))
    revoked = await settle(memory.principals.revoke("admin", "/*", ["memory:forget"]))
    assert not revoked.grants.get("memory:forget")
    with pytest.raises(vendor.MemoryScopeError):
        await settle(memory.forget("anything"))
    effective = await settle(memory.principals.effective("admin", "org/acme"))
    assert "memory:read" in effective.verbs
    assert "memory:forget" not in effective.verbs


async def test_keys(memory: Any, server: Served) -> None:
    minted = await settle(memory.keys.create(name="laptop", ttl_seconds=3600))
    assert minted.valid_until
    assert "laptop" in {item.name for item in await settle(memory.keys.list())}

    def works(key: str) -> bool:
        context = memory.context_id
        target = f"{server.endpoint}/api/v1/{context}/me"
        return httpx.get(target, headers={"authorization": f"Bearer {key}"}).status_code == 200

    assert works(minted.key)
    rotated = await settle(memory.keys.rotate("laptop"))
    assert rotated.id == minted.id
    assert works(rotated.key)
    assert not works(minted.key)
    await settle(memory.keys.delete("laptop"))
    assert not works(rotated.key)


async def test_acting_for_a_principal_that_is_unknown_is_refused(memory: Any) -> None:
    with pytest.raises(vendor.MemoryScopeError):
        await settle(memory.whoami(on_behalf_of="principal:nobody"))


# --- observability and maintenance ----------------------------------------------------------------


async def test_traces(memory: Any) -> None:
    await settle(memory.remember("The bridge opens at nine.", session_id="s"))
    found = await settle(memory.recall("When does the bridge open?"))
    traces = (await settle(memory.traces.list(limit=50))).traces
    assert found.trace["traceId"] in {trace.id for trace in traces}
    one = await settle(memory.traces.get(found.trace["traceId"]))
    assert one.query_text == "When does the bridge open?"
    stats = await settle(memory.traces.stats())
    assert stats.total_queries >= 1


async def test_upkeep(memory: Any) -> None:
    await settle(memory.remember("Alice works at Acme.", session_id="s"))
    assert (await settle(memory.lifecycle.decay())).affected >= 0
    assert (await settle(memory.lifecycle.expire())).affected == 0
    report = await settle(memory.lifecycle.fsck(max_results=10))
    assert report.total == len(report.duplicates) + len(report.contradictions) + len(
        report.injection
    )


# --- that nothing is left out ---------------------------------------------------------------------


def public_methods(holder: type, instance: Any, prefix: str = "") -> Iterator[str]:
    """Every public method of the vendor's client, by dotted name."""
    for name, value in inspect.getmembers(holder):
        if not name.startswith("_") and inspect.isfunction(value):
            yield prefix + name
    for name, value in vars(instance).items():
        if not name.startswith("_"):
            yield from public_methods(type(value), value, f"{prefix}{name}.")


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("kind", ["Memory", "AsyncMemory"])
def test_every_method_of_the_vendors_client_is_called_above(kind: str) -> None:
    holder = getattr(vendor, kind)
    methods = set(public_methods(holder, holder("acme", transport=object())))
    assert len(methods) > 50
    tree = ast.parse(Path(__file__).read_text("utf-8"))
    calls = {dotted(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    called = {name.removeprefix("memory.") for name in calls if name.startswith("memory.")}
    assert methods - called == {"close"}  # by the fixture
