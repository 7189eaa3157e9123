"""A custody event against the registry as of its record: who, where, with which scale and key (pure)."""

from __future__ import annotations

import base64
import binascii
import datetime as dt

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from custody.event import CustodyEvent
from custody.fact import NONE, Fact, Party, Spot, Weight
from custody.registered import Registered, registered, spot_of, tied
from custody.values import Badge
from devices.registry import Registry

__all__ = ["fact", "spot_of", "tied"]


def fact(  # noqa: PLR0917 - an event, and where and when it was decided
    event: CustodyEvent,
    registry: Registry,
    terminal: str,
    offset: int,
    decided: int,
    at: int,
    copy: str,
    skew_ms: int | None,
    zone: dt.tzinfo = dt.UTC,
) -> Fact:
    """The event (without a fault) as it counts.

    ``at`` is the receive time of the record at ``offset`` (ms since 1970 UTC): badges, places, scales and keys are
    those of that moment. ``decided`` is the record that accepts it, ``copy`` the SHA-256 (hex) of its bytes,
    ``skew_ms`` as ``custody.clock`` measured it. A scale's certificate is judged at the time of the event, its last
    day in ``zone``.
    """
    assert event.id is not None
    flags = set(event.flags)
    device = registry.get("devices", terminal, at) or {}
    if device.get("kind") != "terminal":
        flags.add("not_a_terminal")
    known = registered(registry)
    home = known.home(registry, terminal, at)
    spot = home
    if event.place and event.place != home.place:
        spot = _place(event.place, registry, home, at, flags)
    if event.vehicle and registry.get("vehicles", event.vehicle, at) is None:
        flags.add("unknown_vehicle")
    by, with_, approved = (
        _party(registry, one, at, (spot.unit, home.unit), flags) for one in (event.by, event.with_, event.approved_by)
    )
    weight = event.weight and _weighed(event.weight, registry, event.ts, at, zone, flags)
    signature = _signature(event, device.get("public_key", ""), flags)
    return Fact(
        offset=offset,
        decided=decided,
        id=event.id,
        terminal=terminal,
        step=event.step,
        ts=event.ts,
        received_at=at,
        boot=NONE if event.boot is None else event.boot,
        seq=NONE if event.seq is None else event.seq,
        ids=tuple(event.ids),
        parent=event.parent,
        weight=weight,
        category=event.category,
        risk=event.risk,
        spot=spot,
        home=home,
        by=by,
        with_=with_,
        of=event.of,
        reason=event.reason,
        approved_by=approved,
        manifest=event.manifest,
        vehicle=event.vehicle,
        files=tuple(event.files),
        signature=signature,
        skew_ms=skew_ms,
        flags=tuple(sorted(flags)),
        digest=event.digest,
        copy=copy,
        registered=tuple(one.v for one in event.ids if known.has(one.v, at)),
        strange=_strange(event, known, spot, at),
    )


def _place(place: str, registry: Registry, home: Spot, at: int, flags: set[str]) -> Spot:
    """The event's place; where nobody knows it, that name with what is known of the terminal's own place."""
    if registry.get("places", place, at) is None:
        flags.add("unknown_place")
        return msgspec.structs.replace(home, place=place, kind="")
    return registered(registry).spot(registry, place, at)


def _party(registry: Registry, badge: Badge | None, at: int, near: tuple[str, ...], flags: set[str]) -> Party | None:
    if badge is None:
        return None
    person = registered(registry).person_of(badge.badge, at, near)
    if not person:
        flags.add("unknown_badge")
        return Party(badge.badge, auth=badge.auth)
    entry = registry.get("people", person, at) or {}
    return Party(badge.badge, person, entry.get("unit", ""), entry.get("role", ""), badge.auth)


def _weighed(  # noqa: PLR0917 - the scale and the times it is judged at
    weight: Weight, registry: Registry, ts: int, at: int, zone: dt.tzinfo, flags: set[str]
) -> Weight:
    """The weight as its scale allows it; one that contradicts itself beyond the scale's division never counts."""
    scale = (registry.get("scales", weight.scale, at) if weight.scale else None) or {}
    if weight.scale and not scale:
        flags.add("unknown_scale")
    if scale and not _certified(scale.get("certificate", {}), ts, zone):
        flags.add("scale_certificate")
    division = scale.get("division_g", 0)
    wrong = False
    if weight.gross_g is not None and weight.tare_g is not None and weight.net_g is not None:
        wrong = abs(weight.gross_g - weight.tare_g - weight.net_g) > division
    load = weight.net_g if weight.gross_g is None else weight.gross_g
    if load is not None:
        wrong |= not scale.get("min_g", 0) <= load <= scale.get("max_g", load)
    if wrong:
        flags.add("bad_weight")
    return msgspec.structs.replace(weight, division_g=division, usable=weight.usable and not wrong)


def _certified(certificate: dict[str, str], ts: int, zone: dt.tzinfo) -> bool:
    """Whether a certificate is valid on the day of ``ts``; what a registry does not say is no fault of the scale."""
    if not certificate:
        return True
    try:
        day = dt.datetime.fromtimestamp(ts / 1000, zone).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return False
    return certificate.get("from", day) <= day <= certificate.get("until", day)


def _signature(event: CustodyEvent, key: str, flags: set[str]) -> str:
    """``good``, ``bad``, or empty where there is none or nobody knows the key."""
    if not key:
        return ""
    if not event.sig:
        flags.add("unsigned")
        return ""
    if event.signed is None or not _verified(key, event.sig, event.signed):
        flags.add("bad_signature")
        return "bad"
    return "good"


def _verified(key: str, signature: str, signed: bytes) -> bool:
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        public.verify(base64.b64decode(signature, validate=True), signed)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _strange(event: CustodyEvent, known: Registered, spot: Spot, at: int) -> tuple[str, ...]:
    """See ``Fact.strange``. A label and a tag that are read together on one container vouch for each other."""
    if not spot.producer:
        return ()
    given = known.has_labels(spot.unit, at)
    strange, vouched = [], False
    for one in event.ids:
        if known.has(one.v, at):
            continue
        unit = known.label(one.v, at)
        vouched |= unit == spot.unit
        if unit != spot.unit and (given or unit is not None):
            strange.append(one.v)
    single = len({one.k for one in event.ids}) == len(event.ids)
    return () if single and vouched else tuple(strange)
