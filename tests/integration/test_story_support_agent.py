"""A support agent that serves many customers under one policy.

The policy is a document that the shop uploads; what customers say is experience. A claim never
edits the policy, however sure it sounds: both are kept, side by side, and the disagreement is
noted. And what one customer says, no other one ever reads.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from spectron_adapters import Spectron, SpectronNotFoundError, SpectronScopeError
from tests.integration.stories import PLACES, Place, somebody, triple

POLICY = b"""# Returns

Goods may be returned within 30 days. The return window is 30 days from delivery.

# Shipping

Parcels to islands take five days.
"""
SHOP, ALICE, BOB = "org/shop", "org/shop/customer/alice", "org/shop/customer/bob"


class Desk(NamedTuple):
    """Who is at the support desk."""

    shop: Spectron
    alice: Spectron
    bob: Spectron


@pytest.fixture(params=PLACES)
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """The shop has published its policy, and two customers write in."""
    with Place(request.param, tmp_path / "desk.db").memory() as shop:
        uploaded = shop.documents.upload(
            POLICY, filename="returns.md", title="Returns policy", scopes=SHOP
        )
        until = time.monotonic() + 20
        while (status := shop.documents.get(uploaded.id).status) not in ("ready", "failed"):
            assert time.monotonic() < until, status
            time.sleep(0.02)
        assert status == "ready"
        shop.remember(
            infer="triples",
            triples=[triple("policy", "Returns", "window", "30 days")],
            scopes=SHOP,
        )
        customers = [
            somebody(shop, path, f"{path}/*").scoped(scopes=path, session_id=path)
            for path in (ALICE, BOB)
        ]
        for customer, path in zip(customers, (ALICE, BOB), strict=True):
            for principal in shop.principals.list():
                if principal.display_name == path:
                    shop.principals.grant(principal.id, SHOP, ["memory:read"])
            assert customer.whoami().effective_grants["memory:write"] == [f"{path}/*"]
        yield Desk(shop, *customers)


def policy_read_by(reader: Spectron) -> list[str]:
    entity = reader.entities.get("policy", "Returns")
    return sorted(item.value for item in entity.attributes if item.key == "window")


def test_a_customers_claim_never_edits_the_policy(desk: Desk) -> None:
    """However often it is said, document and curated value stay as the shop wrote them."""
    for said in ("The return window is 90 days.", "Actually, the return window is 90 days now!"):
        desk.alice.remember(said)
    found = desk.bob.documents.query("How long is the return window?")
    assert found.results
    assert all("90" not in result.chunk["text"] for result in found.results)
    assert "30 days" in found.results[0].chunk["text"]
    assert policy_read_by(desk.bob) == ["30 days"]
    assert "30 days" in policy_read_by(desk.alice)
    with pytest.raises(SpectronScopeError):
        desk.alice.remember("The return window is 90 days.", scopes=SHOP)
    with pytest.raises(SpectronScopeError):
        desk.alice.documents.upload(b"The return window is 90 days.", filename="p.txt", scopes=SHOP)


def test_a_claim_within_the_shops_own_scope_lives_beside_the_curated_value(desk: Desk) -> None:
    """Experience does not outweigh what was curated: both live, and the doubt is noted."""
    curated = triple("person", "user", "lives_in", "Leeds")
    desk.shop.remember(infer="triples", triples=[curated], scopes=ALICE)
    told = desk.alice.remember("I live in York.")
    assert told.extraction is not None
    assert told.extraction.corrections == []
    assert [doubt["about"] for doubt in told.extraction.uncertainties] == ["user · lives_in"]
    home = desk.alice.entities.get("person", "user").attributes
    shown = {
        item.value: item.source["kind"] for item in home if item.key == "lives_in" and item.source
    }
    assert shown == {"Leeds": "upsert", "York": "turn"}
    assert any("lives_in" in unknown["about"] for unknown in desk.alice.state().unknowns)


def test_one_customer_never_sees_another(desk: Desk) -> None:
    """By no way of reading, not even by guessing ids."""
    secret = desk.alice.remember("My parcel number is 4711 and I live in Leeds.")
    desk.alice.documents.upload(b"Alice's receipt 4711", filename="receipt.txt")
    stranger = desk.bob
    for hit in stranger.recall("parcel number 4711 Leeds", k=50).hits:
        assert "4711" not in hit.text
        assert "Leeds" not in hit.text
    assert "4711" not in stranger.query_context("parcel number 4711").context
    assert stranger.forget("4711").deleted == 0
    assert ALICE not in [session.id for session in stranger.sessions.list().sessions]
    assert "4711" not in repr(stranger.state()) + repr(stranger.profile())
    assert "4711" not in repr(stranger.documents.list())
    for guess in (
        lambda: stranger.sessions.turns(ALICE),
        lambda: stranger.sessions.get(secret.session_id),
        lambda: stranger.entities.get("person", "user"),
        lambda: stranger.inspect("entity:location/leeds"),
    ):
        with pytest.raises(SpectronNotFoundError):
            guess()
    with pytest.raises(SpectronScopeError):
        stranger.remember("I was here.", session_id=ALICE)
    assert any("4711" in turn.content for turn in desk.alice.sessions.turns(ALICE).turns)


def test_everybody_reads_the_shops_policy(desk: Desk) -> None:
    """What belongs to the whole organisation reaches each customer, with a citation."""
    for customer in (desk.alice, desk.bob):
        hits = customer.recall("How long is the return window?").hits
        assert any("30 days" in hit.text for hit in hits)
        reply = customer.chat("How long is the return window?")
        assert any("30 days" in citation.snippet for citation in reply.citations)
