"""The database's tables, as numbered migrations that only go forward.

A file carries its version in `user_version` and the library's mark in `application_id`. Times
are microseconds since 1970, UTC. Imports each part's own tables.
"""

from __future__ import annotations

import sqlite3

from spectron_adapters.local.access.tables import ACCESS_SCHEMA
from spectron_adapters.local.documents.tables import DOCUMENT_SCHEMA
from spectron_adapters.local.idempotency import ANSWER_SCHEMA
from spectron_adapters.local.knowledge.tables import FACT_SCHEMA
from spectron_adapters.local.language.tables import LANGUAGE_SCHEMA
from spectron_adapters.local.search.duplicates import DUPLICATE_SCHEMA
from spectron_adapters.local.search.retrieval import SEARCH_SCHEMA
from spectron_adapters.local.search.vectors import VECTOR_SCHEMA
from spectron_adapters.local.tracing.tables import TRACE_SCHEMA

__all__ = ["APPLICATION_ID", "LATEST", "migrate"]

APPLICATION_ID = 0x53504354
"""`SPCT`, at byte 68 of every database file of this library."""

_FOUNDATION = """
CREATE TABLE context (
  id          INTEGER PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE,
  created_at  INTEGER NOT NULL
);
CREATE TABLE principal (
  id            INTEGER PRIMARY KEY,
  context_id    INTEGER NOT NULL REFERENCES context,
  name          TEXT NOT NULL,
  display_name  TEXT NOT NULL,
  kind          TEXT NOT NULL,
  grants        TEXT NOT NULL,
  created_at    INTEGER NOT NULL,
  UNIQUE (context_id, name)
);
CREATE TABLE scope_node (
  context_id     INTEGER NOT NULL REFERENCES context,
  path           TEXT NOT NULL,
  display_name   TEXT,
  description    TEXT,
  created_at     INTEGER NOT NULL,
  tombstoned_at  INTEGER,
  PRIMARY KEY (context_id, path)
) WITHOUT ROWID;
CREATE TABLE scope_set (
  id          INTEGER PRIMARY KEY,
  context_id  INTEGER NOT NULL REFERENCES context,
  canonical   TEXT NOT NULL,
  UNIQUE (context_id, canonical)
);
CREATE INDEX scope_set_context ON scope_set (context_id);
CREATE TABLE scope_set_path (
  context_id    INTEGER NOT NULL,
  path          TEXT NOT NULL,
  scope_set_id  INTEGER NOT NULL REFERENCES scope_set,
  PRIMARY KEY (context_id, path, scope_set_id)
) WITHOUT ROWID;
CREATE TABLE session (
  id            INTEGER PRIMARY KEY,
  context_id    INTEGER NOT NULL REFERENCES context,
  name          TEXT NOT NULL,
  scope_set_id  INTEGER NOT NULL REFERENCES scope_set,
  created_at    INTEGER NOT NULL,
  metadata      TEXT,
  last_seq      INTEGER NOT NULL DEFAULT 0,
  hidden_turns  INTEGER NOT NULL DEFAULT 0,
  deleted_at    INTEGER
);
CREATE UNIQUE INDEX session_live ON session (context_id, name) WHERE deleted_at IS NULL;
CREATE TABLE turn (
  id            INTEGER PRIMARY KEY,
  key           TEXT NOT NULL,
  context_id    INTEGER NOT NULL REFERENCES context,
  session_id    INTEGER NOT NULL REFERENCES session,
  seq           INTEGER,
  scope_set_id  INTEGER NOT NULL REFERENCES scope_set,
  role          TEXT NOT NULL,
  content       TEXT NOT NULL,
  known_at      INTEGER NOT NULL,
  hidden_at     INTEGER
);
CREATE UNIQUE INDEX turn_order ON turn (session_id, seq);
CREATE TABLE entity_name (
  id          INTEGER PRIMARY KEY,
  context_id  INTEGER NOT NULL REFERENCES context,
  type        TEXT NOT NULL,
  name        TEXT NOT NULL,
  UNIQUE (context_id, type, name)
);
CREATE INDEX entity_name_name ON entity_name (context_id, name);
CREATE TABLE entity (
  id            INTEGER PRIMARY KEY,
  context_id    INTEGER NOT NULL REFERENCES context,
  name_id       INTEGER NOT NULL REFERENCES entity_name,
  scope_set_id  INTEGER NOT NULL REFERENCES scope_set,
  display_name  TEXT NOT NULL,
  category      TEXT NOT NULL,
  known_from    INTEGER NOT NULL,
  known_until   INTEGER,
  valid_from    INTEGER NOT NULL,
  valid_until   INTEGER,
  system_from   INTEGER NOT NULL,
  system_until  INTEGER,
  updated_at    INTEGER NOT NULL
);
CREATE UNIQUE INDEX entity_live ON entity (name_id, scope_set_id) WHERE known_until IS NULL;
CREATE INDEX entity_versions ON entity (name_id, scope_set_id);
CREATE TABLE attribute (
  id             INTEGER PRIMARY KEY,
  key_id         TEXT NOT NULL,
  context_id     INTEGER NOT NULL REFERENCES context,
  name_id        INTEGER NOT NULL REFERENCES entity_name,
  scope_set_id   INTEGER NOT NULL REFERENCES scope_set,
  key            TEXT NOT NULL,
  value          TEXT NOT NULL,
  category       TEXT NOT NULL,
  confidence     REAL NOT NULL,
  source_kind    TEXT NOT NULL,
  turn_id        INTEGER REFERENCES turn,
  principal      TEXT NOT NULL,
  known_from     INTEGER NOT NULL,
  known_until    INTEGER,
  valid_from     INTEGER NOT NULL,
  valid_until    INTEGER,
  system_from    INTEGER NOT NULL,
  system_until   INTEGER,
  supersedes     INTEGER REFERENCES attribute,
  superseded_by  INTEGER REFERENCES attribute
);
CREATE INDEX attribute_chain ON attribute (name_id, key, scope_set_id, known_from);
CREATE INDEX attribute_turn ON attribute (turn_id) WHERE turn_id IS NOT NULL;
CREATE INDEX attribute_recent ON attribute (scope_set_id, id);
CREATE INDEX attribute_supersedes ON attribute (supersedes) WHERE supersedes IS NOT NULL;
CREATE INDEX attribute_superseded ON attribute (superseded_by) WHERE superseded_by IS NOT NULL;
CREATE TABLE relation (
  id            INTEGER PRIMARY KEY,
  key_id        TEXT NOT NULL,
  context_id    INTEGER NOT NULL REFERENCES context,
  subject_id    INTEGER NOT NULL REFERENCES entity_name,
  label         TEXT NOT NULL,
  object_id     INTEGER NOT NULL REFERENCES entity_name,
  scope_set_id  INTEGER NOT NULL REFERENCES scope_set,
  category      TEXT NOT NULL,
  confidence    REAL NOT NULL,
  source_kind   TEXT NOT NULL,
  turn_id       INTEGER REFERENCES turn,
  principal     TEXT NOT NULL,
  known_from    INTEGER NOT NULL,
  known_until   INTEGER,
  valid_from    INTEGER NOT NULL,
  valid_until   INTEGER,
  system_from   INTEGER NOT NULL,
  system_until  INTEGER
);
CREATE INDEX relation_subject ON relation (subject_id, label, object_id, scope_set_id);
CREATE INDEX relation_object ON relation (object_id);
CREATE INDEX relation_recent ON relation (scope_set_id, id);
CREATE INDEX relation_turn ON relation (turn_id) WHERE turn_id IS NOT NULL;
CREATE TABLE instruction (
  id            INTEGER PRIMARY KEY,
  key_id        TEXT NOT NULL,
  context_id    INTEGER NOT NULL REFERENCES context,
  scope_set_id  INTEGER NOT NULL REFERENCES scope_set,
  label         TEXT NOT NULL,
  description   TEXT NOT NULL,
  turn_id       INTEGER REFERENCES turn,
  known_from    INTEGER NOT NULL,
  known_until   INTEGER,
  system_from   INTEGER NOT NULL
);
CREATE INDEX instruction_scope ON instruction (scope_set_id, label);
CREATE INDEX instruction_turn ON instruction (turn_id) WHERE turn_id IS NOT NULL;
CREATE TABLE uncertainty (
  id            INTEGER PRIMARY KEY,
  context_id    INTEGER NOT NULL REFERENCES context,
  scope_set_id  INTEGER NOT NULL REFERENCES scope_set,
  name_id       INTEGER REFERENCES entity_name,
  about         TEXT NOT NULL,
  reason        TEXT NOT NULL,
  turn_id       INTEGER REFERENCES turn,
  known_from    INTEGER NOT NULL,
  resolved_at   INTEGER,
  system_from   INTEGER NOT NULL
);
CREATE INDEX uncertainty_scope ON uncertainty (scope_set_id);
CREATE INDEX uncertainty_turn ON uncertainty (turn_id) WHERE turn_id IS NOT NULL;
CREATE TABLE trace (
  id            INTEGER PRIMARY KEY,
  key           TEXT NOT NULL,
  context_id    INTEGER NOT NULL REFERENCES context,
  kind          TEXT NOT NULL,
  principal     TEXT NOT NULL,
  target        TEXT,
  lens          TEXT,
  query         TEXT NOT NULL,
  tier          TEXT NOT NULL,
  reason        TEXT NOT NULL,
  latency_ms    INTEGER NOT NULL,
  rows_touched  INTEGER NOT NULL,
  details       TEXT NOT NULL,
  created_at    INTEGER NOT NULL
);
CREATE INDEX trace_key ON trace (context_id, key);
CREATE TABLE idempotency (
  context_id  INTEGER NOT NULL REFERENCES context,
  caller      TEXT NOT NULL,
  key         BLOB NOT NULL,
  request     BLOB NOT NULL,
  status      INTEGER NOT NULL,
  body        TEXT NOT NULL,
  extraction  TEXT,
  headers     TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (context_id, caller, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_age ON idempotency (created_at);
CREATE TABLE pending_erasure (
  id  INTEGER PRIMARY KEY CHECK (id = 1)
);
"""

_MIGRATIONS: tuple[str, ...] = (
    _FOUNDATION + SEARCH_SCHEMA,
    ACCESS_SCHEMA
    + DOCUMENT_SCHEMA
    + DUPLICATE_SCHEMA
    + VECTOR_SCHEMA
    + LANGUAGE_SCHEMA
    + TRACE_SCHEMA
    + ANSWER_SCHEMA
    + FACT_SCHEMA,
)

LATEST = len(_MIGRATIONS)
"""Version of the schema that this library writes."""


def migrate(connection: sqlite3.Connection, *, version: int) -> None:
    """Bring a database from a version to the latest, inside the caller's transaction.

    Args:
        connection: In a write transaction.
        version: What `user_version` says now.
    """
    for script in _MIGRATIONS[version:]:
        for statement in script.split(";"):
            if statement.strip():
                connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {LATEST}")
