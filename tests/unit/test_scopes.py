"""Scopes, grants, lenses, templates and session names, case by case."""

from __future__ import annotations

import copy
import enum
import pickle
from uuid import UUID

import pytest

from spectron_adapters.errors import ScopeResolutionError
from spectron_adapters.scopes import (
    GrantPattern,
    Region,
    Scope,
    ScopeSet,
    ScopeTemplate,
    decode_segment,
    encode_segment,
    explain,
    involvement,
    is_visible,
    passes_lens,
    scope_selector,
    session_key,
    session_name,
)

# --- paths -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("org/acme/user/alice", "org/acme/user/alice"),
        ("/org/acme/", "org/acme"),
        ("user-123", "user-123"),
        ("/", "/"),
        ("org/acme/*", "org/acme/*"),
        ("/org/acme/*", "org/acme/*"),
        ("*", "/*"),
        ("/*", "/*"),
        ("org/a b", "org/a b"),
        ("org/alice@example.org", "org/alice@example.org"),
    ],
)
def test_a_path_has_one_canonical_text(text, canonical):
    assert str(Scope(text)) == canonical
    assert Scope(canonical) == Scope(text)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "\t\n", "\u200b", "\u3164",
        "//", "org//acme", "//org", "org//", "///", "//*", "org//*",
        "org/ /acme", "org/\u200b", " org", "org /acme", "org/acme ",
        "org/ac*me", "org/*/user", "**", "*/org", "org*", "org/acme/*/",
        "org/./acme", "org/..", "..", ".",
        "org/\x00", "org/a\nb", "org/\x1e", "org/\x85", "org/\u2028", "org/\ud800",
        "org/{org_id}", "org/}",
    ],
)  # fmt: skip
def test_a_malformed_path_is_refused(text):
    with pytest.raises(ValueError, match="scope path"):
        Scope(text)


@pytest.mark.parametrize("value", [None, 1, b"org", ["org"], True])
def test_a_path_is_a_string(value):
    with pytest.raises(TypeError, match="scope path is a string"):
        Scope(value)


@pytest.mark.parametrize(
    "other", ["Alice", "\uff41lice", "\u0430lice", "alice%2Fadmin", "alic\u0435"]
)
def test_lookalikes_are_different_places(other):
    assert Scope(f"user/{other}") != Scope("user/alice")
    assert not Region.parse("user/alice/*").covers(f"user/{other}")


def test_a_name_is_not_covered_by_a_name_that_begins_alike():
    assert not Region.parse("org/acme/*").covers("org/acme-corp")


def test_scopes_survive_pickling_and_copying_and_cannot_be_changed():
    scope = Scope("org/acme/*")
    both = scope & Scope("team/x")
    template = ScopeTemplate(["org/{org_id}", ["a", "b"]])
    for value in (scope, both, template, GrantPattern("a/*"), Region.parse(["a", "b/*"])):
        assert pickle.loads(pickle.dumps(value)) == value
        assert copy.deepcopy(value) == value
        assert hash(copy.copy(value)) == hash(value)
        name = next(iter(type(value).__dataclass_fields__))
        with pytest.raises(AttributeError):
            setattr(value, name, ())


@pytest.mark.parametrize(
    "value",
    [Scope("/a/b/*"), GrantPattern("a/*"), Region.parse(["b/*", "a"]), ScopeSet.parse(["b", "a"])],
)
def test_the_representation_rebuilds_the_value(value):
    assert eval(repr(value)) == value


def test_a_grant_pattern_is_not_a_scope_of_the_same_text():
    assert GrantPattern("org/acme") != Scope("org/acme")


# --- sets ------------------------------------------------------------------------------------

