"""A file that nobody has seen before: other names, units, times and a zone; a map file is all that it needs."""

from __future__ import annotations

import asyncio
import csv
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.plugins.gateways import NewGateway
from tests.plugins.influx import Bucket
from tests.plugins.mosquitto import Mosquitto
from tests.support.recorded import Measured, Recording, assert_same, cells, expected, flow, in_influxd, write_map

pytestmark = [pytest.mark.mosquitto, pytest.mark.influxd]
DEVICE = "secondary-7"
FORMAT = "%Y年%m月%d日 %H时%M分"
#: Asia/Shanghai has had no summer time since 1991.
SHANGHAI = timezone(timedelta(hours=8))
ROWS = 600
COLUMNS = [
    Measured("余氯", "chlorine_free", "-", "ppb", lambda ppb: ppb / 1000),
    Measured("EC (mS)", "conductivity", "-", "mS/cm", lambda ms: ms * 1000),
    Measured("T_F", "temperature", "-", "degF", lambda f: (f - 32) / 1.8),
    Measured("P in", "pressure", "in", "psi", lambda psi: psi * 4.4482216152605 / 0.00064516 / 1000),
    Measured("P out", "pressure", "out", "bar", lambda bar: bar * 100),
]


@pytest.fixture
def unheard_of(tmp_path: Path) -> Recording:
    """A file in the columns' own order, with a byte order mark, remarks, and cells that mean nothing was measured."""
    path = tmp_path / "unheard-of.csv"
    begin = datetime(2024, 2, 28, 23, 50)  # noqa: DTZ001 - the clock on the wall
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["备注", "T_F", "余氯", "采样时间", "P in", "EC (mS)", "P out"])
        for n in range(ROWS):
            at = (begin + timedelta(minutes=2 * n)).strftime(FORMAT)
            chlorine = "-999" if n % 50 == 7 else str(300 + n % 40)
            pressure = "--" if n % 70 == 9 else f"{52 + n % 9}.{n % 10}"
            writer.writerow(["ok, so far", f"{60 + n / 100:.2f}", chlorine, at, pressure, f"0.{300 + n % 90}", ""])
            if n % 100 == 0:
                writer.writerow(["nothing", "", "-999", at.replace("2024年", "2020年"), "--", "", ""])
    rows = [{name: "" if cell in {"-999", "--"} else cell for name, cell in row.items()} for row in cells(path)]
    times = []
    for row in rows:
        local = datetime.strptime(row["采样时间"], FORMAT).replace(tzinfo=SHANGHAI)
        times.append(int(local.timestamp() * 1000))
    mapping = write_map(
        tmp_path / "unheard-of.yaml",
        COLUMNS,
        device=DEVICE,
        name={"zh": "某小区泵房", "en": "A pump room"},
        place="estate-7",
        place_kind="secondary_supply",
        time={"column": "采样时间", "format": FORMAT, "zone": "Asia/Shanghai"},
        skip=["-999", "--"],
    )
    return Recording(path, mapping, rows, expected(rows, times, COLUMNS))


async def test_a_map_file_alone_brings_in_any_csv(
    unheard_of: Recording, mosquitto: Mosquitto, influx_bucket: Bucket, new_gateway: NewGateway
) -> None:
    """Imported as a registry file and then replayed, it yields each value once, in the catalogue's units and UTC."""
    gateway = new_gateway(mosquitto.url, influx_bucket)
    await flow(unheard_of, mosquitto, gateway)
    (place,) = (await asyncio.to_thread(gateway.get, "/api/v1/places"))["items"]

    assert unheard_of.empty == ROWS // 100
    for measured, series in unheard_of.series.items():
        if len(series.ts):
            assert_same(await asyncio.to_thread(in_influxd, influx_bucket, DEVICE, measured), series)
    assert [one.column for one, series in unheard_of.series.items() if not len(series.ts)] == ["P out"]
    assert (place["id"], place["kind"], place["name"]["zh"]) == ("estate-7", "secondary_supply", "某小区泵房")
    tagged = influx_bucket.query('SHOW TAG VALUES FROM "water" WITH KEY = "place"')
    assert [row[1] for row in tagged[0]["values"]] == ["estate-7"]
