"""Lists: their shapes, pages, filters and CSV."""

from __future__ import annotations

import base64
import csv
import io
from typing import Any

import pytest

from gateway import state
from gateway.api.services import RawMessage
from tests.plugins.fake_services import HOUR, MINUTE, NOW, FakeServices
from tests.plugins.http_caller import Caller, in_thread

READING = [
    "device",
    "point",
    "parameter",
    "ts",
    "received_at",
    "value",
    "parameter_unit",
    "flag",
    "qualifier",
    "late",
    "offset",
]
ALERT = [
    "id",
    "rule",
    "pack",
    "severity",
    "state",
    "unit",
    "place",
    "device",
    "point",
    "parameter",
    "value",
    "limit_value",
    "parameter_unit",
    "since",
    "fired_at",
    "cleared_at",
    "acknowledged_by",
    "reason",
    "offset",
]
PARKED = ["offset", "received_at", "topic", "device", "reason", "detail", "payload_b64", "whole"]
LISTS = ("units", "places", "devices", "readings", "alerts", "containers", "parked", "commands")


async def pages(caller: Caller, path: str, limit: int, **query: Any) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    found: list[dict[str, Any]] = []
    after: dict[str, Any] = {}
    while True:
        reply = await caller.get(f"/api/v1/{path}", limit=limit, **query, **after)
        assert reply.status == 200, reply.text
        document = reply.json()
        assert set(document) == {"items", "next"}
        assert len(document["items"]) <= limit
        found += document["items"]
        if document["next"] is None:
            return found
        after = {"after": document["next"]}


@pytest.mark.parametrize("path", LISTS)
async def test_every_list_takes_the_same_query(looking: Caller, path: str) -> None:
    """Limit, after, from, to, device, place and format are known everywhere."""
    query = {"limit": 3, "from_": 0, "to": "2030-01-01", "device": "wq-1", "place": "wtp-1-out"}
    plain = await looking.get(f"/api/v1/{path}", **query)
    assert plain.status == 200, plain.text
    table = await looking.get(f"/api/v1/{path}", format="csv", **query)
    assert table.status == 200
    assert table.header("content-type") == "text/csv; charset=utf-8"


@pytest.mark.parametrize("path", ["units", "places", "devices", "alerts", "containers", "parked"])
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_hold_every_item_once(looking: Caller, path: str, order: str) -> None:
    """Page by page is the same as at once, in both directions."""
    whole = (await looking.get(f"/api/v1/{path}", limit=1000, order=order)).json()["items"]
    assert whole
    assert await pages(looking, path, 1, order=order) == whole
    back = (await looking.get(f"/api/v1/{path}", limit=1000, order="desc" if order == "asc" else "asc")).json()
    assert back["items"] == whole[::-1]


async def test_a_reading_has_the_shape_of_the_contract(looking: Caller) -> None:
    """Exactly those keys, times in ms, the unit of measure of the catalogue."""
    (one,) = (await looking.get("/api/v1/readings", device="wq-3", parameter="conductivity", limit=1)).json()["items"]
    assert list(one) == READING
    assert one["ts"] == NOW - 24 * HOUR
    assert one["parameter_unit"] == "uS/cm"
    assert one["late"] is False


@pytest.mark.parametrize("limit", [1, 7, 500])
async def test_readings_of_all_devices_come_page_by_page(city: FakeServices, city_caller: Caller, limit: int) -> None:
    """In order of device, time and parameter; none twice, none left out."""
    since = NOW - 20 * MINUTE
    found = await pages(city_caller, "readings", limit, from_=since)
    wanted = sorted((one.device, one.ts, one.parameter, one.point) for one in city.store.rows if one.ts >= since)
    assert [(one["device"], one["ts"], one["parameter"], one["point"]) for one in found] == wanted


async def test_many_readings_of_one_time_do_not_stop_a_page(services: FakeServices, caller: Caller) -> None:
    """More channels at one time than a page reads at once are all listed."""
    await in_thread(services.register, devices=[{"id": "big", "kind": "water"}])
    for index in range(200):
        services.reading("big", "temperature", float(index), NOW, point=f"p{index:03}")
    services.reading("big", "temperature", 1.0, NOW + 1, point="p000")
    found = await pages(caller, "readings", 3, device="big")
    assert len(found) == 201
    assert len({(one["point"], one["ts"]) for one in found}) == 201


