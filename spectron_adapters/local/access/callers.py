"""Who calls, and what regions of the scope tree each verb may touch in this request.

Imports `scopes`, `problems` and `grants`; knows no table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from spectron_adapters.local.access.grants import (
    EVERYTHING,
    NOTHING,
    VERBS,
    Grants,
    everywhere,
    grants_text,
    intersect,
    patterns_of,
)
from spectron_adapters.local.problems import Problem, bad_request, forbidden, unauthorized
from spectron_adapters.models import Verb, WhoamiResponse
from spectron_adapters.scopes import Region, ScopeSet

__all__ = ["ADMIN", "SYSTEM", "VERBS", "Caller", "UsedKey", "delegation_target", "refused"]

_DELEGATION_HEADERS = (
    "x-spectron-on-behalf-of",
    "x-memory-on-behalf-of",
    "x-agent-memory-on-behalf-of",
)


@dataclass(frozen=True, slots=True)
class UsedKey:
    """The key that a request was made with; holds no secret.

    Attributes:
        key_id: Its id.
        name: Its name, unique in the context.
        kind: agent or supervisor for keys of that sort; None for others.
        strict: Whether a lens outside the region is refused instead of read as empty.
        grants: What it attenuates its principal's grants to; None inherits them.
        floor: Stored text of the subtree that confines it, if any.
        valid_until: Microseconds at which it expires; None never.
    """

    key_id: str
    name: str
    kind: str | None
    strict: bool
    grants: Grants | None
    floor: str | None
    valid_until: int | None


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated principal for one request.

    Attributes:
        principal: Its id, without the table prefix.
        display_name: For people.
        kind: human, agent, service or unknown; never affects access.
        grants: The principal's own regions per verb.
        regions: What counts for this request, per verb: the principal's grants within the key's
            and its floor, within the delegation target's. A missing verb is not granted.
        target: The principal on whose behalf the request is made.
        key: The key; None in the process without one.
    """

    principal: str
    display_name: str
    kind: str
    grants: Grants
    regions: Grants
    target: str | None = None
    key: UsedKey | None = None

    @property
    def identity(self) -> str:
        """Caller and delegation target as one text: whose idempotency keys these are."""
        return json.dumps([self.principal, self.target])

    @property
    def authority(self) -> str:
        """What the caller may do in this request, as one text.

        A stored answer is for whoever may do the same: not for a narrower key of the same
        principal, nor for one that has lost a grant since.
        """
        return grants_text(self.regions)

    @property
    def key_kind(self) -> str | None:
        """`agent` or `supervisor`, when the request's key is of that sort.

        An `agent` key may neither persist reflections nor manage keys.
        """
        return None if self.key is None else self.key.kind

    def region(self, verb: Verb) -> Region:
        """Where the caller may do something; empty when nowhere."""
        return self.regions.get(verb, NOTHING)

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
    def manages_everything(self) -> bool:
        """Whether `grant:manage` is granted over the whole tree."""
        return self.region("grant:manage").covers(EVERYTHING)

    @property
    def shown(self) -> WhoamiResponse:
        """What the caller may know of itself."""
        token = None if self.key is None else self.key.grants
        return WhoamiResponse(
            principal_id=f"principal:{self.principal}",
            display_name=self.display_name,
            kind=self.kind,
            enforce=True,
            grants=patterns_of(self.grants),
            token_grants=None if token is None else patterns_of(token),
            effective_grants=patterns_of(self.regions),
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

    def acting_for(self, target: str, grants: Grants) -> Caller:
        """The caller on behalf of a principal: both must be granted what is done."""
        return replace(self, regions=intersect(self.regions, grants), target=target)


ADMIN = Caller(
    principal="admin",
    display_name="Administrator",
    kind="service",
    grants=everywhere(),
    regions=everywhere(),
)
"""The caller in the process without a key."""

SYSTEM = Caller(
    principal="system",
    display_name="System",
    kind="service",
    grants=everywhere(),
    regions=everywhere(),
)
"""What the service does of itself, and what its operator has it do."""


def delegation_target(headers: Mapping[str, str]) -> str | None:
    """On whose behalf a request is made; None for the caller's own.

    Raises:
        Problem: 400, the header is blank, or two of its names disagree.
    """
    given = {headers[name].strip() for name in _DELEGATION_HEADERS if name in headers}
    if not given:
        return None
    if len(given) > 1:
        raise bad_request("the delegation headers name different principals; send one of them")
    name = given.pop().removeprefix("principal:")
    if not name.strip():
        raise bad_request("the delegation header is blank; leave it out to act as yourself")
    return name


def refused() -> Problem:
    """The 401 of the data plane, the same for every reason."""
    return unauthorized(
        "the key is missing or not valid for this context; send a valid one as "
        "'Authorization: Bearer <key>'"
    )
