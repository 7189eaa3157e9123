"""Checks that what the state says follows from the ledger: events, their bytes, containers, manifests, alerts.

Reads only, also beside a running gateway. Kinds of faults beside those of ``gateway.ledger_check``:

=======================  ============================================================================================
``row_changed``          an event's row says something else than its entry
``row_without_entry``    an event stands in the state and not in the ledger
``entry_without_row``    an event stands in the ledger and not in the state
``row_unlinked``         an event is not found under what it names
``copy_missing``         the bytes that an event cites are gone
``copy_changed``         the bytes that an event cites do not have their hash
``container_changed``    a container's row is not what its events make of it; likewise ``container_missing`` and
                         ``container_surplus``, and the same three of manifests
``transition_changed``   a step of an alert says something else than its entry; likewise ``transition_without_entry``
                         and ``entry_without_transition``
``alert_changed``        an alert is not what its steps in the ledger make of it; likewise ``alert_missing`` and
                         ``alert_surplus``
``unread``               a container or manifest cannot be compared: one of its events cannot be read
=======================  ============================================================================================

Not compared, as the ledger does not hold them: the registry, comments, notices, what an alert waits for (``since``,
shelves, assignments), counters, measured values; and the journal (``hygeia journal fsck``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import msgspec
import sqlalchemy as sa

from custody import fold
from custody.evidence.verify import Key
from custody.fact import Fact, entities
from custody.ledger.note import key_of
from custody.manifest import manifest
from custody.profile import Profile
from custody.profiles import load_profiles, parse_profile
from custody.resolve import tied
from devices.registry import Registry
from gateway import state
from gateway.config import Settings
from gateway.decide.custody_rows import container_row, entry_body, manifest_row
from gateway.decide.facts import event_row
from gateway.decide.history import load_registry
from gateway.errors import StartError, UsageError
from gateway.histories import StateFacts
from gateway.installation import Installation
from gateway.ledger_check import Fault, LedgerCheck, open_reading

#: Told what is checked (``entries, events, containers, manifests, alerts``), how many of it are, and of how many.
Progress = Callable[[str, int, int], None]
_decode = msgspec.msgpack.Decoder(Fact).decode
_STEP = 1000
_TRIES = 20
#: Facts that the fold asked for are remembered while so many containers are checked.
_BATCH = 500
#: Of an alert, as its newest entry has it.
_STANDS = ("rule", "pack", "pack_digest", "severity", "unit", "place", "device", "point", "parameter")
_MOVED = ("event", "from_state", "to_state", "reason", "at", "ts", "by")


def check_installation(settings: Settings, progress: Progress) -> tuple[list[Fault], int]:
    """(every fault, how many entries the ledger has). Raises UsageError, StartError where it cannot be read."""
    installation = Installation(settings.data.dir)
    if not installation.state.exists():
        raise UsageError(f"{installation.folder}: no installation here; allowed: a data folder with state.sqlite3")
    key = installation.ledger_key(settings.ledger.key_file)
    head_file = settings.ledger.head_file or installation.folder / "ledger" / "head"
    engine = sa.create_engine("sqlite://", creator=lambda: open_reading(installation.state))
    try:
        registry = Registry(settings.mqtt.root)
        load_registry(registry, engine, 2**62)
        profiles = {name: parse_profile(text, name) for name, text in load_profiles(settings.profiles).items()}
        with _agreeing(engine, head_file) as (connection, head):
            check = StateCheck(connection, registry, profiles, progress)
            return _checked(connection, partial(_verifier, key), head, check)
    except sa.exc.DatabaseError as error:
        raise StartError(f"{installation.state}: {error.orig}; see docs/operations.md, 'A damaged state'") from error
    finally:
        engine.dispose()


@contextmanager
def _agreeing(engine: sa.Engine, head_file: Path) -> Iterator[tuple[sa.Connection, bytes | None]]:
    """The state, and the head that was kept outside when it was so: a running gateway signs on meanwhile."""
    for _ in range(_TRIES):
        before = head_file.read_bytes() if head_file.exists() else None
        with engine.connect() as connection:
            after = head_file.read_bytes() if head_file.exists() else None
            if before == after:
                yield connection, after
                return
    raise StartError(f"{head_file}: it changed {_TRIES} times while it was read; try again")


def _verifier(key: Any, name: str) -> Key:  # noqa: ANN401 - the private key
    return Key(str(key_of(name, key)))


def _checked(
    connection: sa.Connection, key: Callable[[str], Key], head: bytes | None, check: StateCheck
) -> tuple[list[Fault], int]:
    driver = cast("Any", connection.connection.driver_connection)
    total = connection.exec_driver_sql("SELECT count(*) FROM ledger_entries").scalar_one()
    ledger = LedgerCheck(driver, key, head, lambda done: check.progress("entries", done, total))
    return [*ledger.run(), *check.run()], ledger.size


class StateCheck:
    """One pass over events, containers, manifests and alerts, over one open connection."""

    def __init__(
        self, connection: sa.Connection, registry: Registry, profiles: Mapping[str, Profile], progress: Progress
    ) -> None:
        self._connection = connection
        self._tied: Callable[[str], Sequence[str]] = partial(tied, registry)
        self._profiles = profiles
        self.progress = progress
        self.faults: list[Fault] = []
        first = connection.exec_driver_sql('SELECT min("offset") FROM ledger_entries').scalar()
        # What was decided before there was a ledger stands in none.
        self._first = 2**62 if first is None else int(first)

    def run(self) -> list[Fault]:
        """Every fault."""
        self._events()
        self._containers()
        self._manifests()
        self._alerts()
        return self.faults

    def _fault(self, kind: str, entry: int | None, detail: str) -> None:
        self.faults.append(Fault(kind, entry, detail))

    def _events(self) -> None:
        table, copies = state.custody_events, state.copies
        total = self._count(table)
        known = {
            int(idx): bytes(raw)
            for idx, raw in self._connection.exec_driver_sql(
                "SELECT idx, bytes FROM ledger_entries WHERE kind = 'custody' ORDER BY idx"
            )
        }
        query = (
            sa.select(table, copies.c.bytes)
            .join(copies, copies.c.sha256 == table.c.copy, isouter=True)
            .where(sa.func.max(table.c.offset, table.c.decided) >= self._first)
            .order_by(table.c.offset)
        )
        for done, row in enumerate(self._connection.execute(query).mappings(), 1):
            self._event(dict(row), known)
            if done % _STEP == 0:
                self.progress("events", done, total)
        for idx in known:
            self._fault("entry_without_row", idx, "the event of this entry is not among the events of the state")

    def _event(self, row: dict[str, Any], known: dict[int, bytes]) -> None:
        raw, name = row.pop("bytes"), f"event {row['event_id']} of {row['terminal']}"
        try:
            fact = _decode(row["fact"])
        except (msgspec.DecodeError, TypeError):
            self._fault("row_changed", None, f"{name}: its fact cannot be read")
            return
        entry = known.pop(fact.entry, None)
        if entry is None:
            self._fault("row_without_entry", None, f"{name} has no entry of its own")
            return
        wrong = [key for key, value in event_row(fact).items() if row[key] != value]
        said = _body(entry)
        own = msgspec.json.decode(msgspec.json.encode(entry_body(fact)))
        wrong += [key for key in said if key in own and own[key] != said[key]]
        if wrong:
            self._fault("row_changed", fact.entry, f"{name}: {', '.join(dict.fromkeys(wrong))}")
        if raw is None:
            self._fault("copy_missing", fact.entry, f"{name}: its message {fact.copy} is gone")
        elif sha256(raw).hexdigest() != said.get("raw"):
            self._fault("copy_changed", fact.entry, f"{name}: its message is not the one that the entry names")
        for entity in entities(fact):
            query = 'SELECT 1 FROM custody_links WHERE entity = ? AND ts = ? AND "offset" = ?'
            if self._connection.exec_driver_sql(query, (entity, fact.ts, fact.offset)).first() is None:
                self._fault("row_unlinked", fact.entry, f"{name} is not found under {entity}")

    def _containers(self) -> None:
        rows = self._rows(state.containers)
        texts = self._named("entity NOT LIKE 'manifest:%' AND entity NOT LIKE 'vehicle:%'")
        seen: set[str] = set()
        facts = StateFacts(self._connection, self._tied)
        for done, text in enumerate(texts, 1):
            if done % _BATCH == 0:
                facts = StateFacts(self._connection, self._tied)
                self.progress("containers", done, len(texts))
            found = None
            if text not in seen:
                with self._reading("container", text, rows):
                    found = fold.container(facts, text, self._profiles)
            if found is None:
                continue
            seen |= {text, found.id, *(one.v for one in found.ids)}
            self._same("container", found.id, rows.pop(found.id, None), container_row(found, -1))
        self._left("container", rows)

    def _manifests(self) -> None:
        rows = self._rows(state.manifests)
        names = self._named("entity LIKE 'manifest:%'")
        facts = StateFacts(self._connection, self._tied)
        for done, entity in enumerate(names, 1):
            if done % _BATCH == 0:
                facts = StateFacts(self._connection, self._tied)
                self.progress("manifests", done, len(names))
            name, found = entity.removeprefix("manifest:"), None
            with self._reading("manifest", name, rows):
                found = manifest(facts, name, self._profiles)
            if found is not None:
                self._same("manifest", found.id, rows.pop(found.id, None), manifest_row(found, -1))
        self._left("manifest", rows)

    @contextmanager
    def _reading(self, kind: str, name: str, rows: dict[str, dict[str, Any]]) -> Iterator[None]:
        """Folding facts that somebody may have changed: what they are cannot be told then."""
        try:
            yield
        except (msgspec.DecodeError, RecursionError):
            rows.pop(name, None)
            self._fault("unread", None, f"{kind} {name}: one of its events cannot be read")

    def _same(self, kind: str, name: str, row: dict[str, Any] | None, made: dict[str, Any]) -> None:
        if row is None:
            self._fault(f"{kind}_missing", None, f"{kind} {name} has events and no row")
            return
        wrong = [key for key, value in made.items() if key != "changed" and row[key] != value]
        if wrong:
            words = ", ".join(f"{key} is {row[key]!r}, its events make it {made[key]!r}" for key in wrong)
            self._fault(f"{kind}_changed", None, f"{kind} {name}: {words}")

    def _left(self, kind: str, rows: Mapping[str, dict[str, Any]]) -> None:
        for name in sorted(rows):
            if rows[name]["changed"] >= self._first:
                self._fault(f"{kind}_surplus", None, f"{kind} {name} has a row and no events")

    def _alerts(self) -> None:
        said: dict[str, list[tuple[int, int, dict[str, Any]]]] = defaultdict(list)
        for idx, offset, raw in self._connection.exec_driver_sql(
            "SELECT idx, \"offset\", bytes FROM ledger_entries WHERE kind = 'alert' ORDER BY idx"
        ):
            body = _body(raw)
            said[body.get("alert", "")].append((int(idx), int(offset), body))
        told = {alert: list(steps) for alert, steps in said.items()}
        table = state.transitions
        query = sa.select(table).where(table.c.offset >= self._first).order_by(table.c.offset, table.c.n)
        for row in self._connection.execute(query).mappings():
            self._transition(dict(row), told.get(row["alert"], []))
        for alert, rest in sorted(told.items()):
            for idx, _, body in rest:
                self._fault("entry_without_transition", idx, f"alert {alert}: {body.get('event')} is not in the state")
        rows = self._rows(state.alerts)
        for alert, steps in sorted(said.items()):
            self._alert(alert, rows.pop(alert, None), steps)
        for alert, left in sorted(rows.items()):
            if left["offset"] >= self._first:
                self._fault("alert_surplus", None, f"alert {alert} has a row and no entry")

    def _alert(self, name: str, row: dict[str, Any] | None, steps: Sequence[tuple[int, int, dict[str, Any]]]) -> None:
        """One alert against its entries, the newest last."""
        idx, _, body = steps[-1]
        if row is None:
            self._fault("alert_missing", idx, f"alert {name} has entries and no row")
            return
        wrong = [key for key in _STANDS if row[key] != body.get(key)]
        wrong += [key for key in ("value", "limit_value") if row[key] != _number(body.get(key))]
        wrong += ["state"] if row["state"] != body.get("to_state") else []
        wrong += ["offset"] if row["offset"] >= self._first and row["offset"] != steps[0][1] else []
        fired = [one.get("at") for _, _, one in steps if one.get("event") == "fired"]
        wrong += ["fired_at"] if fired and row["fired_at"] != fired[-1] else []
        whole = row["offset"] >= self._first
        times = {one.get("at") for _, _, one in steps}
        names = {str(one.get("by")).partition(":")[2] or one.get("by") for _, _, one in steps}
        for key, known in (
            ("cleared_at", times),
            ("acknowledged_at", times),
            ("closed_at", times),
            ("acknowledged_by", names),
        ):
            wrong += [key] if whole and row[key] is not None and row[key] not in known else []
        if wrong:
            self._fault("alert_changed", idx, f"alert {name}: {', '.join(wrong)}")

    def _transition(self, row: dict[str, Any], entries: list[tuple[int, int, dict[str, Any]]]) -> None:
        name = f"alert {row['alert']}: {row['event']} of record {row['offset']}"
        if not entries or entries[0][1] != row["offset"]:
            self._fault("transition_without_entry", None, f"{name} has no entry")
            return
        idx, _, body = entries.pop(0)
        wrong = [key for key in _MOVED if row[key] != body.get(key)]
        wrong += [key for key in ("value", "limit_value") if row[key] != _number(body.get(key))]
        if wrong:
            self._fault("transition_changed", idx, f"{name}: {', '.join(wrong)}")

    def _count(self, table: sa.Table) -> int:
        return int(self._connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())

    def _rows(self, table: sa.Table) -> dict[str, dict[str, Any]]:
        return {row["id"]: dict(row) for row in self._connection.execute(sa.select(table)).mappings()}

    def _named(self, which: str) -> list[str]:
        query = f"SELECT DISTINCT entity FROM custody_links WHERE {which} ORDER BY entity"  # noqa: S608 - our own text
        return [str(entity) for (entity,) in self._connection.exec_driver_sql(query)]


def _body(raw: bytes) -> dict[str, Any]:
    """The body of an entry; nothing where it is none (``gateway.ledger_check`` names that)."""
    try:
        entry = msgspec.json.decode(raw)
        body = entry["body"]
    except (msgspec.DecodeError, KeyError, TypeError):
        return {}
    return body if isinstance(body, dict) else {}


def _number(text: object) -> float | None:
    try:
        return None if text is None else float(str(text))
    except ValueError:
        return None
