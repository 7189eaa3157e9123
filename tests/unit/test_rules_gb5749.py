"""The shipped drinking-water limits, against the standard's numbers written down a second time."""

from __future__ import annotations

import math

import pytest

from alerts.evaluate import Evaluation
from alerts.pack import PLACE_KINDS, Pack
from alerts.rules import load_packs
from devices.observation import Subject
from devices.parameters import CATALOGUE

INF = math.inf
TREATED = ("water_outlet", "network", "network_end", "secondary_supply", "small_supply")
TAPS = ("network", "network_end", "secondary_supply", "small_supply")
DISINFECTANTS = ("free_chlorine", "total_chlorine", "chlorine_dioxide", "ozone", "none")


@pytest.fixture(scope="module")
def pack() -> Pack:
    """The pack as it is shipped."""
    (one,) = load_packs(["gb5749-2022"])
    return one


def band(pack: Pack, parameter: str, place_kind: str, disinfectant: str) -> tuple[float, float]:
    """The good values at such a place."""
    subject = Subject("k", parameter=parameter, place_kind=place_kind, profile="gb5749-2022", disinfectant=disinfectant)
    return Evaluation([pack]).band(subject)


@pytest.mark.parametrize("place_kind", TREATED)
@pytest.mark.parametrize("disinfectant", DISINFECTANTS)
def test_limits_that_do_not_depend_on_the_disinfectant(pack: Pack, place_kind: str, disinfectant: str) -> None:
    """PH, turbidity, colour, permanganate index and ammonia of GB 5749-2022, wherever treated water is measured."""
    turbidity = 3 if place_kind == "small_supply" else 1
    expected = {
        "ph": (6.5, 8.5),
        "turbidity": (-INF, turbidity),
        "colour": (-INF, 15),
        "codmn": (-INF, 3),
        "ammonia_n": (-INF, 0.5),
    }
    assert {name: band(pack, name, place_kind, disinfectant) for name in expected} == expected


@pytest.mark.parametrize(
    ("disinfectant", "parameter", "maximum", "outlet", "tap"),
    [
        ("free_chlorine", "chlorine_free", 2, 0.3, 0.05),
        ("total_chlorine", "chlorine_total", 3, 0.5, 0.05),
        ("ozone", "ozone", 0.3, -INF, 0.02),
        ("chlorine_dioxide", "chlorine_dioxide", 0.8, 0.1, 0.02),
    ],
)
def test_disinfectants_by_table_2(  # noqa: PLR0917 - a row of the table
    pack: Pack, disinfectant: str, parameter: str, maximum: float, outlet: float, tap: float
) -> None:
    """One maximum everywhere, one minimum at the outlet, another at the tap."""
    assert band(pack, parameter, "water_outlet", disinfectant) == (outlet, maximum)
    for place_kind in TAPS:
        assert band(pack, parameter, place_kind, disinfectant) == (tap, maximum)


def test_a_disinfectant_that_is_not_in_use_is_not_judged(pack: Pack) -> None:
    """No free chlorine alarm in a network with chloramine, none at all where the water is not disinfected."""
    assert band(pack, "chlorine_free", "network", "total_chlorine") == (-INF, INF)
    for parameter in ("chlorine_free", "chlorine_total", "chlorine_dioxide", "ozone"):
        assert band(pack, parameter, "network", "none") == (-INF, INF)


def test_mixed_generators_keep_both_maxima_and_one_residual(pack: Pack) -> None:
    """Where chlorine dioxide and chlorine are made together, chlorine has its maximum and no minimum."""
    assert band(pack, "chlorine_free", "network_end", "chlorine_dioxide") == (-INF, 2)


def test_chlorine_after_ozone_is_judged_at_the_tap(pack: Pack) -> None:
    """Total chlorine of at least 0.05 mg/L where chlorine is added to ozone."""
    assert band(pack, "chlorine_total", "network_end", "ozone") == (0.05, INF)
    assert band(pack, "chlorine_total", "water_outlet", "ozone") == (-INF, INF)


@pytest.mark.parametrize("place_kind", [kind for kind in PLACE_KINDS if kind not in TREATED])
def test_other_places_are_not_judged_by_tap_water(pack: Pack, place_kind: str) -> None:
    """Raw water and direct drinking water would be one false alarm day and night."""
    for parameter in CATALOGUE:
        for disinfectant in DISINFECTANTS:
            assert band(pack, parameter, place_kind, disinfectant) == (-INF, INF)


@pytest.mark.parametrize(
    "parameter", ["conductivity", "temperature", "dissolved_oxygen", "orp", "uv254", "toc", "flow", "pressure"]
)
def test_what_the_standard_does_not_limit_is_not_judged(pack: Pack, parameter: str) -> None:
    """No limit in GB 5749, and none invented; TOC is a reference value and off."""
    for place_kind in TREATED:
        assert band(pack, parameter, place_kind, "free_chlorine") == (-INF, INF)


def test_values_from_memory_are_not_called_verified(pack: Pack) -> None:
    """What nobody read in the standard is marked: small supplies, TOC, mixtures."""
    for limit in pack.profiles["gb5749-2022"]:
        assert limit.source.startswith("GB 5749-2022")
        from_memory = (
            limit.place_kinds == ["small_supply"]
            or limit.parameter == "toc"
            or (limit.parameter, limit.disinfectants)
            in [("chlorine_free", ["chlorine_dioxide"]), ("chlorine_total", ["ozone"])]
        )
        assert limit.verified is not from_memory


def test_a_missing_residual_wakes_somebody(pack: Pack) -> None:
    """Disinfectants out of range are at least major."""
    disinfectants = {"chlorine_free", "chlorine_total", "chlorine_dioxide", "ozone"}
    for rule in pack.rules:
        assert (rule.severity in {"major", "critical"}) == (rule.parameter in disinfectants)
