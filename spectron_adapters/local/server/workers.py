"""Serving one file from several processes: they are started, replaced when they die, and stopped.

Imports `serving` and the standard library.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess

from spectron_adapters.local.server.request_log import configure_logging
from spectron_adapters.local.server.serving import (
    GRACE_SECONDS,
    ServingError,
    on_signals,
    serve,
)
from spectron_adapters.local.server.settings import ServerSettings

__all__ = ["serve_with_workers"]

_logger = logging.getLogger("spectron_adapters.server")

_COULD_NOT_START = 3
_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class _Crew:
    """What each worker is started with."""

    settings: ServerSettings
    listener: socket.socket
    log_level: str

    def start(self) -> SpawnProcess:
        worker = multiprocessing.get_context("spawn").Process(
            target=_work,
            args=(self.settings, self.listener, self.log_level),
            name="spectron-worker",
        )
        worker.start()
        return worker


def serve_with_workers(
    settings: ServerSettings,
    listener: socket.socket,
    *,
    workers: int,
    on_ready: Callable[[], object] = bool,
    log_level: str = "info",
) -> None:
    """Serve from several processes over one file until SIGTERM or SIGINT.

    A worker that dies is replaced. Workers end with the process that started them.

    Args:
        settings: Must name a file.
        listener: From `listen`; its connections wait until a worker takes them.
        workers: How many processes.
        on_ready: Called when the server can be stopped.
        log_level: debug, info, warning or error.

    Raises:
        ServingError: A worker could not start; the log says why.
    """
    configure_logging(log_level)
    crew = _Crew(settings, listener, log_level)
    stopping = threading.Event()
    with on_signals(stopping.set):
        running = [crew.start() for _ in range(workers)]
        try:
            on_ready()
            while not stopping.wait(_LOOK_SECONDS):
                running = [_alive(worker, crew) for worker in running]
        finally:
            _stop(running)


def _alive(worker: SpawnProcess, crew: _Crew) -> SpawnProcess:
    """The worker, or another in its place.

    Raises:
        ServingError: It could not start.
    """
    if worker.exitcode is None:
        return worker
    if worker.exitcode == _COULD_NOT_START:
        raise ServingError("a worker could not start; the log says why")
    _logger.warning("worker %s died with code %s; another starts", worker.pid, worker.exitcode)
    return crew.start()


def _stop(running: list[SpawnProcess]) -> None:
    for worker in running:
        worker.terminate()
    for worker in running:
        worker.join(2 * GRACE_SECONDS)
        if worker.is_alive():
            worker.kill()


def _work(settings: ServerSettings, listener: socket.socket, log_level: str) -> None:
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    try:
        serve(settings.app(settings.engine()), listener, log_level=log_level)
    except ServingError:
        raise SystemExit(_COULD_NOT_START) from None


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
