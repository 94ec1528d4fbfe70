"""Does not start."""

raise ZeroDivisionError("at import")
