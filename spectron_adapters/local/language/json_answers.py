"""Answers of a language model as JSON of a given shape, with one attempt at repair.

Imports `models` and pydantic.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from spectron_adapters.local.language.models import LanguageModel, Prompt

__all__ = ["ask_json", "fenced"]

_Shape = TypeVar("_Shape", bound=BaseModel)

_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL | re.IGNORECASE)
_ANSWER_MAX = 200_000
_FAULTS_MAX = 10
_QUOTED_MAX = 8000


def ask_json(model: LanguageModel, prompts: Sequence[Prompt], shape: type[_Shape]) -> _Shape:
    """Ask for JSON and check it; a faulty answer is sent back once with what is wrong with it.

    Raises:
        ValueError: The repaired answer is faulty as well.
    """
    first = model.complete(prompts)
    try:
        return _read(first, shape)
    except ValueError as error:
        repair = (
            f"That answer cannot be used: {error}\n"
            "Answer again with the corrected JSON object and nothing else."
        )
    again = [*prompts, Prompt("assistant", first[:_QUOTED_MAX] or "{}"), Prompt("user", repair)]
    return _read(model.complete(again), shape)


def fenced(tag: str, value: object) -> str:
    """Data for a prompt: JSON between tags, which nothing inside can close."""
    text = json.dumps(value, ensure_ascii=False, indent=0)
    return f"<{tag}>\n{_harmless(text)}\n</{tag}>"


def _harmless(json_text: str) -> str:
    return json_text.replace("<", "\\u003c").replace(">", "\\u003e")


def _read(answer: str, shape: type[_Shape]) -> _Shape:
    if len(answer) > _ANSWER_MAX:
        raise ValueError(f"it is longer than {_ANSWER_MAX} characters")
    try:
        value = json.loads(_json_part(answer), parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair, which is no text") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"it is not JSON: {error}") from None
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        raise ValueError(_faults(error)) from None


def _json_part(answer: str) -> str:
    """The JSON of an answer: in a code fence, or from the first brace to the last."""
    found = _FENCE.search(answer)
    text = found[1] if found else answer
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        raise ValueError("there is no JSON object in it")
    return text[start : end + 1]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _faults(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_input=False)[:_FAULTS_MAX]
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'the object'}: {fault['msg']}"
        for fault in faults
    )
