"""moto takes functions and layers of any size: environments above 4 KB, a sixth layer, more than 250 MB unzipped.

It takes variables that Lambda itself sets, too. Lambda refuses them when they are made or changed. Without this it
would be found in AWS only.
Sources: AWS Lambda quotas; Developer Guide, "Troubleshoot deployment issues".
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

ENVIRONMENT_BYTES_MAX = 4096
LAYERS_MAX = 5
RESERVED_VARIABLES = frozenset(
    {
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY",
        "AWS_SECRET_KEY", "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
    }
)  # fmt: skip
"""Developer Guide, "Defined runtime environment variables"."""
UNZIPPED_BYTES_MAX = 262_144_000
_CODE = ("code_bytes", "code_size", "code_sha_256", "code_digest")


def apply() -> None:
    """Refuses in Lambda's words, before anything is changed."""
    from moto.awslambda.models import LambdaFunction, LayerVersion

    function: Any = LambdaFunction
    layer: Any = LayerVersion
    _limit_creation(function)
    _limit_changes(function)
    make_layer = layer.__init__

    def new_layer(self: Any, *args: Any, **kwargs: Any) -> None:
        make_layer(self, *args, **kwargs)
        self.unzipped_bytes = _unzipped_bytes(self.code_bytes)

    layer.__init__ = new_layer


def _limit_creation(function: Any) -> None:
    make, find_layers = function.__init__, function._get_layers_data  # noqa: SLF001 - where moto looks layers up

    def new_function(self: Any, account_id: str, spec: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        _check_environment(spec.get("Environment"))
        make(self, account_id, spec, *args, **kwargs)
        _check_size(self, self.layers)

    def get_layers_data(self: Any, arns: list[str]) -> Any:
        if len(arns) > LAYERS_MAX:
            raise _refused(f"Cannot reference more than {LAYERS_MAX} layers.")
        found = find_layers(self, arns)
        if "unzipped_bytes" in self.__dict__:  # not in the middle of being made
            _check_size(self, found)
        return found

    function.__init__ = new_function
    function._get_layers_data = get_layers_data  # noqa: SLF001


def _limit_changes(function: Any) -> None:
    configure, set_code = function.update_configuration, function._set_function_code  # noqa: SLF001 - no other way in

    def update_configuration(self: Any, config_updates: dict[str, Any]) -> Any:
        _check_environment(config_updates.get("Environment"))
        self._get_layers_data(config_updates.get("Layers") or [])
        return configure(self, config_updates)

    def set_function_code(self: Any, updated_spec: dict[str, Any]) -> None:
        before = {name: self.__dict__[name] for name in _CODE if name in self.__dict__}
        source = dict(self.code)
        set_code(self, updated_spec)
        try:
            if self.package_type == "Zip":
                self.unzipped_bytes = _unzipped_bytes(self.code_bytes)
            if before:
                _check_size(self, self.layers)
        except Exception:
            self.__dict__.update(before)
            self.code = source
            if "code_bytes" in before:
                self.unzipped_bytes = _unzipped_bytes(before["code_bytes"])
            raise

    function.update_configuration = update_configuration
    function._set_function_code = set_function_code  # noqa: SLF001


def _check_environment(environment: dict[str, Any] | None) -> None:
    variables = {name: str(value) for name, value in ((environment or {}).get("Variables") or {}).items()}
    reserved = [name for name in variables if name in RESERVED_VARIABLES]
    if reserved:
        raise _refused(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = json.dumps(variables, ensure_ascii=False, separators=(",", ":"))
    if variables and len(measured.encode("utf-8", "surrogatepass")) > ENVIRONMENT_BYTES_MAX:
        raise _refused(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the 4KB limit. String measured: {measured}"
        )


def _check_size(function: Any, layers: list[Any]) -> None:
    from moto.awslambda.utils import get_backend

    backend: Any = get_backend(function.account_id, function.region)
    total = getattr(function, "unzipped_bytes", 0)
    total += sum(backend.layers_versions_by_arn(layer["Arn"]).unzipped_bytes for layer in layers)
    if layers and total > UNZIPPED_BYTES_MAX:
        raise _refused(
            f"Function code combined with layers exceeds the maximum allowed size of {UNZIPPED_BYTES_MAX} bytes. "
            f"The actual size is {total} bytes."
        )


def _unzipped_bytes(content: bytes) -> int:
    """By the zip's directory; whether it tells the truth is found when the zip is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            total = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeDecodeError) as error:
        raise _refused(
            "Could not unzip uploaded file. Please check your file, then try to upload again."
        ) from error
    if total >= UNZIPPED_BYTES_MAX:
        raise _refused(f"Unzipped size must be smaller than {UNZIPPED_BYTES_MAX} bytes")
    return total


def _refused(message: str) -> Exception:
    from moto.awslambda.exceptions import InvalidParameterValueException

    return InvalidParameterValueException(message)
