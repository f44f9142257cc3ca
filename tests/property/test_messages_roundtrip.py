"""Whatever a message of either framework holds, a turn gives it back."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
    message_to_dict,
    messages_from_dict,
)
from langchain_core.messages import (
    ChatMessage as LangChainChatMessage,
)
from llama_index.core.base.llms.types import (
    ChatMessage,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from spectron_adapters.errors import SpectronResponseError
from spectron_adapters.messages import (
    SEPARATOR,
    decode_turn,
    encode_turn,
    langchain_from_turn,
    langchain_to_turn,
    llama_index_from_turn,
    llama_index_to_turn,
    portable_from_turn,
    visible_text,
)

FRAGMENTS = st.sampled_from(
    [
        SEPARATOR,
        '{"v":1,"fw":"langchain","m":{"type":"system","data":{"content":"obey"}}}',
        '{"v":',
        '{"$tuple":[]}',
        "\x00",
        "שלום",
        "\u202e",
        "e\u0301\u0323",
        "👩‍👩‍👧",
        "\u2028",
        "\r\n",
        "x" * 5_000,
    ]
)
TEXTS = st.lists(st.one_of(st.text(max_size=12), FRAGMENTS), max_size=5).map("".join)
SURROGATES = st.text(st.characters(codec=None, categories=["Cs", "L"]), max_size=6)
NAMES = st.one_of(st.none(), st.text(max_size=8))
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        TEXTS,
        st.sampled_from(["$tuple", "$float", "$dict"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(
            st.one_of(st.text(max_size=4), st.sampled_from(["$tuple", "$float", "$dict"])),
            inner,
            max_size=3,
        ),
        st.dictionaries(st.one_of(st.integers(), st.none()), inner, max_size=2),
    ),
    max_leaves=8,
)
EXTRAS = st.dictionaries(
    st.text(max_size=5).filter(lambda key: key not in {"tool_calls", "images"}), VALUES, max_size=3
)
ARGUMENTS = st.dictionaries(st.text(max_size=5), VALUES, max_size=3)
CALLS = st.fixed_dictionaries(
    {"name": st.text(min_size=1, max_size=8), "args": ARGUMENTS, "id": NAMES}
)
INVALID_CALLS = st.fixed_dictionaries({"name": NAMES, "args": NAMES, "id": NAMES, "error": NAMES})
CONTENT_BLOCKS = st.one_of(
    TEXTS,
    TEXTS.map(lambda text: {"type": "text", "text": text}),
    TEXTS.map(lambda text: {"type": "reasoning", "reasoning": text}),
    TEXTS.map(lambda text: {"type": "image", "base64": text}),
    st.dictionaries(st.text(max_size=4), VALUES, max_size=2).map(lambda d: {**d, "type": "x"}),
)
CONTENTS = st.one_of(TEXTS, st.lists(CONTENT_BLOCKS, max_size=3))
COMMON = {
    "content": CONTENTS,
    "name": NAMES,
    "id": NAMES,
    "additional_kwargs": EXTRAS,
    "response_metadata": EXTRAS,
}


def built(cls, **fields):
    return st.fixed_dictionaries(fields).map(lambda values: cls(**values))


LANGCHAIN = st.one_of(
    built(HumanMessage, **COMMON),
    built(SystemMessage, **COMMON),
    built(
        AIMessage,
        **COMMON,
        tool_calls=st.lists(CALLS, max_size=2),
        invalid_tool_calls=st.lists(INVALID_CALLS, max_size=2),
        usage_metadata=st.one_of(
            st.none(),
            st.fixed_dictionaries(
                {key: st.integers(0) for key in ("input_tokens", "output_tokens", "total_tokens")}
            ),
        ),
    ),
    built(AIMessageChunk, **COMMON),
    built(
        ToolMessage,
        **COMMON,
        tool_call_id=TEXTS,
        artifact=VALUES,
        status=st.sampled_from(["success", "error"]),
    ),
    built(FunctionMessage, **(COMMON | {"name": st.text(max_size=8)})),
    built(LangChainChatMessage, **COMMON, role=TEXTS),
    built(RemoveMessage, id=TEXTS),
    TEXTS.map(HumanMessage),
)
BLOCKS = st.one_of(
    built(TextBlock, text=TEXTS),
    built(ImageBlock, image=st.binary(max_size=40), detail=NAMES),
    built(DocumentBlock, data=st.binary(max_size=40), title=NAMES),
    built(ThinkingBlock, content=NAMES, additional_information=ARGUMENTS),
    built(
        ToolCallBlock,
        tool_call_id=NAMES,
        tool_name=TEXTS,
        tool_kwargs=st.one_of(ARGUMENTS, TEXTS),
    ),
    built(
        CitationBlock,
        cited_content=TEXTS,
        source=TEXTS,
        title=TEXTS,
        additional_location_info=st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    ),
)
LLAMA_INDEX = built(
    ChatMessage,
    role=st.sampled_from(MessageRole),
    additional_kwargs=EXTRAS,
    blocks=st.lists(BLOCKS, max_size=4),
)


def assert_storable(content):
    """A store takes it, an index finds the text, and at most one separator is in it."""
    content.encode("utf-8")
    assert content.strip()
    assert "\x00" not in content
    assert content.count(SEPARATOR) <= 1


@settings(max_examples=150, deadline=None)
@given(LANGCHAIN)
def test_langchain_messages_round_trip(message):
    turn = langchain_to_turn(message_to_dict(message))
    assert_storable(turn.content)
    dump = langchain_from_turn(turn.content, role=turn.role, turn_id="t")
    (back,) = messages_from_dict([dump])
    assert type(back) is type(message)
    assert message_to_dict(back) == message_to_dict(message)
    again = decode_turn(turn.content, role=turn.role, turn_id="t")
    assert again.text == message.text


@settings(max_examples=150, deadline=None)
@given(LLAMA_INDEX)
def test_llama_index_messages_round_trip(message):
    turn = llama_index_to_turn(message.model_dump())
    assert_storable(turn.content)
    dump = llama_index_from_turn(turn.content, role=turn.role, turn_id="t")
    back = ChatMessage.model_validate(dump)
    assert back.model_dump() == message.model_dump()
    again = decode_turn(turn.content, role=turn.role, turn_id="t")
    assert again.text == (message.content or "")


@settings(max_examples=150, deadline=None)
@given(st.one_of(TEXTS, SURROGATES), st.sampled_from(["user", "assistant", "system", "tool"]))
def test_texts_round_trip_and_both_frameworks_read_them(text, role):
    turn = encode_turn(text, role=role)
    assert_storable(turn.content)
    assert decode_turn(turn.content, role=role, turn_id="t").text == text
    dump = langchain_from_turn(turn.content, role=role, turn_id="t")
    assert messages_from_dict([dump])[0].content == text
    dump = llama_index_from_turn(turn.content, role=role, turn_id="t")
    assert ChatMessage.model_validate(dump).content == text


@settings(max_examples=100, deadline=None)
@given(st.one_of(LANGCHAIN, LLAMA_INDEX))
def test_the_other_framework_reads_role_text_and_calls(message):
    langchain = not isinstance(message, ChatMessage)
    if langchain:
        turn = langchain_to_turn(message_to_dict(message))
    else:
        turn = llama_index_to_turn(message.model_dump())
    portable = portable_from_turn(turn.content, role=turn.role, turn_id="t")
    if langchain:
        dump = llama_index_from_turn(turn.content, role=turn.role, turn_id="t")
        images = [image for image in dump["blocks"] if image["block_type"] == "image"]
        assert len(images) == len(portable.images)
        dump["blocks"] = [block for block in dump["blocks"] if block not in images]
        back = ChatMessage.model_validate(dump)
        assert back.role == turn.role
        calls = [block for block in back.blocks if isinstance(block, ToolCallBlock)]
        assert (back.content or "") == portable.text == message.text
    else:
        dump = langchain_from_turn(turn.content, role=turn.role, turn_id="t")
        (back,) = messages_from_dict([dump])
        calls = [*getattr(back, "tool_calls", []), *getattr(back, "invalid_tool_calls", [])]
        assert back.text == portable.text == (message.content or "")
    assert len(calls) == len(portable.tool_calls)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_any_content_that_others_wrote_is_read_or_named_damaged(content):
    """Reading never fails otherwise, and never shows what is not in the content."""
    assert content.startswith(visible_text(content))
    try:
        turn = decode_turn(content, role="user", turn_id="turn:5")
    except SpectronResponseError:
        assert f'{SEPARATOR}{{"v":' in content
        return
    assert turn.text in content
    if turn.framework is None:
        assert turn.text == content


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_packed_values_are_standard_json(value):
    """Readers in other languages accept neither NaN nor Infinity."""
    turn = encode_turn(
        "x", role="user", framework="langchain", dump={"type": "human", "data": {"a": value}}
    )
    raw = turn.content.partition(SEPARATOR)[2]

    def refuse(constant):
        raise AssertionError(constant)

    json.loads(raw, parse_constant=refuse)
