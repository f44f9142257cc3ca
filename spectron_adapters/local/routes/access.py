"""Routes of access control: who one is, principals, keys."""

from __future__ import annotations

from collections.abc import Mapping

from spectron_adapters.local.calls import Answer, Call, Handler

__all__ = ["ROUTES"]


def _whoami(call: Call) -> Answer:
    return Answer.of(200, call.caller.shown)


ROUTES: Mapping[str, Handler] = {
    "GET me": _whoami,
}
