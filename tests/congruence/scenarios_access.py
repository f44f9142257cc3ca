"""Who may do what: scopes, principals, keys, delegation, contexts; and requests gone wrong."""

from __future__ import annotations

from tests.congruence.faces import MANAGEMENT_KEY, Visitor

READ_WRITE = {"memory:read": ["org/acme/user/ada/*"], "memory:write": ["org/acme/user/ada/*"]}


async def tending_scopes(visitor: Visitor) -> None:
    """Register, list, tombstone, revive; writing to a dead scope."""
    await visitor.ask("scopes.register", "/org/acme/", display_name="Acme", description="All")
    await visitor.ask("scopes.register", "org/acme/user/ü")
    await visitor.ask("scopes.list")
    await visitor.ask("scopes.delete", "org/acme")
    await visitor.ask("remember", "Too late.", scopes="org/acme")
    await visitor.ask("scopes.register", "org/acme")
    await visitor.ask("remember", "In time.", scopes="org/acme")
    await visitor.ask("scopes.forget", "org/acme")
    await visitor.ask("scopes.list")
    await visitor.send("POST", "default/scope-grants", json={"subject": "ada"})


async def granting(visitor: Visitor) -> None:
    """Principals and their grants, what they come to, and acting for somebody."""
    made = await visitor.ask("principals.create", "Ada", kind="human", grants=READ_WRITE)
    await visitor.ask("principals.create", "Ada")
    await visitor.ask("principals.get", made.id)
    await visitor.ask("principals.get", "nobody")
    await visitor.ask("principals.grant", made.id, "org/acme", ["memory:read"])
    await visitor.ask("principals.effective", made.id, "org/acme")
    await visitor.ask("principals.effective", made.id, "org/acme/user/ada/notes")
    await visitor.ask("principals.revoke", made.id, "org/acme", ["memory:read"])
    await visitor.ask("principals.list")
    await visitor.ask("whoami", on_behalf_of=made.id)
    await visitor.ask("remember", "I live in Leeds.", on_behalf_of=made.id)
    await visitor.ask("remember", "Not mine.", on_behalf_of=made.id, scopes="org/acme")
    await visitor.ask("recall", "Leeds", on_behalf_of=made.id)
    await visitor.ask("forget", "Leeds", on_behalf_of=made.id)
    await visitor.ask("principals.list", on_behalf_of=made.id)
    await visitor.ask("recall", "Leeds", on_behalf_of="nobody")


async def using_keys(visitor: Visitor) -> None:
    """Made, listed, used, rotated, expired, deleted; no key sees its siblings."""
    made = await visitor.ask("keys.create", name="ci", grants={"memory:read": ["org/acme/*"]})
    await visitor.ask("keys.create", name="ci")
    short = await visitor.ask("keys.create", name="short", ttl_seconds=60)
    await visitor.ask("keys.list")
    reader = visitor.as_somebody(made.key)
    await reader.ask("whoami")
    await reader.ask("remember", "Not allowed.")
    await reader.ask("keys.list")
    await reader.ask("keys.delete", "short")
    renewed = await reader.ask("keys.rotate", "ci")
    await reader.ask("whoami")
    brief = visitor.as_somebody(short.key)
    await brief.ask("whoami")
    visitor.later(minutes=2)
    await brief.ask("whoami")
    await visitor.as_somebody(renewed.key).ask("keys.delete", "ci")
    await visitor.as_somebody(renewed.key).ask("whoami")
    await visitor.as_somebody("nonsense").ask("whoami")
    await visitor.as_somebody(visitor.api_key, context="elsewhere").ask("whoami")


async def running_contexts(visitor: Visitor) -> None:
    """The management plane, from a context's birth to its end."""
    config = {"token_limit": 1000, "providers": {"openai": "sk-secret"}, "models": {"a": "b/c"}}
    await visitor.manage(
        "contexts.create", "acme-prod", namespace="acme", database="prod", config=config
    )
    await visitor.manage("contexts.create", "acme-prod", namespace="acme", database="prod")
    await visitor.manage("contexts.create", "Bad Id", namespace="acme", database="x")
    await visitor.manage("contexts.create", "own", namespace="spectron", database="x")
    await visitor.manage("contexts.patch", "acme-prod", config={"models": {"d": "e/f"}})
    await visitor.manage("contexts.get", "acme-prod")
    await visitor.manage("contexts.get", "nowhere")
    await visitor.manage("contexts.list")
    operator = {"API-KEY": MANAGEMENT_KEY, "authorization": ""}
    second = {"id": "two", "namespace": "b", "database": "c"}
    await visitor.send("POST", "contexts", json=second, headers=operator)
    await visitor.send("POST", "contexts", json=second)
    await visitor.manage("verbs")
    await visitor.manage("migrations")
    await visitor.manage("contexts.delete", "acme-prod")
    await visitor.manage("contexts.get", "acme-prod")
    await visitor.as_somebody("sp-not-a-management-key").manage("contexts.list")


