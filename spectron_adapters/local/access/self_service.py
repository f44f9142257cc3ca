"""What the holder of a key does to keys without an operator.

A key never makes one that may do more, or lives longer, than itself. Imports `keys`,
`principals`, `grants`, `calls`, `problems` and models.
"""

from __future__ import annotations

from dataclasses import replace

from spectron_adapters.local.access import keys, principals
from spectron_adapters.local.access.callers import Caller
from spectron_adapters.local.access.grants import checked_grants, contains, patterns_of
from spectron_adapters.local.access.key_secrets import NewKey
from spectron_adapters.local.access.keys import KeyTerms, StoredKey
from spectron_adapters.local.calls import Answer, Call
from spectron_adapters.local.instants import to_text
from spectron_adapters.local.problems import bad_request, forbidden
from spectron_adapters.local.work import Work
from spectron_adapters.models import CreateKeyRequest, KeyDetail, MintedKey

__all__ = ["create", "delete", "list_shown", "rotate"]


def _check_allowed(call: Call) -> None:
    if call.caller.target is not None:
        raise forbidden("keys are managed by their own principal only; leave delegation out")
    if not call.context.allow_self_service_keys:
        raise forbidden("this context's keys are managed by its operator; ask there")


def _check_may_change(call: Call) -> None:
    _check_allowed(call)
    if call.caller.key_kind == "agent":
        raise forbidden("a key of kind agent manages no keys; use one of its operator's")


def create(call: Call, request: CreateKeyRequest, ttl_seconds: int | None) -> Answer:
    """Mint a key for the caller's own principal. Source: POST /keys."""
    _check_may_change(call)
    new = NewKey.make()
    terms = _terms(call, request, ttl_seconds)

    def step(work: Work) -> Answer:
        principal = principals.required(work.connection, work.context_id, call.caller.principal)
        return _minted(201, keys.mint(work.connection, principal, new, terms, now=work.now), new)

    return call.write(step)


def _terms(call: Call, request: CreateKeyRequest, ttl_seconds: int | None) -> KeyTerms:
    caller, key = call.caller, call.caller.key
    grants = None if key is None else key.grants
    if request.grants is not None:
        grants = checked_grants(request.grants)
        if not contains(caller.regions, grants):
            raise bad_request("grants: a key cannot do more than the one that mints it")
    wanted = keys.expiry(call.now, ttl_seconds, limit=call.context.max_token_ttl_seconds)
    return KeyTerms(
        name=request.name,
        origin="self",
        kind=None if key is None else key.kind,
        grants=grants,
        floor=None if key is None else key.floor,
        strict=False if key is None else key.strict,
        valid_until=_no_longer_than(caller, wanted),
    )


def _no_longer_than(caller: Caller, wanted: int | None) -> int | None:
    """An expiry, brought forward to that of the caller's own key."""
    own = None if caller.key is None or caller.manages_everything else caller.key.valid_until
    known = [instant for instant in (wanted, own) if instant is not None]
    return min(known) if known else None


def _minted(status: int, key: StoredKey, new: NewKey) -> Answer:
    answer = MintedKey(id=key.key_id, key=new.text, valid_until=key.expires)
    return replace(Answer.of(status, answer), secret=True)


def list_shown(call: Call) -> list[KeyDetail]:
    """The authenticating key; all keys for a manager of everything. Source: GET /keys."""
    _check_allowed(call)
    call.store_waiting()

    def step(work: Work) -> list[StoredKey]:
        found = keys.list_keys(work.connection, work.context_id)
        return [key for key in found if _is_reachable(call.caller, key)]

    return [
        KeyDetail(
            id=key.key_id,
            name=key.name,
            created_at=to_text(key.created_at),
            grants=None if key.grants is None else patterns_of(key.grants),
            last_used_at=key.last_used,
            valid_until=key.expires,
        )
        for key in call.read(step)
    ]


def _is_reachable(caller: Caller, key: StoredKey) -> bool:
    return caller.manages_everything or (caller.key is not None and caller.key.key_id == key.key_id)


def _reachable(work: Work, name: str) -> StoredKey:
    """A key that the caller may change.

    Raises:
        Problem: 404, absent or somebody else's.
    """
    key = keys.required(work.connection, work.context_id, name)
    if not _is_reachable(work.caller, key):
        raise keys.missing()
    return key


def delete(call: Call, name: str) -> Answer:
    """Delete a key; it stops working at once. Source: DELETE /keys/{name}."""
    _check_may_change(call)

    def step(work: Work) -> Answer:
        keys.delete(work.connection, _reachable(work, name))
        return Answer(204, None)

    return call.write(step)


def rotate(call: Call, name: str, ttl_seconds: int | None) -> Answer:
    """Give a key another secret; the old one dies at once. Source: POST /keys/{name}/rotate."""
    _check_may_change(call)
    new = NewKey.make(call.read(lambda work: _reachable(work, name)).key_id)

    def step(work: Work) -> Answer:
        key = _reachable(work, name)
        if key.key_id != new.key_id:
            raise keys.missing()
        _check_no_gain(work.caller, key)
        until = keys.renewed(key, call.now, ttl_seconds, limit=call.context.max_token_ttl_seconds)
        changed = keys.rotate(
            work.connection, key, new, valid_until=_no_longer_than(work.caller, until)
        )
        return _minted(200, changed, new)

    return call.write(step)


def _check_no_gain(caller: Caller, key: StoredKey) -> None:
    """Refuse to hand out the secret of a key that may do more than the caller.

    Raises:
        Problem: 403.
    """
    is_own = caller.key is not None and caller.key.key_id == key.key_id
    if not is_own and not contains(caller.regions, key.regions):
        raise forbidden("that key may do more than yours; have its operator rotate it")
