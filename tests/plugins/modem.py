"""A GSM modem behind a pseudo terminal. It reads PDUs by its own decoder, which shares nothing with the sender's."""

from __future__ import annotations

import os
import select
import threading
import tty
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_ALPHABET = dict(enumerate("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡")) | {
    **{code: chr(code) for code in [*range(0x41, 0x5B), *range(0x61, 0x7B)]},
    **dict(enumerate("ÄÖÑÜ§¿", 0x5B)),
    **dict(enumerate("äöñüà", 0x7B)),
}


@dataclass(frozen=True)
class Sms:
    """One part as the network would get it; ``reference``, ``parts``, ``place`` are 0 where it is alone."""

    number: str
    text: str
    coding: int
    reference: int = 0
    parts: int = 0
    place: int = 0


@dataclass
class Script:
    """What the modem answers besides OK. ``pin``: what its card wants; ``submits``: answers to parts, in order."""

    pin: str = ""
    submits: list[str] = field(default_factory=list)
    deaf: bool = False
    noise: bytes = b""
    swallow_prompt: int = 0


def decode(octets: int, text: str) -> Sms:
    """Take an SMS-SUBMIT apart; fails where it is none."""
    raw = bytes.fromhex(text)
    assert raw[0] == 0, "the card's message centre"
    body = raw[1:]
    assert len(body) == octets, "AT+CMGS announces the octets behind the message centre"
    first, length, kind = body[0], body[2], body[3]
    assert first & 0b11 == 1, "SMS-SUBMIT"
    assert first & 0b11000 == 0b10000, "a relative validity"
    end = 4 + (length + 1) // 2
    digits = "".join(f"{octet & 15:x}{octet >> 4:x}" for octet in body[4:end])[:length]
    assert body[end] == 0
    coding, units = body[end + 1], body[end + 3]
    data = body[end + 4 :]
    assert len(data) <= 140
    header, place = b"", (0, 0, 0)
    if first & 0x40:
        header = data[: data[0] + 1]
        assert header[:3] == bytes([5, 0, 3])
        place = (header[3], header[4], header[5])
    if coding == 8:
        assert units == len(data)
        shown = data[len(header) :].decode("utf-16-be")
    else:
        assert coding == 0
        assert len(data) == (units * 7 + 7) // 8
        bits = int.from_bytes(data, "little")
        skipped = (len(header) * 8 + 6) // 7
        shown = "".join(_ALPHABET[bits >> (7 * n) & 127] for n in range(skipped, units))
    return Sms(("+" if kind == 0x91 else "") + digits, shown, coding, *place)


class FakeModem:
    """Speaks on one end of a pseudo terminal; ``device`` is the other."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.device = Path(os.ttyname(self._slave))
        self.script = Script()
        self.commands: list[str] = []
        self.sent: list[Sms] = []
        self.pins: list[str] = []
        self._unlocked = False
        self._announced: int | None = None
        self._echo = True
        self._message = 20
        self._stop_reading, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hang up."""
        os.write(self._stop, b"x")
        self._thread.join(5)
        for one in (self._master, self._slave, self._stop, self._stop_reading):
            os.close(one)

    def _run(self) -> None:
        received = b""
        while True:
            ready, _, _ = select.select([self._master, self._stop_reading], [], [])
            if self._stop_reading in ready:
                return
            received += os.read(self._master, 4096)
            while True:
                before, escaped, rest = received.partition(b"\x1b")
                if escaped:
                    received = before + rest if self._announced is None else rest
                    if self._announced is not None:
                        self._announced = None
                        self._say("OK")
                mark = b"\x1a" if self._announced is not None else b"\r"
                line, found, rest = received.partition(mark)
                if not found:
                    break
                received = rest
                self._take(line)

    def _say(self, text: str) -> None:
        os.write(self._master, self.script.noise + f"\r\n{text}\r\n".encode())

    def _take(self, line: bytes) -> None:
        if self.script.deaf:
            return
        if self._echo:
            os.write(self._master, line + b"\r")
        text = line.decode().strip()
        if self._announced is not None:
            announced, self._announced = self._announced, None
            self._submit(announced, text)
            return
        self.commands.append(text)
        self._answer(text)

    def _answer(self, command: str) -> None:
        if command == "ATE0":
            self._echo = False
        locked = bool(self.script.pin) and not self._unlocked
        if command == "AT+CPIN?":
            self._say("+CPIN: SIM PIN" if locked else "+CPIN: READY")
        elif command.startswith("AT+CPIN="):
            self.pins.append(command.partition("=")[2].strip('"'))
            if self.pins[-1] != self.script.pin:
                self._say("+CME ERROR: 16")
                return
            self._unlocked = True
        elif command.startswith("AT+CMGS="):
            if locked:
                self._say("+CMS ERROR: 311")
                return
            self._announced = int(command.partition("=")[2])
            if self.script.swallow_prompt:
                self.script.swallow_prompt -= 1
            else:
                os.write(self._master, b"\r\n> ")
            return
        self._say("OK")

    def _submit(self, octets: int, text: str) -> None:
        answer = self.script.submits.pop(0) if self.script.submits else ""
        if answer:
            self._say(answer)
            return
        self.sent.append(decode(octets, text))
        self._message += 1
        self._say(f"+CMGS: {self._message}")
        self._say("OK")


@pytest.fixture
def fake_modem() -> Iterator[FakeModem]:
    """A modem that takes everything unless its script says otherwise."""
    one = FakeModem()
    yield one
    one.close()
