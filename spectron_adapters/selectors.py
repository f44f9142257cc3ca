"""What one call writes to and asks for: chosen in several places, resolved for the call.

`Selectors` are choices that are not yet resolved: a call's, an adapter's and the
configuration's are laid over each other, nearest first, and `resolve` fills their variables
into a `Selection`. Nothing here remembers a user. Imports pydantic, `errors`, `models` and the
scope modules; no client, no framework.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, cast, get_args

from pydantic import BaseModel
from typing_extensions import TypedDict

from spectron_adapters.errors import ScopeResolutionError
from spectron_adapters.models import (
    K_MAX,
    IncludeFamily,
    RecallMode,
    ScopeView,
    format_timestamp,
    parse_timestamp,
)
from spectron_adapters.scope_sets import ScopeLike, ScopeSet, is_blank
from spectron_adapters.scope_templates import (
    Placeholder,
    ScopeTemplate,
    TemplateLike,
    ValueSource,
    look_up,
)

__all__ = [
    "DEFAULT_MODE",
    "DEFAULT_TOP_K",
    "ScopeResolver",
    "ScopeSource",
    "Selection",
    "Selectors",
]

DEFAULT_TOP_K = 5
"""How many hits a recall returns when nobody says otherwise."""

DEFAULT_MODE: RecallMode = "hybrid"
"""How recall searches when nobody says otherwise."""

ScopeResolver: TypeAlias = Callable[[Mapping[str, object]], TemplateLike]
ScopeSource: TypeAlias = TemplateLike | ScopeResolver

_HEADER_SAFE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_PRINCIPAL = "principal:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The choices of one call, resolved.

    Attributes:
        scopes: Where the call writes; None leaves it to the key's default region.
        lens: What the call reads; follows `scopes` when no lens was chosen. None reads all
            that the key may see.
        labels: `key=value` pairs: put on what is written, asked of what is read.
        top_k: How many hits to return, 1 to 50.
        mode: How recall searches.
        include: Which families of hits recall returns; empty for all.
        as_of: Known time of the read, RFC 3339; None for now.
        scope_view: How results are folded; None leaves it to the service (`strict`).
        on_behalf_of: The principal for whom the call is made, or None.
    """

    scopes: ScopeSet | None = None
    lens: ScopeSet | None = None
    labels: tuple[str, ...] = ()
    top_k: int = DEFAULT_TOP_K
    mode: RecallMode = DEFAULT_MODE
    include: tuple[IncludeFamily, ...] = ()
    as_of: str | None = None
    scope_view: ScopeView | None = None
    on_behalf_of: str | None = None


