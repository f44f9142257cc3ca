"""The management plane: contexts that are whole, apart, and gone when deleted."""

from __future__ import annotations

import json
import logging
import time

import pytest

from spectron_adapters import SpectronManagement
from spectron_adapters.errors import SpectronAuthError, SpectronConflictError, SpectronScopeError
from spectron_adapters.local import LocalTransport
from spectron_adapters.local.engine import Engine
from tests.unit.keyed import Keyed, Operator

MANAGEMENT_KEY = "manage-me"


@pytest.fixture
def engine(tmp_path, clock):
    made = Engine(
        tmp_path / "memory.db", clock=clock, require_key=True, management_key=MANAGEMENT_KEY
    )
    yield made
    made.close()


@pytest.fixture
def operator(engine, clock):
    return Operator(engine, clock, MANAGEMENT_KEY)


# --- who manages --------------------------------------------------------------------------------


def test_only_the_management_key_manages(engine, clock, operator):
    data_key = engine.create_key()
    engine.ensure_key("opaque-data-key")
    expected = {MANAGEMENT_KEY: 200, data_key: 403, "opaque-data-key": 403, "wrong": 401, None: 401}
    for key, status in expected.items():
        caller = Operator(engine, clock, key)
        for path in ("/contexts", "/verbs", "/migrations"):
            assert caller.status("GET", path) == status
        assert caller.status("GET", "/contexts/default") == status
    nobody = Operator(engine, clock, None)
    assert nobody.ask("GET", "/contexts", headers={"api-key": MANAGEMENT_KEY}).status == 200
    assert nobody.ask("GET", "/contexts", headers={"api-key": data_key}).status == 403
    assert nobody.ask("GET", "/contexts", headers={"api-key": "x"}).status == 401
    assert nobody.ask("GET", "/contexts", headers={"authorization": "Basic x"}).status == 401
    assert Keyed(engine, clock, MANAGEMENT_KEY).status("GET", "/me") == 401
    assert operator.status("GET", "/contexts/default/nowhere") == 404
    assert nobody.status("GET", "/contexts/default/nowhere") == 401


def test_without_a_management_key_the_plane_is_closed_over_http_and_open_in_process(clock):
    closed, opened = Engine(clock=clock, require_key=True), Engine(clock=clock)
    assert Operator(closed, clock, None).status("GET", "/contexts") == 401
    assert Operator(closed, clock, "x").status("GET", "/contexts") == 401
    assert Operator(opened, clock, None).status("GET", "/contexts") == 200
    assert Operator(opened, clock, "x").status("GET", "/contexts") == 401
    for engine in (closed, opened):
        engine.close()
    with pytest.raises(ValueError, match="management key"):
        Engine(management_key=" ")


# --- contexts -----------------------------------------------------------------------------------


async def test_the_client_manages_contexts(engine):
    transport = LocalTransport(engine)
    async with SpectronManagement("http://local", MANAGEMENT_KEY, transport=transport) as admin:
        made = await admin.contexts.create(
            id="acme-prod",
            namespace="acme",
            database="prod",
            config={
                "token_limit": 1_000_000,
                "models": {"extraction": "openai/gpt-4o-mini", "response": "openai/gpt-4o"},
                "providers": {"openai": "sk-live-secret"},
            },
        )
        assert made.config == {
            "token_limit": 1_000_000,
            "models": {"extraction": "openai/gpt-4o-mini", "response": "openai/gpt-4o"},
            "providers_configured": ["openai"],
        }
        assert [item.id for item in await admin.contexts.list()] == ["acme-prod", "default"]
        patched = await admin.contexts.patch(
            "acme-prod",
            config={
                "token_limit": None,
                "models": {"reflection": {"provider": "anthropic", "model": "opus"}},
                "providers": {"anthropic": "sk-other", "openai": None},
            },
        )
        assert patched.config == {
            "models": {
                "extraction": "openai/gpt-4o-mini",
                "response": "openai/gpt-4o",
                "reflection": {"provider": "anthropic", "model": "opus"},
            },
            "providers_configured": ["anthropic"],
        }
        assert await admin.contexts.get("acme-prod") == patched
        with pytest.raises(SpectronConflictError):
            await admin.contexts.create("acme-prod", namespace="x", database="y")
        with pytest.raises(SpectronConflictError):
            await admin.contexts.create("second", namespace="acme", database="prod")
        await admin.contexts.create("second", namespace="acme", database="test")
        await admin.contexts.delete("acme-prod")
        again = await admin.contexts.create("acme-prod", namespace="acme", database="prod")
        assert again.config == {}
        assert len(await admin.verbs()) == 7
        migrations = await admin.migrations()
        assert {item["version"] for item in migrations.contexts} == {migrations.latest}


