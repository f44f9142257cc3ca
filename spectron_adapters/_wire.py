"""What goes over the wire, decided without sending it.

A `Call` is one request with the way to read its answer. Around it stand the judgements that
both clients share: addresses, headers, idempotency keys, when to repeat, and which error an
answer means. Nothing here performs I/O. Imports pydantic, `errors` and `models`; never httpx.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Generic, Literal, NamedTuple, TypeAlias, TypeVar
from urllib.parse import quote, urlsplit

from spectron_adapters.errors import (
    SpectronAPIError,
    SpectronConnectionError,
    SpectronRateLimitError,
    SpectronTimeoutError,
    error_class_for_status,
)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

RETRY_BASE_DELAYS = (0.25, 0.5, 1.0)
"""Seconds before the first, second and every further repetition; jitter comes on top."""

IDEMPOTENCY_BUCKET = 30
"""Seconds during which a derived idempotency key stays the same for the same request."""

ON_BEHALF_OF = "X-Spectron-On-Behalf-Of"
DEFAULT_MESSAGE = "the service gave no reason"
MESSAGE_LIMIT = 2000

ANSWER_LIMIT = 256 * 1024 * 1024
"""Bytes of the longest JSON answer that a client reads, after decompression."""

Safety: TypeAlias = Literal["repeatable", "read", "once"]
"""How often a call may be sent: `repeatable` calls are repeated after failures, a `read` that
travels by POST only when the service names a time, the rest never."""

IdempotencyMode: TypeAlias = Literal["unique", "derived"]
AuthHeader: TypeAlias = Literal["Authorization", "API-KEY"]


class Answer(NamedTuple):
    """What came back: status, headers (names compare without case) and the decoded body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Call(Generic[T_co]):
    """One request and how to read its answer.

    Attributes:
        method: HTTP method.
        target: Encoded path and query, below the origin.
        route: The path's template, for logs and errors: it names no id and no content.
        parse: Reads the result out of a 2xx answer.
        headers: Headers of this call alone.
        body: Encoded body, if any.
        safety: How often the call may be sent.
        largest_answer: Bytes of the longest answer that is read; None for no limit.
    """

    method: str
    target: str
    route: str
    parse: Callable[[Answer, str], T_co]
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    safety: Safety = "once"
    largest_answer: int | None = ANSWER_LIMIT

    @property
    def name(self) -> str:
        """Method and route, as errors and logs show them."""
        return f"{self.method} {self.route}"

    def read(self, answer: Answer) -> T_co:
        """The result of a 2xx answer.

        Raises:
            SpectronResponseError: The body does not fit the contract.
        """
        return self.parse(answer, self.name)


# --- addresses ----------------------------------------------------------------------------------


def encode_path_segment(value: str) -> str:
    """A path segment with every reserved character encoded, so that no value leaves it."""
    encoded = quote(value, safe="")
    # URL parsers resolve dot segments, which `quote` leaves alone.
    return encoded.replace(".", "%2E") if encoded in {".", ".."} else encoded


def fill_route(prefix: str, route: str, names: Mapping[str, str]) -> str:
    """The encoded path of a route template such as `/documents/{doc_id}`."""
    if not names:
        return prefix + route
    encoded = {name: encode_path_segment(value) for name, value in names.items()}
    return prefix + route.format_map(encoded)


def encode_query(pairs: Mapping[str, str]) -> str:
    """The query string with its question mark; empty without pairs."""
    if not pairs:
        return ""
    return "?" + "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in pairs.items())


# --- headers ------------------------------------------------------------------------------------


def check_header(name: str, value: object, *, secret: bool = False) -> str:
    """The value, when a header can carry it.

    Args:
        name: Header or argument, for the message.
        value: What the caller gave.
        secret: Whether the message must not show the value.

    Raises:
        TypeError: Not a string.
        ValueError: Blank, or with characters that a header cannot carry.
    """
    if not isinstance(value, str):
        msg = f"{name} must be a string, got {type(value).__name__}"
        raise TypeError(msg)
    shown = "" if secret else f": {value[:80]!r}"
    if not value.strip():
        msg = f"{name} is blank"
        raise ValueError(msg)
    if not value.isprintable() or value != value.strip():
        msg = f"{name} holds a line break, control character or outer white space{shown}"
        raise ValueError(msg)
    if not _fits_latin1(value):
        msg = f"{name} holds characters outside latin-1, which a header cannot carry{shown}"
        raise ValueError(msg)
    return value


def _fits_latin1(value: str) -> bool:
    return all(ord(character) < 256 for character in value)  # noqa: PLR2004 - the range of latin-1


def auth_headers(api_key: str | None, auth_header: AuthHeader) -> dict[str, str]:
    """The header that carries the key; none without a key."""
    if api_key is None:
        return {}
    checked = check_header("api_key", api_key, secret=True)
    if auth_header == "API-KEY":
        return {"API-KEY": checked}
    return {"Authorization": f"Bearer {checked}"}


