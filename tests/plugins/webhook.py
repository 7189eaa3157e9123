"""A receiver of webhooks on 127.0.0.1 that can misbehave, and its own check of signatures.

It shares no code with the sender: what it verifies is what docs/webhook.md promises.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass(frozen=True)
class Reply:
    """How the receiver answers one request.

    ``hold`` keeps the answer back until ``Receiver.release``. ``cut`` ends the connection early: ``head`` in the middle
    of the status line, ``body`` in the middle of the body.
    """

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    hold: bool = False
    cut: str = ""


@dataclass(frozen=True)
class Received:
    """One request as it came in; ``at`` is ``time.monotonic()``, header names are lower case."""

    at: float
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The body as JSON."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def key(self) -> str:
        """The Idempotency-Key."""
        return self.headers["idempotency-key"]

    def signed_by(self, secret: str, *, within_s: float = 300) -> bool:
        """Whether the signature is that of the secret's owner and not older than ``within_s``."""
        stamp = self.headers.get("x-hygeia-timestamp", "")
        version, _, given = self.headers.get("x-hygeia-signature", "").partition("=")
        if version != "v1" or not stamp.isdigit() or abs(time.time() - int(stamp)) > within_s:
            return False
        wanted = hmac.digest(secret.encode(), stamp.encode() + b"." + self.body, hashlib.sha256).hex()
        return hmac.compare_digest(given, wanted)


class Receiver:
    """Answers ``usual`` to every request but those that ``next`` says something else of, in order."""

    def __init__(self) -> None:
        self.usual = Reply()
        self.received: list[Received] = []
        self._next: deque[Reply] = deque()
        self._released = threading.Event()
        self._changed = threading.Condition()
        self._sockets: set[socket.socket] = set()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def next(self, *replies: Reply) -> None:
        """Answer the next requests like this, one reply each."""
        with self._changed:
            self._next.extend(replies)

    def release(self) -> None:
        """Let held answers go, now and from now on."""
        self._released.set()

    def wait_for(self, requests: int, *, deadline_s: float = 20) -> list[Received]:
        """All requests so far, once there are that many; fails at the deadline. Blocking: async tests use to_thread."""
        with self._changed:
            came = self._changed.wait_for(lambda: len(self.received) >= requests, deadline_s)
            assert came, f"{len(self.received)} of {requests} requests came within {deadline_s} s"
            return list(self.received)

    def close(self) -> None:
        """Stop listening and end every connection."""
        self.release()
        self._server.shutdown()
        for one in list(self._sockets):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._server.server_close()
        self._thread.join(5)

    def opened(self, connection: socket.socket) -> None:
        """Called for each connection."""
        self._sockets.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """Called when it is over."""
        self._sockets.discard(connection)

    def take(self, received: Received) -> Reply:
        """Note a request and say how to answer it."""
        with self._changed:
            reply = self._next.popleft() if self._next else self.usual
            self.received.append(received)
            self._changed.notify_all()
        if reply.hold:
            self._released.wait(60)
        return reply


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.receiver.opened(self.connection)

    def finish(self) -> None:
        self.server.receiver.closed(self.connection)
        try:
            super().finish()
        except OSError:
            return

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.receiver.take(Received(time.monotonic(), self.path, headers, body))
        try:
            self._answer(reply)
        except OSError:
            self.close_connection = True

    def do_GET(self) -> None:
        """A redirect that is followed would come as GET."""
        self.do_POST()

    def _answer(self, reply: Reply) -> None:
        if reply.cut == "head":
            self.wfile.write(b"HTTP/1.1 20")
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        promised = len(reply.body) + (1000 if reply.cut == "body" else 0)
        if reply.status not in {204, 304}:
            self.send_header("Content-Length", str(promised))
        self.end_headers()
        self.wfile.write(reply.body)
        self.close_connection = self.close_connection or bool(reply.cut)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in the base class
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook receiver that takes everything unless told otherwise."""
    one = Receiver()
    yield one
    one.close()
