"""Questions, asked through LangChain: what comes back, what it cites, what it used to be.

Imports the LangChain adapters and the public root.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property

from langchain_core.runnables import RunnableConfig

from spectron_adapters import Spectron
from spectron_adapters.demo.replay import SCOPES
from spectron_adapters.demo.report import Answer, Prior, Recalled
from spectron_adapters.demo.transcript import Question, Transcript, Turn, User
from spectron_adapters.langchain import SpectronMemory, SpectronRetriever
from spectron_adapters.models import AttributeDetail, parse_timestamp

__all__ = ["ANSWER_SIZE", "Asker", "folded", "holds"]

ANSWER_SIZE = 10
"""How many memories a question brings back."""


def folded(text: str) -> str:
    """Return a text as it is compared: one space between words, no capitals."""
    return " ".join(text.split()).casefold()


def holds(text: str, phrase: str) -> bool:
    """Whether a text holds a phrase."""
    return folded(phrase) in folded(text)


class Asker:
    """Asks on behalf of any user.

    Args:
        client: Where the memories are.
        transcript: What was said, to know which turns answer.
    """

    def __init__(self, client: Spectron, transcript: Transcript) -> None:
        self._client = client
        self._transcript = transcript
        self._retriever = SpectronRetriever(client=client, scopes=SCOPES, k=ANSWER_SIZE)

    def recall(self, user: User, text: str, *, as_of: datetime | None = None) -> list[Recalled]:
        """Return what a user is told, best first."""
        config = RunnableConfig(configurable=dict(user.variables()))
        return [
            Recalled(
                marker=f"[S{rank}]",
                id=document.metadata["id"],
                kind=document.metadata["kind"],
                text=document.page_content,
                score=document.metadata["score"],
                known_at=document.metadata["occurred_at"],
                scopes=[path for clause in document.metadata["scopes"] or () for path in clause],
            )
            for rank, document in enumerate(
                self._retriever.invoke(text, config, as_of=as_of), start=1
            )
        ]

    def prompt_block(self, user: User, text: str) -> str:
        """Return what a prompt would be given for an input, in a conversation that begins."""
        memory = SpectronMemory(
            client=self._client,
            session_id="the next conversation",
            recall_key="memories",
            top_k=ANSWER_SIZE,
            scopes=SCOPES,
            variables=user.variables(),
        )
        block: str = memory.load_memory_variables({"input": text})["memories"]
        return block

    def ask(self, question: Question) -> Answer:
        """Ask now, and as of the earlier time if the question has one."""
        recalled = self.recall(question.user, question.text)
        answering, found = self._judged(question, recalled)
        answer = Answer(
            user=question.user.user,
            question=question.text,
            recalled=recalled,
            cited=next(iter([*answering, *recalled]), None),
            found=found,
        )
        if question.earlier:
            answer.as_of = question.earlier.as_of
            answer.cited_then = self._ask_then(question)
            answer.prior = list(self._prior(question))
        return answer

    def _judged(
        self, question: Question, recalled: Sequence[Recalled]
    ) -> tuple[list[Recalled], float | None]:
        """Which memories answer, and the share of what was expected that they hold."""
        if question.expected is not None:
            answering = [each for each in recalled if holds(each.text, question.expected)]
            return answering, float(bool(answering))
        if not question.evidence:
            return [], None
        turns = [self._turns[question.user, ref] for ref in question.evidence]
        answering = [each for each in recalled if any(_is_part(each, turn) for turn in turns)]
        found = sum(any(_is_part(each, turn) for each in recalled) for turn in turns)
        return answering, found / len(turns)

    def _ask_then(self, question: Question) -> Recalled | None:
        earlier = question.earlier
        if earlier is None:
            return None
        recalled = self.recall(question.user, question.text, as_of=earlier.as_of)
        if any(each.known_at > earlier.as_of for each in recalled):
            return None
        return next((each for each in recalled if holds(each.text, earlier.expected)), None)

    def _prior(self, question: Question) -> Iterator[Prior]:
        """Yield the values that the fact behind the answer superseded, newest first."""
        phrase = question.expected or ""
        facts = [self._facts.get(each.id) for each in self.recall(question.user, phrase)]
        fact = next((each for each in facts if each and holds(each.value, phrase)), None)
        if fact is None:
            return
        entity_type, _, name = fact.entity.removeprefix("entity:").partition("/")
        chain = self._client.entities.history(entity_type, name, fact.key).history
        by_id = {each.id: each for each in chain}
        while (older := by_id.get(fact.supersedes or "")) and older.valid_until:
            yield Prior(
                id=older.id,
                entity=older.entity,
                key=older.key,
                value=older.value,
                known_at=parse_timestamp(older.created_at),
                until=parse_timestamp(older.valid_until),
            )
            fact = older

    @cached_property
    def _facts(self) -> dict[str, AttributeDetail]:
        """Every fact of today by its id, which is also the id of a memory that recalls it."""
        entities = self._client.entities
        return {
            fact.id: fact
            for entity in entities.list().entities
            for fact in entities.get(entity.entity_type, entity.name).attributes
        }

    @cached_property
    def _turns(self) -> dict[tuple[User, str], Turn]:
        return {
            (user, turn.ref): turn
            for user in self._transcript.users
            for turn in self._transcript.turns_of(user)
        }


def _is_part(recalled: Recalled, turn: Turn) -> bool:
    """Whether a memory is a turn, or a part of a long one."""
    return recalled.known_at == turn.ts and holds(turn.content, recalled.text)
