"""How long the state machines run, and a count of the steps that they really took.

Profiles, chosen by the environment variable `HYPOTHESIS_PROFILE`: without one, the same examples
each time, as continuous integration needs; `explore`, new examples each time and ten times as
many.
"""

from __future__ import annotations

import os
from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant

EXPLORING = os.environ.get("HYPOTHESIS_PROFILE") == "explore"
STEPS: Counter[str] = Counter()
"""Steps taken in this process, by machine."""


class CountedMachine(RuleBasedStateMachine):
    """Counts the rules that it executes: the invariant is checked once before the first."""

    @invariant()
    def count_a_step(self) -> None:
        STEPS[type(self).__name__] += 1

    def teardown(self) -> None:
        STEPS[type(self).__name__] -= 1


def settings_of(*, examples: int, steps: int) -> settings:
    """Settings of a machine: so many runs of so many steps at most."""
    return settings(
        max_examples=examples * (10 if EXPLORING else 1),
        stateful_step_count=steps,
        deadline=None,
        derandomize=not EXPLORING,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
