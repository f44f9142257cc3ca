"""The screen on a terminal: colour and moving bars. Needs `rich` (the extra `cli`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from spectron_adapters.demo.screen import Screen, Style

__all__ = ["Terminal"]


class Terminal(Screen):
    """Writes the same lines as `Screen`, in colour."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._console = Console(file=stream, highlight=False)

    def _write(self, parts: Sequence[tuple[str, Style | None]]) -> None:
        text = Text.assemble(*((words, style or "") for words, style in parts))
        self._console.print(text, soft_wrap=True)

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator[Callable[[], None]]:
        """Show a bar that vanishes when the loop is done."""
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task(label, total=total)
            yield lambda: bar.advance(task)
