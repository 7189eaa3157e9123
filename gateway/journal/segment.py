"""Names and states of segment files, read and never changed: what is there, where it ends, whether it is whole.

Besides the segments a journal folder holds ``kept-from``, once retention removed anything: one line, the oldest
offset that is kept and the CRC-32 of its digits. Without it a journal must begin at offset 0, so a first segment
that is missing is found like any other.
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from gateway.errors import JournalDamagedError
from gateway.journal import record
from gateway.journal.record import Kind

SUFFIX = ".seg"
KEPT_FROM = "kept-from"
DAY_MS = 86_400_000

#: A record up to its body: length, crc, offset, time, durable, kind.
WHOLE = struct.Struct("<IIQqQB")
_LONGEST = record.HEAD.size + record.MAX_BODY
_NAME = re.compile(r"\d{20}\.seg")
#: How the body of the writer's own alarm begins.
_LOW, _NOT_LOW = (
    record.json_body({"type": "alarm", "alarm": "disk_low", "state": state})[:-1] for state in ("on", "off")
)
#: Enough of the end of a file to hold most last records.
_TAIL = 1 << 16


class Segment(NamedTuple):
    """A segment file; its first record is ``first``, ``size`` is in bytes."""

    first: int
    path: Path
    size: int


class Scan(NamedTuple):
    """How far the records of one segment can be read.

    ``position`` is the byte after the last good record and ``next`` the offset expected there. ``time`` is that of
    the last good record (0: none). ``unproved`` is the byte of the first record that no later one proves to be
    durable. ``disk_low`` is the state of the last alarm of that name.
    """

    position: int
    next: int
    time: int
    unproved: int
    disk_low: bool


@dataclass(frozen=True)
class Survey:
    """What an existing journal is found to be, all of it whole but perhaps a torn tail.

    ``torn`` is the number of bytes to cut off behind ``end.position`` of the last segment, and ``headless`` says that
    not even its header is whole. ``renew`` are its last bytes that may never have been synced.
    """

    segments: list[Segment]
    created: int
    end: Scan
    torn: int
    headless: bool
    renew: bytes


def path_of(folder: Path, first: int) -> Path:
    """The file whose first record is ``first``."""
    return folder / f"{first:020d}{SUFFIX}"


def kept_from(folder: Path) -> int:
    """The oldest offset that is kept; 0 where nothing was ever removed. Raises JournalDamagedError."""
    path = folder / KEPT_FROM
    try:
        line = path.read_bytes()
    except FileNotFoundError:
        return 0
    digits = line.split(b" ", 1)[0]
    if not digits.isdigit() or line != kept_line(int(digits)):
        raise JournalDamagedError(path, 0, 0, f"{line[:60]!r} is not 'offset crc32'")
    return int(digits)


def kept_line(offset: int) -> bytes:
    """The content of ``kept-from``."""
    digits = b"%d" % offset
    return b"%s %08x\n" % (digits, zlib.crc32(digits))


def listing(folder: Path) -> list[Segment]:
    """The segments in order, without those that retention was about to remove. Raises JournalDamagedError."""
    while True:
        floor = kept_from(folder)
        found = sorted(_found(folder, floor))
        if (found[0].first if found else 0) == floor:
            return found
        if kept_from(folder) == floor:  # else retention moved it meanwhile
            missing = path_of(folder, floor)
            raise JournalDamagedError(missing, floor, 0, "this file is missing, the journal begins with it")


def removed_below(folder: Path) -> list[Path]:
    """Files of segments below ``kept-from``, oldest first: retention has given them up."""
    floor = kept_from(folder)
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if _first_of(path) < floor)


def _found(folder: Path, floor: int) -> Iterator[Segment]:
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(SUFFIX) and _first_of(Path(entry.path)) >= floor:
                with contextlib.suppress(FileNotFoundError):  # retention may run meanwhile
                    yield Segment(int(entry.name[:20]), Path(entry.path), entry.stat().st_size)


def _first_of(path: Path) -> int:
    if not _NAME.fullmatch(path.name):
        raise JournalDamagedError(path, 0, 0, f"the name {path.name!r} is not 20 digits and {SUFFIX}")
    return int(path.name[:20])


def survey(folder: Path, known_durable: int = -1) -> Survey | None:
    """Look at a journal without changing it; None where there is none yet.

    ``known_durable`` is the highest offset that any follower has passed. Raises JournalDamagedError for everything
    but a torn tail: see the docstring of ``record`` for the difference.
    """
    segments = listing(folder)
    if not segments:
        if known_durable >= 0:
            raise JournalDamagedError(path_of(folder, 0), 0, 0, f"missing, but record {known_durable} was read before")
        return None
    for this, following in pairwise(segments):
        _check_closed(this, following.first)
    last = segments[-1]
    data = last.path.read_bytes()
    headless = len(data) < record.HEADER.size
    created = 0 if headless else _check_header(last, data)
    end = Scan(0, last.first, 0, 0, disk_low=False) if headless else scan(data, last.first)
    if end.next == last.first and segments[1:]:  # no record yet: time and state are those of the one before
        before = scan(segments[-2].path.read_bytes(), segments[-2].first)
        end = end._replace(time=before.time, disk_low=before.disk_low)
    fault = fault_at(data, end)
    if fault:
        raise JournalDamagedError(last.path, end.next, end.position, fault)
    if known_durable >= end.next:
        what = f"missing or unreadable, but record {known_durable} was read before"
        raise JournalDamagedError(last.path, end.next, end.position, what)
    torn = len(data) - end.position
    return Survey(segments, created, end, torn, headless, data[end.unproved : end.position])


def scan(data: bytes, first: int, at: int = record.HEADER.size) -> Scan:
    """Read the records of a segment file as far as they are good; ``first`` is the one expected at byte ``at``."""
    offset, last, disk_low = first, 0, False
    unproved, proved, size = at, first, len(data)
    while at + record.OVERHEAD <= size:
        length, crc, got, time, durable, kind = WHOLE.unpack_from(data, at)
        stop = at + record.FRAME.size + length
        if stop > size or length < record.HEAD.size or got != offset:
            break
        if zlib.crc32(data[at + record.FRAME.size : stop]) != crc:
            break
        if durable > proved:
            unproved, proved = at, durable
        if kind == Kind.ALARM:
            begin = at + record.OVERHEAD
            disk_low = data.startswith(_LOW, begin) or (disk_low and not data.startswith(_NOT_LOW, begin))
        last = time
        offset += 1
        at = stop
    return Scan(at, offset, last, unproved, disk_low)


def fault_at(data: bytes, end: Scan) -> str:
    """Why the bytes behind ``end`` of a last segment are damage; empty where they may be a torn tail."""
    if end.position == len(data):
        return ""
    found = _good_at(data, end.position)
    if found:
        return f"record {found[0]} stands in its place"
    proof = durable_after(data, end.position, end.next)
    if proof > end.next:
        return f"unreadable, but a later record proves that all below {proof} were on disk"
    return ""


def durable_after(data: bytes, position: int, offset: int) -> int:
    """The highest ``durable`` of the good records behind ``position`` with at least ``offset``; 0: none.

    Lengths cannot be trusted here, so every byte is tried: what looks like a length and the high bytes of an offset
    in reach is looked at closely.
    """
    reach = offset + (len(data) - position) // record.OVERHEAD
    highs = {struct.pack("<Q", high << 24)[3:] for high in range(offset >> 24, (reach >> 24) + 1)}
    likely = b"(?s)(?=(?!\\0\\0\\0)...[\\0\\1].{7}(?:" + b"|".join(map(re.escape, sorted(highs))) + b"))"
    highest, at = 0, position
    for match in re.compile(likely).finditer(data, position):
        if match.start() < at:
            continue
        found = _good_at(data, match.start())
        if found and offset <= found[0] <= reach:
            highest = max(highest, found[1])
            at = found[2]
    return highest


def _good_at(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Offset, durable and end of the whole record at byte ``at``, or None."""
    if at + record.OVERHEAD > len(data):
        return None
    length, crc, offset, _, durable, _ = WHOLE.unpack_from(data, at)
    stop = at + record.FRAME.size + length
    if not record.HEAD.size <= length <= _LONGEST or stop > len(data):
        return None
    if zlib.crc32(memoryview(data)[at + record.FRAME.size : stop]) != crc:
        return None
    return offset, durable, stop


