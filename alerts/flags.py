"""Share of readings with a bad flag: only channels that show such flags are counted at all (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.bounds import Bound
from alerts.change import Change
from alerts.lifecycle import Reason
from alerts.tracks import Track
from devices.observation import Observation

if TYPE_CHECKING:
    from alerts.evaluate import Evaluation

#: Flags that people or plants set on purpose: maintenance, calibrating, stopped, set by hand.
EXCUSED = frozenset("MCFS")


class FlagShares:
    """Counts whole windows of event time, the first from a bad flag on; they follow each other while flags are bad.

    At the first reading after its end a window is judged. Excused readings are not counted at all. Of a track ``level``
    is how many readings the window has, ``bad`` how many of them are bad, ``good_since`` its beginning.
    """

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation

    def normal(self, bound: Bound, o: Observation, changes: list[Change]) -> None:
        """An N reading; it costs something only where a window is open."""
        track = self._evaluation.tracks.find((o.subject.key, bound.pack, bound.rule))
        if track is not None:
            self._count(track, o, changes, bad=False)

    def odd(self, bound: Bound, o: Observation, changes: list[Change]) -> None:
        """A reading with another flag."""
        if o.flag in EXCUSED:
            return
        track = self._evaluation.tracks.find((o.subject.key, bound.pack, bound.rule))
        if track is not None and self._count(track, o, changes, bad=True):
            return
        begun = Track(bound, o.subject, o.at, o.at, o.now, None, bound.step, good_since=o.at, level=1.0)
        self._evaluation.begin(begun)

    def _count(self, track: Track, o: Observation, changes: list[Change], *, bad: bool) -> bool:
        """Count one reading; False where the track ended before it."""
        assert track.good_since is not None
        if o.at - track.good_since >= track.bound.span_ms:
            share = track.bad / track.level if track.level else 0.0
            if share < track.bound.step:
                if track.fired:
                    changes.append(track.ends(Reason.CONDITION_OVER, o.now, o.at, share))
                self._evaluation.tracks.drop(track)
                return False
            track.value, track.last = share, o.at
            if not track.fired:
                changes.append(track.fires(Reason.BAD_FLAGS, o.now))
            track.good_since, track.bad, track.level = o.at, 0, 0.0
        track.bad += bad
        track.level += 1
        return True
