"""Readings on their way to the rules: what counts as which flag, refused values, late ones, the registry's changes."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.journal.record import Kind
from tests.property.test_readings_quick import MINUTE, Run
from tests.support.conditions import pack_of
from tests.support.deciding import NOW, Script, changes

HIGH = "id: high, severity: warning, parameter: turbidity, count: 1, condition: {above: 1}"
RANGE = "id: range, severity: major, parameter: turbidity, condition: {saturated: {}}"
GONE = "id: gone, severity: major, condition: {silent: {intervals: 3, least: 5m}}"


def device(**more: Any) -> dict[str, Any]:
    """A water device at a point of the network."""
    return {"id": "d0", "kind": "water", "place": "p0", "report_s": 60, "channels": [{"parameter": "turbidity"}]} | more


def begun(**more: Any) -> Script:
    """The rules, a device, and everything caught up."""
    script = Script()
    script.other(Kind.START, version="1", channels=[], packs={"story": pack_of(HIGH, RANGE, GONE)})
    places = [{"id": "p0", "kind": "network", "state": "accepted"}]
    script.other(Kind.REGISTRY, changes=changes({"places": places, "devices": [device(**more)]}))
    script.other(Kind.CAUGHT_UP)
    return script


def send(script: Script, minute: float, *, late: float = 0, **values: Any) -> None:
    """A message at a minute, of readings so many minutes earlier."""
    script.now = NOW + round(minute * MINUTE)
    script.reading("d0", script.now - round(late * MINUTE), **values)


def turned(script: Script, run: Run | None = None) -> list[str]:
    """What turned, as ``on RULE`` and ``off RULE``."""
    run = run or Run()
    for record in script.records:
        run.take(record)
    return [f"{'on' if turn.on else 'off'} {turn.rule}" for turn in run.turns]


def test_values_do_not_count_while_their_channel_is_not_valid() -> None:
    """No water in the cell: what the sensor says then breaks no limit."""
    script = begun(channels=[{"parameter": "turbidity", "valid_when": "cell_flow"}])
    send(script, 0, turbidity=0.5, cell_flow=0)
    send(script, 1, turbidity=3)
    send(script, 2, turbidity=3, cell_flow=1)
    assert turned(script) == ["on high"]
    run = Run()
    turned(script, run)
    assert run.turns[0].ts == NOW + 2 * MINUTE


def test_readings_of_a_device_under_maintenance_count_as_m() -> None:
    """They break no limit and end none."""
    script = begun()
    send(script, 0, turbidity=0.5)
    run = Run()
    turned(script, run)
    run.fold.evaluation.sessions = {"d0": "M"}
    first = len(script.records)
    send(script, 1, turbidity=3)
    for record in script.records[first:]:
        run.take(record)
    assert run.turns == []
    run.fold.evaluation.sessions = {}
    first = len(script.records)
    send(script, 2, turbidity=3)
    for record in script.records[first:]:
        run.take(record)
    assert [turn.rule for turn in run.turns] == ["high"]


@pytest.mark.parametrize(("value", "expected"), [(99_999, ["on range", "off range"]), (None, [])])
def test_a_refused_value_that_cannot_be_is_beyond_the_range(value: object, expected: list[str]) -> None:
    """An instrument that saturates must not be silent; one that says nothing is not saturated."""
    script = begun()
    send(script, 0, turbidity=0.5)
    send(script, 1, turbidity=value)
    send(script, 2, turbidity=value)
    send(script, 3, turbidity=0.5)
    assert turned(script) == expected


def test_a_late_reading_beyond_its_limit_is_a_finding_and_moves_nothing() -> None:
    """It is listed for compliance; live state knows the newer ones."""
    script = begun()
    send(script, 10, turbidity=0.5)
    send(script, 11, late=5, turbidity=7)
    run = Run()
    found: list[Any] = []
    run.fold.alerting.found = lambda findings, *_: found.extend(findings)  # type: ignore[method-assign]
    assert turned(script, run) == []
    assert [(one.rule, one.value, one.limit_value, one.ts) for one in found] == [("high", 7, 1, NOW + 6 * MINUTE)]


def test_a_device_that_leaves_the_registry_ends_what_is_open_and_is_not_missed() -> None:
    """Removed by the registry, for whatever reason it was open."""
    script = begun()
    send(script, 0, turbidity=3)
    script.other(Kind.REGISTRY, changes=[{"kind": "devices", "id": "d0", "body": None}])
    script.now += 60 * MINUTE
    script.other(Kind.CAUGHT_UP)
    assert turned(script) == ["on high", "off high"]


def test_a_registered_device_that_never_sends_is_missed() -> None:
    """From its registration on; ticks come with whatever is journaled."""
    script = begun()
    for _ in range(6):
        script.now += MINUTE
        script.other(Kind.DELIVERY, **{"for": [0, 0], "outcome": "delivered"})
    assert turned(script) == ["on gone"]
