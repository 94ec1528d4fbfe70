"""Which hosts and addresses a function may reach: the list, and what no list can open."""

from __future__ import annotations

import pytest

from services_ai_sdk.emulator.addresses import is_public
from services_ai_sdk.emulator.network_rules import HostRule, NetworkRules, host_and_port
from services_ai_sdk.emulator.spec import SandboxProfile

LIST = NetworkRules("hosts", ["api.example.com", "*.shop.example", "mail.example.com:8443"])


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("api.example.com", 443), ("a.shop.example", 443), ("a.b.shop.example", 443), ("mail.example.com", 8443),
    ],
)  # fmt: skip
def test_what_the_list_names_is_allowed(host: str, port: int) -> None:
    assert LIST.refusal(host, port) == ""


@pytest.mark.parametrize(
    ("host", "port", "entry"),
    [
        ("api.example.com", 80, "api.example.com:80"),
        ("api.example.com", 22, "api.example.com:22"),
        ("mail.example.com", 443, "mail.example.com"),
        ("example.com", 443, "example.com"),
        ("x.api.example.com", 443, "x.api.example.com"),
        ("shop.example", 443, "shop.example"),
        ("evilshop.example", 443, "evilshop.example"),
        ("api.example.com.evil.org", 443, "api.example.com.evil.org"),
        ("93.184.215.14", 443, "93.184.215.14"),
    ],
)
def test_anything_else_is_refused_with_the_edit(host: str, port: int, entry: str) -> None:
    assert (
        LIST.refusal(host, port) == f'the manifest does not name it: add "{entry}" to "network" in manifest.json'
    )


def test_without_a_list_nothing_is_allowed_and_with_internet_all_but_mail() -> None:
    assert NetworkRules("none", ["api.example.com"]).refusal("api.example.com", 443) == (
        'the manifest asks for no network: add "network": ["api.example.com"] to manifest.json'
    )
    internet = NetworkRules("internet")
    assert [internet.refusal("any.example", port) for port in (443, 80, 8443)] == [""] * 3
    assert "port 25 is closed" in internet.refusal("any.example", 25)


@pytest.mark.parametrize(
    "text",
    ["", "*", "*.com", "com", "a..b.com", "https://a.com", "a.com/x", "a.com:0", "a.com:65536", "a.com:", "A.com",
     "a.*.com", "-a.com", "a.com\n", "a.com:443:443", "::1"],
)  # fmt: skip
def test_what_is_no_host_is_not_read_as_one(text: str) -> None:
    with pytest.raises(ValueError, match="is no host like"):
        HostRule.parse(text)


@pytest.mark.parametrize(
    ("authority", "read"),
    [
        ("API.example.com:443", ("api.example.com", 443)), ("a.b.:443", ("a.b", 443)), ("[::1]:80", ("::1", 80)),
        ("127.1:80", ("127.1", 80)), ("a.b", None), ("a.b:", None), ("a.b:x", None), ("a.b:0", None),
        ("a.b:70000", None), ("a b.c:443", None), (":443", None), ("a\x00.b:443", None), ("a.b:٤٤٣", None),
        ("http://a.b:80", None), ("a" * 254 + ":443", None),
    ],
)  # fmt: skip
def test_what_connect_asks_for(authority: str, read: tuple[str, int] | None) -> None:
    assert host_and_port(authority) == read


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.255.0.9", "0.0.0.0", "0.1.2.3", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
     "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "::",
     "::1", "::ffff:8.8.8.8", "::ffff:127.0.0.1", "::8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808",
     "2002:7f00:1::", "2001:0:1::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254",
     "ff02::1", "2001:db8::1",
     "", "localhost", "2130706433"],
)  # fmt: skip
def test_addresses_that_no_plugin_reaches(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "93.184.215.14", "2606:4700:4700::1111"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


def test_a_profile_has_its_network() -> None:
    read = SandboxProfile.from_mapping(
        {"v": 2, "network": "hosts", "hosts": ["api.example.com", "*.shop.example"]}
    )
    assert (read.network, read.hosts) == ("hosts", ("api.example.com", "*.shop.example"))
    assert SandboxProfile.from_mapping({"v": 1, "network": "none"}).network == "none"
    assert SandboxProfile.from_mapping({}).network == "none"


@pytest.mark.parametrize(
    "data",
    [{"network": "all"}, {"network": None}, {"network": ["a.com"]}, {"network": "hosts", "hosts": "a.com"},
     {"network": "hosts", "hosts": [1]}, {"network": "hosts", "hosts": ["*"]}],
)  # fmt: skip
def test_a_profile_with_another_network_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"sandbox profile: (network|hosts)"):
        SandboxProfile.from_mapping(data)
