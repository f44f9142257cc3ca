"""`spectronctl demo` as a user runs it: real files, real processes, and loud failures."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from spectron_adapters import Spectron
from spectron_adapters.cli import main
from spectron_adapters.demo import run
from spectron_adapters.demo.built_in import built_in_transcript
from spectron_adapters.demo.loading import load_transcript, read_jsonl
from spectron_adapters.demo.questions import questions_for
from spectron_adapters.demo.reopened import examine
from spectron_adapters.demo.replay import SCOPES, replay
from spectron_adapters.demo.report import Findings, Report
from spectron_adapters.demo.screen import Screen
from spectron_adapters.demo.transcript import Conversation, Transcript, User
from spectron_adapters.langchain import SpectronChatMessageHistory, SpectronRetriever

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def demo(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "spectron_adapters.cli", "demo", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def said(user: str, session: str, *texts: str) -> str:
    """A conversation as lines of JSONL; the user begins and the assistant replies."""
    return "".join(
        json.dumps(
            {
                "role": "assistant" if number % 2 else "user",
                "content": text,
                "ts": f"2026-02-0{session}T10:{number:02}:00+01:00",
                "session": session,
                "user": user,
            }
        )
        + "\n"
        for number, text in enumerate(texts)
    )


OWN = (
    said("noor", "1", "I keep two hives of bees on the roof.", "How many bees are that?")
    + said("noor", "2", "The honey harvest this year was twelve jars.", "A good year for the bees.")
    + said("piet", "1", "I restore old wooden clocks in my cellar.", "Which one ticks best?")
)


@pytest.fixture(scope="module")
def shown() -> subprocess.CompletedProcess[str]:
    """The built-in demonstration, as it is shown where there is no terminal."""
    return demo()


class TestBuiltIn:
    def test_every_step_holds(self, shown):
        assert shown.returncode == 0, shown.stdout + shown.stderr
        assert shown.stderr == ""
        assert "✗" not in shown.stdout
        assert [line[0] for line in shown.stdout.splitlines() if line[:1].isdigit()][:5] == list(
            "12345"
        )

    def test_what_is_not_a_terminal_gets_no_control_characters(self, shown):
        assert not CONTROL.search(shown.stdout)

    def test_an_answer_is_shown_with_citation_time_score_id_and_what_it_used_to_be(self, shown):
        assert re.search(
            r"ines  Where do I live\?\n"
            r" +\[S\d+\] .*Porto.*\n"
            r" +6 May 2026 · score [01]\.\d\d · \w+:\w+\n"
            r" +was  Ghent  12 Jan 2026 to 6 May 2026 · superseded · attribute:\w+\n"
            r" +on 1 Mar 2026  .*Ghent",
            shown.stdout,
        )

    def test_both_classes_of_langchain_stored_turns(self, shown):
        counts = re.search(
            r"(\d+) by SpectronChatMessageHistory, (\d+) by SpectronMemory", shown.stdout
        )
        assert all(int(count) >= 40 for count in counts.groups())

    def test_the_database_is_gone_afterwards(self, shown):
        path = Path(re.search(r"memory in (\S+)", shown.stdout)[1])
        assert path.name == "demo.db"
        assert not path.parent.exists()

    def test_answers_cite_what_was_expected(self, examined):
        report = examined(built_in_transcript())
        assert [check for check in report.checks if not check.holds] == []
        for answer, question in zip(report.answers, built_in_transcript().questions, strict=True):
            assert (answer.user, answer.question) == (question.user.user, question.text)
            assert question.expected.casefold() in answer.cited.text.casefold()
            assert answer.cited in answer.recalled
            scope = f"org/alder-finch/user/{answer.user}"
            assert all(each.scopes == [scope] for each in answer.recalled)
            assert [each.marker for each in answer.recalled] == [
                f"[S{rank}]" for rank in range(1, len(answer.recalled) + 1)
            ]

    def test_answers_hold_superseded_facts_with_their_times(self, examined):
        answers = {
            (each.user, each.question): each for each in examined(built_in_transcript()).answers
        }
        (prior,) = answers["tomas", "What is my favourite coffee?"].prior
        assert (prior.entity, prior.key, prior.value) == (
            "entity:person/user",
            "favourite_coffee",
            "cortado",
        )
        assert f"{prior.known_at:%Y-%m-%d} {prior.until:%Y-%m-%d}" == "2026-01-20 2026-08-03"


class TestOwnTranscript:
    def test_a_file_is_replayed_asked_and_kept(self, tmp_path):
        path, database = tmp_path / "talk.jsonl", tmp_path / "kept.db"
        path.write_text(OWN)
        asked = ["--ask", "What is on the roof?", "--ask", "Honey?"]
        done = demo("--transcript", path, "--db", database, "--json", *asked)
        document = json.loads(done.stdout)
        assert done.returncode == 0
        assert document["ok"] is True
        assert document["file"] == str(database)
        assert document["users"] == ["demo/noor", "demo/piet"]
        assert (document["turns"], document["sessions"]) == (6, 3)
        assert (document["answered"], document["recall"]) == (0, None)
        assert 0 < document["seconds"] < 60
        assert all(check["holds"] for check in document["checks"])
        answers = document["answers"]
        assert [(each["user"], each["question"]) for each in answers] == [
            ("noor", "What is on the roof?"),
            ("noor", "Honey?"),
            ("piet", "What is on the roof?"),
            ("piet", "Honey?"),
        ]
        assert answers[0]["cited"]["text"] == "I keep two hives of bees on the roof."
        assert all("roof" not in each["text"] for each in answers[2]["recalled"])
        assert all(each["found"] is None for each in answers)
        variables = {"org_id": "demo", "user_id": "noor"}
        with Spectron.local(database) as client:
            retriever = SpectronRetriever(client=client, scopes=SCOPES, variables=variables)
            found = retriever.invoke("honey harvest")
        assert found[0].page_content == "The honey harvest this year was twelve jars."
        assert found[0].metadata["occurred_at"].startswith("2026-02-02T09:00:00")

    def test_without_questions_statements_find_themselves_again(self, examined):
        report = examined(read_jsonl(OWN, "talk.jsonl"))
        assert all(check.holds for check in report.checks)
        assert report.recall == 1.0
        assert [answer.question for answer in report.answers] == [
            "I keep two hives of bees on the roof.",
            "The honey harvest this year was twelve jars.",
            "I restore old wooden clocks in my cellar.",
        ]

    def test_one_user_alone_is_compared_with_a_newcomer(self, examined):
        alone = said("noor", "1", "I keep two hives of bees on the roof.", "Good.")
        report = examined(read_jsonl(alone, "alone.jsonl"))
        assert all(check.holds for check in report.checks)

    def test_texts_cannot_command_the_terminal(self, examined, capsys):
        hostile = said(
            "no\x1b[2Jor", "1", "The bees\x1b]0;owned\x07 are\x9b31m on my roof now.", "Ok"
        )
        report = examined(read_jsonl(hostile, "hostile.jsonl"), ask=["bees \x1b[31m roof"])
        assert all(check.holds for check in report.checks)
        shown = capsys.readouterr().out
        assert "bees ]0;owned are 31m on my roof now." in shown
        assert not CONTROL.search(shown)

    def test_names_system_turns_and_awkward_ids_come_back_as_they_were(self, examined):
        roles = ["system", "user", "user", "assistant", "assistant"]
        turn = {
            "ts": "2026-02-01T10:00:00Z",
            "session": "team/1 *",
            "user": "noor@example.org",
            "org": "Hive & Sons, 100%",
        }
        lines = [
            turn | {"role": role, "content": f"{role} says number {number} about the bees"}
            for number, role in enumerate(roles)
        ]
        lines[2]["name"] = "Noor"
        text = "".join(json.dumps(line) + "\n" for line in lines)
        report = examined(read_jsonl(text, "awkward.jsonl"))
        assert [check for check in report.checks if not check.holds] == []

    def test_locomo_is_measured_by_its_evidence(self, tmp_path, examined):
        turns = [
            {"speaker": "Noor", "dia_id": "D1:1", "text": "I keep two hives of bees on the roof."},
            {"speaker": "Piet", "dia_id": "D1:2", "text": "I restore old clocks in my cellar."},
            {"speaker": "Piet", "dia_id": "D1:3", "text": "They never agree on the time."},
        ]
        sample = {
            "sample_id": "pair-1",
            "conversation": {
                "speaker_a": "Noor",
                "speaker_b": "Piet",
                "session_1": turns,
                "session_1_date_time": "1:56 pm on 8 March, 2026",
            },
            "qa": [
                {"question": "What does Noor keep?", "evidence": ["D1:1"], "category": 4},
                {"question": "What does Piet restore?", "evidence": ["D1:2"], "category": 4},
            ],
        }
        path = tmp_path / "sample.json"
        path.write_text(json.dumps([sample]))
        report = examined(load_transcript(path))
        assert all(check.holds for check in report.checks)
        assert [answer.cited.text for answer in report.answers] == [
            "I keep two hives of bees on the roof.",
            "I restore old clocks in my cellar.",
        ]
        assert report.recall == 1.0


def test_a_terminal_gets_colour_and_a_bar():
    pytest.importorskip("rich")
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    environment.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "spectron_adapters.cli", "demo", "--ask", "tea"]
    process = subprocess.Popen(command, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    shown = b""
    # Linux reports the end of a terminal as an error.
    with contextlib.suppress(OSError):
        while chunk := os.read(leader, 65536):
            shown += chunk
    os.close(leader)
    assert process.wait(timeout=60) == 0
    assert "\x1b[32m✓" in shown.decode()
    assert "━" in shown.decode()
    assert "98/98" in shown.decode()


@pytest.fixture
def examined(tmp_path):
    """A function that stores a transcript, lets the test damage it, and examines what is left."""
    database = tmp_path / "demo.db"

    def examine_after(transcript, damage=lambda _client: None, *, ask=(), replayed=None) -> Report:
        with Spectron.local(database) as client:
            replay(client, replayed or transcript, lambda: None)
            damage(client)
        findings = Findings(Screen(sys.stdout))
        with Spectron.local(database) as client:
            examine(client, transcript, questions_for(transcript, ask=ask, limit=40), findings)
        return findings.report

    return examine_after


def told(*conversations: Conversation) -> Transcript:
    """The built-in transcript with other conversations."""
    return replace(built_in_transcript(), conversations=conversations)


class TestFailure:
    """Each test breaks one thing, and exactly the claim about it must fail."""

    ITS_OWN = built_in_transcript()

    @staticmethod
    def broken(report: Report) -> dict[str, str]:
        return {check.claim: check.found for check in report.checks if not check.holds}

    def test_a_deleted_session_is_missed_by_both_frameworks(self, examined):
        broken = self.broken(
            examined(self.ITS_OWN, lambda client: history_of(client, "ines", "2").clear())
        )
        langchain, llama_index = broken.values()
        assert langchain.startswith("ines, session 2, message 1: None in place of ('user', 'I need")
        assert llama_index.startswith("ines, session 2 is not listed; ines, session 2, message 1")

    def test_one_changed_word_is_found(self, examined):
        first, *rest = self.ITS_OWN.conversations
        changed = replace(first.turns[1], content="Good morning, Irene.")
        first = replace(first, turns=(first.turns[0], changed, *first.turns[2:]))
        broken = self.broken(examined(self.ITS_OWN, replayed=told(first, *rest)))
        places = [found for found in broken.values() if "ines, session 1, message 2" in found]
        assert len(places) == 2
        assert all("Good morning, Irene." in found for found in broken.values())

    def test_a_memory_in_the_wrong_scope_is_a_leak(self, examined):
        def damage(client):
            secret = "A secret: a surprise party for Tomas is planned."
            client.remember(secret, scopes="org/alder-finch/user/tomas", infer="none")

        broken = self.broken(examined(self.ITS_OWN, damage))
        found = broken["12 questions bring back nothing of the first user"]
        assert "tomas is told memory_chunk:" in found
        assert "surprise party" in found

    def test_a_memory_of_both_users_is_a_leak_even_in_own_words(self, examined):
        def damage(client):
            both = ["org/alder-finch/user/ines", "org/alder-finch/user/tomas"]
            words = self.ITS_OWN.of(User("alder-finch", "tomas"))[0].turns[2].content
            assert "I live in Leipzig" in words
            client.remember(words, scopes=both, infer="none")

        broken = self.broken(examined(self.ITS_OWN, damage))
        found = broken["12 questions bring back nothing of the first user"]
        assert "tomas is told memory_chunk:" in found

    def test_a_session_of_somebody_else_is_seen(self, examined):
        def damage(client):
            history_of(client, "tomas", "4").add_user_message("What did Ines say?")

        broken = self.broken(examined(self.ITS_OWN, damage))
        assert broken["nobody sees a session in which they did not speak"] == "tomas: session 4"

    def test_what_was_never_stored_is_not_answered(self, examined):
        last = self.ITS_OWN.of(User("alder-finch", "tomas"))[-1]
        kept = [each for each in self.ITS_OWN.conversations if each is not last]
        broken = self.broken(examined(self.ITS_OWN, replayed=told(*kept)))
        assert "tomas asks 'Where do I live?'" in broken["12 questions are answered"]
        gaps = broken["5 facts were superseded, and their history says by when"]
        assert "'Where do I live?': the history has nothing, not 'Leipzig'" in gaps

    def test_times_that_were_lost_are_missed_in_the_past(self, examined):
        late = self.ITS_OWN.conversations[-1].turns[-1].ts
        dateless = [
            replace(each, turns=tuple(replace(turn, ts=late) for turn in each.turns))
            for each in self.ITS_OWN.conversations
        ]
        broken = self.broken(examined(self.ITS_OWN, replayed=told(*dateless)))
        found = broken["8 of them had another answer, which as_of still gives"]
        assert "'Where do I live?' as of 2026-03-01: no 'Ghent'" in found

    def test_the_command_fails_when_a_stage_loses_turns(self, monkeypatch, capfd):
        def forgetful(client, transcript, advance):
            return replay(client, told(*transcript.conversations[:-1]), advance)

        monkeypatch.setattr(run, "replay", forgetful)
        assert main(["demo"]) == 1
        shown = capfd.readouterr().out
        assert "✗ SpectronChatMessageHistory has every message" in shown
        assert re.search(r"expected  no differences\n +came +ines, session 4, message 1", shown)
        assert re.search(r"\n\d+ of \d+ claims do not hold\n$", shown)

    def test_a_second_process_that_dies_is_a_failure(self, monkeypatch, capfd):
        monkeypatch.setattr(sys, "executable", "/bin/false")
        assert main(["demo", "--json"]) == 1
        document = json.loads(capfd.readouterr().out)
        assert document["ok"] is False
        assert document["checks"][-1] == {
            "claim": "the second process comes to its end",
            "holds": False,
            "expected": "exit code 0",
            "found": "exit code 1",
        }


def history_of(
    client: Spectron, user: str, session: str, **more: object
) -> SpectronChatMessageHistory:
    variables = {"org_id": "alder-finch", "user_id": user}
    return SpectronChatMessageHistory(client, session, scopes=SCOPES, variables=variables, **more)
