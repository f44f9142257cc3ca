"""Who may read a reply: those who may read the message, and all that the reply draws on.

A reply that repeats a row of a narrower scope must not carry the wider scope of its session, or
the words of one person would reach everybody who reads the session. Imports `work` and `scopes`.
"""

from __future__ import annotations

from spectron_adapters.local.work import Work
from spectron_adapters.scopes import Clause, Scope, ScopeSet

__all__ = ["Audience"]

_CLAUSES_MAX = 64
_SCOPES_MAX = 32


class Audience:
    """The scopes that a reply will carry, narrowed by every row that it may draw on.

    Rows at or above the message's scopes, as an organisation's are for its members, narrow
    nothing. Any other row adds its scopes to each clause.

    Args:
        work: In a transaction.
        scopes: What the message carries; None when nothing will be stored.
    """

    def __init__(self, work: Work, scopes: ScopeSet | None) -> None:
        self._work = work
        self._message = scopes
        self._admitted: dict[int, bool] = {}
        self.scopes = scopes

    def includes(self, scope_set_id: int) -> bool:
        """Whether a row narrows nothing."""
        if self._message is None:
            return True
        clauses = self._work.catalog.clauses(self._work.connection, scope_set_id)
        return all(
            any(_lies_above(clause, theirs) for clause in clauses)
            for theirs in self._message.clauses
        )

    def admit(self, scope_set_id: int) -> bool:
        """Let the reply draw on a row.

        Returns:
            False when the scopes of all rows together would be too many to carry.
        """
        if scope_set_id not in self._admitted:
            self._admitted[scope_set_id] = self._narrow(scope_set_id)
        return self._admitted[scope_set_id]

    def _narrow(self, scope_set_id: int) -> bool:
        if self.scopes is None or self.includes(scope_set_id):
            return True
        clauses = self._work.catalog.clauses(self._work.connection, scope_set_id)
        if not clauses or len(clauses) * len(self.scopes.clauses) > _CLAUSES_MAX:
            return False
        narrowed = self.scopes & ScopeSet(clauses)
        if max(map(len, narrowed.clauses)) > _SCOPES_MAX:
            return False
        self.scopes = narrowed
        return True


def _lies_above(clause: Clause, theirs: Clause) -> bool:
    """Whether every scope of a clause is one of the others, or above one."""
    return bool(clause) and all(any(_is_above(mine, each) for each in theirs) for mine in clause)


def _is_above(mine: Scope, other: Scope) -> bool:
    return other.segments[: len(mine.segments)] == mine.segments
