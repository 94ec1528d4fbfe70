"""The benchmarks' entry, and what the engine's says; never how fast anything is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as entry
from benchmarks import beside, cli, document, engine, package, sandbox
from benchmarks.engine_parts.layered import ALL, BARE, EDITS, GROUP, PROXY
from services_ai_sdk.emulator.sandbox import Command

ROOT = Path(__file__).resolve().parents[3]
FIGURES = {
    "warm p50, ms",
    "warm p99, ms",
    "raw, 1 caller, per s",
    "raw, 8 callers, per s",
    "raw, 32 callers, per s",
    "boto3, 1 callers, per s",
    "boto3, 8 callers, per s",
    "boto3, 32 callers, per s",
    "memory a worker, RSS, MB",
    "memory a worker, PSS, MB",
    "cold start, ms",
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def figures(engine_p50_ms: float) -> dict[str, dict[str, float]]:
    return {
        "warm p50, ms": {"floor": 0.2, "engine": engine_p50_ms},
        "raw, 8 callers, per s": {"floor": 6000.0, "engine": 4500.0},
    }


def test_without_a_name_it_lists_each_with_its_first_line() -> None:
    listed = run()
    assert listed.returncode == 0
    assert {"breaker", "engine", "soak"} <= set(entry.names())
    for name, line in entry.names().items():
        assert line, name
        assert f"  {name:<10} {line}" in listed.stdout.splitlines()
    assert listed.stderr == ""


@pytest.mark.parametrize("name", ["nope", "__main__", "engine_parts", "../benchmarks/engine", "engine.py", ""])
def test_an_unknown_name_is_refused_with_the_list(name: str) -> None:
    refused = run(name)
    assert refused.returncode == 2
    assert f"no benchmark {name!r}" in refused.stderr
    assert "  breaker    " in refused.stderr
    assert refused.stdout == ""


def test_arguments_and_exit_codes_are_the_benchmarks_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        entry.main(["engine", "--no-such-option"])
    assert ended.value.code == 2
    assert "unrecognized arguments: --no-such-option" in capsys.readouterr().err


@pytest.mark.parametrize(("p50_ms", "said"), [(0.22, "met (1.10)"), (0.222, "missed (1.11)")])
def test_the_table_says_whether_the_aim_is_met(p50_ms: float, said: str) -> None:
    text = engine.table(figures(p50_ms))
    assert f"aim: warm p50 at most 1.1 × the floor: {said}" in text.splitlines()
    assert "0.75" in next(line for line in text.splitlines() if line.startswith("raw, 8 callers"))


@pytest.mark.parametrize(
    ("peer_per_s", "cold_ms", "said"), [(2250.0, 80.0, "met (2.00)"), (2300.0, 81.0, "missed")]
)
def test_the_table_says_how_the_best_peer_and_a_bare_start_compare(
    peer_per_s: float, cold_ms: float, said: str
) -> None:
    shown = figures(0.2)
    shown["raw, 8 callers, per s"] |= {"ministack": 20.0, "serverless-offline": peer_per_s}
    shown["cold start, ms"] = {"floor": 45.0, "engine": cold_ms, "bare": 50.0}
    lines = engine.table(shown).splitlines()
    assert any(
        line.startswith(f"aim: 8 callers at least 2.0 × the best peer (serverless-offline): {said}")
        for line in lines
    )
    assert any(
        line.startswith(f"aim: cold start, every protection on, at most 1.6 × bare: {said[:3]}") for line in lines
    )
    assert lines[0].split() == ["floor", "engine", "ratio", "serverless-offline", "ministack"]


def test_a_peer_that_is_missing_is_said_and_not_left_out() -> None:
    lines = engine.table(figures(0.2), {"ministack": "no network"}).splitlines()
    assert lines[-1] == "ministack: not measured: no network"
    assert "aim: 8 callers at least 2.0 × the best peer (none was measured): not measured" in lines


def test_an_unknown_peer_is_refused() -> None:
    refused = run("engine", "--peers", "ministack,nobody")
    assert refused.returncode == 2
    assert "no such peer: nobody (there are serverless-offline, ministack)" in refused.stderr


@pytest.mark.parametrize(("p99_ms", "said"), [(3.0, "met (3.00)"), (3.1, "missed (3.10)")])
def test_the_table_beside_queries_says_whether_the_aim_is_met(p99_ms: float, said: str) -> None:
    shown = {"idle p50, ms": 0.2, "beside p50, ms": 0.3, "idle p99, ms": 1.0, "beside p99, ms": p99_ms}
    assert beside.table({**shown, "one query, ms": 27.0}).endswith(said)


def test_beside_queries_every_figure_is_there() -> None:
    """A few seconds: the local cloud, its queries, both loads."""
    done = run("beside", "--quick", "--json")
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)["figures"]
    assert set(measured) == {"idle p50, ms", "idle p99, ms", "beside p50, ms", "beside p99, ms", "one query, ms"}
    assert all(value > 0 for value in measured.values())


def test_a_section_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text("# Benchmarks\n\n## engine\n", encoding="utf-8")
    document.write("old figures", "engine 3.11", "3.11", "./dev bench engine", page)
    document.write("other Python", "engine 3.12", "3.12", "./dev bench engine", page)
    with page.open("a", encoding="utf-8") as file:
        file.write("\n## breaker\n")
    document.write("new figures", "engine 3.11", "3.11", "./dev bench engine", page)
    text = page.read_text(encoding="utf-8")
    assert "old figures" not in text
    assert text.startswith("# Benchmarks\n\n## engine\n\n<!-- engine 3.11 -->\n`./dev bench engine` · ")
    assert text.index("new figures") < text.index("other Python") < text.index("## breaker")
    assert text.count("<!-- engine 3.11 -->") == 1


def test_the_engine_s_answer_has_every_figure_of_both() -> None:
    """About ten seconds: both servers, real workers, every row once."""
    store = Path(f"/var/tmp/services-ai-tests-{os.getuid()}") / "store"
    for folder in (store.parent, store):
        folder.mkdir(mode=0o711, exist_ok=True)
        folder.chmod(0o711)
    done = run("engine", "--quick", "--json", "--peers", "none", "--python", "3.11", "--store", str(store))
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["python"] == "3.11"
    assert len(answer["aims"]) == 3
    assert answer["peers_missing"] == {}
    assert set(answer["figures"]) == FIGURES
    for name, by in answer["figures"].items():
        assert set(by) == {"floor", "engine"} | ({"bare"} if name == "cold start, ms" else set()), name
        assert all(value > 0 for value in by.values()), name


def test_the_sandbox_s_answer_has_every_layer() -> None:
    """A few seconds: a worker without each layer, a cold start and some calls of each."""
    store = Path(f"/var/tmp/services-ai-tests-{os.getuid()}") / "store"
    for folder in (store.parent, store):
        folder.mkdir(mode=0o711, exist_ok=True)
        folder.chmod(0o711)
    done = run("sandbox", "--quick", "--json", "--python", "3.11", "--store", str(store))
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    expected = {ALL, BARE, PROXY, "network namespace", "IPC, host name, cgroup namespaces", "system-call filter"}
    assert set(answer["figures"]) - {GROUP} == expected | {"limits"}
    assert all(value > 0 for by in answer["figures"].values() for value in by.values())
    assert answer["aim"].startswith("aim: a warm call with every layer")


def test_without_a_layer_it_is_really_off() -> None:
    options = json.dumps({"ports": [9001, 4566, 3128], "limits": {"RLIMIT_NPROC": 64}})
    arguments = ("--unshare-all", "--unshare-user", "--hostname", "lambda", "--proc", "/proc")
    whole = Command(("bwrap", options), arguments, {}, b"filter", sandboxed=True)

    def without(layer: str) -> tuple[Command, dict[str, Any]]:
        command = EDITS[layer](whole)
        return command, json.loads(command.argv[-1])

    command, told = without("network namespace")
    assert {"--unshare-net", "--unshare-all"}.isdisjoint(command.arguments)
    assert {"--unshare-pid", "--unshare-ipc", "--unshare-uts"} <= set(command.arguments)
    assert told["ports"] == [0, 0, 0]
    command, told = without("IPC, host name, cgroup namespaces")
    assert {"--unshare-ipc", "--unshare-uts", "--unshare-all", "--hostname"}.isdisjoint(command.arguments)
    assert "--unshare-net" in command.arguments
    assert without("system-call filter")[0].filter == b""
    assert without("limits")[1]["limits"] == {}
    assert without(PROXY)[1]["ports"] == [9001, 4566]
    assert EDITS[ALL](whole) == whole


@pytest.mark.parametrize(("warm_ms", "said"), [(0.21, "met (1.05)"), (0.22, "missed (1.10)")])
def test_the_sandbox_s_table_says_whether_the_aim_is_met(warm_ms: float, said: str) -> None:
    shown = {ALL: {"cold_ms": 60.0, "warm_ms": warm_ms}, BARE: {"cold_ms": 40.0, "warm_ms": 0.2}}
    lines = sandbox.table(shown).splitlines()
    assert lines[-1].endswith(said)
    assert lines[2].split()[-4:-2] == ["40.0", "1.50"]


@pytest.mark.parametrize(("help_s", "verdict"), [(0.08, "met (80)"), (0.2, "missed (200)")])
def test_the_help_s_table_says_whether_the_aim_is_met(help_s: float, verdict: str) -> None:
    text = cli.table({"python -c pass": 0.01, "services-ai-plugin --help": help_s})
    assert text.endswith(verdict)


@pytest.mark.parametrize(("warm_s", "verdict"), [(1.0, "met (10.0)"), (5.0, "missed (2.0)")])
def test_the_package_table_compares_with_a_warm_sam_build(warm_s: float, verdict: str) -> None:
    figures = {"ours": {"cold": 8.0, "warm": warm_s}, "sam build": {"cold": 16.0, "warm": 10.0}}
    text = package.table({"requests+pandas": figures})
    assert text.endswith(verdict)
    assert "16.00     2.0" in text


def test_what_the_package_benchmark_builds_is_a_plugin(tmp_path: Path) -> None:
    plugin = package.plugin_folder(tmp_path, {"six": "1.x"})
    assert package.ours(plugin, tmp_path, tmp_path)() is None
    assert (tmp_path / "dist" / "bench-1.0.0.zip").is_file()
    assert (plugin / "requirements.txt").read_text().startswith("six")
