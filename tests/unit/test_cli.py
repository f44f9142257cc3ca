"""The command line's manners: help, version, wrong usage, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version

import pytest

from spectron_adapters import cli
from spectron_adapters.cli import Command, UsageError, main
from spectron_adapters.errors import SpectronAPIError


def usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says when it refuses to run as typed."""
    try:
        code = main(arguments)
    except SystemExit as caught:
        code = caught.code
    assert code == 2
    output = capsys.readouterr()
    assert output.out == ""
    return output.err


def test_version_is_that_of_the_distribution(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"spectronctl {version('spectron-adapters')}\n"


HELP = {
    "": ["demo", "serve", "contexts", "keys"],
    "demo": ["--transcript", "--db", "--ask", "--questions", "--json"],
    "serve": [
        "--db",
        "--host",
        "--port",
        "--context",
        "--api-key",
        "--management-key",
        "--workers",
    ],
    "contexts": ["create", "list", "get", "update", "delete"],
    "contexts create": ["--namespace", "--database", "--model-extraction", "--token-limit"],
    "keys": ["create", "list", "delete", "rotate"],
    "keys create": ["--scope-floor", "--grant", "--ttl-seconds", "--api-key", "--endpoint"],
}


@pytest.mark.parametrize("words", HELP)
def test_help_lists_what_can_be_typed(words, capsys):
    with pytest.raises(SystemExit) as caught:
        main([*words.split(), "--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert [word for word in HELP[words] if word not in shown] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: COMMAND"),
        (["dmeo"], "invalid choice: 'dmeo'"),
        (["demo", "--trans", "x"], "unrecognized arguments: --trans"),
        (["demo", "--questions", "0"], "--questions: must be a whole number, 1 or more"),
        (["demo", "--questions", "many"], "--questions: must be a whole number, 1 or more"),
        (["demo", "--transcript", "gone.jsonl"], "gone.jsonl: No such file or directory"),
        (["demo", "--ask", "  "], "--ask: must not be blank"),
    ],
)
def test_wrong_usage_is_explained_with_exit_code_2(arguments, message, capsys):
    assert message in usage_error(arguments, capsys)


def test_an_existing_file_is_never_written_to(tmp_path, capsys):
    precious = tmp_path / "precious.db"
    precious.write_text("mine")
    assert "precious.db exists" in usage_error(["demo", "--db", str(precious)], capsys)
    assert precious.read_text() == "mine"


def test_a_folder_that_is_not_there_is_named_before_anything_runs(tmp_path, capsys):
    missing = tmp_path / "nowhere" / "demo.db"
    assert "nowhere" in usage_error(["demo", "--db", str(missing)], capsys)


def test_a_malformed_transcript_is_wrong_usage(tmp_path, capsys):
    path = tmp_path / "talk.jsonl"
    path.write_text("{}\n")
    assert f"{path}:1: role: Field required" in usage_error(
        ["demo", "--transcript", str(path)], capsys
    )


def test_a_transcript_without_anything_to_ask_is_wrong_usage(tmp_path, capsys):
    path = tmp_path / "talk.jsonl"
    line = (
        '{"role": "user", "content": "Hi", "ts": "2026-01-01T00:00:00Z", "session": 1, "user": 1}'
    )
    path.write_text(line)
    assert "give a question with --ask" in usage_error(["demo", "--transcript", str(path)], capsys)


@pytest.mark.parametrize(
    ("absent", "extras"),
    [
        (["llama_index"], "llama-index"),
        (["langchain_classic", "llama_index"], "langchain-classic,llama-index"),
    ],
)
def test_missing_frameworks_are_named_by_their_extras(absent, extras):
    script = (
        f"import sys; sys.modules.update(dict.fromkeys({absent!r}));"
        "from spectron_adapters.cli import main; sys.exit(main(['demo']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"pip install 'spectron-adapters[{extras}]'" in done.stderr
    assert done.stdout == ""


def test_importing_the_command_line_loads_no_framework():
    script = (
        "import json, sys, spectron_adapters.cli;"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout))
    assert not loaded & {"langchain_core", "langchain_classic", "langgraph", "llama_index"}
    assert "uvicorn" not in loaded


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("do it otherwise"), 2),
        (SpectronAPIError(503, "the disk is full"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_become_one_line_and_an_exit_code(monkeypatch, capsys, error, code):
    def fail(_arguments: object) -> int:
        raise error

    monkeypatch.setattr(cli, "COMMANDS", (Command("fail", "Fail.", lambda _parser: None, fail),))
    assert main(["fail"]) == code
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == f"spectronctl fail: {str(error) or 'interrupted'}\n"


def test_a_reader_who_leaves_causes_no_complaint():
    done = subprocess.run(
        f"{sys.executable} -m spectron_adapters.cli demo --ask tea | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
