"""How new statements meet what is stored: contract 4.2, one scope set at a time.

A chain is the rows of one entity, key and scope set. Nothing is ever overwritten: a value is
superseded, stands beside another one with an uncertainty, or is closed. Imports `fact_rows`,
`work`, `instants` and `extraction`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from spectron_adapters.local.extraction.statements import (
    AttributeStatement,
    EntityRef,
    Instruction,
    RelationStatement,
    Statements,
)
from spectron_adapters.local.instants import from_datetime
from spectron_adapters.local.knowledge.fact_rows import (
    AUTHORITATIVE,
    Closing,
    FactRows,
    KeptEntity,
    Origin,
    attribute_text,
    find_name,
    relation_text,
)
from spectron_adapters.local.work import Work

__all__ = ["Outcome", "Reconciler"]

Outcome: TypeAlias = "dict[str, list[dict[str, object]]]"

_LISTS = ("entities", "attributes", "relations", "instructions", "uncertainties", "corrections")


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a chain."""

    id: int
    value: str
    confidence: float
    source_kind: str
    known_from: int
    known_until: int | None
    valid_from: int
    valid_until: int | None
    superseded_by: int | None
    category: str

    @property
    def is_authoritative(self) -> bool:
        return self.source_kind in AUTHORITATIVE

    def overlaps(self, start: int, end: int | None) -> bool:
        """Whether both hold at some time."""
        starts_in_time = end is None or self.valid_from < end
        return starts_in_time and (self.valid_until is None or self.valid_until > start)


@dataclass(frozen=True, slots=True)
class _Claim:
    """An attribute statement with its times worked out."""

    entity: KeptEntity
    statement: AttributeStatement
    origin: Origin
    valid_from: int
    valid_until: int | None


@dataclass(frozen=True, slots=True)
class _Target:
    """A row that a statement denies."""

    kind: str
    id: int
    is_authoritative: bool
    name_id: int
    about: str


