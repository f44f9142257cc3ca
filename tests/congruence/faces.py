"""Four ways to one service: blocking and asynchronous clients, in the process and over HTTP.

A scenario is an `async` function of one `Visitor`. Whatever a visitor asks goes into its
transcript with the answer or the refusal, as plain data. Ids and secrets are renamed in the
order of their appearance and measured durations are left out; all else must be equal, for every
face has an engine of its own with the same clock and the same source of ids.
"""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from operator import attrgetter
from typing import Any, TypeAlias

import httpx
from pydantic import BaseModel

from spectron_adapters import (
    AsyncSpectron,
    Spectron,
    SpectronAPIError,
    SpectronManagement,
    SyncSpectronManagement,
)
from spectron_adapters.local.engine import Engine
from spectron_adapters.local.exchange import Request, Response
from spectron_adapters.local.extraction.plain_statements import PlainStatements
from spectron_adapters.local.http import LocalTransport
from spectron_adapters.local.problems import Problem
from spectron_adapters.local.routes.data_plane import DATA_PLANE
from spectron_adapters.local.routes.management import MANAGEMENT_PLANE
from spectron_adapters.local.routes.table import MANAGEMENT
from tests.congruence.served_engine import on_a_port

API_KEY = "the-administrators-key"
MANAGEMENT_KEY = "the-operators-key"
FACES = ("blocking, in the process", "async, in the process", "blocking, HTTP", "async, HTTP")
START = datetime(2026, 1, 1, tzinfo=timezone.utc)

Scenario: TypeAlias = "Callable[[Visitor], Awaitable[None]]"


class Clock:
    """Stands still until a scenario moves it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class RecordingEngine(Engine):
    """Notes which routes were asked and which statuses were answered."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.routes: set[str] = set()
        self.statuses: set[int] = set()

    def handle(self, request: Request) -> Response:
        response = super().handle(request)
        self.statuses.add(response.status)
        self.routes.add(route_of(request))
        return response


def route_of(request: Request) -> str:
    """Method and pattern of a request's route; empty for a path that is none."""
    first, *rest = request.path.removeprefix("/api/v1/").split("/")
    try:
        if first in MANAGEMENT:
            return f"management: {MANAGEMENT_PLANE.match(request.method, [first, *rest]).route}"
        return DATA_PLANE.match(request.method, rest).route
    except Problem:
        return ""


def model(prompts: Any) -> str:
    """A language model that says the same each time."""
    return "Noted. [S1]"


