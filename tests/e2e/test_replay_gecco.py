"""Three months of a real outlet, one reading a minute, from the compressed file into both stores.

``Cl`` and ``Cl_2`` are chlorine dioxide at two places of the plant; rows without any value are real outages.
"""

from __future__ import annotations

import asyncio
import gzip
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from tests.plugins.gateways import NewGateway
from tests.plugins.influx import Bucket
from tests.plugins.mosquitto import Mosquitto
from tests.support.recorded import (
    Measured,
    Recording,
    assert_same,
    cells,
    expected,
    flow,
    in_duckdb,
    in_influxd,
    write_map,
)

pytestmark = [pytest.mark.mosquitto, pytest.mark.shared, pytest.mark.timeout(300)]
DEVICE = "outlet-1"
OUTLET = [
    Measured("Tp", "temperature", "-", "degC"),
    Measured("Cl", "chlorine_dioxide", "-", "mg/L"),
    Measured("Cl_2", "chlorine_dioxide", "second", "mg/L"),
    Measured("pH", "ph", "-", "pH"),
    Measured("Redox", "orp", "-", "mV"),
    Measured("Leit", "conductivity", "-", "uS/cm"),
    Measured("Trueb", "turbidity", "-", "NTU"),
    Measured("Fm", "flow", "-", "m3/h"),
    Measured("Fm_2", "flow", "second", "m3/h"),
]
RECORDED = ("data", "gecco", "gecco2018_train.csv.gz")
#: Some weeks with outages in them: what a store must prove it proves there. All of it is for ``make faults``.
WEEKS = (30_000, 45_000)


def recording_of(path: Path, folder: Path) -> Recording:
    """A recorded file with its map."""
    rows = cells(path)
    times = [int(datetime.fromisoformat(row["Time"]).replace(tzinfo=UTC).timestamp() * 1000) for row in rows]
    time = {"column": "Time", "format": "iso8601", "zone": "UTC"}
    place = {"place_kind": "water_outlet", "disinfectant": "chlorine_dioxide"}
    mapping = write_map(folder / "gecco.yaml", OUTLET, device=DEVICE, time=time, **place)
    return Recording(path, mapping, rows, expected(rows, times, OUTLET))


def weeks_of(shared: Path, folder: Path) -> Recording:
    """Some of the rows only."""
    short = folder / "short.csv"
    with gzip.open(shared.joinpath(*RECORDED), "rt", encoding="utf-8") as lines:
        short.write_text("".join([next(lines), *islice(lines, *WEEKS)]), "utf-8")
    return recording_of(short, folder)


@pytest.mark.slow
async def test_every_value_of_three_months_arrives_once_in_duckdb(
    shared: Path, mosquitto: Mosquitto, new_gateway: NewGateway, tmp_path: Path
) -> None:
    """All 1,246,697 values of 139,566 rows are in the embedded store once, and a lack of the disinfectant was told."""
    recording = recording_of(shared.joinpath(*RECORDED), tmp_path)
    assert (recording.rows, recording.empty, recording.points) == (139_566, 1_044, 1_246_697)
    gateway = new_gateway(mosquitto.url)
    await flow(recording, mosquitto, gateway)
    alerts = (await asyncio.to_thread(gateway.get, "/api/v1/alerts?limit=1000"))["items"]
    assert await asyncio.to_thread(gateway.stop) == 0

    for measured, series in recording.series.items():
        assert_same(in_duckdb(gateway.folder / "readings.duckdb", DEVICE, measured), series)
    low = [one for one in alerts if one["rule"] == "chlorine-dioxide-low"]
    assert {(one["parameter"], one["limit_value"], one["parameter_unit"]) for one in low} == {
        ("chlorine_dioxide", 0.1, "mg/L")
    }


async def test_every_value_of_some_weeks_arrives_once_in_duckdb(
    shared: Path, mosquitto: Mosquitto, new_gateway: NewGateway, tmp_path: Path
) -> None:
    """All values of some weeks are in the embedded store once, outages and all."""
    recording = weeks_of(shared, tmp_path)
    assert recording.empty > 0
    gateway = new_gateway(mosquitto.url)
    await flow(recording, mosquitto, gateway)
    assert await asyncio.to_thread(gateway.stop) == 0

    for measured, series in recording.series.items():
        assert_same(in_duckdb(gateway.folder / "readings.duckdb", DEVICE, measured), series)


@pytest.mark.influxd
async def test_every_value_of_some_weeks_arrives_once_in_influxd(
    shared: Path, mosquitto: Mosquitto, influx_bucket: Bucket, new_gateway: NewGateway, tmp_path: Path
) -> None:
    """All values of some weeks stand in influxd once, the two chlorine dioxides at their two points."""
    recording = weeks_of(shared, tmp_path)
    gateway = new_gateway(mosquitto.url, influx_bucket)
    await flow(recording, mosquitto, gateway)

    for measured, series in recording.series.items():
        assert_same(await asyncio.to_thread(in_influxd, influx_bucket, DEVICE, measured), series)
