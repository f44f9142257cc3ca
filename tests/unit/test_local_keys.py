"""Keys: who they let in, what they make of themselves, and when they die."""

from __future__ import annotations

import json
import sqlite3
import threading

import pytest

from spectron_adapters import Spectron
from spectron_adapters.errors import SpectronAuthError, SpectronScopeError
from spectron_adapters.local import LocalTransport
from spectron_adapters.local.access import key_secrets
from spectron_adapters.local.engine import Engine
from spectron_adapters.local.problems import Problem
from tests.unit.keyed import Keyed, Operator

ALICE = "org/acme/user/alice/*"
SELF_SERVICE = ("memory:read", "memory:write", "memory:forget", "scope:read")


@pytest.fixture
def engine(clock):
    made = Engine(clock=clock, require_key=True, management_key="manage-me")
    made.add_principal("alice", grants=dict.fromkeys(SELF_SERVICE, ALICE))
    made.add_principal("bob", grants=dict.fromkeys(SELF_SERVICE, "org/acme/user/bob/*"))
    yield made
    made.close()


@pytest.fixture
def alice(engine, clock):
    return Keyed(engine, clock, engine.create_key("alice", name="laptop"))


@pytest.fixture
def admin(engine, clock):
    return Keyed(engine, clock, engine.create_key(name="root"))


def with_key(caller, key):
    return Keyed(caller.engine, caller.clock, key, context=caller.context)


# --- who is let in ------------------------------------------------------------------------------


def test_a_key_acts_as_its_principal(alice):
    me = alice.get("/me")
    assert me["principalId"] == "principal:alice"
    assert me["effectiveGrants"] == {key: [ALICE] for key in SELF_SERVICE}
    assert "tokenGrants" not in me
    alice.say("note")
    assert alice.contents() == ["note"]


def test_every_refusal_of_a_key_is_the_same(engine, clock, alice, admin):
    Operator(engine, clock, "manage-me").new_context("other")
    expired = admin.post("/keys", {"name": "short"})["key"]
    deleted = admin.post("/keys", {"name": "gone"})["key"]
    admin.delete("/keys/gone")
    rotated = expired
    admin.post("/keys/short/rotate")
    short = json.loads(admin.ask("POST", "/keys", {"name": "brief"}, ttlSeconds=60).body)["key"]
    engine.add_principal("lost", grants={})
    unbound = engine.create_key("lost")
    Operator(engine, clock, "manage-me").delete("/contexts/default/principals/lost")
    clock.forward(seconds=60)
    key_id = alice.key.split("-")[1]
    wrong = [
        None, "", "x", "sp-", "sp-a-b", f"sp-{key_id}-", f"sp-{key_id}-x", alice.key + "x",
        alice.key[:-1], alice.key.upper(), f" {alice.key} y", "manage-me", deleted, rotated, short,
        unbound, "ключ",
    ]  # fmt: skip
    answers = {
        (answer.status, answer.body, tuple(sorted(answer.headers.items())))
        for answer in [
            *(with_key(alice, key).ask("GET", "/sessions") for key in wrong),
            _path_of(alice, "other"),
            _path_of(alice, "never-was"),
        ]
    }
    assert len(answers) == 1
    assert answers.pop()[0] == 401


def _path_of(caller, context):
    """The answer of another context, told as if it were the caller's own path."""
    answer = Keyed(caller.engine, caller.clock, caller.key, context=context).ask("GET", "/sessions")
    body = answer.body.replace(f"/{context}/".encode(), b"/default/")
    headers = {**answer.headers, "content-length": str(len(body))}
    return type(answer)(answer.status, headers, body)


@pytest.mark.parametrize("header", ["Basic abc", "Bearer", "sp-x", "Token {key}", "{key}"])
def test_a_key_is_a_bearer_or_nothing(alice, header):
    headers = {"authorization": header.format(key=alice.key)}
    assert with_key(alice, None).ask("GET", "/me", headers=headers).status == 401


