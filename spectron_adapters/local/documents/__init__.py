"""Documents: from bytes to passages, keywords and links."""
