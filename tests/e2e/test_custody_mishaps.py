"""Every kind of mishap once in a small city, through the real decide: found as its truth says, nothing beside it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from benchmarks.waste_city import Offline, records
from devices.simulate.city import City, Hospital
from devices.simulate.mishaps import KINDS, USUAL_DAYS, Injected, Mishaps
from devices.simulate.scan import Chain
from devices.simulate.waste import Days, Waste
from gateway import state

IN_CHAINS = sorted({kind for kinds in KINDS.values() for kind in kinds})
FORGOTTEN = "not_collected"
FIRST = dt.date(2026, 3, 2)
#: A week after the last one: that is how long a manifest may stay unconfirmed.
DAYS = USUAL_DAYS + 8


class OneOfEach:
    """One mishap of each kind, and a department that is forgotten when it is known what it usually makes."""

    def __init__(self) -> None:
        # A seed with which all kinds find a chain that they can happen to.
        self._chains = Mishaps(25, share=1.0, first=0, last=USUAL_DAYS - 2, only=IN_CHAINS, most=1)
        self._departments = Mishaps(25, share=1.0, first=USUAL_DAYS, last=USUAL_DAYS, only=[FORGOTTEN], most=1)

    @property
    def injected(self) -> list[Injected]:
        """All of them."""
        return self._chains.injected + self._departments.injected

    def forgotten(self, hospital: Hospital, round_: int) -> str | None:
        """See ``devices.simulate.waste.Trouble``."""
        return self._departments.forgotten(hospital, round_)

    def happen(self, chain: Chain, round_: int) -> None:
        """See ``devices.simulate.waste.Trouble``."""
        self._chains.happen(chain, round_)


class Ran(NamedTuple):
    """What came of it: alarms as (quantity, object), the mishaps by kind, each event's flags, doubled messages."""

    found: set[tuple[str, str]]
    mishaps: dict[str, Injected]
    flags: dict[tuple[str, str], str]
    repeated: int


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """Two hospitals, of which one has tags and bins, clinics and a collection point."""
    city, pace, trouble = City.of(hospitals=2, clinics=14, points=1, beds=40), Days(FIRST), OneOfEach()
    waste = Waste(city, pace, seed=1, stamp=1_770_000_000, trouble=trouble)
    offline = Offline(tmp_path_factory.mktemp("mishaps"))
    offline.decide(records(waste, city, pace, DAYS))
    table = state.custody_events
    query = sa.select(table.c.terminal, table.c.event_id, table.c.flags)
    with offline.engine.connect() as connection:
        flags = {(terminal, name): said for terminal, name, said in connection.execute(query)}
    kinds = {one.kind: one for one in trouble.injected}
    yield Ran(offline.alerts(), kinds, flags, offline.fold.counters["repeated"])
    offline.close()


@pytest.mark.parametrize("kind", [*IN_CHAINS, FORGOTTEN])
def test_a_mishap_is_found(ran: Ran, kind: str) -> None:
    """Each alarm that its truth names was raised, and its events have the flags that they must have."""
    mishap = ran.mishaps[kind]

    assert sorted(set(mishap.truth()) - ran.found) == []
    for flag, scan in mishap.flags:
        assert flag in ran.flags[scan.terminal, scan.id]


def test_nothing_beside_the_mishaps_is_found(ran: Ran) -> None:
    """No alarm that no truth names, and the doubled message was counted as repeated."""
    truth = {one for mishap in ran.mishaps.values() for one in mishap.truth()}

    assert sorted(ran.found - truth) == []
    assert ran.repeated == 1