async def test_readings_take_from_and_to_as_ms_or_iso(looking: Caller) -> None:
    """The end is not included; without an offset the zone of the installation counts."""
    by_ms = await looking.get("/api/v1/readings", device="wq-3", from_=NOW - HOUR, to=NOW - HOUR + 1)
    by_iso = await looking.call(
        "GET", "/api/v1/readings?device=wq-3&from=2025-11-22T07:00:00+08:00&to=2025-11-22T07:00:00.001"
    )
    assert by_ms.json()["items"]
    assert by_ms.json() == by_iso.json()
    none = await looking.get("/api/v1/readings", device="wq-3", from_=NOW - HOUR, to=NOW - HOUR)
    assert none.json()["items"] == []


async def test_csv_prints_iso_times_and_the_next_page_in_a_header(looking: Caller) -> None:
    """A table for a spreadsheet in the zone of the installation."""
    reply = await looking.get("/api/v1/readings", device="wq-3", parameter="conductivity", limit=2, format="csv")
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert list(rows[0]) == READING
    assert rows[0]["ts"] == "2025-11-21T08:00:00.000+08:00"
    assert len(rows) == 2
    assert reply.header("x-next")


async def test_csv_runs_no_formula(services: FakeServices, caller: Caller) -> None:
    """A name that begins like a formula is text, a lone minus stays as it is."""
    await in_thread(services.register, units=[{"id": "u", "name": {"zh": "=1+1", "en": "-"}, "kind": "hospital"}])
    (row,) = csv.DictReader(io.StringIO((await caller.get("/api/v1/units", format="csv")).text))
    assert row["name_zh"] == "'=1+1"
    assert row["name_en"] == "-"


async def test_an_alert_has_the_shape_of_the_contract(looking: Caller) -> None:
    """In the list and alone; states and severities narrow the list."""
    items = (await looking.get("/api/v1/alerts")).json()["items"]
    assert [one["id"] for one in items] == ["al-1", "al-2"]
    assert list(items[0]) == ALERT
    warnings = await looking.get("/api/v1/alerts", severity="warning", standing="true")
    assert [one["id"] for one in warnings.json()["items"]] == ["al-2"]
    assert (await looking.get("/api/v1/alerts", state="closed")).json()["items"] == []


async def test_an_alert_leads_back_to_its_bytes(city: FakeServices, city_caller: Caller) -> None:
    """Every step is there in order, with the message that caused it."""
    await in_thread(city.insert, state.copies, sha256="ab", bytes=b'{"chlorine_free": 0.02}')
    await in_thread(
        city.insert, state.transitions, offset=500, n=1, alert="al-1", event="fired", copy="ab", to_state="active"
    )
    await in_thread(city.insert, state.transitions, offset=510, n=0, alert="al-1", event="acknowledged")
    await in_thread(city.insert, state.transitions, offset=505, n=0, alert="other", event="fired")
    found = (await city_caller.get("/api/v1/alerts/al-1")).json()
    assert [one["event"] for one in found["transitions"]] == ["fired", "acknowledged"]
    assert base64.b64decode(found["transitions"][0]["payload_b64"]) == b'{"chlorine_free": 0.02}'
    assert {"version", "pack_digest", "registry_version"} <= set(found)


async def test_a_parked_message_has_the_shape_of_the_contract(looking: Caller) -> None:
    """With its reason in words and its bytes."""
    items = (await looking.get("/api/v1/parked")).json()["items"]
    assert [one["offset"] for one in items] == [600, 601, 602]
    assert list(items[0]) == PARKED
    assert base64.b64decode(items[0]["payload_b64"]) == b"{"
    assert items[0]["detail"]["words"]
    assert items[0]["whole"] is True
    assert [
        one["offset"] for one in (await looking.get("/api/v1/parked", reason="unknown_device")).json()["items"]
    ] == [602]
    assert [one["offset"] for one in (await looking.get("/api/v1/parked", device="stranger")).json()["items"]] == [602]


