"""Imports point one way: the core knows no adapter, adapters know no engine and no other adapter."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import spectron_adapters

PACKAGE = Path(spectron_adapters.__file__).parent
ROOT = "spectron_adapters"
MODULES = sorted(PACKAGE.rglob("*.py"))
FRAMEWORKS = {"langchain", "langchain_core", "langchain_classic", "langgraph", "llama_index"}
ADAPTERS = {"langchain", "langgraph", "llama_index", "syncropel"}
PURE = {"errors", "models", "scopes", "scope_sets", "scope_grants", "scope_templates"}
CORE = {*PURE, "selectors", "config", "messages", "prompting"}
SPEAKS_HTTP = {"_network", "_httpx_transport", "_aiohttp_transport", "local"}


def name_of(path: Path) -> str:
    """The module's name below the root: `local.http`, `errors`, or nothing for the root."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports_of(path: Path, *, lazy: bool = True) -> set[str]:
    """The modules that a file imports; without `lazy`, only those that loading it loads."""
    tree = ast.parse(path.read_text("utf-8"))
    found = set()
    for node in ast.walk(tree) if lazy else loaded_nodes(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            if node.module == ROOT:
                found |= {f"{ROOT}.{alias.name}" for alias in node.names}
    return found


def loaded_nodes(tree: ast.Module) -> list[ast.AST]:
    """The nodes outside functions and outside `if TYPE_CHECKING`."""
    found: list[ast.AST] = []
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        found.append(node)
        todo += ast.iter_child_nodes(node)
    return found


def own(imports: set[str]) -> set[str]:
    """Imported modules of this package, by their first part below the root."""
    return {name.split(".")[1] for name in imports if name.startswith(f"{ROOT}.")}


def outside(imports: set[str]) -> set[str]:
    """Imported distributions that are neither ours nor the standard library."""
    tops = {name.partition(".")[0] for name in imports}
    return tops - {ROOT, "__future__", ""} - set(sys.stdlib_module_names)


def wrong_imports(path: Path) -> set[str]:
    """What a module imports though its place forbids it."""
    name = name_of(path)
    place = name.partition(".")[0]
    imports, loaded = imports_of(path), imports_of(path, lazy=False)
    wrong: set[str] = set()
    if place in CORE or (place.startswith("_") and place not in SPEAKS_HTTP):
        allowed = {"pydantic", "pydantic_core", "typing_extensions"}
        if place.startswith(("_async_", "_sync_")):
            allowed |= {"httpx"}
        wrong |= outside(loaded) - allowed
    if place in PURE:
        wrong |= own(imports) - PURE
    if place in CORE:
        wrong |= {module for module in own(imports) if module.startswith("_")}
        wrong |= own(imports) & (ADAPTERS | {"local"})
    if place in ADAPTERS:
        wrong |= own(imports) & ({"local", "testing", "cli"} | ADAPTERS - {place})
        wrong |= {module for module in own(imports) if module.startswith("_")}
    if place == "local":
        wrong |= own(imports) & ADAPTERS
        wrong |= {module for module in own(imports) if module.startswith("_")}
        wrong |= {"httpx"} & outside(imports) if name not in {"local", "local.http"} else set()
    if place == "cli":
        wrong |= {module for module in own(imports) if module.startswith("_")}
    if place not in ADAPTERS | {"cli", "demo", "testing"}:
        wrong |= outside(loaded) & (FRAMEWORKS | {"rich"})
    if place.startswith("_") and place != "_network":
        wrong |= {"local"} & own(loaded)
    return wrong


@pytest.mark.parametrize("path", MODULES, ids=lambda path: name_of(path) or "root")
def test_no_module_imports_against_the_direction(path: Path) -> None:
    assert wrong_imports(path) == set()


def test_the_rules_notice_a_wrong_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    for place, line, wrong in [
        ("errors.py", "import httpx", "httpx"),
        ("_wire.py", "import httpx", "httpx"),
        ("scopes.py", "from spectron_adapters.config import x", "config"),
        ("langchain/tools.py", "from spectron_adapters.local import x", "local"),
        ("langchain/tools.py", "from spectron_adapters import llama_index", "llama_index"),
        ("langchain/tools.py", "from spectron_adapters._wire import x", "_wire"),
        ("local/engine.py", "import httpx", "httpx"),
        ("local/engine.py", "from spectron_adapters._sync_client import x", "_sync_client"),
        ("_async_client.py", "from spectron_adapters.local import x", "local"),
    ]:
        path = tmp_path / place
        path.parent.mkdir(exist_ok=True)
        path.write_text(line)
        assert wrong in wrong_imports(path), place


def loaded_after(imports: str) -> set[str]:
    """What a clean interpreter has loaded after some imports."""
    code = f"import sys, {imports}; print('\\n'.join(sys.modules))"
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def loaded_by_the_root() -> set[str]:
    """What `import spectron_adapters` loads beyond httpx and pydantic."""
    return loaded_after(ROOT) - loaded_after("httpx, pydantic")


def test_the_root_loads_no_framework(loaded_by_the_root: set[str]) -> None:
    tops = {name.partition(".")[0] for name in loaded_by_the_root}
    foreign = {name for name in tops if name.isidentifier() and not name.startswith("_")}
    assert foreign - set(sys.stdlib_module_names) <= {ROOT, "pydantic", "annotated_types"}


def test_the_root_loads_neither_engine_nor_adapters(loaded_by_the_root: set[str]) -> None:
    ours = {name.split(".")[1] for name in loaded_by_the_root if name.startswith(f"{ROOT}.")}
    assert ours & (ADAPTERS | {"local", "testing", "cli", "demo"}) == set()


def test_a_client_of_a_service_loads_no_engine() -> None:
    code = (
        "import sys, spectron_adapters as s; s.Spectron('a', 'http://localhost', 'k').close();"
        "assert 'spectron_adapters.local' not in sys.modules;"
        "s.Spectron('a', 'memory:').close(); assert 'spectron_adapters.local' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PACKAGE.parent)


def test_importing_reads_no_environment_and_opens_nothing() -> None:
    code = (
        "import httpx, pydantic, sys\n"
        "import asyncio, importlib.util, mimetypes, ssl, urllib.request, zoneinfo, pydantic.main\n"
        "def watch(event, arguments):\n"
        "    if event.startswith('socket.') or event == 'sqlite3.connect':\n"
        "        raise SystemExit(f'{event} {arguments}')\n"
        "    if event == 'open' and not str(arguments[0]).endswith(('.py', '.pyc')):\n"
        "        raise SystemExit(f'{event} {arguments}')\n"
        "sys.addaudithook(watch)\n"
        "import os\n"
        "class Closed(dict):\n"
        "    def __getitem__(self, name, default=None): raise SystemExit(f'environment: {name}')\n"
        "    get = __contains__ = __getitem__\n"
        "os.environ = Closed()\n"
        "import spectron_adapters\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=False, cwd=PACKAGE.parent, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
