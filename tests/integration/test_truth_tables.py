"""The scope model's tables, row by row, through HTTP and with real keys.

Each test's id is a row, or a cell, of a table of the contract's section 2.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.host import ALL_VERBS, Caller, Context, Host, granted, hosted


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables") / "memory.db"


@pytest.fixture(scope="module")
def host(file: Path) -> Iterator[Host]:
    with hosted(file) as running:
        yield running


@pytest.fixture(scope="module")
def strict_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A service that registers no scope by itself."""
    path = tmp_path_factory.mktemp("tables") / "strict.db"
    with hosted(path, auto_register_scopes=False) as running:
        yield running


# --- 2.2 scope sets on the wire -------------------------------------------------------------------

WIRE = [
    ("a", [["a"]]),
    (["a", "b"], [["a"], ["b"]]),
    ([["a", "b"]], [["a", "b"]]),
    (["a", ["b", "c"]], [["a"], ["b", "c"]]),
    ([["a", "b", "a"]], [["a", "b"]]),
    (["a", "a"], [["a"]]),
    ("/a/", [["a"]]),
]
BLANK = ["", " ", [], [""], [[]], [[""]], ["a", []]]
MALFORMED = ["a//b", "a/*/b", "*a", "a\u0000b", ["a", 7], {"a": "b"}, [[["a"]]]]


@pytest.fixture(scope="module")
def everything(host: Host) -> Caller:
    return host.context().administrator()


@pytest.mark.parametrize(("given", "stored"), WIRE, ids=[str(row[0]) for row in WIRE])
def test_loose_scopes_mean(everything: Caller, given: object, stored: list[list[str]]) -> None:
    """A string is one clause, a flat list an OR, a nested list an AND; repetitions are dropped."""
    shown = everything.post("sessions", {"scopes": given})["scopes"]
    assert sorted(sorted(clause) for clause in shown) == stored


def test_no_scopes_mean_the_default_region(everything: Caller) -> None:
    for body in ({}, {"scopes": None}):
        assert everything.post("sessions", body)["scopes"] == [["/"]]


@pytest.mark.parametrize("given", [*BLANK, *MALFORMED], ids=repr)
@pytest.mark.parametrize("field", ["scopes", "lens"])
def test_blank_and_malformed_scopes_are_refused(
    everything: Caller, field: str, given: object
) -> None:
    """Blank never means everything."""
    route, body = ("facts", {"text": "x"}) if field == "scopes" else ("query", {"query": "x"})
    assert everything.ask("POST", route, {**body, field: given}).status_code == 400


# --- 2.3 writing ----------------------------------------------------------------------------------

DEFAULT_REGIONS = [
    (["org/acme/*", "team/x"], [["org/acme"], ["team/x"]]),
    (["*"], [["/"]]),
    (["org/acme"], [["org/acme"]]),
]


@pytest.mark.parametrize(
    ("write", "stored"), DEFAULT_REGIONS, ids=[str(r[0]) for r in DEFAULT_REGIONS]
)
def test_default_write_region(strict_host: Host, write: list[str], stored: list[list[str]]) -> None:
    """Every pattern without its star, as an OR; that needs no registration."""
    writer = strict_host.context().caller(granted(*write))
    assert sorted(writer.post("sessions")["scopes"]) == stored
    assert writer.put("Ada", "by default").status_code == 200


WRITES = [
    ("inside the region", ["org/acme/*"], "org/acme/user/ada", 200),
    ("the node itself", ["org/acme/*"], "org/acme", 200),
    ("a child of a node without star", ["org/acme"], "org/acme/user/ada", 403),
    ("above the region", ["org/acme/user/ada/*"], "org/acme", 403),
    ("beside the region", ["org/acme/*"], "org/beta", 403),
    ("a name that begins alike", ["org/acme/*"], "org/acme2", 403),
    ("another case", ["org/acme/*"], "org/Acme", 403),
    ("one clause of two outside", ["org/acme/*"], ["org/acme", "org/beta"], 403),
    ("one path of a clause outside", ["org/acme/*"], [["org/acme", "org/beta"]], 403),
    ("no write region at all", [], "org/acme", 403),
]


