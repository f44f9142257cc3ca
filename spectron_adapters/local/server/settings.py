"""What a server is started with, from arguments or from the environment.

Imports the engine and `asgi`; no web server.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from spectron_adapters.local.engine import Engine
from spectron_adapters.local.extraction.statements import Extractor, ExtractorFunction
from spectron_adapters.local.server.asgi import SpectronApp
from spectron_adapters.local.server.reading import BodyLimits
from spectron_adapters.local.storage.database import Synchronous
from spectron_adapters.local.work import UPLOAD_LIMIT

__all__ = ["ServerSettings", "app_from_env", "create_app"]

_VARIABLES = {
    "path": "SPECTRON_DB",
    "context": "SPECTRON_CONTEXT",
    "api_key": "SPECTRON_API_KEY",
    "management_key": "SPECTRON_MANAGEMENT_KEY",
    "synchronous": "SPECTRON_SYNCHRONOUS",
}
_REGISTER = "SPECTRON_AUTO_REGISTER_SCOPES"
_UPLOADS = "SPECTRON_UPLOAD_LIMIT"
_AROUND_AN_UPLOAD = 1024 * 1024
_KEY_LENGTH_MIN = 8
_YES, _NO = ("1", "true", "yes"), ("0", "false", "no")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What a server needs to know; the same in each of its processes.

    Attributes:
        path: The database file; None keeps memory in the process.
        context: Is made when it does not exist.
        api_key: A key for the context's administrator; None leaves those that exist.
        management_key: Opens the management plane; None closes it.
        synchronous: `FULL`, or `NORMAL`, which may lose the last writes in a power cut.
        auto_register_scopes: Whether a write registers the scopes that it names.
        upload_limit: Most bytes of an uploaded document.
    """

    path: str | None = None
    context: str = "default"
    api_key: str | None = field(default=None, repr=False)
    management_key: str | None = field(default=None, repr=False)
    synchronous: Synchronous = "FULL"
    auto_register_scopes: bool = True
    upload_limit: int = UPLOAD_LIMIT

    def __post_init__(self) -> None:
        """Check what the engine does not.

        Raises:
            ValueError: A secret is blank, short or holds what a header cannot.
        """
        for name in ("api_key", "management_key"):
            _check_secret(name, getattr(self, name))
        if self.api_key is not None and self.api_key == self.management_key:
            raise ValueError("api_key and management_key must differ; one opens far more")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> ServerSettings:
        """Settings by their variables; a variable that is empty counts as absent.

        Raises:
            ValueError: A value cannot be used.
        """
        found = {
            name: environment[variable]
            for name, variable in _VARIABLES.items()
            if environment.get(variable)
        }
        return cls(
            path=found.get("path"),
            context=found.get("context", "default"),
            api_key=found.get("api_key"),
            management_key=found.get("management_key"),
            synchronous=cast("Synchronous", found.get("synchronous", "FULL")),
            auto_register_scopes=_flag(environment.get(_REGISTER) or "true"),
            upload_limit=_count(environment.get(_UPLOADS) or str(UPLOAD_LIMIT)),
        )

    def engine(
        self,
        *,
        embeddings: object = None,
        llm: object = None,
        extractor: Extractor | ExtractorFunction | None = None,
    ) -> Engine:
        """An engine that requires keys, as whatever stands on a port must.

        Raises:
            ValueError: A setting outside its values.
            TypeError: A model or extractor that is none.
        """
        return Engine(
            self.path,
            context=self.context,
            embeddings=embeddings,
            llm=llm,
            extractor=extractor,
            synchronous=self.synchronous,
            auto_register_scopes=self.auto_register_scopes,
            upload_limit=self.upload_limit,
            require_key=True,
            management_key=self.management_key,
        )

    def app(self, engine: Engine, *, threads: int = 16) -> SpectronApp:
        """The application over an engine; sees to it that the API key opens it."""
        return SpectronApp(
            engine,
            on_start=None if self.api_key is None else partial(engine.ensure_key, self.api_key),
            threads=threads,
            limits=BodyLimits(form=self.upload_limit + _AROUND_AN_UPLOAD),
        )


