"""What must hold of the desk whatever conditions, operators and time do."""

from __future__ import annotations

import math
from itertools import count
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alerts.actions import ActError
from alerts.alert import Alert, Step
from alerts.change import Change
from alerts.desk import Desk
from alerts.inhibit import Inhibit, Side
from alerts.lifecycle import FINAL_REASONS, HELD, Reason, State, check
from devices.observation import Subject

MINUTE = 60_000
SHELF_MOST, SESSION_MOST, REOPEN, SETTLE = 60 * MINUTE, 120 * MINUTE, 30 * MINUTE, 2 * MINUTE
#: (rule, kind, severity, latching, reopen, early of, device or channel)
RULES = [
    ("high", "limit", "warning", False, 10 * MINUTE, "", "ph"),
    ("high.early", "limit", "info", False, 0, "high", "ph"),
    ("very-high", "limit", "critical", True, 5 * MINUTE, "", "ph"),
    ("absent", "absent", "warning", False, 10 * MINUTE, "", "ph"),
    ("silent", "silent", "major", False, 10 * MINUTE, "", ""),
    ("stuck", "stuck", "warning", False, 0, "", "ph"),
]
POLICIES: list[list[Inhibit]] = [
    [],
    [Inhibit(Side(kinds=("silent",)), Side(), ("place",))],
    [Inhibit(Side(kinds=("silent",)), Side(), ("unit",))],
    [Inhibit(Side(), Side(), ("device",)), Inhibit(Side(rules=("stuck",)), Side(severities=("warning",)), ("place",))],
]
DEVICES = ["d0", "d1"]
COMMANDS = ["ack", "close", "shelve", "unshelve", "comment", "assign", "out_of_service", "in_service"]
PEOPLE = ["account:li", "account:wang"]
ONES = st.tuples(st.sampled_from(DEVICES), st.integers(0, len(RULES) - 1))
Place = tuple[str, bool, bool, str]


