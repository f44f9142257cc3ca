"""Reading request bodies: JSON, loosely written scopes, and the shared models.

Imports `models`, `scopes`, `problems` and pydantic.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from spectron_adapters.local.instants import parse_instant
from spectron_adapters.local.problems import Problem, bad_request, conflict
from spectron_adapters.scopes import ScopeSet

__all__ = [
    "LABELS_MAX",
    "PATHS_MAX",
    "check_instant",
    "check_labels",
    "lens_of",
    "parse_body",
    "parse_selector",
    "read_instant",
    "read_lens",
    "read_number",
    "validate",
]

LABELS_MAX = 32
"""Most labels of one fact."""
PATHS_MAX = 10_000
"""Most paths of one lens, or of one write's scopes."""

_REMEMBERED_MAX = 8192
_LENS_NAMES = ("lens", "scopes", "scope")
_Model = TypeVar("_Model", bound=BaseModel)


def parse_body(body: bytes) -> dict[str, object]:
    """The JSON object of a request; an absent body is an empty object.

    Raises:
        Problem: 400, the body is not a JSON object in UTF-8.
    """
    if not body.strip():
        return {}
    try:
        payload = json.loads(
            body.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_unambiguous,
        )
        if b"\\u" in body:
            json.dumps(payload, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise bad_request("the body holds half of a surrogate pair, which is no text") from None
    except (ValueError, RecursionError) as error:
        raise bad_request(f"the body is not JSON in UTF-8: {_first_line(error)}") from None
    if not isinstance(payload, dict):
        raise bad_request(f"the body must be a JSON object, not {type(payload).__name__}")
    return payload


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is larger than a number can be")
    return number


def _unambiguous(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose names occur once: of two lenses, nobody could say which one counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"an object names {twice[:40]!r} twice")
    return found


def _first_line(error: Exception) -> str:
    return (
        str(error).split("\n", 1)[0]
        if not isinstance(error, RecursionError)
        else "nested too deeply"
    )


def validate(model: type[_Model], payload: Mapping[str, object]) -> _Model:
    """Check a body against its model; scopes may be written as loosely as clients write them.

    A field that is null counts as absent.

    Raises:
        Problem: 400, naming the field and what is wrong with it.
    """
    given = {name: value for name, value in payload.items() if value is not None}
    wire = {name: _read_scopes(given[name], name) for name in _LENS_NAMES if name in given}
    try:
        return model.model_validate({**given, **wire})
    except ValidationError as error:
        raise bad_request(_summary(error)) from None
    except TypeError as error:  # what a validator of the models says of a wrong type
        raise bad_request(str(error)) from None


def _read_scopes(value: object, name: str) -> list[list[str]]:
    # A lens may come under the names of writes, so "/*" is judged where the set is used.
    return _parsed(json.dumps(value), name, subtrees=True).to_wire()


def parse_selector(
    wire: list[list[str]] | None, *, field: str, subtrees: bool = False
) -> ScopeSet | None:
    """The scope set of a validated selector; None when none was given.

    Raises:
        Problem: 400, a write names a subtree.
    """
    return None if wire is None else _parsed(json.dumps(wire), field, subtrees=subtrees)


def lens_of(payload: Mapping[str, object]) -> ScopeSet | None:
    """The lens of a body, under any of its names; None when none was given.

    Raises:
        Problem: 400, it is blank or malformed.
    """
    name = next((name for name in _LENS_NAMES if payload.get(name) is not None), None)
    return None if name is None else _parsed(json.dumps(payload[name]), name, subtrees=True)


def read_lens(query: Mapping[str, str]) -> ScopeSet | None:
    """The lens among the query parameters: one path, or scopes as JSON.

    Raises:
        Problem: 400, it is blank or malformed.
    """
    return _read(query, _LENS_NAMES, _lens_of_text)


def _lens_of_text(text: str) -> ScopeSet:
    value = json.loads(text) if text.lstrip().startswith(("[", '"')) else text
    return ScopeSet.parse(value, field="lens")


def _parsed(text: str, field: str, *, subtrees: bool) -> ScopeSet:
    # Long selectors are parsed anew each time: remembered ones would fill the memory.
    parse = _remembered if len(text) <= _REMEMBERED_MAX else _remembered.__wrapped__
    return parse(text, field, subtrees=subtrees)


@lru_cache(maxsize=1024)
def _remembered(text: str, field: str, *, subtrees: bool) -> ScopeSet:
    value = json.loads(text)
    if isinstance(value, list):
        _check_count(value, field)
    try:
        return ScopeSet.parse(value, field=field, subtrees=subtrees)
    except (TypeError, ValueError) as error:
        raise bad_request(str(error)) from None


def _check_count(value: list[object], field: str) -> None:
    count = sum(len(item) if isinstance(item, list) else 1 for item in value)
    if count > PATHS_MAX:
        raise bad_request(f"{field} names {count} paths; at most {PATHS_MAX} may be given")


def _summary(error: ValidationError) -> str:
    """Every fault in one line: `messages.0.role: ...`; values are not repeated."""
    faults = []
    for fault in error.errors(include_url=False, include_input=False):
        place = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        faults.append(f"{place}: {message}" if place else message)
    return "; ".join(faults)


def check_instant(text: str | None, field: str) -> int | None:
    """Microseconds of a validated time of a body; None stays None.

    Raises:
        Problem: 400, it cannot be told in UTC.
    """
    try:
        return parse_instant(text)
    except ValueError as error:
        raise bad_request(f"{field}: {error}") from None


def check_labels(labels: list[str] | None) -> frozenset[str]:
    """Distinct labels.

    Raises:
        Problem: 409, there are too many.
    """
    distinct = frozenset(labels or ())
    if len(distinct) > LABELS_MAX:
        raise conflict(f"{len(distinct)} labels are too many; a fact holds at most {LABELS_MAX}")
    return distinct


_Value = TypeVar("_Value")


def _read(
    query: Mapping[str, str], names: tuple[str, ...], read: Callable[[str], _Value]
) -> _Value | None:
    name = next((name for name in names if name in query), None)
    if name is None:
        return None
    try:
        return read(query[name])
    except (TypeError, ValueError, RecursionError) as error:
        raise _parameter_problem(name, error) from None


def _parameter_problem(name: str, error: Exception) -> Problem:
    return bad_request(f"query parameter {name}: {_first_line(error)}")


def read_instant(query: Mapping[str, str], *names: str) -> int | None:
    """A time among the query parameters, under the first of its names that occurs.

    Raises:
        Problem: 400, it is not RFC 3339.
    """
    return _read(query, names, parse_instant)


def read_number(
    query: Mapping[str, str], *names: str, default: int, minimum: int, maximum: int
) -> int:
    """A whole number among the query parameters, clamped to its limits.

    Raises:
        Problem: 400, it is not a whole number.
    """
    number = _read(query, names, _whole_number)
    return default if number is None else max(minimum, min(maximum, number))


def _whole_number(text: str) -> int:
    digits = text.strip()
    if not digits.lstrip("+-").isdecimal() or len(digits) > 18:  # noqa: PLR2004  # fits 64 bits
        raise ValueError(f"{text[:40]!r} is not a whole number")
    return int(digits)
