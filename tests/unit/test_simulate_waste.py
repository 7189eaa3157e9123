"""A simulated city of waste: clean chains as the book tells them, working days, and mishaps with what must be found."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from custody.event import STEPS
from devices.files import read
from devices.observation import QUANTITIES
from devices.simulate.city import City
from devices.simulate.city_registry import registry_of
from devices.simulate.mishaps import KINDS, Mishaps
from devices.simulate.waste import SPRING_2026, Days, Waste

FIRST = dt.date(2026, 2, 8)
DAY = 86_400_000
ZONE = dt.timezone(dt.timedelta(hours=8))
#: One container's steps, the same wherever it is scanned.
HOSPITAL = ["pack", "collect", "store_in", "store_out", "load", "confirm", "receive", "dispose"]
CLINIC = ["collect", "receive", "dispose"]
POINT = ["collect", "receive", "store_out", "load", "confirm", "receive", "dispose"]
#: Its first scan names label and tag.
IN_BIN = ["pack", "pack", "collect", "store_in", "pack", "unpack", "dispose"]

#: Scanned in front of both sides.
TWO_BADGES = {"collect", "store_in", "store_out", "load", "arrive", "receive"}


def city() -> City:
    """Six hospitals, of which one is large, and clinics of which some have a collection point."""
    return City.of(hospitals=6, clinics=40, points=1)


def waste(**more: Any) -> Waste:
    """Its waste from the week before Spring Festival on."""
    options: dict[str, Any] = {"seed": 7, "stamp": 1_770_000_000, "closures": SPRING_2026} | more
    return Waste(city(), Days(FIRST), **options)


@cache
def events(days: int = 12) -> tuple[dict[str, Any], ...]:
    """What the terminals say, in the order in which it is sent, each with its ``terminal``."""
    return tuple(json.loads(one.payload) | {"terminal": one.terminal} for one in waste().sent(days))


def registry(rounds: bool = False) -> dict[str, list[dict[str, Any]]]:
    """Its registry file."""
    return registry_of(city(), waste().work, SPRING_2026, rounds=rounds)


def test_the_same_seed_gives_the_same_bytes() -> None:
    """A month can be repeated message by message."""
    assert list(waste().sent(2)) == list(waste().sent(2))
    assert list(waste().sent(2)) != list(waste(seed=8).sent(2))


def test_messages_are_sent_in_order_and_numbered_by_the_time_of_their_scan() -> None:
    """The numbers of a terminal have no gap and rise with its times; nothing is sent before it was scanned."""
    numbers: dict[str, list[tuple[int, int]]] = defaultdict(list)
    sent = list(waste().sent(3))
    assert [one.at for one in sent] == sorted(one.at for one in sent)
    for one in sent:
        event = json.loads(one.payload)
        assert (event["id"], 0 <= one.at - event["ts"] < 1_000) == (one.id, True)
        numbers[one.terminal].append((event["seq"], event["ts"]))
    for found in numbers.values():
        assert [number for number, _ in sorted(found)] == list(range(1, len(found) + 1))
        assert all(before[1] <= after[1] for before, after in pairwise(sorted(found)))


def test_every_container_goes_the_way_of_its_producer() -> None:
    """Chains are those of docs/life-of-a-container.md, whatever the container's kind of producer; none is left over."""
    steps: dict[str, list[str]] = defaultdict(list)
    label_of: dict[str, str] = {}
    units: dict[str, str] = {}
    for event in events():
        if event["step"] in {"pack", "collect"} and "parent" not in event and event["ids"][0]["k"] == "qr":
            label_of |= {one["v"]: event["ids"][0]["v"] for one in event["ids"]}
            units.setdefault(event["ids"][0]["v"], event["place"])
    for event in events():
        for one in event["ids"]:
            steps[label_of.get(one["v"], one["v"])].append(event["step"])
    ways = Counter((units[label].split("-")[0], tuple(found)) for label, found in steps.items() if label in units)
    wanted = {("hosp", tuple(HOSPITAL)), ("hosp", tuple(IN_BIN)), ("clinic", tuple(CLINIC)), ("clinic", tuple(POINT))}
    assert set(ways) == wanted
    assert min(ways.values()) > 10
    bins = {name for name in steps if name.startswith("BIN-")}
    cycle = ["store_out", "load", "confirm", "receive", "bin_clean"]
    assert bins
    assert all(steps[name] == cycle * (len(steps[name]) // len(cycle)) for name in bins)


def test_hand_overs_have_two_badges_and_the_receiver_confirms_on_its_own_terminal() -> None:
    """Both parties' badges are there, and each confirm names an event of the other party, sent before."""
    seen: dict[str, dict[str, Any]] = {}
    unit_of = {one["id"]: one["unit"] for one in registry()["places"]}
    home = {one["id"]: unit_of[one["place"]] for one in registry()["devices"]}
    confirmed = Counter[str]()
    for event in events():
        seen[event["id"]] = event
        assert ("with" in event) == (event["step"] in TWO_BADGES)
        if event["step"] == "confirm":
            other = seen[event["of"]]
            assert home[other["terminal"]] != home[event["terminal"]]
            assert other["step"] in {"store_out", "arrive"}
            confirmed[other["id"]] += 1
    wanted = {event["id"] for event in events() if event["step"] in {"store_out", "arrive"}}
    assert set(confirmed) == wanted
    assert set(confirmed.values()) == {1}


def test_a_manifest_is_of_one_consignor_and_trip() -> None:
    """It is loaded at one unit, departs and arrives once."""
    units: dict[str, set[str]] = defaultdict(set)
    drives = Counter[tuple[str, str]]()
    unit_of = {one["id"]: one["unit"] for one in registry()["places"]}
    for event in events():
        manifest = event.get("manifest")
        if manifest and event["step"] in {"collect", "load"}:
            units[manifest].add(unit_of[event["place"]])
        elif manifest and event["step"] in {"depart", "arrive"}:
            drives[manifest, event["step"]] += 1
    assert all(len(found) == 1 for found in units.values())
    assert set(drives.values()) == {1}
    assert {manifest for manifest, _ in drives} == set(units)
    assert all(len(manifest) == 14 and manifest.isdigit() for manifest in units)


def test_weights_are_whole_and_agree_within_the_scales_divisions() -> None:
    """Gross is tare and net; ward, store and plant differ by no more than half a division of each scale."""
    divisions = {one["id"]: one["division_g"] for one in registry()["scales"]}
    ward: dict[str, int] = {}
    alone = 0
    for event in events():
        weight = event.get("weight")
        if weight is None:
            continue
        assert weight["gross_g"] == weight["tare_g"] + weight["net_g"]
        assert weight["net_g"] > 0
        assert weight["gross_g"] % divisions[weight["scale"]] == 0
        if len(event["ids"]) > 1 or event["ids"][0]["v"].startswith("BIN"):
            continue
        first = ward.setdefault(event["ids"][0]["v"], weight["net_g"])
        assert abs(first - weight["net_g"]) <= 60
        alone += first != weight["net_g"]
    assert alone > 100


def test_clinics_rest_in_spring_festival_and_are_never_forgotten() -> None:
    """None is visited on a day off, and weekly ones are on the first working day after a week at the latest."""
    visits: dict[str, set[dt.date]] = defaultdict(set)
    for event in events(28):
        if event["step"] == "collect" and event["place"].startswith("clinic"):
            visits[event["place"]].add(dt.datetime.fromtimestamp(event["ts"] / 1000, ZONE).date())
    calls = {one.place for one in city().clinics if one.calls}
    assert set(visits) - calls == {one.place for one in city().clinics} - calls
    for place, days in visits.items():
        assert all(SPRING_2026.open_on(day) for day in days)
        for before, after in pairwise(sorted(days)):
            due = before + dt.timedelta(days=7)
            while not SPRING_2026.open_on(due):
                due += dt.timedelta(days=1)
            assert place in calls or after <= due


def test_weekends_and_the_festival_have_less_waste() -> None:
    """A laboratory has about half on such days, and something on each of them."""
    grams: dict[dt.date, int] = defaultdict(int)
    for event in events():
        if event["step"] == "collect" and event["place"].endswith("-lab"):
            grams[dt.datetime.fromtimestamp(event["ts"] / 1000, ZONE).date()] += event["weight"]["net_g"]
    assert len(grams) == 12
    usual = grams[dt.date(2026, 2, 11)]
    assert 0.2 * usual < grams[dt.date(2026, 2, 8)] < 0.9 * usual
    assert 0.2 * usual < grams[dt.date(2026, 2, 17)] < 0.8 * usual


@pytest.mark.parametrize("rounds", [False, True])
def test_whatever_an_event_names_is_in_the_registry(tmp_path: Path, rounds: bool) -> None:
    """The registry file is sound, without a name of a person, and knows all terminals, places, badges and labels."""
    document = registry(rounds=rounds)
    path = tmp_path / "city.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), "utf-8")
    assert read(path).faults == []
    assert all(set(one) == {"id", "badge", "unit", "role"} for one in document["people"])
    ids = {section: {one["id"] for one in entries} for section, entries in document.items()}
    badges = {one["badge"] for one in document["people"]}
    prefixes = tuple(one["prefix"] for one in document["labels"])
    bins = {one["id"] for one in document["containers"]}
    for event in events():
        assert event["step"] in STEPS
        assert event["terminal"] in ids["devices"]
        assert event.get("place", "sim") in {"sim", *ids["places"]}
        assert event.get("vehicle", "") in {"", *ids["vehicles"]}
        assert event.get("weight", {}).get("scale", "") in {"", *ids["scales"]}
        assert {event[key]["badge"] for key in ("by", "with") if key in event} <= badges
        labels = [one["v"] for one in event["ids"] if one["k"] == "qr"]
        assert all(label in bins or label.startswith(prefixes) for label in labels)


def test_mishaps_are_listed_with_what_must_be_found() -> None:
    """Every kind occurs, names quantities that there are, and only objects that occur in events."""
    mishaps = Mishaps(3, share=0.04, first=1, last=20)
    sent = list(waste(trouble=mishaps).sent(24))
    texts = {one["v"] for sent_ in sent for one in json.loads(sent_.payload)["ids"]}
    ids = {(one.terminal, one.id) for one in sent}
    wanted = {kind for kinds in KINDS.values() for kind in kinds} | {"not_collected"}
    assert {one.kind for one in mishaps.injected} == wanted
    for one in mishaps.injected:
        assert one.expected or one.flags or one.kind == "duplicate"
        for quantity, about in one.truth():
            assert quantity in QUANTITIES
            kind, _, name = about.partition(":")
            if kind == "event":
                terminal, _, event = name.partition(":")
                assert (terminal, event) in ids
            elif kind == "container":
                assert name in texts
            else:
                assert kind in {"department", "manifest", "balance"}


def test_without_mishaps_within_reach_all_is_clean() -> None:
    """A share of zero, and days outside the span, change no byte."""
    assert list(waste(trouble=Mishaps(3, share=0.0, first=0, last=9)).sent(2)) == list(waste().sent(2))
    assert list(waste(trouble=Mishaps(3, share=0.5, first=5, last=9)).sent(2)) == list(waste().sent(2))


def test_a_message_that_comes_late_or_twice_keeps_its_number() -> None:
    """What a ward kept without network comes hours later as it was scanned; a doubled message has the same bytes."""
    for kind in ("offline", "duplicate", "conflict"):
        mishaps = Mishaps(3, share=0.2, first=0, last=2, only=[kind])
        sent = list(waste(trouble=mishaps).sent(3))
        assert mishaps.injected
        copies = Counter(one.payload for one in sent)
        ids = Counter((one.terminal, one.id) for one in sent)
        late = [one for one in sent if one.at - json.loads(one.payload)["ts"] > 6 * 3_600_000]
        assert bool(late) == (kind == "offline")
        assert (max(copies.values()), max(ids.values())) == {
            "offline": (1, 1),
            "duplicate": (2, 2),
            "conflict": (1, 2),
        }[kind]
