"""Python arguments as request bodies and query strings, checked before anything is sent.

A wrong value is a `ValueError`, a wrong type a `TypeError`; both name the method and the
argument, and neither repeats content. Only what the caller gave is sent.
Imports pydantic, `models`, `scopes` and `selectors`; never httpx.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticSerializationError

from spectron_adapters.models import format_timestamp, parse_timestamp
from spectron_adapters.scopes import ScopeLike, ScopeSet, scope_selector
from spectron_adapters.selectors import ScopeSource, Selectors

V = TypeVar("V")

Time: TypeAlias = "str | datetime"
"""RFC 3339 text or an aware datetime."""

Labels: TypeAlias = "Sequence[str] | Mapping[str, str]"
"""`key=value` texts, or a mapping of keys to values."""

_SHOWN_INPUT_LIMIT = 40
_NO_VALUES = ("the defaults of this client", None)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a view of a client fills in where a call says nothing.

    Attributes:
        scopes: Where writes go.
        lens: What reads are narrowed to. A view with scopes and no lens reads with its scopes.
        labels: Labels of writes, and filter of reads.
        on_behalf_of: Principal that calls act for.
        session_id: Session of writes, chats and recalls.
    """

    scopes: ScopeSource | None = None
    lens: ScopeSource | None = None
    labels: tuple[str, ...] | None = None
    on_behalf_of: str | None = None
    session_id: str | None = None

    def overlaid(self, nearer: Defaults) -> Defaults:
        """These defaults with everything that `nearer` gives laid over them.

        Scopes that come without a lens bring their own: the farther lens was made for others.
        """
        return Defaults(
            scopes=self.scopes if nearer.scopes is None else nearer.scopes,
            lens=self.lens if nearer.lens is None and nearer.scopes is None else nearer.lens,
            labels=_nearest(nearer.labels, self.labels),
            on_behalf_of=_nearest(nearer.on_behalf_of, self.on_behalf_of),
            session_id=_nearest(nearer.session_id, self.session_id),
        )


def _nearest(nearer: V | None, farther: V | None) -> V | None:
    return farther if nearer is None else nearer


def written_scopes(
    method: str, defaults: Defaults, given: ScopeLike | None
) -> list[list[str]] | None:
    """Where a call writes: what it gives, else the default."""
    chosen = defaults.scopes
    if given is not None or chosen is None:
        return scopes_argument(method, given, "scopes")
    return chosen.to_wire() if isinstance(chosen, ScopeSet) else _resolved(chosen, "scopes")


def read_lens(method: str, defaults: Defaults, given: ScopeLike | None) -> list[list[str]] | None:
    """What a call reads: what it gives, else the default lens, else the default scopes."""
    chosen = defaults.scopes if defaults.lens is None else defaults.lens
    if given is not None or chosen is None:
        return scopes_argument(method, given, "lens")
    return chosen.to_wire() if isinstance(chosen, ScopeSet) else _resolved(chosen, "lens")


def acting_principal(defaults: Defaults, given: str | None) -> str | None:
    """Whom a call acts for: what it gives, else the default."""
    default = defaults.on_behalf_of
    if given is not None or default is None or "{" not in default:
        return default if given is None else given
    return Selectors(on_behalf_of=default).resolve(_NO_VALUES).on_behalf_of


def _resolved(source: ScopeSource, field: Literal["scopes", "lens"]) -> list[list[str]] | None:
    """A default that is no plain set: its variables are an adapter's to fill, so it raises."""
    if field == "scopes":
        chosen = Selectors(scopes=source).resolve(_NO_VALUES).scopes
    else:
        chosen = Selectors(lens=source).resolve(_NO_VALUES).lens
    return None if chosen is None else chosen.to_wire()


def request_body(
    method: str,
    model: type[BaseModel],
    given: Mapping[str, object],
    *,
    renamed: Mapping[str, str] | None = None,
    optional: bool = False,
) -> bytes | None:
    """The JSON body with the fields that are not None.

    Args:
        method: The Python method, for messages.
        model: The request's model.
        given: Field names of the model with the caller's values.
        renamed: Fields that the method calls differently.
        optional: Whether an empty body is left away.

    Raises:
        TypeError: A value has the wrong type.
        ValueError: A value is out of range or malformed.
    """
    present = {name: value for name, value in given.items() if value is not None}
    if optional and not present:
        return None
    try:
        request = model.model_validate(present)
    except ValidationError as error:
        refused = argument_error(method, model, error, renamed or {})
    except TypeError as error:
        refused = TypeError(f"{method}(): {error}")
    else:
        return _as_json(method, request)
    raise refused


