"""What a client was made with, checked once and shared by its siblings.

Imports pydantic, `config` and private modules without I/O; never httpx.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from pydantic import SecretStr

from spectron_adapters._wire import (
    AuthHeader,
    IdempotencyMode,
    RetryPolicy,
    auth_headers,
    check_header,
    encode_path_segment,
)
from spectron_adapters.config import Endpoint, Selectors, parse_endpoint

LOCAL_ORIGIN = "http://local"
BASE_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": "spectron-adapters",
}
_RESERVED_HEADERS = frozenset({"content-length", "content-type", "host", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Settings:
    """The checked arguments of a client's constructor."""

    endpoint: Endpoint
    api_key: SecretStr | None
    timeout: float
    policy: RetryPolicy
    extra_headers: tuple[tuple[str, str], ...]
    auth_header: AuthHeader
    idempotency: IdempotencyMode
    prefix: str
    context: str = ""
    selectors: Selectors = field(default_factory=Selectors)

    @property
    def origin(self) -> str:
        """What addresses begin with; an engine in the process has a fixed one."""
        return self.endpoint.location if self.endpoint.is_remote else LOCAL_ORIGIN

    def headers(self) -> dict[str, str]:
        """The headers of every request, the key among them."""
        key = None if self.api_key is None else self.api_key.get_secret_value()
        return {**BASE_HEADERS, **auth_headers(key, self.auth_header), **dict(self.extra_headers)}


def checked_settings(
    *,
    endpoint: str | Endpoint | None,
    api_key: str | SecretStr | None,
    key_required: bool,
    timeout: float = 30.0,
    max_retries: int = 3,
    deadline: float | None = None,
    headers: Mapping[str, str] | None = None,
    auth_header: AuthHeader = "Authorization",
    idempotency: IdempotencyMode = "unique",
    context: str | None = None,
    selectors: Selectors | None = None,
) -> Settings:
    """The settings of a client.

    Raises:
        ValueError: Something is missing, blank or out of range. No message shows the key.
        TypeError: Something has the wrong type.
    """
    where = parse_endpoint(endpoint)
    _check_number("timeout", timeout)
    _check_retries(max_retries)
    if deadline is not None:
        _check_number("deadline", deadline)
    _check_choice("idempotency", idempotency, get_args(IdempotencyMode))
    _check_choice("auth_header", auth_header, get_args(AuthHeader))
    return Settings(
        endpoint=where,
        api_key=_checked_key(api_key, required=key_required and where.is_remote),
        timeout=float(timeout),
        policy=RetryPolicy(
            max_retries, float(timeout) * (max_retries + 1) if deadline is None else deadline
        ),
        extra_headers=_checked_headers(headers or {}),
        auth_header=auth_header,
        idempotency=idempotency,
        prefix="/api/v1" if context is None else f"/api/v1/{_checked_context(context)}",
        context=context or "",
        selectors=selectors or Selectors(),
    )


def _checked_key(api_key: str | SecretStr | None, *, required: bool) -> SecretStr | None:
    key = api_key.get_secret_value() if isinstance(api_key, SecretStr) else api_key
    if key is None:
        if required:
            msg = "no API key is set: pass api_key=… or set SPECTRON_API_KEY"
            raise ValueError(msg)
        return None
    return SecretStr(check_header("api_key", key, secret=True))


def _checked_context(context: object) -> str:
    if not isinstance(context, str):
        msg = f"context must be a string, got {type(context).__name__}"
        raise TypeError(msg)
    if not context.strip():
        msg = "context is blank; give the id of the context, such as acme-prod"
        raise ValueError(msg)
    return encode_path_segment(context)


def _checked_headers(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    for name, value in headers.items():
        check_header(f"header {name!r}", value, secret=True)
        if not _is_token(name):
            msg = f"{name!r} is not a header's name"
            raise ValueError(msg)
        if name.lower() in _RESERVED_HEADERS:
            msg = f"header {name!r} is set by the client itself"
            raise ValueError(msg)
    return tuple(headers.items())


def _is_token(name: object) -> bool:
    if not isinstance(name, str):
        return False
    return name.isascii() and name.replace("-", "").replace("_", "").replace(".", "").isalnum()


def _check_number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        msg = f"{name} must be a number of seconds, got {type(value).__name__}"
        raise TypeError(msg)
    if not (math.isfinite(value) and value > 0):
        msg = f"{name} must be a positive number of seconds, got {value}"
        raise ValueError(msg)


def _check_retries(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"max_retries must be a whole number, got {type(value).__name__}"
        raise TypeError(msg)
    if value < 0:
        msg = f"max_retries must be 0 or more, got {value}"
        raise ValueError(msg)


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        msg = f"{name} must be one of {', '.join(choices)}; got {value!r}"
        raise ValueError(msg)
