"""Runs in the copy: one process that has imported what is slow to import, and a fork of it for each test."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import boto3
import hypothesis  # noqa: F401
import moto.dynamodb.models
import moto.dynamodbstreams.models  # noqa: F401
import pytest
from moto import mock_aws

from tests.mutants.catalogue import MUTANTS, Mutant

OUTPUT = Path("mutants-output.txt")


def exit_code(test: str) -> int:
    """Of one test, run on the files as they are now."""
    child = os.fork()
    if child == 0:
        output = os.open(OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        code = pytest.main(["-q", "-x", "-p", "no:cacheprovider", test])
        sys.stdout.flush()
        os._exit(int(code))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def verdict(mutant: Mutant) -> str:
    """`killed`, or why not."""
    path = Path(mutant.path)
    code = path.read_text(encoding="utf-8")
    if code.count(mutant.old) != 1:
        return f"DOES NOT APPLY: its text occurs {code.count(mutant.old)} times in {mutant.path}"
    path.write_text(code.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        found = exit_code(mutant.killer)
    finally:
        path.write_text(code, encoding="utf-8")
    if found == pytest.ExitCode.TESTS_FAILED:
        return "killed"
    return "SURVIVED" if found == pytest.ExitCode.OK else f"ITS TEST DID NOT RUN\n{OUTPUT.read_text()}"


def main(numbers: list[int]) -> int:
    """Prints the table; returns the exit code."""
    with mock_aws():
        boto3.client("dynamodb", region_name="us-east-1")  # reads the models once for all forks
    left = 0
    for test in dict.fromkeys(MUTANTS[number - 1].killer for number in numbers):
        if exit_code(test) != pytest.ExitCode.OK:
            print(f"fails on the code as it is, and would kill anything: {test}\n{OUTPUT.read_text()}")
            return 1
    for number in numbers:
        mutant, started_s = MUTANTS[number - 1], time.monotonic()
        found = verdict(mutant)
        took_s = time.monotonic() - started_s
        print(f"{number:>3}  {mutant.what:<62}  {found:<8} {took_s:5.1f} s  {mutant.killer.rpartition('::')[2]}")
        sys.stdout.flush()
        left += found != "killed"
    print(f"{len(numbers) - left} of {len(numbers)} killed")
    return 1 if left else 0


if __name__ == "__main__":
    raise SystemExit(main([int(number) for number in sys.argv[1:]]))
