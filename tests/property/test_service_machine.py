"""The engine against `naive_service`: scopes, grants, sessions, removals, and who may read what.

A longer run with new examples each time:
`HYPOTHESIS_PROFILE=explore pytest tests/property/test_service_machine.py`.
"""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from tests.property.both_services import BothServices, everywhere
from tests.property.engine_face import RefusedError, as_text, hour
from tests.property.naive_rows import Claim, Fact, as_sets
from tests.property.naive_service import ALL_VERBS, DATA_VERBS
from tests.property.steps import settings_of

NAMES = ("ada", "bob")
KEYS = ("home", "job", "pet")
PATHS = ("org", "org/ada", "org/ada/notes", "org/bob", "team", "team/red")
SCOPES = (
    [["org"]],
    [["org/ada"]],
    [["org/ada/notes"]],
    [["org/bob"]],
    [["team"]],
    [["org/ada"], ["org/bob"]],
    [["org/ada", "team"]],
    [["org", "team"], ["team/red"]],
)
LENSES = (
    None,
    [["org"]],
    [["org/ada"]],
    [["org/*"]],
    [["org/ada/*"]],
    [["team"]],
    [["org/ada", "team"]],
    [["org/bob"], ["team/red"]],
    [["elsewhere"]],
)
REGIONS = ("/*", "org/*", "org", "org/ada/*", "org/ada", "org/bob/*", "team/*", "team")
CALLERS = ("admin", "ada", "org", "bob", "pair")
GRANTS = {
    "ada": {verb: ["org/ada/*"] for verb in DATA_VERBS},
    "org": {verb: ["org/*"] for verb in ALL_VERBS},
    "bob": {"memory:read": ["org", "org/bob/*"], "memory:write": ["org/bob"]},
    "pair": {verb: ["org/ada", "team/*"] for verb in DATA_VERBS},
}

callers = st.sampled_from(CALLERS)
writers = st.sampled_from(("admin", "admin", "admin", *CALLERS))
readers = st.sampled_from(("admin", *CALLERS))
names = st.sampled_from(NAMES)
keys = st.sampled_from(KEYS)
scopes = st.sampled_from(SCOPES)
some_scopes = st.one_of(st.none(), scopes)
lenses = st.sampled_from(LENSES)
labels = st.sampled_from([(), (), (), ("topic=work",), ("topic=play", "seen=yes")])
late = st.sampled_from([0, 0, 0, 1, 3, 6])
ago = st.one_of(st.none(), st.integers(0, 8))
moments = st.one_of(
    st.just((None, None, None, None)),
    st.tuples(ago, st.none(), st.none(), st.none()),
    st.tuples(st.none(), ago, st.none(), st.none()),
    st.tuples(st.none(), st.none(), ago, ago),
    st.tuples(ago, ago, ago, ago),
)
regions = st.lists(st.sampled_from(REGIONS), max_size=2, unique=True)
sessions = st.sampled_from([None, None, "s1", "s2"])
recent = st.integers(0, 12)


