"""Everything that this library raises on its own account.

    SpectronError
    ├── ScopeResolutionError (also ValueError)   a scope variable is missing or blank
    ├── SpectronResponseError                    an answer that does not fit the contract
    └── SpectronAPIError                         the service refused, failed or was not reached
        ├── SpectronAuthError                    401
        ├── SpectronScopeError                   403
        ├── SpectronNotFoundError                404
        ├── SpectronConflictError                409
        ├── SpectronValidationError              400, 413, 415, 422
        ├── SpectronRateLimitError               429
        ├── SpectronServerError                  5xx
        └── SpectronConnectionError              no answer at all (status 0)
            └── SpectronTimeoutError

Wrong arguments are `ValueError` and `TypeError`, raised before anything is sent.
Imports the standard library only.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "ScopeResolutionError",
    "SpectronAPIError",
    "SpectronAuthError",
    "SpectronConflictError",
    "SpectronConnectionError",
    "SpectronError",
    "SpectronNotFoundError",
    "SpectronRateLimitError",
    "SpectronResponseError",
    "SpectronScopeError",
    "SpectronServerError",
    "SpectronTimeoutError",
    "SpectronValidationError",
    "error_class_for_status",
]


class SpectronError(Exception):
    """Base of every error of this library."""


class ScopeResolutionError(SpectronError, ValueError):
    """A scope or lens template could not be filled; nothing was sent.

    Attributes:
        variable: Name of the template variable that is missing or blank.
        searched: Where it was looked for, nearest first.
    """

    def __init__(self, message: str, *, variable: str = "", searched: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.variable = variable
        self.searched = tuple(searched)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_resolution_error, (str(self), self.variable, self.searched))


def _rebuild_resolution_error(
    message: str, variable: str, searched: tuple[str, ...]
) -> ScopeResolutionError:
    return ScopeResolutionError(message, variable=variable, searched=searched)


class SpectronResponseError(SpectronError):
    """The service answered with success, but the body does not fit the contract."""


class SpectronAPIError(SpectronError):
    """The service answered with an error, or did not answer.

    Attributes:
        status_code: HTTP status; 0 when no answer arrived.
        message: The problem's detail, or the nearest thing that the answer held.
        trace_id: Server-side trace of the request, when one was written.
        body: The decoded body: usually a problem document (RFC 7807), else text or None.
    """

    def __init__(
        self,
        status_code: int,
        message: str,
        trace_id: str | None = None,
        body: object = None,
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.message = message
        self.trace_id = trace_id
        self.body = body

    def __str__(self) -> str:
        """Status, message and trace id on one line."""
        status = f"[{self.status_code}] " if self.status_code else ""
        trace = f" (trace {self.trace_id})" if self.trace_id else ""
        return f"{status}{self.message}{trace}"

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.status_code, self.message, self.trace_id, self.body))


class SpectronAuthError(SpectronAPIError):
    """401: the key is missing, malformed, expired, or belongs to another context."""


class SpectronScopeError(SpectronAPIError):
    """403: the target lies outside the caller's region, or the verb is not granted."""


class SpectronNotFoundError(SpectronAPIError):
    """404: absent, or not visible to the caller."""


class SpectronConflictError(SpectronAPIError):
    """409: duplicate name, idempotency key used for another request, or label cap."""


class SpectronValidationError(SpectronAPIError):
    """400, 413, 415, 422: the service refused the request as it stands."""


class SpectronRateLimitError(SpectronAPIError):
    """429: too many requests, or the context is blocked by its quota.

    Attributes:
        retry_after: Seconds after which a repetition may succeed, when the service said so.
    """

    def __init__(
        self,
        status_code: int,
        message: str,
        trace_id: str | None = None,
        body: object = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(status_code, message, trace_id, body)
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[object, ...]:
        arguments = (self.status_code, self.message, self.trace_id, self.body, self.retry_after)
        return (type(self), arguments)


class SpectronServerError(SpectronAPIError):
    """5xx: the service failed, is starting, or does not implement the route."""


class SpectronConnectionError(SpectronAPIError):
    """No answer arrived: refused, reset, or the name did not resolve."""


class SpectronTimeoutError(SpectronConnectionError):
    """No answer arrived in time."""


_BY_STATUS: dict[int, type[SpectronAPIError]] = {
    400: SpectronValidationError,
    401: SpectronAuthError,
    403: SpectronScopeError,
    404: SpectronNotFoundError,
    409: SpectronConflictError,
    413: SpectronValidationError,
    415: SpectronValidationError,
    422: SpectronValidationError,
    429: SpectronRateLimitError,
}


def error_class_for_status(status_code: int) -> type[SpectronAPIError]:
    """The error class for an HTTP status outside 2xx."""
    if status_code >= 500:  # noqa: PLR2004 - the class boundary of HTTP
        return SpectronServerError
    return _BY_STATUS.get(status_code, SpectronAPIError)
