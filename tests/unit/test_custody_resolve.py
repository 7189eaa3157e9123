"""An event against the registry: who, where, whose producer, which scale and key, whose labels."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custody.event import decode
from custody.fact import Fact, Party, Spot
from custody.flags import FLAGS
from custody.registered import has_labels, known_label, tied
from custody.resolve import fact
from devices.registry import Change, Registry

#: 2024-11-21 22:40 in Shanghai.
TS = 1_732_200_000_000
DAY = 86_400_000
SHANGHAI = dt.timezone(dt.timedelta(hours=8))
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
EVENT: dict[str, Any] = {
    "id": "T7-1",
    "ts": TS,
    "step": "collect",
    "ids": [{"k": "qr", "v": "MW00000007"}],
    "weight": {"gross_g": 3650, "tare_g": 230, "net_g": 3420, "scale": "bs-12", "stable": True, "mode": "scale"},
    "category": "infectious",
    "place": "ward-7",
    "by": {"badge": "0412", "auth": "card"},
    "with": {"badge": "1177"},
}

BODIES: dict[str, list[dict[str, Any]]] = {
    "grid": [{"id": "g-1"}, {"id": "g-2", "parent": "g-1"}],
    "units": [
        {"id": "hosp-1", "kind": "hospital", "grid": "g-1/g-2"},
        {"id": "hosp-2", "kind": "hospital", "producer": "clinic"},
        {"id": "clinic-1", "kind": "clinic"},
        {"id": "carrier-1", "kind": "carrier"},
    ],
    "places": [
        {"id": "store-1", "kind": "waste_store", "unit": "hosp-1", "state": "accepted"},
        {"id": "ward-7", "kind": "department", "parent": "store-1", "grid": "g-1", "state": "trial"},
        {"id": "house-2", "kind": "department", "unit": "hosp-2", "state": "accepted"},
        {"id": "clinic-1-room", "kind": "clinic", "unit": "clinic-1", "state": "accepted"},
        {"id": "point-1", "kind": "collection_point", "unit": "hosp-1", "state": "accepted"},
        {"id": "van-1", "kind": "vehicle", "unit": "carrier-1", "state": "accepted"},
    ],
    "devices": [
        {"id": "t-1", "kind": "terminal", "place": "store-1"},
        {"id": "t-key", "kind": "terminal", "place": "store-1", "public_key": PUBLIC},
        {"id": "t-van", "kind": "terminal", "place": "van-1"},
        {"id": "wq-1", "kind": "water", "place": "store-1"},
    ],
    "scales": [
        {
            "id": "bs-12",
            "division_g": 10,
            "min_g": 100,
            "max_g": 60_000,
            "certificate": {"number": "C-1", "from": "2024-01-01", "until": "2024-11-21"},
        },
        {"id": "bare"},
    ],
    "people": [
        {"id": "p-1", "badge": "0412", "unit": "hosp-1", "role": "collector"},
        {
            "id": "p-2",
            "periods": [
                {"id": "p-2", "badge": "1177", "unit": "hosp-1", "role": "head", "to": TS + DAY},
                {"id": "p-2", "badge": "1178", "unit": "hosp-2", "role": "head", "from": TS + DAY},
            ],
        },
    ],
    "vehicles": [{"id": "v-1"}],
    "containers": [{"id": "bin-1", "kind": "bin", "ids": [{"k": "qr", "v": "BIN-1"}, {"k": "text", "v": "B1"}]}],
    "labels": [
        {"id": "l-1", "unit": "hosp-1", "prefix": "MW", "first": 1, "last": 500, "digits": 8},
        {"id": "l-2", "unit": "clinic-1", "prefix": "MW0", "first": 501, "last": 999, "digits": 7, "to": TS + DAY},
        {"id": "l-3", "unit": "hosp-2", "prefix": "MW", "first": 501, "last": 999, "digits": 8, "from": TS + DAY},
    ],
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    """Two hospitals, a clinic, a carrier; one scale whose certificate ends on the day of the event."""
    found = Registry()
    found.apply([Change(kind, body["id"], body) for kind, bodies in BODIES.items() for body in bodies], 0)
    return found


@pytest.fixture
def made(registry: Registry) -> Callable[..., Fact]:
    """The fact of the event with changes; ``at`` is the receive time."""

    def make(terminal: str = "t-1", at: int = TS + 2000, **changes: Any) -> Fact:
        changes = {{"with_": "with"}.get(key, key): value for key, value in changes.items()}
        event = decode(json.dumps(EVENT | changes).encode(), at)
        assert event.fault is None
        return fact(event, registry, terminal, 7, 9, at, "c" * 64, -200, SHANGHAI)

    return make


def test_clean_event_is_resolved_without_flags(made: Callable[..., Fact]) -> None:
    """Everything of the event stands in the fact, with what the registry knew."""
    found = made()
    assert found.flags == ()
    assert (found.offset, found.decided, found.received_at, found.copy, found.skew_ms) == (
        7,
        9,
        TS + 2000,
        "c" * 64,
        -200,
    )
    assert found.spot == Spot("ward-7", "department", "hosp-1", "g-1", "hospital", notify=False)
    assert found.home == Spot("store-1", "waste_store", "hosp-1", "g-1/g-2", "hospital", notify=True)
    assert found.by == Party("0412", "p-1", "hosp-1", "collector", "card")
    assert found.with_ == Party("1177", "p-2", "hosp-1", "head")
    assert found.weight is not None
    assert (found.weight.net_g, found.weight.division_g, found.weight.usable) == (3420, 10, True)
    assert (found.boot, found.seq, found.signature, found.registered, found.strange) == (-1, -1, "", (), ())


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (None, Spot("store-1", "waste_store", "hosp-1", "g-1/g-2", "hospital")),
        ("house-2", Spot("house-2", "department", "hosp-2", "", "clinic")),
        ("clinic-1-room", Spot("clinic-1-room", "clinic", "clinic-1", "", "clinic")),
        ("point-1", Spot("point-1", "collection_point", "hosp-1", "g-1/g-2", "collection_point")),
        ("van-1", Spot("van-1", "vehicle", "carrier-1", "", "")),
        ("nowhere", Spot("nowhere", "", "hosp-1", "g-1/g-2", "hospital")),
    ],
)
def test_place_says_whose_producer_it_is(made: Callable[..., Fact], place: str | None, expected: Spot) -> None:
    """The unit's own profile, else that of its kind; a collection point is one whoever runs it."""
    found = made(place=place)
    assert found.spot == expected
    assert ("unknown_place" in found.flags) == (place == "nowhere")


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"terminal": "wq-1"}, "not_a_terminal"),
        ({"terminal": "gone"}, "not_a_terminal"),
        ({"place": "ward-8"}, "unknown_place"),
        ({"by": {"badge": "9999"}}, "unknown_badge"),
        ({"approved_by": {"badge": "9999"}}, "unknown_badge"),
        ({"vehicle": "v-9"}, "unknown_vehicle"),
        ({"weight": {"net_g": 5000, "scale": "bs-13"}}, "unknown_scale"),
        ({"weight": {"gross_g": 60_001, "scale": "bs-12"}}, "bad_weight"),
        ({"weight": {"net_g": 99, "scale": "bs-12"}}, "bad_weight"),
        ({"ts": TS + DAY, "at": TS + DAY}, "scale_certificate"),
        ({"ts": TS - 366 * DAY}, "scale_certificate"),
        ({"terminal": "t-key"}, "unsigned"),
        ({"terminal": "t-key", "sig": "AAAA"}, "bad_signature"),
        ({"terminal": "t-key", "sig": 5}, "bad_signature"),
        ({"terminal": "t-key", "sig": base64.b64encode(bytes(64)).decode()}, "bad_signature"),
    ],
)
def test_what_the_registry_denies_is_flagged(made: Callable[..., Fact], changes: dict[str, Any], flag: str) -> None:
    """It is a fact nevertheless, and every flag has words."""
    found = made(**changes)
    assert flag in found.flags
    assert set(found.flags) <= set(FLAGS)
    assert list(found.flags) == sorted(found.flags)


