"""A plain flow of waste containers: collected and weighed at a ward, stored, loaded, driven, received, destroyed."""

from __future__ import annotations

from typing import Any, NamedTuple

from devices.simulate.numbers import Numbers

#: Steps of a container and the terminal that scans each: ward, store, carrier or plant.
STEPS = (
    ("collect", "ward"),
    ("store_in", "store"),
    ("store_out", "store"),
    ("load", "carrier"),
    ("arrive", "carrier"),
    ("receive", "plant"),
    ("dispose", "plant"),
)
CATEGORIES = (
    "infectious",
    "infectious",
    "infectious",
    "sharps",
    "sharps",
    "pathological",
    "pharmaceutical",
    "chemical",
)
WEIGHED = {"collect", "store_in", "receive"}


class Scan(NamedTuple):
    """One step of one container: when (ms), at which of the flow's terminals, and what the terminal says."""

    at: int
    terminal: str
    event: dict[str, Any]


class ContainerFlow:
    """Containers of one hospital. ``terminals`` maps ward, store, carrier and plant to device ids (may repeat)."""

    def __init__(self, seed: int, hospital: int, terminals: dict[str, str]) -> None:
        self._numbers = Numbers(seed, "waste", hospital)
        self._hospital = hospital
        self._terminals = terminals
        self._made = 0

    def container(self, at: int, pace_ms: int) -> list[Scan]:
        """All scans of the next container, the first at ``at``, about ``pace_ms`` between two steps."""
        numbers = self._numbers
        self._made += 1
        label = f"MW{self._hospital:02d}{self._made:08d}"
        category = CATEGORIES[numbers.whole(0, len(CATEGORIES) - 1)]
        tare = 230 if category == "sharps" else 40
        net = max(200, round(numbers.normal(3200, 1100) / 10) * 10)
        scans = []
        for step, where in STEPS:
            event: dict[str, Any] = {
                "step": step,
                "ts": at,
                "ids": [{"k": "qr", "v": label}],
                "category": category,
                "by": {"badge": f"{numbers.whole(100, 140):04d}", "auth": "card"},
            }
            if step in WEIGHED:
                shown = net + 10 * numbers.whole(-1, 1)
                weight = {"gross_g": shown + tare, "tare_g": tare, "net_g": shown, "stable": True, "mode": "scale"}
                event["weight"] = weight
            if step == "collect":
                event["with"] = {"badge": f"{numbers.whole(200, 240):04d}", "auth": "card"}
            scans.append(Scan(at, self._terminals[where], event))
            at += max(1, int(pace_ms * numbers.uniform(0.5, 1.5)))
        return scans
