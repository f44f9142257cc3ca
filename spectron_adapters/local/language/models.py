"""Language and embedding models that a user brings.

The engine sees two small protocols; objects of LangChain and LlamaIndex are recognised by what
they can do. Imports the standard library only; neither framework is loaded that the user has not
loaded already.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

__all__ = ["Embedder", "LanguageModel", "Prompt", "as_embedder", "as_language_model"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One message to a language model.

    Attributes:
        role: system, user or assistant.
        text: What is said.
    """

    role: str
    text: str


class LanguageModel(Protocol):
    """Answers prompts; threads may share it."""

    name: str
    """For traces and `GET /providers`, without secrets."""

    def complete(self, prompts: Sequence[Prompt]) -> str:
        """The whole answer."""
        ...

    def stream(self, prompts: Sequence[Prompt]) -> Iterator[str]:
        """The answer in pieces, as they come."""
        ...


class Embedder(Protocol):
    """Turns texts into vectors; threads may share it."""

    name: str
    """Changes when the model changes, so that vectors of two models are never mixed."""

    def embed_texts(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector for each text, in order; finite numbers, all of one length.

        Raises:
            ValueError: The model returned something else.
        """
        ...

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question.

        Raises:
            ValueError: The model returned something else.
        """
        ...


def as_language_model(given: object) -> LanguageModel:
    """A model of LangChain or LlamaIndex, or a callable, as the engine uses it.

    A callable takes the messages as a list of `{"role": …, "content": …}` and returns the answer,
    or an iterator of its pieces. It must be synchronous; of a framework's model the synchronous
    methods are called.

    Args:
        given: A LangChain chat model (anything with `invoke` and `stream`), a LlamaIndex `LLM`
            (`chat` and `stream_chat`), an object with `name`, `complete` and `stream` as
            `LanguageModel` has them, or a callable.

    Raises:
        TypeError: It is none of them, a class, or asynchronous.
    """
    _refuse_class(given, "llm")
    if _can(given, "chat", "stream_chat"):
        _refuse_coroutines(given, "llm", "chat", "stream_chat")
        return _LlamaIndexModel(given)
    if _can(given, "invoke", "stream"):
        _refuse_coroutines(given, "llm", "invoke", "stream")
        return _LangChainModel(given)
    if _can(given, "complete", "stream") and isinstance(getattr(given, "name", None), str):
        _refuse_coroutines(given, "llm", "complete", "stream")
        return cast("LanguageModel", given)
    if callable(given):
        _refuse_coroutines(given, "llm", "__call__")
        return _CallableModel(given)
    raise TypeError(
        f"llm: {type(given).__name__} is no language model; pass a LangChain chat model, a "
        "LlamaIndex LLM, or a function from a list of messages to text"
    )


def as_embedder(given: object) -> Embedder:
    """Embeddings of LangChain or LlamaIndex, or a callable, as the engine uses them.

    Args:
        given: LangChain `Embeddings` (`embed_documents` and `embed_query`), a LlamaIndex
            `BaseEmbedding` (`get_text_embedding_batch` and `get_query_embedding`), an object with
            `name`, `embed_texts` and `embed_query`, or a callable from a list of texts to a list
            of vectors.

    Raises:
        TypeError: It is none of them, a class, or asynchronous.
    """
    _refuse_class(given, "embeddings")
    for texts, query in _EMBEDDING_METHODS:
        if _can(given, texts, query):
            _refuse_coroutines(given, "embeddings", texts, query)
            return _MethodEmbedder(given, texts=texts, query=query)
    if callable(given):
        _refuse_coroutines(given, "embeddings", "__call__")
        return _CallableEmbedder(given)
    raise TypeError(
        f"embeddings: {type(given).__name__} embeds nothing; pass LangChain Embeddings, a "
        "LlamaIndex embedding, or a function from a list of texts to a list of vectors"
    )


_EMBEDDING_METHODS = (
    ("embed_documents", "embed_query"),
    ("get_text_embedding_batch", "get_query_embedding"),
    ("embed_texts", "embed_query"),
)


def _can(given: object, *methods: str) -> bool:
    return all(callable(getattr(given, method, None)) for method in methods)


def _refuse_class(given: object, option: str) -> None:
    if isinstance(given, type):
        raise TypeError(f"{option}: {given.__name__} is a class; pass an instance of it")


def _refuse_coroutines(given: object, option: str, *methods: str) -> None:
    for method in (given, *(getattr(given, name, None) for name in methods)):
        if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
            raise TypeError(
                f"{option}: {_called(given)} is asynchronous; requests run in threads without an "
                "event loop, so pass a synchronous one"
            )


# --- language models ----------------------------------------------------------------------------


class _LangChainModel:
    """A LangChain chat model, completion model or runnable."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401  # duck-typed
        self._model = model
        self.name = _model_name(model)

    def complete(self, prompts: Sequence[Prompt]) -> str:
        return _text_of(self._model.invoke(_pairs(prompts)))

    def stream(self, prompts: Sequence[Prompt]) -> Iterator[str]:
        return _pieces(map(_text_of, self._model.stream(_pairs(prompts))))


class _LlamaIndexModel:
    """A LlamaIndex model."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401  # duck-typed
        self._model = model
        self.name = _model_name(model)

    def complete(self, prompts: Sequence[Prompt]) -> str:
        return _text_of(self._model.chat(self._messages(prompts)).message)

    def stream(self, prompts: Sequence[Prompt]) -> Iterator[str]:
        return _pieces(
            part.delta or "" for part in self._model.stream_chat(self._messages(prompts))
        )

    @staticmethod
    def _messages(prompts: Sequence[Prompt]) -> list[object]:
        message = importlib.import_module("llama_index.core.base.llms.types").ChatMessage
        return [message(role=prompt.role, content=prompt.text) for prompt in prompts]


class _CallableModel:
    """A function from messages to text, or to an iterator of pieces."""

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function
        self.name = _called(function)

    def complete(self, prompts: Sequence[Prompt]) -> str:
        return "".join(self.stream(prompts))

    def stream(self, prompts: Sequence[Prompt]) -> Iterator[str]:
        messages = [{"role": prompt.role, "content": prompt.text} for prompt in prompts]
        answer = self._function(messages)
        if inspect.iscoroutine(answer):
            answer.close()
            raise TypeError("llm: the function returned a coroutine; it must be synchronous")
        if isinstance(answer, str):
            return iter((answer,))
        if isinstance(answer, Iterable) and not isinstance(answer, bytes | Mapping):
            return _pieces(answer)
        raise TypeError(f"llm: the function returned {type(answer).__name__}, not text")


def _pairs(prompts: Sequence[Prompt]) -> list[tuple[str, str]]:
    return [(prompt.role, prompt.text) for prompt in prompts]


def _pieces(parts: Iterable[object]) -> Iterator[str]:
    for part in parts:
        if not isinstance(part, str):
            raise TypeError(f"llm: a piece of the answer is {type(part).__name__}, not text")
        if part:
            yield part


def _text_of(message: object) -> str:
    """The text of an answer: a string, or a message whose content is text or a list of blocks."""
    content = message if isinstance(message, str) else getattr(message, "content", None)
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(_text_of_block(block) for block in content)
    raise TypeError(f"llm: the answer's content is {type(content).__name__}, not text")


def _text_of_block(block: object) -> str:
    if isinstance(block, str):
        return block
    if isinstance(block, Mapping) and block.get("type", "text") == "text":
        text = block.get("text", "")
        return text if isinstance(text, str) else ""
    return ""


# --- embeddings ---------------------------------------------------------------------------------


class _MethodEmbedder:
    """An object with one method for texts and one for a question."""

    def __init__(self, model: object, *, texts: str, query: str) -> None:
        self._texts: Callable[[list[str]], object] = getattr(model, texts)
        self._query: Callable[[str], object] = getattr(model, query)
        own = getattr(model, "name", None) if texts == "embed_texts" else None
        self.name = own if isinstance(own, str) and own else _fingerprint(model)

    def embed_texts(self, texts: Sequence[str]) -> list[list[float]]:
        return _vectors(self._texts(list(texts)), len(texts)) if texts else []

    def embed_query(self, text: str) -> list[float]:
        (vector,) = _vectors([self._query(text)], 1)
        return vector


class _CallableEmbedder:
    """A function from texts to vectors."""

    def __init__(self, function: Callable[[list[str]], object]) -> None:
        self._function = function
        self.name = _fingerprint(function)

    def embed_texts(self, texts: Sequence[str]) -> list[list[float]]:
        return _vectors(self._function(list(texts)), len(texts)) if texts else []

    def embed_query(self, text: str) -> list[float]:
        (vector,) = self.embed_texts([text])
        return vector


def _vectors(given: object, count: int) -> list[list[float]]:
    if inspect.iscoroutine(given):
        given.close()
        raise ValueError("embeddings: the function returned a coroutine; it must be synchronous")
    try:
        vectors = [[float(number) for number in vector] for vector in cast("Any", given)]
    except (TypeError, ValueError):
        raise ValueError("embeddings: the model returned no list of vectors of numbers") from None
    if len(vectors) != count:
        raise ValueError(f"embeddings: {len(vectors)} vectors came back for {count} texts")
    lengths = {len(vector) for vector in vectors}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(
            f"embeddings: vectors have lengths {sorted(lengths)}; one length is needed"
        )
    if not all(math.isfinite(number) for vector in vectors for number in vector):
        raise ValueError("embeddings: a vector holds a number that is not finite")
    return vectors


# --- names --------------------------------------------------------------------------------------

_NAME_FIELDS = ("model_name", "model", "model_id", "deployment_name", "azure_deployment", "repo_id")
_SHAPE_FIELDS = ("dimensions", "size", "embed_dim", "output_dimensionality")
_PLAIN_NAME = re.compile(r"[\w./:+-]{1,120}")


def _model_name(model: object) -> str:
    """The class and the model's own name: `ChatOpenAI/gpt-4o`."""
    names = _values(model, _NAME_FIELDS)
    return "/".join([type(model).__name__, *names[:1]])


def _fingerprint(model: object) -> str:
    """What tells models apart: class path, model names, shape; never keys or addresses."""
    kind = model if inspect.isroutine(model) else type(model)
    path = f"{kind.__module__}.{getattr(kind, '__qualname__', type(model).__qualname__)}"
    return "/".join([path, *_values(model, _NAME_FIELDS), *_values(model, _SHAPE_FIELDS)])


def _values(model: object, fields: Sequence[str]) -> list[str]:
    values = (getattr(model, field, None) for field in fields)
    told = [
        _plain(str(value))
        for value in values
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value)
    ]
    return list(dict.fromkeys(told))


def _plain(name: str) -> str:
    """A name as it is; an address or anything odd, which may hold a secret, as a digest."""
    if _PLAIN_NAME.fullmatch(name) and "://" not in name:
        return name
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:16]


def _called(function: object) -> str:
    name = getattr(function, "__name__", None)
    return name if isinstance(name, str) else type(function).__name__
