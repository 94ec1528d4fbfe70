"""Does what a plan says with boto3. Every step may be repeated: a deploy that stopped half-way goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from control_plane.aws_errors import aws_code, plainly
from control_plane.operations.ports import Deployment, Earlier, Progress
from infra.deploy.current import MISSING_QUEUE
from infra.deploy.plan import Action, DeployPlan, Step
from infra.deploy.smoke import TROUBLE, smoke_call
from infra.names import LIVE_ALIAS, ROLE_POLICY_NAME

if TYPE_CHECKING:
    from infra.deploy.clients import Clients
    from infra.deploy.waiting import Waiting


@dataclass(slots=True)
class _Done:
    """What the steps so far have found out."""

    layer_arn: str
    version: str
    say: Progress
    smoke: str = ""


class Executor:
    """Runs plans.

    Args:
        clients: boto3 clients.
        waiting: For roles and functions to settle.
    """

    def __init__(self, clients: Clients, waiting: Waiting) -> None:
        self._clients = clients
        self._waiting = waiting
        self._methods: dict[Action, Callable[[DeployPlan, Step, _Done], None]] = {
            Action.CREATE_ROLE: self._create_role,
            Action.CREATE_LOG_GROUP: self._create_log_group,
            Action.CREATE_QUEUE: self._create_queue,
            Action.PUBLISH_LAYER: self._publish_layer,
            Action.PUT_PROFILE: self._put_profile,
            Action.CREATE_FUNCTION: self._create_function,
            Action.UPDATE_CODE: self._update_code,
            Action.UPDATE_CONFIGURATION: self._update_configuration,
            Action.PUBLISH_VERSION: self._publish_version,
            Action.SMOKE_CALL: self._smoke_call,
            Action.MOVE_LIVE: self._move_live,
            Action.DELETE_QUEUE: self._delete_queue,
        }

    def execute(self, plan: DeployPlan, progress: Progress) -> Deployment:
        """Runs the plan's steps in order.

        Raises:
            PlatformError: AWS refused a step; those before it stand, and the same deploy may be run again.
            FindingsError: The smoke call failed; `live` was not moved.
        """
        done = _Done(layer_arn=plan.layer_arn, version=plan.live_version, say=progress)
        for step in plan.steps:
            progress(f"{step.action} {step.target}")
            with plainly(f"{step.action} {step.target}"):
                self._methods[step.action](plan, step, done)
        return Deployment(
            function_arn=plan.function_arn,
            alias_arn=f"{plan.function_arn}:{LIVE_ALIAS}",
            function_version=done.version,
            layer_arns=tuple(arn for arn in (plan.runtime_layer_arn, done.layer_arn) if arn),
            role_arn=plan.role_arn,
            python=plan.release.manifest.python or "",
            smoke=done.smoke,
            warnings=plan.warnings,
            resources=plan.resources,
            network=plan.network,
            policy=tuple(one.to_dict() for one in plan.policy),
        )

    def _create_role(self, plan: DeployPlan, step: Step, done: _Done) -> None:
        iam, wanted = self._clients.iam, step.parameters
        try:
            iam.create_role(
                RoleName=step.target,
                Path=wanted["Path"],
                AssumeRolePolicyDocument=json.dumps(wanted["AssumeRolePolicyDocument"]),
                PermissionsBoundary=wanted["PermissionsBoundary"],
                Tags=[{"Key": key, "Value": value} for key, value in wanted["Tags"].items()],
            )
        except self._clients.ClientError as error:
            if aws_code(error) != "EntityAlreadyExists":
                raise
            iam.put_role_permissions_boundary(
                RoleName=step.target, PermissionsBoundary=wanted["PermissionsBoundary"]
            )
        iam.put_role_policy(
            RoleName=step.target, PolicyName=ROLE_POLICY_NAME, PolicyDocument=json.dumps(wanted["PolicyDocument"])
        )

    def _create_log_group(self, plan: DeployPlan, step: Step, done: _Done) -> None:
        logs = self._clients.logs
        try:
            logs.create_log_group(logGroupName=step.target, tags=step.parameters["Tags"])
        except self._clients.ClientError as error:
            if aws_code(error) != "ResourceAlreadyExistsException":
                raise
        logs.put_retention_policy(logGroupName=step.target, retentionInDays=step.parameters["RetentionInDays"])

    def _create_queue(self, plan: DeployPlan, step: Step, done: _Done) -> None:
        sqs, wanted = self._clients.sqs, step.parameters
        self._waiting.until_accepted(
            lambda: sqs.create_queue(QueueName=step.target, Attributes=wanted["Attributes"], tags=wanted["Tags"]),
            done.say,
        )

    def _delete_queue(self, plan: DeployPlan, step: Step, done: _Done) -> None:
        sqs = self._clients.sqs
        try:
            sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=step.target)["QueueUrl"])
        except self._clients.ClientError as error:
            # Another deploy was first.
            if aws_code(error) not in MISSING_QUEUE:
                raise

    def _publish_layer(self, plan: DeployPlan, step: Step, done: _Done) -> None:
        wanted = step.parameters
        answer = self._clients.lambda_.publish_layer_version(
            LayerName=step.target,
            Content={"S3Bucket": wanted["S3Bucket"], "S3Key": wanted["S3Key"]},
            CompatibleRuntimes=wanted["CompatibleRuntimes"],
        )
        done.layer_arn = answer["LayerVersionArn"]

    def _put_profile(self, plan: DeployPlan, step: Step, done: _Done) -> None:
        self._clients.s3.put_object(
            Bucket=step.parameters["Bucket"],
            Key=step.target,
            Body=json.dumps(step.parameters["Body"], sort_keys=True).encode(),
            ContentType="application/json",
        )

    def _create_function(self, plan: DeployPlan, step: Step, done: _Done) -> None:
        arguments = {**step.parameters, "Layers": self._layers(plan, done)}
        lambda_ = self._clients.lambda_
        self._waiting.until_accepted(
            lambda: lambda_.create_function(FunctionName=step.target, **arguments), done.say
        )
        self._waiting.until_ready(lambda_, step.target, done.say)

    def _update_code(self, plan: DeployPlan, step: Step, done: _Done) -> None:
        lambda_ = self._clients.lambda_
        self._waiting.until_accepted(
            lambda: lambda_.update_function_code(FunctionName=step.target, **step.parameters), done.say
        )
        self._waiting.until_ready(lambda_, step.target, done.say)

    def _update_configuration(self, plan: DeployPlan, step: Step, done: _Done) -> None:
        arguments = {**step.parameters, "Layers": self._layers(plan, done)}
        lambda_ = self._clients.lambda_
        self._waiting.until_accepted(
            lambda: lambda_.update_function_configuration(FunctionName=step.target, **arguments), done.say
        )
        self._waiting.until_ready(lambda_, step.target, done.say)

    def _publish_version(self, plan: DeployPlan, step: Step, done: _Done) -> None:
        lambda_ = self._clients.lambda_
        answer = self._waiting.until_accepted(
            lambda: lambda_.publish_version(FunctionName=step.target, **step.parameters), done.say
        )
        done.version = answer["Version"]
        self._waiting.until_ready(lambda_, step.target, done.say, done.version)

    def _smoke_call(self, plan: DeployPlan, step: Step, done: _Done) -> None:
        manifest = plan.release.manifest
        called = Earlier(
            manifest.plugin_id, manifest.version, done.version, plan.role_arn, plan.release.grants.permissions
        )
        # It calls no hook: it may be made again.
        done.smoke = self._waiting.until_accepted(
            lambda: smoke_call(self._clients.invoke, plan.function_name, called), done.say, also=TROUBLE
        )

    def _move_live(self, plan: DeployPlan, step: Step, done: _Done) -> None:
        lambda_, name = self._clients.lambda_, plan.function_name
        try:
            lambda_.update_alias(FunctionName=name, Name=LIVE_ALIAS, FunctionVersion=done.version)
        except self._clients.ClientError as error:
            if aws_code(error) != "ResourceNotFoundException":
                raise
            lambda_.create_alias(FunctionName=name, Name=LIVE_ALIAS, FunctionVersion=done.version)

    def _layers(self, plan: DeployPlan, done: _Done) -> list[str]:
        return [arn for arn in (plan.runtime_layer_arn, done.layer_arn) if arn]
