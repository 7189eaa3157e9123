"""What alerts and custody both speak: something observed of a subject at a time."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

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


class Quantity(msgspec.Struct, frozen=True):
    """Something other than a parameter that rules may be about.

    ``held`` quantities keep their last value until the next observation of the subject: a rule on one with ``for`` is
    a timer, which fires that long after the value became bad. The others are told once.
    """

    name: str
    title_zh: str
    title_en: str
    unit: str
    held: bool


_QUANTITIES = (
    # Of a department: 1 from the time at which a collection was due until it is collected.
    Quantity("custody.not_collected", "医废未按时收集", "Waste not collected in time", "", held=True),
    # Of a container: 1 while that is so, 0 from then on.
    Quantity("custody.sealed", "已封口未处置", "Sealed and not yet destroyed", "", held=True),
    Quantity("custody.awaited", "已收集未入暂存间", "Collected, not yet in the store", "", held=True),
    Quantity("custody.stored", "在暂存间存放", "In the temporary store", "", held=True),
    Quantity("custody.in_transit", "运输途中", "On the road, not received", "", held=True),
    Quantity("custody.at_plant", "已签收未处置", "Received, not yet destroyed", "", held=True),
    Quantity("custody.missing", "包装遗失或缺少", "Container missing", "", held=True),
    Quantity("custody.surplus", "多出包装", "Container too many", "", held=True),
    Quantity("custody.unconfirmed_handover", "交接未确认", "Hand-over not confirmed", "", held=True),
    Quantity("custody.no_category", "类别缺失", "Category missing", "", held=True),
    # Of a manifest: 1 from the trip's arrival until the receiver confirmed it.
    Quantity("custody.unconfirmed_manifest", "转移联单未确认", "Manifest not confirmed", "", held=True),
    # Of a day, unit and category, or of a container: how far the weights of two steps are apart, as a multiple of what
    # scales and percentages allow (above 1 = too far): of small bags a percentage alone is the division of the scale.
    Quantity("custody.weight_difference", "称重差异与允差之比", "Weight difference, ratio to tolerance", "", held=True),
    # Told once, with the event that shows it.
    Quantity("custody.after_destruction", "处置后再次扫描", "Scanned after its destruction", "", held=False),
    Quantity("custody.no_second_badge", "缺少第二人确认", "No second badge", "", held=False),
    Quantity("custody.unknown_id", "未登记的标识", "Unknown id", "", held=False),
    Quantity("custody.unknown_badge", "未登记的工牌", "Unknown badge", "", held=False),
    Quantity("custody.conflict", "同一事件编号内容不一致", "Same event id with other content", "", held=False),
    Quantity("custody.swapped_label", "标签错绑", "A label that belongs to another container", "", held=False),
    Quantity("custody.not_a_terminal", "非称重终端上报", "Event of a device that is no terminal", "", held=False),
    Quantity("custody.out_of_sequence", "环节顺序异常", "A step out of sequence", "", held=False),
    Quantity("custody.bad_signature", "签名无效", "A signature that is not good", "", held=False),
    Quantity("custody.not_weighed", "未称重", "Not weighed", "", held=False),
    Quantity("custody.unknown_step", "未知环节", "Unknown step", "", held=False),
    Quantity("custody.implausible_weight", "重量不合理", "Implausible weight", "", held=False),
    Quantity("custody.typed_weight", "手工录入重量", "Weight typed, not weighed", "", held=False),
    # Seconds from the event until the gateway got it.
    Quantity("custody.late_report", "上报迟延", "Reported late", "s", held=False),
    # Of a department and day: production as a ratio to its own baseline (1 = as usual, 0 = none).
    Quantity("custody.production", "产生量与基线之比", "Production, ratio to its baseline", "", held=True),
)

#: Every quantity by its name. Their subjects have it as ``parameter``.
QUANTITIES: Mapping[str, Quantity] = MappingProxyType({one.name: one for one in _QUANTITIES})
