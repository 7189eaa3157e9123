"""Alerts over HTTP: filters of the list, what one alert rests on, sessions, late findings, what the page asks for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway import state
from gateway.api.services import RawMessage
from gateway.store.base import RetryError, StoredReading
from tests.plugins.fake_services import HOUR, MINUTE, NOW, FakeServices
from tests.plugins.http_caller import Caller, in_thread, token_for

STATES = {
    "pending": "more",
    "active": "to_do",
    "acknowledged": "in_hand",
    "returned": "to_confirm",
    "latched": "to_confirm",
    "shelved": "more",
    "suppressed": "more",
    "out_of_service": "more",
    "closed": "closed",
}


def fill_states(services: FakeServices) -> None:
    """An alert in each state at the waterworks."""
    with services.engine.begin() as connection:
        connection.execute(state.alerts.delete())
    for index, one in enumerate(STATES):
        services.alert(one, "wq-1", state=one, offset=index, rule=f"rule-{one}")


def step(services: FakeServices, alert: str, offset: int, event: str, **row: Any) -> None:
    """A transition."""
    usual = {"by": "rule:gb5749-2022/chlorine-free-low", "at": NOW - 4 * MINUTE, "ts": NOW - 4 * MINUTE}
    services.insert(state.transitions, **(usual | {"alert": alert, "offset": offset, "n": 0, "event": event} | row))


async def listed(caller: Caller, **query: Any) -> set[str]:
    """Ids of the list."""
    reply = await caller.get("/api/v1/alerts", **query)
    assert reply.status == 200, reply.text
    return {one["id"] for one in reply.json()["items"]}


@pytest.mark.parametrize("group", ["to_do", "in_hand", "to_confirm", "closed", "more"])
async def test_plain_states_part_all_alerts(city: FakeServices, city_caller: Caller, group: str) -> None:
    """Each state stands in one of the five, in the list and on the board, which counts them."""
    await in_thread(fill_states, city)
    expected = {name for name, plain in STATES.items() if plain == group}
    assert await listed(city_caller, group=group) == expected
    board = (await city_caller.get("/api/v1/alert-board", group=group)).json()
    assert {one["id"] for one in board["items"]} == expected
    assert board["counts"] == {
        name: list(STATES.values()).count(name) for name in ("to_do", "in_hand", "to_confirm", "closed", "more")
    }


async def test_open_is_what_is_not_over(city: FakeServices, city_caller: Caller) -> None:
    """Neither pending nor closed; filters join."""
    await in_thread(fill_states, city)
    assert await listed(city_caller, group="open") == set(STATES) - {"pending", "closed"}
    assert await listed(city_caller, group="open", rule="rule-returned") == {"returned"}
    assert await listed(city_caller, group="open", unit="hosp-1") == set()
    assert (await city_caller.get("/api/v1/alerts", group="other")).status == 422


async def test_the_board_is_sorted_named_and_narrowed(city: FakeServices, city_caller: Caller) -> None:
    """The worst first; words are looked for in names of places, units and rules, and in ids."""

    def more() -> None:
        city.alert("worst", "wq-1", severity="critical", rule="turbidity-high", parameter="turbidity", offset=1)

    await in_thread(more)

    async def found(**query: Any) -> list[str]:
        return [one["id"] for one in (await city_caller.get("/api/v1/alert-board", **query)).json()["items"]]

    assert await found() == ["worst", "al-1", "al-2"]
    assert await found(limit=1, page=1) == ["al-1"]
    assert await found(limit=1, page=99) == ["al-2"]
    assert await found(severity="warning") == ["al-2"]
    assert await found(unit="hosp-1") == ["al-2"]
    assert await found(district="gulou") == ["worst", "al-1"]
    assert await found(q="第一医院") == ["al-2"]
    assert await found(q="outlet") == ["worst"]
    assert await found(q="浑浊度") == ["worst"]
    assert await found(q="north CHLORINE") == ["al-1"]
    assert await found(q="nothing") == []
    board = (await city_caller.get("/api/v1/alert-board")).json()
    first = board["items"][0]
    assert first["place_name"]["en"] == "Outlet"
    assert first["unit_name"]["en"] == "North waterworks"
    assert first["district_name"]["en"] == "Gulou"
    assert first["rule_title"]["en"] == "Turbidity above its limit"
    assert [one["id"] for one in board["districts"]] == ["gulou", "xuanwu"]
    assert board["me"]["permissions"] == ["see"]


async def test_an_alert_shows_the_readings_around_it(city: FakeServices, city_caller: Caller) -> None:
    """From an hour before to an hour after, with flags; the limit stands beside them."""

    def change() -> None:
        city.reading("wq-2", "chlorine_free", 0.5, NOW - 30 * MINUTE, flag="M")
        with city.engine.begin() as connection:
            connection.execute(state.alerts.update().values(since=NOW - 20 * MINUTE, cleared_at=NOW - 10 * MINUTE))

    await in_thread(change)
    shown = (await city_caller.get("/api/v1/alerts/al-1")).json()
    around = shown["readings"]
    assert (around["from"], around["to"]) == (NOW - 80 * MINUTE, NOW + 50 * MINUTE)
    assert around["limit_value"] == 0.3
    assert around["items"][0] == {"ts": NOW - 80 * MINUTE, "value": 0.02, "flag": "N", "late": False} | {
        "value": around["items"][0]["value"]
    }
    assert len(around["items"]) == 18
    assert [one["value"] for one in around["items"] if one["flag"] == "M"] == [0.5]
    assert (around["thinned"], around["missing"]) == (False, False)
    assert shown["now"] == NOW


async def test_many_readings_are_thinned_and_extremes_stay(city: FakeServices, city_caller: Caller) -> None:
    """At most 2,000, in order of time, with the one value that stands out."""

    def many() -> None:
        city.store.rows = []
        for ts in range(NOW - HOUR, NOW, 1000):
            city.reading("wq-2", "chlorine_free", 9.0 if ts == NOW - 7000 else 0.1, ts)

    await in_thread(many)
    around = (await city_caller.get("/api/v1/alerts/al-1")).json()["readings"]
    times = [one["ts"] for one in around["items"]]
    assert around["thinned"]
    assert len(times) <= 2000
    assert times == sorted(times)
    assert [one["ts"] for one in around["items"] if one["value"] == 9.0] == [NOW - 7000]


async def test_a_store_that_is_away_hides_no_alert(
    city: FakeServices, city_caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The readings are missing, and it says so."""

    def away(**_: Any) -> list[StoredReading]:
        raise RetryError("connection refused", 5)

    monkeypatch.setattr(city.store, "read", away)
    reply = await city_caller.get("/api/v1/alerts/al-1")
    assert reply.status == 200
    assert reply.json()["readings"] | {"from": 0, "to": 0} == {
        "from": 0,
        "to": 0,
        "limit_value": 0.3,
        "thinned": False,
        "missing": True,
        "began": None,
        "items": [],
    }


