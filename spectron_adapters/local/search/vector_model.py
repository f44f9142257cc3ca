"""The embedder as search uses it: its vectors checked, normalised and packed.

Imports numpy only where vectors are computed with; whoever gives no embedder needs none.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers: TypeAlias = NDArray[np.float32]

__all__ = ["Embedder", "EmbeddingError", "QueryVector", "VectorModel"]


class Embedder(Protocol):
    """What turns texts into vectors."""

    @property
    def name(self) -> str:
        """Changes when the model changes."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """A vector for each text, in order."""
        ...

    def embed_query(self, text: str) -> Sequence[float]:
        """The vector of a question."""
        ...


class EmbeddingError(ValueError):
    """An embedder failed, or gave something that is no vector; says no word of the text."""


@dataclass(frozen=True, slots=True)
class QueryVector:
    """The vector of a question, L2-normalised, and the model that made it."""

    model: str
    numbers: Numbers


class VectorModel:
    """An embedder whose vectors are checked and packed; threads share it.

    Args:
        embedder: Any object with `name`, `embed_texts` and `embed_query`.

    Attributes:
        name: The embedder's, which changes when the model does.
        catching_up: Held while rows get their vectors, so that none is embedded twice.

    Raises:
        ValueError: numpy is not installed.
    """

    def __init__(self, embedder: Embedder) -> None:
        if find_spec("numpy") is None:
            raise ValueError(
                "embeddings need numpy: pip install 'spectron-adapters[vectors]', or leave "
                "embeddings out to search by words alone"
            )
        self._embedder = embedder
        self.name: str = embedder.name
        self.catching_up = threading.Lock()

    def embed_texts(self, texts: Sequence[str]) -> list[list[float]]:
        """A normalised vector for each text, in order.

        Raises:
            EmbeddingError: The embedder failed.
        """
        matrix: list[list[float]] = self._checked_texts(texts).tolist()
        return matrix

    def embed_query(self, text: str) -> list[float]:
        """The normalised vector of a question.

        Raises:
            EmbeddingError: The embedder failed.
        """
        vector: list[float] = self.query(text).numbers.tolist()
        return vector

    def query(self, text: str) -> QueryVector:
        """The vector of a question, ready to be compared.

        Raises:
            EmbeddingError: The embedder failed.
        """
        try:
            given = self._embedder.embed_query(text)
        except Exception as error:  # noqa: BLE001  # a foreign model may fail in any way
            raise EmbeddingError(type(error).__name__) from None
        return QueryVector(self.name, _normalised([given], count=1)[0])

    def packed(self, texts: Sequence[str]) -> tuple[int, list[bytes]]:
        """Vectors as they are stored, with their number of dimensions.

        Raises:
            EmbeddingError: The embedder failed.
        """
        matrix = self._checked_texts(texts)
        halves = matrix.astype("<f2")
        return int(matrix.shape[1]), [row.tobytes() for row in halves]

    def _checked_texts(self, texts: Sequence[str]) -> Numbers:
        try:
            given = self._embedder.embed_texts(texts)
        except Exception as error:  # noqa: BLE001  # a foreign model may fail in any way
            raise EmbeddingError(type(error).__name__) from None
        return _normalised(given, count=len(texts))


def _normalised(given: object, *, count: int) -> Numbers:
    import numpy as np  # noqa: PLC0415  # an extra

    try:
        matrix = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise EmbeddingError("vectors of unequal length, or none") from None
    if matrix.ndim != 2 or matrix.shape[0] != count or not matrix.shape[1]:  # noqa: PLR2004
        raise EmbeddingError("another number of vectors than texts")
    if not np.isfinite(matrix).all():
        raise EmbeddingError("vectors with numbers that are not finite")
    largest = np.abs(matrix).max(axis=1, keepdims=True)
    matrix = matrix / np.where(largest > 0, largest, 1.0)
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    normalised: Numbers = (matrix / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return normalised
