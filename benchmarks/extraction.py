"""What the deterministic extractor reads from labelled sentences: precision and recall.

    python -m benchmarks.extraction [--misses] [--json FILE]

`labelled_statements.jsonl` holds one sentence a line: `id`, `text`, the facts to `expect` (none for
a trap), those that `allow` neither rewards nor punishes, and where they matter `role` (`user`),
`speaker` and the turns `before`. A fact is written

    [type/name:] [not] key = value [@from..until]        about the speaker unless a subject is named
    [type/name:] [not] label > type/name [@from..until]
    order label, revoke label

and is found only if subject, key, value, denial and dates all agree; letters' case and punctuation
of values do not count. A hash of the id puts half of the sentences into the held-out part: rules
are chosen on the development part alone, whose misses `--misses` lists.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Literal

from spectron_adapters.local.extraction.plain_statements import PlainStatements
from spectron_adapters.local.extraction.statements import (
    USER,
    AttributeStatement,
    EntityRef,
    KnownNames,
    RelationStatement,
    Role,
    Statements,
    Utterance,
    normalise_name,
)

LABELS = Path(__file__).with_name("labelled_statements.jsonl")
SAID_AT = datetime(2025, 3, 12, 15, 30, tzinfo=timezone(timedelta(hours=1)))
"""When every sentence is said: a Wednesday."""

Part = Literal["development", "held-out"]
PARTS: tuple[Part, Part] = ("development", "held-out")

_FACT = re.compile(
    r"(?:(?P<subject>[a-z]+/[^:]+): )?(?P<denied>not )?(?P<key>\w+) (?P<sign>[=>]) (?P<value>.+?)"
    r"(?: @(?P<start>\d{4}-\d\d-\d\d)?(?:\.\.(?P<end>\d{4}-\d\d-\d\d))?)?"
)
_ORDER = re.compile(r"(?:order|revoke) \w+")


@dataclass(frozen=True)
class Labelled:
    """A sentence and what it states."""

    id: str
    text: str
    expect: tuple[str, ...]
    allow: tuple[str, ...] = ()
    role: Role = "user"
    speaker: str | None = None
    before: tuple[str, ...] = ()

    @property
    def category(self) -> str:
        """What the sentence tries out: the id without its number."""
        return self.id.rpartition("-")[0]

    @property
    def part(self) -> Part:
        """Where the sentence belongs."""
        return PARTS[hashlib.sha256(self.id.encode()).digest()[0] % 2]

    def utterances(self) -> list[Utterance]:
        """The turns, the sentence last."""
        return [
            Utterance(self.role, text, SAID_AT, self.speaker) for text in (*self.before, self.text)
        ]


@dataclass(frozen=True)
class Outcome:
    """What was read from one sentence, against what it states."""

    sentence: Labelled
    right: tuple[str, ...]
    wrong: tuple[str, ...]
    missed: tuple[str, ...]


@dataclass(frozen=True)
class Figures:
    """Counts over sentences; precision and recall are of facts."""

    sentences: int
    traps: int
    sprung: int
    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of the facts read that are right; 1.0 if none was read."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Share of the expected facts that were read; 1.0 if none was expected."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


def load(path: Path = LABELS) -> list[Labelled]:
    """The labelled sentences, in the order of the file."""
    with path.open(encoding="utf-8") as lines:
        return [_labelled(json.loads(line)) for line in lines]


def _labelled(fields: dict[str, object]) -> Labelled:
    tuples = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    return Labelled(**(fields | tuples))  # type: ignore[arg-type]  # unknown fields raise


def judge(sentences: Iterable[Labelled]) -> list[Outcome]:
    """Read every sentence and compare."""
    extractor = PlainStatements()
    return [_judge(extractor, sentence) for sentence in sentences]


def _judge(extractor: PlainStatements, sentence: Labelled) -> Outcome:
    turns = sentence.utterances()
    statements = extractor.extract(turns, KnownNames())
    speaker = EntityRef("person", sentence.speaker) if sentence.speaker else USER
    read = {normal(fact): fact for fact in facts_of(statements, len(turns) - 1)}
    expected = {normal(fact, speaker=speaker): fact for fact in sentence.expect}
    allowed = {normal(fact, speaker=speaker) for fact in sentence.allow}
    return Outcome(
        sentence,
        right=tuple(fact for key, fact in read.items() if key in expected),
        wrong=tuple(fact for key, fact in read.items() if key not in expected.keys() | allowed),
        missed=tuple(fact for key, fact in expected.items() if key not in read),
    )


def facts_of(statements: Statements, utterance: int) -> Iterator[str]:
    """The facts that one utterance states, written as in the labelled file with every subject."""
    facts: list[AttributeStatement | RelationStatement] = [
        *statements.attributes,
        *statements.relations,
    ]
    yield from (_written(fact) for fact in facts if fact.utterance == utterance)
    for order in statements.instructions:
        if order.utterance == utterance:
            yield f"{'revoke' if order.revoked else 'order'} {order.label}"


def _written(item: AttributeStatement | RelationStatement) -> str:
    if isinstance(item, AttributeStatement):
        subject, body = item.entity, f"{item.key} = {item.value}"
    else:
        subject, body = item.subject, f"{item.label} > {item.object.type}/{item.object.name}"
    start = item.valid_from.date().isoformat() if item.valid_from else ""
    end = f"..{item.valid_until.date().isoformat()}" if item.valid_until else ""
    dates = f" @{start}{end}" if start or end else ""
    return f"{subject.type}/{subject.name}: {'not ' if item.negated else ''}{body}{dates}"


def normal(fact: str, *, speaker: EntityRef = USER) -> tuple[str, ...]:
    """What makes two written facts the same.

    Args:
        fact: As in the labelled file.
        speaker: Its subject if it names none.

    Raises:
        ValueError: It is not written as a fact.
    """
    if _ORDER.fullmatch(fact):
        return (fact,)
    found = _FACT.fullmatch(fact)
    if found is None:
        raise ValueError(f"not a fact: {fact!r}")
    parts = found.groupdict(default="")
    subject = parts["subject"] or f"{speaker.type}/{speaker.name}"
    same = {"subject": normalise_name(subject), "value": normalise_name(parts["value"])}
    return tuple((parts | same).values())


def figures(outcomes: Sequence[Outcome]) -> Figures:
    """Count outcomes."""
    traps = [outcome for outcome in outcomes if not outcome.sentence.expect]
    return Figures(
        sentences=len(outcomes),
        traps=len(traps),
        sprung=sum(bool(outcome.wrong) for outcome in traps),
        right=sum(len(outcome.right) for outcome in outcomes),
        wrong=sum(len(outcome.wrong) for outcome in outcomes),
        missed=sum(len(outcome.missed) for outcome in outcomes),
    )


def part_of(outcomes: Iterable[Outcome], part: Part) -> list[Outcome]:
    """The outcomes of one part of the file."""
    return [outcome for outcome in outcomes if outcome.sentence.part == part]


def _table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield f"{'':14}{'sentences':>9}{'traps':>7}{'sprung':>7}{'precision':>11}{'recall':>8}   facts"
    categories = dict.fromkeys(outcome.sentence.category for outcome in outcomes)
    for category in categories:
        yield _row(category, [item for item in outcomes if item.sentence.category == category])
    yield _row("all", outcomes)


def _row(name: str, outcomes: Sequence[Outcome]) -> str:
    found = figures(outcomes)
    return (
        f"{name:14}{found.sentences:9}{found.traps:7}{found.sprung:7}{found.precision:11.3f}"
        f"{found.recall:8.3f}   {found.right} right, {found.wrong} wrong, {found.missed} missed"
    )


def _misses(outcomes: Iterable[Outcome]) -> Iterator[str]:
    for outcome in outcomes:
        if outcome.wrong or outcome.missed:
            yield f"\n{outcome.sentence.id}: {outcome.sentence.text!r}"
            yield from (f"    wrong   {fact}" for fact in outcome.wrong)
            yield from (f"    missed  {fact}" for fact in outcome.missed)


def main() -> None:
    """Read all sentences, print a table for each part, and write the totals when asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--misses", action="store_true", help="list those of the development part")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    outcomes = judge(load())
    for part in PARTS:
        print(f"{part}\n")
        print("\n".join(_table(part_of(outcomes, part))), end="\n\n")
    if options.misses:
        print("\n".join(_misses(part_of(outcomes, "development"))))
    if options.json:
        totals = {part: figures(part_of(outcomes, part)) for part in PARTS}
        rows = {
            part: {**asdict(found), "precision": found.precision, "recall": found.recall}
            for part, found in totals.items()
        }
        options.json.write_text(json.dumps(rows, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
