"""The registry in memory: folding changes, periods, topics, labels, private data."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from devices.registry import Address, Change, Registry, split_private
from devices.topics import filter_fault, matches

ROOT = "hygeia/v1"


def registry(**sections: list[dict[str, Any]]) -> Registry:
    """A registry at offset 7 that holds these entries."""
    made = Registry(ROOT)
    made.apply([Change(kind, body["id"], body) for kind, bodies in sections.items() for body in bodies], 7)
    return made


def source(name: str, pattern: str, device: str) -> dict[str, Any]:
    """A source body."""
    return {"id": name, "filter": pattern, "device": device, "codec": "json-map", "map": {"Cl": "chlorine_free"}}


def test_an_empty_registry_knows_nobody() -> None:
    """Version -1, no entry, no labels, no topic of a source."""
    empty = Registry(ROOT)
    assert empty.version == -1
    assert empty.get("devices", "wq-1") is None
    assert empty.tags("wq-1") == ("wq-1", "-", "-", "-", "-")
    assert empty.subject_parts("wq-1").accepted
    assert empty.resolve("dtu/7/data") is None


def test_a_change_replaces_by_id_and_only_an_explicit_one_removes() -> None:
    """An import of other entries leaves an entry alone; body None takes it away."""
    made = registry(units=[{"id": "u", "kind": "hospital", "name": "A"}, {"id": "v", "kind": "clinic", "name": "B"}])
    made.apply([Change("units", "u", {"id": "u", "kind": "clinic", "name": "C"})], 8)
    assert made.get("units", "u") == {"id": "u", "kind": "clinic", "name": "C"}
    assert made.ids("units") == ["u", "v"]
    made.apply([Change("units", "u", None), Change("units", "gone", None)], 9)
    assert made.ids("units") == ["v"]
    assert made.version == 9


def test_rows_of_the_state_rebuild_the_same_registry() -> None:
    """``load`` of ``rows`` gives equal entries and the given version."""
    made = registry(units=[{"id": "u", "kind": "hospital", "name": "一医院"}], sources=[source("s", "a/+", "topic[1]")])
    again = Registry(ROOT)
    again.load(made.rows(), made.version)
    assert list(again.rows()) == list(made.rows())
    assert again.version == 7
    assert again.resolve("a/d") == made.resolve("a/d")


def test_periods_are_picked_by_time() -> None:
    """``at`` picks the entry that holds then, ``to`` is exclusive, without ``at`` the newest counts."""
    first = {"id": "p", "kind": "network", "disinfectant": "free_chlorine", "to": 1000}
    second = {"id": "p", "kind": "network", "disinfectant": "ozone", "from": 1000, "to": 2000}
    made = registry(places=[{"id": "p", "periods": [first, second]}])
    assert made.get("places", "p", 999) == first
    assert made.get("places", "p", 1000) == second
    assert made.get("places", "p", 2000) is None
    assert made.get("places", "p") == second


def test_what_a_rule_asks_follows_the_time_and_says_when_it_turns() -> None:
    """The disinfectant of a device's place is the one of the reading's time; ``turns`` names the borders."""
    places = {
        "id": "p",
        "periods": [
            {"id": "p", "kind": "network", "disinfectant": "free_chlorine", "state": "accepted", "to": 1000},
            {"id": "p", "kind": "network", "disinfectant": "total_chlorine", "state": "trial", "from": 1000},
        ],
    }
    made = registry(places=[places], devices=[{"id": "d", "kind": "water", "place": "p", "from": 10}])
    assert made.subject("d", "-", "ph", 3, at=500).disinfectant == "free_chlorine"
    assert made.subject("d", "-", "ph", 3, at=500).notify
    assert made.subject("d", "-", "ph", 3, at=1500).disinfectant == "total_chlorine"
    assert not made.subject("d", "-", "ph", 3, at=1500).notify
    assert made.turns("d") == [10, 1000]
    assert made.turns("nobody") == []


def test_labels_come_from_the_place_and_those_above() -> None:
    """Unit and grid come from the nearest place above that has them; the district is the top of the grid path."""
    made = registry(
        units=[{"id": "hosp-1", "kind": "hospital", "name": "H", "grid": "gulou/hunan-lu"}],
        places=[
            {"id": "hosp-1-store", "kind": "waste_store", "unit": "hosp-1"},
            {"id": "room", "kind": "department", "parent": "hosp-1-store"},
        ],
        devices=[{"id": "scale-1", "kind": "terminal", "place": "room"}, {"id": "lost", "kind": "water"}],
    )
    assert made.tags("scale-1") == ("scale-1", "terminal", "room", "hosp-1", "gulou")
    assert made.subject_parts("scale-1").grid == "gulou/hunan-lu"
    assert made.tags("lost") == ("lost", "water", "-", "-", "-")


def test_a_circle_of_places_does_not_hang() -> None:
    """Parents that go round end the search."""
    made = registry(
        places=[{"id": "a", "kind": "network", "parent": "b"}, {"id": "b", "kind": "network", "parent": "a"}],
        devices=[{"id": "d", "kind": "water", "place": "a"}],
    )
    assert made.tags("d").unit == "-"
    assert made.turns("d") == []


def test_a_subject_names_series_and_unit_of_measure() -> None:
    """The subject's key is the series, ``parameter_unit`` the catalogue's."""
    made = registry(places=[{"id": "p", "kind": "network"}], devices=[{"id": "d", "kind": "water", "place": "p"}])
    subject = made.subject("d", "in", "chlorine_free", 4)
    assert subject.key == "d/in/chlorine_free"
    assert (subject.parameter_unit, subject.place_kind, subject.channel) == ("mg/L", "network", 4)


@pytest.mark.parametrize(
    ("topic", "address"),
    [
        ("hygeia/v1/s/wq-1/up/telemetry", Address("wq-1", None, "telemetry")),
        ("hygeia/v1/_/scale-1/up/event", Address("scale-1", None, "event")),
        ("hygeia/v1/s/wq-1/up/status", Address("wq-1", None, "status")),
        ("hygeia/v1/s/wq-1/down/reply", None),
        ("hygeia/v1/s/wq-1/up/other", None),
        ("hygeia/v1/s/wq-1/up/telemetry/more", None),
        ("hygeia/v2/s/wq-1/up/telemetry", None),
        ("hygeia/v1/s//up/telemetry", None),
    ],
)
def test_topics_of_the_root_are_resolved(topic: str, address: Address | None) -> None:
    """Only the three channels below a device of this root have an address; the device need not be registered."""
    assert Registry(ROOT).resolve(topic) == address


def test_sources_are_resolved_most_specific_first_after_the_root() -> None:
    """A filter that names a level wins over ``+``, and that over ``#``; the root's own topics win over all."""
    made = registry(
        sources=[
            source("a-all", "#", "$.dev.id"),
            source("b-plus", "dtu/+/data", "topic[1]"),
            source("c-exact", "dtu/9/data", "=wq-9"),
        ],
    )
    exact, plus, rest = (made.resolve(topic) for topic in ("dtu/9/data", "dtu/7/data", "other"))
    assert exact is not None
    assert plus is not None
    assert rest is not None
    assert (exact.device, exact.source and exact.source["id"]) == ("wq-9", "c-exact")
    assert (plus.device, plus.source and plus.source["id"]) == ("7", "b-plus")
    assert (rest.device, rest.source and rest.source["id"]) == (None, "a-all")
    assert made.resolve("hygeia/v1/s/wq-1/up/telemetry") == Address("wq-1", None, "telemetry")
    assert made.resolve("$SYS/broker/load") is None


