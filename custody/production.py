"""What departments usually produce, and how far a day is from it (pure).

A day is compared with the median of the days of its kind (worked, or off) before it: by weight where all of them were
weighed, else by count. A department whose own days scatter widely has nothing that is usual: of it only normal days are
told. Where waste is collected once a week or on call, only days with a collection count, and none is no news.
"""

from __future__ import annotations

from statistics import median_low

import msgspec

from custody.profile import Profile

#: A day in these bounds around the median is a normal one.
_NORMAL = (0.4, 2.5)
#: One day in so many may be another where a department has something that is usual; one may always.
_ODD = 10


class Day(msgspec.Struct, array_like=True, frozen=True):
    """What a department handed over on one day (ordinal of the date); ``grams`` -1 = not all of it was weighed."""

    date: int
    works: bool
    count: int
    grams: int = -1


class Production:
    """Days of departments, at most ``baseline_days`` of each."""

    def __init__(self) -> None:
        self._days: dict[str, list[Day]] = {}

    def settle(self, place: str, day: Day, profile: Profile, *, daily: bool) -> float | None:
        """Remember a day, and say how it is as a ratio to the usual (0 = nothing); None = nothing can be said.

        The same day again takes the place of what it was; of a day before the newest one nothing is said.
        """
        days = [one for one in self._days.get(place, []) if one.date != day.date]
        if not daily and not day.count:
            return None
        before = [one for one in days if one.date < day.date]
        newest = len(before) == len(days)
        self._days[place] = sorted([*days, day], key=lambda one: one.date)[-profile.baseline_days :]
        alike = [one for one in before if not daily or one.works == day.works]
        return _ratio(day, alike, profile.baseline_least) if newest else None

    def forget(self, place: str) -> None:
        """The place is none of those any longer that are judged."""
        self._days.pop(place, None)

    def dump(self) -> list[tuple[str, list[Day]]]:
        """All that is remembered, in the order of places."""
        return sorted(self._days.items())

    def load(self, saved: list[tuple[str, list[Day]]]) -> None:
        """Go on from ``dump``."""
        self._days = dict(saved)


def _ratio(day: Day, before: list[Day], least: int) -> float | None:
    if len(before) < least:
        return None
    weighed = min(one.grams for one in (day, *before)) >= 0
    amounts = [one.grams if weighed else one.count for one in before]
    usual = median_low(amounts)
    if not usual:
        return None
    ratio = (day.grams if weighed else day.count) / usual
    normal = sum(_NORMAL[0] * usual <= amount <= _NORMAL[1] * usual for amount in amounts)
    regular = len(amounts) - normal <= max(1, len(amounts) // _ODD)
    return ratio if regular or _NORMAL[0] <= ratio <= _NORMAL[1] else None
