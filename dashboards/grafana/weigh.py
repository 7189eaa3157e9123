"""How many points a query reads at worst: Grafana's choice of interval, and the sizes of ``measurements``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from dashboards.grafana.asked import DAY, Asked
from dashboards.grafana.influxql import Kind, Select, Token
from dashboards.grafana.measurements import FLAGS_A_DAY, MEASUREMENTS, Measurement

#: Grafana's intervals: below the first number (ms), the second is taken (``roundInterval`` of @grafana/data).
_ROUND = (
    (10, 1), (15, 10), (35, 20), (75, 50), (150, 100), (350, 200), (750, 500), (1500, 1000), (3500, 2000),
    (7500, 5000), (12_500, 10_000), (17_500, 15_000), (25_000, 20_000), (45_000, 30_000), (90_000, 60_000),
    (210_000, 120_000), (450_000, 300_000), (750_000, 600_000), (1_050_000, 900_000), (1_500_000, 1_200_000),
    (2_700_000, 1_800_000), (5_400_000, 3_600_000), (9_000_000, 7_200_000), (16_200_000, 10_800_000),
    (32_400_000, 21_600_000), (DAY, 43_200_000), (7 * DAY, DAY), (21 * DAY, 7 * DAY), (42 * DAY, 30 * DAY),
)  # fmt: skip
_NAMES = ((365 * DAY, "y"), (DAY, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"))
_MULTIPLE = re.compile(r"\^\$\{(\w+):regex\}\$")
#: Selectors that InfluxDB answers from the end of a series without reading the rest.
_ENDS = {"first", "last"}


def interval_ms(range_ms: int, across: int, least_ms: int = 0) -> int:
    """The interval that Grafana takes for a range and the points across of a panel."""
    wanted = range_ms / max(1, across)
    return max(least_ms, next((taken for below, taken in _ROUND if wanted < below), 365 * DAY))


def spoken(ms: int) -> str:
    """An interval as Grafana's backend writes it into a query: whole units, the largest that fits."""
    return next((f"{ms // one}{name}" for one, name in _NAMES if ms >= one), f"{ms}ms")


def points(query: Select, question: Asked, single: Collection[str]) -> int:
    """Points read at worst in the longest range of the question; ``single``: variables that hold one value."""
    interval = spoken(interval_ms(question.longest_ms, question.across, question.least_ms))
    days = question.longest_ms / DAY
    total = 0
    for one in query.walk():
        reads = [_read(one, measurement, days, single) for measurement in measured(one, interval)]
        # The readings of a single place or device are of one kind: they stand in one of several measurements.
        total += max(reads, default=0) if {"place", "device"} & _fixed(one.where, single).keys() else sum(reads)
    return total


def openings(query: Select, question: Asked, single: Collection[str]) -> int:
    """How often InfluxDB opens a series at worst: once for each function, and all of a subquery for each around it.

    On 1.6.7 one takes some 40 microseconds, whatever is read: six sums of 4,000 series took a second.
    """
    interval = spoken(interval_ms(question.longest_ms, question.across, question.least_ms))
    opened = sum(openings(one, question, single) for one in query.inner)
    if not query.inner:
        series = [_series(query.where, measurement, single) for measurement in measured(query, interval)]
        # As for points: a place or device has its readings in one of several measurements.
        opened = max(series, default=0) if {"place", "device"} & _fixed(query.where, single).keys() else sum(series)
    return max(1, len(query.functions)) * opened


def measured(query: Select, interval: str) -> Iterator[Measurement]:
    """The measurements that a SELECT itself reads from, at this interval."""
    for name in sources(query, interval):
        if name in MEASUREMENTS:
            yield MEASUREMENTS[name]


def sources(query: Select, interval: str) -> Iterator[str]:
    """Names of the measurements of a SELECT; a pattern stands for those that fit it at this interval."""
    for token in query.sources:
        if token.kind is Kind.NAME:
            yield token.text
        elif token.kind is Kind.REGEX:
            pattern = token.text.replace("${__interval}", interval).replace("$__interval", interval)
            yield from (name for name in MEASUREMENTS if re.search(pattern, name))


def _read(query: Select, measurement: Measurement, days: float, single: Collection[str]) -> int:
    names = {token.text for token in query.where if token.kind is Kind.NAME}
    read = (query.fields | names) & measurement.fields or measurement.fields
    called = set(query.functions)
    if not called and query.limit is not None and (measurement.searched or not names & measurement.fields):
        return query.limit * len(read)
    ends = called and called <= _ENDS and not query.buckets and not names & measurement.fields
    rows = len(read) if ends else sum(max(1.0, days * _a_day(measurement, field)) for field in read)
    return round(_series(query.where, measurement, single) * rows)


def _a_day(measurement: Measurement, field: str) -> float:
    return FLAGS_A_DAY if measurement.raw and field.endswith(("_flag", "_q")) else measurement.a_day


def _series(where: list[Token], measurement: Measurement, single: Collection[str]) -> int:
    fixed = {} if any(token.is_word("OR") for token in where) else _fixed(where, single)
    subject = next(tag for tag in measurement.subjects if tag in fixed or not tag)
    series = measurement.subjects[subject] * fixed.get(subject, 1)
    for tag, values in measurement.times.items():
        series *= min(values, fixed.get(tag, values))
    return series


def _fixed(where: list[Token], single: Collection[str]) -> Mapping[str, int]:
    """Tags that a test holds to some values, and to how many."""
    found = {}
    for name, sign, value in zip(where, where[1:], where[2:], strict=False):
        if name.kind is not Kind.NAME:
            continue
        if sign.text == "=" and value.kind is Kind.TEXT:
            found[name.text] = 1
        elif sign.text == "=~" and value.kind is Kind.REGEX:
            variable = _MULTIPLE.fullmatch(value.text)
            if variable is not None and variable[1] in single:
                found[name.text] = 1
            elif variable is None and re.fullmatch(r"\^\(?[\w|-]+\)?\$", value.text):
                found[name.text] = value.text.count("|") + 1
    return found
