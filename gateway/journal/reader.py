"""Reading records from an offset: by followers in the gateway and by other processes, each with a Reader of its own.

A reader keeps its file and position, so that reading on costs nothing but the records; a jump into a segment uses a
sparse index that is built on the way by hopping from length to length. Every record that is returned has had its
CRC checked.
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_right
from collections import OrderedDict
from pathlib import Path
from zlib import crc32

from gateway.errors import JournalDamagedError, RecordGoneError
from gateway.journal import record, segment
from gateway.journal.record import Record

MIB = 1 << 20
#: ``end`` for a reader in another process, which does not know what is durable.
OPEN_END = 2**63 - 1

#: What stays in the processor's cache between reading and parsing.
_CHUNK = 1 << 18
_KEPT_INDEXES = 8
_LONGEST = record.FRAME.size + record.HEAD.size + record.MAX_BODY
#: A record up to its body without ``durable``: length, crc, offset, time, kind.
_FRONT = struct.Struct("<IIQq8xB")
_new = tuple.__new__


class Reader:
    """Reads one journal; belongs to one thread at a time. Opens nothing before the first ``read``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fd = -1
        self._first = -1  # the open segment
        self._next = -1  # the offset expected at byte _at of it
        self._at = 0
        self._indexes: OrderedDict[int, tuple[list[int], list[int]]] = OrderedDict()  # first -> offsets, bytes

    def read(self, offset: int, *, end: int, max_bytes: int = MIB) -> list[Record]:
        """The records ``offset`` to ``end`` (inclusive), in order, as far as they fit into ``max_bytes``.

        At least one record comes back if there is one. In the gateway ``end`` is ``journal.durable`` or a cursor
        below it, and a record missing or incomplete up to there is damage. Another process passes ``OPEN_END``: then
        what the writer is about to write ends the result, and records may come back that are not durable yet.
        Raises JournalDamagedError; RecordGoneError below the oldest record kept.
        """
        if offset > end:
            return []
        if offset != self._next:
            self.close()
            if not self._seek(offset, end):
                return []
        records: list[Record] = []
        left = max_bytes
        while left > 0 and self._next <= end:
            data = os.pread(self._fd, min(max(left, record.OVERHEAD), _CHUNK), self._at)
            used = self._take(data, end, records)
            left -= used
            if used or (data and not records and self._take_long(data, end, records)):
                continue
            if records and (data or not self._following().exists()):
                break  # whatever is wrong here is for the next call
            if not self._go_on(end):
                break
        return records

    def close(self) -> None:
        """Release the file; a later ``read`` opens it again."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = self._first = self._next = -1

    def _take(self, data: bytes, end: int, records: list[Record]) -> int:
        """Append the good records at the beginning of ``data`` and move behind them; returns their bytes."""
        unpack, new, append, checksum = _FRONT.unpack_from, _new, records.append, crc32
        at, offset, size = 0, self._next, len(data)
        last = size - record.OVERHEAD
        while at <= last and offset <= end:
            length, crc, got, time, kind = unpack(data, at)
            stop = at + 8 + length
            rest = data[at + 8 : stop]
            if stop > size or length < 25 or got != offset or checksum(rest) != crc:
                break
            append(new(Record, (offset, time, kind, rest[25:])))
            offset += 1
            at = stop
        self._next = offset
        self._at += at
        return at

    def _take_long(self, data: bytes, end: int, records: list[Record]) -> bool:
        """Take a record of which ``data`` holds only the beginning, if it is whole in the file."""
        needed = record.FRAME.size + int.from_bytes(data[:4], "little")
        if len(data) < record.FRAME.size or not len(data) < needed <= _LONGEST:
            return False
        return self._take(os.pread(self._fd, needed, self._at), end, records) > 0

    def _following(self) -> Path:
        """The segment that begins with the next record, if it exists."""
        return segment.path_of(self._folder, self._next)

    def _newer_exists(self) -> bool:
        return any(one.first > self._first for one in segment.listing(self._folder))

    def _go_on(self, end: int) -> bool:
        """Nothing can be read here: True if it can be now, perhaps in the next segment; False if this is the end.

        Raises JournalDamagedError for anything but the end, which only a reader with an open end may meet.
        """
        # Looked for first: where a newer segment exists, this one is complete.
        may_end = end == OPEN_END and not self._newer_exists()
        size = os.fstat(self._fd).st_size
        if size == self._at:
            if self._next > self._first and self._following().exists():
                self._open(self._next)
                return True
            if may_end:
                return False
        elif end == OPEN_END and size > self._at:
            tail = os.pread(self._fd, size - self._at, self._at)
            if segment.scan(tail, self._next, 0).next > self._next:
                return True  # the writer was faster than this look at the file
        return self._look_again(may_end=may_end)

    def _look_again(self, *, may_end: bool) -> bool:
        """Look for the next record from the beginning of its segment; else as ``_go_on``.

        Helps where a reader in another process remembers the position of a record that the writer has taken back.
        """
        first, wanted, was = self._first, self._next, self._at
        data = os.pread(self._fd, os.fstat(self._fd).st_size, 0)
        found = segment.scan(data, first)
        self._forget()
        if found.next > wanted:
            self._open(first)
            if self._hop_to(wanted) and self._at != was:
                return True
        if may_end and not segment.fault_at(data, found):
            self.close()
            return False
        what = "missing" if found.position >= len(data) else "unreadable"
        raise JournalDamagedError(segment.path_of(self._folder, first), found.next, found.position, what)

    def _forget(self) -> None:
        self._indexes.pop(self._first, None)
        self.close()

    def _seek(self, offset: int, end: int) -> bool:
        """Go to ``offset``; False if it is not written yet, which only an open end allows."""
        segments = segment.listing(self._folder)
        place = bisect_right(segments, offset, key=lambda one: one.first) - 1
        if place < 0:
            if segments:
                raise RecordGoneError(offset, segments[0].first)
            if end == OPEN_END:
                return False
            raise JournalDamagedError(segment.path_of(self._folder, 0), offset, 0, "the journal is missing")
        try:
            self._open(segments[place].first)
        except FileNotFoundError:  # retention was faster
            return self._seek(offset, end)
        while not self._hop_to(offset):
            if not self._go_on(end):
                return False
        return True

    def _open(self, first: int) -> None:
        """Open the segment that begins with ``first`` at its first record."""
        path = segment.path_of(self._folder, first)
        self.close()
        segment.created_of(segment.Segment(first, path, 0))  # raises if the header is not that of this file
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._first = self._next = first
        self._at = record.HEADER.size

    def _hop_to(self, offset: int) -> bool:
        """Move on within the open segment until ``offset`` is next; False if the file ends before."""
        offsets, positions = self._index()
        place = bisect_right(offsets, offset) - 1
        self._next, self._at = offsets[place], positions[place]
        size = os.fstat(self._fd).st_size
        while self._next < offset and self._hop(os.pread(self._fd, _CHUNK, self._at), offset, size):
            if self._at > positions[-1]:
                offsets.append(self._next)
                positions.append(self._at)
        return self._next == offset

    def _hop(self, data: bytes, offset: int, size: int) -> bool:
        """Move over the records that begin in ``data`` and end in the file; False if there is none."""
        unpack, last, fixed = _FRONT.unpack_from, len(data) - record.OVERHEAD, record.HEAD.size
        expected, at, room = self._next, 0, size - self._at
        while expected < offset and at <= last:
            length, _, got, _, _ = unpack(data, at)
            stop = at + 8 + length
            if got != expected or length < fixed or stop > room:
                break
            expected += 1
            at = stop
        moved = at > 0
        self._next, self._at = expected, self._at + at
        return moved

    def _index(self) -> tuple[list[int], list[int]]:
        """Known offsets of the open segment and their bytes; of a few segments, the last used."""
        index = self._indexes.setdefault(self._first, ([self._first], [record.HEADER.size]))
        self._indexes.move_to_end(self._first)
        if len(self._indexes) > _KEPT_INDEXES:
            self._indexes.popitem(last=False)
        return index
