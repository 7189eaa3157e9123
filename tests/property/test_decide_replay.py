"""Decided live, in any batches, with restarts in between, or all at once from zero: the outputs are the same."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.decide.replay import differences
from gateway.journal.record import Kind
from gateway.rederive import Rederive
from tests.support.deciding import NOW, REGISTRY, ROOT, Decided, Script, changes, decided

DEVICES = st.sampled_from(["wq-1", "wq-2", "stranger"])
TIMES = st.integers(0, 12).map(lambda second: NOW + second * 1000)
VALUES = st.sampled_from([7.0, 7.1, 9.4, 6.0, "<6.5", "8.0", None, "-", 99])
SCANS = st.fixed_dictionaries(
    {"id": st.sampled_from(["e1", "e2"]), "step": st.just("collect"), "ids": st.just([{"k": "qr", "v": "MW1"}])},
    optional={"category": st.sampled_from(["sharps", "infectious"])},
)


def readings(script: Script, draw: Any) -> None:
    """One telemetry message of any shape and trouble."""
    device = draw(DEVICES)
    values = draw(st.dictionaries(st.sampled_from(["ph", "turbidity", "nonsense"]), VALUES, min_size=1))
    reading: dict[str, Any] = {"values": values, "id": "x"}
    if draw(st.booleans()):
        reading["ts"] = draw(TIMES)
    if draw(st.integers(0, 5)) == 0:
        reading["flags"] = {"ph": "M"}
    script.message(device, [reading, reading] if draw(st.integers(0, 5)) == 0 else reading)


def status(script: Script, draw: Any) -> None:
    """A status, retained or not."""
    script.message("wq-1", {"state": "online"}, channel="status", retained=draw(st.booleans()))


def redrive(script: Script, draw: Any) -> None:
    """A redrive of one or another choice."""
    script.other(Kind.REDRIVE, **draw(st.sampled_from([{"all": True}, {"reason": "unknown_device"}])))


STEPS = {
    "reading": readings,
    "again": readings,
    "more": readings,
    "status": status,
    "redrive": redrive,
    "scan": lambda script, draw: script.message("scale-1", draw(SCANS), channel="event"),
    "garbage": lambda script, draw: script.message("wq-1", draw(st.binary(max_size=20))),
    "tick": lambda script, _: script.other(Kind.TICK),
    "alarm": lambda script, draw: script.other(Kind.ALARM, alarm="x", state=draw(st.sampled_from(["on", "off"]))),
    "registry": lambda script, draw: script.other(Kind.REGISTRY, changes=draw(st.sampled_from(REGISTRIES))),
}
REGISTRIES = [
    changes({"devices": [{"id": "stranger", "kind": "water", "place": "out"}]}),
    changes({"devices": [REGISTRY["devices"][0] | {"place": "trial"}]}),
    changes({"devices": [REGISTRY["devices"][0]]}),
    [{"kind": "devices", "id": "wq-1", "body": None}],
]


@st.composite
def scripts(draw: Any) -> Script:
    """A journal of up to 40 records of every kind."""
    script = Script()
    script.begin()
    for name in draw(st.lists(st.sampled_from(sorted(STEPS)), max_size=40)):
        script.now += draw(st.sampled_from([0, 1, 700, 60_000]))
        STEPS[name](script, draw)
    return script


SETTINGS = settings(
    max_examples=16, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@SETTINGS
@given(script=scripts(), cuts=st.lists(st.tuples(st.integers(1, 8), st.booleans(), st.booleans()), max_size=12))
def test_batches_snapshots_and_restarts_change_no_output(script: Script, cuts: list[tuple[int, bool, bool]]) -> None:
    """However the journal is cut, and wherever the gateway is stopped and started, it decides the same."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        once = decided(folder, script)
        live = Decided(folder, "live")
        at = 0
        for size, save, restart in cuts:
            if at < len(script.records):
                live.decide(script.records[at : at + size])
                at += size
                if save:
                    live.save()
                if restart:
                    live.restart(script.records)
        if at < len(script.records):
            live.decide(script.records[at:])

        assert differences(once.engine, live.engine) == []
        assert once.replies == live.replies
        assert encoded(once.items) == encoded(live.items)


@SETTINGS
@given(script=scripts(), cuts=st.lists(st.integers(1, 9), max_size=12))
def test_items_found_again_are_those_that_were_handed_over(script: Script, cuts: list[int]) -> None:
    """A store that was away gets from journal and state exactly what it would have been handed."""
    with tempfile.TemporaryDirectory() as name:
        found = decided(Path(name), script)
        rederive = Rederive(found.engine, ROOT)
        items = []
        at = 0
        for size in [*cuts, len(script.records)]:
            if at < len(script.records):
                items += rederive.items(script.records[at : at + size])
                at += size

        assert encoded(items) == encoded(found.items)


def encoded(items: list[Any]) -> list[tuple[str, Any]]:
    """Items without the channel indices of their rows, which only decide has."""
    return [(type(item).__name__, strip(msgspec.to_builtins(item))) for item in items]


def strip(item: dict[str, Any]) -> dict[str, Any]:
    """See ``encoded``."""
    for row in item.get("rows", ()):
        row.pop("channels")
    return item
