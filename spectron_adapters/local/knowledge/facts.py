"""Remembering: one text, a batch of messages, or triples.

Reading the statements happens before the write transaction, so that a slow extractor holds up
nobody. Imports `calls`, `ingestion`, `reconciliation`, `models`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from spectron_adapters.local.bodies import check_instant, check_labels, parse_selector
from spectron_adapters.local.calls import Answer, Call
from spectron_adapters.local.conversation.ingestion import (
    IncomingTurn,
    Ingested,
    chunk_id,
    ingest,
    read_turn,
)
from spectron_adapters.local.conversation.sessions import resolve_destination, turn_id
from spectron_adapters.local.extraction.model_statements import ModelStatements
from spectron_adapters.local.extraction.statements import (
    MEMORY_CATEGORIES,
    AttributeStatement,
    EntityMention,
    EntityRef,
    KnownNames,
    MemoryCategory,
    RelationStatement,
    Role,
    Statements,
    Utterance,
)
from spectron_adapters.local.instants import to_datetime
from spectron_adapters.local.knowledge.fact_rows import Origin
from spectron_adapters.local.knowledge.known_names import known_names, known_with
from spectron_adapters.local.knowledge.reconciliation import Reconciler
from spectron_adapters.local.language.proofs import record_proofs
from spectron_adapters.local.problems import bad_request
from spectron_adapters.local.tracing.traces import Trace, store_trace
from spectron_adapters.local.work import Work
from spectron_adapters.models import (
    ExtractionResult,
    RememberBatchResponse,
    RememberManyRequest,
    RememberRequest,
    RememberResponse,
    Triple,
)
from spectron_adapters.scopes import ScopeSet, is_visible

__all__ = [
    "StoredPlan",
    "WritePlan",
    "read_statements",
    "remember",
    "remember_many",
    "store_plan",
]

_logger = logging.getLogger("spectron_adapters.local")


@dataclass(frozen=True, slots=True)
class WritePlan:
    """A write, checked and read, ready to be stored.

    Attributes:
        session_id: The pinned session.
        scopes: The request's own scopes.
        turns: In order.
        labels: On every row.
        category: Overrides the category of what is derived.
        groups: Statements with the positions of the turns that they were read from; none stores
            the turns alone.
        source_kind: `turn` or `upsert`.
    """

    session_id: str | None
    scopes: ScopeSet | None
    turns: Sequence[IncomingTurn]
    labels: frozenset[str]
    category: str | None
    groups: Sequence[tuple[Sequence[int], Statements]] = ()
    source_kind: str = "turn"


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """What became of a plan.

    Attributes:
        ingested: Session and turns.
        extractions: One for each group of statements.
        trace_id: The decision trace; None when nothing was read from the turns.
    """

    ingested: Ingested
    extractions: list[ExtractionResult]
    trace_id: str | None


# --- verbs --------------------------------------------------------------------------------------


def remember(call: Call, request: RememberRequest) -> Answer:
    """Store one text or triples. Source: POST /facts."""
    if request.infer == "full":
        call.refuse_when_blocked()
    known_at = check_instant(request.observed_at, "observed_at")
    turn = read_turn(request.role, request.text or "", call.now if known_at is None else known_at)
    plan = WritePlan(
        session_id=request.session_id,
        scopes=parse_selector(request.scopes, field="scopes"),
        turns=[turn],
        labels=check_labels(request.labels),
        category=_category(request),
    )
    if request.infer == "triples":
        statements = _statements_of(request.triples or [])
        plan = replace(plan, groups=[((0,), statements)], source_kind="upsert")
    elif request.infer != "none":
        plan = replace(plan, groups=read_statements(call, plan, [(0,)]))
    preview = request.infer == "preview"

    def store(work: Work) -> Answer:
        stored = store_plan(work, plan)
        return _remembered(stored, request, turn)

    return call.write(store, keep=not preview)


def _category(request: RememberRequest) -> str | None:
    """The override; words outside the three count as `context`, which existing clients rely on."""
    if request.memory_category is None or request.memory_category in MEMORY_CATEGORIES:
        return request.memory_category
    return "context"


def _remembered(stored: StoredPlan, request: RememberRequest, turn: IncomingTurn) -> Answer:
    session = stored.ingested.session.name
    kept = stored.ingested.turns[0]
    if request.infer == "none":
        first = chunk_id(kept.key, 0) if turn.text.strip() else None
        response = RememberResponse(
            mode="none", session_id=session, turn_id=turn_id(kept.key), chunk_id=first
        )
    elif request.infer == "preview":
        response = RememberResponse(
            mode="preview",
            session_id=request.session_id or "",
            preview=True,
            extraction=_unstored(stored.extractions[0]),
        )
    else:
        response = RememberResponse(
            mode=request.infer,
            session_id=session,
            turn_id=turn_id(kept.key),
            extraction=stored.extractions[0],
        )
    return Answer.of(
        200, response, trace_id=None if request.infer == "preview" else stored.trace_id
    )


def _unstored(extraction: ExtractionResult) -> ExtractionResult:
    """An extraction of a preview: its turn will not exist."""
    return extraction.model_copy(update={"turn_id": ""})


def remember_many(call: Call, request: RememberManyRequest) -> Answer:
    """Store messages in order. Source: POST /facts/batch."""
    if request.infer == "full":
        call.refuse_when_blocked()
    observed_at = check_instant(request.observed_at, "observed_at")
    fallback = call.now if observed_at is None else observed_at
    turns = []
    for number, message in enumerate(request.messages):
        said_at = check_instant(message.ts, f"messages.{number}.ts")
        turns.append(
            read_turn(message.role, message.content, fallback if said_at is None else said_at)
        )
    plan = WritePlan(
        session_id=request.session_id,
        scopes=parse_selector(request.scopes, field="scopes"),
        turns=turns,
        labels=check_labels(request.labels),
        category=None,
    )
    if request.infer != "none":
        every = range(len(turns))
        whole = request.extract == "whole_conversation"
        plan = replace(
            plan, groups=read_statements(call, plan, [every] if whole else [(i,) for i in every])
        )
    preview = request.infer == "preview"

    def store(work: Work) -> Answer:
        stored = store_plan(work, plan)
        if preview:
            extractions = [_unstored(extraction) for extraction in stored.extractions]
            return Answer.of(
                200,
                RememberBatchResponse(
                    session_id=request.session_id or "", turn_ids=[], extractions=extractions
                ),
            )
        response = RememberBatchResponse(
            session_id=stored.ingested.session.name,
            turn_ids=[turn_id(turn.key) for turn in stored.ingested.turns],
            extractions=stored.extractions,
        )
        return Answer.of(200, response, trace_id=stored.trace_id)

    return call.write(store, keep=not preview)


# --- reading the statements ---------------------------------------------------------------------


def _statements_of(triples: Sequence[Triple]) -> Statements:
    """A caller's triples; a value makes an attribute, a target alone a relation."""
    attributes: list[AttributeStatement] = []
    relations: list[RelationStatement] = []
    mentions: dict[tuple[str, str], EntityMention] = {}
    for number, triple in enumerate(triples):
        category: MemoryCategory = triple.memory_category or "knowledge"
        subject = _entity(triple.entity.type, triple.entity.name, f"triples[{number}].entity")
        named = [subject]
        if triple.value is not None:
            attributes.append(
                AttributeStatement(subject, triple.key, triple.value, category, confidence=1.0)
            )
        elif triple.target is not None:
            target = _entity(triple.target.type, triple.target.name, f"triples[{number}].target")
            relations.append(
                RelationStatement(subject, triple.key, target, category, confidence=1.0)
            )
            named.append(target)
        for entity in named:
            mentions.setdefault(entity.key, EntityMention(entity.type, entity.name, category))
    return Statements(tuple(mentions.values()), tuple(attributes), tuple(relations))


