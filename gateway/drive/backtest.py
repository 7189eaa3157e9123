"""Rule packs tried over recorded data: which alerts they would have fired. Nothing is written.

A trial is the fold of ``gateway.decide`` in memory over the records of a journal, or over those that a CSV file would
have made (``gateway.drive.sources``). It decides exactly as the gateway would, but for what depends on people and on
the network: commands that handle single alerts, outcomes of notices and alarms of the gateway itself are left out;
maintenance sessions count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from custody.fact import Fact
from custody.known import Remembered
from custody.profiles import shipped
from gateway.decide.fold import Fold, Parked
from gateway.decide.outputs import Outputs
from gateway.drive.firings import Firing
from gateway.drive.sources import Source, Window
from gateway.journal.record import Kind, Record
from gateway.store.base import Telemetry

#: Ids of a trial are seen by nobody.
_KEY = b"backtest"
#: Records between two looks at what they brought.
_BATCH = 2000
#: States in which an alert tells nobody.
_HELD = frozenset({"suppressed", "out_of_service", "shelved"})


class Trial:
    """One set of packs; records go in by ``step``, in order."""

    def __init__(self, texts: Mapping[str, str], source: Source) -> None:
        self._fold = Fold(_KEY, source.root)
        self._fold.registry.load(source.registry.rows(), source.registry.version)
        self._fold.load_packs(dict(texts))
        self._fold.chain.load_profiles(shipped())
        self._lookup = _Remembered()
        self._out = Outputs()
        self._open: dict[str, Firing] = {}
        self.firings: list[Firing] = []
        #: Values taken so far, in the time that is looked at.
        self.readings = 0
        #: Messages that were not taken in that time, by reason.
        self.parked: Counter[str] = Counter()

    @property
    def due(self) -> float:
        """Journal time at which something may happen without a message."""
        return min(self._fold.evaluation.due, self._fold.alerting.desk.due)

    def step(self, record: Record) -> None:
        """Decide one record."""
        self._fold.step(record, self._lookup, self._out)
        if self._out.transitions:
            self._told()

    def settle(self, window: Window) -> None:
        """Forget what the records so far brought, but for what later ones may ask for."""
        self._fold.messages.committed()
        self._lookup.remember(self._out)
        for item in self._out.items:
            if isinstance(item, Telemetry) and window.holds(item.received_at):
                self.readings += sum(len(row.values) for row in item.rows)
        self.parked.update(
            row["reason"] for row in self._out.outcomes if row["fate"] == "parked" and window.holds(row["received_at"])
        )
        self._out.clear()

    def _told(self) -> None:
        for step in self._out.transitions:
            alert = self._out.alerts[step["alert"]]
            if alert["device"] == "gateway":
                continue
            if step["event"] == "fired":
                shown = {name: alert[name] for name in Firing.__struct_fields__ if name in alert}
                shown |= {"value": step["value"], "limit_value": step["limit_value"], "cleared_at": None}
                shown |= {"since": alert["since"], "fired_at": step["at"], "held": step["to_state"] in _HELD}
                firing = self._open[alert["id"]] = msgspec.convert(shown, Firing)
                self.firings.append(firing)
            elif step["event"] in {"cleared", "closed"} and (over := self._open.pop(alert["id"], None)) is not None:
                over.cleared_at, over.until = step["at"], step["ts"]
        self._out.transitions.clear()


class _Remembered:
    """``gateway.decide.fold.Lookup`` without a state: what the records so far brought."""

    def __init__(self) -> None:
        self._events: dict[tuple[str, str], tuple[int, str]] = {}
        self._parked: dict[int, Parked] = {}
        self._custody = Remembered()
        self._speaking: dict[str, list[Fact]] = {}

    def remember(self, out: Outputs) -> None:
        for row in out.custody_events:
            self._events.setdefault((row["terminal"], row["event_id"]), (row["offset"], row["digest"]))
            fact = msgspec.msgpack.decode(row["fact"], type=Fact)
            if fact.of:
                self._speaking.setdefault(fact.of, []).append(fact)
            self._custody.add(fact)
        for row in out.outcomes:
            if row["fate"] == "parked" and row["copy"] is not None and row["reason"] != "too_large":
                self._parked[row["offset"]] = Parked(
                    offset=row["offset"],
                    topic=row["topic"].encode(),
                    received_at=row["received_at"],
                    payload=out.copies[row["copy"]],
                    qos=row["qos"],
                    reason=row["reason"],
                )
        for row in out.redriven:
            self._parked.pop(row["offset"], None)

    def event(self, terminal: str, event_id: str, before: int) -> tuple[int, str] | None:  # noqa: ARG002 - Lookup's
        """See ``Lookup.event``."""
        return self._events.get((terminal, event_id))

    def facts(self, entity: str, since: int | None, until: int | None, before: int) -> list[Fact]:  # noqa: ARG002 - Lookup's
        """See ``Lookup.facts``."""
        return list(self._custody.facts(entity, since, until))

    def named(self, event_id: str, before: int) -> list[Fact]:  # noqa: ARG002 - Lookup's
        """See ``Lookup.named``."""
        return list(self._custody.event(event_id))

    def speaking(self, event_id: str, before: int) -> list[Fact]:  # noqa: ARG002 - Lookup's
        """See ``Lookup.speaking``."""
        return list(self._speaking.get(event_id, ()))

    def head(self, entity: str, size: int) -> tuple[int, bytes] | None:  # noqa: ARG002 - Lookup's
        """See ``Lookup.head``: a trial keeps no ledger, so what it has forgotten begins anew."""
        return None

    def release(self) -> None:
        """See ``Lookup.release``."""

    def parked(self, wanted: dict[str, Any], before: int) -> list[Parked]:
        """See ``Lookup.parked``."""
        found = [one for offset, one in sorted(self._parked.items()) if offset < before]
        if "offsets" in wanted:
            return [one for one in found if one.offset in set(wanted["offsets"])]
        return [one for one in found if wanted.get("reason", one.reason) == one.reason]


def run(source: Source, trials: Sequence[Trial], window: Window, done: Callable[[int], None]) -> None:
    """Put all records through all trials; ``done`` hears how many were since the last time."""
    count = 0
    for record in source.records(lambda: min(trial.due for trial in trials)):
        if window.holds(record.time):
            window.saw(record.time)
        if record.kind == Kind.REDRIVE or count == _BATCH:
            _settle(trials, window)
            done(count)
            count = 0
        for trial in trials:
            trial.step(record)
        count += 1
    _settle(trials, window)
    done(count)
    for trial in trials:
        trial.firings = [one for one in trial.firings if window.holds(one.fired_at)]


def _settle(trials: Sequence[Trial], window: Window) -> None:
    for trial in trials:
        trial.settle(window)
