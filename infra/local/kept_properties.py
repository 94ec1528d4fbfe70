"""What of a template survives moto: everything else would be lost without a word, so it is refused with one.

moto takes any property and any resource type; what it does not know it drops. For each type this lists the
properties that moto or our patches keep, and those that make no difference on one machine.
"""

from __future__ import annotations

from typing import Any

_KEPT = """
AWS::DynamoDB::Table TableName BillingMode AttributeDefinitions KeySchema GlobalSecondaryIndexes
  StreamSpecification TimeToLiveSpecification PointInTimeRecoverySpecification SSESpecification Tags
AWS::S3::Bucket BucketName VersioningConfiguration BucketEncryption PublicAccessBlockConfiguration
  OwnershipControls Tags
AWS::SNS::Topic TopicName KmsMasterKeyId Tags
AWS::SQS::Queue QueueName VisibilityTimeout MessageRetentionPeriod SqsManagedSseEnabled RedrivePolicy DelaySeconds
  ReceiveMessageWaitTimeSeconds Tags
AWS::IAM::ManagedPolicy ManagedPolicyName Path Description PolicyDocument
AWS::IAM::Role RoleName Path AssumeRolePolicyDocument Policies ManagedPolicyArns PermissionsBoundary
  Description Tags
AWS::Lambda::LayerVersion LayerName Content Description CompatibleRuntimes CompatibleArchitectures LicenseInfo
AWS::Lambda::Function FunctionName Code Handler Role Runtime MemorySize Timeout Environment Architectures
  LoggingConfig Layers Tags Description EphemeralStorage TracingConfig
AWS::Lambda::EventSourceMapping EventSourceArn FunctionName BatchSize MaximumBatchingWindowInSeconds
  FunctionResponseTypes ScalingConfig StartingPosition BisectBatchOnFunctionError MaximumRetryAttempts
  MaximumRecordAgeInSeconds ParallelizationFactor FilterCriteria DestinationConfig Enabled Tags
AWS::Logs::LogGroup LogGroupName RetentionInDays
"""


NOT_HERE = frozenset({"IsolatedPlugins"})
"""Conditions that the local cloud's parameters turn off (a test holds them against each other): what stands under
them is not made. Plugins' networks are the sandbox's matter here."""


def _parse(table: str) -> dict[str, frozenset[str]]:
    kept: dict[str, frozenset[str]] = {}
    for line in table.replace("\n  ", " ").split("\n"):
        kind, *properties = line.split() or [""]
        kept[kind] = frozenset(properties)
    return kept


def lost_properties(template: dict[str, Any]) -> list[str]:
    """What the local cloud would lose of a translated template, as `Table.Replicas (AWS::DynamoDB::Table)`."""
    known = _parse(_KEPT)
    lost: list[str] = []
    for logical_id, resource in template["Resources"].items():
        if resource.get("Condition") in NOT_HERE:
            continue
        kind = resource["Type"]
        kept = known.get(kind)
        if kept is None:
            lost.append(f"{logical_id} ({kind})")
            continue
        lost += [f"{logical_id}.{name} ({kind})" for name in sorted(set(resource.get("Properties", {})) - kept)]
    return lost
