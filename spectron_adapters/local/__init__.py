"""The engine in the process: the whole service without a network.

Imports `errors`, `models`, `scopes`, `messages` and itself; only `local.http` imports httpx.
"""

from spectron_adapters.local.engine import Engine
from spectron_adapters.local.http import LocalTransport, open_transport

__all__ = ["Engine", "LocalTransport", "open_transport"]
