"""Serving an engine with uvicorn in this process.

The only module beside `connections` that imports uvicorn.
"""

from __future__ import annotations

import errno
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from spectron_adapters.local.problems import Problem
from spectron_adapters.local.server.asgi import SpectronApp
from spectron_adapters.local.server.connections import PatientProtocol
from spectron_adapters.local.server.request_log import configure_logging
from spectron_adapters.local.server.settings import ServerSettings

__all__ = ["GRACE_SECONDS", "ServingError", "listen", "on_signals", "prepare", "serve"]

_HEAD_BYTES = 64 * 1024
GRACE_SECONDS = 10
"""How long requests under way may take to finish when the server stops."""
_BACKLOG = 2048


class ServingError(RuntimeError):
    """The server cannot start; the message says what to change."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections, which wait until somebody serves it.

    Args:
        host: An address or name of this machine.
        port: 0 takes a free one.

    Raises:
        ServingError: The address cannot be used.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ServingError(f"{host} is no address of this machine ({error.strerror})") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ServingError(_why_not(error, host, port)) from None
    return listener


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use; choose another with --port, or 0 for a free one"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than this user has; choose one above 1023"
    return f"{host} port {port} cannot be used ({error.strerror})"


def prepare(settings: ServerSettings) -> tuple[SpectronApp, str | None]:
    """Open the database and see that somebody has a key to it.

    Returns:
        The application, and the text of a key that was made because there was none.

    Raises:
        ServingError: The file cannot be used.
        ValueError: A setting outside its values.
    """
    engine = settings.engine()
    try:
        engine.open()
        return settings.app(engine), engine.ensure_key(settings.api_key)
    except Problem as problem:
        raise ServingError(problem.detail) from None


class _Server(uvicorn.Server):
    """Tells when it answers and can be stopped."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], object]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()


def serve(
    app: SpectronApp,
    listener: socket.socket,
    *,
    on_ready: Callable[[], object] = bool,
    log_level: str = "info",
) -> None:
    """Serve in this process until SIGTERM or SIGINT; requests under way may finish.

    Args:
        app: The application; its engine is closed at the end.
        listener: From `listen`; is closed at the end.
        on_ready: Called when requests are answered.
        log_level: debug, info, warning or error.

    Raises:
        ServingError: It could not start; the log says why.
    """
    configure_logging(log_level)
    server = _Server(_config(app), on_ready)
    try:
        # Once stopped, uvicorn sends itself the signal again; that must do no more harm.
        with on_signals(lambda: None):
            server.run(sockets=[listener])
    except SystemExit:
        raise ServingError("the server could not start; the log says why") from None


def _config(app: SpectronApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=_HEAD_BYTES,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


@contextmanager
def on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Have SIGTERM and SIGINT do this, and nothing else, for a while."""
    stopping = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: stop()) for number in stopping}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
