"""The operator's client: every management route in both worlds, credentials, and refusals."""

from __future__ import annotations

import inspect
import pickle
from operator import attrgetter
from typing import Any

import pytest

from spectron_adapters import (
    SpectronConflictError,
    SpectronManagement,
    SyncSpectronManagement,
)
from spectron_adapters._sync_send import Surface
from tests.unit.loopback import KEY, Loopback, Recorder, Reply, World, settle

GRANTS = {"memory:read": ["org/acme/*", {"org": "acme", "user": "alice"}]}
CONFIG = {"token_limit": 1_000_000, "models": {"extraction": "openai/gpt-4o-mini"}}
CASES: list[tuple[str, tuple[Any, ...], dict[str, Any], str, Any]] = [
    ("verbs", (), {}, "GET /verbs", None),
    ("migrations", (), {}, "GET /migrations", None),
    (
        "contexts.create",
        (),
        {"id": "acme-prod", "namespace": "acme", "database": "prod", "config": CONFIG},
        "POST /contexts/acme-prod",
        {"namespace": "acme", "database": "prod", "config": CONFIG},
    ),
    (
        "contexts.create",
        ("a",),
        {
            "namespace": "n",
            "database": "d",
            "description": "x",
            "admin_external_id": "u1",
            "admin_display_name": "Root",
        },
        "POST /contexts/a",
        {
            "namespace": "n",
            "database": "d",
            "description": "x",
            "admin_external_id": "u1",
            "admin_display_name": "Root",
        },
    ),
    ("contexts.list", (), {}, "GET /contexts", None),
    ("contexts.get", ("a/b",), {}, "GET /contexts/a%2Fb", None),
    (
        "contexts.patch",
        ("a",),
        {"config": {"retention_days": None, "providers": {"openai": "sk"}}},
        "PATCH /contexts/a",
        {"config": {"retention_days": None, "providers": {"openai": "sk"}}},
    ),
    (
        "contexts.update",
        ("a",),
        {"enforcement_blocked": False},
        "PATCH /contexts/a",
        {"enforcement_blocked": False},
    ),
    ("contexts.delete", ("a",), {}, "DELETE /contexts/a", None),
    (
        "keys.create",
        ("a", "app"),
        {"scope_floor": {"org": "acme"}},
        "POST /contexts/a/keys",
        {"name": "app", "principal": "agent", "scope_floor": {"org": "acme"}},
    ),
    (
        "keys.create",
        ("a", "app"),
        {
            "principal": "supervisor",
            "scope_floor": "org/acme",
            "grants": GRANTS,
            "strict": True,
            "ttl_seconds": 60,
        },
        "POST /contexts/a/keys",
        {
            "name": "app",
            "principal": "supervisor",
            "scope_floor": "org/acme",
            "grants": GRANTS,
            "strict": True,
            "ttl_seconds": 60,
        },
    ),
    ("keys.list", ("a",), {}, "GET /contexts/a/keys", None),
    ("keys.delete", ("a", "app"), {}, "DELETE /contexts/a/keys/app", None),
    (
        "keys.rotate",
        ("a", "app"),
        {"ttl_seconds": 5},
        "POST /contexts/a/keys/app/rotate?ttl_seconds=5",
        None,
    ),
    (
        "principals.create",
        ("a", "Alice"),
        {"external_id": "u1", "kind": "human", "grants": GRANTS},
        "POST /contexts/a/principals",
        {"display_name": "Alice", "external_id": "u1", "kind": "human", "grants": GRANTS},
    ),
    ("principals.list", ("a",), {}, "GET /contexts/a/principals", None),
    ("principals.get", ("a", "principal:p"), {}, "GET /contexts/a/principals/principal%3Ap", None),
    (
        "principals.patch",
        ("a", "p"),
        {"display_name": "Al", "kind": "agent", "grants": {}},
        "PATCH /contexts/a/principals/p",
        {"display_name": "Al", "kind": "agent", "grants": {}},
    ),
    (
        "principals.update",
        ("a", "p"),
        {"kind": "agent"},
        "PATCH /contexts/a/principals/p",
        {"kind": "agent"},
    ),
    ("principals.delete", ("a", "p"), {}, "DELETE /contexts/a/principals/p", None),
    (
        "principals.keys.create",
        ("a", "p", "app"),
        {"grants": GRANTS, "ttl_seconds": 5},
        "POST /contexts/a/principals/p/keys/app?ttl_seconds=5",
        {"grants": GRANTS},
    ),
    (
        "principals.keys.create",
        ("a", "p", "app"),
        {},
        "POST /contexts/a/principals/p/keys/app",
        None,
    ),
    ("principals.keys.list", ("a", "p"), {}, "GET /contexts/a/principals/p/keys", None),
    (
        "principals.keys.delete",
        ("a", "p", "app"),
        {},
        "DELETE /contexts/a/principals/p/keys/app",
        None,
    ),
    (
        "principals.keys.rotate",
        ("a", "p", "app"),
        {},
        "POST /contexts/a/principals/p/keys/app/rotate",
        None,
    ),
    (
        "access_tokens.create",
        ("a", "u1"),
        {"ttl_seconds": 60, "display_name": "Alice", "grants": GRANTS},
        "POST /contexts/a/access-tokens",
        {"external_id": "u1", "ttl_seconds": 60, "display_name": "Alice", "grants": GRANTS},
    ),
    ("lifecycle.decay", ("a",), {}, "POST /contexts/a/lifecycle/decay", None),
    ("lifecycle.reindex", ("a",), {}, "POST /contexts/a/lifecycle/reindex", None),
]
LISTS = {"verbs", "contexts.list", "keys.list", "principals.list", "principals.keys.list"}


