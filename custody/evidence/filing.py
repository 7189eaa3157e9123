"""What is on file beside a history, and what is missing: certificates, maintenance, notices, heads (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import msgspec

from custody.container import Container
from custody.evidence.report import Line, Notice, Step

#: Maintenance of an instrument is looked for in so many days before.
NEAR_DAYS = 90
_DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Steps at which two people stand, where both wear badges.
_TWO = frozenset({"collect", "store_out"})


class Instrument(msgspec.Struct, frozen=True):
    """A scale or sensor that was used at ``at``; ``body`` is what the registry said then, None = nothing."""

    kind: str
    id: str
    at: int
    certificate: Mapping[str, Any] | None = None
    known: bool = True


class Session(msgspec.Struct, frozen=True):
    """A maintenance session of a device."""

    device: str
    kind: str
    opened_at: int


class Gap(msgspec.Struct, frozen=True):
    """``count`` numbers of a terminal's boot between ``first`` and ``last`` never arrived."""

    terminal: str
    boot: int
    first: int
    last: int
    count: int


class Beside(msgspec.Struct, frozen=True):
    """What the state has beside the entries. ``uncovered`` counts entries that no signed head covers yet.

    ``pin`` is the day whose list names the newest entry, and that entry; ``counts`` are (device, day) -> messages,
    None where the day's count is not written; ``alerts`` are ids -> whether somebody acknowledged it.
    """

    zone: tzinfo
    instruments: Sequence[Instrument] = ()
    sessions: Sequence[Session] = ()
    serviced: Sequence[tuple[str, int]] = ()
    notices: Sequence[Notice] = ()
    alerts: Mapping[str, bool] = {}
    counts: Mapping[tuple[str, str], int | None] = {}
    gaps: Sequence[Gap] = ()
    uncovered: int = 0
    witnesses: Sequence[str] = ()
    pin: tuple[str, int] | None = None
    chain: bool = True


def day_of(at: int, zone: tzinfo) -> str:
    """The local day of ms since 1970 UTC, as ``YYYY-MM-DD``."""
    return (_EPOCH + timedelta(milliseconds=at)).astimezone(zone).date().isoformat()


def filing(container: Container | None, steps: Sequence[Step], beside: Beside) -> tuple[list[Line], list[Line]]:
    """(on file, missing), each in the order of the report."""
    filed: list[Line] = []
    missing: list[Line] = []
    _ledger(beside, filed, missing)
    if container is not None:
        _container(container, filed, missing)
    _steps(steps, filed, missing)
    for instrument in sorted(beside.instruments, key=lambda one: (one.kind, one.id, one.at)):
        _certificate(instrument, beside.zone, filed, missing)
    _sessions(beside, filed, missing)
    for (device, day), messages in sorted(beside.counts.items()):
        if messages is None:
            missing.append(Line("no_device_count", {"device": device, "day": day}))
        else:
            filed.append(Line("device_count", {"device": device, "day": day, "messages": messages}))
    missing += [Line("seq_gap", msgspec.structs.asdict(one)) for one in beside.gaps]
    _alerts(beside, filed, missing)
    return _distinct(filed), _distinct(missing)


def _distinct(lines: Sequence[Line]) -> list[Line]:
    return list({msgspec.json.encode(one): one for one in lines}.values())


def _ledger(beside: Beside, filed: list[Line], missing: list[Line]) -> None:
    if beside.uncovered:
        missing.append(Line("no_checkpoint_after", {"count": beside.uncovered}))
    else:
        filed.append(Line("head_covers"))
    if beside.witnesses:
        filed.append(Line("witness", {"names": ", ".join(beside.witnesses)}))
    else:
        missing.append(Line("no_witness"))
    if beside.pin is not None:
        filed.append(Line("pinned", {"day": beside.pin[0], "entry": beside.pin[1]}))
    elif beside.chain:
        missing.append(Line("no_pin"))


def _container(container: Container, filed: list[Line], missing: list[Line]) -> None:
    if container.net_g is None:
        missing.append(Line("not_weighed"))
    if container.state == "destroyed":
        filed.append(Line("over"))
    elif container.open:
        missing.append(Line("not_over"))
    if container.handover is not None:
        missing.append(Line("open_handover"))


def _steps(steps: Sequence[Step], filed: list[Line], missing: list[Line]) -> None:
    signed = 0
    for step in steps:
        body = step.body
        signed += body.get("signature") == "good"
        if body.get("weight") and not body["weight"].get("scale"):
            missing.append(Line("no_scale", {"entry": step.entry}))
        if body["step"] in _TWO and not body.get("with"):
            missing.append(Line("no_second_badge", {"entry": step.entry}))
        if not body.get("place"):
            missing.append(Line("no_place", {"entry": step.entry}))
        filed += [Line("file", {"sha256": sha256}) for sha256 in body.get("files") or ()]
    if steps and signed == len(steps):
        filed.append(Line("signed_all", {"count": signed}))
    elif steps:
        missing.append(Line("not_signed", {"count": len(steps) - signed}))


def _certificate(one: Instrument, zone: tzinfo, filed: list[Line], missing: list[Line]) -> None:
    day, name = day_of(one.at, zone), one.kind
    if not one.known:
        missing.append(Line(f"unknown_{name}", {name: one.id}))
        return
    held = one.certificate or {}
    covers = held.get("number") and str(held.get("from") or "") <= day <= str(held.get("until") or "9999")
    figures = {name: one.id, "day": day}
    words = "certificate" if name == "scale" else "instrument_certificate"
    if covers:
        filed.append(Line(words, {**figures, "number": held["number"], "until": held.get("until") or "-"}))
    else:
        missing.append(Line(f"no_{words}", figures))


def _sessions(beside: Beside, filed: list[Line], missing: list[Line]) -> None:
    for device, at in sorted(set(beside.serviced)):
        near = [
            one for one in beside.sessions if one.device == device and 0 <= at - one.opened_at <= NEAR_DAYS * _DAY_MS
        ]
        if near:
            newest = max(near, key=lambda one: one.opened_at)
            opened = day_of(newest.opened_at, beside.zone)
            filed.append(Line("session", {"device": device, "kind": newest.kind, "at": opened}))
        else:
            day = day_of(at, beside.zone)
            missing.append(Line("no_session", {"device": device, "day": day, "days": NEAR_DAYS}))


def _alerts(beside: Beside, filed: list[Line], missing: list[Line]) -> None:
    for alert, acknowledged in sorted(beside.alerts.items()):
        reached = sum(one.alert == alert and one.state == "delivered" for one in beside.notices)
        if reached:
            filed.append(Line("told_all", {"alert": alert, "count": reached}))
        else:
            missing.append(Line("not_told", {"alert": alert}))
        if not acknowledged:
            missing.append(Line("not_acknowledged", {"alert": alert}))
