"""A companion to a series that knows every episode, and never tells what comes later.

Each fact is written with the time at which its episode was shown (`observed_at`). A viewer who
has seen up to some episode reads as of that time, and meets only what was known by then: in
recall, in the context block, in entities, their relations and histories; and not even a date, an
id or an end that gives away that something is still to come.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from spectron_adapters import Spectron, SpectronNotFoundError
from tests.integration.stories import PLACES, Place, relation, triple

EPISODES = {
    1: "2025-03-01T20:00:00Z",
    2: "2025-03-08T20:00:00Z",
    3: "2025-03-15T20:00:00Z",
    4: "2025-03-22T20:00:00Z",
}
STORY = {
    1: [triple("person", "Mira", "allegiance", "the crown"), relation("Mira", "guards", "Tolan")],
    2: [triple("person", "Mira", "weapon", "a borrowed sword")],
    3: [triple("person", "Mira", "allegiance", "the rebels")],
    4: [triple("person", "Quillon", "secret", "rules the rebels"), relation("Quillon", "betrays", "Mira")],
}  # fmt: skip
TELLTALES = {2: ("sword",), 3: ("rebels",), 4: ("quillon", "betrays", "secret")}


@pytest.fixture(params=PLACES)
def series(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Spectron]:
    """The whole series, written out of order, as editors do."""
    with Place(request.param, tmp_path / "series.db").memory() as memory:
        for episode in (2, 4, 1, 3):
            memory.remember(infer="triples", triples=STORY[episode], observed_at=EPISODES[episode])
            memory.remember(
                f"Recap of episode {episode}: " + " and ".join(said(STORY[episode])),
                infer="none",
                observed_at=EPISODES[episode],
            )
        yield memory


def said(triples: list[dict[str, object]]) -> list[str]:
    return [" ".join(str(part) for part in each.values()) for each in triples]


def spoilers(answer: object, episode: int) -> list[str]:
    """The words and times of later episodes that an answer holds."""
    text = repr(answer).lower()
    later = [number for number in EPISODES if number > episode]
    times = [EPISODES[number][:10] for number in later]
    return [
        word for word in (*times, *(w for n in later for w in TELLTALES.get(n, ()))) if word in text
    ]


QUESTIONS = (
    "Whom does Mira serve?",
    "What is Mira's allegiance?",
    "Who is Quillon?",
    "Who betrays Mira, and who rules the rebels?",
    "recap of the episode",
)


@pytest.mark.parametrize("episode", EPISODES)
@pytest.mark.parametrize("question", QUESTIONS)
def test_recall_tells_nothing_of_later_episodes(
    series: Spectron, question: str, episode: int
) -> None:
    """Neither hits nor seeds nor the context block know what the viewer has not seen."""
    for mode in ("hybrid", "bm25", "graph"):
        found = series.recall(question, as_of=EPISODES[episode], mode=mode, k=50)
        told = (found.hits, found.context_hits, [s for s in found.seed_entities if "quillon" in s])
        assert spoilers(told, episode) == []
    context = series.query_context(question, as_of=EPISODES[episode], k=50)
    assert spoilers(context.context, episode) == []


def test_recall_tells_what_has_been_shown(series: Spectron) -> None:
    """Being careful is not being silent."""
    for episode, served in ((1, "the crown"), (2, "the crown"), (3, "the rebels")):
        found = series.recall("What is Mira's allegiance?", as_of=EPISODES[episode])
        assert f"Mira · allegiance: {served}" in [hit.text for hit in found.hits]
    found = series.recall("Who is Quillon?", as_of=EPISODES[4])
    assert any("rules the rebels" in hit.text for hit in found.hits)


@pytest.mark.parametrize("episode", EPISODES)
def test_entities_tell_nothing_of_later_episodes(series: Spectron, episode: int) -> None:
    """Not in their values and relations, nor by times and links that point ahead."""
    seen = EPISODES[episode]
    mira = series.entities.get("person", "Mira", as_of=seen)
    history = series.entities.history("person", "Mira", "allegiance", as_of=seen)
    inspected = series.inspect("entity:person/mira", as_of=seen)
    chain = series.inspect("attribute:person/mira/allegiance", as_of=seen)
    for answer in (mira, history, inspected, chain):
        assert spoilers(answer, episode) == []
    for row in history.history:
        assert (row.superseded_by is None) == (row.value == "the rebels" or episode < 3)
        assert (row.valid_until is None) == (row.superseded_by is None)


def test_somebody_who_has_not_appeared_does_not_exist(series: Spectron) -> None:
    with pytest.raises(SpectronNotFoundError):
        series.entities.get("person", "Quillon", as_of=EPISODES[3])
    assert series.entities.get("person", "Quillon", as_of=EPISODES[4]).relations


def test_a_change_of_sides_is_seen_from_its_episode_on(series: Spectron) -> None:
    """Supersession takes effect at the known time of the new value, whenever it was written."""
    sides = {
        episode: [
            item.value
            for item in series.entities.get("person", "Mira", as_of=seen).attributes
            if item.key == "allegiance"
        ]
        for episode, seen in EPISODES.items()
    }
    assert sides == {
        1: ["the crown"],
        2: ["the crown"],
        3: ["the rebels"],
        4: ["the rebels"],
    }
    with pytest.raises(SpectronNotFoundError):
        series.entities.get("person", "Mira", as_of="2025-02-01T00:00:00Z")
