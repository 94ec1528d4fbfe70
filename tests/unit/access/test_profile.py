"""From a manifest to what the sandbox lets a plugin do."""

from __future__ import annotations

from typing import Any

import pytest

from services_ai_sdk.access.profile import process_profile
from services_ai_sdk.emulator.network_rules import HostRule
from services_ai_sdk.emulator.spec import SandboxProfile
from services_ai_sdk.manifest.model import Manifest

HOSTS = ["api.example.com", "*.shop.example", "mail.example.com:8443"]


def manifest(**fields: Any) -> Manifest:
    given = {
        "name": "p",
        "version": "1.0.0",
        "description": "d",
        "author": "a",
        "email": "a@example.com",
        **fields,
    }
    return Manifest.model_validate(given)


@pytest.mark.parametrize(
    ("declared", "network", "hosts"),
    [("none", "none", []), ("internet", "internet", []), (HOSTS, "hosts", sorted(HOSTS)), ([], "none", [])],
)
def test_the_network_is_the_manifests(declared: Any, network: str, hosts: list[str]) -> None:
    profile = process_profile(manifest(network=declared))
    assert (profile["v"], profile["network"], profile["hosts"]) == (2, network, hosts)
    read = SandboxProfile.from_mapping(profile)
    assert (read.network, list(read.hosts)) == (network, hosts)


def test_what_a_manifest_may_name_is_what_the_proxy_reads() -> None:
    for host in manifest(network=[*HOSTS, "a-b.c1.example:1", "a.example:65535"]).network:
        HostRule.parse(host)


@pytest.mark.parametrize(
    "host",
    ["*", "*.com", "a.*.com", "api.example.com:0", "api.example.com:65536", "api.example.com:", "API.example.com",
     "https://api.example.com", "api.example.com/x", "10.0.0.1", "localhost", "**.example.com"],
)  # fmt: skip
def test_other_hosts_are_refused(host: str) -> None:
    with pytest.raises(ValueError, match="is no host like"):
        manifest(network=[host])
