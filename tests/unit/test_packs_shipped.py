"""The shipped packs: what they say, against the facts written down a second time, and that they wake nobody in vain."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.bounds import limits
from alerts.pack import Pack, Rule
from alerts.rules import known_packs, load_packs
from devices.observation import QUANTITIES, Subject

ROOT = Path(__file__).resolve().parents[2]
HOUR = 3_600_000


def pack(name: str) -> Pack:
    """A pack as it is shipped."""
    (one,) = load_packs([name])
    return one


def rules(name: str) -> dict[str, Rule]:
    """The rules of a shipped pack by id."""
    return {rule.id: rule for rule in pack(name).rules}


def about(name: str, subject: Subject) -> dict[str, str]:
    """(rule, kind) of the rules of a pack that hold for a subject."""
    return {
        one.id: one.kind
        for one in pack(name).rules
        if one.when.fits(subject) and (subject.parameter in one.parameters if subject.parameter else not one.parameters)
    }


def test_packs_are_all_there() -> None:
    """Three that are on by default, three examples."""
    assert known_packs() == ["cj-t94", "device-health", "gb5749-2022", "medical-waste-cn", "us-epa", "who"]


@pytest.mark.parametrize("name", known_packs())
def test_every_limit_has_a_source_and_every_text_two_languages(name: str) -> None:
    """Nothing that a person reads is missing in a language."""
    one = pack(name)
    for text in (one.title, *(rule.title for rule in one.rules)):
        assert text.zh != text.en
        assert any("\u4e00" <= character <= "\u9fff" for character in text.zh)


def test_what_is_from_memory_is_not_called_verified() -> None:
    """CJ/T 94, WHO and EPA values are marked [M] but for the few that were read."""
    assert not any(limit.verified for limit in pack("cj-t94").profiles["cj-t94"])
    assert not any(limit.verified for limit in pack("us-epa").profiles["us-epa"])
    read = {(one.parameter, one.min, one.max) for one in pack("who").profiles["who"] if one.verified}
    assert read == {("chlorine_free", None, 5), ("chlorine_free", 0.5, None), ("chlorine_total", None, 3)}


@pytest.mark.parametrize(
    ("name", "parameter", "place_kind", "disinfectant", "expected"),
    [
        ("cj-t94", "turbidity", "direct_drinking", "ozone", (None, 0.5)),
        ("cj-t94", "ph", "direct_drinking", "ozone", (6.0, 8.5)),
        ("cj-t94", "chlorine_free", "direct_drinking", "free_chlorine", (0.01, None)),
        ("cj-t94", "chlorine_free", "network", "free_chlorine", (None, None)),
        ("who", "chlorine_free", "network", "free_chlorine", (0.2, 5)),
        ("who", "chlorine_free", "water_outlet", "free_chlorine", (0.5, 5)),
        ("who", "turbidity", "small_supply", "none", (None, 5)),
        ("us-epa", "chlorine_free", "water_outlet", "free_chlorine", (0.2, 4)),
        ("us-epa", "chlorine_dioxide", "network", "chlorine_dioxide", (None, 0.8)),
    ],
)
def test_examples_from_other_rules(
    name: str, parameter: str, place_kind: str, disinfectant: str, expected: tuple[float | None, float | None]
) -> None:
    """(min, max) at a place that names the profile."""
    low, high = limits(pack(name), parameter, place_kind, name, disinfectant)
    assert (low and low.min, high and high.max) == expected


def test_examples_judge_no_place_that_does_not_name_them() -> None:
    """Every number of theirs comes from a profile."""
    for name in ("cj-t94", "who", "us-epa"):
        assert all(rule.condition.from_profile for rule in pack(name).rules)


def test_epa_waits_four_hours_for_the_residual_at_the_entry_point() -> None:
    """The rule says not below 0.2 mg/L for more than four hours."""
    assert rules("us-epa")["chlorine-free-low"].hold == 4 * HOUR


WATER = Subject("d/-/x", device="d", place_kind="network", device_kind="water")


@pytest.mark.parametrize(
    ("parameter", "mode", "device_kind", "expected"),
    [
        # A sensor that reports every minute.
        ("turbidity", "", "water", {"absent", "invalid", "bad_flags", "saturated", "stuck"}),
        # An analyser with a value in four hours.
        ("ammonia_n", "sampled", "water", {"absent", "invalid", "saturated", "stuck", "unit_suspect"}),
        # A door that sends only changes, and a switch that is asked every minute.
        ("door", "held", "store_climate", set()),
        ("pump_run", "", "water", set()),
        # A level that stands still at night.
        ("tank_level", "", "water", {"absent", "invalid", "bad_flags", "saturated"}),
        ("temperature", "held", "water", set()),
    ],
)
def test_channels_are_watched_by_what_fits_their_kind(
    parameter: str, mode: str, device_kind: str, expected: set[str]
) -> None:
    """Nothing that stands still or is silent by nature is called stuck or absent."""
    subject = Subject("d/-/x", device="d", parameter=parameter, mode=mode, device_kind=device_kind)
    assert set(about("device-health", subject).values()) == expected


def test_a_slow_analyser_is_given_hours() -> None:
    """Whatever reports every four hours must miss several results before anybody is told."""
    found = rules("device-health")
    for name in ("sampled-absent", "sampled-invalid"):
        part = found[name].condition.absent or found[name].condition.invalid
        assert part is not None
        assert part.least >= 12 * HOUR
    stuck = found["sampled-stuck"].condition.stuck
    assert stuck is not None
    assert stuck.hold >= 12 * 4 * HOUR


def test_the_silence_of_a_terminal_says_nothing() -> None:
    """A ward without waste sends nothing; its clock and its numbers are watched."""
    terminal = Subject("t/-/", device="t", device_kind="terminal")
    assert set(about("device-health", terminal).values()) == {"sequence_gap", "clock_off", "overdue"}
    sensor = Subject("s/-/", device="s", device_kind="water")
    assert "silent" in about("device-health", sensor).values()


def test_nothing_about_instruments_wakes_a_city() -> None:
    """A silent device is major, for nobody sees the water then; all else goes to the contact or into the digest."""
    assert {one.id for one in pack("device-health").rules if one.severity in {"major", "critical"}} == {"device-silent"}


def test_waste_is_told_before_and_at_48_hours() -> None:
    """Two days from store-in, with warnings 12 and 4 hours before, each louder."""
    found = rules("medical-waste-cn")
    timers = [(found[f"stored-{hours}h"].hold // HOUR, found[f"stored-{hours}h"].severity) for hours in (36, 44, 48)]
    assert timers == [(36, "info"), (44, "warning"), (48, "major")]
    for rule in found.values():
        if rule.hold and rule.quantity:
            assert QUANTITIES[rule.quantity].held, rule.id


def test_every_state_of_custody_that_is_an_exception_has_a_rule() -> None:
    """What custody observes is told; being sealed is no trouble by itself, only of a clinic for weeks."""
    ruled = {rule.quantity for rule in pack("medical-waste-cn").rules if rule.quantity}
    assert ruled == set(QUANTITIES)
    assert rules("medical-waste-cn")["clinic-sealed-16d"].hold == 16 * 24 * HOUR


@pytest.mark.parametrize(
    ("profile", "quantity", "expected"),
    [
        ("hospital", "custody.stored", {"stored-36h", "stored-44h", "stored-48h"}),
        ("collection_point", "custody.stored", {"point-stored-48h"}),
        ("clinic", "custody.stored", set()),
        ("hospital", "custody.awaited", {"not-stored"}),
        ("clinic", "custody.sealed", {"clinic-sealed-16d"}),
        ("hospital", "custody.sealed", set()),
        ("", "custody.at_plant", {"at-plant-24h", "at-plant-72h"}),
    ],
)
def test_how_long_waste_may_stay_depends_on_its_producer(profile: str, quantity: str, expected: set[str]) -> None:
    """The two days of the law are a hospital's; a clinic is collected weekly; a plant has limits of its own."""
    subject = Subject(f"container:x/-/{quantity}", parameter=quantity, profile=profile)
    found = [one for one in pack("medical-waste-cn").rules if one.quantity == quantity and one.when.fits(subject)]
    assert {one.id for one in found} == expected


def test_the_store_is_judged_by_its_own_climate_only() -> None:
    """20 degC is a limit of the store, not of drinking water."""
    store = Subject("c/-/t", parameter="temperature", place_kind="waste_store", device_kind="store_climate")
    water = Subject("w/-/t", parameter="temperature", place_kind="network", device_kind="water")
    assert set(about("medical-waste-cn", store)) == {"store-warm"}
    assert about("medical-waste-cn", water) == {}


def test_the_standard_warns_early_where_values_rise_slowly() -> None:
    """And what a secondary supply adds is compared with what comes in."""
    found = rules("gb5749-2022")
    early = {name for name, rule in found.items() if rule.early is not None}
    assert early == {"colour-high", "codmn-high", "ammonia-high"}
    compared = {name: rule.condition.compare for name, rule in found.items() if rule.condition.compare}
    assert {name: one.above for name, one in compared.items()} == {"ammonia-rise": 0.1, "codmn-rise": 1}
    assert all(one.other.upstream for one in compared.values())
