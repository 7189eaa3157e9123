"""One EPCIS event of one custody event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from custody.epcis import steps
from custody.epcis.names import Names
from custody.epcis.steps import Form
from custody.fact import NONE, Fact, Party, Weight

#: Weights that no instrument gave; they are told, and are no sensor report.
_UNMEASURED = frozenset({"typed", "estimated"})


def moment(ms: int, zone: ZoneInfo) -> str:
    """ISO 8601 with milliseconds and offset."""
    whole, rest = divmod(ms, 1000)
    local = datetime.fromtimestamp(whole, UTC).astimezone(zone)
    return local.replace(microsecond=rest * 1000).isoformat(timespec="milliseconds")


class Telling:
    """Makes events. ``originals`` holds, by the offset of a correction, the fact that it replaces."""

    def __init__(self, names: Names, zone: ZoneInfo, facts: Sequence[Fact], originals: Mapping[int, Fact]) -> None:
        self._names = names
        self._zone = zone
        self._by_id: dict[str, list[Fact]] = {}
        for fact in sorted(facts, key=lambda one: one.key):
            self._by_id.setdefault(fact.id, []).append(fact)
        self._originals = originals

    def event(self, fact: Fact) -> dict[str, Any] | None:
        """The event; None where nothing that it is about has a name."""
        fact = self._whole(fact)
        step = fact.step
        objects = self._objects(fact, step)
        group = self._group(fact, step)
        form = _form(fact, step, objects, group)
        if not objects and group is None and (travelling := self._travelling(fact)):
            form, group = steps.OTHER, travelling
        about = _about(form, step, objects, group)
        if about is None:
            return None
        text = moment(fact.ts, self._zone)
        event: dict[str, Any] = {
            "eventID": self._names.event(fact),
            "type": form.kind,
            "eventTime": text,
            "eventTimeZoneOffset": text[-6:],
            "recordTime": moment(fact.received_at, self._zone),
            "bizStep": self._names.vocabulary + form.biz_step if form is steps.CLEANED else form.biz_step,
            "disposition": form.disposition,
        }
        if form.kind != "TransformationEvent":
            event["action"] = form.action
        event |= about | self._where(fact, form) | self._between(fact, step)
        if fact.manifest:
            event["bizTransactionList"] = [
                {"type": "bol", "bizTransaction": self._names.of("manifest", fact.manifest)},
            ]
        if fact.weight is not None:
            event |= self._weighed(fact, fact.weight, text)
        if form is steps.FORMS["pack"] and (master := self._master(fact)):
            event["ilmd"] = master
        return event | self._own(fact, step)

    def declaration(self, by: Fact) -> dict[str, Any]:
        """What takes an event back: a void, or the correction that stands in its place."""
        wrong = by.step == "correct"
        found: dict[str, Any] = {
            "declarationTime": moment(by.ts, self._zone),
            "reason": "incorrect_data" if wrong else "did_not_occur",
        }
        if wrong:
            found["correctiveEventIDs"] = [self._names.event(by)]
        return found | {"mw:declaration": self._names.event(by)} | self._people(by) | _place_in_ledger(by)

    def _whole(self, fact: Fact) -> Fact:
        """A correction as the event that it replaces, done right; anything else as it is."""
        before = self._originals.get(fact.offset)
        return fact if before is None else _right(self._whole(before), fact)

    def _objects(self, fact: Fact, step: str) -> list[str]:
        """The URIs of what the event names; of a confirmation without ids, what the confirmed event names."""
        named = [self._names.container(one) for one in fact.ids]
        if not named and not fact.manifest and step in {"confirm", "void", "correct"}:
            named = [
                self._names.container(one)
                for other in self._by_id.get(fact.of, ())
                for one in (*other.ids, *([other.parent] if other.parent and not other.ids else []))
            ]
        return list(dict.fromkeys(named))

    def _group(self, fact: Fact, step: str) -> str | None:
        """The URI of what the containers go into, come out of or travel with."""
        inside = self._names.container(fact.parent) if fact.parent is not None else None
        return inside if step in {"pack", "unpack", "split", "merge"} else self._travelling(fact) or inside

    def _travelling(self, fact: Fact) -> str | None:
        """The URI of the load under the event's manifest, else of its vehicle."""
        if fact.manifest:
            return self._names.of("load", fact.manifest)
        return self._names.of("vehicle", fact.vehicle) if fact.vehicle else None

    def _where(self, fact: Fact, form: Form) -> dict[str, Any]:
        if not fact.spot.place:
            return {}
        place = {"id": self._names.of("place", fact.spot.place)}
        return {"readPoint": place} | ({"bizLocation": place} if form.stays else {})

    def _between(self, fact: Fact, step: str) -> dict[str, Any]:
        """Source and destination of a hand-over: units, or the department and its unit inside one."""
        giver, taker = (fact.with_, fact.by) if step in steps.TAKING else (fact.by, fact.with_)
        if step not in steps.TAKING | steps.GIVING:
            return {}
        from_, to = giver.unit if giver else "", taker.unit if taker else ""
        if step == "confirm":
            from_, to = self._confirmed(fact)
        source = self._names.of("unit", from_)
        if from_ == to and step == "collect" and fact.spot.kind == "department":
            source = self._names.of("place", fact.spot.place)
        elif from_ == to:
            return {}
        if not from_ or not to:
            return {}
        return {
            "sourceList": [{"type": "possessing_party", "source": source}],
            "destinationList": [{"type": "possessing_party", "destination": self._names.of("unit", to)}],
        }

    def _confirmed(self, fact: Fact) -> tuple[str, str]:
        """(giver, taker) of a confirmed hand-over: the taker is the unit of the confirming device."""
        taker = fact.home.unit or (fact.by.unit if fact.by else "")
        for other in self._by_id.get(fact.of, ()):
            for unit in (other.by and other.by.unit, other.with_ and other.with_.unit, other.home.unit):
                if unit and unit != taker:
                    return unit, taker
        return "", taker

    def _weighed(self, fact: Fact, weight: Weight, text: str) -> dict[str, Any]:
        """Mass as sensor report where an instrument gave it; gross, tare and net beside it, in kilograms."""
        found: dict[str, Any] = {}
        for key, grams in (("mw:gross", weight.gross_g), ("mw:tare", weight.tare_g), ("mw:net", weight.net_g)):
            if grams is not None:
                found[key] = grams / 1000
        mass = weight.net_g if weight.net_g is not None else weight.gross_g
        if weight.mode:
            found["mw:weighMode"] = weight.mode
        if len(fact.ids) > 1 and found:
            found["mw:weighedTogether"] = len(fact.ids)
        if mass is None or not weight.usable or weight.mode in _UNMEASURED:
            return found | ({} if weight.usable or not found else {"mw:weightUsable": False})
        scale = ("scale", weight.scale) if weight.scale else ("device", fact.terminal)
        element = {
            "sensorMetadata": {"time": text, "deviceID": self._names.of(*scale)},
            "sensorReport": [{"type": "Mass", "value": mass / 1000, "uom": "KGM"}],
        }
        return {"sensorElementList": [element]} | found

    def _master(self, fact: Fact) -> dict[str, Any]:
        """What is true of the container from its beginning; only with ADD."""
        found: dict[str, Any] = {}
        if fact.category:
            found["mw:wasteCategory"] = fact.category
        if fact.spot.place:
            found["mw:department"] = self._names.of("place", fact.spot.place)
        if fact.by is not None and fact.by.badge:
            found["mw:packedBy"] = self._names.of("badge", fact.by.badge)
        return found

    def _own(self, fact: Fact, step: str) -> dict[str, Any]:
        """What EPCIS has no field for; no names, no free text."""
        found: dict[str, Any] = {"mw:step": step, "mw:device": self._names.of("device", fact.terminal)}
        if fact.category:
            found["mw:category"] = fact.category
        numbers = {"mw:boot": fact.boot, "mw:seq": fact.seq}
        found |= {key: number for key, number in numbers.items() if number != NONE}
        if fact.skew_ms is not None:
            found["mw:clockSkewMs"] = fact.skew_ms
        texts = {"mw:signature": fact.signature, "mw:sha256": fact.digest, "mw:risk": fact.risk}
        found |= {key: text for key, text in texts.items() if text}
        if fact.flags:
            found["mw:flags"] = list(fact.flags)
        if fact.files:
            found["mw:files"] = [one.sha256 for one in fact.files]
        if fact.offset in self._originals:
            found["mw:corrects"] = self._names.event(self._originals[fact.offset])
        return found | self._people(fact) | _place_in_ledger(fact)

    def _people(self, fact: Fact) -> dict[str, Any]:
        """Badges, not names."""
        pairs: tuple[tuple[str, Party | None], ...] = (
            ("mw:by", fact.by),
            ("mw:with", fact.with_),
            ("mw:approvedBy", fact.approved_by),
        )
        return {key: self._names.of("badge", one.badge) for key, one in pairs if one is not None and one.badge}


