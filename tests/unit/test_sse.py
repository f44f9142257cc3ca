"""Server-sent events, cut in every place where a network may cut them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectron_adapters import _sse
from spectron_adapters._sse import Event, EventDecoder, chat_chunk
from spectron_adapters.errors import SpectronAPIError, SpectronResponseError
from spectron_adapters.models import ChatChunk


def decoded(*pieces: bytes) -> list[Event]:
    decoder = EventDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.finish()


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("data: a\n\n", [Event(None, "a")]),
        ("data:a\n\n", [Event(None, "a")]),
        ("data:  a \n\n", [Event(None, " a ")]),
        ("event: done\ndata: a\n\n", [Event("done", "a")]),
        ("event: done\n\n", [Event("done", "")]),
        ("data: a\ndata: b\n\n", [Event(None, "a\nb")]),
        ("data\n\n", [Event(None, "")]),
        (": comment\n\ndata: a\n\n", [Event(None, "a")]),
        ("id: 3\nretry: 10\nfoo\ndata: a\n\n", [Event(None, "a")]),
        ("data: a\n\n\n\ndata: b\n\n", [Event(None, "a"), Event(None, "b")]),
        ("data: a\r\n\r\ndata: b\r\r", [Event(None, "a"), Event(None, "b")]),
        ("data: a\r\ndata: b\r\n\r\n", [Event(None, "a\nb")]),
        ("\ufeffdata: a\n\n", [Event(None, "a")]),
        ("data: a", [Event(None, "a")]),
        ("data: a\nevent: done", [Event("done", "a")]),
        ("data: é\u2028x\n\n", [Event(None, "é\u2028x")]),
        ("", []),
        ("\n\n\n", []),
    ],
)
def test_frames(text: str, events: list[Event]) -> None:
    assert decoded(text.encode()) == events


LINES = st.lists(
    st.sampled_from(["data: é", "data: 你好", "event: done", ": c", "", "data:", "x: y"])
)
ENDS = st.sampled_from(["\n", "\r", "\r\n"])


@given(LINES, st.lists(ENDS, min_size=1, max_size=8), st.data())
def test_where_the_bytes_are_cut_makes_no_difference(
    lines: list[str], ends: list[str], data: st.DataObject
) -> None:
    text = "".join(line + ends[n % len(ends)] for n, line in enumerate(lines)).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]
    assert decoded(*pieces) == decoded(text)
    assert decoded(*(text[n : n + 1] for n in range(len(text)))) == decoded(text)


def test_a_stream_without_line_ends_does_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_sse, "EVENT_LIMIT", 1000)
    decoder = EventDecoder()
    assert decoder.feed(b"data: " + b"x" * 900) == []
    with pytest.raises(SpectronResponseError, match="more than 1000 characters"):
        decoder.feed(b"x" * 200)


def test_many_events_do_not_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sse, "EVENT_LIMIT", 100)
    decoder = EventDecoder()
    assert sum(len(decoder.feed(b"data: " + b"x" * 50 + b"\n\n")) for _ in range(50)) == 50


@pytest.mark.parametrize(
    ("event", "chunk"),
    [
        (Event(None, '{"delta": "a"}'), ChatChunk(delta="a", raw={"delta": "a"})),
        (Event("delta", '{"token": "a"}'), ChatChunk(delta="a", raw={"token": "a"})),
        (Event(None, "[DONE]"), ChatChunk(done=True)),
        (Event("done", ""), ChatChunk(done=True)),
        (Event("done", "{}"), ChatChunk(done=True)),
        (
            Event(None, '{"done": true, "traceId": "t", "session_id": "s"}'),
            ChatChunk(
                done=True,
                trace_id="t",
                session_id="s",
                raw={"done": True, "traceId": "t", "session_id": "s"},
            ),
        ),
        (Event(None, "plain words"), ChatChunk(delta="plain words")),
        (Event(None, "42"), ChatChunk(delta="42")),
        (Event("ping", "tick"), None),
        (Event(None, '{"delta": {"x": 1}}'), ChatChunk(raw={"delta": {"x": 1}})),
    ],
)
def test_chunks(event: Event, chunk: ChatChunk | None) -> None:
    assert chat_chunk(event) == chunk


@pytest.mark.parametrize("data", ['{"detail": "gone"}', "gone"])
def test_an_error_event_raises(data: str) -> None:
    with pytest.raises(SpectronAPIError, match="gone"):
        chat_chunk(Event("error", data))
