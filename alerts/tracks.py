"""What is remembered of the subjects that are not quiet, and its form in a snapshot (pure)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from alerts.bounds import Bound
from alerts.lifecycle import State
from devices.observation import Subject


class Track(msgspec.Struct, gc=False):
    """What is remembered of one rule for one subject, from its first bad reading until its alert clears.

    ``value`` and ``last`` (device time) are the last bad reading's.

    ``heard`` is the journal time of the last live reading of any flag; ``good_since`` the device time of the first of
    the readings that meet the clear condition now. Pending tracks have no ``alert`` yet.
    """

    bound: Bound
    subject: Subject
    since: int
    last: int
    heard: int
    value: float
    bad: int = 1
    alert: str = ""
    state: State = State.PENDING
    good_since: int | None = None


class Over(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An alert that is over and still to be looked at."""

    pack: str
    rule: str
    place: str
    alert: str


class _Saved(msgspec.Struct, array_like=True):
    """A track in a snapshot; ``bound`` is an index, for thousands of tracks share a few."""

    bound: int
    subject: Subject
    since: int
    last: int
    heard: int
    value: float
    bad: int
    alert: str
    state: State
    good_since: int | None


class _Folded(msgspec.Struct, array_like=True):
    """The state as it stands in a snapshot."""

    bounds: list[Bound]
    tracks: list[_Saved]
    over: dict[str, list[Over]]


def dump(tracks: Iterable[Track], over: dict[str, list[Over]]) -> bytes:
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
            track.alert,
            track.state,
            track.good_since,
        )
        for track in tracks
    ]
    return msgspec.msgpack.encode(_Folded(list(indices), saved, dict(sorted(over.items()))))


def load(state: bytes) -> tuple[list[Track], dict[str, list[Over]]]:
    """What ``dump`` was given."""
    folded = msgspec.msgpack.decode(state, type=_Folded)
    tracks = [
        Track(
            folded.bounds[saved.bound],
            saved.subject,
            saved.since,
            saved.last,
            saved.heard,
            saved.value,
            saved.bad,
            saved.alert,
            saved.state,
            saved.good_since,
        )
        for saved in folded.tracks
    ]
    return tracks, folded.over
