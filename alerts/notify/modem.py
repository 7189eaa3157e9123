"""SMS by a GSM modem: the dialogue of AT commands as a generator, without the serial line (pure).

``Modem.dialogue`` yields what is to be sent and how long to wait, and is sent what came back. Sources: 3GPP TS 27.007
(+CMEE, +CPIN, CME errors) and 27.005 (+CSCA, +CMGF, +CMGS, CMS errors, 3.2.5).
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import NamedTuple

from alerts.notify import Delivered, Notice, Outcome, Refused, Retry
from alerts.notify.fit import cut
from alerts.notify.http_form import without_links
from alerts.notify.pdu import Pdu, is_number, submits
from alerts.notify.text import text_of

#: Characters of one message: at most eight parts of 67 Chinese characters.
MOST_TEXT = 500
PROMPT = ">"
_QUICK_S, _SIM_S, _PROMPT_S, _NETWORK_S = 3.0, 20.0, 10.0, 90.0
_ESCAPE_S = 0.3
_HELLOS = 3
_ESCAPE, _END = b"\x1b", b"\x1a"

#: CMS errors that come again at every try: the number, the subscription or the message is the trouble.
_NEVER = frozenset({1, 8, 10, 21, 28, 29, 30, 50, 69, 96, 304})
_WORDS = {
    1: "unassigned number", 8: "barred by the operator", 10: "call barred", 17: "network failure",
    21: "message rejected", 27: "destination out of service", 28: "unidentified subscriber",
    29: "facility rejected", 30: "unknown subscriber", 38: "network out of order", 41: "temporary failure",
    42: "congestion", 47: "resources unavailable", 50: "not subscribed", 69: "not implemented",
    96: "invalid mandatory information", 300: "fault of the modem", 302: "operation not allowed",
    304: "invalid PDU", 310: "no SIM card", 311: "the SIM card wants a PIN", 313: "fault of the SIM card",
    314: "the SIM card is busy", 316: "the SIM card wants its PUK", 322: "memory full",
    330: "message centre not known; set smsc", 331: "no network", 332: "the network does not answer",
    500: "unknown error",
}  # fmt: skip
_CME_WORDS = {
    10: "no SIM card", 11: "the SIM card wants a PIN", 13: "fault of the SIM card", 14: "the SIM card is busy",
}  # fmt: skip


class Ask(NamedTuple):
    """Send this, then wait at most ``seconds`` for a line that ends an answer, or for the prompt if ``prompt``."""

    data: bytes
    seconds: float
    prompt: bool = False


class Said(NamedTuple):
    """What came back: ``final`` is OK, ERROR, +CME ERROR: n, +CMS ERROR: n, > or, where nothing came in time, empty."""

    lines: tuple[str, ...]
    final: str


class _FaultError(Exception):
    """The dialogue ends here."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.words)
        self.outcome = outcome


Step = Generator[Ask, Said, Said]
Dialogue = Generator[Ask, Said, Outcome]


class Modem:
    """One modem with one SIM card. A PIN that was refused once is not tried again: the third time locks the card."""

    def __init__(self, *, pin: str = "", smsc: str = "", language: str = "zh") -> None:
        self._pin = pin
        self._smsc = smsc
        self._language = language
        self._pin_refused = False

    def parts(self, notice: Notice) -> list[Pdu] | Refused:
        """What is to be sent; Refused where it can go to nobody."""
        phone = notice.to.phone if notice.to is not None else ""
        if not phone:
            return Refused("the person has no phone number")
        if not is_number(phone):
            return Refused("the phone number is none")
        text = text_of(notice, self._language)
        return submits(phone, cut(without_links(text.line), MOST_TEXT), notice.key)

    def dialogue(self, parts: list[Pdu]) -> Dialogue:
        """Send the parts, and return what became of them."""
        try:
            yield from self._begin()
            ids = []
            for part in parts:
                ids.append((yield from self._submit(part)))  # noqa: PERF401 - a comprehension cannot yield
        except _FaultError as fault:
            return fault.outcome
        return Delivered(words=f"+CMGS: {', '.join(ids)}")

    def greeting(self) -> Dialogue:
        """Look whether the modem is ready to send; nothing is sent to anybody."""
        try:
            yield from self._begin()
        except _FaultError as fault:
            return fault.outcome
        return Delivered()

    def _begin(self) -> Generator[Ask, Said, None]:
        yield from self._hello()
        yield from _needed(b"AT+CMEE=1\r", _QUICK_S)
        yield from self._unlock()
        if self._smsc:
            kind = 145 if self._smsc.startswith("+") else 129
            yield from _needed(f'AT+CSCA="{self._smsc}",{kind}\r'.encode(), _SIM_S)
        yield from _needed(b"AT+CMGF=0\r", _QUICK_S)

    @staticmethod
    def _hello() -> Generator[Ask, Said, None]:
        # The escape ends a prompt that a dialogue before this one may have left open; some modems answer it, and that
        # answer must not be taken for the next one's.
        yield Ask(_ESCAPE, _ESCAPE_S)
        for _ in range(_HELLOS):
            said = yield Ask(b"AT\r", _QUICK_S)
            if said.final == "OK":
                break
        else:
            raise _FaultError(Retry("the modem does not answer"))
        yield from _needed(b"ATE0\r", _QUICK_S)

    def _unlock(self) -> Generator[Ask, Said, None]:
        said = yield from _needed(b"AT+CPIN?\r", _SIM_S)
        state = next((line.partition(":")[2].strip() for line in said.lines if line.startswith("+CPIN:")), "READY")
        if state == "READY":
            return
        if state != "SIM PIN":
            raise _FaultError(Retry(f"the SIM card wants {state}"))
        if not self._pin:
            raise _FaultError(Retry("the SIM card wants a PIN; set pin"))
        if self._pin_refused:
            raise _FaultError(Retry("the SIM card refused the PIN; it is not tried again before a restart"))
        said = yield Ask(f'AT+CPIN="{self._pin}"\r'.encode(), _SIM_S)
        if said.final != "OK":
            self._pin_refused = True
            raise _FaultError(Retry("the SIM card refuses the PIN; it is not tried again before a restart"))

    @staticmethod
    def _submit(part: Pdu) -> Generator[Ask, Said, str]:
        said = yield Ask(f"AT+CMGS={part.octets}\r".encode(), _PROMPT_S, prompt=True)
        if said.final != PROMPT:
            raise _FaultError(_fault(said))
        said = yield Ask(part.hex.encode() + _END, _NETWORK_S)
        if said.final != "OK":
            raise _FaultError(_fault(said))
        found = (re.fullmatch(r"\+CMGS:\s*(\d+).*", line) for line in said.lines)
        return next((one[1] for one in found if one), "?")


def _needed(data: bytes, seconds: float) -> Step:
    said = yield Ask(data, seconds)
    if said.final != "OK":
        raise _FaultError(_fault(said))
    return said


def _fault(said: Said) -> Outcome:
    found = re.fullmatch(r"\+(CMS|CME) ERROR:\s*(\d+)", said.final)
    if found is None:
        return Retry("the modem does not answer" if not said.final else f"the modem says {said.final}")
    number = int(found[2])
    if found[1] == "CME":
        return Retry(f"{said.final} {_CME_WORDS.get(number, '')}".strip())
    words = f"{said.final} {_WORDS.get(number, '')}".strip()
    return Refused(words, number) if number in _NEVER else Retry(words, number)


_CME_WORDS = {
    10: "no SIM card",
    11: "the SIM card wants a PIN",
    13: "fault of the SIM card",
    14: "the SIM card is busy",
}
