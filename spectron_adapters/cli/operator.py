"""Reaching the management plane from the command line. Imports the public root."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import TypeAlias

from spectron_adapters import SyncSpectronManagement
from spectron_adapters.cli.command import Command, UsageError, add_json, text

__all__ = ["MANAGEMENT_KEY", "add_connection", "managed"]

Act: TypeAlias = Callable[[SyncSpectronManagement, argparse.Namespace], int]

MANAGEMENT_KEY = "SPECTRON_MANAGEMENT_KEY"
_ENDPOINT = "SPECTRON_ENDPOINT"
_DEFAULT_ENDPOINT = "http://localhost:9090"


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Declare where the service is, and the key that opens its management plane."""
    parser.add_argument(
        "--endpoint",
        type=text,
        metavar="URL",
        help=f"the service (default: ${_ENDPOINT}, else {_DEFAULT_ENDPOINT})",
    )
    parser.add_argument(
        "--api-key",
        type=text,
        metavar="KEY",
        help=f"a management key (default: ${MANAGEMENT_KEY}, which other users cannot see in the "
        "list of processes)",
    )
    add_json(parser)


def _connect(arguments: argparse.Namespace) -> SyncSpectronManagement:
    """A client of the management plane.

    Raises:
        UsageError: A key is missing.
        ValueError: The endpoint is none.
    """
    key = arguments.api_key or os.environ.get(MANAGEMENT_KEY)
    if not key:
        raise UsageError(f"needs a management key: set {MANAGEMENT_KEY}, or give --api-key")
    endpoint = arguments.endpoint or os.environ.get(_ENDPOINT) or _DEFAULT_ENDPOINT
    return SyncSpectronManagement(endpoint, key)


def managed(
    name: str, summary: str, add_arguments: Callable[[argparse.ArgumentParser], None], act: Act
) -> Command:
    """A command that acts on the management plane."""

    def run(arguments: argparse.Namespace) -> int:
        try:
            with _connect(arguments) as admin:
                return act(admin, arguments)
        except ValueError as error:  # what the client says of an argument
            raise UsageError(error) from error

    return Command(name, summary, add_arguments, run)
