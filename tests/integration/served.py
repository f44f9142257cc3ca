"""`spectronctl serve` in a process of its own, on a free port."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

API_KEY = "an-api-key-of-the-tests"
MANAGEMENT_KEY = "a-management-key-of-the-tests"
_SECRETS = {"SPECTRON_API_KEY": API_KEY, "SPECTRON_MANAGEMENT_KEY": MANAGEMENT_KEY}


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "spectron_adapters.cli", "serve", "--port", "0", *options]


def environment(**variables: str) -> dict[str, str]:
    """This process's, with other settings of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPECTRON_")}
    return {**kept, **variables}


class Served:
    """A running server."""

    def __init__(self, process: subprocess.Popen[str], told: dict[str, Any], log: Path) -> None:
        self.process = process
        self.told = told
        self.endpoint: str = told["endpoint"]
        self.api_key: str = told["api_key"] or API_KEY
        self.management_key: str = told["management_key"] or MANAGEMENT_KEY
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def lines(self) -> list[Any]:
        complete, _, _ = self.log.rpartition("\n")
        return [json.loads(line) for line in complete.splitlines()]

    def client(self, **options: Any) -> httpx.Client:
        """Sends with the API key, to paths below the context."""
        headers = {"authorization": f"Bearer {self.api_key}"}
        base = f"{self.endpoint}/api/v1/{self.told['context']}"
        # Nothing is encrypted, and loading certificates takes longer than a request.
        return httpx.Client(base_url=base, headers=headers, timeout=30, verify=False, **options)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop it and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout=30)


@contextmanager
def served(*options: str, variables: dict[str, str] | None = None) -> Iterator[Served]:
    """A server until the end of the block; with the keys of the tests unless told otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                command("--json", *options),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment(**(_SECRETS if variables is None else variables)),
            )
        assert process.stdout is not None
        with process, process.stdout:
            try:
                announced = process.stdout.readline()
                assert announced, log.read_text()
                server = Served(process, json.loads(announced), log)
                yield server
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait(timeout=30)
