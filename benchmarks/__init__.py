"""Benchmarks: ./dev bench NAME."""
