"""Nobody learns of documents that they may not read: not by bytes, counts, links, ids or errors."""

from __future__ import annotations

import json

import pytest

from spectron_adapters.local.exchange import Request
from tests.unit.document_uploads import finished, found, send, upload

TEXT = "# Merger plans\nThe merger budget is seven million. Merger plans stay secret."


def titles(memory):
    return [document["title"] for document in memory.get("/documents")["documents"]]


def keywords(memory):
    page = memory.get("/documents/keywords", pageSize=100)
    return {item["normalised"]: item["documentCount"] for item in page["keywords"]}


def principal(memory, name, **verbs):
    memory.engine.add_principal(
        name, grants={f"memory:{verb}": patterns for verb, patterns in verbs.items()}
    )
    return memory.acting_for(name)


def test_the_same_bytes_of_somebody_else_look_like_a_first_upload(two_users):
    alice, bob = two_users
    first = upload(alice, TEXT, filename="a.md", title="Alice's")
    second = upload(bob, TEXT, filename="a.md", title="Bob's")
    assert second["id"] != first["id"]
    assert (first["deduplicated"], second["deduplicated"]) == (False, False)
    assert first.keys() == second.keys()
    assert (titles(alice), titles(bob)) == (["Alice's"], ["Bob's"])
    assert upload(bob, TEXT, filename="a.md")["id"] == second["id"]
    alice.delete(f"/documents/{first['id']}")
    assert found(bob, "merger budget") == ["Bob's"]
    assert found(alice, "merger budget") == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/documents/{}"),
        ("GET", "/documents/{}/raw"),
        ("GET", "/documents/{}/chunks"),
        ("GET", "/documents/{}/keywords"),
        ("DELETE", "/documents/{}"),
        ("PUT", "/documents/{}"),
    ],
)
def test_a_document_of_somebody_else_answers_as_one_that_is_not_there(two_users, method, path):
    alice, bob = two_users
    document = upload(alice, TEXT)["id"]
    absent = "document:" + "0" * 26
    theirs = bob.refused(method, path.format(document))
    nobodys = bob.refused(method, path.format(absent))
    assert theirs["status"] == nobodys["status"] == 404
    assert theirs["detail"].replace(document, "") == nobodys["detail"].replace(absent, "")
    assert alice.get(f"/documents/{document}")["version"] == 1


def test_keywords_count_and_name_what_the_caller_may_read(memory, two_users):
    alice, bob = two_users
    upload(alice, TEXT, filename="a.md", title="Alice's")
    upload(bob, TEXT + " Bob's appendix.", filename="b.md", title="Bob's")
    upload(alice, "Unspeakable zeppelins.", title="Own")
    shared = min(keywords(alice).keys() & keywords(bob).keys())
    assert keywords(memory)[shared] == 2
    for user, title in ((alice, "Alice's"), (bob, "Bob's")):
        assert keywords(user)[shared] == 1
        detail = user.get(f"/documents/keywords/{shared.replace(' ', '%20')}")
        assert [document["title"] for document in detail["documents"]] == [title]
        assert detail["documentCount"] == 1
        assert user.get("/documents/keywords", minDocumentCount=2)["total"] == 0
    assert bob.refused("GET", "/documents/keywords/UNSPEAKABLE%20ZEPPELINS")["status"] == 404
    query = {"query": "unspeakable zeppelins", "threshold": 0.9}
    assert bob.post("/documents/keywords/search", query)["results"] == []
    assert alice.post("/documents/keywords/search", query)["results"] != []


def test_links_and_evidence_never_lead_to_what_is_hidden(memory, two_users):
    alice, bob = two_users
    upload(alice, TEXT, filename="a.md", title="Alice's plan")
    upload(bob, TEXT + " And more.", filename="b.md", title="Bob's plan")
    body = {"query": "merger", "mode": "hybrid_graph", "expandGraph": True, "graphDepth": 3}
    assert "Bob's plan" in json.dumps(memory.post("/documents/query", body))
    for user, other in ((alice, "Bob"), (bob, "Alice")):
        answer = user.post("/documents/query", body)
        assert answer["results"]
        assert other not in json.dumps(answer)
        assert all("graphEvidence" not in hit for hit in answer["results"])
        assert user.post("/documents/recompute-links")["linksEmitted"] == 0
    assert memory.post("/documents/recompute-links")["linksEmitted"] > 0


def test_scores_do_not_change_with_documents_of_others(two_users):
    alice, bob = two_users
    upload(alice, TEXT, filename="a.md")
    body = {"query": "merger budget", "mode": "hybrid_graph"}
    before = alice.post("/documents/query", body)["results"]
    for number in range(5):
        upload(bob, f"{TEXT} Volume {number}.", filename="b.md")
    after = alice.post("/documents/query", body)["results"]
    assert [hit["score"] for hit in after] == [hit["score"] for hit in before]


def test_a_filter_by_id_reaches_nothing_hidden(two_users):
    alice, bob = two_users
    document = upload(alice, TEXT, filename="a.md")["id"]
    assert found(bob, "merger", filter={"documentIds": [document]}) == []
    assert found(alice, "merger", filter={"documentIds": [document]}) != []


