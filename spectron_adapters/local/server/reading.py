"""Reading a request's body: never more than allowed, never slower than allowed.

Imports `problems` and the standard library.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from spectron_adapters.local.problems import Problem, StorageProblem

__all__ = [
    "BodyLimits",
    "BudgetShare",
    "ClientGoneError",
    "MemoryBudget",
    "Message",
    "Receive",
    "read_body",
]

Message: TypeAlias = MutableMapping[str, Any]  # Any: what ASGI says of its messages
Receive: TypeAlias = Callable[[], Awaitable[Message]]

_MEBIBYTE = 1024 * 1024


class ClientGoneError(Exception):
    """The client left before its request was complete; there is nobody to answer."""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How large and how slow a body may be.

    Attributes:
        json: Bytes of a JSON body.
        form: Bytes of a form: an upload and what surrounds it.
        patience: Seconds that any body may take.
        rate: Bytes per second that earn further time.
        total: Bytes of all bodies, of requests or of answers, that are held at once.
    """

    json: int = 16 * _MEBIBYTE
    form: int = 51 * _MEBIBYTE
    patience: float = 30.0
    rate: int = 16 * 1024
    total: int = 512 * _MEBIBYTE

    def largest(self, *, is_form: bool) -> int:
        """Bytes that a body may have."""
        return self.form if is_form else self.json


class MemoryBudget:
    """The bytes of all bodies in this process; more than the total are refused.

    Args:
        total: Bytes.
    """

    def __init__(self, total: int) -> None:
        self._free = total

    @contextmanager
    def share(self) -> Iterator[BudgetShare]:
        """One request's part, given back at the end."""
        share = BudgetShare(self)
        try:
            yield share
        finally:
            self._free += share.held

    def take(self, count: int) -> None:
        """Set bytes aside.

        Raises:
            StorageProblem: 503, too much is under way.
        """
        if count > self._free:
            raise StorageProblem.busy(
                "the bodies of other requests and answers fill the server's memory; try again"
            )
        self._free -= count


class BudgetShare:
    """What one request holds of the budget."""

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self.held = 0

    def take(self, count: int) -> None:
        """Hold more.

        Raises:
            StorageProblem: 503, too much is under way.
        """
        self._budget.take(count)
        self.held += count


async def read_body(
    receive: Receive,
    headers: Mapping[str, str],
    *,
    limit: int,
    limits: BodyLimits,
    share: BudgetShare,
) -> bytes:
    """The whole body.

    Args:
        receive: ASGI's.
        headers: By lower-case name.
        limit: Bytes that this body may have.
        limits: How slow it may be.
        share: What is read counts here.

    Raises:
        Problem: 413, too large; 408, too slow; 503, too much is under way.
        ClientGoneError: The client left.
    """
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:19]) > limit:
        raise _too_large(limit)
    body = bytearray()
    clock = asyncio.get_running_loop().time
    started = clock()
    more = True
    while more:
        left = started + limits.patience + len(body) / limits.rate - clock()
        message = await _within(left, receive)
        piece = message.get("body", b"")
        if len(body) + len(piece) > limit:
            raise _too_large(limit)
        share.take(len(piece))
        body += piece
        more = message.get("more_body", False)
    return bytes(body)


async def _within(seconds: float, receive: Receive) -> Message:
    try:
        message = await asyncio.wait_for(receive(), max(seconds, 0.0))
    except asyncio.TimeoutError:
        raise Problem(
            408,
            "request-timeout",
            "the body arrives too slowly; send it faster, or in smaller requests",
            headers={"Connection": "close"},
        ) from None
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    return message


def _too_large(limit: int) -> Problem:
    return Problem(
        413,
        "payload-too-large",
        f"the body is larger than {limit} bytes; send less at once",
    )
