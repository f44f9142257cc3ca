"""Location filters, checked. Imports `problems` and `models`."""

from __future__ import annotations

import re

from spectron_adapters.local.problems import bad_request
from spectron_adapters.models.requests import LocationFilter

__all__ = ["check_location"]

_TEXT_MAX = 100_000
_POINT = r"\s*[-+]?\d+(?:\.\d+)?\s+[-+]?\d+(?:\.\d+)?\s*"
_RING = re.compile(rf"\s*\(({_POINT}(?:,{_POINT}){{3,}})\)\s*")
_AREA = re.compile(r"\s*(MULTI)?POLYGON\s*\((.*)\)\s*", re.IGNORECASE | re.DOTALL)


def check_location(location: LocationFilter | None) -> None:
    """Refuse an area that is not well-formed (a circle was checked with the request).

    Raises:
        Problem: 400, `within` is neither a POLYGON nor a MULTIPOLYGON of closed rings in WKT.
    """
    if location is None or location.within is None:
        return
    area = _AREA.fullmatch(location.within[:_TEXT_MAX])
    if area is None or len(location.within) > _TEXT_MAX:
        raise _malformed("it begins with neither POLYGON ((…)) nor MULTIPOLYGON (((…)))")
    for polygon in _polygons(area[2]) if area[1] else [area[2]]:
        _check_rings(polygon)


def _polygons(text: str) -> list[str]:
    """The polygons of a MULTIPOLYGON, without their parentheses."""
    parts = re.split(r"\)\s*\)\s*,\s*\(\s*\(", text.strip())
    if not (parts[0].startswith("(") and parts[-1].endswith(")")):
        raise _malformed("a polygon of it is not in parentheses")
    joined = [*parts]
    joined[0] = joined[0][1:].strip()
    joined[-1] = joined[-1][:-1].strip()
    if len(joined) == 1:
        return joined
    return [f"{joined[0]})", *(f"({part})" for part in joined[1:-1]), f"({joined[-1]}"]


def _check_rings(polygon: str) -> None:
    start = 0
    while True:
        ring = _RING.match(polygon, start)
        if ring is None:
            raise _malformed("a ring of it is not at least four points (x y, x y, …)")
        points = [tuple(map(float, point.split())) for point in ring[1].split(",")]
        if points[0] != points[-1]:
            raise _malformed("a ring of it does not end where it begins")
        start = ring.end()
        if start == len(polygon):
            return
        if polygon[start] != ",":
            raise _malformed("its rings are not separated by commas")
        start += 1


def _malformed(reason: str) -> Exception:
    return bad_request(f"location.within is no area in WKT: {reason}")
