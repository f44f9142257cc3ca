"""Forgetting in all its degrees: what is meant, ended, erased, and what repeats it."""
