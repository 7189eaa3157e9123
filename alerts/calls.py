"""The cases of all alerts: whom to call next, when to remind, when an acknowledgement has lasted too long (pure)."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from alerts.alert import Alert
from alerts.contacts import Receiver
from alerts.escalation import MUTED, Case
from alerts.queues import Out, Queues
from alerts.telling import Telling
from devices.registry import Registry

#: Where nobody could be called it is tried again this often ...
AGAIN_MS = 60_000
#: ... for no more than so many alerts at once, and then more seldom.
AGAIN_MOST = 256


class Calls:
    """Cases by the id of their alert. ``telling`` is set by ``use``; the rest is state.

    ``held`` are alerts of a backlog that wait for its end, in order of arrival; the alert of their case is kept.
    ``unheard`` are those that nobody could be called for; ``again_at`` is when the first of them are tried again.
    """

    def __init__(self, queues: Queues) -> None:
        self.all: dict[str, Case] = {}
        self.held: dict[str, None] = {}
        self.unheard: dict[str, None] = {}
        self.again_at = 0
        self._queues = queues
        self._telling: Telling
        self._heap: list[tuple[int, str]] = []

    def use(self, telling: Telling) -> None:
        """Go by this policy from now on; a step that was called stays called, and whom nobody was called for is."""
        self._telling = telling
        self.unheard |= {
            name: None for name, case in self.all.items() if not (case.called or case.next_at or name in self.held)
        }
        self.again_at = 0

    def load(self, cases: dict[str, Case]) -> None:
        """Take over what ``all`` held."""
        self.all = cases
        self._heap = [(case.due, name) for name, case in self.all.items() if case.due]
        heapq.heapify(self._heap)

    @property
    def due(self) -> float:
        """When a case is to be looked at next; infinity = never."""
        return min(self._timer, self.again_at) if self.unheard else self._timer

    @property
    def _timer(self) -> float:
        heap = self._heap
        while heap and (heap[0][1] not in self.all or self.all[heap[0][1]].due != heap[0][0]):
            heapq.heappop(heap)
        return heap[0][0] if heap else math.inf

    def begin(self, alert: Alert, registry: Registry, now: int) -> Iterator[Out]:
        """An alert fired: tell those who hear of everything, and call the first who can be reached."""
        case = self._new(alert)
        if alert.severity != "info":
            self._start(case, registry, now)
        yield from self._tell_all(case, self._telling.listeners(alert), "fired", registry, now)
        steps = self._telling.order.of(alert)
        if steps and steps[0].after and case.base:
            case.next_at = case.base + steps[0].after
        else:
            yield from self._call(case, registry, now)
        self._watch(case)

    def hold(self, alert: Alert) -> None:
        """An alert of a backlog fired: nobody hears of it before its release."""
        known = self.all.get(alert.id)
        self._new(alert).told = known.told if known is not None else []
        self.held[alert.id] = None

    def release(self, alerts: Mapping[str, Alert], registry: Registry, now: int) -> Iterator[Out]:
        """The backlog is caught up: what still stands is told as usual, what is over goes out as one digest."""
        held, self.held = self.held, {}
        for name in held:
            case, live = self.all[name], alerts.get(name)
            # Not ended by a step that came here: its place does not notify any more.
            if (case.alert.state == "closed") if live is None else live.notify:
                yield from self._release(case.seen(live), registry, now)
            self.settle([name])

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
        self.unheard.pop(case.alert.id, None)
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

    def give_up(
        self, name: str, receiver: Receiver, alert: Alert | None, registry: Registry, now: int
    ) -> Iterator[Out]:
        """One could not be told of an alert by any channel; when nobody is left, the next step is called."""
        case = self.all.get(name)
        if case is None or receiver.name not in case.asked or (alert or case.kept) is None:
            return
        case.asked.remove(receiver.name)
        if not case.asked and case.next_at and _open(case, case.seen(alert)):
            yield from self._call(case, registry, now)
            self._watch(case)

    def tick(self, alerts: Mapping[str, Alert], registry: Registry, now: int) -> Iterator[Out]:
        """Everything that is due by ``now``; ``alerts`` are those that are not over."""
        if self.unheard and self.again_at <= now:
            yield from self._again(alerts, registry, now)
        while self._timer <= now:
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
            if case is None or case.kept is None or name in self.held or self._queues.holds(name):
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
        self.unheard.pop(alert.id, None)
        known = self.all.pop(alert.id, None)
        if known is not None:
            known.kept = alert
            self._telling.withdraw(known)
        case = self.all[alert.id] = Case(alert)
        return case

    def _start(self, case: Case, registry: Registry, now: int) -> None:
        """Delays and reminders count from now, or from the end of the quiet hours."""
        reminder = self._telling.policy.reminder
        case.base = self._telling.hours.quiet_until(case.alert.severity, now, registry)
        case.reminded, case.remind_at = 0, case.base + reminder.every if reminder else 0

    def _release(self, alert: Alert, registry: Registry, now: int) -> Iterator[Out]:
        if alert.state == "active":
            yield from self.begin(alert, registry, now)
        elif alert.state not in MUTED:
            self.missed(alert, registry, now)
        case = self.all[alert.id]
        if alert.assigned_to and alert.state != "closed" and f"person:{alert.assigned_to}" not in case.asked:
            yield from self.assign(case, registry, now)

    def _again(self, alerts: Mapping[str, Alert], registry: Registry, now: int) -> Iterator[Out]:
        """Nobody could be called: people, channels and rosters may have changed since."""
        names = list(islice(self.unheard, AGAIN_MOST))
        self.again_at = now + max(1000, AGAIN_MS * AGAIN_MOST // max(AGAIN_MOST, len(self.unheard)))
        for name in names:
            del self.unheard[name]
            case, live = self.all.get(name), alerts.get(name)
            if case is None or live is None or case.called or case.next_at:
                continue
            alert = case.seen(live)
            if _open(case, alert):
                yield from self._call_late(case, registry, now)
            elif _stands(case, alert):
                self.unheard[name] = None
            self.settle([name])

    def _call_late(self, case: Case, registry: Registry, now: int) -> Iterator[Out]:
        waits = case.remind_at
        if case.alert.severity != "info":
            self._start(case, registry, now)
        yield from self._call(case, registry, now)
        if not case.called:
            case.remind_at = waits
        self._watch(case)

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
            case.asked = [receiver.name for receiver in receivers]
            following = steps[index + 1 :]
            if following and case.alert.severity != "info":
                case.next_at = max(now, case.base + following[0].after)
            yield from self._tell_all(case, [*heard, *receivers], event, registry, now)
            return
        if steps and not case.called:
            case.done = -1
            self.again_at = self.again_at if self.unheard else now + AGAIN_MS
            self.unheard[case.alert.id] = None

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
            case.reminded += bool(case.told)
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


def _stands(case: Case, alert: Alert) -> bool:
    return alert.state == "active" or (case.overdue and alert.state == "acknowledged" and alert.on)


def _open(case: Case, alert: Alert) -> bool:
    """Whether anybody is still to be called."""
    return _stands(case, alert) and alert.notify
