"""Hand-made zips, wheels and plugins: what the bundler must take, and what it must refuse."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.bundler.dependencies import DependencyManager


@dataclass
class Part:
    """One entry of a crafted zip; anything but name and data is a lie or an oddity."""

    name: bytes
    data: bytes = b"x"
    method: int = 8
    flags: int = 0
    mode: int = 0o100644
    local: dict[str, Any] = field(default_factory=dict)  # overrides in the local header only
    central: dict[str, Any] = field(default_factory=dict)  # … in the directory only
    both: dict[str, Any] = field(default_factory=dict)
    extra: bytes = b""
    descriptor: bytes | None = None
    gap: bytes = b""
    body: bytes | None = None


def deflate(data: bytes) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return engine.compress(data) + engine.flush()


def craft(
    parts: Iterable[Part],
    *,
    end: dict[str, int] | None = None,
    prefix: bytes = b"",
    suffix: bytes = b"",
    tail: bytes = b"",
) -> bytes:
    """A zip written byte by byte. `suffix` goes between data and directory, `tail` after the end."""
    out, directory, count = bytearray(prefix), bytearray(), 0
    for part in parts:
        out += part.gap
        body = part.body if part.body is not None else (deflate(part.data) if part.method == 8 else part.data)
        true = {
            "name": part.name,
            "flags": part.flags,
            "method": part.method,
            "crc": zlib.crc32(part.data),
            "compressed": len(body),
            "size": len(part.data),
            "extra": part.extra,
            "offset": len(out),
        } | part.both
        there, here = true | part.local, true | part.central
        out += struct.pack(
            "<4s5H3I2H",
            b"PK\x03\x04", 20, there["flags"], there["method"], 0, 33, there["crc"], there["compressed"],
            there["size"], len(there["name"]), len(there["extra"]),
        )  # fmt: skip
        out += there["name"] + there["extra"] + body + (part.descriptor or b"")
        directory += struct.pack(
            "<4s6H3I5H2I",
            b"PK\x01\x02", 3 << 8 | 20, 20, here["flags"], here["method"], 0, 33, here["crc"], here["compressed"],
            here["size"], len(here["name"]), len(here["extra"]), 0, 0, 0, part.mode << 16, here["offset"],
        )  # fmt: skip
        directory += here["name"] + here["extra"]
        count += 1
    out += suffix
    last = {"disk": 0, "here": count, "count": count, "length": len(directory), "offset": len(out), "comment": b""}
    last |= end or {}
    out += directory
    out += struct.pack(
        "<4s4H2IH",
        b"PK\x05\x06", last["disk"], last["disk"], last["here"], last["count"], last["length"], last["offset"],
        len(last["comment"]),
    )  # fmt: skip
    return bytes(out + last["comment"] + tail)


@pytest.fixture
def part() -> type[Part]:
    return Part


@pytest.fixture
def zip_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a crafted zip."""

    def write(parts: Iterable[Part], **options: Any) -> Path:
        path = tmp_path / "crafted.zip"
        path.write_bytes(craft(parts, **options))
        return path

    return write


@pytest.fixture
def make_wheel(tmp_path: Path) -> Callable[..., Path]:
    """Puts a wheel into `tmp_path/wheels`, a find-links folder."""

    def make(
        name: str,
        version: str = "1.0",
        files: dict[str, bytes] | None = None,
        *,
        tag: str = "py3-none-any",
        requires: Iterable[str] = (),
        metadata_name: str = "",
        executable: Iterable[str] = (),
    ) -> Path:
        folder = tmp_path / "wheels"
        folder.mkdir(exist_ok=True)
        path = folder / f"{name}-{version}-{tag}.whl"
        info = f"{name}-{version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {metadata_name or name}\nVersion: {version}\nLicense: MIT\n"
        metadata += "".join(f"Requires-Dist: {line}\n" for line in requires)
        content = {f"{name}/__init__.py": b"", **(files or {})}
        content[f"{info}/METADATA"] = metadata.encode()
        content[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n".encode()
        rows = [f'"{file}",sha256=x,1\n' for file in [*content, f"{info}/RECORD"]]
        content[f"{info}/RECORD"] = "".join(rows).encode()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file, data in content.items():
                entry = zipfile.ZipInfo(file, (2020, 1, 1, 0, 0, 0))
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = (0o100755 if file in executable else 0o100664) << 16
                archive.writestr(entry, data)
        return path

    return make


@pytest.fixture
def manager(tmp_path: Path) -> DependencyManager:
    """Resolves for real, from `tmp_path/wheels` alone."""
    (tmp_path / "wheels").mkdir(exist_ok=True)
    return DependencyManager.from_environment(environ=offline(tmp_path))


@pytest.fixture
def offline_environment(tmp_path: Path) -> dict[str, str]:
    return offline(tmp_path)


def offline(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "SERVICES_AI_CACHE": str(tmp_path / "cache"),
        "PIP_NO_INDEX": "1",
        "UV_FIND_LINKS": str(tmp_path / "wheels"),
        "UV_CACHE_DIR": str(tmp_path / "uv"),
    }


MANIFEST: dict[str, Any] = {
    "name": "Phone numbers",
    "version": "1.2.0",
    "description": "Writes phone numbers the same way everywhere.",
    "author": "Ada",
    "email": "ada@example.com",
}
MAIN = """\
from services_ai_sdk import ServicesAIPlugin, hookimpl


class Phones(ServicesAIPlugin):
    @hookimpl
    def lead_created(self, lead, context):
        return lead["phone"]
"""


@pytest.fixture
def make_plugin(tmp_path: Path) -> Callable[..., Path]:
    """A plugin's folder with a manifest, a main.py and what else is asked for."""

    def make(
        packages: dict[str, str] | None = None,
        folder: str = "plugin",
        files: dict[str, str] | None = None,
        **fields: Any,
    ) -> Path:
        root = tmp_path / folder
        root.mkdir(parents=True, exist_ok=True)
        manifest = MANIFEST | ({"dependencies": {"packages": packages}} if packages else {}) | fields
        for name, text in ({"manifest.json": json.dumps(manifest), "main.py": MAIN} | (files or {})).items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return root

    return make


@pytest.fixture
def rezip() -> Callable[..., bytes]:
    """A zip with entries replaced, added (or, given None, taken out)."""

    def change(path: Path, changes: dict[str, bytes | None]) -> bytes:
        with zipfile.ZipFile(path) as archive:
            content = {name: archive.read(name) for name in archive.namelist()}
        for name, data in changes.items():
            if data is None:
                del content[name]
            else:
                content[name] = data
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, data in content.items():
                archive.writestr(name, data)
        return out.getvalue()

    return change


@pytest.fixture
def digest() -> Callable[[Path], str]:
    return lambda path: hashlib.sha256(path.read_bytes()).hexdigest()
