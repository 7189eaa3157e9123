"""What the pages of custody ask for: the overview with ages, one container as known at a time, manifests, labels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pypdfium2
import pytest
import zxingcpp

from gateway import accounts, state
from gateway.api.app import build_app
from tests.plugins.fake_services import FakeClock, FakeServices
from tests.plugins.http_caller import Caller, token_for
from tests.support.waste_site import ORIGIN, services_of, story

RANGE = {"id": "H1-000001", "unit": "hosp-1", "prefix": "H1-", "first": 1, "last": 480, "digits": 6}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeServices]:
    """The story of two days, and accounts of a hospital, a carrier, another hospital, and a manager."""
    services = services_of(tmp_path_factory.mktemp("waste"), story())
    services.register(labels=[RANGE], units=[{"id": "hosp-2", "kind": "hospital", "name": "Hospital 2"}])
    services.insert(state.people_private, id="p-nurse", body='{"name": "李护士"}')
    yield services
    services.engine.dispose()


@pytest.fixture(scope="module")
def tokens(site: FakeServices) -> dict[str, str]:
    """A token a role or unit."""
    found = {role: token_for(site, role) for role in ("manager", "officer")}
    for unit in ("hosp-1", "hosp-2", "car-1"):
        site.insert(
            state.accounts, name=unit, password="none", role="unit_user", unit=unit, must_change=False, disabled=False
        )
        found[unit] = _token(site, unit)
    return found


def _token(site: FakeServices, name: str) -> str:
    return accounts.issue_token(site.engine, name, "test", "api", None)


@pytest.fixture
def caller(site: FakeServices) -> Caller:
    """Nobody on the machine."""
    return Caller(build_app(site, FakeClock()))


def ids(document: dict[str, Any]) -> list[str]:
    """The ids of a list."""
    return [one["id"] for one in document["items"]]


VIEWS = [
    ("stores", ["MW0101", "MW0102", "MW0103", "MW0104", "MW0105", "MW0201"]),
    ("waiting", ["MW0501"]),
    ("road", ["MW0301", "MW0302"]),
    ("plant", []),
    ("handover", ["MW0302"]),
    ("missing", ["MW0401"]),
    ("quarantined", ["XX-9999"]),
    ("over", ["MW0001", "MW0002", "MW0003"]),
]


@pytest.mark.parametrize(("view", "expected"), VIEWS)
async def test_every_view_lists_and_counts_its_containers(caller: Caller, view: str, expected: list[str]) -> None:
    """In a store the oldest first; the counts are those of all views at once."""
    found = (await caller.get("/api/v1/custody-board", view=view)).json()
    assert (ids(found) if view == "stores" else sorted(ids(found))) == expected
    assert found["counts"][view] == found["number"] == len(expected)


async def test_ages_stand_against_the_limits_of_the_rules_in_force(caller: Caller) -> None:
    """36, 44 and 48 hours of the pack for a hospital, with what is not verified said."""
    found = (await caller.get("/api/v1/custody-board")).json()
    levels = {one["id"]: one["level"] for one in found["items"]}
    assert levels == {
        "MW0101": "major",
        "MW0102": "warning",
        "MW0103": "info",
        "MW0104": "ok",
        "MW0105": "ok",
        "MW0201": "ok",
    }
    assert [(one["after_ms"] // 3_600_000, one["severity"], one["verified"]) for one in found["limits"]] == [
        (36, "info", False),
        (44, "warning", False),
        (48, "major", True),
    ]
    (store,) = found["stores"]
    assert store["levels"] == {"ok": 3, "info": 1, "warning": 1, "major": 1, "critical": 0}
    assert (store["place"], store["n"], store["place_name"]["en"]) == ("hosp-1-store", 6, "Waste store")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"category": "sharps"}, ["MW0102", "MW0201"]),
        ({"q": "mw010 七病区"}, ["MW0101", "MW0102", "MW0103", "MW0104", "MW0105"]),
        ({"place": "hosp-1-store", "q": "0104"}, ["MW0104"]),
        ({"unit": "hosp-2"}, []),
        ({"view": "open", "q": "M-0002"}, ["MW0301", "MW0302"]),
        ({"limit": "2", "page": "1"}, ["MW0103", "MW0104"]),
        ({"limit": "2", "page": "99"}, ["MW0105", "MW0201"]),
    ],
)
async def test_the_overview_is_narrowed(caller: Caller, query: dict[str, str], expected: list[str]) -> None:
    """By category, words in names and ids, place, producer, manifest and page."""
    found = (await caller.get("/api/v1/custody-board", **query)).json()
    assert ids(found) == expected


async def test_a_container_is_shown_by_what_happened_weights_and_proofs(caller: Caller) -> None:
    """Scans and inferences apart, each with its ledger entry; a head that covers them all, with its short code."""
    found = (await caller.get("/api/v1/custody-trace/MW0001")).json()
    steps = [(one["step"], one["inferred"]) for one in found["events"]]
    assert steps[:3] == [("collect", False), ("store_in", False), ("store_out", False)]
    assert ("depart", True) in steps
    assert steps[-1] == ("dispose", False)
    assert found["proof"]["entries"] == [one["entry"] for one in found["events"]]
    head = found["proof"]["head"]
    assert head["origin"] == ORIGIN
    assert head["size"] > max(found["proof"]["entries"])
    assert re.fullmatch(rf"{head['size']}-[A-Z2-7]{{10}}", head["code"])
    assert [(one["pair"], one["difference_g"], one["ok"]) for one in found["differences"]] == [
        ("department_store", 0, True),
        ("department_plant", 0, True),
        ("load_plant", 0, True),
    ]


async def test_a_weight_beyond_the_tolerance_is_said_with_its_alert(caller: Caller) -> None:
    """800 g less of 5 kg, where 2 % are allowed."""
    found = (await caller.get("/api/v1/custody-trace/MW0201")).json()
    (one,) = found["differences"]
    assert (one["pair"], one["difference_g"], one["tolerance_g"], one["ok"]) == ("department_store", -800, 100, False)
    assert "custody.weight_difference" in {alert["parameter"] for alert in found["alerts"]}


async def test_what_was_known_at_a_time_is_shown_without_what_came_later(caller: Caller) -> None:
    """Each moment adds something; before the first one nothing was known."""
    now = (await caller.get("/api/v1/custody-trace/MW0001")).json()
    first = now["moments"][0]
    then = (await caller.get("/api/v1/custody-trace/MW0001", as_known_at=first)).json()
    assert [one["step"] for one in then["events"]] == ["collect"]
    assert (then["container"]["state"], now["container"]["state"]) == ("collected", "destroyed")
    assert then["moments"] == now["moments"]
    nothing = (await caller.get("/api/v1/custody-trace/MW0001", as_known_at=first - 1)).json()
    assert nothing["container"] is None


async def test_names_of_people_are_for_who_signed_in(caller: Caller, tokens: dict[str, str]) -> None:
    """Nobody sees badges and ids only."""
    assert (await caller.get("/api/v1/custody-trace/MW0101")).json()["names"]["people"] == {}
    caller.token = tokens["officer"]
    assert (await caller.get("/api/v1/custody-trace/MW0101")).json()["names"]["people"] == {"p-nurse": "李护士"}


SEEN = [("hosp-1", True, True), ("hosp-2", False, False), ("car-1", True, True)]


@pytest.mark.parametrize(("unit", "container", "paper"), SEEN)
async def test_a_unit_sees_what_it_had_a_part_in(
    caller: Caller, tokens: dict[str, str], unit: str, container: bool, paper: bool
) -> None:
    """The producer and the carrier see the bag that went with them and its manifest, another hospital nothing."""
    caller.token = tokens[unit]
    board = (await caller.get("/api/v1/custody-board", view="over")).json()
    assert ("MW0001" in ids(board)) == container
    assert (board["counts"]["over"] > 0) == container
    assert ((await caller.get("/api/v1/custody-trace/MW0001")).status == 200) == container
    assert ("M-1" in ids((await caller.get("/api/v1/manifest-board")).json())) == paper
    for path in ("/api/v1/manifest-slip/M-1", "/manifests/M-1/pdf", "/manifests/M-1/qr.svg"):
        assert ((await caller.get(path)).status == 200) == paper


async def test_a_manifest_is_the_same_on_its_page_and_on_paper(caller: Caller) -> None:
    """Parts, containers, the short code of the ledger head of the day it left, and a code that leads to it."""
    found = (await caller.get("/api/v1/manifest-slip/M-1", lang="zh")).json()["slip"]
    facts = [dict(part["facts"]) for part in found["parts"]]
    assert [one["单位"] for one in facts] == ["第一医院", "洁运医废运输公司", "江北处置厂"]
    assert facts[1]["车辆"] == "苏A12345 van-1"
    assert facts[2]["接收重量"] == "10.260 kg"
    assert [row[1] for row in found["tables"][1]["rows"]] == ["MW0001", "MW0002", "MW0003"]
    assert re.fullmatch(r"[0-9]+-[A-Z2-7]{10}", found["code"])
    reply = await caller.get("/manifests/M-1/pdf", lang="zh")
    assert (reply.header("content-type"), reply.header("content-disposition")) == (
        "application/pdf",
        'inline; filename="manifest-M-1.pdf"',
    )
    pages = pypdfium2.PdfDocument(reply.body)
    shown = pages[0].get_textpage().get_text_bounded()
    for words in ("医疗废物转移联单", found["code"], "江北处置厂", "MW0003", "10.260"):
        assert words in shown
    assert [one.text for one in zxingcpp.read_barcodes(pages[0].render(scale=2).to_pil())] == ["manifest:M-1"]
    pages.close()


async def test_a_manifest_on_the_road_has_no_receiver_yet(caller: Caller) -> None:
    """In English, with its state; and there is none of a number that nobody used."""
    found = (await caller.get("/api/v1/manifest-slip/M-0002", lang="en")).json()["slip"]
    assert found["state"].startswith("On the road · ")
    assert dict(found["parts"][2]["facts"])["Unit"] == ""
    reply = await caller.get("/api/v1/manifest-slip/M-3")
    assert (reply.status, reply.json()["reason"]) == (404, "there is no manifest 'M-3'")


async def test_labels_are_printed_of_a_registered_range_by_who_may_manage(
    caller: Caller, tokens: dict[str, str]
) -> None:
    """What a scanner reads is the number; nobody and an officer may not."""
    path = "/labels/H1-000001/pdf"
    assert (await caller.get(path, first=1, last=2)).status == 401
    caller.token = tokens["officer"]
    assert (await caller.get(path, first=1, last=2)).status == 403
    caller.token = tokens["manager"]
    reply = await caller.get(path, first=479, last=480, layout="2x4", skip=1)
    assert reply.header("content-type") == "application/pdf"
    pages = pypdfium2.PdfDocument(reply.body)
    read = sorted(one.text for one in zxingcpp.read_barcodes(pages[0].render(scale=2).to_pil()))
    pages.close()
    assert read == ["H1-000479", "H1-000480"]


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"first": 0, "last": 2}, 422, "first: '0' is not allowed; allowed: a number of the range, 1 to 480"),
        ({"first": 2, "last": 1}, 422, "last: '1' is not allowed"),
        ({"first": 1, "last": 481}, 422, "last: '481' is not allowed"),
        ({"first": 1, "last": 2, "layout": "9x9"}, 422, "layout"),
    ],
)
async def test_numbers_outside_the_range_are_not_printed(
    caller: Caller, tokens: dict[str, str], query: dict[str, Any], status: int, words: str
) -> None:
    """The answer names field, value and what is allowed."""
    caller.token = tokens["manager"]
    reply = await caller.get("/labels/H1-000001/pdf", **query)
    assert reply.status == status
    assert words in reply.json()["reason"]
    assert (await caller.get("/labels/nothing/pdf", first=1, last=1)).status == 404


async def test_ranges_are_listed_for_the_units_that_are_seen(caller: Caller, tokens: dict[str, str]) -> None:
    """With the unit's name; another hospital sees none of them."""
    (one,) = (await caller.get("/api/v1/label-ranges")).json()["items"]
    assert one == RANGE | {"unit_name": {"zh": "第一医院", "en": "Hospital 1"}}
    caller.token = tokens["hosp-2"]
    assert (await caller.get("/api/v1/label-ranges")).json()["items"] == []
