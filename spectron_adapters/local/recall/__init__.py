"""Answering questions: the legs of recall, hits, and context as one block."""
