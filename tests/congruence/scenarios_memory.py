"""What people do with memory: remember, recall, converse, forget."""

from __future__ import annotations

from tests.congruence.faces import Visitor

ADA, BOB = "org/acme/user/ada", "org/acme/user/bob"


def triple(name: str, key: str, value: str) -> dict[str, object]:
    return {"entity": {"type": "person", "name": name}, "key": key, "value": value}


async def remembering(visitor: Visitor) -> None:
    """All four modes, with everything that a write may carry."""
    await visitor.ask("remember", "My name is Ada and I live in Leeds.", scopes=ADA)
    await visitor.ask("remember", "I live in York.", scopes=ADA, infer="preview")
    await visitor.ask("remember", "I moved to York.", scopes=ADA, session_id="chat-1")
    await visitor.ask(
        "remember",
        infer="triples",
        triples=[triple("Ada", "employer", "Acme"), triple("Ada", "employer", "Initech")],
        scopes=[[ADA, "team/red"], [BOB]],
        labels=["source=crm"],
        observed_at="2025-06-01T00:00:00Z",
    )
    await visitor.ask("remember", "Größe: 42 — 東京 🌍", infer="none", role="assistant")
    await visitor.ask("remember", "", infer="none")
    await visitor.ask("remember", infer="triples", triples=[{"entity": {"type": "person"}}])


async def remembering_a_conversation(visitor: Visitor) -> None:
    """Messages in one request, read together or one by one."""
    messages = [
        {"role": "user", "content": "I work at Acme.", "ts": "2025-12-01T10:00:00Z"},
        {"role": "assistant", "content": "Noted."},
        {"role": "user", "content": "Actually, I work at Initech.", "ts": "2025-12-02T10:00:00Z"},
    ]
    for extract in ("whole_conversation", "per_message"):
        await visitor.ask(
            "remember_many", messages, session_id=f"read {extract}", extract=extract, scopes=ADA
        )
    await visitor.ask("remember_many", messages[:1], infer="none", scopes=ADA)
    await visitor.ask("remember_many", messages[:1], infer="preview", scopes=ADA)
    await visitor.ask("sessions.turns", "read per_message")


async def repeating_requests(visitor: Visitor) -> None:
    """The same key replays the answer; with another body it is refused."""
    for text in ("Tea is ready.", "Tea is ready.", "Tea is cold."):
        await visitor.ask("remember", text, idempotency_key="tea", session_id="s", infer="none")
    for content in ("One.", "One.", "Two."):
        items = [{"role": "user", "content": content}]
        await visitor.ask(
            "remember_many", items, idempotency_key="many", session_id="s", infer="none"
        )
    await visitor.ask("sessions.turns", "s")
    visitor.later(hours=25)
    await visitor.ask("remember", "Tea is cold.", idempotency_key="tea", session_id="s")


async def recalling(visitor: Visitor) -> None:
    """Modes, lenses, labels, families, clocks, pages."""
    facts = (("Ada", "city", "Leeds"), ("Bob", "city", "York"), ("Ada", "drink", "tea"))
    for name, key, value in facts:
        visitor.later(days=1)
        await visitor.ask(
            "remember",
            infer="triples",
            triples=[triple(name, key, value)],
            scopes=ADA if name == "Ada" else BOB,
            labels=[f"about={key}"],
        )
    await visitor.ask("remember", "Leeds has a fine market hall.", infer="none", scopes="org/acme")
    for options in (
        {},
        {"k": 1},
        {"mode": "bm25"},
        {"mode": "graph"},
        {"mode": "vector"},
        {"include": ["facts"]},
        {"include": ["passages"]},
        {"lens": ADA},
        {"lens": [[f"{BOB}/*"]]},
        {"lens": "org/elsewhere"},
        {"labels": ["about=city"]},
        {"as_of": "2026-01-02T12:00:00Z"},
        {"at_instant": "2026-01-01T00:00:00Z"},
        {"valid_from": "2026-01-02T12:00:00Z", "valid_until": "2027-01-01T00:00:00Z"},
        {"scope_view": "merged", "include_duplicates": True, "source": "a test"},
    ):
        await visitor.ask("recall", "Who lives in Leeds, and in which city?", **options)
    await visitor.ask("query_context", "Leeds", k=2, lens=ADA)
    await visitor.ask("query_context", "")


async def conversing(visitor: Visitor) -> None:
    """Sessions with their transcripts, pages and context."""
    made = await visitor.ask("sessions.create", scopes=ADA, metadata={"channel": "web", "n": 1})
    for text in ("First.", "Second.", "Third, about Leeds."):
        await visitor.ask("remember", text, session_id=made.id, infer="none")
    await visitor.ask("sessions.turns", made.id)
    await visitor.ask("sessions.turns", made.id, limit=1, offset=1)
    await visitor.ask("sessions.context", made.id, "Leeds")
    await visitor.ask("sessions.get", made.id)
    await visitor.ask("remember", "In a foreign session.", session_id="thread/7 ü", infer="none")
    await visitor.ask("sessions.turns", "thread/7 ü")
    await visitor.ask("sessions.list")
    await visitor.ask("sessions.delete", made.id)
    await visitor.ask("sessions.delete", made.id)
    await visitor.ask("sessions.turns", made.id)


