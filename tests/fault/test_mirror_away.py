"""The mirror while InfluxDB is away, refuses, or answers nonsense: nothing else notices, and all is written anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from devices.simulate.city import City
from devices.simulate.waste import Rounds, Waste
from gateway.mirror.mirror import Mirror
from gateway.store.influx_write import UnwrittenError
from tests.influx_servers import MoodyInflux, says
from tests.plugins.influx import Bucket
from tests.support.influx_city import Message, entry
from tests.support.influx_town import Town
from tests.support.inside import settings_for
from tests.support.quiet_gateway import QuietGateway

MINUTE, HOUR = 60_000, 3_600_000
START = 1_795_305_600_000
DEADLINE_S = 20.0


class _Place:
    """What ``settings_for`` asks of a bucket, for a server that is none."""

    def __init__(self, url: str) -> None:
        self.url, self.org, self.bucket, self.token = url, "tests", "b", "a-token"


def _gateway(folder: Path, bucket: Bucket) -> QuietGateway:
    found = QuietGateway(settings_for(folder, "mqtt://127.0.0.1:1", bucket), START)
    town = Town.of(9, districts=2)
    waste = Waste(City(), Rounds(START, HOUR, HOUR), seed=1, stamp=1)
    found.command("registry.apply", changes=town.changes(town.registry(City(), waste)))
    return found


@pytest.fixture
def away(own_influx: Bucket, tmp_path: Path) -> Iterator[tuple[QuietGateway, Bucket]]:
    """A gateway with nine places, and its own influxd to be killed."""
    found = _gateway(tmp_path / "data", own_influx)
    yield found, own_influx
    found.close()


@pytest.mark.influxd
def test_a_server_that_is_away_costs_the_missed_minutes_only(away: tuple[QuietGateway, Bucket]) -> None:
    """Decide goes on meanwhile; the first minute after it is back has all, and days and loads are caught up."""
    gateway, bucket = away
    gateway.mirror.run_once(START)
    bucket.influxd.kill()
    bad = [
        entry(Message(START + n * MINUTE, "hygeia/v1/t/wq-wtp-1-out/up/telemetry", b'{"ph":2.5}')) for n in range(1, 5)
    ]
    gateway.take(bad, START + 5 * MINUTE)
    for minute in (6, 7):
        with pytest.raises(UnwrittenError):
            gateway.mirror.run_once(START + minute * MINUTE)
    assert gateway.core.decider.fold.counters["alerts_fired"] > 0
    assert gateway.core.decider.failed is None

    bucket.influxd.start()
    gateway.mirror.run_once(START + 31 * MINUTE)

    times = [row["time"] // 1_000_000 for row in bucket.rows("gateway")]
    assert times == [START, START + 31 * MINUTE]
    places = bucket.rows("place", f"WHERE time = {(START + 31 * MINUTE) * 1_000_000}")
    assert len(places) == 9
    assert (
        sum(row["fired"] for row in bucket.rows("alert_day"))
        == sum(row["fired"] for row in bucket.rows("alert_load"))
        > 0
    )


@pytest.mark.parametrize(
    ("answer", "held"),
    [
        ((503, ""), False),
        ((429, "slow down"), False),
        ((401, "unauthorized"), True),
        ((302, ""), True),
        ((200, "<html>login</html>"), True),
    ],
)
def test_what_is_no_204_is_not_written(
    answer: tuple[int, str], held: bool, moody_influx: tuple[MoodyInflux, str], tmp_path: Path
) -> None:
    """A pass that was not taken is made anew, whole, by the next one."""
    server, url = moody_influx
    gateway = _gateway(tmp_path / "data", _Place(url))  # type: ignore[arg-type]
    try:
        gateway.settle()
        server.moods = [says(*answer)]
        with pytest.raises(UnwrittenError) as caught:
            gateway.mirror.run_once(START + MINUTE)

        written = gateway.mirror.run_once(START + 2 * MINUTE)

        assert caught.value.held is held
        names = {series.decode().partition(",")[0] for series, _ in server.points}
        assert names >= {"place", "unit", "device_health", "gateway"}
        assert written == len([one for one in server.points if not one[0].startswith(b"alert,")])
    finally:
        gateway.close()


def test_one_line_that_is_refused_costs_no_other(moody_influx: tuple[MoodyInflux, str], tmp_path: Path) -> None:
    """Its neighbours are written, the log says which it was, and the pass is done."""
    server, url = moody_influx
    gateway = _gateway(tmp_path / "data", _Place(url))  # type: ignore[arg-type]
    try:
        gateway.settle()
        server.refuse = b"place=wtp-1-out"
        with structlog.testing.capture_logs() as logs:
            gateway.mirror.run_once(START + MINUTE)

        refused = [one for one in logs if one["event"] == "the mirror: a line was refused"]
        assert {one["line"].partition(",")[0] for one in refused} == {"place", "device_health"}
        assert sum(series.startswith(b"place,") for series, _ in server.points) == 8
    finally:
        gateway.close()


def test_the_thread_goes_on_by_itself(moody_influx: tuple[MoodyInflux, str], tmp_path: Path) -> None:
    """On a fast clock: refused at first, written as soon as the server takes it, ended in time."""
    server, url = moody_influx
    gateway = _gateway(tmp_path / "data", _Place(url))  # type: ignore[arg-type]
    clock = _Minutes(START)
    mirror = Mirror(gateway.view, gateway.core, clock)
    try:
        gateway.settle()
        server.always = says(503)
        mirror.start()
        _wait_for(lambda: server.requests > 3 and mirror.state == "behind")
        server.always = None
        _wait_for(lambda: any(series.startswith(b"gateway,") for series, _ in server.points))
        _wait_for(lambda: mirror.state == "ok")
    finally:
        ended = mirror.stop(10)
        gateway.close()
    assert ended


class _Minutes:
    """A clock on which every look is a minute later, and a minute takes ten milliseconds."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now_ms(self) -> int:
        """See ``Clock.now_ms``."""
        self._now += MINUTE
        return self._now

    def monotonic(self) -> float:
        """See ``Clock.monotonic``."""
        return self._now / 1000

    def wall_seconds(self, seconds: float) -> float:
        """See ``Clock.wall_seconds``."""
        return seconds / 6000


def _wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)
