"""A stack that fails in moto answers with the last exception's text: nobody sees which resource it was.

moto has no rollback either: the half-made stack stays, and has to be seen as failed.
"""

from __future__ import annotations

from typing import Any


def apply() -> None:
    """Puts the logical id into the error and the stack into CREATE_FAILED or UPDATE_FAILED."""
    from moto.cloudformation import models, parsing
    from moto.cloudformation.exceptions import ValidationError

    def naming(function: Any) -> Any:
        def named(logical_id: str, *args: Any, **kwargs: Any) -> Any:
            try:
                return function(logical_id, *args, **kwargs)
            except ValidationError as error:
                if "resource " in str(error):
                    raise
                raise ValidationError(message=_text(logical_id, error)) from error
            except Exception as error:
                raise ValidationError(message=_text(logical_id, error)) from error

        return named

    parsing.parse_and_create_resource = naming(parsing.parse_and_create_resource)
    parsing.parse_and_update_resource = naming(parsing.parse_and_update_resource)

    def marking(method: Any, status: str) -> Any:
        def marked(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return method(self, *args, **kwargs)
            except Exception as error:
                self.status = status
                self._add_stack_event(status, resource_status_reason=str(error))
                raise

        return marked

    stack = models.Stack
    stack.create_resources = marking(stack.create_resources, "CREATE_FAILED")  # type: ignore[method-assign]
    stack.update = marking(stack.update, "UPDATE_FAILED")  # type: ignore[method-assign]


def _text(logical_id: str, error: Exception) -> str:
    reason = getattr(error, "message", None) or str(error) or repr(error)
    return f"resource {logical_id}: {type(error).__name__}: {reason}"
