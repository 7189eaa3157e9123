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


#: Why a single value is rejected (docs/payloads.md); counted in ``points_rejected``.
REASONS = {
    "unknown_parameter": "the key is no channel of the device and no parameter of the catalogue",
    "not_a_number": "null, empty, '-', NaN, infinite, not decimal, or beyond a 64-bit float",
    "sentinel": "one of the source's skip values",
    "implausible": "outside the plausible range of the channel",
    "implausible_time": "the time of the reading cannot be read or is beyond 2262-04-11",
    "duplicate_key": "another key of the same reading gave the same channel another value",
    "bad_unit": "the registry gives a unit that cannot be converted",
    "bad_shape": "an element of the array is no object with values",
    "too_many_channels": "the device has more channels than one device can have",
}


class Refusal(msgspec.Struct, gc=False):
    """A value that was not accepted, with the words to say why.

    ``reason`` is one of ``REASONS`` (rejected) or ``conflict``: another value is already known for that time and
    ``known`` is the value that stays. ``raw`` is the value as sent, cut to 120 characters; of a conflict it is the
    value in the catalogue's unit. ``ts`` is None where the reading has no time.
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
    time in ms since 1970 UTC, or the receive time where ``gateway_time``; ``raw_time`` is then the time as sent, if
    one was. Set by ``devices.series``: ``late`` is None or one bool a value; ``ahead`` marks a device clock more than
    5 minutes ahead; ``compare`` asks the store to compare every value of the row with what it has before writing, as
    it does with late ones (the row is ahead, or an earlier one was ahead up to this time or further).
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
    raw_time: str = ""
    compare: bool = False


class Decoded(msgspec.Struct, gc=False):
    """What a codec made of the bytes of one message.

    ``fault`` is set when nothing can be made of it (park reason: ``not_json``, ``bad_shape``, ``too_large``,
    ``no_valid_value``, ``bad_source``); ``detail`` then says which field, what value and what is allowed. A message
    of which every value was refused has refusals and no fault: ``devices.series`` gives it its fate. ``id`` asks for
    a reply and is echoed as it was sent, text or integer.
    """

    rows: list[Row]
    refusals: list[Refusal]
    id: str | int | None = None
    seq: int | None = None
    fault: str | None = None
    detail: str = ""