def test_badge_is_whose_it_was_when_the_event_came(made: Callable[..., Fact]) -> None:
    """A badge that nobody has any more has no person; the new one belongs to the same person elsewhere."""
    later = made(at=TS + DAY, by={"badge": "1178"})
    assert later.with_ == Party("1177")
    assert later.by == Party("1178", "p-2", "hosp-2", "head")
    assert "unknown_badge" in later.flags


@pytest.mark.parametrize(
    ("terminal", "place", "person"),
    [
        ("t-1", None, "h1"),
        ("t-1", "ward-7", "h1"),
        ("t-1", "house-2", "h2"),
        ("t-1", "clinic-1-room", "h1"),
        ("t-van", "ward-7", "h1"),
        ("t-van", "clinic-1-room", ""),
        ("t-van", None, ""),
    ],
)
def test_badge_that_several_units_gave_out_is_that_of_the_unit_there(
    terminal: str, place: str | None, person: str
) -> None:
    """Each unit numbers its own badges: the place's unit counts before the terminal's; nobody is guessed."""
    registry = Registry()
    bodies = {**BODIES, "people": [holder("h2", "hosp-2"), holder("h1", "hosp-1")]}
    registry.apply([Change(kind, body["id"], body) for kind, found in bodies.items() for body in found], 0)
    event = decode(json.dumps(EVENT | {"by": {"badge": "7"}, "with": None, "place": place}).encode(), TS)
    found = fact(event, registry, terminal, 1, 1, TS, "", None)
    assert found.by is not None
    assert found.by.person == person
    assert found.flags == (() if person else ("unknown_badge",))


