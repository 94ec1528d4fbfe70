"""Secret settings inside a plugin: read from Secrets Manager with the function's own role, when they are used.

Standard library only, and imported only where a call names a secret: `http.client` alone costs a cold start 15 ms.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from services_ai_sdk.plugin.payload import Payload

KEPT_S = 30.0
"""How long a value is used before it is read again: a secret that was changed is in use after that."""
_TIMEOUT_S = 3.0
_ANSWER_MAX_BYTES = 1_000_000
_TARGET = "secretsmanager.GetSecretValue"


class SecretSettingError(RuntimeError):
    """A secret setting cannot be read."""


class SecretReader:
    """Reads secrets and keeps them for a short time.

    Args:
        environment: The process's own: credentials, region, and locally the endpoint.
        clock: Seconds, of any start.
        found: Told each value, so that it is taken out of failures.
        now: For signatures.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        clock: Callable[[], float],
        found: Callable[[str], None],
        now: Callable[[], time.struct_time] = time.gmtime,
    ) -> None:
        self._environment = environment
        self._clock = clock
        self._found = found
        self._now = now
        self._kept: dict[str, tuple[float, str]] = {}

    def read(self, name: str) -> str:
        """The value of one secret.

        Raises:
            SecretSettingError: AWS refused or did not answer.
        """
        kept = self._kept.get(name)
        if kept is not None and self._clock() < kept[0]:
            return kept[1]
        try:
            value = self._ask(name)
        except (OSError, http.client.HTTPException) as error:
            # Its last value is better than none while AWS cannot be reached.
            if kept is not None:
                return kept[1]
            raise SecretSettingError(f"{name} cannot be read: {type(error).__name__}: {error}") from None
        self._found(value)
        self._kept[name] = (self._clock() + KEPT_S, value)
        return value

    def _ask(self, name: str) -> str:
        region = self._environment.get("AWS_REGION", "")
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        endpoint = self._environment.get("AWS_ENDPOINT_URL") or f"https://secretsmanager.{region}.{suffix}"
        place = urlsplit(endpoint)
        kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
        connection = kind(place.hostname or "", place.port, timeout=_TIMEOUT_S)
        body = json.dumps({"SecretId": name})
        try:
            connection.request("POST", "/", body, self._signed(place.netloc, region, body))
            answer = connection.getresponse()
            text = answer.read(_ANSWER_MAX_BYTES)
        finally:
            connection.close()
        try:
            found = json.loads(text)
            if answer.status == 200:
                return str(found["SecretString"])
            why = (
                f"{str(found.get('__type', '')).rpartition('#')[2]}: {found.get('message', found.get('Message'))}"
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            why = f"an answer of status {answer.status} without a SecretString"
        raise SecretSettingError(f"{name} cannot be read: {why}")

    def _signed(self, host: str, region: str, body: str) -> dict[str, str]:
        """Signature version 4 (IAM User Guide, "Create a signed AWS API request")."""
        environment = self._environment
        at = time.strftime("%Y%m%dT%H%M%SZ", self._now())
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "host": host,
            "x-amz-date": at,
            "x-amz-security-token": environment.get("AWS_SESSION_TOKEN", ""),
            "x-amz-target": _TARGET,
        }
        if not headers["x-amz-security-token"]:
            del headers["x-amz-security-token"]
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body.encode()).hexdigest()}"
        scope = f"{at[:8]}/{region}/secretsmanager/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = f"AWS4{environment.get('AWS_SECRET_ACCESS_KEY', '')}".encode()
        for part in (*scope.split("/"), text):
            key = hmac.digest(key, part.encode(), "sha256")
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={environment.get('AWS_ACCESS_KEY_ID', '')}/{scope}, "
            f"SignedHeaders={names}, Signature={key.hex()}"
        )
        return headers


class SettingsWithSecrets(Payload):
    """Settings of which some are read when they are asked for; printing or copying them shows no secret.

    Args:
        plain: Those that are not secret.
        names: Of secret ones: where each is kept.
        read: Reads one.
    """

    __slots__ = ("_names", "_read")

    def __init__(self, plain: Mapping[str, Any], names: Mapping[str, str], read: Callable[[str], str]) -> None:
        super().__init__(plain)
        object.__setattr__(self, "_names", dict(names))
        object.__setattr__(self, "_read", read)

    def __missing__(self, name: str) -> str:
        """A secret, or a KeyError as of any dict."""
        names: dict[str, str] = object.__getattribute__(self, "_names")
        if name not in names:
            raise KeyError(name)
        read: Callable[[str], str] = object.__getattribute__(self, "_read")
        return read(names[name])

    def get(self, name: str, default: Any = None) -> Any:
        """As `dict.get`, with secrets."""
        try:
            return self[name]
        except KeyError:
            return default

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in object.__getattribute__(self, "_names")
