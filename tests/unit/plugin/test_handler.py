"""The handler under Lambda's own client: awslambdaric in a process of its own; only the network is ours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import services_ai_sdk
from services_ai_sdk.plugin.handler import PluginRuntime
from services_ai_sdk.wire.envelope import Envelope
from services_ai_sdk.wire.failure import Category, Failure
from services_ai_sdk.wire.limits import FAILURE_MAX_BYTES
from services_ai_sdk.wire.result import Result

SDK = str(Path(services_ai_sdk.__file__).parent.parent)

DRIVER = """
import json, os, sys
import awslambdaric.bootstrap as bootstrap
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

answers = open(os.environ["ANSWERS"], "w")

class Client:
    marshaller = LambdaMarshaller()
    def post_invocation_result(self, request_id, result, content_type, *rest):
        answers.write(json.dumps(["result", json.loads(result)]) + "\\n")
    def post_invocation_error(self, request_id, error, *rest):
        answers.write(json.dumps(["error", json.loads(error)]) + "\\n")

sys.path[:0] = [os.environ["LAMBDA_TASK_ROOT"], os.environ["LAYER"]]
handler = bootstrap._get_handler("services_ai_sdk.plugin.handler.handle")
for line in sys.stdin:
    bootstrap.handle_event_request(
        Client(), handler, "request-1", line.encode(), "application/json", None, None, "arn", 0, None,
        bootstrap.StandardLogSink())
    answers.flush()
