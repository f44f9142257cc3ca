"""Looking up one thing by its reference: what it is, and how it came about.

A reference is a kind, a colon and a place. Types, keys and labels hold no slash; an entity's name
is what lies between them and may hold some. A part that is percent-encoded is decoded once it is
taken apart, so that a key may hold a slash as well (`attribute:person/ada/price%2Fkg`).

Imports `entities`, `fact_reading`, `moments`, `documents`, `tracing` and `calls`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import unquote

from spectron_adapters.local.calls import Call, body_of
from spectron_adapters.local.documents.reading import get_document, list_chunks
from spectron_adapters.local.knowledge.entities import get_entity, normalised
from spectron_adapters.local.knowledge.fact_reading import attributes_where, relations_where
from spectron_adapters.local.knowledge.fact_rows import find_name
from spectron_adapters.local.moments import Moment
from spectron_adapters.local.problems import Problem, bad_request, not_found, not_implemented
from spectron_adapters.local.routes.table import LARGE
from spectron_adapters.local.tracing.reading import flush_traces, get_trace
from spectron_adapters.local.work import Work
from spectron_adapters.models import RelationDetail
from spectron_adapters.scopes import ScopeSet

__all__ = ["inspect"]

_LONGEST = 2048
_MOST_PARTS = 64
_ARROW = re.compile(r"(?P<subject>.+?)-\[(?P<label>.+?)\]->(?P<object>.+)", re.DOTALL)


def inspect(call: Call, ref: str, moment: Moment, lens: ScopeSet | None) -> dict[str, object]:
    """What a reference stands for.

    Args:
        call: The request.
        ref: `entity:<type>/<name>`, `attribute:<type>/<name>/<key>`,
            `relation:<type>/<name>/<label>/<type>/<name>` or
            `relation:<type>/<name>-[<label>]-><type>/<name>`, `trace:<id>`, `document:<id>`,
            `passage:<document>/<position>`.
        moment: For what hangs on time: entities, attributes and relations.
        lens: Only what it lets through.

    Raises:
        Problem: 400, the reference is malformed; 404, what it names does not exist or is not
            visible; 501, nothing of this kind can be inspected.

    Source: `GET /inspect`.
    """
    kind, colon, place = ref.strip().partition(":")
    if not colon or not kind or not place.strip() or len(ref) > _LONGEST:
        raise _malformed("write it as kind:place, such as entity:person/ada")
    if kind == "trace":
        flush_traces(call)
        return {"kind": kind, "trace": body_of(call.read(lambda work: get_trace(work, place)))}
    if kind in _GRAPH:
        return call.read_settled(lambda work: _GRAPH[kind](work, place, moment, lens))
    if kind in _DOCUMENTS:
        return call.read(lambda work: _DOCUMENTS[kind](work, place))
    known = ", ".join((*_GRAPH, "trace", *_DOCUMENTS))
    raise not_implemented(f"ref: nothing of kind {kind[:40]!r} can be inspected; known: {known}")


def _malformed(advice: str) -> Problem:
    return bad_request(f"query parameter ref is malformed: {advice}")


def _parts(place: str, *, least: int, form: str) -> list[str]:
    parts = place.split("/")
    if not least <= len(parts) <= _MOST_PARTS or not all(part.strip() for part in parts):
        raise _malformed(f"write it as {form}")
    return parts


# --- the graph ----------------------------------------------------------------------------------


def _entity(work: Work, place: str, moment: Moment, lens: ScopeSet | None) -> dict[str, object]:
    entity_type, *name = _parts(place, least=2, form="entity:<type>/<name>")
    found = get_entity(work, unquote(entity_type), _name(name), moment, lens=lens)
    return {"kind": "entity", **body_of(found)}


def _name(parts: Sequence[str]) -> str:
    return unquote("/".join(parts))


def _attribute(work: Work, place: str, moment: Moment, lens: ScopeSet | None) -> dict[str, object]:
    form = "attribute:<type>/<name>/<key>"
    entity_type, *name, key = _parts(place, least=3, form=form)
    parameters = {
        "name_id": find_name(work, normalised(unquote(entity_type), _name(name))),
        "key": unquote(key),
        **moment.parameters,
    }
    readable = work.readable(lens)
    chain = "name_id = :name_id AND key = :key AND"
    newest = "a.known_from DESC, a.id DESC"
    history = attributes_where(
        work, readable, f"{chain} {moment.history_condition}", parameters, order=newest
    )
    if not history:
        raise not_found(f"there is no attribute:{place[:200]} that this caller may read")
    current = attributes_where(
        work, readable, f"{chain} {moment.condition()}", parameters, order=newest
    )
    shown: dict[str, object] = {"kind": "attribute", "history": [body_of(row) for row in history]}
    return {**shown, "current": body_of(current[0])} if current else shown


def _relation(work: Work, place: str, moment: Moment, lens: ScopeSet | None) -> dict[str, object]:
    matches: dict[str, RelationDetail] = {}
    for subject, label, target in _readings(place):
        matches.update(
            (match.id, match)
            for match in relations_where(
                work,
                work.readable(lens),
                "subject_id = :subject AND label = :label AND object_id = :object"
                f" AND {moment.condition(relation=True)}",
                {
                    "subject": find_name(work, normalised(*subject)),
                    "label": label,
                    "object": find_name(work, normalised(*target)),
                    **moment.parameters,
                },
            )
        )
    return {"kind": "relation", "matches": [body_of(match) for match in matches.values()]}


_End = tuple[str, str]


def _readings(place: str) -> Iterator[tuple[_End, str, _End]]:
    """Every subject, label and object that a place may mean: names may hold slashes."""
    form = "relation:<type>/<name>/<label>/<type>/<name>, or …-[<label>]->…"
    arrow = _ARROW.fullmatch(place)
    if arrow:
        subject, target = _end(arrow["subject"], form), _end(arrow["object"], form)
        yield subject, unquote(arrow["label"]), target
        return
    parts = _parts(place, least=5, form=form)
    for middle in range(2, len(parts) - 2):
        subject = unquote(parts[0]).removeprefix("entity:"), _name(parts[1:middle])
        target = unquote(parts[middle + 1]).removeprefix("entity:"), _name(parts[middle + 2 :])
        yield subject, unquote(parts[middle]), target


def _end(text: str, form: str) -> _End:
    entity_type, *name = _parts(text.removeprefix("entity:"), least=2, form=form)
    return unquote(entity_type), _name(name)


_GRAPH: Mapping[str, Callable[[Work, str, Moment, ScopeSet | None], dict[str, object]]] = {
    "entity": _entity,
    "attribute": _attribute,
    "relation": _relation,
}

# --- documents ----------------------------------------------------------------------------------


def _document(work: Work, place: str) -> dict[str, object]:
    return {"kind": "document", "document": body_of(get_document(work, unquote(place)))}


def _passage(work: Work, place: str) -> dict[str, object]:
    document, slash, position = place.rpartition("/")
    if not slash or not document or not (position.isascii() and position.isdigit()):
        raise _malformed("write it as passage:<document>/<position>, counted from 0")
    number = min(int(position[:18]), LARGE)
    found = list_chunks(work, unquote(document), page=number, page_size=1).chunks
    if not found:
        raise not_found(f"there is no passage:{place[:200]} that this caller may read")
    return {"kind": "passage", "passage": body_of(found[0])}


_DOCUMENTS: Mapping[str, Callable[[Work, str], dict[str, object]]] = {
    "document": _document,
    "passage": _passage,
}
