"""The service told a second time, as lists that are read from end to end.

Every row that was ever written stands in a list; every read goes through all of them and asks
the rules of `scope_reference`. It shares no code with the library. Times are whole hours since
the start; an end of None is open. What is written here is the contract in its words: chains,
supersession and late arrivals (4.2), the three clocks (4.4), what removal leaves behind (4.7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from tests.property.naive_rows import (
    Chunk,
    Claim,
    Clocks,
    Entity,
    Fact,
    Forgotten,
    RefusalError,
    Relation,
    Row,
    Session,
    Turn,
    belongs,
    names_of,
    outweighs,
    same,
    subtree,
    supersede,
    within,
    words,
)
from tests.property.scope_reference import Clauses, common, readable, region_covers, touches

Grants: TypeAlias = "dict[str, list[str]]"

DATA_VERBS = ("memory:read", "memory:write", "memory:forget")
ALL_VERBS = (*DATA_VERBS, "scope:read", "scope:create", "scope:delete", "grant:manage")


@dataclass
class NaiveService:
    """One context, its principals and all that was ever written to it.

    `acting` names those who do not ask themselves: somebody else asks on their behalf.
    """

    now: int = 0
    principals: dict[str, Grants] = field(default_factory=dict)
    acting: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, bool] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)

    # --- who may do what --------------------------------------------------------------------------

    def region(self, caller: str, verb: str) -> list[str]:
        """The patterns of a verb; whoever asks through somebody else needs both to be granted."""
        patterns = self.principals[caller].get(verb, [])
        through = self.acting.get(caller)
        if through is None:
            return patterns
        return common(self.principals[through].get(verb, []), patterns)

    def require(self, caller: str, verb: str, clauses: Clauses) -> None:
        region = self.region(caller, verb)
        if not region or not all(region_covers(region, p) for clause in clauses for p in clause):
            raise RefusalError(403)

    def sees(self, caller: str, clauses: Clauses, lens: Clauses | None = None) -> bool:
        return readable(clauses, self.region(caller, "memory:read"), lens)

    def may_remove(self, caller: str, clauses: Clauses, lens: Clauses | None = None) -> bool:
        """A lens on a removal means the subtrees of its entries."""
        subtrees = None if lens is None else [[subtree(path) for path in c] for c in lens]
        return readable(clauses, self.region(caller, "memory:forget"), subtrees)

    # --- the tree of scopes -----------------------------------------------------------------------

    def register(self, caller: str, path: str) -> None:
        self.require(caller, "scope:create", [[path]])
        parts = path.split("/")
        for end in range(1, len(parts)):
            self.nodes.setdefault("/".join(parts[:end]), False)
        self.nodes[path] = False

    def tombstone(self, caller: str, path: str) -> None:
        self.require(caller, "scope:delete", [[path]])
        if path in self.nodes:
            self.nodes[path] = True

    def nodes_shown(self, caller: str) -> list[tuple[str, bool]]:
        grants = [self.region(caller, verb) for verb in ALL_VERBS]
        return sorted(
            (path, dead)
            for path, dead in self.nodes.items()
            if any(region_covers(patterns, path) for patterns in grants)
        )

    # --- sessions ---------------------------------------------------------------------------------

    def session(self, name: str | None) -> Session | None:
        live = [s for s in self.sessions if s.name == name and not s.is_deleted]
        return live[0] if live else None

    def destination(self, caller: str, session: str | None, scopes: Clauses | None) -> Clauses:
        """What a write's rows will carry (2.3)."""
        pinned = self.session(session)
        if pinned is not None:
            self.require(caller, "memory:write", pinned.clauses)
        if scopes is not None:
            self.require(caller, "memory:write", scopes)
            if any(self.nodes.get(path, True) for clause in scopes for path in clause):
                raise RefusalError(422)
            return scopes
        if pinned is not None:
            return pinned.clauses
        region = self.region(caller, "memory:write")
        if not region:
            raise RefusalError(403)
        return [[pattern.removesuffix("*").strip("/") or "/"] for pattern in region]

    def open_session(self, name: str, clauses: Clauses) -> Session:
        found = self.session(name)
        if found is None:
            found = Session(name, clauses)
            self.sessions.append(found)
        return found

    def readable_session(self, caller: str, name: str) -> Session:
        found = self.session(name)
        if found is None or not self.sees(caller, found.clauses):
            raise RefusalError(404)
        return found

    def delete_session(self, caller: str, name: str) -> None:
        found = self.readable_session(caller, name)
        self.require(caller, "memory:write", found.clauses)
        found.is_deleted = True

    def transcript(self, caller: str, name: str) -> list[Turn]:
        found = self.readable_session(caller, name)
        return [
            turn
            for turn in self.turns
            if turn.session is found
            and turn.seq is not None
            and not turn.is_hidden
            and self.sees(caller, turn.clauses)
        ]

    # --- writing ----------------------------------------------------------------------------------

    def add_turn(self, session: Session, content: str, clauses: Clauses, known: int) -> Turn:
        seq = None
        if content:
            session.last_seq += 1
            seq = session.last_seq
        turn = Turn(session, content, clauses, known, seq)
        self.turns.append(turn)
        return turn

    def add_chunk(self, turn: Turn, labels: frozenset[str]) -> None:
        self.rows.append(
            Chunk("memory_chunk", turn.clauses, labels, turn.known, turn.known, self.now, turn)
        )

    def keep_entity(self, name: str, turn: Turn, labels: frozenset[str]) -> None:
        for row in self.of(Entity):
            if row.name == name and same(row.clauses, turn.clauses) and row.known_end is None:
                row.known = min(row.known, turn.known)
                row.begins = min(row.begins, turn.known)
                row.updated = max(row.updated, turn.known)
                return
        row = Entity("entity", turn.clauses, labels, turn.known, turn.known, self.now, turn)
        row.name, row.updated = name, turn.known
        self.rows.append(row)

    def state(self, claim: Claim, turn: Turn, labels: frozenset[str]) -> list[str]:
        """Reconcile a claim with its chain (4.2); gives the values that it corrected."""
        self.keep_entity(claim.name, turn, labels)
        new = Fact("attribute", turn.clauses, labels, turn.known, turn.known, self.now, turn)
        new.name, new.key, new.value = claim.name, claim.key, claim.value
        new.is_curated, new.confidence = claim.is_curated, claim.confidence
        chain = self.chain(new)
        heads = [row for row in chain if row.successor is None and row.is_open(self.now)]
        if any(row.value == new.value for row in heads):
            return []
        weaker = [row for row in heads if outweighs(new, row)]
        if any(row.known > new.known for row in weaker):
            self.insert_late(new, [row for row in chain if row.is_curated == new.is_curated])
            return []
        self.rows.append(new)
        for row in weaker:
            supersede(row, new, self.now)
        return [row.value for row in weaker[-1:]]

    def insert_late(self, new: Fact, chain: Sequence[Fact]) -> None:
        """Put a row where its known time belongs; the head stays the head."""
        later = next(row for row in chain if row.known > new.known)
        before = [row for row in chain if row.successor is later and row.known <= new.known]
        if any(row.value == new.value for row in before):
            return
        self.rows.append(new)
        new.successor = later
        new.end(known=later.known, system=self.now)
        for row in before:
            supersede(row, new, self.now)

    def chain(self, like: Fact) -> list[Fact]:
        """The rows of the same entity, key and scope, oldest first by known time."""
        rows = [
            row
            for row in self.of(Fact)
            if (row.name, row.key) == (like.name, like.key) and same(row.clauses, like.clauses)
        ]
        return sorted(rows, key=lambda row: row.known)

    def relate(
        self, subject: str, label: str, target: str, turn: Turn, labels: frozenset[str]
    ) -> None:
        self.keep_entity(subject, turn, labels)
        self.keep_entity(target, turn, labels)
        for row in self.of(Relation):
            said_before = (row.subject, row.label, row.target) == (subject, label, target)
            if said_before and same(row.clauses, turn.clauses) and row.is_open(self.now):
                return
        row = Relation("relation", turn.clauses, labels, turn.known, turn.known, self.now, turn)
        row.subject, row.label, row.target = subject, label, target
        self.rows.append(row)

    # --- removing ---------------------------------------------------------------------------------

    def delete_entity(self, caller: str, name: str, lens: Clauses | None) -> None:
        self.require(caller, "memory:forget", [])
        mine = [
            row
            for row in self.rows
            if not isinstance(row, Chunk)
            and name in names_of(row)
            and self.may_remove(caller, row.clauses, lens)
            and row.is_open(self.now)
        ]
        self.forget(caller, Forgotten(mine, []), lens)

    def left_to_others(self, caller: str, clauses: Clauses, lens: Clauses | None) -> Clauses:
        """The clauses of a row that somebody else owns."""
        return [clause for clause in clauses if not self.may_remove(caller, [clause], lens)]

    def give_up_shares(self, caller: str, forgotten: Forgotten, lens: Clauses | None) -> Forgotten:
        """Leave to others what they own as well; gives what is the caller's alone."""
        alone = Forgotten([], [])
        for row in sorted(forgotten.rows, key=lambda row: isinstance(row, Entity)):
            left = self.left_to_others(caller, row.clauses, lens)
            if not left:
                alone.rows.append(row)
            elif isinstance(row, Entity):
                self.copy_entity(row, left)
                self.erase([row], [])
            else:
                for entity in self.of(Entity):
                    about = entity.name in names_of(row) and same(entity.clauses, row.clauses)
                    if about and entity.known_end is None:
                        self.copy_entity(entity, left)
                row.clauses = left
        for turn in forgotten.turns:
            left = self.left_to_others(caller, turn.clauses, lens)
            if not left:
                alone.turns.append(turn)
                continue
            turn.clauses = left
            for chunk in self.of(Chunk):
                if chunk.turn is turn:
                    chunk.clauses = left
        return alone

    def copy_entity(self, row: Entity, clauses: Clauses) -> None:
        """Give the owners of other clauses an entity, unless they have it."""
        if not any(
            other.name == row.name and same(other.clauses, clauses) and other.known_end is None
            for other in self.of(Entity)
        ):
            self.rows.append(replace(row, clauses=clauses))

    def matching(self, caller: str, token: str, lens: Clauses | None, *, purge: bool) -> Forgotten:
        self.require(caller, "memory:forget", [])
        within = [row for row in self.rows if self.may_remove(caller, row.clauses, lens)]
        found = [r for r in within if r.holds(token) and (purge or r.is_open(self.now))]
        if purge:
            found += [row for row in within if row not in found and belongs(row, found)]
        turns = [row.turn for row in found if isinstance(row, Chunk) and row.turn is not None]
        for row in found:
            turn = row.turn
            if isinstance(row, Entity) or turn is None or turn in turns or turn.seq is None:
                continue
            if not turn.is_hidden and self.may_remove(caller, turn.clauses, lens):
                turns.append(turn)
        return Forgotten([row for row in found if not isinstance(row, Chunk)], turns)

    def forget(self, caller: str, forgotten: Forgotten, lens: Clauses | None) -> None:
        """End rows now: earlier times still show them."""
        alone = self.give_up_shares(caller, forgotten, lens)
        for row in self.rows:
            if row in alone.rows or (isinstance(row, Chunk) and row.turn in alone.turns):
                row.end(known=self.now, system=self.now)
        for turn in alone.turns:
            turn.is_hidden = True

    def purge(self, caller: str, forgotten: Forgotten, lens: Clauses | None) -> None:
        """Erase rows, with the entities that nothing else mentions."""
        said = [row.text for row in forgotten.rows] + [turn.content for turn in forgotten.turns]
        touched = [row.clauses for row in forgotten.rows if isinstance(row, Fact)]
        touched += [turn.clauses for turn in forgotten.turns]
        forgotten.rows += [
            row
            for row in self.of(Entity)
            if row not in forgotten.rows
            and any(same(row.clauses, clauses) for clauses in touched)
            and any(row.name in words(text) for text in said)
            and not any(
                row.name in names_of(other) and same(other.clauses, row.clauses)
                for other in self.rows
                if isinstance(other, Fact | Relation) and other not in forgotten.rows
            )
        ]
        alone = self.give_up_shares(caller, forgotten, lens)
        self.erase(alone.rows, alone.turns)

    def erase(self, rows: Sequence[Row], turns: Sequence[Turn]) -> None:
        self.rows = [
            row
            for row in self.rows
            if row not in rows and not (isinstance(row, Chunk) and row.turn in turns)
        ]
        self.turns = [turn for turn in self.turns if turn not in turns]
        for row in self.rows:
            if row.turn in turns:
                row.turn = None
            if isinstance(row, Fact) and row.successor in rows:
                row.successor = None

    def forget_scope(self, caller: str, path: str) -> None:
        """Everything with a clause that touches the subtree goes, whoever else owns it."""
        if not any(
            pattern in ("/*", "*") or (pattern.endswith("/*") and touches(path, pattern))
            for pattern in self.region(caller, "memory:forget")
        ):
            raise RefusalError(403)
        gone = f"{path}/*"

        def hit(clauses: Clauses) -> bool:
            return any(touches(p, gone) for clause in clauses for p in clause)

        turns = [turn for turn in self.turns if hit(turn.clauses)]
        self.erase([row for row in self.rows if hit(row.clauses)], turns)
        self.sessions = [session for session in self.sessions if not hit(session.clauses)]

    # --- reading ----------------------------------------------------------------------------------

    def of(self, kind: type[Row]) -> list:
        return [row for row in self.rows if isinstance(row, kind)]

    def recall(
        self,
        caller: str,
        lens: Clauses | None,
        clocks: Clocks,
        labels: frozenset[str],
    ) -> list[Row]:
        """Every row that a query may find, whatever its words."""
        return [
            row
            for row in self.rows
            if self.sees(caller, row.clauses, lens)
            and labels <= row.labels
            and self.in_time(row, clocks, snapshot=True)
        ]

    def in_time(self, row: Row, clocks: Clocks, *, snapshot: bool = False) -> bool:
        """The three clocks (4.4); `snapshot`: atInstant asks the system's clock, as queries do."""
        checks = []
        if clocks.as_of is not None:
            ends = row.valid_end if isinstance(row, Relation) else row.known_end
            checks.append(within(row.known, ends, clocks.as_of))
        if clocks.at_instant is not None and snapshot:
            checks.append(within(row.written, row.system_end, clocks.at_instant))
        elif clocks.at_instant is not None:
            checks.append(within(row.begins, row.valid_end, clocks.at_instant))
        if clocks.valid_from is not None:
            checks.append(row.begins >= clocks.valid_from)
        if clocks.valid_until is not None:
            checks.append(row.valid_end is not None and row.valid_end <= clocks.valid_until)
        return all(checks) if checks else within(row.begins, row.valid_end, self.now)

    def entity(
        self, caller: str, name: str, lens: Clauses | None, clocks: Clocks
    ) -> tuple[list[Entity], list[Fact], list[Relation]]:
        """An entity's rows with its attributes and relations; 404 without visible rows."""
        about = [
            row
            for row in self.rows
            if not isinstance(row, Chunk)
            and name in names_of(row)
            and self.sees(caller, row.clauses, lens)
        ]
        when = Clocks(clocks.as_of, clocks.at_instant)
        bounded = clocks.valid_from is not None or clocks.valid_until is not None
        itself = [
            row
            for row in about
            if isinstance(row, Entity) and ((bounded and not when.given) or self.in_time(row, when))
        ]
        if not itself:
            raise RefusalError(404)
        shown = [row for row in about if self.in_time(row, clocks)]
        facts = [row for row in shown if isinstance(row, Fact)]
        return itself, facts, [row for row in shown if isinstance(row, Relation)]

    def history(self, caller: str, name: str, key: str, as_of: int | None) -> list[Fact]:
        """A key's whole chain, as far as it was known."""
        return [
            row
            for row in self.of(Fact)
            if (row.name, row.key) == (name, key)
            and self.sees(caller, row.clauses)
            and (as_of is None or row.known <= as_of)
        ]

    def entities(self, caller: str, lens: Clauses | None) -> list[tuple[str, int, int]]:
        """Name, first and last known time of every live entity, from visible rows only."""
        live = [
            row
            for row in self.of(Entity)
            if self.sees(caller, row.clauses, lens) and self.in_time(row, Clocks())
        ]
        return [
            (
                name,
                min(row.known for row in live if row.name == name),
                max(row.updated for row in live if row.name == name),
            )
            for name in sorted({row.name for row in live})
        ]