@pytest.mark.parametrize(
    ("method", "args", "options", "sent", "body"), CASES, ids=[f"{c[0]}-{c[3]}" for c in CASES]
)
async def test_each_call_sends_exactly_its_documented_request(  # noqa: PLR0917 - one table row
    world: World, method: str, args: tuple[Any, ...], options: dict[str, Any], sent: str, body: Any
) -> None:
    recorder = Recorder([]) if method in LISTS else Recorder()
    await settle(attrgetter(method)(world.admin(transport=recorder.transport))(*args, **options))
    request = recorder.request
    assert f"{request.method} {request.url.raw_path.decode()}" == sent.replace(" /", " /api/v1/")
    assert recorder.json == body
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert "idempotency-key" not in request.headers


def public_methods(client: object) -> set[str]:
    found = set()
    for name in dir(client):
        value = None if name.startswith("_") else getattr(client, name)
        if inspect.ismethod(value):
            found.add(name)
        elif isinstance(value, Surface):
            found |= {f"{name}.{inner}" for inner in public_methods(value)}
    return found


def test_every_public_method_is_in_the_table() -> None:
    admin = SyncSpectronManagement("http://memory.test", KEY, transport=Recorder().transport)
    assert public_methods(admin) - {"close"} == {case[0] for case in CASES}


async def test_the_key_may_travel_by_itself(world: World) -> None:
    recorder = Recorder([])
    await settle(world.admin(transport=recorder.transport, auth_header="API-KEY").contexts.list())
    assert recorder.request.headers["api-key"] == KEY
    assert "authorization" not in recorder.request.headers


@pytest.mark.parametrize("shape", ["bare", "envelope"])
async def test_contexts_come_bare_or_in_an_envelope(world: World, shape: str) -> None:
    row = {"id": "a", "config": {"providers_configured": ["openai"]}, "created_at": "2026"}
    answer: object = [row] if shape == "bare" else {"contexts": [row]}
    contexts = await settle(world.admin(transport=Recorder(answer).transport).contexts.list())
    assert contexts[0].config == {"providers_configured": ["openai"]}
    assert contexts[0].created_at == "2026"


async def test_a_minted_secret_is_not_shown(world: World) -> None:
    answer = {"id": "1", "key": "sp-1-secret", "principal_id": "p", "valid_until": None}
    admin = world.admin(transport=Recorder(answer, 201).transport)
    minted = await settle(admin.keys.create("a", "app"))
    assert minted.key == "sp-1-secret"
    assert "secret" not in repr(minted)


@pytest.mark.parametrize(
    ("method", "args", "options"),
    [
        ("contexts.patch", ("a",), {}),
        ("principals.patch", ("a", "p"), {}),
        ("contexts.get", ("",), {}),
        ("contexts.create", ("a",), {"namespace": "", "database": "d"}),
        ("keys.create", ("a", "n"), {"principal": "root"}),
        ("keys.create", ("a", ""), {}),
        ("access_tokens.create", ("a", "u"), {"ttl_seconds": 0}),
        ("keys.rotate", ("a", "n"), {"ttl_seconds": -1}),
    ],
)
async def test_a_wrong_value_raises_before_anything_is_sent(
    world: World, method: str, args: tuple[Any, ...], options: dict[str, Any]
) -> None:
    recorder = Recorder()
    with pytest.raises(ValueError, match=method.replace(".", r"\.") + r"\(\): "):
        await settle(
            attrgetter(method)(world.admin(transport=recorder.transport))(*args, **options)
        )
    assert recorder.requests == []


@pytest.mark.parametrize("base_url", ["memory:", "local:a.db"])
def test_an_engine_in_the_process_has_no_management_plane_here(world: World, base_url: str) -> None:
    with pytest.raises(ValueError, match="served over HTTP"):
        world.admin(base_url)


def test_a_key_is_needed(world: World) -> None:
    with pytest.raises(ValueError, match="no API key"):
        world.admin(api_key=None)
    with pytest.raises(ValueError, match="auth_header must be one of"):
        world.admin(auth_header="Cookie")


def test_the_key_is_neither_shown_nor_pickled(world: World) -> None:
    admin = world.admin()
    assert repr(admin) == f"{type(admin).__name__}(base_url='http://memory.test')"
    with pytest.raises(TypeError, match="is not pickled"):
        pickle.dumps(admin)


async def test_refusals_are_typed(wired: World, loopback: Loopback) -> None:
    loopback.play(Reply(409, {"detail": "taken"}))
    with pytest.raises(SpectronConflictError, match="taken"):
        await settle(
            wired.admin(loopback.endpoint).contexts.create("a", namespace="n", database="d")
        )


def test_both_worlds_have_the_same_signatures() -> None:
    def signatures(admin: object) -> dict[str, str]:
        methods = {case[0] for case in CASES}
        return {name: str(inspect.signature(attrgetter(name)(admin))) for name in methods}

    transport = Recorder().transport
    blocking = SyncSpectronManagement("http://memory.test", KEY, transport=transport)
    native = SpectronManagement("http://memory.test", KEY, transport=transport)
    assert signatures(blocking) == signatures(native)
