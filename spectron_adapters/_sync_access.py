# Generated from _async_access.py by tests/unasync.py; edit that file.
"""The access control of a client: scopes, principals and keys.

Each method builds one call and awaits its answer. Imports private modules and models; no client.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from spectron_adapters._answers import list_reader, model_reader, read_nothing
from spectron_adapters._arguments import (
    Time,
    count_argument,
    grants_argument,
    query_pairs,
    request_body,
    text_argument,
    time_argument,
)
from spectron_adapters._sync_send import Surface
from spectron_adapters.models import (
    CreateKeyRequest,
    CreatePrincipalRequest,
    EffectiveGrants,
    ForgetScopeRequest,
    ForgetScopeResponse,
    GrantRequest,
    KeyDetail,
    MintedKey,
    Principal,
    PrincipalKind,
    RegisterScopeRequest,
    ScopeNode,
    Verb,
)

# Inside a class with a method `list`, `list[...]` would mean that method.
ScopeNodes: TypeAlias = list[ScopeNode]
Principals: TypeAlias = list[Principal]
KeyDetails: TypeAlias = list[KeyDetail]
Grants: TypeAlias = Mapping[str, Sequence[str]]


class ScopeTree(Surface):
    """The tree of scope paths: `client.scopes`."""

    def register(
        self,
        path: str,
        *,
        display_name: str | None = None,
        description: str | None = None,
        on_behalf_of: str | None = None,
    ) -> ScopeNode:
        """Make a path known, so that facts can be written there; ancestors come with it.

        Args:
            path: For example `org/acme/user/alice`.
            display_name: Name for people.
            description: What the scope is for.
            on_behalf_of: Principal to act for.

        Returns:
            The node; an existing one unchanged.

        Raises:
            SpectronScopeError: The caller lacks `scope:create` there.

        Source: `POST /scopes`
        """
        body = request_body(
            "scopes.register",
            RegisterScopeRequest,
            {"path": path, "display_name": display_name, "description": description},
        )
        return self._send(
            "scopes.register",
            "POST",
            "/scopes",
            model_reader(ScopeNode),
            body=body,
            on_behalf_of=on_behalf_of,
        )

    def list(self, *, on_behalf_of: str | None = None) -> ScopeNodes:
        """The nodes over which the caller has any grant, tombstoned ones included.

        Args:
            on_behalf_of: Principal to act for.

        Raises:
            SpectronAPIError: The service refused, or was not reached.

        Source: `GET /scopes`
        """
        return self._send(
            "scopes.list",
            "GET",
            "/scopes",
            list_reader(ScopeNode, "scopes"),
            on_behalf_of=on_behalf_of,
        )

    def delete(self, path: str, *, on_behalf_of: str | None = None) -> None:
        """Tombstone a path: its facts stay stored and readable.

        Args:
            path: The path.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronScopeError: The caller lacks `scope:delete` there.

        Source: `DELETE /scopes`
        """
        method = "scopes.delete"
        self._send(
            method,
            "DELETE",
            "/scopes",
            read_nothing,
            query={"path": text_argument(method, "path", path)},
            on_behalf_of=on_behalf_of,
        )

    def forget(self, path: str, *, on_behalf_of: str | None = None) -> ForgetScopeResponse:
        """Erase everything that touches a path or its descendants, for good.

        Args:
            path: The path.
            on_behalf_of: Principal to act for.

        Returns:
            How many rows were erased.

        Raises:
            SpectronScopeError: The caller lacks `memory:forget` over the subtree.

        Source: `POST /scopes/forget`
        """
        return self._send(
            "scopes.forget",
            "POST",
            "/scopes/forget",
            model_reader(ForgetScopeResponse),
            body=request_body("scopes.forget", ForgetScopeRequest, {"path": path}),
            on_behalf_of=on_behalf_of,
        )


class PrincipalGrants(Surface):
    """Who may do what where: `client.principals`. Needs `grant:manage`."""

    def list(self, *, on_behalf_of: str | None = None) -> Principals:
        """The principals of the context.

        Args:
            on_behalf_of: Principal to act for.

        Raises:
            SpectronScopeError: The caller lacks `grant:manage`.

        Source: `GET /principals`
        """
        return self._send(
            "principals.list",
            "GET",
            "/principals",
            list_reader(Principal, "principals"),
            on_behalf_of=on_behalf_of,
        )

    def get(self, principal_id: str, *, on_behalf_of: str | None = None) -> Principal:
        """A principal with its grants.

        Args:
            principal_id: The principal's id.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronNotFoundError: There is none of this id.

        Source: `GET /principals/{principal_id}`
        """
        return self._send(
            "principals.get",
            "GET",
            "/principals/{principal_id}",
            model_reader(Principal),
            names={"principal_id": principal_id},
            on_behalf_of=on_behalf_of,
        )

    def create(
        self,
        display_name: str,
        *,
        external_id: str | None = None,
        kind: PrincipalKind | None = None,
        grants: Grants | None = None,
        on_behalf_of: str | None = None,
    ) -> Principal:
        """Create a principal; with an `external_id` that exists, the existing one.

        Args:
            display_name: Name for people, unique in the context.
            external_id: The identity in the caller's own system.
            kind: `human`, `agent`, `service` or `unknown`; never affects access.
            grants: Patterns by verb, such as `{"memory:read": ["org/acme/*"]}`.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronConflictError: The name is taken.

        Source: `POST /principals`
        """
        method = "principals.create"
        given = {
            "display_name": display_name,
            "external_id": external_id,
            "kind": kind,
            "grants": grants_argument(method, grants),
        }
        return self._send(
            method,
            "POST",
            "/principals",
            model_reader(Principal),
            body=request_body(method, CreatePrincipalRequest, given),
            on_behalf_of=on_behalf_of,
        )

    def grant(
        self,
        principal_id: str,
        path: str,
        verbs: Sequence[Verb],
        *,
        on_behalf_of: str | None = None,
    ) -> Principal:
        """Allow a principal verbs on a path or pattern.

        Args:
            principal_id: The principal's id.
            path: `org/acme` for the node, `org/acme/*` for it and everything below.
            verbs: Such as `memory:read`.
            on_behalf_of: Principal to act for.

        Returns:
            The principal as it is now.

        Raises:
            SpectronScopeError: More than the caller holds, or a reserved principal.

        Source: `POST /principals/{principal_id}/grants`
        """
        return self._change_grants(
            "principals.grant",
            "POST",
            principal_id,
            change={"path": path, "verbs": verbs},
            on_behalf_of=on_behalf_of,
        )

    def revoke(
        self,
        principal_id: str,
        path: str,
        verbs: Sequence[Verb],
        *,
        on_behalf_of: str | None = None,
    ) -> Principal:
        """Take verbs on a path or pattern away from a principal.

        Args:
            principal_id: The principal's id.
            path: The path or pattern as it was granted.
            verbs: Such as `memory:read`.
            on_behalf_of: Principal to act for.

        Returns:
            The principal as it is now.

        Raises:
            SpectronScopeError: More than the caller holds, or a reserved principal.

        Source: `DELETE /principals/{principal_id}/grants`
        """
        return self._change_grants(
            "principals.revoke",
            "DELETE",
            principal_id,
            change={"path": path, "verbs": verbs},
            on_behalf_of=on_behalf_of,
        )

    def _change_grants(
        self,
        method: str,
        verb: str,
        principal_id: str,
        *,
        change: Mapping[str, object],
        on_behalf_of: str | None,
    ) -> Principal:
        return self._send(
            method,
            verb,
            "/principals/{principal_id}/grants",
            model_reader(Principal),
            names={"principal_id": principal_id},
            body=request_body(method, GrantRequest, change),
            on_behalf_of=on_behalf_of,
        )

    def effective(
        self,
        principal_id: str,
        path: str,
        *,
        as_of: Time | None = None,
        on_behalf_of: str | None = None,
    ) -> EffectiveGrants:
        """What a principal may do at a path.

        Args:
            principal_id: The principal's id.
            path: The path.
            as_of: The time that is asked about; now by default.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronNotFoundError: There is no such principal.

        Source: `GET /principals/{principal_id}/effective`
        """
        method = "principals.effective"
        query = {"path": text_argument(method, "path", path)}
        query |= query_pairs({"asOf": time_argument(method, "as_of", as_of)})
        return self._send(
            method,
            "GET",
            "/principals/{principal_id}/effective",
            model_reader(EffectiveGrants),
            names={"principal_id": principal_id},
            query=query,
            on_behalf_of=on_behalf_of,
        )


class Keys(Surface):
    """Keys of the calling principal: `client.keys`."""

    def create(
        self,
        *,
        name: str | None = None,
        grants: Grants | None = None,
        ttl_seconds: int | None = None,
        on_behalf_of: str | None = None,
    ) -> MintedKey:
        """Mint a key for the calling principal; its secret is shown this once.

        Args:
            name: Unique name; the key's id by default.
            grants: Patterns by verb, within the principal's own; all of them by default.
            ttl_seconds: Seconds until it expires, from 1; never by default.
            on_behalf_of: Principal to act for; the service refuses delegated minting.

        Raises:
            SpectronScopeError: Self-service keys are disabled, or the caller is delegated.
            SpectronConflictError: The name is taken.

        Source: `POST /keys`
        """
        method = "keys.create"
        body = request_body(
            method,
            CreateKeyRequest,
            {"name": name, "grants": grants_argument(method, grants)},
            optional=True,
        )
        return self._send(
            method,
            "POST",
            "/keys",
            model_reader(MintedKey),
            query=query_pairs(
                {"ttlSeconds": count_argument(method, "ttl_seconds", ttl_seconds, least=1)}
            ),
            body=body,
            on_behalf_of=on_behalf_of,
        )

    def list(self, *, on_behalf_of: str | None = None) -> KeyDetails:
        """The calling key; all keys for a caller with `grant:manage` over everything.

        Args:
            on_behalf_of: Principal to act for.

        Raises:
            SpectronScopeError: Self-service keys are disabled.

        Source: `GET /keys`
        """
        return self._send(
            "keys.list",
            "GET",
            "/keys",
            list_reader(KeyDetail, "keys"),
            on_behalf_of=on_behalf_of,
        )

    def delete(self, key_name: str, *, on_behalf_of: str | None = None) -> None:
        """Delete a key; callers that are no administrators only their own.

        Args:
            key_name: The key's name.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronNotFoundError: Absent, or somebody else's.

        Source: `DELETE /keys/{key_name}`
        """
        self._send(
            "keys.delete",
            "DELETE",
            "/keys/{key_name}",
            read_nothing,
            names={"key_name": key_name},
            on_behalf_of=on_behalf_of,
        )

    def rotate(
        self,
        key_name: str,
        *,
        ttl_seconds: int | None = None,
        on_behalf_of: str | None = None,
    ) -> MintedKey:
        """Give a key a new secret; the old one dies at once.

        Args:
            key_name: The key's name.
            ttl_seconds: Seconds until it expires, from 1; its expiry stays by default.
            on_behalf_of: Principal to act for.

        Raises:
            SpectronNotFoundError: Absent, or somebody else's.

        Source: `POST /keys/{key_name}/rotate`
        """
        method = "keys.rotate"
        return self._send(
            method,
            "POST",
            "/keys/{key_name}/rotate",
            model_reader(MintedKey),
            names={"key_name": key_name},
            query=query_pairs(
                {"ttlSeconds": count_argument(method, "ttl_seconds", ttl_seconds, least=1)}
            ),
            on_behalf_of=on_behalf_of,
        )