async def test_an_alert_names_the_records_that_moved_it(city: FakeServices, city_caller: Caller) -> None:
    """Messages with topic and bytes as far as they are kept; a command is no message; one record stands once."""

    def moved() -> None:
        city.insert(state.copies, sha256="ab", bytes=b'{"chlorine_free": 0.02}')
        step(city, "al-1", 500, "fired", copy="ab")
        step(city, "al-1", 500, "escalated", n=1)
        step(city, "al-1", 510, "commented", by="account:duty", comment="looked", file="f" * 64)
        step(city, "al-1", 520, "cleared")
        step(city, "al-1", 530, "closed", by="time")
        city.messages[500] = RawMessage(500, NOW - MINUTE, "hygeia/v1/_/wq-2/up/telemetry", b"other")
        city.messages[520] = RawMessage(520, NOW, "t", b"{}")

    await in_thread(moved)
    shown = (await city_caller.get("/api/v1/alerts/al-1")).json()
    records = shown["records"]
    assert [(one["offset"], one["kind"]) for one in records] == [
        (500, "message"),
        (510, "command"),
        (520, "message"),
        (530, "other"),
    ]
    assert records[0]["topic"] == "hygeia/v1/_/wq-2/up/telemetry"
    assert records[0]["payload_b64"] == "eyJjaGxvcmluZV9mcmVlIjogMC4wMn0="
    assert records[2]["payload_b64"] == "e30="
    commented = next(one for one in shown["transitions"] if one["event"] == "commented")
    assert (commented["comment"], commented["file"], commented["by"]) == ("looked", "f" * 64, "account:duty")


