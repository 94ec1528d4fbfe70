"""Compile every module of a tree into a mirror tree of byte code: `compile.py SOURCE OUT`.

The byte code is checked against its source's hash: merged layers may put another source over it. What does not
compile is left to fail, or not to matter, at import time.
"""

import importlib.util
import os
import py_compile
import sys

source, out = sys.argv[1], sys.argv[2]
sys.setrecursionlimit(5000)
for where, folders, files in os.walk(source):
    folders[:] = [name for name in folders if name != "__pycache__"]
    for name in files:
        path = os.path.join(where, name)
        if not name.endswith(".py") or os.path.islink(path):
            continue
        target = importlib.util.cache_from_source(os.path.join(out, os.path.relpath(path, source)))
        try:
            py_compile.compile(
                path, target, path, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH
            )
        except (py_compile.PyCompileError, OSError, ValueError, RecursionError, MemoryError, UnicodeError):
            continue
