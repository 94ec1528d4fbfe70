"""Makes AWS calls that it is told to, with what its function has, and says what came of each."""

import json

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from services_ai_sdk import ServicesAIPlugin, hookimpl

ONCE = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=10)


class Capable(ServicesAIPlugin):
    def __init__(self):
        self.clients = {}

    def client(self, service):
        if service not in self.clients:
            self.clients[service] = boto3.client(service, config=ONCE)
        return self.clients[service]

    @hookimpl
    def lead_updated(self, lead, context):
        return {
            "told": self.resources,
            "identity": self.client("sts").get_caller_identity()["Arn"],
            "outcomes": [self.outcome(*call) for call in json.loads(json.dumps(lead.get("calls", [])))],
        }

    def outcome(self, service, operation, parameters):
        try:
            getattr(self.client(service), operation)(**parameters)
        except ClientError as error:
            return error.response["Error"]["Code"]
        except BotoCoreError as error:
            return type(error).__name__
        return "ok"