async def test_a_limit_says_where_it_comes_from_and_whether_that_was_verified(
    city: FakeServices, city_caller: Caller
) -> None:
    """By the profile of the place; of a limit that no pack has, nothing is claimed."""

    def limits() -> None:
        small = {"id": "small", "kind": "small_supply", "profile": "gb5749-2022", "disinfectant": "free_chlorine"}
        city.register(places=[small], devices=[{"id": "wq-9", "place": "small", "kind": "water"}])
        rows = {"wq-1": 0.3, "wq-9": 0.05, "wq-2": 0.05}
        for device, value in rows.items():
            city.alert(f"of-{device}", device, rule="chlorine-free-low", limit_value=value)
        city.alert("early", "wq-1", rule="chlorine-free-low.early", limit_value=0.33)

    await in_thread(limits)
    found = {name: (await city_caller.get(f"/api/v1/alerts/{name}")).json() for name in ("of-wq-1", "of-wq-9")}
    assert (found["of-wq-1"]["limit_source"], found["of-wq-1"]["limit_verified"]) == ("GB 5749-2022 table 2", True)
    assert found["of-wq-9"]["limit_verified"] is False
    without = (await city_caller.get("/api/v1/alerts/of-wq-2")).json()
    assert (without["limit_source"], without["limit_verified"]) == (None, None), "its place has no profile"
    early = (await city_caller.get("/api/v1/alerts/early")).json()
    assert early["rule_title"]["zh"].endswith("（预警）")
    assert early["limit_verified"] is None


async def test_an_alert_that_is_over_still_says_which_value_broke_its_limit(
    city: FakeServices, city_caller: Caller
) -> None:
    """The row holds the good value that ended it; the bad one is that of the newest firing."""

    def over() -> None:
        step(city, "al-1", 500, "fired", value=0.04)
        step(city, "al-1", 505, "fired", value=0.02)
        step(city, "al-1", 510, "cleared", value=0.6)
        with city.engine.begin() as connection:
            change = {"state": "returned", "value": 0.6, "cleared_at": NOW}
            connection.execute(state.alerts.update().where(state.alerts.c.id == "al-1").values(change))

    await in_thread(over)
    shown = (await city_caller.get("/api/v1/alerts/al-1")).json()
    assert (shown["value"], shown["bad_value"], shown["side"]) == (0.6, 0.02, "low")
    board = (await city_caller.get("/api/v1/alert-board", group="to_confirm")).json()["items"][0]
    assert (board["bad_value"], board["side"]) == (0.02, "low")
    standing = (await city_caller.get("/api/v1/alerts/al-2")).json()
    assert (standing["bad_value"], standing["side"]) == (1.3, "high")


def people(city: FakeServices) -> None:
    """Two people of the waterworks, an officer of the district, and somebody of the hospital."""
    city.register(
        people=[
            {"id": "p-1", "unit": "wtp-1", "role": "contact"},
            {"id": "p-2", "unit": "wtp-1", "role": "head"},
            {"id": "p-3", "role": "officer"},
            {"id": "p-4", "unit": "hosp-1", "role": "contact"},
        ],
        grid=[{"id": "gulou", "name": {"zh": "鼓楼区", "en": "Gulou"}, "officers": ["p-3"]}],
    )
    for name in ("p-1", "p-2", "p-3", "p-4"):
        private = {"name": f"Name of {name}", "phone": "13900000000", "email": "x@example.org"}
        city.insert(state.people_private, id=name, body=json.dumps(private))
    for n, person in ((0, "p-1"), (1, "p-3")):
        row = {"channel": "sms", "event": "digest", "key": f"d{n}", "person": person, "state_now": "delivered"}
        city.insert(state.outbox, offset=700, n=n, **row)
        city.insert(state.told, alert="al-1", offset=700, n=n)


