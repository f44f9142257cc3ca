"""LlamaIndex on Spectron: a retriever with citations and a chat store that loses nothing.

Needs the extra `llama-index`. Imports no other framework.
"""

try:
    import llama_index.core  # noqa: F401 - checked here so that the message names the extra
except ImportError as error:
    raise ImportError(
        "spectron_adapters.llama_index needs llama-index-core: "
        "pip install 'spectron-adapters[llama-index]'"
    ) from error

from spectron_adapters.llama_index.chat_store import SpectronChatStore
from spectron_adapters.llama_index.retriever import SpectronRetriever

__all__ = ["SpectronChatStore", "SpectronRetriever"]
