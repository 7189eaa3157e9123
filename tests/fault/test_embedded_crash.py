"""The embedded store: killed while it writes, opened twice, damaged, or of a newer version."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from devices.reading import Row
from gateway.errors import StartError
from gateway.store.base import AlertPoint, CustodyPoints, RetryError, StoreStats, Tags, Telemetry
from gateway.store.embedded import EmbeddedStore

ROOT = Path(__file__).resolve().parents[2]
T0 = 1_732_200_000_000
TAGS = Tags("wq-1", "water")
_WRITER = """
import sys
from pathlib import Path
from devices.reading import Row
from gateway.store.base import Tags, Telemetry
from gateway.store.embedded import EmbeddedStore

store = EmbeddedStore(Path(sys.argv[1]))
store.open()
tags = Tags("wq-1", "water")
while True:
    first = store.stats().cursor + 1
    items = [Telemetry(n, n, 1, tags, [Row("-", n, ("ph", "orp"), [n / 2, n / 4])]) for n in range(first, first + 50)]
    store.write(items, first + 49)
    print(first + 49, flush=True)
"""


def start_writer(path: Path) -> subprocess.Popen[str]:
    """A process that writes batches and says each cursor that ``write`` returned for."""
    return subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_sigkill_at_random_moments_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """What was acknowledged is there, what is there is counted once, and the next start goes on behind it."""
    path = tmp_path / "series.duckdb"
    dice = random.Random(3)
    for _ in range(4):
        with start_writer(path) as writer:
            assert writer.stdout is not None
            acknowledged = -1
            for _ in range(dice.randint(1, 30)):
                acknowledged = int(writer.stdout.readline())
            writer.kill()
        store = EmbeddedStore(path)
        store.open()
        stats = store.stats()
        count = stats.cursor + 1
        assert stats.cursor >= acknowledged
        assert stats == StoreStats(cursor=stats.cursor, stored=count, points=2 * count)
        read = store.read(device="wq-1", point=None, parameter=None, start=0, end=T0, limit=10 * count)
        assert [(one.ts, one.parameter, one.value) for one in read] == [
            (n, name, n / part) for n in range(count) for name, part in (("orp", 4), ("ph", 2))
        ]
        store.close()


def test_a_file_that_another_process_holds_is_one_line_at_start(tmp_path: Path) -> None:
    """Two gateways never write one store."""
    path = tmp_path / "series.duckdb"
    with start_writer(path) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(StartError, match="in use by another process") as caught:
            EmbeddedStore(path).open()
        writer.kill()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"this is no database at all" * 1000, b""], ids=["other bytes", "a folder"])
def test_a_file_that_is_no_store_is_one_line_at_start(content: bytes, tmp_path: Path) -> None:
    """Nothing is overwritten, and the line names the file."""
    path = tmp_path / "series.duckdb"
    if content:
        path.write_bytes(content)
    else:
        path.mkdir()
    with pytest.raises(StartError, match=r"series\.duckdb") as caught:
        EmbeddedStore(path).open()
    assert "\n" not in str(caught.value)
    assert not content or path.read_bytes() == content


def test_a_store_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    """The layout that a file was written in stands in the file."""
    path = tmp_path / "series.duckdb"
    store = EmbeddedStore(path)
    store.open()
    store.close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE layout SET version = 99")
    with pytest.raises(StartError, match="newer Hygeia"):
        EmbeddedStore(path).open()


def test_a_batch_that_fails_inside_is_taken_back_whole(tmp_path: Path) -> None:
    """A failing insert leaves neither readings nor cursor, and the next call begins anew."""
    path = tmp_path / "series.duckdb"
    store = EmbeddedStore(path)
    store.open()
    store.close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("ALTER TABLE alert DROP COLUMN state")
        connection.execute("ALTER TABLE alert ADD COLUMN state INTEGER")
    store.open()
    reading = Telemetry(0, T0, 1, TAGS, [Row("-", T0, ("ph",), [7.0])])
    alert = AlertPoint(1, 0, TAGS, T0, "-", "r", "major", "active", "a", None, None)
    with pytest.raises(RetryError):
        store.write([reading, alert], 1)
    assert store.write([reading], 0) == []
    assert store.stats() == StoreStats(cursor=0, stored=1, points=1)
    assert len(store.read(device="wq-1", point=None, parameter=None, start=T0, end=T0 + 1, limit=9)) == 1
    store.close()


def test_receive_time_offset_and_lateness_come_back(tmp_path: Path) -> None:
    """The embedded store keeps what InfluxDB does not."""
    store = EmbeddedStore(tmp_path / "series.duckdb")
    store.open()
    rows = [Row("-", T0 - 5, ("ph", "orp"), [7.0, 600.0], late=[True, False])]
    store.write([Telemetry(17, T0 + 400, 1, TAGS, rows)], 17)
    found = store.read(device="wq-1", point="-", parameter=None, start=0, end=T0, limit=9)
    assert [(one.parameter, one.received_at, one.offset, one.late) for one in found] == [
        ("orp", T0 + 400, 17, False),
        ("ph", T0 + 400, 17, True),
    ]
    store.close()


def test_20_bags_in_one_scan_are_20_rows_with_one_group_weight(tmp_path: Path) -> None:
    """The mirror of custody has one row a container."""
    path = tmp_path / "series.duckdb"
    store = EmbeddedStore(path)
    store.open()
    bags = [f"bag-{n:02d}" for n in range(20)]
    group = CustodyPoints(1, T0, 1, TAGS, T0, "collect", "sharps", "e1", bags, {"net_g": 900, "tare_g": 10})
    alone = CustodyPoints(2, T0, 1, TAGS, T0, "collect", "sharps", "e2", ["x"], {"net_g": 400, "gross_g": 450})
    store.write([group, alone, AlertPoint(2, 0, TAGS, T0, "-", "r", "major", "active", "a", 0.02, None)], 2)
    store.close()
    with duckdb.connect(str(path)) as connection:
        rows = connection.execute(
            "SELECT container, net_g, gross_g, tare_g, group_net_g, group_n FROM custody ORDER BY container"
        ).fetchall()
        alerts = connection.execute("SELECT value, limit_value FROM alert").fetchall()
    assert rows[0] == ("bag-00", None, None, None, 900, 20)
    assert rows[1:20] == [(bag, None, None, None, None, None) for bag in bags[1:]]
    assert rows[20] == ("x", 400, 450, None, None, None)
    assert alerts == [(0.02, None)]


def test_reading_goes_on_in_other_threads_while_writing(tmp_path: Path) -> None:
    """A reader sees whole batches only, and never stops the writer."""
    store = EmbeddedStore(tmp_path / "series.duckdb")
    store.open()
    counts: list[int] = []
    errors: list[BaseException] = []
    done = threading.Event()

    def look() -> None:
        try:
            while not done.is_set():
                found = store.read(device="wq-1", point=None, parameter="ph", start=0, end=2 * T0, limit=10_000)
                counts.append(len(found))
        except BaseException as error:  # noqa: BLE001 - told to the test
            errors.append(error)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(30):
        extra = ("ph", f"p{n}")
        items = [Telemetry(k, T0, 1, TAGS, [Row("-", T0 + k, extra, [7.0, 1.0])]) for k in range(n * 10, n * 10 + 10)]
        store.write(items, n * 10 + 9)
    done.set()
    for thread in threads:
        thread.join()
    store.close()
    assert errors == []
    assert all(count % 10 == 0 for count in counts)
