"""Connections of uvicorn that do not wait for ever.

uvicorn limits how long a connection may idle between requests, but not how slowly a request's
head may arrive, nor how slowly an answer may be read. Imports uvicorn and `problems`.
"""

from __future__ import annotations

import asyncio
import json
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from spectron_adapters.local.problems import bad_request

__all__ = ["HEAD_SECONDS", "UNREAD_SECONDS", "PatientProtocol"]

HEAD_SECONDS = 30.0
"""How long a request's head may take, and what is still sent after an early refusal."""
UNREAD_SECONDS = 60.0
"""How long an answer may wait for a client that does not read what was sent."""


class PatientProtocol(H11Protocol):
    """Closes a connection whose request does not become complete, or whose answer nobody reads.

    Explains malformed requests.
    """

    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start waiting for a request."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._await_request()

    def data_received(self, data: bytes) -> None:
        """Take bytes; as long as they are no request, time is running."""
        super().data_received(data)
        if self._is_answering():
            self._stop_waiting()
        else:
            self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        self._is_read()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait until the client has read; not for ever, for the answer is kept that long."""
        super().pause_writing()
        self._is_read()
        # Closing would wait for the client as well.
        self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on sending."""
        super().resume_writing()
        self._is_read()

    def _is_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP with a problem document."""
        if self._is_answering() and not self._is_receiving():
            self.transport.close()  # in the middle of another answer nothing can be said
            return
        problem = bad_request(
            f"{msg.rstrip('.')}; the request line or a header is malformed or too long"
        )
        body = json.dumps(problem.document("")).encode()
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()

    def _is_answering(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    def _is_receiving(self) -> bool:
        """Whether the request's body is still arriving and nothing was answered yet."""
        return self.cycle.more_body and not self.cycle.response_started

    def _await_request(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.close()
