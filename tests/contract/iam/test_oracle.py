"""What an independent evaluator decides is what we decide."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from infra.local.iam.context import Context
from infra.local.iam.decision import Answer, Attached, Principal, Question, decide
from infra.local.iam.documents import read_policy
from tests.contract.iam.oracle import OracleMissing, ask, oracle_folder
from tests.contract.iam.random_policies import ACCOUNT, ROLE, SESSION, Case, random_case

FEW, MANY = 600, 20_000


@pytest.fixture(scope="session")
def oracle() -> Path:
    try:
        return oracle_folder()
    except OracleMissing as error:
        pytest.skip(f"no network to fetch the oracle: {error}")


def ours(case: Case) -> Answer:
    values = {
        key.lower(): tuple(value) if isinstance(value, list) else (value,) for key, value in case.context.items()
    }
    attached = Attached(
        tuple(read_policy(f"p{at}", json.dumps(one)) for at, one in enumerate(case.identity)),
        None if case.boundary is None else read_policy("boundary", json.dumps(case.boundary)),
    )
    of_resource = (
        None
        if case.of_resource is None
        else read_policy("resource", json.dumps(case.of_resource), of_resource=True)
    )
    principal = Principal(case.principal, ACCOUNT, ROLE if case.principal == SESSION else "")
    question = Question(case.action, case.resource, Context(values, closed=True))
    return decide(question, attached, principal, of_resource)


def word(answer: Answer) -> str:
    if answer.allowed:
        return "Allowed"
    return "ExplicitlyDenied" if answer.statement else "ImplicitlyDenied"


def simulation(case: Case) -> dict[str, Any]:
    named = [{"name": f"p{at}", "policy": one} for at, one in enumerate(case.identity)]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    return {
        "request": {
            "principal": case.principal,
            "action": case.action,
            "resource": {"resource": case.resource, "accountId": ACCOUNT},
            "contextVariables": case.context,
        },
        "identityPolicies": named,
        "serviceControlPolicies": [{"orgIdentifier": "o", "policies": [{"name": "all", "policy": everything}]}],
        "resourceControlPolicies": [],
        **({"resourcePolicy": case.of_resource} if case.of_resource else {}),
        **({"permissionBoundaryPolicies": [{"name": "b", "policy": case.boundary}]} if case.boundary else {}),
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_a_few_hundred_random_policies(oracle: Path, seed: int) -> None:
    compare(oracle, seed, FEW // 2)


@pytest.mark.iam_oracle
def test_thousands_of_random_policies(oracle: Path) -> None:
    compare(oracle, 3, MANY)


def compare(oracle: Path, seed: int, count: int) -> None:
    random = Random(seed)
    cases = [random_case(random) for _ in range(count)]
    theirs = ask(oracle, [simulation(case) for case in cases])
    words = Counter(theirs)
    assert min(words[one] for one in ("Allowed", "ImplicitlyDenied", "ExplicitlyDenied")) > count / 20, words
    differing = [
        f"ours {word(found)} by {found.statement or found.kind}, theirs {answer}: {json.dumps(vars(case))}"
        for case, answer in zip(cases, theirs, strict=True)
        if word(found := ours(case)) != answer
    ]
    assert not differing, f"{len(differing)} of {count} differ; the first:\n" + "\n".join(differing[:3])
