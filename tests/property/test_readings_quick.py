"""The quick way of decide's hot path decides what the long way of every value decides, and leaves the same state."""

from __future__ import annotations

import random
from typing import Any

import pytest

from alerts.change import Change as Turn
from gateway.decide.fold import Fold
from gateway.decide.outputs import Outputs
from gateway.journal.record import Kind, Record
from tests.support.conditions import pack_of
from tests.support.deciding import KEY, NOW, ROOT, Script, changes
from tests.support.nothing import NoLookup

MINUTE = 60_000
PACK = pack_of(
    "id: high, severity: warning, parameter: turbidity, condition: {above: 1}, clear: {dead_band: 0.1}",
    "id: timed, severity: major, parameter: turbidity, condition: {above: 0.8}, for: 3m, clear: {for: 2m}",
    "id: early, severity: major, parameter: ph, condition: {outside: [6, 8]}, early: {at: 0.5, severity: info}",
    "id: moved, severity: warning, parameter: turbidity, condition: {change: {by: 0.4, per: 6m}}",
    "id: moved-ph, severity: warning, parameter: ph, condition: {change: {by: 0.4, per: 6m}}",
    "id: fast, severity: warning, parameter: ph, count: 1, condition: {change: {by: 0.3, per: 2m, direction: up}}",
    "id: stuck, severity: info, parameters: all, condition: {stuck: {for: 5m}}",
    "id: stuck-long, severity: info, parameter: ph, condition: {stuck: {for: 9m, resolution: 0.05}}",
    "id: unit, severity: info, parameters: all, condition: {unit_suspect: {}}",
    "id: range, severity: major, parameters: all, condition: {saturated: {}}",
    "id: flags, severity: warning, parameters: all, condition: {bad_flags: {share: 0.3, window: 5m}}",
    "id: both, severity: major, condition: {all: [{parameter: temperature, above: 20}, {parameter: ph, above: 7}]}",
    "id: apart, severity: info, parameter: temperature, condition: {compare: {with: {point: b}, outside: [-3, 3]}}",
    "id: absent, severity: major, parameters: all, condition: {absent: {intervals: 3, least: 1m}}",
    "id: silent, severity: major, condition: {silent: {intervals: 4, least: 1m}}",
    "id: invalid, severity: major, parameters: all, condition: {invalid: {intervals: 3, least: 2m}}",
    "id: gap, severity: warning, condition: {sequence_gap: {}}, for: 2m, clear: {for: 5m}",
    "id: clock, severity: warning, condition: {clock_off: {by: 1m}}",
)
CHANNELS = ["turbidity", "ph", "temperature", "temperature@b", "conductivity"]
VALUES: dict[str, list[Any]] = {
    "turbidity": [0.2, 0.21, 0.3, 0.3, 0.6, 0.85, 0.95, 1.2, 2.5, 0.02, "<0.9", 5000],
    "ph": [7.0, 7.0, 7.01, 7.3, 7.5, 7.6, 8.2, 5.5, None],
    "temperature": [18, 18.04, 19, 21, 21, 25],
    "temperature@b": [18, 18.1, 22],
    "conductivity": [400, 401, 405, 405, 4000, 0.4],
}
REGISTRY: dict[str, list[dict[str, Any]]] = {
    "units": [{"id": "w", "kind": "waterworks"}],
    "places": [{"id": f"p{n}", "unit": "w", "kind": "network", "state": "accepted"} for n in range(3)],
    "devices": [
        {"id": f"d{n}", "kind": "water", "place": f"p{n}", "report_s": 60,
         "channels": [{"parameter": one.partition("@")[0], "point": one.partition("@")[2] or "-",
                       **({"valid_when": "turbidity=0.3"} if n == 2 and one == "ph" else {})} for one in CHANNELS]}
        for n in range(3)
    ],
}  # fmt: skip


def city(seed: int, minutes: int) -> Script:
    """Three devices for some minutes: steady or wild, with gaps, flags, late and early times, statuses and outages."""
    dice = random.Random(seed)
    script = Script()
    script.now = NOW
    script.other(Kind.START, version="1", channels=[], packs={"story": PACK})
    script.other(Kind.REGISTRY, changes=changes(REGISTRY))
    script.other(Kind.CAUGHT_UP)
    numbers = [0, 0, 0]
    now = {f"d{n}": {key: dice.choice(VALUES[key]) for key in CHANNELS} for n in range(3)}
    for minute in range(minutes):
        for n in range(3):
            script.now = NOW + minute * MINUTE + n * 7000 + dice.randrange(3000)
            _one(script, dice, n, numbers, now[f"d{n}"])
        if dice.random() < 0.02:
            script.other(Kind.SESSION_LOST, reason="expired")
            script.now += dice.randrange(5) * MINUTE
            script.other(Kind.CAUGHT_UP)
    return script