@pytest.mark.parametrize(
    ("write", "scopes", "status"), [r[1:] for r in WRITES], ids=[r[0] for r in WRITES]
)
def test_write_targets(host: Host, write: list[str], scopes: object, status: int) -> None:
    """Every path of every clause lies in the write region, or nothing is written."""
    context = host.context()
    writer = context.caller({"memory:write": write, "memory:read": ["/*"]})
    assert writer.put("Ada", "value", scopes).status_code == status
    assert context.administrator().knows("Ada") is (status == 200)


def test_request_scopes_come_before_the_sessions_and_those_before_the_default(host: Host) -> None:
    writer = host.context().administrator()
    session = writer.post("sessions", {"scopes": "org/acme"})["id"]
    for name, scopes, expected in (("Ada", "team/x", "team/x"), ("Bob", None, "org/acme")):
        assert writer.put(name, "v", scopes, session_id=session).status_code == 200
        assert writer.knows(name, lens=json.dumps([[f"{expected}/*"]]))
        assert not writer.knows(name, lens=json.dumps([["elsewhere"]]))


def test_a_session_outside_the_write_region_is_refused(host: Host) -> None:
    context = host.context()
    session = context.administrator().post("sessions", {"scopes": "org/beta"})["id"]
    writer = context.caller(granted("org/acme/*"))
    assert writer.put("Ada", "v", session_id=session).status_code == 403
    assert writer.put("Ada", "v", session_id="never seen before").status_code == 200


def test_unregistered_and_tombstoned_paths(strict_host: Host) -> None:
    """A write needs a living node; a lens does not, and registering makes ancestors."""
    writer = strict_host.context().administrator()
    assert writer.put("Ada", "v", "org/acme/user").status_code == 422
    assert writer.recalled("v", lens="org/acme/user") == []
    writer.post("scopes", {"path": "/org/acme/user/"})
    assert [node["path"] for node in writer.get("scopes")] == [
        "org/",
        "org/acme/",
        "org/acme/user/",
    ]
    assert writer.put("Ada", "v", "org/acme/user").status_code == 200
    assert writer.put("Ada", "v", "org/acme").status_code == 200
    assert writer.ask("DELETE", "scopes", path="org/acme").status_code == 204
    assert writer.put("Ada", "w", "org/acme").status_code == 422
    assert writer.put("Ada", "w", "org/acme/user").status_code == 200


# --- 2.4 visibility -------------------------------------------------------------------------------

COLUMNS = {
    "org/acme": ["org/acme"],
    "org/acme/*": ["org/acme/*"],
    "org/acme + user/alice": ["org/acme", "user/alice"],
    "org/acme/user/bob/*": ["org/acme/user/bob/*"],
    "/*": ["/*"],
}
VISIBILITY = [
    ([["org/acme"]], (True, True, True, False, True)),
    ([["org/acme/user/alice"]], (False, True, False, False, True)),
    ([["org/acme", "user/alice"]], (False, False, True, False, True)),
    ([["org/acme/user/alice"], ["org/acme/user/bob"]], (False, True, False, True, True)),
    ([["org/beta"]], (False, False, False, False, True)),
    ([["/"]], (False, False, False, False, True)),
    ([], (False, False, False, False, False)),
]
CELLS = [
    pytest.param(number, column, seen, id=f"{clauses} read by {column}")
    for number, (clauses, row) in enumerate(VISIBILITY)
    for column, seen in zip(COLUMNS, row, strict=True)
]


@pytest.fixture(scope="module")
def visibility(host: Host, file: Path) -> dict[str, Caller]:
    """A record per row, a reader per column."""
    context = host.context()
    writer = context.administrator()
    for number, (clauses, _) in enumerate(VISIBILITY):
        assert writer.put(f"row {number}", f"record{number}", clauses or "org/acme").is_success
    take_clauses_away(file, f"row_{len(VISIBILITY) - 1}")
    return {name: context.caller({"memory:read": read}) for name, read in COLUMNS.items()}


