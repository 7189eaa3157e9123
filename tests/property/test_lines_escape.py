"""Whatever names, texts and numbers come, a reader of line protocol gets them back."""

from __future__ import annotations

import asyncio
import itertools
import math
import re

from hypothesis import given
from hypothesis import strategies as st

from devices.reading import Row
from gateway.store.base import CustodyPoints, Item, Tags, Telemetry
from gateway.store.influx_write import Answer, deliver
from gateway.store.late import late_values, settle
from gateway.store.lines import Lines, Slots, plain

NAMES = st.text(st.characters(codec="utf-8"), max_size=12)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_FIELD = re.compile(r'((?:[^\\,= ]|\\.)+)=("(?:[^"\\]|\\.)*"|[^, ]+)(?:,|$)', re.DOTALL)


def parse(line: str) -> tuple[list[str], dict[str, str], int]:
    """A reader written from InfluxDB's description of line protocol: measurement and tags, fields, time."""
    key = re.match(r"(?:[^\\ ]|\\.)+", line)
    assert key
    rest, at = line[key.end() + 1 :].rsplit(" ", 1)
    parts = re.split(r"(?<!\\)[,=]", key[0])
    fields = {re.sub(r"\\([,= ])", r"\1", one[1]): one[2] for one in _FIELD.finditer(rest)}
    return [re.sub(r"\\([,= ])", r"\1", part) for part in parts], fields, int(at)


@given(NAMES, NAMES, NAMES, NAMES, NAMES, st.lists(FLOATS, min_size=1, max_size=4), st.integers(-(2**40), 2**43))
def test_telemetry_comes_back(  # noqa: PLR0917 - the labels of a line
    device: str, place: str, unit: str, district: str, point: str, values: list[float], ts: int
) -> None:
    """Tags, values and time of the first and of later lines, in one line each."""
    parameters = tuple(f"p{n}" for n in range(len(values)))
    item = Telemetry(0, 0, 1, Tags(device, "water", place, unit, district), [Row(point, ts, parameters, values)])
    for text in Lines().build([item, item]).texts:
        key, fields, at = parse(text.decode())
        tags = dict(zip(key[1::2], key[2::2], strict=True))
        assert key[0] == "water"
        assert tags == {
            "device": plain(device),
            "district": plain(district),
            "place": plain(place),
            "point": plain(point),
            "unit": plain(unit),
        }
        got = [float(fields[name]) for name in parameters]
        assert [(v, math.copysign(1, v)) for v in got] == [(v, math.copysign(1, v)) for v in values]
        assert at == ts * 1_000_000
        assert b"\n" not in text


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n")), min_size=1, max_size=5, unique=True))
def test_container_ids_come_back(containers: list[str]) -> None:
    """Ids are fields: any letter survives."""
    item = CustodyPoints(3, 0, 1, Tags("s", "terminal"), 5, "collect", "sharps", 'e"\\', containers, {})
    found = []
    for text in Lines().build([item]).texts:
        _, fields, at = parse(text.decode())
        assert at // 1_000_000 == 5
        found.append(re.sub(r'\\(["\\])', r"\1", fields["container"][1:-1]))
    assert found == containers


@given(st.lists(st.tuples(st.integers(0, 2**40), st.integers(0, 3)), unique=True, max_size=60), st.integers(0, 2**41))
def test_no_two_events_share_a_time(records: list[tuple[int, int]], ts: int) -> None:
    """Any offsets and places give times of their own within the millisecond, and the same again."""
    taken: dict[tuple[str, int], str] = {}
    times = [Slots(taken).take("s", ts, offset, n, f"{offset}.{n}") for offset, n in records]
    assert len(set(times)) == len(records)
    assert {time // 1_000_000 for time in times} <= {ts}
    assert [Slots(taken).take("s", ts, offset, n, f"{offset}.{n}") for offset, n in records] == times


@given(st.integers(1, 200), st.sets(st.integers(0, 199)), st.integers(1, 64))
def test_bisecting_finds_exactly_the_bad_lines(count: int, bad: set[int], most: int) -> None:
    """Every good line is written, every bad one is refused with words, whatever the server's longest body is."""
    lines = [b"line%d" % n for n in range(count)]
    refused = {lines[n] for n in bad if n < count}
    written: set[bytes] = set()

    async def send(body: bytes) -> Answer:
        some = body.split(b"\n")
        if len(some) > most:
            return Answer(413, "too large", influx=True)
        if refused.intersection(some):
            return Answer(400, "bad line", influx=True)
        written.update(some)
        return Answer(204, "")

    found = asyncio.run(deliver(send, lines, 0, count))
    assert {lines[one.at] for one in found} == refused
    assert written == set(lines) - refused


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([7.0, 7.5])), max_size=30), st.lists(st.integers(0, 30)))
def test_the_first_value_of_an_identity_stays_however_batches_are_cut(
    sent: list[tuple[int, float]], cuts: list[int]
) -> None:
    """Settling batch by batch against the store keeps what a dictionary that never overwrites would keep."""
    expected: dict[int, float] = {}
    conflicts = 0
    for ts, value in sent:
        conflicts += expected.setdefault(ts, value) != value
    stored: dict[tuple[str, str, str, int], float] = {}
    found = 0
    bounds = sorted({0, len(sent), *(cut for cut in cuts if cut <= len(sent))})
    for first, last in itertools.pairwise(bounds):
        items: list[Item] = [
            Telemetry(n, 0, 1, Tags("d", "water"), [Row("-", ts, ("ph",), [value], late=[True])])
            for n, (ts, value) in enumerate(sent[first:last], first)
        ]
        late = late_values(items)
        settlement = settle(items, late, stored)
        found += sum(map(len, settlement.conflicts.values()))
        stored |= {one.identity: one.value for one in late if one.place in settlement.fresh}
    assert {ts: value for (_, _, _, ts), value in stored.items()} == expected
    assert found == conflicts
