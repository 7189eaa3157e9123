"""The least that makes influxd 1.x answer the write path of InfluxDB 2: ``benchmarks.thin_proxy PORT UPSTREAM``.

It rewrites the first line of a request and copies the rest, so that what a run measures is influxd and not what stands
before it. It checks no token and knows no errors: the tests' shim does. Requests must have a Content-Length.
"""

from __future__ import annotations

import asyncio
import re
import sys
from typing import cast

import uvloop

from benchmarks.processes import answer

_WRITE = re.compile(rb"^POST /api/v2/write\?(\S*)")
_BUCKET = re.compile(rb"(?:^|&)bucket=([^&]*)")
_PRECISION = re.compile(rb"(?:^|&)precision=([^&]*)")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PRECISIONS = {b"ns": b"n", b"us": b"u", b"ms": b"ms", b"s": b"s"}


class _Upstream(asyncio.Protocol):
    """The answers of influxd go back as they are."""

    def __init__(self, client: asyncio.Transport) -> None:
        self._client = client

    def data_received(self, data: bytes) -> None:
        self._client.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._client.close()


class _Client(asyncio.Protocol):
    """One connection of a client: heads are rewritten, bodies are copied."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._head = b""
        self._body = 0
        self._ready: list[bytes] = []
        self._upstream: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._task = asyncio.get_running_loop().create_task(self._connect())

    def data_received(self, data: bytes) -> None:
        while data:
            if self._body:
                piece, data = data[: self._body], data[self._body :]
                self._body -= len(piece)
                self._pass_on(piece)
                continue
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            head, data = self._head[: end + 4], self._head[end + 4 :]
            self._head = b""
            length = _LENGTH.search(head)
            self._body = int(length[1]) if length else 0
            self._pass_on(_WRITE.sub(_rewritten, head, count=1))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._upstream is not None:
            self._upstream.close()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(lambda: _Upstream(self._transport), "127.0.0.1", self._port)
        self._upstream = transport
        for piece in self._ready:
            transport.write(piece)
        self._ready.clear()

    def _pass_on(self, piece: bytes) -> None:
        if self._upstream is None:
            self._ready.append(piece)
        else:
            self._upstream.write(piece)


def _rewritten(found: re.Match[bytes]) -> bytes:
    """``/api/v2/write?bucket=B&precision=ns`` as 1.x has it."""
    bucket, precision = _BUCKET.search(found[1]), _PRECISION.search(found[1])
    short = _PRECISIONS[precision[1]] if precision else b"n"
    return b"POST /write?db=%b&precision=%b" % (bucket[1] if bucket else b"", short)


async def _serve(port: int, upstream: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Client(upstream), "127.0.0.1", port)
    answer(ready=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
