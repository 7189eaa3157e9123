"""Checks a journal as a stranger: from the byte format alone, sharing no code with what writes and reads it.

The format is that of the docstring of ``record``; it is written down here a second time on purpose, so that an error
in one of them shows. Everything is looked at: every byte of every header and record is under a CRC-32, and offsets
run without a gap over all files, so a record that is missing or out of place has no way to hide.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

_HEADER = struct.Struct("<8sQqI")
_RECORD = struct.Struct("<IIQqQB")  # length, crc, offset, time, durable, kind; then the body
_BEFORE_CRC_DATA = 8
_FIXED = 25  # offset to kind, which ``length`` counts with the body
_LONGEST = _FIXED + 16 * 1024 * 1024
_KINDS = range(1, 12)


class Fault(NamedTuple):
    """One thing that is wrong: the file, the first offset it concerns, its byte in the file, and what it is.

    ``unreadable``: the bytes make no record, as a write that was stopped leaves them.
    """

    file: Path
    offset: int
    position: int
    what: str
    unreadable: bool = False


@dataclass
class Report:
    """What was found.

    ``first`` and ``next`` are the offsets the journal begins with and would go on with (``next`` counts good records
    only), ``records`` and ``bytes`` what was read and is good. ``faults`` lists everything; those from ``torn`` on
    are the torn tail of a writer that was stopped, which the next start cuts off, and ``damage`` are the others.
    """

    first: int = 0
    next: int = 0
    segments: int = 0
    records: int = 0
    bytes: int = 0
    faults: list[Fault] = field(default_factory=list)
    torn: Fault | None = None

    @property
    def damage(self) -> list[Fault]:
        """Faults that are no torn tail."""
        return self.faults[: self.faults.index(self.torn)] if self.torn else self.faults


class _State(NamedTuple):
    """What holds of the record before: the next offset, its time, its ``durable``.

    ``broken``: the file before ends with bytes that cannot be read, from record ``next`` on.
    """

    next: int
    time: int
    durable: int
    broken: bool = False


def check_journal(folder: Path, *, known_durable: int = -1) -> Report:
    """Read all of the journal in ``folder`` and list every fault.

    ``known_durable`` is the highest offset that is known to have been on disk, for example a follower's cursor.
    May run beside a writer: what is being written then looks like a torn tail.
    """
    while True:
        try:
            return _check(folder, known_durable)
        except FileNotFoundError:  # retention removed a file meanwhile and has moved kept-from
            continue


def _check(folder: Path, known_durable: int) -> Report:
    report = Report()
    state = _State(_oldest(folder, report), -(2**63), 0)
    report.first = state.next
    files = []
    for path in sorted(folder.glob("*.seg")):
        if not re.fullmatch(r"\d{20}\.seg", path.name):
            report.faults.append(Fault(path, 0, 0, "the file name is not 20 digits and .seg"))
        elif int(path.name[:20]) >= report.first:
            files.append(path)
    for path in files:
        state = _check_file(path, state, report, last=path is files[-1], known_durable=known_durable)
    report.next = state.next
    if known_durable >= state.next and not report.faults:
        where = files[-1] if files else folder
        what = f"records {state.next} to {known_durable} are missing at the end"
        report.faults.append(Fault(where, state.next, where.stat().st_size if files else 0, what))
    return report


def _oldest(folder: Path, report: Report) -> int:
    """The offset that the journal must begin with, from ``kept-from``: digits, their CRC-32, a line feed."""
    path = folder / "kept-from"
    if not path.exists():
        return 0
    found = re.fullmatch(rb"(\d+) ([0-9a-f]{8})\n", path.read_bytes())
    if found and int(found[2], 16) == zlib.crc32(found[1]):
        return int(found[1])
    report.faults.append(Fault(path, 0, 0, "kept-from is damaged, the oldest offset is unknown"))
    return min((int(p.name[:20]) for p in folder.glob("*.seg") if p.name[:20].isdigit()), default=0)


def _check_file(path: Path, state: _State, report: Report, *, last: bool, known_durable: int) -> _State:
    """Check one segment; returns what holds behind it."""
    data = path.read_bytes()
    named = int(path.name[:20])
    report.segments += 1
    missing = state.next + state.broken  # the one that is broken was named already
    if named > missing:
        what = f"records {missing} to {named - 1} are missing before this file"
        report.faults.append(Fault(path, missing, 0, what))
    elif named < state.next:
        report.faults.append(Fault(path, named, 0, f"records {named} to {state.next - 1} occur twice"))
    before = len(report.faults)
    header_fault = _header_fault(data, named)
    if header_fault:
        report.faults.append(Fault(path, named, 0, header_fault, len(data) < _HEADER.size))
    after_header = len(report.faults)
    state, proof = _check_records(path, data, state._replace(next=named), report)
    if last:
        tail = report.faults[before if len(data) < _HEADER.size else after_header :]
        torn = bool(tail) and all(one.unreadable for one in tail)
        report.torn = tail[0] if torn and max(proof, known_durable + 1) <= tail[0].offset else None
    return state


def _header_fault(data: bytes, named: int) -> str:
    if len(data) < _HEADER.size:
        return "the header is cut off"
    magic, first, _, crc = _HEADER.unpack_from(data)
    if zlib.crc32(data[:24]) != crc or magic != b"HYGJRNL1":
        return "the header is damaged"
    return "" if first == named else f"this is the file that begins with record {first}: renamed or swapped"


def _check_records(path: Path, data: bytes, state: _State, report: Report) -> tuple[_State, int]:
    """Check the records of a segment; also returns the highest ``durable`` of those behind the first fault."""
    at, proof = _HEADER.size, 0
    expected, time, durable, _ = state
    before, broken = len(report.faults), False
    while at < len(data):
        found = _record_at(data, at)
        if found is None:
            following = _resync(data, at + 1, expected)
            report.faults.append(Fault(path, expected, at, _why(data, at, expected), unreadable=True))
            if following is None:
                broken = True
                break
            at, offset = following
            if offset > expected + 1:
                what = f"records {expected + 1} to {offset - 1} are unreadable too"
                report.faults.append(Fault(path, expected + 1, at, what, unreadable=True))
            expected = offset
            continue
        stop, offset, its_time, its_durable, kind = found
        if offset != expected:
            what = f"record {offset} stands in place of {expected}"
            report.faults.append(Fault(path, expected, at, what))
        elif its_time < time or its_durable < durable or its_durable > offset or kind not in _KINDS:
            what = f"time {its_time}, durable {its_durable} or kind {kind} cannot follow {time}, {durable}"
            report.faults.append(Fault(path, offset, at, what))
        else:
            report.records += 1
            report.bytes += stop - at
        if len(report.faults) > before:
            proof = max(proof, its_durable)
        expected, time, durable, at = offset + 1, max(time, its_time), max(durable, its_durable), stop
    return _State(expected, time, durable, broken), proof


def _record_at(data: bytes, at: int) -> tuple[int, int, int, int, int] | None:
    """End, offset, time, durable and kind of the record at byte ``at`` if it is whole, else None."""
    if at + _RECORD.size > len(data):
        return None
    length, crc, offset, time, durable, kind = _RECORD.unpack_from(data, at)
    stop = at + _BEFORE_CRC_DATA + length
    if not _FIXED <= length <= _LONGEST or stop > len(data):
        return None
    if zlib.crc32(data[at + _BEFORE_CRC_DATA : stop]) != crc:
        return None
    return stop, offset, time, durable, kind


def _why(data: bytes, at: int, expected: int) -> str:
    if at + _RECORD.size > len(data):
        return f"record {expected} is cut off after {len(data) - at} bytes"
    length = int.from_bytes(data[at : at + 4], "little")
    if not _FIXED <= length <= _LONGEST or at + _BEFORE_CRC_DATA + length > len(data):
        return f"record {expected} is unreadable: its length {length} cannot be"
    return f"record {expected} is unreadable: its CRC-32 is wrong"


def _resync(data: bytes, at: int, expected: int) -> tuple[int, int] | None:
    """Byte and offset of the next whole record behind ``at`` that may follow ``expected``.

    The offset is the ninth to sixteenth byte of a record and at most grows by the records that fit, so its upper
    bytes are known: candidates are the places where they stand ten bytes behind a length that is not zero.
    """
    reach = expected + (len(data) - at) // _RECORD.size + 1
    uppers = sorted({struct.pack("<Q", upper << 16)[2:] for upper in range(expected >> 16, (reach >> 16) + 1)})
    pattern = re.compile(rb"(?s)(?=(?!\0{4}).{10}(?:" + b"|".join(re.escape(upper) for upper in uppers) + b"))")
    for match in pattern.finditer(data, at):
        found = _record_at(data, match.start())
        if found and expected <= found[1] <= reach:
            return match.start(), found[1]
    return None
