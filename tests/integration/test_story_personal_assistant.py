"""A personal assistant that is told things over the years, and restarted in between.

A new job supersedes the old one, which stays in the history; a correction is a correction; what
is forgotten is forgotten; and every process that opens the file finds all of it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from spectron_adapters import Spectron, SpectronNotFoundError
from tests.integration.stories import PLACES, Place


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(request.param, tmp_path / "assistant.db")


def told(memory: Spectron, key: str) -> list[str]:
    """What the assistant believes of its user now."""
    attributes = memory.entities.get("person", "user").attributes
    return [item.value for item in attributes if item.key == key]


def test_a_new_job_supersedes_the_old_one_and_history_keeps_both(place: Place) -> None:
    with place.memory() as memory:
        memory.remember("I work at Acme.", session_id="2026")
    hired = place.later(days=200)
    with place.memory() as memory:
        answer = memory.remember("I work at Initech now.", session_id="2026")
        assert answer.extraction is not None
        corrected = [(c["oldValue"], c["newValue"]) for c in answer.extraction.corrections]
        assert corrected == [("Acme", "Initech")]
    place.later(days=1)
    with place.memory() as memory:
        assert told(memory, "works_at") == ["Initech"]
        new, old = memory.entities.history("person", "user", "works_at").history
        assert (new.value, old.value) == ("Initech", "Acme")
        assert (new.supersedes, old.superseded_by) == (old.id, new.id)
        assert old.valid_until == new.valid_from
        before = memory.entities.get("person", "user", as_of="2026-03-01T00:00:00Z")
        assert [item.value for item in before.attributes if item.key == "works_at"] == ["Acme"]
        hits = [hit.text for hit in memory.recall("Where do I work?").hits]
        assert any("Initech" in text for text in hits)
        assert hired.isoformat().startswith((new.valid_from or "")[:10])
        assert [turn.content for turn in memory.sessions.turns("2026").turns] == [
            "I work at Acme.",
            "I work at Initech now.",
        ]


def test_a_correction_replaces_what_was_wrong(place: Place) -> None:
    with place.memory() as memory:
        memory.remember("My name is Anna.")
        place.later(minutes=1)
        memory.remember("Actually, my name is Hannah.")
        assert told(memory, "name") == ["Hannah"]
        assert [item.value for item in memory.profile().static] == ["Hannah"]


def test_standing_orders_hold_until_they_are_revoked(place: Place) -> None:
    with place.memory() as memory:
        memory.remember("Always answer in French.")
    with place.memory() as memory:
        (order,) = memory.profile().instructions
        assert "French" in order["description"]


def test_what_is_forgotten_stays_forgotten_after_a_restart(place: Place) -> None:
    """First softly, so that the past still shows it; then for good, and the file forgets too."""
    with place.memory() as memory:
        memory.remember("I live in Leeds.", session_id="talk")
        memory.remember("I prefer tea.", session_id="talk")
    before = place.now.isoformat()
    place.later(days=1)
    with place.memory() as memory:
        planned = memory.forget("Leeds", dry_run=True).deleted
        assert planned > 0
        assert told(memory, "lives_in") == ["Leeds"]
        assert memory.forget("Leeds").deleted == planned
    with place.memory() as memory:
        assert told(memory, "lives_in") == []
        assert all("Leeds" not in hit.text for hit in memory.recall("Leeds").hits)
        past = memory.entities.get("person", "user", as_of=before)
        assert "Leeds" in [item.value for item in past.attributes]
        assert memory.forget("Leeds", purge=True).deleted > 0
    files = [path for path in place.path.parent.iterdir() if path.is_file()]
    assert place.path in files
    assert all(b"Leeds" not in path.read_bytes() for path in files)
    with place.memory() as memory:
        past = memory.entities.get("person", "user", as_of=before)
        assert "Leeds" not in repr(past)
        assert memory.recall("Leeds", as_of=before).hits == []
        liked = memory.entities.get("person", "user").relations
        assert [(item.label, item.object_) for item in liked] == [("prefers", "entity:topic/tea")]
        with pytest.raises(SpectronNotFoundError):
            memory.entities.get("location", "Leeds", as_of=before)
