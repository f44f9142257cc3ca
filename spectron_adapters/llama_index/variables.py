"""Who a call is for: template variables of LlamaIndex components.

LlamaIndex passes no run configuration to retrievers and stores, so the values come from the
component's own `variables`: a mapping, or a function that is asked anew for every call (for
instance one that reads a `ContextVar`). Nothing is kept between calls. Imports the public root's
modules only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from spectron_adapters.selectors import Selection, Selectors

__all__ = ["Variables", "resolve"]

Variables: TypeAlias = Mapping[str, object] | Callable[[], Mapping[str, object]]
"""Values by name, or a function that returns them for the current call."""


def resolve(selectors: Selectors, variables: Variables | None) -> Selection:
    """The selection of one call.

    Raises:
        ScopeResolutionError: A variable is missing, None or blank.
    """
    values = variables() if callable(variables) else variables
    return selectors.resolve(("variables", values))