def test_a_lens_narrows_documents_to_a_subtree_and_never_widens(memory, two_users):
    alice, bob = two_users
    upload(memory, "Common merger rules.", title="Common", scopes=[["org/acme"]])
    upload(alice, "Private merger rules of Alice.", title="Alice's")
    upload(bob, "Private merger rules of Bob.", title="Bob's")
    lens = [["org/acme/user/alice"]]
    assert set(found(memory, "merger rules", lens=lens)) == {"Common", "Alice's"}
    assert set(found(memory, "merger rules", lens=[["org/acme/user/alice/*"]])) == {"Alice's"}
    assert found(bob, "merger rules", lens=lens) == []
    assert set(found(bob, "merger rules", lens=[["org/acme"]])) == {"Bob's"}
    expanded = {"lens": lens, "expandGraph": True, "graphDepth": 3}
    assert "Bob's" not in found(memory, "merger rules", **expanded)
    assert memory.refused("POST", "/documents/query", {"query": "x", "lens": []})["status"] == 400


def test_writing_outside_the_region_is_refused_and_stores_nothing(memory, two_users):
    alice, _ = two_users
    response = send(alice, TEXT, scopes=[["org/acme/user/bob"]])
    assert response.status == 403
    assert memory.get("/documents")["total"] == 0
    reader = principal(memory, "reader", read="org/acme/*")
    assert send(reader, TEXT).status == 403
    document = upload(alice, TEXT)["id"]
    assert reader.get(f"/documents/{document}")["id"] == document
    assert reader.refused("PUT", f"/documents/{document}")["status"] == 403
    assert reader.refused("DELETE", f"/documents/{document}")["status"] == 403
    assert reader.refused("POST", "/documents/recompute-links")["status"] == 403


def test_whoever_may_not_read_learns_nothing_from_uploading(memory, two_users):
    alice, _ = two_users
    upload(alice, TEXT)
    writer = principal(memory, "writer", write="org/acme/user/alice/*")
    response = json.loads(send(writer, TEXT).body)
    assert (response["deduplicated"], response["status"]) == (False, "queued")
    assert writer.refused("GET", f"/documents/{response['id']}")["status"] == 404
    assert writer.get("/documents")["total"] == 0


def test_another_scope_joins_the_document_of_whoever_may_write_to_both(memory, two_users):
    alice, bob = two_users
    first = upload(memory, TEXT, title="Plan", scopes=[["org/acme/user/alice"]], filename="a.md")
    assert found(bob, "merger") == []
    second = upload(memory, TEXT, scopes=[["org/acme/user/bob"]], filename="a.md")
    assert (second["id"], second["deduplicated"]) == (first["id"], True)
    assert memory.get(f"/documents/{first['id']}")["version"] == 1
    for user in (alice, bob):
        assert titles(user) == found(user, "merger") == ["Plan"]
        assert user.recall("merger budget") != []
    assert found(memory, "merger", lens=[["org/acme/user/bob/*"]]) == ["Plan"]


def test_who_shares_a_document_removes_it_for_themselves_only(memory, two_users):
    alice, bob = two_users
    upload(memory, TEXT, title="Plan", scopes=[["org/acme/user/alice"]], filename="a.md")
    shared = upload(memory, TEXT, scopes=[["org/acme/user/bob"]], filename="a.md")["id"]
    alice.delete(f"/documents/{shared}")
    assert titles(alice) == found(alice, "merger") == alice.recall("merger") == []
    assert alice.refused("GET", f"/documents/{shared}")["status"] == 404
    assert titles(bob) == found(bob, "merger") == ["Plan"]
    bob.delete(f"/documents/{shared}")
    assert memory.get("/documents")["total"] == 0


def test_a_reader_of_the_organisation_makes_a_document_of_their_own(memory):
    """Else their forgetting would reach the organisation's document."""
    common = upload(memory, TEXT, title="Common", scopes=[["org/acme"]], filename="a.md")
    carol = principal(
        memory,
        "carol",
        read=["org/acme", "org/acme/user/carol/*"],
        write="org/acme/user/carol/*",
        forget="org/acme/user/carol/*",
    )
    own = upload(carol, TEXT, title="Carol's", filename="a.md")
    assert own["id"] != common["id"]
    assert carol.refused("DELETE", f"/documents/{common['id']}")["status"] == 403
    carol.post("/scopes/forget", {"path": "org/acme/user/carol"})
    assert titles(memory) == ["Common"]


def test_a_shared_document_shows_nobody_the_other_scopes(memory, two_users):
    alice, _ = two_users
    upload(memory, TEXT, scopes=[["org/acme/user/alice"]], filename="a.md")
    document = upload(memory, TEXT, scopes=[["org/acme/user/bob"]], filename="a.md")["id"]
    said = [
        alice.get(f"/documents/{document}"),
        alice.refused("PUT", f"/documents/{document}"),
        alice.query("merger"),
        json.loads(send(alice, TEXT, filename="a.md").body),
    ]
    assert "bob" not in json.dumps(said)


def test_an_error_of_processing_speaks_of_its_own_document_only(two_users):
    alice, bob = two_users
    upload(alice, TEXT)
    broken = json.loads(send(bob, b"%PDF-1.4 nonsense", filename="x.pdf").body)["id"]
    error = finished(bob, broken, status="failed")["error"]
    assert "damaged" in error
    assert "/" not in error
    assert "merger" not in error.lower()


def test_contexts_share_nothing(make_memory, tmp_path):
    path = tmp_path / "memory.db"
    for memory in make_memory(path, context="default"):
        document = upload(memory, TEXT, filename="a.md")
    for other in make_memory(path, context="other"):
        path = f"/api/v1/other/documents/{document['id']}"
        answer = other.engine.handle(Request("GET", path))
        assert answer.status == 404
