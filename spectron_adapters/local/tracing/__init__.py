"""Traces of reads, writes and replies: written, read, counted."""
