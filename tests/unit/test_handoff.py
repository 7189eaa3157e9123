"""The hand-off between decide and a store: in order, bounded, and patient only with a store that lives."""

from __future__ import annotations

import threading
import time

from gateway.handoff import Handoff
from gateway.store.base import Item, Quiet


def items(first: int, count: int) -> list[Item]:
    """Items of consecutive records."""
    return [Quiet(first + n, 1) for n in range(count)]


def test_consecutive_batches_are_taken_together() -> None:
    """A store gets what begins at its place, up to about the most it wants."""
    handoff = Handoff()
    handoff.put(0, 1, items(0, 2))
    handoff.put(2, 2, items(2, 1))
    handoff.put(3, 9, items(3, 7))
    taken = handoff.take(0, 3)
    assert taken is not None
    assert (taken[0], [one.offset for one in taken[1]]) == (2, [0, 1, 2])
    assert handoff.take(5, 3) is None


def test_the_oldest_batch_goes_when_it_is_full() -> None:
    """A store that is away loses the hand-off and not the data: it is told that nothing begins at its place."""
    handoff = Handoff(limit=10)
    for first in range(0, 40, 4):
        handoff.put(first, first + 3, items(first, 4))
    assert handoff.take(0, 5) is None
    newest = handoff.take(36, 5)
    assert newest is not None
    assert newest[0] == 39


def test_nobody_waits_for_a_store_that_takes_nothing() -> None:
    """With a store that is away putting costs no time, however much patience there would be."""
    handoff = Handoff(limit=1)
    began = time.monotonic()
    for first in range(50):
        handoff.put(first, first, items(first, 1), patience=5.0)
    assert time.monotonic() - began < 5


def test_an_old_batch_waits_for_a_store_that_keeps_up() -> None:
    """Room that the store makes meanwhile is used, and nothing is dropped."""
    handoff = Handoff(limit=3)
    handoff.put(0, 0, items(0, 1))
    assert handoff.take(0, 1) is not None
    handoff.put(1, 1, items(1, 4))
    putting = threading.Thread(target=lambda: handoff.put(2, 2, items(2, 4), patience=20.0))
    putting.start()
    assert handoff.take(1, 1) is not None
    putting.join(20)
    taken = handoff.take(2, 1)
    assert taken is not None
    assert taken[0] == 2
