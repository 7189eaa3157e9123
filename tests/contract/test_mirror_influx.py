"""The mirror against a real influxd: what one pass writes, that a second one changes nothing, that it catches up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from custody.balance import balance
from devices.simulate.city import City
from devices.simulate.waste import Rounds, Waste
from gateway.api.balance import containers_of
from gateway.mirror.mirror import Mirror
from gateway.mirror.points import SUMMED
from gateway.mirror.waste import Balances, Job
from tests.plugins.influx import Bucket
from tests.support.influx_city import Message, entry
from tests.support.influx_town import Town
from tests.support.inside import settings_for
from tests.support.quiet_gateway import QuietGateway

pytestmark = pytest.mark.influxd

MINUTE, HOUR = 60_000, 3_600_000
NS = 1_000_000
#: 08:00 of a day in Shanghai; a multiple of five minutes.
START = 1_795_305_600_000
NOW_MEASUREMENTS = ("place", "unit", "device_health", "waste_store", "gateway")


@pytest.fixture
def gateway(influx_bucket: Bucket, tmp_path: Path) -> Iterator[QuietGateway]:
    """Nine places of a waterworks and a hospital, whose waste of one day is at the plant or on its way."""
    found = QuietGateway(settings_for(tmp_path / "data", "mqtt://127.0.0.1:1", influx_bucket), START)
    town, city = Town.of(9, districts=2), City.of(hospitals=1, clinics=1, points=0, beds=80)
    waste = Waste(city, Rounds(START, 24 * HOUR, 2 * HOUR), seed=3, stamp=START // 1000)
    found.command("registry.apply", changes=town.changes(town.registry(city, waste)))
    for minute in range(10):
        at = START + minute * MINUTE
        found.take([_reading("wq-wtp-1-out", at, chlorine_free=0.5), _reading("wq-wtp-1-net-1", at, turbidity=9.0)], at)
    sent = [one for one in waste.sent(1) if one.at < START + HOUR]
    first = [entry(Message(one.at, f"hygeia/v1/t/{one.terminal}/up/event", one.payload)) for one in sent]
    found.take([*first, entry(Message(START + HOUR, "hygeia/v1/t/wq-wtp-1-out/up/telemetry", b"{"))], START + HOUR)
    found.settle()
    yield found
    found.close()


def _reading(device: str, at: int, **values: float) -> Any:
    payload = f'{{"ts":{at},"values":{{{",".join(f"{name!r}:{value}" for name, value in values.items())}}}}}'
    return entry(Message(at, f"hygeia/v1/t/{device}/up/telemetry", payload.replace("'", '"').encode()))


def _rows(bucket: Bucket) -> dict[str, list[dict[str, Any]]]:
    return {
        name: bucket.rows(name)
        for name in (*NOW_MEASUREMENTS, "waste_day", "waste_district_day", "manifest", "alert_day", "alert_load")
    }


def _by(rows: list[dict[str, Any]], tag: str) -> dict[str, dict[str, Any]]:
    return {row[tag]: row for row in rows}


def test_one_pass_writes_the_state_of_its_minute(gateway: QuietGateway, influx_bucket: Bucket) -> None:
    """Every place, unit, device and store, with the figures that the state gives at that minute."""
    now = START + HOUR

    gateway.mirror.run_once(now + 7_000)
    rows = _rows(influx_bucket)

    assert {row["time"] for name in NOW_MEASUREMENTS for row in rows[name]} == {now * NS}
    places = _by(rows["place"], "place")
    registry = gateway.view.registry()
    assert set(places) == set(registry.ids("places"))
    dirty, quiet = places["wtp-1-net-1"], places["wtp-1-end"]
    # Two readings in a row broke the limit; nothing was ever heard of the other's device.
    assert (dirty["state"], dirty["open_alerts"], dirty["name_en"]) == (1, 1, "Network point wtp-1-net-1")
    assert (quiet["state"], quiet["lat"] is not None, quiet["unit"], quiet["kind"]) == (4, True, "wtp-1", "network_end")
    devices = _by(rows["device_health"], "device")
    assert set(devices) == set(registry.ids("devices"))
    outlet = devices["wq-wtp-1-out"]
    assert (outlet["online"], outlet["parked"], outlet["silent_s"], outlet["delay_s"]) == (0, 1, 51 * 60, 0)
    assert set(_by(rows["unit"], "unit")) == set(registry.ids("units"))
    (own,) = rows["gateway"]
    assert (own["gateway"], own["parked"], own["broker"]) == ("hygeia", 1, 0)
    assert own["journaled"] == gateway.view.report()["journaled"]
    assert own["memory"] > 1 << 20 < own["disk_free"]
    day = [row for row in rows["alert_day"] if row["rule"] == "turbidity-high"]
    assert [(row["district"], row["fired"], row["standing"]) for row in day] == [(dirty["district"], 1, 1)]


def test_a_second_pass_at_the_same_minute_changes_nothing(gateway: QuietGateway, influx_bucket: Bucket) -> None:
    """Nothing of it is written, and where all is written anew it falls on itself."""
    now = START + HOUR
    gateway.mirror.run_once(now)
    before = _rows(influx_bucket)

    written = gateway.mirror.run_once(now + 3_000)
    again = Mirror(gateway.view, gateway.core, gateway.clock)
    again.run_once(now + 9_000)
    again.stop(5)

    after = _rows(influx_bucket)
    # Each five minutes all of the moment is written; days and trips are not.
    assert written == sum(len(before[name]) for name in NOW_MEASUREMENTS)
    for one in (before, after):
        one["gateway"][0].pop("memory")
        one["gateway"][0].pop("disk_free")
    assert after == before


def test_between_whole_passes_only_what_changed_is_written(gateway: QuietGateway, influx_bucket: Bucket) -> None:
    """The device that is heard again, its place, and the gateway; every five minutes all."""
    now = START + HOUR
    gateway.mirror.run_once(now)
    gateway.take([_reading("wq-wtp-1-end", now + 30_000, ph=7.0)], now + MINUTE)

    gateway.mirror.run_once(now + MINUTE)

    at = f"WHERE time = {(now + MINUTE) * NS}"
    devices, places = (influx_bucket.rows(name, at) for name in ("device_health", "place"))
    assert [(row["device"], row["online"]) for row in devices] == [("wq-wtp-1-end", 1)]
    assert ("wtp-1-end", 0) in [(row["place"], row["state"]) for row in places]
    assert len(influx_bucket.rows("gateway", at)) == 1
    assert influx_bucket.rows("unit", at) == []


def test_days_of_waste_are_the_balance_of_the_api(gateway: QuietGateway, influx_bucket: Bucket) -> None:
    """Each row is the balance that page and command line show, and districts are the sums of their units."""
    now = START + HOUR
    gateway.mirror.run_once(now)
    view = gateway.view
    histories, zone = view.histories(), view.settings.zone
    waste = containers_of(histories, view.engine, zone, "2026-11-22", None)

    rows = influx_bucket.rows("waste_day")

    expected = {
        (unit, row.category): (row.department_n, row.department_g, row.store_in_g, row.store_out_g, row.disposed_n)
        for unit in {one.unit for one in waste}
        for row in balance(waste, unit, "2026-11-22", zone, histories.profiles, now=now)
    }
    assert len(expected) >= 3
    assert {
        (row["unit"], row["category"]): tuple(
            row.get(name) for name in ("collected", "collected_g", "stored_g", "out_g", "disposed")
        )
        for row in rows
    } == expected
    assert {row["time"] for row in rows} == {1_795_276_800_000 * NS}
    for sums in influx_bucket.rows("waste_district_day"):
        own = [row for row in rows if (row["district"], row["category"]) == (sums["district"], sums["category"])]
        assert sums["units"] == len(own)
        for name in SUMMED:
            values = [row[name] for row in own if row.get(name) is not None]
            assert sums.get(name) == (sum(values) if values else None), name


def test_a_balance_that_fails_costs_nothing_but_itself(
    gateway: QuietGateway, influx_bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All else of the minute is written, and it is tried again with the next one."""
    real = Balances._balance
    failed: list[str] = []

    def first_fails(self: Balances, job: Job, *more: Any) -> Any:
        if not failed:
            failed.append(job.unit)
            raise ValueError(job.unit)
        return real(self, job, *more)

    monkeypatch.setattr(Balances, "_balance", first_fails)
    gateway.mirror.run_once(START + HOUR)
    assert influx_bucket.rows("place")
    assert failed[0] not in {row["unit"] for row in influx_bucket.rows("waste_day")}

    gateway.mirror.run_once(START + HOUR + MINUTE)
    assert failed[0] in {row["unit"] for row in influx_bucket.rows("waste_day")}


