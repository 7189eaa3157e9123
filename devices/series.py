"""What is known of every series of the gateway: is a value new, late, known, or in conflict (pure).

A series (channel) is one (device, point, parameter) and has an index, given at first sight and never again another.
Columns are arrays, about 270 bytes a channel with all that belongs to it; the channels of a message that came first
together stand side by side, so that their next message is taken by slices (measured at 100,000 devices: 3.2 us
against 4.9 us value by value). Of each channel the last value and the values of the last eight arrivals are known. A
value that is not among them and not above the channel's last may or may not be known: the store compares (``Row.late``,
``Row.compare``).

``judge`` is called for every message in journal order by one thread; other threads may read ``latest`` meanwhile.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

import msgspec

from devices.reading import AHEAD_MS, Decoded, Refusal, Row

#: Values of a channel that are known beside its last: a device that resends sends its latest messages again.
RING = 8
#: More channels than this one device cannot have; a device that invents points must not fill the memory.
DEVICE_CHANNELS = 512
#: Readings without a time of their own that arrive in one ms get the next free ms, at most this far on.
SPREAD_MS = 1000

_NEVER = -(2**63)
_FORMAT = 1
#: For each slot of the ring a run of cursors that point at it.
_RUNS = [bytes([slot]) * DEVICE_CHANNELS for slot in range(RING)]


class Latest(NamedTuple):
    """The newest value of a channel in order of device time; ``flag`` is an HJ 212 flag."""

    ts: int
    value: float
    flag: str


class Judged(msgspec.Struct, gc=False):
    """The fate of a message (DESIGN 4.2). ``plain``: every value is new and in order, nothing refused or changed."""

    fate: str
    reason: str = ""
    plain: bool = False
    known: int = 0
    conflicts: int = 0
    late: int = 0
    ahead: int = 0


_PLAIN = Judged("accepted", plain=True)


#: (channels, first, behind the last) of values that come together; first is -1 where they do not stand side by side.
_Group = tuple[tuple[int, ...], int, int]


class _Dump(msgspec.Struct):
    format: int
    devices: list[str]
    names: list[tuple[str, str]]
    device_of: bytes
    name_of: bytes
    last_ts: bytes
    last_value: bytes
    ring_ts: list[bytes]
    ring_value: list[bytes]
    cursor: bytes
    flags: dict[int, str]
    ahead: dict[int, int]
    unsure: dict[int, list[int]]


class Series:
    """The table of all channels; see the module's docstring."""

    def __init__(self) -> None:
        self._devices: list[str] = []
        self._channels: dict[str, array[int]] = {}  # device -> number of the device, then its channels
        self._names: list[tuple[str, str]] = []  # (point, parameter)
        self._name_ids: dict[tuple[str, str], int] = {}
        self._device_of = array("I")
        self._name_of = array("I")
        self._last_ts = array("q")
        self._last_value = array("d")
        self._ring_ts = [array("q") for _ in range(RING)]
        self._ring_value = [array("d") for _ in range(RING)]
        self._cursor = bytearray()  # slot of the ring that holds a channel's newest arrival
        self._flags: dict[int, str] = {}  # last flag where it was not N
        self._ahead: dict[int, int] = {}  # highest time of a value that was ahead
        self._unsure: dict[int, list[int]] = {}  # times of late values that the store has to compare
        self._odd: set[int] = set()  # channels that the quick way leaves alone
        self._groups: dict[tuple[str, str, tuple[str, ...]], _Group] = {}

    def __len__(self) -> int:
        return len(self._last_ts)

    def index(self, device: str, point: str, parameter: str) -> int:
        """The index of a channel, given at first sight; -1 where the device has too many channels."""
        known = self._channels.get(device)
        if known is None:
            known = self._channels[device] = array("I", [len(self._devices)])
            self._devices.append(device)
        name = self._name_ids.get((point, parameter))
        for i in range(1, len(known)):
            if self._name_of[known[i]] == name:
                return known[i]
        if len(known) > DEVICE_CHANNELS:
            return -1
        if name is None:
            name = self._name_ids[point, parameter] = len(self._names)
            self._names.append((point, parameter))
        index = len(self._last_ts)
        known.append(index)
        self._device_of.append(known[0])
        self._name_of.append(name)
        self._last_ts.append(_NEVER)
        self._last_value.append(0.0)
        self._cursor.append(0)
        for stamps, values in zip(self._ring_ts, self._ring_value, strict=True):
            stamps.append(_NEVER)
            values.append(0.0)
        return index

    def find(self, device: str, point: str, parameter: str) -> int | None:
        """The index of a channel that was seen, else None; never gives one."""
        name = self._name_ids.get((point, parameter))
        known = self._channels.get(device, array("I", [0]))
        return next((i for i in known[1:] if self._name_of[i] == name), None)

    def name(self, index: int) -> tuple[str, str, str]:
        """(device, point, parameter) of an index."""
        point, parameter = self._names[self._name_of[index]]
        return self._devices[self._device_of[index]], point, parameter

    def of(self, device: str) -> list[int]:
        """The indices of all channels of a device, in order of first sight."""
        return list(self._channels.get(device, array("I", [0]))[1:])

    def latest(self, index: int) -> Latest | None:
        """The newest value in order of device time; None where only values ahead of time came, or none."""
        ts = self._last_ts[index]
        return None if ts == _NEVER else Latest(ts, self._last_value[index], self._flags.get(index, "N"))

    def judge(self, device: str, decoded: Decoded, received_at: int) -> Judged:
        """Give a decoded message its fate and remember what is new.

        Fills ``Row.channels``, ``late``, ``ahead`` and ``compare``, takes values that are known or in conflict out of
        ``decoded.rows`` (empty rows go) and adds the conflicts to ``decoded.refusals``. A reading without a time of its
        own is moved to the next free ms where another came in the same ms (``Row.ts``).
        """
        horizon = received_at + AHEAD_MS
        judged = None
        for row in decoded.rows:
            if not self._append(device, row, horizon):
                judged = judged or Judged("")
                self._judge_row(row, horizon, decoded, judged)
        if judged is None:
            if not decoded.refusals and decoded.rows:
                return _PLAIN
            judged = Judged("")
        decoded.rows = [row for row in decoded.rows if row.values]
        if decoded.rows:
            judged.fate = "accepted"
        elif judged.conflicts:
            judged.fate, judged.reason = "parked", "conflict"
        elif judged.known:
            judged.fate, judged.reason = "repeated", "repeated"
        else:
            judged.fate, judged.reason = "parked", decoded.fault or "no_valid_value"
        return judged

    def _append(self, device: str, row: Row, horizon: int) -> bool:
        """Take a row whose every value is in order; False and nothing taken where one is not, or something is odd."""
        key = (device, row.point, row.parameters)
        group = self._groups.get(key) or self._group(key)
        channels, low, high = group
        row.channels = channels
        ts = row.ts
        if ts > horizon or low < 0 or row.flags is not None or row.raw_time or not self._odd.isdisjoint(channels):
            return False
        if max(self._last_ts[low:high]) >= ts:
            return False
        stamps = array("q", (ts,)) * (high - low)
        values = array("d", row.values)
        self._last_ts[low:high] = stamps
        self._last_value[low:high] = values
        cursor = self._cursor
        slot = cursor[low]
        if cursor.count(slot, low, high) == high - low:
            slot = (slot + 1) % RING
            self._ring_ts[slot][low:high] = stamps
            self._ring_value[slot][low:high] = values
            cursor[low:high] = _RUNS[slot][: high - low]
        else:
            for index, value in zip(channels, row.values, strict=True):
                self._remember(index, ts, value)
        return True

    def _group(self, key: tuple[str, str, tuple[str, ...]]) -> _Group:
        device, point, parameters = key
        channels = tuple(self.index(device, point, parameter) for parameter in parameters)
        low, high = channels[0], channels[0] + len(channels)
        group = (channels, low, high) if channels == tuple(range(low, high)) else (channels, -1, -1)
        if len(self._groups) >= 4096 + 4 * len(self._devices):
            self._groups.clear()
        self._groups[key] = group
        return group

    def _remember(self, index: int, ts: int, value: float) -> None:
        """Put one arrival into the ring."""
        slot = (self._cursor[index] + 1) % RING
        self._cursor[index] = slot
        self._ring_ts[slot][index] = ts
        self._ring_value[slot][index] = value

    def _judge_row(self, row: Row, horizon: int, decoded: Decoded, judged: Judged) -> None:
        """Judge value by value; what is not new goes out of the row."""
        if row.gateway_time:
            row.ts = self._free_time(row)
        ahead = row.ts > horizon
        keep: list[int] = []
        late: list[bool] = []
        for place, index in enumerate(row.channels):
            if index < 0:
                self._refuse(row, place, "too_many_channels", None, decoded)
                continue
            known = self._known(index, row.ts, row.values[place])
            if known is None:
                keep.append(place)
                late.append(not ahead and row.ts <= self._last_ts[index])
                self._take(row, place, index, ahead=ahead, late=late[-1])
            elif known == row.values[place]:
                judged.known += 1
            else:
                judged.conflicts += 1
                self._refuse(row, place, "conflict", known, decoded)
        row.ahead = ahead
        row.late = late if any(late) else None
        judged.late += sum(late)
        judged.ahead += len(keep) if ahead else 0
        if len(keep) < len(row.values):
            _shrink(row, keep)

    def _known(self, index: int, ts: int, value: float | None = None) -> float | None:
        """The value that is known of a channel at ``ts``: ``value`` itself where that is among what was seen.

        A late value of which only the store can say whether it was the first is no reason for a conflict.
        """
        found = self._last_value[index] if self._last_ts[index] == ts else None
        for stamps, values in zip(self._ring_ts, self._ring_value, strict=True):
            if stamps[index] == ts:
                if values[index] == value:
                    return value
                found = values[index] if found is None else found
        if found is not None and found != value and value is not None and ts in self._unsure.get(index, ()):
            return None
        return found

    def _take(self, row: Row, place: int, index: int, *, ahead: bool, late: bool) -> None:
        """Remember one new value; only one that is in order and not ahead moves the channel's last."""
        value = row.values[place]
        full = all(stamps[index] != _NEVER for stamps in self._ring_ts)
        self._remember(index, row.ts, value)
        if ahead:
            highest = self._ahead.get(index, _NEVER)
            self._ahead[index] = max(row.ts, highest)
            self._odd.add(index)
            row.compare = True
            # Beyond everything that ever came it is the first; else one that was forgotten may have been there.
            if full and row.ts <= highest:
                self._doubt(index, row.ts)
            return
        if late:
            # Values were forgotten: an earlier one at this time may stand in the store.
            if full:
                self._doubt(index, row.ts)
            return
        self._last_ts[index] = row.ts
        self._last_value[index] = value
        if index in self._ahead:
            if row.ts <= self._ahead[index]:
                row.compare = True
                if full:
                    self._doubt(index, row.ts)
            else:
                del self._ahead[index]
        flag = "N" if row.flags is None else row.flags[place]
        if flag == "N":
            self._flags.pop(index, None)
        else:
            self._flags[index] = flag
        if index in self._ahead or index in self._flags:
            self._odd.add(index)
        else:
            self._odd.discard(index)

    def _doubt(self, index: int, ts: int) -> None:
        """The store alone knows whether a value at ``ts`` was the first; kept as long as the ring holds it."""
        held = {self._last_ts[index], *(stamps[index] for stamps in self._ring_ts)}
        self._unsure[index] = [one for one in self._unsure.get(index, ()) if one in held and one != ts] + [ts]

    def _free_time(self, row: Row) -> int:
        """The receive time of a reading without a time of its own, or the next ms that no channel of the row has."""
        channels = [index for index in row.channels if index >= 0]
        ts = row.ts
        last = max((self._last_ts[index] for index in channels), default=_NEVER)
        if ts <= last < ts + SPREAD_MS:
            ts = last + 1
        while any(self._known(index, ts) is not None for index in channels):
            ts += 1
        return ts

    @staticmethod
    def _refuse(row: Row, place: int, reason: str, known: float | None, decoded: Decoded) -> None:
        parameter = row.parameters[place]
        key = parameter if row.point == "-" else f"{parameter}@{row.point}"
        decoded.refusals.append(Refusal(key, repr(row.values[place]), reason, row.ts, known))

    def dump(self) -> bytes:
        """Everything that ``load`` needs to go on as if nothing had been."""
        return msgspec.msgpack.encode(
            _Dump(
                format=_FORMAT,
                devices=self._devices,
                names=self._names,
                device_of=self._device_of.tobytes(),
                name_of=self._name_of.tobytes(),
                last_ts=self._last_ts.tobytes(),
                last_value=self._last_value.tobytes(),
                ring_ts=[column.tobytes() for column in self._ring_ts],
                ring_value=[column.tobytes() for column in self._ring_value],
                cursor=bytes(self._cursor),
                flags=self._flags,
                ahead=self._ahead,
                unsure=self._unsure,
            ),
        )

    def load(self, state: bytes) -> None:
        """Become what ``dump`` saved. Raises msgspec.DecodeError or ValueError on anything else."""
        dump = msgspec.msgpack.decode(state, type=_Dump)
        if dump.format != _FORMAT:
            raise ValueError(f"series of format {dump.format}; this version reads {_FORMAT}")
        self.__init__()  # type: ignore[misc]
        self._devices, self._names = dump.devices, dump.names
        self._name_ids = {name: i for i, name in enumerate(dump.names)}
        self._channels = {device: array("I", [i]) for i, device in enumerate(dump.devices)}
        columns: list[tuple[array[int] | array[float], bytes]] = [
            (self._device_of, dump.device_of),
            (self._name_of, dump.name_of),
            (self._last_ts, dump.last_ts),
            (self._last_value, dump.last_value),
            *zip(self._ring_ts, dump.ring_ts, strict=True),
            *zip(self._ring_value, dump.ring_value, strict=True),
        ]
        for column, raw in columns:
            column.frombytes(raw)
        self._cursor = bytearray(dump.cursor)
        by_number = list(self._channels.values())
        for index, number in enumerate(self._device_of):
            by_number[number].append(index)
        self._flags, self._ahead, self._unsure = dump.flags, dump.ahead, dump.unsure
        self._odd = {*dump.flags, *dump.ahead}


def _shrink(row: Row, keep: list[int]) -> None:
    """Leave only the values at ``keep``."""
    late = row.late or []
    row.late = late if any(late) else None
    row.parameters = tuple(row.parameters[i] for i in keep)
    row.channels = tuple(row.channels[i] for i in keep)
    row.values = [row.values[i] for i in keep]
    if row.flags is not None:
        row.flags = [row.flags[i] for i in keep]
    if row.qualifiers is not None:
        row.qualifiers = [row.qualifiers[i] for i in keep]
