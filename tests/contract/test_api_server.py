"""The server binds before it says where it is, and stops by itself."""

from __future__ import annotations

import asyncio
import http.client
import logging
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gateway.api.app import build_app
from gateway.api.server import Server
from gateway.errors import StartError
from tests.plugins.fake_services import FakeServices
from tests.plugins.http_caller import in_thread


async def served(folder: Path, listen: str) -> tuple[FakeServices, Server]:
    """Services that listen there."""
    services = await in_thread(FakeServices, folder, listen=listen)
    return services, Server(build_app(services), services.settings)


async def test_port_0_takes_a_free_port_and_says_which(tmp_path: Path) -> None:
    """The address is one that a person can open."""
    services, server = await served(tmp_path, "127.0.0.1:0")
    address = await server.start()
    assert await asyncio.to_thread(status, address) == 200
    await server.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.to_thread(status, address)
    await in_thread(services.engine.dispose)


async def test_the_server_says_nothing_of_its_own_start_and_stop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The gateway's own lines say where it is."""
    caplog.set_level(logging.INFO)
    services, server = await served(tmp_path, "127.0.0.1:0")
    await server.start()
    await server.stop()
    assert [one.getMessage() for one in caplog.records if one.name.startswith("uvicorn")] == []
    await in_thread(services.engine.dispose)


async def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    """It names the setting and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        services, server = await served(tmp_path, listen)
        with pytest.raises(StartError, match=f"http.listen = {listen}: Address already in use") as refused:
            await server.start()
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 2
    await server.stop()
    await in_thread(services.engine.dispose)


async def test_an_address_of_another_machine_is_one_clear_line(tmp_path: Path) -> None:
    """Nothing is bound."""
    services, server = await served(tmp_path, "192.0.2.1:0")
    with pytest.raises(StartError, match=r"http\.listen = 192\.0\.2\.1:0"):
        await server.start()
    await in_thread(services.engine.dispose)


async def test_bound_to_every_address_it_is_reached_on_loopback(tmp_path: Path) -> None:
    """The address for this machine is not 0.0.0.0."""
    services, server = await served(tmp_path, "0.0.0.0:0")
    address = await server.start()
    assert urlsplit(address).hostname == "127.0.0.1"
    assert await asyncio.to_thread(status, address) == 200
    await server.stop()
    await in_thread(services.engine.dispose)


def status(address: str) -> int:
    """The status of /healthz there."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status
    finally:
        connection.close()
