"""The InfluxDB store against a server that misbehaves: nothing lost, nothing twice, the bad line parked."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa
from aiohttp import web

from devices.reading import Row
from gateway import state
from gateway.errors import StartError
from gateway.store.base import Item, RetryError, StoreParked, StoreStats, Tags, Telemetry
from gateway.store.influx import InfluxStore
from tests.influx_servers import (
    Mood,
    MoodyInflux,
    Served,
    breaks_half_way,
    problem,
    says,
    stores_then_breaks,
    stores_too_late,
)

T0 = 1_732_200_000_000
TOKEN = "a-secret-of-this-test"
Build = Callable[..., InfluxStore]


@pytest.fixture
def build(tmp_path: Path, moody_influx: tuple[MoodyInflux, str]) -> Iterator[Build]:
    """A function that opens a store on the misbehaving server; all end with the test."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'state.sqlite'}")
    state.metadata.create_all(engine)
    stores: list[InfluxStore] = []

    def make(url: str = moody_influx[1], timeout: float = 10.0, ca: str | None = None) -> InfluxStore:
        dice = random.Random(1)
        stores.append(InfluxStore(url, "org", "bucket", TOKEN, engine, timeout=timeout, dice=dice, ca=ca))
        stores[-1].open()
        return stores[-1]

    yield make
    for store in stores:
        store.close()
    engine.dispose()


def batch(count: int) -> list[Item]:
    """One value of each of ``count`` devices."""
    return [Telemetry(n, T0, 1, Tags(f"d{n:05d}", "water"), [Row("-", T0 + n, ("ph",), [n / 8])]) for n in range(count)]


def insist(store: InfluxStore, items: Sequence[Item], most: int = 20) -> tuple[list[StoreParked], list[RetryError]]:
    """Call ``write`` until it returns; what it parked, and what it raised before."""
    errors: list[RetryError] = []
    while True:
        try:
            return store.write(items, len(items) - 1), errors
        except RetryError as error:
            errors.append(error)
            assert store.stats() == StoreStats(), "nothing counts before all is in"
            assert len(errors) < most


def complete(server: MoodyInflux, count: int) -> bool:
    """Whether each value of ``batch(count)`` is in once, at its own time."""
    got = {ns: fields.split(b",")[0] for (_, ns), fields in server.points.items()}
    want = {(T0 + n) * 1_000_000: f"ph={n / 8}".encode() for n in range(count)}
    return len(server.points) == count and got == want


@pytest.mark.parametrize(
    "mood",
    [
        says(503, "<html>busy</html>"),
        says(500, '{"code":"internal error","message":"engine"}'),
        says(429, "slow down"),
        stores_then_breaks(),
        breaks_half_way(),
    ],
    ids=["503", "500", "429", "stores then breaks", "breaks half way"],
)
def test_a_passing_fault_costs_nothing_but_a_repetition(
    mood: Mood, build: Build, moody_influx: tuple[MoodyInflux, str]
) -> None:
    """After a few failures of one sort, each value is in once and counted once."""
    server, _ = moody_influx
    server.moods = [mood, mood, mood]
    store = build()
    parked, errors = insist(store, batch(300))
    assert parked == []
    assert errors
    assert not any(error.held for error in errors)
    assert complete(server, 300)
    assert store.stats() == StoreStats(cursor=299, stored=300, points=300)


def test_retry_after_is_honoured(build: Build, moody_influx: tuple[MoodyInflux, str]) -> None:
    """The writer waits at least as long as the server asks, in seconds."""
    moody_influx[0].moods = [says(429, "", Retry_After="7")]
    _, (error,) = insist(build(), batch(3))
    assert error.after >= 7


def test_waits_grow_while_the_server_is_away(build: Build, moody_influx: tuple[MoodyInflux, str]) -> None:
    """A dead server is asked ever more seldom, never less than once a minute."""
    moody_influx[0].moods = [says(503)] * 15
    _, errors = insist(build(), batch(3))
    waits = [error.after for error in errors]
    assert max(waits[:2]) < 2
    assert max(waits) > 10
    assert max(waits) <= 60


def test_a_slow_server_is_asked_again_and_its_late_work_does_no_harm(
    build: Build, moody_influx: tuple[MoodyInflux, str]
) -> None:
    """A request that outlives the writer's patience may still be carried out: nothing is there twice."""
    server, _ = moody_influx
    released = threading.Event()
    server.moods = [stores_too_late(released)]
    store = build(timeout=0.3)
    parked, errors = insist(store, batch(40))
    released.set()
    assert (parked, len(errors)) == ([], 1)
    assert complete(server, 40)
    assert store.stats().points == 40


@pytest.mark.parametrize("partly", [False, True], ids=["all refused", "the rest taken"])
def test_one_bad_line_among_5000_is_parked_alone(
    *, partly: bool, build: Build, moody_influx: tuple[MoodyInflux, str]
) -> None:
    """400 and 422 are bisected down to the line, which is parked with the server's words; all others are in."""
    server, _ = moody_influx
    server.refuse, server.partly = b"d03777", partly
    store = build()
    (parked,) = store.write(batch(5000), 4999)
    assert (parked.offset, parked.reason, parked.whole) == (3777, "store_refused", True)
    assert "device=d03777" in parked.detail["line"]
    assert parked.detail["words"] == ("partial write: dropped=1" if partly else "unable to parse line: missing fields")
    assert len(server.points) == 4999
    assert server.requests < 60
    assert store.stats() == StoreStats(cursor=4999, stored=4999, parked=1, points=4999)
    assert store.last_parked() == [parked]