async def test_refused_values_of_accepted_messages_are_listed_among_the_parked(
    services: FakeServices, caller: Caller
) -> None:
    """A conflict inside an accepted message shows both values; what was plainly accepted or late is not listed."""
    refusal = (
        '{"refusals": [{"key": "ph", "raw": "7.9", "reason": "conflict", "known": 7.1}], "rows": [{"point": "-"}]}'
    )
    await in_thread(services.park, 1, "wq-1", "", b"{}", fate="accepted", detail=refusal)
    await in_thread(services.park, 2, "wq-1", "", b"{}", fate="accepted", detail='{"rows": []}')
    (one,) = (await caller.get("/api/v1/parked")).json()["items"]
    assert (one["offset"], one["reason"], one["whole"]) == (1, "conflict", False)
    assert one["detail"]["refusals"][0]["known"] == 7.1
    assert "rows" not in one["detail"]
    assert (await caller.get("/api/v1/parked", reason="conflict")).json()["items"] == [one]


async def test_what_the_store_refused_is_found_in_the_journal(city: FakeServices, city_caller: Caller) -> None:
    """Topic, time, device and bytes of a message that decide had plainly accepted."""
    city.messages[650] = RawMessage(650, NOW, "hygeia/v1/_/wq-1/up/telemetry", b'{"ph": 7}')
    detail = '{"words": "field type conflict"}'
    await in_thread(
        city.insert, state.store_parked, store="influx", offset=650, reason="store_refused", detail=detail, whole=True
    )
    (one,) = (await city_caller.get("/api/v1/parked", reason="store_refused")).json()["items"]
    assert (one["device"], one["received_at"], one["whole"]) == ("wq-1", NOW, True)
    assert one["detail"] == {"words": "field type conflict"}
    assert base64.b64decode(one["payload_b64"]) == b'{"ph": 7}'
    assert (await city_caller.get("/api/v1/parked", order="desc", limit=1)).json()["items"] == [one]


async def test_parked_pages_go_through_more_rows_than_one_chunk(services: FakeServices, caller: Caller) -> None:
    """A filter that leaves few does not end the list early."""

    def many() -> None:
        for offset in range(1, 1203):
            services.park(offset, "wq-1", "not_json" if offset % 600 else "bad_shape")

    await in_thread(many)
    found = await pages(caller, "parked", 1, reason="bad_shape")
    assert [one["offset"] for one in found] == [600, 1200]


async def test_a_container_shows_the_scan_by_which_it_became_known(looking: Caller) -> None:
    """Its weight where the scan is its alone."""
    (one,) = (await looking.get("/api/v1/containers", place="hosp-1-store")).json()["items"]
    assert (one["id"], one["category"], one["net_g"]) == ("MW-1", "infectious", 3420)
    assert one["events"][0]["device"] == "scale-1"
    assert (await looking.get("/api/v1/containers", place="wtp-1-out")).json()["items"] == []


@pytest.mark.parametrize(
    "raw",
    [
        b'\xef\xbb\xbf{%s"category": "sharps"}',
        b'{%s"category": "sharps", "\\udfff": 1, "by": {"\\ud800": 1}}',
        b'{%s"category": "sharps", "weight": {"net_g": NaN, "x": 1e999}}',
        b'{%s"category": "sharps", "weight": {"net_g": 1%s}}' % (b"%s", b"0" * 30),
        b'{%s"category": "sharps", "by": {"badge": "\\udfff"}, "reason": "\\u0000"}',
    ],
)
async def test_no_scan_breaks_the_list_of_containers(city: FakeServices, city_caller: Caller, raw: bytes) -> None:
    """What the decoder took from a terminal is listed, in JSON and CSV, and shown."""
    raw %= b'"id": "T-9", "step": "pack", "ts": 1763766000000, "ids": [{"k": "qr", "v": "MW-9"}], '
    await in_thread(lambda: city.container("MW-9", 901, "scale-1", raw))
    reply = await city_caller.get("/api/v1/containers")
    assert reply.status == 200, reply.text
    assert [(one["id"], one["category"]) for one in reply.json()["items"]] == [
        ("MW-1", "infectious"),
        ("MW-9", "sharps"),
    ]
    assert reply.json()["items"][1]["ids"][0]["v"] == "MW-9"
    assert (await city_caller.get("/api/v1/containers", format="csv")).status == 200
    assert (await city_caller.get("/api/v1/containers/MW-9")).status == 200


