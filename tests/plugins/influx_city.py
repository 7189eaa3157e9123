"""Fixture: a real influxd with 20 places and 24 hours that end now, filled the real way once a session."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from devices.simulate.city import City
from tests.plugins.influx import Bucket, Influxd
from tests.support.influx_city import InfluxCity, fill
from tests.support.influx_town import Town
from tests.support.inside import settings_for

__all__ = ["InfluxCity", "city_in", "influx_city"]


@pytest.fixture(scope="session")
def influx_city(shimmed_influxd: tuple[Influxd, str], tmp_path_factory: pytest.TempPathFactory) -> InfluxCity:
    """Two waterworks, house supplies, a radiation room and three hospitals in three districts."""
    influxd, url = shimmed_influxd
    influxd.query("", 'CREATE DATABASE "city"')
    bucket = Bucket(influxd, url, "city")
    return city_in(bucket, tmp_path_factory.mktemp("influx-city"))


def city_in(bucket: Bucket, folder: Path) -> InfluxCity:
    """The same in any empty bucket."""
    waste = City.of(hospitals=3, clinics=4, points=1, beds=80)
    town = Town.of(20)
    town.climate(waste)
    settings = settings_for(folder / "data", "mqtt://127.0.0.1:1", bucket)
    return fill(bucket, settings, town, waste, end=time.time_ns() // 1_000_000)