A, B, C = Scope("a"), Scope("b"), Scope("c")


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        ("a", [["a"]]),
        (["a", "b"], [["a"], ["b"]]),
        ([["a", "b"]], [["a", "b"]]),
        (["a", ["b", "c"]], [["a"], ["b", "c"]]),
        ([["a", "b", "a"]], [["a", "b"]]),
        (["a", "a"], [["a"]]),
        ([["b", "a"], "/a/"], [["a"], ["a", "b"]]),
        (("a", ("b", C)), [["a"], ["b", "c"]]),
        (A, [["a"]]),
        (A & B, [["a", "b"]]),
        (A | B, [["a"], ["b"]]),
        ((A | B) & C, [["a", "c"], ["b", "c"]]),
        ([A & B, "c"], [["a", "b"], ["c"]]),
        (A & (B | C) | A, [["a"], ["a", "b"], ["a", "c"]]),
        ("/", [["/"]]),
        ("/*", [["/*"]]),
    ],
)
def test_loose_forms_have_one_wire_form(value, wire):
    assert ScopeSet.parse(value).to_wire() == wire


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("", "lens:"),
        ("  ", "lens:"),
        ([], "lens is empty"),
        ((), "lens is empty"),
        ([""], r"lens\[0\]:"),
        (["a", " "], r"lens\[1\]:"),
        ([[]], r"lens\[0\] is empty"),
        (["a", []], r"lens\[1\] is empty"),
        ([["a", ""]], r"lens\[0\]\[1\]:"),
        (["a", ["b", "c//d"]], r"lens\[1\]\[1\]:"),
    ],
)
def test_blank_or_malformed_raises_and_names_the_place(value, place):
    with pytest.raises(ValueError, match=f"^{place}"):
        ScopeSet.parse(value, field="lens")
    with pytest.raises(ValueError, match=f"^{place}"):
        ScopeTemplate(value, field="lens")


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (None, "scopes"),
        (1, "scopes"),
        ({"org": "acme"}, "scopes"),
        ({"a"}, "scopes"),
        (b"a", r"scopes\[0\]"),
        (["a", None], r"scopes\[1\]"),
        ([[["a"]]], r"scopes\[0\]\[0\]"),
        ([["a", 1]], r"scopes\[0\]\[1\]"),
    ],
)
def test_another_type_raises_and_names_the_place(value, place):
    with pytest.raises(TypeError, match=f"^{place}"):
        ScopeSet.parse(value)
    with pytest.raises(TypeError, match=f"^{place}"):
        ScopeTemplate(value)


def test_a_set_has_no_empty_form():
    for clauses in ((), ((),), ((A,), ())):
        with pytest.raises(ValueError, match="at least one clause"):
            ScopeSet(clauses)


def test_a_wider_clause_does_not_absorb_a_narrower_owner():
    assert len((A | (A & B)).clauses) == 2


def test_combining_with_something_else_is_a_type_error():
    for combine in (lambda: A & "b", lambda: A | "b", lambda: (A | B) & ["c"]):
        with pytest.raises(TypeError):
            combine()


def test_the_text_of_a_set_cannot_be_forged_by_a_segment():
    assert str(ScopeSet.parse(['a"],["b'])) != str(ScopeSet.parse(["a", "b"]))
    assert str(ScopeSet.parse(["a", ["b", "c"]])) == '[["a"],["b","c"]]'


def test_the_optional_selector_omits_only_none():
    assert scope_selector(None, field="scopes") is None
    assert scope_selector(["b", ["c", "a", "c"]], field="scopes") == [["b"], ["c", "a"]]
    assert scope_selector(["a", "a"], field="scopes") == [["a"], ["a"]]
    for blank in ("", [], [""], [[]], " "):
        with pytest.raises(ValueError, match=r"^scopes"):
            scope_selector(blank, field="scopes")


def test_only_a_lens_takes_a_subtree():
    assert scope_selector("org/acme/*", field="lens") == [["org/acme/*"]]
    with pytest.raises(ValueError, match="written to a node"):
        scope_selector(["a", "org/acme/*"], field="scopes")
    with pytest.raises(ValueError, match="written to a node"):
        ScopeTemplate("org/{org_id}/*", subtrees=False)


# --- grants ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "both"),
    [
        ("a/*", "a/b/*", "a/b/*"),
        ("a/*", "a/b", "a/b"),
        ("a", "a/*", "a"),
        ("a", "a", "a"),
        ("a/*", "a/*", "a/*"),
        ("/*", "a", "a"),
        ("*", "/*", "/*"),
        ("/", "/*", "/"),
        ("a", "b", None),
        ("a/*", "b/*", None),
        ("a", "a/b", None),
        ("a", "a/b/*", None),
        ("acme/*", "acme-corp/*", None),
    ],
)
def test_patterns_intersect_as_the_contract_tables(left, right, both):
    first, second = GrantPattern.parse(left), GrantPattern.parse(right)
    expected = None if both is None else GrantPattern(both)
    assert first.intersect(second) == second.intersect(first) == expected