@dataclass
class Visitor:
    """One client with its transcript; `as_somebody` gives others of the same face."""

    face: str
    engine: RecordingEngine
    clock: Clock
    endpoint: str
    transport: LocalTransport | None = None
    transcript: list[Any] = field(default_factory=list)
    api_key: str = API_KEY
    context: str = "default"

    @property
    def is_async(self) -> bool:
        return self.face.startswith("async")

    def later(self, **span: float) -> None:
        """Move the clock on."""
        self.clock.now += timedelta(**span)

    def as_somebody(self, api_key: str, context: str | None = None) -> Visitor:
        """A visitor with another key, or in another context."""
        return replace(self, api_key=api_key, context=context or self.context)

    # --- asking -----------------------------------------------------------------------------------

    async def ask(self, verb: str, *args: Any, **options: Any) -> Any:
        """Call a method of the client; gives its answer, or None when it was refused."""
        return await self._tell(self._client(), verb, args, options)

    async def manage(self, verb: str, *args: Any, **options: Any) -> Any:
        """Call a method of the client of the management plane."""
        kind = SpectronManagement if self.is_async else SyncSpectronManagement
        key = MANAGEMENT_KEY if self.api_key == API_KEY else self.api_key
        client = kind(self.endpoint, api_key=key, max_retries=0, **self._transport())
        return await self._tell(client, verb, args, options)

    async def listen(self, message: str, **options: Any) -> None:
        """Chat, and take the reply in chunks."""
        client = self._client()
        stream = client.chat(message, stream=True, **options)
        if self.is_async:
            async with stream as chunks:
                told = [plain(chunk) async for chunk in chunks]
        else:
            with stream as chunks:
                told = [plain(chunk) for chunk in chunks]
        await close(client)
        self.transcript.append(("chat", "stream", told))

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request as it is, which the client would refuse or cannot make."""
        headers = {"authorization": f"Bearer {self.api_key}"} | options.pop("headers", {})
        url = f"{self.endpoint}/api/v1/{path}"
        request = httpx.Request(method, url, headers=headers, **options)
        if self.transport is not None:
            response = await self.transport.handle_async_request(request)
            await response.aread()
        else:
            async with httpx.AsyncClient() as client:
                response = await client.send(request)
        kept = {name: response.headers.get(name) for name in ("content-type", "retry-after")}
        self.transcript.append((method, path, response.status_code, kept, response.text))
        return response

    async def _tell(self, client: Any, verb: str, args: Any, options: Any) -> Any:
        answer: Any = None
        try:
            answer = attrgetter(verb)(client)(*args, **options)
            answer = await answer if inspect.isawaitable(answer) else answer
            told = plain(answer)
        except SpectronAPIError as error:
            answer = None
            told = (type(error).__name__, error.status_code, error.message, plain(error.body))
        except ValueError as error:  # refused before it was sent
            told = (type(error).__name__, str(error))
        finally:
            await close(client)
        self.transcript.append((verb, plain(args), plain(options), told))
        return answer

    def _client(self) -> Any:
        kind = AsyncSpectron if self.is_async else Spectron
        return kind(self.context, self.endpoint, self.api_key, max_retries=0, **self._transport())

    def _transport(self) -> dict[str, Any]:
        return {} if self.transport is None else {"transport": self.transport}


async def close(client: Any) -> None:
    """Close a client of either world; a transport that it was given stays open."""
    closing = client.aclose() if hasattr(client, "aclose") else client.close()
    if inspect.isawaitable(closing):
        await closing


def plain(value: Any) -> Any:
    """An answer as data: models as mappings, bytes as text."""
    if isinstance(value, BaseModel):
        return plain(value.model_dump())
    if isinstance(value, dict):
        return {key: "a duration" if is_duration(key) else plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value[:2000].decode("latin-1") if isinstance(value, bytes) else value


def is_duration(key: str) -> bool:
    return key.endswith(("_ms", "Ms"))


_RANDOM = re.compile(r"sp-[0-9A-Za-z_-]+|\b[0-9a-z]{16}\b|\b[0-9a-z]{26}\b")
_DURATION = re.compile(r'("[A-Za-z]+Ms":)[0-9.]+')


def renamed(transcript: list[Any]) -> str:
    """A transcript as text, with ids and secrets numbered in the order of their appearance."""
    names: dict[str, str] = {}
    counter = itertools.count(1)

    def name(found: re.Match[str]) -> str:
        return names.setdefault(found[0], f"<{next(counter)}>")

    text = "\n".join(repr(entry) for entry in transcript)
    return _RANDOM.sub(name, _DURATION.sub(r"\1…", text))


@asynccontextmanager
async def visiting(face: str) -> AsyncIterator[Visitor]:
    """A visitor to an empty service, by one of `FACES`."""
    clock, numbers = Clock(), itertools.count(1)
    engine = RecordingEngine(
        clock=clock,
        ids=lambda instant: f"{next(numbers):026d}",
        llm=model,
        extractor=PlainStatements(),
        require_key=True,
        management_key=MANAGEMENT_KEY,
    )
    engine.ensure_key(API_KEY)
    if face.endswith("process"):
        transport = LocalTransport(engine)
        yield Visitor(face, engine, clock, "http://in.process", transport)
        transport.close()
        return
    with on_a_port(engine) as endpoint:
        yield Visitor(face, engine, clock, endpoint)
