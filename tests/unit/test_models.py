"""Bodies: both casings are read, the canonical one is written, newer servers are tolerated."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from spectron_adapters import models
from spectron_adapters.models import (
    ContextQueryRequest,
    DocumentPage,
    DocumentQueryRequest,
    LocationFilter,
    MintedKey,
    RecallRequest,
    RecallResponse,
    RelationDetail,
    RememberManyRequest,
    RememberRequest,
    Triple,
    UploadMetadata,
    WhoamiResponse,
    format_timestamp,
    parse_timestamp,
)


def wire(request: BaseModel) -> dict[str, object]:
    return request.model_dump(by_alias=True, exclude_unset=True)


def test_facts_are_written_in_snake_case_and_everything_else_in_camel_case():
    fact = RememberRequest(text="x", session_id="s", observed_at="2026-01-15T10:00:00Z")
    assert wire(fact) == {"text": "x", "session_id": "s", "observed_at": "2026-01-15T10:00:00Z"}
    recall = RecallRequest(query="x", scope_view="merged", include_duplicates=True, session_id="s")
    assert wire(recall) == {
        "query": "x",
        "scopeView": "merged",
        "includeDuplicates": True,
        "sessionId": "s",
    }
    query = DocumentQueryRequest(query="x", graph_edges=["section_match"], use_hyde=True)
    assert wire(query) == {"query": "x", "graph_edges": ["section_match"], "useHyde": True}


@pytest.mark.parametrize(
    ("model", "body", "field", "value"),
    [
        (RememberRequest, {"text": "x", "sessionId": "s"}, "session_id", "s"),
        (RememberRequest, {"text": "x", "scope": [["a"]]}, "scopes", [["a"]]),
        (RememberManyRequest, {"turns": [{"role": "user", "content": "x"}]}, "extract", None),
        (RecallRequest, {"query": "x", "limit": 3}, "k", 3),
        (RecallRequest, {"query": "x", "scope_view": "merged"}, "scope_view", "merged"),
        (RecallRequest, {"query": "x", "scopes": [["a"]]}, "lens", [["a"]]),
        (RecallRequest, {"query": "x", "scope": [["a"]]}, "lens", [["a"]]),
        (RecallRequest, {"query": "x", "as_of": "2026-01-15T10:00:00Z"}, "as_of", None),
        (ContextQueryRequest, {"query": "", "k": 50}, "k", 50),
        (UploadMetadata, {"mime_type": "text/plain"}, "mime_type", "text/plain"),
        (DocumentQueryRequest, {"query": "x", "graphEdges": ["document_link"]}, "k", 10),
    ],
)
def test_aliases_of_the_contract_are_read(
    model: type[BaseModel], body: dict[str, object], field: str, value: object
):
    read = getattr(model.model_validate(body), field)
    assert read == value if value is not None else read


def test_the_canonical_name_wins_over_an_alias():
    assert RecallRequest.model_validate({"query": "x", "k": 3, "limit": 4}).k == 3
    lens = RecallRequest.model_validate({"query": "x", "lens": [["a"]], "scopes": [["b"]]}).lens
    assert lens == [["a"]]


@pytest.mark.parametrize("k", [0, -1, 51, "5", 2.5, True])
def test_an_answer_size_lies_between_1_and_50(k: object):
    with pytest.raises(ValidationError):
        RecallRequest(query="x", k=k)  # type: ignore[arg-type]


@pytest.mark.parametrize("label", ["topic", "=x", " =x", "_private=1", ""], ids=repr)
def test_labels_are_key_and_value_and_no_reserved_key(label: str):
    with pytest.raises(ValidationError):
        RecallRequest(query="x", labels=[label])


def test_text_is_needed_unless_triples_are_given_and_triples_then_are():
    with pytest.raises(ValidationError, match="blank"):
        RememberRequest(text="  ")
    with pytest.raises(ValidationError, match="triples"):
        RememberRequest(infer="triples")
    triple = Triple.model_validate(
        {"entity": {"type": "person", "name": "A"}, "key": "age", "value": 3}
    )
    assert RememberRequest(infer="triples", triples=[triple]).triples == [triple]


@pytest.mark.parametrize(("value", "text"), [(3, "3"), (2.5, "2.5"), (True, "true"), ("x", "x")])
def test_a_triples_value_becomes_text(value: object, text: str):
    body = {"entity": {"type": "person", "name": "A"}, "key": "k", "value": value}
    assert Triple.model_validate(body).value == text


def test_a_triple_without_value_and_target_is_refused():
    with pytest.raises(ValidationError, match="value"):
        Triple.model_validate({"entity": {"type": "person", "name": "A"}, "key": "k"})


def test_a_location_is_a_circle_or_a_shape_and_not_both():
    near = {"lat": 52.5, "lng": 13.4, "radiusKm": 3}
    assert LocationFilter.model_validate({"near": near}).near is not None
    for body in ({}, {"near": near, "within": "POINT(1 1)"}):
        with pytest.raises(ValidationError, match="exactly one"):
            LocationFilter.model_validate(body)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-15T10:00:00Z", datetime(2026, 1, 15, 10, tzinfo=timezone.utc)),
        ("2026-01-15t10:00:00z", datetime(2026, 1, 15, 10, tzinfo=timezone.utc)),
        (
            "2026-01-15T10:00:00.5+02:00",
            datetime(2026, 1, 15, 8, 0, 0, 500_000, tzinfo=timezone.utc),
        ),
        (
            "2026-01-15T10:00:00.123456789Z",
            datetime(2026, 1, 15, 10, 0, 0, 123_456, tzinfo=timezone.utc),
        ),
    ],
)
def test_rfc_3339_times_are_read(text: str, moment: datetime):
    assert parse_timestamp(text) == moment
    assert RecallRequest(query="x", as_of=text).as_of == text


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-01-15", "2026-01-15T10:00:00", "2026-13-01T00:00:00Z", "5" * 40]
)
def test_other_times_are_refused(text: str):
    with pytest.raises(ValueError, match="time"):
        parse_timestamp(text)
    with pytest.raises(ValidationError):
        RecallRequest(query="x", as_of=text)


def test_a_datetime_needs_a_time_zone():
    with pytest.raises(ValidationError, match="time zone"):
        RecallRequest(query="x", as_of=datetime(2026, 1, 1))  # type: ignore[arg-type]


@given(
    st.datetimes(
        min_value=datetime(1900, 1, 1),
        max_value=datetime(2200, 1, 1),
        timezones=st.sampled_from([timezone.utc, timezone(timedelta(hours=5, minutes=30))]),
    )
)
def test_a_time_survives_its_text(moment: datetime):
    assert parse_timestamp(format_timestamp(moment)) == moment


def test_a_newer_servers_fields_are_kept_and_missing_ones_have_defaults():
    answer = RecallResponse.model_validate_json(
        '{"hits":[{"id":"a","scopes":[["org"]]}],"tier":"escalated","actions":[1]}'
    )
    assert answer.tier == "escalated"
    assert answer.hits[0].score == 0.0
    assert answer.model_extra == {"actions": [1]}
    assert answer.hits[0].model_extra == {"scopes": [["org"]]}


def test_answers_are_read_in_both_casings():
    for name in ("queryMs", "query_ms"):
        assert RecallResponse.model_validate({name: 7}).query_ms == 7


def test_a_missing_identifier_is_an_error():
    with pytest.raises(ValidationError):
        WhoamiResponse.model_validate({})


def test_the_word_object_is_a_field_of_relations():
    relation = RelationDetail.model_validate({"id": "1", "object": "entity:place/rome"})
    assert relation.object_ == "entity:place/rome"
    assert relation.model_dump(by_alias=True)["object"] == "entity:place/rome"


@pytest.mark.parametrize(
    "body",
    [
        {"page": 2, "pageSize": 20, "total": 41},
        {"page": {"page": 2, "pageSize": 20, "total": 41}},
        {"page": {"number": 2}, "pageSize": 20, "total": 41},
    ],
)
def test_a_page_is_a_number_or_an_object(body: dict[str, object]):
    page = DocumentPage.model_validate(body)
    assert (page.page, page.page_size, page.total) == (2, 20, 41)


def test_a_minted_secret_is_not_in_its_repr():
    assert "sp-1-secret" not in repr(MintedKey(id="1", key="sp-1-secret"))


def test_every_model_of_the_vendors_reference_exists():
    names = """RememberResponse RememberBatchResponse ExtractionResult RecallResponse RecallHit
        ChatResponse ChatChunk ContextQueryResponse StateResponse ProfileResponse WhoamiResponse
        ForgetResponse ReflectResponse ElaborateResponse ConsolidateResponse UploadResponse Document
        DocumentPage Chunk ChunkPage DocumentQueryResponse DocumentQueryHit Keyword KeywordPage
        KeywordDetail KeywordSearchResponse DocumentKeywordsResponse RecomputeLinksResponse Session
        Turn TurnListResponse SessionContextResponse EntityDetail EntityResponse EntityListResponse
        EntityHistoryResponse AttributeDetail RelationDetail ScopeNode ForgetScopeResponse Principal
        EffectiveGrants MintedKey KeyDetail TraceRecord TraceListResponse TraceStatsResponse
        AuditResponse AuditRow LifecycleResponse FsckReport""".split()
    assert [name for name in names if not hasattr(models, name)] == []
