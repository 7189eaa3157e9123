"""Fates: what is new, late, known, in conflict or ahead of time, and that nothing of it is forgotten."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from devices.reading import AHEAD_MS, Decoded, Refusal, Row
from devices.series import DEVICE_CHANNELS, RING, Judged, Latest, Series

NOW = 1_732_200_000_000


def row(ts: int, *, point: str = "-", flags: list[str] | None = None, gateway: bool = False, **values: float) -> Row:
    """One row of values."""
    return Row(point, ts, tuple(values), list(values.values()), flags=flags, gateway_time=gateway)


def judge(series: Series, *rows: Row, now: int = NOW, device: str = "d") -> tuple[Judged, Decoded]:
    """Judge one message of these rows."""
    decoded = Decoded(list(rows), [])
    return series.judge(device, decoded, now), decoded


def test_new_values_in_order_are_plain() -> None:
    """Rising times are accepted without a word, and channels have indices of their own."""
    series = Series()
    for step in range(3 * RING):
        judged, decoded = judge(series, row(NOW + step, ph=7.0, toc=step))
        assert (judged.fate, judged.plain) == ("accepted", True)
        assert decoded.rows[0].channels == (0, 1)
    assert series.latest(1) == Latest(NOW + 3 * RING - 1, 3 * RING - 1, "N")
    assert len(series) == 2


def test_same_value_again_is_repeated() -> None:
    """A message of which every value is known is a repeat."""
    series = Series()
    judge(series, row(NOW, ph=7.0, toc=1.0))
    judged, decoded = judge(series, row(NOW, ph=7.0, toc=1.0))
    assert (judged.fate, judged.known, decoded.rows, decoded.refusals) == ("repeated", 2, [], [])


def test_other_value_at_the_same_time_is_a_conflict() -> None:
    """0.02 followed by 0.42 with one time leaves 0.02 and one conflict that names both."""
    series = Series()
    judge(series, row(NOW, chlorine_free=0.02))
    judged, decoded = judge(series, row(NOW, chlorine_free=0.42))
    assert (judged.fate, judged.reason, judged.conflicts) == ("parked", "conflict", 1)
    assert decoded.refusals == [Refusal("chlorine_free", "0.42", "conflict", NOW, 0.02)]
    assert series.latest(0) == Latest(NOW, 0.02, "N")


def test_any_new_value_makes_the_message_accepted() -> None:
    """What is known goes out of the row, conflicts are listed, the new value stays with its flag and qualifier."""
    series = Series()
    judge(series, row(NOW, ph=7.0, toc=1.0))
    mixed = Row("-", NOW, ("ph", "orp", "toc"), [7.0, 5.0, 2.0], flags=["N", "M", "N"], qualifiers=["", "<", ""])
    judged, decoded = judge(series, mixed)
    assert (judged.fate, judged.plain, judged.known, judged.conflicts) == ("accepted", False, 1, 1)
    (left,) = decoded.rows
    assert (left.parameters, left.values, left.flags, left.qualifiers) == (("orp",), [5.0], ["M"], ["<"])
    assert left.channels == (series.index("d", "-", "orp"),)
    assert [one.key for one in decoded.refusals] == ["toc"]


def test_conflict_weighs_more_than_known() -> None:
    """Nothing new, one known, one in conflict: parked as conflict."""
    series = Series()
    judge(series, row(NOW, ph=7.0, toc=1.0))
    judged, _ = judge(series, row(NOW, ph=7.0, toc=2.0))
    assert (judged.fate, judged.reason) == ("parked", "conflict")


def test_message_of_refused_values_only_is_parked() -> None:
    """Neither new nor conflict nor known: no valid value; a fault of the codec keeps its name."""
    decoded = Decoded([], [Refusal("ph", "null", "not_a_number")])
    judged = Series().judge("d", decoded, NOW)
    assert (judged.fate, judged.reason) == ("parked", "no_valid_value")
    judged = Series().judge("d", Decoded([], [], fault="not_json"), NOW)
    assert (judged.fate, judged.reason) == ("parked", "not_json")


def test_message_with_a_refused_value_is_not_plain() -> None:
    """What was refused must be listed."""
    decoded = Decoded([row(NOW, ph=7.0)], [Refusal("toc", "null", "not_a_number")])
    judged = Series().judge("d", decoded, NOW)
    assert (judged.fate, judged.plain) == ("accepted", False)


def test_late_value_is_accepted_and_marked() -> None:
    """Not above the last and not known: stored as late, live state stays."""
    series = Series()
    judge(series, row(NOW, ph=7.0, toc=1.0))
    judged, decoded = judge(series, row(NOW - 5, ph=6.0, orp=2.0))
    assert (judged.fate, judged.plain, judged.late) == ("accepted", False, 1)
    assert decoded.rows[0].late == [True, False]
    assert series.latest(0) == Latest(NOW, 7.0, "N")


def test_resent_late_value_is_known() -> None:
    """The latest arrivals are known whether they were late or not."""
    series = Series()
    judge(series, row(NOW, ph=7.0))
    judge(series, row(NOW - 5, ph=6.0))
    assert judge(series, row(NOW - 5, ph=6.0))[0].fate == "repeated"
    assert judge(series, row(NOW - 5, ph=6.5))[0].reason == "conflict"


@pytest.mark.parametrize("back", range(RING))
def test_last_eight_arrivals_are_known(back: int) -> None:
    """A device that resends its latest messages hears that they are repeats."""
    series = Series()
    for step in range(20):
        judge(series, row(NOW + step, ph=float(step)))
    assert judge(series, row(NOW + 19 - back, ph=float(19 - back)))[0].fate == "repeated"
    assert judge(series, row(NOW + 19 - back, ph=0.5))[0].reason == "conflict"


def test_older_than_the_ring_is_left_to_the_store() -> None:
    """Whether it is known only the store can tell: late."""
    series = Series()
    for step in range(20):
        judge(series, row(NOW + step, ph=float(step)))
    judged, decoded = judge(series, row(NOW, ph=0.0))
    assert judged.fate == "accepted"
    assert decoded.rows[0].late == [True]


def test_last_value_is_known_however_many_late_ones_follow() -> None:
    """Late arrivals push each other out of the ring, never the last."""
    series = Series()
    judge(series, row(NOW, ph=7.0))
    for step in range(1, 50):
        judge(series, row(NOW - step, ph=1.0))
    assert judge(series, row(NOW, ph=7.0))[0].fate == "repeated"


def test_ahead_value_is_stored_and_never_moves_the_last() -> None:
    """More than five minutes ahead: marked, compared by the store, known when it comes again."""
    series = Series()
    judge(series, row(NOW, ph=7.0))
    judged, decoded = judge(series, row(NOW + AHEAD_MS + 1, ph=9.0))
    assert (judged.fate, judged.plain, judged.ahead) == ("accepted", False, 1)
    assert (decoded.rows[0].ahead, decoded.rows[0].compare, decoded.rows[0].late) == (True, True, None)
    assert series.latest(0) == Latest(NOW, 7.0, "N")
    assert judge(series, row(NOW + AHEAD_MS + 1, ph=9.0))[0].fate == "repeated"
    assert judge(series, row(NOW + AHEAD_MS, ph=7.1))[1].rows[0].ahead is False


def test_times_that_were_ahead_once_are_compared() -> None:
    """A clock that was ahead may have used the times that come now: the store looks, live state goes on."""
    series = Series()
    ahead = NOW + AHEAD_MS + 1000
    for step in range(RING + 1):
        judge(series, row(ahead + step, ph=9.0))
    later = ahead + AHEAD_MS
    judged, decoded = judge(series, row(ahead, ph=7.0), now=later)
    assert (judged.fate, judged.plain) == ("accepted", False)
    assert (decoded.rows[0].compare, decoded.rows[0].late) == (True, None)
    assert series.latest(0) == Latest(ahead, 7.0, "N")
    assert judge(series, row(ahead + RING, ph=1.0), now=later)[0].reason == "conflict"
    assert judge(series, row(ahead + RING + 1, ph=7.0), now=later)[0].fate == "accepted"
    assert judge(series, row(ahead + RING + 2, ph=7.0), now=later)[0].plain


def test_flag_of_the_latest_value() -> None:
    """The live page shows the flag until a normal value comes."""
    series = Series()
    judge(series, row(NOW, ph=7.0, toc=1.0, flags=["N", "D"]))
    assert series.latest(1) == Latest(NOW, 1.0, "D")
    judged, _ = judge(series, row(NOW + 1, ph=7.0, toc=1.0))
    assert judged.fate == "accepted"
    assert series.latest(1) == Latest(NOW + 1, 1.0, "N")
    assert judge(series, row(NOW + 2, ph=7.0, toc=1.0))[0].plain


def test_two_readings_of_one_array_are_like_two_messages() -> None:
    """Equal time and channel within a message: a repeat or a conflict."""
    series = Series()
    judged, decoded = judge(series, row(NOW, ph=7.0), row(NOW, ph=7.0), row(NOW, ph=8.0), row(NOW + 1, ph=7.0))
    assert (judged.fate, judged.known, judged.conflicts) == ("accepted", 1, 1)
    assert [one.ts for one in decoded.rows] == [NOW, NOW + 1]


def test_readings_without_a_time_of_their_own_never_collide() -> None:
    """Two in one ms are two readings: the second gets the next ms."""
    series = Series()
    times = [judge(series, row(NOW, ph=float(value), gateway=True))[1].rows[0].ts for value in (7, 7, 8)]
    assert times == [NOW, NOW + 1, NOW + 2]
    assert judge(series, row(NOW + 10, ph=7.0, gateway=True))[0].plain


def test_time_as_sent_is_noteworthy() -> None:
    """A reading that keeps its raw time is listed with it, so it is not plain."""
    sent = row(NOW, ph=7.0, gateway=True)
    sent.raw_time = "17"
    judged, decoded = judge(Series(), sent)
    assert (judged.fate, judged.plain) == ("accepted", False)
    assert decoded.rows[0].raw_time == "17"


def test_channels_of_devices_and_points_are_apart() -> None:
    """One parameter at two points of two devices is four series."""
    series = Series()
    for device in ("a", "b"):
        for point in ("-", "in"):
            assert judge(series, row(NOW, point=point, ph=7.0), device=device)[0].plain
    assert [series.name(index) for index in range(len(series))] == [
        ("a", "-", "ph"),
        ("a", "in", "ph"),
        ("b", "-", "ph"),
        ("b", "in", "ph"),
    ]
    assert series.of("b") == [2, 3]
    assert series.find("b", "in", "ph") == 3
    assert series.find("b", "in", "toc") is None
    assert series.find("c", "in", "ph") is None
    assert len(series) == 4


def test_subset_of_the_channels_keeps_the_others() -> None:
    """Messages with fewer or other parameters, in any order, find their channels."""
    series = Series()
    judge(series, row(NOW, ph=7.0, toc=1.0, orp=3.0))
    judge(series, row(NOW + 1, orp=4.0, ph=7.1))
    judged, decoded = judge(series, row(NOW + 2, codmn=1.0, toc=1.5, ph=7.2))
    assert judged.plain is False or judged.fate == "accepted"
    assert decoded.rows[0].channels == (3, 1, 0)
    assert [series.latest(index) for index in range(4)] == [
        Latest(NOW + 2, 7.2, "N"),
        Latest(NOW + 2, 1.5, "N"),
        Latest(NOW + 1, 4.0, "N"),
        Latest(NOW + 2, 1.0, "N"),
    ]
    assert judge(series, row(NOW, ph=7.0, toc=1.0, orp=3.0))[0].fate == "repeated"


def test_device_that_invents_points_is_stopped() -> None:
    """Beyond the bound its values are refused, those of known channels are not."""
    series = Series()
    for number in range(DEVICE_CHANNELS):
        judge(series, row(NOW, point=f"p{number}", ph=7.0))
    judged, decoded = judge(series, row(NOW, point="one-more", ph=7.0))
    assert (judged.fate, judged.reason) == ("parked", "no_valid_value")
    assert [(one.key, one.reason) for one in decoded.refusals] == [("ph@one-more", "too_many_channels")]
    assert judge(series, row(NOW + 1, point="p1", ph=7.0))[0].plain
    assert len(series) == DEVICE_CHANNELS
    assert judge(series, row(NOW, ph=7.0), device="other")[0].plain


def test_dump_and_load_go_on_as_if_nothing_had_been() -> None:
    """Whatever was known is known afterwards: last, ring, ahead, flags, names, indices."""
    series = Series()
    for step in range(12):
        judge(series, row(NOW + step, ph=7.0 + step, toc=1.0, flags=["N", "M"]))
    judge(series, row(NOW + AHEAD_MS + 5000, ph=1.0), device="水-2")
    again = Series()
    again.load(series.dump())
    assert again.dump() == series.dump()
    later: list[Row | Any] = [row(NOW + 5, ph=12.0), row(NOW + 6, ph=1.0), row(NOW + 30, ph=1.0, toc=2.0)]
    for one in later:
        assert judge(series, Row(one.point, one.ts, one.parameters, list(one.values))) == judge(again, one)
    assert judge(again, row(NOW + AHEAD_MS + 5000, ph=1.0), device="水-2")[0].fate == "repeated"
    assert again.index("d", "-", "new") == series.index("d", "-", "new") == 3


@pytest.mark.parametrize("state", [b"", b"\x80", b"nonsense"])
def test_load_refuses_anything_else(state: bytes) -> None:
    """A damaged snapshot is an error, not an empty table."""
    with pytest.raises((ValueError, TypeError)):
        Series().load(state)


def test_memory_a_channel() -> None:
    """A channel with all that belongs to it takes less than 300 bytes."""
    parameters = ("chlorine_free", "turbidity", "ph", "temperature", "conductivity", "pressure")
    tracemalloc.start()
    series = Series()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(2000):
        series.judge(f"device-{number}", Decoded([Row("-", NOW, parameters, [1.0] * 6)], []), NOW)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (after - before) / len(series) < 300


def test_a_late_value_that_nobody_could_check_makes_no_conflict() -> None:
    """After the first value was forgotten, its repeat is not refused because of another late value at that time."""
    series = Series()

    def fate(ts: int, value: float) -> str:
        return judge(series, row(NOW + ts, ph=value))[0].fate

    fate(0, 0.02)
    for ts in range(1, 4 + RING):
        fate(ts, 0.3)
    assert [fate(0, 0.42), fate(0, 0.42), fate(0, 0.02)] == ["accepted", "repeated", "accepted"]
    restarted = Series()
    restarted.load(series.dump())
    series = restarted
    assert [fate(0, 0.02), fate(0, 0.5)] == ["repeated", "accepted"]
