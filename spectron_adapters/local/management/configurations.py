"""Merging a context's configuration, and keeping provider keys out of it.

The values under `providers` are dropped here, before anything is stored; only the names stay.
Pure functions. Imports `problems` and the standard library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from spectron_adapters.local.problems import bad_request

__all__ = ["merged"]

_DEPTH_MAX = 32
_SECRET_NAMES = frozenset({"api_key", "apikey", "api-key", "secret", "password"})
_DERIVED = ("providers", "providers_configured", "providersConfigured")


def merged(
    config: Mapping[str, object], providers: Sequence[str], patch: Mapping[str, object]
) -> tuple[dict[str, object], tuple[str, ...]]:
    """A configuration after a patch: merged deeply, null clears, what is left out stays.

    Args:
        config: As stored.
        providers: Names of providers whose keys were given before.
        patch: What changes; keys of providers under `providers`.

    Returns:
        The configuration, without any provider's key, and the names of the providers.

    Raises:
        Problem: 400, a value that the service reads is of a wrong kind.
    """
    plain = {name: value for name, value in patch.items() if name not in _DERIVED}
    _check_nesting(plain, "config", depth=0)
    result = _deep_merged(config, plain)
    for path, (accepts, meaning) in _KNOWN.items():
        _check_known(result, path, accepts, meaning)
    return result, _provider_names(providers, patch)


def _deep_merged(config: Mapping[str, object], patch: Mapping[str, object]) -> dict[str, object]:
    result = dict(config)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            before = result.get(name)
            result[name] = _deep_merged(before if isinstance(before, Mapping) else {}, value)
        else:
            result[name] = value
    return result


def _check_nesting(value: object, place: str, *, depth: int) -> None:
    """Refuse what is nested too deeply, and secrets where they would be stored.

    Raises:
        Problem: 400.
    """
    if depth > _DEPTH_MAX:
        raise bad_request(f"config: nested deeper than {_DEPTH_MAX} levels")
    if isinstance(value, Mapping):
        for name, item in value.items():
            if str(name).lower() in _SECRET_NAMES:
                raise bad_request(
                    f"{place}.{name} looks like a secret; give it under config.providers, where "
                    "it is never stored"
                )
            _check_nesting(item, f"{place}.{name}", depth=depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check_nesting(item, place, depth=depth + 1)


def _provider_names(known: Sequence[str], patch: Mapping[str, object]) -> tuple[str, ...]:
    if "providers" not in patch:
        return tuple(known)
    given = patch["providers"]
    if given is None:
        return ()
    if not isinstance(given, Mapping) or not all(str(name).strip() for name in given):
        raise bad_request("config.providers: an object of keys by provider is needed")
    cleared = {name for name, value in given.items() if value is None}
    return tuple(sorted((set(known) | set(given)) - cleared))


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_share(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _is_object(value: object) -> bool:
    return isinstance(value, Mapping)


_FLAG = (_is_flag, "true or false")
_COUNT = (_is_count, "a whole number from 1")
_OBJECT = (_is_object, "an object")
_KNOWN: Mapping[tuple[str, ...], tuple[Callable[[object], bool], str]] = {
    ("token_limit",): _COUNT,
    ("retention_days",): _COUNT,
    ("max_token_ttl_seconds",): _COUNT,
    ("allow_self_service_keys",): _FLAG,
    ("llm_extraction_enabled",): _FLAG,
    ("models",): _OBJECT,
    ("response_cache",): _OBJECT,
    ("trace_retention",): _OBJECT,
    ("reconciliation",): _OBJECT,
    ("reconciliation", "confidence_floor"): (_is_share, "a number from 0 to 1"),
}


def _check_known(
    config: Mapping[str, object],
    path: tuple[str, ...],
    accepts: Callable[[object], bool],
    meaning: str,
) -> None:
    value: object = config
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return
        value = value[name]
    if not accepts(value):
        raise bad_request(f"config.{'.'.join(path)}: {meaning} is needed")
