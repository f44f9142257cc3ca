"""The demonstration behind `spectronctl demo`: replay, restart, ask, isolate, read elsewhere."""