def _entity(entity_type: str, name: str, place: str) -> EntityRef:
    entity = EntityRef(entity_type, name)
    try:
        entity.key  # noqa: B018  # names without letters or digits cannot be told apart
    except ValueError as error:
        raise bad_request(f"{place}: {error}") from None
    return entity


def read_statements(
    call: Call, plan: WritePlan, groups: Sequence[Sequence[int]]
) -> list[tuple[Sequence[int], Statements]]:
    """Read each group of turns, with what earlier groups said among the known names.

    Outside any transaction, for an extractor may be slow; one that fails reads nothing.

    Raises:
        Problem: 400, 403 or 422, the plan's session or scopes cannot be written to.
    """

    def look(work: Work) -> KnownNames:
        destination = resolve_destination(work, session_id=plan.session_id, scopes=plan.scopes)
        return known_names(work, destination.scopes)

    known = call.read(look)
    read = []
    for group in groups:
        statements = _read_group(call, [plan.turns[index] for index in group], known)
        statements = _overridden(statements, plan.category)
        known = known_with(known, statements)
        read.append((group, statements))
    return read


def _read_group(call: Call, turns: Sequence[IncomingTurn], known: KnownNames) -> Statements:
    extractor = call.settings.extractor
    utterances = [
        Utterance(cast("Role", turn.role), turn.text, to_datetime(turn.known_at), turn.speaker)
        for turn in turns
    ]
    if isinstance(extractor, ModelStatements) and not call.context.llm_extraction_enabled:
        return Statements()
    try:
        return extractor.extract(utterances, known)
    except Exception as error:  # noqa: BLE001  # a foreign extractor may fail in any way
        _logger.warning("extraction failed (%s); the turn is stored as it is", type(error).__name__)
        return Statements()


