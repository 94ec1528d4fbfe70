"""One use case a file; everything outside comes through ports."""
