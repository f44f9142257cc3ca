"""The error hierarchy: which status raises what, and what survives a pickle."""

from __future__ import annotations

import pickle

import pytest

from spectron_adapters import errors
from spectron_adapters.errors import (
    ScopeResolutionError,
    SpectronAPIError,
    SpectronError,
    SpectronRateLimitError,
    error_class_for_status,
)


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "SpectronValidationError"),
        (401, "SpectronAuthError"),
        (402, "SpectronAPIError"),
        (403, "SpectronScopeError"),
        (404, "SpectronNotFoundError"),
        (409, "SpectronConflictError"),
        (413, "SpectronValidationError"),
        (415, "SpectronValidationError"),
        (422, "SpectronValidationError"),
        (429, "SpectronRateLimitError"),
        (500, "SpectronServerError"),
        (501, "SpectronServerError"),
        (503, "SpectronServerError"),
    ],
)
def test_a_status_has_its_class(status: int, name: str):
    assert error_class_for_status(status) is getattr(errors, name)


def test_every_error_is_a_spectron_error_and_none_shadows_a_builtin():
    import builtins

    for name in errors.__all__:
        assert not hasattr(builtins, name)
        thing = getattr(errors, name)
        if isinstance(thing, type):
            assert issubclass(thing, SpectronError)


def test_a_scope_that_cannot_be_resolved_is_a_programmers_error_too():
    assert issubclass(ScopeResolutionError, ValueError)


@pytest.mark.parametrize(
    "error",
    [
        SpectronAPIError(404, "no such entity", "trace:1", {"title": "Not Found"}),
        SpectronRateLimitError(429, "slow down", None, None, retry_after=2.5),
        ScopeResolutionError("user_id is missing", variable="user_id", searched=("config",)),
    ],
)
def test_errors_survive_a_process_boundary(error: SpectronError):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_the_text_names_status_and_trace():
    assert str(SpectronAPIError(404, "gone", "trace:7")) == "[404] gone (trace trace:7)"
    assert str(SpectronAPIError(0, "cannot reach the service")) == "cannot reach the service"