async def test_who_was_told_is_named_to_who_signed_in_and_never_with_a_number(
    city: FakeServices, city_caller: Caller
) -> None:
    """A digest counts as telling; candidates are the unit's people and the district's officers."""
    await in_thread(people, city)
    plain = await city_caller.get("/api/v1/alerts/al-1")
    assert [one["person"] for one in plain.json()["deliveries"]] == ["p-1", "p-3"]
    assert (plain.json()["names"], plain.json()["candidates"]) == ({}, [])
    city_caller.token = await in_thread(token_for, city, "officer", grid="gulou")
    shown = await city_caller.get("/api/v1/alerts/al-1")
    assert [one["id"] for one in shown.json()["candidates"]] == ["p-1", "p-2", "p-3"]
    assert shown.json()["names"] == {name: f"Name of {name}" for name in ("p-1", "p-2", "p-3")}
    assert "13900000000" not in shown.text
    assert "example.org" not in shown.text


async def test_sessions_and_late_findings_stand_beside_an_alert_and_in_lists(
    city: FakeServices, city_caller: Caller
) -> None:
    """Those of its device that overlap it; lists are paged and narrowed like all others."""

    def beside() -> None:
        for offset, device, opened, closed in (
            (10, "wq-2", NOW - 30 * MINUTE, None),
            (11, "wq-2", NOW - 9 * HOUR, NOW - 8 * HOUR),
            (12, "wq-3", NOW, None),
        ):
            session = {"kind": "clean", "opened_at": opened, "until": opened + HOUR, "opened_by": "person:p-1"}
            city.insert(state.sessions, device=device, offset=offset, closed_at=closed, **session)
        for n, (device, ts) in enumerate((("wq-2", NOW - MINUTE), ("wq-2", NOW - 9 * HOUR), ("wq-3", NOW - MINUTE))):
            parts = city.registry().subject_parts(device)
            row = {"unit": parts.unit, "place": parts.place, "grid": parts.grid, "point": "-", "value": 0.01, "at": NOW}
            city.insert(state.findings, offset=20, n=n, device=device, parameter="chlorine_free", ts=ts, **row)

    await in_thread(beside)
    shown = (await city_caller.get("/api/v1/alerts/al-1")).json()
    assert [one["offset"] for one in shown["sessions"]] == [10]
    assert [one["n"] for one in shown["findings"]] == [0]
    for path, keys in (("sessions", [10, 11, 12]), ("findings", [20, 20, 20])):
        first = (await city_caller.get(f"/api/v1/{path}", limit=2)).json()
        rest = (await city_caller.get(f"/api/v1/{path}", limit=2, after=first["next"])).json()
        assert [one["offset"] for one in first["items"] + rest["items"]] == keys
        assert rest["next"] is None
        down = (await city_caller.get(f"/api/v1/{path}", order="desc")).json()["items"]
        assert [one["offset"] for one in down] == keys[::-1]
        place = (await city_caller.get(f"/api/v1/{path}", place="hosp-1-tank")).json()["items"]
        assert [one["device"] for one in place] == ["wq-3"]
        assert (await city_caller.get(f"/api/v1/{path}", after="x")).status == 422
        csv = await city_caller.get(f"/api/v1/{path}", format="csv", device="wq-3")
        assert len(csv.text.splitlines()) == 2
    open_ = (await city_caller.get("/api/v1/sessions", open="true")).json()["items"]
    assert [one["offset"] for one in open_] == [10, 12]
    recent = (await city_caller.get("/api/v1/findings", from_=NOW - HOUR)).json()["items"]
    assert [one["n"] for one in recent] == [0, 2]
