"""What is remembered of the subjects that are not quiet, and its form in a snapshot (pure)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from alerts.bounds import Bound
from devices.observation import Subject


class Track(msgspec.Struct, gc=False):
    """What is remembered of one rule for one subject, from its first bad reading until its alert clears.

    ``value`` and ``last`` (device time) are the last bad reading's.

    ``heard`` is the journal time of the last live reading of any flag; ``good_since`` the device time of the first of
    the readings that meet the clear condition now.
    """

    bound: Bound
    subject: Subject
    since: int
    last: int
    heard: int
    value: float
    bad: int = 1
    fired: bool = False
    good_since: int | None = None


class _Saved(msgspec.Struct, array_like=True):
    """A track in a snapshot; ``bound`` is an index, for thousands of tracks share a few."""

    bound: int
    subject: Subject
    since: int
    last: int
    heard: int
    value: float
    bad: int
    fired: bool
    good_since: int | None


class _Folded(msgspec.Struct, array_like=True):
    """The state as it stands in a snapshot."""

    bounds: list[Bound]
    tracks: list[_Saved]


def dump(tracks: Iterable[Track]) -> bytes:
    """The state of an evaluation; ``tracks`` come in an order that depends on the state alone."""
    indices: dict[Bound, int] = {}
    saved = [
        _Saved(
            indices.setdefault(track.bound, len(indices)),
            track.subject,
            track.since,
            track.last,
            track.heard,
            track.value,
            track.bad,
            track.fired,
            track.good_since,
        )
        for track in tracks
    ]
    return msgspec.msgpack.encode(_Folded(list(indices), saved))


def load(state: bytes) -> list[Track]:
    """What ``dump`` was given."""
    folded = msgspec.msgpack.decode(state, type=_Folded)
    return [
        Track(
            folded.bounds[saved.bound],
            saved.subject,
            saved.since,
            saved.last,
            saved.heard,
            saved.value,
            saved.bad,
            saved.fired,
            saved.good_since,
        )
        for saved in folded.tracks
    ]
