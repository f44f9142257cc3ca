# Generated from _async_management.py by tests/unasync.py; edit that file.
"""The management plane: contexts, their keys, principals, access tokens and upkeep.
Imports private modules and models; not the client.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, NoReturn, TypeAlias

import httpx
from pydantic import SecretStr
from typing_extensions import Self

from spectron_adapters._answers import list_reader, model_reader, read_nothing
from spectron_adapters._arguments import (
    Defaults,
    count_argument,
    grants_argument,
    query_pairs,
    request_body,
)
from spectron_adapters._sync_send import Sender, Surface
from spectron_adapters._network import SyncConnections
from spectron_adapters._settings import checked_settings
from spectron_adapters._wire import AuthHeader
from spectron_adapters.models import (
    AccessToken,
    Context,
    CreateAccessTokenRequest,
    CreateContextRequest,
    CreateFlatKeyRequest,
    CreateManagedPrincipalRequest,
    FlatKeyKind,
    ManagedKey,
    ManagedKeyDetail,
    ManagedLifecycleResponse,
    ManagedPrincipal,
    MigrationsResponse,
    PatchContextRequest,
    PatchPrincipalRequest,
    PrincipalKeyRequest,
    PrincipalKind,
    VerbDescription,
)

# Inside a class with a method `list`, `list[...]` would mean that method.
Contexts: TypeAlias = list[Context]
KeyDetails: TypeAlias = list[ManagedKeyDetail]
ManagedPrincipals: TypeAlias = list[ManagedPrincipal]
VerbDescriptions: TypeAlias = list[VerbDescription]
Grants: TypeAlias = Mapping[str, Sequence["str | Mapping[str, str]"]]


class ContextRegistry(Surface):
    """The contexts of a deployment: `admin.contexts`."""

    def create(
        self,
        id: str,
        *,
        namespace: str,
        database: str,
        config: Mapping[str, Any] | None = None,
        description: str | None = None,
        admin_external_id: str | None = None,
        admin_display_name: str | None = None,
    ) -> Context:
        """Create a context with its own database.

        Args:
            id: Lower-case letters, digits and hyphens.
            namespace: Namespace of the database; `spectron` is reserved.
            database: Name of the database.
            config: Token limit, models, providers and more; provider keys are never shown again.
            description: What the context is for.
            admin_external_id: External identity of its first administrator.
            admin_display_name: Name of its first administrator.

        Raises:
            SpectronConflictError: The id, or namespace and database, are taken.
            SpectronValidationError: The id or namespace is not allowed.

        Source: `POST /api/v1/contexts/{id}`
        """
        body = request_body(
            "contexts.create",
            CreateContextRequest,
            {
                "namespace": namespace,
                "database": database,
                "config": None if config is None else dict(config),
                "description": description,
                "admin_external_id": admin_external_id,
                "admin_display_name": admin_display_name,
            },
        )
        return self._send(
            "contexts.create",
            "POST",
            "/contexts/{id}",
            model_reader(Context),
            names={"id": id},
            body=body,
        )

    def list(self) -> Contexts:
        """Every context of the deployment.

        Raises:
            SpectronAuthError: The key is not a management key.

        Source: `GET /api/v1/contexts`
        """
        return self._send("contexts.list", "GET", "/contexts", list_reader(Context, "contexts"))

    def get(self, id: str) -> Context:
        """One context with its effective configuration.

        Args:
            id: The context's id.

        Raises:
            SpectronNotFoundError: There is none of this id.

        Source: `GET /api/v1/contexts/{id}`
        """
        return self._send(
            "contexts.get", "GET", "/contexts/{id}", model_reader(Context), names={"id": id}
        )

    def patch(
        self,
        id: str,
        *,
        config: Mapping[str, Any] | None = None,
        enforcement_blocked: bool | None = None,
    ) -> Context:
        """Change parts of a context; they take effect at once.

        Args:
            id: The context's id.
            config: What changes, merged deeply; a None inside clears its key.
            enforcement_blocked: Whether calls that need a model are refused.

        Raises:
            SpectronNotFoundError: There is none of this id.
            ValueError: Nothing to change was given.

        Source: `PATCH /api/v1/contexts/{id}`
        """
        body = request_body(
            "contexts.patch",
            PatchContextRequest,
            {
                "config": None if config is None else dict(config),
                "enforcement_blocked": enforcement_blocked,
            },
            optional=True,
        )
        return self._send(
            "contexts.patch",
            "PATCH",
            "/contexts/{id}",
            model_reader(Context),
            names={"id": id},
            body=something("contexts.patch", body),
        )

    update = patch

    def delete(self, id: str) -> None:
        """Drop a context with its database and keys, for good.

        Args:
            id: The context's id.

        Raises:
            SpectronNotFoundError: There is none of this id.

        Source: `DELETE /api/v1/contexts/{id}`
        """
        self._send("contexts.delete", "DELETE", "/contexts/{id}", read_nothing, names={"id": id})


class ContextKeys(Surface):
    """Keys of a context with a principal each: `admin.keys`."""

    def create(
        self,
        context_id: str,
        name: str,
        *,
        principal: FlatKeyKind = "agent",
        scope_floor: str | Mapping[str, str] | None = None,
        grants: Grants | None = None,
        strict: bool | None = None,
        ttl_seconds: int | None = None,
    ) -> ManagedKey:
        """Mint a key; its secret is shown this once.

        Args:
            context_id: The context's id.
            name: Unique name in the context.
            principal: `agent`, or `supervisor`, which may also persist reflections.
            scope_floor: Region that confines the key: a path, or pairs (`{"org": "acme"}`).
            grants: Patterns by verb; the kind's own by default.
            strict: Whether reads outside the region are refused instead of empty.
            ttl_seconds: Seconds until it expires, from 1; never by default.

        Raises:
            SpectronConflictError: The name is taken.

        Source: `POST /api/v1/contexts/{context_id}/keys`
        """
        floor = dict(scope_floor) if isinstance(scope_floor, Mapping) else scope_floor
        body = request_body(
            "keys.create",
            CreateFlatKeyRequest,
            {
                "name": name,
                "principal": principal,
                "scope_floor": floor,
                "grants": grants_argument("keys.create", grants),
                "strict": strict,
                "ttl_seconds": ttl_seconds,
            },
        )
        return self._send(
            "keys.create",
            "POST",
            "/contexts/{context_id}/keys",
            model_reader(ManagedKey),
            names={"context_id": context_id},
            body=body,
        )

    def list(self, context_id: str) -> KeyDetails:
        """The keys of a context, without their secrets.

        Args:
            context_id: The context's id.

        Raises:
            SpectronNotFoundError: There is no such context.

        Source: `GET /api/v1/contexts/{context_id}/keys`
        """
        return self._send(
            "keys.list",
            "GET",
            "/contexts/{context_id}/keys",
            list_reader(ManagedKeyDetail, "keys"),
            names={"context_id": context_id},
        )

    def delete(self, context_id: str, name: str) -> None:
        """Delete a key; it stops working at once.

        Args:
            context_id: The context's id.
            name: The key's name.

        Raises:
            SpectronNotFoundError: There is none of this name.

        Source: `DELETE /api/v1/contexts/{context_id}/keys/{name}`
        """
        self._send(
            "keys.delete",
            "DELETE",
            "/contexts/{context_id}/keys/{name}",
            read_nothing,
            names={"context_id": context_id, "name": name},
        )

    def rotate(self, context_id: str, name: str, *, ttl_seconds: int | None = None) -> ManagedKey:
        """Give a key a new secret; the old one dies at once.

        Args:
            context_id: The context's id.
            name: The key's name.
            ttl_seconds: Seconds until it expires, from 1; its expiry stays by default.

        Raises:
            SpectronNotFoundError: There is none of this name.

        Source: `POST /api/v1/contexts/{context_id}/keys/{name}/rotate`
        """
        return self._send(
            "keys.rotate",
            "POST",
            "/contexts/{context_id}/keys/{name}/rotate",
            model_reader(ManagedKey),
            names={"context_id": context_id, "name": name},
            query=ttl_query("keys.rotate", ttl_seconds),
        )


class PrincipalKeys(Surface):
    """Keys of one principal: `admin.principals.keys`."""

    def create(
        self,
        context_id: str,
        principal_id: str,
        name: str,
        *,
        grants: Grants | None = None,
        ttl_seconds: int | None = None,
    ) -> ManagedKey:
        """Mint a key for a principal; its secret is shown this once.

        Args:
            context_id: The context's id.
            principal_id: The principal's id.
            name: Unique name in the context.
            grants: Patterns by verb, within the principal's own; all of them by default.
            ttl_seconds: Seconds until it expires, from 1; never by default.

        Raises:
            SpectronConflictError: The name is taken.

        Source: `POST /api/v1/contexts/{context_id}/principals/{principal_id}/keys/{name}`
        """
        method = "principals.keys.create"
        body = request_body(
            method,
            PrincipalKeyRequest,
            {"grants": grants_argument(method, grants)},
            optional=True,
        )
        return self._send(
            method,
            "POST",
            "/contexts/{context_id}/principals/{principal_id}/keys/{name}",
            model_reader(ManagedKey),
            names={"context_id": context_id, "principal_id": principal_id, "name": name},
            query=ttl_query(method, ttl_seconds),
            body=body,
        )

    def list(self, context_id: str, principal_id: str) -> KeyDetails:
        """The keys of a principal, without their secrets.

        Args:
            context_id: The context's id.
            principal_id: The principal's id.

        Raises:
            SpectronNotFoundError: There is no such principal.

        Source: `GET /api/v1/contexts/{context_id}/principals/{principal_id}/keys`
        """
        return self._send(
            "principals.keys.list",
            "GET",
            "/contexts/{context_id}/principals/{principal_id}/keys",
            list_reader(ManagedKeyDetail, "keys"),
            names={"context_id": context_id, "principal_id": principal_id},
        )

    def delete(self, context_id: str, principal_id: str, name: str) -> None:
        """Delete a key of a principal; it stops working at once.

        Args:
            context_id: The context's id.
            principal_id: The principal's id.
            name: The key's name.

        Raises:
            SpectronNotFoundError: Absent, or another principal's.

        Source: `DELETE /api/v1/contexts/{context_id}/principals/{principal_id}/keys/{name}`
        """
        self._send(
            "principals.keys.delete",
            "DELETE",
            "/contexts/{context_id}/principals/{principal_id}/keys/{name}",
            read_nothing,
            names={"context_id": context_id, "principal_id": principal_id, "name": name},
        )

    def rotate(
        self, context_id: str, principal_id: str, name: str, *, ttl_seconds: int | None = None
    ) -> ManagedKey:
        """Give a key of a principal a new secret; the old one dies at once.

        Args:
            context_id: The context's id.
            principal_id: The principal's id.
            name: The key's name.
            ttl_seconds: Seconds until it expires, from 1; its expiry stays by default.

        Raises:
            SpectronNotFoundError: Absent, or another principal's.

        Source: `POST /api/v1/contexts/{context_id}/principals/{principal_id}/keys/{name}/rotate`
        """
        return self._send(
            "principals.keys.rotate",
            "POST",
            "/contexts/{context_id}/principals/{principal_id}/keys/{name}/rotate",
            model_reader(ManagedKey),
            names={"context_id": context_id, "principal_id": principal_id, "name": name},
            query=ttl_query("principals.keys.rotate", ttl_seconds),
        )


class PrincipalRegistry(Surface):
    """The principals of a context: `admin.principals`.

    Attributes:
        keys: Keys of one principal.
    """

    def __init__(self, sender: Sender, prefix: str, defaults: Defaults) -> None:
        super().__init__(sender, prefix, defaults)
        self.keys = PrincipalKeys(sender, prefix, defaults)

    def create(
        self,
        context_id: str,
        display_name: str,
        *,
        external_id: str | None = None,
        kind: PrincipalKind | None = None,
        grants: Grants | None = None,
    ) -> ManagedPrincipal:
        """Create a principal; with an `external_id` that exists, the existing one.

        Args:
            context_id: The context's id.
            display_name: Name for people, unique in the context.
            external_id: The identity in the caller's own system.
            kind: `human`, `agent`, `service` or `unknown`; never affects access.
            grants: Patterns by verb, as texts or as pairs (`{"org": "acme"}`).

        Raises:
            SpectronConflictError: The name is taken.

        Source: `POST /api/v1/contexts/{context_id}/principals`
        """
        method = "principals.create"
        body = request_body(
            method,
            CreateManagedPrincipalRequest,
            {
                "display_name": display_name,
                "external_id": external_id,
                "kind": kind,
                "grants": grants_argument(method, grants),
            },
        )
        return self._send(
            method,
            "POST",
            "/contexts/{context_id}/principals",
            model_reader(ManagedPrincipal),
            names={"context_id": context_id},
            body=body,
        )

    def list(self, context_id: str) -> ManagedPrincipals:
        """The principals of a context.

        Args:
            context_id: The context's id.

        Raises:
            SpectronNotFoundError: There is no such context.

        Source: `GET /api/v1/contexts/{context_id}/principals`
        """
        return self._send(
            "principals.list",
            "GET",
            "/contexts/{context_id}/principals",
            list_reader(ManagedPrincipal, "principals"),
            names={"context_id": context_id},
        )

    def get(self, context_id: str, principal_id: str) -> ManagedPrincipal:
        """A principal with its grants.

        Args:
            context_id: The context's id.
            principal_id: The principal's id.

        Raises:
            SpectronNotFoundError: There is none of this id.

        Source: `GET /api/v1/contexts/{context_id}/principals/{principal_id}`
        """
        return self._send(
            "principals.get",
            "GET",
            "/contexts/{context_id}/principals/{principal_id}",
            model_reader(ManagedPrincipal),
            names={"context_id": context_id, "principal_id": principal_id},
        )

    def patch(
        self,
        context_id: str,
        principal_id: str,
        *,
        display_name: str | None = None,
        kind: PrincipalKind | None = None,
        grants: Grants | None = None,
    ) -> ManagedPrincipal:
        """Change a principal.

        Args:
            context_id: The context's id.
            principal_id: The principal's id.
            display_name: New name.
            kind: New kind.
            grants: New grants, in place of the old ones.

        Raises:
            SpectronScopeError: A reserved principal.
            ValueError: Nothing to change was given.

        Source: `PATCH /api/v1/contexts/{context_id}/principals/{principal_id}`
        """
        method = "principals.patch"
        body = request_body(
            method,
            PatchPrincipalRequest,
            {
                "display_name": display_name,
                "kind": kind,
                "grants": grants_argument(method, grants),
            },
            optional=True,
        )
        return self._send(
            method,
            "PATCH",
            "/contexts/{context_id}/principals/{principal_id}",
            model_reader(ManagedPrincipal),
            names={"context_id": context_id, "principal_id": principal_id},
            body=something(method, body),
        )

    update = patch

    def delete(self, context_id: str, principal_id: str) -> None:
        """Delete a principal and its keys.

        Args:
            context_id: The context's id.
            principal_id: The principal's id.

        Raises:
            SpectronScopeError: A reserved principal.

        Source: `DELETE /api/v1/contexts/{context_id}/principals/{principal_id}`
        """
        self._send(
            "principals.delete",
            "DELETE",
            "/contexts/{context_id}/principals/{principal_id}",
            read_nothing,
            names={"context_id": context_id, "principal_id": principal_id},
        )


class AccessTokens(Surface):
    """Short-lived keys for external identities: `admin.access_tokens`."""

    def create(
        self,
        context_id: str,
        external_id: str,
        *,
        ttl_seconds: int,
        display_name: str | None = None,
        grants: Grants | None = None,
    ) -> AccessToken:
        """Mint a key for an external identity, whose principal is created when it is missing.

        Args:
            context_id: The context's id.
            external_id: The identity in the caller's own system.
            ttl_seconds: Seconds until it expires, from 1.
            display_name: Name of a new principal.
            grants: Patterns by verb, asserted anew each time.

        Raises:
            SpectronNotFoundError: There is no such context.

        Source: `POST /api/v1/contexts/{context_id}/access-tokens`
        """
        method = "access_tokens.create"
        body = request_body(
            method,
            CreateAccessTokenRequest,
            {
                "external_id": external_id,
                "ttl_seconds": ttl_seconds,
                "display_name": display_name,
                "grants": grants_argument(method, grants),
            },
        )
        return self._send(
            method,
            "POST",
            "/contexts/{context_id}/access-tokens",
            model_reader(AccessToken),
            names={"context_id": context_id},
            body=body,
        )


class ContextLifecycle(Surface):
    """Upkeep of a context: `admin.lifecycle`."""

    def decay(self, context_id: str) -> ManagedLifecycleResponse:
        """Lower the importance of what has not been recalled lately.

        Args:
            context_id: The context's id.

        Raises:
            SpectronNotFoundError: There is no such context.

        Source: `POST /api/v1/contexts/{context_id}/lifecycle/decay`
        """
        return self._send(
            "lifecycle.decay",
            "POST",
            "/contexts/{context_id}/lifecycle/decay",
            model_reader(ManagedLifecycleResponse),
            names={"context_id": context_id},
        )

    def reindex(self, context_id: str) -> ManagedLifecycleResponse:
        """Build the indexes of a context anew, as a job.

        Args:
            context_id: The context's id.

        Raises:
            SpectronNotFoundError: There is no such context.

        Source: `POST /api/v1/contexts/{context_id}/lifecycle/reindex`
        """
        return self._send(
            "lifecycle.reindex",
            "POST",
            "/contexts/{context_id}/lifecycle/reindex",
            model_reader(ManagedLifecycleResponse),
            names={"context_id": context_id},
        )


class SyncSpectronManagement(Surface):
    """The operator's client of a deployment.

    Args:
        base_url: `https://HOST` or `http://HOST`.
        api_key: A management key.
        timeout: Seconds to wait for a connection and for each piece of an answer.
        max_retries: How often a failed read is repeated at most.
        auth_header: Header that carries the key: `Authorization`, as a bearer, or `API-KEY`.
        transport: An httpx transport to send with; it stays its owner's to close.
        http_client: An httpx client to send with; it stays its owner's to close.
        headers: Headers of every request.
        deadline: Seconds that one call may take in total, repetitions and pauses included.

    Attributes:
        contexts: The contexts of the deployment.
        keys: Keys of a context.
        principals: Principals of a context, and their keys.
        access_tokens: Short-lived keys for external identities.
        lifecycle: Upkeep of a context.

    Raises:
        ValueError: An argument is missing, blank or out of range.
        TypeError: An argument has the wrong type.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | SecretStr | None = None,
        timeout: float = 30.0,
        max_retries: int = 3,
        *,
        auth_header: AuthHeader = "Authorization",
        transport: httpx.BaseTransport | None = None,
        http_client: httpx.Client | None = None,
        headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> None:
        settings = checked_settings(
            endpoint=base_url,
            api_key=api_key,
            key_required=transport is None and http_client is None,
            timeout=timeout,
            max_retries=max_retries,
            deadline=deadline,
            headers=headers,
            auth_header=auth_header,
        )
        if not settings.endpoint.is_remote:
            msg = "the management plane is served over HTTP; give an https:// or http:// base_url"
            raise ValueError(msg)
        connections = SyncConnections(settings.origin, transport=transport, http_client=http_client)
        sender = Sender(connections, settings)
        parts = (sender, settings.prefix, Defaults())
        super().__init__(*parts)
        self._base_url = str(settings.endpoint)
        self.contexts = ContextRegistry(*parts)
        self.keys = ContextKeys(*parts)
        self.principals = PrincipalRegistry(*parts)
        self.access_tokens = AccessTokens(*parts)
        self.lifecycle = ContextLifecycle(*parts)

    def verbs(self) -> VerbDescriptions:
        """The verbs that grants may name.

        Raises:
            SpectronAPIError: The service refused, or was not reached.

        Source: `GET /api/v1/verbs`
        """
        return self._send("verbs", "GET", "/verbs", list_reader(VerbDescription, "verbs"))

    def migrations(self) -> MigrationsResponse:
        """Which contexts lag behind the schema.

        Raises:
            SpectronAPIError: The service refused, or was not reached.

        Source: `GET /api/v1/migrations`
        """
        return self._send("migrations", "GET", "/migrations", model_reader(MigrationsResponse))

    def close(self) -> None:
        """Close the connections; a call afterwards raises."""
        self._sender.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._base_url!r})"

    def __reduce__(self) -> NoReturn:
        msg = f"{type(self).__name__} holds connections and a key and is not pickled"
        raise TypeError(msg)


def ttl_query(method: str, ttl_seconds: int | None) -> dict[str, str]:
    """The lifetime of a key as a query parameter."""
    return query_pairs({"ttl_seconds": count_argument(method, "ttl_seconds", ttl_seconds, least=1)})


def something(method: str, body: bytes | None) -> bytes:
    """The body of a change, which must change something.

    Raises:
        ValueError: It is empty.
    """
    if body is None:
        msg = f"{method}(): nothing to change was given"
        raise ValueError(msg)
    return body
