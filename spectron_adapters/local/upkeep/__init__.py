"""What keeps a memory in order: ageing, expiry, checks."""
