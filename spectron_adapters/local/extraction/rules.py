"""What a rule of the deterministic extractor is, and how a clause is held against rules.

Imports `readings` and the standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from spectron_adapters.local.extraction.readings import Reading

__all__ = ["Match", "Rule", "RulesByVerb", "apply_rules", "rule"]

Match: TypeAlias = "re.Match[str]"
Note: TypeAlias = Callable[[Reading, Match], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """A clause's form and what it states.

    Attributes:
        pattern: Must match all of the clause that the rule is for.
        note: Notes the finding; False if the captured words do not fit.
        dated: The words that say when belong to the finding, so the clause is matched whole.
        event: It tells of something that happened, which a past date may date.
        deniable: Its denial is a statement as well.
    """

    pattern: re.Pattern[str]
    note: Note
    dated: bool = False
    event: bool = False
    deniable: bool = False


RulesByVerb: TypeAlias = Mapping[str, tuple[Rule, ...]]
"""Rules under the first words, separated by spaces, of the predicates that they are for."""


def rule(
    pattern: str, note: Note, *, dated: bool = False, event: bool = False, deniable: bool = False
) -> Rule:
    """A rule whose pattern ignores case."""
    return Rule(re.compile(pattern, re.IGNORECASE), note, dated, event, deniable)


def apply_rules(rules: Iterable[Rule], reading: Reading, text: str, *, dated: bool) -> bool:
    """Note what the first fitting rule finds in a text.

    Args:
        rules: In order of precedence.
        reading: Subject and circumstances.
        text: The clause, or the part of it that the rules are for.
        dated: Try the rules that want the text with its dates, or the others.

    Returns:
        Whether something was noted.
    """
    for candidate in rules:
        if candidate.dated != dated or (reading.negated and not candidate.deniable):
            continue
        if reading.times.moment is not None and not (candidate.event or dated):
            continue
        found = candidate.pattern.fullmatch(text)
        if found is not None and candidate.note(reading, found):
            return True
    return False
