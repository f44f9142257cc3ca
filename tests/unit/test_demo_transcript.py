"""Transcripts of the demonstration: the built-in one, both file formats, the choice of questions."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest

from spectron_adapters.demo.built_in import built_in_transcript
from spectron_adapters.demo.loading import TranscriptError, load_transcript, read_jsonl
from spectron_adapters.demo.questions import questions_for
from spectron_adapters.demo.transcript import Question, Turn, User

LINE = {
    "role": "user",
    "content": "I keep bees on the roof.",
    "ts": "2026-03-01T09:00:00Z",
    "session": "a",
    "user": "noor",
}

LOCOMO = [
    {
        "sample_id": "pair-1",
        "conversation": {
            "speaker_a": "Noor",
            "speaker_b": "Piet",
            "session_2_date_time": "12:05 am on 3 April, 2026",
            "session_2": [{"speaker": "Noor", "dia_id": "D2:1", "text": "The bees swarmed."}],
            "session_1_date_time": "1:56 pm on 8 March, 2026",
            "session_1": [
                {"speaker": "Piet", "dia_id": "D1:1", "text": "What is new?"},
                {
                    "speaker": "Noor",
                    "dia_id": "D1:2",
                    "text": "Bees, on the roof.",
                    "blip_caption": "a hive between chimneys",
                },
            ],
            "session_10_date_time": "9:00 am on 1 May, 2026",
            "session_10": [{"speaker": "Piet", "dia_id": "D10:1", "text": "Any honey yet?"}],
        },
        "qa": [
            {
                "question": "What does Noor keep?",
                "answer": "bees",
                "evidence": ["D1:2"],
                "category": 4,
            },
            {"question": "What happened when?", "evidence": ["D1:2; D2:1"], "category": 1},
            {"question": "What does Piet keep?", "evidence": ["D1:2"], "category": 5},
            {"question": "What did nobody say?", "evidence": [], "category": 3},
            {"question": "What was in session nine?", "evidence": ["D9:1"], "category": 4},
        ],
    }
]


def jsonl(*lines: dict[str, object]) -> str:
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def locomo(**changes: object) -> list[dict[str, object]]:
    """The small sample above with fields of its conversation replaced, or removed by `...`."""
    sample = copy.deepcopy(LOCOMO)
    conversation = sample[0]["conversation"]
    for name, value in changes.items():
        conversation.pop(name) if value is ... else conversation.update({name: value})
    return sample


class TestBuiltIn:
    def test_two_users_of_one_organisation_talk_in_seven_sessions(self):
        transcript = built_in_transcript()
        assert transcript.turn_count >= 90
        assert len(transcript.conversations) >= 7
        assert len(transcript.users) == 2
        assert len({user.org for user in transcript.users}) == 1

    def test_sessions_are_spread_over_months_and_in_order(self):
        starts = [each.turns[0].ts for each in built_in_transcript().conversations]
        assert starts == sorted(starts)
        assert len({start.month for start in starts}) >= 6

    def test_every_session_is_an_exchange_that_moves_forward_in_time(self):
        for conversation in built_in_transcript().conversations:
            roles = [turn.role for turn in conversation.turns]
            times = [turn.ts for turn in conversation.turns]
            assert roles == ["user", "assistant"] * (len(roles) // 2)
            assert all(before < after for before, after in pairwise(times))

    def test_both_users_have_sessions_of_the_same_name(self):
        transcript = built_in_transcript()
        first, second = (
            {each.session for each in transcript.of(user)} for user in transcript.users
        )
        assert first & second
        assert first ^ second

    @pytest.mark.parametrize(
        "question", built_in_transcript().questions, ids=lambda each: each.text
    )
    def test_only_the_asker_was_told_the_answer(self, question: Question):
        transcript = built_in_transcript()
        told = {user: self.everything_said(user) for user in transcript.users}
        own = told.pop(question.user)
        assert question.expected.casefold() in own
        assert all(question.expected.casefold() not in others for others in told.values())

    @pytest.mark.parametrize(
        "question",
        [each for each in built_in_transcript().questions if each.earlier],
        ids=lambda each: each.text,
    )
    def test_the_earlier_answer_was_true_at_its_time(self, question: Question):
        turns = list(built_in_transcript().turns_of(question.user))
        before = " ".join(turn.content for turn in turns if turn.ts <= question.earlier.as_of)
        assert question.earlier.expected in before
        assert question.expected not in before

    @staticmethod
    def everything_said(user: User) -> str:
        return " ".join(turn.content for turn in built_in_transcript().turns_of(user)).casefold()


class TestJsonl:
    def test_lines_become_conversations_in_the_order_of_the_file(self):
        other = LINE | {"session": "b"}
        reply = LINE | {"role": "assistant", "content": "Since when?"}
        transcript = read_jsonl(jsonl(LINE, other, reply), "talk.jsonl")
        assert [each.session for each in transcript.conversations] == ["a", "b"]
        assert [turn.content for turn in transcript.conversations[0].turns] == [
            "I keep bees on the roof.",
            "Since when?",
        ]
        assert transcript.turn_count == 3

    def test_a_turn_knows_its_role_time_and_line(self):
        transcript = read_jsonl("\n" + jsonl(LINE | {"ts": "2026-03-01T10:00:00.5+01:00"}), "f")
        (turn,) = transcript.conversations[0].turns
        assert turn == Turn(
            "user",
            "I keep bees on the roof.",
            datetime(2026, 3, 1, 9, 0, 0, 500_000, tzinfo=timezone.utc),
            "line 2",
        )

    def test_organisation_and_name_are_optional_and_further_fields_ignored(self):
        plain, full = LINE, LINE | {"org": "hive", "name": "Noor", "mood": "sunny"}
        transcript = read_jsonl(jsonl(plain, full), "talk.jsonl")
        assert transcript.users == (User("demo", "noor"), User("hive", "noor"))
        assert [each.turns[0].name for each in transcript.conversations] == [None, "Noor"]

    def test_ids_may_be_numbers(self):
        transcript = read_jsonl(jsonl(LINE | {"session": 7, "user": 12}), "talk.jsonl")
        assert (transcript.users[0].user, transcript.conversations[0].session) == ("12", "7")

    @pytest.mark.parametrize("ending", ["\n", "\r\n"])
    @pytest.mark.parametrize("start", ["", "\ufeff"])
    def test_line_endings_marks_and_separators_inside_text_do_no_harm(
        self, tmp_path, start, ending
    ):
        path = tmp_path / "talk.jsonl"
        text = jsonl(LINE | {"content": "one\u2028two\x85three"}, LINE).replace("\n", ending)
        path.write_bytes((start + text).encode())
        turns = load_transcript(path).conversations[0].turns
        assert [turn.content for turn in turns] == ["one\u2028two\x85three", LINE["content"]]

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("{", "Invalid JSON"),
            ("[1]", "Input should be an object"),
            (json.dumps(LINE | {"role": "robot"}), "role: Input should be 'user'"),
            (json.dumps(LINE | {"content": " \n"}), "content: "),
            (json.dumps(LINE | {"content": None}), "content: Input should be a valid string"),
            (json.dumps(LINE | {"ts": "2026-03-01T09:00:00"}), "ts: Input should have timezone"),
            (json.dumps(LINE | {"ts": "yesterday"}), "ts: "),
            (json.dumps(LINE | {"user": " "}), "user: "),
            (
                json.dumps({key: LINE[key] for key in LINE if key != "session"}),
                "session: Field req",
            ),
            (json.dumps(LINE)[:-1] + ', "name": "\\ud800"}', "Invalid JSON"),
        ],
    )
    def test_errors_name_file_line_and_field(self, tmp_path, line, message):
        path = tmp_path / "talk.jsonl"
        path.write_text(jsonl(LINE) + "\n" + line + "\n")
        with pytest.raises(TranscriptError) as caught:
            load_transcript(path)
        assert str(caught.value).startswith(f"{path}:3: {message}")

    @pytest.mark.parametrize("content", ["", "\n\n", "[]"])
    def test_a_file_without_turns_is_an_error(self, tmp_path, content):
        path = tmp_path / "empty.jsonl"
        path.write_text(content)
        with pytest.raises(TranscriptError, match="holds no turns"):
            load_transcript(path)

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(TranscriptError, match=r"gone\.jsonl: No such file"):
            load_transcript(tmp_path / "gone.jsonl")

    def test_another_encoding_is_refused(self, tmp_path):
        path = tmp_path / "latin.jsonl"
        path.write_bytes(
            json.dumps(LINE, ensure_ascii=False).replace("bees", "b\xe9s").encode("latin-1")
        )
        with pytest.raises(TranscriptError, match="not UTF-8"):
            load_transcript(path)


class TestLocomo:
    @pytest.fixture
    def load(self, tmp_path):
        def load(sample: object):
            path = tmp_path / "sample.json"
            path.write_text(json.dumps(sample, indent=1))
            return load_transcript(path)

        return load

    def test_a_sample_is_one_user_with_its_sessions_in_the_order_of_their_numbers(self, load):
        transcript = load(LOCOMO)
        assert transcript.users == (User("demo", "pair-1"),)
        assert [each.session for each in transcript.conversations] == [
            "session_1",
            "session_2",
            "session_10",
        ]

    def test_speaker_a_is_the_user_and_speaker_b_the_assistant_by_name(self, load):
        first = load(LOCOMO).conversations[0].turns
        when = datetime(2026, 3, 8, 13, 56, tzinfo=timezone.utc)
        assert first == (
            Turn("assistant", "What is new?", when, "D1:1", "Piet"),
            Turn(
                "user", "Bees, on the roof. (photo: a hive between chimneys)", when, "D1:2", "Noor"
            ),
        )

    def test_midnight_is_the_start_of_the_day(self, load):
        second = load(LOCOMO).conversations[1].turns[0]
        assert second.ts == datetime(2026, 4, 3, 0, 5, tzinfo=timezone.utc)

    def test_questions_are_those_whose_evidence_is_there(self, load):
        assert [(each.text, each.evidence) for each in load(LOCOMO).questions] == [
            ("What does Noor keep?", ("D1:2",)),
            ("What happened when?", ("D1:2", "D2:1")),
        ]

    @pytest.mark.parametrize(
        ("sample", "message"),
        [
            (locomo(speaker_a=...), "item 1: conversation.speaker_a: Field required"),
            (locomo(session_2_date_time=...), r"item 1 \(pair-1\): session_2: its time must look"),
            (
                locomo(session_2_date_time="noon"),
                r"item 1 \(pair-1\): session_2: its time must look",
            ),
            (
                locomo(session_2="x"),
                r"item 1 \(pair-1\): session_2: Input should be a valid list",
            ),
            (locomo(session_2=[{"speaker": "Noor"}]), r"session_2\.0\.dia_id: Field required"),
            (
                locomo(session_2=[{"speaker": "Kim", "dia_id": "D2:1", "text": "hello"}]),
                "session_2: D2:1: speaker 'Kim' is neither",
            ),
            ([LINE], "item 1: sample_id: Field required .* a transcript of your own is JSONL"),
        ],
    )
    def test_errors_name_file_item_and_field(self, load, sample, message):
        with pytest.raises(TranscriptError, match=rf"sample\.json: .*{message}"):
            load(sample)

    def test_broken_json_is_reported_with_its_line(self, tmp_path):
        path = tmp_path / "sample.json"
        path.write_text('[\n {"sample_id": \n')
        with pytest.raises(TranscriptError, match=r"sample\.json:3: Expecting value"):
            load_transcript(path)


class TestQuestions:
    def test_the_callers_questions_replace_all_others(self):
        transcript = built_in_transcript()
        chosen = questions_for(transcript, ask=["Who is Clara?"], limit=1)
        assert [(each.user, each.text) for each in chosen] == [
            (user, "Who is Clara?") for user in transcript.users
        ]
        assert not any(each.expected or each.evidence for each in chosen)

    def test_the_files_questions_are_all_asked_while_they_are_few(self):
        transcript = built_in_transcript()
        assert questions_for(transcript, limit=40) == transcript.questions

    @pytest.mark.parametrize("limit", range(1, 8))
    def test_a_limit_takes_different_questions_from_everywhere(self, limit):
        transcript = built_in_transcript()
        chosen = questions_for(transcript, limit=limit)
        for user in transcript.users:
            own = [each for each in transcript.questions if each.user == user]
            taken = [own.index(each) for each in chosen if each.user == user]
            assert len(set(taken)) == min(limit, len(own))
            assert taken[0] == 0
            assert max(taken) >= len(own) * (len(taken) - 1) // len(taken)

    def test_without_questions_users_must_find_their_own_statements(self):
        start = datetime(2026, 3, 1, tzinfo=timezone.utc)
        said = [
            ("user", "I keep two hives of bees on the roof."),
            ("assistant", "I would love to taste the honey of the roof."),
            ("user", "Too short."),
            ("user", "Do you know how much honey a hive gives?"),
            ("user", "Thank you very much for all your help."),
            ("user", "Thank you very much for all your help."),
        ]
        lines = [
            LINE | {"role": role, "content": text, "ts": (start + timedelta(minutes=n)).isoformat()}
            for n, (role, text) in enumerate(said)
        ]
        chosen = questions_for(read_jsonl(jsonl(*lines), "talk.jsonl"), limit=40)
        assert chosen == (
            Question(user=User("demo", "noor"), text=said[0][1], evidence=("line 1",)),
        )