def take_clauses_away(file: Path, name: str) -> None:
    """Damage an entity as no request can: its rows belong to no scope."""
    with sqlite3.connect(file, timeout=30) as connection:
        found = connection.execute("SELECT id, context_id FROM entity_name WHERE name = ?", (name,))
        name_id, context_id = found.fetchone()
        empty = connection.execute(
            "INSERT INTO scope_set (context_id, canonical) VALUES (?, '[]')", (context_id,)
        ).lastrowid
        for table in ("entity", "attribute"):
            connection.execute(
                "UPDATE search_row SET scope_set_id = ? WHERE kind = ? AND target_id IN"
                f" (SELECT id FROM {table} WHERE name_id = ?)",
                (empty, table, name_id),
            )
            connection.execute(
                f"UPDATE {table} SET scope_set_id = ? WHERE name_id = ?", (empty, name_id)
            )
    connection.close()


@pytest.mark.parametrize(("number", "column", "seen"), CELLS)
def test_visibility(visibility: dict[str, Caller], number: int, column: str, seen: bool) -> None:
    """A record is seen when one of its clauses is covered whole; by every way of reading."""
    reader = visibility[column]
    listed = {entity["name"] for entity in reader.get("entities")["entities"]}
    assert (f"row {number}" in listed) is seen
    assert reader.knows(f"row {number}") is seen
    assert bool(reader.recalled(f"record{number}")) is seen


LENSES = [
    ("org/acme/*", [["org/acme"]], [["org/acme/user/alice"]], True),
    ("org/acme/*", [["org/acme/user/alice"]], [["org/acme"]], True),
    ("org/acme", [["org/acme/user/alice"]], [["org/acme"]], False),
    ("org/acme/*", [["org/acme/user/bob"]], [["org/acme/user/alice"]], False),
    ("org/acme/*", [["org/acme"]], [["org/acme/user/alice/*"]], False),
    ("/*", [["region/eu", "product/mac"]], [["region/eu"]], True),
    ("/*", [["region/eu", "product/mac"]], [["region/eu", "org/acme"]], False),
    ("/*", [["region/eu", "product/mac"]], [["region/eu"], ["org/acme"]], True),
    ("/*", [["org/acme/user/alice"], ["org/acme/user/bob"]], [["org/acme/user/bob"]], True),
    ("org/acme/*", [["org/acme"]], [["org/beta"]], False),
    ("/*", [["/"]], [["org/acme/user/alice"]], True),
    ("/*", [["/"]], [["org/acme/*"]], False),
]


@pytest.mark.parametrize(
    ("grant", "record", "lens", "kept"),
    LENSES,
    ids=[f"{g} {r} through {v}" for g, r, v, _ in LENSES],
)
def test_lens(host: Host, grant: str, record: object, lens: object, kept: bool) -> None:
    """A lens narrows by involvement, never widens, and is never an error."""
    context = host.context()
    assert context.administrator().put("Ada", "remarkable", record).is_success
    reader = context.caller({"memory:read": [grant]})
    assert bool(reader.recalled("remarkable", lens=lens)) is kept
    assert reader.knows("Ada", lens=json.dumps(lens)) is kept
    assert bool(reader.get("entities", lens=json.dumps(lens))["entities"]) is kept


@pytest.mark.parametrize("view", ["strict", "crossTeam", "merged"])
def test_scope_views_never_widen(host: Host, view: str) -> None:
    context = host.context()
    writer = context.administrator()
    writer.put("Ada", "remarkable", "org/acme")
    writer.put("Bob", "remarkable", "org/beta")
    reader = context.caller({"memory:read": ["org/acme/*"]})
    assert reader.recalled("remarkable", scopeView=view) == ["Ada · note: remarkable"]
    assert reader.ask("POST", "query", {"query": "x", "scopeView": "all"}).status_code == 400


