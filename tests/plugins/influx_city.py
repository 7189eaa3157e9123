"""Fixture: a real influxd with 20 places and 24 hours that end now, filled the real way once for all workers."""

from __future__ import annotations

import fcntl
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from devices.simulate.city import City
from tests.influx_servers import Served, shim
from tests.plugins.influx import TOKEN, Bucket, Influxd, need_influxd
from tests.support.influx_city import InfluxCity, fill
from tests.support.influx_town import Town
from tests.support.inside import settings_for

__all__ = ["InfluxCity", "city_in", "influx_city"]

_NAME = "city"


@pytest.fixture(scope="session")
def influx_city(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[InfluxCity]:
    """Two waterworks, house supplies, a radiation room and three hospitals; each worker has its own copy, to read."""
    need_influxd()
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "influx-city"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "city.json").exists():
            _fill(shared)
    own = tmp_path_factory.mktemp("influx-city")
    shutil.copytree(shared / "influxd", own / "influxd")
    influxd, served = _served(own / "influxd")
    known = msgspec.json.decode((shared / "city.json").read_bytes())
    yield InfluxCity(**known, bucket=Bucket(influxd, served.url, _NAME))
    served.stop()
    influxd.kill()


def _fill(shared: Path) -> None:
    influxd, served = _served(shared / "influxd")
    influxd.query("", f'CREATE DATABASE "{_NAME}"')
    city = city_in(Bucket(influxd, served.url, _NAME), shared)
    served.stop()
    # What it has in memory is written before it ends.
    influxd.kill(signal.SIGTERM)
    known = {key: value for key, value in city._asdict().items() if key != "bucket"}
    (shared / "city.json").write_bytes(msgspec.json.encode(known))


def _served(folder: Path) -> tuple[Influxd, Served]:
    influxd = Influxd(folder)
    influxd.start()
    return influxd, Served(shim(influxd.url, TOKEN))


def city_in(bucket: Bucket, folder: Path) -> InfluxCity:
    """The same in any empty bucket."""
    waste = City.of(hospitals=3, clinics=4, points=1, beds=80)
    town = Town.of(20)
    town.climate(waste)
    settings = settings_for(folder / "data", "mqtt://127.0.0.1:1", bucket)
    return fill(bucket, settings, town, waste, end=time.time_ns() // 1_000_000)
