"""Which package a module comes from, as far as names tell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.utils import canonicalize_name

_PROVIDES = {
    "attrs": "attr attrs", "azure-core": "azure", "beautifulsoup4": "bs4", "biopython": "Bio",
    "discord-py": "discord", "djangorestframework": "rest_framework", "fonttools": "fontTools", "gitpython": "git",
    "google-api-python-client": "googleapiclient apiclient", "google-auth": "google.auth google.oauth2",
    "grpcio": "grpc", "mysqlclient": "MySQLdb", "opencv-python": "cv2", "opencv-python-headless": "cv2",
    "pillow": "PIL", "protobuf": "google.protobuf", "psycopg2-binary": "psycopg2", "pycryptodome": "Crypto",
    "pycryptodomex": "Cryptodome", "pyjwt": "jwt", "pymupdf": "fitz pymupdf", "pymysql": "pymysql",
    "pynacl": "nacl", "pyopenssl": "OpenSSL", "pyserial": "serial", "python-dateutil": "dateutil",
    "python-docx": "docx", "python-dotenv": "dotenv", "python-jose": "jose", "python-magic": "magic",
    "python-multipart": "multipart", "python-pptx": "pptx", "python-slugify": "slugify", "pyyaml": "yaml",
    "pyzmq": "zmq", "scikit-image": "skimage", "scikit-learn": "sklearn",
    "setuptools": "setuptools pkg_resources distutils", "websocket-client": "websocket",
}  # fmt: skip
"""Import names of packages that are called otherwise, for those that plugins meet most."""

_PACKAGES = {name: package for package, names in _PROVIDES.items() for name in names.split()}
_NOT_SAID = re.compile(r"^(?:python-|py(?=[a-z]))|(?:-python|-py|-binary|-headless|-client|-sdk|py|\d+)$")
_NAMESPACES = frozenset({"azure", "backports", "google", "jaraco", "opentelemetry", "ruamel", "zope"})


@dataclass(frozen=True, slots=True)
class Provided:
    """What the declared packages bring.

    Attributes:
        names: Of the imports asked about, those that a package brings.
        unmatched: Packages that brought none of them: they may bring a module whose name cannot be guessed.
    """

    names: frozenset[str]
    unmatched: tuple[str, ...]


def provided(packages: Iterable[str], imported: Iterable[str]) -> Provided:
    """Matches imports with packages by name, in any case, with `-`, `_` and `.` taken for one.

    Args:
        packages: As the manifest writes them.
        imported: Dotted names.
    """
    asked = {start for name in set(imported) for start in _starts(name)}
    names, unmatched = set[str](), []
    for package in packages:
        brings = _brings(package)
        found = {start for start in asked if canonicalize_name(start) in brings}
        names |= found
        if not found:
            unmatched.append(package)
    return Provided(frozenset(names), tuple(unmatched))


def package_of(module: str) -> str:
    """The package that most likely has it, as a manifest writes it."""
    for start in _starts(module):
        if start in _PACKAGES:
            return _PACKAGES[start]
    return canonicalize_name(module.partition(".")[0])


def is_known(module: str) -> bool:
    """Whether the package that has it is called something else, and known."""
    return any(start in _PACKAGES for start in _starts(module))


def _starts(module: str) -> list[str]:
    """`google.cloud.storage` → itself, `google.cloud`, `google`."""
    parts = module.split(".")
    return [".".join(parts[:end]) for end in range(len(parts), 0, -1)]


def _brings(package: str) -> set[str]:
    """Import names, canonical: `a.b`, `a_b` and `a-b` are one."""
    name = canonicalize_name(package.partition("[")[0].strip())
    brought: set[str] = {canonicalize_name(known) for known in _PROVIDES.get(name, "").split()} | {name}
    brought.add(_NOT_SAID.sub("", name))
    top = name.partition("-")[0]
    if top in _NAMESPACES:
        brought.add(top)
    return brought
