"""A bucket of a test's own: an S3 server in this process, on loopback, which forgets all when it stops.

Belongs here: starting it, and telling the environment of it. It is moto's, which answers as Amazon's does, conditional PUTs and ETags
included.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

_NUMBERS = itertools.count()


@dataclass(frozen=True)
class S3Server:
    """A server that runs.

    Attributes
    ----------
    endpoint : str
    """

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which a program finds it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "not-in-any-file",
        }

    def new_bucket(self) -> str:
        """Make an empty bucket; returns the address of a lake in it."""
        name = f"lake{next(_NUMBERS)}"
        with urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/{name}", method="PUT")):
            return f"s3://{name}/of/khm"


@contextlib.contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server that stops in the end."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield S3Server(f"http://{host}:{port}")
    finally:
        server.stop()