async def test_the_client_manages_principals_keys_and_tokens(engine, clock):
    transport = LocalTransport(engine)
    async with SpectronManagement("http://local", MANAGEMENT_KEY, transport=transport) as admin:
        carol = await admin.principals.create(
            "default", "Carol", external_id="c", grants={"memory:read": [{"org": "acme"}]}
        )
        assert carol.grants == {"memory:read": ["org/acme/*"]}
        assert await admin.principals.create("default", "Other", external_id="c") == carol
        assert await admin.principals.get("default", carol.id) == carol
        patched = await admin.principals.patch("default", carol.id, display_name="Caro")
        assert (patched.display_name, patched.grants) == ("Caro", carol.grants)
        key = await admin.principals.keys.create("default", carol.id, "phone", ttl_seconds=60)
        assert Keyed(engine, clock, key.key).get("/me")["principalId"] == carol.id
        assert [item.name for item in await admin.principals.keys.list("default", carol.id)] == [
            "phone"
        ]
        rotated = await admin.principals.keys.rotate("default", carol.id, "phone")
        assert (rotated.id, rotated.valid_until) == (key.id, key.valid_until)
        assert Keyed(engine, clock, key.key).status("GET", "/me") == 401
        await admin.principals.keys.delete("default", carol.id, "phone")
        assert Keyed(engine, clock, rotated.key).status("GET", "/me") == 401
        token = await admin.access_tokens.create(
            "default", "c", ttl_seconds=10, grants={"memory:read": ["org/beta"]}
        )
        assert token.principal_id == carol.id
        me = Keyed(engine, clock, token.key).get("/me")
        assert me["effectiveGrants"] == {"memory:read": ["org/beta"]}
        clock.forward(seconds=10)
        assert Keyed(engine, clock, token.key).status("GET", "/me") == 401
        await admin.access_tokens.create("default", "new", ttl_seconds=10)
        assert token.id not in {item.id for item in await admin.keys.list("default")}
        assert (await admin.lifecycle.decay("default")).affected == 0
        assert (await admin.lifecycle.reindex("default")).job_id
        with pytest.raises(SpectronScopeError):
            await admin.principals.delete("default", "system")
    data_key = engine.create_key()
    async with SpectronManagement("http://local", "wrong", transport=transport) as admin:
        with pytest.raises(SpectronAuthError):
            await admin.contexts.list()
    async with SpectronManagement("http://local", data_key, transport=transport) as admin:
        with pytest.raises(SpectronScopeError):
            await admin.contexts.list()


@pytest.mark.parametrize(
    ("name", "namespace", "status"),
    [
        ("Upper", "n", 422),
        ("under_score", "n", 422),
        ("-x", "n", 422),
        ("x-", "n", 422),
        ("a%2Fb", "n", 422),
        ("%C3%A9", "n", 422),
        ("x" * 129, "n", 422),
        ("health", "n", 422),
        ("verbs", "n", 422),
        ("fine", "spectron", 422),
        ("fine", "", 400),
        ("default", "n", 409),
        ("x", "n", 201),
    ],
)
def test_ids_and_namespaces_that_cannot_be(operator, name, namespace, status):
    body = {"namespace": namespace, "database": "d"}
    assert operator.status("POST", f"/contexts/{name}", body) == status
    if status == 201:
        assert operator.status("POST", "/contexts", {**body, "id": "other"}) == 409
        assert operator.status("POST", "/contexts", {**body, "database": "e", "id": "other"}) == 201
        assert operator.status("POST", "/contexts", body) == 400


