"""Vectors in the engine: what they find, for whom, and what happens when the model fails."""

from __future__ import annotations

import logging
import math
import sqlite3
import sys
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import pytest

from spectron_adapters.local.engine import Engine
from spectron_adapters.local.search import vector_model, vectors
from spectron_adapters.local.search.vectors import (
    BATCH,
    EmbeddingError,
    VectorModel,
    catch_up,
    reindex,
)

pytest.importorskip("numpy")

TOPICS = {
    "dog": ("dog", "puppy", "hound", "canine", "pet"),
    "car": ("car", "vehicle", "automobile", "sedan", "driving"),
    "food": ("pasta", "dinner", "meal", "cuisine", "eat"),
}


class TopicEmbedder:
    """Texts of one topic are near one another, whatever their words; deterministic."""

    def __init__(self, name: str = "topics-1", noise: int = 5) -> None:
        self.name = name
        self.noise = noise
        self.failing = False
        self.poison: str | None = None
        self.asked: list[str] = []

    def embed_texts(self, texts: Sequence[str]) -> list[list[float]]:
        if self.failing or any(self.poison in text for text in texts if self.poison):
            raise ConnectionError(f"no answer for {texts!r}")
        self.asked += texts
        return [self._vector(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_texts([text])[0]

    def _vector(self, text: str) -> list[float]:
        topics = [
            float(sum(word in text.lower() for word in words)) * 3 for words in TOPICS.values()
        ]
        digest = blake2b(text.encode(), digest_size=self.noise).digest()
        return [*topics, *(byte / 255 - 0.5 for byte in digest)]


@pytest.fixture
def embedder() -> TopicEmbedder:
    return TopicEmbedder()


@pytest.fixture
def engine_with(make_memory):
    """Engines with embeddings, closed at the end."""
    opened = []

    def make(embedder, path=None):
        maker = make_memory(path, embeddings=embedder)
        opened.append(maker)
        return next(maker)

    yield make
    for maker in opened:
        next(maker, None)


@pytest.fixture
def memory_of_topics(engine_with, embedder):
    memory = engine_with(embedder)
    for text in (
        "Our hound barked all night",
        "The sedan needs new tyres",
        "We had a wonderful meal by the sea",
        "It rains in Bergen",
    ):
        memory.say(text)
    return memory


def stored(memory) -> list[tuple[int, int]]:
    """Row and model of every vector, through a second look at the engine's own database."""
    with memory.engine._database.read() as connection:
        return connection.execute(
            "SELECT row_id, model_id FROM search_vector ORDER BY row_id"
        ).fetchall()


@pytest.mark.parametrize("mode", ["vector", "hybrid"])
def test_what_means_the_same_is_found_without_a_common_word(memory_of_topics, mode):
    assert memory_of_topics.recall("puppy", mode=mode)[0] == "Our hound barked all night"
    assert memory_of_topics.recall("automobile", mode=mode)[0] == "The sedan needs new tyres"
    assert memory_of_topics.recall("puppy", mode="bm25") == []


def test_words_still_lead_where_they_match(memory_of_topics):
    assert memory_of_topics.recall("rains in Bergen")[0] == "It rains in Bergen"


@pytest.mark.parametrize("mode", ["vector", "hybrid", "graph", "bm25"])
def test_k_only_truncates_and_scores_fall_from_one_to_zero(memory_of_topics, mode):
    every = memory_of_topics.query("the hound and the sedan", k=50, mode=mode)["hits"]
    scores = [hit["score"] for hit in every]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    for k in range(1, len(every)):
        assert (
            memory_of_topics.query("the hound and the sedan", k=k, mode=mode)["hits"] == every[:k]
        )


def test_vector_mode_without_embeddings_says_what_to_do(memory):
    problem = memory.refused("POST", "/query", {"query": "dog", "mode": "vector"})
    assert problem["status"] == 501
    assert "embeddings" in problem["detail"]
    assert "hybrid" in problem["detail"]


@pytest.mark.parametrize("mode", ["vector", "hybrid"])
def test_a_caller_meets_only_their_own_rows_however_many_are_asked_for(engine_with, embedder, mode):
    memory = engine_with(embedder)
    for name in ("alice", "bob"):
        grants = dict.fromkeys(("memory:read", "memory:write"), f"org/acme/user/{name}/*")
        memory.engine.add_principal(name, grants=grants)
    alice, bob = memory.acting_for("alice"), memory.acting_for("bob")
    bob.say("Bob's puppy is a canine hound", "b")
    assert alice.query("puppy hound", mode=mode, k=50)["hits"] == []
    alice.say("My canine friend", "a")
    before = alice.query("puppy hound", mode=mode, k=50)
    for n in range(20):
        bob.say(f"Another pet puppy, number {n}", "b")
    after = alice.query("puppy hound", mode=mode, k=50)
    assert [hit["text"] for hit in after["hits"]] == ["My canine friend"]
    assert after["hits"] == before["hits"]
    assert after["trace"]["retrievedCount"] == before["trace"]["retrievedCount"] == 1


def test_filters_come_before_the_cut(engine_with, embedder):
    """Many nearer rows that the filter drops leave the farther one."""
    memory = engine_with(embedder)
    for n in range(40):
        memory.say(f"puppy hound canine pet dog {n}")
    memory.say("a dog", labels=["kind=rare"])
    assert memory.recall("puppy hound", mode="vector", k=1, labels=["kind=rare"]) == ["a dog"]
    memory.forget("a dog")
    assert memory.recall("puppy hound", mode="vector", k=5, labels=["kind=rare"]) == []


def test_what_was_erased_leaves_no_vector(engine_with, embedder):
    memory = engine_with(embedder)
    memory.say("Our hound barked")
    memory.say("Kittens purr")
    assert len(stored(memory)) == 2
    assert memory.forget("hound barked", purge=True) == 1
    assert len(stored(memory)) == 1
    memory.say("The sedan stands outside")
    assert memory.recall("vehicle", mode="vector", k=1) == ["The sedan stands outside"]
    memory.post("/scopes/forget", {"path": "/"})
    assert stored(memory) == []


def test_a_failing_model_loses_no_turn_and_catches_up(engine_with, embedder, caplog):
    memory = engine_with(embedder)
    embedder.failing = True
    with caplog.at_level(logging.WARNING, logger="spectron_adapters.local"):
        memory.say("Our hound barked all night")
    assert len(caplog.records) == 1
    assert "hound" not in caplog.text
    assert memory.recall("hound") == ["Our hound barked all night"]
    assert memory.refused("POST", "/query", {"query": "puppy", "mode": "vector"})["status"] == 503
    embedder.failing = False
    assert memory.recall("puppy", mode="vector") == ["Our hound barked all night"]
    assert len(stored(memory)) == 1


def test_one_text_that_cannot_be_embedded_holds_up_no_other(engine_with, embedder):
    memory = engine_with(embedder)
    embedder.poison = "unspeakable"
    messages = [{"role": "user", "content": f"puppy {n}"} for n in range(20)]
    messages[3]["content"] = "the unspeakable hound"
    memory.post("/facts/batch", {"messages": messages, "infer": "none"})
    for n in range(15):
        memory.say(f"sedan {n}")
    assert len(stored(memory)) == 34
    assert memory.recall("unspeakable")[0] == "the unspeakable hound"


@pytest.mark.parametrize(
    "given",
    [
        [],
        [[1.0, 2.0]] * 2,
        [[]],
        [[float("nan"), 1.0]],
        [[float("inf"), 1.0]],
        ["words"],
        None,
        [[1.0], [1.0, 2.0]],
        [[[1.0]]],
        [[10**400]],
    ],
)
def test_what_is_no_vector_is_a_failure_and_nothing_worse(engine_with, given):
    class Nonsense(TopicEmbedder):
        def embed_texts(self, texts: Sequence[str]) -> list[list[float]]:
            return given

        def embed_query(self, text: str) -> list[float]:
            return given

    memory = engine_with(Nonsense())
    memory.say("Our hound barked")
    assert memory.recall("hound") == ["Our hound barked"]
    assert stored(memory) == []


def test_a_vector_of_zeros_is_near_nothing(engine_with, embedder):
    embedder._vector = lambda text: [0.0] * 4
    memory = engine_with(embedder)
    memory.say("Our hound barked")
    (hit,) = memory.query("puppy", mode="vector")["hits"]
    assert hit["score"] == 0
    assert memory.recall("puppy") == []


def test_another_model_takes_over_without_mixing(engine_with, embedder, tmp_path):
    """Vectors of two models are never compared; the rows get new ones in the background."""
    path = tmp_path / "memory.db"
    first = engine_with(embedder, path)
    first.say("Our hound barked")
    first.engine.close()
    wider = TopicEmbedder("topics-2", noise=9)
    second = engine_with(wider, path)
    assert second.recall("puppy", mode="vector") == ["Our hound barked"]
    second.say("The sedan stands outside")
    assert len({model for _, model in stored(second)}) == 1
    assert second.recall("vehicle", mode="vector", k=1) == ["The sedan stands outside"]
    second.engine.close()
    third = engine_with(embedder, path)
    assert third.recall("vehicle", mode="vector", k=1) == ["The sedan stands outside"]
    assert len({model for _, model in stored(third)}) == 1


def test_other_dimensions_under_the_same_name_are_another_model(engine_with, embedder, tmp_path):
    path = tmp_path / "memory.db"
    engine_with(embedder, path).say("Our hound barked")
    wider = engine_with(TopicEmbedder(embedder.name, noise=12), path)
    wider.say("The sedan stands outside")
    assert wider.recall("puppy", mode="vector", k=1) == ["Our hound barked"]
    assert len(stored(wider)) == 2


def test_a_file_filled_without_embeddings_is_embedded_bit_by_bit(
    make_memory, engine_with, embedder, tmp_path
):
    path = tmp_path / "memory.db"
    maker = make_memory(path)
    plain = next(maker)
    messages = [{"role": "user", "content": f"pet number {n}"} for n in range(150)]
    plain.post("/facts/batch", {"messages": messages, "infer": "none"})
    next(maker, None)
    memory = engine_with(embedder, path)
    memory.recall("puppy")
    assert 0 < len(stored(memory)) < 150
    for _ in range(3):
        memory.recall("puppy")
    assert len(stored(memory)) == 150
    assert len(embedder.asked) == 150 + 4, "none is embedded twice"


def test_reindexing_embeds_everything_anew(memory_of_topics, embedder):
    database = memory_of_topics.engine._database
    model = VectorModel(embedder)
    asked = len(embedder.asked)
    assert reindex(database, model) == 4
    assert len(embedder.asked) == asked + 4
    assert catch_up(database, model) == 0
    assert len(stored(memory_of_topics)) == 4


def test_a_batch_is_embedded_whole_before_its_answer(engine_with, embedder):
    memory = engine_with(embedder)
    messages = [{"role": "user", "content": f"pet number {n}"} for n in range(2 * BATCH + 5)]
    memory.post("/facts/batch", {"messages": messages, "infer": "none"})
    assert len(stored(memory)) == 2 * BATCH + 5


def test_a_number_given_twice_gets_the_vector_of_its_own_text(engine_with, embedder):
    """The last row is erased while its words are being embedded, and its number given again."""
    memory = engine_with(embedder)
    memory.say("Kittens purr")
    erased = []

    class Meanwhile(VectorModel):
        def packed(self, texts):
            if not erased:
                erased.append(memory.engine)
                database = memory.engine._database
                with database.write() as connection:
                    (last,) = connection.execute("SELECT max(id) FROM search_row").fetchone()
                    vectors.forget_vectors(connection, [(0, last)])
                    connection.execute("UPDATE search_row SET text = 'else' WHERE id = ?", (last,))
            return super().packed(texts)

    embedder.failing = True
    memory.say("Our hound barked")
    embedder.failing = False
    before = stored(memory)
    catch_up(memory.engine._database, Meanwhile(embedder))
    assert stored(memory) == before


def test_half_precision_keeps_cosines_within_a_thousandth():
    class Fine:
        name = "fine"

        def embed_texts(self, texts):
            return [[math.sin(len(text) * n) for n in range(384)] for text in texts]

        def embed_query(self, text):
            return self.embed_texts([text])[0]

    import numpy as np

    model = VectorModel(Fine())
    texts = ["x" * n for n in range(1, 40)]
    exact = np.asarray(model.embed_texts(texts))
    _, packed = model.packed(texts)
    halves = np.frombuffer(b"".join(packed), dtype="<f2").reshape(len(texts), -1)
    assert np.abs(exact @ exact.T - exact @ halves.astype(np.float32).T).max() < 0.001


def test_without_numpy_embeddings_are_refused_at_once(monkeypatch, embedder):
    monkeypatch.setitem(sys.modules, "numpy", None)
    monkeypatch.setattr(vector_model, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'spectron-adapters\[vectors\]'"):
        Engine(embeddings=embedder)
    Engine().close()


def test_a_models_error_repeats_no_word_of_the_text(embedder):
    embedder.failing = True
    with pytest.raises(EmbeddingError) as raised:
        VectorModel(embedder).query("a secret")
    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_unscoped_reads_keep_to_their_context(engine_with, embedder, tmp_path: Path):
    """Rows of another context are none of the administrator's either."""
    memory = engine_with(embedder, tmp_path / "memory.db")
    memory.say("Our hound barked")
    with sqlite3.connect(tmp_path / "memory.db") as connection:
        connection.execute("UPDATE search_row SET context_id = 99")
        connection.execute("UPDATE search_statistic SET context_id = 99")
    assert memory.recall("puppy", mode="vector") == []
    assert memory.recall("puppy") == []
