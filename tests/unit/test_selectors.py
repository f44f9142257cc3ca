"""Choices laid over each other, and their resolution for one call."""

from __future__ import annotations

import dataclasses
import pickle
from collections import UserDict
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
from pydantic import BaseModel, ConfigDict

from spectron_adapters.errors import ScopeResolutionError
from spectron_adapters.scopes import Scope, ScopeSet, ScopeTemplate, encode_segment
from spectron_adapters.selectors import Selection, Selectors

USER = "org/{org_id}/user/{user_id}"


def parse(value):
    return ScopeSet.parse(value)


# --- construction ----------------------------------------------------------------------------


def test_nothing_chosen_is_none_everywhere_and_resolves_to_the_defaults():
    nothing = Selectors()
    assert all(getattr(nothing, field.name) is None for field in dataclasses.fields(nothing))
    assert nothing.resolve() == Selection()
    assert Selection() == Selection(
        scopes=None, lens=None, labels=(), top_k=5, mode="hybrid", include=(),
        as_of=None, scope_view=None, on_behalf_of=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"scopes": ""}, r"^scopes"),
        ({"scopes": []}, r"^scopes"),
        ({"scopes": ["a", " "]}, r"^scopes\[1\]"),
        ({"scopes": "org/acme/*"}, "only a lens|Only a lens"),
        ({"scopes": "org/{}"}, r"^scopes"),
        ({"lens": [[]]}, r"^lens\[0\]"),
        ({"labels": "team"}, "key=value"),
        ({"labels": ["=x"]}, "key=value"),
        ({"labels": ["x="]}, "key=value"),
        ({"labels": [""]}, "key=value"),
        ({"labels": ["_own=x"]}, "service's own"),
        ({"labels": {"a=b": "c"}}, "holds '='"),
        ({"top_k": 0}, "1 to 50"),
        ({"top_k": 51}, "1 to 50"),
        ({"mode": "hybrid_graph"}, "^mode is one of"),
        ({"mode": ""}, "^mode is one of"),
        ({"include": ["fact"]}, "^include is one of"),
        ({"scope_view": "crossteam"}, "^scope_view is one of"),
        ({"as_of": "2026-01-15"}, "RFC 3339"),
        ({"as_of": ""}, "RFC 3339"),
        ({"as_of": datetime(2026, 1, 15)}, "time zone"),
        ({"as_of": "2026-01-15T10:00:00"}, "time zone"),
        ({"on_behalf_of": ""}, "on_behalf_of"),
        ({"on_behalf_of": "principal:"}, "on_behalf_of"),
        ({"on_behalf_of": "alice\r\nX-Evil: 1"}, "on_behalf_of"),
        ({"on_behalf_of": " alice"}, "on_behalf_of"),
        ({"on_behalf_of": "zoë"}, "on_behalf_of"),
        ({"on_behalf_of": "{a}{b}"}, "more than one variable"),
    ],
)
def test_a_bad_choice_is_refused_where_it_is_made(choice, message):
    with pytest.raises(ValueError, match=message):
        Selectors(**choice)


async def coroutine_scope(variables):
    return "org/acme"


@pytest.mark.parametrize(
    "choice",
    [
        {"scopes": 1},
        {"lens": {"org": "acme"}},
        {"scopes": coroutine_scope},
        {"labels": 5},
        {"labels": [5]},
        {"top_k": "5"},
        {"top_k": True},
        {"top_k": 5.0},
        {"include": 1},
        {"as_of": 1700000000},
        {"on_behalf_of": 7},
        {"k": 3},
    ],
)
def test_a_choice_of_another_type_is_refused(choice):
    with pytest.raises(TypeError):
        Selectors(**choice)


def test_loose_forms_are_brought_to_one():
    chosen = Selectors(
        labels={"env": "prod", "team": "x=y"},
        include="facts",
        as_of=datetime(2026, 1, 15, 10, tzinfo=timezone(timedelta(hours=2))),
    )
    assert chosen.labels == ("env=prod", "team=x=y")
    assert Selectors(labels=["b=1", "a=1", "b=1"]).labels == ("b=1", "a=1")
    assert chosen.include == ("facts",)
    assert chosen.as_of == "2026-01-15T10:00:00+02:00"


def test_choices_are_values():
    first = Selectors(scopes=USER, labels=["a=b"])
    assert first == Selectors(scopes=ScopeTemplate(USER), labels="a=b")
    assert pickle.loads(pickle.dumps(first)) == first
    assert len({first, Selectors(scopes=USER, labels=["a=b"])}) == 1
    with pytest.raises(AttributeError):
        first.top_k = 9


def test_variables_are_those_of_all_templates():
    chosen = Selectors(scopes=USER, lens=["team/{team}"], on_behalf_of="principal:{agent}")
    assert chosen.variables == {"org_id", "user_id", "team", "agent"}
    assert Selectors(on_behalf_of="alice").variables == frozenset()


# --- nearest wins ----------------------------------------------------------------------------


