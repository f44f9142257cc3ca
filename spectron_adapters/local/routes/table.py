"""Finding the handler of a path.

Paths are matched segment by segment while still encoded, then decoded, so that a name may hold a
slash. Knows no family of routes and no handler's arguments; imports `problems`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import unquote_to_bytes

from spectron_adapters.local.problems import bad_request, method_not_allowed, not_found

__all__ = ["LARGE", "MANAGEMENT", "Match", "RouteTable", "decode"]

LARGE = 10**18 - 1
"""Largest number that a query parameter may hold."""
MANAGEMENT = ("contexts", "verbs", "migrations")
"""First segments below `/api/v1` that are no context."""

_Handler = TypeVar("_Handler")


@dataclass(frozen=True, slots=True)
class Match(Generic[_Handler]):
    """What a path means.

    Attributes:
        handler: Answers it.
        route: Method and pattern: `GET traces/{id}`.
        parameters: Decoded segments by name.
    """

    handler: _Handler
    route: str
    parameters: Mapping[str, str]


class RouteTable(Generic[_Handler]):
    """Routes in the order in which they are tried: those with fixed segments first.

    So `traces/stats` is no trace's id.

    Args:
        families: Handlers by method and pattern.
    """

    def __init__(self, families: Iterable[Mapping[str, _Handler]]) -> None:
        patterns: list[tuple[str, tuple[str, ...], _Handler]] = []
        for routes in families:
            for route, handler in routes.items():
                method, _, path = route.partition(" ")
                patterns.append((method, tuple(path.split("/")), handler))
        self._patterns = sorted(
            patterns, key=lambda item: sum(part.startswith("{") for part in item[1])
        )

    @property
    def routes(self) -> list[str]:
        """Method and pattern of every route: `GET traces/{id}`."""
        return [f"{method} {'/'.join(pattern)}" for method, pattern, _ in self._patterns]

    def match(self, method: str, segments: Sequence[str]) -> Match[_Handler]:
        """Find the route of a request.

        Args:
            method: Upper-case.
            segments: Encoded segments, without what the whole table shares.

        Raises:
            Problem: 404, no such path; 405, it answers other methods; 400, a segment is not UTF-8.
        """
        allowed = []
        for known, pattern, handler in self._patterns:
            if len(pattern) == len(segments) and _fits(pattern, segments):
                if known == method:
                    route = f"{method} {'/'.join(pattern)}"
                    return Match(handler, route, _decoded(pattern, segments))
                allowed.append(known)
        if allowed:
            raise method_not_allowed(method, allowed)
        raise not_found(f"there is no route {method} /{'/'.join(segments)[:200]}")


def _fits(pattern: Sequence[str], segments: Sequence[str]) -> bool:
    return all(
        bool(segment) if part.startswith("{") else part == segment
        for part, segment in zip(pattern, segments, strict=True)
    )


def _decoded(pattern: Sequence[str], segments: Sequence[str]) -> dict[str, str]:
    return {
        part.strip("{}"): decode(segment)
        for part, segment in zip(pattern, segments, strict=True)
        if part.startswith("{")
    }


def decode(segment: str) -> str:
    """A percent-encoded segment.

    Raises:
        Problem: 400, it is not UTF-8.
    """
    try:
        return unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        raise bad_request("a segment of the path is not UTF-8 once decoded") from None
