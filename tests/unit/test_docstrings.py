"""Every example in a docstring runs, and every public thing has a docstring."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import spectron_adapters

PACKAGE = Path(spectron_adapters.__file__).parent
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages([str(PACKAGE)], "spectron_adapters.")
    if not module.name.endswith("__main__")
)


def with_examples() -> list[str]:
    return [name for name in MODULES if ">>> " in source_of(name)]


def source_of(name: str) -> str:
    relative = PACKAGE.joinpath(*name.split(".")[1:])
    path = relative / "__init__.py" if relative.is_dir() else relative.with_suffix(".py")
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", with_examples())
def test_examples_in_docstrings_run(name: str):
    finder = doctest.DocTestFinder(exclude_empty=True)
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for example in finder.find(module, name):
        runner.run(example)
    assert runner.tries > 0
    assert runner.failures == 0


def test_there_are_examples():
    assert len(with_examples()) >= 5


@pytest.mark.parametrize("name", MODULES)
def test_modules_say_what_they_do(name: str):
    assert ast.get_docstring(ast.parse(source_of(name))), f"{name} has no docstring"
