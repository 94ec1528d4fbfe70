"""What a worker's AWS endpoint lets through whatever its role says: nothing that is moto's own."""

from __future__ import annotations

from urllib.parse import unquote

from services_ai_sdk.emulator.http import Forward, HttpRequest, HttpResponse, json_response


class NothingOfMotos:
    """Takes moto's own headers from a worker's request, and refuses moto's own paths."""

    async def __call__(self, request: HttpRequest, forward: Forward) -> HttpResponse:
        """Forwards or refuses."""
        if "moto-api" in unquote(request.target).lower():
            return json_response(403, b'{"message":"not for functions"}')
        request.headers = [
            (name, value)
            for name, value in request.headers
            # An underscore is a dash to whoever reads headers by WSGI's names.
            if not name.lower().replace(b"_", b"-").startswith(b"x-moto-")
        ]
        return await forward(request)