def _check_secret(name: str, secret: str | None) -> None:
    """Refuse a secret that guards nothing or cannot be sent.

    Raises:
        ValueError: It is blank, short, or holds blanks or characters outside ASCII.
    """
    if secret is None:
        return
    if len(secret) < _KEY_LENGTH_MIN or not secret.isascii() or not secret.isprintable():
        raise ValueError(f"{name} must have {_KEY_LENGTH_MIN} or more printable ASCII characters")
    if " " in secret:
        raise ValueError(f"{name} must not hold blanks")


def _flag(text: str) -> bool:
    if text.lower() not in (*_YES, *_NO):
        raise ValueError(f"{_REGISTER} is true or false, not {text!r}")
    return text.lower() in _YES


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise ValueError(f"{_UPLOADS} is a number of bytes, not {text!r}")
    return int(text)


def create_app(
    path: str | os.PathLike[str] | None = None,
    *,
    context: str = "default",
    api_key: str | None = None,
    management_key: str | None = None,
    embeddings: object = None,
    llm: object = None,
    extractor: Extractor | ExtractorFunction | None = None,
    synchronous: Synchronous = "FULL",
    auto_register_scopes: bool = True,
    upload_limit: int = UPLOAD_LIMIT,
    threads: int = 16,
) -> SpectronApp:
    """An ASGI application over an engine of its own, for any ASGI server.

    Every request needs a key, but for health and the OpenAPI document.

    Args:
        path: The database file, made when it does not exist; None keeps memory in the process.
        context: The context, made when it does not exist.
        api_key: A key for the context's administrator; None leaves those that exist.
        management_key: Opens the management plane; None closes it.
        embeddings: Embeddings of LangChain or LlamaIndex, or a function from texts to vectors.
        llm: A language model of LangChain or LlamaIndex, or a function from messages to text.
        extractor: What reads statements from turns.
        synchronous: `FULL`: an acknowledged write survives a power cut; or `NORMAL`.
        auto_register_scopes: Whether a write registers the scopes that it names, or is refused.
        upload_limit: Most bytes of an uploaded document.
        threads: How many requests are worked on at once.

    Raises:
        ValueError: An option outside its values.
        TypeError: A model or extractor that is none.

    Example:
        ```python
        # memory_service.py, run with: uvicorn memory_service:app
        app = create_app("memory.db", api_key=os.environ["SPECTRON_API_KEY"])
        ```
    """
    settings = ServerSettings(
        path=None if path is None else os.fspath(path),
        context=context,
        api_key=api_key,
        management_key=management_key,
        synchronous=synchronous,
        auto_register_scopes=auto_register_scopes,
        upload_limit=upload_limit,
    )
    engine = settings.engine(embeddings=embeddings, llm=llm, extractor=extractor)
    return settings.app(engine, threads=threads)


def app_from_env() -> SpectronApp:
    """An application configured by environment variables, for servers that start factories.

    `SPECTRON_DB` names the file and is required, for processes share nothing else. Further:
    `SPECTRON_CONTEXT`, `SPECTRON_API_KEY`, `SPECTRON_MANAGEMENT_KEY`, `SPECTRON_SYNCHRONOUS`,
    `SPECTRON_AUTO_REGISTER_SCOPES`, `SPECTRON_UPLOAD_LIMIT`; as the arguments of `create_app`.

    Raises:
        ValueError: A variable is missing or cannot be used.

    Example:
        ```shell
        export SPECTRON_DB=memory.db
        uvicorn spectron_adapters.local.server:app_from_env --factory --workers 4
        ```
    """
    settings = ServerSettings.from_environment(os.environ)
    if settings.path is None:
        raise ValueError("SPECTRON_DB is not set; it names the database file")
    return settings.app(settings.engine())
