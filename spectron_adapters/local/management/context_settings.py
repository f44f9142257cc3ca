"""What a context's configuration says, typed, and the row that it stands in.

The row is read with every request, so that a change by another process counts at once; parsing
it is what is cached. Imports `problems` and the standard library.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from spectron_adapters.local.problems import Problem

__all__ = ["ContextConfig", "find_context"]


@dataclass(frozen=True, slots=True)
class ContextConfig:
    """A context and how it is configured; values of a wrong kind count as absent.

    Attributes:
        context_id: Its row.
        name: Its id on the wire.
        config: As stored, without provider keys, which are stored nowhere.
        enforcement_blocked: Whether what needs a language model is refused.
    """

    context_id: int
    name: str
    config: Mapping[str, object] = field(default_factory=dict, repr=False)
    enforcement_blocked: bool = False

    @property
    def confidence_floor(self) -> float | None:
        """`reconciliation.confidence_floor`, 0 to 1; None leaves it to the engine."""
        value = _number(_lookup(self.config, "reconciliation", "confidence_floor"))
        return value if value is not None and 0 <= value <= 1 else None

    @property
    def allow_self_service_keys(self) -> bool:
        """Whether holders of keys may manage keys themselves; true by default."""
        return self.config.get("allow_self_service_keys") is not False

    @property
    def max_token_ttl_seconds(self) -> int | None:
        """How long a key minted now may live at most; None for ever."""
        return _positive(self.config.get("max_token_ttl_seconds"))

    @property
    def llm_extraction_enabled(self) -> bool:
        """Whether a language model may read statements from turns; true by default."""
        return self.config.get("llm_extraction_enabled") is not False

    @property
    def retention_days(self) -> int | None:
        """For how many days turns and facts are kept; None for ever."""
        return _positive(self.config.get("retention_days"))

    @property
    def token_limit(self) -> int | None:
        """Soft limit of tokens; exceeding it rejects nothing."""
        return _positive(self.config.get("token_limit"))

    def model(self, purpose: str) -> str | None:
        """The model named for a purpose, as `provider/model`; None leaves it to the engine.

        Args:
            purpose: extraction, response, reflection, reconciliation and so on.
        """
        value = _lookup(self.config, "models", purpose)
        if isinstance(value, Mapping):
            parts = [value.get("provider"), value.get("model")]
            return "/".join(part for part in parts if isinstance(part, str)) or None
        return value if isinstance(value, str) and value.strip() else None

    def refuse_when_blocked(self) -> None:
        """Refuse what needs a language model, if the operator blocked it.

        Raises:
            Problem: 429.
        """
        if self.enforcement_blocked:
            raise BlockedProblem


class BlockedProblem(Problem):
    """429: the operator blocked what costs tokens; waiting does not help."""

    def __init__(self) -> None:
        super().__init__(
            429,
            "rate-limited",
            "this context is blocked for whatever needs a language model; ask its operator to "
            "lift enforcement_blocked",
        )

    def document(self, instance: str) -> dict[str, object]:
        """The problem document, which says that there is no time after which to retry."""
        return {**super().document(instance), "retry_after": None}


def _lookup(config: Mapping[str, object], *path: str) -> object:
    """A value inside nested objects; None when it is not there."""
    value: object = config
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value)


def _positive(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number >= 1 else None


_SELECT = (
    "SELECT id, name, coalesce(config, '{}'), coalesce(enforcement_blocked, 0)"
    " FROM context LEFT JOIN context_setting ON context_id = id WHERE name = ?"
)


def find_context(connection: sqlite3.Connection, name: str) -> ContextConfig | None:
    """A context by its id on the wire, as it is configured now."""
    row = connection.execute(_SELECT, (name,)).fetchone()
    return None if row is None else _parsed(*row)


@lru_cache(maxsize=256)
def _parsed(context_id: int, name: str, config: str, blocked: int) -> ContextConfig:
    return ContextConfig(context_id, name, json.loads(config), bool(blocked))