def holder(name: str, unit: str) -> dict[str, Any]:
    """Somebody with badge 7."""
    return {"id": name, "badge": "7", "unit": unit, "role": "collector"}


def test_badge_that_two_of_one_unit_have_is_nobodys() -> None:
    """Nobody can tell who it was."""
    registry = Registry()
    bodies = {**BODIES, "people": [holder("a", "hosp-1"), holder("b", "hosp-1")]}
    registry.apply([Change(kind, body["id"], body) for kind, found in bodies.items() for body in found], 0)
    event = decode(json.dumps(EVENT | {"by": {"badge": "7"}, "with": None}).encode(), TS)
    found = fact(event, registry, "t-1", 1, 1, TS, "", None)
    assert (found.by, found.flags) == (Party("7"), ("unknown_badge",))


@pytest.mark.parametrize(
    ("weight", "usable"),
    [
        ({"gross_g": 3650, "tare_g": 230, "net_g": 3430, "scale": "bs-12"}, True),
        ({"gross_g": 3650, "tare_g": 230, "net_g": 3410, "scale": "bs-12"}, True),
        ({"gross_g": 3650, "tare_g": 230, "net_g": 3431, "scale": "bs-12"}, False),
        ({"gross_g": 3650, "tare_g": 230, "net_g": 3430}, False),
        ({"gross_g": 3650, "tare_g": 230, "net_g": 3430, "scale": "bare"}, False),
        ({"gross_g": 3650, "tare_g": 230, "net_g": 3420, "scale": "bare"}, True),
        ({"gross_kg": "3.650", "tare_kg": "0.23", "scale": "bs-12"}, True),
        ({"gross_g": 200, "tare_g": 230, "scale": "bs-12"}, False),
        ({"net_g": 3420, "stable": False, "scale": "bs-12"}, False),
        ({"net_g": 0}, False),
        ({"net_g": -3}, False),
        ({"net_g": 100, "mode": "typed"}, True),
    ],
)
def test_weight_counts_that_agrees_within_its_scale(
    made: Callable[..., Fact], weight: dict[str, Any], usable: bool
) -> None:
    """Gross is tare and net within one division; where none is known, exactly."""
    found = made(weight=weight)
    assert found.weight is not None
    assert found.weight.usable is usable
    assert usable == (not {"bad_weight", "unstable_weight"} & set(found.flags))


def test_certificate_holds_through_its_last_day(made: Callable[..., Fact]) -> None:
    """The day ends at midnight of the installation's zone; a weight without a certificate counts all the same."""
    end = TS + 80 * 60_000
    assert "scale_certificate" not in made(ts=end - 1, at=end).flags
    late = made(ts=end, at=end)
    assert "scale_certificate" in late.flags
    assert late.weight is not None
    assert late.weight.usable


def test_signature_is_over_the_canonical_form_without_it(registry: Registry) -> None:
    """Order of keys does not matter; another content, and a form that nobody can make, does."""
    signature = base64.b64encode(KEY.sign(rfc8785.dumps(EVENT))).decode()
    signed = {"sig": signature, **EVENT}

    def outcome(payload: bytes, terminal: str = "t-key") -> tuple[str, bool]:
        found = fact(decode(payload, TS), registry, terminal, 7, 7, TS, "", None, SHANGHAI)
        return found.signature, "bad_signature" in found.flags

    assert outcome(json.dumps(signed, indent=2).encode()) == ("good", False)
    assert outcome(json.dumps(dict(reversed(signed.items()))).encode()) == ("good", False)
    assert outcome(json.dumps(signed).replace("3650", "3650.0").encode()) == ("good", False)
    assert outcome(json.dumps(signed | {"place": "ward-8"}).encode()) == ("bad", True)
    assert outcome(json.dumps(signed)[:-1].encode() + b', "id": "T7-1"}') == ("bad", True)
    assert outcome(json.dumps(signed).encode(), "t-1") == ("", False)


