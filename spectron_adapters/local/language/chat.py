"""Chat: a message, what memory knows of it, and a reply with citations.

The model and the extractor run outside any transaction; the user's turn, the reply, what the turn
states and the traces are stored in one. A reader who leaves a stream early has said what they
said: the turn is stored, the broken reply is not. Imports `calls`, `facts`, `recall`, `sessions`
and the other parts of `language`.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace

from spectron_adapters.local.bodies import check_labels, parse_selector
from spectron_adapters.local.calls import Answer, Call, body_of
from spectron_adapters.local.conversation.ingestion import ingest, read_turn
from spectron_adapters.local.conversation.sessions import (
    Destination,
    StoredSession,
    readable_session,
    resolve_destination,
    session_scopes,
)
from spectron_adapters.local.knowledge.fact_rows import search_ids
from spectron_adapters.local.knowledge.facts import WritePlan, read_statements, store_plan
from spectron_adapters.local.language.audience import Audience
from spectron_adapters.local.language.models import LanguageModel
from spectron_adapters.local.language.replies import Background, chat_prompts, quoted_reply
from spectron_adapters.local.language.response_cache import (
    CachedReply,
    Question,
    find_reply,
    keep_reply,
    view_of,
)
from spectron_adapters.local.language.sources import (
    MarkerFilter,
    cited,
    find_sources,
    identity_lines,
    instruction_lines,
    recent_turns,
)
from spectron_adapters.local.problems import Problem, bad_request, internal
from spectron_adapters.local.recall.querying import Recalled, embed_question, trace_of
from spectron_adapters.local.search.vectors import QueryVector
from spectron_adapters.local.storage.database import ClosedError
from spectron_adapters.local.tracing.traces import Trace, store_trace
from spectron_adapters.local.work import Work
from spectron_adapters.models import ChatRequest, ChatResponse, Citation, ExtractionResult
from spectron_adapters.scopes import ScopeSet

__all__ = ["chat", "chosen_model"]

_logger = logging.getLogger("spectron_adapters.local")

_RECALLED = 12
_REPLY_MAX = 100_000


def chat(call: Call, request: ChatRequest) -> Answer:
    """Reply to a message from memory, as JSON or as server-sent events. Source: POST /chat."""
    call.refuse_when_blocked()
    if not request.message.strip():
        raise bad_request("message is blank; say something")
    model = chosen_model(call, request.model)
    conversation = _Conversation(call, request, model, _situation(call, request, model))
    if _wants_events(call, request):
        return Answer(200, None, events=_Started(conversation.events()))
    reply = "".join(conversation.pieces())
    return Answer.of(200, conversation.finish(reply), trace_id=conversation.trace_key)


def chosen_model(call: Call, name: str | None) -> LanguageModel | None:
    """The engine's language model; a request may name it, and no other.

    Raises:
        Problem: 400, the engine has no model of that name.
    """
    model = call.settings.language_model
    if name is None or (model is not None and name in (model.name, model.name.split("/")[-1])):
        return model
    known = "it has none" if model is None else f"it has {model.name!r}"
    raise bad_request(f"model: this engine has no language model {name[:80]!r}; {known}")


def _wants_events(call: Call, request: ChatRequest) -> bool:
    return request.stream or "text/event-stream" in call.request.headers.get("accept", "")


# --- what is asked, and from where ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Situation:
    """A message's surroundings, read in one transaction.

    Attributes:
        lens: What the message concerns.
        scopes: As the request names them.
        may_write: Whether turns are stored.
        reply_scopes: What the reply will carry.
        background: What the reply draws on.
        recalled: What the search found.
        question: What the cache compares; None when it is passed over.
        cached: An earlier reply that still holds.
        elapsed: Milliseconds.
    """

    lens: ScopeSet | None
    scopes: ScopeSet | None
    may_write: bool
    reply_scopes: ScopeSet | None
    background: Background
    recalled: Recalled
    question: Question | None
    cached: CachedReply | None
    elapsed: int


def _situation(call: Call, request: ChatRequest, model: LanguageModel | None) -> _Situation:
    check_labels(request.labels)
    scopes = parse_selector(request.scopes, field="scopes")
    started = time.perf_counter()
    embedding = embed_question(call, request.message)

    def look(work: Work) -> _Situation:
        may_write = bool(call.caller.region("memory:write"))
        session, lens = _place(work, request, scopes, may_write=may_write)
        audience = Audience(work, lens if may_write else None)
        window = []
        if session is not None:
            window = recent_turns(work, session, lens, admit=audience.admit)
        # A model reads the window for itself; without one its turns may be quoted.
        seen = [] if model is None else window
        recalled, sources = find_sources(
            work,
            request.message,
            lens,
            k=_RECALLED,
            session=session,
            window=seen,
            embedding=embedding,
            admit=audience.admit,
        )
        background = Background(
            sources,
            window,
            instruction_lines(work, lens, admit=audience.includes),
            identity_lines(work, lens, admit=audience.includes),
        )
        question = cached = None
        if model is not None and not window and _may_cache(call, request):
            told = (background.instructions, background.profile)
            view = view_of(work, lens, model=model.name, background=told)
            question = replace(_question(request.message, embedding), view=view)
            cached = find_reply(work, question, lens, sources)
        elapsed = round((time.perf_counter() - started) * 1000)
        reply_scopes = audience.scopes if cached is None else cached.scopes
        return _Situation(
            lens, scopes, may_write, reply_scopes, background, recalled, question, cached, elapsed
        )

    return call.read(look)


def _place(
    work: Work, request: ChatRequest, scopes: ScopeSet | None, *, may_write: bool
) -> tuple[StoredSession | None, ScopeSet | None]:
    """The session that a message continues, and what of the region it concerns.

    A reply draws on the scopes that the message itself is stored in; who may only read names
    them, or continues a session that they may read, or draws on all they may read.

    Raises:
        Problem: 400, 403 or 422, the session or scopes cannot be written to.
    """
    if may_write:
        destination = resolve_destination(work, session_id=request.session_id, scopes=scopes)
        return destination.session, destination.scopes
    session = _readable(work, request.session_id)
    if scopes is not None or session is None:
        return session, scopes
    return session, session_scopes(work, session)


def _readable(work: Work, session_id: str | None) -> StoredSession | None:
    if session_id is None:
        return None
    try:
        return readable_session(work, session_id)
    except Problem:
        return None


def _may_cache(call: Call, request: ChatRequest) -> bool:
    configured = call.context.config.get("response_cache")
    is_off = isinstance(configured, Mapping) and configured.get("enabled") is False
    return not is_off and not request.bypass_cache


def _question(message: str, embedding: QueryVector | None) -> Question:
    if embedding is None:
        return Question(b"", message)
    vector = [float(number) for number in embedding.numbers]
    return Question(b"", message, embedding.model, vector)


# --- the reply ------------------------------------------------------------------------------------


class _Conversation:
    """One message and its reply.

    Args:
        call: The request.
        request: Its body.
        model: None answers with what is stored, word for word.
        situation: From `_situation`.
    """

    def __init__(
        self, call: Call, request: ChatRequest, model: LanguageModel | None, situation: _Situation
    ) -> None:
        self._call = call
        self._request = request
        self._model = model
        self._situation = situation
        self._started = time.perf_counter()
        self._reason = "no language model: the best recalled lines"
        self.trace_key = call.parts.ids(call.now)
        self.session_id = request.session_id or call.parts.ids(call.now)

    def pieces(self) -> Iterator[str]:
        """The reply as it comes.

        A model that fails before it has said anything is replaced by what is stored.
        """
        background = self._situation.background
        if self._situation.cached is not None:
            self._reason = "the same question was answered before, and nothing has changed"
            yield self._situation.cached.reply
            return
        if self._model is not None:
            spoken = yield from self._modelled(self._model)
            if spoken:
                return
            self._model = None
        yield quoted_reply(background.sources)

    def _modelled(self, model: LanguageModel) -> Generator[str, None, bool]:
        background = self._situation.background
        prompts = chat_prompts(self._request.message, background, now=self._call.now)
        markers = MarkerFilter({source.marker for source in background.sources})
        length, blank = 0, ""
        try:
            for piece in model.stream(prompts):
                text = blank + markers.feed(_encodable(piece))
                if not text.strip() and not length:
                    blank = text
                    continue
                blank = ""
                length += len(text)
                if text:
                    yield text
                if length > _REPLY_MAX:
                    break
        except Exception as error:
            if length:
                raise
            _logger.warning("the language model failed (%s)", type(error).__name__)
            self._reason = f"the language model failed ({type(error).__name__})"
            return False
        rest = blank + markers.flush()
        if not length and not rest.strip():
            self._reason = "the language model said nothing"
            return False
        if rest:
            yield rest
        self._reason = "a language model's reply to what was recalled"
        return True

    # --- storing --------------------------------------------------------------------------------

    def finish(self, reply: str | None) -> ChatResponse:
        """Store the turns and the traces; the answer is complete.

        Args:
            reply: The whole reply; None when it broke off, and only the user's turn is stored.
        """
        citations = self._citations(reply or "")
        response = ChatResponse(
            reply=reply or "",
            session_id=self.session_id,
            trace_id=self.trace_key,
            memory_updates=ExtractionResult(),
            citations=citations,
        )
        if not self._situation.may_write:
            self._call.trace_read(self._response_trace([]))
            self._trace_recall([])
            return response
        return self._store(reply, response)

    def _store(self, reply: str | None, response: ChatResponse) -> ChatResponse:
        call, request = self._call, self._request
        labels = check_labels(request.labels)
        plan = WritePlan(
            session_id=self.session_id,
            scopes=self._situation.scopes,
            turns=[read_turn("user", request.message, call.now)],
            labels=labels,
            category=None,
        )
        plan = replace(plan, groups=read_statements(call, plan, [(0,)]))
        own: list[int] = []

        def step(work: Work) -> Answer:
            stored = store_plan(work, plan)
            turns = stored.ingested.turns
            reply_scopes = self._situation.reply_scopes
            if reply is not None and reply.strip() and reply_scopes is not None:
                place = Destination(stored.ingested.session, self.session_id, reply_scopes)
                answered = read_turn("assistant", reply, call.now)
                turns = turns + ingest(work, place, [answered], labels=labels).turns
            own.extend(search_ids(work, "memory_chunk", [turn.id for turn in turns]))
            store_trace(work, self._response_trace(own))
            self._keep(work, reply)
            told = response.model_copy(update={"memory_updates": stored.extractions[0]})
            return Answer.of(200, told, trace_id=self.trace_key)

        answer = call.write(step)
        if own:
            self._trace_recall(own)
        return ChatResponse.model_validate(answer.payload)

    def _citations(self, reply: str) -> list[Citation]:
        if self._situation.cached is not None:
            return self._situation.cached.citations
        return [source.citation for source in cited(reply, self._situation.background.sources)]

    def _keep(self, work: Work, reply: str | None) -> None:
        """Keep a model's reply for the same question, unless it is one that was kept."""
        question = self._situation.question
        if question is None or self._model is None or not reply or self._situation.cached:
            return
        sources = cited(reply, self._situation.background.sources)
        scopes = self._situation.reply_scopes
        if scopes is not None:
            keep_reply(work, question, reply, sources, scopes=scopes, trace_key=self.trace_key)

    def _response_trace(self, own: list[int]) -> Trace:
        """The reply's trace; it names the message's own rows, so that their purge empties it."""
        situation, call = self._situation, self._call
        cached = situation.cached
        rows = [source.row_id for source in situation.background.sources]
        return Trace(
            key=self.trace_key,
            context_id=call.context_id,
            kind="response",
            principal=call.caller.principal,
            target=call.caller.target,
            created_at=call.now,
            query=self._request.message,
            lens=None if situation.lens is None else situation.lens.canonical,
            tier=situation.recalled.tier if cached is None else "cache",
            reason=self._reason,
            latency_ms=situation.elapsed + round((time.perf_counter() - self._started) * 1000),
            rows_touched=len(own),
            model=None if self._model is None or cached is not None else self._model.name,
            cached=cached is not None,
            reused_from=None if cached is None else cached.trace_key,
            sources=[*(rows if cached is None else cached.rows), *own],
        )

    def _trace_recall(self, own: list[int]) -> None:
        situation = self._situation
        trace = trace_of(
            self._call,
            self._request.message,
            situation.lens,
            situation.recalled,
            situation.elapsed,
            source="chat",
        )
        self._call.trace_read(replace(trace, parent=self.trace_key, sources=own))

    # --- streaming ------------------------------------------------------------------------------

    def events(self) -> Generator[bytes, None, None]:
        """The reply as server-sent events; what it changed is stored before the last one."""
        spoken: list[str] = []
        place = {"sessionId": self.session_id, "traceId": self.trace_key}
        try:
            for piece in self.pieces():
                spoken.append(piece)
                yield _frame("delta", {"delta": piece, **place})
                place = {}
            response = self.finish("".join(spoken))
        except GeneratorExit:
            self._finish_alone()
            raise
        except Exception as error:  # noqa: BLE001  # the boundary: the stream has begun
            problem = error if isinstance(error, Problem) else _unexpected(error)
            if not isinstance(error, Problem | ClosedError):
                self._finish_alone()
            yield _frame("error", problem.document(self._call.request.path))
            return
        yield _frame("done", {**body_of(response), "done": True})

    def _finish_alone(self) -> None:
        """Store the user's turn when the reply will not be complete."""
        try:
            self.finish(None)
        except Exception as error:  # noqa: BLE001  # nobody is left to be told
            _logger.warning("a turn was not stored (%s)", type(error).__name__)


def _encodable(piece: str) -> str:
    return piece.encode("utf-8", "replace").decode("utf-8")


def _unexpected(error: Exception) -> Problem:
    request_id = secrets.token_hex(8)
    _logger.error("request %s failed while streaming with %s", request_id, type(error).__name__)
    return internal(request_id)


def _frame(event: str, data: dict[str, object]) -> bytes:
    return f"event: {event}\ndata: {json.dumps(data)}\n\n".encode()


class _Started:
    """Events whose first one exists already, so that closing always reaches the generator."""

    def __init__(self, events: Generator[bytes, None, None]) -> None:
        self._events = events
        self._first: bytes | None = next(events, b"")

    def __iter__(self) -> _Started:
        return self

    def __next__(self) -> bytes:
        first, self._first = self._first, None
        return next(self._events) if first is None else first

    def close(self) -> None:
        """End the stream; the user's turn is stored if it was not."""
        self._events.close()
