"""Tables of documents. Imports nothing."""

from __future__ import annotations

__all__ = ["DOCUMENT_SCHEMA"]

DOCUMENT_SCHEMA = """
"""
