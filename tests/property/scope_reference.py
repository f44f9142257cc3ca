"""A second, naive telling of the scope rules, to hold the library to.

It knows paths as plain texts with a slash on both ends and compares them by prefix; it shares
no code and no data structure with the library.
"""

from __future__ import annotations


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


def region_covers(patterns: list[str], path: str) -> bool:
    """Does any pattern cover the path?"""
    return len([1 for pattern in patterns if pattern_covers(pattern, path)]) > 0


def visible_clauses(record: list[list[str]], patterns: list[str]) -> list[list[str]]:
    """The record's clauses whose every path is covered; an empty clause never is."""
    seen = []
    for clause in record:
        uncovered = [path for path in clause if not region_covers(patterns, path)]
        if clause and not uncovered:
            seen.append(clause)
    return seen


def touches(path: str, entry: str) -> bool:
    """Does a record's path involve one entry of a lens?"""
    if entry in ("*", "/*"):
        return True
    if entry.endswith("/*"):
        return slashed(path).startswith(slashed(entry[:-2]))
    mine, theirs = slashed(path), slashed(entry)
    return mine.startswith(theirs) or theirs.startswith(mine)


def kept(record: list[list[str]], patterns: list[str], lens: list[list[str]]) -> bool:
    """Does a read with this lens return the record?"""
    for clause in visible_clauses(record, patterns):
        for wanted in lens:
            missing = [e for e in wanted if not [p for p in clause if touches(p, e)]]
            if not missing:
                return True
    return False


def satisfied(clauses: list[list[str]], held: set[str]) -> bool:
    """Is a formula in disjunctive normal form true when exactly these paths hold?"""
    return any(set(clause) <= held for clause in clauses)
