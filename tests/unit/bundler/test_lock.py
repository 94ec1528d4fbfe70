from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.pylock import Pylock

from services_ai_sdk.bundler.lock import Lock, LockedWheel, parse_lock, satisfies
from services_ai_sdk.bundler.target import target_for, wheel_tags
from services_ai_sdk.manifest.specs import requirements
from services_ai_sdk.wire.errors import InvalidInputError

OLD = target_for("python3.11", "x86_64")
NEW = target_for("python3.12", "x86_64")
SHA = "ab" * 32
HASH = f'hashes = {{ sha256 = "{SHA}" }}'
EMPTY = b'lock-version = "1.0"\ncreated-by = "x"\npackages = []\n'


def locked(name: str, version: str = "1.0", tag: str = "py3-none-any") -> LockedWheel:
    filename = f"{name}-{version}-{tag}.whl"
    return LockedWheel(name, version, filename, f"https://index.example.com/f/{filename}", SHA, 10)


def foreign(*wheels: str, name: str = "numpy", more: str = "") -> bytes:
    rows = ",".join(
        f'{{ url = "https://index.example.com/{wheel}", hashes = {{ sha256 = "{SHA}" }} }}' for wheel in wheels
    )
    text = f'lock-version = "1.0"\ncreated-by = "uv"\n[[packages]]\nname = "{name}"\nversion = "2.0"\n{more}\n'
    return (text + (f"wheels = [{rows}]" if wheels else "")).encode()


def test_a_lock_comes_back_as_it_was_written() -> None:
    lock = Lock(OLD, ("numpy>=1",), (locked("idna"), locked("numpy", tag="cp311-cp311-manylinux_2_17_x86_64")))
    text = lock.to_toml()
    assert parse_lock(text.encode(), OLD) == lock
    assert Pylock.from_dict(tomllib.loads(text)).packages[0].name == "idna"  # and PEP 751's own reader takes it


def test_an_empty_lock_is_a_lock() -> None:
    assert parse_lock(Lock(OLD, (), ()).to_toml().encode(), OLD) == Lock(OLD, (), ())


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_any_requirement_survives_the_file(text: str) -> None:
    assert parse_lock(Lock(OLD, (text,), ()).to_toml().encode(), OLD).requirements == (text,)


def test_no_path_of_this_machine_is_written() -> None:
    wheel = LockedWheel(
        "idna", "1.0", "idna-1.0-py3-none-any.whl", "file:///home/ada/idna-1.0-py3-none-any.whl", SHA
    )
    text = Lock(OLD, (), (wheel,)).to_toml()
    assert "ada" not in text
    assert parse_lock(text.encode(), OLD).wheels[0].location == "idna-1.0-py3-none-any.whl"


def test_the_digest_is_that_of_the_files_and_not_of_where_they_come_from() -> None:
    one = Lock(OLD, ("a",), (locked("idna"),))
    elsewhere = LockedWheel("idna", "1.0", "idna-1.0-py3-none-any.whl", "file:///x/idna-1.0-py3-none-any.whl", SHA)
    assert one.digest == Lock(OLD, ("b",), (elsewhere,)).digest
    assert one.digest != Lock(NEW, ("a",), (locked("idna"),)).digest
    assert one.digest != Lock(OLD, ("a",), (locked("idna", "1.1"),)).digest


def test_of_several_files_the_target_takes_its_own() -> None:
    data = foreign(
        "numpy-2.0-py3-none-any.whl",
        "numpy-2.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        "numpy-2.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        "numpy-2.0-cp311-cp311-manylinux2014_x86_64.whl",
        "numpy-2.0-cp311-cp311-manylinux2014_aarch64.whl",
    )
    assert "manylinux2014_x86_64" in parse_lock(data, OLD).wheels[0].filename  # glibc 2.26: 2_28 is too new
    assert "cp312" in parse_lock(data, NEW).wheels[0].filename
    assert "aarch64" in parse_lock(data, target_for("3.11", "arm64")).wheels[0].filename
    assert parse_lock(data, target_for("3.13", "x86_64")).wheels[0].filename == "numpy-2.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff", "lock-invalid"),
        (b"lock-version = ", "lock-invalid"),
        (b"", "lock-invalid"),
        (b'lock-version = "9.0"\ncreated-by = "x"\npackages = []', "lock-invalid"),
        (b"a = " + b"[" * 5000, "lock-invalid"),
        (b'[a]\nx = 1\n[a]\ny = 1', "lock-invalid"),
        (foreign("numpy-2.0-cp310-cp310-win_amd64.whl"), "lock-target"),
        (foreign("not a wheel"), "lock-invalid"),
        (foreign("numpy-2.0-py3-none-any.whl", more='requires-python = "<3"'), "lock-target"),
        (foreign(more=f'sdist = {{ url = "https://x.example/numpy-2.0.tar.gz", {HASH} }}'), "lock-not-a-wheel"),
        (foreign(more='directory = { path = "." }'), "lock-not-a-wheel"),
        (foreign(more='vcs = { type = "git", url = "https://x.example", commit-id = "a" }'), "lock-not-a-wheel"),
        (foreign("numpy-2.0-py3-none-any.whl").replace(SHA.encode(), b"abc"), "lock-no-hash"),
        (foreign("numpy-2.0-py3-none-any.whl").replace(b"sha256", b"md5"), "lock-no-hash"),
        (foreign("numpy-2.0-py3-none-any.whl").replace(b"https:", b"ftp:"), "lock-invalid"),
        (foreign("numpy-2.0-py3-none-any.whl").replace(b"//index", b"//user:secret@index"), "lock-invalid"),
        (foreign("numpy-2.0-py3-none-any.whl").replace(b"//index", b"//[index"), "lock-invalid"),
        (EMPTY + b"[tool.services-ai]\nrequirements = 3", "lock-invalid"),
    ],
)  # fmt: skip
def test_what_is_no_lock_of_wheels_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_lock(data, OLD)
    assert caught.value.code == code
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("packages", "answered"),
    [
        ({"idna": "^1"}, True),
        ({"idna": "*", "tqdm": "*; python_version < '3.9'"}, True),
        ({"IDNA": ">=1"}, True),
        ({"idna": "^2"}, False),
        ({"six": "*"}, False),
    ],
)
def test_another_tool_s_lock_answers_when_it_has_every_package(packages: dict[str, str], answered: bool) -> None:
    assert satisfies(Lock(OLD, None, (locked("idna"),)), requirements(packages)) is answered


def test_a_locked_pre_release_answers() -> None:
    """Some projects have nothing else, and who locked one wanted it."""
    assert satisfies(Lock(OLD, None, (locked("idna", "2.0b1"),)), requirements({"idna": ">=1"}))


@pytest.mark.parametrize(
    ("packages", "answered"), [({"idna": "^1"}, True), ({"idna": ">=1"}, False), ({"idna[x]": "^1"}, False)]
)
def test_our_lock_answers_only_what_it_was_made_for(packages: dict[str, Any], answered: bool) -> None:
    assert satisfies(Lock(OLD, ("idna<2,>=1",), (locked("idna"),)), requirements(packages)) is answered


def test_python_3_11_never_gets_a_wheel_that_its_runtime_cannot_load() -> None:
    platforms = {tag.platform for tag in wheel_tags(OLD)}
    assert {"manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux1_x86_64", "any"} <= platforms
    assert not any(f"manylinux_2_{minor}_x86_64" in platforms for minor in range(18, 40))
    newer = {tag.platform for tag in wheel_tags(NEW)}
    assert "manylinux_2_34_x86_64" in newer
    assert "manylinux_2_35_x86_64" not in newer
