"""What a database lacks, without a server: events in one millisecond, flags, refusals, the limits of time."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from devices.reading import Row
from gateway.reconcile_points import Compared, Comparison, Refused, statements
from gateway.store.base import AlertPoint, CustodyPoints, Item, Tags, Telemetry
from gateway.store.influx_query import Found
from gateway.store.lines import Lines, slot_of

T0 = 1_732_200_000_000
LONG_AGO = -(2**63)
TAGS = Tags("wq-1", "water", "out", "wtp-1", "gulou")
SCALE = Tags("scale-1", "terminal", "store", "hosp-1", "gulou")


def reading(offset: int, ts: int, parameter: str = "ph", value: float = 7.0, **more: object) -> Telemetry:
    """One value of ``TAGS``."""
    return Telemetry(offset, ts, 1, TAGS, [Row("-", ts, (parameter,), [value], **more)])  # type: ignore[arg-type]


def scan(offset: int, bags: list[str]) -> CustodyPoints:
    """One scan; all are at one time."""
    return CustodyPoints(offset, T0, 1, SCALE, T0, "collect", "infectious", f"T7-{offset}", bags, {"net_g": 900})


def alert(offset: int, n: int, alert_id: str) -> AlertPoint:
    """One transition; all are at one time."""
    return AlertPoint(offset, n, TAGS, T0, "-", "ph-low", "major", "active", alert_id, 6.0, 6.5)


def compare(
    items: list[Item], *stored: Found, refused: dict[int, Refused] | None = None, expired: int = LONG_AGO
) -> Compared:
    """What comparing with these answers gives."""
    comparison = Comparison(refused or {}, expired)
    comparison.take([list(stored)])
    return comparison.compare(items)


def water(*rows: list[object], columns: tuple[str, ...] = ("time", "ph")) -> Found:
    """An answer about ``TAGS``."""
    return Found("water", {"device": "wq-1", "point": "-"}, list(columns), [list(row) for row in rows])


def written(items: list[Item]) -> list[Found]:
    """What a database holds after the store has written these events."""
    found: dict[str, tuple[str, dict[str, str], list[tuple[int, dict[str, Any]]]]] = {}
    for line in Lines().build(items).texts:
        series, fields, ns = line.decode().split(" ")
        name, *tags = series.split(",")
        values = dict(one.split("=") for one in fields.split(","))
        decoded = {key: msgspec.json.decode(text) for key, text in values.items()}
        labels = dict(tag.split("=") for tag in tags)
        answer = found.setdefault(series, (name, labels, []))
        answer[2].append((int(ns), decoded))
    return [
        Found(name, tags, ["time", *(columns := sorted({key for _, one in rows for key in one}))],
              [[ns, *(one.get(column) for column in columns)] for ns, one in rows])
        for name, tags, rows in found.values()
    ]  # fmt: skip


def test_values_are_told_apart_as_there_missing_and_different() -> None:
    """A missing value makes a line with an explicit flag; one that differs makes none."""
    items: list[Item] = [reading(n, T0 + n, value=7.0 + n) for n in range(3)]
    found = compare(items, water([T0 * 10**6, 7], [(T0 + 2) * 10**6, 9.5]))
    assert (found.compared, found.missing) == (3, 1)
    (lack,) = found.lacking
    assert lack.line.endswith(f' ph=8.0,ph_flag="N" {T0 + 1}000000'.encode())
    (one,) = found.different
    assert (one.ts, one.journal, one.database) == (T0 + 2, 9.0, 9.5)


def test_a_flag_that_is_missing_is_sent_with_its_value_and_one_that_differs_is_named() -> None:
    """The value alone would count as valid; silence and an explicit N are the same."""
    items: list[Item] = [
        reading(n, T0 + n, flags=[flag], qualifiers=["<"] if n == 3 else None) for n, flag in enumerate("MMNN")
    ]
    columns = ("time", "ph", "ph_flag", "ph_q")
    rows: list[list[object]] = [[(T0 + n) * 10**6, 7.0, flag, None] for n, flag in enumerate((None, "D", "N", None))]
    found = compare(items, water(*rows, columns=columns))
    assert [lack.line.split(b" ")[1] for lack in found.lacking] == [
        b'ph=7.0,ph_flag="M"', b'ph=7.0,ph_flag="N",ph_q="<"'
    ]  # fmt: skip
    assert [(one.field, one.journal, one.database) for one in found.different] == [("ph_flag", "M", "D")]


def test_the_same_value_received_twice_is_missing_once() -> None:
    """A repeat that decide let through is one identity."""
    found = compare([reading(0, T0), reading(9, T0, late=[True])])
    assert (found.compared, found.missing) == (2, 1)


def test_what_was_refused_then_is_left_out_value_by_value() -> None:
    """A whole message, a line with the server's words, and a contradiction inside an accepted message."""
    row = Row("-", T0, ("ph", "orp"), [7.0, 600.0])
    items: list[Item] = [
        reading(0, T0),
        Telemetry(1, T0, 1, TAGS, [msgspec.structs.replace(row, ts=T0 + 1), msgspec.structs.replace(row, ts=T0 + 2)]),
        Telemetry(2, T0, 1, TAGS, [msgspec.structs.replace(row, ts=T0 + 3)]),
    ]
    line = Lines().build([items[1]]).texts[0].decode()
    refused = {
        0: Refused(whole=True),
        1: Refused(whole=False, details=[{"words": "field type conflict", "line": line}]),
        2: Refused(whole=False, details=[{"point": "-", "parameter": "orp", "ts": T0 + 3, "value": 600, "known": 1}]),
    }
    found = compare(items, refused=refused)
    assert found.refused == 1 + 2 + 1
    assert [(lack.ts, lack.points) for lack in found.lacking] == [(T0 + 2, 2), (T0 + 3, 1)]


