"""The clocks of terminals: ahead at once, behind after a minute, nothing from a burst that came late."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from custody.clock import Clocks
from custody.event import CustodyEvent

T0 = 1_732_200_000_000
S = 1000


class At(NamedTuple):
    """One event: seconds since T0 at which it happened and came, with what is expected then."""

    ts: float
    received: float
    skew_s: float | None
    boot: int | None = 1
    seq: int | None = None
    sync: int | None = None
    gateway: bool = False


STORIES: dict[str, list[At]] = {
    "a good clock is known after a minute": [
        At(0, 0.2, None),
        At(30, 30.3, None),
        At(60, 60.2, -0.2),
        At(70, 70.1, -0.1),
    ],
    "behind by an hour": [At(-3600, 0, None), At(-3570, 30, None), At(-3540, 61, -3600)],
    "ahead by ten minutes is proved by one event": [At(600, 0, 600), At(630, 30, 600), At(640, 50, 600)],
    "hours offline, then everything at once": [
        *(At(-7200 + 600 * k, k / 10, None) for k in range(12)),
        *(At(30 + k, 30 + k, None if k < 60 else 0) for k in (0, 30, 60)),
    ],
    "late but quick scans say nothing of the clock": [At(-7200 + k, k / 10, None) for k in range(8)],
    "set by hand: clock_sync begins anew": [
        *(At(600 + 30 * k, 30 * k, 600, sync=1) for k in range(3)),
        At(100, 100, None, sync=2),
    ],
    "a boot begins anew": [At(600, 0, 600, boot=1), At(10, 10.5, None, boot=2)],
    "an older boot is out of order": [At(600, 0, 600, boot=2), At(50, 5, 600, boot=1)],
    "a late event in between changes nothing": [At(600, 0, 600, seq=5), At(900, 6, 600, seq=4), At(610, 7, 603, seq=6)],
    "without a time of its own": [At(600, 0, 600), At(30, 30, 600, gateway=True)],
    "what was a day ago is forgotten": [At(600, 0, 600), At(86_500, 86_501, None)],
    "numbers that began anew count again after a day": [
        *(At(600, 0, 600, seq=900), At(300, 5, 600, seq=1), At(90_000, 90_005, None, seq=2)),
        *(At(90_040, 90_045, None, seq=3), At(90_080, 90_085, -5, seq=4)),
    ],
    "a redriven event comes from the past": [At(600, 100, 500), At(9000, 50, 500)],
}


@pytest.mark.parametrize("name", STORIES)
def test_clock_is_measured(name: str) -> None:
    """Each story by its table, also where the clocks are put down and taken up between any two events."""
    clocks = Clocks()
    for step, at in enumerate(STORIES[name]):
        event = CustodyEvent(
            ts=T0 + int(at.ts * S), boot=at.boot, seq=at.seq, clock_sync=at.sync, gateway_time=at.gateway
        )
        again = Clocks()
        again.load(clocks.dump())
        clocks = again
        found = clocks.measure("t-1", event, T0 + int(at.received * S))
        assert found == (None if at.skew_s is None else round(at.skew_s * S)), f"event {step}"


def test_terminals_have_clocks_of_their_own() -> None:
    """What one terminal sends says nothing of another."""
    clocks = Clocks()
    assert clocks.measure("a", CustodyEvent(ts=T0 + 500), T0) == 500
    assert clocks.measure("b", CustodyEvent(ts=T0 - 500), T0) is None
