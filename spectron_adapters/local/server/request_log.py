"""One JSON line for each request, and JSON for whatever else is logged.

Lines hold no content, no query string, no body and no key. Imports `exchange` and the standard
library.
"""

from __future__ import annotations

import json
import logging
import os
import traceback
from collections.abc import Mapping
from datetime import datetime, timezone
from logging.config import dictConfig

from spectron_adapters.local.exchange import Response

__all__ = ["JsonLines", "configure_logging", "log_request"]

_REQUESTS = "spectron_adapters.server.requests"
_requests = logging.getLogger(_REQUESTS)

_CLIENT_GONE = 499
_SERVER_ERROR = 500


def log_request(
    *,
    method: str,
    response: Response | None,
    stayed: bool,
    seconds: float,
    notes: Mapping[str, str],
) -> None:
    """Log one request.

    Args:
        method: As it was sent.
        response: What was answered; None when the client left before.
        stayed: Whether the client stayed until the end.
        seconds: How long it took.
        notes: What the engine says of it: route, context, principal.
    """
    status = _CLIENT_GONE if response is None or not stayed else response.status
    level = logging.ERROR if status >= _SERVER_ERROR else logging.INFO
    if not _requests.isEnabledFor(level):
        return
    headers = {} if response is None else response.headers
    fields = {
        "event": "request",
        "method": method[:20],
        "route": notes.get("route"),
        "status": status,
        "ms": round(seconds * 1000, 1),
        "request_id": notes["request_id"],
        "context": notes.get("context"),
        "principal": notes.get("principal"),
        "trace_id": headers.get("x-trace-id"),
    }
    _requests.log(level, _line(level, fields))


def _line(level: int, fields: Mapping[str, object]) -> str:
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    named = {
        "time": now.replace("+00:00", "Z"),
        "level": logging.getLevelName(level).lower(),
        "pid": os.getpid(),
    }
    return json.dumps({**named, **fields}, separators=(",", ":"))


class JsonLines(logging.Formatter):
    """Every record on one line of JSON.

    Of an exception the line tells the type and where it happened, not its words, which may
    repeat memories.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One record as one line."""
        if record.name == _REQUESTS:
            return record.getMessage()
        fields: dict[str, object] = {"event": record.name, "message": record.getMessage()}
        if record.exc_info and record.exc_info[0] is not None:
            frames = traceback.extract_tb(record.exc_info[2])
            fields["error"] = record.exc_info[0].__name__
            fields["at"] = [f"{frame.filename}:{frame.lineno}" for frame in frames]
        return _line(record.levelno, fields)


def configure_logging(level: str) -> None:
    """Have this process log JSON lines to standard error.

    Args:
        level: debug, info, warning or error.
    """
    chosen = {"handlers": ["lines"], "level": level.upper(), "propagate": False}
    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"lines": {"()": JsonLines}},
            "handlers": {
                "lines": {
                    "class": "logging.StreamHandler",
                    "formatter": "lines",
                    "stream": "ext://sys.stderr",
                }
            },
            "loggers": {"spectron_adapters": chosen, "uvicorn": {**chosen, "level": "WARNING"}},
        }
    )
