"""Waiting for a condition with a deadline, and ports."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

DEADLINE_S = 20.0


async def eventually(condition: Callable[[], object], within: float = DEADLINE_S) -> None:
    """Wait until ``condition()`` is true; fail after ``within`` seconds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    while not condition():
        assert loop.time() < end, f"did not come true within {within} s"
        await asyncio.sleep(0.002)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def accepts(port: int) -> bool:
    """Whether somebody listens on that port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


async def pace(seconds: float) -> None:
    """Give a load its rate; it waits for nothing."""
    await asyncio.sleep(seconds)
