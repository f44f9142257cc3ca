"""Uploading documents in tests: forms written by hand, and waiting by asking for the status."""

from __future__ import annotations

import io
import json
import time
from typing import Any

from spectron_adapters.local.exchange import Response
from tests.unit.conftest import Memory

BOUNDARY = "b0undary"
FORM = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def part(name: str, content: bytes | str, *, filename: str | None = None, kind: str = "") -> bytes:
    """One part of a form."""
    content = content.encode() if isinstance(content, str) else content
    named = "" if filename is None else f'; filename="{filename}"'
    typed = f"Content-Type: {kind}\r\n" if kind else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n{typed}\r\n'
    return head.encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def send(
    memory: Memory,
    content: bytes | str,
    *,
    filename: str = "notes.txt",
    kind: str = "",
    method: str = "POST",
    path: str = "/documents",
    **metadata: object,
) -> Response:
    """Upload as a client does."""
    parts = [part("metadata", json.dumps(metadata), kind="application/json")] if metadata else []
    parts.append(part("file", content, filename=filename, kind=kind))
    return memory.ask(method, path, headers=FORM, raw=form(*parts))


def upload(memory: Memory, content: bytes | str, **options: Any) -> Any:
    """Upload and wait until the document is ready."""
    response = send(memory, content, **options)
    assert response.status == 202, response.body
    accepted = json.loads(response.body)
    finished(memory, accepted["id"])
    return accepted


def finished(memory: Memory, document: str, *, status: str | None = "ready") -> Any:
    """The document once it is finished, as its public status says."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        shown = memory.get(f"/documents/{document}")
        if shown["status"] in ("ready", "failed"):
            assert status in (None, shown["status"]), shown
            return shown
        time.sleep(0.01)
    raise AssertionError(f"still {shown['status']}")


def found(memory: Memory, query: str, **fields: object) -> list[str]:
    """Titles of the documents that answer, in order."""
    results = memory.post("/documents/query", {"query": query, **fields})["results"]
    return [hit["document"]["title"] for hit in results]


# --- files ---------------------------------------------------------------------------------------


def make_pdf(*pages: str) -> bytes:
    """A PDF with one line of text on each page."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode())
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for number, text in enumerate(pages):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents {5 + 2 * number} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        stream = f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode()
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return body + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF"
        % (len(objects) + 1, table, len(objects) + 1, len(body))
    )


def make_docx(*blocks: tuple[str, Any]) -> bytes:
    """A DOCX of paragraphs by style, and tables as rows of two cells."""
    import docx

    document = docx.Document()
    for style, text in blocks:
        if style == "table":
            table = document.add_table(rows=0, cols=2)
            for row in text:
                cells = table.add_row().cells
                cells[0].text, cells[1].text = row
        else:
            document.add_paragraph(text, style=style)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()