def test_a_parents_grant_without_subtree_does_not_cover_children():
    assert Region.parse("org/acme").covers("org/acme")
    assert not Region.parse("org/acme").covers("org/acme/user/alice")
    assert not Region.parse("org/acme").covers(Scope("org/acme/*"))


def test_a_mapping_is_read_in_order_as_a_subtree():
    assert str(GrantPattern.parse({"org": "acme", "user": "alice"})) == "org/acme/user/alice/*"
    assert Region.parse([{"org": "acme"}, "team/x"]) == Region.parse(["org/acme/*", "team/x"])


@pytest.mark.parametrize("items", [{}, {"org": ""}, {"org": "a/b"}, {"org": "*"}, {"": "a"}])
def test_a_mapping_that_would_mean_more_than_it_says_is_refused(items):
    with pytest.raises(ValueError, match=r"mapping|segment"):
        GrantPattern.parse(items)


@pytest.mark.parametrize("value", ["", " ", [""], ["a", "b/*/c"], "a*"])
def test_a_malformed_grant_is_refused(value):
    with pytest.raises(ValueError, match="scope path"):
        Region.parse(value)


@pytest.mark.parametrize("value", [None, 3, {"a"}, b"a", [None]])
def test_a_grant_of_another_type_is_refused(value):
    with pytest.raises(TypeError):
        Region.parse(value)


@pytest.mark.parametrize(
    ("grant", "wire"),
    [
        (["org/acme/*", "team/x"], [["org/acme"], ["team/x"]]),
        ("*", [["/"]]),
        ("/*", [["/"]]),
        (["a", "a/*"], [["a"]]),
        (["a/*", "a/b"], [["a"], ["a/b"]]),
    ],
)
def test_default_write_scopes_are_the_patterns_nodes(grant, wire):
    assert Region.parse(grant).default_write_scopes().to_wire() == wire


def test_an_empty_region_writes_and_reads_nothing():
    nothing = Region.parse([])
    assert nothing.default_write_scopes() is None
    assert not nothing
    assert not nothing.covers("/")
    assert str(nothing) == "(nothing)"


def test_a_floor_confines_a_grant_and_says_what_is_outside():
    region = Region.parse(["/*", "team/x"]).intersect(Region.parse([{"org": "acme"}]))
    assert region == Region.parse("org/acme/*")
    asked = ScopeSet.parse([["org/acme/user/alice", "org/beta"], "team/x"])
    assert [str(scope) for scope in region.outside(asked)] == ["org/beta", "team/x"]


def test_an_attenuated_key_may_not_exceed_its_principal():
    principal = Region.parse(["org/acme/*", "team/x"])
    assert principal.contains(Region.parse(["org/acme/user/alice/*", "team/x"]))
    assert not principal.contains(Region.parse("team/x/*"))
    assert not principal.contains(Region.parse("*"))


# --- visibility and lens: the contract's tables ------------------------------------------------

GRANTS = [["org/acme"], ["org/acme/*"], ["org/acme", "user/alice"], ["org/acme/user/bob/*"], ["/*"]]
VISIBILITY = [
    ([["org/acme"]], "yes yes yes no yes"),
    ([["org/acme/user/alice"]], "no yes no no yes"),
    ([["org/acme", "user/alice"]], "no no yes no yes"),
    ([["org/acme/user/alice"], ["org/acme/user/bob"]], "no yes no yes yes"),
    ([["org/beta"]], "no no no no yes"),
    ([["/"]], "no no no no yes"),
    ([], "no no no no no"),
]


@pytest.mark.parametrize(
    ("record", "grant", "expected"),
    [
        (record, grant, answer == "yes")
        for record, answers in VISIBILITY
        for grant, answer in zip(GRANTS, answers.split(), strict=True)
    ],
)
def test_visibility_table(record, grant, expected):
    assert is_visible(record, grant) is expected


