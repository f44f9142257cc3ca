"""Scopes with variables, and names that carry a scope.

A template says once where memory lives (`org/{org_id}/user/{user_id}`); each call fills it.
No value can leave its segment, and a missing one raises: nothing here has a default that
means everything. Pure values without I/O. Imports the standard library, `errors` and
`scope_sets`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import TypeAlias
from urllib.parse import unquote
from uuid import UUID

from spectron_adapters.errors import ScopeResolutionError
from spectron_adapters.scope_sets import (
    HIDDEN_CHARACTERS,
    Scope,
    ScopeLike,
    ScopeSet,
    is_blank,
    located_clauses,
)

__all__ = [
    "Placeholder",
    "ScopeTemplate",
    "TemplateLike",
    "ValueSource",
    "decode_segment",
    "encode_segment",
    "look_up",
    "session_key",
    "session_name",
]

_UNSAFE = re.compile(rf"[/*%{{}}{HIDDEN_CHARACTERS}]|\A\s+|\s+\Z")
_DOTS = frozenset({".", ".."})
_SCOPE_DIGEST_BYTES = 16

ValueSource: TypeAlias = tuple[str, Mapping[str, object]]


def encode_segment(value: str) -> str:
    """A text as one segment of a scope path; different texts give different segments.

    Percent-encoded as UTF-8 are `/`, `*`, `%`, `{`, `}`, control characters, characters that
    nobody sees (zero width, direction marks, fillers), white space at the edges, and the
    whole of `.` and `..`. Everything else stays, case included: e-mail addresses and names in
    any script read as they are.

    Args:
        value: Any text that has something to see.

    Raises:
        ValueError: The text is blank or holds a lone surrogate.
        TypeError: The value is not a string.

    Examples:
        >>> encode_segment("alice@example.org"), encode_segment("alice/admin")
        ('alice@example.org', 'alice%2Fadmin')
    """
    if not isinstance(value, str):
        raise TypeError(f"a segment is a string, not {type(value).__name__}")
    if is_blank(value):
        raise ValueError("a blank text cannot be a segment of a scope path")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("a text with a lone surrogate cannot be a segment") from None
    if value in _DOTS:
        return "%2E" * len(value)
    return _UNSAFE.sub(lambda match: _percent(match[0]), value)


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def decode_segment(segment: str) -> str:
    """The text that `encode_segment` turned into this segment.

    Raises:
        ValueError: `encode_segment` does not write this segment.
    """
    try:
        value = unquote(segment, errors="strict")
        if encode_segment(value) == segment:
            return value
    except ValueError:
        pass
    raise ValueError(f"{segment!r} is not an encoded segment")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A piece of text that may hold one variable, as in `user-{user_id}`.

    Attributes:
        prefix: The text before the variable, or all of it when there is none.
        variable: The variable's name, or None.
        suffix: The text after the variable.
    """

    prefix: str
    variable: str | None = None
    suffix: str = ""

    @classmethod
    def parse(cls, text: str) -> Placeholder:
        """Read one piece.

        Raises:
            ValueError: Unbalanced braces, a name that is no identifier, a conversion or format
                (`{a!r}`, `{a:>9}`), or two variables, whose values could not be told apart.
        """
        if "{" not in text and "}" not in text:
            return cls(text)
        prefix, _, rest = text.partition("{")
        name, closed, suffix = rest.partition("}")
        if "}" in prefix or not closed:
            raise ValueError(f"{text!r} has unbalanced braces; a variable is written {{name}}")
        if "{" in name or not name.isidentifier():
            raise ValueError(
                f"{text!r}: {name!r} is no variable name; write {{name}}, with letters, digits "
                "and underscores, and no braces elsewhere"
            )
        if "{" in suffix or "}" in suffix:
            raise ValueError(
                f"{text!r} has more than one variable in one segment, where 'a-b' and 'c' could "
                "not be told from 'a' and 'b-c'; put '/' between them"
            )
        return cls(prefix, name, suffix)

    def fill(self, value: str) -> str:
        """The text with a value in place of the variable."""
        return self.prefix if self.variable is None else f"{self.prefix}{value}{self.suffix}"


