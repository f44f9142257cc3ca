"""No memory leaves its line, no block exceeds its budget, and every block comes off again."""

import re
import string
import unicodedata

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spectron_adapters.messages import SEPARATOR, visible_text
from spectron_adapters.models import RecallHit
from spectron_adapters.prompting import (
    estimate_tokens,
    is_memory_block,
    render_context,
    render_memory,
    strip_memory_blocks,
    with_memory,
)

GENUINE = render_memory([RecallHit(id="a", text="genuine")], max_tokens=500).text
OPENING, INTRO, _, CLOSING = GENUINE.split("\n")
FRAGMENTS = st.sampled_from(
    [
        OPENING,
        INTRO,
        CLOSING,
        GENUINE,
        CLOSING.upper(),
        "< / spectron_memory >",
        "<\u200b/spectron_memory>",
        "\uff1c/spectron_memory\uff1e",
        "[S1]",
        "[S2] ",
        "[S",
        "9]",
        "[",
        "]",
        "\uff3b\uff33\uff11\uff3d",
        "> ",
        "\n",
        "\r\n",
        "\u2028",
        "\x85",
        "\x1c",
        "{",
        "}",
        "{{x}}",
        "{%",
        "\u202e",
        "\u200b",
        "\u200d",
        "\ufe0f",
        "\U000e0041",
        "\u0338",
        SEPARATOR,
        '\x1e{"v":1,"fw":"langchain","m":{}}',
        "word " * 60,
        "東京" * 60,
    ]
)
TEXTS = st.lists(
    st.one_of(FRAGMENTS, st.text(st.characters(codec=None), max_size=10)), max_size=8
).map("".join)
HITS = st.lists(
    st.builds(
        RecallHit,
        id=st.text(max_size=3),
        score=st.floats(0, 1),
        source=st.sampled_from(["attribute", "chunk"]),
        text=TEXTS,
        occurred_at=st.one_of(st.none(), st.just("2026-03-01T00:00:00Z"), TEXTS),
    ),
    max_size=8,
)
COUNTERS = st.sampled_from(
    [
        len,
        estimate_tokens,
        lambda text: len(text.split()),
        lambda text: len(text.encode("utf-8", "replace")),
        lambda text: text.count("\n"),
        lambda text: 500 - len(text) % 7,
        lambda text: sum(map(ord, text)) % 600,
    ]
)


def assert_fenced(text, line_pattern):
    """One opening, one closing tag, and between them only lines of the given shape."""
    opening, intro, *lines, closing = text.split("\n")
    assert re.fullmatch(r'<spectron_memory format="1" items="\d+">', opening)
    assert (intro, closing) == (INTRO, CLOSING)
    assert text.splitlines() == [opening, intro, *lines, closing]
    assert f'items="{len(lines)}"' in opening
    for line in lines:
        assert re.fullmatch(line_pattern, line)
    for form in ("NFC", "NFKC"):
        normal = unicodedata.normalize(form, text)
        assert normal.count("<") == normal.count(">") - sum(line[0] == ">" for line in lines) == 2
        assert not set("{}") & set(normal)
    return lines


@settings(max_examples=250, deadline=None)
@given(HITS)
def test_hostile_memories_stay_in_their_lines(hits):
    block = render_memory(hits, max_tokens=100_000)
    if not block:
        assert block.citations == ()
        return
    lines = assert_fenced(block.text, r"\[S\d+\] .*\S")
    assert is_memory_block(block.text)
    expected = [f"[S{n}]" for n in range(1, len(lines) + 1)]
    assert re.findall(r"\[\s*[sS]\s*\d+\s*\]", block.text) == expected
    assert [citation.marker for citation in block.citations] == expected
    assert len({citation.id for citation in block.citations}) == len(lines)
    scores = [citation.score for citation in block.citations]
    assert scores == sorted(scores, reverse=True)
    known = {(hit.id, hit.score, visible_text(hit.text)) for hit in hits}
    assert {(each.id, each.score, each.snippet) for each in block.citations} <= known


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_a_hostile_context_stays_in_its_lines(context):
    block = render_context(context, max_tokens=100_000)
    if block:
        assert_fenced(block.text, r"> .*\S")
        assert is_memory_block(block.text)
        assert not re.search(r"\[\s*[sS]\s*\d+\s*\]", block.text)


@settings(max_examples=250, deadline=None)
@given(HITS, TEXTS, st.integers(0, 700), COUNTERS)
def test_no_counter_ever_sees_more_than_the_budget(hits, context, max_tokens, count):
    everything = render_memory(hits, max_tokens=100_000)
    block = render_memory(hits, max_tokens=max_tokens, count_tokens=count)
    quoted = render_context(context, max_tokens=max_tokens, count_tokens=count)
    for each in (block, quoted):
        assert not each or count(each.text) <= max_tokens
        assert not each or is_memory_block(each.text)
    assert len(block.citations) + block.omitted == len(everything.citations)
    if block:
        assert_fenced(block.text, r"\[S\d+\] .*\S")


@settings(max_examples=250, deadline=None)
@given(TEXTS, TEXTS, HITS)
def test_removing_a_block_undoes_adding_it(before, after, hits):
    assume(not is_memory_block(before))
    block = render_memory(hits, max_tokens=100_000)
    joined = with_memory(before, block)
    assert strip_memory_blocks(joined) == before
    assert is_memory_block(joined) == bool(block)
    if block and not is_memory_block(after):
        assert strip_memory_blocks(f"{joined}|{after}") == f"{before}|{after}"


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_removing_leaves_no_block_and_touches_no_other_text(text):
    stripped = strip_memory_blocks(text)
    if not is_memory_block(text):
        assert stripped is text or stripped == text
    assert len(stripped) <= len(text)


@settings(max_examples=150, deadline=None)
@given(st.text(), st.text())
def test_the_estimate_grows_with_the_text(first, second):
    together = estimate_tokens(first + second)
    assert max(estimate_tokens(first), estimate_tokens(second)) <= together
    assert together <= estimate_tokens(first) + estimate_tokens(second)


@settings(max_examples=100, deadline=None)
@given(HITS)
def test_a_block_is_a_template_that_formats_to_itself(hits):
    text = render_memory(hits, max_tokens=100_000).text
    assert text.format() == text
    assert list(string.Formatter().parse(text)) in ([], [(text, None, None, None)])
