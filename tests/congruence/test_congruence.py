"""One service, four faces: every scenario gets the same answers through each of them."""

from __future__ import annotations

import pytest

from spectron_adapters.local.routes.data_plane import DATA_PLANE
from spectron_adapters.local.routes.management import MANAGEMENT_PLANE
from tests.congruence import scenarios_access, scenarios_documents, scenarios_memory
from tests.congruence.faces import FACES, Scenario, renamed, visiting

SCENARIOS: tuple[Scenario, ...] = (
    *scenarios_memory.SCENARIOS,
    *scenarios_access.SCENARIOS,
    *scenarios_documents.SCENARIOS,
)
ROUTES: set[str] = set()
STATUSES: set[int] = set()


async def transcript(scenario: Scenario, face: str) -> str:
    async with visiting(face) as visitor:
        await scenario(visitor)
        ROUTES.update(visitor.engine.routes)
        STATUSES.update(visitor.engine.statuses)
        return renamed(visitor.transcript)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_every_face_gives_the_same_answers(scenario: Scenario) -> None:
    """The scenario's transcript is the same in the process and over HTTP, blocking and async."""
    first, *others = FACES
    expected = (await transcript(scenario, first)).splitlines()
    for face in others:
        assert (await transcript(scenario, face)).splitlines() == expected, face


def test_scenarios_visit_every_route_and_status() -> None:
    """No route of the service goes unasked, and no class of refusal unseen."""
    served = {*DATA_PLANE.routes, *(f"management: {route}" for route in MANAGEMENT_PLANE.routes)}
    assert served <= ROUTES
    assert {200, 201, 202, 204, 400, 401, 403, 404, 409, 413, 415, 422} <= STATUSES
