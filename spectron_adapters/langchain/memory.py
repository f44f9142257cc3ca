"""A drop-in for LangChain's classic memory classes that lasts and recalls across sessions.

One instance serves many users at once: session and scope are resolved for every call, and nothing
of a conversation stays on the instance. Imports langchain-core, langchain-classic and the
library's public modules; never `local`, never another framework.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    get_buffer_string,
)
from pydantic import ConfigDict, Field, SkipValidation, model_validator
from typing_extensions import Self, override

try:
    from langchain_classic.base_memory import BaseMemory
    from langchain_classic.memory.utils import get_prompt_input_key
except ImportError as error:
    raise ImportError(
        "SpectronMemory needs langchain-classic: pip install 'spectron-adapters[langchain-classic]'"
    ) from error

from spectron_adapters import AsyncSpectron, Spectron
from spectron_adapters.langchain.history import (
    HistoryOptions,
    MessageTime,
    SpectronChatMessageHistory,
)
from spectron_adapters.langchain.run_config import (
    Variables,
    resolve_session_id,
    resolve_variable,
    variable_sources,
)
from spectron_adapters.messages import visible_text
from spectron_adapters.models import K_MAX, IncludeFamily, RecallHit, RecallMode, ScopeView
from spectron_adapters.prompting import MemoryBlock, render_memory
from spectron_adapters.scope_templates import Placeholder
from spectron_adapters.scopes import session_key
from spectron_adapters.selectors import ScopeSource, Selection, Selectors, recall_arguments

__all__ = ["SpectronMemory"]

_OVERFETCH = 4
_LONG_EXCERPT = 80  # characters from which a hit may be a part of a turn, not a turn that repeats


class SpectronMemory(BaseMemory):
    """Remembers a conversation for good, and recalls what other conversations said about it.

    Stands in for `ConversationBufferMemory`, `ConversationBufferWindowMemory` (`k`) and
    `VectorStoreRetrieverMemory` (`k=0`): one line changes, the chain stays. The history is the
    session as those classes format it. What is recalled from elsewhere comes before it as one
    fenced block, which names itself reference material; when nothing is recalled, the prompt is
    the same byte for byte. Recalled blocks are never stored again.

    The session is `session_id`, else the run configuration's `session_id` or `thread_id`; scope
    and lens may hold variables. They are filled for each call from LangGraph's `runtime.context`,
    the ambient `config["configurable"]` and `variables`, nearest first; never from a chain's
    inputs, which a model may have written. A missing one raises.

    LangChain's legacy chains do not pass their own `config` to a memory: it is seen when the
    chain runs inside a runnable (`RunnablePassthrough() | chain`) or a graph. For a chain that is
    called directly, give `variables` a function that returns the current user's values.

    Args:
        client: Either client; each method uses its own kind. Never dumped.
        session_id: The conversation, for an instance that serves only one; or a text with one
            variable, such as `support-{ticket_id}`.
        memory_key: Name of the history in the prompt.
        input_key: Which input is the user's; needed when there are several.
        output_key: Which output is the answer; needed when there are several.
        return_messages: Whether the history is a list of messages, for `MessagesPlaceholder`.
        human_prefix: Who speaks in a history that is a text.
        ai_prefix: Who answers.
        k: How many exchanges (two messages each) of this session to show; None shows all.
        recall: Whether to recall from elsewhere; the input is the query.
        recall_key: Its own name in the prompt for what is recalled; None puts it before the
            history.
        top_k: How many memories to recall at most, 1 to 50. Default: the client's, else 5.
        max_tokens: Upper bound of the recalled block; 0 recalls nothing.
        count_tokens: Tokens of a text; default: a cautious estimate.
        scopes: Where the conversation is kept; what is recalled unless `lens` is given. Default:
            the client's, else the key's own region, which all who use that key share.
        lens: What to recall from.
        labels: `key=value` pairs, put on what is stored and asked of what is recalled.
        mode: `hybrid`, `vector`, `bm25` or `graph`.
        include: `facts`, `passages` or both.
        as_of: Known time of what is recalled.
        scope_view: `strict`, `crossTeam` or `merged`.
        on_behalf_of: Principal that requests act for; may hold one variable.
        variables: Values for the templates, or a function that returns them for each call.
        infer: `none` stores the messages, which can be recalled word by word; `full` also has the
            service extract facts, which uses its language model.
        message_time: When each message was said, for replaying old conversations. Default: now.

    Raises:
        ValueError: An argument is malformed, out of range or unknown.

    Examples:
        >>> from spectron_adapters import Spectron
        >>> memory = SpectronMemory(client=Spectron.local(), session_id="1")
        >>> memory.save_context({"input": "Hi, I am Ada."}, {"output": "Hello, Ada."})
        >>> print(memory.load_memory_variables({"input": "Who am I?"})["history"])
        Human: Hi, I am Ada.
        AI: Hello, Ada.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    client: Spectron | AsyncSpectron = Field(exclude=True, repr=False)
    session_id: str | None = None
    memory_key: str = "history"
    input_key: str | None = None
    output_key: str | None = None
    return_messages: bool = False
    human_prefix: str = "Human"
    ai_prefix: str = "AI"
    k: int | None = Field(default=None, ge=0)
    recall: bool = True
    recall_key: str | None = None
    top_k: SkipValidation[int | None] = None
    max_tokens: int = Field(default=1000, ge=0)
    count_tokens: Callable[[str], int] | None = Field(default=None, exclude=True, repr=False)
    scopes: SkipValidation[ScopeSource | None] = None
    lens: SkipValidation[ScopeSource | None] = None
    labels: SkipValidation[str | Sequence[str] | Mapping[str, str] | None] = None
    mode: SkipValidation[RecallMode | None] = None
    include: SkipValidation[IncludeFamily | Sequence[IncludeFamily] | None] = None
    as_of: SkipValidation[str | datetime | None] = None
    scope_view: SkipValidation[ScopeView | None] = None
    on_behalf_of: SkipValidation[str | None] = None
    variables: SkipValidation[Variables | None] = Field(default=None, exclude=True, repr=False)
    infer: Literal["none", "full"] = "none"
    message_time: MessageTime | None = Field(default=None, exclude=True, repr=False)

    @model_validator(mode="after")
    def _check_arguments(self) -> Self:
        self._own_selectors()
        if self.session_id is not None:
            session_key(Placeholder.parse(self.session_id).fill("x"), None)
        if self.recall_key == self.memory_key:
            raise ValueError(f"recall_key and memory_key are both {self.memory_key!r}")
        return self

    @property
    def memory_variables(self) -> list[str]:
        """The names that this memory fills in a prompt."""
        return [self.memory_key, *([self.recall_key] if self.recall_key else [])]

    @property
    def chat_memory(self) -> SpectronChatMessageHistory:
        """The session of the current call as a chat history.

        Raises:
            ScopeResolutionError: The session or a variable is missing.
        """
        return self._open()[0]

    # --- the conversation --------------------------------------------------------------------

    @property
    def buffer(self) -> str | list[BaseMessage]:
        """The conversation of the current call in the form that prompts get; nothing recalled."""
        return self._formatted(self.buffer_as_messages)

    @property
    def buffer_as_messages(self) -> list[BaseMessage]:
        """The conversation as messages, the last `k` exchanges of it."""
        return self._window(self.chat_memory.messages)

    @property
    def buffer_as_str(self) -> str:
        """The conversation as a text, the last `k` exchanges of it."""
        return self._as_text(self.buffer_as_messages)

    async def abuffer(self) -> str | list[BaseMessage]:
        """The conversation, as `buffer` gives it."""
        return self._formatted(await self.abuffer_as_messages())

    async def abuffer_as_messages(self) -> list[BaseMessage]:
        """The conversation, as `buffer_as_messages` gives it."""
        return self._window(await self.chat_memory.aget_messages())

    async def abuffer_as_str(self) -> str:
        """The conversation, as `buffer_as_str` gives it."""
        return self._as_text(await self.abuffer_as_messages())

    # --- LangChain's interface ---------------------------------------------------------------

    @override
    def load_memory_variables(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The history, and what is recalled for the input.

        Args:
            inputs: The chain's inputs; without any, nothing is recalled.

        Returns:
            Values by the names of `memory_variables`.

        Raises:
            ScopeResolutionError: The session or a variable is missing; nothing was asked.
            ValueError: There are several inputs and no `input_key`.
            SpectronAPIError: The service refused or was not reached.

        Source: `GET /sessions/{id}/turns`, `POST /query`.
        """
        history, selection = self._open()
        query = self._query(inputs)
        shown = self._window(history.messages)
        if not query:
            return self._filled(shown, MemoryBlock())
        answer = self.client.as_sync().recall(query, **recall_arguments(_widened(selection)))
        return self._filled(shown, self._block(answer.hits, shown, history, selection))

    @override
    async def aload_memory_variables(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The history and what is recalled, as `load_memory_variables` gives them."""
        history, selection = self._open()
        query = self._query(inputs)
        if not query:
            return self._filled(self._window(await history.aget_messages()), MemoryBlock())
        messages, answer = await asyncio.gather(
            history.aget_messages(),
            self.client.as_async().recall(query, **recall_arguments(_widened(selection))),
        )
        shown = self._window(messages)
        return self._filled(shown, self._block(answer.hits, shown, history, selection))

    @override
    def save_context(self, inputs: dict[str, Any], outputs: dict[str, str]) -> None:
        """Store one exchange, in one request.

        Args:
            inputs: The chain's inputs: a text, content blocks, a message or several.
            outputs: The chain's outputs, in the same forms.

        Raises:
            ScopeResolutionError: The session or a variable is missing; nothing was stored.
            ValueError: It cannot be told which input or output to store.
            SpectronAPIError: The service refused or was not reached.

        Source: `POST /facts/batch`.
        """
        exchange = self._exchange(inputs, outputs)
        self.chat_memory.add_messages(exchange)

    @override
    async def asave_context(self, inputs: dict[str, Any], outputs: dict[str, str]) -> None:
        """Store one exchange, as `save_context` does."""
        exchange = self._exchange(inputs, outputs)
        await self.chat_memory.aadd_messages(exchange)

    @override
    def clear(self) -> None:
        """Delete the session's messages, as `SpectronChatMessageHistory.clear` does."""
        self.chat_memory.clear()

    @override
    async def aclear(self) -> None:
        """Delete the session's messages, as `clear` does."""
        await self.chat_memory.aclear()

    # --- one call ----------------------------------------------------------------------------

    def _own_selectors(self) -> Selectors:
        return Selectors(
            scopes=self.scopes,
            lens=self.lens,
            labels=self.labels,
            top_k=self.top_k,
            mode=self.mode,
            include=self.include,
            as_of=self.as_of,
            scope_view=self.scope_view,
            on_behalf_of=self.on_behalf_of,
        )

    def _open(self) -> tuple[SpectronChatMessageHistory, Selection]:
        """Session and selection of the current call."""
        sources = variable_sources(self.variables)
        selection = self._own_selectors().over(self.client.selectors).resolve(*sources)
        options = HistoryOptions(infer=self.infer, message_time=self.message_time)
        history = SpectronChatMessageHistory.from_selection(
            self.client, self._resolved_session(sources), selection, options=options
        )
        return history, selection

    def _resolved_session(self, sources: Sequence[tuple[str, object]]) -> str:
        if self.session_id is None:
            return resolve_session_id(sources)
        place = Placeholder.parse(self.session_id)
        if place.variable is None:
            return self.session_id
        return place.fill(resolve_variable(place.variable, sources))

    def _query(self, inputs: Mapping[str, Any]) -> str:
        """What to recall for; empty when nothing is to be recalled."""
        if not (inputs and self.recall and self.max_tokens):
            return ""
        asked = inputs[self._input_key(inputs)]
        return _text_of(asked).strip()

    def _input_key(self, inputs: Mapping[str, Any]) -> str:
        return self.input_key or get_prompt_input_key(dict(inputs), self.memory_variables)

    def _output_key(self, outputs: Mapping[str, str]) -> str:
        if self.output_key is not None:
            return self.output_key
        if len(outputs) == 1:
            return next(iter(outputs))
        if "output" not in outputs:
            raise ValueError(
                f"got several output keys, {list(outputs)}: set output_key to the one to store"
            )
        warnings.warn(
            f"SpectronMemory got several output keys, {list(outputs)}, and stores 'output'; set "
            "output_key if another one is meant",
            stacklevel=4,
        )
        return "output"

    def _exchange(self, inputs: Mapping[str, Any], outputs: Mapping[str, str]) -> list[BaseMessage]:
        asked, answered = inputs[self._input_key(inputs)], outputs[self._output_key(outputs)]
        return [*_as_messages(asked, HumanMessage), *_as_messages(answered, AIMessage)]

    # --- the prompt's part -------------------------------------------------------------------

    def _window(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        if self.k is None:
            return messages
        return messages[-2 * self.k :] if self.k else []

    def _as_text(self, messages: Sequence[BaseMessage]) -> str:
        return get_buffer_string(messages, human_prefix=self.human_prefix, ai_prefix=self.ai_prefix)

    def _formatted(self, messages: list[BaseMessage]) -> str | list[BaseMessage]:
        return messages if self.return_messages else self._as_text(messages)

    def _block(
        self,
        hits: Sequence[RecallHit],
        shown: Sequence[BaseMessage],
        history: SpectronChatMessageHistory,
        selection: Selection,
    ) -> MemoryBlock:
        """What was recalled from elsewhere, best first, within the bounds."""
        session = history.session_key if self.k is None else None
        elsewhere = [hit for hit in hits if not _is_shown(hit, shown, session)]
        return render_memory(
            elsewhere[: selection.top_k],
            max_tokens=self.max_tokens,
            count_tokens=self.count_tokens,
        )

    def _filled(self, shown: list[BaseMessage], block: MemoryBlock) -> dict[str, Any]:
        history = self._formatted(shown)
        if self.recall_key:
            return {self.memory_key: history, self.recall_key: block.text}
        if not block:
            return {self.memory_key: history}
        if isinstance(history, list):
            return {self.memory_key: [SystemMessage(content=block.text), *history]}
        return {self.memory_key: "\n\n".join(filter(None, [block.text, history]))}


def _widened(selection: Selection) -> Selection:
    """Ask for more than is shown: the best hits may stand in the conversation already."""
    return replace(selection, top_k=min(K_MAX, _OVERFETCH * selection.top_k))


def _is_shown(hit: RecallHit, shown: Sequence[BaseMessage], session: str | None) -> bool:
    """Whether the prompt holds a hit anyway, as a turn of this session."""
    if session and (hit.model_extra or {}).get("sessionId") == session:
        return True
    if hit.source != "memory_chunk":
        return False
    text = _flat(visible_text(hit.text))
    said = [_flat(message.text) for message in shown]
    return text in said or (len(text) >= _LONG_EXCERPT and any(text in each for each in said))


def _flat(text: str) -> str:
    return " ".join(text.split())


def _as_messages(value: object, kind: type[HumanMessage | AIMessage]) -> Sequence[BaseMessage]:
    """A message or messages as they are; a text or content blocks as a message of the kind."""
    if isinstance(value, BaseMessage):
        return [value]
    if isinstance(value, Sequence) and value and isinstance(value[0], BaseMessage):
        return value
    return [kind.model_validate({"content": value})]


def _text_of(value: object) -> str:
    """The text of an input, or of its last message; of anything that has none, its description."""
    if isinstance(value, (str, BaseMessage, list, tuple)):
        messages = _as_messages(value, HumanMessage) if value else ()
        return str(messages[-1].text) if messages else ""
    return str(value)