@dataclass(frozen=True, slots=True, init=False)
class Selectors:
    """Choices that are not yet resolved; None everywhere means "not chosen here".

    Immutable and free of users: one value serves any number of calls at once.

    Args:
        scopes: Where to write: what `ScopeTemplate` takes, or a function of the variables
            (a mapping, nearest values first; asking it for a missing, None or blank value
            raises) that returns a scope. Text returned by the function is taken as it is, and may
            not end with `/`: encode what users may choose with `encode_segment`, or return a
            `ScopeTemplate`. May not name subtrees.
        lens: What to read, in the same forms and with subtrees (`path/*`). Without it, reads
            follow `scopes`.
        labels: `key=value` texts, or a mapping. An empty list means none.
        top_k: How many hits, 1 to 50.
        mode: `hybrid`, `vector`, `bm25` or `graph`.
        include: `facts`, `passages` or both. An empty list means both.
        as_of: Known time: an aware datetime or RFC 3339 text.
        scope_view: `strict`, `crossTeam` or `merged`.
        on_behalf_of: A principal's id, or a text with one variable (`principal:{user_id}`).

    Raises:
        ValueError: A value is blank, malformed or out of range.
        TypeError: A value has the wrong type, or a function is a coroutine function.
    """

    scopes: ScopeTemplate | ScopeResolver | None
    lens: ScopeTemplate | ScopeResolver | None
    labels: tuple[str, ...] | None
    top_k: int | None
    mode: RecallMode | None
    include: tuple[IncludeFamily, ...] | None
    as_of: str | None
    scope_view: ScopeView | None
    on_behalf_of: str | None

    def __init__(
        self,
        *,
        scopes: ScopeSource | None = None,
        lens: ScopeSource | None = None,
        labels: str | Sequence[str] | Mapping[str, str] | None = None,
        top_k: int | None = None,
        mode: RecallMode | None = None,
        include: IncludeFamily | Sequence[IncludeFamily] | None = None,
        as_of: str | datetime | None = None,
        scope_view: ScopeView | None = None,
        on_behalf_of: str | None = None,
    ) -> None:
        checked: dict[str, object] = {
            "scopes": _source(scopes, "scopes"),
            "lens": _source(lens, "lens"),
            "labels": _labels(labels),
            "top_k": _top_k(top_k),
            "mode": _choice(mode, RecallMode, "mode"),
            "include": _include(include),
            "as_of": _timestamp(as_of),
            "scope_view": _choice(scope_view, ScopeView, "scope_view"),
            "on_behalf_of": _principal_template(on_behalf_of),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def variables(self) -> frozenset[str]:
        """The names that the templates need; what a function will ask for is not known."""
        templates = [it for it in (self.scopes, self.lens) if isinstance(it, ScopeTemplate)]
        names = frozenset(name for template in templates for name in template.variables)
        principal = Placeholder.parse(self.on_behalf_of or "").variable
        return names if principal is None else names | {principal}

    def over(self, fallback: Selectors) -> Selectors:
        """These choices, and the fallback's where nothing is chosen here.

        Scopes chosen here without a lens bring their own: the fallback's lens was made for
        other scopes and is dropped, so that the call reads where it writes.

        Args:
            fallback: The farther choices.
        """
        chosen = {
            field.name: value
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) is not None
        }
        if self.scopes is not None:
            chosen["lens"] = self.lens
        return dataclasses.replace(fallback, **chosen)

    def resolve(self, *sources: tuple[str, object]) -> Selection:
        """Fill the variables for one call.

        Args:
            sources: Where values may come from, nearest first, each with a name for messages:
                mappings, dataclasses, pydantic models, or None for "nothing given".

        Returns:
            The call's selection.

        Raises:
            ScopeResolutionError: A variable is missing, or is None, blank or of another type
                in the nearest source that has it; a function returned nothing usable.
            TypeError: A source is of another kind, and a variable is wanted.
        """
        asks = self.variables or callable(self.scopes) or callable(self.lens)
        known = [(name, _variables_of(source, name)) for name, source in sources if asks]
        scopes = _resolve_source(self.scopes, known, "scopes")
        lens = _resolve_source(self.lens, known, "lens")
        return Selection(
            scopes=scopes,
            lens=scopes if lens is None else lens,
            labels=self.labels or (),
            top_k=DEFAULT_TOP_K if self.top_k is None else self.top_k,
            mode=self.mode or DEFAULT_MODE,
            include=self.include or (),
            as_of=self.as_of,
            scope_view=self.scope_view,
            on_behalf_of=_resolve_principal(self.on_behalf_of, known),
        )


class DocumentArguments(TypedDict):
    """What memory and documents can both be asked for."""

    k: int
    mode: RecallMode
    lens: ScopeSet | None
    on_behalf_of: str | None


class RecallArguments(DocumentArguments):
    """What memory alone can be asked for besides."""

    labels: list[str]
    include: list[IncludeFamily] | None
    as_of: str | None
    scope_view: ScopeView | None


def document_arguments(selection: Selection) -> DocumentArguments:
    """A selection as keyword arguments of `client.documents.query`."""
    return DocumentArguments(
        k=selection.top_k,
        mode=selection.mode,
        lens=selection.lens,
        on_behalf_of=selection.on_behalf_of,
    )


