"""The judgements that both clients share: addresses, headers, keys, repetition, errors."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any, get_args
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectron_adapters._wire import (
    DEFAULT_MESSAGE,
    RETRY_BASE_DELAYS,
    Answer,
    RetryPolicy,
    Safety,
    auth_headers,
    check_header,
    encode_path_segment,
    encode_query,
    error_from_answer,
    error_from_problem,
    fill_route,
    idempotency_key,
    laid_over,
    retry_after_seconds,
)
from spectron_adapters.errors import (
    SpectronAPIError,
    SpectronNotFoundError,
    SpectronRateLimitError,
    SpectronServerError,
)

TEXT = st.text(st.characters(blacklist_categories=["Cs"]))


# --- addresses ----------------------------------------------------------------------------------


@given(TEXT)
def test_a_segment_never_leaves_its_place_and_comes_back(value: str) -> None:
    encoded = encode_path_segment(value)
    assert re.fullmatch(r"[A-Za-z0-9_.~%-]*", encoded)
    assert encoded not in {".", ".."}
    assert unquote(encoded) == value


@given(TEXT, TEXT)
def test_different_values_have_different_segments(first: str, second: str) -> None:
    assert (first == second) == (encode_path_segment(first) == encode_path_segment(second))


def test_a_route_is_filled_with_encoded_names() -> None:
    path = fill_route("/api/v1/acme", "/entities/{type}/{name}", {"type": "a/b", "name": "{type}"})
    assert path == "/api/v1/acme/entities/a%2Fb/%7Btype%7D"
    assert fill_route("/api/v1/acme", "/state", {}) == "/api/v1/acme/state"


def test_a_query_is_encoded_on_both_sides() -> None:
    assert encode_query({}) == ""
    assert (
        encode_query({"scope[org]": "a&b=c", "q": "é +"})
        == "?scope%5Borg%5D=a%26b%3Dc&q=%C3%A9%20%2B"
    )


# --- headers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["alice", "principal:alice", "Ünal", "a b"])
def test_a_header_carries_latin_1(value: str) -> None:
    assert check_header("x", value) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        " a",
        "a ",
        "a\nb",
        "a\rb",
        "a\x00b",
        "a\x7f",
        "a\tb",
        "\u4f60",
        "a\u2028b",
        "\ud800",
    ],
)
def test_a_header_carries_nothing_else(value: str) -> None:
    with pytest.raises(ValueError, match="thing"):
        check_header("thing", value)


@given(st.text())
def test_what_passes_is_a_single_line_of_latin_1(value: str) -> None:
    try:
        check_header("x", value)
    except ValueError:
        return
    assert not re.search(r"[\x00-\x1f\x7f]", value)
    value.encode("latin-1")


def test_a_secret_is_not_shown_in_a_refusal() -> None:
    with pytest.raises(ValueError, match="api_key") as refusal:
        auth_headers("sp-secret\r\nX: 1", "Authorization")
    assert "secret" not in str(refusal.value)


def test_the_key_travels_as_bearer_or_by_itself() -> None:
    assert auth_headers("k", "Authorization") == {"Authorization": "Bearer k"}
    assert auth_headers("k", "API-KEY") == {"API-KEY": "k"}
    assert auth_headers(None, "Authorization") == {}


def test_nearer_headers_replace_those_of_the_same_name() -> None:
    base = [(b"Accept", b"a"), (b"X", b"1")]
    assert laid_over(base, [(b"accept", b"b")]) == [(b"X", b"1"), (b"accept", b"b")]


# --- idempotency --------------------------------------------------------------------------------


def test_unique_keys_are_64_hexadecimal_digits_and_unique() -> None:
    keys = {idempotency_key("unique", "POST", "/p", b"{}") for _ in range(100)}
    assert len(keys) == 100
    assert all(re.fullmatch("[0-9a-f]{64}", key) for key in keys)


def test_derived_keys_follow_the_documented_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000_000_019.9)
    key = idempotency_key("derived", "post", "/api/v1/acme/facts", b'{"text":"x"}')
    plain = b'POST\0/api/v1/acme/facts\0{"text":"x"}\x0033333333'
    assert key == hashlib.sha256(plain).hexdigest()
    monkeypatch.setattr(time, "time", lambda: 1_000_000_020.0)
    assert key != idempotency_key("derived", "POST", "/api/v1/acme/facts", b'{"text":"x"}')


# --- repetition ---------------------------------------------------------------------------------

POLICY = RetryPolicy(max_retries=5, deadline=100.0)


def pause(safety: Safety, status: int, *, attempt: int = 0, **more: Any) -> float | None:
    options = {"retry_after": None, "left": 100.0, **more}
    return POLICY.pause(safety, attempt=attempt, status=status, **options)


@pytest.mark.parametrize(("attempt", "base"), [(0, 0.25), (1, 0.5), (2, 1.0), (3, 1.0), (4, 1.0)])
def test_pauses_lie_between_the_base_delay_and_twice_as_much(attempt: int, base: float) -> None:
    pauses = [pause("repeatable", 500, attempt=attempt) for _ in range(200)]
    assert all(value is not None and base <= value <= 2 * base for value in pauses)
    assert len(set(pauses)) > 100


def test_the_documented_base_delays() -> None:
    assert RETRY_BASE_DELAYS == (0.25, 0.5, 1.0)


def test_the_last_attempt_is_the_last() -> None:
    assert pause("repeatable", 500, attempt=5) is None


@pytest.mark.parametrize("status", [0, 500, 502, 503, 504, 599])
def test_failures_of_repeatable_calls_are_repeated(status: int) -> None:
    assert pause("repeatable", status) is not None
    assert pause("read", status) is None
    assert pause("once", status) is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 501])
@pytest.mark.parametrize("safety", get_args(Safety))
def test_refusals_are_not_repeated(status: int, safety: Safety) -> None:
    assert pause(safety, status) is None


@pytest.mark.parametrize("status", [429, 503])
def test_a_named_time_is_kept_by_whatever_may_be_repeated(status: int) -> None:
    for safety in ("repeatable", "read"):
        waited = pause(safety, status, retry_after=7.0)
        assert waited is not None
        assert 7.0 <= waited <= 7.25
    assert pause("once", status, retry_after=7.0) is None


@pytest.mark.parametrize("status", [404, 409, 501])
def test_a_named_time_does_not_make_other_refusals_repeatable(status: int) -> None:
    assert pause("repeatable", status, retry_after=1.0) is None


def test_no_pause_reaches_beyond_the_deadline() -> None:
    assert pause("repeatable", 503, retry_after=10.0, left=9.0) is None
    assert pause("repeatable", 500, left=0.1) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("", None),
    ],
)
def test_retry_after_in_seconds(header: str, seconds: float | None) -> None:
    assert retry_after_seconds({"retry-after": header}, None) == seconds


def test_retry_after_as_a_date() -> None:
    later = datetime.now(timezone.utc) + timedelta(seconds=60)
    wanted = retry_after_seconds({"retry-after": format_datetime(later, usegmt=True)}, None)
    assert wanted is not None
    assert 57 < wanted <= 60
    past = retry_after_seconds({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None)
    assert past == 0.0


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"retry_after": 3}, 3.0),
        ({"retry_after": None}, None),
        ({}, None),
        ("text", None),
        (None, None),
    ],
)
def test_retry_after_in_the_problem(body: object, seconds: float | None) -> None:
    assert retry_after_seconds({}, body) == seconds


# --- errors -------------------------------------------------------------------------------------


def refused(status: int, body: object, **headers: str) -> SpectronAPIError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return error_from_answer(Answer(status, named, raw), "GET /state")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"detail": "a", "message": "b", "title": "c", "error": "d"}, "a"),
        ({"detail": " ", "message": "b", "title": "c", "error": "d"}, "b"),
        ({"detail": None, "title": "c", "error": "d"}, "c"),
        ({"error": "d"}, "d"),
        ({"error": {"message": "inner"}}, "inner"),
        ({"detail": ["list"]}, f"{DEFAULT_MESSAGE} (GET /state)"),
        ({}, f"{DEFAULT_MESSAGE} (GET /state)"),
        (b"", f"{DEFAULT_MESSAGE} (GET /state)"),
        (b"  plain text\n", "plain text"),
        (b"\xff", "\ufffd"),
        (b"x" * 5000, "x" * 2000),
    ],
)
def test_the_reason_is_taken_in_the_documented_order(body: object, message: str) -> None:
    assert refused(500, body).message == message


def test_the_trace_comes_from_the_header_or_the_body() -> None:
    assert refused(500, {"traceId": "b"}, x_trace_id="h").trace_id == "h"
    assert refused(500, {"traceId": "b"}).trace_id == "b"
    assert refused(500, {"trace_id": "b"}).trace_id == "b"
    assert refused(500, {"traceId": 3}).trace_id is None


def test_a_rate_limit_says_when_to_come_back() -> None:
    error = refused(429, {"detail": "slow"}, retry_after="12")
    assert isinstance(error, SpectronRateLimitError)
    assert error.retry_after == 12.0
    again = pickle.loads(pickle.dumps(error))
    assert (again.retry_after, again.message, again.body) == (12.0, "slow", {"detail": "slow"})


def test_the_body_is_kept_decoded_or_as_text() -> None:
    assert refused(500, {"a": [1]}).body == {"a": [1]}
    assert refused(500, b"<html>").body == "<html>"
    assert refused(500, b"").body is None
    assert isinstance(refused(500, b"[" * 200_000).body, str)


@pytest.mark.parametrize(
    ("problem", "error", "status"),
    [
        ({"status": 404, "detail": "gone"}, SpectronNotFoundError, 404),
        ({"detail": "gone"}, SpectronServerError, 500),
        ({"status": 200, "detail": "gone"}, SpectronServerError, 500),
        ("gone", SpectronServerError, 500),
    ],
)
def test_a_problem_inside_a_stream_is_an_error(
    problem: object, error: type[SpectronAPIError], status: int
) -> None:
    raised = error_from_problem(problem)
    assert type(raised) is error
    assert (raised.status_code, raised.message) == (status, "gone")
