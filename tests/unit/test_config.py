"""Configuration: arguments over environment, endpoints, and secrets that stay hidden."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import traceback

import pytest
from pydantic import BaseModel, SecretStr

from spectron_adapters.config import (
    ConfigOptions,
    Connection,
    Endpoint,
    SpectronConfig,
    parse_endpoint,
)
from spectron_adapters.scopes import ScopeSet, ScopeTemplate
from spectron_adapters.selectors import Selectors

SECRET = "sp-1-very-secret"

# --- endpoints -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "location", "canonical"),
    [
        ("https://memory.example.org", "https", "https://memory.example.org", None),
        ("https://h.example.org/base//", "https", "https://h.example.org/base", "https://h.example.org/base"),
        ("HTTP://localhost:9090/", "http", "http://localhost:9090", "http://localhost:9090"),
        ("http://[::1]:9090", "http", "http://[::1]:9090", None),
        ("local:memory.db", "local", "memory.db", None),
        ("local:/var/lib/a b.db", "local", "/var/lib/a b.db", None),
        ("LOCAL:C:\\m.db", "local", "C:\\m.db", "local:C:\\m.db"),
        ("memory:", "memory", "", None),
    ],
)  # fmt: skip
def test_an_endpoint_says_where_memory_lives(text, kind, location, canonical):
    endpoint = parse_endpoint(text)
    assert endpoint == Endpoint(kind, location)
    assert str(endpoint) == (canonical or text)
    assert parse_endpoint(str(endpoint)) == parse_endpoint(endpoint) == endpoint
    assert endpoint.is_remote is kind.startswith("http")


@pytest.mark.parametrize("text", [None, "", "  "])
def test_a_missing_endpoint_says_how_to_set_one(text):
    with pytest.raises(ValueError, match="SPECTRON_ENDPOINT to https://HOST"):
        parse_endpoint(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ftp://example.org", "no known scheme"),
        ("localhost:9090", "no known scheme"),
        ("memory", "no known scheme"),
        ("/var/memory.db", "no known scheme"),
        ("https:", "names no host"),
        ("https://", "names no host"),
        ("https:example.org", "names no host"),
        ("https:///path", "names no host"),
        ("http://host:port", "no URL"),
        ("http://host:99999", "no URL"),
        ("http://[::1", "no URL"),
        ("https://h?x=1", "query or fragment"),
        ("https://h?", "query or fragment"),
        ("https://h/#top", "query or fragment"),
        ("https://h /x", "white space"),
        ("https://h\n", "white space"),
        ("https://bücher.example", "non-ASCII"),
        ("local:", "needs a file's path"),
        ("local: ", "needs a file's path"),
        ("local:a\x00b", "needs a file's path"),
        ("local:///var/m.db", "followed by the path itself"),
        ("local:~/m.db", "does not expand"),
        ("memory:here", "takes no path"),
    ],
)
def test_a_malformed_endpoint_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_endpoint(text)


@pytest.mark.parametrize(
    "text",
    [
        f"https://user:{SECRET}@example.org",
        f"https://{SECRET}@example.org",
        f"https://user:{SECRET}@example.org:bad",
        f"https://user:{SECRET}@[::1",
        f"https://user:{SECRET} @example.org",
        f"https://example.org?key={SECRET}",
        f"ftp://user:{SECRET}@example.org",
        f"{SECRET}",
        f"memory:{SECRET}",
    ],
)
def test_no_message_repeats_a_secret_in_an_endpoint(text):
    with pytest.raises(ValueError) as caught:
        SpectronConfig(endpoint=text)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("value", [0, 5, b"https://h", ["https://h"]])
def test_an_endpoint_is_text(value):
    with pytest.raises(TypeError, match="endpoint is a text"):
        parse_endpoint(value)


# --- arguments -------------------------------------------------------------------------------


def test_defaults():
    config = SpectronConfig()
    assert (config.timeout, config.max_retries, config.top_k, config.mode) == (30.0, 3, 5, "hybrid")
    unset = {
        field.name for field in dataclasses.fields(config) if getattr(config, field.name) is None
    }
    assert unset == {
        "endpoint", "context", "api_key", "scopes", "lens", "labels", "include",
        "as_of", "scope_view", "on_behalf_of",
    }  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        {"endpoint": ""}, {"context": " "}, {"api_key": ""}, {"api_key": " k"}, {"api_key": "k\n"},
        {"api_key": "schlüssel"}, {"timeout": 0}, {"timeout": -1.0}, {"timeout": float("nan")},
        {"timeout": float("inf")}, {"max_retries": -1}, {"scopes": ""}, {"scopes": []},
        {"lens": [""]}, {"scopes": "org/*"}, {"top_k": 0}, {"mode": "fast"}, {"labels": ["x"]},
        {"include": ["all"]}, {"scope_view": ""}, {"as_of": "yesterday"}, {"on_behalf_of": "\n"},
    ],
)  # fmt: skip
def test_a_bad_value_is_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        SpectronConfig(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"endpoint": 5}, {"context": 5}, {"api_key": b"k"}, {"timeout": "30"}, {"timeout": True},
        {"max_retries": 1.5}, {"max_retries": True}, {"scopes": 5}, {"top_k": "5"}, {"unknown": 1},
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused(options):
    with pytest.raises(TypeError, match=next(iter(options))):
        SpectronConfig(**options)


def test_a_configuration_cannot_be_changed_but_replaced():
    config = SpectronConfig(endpoint="memory:", scopes="org/{org_id}", api_key=SECRET)
    with pytest.raises(AttributeError):
        config.top_k = 9
    changed = dataclasses.replace(config, top_k=9)
    assert (changed.top_k, changed.scopes, changed.api_key) == (9, config.scopes, SecretStr(SECRET))
    assert config.top_k == 5


def test_the_selectors_are_the_farthest_choice_of_a_call():
    config = SpectronConfig(scopes="org/{org_id}", top_k=7, labels=["a=b"], include="facts")
    selection = Selectors(mode="bm25").over(config.selectors).resolve(("call", {"org_id": "acme"}))
    assert selection.scopes == selection.lens == ScopeSet.parse("org/acme")
    assert (selection.top_k, selection.mode) == (7, "bm25")
    assert (selection.labels, selection.include) == (("a=b",), ("facts",))


def test_fields_arguments_and_passed_on_options_are_the_same_names():
    names = [field.name for field in dataclasses.fields(SpectronConfig)]
    assert names == list(inspect.signature(SpectronConfig).parameters)
    assert names == list(ConfigOptions.__annotations__)
    assert {field.name for field in dataclasses.fields(Selectors)} <= set(names)


# --- connection ------------------------------------------------------------------------------


def test_a_service_needs_endpoint_context_and_key():
    complete = {"endpoint": "https://h", "context": "c", "api_key": SECRET}
    for name in complete:
        partial = {key: value for key, value in complete.items() if key != name}
        with pytest.raises(ValueError, match=f"SPECTRON_{name.upper()}"):
            SpectronConfig(**partial).connection()
    assert SpectronConfig(**complete, timeout=5, max_retries=0).connection() == Connection(
        endpoint=Endpoint("https", "https://h"),
        context="c",
        api_key=SecretStr(SECRET),
        timeout=5.0,
        max_retries=0,
    )


@pytest.mark.parametrize("endpoint", ["memory:", "local:memory.db"])
def test_the_engine_in_the_process_needs_neither_context_nor_key(endpoint):
    connection = SpectronConfig(endpoint=endpoint).connection()
    assert (connection.context, connection.api_key) == ("default", None)


# --- environment -----------------------------------------------------------------------------

FULL = {
    "ENDPOINT": "https://h.example.org/",
    "CONTEXT": "shop",
    "API_KEY": SECRET,
    "DEFAULT_SCOPE": "org/{org_id}",
    "TOP_K": "8",
    "TIMEOUT": "2.5",
    "MAX_RETRIES": "1",
    "RECALL_MODE": "bm25",
}
EXPECTED = SpectronConfig(
    endpoint="https://h.example.org",
    context="shop",
    api_key=SECRET,
    scopes="org/{org_id}",
    top_k=8,
    timeout=2.5,
    max_retries=1,
    mode="bm25",
)


@pytest.mark.parametrize("prefix", ["SPECTRON_", "AGENT_MEMORY_"])
def test_every_variable_is_read_under_both_names(prefix):
    assert (
        SpectronConfig.from_env({prefix + name: value for name, value in FULL.items()}) == EXPECTED
    )


def test_names_may_be_mixed_and_may_agree():
    environ = {f"SPECTRON_{name}": value for name, value in FULL.items()}
    environ |= {f"AGENT_MEMORY_{name}": f" {value}\n" for name, value in FULL.items()}
    del environ["SPECTRON_CONTEXT"]
    assert SpectronConfig.from_env(environ) == EXPECTED


@pytest.mark.parametrize("name", FULL)
def test_two_names_that_disagree_raise_and_show_no_value(name):
    environ = {f"SPECTRON_{name}": FULL[name], f"AGENT_MEMORY_{name}": "zzz-other"}
    with pytest.raises(
        ValueError, match=f"SPECTRON_{name} and AGENT_MEMORY_{name} disagree"
    ) as caught:
        SpectronConfig.from_env(environ)
    assert SECRET not in str(caught.value)
    assert "zzz-other" not in str(caught.value)


def test_an_argument_beats_its_variable_even_a_bad_one():
    environ = {
        "SPECTRON_ENDPOINT": "https://h",
        "AGENT_MEMORY_ENDPOINT": "https://other",
        "SPECTRON_TOP_K": "many",
        "SPECTRON_DEFAULT_SCOPE": " ",
    }
    config = SpectronConfig.from_env(environ, endpoint="memory:", top_k=2, scopes="org/acme")
    assert (config.endpoint, config.top_k, config.scopes) == (
        "memory:",
        2,
        ScopeTemplate("org/acme"),
    )


def test_an_argument_of_none_does_not_beat_anything():
    assert SpectronConfig.from_env({"SPECTRON_TOP_K": "8"}, top_k=None).top_k == 8


def test_a_blank_variable_counts_as_not_set():
    environ = {f"SPECTRON_{name}": " " for name in FULL if name != "DEFAULT_SCOPE"}
    assert SpectronConfig.from_env(environ) == SpectronConfig()
    assert SpectronConfig.from_env({**environ, "AGENT_MEMORY_TOP_K": "8"}).top_k == 8


@pytest.mark.parametrize("name", ["SPECTRON_DEFAULT_SCOPE", "AGENT_MEMORY_DEFAULT_SCOPE"])
@pytest.mark.parametrize("blank", ["", " ", "\t"])
def test_a_blank_default_scope_never_means_everything(name, blank):
    other = {"SPECTRON_DEFAULT_SCOPE": "org/acme", "AGENT_MEMORY_DEFAULT_SCOPE": "org/acme"}
    for environ in ({name: blank}, {**other, name: blank}):
        with pytest.raises(ValueError, match=f"{name} is blank"):
            SpectronConfig.from_env(environ)


def test_the_default_scope_may_be_a_json_list():
    environ = {"SPECTRON_DEFAULT_SCOPE": '["org/{org_id}", ["team/x", "region/eu"]]'}
    expected = ScopeTemplate(["org/{org_id}", ["team/x", "region/eu"]])
    assert SpectronConfig.from_env(environ).scopes == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENDPOINT", "localhost:9090"),
        ("API_KEY", f"{SECRET} {SECRET}"),
        ("DEFAULT_SCOPE", "org//acme"),
        ("DEFAULT_SCOPE", "org/*"),
        ("DEFAULT_SCOPE", '["org/acme"'),
        ("DEFAULT_SCOPE", "[]"),
        ("DEFAULT_SCOPE", "[1]"),
        ("TOP_K", "many"),
        ("TOP_K", "51"),
        ("TOP_K", "5.0"),
        ("TIMEOUT", "soon"),
        ("TIMEOUT", "inf"),
        ("MAX_RETRIES", "-1"),
        ("MAX_RETRIES", "x"),
        ("RECALL_MODE", "fast"),
    ],
)
def test_a_variable_that_cannot_be_read_is_named_and_no_secret_shown(name, value):
    with pytest.raises(ValueError, match=f"^AGENT_MEMORY_{name}: ") as caught:
        SpectronConfig.from_env({f"AGENT_MEMORY_{name}": value})
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_the_process_environment_is_read_at_call_time_and_only_by_from_env(monkeypatch):
    for prefix in ("SPECTRON_", "AGENT_MEMORY_"):
        for name in FULL:
            monkeypatch.delenv(prefix + name, raising=False)
    assert SpectronConfig.from_env() == SpectronConfig()
    monkeypatch.setenv("SPECTRON_TOP_K", "8")
    assert SpectronConfig.from_env().top_k == 8
    assert SpectronConfig().top_k == 5


# --- secrets ---------------------------------------------------------------------------------


def test_the_key_is_never_shown():
    config = SpectronConfig(endpoint="https://h", context="c", api_key=SECRET)
    for text in (
        repr(config),
        str(config),
        f"{config}",
        repr(config.connection()),
        repr(vars(config)),
    ):
        assert SECRET not in text
    with pytest.raises(ValueError) as caught:
        dataclasses.replace(config, api_key=f"{SECRET}\n")
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_pickle_leaves_the_key_out_and_says_so_when_it_is_needed():
    config = SpectronConfig(
        endpoint="https://h", context="c", api_key=SECRET, scopes="org/{org_id}"
    )
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        data = pickle.dumps(config, protocol)
        assert SECRET.encode() not in data
        restored = pickle.loads(data)
        assert restored == dataclasses.replace(config, api_key=None)
    with pytest.raises(ValueError, match="pickled configuration leaves its key out"):
        restored.connection()
    assert dataclasses.replace(restored, api_key=SECRET) == config


def test_a_copy_in_the_process_keeps_the_key():
    config = SpectronConfig(endpoint="https://h", context="c", api_key=SECRET)
    assert copy.copy(config).connection() == copy.deepcopy([config])[0].connection()
    assert copy.deepcopy(config).connection().api_key == SecretStr(SECRET)


class Holder(BaseModel):
    config: SpectronConfig


def test_a_pydantic_model_can_hold_a_configuration():
    config = SpectronConfig(
        endpoint="memory:", api_key=SECRET, scopes="org/{org_id}", lens=lambda _: "a"
    )
    holder = Holder(config=config)
    assert holder.config is config
    assert SECRET not in repr(holder)
    assert holder.model_copy(deep=True).config.api_key == SecretStr(SECRET)
