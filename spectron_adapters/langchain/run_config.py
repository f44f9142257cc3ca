"""Who a call is for: template variables from LangChain's run configuration.

LangChain does not hand its configuration to retrievers, histories and memories; it is read here
for each call and never kept. Imports langchain-core and the library's public modules; never
`local`, never another framework.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

from langchain_core.runnables import RunnableConfig, ensure_config

from spectron_adapters.scopes import ScopeSet, ScopeTemplate, decode_segment
from spectron_adapters.selectors import Selectors

__all__ = [
    "Variables",
    "resolve_session_id",
    "resolve_variable",
    "variable_sources",
]

Variables: TypeAlias = Mapping[str, object] | Callable[[], Mapping[str, object]]
"""Values by name, or a function that returns them for the current call."""

_RUNTIME = "__pregel_runtime"  # where LangGraph's own `get_runtime` finds it


def variable_sources(
    variables: Variables | None = None, config: RunnableConfig | None = None
) -> list[tuple[str, object]]:
    """Where the variables of this call come from, nearest first.

    Args:
        variables: The adapter's own values; a function is called now.
        config: The call's configuration. It is merged with the ambient one by LangChain's rule: a
            `configurable` given with the call replaces the ambient one.

    Returns:
        Names and values: LangGraph's `runtime.context` (set by the application), then
        `config["configurable"]` (which a server may take from the request), then `variables`.
    """
    configurable = ensure_config(config).get("configurable", {})
    own = variables() if callable(variables) else variables
    return [
        ("runtime.context", getattr(configurable.get(_RUNTIME), "context", None)),
        ('config["configurable"]', configurable),
        ("variables", own),
    ]


def resolve_variable(name: str, sources: Sequence[tuple[str, object]]) -> str:
    """The value of one variable for this call.

    Args:
        name: The variable.
        sources: As `variable_sources` returns them.

    Raises:
        ScopeResolutionError: No source has it, or the nearest that has it holds None, a blank
            text, or something that is neither text, integer nor UUID.
    """
    return _value(Selectors(scopes=f"{{{name}}}"), sources)


def resolve_session_id(sources: Sequence[tuple[str, object]]) -> str:
    """The session of this call: its `session_id`, or its `thread_id` where no source has that.

    Args:
        sources: As `variable_sources` returns them.

    Raises:
        ScopeResolutionError: As for `resolve_variable`; there is no default session.
    """
    return _value(Selectors(scopes=_session_template), sources)


def _session_template(variables: Mapping[str, object]) -> ScopeTemplate:
    by_thread = "session_id" not in variables and "thread_id" in variables
    return ScopeTemplate("{thread_id}" if by_thread else "{session_id}")


def _value(one_variable: Selectors, sources: Sequence[tuple[str, object]]) -> str:
    """The variable as a template's only segment: looked up and checked as all variables are."""
    filled = cast("ScopeSet", one_variable.resolve(*sources).scopes)
    return decode_segment(filled.scopes[0].path)
