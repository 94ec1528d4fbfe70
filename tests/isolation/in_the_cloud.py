"""A local cloud with or without IAM, and in it a plugin's function with the role that a deploy gives it."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from infra.local import lifecycle
from infra.local.clients import clients_of
from infra.local.state import StateDir
from infra.names import Names
from services_ai_sdk.access.own_resources import OwnResources, Shared
from services_ai_sdk.access.policy import FunctionIdentity, role_policy, role_statements, trust_policy
from services_ai_sdk.emulator.home import default_home
from tests.contract.emulator.emulators import ACCOUNT, RUNTIME, zip_of
from tests.isolation.attempts.attempt import Attempt
from tests.isolation.inside import Outcome, attempts_code

_STACK = "services-ai"
_OTHER = "def handle(event, context): return 'of another plugin'"
_PARAMETER = "/services-ai/plugins/other/key"


class InTheCloud:
    """One local cloud for many attempts.

    Args:
        iam: Whether it holds its callers against their policies.
    """

    def __init__(self, *, iam: bool) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="services-ai-isolation-"))
        self._home.chmod(0o711)
        (self._home / "store").symlink_to(StateDir(default_home()).store)
        options = lifecycle.CloudOptions(port=0, state_dir=self._home, stack=_STACK, iam=iam)
        self._cloud = lifecycle.start(options, lambda line: None)
        try:
            self._clients = clients_of(self._cloud.info)
            self._given = self._prepare(self._cloud.info.outputs)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends it."""
        self._cloud.stop()
        shutil.rmtree(self._home)

    def run(self, attempt: Attempt) -> Outcome:
        """One attempt, in the plugin's function.

        Raises:
            AssertionError: It is broken: neither did it work nor was it refused.
        """
        event = {"name": attempt.name, "before": False, "given": self._given}
        answer = self._clients("lambda").invoke(FunctionName=self._function, Payload=json.dumps(event).encode())
        payload = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, f"{attempt.name} is broken: {payload}"
        said, detail = payload
        return Outcome(said == "did it", detail)

    def _prepare(self, outputs: dict[str, str]) -> dict[str, Any]:
        clients, names = self._clients, Names(_STACK)
        self._function, role_arn = self._plugin(names, "mine", attempts_code(), outputs)
        other, other_role = self._plugin(names, "other", {"main.py": _OTHER}, outputs)
        clients("s3").put_object(Bucket=outputs["ArtifactBucket"], Key="submissions/other.zip", Body=b"of another")
        clients("ssm").put_parameter(Name=_PARAMETER, Value="secret", Type="SecureString")
        clients("logs").create_log_stream(logGroupName=f"/aws/lambda/{other}", logStreamName="s")
        return {
            "table": outputs["TableName"],
            "bucket": outputs["ArtifactBucket"],
            "package": "submissions/other.zip",
            "queue": outputs["OutcomesQueueUrl"],
            "topic": outputs["AlertsTopicArn"],
            "dispatcher": outputs["DispatcherFunctionName"],
            "other": other,
            "other_role": other_role,
            "other_log": f"/aws/lambda/{other}",
            "parameter": _PARAMETER,
            "role": role_arn.rpartition("/")[2],
            "now_ms": int(time.time() * 1000),
        }

    def _plugin(
        self, names: Names, plugin_id: str, code: dict[str, str | bytes], outputs: dict[str, str]
    ) -> tuple[str, str]:
        """A function as a deploy makes it: its role, under the boundary, and its log group."""
        identity = FunctionIdentity("aws", "us-east-1", ACCOUNT, names.function(plugin_id))
        iam, name = self._clients("iam"), names.role(plugin_id, "0" * 12)
        made = iam.create_role(
            RoleName=name,
            Path=names.role_path,
            AssumeRolePolicyDocument=json.dumps(trust_policy(identity)),
            PermissionsBoundary=outputs["PluginBoundaryArn"],
        )
        own = OwnResources(identity, names.stack, plugin_id, Shared("no-table", "no-bucket"))
        policy = role_policy(role_statements(own))
        iam.put_role_policy(RoleName=name, PolicyName="plugin", PolicyDocument=json.dumps(policy))
        self._clients("logs").create_log_group(logGroupName=identity.log_group)
        self._clients("lambda").create_function(
            FunctionName=identity.function_name, Runtime=RUNTIME, Role=made["Role"]["Arn"], Handler="main.handle",
            Code={"ZipFile": zip_of(code)}, Timeout=20, MemorySize=256,
        )  # fmt: skip
        return identity.function_name, str(made["Role"]["Arn"])