@pytest.mark.parametrize(
    ("text", "unit", "later"),
    [
        ("MW00000001", "hosp-1", "hosp-1"),
        ("MW00000500", "hosp-1", "hosp-1"),
        ("MW00000501", "clinic-1", "hosp-2"),
        ("MW00001000", None, None),
        ("MW00000000", None, None),
        ("MW0000001", None, None),
        ("XW00000001", None, None),
        ("MW", None, None),
        ("9" * 40, None, None),
    ],
)
def test_label_belongs_to_whom_it_was_given(registry: Registry, text: str, unit: str | None, later: str | None) -> None:
    """Ranges hold their numbers for their time, and digits of a prefix are part of the number."""
    assert known_label(registry, text, TS) == unit
    assert known_label(registry, text, TS + DAY) == later


def test_units_have_labels_while_a_range_holds(registry: Registry) -> None:
    """So that a unit without any is not asked for them."""
    found = [has_labels(registry, unit, TS) for unit in ("hosp-1", "hosp-2", "clinic-1", "carrier-1")]
    assert found == [True, False, True, False]
    assert has_labels(registry, "hosp-2", TS + DAY)


@pytest.mark.parametrize(
    ("place", "ids", "strange"),
    [
        ("ward-7", [("qr", "MW00000007")], []),
        ("ward-7", [("qr", "MW00000007"), ("qr", "MW00009007")], ["MW00009007"]),
        ("ward-7", [("qr", "MW00000501")], ["MW00000501"]),
        ("ward-7", [("qr", "PAPER")], ["PAPER"]),
        ("ward-7", [("qr", "MW00000007"), ("epc", "3066C4409047E140075BCD15")], []),
        ("ward-7", [("epc", "3066C4409047E140075BCD15")], ["3066C4409047E140075BCD15"]),
        ("ward-7", [("qr", "BIN-1")], []),
        ("house-2", [("qr", "PAPER")], []),
        ("house-2", [("qr", "MW00000007")], ["MW00000007"]),
        ("van-1", [("qr", "MW00000501")], []),
    ],
)
def test_ids_are_strange_where_their_producer_cannot_have_given_them_out(
    made: Callable[..., Fact], place: str, ids: list[tuple[str, str]], strange: list[str]
) -> None:
    """A unit with ranges has only those; nobody uses another one's; who produces nothing is not asked."""
    found = made(place=place, ids=[{"k": kind, "v": text} for kind, text in ids])
    assert list(found.strange) == strange


def test_containers_of_the_registry_are_known_and_tied(made: Callable[..., Fact], registry: Registry) -> None:
    """An id of a bin is registered, and the others of the bin are found by it."""
    assert made(ids=[{"k": "qr", "v": "BIN-1"}, {"k": "qr", "v": "MW00000007"}]).registered == ("BIN-1",)
    assert (tied(registry, "BIN-1"), tied(registry, "B1"), tied(registry, "X")) == (("B1",), ("BIN-1",), ())


def test_another_version_of_the_registry_counts_at_once() -> None:
    """What was found for one version is not used for the next."""
    registry = Registry()
    registry.apply([Change("containers", "b", {"id": "b", "ids": [{"k": "qr", "v": "A"}, {"k": "text", "v": "C"}]})], 1)
    assert tied(registry, "A") == ("C",)
    registry.apply([Change("containers", "b", None)], 2)
    assert tied(registry, "A") == ()


def test_times_of_a_place_are_looked_up_anew_only_where_it_changes(made: Callable[..., Fact]) -> None:
    """A place that is another unit's from a day on is so for events that come from then on."""
    registry = Registry()
    places = [
        {"id": "x", "kind": "waste_store", "unit": "a", "state": "accepted", "to": TS},
        {"id": "x", "kind": "waste_store", "unit": "b", "state": "accepted", "from": TS},
    ]
    registry.apply([Change("places", "x", {"id": "x", "periods": places})], 1)
    event = decode(json.dumps(EVENT | {"place": "x"}).encode(), TS)
    units = [fact(event, registry, "t", 1, 1, at, "", None).spot.unit for at in (TS - 1, TS, TS - 1, TS + 1)]
    assert units == ["a", "b", "a", "b"]
