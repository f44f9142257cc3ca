"""What a language model does for the engine, and what the engine does without one."""
