"""An alert as it stands, and one step of its life (pure): what desk, router, rows and pages speak of."""

from __future__ import annotations

import msgspec


class Alert(msgspec.Struct):
    """One alert. The first 19 fields are its public shape (DESIGN 4.7), in that order.

    ``key`` is the subject's; ``on``: the condition holds; ``notify``: its place notifies and its rule tells. Times are
    ms since 1970 UTC; 0 where a time limit is not set. ``kept`` is the state that a shelved, suppressed or
    out-of-service alert had before, empty where it fired so. ``held_by`` says what holds it (``maintenance:DEVICE``,
    ``alert:ID``, ``place:PLACE``, who took it out of service). ``out_by`` is who took it out of service, ``service``
    whether its place is in service. ``acknowledged_by`` and ``closed_by`` are written as ``Step.by``. ``told``:
    routing heard of it since it fired. ``tells`` is the rule's part of ``notify``. ``settle_at``: what muted it is
    over, and it comes up again then if its condition still stands. ``side`` is of its limit, where its newest firing
    was: ``above``, ``below``, or empty without one; ``value`` becomes a good one when the condition is over.
    """

    id: str
    rule: str
    pack: str
    severity: str
    state: str
    unit: str
    place: str
    device: str
    point: str
    parameter: str
    value: float | None
    limit_value: float | None
    parameter_unit: str
    since: int
    fired_at: int | None
    cleared_at: int | None
    acknowledged_by: str | None
    reason: str
    offset: int
    grid: str = ""
    pack_digest: str = ""
    key: str = ""
    kind: str = ""
    on: bool = True
    notify: bool = True
    latching: bool = False
    early_of: str = ""
    reopen_ms: int = 0
    acknowledged_at: int = 0
    closed_at: int = 0
    assigned_to: str | None = None
    kept: str = ""
    held_by: str = ""
    shelved_until: int = 0
    one_shot: bool = False
    told: bool = False
    closed_by: str = ""
    out_by: str = ""
    service: bool = True
    tells: bool = True
    place_kind: str = ""
    settle_at: int = 0
    side: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """Which condition of which subject it is about; see ``alerts.change.Change``."""
        return self.key, self.pack, self.rule


def side_of(value: float | None, limit: float | None) -> str:
    """Where a bad value is of the limit that it breaks: ``above``, ``below``, or empty where there is no telling."""
    if value is None or limit is None or value == limit:
        return ""
    return "above" if value > limit else "below"


#: The keys of the public shape, in its order.
ALERT_KEYS: tuple[str, ...] = Alert.__struct_fields__[:19]


class Step(msgspec.Struct, frozen=True):
    """One transition or remark. ``alert`` is a copy as it stands after it.

    ``event`` is of ``alerts.lifecycle.Event``; ``by`` is ``rule:PACK/RULE``, ``person:ID``, ``account:NAME`` or
    ``time``. ``tell``: routing has to know, because somebody hears of it or of those who heard nobody is called any
    more; routing decides who.
    """

    alert: Alert
    event: str
    from_state: str
    to_state: str
    reason: str
    by: str
    at: int
    ts: int
    comment: str = ""
    file: str = ""
    tell: bool = True
