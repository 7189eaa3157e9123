"""How one receiver is told: now, in the next digest, after the quiet hours or in the morning (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import msgspec

from alerts.alert import Alert
from alerts.contacts import Contacts, Receiver
from alerts.escalation import Case, Order
from alerts.hours import Hours
from alerts.inhibit import Side
from alerts.policy import Policy
from alerts.queues import CALLS, Out, Queues, Way
from devices.registry import Registry


class ChannelInfo(msgspec.Struct):
    """What routing knows of a channel. ``personal``: it needs a person's address; ``limits``: n messages in seconds."""

    name: str
    kind: str = ""
    personal: bool = False
    limits: list[tuple[int, int]] = []
    language: str = ""
    batch: bool = False


class Message(msgspec.Struct):
    """One row of the outbox. ``person`` is empty where the channel has one receiver for all.

    ``event`` is of DESIGN 4.7; a ``digest`` lists its alerts in the order of their firing, as they stand now.
    ``next_channels`` are tried when this one fails, ``max_age_s`` is after how long that is (0 = the usual time).
    ``call`` is the person (id) whom the receiver may call about it.
    """

    channel: str
    person: str
    event: str
    alerts: tuple[Alert, ...]
    next_channels: tuple[str, ...] = ()
    max_age_s: int = 0
    call: str = ""


class Telling:
    """What a policy, the channels and a time zone make of telling; ``queues`` hold the state."""

    def __init__(self, policy: Policy, channels: Sequence[ChannelInfo], zone: ZoneInfo, queues: Queues) -> None:
        self.policy = policy
        self.queues = queues
        self.hours = Hours(policy, zone)
        own = [channel.name for channel in channels if not channel.personal]
        personal = [channel.name for channel in channels if channel.personal]
        self.contacts = Contacts(own, [name for name in policy.channels if name in personal], personal, zone)
        ways: dict[str, Way] = {}
        for one in channels:
            machine = one.kind == "webhook" and not one.personal
            limits = tuple((most, seconds * 1000) for most, seconds in one.limits)
            ways[one.name] = Way(policy.machines if machine else policy.group, machine=machine, limits=limits)
        queues.use(ways, policy.flood)
        self.order = Order(policy)
        self._called = policy.targets("channel")
        self._listeners = [(name, Side()) for name in own if name not in self._called]
        if policy.broadcast is not None:
            self._listeners = [(one.channel, one.match.side) for one in policy.broadcast if one.channel in own]

    def listeners(self, alert: Alert) -> list[Receiver]:
        """The channels that hear of everything that matches."""
        return [Receiver(channel) for channel, side in self._listeners if side.fits(alert)]

    def asks(self, channel: str, person: str) -> bool:
        """Whether a receiver may be one of an order of call."""
        return bool(person) or channel in self._called

    def tell(self, case: Case, receiver: Receiver, event: str, registry: Registry, now: int) -> Out | None:
        """Tell a receiver of an alert as soon as it may be told."""
        queues = self.queues
        if event in CALLS:
            receiver = self._open(receiver, now)
            known = (receiver.channel, receiver.person)
            if known not in case.told:
                case.told.append(known)
        queue = queues.of(*receiver)
        if not queues.way(queue).machine:
            if case.alert.severity == "info":
                queues.hold(queue, case.alert.id, event, self.hours.digest_at(now, registry), daily=True)
                return None
            until = self.hours.quiet_until(case.alert.severity, now, registry)
            if until > now:
                queues.hold(queue, case.alert.id, event, until, daily=False)
                return None
        return queues.offer(queue, case.alert.id, event, now, urgent=case.alert.severity == "critical")

    def _open(self, receiver: Receiver, now: int) -> Receiver:
        """The same person by the first channel that its provider's limits do not close for longer than a digest."""
        channels = (receiver.channel, *(receiver.others or ()))
        for index, channel in enumerate(channels):
            queue = self.queues.all.get((channel, receiver.person))
            if queue is None or self.queues.free_at(queue, now) <= now + self.policy.group.interval:
                return Receiver(channel, receiver.person, channels[index + 1 :])
        return receiver

    def tell_later(self, case: Case, receiver: Receiver, events: list[str], registry: Registry, now: int) -> None:
        """Tell a receiver in its next digest, never singly."""
        queue = self.queues.of(*receiver)
        known = (receiver.channel, receiver.person)
        if known not in case.told:
            case.told.append(known)
        severity = case.alert.severity
        until = self.hours.quiet_until(severity, now, registry)
        if severity == "info":
            until = self.hours.digest_at(now, registry)
        if until > now and not self.queues.way(queue).machine:
            for event in events:
                self.queues.hold(queue, case.alert.id, event, until, daily=severity == "info")
        else:
            self.queues.gather(queue, case.alert.id, events, now)

    def remind_daily(self, case: Case, registry: Registry, now: int) -> None:
        """Over and nobody looked: those who were told see it in their next daily digest."""
        at = self.hours.digest_at(now, registry)
        for known in case.told:
            queue = self.queues.all.get(known)
            if queue is not None and not self.queues.way(queue).machine:
                self.queues.hold(queue, case.alert.id, "reminder", at, daily=True)

    def withdraw(self, case: Case) -> None:
        """Somebody looked at it, or it came back: no reminder."""
        for known in case.told:
            queue = self.queues.all.get(known)
            if queue is not None:
                self.queues.withdraw(queue, case.alert.id)

    def message(self, out: Out, about: Mapping[str, Alert], registry: Registry, now: int) -> Message:
        """What goes into the outbox; ``about`` has all its alerts."""
        queue = out.queue
        alerts = sorted((about[alert] for alert in out.alerts), key=_order)
        others = queue.others if queue.person else ()
        whom = self.contacts.people("unit_contact", alerts[0], registry, now) if alerts[0].unit else []
        return Message(
            queue.channel,
            queue.person,
            out.event,
            tuple(alerts),
            others,
            self.policy.fallback_after // 1000 if others else 0,
            whom[0] if whom else "",
        )


def _order(alert: Alert) -> tuple[int, int, str]:
    """First-out first."""
    return alert.since if alert.fired_at is None else alert.fired_at, alert.offset, alert.id
