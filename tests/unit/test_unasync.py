"""The blocking twins are what their sources say, and the generator notices when they are not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import unasync

SOURCE = '''
"""Async words. The blocking twin `_sync_send.py` is generated from this
file by `tests/unasync.py`. More."""
import asyncio
from x import AwaitOpens, Pending, off_loop


class AsyncSender(AwaitOpens):
    """Use `await client.chat()` in an `async with AsyncSpectron(...)`."""

    async def go(self, asyncio_name: str) -> Pending[list[int]]:
        text = "await nothing in here"
        async with self.thing as thing, other:
            async for item in thing:
                await asyncio.sleep(await off_loop(item))
        return [x async for x in self.as_sync()]
'''

TWIN = '''# Generated from _async_send.py by tests/unasync.py; edit that file.

"""Async words. More."""

import time
from x import on_the_spot


class Sender:
    """Use `client.chat()` in an `with Spectron(...)`."""

    def go(self, asyncio_name: str) -> list[int]:
        text = "await nothing in here"
        with self.thing as thing, other:
            for item in thing:
                time.sleep(on_the_spot(item))
        return [x for x in self.as_async()]
'''


def test_the_twins_are_up_to_date() -> None:
    assert unasync.outdated() == []


def test_tokens_are_rewritten_and_words_are_not() -> None:
    assert unasync.twin_of(SOURCE, "_async_send.py", set()) == TWIN


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sources and their twins."""
    for path in [*unasync.PACKAGE.glob("_async_*.py"), *unasync.PACKAGE.glob("_sync_*.py")]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(unasync, "PACKAGE", tmp_path)
    monkeypatch.setattr(unasync, "formatted", lambda text: text)
    for path, text in unasync.twins().items():
        path.write_text(text, "utf-8")
    assert unasync.main(["--check"]) == 0
    return tmp_path


@pytest.mark.parametrize("change", ["surplus line", "missing line", "missing file", "orphan"])
def test_any_difference_fails_the_check(
    package: Path, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = package / "_sync_send.py"
    text = path.read_text("utf-8")
    if change == "surplus line":
        path.write_text(text + "\n", "utf-8")
    elif change == "missing line":
        path.write_text(text.removesuffix("\n"), "utf-8")
    elif change == "missing file":
        path.unlink()
    else:
        path = package / "_sync_nobody.py"
        path.write_text("", "utf-8")
    assert unasync.main(["--check"]) == 1
    assert path.name in capsys.readouterr().err


def test_a_name_that_no_source_uses_is_an_error(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(unasync.RENAMED, "AsyncNobody", "Nobody")
    with pytest.raises(ValueError, match="no source uses: AsyncNobody"):
        unasync.twins()


def test_the_command_explains_itself() -> None:
    command = [sys.executable, unasync.__file__, "--help"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--check" in done.stderr
