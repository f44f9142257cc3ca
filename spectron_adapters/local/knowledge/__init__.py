"""Facts and the graph that they make: remembering, reconciling, reading, history."""