def look_up(name: str, sources: Sequence[ValueSource], *, wanted_by: str) -> str:
    """The value of a variable in the nearest source that has it.

    Args:
        name: The variable.
        sources: Names and mappings, nearest first.
        wanted_by: The template, for messages.

    Raises:
        ScopeResolutionError: No source has the variable, or the nearest that has it holds
            None, a blank text, or something that is not text, an integer or a UUID. A farther
            source never stands in for a bad value in a nearer one.
    """
    searched = [source for source, _ in sources]
    for source, values in sources:
        if name in values:
            try:
                return _as_text(values[name])
            except ValueError as error:
                problem = f"is {error} in {source}"
                break
    else:
        problem = f"was not found; searched: {', '.join(searched) or 'nothing was given'}"
    raise ScopeResolutionError(
        f"variable {name!r} of {wanted_by!r} {problem}. Give {name!r} a value for this call; "
        "nothing was read or written.",
        variable=name,
        searched=searched,
    )


def _as_text(value: object) -> str:
    if value is None:
        raise ValueError("None")
    if isinstance(value, bool) or not isinstance(value, (str, int, UUID)):
        raise ValueError(  # noqa: TRY004 - the caller's value, reported as unresolved
            f"of type {type(value).__name__} (not str, int or UUID)"
        )
    if isinstance(value, str):
        text = str.__str__(value)
        if is_blank(text):
            raise ValueError("blank")
        return text
    return int.__repr__(value) if isinstance(value, int) else str(value)


@dataclass(frozen=True, slots=True, order=True)
class _PathTemplate:
    text: str
    parts: tuple[Placeholder, ...] = dataclass_field(compare=False)

    @classmethod
    def parse(cls, text: object) -> _PathTemplate:
        if not isinstance(text, str):
            raise TypeError(f"a scope path is a string, not {type(text).__name__}")
        parts = tuple(Placeholder.parse(part) for part in text.split("/"))
        sample = Scope("/".join(part.fill("x") for part in parts))
        if not sample.segments:
            return cls(str(sample), (Placeholder(str(sample)),))
        return cls(text.strip("/"), tuple(part for part in parts if part != Placeholder("")))

    def resolve(self, sources: Sequence[ValueSource]) -> Scope:
        return Scope("/".join(self._fill(part, sources) for part in self.parts))

    def _fill(self, part: Placeholder, sources: Sequence[ValueSource]) -> str:
        if part.variable is None:
            return part.prefix
        value = look_up(part.variable, sources, wanted_by=self.text)
        try:
            return part.fill(encode_segment(value))
        except ValueError as error:
            raise ScopeResolutionError(
                f"variable {part.variable!r} of {self.text!r}: {error}",
                variable=part.variable,
                searched=[name for name, _ in sources],
            ) from None


