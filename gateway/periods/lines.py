"""What figures look like in InfluxDB: lines, and the InfluxQL that reads them and readings back (pure).

Measurements ``<kind>_5m``, ``<kind>_1h``, ``<kind>_1d``; tags ``device, place, unit, district, point, parameter``; the
time is the start of the window. ``district_1h`` and ``district_1d`` (tags ``district, kind, parameter``) are sums.
InfluxDB takes no field back: ``min``, ``max`` and ``mean`` mean something where ``valid`` > 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from gateway.periods.compute import Line, Where
from gateway.periods.figures import INF, Figures
from gateway.store.influx_query import Found, identifier, literal
from gateway.store.lines import NS_PER_MS, name

COUNTS = ("due", "received", "valid", "judged", "compliant")
TAGS = ("device", "district", "parameter", "place", "point", "unit")
_GROUP = ",".join(map(identifier, TAGS))


def line(measurement: str, one: Line) -> bytes:
    """One line of figures."""
    where = one.where
    found = one.figures
    fields = [f"{key}={getattr(found, key)}" for key in COUNTS]
    fields.append(f"sum={found.sum!r}")
    if found.valid:
        fields += [f"min={found.min!r}", f"max={found.max!r}", f"mean={found.mean!r}"]
    fields += [f"{key}={value!r}" for key, value in (("low", found.low), ("high", found.high)) if math.isfinite(value)]
    tags = (one.device, where.district, one.parameter, where.place, one.point, where.unit)
    series = "".join(f",{key}={name(value)}" for key, value in zip(TAGS, tags, strict=True))
    text = f"{name(measurement)}{series} {','.join(fields)} {one.start * NS_PER_MS}"
    return text.encode("utf-8", "replace")


def district_line(  # noqa: PLR0917 - tags, time and fields
    measurement: str, kind: str, district: str, parameter: str, start: int, sums: dict[str, float]
) -> bytes:
    """One line of the sums of a district."""
    fields = ",".join(f"{key}={float(value)!r}" for key, value in sums.items())
    tags = f"district={name(district)},kind={name(kind)},parameter={name(parameter)}"
    return f"{measurement},{tags} {fields} {start * NS_PER_MS}".encode("utf-8", "replace")


def readings_statement(kind: str, devices: Sequence[str], start: int, end: int) -> str:
    """All readings of devices with ``start`` <= time < ``end``, one series a device, place and point."""
    where = _span(start, end, devices)
    group = '"device","district","place","point","unit"'
    return f"SELECT *::field FROM {identifier(kind)} WHERE {where} GROUP BY {group}"  # noqa: S608 - escaped


def present_statement(measurement: str, devices: Sequence[str], start: int, end: int) -> str:
    """Which figures stand there already."""
    where = _span(start, end, devices)
    return f'SELECT "due" FROM {identifier(measurement)} WHERE {where} GROUP BY {_GROUP}'  # noqa: S608 - escaped


def present(found: Sequence[Found]) -> Iterator[Line]:
    """What ``present_statement`` found, as figures of nothing at all."""
    for one in found:
        tags = one.tags
        where = Where(tags["place"], tags["unit"], tags["district"])
        for row in one.values:
            yield Line(tags["device"], where, tags["point"], tags["parameter"], row[0] // NS_PER_MS, Figures())


def merge_statements(measurement: str, devices: Sequence[str], start: int, end: int) -> list[str]:
    """Three questions whose answers ``merged`` puts together: counts and sum, extremes, limits."""
    where = _span(start, end, devices)
    sums = ",".join(f'sum("{key}") AS "{key}"' for key in (*COUNTS, "sum"))
    source = identifier(measurement)
    extremes, limits = 'min("min") AS "min",max("max") AS "max"', 'last("low") AS "low",last("high") AS "high"'
    return [
        f"SELECT {sums} FROM {source} WHERE {where} GROUP BY {_GROUP}",  # noqa: S608 - escaped
        f'SELECT {extremes} FROM {source} WHERE {where} AND "valid" > 0 GROUP BY {_GROUP}',  # noqa: S608 - escaped
        f"SELECT {limits} FROM {source} WHERE {where} GROUP BY {_GROUP}",  # noqa: S608 - escaped
    ]


def merged(answers: Sequence[Sequence[Found]], start: int) -> Iterator[Line]:
    """Figures of the window ``start`` from the answers to ``merge_statements``.

    Sums of counts and of values, the least of the minima, the greatest of the maxima, the last limits.
    """
    others: dict[tuple[str, ...], dict[str, float]] = {}
    for one in (*answers[1], *answers[2]):
        known = others.setdefault(tuple(one.tags[key] for key in TAGS), {})
        known |= {
            key: value for key, value in zip(one.columns[1:], one.values[0][1:], strict=True) if value is not None
        }
    for one in answers[0]:
        tags = one.tags
        counted = dict(zip(one.columns, one.values[0], strict=True))
        other = others.get(tuple(tags[key] for key in TAGS), {})
        found = Figures(
            **{key: int(counted[key] or 0) for key in COUNTS},
            sum=float(counted["sum"] or 0.0),
            min=other.get("min", INF),
            max=other.get("max", -INF),
            low=other.get("low", -INF),
            high=other.get("high", INF),
        )
        where = Where(tags["place"], tags["unit"], tags["district"])
        yield Line(tags["device"], where, tags["point"], tags["parameter"], start, found)


def district_statements(measurement: str, start: int) -> list[str]:
    """Two questions whose answers ``districts`` puts together, of one window of all devices of a kind."""
    source, where = identifier(measurement), _span(start, start + 1)
    sums = ",".join(f'sum("{key}") AS "{key}"' for key in COUNTS)
    each = f'SELECT sum("due") AS "due" FROM {source} WHERE {where} GROUP BY "district","parameter","place"'  # noqa: S608 - escaped
    return [
        f'SELECT {sums} FROM {source} WHERE {where} GROUP BY "district","parameter"',  # noqa: S608 - escaped
        f'SELECT count("due") AS "places" FROM ({each}) WHERE {where} GROUP BY "district","parameter"',  # noqa: S608 - escaped
    ]


def districts(answers: Sequence[Sequence[Found]]) -> Iterator[tuple[str, str, dict[str, float]]]:
    """(district, parameter, sums) of the answers to ``district_statements``."""
    places = {(one.tags["district"], one.tags["parameter"]): one.values[0][1] for one in answers[1]}
    for one in answers[0]:
        key = one.tags["district"], one.tags["parameter"]
        yield *key, dict(zip(one.columns[1:], one.values[0][1:], strict=True)) | {"places": places.get(key, 0)}


def _span(start: int, end: int, devices: Sequence[str] | None = None) -> str:
    text = f"time >= {start * NS_PER_MS} AND time < {end * NS_PER_MS}"
    if devices is None:
        return text
    named = " OR ".join(f'"device" = {literal(one)}' for one in devices)
    return f"{text} AND ({named})"
