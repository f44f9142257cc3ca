"""Answers as models, tolerant of what services differ in.

Read from bytes when the body fits at once; else once more with nulls left away, bare lists put
into their envelope, and an empty body read as an empty object. What still does not fit is a
`SpectronResponseError` that names route and field, and shows no content.
Imports pydantic, `errors`, `models` and `_wire`; never httpx.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from spectron_adapters._wire import Answer
from spectron_adapters.errors import SpectronResponseError
from spectron_adapters.models import HealthResponse, JsonObject

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


def model_reader(model: type[M]) -> Callable[[Answer, str], M]:
    """Reads one object."""

    def read(answer: Answer, name: str) -> M:
        try:
            return model.model_validate_json(answer.body)
        except ValidationError:
            decoded = _decoded(answer, name)
        envelope = _list_field(model)
        if isinstance(decoded, list) and envelope is not None:
            decoded = {envelope: decoded}
        return _validated(model.model_validate, decoded, name)

    return read


def list_reader(model: type[M], envelope: str) -> Callable[[Answer, str], list[M]]:
    """Reads a bare array of objects, or the same under `envelope`."""
    adapter = _list_adapter(model)

    def read(answer: Answer, name: str) -> list[M]:
        decoded = _decoded(answer, name)
        if isinstance(decoded, dict):
            decoded = decoded.get(envelope, decoded or [])
        rows: list[M] = _validated(adapter.validate_python, decoded, name)
        return rows

    return read


def read_object(answer: Answer, name: str) -> JsonObject:
    """Reads an object whose shape is the server's."""
    decoded = _decoded(answer, name, keep_nulls=True)
    if not isinstance(decoded, dict):
        msg = f"{name} answered with a {type(decoded).__name__} where an object belongs"
        raise SpectronResponseError(msg)
    return decoded


def read_bytes(answer: Answer, name: str) -> bytes:  # noqa: ARG001 - the shape of a reader
    """The body as it came."""
    return answer.body


def read_nothing(answer: Answer, name: str) -> None:
    """Ignores whatever came with a success."""


def read_health(answer: Answer, name: str) -> HealthResponse:
    """A success is healthy, whatever its body says or lacks."""
    try:
        return model_reader(HealthResponse)(answer, name)
    except SpectronResponseError:
        return HealthResponse()


def _decoded(answer: Answer, name: str, *, keep_nulls: bool = False) -> object:
    if not answer.body.strip():
        return {}
    try:
        decoded = json.loads(answer.body)
    except (ValueError, RecursionError):
        media_type = answer.headers.get("content-type", "unknown type").partition(";")[0]
        msg = f"{name} answered {answer.status} with something that is not JSON ({media_type})"
    else:
        return decoded if keep_nulls else _without_nulls(decoded)
    raise SpectronResponseError(msg)


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _validated(validate: Callable[[Any], T], decoded: object, name: str) -> T:
    try:
        return validate(decoded)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "body"
    msg = f"{name} answered with a body that does not fit: {field}: {first['msg'].lower()}"
    raise SpectronResponseError(msg)


@cache
def _list_adapter(model: type[BaseModel]) -> TypeAdapter[Any]:
    return TypeAdapter(list[model])  # type: ignore[valid-type]  # built at run time


@cache
def _list_field(model: type[BaseModel]) -> str | None:
    """The field that holds the rows, when there is exactly one."""
    rows = [n for n, field in model.model_fields.items() if get_origin(field.annotation) is list]
    return rows[0] if len(rows) == 1 else None
