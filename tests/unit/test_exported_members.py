"""The public root: complete, sorted, small, and documented."""

from __future__ import annotations

import inspect

import spectron_adapters


def test_the_root_names_exactly_what_it_holds() -> None:
    held = {
        name
        for name, value in vars(spectron_adapters).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert set(spectron_adapters.__all__) == held


def test_the_names_are_sorted_and_few() -> None:
    assert spectron_adapters.__all__ == sorted(spectron_adapters.__all__)
    assert len(spectron_adapters.__all__) <= 40


def test_every_public_class_and_method_says_what_it_does() -> None:
    silent = []
    for name in spectron_adapters.__all__:
        value = getattr(spectron_adapters, name)
        if not inspect.isclass(value):
            continue
        members = [
            f"{name}.{member}"
            for member, function in vars(value).items()
            if inspect.isfunction(function) and not member.startswith("_") and not function.__doc__
        ]
        silent += members + ([] if value.__doc__ else [name])
    assert silent == []
