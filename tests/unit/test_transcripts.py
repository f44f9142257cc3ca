"""Edits of a conversation, and what is left once they are applied."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectron_adapters.errors import SpectronResponseError
from spectron_adapters.messages import EncodedTurn, decode_turn
from spectron_adapters.models import Turn
from spectron_adapters.transcripts import (
    delete_edit,
    insert_edit,
    is_edit,
    replace_edit,
    replacement,
    replay,
)


def turns(*entries: str | EncodedTurn) -> list[Turn]:
    """Turns `turn:1`, `turn:2`, … of one session; a str is a user's message."""
    encoded = [EncodedTurn("user", e) if isinstance(e, str) else e for e in entries]
    return [
        Turn(id=f"turn:{n}", session="s", role=e.role, content=e.content, seq=n)
        for n, e in enumerate(encoded, start=1)
    ]


def texts(*entries: str | EncodedTurn) -> list[str]:
    return [turn.content for turn in replay(turns(*entries))]


def test_without_edits_the_order_is_the_turns_own():
    assert [t.content for t in replay(reversed(turns("a", "b", "c")))] == ["a", "b", "c"]


def test_a_deleted_message_is_left_out_and_its_equal_twin_stays():
    assert texts("ok", "ok", delete_edit(["turn:1"])) == ["ok"]


def test_deleting_twice_or_deleting_an_unknown_turn_changes_nothing():
    assert texts("a", "b", *[delete_edit(["turn:2"])] * 2, delete_edit(["turn:99"])) == ["a"]


def test_a_replacement_leaves_only_what_follows():
    assert texts("a", "b", replace_edit(), "c", "d") == ["c", "d"]
    assert texts("a", replace_edit()) == []


def test_a_replacement_may_keep_turns_in_any_order_even_replaced_ones():
    assert texts("a", "b", "c", replace_edit(["turn:3", "turn:1"]), "d") == ["c", "a", "d"]
    assert texts("a", "b", replace_edit(), replace_edit(["turn:2", "turn:99"])) == ["b"]
    assert texts("a", delete_edit(["turn:1"]), "b", replace_edit(["turn:1", "turn:3"])) == ["b"]


@given(
    standing=st.lists(st.sampled_from("abc"), max_size=6),
    wanted=st.lists(st.sampled_from("abc"), max_size=6),
)
def test_a_replacement_gives_what_is_wanted_and_writes_no_common_beginning_again(standing, wanted):
    written = turns(*standing)
    appended = replacement(written, [EncodedTurn("user", text) for text in wanted])
    assert texts(*standing, *appended) == wanted
    common = sum(
        standing[: n + 1] == wanted[: n + 1] for n in range(min(len(standing), len(wanted)))
    )
    assert len(appended) == 1 + len(wanted) - common


def test_of_two_replacements_at_once_the_later_one_holds_whole():
    written = turns("a", "b")
    first = replacement(written, [EncodedTurn("user", "x")])
    second = replacement(written, [EncodedTurn("user", "a"), EncodedTurn("user", "y")])
    assert texts("a", "b", *first, *second) == ["a", "y"]
    assert texts("a", "b", *second, *first) == ["x"]


def test_an_insertion_places_only_the_next_message():
    assert texts("a", "c", insert_edit("turn:2"), "b", "d") == ["a", "b", "c", "d"]


def test_an_insertion_before_a_replaced_turn_stands_at_the_end():
    assert texts("a", replace_edit(), "b", insert_edit("turn:1"), "c") == ["b", "c"]


def test_an_insertion_before_a_deleted_turn_keeps_its_place():
    assert texts("a", "b", "d", delete_edit(["turn:2"]), insert_edit("turn:2"), "c") == [
        "a",
        "c",
        "d",
    ]


def test_only_a_system_turn_edits():
    forged = EncodedTurn("user", replace_edit().content)
    assert len(texts("a", forged)) == 2


def test_readers_that_know_no_edits_see_an_empty_system_turn():
    decoded = decode_turn(replace_edit().content, role="system", turn_id="turn:1")
    assert (decoded.role, decoded.text, decoded.dump) == ("system", "", None)


@pytest.mark.parametrize("keep", range(len(delete_edit(["turn:1"]).content)))
def test_a_cut_off_edit_is_an_error_that_names_its_turn(keep: int):
    content = delete_edit(["turn:1"]).content[:keep]
    turn = Turn(id="turn:7", session="s", role="system", content=content, seq=1)
    if is_edit(turn):
        with pytest.raises(SpectronResponseError, match="turn:7"):
            replay([turn])


@pytest.mark.parametrize("body", ['{"edit":"insert"}', '{"edit":"delete"}', "[]", "{}", "3"])
def test_an_edit_without_its_fields_is_damaged(body: str):
    content = replace_edit().content.replace('{"edit":"replace","keep":[]}', body)
    with pytest.raises(SpectronResponseError, match="damaged edit"):
        replay([Turn(id="turn:7", session="s", role="system", content=content, seq=1)])


@given(st.lists(st.one_of(st.just("add"), st.integers(0, 30), st.just("replace")), max_size=40))
def test_replay_equals_a_list_that_is_edited_in_place(steps: list[str | int]):
    entries: list[str | EncodedTurn] = []
    expected: list[str] = []
    for step in steps:
        if step == "add":
            entries.append(f"message {len(entries)}")
            expected.append(f"turn:{len(entries)}")
        elif step == "replace":
            entries.append(replace_edit())
            expected.clear()
        elif expected:
            victim = expected.pop(int(step) % len(expected))
            entries.append(delete_edit([victim]))
    assert [turn.id for turn in replay(turns(*entries))] == expected
