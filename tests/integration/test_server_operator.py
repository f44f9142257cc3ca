"""`spectronctl contexts` and `spectronctl keys` against a server, as an operator types them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from spectron_adapters.cli import main
from tests.integration.served import MANAGEMENT_KEY, Served, served


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served() as running:
        yield running


@pytest.fixture
def typed(server, capsys, monkeypatch):
    """Runs a command; returns its exit code and what it wrote."""
    monkeypatch.setenv("SPECTRON_MANAGEMENT_KEY", MANAGEMENT_KEY)
    monkeypatch.setenv("SPECTRON_ENDPOINT", server.endpoint)

    def run(*words: str) -> tuple[int, str, str]:
        try:
            code = main(list(words))
        except SystemExit as caught:
            code = caught.code
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


@pytest.fixture
def document(typed):
    """Runs a command with `--json`; returns what it printed."""

    def run(*words: str) -> Any:
        code, out, err = typed(*words, "--json")
        assert code == 0, err
        return json.loads(out)

    return run


def create(document, name: str, *options: str) -> Any:
    place = ("--namespace", "acme", "--database", name)
    return document("contexts", "create", name, *place, *options)


def test_a_context_is_created_with_the_flags_of_the_reference(document, monkeypatch):
    monkeypatch.setenv("THEIR_KEY", "provider-secret-1")
    made = create(
        document,
        "acme-prod",
        *("--model-extraction", "openai/gpt-4o-mini"),
        *("--model-response", "openai/gpt-4o"),
        *("--token-limit", "1000000"),
        *("--provider", "openai=THEIR_KEY"),
        *("--config", '{"response_cache": {"threshold": 0.9}}'),
    )
    assert made["id"] == "acme-prod"
    assert made["config"] == {
        "token_limit": 1_000_000,
        "models": {"extraction": "openai/gpt-4o-mini", "response": "openai/gpt-4o"},
        "providers_configured": ["openai"],
        "response_cache": {"threshold": 0.9},
    }
    assert document("contexts", "get", "acme-prod") == made
    assert "provider-secret-1" not in json.dumps(document("contexts", "list"))


def test_a_context_is_listed_changed_and_deleted(typed, document):
    create(document, "acme-test", "--token-limit", "10")
    assert "acme-test" in [item["id"] for item in document("contexts", "list")]
    changed = document("contexts", "update", "acme-test", "--model-reflection", "a/b")
    assert changed["config"] == {"token_limit": 10, "models": {"reflection": "a/b"}}
    blocked = document("contexts", "update", "acme-test", "--enforcement-blocked", "true")
    assert blocked["enforcement_blocked"] is True
    code, out, _ = typed("contexts", "get", "acme-test")
    assert code == 0
    assert "acme-test: namespace acme, database acme-test" in out
    assert "calls that need a language model are blocked" in out
    code, out, _ = typed("contexts", "delete", "acme-test")
    assert (code, out) == (0, "acme-test is deleted, with its data and its keys\n")
    code, _, err = typed("contexts", "get", "acme-test")
    assert code == 1
    assert err.startswith("spectronctl contexts: ")


def test_a_key_is_minted_used_rotated_and_revoked(typed, document, server):
    create(document, "acme-keys")

    def me(key: str) -> httpx.Response:
        target = f"{server.endpoint}/api/v1/acme-keys/me"
        return httpx.get(target, headers={"authorization": f"Bearer {key}"})

    minted = document(
        *("keys", "create", "acme-keys", "app", "--scope-floor", "org/acme"),
        *("--grant", "memory:read=org/acme/*", "--ttl-seconds", "3600"),
    )
    told = me(minted["key"]).json()
    assert told["effectiveGrants"]["memory:read"] == ["org/acme/*"]
    assert "memory:write" not in told["effectiveGrants"]

    code, out, _ = typed("keys", "list", "acme-keys")
    assert code == 0
    assert "app" in out
    assert minted["key"] not in out

    code, out, _ = typed("keys", "rotate", "acme-keys", "app")
    assert code == 0
    assert "shown only now" in out
    fresh = out.splitlines()[0].removeprefix("app: ")
    assert me(minted["key"]).status_code == 401
    assert me(fresh).status_code == 200

    assert typed("keys", "delete", "acme-keys", "app")[:2] == (0, "app is revoked\n")
    assert me(fresh).status_code == 401


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("contexts",), 2, "required: ACTION"),
        (("contexts", "creaet"), 2, "invalid choice"),
        (("contexts", "create", "a", "--namespace", "n"), 2, "required: --database"),
        (("contexts", "update", "default"), 2, "nothing to change"),
        (("contexts", "update", "default", "--config", "[]"), 2, "must be a JSON object"),
        (("contexts", "update", "default", "--provider", "a=sk-secret-7"), 2, "not the key"),
        (("contexts", "get", "nowhere"), 1, "no context with this id"),
        (("contexts", "get", " "), 2, "must not be blank"),
        (("contexts", "list", "--endpoint", "ftp://x"), 2, "no known scheme"),
        (("contexts", "list", "--api-key", "a-wrong-key"), 1, "key"),
        (("keys", "create", "default", "k", "--grant", "memory:read"), 2, "VERB=PATTERN"),
        (("keys", "create", "default", "k", "--grant", "read=a"), 1, "read"),
        (("keys", "list", "nowhere"), 1, "no context with this id"),
        (("keys", "delete", "default", "none"), 1, "key"),
    ],
)
def test_what_cannot_be_done_is_explained_in_one_line(typed, words, code, message):
    got, out, err = typed(*words)
    assert (got, out) == (code, "")
    assert message in err
    assert "Traceback" not in err
    assert "sk-secret-7" not in err
    assert MANAGEMENT_KEY not in err


def test_without_a_management_key_its_variable_is_named(typed, monkeypatch):
    monkeypatch.delenv("SPECTRON_MANAGEMENT_KEY")
    code, _, err = typed("contexts", "list")
    assert code == 2
    assert "SPECTRON_MANAGEMENT_KEY" in err


def test_a_service_that_is_not_there_is_a_failure(typed):
    code, _, err = typed("contexts", "list", "--endpoint", "http://127.0.0.1:9")
    assert code == 1
    assert err.startswith("spectronctl contexts: ")