LABELS = [
    ([], True),
    (["team=red"], True),
    (["team=red", "year=2026"], True),
    (["team=blue"], False),
    (["team=red", "year=2027"], False),
    (["unheard=of"], False),
]


@pytest.mark.parametrize(("asked", "kept"), LABELS, ids=[str(row[0]) for row in LABELS])
def test_labels_filter_and_never_grant(host: Host, asked: list[str], kept: bool) -> None:
    context = host.context()
    writer = context.administrator()
    written = writer.put("Ada", "remarkable", "org/acme", labels=["team=red", "year=2026"])
    assert written.status_code == 200
    assert bool(writer.recalled("remarkable", labels=asked)) is kept
    assert context.caller(granted("org/beta/*")).recalled("remarkable", labels=asked) == []


# --- 2.5 principals, keys, delegation -------------------------------------------------------------

INTERSECTIONS = [
    ("a/*", "a/b/*", {"a": False, "a/b": True, "a/b/c": True}),
    ("a/*", "a/b", {"a": False, "a/b": True, "a/b/c": False}),
    ("a", "a/*", {"a": True, "a/b": False, "a/b/c": False}),
    ("a/*", "b/*", {"a": False, "a/b": False, "a/b/c": False}),
    ("/*", "a/b", {"a": False, "a/b": True, "a/b/c": False}),
]


@pytest.mark.parametrize("turned", [False, True], ids=["a for b", "b for a"])
@pytest.mark.parametrize(
    ("first", "second", "covered"), INTERSECTIONS, ids=[f"{a} and {b}" for a, b, _ in INTERSECTIONS]
)
def test_delegation_is_the_intersection(
    host: Host, first: str, second: str, covered: dict[str, bool], turned: bool
) -> None:
    """What one does for another, both may do, verb by verb."""
    context = host.context()
    one, other = (context.caller(granted(pattern)) for pattern in (first, second))
    acting = other.on_behalf_of(one.principal) if turned else one.on_behalf_of(other.principal)
    writer = context.administrator()
    for path, allowed in covered.items():
        name = path.replace("/", " then ")
        assert writer.put(name, "value", path).is_success
        assert acting.knows(name) is allowed
        assert acting.put(f"{name} too", "value", path).status_code == (200 if allowed else 403)


@pytest.mark.parametrize(
    "header",
    ["X-Spectron-On-Behalf-Of", "X-Memory-On-Behalf-Of", "X-Agent-Memory-On-Behalf-Of"],
)
@pytest.mark.parametrize("prefix", ["", "principal:"])
def test_delegation_by_every_header_and_spelling(host: Host, header: str, prefix: str) -> None:
    context = host.context()
    target = context.caller(granted("org/acme/*")).principal
    acting = context.administrator().on_behalf_of(
        prefix + target.removeprefix("principal:"), header
    )
    shown = acting.get("me")
    assert shown["delegatedPrincipalId"] == target
    assert shown["effectiveGrants"]["memory:read"] == ["org/acme/*"]


def test_delegation_needs_somebody_and_grants_nothing(host: Host) -> None:
    """Unknown targets are refused; a target's greater rights help nobody; verbs do not mix."""
    context = host.context()
    administrator = context.administrator()
    administrator.put("Ada", "secret", "org/acme")
    assert administrator.on_behalf_of("nobody").ask("GET", "me").status_code == 403
    assert administrator.on_behalf_of("").ask("GET", "me").status_code == 400
    small = context.caller(granted("team/x"))
    assert not small.on_behalf_of(administrator.principal).knows("Ada")
    reader = context.caller({"memory:read": ["org/acme"]})
    forgetter = context.caller({"memory:forget": ["org/acme"]})
    both = reader.on_behalf_of(forgetter.principal)
    assert both.ask("POST", "forget", {"query": "secret"}).status_code == 403
    assert not both.knows("Ada")


