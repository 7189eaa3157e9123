"""What goes with an alert to those who read of it: names, the side of its limit, and whether it is theirs."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from alerts.alert import Alert
from alerts.notify import Told, Words
from alerts.rules import load_packs
from devices.registry import Change, Registry
from gateway.decide.wording import Wording

ALERT = Alert(
    id="a", rule="pressure-high", pack="p", severity="major", state="active", unit="", place="out", device="wq-1",
    point="-", parameter="pressure", value=950.0, limit_value=900.0, parameter_unit="kPa", since=0, fired_at=0,
    cleared_at=None, acknowledged_by=None, reason="bad_readings", offset=0, kind="limit", side="above",
)  # fmt: skip
WORDING = Wording(Registry())


def told(person: str = "", **fields: Any) -> Told:
    """What somebody reads of the alert with these fields."""
    return WORDING.told(msgspec.structs.replace(ALERT, **fields), person, 0)


@pytest.mark.parametrize(
    ("fields", "side"),
    [
        ({}, "above"),
        ({"value": 10.0, "cleared_at": 1, "on": False}, "above"),
        ({"side": ""}, "above"),
        ({"side": "", "value": 10.0}, "below"),
        ({"side": "", "value": 10.0, "cleared_at": 1, "on": False}, ""),
        ({"side": "", "value": 10.0, "cleared_at": 1, "on": False, "reason": "late_finding"}, "below"),
        ({"side": "", "limit_value": None}, ""),
    ],
)
def test_the_side_is_that_of_the_firing(fields: dict[str, Any], side: str) -> None:
    """Never worked out of the value that ended it; of an older alert only while its value is the bad one."""
    assert told(**fields).side == side


def test_a_device_has_a_name_or_its_id() -> None:
    """The registry's at that time, in both languages."""
    assert told().device == Words("wq-1", "wq-1")
    registry = Registry()
    registry.apply([Change("devices", "wq-1", {"kind": "water", "name": "1号多参数仪"})], 0)
    named = Wording(registry).told(ALERT, "", 1)
    assert named.device == Words("1号多参数仪", "1号多参数仪")


def test_only_whoever_was_given_it_reads_that_it_is_theirs() -> None:
    """Not a group, and nobody where it was given to nobody."""
    assert told("p-1", assigned_to="p-1").mine
    assert not told("p-2", assigned_to="p-1").mine
    assert not told("", assigned_to="").mine
    assert not told("", assigned_to=None).mine


def test_a_limit_that_nobody_compared_with_its_source_is_to_be_confirmed() -> None:
    """The profile's limit decides; where the value is the place's own, there is nothing to confirm."""
    registry = Registry()
    place = {"id": "s", "kind": "small_supply", "profile": "gb5749-2022", "disinfectant": "free_chlorine"}
    registry.apply(
        [Change("places", "s", place), Change("devices", "d", {"id": "d", "kind": "water", "place": "s"})], 0
    )
    wording = Wording(registry)
    wording.use(load_packs(["gb5749-2022"]))
    alert = msgspec.structs.replace(
        ALERT, rule="turbidity-high", pack="gb5749-2022", place="s", device="d", parameter="turbidity", limit_value=3.0
    )
    assert not wording.told(alert, "", 0).verified
    alert.parameter, alert.rule, alert.limit_value = "ph", "ph-outside", 8.5
    assert wording.told(alert, "", 0).verified
