"""What goes wrong with waste, put into clean chains on purpose, with the list of what has to be found (pure).

At the most one mishap happens to a chain, so that each has the consequences that are written with it and no others.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from devices.simulate.city import Hospital
from devices.simulate.numbers import Numbers
from devices.simulate.scan import Bag, Chain, Scan, Weight, drop

HOUR = 3_600_000
DAY = 24 * HOUR
_SHANGHAI = dt.timezone(dt.timedelta(hours=8))
#: After so many days it is known what a department usually makes, so that a day without anything shows.
USUAL_DAYS = 7
#: An object by name, or the scan that is told of as an event: its id is minted later.
About = str | Scan


@dataclass(slots=True)
class Injected:
    """One mishap: when (round), what, and the (quantity of ``devices.observation``, object) that it must show.

    ``flags`` are marks that the event itself must have. Neither: nothing may be seen of it.
    """

    round: int
    kind: str
    expected: list[tuple[str, About]] = field(default_factory=list)
    flags: list[tuple[str, Scan]] = field(default_factory=list)

    def truth(self) -> list[tuple[str, str]]:
        """``expected`` with events by name (``event:TERMINAL:ID``); only after all was sent."""
        return [(quantity, about if isinstance(about, str) else named(about)) for quantity, about in self.expected]


def named(scan: Scan) -> str:
    """How conditions name an event."""
    return f"event:{scan.terminal}:{scan.id}"


class Mishaps:
    """Lets a share of the containers meet with something, in rounds ``first`` to ``last`` (both included).

    ``only`` names the kinds that happen (all by default), ``most`` how often each does.
    """

    def __init__(
        self, seed: int, *, share: float, first: int, last: int, only: Sequence[str] = (), most: int = 0
    ) -> None:
        self.injected: list[Injected] = []
        self._seed = seed
        self._share = share
        self._span = range(first, last + 1)
        self._only = set(only)
        self._most = most
        self._busy: set[tuple[str, int]] = set()

    def forgotten(self, hospital: Hospital, round_: int) -> str | None:
        """See ``devices.simulate.waste.Trouble``."""
        numbers = Numbers(self._seed, "forgotten", hospital.id, round_)
        if round_ not in self._span or not self._wanted("not_collected") or not numbers.chance(self._share):
            return None
        # Two days of the same hospital would make one miss of two.
        if (hospital.id, round_ - 1) in self._busy:
            return None
        self._busy |= {(hospital.id, round_), (hospital.id, round_ + 1)}
        place = hospital.departments[numbers.whole(0, len(hospital.departments) - 1)].place
        expected: list[tuple[str, About]] = [("custody.not_collected", f"department:{place}")]
        if round_ >= USUAL_DAYS:
            expected.append(("custody.production", f"department:{place}"))
        self.injected.append(Injected(round_, "not_collected", expected))
        return place

    def happen(self, chain: Chain, round_: int) -> None:
        """See ``devices.simulate.waste.Trouble``."""
        numbers = Numbers(self._seed, "mishap", chain.manifest)
        chance = min(0.8, self._share * len(chain.bags))
        if round_ not in self._span or (chain.unit, round_) in self._busy or not numbers.chance(chance):
            return
        kinds = [kind for kind in KINDS[chain.kind] if self._wanted(kind)]
        while kinds:
            kind = kinds.pop(numbers.whole(0, len(kinds) - 1))
            injected = Injected(round_, kind)
            if _HAPPENS[kind](chain, numbers, injected):
                self.injected.append(injected)
                return

    def _wanted(self, kind: str) -> bool:
        if self._most and sum(one.kind == kind for one in self.injected) >= self._most:
            return False
        return not self._only or kind in self._only


def _any(chain: Chain, numbers: Numbers) -> Bag:
    return chain.bags[numbers.whole(0, len(chain.bags) - 1)]


def _bins(chain: Chain) -> list[Scan]:
    return [scan for scan in chain.scans if scan.step == "unpack"]


def _lost(chain: Chain, numbers: Numbers, found: Injected) -> bool:
    """Loaded, and not there any more when the plant scans what came."""
    if len(chain.bags) < 3 or _bins(chain):
        return False
    bag = _any(chain, numbers)
    for step in ("receive", "dispose"):
        for scan in chain.of_bag(bag, step):
            drop(chain, scan, bag)
    found.expected = [("custody.missing", _name(bag)), ("custody.in_transit", _name(bag))]
    return True


def _lighter(chain: Chain, numbers: Numbers, found: Injected) -> bool:
    """Something was taken out of the bag between ward and store."""
    bag = _any(chain, numbers)
    stored = chain.of_bag(bag, "store_in")
    if not stored or bag.net_g < 1_000:
        return False
    taken = bag.net_g * 2 // 5 // 20 * 20
    alike = [one.net_g for one in chain.bags if one.category == bag.category]
    # What the day's balance allows is the larger of 2 % and three divisions a bag: near that it may go either way.
    allowed = max(sum(alike) // 50, 30 * len(alike))
    if allowed // 2 < taken < 2 * max(allowed, 60 * len(alike)):
        return False
    for weight in _weights_after(chain, bag):
        weight["gross_g"] -= taken
        weight["net_g"] -= taken
    found.expected = [("custody.weight_difference", _name(bag))]
    if taken > allowed:
        found.expected.append(("custody.weight_difference", _balance(chain, bag)))
    return True


def _weights_after(chain: Chain, bag: Bag) -> list[Weight]:
    """The weights from the store on that the container is part of, alone, with others or in a bin."""
    packed = [scan.event["parent"]["v"] for scan in chain.of_bag(bag, "pack") if "parent" in scan.event]
    names = {bag.label, bag.tag, *packed}
    return [
        scan.event["weight"]
        for scan in chain.scans
        if scan.step != "collect" and "weight" in scan.event and names & {one["v"] for one in scan.event["ids"]}
    ]


def _offline(chain: Chain, _: Numbers, found: Injected) -> bool:
    """The ward's terminal had no network from morning to evening; the hand-over itself was on another one."""
    late = [bag.packed for bag in chain.bags if bag.packed is not None and bag.place == chain.bags[0].place]
    for scan in late:
        scan.late_ms = 9 * HOUR
    found.expected = [("custody.late_report", _told(chain, scan)) for scan in late]
    return bool(late)


