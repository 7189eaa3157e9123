"""The part of the gateway that needs no network: data folder, state, journal and decide, opened in that order."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog

from alerts.policy import SHIPPED_POLICY, parse_policy
from alerts.rules import PackError, load_packs
from custody.profiles import ProfileError, load_profiles
from gateway import state
from gateway.channels import channel_infos
from gateway.clock import Clock
from gateway.config import Settings
from gateway.database import open_state, upgrade
from gateway.decide.commit import read_cursor
from gateway.decide.decider import Decider
from gateway.decide.outputs import Outputs
from gateway.errors import ConfigurationError, InstallationLockedError
from gateway.handoff import Handoff
from gateway.installation import Installation, Lock
from gateway.journal.record import Kind, json_body
from gateway.journal.writer import Journal
from gateway.report import redelivered_before
from gateway.store.base import TimeSeriesStore

VERSION = version("hygeia-gateway")
log = structlog.get_logger(__name__)

HOUR_MS = 3_600_000
#: A command that works in the folder of a gateway that does not run yet is done after seconds.
LOCK_PATIENCE_S = 10.0


class Core:
    """Holds the lock of the data folder from ``__init__`` until ``close``.

    ``after`` is called in decide's thread after each commit, ``give_up`` where journal or decide cannot go on.
    A command that holds the folder is waited for, a gateway that runs in it is not. Raises StartError,
    InstallationLockedError or JournalDamagedError, and has let everything go then.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        after: Callable[[Outputs], None],
        give_up: Callable[[], None],
        *,
        idle_ticks: bool = True,
        lock_patience_s: float = LOCK_PATIENCE_S,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.installation = Installation(settings.data.dir)
        self.installation.prepare()
        self._lock = _lock(self.installation, lock_patience_s)
        try:
            self._open(after, give_up, idle_ticks=idle_ticks)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, after: Callable[[Outputs], None], give_up: Callable[[], None], *, idle_ticks: bool) -> None:
        self.installation.create_keys()
        self.engine = open_state(self.installation.state)
        upgrade(self.engine)
        self.handoff = Handoff()
        self.journal = Journal.open(
            self.installation.journal,
            self.clock,
            segment_bytes=int(self.settings.journal.segment),
            min_free=int(self.settings.journal.min_free),
            known_durable=self._known_durable(),
            idle_ticks=idle_ticks,
            on_failure=lambda _: give_up(),
        )
        self.decider = Decider(
            engine=self.engine,
            journal=self.journal,
            folder=self.installation.journal,
            key=self.installation.installation_key(),
            root=self.settings.mqtt.root,
            snapshots=self.installation.snapshots,
            handoff=self.handoff,
            after=after,
            give_up=give_up,
        )
        self.decider.load()
        self.redelivered_before = redelivered_before(self.engine)

    @cached_property
    def store(self) -> TimeSeriesStore:
        """The configured store, not yet open. Made when it is asked for: many commands need none, nor its libraries."""
        return make_store(self.settings, self.installation, self.engine)

    def start_record(self) -> None:
        """Write what decisions rest on from now on: version, channels, and the packs where they changed (DESIGN 1)."""
        alerts = self.settings.alerts
        rules, refused = self._rules()
        body: dict[str, Any] = {
            "type": "start",
            "version": VERSION,
            "time_zone": self.settings.time_zone,
            "channels": channel_infos(self.settings),
            "bounds": {"shelf_ms": alerts.shelve_max_h * HOUR_MS, "session_ms": alerts.maintenance_max_h * HOUR_MS},
        }
        fold = self.decider.fold
        old = {"packs": fold.pack_texts, "routing": fold.routing, "profiles": fold.chain.profile_texts}
        body |= {name: found for name, found in rules.items() if found != old[name]}
        self.journal.append(Kind.START, json_body(body))
        if refused != ("rules_refused" in self.decider.fold.alerting.alarms):
            alarm = {"type": "alarm", "alarm": "rules_refused", "state": "on" if refused else "off"}
            self.journal.append(Kind.ALARM, json_body(alarm))

    def _rules(self) -> tuple[dict[str, Any], bool]:
        """Texts of packs, routing file and producer profiles; and whether the old ones stay for faults of the new."""
        alerts, fold = self.settings.alerts, self.decider.fold
        try:
            return {
                "packs": {pack.id: pack.text for pack in load_packs(alerts.packs, self.settings.packs)},
                "routing": routing_text(alerts.routing),
                "profiles": load_profiles(self.settings.profiles),
            }, False
        except (PackError, ProfileError) as error:
            if not fold.pack_texts:
                raise ConfigurationError(error.faults) from error
            for fault in error.faults:
                log.warning("rules, routing or profiles were refused, the old ones stay in force", fault=fault)
            return {}, True

    def close(self) -> None:
        """Close journal and state and let the folder go."""
        self.journal.close()
        self.engine.dispose()
        self._lock.release()

    def _known_durable(self) -> int:
        with self.engine.connect() as connection:
            highest = connection.execute(sa.select(sa.func.max(state.cursors.c.offset))).scalar()
        return max(-1 if highest is None else int(highest), read_cursor(self.engine))


def _lock(installation: Installation, patience_s: float) -> Lock:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return installation.lock()
        except InstallationLockedError as error:
            runtime = installation.read_runtime()
            # What a killed gateway left in runtime.json names another process than the one that holds the lock.
            if (runtime is not None and error.pid in {runtime.pid, None}) or time.monotonic() >= deadline:
                raise
            time.sleep(0.05)


def routing_text(path: Path | None) -> str:
    """The text of a sound routing file, of the one that is shipped without ``path``. Raises PackError."""
    path = path or SHIPPED_POLICY
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PackError([f"alerts.routing: {path} cannot be read ({error}); allowed: a UTF-8 file"]) from error
    parse_policy(text, str(path))
    return text


def make_store(settings: Settings, installation: Installation, engine: sa.Engine) -> TimeSeriesStore:
    """The configured store, not yet open."""
    if settings.timeseries.store == "embedded":
        from gateway.store.embedded import EmbeddedStore  # noqa: PLC0415 - DuckDB and numpy take 0.3 s to load

        return EmbeddedStore(installation.readings)
    from gateway.store.influx import InfluxStore  # noqa: PLC0415 - its client takes a second to load

    return InfluxStore(
        url=settings.influx.url,
        org=settings.influx.org,
        bucket=settings.influx.bucket,
        token=settings.influx.token.get_secret_value(),
        ca=str(settings.influx.ca) if settings.influx.ca else None,
        engine=engine,
    )


def retention_floor(decider: Decider, store_cursor: int) -> int:
    """Below this offset nobody needs the journal any more: all cursors and the newest snapshot are past it."""
    return min(decider.snapshot_offset, decider.cursor, store_cursor)
