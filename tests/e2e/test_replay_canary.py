"""A hundred days of a real distribution-system station and its plant, from the file into both stores.

The recorded times are wall-clock times of a US zone: the only three rows without a value are those of the hour that
2006-04-02 did not have there. Eastern time is the test's choice; any zone with that rule gives the same gaps.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.drive.pace import Acknowledged
from tests.plugins.gateways import NewGateway
from tests.plugins.influx import Bucket
from tests.plugins.mosquitto import Mosquitto
from tests.support.numbered import assert_each_counted_once
from tests.support.recorded import (
    Floats,
    Measured,
    Recording,
    Series,
    assert_same,
    cells,
    expected,
    flow,
    in_duckdb,
    in_influxd,
    write_map,
)

pytestmark = [pytest.mark.mosquitto, pytest.mark.shared, pytest.mark.timeout(300)]
DEVICE = "canary-b"
ZONE = "America/New_York"
FORMAT = "%m/%d/%Y %H:%M:%S"


def celsius(fahrenheit: Floats) -> Floats:
    """The definition, not the product's factors."""
    return (fahrenheit - 32) / 1.8


def kilopascal(psi: Floats) -> Floats:
    """A pound-force on a square inch."""
    return psi * 4.4482216152605 / 0.00064516 / 1000


def cubic_metres_an_hour(mgd: Floats) -> Floats:
    """A million US gallons of 3.785411784 l a day."""
    return mgd * 3785.411784 / 24


CHLORINE = Measured("B_CL2_VAL", "chlorine_free", "B", "mg/L")
TEMPERATURE = Measured("B_TEMP_VAL", "temperature", "B", "degF", celsius)
STATION = [
    CHLORINE,
    TEMPERATURE,
    Measured("B_TURB_VAL", "turbidity", "B", "NTU"),
    Measured("B_PH_VAL", "ph", "B", "pH"),
    Measured("B_TOC_VAL", "toc", "B", "mg/L"),
    Measured("B_COND_VAL", "conductivity", "B", "uS/cm"),
    Measured("B_PRES_OP", "pressure", "B", "psi", kilopascal),
    Measured("B_PLNT_PRES_OP", "pressure", "plant", "psi", kilopascal),
    Measured("B_PLNT_PH_VAL", "ph", "plant", "pH"),
    Measured("B_PLNT_TURB_VAL", "turbidity", "plant", "NTU"),
    Measured("B_PLNT_FLOW_OP", "flow", "plant", "MGD", cubic_metres_an_hour),
    Measured("B_PLNT_CL2_VAL", "chlorine_free", "plant", "mg/L"),
]


@pytest.fixture
def canary(shared: Path, tmp_path: Path) -> Recording:
    """The recorded station."""
    path = shared / "data" / "canary" / "Tutorial_Station_B.csv"
    rows = cells(path)
    zone = ZoneInfo(ZONE)
    times = [int(datetime.strptime(row["TimeStep"], FORMAT).replace(tzinfo=zone).timestamp() * 1000) for row in rows]
    time = {"column": "TimeStep", "format": FORMAT, "zone": ZONE}
    mapping = write_map(tmp_path / "canary.yaml", STATION, device=DEVICE, time=time)
    recording = Recording(path, mapping, rows, expected(rows, times, STATION))
    assert (recording.rows, recording.empty, recording.points) == (7200, 3, 86_364)
    return recording


async def test_every_value_of_the_recorded_station_arrives_once_in_duckdb(
    canary: Recording, mosquitto: Mosquitto, new_gateway: NewGateway
) -> None:
    """All 86,364 values are stored with time, point and unit; 30 days of no chlorine are one alert; a replay agrees."""
    gateway = new_gateway(mosquitto.url)
    await flow(canary, mosquitto, gateway)
    path = f"/api/v1/readings?device={DEVICE}&parameter=temperature&point=B&limit=1&from=0"
    (shown,) = (await asyncio.to_thread(gateway.get, path))["items"]
    alerts = (await asyncio.to_thread(gateway.get, "/api/v1/alerts?limit=1000"))["items"]
    assert await asyncio.to_thread(gateway.stop) == 0

    for measured, series in canary.series.items():
        assert_same(in_duckdb(gateway.folder / "readings.duckdb", DEVICE, measured), series)
    acknowledged = Acknowledged()
    acknowledged.numbers[DEVICE] = set(range(1, canary.rows - canary.empty + 1))
    await asyncio.to_thread(assert_each_counted_once, gateway.folder, acknowledged)
    first = canary.series[TEMPERATURE]
    assert (shown["ts"], shown["parameter_unit"], shown["point"]) == (first.ts[0], "degC", "B")
    assert shown["value"] == pytest.approx(first.values[0])
    assert_one_alert_of_the_dead_sensor(canary.series[CHLORINE], alerts)


def assert_one_alert_of_the_dead_sensor(chlorine: Series, alerts: list[dict[str, Any]]) -> None:
    """Below the minimum since the first zero of 02-26, cleared after the last one of 03-28."""
    zeros = chlorine.ts[chlorine.values < 0.05]
    assert (zeros[-1] - zeros[0]) / 86_400_000 == pytest.approx(30, abs=0.2)
    (low,) = [one for one in alerts if one["rule"] == "chlorine-free-low" and one["point"] == "B"]
    assert (low["since"], low["parameter"], low["limit_value"]) == (zeros[0], "chlorine_free", 0.05)
    assert low["fired_at"] <= low["cleared_at"]


@pytest.mark.influxd
async def test_every_value_of_the_recorded_station_arrives_once_in_influxd(
    canary: Recording, mosquitto: Mosquitto, influx_bucket: Bucket, new_gateway: NewGateway
) -> None:
    """All 86,364 values stand in influxd with their time, point and unit, none twice and no other."""
    gateway = new_gateway(mosquitto.url, influx_bucket)
    await flow(canary, mosquitto, gateway)

    for measured, series in canary.series.items():
        assert_same(await asyncio.to_thread(in_influxd, influx_bucket, DEVICE, measured), series)
