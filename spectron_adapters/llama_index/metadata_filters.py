"""LlamaIndex metadata filters as what Spectron can honour: labels and document filters.

What cannot be honoured exactly is refused; a filter is never dropped. Imports llama-index-core
and `models`.
"""

from __future__ import annotations

from collections.abc import Iterator

from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)

from spectron_adapters.models import DocumentFilter

__all__ = ["document_filter", "labels_of"]

_DOCUMENT_KEYS = {"document_id": "document_ids", "mime_type": "mime_type"}


def labels_of(filters: MetadataFilters | None) -> tuple[str, ...]:
    """The labels that recalled rows must carry, all of them.

    Args:
        filters: Equalities joined by AND, perhaps nested; the value is text or an integer.

    Returns:
        `key=value` labels, each once.

    Raises:
        ValueError: An operator, a condition or a value that labels cannot express.
    """
    labels = []
    for item in _conjunction(filters):
        if item.operator != FilterOperator.EQ:
            raise _refused(item, "recall compares labels for equality only (==)")
        if not isinstance(item.value, (str, int)):
            raise _refused(item, "a label's value is text or an integer")
        labels.append(f"{item.key}={item.value}")
    return tuple(dict.fromkeys(labels))


def document_filter(filters: MetadataFilters | None) -> DocumentFilter | None:
    """The documents that a query may come from; None does not restrict.

    Args:
        filters: `document_id` and `mime_type`, with `==` or `in`, joined by AND.

    Raises:
        ValueError: Another key, operator or condition, or one key twice.
    """
    found: dict[str, list[str]] = {}
    for item in _conjunction(filters):
        field = _DOCUMENT_KEYS.get(item.key)
        if field is None:
            raise _refused(item, f"document queries filter by {' and '.join(_DOCUMENT_KEYS)} only")
        if field in found:
            raise _refused(item, "each key may be restricted once; use the operator 'in'")
        found[field] = _texts(item)
    return DocumentFilter.model_validate(found) if found else None


def _conjunction(filters: MetadataFilters | None) -> Iterator[MetadataFilter]:
    if filters is None:
        return
    if filters.condition != FilterCondition.AND and len(filters.filters) > 1:
        raise ValueError(
            f"metadata filters joined by {filters.condition!r} cannot be honoured: Spectron joins "
            "by AND; run one retrieval per alternative instead"
        )
    if filters.condition == FilterCondition.NOT:
        raise ValueError("metadata filters under NOT cannot be honoured: labels are only required")
    for item in filters.filters:
        if isinstance(item, MetadataFilters):
            yield from _conjunction(item)
        else:
            yield item


def _texts(item: MetadataFilter) -> list[str]:
    if item.operator == FilterOperator.EQ and isinstance(item.value, str):
        return [item.value]
    if item.operator == FilterOperator.IN and isinstance(item.value, list) and item.value:
        texts = [value for value in item.value if isinstance(value, str)]
        if len(texts) == len(item.value):
            return texts
    raise _refused(item, "give one text with '==' or a list of texts with 'in'")


def _refused(item: MetadataFilter, reason: str) -> ValueError:
    operator = getattr(item.operator, "value", item.operator)
    return ValueError(f"metadata filter {item.key!r} {operator} cannot be honoured: {reason}")