def _as_json(method: str, request: BaseModel) -> bytes:
    try:
        text = request.model_dump_json(by_alias=True, exclude_unset=True)
    except PydanticSerializationError as error:
        refused = TypeError(f"{method}(): not serialisable as JSON: {error}")
    else:
        return text.encode()
    raise refused


def argument_error(
    method: str, model: type[BaseModel], error: ValidationError, renamed: Mapping[str, str]
) -> ValueError | TypeError:
    """A plain error that names method and argument, without pydantic's form."""
    first = error.errors(include_url=False, include_context=False)[0]
    argument = _argument_name(model, first["loc"], renamed)
    message = f"{method}(): {argument}{_reason(first)}"
    wrong_type = first["type"].endswith("_type")
    return TypeError(message) if wrong_type else ValueError(message)


def _argument_name(
    model: type[BaseModel], location: tuple[int | str, ...], renamed: Mapping[str, str]
) -> str:
    if not location:
        return ""
    head, *rest = location
    name = _field_names(model).get(str(head), str(head))
    path = renamed.get(name, name)
    for part in rest:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return f"{path}: "


@cache
def _field_names(model: type[BaseModel]) -> dict[str, str]:
    names: dict[str, str] = {}
    for name, field in model.model_fields.items():
        aliases = getattr(field.validation_alias, "choices", [field.validation_alias])
        names |= {str(alias): name for alias in (*aliases, field.alias, name) if alias}
    return names


def _reason(error: ErrorDetails) -> str:
    message = re.sub(r"^(Value|Assertion) error, ", "", error["msg"])
    message = message[:1].lower() + message[1:]
    value = error["input"]
    if error["type"].endswith("_type") and value is not None:
        return f"{message}, got {type(value).__name__}"
    is_choice = error["type"] == "literal_error" and len(str(value)) <= _SHOWN_INPUT_LIMIT
    if is_choice or isinstance(value, (int, float)):
        return f"{message}, got {value!r}"
    return message


# --- single arguments ---------------------------------------------------------------------------


def labels_argument(method: str, labels: Labels | None) -> list[str] | None:
    """Labels as the wire wants them: a list of `key=value`.

    Raises:
        TypeError: A bare string, or something that is no collection.
    """
    if labels is None:
        return None
    if isinstance(labels, Mapping):
        return [f"{key}={value}" for key, value in labels.items()]
    if isinstance(labels, (str, bytes)) or not isinstance(labels, Iterable):
        msg = (
            f"{method}(): labels must be a list of key=value texts or a mapping, "
            f"got {type(labels).__name__}"
        )
        raise TypeError(msg)
    return list(labels)


def scopes_argument(
    method: str, value: ScopeLike | None, field: str = "scopes"
) -> list[list[str]] | None:
    """A scope selector in its wire form; None leaves it to the key's default region."""
    try:
        return scope_selector(value, field=field)
    except (ValueError, TypeError) as error:
        refused = type(error)(f"{method}(): {error}")
    raise refused


def time_argument(method: str, name: str, value: object) -> str | None:
    """A time as RFC 3339 text.

    Raises:
        TypeError: Neither text nor a datetime.
        ValueError: Not RFC 3339, or without a time zone.
    """
    if value is None:
        return None
    if not isinstance(value, (str, datetime)):
        msg = f"{method}(): {name} must be a string or datetime, got {type(value).__name__}"
        raise TypeError(msg)
    try:
        if isinstance(value, datetime):
            return format_timestamp(value)
        parse_timestamp(value)
    except ValueError as error:
        refused = ValueError(f"{method}(): {name}: {error}")
    else:
        return value
    raise refused


def text_argument(method: str, name: str, value: object) -> str:
    """A name or id that goes into the path or the query.

    Raises:
        TypeError: Not a string.
        ValueError: Blank, or not encodable.
    """
    if not isinstance(value, str):
        msg = f"{method}(): {name} must be a string, got {type(value).__name__}"
        raise TypeError(msg)
    if not value.strip():
        msg = f"{method}(): {name} is blank"
        raise ValueError(msg)
    if any("\ud800" <= character <= "\udfff" for character in value):
        msg = f"{method}(): {name} holds a lone surrogate, which UTF-8 cannot encode"
        raise ValueError(msg)
    return value


