"""The engine against `naive_service`: one chain after another, late arrivals, three clocks.

Few names, keys and scopes, so that statements meet: curated and said ones, sure and unsure ones,
in order and late, between deletions.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from tests.property.both_services import BothServices, everywhere
from tests.property.naive_rows import Claim, Clocks, Fact
from tests.property.naive_service import DATA_VERBS
from tests.property.steps import settings_of

NAMES = ("ada", "bob")
KEY = "home"
SCOPES = ([["org/ada"]], [["org/bob"], ["org/ada"]])
CALLERS = ("admin", "bob")

names = st.sampled_from(("ada", "ada", "bob"))
scopes = st.sampled_from(SCOPES)
callers = st.sampled_from(CALLERS)
late = st.sampled_from((0, 0, 1, 2, 4, 7))
confidences = st.sampled_from((0.9, 0.9, 0.8, 0.5))
ago = st.integers(0, 9)
clocks = st.one_of(
    st.tuples(ago, st.none(), st.none(), st.none()),
    st.tuples(st.none(), ago, st.none(), st.none()),
    st.tuples(st.none(), st.none(), ago, st.none()),
    st.tuples(st.none(), st.none(), st.none(), ago),
    st.tuples(ago, ago, st.one_of(st.none(), ago), st.one_of(st.none(), ago)),
)


class ChainMachine(BothServices):
    """States, denies and forgets values of a few chains, and reads them by every clock."""

    @initialize()
    def begin(self):
        self.set_up()
        self.model.principals["admin"] = everywhere()
        self.grant("bob", {verb: ["org/bob/*"] for verb in DATA_VERBS})
        for path in ("org/ada", "org/bob"):
            self.register("admin", path)

    @rule(hours=st.integers(1, 2))
    def time_passes(self, *, hours):
        self.model.now += hours

    @rule(name=names, scopes=scopes, ago=late)
    def curate(self, *, name, scopes, ago):
        self.state(Claim(name, KEY, self.token()), scopes=scopes, ago=ago)

    @rule(name=names, scopes=scopes, ago=late, which=st.integers(0, 3))
    def curate_again(self, *, name, scopes, ago, which):
        """A value that was stated before."""
        values = [row.value for row in self.model.of(Fact) if row.name == name][::-1]
        if values:
            self.state(Claim(name, KEY, values[which % len(values)]), scopes=scopes, ago=ago)

    @rule(name=names, scopes=scopes, ago=late, confidence=confidences)
    def claim(self, *, name, scopes, ago, confidence):
        said = Claim(name, KEY, self.token(), confidence, is_curated=False)
        self.state(said, scopes=scopes, ago=ago, session="talk")

    @rule(
        name=names,
        scopes=scopes,
        statements=st.lists(
            st.tuples(st.booleans(), confidences, late, st.integers(0, 6)), min_size=2, max_size=6
        ),
    )
    def much_is_said_of_one(self, *, name, scopes, statements):
        """Curated and said values of one chain, one after the other, some of them late."""
        for is_curated, confidence, ago, hours in statements:
            self.model.now += hours
            sure = 1.0 if is_curated else confidence
            self.state(Claim(name, KEY, self.token(), sure, is_curated), scopes=scopes, ago=ago)
        self.read_every_hour(name=name, clock="at_instant")

    @rule(name=names, caller=callers)
    def delete_entity(self, *, name, caller):
        self.face.ask(caller, "DELETE", f"/entities/person/{name}")
        self.model.delete_entity(caller, name, None)

    @rule(caller=callers, which=st.integers(0, 5), purge=st.booleans())
    def forget(self, *, caller, which, purge):
        self.forget_word(self.token_of(which), caller=caller, purge=purge)

    @rule(name=names, caller=callers, moment=clocks)
    def read_entity(self, *, name, caller, moment):
        self.compare_entity(name, caller=caller, clocks=self.clocks(moment))

    @rule(name=names, clock=st.sampled_from(("as_of", "at_instant")))
    def read_every_hour(self, *, name, clock):
        """All of the past, hour by hour."""
        for when in range(max(-7, self.model.now - 30), self.model.now + 1):
            self.compare_entity(name, clocks=Clocks(**{clock: when}))

    @rule(word=st.sampled_from((*NAMES, KEY)), caller=callers, moment=clocks)
    def recall(self, *, word, caller, moment):
        self.compare_recall(word, caller=caller, clocks=self.clocks(moment))

    @rule(which=st.integers(0, 8), caller=callers, moment=clocks)
    def recall_one(self, *, which, caller, moment):
        self.compare_recall(self.token_of(which), caller=caller, clocks=self.clocks(moment))

    @rule(name=names, caller=callers, back=st.one_of(st.none(), ago))
    def read_history(self, *, name, caller, back):
        when = None if back is None else self.model.now - back
        self.compare_history(name, KEY, caller=caller, as_of=when)

    @invariant()
    def current_values_agree(self):
        self.compare_entity(NAMES[self.count % 2])


TestChainMachine = ChainMachine.TestCase
TestChainMachine.settings = settings_of(examples=120, steps=50)
