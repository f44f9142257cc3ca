"""Tables of access control. Imports nothing."""

from __future__ import annotations

__all__ = ["ACCESS_SCHEMA"]

ACCESS_SCHEMA = """
"""
