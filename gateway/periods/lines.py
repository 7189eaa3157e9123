"""What figures look like in InfluxDB: lines, and the InfluxQL that reads them and readings back (pure).

Measurements ``<kind>_5m``, ``<kind>_1h``, ``<kind>_1d``; tags ``device, place, unit, district, point, parameter``; the
time is the start of the window. ``district_1h`` and ``district_1d`` (tags ``district, kind, parameter``) are sums.
InfluxDB takes no field back: ``min``, ``max`` and ``mean`` mean something where ``valid`` > 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from gateway.periods.compute import Line, Where
from gateway.periods.figures import INF, Figures
from gateway.store.influx_query import Found, identifier
from gateway.store.lines import NS_PER_MS, name, plain

COUNTS = ("due", "received", "valid", "judged", "compliant")
TAGS = ("device", "district", "parameter", "place", "point", "unit")
#: What has a meaning in a regular expression, and what ends one in InfluxQL.
_META = re.compile(r"[\\.+*?()|\[\]{}^$/]")


def line(measurement: str, one: Line) -> bytes:
    """One line of figures."""
    device, where, point, parameter, start, found = one
    fields = (
        f"due={found.due},received={found.received},valid={found.valid},judged={found.judged},"
        f"compliant={found.compliant},sum={found.sum!r}"
    )
    if found.valid:
        fields += f",min={found.min!r},max={found.max!r},mean={found.mean!r}"
    if found.low > -INF:
        fields += f",low={found.low!r}"
    if found.high < INF:
        fields += f",high={found.high!r}"
    return f"{measurement}{_series(device, where, point, parameter)} {fields} {start}000000".encode("utf-8", "replace")


@lru_cache(maxsize=16_384)
def _series(device: str, where: Where, point: str, parameter: str) -> str:
    tags = (device, where.district, parameter, where.place, point, where.unit)
    return "".join(f",{key}={name(value)}" for key, value in zip(TAGS, tags, strict=True))


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


def states_statement(kind: str, parameter: str, devices: Sequence[str], start: int, end: int) -> str:
    """The newest value of a parameter, one series a device and point."""
    field = identifier(parameter)
    where = _span(start, end, devices)
    return f'SELECT last({field}) AS {field} FROM {identifier(kind)} WHERE {where} GROUP BY "device","point"'  # noqa: S608 - escaped


def figures_statement(measurement: str, devices: Sequence[str], start: int, end: int) -> str:
    """All figures of devices, a row a window with other tags among the columns.

    1.x calls a series of more than 10,000 rows partial: one a device and parameter stays far below.
    """
    where = _span(start, end, devices)
    return f'SELECT * FROM {identifier(measurement)} WHERE {where} GROUP BY "device","parameter"'  # noqa: S608 - escaped


def stored(found: Sequence[Found]) -> Iterator[Line]:
    """The figures in an answer to ``figures_statement``; extremes of an earlier writing are left out."""
    for one in found:
        at = {column: n for n, column in enumerate(one.columns)}
        device, parameter = one.tags["device"], one.tags["parameter"]
        tags = [at[key] for key in ("place", "unit", "district", "point")]
        counts = [at[key] for key in COUNTS]
        total = at["sum"]
        others = [(at.get(key), absent) for key, absent in (("low", -INF), ("high", INF))]
        extremes = [(at.get(key), absent) for key, absent in (("min", INF), ("max", -INF))]
        for row in one.values:
            place, unit, district, point = [row[n] for n in tags]
            due, received, valid, judged, compliant = [int(row[n]) for n in counts]
            least, most = [absent if n is None or not valid else row[n] for n, absent in extremes]
            low, high = [absent if n is None or row[n] is None else row[n] for n, absent in others]
            figures = Figures(due, received, valid, judged, compliant, row[total], least, most, low, high)
            yield Line(device, Where(place, unit, district), point, parameter, row[0] // NS_PER_MS, figures)


def merge(lines: Iterable[Line], start: int) -> Iterator[Line]:
    """Figures of the longer window ``start`` from those of the shorter ones in it, a line a channel and place."""
    found: dict[tuple[str, Where, str, str], Figures] = {}
    for one in lines:
        whole = found.get(one[:4])
        if whole is None:
            found[one[:4]] = one.figures
        else:
            whole.add(one.figures)
    for key, figures in found.items():
        yield Line(*key, start, figures)


def district_statements(measurement: str, start: int) -> list[str]:
    """Three questions whose answers ``districts`` puts together, of one window of all devices of a kind."""
    source, where = identifier(measurement), _span(start, start + 1)
    sums = ",".join(f'sum("{key}") AS "{key}"' for key in COUNTS)
    # Figures that became nothing still stand there.
    some = '("due" > 0 OR "received" > 0)'
    each = f'SELECT sum("due") AS "due" FROM {source} WHERE {where} AND {some}'  # noqa: S608 - escaped
    by = '"district","parameter"'
    return [
        f"SELECT {sums} FROM {source} WHERE {where} GROUP BY {by}",  # noqa: S608 - escaped
        f'SELECT count("due") AS "places" FROM ({each} GROUP BY {by},"place") WHERE {where} GROUP BY {by}',  # noqa: S608 - escaped
        f'SELECT count("due") AS "places" FROM ({each} GROUP BY "district","place") WHERE {where} GROUP BY "district"',  # noqa: S608 - escaped
    ]


def districts(answers: Sequence[Sequence[Found]]) -> Iterator[tuple[str, str, dict[str, float]]]:
    """(district, parameter, sums) of the answers to ``district_statements``; parameter ``-`` = over all of them."""
    places = {
        (one.tags["district"], one.tags.get("parameter", "-")): one.values[0][1] for one in (*answers[1], *answers[2])
    }
    whole: dict[str, dict[str, float]] = {}
    for one in answers[0]:
        district, parameter = one.tags["district"], one.tags["parameter"]
        sums = dict(zip(one.columns[1:], one.values[0][1:], strict=True))
        yield district, parameter, sums | {"places": places.get((district, parameter), 0)}
        total = whole.setdefault(district, dict.fromkeys(COUNTS, 0.0))
        for key in COUNTS:
            total[key] += sums[key]
    for district, total in whole.items():
        yield district, "-", total | {"places": places.get((district, "-"), 0)}


def _span(start: int, end: int, devices: Sequence[str] | None = None) -> str:
    text = f"time >= {start * NS_PER_MS} AND time < {end * NS_PER_MS}"
    if devices is None:
        return text
    # Measured on 1.6.7: an expression for 200 names costs half of 200 comparisons.
    named = "|".join(_META.sub(r"\\\g<0>", plain(one)) for one in devices)
    return f'{text} AND "device" =~ /^({named})$/'
