"""How much the state machines have really done; runs after them, as its name comes last."""

from __future__ import annotations

import pytest

from tests.property.steps import STEPS

MACHINES = {"test_engine_model.py", "test_service_machine.py", "test_service_variants.py"}


def test_machines_took_at_least_twenty_thousand_steps(request: pytest.FixtureRequest) -> None:
    """Counted as they were executed, over all machines."""
    if not {item.path.name for item in request.session.items} >= MACHINES:
        pytest.skip("not all of the machines were asked to run")
    assert sum(STEPS.values()) >= 20_000, dict(STEPS)
