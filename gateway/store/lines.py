"""Line protocol: what the InfluxDB store writes of each item (DESIGN 4.5), as text, without any input or output.

Measurement = device kind; tags ``device, district, place, point, unit``; one float field a parameter;
``<parameter>_flag`` where the value is or was not ``N``; ``<parameter>_q`` where there is a qualifier; times in ns.
Whether the last flag written before this start was ``N`` is not known, so the first line of a series says it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from gateway.store.base import AlertPoint, CustodyPoints, Item, Tags, Telemetry
from gateway.store.late import Part, Place, parts

#: Line protocol has no escape for these in names and tags: a backslash becomes its full-width form, a control
#: character its picture (U+2400...), so that two different names stay different.
_UNSPEAKABLE: dict[int, str] = {code: chr(0x2400 + code) for code in range(32)} | {127: "\u2421", ord("\\"): "\uff3c"}
_TAG: dict[int, str] = _UNSPEAKABLE | {ord(","): "\\,", ord("="): "\\=", ord(" "): "\\ "}
_TEXT = str.maketrans({'"': '\\"', "\\": "\\\\"})

NS_PER_MS = 1_000_000
#: Spreads journal offsets over the slots of a millisecond: coprime to 1,000,000 and near its golden section, so that
#: events with near offsets lie thousands of slots apart and the containers of one event fit between them.
_STRIDE = 618_033

_numbers = msgspec.json.Encoder().encode


class Built(msgspec.Struct):
    """The lines of a batch; line i is of item ``items[i]`` and holds ``points[i]`` readings (0 = event)."""

    texts: list[bytes] = msgspec.field(default_factory=list)
    items: list[int] = msgspec.field(default_factory=list)
    points: list[int] = msgspec.field(default_factory=list)

    def add(self, text: str, item: int, points: int) -> None:
        """Append a line."""
        self.texts.append(text.encode("utf-8", "replace"))
        self.items.append(item)
        self.points.append(points)


def plain(text: str) -> str:
    """Text as a tag or name keeps it: without what line protocol cannot say, never empty."""
    return text.translate(_UNSPEAKABLE) or "-"


def name(text: str) -> str:
    """Escape a measurement, tag or field name or a tag value."""
    return text.translate(_TAG) or "-"


def quoted(text: str) -> str:
    """Write a string field."""
    return f'"{text.translate(_TEXT)}"'


def series(measurement: str, tags: Mapping[str, str]) -> str:
    """Write measurement and tags, which are sorted as InfluxDB wants them."""
    return name(measurement) + "".join(f",{key}={name(tags[key])}" for key in sorted(tags))


def slot_of(offset: int, n: int) -> int:
    """The nanosecond within its millisecond that point ``n`` of record ``offset`` takes where it is free."""
    return (offset * _STRIDE + n) % NS_PER_MS


class Slots:
    """Which nanosecond an event point takes within its millisecond.

    ``taken`` maps (series, ns) to what stands there: an identity. Points of one offset follow each other, points of
    near offsets lie apart, and a slot that another point holds is passed over; the order of the journal decides, so
    a replay gives the same.
    """

    def __init__(self, taken: dict[tuple[str, int], str]) -> None:
        self._taken = taken

    def take(self, where: str, ts: int, offset: int, n: int, identity: str) -> int:
        """Return the time in ns of point ``n`` of record ``offset`` in the series ``where`` at ``ts`` (ms)."""
        slot = slot_of(offset, n)
        while self._taken.setdefault((where, ts * NS_PER_MS + slot), identity) != identity:
            slot = (slot + 1) % NS_PER_MS
        return ts * NS_PER_MS + slot


class Lines:
    """Writes items as lines and remembers which channels last carried a flag other than ``N``."""

    def __init__(self) -> None:
        self._ready: dict[Tags, dict[tuple[str, tuple[str, ...]], bytes]] = {}
        self._marked: dict[tuple[str, str], set[str]] = {}

    def forget(self) -> None:
        """Say all flags again: the lines made last may not have arrived."""
        self._ready.clear()

    def build(
        self, items: Iterable[Item], fresh: Collection[Place] = (), taken: dict[tuple[str, int], str] | None = None
    ) -> Built:
        """All lines of a batch. ``fresh``: the late values to write; ``taken``: see ``Slots``."""
        built = Built()
        slots = Slots({} if taken is None else taken)
        add, of, points = built.texts.append, built.items.append, built.points.append
        for index, item in enumerate(items):
            if type(item) is Telemetry:
                tags = item.tags
                shapes = self._ready.get(tags)
                if shapes is None:
                    shapes = self._ready[tags] = {}
                for number, row in enumerate(item.rows):
                    shape = shapes.get((row.point, row.parameters))
                    if (
                        shape is None
                        or row.flags is not None
                        or row.late is not None
                        or row.compare
                        or row.qualifiers is not None
                        or (self._marked and (tags.device, row.point) in self._marked)
                    ):
                        self._say_all(built, index, item, number, fresh)
                    else:
                        # The hot path: one formatting of one prepared text; msgspec is 4 times as fast as repr.
                        add(shape % (*_numbers(row.values)[1:-1].split(b","), row.ts))
                        of(index)
                        points(len(row.values))
            elif isinstance(item, CustodyPoints):
                for text in custody_lines(item, slots):
                    built.add(text, index, 0)
            elif isinstance(item, AlertPoint):
                built.add(alert_line(item, slots), index, 0)
        return built

    def _say_all(self, built: Built, index: int, item: Telemetry, number: int, fresh: Collection[Place]) -> None:
        row = item.rows[number]
        for part in parts(row, item.offset, number, fresh):
            built.add(self._marked_line(item.tags, row.point, row.ts, part), index, len(part.values))

    def _marked_line(self, tags: Tags, point: str, ts: int, part: Part) -> str:
        """A line with all that may have to be said of flags and qualifiers."""
        shapes = self._ready[tags]
        key = (point, part.parameters)
        first = part.late or key not in shapes
        if not part.late and first:
            shapes[key] = _shape(tags, point, part.parameters)
        before = self._marked.get((tags.device, point), frozenset[str]())
        fields, now = [], set(before)
        for at, (parameter, value) in enumerate(zip(part.parameters, part.values, strict=True)):
            flag = part.flags[at] if part.flags else "N"
            fields.append(f"{name(parameter)}={value!r}")
            if first or flag != "N" or parameter in before:
                fields.append(f"{name(parameter)}_flag={quoted(flag)}")
            if part.qualifiers and part.qualifiers[at]:
                fields.append(f"{name(parameter)}_q={quoted(part.qualifiers[at])}")
            (now.discard if flag == "N" else now.add)(parameter)
        if not part.late:
            self._remember((tags.device, point), now)
        return f"{_telemetry_series(tags, point)} {','.join(fields)} {ts * NS_PER_MS}"

    def _remember(self, channel: tuple[str, str], marked: set[str]) -> None:
        if marked:
            self._marked[channel] = marked
        else:
            self._marked.pop(channel, None)


def _telemetry_series(tags: Tags, point: str) -> str:
    return series(
        tags.kind,
        {"device": tags.device, "district": tags.district, "place": tags.place, "point": point, "unit": tags.unit},
    )


def _shape(tags: Tags, point: str, parameters: Sequence[str]) -> bytes:
    """A text that ``% (*values as text, ts in ms)`` turns into a line."""
    fields = ",".join(f"{name(parameter).replace('%', '%%')}=%b" for parameter in parameters)
    return f"{_telemetry_series(tags, point).replace('%', '%%')} {fields} %d000000".encode("utf-8", "replace")


def custody_series(device: str, place: str, step: str, category: str) -> str:
    """Measurement and tags of a custody point."""
    return series("custody", {"device": device, "place": place, "step": step, "category": category})


def custody_fields(item: CustodyPoints, n: int) -> dict[str, str | float]:
    """Fields of container ``n``; a weight over several containers is the group's and stands in the first only."""
    fields: dict[str, str | float] = {"container": item.containers[n], "event_id": item.event_id}
    if len(item.containers) == 1:
        fields |= {key: float(item.grams[key]) for key in ("net_g", "gross_g", "tare_g") if key in item.grams}
    elif n == 0 and "net_g" in item.grams:
        fields |= {"group_net_g": float(item.grams["net_g"]), "group_n": float(len(item.containers))}
    return fields


