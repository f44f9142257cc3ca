"""An engine on a port of this process, served as `spectronctl serve` serves it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from spectron_adapters.local.engine import Engine
from spectron_adapters.local.server import SpectronApp
from spectron_adapters.local.server.connections import PatientProtocol
from spectron_adapters.local.server.serving import listen

_PATIENCE = 10.0


@contextmanager
def on_a_port(engine: Engine, *, threads: int = 4) -> Iterator[str]:
    """The endpoint of an engine, until the end of the block; the engine is closed with it."""
    app = SpectronApp(engine, threads=threads)
    config = uvicorn.Config(app, http=PatientProtocol, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    listener = listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    until = time.monotonic() + _PATIENCE
    while not server.started:
        assert thread.is_alive(), "the server stopped before it had started"
        assert time.monotonic() < until, "the server did not start"
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_PATIENCE)
        assert not thread.is_alive(), "the server did not stop"
