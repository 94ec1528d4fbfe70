"""What crosses process borders: envelope, result, failure, outcome, error codes, limits.

Standard library only. Every piece has `to_json`-able plain dicts at its edge, so that a reader in another
language needs this folder and nothing else.
"""