def custody_lines(item: CustodyPoints, slots: Slots) -> list[str]:
    """One line a container."""
    where = custody_series(item.tags.device, item.tags.place, item.step, item.category)
    lines = []
    for n, container in enumerate(item.containers):
        at = slots.take(where, item.ts, item.offset, n, event_identity(item.event_id, container))
        lines.append(event_line(where, custody_fields(item, n), at))
    return lines


def event_line(where: str, fields: Mapping[str, str | float], at: int) -> str:
    """A line of a series with text and numbers, at ``at`` ns."""
    said = (f"{key}={quoted(value) if isinstance(value, str) else repr(value)}" for key, value in fields.items())
    return f"{where} {','.join(said)} {at}"


def event_identity(event_id: str, container: str) -> str:
    """What makes a custody point itself, among those of one series and time."""
    return f"{event_id}\0{container}"


def alert_series(item: AlertPoint) -> str:
    """Measurement and tags of an alert point."""
    tags = {"device": item.tags.device, "point": item.point, "place": item.tags.place}
    return series("alert", tags | {"rule": item.rule, "severity": item.severity, "state": item.state})


def alert_fields(item: AlertPoint) -> dict[str, str | float]:
    """Fields of a transition."""
    numbers = (("value", item.value), ("limit_value", item.limit_value))
    return {"alert_id": item.alert_id} | {
        key: float(value) for key, value in numbers if value is not None and math.isfinite(value)
    }


def alert_line(item: AlertPoint, slots: Slots) -> str:
    """One line a transition."""
    where = alert_series(item)
    return event_line(where, alert_fields(item), slots.take(where, item.ts, item.offset, item.n, item.alert_id))