async def test_containers_of_one_scan_list_their_own_ids_only(city: FakeServices, city_caller: Caller) -> None:
    """Nothing ties two labels of a group together; its weight is nobody's alone."""
    ids = [{"k": "qr", "v": "MW-8"}, {"k": "qr", "v": "MW-9"}]
    await in_thread(lambda: city.scan(901, "scale-1", ids=ids, weight={"net_g": 500, "mode": "scale"}))
    items = [one for one in (await city_caller.get("/api/v1/containers")).json()["items"] if one["offset"] == 901]
    assert {one["id"]: [known["v"] for known in one["ids"]] for one in items} == {"MW-8": ["MW-8"], "MW-9": ["MW-9"]}
    assert [one["net_g"] for one in items] == [None, None]
    assert [one["events"][0]["containers"] for one in items] == [["MW-8", "MW-9"]] * 2


async def test_an_alert_tells_what_became_of_its_notices(city: FakeServices, city_caller: Caller) -> None:
    """By channel, with the tries and the last error; notices of other alerts of the same record are not its own."""

    def told() -> None:
        city.alert("al-7", "wq-1")
        city.insert(state.transitions, offset=800, n=1, alert="al-7", event="fired")
        for n, (key, now) in enumerate(
            (("al-7", "delivered"), ("al-7", "dead"), ("al-70", "refused"), ("al-7", "waiting"))
        ):
            city.insert(
                state.outbox,
                offset=800,
                n=n,
                channel=f"c{n}",
                event="fired",
                key=f"{key}:800:{n}",
                created_at=5,
                state_now=now,
                body="{}",
            )
        city.insert(state.attempts, offset=800, n=0, tries=1)
        city.insert(state.attempts, offset=800, n=1, tries=9, last_error="no answer")

    await in_thread(told)
    deliveries = (await city_caller.get("/api/v1/alerts/al-7")).json()["deliveries"]
    usual = {"event": "fired", "created_at": 5, "person": ""}
    assert deliveries == [
        usual | {"channel": "c0", "state": "delivered", "tries": 1, "last_error": None},
        usual | {"channel": "c1", "state": "dead", "tries": 9, "last_error": "no answer"},
        usual | {"channel": "c3", "state": "waiting", "tries": 0, "last_error": None},
    ]
    metrics = (await city_caller.get("/metrics")).text
    for now in ("waiting", "delivered", "refused", "dead"):
        assert f'hygeia_notifications{{state="{now}"}} 1.0' in metrics


async def test_places_below_a_place_are_found_with_it(services: FakeServices, caller: Caller) -> None:
    """The place filter covers the tree."""
    await in_thread(
        services.register,
        places=[{"id": "a", "kind": "department"}, {"id": "b", "parent": "a", "kind": "department"}],
        devices=[{"id": "d", "place": "b", "kind": "water"}, {"id": "e", "kind": "water"}],
    )
    services.reading("d", "ph", 7.0)
    services.reading("e", "ph", 7.0)
    for path, found in (("places", ["a", "b"]), ("devices", ["d"])):
        assert [one["id"] for one in (await caller.get(f"/api/v1/{path}", place="a")).json()["items"]] == found
    assert [one["device"] for one in (await caller.get("/api/v1/readings", place="a")).json()["items"]] == ["d"]


async def test_registry_lists_take_from_and_to_as_time_in_force(services: FakeServices, caller: Caller) -> None:
    """An entry with periods is listed as it was then."""
    periods = [
        {"id": "d", "place": "a", "kind": "water", "to": NOW},
        {"id": "d", "place": "b", "kind": "water", "from": NOW},
    ]
    await in_thread(services.register, devices=[{"id": "d", "periods": periods}])
    before = await caller.get("/api/v1/devices", from_=NOW - 10, to=NOW)
    after = await caller.get("/api/v1/devices", from_=NOW)
    assert [one["place"] for one in before.json()["items"]] == ["a"]
    assert [one["place"] for one in after.json()["items"]] == ["b"]


async def test_a_series_keeps_gaps_and_extremes(city: FakeServices, city_caller: Caller) -> None:
    """A step without a reading is absent, lowest and highest of a step are kept, values that are not N left out."""
    city.reading("wq-1", "chlorine_free", 9.0, NOW - 30_000)
    city.reading("wq-1", "chlorine_free", 0.0, NOW - 20_000, flag="M")
    found = (await city_caller.get("/api/v1/series", device="wq-1", parameter="chlorine_free", buckets=100)).json()
    assert found["to"] > NOW > found["from"]
    assert max(found["high"]) == 9.0
    assert min(found["low"]) > 0
    assert found["flagged"] == 1
    steps = {(ts - found["from"]) // found["step_ms"] for ts in found["ts"]}
    assert len(steps) == len(found["ts"]) < 95
