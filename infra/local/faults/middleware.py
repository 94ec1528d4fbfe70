"""Puts a profile's faults between callers and moto, and between the engine and what it runs."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, cast

from infra.local.faults.answers import lambda_refusal, refusal
from infra.local.faults.calls import CallNames, FunctionKey, NamedCall
from infra.local.faults.decisions import Decisions
from infra.local.faults.life import LATEST, FunctionLife, RoleAges
from infra.local.faults.profile import FaultProfile, Service
from infra.local.moto_ops.functions import ACCOUNT_ID
from infra.local.requests import form, json_object
from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.emulator.http import Forward, HttpRequest, HttpResponse
from services_ai_sdk.emulator.ports import FunctionSource
from services_ai_sdk.emulator.spec import Credentials, FunctionSpec

_UPDATES = frozenset({"UpdateFunctionCode", "UpdateFunctionConfiguration"})
_REFUSED_WHILE_CHANGING = _UPDATES | {"PublishVersion", "TagResource"}
"""What AWS lists under "Lambda function states"."""
_TAKES_A_ROLE = frozenset({"CreateFunction", "UpdateFunctionConfiguration"})
_NOT_ASSUMED = "The role defined for the function cannot be assumed by Lambda."


class Faults:
    """What is injected, and how often it was: the state that the middleware and the source share.

    Args:
        name: Of the profile, for people.
        profile: What to inject.
        clock: Monotonic seconds.
        sleep: Takes seconds.
    """

    def __init__(
        self,
        name: str,
        profile: FaultProfile,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self.decisions = Decisions(profile, clock)
        self.life = FunctionLife(profile.function_life, clock)
        self.roles = RoleAges(profile.role_spreads_s, clock)
        self.sleep = sleep
        self.injected: Counter[str] = Counter()
        self.running: dict[FunctionKey, FunctionSpec] = {}
        """What `$LATEST` was before the update that is in progress."""

    def status(self) -> dict[str, Any]:
        """For the status page."""
        return {"profile": self.name, "injected": dict(sorted(self.injected.items()))}


class InjectFaults:
    """Slows, throttles and fails AWS calls, and shows functions in the states they have in AWS.

    Args:
        faults: What to inject.
        before: Looks a function up as it is now, for the calls during its update; the source without faults.
        later: Takes seconds: the engine shall look its functions up anew after them.
    """

    def __init__(self, faults: Faults, before: FunctionSource, later: Callable[[float], object]) -> None:
        self._faults = faults
        self._before = before
        self._later = later
        self._names = CallNames()

    async def __call__(self, request: HttpRequest, forward: Forward) -> HttpResponse:
        """Refuses, or forwards and shows states."""
        call = self._names.of(request)
        decision = self._faults.decisions.of(call.service, call.action)
        if decision.delay_s:
            self._faults.injected[f"{call.service} delayed"] += 1
            await self._faults.sleep(decision.delay_s)
        if decision.kind is not None:
            self._faults.injected[f"{call.service} {decision.kind}"] += 1
            # Only a rule of the profile gives a kind, and rules name none but these services.
            return refusal(cast("Service", call.service), decision.kind, request)
        if call.service == "lambda":
            return await self._lambda(call, request, forward)
        response = await forward(request)
        if call.service == "iam" and call.action == "CreateRole" and response.status == 200:
            self._faults.roles.created(form(request).get("RoleName", ""))
        return response

    async def _lambda(self, call: NamedCall, request: HttpRequest, forward: Forward) -> HttpResponse:
        life, key = self._faults.life, call.function
        refused = self._refused(call, request)
        if refused is not None:
            return refused
        updates = key if call.action in _UPDATES and not json_object(request.body).get("DryRun") else None
        if updates is not None:
            # Before anything is awaited: of two updates at once one is refused.
            life.update_begins(updates)
            await self._keep_running(updates)
        response = await forward(request)
        if response.status >= 300:
            if updates is not None:
                life.update_refused(updates)
            return response
        self._note(call, updates, json_object(response.body))
        if not life.all_settled:
            self._show(response)
        return response

    def _refused(self, call: NamedCall, request: HttpRequest) -> HttpResponse | None:
        if call.action in _REFUSED_WHILE_CHANGING and call.function is not None:
            conflict = self._faults.life.conflict(call.function, ACCOUNT_ID)
            if conflict:
                self._faults.injected["lambda conflict"] += 1
                return lambda_refusal(409, "ResourceConflictException", conflict)
        if call.action in _TAKES_A_ROLE and self._faults.roles.is_too_young(
            str(json_object(request.body).get("Role", ""))
        ):
            self._faults.injected["lambda role not assumed"] += 1
            return lambda_refusal(400, "InvalidParameterValueException", _NOT_ASSUMED)
        return None

    async def _keep_running(self, key: FunctionKey) -> None:
        try:
            self._faults.running[key] = await self._before.resolve(
                f"arn:aws:lambda:{key.region}:{ACCOUNT_ID}:function:{key.name}", None
            )
        except InvokeRefused:
            self._faults.running.pop(key, None)  # there is nothing that could go on; moto says why

    def _note(self, call: NamedCall, updated: FunctionKey | None, answer: dict[str, Any]) -> None:
        life, version = self._faults.life, str(answer.get("Version", LATEST))
        if updated is not None:
            life.update_begins(updated)
            self._faults.injected["lambda updates in progress"] += 1
            if version != LATEST:
                life.published(updated, version)
            self._later(life.delays.update_s)
        elif call.action == "CreateFunction":
            key = FunctionKey.from_reference(str(answer.get("FunctionArn", "")), call.region)
            if key is not None:
                life.created(key, version)
                self._faults.injected["lambda functions pending"] += 1
        elif call.function is not None and call.action == "PublishVersion":
            life.published(call.function, version)
        elif call.function is not None and call.action == "DeleteFunction":
            life.deleted(call.function)

    def _show(self, response: HttpResponse) -> None:
        answer = json_object(response.body)
        several = [*(answer.get("Functions") or ()), *(answer.get("Versions") or ())]
        for configuration in (answer, answer.get("Configuration"), *several):
            if isinstance(configuration, dict) and "FunctionArn" in configuration:
                self._faults.life.show(configuration)
        if answer:
            response.body = json.dumps(answer).encode()


class SourceWithFaults:
    """`FunctionSource` of the engine: what is Pending cannot be called, what is being updated runs as it was.

    Args:
        source: The one without faults.
        faults: What is injected.
    """

    def __init__(self, source: FunctionSource, faults: Faults) -> None:
        self._source = source
        self._faults = faults

    async def resolve(self, function: str, qualifier: str | None) -> FunctionSpec:
        """What a name and a qualifier mean now.

        Raises:
            InvokeRefused: As the source without faults, or it is Pending.
        """
        spec = await self._source.resolve(function, qualifier)
        key = FunctionKey(spec.region, spec.function_name)
        if self._faults.life.is_pending(key, spec.version):
            self._faults.injected["lambda invoke while pending"] += 1
            raise InvokeRefused(
                409,
                "ResourceConflictException",
                "The operation cannot be performed at this time. The function is currently in the following state:"
                " Pending",
            )
        if spec.version == LATEST and self._faults.life.is_updating(key) and key in self._faults.running:
            return self._faults.running[key].replace(
                events=spec.events, routes=spec.routes, reserved_concurrency=spec.reserved_concurrency
            )
        return spec

    async def credentials(self, spec: FunctionSpec) -> Credentials:
        """Temporary credentials of the function's role."""
        return await self._source.credentials(spec)