ATTENUATIONS = [
    ("the same", {"memory:read": ["org/acme/*"]}, 201),
    ("less", {"memory:read": ["org/acme/user/ada"]}, 201),
    ("more", {"memory:read": ["org/*"]}, 400),
    ("elsewhere", {"memory:read": ["org/beta"]}, 400),
    ("a verb not held", {"memory:forget": ["org/acme"]}, 400),
    ("a flat verb", {"read": ["org/acme"]}, 400),
    ("a malformed pattern", {"memory:read": ["org/*/x"]}, 400),
]


@pytest.mark.parametrize(
    ("grants", "status"), [row[1:] for row in ATTENUATIONS], ids=[row[0] for row in ATTENUATIONS]
)
def test_attenuation(host: Host, grants: object, status: int) -> None:
    """A key may do what its principal may, or less."""
    held = granted("org/acme/*", verbs=("memory:read", "memory:write"))
    owner = host.context().caller(held)
    assert owner.ask("POST", "keys", {"grants": grants}).status_code == status


def test_absent_key_grants_inherit_and_absent_verbs_are_denied(host: Host) -> None:
    context = host.context()
    owner = context.caller(granted("org/acme/*"))
    whole = Caller(context, owner.principal, owner.post("keys")["key"])
    part = owner.post("keys", {"grants": {"memory:read": ["org/acme/*"]}})
    reading = Caller(context, owner.principal, part["key"])
    assert whole.put("Ada", "v", "org/acme").status_code == 200
    assert reading.knows("Ada")
    assert reading.put("Ada", "w", "org/acme").status_code == 403
    assert reading.ask("POST", "forget", {"query": "v"}).status_code == 403


FLOORS = [
    ({"org": "acme"}, "org/acme", True),
    ({"org": "acme"}, "org/acme/user/ada", True),
    ({"org": "acme", "user": "ada"}, "org/acme/user/ada", True),
    ({"org": "acme", "user": "ada"}, "org/acme", False),
    ("org/acme", "org/acme/user/ada", True),
    ({"org": "acme"}, "org/beta", False),
    ({"org": "acme"}, "org", False),
]


@pytest.mark.parametrize(
    ("floor", "path", "inside"), FLOORS, ids=[f"{floor} and {path}" for floor, path, _ in FLOORS]
)
def test_floor(host: Host, floor: object, path: str, inside: bool) -> None:
    """A floor confines a key: writes outside are refused, reads come back empty."""
    context = host.context()
    assert context.administrator().put("Ada", "remarkable", path).is_success
    bot = context.flat_caller(scope_floor=floor)
    assert bot.knows("Ada") is inside
    assert bot.put("Bob", "v", path).status_code == (200 if inside else 403)


@pytest.mark.parametrize("strict", [False, True])
def test_strict_keys_are_told_of_lenses_outside(host: Host, strict: bool) -> None:
    """Reading outside the region is empty, or an error for a key that is strict."""
    context = host.context()
    bot = context.flat_caller(scope_floor={"org": "acme"}, strict=strict)
    outside = bot.ask("POST", "query", {"query": "x", "lens": "org/beta"})
    assert outside.status_code == (403 if strict else 200)
    assert bot.ask("POST", "query", {"query": "x", "lens": "org/acme/user"}).status_code == 200
    assert bot.ask("POST", "query", {"query": "x"}).status_code == 200


RESERVED = [
    ("DELETE", "system", None),
    ("PATCH", "system", {"display_name": "Mine"}),
    ("PATCH", "system", {"grants": {"memory:read": ["/*"]}}),
    ("DELETE", "admin", None),
]


@pytest.mark.parametrize(
    ("method", "name", "body"), RESERVED, ids=[f"{m} {n} {b}" for m, n, b in RESERVED]
)
def test_reserved_principals(host: Host, method: str, name: str, body: object) -> None:
    context = host.context()
    response = host.http.request(
        method,
        f"/api/v1/contexts/{context.name}/principals/{name}",
        json=body,
        headers={"API-KEY": "the-operators-key"},
    )
    assert response.status_code == 403, response.text


