"""The OpenAPI 3.1 document of every route, made from the models and the table of operations.

Imports `models`, the route tables and pydantic.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import version

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from spectron_adapters import models
from spectron_adapters.local.routes.data_plane import DATA_PLANE
from spectron_adapters.local.routes.management import MANAGEMENT_PLANE
from spectron_adapters.local.server.management_operations import MANAGEMENT_OPERATIONS
from spectron_adapters.local.server.operations import OPERATIONS, Described, Operation, Parameter
from spectron_adapters.models import JsonObject

__all__ = ["openapi_document", "openapi_text", "undescribed_routes"]

_SCHEMAS = "#/components/schemas/"
_IN_BRACES = re.compile(r"\{(\w+)\}")
_REFUSALS = {
    400: "Malformed, missing or out of range.",
    401: "No such context or key.",
    403: "Outside the caller's region, or the verb is not granted.",
    404: "Absent, or not visible to the caller.",
    409: "Clash with what is stored or under way.",
    413: "Too large.",
    415: "A media type that cannot be read.",
    422: "Names what cannot be used.",
    429: "Blocked for now.",
    501: "Not part of this service.",
}
_OF_EVERY_ROUTE = (400, 401, 403, 413, 422)

_SCOPES: JsonObject = {
    "description": "A scope path; a list of alternatives; each of them a path, or a list of "
    "paths that must all be meant.",
    "anyOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "array",
            "minItems": 1,
            "items": {
                "anyOf": [
                    {"type": "string", "minLength": 1},
                    {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}},
                ]
            },
        },
    ],
}
_PROBLEM: JsonObject = {
    "description": "RFC 7807; `message` repeats `detail`.",
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "message": {"type": "string"},
        "retry_after": {"type": ["integer", "null"]},
    },
    "required": ["type", "title", "status", "detail", "instance", "message"],
}
_HEADERS: list[JsonObject] = [
    {
        "name": "X-Spectron-On-Behalf-Of",
        "in": "header",
        "description": "The principal to act for: what both may do is done.",
        "schema": {"type": "string"},
    }
]
_IDEMPOTENCY: JsonObject = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key and request again get the first answer, for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 1024},
}


@lru_cache(maxsize=1)
def openapi_text() -> str:
    """The document as it is served at `GET /api/v1/openapi.json`."""
    return json.dumps(openapi_document(), ensure_ascii=False, separators=(",", ":"))


def openapi_document() -> JsonObject:
    """The description of every route, as OpenAPI 3.1.

    Returns:
        A document of its own with each call.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Spectron",
            "summary": "Lasting memory for agents.",
            "version": version("spectron-adapters"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "responses": {f"Problem{status}": _problem(status) for status in _REFUSALS}
            | {"Problem": _problem(None)},
            "securitySchemes": {
                "contextKey": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key of the context, bound to one principal.",
                },
                "managementKey": {"type": "http", "scheme": "bearer"},
                "managementHeader": {"type": "apiKey", "in": "header", "name": "API-KEY"},
            },
        },
    }


def undescribed_routes() -> set[str]:
    """Routes of the engine that the tables of operations do not describe, and the reverse."""
    return {route for plane, operations in _PLANES for route in set(plane.routes) ^ set(operations)}


def _paths() -> JsonObject:
    paths: dict[str, JsonObject] = {
        "/api/v1/health": {"get": _open_operation("Whether the service answers.", "health")},
        "/api/v1/openapi.json": {"get": _open_operation("This document.", "openapi")},
    }
    for route in MANAGEMENT_PLANE.routes:
        method, _, pattern = route.partition(" ")
        operation = MANAGEMENT_OPERATIONS[route]
        _add(paths, method, f"/api/v1/{pattern}", operation, security=_MANAGEMENT)
    for route in DATA_PLANE.routes:
        method, _, pattern = route.partition(" ")
        operation = OPERATIONS[route]
        _add(paths, method, f"/api/v1/{{context}}/{pattern}", operation, security=_DATA)
    return paths


_PLANES = ((DATA_PLANE, OPERATIONS), (MANAGEMENT_PLANE, MANAGEMENT_OPERATIONS))
_MANAGEMENT: list[JsonObject] = [{"managementKey": []}, {"managementHeader": []}]
_DATA: list[JsonObject] = [{"contextKey": []}]


