"""Measurements of the library, always as ratios against a named peer in the same run."""
