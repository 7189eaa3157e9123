"""Stories of alerts that explain others: the cause is told, its consequences are not; nothing stays silent for good."""

from __future__ import annotations

from itertools import count
from typing import Any

import msgspec
import pytest

from alerts.change import Change
from alerts.desk import Desk
from alerts.inhibit import Inhibit, Side, entries_of
from devices.observation import Subject

MINUTE = 60_000
KINDS = {"silent": "silent", "absent": "absent", "invalid": "invalid", "stuck": "stuck"}


class Floor:
    """A desk; conditions are named ``RULE DEVICE[/PARAMETER]``, alerts by the same words."""

    def __init__(self, inhibit: list[Inhibit] | None = None, **bounds: int) -> None:
        self.desk = Desk(**bounds)
        self.desk.use(inhibit or [], 0)
        self.now = 0
        self._offset = count(1)

    def turn(self, what: str, *, on: bool = True, **facts: Any) -> list[str]:
        """A condition turns; what became of which alert."""
        rule, _, where = what.partition(" ")
        device, _, parameter = where.partition("/")
        about: dict[str, Any] = {"place": "p1", "unit": "u1", "grid": "g/s", "place_kind": "network", "notify": True}
        about |= {name: facts.pop(name) for name in tuple(facts) if name in about}
        known: dict[str, Any] = {"severity": "warning", "kind": KINDS.get(rule, "limit"), "reopen_ms": 60 * MINUTE}
        change = Change(
            on=on,
            rule=rule,
            pack="p",
            digest="x",
            subject=Subject(f"{device}/-/{parameter}", device=device, parameter=parameter, **about),
            value=None,
            limit_value=None,
            since=self.now,
            ts=self.now,
            at=self.now,
            reason="bad_readings" if on else "condition_over",
            **(known | facts),
        )
        return self.short(self.desk.changed(change, next(self._offset), lambda: what))

    def off(self, what: str, **facts: Any) -> list[str]:
        """A condition is over."""
        return self.turn(what, on=False, **facts)

    def at(self, minute: float) -> list[str]:
        """Time goes on to this minute."""
        self.now = int(minute * MINUTE)
        return self.short(self.desk.tick(self.now))

    def act(self, command: str, what: str, **args: Any) -> list[str]:
        """A person does something to an alert."""
        return self.short(self.desk.act(f"alerts.{command}", {"id": what, **args}, "account:li", self.now, 0))

    def short(self, steps: list[Any]) -> list[str]:
        """``ALERT: TO [by what it is held] [told]``; that calling ends at a hold, routing knows without words."""
        return [
            f"{step.alert.id}: {step.to_state}{f' ({step.alert.held_by})' * bool(step.alert.held_by)}"
            f"{' told' * (step.tell and step.to_state not in {'suppressed', 'acknowledged'})}"
            for step in steps
        ]


def test_an_early_warning_is_muted_by_its_rule() -> None:
    """From its firing on, and for a moment after it; then it says that the value is still near the limit."""
    floor = Floor()
    assert floor.turn("e d1/ph", early_of="high") == ["e d1/ph: active told"]
    assert floor.turn("high d1/ph") == ["high d1/ph: active told", "e d1/ph: suppressed (alert:high d1/ph)"]
    floor.at(5)
    assert floor.off("high d1/ph") == ["high d1/ph: returned told"]
    assert floor.at(5.9) == []
    assert floor.at(6) == ["e d1/ph: active told"]


def test_an_early_warning_that_ends_soon_after_its_rule_ends_in_silence() -> None:
    """Nobody needs to hear of it who never heard of it."""
    floor = Floor()
    floor.turn("high d1/ph")
    assert floor.turn("e d1/ph", early_of="high") == ["e d1/ph: suppressed (alert:high d1/ph)"]
    floor.off("high d1/ph")
    assert floor.off("e d1/ph") == ["e d1/ph: closed"]


def test_an_early_warning_of_another_rule_or_channel_is_not_muted() -> None:
    """It is about something else."""
    floor = Floor()
    floor.turn("high d1/ph")
    assert floor.turn("e d1/ph", early_of="low") == ["e d1/ph: active told"]
    assert floor.turn("e d1/tds", early_of="high") == ["e d1/tds: active told"]
    assert floor.turn("e d2/ph", early_of="high") == ["e d2/ph: active told"]


