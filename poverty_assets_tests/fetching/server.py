"""A provider on this machine that speaks HTTP as providers do, and misbehaves as it is told.

Belongs here: files, faults, and a record of what was asked. A fault of a file is met once, in the order given, by requests for its body;
one of a plan by the next request, of whatever kind, whose path begins so.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import hashlib
import itertools
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

FAULTS = ("cut", "500", "503", "429", "429 later", "page", "whole", "short", "reset")
STATUS = {"400", "405", "500", "502", "503", "504", "408", "429", "404", "401"}
LATER = 7
"""Seconds that an answer 429 asks to be left in peace for."""


class OnDisk:
    """The bytes of a file that is too large for memory."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __len__(self) -> int:
        return self._path.stat().st_size

    def __getitem__(self, piece: slice) -> bytes:
        first, end, _ = piece.indices(len(self))
        with self._path.open("rb") as file:
            file.seek(first)
            return file.read(end - first)


@dataclass
class Served:
    """A file, and the faults that requests for it meet; ``wants`` this authorisation, ``refuses`` addresses with this in them."""

    data: bytes | OnDisk
    etag: str | None = '"1"'
    modified: str | None = "Wed, 01 Jul 2026 00:00:00 GMT"
    content_type: str = "application/octet-stream"
    ranges: bool = True
    faults: list[str] = field(default_factory=list)
    wants: str | None = None
    refuses: str | None = None
    signed: bool = False


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
    plans: dict[str, list[str]] = field(default_factory=dict)
    always: dict[str, str] = field(default_factory=dict)
    sends_on: dict[str, str] = field(default_factory=dict)
    looping: dict[str, int] = field(default_factory=dict)
    tagged: bool = False
    signature: int = 1
    clock: Callable[[], float] = time.monotonic
    quiet_until: dict[str, float] = field(default_factory=dict)
    at_times: dict[str, list[float]] = field(default_factory=dict)
    disturbed: int = 0
    sent_on: bool = False

    def planned(self, path: str) -> str:
        """The fault that the next request for a path meets."""
        if self.looping.get(path):
            return "loop"
        self.looping.pop(path, None)
        for prefix, fault in self.always.items():
            if path.startswith(prefix):
                return fault
        for prefix, plan in self.plans.items():
            if path.startswith(prefix) and plan:
                return plan.pop(0)
        return ""

    def hasty(self, pause: float) -> int:
        """How many requests came sooner after the one before, but for those that were sent on."""
        pairs = [pair for times in self.at_times.values() for pair in itertools.pairwise(times)]
        return sum(later - before < pause - 1e-6 for before, later in pairs)

    def sign(self, path: str) -> str:
        """A signed address that holds until the next fault ``expired``."""
        return f"{self.at(path)}?sig=Sig-{self.signature}-5170"

    def put(self, path: str, data: bytes | OnDisk, **more: Any) -> Served:
        """Serve a file."""
        self.files[path] = Served(data, **more)
        return self.files[path]

    def at(self, path: str) -> str:
        """The whole address of a path; what lies below ``/two`` is at another host, of the same machine."""
        other = path.startswith("/two")
        return (self.address.replace("127.0.0.1", "localhost") if other else self.address) + path

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
        posted = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.of.asked.append((self.command, self.path, wanted))
        host = str(self.headers.get("Host"))
        now = self.of.clock()
        if not self.of.sent_on:
            self.of.at_times.setdefault(host, []).append(now)
        self.of.sent_on = False
        self.of.disturbed += now < self.of.quiet_until.get(host, now)
        fault = self.of.planned(path)
        if fault and self._is_met(fault, path):
            return None
        self._fault = fault
        if path in self.of.sends_on:
            return self._send(302, b"", {"Location": self.of.sign(self.of.sends_on[path])}, self._fault)
        if path in self.of.moved_to:
            return self._send(302, b"", {"Location": self.of.moved_to[path]})
        if path in self.of.answers:
            words = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
            if self.command == "POST":
                words["body"] = posted
            said = self.of.answers[path](words)
            body = said if isinstance(said, bytes) else json.dumps(said).encode()
            tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            head = {"Content-Type": "application/json"} | ({"ETag": tag} if self.of.tagged else {})
            if self.of.tagged and self.headers.get("If-None-Match") == tag:
                return self._send(304, b"", head, with_body=False)
            return self._send(200, body, head, self._fault, with_body)
        file = self.of.files.get(path)
        if file is None:
            return self._send(404, b"nothing here", {})
        if file.wants and self.headers.get("Authorization") != file.wants:
            return self._send(401, b"who are you", {})
        if file.refuses and file.refuses in self.path:
            return self._send(403, b"expired", {})
        if file.signed and f"sig=Sig-{self.of.signature}-" not in self.path:
            return self._send(403, b"expired", {})
        fault = self._fault or (file.faults.pop(0) if with_body and file.faults else "")
        return self._file(file, fault, wanted, with_body)

    def _is_met(self, fault: str, path: str) -> bool:
        """Answer with a fault that does not depend on what was asked for."""
        page = b"<!DOCTYPE html><title>Please wait</title>"
        if fault in STATUS:
            self._send(int(fault), b"", {})
        elif fault in ("429 later", "503 later", "429 date"):
            when = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=LATER + 1)
            self.of.quiet_until[str(self.headers.get("Host"))] = self.of.clock() + LATER - 1
            later = email.utils.format_datetime(when, usegmt=True) if fault == "429 date" else str(LATER)
            self._send(int(fault[:3]), b"", {"Retry-After": later})
        elif fault == "429 hours":
            self._send(429, b"", {"Retry-After": "7200"})
        elif fault == "page":
            self._send(200, page, {"Content-Type": "text/html"}, "", self.command == "GET")
        elif fault == "busy":
            self._send(200, b'{"error": "busy"}', {"Content-Type": "application/json"}, "", self.command == "GET")
        elif fault == "loop":
            self._send(302, b"", {"Location": self.path})
            self.of.looping[path] = self.of.looping.get(path, 5) - 1
        elif fault == "stale" and path.endswith(".md5"):
            self._send(200, b"0" * 32 + b"  a file\n", {"Content-Type": "text/plain"})
        elif fault in ("reset", "stall") or (fault == "cut" and self.command == "HEAD"):
            self._send(200, b"", {}, "reset" if fault == "cut" else fault)
        elif fault == "expired":
            self.of.signature += 1
            return False
        else:
            return False
        return True

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
        if file.etag and self.headers.get("If-None-Match") == file.etag and not wanted:
            return self._send(304, b"", head, with_body=False)
        same = self.headers.get("If-Range") in (None, file.etag, file.modified)
        if wanted and file.ranges and same and fault != "whole":
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            if int(first) >= len(file.data):
                return self._send(416, b"", {"Content-Range": f"bytes */{len(file.data)}"})
            end = min(int(last), len(file.data) - 1) if last else len(file.data) - 1
            if fault == "gap":
                first = str(max(0, int(first) - 1))
            head["Content-Range"] = f"bytes {first}-{end}/{len(file.data)}"
            return self._send(206, file.data[int(first) : end + 1], head, fault, with_body)
        if not with_body:
            head["Content-Length"] = str(len(file.data))
        return self._send(200, file.data[:] if with_body else b"", head, fault, with_body)

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
        self.of.sent_on = status == 302
        self.send_response(status)
        for name, value in head.items():
            self.send_header(name, value)
        if "Content-Length" not in head:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not with_body or self.command == "HEAD":
            return None
        if fault == "cut":
            body = body[: len(body) // 2]
            self.close_connection = True
        self.of.sent += len(body)  # before who asked has it, and may count
        self.wfile.write(body)
        if fault == "cut":
            self.wfile.flush()
            self.connection.close()
        return None
