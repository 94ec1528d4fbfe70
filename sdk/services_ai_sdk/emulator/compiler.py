"""Byte code for a tree, compiled where the authors of the source can do no harm."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from services_ai_sdk.emulator.archive import remove_tree
from services_ai_sdk.emulator.bubblewrap import Bind
from services_ai_sdk.emulator.runtimes import Runtime
from services_ai_sdk.emulator.sandbox import Sandbox, own_uid

_TIMEOUT_S = 120
_SUFFIX = ".pyc"


class SandboxedCompiler:
    """Runs the compiler in a sandbox that sees the tree and may write one empty folder.

    Args:
        sandbox: The means of this machine.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def __call__(self, tree: Path, runtime: Runtime) -> None:
        """Add byte code to the tree. Source that does not compile stays without; that is for its import to say."""
        out = tree.with_name(tree.name.removesuffix(".partial") + "-pyc.partial")
        out.mkdir(mode=0o700)
        uid = own_uid(0)
        if uid is not None:
            os.chown(out, uid, uid)
        try:
            self._run(tree, out, runtime, uid)
            _adopt(out, tree)
        finally:
            remove_tree(out)

    def _run(self, tree: Path, out: Path, runtime: Runtime, uid: int | None) -> None:
        inside = self._sandbox.inside
        binds = (
            Bind(runtime.lang, "/var/lang"),
            Bind(inside, "/var/rapid"),
            Bind(tree, "/var/task"),
            Bind(out, "/var/out", writable=True),
        )
        lang, script, source, target = [bind.place for bind in binds]
        if self._sandbox.binary is None:
            lang, script, source, target = [str(bind.source) for bind in binds]
        output_fd = os.open(os.devnull, os.O_WRONLY)
        try:
            process = self._sandbox.spawn(
                [f"{lang}/bin/python{runtime.minor}", "-I", "-S", f"{script}/compile.py", source, target],
                binds=binds,
                environment={"LD_LIBRARY_PATH": f"{lang}/lib"},
                uid=uid,
                tmp_size_mb=1,
                output_fd=output_fd,
                working_folder="/",
            )
        finally:
            os.close(output_fd)
        try:
            process.wait(_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            # What was compiled so far is good; the rest is compiled at import, in memory.
            process.kill()
            process.wait()


def _adopt(out: Path, tree: Path) -> None:
    """Copy byte code from the sandbox's output: regular files in __pycache__, beside the source they belong to."""
    for where, folders, files in os.walk(out):
        folders[:] = [name for name in folders if not (Path(where) / name).is_symlink()]
        if Path(where).name != "__pycache__":
            continue
        owner = tree / Path(where).parent.relative_to(out)
        if owner.is_symlink() or not owner.is_dir():
            continue
        kept = owner / "__pycache__"
        if kept.is_symlink() or kept.is_file():
            continue
        kept.mkdir(exist_ok=True)
        kept.chmod(0o755)
        for name in files:
            path = Path(where) / name
            if not name.endswith(_SUFFIX) or path.is_symlink() or not path.is_file():
                continue
            target = kept / name
            target.unlink(missing_ok=True)
            target.write_bytes(path.read_bytes())
            target.chmod(0o644)
