"""Late values: compared with what is stored before anything is written, so that no reading overwrites another.

A value is late when its ``ts`` is not above the last of its channel, and a row asks to be compared where a device clock
ran ahead (``devices.series`` decides both: ``Row.late``, ``Row.compare``); every other value is new by construction.
Identity of a reading: (device, point, parameter, ts). The same value again is left alone, a different one is a
conflict: the first stays (DESIGN 4.2).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from devices.reading import Row
from gateway.store.base import AlertPoint, Item, StoreParked, StoreStats, Telemetry

Identity = tuple[str, str, str, int]
#: Where a value stands: (offset of its message, index of the row, index in the row). The same on every replay.
Place = tuple[int, int, int]


class LateValue(NamedTuple):
    """One value of a batch that must be compared; ``item`` is the index of its message there."""

    item: int
    place: Place
    kind: str
    identity: Identity
    value: float


class Part(NamedTuple):
    """What is written of one row: values that are new, all of them late or none."""

    parameters: tuple[str, ...]
    values: list[float]
    flags: list[str] | None
    qualifiers: list[str] | None
    late: bool


class Settlement(msgspec.Struct):
    """What was decided about the late values of a batch.

    ``fresh`` is written, ``conflicts`` (by index of the item) is parked with both values; the rest is known already.
    """

    fresh: set[Place] = msgspec.field(default_factory=set)
    conflicts: dict[int, list[dict[str, Any]]] = msgspec.field(default_factory=dict)


def late_values(items: Sequence[Item]) -> list[LateValue]:
    """All values of a batch that must be compared, in journal order."""
    found: list[LateValue] = []
    for index, item in enumerate(items):
        if type(item) is not Telemetry:
            continue
        for number, row in enumerate(item.rows):
            if row.late is not None or row.compare:
                found += _late_of(index, item, number, row)
    return found


def _compared(row: Row) -> Sequence[bool]:
    """Which values of a row must be compared before they are written."""
    return (True,) * len(row.values) if row.compare else row.late or (False,) * len(row.values)


def _late_of(index: int, item: Telemetry, number: int, row: Row) -> Iterable[LateValue]:
    for at, compared in enumerate(_compared(row)):
        if compared:
            identity = (item.tags.device, row.point, row.parameters[at], row.ts)
            yield LateValue(index, (item.offset, number, at), item.tags.kind, identity, row.values[at])


def settle(
    items: Sequence[Item], late: Sequence[LateValue], stored: Mapping[Identity, float], decided: Collection[Place] = ()
) -> Settlement:
    """Decide late values in order, against ``stored`` and against the batch itself.

    ``decided`` names values that an earlier attempt at this batch found new and may have written already.
    """
    settlement = Settlement()
    if not late:
        return settlement
    known = {**stored, **_in_order(items, late)}
    ours: set[Identity] = set()
    for one in late:
        first = known.get(one.identity)
        if (first is None or one.place in decided) and one.identity not in ours:
            settlement.fresh.add(one.place)
            known[one.identity] = one.value
            ours.add(one.identity)
        elif first != one.value:
            _, point, parameter, ts = one.identity
            settlement.conflicts.setdefault(one.item, []).append(
                {"point": point, "parameter": parameter, "ts": ts, "value": one.value, "known": first}
            )
    return settlement


def _in_order(items: Sequence[Item], late: Sequence[LateValue]) -> dict[Identity, float]:
    """Values of the same batch that need no comparison and that a late one repeats or contradicts."""
    wanted = {(one.identity[0], one.identity[1], one.identity[3]) for one in late}
    found: dict[Identity, float] = {}
    for item in items:
        if type(item) is not Telemetry:
            continue
        device = item.tags.device
        for row in item.rows:
            if (device, row.point, row.ts) in wanted:
                for parameter, value, compared in zip(row.parameters, row.values, _compared(row), strict=True):
                    if not compared:
                        found[device, row.point, parameter, row.ts] = value
    return found


def parts(row: Row, offset: int, number: int, fresh: Collection[Place]) -> list[Part]:
    """What to write of a row that had to be compared: its values in order, and apart from them the late ones."""
    late = row.late or (False,) * len(row.values)
    new = [at for at, compared in enumerate(_compared(row)) if not compared or (offset, number, at) in fresh]
    in_order, behind = [at for at in new if not late[at]], [at for at in new if late[at]]
    return [_part(row, chosen, late=mark) for chosen, mark in ((in_order, False), (behind, True)) if chosen]


def new_values(item: Telemetry, fresh: Collection[Place]) -> int:
    """How many values of a message are new: all that need no comparison, and those in ``fresh``."""
    count = 0
    for number, row in enumerate(item.rows):
        if row.late is None and not row.compare:
            count += len(row.values)
        else:
            count += sum(len(part.values) for part in parts(row, item.offset, number, fresh))
    return count


def kept_of(items: Sequence[Item], settlement: Settlement) -> dict[int, int]:
    """``new_values`` of the messages that have a conflict."""
    found = {}
    for index in settlement.conflicts:
        item = items[index]
        assert isinstance(item, Telemetry), "only readings conflict"
        found[index] = new_values(item, settlement.fresh)
    return found


def _part(row: Row, chosen: list[int], *, late: bool) -> Part:
    return Part(
        tuple(row.parameters[at] for at in chosen),
        [row.values[at] for at in chosen],
        [row.flags[at] for at in chosen] if row.flags else None,
        [row.qualifiers[at] for at in chosen] if row.qualifiers else None,
        late,
    )


class Refused(NamedTuple):
    """A line that the server refused: index of its item, how many readings were in it, its text, the server's words."""

    item: int
    points: int
    line: str
    words: str


def parked_of(
    items: Sequence[Item], settlement: Settlement, refused: Iterable[Refused], kept: Mapping[int, int]
) -> list[StoreParked]:
    """One entry a message, in journal order, of what a batch did not store.

    ``kept[i]`` says how many values (or event points) of item ``i`` are stored; 0 parks the whole message.
    """
    words: dict[int, list[dict[str, Any]]] = {}
    for one in refused:
        words.setdefault(one.item, []).append({"words": one.words, "line": one.line})
    parked = []
    for index in sorted({*words, *settlement.conflicts}):
        conflicts = settlement.conflicts.get(index, [])
        detail: dict[str, Any] = {"refusals": [*words.get(index, []), *conflicts]}
        reason = "conflict"
        if index in words:
            reason = "store_refused"
            detail |= words[index][0]
        else:
            detail |= conflicts[0]
        parked.append(StoreParked(items[index].offset, reason, detail, whole=kept.get(index, 0) == 0))
    return parked


def totals(  # noqa: PLR0917 - what a batch adds up to
    before: StoreStats, items: Sequence[Item], cursor: int, parked: Sequence[StoreParked], points: int, conflicts: int
) -> StoreStats:
    """Totals after a batch. Alerts are no messages; QoS 0 is counted apart (DESIGN 4.3); ``points`` new values."""
    counted = sum(1 for item in items if not isinstance(item, AlertPoint) and item.qos)
    whole = {one.offset for one in parked if one.whole}
    gone = 0
    if whole:
        gone = sum(1 for item in items if not isinstance(item, AlertPoint) and item.qos and item.offset in whole)
    return StoreStats(
        cursor=cursor,
        stored=before.stored + counted - gone,
        parked=before.parked + gone,
        points=before.points + points,
        points_conflict=before.points_conflict + conflicts,
    )
