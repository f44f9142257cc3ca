"""The engine against a naive list of facts: three clocks, several scopes, several readers.

The model keeps every row that was ever written and decides by reading through all of them. It
knows nothing of chains' indexes, of search, or of SQL.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from spectron_adapters.local.engine import Engine
from spectron_adapters.local.exchange import Request

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
NAMES = ("ada", "bob")
KEYS = ("home", "job")
VALUES = ("red", "green", "blue")
SCOPES = ("org", "org/ada", "org/bob", "team")
READERS = {
    "admin": ("org", "org/ada", "org/bob", "team"),
    "ada": ("org/ada",),
    "org": ("org", "org/ada", "org/bob"),
    "node": ("org",),
}
GRANTS = {"ada": "org/ada/*", "org": "org/*", "node": "org"}
LENSES = {
    None: SCOPES,
    "org/ada": ("org", "org/ada"),
    "org": ("org", "org/ada", "org/bob"),
    "org/*": ("org", "org/ada", "org/bob"),
    "team": ("team",),
}


@dataclass
class Row:
    """One value that was written; times are days since the start, ends None while open."""

    name: str
    key: str
    value: str
    scope: str
    known: int
    written: int
    known_end: int | None = None
    valid_end: int | None = None
    system_end: int | None = None
    superseded: bool = False


class EngineAgainstAList(RuleBasedStateMachine):
    """Writes curated values, sometimes late, and forgets; reads by every clock."""

    @initialize()
    def begin(self):
        self.day = 0
        self.rows: list[Row] = []
        self.engine = Engine(clock=lambda: START + timedelta(days=self.day))
        for name, pattern in GRANTS.items():
            grants = {"memory:read": pattern, "memory:forget": pattern}
            self.engine.add_principal(name, grants=grants)

    def teardown(self):
        if hasattr(self, "engine"):
            self.engine.close()

    # --- writing --------------------------------------------------------------------------------

    @rule(days=st.integers(1, 2))
    def time_passes(self, days):
        self.day += days

    @rule(
        name=st.sampled_from(NAMES),
        key=st.sampled_from(KEYS),
        value=st.sampled_from(VALUES),
        scope=st.sampled_from(SCOPES),
        ago=st.sampled_from((0, 0, 0, 1, 2, 4)),
    )
    def put(self, name, key, value, scope, ago):
        known = self.day - ago
        triple = {"entity": {"type": "person", "name": name}, "key": key, "value": value}
        body = {"infer": "triples", "triples": [triple], "scopes": scope, "observed_at": at(known)}
        answer = self.ask("POST", "/facts", body)
        corrected = [item["oldValue"] for item in answer["extraction"]["corrections"]]
        assert corrected == self.put_in_list(Row(name, key, value, scope, known, self.day))

    def put_in_list(self, new: Row) -> list[str]:
        chain = sorted(
            (row for row in self.rows if place(row) == place(new)), key=lambda row: row.known
        )
        heads = [row for row in chain if not row.superseded and row.known_end is None]
        if any(row.value == new.value for row in heads):
            return []
        if not heads:
            self.rows.append(new)
            return []
        (head,) = heads
        if new.known >= head.known:
            self.rows.append(new)
            end(head, new, self.day)
            return [head.value]
        later = next(row for row in chain if row.known > new.known)
        before = [row for row in chain if row.superseded and row.known <= new.known]
        before = [row for row in before if row.known_end == later.known and not closed(row, chain)]
        if any(row.value == new.value for row in before):
            return []
        self.rows.append(new)
        new.superseded = True
        new.known_end = new.valid_end = later.known
        new.system_end = self.day
        for row in before:
            end(row, new, self.day)
        return []

    @rule(name=st.sampled_from(NAMES), reader=st.sampled_from(sorted(READERS)))
    def delete(self, name, reader):
        self.ask("DELETE", f"/entities/person/{name}", reader=reader)
        for row in self.rows:
            if row.name == name and row.scope in READERS[reader] and open_now(row, self.day):
                row.known_end = row.valid_end = row.system_end = self.day

    @rule(value=st.sampled_from(VALUES), reader=st.sampled_from(sorted(READERS)))
    def purge(self, value, reader):
        self.ask("POST", "/forget", {"query": value, "purge": True}, reader=reader)
        gone = {
            place(row) for row in self.rows if row.value == value and row.scope in READERS[reader]
        }
        self.rows = [row for row in self.rows if place(row) not in gone]

    # --- reading --------------------------------------------------------------------------------

    @rule(
        name=st.sampled_from(NAMES),
        reader=st.sampled_from(sorted(READERS)),
        ago=st.integers(-1, 5),
    )
    def read_as_of(self, name, reader, ago):
        when = self.day - ago
        shown = self.attributes(name, reader, asOf=at(when))
        assert shown == self.expected(name, reader, lambda row: known_at(row, when))

    @rule(
        name=st.sampled_from(NAMES),
        reader=st.sampled_from(sorted(READERS)),
        ago=st.integers(0, 5),
    )
    def read_valid_at(self, name, reader, ago):
        when = self.day - ago
        shown = self.attributes(name, reader, atInstant=at(when))
        assert shown == self.expected(name, reader, lambda row: valid_at(row, when))

    @rule(
        reader=st.sampled_from(sorted(READERS)),
        lens=st.sampled_from(list(LENSES)),
        clock=st.sampled_from((None, "asOf", "atInstant")),
        ago=st.integers(0, 5),
        value=st.sampled_from(VALUES),
    )
    def recall(self, reader, lens, clock, ago, value):
        when = self.day - ago
        question = {"query": value, "k": 50, "includeDuplicates": True}
        if lens is not None:
            question["lens"] = lens
        if clock is not None:
            question[clock] = at(when)
        hits = self.ask("POST", "/query", question, reader=reader)["hits"]
        shown = sorted(hit["text"] for hit in hits if hit["source"] == "attribute")
        seen = {None: lambda row: valid_at(row, self.day)}
        seen["asOf"] = lambda row: known_at(row, when)
        seen["atInstant"] = lambda row: row.written <= when and not ended(row.system_end, when)
        expected = sorted(
            f"{row.name} · {row.key}: {row.value}"
            for row in self.rows
            if row.value == value
            and row.scope in READERS[reader]
            and row.scope in LENSES[lens]
            and seen[clock](row)
        )
        assert shown == expected[:50]
        allowed = set(READERS[reader]) & set(LENSES[lens])
        for hit in hits:
            assert {path for clause in hit["scopes"] for path in clause} <= allowed

    @invariant()
    def current_values_agree(self):
        for name in NAMES:
            shown = self.attributes(name, "admin")
            assert shown == self.expected(name, "admin", lambda row: valid_at(row, self.day))

    # --- helpers --------------------------------------------------------------------------------

    def expected(self, name, reader, seen):
        return sorted(
            (row.key, row.value)
            for row in self.rows
            if row.name == name and row.scope in READERS[reader] and seen(row)
        )

    def attributes(self, name, reader, **query):
        answer = self.ask("GET", f"/entities/person/{name}", reader=reader, **query)
        return sorted((item["key"], item["value"]) for item in answer.get("attributes", []))

    def ask(self, method, path, body=None, *, reader="admin", **query):
        text = "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in query.items())
        headers = {} if reader == "admin" else {"x-spectron-on-behalf-of": reader}
        content = b"" if body is None else json.dumps(body).encode()
        answer = self.engine.handle(
            Request(method, f"/api/v1/default{path}", text, headers, content)
        )
        assert answer.status in (200, 204, 404), answer.body
        return json.loads(answer.body) if answer.body else {}


def at(day: int) -> str:
    return (START + timedelta(days=day)).isoformat().replace("+00:00", "Z")


def place(row: Row) -> tuple[str, str, str]:
    return row.name, row.key, row.scope


def ended(end_day: int | None, when: int) -> bool:
    return end_day is not None and end_day <= when


def known_at(row: Row, when: int) -> bool:
    return row.known <= when and not ended(row.known_end, when)


def valid_at(row: Row, when: int) -> bool:
    return row.known <= when and not ended(row.valid_end, when)


def open_now(row: Row, day: int) -> bool:
    return row.known_end is None or row.known_end > day


def closed(row: Row, chain: list[Row]) -> bool:
    """Whether a superseded row's end was brought forward by a deletion."""
    return not any(other.known == row.known_end for other in chain)


def end(old: Row, new: Row, day: int) -> None:
    old.superseded = True
    old.known_end = new.known if old.known_end is None else min(old.known_end, new.known)
    old.valid_end = new.known if old.valid_end is None else min(old.valid_end, new.known)
    old.system_end = day if old.system_end is None else min(old.system_end, day)


TestEngineAgainstAList = EngineAgainstAList.TestCase
TestEngineAgainstAList.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