class DeskMachine(RuleBasedStateMachine):
    """Random conditions and commands against a desk, and a second one that is dumped and loaded again and again."""

    @initialize()
    def begin(self) -> None:
        """An empty desk; every device measures a place that is in service and notifies."""
        self.desk, self.other = self._new(), self._new()
        self.now = 1_000 * MINUTE
        self.ids = count()
        self.conditions: dict[tuple[str, str, str], bool] = {}
        self.states: dict[str, str] = {}
        self.gone: set[str] = set()
        self.places: dict[str, Place] = dict.fromkeys(DEVICES, ("p", True, True, "u"))
        #: Alerts that somebody is called for.
        self.heard: set[str] = set()
        self.offset = 0

    @staticmethod
    def _new() -> Desk:
        return Desk(shelf_most_ms=SHELF_MOST, session_most_ms=SESSION_MOST, reopen_ms=REOPEN, settle_ms=SETTLE)

    def _subject(self, device: str, parameter: str) -> Subject:
        place, notify, service, unit = self.places[device]
        key = f"{device}/-/{parameter}"
        return Subject(
            key, device=device, parameter=parameter, place=place, unit=unit, grid="g", notify=notify, service=service
        )

    def _change(self, one: tuple[str, int], on: bool, reason: str) -> Change:
        device, n = one
        name, kind, severity, latching, reopen, early_of, parameter = RULES[n]
        return Change(
            on=on,
            rule=name,
            pack="pack",
            digest="",
            severity=severity,
            kind=kind,
            subject=self._subject(device, parameter),
            value=1.0,
            limit_value=None,
            since=self.now,
            ts=self.now,
            at=self.now,
            reason=reason,
            latching=latching,
            reopen_ms=reopen,
            early_of=early_of,
        )

    def _do(self, method: str, *args: Any) -> list[Step]:
        """Do it with both desks: each says and knows the same."""
        self.offset += 1
        results: list[Any] = []
        for desk in (self.desk, self.other):
            try:
                results.append(getattr(desk, method)(*args))
            except ActError as error:
                results.append((error.status, error.words))
        assert results[0] == results[1]
        if isinstance(results[0], tuple):
            return []
        steps: list[Step] = results[0]
        for step in steps:
            self._follow(step)
        assert self.desk.take_sessions() == self.other.take_sessions()
        return steps

    def _follow(self, step: Step) -> None:
        alert = step.alert
        assert step.from_state == self.states.get(alert.id, State.PENDING)
        assert step.to_state == alert.state
        assert alert.id not in self.gone
        check(step.from_state, step.event, step.to_state)
        assert step.reason in set(Reason)
        assert not (step.tell and not alert.notify)
        self.states[alert.id] = step.to_state
        if step.to_state == State.ACTIVE and step.event != "commented":
            (self.heard.add if step.tell else self.heard.discard)(alert.id)
        if step.to_state == State.ACTIVE and step.from_state != State.ACTIVE:
            assert alert.on
            assert step.tell == alert.notify

    def _turn(self, one: tuple[str, int], reason: str, *, on: bool) -> None:
        change = self._change(one, on, reason)
        name = f"alert-{next(self.ids)}"
        self.conditions[change.identity] = on
        self._do("changed", change, self.offset, lambda: name)

    @rule(one=ONES)
    def fires(self, one: tuple[str, int]) -> None:
        """A condition begins to hold."""
        self._turn(one, Reason.BAD_READINGS, on=True)

    @rule(one=ONES)
    def clears(self, one: tuple[str, int]) -> None:
        """A condition holds no longer."""
        self._turn(one, Reason.BACK_IN_LIMITS, on=False)

    @rule(one=ONES, reason=st.sampled_from(sorted(FINAL_REASONS)))
    def ends(self, one: tuple[str, int], reason: str) -> None:
        """A condition ends for good."""
        self._turn(one, reason, on=False)

    @precondition(lambda self: self.desk.open)
    @rule(
        data=st.data(),
        command=st.sampled_from(COMMANDS),
        by=st.sampled_from(PEOPLE),
        once=st.booleans(),
    )
    def act(self, data: st.DataObject, command: str, by: str, once: bool) -> None:
        """A person does something to an alert."""
        args: dict[str, Any] = {"id": data.draw(st.sampled_from(sorted(self.desk.open)))}
        if command == "close":
            args["reason"] = "resolved"
        if command == "shelve":
            args |= {"one_shot": True} if once else {"for_ms": 7 * MINUTE}
        if command in {"comment", "out_of_service"}:
            args["comment"] = "words"
        if command == "assign":
            args["to"] = "li"
        before = self.desk.dump()
        steps = self._do("act", f"alerts.{command}", args, by, self.now, self.offset)
        assert steps or self.desk.dump() == before

    @rule(device=st.sampled_from(DEVICES), kind=st.sampled_from(["clean", "repair"]), by=st.sampled_from(PEOPLE))
    def work(self, device: str, kind: str, by: str) -> None:
        """Somebody begins to work on a device."""
        args = {"device": device, "kind": kind, "for_ms": 9 * MINUTE}
        self._do("act", "maintenance.open", args, by, self.now, self.offset)

    @rule(device=st.sampled_from(DEVICES), by=st.sampled_from(PEOPLE))
    def work_done(self, device: str, by: str) -> None:
        """And ends it."""
        self._do("act", "maintenance.close", {"device": device}, by, self.now, self.offset)

    @rule(on=st.sampled_from([True, False, None]))
    def alarm(self, on: bool | None) -> None:
        """The gateway has trouble of its own."""
        name = f"alert-{next(self.ids)}"
        self.conditions["gateway/disk", "gateway", "disk"] = bool(on)
        self._do("alarm", "disk", on, "critical", self.now, self.offset, lambda: name)

    @rule(
        device=st.sampled_from(DEVICES),
        notify=st.booleans(),
        service=st.booleans(),
        unit=st.sampled_from(["u", "v"]),
    )
    def registry(self, device: str, notify: bool, service: bool, unit: str) -> None:
        """A place is accepted or not, in service or not, of this unit or that."""
        self.places[device] = (self.places[device][0], notify, service, unit)
        if not notify:
            self.heard -= {alert.id for alert in self.desk.open.values() if alert.device == device}
        for parameter in ("", "ph"):
            self._do("rebind", self._subject(device, parameter), self.now)
        for alert in self.desk.open.values():
            assert alert.device != device or alert.unit == unit or (alert.state == State.CLOSED and not alert.on)

    @rule(device=st.sampled_from(DEVICES), place=st.sampled_from(["p", "q"]))
    def move(self, device: str, place: str) -> None:
        """A device measures another place from now on."""
        if place != self.places[device][0]:
            for n in range(len(RULES)):
                self.ends((device, n), Reason.MOVED)
            self.places[device] = (place, *self.places[device][1:])

    @rule(policy=st.sampled_from(POLICIES))
    def policy(self, policy: list[Inhibit]) -> None:
        """The routing file says otherwise."""
        self._do("use", policy, self.now)

    @rule(minutes=st.sampled_from([0, 1, 3, 8, 31, 61]))
    def time(self, minutes: int) -> None:
        """Time goes on."""
        self.now += minutes * MINUTE
        assert self.desk.due == self.other.due
        self._do("tick", self.now)
        assert self.desk.due > self.now

    @rule()
    def restart(self) -> None:
        """The second desk is saved and read again."""
        state = self.other.dump()
        self.other = self._new()
        self.other.load(state)
        assert self.other.dump() == state == self.desk.dump()
        assert self.other.due == self.desk.due

    @invariant()
    def one_alert_a_condition(self) -> None:
        """No two alerts of one condition of one subject, and all states are known from steps."""
        if not hasattr(self, "desk"):
            return
        alerts = list(self.desk.open.values())
        assert len({alert.identity for alert in alerts}) == len(alerts)
        for alert in alerts:
            assert self.states[alert.id] == alert.state
            assert alert.on == self.conditions[alert.identity]
        for name in self.states.keys() - self.desk.open.keys():
            assert self.states[name] == State.CLOSED
            self.gone.add(name)

    @invariant()
    def no_trouble_is_lost(self) -> None:
        """A condition that holds has an alert, and something that will end its silence where it is silent."""
        if not hasattr(self, "desk"):
            return
        by_identity = {alert.identity: alert for alert in self.desk.open.values()}
        for identity, on in self.conditions.items():
            alert = by_identity.get(identity)
            if not on:
                assert alert is None or alert.state not in {State.ACTIVE, State.ACKNOWLEDGED}
                continue
            assert alert is not None
            assert alert.state not in {State.RETURNED, State.LATCHED}
            if alert.state == State.CLOSED or alert.shelved_until or alert.settle_at:
                assert self.desk.due < math.inf
            if alert.state in HELD:
                self._held(alert)
            else:
                assert not alert.held_by
                assert not alert.settle_at
            if alert.state == State.ACTIVE and alert.notify:
                assert alert.id in self.heard

    def _held(self, alert: Alert) -> None:
        """What holds it is there."""
        kind, _, name = alert.held_by.partition(":")
        match kind:
            case "maintenance":
                assert name in self.desk.sessions
            case "alert" if not alert.settle_at:
                source = self.desk.open[name]
                assert source.on
                assert source.state not in {State.CLOSED, State.OUT_OF_SERVICE}
                assert source.notify or not alert.notify
                known = source.kept in {State.ACTIVE, State.ACKNOWLEDGED} or source.acknowledged_by is not None
                assert known or not source.held_by.startswith("maintenance:")
                self._not_in_a_circle(alert)
            case "alert":
                assert alert.settle_at <= self.now + SETTLE
            case "place":
                assert not self.places[alert.device][2]
            case "account":
                assert alert.out_by == alert.held_by
            case _:
                assert 0 < alert.shelved_until <= self.now + SHELF_MOST

    def _not_in_a_circle(self, alert: Alert) -> None:
        seen = set()
        above: Alert | None = alert
        while above is not None and above.held_by.startswith("alert:"):
            assert above.id not in seen
            seen.add(above.id)
            above = self.desk.open.get(above.held_by.removeprefix("alert:"))

    @invariant()
    def nothing_waits_for_ever(self) -> None:
        """What a session or another alert holds is released when it is over, and closed alerts are forgotten."""
        if not hasattr(self, "desk"):
            return
        for alert in self.desk.open.values():
            if alert.state == State.CLOSED:
                assert self.desk.due <= alert.closed_at + REOPEN
            if alert.state in HELD:
                out = bool(alert.out_by) or not alert.service
                assert (alert.state == State.OUT_OF_SERVICE) == out


DeskMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
TestDesk = DeskMachine.TestCase
