"""A file that nobody has seen before: other names, units, times and a zone; a map file is all that it needs."""

from __future__ import annotations

import asyncio
import csv
import json
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import aiomqtt
import pytest

from tests.plugins.gateways import NewGateway
from tests.plugins.influx import Bucket
from tests.plugins.mosquitto import Mosquitto, StartMosquitto
from tests.support.process import HYGEIA
from tests.support.recorded import (
    Measured,
    Recording,
    assert_same,
    cells,
    expected,
    flow,
    in_influxd,
    replay,
    write_map,
)

pytestmark = pytest.mark.mosquitto
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


@pytest.mark.influxd
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


PH = Measured("ph", "ph", "-", "")
UNIX_TIME = {"column": "at", "format": "unix_s"}


async def test_the_recorded_pace_can_be_kept(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """With ``--speed 120`` minutes between two rows are half seconds between their messages."""
    path = tmp_path / "paced.csv"
    path.write_text("at,ph\n" + "".join(f"{1_770_000_000 + 60 * n},7.{n}\n" for n in range(4)), "utf-8")
    mapping = write_map(
        tmp_path / "paced.yaml",
        [Measured("ph", "ph", "-", "")],
        device="d-1",
        time={"column": "at", "format": "unix_s"},
    )
    loop = asyncio.get_running_loop()
    came = []
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        await client.subscribe("hygeia/v1/_/d-1/up/telemetry", qos=1)
        replaying = asyncio.create_task(replay(path, mapping, mosquitto.url, "--speed", "120"))
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            came.append((loop.time(), json.loads(message.payload)))
            if len(came) == 4:
                break
        said = await replaying

    assert said == {"published": 4, "points": 4, "skipped": 0}
    assert [one["ts"] for _, one in came] == [1_770_000_000_000 + 60_000 * n for n in range(4)]
    assert [one["values"] for _, one in came] == [{"ph": float(f"7.{n}")} for n in range(4)]
    assert came[-1][0] - came[0][0] > 1.2


@pytest.mark.parametrize("broker", ["mqtt://127.0.0.1:1", "mqtt://nobody:wrong@{}"])
async def test_a_broker_that_takes_nothing_ends_a_replay_with_one_line(
    start_mosquitto: StartMosquitto, tmp_path: Path, broker: str
) -> None:
    """Absent or refusing, it is named without the password, and the exit code is 2."""
    there = start_mosquitto(users={"somebody": "right"})
    path = tmp_path / "short.csv"
    path.write_text("at,ph\n1770000000,7\n", "utf-8")
    mapping = write_map(
        tmp_path / "short.yaml",
        [Measured("ph", "ph", "-", "")],
        device="d-1",
        time={"column": "at", "format": "unix_s"},
    )
    url = broker.format(f"127.0.0.1:{there.port}")
    command = [HYGEIA, "replay", str(path), "--map", str(mapping), "--broker", url]
    ran = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert url.rpartition("@")[2].removeprefix("mqtt://") in ran.stderr
    assert "wrong" not in ran.stderr
