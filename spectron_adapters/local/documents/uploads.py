"""Taking documents in, reading them anew, and deleting them.

Bytes are checked and hashed before the transaction; processing happens afterwards in the
background. Imports `calls`, `forms`, `media_types`, `storage`, `sessions` and `models`.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from typing import Final

from spectron_adapters.local.bodies import (
    check_instant,
    check_labels,
    parse_selector,
    validate,
)
from spectron_adapters.local.calls import Answer, Call
from spectron_adapters.local.conversation.sessions import resolve_destination
from spectron_adapters.local.documents.erasing import erase, remaining_scopes
from spectron_adapters.local.documents.forms import UploadForm, read_form
from spectron_adapters.local.documents.media_types import check_ingestible, find_media_type
from spectron_adapters.local.documents.storage import (
    NewDocument,
    StoredDocument,
    describe_anew,
    document_id,
    find_document,
    find_same,
    insert_document,
    move_document,
    replace_bytes,
)
from spectron_adapters.local.instants import to_text
from spectron_adapters.local.problems import Problem, bad_request, forbidden
from spectron_adapters.local.work import Work
from spectron_adapters.models import UploadMetadata, UploadResponse
from spectron_adapters.scopes import ScopeSet

__all__ = ["delete_document", "reprocess", "upload"]

_TITLE_MAX: Final = 1_000
_SOURCE_MAX: Final = 4_000
_UNNAMED: Final = "upload"
_NEEDS_FORM: Final = (
    "a document is uploaded as multipart/form-data: a part 'file', and its description as JSON in "
    "a part 'metadata'"
)


def upload(call: Call) -> Answer:
    """Store a document and have it processed. Source: POST /documents."""
    form, metadata = _read(call)
    scopes = parse_selector(metadata.scopes, field="scopes")
    new = _checked(call, form, metadata)

    def step(work: Work) -> Answer:
        destination = resolve_destination(work, session_id=None, scopes=scopes).scopes
        return _stored(work, new, destination)

    answer = call.write(step)
    call.parts.documents.wake()
    return answer


def _stored(work: Work, new: NewDocument, destination: ScopeSet) -> Answer:
    for same in find_same(work, new.digest):
        if _joined(work, same, destination):
            return _accepted(same.key, same.status, same.content_hash, same.observed_at, known=True)
    key = insert_document(work, new, destination)
    return _accepted(key, "queued", new.content_hash, new.observed_at, known=False)


def _joined(work: Work, same: StoredDocument, destination: ScopeSet) -> bool:
    """Whether a document that the caller sees may stand for the upload.

    It may when it lies in all scopes wanted, or the caller may write to all of its own: else the
    caller would get a say in what belongs to others, or learn of them.
    """
    own = work.catalog.clauses(work.connection, same.scope_set_id)
    if not own:
        return False
    if set(destination.clauses) <= set(own):
        return True
    if work.caller.region("memory:write").outside(ScopeSet(own)):
        return False
    move_document(work, same, ScopeSet(own) | destination)
    return True


def _accepted(
    key: str, status: str, content_hash: str, observed_at: int | None, *, known: bool
) -> Answer:
    response = UploadResponse(
        id=document_id(key),
        status=status,
        content_hash=content_hash,
        deduplicated=known,
        observed_at=None if observed_at is None else to_text(observed_at),
    )
    return Answer.of(202, response)


# --- checking -----------------------------------------------------------------------------------


def _read(call: Call) -> tuple[UploadForm, UploadMetadata]:
    if not call.request.is_form:
        raise bad_request(_NEEDS_FORM)
    form = read_form(call.request.body, call.request.headers.get("content-type", ""))
    return form, validate(UploadMetadata, form.metadata)


def _checked(call: Call, form: UploadForm, metadata: UploadMetadata) -> NewDocument:
    content = form.file.content
    limit = call.settings.upload_limit
    if len(content) > limit:
        raise Problem(
            413,
            "payload-too-large",
            f"the file has {len(content)} bytes; at most {limit} can be uploaded. Split it",
        )
    if not content:
        raise bad_request("the part 'file' is empty")
    for field, text in (("title", metadata.title), ("filename", metadata.filename)):
        if text is not None and not text.strip():
            raise bad_request(f"{field} is blank; leave it out")
    filename = metadata.filename or form.file.filename or _UNNAMED
    media_type = find_media_type(metadata.mime_type, form.file.content_type, filename)
    check_ingestible(media_type)
    digest = hashlib.sha256(content)
    return NewDocument(
        title=_limited(metadata.title or filename, "title", _TITLE_MAX),
        source=_limited(metadata.source or "", "source", _SOURCE_MAX),
        filename=_limited(filename, "filename", _TITLE_MAX),
        mime_type=media_type.name,
        content_type=media_type.full,
        content_hash=_shown_hash(content, digest.hexdigest()),
        digest=digest.digest(),
        content=content,
        labels=check_labels(metadata.labels),
        observed_at=check_instant(metadata.observed_at, "observedAt"),
    )


def _limited(text: str, field: str, limit: int) -> str:
    if len(text) > limit:
        raise bad_request(f"{field} is longer than {limit} characters")
    return text.replace("\0", "")


def _shown_hash(content: memoryview, sha256: str) -> str:
    if importlib.util.find_spec("blake3") is None:
        return f"sha256:{sha256}"
    return f"blake3:{importlib.import_module('blake3').blake3(content).hexdigest()}"


# --- reading anew, deleting ---------------------------------------------------------------------


def reprocess(call: Call) -> Answer:
    """Read a document anew, from its bytes or from others. Source: PUT /documents/{id}."""
    new, metadata = None, UploadMetadata()
    if call.request.is_form:
        form, metadata = _read(call)
        if metadata.scopes is not None:
            raise bad_request("scopes cannot be changed by reprocessing; leave them out")
        new = _checked(call, form, metadata)
    elif any(name in call.payload for name in ("scopes", "scope")):
        raise bad_request("scopes cannot be changed by reprocessing; leave them out")

    def step(work: Work) -> Answer:
        document = find_document(work, call.parameters["id"])
        clauses = work.catalog.clauses(work.connection, document.scope_set_id)
        if work.caller.required_region("memory:write").outside(ScopeSet(clauses)):
            raise forbidden("the document lies outside the region of memory:write; ask for a grant")
        replace_bytes(work, document, new)
        if new is not None:
            describe_anew(
                work,
                document,
                title=None if metadata.title is None else new.title,
                source=None if metadata.source is None else new.source,
                labels=None if metadata.labels is None else new.labels,
                observed_at=new.observed_at,
            )
        content_hash = document.content_hash if new is None else new.content_hash
        return _accepted(document.key, "queued", content_hash, document.observed_at, known=False)

    answer = call.write(step)
    call.parts.documents.wake()
    return answer


def delete_document(call: Call) -> Answer:
    """Erase a document from the file. Source: DELETE /documents/{id}.

    Of a document that others share, the caller's clauses are removed, and the others keep it.
    """

    def step(work: Work) -> Answer:
        document = find_document(work, call.parameters["id"])
        if not work.removable().allows(document.scope_set_id):
            raise forbidden("the document lies outside the region of memory:forget")
        remaining = remaining_scopes(work, document)
        if remaining is None:
            call.parts.read_traces.store(work.connection)
            erase(work, [document.id])
            call.parts.database.mark_erasure(work.connection)
        else:
            move_document(work, document, remaining)
        return Answer(204, None)

    answer = call.write(step)
    call.parts.database.erase_removed()
    return answer
