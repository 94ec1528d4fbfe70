"""Where wheels and finished layers are kept between runs, and how big files come into it."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

_CHUNK_BYTES = 1024 * 1024


def cache_folder(environ: Mapping[str, str]) -> Path:
    """`$SERVICES_AI_CACHE`, else `$XDG_CACHE_HOME/services-ai`, else `~/.cache/services-ai`."""
    if own := environ.get("SERVICES_AI_CACHE"):
        return Path(own)
    base = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".cache")
    return Path(base) / "services-ai"


def sha256_of(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def put(target: Path, chunks: Iterable[bytes]) -> str:
    """Writes a file in one step, so that others see all of it or nothing, and gives its SHA-256."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(prefix=f".{target.name[:60]}-", dir=target.parent, delete=False) as file:
        temporary = Path(file.name)
        try:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            temporary.chmod(0o644)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    return digest.hexdigest()


def copy(source: Path, target: Path) -> str:
    """Copies a file in one step, and gives the SHA-256 of what was copied."""
    with source.open("rb") as file:
        return put(target, iter(lambda: file.read(_CHUNK_BYTES), b""))


def remove(path: Path) -> None:
    """Takes away a file or folder that may not be there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
