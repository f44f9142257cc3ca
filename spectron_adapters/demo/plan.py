"""What the first process asks of the second."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from spectron_adapters.demo.built_in import built_in_transcript
from spectron_adapters.demo.loading import TranscriptError, load_transcript
from spectron_adapters.demo.questions import questions_for
from spectron_adapters.demo.transcript import Question, Transcript

__all__ = ["Plan"]


class Plan(BaseModel):
    """What the second process is to do.

    Attributes:
        database: The file to open.
        report: Where to write what was found.
        transcript: What was replayed; None for the built-in conversations.
        ask: As `questions_for` takes it.
        limit: As `questions_for` takes it.
        silent: Whether to show nothing.
    """

    database: Path
    report: Path
    transcript: Path | None = None
    ask: tuple[str, ...] = ()
    limit: int
    silent: bool = False

    def read_transcript(self) -> Transcript:
        """Return what is, or was, replayed."""
        return load_transcript(self.transcript) if self.transcript else built_in_transcript()

    def choose_questions(self, transcript: Transcript) -> tuple[Question, ...]:
        """Return what is to be asked.

        Raises:
            TranscriptError: There is nothing to ask.
        """
        questions = questions_for(transcript, ask=self.ask, limit=self.limit)
        if not questions:
            raise TranscriptError(
                f"{transcript.source}: holds no statement to ask about; give a question with --ask"
            )
        return questions