@pytest.mark.parametrize("kind", ["human", "agent", "service", "unknown"])
def test_a_principals_kind_never_affects_access(host: Host, kind: str) -> None:
    context = host.context()
    context.administrator().put("Ada", "v", "org/acme")
    body = {"display_name": kind, "kind": kind, "grants": {"memory:read": ["org/acme"]}}
    made = host.manage("POST", f"contexts/{context.name}/principals", body)
    path = f"contexts/{context.name}/principals/{made['id']}/keys/k"
    reader = Caller(context, made["id"], host.manage("POST", path)["key"])
    assert reader.knows("Ada")
    assert reader.put("Ada", "w", "org/acme").status_code == 403


# --- 2.6 tombstone and scoped forget --------------------------------------------------------------


def test_a_tombstone_marks_and_a_scoped_forget_erases(host: Host) -> None:
    """Facts outlive their node's tombstone; forgetting a scope leaves its node."""
    context = host.context()
    owner = context.administrator()
    owner.put("Ada", "remarkable", "org/acme/user/ada")
    assert owner.ask("DELETE", "scopes", path="org/acme/user/ada").status_code == 204
    (node,) = [n for n in owner.get("scopes") if n["path"] == "org/acme/user/ada/"]
    assert "tombstonedAt" in node
    assert owner.recalled("remarkable") == ["Ada · note: remarkable"]
    assert "tombstonedAt" not in owner.post("scopes", {"path": "org/acme/user/ada"})
    assert owner.post("scopes/forget", {"path": "org/acme/user"})["forgotten"] > 0
    assert owner.recalled("remarkable") == []
    assert not owner.knows("Ada")
    assert owner.get("entities/person/Ada/history/note")["history"] == []
    assert "org/acme/user/ada/" in [node["path"] for node in owner.get("scopes")]


TOUCHED = [
    ([["org/acme"]], True),
    ([["org/acme/user/ada"]], True),
    ([["org/acme", "team/x"]], True),
    ([["team/x"], ["org/acme/user/ada"]], True),
    ([["org"]], False),
    ([["org/acme2"]], False),
    ([["/"]], False),
]


@pytest.mark.parametrize(("clauses", "gone"), TOUCHED, ids=[str(row[0]) for row in TOUCHED])
def test_scoped_forget_takes_whatever_touches_the_subtree(
    host: Host, clauses: object, gone: bool
) -> None:
    owner = host.context().administrator()
    owner.put("Ada", "remarkable", clauses)
    owner.post("scopes/forget", {"path": "org/acme"})
    assert owner.knows("Ada") is not gone


SUBTREES = [
    (["org/acme/*"], 200),
    (["org/*"], 200),
    (["/*"], 200),
    (["org/acme"], 403),
    (["org/acme/user/*"], 403),
    ([], 403),
]


@pytest.mark.parametrize(("forget", "status"), SUBTREES, ids=[str(row[0]) for row in SUBTREES])
def test_scoped_forget_needs_the_whole_subtree(host: Host, forget: list[str], status: int) -> None:
    context: Context = host.context()
    context.administrator().put("Ada", "remarkable", "org/acme")
    caller = context.caller({"memory:forget": forget} if forget else {"memory:read": ["/*"]})
    assert caller.ask("POST", "scopes/forget", {"path": "org/acme"}).status_code == status
    assert context.administrator().knows("Ada") is (status != 200)


GRANTED_TO_NOBODY = {verb: ["elsewhere"] for verb in ALL_VERBS}


def test_no_grant_over_a_node_is_no_word_of_it(host: Host) -> None:
    context = host.context()
    context.administrator().post("scopes", {"path": "org/acme"})
    assert context.caller(GRANTED_TO_NOBODY).get("scopes") == []