def _twice(chain: Chain, numbers: Numbers, _: Injected) -> bool:
    """The same message once more: nothing may come of it."""
    chain.scans[numbers.whole(0, len(chain.scans) - 1)].times = 2
    return True


def _conflict(chain: Chain, numbers: Numbers, found: Injected) -> bool:
    """The same event id with other content."""
    scan = chain.scans[numbers.whole(0, len(chain.scans) - 1)]
    scan.times, scan.other = 2, {"reason": "other"}
    found.expected = [("custody.conflict", scan)]
    return True


def _ahead(chain: Chain, numbers: Numbers, found: Injected) -> bool:
    """The terminal shows local time as UTC: its last scan is eight hours in the future."""
    scans = chain.of_bag(_any(chain, numbers), "dispose")
    for scan in scans:
        scan.clock_ms = 8 * HOUR
    found.flags = [("clock_ahead", scan) for scan in scans]
    return bool(scans)


def _years(chain: Chain, numbers: Numbers, found: Injected) -> bool:
    """The terminal lost its clock: it is 1999 again."""
    scans = chain.of_bag(_any(chain, numbers), "dispose")
    for scan in scans:
        scan.clock_ms = -27 * 365 * DAY
    found.flags = [("bad_time", scan) for scan in scans]
    return bool(scans)


def _stays(chain: Chain, numbers: Numbers, found: Injected) -> bool:
    """A bag stays in the re-usable bin, which is called clean."""
    unpacked = [scan for scan in _bins(chain) if len(scan.event["ids"]) > 2]
    if not unpacked:
        return False
    bag = _any(chain, numbers)
    for step in ("unpack", "dispose"):
        for scan in chain.of_bag(bag, step):
            drop(chain, scan, bag)
    # It came to the plant with its bin, and was never burnt.
    found.expected = [("custody.missing", _name(bag)), ("custody.at_plant", _name(bag))]
    return True