def test_a_later_event_rewrites_the_day_it_belongs_to(gateway: QuietGateway, influx_bucket: Bucket) -> None:
    """What is voided is taken out of the day, and a category that is gone has zeros."""
    now = START + HOUR
    gateway.mirror.run_once(now)
    category, unit = "sharps", "hosp-1"
    where = f"WHERE \"unit\" = '{unit}' AND \"category\" = '{category}'"
    (before,) = influx_bucket.rows("waste_day", where)
    facts = [
        seen.fact
        for one in containers_of(
            gateway.view.histories(), gateway.view.engine, gateway.view.settings.zone, "2026-11-22", unit
        )
        if one.category == category
        for seen in one.history
    ]

    for n, fact in enumerate(facts):
        assert fact.by is not None
        body = (
            f'{{"id":"void-{n}","boot":9,"seq":{n + 1},"ts":{now},"step":"void","ids":[],"of":"{fact.id}",'
            f'"reason":"label","by":{{"badge":"{fact.by.badge}"}},"approved_by":{{"badge":"100001"}}}}'
        )
        gateway.take([entry(Message(now, f"hygeia/v1/t/{fact.terminal}/up/event", body.encode()))], now + MINUTE)
    gateway.mirror.run_once(now + 2 * MINUTE)

    (after,) = influx_bucket.rows("waste_day", where)
    assert before["containers"] > 0
    assert (after["containers"], after["collected"]) == (0, 0)


def test_after_a_restart_days_that_were_missed_are_written(gateway: QuietGateway, influx_bucket: Bucket) -> None:
    """A mirror that was away for two hours takes up what happened, from the mark that it left."""
    now = START + HOUR
    gateway.mirror.run_once(now)
    gateway.take([_reading("wq-wtp-1-net-1", now + MINUTE * n, turbidity=0.2) for n in range(1, 20)], now + 20 * MINUTE)
    gateway.take(
        [_reading("wq-wtp-1-raw", now + HOUR, ph=2.0), _reading("wq-wtp-1-raw", now + HOUR + 1, ph=2.0)], now + HOUR
    )

    later = Mirror(gateway.view, gateway.core, gateway.clock)
    later.run_once(now + 2 * HOUR)
    later.stop(5)

    slots = {row["time"] // NS for row in influx_bucket.rows("alert_load")}
    assert slots >= set(range(now, now + 2 * HOUR + 1, 10 * MINUTE))
    fired = sum(row["fired"] for row in influx_bucket.rows("alert_load"))
    assert fired == sum(row["fired"] for row in influx_bucket.rows("alert_day"))
