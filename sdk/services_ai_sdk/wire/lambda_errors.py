"""What Lambda's own error types mean: those of processes and answers, not of a plugin's exceptions.

Source: AWS Lambda Developer Guide, "Troubleshoot invocation issues", and the runtime client's error types.
"""

from __future__ import annotations

from services_ai_sdk.wire.failure import Category

CATEGORY_BY_TYPE = {
    "Sandbox.Timedout": Category.TIMEOUT_ERROR,
    "Runtime.OutOfMemory": Category.OUT_OF_MEMORY,
    "Runtime.ImportModuleError": Category.IMPORT_ERROR,
    "Runtime.UserCodeSyntaxError": Category.IMPORT_ERROR,
    "Runtime.HandlerNotFound": Category.IMPORT_ERROR,
    "Runtime.MalformedHandlerName": Category.IMPORT_ERROR,
    "Runtime.InvalidEntrypoint": Category.IMPORT_ERROR,
    "Runtime.MarshalError": Category.RESPONSE_ERROR,
    "Function.ResponseSizeTooLarge": Category.RESPONSE_ERROR,
}
"""Those that say more than that the process is gone."""
