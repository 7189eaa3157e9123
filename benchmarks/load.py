"""What the benchmarks send: the registry, the topics and the payloads of a fleet of water points (pure).

Every device has six parameters and sends one message a round of 60 s. Values vary within the limits of GB 5749-2022;
one message in 400 has turbidity above its limit, three in a row of one device, so that alerts fire and clear.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

PERIOD_MS = 60_000
ROOT = "hygeia/v1"
#: A prime, so that the values of a device go through the whole pool.
_POOL = 997
_OUTSIDE_EVERY = 400
_OUTSIDE_ROUNDS = 3
#: Parameter, lowest and highest value, decimals.
_RANGES = (
    ("chlorine_free", 0.45, 0.75, 3),
    ("turbidity", 0.1, 0.6, 3),
    ("ph", 7.1, 7.8, 2),
    ("conductivity", 380.0, 460.0, 1),
    ("temperature", 11.0, 19.0, 1),
    ("pressure", 280.0, 340.0, 1),
)
PARAMETERS = tuple(name for name, *_ in _RANGES)
PROBES = 20


class Sent(NamedTuple):
    """One message: ``device`` is its number."""

    device: int
    topic: bytes
    payload: bytes


class Load:
    """Messages of ``devices`` devices from round ``first`` on, the first one stamped ``start`` + ``first`` rounds."""

    def __init__(self, devices: int, start: int, first: int = 0) -> None:
        self.topics = [topic(f"wq-{n}") for n in range(devices)]
        self._start = start
        self._first = first
        dice = random.Random(devices)  # the same values in every run
        self._pool = [_values(dice, outside=False) for _ in range(_POOL)]
        self._outside = [_values(dice, outside=True) for _ in range(_POOL)]

    def messages(self, count: int) -> Iterator[Sent]:
        """``count`` messages, round by round, every device once a round."""
        return islice(self._endless(), count)

    def _endless(self) -> Iterator[Sent]:
        devices = len(self.topics)
        number = self._first
        while True:
            at = self._start + number * PERIOD_MS
            episode = number // _OUTSIDE_ROUNDS
            for device, where in enumerate(self.topics):
                pool = self._pool if (device * 7919 + episode) % _OUTSIDE_EVERY else self._outside
                values = pool[(device * 31 + number * 17) % _POOL]
                # Spread over the round as a real fleet is.
                ts = at + device * PERIOD_MS // devices
                yield Sent(device, where, b'{"ts":%d,"seq":%d,"values":%b}' % (ts, number + 1, values))
            number += 1


def start_for(now: int, rounds: int) -> int:
    """The time of round 0 such that ``rounds`` rounds end before ``now`` (ms): nothing is ahead of its time."""
    return (now // PERIOD_MS - rounds - 1) * PERIOD_MS


def topic(device: str) -> bytes:
    """The telemetry topic of a device."""
    return f"{ROOT}/sim/{device}/up/telemetry".encode()


def probe(number: int, ts: int, *, outside: bool) -> bytes:
    """A message of a probe: turbidity alone, above its limit of 1 NTU or not; ``number`` makes values differ."""
    value = (1.5 if outside else 0.3) + number % 100 / 1000
    return b'{"ts":%d,"seq":%d,"values":{"turbidity":%.3f}}' % (ts, number, value)


def registry(devices: int, probes: int = 0) -> list[dict[str, Any]]:
    """The changes of a registry record that make the fleet known; a third are outlets, the others network points."""
    named = [f"wq-{n}" for n in range(devices)] + [f"probe-{n}" for n in range(probes)]
    channels = [{"parameter": name} for name in PARAMETERS]
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("units", {"id": f"unit-{n}", "name": {"zh": f"水务 {n}", "en": f"Waterworks {n}"}, "kind": "waterworks"})
        for n in range(40)
    ]
    bodies += [("grid", {"id": f"district-{n}", "name": {"zh": f"区 {n}", "en": f"District {n}"}}) for n in range(8)]
    for n, device in enumerate(named):
        place = {"id": f"{device}-point", "unit": f"unit-{n % 40}", "name": {"zh": f"点 {n}", "en": f"Point {n}"}}
        place |= {"kind": "network" if n % 3 else "water_outlet", "grid": f"district-{n % 8}"}
        place |= {"profile": "gb5749-2022", "disinfectant": "free_chlorine"}
        bodies.append(("places", place))
        body = {"id": device, "place": place["id"], "kind": "water", "report_s": 60, "channels": channels}
        bodies.append(("devices", body))
    return [{"kind": kind, "id": body["id"], "body": body} for kind, body in bodies]


def publish_frame(where: bytes, payload: bytes, packet_id: int, *, version: int) -> bytes:
    """A PUBLISH of QoS 1 in MQTT 3.1.1 (``version`` 4) or 5; frames of less than 16 KiB."""
    properties = b"\0" if version == 5 else b""
    length = 4 + len(where) + len(properties) + len(payload)
    varint = bytes((length,)) if length < 128 else bytes((length & 127 | 128, length >> 7))
    return b"".join(
        (b"\x32", varint, len(where).to_bytes(2), where, packet_id.to_bytes(2), properties, payload),
    )


def _values(dice: random.Random, *, outside: bool) -> bytes:
    parts = []
    for name, low, high, decimals in _RANGES:
        value = dice.uniform(1.2, 1.6) if outside and name == "turbidity" else dice.uniform(low, high)
        parts.append(f'"{name}":{value:.{decimals}f}')
    return "{{{}}}".format(",".join(parts)).encode()
