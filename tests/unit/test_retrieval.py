"""Lexical recall on a real database: filters, isolation, ranking, and removal to the last byte."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from spectron_adapters.local.search import reading
from spectron_adapters.local.search.duplicates import DUPLICATE_SCHEMA
from spectron_adapters.local.search.retrieval import (
    SEARCH_SCHEMA,
    IndexRow,
    RowFilter,
    Scored,
    SearchResult,
    add_rows,
    close_rows,
    merge_index,
    remove_rows,
    search,
)
from spectron_adapters.local.search.vectors import VECTOR_SCHEMA

DAY = 86_400_000_000
START = 19_000 * DAY
NOW = START + 100 * DAY
KINDS = frozenset({"entity", "attribute", "relation", "memory_chunk", "chunk", "section"})


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """An empty index in memory."""
    database = sqlite3.connect(":memory:")
    database.executescript(SEARCH_SCHEMA + DUPLICATE_SCHEMA + VECTOR_SCHEMA)
    yield database
    database.close()


def fact(text: str, scope: int = 1, **changes: object) -> IndexRow:
    """An attribute known since the start."""
    row = IndexRow(
        context_id=1, kind="attribute", target_id=0, scope_set_id=scope, text=text,
        known_from=START, valid_from=START, system_from=START,
    )  # fmt: skip
    return replace(row, **changes)


def turns(*said: str, session: int = 1, scope: int = 1) -> list[IndexRow]:
    """A conversation; `Name: words` gives the speaker."""
    rows = []
    for seq, line in enumerate(said):
        speaker, colon, text = line.rpartition(": ")
        rows.append(
            fact(
                text,
                scope,
                kind="memory_chunk",
                target_id=seq,
                session_id=session,
                seq=seq,
                role="user",
                speaker=speaker if colon else None,
            )
        )
    return rows


def readable(*scopes: int, **changes: object) -> RowFilter:
    """What a caller of these scopes may read now; of all scopes when none is given."""
    row_filter = RowFilter(
        context_id=1, scope_set_ids=frozenset(scopes) or None, kinds=KINDS, now=NOW
    )
    return replace(row_filter, **changes)


def texts(result: SearchResult) -> list[str]:
    """The hits' texts, best first."""
    return [hit.text for hit in result.hits]


def found(
    connection: sqlite3.Connection, query: str, row_filter: RowFilter, mode: str = "bm25"
) -> set[str]:
    """The texts that a query finds."""
    return set(texts(search(connection, query, row_filter, k=100, mode=mode)))


def test_a_hit_says_what_it_is(connection: sqlite3.Connection) -> None:
    """Row, kind, target, text and known time come back; scores lie between 0 and 1."""
    (row_id,) = add_rows(connection, [fact("Likes green tea", target_id=7)])
    result = search(connection, "tea?", readable(1), k=5)
    (hit,) = result.hits
    assert hit == Scored(row_id, "attribute", 7, hit.score, "Likes green tea", START)
    assert 0 < hit.score < 1
    assert (result.retrieved_count, result.top_scores) == (1, [hit.score])


def test_ids_come_in_the_order_given(connection: sqlite3.Connection) -> None:
    """Across several calls, without gaps or repetitions."""
    first = add_rows(connection, [fact("one"), fact("two")])
    assert add_rows(connection, []) == []
    second = add_rows(connection, [fact("three")])
    ids = [*first, *second]
    stored = connection.execute("SELECT id, text FROM search_row ORDER BY id").fetchall()
    assert stored == list(zip(ids, ["one", "two", "three"], strict=True))


@pytest.mark.parametrize("mode", ["bm25", "hybrid"])
@pytest.mark.parametrize(
    "query",
    [
        '"', "'", 'tea" OR "x', "(", "NEAR(tea, x)", "tea AND NOT", "^tea", "tea*", "scope:tea",
        "=1.2", '"=1.2" OR tea', "-tea", "{tea}", "a:b", "tea\0tea", "\ud800 tea", "%s tea %d", "tea; DROP",
        "🎉", "--", "\\", "tea " * 10_000, "茶" * 5_000, "to be or not to be",
    ],
)  # fmt: skip
def test_no_query_is_a_syntax_error_or_widens_the_scope(
    connection: sqlite3.Connection, query: str, mode: str
) -> None:
    """Operators are words, and the other scope's tea stays out of reach."""
    add_rows(connection, [fact("mint tea"), fact("secret tea", 2), fact("a tea", 3, context_id=2)])
    assert found(connection, query, readable(1), mode) <= {"mint tea"}