def test_a_silent_device_explains_its_silent_channels() -> None:
    """But not bad values or a stuck channel, and not another device; afterwards data come channel by channel."""
    floor = Floor()
    assert floor.turn("absent d1/ph") == ["absent d1/ph: active told"]
    assert floor.turn("silent d1") == ["silent d1: active told", "absent d1/ph: suppressed (alert:silent d1)"]
    assert floor.turn("invalid d1/tds") == ["invalid d1/tds: suppressed (alert:silent d1)"]
    assert floor.turn("stuck d1/cod") == ["stuck d1/cod: active told"]
    assert floor.turn("absent d2/ph") == ["absent d2/ph: active told"]
    floor.at(9)
    assert floor.off("silent d1") == ["silent d1: returned told"]
    assert floor.off("absent d1/ph") == ["absent d1/ph: closed told"]
    assert floor.at(10) == ["invalid d1/tds: active told"]


def test_what_muted_comes_back_before_the_moment_is_over() -> None:
    """Then its consequences stay muted."""
    floor = Floor()
    floor.turn("silent d1")
    floor.turn("absent d1/ph")
    floor.off("silent d1")
    floor.at(0.5)
    assert floor.turn("silent d1") == ["silent d1: active told"]
    assert floor.at(9) == []
    assert floor.desk.open["absent d1/ph"].held_by == "alert:silent d1"


def test_a_higher_level_mutes_a_lower_one_of_the_same_channel() -> None:
    """And not one of the same level, nor one that is no limit."""
    floor = Floor()
    assert floor.turn("high d1/ph") == ["high d1/ph: active told"]
    assert floor.turn("other d1/ph") == ["other d1/ph: active told"]
    assert floor.turn("stuck d1/ph") == ["stuck d1/ph: active told"]
    assert floor.turn("very-high d1/ph", severity="critical") == [
        "very-high d1/ph: active told",
        "high d1/ph: suppressed (alert:very-high d1/ph)",
        "other d1/ph: suppressed (alert:very-high d1/ph)",
    ]


@pytest.mark.parametrize(
    ("command", "args"),
    [("close", {"reason": "false_alarm"}), ("out_of_service", {"comment": "x"})],
)
def test_what_a_person_takes_away_mutes_nothing(command: str, args: dict[str, str]) -> None:
    """A cause that nobody is told of any more is no reason to be silent."""
    floor = Floor()
    floor.turn("silent d1")
    floor.turn("absent d1/ph")
    floor.act(command, "silent d1", **args)
    assert floor.at(1) == ["absent d1/ph: active told"]


@pytest.mark.parametrize(("command", "args"), [("ack", {}), ("shelve", {"one_shot": True})])
def test_what_a_person_takes_care_of_goes_on_muting(command: str, args: dict[str, Any]) -> None:
    """The cause is known."""
    floor = Floor()
    floor.turn("silent d1")
    floor.act(command, "silent d1", **args)
    assert floor.turn("absent d1/ph") == ["absent d1/ph: suppressed (alert:silent d1)"]


def test_an_acknowledged_alert_is_acknowledged_afterwards() -> None:
    """Nobody has to say it twice."""
    floor = Floor()
    floor.turn("high d1/ph")
    floor.act("ack", "high d1/ph")
    floor.turn("very-high d1/ph", severity="critical")
    floor.off("very-high d1/ph")
    assert floor.at(1) == ["high d1/ph: acknowledged"]
    assert floor.desk.open["high d1/ph"].acknowledged_by == "account:li"


def test_nobody_hears_of_the_cause() -> None:
    """A place that is not accepted mutes nothing at one that is; once it is accepted it does."""
    floor = Floor([Inhibit(Side(kinds=("silent",)), Side(), ("unit",))])
    floor.turn("silent d9", notify=False, place="new")
    assert floor.turn("high d1/ph") == ["high d1/ph: active told"]
    assert floor.turn("high d9/ph", notify=False, place="new") == ["high d9/ph: suppressed (alert:silent d9)"]
    steps = floor.desk.rebind(Subject("d9/-/", device="d9", place="new", unit="u1"), 0)
    assert floor.short(steps) == ["high d1/ph: suppressed (alert:silent d9)", "silent d9: active told"]
    steps = floor.desk.rebind(Subject("d9/-/", device="d9", place="new", unit="u1", notify=False), 0)
    assert floor.short(steps) == ["high d1/ph: active told"]


def under_work(floor: Floor, device: str) -> None:
    """Somebody works on a device from now on, for days."""
    args = {"device": device, "kind": "repair", "for_ms": 5 * 24 * 60 * MINUTE}
    floor.short(floor.desk.act("maintenance.open", args, "account:li", floor.now, 0))


