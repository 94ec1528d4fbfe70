"""Compile every module of a tree into a mirror tree of byte code: `python -c TEXT SOURCE OUT`.

The byte code is checked against its source's hash: merged layers may put another source over it. What does not
compile is left to fail, or not to matter, at import time. Large sources are left too: byte code of 5 MB of
assignments takes 3 GB to make.
"""

import importlib.util
import os
import py_compile
import resource
import sys
from collections.abc import Iterator

SOURCE_BYTES_MAX = 1024 * 1024
BYTECODE_BYTES_MAX = 16 * 1024 * 1024
OUT_BYTES_MAX = 512 * 1024 * 1024
"""Of the whole tree: twice what a function may have unzipped."""
LIMITS = {
    resource.RLIMIT_AS: 1024 * 1024 * 1024,
    resource.RLIMIT_CPU: 170,
    resource.RLIMIT_FSIZE: BYTECODE_BYTES_MAX,
    resource.RLIMIT_NPROC: 0,
    resource.RLIMIT_CORE: 0,
}


def sources(root: str) -> Iterator[str]:
    """Paths of the modules that are worth compiling."""
    for where, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in files:
            path = os.path.join(where, name)
            if name.endswith(".py") and not os.path.islink(path) and os.path.getsize(path) <= SOURCE_BYTES_MAX:
                yield path


for limit, wanted in LIMITS.items():
    hard = resource.getrlimit(limit)[1]
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(limit, (most, most))
source, out = sys.argv[1], sys.argv[2]
sys.setrecursionlimit(5000)
written = 0
for path in sources(source):
    target = importlib.util.cache_from_source(os.path.join(out, os.path.relpath(path, source)))
    try:
        py_compile.compile(
            path, target, path, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH
        )
        size = os.path.getsize(target)
        # Python takes a file that was cut off by the limit for a whole one, and then fails at import.
        if size >= BYTECODE_BYTES_MAX:
            os.unlink(target)
    except (
        py_compile.PyCompileError,
        OSError,
        ValueError,
        OverflowError,
        RecursionError,
        MemoryError,
        SystemError,
    ):
        continue
    written += size
    if written > OUT_BYTES_MAX:
        break
