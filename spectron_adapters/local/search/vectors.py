"""Embeddings of rows: their table. Imports nothing."""

from __future__ import annotations

__all__ = ["VECTOR_SCHEMA"]

VECTOR_SCHEMA = """
"""
