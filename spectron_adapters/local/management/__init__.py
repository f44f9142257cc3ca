"""The management plane: contexts, their configuration, and what operators do to them."""
