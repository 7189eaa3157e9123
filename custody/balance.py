"""The balance of a day: what departments handed over against store, vehicle and plant, by unit and category (pure).

A container belongs to the local day of its collection; where it was never collected (a clinic's box brought to a
collection point), to that of the first step that moved it. Rows compare the same containers with themselves, so what is
still on its way is no difference. A weight of several containers is compared as theirs together and never divided:
where one of them belongs to another row, it is left out, and the row says at which stages it has not all weights.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from custody.container import Condition, Container, Weighing
from custody.fact import Fact, Spot
from custody.happening import AMENDING
from custody.profile import Pair, Profile, Tolerance
from custody.profiles import profile_of

#: The stages in their order, by the steps that reach them. What a collection point receives is in its store.
STAGES = ("department", "store_in", "store_out", "loaded", "received", "disposed")
_STAGE_OF = {
    "collect": "department",
    "store_in": "store_in",
    "store_out": "store_out",
    "load": "loaded",
    "receive": "received",
    "dispose": "disposed",
}
#: The pair of a tolerance, by the later stage; against the department itself it is ``department_plant`` at the plant.
_PAIR_OF: Mapping[str, Pair] = {
    "store_in": "department_store",
    "store_out": "store_out",
    "loaded": "out_load",
    "received": "load_plant",
}
_HOUR_MS = 3_600_000


class Difference(msgspec.Struct, frozen=True):
    """Two stages of one row: ``containers`` were weighed at both. ``difference_g`` is later less earlier."""

    earlier: str
    later: str
    containers: int
    difference_g: int
    tolerance_g: int

    @property
    def ratio(self) -> float:
        """How far apart the weights are, as a multiple of the tolerance; above 1 is too far."""
        return abs(self.difference_g) / max(self.tolerance_g, 1)


class Row(msgspec.Struct):
    """One unit, local day (YYYY-MM-DD) and category. Weights are net grams; None = nothing was weighed there.

    ``part`` names the stages at which not every container has a weight of its own or of a group that is whole in this
    row. ``difference_g`` and ``tolerance_g`` are those of the pair of stages that is furthest out (``differences`` has
    all). ``missing`` are the containers of which nobody knows where they are, ``skipped`` those that came further
    without a stage that their producer's profile asks for. ``told`` are missing ones that rules know by themselves.
    """

    unit: str
    day: str
    category: str
    department_n: int = 0
    department_g: int | None = None
    store_in_n: int = 0
    store_in_g: int | None = None
    store_out_n: int = 0
    store_out_g: int | None = None
    loaded_n: int = 0
    loaded_g: int | None = None
    received_n: int = 0
    received_g: int | None = None
    disposed_n: int = 0
    difference_g: int = 0
    tolerance_g: int = 0
    ok: bool = True
    missing: list[str] = []
    skipped: list[str] = []
    part: list[str] = []
    differences: list[Difference] = []
    told: list[str] = []
    spot: Spot = Spot()

    def item(self) -> dict[str, Any]:
        """The row as API and command line give it."""
        return {name: getattr(self, name) for name in KEYS}


#: The keys of an item, in order.
KEYS = (
    *("unit", "day", "category", "department_n", "department_g", "store_in_n", "store_in_g", "store_out_n"),
    *("store_out_g", "loaded_n", "loaded_g", "received_n", "received_g", "disposed_n", "difference_g", "tolerance_g"),
    *("ok", "missing", "skipped", "part"),
)


def day_of(container: Container, zone: dt.tzinfo) -> str:
    """The local day (YYYY-MM-DD) that a container belongs to; empty where nothing moved it yet."""
    first = container.collected_at
    if first is None:
        first = min((fact.ts for fact in _counted(container) if fact.step in _STAGE_OF), default=None)
    return "" if first is None else dt.datetime.fromtimestamp(first / 1000, zone).date().isoformat()


def balance(
    containers: Iterable[Container],
    unit: str,
    day: str,
    zone: dt.tzinfo,
    profiles: Mapping[str, Profile],
    *,
    now: int | None = None,
) -> list[Row]:
    """The rows of a unit and day, by category; of other containers nothing is taken.

    Up to ``settle_h`` hours after the end of the day nothing is called missing for not having come on yet; without
    ``now`` (ms since 1970 UTC) that time is over. A bin is no waste beside what is in it.
    """
    parents = set()
    own: dict[str, list[Container]] = {}
    for one in sorted(containers, key=lambda one: one.id):
        parents |= {fact.parent.v for fact in _counted(one) if fact.parent is not None and fact.step == "pack"}
        if one.unit == unit and day_of(one, zone) == day and _accepted(one):
            own.setdefault(one.category, []).append(one)
    rows = []
    for category, found in sorted(own.items()):
        waste = [one for one in found if not any(known.v in parents for known in one.ids)]
        if waste:
            profile = profile_of(profiles, waste[0].producer)
            settled = now is None or now >= end_of(day, zone) + profile.settle_h * _HOUR_MS
            rows.append(_row(Row(unit, day, category), waste, profile, settled=settled))
    return rows


def conditions(rows: Sequence[Row], at: int) -> list[Condition]:
    """What is wrong with these rows, as of ``at``: weights too far apart, missing containers of which no rule knows.

    The value is the ratio to the tolerance, and how many are missing; a row in which all is well has none.
    """
    found = []
    for row in rows:
        about = f"balance:{row.unit}:{row.category}:{row.day}"
        ratio = max((one.ratio for one in row.differences), default=0.0)
        untold = len(set(row.missing) - set(row.told))
        if ratio > 1:
            found.append(Condition("custody.weight_difference", about, at, row.spot, ratio))
        if untold:
            found.append(Condition("custody.missing", about, at, row.spot, float(untold)))
    return found


def _row(row: Row, waste: Sequence[Container], profile: Profile, *, settled: bool) -> Row:
    reached = {one.id: {stage for fact in _counted(one) if (stage := _stage(fact))} for one in waste}
    for stage in STAGES:
        setattr(row, f"{stage}_n", sum(stage in reached[one.id] for one in waste))
    weights = {stage: _weights(waste, stage) for stage in STAGES[:-1]}
    for stage, sets in weights.items():
        if sets:
            setattr(row, f"{stage}_g", sum(one.net_g for one in sets.values()))
            if sum(map(len, sets)) < getattr(row, f"{stage}_n"):
                row.part.append(stage)
    row.differences = list(_differences(weights, profile))
    worst = max(row.differences, key=lambda one: one.ratio, default=None)
    if worst is not None:
        row.difference_g, row.tolerance_g = worst.difference_g, worst.tolerance_g
    for one in waste:
        is_lost, is_told = _lost(one, reached[one.id], settled=settled)
        if is_lost:
            row.missing.append(one.id)
        if is_lost and is_told:
            row.told.append(one.id)
        if _skipped(one, reached[one.id]):
            row.skipped.append(one.id)
    row.ok = not row.missing and not row.skipped and (worst is None or worst.ratio <= 1)
    first = waste[0]
    row.spot = Spot(unit=first.unit, grid=first.grid, producer=first.producer)
    return row


def _counted(container: Container) -> Iterator[Fact]:
    """Facts of its present cycle that happened: a corrected one did, and only says something else."""
    steps = {seen.fact.offset: seen.fact.step for seen in container.history if seen.fact.step in AMENDING}
    for seen in container.history:
        happened = seen.counts or (seen.by is not None and steps.get(seen.by) == "correct")
        if happened and seen.cycle == container.cycle:
            yield seen.fact


def _stage(fact: Fact) -> str:
    stage = _STAGE_OF.get(fact.step, "")
    return "store_in" if stage == "received" and fact.spot.kind == "collection_point" else stage


def _accepted(container: Container) -> bool:
    """Whether it comes from a place that counts; one that nobody accepted yet is tried out."""
    return next((fact.spot.notify for fact in _counted(container) if fact.step in _STAGE_OF), True)


def _lost(container: Container, reached: set[str], *, settled: bool) -> tuple[bool, bool]:
    """Whether nobody knows where it is, and whether rules know it of the container itself."""
    told = {one.quantity for one in container.conditions if one.value}
    if container.state == "lost" or "custody.missing" in told:
        return True, True
    stranded = settled and container.open and reached == {"department"} and container.state != "in_transit"
    return stranded, bool({"custody.awaited", "custody.in_transit"} & told)


def _skipped(container: Container, reached: set[str]) -> bool:
    """Whether it came further than the store of its hospital or collection point without having been in it."""
    if container.producer == "clinic" or "department" not in reached:
        return False
    beyond = {"loaded", "received", "disposed"} & reached
    return bool(beyond | {"store_out"} & reached) and "store_in" not in reached


def _weights(waste: Sequence[Container], stage: str) -> dict[frozenset[str], Weighing]:
    """The weighings of a stage by the containers they are of, which are disjoint: the newest of each."""
    own: dict[str, Weighing] = {}
    groups: dict[int, tuple[Weighing, list[str]]] = {}
    for one in waste:
        # A corrected weighing has the offset of its correction.
        moments = {(fact.step, fact.ts) for fact in _counted(one) if _stage(fact) == stage}
        for weighing in one.weighings:
            if (weighing.step, weighing.at) not in moments:
                continue
            if weighing.group == 1:
                own[one.id] = weighing
            else:
                groups.setdefault(weighing.offset, (weighing, []))[1].append(one.id)
    found = {frozenset((name,)): weighing for name, weighing in own.items()}
    for weighing, names in sorted(groups.values(), key=lambda group: (group[0].at, group[0].offset), reverse=True):
        members = frozenset(names)
        if len(members) < weighing.group or members <= own.keys():
            continue
        if all(len(known) == 1 or known.isdisjoint(members) for known in found):
            for name in members:
                found.pop(frozenset((name,)), None)
            found[members] = weighing
    return found


def _differences(weights: Mapping[str, Mapping[frozenset[str], Weighing]], profile: Profile) -> Iterator[Difference]:
    """Every stage against the nearest earlier one at which the same containers were weighed."""
    for index, later in enumerate(STAGES[1:-1], start=1):
        left = dict(weights[later])
        for earlier in reversed(STAGES[:index]):
            pairs = list(_same(weights[earlier], left))
            if not pairs:
                continue
            for _, after in pairs:
                for members in after:
                    left.pop(members, None)
            pair: Pair = "department_plant" if (earlier, later) == ("department", "received") else _PAIR_OF[later]
            if pair in profile.tolerance:
                yield _difference(earlier, later, pairs, profile.tolerance[pair], profile.division_g)


_Sets = Mapping[frozenset[str], Weighing]


def _same(earlier: _Sets, later: _Sets) -> Iterator[tuple[_Sets, _Sets]]:
    """Smallest sets of weighings of both sides that are of exactly the same containers."""
    of_earlier = {name: members for members in earlier for name in members}
    of_later = {name: members for members in later for name in members}
    done: set[str] = set()
    for first in sorted(of_earlier):
        if first in done:
            continue
        names, waiting, whole = {first}, [first], True
        before: dict[frozenset[str], Weighing] = {}
        after: dict[frozenset[str], Weighing] = {}
        while waiting:
            name = waiting.pop()
            for of, sets, found in ((of_earlier, earlier, before), (of_later, later, after)):
                members = of.get(name)
                whole &= members is not None
                if members is not None and members not in found:
                    found[members] = sets[members]
                    waiting += members - names
                    names |= members
        done |= names
        if whole:
            yield before, after


def _difference(
    earlier: str, later: str, pairs: Sequence[tuple[_Sets, _Sets]], tolerance: Tolerance, division_g: int
) -> Difference:
    before = [weighing for sets, _ in pairs for weighing in sets.values()]
    after = [weighing for _, sets in pairs for weighing in sets.values()]
    bags = sum(len(members) for sets, _ in pairs for members in sets)
    first = sum(weighing.net_g for weighing in before)
    division = max(weighing.division_g or division_g for weighing in (*before, *after))
    allowed = max(tolerance.divisions * bags * division, int(first * tolerance.percent / 100))
    return Difference(earlier, later, bags, sum(weighing.net_g for weighing in after) - first, allowed)


def end_of(day: str, zone: dt.tzinfo) -> int:
    """The end of a local day, ms since 1970 UTC."""
    midnight = dt.datetime.combine(dt.date.fromisoformat(day) + dt.timedelta(days=1), dt.time(), zone)
    return int(midnight.timestamp()) * 1000
