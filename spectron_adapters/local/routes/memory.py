"""Routes of the memory verbs: remember, recall, context, forget."""

from __future__ import annotations

from collections.abc import Mapping

from spectron_adapters.local.bodies import lens_of, validate
from spectron_adapters.local.calls import Answer, Call, Handler
from spectron_adapters.local.forgetting import verbs as forgetting
from spectron_adapters.local.knowledge import facts
from spectron_adapters.local.problems import bad_request
from spectron_adapters.local.recall import context_block, querying
from spectron_adapters.models import (
    ContextQueryRequest,
    ForgetRequest,
    RecallRequest,
    RememberManyRequest,
    RememberRequest,
)

__all__ = ["ROUTES"]


def _remember(call: Call) -> Answer:
    return facts.remember(call, validate(RememberRequest, call.payload))


def _remember_many(call: Call) -> Answer:
    if call.payload.get("infer") == "triples":
        raise bad_request("a batch takes no triples; send them with POST /facts")
    return facts.remember_many(call, validate(RememberManyRequest, call.payload))


def _query(call: Call) -> Answer:
    return querying.query(call, validate(RecallRequest, call.payload))


def _query_context(call: Call) -> Answer:
    return context_block.query_context(call, validate(ContextQueryRequest, call.payload))


def _forget(call: Call) -> Answer:
    return forgetting.forget(call, validate(ForgetRequest, call.payload), lens_of(call.payload))


ROUTES: Mapping[str, Handler] = {
    "POST facts": _remember,
    "POST facts/batch": _remember_many,
    "POST query": _query,
    "POST context": _query_context,
    "POST forget": _forget,
}
