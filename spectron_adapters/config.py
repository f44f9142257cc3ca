"""One configuration for every framework: where memory is, and what calls read and write.

Explicit arguments beat the environment, which only `SpectronConfig.from_env` reads, when it
is called. Imports pydantic, `models`, `scopes` and `selectors`; no client, no framework.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal, TypeAlias, cast
from urllib.parse import urlsplit

from pydantic import SecretStr
from typing_extensions import Self, TypedDict, Unpack

from spectron_adapters.models import IncludeFamily, RecallMode, ScopeView
from spectron_adapters.scopes import ScopeTemplate
from spectron_adapters.selectors import (
    DEFAULT_MODE,
    DEFAULT_TOP_K,
    ScopeResolver,
    ScopeSource,
    Selection,
    Selectors,
)

__all__ = [
    "ConfigOptions",
    "Connection",
    "Endpoint",
    "ScopeSource",
    "Selection",
    "Selectors",
    "SpectronConfig",
    "parse_endpoint",
]

DEFAULT_TIMEOUT = 30.0
DEFAULT_MAX_RETRIES = 3
_PREFIXES = ("SPECTRON_", "AGENT_MEMORY_")
_LOCAL_CONTEXT = "default"
_KINDS = "https://HOST, http://HOST, local:PATH (a file) or memory: (nothing on disk)"
_PRINTABLE = re.compile(r"[\x21-\x7e]+")

EndpointKind: TypeAlias = Literal["https", "http", "local", "memory"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a memory lives.

    Attributes:
        kind: `https` and `http` for a service, `local` for a file, `memory` for nothing on
            disk.
        location: The URL without trailing slash, the file's path, or empty.
    """

    kind: EndpointKind
    location: str

    @property
    def is_remote(self) -> bool:
        """Whether a service answers, instead of the engine in this process."""
        return self.kind in ("https", "http")

    def __str__(self) -> str:
        """The text that `parse_endpoint` reads."""
        return self.location if self.is_remote else f"{self.kind}:{self.location}"


def parse_endpoint(text: str | Endpoint | None) -> Endpoint:
    """Where the text says that memory lives.

    Args:
        text: `https://HOST` or `http://HOST`, perhaps with port and path; `local:PATH`, taken
            as it is written; `memory:`.

    Raises:
        ValueError: Missing or blank, another scheme, no host, a bad port, user name or
            password, query or fragment, white space or control characters. No message repeats
            a password.
        TypeError: Not a text.
    """
    if isinstance(text, Endpoint):
        return text
    if text is None:
        text = ""
    if not isinstance(text, str):
        raise TypeError(f"endpoint is a text, not {type(text).__name__}")
    if not text.strip():
        raise ValueError(
            f"no endpoint is set: pass endpoint=… or set SPECTRON_ENDPOINT to {_KINDS}"
        )
    scheme, colon, rest = text.partition(":")
    kind = scheme.lower()
    if colon and kind in ("https", "http"):
        return Endpoint(cast("EndpointKind", kind), _check_url(f"{kind}:{rest}"))
    if colon and kind == "local":
        return Endpoint("local", _check_path(rest))
    if colon and kind == "memory":
        if rest:
            raise ValueError("endpoint memory: takes no path; local:PATH keeps memory in a file")
        return Endpoint("memory", "")
    raise ValueError(f"endpoint has no known scheme; write {_KINDS}")


def _check_url(url: str) -> str:
    if _PRINTABLE.fullmatch(url) is None:
        raise ValueError("endpoint has white space, control or non-ASCII characters")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("endpoint is no URL: its host or port cannot be read") from None
    if "@" in parts.netloc:
        raise ValueError("endpoint holds a user name or password; give the key as api_key=…")
    if "?" in url or "#" in url:
        raise ValueError("endpoint has a query or fragment; give the service's base URL alone")
    if not url[len(parts.scheme) :].startswith("://") or not host:
        raise ValueError(f"endpoint names no host; write {parts.scheme}://HOST")
    return url.rstrip("/")


def _check_path(path: str) -> str:
    if not path.strip() or "\x00" in path:
        raise ValueError("endpoint local: needs a file's path, as in local:memory.db")
    if path.startswith("//"):
        raise ValueError("endpoint local: is followed by the path itself, as in local:/var/m.db")
    if path.startswith("~"):
        raise ValueError("endpoint local: does not expand '~'; write the path out")
    return path