def test_a_message_of_which_one_line_is_refused_keeps_the_others(
    build: Build, moody_influx: tuple[MoodyInflux, str]
) -> None:
    """A refused row of an array does not park the message."""
    server, _ = moody_influx
    server.refuse = b"point=bad"
    rows = [Row(point, T0, ("ph", "orp"), [7.0, 600.0]) for point in ("bad", "good")]
    store = build()
    (parked,) = store.write([Telemetry(0, T0, 1, Tags("d", "water"), rows)], 0)
    assert not parked.whole
    assert store.stats() == StoreStats(cursor=0, stored=1, points=2)


def test_many_refused_lines_are_each_parked(build: Build, moody_influx: tuple[MoodyInflux, str]) -> None:
    """Every line that InfluxDB itself refuses is parked, be it all of them."""
    server, _ = moody_influx
    server.refuse = b"ph"
    store = build()
    assert [one.offset for one in store.write(batch(20), 19)] == list(range(20))
    assert store.stats() == StoreStats(cursor=19, parked=20)


def test_413_is_split_until_it_fits(build: Build, moody_influx: tuple[MoodyInflux, str]) -> None:
    """A body that is too long goes in parts."""
    server, _ = moody_influx
    server.most_lines = 100
    assert build().write(batch(1500), 1499) == []
    assert complete(server, 1500)


def test_a_line_that_never_fits_is_parked(build: Build, moody_influx: tuple[MoodyInflux, str]) -> None:
    """A single line that is too long for the server does not stop the others."""
    server, _ = moody_influx
    server.moods = [says(413, '{"code":"request too large","message":"too large"}')]
    (parked,) = build().write(batch(1), 0)
    assert parked.detail["words"] == "too large"


@pytest.mark.parametrize(
    "mood",
    [
        says(401, '{"code":"unauthorized","message":"unauthorized access"}'),
        says(403, '{"code":"forbidden","message":"insufficient permissions"}'),
        says(404, '{"code":"not found","message":"bucket \\"bucket\\" not found"}'),
        says(200, "<html>please log in</html>"),
        says(201, "{}"),
        says(302, "", Location="/elsewhere"),
        says(307, "", Location="/elsewhere"),
        says(405, "no"),
    ],
    ids=["401", "403", "404", "login page", "201", "302", "307", "405"],
)
def test_what_needs_a_person_is_held_and_nothing_is_lost(
    mood: Mood, build: Build, moody_influx: tuple[MoodyInflux, str]
) -> None:
    """Refused credentials, a missing bucket, a page or a redirect hold the store; once repaired, all goes in."""
    server, _ = moody_influx
    store = build()
    server.moods = [mood] * 2
    parked, errors = insist(store, batch(50))
    assert parked == []
    assert [error.held for error in errors] == [True, True]
    assert server.elsewhere == []
    assert complete(server, 50)
    assert not any("\n" in str(error) or TOKEN in str(error) for error in errors)


def test_a_proxy_that_refuses_everything_is_not_believed(build: Build, moody_influx: tuple[MoodyInflux, str]) -> None:
    """400 without InfluxDB's own words for every line parks nothing: the store is held."""
    server, _ = moody_influx
    store = build()
    server.always = says(400, "<html>Bad Request</html>")
    with pytest.raises(RetryError, match="refuses every line") as caught:
        store.write(batch(200), 199)
    assert caught.value.held
    server.always = None
    assert store.write(batch(200), 199) == []
    assert complete(server, 200)


def test_some_requests_of_a_batch_failing_repeats_the_batch(
    build: Build, moody_influx: tuple[MoodyInflux, str]
) -> None:
    """Requests go out side by side; one that fails keeps the cursor where it is."""
    server, _ = moody_influx

    async def sometimes(server: MoodyInflux, _: web.Request, lines: list[bytes]) -> web.StreamResponse:
        return problem(503, "unavailable", "later") if server.requests % 3 == 1 else await server.take(lines)

    server.always = sometimes
    store = build()
    parked, errors = insist(store, batch(5000))
    assert parked == []
    assert errors
    assert complete(server, 5000)
    assert store.stats() == StoreStats(cursor=4999, stored=5000, points=5000)


def test_a_server_that_is_not_there_yet_is_no_error_at_start(build: Build) -> None:
    """The store opens without its server, and writes when it comes."""
    server = MoodyInflux()
    first = Served(server.app)
    first.stop()
    store = build(url=first.url, timeout=2.0)
    with pytest.raises(RetryError, match="does not answer") as caught:
        store.write(batch(5), 4)
    assert not caught.value.held
    second = MoodyInflux()
    served = Served(second.app, first.port)
    assert store.write(batch(5), 4) == []
    served.stop()
    assert complete(second, 5)


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404])
def test_a_refusal_of_the_first_line_says_what_to_check(status: int, build: Build) -> None:
    """Wrong credentials, a missing bucket or another server at the address hold the store, be it for one line."""
    server = MoodyInflux()
    refusing = says(status, "<html>\nno</html>", Location="/login")
    app = web.Application()

    async def handler(request: web.Request) -> web.StreamResponse:
        return await refusing(server, request, [])

    app.router.add_route("*", "/{rest:.*}", handler)
    served = Served(app)
    store = build(url=served.url)
    with pytest.raises(RetryError, match=r"influx\.token") as caught:
        store.write(batch(1), 0)
    served.stop()
    assert caught.value.held
    assert "\n" not in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_a_missing_file_of_certificates_is_said_at_start(tmp_path: Path, build: Build) -> None:
    """One line, and no thread or loop is left behind."""
    with pytest.raises(StartError, match="No such file"):
        build(url="https://127.0.0.1:1", ca=str(tmp_path / "absent.pem"))
