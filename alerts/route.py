"""Who hears of an alert, when, by which channel (pure): steps of alerts in, messages out; docs/routing.md draws it.

``step`` is called for every step that may be told, ``tick`` whenever journal time reaches ``due``. A step begins, goes
on with or ends a case (``alerts.calls``: the order of call); what a case tells goes through the queue of each receiver
(``alerts.queues``: gathering, floods, quiet hours, limits) and comes out as a ``Message``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from zoneinfo import ZoneInfo

import msgspec

from alerts.alert import Alert, Step
from alerts.calls import Calls
from alerts.change import Finding
from alerts.contacts import Receiver
from alerts.escalation import MUTED, Case
from alerts.policy import Policy
from alerts.queues import Out, Queue, Queues
from alerts.telling import ChannelInfo, Message, Telling
from devices.registry import Registry

__all__ = ["ChannelInfo", "Message", "Router"]

#: What was that long ago when it was decided belongs to a backlog while one is being caught up ...
OLD_MS = 5 * 60_000
#: ... and is told no later than this after the first of it was decided.
HELD_MS = 10 * 60_000
#: How often alerts that ended unheard, as of a place that does not notify any more, are forgotten.
SWEEP_MS = 24 * 3_600_000

#: Steps after which an alert is called for again where it still stands.
_RESUMED = frozenset({"unshelved", "unsuppressed", "in_service"})
#: Steps that those who were told hear of, and those after which nobody is called.
_FOLLOWING = frozenset({"cleared", "acknowledged", "closed", "shelved"})
_ENDING = _FOLLOWING | {"suppressed", "out_of_service"}


class _State(msgspec.Struct):
    cases: dict[str, Case]
    queues: list[Queue]
    held: list[str]
    held_until: int
    sweep_at: int
    caught_up: bool
    unreachable: dict[str, str]
    unheard: list[str] = []
    again_at: int = 0


class Router:
    """See the module's docstring. ``use`` comes first; ``registry`` is always the one as of the record."""

    def __init__(self) -> None:
        self._queues = Queues()
        self._calls = Calls(self._queues)
        self._telling: Telling
        self._held_until = 0
        self._sweep_at = 0
        self._caught_up = True

    def use(self, policy: Policy, channels: Sequence[ChannelInfo], zone: ZoneInfo) -> None:
        """Route by this policy and these channels from now on; what waits stays."""
        self._telling = Telling(policy, channels, zone, self._queues)
        self._calls.use(self._telling)

    @property
    def unreachable(self) -> list[str]:
        """Whom nobody could reach since ``use``, each with the reason; sorted."""
        return sorted(f"{name} {why}" for name, why in self._telling.contacts.unreachable.items())

    @property
    def due(self) -> float:
        """Journal time at which ``tick`` has something to do next; infinity = never."""
        release = math.inf
        if self._calls.held:
            release = 0 if self._caught_up else self._held_until
        return min(self._calls.due, self._queues.due, release)

    def caught_up(self, yes: bool) -> None:
        """Whether what comes now is the present; what is old waits for that (DESIGN 3), at most ten minutes."""
        self._caught_up = yes

    def step(self, step: Step, registry: Registry, now: int) -> list[Message]:
        """One step of an alert that notifies; ``now`` is journal time in ms since 1970 UTC."""
        alert = step.alert
        if step.event == "fired" or (step.event in _RESUMED and alert.state == "active"):
            outs = self._fired(step, registry, now)
        else:
            outs = self._followed(step, registry, now)
        messages = self._messages(outs, {}, registry, now)
        self._calls.settle([alert.id])
        return messages

    def tick(self, now: int, alerts: Mapping[str, Alert], registry: Registry) -> list[Message]:
        """All that is due by ``now``; ``alerts`` are those that are not over, by id."""
        messages: list[Message] = []
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_MS
            self._calls.sweep(alerts)
        while self.due <= now:
            if self._calls.held and (self._caught_up or self._held_until <= now):
                messages += self._messages(self._calls.release(alerts, registry, now), alerts, registry, now)
            messages += self._messages(self._calls.tick(alerts, registry, now), alerts, registry, now)
            messages += self._messages(self._queues.tick(now), alerts, registry, now)
        return messages

    def find(self, finding: Finding, registry: Registry, now: int) -> list[Message]:
        """A late reading that broke a limit: one line for each rule and channel in the next daily digest."""
        name = f"late:{finding.pack}/{finding.rule}/{finding.subject.key}"
        known = self._calls.all.get(name)
        if known is not None:
            first, last = min(known.alert.since, finding.ts), max(known.alert.cleared_at or 0, finding.ts)
            known.kept = msgspec.structs.replace(known.alert, since=first, cleared_at=last)
            return []
        alert = _as_alert(finding, name)
        self._calls.all[name] = Case(alert)
        at = self._telling.hours.digest_at(now, registry)
        for receiver in [*self._telling.listeners(alert), *self._calls.first(alert, registry, now)]:
            self._queues.hold(self._queues.of(*receiver), name, "digest", at, daily=True)
        self._calls.settle([name])
        return []

    def asks(self, message: Message) -> bool:
        """Whether ``failed`` has to know what becomes of a message: its receiver may be one of an order of call."""
        return self._telling.asks(message.channel, message.person)

    def failed(self, message: Message, alerts: Mapping[str, Alert], registry: Registry, now: int) -> list[Message]:
        """A message was refused or given up: its next channel is tried at once, else the next step of its alerts.

        ``message`` is as it was sent; its alerts may have been read back from their JSON.
        """
        if message.next_channels:
            return self._by_next_channel(message, alerts, now)
        messages: list[Message] = []
        for alert in message.alerts:
            receiver = Receiver(message.channel, message.person)
            outs = self._calls.give_up(alert.id, receiver, alerts.get(alert.id), registry, now)
            messages += self._messages(outs, alerts, registry, now)
            self._calls.settle([alert.id])
        return messages

    def dump(self) -> bytes:
        """Everything that ``load`` needs; equal states give equal bytes."""
        state = _State(
            cases=self._calls.all,
            queues=list(self._queues.all.values()),
            held=list(self._calls.held),
            held_until=self._held_until,
            sweep_at=self._sweep_at,
            caught_up=self._caught_up,
            unreachable=self._telling.contacts.unreachable,
            unheard=list(self._calls.unheard),
            again_at=self._calls.again_at,
        )
        return msgspec.msgpack.encode(state)

    def load(self, raw: bytes) -> None:
        """Take over what ``dump`` gave, after ``use``."""
        state = msgspec.msgpack.decode(raw, type=_State)
        self._calls.load(state.cases)
        self._queues.load(state.queues)
        self._calls.held = dict.fromkeys(state.held)
        self._calls.unheard = dict.fromkeys(state.unheard)
        self._calls.again_at = state.again_at
        self._held_until = state.held_until
        self._sweep_at = state.sweep_at
        self._caught_up = state.caught_up
        self._telling.contacts.unreachable = state.unreachable

    def _fired(self, step: Step, registry: Registry, now: int) -> Iterable[Out]:
        alert = step.alert
        if alert.state in MUTED:
            return ()
        if not self._caught_up and now - step.ts > OLD_MS:
            self._held_until = self._held_until if self._calls.held else now + HELD_MS
            self._calls.hold(alert)
            return ()
        self._calls.held.pop(alert.id, None)
        return self._calls.begin(alert, registry, now)

    def _followed(self, step: Step, registry: Registry, now: int) -> Iterable[Out]:
        case = self._calls.all.get(step.alert.id)
        if case is None:
            if step.event != "assigned" and (step.event not in _FOLLOWING or step.from_state in MUTED):
                return ()
            case = self._calls.all[step.alert.id] = Case(step.alert)
            if step.event != "assigned":
                # Fired before routing knew of it: only those who hear of everything hear the rest.
                case.told = [(one.channel, "") for one in self._telling.listeners(step.alert)]
        case.kept = step.alert
        if step.alert.id in self._calls.held:
            return ()
        outs: list[Out] = []
        if step.event in _FOLLOWING:
            outs += self._calls.follow(case, step.event, registry, now)
        elif step.event == "assigned":
            outs += self._calls.assign(case, registry, now)
        if step.event in _ENDING or step.event in _RESUMED:
            self._calls.rest(case, registry, now)
        return outs

    def _by_next_channel(self, message: Message, alerts: Mapping[str, Alert], now: int) -> list[Message]:
        channel, *others = message.next_channels
        queue = self._queues.of(channel, message.person, tuple(others))
        if self._queues.allows(queue, now):
            age = message.max_age_s if others else 0
            return [msgspec.structs.replace(message, channel=channel, next_channels=tuple(others), max_age_s=age)]
        for alert in message.alerts:
            case = self._calls.all.setdefault(alert.id, Case(None))
            case.seen(alerts.get(alert.id) or case.kept or alert)
            self._queues.gather(queue, alert.id, [message.event], now)
        return []

    def _messages(
        self, outs: Iterable[Out], alerts: Mapping[str, Alert], registry: Registry, now: int
    ) -> list[Message]:
        messages: list[Message] = []
        for out in outs:
            about = {name: self._calls.all[name].seen(alerts.get(name)) for name in out.alerts}
            messages.append(self._telling.message(out, about, registry, now))
        freed, self._queues.freed = self._queues.freed, []
        self._calls.settle(freed)
        return messages


def _as_alert(finding: Finding, name: str) -> Alert:
    """A finding as a line of a digest: an alert that is closed since it began."""
    subject = finding.subject
    return Alert(
        id=name,
        rule=finding.rule,
        pack=finding.pack,
        severity=finding.severity,
        state="closed",
        unit=subject.unit,
        place=subject.place,
        device=subject.device,
        point=subject.point,
        parameter=subject.parameter,
        value=finding.value,
        limit_value=finding.limit_value,
        parameter_unit=subject.parameter_unit,
        since=finding.ts,
        fired_at=None,
        cleared_at=finding.ts,
        acknowledged_by=None,
        reason="late_finding",
        offset=0,
        grid=subject.grid,
        key=subject.key,
        on=False,
    )
