"""Indexes that keep a write from reading the whole history of what it changes.

Imports nothing.
"""

from __future__ import annotations

__all__ = ["FACT_SCHEMA"]

FACT_SCHEMA = """
CREATE INDEX attribute_heads ON attribute (name_id, key, scope_set_id, known_from)
  WHERE superseded_by IS NULL;
CREATE INDEX attribute_ends ON attribute (name_id, key, scope_set_id, valid_until)
  WHERE superseded_by IS NOT NULL;
"""
