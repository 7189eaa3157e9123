"""Sending a notice out as an SMS by a modem: the serial line under ``alerts.notify.modem``."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import termios
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from alerts.notify import Notice, Outcome, Refused, Retry
from alerts.notify.modem import PROMPT, Ask, Dialogue, Modem, Said

_FINAL = re.compile(r"OK|ERROR|\+CM[SE] ERROR:.*|NO CARRIER")
#: An answer that grows beyond this is no modem's.
_MOST_BYTES = 64 * 1024


class ModemSender:
    """Sends through the modem at ``device``, one message at a time; the line is open only while one goes out."""

    def __init__(self, modem: Modem, *, device: Path, baud: int = 115_200) -> None:
        self._modem = modem
        self._device = device
        self._baud = baud
        self._turn = asyncio.Lock()

    async def send(self, notice: Notice) -> Outcome:
        """See ``Sender.send``."""
        parts = await asyncio.to_thread(self._modem.parts, notice)
        if isinstance(parts, Refused):
            return parts
        return await self._carry_on(self._modem.dialogue(parts))

    async def look(self) -> Outcome:
        """Ask whether the modem is ready; nothing is sent to anybody."""
        return await self._carry_on(self._modem.greeting())

    async def close(self) -> None:
        """See ``Sender.close``."""

    async def _carry_on(self, dialogue: Dialogue) -> Outcome:
        async with self._turn:
            try:
                async with self._line() as line:
                    return await _talk(line, dialogue)
            except (OSError, termios.error) as error:
                number = error.errno if isinstance(error, OSError) else error.args[0]
                return Retry(f"the serial line fails: {os.strerror(number or 0)}")

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[Line]:
        # Opening and setting up may wait for the driver.
        descriptor = await asyncio.to_thread(_open, self._device, self._baud)
        line = Line(descriptor)
        try:
            yield line
        finally:
            line.close()


class Line:
    """An open serial line in the event loop."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._came = asyncio.Event()
        self._received = bytearray()
        self._broken: OSError | None = None
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(descriptor, self._read)

    async def ask(self, ask: Ask) -> Said:
        """Send, and return the lines up to the one that ends the answer; ``final`` is empty where none came."""
        self._received.clear()
        lines: list[str] = []
        try:
            async with asyncio.timeout(ask.seconds):
                await self._write(ask.data)
                while True:
                    self._came.clear()
                    final = self._take(lines, prompt=ask.prompt)
                    if final:
                        return Said(tuple(lines), final)
                    await self._came.wait()
        except TimeoutError:
            return Said(tuple(lines), "")

    def close(self) -> None:
        """Let the line go."""
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _take(self, lines: list[str], *, prompt: bool) -> str:
        """Move whole lines over; return the one that ends the answer, else nothing."""
        if self._broken is not None:
            raise self._broken
        while (end := self._received.find(b"\n")) >= 0:
            line = self._received[:end].decode("ascii", "replace").strip()
            del self._received[: end + 1]
            if _FINAL.fullmatch(line):
                return line
            if line:
                lines.append(line)
        return PROMPT if prompt and self._received.lstrip(b"\r").startswith(b">") else ""

    async def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            with suppress(BlockingIOError):
                left = left[os.write(self._descriptor, left) :]
                continue
            writable = self._loop.create_future()
            self._loop.add_writer(self._descriptor, _resolve, writable)
            try:
                await writable
            finally:
                self._loop.remove_writer(self._descriptor)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, 4096)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error)
            return
        if not data or len(self._received) + len(data) > _MOST_BYTES:
            self._fail(OSError(5, "it ended"))
            return
        self._received += data
        self._came.set()

    def _fail(self, error: OSError) -> None:
        self._broken = error
        self._loop.remove_reader(self._descriptor)
        self._came.set()


async def _talk(line: Line, dialogue: Dialogue) -> Outcome:
    try:
        ask = next(dialogue)
        while True:
            ask = dialogue.send(await line.ask(ask))
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome


def _open(device: Path, baud: int) -> int:
    """A raw line at this speed, for us alone. Blocking."""
    descriptor = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, termios.TIOCEXCL)
        tty.setraw(descriptor)
        modes = termios.tcgetattr(descriptor)
        modes[2] |= termios.CLOCAL | termios.CREAD
        modes[4] = modes[5] = getattr(termios, f"B{baud}")
        termios.tcsetattr(descriptor, termios.TCSANOW, modes)
        termios.tcflush(descriptor, termios.TCIOFLUSH)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
