"""Views over the engine in the process: one user's view neither reads nor forgets another's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from spectron_adapters import Spectron, SpectronNotFoundError

USERS = ("alice", "bob", "Alice", "alice/admin", "al")


@pytest.fixture
def views() -> Iterator[dict[str, Spectron]]:
    with Spectron.local() as client:
        views = {
            user: client.scoped(scopes=f"org/acme/user/{user.replace('/', '%2F')}")
            for user in USERS
        }
        for user, view in views.items():
            view.remember(f"My favourite tea is {user.encode().hex()}.", session_id=f"of {user}")
        yield views


def test_an_entity_has_only_the_views_own_values(views: dict[str, Spectron]):
    for user, view in views.items():
        mine = user.encode().hex()
        detail = view.entities.get("person", "user")
        assert [a.value for a in detail.attributes] == [mine]
        history = view.entities.history("person", "user", "favourite_tea").history
        assert [a.value for a in history] == [mine]
        assert [s.id for s in view.sessions.list().sessions] == [f"of {user}"]


def test_forgetting_touches_the_views_own_rows_only(views: dict[str, Spectron]):
    assert views["alice"].forget("favourite tea", dry_run=True).deleted > 0
    assert views["alice"].forget("favourite tea", purge=True).deleted > 0
    assert views["alice"].recall("favourite tea").hits == []
    for user in USERS[1:]:
        texts = [hit.text for hit in views[user].recall("favourite tea").hits]
        assert any(user.encode().hex() in text for text in texts), user


def test_deleting_an_entity_ends_the_views_own_values_only(views: dict[str, Spectron]):
    views["bob"].entities.delete("person", "user")
    with pytest.raises(SpectronNotFoundError):
        views["bob"].entities.get("person", "user")
    for user in ("alice", "Alice", "alice/admin", "al"):
        detail = views[user].entities.get("person", "user")
        assert [a.value for a in detail.attributes] == [user.encode().hex()]


def test_organisation_wide_facts_are_read_but_not_forgotten_by_a_member(
    views: dict[str, Spectron],
):
    office = views["alice"].scoped(scopes="org/acme")
    office.remember("The office tea is assam.", infer="none")
    assert any("assam" in hit.text for hit in views["alice"].recall("office tea").hits)
    views["alice"].forget("office tea is assam")
    assert any("assam" in hit.text for hit in views["bob"].recall("office tea").hits)


def test_a_view_that_reads_more_than_it_writes_forgets_where_it_writes(views: dict[str, Spectron]):
    wide = views["alice"].scoped(scopes="org/acme/user/alice", lens="org/acme")
    assert any("626f62" in hit.text for hit in wide.recall("favourite tea bob 626f62").hits)
    wide.forget("favourite tea", purge=True)
    wide.entities.delete("person", "user")
    for user in USERS[1:]:
        texts = [hit.text for hit in views[user].recall("favourite tea").hits]
        assert any(user.encode().hex() in text for text in texts), user
        assert views[user].entities.get("person", "user").attributes
