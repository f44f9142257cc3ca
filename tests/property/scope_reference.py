"""A second, naive telling of the scope rules, to hold the library to.

It knows paths as plain texts with a slash on both ends and compares them by prefix; it shares
no code and no data structure with the library.
"""

from __future__ import annotations

from collections.abc import Sequence

Clauses = Sequence[Sequence[str]]


def slashed(path: str) -> str:
    """`org/acme` as `/org/acme/`; the root as `/`."""
    return "/" + "".join(f"{part}/" for part in path.split("/") if part)


def pattern_covers(pattern: str, path: str) -> bool:
    """Does one grant pattern cover one path?"""
    if pattern in ("*", "/*"):
        return True
    if pattern.endswith("/*"):
        return slashed(path).startswith(slashed(pattern[:-2]))
    return slashed(pattern) == slashed(path)


def region_covers(patterns: Sequence[str], path: str) -> bool:
    """Does any pattern cover the path?"""
    return len([1 for pattern in patterns if pattern_covers(pattern, path)]) > 0


def common(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """The patterns of what two lists of patterns both cover.

    Of two patterns that meet, one lies within the other: that one is what they share.
    """
    shared: list[str] = []
    for one in first:
        for other in second:
            inner = None
            if pattern_within(one, other):
                inner = one
            elif pattern_within(other, one):
                inner = other
            if inner is not None and inner not in shared:
                shared.append(inner)
    return shared


def pattern_within(inner: str, outer: str) -> bool:
    """Does one pattern cover nothing that the other does not?"""
    if inner in ("*", "/*") or inner.endswith("/*"):
        subtree = "/" if inner in ("*", "/*") else inner[:-2]
        return outer.endswith("*") and pattern_covers(outer, subtree)
    return pattern_covers(outer, inner)


def visible_clauses(record: Clauses, patterns: Sequence[str]) -> list[list[str]]:
    """The record's clauses whose every path is covered; an empty clause never is."""
    seen = []
    for clause in record:
        uncovered = [path for path in clause if not region_covers(patterns, path)]
        if clause and not uncovered:
            seen.append(list(clause))
    return seen


def touches(path: str, entry: str) -> bool:
    """Does a record's path involve one entry of a lens?"""
    if entry in ("*", "/*"):
        return True
    if entry.endswith("/*"):
        return slashed(path).startswith(slashed(entry[:-2]))
    mine, theirs = slashed(path), slashed(entry)
    return mine.startswith(theirs) or theirs.startswith(mine)


def kept(record: Clauses, patterns: Sequence[str], lens: Clauses) -> bool:
    """Does a read with this lens return the record?"""
    for clause in visible_clauses(record, patterns):
        for wanted in lens:
            missing = [e for e in wanted if not [p for p in clause if touches(p, e)]]
            if not missing:
                return True
    return False


def readable(record: Clauses, patterns: Sequence[str], lens: Clauses | None) -> bool:
    """Does a read return the record, with a lens or without?"""
    if lens is None:
        return bool(visible_clauses(record, patterns))
    return kept(record, patterns, lens)


def satisfied(clauses: Clauses, held: set[str]) -> bool:
    """Is a formula in disjunctive normal form true when exactly these paths hold?"""
    return any(set(clause) <= held for clause in clauses)
