"""The bare start: awslambdaric as an ordinary process, without sandbox, control group or limits.

The floor's own workers are sandboxed; what the protections cost a cold start is seen beside this.
"""

from __future__ import annotations

import asyncio
import os
import subprocess

from benchmarks.engine_parts.floor import Floor, Runtime
from services_ai_sdk.emulator.store import Layout

START = """
import sys
sys.path[:0] = sys.argv[1:3]
from awslambdaric.__main__ import main
main(["awslambdaric", "main.handle"])
"""


async def start_bare(floor: Floor, layout: Layout) -> subprocess.Popen[bytes]:
    """Starts one, driven by the floor's server; it is ready when this returns."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Runtime(floor), "127.0.0.1", 0)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    parked = floor.next_park()
    process = subprocess.Popen(
        [
            f"{layout.runtime.lang}/bin/python{layout.runtime.minor}", "-I", "-S", "-B", "-c", START,
            str(layout.code.files), str(layout.runtime.packages),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={
            "AWS_LAMBDA_RUNTIME_API": address,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{layout.runtime.minor}",
            "LD_LIBRARY_PATH": f"{layout.runtime.lang}/lib",
            "LANG": os.environ.get("LANG", "C.UTF-8"),
        },
    )  # fmt: skip
    await parked
    server.close()  # its one connection goes on
    return process
