"""What registry, packs and sessions say to the evaluation of a fold: each fault once stopped it or made it blind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alerts.alert import Alert
from gateway.decide.fold import Fold
from gateway.decide.outputs import Outputs
from gateway.journal.record import Kind
from tests.support.conditions import MINUTE, pack_of
from tests.support.deciding import KEY, NOW, REGISTRY, ROOT, Decided, Script, changes
from tests.support.nothing import NoLookup

SILENT = "id: r, severity: major, condition: {silent: {intervals: 3, least: 5m}}"
HOT = "id: hot, severity: major, parameter: ph, count: 1, condition: {above: 9}"
CERTIFICATE = "id: r, severity: warning, condition: {overdue: {what: certificate, after: 30d}}"
CALIBRATION = "id: r, severity: info, condition: {overdue: {what: calibration, after: 90d}}"
UPSTREAM = "id: up, severity: major, parameter: turbidity, count: 1, condition: {compare: {with: upstream, above: 0.3}}"
DAY = 24 * 60 * MINUTE


class Town:
    """A fold with the registry of ``tests.support.deciding`` that decides what its script says."""

    def __init__(self, *rules: str, **registry: list[dict[str, Any]]) -> None:
        self.fold = Fold(KEY, ROOT)
        self.script = Script()
        self.done = 0
        self.start(*rules)
        self.register(**(REGISTRY | registry))

    def start(self, *rules: str, **more: Any) -> None:
        """A start with such rules, after which all that waited has come."""
        self.script.other(Kind.START, version="1", channels=[], packs={"story": pack_of(*rules)}, **more)
        self.script.other(Kind.CAUGHT_UP)

    def register(self, **document: list[dict[str, Any]]) -> None:
        """New entries, or entries as they are from now on."""
        self.script.other(Kind.REGISTRY, changes=changes(document))
        self.decide()

    def wait(self, minutes: float, every: float = 1) -> None:
        """Time passes."""
        end = self.script.now + round(minutes * MINUTE)
        while self.script.now < end:
            self.script.now = min(end, self.script.now + round(every * MINUTE))
            self.script.other(Kind.TICK)
        self.decide()

    def reading(self, device: str = "wq-1", **values: float) -> None:
        """A message a second later."""
        self.script.now += 1000
        self.script.reading(device, self.script.now, None, **values)
        self.decide()

    def decide(self) -> None:
        """All that was not decided yet."""
        for record in self.script.records[self.done :]:
            self.fold.step(record, NoLookup(), Outputs())
            self.fold.messages.committed()
        self.done = len(self.script.records)

    @property
    def open(self) -> list[Alert]:
        """Alerts whose condition holds."""
        return [alert for alert in self.fold.alerting.desk.open.values() if alert.on]


def water(name: str = "wq-1", **more: Any) -> dict[str, Any]:
    """A device of the registry."""
    return {"id": name, "kind": "water", "place": "out", **more}


def certified(until: str, name: str = "wq-1") -> dict[str, Any]:
    """A device with a certificate."""
    return water(name, certificate={"number": "1", "until": until})


@pytest.mark.parametrize("day", ["9999-12-31", "9999-12-30", "0001-01-01"])
def test_any_day_of_the_calendar_may_be_the_last_of_a_certificate(day: str) -> None:
    """The last day of all means never."""
    town = Town(CERTIFICATE, devices=[certified(day)])
    town.wait(2)
    assert len(town.open) == (day == "0001-01-01")
    ends = [term.at for term in town.fold.watch.certificates(town.script.now, 2**60, ("wq-1",))]
    assert len(ends) == (day != "9999-12-31")


def test_certificates_are_judged_as_of_their_day() -> None:
    """Those that run out, also of periods that begin later; renewed and removed ones are over."""
    town = Town(CERTIFICATE, devices=[certified("2026-02-20"), certified("2027-01-01", "wq-2")])
    town.wait(2)
    assert [(alert.device, alert.value) for alert in town.open] == [("wq-1", 18)]
    town.wait(24 * 60, 60)
    assert [(track.subject.device, track.value) for track in town.fold.evaluation.tracks] == [("wq-1", 17)]
    turn = town.script.now + DAY // 2
    later = certified("2026-02-21", "wq-2") | {"from": turn}
    town.register(devices=[{"id": "wq-2", "periods": [certified("2027-01-01", "wq-2") | {"to": turn}, later]}])
    town.wait(2)
    assert [alert.device for alert in town.open] == ["wq-1"]
    town.wait(24 * 60, 60)
    assert [alert.device for alert in town.open] == ["wq-1", "wq-2"]
    town.register(devices=[certified("2027-01-01")])
    town.wait(1)
    assert [alert.device for alert in town.open] == ["wq-2"]
    town.register(devices=[water("wq-2")])
    town.wait(1)
    assert town.open == []


def test_rules_that_come_later_judge_devices_of_which_nothing_was_expected() -> None:
    """A pack that is added to a running installation is in force for everybody."""
    town = Town(HOT, devices=[water(report_s=60)])
    town.wait(3)
    town.reading(ph=7)
    town.start(HOT, SILENT)
    town.wait(10, 0.5)
    assert [alert.rule for alert in town.open] == ["r"]


def test_an_interval_that_is_shorter_from_a_start_on_is_not_late() -> None:
    """What was armed for the old one is forgotten."""
    town = Town(SILENT.replace("5m", "10h"), devices=[water(report_s=60)])
    town.wait(3)
    town.start(SILENT)
    town.wait(7, 0.5)
    assert [alert.rule for alert in town.open] == ["r"]


UP = [
    {"id": "a", "unit": "w", "kind": "water_outlet", "grid": "g"},
    {"id": "b", "unit": "w", "kind": "secondary_supply", "grid": "g", "upstream": "a"},
]


def test_the_first_value_of_a_place_upstream_is_found_straight_or_restarted(tmp_path: Path) -> None:
    """Also where it came after one below had asked, and its device lists no channels."""
    town = Town(UPSTREAM, places=UP, devices=[water("da", place="a"), water("db", place="b")])
    town.reading("db", turbidity=0.2)
    town.reading("da", turbidity=0.1)
    kept = town.done
    town.reading("db", turbidity=0.9)
    assert [alert.rule for alert in town.open] == ["up"]
    restarted = Decided(tmp_path)
    restarted.decide(town.script.records[:kept])
    restarted.save()
    restarted.restart(town.script.records)
    restarted.decide(town.script.records[kept:])
    assert restarted.fold.evaluation.dump() == town.fold.evaluation.dump()


def test_a_device_upstream_that_moves_by_its_periods_is_not_asked_any_more() -> None:
    """From the time on at which it measures another place."""
    turn = NOW + 10 * MINUTE
    moving = [water("da", place="a", to=turn), {**water("da", place="b"), "from": turn}]
    town = Town(UPSTREAM, places=UP, devices=[{"id": "da", "periods": moving}, water("db", place="b")])
    watch = town.fold.watch
    town.reading("da", turbidity=0.1)
    assert watch.measured_at("a", "turbidity", town.script.now) == ("da", "-")
    assert watch.measured_at("a", "turbidity", turn) is None
    town.register(devices=[water("da", place="b"), water("dc", place="a", channels=[{"parameter": "turbidity"}])])
    assert watch.measured_at("a", "turbidity", town.script.now) == ("dc", "-")
    town.script.other(Kind.REGISTRY, changes=[{"kind": "devices", "id": "dc", "body": None}])
    town.decide()
    assert watch.measured_at("a", "turbidity", town.script.now) is None


def test_a_calibration_between_two_looks_is_noted() -> None:
    """When the session ends, and not at the next look of the evaluation."""
    town = Town(CALIBRATION)
    town.wait(2)
    session = {"device": "wq-1", "kind": "calibrate", "for_ms": 60 * MINUTE}
    town.script.other(Kind.COMMAND, command="maintenance.open", args=session, by="u")
    town.wait(15)
    town.script.other(Kind.COMMAND, command="maintenance.close", args={"device": "wq-1"}, by="u")
    town.wait(91 * 24 * 60, 6 * 60)
    assert [alert.rule for alert in town.open] == ["r"]


def test_another_time_zone_counts_for_calendars_and_days_at_once() -> None:
    """10:40 in Shanghai is not yet working time in Berlin, and the last day there ends later."""
    office = {"id": "c", "hours": ["08:00-12:00"], "weekdays": [1, 2, 3, 4, 5, 6, 7]}
    rule = f"{HOT}, schedule: {{calendar: c}}"
    town = Town(rule, CERTIFICATE, calendars=[office], devices=[certified("2026-02-03")])
    town.reading(ph=11)
    town.reading(ph=7)
    town.wait(1)
    assert [(alert.rule, alert.value) for alert in town.open] == [("r", 1)]
    town.start(rule, CERTIFICATE, time_zone="Europe/Berlin")
    town.reading(ph=11)
    town.reading(ph=11)
    town.wait(1)
    assert [alert.rule for alert in town.open] == ["r"]
    ends = [term.at for term in town.fold.watch.certificates(town.script.now, town.script.now + 9 * DAY, ())]
    assert ends == [1_770_159_600_000]


def test_people_and_their_like_change_nothing_for_conditions() -> None:
    """Columns stay closed: no channel goes the long way because somebody has a new number."""
    town = Town(HOT)
    town.reading(ph=7)
    closed = list(town.fold.evaluation.quiet.high)
    town.register(people=[{"id": "p", "role": "operator"}], vehicles=[], teams=[])
    assert list(town.fold.evaluation.quiet.high) == closed
    town.register(devices=[water(serial="2")])
    assert list(town.fold.evaluation.quiet.high) != closed
