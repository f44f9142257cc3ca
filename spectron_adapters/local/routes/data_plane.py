"""Every route below `/api/v1/{context}`.

Imports the families of routes and their table.
"""

from __future__ import annotations

from spectron_adapters.local.routes import (
    access,
    documents,
    knowledge,
    memory,
    observability,
    reasoning,
    scopes,
    sessions,
)
from spectron_adapters.local.routes.table import RouteTable

__all__ = ["DATA_PLANE"]

DATA_PLANE = RouteTable((
    memory.ROUTES,
    knowledge.ROUTES,
    sessions.ROUTES,
    documents.ROUTES,
    reasoning.ROUTES,
    scopes.ROUTES,
    access.ROUTES,
    observability.ROUTES,
))  # fmt: skip
