"""The filled city has in it what dashboards must be able to show: silence, parked messages, work, alerts, waste."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.influx_city import InfluxCity

pytestmark = pytest.mark.influxd


def _now(city: InfluxCity, measurement: str, tag: str, value: str) -> dict[str, Any]:
    """The newest row of one subject."""
    rows = city.bucket.rows(measurement, f"WHERE \"{tag}\" = '{value}'")
    assert rows, (measurement, value)
    return rows[-1]


def test_the_silent_device_and_its_place_show(influx_city: InfluxCity) -> None:
    """It sends nothing for three hours: not online, and its place has no data."""
    device = _now(influx_city, "device_health", "device", influx_city.offline_device)

    assert (device["online"], device["silent_s"] > 10_000) == (0, True)
    assert _now(influx_city, "place", "place", device["place"])["state"] == 4


def test_what_was_parked_counts_for_the_device_that_sent_it(influx_city: InfluxCity) -> None:
    """What decide parked, and what InfluxDB refused."""
    parked, refused, other = (
        max(row["parked"] for row in influx_city.bucket.rows("device_health", f"WHERE \"device\" = '{name}'"))
        for name in (influx_city.parked_device, influx_city.refused_device, influx_city.worked_device)
    )

    assert (parked, refused, other) == (1, 1, 0)
    assert influx_city.bucket.rows("gateway")[-1]["parked"] == 3


def test_work_and_calibration_show(influx_city: InfluxCity) -> None:
    """A session is open at the end of the day; the calibration of the morning was today."""
    device = _now(influx_city, "device_health", "device", influx_city.worked_device)

    assert (device["in_work"], device["calibrated_days"], device["certificate_days"] > 0) == (1, 0, True)


def test_alerts_fired_were_taken_and_are_over(influx_city: InfluxCity) -> None:
    """Some of each, and the days add up to the slots."""
    days, slots = influx_city.bucket.rows("alert_day"), influx_city.bucket.rows("alert_load")
    sums = {name: sum(row[name] for row in days) for name in ("fired", "acknowledged", "closed", "standing")}

    assert all(sums.values()), sums
    assert sums["fired"] == sum(row["fired"] for row in slots)


def test_waste_stands_travels_and_is_gone(influx_city: InfluxCity) -> None:
    """Stores with and without something in them, manifests on the road and confirmed, an exception among the days."""
    bucket = influx_city.bucket
    days, stores, papers = bucket.rows("waste_day"), bucket.rows("waste_store"), bucket.rows("manifest")

    assert {row["containers"] > 0 for row in stores} == {True, False}
    assert {row["confirmed"] for row in papers} == {0, 1}
    assert [row["state"] for row in papers if row["manifest"] == influx_city.manifest] == ["confirmed"]
    assert sum(row["exceptions"] for row in days) > 0
    assert sum(row["disposed"] for row in days) > 0