def test_what_began_under_a_maintenance_session_explains_nothing_elsewhere() -> None:
    """Nobody was told of it, so nobody would hear of anything, for as long as the session lasts."""
    floor = Floor([Inhibit(Side(rules=("power",)), Side(), ("place",))])
    under_work(floor, "box")
    assert floor.turn("power box") == ["power box: suppressed (maintenance:box)"]
    assert floor.turn("hot d1/ph", severity="critical") == ["hot d1/ph: active told"]
    assert floor.turn("hot box/ph") == ["hot box/ph: suppressed (maintenance:box)"]
    steps = floor.short(floor.desk.act("maintenance.close", {"device": "box"}, "account:li", floor.now, 0))
    assert steps[:2] == ["power box: active told", "hot d1/ph: suppressed (alert:power box)"]


def test_what_people_knew_before_the_maintenance_session_goes_on_muting() -> None:
    """Who opens a session to repair what fell silent does not wake everybody."""
    floor = Floor([Inhibit(Side(rules=("power",)), Side(), ("place",))])
    floor.turn("power box")
    assert floor.turn("hot d1/ph") == ["hot d1/ph: suppressed (alert:power box)"]
    under_work(floor, "box")
    assert floor.desk.open["power box"].held_by == "maintenance:box"
    assert floor.at(10) == []
    assert floor.turn("hot d2/ph") == ["hot d2/ph: suppressed (alert:power box)"]


def test_whoever_takes_an_alert_that_began_under_a_session_knows_of_it() -> None:
    """From then on it explains others, before and after a restart."""
    floor = Floor([Inhibit(Side(rules=("power",)), Side(), ("place",))])
    under_work(floor, "box")
    floor.turn("power box")
    floor.turn("hot d1/ph")
    assert floor.act("ack", "power box")[-1] == "hot d1/ph: suppressed (alert:power box)"
    again = Desk()
    again.load(floor.desk.dump())
    assert again.dump() == floor.desk.dump()


def test_a_chain_of_causes_ends_where_nobody_knows_the_first() -> None:
    """A device that came under maintenance while it was muted explains nothing once its own cause is hidden."""
    floor = Floor([Inhibit(Side(rules=("hub",)), Side(kinds=("silent",)), ("unit",))])
    floor.turn("hub h")
    floor.turn("silent d1")
    assert floor.turn("absent d1/ph") == ["absent d1/ph: suppressed (alert:silent d1)"]
    under_work(floor, "d1")
    assert floor.desk.open["absent d1/ph"].held_by == "maintenance:d1"
    floor = Floor([Inhibit(Side(rules=("hub",)), Side(kinds=("silent",)), ("unit",))])
    under_work(floor, "h")
    floor.turn("hub h")
    assert floor.turn("silent d1") == ["silent d1: active told"]
    assert floor.turn("absent d1/ph") == ["absent d1/ph: suppressed (alert:silent d1)"]


def test_an_alert_that_goes_to_another_unit_is_muted_by_what_stands_there() -> None:
    """And mutes what is there, and no longer what is not."""
    floor = Floor([Inhibit(Side(rules=("hub",)), Side(rules=("high",)), ("unit",))])
    floor.turn("hub d9")
    floor.turn("high d1/ph")
    floor.turn("high d2/ph", unit="u2")
    about = Subject("d9/-/", device="d9", place="p1", unit="u2", grid="g/s", place_kind="network")
    assert floor.short(floor.desk.rebind(about, 0)) == [
        "high d1/ph: active told",
        "high d2/ph: suppressed (alert:hub d9)",
        "hub d9: active told",
    ]


def test_alerts_that_explain_each_other_do_not_fall_silent_together() -> None:
    """The first one speaks; and of one entry those that fit both sides all speak."""
    one = Inhibit(Side(rules=("a",)), Side(rules=("b",)), ("device",))
    other = Inhibit(Side(rules=("b",)), Side(rules=("a",)), ("device",))
    floor = Floor([one, other])
    assert floor.turn("a d1/ph", kind="x") == ["a d1/ph: active told"]
    assert floor.turn("b d1/ph", kind="x") == ["b d1/ph: suppressed (alert:a d1/ph)"]
    floor = Floor([Inhibit(Side(), Side(), ("place",))])
    assert floor.turn("a d1/ph", kind="x") == ["a d1/ph: active told"]
    assert floor.turn("b d1/ph", kind="x") == ["b d1/ph: active told"]


