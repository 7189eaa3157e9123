"""Slows down whoever guesses passwords: by name and address, by address, and by name alone (pure)."""

from __future__ import annotations

import msgspec

#: Failures that cost nothing: (name and address, address, name).
FREE = (5, 20, 50)
LONGEST_S = 900.0
#: A name that many addresses try is slowed down this much at the most, so that nobody can lock its owner out.
LONGEST_NAME_S = 30.0
#: Failures older than this are forgotten.
FORGET_S = 3600.0
_MOST = 10_000


class _Failures(msgspec.Struct):
    count: int = 0
    last: float = 0.0


class Throttle:
    """Counts failed sign-ins in memory. ``now`` is a monotonic time in seconds. Used under the caller's lock."""

    def __init__(self) -> None:
        self._failures: dict[tuple[str, str], _Failures] = {}

    def wait(self, name: str, address: str, now: float) -> float:
        """Seconds until the next try is taken; 0 = now."""
        waits = [0.0]
        for key, free in zip(_keys(name, address), FREE, strict=True):
            found = self._failures.get(key)
            if found is None or now - found.last >= FORGET_S or found.count < free:
                continue
            longest = LONGEST_NAME_S if key[1] == "" else LONGEST_S
            waits.append(found.last + min(2.0 ** min(found.count - free, 16), longest) - now)
        return max(waits)

    def failed(self, name: str, address: str, now: float) -> None:
        """A wrong name or password."""
        if len(self._failures) >= _MOST:
            self._forget(now)
        for key in _keys(name, address):
            found = self._failures.setdefault(key, _Failures())
            found.count = 1 if now - found.last >= FORGET_S else found.count + 1
            found.last = now

    def succeeded(self, name: str, address: str) -> None:
        """The owner is in: what was held against the name is forgotten, of the address only this try.

        Else somebody with an account of their own could guess at others and start afresh by signing in.
        """
        self._failures.pop((name, address), None)
        self._failures.pop((name, ""), None)
        of_address = self._failures.get(("", address))
        if of_address is not None:
            of_address.count -= 1

    def _forget(self, now: float) -> None:
        """Forget what is over; where that is not enough, the older half."""
        kept = {key: one for key, one in self._failures.items() if now - one.last < FORGET_S}
        if len(kept) >= _MOST // 2:
            newest = sorted(kept.items(), key=lambda item: item[1].last)[len(kept) // 2 :]
            kept = dict(newest)
        self._failures = kept


def _keys(name: str, address: str) -> tuple[tuple[str, str], ...]:
    return (name, address), ("", address), (name, "")
