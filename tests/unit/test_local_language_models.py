"""Language and embedding models of users: recognised, adapted, checked, named without secrets."""

from __future__ import annotations

import math
from typing import Any

import pytest

from spectron_adapters.local.engine import Engine
from spectron_adapters.local.language.models import Prompt, as_embedder, as_language_model

PROMPTS = [Prompt("system", "be brief"), Prompt("user", "hello"), Prompt("assistant", "hi")]


# --- LangChain ------------------------------------------------------------------------------------


def test_a_langchain_chat_model_answers_and_streams():
    fake = pytest.importorskip("langchain_core.language_models.fake_chat_models")
    model = as_language_model(fake.FakeListChatModel(responses=["hi there"]))
    assert model.complete(PROMPTS) == "hi there"
    pieces = list(model.stream(PROMPTS))
    assert "".join(pieces) == "hi there"
    assert len(pieces) > 1
    assert model.name == "FakeListChatModel"


def test_a_langchain_model_receives_the_roles_in_order():
    fake = pytest.importorskip("langchain_core.language_models.fake_chat_models")
    messages = pytest.importorskip("langchain_core.messages")
    outputs = pytest.importorskip("langchain_core.outputs")
    seen: list[Any] = []

    class Recording(fake.FakeListChatModel):
        def _generate(self, messages_: Any, *args: Any, **options: Any) -> Any:
            seen.extend(messages_)
            blocks = [
                {"type": "reasoning", "reasoning": "hidden"},
                {"type": "text", "text": "one "},
                "two",
            ]
            message = messages.AIMessage(content=blocks)
            return outputs.ChatResult(generations=[outputs.ChatGeneration(message=message)])

    model = as_language_model(Recording(responses=["unused"]))
    assert model.complete([*PROMPTS, Prompt("user", "{braces} stay")]) == "one two"
    assert [message.type for message in seen] == ["system", "human", "ai", "human"]
    assert seen[-1].content == "{braces} stay"


def test_a_generic_langchain_model_streams_its_words():
    fake = pytest.importorskip("langchain_core.language_models.fake_chat_models")
    messages = pytest.importorskip("langchain_core.messages")
    model = as_language_model(
        fake.GenericFakeChatModel(messages=iter([messages.AIMessage(content="a b c")]))
    )
    assert "".join(model.stream(PROMPTS)) == "a b c"


def test_langchain_embeddings_embed_texts_and_questions():
    fake = pytest.importorskip("langchain_core.embeddings")
    embedder = as_embedder(fake.DeterministicFakeEmbedding(size=4))
    (first, second) = embedder.embed_texts(["a", "b"])
    assert len(first) == len(second) == 4
    assert first != second
    assert embedder.embed_query("a") == first
    assert embedder.embed_texts([]) == []


# --- LlamaIndex -----------------------------------------------------------------------------------


def test_a_llama_index_model_answers_and_streams():
    llms = pytest.importorskip("llama_index.core.llms")
    model = as_language_model(llms.MockLLM())
    told = model.complete([Prompt("user", "hello you")])
    assert "hello you" in told
    assert "".join(model.stream([Prompt("user", "hello you")])) == told


def test_a_custom_llama_index_model_receives_its_messages():
    llms = pytest.importorskip("llama_index.core.llms")
    seen: list[str] = []

    class Custom(llms.CustomLLM):
        @property
        def metadata(self) -> Any:
            return llms.LLMMetadata(model_name="custom-1")

        def complete(self, prompt: str, formatted: bool = False, **options: Any) -> Any:
            seen.append(prompt)
            return llms.CompletionResponse(text="done")

        def stream_complete(self, prompt: str, formatted: bool = False, **options: Any) -> Any:
            yield llms.CompletionResponse(text="do", delta="do")
            yield llms.CompletionResponse(text="done", delta="ne")

    model = as_language_model(Custom())
    assert model.complete(PROMPTS) == "done"
    assert list(model.stream(PROMPTS)) == ["do", "ne"]
    assert "system: be brief" in seen[0]
    assert seen[0].index("be brief") < seen[0].index("hello")


def test_llama_index_embeddings_embed_texts_and_questions():
    core = pytest.importorskip("llama_index.core")
    embedder = as_embedder(core.MockEmbedding(embed_dim=3))
    assert embedder.embed_texts(["a", "b"]) == [[0.5] * 3, [0.5] * 3]
    assert embedder.embed_query("a") == [0.5] * 3


# --- callables ------------------------------------------------------------------------------------


