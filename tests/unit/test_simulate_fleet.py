"""The simulator: the same on every run, numbered without gaps, late where it was silent, wrong where it says so."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from devices.files import read
from devices.parameters import CATALOGUE
from devices.simulate.fleet import PARAMETERS, Emission, Fleet
from devices.simulate.water import WaterPoint, demand, troubles_of

START = 1_770_000_000_000
MINUTE = 60_000


def fleet(**more: int) -> Fleet:
    """Four water points and four terminals, a reading a minute."""
    return Fleet(**({"devices": 4, "terminals": 4, "period_ms": MINUTE, "start": START, "seed": 7} | more))


def days(count: float, **more: int) -> list[Emission]:
    """All messages of so many simulated days."""
    found: list[Emission] = []
    for one in fleet(**more).emissions():
        if one.at >= START + count * 86_400_000:
            return found
        found.append(one)
    raise AssertionError("a fleet never ends")


def readings(emissions: list[Emission]) -> dict[str, list[dict[str, Any]]]:
    """The readings of each water point, in the order in which they are sent."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in emissions:
        if one.channel == "telemetry":
            document = json.loads(one.payload)
            found[one.device] += document if isinstance(document, list) else [document]
    return found


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others() -> None:
    """A run can be repeated message by message; the seed changes values, not devices."""
    first, again, other = days(0.2), days(0.2), days(0.2, seed=8)
    assert first == again
    assert [one.payload for one in first] != [one.payload for one in other]
    assert fleet().registry() == fleet(seed=8).registry()


def test_messages_come_in_order_of_time_and_say_what_is_in_them() -> None:
    """``numbers`` and ``points`` of a message are those of its bytes; times never run back."""
    emissions = days(1)
    assert [one.at for one in emissions] == sorted(one.at for one in emissions)
    for one in emissions:
        document = json.loads(one.payload)
        if one.channel == "event":
            assert (one.numbers, one.points) == ((document["id"],), 0)
            continue
        parts = document if isinstance(document, list) else [document]
        assert one.numbers == tuple(part["seq"] for part in parts)
        assert one.points == sum(len(part["values"]) for part in parts)


def test_numbers_are_contiguous_for_each_device() -> None:
    """Every number from 1 on occurs once, so that loss and doubling are found one by one."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for one in days(2):
        for number in one.numbers:
            numbers[one.device].append(number if isinstance(number, int) else int(number.rpartition("-")[2]))
    assert set(numbers) == {"wq-1", "wq-2", "wq-3", "wq-4", "scale-1", "scale-2", "scale-3", "scale-4"}
    for device, found in numbers.items():
        # What a device keeps in a gap that is not over yet is not sent yet.
        assert len(set(found)) == len(found), device
        assert sorted(found)[: len(found) // 2] == list(range(1, len(found) // 2 + 1))


def test_what_is_measured_in_a_gap_arrives_late_and_complete() -> None:
    """After a silence the kept readings come behind the next live one, oldest first, and no time is missing."""
    gaps = 0
    for sent in readings(days(4)).values():
        newest = sent[0]["ts"] - MINUTE
        owed: list[int] = []
        for ts in (one["ts"] for one in sent):
            if owed:
                assert ts == owed.pop(0)
                continue
            owed = list(range(newest + MINUTE, ts, MINUTE))
            gaps += bool(owed)
            newest = ts
    assert gaps > 4


def test_the_eventful_point_crosses_limits_and_comes_back_before_sample_20() -> None:
    """Its early contamination is below the minimum of chlorine and above the maximum of turbidity, then over."""
    sent = readings(days(0.1))["wq-1"]
    by_number = {one["seq"] - 1: one["values"] for one in sent}
    bad = [n for n in range(20) if by_number[n]["chlorine_free"] < 0.3 and by_number[n]["turbidity"] > 1]
    assert bad == list(range(6, 18))
    assert all(by_number[n]["chlorine_free"] > 0.3 and by_number[n]["turbidity"] < 1 for n in (0, 5, 18, 19))


def test_values_are_plausible_and_every_parameter_is_there() -> None:
    """No value is refused by the catalogue, whatever the trouble."""
    for sent in readings(days(3)).values():
        for one in sent:
            assert tuple(one["values"]) == PARAMETERS
            for name, value in one["values"].items():
                assert CATALOGUE[name].low <= value <= CATALOGUE[name].high


def test_chlorine_decays_on_its_way() -> None:
    """Where the water is older there is less than at the outlet."""
    mean = {}
    for name, outlet in (("out", True), ("net", False)):
        point = WaterPoint(name, 3, outlet=outlet, troubles=troubles_of("quiet", 0, eventful=False))
        mean[name] = sum(point.sample(n, 1_770_000_000 + n * 3600)["chlorine_free"] for n in range(20)) / 20
    assert 0.1 < mean["net"] < mean["out"] < 0.9


def test_demand_is_that_of_a_chinese_city() -> None:
    """Low at three in the morning of UTC+8, a peak at half past seven, and about one in the mean."""
    hours = [demand(hour * 3600 - 8 * 3600) for hour in range(24)]
    assert min(hours) == hours[3]
    assert max(hours) in hours[7:9]
    assert sum(hours) / 24 == pytest.approx(1, abs=0.15)


def test_every_kind_of_trouble_occurs() -> None:
    """Dead sensors, drift, gaps, wrong units and contamination, each with an end."""
    found = list(islice(troubles_of("wq-2", 7, eventful=False), 60))
    assert {one.kind for one in found} == {"contamination", "dead", "drift", "gap", "wrong_unit"}
    assert all(one.first <= one.last < after.first for one, after in pairwise(found))


@pytest.mark.parametrize(("devices", "terminals"), [(1, 0), (0, 1), (0, 2), (2, 3), (12, 4), (3, 9), (1, 24)])
def test_the_registry_of_a_fleet_is_a_valid_registry_file(tmp_path: Path, devices: int, terminals: int) -> None:
    """It passes the check of registry files and names every device that publishes, and no other."""
    one = fleet(devices=devices, terminals=terminals)
    path = tmp_path / "fleet.yaml"
    path.write_text(yaml.safe_dump(one.registry(), allow_unicode=True), "utf-8")
    checked = read(path)
    assert checked.faults == []
    registered = {device["id"] for device in one.registry()["devices"]}
    publishing = {emission.device for emission in days(0.3, devices=devices, terminals=terminals)}
    assert publishing == registered
