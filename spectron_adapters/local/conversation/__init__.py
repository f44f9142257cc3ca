"""Sessions and turns: transcripts, and how turns enter the search."""