@pytest.mark.parametrize("query", ["", "  \n", "\0", "?!", "unheard"])
def test_nothing_to_look_for_finds_nothing(connection: sqlite3.Connection, query: str) -> None:
    """An empty answer, not the newest rows."""
    add_rows(connection, [fact("mint tea")])
    assert search(connection, query, readable(1), k=5) == SearchResult([], 0, [])


def test_k_truncates_and_may_be_zero(connection: sqlite3.Connection) -> None:
    """The first hits of the longer answer."""
    add_rows(connection, [fact(f"tea {'leaf ' * n}") for n in range(9)])
    every = search(connection, "tea", readable(1), k=50).hits
    assert len(every) == 9
    assert search(connection, "tea", readable(1), k=3).hits == every[:3]
    assert search(connection, "tea", readable(1), k=0).hits == []


def test_a_query_of_stop_words_finds_them(connection: sqlite3.Connection) -> None:
    """Where nothing else is asked, they are looked for."""
    add_rows(connection, [fact("to be or not to be"), fact("mint tea")])
    assert found(connection, "to be", readable(1)) == {"to be or not to be"}


def test_equal_scores_put_the_newer_then_the_lower_id_first(
    connection: sqlite3.Connection,
) -> None:
    """Ties are decided the same way at every call."""
    ids = add_rows(
        connection,
        [fact("tea", known_from=START + n * 1000, valid_from=START) for n in (1, 2, 2, 0)],
    )
    hits = search(connection, "tea", readable(1), k=9, mode="bm25").hits
    assert [hit.row_id for hit in hits] == [ids[1], ids[2], ids[0], ids[3]]
    assert len({hit.score for hit in hits}) == 1


# --- scopes


@pytest.mark.parametrize("one_by_one", [True, False])
def test_only_readable_scopes_and_the_own_context_answer(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, one_by_one: bool
) -> None:
    """One, several, all, all but some, none; however the index is read."""
    if not one_by_one:
        monkeypatch.setattr(reading, "SCOPE_SETS_ONE_BY_ONE", 0)
        monkeypatch.setattr(reading, "CONTEXT_SETS_ONE_BY_ONE", 0)
    add_rows(
        connection, [fact("tea one"), fact("tea two", 2), fact("tea three", 3), fact("tea nil", 9)]
    )
    add_rows(connection, [fact("tea abroad", 1, context_id=2)])
    assert found(connection, "tea", readable(1)) == {"tea one"}
    assert found(connection, "tea", readable(1, 3)) == {"tea one", "tea three"}
    assert found(connection, "tea", readable()) == {"tea one", "tea two", "tea three", "tea nil"}
    without = readable(excluded_scope_set_ids=frozenset({9, 2}))
    assert found(connection, "tea", without) == {"tea one", "tea three"}
    both = readable(1, 2, excluded_scope_set_ids=frozenset({2}))
    assert found(connection, "tea", both) == {"tea one"}
    assert found(connection, "tea", readable(scope_set_ids=frozenset())) == set()
    assert found(connection, "tea", readable(context_id=3)) == set()


def test_scope_numbers_are_whole_tokens(connection: sqlite3.Connection) -> None:
    """Scope 1 is not the beginning of scope 12, nor context 1 of context 11."""
    add_rows(connection, [fact("tea twelve", 12), fact("tea far", 1, context_id=11)])
    assert found(connection, "tea", readable(1)) == set()
    assert found(connection, "tea 12", readable(2)) == set()