def _check_header(segment: Segment, data: bytes) -> int:
    """Return the ``created`` of a segment whose header is good."""
    magic, first, created, crc = record.HEADER.unpack_from(data)
    if magic != record.MAGIC or zlib.crc32(data[: record.HEADER.size - 4]) != crc:
        raise JournalDamagedError(segment.path, segment.first, 0, "the header is damaged")
    if first != segment.first:
        what = f"the file begins with record {first}: it was renamed or swapped"
        raise JournalDamagedError(segment.path, segment.first, 0, what)
    return int(created)


def created_of(segment: Segment) -> int:
    """Journal time at which the segment was begun: no record before it is younger. Raises JournalDamagedError."""
    with segment.path.open("rb") as file:
        data = file.read(record.HEADER.size)
    if len(data) < record.HEADER.size:
        raise JournalDamagedError(segment.path, segment.first, 0, "the header is cut off")
    return _check_header(segment, data)


def _check_closed(segment: Segment, following: int) -> None:
    """Make sure that a closed segment has its header and ends with the record before ``following``."""
    created_of(segment)
    with segment.path.open("rb") as file:
        for window in (_TAIL, _LONGEST + record.FRAME.size):
            file.seek(max(record.HEADER.size, segment.size - window))
            tail = file.read()
            if _ends_with(tail, following - 1):
                return
    data = segment.path.read_bytes()
    end = scan(data, segment.first)
    if end.position < len(data):
        raise JournalDamagedError(segment.path, end.next, end.position, "unreadable in a closed segment")
    what = f"the file ends before it, but the next one begins with {following}"
    raise JournalDamagedError(segment.path, end.next, end.position, what)


def _ends_with(tail: bytes, offset: int) -> bool:
    """Whether the last whole record of ``tail`` is ``offset``."""
    wanted = struct.pack("<Q", offset)
    at = tail.rfind(wanted)
    while at >= record.FRAME.size:
        found = _good_at(tail, at - record.FRAME.size)
        if found and found[2] == len(tail):
            return True
        at = tail.rfind(wanted, 0, at + len(wanted) - 1)
    return False
