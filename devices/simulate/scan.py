"""What the simulated terminals say: scans, the containers that they are of, and chains of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Weight = dict[str, Any]


@dataclass(slots=True, eq=False)
class Scan:
    """One event before it is sent: ``at`` (ms) by the terminal's own clock less ``clock_ms``, ``late_ms`` until sent.

    ``of`` is another scan whose id goes into the event. ``id`` is minted when its time has come. ``times`` is how often
    it is sent, ``other`` what is different in the event from the second time on.
    """

    at: int
    terminal: str
    event: dict[str, Any]
    of: Scan | None = None
    clock_ms: int = 0
    late_ms: int = 0
    times: int = 1
    other: dict[str, Any] = field(default_factory=dict)
    id: str = ""

    @property
    def step(self) -> str:
        """What happens."""
        return str(self.event["step"])


@dataclass(slots=True, eq=False)
class Bag:
    """One container with its label, and its tag (hex of an EPC) where it has one; weights in grams."""

    label: str
    tag: str
    category: str
    net_g: int
    tare_g: int
    place: str
    unit: str
    packed: Scan | None = None

    @property
    def ids(self) -> list[dict[str, str]]:
        """All ids of it, as the scan that ties them names them."""
        label = [{"k": "qr", "v": self.label}]
        return [*label, {"k": "epc", "v": self.tag}] if self.tag else label

    @property
    def read(self) -> list[dict[str, str]]:
        """The one id that a reader sees later: the tag at a gate, else the label."""
        return [{"k": "epc", "v": self.tag}] if self.tag else [{"k": "qr", "v": self.label}]


@dataclass(slots=True, eq=False)
class Chain:
    """What happens to the containers of one consignor on one trip. ``kind``: ``hospital``, ``clinic`` or ``point``."""

    kind: str
    unit: str
    manifest: str
    bags: list[Bag] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)

    def add(self, scan: Scan) -> Scan:
        """One scan more; returned."""
        self.scans.append(scan)
        return scan

    def of_bag(self, bag: Bag, step: str) -> list[Scan]:
        """The scans of a step that name a container."""
        names = {bag.label, bag.tag} - {""}
        return [
            scan
            for scan in self.scans
            if scan.event["step"] == step and names & {one["v"] for one in scan.event["ids"]}
        ]


def drop(chain: Chain, scan: Scan, bag: Bag) -> None:
    """Take a container out of a scan, with its weight; a scan of nothing else goes."""
    left = [one for one in scan.event["ids"] if one["v"] not in {bag.label, bag.tag}]
    if not left:
        chain.scans.remove(scan)
        return
    scan.event["ids"] = left
    weight = scan.event.get("weight")
    if weight is not None:
        scan.event["weight"] = {
            **weight,
            "gross_g": weight["gross_g"] - bag.net_g - bag.tare_g,
            "tare_g": weight["tare_g"] - bag.tare_g,
            "net_g": weight["net_g"] - bag.net_g,
        }


def weigh(net_g: int, tare_g: int, scale: str, division_g: int) -> Weight:
    """What a scale shows of a load, to its division."""
    gross = (net_g + tare_g + division_g // 2) // division_g * division_g
    gross = max(gross, tare_g + division_g)
    return {
        "gross_g": gross,
        "tare_g": tare_g,
        "net_g": gross - tare_g,
        "scale": scale,
        "stable": True,
        "mode": "scale",
    }


def sgtin96(item: int, serial: int) -> str:
    """The hex of a tag of the prefix 9521000, which is GS1's for examples (TDS 2.3: header 30, partition 5)."""
    bits = 0x30
    for value, width in ((0, 3), (5, 3), (9_521_000, 24), (item, 20), (serial, 38)):
        bits = bits << width | value
    return f"{bits:024X}"
