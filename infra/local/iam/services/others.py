"""Mail, parameters, secrets and stacks: as far as their requests say what they are about."""

from __future__ import annotations

from email.utils import parseaddr

from infra.local.iam.reading import Call
from infra.local.iam.services.need import Facts, Need, of_arn_or_name


async def of_mail(call: Call, facts: Facts) -> list[Need]:
    """SES, both versions: who sends is the identity that is asked about."""
    del facts
    action = f"ses:{call.operation}"
    address = call.text("FromEmailAddress") or call.text("Source")
    if not address:
        return [Need(action, known=False)]
    sender = parseaddr(address)[1]
    values = {"ses:fromaddress": (sender,), "ses:fromdisplayname": tuple(filter(None, [parseaddr(address)[0]]))}
    return [Need(action, call.arn(f"identity/{sender}"), values=values)]


async def of_parameter(call: Call, facts: Facts) -> list[Need]:
    """SSM's parameters."""
    del facts
    action = f"ssm:{call.operation}"
    names = call.fields.get("Names", [call.fields.get("Name", call.fields.get("Path"))])
    if not isinstance(names, list) or not names or not all(isinstance(one, str) for one in names):
        return [Need(action, known=False)]
    found = [
        of_arn_or_name(call, "/" + one.lstrip("/") if one[:4] != "arn:" else one, "parameter") for one in names
    ]
    return [Need(action, one) for one in found]


async def of_secret(call: Call, facts: Facts) -> list[Need]:
    """Secrets Manager: a secret's ARN has six characters behind its name that only moto knows."""
    action = f"secretsmanager:{call.operation}"
    secret = call.text("SecretId") or call.text("Name")
    if not secret:
        return [Need(action) if call.operation == "ListSecrets" else Need(action, known=False)]
    if "SecretId" not in call.fields:
        return [Need(action, call.arn(f"secret:{secret}"), values={"secretsmanager:name": (secret,)})]
    arn = str(await facts("iam/secret-arn", secret=secret, region=call.region, account=call.account))
    return [Need(action, arn or call.arn(f"secret:{secret}"))]


async def of_stack(call: Call, facts: Facts) -> list[Need]:
    """CloudFormation: what a stack makes is made by the local cloud itself, whoever asked for the stack."""
    del facts
    action = f"cloudformation:{call.operation}"
    name = call.text("StackName")
    if name.startswith("arn:"):
        return [Need(action, of_arn_or_name(call, name, ""))]
    # A stack's ARN ends with an id that the request does not have: `stack/NAME/*` is what policies name.
    return [Need(action, call.arn(f"stack/{name}/*")) if name else Need(action, known=False)]
