"""What waits for each receiver: grouping, floods, quiet hours, daily digests and the provider's limits (pure).

A receiver is idle until something comes; that goes out at once and opens a window. What comes within ``wait`` is
gathered into one digest, then into one every ``interval``, until an interval passes with nothing: idle again::

    idle --alert--> sent singly --wait--> digest --interval--> digest --interval--> (nothing) idle

Nothing that was offered leaves but in a message: what may not go out now (quiet hours, a limit) waits.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from alerts.policy import Flood, Gathering

#: Events that begin a call; all others only follow it.
CALLS = frozenset({"fired", "escalated"})

#: Alert id -> its events in order of arrival.
Entries = dict[str, list[str]]


class Due(msgspec.Struct):
    """Entries that wait for a time of day; ``at`` counts only while there are some."""

    entries: Entries = {}
    at: int = 0


class Queue(msgspec.Struct):
    """One receiver. Times are journal time in ms since 1970 UTC; 0 = not set.

    ``closes`` is when its window is looked at, and 0 while it is idle. ``singles`` were told singly since the last
    digest (alert id -> when), ``used`` is how much of the burst that was. ``fired`` are the times of the last alerts,
    as many as make a flood; ``sent`` those of the last messages, as many as limits look at.
    """

    channel: str
    person: str
    others: tuple[str, ...] = ()
    closes: int = 0
    digesting: bool = False
    used: int = 0
    singles: dict[str, int] = {}
    soon: Entries = {}
    quiet: Due = msgspec.field(default_factory=Due)
    daily: Due = msgspec.field(default_factory=Due)
    fired: list[int] = []
    sent: list[int] = []

    @property
    def due(self) -> int:
        """When it is to be looked at next; 0 = never."""
        at = self.closes
        for due in (self.quiet, self.daily):
            if due.entries and (not at or due.at < at):
                at = due.at
        return at

    def buffers(self) -> tuple[Entries, Entries, Entries]:
        """All that waits."""
        return self.soon, self.quiet.entries, self.daily.entries

    def names(self) -> tuple[Mapping[str, object], ...]:
        """All that names alerts."""
        return *self.buffers(), self.singles


class Way(msgspec.Struct, frozen=True):
    """How messages of one channel are gathered. ``limits``: at most n messages in so many ms."""

    group: Gathering
    machine: bool = False
    limits: tuple[tuple[int, int], ...] = ()


class Out(msgspec.Struct, frozen=True):
    """What is to be sent now. ``event`` is ``digest`` but for one alert with one event."""

    queue: Queue
    event: str
    alerts: list[str]


class Queues:
    """All receivers. ``ways`` and ``flood`` are set by ``use``; the rest is state."""

    def __init__(self) -> None:
        self.all: dict[tuple[str, str], Queue] = {}
        #: Alerts that left all queues since somebody asked last.
        self.freed: list[str] = []
        self._refs: dict[str, int] = {}
        self._ways: dict[str, Way] = {}
        self._flood = Flood()
        self._heap: list[tuple[int, str, str]] = []
        #: What the heap has of each receiver.
        self._watched: dict[tuple[str, str], int] = {}

    def use(self, ways: dict[str, Way], flood: Flood) -> None:
        """Go by these settings from now on."""
        self._ways, self._flood = ways, flood

    def load(self, queues: list[Queue]) -> None:
        """Take over what ``all`` held."""
        self.all = {(queue.channel, queue.person): queue for queue in queues}
        self._refs = {}
        for alert in (alert for queue in queues for entries in queue.names() for alert in entries):
            self._refs[alert] = self._refs.get(alert, 0) + 1
        self._watched = {}
        self._heap = []
        for queue in queues:
            self._watch(queue)

    @property
    def due(self) -> float:
        """The first time at which a receiver is to be looked at; infinity = none."""
        heap = self._heap
        while heap and self.all[heap[0][1:]].due != heap[0][0]:
            self._popped()
        return heap[0][0] if heap else float("inf")

    def of(self, channel: str, person: str, others: tuple[str, ...] | None = None) -> Queue:
        """The queue of a receiver; ``others`` (None = as before) are the channels tried when this one fails."""
        queue = self.all.get((channel, person))
        if queue is None:
            queue = self.all[channel, person] = Queue(channel, person)
        if others is not None:
            queue.others = others
        return queue

    def allows(self, queue: Queue, now: int) -> bool:
        """Whether the limits let one more message through at once; it counts as sent then."""
        if self.free_at(queue, now) > now:
            return False
        self._sent(queue, now)
        return True

    def way(self, queue: Queue) -> Way:
        """How its channel is used; a channel that is gone keeps the usual way."""
        return self._ways.get(queue.channel) or Way(Gathering())

    def offer(self, queue: Queue, alert: str, event: str, now: int, *, urgent: bool = False) -> Out | None:
        """To be told as soon as may be: sent now, or gathered; what is urgent waits no longer than ``wait``."""
        for entries in queue.buffers():
            waiting = entries.get(alert)
            if waiting is None or waiting == ["reminder"]:
                continue
            if event not in CALLS or entries is queue.soon:
                waiting.append(event)
                return None
        earlier = [*self._take(queue.quiet.entries, alert), *self._take(queue.daily.entries, alert)]
        if event in CALLS:
            queue.fired = [*queue.fired, now][-self._flood.alerts :]
        if not earlier and self._may_go_singly(queue, alert, now):
            self._sent(queue, now)
            way = self.way(queue)
            queue.used += not (way.machine and alert in queue.singles)
            if alert not in queue.singles:
                self._refs[alert] = self._refs.get(alert, 0) + 1
            queue.singles[alert] = now
            queue.closes = queue.closes or now + way.group.wait
            self._watch(queue)
            return Out(queue, event, [alert])
        self._put(queue.soon, alert, [*earlier, event])
        if urgent and event in CALLS and queue.digesting and not self._floods(queue, now):
            queue.closes = min(queue.closes, now + self.way(queue).group.wait)
        self._gather(queue, now)
        return None

    def hold(self, queue: Queue, alert: str, event: str, until: int, *, daily: bool) -> None:
        """Something to be told at a time of day; what waits for the same alert already goes with it or before."""
        due = queue.daily if daily else queue.quiet
        for entries in queue.buffers():
            if alert in entries and entries is not due.entries and event != "reminder":
                entries[alert].append(event)
                return
        if not due.entries or until < due.at:
            due.at = until
        self._put(due.entries, alert, [event])
        self._watch(queue)

    def gather(self, queue: Queue, alert: str, events: list[str], now: int) -> None:
        """Something for the next digest, never singly."""
        self._put(queue.soon, alert, events)
        self._gather(queue, now)

    def withdraw(self, queue: Queue, alert: str) -> bool:
        """Nobody needs to be reminded of an alert any more; whether something was taken back."""
        if queue.daily.entries.get(alert) != ["reminder"]:
            return False
        self._take(queue.daily.entries, alert)
        self._watch(queue)
        return True

    def tick(self, now: int) -> Iterator[Out]:
        """All that is due, in order of time."""
        while self.due <= now:
            out = self._look(self.all[self._popped()], now)
            if out is not None:
                yield out

    def _popped(self) -> tuple[str, str]:
        at, *names = heapq.heappop(self._heap)
        key = (names[0], names[1])
        if self._watched.get(key) == at:
            del self._watched[key]
        return key

    def _look(self, queue: Queue, now: int) -> Out | None:
        for due in (queue.quiet, queue.daily):
            if due.entries and due.at <= now:
                for alert, events in due.entries.items():
                    self._put(queue.soon, alert, events)
                self._free(due.entries)
                due.entries, due.at = {}, 0
                if not queue.digesting or not queue.closes:
                    queue.closes = now
        if not queue.closes or queue.closes > now:
            self._watch(queue)
            return None
        if not queue.soon:
            self._free(queue.singles)
            queue.closes, queue.digesting, queue.used, queue.singles = 0, False, 0, {}
            self._watch(queue)
            return None
        free = self.free_at(queue, now)
        if free > now:
            queue.closes = free
            self._watch(queue)
            return None
        return self._digest(queue, now)

    def _digest(self, queue: Queue, now: int) -> Out:
        (alert, events), *more = queue.soon.items()
        event = "digest" if more or len(events) > 1 else events[0]
        alerts = list(queue.soon)
        if event == "digest" and (self._floods(queue, now) or self.way(queue).machine):
            alerts = list(dict.fromkeys([*queue.singles, *alerts]))
        self._sent(queue, now)
        self._free(queue.soon)
        self._free(queue.singles)
        queue.soon, queue.singles, queue.used = {}, {}, 0
        queue.digesting, queue.closes = True, now + self.way(queue).group.interval
        self._watch(queue)
        return Out(queue, event, alerts if event == "digest" else [alert])

    def _may_go_singly(self, queue: Queue, alert: str, now: int) -> bool:
        way = self.way(queue)
        if queue.digesting or (not way.machine and self._floods(queue, now)):
            return False
        known = way.machine and alert in queue.singles
        return (known or queue.used < way.group.burst) and self.free_at(queue, now) <= now

    def _floods(self, queue: Queue, now: int) -> bool:
        times = queue.fired
        return len(times) >= self._flood.alerts and now - times[0] < self._flood.window

    def _gather(self, queue: Queue, now: int) -> None:
        if not queue.closes:
            queue.closes = max(now + self.way(queue).group.wait, self.free_at(queue, now))
        self._watch(queue)

    def free_at(self, queue: Queue, now: int) -> int:
        """When the provider's limits let another message through."""
        free = now
        for most, span in self.way(queue).limits:
            if len(queue.sent) >= most:
                free = max(free, queue.sent[-most] + span)
        return free

    def _sent(self, queue: Queue, now: int) -> None:
        longest = max((most for most, _ in self.way(queue).limits), default=0)
        queue.sent = [*queue.sent, now][-longest:] if longest else []

    def _put(self, entries: Entries, alert: str, events: list[str]) -> None:
        if alert not in entries:
            self._refs[alert] = self._refs.get(alert, 0) + 1
            entries[alert] = []
        entries[alert].extend(events)

    def _take(self, entries: Entries, alert: str) -> list[str]:
        if alert not in entries:
            return []
        self._free([alert])
        return entries.pop(alert)

    def _free(self, alerts: Iterable[str]) -> None:
        for alert in alerts:
            self._refs[alert] -= 1
            if not self._refs[alert]:
                del self._refs[alert]
                self.freed.append(alert)

    def holds(self, alert: str) -> bool:
        """Whether any queue still names an alert."""
        return alert in self._refs

    def _watch(self, queue: Queue) -> None:
        due, key = queue.due, (queue.channel, queue.person)
        if due and self._watched.get(key) != due:
            self._watched[key] = due
            heapq.heappush(self._heap, (due, *key))
