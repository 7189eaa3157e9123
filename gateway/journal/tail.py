"""The end of the journal: the open segment, and where and as what the next record goes. Used by the writer only."""

from __future__ import annotations

import logging
import os
import zlib
from pathlib import Path

from gateway.journal import record, segment
from gateway.journal.disk import Disk
from gateway.journal.lanes import Submission

log = logging.getLogger(__name__)


class Tail:
    """The last segment, open for writing.

    ``next`` is the offset of the next record, ``time`` that of the last one, ``segments`` the size of each file by
    its first offset, ``torn`` the copy of a tail that was cut off. Raises OSError, JournalFailedError (fsync).
    """

    def __init__(self, folder: Path, disk: Disk, found: segment.Survey | None, now: int, segment_bytes: int) -> None:
        self.folder = folder
        self.next = 0
        self.time = 0
        self.segments: dict[int, int] = {}
        self.torn: Path | None = None
        self._disk = disk
        self._segment_bytes = segment_bytes
        self._fd = -1
        self._first = self._position = self._day = 0
        if found:
            self._resume(found, now)
        else:
            self.begin(now)

    @property
    def path(self) -> Path:
        """The last segment."""
        return segment.path_of(self.folder, self._first)

    def begin(self, now: int) -> None:
        """Close the segment, if there is one, and begin another with the next record."""
        now = max(self.time, now)
        fd = self._disk.create(segment.path_of(self.folder, self.next), record.header(self.next, now))
        self.close()
        self._fd, self._first, self._position = fd, self.next, record.HEADER.size
        self._day = now // segment.DAY_MS
        self.segments[self._first] = self._position

    def _resume(self, found: segment.Survey, now: int) -> None:
        self.segments = {one.first: one.size for one in found.segments}
        last = found.segments[-1]
        self.next = found.end.next
        self.time = max(found.created, found.end.time)
        if found.torn:
            self.torn = self._disk.cut(last.path, found.end.position)
            log.warning("journal: cut a torn tail of %d bytes off %s, kept as %s", found.torn, last.path, self.torn)
        if found.headless:
            self.begin(now)
            return
        self._fd = self._disk.open(last.path)
        self._first, self._position = last.first, found.end.position
        self.segments[self._first] = self._position
        self._day = found.created // segment.DAY_MS
        # A process that died of an fsync error may have left pages that the kernel calls clean and the disk never
        # got: written once more they are dirty again, and this fsync means what it says.
        self._disk.append(self._fd, self._position - len(found.renew), found.renew)
        self._disk.sync(self._fd, last.path)

    def rotation_due(self, size: int, now: int) -> bool:
        """Whether ``size`` more bytes at ``now`` belong into another segment; an empty one takes anything."""
        if self._position == record.HEADER.size:
            return False
        return self._position + size > self._segment_bytes or max(self.time, now) // segment.DAY_MS != self._day

    def encode(self, batch: list[Submission], floor: int = 0) -> tuple[bytes, list[int], int, int]:
        """The records of a batch, the first offset of each submission, the following offset and the last time.

        No record is earlier than ``floor``: journal time goes on while the wall clock is behind it.
        """
        head, frame, crc32, fixed = record.HEAD.pack, record.FRAME.pack, zlib.crc32, record.HEAD.size
        offset = durable = self.next
        last = max(self.time, floor)
        parts: list[bytes] = []
        firsts = []
        for entries, _, _, _ in batch:
            firsts.append(offset)
            for kind, received_at, body in entries:
                if received_at > last:  # noqa: PLR1730 - max() costs 5 % of this loop
                    last = received_at
                front = head(offset, last, durable, kind)
                parts += (frame(fixed + len(body), crc32(body, crc32(front))), front, body)
                offset += 1
        return b"".join(parts), firsts, offset, last

    def write(self, data: bytes) -> None:
        """Write records, not yet durable."""
        self._disk.append(self._fd, self._position, data)

    def take_back(self) -> None:
        """Forget what was written and never synced."""
        self._disk.shorten(self._fd, self._position)

    def sync(self, size: int, following: int, last: int) -> None:
        """Make what was written durable and move behind it: ``size`` bytes, the next offset, the last time."""
        self._disk.sync(self._fd, self.path)
        self._position += size
        self.segments[self._first] = self._position
        self.next, self.time = following, last

    def close(self) -> None:
        """Release the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
