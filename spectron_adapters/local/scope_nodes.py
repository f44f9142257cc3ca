"""The registered nodes of the scope tree. Imports `work`, `problems`, `instants`, `scopes`."""

from __future__ import annotations

from collections.abc import Iterable

from spectron_adapters.local.instants import to_text
from spectron_adapters.local.problems import bad_request, unprocessable
from spectron_adapters.local.work import Work
from spectron_adapters.models import RegisterScopeRequest, ScopeNode
from spectron_adapters.scopes import Scope, ScopeSet

__all__ = ["check_registered", "delete_node", "list_nodes", "parse_node", "register_node"]


def parse_node(path: str) -> Scope:
    """The node that a request names.

    Raises:
        Problem: 400, the path is malformed or names a subtree.
    """
    try:
        scope = Scope(path)
    except ValueError as error:
        raise bad_request(f"path: {error}") from None
    if scope.subtree:
        raise bad_request(f"path: {path!r} names a subtree; give the node, {scope.path!r}")
    return scope


def _canonical(scope: Scope) -> str:
    """As nodes are stored and shown: one trailing slash, none at the front; `/` for the root."""
    return "/".join((*scope.segments, "")) or "/"


def register_node(work: Work, request: RegisterScopeRequest) -> ScopeNode:
    """Register a node with its missing ancestors; a tombstoned one comes back to life.

    Raises:
        Problem: 403, the node lies outside the region of `scope:create`.
    """
    scope = parse_node(request.path)
    work.caller.check_targets(ScopeSet(((scope,),)), "scope:create")
    _insert(work, scope)
    work.connection.execute(
        "UPDATE scope_node SET tombstoned_at = NULL,"
        " display_name = coalesce(?, display_name), description = coalesce(?, description)"
        " WHERE context_id = ? AND path = ?",
        (request.display_name, request.description, work.context_id, _canonical(scope)),
    )
    (row,) = _rows(work, "path = ?", _canonical(scope))
    return row


def _insert(work: Work, scope: Scope) -> None:
    segments = scope.segments
    line = ["/".join((*segments[:end], "")) for end in range(1, len(segments) + 1)] or ["/"]
    work.connection.executemany(
        "INSERT OR IGNORE INTO scope_node (context_id, path, created_at) VALUES (?, ?, ?)",
        [(work.context_id, path, work.now) for path in line],
    )


def list_nodes(work: Work) -> list[ScopeNode]:
    """The nodes over which the caller holds any grant, tombstoned ones included."""
    regions = [region for region in work.caller.regions.values() if region]
    return [
        node
        for node in _rows(work, "1", None)
        if any(region.covers(Scope(node.path)) for region in regions)
    ]


def _rows(work: Work, condition: str, path: str | None) -> list[ScopeNode]:
    rows = work.connection.execute(
        "SELECT path, display_name, description, created_at, tombstoned_at FROM scope_node"  # noqa: S608  # constant conditions
        f" WHERE context_id = ? AND {condition} ORDER BY path",
        (work.context_id,) if path is None else (work.context_id, path),
    )
    return [
        ScopeNode(
            path=row[0],
            display_name=row[1],
            description=row[2],
            created_at=to_text(row[3]),
            tombstoned_at=None if row[4] is None else to_text(row[4]),
        )
        for row in rows
    ]


def delete_node(work: Work, path: str) -> None:
    """Tombstone a node; its facts stay stored and readable.

    Raises:
        Problem: 403, the node lies outside the region of `scope:delete`.
    """
    scope = parse_node(path)
    work.caller.check_targets(ScopeSet(((scope,),)), "scope:delete")
    work.connection.execute(
        "UPDATE scope_node SET tombstoned_at = ? WHERE context_id = ? AND path = ?"
        " AND tombstoned_at IS NULL",
        (work.now, work.context_id, _canonical(scope)),
    )


def check_registered(work: Work, scopes: Iterable[Scope]) -> None:
    """Refuse to write where no node is registered, or register it when the operator allows.

    Raises:
        Problem: 422, naming the path that must be registered first.
    """
    for scope in scopes:
        row = work.connection.execute(
            "SELECT tombstoned_at FROM scope_node WHERE context_id = ? AND path = ?",
            (work.context_id, _canonical(scope)),
        ).fetchone()
        if row is not None and row[0] is None:
            continue
        if row is not None:
            raise unprocessable(
                f"scope {scope.path!r} was deleted; register it again (POST /scopes) to write to it"
            )
        if not work.settings.auto_register_scopes:
            raise unprocessable(
                f"scope {scope.path!r} is not registered; register it first (POST /scopes)"
            )
        if work.writable:
            _insert(work, scope)
