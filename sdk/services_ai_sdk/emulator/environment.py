"""The environment of a function's process: exactly what Lambda sets, and the local AWS endpoint.

Source: AWS Lambda Developer Guide, "Defined runtime environment variables".
"""

from __future__ import annotations

import platform
from dataclasses import dataclass

from services_ai_sdk.emulator.spec import Credentials, FunctionSpec

RUNTIME_PORT, AWS_PORT, PROXY_PORT = 9001, 4566, 3128


@dataclass(frozen=True, slots=True)
class Places:
    """Where a worker finds things, as it sees them.

    Args:
        task: The function's code.
        layers: Roots of its layers, the one that wins first.
        runtime: Runtime client and boto3.
        lang: Python's prefix.
    """

    task: str = "/var/task"
    layers: tuple[str, ...] = ("/opt",)
    runtime: str = "/var/runtime"
    lang: str = "/var/lang"

    def sys_path(self, minor: str) -> list[str]:
        """What Lambda puts before the standard library."""
        layers = [
            path
            for root in self.layers
            for path in (f"{root}/python/lib/python{minor}/site-packages", f"{root}/python")
        ]
        return [self.task, *layers, self.runtime]


def worker_environment(
    spec: FunctionSpec,
    credentials: Credentials,
    stream: str,
    places: Places,
    minor: str,
    *,
    proxied: bool = False,
) -> dict[str, str]:
    """The variables of one worker; the function's own come first and cannot replace Lambda's.

    Args:
        spec: Its function.
        credentials: Of the function's role.
        stream: Log stream.
        places: Where it finds things.
        minor: Of its Python.
        proxied: Whether it has the engine's proxy.
    """
    machine = platform.machine()
    libraries = [
        f"{places.lang}/lib",
        "/lib64",
        "/usr/lib64",
        # Where a system other than Lambda's keeps what lies in /lib64 there: before the function's, too.
        f"/usr/lib/{machine}-linux-gnu",
        places.runtime,
        f"{places.runtime}/lib",
        places.task,
    ]
    libraries += [f"{places.task}/lib", *(f"{root}/lib" for root in places.layers)]
    logging = {}
    if spec.logging.is_json:
        logging = {
            "AWS_LAMBDA_LOG_FORMAT": spec.logging.format,
            "AWS_LAMBDA_LOG_LEVEL": spec.logging.application_level,
        }
    proxy = {}
    if proxied:
        proxy = {"HTTPS_PROXY": f"http://127.0.0.1:{PROXY_PORT}", "NO_PROXY": "127.0.0.1,localhost"}
    return {
        **spec.environment,
        **logging,
        **proxy,
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_DEFAULT_REGION": spec.region,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{AWS_PORT}",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": spec.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{RUNTIME_PORT}",
        "AWS_REGION": spec.region,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
        "LAMBDA_RUNTIME_DIR": places.runtime,
        "LAMBDA_TASK_ROOT": places.task,
        "LANG": "en_US.UTF-8",
        "LD_LIBRARY_PATH": ":".join(libraries),
        "PATH": f"{places.lang}/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "PYTHONPATH": ":".join(places.sys_path(minor)),
        "TZ": ":UTC",
        "_HANDLER": spec.handler,
    }
