# Generated from _async_send.py by tests/unasync.py; edit that file.
"""Sending: attempts, pauses and deadlines, and the streams of chat and upload.

What to do is decided in `_wire`, how to reach the service in `_network`; here the two meet.
Imports httpx and private modules; no client.
"""

from __future__ import annotations

import time
import logging
from collections.abc import Callable, Mapping
from math import inf
from time import monotonic
from types import TracebackType
from typing import TypeVar

import httpx
from typing_extensions import Self

from spectron_adapters._arguments import (
    Defaults,
    Labels,
    acting_principal,
    labels_argument,
    lens_query,
    read_lens,
    text_argument,
    written_scopes,
)
from spectron_adapters._multipart import FilePart, MultipartBody
from spectron_adapters._network import (
    SyncConnections,
    SyncStream,
    SyncUploadStream,
    sync_body,
    on_the_spot,
    parsed_url,
)
from spectron_adapters._settings import Settings
from spectron_adapters._sse import EventDecoder, chat_chunk
from spectron_adapters._wire import (
    ANSWER_LIMIT,
    ON_BEHALF_OF,
    Answer,
    Call,
    Safety,
    check_header,
    connection_error,
    encode_query,
    encoded_headers,
    error_from_answer,
    fill_route,
    laid_over,
    retry_after_seconds,
    timeout_error,
)
from spectron_adapters.errors import (
    SpectronAPIError,
    SpectronConnectionError,
    SpectronError,
    SpectronResponseError,
)
from spectron_adapters.models import ChatChunk
from spectron_adapters.scopes import ScopeLike

T = TypeVar("T")

_log = logging.getLogger("spectron_adapters")


