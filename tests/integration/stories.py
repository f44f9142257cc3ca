"""Where the stories happen: a memory in the process or behind a port, over one file.

Imported by the stories; each of them runs at both places and reads the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

from spectron_adapters import Spectron
from spectron_adapters.local.engine import Engine
from tests.congruence.served_engine import on_a_port

PLACES = ("in the process", "over HTTP")
API_KEY = "the-application's-key"

Opened = Callable[[], "Iterator[Spectron]"]


class Place:
    """Opens the same memory again and again, as a process that is restarted does.

    Args:
        where: One of `PLACES`.
        path: The file that the memory lives in.
    """

    def __init__(self, where: str, path: Path) -> None:
        self.where = where
        self.path = path
        self.now = datetime(2026, 1, 1, 9, tzinfo=timezone.utc)

    def later(self, **span: float) -> datetime:
        """Let time pass; gives the new time."""
        self.now += timedelta(**span)
        return self.now

    @contextmanager
    def memory(self) -> Iterator[Spectron]:
        """The application's client, until the process ends."""
        if self.where == "in the process":
            with Spectron.local(self.path, clock=lambda: self.now) as client:
                yield client
            return
        engine = Engine(self.path, clock=lambda: self.now, require_key=True)
        engine.ensure_key(API_KEY)
        with on_a_port(engine) as endpoint, Spectron("default", endpoint, API_KEY) as client:
            yield client


def somebody(memory: Spectron, name: str, *patterns: str) -> Spectron:
    """The memory as one person may use it: within the patterns, and nowhere else."""
    verbs = ("memory:read", "memory:write", "memory:forget")
    made = memory.principals.create(name, grants={verb: list(patterns) for verb in verbs})
    return memory.scoped(on_behalf_of=made.id)


def triple(kind: str, name: str, key: str, value: str) -> dict[str, object]:
    """A curated value."""
    return {"entity": {"type": kind, "name": name}, "key": key, "value": value}


def relation(name: str, label: str, other: str) -> dict[str, object]:
    """A curated relation of two persons."""
    ends = [{"type": "person", "name": each} for each in (name, other)]
    return {"entity": ends[0], "key": label, "target": ends[1]}
