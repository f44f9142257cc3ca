"""What holders of `grant:manage` do to principals, each within the region that they manage.

Nobody conveys more than is held in this very request, and a manager of one subtree is told of
nothing beyond it. Imports `principals`, `grants`, `work`, `problems` and models.
"""

from __future__ import annotations

from spectron_adapters.local.access import principals
from spectron_adapters.local.access.grants import (
    NOTHING,
    VERBS,
    Grants,
    checked_grants,
    parse_pattern,
    patterns_of,
)
from spectron_adapters.local.access.principals import NewPrincipal, StoredPrincipal
from spectron_adapters.local.instants import to_text
from spectron_adapters.local.problems import conflict, forbidden
from spectron_adapters.local.work import Work
from spectron_adapters.models import (
    CreatePrincipalRequest,
    EffectiveGrants,
    GrantRequest,
    Principal,
)
from spectron_adapters.scopes import GrantPattern, Region

__all__ = ["create", "effective", "get", "grant", "list_visible", "revoke"]


def list_visible(work: Work) -> list[Principal]:
    """The principals that the caller may be told of.

    Raises:
        Problem: 403, `grant:manage` is granted nowhere.
    """
    work.caller.required_region("grant:manage")
    found = principals.list_principals(work.connection, work.context_id)
    return [_shown(work, item) for item in found if _is_visible(work, item)]


def get(work: Work, name: str) -> Principal:
    """One principal.

    Raises:
        Problem: 403, `grant:manage` is granted nowhere; 404, absent, or not to be told of.
    """
    return _shown(work, _required(work, name))


def _required(work: Work, name: str) -> StoredPrincipal:
    work.caller.required_region("grant:manage")
    found = principals.required(work.connection, work.context_id, name)
    if not _is_visible(work, found):
        return principals.required(work.connection, work.context_id, "")
    return found


def _is_visible(work: Work, principal: StoredPrincipal) -> bool:
    """Whether some grant lies where the caller manages; one without grants is everybody's."""
    caller = work.caller
    if caller.manages_everything or principal.name == caller.principal:
        return True
    held = patterns_of(principal.grants)
    return not held or bool(patterns_of(_within(principal.grants, caller.region("grant:manage"))))


def _within(grants: Grants, region: Region) -> Grants:
    return {verb: held.intersect(region) for verb, held in grants.items()}


def _shown(work: Work, principal: StoredPrincipal) -> Principal:
    grants = principal.grants
    if not work.caller.manages_everything and principal.name != work.caller.principal:
        grants = _within(grants, work.caller.region("grant:manage"))
    return Principal(
        id=f"principal:{principal.name}",
        display_name=principal.display_name,
        kind=principal.kind,
        grants=patterns_of(grants),
    )


def create(work: Work, request: CreatePrincipalRequest) -> tuple[Principal, bool]:
    """A new principal, or the existing one of an external identity, and whether it is new.

    Raises:
        Problem: 400 for malformed grants; 403, they go beyond what the caller holds or manages;
            409, the display name or the external identity is taken.
    """
    work.caller.required_region("grant:manage")
    grants = checked_grants(request.grants or {})
    for verb, region in grants.items():
        for pattern in region.patterns:
            _check_conveys(work, verb, pattern)
    new = NewPrincipal(request.display_name, grants, request.kind or "unknown", request.external_id)
    made, is_new = principals.create_or_get(
        work.connection, work.context_id, work.new_id(), new, now=work.now
    )
    if not _is_visible(work, made):
        raise conflict("the external identity is taken; choose another")
    return _shown(work, made), is_new


def _check_manages(work: Work, pattern: GrantPattern) -> None:
    if not work.caller.required_region("grant:manage").covers(pattern):
        raise forbidden(f"this needs grant:manage over {pattern}; ask for a grant")


def _check_conveys(work: Work, verb: str, pattern: GrantPattern) -> None:
    _check_manages(work, pattern)
    if not work.caller.regions.get(verb, NOTHING).covers(pattern):
        raise forbidden(
            f"{verb} over {pattern} is more than you hold yourself; nobody conveys more than that"
        )


def grant(work: Work, name: str, request: GrantRequest) -> Principal:
    """Add a pattern to verbs of a principal.

    Raises:
        Problem: 400 for a malformed pattern; 403, it is not managed or more than is held, or the
            principal is `principal:system`; 404.
    """
    pattern = parse_pattern(request.path)
    for verb in request.verbs:
        _check_conveys(work, verb, pattern)
    principal = _required(work, name)
    changed: dict[str, Region] = {
        verb: Region((*principal.grants.get(verb, NOTHING).patterns, pattern))
        for verb in request.verbs
    }
    return _replaced(work, principal, {**principal.grants, **changed})


def revoke(work: Work, name: str, request: GrantRequest) -> Principal:
    """Take exactly this pattern from verbs of a principal; wider and narrower ones stay.

    Raises:
        Problem: 400 for a malformed pattern; 403, it is not managed, or the principal is
            `principal:system`; 404; 409, it was not granted as such and a wider pattern still
            covers it, so that nothing would be taken away.
    """
    pattern = parse_pattern(request.path)
    _check_manages(work, pattern)
    principal = _required(work, name)
    changed: dict[str, Region] = {
        verb: _without(principal.grants.get(verb, NOTHING), pattern, verb) for verb in request.verbs
    }
    return _replaced(work, principal, {**principal.grants, **changed})


def _without(region: Region, pattern: GrantPattern, verb: str) -> Region:
    if pattern not in region.patterns and region.covers(pattern):
        raise conflict(
            f"{verb} over {pattern} comes from a wider pattern; revoke that one, and grant anew "
            "what shall stay"
        )
    return Region(tuple(item for item in region.patterns if item != pattern))


def _replaced(work: Work, principal: StoredPrincipal, grants: Grants) -> Principal:
    stored = principals.set_grants(work.connection, principal, grants, now=work.now)
    return _shown(work, stored)


def effective(work: Work, name: str, path: str, as_of: int | None) -> EffectiveGrants:
    """What a principal may do at a path, now or at an earlier time.

    Raises:
        Problem: 400 for a malformed path; 403, it is not managed; 404.
    """
    node = parse_pattern(path)
    _check_manages(work, node)
    grants = principals.grants_at(work.connection, _required(work, name), as_of)
    return EffectiveGrants(
        path=str(node),
        verbs=[verb for verb in VERBS if grants.get(verb, NOTHING).covers(node)],
        as_of=None if as_of is None else to_text(as_of),
    )
