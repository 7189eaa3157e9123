"""Removing old segments: only what no follower needs any more, oldest first, never the last one."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from gateway.journal.disk import Disk
from gateway.journal.segment import DAY_MS, KEPT_FROM, Segment, created_of, kept_line, listing, removed_below


def retain(folder: Path, disk: Disk, *, safe: int, keep_days: float, now: int) -> list[Segment]:
    """Remove the segments whose records are all below offset ``safe`` and older than ``keep_days``.

    ``now`` is journal time in ms. First ``kept-from`` is moved, then the files go: a crash in between leaves files
    that nobody reads and the next call removes. Returns what was removed; raises OSError and JournalFailedError.
    """
    going: list[Segment] = []
    for this, following in pairwise(listing(folder)):
        # The age of a segment's last record is at least that of the segment after it.
        if following.first > safe or now - created_of(following) <= keep_days * DAY_MS:
            break
        going.append(this)
        floor = following.first
    if going:
        disk.replace(folder / KEPT_FROM, kept_line(floor))
    disk.remove(removed_below(folder))
    return going