LENS = [
    ("org/acme/*", [["org/acme"]], [["org/acme/user/alice"]], True),
    ("org/acme/*", [["org/acme/user/alice"]], [["org/acme"]], True),
    ("org/acme", [["org/acme/user/alice"]], [["org/acme"]], False),
    ("org/acme/*", [["org/acme/user/bob"]], [["org/acme/user/alice"]], False),
    ("org/acme/*", [["org/acme"]], [["org/acme/user/alice/*"]], False),
    ("/*", [["region/eu", "product/mac"]], [["region/eu"]], True),
    ("/*", [["region/eu", "product/mac"]], [["region/eu", "org/acme"]], False),
    ("/*", [["region/eu", "product/mac"]], [["region/eu"], ["org/acme"]], True),
    ("/*", [["org/acme/user/alice"], ["org/acme/user/bob"]], [["org/acme/user/bob"]], True),
    *(("org/acme/*", record, [["org/beta"]], False) for record, _ in VISIBILITY),
    # Root rows pass any plain lens, and no subtree but the root's own.
    ("/*", [["/"]], [["org/acme/user/alice"]], True),
    ("/*", [["/"]], [["org/acme/*"]], False),
    ("/*", [["/"]], [["/*"]], True),
    ("/*", [["org/acme"]], [["/"]], True),
    ("org/acme/*", [["/"]], [["org/acme"]], False),
    # Only visible clauses count: alice's clause does not lend itself to bob's.
    ("org/acme/user/bob/*", [["org/acme/user/alice"], ["org/acme/user/bob"]], "org/acme/user/alice", False),
    ("/*", [["org/acme"], ["team/x"]], [["org/acme", "team/x"]], False),
    ("/*", [["org/acme"]], [["org/acme-corp"]], False),
]  # fmt: skip


@pytest.mark.parametrize(("grant", "record", "lens", "expected"), LENS)
def test_lens_table(grant, record, lens, expected):
    assert passes_lens(record, grant, lens) is expected
    assert explain(record, grant, lens).kept is expected


def test_without_a_lens_everything_visible_passes():
    assert passes_lens("org/acme", "org/acme", None)
    assert not passes_lens("org/beta", "org/acme", None)


@pytest.mark.parametrize("lens", ["", [], [""], [[]]])
def test_a_blank_lens_is_not_no_lens(lens):
    with pytest.raises(ValueError, match=r"^lens"):
        passes_lens("org/acme", "/*", lens)


@pytest.mark.parametrize("record", [[], (), [[]], ((),)])
def test_a_record_without_clauses_is_visible_to_nobody(record):
    assert not is_visible(record, "/*")
    assert not passes_lens(record, "/*", "/*")


def test_a_record_may_come_in_any_form():
    clauses = ((Scope("org/acme"), Scope("team/x")), (Scope("user/alice"),))
    for record in (ScopeSet(clauses), clauses, [["org/acme", "team/x"], "user/alice"]):
        assert is_visible(record, "user/alice")
        assert not is_visible(record, "org/acme")


def test_involvement_says_how():
    path = Scope("org/acme")
    entries = [
        "org/acme",
        "org/acme/user/alice",
        "org",
        "org/*",
        "org/acme/*",
        "org/acme/user/*",
        "team",
    ]
    expected = ["equal", "ancestor", "descendant", "subtree", "subtree", None, None]
    assert [involvement(path, Scope(entry)) for entry in entries] == expected


def test_the_explanation_reads_as_a_table():
    told = explain(
        [["region/eu", "product/mac"], ["org/beta"]],
        ["region/*", "product/*"],
        [["region/eu"], ["org"]],
    )
    assert str(told).splitlines() == [
        "grant: product/* + region/*",
        'lens:  [["org"],["region/eu"]]',
        "clause  path         covered by  org         region/eu",
        "1       org/beta     nothing     descendant  -",
        "2       product/mac  product/*   -           -",
        "2       region/eu    region/*    -           equal",
        "clause 1: not visible, for not every path is covered; involves lens clause 1",
        "clause 2: visible; involves lens clause 2",
        "visible: yes, kept: yes",
    ]
    assert repr(told) == str(told)


def test_the_explanation_of_a_record_without_clauses_says_so():
    assert str(explain([], "/*")).splitlines() == [
        "grant: /*",
        "the record has no clauses, so nobody sees it",
        "visible: no, kept: no",
    ]


