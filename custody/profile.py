"""What is expected of a producer of waste: steps, times, tolerances, each with its source (pure).

A profile is YAML, set by the authority and not by code: ``custody/producers/*.yaml`` are shipped, files of the same id
in the installation's folder of profiles take their place. Their texts are part of the START record (DESIGN 1).
"""

from __future__ import annotations

from typing import Literal

import msgspec

#: Two weighings of the same waste are compared under the name of the pair.
Pair = Literal["department_store", "store_out", "out_load", "load_plant", "department_plant"]


class Tolerance(msgspec.Struct, frozen=True):
    """How far two weights may be apart: the larger of ``divisions`` x bags x division and ``percent`` of the first.

    ``verified`` is False where nobody compared the numbers with the text of the source; so everywhere in a profile.
    """

    divisions: int
    percent: float
    source: str
    verified: bool = False


class Collection(msgspec.Struct, frozen=True):
    """When waste of a place is due to be taken away.

    ``every``: ``daily`` (each working day of the unit's calendar), ``weekly`` (7 days after the last one) or ``call``
    (nothing is ever due). ``by`` is the local time (HH:MM) at which a day's collection is due, ``grace_min`` what is
    waited beyond it.
    """

    every: Literal["daily", "weekly", "call"]
    by: str
    grace_min: int
    source: str
    verified: bool = False


class Profile(msgspec.Struct, frozen=True):
    """One producer profile.

    ``begins`` are the steps by which a container may become known, ``two`` those that need a second badge, ``weighed``
    those that need a weight. ``handover``: between units, ``confirm`` by the receiving unit's device, or ``badges`` of
    both on one device, where the giving unit has none. ``most_g`` is the heaviest plausible net weight of one
    container. ``settle_h`` hours after the end of a day its balance is judged. ``baseline_days`` of production make
    the usual, at least ``baseline_least`` of them. ``division_g`` counts where a scale's own is not known. ``source``
    is that of whatever has none of its own.
    """

    id: str
    version: str
    title: dict[str, str]
    begins: tuple[str, ...]
    two: tuple[str, ...]
    weighed: tuple[str, ...]
    handover: Literal["confirm", "badges"]
    collection: Collection
    tolerance: dict[str, Tolerance]
    most_g: int
    division_g: int
    settle_h: int
    baseline_days: int
    baseline_least: int
    source: str
    verified: bool = False


#: Before a START record brings profiles: everything is recorded, nothing is expected.
EXPECTS_NOTHING = Profile(
    id="hospital",
    version="0",
    title={"zh": "未设定", "en": "None set"},
    begins=("pack", "collect"),
    two=(),
    weighed=(),
    handover="confirm",
    collection=Collection("call", "18:00", 0, ""),
    tolerance={},
    most_g=10**9,
    division_g=10,
    settle_h=24,
    baseline_days=28,
    baseline_least=7,
    source="",
)