"""

MANIFEST = {
    "id": "demo",
    "version": "1.0.0",
    "entry_point": "main.py",
    "plugin_class": "Demo",
    "hooks": [{"name": "lead_created", "priority": 50}],
    "dependencies": {"packages": {"leftpad": "*"}},
    "settings": {"days": {"type": "integer", "default": 3}, "key": {"type": "string", "secret": True}},
}

HEAD = "from services_ai_sdk import ServicesAIPlugin, hookimpl\n"
PLUGIN = HEAD + "class Demo(ServicesAIPlugin):\n    @hookimpl\n    def lead_created(self, lead):\n        {body}\n"


def envelope(hook: str = "lead_created", **changes: Any) -> dict[str, Any]:
    args = {"lead": {"id": 7, "country": "WS"}}
    return Envelope("i-1", "e-1", hook, "sync", "demo", "1.0.0", 1, args).to_dict() | changes


def invoke(
    folder: Path, code: str | dict[str, str], *events: Any, manifest: dict[str, Any] | str | None = None
) -> tuple[list[list[Any]], str]:
    """Answers of one process, and what it printed."""
    text = manifest if isinstance(manifest, str) else json.dumps({**MANIFEST, **(manifest or {})})
    files = {"main.py": code} if isinstance(code, str) else code
    for file, content in {"manifest.json": text, "../opt/python/README": "", **files}.items():
        path = folder / "task" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    environment = {
        "ANSWERS": str(folder / "answers"),
        "LAMBDA_TASK_ROOT": str(folder / "task"),
        "LAYER": str(folder / "opt" / "python"),
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python3.{sys.version_info.minor}",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI-secret",
        "PYTHONPATH": SDK,
    }
    process = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input="".join(json.dumps(event) + "\n" for event in events),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="surrogateescape",
        env=environment,
        check=False,
    )
    answers = [json.loads(line) for line in (folder / "answers").read_text().splitlines()]
    assert len(answers) == len(events), process.stdout
    return answers, process.stdout


def failure_of(answer: list[Any]) -> Failure:
    kind, error = answer
    assert kind == "error", answer
    assert len(error["errorMessage"].encode()) <= FAILURE_MAX_BYTES
    failure = Failure.from_dict(json.loads(error["errorMessage"]))
    assert error["errorType"] == failure.type
    return failure


def result_of(answer: list[Any]) -> Result:
    assert answer[0] == "result", answer
    return Result.from_dict(answer[1])


def test_a_smoke_call_imports_and_runs_nothing(tmp_path: Path) -> None:
    answers, printed = invoke(tmp_path, PLUGIN.format(body="print('called')"), envelope(""), envelope(""))
    first, second = map(result_of, answers)
    assert first.value is None
    assert first.init_ms > 0
    assert second.init_ms == 0
    assert first.max_memory_mb > 5
    assert "called" not in printed


def test_a_hook_returns_its_value_with_settings_of_manifest_and_call(tmp_path: Path) -> None:
    body = "return {'id': lead.id, 'settings': self.settings}"
    answers, _ = invoke(tmp_path, PLUGIN.format(body=body), envelope(), envelope(settings={"days": 9}))
    assert result_of(answers[0]).value == {"id": 7, "settings": {"days": 3}}
    assert result_of(answers[1]).value == {"id": 7, "settings": {"days": 9}}


def test_a_failure_travels_as_json_and_the_next_call_works(tmp_path: Path) -> None:
    body = "return {'US': 1}[lead.country]"
    good = envelope(args={"lead": {"country": "US"}})
    answers, printed = invoke(tmp_path, PLUGIN.format(body=body), envelope(), good)
    failure = failure_of(answers[0])
    assert (failure.type, failure.message, failure.category) == ("KeyError", "'WS'", Category.RUNTIME_ERROR)
    assert [(frame.file, frame.line, frame.function) for frame in failure.frames] == [
        ("main.py", 5, "Demo.lead_created")
    ]
    assert result_of(answers[1]).value == 1
    assert printed.startswith("[ERROR] KeyError: {")


@pytest.mark.parametrize(
    ("body", "name", "category"),
    [
        ("raise SystemExit(3)", "SystemExit", Category.RUNTIME_ERROR),
        ("import sys; sys.exit()", "SystemExit", Category.RUNTIME_ERROR),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", Category.RUNTIME_ERROR),
        ("return self.lead_created(lead)", "RecursionError", Category.RUNTIME_ERROR),
        ("return {1}", "HookResultError", Category.RESPONSE_ERROR),
        ("return 'x' * 7_000_000", "HookResultError", Category.RESPONSE_ERROR),
        ("return '\\ud800'", "HookResultError", Category.RESPONSE_ERROR),
        ("raise type('E x\\x7f', (Exception,), {})('\\ud800\\x00')", "E_x_", Category.RUNTIME_ERROR),
        ("import leftpad", "ModuleNotFoundError", Category.DEPENDENCY_ERROR),
        ("import rightpad", "ModuleNotFoundError", Category.IMPORT_ERROR),
        ("return self.api.send_notification('x')", "PermissionError", Category.PERMISSION_ERROR),
    ],
)
def test_hooks_that_fail_in_every_way(tmp_path: Path, body: str, name: str, category: Category) -> None:
    answers, _ = invoke(tmp_path, PLUGIN.format(body=body), envelope(), envelope(""))
    failure = failure_of(answers[0])
    assert (failure.type, failure.category) == (name, category)
    result_of(answers[1])


@pytest.mark.parametrize(
    ("code", "name", "category"),
    [
        ("import no_such_thing", "ModuleNotFoundError", Category.IMPORT_ERROR),
        ("import leftpad", "ModuleNotFoundError", Category.DEPENDENCY_ERROR),
        ("def f(:", "SyntaxError", Category.IMPORT_ERROR),
        ("x = 1", "ImportError", Category.IMPORT_ERROR),
        ("Demo = 5", "ImportError", Category.IMPORT_ERROR),
        ("raise SystemExit(0)", "SystemExit", Category.IMPORT_ERROR),
        ("raise ValueError('at import')", "ValueError", Category.IMPORT_ERROR),
        ("class Demo:\n    def __init__(self): raise KeyError('init')", "KeyError", Category.IMPORT_ERROR),
        ("class Demo:\n    def __init__(self, x): ...", "TypeError", Category.IMPORT_ERROR),
    ],
)
def test_an_import_that_fails_fails_the_same_way_each_time(
    tmp_path: Path, code: str, name: str, category: Category
) -> None:
    answers, _ = invoke(tmp_path, code, envelope(""), envelope())
    first, second = map(failure_of, answers)
    assert (first.type, first.category) == (name, category)
    assert first == second


def test_a_module_is_executed_once_though_its_import_failed(tmp_path: Path) -> None:
    answers, printed = invoke(tmp_path, "print('import' + 'ing')\nraise ValueError\n", envelope(), envelope())
    assert len(answers) == 2
    assert printed.count("importing") == 1


def test_a_dependency_that_breaks_while_it_is_imported(tmp_path: Path) -> None:
    files = {
        "main.py": "import leftpad\n",
        "../opt/python/leftpad/__init__.py": "raise ValueError('dtype size changed')\n",
    }
    answers, _ = invoke(tmp_path, files, envelope())
    failure = failure_of(answers[0])
    assert failure.type == "ValueError"
    assert failure.frames[-1].file == "leftpad/__init__.py"


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        "{",
        "null",
        '{"id": 5}',
        '{"id": "demo"}',
        "\x00",
        json.dumps({**MANIFEST, "hooks": ["lead_created"]}),
    ],
)
def test_a_broken_manifest_is_a_clear_failure(tmp_path: Path, manifest: str) -> None:
    answers, _ = invoke(tmp_path, PLUGIN.format(body="pass"), envelope(), manifest=manifest)
    failure = failure_of(answers[0])
    assert failure.type == "InvalidInputError"
    assert "manifest" in failure.message


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({}, "version None"),
        ([], "must be a JSON object"),
        (None, "must be a JSON object"),
        (envelope(hook="lead_deleted"), "has no hook 'lead_deleted'; it has lead_created"),
        (envelope(hook="__init__"), "has no hook"),
        (envelope(hook="bind_call"), "has no hook"),
        (envelope(plugin={"id": "other", "version": "1"}), "for the plugin 'other'"),
        (envelope(v=2), "version 2"),
        (envelope(args=[]), "'args'"),
        (envelope(permissions=[{"a": []}]), ""),
    ],
)
def test_a_call_that_is_none(tmp_path: Path, event: Any, said: str) -> None:
    answers, _ = invoke(tmp_path, PLUGIN.format(body="return 1"), event, envelope())
    if said:
        assert said in failure_of(answers[0]).message
    assert result_of(answers[1]).value == 1


def test_nothing_secret_is_printed_or_sent(tmp_path: Path) -> None:
    body = "import os; raise ValueError('token=abcdefgh12345678 ' + os.environ['AWS_SECRET_ACCESS_KEY'])"
    answers, printed = invoke(tmp_path, PLUGIN.format(body=body), envelope())
    everything = json.dumps(answers) + printed
    assert "wJalrXUtnFEMI" not in everything
    assert "abcdefgh12345678" not in everything
    assert failure_of(answers[0]).message == "token=*** ***"


def test_the_log_gets_one_short_entry_without_the_original_trace(tmp_path: Path) -> None:
    answers, printed = invoke(tmp_path, PLUGIN.format(body="raise ValueError('x' * 1_000_000)"), envelope())
    failure_of(answers[0])
    assert len(printed) < FAILURE_MAX_BYTES + 2000
    assert len(answers[0][1]["stackTrace"]) == 1


@pytest.mark.parametrize("entry_point", ["json.py", "my-plugin.py", "app/plugin.py", "app.plugin", "calendar.py"])
def test_entry_points_whose_names_are_taken_or_odd(tmp_path: Path, entry_point: str) -> None:
    file = entry_point if entry_point.endswith(".py") else "app/plugin.py"
    helper = {"app/__init__.py": "", "app/near.py": "VALUE = 5\n"} if file.startswith("app/") else {}
    code = PLUGIN.format(body="return VALUE")
    code = ("from .near import VALUE\n" if helper else "VALUE = 5\n") + code
    answers, _ = invoke(tmp_path, {file: code, **helper}, envelope(), manifest={"entry_point": entry_point})
    assert result_of(answers[0]).value == 5


def test_what_a_plugin_may_not_import_fails_its_import_with_line_and_edit(tmp_path: Path) -> None:
    answers, _ = invoke(tmp_path, "import json\nimport socket\n" + PLUGIN.format(body="return 1"), envelope())
    failure = failure_of(answers[0])
    assert (failure.type, failure.category) == ("ImportError", Category.IMPORT_ERROR)
    assert failure.message.startswith("'socket' is not for plugins to import (main.py:2): opens raw connections")
    assert (failure.frames[-1].file, failure.frames[-1].line) == ("main.py", 2)


def test_a_hook_that_imports_what_it_may_not_fails_alone(tmp_path: Path) -> None:
    body = "if lead['country'] == 'WS':\n            import subprocess\n        return 1"
    lead = {"args": {"lead": {"country": "DE"}}}
    answers, _ = invoke(tmp_path, PLUGIN.format(body=body), envelope(), envelope(**lead))
    assert "'subprocess' is not for plugins to import (main.py:6)" in failure_of(answers[0]).message
    assert result_of(answers[1]).value == 1


@pytest.mark.parametrize("file", ["queue.py", "html/__init__.py"])
def test_a_file_that_hides_python_s_own_fails_the_import(tmp_path: Path, file: str) -> None:
    answers, _ = invoke(tmp_path, {"main.py": PLUGIN.format(body="return 1"), file: ""}, envelope())
    failure = failure_of(answers[0])
    assert failure.category == Category.IMPORT_ERROR
    assert failure.message.startswith(f"{file} would hide Python's own")


def test_a_class_that_knows_nothing_of_us(tmp_path: Path) -> None:
    answers, _ = invoke(
        tmp_path, "class Demo:\n    def lead_created(self, lead, api): return lead['id']\n", envelope()
    )
    assert result_of(answers[0]).value == 7


def test_the_runtime_imports_the_standard_library_and_itself_only() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); before = set(sys.modules)\n"
        "import services_ai_sdk.plugin.handler, services_ai_sdk.plugin.base, services_ai_sdk.plugin.hookimpl\n"
        "import services_ai_sdk.hooks.catalogue\n"
        "print(' '.join({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    command = [sys.executable, "-I", "-S", "-c", code, SDK]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert set(out) - sys.stdlib_module_names - {"org"} == {"services_ai_sdk"}


def test_the_handler_leaves_out_what_is_slow_to_import() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import services_ai_sdk.plugin.handler\n"
        "print(' '.join(sys.modules))"
    )
    command = [sys.executable, "-I", "-S", "-c", code, SDK]
    loaded = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    slow = {
        "pathlib",
        "asyncio",
        "subprocess",
        "importlib.metadata",
        "importlib.util",
        "uuid",
        "hashlib",
        "difflib",
    }
    assert not loaded & {*slow, "urllib.parse", "tempfile", "services_ai_sdk.hooks.catalogue"}


def test_an_import_that_hangs_fails_each_call_at_once_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST))
    (tmp_path / "main.py").write_text("import time\ntry:\n    time.sleep(60)\nexcept Exception:\n    pass\n")
    runtime = PluginRuntime({"LAMBDA_TASK_ROOT": str(tmp_path)}, import_max_s=0.1)
    try:
        for _ in range(2):
            with pytest.raises(Exception, match="the import of the plugin was still running") as caught:
                runtime.handle(envelope(), None)
            failure = Failure.from_dict(json.loads(str(caught.value)))
            assert (failure.type, failure.category) == ("HookTimedOut", Category.IMPORT_ERROR)
            top = failure.top_frame()
            assert top is not None
            assert (top.file, top.line) == ("main.py", 3)
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("main", None)
