"""How a place and a device stand, case by case."""

from __future__ import annotations

import pytest

from gateway.verdicts import (
    CRITICAL,
    IN_ORDER,
    MAJOR,
    NO_DATA,
    NOT_IN_SERVICE,
    WARNING,
    all_silent,
    is_online,
    patience_ms,
    place_state,
)

NOW = 1_795_276_800_000
MINUTE = 60_000


@pytest.mark.parametrize(
    ("registered", "alerts", "silent", "expected"),
    [
        ("accepted", [], False, IN_ORDER),
        ("accepted", [("info", "limit")], False, IN_ORDER),
        ("accepted", [("warning", "limit")], False, WARNING),
        ("accepted", [("warning", "limit"), ("critical", "combination"), ("major", "limit")], False, CRITICAL),
        ("accepted", [("major", "stuck")], True, MAJOR),  # what was wrong last counts, though nobody is heard
        ("accepted", [("major", "silent"), ("major", "absent")], True, NO_DATA),
        ("accepted", [("major", "silent")], False, MAJOR),  # one of two devices is silent
        ("accepted", [], True, NO_DATA),  # silent, and the rule has not fired yet
        ("trial", [("major", "limit")], False, MAJOR),
        ("suspended", [("critical", "limit")], False, NOT_IN_SERVICE),
        ("retired", [], True, NOT_IN_SERVICE),
        ("registered", [], True, NOT_IN_SERVICE),
    ],
)
def test_the_state_of_a_place(registered: str, alerts: list[tuple[str, str]], silent: bool, expected: int) -> None:
    """The worst of what is wrong, then silence, then what was said about silence; out of service before all."""
    assert place_state(registered, alerts, silent=silent) == expected


@pytest.mark.parametrize(
    ("status", "heard", "report_s", "expected"),
    [
        (None, 0, 60.0, True),
        (None, 5 * MINUTE, 60.0, True),
        (None, 5 * MINUTE + 1, 60.0, False),
        (None, 15 * MINUTE, 300.0, True),
        (None, 15 * MINUTE + 1, 300.0, False),
        ("online", None, 60.0, False),  # it says so, and sends nothing
        ("offline", 0, 60.0, False),
        ("sleeping", 999 * MINUTE, 60.0, True),
        (None, None, None, False),
        (None, 999 * MINUTE, None, True),  # a terminal has no interval
        ("online", None, None, True),
        ("offline", 0, None, False),
    ],
)
def test_a_device_is_online(status: str | None, heard: int | None, report_s: float | None, expected: bool) -> None:
    """Three of its intervals, five minutes at the least; its last will counts at once."""
    assert is_online(status, None if heard is None else NOW - heard, report_s, NOW) is expected


@pytest.mark.parametrize(("report_s", "minutes"), [(1, 5), (60, 5), (100, 5), (200, 10), (3600, 180)])
def test_patience_is_three_intervals(report_s: float, minutes: float) -> None:
    """And not before five minutes."""
    assert patience_ms(report_s) == minutes * MINUTE


def test_a_place_without_sensors_is_not_silent() -> None:
    """A department has nothing that reports; where one of two reports the place is heard."""
    assert [all_silent(one) for one in ([], [False], [False, False], [True, False])] == [False, True, True, False]
