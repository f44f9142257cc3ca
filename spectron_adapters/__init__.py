"""Lasting memory for LangChain, LangGraph and LlamaIndex on Spectron.

The public root: clients, configuration, scopes and errors. Requests and responses live in
`spectron_adapters.models`. Imports no framework and not the engine; an endpoint such as
`memory:` loads the engine when a client is made.
"""

from spectron_adapters._async_client import AsyncSpectron
from spectron_adapters._async_management import SpectronManagement
from spectron_adapters._async_send import AsyncChatStream
from spectron_adapters._sync_client import Spectron
from spectron_adapters._sync_management import SyncSpectronManagement
from spectron_adapters._sync_send import ChatStream
from spectron_adapters.config import Selection, Selectors, SpectronConfig
from spectron_adapters.errors import (
    ScopeResolutionError,
    SpectronAPIError,
    SpectronAuthError,
    SpectronConflictError,
    SpectronConnectionError,
    SpectronError,
    SpectronNotFoundError,
    SpectronRateLimitError,
    SpectronResponseError,
    SpectronScopeError,
    SpectronServerError,
    SpectronTimeoutError,
    SpectronValidationError,
)
from spectron_adapters.scopes import (
    GrantPattern,
    Scope,
    ScopeLike,
    ScopeSet,
    ScopeTemplate,
    decode_segment,
    encode_segment,
    explain,
    session_key,
    session_name,
)

__all__ = [
    "AsyncChatStream",
    "AsyncSpectron",
    "ChatStream",
    "GrantPattern",
    "Scope",
    "ScopeLike",
    "ScopeResolutionError",
    "ScopeSet",
    "ScopeTemplate",
    "Selection",
    "Selectors",
    "Spectron",
    "SpectronAPIError",
    "SpectronAuthError",
    "SpectronConfig",
    "SpectronConflictError",
    "SpectronConnectionError",
    "SpectronError",
    "SpectronManagement",
    "SpectronNotFoundError",
    "SpectronRateLimitError",
    "SpectronResponseError",
    "SpectronScopeError",
    "SpectronServerError",
    "SpectronTimeoutError",
    "SpectronValidationError",
    "SyncSpectronManagement",
    "decode_segment",
    "encode_segment",
    "explain",
    "session_key",
    "session_name",
]
