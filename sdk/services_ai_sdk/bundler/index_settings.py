"""Where packages come from: the person's own settings of uv and pip, for uv and for our own downloads."""

from __future__ import annotations

import base64
import netrc
import re
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

_NOT_PASSED = frozenset(
    {
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONSTARTUP",
        "UV_PYTHON",
        "UV_PROJECT",
        "UV_PROJECT_ENVIRONMENT",
        "UV_SYSTEM_PYTHON",
        "UV_WORKING_DIRECTORY",
        "UV_NO_BINARY",
        "UV_NO_BUILD",
        "UV_COMPILE_BYTECODE",
    }
)
"""They would change what is resolved, and for what."""

_PATHS = {
    "UV_FIND_LINKS": ",",
    "UV_DEFAULT_INDEX": " ",
    "UV_INDEX_URL": " ",
    "UV_INDEX": " ",
    "UV_EXTRA_INDEX_URL": " ",
    "UV_CONSTRAINT": " ",
    "UV_OVERRIDE": " ",
    "UV_CONFIG_FILE": "\0",
    "UV_CACHE_DIR": "\0",
    "SSL_CERT_FILE": "\0",
    "SSL_CERT_DIR": "\0",
    "NETRC": "\0",
}
"""Variables that may hold paths, and what stands between several; no path has a NUL in it."""

_INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")
_NAMED = re.compile(r"([A-Za-z0-9_.-]+)=(?=[a-z]+:)")


class IndexSettings:
    """Reads settings from an environment.

    Args:
        environ: `os.environ`, or a test's own mapping.
        folder: What relative paths in it are relative to; the current directory when left out.
    """

    def __init__(self, environ: Mapping[str, str], folder: Path | None = None) -> None:
        self._environ = {key: value for key, value in environ.items() if key not in _NOT_PASSED}
        self._folder = folder or Path.cwd()
        self._translate_pip()
        for name, joint in _PATHS.items():
            if text := self._environ.get(name):
                self._environ[name] = joint.join(map(self._absolute, text.split(joint)))

    def _absolute(self, text: str) -> str:
        """Uv runs in a folder of its own, so a path of this one must not be relative."""
        path = self._folder / text
        return text if "://" in text or not path.exists() else str(path)

    def _translate_pip(self) -> None:
        """Pip's variables, where uv's own say nothing."""
        env = self._environ
        if (url := env.get("PIP_INDEX_URL")) and not (env.get("UV_DEFAULT_INDEX") or env.get("UV_INDEX_URL")):
            env["UV_DEFAULT_INDEX"] = url
        if (urls := env.get("PIP_EXTRA_INDEX_URL")) and not (env.get("UV_INDEX") or env.get("UV_EXTRA_INDEX_URL")):
            env["UV_INDEX"] = " ".join(urls.split())
        if (links := env.get("PIP_FIND_LINKS")) and not env.get("UV_FIND_LINKS"):
            there = [link for link in links.split() if "://" in link or (self._folder / link).is_dir()]
            if there:
                env["UV_FIND_LINKS"] = ",".join(there)
        if (cert := env.get("PIP_CERT")) and not env.get("SSL_CERT_FILE"):
            env["SSL_CERT_FILE"] = cert

    def uv_environment(self) -> dict[str, str]:
        """What uv is started with."""
        return dict(self._environ)

    def uv_arguments(self) -> tuple[str, ...]:
        """For what uv reads from its command line only."""
        no_index = self._environ.get("PIP_NO_INDEX", "").lower() in ("1", "true", "yes", "on")
        return ("--no-index",) if no_index else ()

    def ssl_context(self) -> ssl.SSLContext:
        """For our own downloads."""
        return ssl.create_default_context(cafile=self._environ.get("SSL_CERT_FILE") or None)

    def proxies(self, url: str) -> dict[str, str]:
        """The proxy for each scheme, as uv takes it from the environment; empty where `url` goes without one."""
        parts = urlsplit(url)
        if _left_out(parts.hostname or "", parts.port, self._variable("no_proxy")):
            return {}
        found = {
            scheme: self._variable(f"{scheme}_proxy") or self._variable("all_proxy")
            for scheme in ("https", "http")
        }
        return {scheme: proxy for scheme, proxy in found.items() if proxy}

    def _variable(self, name: str) -> str:
        return self._environ.get(name) or self._environ.get(name.upper(), "")

    def authorization(self, url: str) -> str | None:
        """The Authorization header for a file on one of the configured indexes; None where none is known."""
        wanted = urlsplit(url)
        for name, index in self._indexes():
            parts = urlsplit(index)
            if (parts.scheme, parts.hostname, parts.port) != (wanted.scheme, wanted.hostname, wanted.port):
                continue
            key = re.sub(r"[^A-Z0-9]", "_", name.upper())
            user = self._environ.get(f"UV_INDEX_{key}_USERNAME", "") if name else ""
            password = self._environ.get(f"UV_INDEX_{key}_PASSWORD", "") if name else ""
            user, password = user or unquote(parts.username or ""), password or unquote(parts.password or "")
            if user or password:
                return _basic(user, password)
        return self._from_netrc(wanted.hostname or "")

    def find_links_folders(self) -> tuple[Path, ...]:
        """Local folders of wheels."""
        folders = []
        for link in re.split(r"[,\s]+", self._environ.get("UV_FIND_LINKS", "")):
            if not link or ("://" in link and not link.startswith("file:")):
                continue
            path = local_path(link) if "://" in link else Path(link)
            if path.is_dir():
                folders.append(path)
        return tuple(folders)

    def _indexes(self) -> Iterator[tuple[str, str]]:
        for variable in _INDEX_VARIABLES:
            for text in self._environ.get(variable, "").split():
                named = _NAMED.match(text)
                yield (named[1], text[named.end() :]) if named else ("", text)

    def _from_netrc(self, host: str) -> str | None:
        path = self._environ.get("NETRC") or str(Path(self._environ.get("HOME", "/nonexistent")) / ".netrc")
        try:
            found = netrc.netrc(path).hosts.get(host)
        except (OSError, netrc.NetrcParseError):
            return None
        return _basic(found[0], found[2]) if found else None


def _left_out(host: str, port: int | None, patterns: str) -> bool:
    """Whether NO_PROXY names the host: itself, a domain above it, or `*`."""
    for pattern in (each.strip().lower() for each in patterns.split(",")):
        name, _, wanted = pattern.partition(":")
        name = name.removeprefix("*").removeprefix(".")
        if pattern == "*" or (
            name and (host == name or host.endswith(f".{name}")) and wanted in ("", str(port or ""))
        ):
            return True
    return False


def local_path(url: str) -> Path:
    """The path of a `file:` URL."""
    return Path(url2pathname(urlsplit(url).path))


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