@dataclass(frozen=True, slots=True, init=False, repr=False)
class ScopeTemplate:
    """A scope set with variables, filled for each call.

    A variable is a whole segment or part of one (`user-{user_id}`), one at most in each
    segment. A template without variables is a constant.

    Args:
        value: What `ScopeSet.parse` takes, with `{name}` wherever a value belongs: one path, a
            list of paths (any), lists in the list (all).
        field: The argument's name, for messages.
        subtrees: False refuses `path/*`, which only a lens can use.

    Raises:
        ValueError: Blank, empty or malformed, as for `ScopeSet.parse`; unbalanced braces; a
            placeholder that is not a plain name; two in one segment.

    Examples:
        >>> print(ScopeTemplate("org/{org_id}/user/{user_id}").resolve(
        ...     {"org_id": "acme", "user_id": "alice/admin"}
        ... ))
        [["org/acme/user/alice%2Fadmin"]]
    """

    clauses: tuple[tuple[_PathTemplate, ...], ...]

    def __init__(
        self, value: TemplateLike, *, field: str = "scopes", subtrees: bool = True
    ) -> None:
        if isinstance(value, ScopeTemplate):
            clauses = set(value.clauses)
        else:
            clauses = {
                tuple(sorted({_path_template(entry, place) for entry, place in clause}))
                for clause in located_clauses(value, field)
            }
        object.__setattr__(self, "clauses", tuple(sorted(clauses)))
        if not subtrees:
            self._refuse_subtrees(field)

    def _refuse_subtrees(self, field: str) -> None:
        sample = dict.fromkeys(self.variables, "x")
        ScopeSet.parse(self.resolve(sample), field=field, subtrees=False)

    @property
    def variables(self) -> frozenset[str]:
        """The names that `resolve` needs."""
        return frozenset(
            part.variable
            for clause in self.clauses
            for path in clause
            for part in path.parts
            if part.variable is not None
        )

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that occurs, once, with its placeholders, sorted."""
        return tuple(sorted({path.text for clause in self.clauses for path in clause}))

    def resolve(self, values: Mapping[str, object] | Sequence[ValueSource]) -> ScopeSet:
        """Fill the variables.

        Args:
            values: The values by name; or several such mappings, each with the name of where
                it comes from, nearest first. Values are text, integers or UUIDs, and are
                encoded by `encode_segment`, so that none leaves its segment.

        Returns:
            A canonical set; different values give different paths.

        Raises:
            ScopeResolutionError: A variable is missing, or is None, blank or of another type
                in the nearest mapping that has it. The message says where it was searched.
        """
        sources = [("values", values)] if isinstance(values, Mapping) else values
        return ScopeSet(
            tuple(tuple(path.resolve(sources) for path in clause) for clause in self.clauses)
        )

    def __str__(self) -> str:
        """One text per template: compact JSON, as of a `ScopeSet`."""
        paths = [[path.text for path in clause] for clause in self.clauses]
        return json.dumps(paths, ensure_ascii=False, separators=(",", ":"))

    def __repr__(self) -> str:
        return f"ScopeTemplate({[[path.text for path in clause] for clause in self.clauses]!r})"


TemplateLike: TypeAlias = ScopeTemplate | ScopeLike


def _path_template(entry: object, place: str) -> _PathTemplate:
    try:
        return _PathTemplate.parse(str(entry) if isinstance(entry, Scope) else entry)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{place}: {error}") from None


def session_key(session_id: str, scopes: ScopeSet | None) -> str:
    """The name under which the service keeps a session of one scope.

    Session ids are unique in a whole context, but two users may both have a session `1`.
    The scope therefore takes part in the name; every adapter uses this function, so the same
    session read through another framework is the same session.

    Args:
        session_id: The framework's session or thread id.
        scopes: Where the session's memory lives; None when no scope is configured.

    Returns:
        The encoded id (as `encode_segment`, and `~` too), followed by `~` and a digest of the
        scopes when there are any. Different sessions or scopes give different names.

    Raises:
        ValueError: The id is blank or holds a lone surrogate.
        TypeError: The id is not a string.

    Examples:
        >>> session_key("tour/1", None)
        'tour%2F1'
    """
    if not isinstance(session_id, str):
        raise TypeError(f"a session id is a string, not {type(session_id).__name__}")
    encoded = encode_segment(session_id).replace("~", "%7E")
    return encoded if scopes is None else f"{encoded}~{_digest(scopes)}"


def session_name(key: str, scopes: ScopeSet | None) -> str | None:
    """The session id for which `session_key` gives this name under these scopes.

    Returns:
        The id, or None when the name belongs to other scopes or was not made by `session_key`.
    """
    encoded, separator, digest = key.partition("~")
    if (digest if separator else None) != (None if scopes is None else _digest(scopes)):
        return None
    try:
        return decode_segment(encoded.replace("%7E", "~"))
    except ValueError:
        return None


def _digest(scopes: ScopeSet) -> str:
    text = scopes.canonical.encode()
    return hashlib.blake2b(text, digest_size=_SCOPE_DIGEST_BYTES).hexdigest()