# --- encoding and templates ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("alice", "alice"),
        ("Alice", "Alice"),
        ("alice@example.org", "alice@example.org"),
        ("alice+work@example.org", "alice+work@example.org"),
        ("Zoë", "Zoë"),
        ("李雷", "李雷"),
        ("ada lovelace", "ada lovelace"),
        ("alice/admin", "alice%2Fadmin"),
        ("alice%2Fadmin", "alice%252Fadmin"),
        ("*", "%2A"),
        (".", "%2E"),
        ("..", "%2E%2E"),
        ("...", "..."),
        ("a.b", "a.b"),
        (" alice ", "%20alice%20"),
        ("a\nb", "a%0Ab"),
        ("a\x1eb", "a%1Eb"),
        ("a\x85", "a%C2%85"),
        ("a\u2028b", "a%E2%80%A8b"),
        ("ali\u200bce", "ali%E2%80%8Bce"),
        ("a\u202eb", "a%E2%80%AEb"),
        ("\ufeffa", "%EF%BB%BFa"),
        ("{user_id}", "%7Buser_id%7D"),
    ],
)
def test_encoding_table(value, segment):
    assert encode_segment(value) == segment
    assert decode_segment(segment) == value


@pytest.mark.parametrize("value", ["", " ", "\n\t", "\u200b", "\u3164\u2800", "a\ud800"])
def test_what_names_nobody_is_no_segment(value):
    with pytest.raises(ValueError, match=r"blank|surrogate"):
        encode_segment(value)


def test_only_text_is_encoded():
    with pytest.raises(TypeError, match="string"):
        encode_segment(7)


@pytest.mark.parametrize(
    "segment", ["a/b", "%2f", "%zz", "%", "a%20b", "%41", "..", "%FF", "", "*"]
)
def test_a_segment_that_encoding_does_not_write_is_refused(segment):
    with pytest.raises(ValueError, match="not an encoded segment"):
        decode_segment(segment)


@pytest.mark.parametrize(
    "text",
    [
        "org/{}", "org/{a.b}", "org/{a!r}", "org/{a:>10}", "org/{a[0]}", "org/{0}", "org/{ a }",
        "org/{a", "org/a}", "org/}a{", "org/{{a}}", "org/{a}}", "org/{{a}", "org/{a/b}", "org/{user-id}",
        "{a}{b}", "{a}-{b}", "org/{a}_{a}",
    ],
)  # fmt: skip
def test_a_malformed_placeholder_is_refused_at_construction(text):
    with pytest.raises(ValueError, match=r"^scopes:"):
        ScopeTemplate(text)


def test_two_variables_in_one_segment_are_refused_with_the_reason():
    with pytest.raises(ValueError, match="could not be told from"):
        ScopeTemplate("org/{a}-{b}")


@pytest.mark.parametrize(
    "text", ["org//{a}", "org/{a}*", "org/*/{a}", "org/ {a}", "{a}/..", "org/\x00{a}"]
)
def test_the_fixed_part_of_a_template_obeys_the_rules_of_paths(text):
    with pytest.raises(ValueError, match=r"^scopes: scope path"):
        ScopeTemplate(text)


def test_a_template_is_filled_for_each_call():
    template = ScopeTemplate(
        ["/org/{org_id}/", ["team/{team}", "user/u-{user_id}.x"], Scope("public")]
    )
    assert template.variables == {"org_id", "team", "user_id"}
    assert template.paths == ("org/{org_id}", "public", "team/{team}", "user/u-{user_id}.x")
    resolved = template.resolve(
        {"org_id": 7, "team": UUID(int=1), "user_id": "a/b", "unused": object()}
    )
    assert resolved == ScopeSet.parse(
        ["org/7", ["team/00000000-0000-0000-0000-000000000001", "user/u-a%2Fb.x"], "public"]
    )


def test_templates_compare_by_what_they_say():
    template = ScopeTemplate(["b/{x}", "/a/"])
    assert template == ScopeTemplate(["a", "b/{x}", "a/"]) == ScopeTemplate(template)
    assert hash(template) == hash(ScopeTemplate(["a", "b/{x}"]))
    assert str(template) == '[["a"],["b/{x}"]]'
    assert repr(template) == "ScopeTemplate([['a'], ['b/{x}']])"