@dataclass(frozen=True, slots=True)
class Connection:
    """What a client needs, complete and checked.

    Attributes:
        endpoint: Where memory lives.
        context: The context's id.
        api_key: The key; None only in the process.
        timeout: Seconds for one request.
        max_retries: How often a failed request is repeated at most.
    """

    endpoint: Endpoint
    context: str
    api_key: SecretStr | None
    timeout: float
    max_retries: int


class ConfigOptions(TypedDict, total=False):
    """The arguments of `SpectronConfig`, for functions that pass them on."""

    endpoint: str | Endpoint | None
    context: str | None
    api_key: str | SecretStr | None
    timeout: float | None
    max_retries: int | None
    scopes: ScopeSource | None
    lens: ScopeSource | None
    labels: str | Sequence[str] | Mapping[str, str] | None
    top_k: int | None
    mode: RecallMode | None
    include: IncludeFamily | Sequence[IncludeFamily] | None
    as_of: str | datetime | None
    scope_view: ScopeView | None
    on_behalf_of: str | None


@dataclass(frozen=True, init=False)
class SpectronConfig:
    """Everything an application sets once, for every framework.

    Immutable. The key is never shown, and a pickled configuration leaves it out: after
    unpickling give it anew with `dataclasses.replace(config, api_key=…)` or call `from_env`.

    Args:
        endpoint: `https://HOST`, `http://HOST`, `local:PATH` or `memory:`. May be left out
            where a client is given anyway.
        context: The context's id; in the process `default` when left out.
        api_key: The context's key; the engine in the process needs none.
        timeout: Seconds for one request.
        max_retries: How often a failed request is repeated at most.
        scopes: Where to write, as for `Selectors`.
        lens: What to read; follows `scopes` when left out.
        labels: `key=value` texts, or a mapping.
        top_k: How many hits recall returns, 1 to 50.
        mode: `hybrid`, `vector`, `bm25` or `graph`.
        include: `facts`, `passages`; both when left out.
        as_of: Known time of reads; now when left out.
        scope_view: `strict`, `crossTeam` or `merged`.
        on_behalf_of: A principal's id, or a text with one variable.

    Raises:
        ValueError: A value is blank, malformed or out of range.
        TypeError: A value has the wrong type.
    """

    endpoint: str | None
    context: str | None
    api_key: SecretStr | None
    timeout: float
    max_retries: int
    scopes: ScopeTemplate | ScopeResolver | None
    lens: ScopeTemplate | ScopeResolver | None
    labels: tuple[str, ...] | None
    top_k: int
    mode: RecallMode
    include: tuple[IncludeFamily, ...] | None
    as_of: str | None
    scope_view: ScopeView | None
    on_behalf_of: str | None

    def __init__(
        self,
        *,
        endpoint: str | Endpoint | None = None,
        context: str | None = None,
        api_key: str | SecretStr | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        scopes: ScopeSource | None = None,
        lens: ScopeSource | None = None,
        labels: str | Sequence[str] | Mapping[str, str] | None = None,
        top_k: int | None = None,
        mode: RecallMode | None = None,
        include: IncludeFamily | Sequence[IncludeFamily] | None = None,
        as_of: str | datetime | None = None,
        scope_view: ScopeView | None = None,
        on_behalf_of: str | None = None,
    ) -> None:
        chosen = Selectors(
            scopes=scopes,
            lens=lens,
            labels=labels,
            top_k=DEFAULT_TOP_K if top_k is None else top_k,
            mode=DEFAULT_MODE if mode is None else mode,
            include=include,
            as_of=as_of,
            scope_view=scope_view,
            on_behalf_of=on_behalf_of,
        )
        values: dict[str, object] = {
            "endpoint": None if endpoint is None else str(parse_endpoint(endpoint)),
            "context": _context(context),
            "api_key": _api_key(api_key),
            "timeout": DEFAULT_TIMEOUT if timeout is None else _timeout(timeout),
            "max_retries": DEFAULT_MAX_RETRIES if max_retries is None else _retries(max_retries),
            **{field.name: getattr(chosen, field.name) for field in fields(chosen)},
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_env(
        cls, environ: Mapping[str, str] | None = None, **overrides: Unpack[ConfigOptions]
    ) -> Self:
        """A configuration from environment variables, read now.

        `SPECTRON_ENDPOINT`, `SPECTRON_CONTEXT`, `SPECTRON_API_KEY`, `SPECTRON_DEFAULT_SCOPE` (a
        path, perhaps with variables, or a JSON list as for `ScopeTemplate`), `SPECTRON_TOP_K`,
        `SPECTRON_TIMEOUT`, `SPECTRON_MAX_RETRIES`, `SPECTRON_RECALL_MODE`; each may also be
        called `AGENT_MEMORY_…`.

        Args:
            environ: The variables; those of the process when left out.
            **overrides: Arguments of `SpectronConfig`; one that is not None beats its variable.

        Raises:
            ValueError: Two names of one setting disagree, a value cannot be read, or the
                default scope is set but blank. Other blank variables count as not set.
        """
        variables = os.environ if environ is None else environ
        given = {name: value for name, value in overrides.items() if value is not None}
        found = {
            field: cls._read(field, read, name, text)
            for field, (suffix, read) in _VARIABLES.items()
            if field not in given and (setting := _setting(variables, suffix)) is not None
            for name, text in [setting]
        }
        return cls(**cast("ConfigOptions", {**found, **given}))

    @classmethod
    def _read(cls, field: str, read: Callable[[str], object], variable: str, text: str) -> object:
        """One variable's value, checked by itself so that a complaint names the variable."""
        try:
            value = read(text)
            cls(**cast("ConfigOptions", {field: value}))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{variable}: {error}") from None
        return value

    @property
    def selectors(self) -> Selectors:
        """What calls read and write unless something nearer is chosen."""
        return Selectors(**{field.name: getattr(self, field.name) for field in fields(Selectors)})

    def connection(self) -> Connection:
        """What a client needs.

        Returns:
            Endpoint, context and key, complete.

        Raises:
            ValueError: The endpoint is missing, or a service's context or key; the message says
                how to set it.
        """
        endpoint = parse_endpoint(self.endpoint)
        if endpoint.is_remote and self.context is None:
            raise ValueError("no context is set: pass context=… or set SPECTRON_CONTEXT")
        if endpoint.is_remote and self.api_key is None:
            raise ValueError(
                "no API key is set: pass api_key=… or set SPECTRON_API_KEY (a pickled "
                "configuration leaves its key out)"
            )
        return Connection(
            endpoint=endpoint,
            context=self.context or _LOCAL_CONTEXT,
            api_key=self.api_key,
            timeout=self.timeout,
            max_retries=self.max_retries,
        )

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        """Everything but the key."""
        options = {field.name: getattr(self, field.name) for field in fields(self)}
        return (_rebuild, (type(self), {**options, "api_key": None}))


def _rebuild(kind: type[SpectronConfig], options: ConfigOptions) -> SpectronConfig:
    return kind(**options)


def _context(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"context is a text, not {type(value).__name__}")
    if not value.strip():
        raise ValueError("context is blank; leave it out where none is meant")
    return value


def _api_key(value: str | SecretStr | None) -> SecretStr | None:
    if value is None:
        return None
    key = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(key, str):
        raise TypeError(f"api_key is a text, not {type(key).__name__}")
    if _PRINTABLE.fullmatch(key) is None:
        raise ValueError("api_key is blank, or has white space or characters outside ASCII")
    return SecretStr(key)


def _timeout(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"timeout is a number of seconds, not {type(value).__name__}")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"timeout is a positive number of seconds, not {value}")
    return float(value)


