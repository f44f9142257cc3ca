"""Which scope sets a caller may read: computed on few, remembered, never stale."""

from __future__ import annotations

import pytest

from spectron_adapters.local.scope_catalog import ScopeCatalog
from spectron_adapters.local.storage.database import Database
from spectron_adapters.scopes import Region, ScopeSet, passes_lens

PATHS = ("/", "org", "org/ada", "org/ada/x", "orga", "org0", "team", "org/_x")


@pytest.fixture
def database():
    opened = Database(None)
    yield opened
    opened.close()


def intern(connection, catalog, *sets):
    return [catalog.intern(connection, 1, ScopeSet.parse(each)) for each in sets]


def read(connection, catalog, region, lens=None, *, remember=True):
    wanted = None if lens is None else ScopeSet.parse(lens)
    return catalog.readable(connection, 1, Region.parse(region), wanted, remember=remember)


def test_a_set_is_stored_once(database):
    catalog = ScopeCatalog()
    with database.write() as connection:
        first, second = intern(connection, catalog, [["a", "b"], ["c"]], [["c"], ["b", "a", "b"]])
        assert first == second


@pytest.mark.parametrize("region", ["/*", "org/*", "org", "/", ["org/ada", "team"], "org/ada/x/*"])
@pytest.mark.parametrize("lens", [None, "org", "org/ada", "org/*", "/", "/*", [["org", "team"]]])
def test_the_answer_is_that_of_the_algebra(database, region, lens):
    catalog = ScopeCatalog()
    sets = [[[path]] for path in PATHS]
    sets += [[[one, other]] for one in PATHS for other in PATHS if one < other]
    sets += [[["org/ada"], ["team"]], [["org", "team"], ["org/ada/x"]]]
    with database.write() as connection:
        ids = intern(connection, catalog, *sets)
        view = read(connection, catalog, region, lens, remember=False)
    for number, each in zip(ids, sets, strict=True):
        assert view.allows(number) == passes_lens(each, region, lens)


def test_a_view_is_computed_anew_when_a_set_is_added(database):
    catalog = ScopeCatalog()
    with database.write() as connection:
        (first,) = intern(connection, catalog, "org/a")
    with database.read() as connection:
        assert read(connection, catalog, "org/*").ids == {first}
        assert read(connection, catalog, "org/*") is read(connection, catalog, "org/*")
    with database.write() as connection:
        (second,) = intern(connection, catalog, "org/b")
    with database.read() as connection:
        assert read(connection, catalog, "org/*").ids == {first, second}


def test_what_was_rolled_back_is_not_remembered(database):
    catalog = ScopeCatalog()
    with database.write(keep=False) as connection:
        (rehearsed,) = intern(connection, catalog, "org/a")
        assert read(connection, catalog, "org/*", remember=False).ids == {rehearsed}
    with database.write() as connection:
        (kept,) = intern(connection, catalog, "team/x")
    assert kept == rehearsed
    with database.read() as connection:
        assert read(connection, catalog, "org/*").ids == frozenset()


def test_contexts_do_not_share_sets(database):
    catalog = ScopeCatalog()
    with database.write() as connection:
        intern(connection, catalog, "org/a")
        view = catalog.readable(connection, 2, Region.parse("org/*"), None, remember=False)
        assert view.ids == frozenset()


def test_a_caller_is_told_only_the_clauses_it_sees(database):
    catalog = ScopeCatalog()
    with database.write() as connection:
        (number,) = intern(connection, catalog, [["org/a", "team"], ["org/b"], ["org/a"]])
        told = catalog.visible_wire(connection, number, Region.parse("org/a"))
        assert told == [["org/a"]]