def recall_arguments(selection: Selection) -> RecallArguments:
    """A selection as keyword arguments of `client.recall`."""
    return RecallArguments(
        **document_arguments(selection),
        labels=list(selection.labels),
        include=list(selection.include) or None,
        as_of=selection.as_of,
        scope_view=selection.scope_view,
    )


def check_for_documents(chosen: Selectors | Selection) -> None:
    """Refuse what a document query would ignore: an ignored filter shows too much.

    Raises:
        ValueError: `labels`, `include`, `as_of` or a `scope_view` is chosen.
    """
    view = None if chosen.scope_view == "strict" else chosen.scope_view
    given = {
        "labels": chosen.labels,
        "include": chosen.include,
        "as_of": chosen.as_of,
        "scope_view": view,
    }
    for name, value in given.items():
        if value:
            raise ValueError(
                f"source='documents' cannot filter by {name}, which is {value!r}: leave it out "
                "(labels=[] where the client has labels), or use source='recall'"
            )


def _source(value: ScopeSource | None, field: str) -> ScopeTemplate | ScopeResolver | None:
    if value is None:
        return None
    if callable(value):
        if inspect.iscoroutinefunction(value):
            raise TypeError(f"{field} is a coroutine function; scopes are resolved without waiting")
        return value
    return ScopeTemplate(value, field=field, subtrees=field == "lens")


def _labels(value: str | Sequence[str] | Mapping[str, str] | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, Mapping):
        value = [_label_of_item(key, text) for key, text in value.items()]
    labels = [value] if isinstance(value, str) else value
    if not isinstance(labels, Sequence):
        raise TypeError(f"labels is a list of texts, not {type(labels).__name__}")
    return tuple(dict.fromkeys(_label(label) for label in labels))


def _label_of_item(key: str, text: str) -> str:
    if "=" in key:
        raise ValueError(f"labels: the key {key!r} holds '='")
    return f"{key}={text}"


def _label(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"labels: a label is a text, not {type(value).__name__}")
    key, equals, text = value.partition("=")
    if not equals or is_blank(key) or is_blank(text):
        raise ValueError(f"labels: {value!r} is not of the form key=value")
    if key.startswith("_"):
        raise ValueError(f"labels: {value!r}: keys that begin with '_' are the service's own")
    return value


def _top_k(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"top_k is an integer from 1 to {K_MAX}, not {type(value).__name__}")
    if not 1 <= value <= K_MAX:
        raise ValueError(f"top_k is an integer from 1 to {K_MAX}, not {value}")
    return value


def _choice(value: object, choices: object, field: str) -> object:
    allowed = get_args(choices)
    if value is None or (isinstance(value, str) and value in allowed):
        return value
    raise ValueError(f"{field} is one of {', '.join(allowed)}; not {value!r}")


def _include(value: object) -> tuple[object, ...] | None:
    if value is None:
        return None
    families = [value] if isinstance(value, str) else value
    if not isinstance(families, Sequence):
        raise TypeError(f"include is a list of texts, not {type(value).__name__}")
    return tuple(dict.fromkeys(_choice(item, IncludeFamily, "include") for item in families))


def _timestamp(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, (str, datetime)):
        raise TypeError(f"as_of is a datetime or RFC 3339 text, not {type(value).__name__}")
    try:
        return format_timestamp(value if isinstance(value, datetime) else parse_timestamp(value))
    except ValueError as error:
        raise ValueError(f"as_of: {error}") from None


def _principal_template(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"on_behalf_of is a text, not {type(value).__name__}")
    sample = Placeholder.parse(value).fill("x")
    if _HEADER_SAFE.fullmatch(sample) is None or sample == _PRINCIPAL:
        raise ValueError(
            "on_behalf_of is a principal's id in printable ASCII without white space at its edges"
        )
    return value


