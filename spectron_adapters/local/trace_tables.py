"""What traces, lifecycle and checks add to the tables. Imports nothing."""

from __future__ import annotations

__all__ = ["TRACE_SCHEMA"]

TRACE_SCHEMA = """
"""
