"""Code of a package or layer that would run before the runtime does."""

import sys

from .attempt import Stopped, attempt

_MARKS = "import sys\nsys.ran_before = __name__\n"


def _ran(given):
    if not hasattr(sys, "ran_before"):
        raise Stopped("it did not run")
    return sys.ran_before


def _start(name, files=None, layer_files=None):
    attempt(name, "imports", "isolated-start", files=files or {}, layer_files=layer_files or {})(_ran)


_start("runs before the runtime, by a sitecustomize.py in the package", {"sitecustomize.py": _MARKS})
_start("runs before the runtime, by a sitecustomize.py in a layer", None, {"python/sitecustomize.py": _MARKS})
_start("runs before the runtime, by a usercustomize.py in the package", {"usercustomize.py": _MARKS})
_JSON = (
    _MARKS + "at = sys.path.index('/var/task')\ndel sys.path[at], sys.modules['json']\nimport json\n"
    "sys.path.insert(at, '/var/task')\n"
)
_start("puts its own json before the one that the runtime imports", {"json.py": _JSON})
