"""What tells an operator that the dispatcher starts and has what it needs, without calling any plugin."""

from __future__ import annotations

from typing import Any

REQUEST = {"v": 1, "check": True}
ANSWER: dict[str, Any] = {"v": 1, "results": []}
