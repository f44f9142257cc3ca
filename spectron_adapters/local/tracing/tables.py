"""What traces, lifecycle and checks add to the tables. Imports nothing."""

from __future__ import annotations

__all__ = ["TRACE_SCHEMA"]

TRACE_SCHEMA = """
ALTER TABLE trace ADD COLUMN region TEXT;
ALTER TABLE trace ADD COLUMN parent TEXT;
ALTER TABLE trace ADD COLUMN model TEXT;
ALTER TABLE trace ADD COLUMN cost REAL NOT NULL DEFAULT 0;
ALTER TABLE trace ADD COLUMN cached INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trace ADD COLUMN reused_from TEXT;
ALTER TABLE trace ADD COLUMN number INTEGER;
CREATE INDEX trace_recent ON trace (context_id, id);
CREATE INDEX trace_region ON trace (context_id, region, lens);
CREATE INDEX trace_maker ON trace (context_id, principal, target, region, number);
CREATE INDEX trace_parent ON trace (context_id, parent) WHERE parent IS NOT NULL;
CREATE INDEX attribute_source ON attribute (system_from, scope_set_id, source_kind);
CREATE TABLE lifecycle_run (
  context_id    INTEGER NOT NULL REFERENCES context,
  scope_set_id  INTEGER NOT NULL REFERENCES scope_set,
  decayed_at    INTEGER NOT NULL,
  PRIMARY KEY (context_id, scope_set_id)
) WITHOUT ROWID;
"""
"""`region` says what a trace touched, as a JSON list of grant patterns: what a reader could see, or
where a writer wrote. It decides who may read the trace; NULL is readable by those who see all.
`parent` is the key of the response trace that a retrieval served; `number` counts the traces of one
principal, target and region; `lifecycle_run` holds when the
rows of a scope set were last decayed.
"""
