"""Bodies of the management plane, which writes snake_case both ways."""

from __future__ import annotations

from pydantic import Field

from spectron_adapters.models.values import (
    FlatKeyKind,
    JsonObject,
    ManagementResponse,
    PrincipalKind,
    SnakeRequest,
)


class CreateContextRequest(SnakeRequest):
    """Body of `POST /api/v1/contexts/{id}`."""

    namespace: str = Field(min_length=1)
    database: str = Field(min_length=1)
    config: JsonObject | None = None
    description: str | None = None
    admin_external_id: str | None = None
    admin_display_name: str | None = None


class PatchContextRequest(SnakeRequest):
    """Body of `PATCH /api/v1/contexts/{id}`; a null inside `config` clears its key."""

    config: JsonObject | None = None
    enforcement_blocked: bool | None = None


class CreateFlatKeyRequest(SnakeRequest):
    """Body of `POST /api/v1/contexts/{id}/keys`; `scope_floor` is a path or key/value pairs."""

    name: str = Field(min_length=1)
    principal: FlatKeyKind
    scope_floor: dict[str, str] | str | None = None
    grants: dict[str, list[str | dict[str, str]]] | None = None
    strict: bool | None = None
    ttl_seconds: int | None = Field(default=None, ge=1)


class CreateManagedPrincipalRequest(SnakeRequest):
    """Body of `POST /api/v1/contexts/{id}/principals`."""

    display_name: str = Field(min_length=1)
    external_id: str | None = None
    kind: PrincipalKind | None = None
    grants: dict[str, list[str | dict[str, str]]] | None = None


class PatchPrincipalRequest(SnakeRequest):
    """Body of `PATCH /api/v1/contexts/{id}/principals/{pid}`."""

    display_name: str | None = Field(default=None, min_length=1)
    kind: PrincipalKind | None = None
    grants: dict[str, list[str | dict[str, str]]] | None = None


class PrincipalKeyRequest(SnakeRequest):
    """Body of `POST /api/v1/contexts/{id}/principals/{pid}/keys/{name}`."""

    grants: dict[str, list[str | dict[str, str]]] | None = None


class CreateAccessTokenRequest(SnakeRequest):
    """Body of `POST /api/v1/contexts/{id}/access-tokens`."""

    external_id: str = Field(min_length=1)
    ttl_seconds: int = Field(ge=1)
    display_name: str | None = None
    grants: dict[str, list[str | dict[str, str]]] | None = None


class Context(ManagementResponse):
    """A context: the unit of isolation, with its own data, keys and configuration."""

    id: str
    namespace: str = ""
    database: str = ""
    config: JsonObject = Field(default_factory=dict)
    created_at: str = ""
    description: str | None = None
    enforcement_blocked: bool = False


class ManagedKey(ManagementResponse):
    """A key minted by the management plane; `key` is its secret, shown this once."""

    id: str
    key: str = Field(default="", repr=False)
    name: str = ""
    principal: str | None = None
    principal_id: str | None = None
    valid_until: str | None = None


class ManagedKeyDetail(ManagementResponse):
    """A key as the management plane lists it, without its secret."""

    id: str
    name: str = ""
    created_at: str = ""
    grants: dict[str, list[str]] | None = None
    principal_id: str | None = None
    last_used_at: str | None = None
    valid_until: str | None = None


class ManagedPrincipal(ManagementResponse):
    """A principal as the management plane shows it."""

    id: str
    display_name: str = ""
    external_id: str | None = None
    kind: str = ""
    grants: dict[str, list[str]] = Field(default_factory=dict)


class AccessToken(ManagementResponse):
    """A short-lived key for one external identity; `key` is shown this once."""

    id: str
    key: str = Field(repr=False)
    principal_id: str = ""
    valid_until: str | None = None


class ManagedLifecycleResponse(ManagementResponse):
    """Answer of the management plane's lifecycle routes."""

    affected: int = 0
    job_id: str | None = None


class MigrationsResponse(ManagementResponse):
    """Answer of `GET /api/v1/migrations`; the vendor leaves its shape open."""

    latest: int | None = None
    contexts: list[JsonObject] = Field(default_factory=list)
    dlq: list[JsonObject] = Field(default_factory=list)


class VerbDescription(ManagementResponse):
    """A verb that grants may name."""

    name: str
    description: str = ""
