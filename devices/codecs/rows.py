"""From raw values of one reading to rows, value by value: the way of everything that is not plainly clean."""

from __future__ import annotations

from collections.abc import Iterable

from devices.reading import Decoded, Refusal, Row
from devices.validate import LATEST_MS, Channel, judge_flag, judge_value, shown


class Stamp:
    """When a reading was.

    ``ts`` is in ms, or the receive time where ``gateway`` with the time as sent in ``raw``; not ``readable`` = no time.
    """

    __slots__ = ("gateway", "raw", "readable", "ts")

    def __init__(self, ts: int, raw: str = "", *, gateway: bool = False, readable: bool = True) -> None:
        self.ts = ts
        self.raw = raw
        self.gateway = gateway
        self.readable = readable


def stamp(found: int | None, raw: object, earliest: int, received_at: int) -> Stamp:
    """The time of a reading that was sent as ``raw`` (None = not at all) and read as ``found`` (None = unreadable)."""
    if raw is None:
        return Stamp(received_at, gateway=True)
    if found is None or found > LATEST_MS:
        return Stamp(received_at, shown(raw), readable=False)
    if found < earliest:
        return Stamp(received_at, shown(raw), gateway=True)
    return Stamp(found)


def add_reading(
    decoded: Decoded,
    items: Iterable[tuple[str, Channel | None, object]],
    at: Stamp,
    flags: object,
) -> None:
    """Judge (key, channel, raw value) items of one reading and add rows and refusals to ``decoded``."""
    rows: dict[str, Row] = {}
    names: dict[str, list[str]] = {}
    seen: dict[tuple[str, str], float] = {}
    for key, channel, raw in items:
        if channel is None:
            _refuse(decoded, key, raw, "unknown_parameter", at)
            continue
        if not at.readable:
            decoded.refusals.append(Refusal(shown(key), shown(raw), "implausible_time"))
            continue
        judged = judge_value(raw, channel)
        if isinstance(judged, str):
            _refuse(decoded, key, raw, judged, at)
            continue
        value, qualifier = judged
        series = (channel.point, channel.parameter)
        if series in seen:
            if seen[series] != value:
                _refuse(decoded, key, raw, "duplicate_key", at, seen[series])
            continue
        seen[series] = value
        row = rows.get(channel.point)
        if row is None:
            row = rows[channel.point] = Row(channel.point, at.ts, (), [], gateway_time=at.gateway, raw_time=at.raw)
            names[channel.point] = []
        names[channel.point].append(channel.parameter)
        _append(row, value, qualifier, _flag(flags, key))
    for point, row in rows.items():
        row.parameters = tuple(names[point])
        decoded.rows.append(row)


def _append(row: Row, value: float, qualifier: str, flag: str) -> None:
    """Add a value; the lists of flags and qualifiers begin with the first that says something."""
    if flag != "N" and row.flags is None:
        row.flags = ["N"] * len(row.values)
    if qualifier and row.qualifiers is None:
        row.qualifiers = [""] * len(row.values)
    row.values.append(value)
    if row.flags is not None:
        row.flags.append(flag)
    if row.qualifiers is not None:
        row.qualifiers.append(qualifier)


def _flag(flags: object, key: str) -> str:
    """The flag of a key; ``flags`` that is no object says something about every value that nobody can read."""
    return judge_flag(flags.get(key) if isinstance(flags, dict) else flags if flags is None else 0)


def _refuse(  # noqa: PLR0917 - the columns of a refusal
    decoded: Decoded, key: str, raw: object, reason: str, at: Stamp, known: float | None = None
) -> None:
    ts = at.ts if at.readable else None
    decoded.refusals.append(Refusal(shown(key), shown(raw), reason, ts, known))


def finish(decoded: Decoded) -> Decoded:
    """A message without a single value, good or bad, cannot be decided on: ``no_valid_value``."""
    if not decoded.rows and not decoded.refusals and decoded.fault is None:
        decoded.fault = "no_valid_value"
        decoded.detail = "the message has no value; allowed: at least one parameter with a number"
    return decoded
