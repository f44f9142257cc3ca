"""Routes that a language model improves: chat, reflect, elaborate, consolidate."""

from __future__ import annotations

from collections.abc import Mapping

from spectron_adapters.local.calls import Handler

__all__ = ["ROUTES"]


ROUTES: Mapping[str, Handler] = {}
