"""Whatever happened to containers, their EPCIS document is valid, and the same from every side."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from custody import fold
from custody.epcis import document, faults
from custody.event import STEPS
from custody.fact import ContainerId, Fact, File, Party, Spot, Weight
from custody.known import Remembered
from custody.profiles import parse_profiles, shipped
from tests.plugins.epcis import SchemaFaults

ZONE = ZoneInfo("Asia/Shanghai")
T0 = 1_763_769_600_000
PROFILES = parse_profiles(shipped())
IDS = (
    ContainerId("qr", "MW-1"),
    ContainerId("qr", "MW-2"),
    ContainerId("text", "袋/3 ?#%\x7f"),
    ContainerId("epc", "3066C4409047E140075BCD15", "urn:epc:id:sgtin:9521141.012345.1001"),
    ContainerId("epc", "3335C4409047E140075BCD15", "urn:epc:id:grai:9521141.12345.77"),
    ContainerId("tid", "E2801160600002045F3C1A2B"),
)
SPOTS = (
    Spot(),
    Spot("ward-7", "department", "hosp-1", "gulou", "hospital"),
    Spot("hosp-1-store", "waste_store", "hosp-1", "gulou", "hospital"),
    Spot("诊所 1", "clinic", "clinic-1", "gulou", "clinic"),
    Spot("van-1", "vehicle", "car-1"),
    Spot("plant-1", "disposal_plant", "plant-1"),
)
PARTIES = (
    None,
    Party("0101", "p-1", "hosp-1", "operator"),
    Party("0701", "p-2", "car-1", "driver"),
    Party("0901", "p-3", "plant-1"),
    Party("没有"),
)
GRAMS = st.none() | st.integers(-5, 60_000)
WEIGHTS = st.builds(
    Weight,
    GRAMS,
    GRAMS,
    GRAMS,
    st.sampled_from(["", "bs-12"]),
    st.just(10),
    st.sampled_from(["", "scale", "typed", "estimated"]),
    st.booleans(),
    st.booleans(),
)


@st.composite
def facts(draw: st.DrawFn) -> list[Fact]:
    """Up to ten events of a few containers, in any order of time."""
    found: list[Fact] = []
    for n in range(draw(st.integers(1, 10))):
        some: Any = draw(st.lists(st.sampled_from(IDS), max_size=3, unique=True))
        spot = draw(st.sampled_from(SPOTS))
        ts = T0 + draw(st.integers(0, 20)) * 60_000
        found.append(
            Fact(
                offset=n,
                decided=n,
                id=f"E-{draw(st.integers(0, 12))}" if draw(st.booleans()) else f"U-{n}",
                terminal=f"T-{n}" if draw(st.booleans()) else f"T {spot.place}-{n}",
                step=draw(st.sampled_from([*sorted(STEPS), "void", "correct", "teleport"])),
                ts=ts,
                received_at=ts + draw(st.integers(-400_000, 400_000)),
                seq=n,
                ids=tuple(some),
                parent=draw(st.none() | st.sampled_from(IDS)),
                weight=draw(st.none() | WEIGHTS),
                category=draw(st.sampled_from(["", "sharps", "什么"])),
                spot=spot,
                home=draw(st.sampled_from(SPOTS)),
                by=draw(st.sampled_from(PARTIES)),
                with_=draw(st.sampled_from(PARTIES)),
                of=draw(st.sampled_from(["", *(one.id for one in found)])),
                reason=draw(st.sampled_from(["", "wrong"])),
                approved_by=draw(st.sampled_from(PARTIES)),
                manifest=draw(st.sampled_from(["", "M-1", "联单 2"])),
                vehicle=draw(st.sampled_from(["", "van-1"])),
                files=(File("a" * 64, "slip.jpg"),) if draw(st.booleans()) else (),
                flags=("bad_weight",) if draw(st.booleans()) else (),
                skew_ms=draw(st.none() | st.integers(-9, 9)),
                entry=n,
            )
        )
    return found


@settings(max_examples=50, deadline=None)
@given(known=facts())
def test_every_history_is_a_valid_document(known: list[Fact], schema_faults: SchemaFaults) -> None:
    """Of one container and of all, as a whole and of a span: schema with formats, and what the schema does not find."""
    remembered = Remembered(known)
    texts = sorted({one.v for fact in known for one in (*fact.ids, *([fact.parent] if fact.parent else []))})
    containers = fold.containers(remembered, texts, PROFILES)
    base = "https://gw.example"
    whole = document(containers, base=base, zone=ZONE, at=T0)
    parts = [document([one], base=base, zone=ZONE, at=T0) for one in containers]
    parts.append(document(containers, base=base, zone=ZONE, at=T0, since=T0 + 5 * 60_000, until=T0 + 9 * 60_000))
    for found in (whole, *parts):
        assert schema_faults(found) == []
        # Random events receive and accept the same bag at the same place, which is then said.
        assert [line for line in faults(found) if "exclude each other" not in line] == []
    events = {json.dumps(one, sort_keys=True) for one in whole["epcisBody"]["eventList"]}
    assert len(events) == len(whole["epcisBody"]["eventList"])
    reverse = document(containers[::-1], base=base, zone=ZONE, at=T0)
    assert json.dumps(reverse) == json.dumps(whole)