def test_a_change_forgets_what_was_resolved_before() -> None:
    """A source that comes, changes or goes counts from the next message on."""
    made = Registry(ROOT)
    assert made.resolve("dtu/7/data") is None
    made.apply([Change("sources", "s", source("s", "dtu/+/data", "topic[1]"))], 1)
    found = made.resolve("dtu/7/data")
    assert found is not None
    assert found.device == "7"
    made.apply([Change("sources", "s", None)], 2)
    assert made.resolve("dtu/7/data") is None


def test_topics_of_strangers_do_not_fill_the_memory() -> None:
    """Any number of topics leaves the remembered ones bounded, and a long one is never remembered."""
    made = Registry(ROOT)
    made.resolve("y" * 60_000)
    assert not made._addresses
    for number in range(70_000):
        made.resolve(f"x/{number}")
    assert len(made._addresses) <= 65_536


@pytest.mark.parametrize(
    ("pattern", "topic", "matched"),
    [
        ("a/b", "a/b", True),
        ("a/+", "a/b", True),
        ("a/+", "a", False),
        ("a/+", "a/b/c", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("+/+", "/b", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
    ],
)
def test_filters_match_as_mqtt_says(pattern: str, topic: str, *, matched: bool) -> None:
    """MQTT 5 section 4.7: ``+`` is one level, ``#`` the rest with its parent, ``$`` topics only by name."""
    assert matches(pattern.split("/"), topic.split("/")) is matched


@pytest.mark.parametrize("pattern", ["", "a/#/b", "a/b#", "a+/b", "a\0b", "$share/g/a", "x" * 65_536])
def test_what_is_no_filter_is_said(pattern: str) -> None:
    """A wrong filter has a reason."""
    assert filter_fault(pattern)


def test_private_data_are_split_off_a_person() -> None:
    """Name, phone, e-mail, password and token leave; id, badge, unit and role stay."""
    person = {"id": "p-7", "badge": "0412", "unit": "h", "role": "officer"}
    secret = {"name": "王", "phone": "138", "email": "a@b", "password": "x", "token": "y"}
    assert split_private(person | secret) == (person, secret)


def test_private_data_are_split_off_every_period() -> None:
    """No period of a person keeps a name; the newest private data count."""
    person = {"id": "p", "periods": [{"id": "p", "name": "old", "to": 5}, {"id": "p", "name": "new", "from": 5}]}
    public, private = split_private(person)
    assert public == {"id": "p", "periods": [{"id": "p", "to": 5}, {"id": "p", "from": 5}]}
    assert private == {"name": "new"}


def test_ten_thousand_devices_stay_small() -> None:
    """10,000 devices with 6 channels each need less than 30 MB, asked for or not."""
    names = ("chlorine_free", "turbidity", "ph", "temperature", "conductivity", "orp")
    channels = [{"parameter": name, "point": "-", "name": name.upper(), "serial": "SN-123456"} for name in names]
    tracemalloc.start()
    try:
        made = Registry(ROOT)
        made.apply(
            (
                Change("devices", f"wq-{n}", {"id": f"wq-{n}", "kind": "water", "report_s": 60, "channels": channels})
                for n in range(10_000)
            ),
            0,
        )
        for number in range(10_000):
            made.get("devices", f"wq-{number}")
            made.resolve(f"hygeia/v1/site/wq-{number}/up/telemetry")
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < 30_000_000
