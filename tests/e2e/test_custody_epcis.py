"""The EPCIS documents of a simulated city are valid by the official schema, and by what it cannot say."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from benchmarks.waste_city import Offline, records
from custody.epcis import document, faults
from devices.simulate.city import City
from devices.simulate.mishaps import Mishaps
from devices.simulate.waste import Days, Waste
from gateway import state
from gateway.histories import histories_of
from tests.plugins.epcis import SchemaFaults

FIRST = dt.date(2026, 3, 2)
BASE = "https://hygeia.example/custody"


@pytest.mark.shared
def test_the_documents_of_a_city_with_mishaps_are_valid(tmp_path: Path, schema_faults: SchemaFaults) -> None:
    """Hospitals with labels, tags and bins, clinics and a collection point: one document of all, one of each."""
    city, pace = City.of(hospitals=2, clinics=8, points=1, beds=40), Days(FIRST)
    mishaps = Mishaps(3, share=0.3, first=0, last=2)
    offline = Offline(tmp_path)
    waste = Waste(city, pace, seed=1, stamp=1_770_000_000, trouble=mishaps)
    offline.decide(records(waste, city, pace, 3))
    with offline.engine.connect() as connection:
        names = connection.execute(sa.select(state.containers.c.id).order_by(state.containers.c.id)).scalars().all()
    fold = offline.fold
    containers = histories_of(offline.engine, fold.registry, fold.chain.profiles).containers(names)
    offline.close()
    assert len(containers) > 50
    assert len(mishaps.injected) > 5

    for some in (containers, *([one] for one in containers[::5])):
        made = document(some, base=BASE, zone=ZoneInfo("Asia/Shanghai"), at=fold.time)
        assert made["epcisBody"]["eventList"]
        assert (schema_faults(made), faults(made)) == ([], [])
