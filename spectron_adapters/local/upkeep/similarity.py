"""Names that probably mean the same thing, found without comparing every pair.

Sorted neighbourhood: names are sorted three ways (forwards, backwards, by their words), and each
is compared with its nearest neighbours only, so that the work grows with the number of names.
Pure; imports the standard library only.

Source: Hernández and Stolfo, The merge/purge problem for large databases, SIGMOD 1995.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

__all__ = ["similar_pairs", "similarity"]

_NEIGHBOURS = 10
_LONGEST = 100


def similarity(first: str, second: str) -> float:
    """How alike two normalised names are, 0 to 1, whatever the order of their words.

    Names whose numbers differ are not alike: `room_12` is not `room_13`.

    Source: Ratcliff and Metzener, Pattern matching: the gestalt approach, 1988.
    """
    words, others = _words(first), _words(second)
    if words == others:
        return 1.0
    if _numbers(words) != _numbers(others):
        return 0.0
    return SequenceMatcher(
        None, "_".join(words)[:_LONGEST], "_".join(others)[:_LONGEST], autojunk=False
    ).ratio()


def _words(name: str) -> list[str]:
    return sorted(name.split("_"))


def _numbers(words: Sequence[str]) -> list[str]:
    return [word for word in words if any(letter.isdigit() for letter in word)]


def similar_pairs(names: Sequence[str], threshold: float) -> Iterator[tuple[int, int, float]]:
    """Pairs of positions whose names are alike enough, each once.

    Args:
        names: Normalised names.
        threshold: Least similarity, 0 to 1.

    Yields:
        The smaller position, the greater one, and the similarity.
    """
    outlines = [_Outline.of(name) for name in names]
    for first, second in _neighbours(names):
        if outlines[first].may_resemble(outlines[second], threshold):
            alike = similarity(names[first], names[second])
            if alike >= threshold:
                yield first, second, alike


def _neighbours(names: Sequence[str]) -> set[tuple[int, int]]:
    """Pairs of positions that stand close to each other in some order."""
    pairs: set[tuple[int, int]] = set()
    for order in _ORDERS:
        places = sorted(range(len(names)), key=lambda at: (order(names[at]), at))
        for distance in range(1, _NEIGHBOURS + 1):
            pairs.update(
                (min(pair), max(pair)) for pair in zip(places, places[distance:], strict=False)
            )
    return pairs


_ORDERS: tuple[Callable[[str], str], ...] = (
    str,
    lambda name: name[::-1],
    lambda name: "_".join(_words(name)),
)


@dataclass(frozen=True, slots=True)
class _Outline:
    """What bounds the similarity of two names and costs less than comparing them."""

    length: int
    numbers: tuple[str, ...]
    letters: Counter[str]

    @classmethod
    def of(cls, name: str) -> _Outline:
        kept = name[:_LONGEST]
        return cls(len(kept), tuple(_numbers(_words(name))), Counter(kept))

    def may_resemble(self, other: _Outline, threshold: float) -> bool:
        needed = threshold * (self.length + other.length)
        if 2 * min(self.length, other.length) < needed or self.numbers != other.numbers:
            return False
        return 2 * (self.letters & other.letters).total() >= needed
