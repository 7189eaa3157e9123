"""Readings as they travel from a codec through decide to a store.

A message is decoded into ``Row`` objects: one row holds the values that one device measured at one
point at one time. Shapes are plain and mutable on purpose: they are made for every message (see
docs/adr/0004-hot-path.md).
"""

from __future__ import annotations

import msgspec

#: Flags of HJ 212-2017 table 8. Only ``N`` counts for limits and compliance.
FLAGS = {
    "N": "normal",
    "D": "fault",
    "M": "maintenance",
    "C": "calibrating",
    "T": "above range",
    "B": "link broken",
    "F": "stopped",
    "S": "set by hand",
}

#: A reading further ahead of the receive time than this is stored and flagged, not evaluated (DESIGN 3).
AHEAD_MS = 5 * 60 * 1000


class Refusal(msgspec.Struct, gc=False):
    """A value that was not accepted, with the words to say why.

    ``reason``: ``unknown_parameter, not_a_number, implausible_time, sentinel, duplicate_key`` (rejected) or
    ``conflict`` (another value is already known for that time; ``known`` is the value that stays).
    """

    key: str
    raw: str
    reason: str
    ts: int | None = None
    known: float | None = None


class Row(msgspec.Struct, gc=False):
    """The values of one (device, point, ts).

    ``parameters[i]`` is the parameter of ``values[i]``, which is in the catalogue's unit; ``channels[i]`` is
    the index of its series in the gateway (``devices.series``), an empty tuple where nobody asked for it.
    ``flags`` and ``qualifiers`` are None or one entry a value (``N`` = normal, ``""`` = none). ``ts`` is device
    time in ms since 1970 UTC, or the receive time where ``gateway_time``. ``late`` is None or one bool a
    value, set by ``devices.series``; ``ahead`` marks a device clock more than 5 minutes ahead.
    """

    point: str
    ts: int
    parameters: tuple[str, ...]
    values: list[float]
    channels: tuple[int, ...] = ()
    flags: list[str] | None = None
    qualifiers: list[str] | None = None
    late: list[bool] | None = None
    ahead: bool = False
    gateway_time: bool = False


class Decoded(msgspec.Struct, gc=False):
    """What a codec made of the bytes of one message.

    ``fault`` is set when nothing can be made of it (park reason: ``not_json``, ``bad_shape``, ``too_large``,
    ``no_valid_value``); ``detail`` then says which field, what value and what is allowed. ``id`` asks for a reply.
    """

    rows: list[Row]
    refusals: list[Refusal]
    id: str | None = None
    seq: int | None = None
    fault: str | None = None
    detail: str = ""
