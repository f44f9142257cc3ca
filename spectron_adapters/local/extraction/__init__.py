"""From what people say to statements about entities.

`statements` holds the types and the protocol that any extractor follows; the rest is the
deterministic one, `PlainStatements`. Imports nothing of the engine but `search.stemming`.
"""
