"""Twelve ways to break the breaker, the recorder or the alerts, and the test that notices each."""
