"""An engine and the naive service side by side: whatever is done is done to both, and compared.

Every value, label and text is a token that was never used before, so that a row is known by its
word wherever it turns up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from spectron_adapters.local.engine import Engine
from tests.property.engine_face import START, EngineFace, RefusedError, at, hour
from tests.property.naive_rows import (
    Claim,
    Clocks,
    Entity,
    Fact,
    RefusalError,
    Relation,
    Row,
    Turn,
    as_sets,
    words,
)
from tests.property.naive_service import ALL_VERBS, Grants, NaiveService
from tests.property.scope_reference import Clauses, visible_clauses
from tests.property.steps import CountedMachine

NOW = Clocks()


class BothServices(CountedMachine):
    """What the machines have in common."""

    def set_up(self) -> None:
        """An empty engine and an empty model of it."""
        self.model = NaiveService()
        self.engine = self.open_engine()
        self.face = EngineFace(self.engine)
        self.count = 0

    def open_engine(self) -> Engine:
        return Engine(clock=self.clock, extractor=claims_of, auto_register_scopes=False)

    def clock(self) -> datetime:
        return START + timedelta(hours=self.model.now)

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "engine"):
            self.engine.close()

    def token(self) -> str:
        self.count += 1
        return f"zq{self.count}x"

    def token_of(self, which: int) -> str:
        """The token of one of the rows that were written last."""
        rows = self.model.rows[::-1][which : which + 1]
        found = [word for row in rows for word in words(row.text) if word.startswith("zq")]
        return found[0] if found else "zq0x"

    def clocks(self, moment: Sequence[int | None]) -> Clocks:
        """Hours ago as hours."""
        return Clocks(*[None if back is None else self.model.now - back for back in moment])

    def both(self, ask: Callable[[], Any], told: Callable[[], Any]) -> tuple[Any, Any] | None:
        """Ask the engine and the model; None when both refuse, by the same status."""
        try:
            expected = told()
        except RefusalError as refusal:
            expected = refusal
        if not isinstance(expected, RefusalError):
            return ask(), expected
        with pytest.raises(RefusedError) as refused:
            ask()
        assert refused.value.status == expected.status
        return None

    # --- setting up -------------------------------------------------------------------------------

    def grant(self, name: str, grants: Mapping[str, Sequence[str]]) -> None:
        given: Grants = {verb: list(patterns) for verb, patterns in grants.items() if patterns}
        self.engine.add_principal(name, grants=given)
        self.model.principals[name] = given

    def register(self, caller: str, path: str) -> None:
        self.both(
            lambda: self.face.ask(caller, "POST", "/scopes", {"path": path}),
            lambda: self.model.register(caller, path),
        )

    # --- writing ----------------------------------------------------------------------------------

    def remember(
        self,
        body: dict[str, Any],
        *,
        caller: str = "admin",
        scopes: Clauses | None = None,
        session: str | None = None,
        labels: Sequence[str] = (),
        ago: int = 0,
    ) -> tuple[Any, Turn] | None:
        """Send a write; gives the answer and the turn that its rows come from."""
        known = self.model.now - ago
        sent = body | {"observed_at": at(known), "labels": list(labels)}
        sent |= {} if scopes is None else {"scopes": scopes}
        sent |= {} if session is None else {"session_id": session}
        both = self.both(
            lambda: self.face.ask(caller, "POST", "/facts", sent),
            lambda: self.model.destination(caller, session, scopes),
        )
        if both is None:
            return None
        answer, clauses = both
        assert session in (None, answer["sessionId"])
        opened = self.model.open_session(answer["sessionId"], clauses)
        turn = self.model.add_turn(opened, body.get("text", ""), clauses, known)
        if turn.content:
            self.model.add_chunk(turn, frozenset(labels))
        return answer, turn

    def state(self, claim: Claim, **options: Any) -> None:
        """Have something stated, as an operator or in words, and compare what became of it."""
        if claim.is_curated:
            entity = {"type": "person", "name": claim.name}
            triple = {"entity": entity, "key": claim.key, "value": claim.value}
            body: dict[str, Any] = {"infer": "triples", "triples": [triple]}
        else:
            body = {"text": f"{claim.name} {claim.key} {claim.value} {claim.confidence:.0%}"}
        stored = self.remember(body, **options)
        if stored is None:
            return
        answer, turn = stored
        before = {id(row) for row in self.model.rows}
        corrected = self.model.state(claim, turn, frozenset(options.get("labels", ())))
        told = answer["extraction"]
        if not self.model.sees(options.get("caller", "admin"), turn.clauses):
            assert told["attributes"] == told["corrections"] == told["uncertainties"] == []
            return
        assert [item["oldValue"] for item in told["corrections"]] == corrected
        new = [row for row in self.model.of(Fact) if id(row) not in before]
        assert [item["value"] for item in told["attributes"]] == [row.value for row in new]

    # --- removing ---------------------------------------------------------------------------------

    def forget_word(
        self,
        word: str,
        *,
        caller: str = "admin",
        lens: Clauses | None = None,
        purge: bool = False,
        dry_run: bool = False,
    ) -> None:
        body: dict[str, Any] = {"query": word, "purge": purge, "dryRun": dry_run}
        body |= {} if lens is None else {"lens": lens}
        both = self.both(
            lambda: self.face.ask(caller, "POST", "/forget", body),
            lambda: self.model.matching(caller, word, lens, purge=purge),
        )
        if both is None:
            return
        answer, forgotten = both
        assert answer == {"deleted": forgotten.count}
        if not dry_run:
            (self.model.purge if purge else self.model.forget)(caller, forgotten, lens)

    # --- reading ----------------------------------------------------------------------------------

    def compare_recall(
        self,
        word: str,
        *,
        caller: str = "admin",
        lens: Clauses | None = None,
        clocks: Clocks = NOW,
        labels: Sequence[str] = (),
        mode: str = "bm25",
    ) -> None:
        """A query finds every row that holds the word and may be read then, and no other."""
        answer = self.face.recall(caller, word, lens=lens, clocks=clocks, labels=labels, mode=mode)
        allowed = self.model.recall(caller, lens, clocks, frozenset(labels))
        shown = {as_hit(hit) for hit in answer["hits"]}
        expected = {shown_row(row) for row in allowed if row.holds(word)}
        assert shown <= {shown_row(row) for row in allowed}
        if len(answer["hits"]) < 50:
            assert expected <= shown
            assert mode != "bm25" or shown == expected
        for hit in answer["hits"]:
            rows = [row for row in allowed if shown_row(row) == as_hit(hit)]
            told = as_sets(hit["scopes"])
            assert any(told == as_sets(self.clauses_told(caller, row.clauses)) for row in rows)

    def compare_entity(
        self,
        name: str,
        *,
        caller: str = "admin",
        lens: Clauses | None = None,
        clocks: Clocks = NOW,
    ) -> None:
        """An entity shows what may be read of it then; none visible is none at all."""
        both = self.both(
            lambda: self.face.entity(caller, name, lens=lens, clocks=clocks),
            lambda: self.model.entity(caller, name, lens, clocks),
        )
        if both is None:
            return
        shown, (itself, facts, relations) = both
        assert hour(shown["entity"]["createdAt"]) == min(row.known for row in itself)
        if clocks.as_of is not None:
            assert hour(shown["entity"]["updatedAt"]) <= clocks.as_of
        assert sorted(map(attribute_shown, shown["attributes"]), key=str) == sorted(
            (fact_told(row, clocks.as_of) for row in facts), key=str
        )
        assert sorted(map(relation_shown, shown["relations"]), key=str) == sorted(
            (relation_told(row, clocks.as_of) for row in relations), key=str
        )

    def compare_history(
        self, name: str, key: str, *, caller: str = "admin", as_of: int | None = None
    ) -> None:
        """A history is the whole chain as far as it may be read, newest first."""
        path = f"/entities/person/{name}/history/{key}"
        answer = self.face.ask(caller, "GET", path, asOf=None if as_of is None else at(as_of))
        shown = [attribute_shown(item) for item in answer["history"]]
        assert [item[2] for item in shown] == sorted((item[2] for item in shown), reverse=True)
        rows = self.model.history(caller, name, key, as_of)
        assert sorted(shown, key=str) == sorted((fact_told(row, as_of) for row in rows), key=str)

    def clauses_told(self, caller: str, clauses: Clauses) -> Clauses:
        """The clauses of a row that a reader may be told of."""
        return visible_clauses(clauses, self.model.region(caller, "memory:read"))


def claims_of(text: str) -> dict[str, object]:
    """The extractor of these tests: `name key value 90%` is one claim, all else none."""
    parts = text.split()
    if len(parts) != 4:
        return {}
    name, key, value, percent = parts
    entity = {"type": "person", "name": name}
    confidence = int(percent.removesuffix("%")) / 100
    return {"triples": [{"entity": entity, "key": key, "value": value, "confidence": confidence}]}


def as_hit(hit: Mapping[str, Any]) -> tuple[str, str, int | None]:
    """A hit to compare; an entity of several scopes is one hit, dated by any of its rows."""
    is_entity = hit["source"] == "entity"
    return hit["source"], hit["text"], None if is_entity else hour(hit["occurredAt"])


def shown_row(row: Row) -> tuple[str, str, int | None]:
    source = "attribute" if row.kind == "relation" else row.kind
    return source, row.text, None if isinstance(row, Entity) else row.known


def attribute_shown(item: Mapping[str, Any]) -> tuple[object, ...]:
    known, begins = hour(item["createdAt"]), hour(item["validFrom"])
    ends = hour(item.get("validUntil"))
    return item["key"], item["value"], known, begins, ends, "supersededBy" in item


def fact_told(row: Fact, as_of: int | None) -> tuple[object, ...]:
    """A fact as it was known then: neither its end nor its successor comes before its time."""
    followed = row.successor is not None and known_by(row.successor.known, as_of)
    return row.key, row.value, row.known, row.begins, end_told(row, as_of), followed


def relation_shown(item: Mapping[str, Any]) -> tuple[object, ...]:
    ends = hour(item.get("validUntil"))
    return item["subject"], item["label"], item["object"], hour(item["createdAt"]), ends


def relation_told(row: Relation, as_of: int | None) -> tuple[object, ...]:
    subject, target = (f"entity:person/{name}" for name in (row.subject, row.target))
    return subject, row.label, target, row.known, end_told(row, as_of)


def end_told(row: Row, as_of: int | None) -> int | None:
    ended = row.known_end is not None and known_by(row.known_end, as_of)
    return row.valid_end if ended else None


def known_by(when: int, as_of: int | None) -> bool:
    return as_of is None or when <= as_of


def everywhere() -> Grants:
    """What the administrator is granted."""
    return {verb: ["/*"] for verb in ALL_VERBS}