def test_each_field_comes_from_the_nearest_that_chose_it():
    call = Selectors(top_k=3, labels=[])
    adapter = Selectors(top_k=7, mode="bm25", labels=["a=b"])
    config = Selectors(scopes="org/acme", mode="vector", scope_view="merged", top_k=9)
    chosen = call.over(adapter).over(config)
    assert chosen == call.over(adapter.over(config))
    assert chosen == Selectors(
        scopes="org/acme", mode="bm25", scope_view="merged", top_k=3, labels=()
    )


def test_scopes_chosen_nearer_bring_their_own_lens():
    config = Selectors(scopes="org/acme", lens="org/acme/*")
    moved = Selectors(scopes="org/beta").over(config).resolve()
    assert moved.lens == moved.scopes == parse("org/beta")
    both_ways = Selectors(scopes="org/beta").over(Selectors(lens="team/x")).over(config)
    assert both_ways.resolve().lens == parse("org/beta")


def test_a_lens_chosen_nearer_leaves_the_scopes():
    config = Selectors(scopes="org/acme", lens="org/acme/*")
    chosen = Selectors(lens="org/acme/user/alice").over(config).resolve()
    assert chosen.scopes == parse("org/acme")
    assert chosen.lens == parse("org/acme/user/alice")


def test_the_lens_follows_the_scopes_and_never_the_other_way():
    assert Selectors(scopes="a").resolve().lens == parse("a")
    assert Selectors(lens="a").resolve().scopes is None


# --- resolution ------------------------------------------------------------------------------


@dataclasses.dataclass
class Person:
    user_id: str
    org_id: str = "acme"


@dataclasses.dataclass(frozen=True)
class Slotted:
    __slots__ = ("org_id", "user_id")
    org_id: str
    user_id: str


class Model(BaseModel):
    model_config = ConfigDict(extra="allow")
    user_id: str


@pytest.mark.parametrize(
    "source",
    [
        {"user_id": "alice", "org_id": "acme"},
        UserDict(user_id="alice", org_id="acme"),
        Person("alice"),
        Slotted("acme", "alice"),
        Model(user_id="alice", org_id="acme"),
    ],
)
def test_values_come_from_mappings_dataclasses_and_models(source):
    chosen = Selectors(scopes=USER).resolve(("context", source))
    assert chosen.scopes == parse("org/acme/user/alice")


@pytest.mark.parametrize("source", ["alice", 7, Person, object(), [("user_id", "alice")]])
def test_another_kind_of_source_is_refused_by_name(source):
    with pytest.raises(TypeError, match=r"^runtime\.context is of type"):
        Selectors(scopes=USER).resolve(("runtime.context", source))


def test_the_nearest_source_that_has_a_variable_decides_each():
    chosen = Selectors(scopes=USER).resolve(
        ("call", {"user_id": "alice"}), ("configurable", Person("bob", "beta")), ("context", None)
    )
    assert chosen.scopes == parse("org/beta/user/alice")


def test_a_missing_variable_names_every_source_even_one_that_was_not_given():
    with pytest.raises(ScopeResolutionError, match="searched: configurable, context") as caught:
        Selectors(scopes=USER).resolve(("configurable", {"org_id": "acme"}), ("context", None))
    assert caught.value.variable == "user_id"
    assert caught.value.searched == ("configurable", "context")


@pytest.mark.parametrize("blank", [None, "", " \t", "\u200b"])
def test_a_nearer_blank_is_not_papered_over(blank):
    with pytest.raises(ScopeResolutionError, match="in configurable"):
        Selectors(lens=USER).resolve(
            ("configurable", {"user_id": blank, "org_id": "acme"}), ("adapter", Person("admin"))
        )


def test_a_value_cannot_reach_another_users_scope():
    chosen = Selectors(scopes=USER).resolve(("call", {"org_id": "acme", "user_id": "x/../bob"}))
    assert chosen.scopes.to_wire() == [["org/acme/user/x%2F..%2Fbob"]]


def test_one_value_serves_many_users_at_once():
    chosen = Selectors(scopes=USER, on_behalf_of="principal:{user_id}")

    def resolve(number):
        return chosen.resolve(("call", {"org_id": "acme", "user_id": f"u{number}"}))

    with ThreadPoolExecutor(8) as pool:
        for number, selection in enumerate(pool.map(resolve, range(200))):
            assert selection.scopes == parse(f"org/acme/user/u{number}")
            assert selection.on_behalf_of == f"principal:u{number}"


# --- functions -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        lambda variables: f"org/acme/user/{encode_segment(variables['user_id'])}",
        lambda variables: [["org/acme/user/a%2Fb"]],
        lambda variables: Scope("org/acme/user/a%2Fb"),
        lambda variables: ScopeSet.parse("org/acme/user/a%2Fb"),
        lambda variables: ScopeTemplate("org/acme/user/{user_id}"),
    ],
)
def test_a_function_may_choose_the_scope(function):
    chosen = Selectors(scopes=function).resolve(("call", {"user_id": "a/b"}))
    assert chosen.scopes == chosen.lens == parse("org/acme/user/a%2Fb")