def test_a_function_gets_messages_and_gives_text_or_pieces():
    seen: list[object] = []

    def speak(messages: list[dict[str, str]]) -> str:
        seen.append(messages)
        return "whole"

    assert as_language_model(speak).complete(PROMPTS) == "whole"
    assert seen == [[{"role": each.role, "content": each.text} for each in PROMPTS]]
    pieces = as_language_model(lambda _: iter(["a", "", "b"]))
    assert list(pieces.stream(PROMPTS)) == ["a", "b"]
    assert pieces.complete(PROMPTS) == "ab"


@pytest.mark.parametrize("answer", [None, 3, b"bytes", {"text": "x"}, [1, 2]])
def test_a_function_that_gives_something_else_fails_by_name(answer):
    with pytest.raises(TypeError, match="llm: "):
        as_language_model(lambda _: answer).complete(PROMPTS)


def test_an_object_with_the_engines_own_methods_is_taken_as_it_is():
    class Own:
        name = "own"

        def complete(self, prompts: object) -> str:
            return "x"

        def stream(self, prompts: object) -> Any:
            return iter("x")

    model = Own()
    assert as_language_model(model) is model


@pytest.mark.parametrize("given", [3, "gpt-4o", None, object(), dict, {"a": 1}])
def test_what_is_no_model_is_refused_by_the_name_of_its_option(given):
    with pytest.raises(TypeError, match=r"^llm: "):
        as_language_model(given)
    with pytest.raises(TypeError, match=r"^embeddings: "):
        as_embedder(given)


def test_the_engine_refuses_a_wrong_model_when_it_is_made():
    with pytest.raises(TypeError, match=r"^llm: "):
        Engine(llm="gpt-4o")
    with pytest.raises(TypeError, match=r"^embeddings: "):
        Engine(embeddings=3)


def test_asynchronous_models_are_refused_at_once():
    async def speak(messages: object) -> str:
        return "x"

    class Speaker:
        async def __call__(self, messages: object) -> str:
            return "x"

    for given in (speak, Speaker()):
        with pytest.raises(TypeError, match="asynchronous"):
            as_language_model(given)
        with pytest.raises(TypeError, match="asynchronous"):
            as_embedder(given)


def test_a_coroutine_that_a_plain_function_returns_is_refused():
    async def speak() -> str:
        return "x"

    with pytest.raises(TypeError, match="coroutine"):
        as_language_model(lambda _: speak()).complete(PROMPTS)
    with pytest.raises(ValueError, match="coroutine"):
        as_embedder(lambda _: speak()).embed_texts(["a"])


# --- vectors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vectors", "fault"),
    [
        ([[1.0]], "1 vectors came back for 2 texts"),
        ([[1.0, 2.0], [1.0]], "lengths"),
        ([[], []], "lengths"),
        ([[1.0], [math.nan]], "not finite"),
        ([[1.0], [math.inf]], "not finite"),
        ([["a"], ["b"]], "no list of vectors"),
        (None, "no list of vectors"),
        ([1.0, 2.0], "no list of vectors"),
    ],
)
def test_vectors_that_cannot_be_used_are_a_failure(vectors, fault):
    with pytest.raises(ValueError, match=fault):
        as_embedder(lambda _: vectors).embed_texts(["a", "b"])


def test_vectors_of_arrays_become_floats():
    numpy = pytest.importorskip("numpy")
    embedder = as_embedder(lambda texts: numpy.ones((len(texts), 2), dtype="float32"))
    assert embedder.embed_texts(["a"]) == [[1.0, 1.0]]
    assert type(embedder.embed_query("a")[0]) is float


# --- names ----------------------------------------------------------------------------------------


class Hosted:
    """Embeddings with a name, a size and secrets."""

    def __init__(self, model: str, dimensions: int = 8) -> None:
        self.model = model
        self.dimensions = dimensions
        self.api_key = "sk-verysecret"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[1.0]] * len(texts)

    def embed_query(self, text: str) -> list[float]:
        return [1.0]


def test_the_name_of_an_embedder_tells_models_and_sizes_apart():
    names = {
        as_embedder(given).name
        for given in (Hosted("small"), Hosted("large"), Hosted("small", 16), Hosted("small"))
    }
    assert len(names) == 3
    assert all("Hosted" in name for name in names)


def test_names_hold_no_secrets():
    for model in ("small", "https://user:pa55word@host/v1", "a b\nc"):
        name = as_embedder(Hosted(model)).name
        assert "secret" not in name
        assert "pa55word" not in name
        assert "\n" not in name