def encoded_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as the bytes that are sent."""
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def laid_over(
    base: list[tuple[bytes, bytes]], nearer: list[tuple[bytes, bytes]]
) -> list[tuple[bytes, bytes]]:
    """Headers with the nearer ones in place of those of the same name."""
    names = {name.lower() for name, _ in nearer}
    return [pair for pair in base if pair[0].lower() not in names] + nearer


# --- idempotency --------------------------------------------------------------------------------


def idempotency_key(mode: IdempotencyMode, method: str, path: str, body: bytes) -> str:
    """The key of one logical call, reused by its repetitions.

    Args:
        mode: `unique` makes two equal calls two writes; `derived` collapses equal calls of one
            30-second bucket into one write.
        method: HTTP method.
        path: Encoded path.
        body: Compact JSON.

    Returns:
        64 hexadecimal digits.
    """
    if mode == "unique":
        return secrets.token_hex(32)
    bucket = str(int(time.time() // IDEMPOTENCY_BUCKET))
    parts = (method.upper().encode(), path.encode(), body, bucket.encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


# --- repetition ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a failed call is sent again.

    Attributes:
        max_retries: Largest number of repetitions of one call.
        deadline: Seconds that one call may take in total, pauses included.
    """

    max_retries: int
    deadline: float

    def pause(
        self, safety: Safety, *, attempt: int, status: int, retry_after: float | None, left: float
    ) -> float | None:
        """Seconds to wait before the next attempt.

        Args:
            safety: How often the call may be sent.
            attempt: Number of the attempt that failed, from 0.
            status: Its HTTP status; 0 when no answer arrived.
            retry_after: Seconds that the service asked to wait, if it did.
            left: Seconds until the call's deadline.

        Returns:
            The documented base delay plus up to as much again, or the service's wish plus that
            jitter; None when the call must not be repeated or would miss its deadline.
        """
        if attempt >= self.max_retries or not _may_repeat(safety, status, retry_after):
            return None
        base = RETRY_BASE_DELAYS[min(attempt, len(RETRY_BASE_DELAYS) - 1)]
        jitter = random.uniform(0, base)  # noqa: S311 - spreads load, guards nothing
        wait = base + jitter if retry_after is None else retry_after + jitter
        return wait if wait < left else None


def _may_repeat(safety: Safety, status: int, retry_after: float | None) -> bool:
    if status in {429, 503} and retry_after is not None:
        return safety != "once"
    # 501 is final: the service does not implement the route, and will not in a second.
    failed = status == 0 or (status >= 500 and status != 501)  # noqa: PLR2004
    return safety == "repeatable" and failed


def retry_after_seconds(headers: Mapping[str, str], body: object) -> float | None:
    """Seconds that the service asks to wait: the `Retry-After` header, else the problem's field.

    Returns:
        A number not below 0; None when nothing, or nothing readable, was said.
    """
    text = headers.get("retry-after")
    if text is None:
        wanted = body.get("retry_after") if isinstance(body, dict) else None
        return _seconds(wanted) if isinstance(wanted, (int, float)) else None
    seconds = _seconds(text)
    return seconds if seconds is not None else _seconds_until(text)


def _seconds(value: str | float) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None


def _seconds_until(http_date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(http_date)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())


# --- errors -------------------------------------------------------------------------------------


def error_from_answer(answer: Answer, call_name: str) -> SpectronAPIError:
    """The error that an answer outside 2xx means.

    Args:
        answer: What came back.
        call_name: Method and route, for answers that give no reason.
    """
    if 300 <= answer.status < 400:  # noqa: PLR2004 - redirections
        return _redirect_error(answer, call_name)
    body = _decoded(answer.body)
    return _api_error(
        answer.status,
        problem_message(body) or f"{DEFAULT_MESSAGE} ({call_name})",
        trace_id=answer.headers.get("x-trace-id") or _trace_id_in(body),
        body=body,
        retry_after=retry_after_seconds(answer.headers, body),
    )


def error_from_problem(problem: object) -> SpectronAPIError:
    """The error that a problem document inside a stream means; without a status it is a 500."""
    status = problem.get("status") if isinstance(problem, dict) else None
    return _api_error(
        status if isinstance(status, int) and 400 <= status < 600 else 500,  # noqa: PLR2004
        problem_message(problem) or DEFAULT_MESSAGE,
        trace_id=_trace_id_in(problem),
        body=problem,
        retry_after=retry_after_seconds({}, problem),
    )


def _api_error(
    status: int, message: str, *, trace_id: str | None, body: object, retry_after: float | None
) -> SpectronAPIError:
    error_class = error_class_for_status(status)
    if issubclass(error_class, SpectronRateLimitError):
        return error_class(status, message, trace_id, body, retry_after)
    return error_class(status, message, trace_id, body)


def _redirect_error(answer: Answer, call_name: str) -> SpectronAPIError:
    host = urlsplit(answer.headers.get("location", "")).netloc.rpartition("@")[2]
    target = f"to {host}" if host else "elsewhere"
    message = (
        f"{call_name} was redirected {target}; redirects are not followed, because they would "
        "carry the key along. Set the endpoint to the final address"
    )
    return SpectronAPIError(answer.status, message, answer.headers.get("x-trace-id"))


def _decoded(body: bytes) -> object:
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", errors="replace")


def problem_message(body: object) -> str | None:
    """The reason in an error's body: detail, message, title, error, else its text."""
    if isinstance(body, str):
        return body.strip()[:MESSAGE_LIMIT] or None
    if not isinstance(body, dict):
        return None
    for name in ("detail", "message", "title", "error"):
        value = body.get(name)
        if isinstance(value, dict):
            value = value.get("message")
        if isinstance(value, str) and value.strip():
            return value.strip()[:MESSAGE_LIMIT]
    return None


def _trace_id_in(body: object) -> str | None:
    if not isinstance(body, dict):
        return None
    value = body.get("traceId") or body.get("trace_id")
    return value if isinstance(value, str) else None


def connection_error(origin: str, reason: str) -> SpectronConnectionError:
    """No answer arrived, for a reason other than time."""
    message = f"cannot reach {origin}: {reason or 'the connection failed'}; is the service running?"
    return SpectronConnectionError(0, message)


def timeout_error(origin: str, call_name: str, seconds: float | None) -> SpectronTimeoutError:
    """No answer arrived in time."""
    within = f" within {seconds:g} s" if seconds is not None else " in time"
    return SpectronTimeoutError(0, f"{origin} did not answer {call_name}{within}")
