"""A city in a real InfluxDB, filled the real way: journal, decide, store, periods and mirror on a clock that is set.

Only broker and intake are left out: messages become journal records with the times that they would have had. Water
points are sampled as ``devices.simulate.water`` does, waste goes through whole chains (``devices.simulate.waste``).
"""

from __future__ import annotations

import contextlib
import heapq
import time
from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from devices.simulate.city import City
from devices.simulate.mishaps import Mishaps
from devices.simulate.scan import Chain
from devices.simulate.waste import Rounds, Waste
from devices.simulate.water import Trouble, WaterPoint
from gateway import state
from gateway.config import Settings
from gateway.journal.record import Kind, message_body, origin
from gateway.journal.writer import Entry
from tests.plugins.influx import Bucket
from tests.support.influx_town import Station, Town
from tests.support.quiet_gateway import QuietGateway

MINUTE, HOUR = 60_000, 3_600_000
#: So much is journaled and decided at a time.
STEP = 10 * MINUTE
#: One waste round begins every so many hours and takes so many: the last one is under way when the day ends.
_ROUND_H, _CHAIN_H = 7, 10
_SEED = 20_261_122
_WHERE = origin("mqtt", "127.0.0.1:1883", "127.0.0.1:1883", "hygeia")
_NEVER = 2**62
#: The clock of an instrument that lost its battery: InfluxDB holds no time so late, and refuses the line.
_BEYOND_INFLUX = 9_300_000_000_000

_encode = msgspec.json.Encoder().encode


class Message(NamedTuple):
    """What a device published: when (ms), its topic, its bytes."""

    at: int
    topic: str
    payload: bytes


class InfluxCity(NamedTuple):
    """A filled database and what is in it; ``start`` and ``end`` in ms, ``seconds`` by what they were spent on."""

    bucket: Bucket
    registry: dict[str, list[dict[str, Any]]]
    start: int
    end: int
    districts: tuple[str, ...]
    places: tuple[str, ...]
    devices: tuple[str, ...]
    offline_device: str
    parked_device: str
    refused_device: str
    worked_device: str
    waterworks: str
    container: str
    manifest: str
    store_place: str
    seconds: dict[str, float]


def fill(
    bucket: Bucket, settings: Settings, town: Town, waste: City, *, end: int, hours: int = 24, mirror_every: int = 60
) -> InfluxCity:
    """Fill ``bucket`` with ``hours`` before ``end``; the mirror writes every so many minutes, at last each ten.

    ``settings`` name the bucket and an empty data folder.
    """
    end = end // MINUTE * MINUTE
    start = (end - hours * HOUR) // HOUR * HOUR
    gateway = QuietGateway(settings, start - MINUTE)
    spent: dict[str, float] = {}
    try:
        return _filled(gateway, bucket, town, waste, start, end, mirror_every * MINUTE, spent)
    finally:
        gateway.close()