def test_the_scheme_is_read_in_any_case(alice):
    headers = {"authorization": f"bEARER   {alice.key}"}
    assert with_key(alice, None).ask("GET", "/me", headers=headers).status == 200


def test_health_needs_no_key_and_unknown_routes_tell_nothing(engine, clock):
    nobody = Keyed(engine, clock, None)
    assert nobody.status("GET", "/nowhere") == 404
    assert Operator(engine, clock, None).status("GET", "/health") == 200


def test_in_the_process_a_key_that_cannot_be_one_of_these_is_left_over(memory, clock):
    assert memory.get("/me")["principalId"] == "principal:admin"
    for key in ("dev-key", "sp-1-of-a-service"):
        found = Keyed(memory.engine, clock, key).get("/me")
        assert found["principalId"] == "principal:admin"


def test_in_the_process_a_key_counts_once_one_was_chosen_or_made(memory, clock):
    memory.engine.ensure_key("chosen")
    for key in ("dev-key", f"sp-{'0' * 16}-x", ""):
        assert Keyed(memory.engine, clock, key).status("GET", "/me") == 401
    admin = Keyed(memory.engine, clock, "chosen")
    [name] = [key["name"] for key in admin.get("/keys")]
    admin.post(f"/keys/{name}/rotate")
    assert admin.status("GET", "/me") == 401
    assert Keyed(memory.engine, clock, None).get("/me")["principalId"] == "principal:admin"
    memory.engine.add_principal("alice", grants={"memory:read": ALICE})
    key = memory.engine.create_key("alice")
    assert Keyed(memory.engine, clock, key).get("/me")["principalId"] == "principal:alice"


def test_the_client_in_the_process_may_use_a_key(engine, alice):
    transport = LocalTransport(engine)
    with Spectron("default", "http://local", alice.key, transport=transport) as client:
        assert client.whoami().principal_id == "principal:alice"
        with pytest.raises(SpectronScopeError):
            client.remember("mine", scopes="org/acme/user/bob", infer="none")
        minted = client.keys.create(name="phone", grants={"memory:read": [ALICE]})
        assert minted.key not in repr(minted)
    with Spectron("default", "http://local", minted.key, transport=transport) as phone:
        assert phone.whoami().token_grants == {"memory:read": [ALICE]}
        phone.keys.delete("phone")
        with pytest.raises(SpectronAuthError):
            phone.whoami()


# --- secrets ------------------------------------------------------------------------------------


def test_no_secret_is_at_rest(tmp_path, clock, caplog):
    path = tmp_path / "memory.db"
    engine = Engine(path, clock=clock, require_key=True, management_key="manage-me-secretly")
    engine.ensure_key("opaque-operator-key")
    root = Keyed(engine, clock, "opaque-operator-key")
    minted = root.post("/keys", {"name": "k"}, idempotency_key="once")["key"]
    rotated = root.post("/keys/k/rotate")["key"]
    assert with_key(root, rotated).status("GET", "/me") == 200
    seen = "".join([repr(engine), repr(engine._authenticator.__dict__), repr(engine._parts)])
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    engine.close()
    files += path.read_bytes()
    for secret in (minted, rotated, "opaque-operator-key", "manage-me-secretly"):
        own = secret.split("-", 2)[-1] if secret.startswith("sp-") else secret
        assert own.encode() not in files
        assert own not in seen
        assert own not in caplog.text


def test_a_verified_key_is_not_hashed_again_and_a_wrong_one_always(alice, monkeypatch):
    hashed = []
    real = key_secrets.scrypt
    monkeypatch.setattr(key_secrets, "scrypt", lambda *given: hashed.append(1) or real(*given))
    for _ in range(5):
        assert alice.status("GET", "/me") == 200
    assert len(hashed) == 1
    for key in ("unknown", alice.key + "x", "sp-0123456789abcdef-x"):
        hashed.clear()
        for _ in range(2):
            assert with_key(alice, key).status("GET", "/me") == 401
        assert len(hashed) == 2


