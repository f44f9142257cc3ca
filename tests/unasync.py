"""Writes the blocking twins of the async sources, or checks that they are up to date.

    python tests/unasync.py            write
    python tests/unasync.py --check    exit 1 when a twin differs from what would be written

Works on tokens: drops `async` and `await`, swaps the names below, and cleans the examples in
docstrings. A name in the tables that no source uses is an error, so that they cannot rot.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parent.parent / "spectron_adapters"
SOURCES = ("access", "client", "documents", "management", "resources", "send", "verbs")

RENAMED = {
    "AsyncAccessTokens": "AccessTokens",
    "AsyncChatStream": "ChatStream",
    "AsyncContextKeys": "ContextKeys",
    "AsyncContextLifecycle": "ContextLifecycle",
    "AsyncContexts": "ContextRegistry",
    "AsyncDocumentKeywords": "DocumentKeywords",
    "AsyncDocuments": "Documents",
    "AsyncEntities": "Entities",
    "AsyncStream": "SyncStream",
    "AsyncKeys": "Keys",
    "AsyncLifecycle": "Lifecycle",
    "AsyncManagedPrincipals": "PrincipalRegistry",
    "AsyncPrincipalKeys": "PrincipalKeys",
    "AsyncPrincipals": "PrincipalGrants",
    "AsyncScopes": "ScopeTree",
    "AsyncSender": "Sender",
    "AsyncSessions": "Sessions",
    "AsyncSurface": "Surface",
    "AsyncTraces": "Traces",
    "AsyncUploadStream": "SyncUploadStream",
    "AsyncVerbs": "Verbs",
    "AsyncClient": "Client",
    "SpectronManagement": "SyncSpectronManagement",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "aclose": "close",
    "async_body": "sync_body",
    "asyncio": "time",
    "off_loop": "on_the_spot",
}
"""Names of the async source and what the twin calls them."""

SWAPPED = {
    "AsyncBaseTransport": "BaseTransport",
    "AsyncConnections": "SyncConnections",
    "AsyncSpectron": "Spectron",
    "as_async": "as_sync",
}
"""Names that stand for each other: a source speaks of its sibling too."""

UNWRAPPED = "Pending"
"""`Pending[T]` of the source is `T` in the twin."""

ASYNC_ONLY_BASE = "AwaitOpens"
"""A base class that the twin does without."""

_TWIN_SENTENCE = re.compile(
    r"\s*The blocking twin `_sync_\w+\.py`\s+is\s+generated\s+from\s+this\s+file\s+by\s+"
    r"`tests/unasync\.py`\."
)
_IN_EXAMPLES = re.compile(r"\b(?:async|await) ")

# Keywords since Python 3.7, which the tokenizer of 3.10 still tells apart.
KEYWORDS = {tokenize.NAME, *(getattr(tokenize, name, tokenize.NAME) for name in ("ASYNC", "AWAIT"))}


class Span(NamedTuple):
    """A piece of the source, as rows from 1 and columns from 0, and what replaces it."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


def renames() -> dict[str, str]:
    """Every name that changes, with its replacement."""
    modules = {f"_async_{name}": f"_sync_{name}" for name in SOURCES}
    swapped = {**SWAPPED, "_async_client": "_sync_client"}
    backwards = {new: old for old, new in swapped.items()}
    return {**RENAMED, **modules, **swapped, **backwards}


def twin_of(source: str, name: str, used: set[str]) -> str:
    """The blocking twin of an async source, formatted.

    Args:
        source: Text of the source.
        name: Its file name, for the header.
        used: Takes the names that were replaced.
    """
    text = _TWIN_SENTENCE.sub("", replaced(source, spans(source, used)), count=1)
    return formatted(f"# Generated from {name} by tests/unasync.py; edit that file.\n{text}")


