"""A container as its history makes it, and what is the matter with it (pure data; ``custody.fold`` makes it)."""

from __future__ import annotations

from typing import Literal

import msgspec

from custody.fact import ContainerId, Fact, Spot

State = Literal[
    "quarantined",  # an id that nobody made known
    "sealed",  # closed and labelled in its department, not collected
    "collected",  # handed over to the collector
    "stored",  # in a temporary store
    "out",  # taken out of the store
    "loaded",  # on a vehicle that has not left
    "in_transit",  # on the road
    "arrived",  # at the plant, not received
    "received",  # received by the plant
    "unloaded",
    "held",  # set aside: leak, inspection
    "refused",  # by the receiver; somebody has it still
    "lost",
    "destroyed",
    "divided",  # split into others, or merged into another one
    "empty",  # a re-usable bin, clean, between two cycles
    "closed",  # taken back: all its events are void
]
#: States in which nothing more is expected.
OVER = frozenset({"destroyed", "divided", "empty", "closed"})


class Seen(msgspec.Struct, frozen=True, gc=False):
    """One fact in the history of one container: ``inferred`` where it was of the bin, manifest or vehicle it was in.

    ``counts`` is False where the event was voided or replaced by a correction; ``by`` is the offset of that one.
    """

    fact: Fact
    inferred: bool = False
    counts: bool = True
    by: int | None = None
    cycle: int = 0


class Weighing(msgspec.Struct, frozen=True, gc=False):
    """One weighing in a history. ``group`` is how many containers were weighed together (1 = this one alone)."""

    offset: int
    step: str
    at: int
    net_g: int
    gross_g: int | None
    tare_g: int | None
    group: int
    division_g: int
    mode: str
    unit: str


class Condition(msgspec.Struct, frozen=True, gc=False):
    """Something that holds of a container, department, manifest or day, as rules judge it.

    ``quantity`` is one of ``devices.observation.QUANTITIES``. ``about`` names the object: ``container:ID``,
    ``department:PLACE``, ``manifest:M``, ``balance:UNIT:CATEGORY:DAY``, ``event:TERMINAL:ID``. ``at`` is the time of
    the event that made it so. ``spot`` is where it began, and stays that while it holds. ``value`` is 1 for a plain
    state.
    """

    quantity: str
    about: str
    at: int
    spot: Spot
    value: float = 1.0


class Container(msgspec.Struct):
    """What is known of one container. ``id`` is the leading one of ``ids``; ``unit`` the one that produced it.

    ``holder`` is the unit that has it, ``keeper`` the badge of who in that unit had it last. ``net_g`` is that of its
    newest weighing alone; None where it was only weighed with others or not at all. ``handover`` is the offset of the
    event whose hand-over nobody confirmed yet. ``contradictions`` are pairs of offsets of events: by the order of the
    fold the second cannot follow the first. Offsets are journal offsets; times ms since 1970 UTC.
    """

    id: str
    ids: list[ContainerId] = []
    category: str = ""
    state: State = "quarantined"
    holder: str = ""
    keeper: str = ""
    spot: Spot = Spot()
    unit: str = ""
    grid: str = ""
    producer: str = ""
    department: str = ""
    net_g: int | None = None
    sealed_at: int | None = None
    collected_at: int | None = None
    stored_at: int | None = None
    destroyed_at: int | None = None
    parent: str = ""
    manifest: str = ""
    vehicle: str = ""
    cycle: int = 0
    members: list[str] = []
    handover: int | None = None
    first: int = -1
    history: list[Seen] = []
    weighings: list[Weighing] = []
    conditions: list[Condition] = []
    contradictions: list[tuple[int, int]] = []

    @property
    def open(self) -> bool:
        """Whether something is still expected of it."""
        return self.state not in OVER
