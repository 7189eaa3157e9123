"""From changes of alerts to rows: the alert as it stands, its transition, and what is to be told (pure)."""

from __future__ import annotations

from typing import Any

import msgspec

from alerts.change import Change
from alerts.lifecycle import Event, State, follow
from devices.observation import Subject
from gateway.decide.mint import Mint
from gateway.decide.outputs import Outputs
from gateway.store.base import AlertPoint, Tags

#: Alarms of the gateway itself; what it means for a person is in the pages' texts.
GATEWAY_PACK = "gateway"
SEVERITY = {"session_lost": "major", "clock_step": "warning"}


class Standing(msgspec.Struct):
    """What a decision names besides its cause: software version, registry version, where to tell (channel names)."""

    version: str = ""
    registry_version: int = -1
    channels: list[str] = msgspec.field(default_factory=list)
    packs: dict[str, str] = msgspec.field(default_factory=dict)  # id -> digest


class Alerting:
    """Folds changes into the alerts that are not over; everything written goes to ``Outputs``."""

    def __init__(self) -> None:
        #: Rows of ``state.alerts`` that are not over, by id.
        self.open: dict[str, dict[str, Any]] = {}
        #: Alarms of the gateway that stand, name -> alert id.
        self.alarms: dict[str, str] = {}

    def change(  # noqa: PLR0917 - one row of the journal's consequences
        self,
        change: Change,
        offset: int,
        mint: Mint,
        standing: Standing,
        tags: Tags,
        copy: str | None,
        out: Outputs,
    ) -> None:
        """Write one change of an alert of the rules."""
        subject = change.subject
        known = self._of(change)
        event = Event.FIRED if change.on else Event.CLEARED
        before = State(known["state"]) if known is not None else State.PENDING
        row = known
        if row is None:
            row = self._row(mint.id(), offset, subject, standing)
            row |= {"rule": change.rule, "pack": change.pack, "severity": change.severity, "since": change.since}
            row["pack_digest"] = change.digest
        if change.on:
            row |= {"fired_at": change.at, "cleared_at": None}
        else:
            row["cleared_at"] = change.at
        after = follow(before, event)
        row |= {"state": after.value, "value": change.value, "limit_value": change.limit_value}
        row["reason"] = change.reason
        self._keep(row, out)
        self._transition(row, event.value, before.value, change.at, change.ts, offset, mint, copy, out)
        out.items.append(
            AlertPoint(
                offset,
                out.transitions[-1]["n"],
                tags,
                change.ts,
                subject.point,
                change.rule,
                change.severity,
                after.value,
                row["id"],
                change.value,
                change.limit_value,
            ),
        )
        if subject.notify:
            self._tell(row, event.value, change.at, offset, mint, standing, out)

    def _of(self, change: Change) -> dict[str, Any] | None:
        """The row of the alert that this change is about; None where it begins a new one."""
        subject = change.subject
        wanted = (change.pack, change.rule, subject.device, subject.point, subject.parameter)
        for row in self.open.values():
            found = (row["pack"], row["rule"], row["device"], row["point"], row["parameter"])
            if found == wanted and (row["place"] == subject.place) == (change.reason != "moved"):
                return row
        return None

    def alarm(  # noqa: PLR0917 - likewise
        self,
        name: str,
        on: bool | None,
        at: int,
        offset: int,
        mint: Mint,
        standing: Standing,
        out: Outputs,
        *,
        tell: bool = True,
    ) -> None:
        """An alarm of the gateway itself: ``on`` True or False for a state, None for something that happened once.

        Without ``tell`` it is shown and sent to nobody.
        """
        known = self.alarms.get(name)
        if on is False:
            if known is not None:
                self._alarm_over(name, self.open[known], at, offset, mint, standing, out)
            return
        if known is not None and on:
            return
        row = self._row(mint.id(), offset, Subject(key=f"gateway/{name}", device="gateway"), standing)
        row |= {"rule": name, "pack": GATEWAY_PACK, "severity": SEVERITY.get(name, "critical"), "since": at}
        row |= {"fired_at": at, "state": "active", "reason": name}
        self.alarms[name] = row["id"]
        self._keep(row, out)
        self._transition(row, "fired", "", at, at, offset, mint, None, out)
        if tell:
            self._tell(row, "fired", at, offset, mint, standing, out)
        if on is None:
            self._alarm_over(name, row, at, offset, mint, standing, out, tell=False)

    def _alarm_over(  # noqa: PLR0917 - likewise
        self,
        name: str,
        row: dict[str, Any],
        at: int,
        offset: int,
        mint: Mint,
        standing: Standing,
        out: Outputs,
        *,
        tell: bool = True,
    ) -> None:
        before = row["state"]
        row |= {"state": "returned", "cleared_at": at}
        del self.alarms[name]
        self._keep(row, out)
        self._transition(row, "cleared", before, at, at, offset, mint, None, out)
        if tell:
            self._tell(row, "cleared", at, offset, mint, standing, out)
        self.open.pop(row["id"], None)

    @staticmethod
    def _row(alert: str, offset: int, subject: Subject, standing: Standing) -> dict[str, Any]:
        return {
            "id": alert,
            "offset": offset,
            "unit": subject.unit,
            "place": subject.place,
            "grid": subject.grid,
            "device": subject.device,
            "point": subject.point,
            "parameter": subject.parameter,
            "parameter_unit": subject.parameter_unit,
            "value": None,
            "limit_value": None,
            "fired_at": None,
            "cleared_at": None,
            "acknowledged_by": None,
            "version": standing.version,
            "pack_digest": "",
            "registry_version": standing.registry_version,
        }

    def _keep(self, row: dict[str, Any], out: Outputs) -> None:
        self.open[row["id"]] = row
        out.alerts[row["id"]] = dict(row)

    @staticmethod
    def _transition(  # noqa: PLR0917 - likewise
        row: dict[str, Any],
        event: str,
        before: str,
        at: int,
        ts: int,
        offset: int,
        mint: Mint,
        copy: str | None,
        out: Outputs,
    ) -> None:
        out.transitions.append(
            {
                "offset": offset,
                "n": mint.n(),
                "alert": row["id"],
                "event": event,
                "from_state": before,
                "to_state": row["state"],
                "reason": row["reason"],
                "at": at,
                "ts": ts,
                "by": f"rule:{row['pack']}/{row['rule']}",
                "value": row["value"],
                "limit_value": row["limit_value"],
                "copy": copy,
            },
        )

    @staticmethod
    def _tell(  # noqa: PLR0917 - likewise
        row: dict[str, Any],
        event: str,
        at: int,
        offset: int,
        mint: Mint,
        standing: Standing,
        out: Outputs,
    ) -> None:
        shown = {name: row[name] for name in ALERT_KEYS}
        for channel in standing.channels:
            n = mint.n()
            out.outbox.append(
                {
                    "offset": offset,
                    "n": n,
                    "channel": channel,
                    "event": event,
                    "key": f"{row['id']}:{offset}:{n}",
                    "body": msgspec.json.encode(shown).decode(),
                    "created_at": at,
                    "state_now": "waiting",
                },
            )


#: The alert as the outside sees it (DESIGN 4.7), in that order.
ALERT_KEYS = (
    "id",
    "rule",
    "pack",
    "severity",
    "state",
    "unit",
    "place",
    "device",
    "point",
    "parameter",
    "value",
    "limit_value",
    "parameter_unit",
    "since",
    "fired_at",
    "cleared_at",
    "acknowledged_by",
    "reason",
    "offset",
)
