"""The page of figures: what stands in it, and what it says of budgets."""

from __future__ import annotations

import msgspec
import pytest

from benchmarks.load import Load, probe, publish_frame, registry, start_for
from benchmarks.plan import FULL, QUICK, steps
from benchmarks.report import Budget, Run, Table, page, shown
from benchmarks.tables import BUDGETS, TABLES
from devices.codecs import hygeia_json
from devices.plan import compile_plan
from devices.registry import KINDS, Change, Registry
from gateway.mqtt.frames import FrameCutter
from gateway.mqtt.replies import publish_frame as ours

FAST = Budget("speed", "a/rate", 100.0, "msg/s", least=True)
SMALL = Budget("cost", "a/us", 40.0, "us")
TABLE = Table("Speed", "How it came about.", ["here"], [("rate", ["a/rate"]), ("never", ["a/none"])])


def run(figures: dict[str, float], busy: float = 0.1) -> Run:
    """A run with these figures."""
    machine = {"processor": "a processor", "load": "0.1, 0.2, 0.3"}
    return Run("2026-11-22 03:00 +0000", "full", 12.4, busy, machine, figures)


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        ({"a/rate": 100.0}, "| speed | >= 100 msg/s | 100 | met |"),
        ({"a/rate": 99.4}, "| speed | >= 100 msg/s | 99.4 | **not met** |"),
        ({"a/us": 40.0}, "| cost | <= 40 us | 40 | met |"),
        ({"a/us": 40.1}, "| cost | <= 40 us | 40.1 | **not met** |"),
        ({}, "| cost | <= 40 us |  | not measured |"),
    ],
)
def test_a_budget_is_met_missed_or_not_measured(figures: dict[str, float], verdict: str) -> None:
    """The verdict follows from the figure and the direction of the budget."""
    assert verdict in page(run(figures), None, [FAST, SMALL], [], "").splitlines()


def test_figures_stand_beside_those_of_the_run_before() -> None:
    """The figure of the run before stands in brackets, and which run that was stands above."""
    text = page(run({"a/rate": 120.0}), run({"a/rate": 90.0}), [FAST], [TABLE], "Words.")

    assert "| speed | >= 100 msg/s | 120 (90) | met |" in text
    assert "| rate | 120 (90) |" in text
    assert "- In brackets: the run before, 2026-11-22 03:00 +0000, load average 0.1, 0.2, 0.3" in text


def test_what_was_not_measured_leaves_no_row_and_no_table() -> None:
    """Rows and tables without a figure are left out."""
    text = page(run({"a/rate": 1.0}), None, [], [TABLE, TABLE._replace(title="Other", rows=[("x", ["b/x"])])], "")

    assert "## Speed" in text
    assert "never" not in text
    assert "## Other" not in text


def test_a_busy_machine_is_said_beside_the_figures() -> None:
    """Figures from a machine with other work say so; those from a quiet one do not."""
    assert "busy with other work" in page(run({}, busy=1.8), None, [], [], "")
    assert "busy" not in page(run({}), None, [], [], "")


@pytest.mark.parametrize(
    ("value", "text"), [(20_134.6, "20,135"), (132.25, "132"), (13.26, "13.3"), (1.256, "1.26"), (0.0, "0"), (3.0, "3")]
)
def test_a_figure_is_shown_with_three_digits(value: float, text: str) -> None:
    """As many digits as mean something."""
    assert shown(value) == text


def test_every_budget_and_table_names_figures_that_a_full_run_measures() -> None:
    """A key whose step no run has would read "not measured" forever."""
    names = tuple(f"{step.name}/" for step in steps(FULL))
    keys = [budget.key for budget in BUDGETS]
    keys += [key for table in TABLES for _, row in table.rows for key in row if key]

    assert [key for key in keys if not key.startswith(names)] == []
    assert {step.name for step in steps(QUICK)} <= {step.name for step in steps(FULL)}


def test_the_load_is_clean_telemetry_of_known_devices_with_a_share_outside_limits() -> None:
    """Every message decodes to six values; one in 400 is above the limit of turbidity, none is ahead of its time."""
    now, devices, rounds = 1_770_000_000_000, 400, 9
    known = Registry()
    known.apply([Change(one["kind"], one["id"], one["body"]) for one in registry(devices, probes=1)], 0)
    assert {one["kind"] for one in registry(devices)} <= set(KINDS)
    outside = 0
    for sent in Load(devices, start_for(now, rounds)).messages(devices * rounds):
        address = known.resolve(sent.topic.decode())
        assert address is not None
        assert address.device == f"wq-{sent.device}"
        decoded = hygeia_json.decode(sent.payload, compile_plan(known, f"wq-{sent.device}", None), now)
        assert decoded.fault is None
        assert decoded.refusals == []
        assert [len(row.values) for row in decoded.rows] == [6]
        assert decoded.rows[0].ts < now
        outside += decoded.rows[0].values[1] > 1
    assert outside == rounds


def test_a_probe_is_outside_or_within() -> None:
    """The probe's one value is on the side that is asked for."""
    values = [msgspec.json.decode(probe(7, 1, outside=outside))["values"]["turbidity"] for outside in (True, False)]

    assert values[0] > 1 > values[1]


def test_frames_of_the_load_are_those_of_the_protocol() -> None:
    """Version 5 is what our own publisher sends, and version 4 differs by the property length alone."""
    topic, payload = b"hygeia/v1/sim/wq-1/up/telemetry", b"x" * 150

    assert publish_frame(topic, payload, 77, version=5) == ours(topic.decode(), payload, 77)
    old = publish_frame(topic, payload, 77, version=4)
    assert FrameCutter().feed(old + old) == [old, old]
    assert len(old) == len(publish_frame(topic, payload, 77, version=5)) - 1