async def forgetting(visitor: Visitor) -> None:
    """Dry, softly, for good, and a scope as a whole."""
    for name, city in (("Ada", "Leeds"), ("Bob", "Leeds"), ("Cyd", "York")):
        await visitor.ask(
            "remember", infer="triples", triples=[triple(name, "city", city)], scopes=ADA
        )
    await visitor.ask("forget", "Leeds", dry_run=True)
    await visitor.ask("forget", "Ada Leeds")
    await visitor.ask("entities.get", "person", "Ada")
    await visitor.ask("entities.history", "person", "Ada", "city")
    await visitor.ask("forget", "Leeds", purge=True)
    await visitor.ask("entities.history", "person", "Bob", "city")
    await visitor.ask("scopes.forget", "org/acme/user")
    await visitor.ask("entities.list")
    await visitor.ask("recall", "York Leeds")


async def knowing_entities(visitor: Visitor) -> None:
    """Names with slashes and from elsewhere; histories; every clock."""
    for name in ("AC/DC", "Björk Guðmundsdóttir", "東京", "a b"):
        await visitor.ask("remember", infer="triples", triples=[triple(name, "genre", "rock")])
    visitor.later(days=1)
    await visitor.ask("remember", infer="triples", triples=[triple("AC/DC", "genre", "hard rock")])
    target = {"entity": {"type": "person", "name": "a b"}, "key": "likes"}
    target["target"] = {"type": "company", "name": "AC/DC"}
    await visitor.ask("remember", infer="triples", triples=[target])
    await visitor.ask("entities.list")
    await visitor.ask("entities.list", entity_type="company", limit=1, offset=0)
    for name in ("AC/DC", "björk  guðmundsdóttir", "東京", "nobody"):
        await visitor.ask("entities.get", "person", name)
    await visitor.ask("entities.get", "person", "AC/DC", as_of="2026-01-01T12:00:00Z")
    await visitor.ask("entities.get", "person", "AC/DC", at_instant="2026-01-01T12:00:00Z")
    await visitor.ask("entities.history", "person", "AC/DC", "genre")
    for ref in (
        "entity:person/a b",
        "attribute:person/東京/genre",
        "relation:person/a b/likes/organisation/AC/DC",
        "nonsense",
        "passage:x/1",
    ):
        await visitor.ask("inspect", ref)
    await visitor.ask("entities.delete", "person", "AC/DC")
    await visitor.ask("entities.get", "person", "AC/DC")


async def knowing_oneself(visitor: Visitor) -> None:
    """State and profile, with instructions and corrections."""
    for text in (
        "My name is Ada.",
        "I prefer tea to coffee.",
        "Always answer in French.",
        "I work at Acme.",
        "Actually, I work at Initech.",
    ):
        visitor.later(hours=1)
        await visitor.ask("remember", text, scopes=ADA)
    await visitor.ask("state")
    await visitor.ask("profile")
    await visitor.ask("lifecycle.decay")
    visitor.later(days=30)
    await visitor.ask("lifecycle.decay")
    await visitor.ask("lifecycle.expire")
    await visitor.ask("lifecycle.fsck")
    await visitor.ask("profile")


async def reasoning(visitor: Visitor) -> None:
    """What a language model adds."""
    await visitor.ask("remember", "I live in Leeds.", scopes=ADA, session_id="talk")
    await visitor.ask("chat", "Where do I live?", session_id="talk")
    await visitor.listen("And where do I live now?", session_id="talk")
    await visitor.ask("sessions.turns", "talk")
    await visitor.ask("reflect", "Where does the user live?")
    await visitor.ask("reflect", "Where does the user live?", persist=True)
    await visitor.ask("elaborate", entity_ref="entity:person/user", dry_run=True)
    await visitor.ask("consolidate", dry_run=True)
    await visitor.ask("consolidate")


async def watching(visitor: Visitor) -> None:
    """Traces, statistics, audit, health."""
    await visitor.ask("remember", "I live in Leeds.", scopes=ADA)
    found = await visitor.ask("recall", "Leeds")
    await visitor.ask("traces.list", limit=5)
    await visitor.ask("traces.get", found.trace.trace_id)
    await visitor.ask("traces.get", "nonsense")
    await visitor.ask("traces.stats", window_hours=24)
    await visitor.ask("audit", limit=10)
    await visitor.ask("audit", kind="retrieval", principal="admin")
    await visitor.ask("inspect", f"trace:{found.trace.trace_id}")
    await visitor.ask("health")
    await visitor.ask("providers")
    await visitor.ask("whoami")


SCENARIOS = (
    remembering,
    remembering_a_conversation,
    repeating_requests,
    recalling,
    conversing,
    forgetting,
    knowing_entities,
    knowing_oneself,
    reasoning,
    watching,
)
