"""From conditions and commands to alerts, from alerts to those who are told: desk, router, and their rows (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from alerts.alert import Step
from alerts.change import Change, Finding
from alerts.desk import GATEWAY, Desk, causes_first
from alerts.inhibit import entries_of
from alerts.notify import Context
from alerts.policy import Policy
from alerts.route import ChannelInfo, Message, Router
from alerts.sessions import FLAG_OF_WORK
from devices.registry import Registry
from gateway.decide.entries import alert_body
from gateway.decide.ledger import Ledger
from gateway.decide.mint import Mint
from gateway.decide.outputs import Outputs
from gateway.decide.rows import Standing, alert_row, finding_row, outbox_row, transition_row
from gateway.decide.wording import Wording
from gateway.store.base import AlertPoint, Tags

#: A shelf lasts a day at the most, a maintenance session a week, unless the configuration says so.
BOUNDS_MS = (24 * 3_600_000, 7 * 24 * 3_600_000)
#: Severity of the gateway's own alarms; all others are critical.
SEVERITY = {"session_lost": "major", "clock_step": "warning"}
#: A channel that only machines read needs no names.
MACHINES = frozenset({"webhook"})
#: What routing adds to the steps of an alert; counted by the notice.
CALLS = frozenset({"escalated", "reminder", "digest", "test"})
#: (offset, n) of a row of the outbox.
Place = tuple[int, int]
#: What an alert names for good: the versions under which it fired first.
KEPT = ("version", "registry_version")
#: Steps that change nothing about the alert's state are no points of the time series.
REMARKS = frozenset({"commented", "assigned"})


class Cause(NamedTuple):
    """The record that moves alerts: its offset and time; ``copy`` is the SHA-256 of the message, where it is one."""

    offset: int
    time: int
    tags: Tags | None = None
    copy: str | None = None


class Alerting:
    """Holds desk and router; everything they say goes to ``Outputs`` as rows."""

    def __init__(
        self,
        registry: Registry,
        mint: Mint,
        tags: Callable[[str, int], Tags],
        counters: dict[str, int],
        ledger: Ledger,
    ) -> None:
        self.bounds = BOUNDS_MS
        self.desk = Desk(shelf_most_ms=BOUNDS_MS[0], session_most_ms=BOUNDS_MS[1])
        self.router = Router()
        self.standing = Standing()
        self.wording = Wording(registry)
        #: Notices of the order of call that are not settled, by their place in the outbox: others may have to follow.
        self.waiting: dict[Place, Message] = {}
        self.zone = "Asia/Shanghai"
        self.channels: dict[str, ChannelInfo] = {}
        self._counters = counters
        self._ledger = ledger
        self._registry = registry
        self._mint = mint
        self._tags = tags

    def use(self, policy: Policy, channels: Sequence[ChannelInfo], zone: str, cause: Cause, out: Outputs) -> None:
        """Take the routing policy and the channels that a START record names."""
        self.route(policy, channels, zone)
        inhibit = entries_of(entry.model_dump() for entry in policy.inhibit)
        self.steps(self.desk.use(inhibit, cause.time), cause, out)

    def route(self, policy: Policy, channels: Sequence[ChannelInfo], zone: str) -> None:
        """Tell by this policy and through these channels from now on."""
        self.zone = zone
        self.channels = {one.name: one for one in channels}
        self.router.use(policy, channels, ZoneInfo(zone))

    def bound(self, shelf_most_ms: int, session_most_ms: int) -> None:
        """Bound shelves and maintenance sessions from now on."""
        if (shelf_most_ms, session_most_ms) != self.bounds:
            self.bounds = (shelf_most_ms, session_most_ms)
            desk = Desk(shelf_most_ms=shelf_most_ms, session_most_ms=session_most_ms)
            desk.load(self.desk.dump())
            self.desk = desk

    @property
    def alarms(self) -> set[str]:
        """Names of the gateway's own alarms that stand."""
        return set(self.desk.alarms)

    @property
    def flags(self) -> dict[str, str]:
        """The flag that readings count as, by the devices under maintenance."""
        return {device: FLAG_OF_WORK[session.kind] for device, session in self.desk.sessions.items()}

    def changed(self, changes: Iterable[Change], cause: Cause, out: Outputs) -> None:
        """Conditions hold from now on, or no longer."""
        for change in causes_first(list(changes)):
            self.steps(self.desk.changed(change, cause.offset, self._mint.id), cause, out)

    def found(self, findings: Iterable[Finding], cause: Cause, out: Outputs) -> None:
        """Late readings that break a limit: listed, and in the next digest."""
        for finding in findings:
            out.findings.append(finding_row(finding, cause.offset, self._mint.n()))
            if finding.subject.notify:
                self._send(self.router.find(finding, self._registry, cause.time), cause, out)

    def alarm(self, name: str, on: bool | None, cause: Cause, out: Outputs, *, tell: bool = True) -> None:
        """An alarm of the gateway: ``on`` True or False for a state, None for something that happened once.

        Without ``tell`` it is shown and sent to nobody.
        """
        severity = SEVERITY.get(name, "critical")
        self.steps(self.desk.alarm(name, on, severity, cause.time, cause.offset, self._mint.id, tell=tell), cause, out)

    def act(self, command: str, args: dict[str, Any], by: str, cause: Cause, out: Outputs) -> list[Step]:
        """A command of an operator. Raises ActError, and nothing has changed then."""
        steps = self.desk.act(command, args, by, cause.time, cause.offset)
        self.steps(steps, cause, out)
        return steps

    def tick(self, cause: Cause, out: Outputs) -> None:
        """What is due by journal time: ends of shelves and sessions, calls, reminders, digests."""
        if self.desk.due <= cause.time:
            self.steps(self.desk.tick(cause.time), cause, out)
        if self.router.due <= cause.time:
            self._send(self.router.tick(cause.time, self.desk.open, self._registry), cause, out)

    def settled(self, place: Place, *, delivered: bool, cause: Cause, out: Outputs) -> bool:
        """The outcome of a notice; False where it failed and nobody is told instead."""
        message = self.waiting.pop(place, None)
        if delivered:
            return True
        if message is None:
            return False
        others = self.router.failed(message, self.desk.open, self._registry, cause.time)
        self._send(others, cause, out)
        return bool(others)

    def send(self, message: Message, cause: Cause, out: Outputs) -> int:
        """Put one message into the outbox; gives its place among the outputs of the record."""
        n = self._mint.n()
        context = None
        known = self.channels.get(message.channel)
        if known is None or known.kind not in MACHINES:
            told = [self.wording.told(alert, message.person, cause.time) for alert in message.alerts]
            context = Context(told, self.zone)
        row = outbox_row(message, context, cause.offset, n, cause.time)
        if message.event in CALLS:
            self._count(message.event)
        out.outbox.append(row)
        out.told += [{"alert": alert.id, "offset": cause.offset, "n": n} for alert in message.alerts]
        if self.router.asks(message):
            self.waiting[cause.offset, n] = message
        return n

    def steps(self, steps: Sequence[Step], cause: Cause, out: Outputs) -> None:
        """Write the steps that the desk took, and tell of them."""
        for step in steps:
            alert = step.alert
            row = alert_row(alert, self.standing)
            before = out.alerts.get(alert.id)
            if before is not None:
                # In this batch already: the versions are those of its first row, as they are where it was committed.
                row |= {name: before[name] for name in KEPT}
            out.alerts[alert.id] = row
            n = self._mint.n()
            out.transitions.append(transition_row(step, cause.offset, n, cause.copy))
            body = alert_body(step, cause.copy)
            self._ledger.append("alert", [f"alert:{alert.id}"], body, cause.offset, cause.time, out)
            self._count(step.event)
            if alert.device != GATEWAY and step.event not in REMARKS:
                out.items.append(self._point(step, n, cause))
            if step.tell and alert.notify:
                self._send(self.router.step(step, self._registry, cause.time), cause, out)
        out.sessions += [msgspec.structs.asdict(session) for session in self.desk.take_sessions()]

    def _send(self, messages: Iterable[Message], cause: Cause, out: Outputs) -> None:
        for message in messages:
            self.send(message, cause, out)

    def _count(self, event: str) -> None:
        name = f"alerts_{event}"
        if name in self._counters:
            self._counters[name] += 1

    def _point(self, step: Step, n: int, cause: Cause) -> AlertPoint:
        alert = step.alert
        tags = cause.tags
        if not alert.device:
            tags = place_tags(alert.place, alert.unit, alert.grid)
        elif tags is None or tags.device != alert.device:
            tags = self._tags(alert.device, cause.time)
        return AlertPoint(
            cause.offset,
            n,
            tags,
            step.ts,
            alert.point,
            alert.rule,
            alert.severity,
            alert.state,
            alert.id,
            alert.value,
            alert.limit_value,
        )


def place_tags(place: str, unit: str, grid: str) -> Tags:
    """The labels of an alert of waste: no device is at fault, so it stands under its place."""
    return Tags("-", "-", place or "-", unit or "-", grid.split("/", 1)[0] or "-")