class ServiceMachine(BothServices):
    """Several principals, whose grants change, write and remove and read in a tree of scopes."""

    @initialize()
    def begin(self):
        self.set_up()
        self.model.principals["admin"] = everywhere()
        for name, grants in GRANTS.items():
            self.grant(name, grants)
        for path in PATHS[:-1]:
            self.register("admin", path)
        for number, scopes in enumerate(SCOPES[:-1]):
            name, key = NAMES[number % 2], KEYS[number // 2 % 2]
            self.state(Claim(name, key, self.token()), scopes=scopes, labels=("topic=work",))
            said = Claim(name, "pet", self.token(), 0.9, is_curated=False)
            self.state(said, scopes=scopes, session=f"s{number % 3}")

    # --- time, scopes, grants ---------------------------------------------------------------------

    @rule(hours=st.integers(1, 3))
    def time_passes(self, *, hours):
        self.model.now += hours

    @rule(caller=callers, path=st.sampled_from(PATHS))
    def register_scope(self, *, caller, path):
        self.register(caller, path)

    @rule(caller=callers, path=st.sampled_from(PATHS))
    def tombstone_scope(self, *, caller, path):
        self.both(
            lambda: self.face.ask(caller, "DELETE", "/scopes", path=path),
            lambda: self.model.tombstone(caller, path),
        )

    @rule(name=st.sampled_from(CALLERS[1:]), read=regions, write=regions, forget=regions)
    def change_grants(self, *, name, read, write, forget):
        self.grant(name, dict(zip(DATA_VERBS, (read, write, forget), strict=True)))

    # --- writing ----------------------------------------------------------------------------------

    @rule(caller=writers, scopes=some_scopes, session=sessions, labels=labels, ago=late)
    def say(self, *, caller, scopes, session, labels, ago):
        body = {"infer": "none", "text": f"about {self.token()}"}
        self.remember(body, caller=caller, scopes=scopes, session=session, labels=labels, ago=ago)

    @rule(
        caller=writers,
        name=names,
        key=keys,
        scopes=scopes,
        ago=late,
        labels=labels,
        again=st.booleans(),
    )
    def curate(self, *, caller, name, key, scopes, ago, labels, again):
        """A value that an operator states, new or the one that was stated last."""
        value = self.last_value(name, key) if again else self.token()
        self.state(Claim(name, key, value), caller=caller, scopes=scopes, labels=labels, ago=ago)

    @rule(
        caller=writers,
        name=names,
        key=keys,
        confidence=st.sampled_from((0.9, 0.8, 0.5)),
        scopes=scopes,
        session=sessions,
        ago=late,
    )
    def claim(self, *, caller, name, key, confidence, scopes, session, ago):
        """A value that somebody said, more or less surely."""
        said = Claim(name, key, self.token(), confidence, is_curated=False)
        self.state(said, caller=caller, scopes=scopes, session=session, ago=ago)

    def last_value(self, name, key):
        values = [row.value for row in self.model.of(Fact) if (row.name, row.key) == (name, key)]
        return values[-1] if values else self.token()

    @rule(subject=names, other=names, scopes=scopes, ago=late, again=st.booleans())
    def relate(self, *, subject, other, scopes, ago, again):
        self.label = getattr(self, "label", None) if again else None
        self.label = self.label or self.token()
        ends = [{"type": "person", "name": name} for name in (subject, other)]
        triple = {"entity": ends[0], "key": self.label, "target": ends[1]}
        stored = self.remember({"infer": "triples", "triples": [triple]}, scopes=scopes, ago=ago)
        if stored is not None:
            self.model.relate(subject, self.label, other, stored[1], frozenset())

    @rule(caller=callers, scopes=scopes, changed=st.booleans())
    def say_twice_under_one_key(self, *, caller, scopes, changed):
        """A repeated request is answered as before; another one under its key is refused."""
        headers = {"idempotency-key": self.token()}
        body = {"infer": "none", "text": f"about {self.token()}", "scopes": scopes}
        both = self.both(
            lambda: self.face.ask(caller, "POST", "/facts", body, headers=headers),
            lambda: self.model.destination(caller, None, scopes),
        )
        if both is None:
            return
        answer, clauses = both
        session = self.model.open_session(answer["sessionId"], clauses)
        turn = self.model.add_turn(session, body["text"], clauses, self.model.now)
        self.model.add_chunk(turn, frozenset())
        if changed:
            with pytest.raises(RefusedError) as refused:
                self.face.ask(caller, "POST", "/facts", body | {"text": "x"}, headers=headers)
            assert refused.value.status == 409
        else:
            assert self.face.ask(caller, "POST", "/facts", body, headers=headers) == answer

    # --- sessions ---------------------------------------------------------------------------------

    @rule(caller=callers, scopes=some_scopes)
    def create_session(self, *, caller, scopes):
        body = {} if scopes is None else {"scopes": scopes}
        both = self.both(
            lambda: self.face.ask(caller, "POST", "/sessions", body),
            lambda: self.model.destination(caller, None, scopes),
        )
        if both is not None:
            self.model.open_session(both[0]["id"], both[1])

    @rule(caller=callers, name=st.sampled_from(("s1", "s2")))
    def delete_session(self, *, caller, name):
        self.both(
            lambda: self.face.ask(caller, "DELETE", f"/sessions/{name}"),
            lambda: self.model.delete_session(caller, name),
        )

    @rule(
        caller=readers,
        name=st.sampled_from(("s0", "s1", "s2")),
        limit=st.sampled_from((1, 2, 100)),
        offset=st.integers(0, 3),
    )
    def read_transcript(self, *, caller, name, limit, offset):
        path = f"/sessions/{name}/turns"
        both = self.both(
            lambda: self.face.ask(caller, "GET", path, limit=limit, offset=offset),
            lambda: self.model.transcript(caller, name),
        )
        if both is None:
            return
        shown = [(turn["seq"], turn["content"]) for turn in both[0]["turns"]]
        expected = [(turn.seq, turn.content) for turn in both[1]]
        assert shown == expected[offset : offset + limit]

    @rule(caller=readers)
    def list_sessions(self, *, caller):
        shown = self.face.ask(caller, "GET", "/sessions")["sessions"]
        expected = {
            session.name: session.clauses
            for session in self.model.sessions
            if not session.is_deleted and self.model.sees(caller, session.clauses)
        }
        assert {session["id"] for session in shown} == set(expected)
        for session in shown:
            told = self.clauses_told(caller, expected[session["id"]])
            assert as_sets(session["scopes"]) == as_sets(told)

    # --- removing ---------------------------------------------------------------------------------

    @rule(caller=callers, name=names, lens=lenses)
    def delete_entity(self, *, caller, name, lens):
        path = f"/entities/person/{name}"
        self.both(
            lambda: self.face.ask(caller, "DELETE", path, lens=as_text(lens)),
            lambda: self.model.delete_entity(caller, name, lens),
        )

    @rule(
        caller=callers,
        which=recent,
        name=st.sampled_from((None, None, None, *NAMES)),
        lens=lenses,
        purge=st.booleans(),
        dry_run=st.booleans(),
    )
    def forget(self, *, caller, which, name, lens, purge, dry_run):
        word = name or self.token_of(which)
        self.forget_word(word, caller=caller, lens=lens, purge=purge, dry_run=dry_run)

    @rule(caller=callers, path=st.sampled_from(PATHS))
    def forget_scope(self, *, caller, path):
        self.both(
            lambda: self.face.ask(caller, "POST", "/scopes/forget", {"path": path}),
            lambda: self.model.forget_scope(caller, path),
        )

    # --- reading ----------------------------------------------------------------------------------

    @rule(caller=readers, which=recent, lens=lenses)
    def recall_one(self, *, caller, which, lens):
        self.compare_recall(self.token_of(which), caller=caller, lens=lens)

    @rule(caller=readers, which=recent, name=st.sampled_from((None, *NAMES)), moment=moments)
    def recall_in_time(self, *, caller, which, name, moment):
        word = name or self.token_of(which)
        self.compare_recall(word, caller=caller, clocks=self.clocks(moment))

    @rule(
        caller=readers,
        word=st.sampled_from(("about", *NAMES, *KEYS)),
        lens=lenses,
        labels=labels,
        mode=st.sampled_from(("bm25", "hybrid")),
    )
    def recall_many(self, *, caller, word, lens, labels, mode):
        self.compare_recall(word, caller=caller, lens=lens, labels=labels, mode=mode)

    @rule(caller=readers, name=names, lens=lenses, moment=moments)
    def read_entity(self, *, caller, name, lens, moment):
        self.compare_entity(name, caller=caller, lens=lens, clocks=self.clocks(moment))

    @rule(caller=readers, name=names, key=keys, back=ago)
    def read_history(self, *, caller, name, key, back):
        when = None if back is None else self.model.now - back
        self.compare_history(name, key, caller=caller, as_of=when)

    @rule(
        caller=readers, lens=lenses, limit=st.sampled_from((None, 1, 10)), offset=st.integers(0, 1)
    )
    def list_entities(self, *, caller, lens, limit, offset):
        """Also the times of an entity come from its visible rows only."""
        answer = self.face.ask(
            caller, "GET", "/entities", lens=as_text(lens), limit=limit, offset=offset
        )
        shown = [
            (item["name"], hour(item["createdAt"]), hour(item["updatedAt"]))
            for item in answer["entities"]
        ]
        assert shown == self.model.entities(caller, lens)[offset:][:limit]

    @rule(caller=callers)
    def list_scopes(self, *, caller):
        shown = self.face.ask(caller, "GET", "/scopes")
        paths = sorted((node["path"].strip("/"), "tombstonedAt" in node) for node in shown)
        assert paths == self.model.nodes_shown(caller)

    @invariant()
    def the_administrator_sees_what_holds_now(self):
        self.compare_entity(NAMES[self.count % 2])


TestServiceMachine = ServiceMachine.TestCase
TestServiceMachine.settings = settings_of(examples=260, steps=50)