def _place_in_ledger(fact: Fact) -> dict[str, Any]:
    """Journal record and ledger entry, by which the bytes behind an event are found."""
    return {"mw:record": fact.offset} | ({} if fact.entry == NONE else {"mw:entry": fact.entry})


def _form(fact: Fact, step: str, objects: Sequence[str], group: str | None) -> Form:
    """How the step is told, of what it names."""
    if step == "bin_clean":
        return steps.CLEANED
    form = steps.FORMS.get(step, steps.OTHER)
    if step == "confirm" and fact.spot.kind in steps.RECEIVERS:
        return steps.CHECKED
    if step == "pack" and group is not None:
        form = steps.PACKED
    if step == "unpack" and not fact.ids:
        form = steps.EMPTIED
    apart = [one for one in objects if one != group]
    if form.kind == "AggregationEvent" and (group is None or (form.action == "ADD" and not apart)):
        return form._replace(kind="ObjectEvent", action="OBSERVE")
    if form.kind == "TransformationEvent" and (group is None or not apart):
        return steps.OTHER
    return form


def _about(form: Form, step: str, objects: Sequence[str], group: str | None) -> dict[str, Any] | None:
    """The fields that say what the event is about."""
    apart = [one for one in objects if one != group]
    if form.kind == "AggregationEvent":
        return {"parentID": group, "childEPCs": apart}
    if form.kind == "TransformationEvent":
        whole, parts = [group], apart
        return (
            {"inputEPCList": parts, "outputEPCList": whole}
            if step == "merge"
            else {
                "inputEPCList": whole,
                "outputEPCList": parts,
            }
        )
    one = list(objects) or ([group] if group is not None else [])
    return {"epcList": one} if one else None


def _right(before: Fact, correction: Fact) -> Fact:
    """``before`` with what its correction says in its place; what it names and who did it stays (``custody.fold``)."""
    placed = correction.spot.place and correction.spot.place != correction.home.place
    return replace(
        before,
        offset=correction.offset,
        id=correction.id,
        terminal=correction.terminal,
        received_at=correction.received_at,
        boot=correction.boot,
        seq=correction.seq,
        digest=correction.digest,
        entry=correction.entry,
        signature=correction.signature,
        skew_ms=correction.skew_ms,
        files=correction.files,
        flags=correction.flags,
        category=correction.category or before.category,
        risk=correction.risk or before.risk,
        weight=correction.weight or before.weight,
        spot=correction.spot if placed else before.spot,
    )
