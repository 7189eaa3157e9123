"""The cases of all alerts: whom to call next, when to remind, when an acknowledgement has lasted too long (pure)."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Mapping

from alerts.alert import Alert
from alerts.contacts import Receiver
from alerts.escalation import Case
from alerts.queues import Out, Queues
from alerts.telling import Telling
from devices.registry import Registry


class Calls:
    """Cases by the id of their alert. ``telling`` is set by ``use``; the rest is state."""

    def __init__(self, queues: Queues) -> None:
        self.all: dict[str, Case] = {}
        self._queues = queues
        self._telling: Telling
        self._heap: list[tuple[int, str]] = []

    def use(self, telling: Telling) -> None:
        """Go by this policy from now on; a step that was called stays called."""
        self._telling = telling

    def load(self, cases: dict[str, Case]) -> None:
        """Take over what ``all`` held."""
        self.all = cases
        self._heap = [(case.due, name) for name, case in self.all.items() if case.due]
        heapq.heapify(self._heap)

    @property
    def due(self) -> float:
        """When a case is to be looked at next; infinity = never."""
        heap = self._heap
        while heap and (heap[0][1] not in self.all or self.all[heap[0][1]].due != heap[0][0]):
            heapq.heappop(heap)
        return heap[0][0] if heap else math.inf

    def begin(self, alert: Alert, registry: Registry, now: int) -> Iterator[Out]:
        """An alert fired: tell those who hear of everything, and call the first who can be reached."""
        case = self._new(alert)
        if alert.severity != "info":
            case.base = self._telling.hours.quiet_until(alert.severity, now, registry)
            reminder = self._telling.policy.reminder
            case.remind_at = case.base + reminder.every if reminder else 0
        yield from self._tell_all(case, self._telling.listeners(alert), "fired", registry, now)
        steps = self._telling.order.of(alert)
        if steps and steps[0].after and case.base:
            case.next_at = case.base + steps[0].after
        else:
            yield from self._call(case, registry, now)
        self._watch(case)

    def missed(self, alert: Alert, registry: Registry, now: int) -> None:
        """An alert fired and is over already: those who would have been told see it in their next digest."""
        case = self._new(alert)
        case.base = now
        receivers = [*self._telling.listeners(alert), *self.first(alert, registry, now)]
        for receiver in receivers:
            self._telling.tell_later(case, receiver, ["fired", "cleared"], registry, now)

    def first(self, alert: Alert, registry: Registry, now: int) -> list[Receiver]:
        """The first in the order of call who can be reached."""
        for step in self._telling.order.of(alert):
            receivers = self._telling.contacts.receivers(step.targets, alert, registry, now)
            if receivers:
                return receivers
        return []

    def follow(self, case: Case, event: str, registry: Registry, now: int) -> Iterator[Out]:
        """Those who were told of an alert hear what became of it."""
        yield from self._tell_all(case, [Receiver(*known) for known in case.told], event, registry, now)

    def rest(self, case: Case, registry: Registry, now: int) -> None:
        """Nobody is called any more; ``case.alert`` says why, and what may still come of it."""
        case.rest()
        self._telling.withdraw(case)
        alert, policy = case.alert, self._telling.policy
        if alert.state == "acknowledged" and alert.on and alert.severity != "info":
            case.timeout_at = now + policy.acknowledge_timeout if policy.acknowledge_timeout else 0
            case.remind_at = now + policy.group.repeat if policy.group.repeat else 0
        elif alert.state in {"returned", "latched"}:
            self._telling.remind_daily(case, registry, now)
        self._watch(case)

    def assign(self, case: Case, registry: Registry, now: int) -> Iterator[Out]:
        """Whoever was given an alert hears of it, however far the order of call is."""
        person = case.alert.assigned_to or ""
        receiver = self._telling.contacts.receiver(person, registry, now) if person else None
        if receiver is not None:
            yield from self._tell_all(case, [receiver], "escalated", registry, now)

    def give_up(self, name: str, person: str, alert: Alert | None, registry: Registry, now: int) -> Iterator[Out]:
        """A person could not be told of an alert by any channel; when nobody is left, the next step is called."""
        case = self.all.get(name)
        if case is None or person not in case.asked or (alert or case.kept) is None:
            return
        case.asked.remove(person)
        if not case.asked and case.next_at and _open(case, case.seen(alert)):
            yield from self._call(case, registry, now)
            self._watch(case)

    def tick(self, alerts: Mapping[str, Alert], registry: Registry, now: int) -> Iterator[Out]:
        """Everything that is due by ``now``; ``alerts`` are those that are not over."""
        while self.due <= now:
            _, name = heapq.heappop(self._heap)
            case = self.all[name]
            live = alerts.get(name)
            if live is None and case.kept is None:
                del self.all[name]
                continue
            alert = case.seen(live)
            if case.timeout_at and case.timeout_at <= now:
                self._timed_out(case, alert, now)
            if case.next_at and case.next_at <= now:
                yield from self._next(case, alert, registry, now)
            if case.remind_at and case.remind_at <= now:
                yield from self._remind(case, alert, registry, now)
            self._watch(case)
            self.settle([name])

    def settle(self, names: Iterable[str]) -> None:
        """Forget of these alerts what waits nowhere: the alert itself, and its case where it is closed."""
        for name in names:
            case = self.all.get(name)
            if case is None or case.kept is None or self._queues.holds(name):
                continue
            if case.kept.state == "closed":
                del self.all[name]
            else:
                case.kept = None

    def sweep(self, alerts: Mapping[str, Alert]) -> None:
        """Forget what ended without a step that was told, and waits nowhere; ``alerts`` are those that are not over."""
        for name in [name for name, case in self.all.items() if case.kept is None]:
            live = alerts.get(name)
            if live is None or live.state == "closed":
                del self.all[name]

    def _new(self, alert: Alert) -> Case:
        known = self.all.pop(alert.id, None)
        if known is not None:
            known.kept = alert
            self._telling.withdraw(known)
        case = self.all[alert.id] = Case(alert)
        return case

    def _next(self, case: Case, alert: Alert, registry: Registry, now: int) -> Iterator[Out]:
        if not _open(case, alert):
            case.next_at = 0
            return
        awake = self._telling.hours.quiet_until(alert.severity, now, registry)
        if awake > now:
            case.base += awake - case.next_at
            case.next_at = awake
            return
        # A step that comes late (the gateway was down) keeps its distance to those after it.
        case.base += now - case.next_at
        yield from self._call(case, registry, now)

    def _call(self, case: Case, registry: Registry, now: int) -> Iterator[Out]:
        """Call the next step in which anybody can be reached: nobody is waited for who cannot."""
        steps = [step for step in self._telling.order.of(case.alert) if step.after > case.done]
        case.next_at, case.asked = 0, []
        for index, step in enumerate(steps):
            receivers = self._telling.contacts.receivers(step.targets, case.alert, registry, now)
            case.done = step.after
            if not receivers:
                continue
            event = "escalated" if case.called else "fired"
            heard = self._telling.listeners(case.alert) if case.called else []
            case.called = True
            case.asked = [receiver.person for receiver in receivers if receiver.person]
            following = steps[index + 1 :]
            if following and case.alert.severity != "info":
                case.next_at = max(now, case.base + following[0].after)
            yield from self._tell_all(case, [*heard, *receivers], event, registry, now)
            return

    def _timed_out(self, case: Case, alert: Alert, now: int) -> None:
        """Acknowledged long ago and still bad: the next step is called, the last one again where there is none."""
        case.timeout_at = 0
        if alert.state != "acknowledged" or not alert.on:
            return
        steps = self._telling.order.of(case.alert)
        following = [step.after for step in steps if step.after > case.done]
        if not following:
            earlier = [step.after for step in steps if step.after < case.done]
            case.done = earlier[-1] if earlier else -1
            following = [step.after for step in steps if step.after > case.done]
        if following:
            case.overdue = True
            case.base, case.next_at = now - following[0], now

    def _remind(self, case: Case, alert: Alert, registry: Registry, now: int) -> Iterator[Out]:
        reminder, repeat = self._telling.policy.reminder, self._telling.policy.group.repeat
        case.remind_at = 0
        if not alert.notify:
            return
        if alert.state == "active" and reminder is not None:
            case.reminded += 1
            if case.reminded < reminder.most:
                case.remind_at = now + reminder.every
        elif alert.state == "acknowledged" and alert.on and repeat is not None:
            case.remind_at = now + repeat
        else:
            return
        yield from self.follow(case, "reminder", registry, now)

    def _tell_all(
        self, case: Case, receivers: Iterable[Receiver], event: str, registry: Registry, now: int
    ) -> Iterator[Out]:
        for receiver in list(dict.fromkeys(receivers)):
            out = self._telling.tell(case, receiver, event, registry, now)
            if out is not None:
                yield out

    def _watch(self, case: Case) -> None:
        if case.due:
            heapq.heappush(self._heap, (case.due, case.alert.id))


def _open(case: Case, alert: Alert) -> bool:
    """Whether anybody is still to be called."""
    stands = alert.state == "active" or (case.overdue and alert.state == "acknowledged" and alert.on)
    return stands and alert.notify
