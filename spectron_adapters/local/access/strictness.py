"""What strict keys are refused: a lens that reaches outside the region, which others read as empty.

Judges the lens that the request itself names, so that a refusal repeats the caller's own words;
one derived from what is stored, as from a session's scopes, could tell of others' scopes. Imports
`callers` and `bodies`.
"""

from __future__ import annotations

from collections.abc import Mapping

from spectron_adapters.local.access.callers import Caller
from spectron_adapters.local.bodies import lens_of, read_lens
from spectron_adapters.models import Verb

__all__ = ["check_strict"]

_SCOPES_ARE_TARGETS = frozenset({"POST facts", "POST facts/batch", "POST sessions"})


def check_strict(
    caller: Caller, route: str, payload: Mapping[str, object], query: Mapping[str, str]
) -> None:
    """Refuse a strict key's lens outside its region; writes judge their scopes themselves.

    Args:
        caller: Who asks.
        route: Method and pattern.
        payload: The JSON body.
        query: Query parameters.

    Raises:
        Problem: 403, naming what lies outside; 400, the lens is malformed.
    """
    if caller.key is None or not caller.key.strict or route in _SCOPES_ARE_TARGETS:
        return
    verb: Verb = "memory:forget" if route == "POST forget" else "memory:read"
    for lens in (lens_of(payload), read_lens(query)):
        if lens is not None:
            caller.check_targets(lens, verb)
