"""HTTP servers in the place of InfluxDB 2: a shim in front of a real influxd 1.x, and one that misbehaves on order.

``python -m tests.influx_servers PORT UPSTREAM TOKEN`` runs the shim as a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import ClientSession, web

_PRECISION = {"ns": "n", "us": "u", "ms": "ms", "s": "s"}


def problem(status: int, code: str, message: str) -> web.Response:
    """An error in the shape of InfluxDB 2."""
    return web.json_response({"code": code, "message": message}, status=status)


def shim(upstream: str, token: str) -> web.Application:  # noqa: C901 - five handlers around one session
    """The v2 write path and token check in front of the influxd 1.x at ``upstream``; /query passes through."""

    @web.middleware
    async def credentials(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Any:
        known = {f"Token {token}", f"Bearer {token}"}
        if request.path not in {"/health", "/ping"} and request.headers.get("Authorization") not in known:
            return problem(401, "unauthorized", "unauthorized access")
        return await handler(request)

    async def write(request: web.Request) -> web.Response:
        precision = _PRECISION.get(request.query.get("precision", "ns"))
        if precision is None or not request.query.get("org"):
            return problem(400, "invalid", "precision or org is missing")
        bucket = request.query.get("bucket", "")
        database, _, policy = bucket.partition("/")
        where = {"db": database, "precision": precision} | ({"rp": policy} if policy else {})
        async with session[0].post(f"{upstream}/write", params=where, data=await request.read()) as answer:
            if answer.status == 204:
                return web.Response(status=204)
            words = json.loads(await answer.text()).get("error", "")
        if answer.status == 404:
            return problem(404, "not found", f'bucket "{bucket}" not found')
        if words.startswith("partial write"):
            return problem(422, "unprocessable entity", f"failure writing points to database: {words}")
        return problem(answer.status, "invalid" if answer.status == 400 else "internal error", words)

    async def query(request: web.Request) -> web.Response:
        form = await request.post() if request.method == "POST" else None
        async with session[0].request(request.method, f"{upstream}/query", params=request.query, data=form) as answer:
            body = await answer.read()
        return web.Response(body=body, status=answer.status, content_type=answer.content_type)

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"name": "influxdb", "message": "ready", "status": "pass", "version": "v2.9.1-shim"})

    async def ping(_: web.Request) -> web.Response:
        return web.Response(status=204, headers={"X-Influxdb-Version": "v2.9.1-shim"})

    async def connection(_: web.Application) -> AsyncIterator[None]:
        session.append(ClientSession())
        yield
        await session.pop().close()

    session: list[ClientSession] = []
    app = web.Application(middlewares=[credentials], client_max_size=64 << 20)
    app.cleanup_ctx.append(connection)
    app.add_routes(
        [
            web.post("/api/v2/write", write),
            web.get("/query", query),
            web.post("/query", query),
            web.get("/health", health),
            web.get("/ping", ping),
        ]
    )
    return app


class Served:
    """An aiohttp application on a free loopback port, in a thread of its own, until ``stop``."""

    def __init__(self, app: web.Application, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        self._ready = threading.Event()
        self.port = port
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(10), "the server did not start"

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Close the port and end the thread."""
        asyncio.run_coroutine_threadsafe(self._cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _serve(self) -> None:
        self._loop.run_until_complete(self._start())
        self._ready.set()
        self._loop.run_forever()

    async def _cleanup(self) -> None:
        """Close all; what somebody does not read to its end is cut."""
        server = self._runner.server
        transports = [] if server is None else [one.transport for one in server.connections]
        await self._runner.cleanup()
        for transport in transports:
            if transport is not None:
                transport.abort()
        await asyncio.sleep(0)

    async def _start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True, ssl_context=self._tls).start()
        self.port = self._runner.addresses[0][1]


_LINE = re.compile(rb"(?P<series>(?:[^ \\]|\\.)+) (?P<fields>.+) (?P<ns>-?\d+)")
Mood = Callable[["MoodyInflux", web.Request, list[bytes]], Awaitable[web.StreamResponse]]


