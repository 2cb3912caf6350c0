"""A provider on this machine that speaks HTTP as providers do, and misbehaves as it is told.

Belongs here: files, faults, and a record of what was asked. A fault is met once, in the order given, by requests for a body.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

FAULTS = ("cut", "500", "503", "429", "429 later", "page", "whole", "short", "reset")


@dataclass
class Served:
    """A file, and the faults that requests for it meet; ``wants`` this authorisation, ``refuses`` addresses with this in them."""

    data: bytes
    etag: str | None = '"1"'
    modified: str | None = "Wed, 01 Jul 2026 00:00:00 GMT"
    content_type: str = "application/octet-stream"
    ranges: bool = True
    faults: list[str] = field(default_factory=list)
    wants: str | None = None
    refuses: str | None = None


Answer = Callable[[dict[str, str]], Any]


@dataclass
class Provider:
    """Files by path, answers of interfaces by path, and what was asked: method, path, header ``Range``."""

    files: dict[str, Served] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    moved_to: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    sent: int = 0
    address: str = ""
    released: threading.Event = field(default_factory=threading.Event)

    def put(self, path: str, data: bytes, **more: Any) -> Served:
        """Serve a file."""
        self.files[path] = Served(data, **more)
        return self.files[path]

    def at(self, path: str) -> str:
        """The whole address of a path."""
        return self.address + path

    def __enter__(self) -> Provider:
        provider = self

        class Handler(_Handler):
            of = provider

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no event."""


class _Handler(BaseHTTPRequestHandler):
    of: Provider
    protocol_version = "HTTP/1.1"

    def log_message(self, *words: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_POST(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        path, wanted = unquote(urlsplit(self.path).path), self.headers.get("Range")
        self.of.asked.append((self.command, self.path, wanted))
        if path in self.of.moved_to:
            return self._send(302, b"", {"Location": self.of.moved_to[path]})
        if path in self.of.answers:
            words = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
            if self.command == "POST":
                words["body"] = self.rfile.read(int(self.headers["Content-Length"])).decode()
            said = self.of.answers[path](words)
            body = said if isinstance(said, bytes) else json.dumps(said).encode()
            return self._send(200, body, {"Content-Type": "application/json"})
        file = self.of.files.get(path)
        if file is None:
            return self._send(404, b"nothing here", {})
        if file.wants and self.headers.get("Authorization") != file.wants:
            return self._send(401, b"who are you", {})
        if file.refuses and file.refuses in self.path:
            return self._send(403, b"expired", {})
        fault = file.faults.pop(0) if with_body and file.faults else ""
        return self._file(file, fault, wanted, with_body)

    def _file(self, file: Served, fault: str, wanted: str | None, with_body: bool) -> None:
        head = {"Content-Type": file.content_type, "Accept-Ranges": "bytes"}
        head |= {"ETag": file.etag} if file.etag else {}
        head |= {"Last-Modified": file.modified} if file.modified else {}
        if fault in ("500", "503", "429"):
            return self._send(int(fault), b"", {})
        if fault == "429 later":
            return self._send(429, b"", {"Retry-After": "7"})
        if fault == "page":
            return self._send(200, b"<!DOCTYPE html><title>Please wait</title>", {"Content-Type": "text/html"})
        same = self.headers.get("If-Range") in (None, file.etag, file.modified)
        if wanted and file.ranges and same and fault != "whole":
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            if int(first) >= len(file.data):
                return self._send(416, b"", {"Content-Range": f"bytes */{len(file.data)}"})
            end = min(int(last), len(file.data) - 1) if last else len(file.data) - 1
            head["Content-Range"] = f"bytes {first}-{end}/{len(file.data)}"
            return self._send(206, file.data[int(first) : end + 1], head, fault, with_body)
        return self._send(200, file.data, head, fault, with_body)

    def _send(self, status: int, body: bytes, head: dict[str, str], fault: str = "", with_body: bool = True) -> None:
        if fault == "reset":
            self.close_connection = True
            return self.connection.close()
        if fault == "stall":
            self.close_connection = True
            self.of.released.wait(10)
            return None
        if fault == "short":  # fewer bytes are announced than there are, and no more come
            body = body[: max(1, len(body) // 3)]
        self.send_response(status)
        for name, value in head.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not with_body or self.command == "HEAD":
            return None
        if fault == "cut":
            body = body[: len(body) // 2]
            self.close_connection = True
        self.wfile.write(body)
        self.of.sent += len(body)
        if fault == "cut":
            self.wfile.flush()
            self.connection.close()
        return None
