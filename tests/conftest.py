"""Fixtures of the whole suite: a server that misbehaves on demand, and clients of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import settings

from spectron_adapters import _httpx_transport, _network
from tests.unit.loopback import Loopback, World

# Hypothesis would fail an example that takes 200 ms, as any may on a loaded machine.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    """A scripted server on a port of its own."""
    server = Loopback()
    yield server
    server.close()


@pytest.fixture(params=["sync", "async"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Each kind of client in turn."""
    made = World(request.param)
    yield made
    await made.close()


@pytest.fixture(params=["sync", "async", "fast"])
async def wired(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """Each kind of client on each kind of connection: httpx's own, and aiohttp's."""
    if request.param == "async":
        monkeypatch.setattr(
            _network, "async_transport_kind", lambda _: _httpx_transport.AsyncShardedTransport
        )
    elif request.param == "fast":
        pytest.importorskip("httpx_aiohttp")
    made = World(request.param)
    yield made
    await made.close()


@pytest.fixture
def swift_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts are as short as they can be."""
    monkeypatch.setattr("spectron_adapters._wire.RETRY_BASE_DELAYS", (0.001,))
