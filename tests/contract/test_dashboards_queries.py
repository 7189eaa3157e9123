"""Every query of every dashboard is asked of a real influxd that the gateway filled, with All and with one value."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from dashboards.grafana.asked import asked
from dashboards.grafana.build import DASHBOARDS, build
from dashboards.grafana.measurements import MEASUREMENTS
from gateway.store.lines import plain, series
from tests.plugins.influx import Bucket
from tests.plugins.influx_city import InfluxCity
from tests.support.grafana_queries import Influx, interpolate, problems, run

pytestmark = pytest.mark.influxd
DAY_MS = 86_400_000


def write(bucket: Bucket, lines: list[str]) -> None:
    """Put lines in, past the gateway."""
    url = f"{bucket.influxd.url}/write?db={bucket.bucket}"
    with urllib.request.urlopen(url, "\n".join(lines).encode(), timeout=10) as answer:
        assert answer.status == 204


def boards(language: Any) -> dict[str, dict[str, Any]]:
    """All dashboards of a language by name."""
    return {name: json.loads(text) for name, text in zip(DASHBOARDS, build(language).values(), strict=True)}


@pytest.mark.parametrize("name", list(DASHBOARDS))
def test_every_query_of_a_dashboard_has_rows(name: str, influx_city: InfluxCity) -> None:
    """No error, no variable or panel without rows, nothing left to replace; days and hours stand in for a month."""
    influx = Influx(influx_city.bucket.influxd.url, influx_city.bucket.bucket)
    typed = {"container": influx_city.container}
    ran = list(run(influx, [boards("zh")[name]], now_ms=influx_city.end, typed=typed, ranges_ms=[30 * DAY_MS]))
    assert problems(ran) == []
    assert len(ran) > 3


def test_both_languages_ask_the_same() -> None:
    """But for the language of names; so one of them is enough."""
    for name, made in boards("zh").items():
        english = [question.query for question in asked(boards("en")[name])]
        assert [question.query.replace("name_zh", "name_en") for question in asked(made)] == english, name


def test_the_linter_knows_what_the_gateway_writes(influx_city: InfluxCity) -> None:
    """Measurements, tags and fields in the database are those that dashboards may name."""
    bucket = influx_city.bucket
    there = {row[0] for one in bucket.query("SHOW MEASUREMENTS") for row in one["values"]}
    assert there - set(MEASUREMENTS) == set()
    for what, known in (("TAG", "tags"), ("FIELD", "fields")):
        for one in bucket.query(f"SHOW {what} KEYS"):
            found = {row[0] for row in one["values"]}
            assert found - getattr(MEASUREMENTS[one["name"]], known) == set(), (one["name"], what)


ODD = (
    "gulou/3",
    "a|b",
    "a",
    "b",
    "(c)",
    "d's",
    'e"f',
    "x.y",
    "xzy",
    "一医院 暂存间",
    "[g]",
    "$h",
    "i\\j",
    "{k}",
    "^l$",
)


def test_a_device_that_was_taken_away_is_not_offline(influx_bucket: Bucket) -> None:
    """The share of devices online in the city overview is that of the end of the range, not of all devices in it."""
    end = 1_795_348_000_000
    heard = (("a", 1, end - 60_000), ("b", 0, end - 20 * 3_600_000))
    lines = [
        f"{series('device_health', {'device': device, 'district': 'd'})} online={online} {at}000000"
        for device, online, at in heard
    ]
    write(influx_bucket, lines)
    influx = Influx(influx_bucket.influxd.url, influx_bucket.bucket)
    ran = run(influx, [boards("en")["city_overview"]], now_ms=end)
    (found,) = [one for one in ran if (one.question.panel, one.question.ref, one.selection) == (12, "B", "all")]
    assert [row[1] for one in influx.ask(found.statement).series for row in one["values"]] == [1]


def test_a_place_of_any_name_is_found_and_no_other(influx_bucket: Bucket) -> None:
    """What a variable puts into a regular expression is escaped so that InfluxDB understands it."""
    lines = [f"{series('place', {'place': name})} state={at}" for at, name in enumerate(ODD)]
    write(influx_bucket, lines)
    influx = Influx(influx_bucket.influxd.url, influx_bucket.bucket)
    for at, name in enumerate(ODD):
        query = interpolate('SELECT "state" FROM "place" WHERE "place" =~ /^${place:regex}$/', {"place": plain(name)})
        found = influx.ask(query)
        assert found.error == "", query
        assert [row[1] for one in found.series for row in one["values"]] == [at], query
