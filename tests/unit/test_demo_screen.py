"""What the demonstration writes: one line each, harmless, in any encoding."""

from __future__ import annotations

import io
import sys

import pytest

from spectron_adapters.demo import screen as screen_module
from spectron_adapters.demo.screen import Screen, open_screen, shortened


class Terminal(io.TextIOWrapper):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode(stream.encoding)


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("short", 5, "short"),
        ("a line that is too long", 10, "a line th…"),
        ("ends at a gap", 6, "ends…"),
        ("two\nlines\tand\x1b[31m colour", 40, "two lines and [31m colour"),
        ("日本語の文", 10, "日本語の文"),
        ("日本語の文", 9, "日本語の…"),
        ("right\u202eleft", 40, "right left"),
    ],
)
def test_shortened_texts_fill_the_width_and_no_more(text, width, expected):
    assert shortened(text, width) == expected


def test_parts_become_one_line_without_control_characters():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    Screen(stream).line("  ", ("✓ ", "green"), "a\x1b[2Jb", ("\n", "dim"), "c")
    assert written(stream) == "  ✓ a [2Jb c\n"


def test_a_silent_screen_writes_nothing():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    Screen(stream, silent=True).line("something")
    assert written(stream) == ""


def test_signs_that_an_encoding_lacks_are_replaced():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Screen(stream).line(("✓", "green"), " caf\u00e9 · ", ("✗", "bold red"), " cut…")
    assert written(stream) == "+ caf? - ! cut~\n"


def test_slow_loops_are_counted_in_plain_lines(monkeypatch):
    now = iter([0.0, 1.0, 6.0, 6.0, 7.0])
    monkeypatch.setattr(screen_module.time, "monotonic", lambda: next(now))
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with Screen(stream).progress("replaying", 3) as advance:
        for _ in range(3):
            advance()
    assert written(stream) == "  replaying 2/3\n"


class TestOpening:
    @pytest.fixture
    def terminal(self, monkeypatch):
        def pretend(encoding: str = "utf-8") -> Terminal:
            stream = Terminal(io.BytesIO(), encoding=encoding)
            monkeypatch.setattr(sys, "stdout", stream)
            monkeypatch.setenv("TERM", "xterm-256color")
            monkeypatch.delenv("NO_COLOR", raising=False)
            return stream

        return pretend

    def test_a_terminal_gets_colour(self, terminal):
        pytest.importorskip("rich")
        stream = terminal()
        open_screen().line(("done", "green"), " [S1] :smile: 42")
        assert written(stream) == "\x1b[32mdone\x1b[0m [S1] :smile: 42\n"

    def test_without_rich_a_terminal_gets_plain_lines(self, terminal, monkeypatch):
        monkeypatch.setattr(screen_module, "find_spec", lambda _name: None)
        stream = terminal()
        open_screen().line(("done", "green"))
        assert written(stream) == "done\n"

    def test_a_terminal_without_unicode_gets_plain_lines(self, terminal):
        stream = terminal("ascii")
        open_screen().line(("✓ done", "green"))
        assert written(stream) == "+ done\n"

    def test_what_is_not_a_terminal_gets_plain_lines(self, monkeypatch):
        stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        monkeypatch.setattr(sys, "stdout", stream)
        open_screen().line(("done", "green"))
        assert written(stream) == "done\n"

    def test_silence_is_kept_on_a_terminal_too(self, terminal):
        stream = terminal()
        open_screen(silent=True).line(("done", "green"))
        assert written(stream) == ""
