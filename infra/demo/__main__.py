"""`./dev demo`: the arguments, the wiring, the exit code."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from infra.demo.alerts import AlertQueue
from infra.demo.commands import Commands, base_environment
from infra.demo.record import DemoRecord
from infra.demo.scenario import Cloud, Scenario
from infra.demo.screen import Screen
from services_ai_sdk.cli.pipes import quiet_when_nobody_reads
from services_ai_sdk.wire.errors import InvalidInputError, ServicesAIError

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ("phone-normalizer", "lead-scorer", "territory-router")


def main(argv: list[str] | None = None) -> int:
    """Runs the demo and returns the exit code."""
    arguments = _parser().parse_args(argv)
    screen, record = Screen.for_process(as_json=arguments.json), DemoRecord()
    try:
        _run(record, screen, arguments.plugin)
        record.ok = True
    except ServicesAIError as error:
        record.error = error.to_dict()
        sys.stderr.write(f"\ndemo: {error.message}\n")
        if error.hint:
            sys.stderr.write(f"  fix: {error.hint}\n")
        code = error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("\ndemo: stopped; ./dev down ends the local cloud\n")
        return 130
    else:
        code = 0
    if arguments.json:
        sys.stdout.write(json.dumps(record.to_dict(), ensure_ascii=False) + "\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./dev demo",
        description="From a plugin's folder to its firing, failing and being switched off, on this machine.",
        epilog="A local cloud that runs in the same state directory is replaced, with everything in it; "
        "SERVICES_AI_HOME and SERVICES_AI_PORT give the demo one of its own. "
        "examples: ./dev demo · ./dev demo --json >demo.json · ./dev demo --plugin ../my-plugin",
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON object on standard output, progress on error"
    )
    parser.add_argument(
        "--plugin", type=Path, metavar="PATH", help="a plugin's folder or zip, instead of the three"
    )
    return parser


def _run(record: DemoRecord, screen: Screen, plugin: Path | None) -> None:
    from services_ai_sdk.bundler.source import open_source
    from services_ai_sdk.hooks.catalogue import get
    from services_ai_sdk.manifest.complete import check_folder
    from services_ai_sdk.manifest.findings import raise_on_errors
    from services_ai_sdk.manifest.load import load_manifest

    if plugin is not None and not plugin.exists():
        raise InvalidInputError(f"{plugin} does not exist", hint="--plugin takes a plugin's folder or zip")
    if plugin is not None:
        # Before a local cloud that runs is replaced for it.
        with open_source(plugin) as tree:
            raise_on_errors(check_folder(load_manifest(tree.root), tree.root).findings, plugin.name)
    sources = [plugin.resolve()] if plugin else [ROOT / "examples" / name for name in EXAMPLES]
    screen.step(1, "The environment")
    screen.line(f"Python {sys.version.split()[0]}, locked packages in .venv")
    with TemporaryDirectory(prefix="services-ai-demo-") as workspace:
        scenario = Scenario(
            record=record,
            screen=screen,
            commands=Commands(base_environment(), screen.progress),
            connect=_connect,
            sample=lambda hook: dict(get(hook).sample),
            workspace=Path(workspace),
            sleep=time.sleep,
        )
        cloud = scenario.start_cloud()
        scenario.ship(cloud, sources)
        failing = scenario.fire_samples(cloud) if plugin else scenario.fire_examples(cloud)
        scenario.show_fleet(cloud, failing)


def _connect(commands: Commands) -> Cloud:
    import boto3

    from services_ai_host import LambdaTransport, PluginHost

    environment = commands.environment
    session: Any = boto3.Session(
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_REGION"],
    )
    endpoint = environment["AWS_ENDPOINT_URL"]
    stack = session.client("cloudformation", endpoint_url=endpoint).describe_stacks(
        StackName=environment["SERVICES_AI_STACK"]
    )["Stacks"][0]
    outputs = {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}
    alerts = AlertQueue(
        session.client("sns", endpoint_url=endpoint), session.client("sqs", endpoint_url=endpoint), time.monotonic
    )
    alerts.subscribe(outputs["AlertsTopicArn"])
    client = LambdaTransport.client_for(
        read_timeout_s=29.0,
        endpoint_url=endpoint,
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    host = PluginHost(LambdaTransport(client, environment["SERVICES_AI_DISPATCHER"]), budget_ms=28_000, debug=True)
    return Cloud(commands, host, alerts)


if __name__ == "__main__":
    with quiet_when_nobody_reads():
        raise SystemExit(main())
