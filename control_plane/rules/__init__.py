"""State, breaker, outcome classes, grouping: pure functions."""
