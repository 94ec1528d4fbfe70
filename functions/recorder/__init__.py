"""The recorder function."""
