"""moto shows no reserved concurrency where it is 0, and null where there is none.

No limit of the account bounds it, and CloudFormation's updates do not change it.
"""

from __future__ import annotations

import json
import os
from typing import Any

ACCOUNT_CONCURRENCY = 1000
"""A new account's; 100 of it stay for functions without a reservation (Lambda quotas)."""
_PROPERTY = "ReservedConcurrentExecutions"


def apply() -> None:
    """Answers as Lambda does, and follows templates."""
    from moto.awslambda.models import LambdaFunction
    from moto.awslambda.responses import LambdaResponse

    # moto's own switch for the account's limit; it is read at each call.
    os.environ["MOTO_LAMBDA_CONCURRENCY_QUOTA"] = str(ACCOUNT_CONCURRENCY)
    model: Any = LambdaFunction
    responses: Any = LambdaResponse
    get_code, answer = model.get_code, responses.get_function_concurrency
    create = model.create_from_cloudformation_json.__func__
    update = model.update_from_cloudformation_json.__func__

    def with_concurrency(self: Any) -> dict[str, Any]:
        found: dict[str, Any] = get_code(self)
        if self.reserved_concurrency == 0:
            found["Concurrency"] = {_PROPERTY: 0}
        return found

    def get_function_concurrency(self: Any) -> tuple[int, dict[str, Any], str]:
        status, headers, body = answer(self)
        found = {name: value for name, value in json.loads(body).items() if value is not None}
        return status, headers, json.dumps(found)

    def created(cls: Any, resource_name: str, cloudformation_json: Any, *args: Any, **kwargs: Any) -> Any:
        return _follow(create(cls, resource_name, cloudformation_json, *args, **kwargs), cloudformation_json)

    def updated(cls: Any, /, **kwargs: Any) -> Any:
        return _follow(update(cls, **kwargs), kwargs["cloudformation_json"])

    model.get_code = with_concurrency
    responses.get_function_concurrency = get_function_concurrency
    model.create_from_cloudformation_json = classmethod(created)
    model.update_from_cloudformation_json = classmethod(updated)


def _follow(function: Any, template: dict[str, Any]) -> Any:
    wanted = template["Properties"].get(_PROPERTY)
    if wanted is not None:
        function.reserved_concurrency = int(wanted)
    elif getattr(function, "concurrency_is_templates", False):
        function.reserved_concurrency = None
    # What was set by hand stays: a template that never spoke of it does not take it away.
    function.concurrency_is_templates = wanted is not None
    return function