def count_argument(method: str, name: str, value: object, *, least: int) -> str | None:
    """A whole number for the query.

    Raises:
        TypeError: Not an integer.
        ValueError: Below `least`.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"{method}(): {name} must be a whole number, got {type(value).__name__}"
        raise TypeError(msg)
    if value < least:
        msg = f"{method}(): {name} must be at least {least}, got {value}"
        raise ValueError(msg)
    return str(value)


def choice_argument(method: str, name: str, value: object, choices: tuple[str, ...]) -> str | None:
    """One of a closed set of words, for the query.

    Raises:
        TypeError: Not a string.
        ValueError: Not one of them.
    """
    if value is None:
        return None
    text = text_argument(method, name, value)
    if text not in choices:
        msg = f"{method}(): {name} must be one of {', '.join(choices)}; got {text[:40]!r}"
        raise ValueError(msg)
    return text


def optional_text(method: str, name: str, value: str | None) -> str | None:
    """Text for the query, checked when it was given."""
    return None if value is None else text_argument(method, name, value)


def query_pairs(pairs: Mapping[str, str | None]) -> dict[str, str]:
    """The pairs that were given."""
    return {name: value for name, value in pairs.items() if value is not None}


def temporal_query(
    method: str,
    as_of: Time | None,
    at_instant: Time | None,
    valid_from: Time | None,
    valid_until: Time | None,
) -> dict[str, str]:
    """The four times as query parameters."""
    return query_pairs(
        {
            "asOf": time_argument(method, "as_of", as_of),
            "atInstant": time_argument(method, "at_instant", at_instant),
            "validFrom": time_argument(method, "valid_from", valid_from),
            "validUntil": time_argument(method, "valid_until", valid_until),
        }
    )


def lens_query(lens: list[list[str]] | None) -> dict[str, str]:
    """A lens as a query parameter."""
    return {} if lens is None else {"lens": json.dumps(lens)}


def scope_query(method: str, scope: str | Mapping[str, str] | None) -> dict[str, str]:
    """A scope as query parameters: one path, or one parameter for each pair."""
    if scope is None:
        return {}
    if isinstance(scope, Mapping):
        pairs = {f"scope[{key}]": value for key, value in scope.items()}
    else:
        pairs = {"scope": scope}
    return {name: text_argument(method, name, value) for name, value in pairs.items()}


def grants_argument(
    method: str, grants: Mapping[str, Sequence[V]] | None
) -> dict[str, list[V]] | None:
    """Grants as lists of patterns by verb.

    Raises:
        TypeError: A verb has a bare string instead of a list of patterns.
    """
    if grants is None:
        return None
    for verb, patterns in grants.items():
        if isinstance(patterns, (str, bytes)) or not isinstance(patterns, Sequence):
            msg = f"{method}(): grants[{verb!r}] must be a list of patterns"
            raise TypeError(msg)
    return {verb: list(patterns) for verb, patterns in grants.items()}


def nested_argument(
    method: str, name: str, model: type[BaseModel], value: Mapping[str, object] | BaseModel | None
) -> object:
    """A nested object whose every name is known, so that no misspelt filter is lost silently.

    Raises:
        ValueError: A name that the model does not have.
    """
    if isinstance(value, Mapping):
        known = _field_names(model)
        unknown = [str(key) for key in value if key not in known]
        if unknown:
            fields_known = ", ".join(model.model_fields)
            msg = f"{method}(): {name} has no field {unknown[0]!r}; it has {fields_known}"
            raise ValueError(msg)
    return value


def nested_arguments(
    method: str, name: str, model: type[BaseModel], values: Sequence[object] | None
) -> list[object] | None:
    """The same for each item of a list.

    Raises:
        TypeError: Not a list.
        ValueError: An item has a name that the model does not have.
    """
    if values is None:
        return None
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        msg = f"{method}(): {name} must be a list, got {type(values).__name__}"
        raise TypeError(msg)
    return [
        nested_argument(method, f"{name}[{number}]", model, value)
        if isinstance(value, Mapping)
        else value
        for number, value in enumerate(values)
    ]
