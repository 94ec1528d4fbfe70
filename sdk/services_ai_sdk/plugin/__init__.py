"""What plugin code sees, and what runs it in Lambda. Standard library, `wire` and `hooks` only."""
