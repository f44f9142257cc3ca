"""Reading transcripts: JSONL with one turn per line, and LoCoMo's JSON.

A line of JSONL is an object with `role` (user, assistant or system), `content`, `ts` (RFC 3339
with its time zone), `session` and `user`; `org` and `name` are optional, further fields are
ignored. Imports no framework, no client and no engine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from spectron_adapters.demo.transcript import Conversation, Question, Role, Transcript, Turn, User

__all__ = ["DEFAULT_ORG", "TranscriptError", "load_transcript", "read_jsonl"]

DEFAULT_ORG = "demo"

_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Said = Annotated[str, StringConstraints(pattern=r"\S")]


class TranscriptError(ValueError):
    """A transcript cannot be read; the message names the file, the place and the trouble."""


def load_transcript(path: str | Path) -> Transcript:
    """Read a transcript of either format; its content tells which.

    Args:
        path: A file in UTF-8. One that begins with `[` is LoCoMo's JSON, any other is JSONL.

    Returns:
        Conversations in the order of the file; LoCoMo's with all its questions of the categories
        1 to 4 that have evidence.

    Raises:
        TranscriptError: The file cannot be read, or something in it does not fit.
    """
    try:
        text = Path(path).read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TranscriptError(f"{path}: not UTF-8 (byte {error.start})") from error
    except OSError as error:
        raise TranscriptError(f"{path}: {error.strerror or error}") from error
    read = _read_locomo if text.lstrip().startswith("[") else read_jsonl
    return read(text, str(path))


class _Line(BaseModel):
    """One line of JSONL."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    role: Role
    content: _Said
    ts: AwareDatetime
    session: _Name
    user: _Name
    org: _Name = DEFAULT_ORG
    name: _Name | None = None


def read_jsonl(text: str, source: str) -> Transcript:
    """Read JSONL from memory.

    Args:
        text: The lines; blank ones are skipped.
        source: What errors call them.

    Raises:
        TranscriptError: A line does not fit, or there is none.
    """
    conversations: dict[tuple[User, str], list[Turn]] = {}
    # Not splitlines(): JSON strings may hold U+2028 and its like.
    for number, row in enumerate(text.split("\n"), start=1):
        if not row.strip():
            continue
        try:
            line = _Line.model_validate_json(row)
        except ValidationError as error:
            raise TranscriptError(f"{source}:{number}: {_first_trouble(error)}") from error
        turns = conversations.setdefault((User(line.org, line.user), line.session), [])
        turns.append(Turn(line.role, line.content, line.ts, f"line {number}", line.name))
    return _transcript(source, conversations, [])


class _LocomoTurn(BaseModel):
    speaker: _Name
    dia_id: _Name
    text: str
    blip_caption: str | None = None


class _LocomoQuestion(BaseModel):
    question: _Said
    evidence: list[str] = []
    category: int


class _LocomoConversation(BaseModel):
    """Two speakers and any number of `session_N`, each with its `session_N_date_time`."""

    model_config = ConfigDict(extra="allow")

    speaker_a: _Name
    speaker_b: _Name


class _LocomoSample(BaseModel):
    sample_id: _Name
    conversation: _LocomoConversation
    qa: list[_LocomoQuestion] = []


_SESSION = re.compile(r"session_(\d+)")
_EVIDENCE = re.compile(r"D\d+:\d+")
_TIME = "%I:%M %p on %d %B, %Y"
_ANSWERABLE = range(1, 5)
_TURNS = TypeAdapter(list[_LocomoTurn])


def _read_locomo(text: str, source: str) -> Transcript:
    """Every sample becomes one user of one organisation: speaker A the user, B the assistant."""
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        raise TranscriptError(f"{source}:{error.lineno}: {error.msg}") from error
    conversations: dict[tuple[User, str], list[Turn]] = {}
    questions: list[Question] = []
    for number, item in enumerate(items, start=1):
        place = f"{source}: item {number}"
        try:
            sample = _LocomoSample.model_validate(item)
        except ValidationError as error:
            raise TranscriptError(
                f"{place}: {_first_trouble(error)} (a JSON list is read as LoCoMo's format; "
                "a transcript of your own is JSONL, one turn per line)"
            ) from error
        user = User(DEFAULT_ORG, sample.sample_id)
        sessions = _locomo_sessions(sample.conversation, f"{place} ({sample.sample_id})")
        conversations.update(((user, name), turns) for name, turns in sessions)
        refs = {turn.ref for _, turns in sessions for turn in turns}
        questions.extend(_locomo_questions(user, sample.qa, refs))
    return _transcript(source, conversations, questions)


def _locomo_sessions(conversation: _LocomoConversation, place: str) -> list[tuple[str, list[Turn]]]:
    fields = conversation.model_extra or {}
    names = sorted(filter(_SESSION.fullmatch, fields), key=lambda name: int(name.split("_")[1]))
    sessions = []
    for name in names:
        try:
            ts = _locomo_time(fields.get(f"{name}_date_time"))
            turns = [
                _locomo_turn(turn, ts, conversation)
                for turn in _TURNS.validate_python(fields[name])
                if turn.text.strip()
            ]
        except ValidationError as error:
            raise TranscriptError(f"{place}: {_first_trouble(error, name)}") from error
        except ValueError as error:
            raise TranscriptError(f"{place}: {name}: {error}") from error
        if turns:
            sessions.append((name, turns))
    return sessions


def _locomo_turn(turn: _LocomoTurn, ts: datetime, conversation: _LocomoConversation) -> Turn:
    if turn.speaker not in (conversation.speaker_a, conversation.speaker_b):
        raise ValueError(f"{turn.dia_id}: speaker {turn.speaker!r} is neither speaker_a nor _b")
    role: Role = "user" if turn.speaker == conversation.speaker_a else "assistant"
    content = f"{turn.text} (photo: {turn.blip_caption})" if turn.blip_caption else turn.text
    return Turn(role, content, ts, turn.dia_id, turn.speaker)


def _locomo_time(value: object) -> datetime:
    """Read `1:56 pm on 8 May, 2023`, taken as UTC."""
    try:
        return datetime.strptime(str(value), _TIME).replace(tzinfo=timezone.utc)
    except ValueError:
        raise ValueError(
            f"its time must look like '1:56 pm on 8 May, 2023', not {value!r}"
        ) from None


def _locomo_questions(user: User, qa: list[_LocomoQuestion], refs: set[str]) -> Iterator[Question]:
    for each in qa:
        evidence = tuple(dict.fromkeys(_EVIDENCE.findall(" ".join(each.evidence))))
        if each.category in _ANSWERABLE and evidence and refs.issuperset(evidence):
            yield Question(user=user, text=each.question, evidence=evidence)


def _transcript(
    source: str,
    conversations: dict[tuple[User, str], list[Turn]],
    questions: list[Question],
) -> Transcript:
    if not conversations:
        raise TranscriptError(f"{source}: holds no turns")
    return Transcript(
        source,
        tuple(
            Conversation(user, session, tuple(turns))
            for (user, session), turns in conversations.items()
        ),
        tuple(questions),
    )


def _first_trouble(error: ValidationError, *within: str) -> str:
    """Say what the first thing wrong is, and where inside the value."""
    trouble = error.errors(include_url=False)[0]
    place = ".".join(map(str, (*within, *trouble["loc"])))
    return f"{place}: {trouble['msg']}" if place else trouble["msg"]
