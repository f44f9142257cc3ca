"""Documents: uploaded, read in the background, searched, replaced, deleted."""

from __future__ import annotations

import asyncio

from tests.congruence.faces import Visitor

GUIDE = b"""# Refunds

Refunds are paid within fourteen days. Refund requests need a receipt.

# Shipping

Shipping to Leeds takes two days. Express shipping takes one day.
"""
ADA = "org/acme/user/ada"


async def ready(visitor: Visitor, document_id: str) -> None:
    """Poll until a document is ready or failed; the polls stand in no transcript."""
    length = len(visitor.transcript)
    for _ in range(400):
        found = await visitor.ask("documents.get", document_id)
        if found.status in ("ready", "failed"):
            break
        await asyncio.sleep(0.01)
    del visitor.transcript[length:-1]


async def keeping_documents(visitor: Visitor) -> None:
    """Upload, poll, page, search; the same bytes again; new bytes; deletion."""
    made = await visitor.ask(
        "documents.upload",
        GUIDE,
        filename="guide.md",
        title="Guide",
        source="handbook",
        scopes=ADA,
        labels=["kind=policy"],
        observed_at="2025-06-01T00:00:00Z",
    )
    await ready(visitor, made.id)
    await visitor.ask("documents.upload", GUIDE, filename="guide.md", scopes="org/acme")
    await visitor.ask("documents.list", status="READY", mime_type="text/markdown", page_size=5)
    await visitor.ask("documents.chunks", made.id, page=0, page_size=1)
    await visitor.ask("documents.fetch_raw", made.id)
    await visitor.ask("documents.query", "How long does shipping to Leeds take?")
    await visitor.ask(
        "documents.query", "refund", mode="bm25", k=1, graph_edges=["section_match"], lens=ADA
    )
    await visitor.ask("recall", "refund receipt", labels=["kind=policy"])
    await visitor.ask("documents.keywords.list", sort="-document_count")
    await visitor.ask("documents.keywords.for_document", made.id)
    await visitor.ask("documents.keywords.search", "shipping")
    await visitor.ask("documents.keywords.get", "shipping")
    await visitor.ask("documents.recompute_links")
    await visitor.ask("inspect", f"document:{made.id.removeprefix('document:')}")
    await visitor.ask("documents.reprocess", made.id, file=b"Only text.", filename="new.txt")
    await ready(visitor, made.id)
    await visitor.ask("documents.delete", made.id)
    await visitor.ask("documents.get", made.id)
    await visitor.ask("recall", "shipping")


async def refusing_documents(visitor: Visitor) -> None:
    """What cannot be read, is too large or is no form at all."""
    await visitor.ask("documents.upload", b"\x00\x01", filename="a.bin", mime_type="x/unknown")
    await visitor.send("POST", "default/documents", files={"other": b"x"})
    await visitor.send("POST", "default/documents", json={"text": "no form"})
    boundary = {"content-type": "multipart/form-data; boundary=b"}
    await visitor.send("POST", "default/documents", content=b"--b\r\nbroken", headers=boundary)
    await visitor.ask("documents.upload", b"x" * (50 * 1024 * 1024 + 1), filename="large.txt")
    await visitor.ask("documents.get", "nothing")
    await visitor.ask("documents.query", "x", k=51)
    await visitor.send("POST", "default/documents/query", json={"query": "x", "graph_edges": ["?"]})


SCENARIOS = (keeping_documents, refusing_documents)
