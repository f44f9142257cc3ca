"""Grants: which regions of the scope tree each verb covers, as stored and as written on the wire.

Pure functions. Imports `scopes`, `problems` and the models' verbs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias, get_args

from spectron_adapters.local.problems import bad_request
from spectron_adapters.models import Verb
from spectron_adapters.scopes import GrantPattern, Region

__all__ = [
    "EVERYTHING",
    "NOTHING",
    "VERBS",
    "Grants",
    "checked_grants",
    "confined",
    "contains",
    "everywhere",
    "grants_text",
    "intersect",
    "parse_floor",
    "parse_pattern",
    "patterns_of",
    "read_grants",
]

VERBS: tuple[Verb, ...] = get_args(Verb)

NOTHING = Region(())
EVERYTHING = GrantPattern("/*")
_VERBS = frozenset(VERBS)

Grants: TypeAlias = Mapping[str, Region]
"""Regions by verb; a verb that is missing is not granted."""


def everywhere(*verbs: Verb, pattern: GrantPattern = EVERYTHING) -> Grants:
    """The same pattern for several verbs; for all of them when none is named."""
    return dict.fromkeys(verbs or VERBS, Region((pattern,)))


def patterns_of(grants: Grants) -> dict[str, list[str]]:
    """Grants as they go on the wire: patterns by verb, without verbs that cover nothing."""
    return {
        verb: [str(item) for item in grants[verb].patterns] for verb in VERBS if grants.get(verb)
    }


def grants_text(grants: Grants) -> str:
    """Grants as they are stored."""
    return json.dumps(patterns_of(grants), ensure_ascii=False, separators=(",", ":"))


@lru_cache(maxsize=4096)
def read_grants(text: str) -> Grants:
    """Stored grants. What cannot be read grants nothing."""
    try:
        stored = {verb: Region.parse(patterns) for verb, patterns in json.loads(text).items()}
    except (AttributeError, TypeError, ValueError):
        stored = {}
    return MappingProxyType({verb: stored[verb] for verb in VERBS if verb in stored})


def checked_grants(given: Mapping[str, object]) -> Grants:
    """Grants of a request: patterns by verb, each a text or pairs such as `{"org": "acme"}`.

    Raises:
        Problem: 400, a verb is unknown or a pattern malformed.
    """
    unknown = sorted(set(given) - _VERBS)
    if unknown:
        raise bad_request(f"grants: unknown verbs {', '.join(unknown)}; known: {', '.join(VERBS)}")
    return {verb: _checked_region(verb, patterns) for verb, patterns in given.items()}


def _checked_region(verb: str, patterns: object) -> Region:
    try:
        return Region.parse(patterns)  # type: ignore[arg-type]  # parse checks
    except (AttributeError, TypeError, ValueError) as error:
        raise bad_request(f"grants of {verb}: {error}") from None


def parse_pattern(text: str) -> GrantPattern:
    """The pattern of a request.

    Raises:
        Problem: 400, it is blank or malformed.
    """
    try:
        return GrantPattern(text)
    except ValueError as error:
        raise bad_request(f"path: {error}") from None


def parse_floor(given: str | Mapping[str, str]) -> GrantPattern:
    """The subtree that confines a key; a path means the node with all that is below it.

    Raises:
        Problem: 400, it is blank or malformed.
    """
    try:
        pattern = GrantPattern.parse(given)
        return pattern if pattern.subtree else GrantPattern("/".join((*pattern.segments, "*")))
    except (AttributeError, TypeError, ValueError) as error:
        raise bad_request(f"scope_floor: {error}") from None


def intersect(one: Grants, other: Grants) -> Grants:
    """What both grant, verb by verb."""
    return {
        verb: one[verb].intersect(other[verb]) for verb in VERBS if verb in one and verb in other
    }


def confined(grants: Grants, floor: GrantPattern) -> Grants:
    """What is granted within a subtree."""
    region = Region((floor,))
    return {verb: held.intersect(region) for verb, held in grants.items()}


def contains(outer: Grants, inner: Grants) -> bool:
    """Whether `inner` grants nothing beyond `outer`."""
    return all(outer.get(verb, NOTHING).contains(region) for verb, region in inner.items())
