"""moto's application, patches and all, served by many threads: what the local cloud must never do.

`python -m tests.functional.local.many_threads STORE` prints its port. It ends when standard input closes.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from infra.local.moto_main import make_app

SWITCH_S = 1e-6
"""Threads take turns as often as Python can make them: rare losses come within seconds."""


def main() -> None:
    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import make_server

    # It looks its own address up, which the application forbids this process from then on.
    server = make_server("127.0.0.1", 0, None, threaded=True, request_handler=MotoRequestHandler)  # type: ignore[arg-type]
    server.app = make_app("front", "private", Path(sys.argv[1]), lambda: None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    sys.setswitchinterval(SWITCH_S)
    sys.stdin.read()


if __name__ == "__main__":
    main()
