"""Gets the wheels that a lock names: from the cache, a local folder, or the index; and checks every one's hash."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

from services_ai_sdk.bundler import cache
from services_ai_sdk.bundler.index_settings import IndexSettings, local_path
from services_ai_sdk.bundler.lock import LockedWheel
from services_ai_sdk.bundler.resolve import Progress
from services_ai_sdk.wire.errors import InvalidInputError, PlatformError
from services_ai_sdk.wire.limits import UNZIPPED_MAX_BYTES

_CHUNK_BYTES = 256 * 1024
_ATTEMPTS_MAX = 3
_PARALLEL_MAX = 4
_AGENT = "services-ai-plugin"


class _Allowance:
    """What may be downloaded in all: a lock may say nothing of sizes, or not the truth."""

    def __init__(self, left_bytes: int) -> None:
        self._left_bytes = left_bytes
        self._lock = threading.Lock()

    def spend(self, size_bytes: int, wheel: LockedWheel) -> None:
        with self._lock:
            self._left_bytes -= size_bytes
            if self._left_bytes >= 0:
                return
        raise InvalidInputError(
            f"the wheels are larger together than a layer may be unzipped ({UNZIPPED_MAX_BYTES:,} bytes); "
            f"it ended in {wheel.filename}",
            code="wheel-too-large",
            hint="leave out the biggest package that the plugin can do without",
        )


class WheelStore:
    """Wheels on this machine, by their SHA-256.

    Args:
        folder: Part of the cache.
        settings: Indexes and their credentials.
        timeout_s: For each wait on the network.
        sleep: Between attempts.
    """

    def __init__(
        self,
        folder: Path,
        settings: IndexSettings,
        *,
        timeout_s: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._timeout_s = timeout_s
        self._sleep = sleep

    def fetch(self, wheels: Sequence[LockedWheel], progress: Progress) -> dict[str, Path]:
        """All of them, by SHA-256.

        Raises:
            InvalidInputError: `wheel-hash-mismatch`: a file is not the one that was locked. `wheel-too-large`.
            PlatformError: `wheel-unavailable`: it could not be fetched.
        """
        context, allowance = self._settings.ssl_context(), _Allowance(UNZIPPED_MAX_BYTES)
        one_at_a_time = threading.Lock()

        def say(line: str) -> None:
            with one_at_a_time:
                progress(line)

        with ThreadPoolExecutor(max_workers=_PARALLEL_MAX, thread_name_prefix="wheels") as pool:
            paths = list(pool.map(lambda wheel: self._fetch(wheel, context, allowance, say), wheels))
        return {wheel.sha256: path for wheel, path in zip(wheels, paths, strict=True)}

    def _fetch(
        self, wheel: LockedWheel, context: ssl.SSLContext, allowance: _Allowance, progress: Progress
    ) -> Path:
        kept = self._folder / wheel.sha256[:2] / wheel.sha256 / "wheel.whl"
        if kept.is_file():
            if cache.sha256_of(kept) == wheel.sha256:
                return kept
            cache.remove(kept)
        if local := self._local(wheel):
            self._check(wheel, cache.copy(local, kept), kept)
            return kept
        if not wheel.location.startswith(("https://", "http://")):
            raise PlatformError(
                f"{wheel.filename} came from a local folder when it was locked, and is not on this machine",
                code="wheel-unavailable",
                hint="put it in a folder and name that in UV_FIND_LINKS",
            )
        size = f" ({wheel.size_bytes / 1e6:.1f} MB)" if wheel.size_bytes else ""
        progress(f"downloading {wheel.name} {wheel.version}{size}")
        proxies = ProxyHandler(self._settings.proxies(wheel.location))
        self._download(wheel, build_opener(HTTPSHandler(context=context), proxies), kept, allowance)
        return kept

    def _local(self, wheel: LockedWheel) -> Path | None:
        if "://" in wheel.location and not wheel.location.startswith("file:"):
            return None
        candidates = [folder / wheel.filename for folder in self._settings.find_links_folders()]
        if wheel.location.startswith("file:"):
            candidates.insert(0, local_path(wheel.location))
        return next((path for path in candidates if path.is_file()), None)

    def _download(self, wheel: LockedWheel, opener: OpenerDirector, kept: Path, allowance: _Allowance) -> None:
        request = Request(wheel.location, headers={"User-Agent": _AGENT})  # noqa: S310 - scheme checked by the caller
        if authorization := self._settings.authorization(wheel.location):
            request.add_unredirected_header("Authorization", authorization)
        for attempt in range(1, _ATTEMPTS_MAX + 1):
            try:
                self._check(wheel, cache.put(kept, self._body(wheel, opener, request, allowance)), kept)
            except HTTPError as error:
                if error.code < 500 or attempt == _ATTEMPTS_MAX:
                    raise _unavailable(wheel, f"the index answered {error.code} {error.reason}") from error
            except OSError as error:
                if attempt == _ATTEMPTS_MAX:
                    raise _unavailable(wheel, str(error)) from error
            else:
                return
            self._sleep(0.5 * 2**attempt)

    def _body(
        self, wheel: LockedWheel, opener: OpenerDirector, request: Request, allowance: _Allowance
    ) -> Iterator[bytes]:
        size = 0
        try:
            with opener.open(request, timeout=self._timeout_s) as response:
                while chunk := response.read(_CHUNK_BYTES):
                    size += len(chunk)
                    allowance.spend(len(chunk), wheel)
                    yield chunk
        except OSError:
            allowance.spend(-size, wheel)  # it is asked for again
            raise

    def _check(self, wheel: LockedWheel, sha256: str, kept: Path) -> None:
        if sha256 != wheel.sha256:
            cache.remove(kept)
            raise InvalidInputError(
                f"{wheel.filename} is not the file that was locked: its SHA-256 is {sha256}",
                code="wheel-hash-mismatch",
                hint="find out why before you go on: an index should never change a file",
                details={"file": wheel.filename, "sha256": sha256, "locked": wheel.sha256},
            )


def _unavailable(wheel: LockedWheel, reason: str) -> PlatformError:
    return PlatformError(
        f"{wheel.filename} could not be fetched: {reason}",
        code="wheel-unavailable",
        hint="check the network and the index; if the file was taken down, delete pylock.toml and package again",
        retryable=True,
    )