@pytest.mark.parametrize(
    "config",
    [
        {"token_limit": "many"},
        {"token_limit": 0},
        {"retention_days": -1},
        {"allow_self_service_keys": "false"},
        {"llm_extraction_enabled": 0},
        {"max_token_ttl_seconds": True},
        {"reconciliation": {"confidence_floor": 1.5}},
        {"reconciliation": 3},
        {"models": "openai/gpt"},
        {"providers": ["openai"]},
        {"providers": "sk-live-secret"},
        {"models": {"extraction": {"provider": "x", "api_key": "sk-live-secret"}}},
        {"deep": json.loads("[" * 40 + "]" * 40)},
    ],
)
def test_a_configuration_that_would_not_be_obeyed_is_refused(operator, config):
    problem = operator.refused("PATCH", "/contexts/default", {"config": config})
    assert problem["status"] == 400
    assert "sk-live-secret" not in json.dumps(problem)
    assert operator.get("/contexts/default")["config"] == {}


def test_what_the_service_does_not_know_is_kept(operator):
    patched = operator.patch(
        "/contexts/default", {"config": {"x": {"a": 1, "b": {"c": [1]}}, "y": "z"}}
    )
    assert patched["config"] == {"x": {"a": 1, "b": {"c": [1]}}, "y": "z"}
    patched = operator.patch("/contexts/default", {"config": {"x": {"b": {"c": None}}, "y": None}})
    assert patched["config"] == {"x": {"a": 1, "b": {}}}
    assert operator.patch("/contexts/default", {})["config"] == {"x": {"a": 1, "b": {}}}
    for method in ("GET", "PATCH", "DELETE"):
        problem = operator.refused(method, "/contexts/never-was", {})
        assert (problem["status"], problem["type"].rsplit("/")[-1]) == (404, "context-not-found")


def test_the_first_administrator_holds_everything(operator, engine, clock):
    body = {"namespace": "n", "database": "d", "admin_external_id": "u1"}
    operator.post("/contexts/team", {**body, "admin_display_name": "Ursula"})
    token = operator.post("/contexts/team/access-tokens", {"external_id": "u1", "ttl_seconds": 60})
    me = Keyed(engine, clock, token["key"], context="team").get("/me")
    assert (me["displayName"], me["effectiveGrants"]["grant:manage"]) == ("Ursula", ["/*"])
    namesake = {"external_id": "Ursula", "ttl_seconds": 60}
    other = operator.post("/contexts/team/access-tokens", namesake)
    assert other["principal_id"] != token["principal_id"]
    assert (
        operator.post("/contexts/team/access-tokens", namesake)["principal_id"]
        == (other["principal_id"])
    )
    assert Keyed(engine, clock, other["key"], context="team").get("/me")["effectiveGrants"] == {}
    for bad in ({"external_id": "u1"}, {"external_id": "u1", "ttl_seconds": 0}):
        assert operator.status("POST", "/contexts/team/access-tokens", bad) == 400


def test_provider_keys_are_nowhere(tmp_path, clock, caplog):
    secret = "sk-proj-0123456789-secret"
    path = tmp_path / "memory.db"
    engine = Engine(path, clock=clock, management_key=MANAGEMENT_KEY)
    operator = Operator(engine, clock, MANAGEMENT_KEY)
    with caplog.at_level(logging.DEBUG):
        answers = [
            operator.new_context("acme", providers={"openai": secret, "azure": {"key": secret}}),
            operator.patch("/contexts/acme", {"config": {"providers": {"mistral": secret}}}),
            operator.get("/contexts"),
            operator.refused("PATCH", "/contexts/acme", {"config": {"models": secret}}),
            operator.refused("POST", "/contexts/other", {"config": {"providers": secret}}),
        ]
    assert answers[1]["config"]["providers_configured"] == ["azure", "mistral", "openai"]
    seen = json.dumps(answers) + caplog.text + repr(engine) + repr(engine._parts)
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    with engine._database.read() as connection:
        seen += "\n".join(str(line) for line in connection.iterdump())
    engine.close()
    assert secret not in seen
    assert secret.encode() not in files + path.read_bytes()


# --- what a configuration does ------------------------------------------------------------------