@pytest.mark.parametrize("mode", ["bm25", "hybrid"])
def test_a_large_set_of_scopes_answers_like_a_small_one(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Joined or intersected in the index: the same hits with the same scores."""
    add_rows(connection, [fact(f"tea leaf {n % 7}", n) for n in range(1, 400)])
    row_filter = readable(*range(1, 300, 2))
    inside = search(connection, "tea 3", row_filter, k=500, mode=mode, pool=500)
    monkeypatch.setattr(reading, "SCOPE_SETS_ONE_BY_ONE", 5)
    joined = search(connection, "tea 3", row_filter, k=500, mode=mode, pool=500)
    assert len(inside.hits) == 150
    assert joined == inside


@pytest.mark.parametrize("mode", ["bm25", "hybrid"])
@pytest.mark.parametrize("joined", [False, True])
def test_another_scope_changes_neither_scores_nor_order(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, mode: str, joined: bool
) -> None:
    """A thousand foreign rows with the same words, sessions and speakers leave no mark."""
    if joined:
        monkeypatch.setattr(reading, "SCOPE_SETS_ONE_BY_ONE", 0)
    said = ("Ada: When is the tea?", "Bo: At four.", "Ada: Fine, a long walk first", "Bo: Walk on")
    add_rows(connection, turns(*said))
    add_rows(connection, [fact("tea time is four"), fact("walks are long")])
    before = search(connection, "when does Ada have tea", readable(1), k=50, mode=mode)
    for n in range(50):
        add_rows(connection, turns(*said, "Ada: tea tea tea " * n, session=1, scope=2))
        add_rows(connection, [fact("Ada has tea " * 9, 3), fact("Ada", 1, context_id=2)])
    after = search(connection, "when does Ada have tea", readable(1), k=50, mode=mode)
    assert before.hits
    assert after == before


def test_neighbours_lend_only_to_those_who_may_read_them(connection: sqlite3.Connection) -> None:
    """A matching turn of another scope in the same session lifts nothing and shows nothing."""
    add_rows(connection, turns("plain weather", "what a view", "tea later"))
    alone = search(connection, "tea", readable(1), k=9)
    hidden = fact("tea tea", 2, kind="memory_chunk", session_id=1, seq=1)
    add_rows(connection, [hidden])
    assert search(connection, "tea", readable(1), k=9) == alone


def test_a_neighbour_must_pass_every_filter(connection: sqlite3.Connection) -> None:
    """Closed, unlabelled, duplicate or of another kind: it is not shown beside its match."""
    match, closed, future, bare, copy = turns("tea", "closed", "future", "bare", "copy")
    label = frozenset({"a=b"})
    add_rows(
        connection,
        [
            replace(match, labels=label, seq=5),
            replace(closed, labels=label, seq=4, valid_until=NOW - 1),
            replace(future, labels=label, seq=6, valid_from=NOW + 1),
            replace(bare, seq=7),
            replace(copy, labels=label, seq=3, duplicate_of=1),
        ],
    )
    assert found(connection, "tea", readable(1, labels=label), "hybrid") == {"tea"}


# --- time, kinds, labels, duplicates


def test_without_times_only_what_is_valid_now_answers(connection: sqlite3.Connection) -> None:
    """Neither what has ended, now included, nor what is yet to come."""
    add_rows(
        connection,
        [
            fact("tea open"),
            fact("tea ended", valid_until=NOW),
            fact("tea ending", valid_until=NOW + 1),
            fact("tea coming", valid_from=NOW + 1),
            fact("tea begun", valid_from=NOW),
            fact("tea replaced in the books", system_until=NOW - 5),
        ],
    )
    assert found(connection, "tea", readable(1)) == {
        "tea open", "tea ending", "tea begun", "tea replaced in the books",
    }  # fmt: skip


def test_as_of_reads_what_was_known_then(connection: sqlite3.Connection) -> None:
    """Later supersession is ignored, whatever the validity; passages are not gated."""
    moment = START + 10 * DAY
    add_rows(
        connection,
        [
            fact("tea old", known_until=moment + 1, valid_until=moment - 1),
            fact("tea gone", known_until=moment),
            fact("tea now", known_from=moment),
            fact("tea later", known_from=moment + 1),
            fact("tea said", kind="memory_chunk", known_from=moment + 1),
            fact("tea page", kind="chunk", known_from=moment + 1),
            fact("tea part", kind="section", known_from=moment + 1),
            fact("tea page forgotten", kind="chunk", valid_until=moment),
        ],
    )
    assert found(connection, "tea", readable(1, as_of=moment)) == {
        "tea old", "tea now", "tea page", "tea part",
    }  # fmt: skip


def test_at_instant_reads_what_was_stored_then(connection: sqlite3.Connection) -> None:
    """The transaction clock alone decides, its end excluded."""
    moment = START + 10 * DAY
    add_rows(
        connection,
        [
            fact("tea stored", system_until=moment + 1, valid_until=START + 1),
            fact("tea erased", system_until=moment),
            fact("tea unwritten", system_from=moment + 1),
            fact("tea just written", system_from=moment),
        ],
    )
    expected = {"tea stored", "tea just written"}
    assert found(connection, "tea", readable(1, at_instant=moment)) == expected


def test_validity_bounds_include_their_ends(connection: sqlite3.Connection) -> None:
    """`valid_from` compares starts, `valid_until` ends; open rows have none."""
    rows = [
        fact(f"tea {n}", valid_from=START + n * DAY, valid_until=START + (n + 1) * DAY)
        for n in range(4)
    ]
    add_rows(connection, [*rows, fact("tea open", valid_from=START + 3 * DAY)])
    late = readable(1, valid_from=START + 2 * DAY)
    assert found(connection, "tea", late) == {"tea 2", "tea 3", "tea open"}
    early = readable(1, valid_until=START + 2 * DAY)
    assert found(connection, "tea", early) == {"tea 0", "tea 1"}
    both = readable(1, valid_from=START + DAY, valid_until=START + 2 * DAY, as_of=NOW)
    assert found(connection, "tea", both) == {"tea 1"}


def test_closing_ends_a_row_on_the_clocks_given(connection: sqlite3.Connection) -> None:
    """Never later than it had ended, and the other clocks stay open."""
    ids = add_rows(connection, [fact("tea open"), fact("tea ended", valid_until=START + 5)])
    close_rows(connection, ids, valid_until=START + 9)
    close_rows(connection, ids[:1], known_until=START + 7, system_until=START + 8)
    close_rows(connection, ids, known_until=START + 20)
    sql = "SELECT valid_until, known_until, system_until FROM search_row ORDER BY id"
    assert connection.execute(sql).fetchall() == [
        (START + 9, START + 7, START + 8),
        (START + 5, START + 20, None),
    ]
    assert found(connection, "tea", readable(1)) == set()
    assert found(connection, "tea", readable(1, as_of=START + 6)) == {"tea open", "tea ended"}


def test_kinds_labels_and_duplicates_filter(connection: sqlite3.Connection) -> None:
    """Every label must be there; duplicates only on request."""
    one, both = frozenset({"team=red"}), frozenset({"team=red", "year=1"})
    ids = add_rows(
        connection,
        [
            fact("tea bare"),
            fact("tea red", labels=one),
            fact("tea both", labels=both),
            fact("tea page", kind="chunk", labels=both),
        ],
    )
    add_rows(connection, [fact("tea copy", duplicate_of=ids[0])])
    assert found(connection, "tea", readable(1, labels=one)) == {"tea red", "tea both", "tea page"}
    assert found(connection, "tea", readable(1, labels=both)) == {"tea both", "tea page"}
    assert found(connection, "tea", readable(1, kinds=frozenset({"chunk"}))) == {"tea page"}
    assert found(connection, "tea", readable(1, kinds=frozenset())) == set()
    assert "tea copy" not in found(connection, "tea", readable(1))
    assert "tea copy" in found(connection, "tea", readable(1, include_duplicates=True))


def test_filtered_rows_do_not_use_up_the_pool(connection: sqlite3.Connection) -> None:
    """Three hundred better matches that have ended leave room for the one that is open."""
    ended = [fact("tea leaf", valid_until=START + 1) for _ in range(300)]
    add_rows(connection, [fact("tea bag"), *ended])
    result = search(connection, "tea leaf", readable(1), k=5, pool=8)
    assert texts(result) == ["tea bag"]


def test_a_term_too_common_to_read_whole_still_finds_old_rows(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside a rarer term, or beside the other common ones, an old row is reached."""
    monkeypatch.setattr("spectron_adapters.local.search.retrieval.POSTINGS_PER_TERM", 10)
    add_rows(connection, [fact("tea cup from Xi'an"), fact("tea and a cup")])
    add_rows(connection, [fact("tea") for _ in range(50)] + [fact("cup") for _ in range(50)])
    best = search(connection, "tea from Xi'an", readable(1), k=1, mode="bm25")
    assert texts(best) == ["tea cup from Xi'an"]
    common = search(connection, "tea cup", readable(1), k=2, mode="bm25")
    assert set(texts(common)) == {"tea cup from Xi'an", "tea and a cup"}


# --- ranking


def test_rarer_words_and_more_of_the_question_rank_higher(connection: sqlite3.Connection) -> None:
    """In the plain and in the full ranking."""
    add_rows(connection, [fact("tea tea tea"), fact("the harbour"), fact("tea by the harbour")])
    add_rows(connection, [fact("tea leaf") for _ in range(5)])
    add_rows(connection, [fact("a leaf") for _ in range(20)])
    for mode in ("bm25", "hybrid"):
        result = search(connection, "tea harbour", readable(1), k=2, mode=mode)
        assert texts(result) == ["tea by the harbour", "the harbour"]


def test_an_answer_without_the_words_is_found_beside_its_question(
    connection: sqlite3.Connection,
) -> None:
    """Only the full ranking looks at neighbours."""
    add_rows(
        connection, turns("Ada: Which dessert do you love?", "Bo: Plum cake.", *["Ada: hm"] * 9)
    )
    hybrid = texts(search(connection, "favourite dessert of Bo", readable(1), k=5))
    assert hybrid.index("Plum cake.") <= 1
    assert "Plum cake." not in found(connection, "dessert", readable(1))


def test_turns_by_the_person_asked_about_come_first(connection: sqlite3.Connection) -> None:
    """Two say the same; the question names one."""
    add_rows(connection, turns("Ada: I paint boats", session=1))
    add_rows(connection, turns("Bo: I paint boats", session=2))
    add_rows(connection, [fact(f"filler {n}") for n in range(9)])
    for name in ("Ada", "Bo"):
        hit = search(connection, f"What does {name} paint?", readable(1), k=1).hits[0]
        assert connection.execute(
            "SELECT speaker FROM search_row WHERE id = ?", (hit.row_id,)
        ).fetchone() == (name,)


def test_when_questions_prefer_rows_that_tell_a_time(connection: sqlite3.Connection) -> None:
    """With equal words, and only when a time is asked for."""
    add_rows(connection, [fact("moved to a flat yesterday"), fact("moved to a flat gladly")])
    when = search(connection, "when did she move to the flat", readable(1), k=2).hits
    why = search(connection, "why did she move to the flat", readable(1), k=2).hits
    assert when[0].text == "moved to a flat yesterday"
    assert when[0].score > when[1].score
    assert why[0].score == why[1].score


def test_tellers_rank_above_askers_users_above_assistants_and_the_own_session_first(
    connection: sqlite3.Connection,
) -> None:
    """Each with equal words."""
    told, asked = fact("the tea is cold"), fact("the tea is cold?")
    said, replied = fact("rain in town", role="user"), fact("rain in town", role="assistant")
    here, there = (fact("a red door", session_id=n, seq=0) for n in (1, 2))
    ids = add_rows(connection, [asked, told, replied, said, there, here])
    first = {
        query: search(connection, query, readable(1, session_id=1), k=1).hits[0].row_id
        for query in ("tea", "rain", "door")
    }
    assert first == {"tea": ids[1], "rain": ids[3], "door": ids[5]}


def test_facts_compete_with_turns_on_equal_terms(connection: sqlite3.Connection) -> None:
    """A lone fact scores as a lone turn with the same words."""
    add_rows(connection, [*turns("green tea"), fact("green tea")])
    hits = search(connection, "tea", readable(1), k=5).hits
    assert [hit.kind for hit in hits] == ["memory_chunk", "attribute"]
    assert hits[0].score == hits[1].score


# --- removal


def test_removed_rows_leave_index_labels_and_statistics(connection: sqlite3.Connection) -> None:
    """The scores are those of a database that never held them."""
    kept = [fact("tea kept"), fact("a cup of tea", 2)]
    add_rows(connection, kept)
    clean = search(connection, "tea cup", readable(), k=9)
    ids = add_rows(connection, [fact("tea gone", labels=frozenset({"a=b"})), fact("cup", 3)])
    add_rows(connection, [fact("tea copy", duplicate_of=ids[0])])
    copy = connection.execute("SELECT max(id) FROM search_row").fetchone()[0]
    remove_rows(connection, [*ids, 999])
    assert "tea copy" in found(connection, "tea", readable(1))
    remove_rows(connection, [copy, *ids])
    assert search(connection, "tea cup", readable(), k=9) == clean
    assert connection.execute("SELECT count(*) FROM search_label").fetchone() == (0,)
    statistics = connection.execute("SELECT scope_set_id, row_count FROM search_statistic")
    assert statistics.fetchall() == [(1, 1), (2, 1)]
    connection.execute("INSERT INTO search_index (search_index) VALUES ('integrity-check')")


def test_the_index_can_be_rebuilt_from_its_rows(connection: sqlite3.Connection) -> None:
    """A rebuild answers as before."""
    add_rows(connection, [*turns("Ada: green tea", "Bo: 東京 for €1,000"), fact("tea", 2)])
    before = search(connection, "tea 東京", readable(1), k=9)
    connection.execute("INSERT INTO search_index (search_index) VALUES ('rebuild')")
    assert search(connection, "tea 東京", readable(1), k=9) == before


@pytest.mark.parametrize("same_transaction", [True, False])
@pytest.mark.parametrize("others", [0, 200])
def test_erased_words_are_in_no_byte_of_the_files(
    tmp_path: Path, others: int, same_transaction: bool
) -> None:
    """Removed, merged and checkpointed under secure_delete: text, terms and speaker are gone."""
    path = tmp_path / "memory.db"
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA secure_delete = ON")
    database.executescript(SEARCH_SCHEMA + DUPLICATE_SCHEMA + VECTOR_SCHEMA)
    add_rows(database, [fact(f"ordinary matter {n}") for n in range(others)])
    database.execute("BEGIN IMMEDIATE")
    secret = replace(
        *turns("Quillfeather: zanzibarite in the xylocarp"), labels=frozenset({"krypt=1"})
    )
    ids = add_rows(database, [secret])
    if not same_transaction:
        database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert b"xylocarp" in path.read_bytes()
        database.execute("BEGIN IMMEDIATE")
    remove_rows(database, ids)
    merge_index(database)
    database.execute("COMMIT")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    remains = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    database.close()
    for word in (b"uillfeather", b"anzibarit", b"ylocarp", b"krypt"):
        assert word not in remains


def test_a_merged_index_answers_as_before(connection: sqlite3.Connection) -> None:
    """Merging changes no answer."""
    for n in range(20):
        add_rows(connection, [fact(f"tea {n}")])
    before = search(connection, "tea 7", readable(1), k=9)
    merge_index(connection)
    assert search(connection, "tea 7", readable(1), k=9) == before


# --- plans


def test_no_read_scans_a_table(connection: sqlite3.Connection) -> None:
    """Every statement of a search reaches its rows through a key or the index."""
    add_rows(connection, turns("Ada: tea?", "Bo: four"))
    add_rows(connection, [fact("tea", context_id=2)])
    add_rows(connection, [fact("tea", n) for n in range(1, 100)])
    seen: list[str] = []
    connection.set_trace_callback(seen.append)
    label = frozenset({"a=b"})
    for row_filter in (
        readable(1), readable(), readable(*range(1, 400)), readable(1, labels=label, as_of=NOW),
        readable(excluded_scope_set_ids=frozenset({9})),
    ):  # fmt: skip
        search(connection, "tea four", row_filter, k=5)
    connection.set_trace_callback(None)
    statements = {sql for sql in seen if sql.startswith("SELECT") and "search_" in sql}
    assert len(statements) > 8
    for sql in statements:
        if "'search_index'." in sql or "search_index_" in sql:
            continue  # the index's own tables
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
        scans = [step for step in plan if step.startswith("SCAN")]
        assert all("VIRTUAL TABLE" in step or "CONSTANT" in step for step in scans), (sql, plan)
