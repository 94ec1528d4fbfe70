from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.plugin.failures import FailureReader
from services_ai_sdk.plugin.paths import CodePaths
from services_ai_sdk.wire import jsontext
from services_ai_sdk.wire.failure import Category, Failure
from services_ai_sdk.wire.limits import FAILURE_MAX_BYTES


def run(tmp_path: Path, code: str, **options: Any) -> Failure:
    """What becomes of the exception that `code` raises, as a plugin's main.py below `tmp_path`."""
    file = tmp_path / "main.py"
    file.write_text(code)
    reader = FailureReader(CodePaths(str(tmp_path)), **options)
    try:
        exec(compile(code, str(file), "exec"), {"__name__": "main"})
    except BaseException as error:  # noqa: BLE001
        failure = reader.read(error)
    else:
        raise AssertionError("the code raised nothing")
    assert len(jsontext.dumps(failure.to_dict()).encode()) <= FAILURE_MAX_BYTES
    assert Failure.from_dict(jsontext.loads(jsontext.dumps(failure.to_dict()), what="x")) == failure
    return failure


def test_type_message_place_and_source(tmp_path: Path) -> None:
    failure = run(tmp_path, "def route(lead):\n    return {}[lead]\n\n\nroute('WS')\n")
    assert (failure.type, failure.message, failure.category) == ("KeyError", "'WS'", Category.RUNTIME_ERROR)
    top = failure.top_frame()
    assert top is not None
    assert (top.file, top.line, top.function, top.in_app) == ("main.py", 2, "route", True)
    assert dict(top.source)[2] == "    return {}[lead]"
    assert len(top.source) <= 11


@pytest.mark.parametrize(
    ("code", "name", "category"),
    [
        ("raise PermissionError('no')", "PermissionError", Category.PERMISSION_ERROR),
        ("raise MemoryError", "MemoryError", Category.OUT_OF_MEMORY),
        ("import no_such_module", "ModuleNotFoundError", Category.IMPORT_ERROR),
        ("import phonenumbers.nothing", "ModuleNotFoundError", Category.DEPENDENCY_ERROR),
        ("raise SystemExit(3)", "SystemExit", Category.RUNTIME_ERROR),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", Category.RUNTIME_ERROR),
        ("raise ExceptionGroup('many', [ValueError(1)])", "ExceptionGroup", Category.RUNTIME_ERROR),
        ("def f(): f()\nf()", "RecursionError", Category.RUNTIME_ERROR),
    ],
)
def test_categories(tmp_path: Path, code: str, name: str, category: Category) -> None:
    failure = run(tmp_path, code, packages=["PhoneNumbers[extra]"])
    assert (failure.type, failure.category) == (name, category)


def test_a_dependency_that_fails_to_import_is_a_dependency_error(tmp_path: Path) -> None:
    package = tmp_path / "opt" / "python" / "numbery"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ValueError('numpy.dtype size changed')\n")
    app = tmp_path / "task"
    app.mkdir()
    file = app / "main.py"
    file.write_text("import numbery\n")
    sys.path.insert(0, str(package.parent))
    try:
        exec(compile(file.read_text(), str(file), "exec"), {})
    except ValueError as error:
        reader = FailureReader(CodePaths(str(app), str(tmp_path / "opt")))
        failure = reader.read(error, importing=True)
    finally:
        sys.path.remove(str(package.parent))
    assert failure.category is Category.DEPENDENCY_ERROR
    assert [(frame.file, frame.in_app) for frame in failure.frames][-1] == ("numbery/__init__.py", False)
    assert failure.frames[-1].source == ()
    assert failure.top_frame() is not None
    assert failure.top_frame().file == "main.py"  # type: ignore[union-attr]


HOSTILE = {
    "str raises": "class E(Exception):\n def __str__(self): raise ValueError('x')\nraise E",
    "str exits": "class E(Exception):\n def __str__(self): raise SystemExit\nraise E",
    "str is no str": "class E(Exception):\n def __str__(self): return 5\nraise E",
    "str recurses": "class E(Exception):\n def __str__(self): return str(self)\nraise E",
    "str subclass": "class S(str):\n def __getitem__(self, x): raise SystemExit\n def __len__(self): return 5\n"
    "class E(Exception):\n def __str__(self): return S('x' * 100_000)\nraise E",
    "huge": "raise ValueError('é' * 5_000_000)",
    "surrogates": "raise ValueError('\\ud800' * 100)",
    "nul": "raise ValueError('a\\x00b\\x1b[31m')",
    "metaclass name": "class M(type):\n @property\n def __name__(cls): raise SystemExit\n"
    "class E(Exception, metaclass=M): pass\nraise E",
    "odd name": "E = type('a b\\n\\ud800é', (Exception,), {})\nraise E",
    "long name": "raise type('E' * 100_000, (Exception,), {})",
    "class property": "class E(Exception):\n @property\n def __class__(self): raise SystemExit\nraise E",
    "traceback property": "class E(Exception):\n @property\n def __traceback__(self): raise SystemExit\nraise E",
    "cause property": "class E(Exception):\n @property\n def __cause__(self): raise SystemExit\nraise E",
    "import name": "class N:\n def __str__(self): raise SystemExit\nraise ImportError('x', name=N())",
    "syntax error fields": "e = SyntaxError('x')\ne.filename = object()\ne.lineno = 'many'\nraise e",
    "wide lines": "x = '" + "y" * 100_000 + "'; raise ValueError(1)",
    "deep": "import sys\nsys.setrecursionlimit(20_000)\n"
    "def f(n):\n if n == 0: raise ValueError('deep')\n f(n - 1)\nf(10_000)",
    "many wide frames": "\n".join(f"def f{n}():  # {'é' * 300}\n f{n + 1}()" for n in range(60))
    + "\ndef f60(): raise ValueError('é' * 10_000)\nf0()",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_nothing_that_is_raised_makes_the_reader_raise(tmp_path: Path, kind: str) -> None:
    limit = sys.getrecursionlimit()
    try:
        failure = run(tmp_path, HOSTILE[kind])
    finally:
        sys.setrecursionlimit(limit)
    assert failure.type
    assert len(failure.type) <= 200
    assert failure.type.replace(".", "_").isidentifier()
    assert not any(ord(char) < 32 and char not in "\n\t" for char in failure.message)


def test_a_long_trace_keeps_both_ends(tmp_path: Path) -> None:
    failure = run(tmp_path, HOSTILE["deep"])
    assert failure.message == "deep"
    assert 20 < len(failure.frames) <= 30
    top = failure.top_frame()
    assert top is not None
    assert top.line == 4


def test_secrets_leave_neither_in_the_message_nor_in_the_source(tmp_path: Path) -> None:
    code = (
        "password = 'hunter2hunter2'\nraise ValueError(f'no login with password={password} and known-value-1')\n"
    )
    failure = run(tmp_path, code, known_secrets=["known-value-1"])
    text = jsontext.dumps(failure.to_dict())
    assert "hunter2" not in text
    assert failure.message == "no login with password=*** and ***"


def test_the_direct_cause_is_named(tmp_path: Path) -> None:
    code = "try:\n {}['a']\nexcept KeyError as e:\n raise RuntimeError('no team') from e"
    assert run(tmp_path, code).message == "no team (caused by KeyError: 'a')"


def test_the_line_of_a_syntax_error_is_a_frame(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("x = 1\ndef f(:\n")
    code = f"compile(open(r'{tmp_path}/broken.py').read(), r'{tmp_path}/broken.py', 'exec')"
    top = run(tmp_path, code).top_frame()
    assert top is not None
    assert (top.file, top.line) == ("broken.py", 2)
