"""Refusals and failures as problem documents (RFC 7807).

A handler raises a `Problem`; the engine answers with its document. Storage that cannot be used
is a `StorageProblem`. Imports the standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = [
    "Problem",
    "StorageProblem",
    "bad_request",
    "conflict",
    "forbidden",
    "internal",
    "method_not_allowed",
    "not_found",
    "not_implemented",
    "unauthorized",
    "unprocessable",
]

_TYPE_PREFIX = "https://spectron.dev/errors/"


class Problem(Exception):  # noqa: N818  # RFC 7807 calls it that
    """The request is refused or failed; nothing of it was stored.

    Attributes:
        status: HTTP status.
        slug: Last part of the problem's type.
        detail: What was wrong, where, and what to do.
        headers: Further response headers.
    """

    def __init__(
        self, status: int, slug: str, detail: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.detail = detail
        self.headers = dict(headers or {})

    def document(self, instance: str) -> dict[str, object]:
        """The problem document; `message` repeats the detail for older clients.

        Args:
            instance: Path of the request.
        """
        return {
            "type": _TYPE_PREFIX + self.slug,
            "title": self.slug.replace("-", " "),
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "message": self.detail,
        }


class StorageProblem(Problem):
    """The database cannot be opened, read or written; nothing of the request was stored.

    By default one that only a person can mend: a damaged, foreign, newer or read-only file. It
    says with `X-Should-Retry` that sending the request again is of no use.
    """

    def __init__(
        self,
        detail: str,
        *,
        status: int = 500,
        slug: str = "storage-unusable",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, slug, detail, headers=headers or {"X-Should-Retry": "false"})

    @classmethod
    def busy(cls, detail: str) -> StorageProblem:
        """503: somebody else is writing; worth another try."""
        return cls(detail, status=503, slug="unavailable", headers={"Retry-After": "1"})

    @classmethod
    def full(cls, detail: str) -> StorageProblem:
        """507: no space is left where the database lies."""
        return cls(detail, status=507, slug="insufficient-storage")


def bad_request(detail: str) -> Problem:
    """400: malformed, missing or out of range."""
    return Problem(400, "validation-error", detail)


def unauthorized(detail: str) -> Problem:
    """401: no such context or key."""
    return Problem(401, "unauthorized", detail)


def forbidden(detail: str) -> Problem:
    """403: outside the caller's region, or the verb is not granted."""
    return Problem(403, "forbidden", detail)


def not_found(detail: str) -> Problem:
    """404: absent, or not visible to the caller."""
    return Problem(404, "not-found", detail)


def method_not_allowed(method: str, allowed: Iterable[str]) -> Problem:
    """405: the path exists, for other methods."""
    names = ", ".join(sorted(set(allowed)))
    detail = f"this path answers {names}, not {method[:20]}"
    return Problem(405, "method-not-allowed", detail, headers={"Allow": names})


def conflict(detail: str) -> Problem:
    """409: clash with what is stored or under way."""
    return Problem(409, "conflict", detail)


def unprocessable(detail: str) -> Problem:
    """422: well-formed, but names what cannot be used."""
    return Problem(422, "unprocessable", detail)


def internal(request_id: str) -> Problem:
    """500: says nothing but where to look in the log."""
    return Problem(500, "internal", f"internal error; the log has it under request {request_id}")


def not_implemented(detail: str) -> Problem:
    """501: the contract has it, this engine does not."""
    return Problem(501, "not-implemented", detail)
