"""How much the state machines have really done; runs after them, as its name comes last."""

from __future__ import annotations

import pytest

from tests.property.steps import STEPS

MACHINES = {"ChainMachine", "ServiceMachine", "RestartMachine", "KeyMachine"}


def test_machines_took_at_least_twenty_thousand_steps() -> None:
    """Counted as they were executed, over all machines."""
    if not set(STEPS) >= MACHINES:
        pytest.skip("not all of the machines ran in this process")
    assert sum(STEPS.values()) >= 20_000, dict(STEPS)