def _retries(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"max_retries is an integer, not {type(value).__name__}")
    if value < 0:
        raise ValueError(f"max_retries is 0 or more, not {value}")
    return value


def _setting(environ: Mapping[str, str], suffix: str) -> tuple[str, str] | None:
    """The variable that sets something, and its text; None when neither name is set."""
    names = [prefix + suffix for prefix in _PREFIXES if prefix + suffix in environ]
    for name in names:
        if suffix == "DEFAULT_SCOPE" and not environ[name].strip():
            raise ValueError(f"{name} is blank, which never means everything; unset it or fill it")
    found = {name: environ[name].strip() for name in names if environ[name].strip()}
    if len(set(found.values())) > 1:
        raise ValueError(f"{' and '.join(found)} disagree; unset one of them")
    return next(iter(found.items()), None)


def _read_integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is no integer") from None


def _read_seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number of seconds") from None


def _read_scopes(text: str) -> object:
    try:
        return json.loads(text) if text.startswith("[") else text
    except json.JSONDecodeError:
        raise ValueError("begins with '[' and is no JSON list") from None


_VARIABLES: dict[str, tuple[str, Callable[[str], object]]] = {
    "endpoint": ("ENDPOINT", str),
    "context": ("CONTEXT", str),
    "api_key": ("API_KEY", str),
    "scopes": ("DEFAULT_SCOPE", _read_scopes),
    "top_k": ("TOP_K", _read_integer),
    "timeout": ("TIMEOUT", _read_seconds),
    "max_retries": ("MAX_RETRIES", _read_integer),
    "mode": ("RECALL_MODE", str),
}