def test_what_is_older_than_the_retention_is_only_counted() -> None:
    """It is neither asked for nor missing."""
    items: list[Item] = [reading(0, T0 - 1), reading(1, T0), scan(2, ["a"])]
    found = compare(items, expired=T0)
    assert (found.expired, found.missing) == (1, 2)
    assert all(f"time >= {T0}000000" in one for one in statements(items, T0))


def test_events_of_one_millisecond_come_back_to_their_own_places() -> None:
    """All lost: the lines are those that the store had written, in the same nanoseconds."""
    items: list[Item] = [scan(n, [f"b{n}-{k}" for k in range(20)]) for n in range(30)]
    items += [alert(7 + n // 5, n % 5, f"al-{n}") for n in range(10)]
    found = compare(items)
    assert [lack.line for lack in found.lacking] == Lines().build(items).texts
    assert compare(items, *written(items)).missing == 0


def test_an_event_stands_elsewhere_where_what_was_in_its_way_is_gone() -> None:
    """Two events want one place: the second is found where it went, though the first is lost or outside the range."""
    offset = 1_000_000  # slots repeat after a million offsets
    first, second = alert(0, 0, "al-1"), alert(offset, 0, "al-2")
    assert slot_of(0, 0) == slot_of(offset, 0)
    (answer,) = written([first, second])
    answer.values = answer.values[1:]
    assert compare([second], answer).missing == 0
    found = compare([first, second], answer)
    assert [lack.line for lack in found.lacking] == Lines().build([first]).texts


def test_the_same_alert_twice_in_one_millisecond_is_two_points() -> None:
    """Both are looked for, and the one that is lost is sent."""
    items: list[Item] = [alert(3, 0, "al-1"), alert(4, 0, "al-1")]
    (answer,) = written(items)
    assert compare(items, answer).missing == 0
    answer.values = answer.values[:1]
    found = compare(items, answer)
    assert [lack.line for lack in found.lacking] == Lines().build(items).texts[1:]


def test_a_weight_that_differs_is_named() -> None:
    """Nothing is overwritten, of events neither."""
    (answer,) = written([scan(1, ["a"])])
    answer.values[0][answer.columns.index("net_g")] = 950
    (one,) = compare([scan(1, ["a"])], answer).different
    assert (one.measurement, one.field, one.journal, one.database) == ("custody", "net_g", 900.0, 950)


@given(st.sets(st.integers(0, 59)), st.integers(1, 4))
def test_whatever_was_lost_is_exactly_what_is_sent(lost: set[int], bags: int) -> None:
    """For any loss among events of one millisecond, what is left and what is sent are together what was there."""
    items: list[Item] = [scan(n * 250_000, [f"b{n}-{k}" for k in range(bags)]) for n in range(15)]
    (answer,) = written(items)
    lines = Lines().build(items).texts
    answer.values = [row for at, row in enumerate(answer.values) if at not in lost]
    found = compare(items, answer)
    assert len({lack.line for lack in found.lacking}) == found.missing == len(lines) - len(answer.values)
    left = {row[0] for row in answer.values}
    sent = {int(lack.line.rpartition(b" ")[2]) for lack in found.lacking}
    assert not left & sent
