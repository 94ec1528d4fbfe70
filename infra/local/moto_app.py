"""The WSGI application of the moto process: moto itself, our private operations, and what is closed."""

from __future__ import annotations

import hmac
import json
import posixpath
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from infra.local.moto_ops import OperationFailed

KEY_HEADER = "x-services-ai-key"
"""Carries one of the two secrets that the engine and the moto process share: nobody else may use moto's port."""

PRIVATE_PREFIX = "/_services_ai/"
Operation = Callable[[dict[str, Any]], Any]


class MotoApp:
    """What the moto process serves.

    Args:
        moto: moto's own WSGI application.
        front_key: What comes through the front carries it, and reaches moto only.
        private_key: What the engine itself asks carries it, and reaches the operations only.
        operations: By name; reached as `POST /_services_ai/<name>` with a JSON object.
    """

    def __init__(
        self,
        moto: Callable[..., Iterable[bytes]],
        front_key: str,
        private_key: str,
        operations: Mapping[str, Operation],
    ) -> None:
        self._moto = moto
        self._front_key = front_key.encode()
        self._private_key = private_key.encode()
        self._operations = operations

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answers one request."""
        key = environ.pop("HTTP_X_SERVICES_AI_KEY", "").encode("latin-1", "replace")
        path: str = environ["PATH_INFO"]
        if hmac.compare_digest(key, self._private_key) and path.startswith(PRIVATE_PREFIX):
            return self._private(path.removeprefix(PRIVATE_PREFIX), environ, start_response)
        if not hmac.compare_digest(key, self._front_key):
            return _json(
                start_response, "403 Forbidden", {"message": "this port belongs to the local cloud's engine"}
            )
        if _is_closed(path):
            return _json(start_response, "403 Forbidden", {"message": "this path is closed in the local cloud"})
        return self._moto(environ, start_response)

    def _private(self, name: str, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        operation = self._operations.get(name)
        if operation is None:
            return _json(start_response, "404 Not Found", {"message": f"no private operation {name!r}"})
        request = json.loads(environ["wsgi.input"].read() or b"{}")
        try:
            return _json(start_response, "200 OK", operation(request))
        except OperationFailed as error:
            return _json(start_response, f"{error.status} Refused", {"code": error.code, "message": str(error)})


def _is_closed(path: str) -> bool:
    """Whether a path is moto's own or ours, however it is written; what is no path is closed too."""
    if not path.startswith("/"):
        return True
    plain = posixpath.normpath(path.replace("\\", "/")).lstrip("/").lower()
    return plain.startswith(("moto-api", PRIVATE_PREFIX.strip("/")))


def _json(start_response: Callable[..., Any], status: str, value: Any) -> list[bytes]:
    body = json.dumps(value, separators=(",", ":")).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