def test_a_patch_by_another_process_counts_with_the_next_request(tmp_path, clock):
    path = tmp_path / "memory.db"
    ours, theirs = Engine(path, clock=clock), Engine(path, clock=clock)
    caller, operator = Keyed(ours, clock, None), Operator(theirs, clock, None)
    caller.tell("I live in Lyon.")
    operator.patch("/contexts/default", {"enforcement_blocked": True})
    problem = caller.refused("POST", "/facts", {"text": "I live in Oslo."})
    assert (problem["status"], problem["retry_after"]) == (429, None)
    caller.say("a literal note")
    assert "a literal note" in caller.recall("literal note")
    shown = operator.patch("/contexts/default", {"enforcement_blocked": False})
    assert shown["enforcement_blocked"] is False
    caller.tell("I live in Oslo.")
    ours.close()
    theirs.close()


def test_a_context_has_its_own_confidence_floor(operator, engine, clock):
    caller = Keyed(engine, clock, engine.create_key())
    caller.tell("I live in Lyon.")
    clock.forward(days=1)
    operator.patch("/contexts/default", {"config": {"reconciliation": {"confidence_floor": 1.0}}})
    corrections = caller.tell("I live in Oslo.")["extraction"]["corrections"]
    assert corrections == []
    operator.patch("/contexts/default", {"config": {"reconciliation": None}})
    clock.forward(days=1)
    assert caller.tell("I live in Rome.")["extraction"]["corrections"]


# --- keys of a kind -----------------------------------------------------------------------------


@pytest.mark.parametrize("floor", [{"org": "acme"}, "org/acme", "org/acme/", "/org/acme/*"])
def test_a_flat_key_is_confined_to_its_floor(operator, floor):
    agent = operator.enter("default", scope_floor=floor)
    me = agent.get("/me")
    assert me["effectiveGrants"] == {
        verb: ["org/acme/*"]
        for verb in ("memory:read", "memory:write", "memory:forget", "scope:read")
    }
    agent.say("note")
    assert agent.contents() == ["note"]
    for scope in ("org/acmee", "org", "/", "org/acme%2F..", "org/\u0430cme", "ORG/acme", "team"):
        body = {"text": "no", "infer": "none", "scopes": scope}
        assert agent.status("POST", "/facts", body) == 403, scope
    for scope in ("org/acme/../beta", "org//acme", "org/acme/./x", "org/acme/*"):
        body = {"text": "no", "infer": "none", "scopes": scope}
        assert agent.status("POST", "/facts", body) == 400, scope
    assert agent.contents() == ["note"]


@pytest.mark.parametrize("floor", ["", "*/x", {}, {"org": ""}, {"org": "a/b"}, "a/../b"])
def test_a_floor_that_is_none_is_refused(operator, floor):
    body = {"name": "k", "principal": "agent", "scope_floor": floor}
    assert operator.status("POST", "/contexts/default/keys", body) == 400
    assert operator.get("/contexts/default/keys") == []


def test_kinds_of_flat_keys(operator, engine, clock):
    agent = operator.enter("default", "a")
    supervisor = operator.enter("default", "s", principal="supervisor")
    assert agent.status("POST", "/keys") == 403
    assert supervisor.status("POST", "/keys") == 201
    body = {"name": "x", "principal": "root"}
    assert operator.status("POST", "/contexts/default/keys", body) == 400
    wide = {"name": "x", "principal": "agent", "grants": {"grant:manage": ["/*"]}}
    assert operator.status("POST", "/contexts/default/keys", wide) == 400
    narrow = operator.enter("default", "n", grants={"memory:read": [{"org": "acme"}]})
    assert narrow.get("/me")["effectiveGrants"] == {"memory:read": ["org/acme/*"]}
    assert operator.status("POST", "/contexts/default/keys", {**body, "principal": "agent"}) == 201
    assert operator.status("POST", "/contexts/default/keys", {**body, "principal": "agent"}) == 409


def test_a_minted_key_keeps_floor_and_strictness_of_its_maker(operator):
    maker = operator.enter("default", principal="supervisor", scope_floor="org/acme", strict=True)
    child = Keyed(maker.engine, maker.clock, maker.post("/keys")["key"])
    assert child.get("/me")["effectiveGrants"] == maker.get("/me")["effectiveGrants"]
    assert child.status("POST", "/query", {"query": "x", "lens": "org/beta"}) == 403