class Sender:
    """Sends calls over connections until they succeed, fail for good, or run out of time."""

    def __init__(self, connections: SyncConnections, settings: Settings) -> None:
        self.connections = connections
        self._origin = settings.origin
        host = {"Host": parsed_url(settings.origin).netloc.decode()}
        self._headers = encoded_headers({**host, **settings.headers()})
        self._timeout = settings.timeout
        self._policy = settings.policy

    @property
    def in_process(self) -> bool:
        """Whether the engine in this process answers, which knows more than the contract."""
        return self.connections.engine is not None

    def send(self, call: Call[T]) -> T:
        """The result of a call, after as many attempts as its kind allows."""
        ends = monotonic() + self._policy.deadline
        attempt = 0
        while True:
            outcome = self._attempt(call, attempt, ends)
            if isinstance(outcome, Answer) and outcome.status < httpx.codes.MULTIPLE_CHOICES:
                return call.read(outcome)
            error, retry_after = _judged(outcome, call)
            pause = self._policy.pause(
                call.safety,
                attempt=attempt,
                status=error.status_code,
                retry_after=retry_after,
                left=ends - monotonic(),
            )
            if pause is None or _is_final(outcome):
                raise error
            time.sleep(pause)
            attempt += 1

    def upload(self, call: Call[T], part: FilePart | None, metadata: bytes | None) -> T:
        """The result of a call whose body is a file; sent once, since a file is read once."""
        body = on_the_spot(MultipartBody, part, metadata)
        try:
            request = self._request(call, self._timeout, upload=SyncUploadStream(body))
            # A file takes the time that it takes; only the single steps are bounded.
            outcome = self._exchange(call, request, 0, ends=inf)
        finally:
            on_the_spot(body.close)
        if body.failure is not None:
            raise body.failure
        if isinstance(outcome, Answer) and outcome.status < httpx.codes.MULTIPLE_CHOICES:
            return call.read(outcome)
        raise _judged(outcome, call)[0]

    def open(self, call: Call[T]) -> httpx.Response:
        """A 2xx response whose body is still to come, without a limit of time for it."""
        request = self._request(call, None)
        started = monotonic()
        failure: SpectronError
        try:
            response = self.connections.send(request)
        except httpx.TransportError as error:
            failure = self.failure(error, call)
        else:
            self._record(call, response.status_code, started, 0)
            if response.status_code < httpx.codes.MULTIPLE_CHOICES:
                return response
            outcome = self._answer(call, response, monotonic() + self._timeout)
            failure = _judged(outcome, call)[0]
        raise failure

    def close(self) -> None:
        """Close the connections that were opened here."""
        self.connections.close()

    def _attempt(
        self, call: Call[T], attempt: int, ends: float
    ) -> Answer | SpectronConnectionError:
        timeout = max(0.001, min(self._timeout, ends - monotonic()))
        request = self._request(call, timeout)
        return self._exchange(call, request, attempt, ends=ends)

    def _exchange(
        self, call: Call[T], request: httpx.Request, attempt: int, *, ends: float
    ) -> Answer | SpectronConnectionError:
        started = monotonic()
        outcome: Answer | SpectronConnectionError
        try:
            response = self.connections.send(request)
        except httpx.TransportError as error:
            outcome = self.failure(error, call)
        else:
            outcome = self._answer(call, response, ends)
        status = outcome.status if isinstance(outcome, Answer) else 0
        self._record(call, status, started, attempt)
        return outcome

    def _answer(
        self, call: Call[T], response: httpx.Response, ends: float
    ) -> Answer | SpectronConnectionError:
        """The whole answer; a failure while it is read counts as no answer."""
        refused: SpectronResponseError
        try:
            body = self._body(call, response, ends)
        except httpx.TransportError as error:
            return self.failure(error, call)
        except httpx.DecodingError:
            refused = SpectronResponseError(f"{call.name} answered with broken compression")
        else:
            return Answer(response.status_code, response.headers, body)
        finally:
            response.close()
        raise refused

    def _body(self, call: Call[T], response: httpx.Response, ends: float) -> bytes:
        pieces: list[bytes] = []
        size = 0
        for piece in sync_body(response):
            pieces.append(piece)
            if call.largest_answer is None:
                continue  # a file again
            size += len(piece)
            if size > call.largest_answer:
                msg = f"{call.name} answered with more than {call.largest_answer} bytes"
                raise SpectronResponseError(msg)
            if monotonic() > ends:
                msg = "the deadline passed while the answer was read"
                raise httpx.ReadTimeout(msg)
        return b"".join(pieces)

    def _request(
        self,
        call: Call[T],
        read_timeout: float | None,
        *,
        upload: SyncUploadStream | None = None,
    ) -> httpx.Request:
        seconds = self._timeout if read_timeout is None else read_timeout
        timeout = {"connect": seconds, "read": read_timeout, "write": seconds, "pool": seconds}
        own = dict(call.headers)
        if upload is not None:
            own |= upload.headers
        elif call.body is not None or call.method != "GET":
            own["Content-Length"] = str(len(call.body or b""))
        try:
            # Given a stream, httpx adds no headers of its own: all of them stand here already.
            return httpx.Request(
                call.method,
                parsed_url(self._origin + call.target),
                headers=laid_over(self._headers, encoded_headers(own)),
                stream=httpx.ByteStream(call.body or b"") if upload is None else upload,
                extensions={"timeout": timeout},
            )
        except httpx.InvalidURL as error:
            refused = ValueError(f"{call.name}: the address cannot be sent: {error}")
        raise refused

    def failure(self, error: httpx.TransportError, call: Call[T]) -> SpectronConnectionError:
        """What a transport's error means; it carries no request, and so no key."""
        if isinstance(error, httpx.TimeoutException):
            return timeout_error(self._origin, call.name, self._timeout)
        return connection_error(self._origin, str(error))

    @staticmethod
    def _record(call: Call[T], status: int, started: float, attempt: int) -> None:
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug(
                "%s: %s in %.1f ms, attempt %d",
                call.name,
                status or "no answer",
                (monotonic() - started) * 1000,
                attempt + 1,
            )


def _is_final(outcome: Answer | SpectronConnectionError) -> bool:
    """Whether the answer itself says that repeating cannot help, as for a damaged file."""
    return isinstance(outcome, Answer) and outcome.headers.get("x-should-retry") == "false"


def _judged(
    outcome: Answer | SpectronConnectionError, call: Call[T]
) -> tuple[SpectronAPIError, float | None]:
    """The error that an outcome means, and how long the service asks to wait."""
    if not isinstance(outcome, Answer):
        return outcome, None
    error = error_from_answer(outcome, call.name)
    return error, retry_after_seconds(outcome.headers, error.body)


class ChatStream:
    """A reply as it is written: an iterator of chunks that closes at its end.

    Use it as a context manager, so that leaving early closes the connection; or iterate over
    it directly, to its end. Errors of the service are raised when the stream is opened: on
    entering the context, or with the first chunk.
    """

    def __init__(self, sender: Sender, call: Call[None]) -> None:
        self._chunks = _chat_chunks(sender, call)
        self._opened = False

    def __enter__(self) -> Self:
        """Open the stream.

        Raises:
            SpectronAPIError: The service refused, or was not reached.
        """
        if not self._opened:
            self._opened = True
            # The generator's first step opens the connection and yields an empty marker.
            self._chunks.__next__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ChatChunk:
        """The next chunk; the last one has `done`.

        Raises:
            SpectronAPIError: The service reports that the reply failed, or broke off.
        """
        self.__enter__()
        return self._chunks.__next__()

    def close(self) -> None:
        """Close the connection; the reply goes no further."""
        self._opened = True
        self._chunks.close()


