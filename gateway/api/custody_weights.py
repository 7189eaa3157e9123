"""How far two weighings of one container are apart, against what its producer's profile allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from custody.container import Container, Weighing
from custody.profile import Profile
from custody.profiles import profile_of

#: The weighings that are compared: name of the tolerance, steps of the first, steps of the second.
_PAIRS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("department_store", ("collect", "pack"), ("store_in",)),
    ("store_out", ("store_in",), ("store_out",)),
    ("out_load", ("store_out",), ("load",)),
    ("load_plant", ("load", "store_out"), ("receive",)),
    ("department_plant", ("collect", "pack"), ("receive",)),
)


def differences(container: Container, profiles: Mapping[str, Profile]) -> list[dict[str, Any]]:
    """Each pair of weighings of this container alone, with its tolerance; grams."""
    profile = profile_of(profiles, container.producer)
    alone = [one for one in container.weighings if one.group == 1]
    found = []
    for pair, before, after in _PAIRS:
        first, second = _newest(alone, before), _newest(alone, after)
        tolerance = profile.tolerance.get(pair)
        if first is None or second is None or tolerance is None:
            continue
        division = max(first.division_g, second.division_g) or profile.division_g
        allowed = max(tolerance.divisions * division, tolerance.percent / 100 * first.net_g)
        found.append(
            {
                "pair": pair,
                "first": first.offset,
                "second": second.offset,
                "first_g": first.net_g,
                "second_g": second.net_g,
                "difference_g": second.net_g - first.net_g,
                "tolerance_g": round(allowed),
                "ok": abs(second.net_g - first.net_g) <= allowed,
            }
        )
    return found


def _newest(weighings: list[Weighing], steps: tuple[str, ...]) -> Weighing | None:
    """The newest weighing at the first of these steps that has one."""
    for step in steps:
        at = [one for one in weighings if one.step == step]
        if at:
            return at[-1]
    return None
