"""The three clocks as conditions on rows of the graph. Imports `bodies` and the standard library.

`asOf` asks what was known, `atInstant` what was valid, `validFrom` and `validUntil` bound a row's
own interval; without any, rows are asked for that are valid now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spectron_adapters.local.bodies import read_instant

__all__ = ["Moment", "read_moment"]


@dataclass(frozen=True, slots=True)
class Moment:
    """The temporal parameters of a request about entities; microseconds."""

    now: int
    as_of: int | None = None
    at_instant: int | None = None
    valid_from: int | None = None
    valid_until: int | None = None

    @property
    def parameters(self) -> dict[str, int | None]:
        """Values for the names that the conditions use."""
        return {
            "now": self.now,
            "as_of": self.as_of,
            "at_instant": self.at_instant,
            "valid_from": self.valid_from,
            "valid_until": self.valid_until,
        }

    def condition(self, *, relation: bool = False) -> str:
        """SQL for rows as the request wants to see them."""
        given = self._given(relation=relation)
        if not given:
            given = ["valid_from <= :now AND (valid_until IS NULL OR valid_until > :now)"]
        return " AND ".join(given)

    @property
    def history_condition(self) -> str:
        """SQL for rows of a whole chain, narrowed by what was given only."""
        given = self._given(relation=False)
        if self.as_of is not None:
            given[0] = "known_from <= :as_of"
        return " AND ".join(given) or "1"

    @property
    def existence_condition(self) -> str:
        """SQL for entities: rows' own bounds do not decide whether an entity is shown."""
        if self.as_of is None and self.at_instant is None and self._bounds():
            return "1"
        return Moment(self.now, self.as_of, self.at_instant).condition()

    def _bounds(self) -> list[str]:
        bounds = []
        if self.valid_from is not None:
            bounds.append("valid_from >= :valid_from")
        if self.valid_until is not None:
            bounds.append("valid_until <= :valid_until")
        return bounds

    def _given(self, *, relation: bool) -> list[str]:
        given = []
        if self.as_of is not None:
            given.append(_RELATION_AS_OF if relation else _AS_OF)
        if self.at_instant is not None:
            given.append(
                "valid_from <= :at_instant AND (valid_until IS NULL OR valid_until > :at_instant)"
            )
        return given + self._bounds()


_AS_OF = "known_from <= :as_of AND (known_until IS NULL OR known_until > :as_of)"
_RELATION_AS_OF = (
    "known_from <= :as_of AND valid_from <= :as_of"
    " AND (valid_until IS NULL OR valid_until > :as_of)"
)


def read_moment(query: Mapping[str, str], *, now: int) -> Moment:
    """The temporal parameters of a query string.

    Raises:
        Problem: 400, one of them is not RFC 3339.
    """
    return Moment(
        now=now,
        as_of=read_instant(query, "asOf", "as_of"),
        at_instant=read_instant(query, "atInstant", "at_instant"),
        valid_from=read_instant(query, "validFrom", "valid_from"),
        valid_until=read_instant(query, "validUntil", "valid_until"),
    )
