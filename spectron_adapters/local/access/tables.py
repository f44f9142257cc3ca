"""Tables of access control and of the registry of contexts. Imports nothing.

A key's secret is kept only as the result of a memory-hard function. Keys
made here carry their id and have a salt of their own; opaque keys, which an operator chose, carry
no id to look up, so they share the database's salt and are found by the result itself.
"""

from __future__ import annotations

__all__ = ["ACCESS_SCHEMA"]

ACCESS_SCHEMA = """
CREATE TABLE context_counter (
  id    INTEGER PRIMARY KEY CHECK (id = 1),
  last  INTEGER NOT NULL
);
CREATE TABLE context_setting (
  context_id           INTEGER PRIMARY KEY REFERENCES context,
  namespace            TEXT NOT NULL,
  database_name        TEXT NOT NULL,
  description          TEXT,
  config               TEXT NOT NULL,
  providers            TEXT NOT NULL,
  enforcement_blocked  INTEGER NOT NULL,
  UNIQUE (namespace, database_name)
);
CREATE TABLE principal_identity (
  context_id    INTEGER NOT NULL REFERENCES context,
  external_id   TEXT NOT NULL,
  principal_id  INTEGER NOT NULL REFERENCES principal,
  PRIMARY KEY (context_id, external_id)
) WITHOUT ROWID;
CREATE INDEX principal_identity_principal ON principal_identity (principal_id);
CREATE TABLE grant_version (
  context_id    INTEGER NOT NULL REFERENCES context,
  principal_id  INTEGER NOT NULL REFERENCES principal,
  since         INTEGER NOT NULL,
  grants        TEXT NOT NULL,
  PRIMARY KEY (principal_id, since)
) WITHOUT ROWID;
CREATE TABLE api_key (
  id            INTEGER PRIMARY KEY,
  key_id        TEXT NOT NULL UNIQUE,
  opaque        INTEGER NOT NULL,
  context_id    INTEGER NOT NULL REFERENCES context,
  principal_id  INTEGER NOT NULL REFERENCES principal,
  name          TEXT NOT NULL,
  origin        TEXT NOT NULL,
  kind          TEXT,
  grants        TEXT,
  floor         TEXT,
  strict        INTEGER NOT NULL,
  salt          BLOB NOT NULL,
  digest        BLOB NOT NULL,
  created_at    INTEGER NOT NULL,
  last_used_at  INTEGER,
  valid_until   INTEGER,
  UNIQUE (context_id, name)
);
CREATE INDEX api_key_principal ON api_key (principal_id);
CREATE INDEX api_key_digest ON api_key (digest);
CREATE TABLE opaque_key_salt (
  id    INTEGER PRIMARY KEY CHECK (id = 1),
  salt  BLOB NOT NULL
);
INSERT INTO opaque_key_salt (id, salt) VALUES (1, randomblob(16));
INSERT OR IGNORE INTO context_setting
  SELECT id, 'local', name, NULL, '{}', '[]', 0 FROM context;
INSERT OR IGNORE INTO principal (context_id, name, display_name, kind, grants, created_at)
  SELECT context.id, column1, column2, 'service', (
    SELECT json_group_object(value, json('["/*"]')) FROM json_each('["memory:read",
      "memory:write","memory:forget","scope:read","scope:create","scope:delete","grant:manage"]')
  ), context.created_at
  FROM context, (VALUES ('admin', 'Administrator'), ('system', 'System'));
INSERT INTO grant_version (context_id, principal_id, since, grants)
  SELECT context_id, id, created_at, grants FROM principal;
"""
