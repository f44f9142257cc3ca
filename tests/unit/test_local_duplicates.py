"""Near-duplicates: shown once, never across scopes, never lost with their original."""

from __future__ import annotations

import random

import pytest

from spectron_adapters.local.search.duplicates import DISTANCE, Fingerprint, fingerprint
from spectron_adapters.local.search.text import TIME, analyse

LONG = (
    "The quarterly report says that the warehouse in Rotterdam ran out of space in early spring, "
    "and that the board wants to rent a second hall until the extension is finished next year. "
    "The costs of moving the goods are covered by the insurance, which was renewed in January; "
    "the tenants of the first hall keep their contracts, and nobody loses a job over it. "
)
ALMOST = LONG.replace("early spring", "early autumn")


@pytest.fixture
def said_twice(memory):
    memory.say("I like green tea", "one")
    memory.say("I like green tea.", "two")
    return memory


def test_the_same_words_are_recalled_once_and_stored_twice(said_twice):
    assert said_twice.recall("green tea") == ["I like green tea"]
    assert len(said_twice.recall("green tea", includeDuplicates=True)) == 2
    assert said_twice.contents("one") == ["I like green tea"]
    assert said_twice.contents("two") == ["I like green tea."]


@pytest.mark.parametrize("mode", ["hybrid", "bm25"])
def test_one_word_changed_in_a_long_text_makes_a_duplicate(memory, mode):
    memory.say(LONG, "one")
    memory.say(ALMOST, "two")
    assert memory.recall("warehouse in Rotterdam", mode=mode) == [LONG]
    both = memory.recall("warehouse in Rotterdam", mode=mode, includeDuplicates=True)
    assert sorted(both) == sorted([LONG, ALMOST])


def test_one_word_changed_in_a_short_text_does_not(memory):
    memory.say("I like green tea", "one")
    memory.say("I like black tea", "two")
    assert len(memory.recall("tea")) == 2


@pytest.mark.parametrize("answer", ["Yes.", "No, never."])
def test_a_word_or_two_mean_what_stands_before_them(memory, answer):
    for session in ("one", "two"):
        memory.say("Did you ever ski?", session)
        memory.say(answer, session)
    assert memory.recall("ski", k=50).count(answer) == 2


def test_other_people_say_something_else_with_the_same_words(memory):
    memory.say("I like green tea", "one", role="user")
    memory.say("I like green tea", "two", role="assistant")
    assert len(memory.recall("green tea")) == 2


def test_what_happened_on_two_days_happened_twice(memory, clock):
    memory.say("I ran five kilometres today", "one")
    memory.say("Our cat is called Miso", "one")
    clock.forward(days=3)
    memory.say("I ran five kilometres today", "two")
    memory.say("Our cat is called Miso", "two")
    assert memory.recall("ran kilometres").count("I ran five kilometres today") == 2
    assert memory.recall("cat called").count("Our cat is called Miso") == 1


def test_nobody_learns_of_a_copy_in_another_scope(memory):
    memory.say(LONG, "one", scopes="org/acme/user/bob")
    memory.say(LONG, "two", scopes="org/acme/user/alice")
    for name in ("alice", "bob"):
        memory.engine.add_principal(name, grants={"memory:read": f"org/acme/user/{name}/*"})
        assert memory.acting_for(name).recall("warehouse in Rotterdam") == [LONG]
    assert len(memory.recall("warehouse in Rotterdam")) == 2


def test_a_filter_that_drops_the_original_shows_the_duplicate(said_twice):
    said_twice.say("I like green tea!", "three")
    assert said_twice.recall("green tea") == ["I like green tea"]
    with_label = {"labels": ["kind=later"]}
    said_twice.say("I like green tea!!", "four", **with_label)
    assert said_twice.recall("green tea", **with_label) == ["I like green tea!!"]


