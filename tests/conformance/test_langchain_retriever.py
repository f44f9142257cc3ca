"""LangChain's own suite for retrievers, on the engine in the process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_tests.integration_tests import RetrieversIntegrationTests

from spectron_adapters import Spectron
from spectron_adapters.langchain import SpectronRetriever

SCOPE = "org/acme/user/alice"
SENTENCES = [
    "Alice drinks green tea in the morning.",
    "The tea shop in the harbour closes at six.",
    "Bob brought black tea from Colombo.",
    "Alice keeps her tea in a tin box.",
    "The train to Porto leaves at nine.",
]


@pytest.fixture(scope="module")
def memory() -> Iterator[Spectron]:
    with Spectron.local() as client:
        for sentence in SENTENCES:
            client.remember(sentence, scopes=SCOPE, infer="none")
        yield client


class _Suite(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def _remembered(self, memory: Spectron) -> None:
        self.memory = memory

    @property
    def retriever_constructor(self) -> type[SpectronRetriever]:
        return SpectronRetriever

    @property
    def retriever_query_example(self) -> str:
        return "tea"


class TestSyncClient(_Suite):
    """A retriever over the sync client, by LangChain's name for the answer's size."""

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"client": self.memory, "scopes": SCOPE}


class TestAsyncClient(_Suite):
    """A retriever over the async client, by this library's name for the answer's size."""

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"client": self.memory.as_async(), "lens": "org/acme", "mode": "bm25"}

    @property
    def num_results_arg_name(self) -> str:
        return "top_k"
