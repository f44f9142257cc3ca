"""Language and embedding models that a user brings.

The engine sees two small protocols; objects of LangChain and LlamaIndex are recognised by what
they can do, without importing either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

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
        """A vector for each text, in order."""
        ...

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question."""
        ...


def as_language_model(given: object) -> LanguageModel:
    """A model of LangChain or LlamaIndex, or a callable, as the engine uses it.

    Raises:
        TypeError: It is none of them.
    """
    raise TypeError(f"llm: {type(given).__name__} is no language model")


def as_embedder(given: object) -> Embedder:
    """Embeddings of LangChain or LlamaIndex, or a callable, as the engine uses them.

    Raises:
        TypeError: It is none of them.
    """
    raise TypeError(f"embeddings: {type(given).__name__} embeds nothing")
