"""Finding rows by words: analysis of text, the index, reading it under a filter, ranking.

`retrieval` is the door for the rest of the engine. Imports nothing of it.
"""
