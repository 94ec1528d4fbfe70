from __future__ import annotations

import os
import socket

from infra.local.port_holder import port_holder


def test_names_the_process_that_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        holder = port_holder(server.getsockname()[1])
    assert f"process {os.getpid()} (" in holder
    assert "python" in holder or "pytest" in holder


def test_a_connection_is_no_listener() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert f"process {os.getpid()}" not in port_holder(client.getsockname()[1])