def test_the_repetition_of_a_mint_is_told_that_the_secret_is_gone(alice):
    body = {"name": "phone"}
    first = alice.post("/keys", body, idempotency_key="once")
    headers = {"idempotency-key": "once"}
    again = alice.ask("POST", "/keys", body, headers=headers)
    assert again.status == 409
    assert first["key"].encode() not in again.body
    assert "shown once" in json.loads(again.body)["detail"]
    assert alice.status("POST", "/keys", {"name": "phone"}) == 409


def test_an_operator_sets_any_text_as_the_administrators_key(tmp_path, clock):
    path = tmp_path / "memory.db"
    engine = Engine(path, clock=clock, require_key=True)
    assert engine.ensure_key("dev-key") is None
    assert engine.ensure_key("dev-key") is None
    assert engine.ensure_key() is None
    engine.close()
    engine = Engine(path, clock=clock, require_key=True)
    assert engine.ensure_key("dev-key") is None
    first = Keyed(engine, clock, "dev-key")
    assert [key["name"] for key in first.get("/keys")] == ["operator"]
    engine.ensure_key("sp-looks-like-one")
    assert first.status("GET", "/me") == 401
    assert with_key(first, "sp-looks-like-one").status("GET", "/me") == 200
    engine.close()


def test_without_a_key_of_the_operators_one_is_made_once(engine, clock):
    made = engine.ensure_key()
    assert made is not None
    assert engine.ensure_key() is None
    assert Keyed(engine, clock, made).get("/me")["principalId"] == "principal:admin"
    for wrong in ("", " ", "a b"):
        with pytest.raises(ValueError, match="blank"):
            engine.ensure_key(wrong)