@pytest.mark.parametrize("purge", [False, True])
def test_when_the_original_goes_one_duplicate_appears(memory, purge):
    memory.say("I like green tea", "one", scopes="team/a")
    for n in range(3):
        memory.say("I like green tea", f"copy {n}", scopes="team/a")
    ids = [hit["id"] for hit in memory.query("green tea")["hits"]]
    with memory.engine._database.write() as connection:
        from spectron_adapters.local.search.retrieval import close_rows, remove_rows

        (first,) = connection.execute("SELECT min(id) FROM search_row").fetchone()
        if purge:
            remove_rows(connection, [first])
        else:
            close_rows(connection, [first], valid_until=0, known_until=0, system_until=0)
    later = [hit["id"] for hit in memory.query("green tea")["hits"]]
    assert len(ids) == len(later) == 1
    assert ids != later
    memory.say("I like green tea", "yet another", scopes="team/a")
    assert [hit["id"] for hit in memory.query("green tea")["hits"]] == later


def test_forgetting_reaches_every_copy(said_twice):
    assert said_twice.forget("green tea", purge=True) == 2
    assert said_twice.recall("green tea", includeDuplicates=True) == []
    said_twice.say("I like green tea", "three")
    assert said_twice.recall("green tea") == ["I like green tea"]


def test_an_earlier_time_shows_what_was_known_then(memory):
    memory.say("I like green tea", "one", observed_at="2025-06-01T00:00:00Z")
    memory.say("I like green tea.", "two", observed_at="2025-01-01T00:00:00Z")
    assert memory.recall("green tea") == ["I like green tea"]
    assert memory.recall("green tea", asOf="2025-03-01T00:00:00Z") == ["I like green tea."]


def test_one_batch_may_hold_its_own_duplicates(memory):
    messages = [{"role": "user", "content": "I like green tea"}] * 5
    memory.post("/facts/batch", {"messages": messages, "infer": "none"})
    assert len(memory.recall("green tea", k=50)) == 1


def fingerprint_of(text: str, **changes: object) -> Fingerprint:
    given = {"kind": "memory_chunk", "said_by": "user", "day": 0, "features": 0} | changes
    kind = given.pop("kind")
    found = fingerprint(kind, analyse(text), **given)
    assert found is not None
    return found


def test_fingerprints_differ_in_few_bits_for_alike_texts_and_in_many_for_others():
    chance = random.Random(7)
    words = [f"word{n}" for n in range(5_000)]
    for _ in range(50):
        text = chance.choices(words, k=60)
        other = chance.choices(words, k=60)
        shuffled = chance.sample(text, len(text))
        first = fingerprint_of(" ".join(text))
        assert first.resembles(fingerprint_of(" ".join(shuffled)))
        assert not first.resembles(fingerprint_of(" ".join(other)))


def test_alike_fingerprints_share_a_band():
    """Whatever three bits differ, one quarter is the same; nothing is shared across scope sets."""
    chance = random.Random(11)
    for _ in range(300):
        first = Fingerprint(chance.getrandbits(64) - (1 << 63), is_short=False)
        bits = first.bits
        for bit in chance.sample(range(64), DISTANCE):
            bits ^= 1 << bit
        bits %= 1 << 64
        second = Fingerprint(bits - (1 << 64) if bits >> 63 else bits, is_short=False)
        assert first.resembles(second)
        assert set(first.bands(5)) & set(second.bands(5))
        assert not set(first.bands(5)) & set(second.bands(6))


def test_the_kind_the_speaker_and_with_words_of_time_the_day_belong_to_what_is_said():
    text = "one two three four five six seven eight nine ten " * 3
    own = fingerprint_of(text)
    assert own.resembles(fingerprint_of(text, day=4))
    for changes in ({"kind": "chunk"}, {"said_by": "assistant"}):
        assert not own.resembles(fingerprint_of(text, **changes))
    timed = [fingerprint_of(text, day=day, features=TIME) for day in (0, 4)]
    assert not timed[0].resembles(timed[1])
    assert fingerprint("attribute", analyse(text), said_by="", day=0, features=0) is None
