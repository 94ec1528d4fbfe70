"""Fakes and fixtures for authors, held to the same contract suites as the real things."""
