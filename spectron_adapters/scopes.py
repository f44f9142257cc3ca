"""Scopes: where memory is written, what a grant lets a caller see, what a read asks for.

The one door to the scope algebra: paths and sets (`scope_sets`), grants and lenses
(`scope_grants`), templates and encodings (`scope_templates`). Pure values without I/O;
imports those three only.
"""

from spectron_adapters.scope_grants import (
    Explanation,
    GrantLike,
    GrantPattern,
    Involvement,
    LensFilter,
    RecordLike,
    Region,
    explain,
    involvement,
    is_visible,
    passes_lens,
)
from spectron_adapters.scope_sets import Clause, Scope, ScopeLike, ScopeSet, scope_selector
from spectron_adapters.scope_templates import (
    ScopeTemplate,
    TemplateLike,
    decode_segment,
    encode_segment,
    session_key,
    session_name,
)

__all__ = [
    "Clause",
    "Explanation",
    "GrantLike",
    "GrantPattern",
    "Involvement",
    "LensFilter",
    "RecordLike",
    "Region",
    "Scope",
    "ScopeLike",
    "ScopeSet",
    "ScopeTemplate",
    "TemplateLike",
    "decode_segment",
    "encode_segment",
    "explain",
    "involvement",
    "is_visible",
    "passes_lens",
    "scope_selector",
    "session_key",
    "session_name",
]