class MoodyInflux:
    """An InfluxDB 2 in memory that answers each write by the next of ``moods``, and well when there is none left.

    ``points`` maps (series, ns) to fields as InfluxDB would keep them; ``refuse`` marks lines that are never taken;
    ``most_lines`` makes longer bodies 413; ``requests`` counts writes and ``elsewhere`` what came to other paths.
    """

    def __init__(self) -> None:
        self.points: dict[tuple[bytes, int], bytes] = {}
        self.moods: list[Mood] = []
        self.always: Mood | None = None
        self.refuse = b"\0"
        self.partly = False
        self.most_lines = 1_000_000
        self.requests = 0
        self.elsewhere: list[str] = []
        self.version = "v2.9.1"
        self.app = web.Application(client_max_size=64 << 20)
        self.app.router.add_post("/api/v2/write", self._write)
        self.app.router.add_post("/query", self._query)
        self.app.router.add_get("/ping", self._ping)
        self.app.router.add_route("*", "/{rest:.*}", self._other)

    def keep(self, lines: list[bytes]) -> None:
        """Store lines, the later over the earlier of one identity."""
        for line in lines:
            found = _LINE.fullmatch(line)
            assert found, line
            self.points[found["series"], int(found["ns"])] = found["fields"]

    async def take(self, lines: list[bytes]) -> web.Response:
        """Behave."""
        if len(lines) > self.most_lines:
            return problem(413, "request too large", "request body too large")
        good = [line for line in lines if self.refuse not in line]
        if len(good) < len(lines):
            if self.partly:
                self.keep(good)
                return problem(422, "unprocessable entity", f"partial write: dropped={len(lines) - len(good)}")
            return problem(400, "invalid", "unable to parse line: missing fields")
        self.keep(lines)
        return web.Response(status=204)

    async def _write(self, request: web.Request) -> web.StreamResponse:
        lines = [line for line in (await request.read()).split(b"\n") if line and not line.startswith(b"#")]
        if not lines:
            return web.Response(status=204)
        self.requests += 1
        if self.always is not None:
            return await self.always(self, request, lines)
        if self.moods:
            return await self.moods.pop(0)(self, request, lines)
        return await self.take(lines)

    async def _query(self, request: web.Request) -> web.Response:
        statements = str((await request.post())["q"]).split(";")
        return web.json_response({"results": [{"statement_id": n} for n in range(len(statements))]})

    async def _ping(self, _: web.Request) -> web.Response:
        return web.Response(status=204, headers={"X-Influxdb-Version": self.version})

    async def _other(self, request: web.Request) -> web.Response:
        self.elsewhere.append(request.path)
        return web.Response(status=204)


def says(status: int, body: str = "", **headers: str) -> Mood:
    """A mood: answer without storing anything."""

    async def mood(_: MoodyInflux, __: web.Request, ___: list[bytes]) -> web.StreamResponse:
        return web.Response(status=status, text=body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return mood


def stores_then_breaks() -> Mood:
    """A mood: everything is stored, and the connection ends before the answer."""

    async def mood(server: MoodyInflux, request: web.Request, lines: list[bytes]) -> web.StreamResponse:
        await server.take(lines)
        assert request.transport is not None
        request.transport.abort()
        return web.Response(status=204)

    return mood


def breaks_half_way() -> Mood:
    """A mood: half of the lines are stored, and the connection ends in the middle of the answer."""

    async def mood(server: MoodyInflux, request: web.Request, lines: list[bytes]) -> web.StreamResponse:
        await server.take(lines[: len(lines) // 2])
        response = web.StreamResponse(status=204, headers={"Content-Length": "100"})
        assert request.transport is not None
        request.transport.write(b"HTTP/1.1 20")
        request.transport.close()
        return response

    return mood


def stores_too_late(released: threading.Event) -> Mood:
    """A mood: the answer comes after ``released``, long after the writer's patience."""

    async def mood(server: MoodyInflux, _: web.Request, lines: list[bytes]) -> web.StreamResponse:
        await asyncio.get_running_loop().run_in_executor(None, released.wait, 30)
        return await server.take(lines)

    return mood


if __name__ == "__main__":
    web.run_app(shim(sys.argv[2], sys.argv[3]), host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