def _filled(  # noqa: PLR0917 - the parts of a run, put together in one place
    gateway: QuietGateway, bucket: Bucket, town: Town, city: City, start: int, end: int, every: int,
    spent: dict[str, float],
) -> InfluxCity:  # fmt: skip
    rounds = Rounds(start, _ROUND_H * HOUR, _CHAIN_H * HOUR)
    mishaps = Mishaps(_SEED, share=1.0, first=0, last=9, only=("lighter", "unconfirmed", "lost"), most=1)
    chains = _Kept(mishaps)
    waste = Waste(city, rounds, seed=_SEED, stamp=start // 1000, trouble=chains)
    registry = town.registry(city, waste)
    gateway.command("registry.apply", changes=town.changes(registry))
    stream = heapq.merge(*(_station(one, start) for one in town.stations), _scans(waste), key=lambda one: one.at)
    offline, parked, refused, worked = (town.water[n].device for n in (-1, 1, 4, 5))
    pending = next(stream)
    for at in range(start, end, STEP):
        until = min(at + STEP, end)
        entries = []
        while pending.at < until:
            if pending.at < end - 3 * HOUR or f"/{offline}/" not in pending.topic:
                entries.append(entry(pending))
            pending = next(stream)
        if at == start + 2 * HOUR:
            entries += _odd(parked, refused, at)
        with _spent(spent, "decide"):
            gateway.take(entries, until)
            _people(gateway, until, start, worked)
        if (until - start) % every == 0 or end - until < HOUR:
            with _spent(spent, "mirror"):
                gateway.mirror.run_once(until)
    with _spent(spent, "store"):
        gateway.settle()
    with _spent(spent, "periods"):
        while not gateway.periods.run_once():
            pass
    with _spent(spent, "mirror"):
        gateway.mirror.run_once(end)
    whole = chains.clean[0]
    return InfluxCity(
        bucket=bucket,
        registry=registry,
        start=start,
        end=end,
        districts=tuple(sorted({one["grid"] for one in registry["places"]})),
        places=tuple(one["id"] for one in registry["places"]),
        devices=tuple(one["id"] for one in registry["devices"]),
        offline_device=offline,
        parked_device=parked,
        refused_device=refused,
        worked_device=worked,
        waterworks=town.waterworks,
        container=_known(gateway, whole.bags[0].label),
        manifest=whole.manifest,
        store_place=city.hospitals[0].store.place,
        seconds=spent,
    )


@contextlib.contextmanager
def _spent(totals: dict[str, float], name: str) -> Iterator[None]:
    """Add the seconds of the block to a total; ``NAME_most`` is the longest block, ``NAME_cpu`` this thread's time."""
    began, cpu = time.perf_counter(), time.thread_time()
    yield
    took = time.perf_counter() - began
    totals[name] = totals.get(name, 0.0) + took
    totals[f"{name}_most"] = max(totals.get(f"{name}_most", 0.0), took)
    totals[f"{name}_cpu"] = totals.get(f"{name}_cpu", 0.0) + time.thread_time() - cpu


class _Kept:
    """Mishaps, and the chains of hospitals that nothing happened to."""

    def __init__(self, mishaps: Mishaps) -> None:
        self._mishaps = mishaps
        self.clean: list[Chain] = []

    def forgotten(self, hospital: Any, round_: int) -> str | None:
        """See ``devices.simulate.waste.Trouble``."""
        return self._mishaps.forgotten(hospital, round_)

    def happen(self, chain: Chain, round_: int) -> None:
        """See ``devices.simulate.waste.Trouble``."""
        before = len(self._mishaps.injected)
        # The first hospital's first round stays whole: its bags are what is shown as an example.
        if chain.kind != "hospital" or round_ > 0:
            self._mishaps.happen(chain, round_)
        if chain.kind == "hospital" and len(self._mishaps.injected) == before:
            self.clean.append(chain)


def _known(gateway: QuietGateway, label: str) -> str:
    found = gateway.view.histories().container(label)
    assert found is not None, label
    return found.id


def _people(gateway: QuietGateway, now: int, start: int, worked: str) -> None:
    """What people do: a calibration in the morning, work at the end, and an alert in two is taken."""
    if now == start + 3 * HOUR:
        gateway.command("maintenance.open", device=worked, kind="calibrate", for_ms=HOUR)
    elif now == start + 3 * HOUR + 30 * MINUTE:
        gateway.command("maintenance.close", device=worked)
    elif now == start + 23 * HOUR:
        gateway.command("maintenance.open", device=worked, kind="repair", for_ms=4 * HOUR)
    if (now - start) % (30 * MINUTE) == 0:
        table = state.alerts
        wanted = sa.select(table.c.id).where(table.c.state == "active", table.c.fired_at < now - 10 * MINUTE)
        with gateway.core.engine.connect() as connection:
            waiting = list(connection.execute(wanted.order_by(table.c.offset)).scalars())
        for alert in waiting[::2]:
            gateway.command("alerts.ack", id=alert)


def entry(message: Message) -> Entry:
    """The journal record of a message with QoS 1."""
    body = message_body(1, 1, _WHERE, message.topic.encode(), b"", message.payload)
    return Entry(Kind.MESSAGE, message.at, body)


def _odd(parked: str, refused: str, at: int) -> Iterator[Entry]:
    """A message that is no JSON, one of a stranger, and one with a time that InfluxDB cannot hold."""
    yield entry(Message(at + 1, f"hygeia/v1/town/{parked}/up/telemetry", b"{not json"))
    yield entry(Message(at + 2, "hygeia/v1/town/nobody/up/telemetry", b'{"ph":7}'))
    late = _encode({"ts": _BEYOND_INFLUX, "values": {"ph": 7.1}})
    yield entry(Message(at + 3, f"hygeia/v1/town/{refused}/up/telemetry", late))


def _station(one: Station, start: int) -> Iterator[Message]:
    """What a station publishes, without end."""
    topic = f"hygeia/v1/town/{one.device}/up/telemetry"
    troubles = (Trouble("contamination", *one.trouble), Trouble("gap", _NEVER, _NEVER))
    point = WaterPoint(one.device, _SEED, outlet=one.outlet, troubles=iter(troubles[0 if one.trouble[1] else 1 :]))
    for n in count():
        at = start + one.phase + n * one.period
        values = point.sample(n, at // 1000)
        yield Message(at + 400, topic, _encode({"ts": at, "seq": n + 1, "values": one.measured(values)}))


def _scans(waste: Waste) -> Iterator[Message]:
    for one in waste.sent():
        yield Message(one.at, f"hygeia/v1/town/{one.terminal}/up/event", one.payload)