def test_a_strict_key_is_refused_where_others_read_nothing(operator):
    operator.enter("default", "w").say("a note", scopes="org/acme/user/bob")
    lax = operator.enter("default", "lax", scope_floor="org/acme")
    strict = operator.enter("default", "strict", scope_floor="org/acme", strict=True)
    for lens in ("org/beta", "org", "/", [["org/acme", "org/beta"]], "org/*"):
        body = {"query": "note", "lens": lens}
        assert strict.status("POST", "/query", body) == 403
        assert lax.status("POST", "/query", body) == 200
        assert strict.status("GET", "/entities", lens=json.dumps(lens)) == 403
        assert strict.status("POST", "/forget", {**body, "dryRun": True}) == 403
    assert strict.status("POST", "/query", {"query": "x", "lens": ""}) == 400
    assert strict.recall("note", lens="org/acme/user/bob") == ["a note"]
    assert strict.recall("note", lens="org/acme/*") == ["a note"]
    assert strict.recall("note") == ["a note"]


def test_a_strict_key_is_told_nothing_of_what_it_may_not_see(operator):
    shared = [["org/acme"], ["org/hidden"]]
    operator.enter("default", "w").say("a note", "shared", scopes=shared)
    strict = operator.enter("default", scope_floor="org/acme", strict=True)
    answer = strict.ask("POST", "/sessions/shared/context", {"query": "note"})
    assert answer.status == 200
    assert b"a note" in answer.body
    assert b"hidden" not in answer.body
    assert strict.get("/sessions/shared")["scopes"] == [["org/acme"]]
    late = {"text": "late", "infer": "none", "session_id": "shared"}
    problem = strict.refused("POST", "/facts", late)
    assert problem["status"] == 403
    assert strict.status("POST", "/facts", {**late, "session_id": "own"}) == 200


def test_deleting_a_flat_key_deletes_the_principal_made_for_it(operator):
    before = operator.get("/contexts/default/principals")
    operator.enter("default")
    assert len(operator.get("/contexts/default/principals")) == len(before) + 1
    operator.delete("/contexts/default/keys/app")
    assert operator.get("/contexts/default/principals") == before
    assert operator.status("DELETE", "/contexts/default/keys/app") == 404
    operator.enter("default")


def test_another_principals_key_is_not_there(operator):
    people = [
        operator.post("/contexts/default/principals", {"display_name": name})["id"]
        for name in ("Ann", "Ben")
    ]
    operator.post(f"/contexts/default/principals/{people[0]}/keys/phone")
    wrong = f"/contexts/default/principals/{people[1]}/keys"
    assert operator.status("DELETE", f"{wrong}/phone") == 404
    assert operator.status("POST", f"{wrong}/phone/rotate") == 404
    assert operator.get(wrong) == []
    assert operator.status("POST", f"{wrong}/phone") == 409
    assert operator.status("POST", f"{wrong}/x", None, ttl_seconds=0) == 400


# --- contexts are apart -------------------------------------------------------------------------


def fill(caller, mark):
    """Something of every sort that a context may hold."""
    caller.tell(f"My name is {mark}. I live in {mark}ville. Always answer in {mark}ish.", "shared")
    caller.put(mark, "city", f"{mark}burg")
    caller.relate(mark, "knows", "Friend")
    caller.post("/scopes", {"path": f"org/{mark}", "displayName": mark})
    caller.query(mark)
    caller.forget(f"{mark}burg")
    upload(caller, f"{mark} wrote this")
    while any(item["status"] != "ready" for item in caller.get("/documents")["documents"]):
        time.sleep(0.01)


def upload(caller, text):
    form = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\n" + text.encode() + b"\r\n--b--\r\n"
    )
    headers = {"content-type": "multipart/form-data; boundary=b"}
    assert caller.ask("POST", "/documents", headers=headers, raw=form).status == 202


def test_the_same_names_in_two_contexts_never_meet(operator):
    callers = {}
    for name in ("one", "two"):
        operator.new_context(name)
        callers[name] = operator.administer(name)
        fill(callers[name], name.capitalize())
    for name, caller in callers.items():
        other = "Two" if name == "one" else "One"
        shown = json.dumps(
            [
                caller.get("/sessions/shared/turns"),
                caller.query("name city ville"),
                caller.get("/entities"),
                caller.get("/state"),
                caller.get("/sessions"),
                caller.get("/scopes"),
                caller.get("/keys"),
                caller.post("/context", {"query": other}),
            ]
        )
        assert other not in shown
        assert name.capitalize() in shown


