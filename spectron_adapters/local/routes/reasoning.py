"""Routes that a language model improves: chat, reflect, elaborate, consolidate."""

from __future__ import annotations

from collections.abc import Mapping

from spectron_adapters.local.bodies import lens_of, validate
from spectron_adapters.local.calls import Answer, Call, Handler
from spectron_adapters.local.language.chat import chat
from spectron_adapters.local.language.consolidation import consolidate
from spectron_adapters.local.language.elaboration import elaborate
from spectron_adapters.local.language.reflection import reflect
from spectron_adapters.models import (
    ChatRequest,
    ConsolidateRequest,
    ElaborateRequest,
    ReflectRequest,
)

__all__ = ["ROUTES"]


def _chat(call: Call) -> Answer:
    return chat(call, validate(ChatRequest, call.payload))


def _reflect(call: Call) -> Answer:
    return reflect(call, validate(ReflectRequest, call.payload), lens_of(call.payload))


def _elaborate(call: Call) -> Answer:
    return elaborate(call, validate(ElaborateRequest, call.payload), lens_of(call.payload))


def _consolidate(call: Call) -> Answer:
    return consolidate(call, validate(ConsolidateRequest, call.payload), lens_of(call.payload))


ROUTES: Mapping[str, Handler] = {
    "POST chat": _chat,
    "POST reflect": _reflect,
    "POST elaborate": _elaborate,
    "POST consolidate": _consolidate,
}
