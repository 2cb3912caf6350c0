"""Dagster's webserver on this machine, behind a guard that lets no other page of a browser start a run.

Belongs here: which requests are refused, and serving the rest. Does not belong here: starting and stopping processes
(``ui``). The webserver has no login; its guard is no substitute for one.

A browser sends what a page asks of it to any address, this machine's own included. Dagster answers a mutation that comes by
GET, by a form, or over a websocket, so that a page elsewhere could start a publication by naming the UI as an image. Here a request
must name one of the UI's own hosts, come from one of its own pages where it says from which it comes, and change something by
JSON alone, which a browser does not send to another origin unasked.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

LOCAL = ("127.0.0.1", "localhost", "[::1]")


def refusal(scope: Scope, hosts: Iterable[str]) -> str | None:
    """Why a request is refused, in a sentence; None where it may pass.

    Parameters
    ----------
    scope : ASGI scope
        Of type ``http`` or ``websocket``.
    hosts : iterable of str
        The UI's own hosts, with their port where it is not the scheme's.
    """
    known = set(hosts)
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get("host", "")
    if host not in known:
        return f"host {host!r} is not one of this UI's own; name it in POVERTY_ASSETS_UI_HOSTS where a proxy stands before it"
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc not in known:
        return f"a page of {origin} asked for this, and only the UI's own pages may"
    if scope["type"] == "websocket":
        return None
    path, method = scope["path"], scope["method"]
    asks = path.rstrip("/").endswith("/graphql")
    if asks and b"query=" in scope.get("query_string", b""):
        return "a question to /graphql is sent by POST as JSON, never in the address"
    if method not in ("GET", "HEAD", "OPTIONS") and not headers.get("content-type", "").startswith("application/json"):
        return "what changes something is sent as application/json"
    return None


class Guard:
    """ASGI middleware that answers 403 to what `refusal` refuses, and closes such a websocket before it opens.

    Parameters
    ----------
    app : ASGI application
    hosts : tuple of str
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        why = refusal(scope, self.hosts) if scope["type"] in ("http", "websocket") else None
        if why is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": why[:120]})
        else:
            from starlette.responses import PlainTextResponse

            await PlainTextResponse(f"Refused: {why}.\n", status_code=403)(scope, receive, send)


def own_hosts(port: int, named: str = "") -> tuple[str, ...]:
    """Hosts under which the UI is asked for: this machine's, and those named, parted by commas.

    Examples
    --------
    >>> own_hosts(3000, "poverty.example.org")
    ('127.0.0.1:3000', 'localhost:3000', '[::1]:3000', 'poverty.example.org')
    """
    return (*(f"{name}:{port}" for name in LOCAL), *filter(None, (name.strip() for name in named.split(","))))


def serve(port: int, workspace: Path, *, read_only: bool = False) -> None:
    """Serve the UI of the instance that ``DAGSTER_HOME`` names, on localhost, until the process is told to end.

    Parameters
    ----------
    port : int
    workspace : Path
        Dagster's ``workspace.yaml``, which names the code locations.
    read_only : bool
        Whether runs and switches are refused.
    """
    import dagster as dg
    import uvicorn
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import WorkspaceFileTarget
    from dagster_webserver.version import __version__
    from dagster_webserver.webserver import DagsterWebserver
    from starlette.middleware import Middleware

    hosts = own_hosts(port, os.environ.get("POVERTY_ASSETS_UI_HOSTS", ""))

    class Guarded(DagsterWebserver):
        """Dagster's webserver with the guard outermost."""

        def build_middleware(self) -> list[Any]:
            return [Middleware(Guard, hosts=hosts), *super().build_middleware()]

    target = WorkspaceFileTarget([str(workspace)])
    with dg.DagsterInstance.get() as instance:
        instance.optimize_for_webserver(15_000, 3600, 20)  # as the command line of dagster-webserver does
        with WorkspaceProcessContext(instance, target, version=__version__, read_only=read_only) as context:
            app = Guarded(context, live_data_poll_rate=2000).create_asgi_app()
            uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1)


def main() -> None:
    """Serve, as a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--read-only", action="store_true")
    asked = parser.parse_args()
    serve(asked.port, asked.workspace, read_only=asked.read_only)


if __name__ == "__main__":
    main()
