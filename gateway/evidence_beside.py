"""What the state has beside the entries of a bundle: places, sessions, certificates, notices, counts of days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from custody.container import Container, Seen
from custody.evidence.filing import Beside, Gap, Instrument, Session, day_of
from custody.evidence.report import Notice, Step
from custody.fact import NONE, Fact
from devices.registry import Registry
from gateway import state
from gateway.ledger_rows import LedgerRows

Entries = Mapping[int, dict[str, Any]]
_decode = msgspec.msgpack.Decoder(Fact).decode
#: Later events that show that somebody looked at an earlier one.
_LOOKED = frozenset({"confirm", "correct", "inspect"})


class Surroundings:
    """Answers over one open connection."""

    def __init__(self, connection: sa.Connection, rows: LedgerRows, registry: Registry, zone: ZoneInfo) -> None:
        self._connection = connection
        self._rows = rows
        self._registry = registry
        self._zone = zone

    def counted(self, entries: Iterable[dict[str, Any]]) -> set[int]:
        """The daily counts of the devices of these entries, and the journal segments in which their messages are."""
        known = list(entries)
        used = {pair for entry in known for pair in _devices(entry)}
        messages = {entry["body"]["message"] for entry in known if entry["kind"] == "custody"}
        found = set(self._rows.segments(messages))
        for device, day in sorted(self._days(used)):
            found.update(self._rows.naming(f"device:{device}", "device_day", f'"day":"{day}"'))
        return found

    def steps(self, containers: Sequence[Container], entries: Entries) -> list[Step]:
        """The custody entries as steps, in the order of the fold where one container has them, else by number."""
        seen: dict[int, Seen] = {}
        for container in containers:
            for one in container.history:
                if one.fact.entry in entries and (one.fact.entry not in seen or seen[one.fact.entry].inferred):
                    seen[one.fact.entry] = one
        numbers = {one.fact.offset: index for index, one in seen.items()}
        looked = {one.fact.of for one in seen.values() if one.counts and one.fact.step in _LOOKED}
        events = [index for index, entry in entries.items() if entry["kind"] == "custody"]
        alone = len(containers) == 1
        key = (lambda index: (entries[index]["body"]["ts"], index)) if alone else (lambda index: (index, 0))
        return [
            self._step(index, entries[index], seen.get(index), numbers, looked) for index in sorted(events, key=key)
        ]

    def _step(
        self, index: int, entry: dict[str, Any], seen: Seen | None, numbers: Mapping[int, int], looked: set[str]
    ) -> Step:
        body = entry["body"]
        undone = None if seen is None or seen.counts or seen.by is None else numbers.get(seen.by)
        status = "raw" if body["flags"] or (seen is not None and not seen.counts) else "checked"
        if status == "checked" and body["id"] in looked:
            status = "reviewed"
        via = ""
        if seen is not None and seen.inferred:
            via = body["parent"] or body["manifest"] or body["vehicle"] or "-"
        name = (self._registry.get("places", body["place"], body["ts"]) or {}).get("name") or {}
        return Step(
            entry=index,
            at=entry["at"],
            body=body,
            via=via,
            status=status,
            undone=undone,
            place=(name.get("zh", ""), name.get("en") or name.get("zh", "")),
        )

    def notices(self, alerts: Sequence[str]) -> list[Notice]:
        """Who was told of these alerts, in order."""
        outbox, told = state.outbox, state.told
        each = sa.func.json_each(msgspec.json.encode(alerts).decode()).table_valued("value")
        query = (
            sa.select(
                told.c.alert, outbox.c.event, outbox.c.person, outbox.c.channel, outbox.c.created_at, outbox.c.state_now
            )
            .join(outbox, (outbox.c.offset == told.c.offset) & (outbox.c.n == told.c.n))
            .where(told.c.alert.in_(sa.select(each.c.value)))
            .order_by(outbox.c.offset, outbox.c.n)
        )
        return [Notice(*row) for row in self._connection.execute(query)]

    def beside(
        self,
        entries: Entries,
        *,
        notices: Sequence[Notice],
        alerts: Sequence[str],
        uncovered: int,
        witnesses: Sequence[str],
        chain: bool,
    ) -> Beside:
        """All that a report says of what is on file and missing."""
        used = {pair for entry in entries.values() for pair in _devices(entry)}
        first: dict[str, int] = {}
        for device, at in sorted(used, key=lambda one: one[1]):
            first.setdefault(device, at)
        return Beside(
            zone=self._zone,
            instruments=[one for entry in entries.values() for one in self._instruments(entry)],
            sessions=self._sessions(sorted(first)),
            serviced=sorted(first.items()),
            notices=notices,
            alerts=self._acknowledged(alerts),
            counts=self._counts(entries, used),
            gaps=[gap for device, day in sorted(self._days(used)) for gap in self._gaps(device, day)],
            uncovered=uncovered,
            witnesses=witnesses,
            pin=_pin(entries),
            chain=chain,
        )

    def _days(self, used: Iterable[tuple[str, int]]) -> set[tuple[str, str]]:
        return {(device, day_of(at, self._zone)) for device, at in used}

    def _counts(self, entries: Entries, used: set[tuple[str, int]]) -> dict[tuple[str, str], int | None]:
        counts: dict[tuple[str, str], int | None] = dict.fromkeys(sorted(self._days(used)))
        for entry in entries.values():
            key = (entry["body"].get("device", ""), entry["body"].get("day", ""))
            if entry["kind"] == "device_day" and key in counts:
                counts[key] = entry["body"]["messages"]
        return counts

    def _instruments(self, entry: dict[str, Any]) -> list[Instrument]:
        body = entry["body"]
        if entry["kind"] == "custody" and body["weight"] and body["weight"].get("scale"):
            held = self._registry.get("scales", body["weight"]["scale"], body["ts"])
            return [
                Instrument(
                    "scale", body["weight"]["scale"], body["ts"], (held or {}).get("certificate"), held is not None
                )
            ]
        if entry["kind"] == "alert" and body["device"] and not body["parameter"].startswith("custody."):
            device = self._registry.get("devices", body["device"], body["ts"])
            channels = (device or {}).get("channels") or ()
            own = [one for one in channels if one.get("parameter") == body["parameter"]]
            held = next((one["certificate"] for one in own if one.get("certificate")), None)
            return [Instrument("device", body["device"], body["ts"], held, device is not None)]
        return []

    def _sessions(self, devices: Sequence[str]) -> list[Session]:
        table = state.sessions
        query = sa.select(table.c.device, table.c.kind, table.c.opened_at).where(table.c.device.in_(devices))
        return [Session(*row) for row in self._connection.execute(query.order_by(table.c.opened_at))]

    def _acknowledged(self, alerts: Sequence[str]) -> dict[str, bool]:
        table = state.alerts
        query = sa.select(table.c.id, table.c.acknowledged_by).where(table.c.id.in_(alerts))
        return {name: by is not None for name, by in self._connection.execute(query)}

    def _gaps(self, terminal: str, day: str) -> list[Gap]:
        """Numbers that a terminal gave on a local day and that never arrived, by its boot."""
        table = state.custody_events
        begin, end = self._bounds(day)
        query = sa.select(table.c.fact).where(table.c.terminal == terminal, table.c.ts >= begin, table.c.ts < end)
        numbers: dict[int, set[int]] = {}
        for raw in self._connection.execute(query).scalars():
            fact = _decode(raw) if raw else None
            if fact is not None and fact.seq != NONE:
                numbers.setdefault(fact.boot, set()).add(fact.seq)
        found = []
        for boot, known in sorted(numbers.items()):
            missing = max(known) - min(known) + 1 - len(known)
            if missing:
                found.append(Gap(terminal, boot, min(known), max(known), missing))
        return found

    def _bounds(self, day: str) -> tuple[int, int]:
        first = dt.date.fromisoformat(day)
        begin, end = (
            int(dt.datetime.combine(one, dt.time(), self._zone).timestamp() * 1000)
            for one in (first, first + dt.timedelta(days=1))
        )
        return begin, end


def _devices(entry: dict[str, Any]) -> list[tuple[str, int]]:
    """The device whose message an entry rests on, and the time of that."""
    body = entry["body"]
    if entry["kind"] == "custody":
        return [(body["terminal"], body["received_at"])]
    if entry["kind"] == "alert" and body["device"]:
        return [(body["device"], body["at"])]
    return []


def _pin(entries: Entries) -> tuple[str, int] | None:
    """The newest daily list, and the newest entry of the container before it."""
    lists = [index for index, entry in entries.items() if entry["kind"] == "heads"]
    before = [index for index, entry in entries.items() if entry["kind"] == "custody"]
    if not lists or not before or max(lists) < max(before):
        return None
    return entries[max(lists)]["body"]["day"], max(before)