def spans(source: str, used: set[str]) -> list[Span]:
    """What changes in a source, in its order."""
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    table = renames()
    found: list[Span] = []
    for index, token in enumerate(tokens):
        if token.type == tokenize.STRING and token.string.startswith('"""'):
            found.append(Span(token.start, token.end, docstring(token.string, table)))
        elif token.string in {"async", "await"} and token.type in KEYWORDS:
            found.append(Span(token.start, tokens[index + 1].start, ""))
        elif token.type == tokenize.NAME and token.string in {UNWRAPPED, ASYNC_ONLY_BASE}:
            used.add(token.string)
            found.extend(left_out(tokens, index))
        elif token.type == tokenize.NAME and token.string in table:
            used.add(token.string)
            found.append(Span(token.start, token.end, table[token.string]))
    return sorted(found)


def left_out(tokens: list[tokenize.TokenInfo], index: int) -> list[Span]:
    """Spans that remove a name: with its brackets, its comma, or its parentheses."""
    name, after = tokens[index], tokens[index + 1]
    if after.string == "[":
        closing = closing_bracket(tokens, index + 1)
        return [Span(name.start, after.end, ""), Span(closing.start, closing.end, "")]
    if after.string == ",":
        return [Span(name.start, after.end, "")]
    before = tokens[index - 1]
    if before.string == "(" and after.string == ")":
        return [Span(before.start, after.end, "")]
    if before.string == "import":
        return [Span((name.start[0], 0), after.end, "")]
    msg = f"line {name.start[0]}: {name.string} stands where it cannot be left out"
    raise ValueError(msg)


def closing_bracket(tokens: list[tokenize.TokenInfo], opening: int) -> tokenize.TokenInfo:
    """The bracket that closes the one at `opening`."""
    depth = 0
    for token in tokens[opening:]:
        depth += {"[": 1, "]": -1}.get(token.string, 0)
        if depth == 0:
            return token
    msg = "a bracket is not closed"
    raise ValueError(msg)


def docstring(text: str, table: dict[str, str]) -> str:
    """A docstring that speaks of the twin."""
    text = _IN_EXAMPLES.sub("", text)
    return re.sub(r"\b[A-Za-z_]\w*\b", lambda word: table.get(word[0], word[0]), text)


def replaced(source: str, changes: list[Span]) -> str:
    """The source with its spans replaced."""
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    pieces, position = [], 0
    for change in changes:
        start = starts[change.start[0] - 1] + change.start[1]
        pieces += [source[position:start], change.text]
        position = starts[change.end[0] - 1] + change.end[1]
    return "".join([*pieces, source[position:]])


def formatted(text: str) -> str:
    """The text as the formatter leaves it."""
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", "twin.py", "-"]
    root = PACKAGE.parent
    done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=root)
    if done.returncode:
        raise ValueError(done.stderr)
    return done.stdout


def twins() -> dict[Path, str]:
    """Every twin's path with the text that it should have.

    Raises:
        ValueError: A name of the tables occurs in no source.
    """
    used: set[str] = set()
    wanted = {}
    for name in SOURCES:
        source = PACKAGE / f"_async_{name}.py"
        wanted[PACKAGE / f"_sync_{name}.py"] = twin_of(source.read_text("utf-8"), source.name, used)
    unused = ({*RENAMED, *SWAPPED, UNWRAPPED, ASYNC_ONLY_BASE}) - used
    if unused:
        msg = f"names that no source uses: {', '.join(sorted(unused))}"
        raise ValueError(msg)
    return wanted


def outdated() -> list[Path]:
    """The twins whose text differs, and generated files that no source has any more."""
    wanted = twins()
    surplus = [path for path in PACKAGE.glob("_sync_*.py") if path not in wanted]
    return surplus + [
        path
        for path, text in wanted.items()
        if not path.exists() or path.read_text("utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    """Write the twins, or check them.

    Returns:
        The exit code.
    """
    if arguments == ["--check"]:
        stale = outdated()
        for path in stale:
            sys.stderr.write(f"{path.name} is not what tests/unasync.py would write\n")
        return 1 if stale else 0
    if arguments:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    for path, text in twins().items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
