"""Tables of what a language model answered, and of what proves a fact. Imports nothing."""

from __future__ import annotations

__all__ = ["LANGUAGE_SCHEMA"]

LANGUAGE_SCHEMA = """
CREATE TABLE response_cache (
  id          INTEGER PRIMARY KEY,
  context_id  INTEGER NOT NULL REFERENCES context,
  view        BLOB NOT NULL,
  question    TEXT NOT NULL,
  embedder    TEXT,
  vector      TEXT,
  reply       TEXT NOT NULL,
  citations   TEXT NOT NULL,
  cited       TEXT NOT NULL,
  scopes      TEXT NOT NULL,
  region      TEXT NOT NULL,
  last_row    INTEGER NOT NULL,
  trace_key   TEXT NOT NULL,
  created_at  INTEGER NOT NULL
);
CREATE INDEX response_cache_view ON response_cache (context_id, view, created_at);
CREATE TABLE proof (
  scope_set_id  INTEGER NOT NULL REFERENCES scope_set,
  fact          BLOB NOT NULL,
  turn_id       INTEGER NOT NULL,
  turn_key      TEXT NOT NULL,
  PRIMARY KEY (scope_set_id, fact, turn_id)
) WITHOUT ROWID;
CREATE TABLE observation (
  attribute_id  INTEGER PRIMARY KEY,
  key_id        TEXT NOT NULL,
  proof_count   INTEGER NOT NULL
);
"""
"""`response_cache` holds words of replies for an hour, and is emptied by whatever erases.
`proof` says which turns state a fact, as a digest of entity, key and value; `observation` says how
many turns proved a consolidated attribute. Rows of both name the key beside the number of what
they point at, for SQLite gives the number of an erased row to the next one.
"""
