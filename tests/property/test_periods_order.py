"""In whatever order readings come, twice, late, with restarts between: figures are those of all readings at once."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.plugins.influx import Bucket
from tests.support.periods_site import CHANNELS, DEVICE, MIDNIGHT, MINUTE, PLACE, Site

pytestmark = pytest.mark.influxd
FIELDS = ("due", "received", "valid", "judged", "compliant")

#: (device, minute, value, flag) of a reading, the minute at which it comes, whether the gateway is restarted after it.
READINGS = st.lists(
    st.tuples(
        st.sampled_from(["wq-1", "wq-2"]),
        st.integers(0, 19),
        st.sampled_from([0.1, 0.5, 2.5]),
        st.sampled_from("NNNT"),
        st.integers(20, 60),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda one: one[:2],
)


def figures(site: Site) -> dict[Any, Any]:
    """All counts, and the values where there are any."""
    found = {}
    for size in ("water_5m", "water_1h", "water_1d", "district_1h", "district_1d"):
        for row in site.bucket.rows(size):
            key = (size, row["time"], row.get("device"), row.get("place"), row["parameter"])
            names = ("min", "max", "mean", "sum") if size.startswith("water") and row["valid"] else ()
            found[key] = [row[name] for name in FIELDS], [round(row[name], 9) for name in names]
    return found


def site_in(folder: Path, bucket: Bucket) -> Site:
    """Two devices at two places of one district; figures begin at midnight."""
    folder.mkdir()
    site = Site(folder, bucket)
    site.register("places", PLACE, PLACE | {"id": "out-2"})
    site.register("devices", *(DEVICE | {"id": f"wq-{n}", "place": f"out-{n}", "channels": CHANNELS} for n in (1, 2)))
    site.send("wq-1", MIDNIGHT, {"temperature": 12.0})
    return site


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(READINGS)
def test_figures_do_not_depend_on_the_way_readings_came(
    tmp_path: Path, influx_bucket: Bucket, readings: list[tuple[Any, ...]]
) -> None:
    """Once reading by reading with passes, repeats and restarts between, once all at once and in order."""
    influxd = influx_bucket.influxd
    sites = []
    for name in ("one_by_one", "at_once"):
        bucket = f"b{uuid.uuid4().hex}"
        influxd.query("", f'CREATE DATABASE "{bucket}"')
        folder = tmp_path / f"{name}{len(list(tmp_path.iterdir()))}"
        sites.append(site_in(folder, Bucket(influxd, influx_bucket.url, bucket)))
    piece, whole = sites
    try:
        for device, minute, value, flag, _, _ in sorted(readings):
            whole.send(device, MIDNIGHT + minute * MINUTE, {"chlorine_free": value}, flag=flag)
        for device, minute, value, flag, comes, restart in sorted(readings, key=lambda one: one[4]):
            for _ in range(2):
                piece.send(device, MIDNIGHT + minute * MINUTE, {"chlorine_free": value}, flag=flag, late=True)
            piece.at(comes)
            if restart:
                piece.again()
        for site in sites:
            site.at(61)

        assert figures(piece) == figures(whole)
    finally:
        for site in sites:
            site.close()
