"""Byte code of packages: for what is reasonable, at a bounded price, and never a reason to refuse a package."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services_ai_sdk.emulator.archive import remove_tree
from services_ai_sdk.emulator.byte_code import compile_tree
from services_ai_sdk.emulator.runtimes import Runtime, install_runtime
from tests.contract.emulator.emulators import shared_store

MINOR = f"3.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    return install_runtime(f"python{MINOR}", shared_store(), lambda line: None)


@pytest.fixture
def trees() -> Iterator[tuple[Path, Path]]:
    """Where an unprivileged user may come: a folder for sources, one for byte code."""
    root = shared_store().parent / f"byte-code-{os.getpid()}"
    files, out = root / "files", root / "out"
    for folder in (root, files, out):
        folder.mkdir()
        folder.chmod(0o755)
    yield files, out
    remove_tree(root)


def compiled(out: Path) -> set[str]:
    return {path.name.partition(".")[0] for path in out.rglob("*.pyc")}


def test_every_module_but_those_that_cannot(trees: tuple[Path, Path], runtime: Runtime) -> None:
    files, out = trees
    (files / "package").mkdir()
    texts = {
        "good.py": b"x = 1\n",
        "package/inner.py": b"x = 2\n",
        "syntax.py": b"def (:\n",
        "nested.py": b"x = " + b"(" * 50_000,
        "minus.py": b"x = " + b"-" * 500_000 + b"1\n",
        "null.py": b"x = 1\0\n",
        "cookie.py": b"# coding: nothing-known\nx = 1\n",
        "bytes.py": b"x = '\xff'\n",
        "last.py": b"x = 3\n",
        "z.txt": b"x = 4\n",
    }
    for name, text in texts.items():
        (files / name).write_bytes(text)
    (files / "link.py").symlink_to("/etc/passwd")
    compile_tree(files, out, runtime)
    assert compiled(out) == {"good", "inner", "last"}
    for path in out.rglob("*"):
        found = path.lstat()
        assert (found.st_uid, found.st_gid) == (os.geteuid(), os.getegid())
        assert found.st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)


def test_a_large_source_is_left_and_costs_nothing(trees: tuple[Path, Path], runtime: Runtime) -> None:
    files, out = trees
    (files / "large.py").write_bytes(b"".join(b"a%d=%d\n" % (number, number) for number in range(350_000)))
    (files / "small.py").write_bytes(b"x = 1\n")
    compile_tree(files, out, runtime)
    assert compiled(out) == {"small"}
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 1_200_000


def test_a_source_whose_byte_code_would_be_huge(trees: tuple[Path, Path], runtime: Runtime) -> None:
    files, out = trees
    (files / "huge.py").write_bytes(b"".join(b"'%d'*600\n" % number for number in range(100_000, 162_000)))
    lines = b"".join(b"x%d='%d'*600\n" % (number, number) for number in range(100_000, 140_000))
    (files / "large.py").write_bytes(lines)
    (files / "small.py").write_bytes(b"x = 1\n")
    compile_tree(files, out, runtime)
    assert "small" in compiled(out)
    assert all(path.stat().st_size <= 16 * 1024 * 1024 for path in out.rglob("*"))
    assert "large" not in compiled(out)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_it_does_not_compile_as_root(trees: tuple[Path, Path], runtime: Runtime) -> None:
    files, out = trees
    (files / "secret.py").write_bytes(b"x = 1\n")
    (files / "secret.py").chmod(0o600)
    (files / "open.py").write_bytes(b"x = 1\n")
    (files / "open.py").chmod(0o644)
    compile_tree(files, out, runtime)
    assert compiled(out) == {"open"}
