"""Principals and their grants: who may change them, and what nobody may."""

from __future__ import annotations

import json

import pytest

from spectron_adapters.local.engine import Engine
from tests.unit.keyed import Keyed, Operator

EVERY_VERB = {
    "memory:read", "memory:write", "memory:forget", "scope:read", "scope:create", "scope:delete",
    "grant:manage",
}  # fmt: skip


@pytest.fixture
def engine(clock):
    made = Engine(clock=clock, require_key=True, management_key="manage-me")
    made.add_principal("alice", grants={"memory:read": "org/acme/user/alice/*"})
    made.add_principal("outsider", grants={"memory:read": "org/beta/*"})
    made.add_principal("newcomer", grants={})
    made.add_principal(
        "manager",
        grants={
            "grant:manage": "org/acme/*",
            "memory:read": "org/acme/*",
            "memory:write": "org/acme/user/*",
        },
    )
    yield made
    made.close()


@pytest.fixture
def admin(engine, clock):
    return Keyed(engine, clock, engine.create_key(name="root"))


@pytest.fixture
def manager(engine, clock):
    return Keyed(engine, clock, engine.create_key("manager"))


def grant(caller, name, path, *verbs, method="POST"):
    answer = caller.ask(method, f"/principals/{name}/grants", {"path": path, "verbs": list(verbs)})
    return answer.status, json.loads(answer.body).get("grants")


def revoke(caller, name, path, *verbs):
    return grant(caller, name, path, *verbs, method="DELETE")


def test_every_context_has_its_two_reserved_principals(admin):
    found = {item["id"]: item for item in admin.get("/principals")}
    for name in ("admin", "system"):
        assert found[f"principal:{name}"]["grants"] == {
            key: ["/*"]
            for key in sorted(EVERY_VERB, key=list(found["principal:admin"]["grants"]).index)
        }


def test_the_system_is_changed_by_nobody(engine, clock, admin):
    operator = Operator(engine, clock, "manage-me")
    path = "/contexts/default/principals/system"
    assert grant(admin, "system", "org/x", "memory:read")[0] == 403
    assert revoke(admin, "principal:system", "/*", "memory:read")[0] == 403
    assert operator.status("PATCH", path, {"display_name": "Mine"}) == 403
    assert operator.status("PATCH", path, {"grants": {}}) == 403
    assert operator.status("DELETE", path) == 403
    assert operator.status("POST", f"{path}/keys/mine") == 403
    assert len(admin.get("/principals/system")["grants"]) == 7


def test_the_administrator_can_lose_grants_but_not_itself(engine, clock, admin):
    operator = Operator(engine, clock, "manage-me")
    assert operator.status("DELETE", "/contexts/default/principals/admin") == 403
    status, grants = revoke(admin, "admin", "/*", "memory:forget")
    assert (status, set(grants)) == (200, EVERY_VERB - {"memory:forget"})
    assert admin.status("POST", "/forget", {"query": "x"}) == 403
    assert Keyed(engine, clock, admin.key).get("/me")["effectiveGrants"].keys() == grants.keys()
    assert grant(admin, "admin", "/*", "memory:forget")[0] == 403


def test_granting_adds_and_revoking_takes_exactly_the_pattern(admin):
    assert grant(admin, "newcomer", "team/x/*", "memory:read", "memory:write") == (
        200,
        {"memory:read": ["team/x/*"], "memory:write": ["team/x/*"]},
    )
    assert grant(admin, "newcomer", "/team/y/", "memory:read")[1]["memory:read"] == [
        "team/x/*",
        "team/y",
    ]
    assert grant(admin, "newcomer", "team/y", "memory:read")[1]["memory:read"][1:] == ["team/y"]
    assert revoke(admin, "newcomer", "team/x/*", "memory:read", "memory:write") == (
        200,
        {"memory:read": ["team/y"]},
    )
    assert revoke(admin, "newcomer", "team/never", "memory:read")[0] == 200
    assert revoke(admin, "newcomer", "team/y", "memory:read") == (200, {})


def test_revoking_what_a_wider_grant_still_covers_says_so(admin):
    grant(admin, "newcomer", "team/*", "memory:read")
    assert revoke(admin, "newcomer", "team/x", "memory:read")[0] == 409
    assert admin.get("/principals/newcomer")["grants"] == {"memory:read": ["team/*"]}
    grant(admin, "newcomer", "team/x", "memory:read")
    assert revoke(admin, "newcomer", "team/x", "memory:read") == (200, {"memory:read": ["team/*"]})


@pytest.mark.parametrize(
    ("path", "verbs"),
    [
        ("", ["memory:read"]),
        ("org/*/x", ["memory:read"]),
        ("org//x", ["memory:read"]),
        ("org/../x", ["memory:read"]),
        ("org/acme/\u200b", ["memory:read"]),
        ("org/acme", []),
        ("org/acme", ["read"]),
        ("org/acme", ["memory:read", "memory:*"]),
    ],
)
def test_malformed_patterns_and_verbs_are_refused(admin, path, verbs):
    assert grant(admin, "alice", path, *verbs)[0] == 400
    assert revoke(admin, "alice", path, *verbs)[0] == 400
    assert admin.get("/principals/alice")["grants"] == {"memory:read": ["org/acme/user/alice/*"]}


def test_nobody_manages_without_the_grant(engine, clock):
    alice = Keyed(engine, clock, engine.create_key("alice"))
    assert alice.status("GET", "/principals") == 403
    assert alice.status("GET", "/principals/alice") == 403
    assert alice.status("GET", "/principals/never-was") == 403
    assert alice.status("POST", "/principals", {"displayName": "x"}) == 403
    assert grant(alice, "alice", "org/acme/user/alice/*", "memory:write")[0] == 403
    assert alice.status("GET", "/principals/alice/effective", path="org") == 403
    assert alice.status("POST", "/scope-grants", {}) == 501