def test_a_function_sees_the_nearest_values():
    seen = {}
    Selectors(lens=lambda variables: seen.update(variables) or "a").resolve(
        ("near", {"user_id": "alice"}), ("far", Person("bob", "beta"))
    )
    assert seen == {"user_id": "alice", "org_id": "beta"}


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "",
        " ",
        [],
        [""],
        "org//acme",
        "org/{user_id}",
        "org/acme/user/",
        [["a", "org/ "]],
        "/",
    ],
)
def test_a_function_that_returns_nothing_usable_raises(answer):
    for field in ("scopes", "lens"):
        with pytest.raises(
            ScopeResolutionError, match=f"the function for {field} returned"
        ) as caught:
            Selectors(**{field: lambda variables: answer}).resolve(("call", {"user_id": "x"}))
        assert caught.value.searched == ("call",)


def test_a_function_may_name_a_subtree_for_the_lens_alone():
    assert Selectors(lens=lambda _: "org/*").resolve().lens == parse("org/*")
    with pytest.raises(ScopeResolutionError, match="Only a lens"):
        Selectors(scopes=lambda _: ScopeTemplate("org/*")).resolve()


def test_a_function_that_asks_for_a_missing_variable_is_told_what_was_searched():
    with pytest.raises(ScopeResolutionError, match=r"'user_id'.*searched: call, context") as caught:
        Selectors(lens=lambda variables: variables["user_id"]).resolve(
            ("call", {}), ("context", None)
        )
    assert caught.value.variable == "user_id"


def test_a_source_that_cannot_be_read_matters_only_where_a_variable_is_wanted():
    """An application's context may be of any class; constants do not ask it."""
    source = ("runtime.context", object())
    assert Selectors(scopes="org/acme", lens="org/*").resolve(source).scopes == parse("org/acme")
    for chosen in (
        Selectors(scopes="org/{org_id}"),
        Selectors(lens=lambda _: "a"),
        Selectors(on_behalf_of="principal:{user_id}"),
    ):
        with pytest.raises(TypeError, match=r"^runtime.context is of type object"):
            chosen.resolve(source, ("variables", {"org_id": "acme", "user_id": "alice"}))


@pytest.mark.parametrize("value", ["", " ", "\u200b", None])
@pytest.mark.parametrize(
    "function",
    [
        lambda variables: f"org/acme/user/{variables['user_id']}",
        lambda variables: f"org/acme/user/{variables.get('user_id')}",
        lambda variables: f"org/acme/user/{variables.get('user_id', 'anonymous')}",
        "org/acme/user/{user_id}".format_map,
    ],
)
def test_a_function_never_gets_a_blank_value_that_would_name_everybodys_region(function, value):
    """`org/acme/user/` would read, and be read by, every user."""
    for field in ("scopes", "lens"):
        with pytest.raises(ScopeResolutionError, match="'user_id', which is None or blank"):
            Selectors(**{field: function}).resolve(
                ("call", {"user_id": value}), ("context", {"user_id": "alice"})
            )


def test_a_function_may_ask_whether_a_value_was_given():
    seen = {}

    def function(variables):
        seen["default"] = variables.get("team", "none")
        seen["known"] = [name in variables for name in ("user_id", "blank", "team")]
        seen["usable"] = {**variables}
        return "a"

    Selectors(scopes=function).resolve(("call", {"user_id": "x", "blank": "", "depth": 0}))
    assert seen == {
        "default": "none",
        "known": [True, True, False],
        "usable": {"user_id": "x", "depth": 0},
    }


def test_a_function_that_returns_another_type_is_a_mistake_of_the_program():
    with pytest.raises(TypeError, match=r"^lens is a path or a list"):
        Selectors(lens=lambda _: 5).resolve()


# --- delegation ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "value", "principal"),
    [
        ("alice", "unused", "alice"),
        ("principal:{user_id}", "alice@example.org", "principal:alice@example.org"),
        ("{user_id}", 42, "42"),
        ("team a", "unused", "team a"),
    ],
)
def test_the_principal_is_filled_for_each_call(template, value, principal):
    chosen = Selectors(on_behalf_of=template).resolve(("call", {"user_id": value}))
    assert chosen.on_behalf_of == principal


@pytest.mark.parametrize(
    "value",
    [None, "", "a\r\nX-Evil: 1", "a\x00", "zoë", "a\u2028", " a", "a ", "principal:admin", True],
)
def test_a_value_that_does_not_fit_into_the_header_raises(value):
    with pytest.raises(ScopeResolutionError, match="user_id") as caught:
        Selectors(on_behalf_of="{user_id}").resolve(("call", {"user_id": value}))
    assert caught.value.variable == "user_id"


def test_a_missing_principal_never_means_the_caller_itself():
    with pytest.raises(ScopeResolutionError, match="was not found"):
        Selectors(on_behalf_of="principal:{user_id}").resolve()


# --- inside other models ---------------------------------------------------------------------


class Holder(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    selectors: Selectors


def test_a_pydantic_model_can_hold_selectors():
    chosen = Selectors(scopes=lambda _: "a", lens=USER)
    assert Holder(selectors=chosen).selectors is chosen
