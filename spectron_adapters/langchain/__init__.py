"""LangChain on Spectron: chat history, retriever, and a drop-in for the classic memory classes.

Needs the extra `langchain`; `SpectronMemory` needs `langchain-classic` and is imported when it is
first asked for. Imports no other framework.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING

try:
    import langchain_core  # noqa: F401 - checked here so that the message names the extra
except ImportError as error:
    raise ImportError(
        "spectron_adapters.langchain needs langchain-core: "
        "pip install 'spectron-adapters[langchain]'"
    ) from error

from spectron_adapters.langchain.history import HistoryFactory, SpectronChatMessageHistory
from spectron_adapters.langchain.retriever import DocumentQueryOptions, SpectronRetriever

if TYPE_CHECKING:
    from spectron_adapters.langchain.memory import SpectronMemory

__all__ = [
    "DocumentQueryOptions",
    "HistoryFactory",
    "SpectronChatMessageHistory",
    "SpectronRetriever",
]
if find_spec("langchain_classic") is not None:
    __all__ += ["SpectronMemory"]


def __getattr__(name: str) -> object:
    if name != "SpectronMemory":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from spectron_adapters.langchain.memory import SpectronMemory  # noqa: PLC0415 - optional extra

    return SpectronMemory
