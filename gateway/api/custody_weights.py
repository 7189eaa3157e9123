"""How far two weighings of one container are apart, against what its producer's profile allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from custody.container import Container
from custody.profile import Profile
from custody.profiles import profile_of
from custody.weighings import Pairing, pairings


def differences(container: Container, profiles: Mapping[str, Profile]) -> list[dict[str, Any]]:
    """Each pair of weighings of this container alone, with its tolerance; grams."""
    return [_shown(one) for one in pairings(container.weighings, profile_of(profiles, container.producer))]


def _shown(one: Pairing) -> dict[str, Any]:
    difference = one.last.net_g - one.first.net_g
    return {
        "pair": one.pair,
        "steps": [one.first.step, one.last.step],
        "first": one.first.offset,
        "second": one.last.offset,
        "first_g": one.first.net_g,
        "second_g": one.last.net_g,
        "difference_g": difference,
        "tolerance_g": round(one.allowed_g),
        "ok": abs(difference) <= one.allowed_g,
    }
