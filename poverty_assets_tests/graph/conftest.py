"""What tests of the graph share: a server on this machine."""

import socketserver
import threading

import pytest


@pytest.fixture
def serve():
    """Start a server of one kind; returns its host and port."""
    started = []

    def start(handler):
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        started.append(server)
        return f"127.0.0.1:{server.server_address[1]}"

    yield start
    for server in started:
        server.shutdown()
        server.server_close()
