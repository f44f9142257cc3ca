"""Tables of answers that a language model gave. Imports nothing."""

from __future__ import annotations

__all__ = ["LANGUAGE_SCHEMA"]

LANGUAGE_SCHEMA = """
"""
