"""Laws of the scope algebra, and its agreement with an independent naive model."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

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
    is_visible,
    passes_lens,
    session_key,
    session_name,
)
from tests.property import scope_reference as reference

TRICKY_NAMES = [
    "alice",
    "Alice",
    "alice/admin",
    "\uff41\uff4c\uff49\uff43\uff45",  # full width
    "\u0430lice",  # Cyrillic first letter
    "ali\u200bce",
    "acme",
    "acme-corp",
    "*",
    "..",
    ".",
    "%2F",
    "{org_id}",
]
segments = st.sampled_from([encode_segment(name) for name in TRICKY_NAMES])
paths = st.lists(segments, max_size=4).map("/".join).map(lambda path: path or "/")
subtrees = paths.map(lambda path: "/*" if path == "/" else f"{path}/*")
patterns = st.one_of(paths, subtrees)
grants = st.lists(patterns, max_size=4)
clauses = st.lists(paths, min_size=1, max_size=3)
formulas = st.lists(clauses, min_size=1, max_size=3)
records = st.lists(clauses, max_size=3)
lenses = st.lists(st.lists(patterns, min_size=1, max_size=2), min_size=1, max_size=3)


def has_something_to_see(text: str) -> bool:
    try:
        encode_segment(text)
    except ValueError:
        return False
    return True


texts = st.one_of(
    st.sampled_from(TRICKY_NAMES),
    st.text(alphabet="/*%{}.~ a\u200b\u202e\x1e\n", min_size=1),
    st.text(min_size=1),
    st.emails(),
).filter(has_something_to_see)


@given(formulas)
def test_normal_form_is_idempotent(formula):
    once = ScopeSet.parse(formula)
    assert ScopeSet.parse(once) == once
    assert ScopeSet.parse(once.to_wire()) == once
    assert ScopeSet.parse(once.to_wire()).to_wire() == once.to_wire()


@given(formulas, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(formula, random):
    shuffled = [random.sample(clause, len(clause)) * 2 for clause in formula] * 2
    random.shuffle(shuffled)
    assert ScopeSet.parse(shuffled) == ScopeSet.parse(formula)
    assert hash(ScopeSet.parse(shuffled)) == hash(ScopeSet.parse(formula))


@given(formulas, formulas)
def test_canonical_text_is_equal_exactly_for_equal_sets(left, right):
    same = {frozenset(clause) for clause in left} == {frozenset(clause) for clause in right}
    assert (ScopeSet.parse(left).canonical == ScopeSet.parse(right).canonical) is same


@given(formulas, formulas, st.sets(paths))
def test_and_and_or_mean_what_they_say(left, right, held):
    def holds(scopes):
        return reference.satisfied(scopes.to_wire(), held)

    first, second = ScopeSet.parse(left), ScopeSet.parse(right)
    assert holds(first & second) is (holds(first) and holds(second))
    assert holds(first | second) is (holds(first) or holds(second))


@given(texts)
def test_encoding_is_undone_by_decoding(text):
    assert decode_segment(encode_segment(text)) == text


@given(texts, texts)
def test_encoding_tells_different_texts_apart(left, right):
    assert (encode_segment(left) == encode_segment(right)) is (left == right)


@given(texts)
def test_an_encoded_text_is_exactly_one_segment(text):
    scope = Scope(f"org/{encode_segment(text)}/end")
    assert scope.segments == ("org", encode_segment(text), "end")
    assert not scope.subtree


@given(st.text())
def test_decoding_accepts_only_what_encoding_writes(text):
    try:
        decoded = decode_segment(text)
    except ValueError:
        return
    assert encode_segment(decoded) == text


@given(texts, texts, st.sampled_from(["", "/*"]))
def test_no_value_leaves_its_segment(org, user, tail):
    template = ScopeTemplate(f"org/{{org}}/user/u-{{user}}{tail}")
    resolved = template.resolve({"org": org, "user": user}).clauses[0][0]
    assert len(resolved.segments) == 4
    assert resolved.segments[0] == "org"
    assert resolved.segments[2] == "user"
    assert decode_segment(resolved.segments[1]) == org
    assert resolved.segments[3] == f"u-{encode_segment(user)}"
    assert resolved.subtree is (tail == "/*")


@given(st.tuples(texts, texts), st.tuples(texts, texts))
def test_different_values_give_different_scopes(left, right):
    template = ScopeTemplate("{a}/x-{b}")
    first, second = (template.resolve(dict(zip("ab", pair, strict=True))) for pair in (left, right))
    assert (first == second) is (left == right)


blanks = st.text(alphabet=" \t\n\r\x00\xa0\u2003\u200b\u2060\ufeff\u3164\u2800")


@given(st.one_of(st.none(), blanks, st.booleans(), st.floats(), st.lists(st.integers())))
def test_a_value_that_names_nobody_raises_even_if_a_farther_source_has_one(value):
    template = ScopeTemplate("org/{org_id}")
    with pytest.raises(ScopeResolutionError) as caught:
        template.resolve([("near", {"org_id": value}), ("far", {"org_id": "acme"})])
    assert caught.value.variable == "org_id"


@given(st.sets(st.sampled_from("abc")))
def test_a_template_raises_exactly_when_a_variable_is_missing(given_names):
    template = ScopeTemplate([["x/{a}", "{b}"], "{c}/{a}"])
    values = dict.fromkeys(given_names, "v")
    if given_names == template.variables:
        assert template.resolve(values) == ScopeSet.parse([["x/v", "v"], "v/v"])
        return
    with pytest.raises(ScopeResolutionError) as caught:
        template.resolve(values)
    assert caught.value.variable in template.variables - given_names


@given(formulas)
def test_a_template_without_variables_is_a_constant(formula):
    template = ScopeTemplate(formula)
    assert template.variables == frozenset()
    assert template.resolve({}) == ScopeSet.parse(formula)


@given(patterns, paths)
def test_a_pattern_covers_what_the_model_says(pattern, path):
    assert GrantPattern.parse(pattern).covers(Scope(path)) is reference.pattern_covers(
        pattern, path
    )


@given(patterns, patterns, st.lists(paths), segments)
def test_intersecting_patterns_is_intersecting_sets(left, right, samples, child):
    both = GrantPattern(left).intersect(GrantPattern(right))
    nodes = [GrantPattern(text).path for text in (left, right)]
    for path in [*samples, *nodes, *(f"{node}/{child}".lstrip("/") for node in nodes)]:
        expected = reference.pattern_covers(left, path) and reference.pattern_covers(right, path)
        assert (both is not None and both.covers(Scope(path))) is expected
    assert both == GrantPattern(right).intersect(GrantPattern(left))


@given(grants, grants, st.lists(paths, min_size=1), segments)
def test_intersecting_regions_is_intersecting_sets(left, right, samples, child):
    first, second = Region.parse(left), Region.parse(right)
    both = first.intersect(second)
    nodes = [GrantPattern(text).path for text in left + right]
    for path in [*samples, *nodes, *(f"{node}/{child}".lstrip("/") for node in nodes)]:
        expected = reference.region_covers(left, path) and reference.region_covers(right, path)
        assert both.covers(path) is expected
    assert first.contains(both)
    assert second.contains(both)


@given(grants, grants, st.lists(paths))
def test_a_contained_region_covers_nothing_more(outer, inner, samples):
    assume(Region.parse(outer).contains(Region.parse(inner)))
    for path in [*samples, *(GrantPattern(text).path for text in inner)]:
        assert Region.parse(outer).covers(path) or not Region.parse(inner).covers(path)


@given(grants)
def test_default_write_scopes_lie_in_the_region(grant):
    region = Region.parse(grant)
    scopes = region.default_write_scopes()
    assert (scopes is None) is (not grant)
    if scopes is not None:
        assert region.outside(scopes) == ()
        assert {str(scope) for scope in scopes.scopes} == {GrantPattern(p).path for p in grant}


@settings(max_examples=300)
@given(records, grants)
def test_visibility_is_the_models(record, grant):
    assert is_visible(record, grant) is bool(reference.visible_clauses(record, grant))


@settings(max_examples=400)
@given(records, grants, lenses)
def test_the_lens_is_the_models(record, grant, lens):
    assert passes_lens(record, grant, lens) is reference.kept(record, grant, lens)


@given(records, grants, lenses)
def test_a_lens_never_widens(record, grant, lens):
    if passes_lens(record, grant, lens):
        assert is_visible(record, grant)


@given(records, grants, grants, lenses)
def test_a_smaller_grant_never_shows_more(record, grant, floor, lens):
    confined = Region.parse(grant).intersect(Region.parse(floor))
    if passes_lens(record, confined, lens):
        assert passes_lens(record, grant, lens)
        assert passes_lens(record, floor, lens)


@given(records, grants, st.one_of(st.none(), lenses))
def test_the_explanation_agrees_with_the_decision(record, grant, lens):
    told = explain(record, grant, lens)
    assert told.visible is is_visible(record, grant)
    assert told.kept is passes_lens(record, grant, lens)
    assert told.visible is any(clause.visible for clause in told.clauses)
    reasons = [
        clause for clause in told.clauses if clause.visible and (not lens or clause.lens_clauses)
    ]
    assert told.kept is bool(reasons)
    assert str(told).endswith(f"kept: {'yes' if told.kept else 'no'}")


session_ids = st.one_of(texts, st.text(alphabet="~a%7E0", min_size=1))
maybe_scopes = st.one_of(st.none(), formulas.map(ScopeSet.parse))


@given(session_ids, maybe_scopes)
def test_a_session_key_names_its_session(session_id, scopes):
    assert session_name(session_key(session_id, scopes), scopes) == session_id


@given(st.tuples(session_ids, maybe_scopes), st.tuples(session_ids, maybe_scopes))
def test_session_keys_tell_sessions_and_scopes_apart(left, right):
    assert (session_key(*left) == session_key(*right)) is (left == right)


@given(session_ids, maybe_scopes, maybe_scopes)
def test_a_session_key_of_another_scope_names_nothing(session_id, mine, other):
    assume(mine != other)
    assert session_name(session_key(session_id, mine), other) is None


@given(session_ids, formulas.map(ScopeSet.parse), session_ids)
def test_an_id_that_looks_like_a_scoped_key_does_not_reach_that_scope(session_id, scopes, other):
    forged = session_key(session_id, scopes)
    assert session_key(forged, None) != forged
    assert session_key(forged, scopes) != session_key(other, scopes) or other == forged


@given(st.text(alphabet=string.printable + "~%é\ud800\u2028"))
def test_any_text_is_a_path_or_a_value_error(text):
    try:
        scope = Scope(text)
    except ValueError:
        return
    assert Scope(str(scope)) == scope
    assert all(scope.segments)