@pytest.mark.parametrize("text", ["/", "/*", "*", "{a}/*", "{a}"])
def test_the_root_and_subtrees_can_be_templates(text):
    filled = text.replace("{a}", "x")
    assert ScopeTemplate(text).resolve({"a": "x"}) == ScopeSet.parse(filled)


def test_a_missing_variable_says_which_one_and_where_it_was_searched():
    template = ScopeTemplate("org/{org_id}/user/{user_id}")
    with pytest.raises(ScopeResolutionError) as caught:
        template.resolve([("call", {"org_id": "acme"}), ("configurable", {})])
    assert caught.value.variable == "user_id"
    assert caught.value.searched == ("call", "configurable")
    for part in ("'user_id'", "org/{org_id}/user/{user_id}", "call, configurable"):
        assert part in str(caught.value)


def test_the_nearest_source_wins():
    template = ScopeTemplate("user/{user_id}")
    sources = [("call", {}), ("near", {"user_id": "a"}), ("far", {"user_id": "b"})]
    assert template.resolve(sources) == ScopeSet.parse("user/a")


@pytest.mark.parametrize(
    "value", [None, "", "  ", "\u200b", True, False, 1.0, b"a", ["a"], object()]
)
def test_a_bad_value_raises_and_is_not_papered_over_by_a_farther_one(value):
    template = ScopeTemplate("user/{user_id}")
    with pytest.raises(ScopeResolutionError, match="in near"):
        template.resolve([("near", {"user_id": value}), ("far", {"user_id": "admin"})])


def test_a_lone_surrogate_in_a_value_is_a_resolution_error():
    with pytest.raises(ScopeResolutionError, match="surrogate") as caught:
        ScopeTemplate("user/{user_id}").resolve({"user_id": "a\ud800"})
    assert caught.value.variable == "user_id"


def test_an_enumeration_of_texts_counts_as_its_text():
    class Team(str, enum.Enum):
        RED = "red"

    class Level(int, enum.Enum):
        ONE = 1

    template = ScopeTemplate("team/{team}/{level}")
    assert template.resolve({"team": Team.RED, "level": Level.ONE}) == ScopeSet.parse("team/red/1")


def test_a_value_that_looks_like_a_placeholder_is_not_filled_again():
    template = ScopeTemplate("org/{org_id}/{user_id}")
    resolved = template.resolve({"org_id": "acme", "user_id": "{org_id}"})
    assert resolved.to_wire() == [["org/acme/%7Borg_id%7D"]]
    assert ScopeTemplate(resolved).variables == frozenset()


# --- session names ----------------------------------------------------------------------------


def test_without_scopes_the_session_key_is_the_encoded_id():
    assert session_key("1", None) == "1"
    assert session_key("a/b", None) == "a%2Fb"
    assert session_key("a~b", None) == "a%7Eb"


def test_the_session_key_of_a_scope_never_changes():
    """Stored transcripts are found by this name: a change here loses them."""
    scopes = ScopeSet.parse(["org/acme/user/zoë", ["team/x", "org/acme"]])
    assert session_key("tour 1", scopes) == "tour 1~0fd2d844cce2cac4fbb80297943685c9"


def test_two_users_may_both_have_a_session_of_the_same_id():
    alice, bob = ScopeSet.parse("user/alice"), ScopeSet.parse("user/bob")
    assert session_key("1", alice) != session_key("1", bob)
    assert session_name(session_key("1", alice), alice) == "1"
    assert session_name(session_key("1", alice), bob) is None
    assert session_name(session_key("1", alice), None) is None
    assert session_name(session_key("1", None), alice) is None


@pytest.mark.parametrize("session_id", ["", " ", "\u200b", "\ud800"])
def test_a_blank_session_id_raises(session_id):
    with pytest.raises(ValueError, match=r"blank|surrogate"):
        session_key(session_id, None)


@pytest.mark.parametrize("key", ["a/b", "%zz", "a~b~c", "a~", "~", "", "%7e"])
def test_a_foreign_session_key_names_nothing(key):
    assert session_name(key, None) is None
    assert session_name(key, ScopeSet.parse("user/alice")) is None
