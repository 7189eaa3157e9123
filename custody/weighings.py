"""Weights of a container and how far they are apart: alone, as part of a group, divided and merged (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from custody.container import Weighing
from custody.fact import Spot, Weight
from custody.happening import Happening, Key
from custody.profile import Profile

#: Where in the chain a step weighs; a collection point's receipt is a store's.
_STAGES = {"pack": 0, "collect": 0, "store_in": 1, "store_out": 2, "load": 3, "receive": 4}
_PAIRS = {
    (0, 1): "department_store",
    (0, 2): "department_store",
    (1, 2): "store_out",
    (0, 3): "out_load",
    (1, 3): "out_load",
    (2, 3): "out_load",
    (1, 4): "load_plant",
    (2, 4): "load_plant",
    (3, 4): "load_plant",
    (0, 4): "department_plant",
}
#: Of weights that are no pair of the chain: a group against its members, parts against the whole.
_OTHERWISE = "store_out"


class Taken(msgspec.Struct, frozen=True, gc=False):
    """A weighing with what comparing needs. ``epoch`` counts what went in or out: across it nothing is compared.

    ``members`` are who was weighed together, by their first ids: the bags of a bin, or the containers of one event.
    """

    key: Key
    weighing: Weighing
    stage: int | None
    spot: Spot
    epoch: int = 0
    members: tuple[str, ...] = ()


class Difference(msgspec.Struct, frozen=True, gc=False):
    """Two weights that belong together; ``ratio`` of their difference to what is allowed."""

    ratio: float
    at: int
    spot: Spot


class Pairing(msgspec.Struct, frozen=True, gc=False):
    """Two weighings of one container at two stages of the chain, and how far apart in grams its profile allows."""

    pair: str
    first: Weighing
    last: Weighing
    allowed_g: float


def net_of(weight: Weight | None) -> int | None:
    """The net weight, if it counts."""
    return weight.net_g if weight is not None and weight.usable and weight.stable else None


def take(one: Happening, group: int, epoch: int, members: tuple[str, ...]) -> Taken | None:
    """The weighing of an event; None where it has none that counts."""
    fact = one.fact
    weight, net = fact.weight, net_of(fact.weight)
    if weight is None or net is None:
        return None
    weighing = Weighing(
        offset=one.weighed,
        step=fact.step,
        at=fact.ts,
        net_g=net,
        gross_g=weight.gross_g,
        tare_g=weight.tare_g,
        group=group,
        division_g=weight.division_g,
        mode=weight.mode,
        unit=fact.spot.unit,
    )
    stage = _STAGES.get(fact.step)
    if fact.step == "receive" and fact.spot.producer:
        stage = 1
    return Taken(one.key, weighing, stage, fact.spot, epoch, members)


def newest(weighings: Iterable[Weighing]) -> int | None:
    """Net weight of the newest weighing alone; an estimate only where nothing better is known."""
    alone = [one for one in weighings if one.group == 1]
    measured = [one for one in alone if one.mode != "estimated"]
    return (measured or alone)[-1].net_g if alone else None


def chain_difference(taken: Sequence[Taken], profile: Profile) -> Difference | None:
    """The newest pair of weighings alone at two stages of the chain."""
    alone = [one for one in taken if one.weighing.group == 1 and one.stage is not None and _measured(one)]
    for index in range(len(alone) - 1, 0, -1):
        last = alone[index]
        for first in reversed(alone[:index]):
            if first.epoch != last.epoch:
                break
            pair = _PAIRS.get((first.stage or 0, last.stage or 0))
            if pair is not None:
                divisions = [first.weighing.division_g, last.weighing.division_g]
                ratio = apart(first.weighing.net_g, last.weighing.net_g, profile, pair, number=1, divisions=divisions)
                return Difference(ratio, last.weighing.at, last.spot)
    return None


def pairings(weighings: Sequence[Weighing], profile: Profile) -> list[Pairing]:
    """Of each pair of the chain the weighings alone at the nearest stages, of these the newest; by stages."""
    alone = [one for one in weighings if one.group == 1 and one.mode != "estimated" and one.step in _STAGES]
    found: dict[str, tuple[Weighing, Weighing]] = {}
    for index, last in enumerate(alone):
        for first in alone[:index]:
            pair = _PAIRS.get((_STAGES[first.step], _STAGES[last.step]))
            if pair is not None and (pair not in found or _steps(first, last) <= _steps(*found[pair])):
                found[pair] = (first, last)
    return [
        Pairing(pair, first, last, allowed_g(first.net_g, profile, pair, divisions=(first.division_g, last.division_g)))
        for pair, (first, last) in sorted(found.items(), key=lambda one: [_STAGES[side.step] for side in one[1]])
    ]


def sum_difference(
    whole: Taken, parts: Sequence[Taken | None], profile: Profile, number: int | None = None
) -> Difference | None:
    """The weights of ``number`` parts against one of them all; None where a part has none."""
    known = [one for one in parts if one is not None]
    if not known or len(known) < len(parts) or not _measured(whole) or not all(map(_measured, known)):
        return None
    total = sum(one.weighing.net_g for one in known)
    newest_part = max(known, key=lambda one: one.key)
    later = max(whole, newest_part, key=lambda one: one.key)
    stages = [(one.stage if one.stage is not None else -1) for one in known]
    sides = (max(stages), whole.stage if whole.stage is not None else -1)
    pair = _PAIRS.get((min(sides), max(sides)), _OTHERWISE)
    divisions = [one.weighing.division_g for one in (*known, whole)]
    ratio = apart(total, whole.weighing.net_g, profile, pair, number=number or len(parts), divisions=divisions)
    return Difference(ratio, later.weighing.at, later.spot)


def apart(first_g: int, last_g: int, profile: Profile, pair: str, *, number: int, divisions: Iterable[int]) -> float:
    """How far two weights are apart, as a multiple of what the profile's tolerance of that pair allows."""
    return abs(first_g - last_g) / allowed_g(first_g, profile, pair, number=number, divisions=divisions)


def allowed_g(first_g: int, profile: Profile, pair: str, *, number: int = 1, divisions: Iterable[int]) -> float:
    """How far the weight of ``number`` containers may be from ``first_g``, in grams; at least one."""
    tolerance = profile.tolerance[pair]
    division = max((one or profile.division_g) for one in divisions)
    return max(tolerance.divisions * number * division, tolerance.percent * first_g / 100, 1.0)


def _measured(one: Taken) -> bool:
    return one.weighing.mode != "estimated"


def _steps(first: Weighing, last: Weighing) -> int:
    return _STAGES[last.step] - _STAGES[first.step]