def _rows_by_table(engine, context_id):
    """How many rows each table has of a context, and in all."""
    with engine._database.read() as connection:
        tables = [
            row[0]
            for row in connection.execute(
                "SELECT name FROM pragma_table_list WHERE type = 'table' AND name LIKE '%'"
            )
        ]
        counts = {}
        for table in tables:
            columns = {row[1] for row in connection.execute(f"PRAGMA table_info('{table}')")}
            own = "context_id" if "context_id" in columns else "id" if table == "context" else None
            if own is not None:
                (count,) = connection.execute(
                    f"SELECT count(*) FROM '{table}' WHERE {own} = ?", (context_id,)
                ).fetchone()
                counts[table] = count
    return counts


def _total_rows(engine):
    with engine._database.read() as connection:
        names = connection.execute(
            "SELECT name FROM pragma_table_list WHERE type = 'table' AND schema = 'main'"
            " AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'search_index%'"
            " AND name NOT IN ('context_counter', 'pending_erasure', 'opaque_key_salt')"
        ).fetchall()
        return {
            name: connection.execute(f"SELECT count(*) FROM '{name}'").fetchone()[0]
            for (name,) in names
        }


def _context_id(engine, name):
    with engine._database.read() as connection:
        return connection.execute("SELECT id FROM context WHERE name = ?", (name,)).fetchone()[0]


def test_a_deleted_context_is_gone_from_every_table_and_from_the_disk(tmp_path, engine, operator):
    operator.new_context("keep")
    kept = operator.administer("keep")
    fill(kept, "Keepsake")
    kept.say("flush")
    before = _total_rows(engine)
    operator.new_context("doomed", secret_plan="Zanzibar plan")
    doomed = operator.administer("doomed")
    fill(doomed, "Zanzibar")
    doomed.say("flush")
    context_id = _context_id(engine, "doomed")
    filled = {table for table, count in _rows_by_table(engine, context_id).items() if count}
    assert filled >= {
        "context", "context_setting", "api_key", "principal", "grant_version", "scope_node",
        "scope_set", "scope_set_path", "session", "turn", "entity", "entity_name", "attribute",
        "relation", "search_row", "trace",
    }  # fmt: skip
    upload(doomed, "Zanzibar is still being read " * 2000)
    operator.delete("/contexts/doomed")
    assert not any(_rows_by_table(engine, context_id).values())
    time.sleep(0.2)  # what was still being read stores nothing afterwards
    assert _total_rows(engine) == before
    assert doomed.status("GET", "/me") == 401
    assert operator.status("GET", "/contexts/doomed") == 404
    assert kept.recall("Keepsake")
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"anzibar" not in files
    assert b"eepsake" in files


def test_a_context_made_anew_shares_nothing_with_the_deleted_one(operator, engine):
    operator.new_context("phoenix")
    first = operator.enter("phoenix")
    first.say("ashes")
    assert first.recall("ashes") == ["ashes"]
    number = _context_id(engine, "phoenix")
    operator.delete("/contexts/phoenix")
    operator.new_context("phoenix")
    assert _context_id(engine, "phoenix") > number
    assert first.status("GET", "/me") == 401
    second = operator.enter("phoenix")
    assert second.recall("ashes") == []
    assert second.get("/sessions")["sessions"] == []


def test_a_context_deleted_elsewhere_takes_no_more_writes(tmp_path, clock):
    path = tmp_path / "memory.db"
    ours, theirs = Engine(path, clock=clock), Engine(path, clock=clock)
    caller = Keyed(ours, clock, None)
    caller.say("note")
    caller.query("note")
    Operator(theirs, clock, None).delete("/contexts/default")
    assert caller.status("POST", "/facts", {"text": "late", "infer": "none"}) == 401
    assert caller.status("GET", "/sessions") == 401
    ours.close()
    with theirs._database.read() as connection:
        assert connection.execute("SELECT count(*) FROM trace").fetchone() == (0,)
    theirs.close()
