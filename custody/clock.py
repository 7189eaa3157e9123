"""How far the clocks of terminals are off, measured from what they send (pure). No time is ever rewritten."""

from __future__ import annotations

import msgspec

from custody.event import CustodyEvent

#: So many events tell what a clock is like.
_EVENTS = 8
#: Older ones say nothing of the clock as it is now.
_AGE_MS = 24 * 3_600_000
#: A terminal that was offline sends everything at once: only what came over so long a time was live.
_SPAN_MS = 60_000
#: Live events take about as long as each other; so many of them agree.
_AGREE_MS = 5_000
_AGREEING = 3


class _Clock(msgspec.Struct, array_like=True):
    """What is known of one terminal: its last event in order, and (received at, received at - ts) of the last ones."""

    boot: int = -1
    seq: int = -1
    ts: int = -1
    sync: int = -1
    delays: list[tuple[int, int]] = []


class Clocks:
    """The clock of every terminal, as of the last record that was decided.

    An event comes no earlier than it happened, so the smallest ``received_at - ts`` is how far a clock is behind, plus
    what the way took. Where it is negative, the clock is ahead by at least that: one event proves it. Where it is not,
    it may as well be late: it counts when three events, in order, over a minute or more, agree within 5 s.
    Measuring begins anew when a terminal booted or set its clock (``clock_sync``), with the last 8 events of a day.
    """

    def __init__(self) -> None:
        self._clocks: dict[str, _Clock] = {}

    def measure(self, terminal: str, event: CustodyEvent, received_at: int) -> int | None:
        """Take in one event and tell the skew in ms: above 0 the clock is ahead; None = not known.

        Right to within what an event takes to arrive. One out of order or without a time of its own tells nothing.
        """
        clock = self._clocks.setdefault(terminal, _Clock())
        if not event.gateway_time and _in_order(clock, event, received_at):
            boot, sync = _or_none(event.boot), _or_none(event.clock_sync)
            if boot != clock.boot or sync != clock.sync:
                clock.delays = []
            clock.boot, clock.seq, clock.ts, clock.sync = boot, _or_none(event.seq), event.ts, sync
            clock.delays = [*clock.delays[1 - _EVENTS :], (received_at, received_at - event.ts)]
        return _skew([delay for delay in clock.delays if delay[0] > received_at - _AGE_MS])

    def dump(self) -> bytes:
        """What ``load`` takes back."""
        return msgspec.msgpack.encode(self._clocks)

    def load(self, raw: bytes) -> None:
        """Go on from what ``dump`` gave."""
        self._clocks = msgspec.msgpack.decode(raw, type=dict[str, _Clock]) if raw else {}


def _in_order(clock: _Clock, event: CustodyEvent, received_at: int) -> bool:
    last = clock.delays[-1][0] if clock.delays else received_at
    if received_at < last or received_at > last + _AGE_MS:
        # After a day somebody may have counted anew.
        return received_at > last
    boot, seq = _or_none(event.boot), _or_none(event.seq)
    if boot != clock.boot:
        return boot > clock.boot
    if seq >= 0 and clock.seq >= 0:
        return seq > clock.seq
    return event.ts >= clock.ts or _or_none(event.clock_sync) != clock.sync


def _or_none(number: int | None) -> int:
    return -1 if number is None else number


def _skew(delays: list[tuple[int, int]]) -> int | None:
    if not delays:
        return None
    least = min(delay for _, delay in delays)
    if least < 0:
        return -least
    live = [at for at, delay in delays if delay - least <= _AGREE_MS]
    return -least if len(live) >= _AGREEING and max(live) - min(live) >= _SPAN_MS else None
