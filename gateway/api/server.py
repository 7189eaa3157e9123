"""Serves an app on the configured address, inside the gateway's event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from gateway.config import Settings
from gateway.errors import StartError

_BACKLOG = 128
#: Open requests get this long to end when the gateway stops.
_STOP_S = 3


class Server:
    """One HTTP server. ``start`` binds first, so that a port in use is a clear error and port 0 gets a number."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        self._settings = settings
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",  # its start and stop are the gateway's own lines
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_STOP_S,
            ws="none",
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> str:
        """Bind and serve. Returns the address for people on this machine, ``http://HOST:PORT``.

        Raises:
            StartError: where the address cannot be bound.
        """
        host, port = self._settings.http.address
        bound = await asyncio.to_thread(_bind, host, port)
        number = bound.getsockname()[1]
        self._task = asyncio.create_task(self._server.serve(sockets=[bound]), name="hygeia.http")
        while not self._server.started:
            if self._task.done():
                await self._task
                raise StartError(f"http.listen = {host}:{port}: the server ended at once")
            await asyncio.sleep(0.005)
        local = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - named, not bound
        return f"http://[{local}]:{number}" if ":" in local else f"http://{local}:{number}"

    async def stop(self) -> None:
        """Take no new request, let open ones end for some seconds."""
        if self._task is None:
            return
        self._server.should_exit = True
        await self._task
        # Those that did not end in time are cut: nobody would close them any more.
        for connection in list(self._server.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)


class _Server(uvicorn.Server):
    """Leaves signals to the gateway."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """See ``uvicorn.Server``."""
        yield


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise StartError(f"http.listen = {host}:{port}: {error.strerror or error}; choose another address") from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise StartError(
            f"http.listen = {host}:{port}: {error.strerror}; stop what uses it, or choose another port (0 = a free one)"
        ) from error
    bound.setblocking(False)  # noqa: FBT003 - positional only
    return bound