def _swapped(chain: Chain, numbers: Numbers, found: Injected) -> bool:
    """At the ward's scale the tag of one bag is read together with the label of another."""
    mine = [bag for bag in chain.bags if bag.tag and bag.packed is not None]
    if len(mine) < 2:
        return False
    first = numbers.whole(0, len(mine) - 2)
    scan = chain.of_bag(mine[first], "collect")[0]
    scan.event["ids"] = [*mine[first].read, {"k": "qr", "v": mine[first + 1].label}]
    found.expected = [("custody.swapped_label", _name(bag)) for bag in mine[first : first + 2]]
    return True


def _alone(chain: Chain, numbers: Numbers, found: Injected) -> bool:
    """Handed over with one badge."""
    scans = chain.of_bag(_any(chain, numbers), "collect")
    for scan in scans:
        del scan.event["with"]
    found.expected = [("custody.no_second_badge", _told(chain, scan)) for scan in scans]
    if chain.kind == "clinic":
        # The two badges were the hand-over.
        found.expected += [("custody.unconfirmed_handover", _told(chain, scan)) for scan in scans]
    return bool(scans)


def _stranger(chain: Chain, numbers: Numbers, found: Injected) -> bool:
    """A bag with a label that nobody gave out stands in the store."""
    stored = chain.of_bag(_any(chain, numbers), "store_in")
    if not stored:
        return False
    like, label = stored[0], f"X{chain.manifest}"
    event = {**like.event, "ids": [{"k": "qr", "v": label}]}
    chain.add(Scan(like.at + 7_000, like.terminal, event))
    found.expected = [("custody.unknown_id", f"container:{label}")]
    return True


def _typed(chain: Chain, numbers: Numbers, found: Injected) -> bool:
    """The weight was typed."""
    scan = chain.of_bag(_any(chain, numbers), "collect")[0]
    if "weight" not in scan.event:
        return False
    scan.event["weight"]["mode"] = "typed"
    found.expected = [("custody.typed_weight", _told(chain, scan))]
    return True


def _unweighed(chain: Chain, numbers: Numbers, found: Injected) -> bool:
    """Handed over without a weight."""
    scan = chain.of_bag(_any(chain, numbers), "collect")[0]
    if scan.event.pop("weight", None) is None:
        return False
    found.expected = [("custody.not_weighed", _told(chain, scan))]
    return True


def _heavy(chain: Chain, numbers: Numbers, found: Injected) -> bool:
    """A scale that shows what no bag weighs."""
    scan = chain.of_bag(_any(chain, numbers), "collect")[0]
    if "weight" not in scan.event:
        return False
    scan.event["weight"] |= {"gross_g": 95_000 + scan.event["weight"]["tare_g"], "net_g": 95_000}
    found.expected = [("custody.implausible_weight", _told(chain, scan))]
    bag = next(one for one in chain.bags if scan in chain.of_bag(one, "collect"))
    found.expected += [("custody.weight_difference", about) for about in (_name(bag), _balance(chain, bag))]
    return True


def _nobody(chain: Chain, numbers: Numbers, found: Injected) -> bool:
    """A badge that nobody has."""
    scans = chain.of_bag(_any(chain, numbers), "dispose")
    for scan in scans:
        scan.event["by"] = {"badge": "999999", "auth": "card"}
    found.expected = [("custody.unknown_badge", _told(chain, scan)) for scan in scans]
    return bool(scans)


def _unconfirmed(chain: Chain, _: Numbers, found: Injected) -> bool:
    """The plant never confirms what came."""
    confirmed = [scan for scan in chain.scans if scan.step == "confirm" and scan.event.get("manifest")]
    if len(confirmed) != 1 or confirmed[0].of is None or _bins(chain):
        return False
    chain.scans.remove(confirmed[0])
    found.expected = [("custody.unconfirmed_manifest", f"manifest:{chain.manifest}")]
    found.expected += [("custody.unconfirmed_handover", _name(bag)) for bag in chain.bags]
    return True


