"""Who calls, and what regions of the scope tree each verb may touch.

In the process, without a key, the caller is the administrator; a delegation header narrows the
caller to what the target may do as well. Imports `scopes`, `problems` and the standard library.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from spectron_adapters.local.problems import Problem, bad_request, forbidden
from spectron_adapters.models import Verb, WhoamiResponse
from spectron_adapters.scopes import Region, ScopeSet

__all__ = ["ADMIN", "VERBS", "Caller", "delegated", "delegation_target", "store_principal"]

VERBS: tuple[Verb, ...] = get_args(Verb)

_DELEGATION_HEADERS = (
    "x-spectron-on-behalf-of",
    "x-memory-on-behalf-of",
    "x-agent-memory-on-behalf-of",
)
_NOTHING = Region(())
_EVERYTHING = Region.parse("/*")


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated principal for one request.

    Attributes:
        principal: Its id, without the table prefix.
        display_name: For people.
        kind: human, agent, service or unknown; never affects access.
        grants: The principal's own regions per verb.
        regions: What counts for this request, per verb; a missing verb is not granted.
        target: The principal on whose behalf the request is made.
    """

    principal: str
    display_name: str
    kind: str
    grants: Mapping[str, Region]
    regions: Mapping[str, Region]
    target: str | None = None

    @property
    def identity(self) -> str:
        """Caller and delegation target as one text: whose idempotency keys these are."""
        return json.dumps([self.principal, self.target])

    def region(self, verb: Verb) -> Region:
        """Where the caller may do something; empty when nowhere."""
        return self.regions.get(verb, _NOTHING)

    def required_region(self, verb: Verb) -> Region:
        """Like `region`, for verbs whose absence is an error.

        Raises:
            Problem: 403, the verb is not granted anywhere.
        """
        region = self.region(verb)
        if not region:
            raise forbidden(f"this needs {verb}, which is granted nowhere; ask for a grant")
        return region

    @property
    def shown(self) -> WhoamiResponse:
        """What the caller may know of itself."""
        return WhoamiResponse(
            principal_id=f"principal:{self.principal}",
            display_name=self.display_name,
            kind=self.kind,
            enforce=True,
            grants=_patterns(self.grants),
            effective_grants=_patterns(self.regions),
            delegated_principal_id=None if self.target is None else f"principal:{self.target}",
        )

    def check_targets(self, scopes: ScopeSet, verb: Verb) -> None:
        """Refuse scopes outside the region.

        Raises:
            Problem: 403, naming what lies outside.
        """
        outside = self.required_region(verb).outside(scopes)
        if outside:
            named = ", ".join(str(scope) for scope in outside)
            raise forbidden(
                f"{named} lies outside the region of {verb}; use scopes inside it, or ask for a "
                "grant"
            )


ADMIN = Caller(
    principal="admin",
    display_name="Administrator",
    kind="service",
    grants=dict.fromkeys(VERBS, _EVERYTHING),
    regions=dict.fromkeys(VERBS, _EVERYTHING),
)


def _patterns(regions: Mapping[str, Region]) -> dict[str, list[str]]:
    return {verb: [str(item) for item in region.patterns] for verb, region in regions.items()}


def delegation_target(headers: Mapping[str, str]) -> str | None:
    """On whose behalf a request is made; None for the caller's own.

    Raises:
        Problem: 400, the header is blank.
    """
    target = next((headers[name] for name in _DELEGATION_HEADERS if name in headers), None)
    if target is None:
        return None
    name = target.removeprefix("principal:")
    if not name.strip():
        raise bad_request("the delegation header is blank; leave it out to act as yourself")
    return name


def delegated(connection: sqlite3.Connection, context_id: int, target: str) -> Caller:
    """The administrator on behalf of somebody: both must be granted what is done.

    Raises:
        Problem: 403, the target is unknown.
    """
    row = connection.execute(
        "SELECT grants FROM principal WHERE context_id = ? AND name = ?", (context_id, target)
    ).fetchone()
    if row is None and target != ADMIN.principal:
        raise forbidden("the principal to act on behalf of is unknown in this context")
    theirs = ADMIN.grants if row is None else _read_grants(row[0])
    both = {
        verb: region.intersect(theirs[verb])
        for verb, region in ADMIN.regions.items()
        if verb in theirs
    }
    return Caller(ADMIN.principal, ADMIN.display_name, ADMIN.kind, ADMIN.grants, both, target)


def store_principal(
    connection: sqlite3.Connection,
    context_id: int,
    name: str,
    *,
    grants: Mapping[str, object],
    kind: str,
    now: int,
) -> None:
    """Create a principal or replace its grants.

    Raises:
        ValueError: A verb is unknown or a pattern malformed.
    """
    if name == ADMIN.principal or not name.strip():
        raise ValueError(f"{name!r} cannot be used as a principal's id")
    regions = {verb: Region.parse(patterns) for verb, patterns in grants.items()}  # type: ignore[arg-type]  # parse checks
    unknown = sorted(set(regions) - set(VERBS))
    if unknown:
        raise ValueError(f"unknown verbs {', '.join(unknown)}; known: {', '.join(VERBS)}")
    text = json.dumps(_patterns(regions))
    connection.execute(
        "INSERT INTO principal (context_id, name, display_name, kind, grants, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (context_id, name) DO UPDATE SET grants = excluded.grants",
        (context_id, name, name, kind, text, now),
    )


def _read_grants(text: str) -> dict[str, Region]:
    try:
        return {verb: Region.parse(patterns) for verb, patterns in json.loads(text).items()}
    except (TypeError, ValueError):
        raise Problem(403, "forbidden", "the target's grants are unreadable; grant again") from None
