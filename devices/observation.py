"""What alerts and custody both speak: something observed of a subject at a time."""

from __future__ import annotations

import msgspec


class Subject(msgspec.Struct, frozen=True):
    """What an observation is about, with what a rule may ask of it; absent parts are empty.

    ``channel`` is the index of the series for readings, else -1. ``unit`` is the supervised body,
    ``parameter_unit`` the unit of measure of the catalogue. ``notify`` is False for places not ``accepted``,
    ``service`` for places that are suspended or retired. ``low`` and ``high`` are limits that the place sets for this
    parameter in place of its profile's (None = the profile's holds). ``mode`` and ``report_ms`` (0 = not known) are
    the channel's, else the device's. ``upstream`` is the place whose water comes here, as of a secondary supply.

    A subject without ``parameter`` is the device itself (key ``DEVICE/-/``).
    """

    key: str
    device: str = ""
    point: str = "-"
    parameter: str = ""
    parameter_unit: str = ""
    place: str = ""
    place_kind: str = ""
    unit: str = ""
    profile: str = ""
    disinfectant: str = ""
    grid: str = ""
    channel: int = -1
    notify: bool = True
    service: bool = True
    low: float | None = None
    high: float | None = None
    mode: str = ""
    report_ms: int = 0
    device_kind: str = ""
    upstream: str = ""


class Observation(msgspec.Struct, gc=False):
    """One value of one quantity of a subject. ``at`` is event time, ``now`` journal time, both ms since 1970 UTC.

    ``flag`` is an HJ 212 flag; ``late`` observations are assessed for compliance and never move live state.
    """

    subject: Subject
    value: float
    at: int
    now: int
    flag: str = "N"
    late: bool = False
