"""Routes of the scope tree."""

from __future__ import annotations

from collections.abc import Mapping

from spectron_adapters.local import scope_nodes
from spectron_adapters.local.bodies import validate
from spectron_adapters.local.calls import Answer, Call, Handler, body_of
from spectron_adapters.local.forgetting import verbs as forgetting
from spectron_adapters.local.problems import bad_request
from spectron_adapters.local.work import Work
from spectron_adapters.models import ForgetScopeRequest, RegisterScopeRequest

__all__ = ["ROUTES"]


def _register_scope(call: Call) -> Answer:
    request = validate(RegisterScopeRequest, call.payload)
    return call.write(lambda work: Answer.of(201, scope_nodes.register_node(work, request)))


def _list_scopes(call: Call) -> Answer:
    return Answer(200, [body_of(node) for node in call.read(scope_nodes.list_nodes)])


def _delete_scope(call: Call) -> Answer:
    if "path" not in call.query:
        raise bad_request("query parameter path is missing; it names the scope to delete")

    def delete(work: Work) -> Answer:
        scope_nodes.delete_node(work, call.query["path"])
        return Answer(204, None)

    return call.write(delete)


def _forget_scope(call: Call) -> Answer:
    return forgetting.forget_scope(call, validate(ForgetScopeRequest, call.payload))


ROUTES: Mapping[str, Handler] = {
    "POST scopes": _register_scope,
    "GET scopes": _list_scopes,
    "DELETE scopes": _delete_scope,
    "POST scopes/forget": _forget_scope,
}
