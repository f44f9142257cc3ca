"""Who calls, and what they may do: principals, grants, keys, delegation."""
