"""Late values: what is new, what is known, what conflicts, and what is parked of it."""

from __future__ import annotations

from devices.reading import Row
from gateway.store.base import AlertPoint, Item, Quiet, StoreStats, Tags, Telemetry
from gateway.store.late import Refused, Settlement, late_values, new_values, parked_of, parts, settle, totals

TAGS = Tags("d", "water")


def message(offset: int, ts: int, values: list[float], late: list[bool] | None = None, qos: int = 1) -> Telemetry:
    """A message with ph, and orp where there are two values."""
    return Telemetry(offset, 0, qos, TAGS, [Row("-", ts, ("ph", "orp")[: len(values)], values, late=late)])


def test_a_row_with_both_is_written_in_two_parts() -> None:
    """Values in order and fresh late ones stay apart, with their own flags and qualifiers."""
    row = Row("-", 5, ("a", "b", "c"), [1.0, 2.0, 3.0], (), ["N", "M", "D"], ["", "<", ">"], [False, True, True])
    in_order, behind = parts(row, 9, 0, {(9, 0, 2)})
    assert (in_order.parameters, in_order.values, in_order.flags, in_order.late) == (("a",), [1.0], ["N"], False)
    assert (behind.parameters, behind.values, behind.flags, behind.qualifiers) == (("c",), [3.0], ["D"], [">"])
    assert new_values(Telemetry(9, 0, 1, TAGS, [row]), {(9, 0, 2)}) == 2


def test_what_an_earlier_attempt_found_new_is_not_a_repeat_of_itself() -> None:
    """A value that is stored because this batch wrote it before a crash is written again."""
    items: list[Item] = [message(0, 5, [7.0], [True]), message(1, 5, [7.0], [True]), message(2, 5, [7.5], [True])]
    late = late_values(items)
    again = settle(items, late, {("d", "-", "ph", 5): 7.0}, {(0, 0, 0)})
    assert again.fresh == {(0, 0, 0)}
    assert [one["known"] for one in again.conflicts[2]] == [7.0]
    assert settle(items, late, {("d", "-", "ph", 5): 7.0}).fresh == set()


def test_refusals_and_conflicts_of_one_message_are_one_entry() -> None:
    """One entry a message, with every refusal in it, whole only where nothing is kept."""
    items: list[Item] = [message(0, 1, [1.0]), message(1, 5, [7.0, 8.0]), message(2, 6, [1.0])]
    settlement = Settlement(conflicts={1: [{"parameter": "ph", "value": 7.0, "known": 6.0}]})
    refused = [Refused(1, 1, "water ph=7", "bad"), Refused(2, 1, "water x", "worse")]
    first, second = parked_of(items, settlement, refused, {1: 1})
    assert (first.offset, first.reason, first.whole) == (1, "store_refused", False)
    assert first.detail["words"] == "bad"
    assert len(first.detail["refusals"]) == 2
    assert (second.offset, second.whole) == (2, True)


def test_totals_count_messages_once_and_neither_alerts_nor_qos_0() -> None:
    """Stored + parked grows by the messages of QoS 1 and 2."""
    alert = AlertPoint(1, 0, TAGS, 0, "-", "r", "major", "active", "a", None, None)
    items: list[Item] = [message(0, 1, [1.0]), alert, Quiet(2, 1), message(3, 1, [1.0], qos=0), message(4, 1, [1.0])]
    parked = parked_of(items, Settlement(), [Refused(4, 1, "l", "w"), Refused(3, 1, "l", "w")], {})
    before = StoreStats(cursor=-1, stored=10, parked=5, points=100, points_conflict=2)
    after = totals(before, items, 4, parked, 2, 1)
    assert after == StoreStats(cursor=4, stored=12, parked=6, points=102, points_conflict=3)
