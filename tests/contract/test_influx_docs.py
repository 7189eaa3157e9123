"""docs/influx.md against a database that the gateway filled: every name in it, and every query of it has rows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.influx_city import InfluxCity

pytestmark = pytest.mark.influxd

DOC = (Path(__file__).resolve().parents[2] / "docs" / "influx.md").read_text("utf-8")
QUERIES = [one.strip() for one in re.findall(r"```sql\n(.*?)```", DOC, re.DOTALL)]
_DAY = 86_400_000


@pytest.mark.parametrize("query", QUERIES, ids=[re.search(r'FROM "(\w+)"', one)[1] for one in QUERIES])  # type: ignore[index]
def test_each_query_of_the_page_has_rows(query: str, influx_city: InfluxCity) -> None:
    """With a container of this city, and a span that reaches back to it."""
    asked = query.replace("MW202501160001", influx_city.container)
    # What is of now is of the end of the city's day; a day begins before it.
    asked = re.sub(r"time > now\(\) - \w+", f"time > {(influx_city.start - 2 * _DAY) * 1_000_000}", asked)

    found = influx_city.bucket.query(asked)

    rows = [row[1:] for one in found for row in one["values"]]
    assert any(value is not None for row in rows for value in row), asked


def test_the_page_names_all_that_is_there(influx_city: InfluxCity) -> None:
    """Measurements, their tags and their fields; parameters of readings are those of the catalogue."""
    bucket = influx_city.bucket
    missing = []
    for (name,) in bucket.query("SHOW MEASUREMENTS")[0]["values"]:
        kind = re.sub(r"^(water|store_climate|radiation)_(5m|1h|1d)$", r"<kind>_\2", name)
        names = [kind]
        if name not in {"water", "store_climate", "radiation"}:
            for what in ("TAG", "FIELD"):
                (keys,) = bucket.query(f'SHOW {what} KEYS FROM "{name}"')
                names += [row[0] for row in keys["values"]]
        missing += [f"{name}: {one}" for one in names if not re.search(rf"[`, ]{re.escape(one)}[`, ]", DOC)]
    assert missing == []