def test_a_chain_of_causes() -> None:
    """What is muted itself goes on muting; when the middle ends, the end is muted by nobody else."""
    floor = Floor([Inhibit(Side(rules=("a",)), Side(kinds=("silent",)), ("place",))])
    floor.turn("absent d1/ph")
    floor.turn("silent d1")
    assert floor.turn("a d7/ph") == ["a d7/ph: active told", "silent d1: suppressed (alert:a d7/ph)"]
    assert floor.desk.open["absent d1/ph"].held_by == "alert:silent d1"
    assert floor.off("silent d1") == ["silent d1: suppressed (alert:a d7/ph)"]
    assert floor.at(1) == ["absent d1/ph: active told"]
    assert floor.off("a d7/ph") == ["a d7/ph: returned told", "silent d1: closed told"]


@pytest.mark.parametrize(
    ("source", "target", "equal", "muted"),
    [
        (Side(), Side(rules=("h*",)), ("place",), True),
        (Side(), Side(rules=("p/h*",)), ("place",), True),
        (Side(), Side(rules=("q/h*",)), ("place",), False),
        (Side(rules=("hub",), packs=("p",)), Side(packs=("p",)), ("unit",), True),
        (Side(rules=("hub",), severities=("major",)), Side(), ("unit", "grid"), True),
        (Side(rules=("hub",), severities=("critical",)), Side(), ("unit",), False),
        (Side(rules=("hub",), units=("u2",)), Side(), ("grid",), False),
        (Side(rules=("hub",), grid=("g",)), Side(), ("grid",), True),
        (Side(rules=("hub",), grid=("g/",)), Side(grid=("g/s",)), ("grid",), True),
        (Side(rules=("hub",), grid=("g/ss",)), Side(), ("grid",), False),
        (Side(rules=("hub",)), Side(place_kinds=("network",)), ("place",), True),
        (Side(rules=("hub",)), Side(place_kinds=("clinic",)), ("place",), False),
        (Side(rules=("hub",)), Side(), ("parameter",), False),
        (Side(rules=("hub",)), Side(), ("device",), False),
        (Side(rules=("hub",)), Side(), ("point", "place"), True),
    ],
)
def test_both_sides_of_an_entry(source: Side, target: Side, equal: tuple[Any, ...], *, muted: bool) -> None:
    """Whom it is about, and what both must have in common, which must not be empty."""
    if source == Side():
        source = Side(rules=("hub",))
    for first, second in (("hub d9", "high d1/ph"), ("high d1/ph", "hub d9")):
        floor = Floor([Inhibit(source, target, equal)])
        for what in (first, second):
            floor.turn(what, severity="major" if what == "hub d9" else "warning", kind="x")
        assert (floor.desk.open["high d1/ph"].state == "suppressed") == muted


def test_entries_come_from_a_routing_file() -> None:
    """As its models print them; a word that is not known is refused."""
    match = {"severities": ["major"], "rules": [], "packs": [], "place_kinds": [], "grid": ["g"], "units": []}
    (entry,) = entries_of([{"source": match, "target": {}, "equal": ["device", "place"]}])
    assert entry == Inhibit(Side(severities=("major",), grid=("g",)), Side(), ("device", "place"))
    with pytest.raises(msgspec.ValidationError):
        entries_of([{"source": {}, "target": {}, "equal": ["planet"]}])


def test_another_routing_file_mutes_and_releases_what_stands() -> None:
    """At once: who wrote it is there."""
    floor = Floor()
    floor.turn("hub d9")
    floor.turn("high d1/ph")
    steps = floor.desk.use([Inhibit(Side(rules=("hub",)), Side(), ("unit",))], 5)
    assert floor.short(steps) == ["high d1/ph: suppressed (alert:hub d9)"]
    assert floor.short(floor.desk.use([], 6)) == ["high d1/ph: active told"]


def test_power_comes_back_to_a_district() -> None:
    """2,000 devices fall silent and send again: each alert is handed on once at most, and nothing is told twice."""
    floor = Floor([Inhibit(Side(rules=("hub",)), Side(kinds=("silent",)), ("unit",))])
    floor.turn("hub d")
    told = sum(step.endswith("told") for n in range(500) for step in floor.turn(f"silent d{n}"))
    assert told == 0
    for n in range(500):
        floor.turn(f"absent d{n}/ph")
    steps = floor.off("hub d")
    assert steps == ["hub d: returned told"]
    for n in range(500):
        assert len(floor.off(f"silent d{n}")) == 1
        assert floor.off(f"absent d{n}/ph") == [f"absent d{n}/ph: closed"]
    assert floor.at(9) == []
    assert [alert for alert in floor.desk.open.values() if alert.state != "closed"] == [floor.desk.open["hub d"]]
