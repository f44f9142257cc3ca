"""Server-sent events of a streamed chat, decoded from bytes as they arrive.

Bytes may be cut anywhere, inside a character or between CR and LF. Performs no I/O.
Imports `errors`, `models` and `_wire`; never httpx.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import NamedTuple

from spectron_adapters._wire import error_from_problem
from spectron_adapters.errors import SpectronResponseError
from spectron_adapters.models import ChatChunk

EVENT_LIMIT = 16 * 1024 * 1024
"""Largest event in characters; a stream without line ends must not fill the memory."""

_LINE_END = re.compile("\r\n|\r|\n")


class Event(NamedTuple):
    """One frame: its event name, if given, and its data lines joined by line feeds."""

    name: str | None
    data: str


class EventDecoder:
    """Turns chunks of bytes into events."""

    def __init__(self) -> None:
        self._text = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        self._after_cr = False
        self._unfinished: list[str] = []
        self._size = 0
        self._name: str | None = None
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that this chunk completes.

        Raises:
            SpectronResponseError: An event exceeds `EVENT_LIMIT`.
        """
        return self._consume(self._text.decode(chunk))

    def finish(self) -> list[Event]:
        """The events that the end of the stream completes; an unterminated one counts."""
        events = self._consume(self._text.decode(b"", final=True) + "\n")
        return [*events, *self._dispatch()]

    def _consume(self, text: str) -> list[Event]:
        if not text:
            return []
        if self._after_cr and text.startswith("\n"):
            text = text[1:]
        self._after_cr = text.endswith("\r") if text else False
        self._check_size(len(text))
        first, *others = _LINE_END.split(text)
        self._unfinished.append(first)
        if not others:
            return []
        lines = ["".join(self._unfinished), *others[:-1]]
        self._unfinished = [others[-1]]
        return [event for line in lines for event in self._line(line)]

    def _check_size(self, added: int) -> None:
        self._size += added
        if self._size > EVENT_LIMIT:
            msg = f"POST /chat streamed an event of more than {EVENT_LIMIT} characters"
            raise SpectronResponseError(msg)

    def _line(self, line: str) -> list[Event]:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._name = value.strip() or None
        elif field == "data":
            self._data.append(value)
        return []

    def _dispatch(self) -> list[Event]:
        name, data = self._name, self._data
        self._name, self._data, self._size = None, [], 0
        return [Event(name, "\n".join(data))] if name or data else []


def chat_chunk(event: Event) -> ChatChunk | None:
    """The chunk that an event carries; None for events that are not part of a reply.

    Raises:
        SpectronAPIError: The service reports that the reply failed.
    """
    if event.data.strip() == "[DONE]":
        return ChatChunk(done=True)
    payload = _payload(event.data)
    if event.name == "error":
        raise error_from_problem(payload if payload is not None else event.data)
    if payload is None:
        return _text_chunk(event)
    return ChatChunk(
        delta=_delta(payload),
        trace_id=_text(payload, "traceId", "trace_id"),
        session_id=_text(payload, "sessionId", "session_id"),
        done=event.name == "done" or payload.get("done") is True,
        raw=payload,
    )


def _payload(data: str) -> dict[str, object] | None:
    try:
        payload = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def _text_chunk(event: Event) -> ChatChunk | None:
    if event.name == "done":
        return ChatChunk(done=True)
    if event.name in {None, "delta", "message"} and event.data:
        return ChatChunk(delta=event.data)
    return None


def _delta(payload: dict[str, object]) -> str:
    return _text(payload, "delta", "token") or ""


def _text(payload: dict[str, object], *names: str) -> str | None:
    for name in names:
        value = payload.get(name)
        if isinstance(value, str) and value:
            return value
    return None
