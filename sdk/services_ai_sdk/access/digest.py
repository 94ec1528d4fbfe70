"""Digests of what an admin granted: a role is named by one, so it never changes under a living function."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_digest(*documents: Any) -> str:
    """SHA-256 (hex) of the documents as canonical JSON: the same content, the same digest."""
    text = json.dumps(documents, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