async def minting_credentials(visitor: Visitor) -> None:
    """Flat keys, principals with keys of their own, access tokens; data under a floor."""
    await visitor.manage("contexts.create", "shop", namespace="acme", database="shop")
    flat = await visitor.manage(
        "keys.create", "shop", "bot", principal="agent", scope_floor={"org": "acme"}, strict=True
    )
    await visitor.manage("keys.create", "shop", "bot", principal="agent")
    await visitor.manage("keys.list", "shop")
    await visitor.manage("keys.rotate", "shop", "bot")
    bot = visitor.as_somebody(flat.key, context="shop")
    await bot.ask("whoami")
    again = await visitor.manage("keys.create", "shop", "sub", principal="supervisor")
    await visitor.as_somebody(again.key, context="shop").ask("remember", "Open at nine.")
    await visitor.manage("keys.delete", "shop", "sub")
    ada = await visitor.manage("principals.create", "shop", "Ada", grants=READ_WRITE)
    await visitor.manage("principals.list", "shop")
    await visitor.manage("principals.get", "shop", ada.id)
    await visitor.manage("principals.patch", "shop", ada.id, display_name="Ada L.")
    await visitor.manage("principals.keys.create", "shop", ada.id, "phone")
    await visitor.manage("principals.keys.list", "shop", ada.id)
    await visitor.manage("principals.keys.rotate", "shop", ada.id, "phone", ttl_seconds=60)
    await visitor.manage("principals.keys.delete", "shop", ada.id, "phone")
    await visitor.manage("access_tokens.create", "shop", "idp|1", ttl_seconds=60)
    await visitor.manage("lifecycle.decay", "shop")
    await visitor.manage("lifecycle.reindex", "shop")
    await visitor.manage("principals.delete", "shop", ada.id)
    await visitor.manage("principals.delete", "shop", "system")


async def going_wrong(visitor: Visitor) -> None:
    """Requests that no client makes: the problem document is the same everywhere."""
    fact = {"text": "Hello.", "infer": "none"}
    for path, body in (
        ("default/facts", {}),
        ("default/facts", {"text": "x", "infer": "sometimes"}),
        ("default/facts", {"text": "x", "scopes": [[]]}),
        ("default/facts", {"text": "x", "scopes": ["a//b"]}),
        ("default/facts", {"text": "x", "labels": ["_hidden=1"]}),
        ("default/facts", {"text": "x", "observed_at": "yesterday"}),
        ("default/facts/batch", {"messages": []}),
        ("default/query", {"query": "x", "k": 51}),
        ("default/query", {"query": "x", "mode": "best"}),
        ("default/query", {"query": "x", "lens": [["*/x"]]}),
        ("default/query", {"query": "x", "scopeView": "mine"}),
        ("default/scopes/forget", {}),
        ("default/principals/system/grants", {"path": "/*", "verbs": ["memory:read"]}),
        ("default/principals/admin/grants", {"path": "/*", "verbs": ["read"]}),
        ("Bad%20Id/facts", fact),
        ("unknown/facts", fact),
        ("default/nowhere", fact),
    ):
        await visitor.send("POST", path, json=body)
    await visitor.send("POST", "default/facts", content=b"{", headers={"content-type": "text/json"})
    await visitor.send("POST", "default/facts", content=b'"text"')
    await visitor.send("PATCH", "default/facts", json=fact)
    await visitor.send("GET", "default/inspect")
    await visitor.send("GET", "default/entities/person/a%2Fb%20c")
    await visitor.send("GET", "default/entities/person/%FF")
    await visitor.send("GET", "default/sessions/..%2F..%2Fetc/turns")
    await visitor.send("GET", "default/me", headers={"authorization": ""})
    await visitor.send("GET", "health", headers={"authorization": ""})


async def spelling_otherwise(visitor: Visitor) -> None:
    """Older names, other casings, twin routes: accepted, and meaning the same."""
    await visitor.send("POST", "default/facts", json={"text": "I live in Leeds.", "scope": "a"})
    await visitor.send("POST", "default/facts", json={"text": "Hm.", "sessionId": "s"})
    await visitor.send(
        "POST", "default/facts/batch", json={"turns": [{"role": "user", "content": "One."}]}
    )
    await visitor.send("POST", "default/query", json={"query": "Leeds", "limit": 1, "scope": "a"})
    older = {"query": "Leeds", "as_of": "2025-01-01T00:00:00Z"}
    await visitor.send("POST", "default/query", json=older)
    await visitor.send("POST", "default/state")
    await visitor.send("GET", "default/sessions/s/context?query=Leeds")
    await visitor.send("POST", "default/sessions/s/turns", json={"role": "user", "content": "Two."})
    await visitor.send("GET", "default/me", headers={"x-memory-on-behalf-of": "principal:admin"})


SCENARIOS = (
    tending_scopes,
    granting,
    using_keys,
    running_contexts,
    minting_credentials,
    going_wrong,
    spelling_otherwise,
)
