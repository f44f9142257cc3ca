"""`spectronctl demo` as a user runs it: real files, real processes, and loud failures."""

from __future__ import annotations

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
from spectron_adapters.demo.questions import questions_for
from spectron_adapters.demo.reopened import examine
from spectron_adapters.demo.replay import SCOPES, replay
from spectron_adapters.demo.report import Findings, Report
from spectron_adapters.demo.screen import Screen
from spectron_adapters.demo.transcript import Conversation
from spectron_adapters.langchain import SpectronChatMessageHistory, SpectronRetriever

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def demo(*arguments: str | Path, script: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, after `script` if that is given."""
    if script:
        script += f"; from spectron_adapters.cli import main; sys.exit(main({['demo', *map(str, arguments)]!r}))"
        command = [sys.executable, "-c", script]
    else:
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


class TestBuiltIn:
    @pytest.fixture(scope="class")
    def shown(self) -> subprocess.CompletedProcess[str]:
        return demo()

    @pytest.fixture(scope="class")
    def document(self):
        done = demo("--json")
        assert done.returncode == 0
        return json.loads(done.stdout)

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
            r" +6 May 2026 · score 0\.\d\d · \w+:\w+\n"
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

    def test_json_is_one_document_with_every_figure(self, document):
        transcript = built_in_transcript()
        assert document["ok"] is True
        assert document["turns"] == transcript.turn_count
        assert document["sessions"] == len(transcript.conversations)
        assert document["users"] == [f"{user.org}/{user.user}" for user in transcript.users]
        assert document["answered"] == len(transcript.questions) == len(document["answers"])
        assert document["file"] is None
        assert 0 < document["seconds"] < 60
        assert all(check["holds"] for check in document["checks"])

    def test_json_answers_cite_what_was_expected(self, document):
        for answer, question in zip(
            document["answers"], built_in_transcript().questions, strict=True
        ):
            assert answer["question"] == question.text
            assert question.expected.casefold() in answer["cited"]["text"].casefold()
            assert answer["cited"] in answer["recalled"]
            assert [each["marker"] for each in answer["recalled"]] == [
                f"[S{rank}]" for rank in range(1, len(answer["recalled"]) + 1)
            ]

    def test_json_answers_hold_superseded_facts_in_order(self, document):
        answers = {(each["user"], each["question"]): each for each in document["answers"]}
        (prior,) = answers["tomas", "What is my favourite coffee?"]["prior"]
        assert (prior["entity"], prior["key"], prior["value"]) == (
            "entity:person/user",
            "favourite_coffee",
            "cortado",
        )
        assert prior["known_at"][:10] == "2026-01-20"
        assert prior["until"][:10] == "2026-08-03"


class TestOwnTranscript:
    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "talk.jsonl"
        path.write_text(OWN)
        return path

    def test_statements_find_themselves_again(self, path):
        done = demo("--transcript", path, "--json")
        document = json.loads(done.stdout)
        assert done.returncode == 0
        assert document["recall"] == 1.0
        assert [each["question"] for each in document["answers"]] == [
            "I keep two hives of bees on the roof.",
            "The honey harvest this year was twelve jars.",
            "I restore old wooden clocks in my cellar.",
        ]

    def test_questions_of_the_caller_are_asked_as_every_user(self, path):
        done = demo(
            "--transcript", path, "--ask", "What is on the roof?", "--ask", "Honey?", "--json"
        )
        answers = json.loads(done.stdout)["answers"]
        assert done.returncode == 0
        assert [(each["user"], each["question"]) for each in answers] == [
            ("noor", "What is on the roof?"),
            ("noor", "Honey?"),
            ("piet", "What is on the roof?"),
            ("piet", "Honey?"),
        ]
        assert answers[0]["cited"]["text"] == "I keep two hives of bees on the roof."
        assert all("roof" not in each["text"] for each in answers[2]["recalled"])
        assert all(each["found"] is None for each in answers)

    def test_a_kept_file_can_be_used_afterwards(self, path, tmp_path):
        database = tmp_path / "kept.db"
        done = demo("--transcript", path, "--db", database)
        assert done.returncode == 0
        assert f"kept in {database}" in done.stdout
        variables = {"org_id": "demo", "user_id": "noor"}
        with Spectron.local(database) as client:
            retriever = SpectronRetriever(client=client, scopes=SCOPES, variables=variables)
            found = retriever.invoke("honey harvest")
        assert found[0].page_content == "The honey harvest this year was twelve jars."
        assert found[0].metadata["occurred_at"].startswith("2026-02-02T09:00:00")

    def test_one_user_alone_is_compared_with_a_newcomer(self, tmp_path):
        path = tmp_path / "alone.jsonl"
        path.write_text(said("noor", "1", "I keep two hives of bees on the roof.", "Good."))
        assert demo("--transcript", path).returncode == 0

    def test_texts_cannot_command_the_terminal(self, tmp_path):
        path = tmp_path / "hostile.jsonl"
        path.write_text(
            said("no\x1b[2Jor", "1", "The bees\x1b]0;owned\x07 are\x9b31m on the roof now.", "Ok.")
        )
        done = demo("--transcript", path, "--ask", "bees \x1b[31m roof")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "are" in done.stdout
        assert not CONTROL.search(done.stdout)

    def test_locomo_is_measured_by_its_evidence(self, tmp_path):
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
        done = demo("--transcript", path, "--json")
        document = json.loads(done.stdout)
        assert done.returncode == 0
        assert document["recall"] == 1.0
        assert document["turns"] == 3
        assert (
            demo("--transcript", path, "--questions", "1", "--json").stdout.count('"question"') == 1
        )


class TestScreen:
    def test_a_terminal_gets_colour_and_a_bar(self):
        pytest.importorskip("rich")
        shown = on_a_terminal([sys.executable, "-m", "spectron_adapters.cli", "demo"])
        assert "\x1b[32m✓" in shown
        assert "━" in shown
        assert re.search(r"98/98", shown)

    def test_without_rich_a_terminal_gets_plain_lines(self):
        script = (
            "import sys; sys.modules['rich'] = None;"
            "from spectron_adapters.cli import main; sys.exit(main(['demo', '--ask', 'tea']))"
        )
        shown = on_a_terminal([sys.executable, "-c", script])
        first = shown.partition("2  Restart")[0]
        assert "✓ 98 turns of 7 sessions are stored" in first
        assert not CONTROL.search(first.replace("\r\n", "\n"))

    def test_an_encoding_without_the_signs_gets_others(self):
        command = [sys.executable, "-m", "spectron_adapters.cli", "demo", "--ask", "tea"]
        environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
        done = subprocess.run(command, capture_output=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        assert b"+ 98 turns" in done.stdout
        assert done.stdout.isascii()


def on_a_terminal(command: list[str]) -> str:
    """Run a command on a pseudo-terminal and return all that it wrote."""
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"} | {"COLUMNS": "100"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(command, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    chunks = []
    try:
        while chunk := os.read(leader, 65536):
            chunks.append(chunk)
    except OSError:  # how Linux tells that the other end was closed
        pass
    os.close(leader)
    assert process.wait(timeout=60) == 0
    return b"".join(chunks).decode()


class TestFailure:
    """Each test breaks one thing, and exactly the claim about it must fail."""

    @pytest.fixture
    def stored(self, tmp_path):
        """A function that stores conversations, lets a test damage them, and examines the rest."""
        database = tmp_path / "demo.db"

        def examine_after(damage, conversations=None) -> Report:
            transcript = built_in_transcript()
            told = conversations or transcript.conversations
            with Spectron.local(database) as client:
                replay(client, replace(transcript, conversations=told), lambda: None)
                damage(client)
            findings = Findings(Screen(sys.stdout))
            with Spectron.local(database) as client:
                examine(client, transcript, questions_for(transcript, limit=40), findings)
            return findings.report

        return examine_after

    @staticmethod
    def broken(report: Report) -> dict[str, str]:
        return {check.claim: check.found for check in report.checks if not check.holds}

    def test_nothing_is_broken_without_damage(self, stored):
        assert self.broken(stored(lambda _client: None)) == {}

    def test_a_deleted_session_is_missed_by_both_frameworks(self, stored):
        def damage(client):
            history_of(client, "ines", "2").clear()

        broken = self.broken(stored(damage))
        langchain, llama_index, *rest = broken.values()
        assert langchain == llama_index
        assert langchain.startswith("ines, session 2, message 1: None in place of ('user', 'I need")
        assert [claim for claim in broken if "nobody sees a session" in claim]
        assert len(rest) == 1

    def test_one_changed_word_is_found(self, stored):
        conversations = list(built_in_transcript().conversations)
        conversations[0] = with_turn(conversations[0], 1, content="Good morning, Irene.")
        broken = self.broken(stored(lambda _client: None, tuple(conversations)))
        assert len(broken) == 2
        assert all("ines, session 1, message 2" in found for found in broken.values())

    def test_a_memory_in_the_wrong_scope_is_a_leak(self, stored):
        def damage(client):
            client.remember(
                "A secret: a surprise party for Tomas is planned.",
                scopes="org/alder-finch/user/tomas",
                infer="none",
            )

        broken = self.broken(stored(damage))
        (found,) = [
            found for claim, found in broken.items() if "nothing of the first user" in claim
        ]
        assert "tomas is told memory_chunk:" in found
        assert "surprise party" in found

    def test_a_shared_session_is_seen(self, stored):
        def damage(client):
            history_of(client, "tomas", "4").add_user_message("What did Ines say?")

        broken = self.broken(stored(damage))
        assert [found for claim, found in broken.items() if "nobody sees" in claim] == [
            "tomas: session 4"
        ]

    def test_what_was_never_stored_is_not_answered(self, stored):
        conversations = tuple(
            each
            for each in built_in_transcript().conversations
            if (each.user.user, each.session) != ("tomas", "3")
        )
        broken = self.broken(stored(lambda _client: None, conversations))
        assert any("tomas asks 'Where do I live?'" in found for found in broken.values())
        assert any("the history has nothing, not 'Leipzig'" in found for found in broken.values())

    def test_times_that_were_lost_are_missed_in_the_past(self, stored):
        late = built_in_transcript().conversations[-1].turns[-1].ts
        conversations = tuple(
            replace(each, turns=tuple(replace(turn, ts=late) for turn in each.turns))
            for each in built_in_transcript().conversations
        )
        broken = self.broken(stored(lambda _client: None, conversations))
        assert any("as of 2026-03-01: no 'Ghent'" in found for found in broken.values())

    def test_the_command_fails_when_a_stage_loses_turns(self, monkeypatch, capfd):
        def forgetful(client, transcript, advance):
            return replay(
                client, replace(transcript, conversations=transcript.conversations[:-1]), advance
            )

        monkeypatch.setattr(run, "replay", forgetful)
        assert main(["demo"]) == 1
        shown = capfd.readouterr().out
        assert "✗ SpectronChatMessageHistory has every message" in shown
        assert re.search(r"expected  no differences\n +came +ines, session 4, message 1", shown)
        assert re.search(r"\n\d+ of \d+ claims do not hold\n$", shown)

    def test_json_tells_what_failed(self, monkeypatch, capfd):
        monkeypatch.setattr(run, "replay", lambda *_: run.Stored(0, 0))
        assert main(["demo", "--json"]) == 1
        document = json.loads(capfd.readouterr().out)
        assert document["ok"] is False
        assert any(
            not check["holds"] and check["expected"] and check["found"]
            for check in document["checks"]
        )

    def test_a_second_process_that_dies_is_a_failure(self, monkeypatch, capfd):
        monkeypatch.setattr(sys, "executable", "/bin/false")
        assert main(["demo"]) == 1
        assert "came      exit code 1" in capfd.readouterr().out


def history_of(
    client: Spectron, user: str, session: str, **more: object
) -> SpectronChatMessageHistory:
    variables = {"org_id": "alder-finch", "user_id": user}
    return SpectronChatMessageHistory(client, session, scopes=SCOPES, variables=variables, **more)


def with_turn(conversation: Conversation, index: int, **changes: object) -> Conversation:
    turns = list(conversation.turns)
    turns[index] = replace(turns[index], **changes)
    return replace(conversation, turns=tuple(turns))
