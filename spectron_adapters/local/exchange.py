"""One request and one response, as plain values.

What an in-process transport and an HTTP server both turn their own objects into. Imports the
standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

__all__ = ["Request", "Response", "close_events"]


@dataclass(frozen=True, slots=True)
class Request:
    """A request before routing.

    Attributes:
        method: Upper-case HTTP method.
        path: Percent-encoded path; it is routed before its segments are decoded.
        query: Percent-encoded query string, without the question mark.
        headers: By lower-case name.
        body: Bytes; empty when there is none.
        notes: What the engine tells a log of the request: route, context, principal.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    notes: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_form(self) -> bool:
        """Whether the body is a multipart form."""
        return self.headers.get("content-type", "").lower().startswith("multipart/")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer ready to be sent.

    Attributes:
        status: HTTP status.
        headers: By lower-case name.
        body: Bytes; empty for a stream.
        events: What is streamed instead of a body, piece by piece; whoever sends it closes it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    events: Iterator[bytes] | None = None

    @classmethod
    def json(
        cls,
        status: int,
        payload: object,
        *,
        headers: Mapping[str, str] | None = None,
        media_type: str = "application/json",
    ) -> Response:
        """A JSON answer; None as payload is an empty body."""
        if payload is None:
            return cls(status, {"content-length": "0", **(headers or {})}, b"")
        text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        return cls.encoded(status, text, headers=headers, media_type=media_type)

    @classmethod
    def encoded(
        cls,
        status: int,
        text: str,
        *,
        headers: Mapping[str, str] | None = None,
        media_type: str = "application/json",
    ) -> Response:
        """An answer whose JSON text exists already."""
        body = text.encode()
        fixed = {"content-type": media_type, "content-length": str(len(body))}
        return cls(status, {**fixed, **(headers or {})}, body)


def close_events(events: Iterator[bytes]) -> None:
    """End a stream that nobody will read further; what it does at its end is done now."""
    close = getattr(events, "close", None)
    if close is not None:
        close()