def _chat_chunks(sender: Sender, call: Call[None]) -> SyncStream[ChatChunk]:
    response = sender.open(call)
    failure: SpectronError | None = None
    try:
        yield ChatChunk()
        decoder = EventDecoder()
        for data in sync_body(response):
            for event in decoder.feed(data):
                if (chunk := chat_chunk(event)) is not None:
                    yield chunk
                    if chunk.done:
                        return
        for event in decoder.finish():
            if (chunk := chat_chunk(event)) is not None:
                yield chunk
    except httpx.TransportError as error:
        failure = sender.failure(error, call)
    except httpx.DecodingError:
        failure = SpectronResponseError(f"{call.name} streamed broken compression")
    finally:
        response.close()
    if failure is not None:
        raise failure


class Surface:
    """What the client and its namespaces share: a sender, a prefix and the view's defaults."""

    def __init__(self, sender: Sender, prefix: str, defaults: Defaults) -> None:
        self._sender = sender
        self._prefix = prefix
        self._defaults = defaults

    def _scopes(self, method: str, given: ScopeLike | None) -> list[list[str]] | None:
        return written_scopes(method, self._defaults, given)

    def _lens(self, method: str, given: ScopeLike | None) -> list[list[str]] | None:
        return read_lens(method, self._defaults, given)

    def _reading_lens(self, method: str) -> dict[str, str]:
        """The view's lens as a query, for a route where only the engine in the process has one."""
        return lens_query(self._lens(method, None) if self._sender.in_process else None)

    def _removal_lens(self, method: str) -> list[list[str]] | None:
        """What the engine in the process may remove for a view: where it writes, else its lens."""
        if not self._sender.in_process:
            return None
        return self._scopes(method, None) or self._lens(method, None)

    def _refuse_wider(self, method: str, on_behalf_of: str | None) -> None:
        """Refuse to remove through a view what the service would remove everywhere."""
        defaults = self._defaults
        if self._sender.in_process or (defaults.scopes is None and defaults.lens is None):
            return
        if on_behalf_of is not None or defaults.on_behalf_of is not None:
            return
        msg = (
            f"{method}(): this view is narrowed to scopes, but the service would forget across "
            "the key's whole region. Use on_behalf_of, scopes.forget(path), or the client itself"
        )
        raise ValueError(msg)

    def _labels(self, method: str, given: Labels | None) -> list[str] | None:
        return labels_argument(method, self._defaults.labels if given is None else given)

    def _send(
        self,
        method: str,
        verb: str,
        route: str,
        answer: Callable[[Answer, str], T],
        *,
        names: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        on_behalf_of: str | None = None,
        safety: Safety | None = None,
    ) -> T:
        """Send one call; GETs may be repeated, the rest only as `safety` says."""
        call = self._call(
            method,
            verb,
            route,
            answer,
            names=names,
            query=query,
            body=body,
            on_behalf_of=on_behalf_of,
            safety=safety,
        )
        return self._sender.send(call)

    def _call(
        self,
        method: str,
        verb: str,
        route: str,
        answer: Callable[[Answer, str], T],
        *,
        names: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        on_behalf_of: str | None = None,
        safety: Safety | None = None,
        headers: Mapping[str, str] | None = None,
        largest_answer: int | None = ANSWER_LIMIT,
    ) -> Call[T]:
        for name, value in (names or {}).items():
            text_argument(method, name, value)
        own = dict(headers or {})
        if body is not None:
            own["Content-Type"] = "application/json"
        principal = acting_principal(self._defaults, on_behalf_of)
        if principal is not None:
            own[ON_BEHALF_OF] = check_header(f"{method}(): on_behalf_of", principal)
        return Call(
            method=verb,
            target=fill_route(self._prefix, route, names or {}) + encode_query(query or {}),
            route=route,
            parse=answer,
            headers=tuple(own.items()),
            body=body,
            safety=safety or ("repeatable" if verb == "GET" else "once"),
            largest_answer=largest_answer,
        )