def _resolve_principal(template: str | None, known: Sequence[ValueSource]) -> str | None:
    if template is None:
        return None
    place = Placeholder.parse(template)
    if place.variable is None:
        return template
    value = look_up(place.variable, known, wanted_by=template)
    if _HEADER_SAFE.fullmatch(value) is None or value.startswith(_PRINCIPAL):
        raise ScopeResolutionError(
            f"variable {place.variable!r} of on_behalf_of {template!r} does not fit into a header: "
            f"it must be printable ASCII, without white space at its edges or {_PRINCIPAL!r} "
            "in front. Nothing was read or written.",
            variable=place.variable,
            searched=[name for name, _ in known],
        )
    return place.fill(value)


def _variables_of(source: object, name: str) -> Mapping[str, object]:
    if source is None:
        return {}
    if isinstance(source, Mapping):
        return cast("Mapping[str, object]", source)
    if isinstance(source, BaseModel):
        fields = {field: getattr(source, field) for field in type(source).model_fields}
        return {**fields, **(source.model_extra or {})}
    if dataclasses.is_dataclass(source) and not isinstance(source, type):
        return {field.name: getattr(source, field.name) for field in dataclasses.fields(source)}
    raise TypeError(
        f"{name} is of type {type(source).__name__}; scope variables are read from mappings, "
        "dataclasses and pydantic models"
    )


class _Variables(Mapping[str, object]):
    """What a scope function is given: a value that is missing, None or blank raises when asked for.

    A blank one would cut a segment off the scope. `get` answers its default only for a name that
    nobody gave; iterating passes over what has no value.
    """

    def __init__(self, known: Sequence[ValueSource], field: str) -> None:
        self._values = {
            name: value for _, values in reversed(known) for name, value in values.items()
        }
        self._searched = [name for name, _ in known]
        self._field = field

    def __getitem__(self, name: str) -> object:
        if name not in self._values:
            searched = ", ".join(self._searched) or "nothing was given"
            raise self._refused(name, f"was not found; searched: {searched}")
        if not _has_value(self._values[name]):
            raise self._refused(name, "is None or blank")
        return self._values[name]

    def get(self, name: str, default: object = None) -> object:
        return self[name] if name in self._values else default

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return (name for name, value in self._values.items() if _has_value(value))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _refused(self, name: str, problem: str) -> ScopeResolutionError:
        return ScopeResolutionError(
            f"the function for {self._field} asked for {name!r}, which {problem}. Give {name!r} a "
            "value for this call; nothing was read or written.",
            variable=name,
            searched=self._searched,
        )


def _has_value(value: object) -> bool:
    return value is not None and not (isinstance(value, str) and is_blank(value))


def _resolve_source(
    source: ScopeTemplate | ScopeResolver | None, known: Sequence[ValueSource], field: str
) -> ScopeSet | None:
    if source is None:
        return None
    if isinstance(source, ScopeTemplate):
        return source.resolve(known)
    return _parse_answer(source(_Variables(known, field)), known, field)


def _parse_answer(
    answer: TemplateLike | None, known: Sequence[ValueSource], field: str
) -> ScopeSet:
    searched = [name for name, _ in known]
    if answer is None:
        raise ScopeResolutionError(
            f"the function for {field} returned None, which never means everything; "
            "nothing was read or written.",
            searched=searched,
        )
    resolved: ScopeLike = answer.resolve(known) if isinstance(answer, ScopeTemplate) else answer
    try:
        _check_whole(resolved)
        return ScopeSet.parse(resolved, field=field, subtrees=field == "lens")
    except ValueError as error:
        raise ScopeResolutionError(
            f"the function for {field} returned no usable scope: {error}; "
            "nothing was read or written.",
            searched=searched,
        ) from None


def _check_whole(answer: object) -> None:
    """Refuse a text whose last segment came out blank: it names the region of all."""
    if isinstance(answer, str) and answer.rstrip().endswith("/"):
        raise ValueError(f"{answer!r} ends with '/', as a path does whose last value is blank")
    if isinstance(answer, (list, tuple)):
        for item in answer:
            _check_whole(item)