def _one(script: Script, dice: random.Random, n: int, numbers: list[int], values: dict[str, Any]) -> None:
    if dice.random() < 0.08:
        script.message(f"d{n}", {"state": dice.choice(["online", "offline", "sleeping", "online"])}, channel="status")
    if dice.random() < 0.12:
        return
    for key in CHANNELS:
        if dice.random() < 0.35:
            values[key] = dice.choice(VALUES[key])
    sent = {key: values[key] for key in CHANNELS if dice.random() < 0.95}
    if not sent:
        return
    numbers[n] += dice.choice([1, 1, 1, 1, 1, 1, 1, 1, 2, 0])
    minute = (script.now - NOW) // MINUTE
    ts = script.now - (200_000 if n == 1 and 30 <= minute < 50 else 0)
    ts -= dice.choice([0, 500, 500, 1000, 70_000, 3_600_000, -7 * MINUTE] if dice.random() < 0.2 else [0])
    body: dict[str, Any] = {"ts": ts, "seq": numbers[n], "values": sent}
    if dice.random() < 0.1:
        body["flags"] = {key: dice.choice("MDTCB") for key in sent if dice.random() < 0.5}
    script.message(f"d{n}", body)


class Run:
    """A fold whose turns of conditions are kept; ``long`` sends everything the long way."""

    def __init__(self, *, long: bool = False) -> None:
        self.turns: list[Turn] = []
        self._long = long
        self.fold = self._fold()

    def _fold(self) -> Fold:
        fold = Fold(KEY, ROOT)
        decided = fold.alerting.changed

        def changed(turns: Any, cause: Any, out: Outputs) -> None:
            turns = list(turns)
            self.turns += turns
            decided(turns, cause, out)

        fold.alerting.changed = changed  # type: ignore[method-assign,assignment]
        return fold

    def take(self, record: Record) -> None:
        """One record."""
        if self._long:
            self.fold.evaluation.relearn()
            odd = self.fold.evaluation.presence.odd
            odd[:] = b"\1" * len(odd)
        self.fold.step(record, NoLookup(), Outputs())

    def restart(self) -> None:
        """The evaluation alone from a snapshot of itself."""
        evaluation = self.fold.evaluation
        state = evaluation.dump()
        evaluation.load(state)
        assert evaluation.dump() == state


def played(script: Script, *, long: bool = False, restarts: int = 0) -> Run:
    """All records; every so many a restart where asked for."""
    run = Run(long=long)
    for number, record in enumerate(script.records):
        run.take(record)
        if restarts and number % restarts == restarts - 1:
            run.restart()
    return run


@pytest.mark.parametrize("seed", range(5))
def test_the_quick_way_is_the_long_way(seed: int) -> None:
    """The same turns in the same order, and the same columns to the last byte."""
    script = city(seed, 80)
    quick, long = played(script), played(script, long=True)
    assert quick.turns == long.turns
    assert quick.fold.evaluation.dump() == long.fold.evaluation.dump()
    assert len({turn.rule for turn in quick.turns}) >= 12


@pytest.mark.parametrize("seed", range(3))
def test_a_snapshot_at_any_record_changes_nothing(seed: int) -> None:
    """Restarts every few records: the same turns and the same state as the straight run."""
    script = city(seed, 40)
    straight, restarted = played(script), played(script, restarts=3 + seed * 7)
    assert straight.turns == restarted.turns
    assert straight.fold.evaluation.dump() == restarted.fold.evaluation.dump()


def test_every_kind_of_condition_turns_in_these_stories() -> None:
    """Or the comparisons above would prove nothing about it."""
    kinds = {turn.kind for seed in range(4) for turn in played(city(seed, 80)).turns}
    assert kinds >= {
        "limit", "change", "stuck", "unit_suspect", "saturated", "bad_flags", "logic", "compare", "absent", "silent",
        "invalid", "sequence_gap", "clock_off",
    }  # fmt: skip
