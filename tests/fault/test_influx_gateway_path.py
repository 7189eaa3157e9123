"""From the journal to a misbehaving InfluxDB: nothing is lost, nothing twice, and the bad line is parked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from aiohttp import web

from gateway import state
from tests.influx_servers import (
    Mood,
    MoodyInflux,
    breaks_half_way,
    says,
    stores_then_breaks,
    stores_too_late,
)
from tests.support.influx_site import MINUTE, InfluxSite, Place

T0 = 1_732_200_000_000
#: Messages of one story, and the one whose line is bad.
COUNT, BAD = 300, 177


@pytest.fixture
def site(tmp_path: Path, moody_influx: tuple[MoodyInflux, str]) -> Iterator[InfluxSite]:
    """An installation whose store is the misbehaving server, which never takes the line of one reading."""
    moody_influx[0].refuse = f"chlorine_free={BAD / 1000}".encode()
    made = InfluxSite(tmp_path / "data", Place(moody_influx[1]), T0)
    yield made
    made.close()


def tell(site: InfluxSite, first: int = 0) -> None:
    """Receive one reading a minute."""
    for n in range(first, first + COUNT):
        at = T0 + n * MINUTE
        site.receive(at, "wq-1", {"ts": at, "values": {"chlorine_free": n / 1000}})


def stored(server: MoodyInflux) -> dict[int, bytes]:
    """Time (ms) and value of every reading that is in."""
    kept = {ns // 1_000_000: fields for (series, ns), fields in server.points.items() if series.startswith(b"water,")}
    return {at: fields.partition(b",")[0].partition(b"=")[2] for at, fields in kept.items()}


def whole(first: int = 0) -> dict[int, bytes]:
    """What must be in after ``tell``."""
    numbers = range(first, first + COUNT)
    return {T0 + n * MINUTE: str(n / 1000).encode() for n in numbers if n != BAD}


STORIES: dict[str, tuple[Callable[[], list[Mood]], str]] = {
    "503 again and again": (lambda: [says(503, "busy")] * 4, "behind"),
    "429 with Retry-After": (lambda: [says(429, "slow down", Retry_After="1")], "behind"),
    "stored, but the connection broke": (lambda: [stores_then_breaks()] * 2, "behind"),
    "closed half-way": (lambda: [breaks_half_way()] * 2, "behind"),
    "401": (lambda: [says(401, '{"code":"unauthorized","message":"unauthorized access"}')] * 2, "held"),
    "a login page with 200": (lambda: [says(200, "<html>please log in</html>")], "held"),
    "a redirect": (lambda: [says(302, "", Location="/login")], "held"),
    "all is well but for the line": (list, ""),
}


@pytest.mark.parametrize("story", STORIES)
def test_the_gateway_gets_everything_in_once_and_parks_the_bad_line(
    story: str, site: InfluxSite, moody_influx: tuple[MoodyInflux, str]
) -> None:
    """Each reading stands there once, one is parked with the server's words, the alarm said what kind of trouble."""
    server, _ = moody_influx
    make, trouble = STORIES[story]
    server.moods = make()
    tell(site)
    site.settle(troubled=True)
    assert stored(server) == whole()
    stats = site.core.store.stats()
    assert (stats.stored, stats.parked, stats.points) == (COUNT - 1, 1, COUNT - 1)
    with site.core.engine.connect() as connection:
        (row,) = connection.execute(sa.select(state.store_parked)).mappings()
    assert (row["reason"], bool(row["whole"])) == ("store_refused", True)
    assert "unable to parse line" in row["detail"]
    assert site.troubles <= {trouble}
    assert trouble != "held" or site.troubles == {"held"}
    assert server.elsewhere == []


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_whole_minute_of_503_loses_nothing(site: InfluxSite, moody_influx: tuple[MoodyInflux, str]) -> None:
    """A server that is busy for sixty real seconds gets everything once afterwards."""
    server, _ = moody_influx
    busy_until = time.monotonic() + 60

    async def busy(server: MoodyInflux, request: web.Request, lines: list[bytes]) -> web.StreamResponse:
        if time.monotonic() < busy_until:
            return await says(503, "busy")(server, request, lines)
        return await server.take(lines)

    server.always = busy
    tell(site)
    site.settle(troubled=True, within=300)
    assert time.monotonic() > busy_until
    assert stored(server) == whole()
    assert site.troubles == {"behind"}


def test_a_413_and_a_slow_server_lose_nothing(site: InfluxSite, moody_influx: tuple[MoodyInflux, str]) -> None:
    """Bodies are cut until they fit, also where the first answer takes its time."""
    server, _ = moody_influx
    server.most_lines = 40
    released = threading.Event()
    server.moods = [stores_too_late(released)]
    tell(site)
    released.set()
    site.settle(troubled=True)
    assert stored(server) == whole()


def test_trouble_in_the_middle_does_not_change_what_alerts_see(
    site: InfluxSite, moody_influx: tuple[MoodyInflux, str]
) -> None:
    """Decisions go on while the store is refused; afterwards both agree."""
    server, _ = moody_influx
    server.always = says(503, "busy")
    tell(site)
    site.flush()
    assert site.core.decider.cursor > COUNT
    assert site.core.store.stats().points == 0
    with site.core.engine.connect() as connection:
        fired = connection.scalar(sa.select(sa.func.count()).select_from(state.transitions))
    assert fired
    server.always = None
    tell(site, COUNT)
    site.settle(troubled=True)
    assert stored(server) == whole() | whole(COUNT)
