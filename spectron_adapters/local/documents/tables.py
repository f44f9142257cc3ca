"""Tables of documents: what was uploaded, what was read from it, and what is still to be done.

Times are microseconds since 1970, UTC. Imports nothing.
"""

from __future__ import annotations

__all__ = ["DOCUMENT_SCHEMA"]

DOCUMENT_SCHEMA = """
CREATE TABLE document (
  id                       INTEGER PRIMARY KEY,
  key                      TEXT NOT NULL,
  context_id               INTEGER NOT NULL REFERENCES context,
  scope_set_id             INTEGER NOT NULL REFERENCES scope_set,
  title                    TEXT NOT NULL,
  source                   TEXT NOT NULL,
  filename                 TEXT NOT NULL,
  mime_type                TEXT NOT NULL,
  content_type             TEXT NOT NULL,
  content_hash             TEXT NOT NULL,
  digest                   BLOB NOT NULL,
  size_bytes               INTEGER NOT NULL,
  labels                   TEXT NOT NULL,
  principal                TEXT NOT NULL,
  status                   TEXT NOT NULL,
  error                    TEXT,
  version                  INTEGER NOT NULL,
  published_version        INTEGER,
  chunk_count              INTEGER,
  keyword_count            INTEGER,
  summary_terms            TEXT,
  observed_at              INTEGER,
  created_at               INTEGER NOT NULL,
  updated_at               INTEGER NOT NULL,
  processing_started_at    INTEGER,
  processing_completed_at  INTEGER
);
CREATE UNIQUE INDEX document_key ON document (context_id, key);
CREATE INDEX document_digest ON document (context_id, digest);
CREATE INDEX document_scope ON document (scope_set_id);
CREATE TABLE document_piece (
  document_id  INTEGER NOT NULL REFERENCES document,
  position     INTEGER NOT NULL,
  content      BLOB NOT NULL
);
CREATE UNIQUE INDEX document_piece_order ON document_piece (document_id, position);
CREATE TABLE document_chunk (
  id           INTEGER PRIMARY KEY,
  document_id  INTEGER NOT NULL REFERENCES document,
  version      INTEGER NOT NULL,
  position     INTEGER NOT NULL,
  char_start   INTEGER NOT NULL,
  char_end     INTEGER NOT NULL,
  section      TEXT,
  token_count  INTEGER NOT NULL,
  text         TEXT NOT NULL
);
CREATE UNIQUE INDEX document_chunk_order ON document_chunk (document_id, version, position);
CREATE TABLE document_section (
  id           INTEGER PRIMARY KEY,
  document_id  INTEGER NOT NULL REFERENCES document,
  version      INTEGER NOT NULL,
  position     INTEGER NOT NULL,
  heading      TEXT NOT NULL,
  level        INTEGER NOT NULL,
  char_start   INTEGER NOT NULL,
  char_end     INTEGER NOT NULL,
  first_chunk  INTEGER NOT NULL,
  text         TEXT NOT NULL
);
CREATE UNIQUE INDEX document_section_order ON document_section (document_id, version, position);
CREATE TABLE document_keyword (
  document_id  INTEGER NOT NULL REFERENCES document,
  normalised   TEXT NOT NULL,
  text         TEXT NOT NULL,
  score        REAL NOT NULL,
  model        TEXT,
  vector       BLOB,
  PRIMARY KEY (document_id, normalised)
) WITHOUT ROWID;
CREATE INDEX document_keyword_text ON document_keyword (normalised);
CREATE TABLE document_fact (
  document_id  INTEGER NOT NULL REFERENCES document,
  kind         TEXT NOT NULL,
  fact_id      INTEGER NOT NULL,
  key_id       TEXT NOT NULL,
  PRIMARY KEY (document_id, kind, fact_id)
) WITHOUT ROWID;
CREATE TABLE document_job (
  document_id  INTEGER PRIMARY KEY REFERENCES document,
  attempts     INTEGER NOT NULL,
  worker       TEXT,
  process      TEXT,
  lease_until  REAL
);
"""
"""`published_version` is the version whose passages may be shown; a job is there as long as the
document is unfinished, with the worker that holds it and, by the machine's clock, until when."""
