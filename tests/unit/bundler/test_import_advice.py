from __future__ import annotations

import pytest

from services_ai_sdk.bundler.import_advice import Scene, advice
from services_ai_sdk.wire.failure import Category, Failure

NUMPY_2 = {"numpy": "2.4.6", "pandas": "1.5.3"}


@pytest.mark.parametrize(
    ("message", "versions", "python", "edit"),
    [
        ("numpy.dtype size changed, may indicate binary incompatibility.", NUMPY_2, "3.11", 'add "numpy": "<2"'),
        ("module 'numpy' has no attribute 'float'", NUMPY_2, "3.11", 'add "numpy": "<2"'),
        ("module 'numpy' has no attribute 'float'", {"numpy": "1.26.4"}, "3.11", ""),
        ("No module named 'pkg_resources'", {}, "3.12", 'add "setuptools": "<82"'),
        ("No module named 'imghdr'", {}, "3.12", ""),
        ("No module named 'yaml'", {}, "3.12", 'add "pyyaml": "*"'),
        ("No module named 'yaml'", {"pyyaml": "6.0"}, "3.12", ""),
        ("No module named 'some_thing.inner'", {}, "3.12", 'add "some-thing": "*"'),
        ("division by zero", {}, "3.12", ""),
    ],
)
def test_the_edit(message: str, versions: dict[str, str], python: str, edit: str) -> None:
    failure = Failure("ImportError", message, Category.IMPORT_ERROR)
    assert advice(failure, Scene(versions, python, 256)) == edit


@pytest.mark.parametrize(("python", "named"), [("3.11", False), ("3.12", True)])
def test_a_module_that_a_python_no_longer_has(python: str, named: bool) -> None:
    failure = Failure("ModuleNotFoundError", "No module named 'distutils'", Category.IMPORT_ERROR)
    assert ('"python": "python3.11"' in advice(failure, Scene({}, python, 256))) is named


def test_a_library_that_lambda_does_not_have() -> None:
    text = "libGL.so.1: cannot open shared object file: No such file or directory"
    failure = Failure("ImportError", text, Category.IMPORT_ERROR)
    assert "headless" in advice(failure, Scene({"opencv-python": "4.9"}, "3.12", 256))
    assert "libGL.so.1" in advice(failure, Scene({}, "3.12", 256))


def test_a_backport_that_hides_python_s_own_module() -> None:
    failure = Failure("TypeError", "dataclass() got an unexpected keyword argument 'slots'", Category.IMPORT_ERROR)
    scene = Scene({"dataclasses": "0.8"}, "3.12", 256, {"dataclasses": "dataclasses"})
    assert advice(failure, scene) == 'leave out "dataclasses": Python has dataclasses itself'
