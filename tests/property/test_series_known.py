"""Against a table that forgets nothing: what series calls new was never there, what it calls known is equal."""

from __future__ import annotations

import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from devices.reading import AHEAD_MS, Decoded, Row
from devices.series import Series

NOW = 1_732_200_000_000
PARAMETERS = ("ph", "toc", "orp")

rows = st.builds(
    lambda ts, point, chosen, values, flag: Row(
        point, ts, tuple(chosen), values[: len(chosen)], flags=[flag] * len(chosen) if flag != "N" else None
    ),
    ts=st.integers(0, 14).map(lambda step: NOW + step * 60_000),
    point=st.sampled_from(["-", "-", "in"]),
    chosen=st.lists(st.sampled_from(PARAMETERS), min_size=1, max_size=3, unique=True),
    values=st.lists(st.sampled_from([1.0, 2.0]), min_size=3, max_size=3),
    flag=st.sampled_from(["N", "N", "D"]),
)
arrivals = st.lists(
    st.tuples(st.sampled_from("ab"), st.lists(rows, min_size=1, max_size=3), st.integers(0, 14)), max_size=60
)


@settings(max_examples=200, deadline=None)
@given(arrivals, st.integers(0, 60))
def test_new_is_new_and_known_is_equal(messages: list[tuple[str, list[Row], int]], restart: int) -> None:
    """Sound against full memory, also over a restart; only what is marked late or compare is left to the store."""
    series = Series()
    stored: dict[tuple[str, str, str, int], float] = {}
    for number, (device, sent, minute) in enumerate(messages):
        if number == restart:
            loaded = Series()
            loaded.load(series.dump())
            series = loaded
        now = NOW + minute * 60_000
        before = copy.deepcopy(sent)
        decoded = Decoded(copy.deepcopy(sent), [])
        judged = series.judge(device, decoded, now)
        kept = 0
        for row in decoded.rows:
            assert row.ahead == (row.ts > now + AHEAD_MS)
            for place, parameter in enumerate(row.parameters):
                assert series.name(row.channels[place]) == (device, row.point, parameter)
                identity = (device, row.point, parameter, row.ts)
                left_to_store = row.compare or (row.late is not None and row.late[place])
                assert left_to_store or identity not in stored
                stored.setdefault(identity, row.values[place])
                kept += 1
        for refusal in decoded.refusals:
            parameter, _, point = refusal.key.partition("@")
            assert stored[device, point or "-", parameter, refusal.ts or 0] == refusal.known != float(refusal.raw)
        total = sum(len(row.values) for row in before)
        assert total == kept + judged.known + judged.conflicts or judged.plain
        assert judged.plain is False or (kept == total and decoded.rows == _filled(before, decoded.rows))
        fate = "accepted" if kept else "parked" if judged.conflicts else "repeated"
        assert judged.fate == fate


def _filled(before: list[Row], after: list[Row]) -> list[Row]:
    """``before`` with the indices of ``after``: all that a plain message may change."""
    for row, other in zip(before, after, strict=True):
        row.channels = other.channels
    return before