@pytest.mark.parametrize(
    ("path", "verb", "status"),
    [
        ("org/acme/team/*", "memory:read", 200),
        ("org/acme/user/alice", "memory:write", 200),
        ("org/acme/*", "grant:manage", 200),
        ("org/acme/*", "memory:write", 403),
        ("org/acme/team", "memory:write", 403),
        ("org/acme/user/alice", "memory:forget", 403),
        ("org/*", "memory:read", 403),
        ("/*", "memory:read", 403),
        ("org/beta", "memory:read", 403),
        ("org/acmesomething", "memory:read", 403),
    ],
)
def test_nobody_conveys_more_than_is_held_and_managed(manager, path, verb, status):
    assert grant(manager, "newcomer", path, verb)[0] == status
    assert grant(manager, "manager", path, verb)[0] == status


def test_a_key_that_may_do_less_conveys_less(engine, clock, manager):
    narrow = engine.create_key("manager", grants={"grant:manage": "org/acme/*"})
    caller = Keyed(engine, clock, narrow)
    assert grant(caller, "newcomer", "org/acme/team", "memory:read")[0] == 403
    assert grant(manager.acting_for("alice"), "newcomer", "org/acme", "memory:read")[0] == 403


def test_a_manager_is_told_of_nothing_beyond_its_subtree(admin, manager):
    grant(admin, "outsider", "org/acme/project", "memory:read")
    grant(admin, "alice", "org/beta/secret", "memory:write")
    found = {item["id"]: item["grants"] for item in manager.get("/principals")}
    assert found["principal:outsider"] == {"memory:read": ["org/acme/project"]}
    assert found["principal:alice"] == {"memory:read": ["org/acme/user/alice/*"]}
    assert found["principal:admin"] == {key: ["org/acme/*"] for key in found["principal:admin"]}
    revoke(admin, "outsider", "org/acme/project", "memory:read")
    assert "principal:outsider" not in {item["id"] for item in manager.get("/principals")}
    hidden = manager.refused("GET", "/principals/outsider")
    absent = manager.refused("GET", "/principals/never-was")
    assert (hidden["status"], hidden["detail"]) == (absent["status"], absent["detail"])
    assert hidden["status"] == 404
    assert grant(manager, "outsider", "org/acme", "memory:read")[0] == 404
    query = {"path": "org/beta"}
    assert manager.status("GET", "/principals/alice/effective", **query) == 403


def test_what_a_principal_may_do_is_told_for_now_and_then(admin, clock):
    before = clock.text
    clock.forward(hours=1)
    grant(admin, "alice", "org/acme/user/alice", "memory:write", "grant:manage")
    path = "/principals/principal:alice/effective"
    now = admin.get(path, path="org/acme/user/alice")
    assert now == {
        "path": "org/acme/user/alice",
        "verbs": ["memory:read", "memory:write", "grant:manage"],
    }
    assert admin.get(path, path="org/acme/user/alice", asOf=before) == {
        "path": "org/acme/user/alice",
        "verbs": ["memory:read"],
        "asOf": before,
    }
    assert admin.get(path, path="org/acme/user/alice/x")["verbs"] == ["memory:read"]
    assert admin.get(path, path="org/acme/user/alice/*")["verbs"] == ["memory:read"]
    assert admin.get(path, path="/")["verbs"] == []
    assert admin.get(path, path="org", asOf="2020-01-01T00:00:00Z")["verbs"] == []
    assert admin.status("GET", path) == 400
    assert admin.status("GET", path, path="org", asOf="then") == 400


def test_a_principal_is_made_once_for_an_external_identity(admin):
    body = {"displayName": "Carol", "externalId": "c-1", "kind": "human"}
    created = admin.ask("POST", "/principals", body)
    assert created.status == 201
    again = admin.ask("POST", "/principals", {**body, "displayName": "Other", "grants": {}})
    assert (again.status, again.body) == (200, created.body)
    assert admin.status("POST", "/principals", {"displayName": "Carol"}) == 409
    assert admin.status("POST", "/principals", {"displayName": " "}) == 400
    assert admin.status("POST", "/principals", {"displayName": "D", "kind": "god"}) == 400
    assert admin.status("POST", "/principals", {"displayName": "D", "grants": {"x": []}}) == 400


def test_a_manager_makes_principals_within_its_means(manager):
    body = {"displayName": "Dave", "grants": {"memory:read": ["org/acme/user/dave/*"]}}
    assert manager.post("/principals", body)["grants"] == body["grants"]
    for grants in ({"memory:read": ["/*"]}, {"memory:forget": ["org/acme"]}):
        refused = {"displayName": "Eve", "grants": grants}
        assert manager.status("POST", "/principals", refused) == 403


def test_deleting_a_principal_kills_its_keys_and_frees_its_names(engine, clock):
    operator = Operator(engine, clock, "manage-me")
    alice = Keyed(engine, clock, engine.create_key("alice", name="laptop"))
    assert alice.status("GET", "/me") == 200
    operator.delete("/contexts/default/principals/alice")
    assert alice.status("GET", "/me") == 401
    engine.add_principal("alice", grants={})
    assert alice.status("GET", "/me") == 401
    assert engine.create_key("alice", name="laptop")


def test_providers_are_the_models_that_were_injected(clock, admin):
    assert admin.get("/providers") == {"providers": []}
    engine = Engine(clock=clock, llm=lambda messages: "fine")
    (provider,) = Keyed(engine, clock, None).get("/providers")["providers"]
    assert provider["name"]
    assert len(provider["models"]) == 1
    engine.close()
