# ruff: noqa: E501 - a package a line
"""Popular packages, each packaged twice under other circumstances, and imported in the sandboxed emulator.

`./dev corpus` runs all of them and writes the table of docs/benchmarks.md; the default run has the short form.
Wheels come from, and stay in, this user's own cache.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.bundler.cache import cache_folder
from services_ai_sdk.manifest.specs import package_name

HERE = f"python{sys.version_info.major}.{sys.version_info.minor}"
MAIN = """\
from services_ai_sdk import ServicesAIPlugin, hookimpl


class Corpus(ServicesAIPlugin):
    @hookimpl
    def lead_created(self, lead, context):
        return None
"""
TIMEOUT_S = 600


@dataclass(frozen=True)
class Case:
    """What a plugin declares, and what it then does with it when it is imported."""

    packages: dict[str, Any]
    code: str
    name: str = ""
    pythons: tuple[str, ...] = field(default=())

    @property
    def id(self) -> str:
        return self.name or next(iter(self.packages))


def case(package: str, code: str, **more: Any) -> Case:
    return Case({package: "*"}, code, **more)


SHORT = (
    case("pyyaml", "import yaml; assert yaml.safe_load('a: [1, 2]') == {'a': [1, 2]}; assert yaml.CSafeLoader"),
    case("cffi", "import cffi, _cffi_backend; assert cffi.FFI().sizeof('int') == 4"),
    case("orjson", "import orjson; assert orjson.dumps({'a': 1}) == b'{\"a\":1}'"),
    case(
        "zope.interface",
        "import zope.interface\nclass A(zope.interface.Interface): pass\nassert not list(A)",
    ),
    Case(
        {"requests": {"version": ">=2.28.0", "extras": ["socks"], "markers": "python_version >= '3.8'"}},
        "import requests, socks; assert requests.Session().adapters"
        "  # services-ai: allow socks - what the extra brings is not declared by itself",
    ),
)
LONG = (
    Case(
        {"pandas": "^1.5.0", "numpy": "<2"},
        "import pandas; assert pandas.DataFrame({'a': [1, 2]}).a.sum() == 3",
        name="pandas ^1.5.0",
        pythons=("python3.11",),
    ),
    case("pandas", "import pandas; assert pandas.DataFrame({'a': [1, 2]}).a.sum() == 3"),
    case("cryptography", "from cryptography.fernet import Fernet; Fernet(Fernet.generate_key()).encrypt(b'x')"),
    case("lxml", "import lxml.etree as e; assert e.fromstring('<a><b/></a>').xpath('count(//b)') == 1"),
    case("pillow", "import PIL.Image as i, PIL.ImageFont; assert i.new('RGB', (2, 2)).resize((1, 1)).size == (1, 1)"),
    case("google-api-python-client", "from googleapiclient.discovery import build as b; b('drive', 'v3', developerKey='x')"),
    case("grpcio", "import grpc; grpc.insecure_channel('127.0.0.1:9').close()"),
    case("google-cloud-storage", "import google.cloud.storage, google.auth, google.protobuf.message"),
    case(
        "pydantic[email]",
        "import pydantic\nclass A(pydantic.BaseModel):\n    a: pydantic.EmailStr\nassert A(a='a@example.com').a",
    ),
    case("sqlalchemy", "import sqlalchemy as s; s.create_engine('sqlite://').connect().scalar(s.text('select 1'))"),
    case("boto3", "import boto3; boto3.client('s3', region_name='eu-west-1')"),
    case("phonenumbers", "import phonenumbers as p; assert p.is_valid_number(p.parse('030 901820', 'DE'))"),
    case("jinja2", "import jinja2; assert jinja2.Template('{{ a }}').render(a=1) == '1'"),
    case("protobuf", "from google.protobuf import timestamp_pb2; timestamp_pb2.Timestamp().GetCurrentTime()"),
    case("bcrypt", "import bcrypt; assert bcrypt.checkpw(b'x', bcrypt.hashpw(b'x', bcrypt.gensalt(4)))"),
    case("aiohttp", "import aiohttp.web, aiohttp._http_parser"),
    case("httpx[http2]", "import httpx, h2; httpx.Client(http2=True).close()"),
    case("beautifulsoup4", "import bs4; assert bs4.BeautifulSoup('<p>a', 'html.parser').p.text == 'a'"),
    case("openpyxl", "import io, openpyxl; openpyxl.Workbook().save(io.BytesIO())"),
    case("reportlab", "import io; from reportlab.pdfgen.canvas import Canvas; Canvas(io.BytesIO()).save()"),
    case("python-docx", "import io, docx; docx.Document().save(io.BytesIO())"),
    case("pytz", "import pytz; assert pytz.timezone('Europe/Berlin')"),
    case("tzdata", "import importlib.resources as r; assert (r.files('tzdata.zoneinfo.Europe') / 'Berlin').is_file()"),
    case("arrow", "import arrow; assert arrow.get('2024-01-01').shift(days=1).day == 2"),
    case("babel", "import babel.numbers as n; assert n.format_currency(1, 'EUR', locale='de_DE')"),
    case("stripe", "import stripe; assert stripe.StripeClient('sk_test_x')"),
    case("twilio", "from twilio.rest import Client; Client('AC', 'x')"),
    case("sentry-sdk", "import sentry_sdk; sentry_sdk.init()"),
    case("redis", "import redis; redis.Redis()"),
    case("psycopg[binary]", "import psycopg; assert psycopg.pq.__impl__ == 'binary'"),
    case("pymongo", "import pymongo, bson; assert bson.decode(bson.encode({'a': 1})); assert bson.has_c()"),
    case("markdown", "import markdown; assert markdown.markdown('# a', extensions=['tables']) == '<h1>a</h1>'"),
    case("nltk", "import nltk.stem; assert nltk.stem.PorterStemmer().stem('running') == 'run'"),
    case("scikit-learn", "from sklearn.linear_model import LinearRegression as L; L().fit([[0], [1]], [0, 1])"),
    case("shapely", "import shapely; assert shapely.Point(0, 0).buffer(1).area > 3"),
    case("pyarrow", "import pyarrow as p, pyarrow.parquet; assert p.array([1, 2]).sum().as_py() == 3"),
    Case({"setuptools": "<82"}, "import pkg_resources; assert pkg_resources.get_distribution('setuptools')"),
    case("email-validator", "from email_validator import validate_email as v; v('a@iana.org', check_deliverability=False)"),
    case("pycryptodome", "from Crypto.Cipher import AES; AES.new(b'0' * 16, AES.MODE_GCM).encrypt(b'x')"),
    case("matplotlib", "import matplotlib.figure as f; f.Figure().subplots()"),
)  # fmt: skip


@dataclass(frozen=True)
class Figures:
    """One row of the table."""

    case: str
    version: str
    packages: int
    layer_bytes: int
    unzipped_bytes: int
    first_s: float
    second_s: float


@pytest.fixture(scope="module")
def figures() -> Iterator[list[Figures]]:
    """Rows of this run; written to the file that `SERVICES_AI_CORPUS_TABLE` names."""
    rows: list[Figures] = []
    yield rows
    if path := os.environ.get("SERVICES_AI_CORPUS_TABLE"):
        head = f"{'':26} {'version':12} {'packages':>8} {'layer':>9} {'unzipped':>9} {'first':>8} {'again':>8}"
        lines = [
            f"{row.case:26} {row.version:12} {row.packages:>8} {row.layer_bytes / 1e6:>6.1f} MB "
            f"{row.unzipped_bytes / 1e6:>6.1f} MB {row.first_s:>6.1f} s {row.second_s:>6.1f} s"
            for row in rows
        ]
        Path(path).write_text("\n".join([head, *lines]) + "\n")


def plugin(root: Path, case: Case, modified_s: int) -> Path:
    manifest = {"name": "Corpus", "version": "1.0", "description": "d", "author": "a", "email": "a@example.com"}
    manifest |= {"python": HERE, "dependencies": {"packages": case.packages}, "limits": {"memory_mb": 1024}}
    names = [name.partition("[")[0] for name in case.packages]
    uses = f"import importlib.metadata as m\nassert all(map(m.version, {names!r}))\n{case.code}\n"
    root.mkdir(parents=True)
    for name, text in {"manifest.json": json.dumps(manifest), "main.py": MAIN, "uses.py": uses}.items():
        (root / name).write_text(text)
        os.utime(root / name, (modified_s, modified_s))
    return root


def package(root: Path, cache: Path, *, umask: int, seed: str, timezone: str) -> tuple[dict[str, Any], float]:
    """What the command line says, and how long it took; layers are made anew, wheels are those of this user."""
    shared = cache_folder(os.environ)
    cache.mkdir(parents=True)
    (shared / "wheels").mkdir(parents=True, exist_ok=True)
    (cache / "wheels").symlink_to(shared / "wheels")
    (cache / "imports").symlink_to(cache.parent / "imports")
    (cache.parent / "imports").mkdir(exist_ok=True)
    code = "from services_ai_sdk.cli.main import main; main()"
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, "package", str(root), "--out", str(root.parent / "out"), "--json"],
        cwd=root.parent,
        env=os.environ | {"SERVICES_AI_CACHE": str(cache), "PYTHONHASHSEED": seed, "TZ": timezone},
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer, time.monotonic() - began


@pytest.mark.parametrize(
    "case",
    [
        *(pytest.param(case, id=case.id) for case in SHORT),
        *(pytest.param(case, id=case.id, marks=pytest.mark.corpus) for case in LONG),
    ],
)
def test_it_is_packaged_alike_everywhere_and_imports(case: Case, tmp_path: Path, figures: list[Figures]) -> None:
    if case.pythons and HERE not in case.pythons:
        pytest.skip(f"it has wheels for {', '.join(case.pythons)} only")
    one, first_s = package(
        plugin(tmp_path / "one/plugin", case, 1_000_000_000),
        tmp_path / "cache-one",
        umask=0o022,
        seed="1",
        timezone="UTC",
    )
    two, second_s = package(
        plugin(tmp_path / "another/folder/of another name", case, 1_700_000_001),
        tmp_path / "cache-two",
        umask=0o077,
        seed="2",
        timezone="Asia/Kathmandu",
    )
    digests = ("package_sha256", "layer_sha256")
    assert [one[name] for name in digests] == [two[name] for name in digests]
    assert [one["cached"], two["cached"]] == [False, False]
    assert not [warning for warning in one["warnings"] if "imports were not tried" in warning]
    versions = {row["package"]: row["version"] for row in one["dependencies"]}
    assert all(row["status"] == "installed" for row in one["dependencies"])
    figures.append(
        Figures(
            case.id,
            versions[package_name(next(iter(case.packages)))],
            len(one["dependencies"]),
            one["layer_size_bytes"],
            one["unzipped_bytes"],
            first_s,
            second_s,
        )
    )