class Reconciler:
    """Stores the statements of some turns and says what became of them.

    Args:
        work: In a write transaction.
        scope_set_id: What the rows carry; other scope sets' chains are not looked at.
        origins: One per utterance that the statements may refer to.
        labels: On every row.
    """

    def __init__(
        self, work: Work, scope_set_id: int, origins: Sequence[Origin], *, labels: frozenset[str]
    ) -> None:
        self._work = work
        self._origins = origins
        self._rows = FactRows(work, scope_set_id, labels=labels)
        self._outcome: Outcome = {name: [] for name in _LISTS}
        self._told: dict[str, dict[str, object]] = {}

    @property
    def rows_touched(self) -> int:
        """Rows made or closed so far."""
        return self._rows.rows_touched

    def apply(self, statements: Statements) -> Outcome:
        """Store statements.

        Returns:
            The lists of an extraction, as the wire shows them.
        """
        first = self._origins[0]
        for mention in statements.entities:
            self._keep(EntityRef(mention.type, mention.name), mention.memory_category, first)
        for attribute in statements.attributes:
            self._apply_attribute(attribute)
        for relation in statements.relations:
            self._apply_relation(relation)
        for instruction in statements.instructions:
            self._apply_instruction(instruction)
        for uncertainty in statements.uncertainties:
            self._note(uncertainty.about, uncertainty.reason, self._origins[uncertainty.utterance])
        self._rows.flush()
        self._outcome["entities"] = list(self._told.values())
        return self._outcome

    def _keep(
        self, entity: EntityRef, category: str, origin: Origin, start: int | None = None
    ) -> KeptEntity:
        since = origin.known_at if start is None else start
        kept = self._rows.keep_entity(entity, category, origin.known_at, valid_from=since)
        self._told.setdefault(
            kept.public_id,
            {
                "id": kept.public_id,
                "name": kept.display_name,
                "entityType": entity.key[0],
                "memoryCategory": category,
                "isNew": kept.is_new,
            },
        )
        return kept

    # --- attributes -----------------------------------------------------------------------------

    def _apply_attribute(self, statement: AttributeStatement) -> None:
        origin = self._origins[statement.utterance]
        if statement.negated:
            self._deny_attribute(statement, origin)
            return
        start = _instant(statement.valid_from)
        entity = self._keep(statement.entity, statement.memory_category, origin, start)
        claim = _Claim(
            entity,
            statement,
            origin,
            valid_from=origin.known_at if start is None else start,
            valid_until=_instant(statement.valid_until),
        )
        live = [
            row
            for row in self._live(entity.name_id, statement.key)
            if row.overlaps(claim.valid_from, claim.valid_until)
        ]
        if any(row.value == statement.value for row in live):
            return
        if not self._backfill(claim, live):
            self._add_to_head(claim, live)

    def _live(self, name_id: int, key: str) -> list[_Row]:
        """The heads of a chain, oldest first: neither superseded nor closed by now."""
        condition = "superseded_by IS NULL AND (known_until IS NULL OR known_until > :now)"
        return list(self._chain(name_id, key, condition, {"now": self._work.now}))

    def _chain(
        self,
        name_id: int,
        key: str,
        condition: str,
        parameters: Mapping[str, int],
        *,
        order: str = "known_from, id",
    ) -> Iterator[_Row]:
        """Rows of a chain; the condition keeps a long history out of every write."""
        rows = self._work.connection.execute(
            "SELECT id, value, confidence, source_kind, known_from, known_until, valid_from,"  # noqa: S608  # constant conditions
            " valid_until, superseded_by, category FROM attribute"
            f" WHERE name_id = :name AND key = :key AND scope_set_id = :scopes AND {condition}"
            f" ORDER BY {order}",
            {"name": name_id, "key": key, "scopes": self._rows.scope_set_id, **parameters},
        )
        return (_Row(*row) for row in rows)

    def _add_to_head(self, claim: _Claim, live: Sequence[_Row]) -> None:
        """Supersede what the claim outweighs; stand beside the rest, with an uncertainty."""
        outweighed = [row for row in live if self._outweighs(claim, row)]
        new = self._insert(claim, supersedes=outweighed[-1] if outweighed else None)
        for row in outweighed:
            self._supersede(row, new, claim)
        if outweighed:
            self._cut_short(claim, new)
            self._correct(claim, outweighed[-1])
        beside = [row for row in live if row not in outweighed]
        if not beside:
            self._resolve(claim.entity.name_id, claim.statement.key)
        elif not _may_all_hold(claim, beside):
            self._note_conflict(claim, beside)

    def _outweighs(self, claim: _Claim, row: _Row) -> bool:
        confidence = claim.statement.confidence
        return (
            row.is_authoritative == claim.origin.is_authoritative
            and confidence >= self._work.settings.confidence_floor
            and confidence >= row.confidence
        )

    def _insert(
        self,
        claim: _Claim,
        *,
        supersedes: _Row | None = None,
        successor: _Row | None = None,
    ) -> int:
        statement, origin, key_id = claim.statement, claim.origin, self._work.new_id()
        ends = self._ends(claim, successor)
        cursor = self._work.connection.execute(
            "INSERT INTO attribute (key_id, context_id, name_id, scope_set_id, key, value,"
            " category, confidence, source_kind, turn_id, principal, known_from, known_until,"
            " valid_from, valid_until, system_from, system_until, supersedes, superseded_by)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key_id,
                self._work.context_id,
                claim.entity.name_id,
                self._rows.scope_set_id,
                statement.key,
                statement.value,
                statement.memory_category,
                statement.confidence,
                origin.kind,
                origin.turn_id,
                self._work.caller.target or self._work.caller.principal,
                origin.known_at,
                ends.known_until,
                claim.valid_from,
                ends.valid_until,
                self._work.now,
                ends.system_until,
                None if supersedes is None else supersedes.id,
                None if successor is None else successor.id,
            ),
        )
        new = int(cursor.lastrowid or 0)
        self._rows.index(
            "attribute",
            new,
            attribute_text(claim.entity.display_name, statement.key, statement.value),
            category=statement.memory_category,
            known_from=origin.known_at,
            valid_from=claim.valid_from,
            ends=ends,
        )
        self._outcome["attributes"].append(
            {
                "id": f"attribute:{key_id}",
                "entityId": claim.entity.public_id,
                "key": statement.key,
                "value": statement.value,
                "memoryCategory": statement.memory_category,
            }
        )
        return new

    def _ends(self, claim: _Claim, successor: _Row | None) -> Closing:
        """When a new row ends: as stated, and at the latest where its successor begins."""
        if successor is None:
            return Closing(claim.valid_until, claim.valid_until, None)
        valid_until = _earlier(claim.valid_until, successor.valid_from)
        known_until = _earlier(claim.valid_until, successor.known_from)
        return Closing(valid_until, known_until, self._work.now)

    def _supersede(self, row: _Row, new: int, claim: _Claim) -> None:
        self._work.connection.execute(
            "UPDATE attribute SET superseded_by = ? WHERE id = ?", (new, row.id)
        )
        self._rows.close(
            "attribute",
            row.id,
            Closing(
                claim.valid_from,
                claim.origin.known_at,
                max(self._work.now, claim.valid_from),
            ),
        )

    def _cut_short(self, claim: _Claim, new: int) -> None:
        """End superseded rows that waited for a successor whose time never came."""
        while waiting := self._waiting(claim, new):
            for row in waiting:
                self._rows.close(
                    "attribute",
                    row.id,
                    Closing(claim.valid_from, None, max(self._work.now, claim.valid_from)),
                )

    def _waiting(self, claim: _Claim, new: int) -> list[_Row]:
        """Rows that last beyond the claim's start, to a successor that ended before it began."""
        rows = self._chain(
            claim.entity.name_id,
            claim.statement.key,
            "superseded_by IS NOT NULL AND superseded_by <> :new AND id <> :new"
            " AND valid_until > :start AND EXISTS (SELECT 1 FROM attribute AS successor"
            " WHERE successor.id = attribute.superseded_by"
            " AND successor.valid_until < successor.valid_from)",
            {"new": new, "start": claim.valid_from},
        )
        return [row for row in rows if row.is_authoritative == claim.origin.is_authoritative]

    def _correct(self, claim: _Claim, old: _Row) -> None:
        self._outcome["corrections"].append(
            {
                "entityId": claim.entity.public_id,
                "key": claim.statement.key,
                "oldValue": old.value,
                "newValue": claim.statement.value,
            }
        )

    def _backfill(self, claim: _Claim, live: Sequence[_Row]) -> bool:
        """Insert a claim that is older than its chain's head by known time; the head stays.

        Returns:
            False when the claim is not older, or may not supersede: it then meets the head.
        """
        at = claim.origin.known_at
        heads = [row for row in live if self._outweighs(claim, row) and row.known_from > at]
        if not heads:
            return False
        later = self._of_class(claim, "known_from > :at", at=at)
        successor = next(later)
        before = list(
            self._of_class(
                claim,
                "superseded_by = :successor AND known_from <= :at",
                at=at,
                successor=successor.id,
            )
        )
        if any(row.value == claim.statement.value for row in before):
            return True
        predecessor = before[-1] if before else None
        new = self._insert(claim, supersedes=predecessor, successor=successor)
        for row in before:
            self._supersede(row, new, claim)
        self._work.connection.execute(
            "UPDATE attribute SET supersedes = ? WHERE id = ?", (new, successor.id)
        )
        return True

    def _of_class(self, claim: _Claim, condition: str, **parameters: int) -> Iterator[_Row]:
        """Rows of the claim's chain that weigh as much as it."""
        name_id, key = claim.entity.name_id, claim.statement.key
        for row in self._chain(name_id, key, condition, parameters):
            if row.is_authoritative == claim.origin.is_authoritative:
                yield row

    def _deny_attribute(self, statement: AttributeStatement, origin: Origin) -> None:
        name_id = find_name(self._work, statement.entity.key)
        if name_id is None:
            return
        for row in self._live(name_id, statement.key):
            matches = not statement.value or _same_words(row.value, statement.value)
            if matches and row.known_from <= origin.known_at:
                about = f"{statement.entity.name} · {statement.key}"
                self._deny(
                    statement,
                    origin,
                    _Target("attribute", row.id, row.is_authoritative, name_id, about),
                )
        if len(self._live(name_id, statement.key)) == 1:
            self._resolve(name_id, statement.key)

    def _deny(
        self,
        statement: AttributeStatement | RelationStatement,
        origin: Origin,
        row: _Target,
    ) -> None:
        """Close a row without a successor, unless it is curated or the denial uncertain."""
        is_sure = statement.confidence >= self._work.settings.confidence_floor
        if not is_sure or (row.is_authoritative and not origin.is_authoritative):
            reason = "denied, but not surely enough to close it"
            self._note(row.about, reason, origin, row.name_id)
            return
        ended = _instant(statement.valid_until)
        end = origin.known_at if ended is None else ended
        self._rows.close(row.kind, row.id, Closing(end, end, max(self._work.now, end)))

    # --- relations ------------------------------------------------------------------------------

    def _apply_relation(self, statement: RelationStatement) -> None:
        origin = self._origins[statement.utterance]
        if statement.negated:
            self._deny_relation(statement, origin)
            return
        start = _instant(statement.valid_from)
        subject = self._keep(statement.subject, statement.memory_category, origin, start)
        target = self._keep(statement.object, statement.memory_category, origin, start)
        if not self._live_relations(subject.name_id, statement.label, target.name_id):
            self._insert_relation(statement, origin, subject, target)

    def _live_relations(
        self, subject_id: int, label: str, object_id: int
    ) -> list[tuple[int, str, int]]:
        return self._work.connection.execute(
            "SELECT id, source_kind, known_from FROM relation WHERE subject_id = ? AND label = ?"
            " AND object_id = ? AND scope_set_id = ?"
            " AND (known_until IS NULL OR known_until > ?)",
            (subject_id, label, object_id, self._rows.scope_set_id, self._work.now),
        ).fetchall()

    def _insert_relation(
        self,
        statement: RelationStatement,
        origin: Origin,
        subject: KeptEntity,
        target: KeptEntity,
    ) -> None:
        start, end = _instant(statement.valid_from), _instant(statement.valid_until)
        valid_from = origin.known_at if start is None else start
        cursor = self._work.connection.execute(
            "INSERT INTO relation (key_id, context_id, subject_id, label, object_id,"
            " scope_set_id, category, confidence, source_kind, turn_id, principal, known_from,"
            " known_until, valid_from, valid_until, system_from)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._work.new_id(),
                self._work.context_id,
                subject.name_id,
                statement.label,
                target.name_id,
                self._rows.scope_set_id,
                statement.memory_category,
                statement.confidence,
                origin.kind,
                origin.turn_id,
                self._work.caller.target or self._work.caller.principal,
                origin.known_at,
                end,
                valid_from,
                end,
                self._work.now,
            ),
        )
        self._rows.index(
            "relation",
            int(cursor.lastrowid or 0),
            relation_text(subject.display_name, statement.label, target.display_name),
            category=statement.memory_category,
            known_from=origin.known_at,
            valid_from=valid_from,
            ends=Closing(end, end, None),
        )
        self._outcome["relations"].append(
            {
                "subject": subject.public_id.removeprefix("entity:"),
                "label": statement.label,
                "object": target.public_id.removeprefix("entity:"),
                "memoryCategory": statement.memory_category,
            }
        )

    def _deny_relation(self, statement: RelationStatement, origin: Origin) -> None:
        subject = find_name(self._work, statement.subject.key)
        target = find_name(self._work, statement.object.key)
        if subject is None or target is None:
            return
        about = f"{statement.subject.name} · {statement.label} · {statement.object.name}"
        for row_id, kind, known_from in self._live_relations(subject, statement.label, target):
            if known_from <= origin.known_at:
                curated = kind in AUTHORITATIVE
                target_row = _Target("relation", row_id, curated, subject, about)
                self._deny(statement, origin, target_row)

    # --- instructions and uncertainties -----------------------------------------------------------

    def _apply_instruction(self, instruction: Instruction) -> None:
        origin = self._origins[instruction.utterance]
        rows = self._work.connection.execute(
            "SELECT id, description FROM instruction WHERE scope_set_id = ? AND label = ?"
            " AND known_until IS NULL AND known_from <= ?",
            (self._rows.scope_set_id, instruction.label, origin.known_at),
        ).fetchall()
        if not instruction.revoked and any(row[1] == instruction.description for row in rows):
            return
        self._work.connection.executemany(
            "UPDATE instruction SET known_until = ? WHERE id = ?",
            [(origin.known_at, row[0]) for row in rows],
        )
        self._rows.rows_touched += len(rows)
        if not instruction.revoked:
            self._insert_instruction(instruction, origin)

    def _insert_instruction(self, instruction: Instruction, origin: Origin) -> None:
        key_id = self._work.new_id()
        self._work.connection.execute(
            "INSERT INTO instruction (key_id, context_id, scope_set_id, label, description,"
            " turn_id, known_from, system_from) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key_id,
                self._work.context_id,
                self._rows.scope_set_id,
                instruction.label,
                instruction.description,
                origin.turn_id,
                origin.known_at,
                self._work.now,
            ),
        )
        self._rows.rows_touched += 1
        self._outcome["instructions"].append(
            {
                "id": f"instruction:{key_id}",
                "label": instruction.label,
                "description": instruction.description,
            }
        )

    def _note_conflict(self, claim: _Claim, beside: Sequence[_Row]) -> None:
        if any(row.is_authoritative != claim.origin.is_authoritative for row in beside):
            reason = "a curated value and one from conversation disagree; both are kept"
        else:
            reason = "values disagree and none is certain enough to replace the other"
        what = f"{claim.entity.display_name} · {claim.statement.key}"
        self._note(what, reason, claim.origin, claim.entity.name_id)

    def _note(self, about: str, reason: str, origin: Origin, name_id: int | None = None) -> None:
        self._work.connection.execute(
            "INSERT INTO uncertainty (context_id, scope_set_id, name_id, about, reason, turn_id,"
            " known_from, system_from) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._work.context_id,
                self._rows.scope_set_id,
                name_id,
                about,
                reason,
                origin.turn_id,
                origin.known_at,
                self._work.now,
            ),
        )
        self._rows.rows_touched += 1
        self._outcome["uncertainties"].append({"about": about, "reason": reason})

    def _resolve(self, name_id: int, key: str) -> None:
        """What was unclear about a key is settled once one value is left."""
        about = f" · {key}"
        self._work.connection.execute(
            "UPDATE uncertainty SET resolved_at = ? WHERE scope_set_id = ? AND name_id = ?"
            " AND substr(about, -length(?)) = ? AND resolved_at IS NULL",
            (self._work.now, self._rows.scope_set_id, name_id, about, about),
        )


def _may_all_hold(claim: _Claim, beside: Sequence[_Row]) -> bool:
    """Whether several values are no conflict: keys of `context` may hold several."""
    of_rows = {row.category for row in beside}
    alike = all(row.is_authoritative == claim.origin.is_authoritative for row in beside)
    return alike and of_rows | {claim.statement.memory_category} == {"context"}


def _instant(moment: datetime | None) -> int | None:
    return None if moment is None else from_datetime(moment)


def _earlier(first: int | None, second: int) -> int:
    return second if first is None else min(first, second)


def _same_words(first: str, second: str) -> bool:
    return " ".join(first.casefold().split()) == " ".join(second.casefold().split())
