"""Figures of periods on a real influxd: what comes late, is moved, silent, worked on or interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins.influx import Bucket
from tests.support.periods_site import CHANNELS, DEVICE, MIDNIGHT, MINUTE, PLACE, Site

pytestmark = pytest.mark.influxd
COUNTS = ("due", "received", "valid", "judged", "compliant")


@pytest.fixture
def site(tmp_path: Path, influx_bucket: Bucket) -> Iterator[Site]:
    """An outlet with one device of two channels that reports every minute."""
    site = Site(tmp_path, influx_bucket)
    site.register("places", PLACE)
    site.register("devices", DEVICE | {"channels": CHANNELS})
    yield site
    site.close()


def test_a_late_reading_changes_the_figures_of_5_minutes_hour_and_day(site: Site) -> None:
    """Four of five readings came; the fifth comes an hour later and breaks the limit."""
    site.every("wq-1", [0, 1, 2, 3], chlorine_free=0.5)
    site.at(6)
    key = (0, "wq-1", "out-1", "chlorine_free")
    for size in ("5m", "1h", "1d"):
        assert site.figures(f"water_{size}", *COUNTS, "min")[key] == (5, 4, 4, 4, 4, 0.5)

    site.clock.now = MIDNIGHT + 7 * MINUTE
    site.send("wq-1", MIDNIGHT + 4 * MINUTE, {"chlorine_free": 0.1}, late=True)
    site.at(8)

    for size in ("5m", "1h", "1d"):
        assert site.figures(f"water_{size}", *COUNTS, "min")[key] == (5, 5, 5, 5, 4, 0.1)
