"""What held for a device in a window, by registry and rules; and what a change of the registry reaches back for."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.rulebook import Rulebook
from alerts.rules import load_packs
from devices.registry import Change, Registry
from gateway.periods.book import Book
from gateway.periods.changes import reached, since_of
from gateway.periods.compute import Line, work_out
from gateway.periods.figures import Work
from gateway.store.influx_query import Found

MINUTE = 60_000
T0 = 1_772_380_800_000
PLACE: dict[str, Any] = {"id": "out-1", "unit": "wtp-1", "kind": "water_outlet", "grid": "gulou"}
PLACE |= {"profile": "gb5749-2022", "disinfectant": "free_chlorine"}
DEVICE: dict[str, Any] = {"id": "wq-1", "place": "out-1", "kind": "water", "report_s": 60}
TAGS = {"device": "wq-1", "place": "out-1", "unit": "wtp-1", "district": "gulou", "point": "-"}


def registry(*changes: tuple[str, dict[str, Any]]) -> Registry:
    """A registry with these entries."""
    found = Registry()
    found.apply([Change(kind, body["id"], body) for kind, body in changes], 0)
    return found


def worked(
    device: dict[str, Any], *found: Found, place: dict[str, Any] = PLACE, heard: tuple[str, ...] = (), windows: int = 1
) -> dict[str, Line]:
    """Lines of the last of ``windows`` windows by parameter."""
    book = Book(
        registry(("places", place), ("devices", device)),
        Rulebook(load_packs(["gb5749-2022"])),
        lambda _: [("-", parameter) for parameter in heard],
    )
    run = range(T0, T0 + windows * 5 * MINUTE, 5 * MINUTE)
    works: list[Work] = []
    return {line.parameter: line for line in work_out(book, "wq-1", run, found, works) if line.start == run[-1]}


def series(*rows: list[Any], columns: str = "chlorine_free", **tags: str) -> Found:
    """A series as the store gives it back: (minute, values...)."""
    values = [[(T0 + int(minute * MINUTE)) * 1_000_000, *more] for minute, *more in rows]
    return Found("water", TAGS | tags, ["time", *columns.split()], values)


@pytest.mark.parametrize(
    ("device", "channel", "due"),
    [
        pytest.param({}, {}, 5, id="the device's interval"),
        pytest.param({}, {"report_s": 30}, 10, id="the channel's own interval"),
        pytest.param({}, {"mode": "sampled", "sample_s": 150}, 2, id="sampled: one a sample"),
        pytest.param({}, {"mode": "held", "sample_s": 150}, 5, id="held: repeated at each report"),
        pytest.param({"from": T0 + 2 * MINUTE}, {}, 3, id="registered from minute 2 on"),
        pytest.param({"to": T0 + 2 * MINUTE}, {}, 2, id="registered up to minute 2"),
        pytest.param({"report_s": 0}, {}, 0, id="no interval: nothing is promised"),
    ],
)
def test_what_is_due_of_a_silent_channel(device: dict[str, Any], channel: dict[str, Any], due: int) -> None:
    """Nothing came; due times follow the registry of the window."""
    found = worked(DEVICE | device | {"channels": [{"parameter": "chlorine_free"} | channel]})
    assert (found["chlorine_free"].figures.due if found else 0) == due


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        ("accepted", (5, 1, 1, 1)),
        ("trial", (5, 1, 1, 0)),
        ("registered", (5, 1, 1, 0)),
        ("suspended", None),
        ("retired", None),
    ],
)
def test_the_state_of_the_place_decides_what_is_due_and_judged(state: str, counts: tuple[int, ...] | None) -> None:
    """Only accepted places are judged; of suspended and retired ones there are no figures."""
    found = worked(
        DEVICE | {"channels": [{"parameter": "chlorine_free"}]}, series([0, 0.5]), place=PLACE | {"state": state}
    )
    figures = [one.figures for one in found.values()]
    assert [(one.due, one.received, one.valid, one.judged) for one in figures] == ([counts] if counts else [])


def test_a_channel_that_nobody_listed_is_due_once_it_was_heard() -> None:
    """A device without a list of channels: those that decide knows of are due as the device is."""
    assert worked(DEVICE, heard=("ph",))["ph"].figures.due == 5


def test_flags_qualifiers_and_points_are_read_from_their_columns() -> None:
    """A flag that is not there is N; a qualifier moves a value off the limit."""
    found = worked(
        DEVICE,
        series(
            [0, 0.5, None, None],
            [1, 0.5, "T", None],
            [2, 0.3, "N", "<"],
            columns="chlorine_free chlorine_free_flag chlorine_free_q",
        ),
        heard=("chlorine_free",),
    )["chlorine_free"].figures
    assert (found.received, found.valid, found.judged, found.compliant, found.low) == (3, 2, 2, 1, 0.3)


def test_a_value_does_not_count_while_its_guard_says_so() -> None:
    """Without flow through the cell a value is not valid: by the newest state up to its time, in whatever window."""
    channels = [{"parameter": "chlorine_free", "valid_when": "cell_flow"}, {"parameter": "cell_flow"}]
    found = worked(
        DEVICE | {"channels": channels},
        series([1, None, 0.0], [6, 0.1, None], [7, 0.5, 1.0], [8, 0.5, None], columns="chlorine_free cell_flow"),
        windows=2,
    )
    assert (found["chlorine_free"].figures.received, found["chlorine_free"].figures.valid) == (3, 2)


def test_limits_of_a_place_hold_from_their_date_on() -> None:
    """A stricter minimum from minute 2 on: two readings before it are inside, three after it are not."""
    limit = {"parameter": "chlorine_free", "min": 0.6, "reason": "summer", "from": T0 + 2 * MINUTE}
    found = worked(
        DEVICE | {"from": T0 - MINUTE, "channels": [{"parameter": "chlorine_free"}]},
        series(*([minute, 0.5] for minute in range(5))),
        place=PLACE | {"limits": [limit]},
    )
    assert (found["chlorine_free"].figures.judged, found["chlorine_free"].figures.compliant) == (5, 2)
    assert found["chlorine_free"].figures.low == 0.6


@pytest.mark.parametrize(
    ("old", "new", "since"),
    [
        pytest.param(None, DEVICE, None, id="new, without a date"),
        pytest.param(None, DEVICE | {"from": T0}, T0, id="new, since a date"),
        pytest.param(DEVICE, DEVICE | {"place": "end-1"}, None, id="moved from now on"),
        pytest.param(DEVICE, DEVICE | {"to": T0}, T0, id="ended at a date"),
        pytest.param(DEVICE | {"from": T0}, DEVICE | {"from": T0, "report_s": 30}, T0, id="corrected since its date"),
        pytest.param(DEVICE | {"from": T0}, DEVICE | {"from": T0 + 1}, T0, id="another date"),
        pytest.param(DEVICE, DEVICE, None, id="the same"),
        pytest.param(DEVICE | {"to": T0}, None, T0, id="removed"),
    ],
)
def test_a_change_reaches_back_to_its_oldest_date(
    old: dict[str, Any] | None, new: dict[str, Any] | None, since: int | None
) -> None:
    """What has no date holds from now on and changes no figure that stands."""
    assert since_of(old, new) == since


def test_a_place_reaches_the_devices_at_it_and_below() -> None:
    """A limit of a building with a date in the past concerns the device on its roof, and no other."""
    roof = {"id": "roof", "kind": "secondary_supply", "parent": "out-1"}
    entries = [("places", PLACE), ("places", roof), ("devices", DEVICE | {"place": "roof"})]
    entries += [("devices", DEVICE | {"id": "wq-2", "place": "other"})]
    old, new = registry(*entries), registry(*entries)
    new.apply([Change("places", "out-1", PLACE | {"state": "suspended", "from": T0})], 1)

    assert list(reached(old, new, {"places": {"out-1"}})) == [("water", "wq-1", T0)]