def test_two_starts_at_once_make_one_key(engine):
    made = []
    threads = [threading.Thread(target=lambda: made.append(engine.ensure_key())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([key for key in made if key is not None]) == 1


# --- self-service -------------------------------------------------------------------------------


def test_a_key_mints_another_that_may_do_less(alice):
    minted = alice.post("/keys", {"name": "reader", "grants": {"memory:read": [ALICE]}})
    assert set(minted) == {"id", "key"}
    reader = with_key(alice, minted["key"])
    me = reader.get("/me")
    assert me["tokenGrants"] == me["effectiveGrants"] == {"memory:read": [ALICE]}
    assert me["grants"] == {key: [ALICE] for key in SELF_SERVICE}
    alice.say("note")
    assert reader.contents() == ["note"]
    assert reader.status("POST", "/facts", {"text": "no", "infer": "none"}) == 403


@pytest.mark.parametrize(
    "grants",
    [
        {"memory:read": ["org/acme/*"]},
        {"memory:read": ["org/acme/user/alice/*", "org/acme/user/bob"]},
        {"grant:manage": [ALICE]},
        {"memory:read": ["/*"]},
        {"read": [ALICE]},
        {"memory:read": ["org/*/alice"]},
        {"memory:read": ["org/acme/user/alice/../bob"]},
        {"memory:read": [""]},
    ],
)
def test_grants_that_widen_or_mean_nothing_are_refused(alice, grants):
    assert alice.status("POST", "/keys", {"grants": grants}) == 400
    assert len(alice.get("/keys")) == 1


def test_a_narrow_key_mints_no_wider_one(alice):
    narrow = with_key(alice, alice.post("/keys", {"grants": {"memory:read": [ALICE]}})["key"])
    assert narrow.status("POST", "/keys", {"grants": {"memory:write": [ALICE]}}) == 400
    child = with_key(alice, narrow.post("/keys")["key"])
    assert child.get("/me")["effectiveGrants"] == {"memory:read": [ALICE]}


def test_a_key_that_expires_mints_none_that_lives_longer(alice, clock):
    brief = json.loads(alice.ask("POST", "/keys", {}, ttlSeconds=60).body)
    caller = with_key(alice, brief["key"])
    child = json.loads(caller.ask("POST", "/keys", {"name": "child"}, ttlSeconds=9999).body)
    assert child["validUntil"] == brief["validUntil"] == "2026-01-01T00:01:00Z"
    clock.forward(seconds=59)
    assert with_key(alice, child["key"]).status("GET", "/me") == 200
    clock.forward(seconds=1)
    assert with_key(alice, child["key"]).status("GET", "/me") == 401


@pytest.mark.parametrize("ttl", ["0", "-1", "soon", "1.5"])
def test_a_lifetime_that_is_none_is_refused(alice, ttl):
    assert alice.status("POST", "/keys", {}, ttlSeconds=ttl) == 400


def test_the_engine_makes_no_key_that_is_dead_or_too_strong(engine):
    with pytest.raises(ValueError, match="ttl_seconds"):
        engine.create_key("alice", ttl_seconds=0)
    with pytest.raises(ValueError, match="unknown verbs"):
        engine.create_key("alice", grants={"read": "/*"})
    for options in ({"principal": "nobody"}, {"principal": "system"}):
        with pytest.raises(Problem):
            engine.create_key(**options)
    with pytest.raises(Problem, match="more than its principal"):
        engine.create_key("alice", grants={"memory:read": "/*"})


def test_a_lifetime_beyond_all_time_is_cut(alice):
    answer = alice.ask("POST", "/keys", {}, ttlSeconds=10**17)
    assert json.loads(answer.body)["validUntil"] == "9999-12-31T23:59:59Z"


def test_a_key_sees_and_deletes_itself_alone(engine, clock, alice, admin):
    bob = Keyed(engine, clock, engine.create_key("bob", name="bobs"))
    alice.post("/keys", {"name": "sibling"})
    assert [key["name"] for key in alice.get("/keys")] == ["laptop"]
    problems = [
        alice.refused(method, f"/keys/{name}{rest}")
        for name in ("sibling", "bobs", "never-was")
        for method, rest in (("DELETE", ""), ("POST", "/rotate"))
    ]
    assert {(problem["status"], problem["detail"]) for problem in problems} == {
        (404, problems[0]["detail"])
    }
    assert bob.status("GET", "/me") == 200
    alice.delete("/keys/laptop")
    assert alice.status("GET", "/me") == 401
    assert {key["name"] for key in admin.get("/keys")} == {"root", "sibling", "bobs"}
    admin.delete("/keys/bobs")
    assert bob.status("GET", "/me") == 401


def test_rotation_kills_the_old_secret_and_keeps_the_rest(alice):
    body = {"name": "reader", "grants": {"memory:read": [ALICE]}}
    first = json.loads(alice.ask("POST", "/keys", body, ttlSeconds=600).body)
    old = with_key(alice, first["key"])
    assert old.status("GET", "/me") == 200
    second = old.post("/keys/reader/rotate")
    assert old.status("GET", "/me") == 401
    new = with_key(alice, second["key"])
    assert (second["id"], second["validUntil"]) == (first["id"], first["validUntil"])
    assert new.get("/me")["tokenGrants"] == {"memory:read": [ALICE]}
    third = json.loads(new.ask("POST", "/keys/reader/rotate", ttlSeconds=60).body)
    assert third["validUntil"] == "2026-01-01T00:01:00Z"


def test_a_manager_of_everything_gets_no_secret_of_a_key_that_may_do_more(engine, clock, alice):
    engine.add_principal("manager", grants={"grant:manage": "/*"})
    manager = Keyed(engine, clock, engine.create_key("manager", name="boss"))
    assert manager.status("POST", "/keys/laptop/rotate") == 403
    assert alice.status("GET", "/me") == 200
    manager.delete("/keys/laptop")
    assert alice.status("GET", "/me") == 401


def test_names_are_unique_in_the_context_and_default_to_the_id(alice):
    assert alice.status("POST", "/keys", {"name": "laptop"}) == 409
    assert alice.status("POST", "/keys", {"name": " "}) == 400
    minted = alice.post("/keys")
    assert with_key(alice, minted["key"]).get("/keys")[0]["name"] == minted["id"]


def test_the_last_use_is_told_and_no_read_waits_for_it(tmp_path, clock):
    engine = Engine(tmp_path / "memory.db", clock=clock, require_key=True)
    root = Keyed(engine, clock, engine.create_key(name="root"))
    other = with_key(root, root.post("/keys", {"name": "other"})["key"])
    assert "lastUsedAt" not in next(key for key in root.get("/keys") if key["name"] == "other")
    with engine._database.write() as connection:
        connection.execute("DELETE FROM trace")
        assert other.status("GET", "/sessions") == 200
    used = clock.text
    clock.forward(seconds=5)
    assert {key["name"]: key["lastUsedAt"] for key in root.get("/keys")}["other"] == used
    engine.close()


def test_policy_and_delegation_close_self_service(engine, clock, alice):
    operator = Operator(engine, clock, "manage-me")
    operator.patch("/contexts/default", {"config": {"max_token_ttl_seconds": 100}})
    minted = alice.post("/keys", {"name": "phone"})
    assert minted["validUntil"] == "2026-01-01T00:01:40Z"
    longer = json.loads(alice.ask("POST", "/keys", {}, ttlSeconds=5000).body)
    assert longer["validUntil"] == "2026-01-01T00:01:40Z"
    assert alice.acting_for("bob").status("POST", "/keys") == 403
    assert alice.acting_for("bob").status("GET", "/keys") == 403
    operator.patch("/contexts/default", {"config": {"allow_self_service_keys": False}})
    for method, path in (("POST", ""), ("GET", ""), ("DELETE", "/phone"), ("POST", "/x/rotate")):
        assert alice.status(method, f"/keys{path}") == 403
    operator.patch("/contexts/default", {"config": {"allow_self_service_keys": None}})
    assert alice.status("GET", "/keys") == 200


# --- several processes --------------------------------------------------------------------------


def test_what_another_process_does_to_a_key_counts_at_once(tmp_path, clock):
    path = tmp_path / "memory.db"
    ours = Engine(path, clock=clock, require_key=True)
    theirs = Engine(path, clock=clock)
    ours.add_principal("alice", grants=dict.fromkeys(SELF_SERVICE, ALICE))
    keys = {name: ours.create_key("alice", name=name) for name in ("one", "two")}
    callers = {name: Keyed(ours, clock, key) for name, key in keys.items()}
    assert all(caller.status("GET", "/me") == 200 for caller in callers.values())
    operator = Keyed(theirs, clock, None)
    operator.delete("/keys/one")
    assert callers["one"].status("GET", "/me") == 401
    operator.post("/keys/two/rotate")
    assert callers["two"].status("GET", "/me") == 401
    three = Keyed(ours, clock, ours.create_key("alice", name="three"))
    operator.ask("DELETE", "/principals/alice/grants", {"path": ALICE, "verbs": ["memory:read"]})
    assert "memory:read" not in three.get("/me")["effectiveGrants"]
    ours.close()
    theirs.close()


def test_a_file_of_the_first_version_gains_principals_keys_and_contexts(tmp_path, clock):
    from spectron_adapters.local.storage import schema

    path = tmp_path / "memory.db"
    connection = sqlite3.connect(path)
    for statement in schema._MIGRATIONS[0].split(";"):
        connection.execute(statement)
    connection.execute("INSERT INTO context (id, name, created_at) VALUES (7, 'default', 0)")
    connection.execute(
        "INSERT INTO principal (context_id, name, display_name, kind, grants, created_at)"
        " VALUES (7, 'alice', 'alice', 'human', '{\"memory:read\":[\"user/alice/*\"]}', 0)"
    )
    connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    engine = Engine(path, clock=clock, require_key=True)
    root = Keyed(engine, clock, engine.create_key())
    found = {item["id"]: item["grants"] for item in root.get("/principals")}
    assert found.keys() == {"principal:admin", "principal:system", "principal:alice"}
    assert len(found["principal:admin"]) == 7
    me = Keyed(engine, clock, engine.create_key("alice")).get("/me")
    assert me["effectiveGrants"] == {"memory:read": ["user/alice/*"]}
    assert engine.create_key("admin") != engine.create_key("admin")
    engine.close()