def _burnt_before(chain: Chain, numbers: Numbers, found: Injected) -> bool:
    """Scanned a day after it was burnt."""
    bag = _any(chain, numbers)
    burnt = chain.of_bag(bag, "dispose")
    if not burnt:
        return False
    event = {**burnt[0].event, "step": "inspect", "ids": bag.read}
    chain.add(Scan(burnt[0].at + DAY, burnt[0].terminal, event))
    found.expected = [("custody.after_destruction", _name(bag))]
    return True


def _uncategorised(chain: Chain, numbers: Numbers, found: Injected) -> bool:
    """Nobody says what is in it."""
    bag = _any(chain, numbers)
    scans = chain.of_bag(bag, "collect") + ([bag.packed] if bag.packed is not None else [])
    for scan in scans:
        scan.event.pop("category", None)
    found.expected = [("custody.no_category", _name(bag))]
    return bool(scans)


def _surplus(chain: Chain, numbers: Numbers, found: Injected) -> bool:
    """Received with the manifest without having been loaded under it."""
    if len(chain.bags) < 3 or _bins(chain):
        return False
    bag = _any(chain, numbers)
    loaded = chain.of_bag(bag, "load")
    for scan in loaded:
        drop(chain, scan, bag)
    found.expected = [("custody.surplus", _name(bag))]
    return bool(loaded)


def _left_standing(chain: Chain, _: Numbers, found: Injected) -> bool:
    """Fetched three days late."""
    if _bins(chain):
        return False
    stored = max(scan.at for scan in chain.scans if scan.step == "store_in")
    for scan in chain.scans:
        if scan.at > stored:
            scan.at += 3 * DAY
    found.expected = [("custody.stored", _name(bag)) for bag in chain.bags]
    return True


def _told(chain: Chain, scan: Scan) -> About:
    """Of whom a word about a scan is: the container where it is of one alone, else the event."""
    names = {one["v"] for one in scan.event["ids"]}
    bags = [bag for bag in chain.bags if names & {bag.label, bag.tag}]
    return _name(bags[0]) if len(bags) == 1 else scan


def _balance(chain: Chain, bag: Bag) -> str:
    """The balance of the day on which it was collected (in Shanghai)."""
    day = dt.datetime.fromtimestamp(chain.of_bag(bag, "collect")[0].at / 1000, _SHANGHAI).date()
    return f"balance:{chain.unit}:{bag.category}:{day.isoformat()}"


def _name(bag: Bag) -> str:
    return f"container:{bag.label}"


_HAPPENS: dict[str, Callable[[Chain, Numbers, Injected], bool]] = {
    "lost": _lost,
    "lighter": _lighter,
    "offline": _offline,
    "duplicate": _twice,
    "conflict": _conflict,
    "clock_ahead": _ahead,
    "clock_years": _years,
    "stays_in_bin": _stays,
    "swapped_label": _swapped,
    "no_second_badge": _alone,
    "unknown_id": _stranger,
    "typed_weight": _typed,
    "not_weighed": _unweighed,
    "implausible_weight": _heavy,
    "unknown_badge": _nobody,
    "unconfirmed": _unconfirmed,
    "after_destruction": _burnt_before,
    "no_category": _uncategorised,
    "surplus": _surplus,
    "left_standing": _left_standing,
}
_SIMPLE = ("duplicate", "conflict", "no_second_badge", "no_category")
#: What may happen to a chain, by its kind.
KINDS: dict[str, tuple[str, ...]] = {
    "hospital": tuple(_HAPPENS),
    "clinic": (*_SIMPLE, "clock_ahead", "clock_years", "unknown_badge", "after_destruction", "lost", "unconfirmed"),
    "point": ("duplicate", "conflict", "lost"),
}