def _overridden(statements: Statements, category: str | None) -> Statements:
    if category is None:
        return statements
    wanted = cast("MemoryCategory", category)
    return replace(
        statements,
        entities=tuple(replace(item, memory_category=wanted) for item in statements.entities),
        attributes=tuple(replace(item, memory_category=wanted) for item in statements.attributes),
        relations=tuple(replace(item, memory_category=wanted) for item in statements.relations),
    )


# --- storing ------------------------------------------------------------------------------------


def store_plan(work: Work, plan: WritePlan) -> StoredPlan:
    """Store turns, what they state, and the trace of it.

    Raises:
        Problem: 400, 403 or 422, the plan's session or scopes cannot be written to.
    """
    destination = resolve_destination(work, session_id=plan.session_id, scopes=plan.scopes)
    ingested = ingest(work, destination, plan.turns, labels=plan.labels, category=plan.category)
    if not plan.groups:
        return StoredPlan(ingested, [], None)
    may_read = is_visible(destination.scopes.clauses, work.caller.region("memory:read"))
    extractions = []
    rows_touched = 0
    for group, statements in plan.groups:
        origins = [
            Origin(plan.source_kind, ingested.turns[index].id, plan.turns[index].known_at)
            for index in group
        ]
        reconciler = Reconciler(work, ingested.scope_set_id, origins, labels=plan.labels)
        outcome = reconciler.apply(statements)
        rows_touched += reconciler.rows_touched
        record_proofs(work, ingested.scope_set_id, statements, [item.turn_id for item in origins])
        # Whoever may write but not read is told nothing, for an outcome tells of older values.
        told = outcome if may_read else {}
        extractions.append(ExtractionResult(turn_id=turn_id(ingested.turns[group[-1]].key), **told))
    trace = Trace.decision(
        work, rows_touched=rows_touched, turns=len(plan.turns), scopes=destination.scopes
    )
    store_trace(work, trace)
    return StoredPlan(ingested, extractions, trace.key)