def _open_operation(summary: str, name: str) -> JsonObject:
    shown = {
        "description": summary,
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    return {
        "summary": summary,
        "operationId": name,
        "tags": ["service"],
        "security": [],
        "responses": {"200": shown, "default": _ref("responses", "Problem")},
    }


def _add(
    paths: dict[str, JsonObject],
    method: str,
    path: str,
    operation: Operation,
    *,
    security: list[JsonObject],
) -> None:
    described: JsonObject = {
        "summary": operation.summary,
        "operationId": _operation_id(method, path),
        "tags": [_tag(path)],
        "security": security,
        "parameters": _parameters(method, path, operation, is_data=security is _DATA),
        "responses": _responses(operation),
    }
    body = _request_body(operation)
    if body:
        described["requestBody"] = body
    paths.setdefault(path, {})[method.lower()] = described


def _operation_id(method: str, path: str) -> str:
    """`GET /api/v1/{context}/traces/{id}` is `get_traces_by_id`."""
    words = path.removeprefix("/api/v1/").removeprefix("{context}/")
    named = _IN_BRACES.sub(r"by_\1", words)
    return f"{method.lower()}_{re.sub(r'[^a-z_]+', '_', named)}"


def _tag(path: str) -> str:
    return path.removeprefix("/api/v1/").removeprefix("{context}/").partition("/")[0]


def _parameters(method: str, path: str, operation: Operation, *, is_data: bool) -> list[JsonObject]:
    in_path: list[JsonObject] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1},
        }
        for name in _IN_BRACES.findall(path)
    ]
    headers = [*_HEADERS] if is_data else []
    if is_data and method != "GET" and operation.form is None:
        headers.append(_IDEMPOTENCY)
    return [*in_path, *map(_query_parameter, operation.query), *headers]


def _query_parameter(parameter: Parameter) -> JsonObject:
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _request_body(operation: Operation) -> JsonObject | None:
    content: JsonObject = {}
    if operation.body is not None:
        content["application/json"] = {"schema": _described(operation.body)}
    if operation.form is not None:
        content["multipart/form-data"] = {
            "schema": operation.form,
            "encoding": {"metadata": {"contentType": "application/json"}},
        }
    return {"required": operation.body_required, "content": content} if content else None


def _responses(operation: Operation) -> JsonObject:
    answers = {str(status): _answer(body, operation) for status, body in operation.answers.items()}
    refused = sorted({*_OF_EVERY_ROUTE, *operation.refusals})
    refusals = {str(status): _ref("responses", f"Problem{status}") for status in refused}
    return {**answers, **refusals, "default": _ref("responses", "Problem")}


def _answer(body: Described, operation: Operation) -> JsonObject:
    content: JsonObject = dict(operation.media_types)
    if body is not None:
        content["application/json"] = {"schema": _described(body)}
    if operation.streams:
        content["text/event-stream"] = {}
    return {"description": operation.summary, **({"content": content} if content else {})}


def _described(body: type[BaseModel] | JsonObject) -> JsonObject:
    return body if isinstance(body, dict) else {"$ref": _SCHEMAS + body.__name__}


def _problem(status: int | None) -> JsonObject:
    return {
        "description": "Refused or failed." if status is None else _REFUSALS[status],
        "content": {"application/problem+json": {"schema": {"$ref": f"{_SCHEMAS}Problem"}}},
    }


def _ref(kind: str, name: str) -> JsonObject:
    return {"$ref": f"#/components/{kind}/{name}"}


# --- schemas ------------------------------------------------------------------------------------


def _schemas() -> JsonObject:
    requests = _models_of((models.CamelRequest, models.SnakeRequest))
    answers = _models_of((models.Response, models.ManagementResponse))
    asked = _json_schemas(requests, mode="validation")
    told = _json_schemas(answers, mode="serialization")
    for schema in asked.values():
        _loosen_scopes(schema)
    for schema in told.values():
        _require_what_is_always_there(schema)
    for schema in (*asked.values(), *told.values()):
        _drop_made_up_titles(schema)
    return {**asked, **told, "Scopes": _SCOPES, "Problem": _PROBLEM}


def _models_of(bases: tuple[type[BaseModel], ...]) -> list[type[BaseModel]]:
    named = (getattr(models, name) for name in models.__all__)
    return [
        value
        for value in named
        if isinstance(value, type) and issubclass(value, bases) and value not in bases
    ]


def _json_schemas(
    found: Iterable[type[BaseModel]], *, mode: JsonSchemaMode
) -> dict[str, JsonObject]:
    _, made = models_json_schema(
        [(model, mode) for model in found], by_alias=True, ref_template=_SCHEMAS + "{model}"
    )
    definitions: dict[str, JsonObject] = made["$defs"]
    return definitions


def _loosen_scopes(schema: JsonObject) -> None:
    """Bodies may write scopes as loosely as clients do."""
    properties: Mapping[str, JsonObject] = schema.get("properties", {})
    for name in ("scopes", "lens"):
        if name in properties:
            properties[name].clear()
            properties[name]["$ref"] = f"{_SCHEMAS}Scopes"


def _require_what_is_always_there(schema: JsonObject) -> None:
    """Answers leave out what is null, and nothing else."""
    properties: Mapping[str, JsonObject] = schema.get("properties", {})
    required = [name for name, value in properties.items() if not _is_nullable(value)]
    if required:
        schema["required"] = required


def _drop_made_up_titles(schema: JsonObject) -> None:
    """Titles that pydantic makes of the names of properties say nothing new."""
    for value in schema.get("properties", {}).values():
        value.pop("title", None)


def _is_nullable(schema: JsonObject) -> bool:
    is_anything = "type" not in schema and "$ref" not in schema
    return is_anything or {"type": "null"} in schema.get("anyOf", [])
